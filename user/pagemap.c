// SPDX-License-Identifier: GPL-2.0
#include "pagemap.h"

#include "pmemctl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGE 4096ULL

/* Bit of a pagemap entry, see admin-guide/mm/pagemap */
#define ENTRY_GUARD (1ULL << 58)

/* The ioctl, as <linux/fs.h> has it since 6.7; the headers here may be older */
struct scan_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct scan {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define SCAN _IOWR('f', 16, struct scan)
#define IS_GUARD (1ULL << 8)

static int add(struct range_list *ranges, uint64_t start, uint64_t end)
{
	struct range *last = ranges->count ? &ranges->list[ranges->count - 1] : NULL;

	if (last && last->end == start) {
		last->end = end;
		return 0;
	}
	if (ranges->count == ranges->room) {
		size_t room = ranges->room ? ranges->room * 2 : 64;
		void *list = realloc(ranges->list, room * sizeof(*ranges->list));

		if (!list)
			return -ENOMEM;
		ranges->list = list;
		ranges->room = room;
	}
	ranges->list[ranges->count++] = (struct range) { start, end };
	return 0;
}

/* Without the ioctl's guard category: entry by entry */
static int read_entries(int fd, uint64_t start, uint64_t end, struct range_list *guards)
{
	uint64_t entries[2048];

	while (start < end) {
		size_t want = (end - start) / PAGE;
		ssize_t got;

		if (want > ARRAY_SIZE(entries))
			want = ARRAY_SIZE(entries);
		got = pread(fd, entries, want * sizeof(*entries), start / PAGE * sizeof(*entries));
		if (got < 0)
			return -errno;
		if (got < (ssize_t)sizeof(*entries))
			return 0;	/* the address space is gone */
		for (size_t i = 0; i < got / sizeof(*entries); i++, start += PAGE) {
			if (entries[i] & ENTRY_GUARD && add(guards, start, start + PAGE))
				return -ENOMEM;
		}
	}
	return 0;
}

int pagemap_guards(int fd, uint64_t start, uint64_t end, struct range_list *guards)
{
	struct scan_region regions[256];
	struct scan scan = {
		.size = sizeof(scan),
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = ARRAY_SIZE(regions),
		.category_mask = IS_GUARD,
		.return_mask = IS_GUARD,
	};

	while (start < end) {
		int n;

		scan.start = start;
		n = ioctl(fd, SCAN, &scan);
		if (n < 0 && (errno == ENOTTY || errno == EINVAL))
			return read_entries(fd, start, end, guards);
		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++) {
			if (add(guards, regions[i].start, regions[i].end))
				return -ENOMEM;
		}
		if (scan.walk_end <= start)
			return 0;
		start = scan.walk_end;
	}
	return 0;
}
