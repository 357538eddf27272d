/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which rows of a table are shown: judged by its columns of certain names, so that
 * every table that has them can be filtered.
 */
#ifndef FILTER_H
#define FILTER_H

#include "table.h"

#define FILTER_MAX 64

/** enum filter_by - what rows may be judged by */
enum filter_by {
	FILTER_KIND,	/* KIND */
	FILTER_TID,	/* TID */
	FILTER_ADDR,	/* START and END, or STACK_START and STACK_END */
	FILTER_SIZE,	/* SIZE */
	FILTERS
};

/**
 * struct filter - what rows must be like, in each way that was asked for
 * @wanted: bit N: enum filter_by N was
 * @kinds: any of these, as the table calls them
 * @nr_kinds: how many
 * @tids: any of these
 * @nr_tids: how many
 * @start: the lowest address of which a row must have some
 * @last: the highest
 * @min_size: bytes at least
 */
struct filter {
	unsigned int wanted;
	const char *kinds[FILTER_MAX];
	size_t nr_kinds;
	uint64_t tids[FILTER_MAX];
	size_t nr_tids;
	uint64_t start;
	uint64_t last;
	uint64_t min_size;
};

/**
 * struct filter_columns - where in a table a filter looks
 * @kind: NULL: it has none, likewise below
 * @tid: of one thread
 * @start: lowest address
 * @end: first one behind
 * @size: bytes
 */
struct filter_columns {
	const struct column *kind;
	const struct column *tid;
	const struct column *start;
	const struct column *end;
	const struct column *size;
};

/** filter_offered() - whether a table has what rows are to be judged by */
bool filter_offered(const struct table *table, enum filter_by by);

/**
 * filter_kinds() - parse a list of kinds
 * @filter: gets it
 * @table: whose
 * @list: names with commas between, in any case; - or _ for a blank
 *
 * Return: NULL, or where in @list it cannot be understood.
 */
const char *filter_kinds(struct filter *filter, const struct table *table, const char *list);

/**
 * filter_tids() - parse a list of thread ids
 * @filter: gets it
 * @list: numbers with commas between
 *
 * Return: NULL, or where in @list it cannot be understood.
 */
const char *filter_tids(struct filter *filter, const char *list);

/**
 * filter_addr() - parse an address, or a range as in /proc/PID/maps
 * @filter: gets it
 * @range: LOW-HIGH, without HIGH itself, or ADDR; hexadecimal, with or without 0x
 *
 * Return: whether it is one.
 */
bool filter_addr(struct filter *filter, const char *range);

/** filter_size() - let rows of fewer than @min_size bytes be left out */
void filter_size(struct filter *filter, uint64_t min_size);

/** filter_columns() - find the columns of a table that a filter looks at */
void filter_columns(struct filter_columns *columns, const struct table *table);

/**
 * filter_row() - in which ways a row is as wanted
 * @filter: the filter
 * @columns: of the row's table
 * @picture: the picture
 * @row: the row
 * @above: what this returned for the row that it is a part of, else 0: that holds where
 *	its own table has no such column
 *
 * Return: bits as in @filter->wanted; all of them: it is to be shown.
 */
unsigned int filter_row(const struct filter *filter, const struct filter_columns *columns,
			const struct picture *picture, const void *row, unsigned int above);

#endif
