/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guards that are no VMAs. From glibc 2.42 on Linux 6.13 on, the guard of a
 * thread's stack is a marker in the page tables (MADV_GUARD_INSTALL): it splits
 * no VMA, so that many stacks may lie in one, and only pagemap tells.
 */
#ifndef GUARDS_H
#define GUARDS_H

#include "model.h"

/** guards_possible() - whether a VMA may hold such markers */
bool guards_possible(const struct model *model, const struct pmemctl_vma *vma);

/**
 * guards_vma() - the VMA with a thread's block, if it may hold such markers
 * @model: a finished model
 * @thread: the thread
 *
 * Return: the VMA, or NULL.
 */
const struct pmemctl_vma *guards_vma(const struct model *model,
				     const struct pmemctl_thread *thread);

/**
 * guards_wanted() - whether a thread's stack may end at such a marker
 * @model: a finished model, @model->witness.marks is set
 */
bool guards_wanted(const struct model *model);

/**
 * guards_collect() - find the markers in the VMAs that hold threads' stacks
 * @model: a finished model; @model->witness.guards is filled
 * @pagemap: of the same process
 *
 * Return: 0 or -errno.
 */
int guards_collect(struct model *model, int pagemap);

/**
 * guards_of_block() - what guards a block of memory whose bounds are known
 * @model: a finished model
 * @markers: the markers around its start
 * @block: the block; its guard is its lowest part, or was put right below it
 * @guard: set to the guard, within the block or below it; empty if there is none
 *
 * Return: whether it is a marker.
 */
bool guards_of_block(const struct model *model, const struct range_list *markers,
		     const struct range *block, struct range *guard);

/**
 * guards_below() - the marker that a thread's stack ends at
 * @model: with guards
 * @low: where the marker may begin at the lowest
 * @top: where it must have ended
 *
 * Return: the highest one, or NULL.
 */
const struct range *guards_below(const struct model *model, uint64_t low, uint64_t top);

#endif
