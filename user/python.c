// SPDX-License-Identifier: GPL-2.0
#include "python.h"

#include <string.h>

#define POOL (16ULL << 10)
#define LARGEST 512	/* of small objects */

/* As CPython has it in obmalloc.c, from 3.10 on */
struct pool {
	uint64_t used;
	uint64_t free;
	uint64_t next;
	uint64_t prev;
	uint32_t arena;
	uint32_t size_class;	/* objects of 16 bytes, 32 … */
	uint32_t next_offset;
	uint32_t max_offset;
};

bool python_runs(const struct model *model)
{
	for (uint32_t i = 1; i <= model->nr_objects; i++) {
		const char *path = model_name(model, i), *slash = path ? strrchr(path, '/') : NULL;

		if (slash && (!strncmp(slash, "/python", 7) || !strncmp(slash, "/libpython", 10)))
			return true;
	}
	return false;
}

static bool is_pool(const struct pool *pool, uint64_t addr)
{
	uint64_t size = (pool->size_class + 1ULL) * 16;

	return size <= LARGEST && pool->max_offset == POOL - size &&
	       pool->next_offset >= sizeof(*pool) && pool->next_offset <= POOL &&
	       (pool->next_offset - sizeof(*pool)) % size == 0 &&
	       (uint32_t)pool->used <= POOL / size &&
	       (!pool->free || pool->free - addr < POOL);
}

bool python_arena_at(const struct peek *peek, uint64_t addr)
{
	uint64_t first = (addr + POOL - 1) & -POOL;
	struct pool pool, other;

	if (peek_at(peek, first, &pool, sizeof(pool)) != PEEK_DONE || !is_pool(&pool, first))
		return false;
	for (uint64_t at = first + POOL; at + POOL <= addr + PYTHON_ARENA; at += POOL) {
		switch (peek_at(peek, at, &other, sizeof(other))) {
		case PEEK_DONE:
			/* a page may be there, as a part of a huge one, and unused */
			if (!memcmp(&other, &(struct pool) { 0 }, sizeof(other)))
				break;
			if (!is_pool(&other, at) || other.arena != pool.arena)
				return false;
			break;
		case PEEK_AWAY:
		case PEEK_NOTHING:
			break;
		}
	}
	return true;
}

bool python_frames_at(const struct peek *peek, uint64_t addr)
{
	uint64_t head[4];	/* the one before, size, used by older ones, and nothing */

	return peek_words(peek, addr, head, 4) && !head[0] && head[1] == PYTHON_FRAMES &&
	       head[2] < PYTHON_FRAMES / sizeof(uint64_t) && !head[3];
}
