// SPDX-License-Identifier: GPL-2.0
#include "block.h"

#include "pmemctl.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* No descriptor is larger, no block either; and none begins so low */
#define DESCRIPTOR_MAX PAGE
#define BLOCK_MAX (1ULL << 40)
#define LOWEST 0x10000

/*
 * glibc: stackblock, stackblock_size, guardsize. musl: map_base, map_size, stack,
 * stack_size. For both, start and size are neighbours; what follows must fit.
 */
static bool is_block(const uint64_t *words, uint64_t descriptor, struct range *block)
{
	uint64_t start = words[0], size = words[1], end = start + size;

	if (start < LOWEST || start >= descriptor || size > BLOCK_MAX || end <= descriptor ||
	    end > page_up(descriptor + DESCRIPTOR_MAX))
		return false;
	if (!(words[2] < size && words[2] % PAGE == 0) &&
	    !(words[2] > start && words[2] <= end && words[3] <= size))
		return false;
	*block = (struct range) { start, end };
	return true;
}

enum block_state block_find(int pagemap, int mem, uint64_t descriptor, struct range *block)
{
	uint64_t words[DESCRIPTOR_MAX / sizeof(uint64_t)];
	uint64_t end = descriptor + sizeof(words);
	ssize_t got;

	switch (pagemap_page(pagemap, descriptor)) {
	case PAGE_ABSENT:
		return BLOCK_GONE;
	case PAGE_SWAPPED:
		return BLOCK_SWAPPED;
	case PAGE_PRESENT:
		break;
	}
	if (pagemap_page(pagemap, end - 1) != PAGE_PRESENT)
		end = page_up(descriptor + 1);
	got = pread(mem, words, end - descriptor, descriptor);
	if (got <= 0)
		return BLOCK_GONE;
	for (size_t i = 0; i + 4 <= got / sizeof(*words); i++) {
		if (is_block(&words[i], descriptor, block))
			return BLOCK_TOLD;
	}
	return BLOCK_SILENT;
}

static bool has_descriptor(const struct pmemctl_thread *thread)
{
	return thread->stack_high && !(thread->evidence & PMEMCTL_STACK_INITIAL) &&
	       thread->tp < thread->stack_high && thread->tp >= thread->stack_low;
}

int blocks_collect(struct model *model, int pagemap, int mem)
{
	struct witness *witness = &model->witness;

	if (!witness->blocks)
		witness->blocks = calloc(model->nr_threads + 1, sizeof(*witness->blocks));
	if (!witness->blocks)
		return -ENOMEM;
	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct pmemctl_thread *thread = &model->threads[i];
		struct block *block = &witness->blocks[i];

		if (block->state == BLOCK_NOT_ASKED && has_descriptor(thread))
			block->state = block_find(pagemap, mem, thread->tp, &block->range);
		witness->blocks_told |= block->state == BLOCK_TOLD;
	}
	return 0;
}

enum block_state block_of(const struct model *model, size_t i, struct range *block)
{
	const struct witness *witness = &model->witness;

	if (!witness->blocks)
		return BLOCK_NOT_ASKED;
	*block = witness->blocks[i].range;
	/* glibc's always tell: this is none any more */
	if (witness->blocks[i].state == BLOCK_SILENT && witness->blocks_told &&
	    model->threads[i].evidence & (PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_CTID))
		return BLOCK_GONE;
	return witness->blocks[i].state;
}
