/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc/PID/pagemap tells of single pages.
 */
#ifndef PAGEMAP_H
#define PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ULL

/** page_up() - the next page boundary */
static inline uint64_t page_up(uint64_t addr)
{
	return (addr + PAGE - 1) & -PAGE;
}

/** page_down() - the page boundary at or below */
static inline uint64_t page_down(uint64_t addr)
{
	return addr & -PAGE;
}

/**
 * struct range - addresses
 * @start: first one
 * @end: first one behind
 */
struct range {
	uint64_t start;
	uint64_t end;
};

/**
 * struct range_list - ranges by ascending address
 * @list: the ranges; the owner frees it
 * @count: how many
 * @room: how many @list has space for
 */
struct range_list {
	struct range *list;
	size_t count;
	size_t room;
};

/**
 * pagemap_guards() - where guard markers lie (MADV_GUARD_INSTALL)
 * @fd: /proc/PID/pagemap, open for reading
 * @start: first address to look at, of a page
 * @end: where to stop
 * @guards: what is found is added; ranges that touch are one
 *
 * Kernels before 6.15 have them, if at all, and do not tell: nothing is found.
 *
 * Return: 0 or -errno.
 */
int pagemap_guards(int fd, uint64_t start, uint64_t end, struct range_list *guards);

/**
 * struct touch - what of a range of addresses was ever touched and not given back
 * @known: it was looked at
 * @lowest: lowest page that is present or swapped out; 0: none is
 * @unsure: that is perhaps a mark of userfaultfd only, and no page
 * @resident: bytes that are present
 * @whole: all of it is present or swapped out
 * @run_end: end of the run of such pages that begins with @lowest
 * @huge: the lowest page is known to be part of a huge page
 */
struct touch {
	bool known;
	uint64_t lowest;
	bool unsure;
	uint64_t resident;
	bool whole;
	uint64_t run_end;
	bool huge;
};

/**
 * pagemap_touched() - look at the pages of a range
 * @fd: /proc/PID/pagemap, open for reading
 * @start: first address to look at, of a page
 * @end: where to stop
 * @touch: filled in
 *
 * Before Linux 6.7 huge pages are not known, and a range of more than 1 GiB is not
 * looked at.
 *
 * Return: 0 or -errno.
 */
int pagemap_touched(int fd, uint64_t start, uint64_t end, struct touch *touch);

/**
 * struct presence - how much of a range is where
 * @least: bytes in memory for certain
 * @most: bytes that may be: where the kernel does not tell a page of zeros from others
 * @swapped: bytes in swap
 */
struct presence {
	uint64_t least;
	uint64_t most;
	uint64_t swapped;
};

/**
 * pagemap_presence() - look at the pages of a range for what the kernel counts
 * @fd: /proc/PID/pagemap, open for reading
 * @start: first address, of any kind
 * @end: where to stop, likewise
 * @file: they are of a file
 * @presence: filled in; of a page that lies in the range in part only, those bytes
 *
 * The page of zeros that memory is which was read and never written is not counted.
 * Linux before 6.7 does not say which it is, nor do many later ones of huge pages.
 *
 * Return: 0 or -errno; -E2BIG: it would be too many pages, before Linux 6.7.
 */
int pagemap_presence(int fd, uint64_t start, uint64_t end, bool file,
		     struct presence *presence);

/** enum page_state - where a page is */
enum page_state {
	PAGE_ABSENT,	/* nowhere: never touched, or given back */
	PAGE_PRESENT,
	PAGE_SWAPPED
};

/**
 * pagemap_page() - where a page is
 * @fd: /proc/PID/pagemap, open for reading
 * @addr: of the page
 */
enum page_state pagemap_page(int fd, uint64_t addr);

/**
 * pagemap_entries() - every entry of a range, as the kernel has it
 * @fd: /proc/PID/pagemap, open for reading
 * @start: first address, of a page
 * @end: where to stop
 * @fn: gets the address of each page and its entry; not 0 stops
 * @data: for @fn
 *
 * Return: 0, also where the address space is gone; -errno, or what @fn returned.
 */
int pagemap_entries(int fd, uint64_t start, uint64_t end,
		    int (*fn)(void *data, uint64_t addr, uint64_t entry), void *data);

/**
 * pagemap_filled() - the ranges that hold pages, without a look at all others
 * @fd: /proc/PID/pagemap, open for reading
 * @start: first address, of a page
 * @end: where to stop
 * @fn: gets each range of pages that are present or swapped out, whether all of it is the
 *	page of zeroes that is not to be written to, and whether all of it is of huge pages
 *	that are mapped as such; not 0 stops
 * @data: for @fn
 *
 * Return: 0; -ENOTTY or -EINVAL if the kernel cannot tell, as before 6.7; -errno, or what
 * @fn returned.
 */
int pagemap_filled(int fd, uint64_t start, uint64_t end,
		   int (*fn)(void *data, const struct range *range, bool zero, bool huge),
		   void *data);

/** enum guard_marks - what the running kernel does with guard markers */
enum guard_marks {
	GUARD_MARKS_NONE,	/* it has none: MADV_GUARD_INSTALL is an error */
	GUARD_MARKS_SHOWN,	/* it has them, and pagemap shows them */
	GUARD_MARKS_HIDDEN	/* it has them, and nothing shows them (6.13, 6.14) */
};

/** pagemap_guard_marks() - find out by installing one in this very process */
enum guard_marks pagemap_guard_marks(void);

#endif
