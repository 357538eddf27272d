// SPDX-License-Identifier: GPL-2.0
#include "orphans.h"

#include "block.h"
#include "guards.h"
#include "pmemctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sizes of live threads' blocks that are tried where a block's end does not show */
#define SIZES 16

/* In how many pages below the end of its block a descriptor may begin */
#define REACH 2

/* How many of what look like descriptors are asked in a page */
#define CANDIDATES 4

/* What live threads use: sorted by start, @high the highest end up to each */
struct busy {
	struct range *list;
	uint64_t *high;
	size_t count;
};

struct search {
	struct model *model;
	int pagemap;
	int mem;
	struct busy busy;
	const struct range_list *markers;	/* of the VMA at hand */
	uint64_t sizes[SIZES];
	size_t nr_sizes;
	size_t room;
};

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void add_busy(struct busy *busy, uint64_t start, uint64_t size)
{
	if (start && size && start + size > start)
		busy->list[busy->count++] = (struct range) { start, start + size };
}

static int find_busy(struct busy *busy, const struct model *model, const struct stack *stacks)
{
	uint64_t high = 0;

	*busy = (struct busy) {
		.list = calloc(model->nr_threads + 1, 7 * sizeof(*busy->list)),
		.high = calloc(model->nr_threads + 1, 7 * sizeof(*busy->high)),
	};
	if (!busy->list || !busy->high)
		return -ENOMEM;
	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct pmemctl_thread *thread = &model->threads[i];
		const struct stack *stack = &stacks[i];

		add_busy(busy, stack->start, stack->end - stack->start);
		add_busy(busy, stack->guard.start, stack->guard.end - stack->guard.start);
		add_busy(busy, thread->sas_sp, thread->sas_size);
		add_busy(busy, thread->robust_list, 1);
		add_busy(busy, thread->clear_child_tid, 1);
		add_busy(busy, thread->tp, 1);
		add_busy(busy, thread->sp, 1);
	}
	qsort(busy->list, busy->count, sizeof(*busy->list), by_start);
	for (size_t i = 0; i < busy->count; i++) {
		if (busy->list[i].end > high)
			high = busy->list[i].end;
		busy->high[i] = high;
	}
	return 0;
}

static void free_busy(struct busy *busy)
{
	free(busy->list);
	free(busy->high);
}

