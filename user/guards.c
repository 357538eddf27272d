// SPDX-License-Identifier: GPL-2.0
#include "guards.h"

#include "block.h"

#include "pmemctl.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The kernel says so of the VMA, or, before 6.18, does not say. Markers that
 * exist and show nowhere cannot be looked for.
 */
bool guards_possible(const struct model *model, const struct pmemctl_vma *vma)
{
	if (vma->flags & PMEMCTL_VMA_MAYBE_GUARD)
		return true;
	return !(model->flags & PMEMCTL_PROCESS_TELLS_GUARDS) &&
	       model->witness.marks == GUARD_MARKS_SHOWN && !vma->file;
}

const struct pmemctl_vma *guards_vma(const struct model *model,
				     const struct pmemctl_thread *thread)
{
	const struct pmemctl_vma *vma;

	if (!thread->stack_high || thread->evidence & PMEMCTL_STACK_INITIAL)
		return NULL;
	vma = model_vma(model, thread->stack_high - 1);
	return vma && guards_possible(model, vma) ? vma : NULL;
}

bool guards_wanted(const struct model *model)
{
	for (size_t i = 0; i < model->nr_threads; i++) {
		if (guards_vma(model, &model->threads[i]))
			return true;
	}
	return false;
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* The part of a block that is in a VMA below the one that its descriptor is in */
static bool lower_part(const struct model *model, size_t i, struct range *part)
{
	const struct pmemctl_vma *vma;
	struct range block;

	if (block_of(model, i, &block) != BLOCK_TOLD)
		return false;
	vma = model_vma(model, block.start);
	if (!vma || !guards_possible(model, vma) || vma->end >= model->threads[i].stack_high)
		return false;
	*part = (struct range) { page_down(block.start), vma->end };
	return true;
}

/*
 * Only what lies between a VMA's start and the highest descriptor in it is
 * looked at, and that once, however many threads there are.
 */
int guards_collect(struct model *model, int pagemap)
{
	struct range *parts = malloc((model->nr_threads + 1) * 2 * sizeof(*parts));
	size_t n = 0;
	int ret = 0;

	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct pmemctl_vma *vma = guards_vma(model, &model->threads[i]);

		if (vma)
			parts[n++] = (struct range) { vma->start, model->threads[i].stack_high };
		if (vma && lower_part(model, i, &parts[n]))
			n++;
	}
	qsort(parts, n, sizeof(*parts), by_start);
	for (size_t i = 0, next; i < n && !ret; i = next) {
		uint64_t high = parts[i].end;

		for (next = i + 1; next < n && parts[next].start <= high; next++) {
			if (parts[next].end > high)
				high = parts[next].end;
		}
		ret = pagemap_guards(pagemap, parts[i].start, high, &model->witness.guards);
	}
	free(parts);
	return ret;
}

static bool no_access(const struct pmemctl_vma *vma)
{
	return !(vma->flags & (PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE | PMEMCTL_VMA_EXEC)) &&
	       !vma->file;
}

/* Number of the first marker that ends behind an address */
static size_t ending_after(const struct range_list *markers, uint64_t addr)
{
	size_t from = 0, to = markers->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (markers->list[mid].end <= addr)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

/* The first marker that ends at or behind @addr */
static const struct range *marker_at(const struct range_list *markers, uint64_t addr)
{
	size_t i = ending_after(markers, addr - 1);

	return i < markers->count ? &markers->list[i] : NULL;
}

bool guards_of_block(const struct model *model, const struct range_list *markers,
		     const struct range *block, struct range *guard)
{
	const struct pmemctl_vma *vma = model_vma(model, block->start), *below;
	const struct range *marker = marker_at(markers, block->start);

	*guard = (struct range) { 0 };
	/* one that was made larger may be several VMAs */
	if (vma && no_access(vma)) {
		while (vma + 1 < model->vmas + model->nr_vmas && vma[1].start == vma->end &&
		       no_access(&vma[1]))
			vma++;
		if (vma->end < block->end)
			*guard = (struct range) { block->start, vma->end };
		return false;
	}
	/* one that begins in the block's own first page is its own */
	if (marker && marker->end == block->start)
		marker = marker + 1 < markers->list + markers->count &&
			 marker[1].start == block->start ? marker + 1 : marker;
	if (marker && marker->start <= block->start && marker->end < block->end) {
		*guard = *marker;
		if (guard->end > block->start)
			guard->start = block->start;
		return true;
	}
	below = vma && vma->start == block->start ? model_vma_below(model, vma) : NULL;
	if (below && below->end == block->start && no_access(below) &&
	    below->end - below->start <= block->end - block->start)
		*guard = (struct range) { below->start, below->end };
	return false;
}

const struct range *guards_below(const struct model *model, uint64_t low, uint64_t top)
{
	const struct range_list *guards = &model->witness.guards;
	size_t n = ending_after(guards, top);

	if (!n || guards->list[n - 1].start < low)
		return NULL;
	return &guards->list[n - 1];
}
