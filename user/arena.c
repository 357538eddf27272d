// SPDX-License-Identifier: GPL-2.0
#include "arena.h"

#include "picture.h"

#include <string.h>

#define HEAP (64ULL << 20)	/* HEAP_MAX_SIZE of glibc on 64-bit machines */
#define THRESHOLD (128ULL << 10)	/* DEFAULT_MMAP_THRESHOLD */

/* The lowest bits of the size of a chunk: PREV_INUSE, IS_MMAPPED, NON_MAIN_ARENA */
#define IS_MMAPPED 2

/* Where the arena lies in its first heap: behind struct heap_info, of any version */
#define ARENA_LOW 0x20
#define ARENA_HIGH 0x60

/* A program may have any amount of memory: so many places are looked at, 4 TiB of it */
#define MAX_HEAPS 65536

/* As glibc has it since 2.3; later versions append */
struct heap_info {
	uint64_t ar_ptr;
	uint64_t prev;
	uint64_t size;
	uint64_t mprotect_size;
};

#define NOT_MALLOCS (PMEMCTL_VMA_MAYSHARE | PMEMCTL_VMA_GROWSDOWN | PMEMCTL_VMA_HUGETLB | \
		     PMEMCTL_VMA_SHADOW_STACK | PMEMCTL_VMA_DROPPABLE | \
		     PMEMCTL_VMA_WIPEONFORK)

static bool is_plain(const struct pmemctl_vma *vma, uint64_t access)
{
	return !vma->file && !(vma->flags & NOT_MALLOCS) && (vma->flags & VMA_ACCESS) == access;
}

/* What the heap would be in the snapshot, if there is one at @base */
static bool has_shape(const struct model *model, const struct pmemctl_vma *vma, uint64_t base,
		      uint64_t *used)
{
	const struct pmemctl_vma *next = vma + 1, *end = model->vmas + model->nr_vmas;

	*used = vma->end - base < HEAP ? vma->end : base + HEAP;
	return *used == base + HEAP ||
	       (next < end && next->start == vma->end && next->end >= base + HEAP &&
		is_plain(next, 0));
}

static bool is_arena(uint64_t addr)
{
	return addr % HEAP >= ARENA_LOW && addr % HEAP <= ARENA_HIGH && addr % 16 == 0;
}

/* The first heap of an arena holds it; the others say which was before */
static bool is_heap(const struct heap_info *info, uint64_t base)
{
	bool first = info->ar_ptr - base < HEAP;

	return is_arena(info->ar_ptr) && info->prev % HEAP == 0 && info->prev != base &&
	       first == !info->prev && info->size >= ARENA_LOW &&
	       info->size <= info->mprotect_size && info->mprotect_size <= HEAP &&
	       (info->size | info->mprotect_size) % PAGE == 0;
}

static bool has_glibc(const struct model *model)
{
	for (uint32_t i = 1; i <= model->nr_objects; i++) {
		const char *path = model_name(model, i), *slash = path ? strrchr(path, '/') : NULL;

		if (slash && model_object(model, i)->flags & PMEMCTL_OBJECT_FILE &&
		    !strcmp(slash, "/libc.so.6"))
			return true;
	}
	return false;
}

static int add_heap(struct model *model, const struct use *part, const struct use *rest)
{
	int ret = use_add(&model->witness.uses, part);

	return ret ? ret : use_add(&model->witness.uses, rest);
}

static int add_arena(struct model *model, uint64_t base, uint64_t used)
{
	struct use part = { base, used, KIND_ARENA, 0, "struct heap_info of glibc at its start" };
	struct use rest = { used, base + HEAP, KIND_ARENA_RESERVE, 0,
			    "no access, up to 64 MiB from the start of the arena below" };

	return add_heap(model, &part, &rest);
}

/* The shape alone is no proof: any program may have memory of that shape */
static int add_doubt(struct model *model, uint64_t base, uint64_t used)
{
	struct use part = { base, used, KIND_ANON, 0,
			    "perhaps an arena: at a multiple of 64 MiB, no access up to the next" };
	struct use rest = { used, base + HEAP, KIND_RESERVED, 0,
			    "perhaps of an arena: no access, up to a multiple of 64 MiB" };

	return add_heap(model, &part, &rest);
}

/* @glibc: the process may have arenas. Not so Go, whose own heap looks like one */
static int look_at_heap(struct model *model, const struct peek *peek,
			const struct pmemctl_vma *vma, uint64_t base, bool glibc)
{
	struct heap_info info;
	uint64_t used;

	if (!has_shape(model, vma, base, &used))
		return 0;
	switch (peek_at(peek, base, &info, sizeof(info))) {
	case PEEK_DONE:
		if (!is_heap(&info, base))
			return 0;
		return add_arena(model, base, used);
	case PEEK_AWAY:
		if (!glibc || base != vma->start || used == base + HEAP ||
		    (vma->flags ^ vma[1].flags) & PMEMCTL_VMA_NORESERVE)
			return 0;
		return add_doubt(model, base, used);
	case PEEK_NOTHING:
		break;
	}
	return 0;
}

/* Only threads other than the first one get arenas */
static bool had_threads(const struct model *model)
{
	return model->nr_threads > 1 || model->flags & (PMEMCTL_PROCESS_THREADS_ENDED |
							PMEMCTL_PROCESS_FORKED);
}

int arenas_collect(struct model *model, const struct peek *peek)
{
	bool glibc = has_glibc(model) && had_threads(model) && !model->witness.exe.go;
	unsigned int looks = 0;
	int ret = 0;

	for (size_t i = 0; i < model->nr_vmas && !ret; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];
		uint64_t base = (vma->start + HEAP - 1) & -HEAP;

		if (!is_plain(vma, PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE))
			continue;
		for (; base >= vma->start && base < vma->end && !ret && looks < MAX_HEAPS;
		     base += HEAP, looks++)
			ret = look_at_heap(model, peek, vma, base, glibc);
	}
	use_sort(&model->witness.uses);
	return ret;
}

/*
 * What the size in a header takes of mmap's pages: up to glibc 2.42 all of it, later
 * without the header itself. Return: bytes, 0: it is none of such a chunk.
 */
static uint64_t mapped_size(uint64_t word)
{
	uint64_t size = word & ~15ULL;

	if ((word & 15) != IS_MMAPPED)
		return 0;
	if (size % PAGE == PAGE - 16)
		size += 16;
	return size % PAGE ? 0 : size;
}

uint64_t chunk_at(const struct peek *peek, uint64_t addr, uint64_t end)
{
	uint64_t head[2];

	if (end - addr < THRESHOLD)
		return 0;
	if (peek_words(peek, addr, head, 2)) {
		uint64_t size = mapped_size(head[1]);

		if (!head[0] && size >= THRESHOLD && size <= end - addr)
			return size;
	}
	/* aligned to 32 bytes or more: what is returned lies 16 bytes above the header */
	for (uint64_t align = 32; align <= end - addr; align *= 2) {
		uint64_t head_at = ((addr + sizeof(head) + align - 1) & -align) - sizeof(head);
		uint64_t size;

		if (head_at - addr < 2 * sizeof(head))	/* no chunk is so small */
			head_at += align;
		if (head_at >= end - sizeof(head) || !peek_words(peek, head_at, head, 2))
			continue;
		size = head[0] + (head[1] & ~7ULL);
		if (head[0] == head_at - addr && head[1] & IS_MMAPPED && !(head[1] & 5) &&
		    size % PAGE == 0 && size >= THRESHOLD && size <= end - addr)
			return size;
	}
	return 0;
}
