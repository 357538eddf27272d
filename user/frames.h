/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which physical page is where: whether two pages are one. A frame is only to be
 * compared with others; its number is never to be shown.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** enum frame_flag - what is told of a page without any capability */
enum frame_flag {
	FRAME_FILE = 1,		/* of a file or of shared memory; clear: anonymous */
	FRAME_EXCLUSIVE = 2,	/* nobody else maps it; clear: perhaps somebody does */
	FRAME_SWAPPED = 4,	/* swapped out, or on its way to another place */
	FRAME_ZERO = 8,		/* the one page of zeroes, which counts as nobody's memory */
	FRAME_UNSURE = 16	/* FRAME_EXCLUSIVE, set or clear, is perhaps not of this page; or
				 * FRAME_SWAPPED is perhaps a mark of userfaultfd, and no page */
};

/**
 * frame_is_exclusive() - whether it is certain that nobody else maps a page
 * @flags: bits of enum frame_flag
 *
 * Many kernels judge all of a huge page by its first 4K. After a fork others may have the
 * rest of it, and an own copy of that.
 */
static inline bool frame_is_exclusive(unsigned int flags)
{
	return (flags & (FRAME_EXCLUSIVE | FRAME_UNSURE)) == FRAME_EXCLUSIVE;
}

/**
 * frames_permitted() - whether a pagemap that this process opens, of any process, shows frames
 *
 * It takes CAP_SYS_ADMIN in the initial user namespace, when the file is opened.
 *
 * Return: whether it does; false also where it cannot be found out.
 */
bool frames_permitted(void);

/**
 * frames_each() - every page of a range that is present or swapped out
 * @pagemap: /proc/PID/pagemap, open for reading
 * @start: first address to look at, of a page
 * @end: where to stop
 * @fn: gets each page's address, its frame (0: not told, or swapped out) and bits of enum
 *	frame_flag, by ascending address; not 0 stops
 * @data: for @fn
 *
 * Nothing is faulted in. Without the right to frames FRAME_ZERO does not show before
 * Linux 6.7, nor, on many kernels, for a huge page of zeroes. FRAME_UNSURE has what belongs
 * to a huge page; before 6.7, what may belong to one by its looks.
 *
 * Return: 0; what @fn returned; -EFBIG if the range is larger than 1 TiB and the kernel,
 * before 6.7, has no way to skip what is empty; or another -errno.
 */
int frames_each(int pagemap, uint64_t start, uint64_t end,
		int (*fn)(void *data, uint64_t addr, uint64_t frame, unsigned int flags),
		void *data);

/**
 * frame_is_mapped_once() - whether a page is mapped once, by /proc/kpagecount
 * @frame: of the page, as it is told now
 *
 * Of hugetlb it is no proof: several processes may have one page table.
 *
 * Return: whether it is; false also where that cannot be told.
 */
bool frame_is_mapped_once(uint64_t frame);

#define MERGED_WINDOW 64

/**
 * struct merged - /proc/kpageflags, a piece at a time
 * @fd: it; -1: not to be had
 * @first: frame of the first entry that is at hand
 * @count: how many are
 * @entries: they
 */
struct merged {
	int fd;
	uint64_t first;
	size_t count;
	uint64_t entries[MERGED_WINDOW];
};

/**
 * merged_open() - prepare to ask which pages KSM has merged
 * @merged: filled in; to be released with merged_close() always
 *
 * Return: 0, or -errno: it cannot be told; -EOPNOTSUPP by kernels, such as 6.12, which
 * say so of every anonymous page.
 */
int merged_open(struct merged *merged);

/**
 * merged_has() - whether KSM has merged a page
 * @merged: from merged_open()
 * @frame: of the page
 *
 * Return: whether it has; false also where that cannot be told.
 */
bool merged_has(struct merged *merged, uint64_t frame);

/** merged_close() - releases what merged_open() took */
void merged_close(struct merged *merged);

#endif
