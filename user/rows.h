/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table of a reply as it comes in, chunk by chunk.
 */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>

/**
 * struct rows - a table as far as it has come
 * @data: the rows, in the size this program knows
 * @count: how many
 * @room: how many @data has space for
 * @total: how many the module announced
 * @begun: a chunk has come
 */
struct rows {
	void *data;
	size_t count;
	size_t room;
	uint32_t total;
	bool begun;
};

/**
 * struct row_kind - what a table is made of
 * @name: what its rows are called, for people
 * @size: bytes of one, as this program knows it
 */
struct row_kind {
	const char *name;
	size_t size;
};

/**
 * rows_feed() - takes a chunk
 * @rows: where to; zeroed at first, its data to be freed by the caller
 * @kind: of rows
 * @attr: the chunk
 * @error: why it was refused
 * @room: bytes of @error
 *
 * A field that the module does not send is 0. Return: 0, or -1 with @error set.
 */
int rows_feed(struct rows *rows, const struct row_kind *kind, const struct nlattr *attr,
	      char *error, size_t room);

/**
 * rows_reserve() - make room for more rows
 * @rows: the table
 * @size: bytes of a row
 * @more: how many more must fit
 *
 * Return: 0, or -1 if there is no memory.
 */
int rows_reserve(struct rows *rows, size_t size, size_t more);

#endif
