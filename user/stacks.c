// SPDX-License-Identifier: GPL-2.0
#include "stacks.h"

#include "block.h"
#include "guards.h"

#include <stdlib.h>
#include <string.h>

/* Addresses in the thread's descriptor that the C library has registered */
#define REGISTERED (PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_CTID)
#define DESCRIPTOR (REGISTERED | PMEMCTL_STACK_TP)

/* Judges one process */
struct judge {
	const struct model *model;
	bool jvm;
};

static bool has_jvm(const struct model *model)
{
	static const char name[] = "/libjvm.so";

	for (size_t i = 0; i < model->nr_objects; i++) {
		size_t len = model->names[i] ? strlen(model->names[i]) : 0;

		if (len >= sizeof(name) - 1 &&
		    !strcmp(model->names[i] + len - (sizeof(name) - 1), name))
			return true;
	}
	return false;
}

/*
 * The stack pointer is known and points neither into the thread's range nor
 * into its alternate signal stack: it runs on a stack of its own making. A
 * stale one counts too: it was there when it last entered the kernel.
 */
static bool runs_elsewhere(const struct pmemctl_thread *thread)
{
	return thread->reg_state != PMEMCTL_REGS_NONE &&
	       !(thread->evidence & (PMEMCTL_STACK_SP | PMEMCTL_STACK_SP_ALT));
}

/*
 * Is the inaccessible VMA below the block really its guard? A guard is a piece
 * of the block's own anonymous mapping and smaller than what it guards; else it
 * may be what the allocator or the loader left there.
 */
static const struct pmemctl_vma *own_guard(const struct model *model,
					   const struct pmemctl_thread *thread)
{
	const struct pmemctl_vma *vma = model_vma(model, thread->stack_low), *guard;

	if (!(thread->evidence & PMEMCTL_STACK_GUARD) || !vma || vma->end < thread->stack_high)
		return NULL;
	guard = model_vma_below(model, vma);
	if (!guard || guard->end != thread->stack_low || guard->file ||
	    guard->end - guard->start > thread->stack_high - thread->stack_low)
		return NULL;
	return guard;
}

/*
 * Where markers may lie in the VMA, blocks merge into it, those of threads that
 * ended as well: the block begins at the next marker below its descriptor.
 */
static bool find_marker(const struct model *model, const struct pmemctl_thread *thread,
			struct stack *stack)
{
	const struct range *marker;

	if (!(thread->evidence & REGISTERED))
		return false;
	marker = guards_below(model, thread->stack_low, thread->stack_high - PAGE);
	if (!marker)
		return false;
	stack->start = marker->end;
	stack->guard = *marker;
	return true;
}

/*
 * A Java thread's stack has no guard of the C library's, but zones without access
 * of the virtual machine's own making, of more than a page in all.
 */
static enum guard_kind guard_vma_kind(const struct judge *judge, const struct range *guard)
{
	return judge->jvm && guard->end - guard->start > PAGE ? GUARD_JVM : GUARD_VMA;
}

static enum guard_kind find_guard(const struct judge *judge, size_t i, struct stack *stack)
{
	const struct model *model = judge->model;
	const struct pmemctl_thread *thread = &model->threads[i];
	const struct pmemctl_vma *guard;

	if (guards_vma(model, thread)) {
		/* they were looked for after the snapshot: for a thread that stayed */
		if (!model->witness.settled || !model->witness.settled[i])
			return GUARD_UNKNOWN;
		if (find_marker(model, thread, stack))
			return GUARD_MARKER;
	}
	guard = own_guard(model, thread);
	if (guard) {
		stack->guard = (struct range) { guard->start, guard->end };
		return guard_vma_kind(judge, &stack->guard);
	}
	return model->witness.marks == GUARD_MARKS_HIDDEN ? GUARD_UNKNOWN : GUARD_NONE;
}

/*
 * A leader began on the stack of execve; but one that fork() made is on that of
 * the thread that called it, which only sp can tell.
 */
static bool is_initial(const struct model *model, const struct pmemctl_thread *thread)
{
	return thread->evidence & PMEMCTL_STACK_SP ||
	       (thread->flags & PMEMCTL_THREAD_LEADER && !(model->flags & PMEMCTL_PROCESS_FORKED));
}

static enum stack_kind claim_initial(const struct model *model, struct stack *stack)
{
	const struct pmemctl_vma *vma = model_vma(model, stack->end - 1);

	stack->claimed = true;
	stack->initial = true;
	if (vma)
		stack->limit = room_below(model, vma, &stack->limit_end);
	return STACK_MAIN;
}

/*
 * Whether what the descriptor says, if it says anything, is what the memory looks
 * like: a block that begins with the guard, or right above it. A guard within it
 * is the program's own. One below it is that of another block, and the two are
 * one VMA.
 */
