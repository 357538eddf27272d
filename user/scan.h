/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PAGEMAP_SCAN, as <linux/fs.h> has it since Linux 6.7; the headers here may be older.
 */
#ifndef SCAN_H
#define SCAN_H

#include <stdint.h>
#include <sys/ioctl.h>

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
#define IS_FILE (1ULL << 2)
#define IS_PRESENT (1ULL << 3)
#define IS_SWAPPED (1ULL << 4)
#define IS_ZERO (1ULL << 5)
#define IS_HUGE (1ULL << 6)
#define IS_GUARD (1ULL << 8)

#endif