/* Number of the first range that starts at or above an address */
static size_t busy_from(const struct busy *busy, uint64_t addr)
{
	size_t low = 0, high = busy->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (busy->list[mid].start < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_busy(const struct busy *busy, const struct range *range)
{
	size_t n = busy_from(busy, range->end);

	return n && busy->high[n - 1] > range->start;
}

/* The first that live threads use in a piece of memory; its end if there is none */
static uint64_t first_busy(const struct busy *busy, const struct range *memory)
{
	size_t i = busy_from(busy, memory->start);

	return i < busy->count && busy->list[i].start < memory->end ? busy->list[i].start :
	       memory->end;
}

static void learn_size(struct search *search, uint64_t size)
{
	size_t i = 0;

	while (i < search->nr_sizes && search->sizes[i] != size)
		i++;
	if (i == search->nr_sizes && i < SIZES)
		search->sizes[search->nr_sizes++] = size;
}

/* Of live threads, and glibc's default with a guard of a page */
static void learn_sizes(struct search *search, const struct stack *stacks)
{
	if (search->model->rlimit_stack < UINT64_MAX)
		learn_size(search, page_down(search->model->rlimit_stack) + PAGE);
	for (size_t i = 0; i < search->model->nr_threads; i++) {
		if (stacks[i].guard.end)
			learn_size(search, stacks[i].end - stacks[i].guard.start);
	}
}

/*
 * The ABI for thread-local storage has a descriptor begin with its own address.
 * A list that is empty points to itself, too, but twice.
 */
static bool is_descriptor(const uint64_t *at, uint64_t addr)
{
	return at[0] == addr && at[1] != addr;
}

/* In one page, below @end. Memory may be full of what looks like descriptors */
static uint64_t find_in_page(const struct search *search, uint64_t page, uint64_t end,
			     struct range *block)
{
	uint64_t words[PAGE / sizeof(uint64_t)];
	unsigned int tries = CANDIDATES;

	if (pagemap_page(search->pagemap, page) != PAGE_PRESENT ||
	    pread(search->mem, words, PAGE, page) != (ssize_t)PAGE)
		return 0;
	for (size_t i = ARRAY_SIZE(words) - 2; i && tries; i -= 2) {
		uint64_t addr = page + (i - 2) * sizeof(*words);

		if (addr >= end || !is_descriptor(&words[i - 2], addr))
			continue;
		tries--;
		if (block_find(search->pagemap, search->mem, addr, block) == BLOCK_TOLD &&
		    block->end <= end)
			return addr;
	}
	return 0;
}

/*
 * The highest descriptor in the last pages of a piece of memory which says that
 * its block ends within it. Return: its address, or 0.
 */
static uint64_t find_descriptor(const struct search *search, const struct range *piece,
				struct range *block)
{
	uint64_t page = page_down(piece->end - 1), found = 0;

	for (int i = 0; i < REACH && page >= piece->start && !found; i++, page -= PAGE)
		found = find_in_page(search, page, piece->end, block);
	return found;
}

static int add_orphan(struct search *search, const struct orphan *orphan)
{
	struct witness *witness = &search->model->witness;

	if (witness->nr_orphans == search->room) {
		size_t room = search->room ? search->room * 2 : 16;
		void *list = realloc(witness->orphans, room * sizeof(*orphan));

		if (!list)
			return -ENOMEM;
		witness->orphans = list;
		search->room = room;
	}
	witness->orphans[witness->nr_orphans++] = *orphan;
	return 0;
}

static bool may_hold_stacks(const struct model *model, const struct pmemctl_vma *vma)
{
	const char *name = model_name(model, vma->name);

	return !vma->file && (!name || !strncmp(name, "[anon:", 6)) &&
	       (vma->flags & (PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE)) ==
	       (PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE) &&
	       !(vma->flags & (PMEMCTL_VMA_MAYSHARE | PMEMCTL_VMA_GROWSDOWN |
			       PMEMCTL_VMA_HUGETLB | PMEMCTL_VMA_SHADOW_STACK));
}

/* Whether all of a block is memory that may hold stacks */
static bool is_memory(const struct model *model, const struct range *own)
{
	const struct pmemctl_vma *vma = model_vma(model, own->start);
	const struct pmemctl_vma *end = model->vmas + model->nr_vmas;

	for (; vma && vma < end && may_hold_stacks(model, vma); vma++) {
		if (vma->end >= own->end)
			return true;
		if (vma + 1 == end || vma[1].start != vma->end)
			return false;
	}
	return false;
}

/* Memory in which blocks may lie, and what lies below it */
struct piece {
	struct range memory;
	struct range guard;	/* which ends where @memory begins; or none */
};

/*
 * The block that ends nearest to @piece->memory.end, if there is one that no
 * thread uses; the memory then ends where that begins. Only one with a guard of
 * its own is a stack: memory that a program once gave a thread is the program's.
 */
static int take_block(struct search *search, struct piece *piece, uint64_t end, bool *found)
{
	struct range block, memory = { piece->memory.start, end };
	struct orphan orphan = { .marker = false };
	struct touch touch;
	int ret;

	*found = false;
	if (end < memory.start + PAGE)
		return 0;
	orphan.descriptor = find_descriptor(search, &memory, &block);
	if (!orphan.descriptor)
		return 0;
	orphan.own = block;
	orphan.marker = guards_of_block(search->model, search->markers, &block, &orphan.guard);
	if (orphan.guard.end > block.start)
		orphan.own.start = orphan.guard.end;
	if (!is_memory(search->model, &orphan.own) || is_busy(&search->busy, &orphan.own))
		return 0;
	*found = true;
	piece->memory.end = block.start;
	if (orphan.own.start == block.start)
		return 0;
	ret = pagemap_touched(search->pagemap, page_down(orphan.own.start),
			      page_up(orphan.own.end), &touch);
	orphan.resident = touch.resident;
	return ret ? ret : add_orphan(search, &orphan);
}

/*
 * Blocks lie one upon the other. The highest ends where the piece does, or where
 * a live thread's begins. Or else something else lies above the lowest, which
 * then is as large as others are.
 */
static int search_piece(struct search *search, struct piece *piece)
{
	uint64_t ends[] = { piece->memory.end, first_busy(&search->busy, &piece->memory) };
	bool found = false, again;
	int ret = 0;

	for (size_t i = 0; i < (ends[1] < ends[0] ? 2 : 1) && !found && !ret; i++) {
		ret = take_block(search, piece, ends[i], &found);
		for (again = found; again && !ret; )
			ret = take_block(search, piece, piece->memory.end, &again);
	}
	for (size_t i = 0; i < search->nr_sizes && !found && !ret && piece->guard.end; i++) {
		uint64_t end = piece->guard.start + search->sizes[i];

		if (end < piece->memory.end)
			ret = take_block(search, piece, end, &found);
	}
	return ret;
}

/* The VMA below, if it can be a guard of what begins with this one */
static bool guard_below(const struct model *model, const struct pmemctl_vma *vma,
			struct range *guard)
{
	const struct pmemctl_vma *below = model_vma_below(model, vma);

	if (!below || below->end != vma->start || below->file || below->flags & VMA_ACCESS ||
	    below->end - below->start > vma->end - vma->start)
		return false;
	*guard = (struct range) { below->start, below->end };
	return true;
}

static int search_vma(struct search *search, const struct pmemctl_vma *vma)
{
	struct piece piece = { .memory.start = vma->start };
	struct range_list markers = { 0 };
	int ret = 0;

	search->markers = &markers;
	guard_below(search->model, vma, &piece.guard);
	if (guards_possible(search->model, vma))
		ret = pagemap_guards(search->pagemap, vma->start, vma->end, &markers);
	for (size_t i = 0; i <= markers.count && !ret; i++) {
		piece.memory.end = i < markers.count ? markers.list[i].start : vma->end;
		ret = search_piece(search, &piece);
		if (i < markers.count)
			piece = (struct piece) {
				.memory.start = markers.list[i].end,
				.guard = markers.list[i],
			};
	}
	free(markers.list);
	return ret;
}

static int by_own(const void *a, const void *b)
{
	const struct orphan *x = a, *y = b;

	return x->own.start < y->own.start ? -1 : x->own.start > y->own.start;
}

bool orphans_tellable(const struct model *model)
{
	for (size_t i = 0; i < model->nr_sharers; i++) {
		if (model->sharers[i].relation != PMEMCTL_RELATION_KTHREAD)
			return false;
	}
	return !model->hidden && model->flags & PMEMCTL_PROCESS_ATTACH;
}

int orphans_collect(struct model *model, const struct stack *stacks, int pagemap, int mem)
{
	struct search search = { .model = model, .pagemap = pagemap, .mem = mem };
	unsigned int passes = 0;
	size_t sizes;
	int ret = find_busy(&search.busy, model, stacks);

	learn_sizes(&search, stacks);
	do {
		sizes = search.nr_sizes;
		model->witness.nr_orphans = 0;
		for (size_t i = 0; i < model->nr_vmas && !ret; i++) {
			if (may_hold_stacks(model, &model->vmas[i]))
				ret = search_vma(&search, &model->vmas[i]);
		}
		/* one may tell how large another one is */
		for (size_t i = 0; i < model->witness.nr_orphans && !ret; i++) {
			const struct orphan *orphan = &model->witness.orphans[i];

			if (orphan->guard.end)
				learn_size(&search, orphan->own.end - orphan->guard.start);
		}
	} while (!ret && search.nr_sizes > sizes && ++passes < 3);
	free_busy(&search.busy);
	if (!ret && model->witness.nr_orphans)
		qsort(model->witness.orphans, model->witness.nr_orphans,
		      sizeof(struct orphan), by_own);
	model->witness.orphans_known = !ret;
	return ret;
}

static bool same_vma(const struct model *after, const struct model *before, uint64_t addr)
{
	const struct pmemctl_vma *a = model_vma(before, addr), *b = model_vma(after, addr);

	return a && b && a->start == b->start && a->end == b->end && a->flags == b->flags &&
	       a->file == b->file;
}

int orphans_settle(struct model *after, const struct model *before)
{
	struct witness *witness = &after->witness;
	struct stack *stacks;
	struct busy busy;
	size_t n = 0;
	int ret;

	if (!orphans_tellable(after))
		witness->orphans_known = false;
	if (!witness->orphans_known)
		witness->nr_orphans = 0;
	if (!witness->nr_orphans)
		return 0;
	stacks = calloc(after->nr_threads + 1, sizeof(*stacks));
	if (!stacks || stacks_judge(after, stacks)) {
		free(stacks);
		return -1;
	}
	ret = find_busy(&busy, after, stacks);
	for (size_t i = 0; i < witness->nr_orphans && !ret; i++) {
		const struct orphan *orphan = &witness->orphans[i];

		if (same_vma(after, before, orphan->own.start) &&
		    (!orphan->guard.end || same_vma(after, before, orphan->guard.start)) &&
		    !is_busy(&busy, &orphan->own))
			witness->orphans[n++] = *orphan;
	}
	witness->nr_orphans = n;
	free_busy(&busy);
	free(stacks);
	return ret ? -1 : 0;
}