static bool agrees(const struct model *model, size_t i, const struct stack *stack)
{
	struct range block;

	switch (block_of(model, i, &block)) {
	case BLOCK_TOLD:
		return stack->guard.end && block.start <= stack->guard.end &&
		       block.end == stack->end;
	case BLOCK_GONE:
		return false;
	default:
		return true;
	}
}

/*
 * The descriptor knows it better than the VMAs, if it is still the thread's: of
 * a settled thread it was read between two snapshots that have it.
 */
static enum stack_kind claim_block(const struct judge *judge, size_t i, struct stack *stack)
{
	const struct model *model = judge->model;
	bool settled = model->witness.settled && model->witness.settled[i];
	struct range block;
	bool marker;

	/* musl puts its descriptor elsewhere if the program's memory is too small */
	if (block_of(model, i, &block) != BLOCK_TOLD || !settled ||
	    !(model->threads[i].evidence & (REGISTERED | PMEMCTL_STACK_SP))) {
		stack->guard_kind = GUARD_UNKNOWN;
		return STACK_UNKNOWN;
	}
	marker = guards_of_block(model, &model->witness.guards, &block, &stack->guard);
	if (!stack->guard.end && model->witness.marks == GUARD_MARKS_HIDDEN) {
		stack->guard_kind = GUARD_UNKNOWN;
		return STACK_UNKNOWN;
	}
	stack->claimed = true;
	stack->start = stack->guard.end > block.start ? stack->guard.end : block.start;
	stack->end = block.end;
	stack->limit = stack->start;
	if (!stack->guard.end) {
		stack->guard_kind = GUARD_NONE;
		return STACK_USER;
	}
	stack->guard_kind = marker ? GUARD_MARKER : guard_vma_kind(judge, &stack->guard);
	stack->limit_end = ROOM_GUARD;
	return STACK_PTHREAD;
}

bool stacks_disputed(const struct model *model)
{
	struct judge judge = { .model = model };

	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct pmemctl_thread *thread = &model->threads[i];
		struct stack stack = { .start = thread->stack_low, .end = thread->stack_high };

		if (!thread->stack_high || thread->evidence & PMEMCTL_STACK_INITIAL ||
		    guards_vma(model, thread))
			continue;
		stack.guard_kind = find_guard(&judge, i, &stack);
		if (!agrees(model, i, &stack))
			return true;
	}
	return false;
}

/* Several VMAs may be one guard; the descriptor knows where it begins */
static void whole_guard(const struct model *model, size_t i, struct stack *stack)
{
	struct range block, guard;

	if (block_of(model, i, &block) != BLOCK_TOLD)
		return;
	guards_of_block(model, &model->witness.guards, &block, &guard);
	if (guard.end == stack->guard.end)
		stack->guard = guard;
}

/*
 * A thread pointer that nothing else goes with may point anywhere into a stack:
 * then only the end of the VMA can be the top.
 */
static bool top_is_known(const struct model *model, size_t i)
{
	struct range block;

	return model->threads[i].evidence & (REGISTERED | PMEMCTL_STACK_HIGH_VMA) ||
	       block_of(model, i, &block) == BLOCK_TOLD;
}

/* Its own stack, whether it runs there or not */
static enum stack_kind judge_own(const struct judge *judge, size_t i, struct stack *stack)
{
	const struct model *model = judge->model;
	const struct pmemctl_thread *thread = &model->threads[i];
	uint32_t evidence = thread->evidence;

	stack->start = thread->stack_low;
	stack->end = thread->stack_high;
	if (!stack->end)
		return STACK_UNKNOWN;
	if (evidence & PMEMCTL_STACK_INITIAL)
		return is_initial(model, thread) ? claim_initial(model, stack) : STACK_UNKNOWN;

	/* In Go the thread pointer is in the heap: it says nothing of a stack */
	if (!(evidence & (model->witness.exe.go ? REGISTERED : DESCRIPTOR)))
		return STACK_UNKNOWN;
	stack->guard_kind = find_guard(judge, i, stack);
	if (!agrees(model, i, stack))
		return claim_block(judge, i, stack);
	switch (stack->guard_kind) {
	case GUARD_UNKNOWN:
		return STACK_UNKNOWN;
	case GUARD_NONE:
		/* without a guard below, other memory may be part of the range */
		return STACK_USER;
	default:
		if (!top_is_known(model, i))
			return STACK_UNKNOWN;
		whole_guard(model, i, stack);
		stack->claimed = true;
		stack->limit = stack->start;
		stack->limit_end = ROOM_GUARD;
		return STACK_PTHREAD;
	}
}

/*
 * sp itself, if it may be known, against the whole of its own stack: that may
 * consist of more VMAs than the one that the module's evidence is about, or of
 * less, from a marker on.
 */
static bool has_left(const struct pmemctl_thread *thread, const struct stack *stack)
{
	/* the main stack may be about to grow to where sp is already */
	if (stack->claimed && thread->sp)
		return thread->sp < (stack->initial ? stack->limit : stack->start) ||
		       thread->sp >= stack->end;
	return runs_elsewhere(thread);
}

