// SPDX-License-Identifier: GPL-2.0
#include "stacks.h"

#include "guards.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096

/* Addresses in the thread's descriptor, which a C library puts into its stack */
#define DESCRIPTOR (PMEMCTL_STACK_TP | PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_CTID)

/*
 * The stack pointer is known and points neither into the thread's range nor
 * into its alternate signal stack: it runs on a stack of its own making. A
 * stale one counts too: it was there when it last entered the kernel.
 */
static bool runs_elsewhere(const struct pmemctl_thread *thread)
{
	switch (thread->reg_state) {
	case PMEMCTL_REGS_BLOCKED:
	case PMEMCTL_REGS_QUEUED:
	case PMEMCTL_REGS_LAST_ENTRY:
		return !(thread->evidence & (PMEMCTL_STACK_SP | PMEMCTL_STACK_SP_ALT));
	}
	return false;
}

/*
 * Is the inaccessible VMA below the block really its guard? A guard is a piece
 * of the block's own anonymous mapping and smaller than what it guards; else it
 * may be what the allocator or the loader left there.
 */
static bool guard_is_its_own(const struct model *model, const struct pmemctl_thread *thread)
{
	const struct pmemctl_vma *vma = model_vma(model, thread->stack_low);
	const struct pmemctl_vma *guard;

	if (!vma || vma == model->vmas || vma->end < thread->stack_high)
		return false;
	guard = vma - 1;
	return guard->end == thread->stack_low && !guard->file && guard->end - guard->start <= thread->stack_high - thread->stack_low;
}

/*
 * Where markers may lie in the VMA, blocks merge into it, those of threads that
 * ended as well: the block begins at the next marker below its descriptor.
 */
static bool find_marker(const struct model *model, const struct pmemctl_thread *thread,
			struct stack *stack)
{
	if (!(thread->evidence & (PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_CTID)))
		return false;
	stack->guard = guards_below(model, thread->stack_low, thread->stack_high - PAGE);
	if (!stack->guard)
		return false;
	stack->start = stack->guard->end;
	return true;
}

static bool find_guard(const struct model *model, size_t i, struct stack *stack)
{
	const struct pmemctl_thread *thread = &model->threads[i];
	const struct pmemctl_vma *vma = model_vma(model, thread->stack_high - 1);

	if (vma && vma->flags & PMEMCTL_VMA_MAYBE_GUARD) {
		/* they were looked for after the snapshot: for a thread that stayed */
		if (!model->settled || !model->settled[i])
			return false;
		if (find_marker(model, thread, stack))
			return true;
	}
	return thread->evidence & DESCRIPTOR && thread->evidence & PMEMCTL_STACK_GUARD &&
	       guard_is_its_own(model, thread);
}

static enum stack_kind judge(const struct model *model, size_t i, struct stack *stack)
{
	const struct pmemctl_thread *thread = &model->threads[i];
	uint32_t evidence = thread->evidence;

	stack->start = thread->stack_low;
	stack->end = thread->stack_high;
	if (thread->flags & (PMEMCTL_THREAD_IO_WORKER | PMEMCTL_THREAD_USER_WORKER))
		return STACK_WORKER;
	if (thread->flags & PMEMCTL_THREAD_NO_MM)
		return STACK_EXITED;
	if (!thread->stack_high)
		return STACK_UNKNOWN;
	if (runs_elsewhere(thread))
		return STACK_SWITCHED;
	if (evidence & PMEMCTL_STACK_INITIAL) {
		if (evidence & PMEMCTL_STACK_SP || thread->flags & PMEMCTL_THREAD_LEADER)
			return STACK_MAIN;
		return STACK_UNKNOWN;
	}
	/* Without a guard below, other memory may be part of the range */
	if (!find_guard(model, i, stack))
		return STACK_UNKNOWN;
	/* In what the module could tell apart, but below the marker */
	if (thread->sp && evidence & PMEMCTL_STACK_SP && thread->sp < stack->start)
		return STACK_SWITCHED;
	return STACK_PTHREAD;
}

static int by_start(const void *a, const void *b)
{
	const struct stack *x = *(struct stack *const *)a, *y = *(struct stack *const *)b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static void forget(struct stack *stack)
{
	stack->claimed = false;
	stack->start = 0;
	stack->end = 0;
	stack->guard = NULL;
}

static void give_up(struct stack *stack)
{
	stack->kind = STACK_UNKNOWN;
	stack->claimed = false;
}

int stacks_judge(const struct model *model, struct stack *stacks)
{
	struct stack **order = malloc((model->nr_threads + 1) * sizeof(*order)), *widest = NULL;
	size_t n = 0;

	if (!order)
		return -1;
	for (size_t i = 0; i < model->nr_threads; i++) {
		struct stack *stack = &stacks[i];

		memset(stack, 0, sizeof(*stack));
		stack->kind = judge(model, i, stack);
		stack->claimed = stack->kind == STACK_MAIN || stack->kind == STACK_PTHREAD;
		if (stack->claimed)
			order[n++] = stack;
		else
			forget(stack);
	}
	qsort(order, n, sizeof(*order), by_start);
	for (size_t i = 0; i < n; i++) {
		if (widest && order[i]->start < widest->end) {
			give_up(order[i]);
			give_up(widest);
		}
		if (!widest || order[i]->end > widest->end)
			widest = order[i];
	}
	free(order);
	return 0;
}

const char *stack_kind_name(enum stack_kind kind)
{
	static const char *const names[] = {
		[STACK_UNKNOWN] = "unknown",
		[STACK_MAIN] = "main",
		[STACK_PTHREAD] = "pthread",
		[STACK_SWITCHED] = "switched",
		[STACK_WORKER] = "worker",
		[STACK_EXITED] = "exited",
	};

	return names[kind];
}
