// SPDX-License-Identifier: GPL-2.0
#include "golang.h"

#include "picture.h"

#define HEAP 0xc000000000ULL
#define ARENA (64ULL << 20)

/* How many places are tried for the heap, if it is not there */
#define MAX_TRIES 256

/* Tables cover all addresses, as Go counts them, from the most negative one up */
#define ADDRESS_BITS 48
#define OFFSET (1ULL << (ADDRESS_BITS - 1))

static bool is_anon(const struct pmemctl_vma *vma)
{
	return !vma->file && !(vma->flags & (PMEMCTL_VMA_MAYSHARE | PMEMCTL_VMA_GROWSDOWN |
					     PMEMCTL_VMA_EXEC | PMEMCTL_VMA_HUGETLB));
}

static bool is_closed(const struct pmemctl_vma *vma)
{
	return is_anon(vma) && !(vma->flags & VMA_ACCESS);
}

/* Number of the first VMA that ends above an address */
static size_t vma_from(const struct model *model, uint64_t addr)
{
	size_t low = 0, high = model->nr_vmas;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (model->vmas[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Names the pieces of a range: what can be accessed, and what cannot */
static int add_range(struct model *model, const struct range *range, int kind, const char *why,
		     const char *why_closed)
{
	size_t i = vma_from(model, range->start);
	int ret = 0;

	for (; i < model->nr_vmas && model->vmas[i].start < range->end && !ret; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];
		struct use use = {
			.start = vma->start > range->start ? vma->start : range->start,
			.end = vma->end < range->end ? vma->end : range->end,
			.kind = is_closed(vma) ? KIND_RESERVED : kind,
			.why = is_closed(vma) ? why_closed : why,
		};

		ret = use_add(&model->witness.uses, &use);
	}
	return ret;
}

/* From its beginning as far as mappings follow without a gap, in whole arenas */
static struct range find_heap(const struct model *model, uint64_t start)
{
	size_t i = vma_from(model, start);
	struct range heap = { start, start };

	for (; i < model->nr_vmas && is_anon(&model->vmas[i]) &&
	     model->vmas[i].start == heap.end; i++)
		heap.end = model->vmas[i].end;
	heap.end -= (heap.end - start) % ARENA;
	return heap;
}

static int add_heap(struct model *model, const struct range *heap)
{
	return add_range(model, heap, KIND_GO_HEAP,
			 "where a program with Go's note has its heap",
			 "no access, up to the end of an arena of Go's heap");
}

/*
 * Whether a VMA is what stands for the heap in a table with 8 bytes for each piece of
 * 2^@shift bytes: the rest of the table has no access then.
 */
static bool is_table(const struct model *model, size_t index, unsigned int shift,
		     const struct range *heap, struct range *table)
{
	const struct pmemctl_vma *vmas = model->vmas;
	uint64_t offset = page_down(((heap->start + OFFSET) >> shift) * 8);
	uint64_t offset_end = page_up((((heap->end - 1 + OFFSET) >> shift) + 1) * 8);
	uint64_t end = vmas[index].end;
	size_t low = index, high = index;

	if (vmas[index].start < offset || end - vmas[index].start != offset_end - offset)
		return false;
	table->start = vmas[index].start - offset;
	table->end = table->start + (8ULL << (ADDRESS_BITS - shift));
	if (end >= table->end)
		return false;
	while (low && vmas[low].start > table->start && is_closed(&vmas[low - 1]) &&
	       vmas[low - 1].end == vmas[low].start)
		low--;
	while (high + 1 < model->nr_vmas && vmas[high].end < table->end &&
	       is_closed(&vmas[high + 1]) && vmas[high + 1].start == vmas[high].end)
		high++;
	return low < index && high > index && vmas[low].start <= table->start &&
	       vmas[high].end >= table->end;
}

/*
 * Tables for pieces of 4 MiB are 512 MiB, and nothing else is like them. Smaller ones
 * are believed only where they continue another.
 */
static int add_tables(struct model *model, const struct range *heap)
{
	static const unsigned int shifts[] = { 22, 25, 28 };
	struct range table;
	uint64_t last = 0;
	int ret = 0;

	for (size_t i = 1; i + 1 < model->nr_vmas && !ret; i++) {
		if (!is_anon(&model->vmas[i]) || is_closed(&model->vmas[i]))
			continue;
		for (size_t k = 0; k < 3; k++) {
			if (!is_table(model, i, shifts[k], heap, &table) ||
			    (k && table.start != last))
				continue;
			ret = add_range(model, &table, KIND_GO_RUNTIME,
					"where a table of Go's page allocator is in use",
					"no access, for a table of Go's page allocator");
			last = table.end;
			break;
		}
	}
	return ret;
}

/*
 * Whether there are tables for pieces of 4 MiB that are about these addresses: one for
 * what is free, and right behind it one for what was given back.
 */
static bool has_tables(const struct model *model, const struct range *heap)
{
	struct range table;
	uint64_t last = 0;

	for (size_t i = 1; i + 1 < model->nr_vmas; i++) {
		if (!is_anon(&model->vmas[i]) || is_closed(&model->vmas[i]) ||
		    !is_table(model, i, 22, heap, &table))
			continue;
		if (table.start == last)
			return true;
		last = table.end;
	}
	return false;
}

/*
 * Go 1.26 draws an address: the one that tables are about. What lies near it may look
 * as if they were about that; then it is not told.
 */
static struct range search_heap(const struct model *model)
{
	struct range found = { 0 };
	unsigned int tries = 0;

	for (size_t i = 0; i < model->nr_vmas && tries < MAX_TRIES; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];
		struct range heap;

		if (!is_anon(vma) || vma->start % ARENA || vma->start < found.end)
			continue;
		tries++;
		heap = find_heap(model, vma->start);
		if (heap.start == heap.end || !has_tables(model, &heap))
			continue;
		if (found.end)
			return (struct range) { 0 };
		found = heap;
	}
	return found;
}

int golang_collect(struct model *model)
{
	struct range heap;
	int ret;

	if (!model->witness.exe.go)
		return 0;
	heap = find_heap(model, HEAP);
	if (heap.start == heap.end)
		heap = search_heap(model);
	if (heap.start == heap.end)
		return 0;
	ret = add_heap(model, &heap);
	if (!ret)
		ret = add_tables(model, &heap);
	use_sort(&model->witness.uses);
	return ret;
}
