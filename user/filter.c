// SPDX-License-Identifier: GPL-2.0
#include "filter.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void filter_columns(struct filter_columns *columns, const struct table *table)
{
	columns->kind = table_column(table, "KIND");
	columns->tid = table_column(table, "TID");
	columns->start = table_column(table, "START");
	columns->end = table_column(table, "END");
	if (!columns->start || !columns->end) {
		columns->start = table_column(table, "STACK_START");
		columns->end = table_column(table, "STACK_END");
	}
	columns->size = table_column(table, "SIZE");
}

bool filter_offered(const struct table *table, enum filter_by by)
{
	struct filter_columns columns;

	filter_columns(&columns, table);
	switch (by) {
	case FILTER_KIND:
		return columns.kind && table->kind;
	case FILTER_TID:
		return columns.tid;
	case FILTER_ADDR:
		return columns.start && columns.end;
	case FILTER_SIZE:
		return columns.size;
	default:
		return false;
	}
}

/* A kind may be two words, which are bothersome on a command line */
static bool is_kind(const char *kind, const char *word, size_t len)
{
	if (strlen(kind) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = word[i] == '-' || word[i] == '_' ? ' ' : word[i];

		if (tolower((unsigned char)c) != tolower((unsigned char)kind[i]))
			return false;
	}
	return true;
}

static const char *find_kind(const struct table *table, const char *word, size_t len)
{
	const char *kind;

	for (size_t i = 0; (kind = table->kind(i)); i++) {
		if (is_kind(kind, word, len))
			return kind;
	}
	return NULL;
}

const char *filter_kinds(struct filter *filter, const struct table *table, const char *list)
{
	filter->wanted |= 1U << FILTER_KIND;
	filter->nr_kinds = 0;
	for (;;) {
		size_t len = strcspn(list, ",");
		const char *kind = find_kind(table, list, len);

		if (!kind || filter->nr_kinds == FILTER_MAX)
			return list;
		filter->kinds[filter->nr_kinds++] = kind;
		list += len;
		if (!*list++)
			return NULL;
	}
}

const char *filter_tids(struct filter *filter, const char *list)
{
	filter->wanted |= 1U << FILTER_TID;
	filter->nr_tids = 0;
	for (;;) {
		size_t len = strspn(list, "0123456789");
		uint64_t tid = strtoull(list, NULL, 10);

		if (!len || len > 10 || !tid || tid > INT32_MAX || (list[len] && list[len] != ',') ||
		    filter->nr_tids == FILTER_MAX)
			return list;
		filter->tids[filter->nr_tids++] = tid;
		list += len;
		if (!*list++)
			return NULL;
	}
}

/* Return: behind the digits, NULL: they are none, or too many */
static const char *hex(const char *s, uint64_t *value)
{
	size_t len;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	len = strspn(s, "0123456789abcdefABCDEF");
	if (!len || strspn(s, "0") + 16 < len)
		return NULL;
	*value = strtoull(s, NULL, 16);
	return s + len;
}

bool filter_addr(struct filter *filter, const char *range)
{
	uint64_t end;

	filter->wanted |= 1U << FILTER_ADDR;
	range = hex(range, &filter->start);
	if (!range)
		return false;
	filter->last = filter->start;
	if (!*range)
		return true;
	if (*range != '-')
		return false;
	range = hex(range + 1, &end);
	if (!range || *range || end <= filter->start)
		return false;
	filter->last = end - 1;
	return true;
}

void filter_size(struct filter *filter, uint64_t min_size)
{
	filter->wanted |= 1U << FILTER_SIZE;
	filter->min_size = min_size;
}

/* Return: whether there is a value */
static bool get(const struct column *column, const struct picture *picture, const void *row,
		struct cell *cell)
{
	cell->set = false;
	cell->string = NULL;
	column->get(picture, row, cell);
	return cell->set;
}

static bool has_kind(const struct filter *filter, const struct cell *cell)
{
	for (size_t i = 0; i < filter->nr_kinds; i++) {
		if (!strcmp(filter->kinds[i], cell->string))
			return true;
	}
	return false;
}

static bool has_tid(const struct filter *filter, uint64_t tid)
{
	for (size_t i = 0; i < filter->nr_tids; i++) {
		if (filter->tids[i] == tid)
			return true;
	}
	return false;
}

/* The upper half of the addresses has no end: that of its last page is 0 */
static bool has_address(const struct filter *filter, const struct filter_columns *columns,
			const struct picture *picture, const void *row, struct cell *cell)
{
	uint64_t start;

	if (!get(columns->start, picture, row, cell))
		return false;
	start = cell->number;
	return get(columns->end, picture, row, cell) && start <= filter->last &&
	       cell->number - 1 >= filter->start;
}

unsigned int filter_row(const struct filter *filter, const struct filter_columns *columns,
			const struct picture *picture, const void *row, unsigned int above)
{
	unsigned int is = above, kind = 1U << FILTER_KIND, tid = 1U << FILTER_TID;
	unsigned int addr = 1U << FILTER_ADDR, size = 1U << FILTER_SIZE;
	struct cell cell;

	if (filter->wanted & kind && columns->kind)
		is = get(columns->kind, picture, row, &cell) && has_kind(filter, &cell) ?
		     is | kind : is & ~kind;
	if (filter->wanted & tid && columns->tid)
		is = get(columns->tid, picture, row, &cell) && has_tid(filter, cell.number) ?
		     is | tid : is & ~tid;
	if (filter->wanted & addr && columns->start && columns->end)
		is = has_address(filter, columns, picture, row, &cell) ? is | addr : is & ~addr;
	if (filter->wanted & size && columns->size)
		is = get(columns->size, picture, row, &cell) && cell.number >= filter->min_size ?
		     is | size : is & ~size;
	return is;
}
