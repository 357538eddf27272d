/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How deep each stack ever was: its deepest page that was touched, and why that
 * may not be the truth.
 */
#ifndef TOUCHED_H
#define TOUCHED_H

#include "model.h"
#include "stacks.h"

/** enum taint - why the deepest page may be another one than the thread's deepest */
enum taint {
	TAINT_LOCKED = 1,	/* mlock() or mlockall() has populated it */
	TAINT_PRETOUCHED = 2,	/* every page of the stack is there */
	TAINT_HUGE = 4,		/* it may have come with a huge page */
	TAINT_FORKED = 8,	/* it may be the parent's: fork() without execve() */
	TAINT_REUSED = 16,	/* it may be what the C library kept of an ended thread's */
	TAINT_PROBED = 32,	/* Java touches pages far below sp, to meet its zones early */
	TAINT_MARKED = 64	/* it may be a mark of userfaultfd, and no page */
};

/**
 * touched_collect() - look at the pages of all threads' stacks
 * @model: a finished model; its witness is filled
 * @stacks: of its threads, judged
 * @pagemap: of the same process
 *
 * Return: 0 or -errno.
 */
int touched_collect(struct model *model, const struct stack *stacks, int pagemap);

/**
 * touched_raise() - what registers tell of pages that were looked at before them
 * @model: of the second snapshot, settled
 *
 * A thread may have gone deeper since its pages were looked at: as deep as it
 * is now it has been.
 */
void touched_raise(struct model *model);

/**
 * touched_of() - what is known of a thread's pages
 * @model: the model
 * @i: number of the thread
 * @stack: its stack as it is judged now
 *
 * Return: it, NULL if nothing is.
 */
const struct touches *touched_of(const struct model *model, size_t i, const struct stack *stack);

/**
 * touched_taints() - doubts about the deepest page of a thread's stack
 * @model: the model
 * @i: number of the thread
 * @stack: its stack, claimed, with touched_of() known
 *
 * Return: bits of enum taint.
 */
unsigned int touched_taints(const struct model *model, size_t i, const struct stack *stack);

#endif
