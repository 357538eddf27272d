/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guards that are no VMAs. From glibc 2.42 on Linux 6.13 on, the guard of a
 * thread's stack is a marker in the page tables (MADV_GUARD_INSTALL): it splits
 * no VMA, so that many stacks may lie in one, and only pagemap tells.
 */
#ifndef GUARDS_H
#define GUARDS_H

#include "model.h"

/**
 * guards_wanted() - whether a thread's stack may end at such a marker
 * @model: a finished model
 */
bool guards_wanted(const struct model *model);

/**
 * guards_collect() - find the markers in the VMAs that hold threads' stacks
 * @model: a finished model; @model->guards is filled
 * @pagemap: of the same process
 *
 * Return: 0 or -errno.
 */
int guards_collect(struct model *model, int pagemap);

/**
 * guards_settle() - keep what held still
 * @after: a model taken after @before's guards were collected; gets them, and
 *	in @settled which of its threads they are good for: those that were in
 *	@before, with the same descriptor in the same VMA
 * @before: loses its guards
 *
 * Return: 0, or -1 if there is no memory.
 */
int guards_settle(struct model *after, struct model *before);

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
