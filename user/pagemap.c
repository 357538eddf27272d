// SPDX-License-Identifier: GPL-2.0
#include "pagemap.h"

#include "pmemctl.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A program may register 100 TB as a stack: what is looked at entry by entry */
#define ENTRIES_MAX (1ULL << 30)

/* Bits of a pagemap entry, see admin-guide/mm/pagemap */
#define ENTRY_EXCLUSIVE (1ULL << 56)
#define ENTRY_MARKED (1ULL << 57)	/* userfaultfd is to hear of writes */
#define ENTRY_GUARD (1ULL << 58)
#define ENTRY_FILE (1ULL << 61)
#define ENTRY_SWAPPED (1ULL << 62)
#define ENTRY_PRESENT (1ULL << 63)

/* MADV_GUARD_INSTALL of Linux 6.13 */
#define GUARD_INSTALL 102

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

/* Entry by entry, for kernels without the ioctl or without a category of it */
static int each_entry(int fd, uint64_t start, uint64_t end,
		      int (*fn)(void *data, uint64_t addr, uint64_t entry), void *data)
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
			int ret = fn(data, start, entries[i]);

			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Range by range. Return: -ENOTTY or -EINVAL if the kernel cannot do it */
static int each_region(int fd, uint64_t start, uint64_t end, uint64_t any_of, uint64_t tell,
		       int (*fn)(void *data, const struct scan_region *region), void *data)
{
	struct scan_region regions[256];
	struct scan scan = {
		.size = sizeof(scan),
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = ARRAY_SIZE(regions),
		.category_anyof_mask = any_of,
		.return_mask = tell,
	};

	while (start < end) {
		int n;

		scan.start = start;
		n = ioctl(fd, SCAN, &scan);
		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++) {
			int ret = fn(data, &regions[i]);

			if (ret)
				return ret;
		}
		if (scan.walk_end <= start)
			return 0;
		start = scan.walk_end;
	}
	return 0;
}

static bool not_supported(int ret)
{
	return ret == -ENOTTY || ret == -EINVAL;
}

static int add_guard_region(void *data, const struct scan_region *region)
{
	return add(data, region->start, region->end);
}

static int add_guard_entry(void *data, uint64_t addr, uint64_t entry)
{
	return entry & ENTRY_GUARD ? add(data, addr, addr + PAGE) : 0;
}

int pagemap_guards(int fd, uint64_t start, uint64_t end, struct range_list *guards)
{
	int ret = each_region(fd, start, end, IS_GUARD, IS_GUARD, add_guard_region, guards);

	return not_supported(ret) ? each_entry(fd, start, end, add_guard_entry, guards) : ret;
}

/* A range while its pages go by, lowest first */
struct touching {
	struct touch *touch;
	uint64_t bytes;		/* touched */
	bool away;		/* the lowest is not present */
};

static void touch_pages(struct touching *t, uint64_t start, uint64_t end, bool present)
{
	if (!t->touch->lowest) {
		t->touch->lowest = start;
		t->touch->run_end = start;
		t->away = !present;
	}
	if (t->touch->run_end == start)
		t->touch->run_end = end;
	t->bytes += end - start;
	if (present)
		t->touch->resident += end - start;
}

static int touch_region(void *data, const struct scan_region *region)
{
	struct touching *t = data;

	if (region->categories & IS_GUARD)	/* which counts as swapped out, too */
		return 0;
	if (!t->touch->lowest)
		t->touch->huge = region->categories & IS_HUGE;
	touch_pages(t, region->start, region->end, region->categories & IS_PRESENT);
	return 0;
}

static int touch_entry(void *data, uint64_t addr, uint64_t entry)
{
	if (entry & (ENTRY_PRESENT | ENTRY_SWAPPED) && !(entry & ENTRY_GUARD))
		touch_pages(data, addr, addr + PAGE, entry & ENTRY_PRESENT);
	return 0;
}

static int keep_entry(void *data, uint64_t addr, uint64_t entry)
{
	*(uint64_t *)data = entry;
	return 0;
}

/*
 * Where there is no page, a mark of userfaultfd looks like one that is swapped out. Not all
 * kernels that have PAGEMAP_SCAN tell marks by it.
 */
static int doubt(int fd, struct touch *touch)
{
	uint64_t entry = 0;
	int ret = each_entry(fd, touch->lowest, touch->lowest + PAGE, keep_entry, &entry);

	touch->unsure = entry & ENTRY_SWAPPED && entry & ENTRY_MARKED;
	return ret;
}

int pagemap_touched(int fd, uint64_t start, uint64_t end, struct touch *touch)
{
	uint64_t touched = IS_PRESENT | IS_SWAPPED;
	struct touching t = { .touch = touch };
	int ret;

	*touch = (struct touch) { 0 };
	ret = each_region(fd, start, end, touched, touched | IS_HUGE | IS_GUARD, touch_region, &t);
	if (not_supported(ret))	/* before 6.15 */
		ret = each_region(fd, start, end, touched, touched | IS_HUGE, touch_region, &t);
	if (not_supported(ret)) {
		if (end - start > ENTRIES_MAX)
			return 0;
		ret = each_entry(fd, start, end, touch_entry, &t);
	}
	touch->whole = t.bytes == end - start;
	touch->known = true;
	return ret || !t.away ? ret : doubt(fd, touch);
}

