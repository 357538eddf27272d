/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far the stack that execve made can still grow.
 */
#ifndef ROOM_H
#define ROOM_H

#include "model.h"

/** enum room_end - what a stack ends at when it has grown as far as it can */
enum room_end {
	ROOM_UNKNOWN,
	ROOM_RLIMIT,	/* RLIMIT_STACK */
	ROOM_MAPPING,	/* the mapping below, with the gap that the kernel keeps */
	ROOM_GUARD	/* it does not grow: its guard */
};

/**
 * room_below() - the lowest address that a VMA which grows down can have
 * @model: a finished model
 * @vma: the VMA
 * @end: what it is that ends it
 *
 * As expand_downwards() and acct_stack_growth() in the kernel's mm/ have it:
 * no page beyond RLIMIT_STACK, counted from the top of the VMA; and none nearer
 * than stack_guard_gap to memory that can be accessed, other than another stack.
 *
 * Return: the address, at most the start of the VMA.
 */
uint64_t room_below(const struct model *model, const struct pmemctl_vma *vma, enum room_end *end);

#endif
