/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which range of addresses is the stack of a thread, judged by the evidence
 * that the module and /proc bring. A range is claimed only where the evidence
 * leaves no other reading.
 */
#ifndef STACKS_H
#define STACKS_H

#include "model.h"
#include "room.h"

/** enum stack_kind - what kind of stack a thread runs on */
enum stack_kind {
	STACK_UNKNOWN,	/* the evidence is not enough */
	STACK_MAIN,	/* the one that execve made */
	STACK_PTHREAD,	/* a block with the thread's descriptor and a guard below */
	STACK_USER,	/* a descriptor and no guard: any memory of the program's */
	STACK_ALTSTACK,	/* its alternate signal stack */
	STACK_SWITCHED,	/* it has a stack, and runs elsewhere: makecontext, fibers */
	STACK_GO,	/* a piece of the heap of the Go runtime */
	STACK_WORKER,	/* a kernel worker: there is none */
	STACK_EXITED	/* it ends, or has ended: it has none any more */
};

/** enum guard_kind - what keeps a stack from growing into what lies below */
enum guard_kind {
	GUARD_UNKNOWN,
	GUARD_NONE,
	GUARD_VMA,	/* a VMA without access rights */
	GUARD_MARKER,	/* markers in the page tables: MADV_GUARD_INSTALL */
	GUARD_JVM	/* the yellow, red and reserved zones of a Java thread */
};

/**
 * struct stack - what is known of the stack of a thread
 * @kind: what it runs on
 * @claimed: @start and @end are its own stack, on which it was begun
 * @initial: its own stack is the one that execve made
 * @start: lowest address
 * @end: first address above
 * @guard_kind: what lies below @start
 * @guard: the addresses of the guard, if there is one
 * @limit: lowest address that it can ever have
 * @limit_end: what ends it there
 * @tls: lowest address of the thread's things at the top of the stack that is
 *	known: the executable's TLS, or the thread pointer; else @end
 */
struct stack {
	enum stack_kind kind;
	bool claimed;
	bool initial;
	uint64_t start;
	uint64_t end;
	enum guard_kind guard_kind;
	struct range guard;
	uint64_t limit;
	enum room_end limit_end;
	uint64_t tls;
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

/**
 * stack_used() - how much of its own stack a thread uses
 * @thread: the thread
 * @stack: its stack
 * @used: set to the bytes from the top down to sp; of a stack that the program
 *	supplied, whose top is not known, from the thread pointer down
 *
 * Return: whether that is known: not without registers, nor while sp is elsewhere.
 */
bool stack_used(const struct pmemctl_thread *thread, const struct stack *stack, uint64_t *used);

/**
 * stacks_disputed() - whether a descriptor and the VMAs disagree about a stack
 * @model: a finished model, its blocks are asked, and settled for none
 *
 * Then only a second snapshot tells whether one of them is merely late.
 */
bool stacks_disputed(const struct model *model);

/** stack_sp_exact() - whether the registers of a thread are those of the snapshot's time */
bool stack_sp_exact(const struct pmemctl_thread *thread);

/**
 * stack_exe_tls() - where the executable's own TLS begins for a thread
 * @model: the model
 * @thread: the thread
 *
 * It ends at the thread pointer. Return: the address, 0 if there is none or the
 * thread pointer is not known.
 */
uint64_t stack_exe_tls(const struct model *model, const struct pmemctl_thread *thread);

/** stack_kind_name() - the word for a kind */
const char *stack_kind_name(enum stack_kind kind);

/** guard_kind_name() - the word for a kind, NULL if it is not known */
const char *guard_kind_name(enum guard_kind kind);

#endif
