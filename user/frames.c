// SPDX-License-Identifier: GPL-2.0
#include "frames.h"

#include "pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bits of a pagemap entry, see admin-guide/mm/pagemap */
#define ENTRY_FRAME ((1ULL << 55) - 1)
#define ENTRY_EXCLUSIVE (1ULL << 56)
#define ENTRY_MARKED (1ULL << 57)	/* userfaultfd is to hear of writes */
#define ENTRY_GUARD (1ULL << 58)
#define ENTRY_FILE (1ULL << 61)
#define ENTRY_SWAPPED (1ULL << 62)
#define ENTRY_PRESENT (1ULL << 63)

/* Of an entry of /proc/kpageflags */
#define KPF_KSM (1ULL << 21)

#define HUGE (2ULL << 20)

/* A program may reserve 100 TB: what is looked at entry by entry */
#define ENTRIES_MAX (1ULL << 40)

/**
 * struct own - what pages of this very process told, once
 * @asked: they were looked at
 * @permitted: frames are told
 * @zero: frame of the page of zeroes
 * @huge_zero: first frame of the huge one, 0: there is none
 */
static struct own {
	bool asked;
	bool permitted;
	uint64_t zero;
	uint64_t huge_zero;
} own;

static int keep_entry(void *data, uint64_t addr, uint64_t entry)
{
	*(uint64_t *)data = entry;
	return 0;
}

static uint64_t frame_at(int pagemap, const volatile char *page)
{
	uint64_t addr = page_down((uintptr_t)page), entry = 0;

	if (pagemap_entries(pagemap, addr, addr + PAGE, keep_entry, &entry) ||
	    !(entry & ENTRY_PRESENT))
		return 0;
	return entry & ENTRY_FRAME;
}

static char *map(size_t size, int advice)
{
	void *to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (to == MAP_FAILED)
		return NULL;
	madvise(to, size, advice);
	return to;
}

/* To read from memory that was never written to maps the page of zeroes, here as anywhere */
static void ask_small(int pagemap)
{
	volatile char *page = map(PAGE, MADV_NOHUGEPAGE);

	if (!page)
		return;
	(void)*page;
	own.zero = frame_at(pagemap, page);
	*page = 1;
	own.permitted = frame_at(pagemap, page);
	munmap((void *)page, PAGE);
}

/* The mapping stays: the huge page of zeroes may move when nobody has it */
static void ask_huge(int pagemap)
{
	char *block = map(2 * HUGE, MADV_HUGEPAGE);
	volatile char *page = (char *)(((uintptr_t)block + HUGE - 1) & -HUGE);
	uint64_t first;

	if (!block)
		return;
	(void)*page;
	first = frame_at(pagemap, page);
	if (first && first != own.zero && frame_at(pagemap, page + PAGE) == first + 1)
		own.huge_zero = first;
	else
		munmap(block, 2 * HUGE);
}

static void ask_own(void)
{
	int pagemap;

	if (own.asked)
		return;
	own.asked = true;
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return;
	ask_small(pagemap);
	if (own.permitted)
		ask_huge(pagemap);
	close(pagemap);
}

bool frames_permitted(void)
{
	ask_own();
	return own.permitted;
}

static bool is_zero(uint64_t frame)
{
	return frame && (frame == own.zero ||
			 (own.huge_zero && frame - own.huge_zero < HUGE / PAGE));
}

/* A range while its pages go by */
struct walk {
	int pagemap;
	int (*fn)(void *data, uint64_t addr, uint64_t frame, unsigned int flags);
	void *data;
	bool zero;	/* the kernel says so of all that comes */
	bool huge;	/* it is of a huge page, or may be */
};

static int take_entry(void *data, uint64_t addr, uint64_t entry)
{
	const struct walk *walk = data;
	unsigned int flags = 0;
	uint64_t frame;

	if (entry & ENTRY_GUARD)
		return 0;
	if (!(entry & ENTRY_PRESENT)) {
		if (!(entry & ENTRY_SWAPPED))
			return 0;
		/* where there is no page, the mark alone looks like one that is swapped out */
		flags = FRAME_SWAPPED | (entry & ENTRY_MARKED ? FRAME_UNSURE : 0);
		return walk->fn(walk->data, addr, 0, flags);
	}
	frame = entry & ENTRY_FRAME;
	if (entry & ENTRY_FILE)
		flags |= FRAME_FILE;
	if (entry & ENTRY_EXCLUSIVE)
		flags |= FRAME_EXCLUSIVE;
	if (walk->huge)
		flags |= FRAME_UNSURE;
	if (frame ? is_zero(frame) : walk->zero)
		flags |= FRAME_ZERO;
	return walk->fn(walk->data, addr, frame, flags);
}

