/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ranges of addresses are used for, where more is known of them than what
 * VMAs and threads tell.
 */
#ifndef USE_H
#define USE_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct use - a range of addresses with a use of its own
 * @start: first address
 * @end: first address behind it
 * @kind: enum region_kind
 * @tid: the thread it belongs to, 0: none
 * @why: what that rests on
 */
struct use {
	uint64_t start;
	uint64_t end;
	int kind;
	uint32_t tid;
	const char *why;
};

/**
 * struct use_list - such ranges
 * @list: the ranges; the owner frees it
 * @count: how many
 * @room: how many @list has space for
 */
struct use_list {
	struct use *list;
	size_t count;
	size_t room;
};

/**
 * use_add() - one more, at the end of the list
 * @uses: the list
 * @use: what to add; an empty range is not added
 *
 * Return: 0 or -ENOMEM.
 */
int use_add(struct use_list *uses, const struct use *use);

/**
 * use_sort() - by ascending address
 * @uses: the list; of two that overlap the one that starts later is dropped
 */
void use_sort(struct use_list *uses);

/**
 * use_from() - the first that ends above an address
 * @uses: a sorted list
 * @addr: the address
 *
 * Return: its number, @uses->count if there is none.
 */
size_t use_from(const struct use_list *uses, uint64_t addr);

#endif
