// SPDX-License-Identifier: GPL-2.0
#include "guards.h"

#include "pmemctl.h"

#include <errno.h>
#include <stdlib.h>

/* The thread has a block in a VMA that may hold markers */
static const struct pmemctl_vma *block_vma(const struct model *model,
					   const struct pmemctl_thread *thread)
{
	const struct pmemctl_vma *vma;

	if (!thread->stack_high || thread->evidence & PMEMCTL_STACK_INITIAL)
		return NULL;
	vma = model_vma(model, thread->stack_high - 1);
	if (!vma || !(vma->flags & PMEMCTL_VMA_MAYBE_GUARD))
		return NULL;
	return vma;
}

bool guards_wanted(const struct model *model)
{
	for (size_t i = 0; i < model->nr_threads; i++) {
		if (block_vma(model, &model->threads[i]))
			return true;
	}
	return false;
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/*
 * Only what lies between a VMA's start and the highest descriptor in it is
 * looked at, and that once, however many threads there are.
 */
int guards_collect(struct model *model, int pagemap)
{
	struct range *blocks = malloc((model->nr_threads + 1) * sizeof(*blocks));
	size_t n = 0;
	int ret = 0;

	if (!blocks)
		return -ENOMEM;
	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct pmemctl_vma *vma = block_vma(model, &model->threads[i]);

		if (vma)
			blocks[n++] = (struct range) { vma->start, model->threads[i].stack_high };
	}
	qsort(blocks, n, sizeof(*blocks), by_start);
	for (size_t i = 0, next; i < n && !ret; i = next) {
		uint64_t high = blocks[i].end;

		for (next = i; next < n && blocks[next].start == blocks[i].start; next++) {
			if (blocks[next].end > high)
				high = blocks[next].end;
		}
		ret = pagemap_guards(pagemap, blocks[i].start, high, &model->guards);
	}
	free(blocks);
	return ret;
}

static int by_tid(const void *a, const void *b)
{
	const struct pmemctl_thread *x = *(struct pmemctl_thread *const *)a;
	const struct pmemctl_thread *y = *(struct pmemctl_thread *const *)b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static bool unmoved(const struct model *before, const struct pmemctl_thread *was,
		    const struct model *after, const struct pmemctl_thread *is)
{
	const struct pmemctl_vma *a = block_vma(before, was), *b = block_vma(after, is);

	return a && b && a->start == b->start && a->end == b->end &&
	       was->stack_high == is->stack_high && was->robust_list == is->robust_list &&
	       was->clear_child_tid == is->clear_child_tid;
}

int guards_settle(struct model *after, struct model *before)
{
	const struct pmemctl_thread **order = malloc((before->nr_threads + 1) * sizeof(*order));
	bool *settled = calloc(after->nr_threads + 1, sizeof(*settled));

	if (!order || !settled) {
		free(order);
		free(settled);
		return -1;
	}
	for (size_t i = 0; i < before->nr_threads; i++)
		order[i] = &before->threads[i];
	qsort(order, before->nr_threads, sizeof(*order), by_tid);
	for (size_t i = 0; i < after->nr_threads; i++) {
		const struct pmemctl_thread *is = &after->threads[i];
		const struct pmemctl_thread **was = bsearch(&is, order, before->nr_threads,
							    sizeof(*order), by_tid);

		settled[i] = was && unmoved(before, *was, after, is);
	}
	free(order);
	free(after->settled);
	free(after->guards.list);
	after->settled = settled;
	after->guards = before->guards;
	before->guards = (struct range_list) { 0 };
	return 0;
}

const struct range *guards_below(const struct model *model, uint64_t low, uint64_t top)
{
	const struct range_list *guards = &model->guards;
	size_t from = 0, to = guards->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (guards->list[mid].end <= top)
			from = mid + 1;
		else
			to = mid;
	}
	if (!from || guards->list[from - 1].start < low)
		return NULL;
	return &guards->list[from - 1];
}