static int take_range(void *data, const struct range *range, bool zero, bool huge)
{
	struct walk *walk = data;

	walk->zero = zero;
	walk->huge = huge;
	return pagemap_entries(walk->pagemap, range->start, range->end, take_entry, walk);
}

/* The entries of addresses that one huge page may have */
struct block {
	uint64_t start;
	uint64_t entries[HUGE / PAGE];
};

static int keep_in_block(void *data, uint64_t addr, uint64_t entry)
{
	struct block *block = data;

	block->entries[(addr - block->start) / PAGE] = entry;
	return 0;
}

/* Those of a huge page are alike, but for their frames, which follow each other */
static bool looks_huge(const struct block *block)
{
	uint64_t expected = block->entries[0];

	if (!(expected & ENTRY_PRESENT))
		return false;
	for (size_t i = 1; i < HUGE / PAGE; i++) {
		expected += expected & ENTRY_FRAME ? 1 : 0;
		if (block->entries[i] != expected)
			return false;
	}
	return true;
}

/* Where nothing tells which pages are huge, as before Linux 6.7 */
static int each_block(struct walk *walk, uint64_t start, uint64_t end)
{
	int ret = 0;

	while (start < end && !ret) {
		struct block block = { .start = start & -HUGE };
		uint64_t stop = block.start + HUGE;

		ret = pagemap_entries(walk->pagemap, block.start, stop, keep_in_block, &block);
		walk->huge = looks_huge(&block);
		for (; start < stop && start < end && !ret; start += PAGE)
			ret = take_entry(walk, start, block.entries[(start - block.start) / PAGE]);
	}
	return ret;
}

int frames_each(int pagemap, uint64_t start, uint64_t end,
		int (*fn)(void *data, uint64_t addr, uint64_t frame, unsigned int flags),
		void *data)
{
	struct walk walk = { .pagemap = pagemap, .fn = fn, .data = data };
	int ret;

	ask_own();
	ret = pagemap_filled(pagemap, start, end, take_range, &walk);
	if (ret != -ENOTTY && ret != -EINVAL)
		return ret;
	if (end - start > ENTRIES_MAX)
		return -EFBIG;
	return each_block(&walk, start, end);
}

bool frame_is_mapped_once(uint64_t frame)
{
	int fd = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	uint64_t count = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	got = pread(fd, &count, sizeof(count), frame * sizeof(count));
	close(fd);
	return got == sizeof(count) && count == 1;
}

bool merged_has(struct merged *merged, uint64_t frame)
{
	ssize_t got;

	if (frame - merged->first >= merged->count) {
		merged->first = frame & -(uint64_t)MERGED_WINDOW;
		got = pread(merged->fd, merged->entries, sizeof(merged->entries),
			    merged->first * sizeof(*merged->entries));
		merged->count = got > 0 ? got / sizeof(*merged->entries) : 0;
	}
	return frame - merged->first < merged->count &&
	       merged->entries[frame - merged->first] & KPF_KSM;
}

/* A page that was never offered to KSM shows whether the answers are worth anything */
static bool tells_lies(struct merged *merged)
{
	volatile char *page = map(PAGE, MADV_UNMERGEABLE);
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t frame = 0;
	bool lies;

	if (page && pagemap >= 0) {
		*page = 1;
		frame = frame_at(pagemap, page);
	}
	lies = !frame || merged_has(merged, frame);
	merged->count = 0;
	if (page)
		munmap((void *)page, PAGE);
	if (pagemap >= 0)
		close(pagemap);
	return lies;
}

int merged_open(struct merged *merged)
{
	memset(merged, 0, sizeof(*merged));
	merged->fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (merged->fd < 0)
		return -errno;
	return tells_lies(merged) ? -EOPNOTSUPP : 0;
}

void merged_close(struct merged *merged)
{
	if (merged->fd >= 0)
		close(merged->fd);
	merged->fd = -1;
}
