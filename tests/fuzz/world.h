/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that there is not: its page tables, its memory and its files, as they
 * are read. Reads of these descriptors are answered here; see the Makefile for how.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No real descriptors are so high */
enum world_fd {
	WORLD_PAGEMAP = 1 << 24,	/* /proc/PID/pagemap */
	WORLD_MEM,			/* /proc/PID/mem */
	WORLD_FILE,			/* an ELF file, or the one in /proc that was opened */
	WORLD_STREAM			/* what is read from one end to the other */
};

/* Bits of a pagemap entry, see admin-guide/mm/pagemap */
#define ENTRY_EXCLUSIVE (1ULL << 56)
#define ENTRY_MARKED (1ULL << 57)
#define ENTRY_GUARD (1ULL << 58)
#define ENTRY_FILE (1ULL << 61)
#define ENTRY_SWAPPED (1ULL << 62)
#define ENTRY_PRESENT (1ULL << 63)

#define WORLD_PAGES 16

/**
 * struct world_run - pages that are alike
 * @start: address of the first
 * @end: address behind the last
 * @entry: of each of them in pagemap
 * @zero: they are the page of zeroes
 * @huge: they are a part of a huge page
 * @data: memory of a single page; NULL: zeroes
 */
struct world_run {
	uint64_t start;
	uint64_t end;
	uint64_t entry;
	bool zero;
	bool huge;
	unsigned char *data;
};

/** enum world_scan - what the kernel knows of the ioctl PAGEMAP_SCAN */
enum world_scan {
	SCAN_NONE,		/* before Linux 6.7 */
	SCAN_NO_GUARD,		/* before 6.15 */
	SCAN_ALL
};

/**
 * struct world - all of it
 * @runs: by ascending address, none overlap
 * @nr_runs: how many
 * @scan: enum world_scan
 * @hides_huge_zero: it does not tell a huge page of zeroes from others
 * @piece: how much a read gives at most, bytes; a scan: pages; 0: all
 * @file: content of WORLD_FILE and WORLD_STREAM
 * @file_size: its size
 * @at: where WORLD_STREAM is
 * @calls: how many reads there were
 */
struct world {
	struct world_run runs[WORLD_PAGES];
	size_t nr_runs;
	enum world_scan scan;
	bool hides_huge_zero;
	size_t piece;
	const void *file;
	size_t file_size;
	size_t at;
	unsigned long calls;
};

extern struct world world;

/** world_reset() - an empty one */
void world_reset(void);

/**
 * world_page() - add a page that is present
 * @addr: its address, above all others
 *
 * Return: its memory, zeroes, to be written to; NULL if there are too many.
 */
unsigned char *world_page(uint64_t addr);

/** world_run_at() - the run that holds an address, NULL if none does */
const struct world_run *world_run_at(uint64_t addr);

#endif