/* A range whose presence is looked at */
struct presenting {
	uint64_t start;
	uint64_t end;
	bool file;
	struct presence *presence;
};

/* How much of @start to @end lies within what is looked at */
static uint64_t overlap(const struct presenting *p, uint64_t start, uint64_t end)
{
	if (start < p->start)
		start = p->start;
	if (end > p->end)
		end = p->end;
	return start < end ? end - start : 0;
}

static int present_region(void *data, const struct scan_region *region)
{
	const struct presenting *p = data;
	uint64_t bytes = overlap(p, region->start, region->end);

	if (region->categories & (IS_GUARD | IS_ZERO))
		return 0;
	if (region->categories & IS_SWAPPED)
		p->presence->swapped += bytes;
	if (!(region->categories & IS_PRESENT))
		return 0;
	p->presence->most += bytes;
	/* may be the huge page of zeros */
	if (!(region->categories & IS_HUGE) || p->file)
		p->presence->least += bytes;
	return 0;
}

/*
 * The page of zeros is of no file and exclusively nobody's, but so is a page that is shared
 * since fork(). The huge one looks like one of a file.
 */
static int present_entry(void *data, uint64_t addr, uint64_t entry)
{
	const struct presenting *p = data;
	uint64_t bytes = overlap(p, addr, addr + PAGE);

	if (entry & ENTRY_GUARD)
		return 0;
	if (entry & ENTRY_SWAPPED)
		p->presence->swapped += bytes;
	if (!(entry & ENTRY_PRESENT))
		return 0;
	p->presence->most += bytes;
	if (p->file || (entry & ENTRY_EXCLUSIVE && !(entry & ENTRY_FILE)))
		p->presence->least += bytes;
	return 0;
}

int pagemap_presence(int fd, uint64_t start, uint64_t end, bool file,
		     struct presence *presence)
{
	uint64_t any_of = IS_PRESENT | IS_SWAPPED, tell = any_of | IS_ZERO | IS_HUGE;
	struct presenting p = { start, end, file, presence };
	int ret;

	*presence = (struct presence) { 0 };
	start = page_down(start);
	end = page_up(end);
	ret = each_region(fd, start, end, any_of, tell | IS_GUARD, present_region, &p);
	if (not_supported(ret))	/* before 6.15 */
		ret = each_region(fd, start, end, any_of, tell, present_region, &p);
	if (not_supported(ret))
		ret = end - start > ENTRIES_MAX ? -E2BIG :
		      each_entry(fd, start, end, present_entry, &p);
	return ret;
}

enum page_state pagemap_page(int fd, uint64_t addr)
{
	uint64_t entry = 0;

	addr = page_down(addr);
	if (each_entry(fd, addr, addr + PAGE, keep_entry, &entry) || entry & ENTRY_GUARD)
		return PAGE_ABSENT;
	return entry & ENTRY_PRESENT ? PAGE_PRESENT : entry & ENTRY_SWAPPED ? PAGE_SWAPPED :
	       PAGE_ABSENT;
}

int pagemap_entries(int fd, uint64_t start, uint64_t end,
		    int (*fn)(void *data, uint64_t addr, uint64_t entry), void *data)
{
	return each_entry(fd, start, end, fn, data);
}

struct filled {
	int (*fn)(void *data, const struct range *range, bool zero, bool huge);
	void *data;
};

static int fill_region(void *data, const struct scan_region *region)
{
	const struct filled *filled = data;
	struct range range = { region->start, region->end };

	return filled->fn(filled->data, &range, region->categories & IS_ZERO,
			  region->categories & IS_HUGE);
}

int pagemap_filled(int fd, uint64_t start, uint64_t end,
		   int (*fn)(void *data, const struct range *range, bool zero, bool huge),
		   void *data)
{
	uint64_t filled = IS_PRESENT | IS_SWAPPED;
	struct filled to = { fn, data };

	return each_region(fd, start, end, filled, filled | IS_ZERO | IS_HUGE, fill_region, &to);
}

enum guard_marks pagemap_guard_marks(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	enum guard_marks marks = GUARD_MARKS_NONE;
	struct range_list found = { 0 };
	int fd;

	if (page == MAP_FAILED)
		return GUARD_MARKS_HIDDEN;
	if (!madvise(page, PAGE, GUARD_INSTALL)) {
		fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		marks = GUARD_MARKS_HIDDEN;
		if (fd >= 0 && !pagemap_guards(fd, (uintptr_t)page, (uintptr_t)page + PAGE, &found) &&
		    found.count)
			marks = GUARD_MARKS_SHOWN;
		if (fd >= 0)
			close(fd);
	}
	free(found.list);
	munmap(page, PAGE);
	return marks;
}
