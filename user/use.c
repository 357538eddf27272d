// SPDX-License-Identifier: GPL-2.0
#include "use.h"

#include <errno.h>
#include <stdlib.h>

int use_add(struct use_list *uses, const struct use *use)
{
	if (use->start >= use->end)
		return 0;
	if (uses->count == uses->room) {
		size_t room = uses->room ? uses->room * 2 : 64;
		void *list = realloc(uses->list, room * sizeof(*uses->list));

		if (!list)
			return -ENOMEM;
		uses->list = list;
		uses->room = room;
	}
	uses->list[uses->count++] = *use;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

void use_sort(struct use_list *uses)
{
	size_t n = 0;

	if (uses->count)
		qsort(uses->list, uses->count, sizeof(*uses->list), by_start);
	for (size_t i = 0; i < uses->count; i++) {
		if (!n || uses->list[i].start >= uses->list[n - 1].end)
			uses->list[n++] = uses->list[i];
	}
	uses->count = n;
}

size_t use_from(const struct use_list *uses, uint64_t addr)
{
	size_t low = 0, high = uses->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (uses->list[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
