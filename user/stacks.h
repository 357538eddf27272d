/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which range of addresses is the stack of a thread, judged by the evidence
 * that the module brings. A range is claimed only where the evidence leaves
 * no other reading.
 */
#ifndef STACKS_H
#define STACKS_H

#include "model.h"

enum stack_kind {
	STACK_UNKNOWN,	/* the evidence is not enough */
	STACK_MAIN,	/* the one that execve made */
	STACK_PTHREAD,	/* a block with the thread's descriptor and a guard below */
	STACK_SWITCHED,	/* the thread has a block, and runs elsewhere */
	STACK_WORKER,	/* a kernel worker: there is none */
	STACK_EXITED	/* the thread has let go of the address space */
};

/**
 * struct stack - what is known of the stack of a thread
 * @kind: how it was judged
 * @claimed: @start and @end are its stack
 * @start: lowest address
 * @end: first address above
 * @guard: the marker in the page tables that it ends at, if it is not a VMA
 */
struct stack {
	enum stack_kind kind;
	bool claimed;
	uint64_t start;
	uint64_t end;
	const struct range *guard;
};

/**
 * stacks_judge() - judge the stacks of all threads
 * @model: a finished model
 * @stacks: one for each thread, in the order of @model->threads; filled in
 *
 * Claimed stacks do not overlap: two that would are both given up.
 *
 * Return: 0, or -1 if there is no memory.
 */
int stacks_judge(const struct model *model, struct stack *stacks);

/** stack_kind_name() - the word for a kind */
const char *stack_kind_name(enum stack_kind kind);

#endif
