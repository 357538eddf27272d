// SPDX-License-Identifier: GPL-2.0
#include "peek.h"

#include "pagemap.h"

#include <unistd.h>

enum peek_state peek_at(const struct peek *peek, uint64_t addr, void *to, size_t size)
{
	if (peek->mem < 0)
		return PEEK_AWAY;
	if (!size || addr > INT64_MAX || size > INT64_MAX - addr)
		return PEEK_NOTHING;
	for (uint64_t page = page_down(addr); page < addr + size; page += PAGE) {
		switch (pagemap_page(peek->pagemap, page)) {
		case PAGE_ABSENT:
			return PEEK_NOTHING;
		case PAGE_SWAPPED:
			return PEEK_AWAY;
		case PAGE_PRESENT:
			break;
		}
	}
	return pread(peek->mem, to, size, addr) == (ssize_t)size ? PEEK_DONE : PEEK_NOTHING;
}

bool peek_words(const struct peek *peek, uint64_t addr, uint64_t *to, size_t count)
{
	return peek_at(peek, addr, to, count * sizeof(*to)) == PEEK_DONE;
}