/* What it runs on, which is its own stack unless sp says otherwise */
static enum stack_kind judge_kind(const struct judge *judge, size_t i, struct stack *stack)
{
	const struct pmemctl_thread *thread = &judge->model->threads[i];
	bool go = judge->model->witness.exe.go;
	enum stack_kind own;

	if (thread->flags & (PMEMCTL_THREAD_IO_WORKER | PMEMCTL_THREAD_USER_WORKER))
		return STACK_WORKER;
	/* on its way out, its stack may already be another's */
	if (thread->flags & (PMEMCTL_THREAD_NO_MM | PMEMCTL_THREAD_EXITING))
		return STACK_EXITED;
	own = judge_own(judge, i, stack);
	if (thread->evidence & PMEMCTL_STACK_SP_ALT)
		return STACK_ALTSTACK;
	if (has_left(thread, stack))
		return go ? STACK_GO : own == STACK_UNKNOWN ? STACK_UNKNOWN : STACK_SWITCHED;
	if (own == STACK_UNKNOWN && go && thread->evidence & PMEMCTL_STACK_SP)
		return STACK_GO;
	return own;
}

/* The thread's things are at the top of its stack, except the main thread's */
static uint64_t find_tls(const struct model *model, const struct pmemctl_thread *thread,
			 const struct stack *stack)
{
	uint64_t tls = stack_exe_tls(model, thread);

	if (!tls)
		tls = thread->tp;
	return tls > stack->start && tls < stack->end ? tls : stack->end;
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
	*stack = (struct stack) { .kind = stack->kind, .guard_kind = stack->guard_kind };
}

static void give_up(struct stack *stack)
{
	*stack = (struct stack) { .kind = STACK_UNKNOWN };
}

/* Two threads that claim one range: the evidence of one of them is wrong */
static void settle_overlaps(struct stack **order, size_t n)
{
	struct stack *widest = NULL;
	struct range range = { 0 };

	qsort(order, n, sizeof(*order), by_start);
	for (size_t i = 0; i < n; i++) {
		struct range own = { order[i]->start, order[i]->end };

		if (widest && own.start < range.end) {
			give_up(order[i]);
			give_up(widest);
		}
		if (!widest || own.end > range.end) {
			widest = order[i];
			range = own;
		}
	}
}

int stacks_judge(const struct model *model, struct stack *stacks)
{
	struct stack **order = malloc((model->nr_threads + 1) * sizeof(*order));
	struct judge judge = { .model = model, .jvm = has_jvm(model) };
	size_t n = 0;

	if (!order)
		return -1;
	for (size_t i = 0; i < model->nr_threads; i++) {
		struct stack *stack = &stacks[i];

		memset(stack, 0, sizeof(*stack));
		stack->kind = judge_kind(&judge, i, stack);
		if (stack->claimed) {
			stack->tls = find_tls(model, &model->threads[i], stack);
			order[n++] = stack;
		} else {
			forget(stack);
		}
	}
	settle_overlaps(order, n);
	free(order);
	return 0;
}

bool stack_used(const struct pmemctl_thread *thread, const struct stack *stack, uint64_t *used)
{
	if (!thread->sp)
		return false;
	if (stack->claimed && thread->sp >= stack->start && thread->sp < stack->end) {
		*used = stack->end - thread->sp;
		return stack->kind != STACK_ALTSTACK;
	}
	*used = thread->tp - thread->sp;
	return stack->kind == STACK_USER && thread->evidence & PMEMCTL_STACK_TP &&
	       thread->tp > thread->sp;
}

bool stack_sp_exact(const struct pmemctl_thread *thread)
{
	return thread->reg_state != PMEMCTL_REGS_NONE &&
	       thread->reg_state != PMEMCTL_REGS_LAST_ENTRY;
}

uint64_t stack_exe_tls(const struct model *model, const struct pmemctl_thread *thread)
{
	uint64_t size = model->witness.exe.tls_size;

	return size && thread->tp > size ? thread->tp - size : 0;
}

const char *stack_kind_name(enum stack_kind kind)
{
	static const char *const names[] = {
		[STACK_UNKNOWN] = "unknown",
		[STACK_MAIN] = "main",
		[STACK_PTHREAD] = "pthread",
		[STACK_USER] = "user",
		[STACK_ALTSTACK] = "altstack",
		[STACK_SWITCHED] = "switched",
		[STACK_GO] = "go",
		[STACK_WORKER] = "worker",
		[STACK_EXITED] = "exited",
	};

	return names[kind];
}

const char *guard_kind_name(enum guard_kind kind)
{
	static const char *const names[] = {
		[GUARD_NONE] = "none",
		[GUARD_VMA] = "vma",
		[GUARD_MARKER] = "marker",
		[GUARD_JVM] = "jvm",
	};

	return names[kind];
}
