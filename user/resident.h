/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which pages are in memory of the parts of a VMA that has several uses: smaps
 * has one entry for all of it.
 */
#ifndef RESIDENT_H
#define RESIDENT_H

#include <stddef.h>
#include <stdint.h>

struct model;

/**
 * struct resident - what the page tables say of a part
 * @start: first address
 * @end: first address behind it
 * @least: bytes that are in memory for certain
 * @most: bytes that may be: some kernels do not tell a page of zeros, which nobody
 *	counts as resident, from others
 * @swapped: bytes in swap
 *
 * A page that belongs to two parts counts for each with the bytes that it has there.
 */
struct resident {
	uint64_t start;
	uint64_t end;
	uint64_t least;
	uint64_t most;
	uint64_t swapped;
};

/**
 * struct resident_list - parts by ascending address
 * @list: the parts; the owner frees it
 * @count: how many
 */
struct resident_list {
	struct resident *list;
	size_t count;
};

/**
 * resident_collect() - look at the pages of all parts of VMAs
 * @model: a finished model; its witness is filled
 * @pagemap: of the same process
 *
 * Return: 0 or -errno.
 */
int resident_collect(struct model *model, int pagemap);

/**
 * resident_of() - what is known of the pages of a part
 * @model: the model
 * @start: first address of the part
 * @end: first address behind it
 *
 * Return: it, NULL: nothing is.
 */
const struct resident *resident_of(const struct model *model, uint64_t start, uint64_t end);

#endif
