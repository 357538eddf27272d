/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc/PID/pagemap tells of single pages.
 */
#ifndef PAGEMAP_H
#define PAGEMAP_H

#include <stddef.h>
#include <stdint.h>

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

#endif
