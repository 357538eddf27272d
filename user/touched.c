// SPDX-License-Identifier: GPL-2.0
#include "touched.h"

#include <errno.h>
#include <stdlib.h>

/*
 * What glibc leaves of a stack that it keeps for a new thread: 16 KiB below where
 * the thread ended, which is a few frames below its TLS.
 */
#define RESIDUE (32ULL << 10)

#define HUGE (2ULL << 20)

/* A range that a thread has registered: it may be anything, and of any size */
static int look_at(const struct model *model, int pagemap, uint64_t start, uint64_t size,
		   struct touch *touch)
{
	const struct pmemctl_vma *vma = model_vma(model, start);

	if (!size || !vma || size > vma->end - start)
		return 0;
	return pagemap_touched(pagemap, page_down(start), page_up(start + size), touch);
}

static int look(const struct model *model, int pagemap, size_t i, const struct stack *stack,
		struct touches *touches)
{
	const struct pmemctl_thread *thread = &model->threads[i];
	int ret = 0;

	if (stack->claimed) {
		touches->own = (struct range) { stack->start, stack->end };
		ret = pagemap_touched(pagemap, stack->start, stack->end, &touches->stack);
	}
	if (!ret)
		ret = look_at(model, pagemap, thread->sas_sp, thread->sas_size,
			      &touches->altstack);
	if (!ret)
		ret = look_at(model, pagemap, thread->shstk_base, thread->shstk_size,
			      &touches->shadow);
	touches->known = !ret;
	return ret;
}

int touched_collect(struct model *model, const struct stack *stacks, int pagemap)
{
	struct touches *touches = calloc(model->nr_threads + 1, sizeof(*touches));
	int ret = 0;

	if (!touches)
		return -ENOMEM;
	for (size_t i = 0; i < model->nr_threads && !ret; i++)
		ret = look(model, pagemap, i, &stacks[i], &touches[i]);
	free(model->witness.touches);
	model->witness.touches = touches;
	return ret;
}

static void raise_to(struct touch *touch, uint64_t start, uint64_t end, uint64_t sp)
{
	uint64_t page = page_down(sp);

	if (!touch->known || sp < start || sp >= end || (touch->lowest && touch->lowest < page))
		return;
	if (touch->lowest != page && touch->lowest != page + PAGE)
		touch->run_end = page + PAGE;
	touch->lowest = page;
	touch->unsure = false;
}

void touched_raise(struct model *model)
{
	struct witness *witness = &model->witness;

	for (size_t i = 0; witness->touches && i < model->nr_threads; i++) {
		const struct pmemctl_thread *thread = &model->threads[i];
		struct touches *touches = &witness->touches[i];
		const struct pmemctl_vma *vma = model_vma(model, touches->own.start);
		bool grows = vma && vma->flags & PMEMCTL_VMA_GROWSDOWN;

		if (!witness->settled[i] || !touches->known || !stack_sp_exact(thread))
			continue;
		raise_to(&touches->stack, grows ? vma->start : touches->own.start,
			 touches->own.end, thread->sp);
		raise_to(&touches->altstack, thread->sas_sp, thread->sas_sp + thread->sas_size,
			 thread->sp);
	}
}

const struct touches *touched_of(const struct model *model, size_t i, const struct stack *stack)
{
	const struct witness *witness = &model->witness;
	const struct touches *touches;

	if (!witness->touches || !witness->settled || !witness->settled[i])
		return NULL;
	touches = &witness->touches[i];
	/* the main stack may have grown since: what was seen of it holds */
	if (!touches->known || (stack->claimed && (touches->own.end != stack->end ||
						   touches->own.start < stack->start)))
		return NULL;
	return touches;
}

/*
 * All that the 2 MiB of the lowest page hold of the stack is there. A huge page
 * brings all at once, and of others, too, that are one VMA with the stack; it
 * is split when they go, and then shows no more.
 */
static bool may_be_huge(const struct touches *touches, bool initial)
{
	uint64_t low = touches->stack.lowest & -HUGE, high = low + HUGE;

	/* the main stack is a VMA by itself, which holds the whole of a huge page */
	if (initial)
		return touches->stack.lowest == low && touches->stack.run_end >= high;
	if (low < touches->own.start)
		low = touches->own.start;
	if (high > touches->own.end)
		high = touches->own.end;
	return touches->stack.lowest == low && touches->stack.run_end >= high;
}

unsigned int touched_taints(const struct model *model, size_t i, const struct stack *stack)
{
	const struct touches *touches = &model->witness.touches[i];
	const struct touch *touch = &touches->stack;
	const struct pmemctl_vma *vma = model_vma(model, touch->lowest);
	unsigned int taints = 0;

	if (!touch->lowest || !vma)
		return 0;
	if (vma->flags & PMEMCTL_VMA_LOCKED && !(vma->flags & PMEMCTL_VMA_LOCKONFAULT))
		taints |= TAINT_LOCKED;
	/* the main stack is as large as it was ever touched */
	if (touch->whole && !stack->initial)
		taints |= TAINT_PRETOUCHED;
	if (!model->witness.no_huge_pages && !(vma->flags & PMEMCTL_VMA_NOHUGEPAGE) &&
	    may_be_huge(touches, stack->initial))
		taints |= TAINT_HUGE;
	if (model->flags & PMEMCTL_PROCESS_FORKED)
		taints |= TAINT_FORKED;
	if (model->flags & PMEMCTL_PROCESS_THREADS_ENDED && !stack->initial &&
	    stack->end - touch->lowest <= RESIDUE + (stack->end - stack->tls))
		taints |= TAINT_REUSED;
	if (stack->guard_kind == GUARD_JVM)
		taints |= TAINT_PROBED;
	if (touch->unsure)
		taints |= TAINT_MARKED;
	return taints;
}
