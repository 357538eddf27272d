// SPDX-License-Identifier: GPL-2.0
#include "table.h"

#include "filter.h"

#include <ctype.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const type_names[] = {
	[TYPE_STRING] = "string",
	[TYPE_NUMBER] = "number",
	[TYPE_SIGNED] = "number",
	[TYPE_ADDRESS] = "address",
	[TYPE_SIZE] = "size",
	[TYPE_BOOL] = "boolean",
};

static const struct column *find_column(const struct table *table, const char *name, size_t len)
{
	for (size_t i = 0; i < table->nr_columns; i++) {
		const struct column *column = &table->columns[i];

		if (strlen(column->name) == len && !strncasecmp(column->name, name, len))
			return column;
	}
	return NULL;
}

const struct column *table_column(const struct table *table, const char *name)
{
	return find_column(table, name, strlen(name));
}

static void add_column(struct selection *selection, const struct column *column)
{
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->columns[i] == column)
			return;
	}
	if (selection->count < SELECTION_MAX)
		selection->columns[selection->count++] = column;
}

const char *table_add(const struct table *table, const char *list, struct selection *selection)
{
	for (;;) {
		size_t len = strcspn(list, ",");
		const struct column *column = find_column(table, list, len);

		if (!column)
			return list;
		add_column(selection, column);
		if (!list[len])
			return NULL;
		list += len + 1;
	}
}

const char *table_select(const struct table *table, const char *list,
			 struct selection *selection)
{
	selection->count = 0;
	if (!list || *list == '+')
		table_add(table, table->defaults, selection);
	if (!list)
		return NULL;
	return table_add(table, list + (*list == '+'), selection);
}

const char *table_sorting(const struct table *table, const char *list, struct sorting *sorting)
{
	sorting->count = 0;
	for (;;) {
		bool descending = *list == '-';
		size_t len = strcspn(list + descending, ",");
		const struct column *column = find_column(table, list + descending, len);

		if (!column || sorting->count == SORTING_MAX)
			return list;
		sorting->columns[sorting->count] = column;
		sorting->descending[sorting->count++] = descending;
		list += descending + len;
		if (!*list++)
			return NULL;
	}
}

static bool any_needs(const struct selection *selection, const struct sorting *sorting,
		      unsigned int flag)
{
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->columns[i]->flags & flag)
			return true;
	}
	for (size_t i = 0; sorting && i < sorting->count; i++) {
		if (sorting->columns[i]->flags & flag)
			return true;
	}
	return false;
}

bool table_touched(const struct selection *selection, const struct sorting *sorting)
{
	return any_needs(selection, sorting, COLUMN_TOUCHED);
}

bool table_smaps(const struct selection *selection, const struct sorting *sorting)
{
	return any_needs(selection, sorting, COLUMN_SMAPS);
}

static void get_cell(const struct column *column, const struct picture *picture, const void *row,
		     struct cell *cell)
{
	cell->set = false;
	cell->string = NULL;
	cell->paint = PAINT_NONE;
	column->get(picture, row, cell);
}

static int compare_cells(enum cell_type type, const struct cell *a, const struct cell *b)
{
	if (type == TYPE_STRING)
		return strcmp(a->string, b->string);
	if (type == TYPE_SIGNED)
		return (int64_t)a->number < (int64_t)b->number ? -1 :
		       (int64_t)a->number > (int64_t)b->number;
	return a->number < b->number ? -1 : a->number > b->number;
}

struct order {
	const struct picture *picture;
	const struct sorting *sorting;
};

/* What has no value comes last, whichever way the rest goes */
static int by_columns(const void *left, const void *right, void *data)
{
	const struct order *order = data;

	for (size_t i = 0; i < order->sorting->count; i++) {
		const struct column *column = order->sorting->columns[i];
		struct cell a, b;
		int way;

		get_cell(column, order->picture, *(void *const *)left, &a);
		get_cell(column, order->picture, *(void *const *)right, &b);
		if (a.set != b.set)
			return a.set ? -1 : 1;
		way = a.set ? compare_cells(column->type, &a, &b) : 0;
		if (way)
			return order->sorting->descending[i] ? -way : way;
	}
	return *(char *const *)left < *(char *const *)right ? -1 : 1;	/* as they came */
}

static bool is_kept(const struct filter *filter, const struct table *table,
		    const struct filter_columns *columns, const struct picture *picture,
		    const void *row, unsigned int above)
{
	unsigned int is = filter_row(filter, columns, picture, row, above);
	size_t nr_parts = table->nr_parts ? table->nr_parts(picture, row) : 0;
	struct filter_columns of_parts;

	if (is == filter->wanted)
		return true;
	if (nr_parts)
		filter_columns(&of_parts, table->parts);
	for (size_t i = 0; i < nr_parts; i++) {
		if (is_kept(filter, table->parts, &of_parts, picture,
			    table->part(picture, row, i), is))
			return true;
	}
	return false;
}

/**
 * struct branch - a row, while its parts are gone through
 * @table: whose row it is
 * @filter: which parts are kept; NULL: all
 * @above: filter_row() of what it is a part of
 */
struct branch {
	const struct table *table;
	const struct filter *filter;
	unsigned int above;
};

/*
 * The branch of part number @i of @row, which @branch is about.
 *
 * Return: whether it is kept.
 */
static bool enter_part(const struct branch *branch, const struct picture *picture,
		       const void *row, size_t i, struct branch *part)
{
	const struct filter *filter = branch->filter;
	struct filter_columns columns;

	*part = (struct branch) { branch->table->parts, filter, 0 };
	if (!filter)
		return true;
	filter_columns(&columns, branch->table);
	part->above = filter_row(filter, &columns, picture, row, branch->above);
	filter_columns(&columns, part->table);
	return is_kept(filter, part->table, &columns, picture,
		       branch->table->part(picture, row, i), part->above);
}

const void **table_rows(const struct table *table, const struct picture *picture,
			const struct sorting *sorting, const struct filter *filter,
			size_t *count)
{
	size_t total = table->count(picture);
	const void **rows = calloc(total + 1, sizeof(*rows));
	struct order order = { picture, sorting };
	struct filter_columns columns;

	*count = 0;
	if (filter)
		filter_columns(&columns, table);
	for (size_t i = 0; i < total && rows; i++) {
		const void *row = table->row(picture, i);

		if (!filter || is_kept(filter, table, &columns, picture, row, 0))
			rows[(*count)++] = row;
	}
	if (!rows)
		abort();
	if (sorting)
		qsort_r(rows, *count, sizeof(*rows), by_columns, &order);
	return rows;
}

size_t table_shown(const struct table *table, const struct picture *picture,
		   const struct filter *filter)
{
	size_t count;

	free(table_rows(table, picture, NULL, filter, &count));
	return count;
}

/* A cell as text; in @cell->buf, or what the cell points to */
static const char *cell_text(const struct column *column, struct cell *cell,
			     const struct options *opts)
{
	if (!cell->set && cell->string)
		return cell->string;
	if (!cell->set)
		return column->flags & COLUMN_BLANK && !opts->raw ? NULL : "-";
	switch (column->type) {
	case TYPE_STRING:
		return *cell->string || !opts->raw ? cell->string : "-";
	case TYPE_NUMBER:
		snprintf(cell->buf, sizeof(cell->buf), "%" PRIu64, cell->number);
		break;
	case TYPE_SIGNED:
		snprintf(cell->buf, sizeof(cell->buf), "%" PRId64, (int64_t)cell->number);
		break;
	case TYPE_ADDRESS:
		snprintf(cell->buf, sizeof(cell->buf), "%" PRIx64, cell->number);
		break;
	case TYPE_SIZE:
		return size_text(cell->buf, cell->number, opts->bytes);
	case TYPE_BOOL:
		return cell->number ? "yes" : "no";
	}
	return cell->buf;
}

static struct libscols_line *put_line(struct libscols_table *tb, struct libscols_line *parent,
				      const struct selection *selection,
				      const struct picture *picture, const void *row,
				      const struct options *opts)
{
	struct libscols_line *line = scols_table_new_line(tb, parent);

	for (size_t i = 0; line && i < selection->count; i++) {
		const struct column *column = selection->columns[i];
		struct cell cell;

		get_cell(column, picture, row, &cell);
		scols_line_set_data(line, i, cell_text(column, &cell, opts));
		if (opts->colour && cell.paint)
			scols_cell_set_color(scols_line_get_cell(line, i),
					     paint_sequence(cell.paint));
	}
	return line;
}

static void put_columns(struct libscols_table *tb, const struct table *table,
			const struct selection *selection, const struct options *opts)
{
	for (size_t i = 0; i < selection->count; i++) {
		const struct column *column = selection->columns[i];
		struct libscols_column *cl;
		int flags = 0;

		if (column->type != TYPE_STRING && !(column->flags & COLUMN_LEFT))
			flags |= SCOLS_FL_RIGHT;
		if (column->flags & COLUMN_TREE && table->nr_parts)
			flags |= SCOLS_FL_TREE;
		cl = scols_table_new_column(tb, column->name, 0, flags);
		if (cl && opts->colour)
			scols_cell_set_color(scols_column_get_header(cl),
					     paint_sequence(PAINT_HEAD));
	}
}

static bool has_tree(const struct selection *selection)
{
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->columns[i]->flags & COLUMN_TREE)
			return true;
	}
	return false;
}

/* A row and what is below it */
static void put_tree(struct libscols_table *tb, struct libscols_line *parent,
		     const struct branch *branch, const struct selection *selection,
		     const struct picture *picture, const void *row, const struct options *opts)
{
	struct libscols_line *line = put_line(tb, parent, selection, picture, row, opts);
	const struct table *table = branch->table;
	size_t nr_parts = line && table->nr_parts ? table->nr_parts(picture, row) : 0;
	struct branch part;

	for (size_t i = 0; i < nr_parts; i++) {
		if (enter_part(branch, picture, row, i, &part))
			put_tree(tb, line, &part, selection, picture,
				 table->part(picture, row, i), opts);
	}
}

static size_t put_rows(struct libscols_table *tb, const struct table *table,
		     const struct selection *selection, const struct picture *picture,
		     const struct options *opts)
{
	struct branch branch = { table, opts->filter, 0 };
	bool parts = has_tree(selection);
	size_t count;
	const void **rows = table_rows(table, picture, opts->sorting, opts->filter, &count);

	for (size_t i = 0; i < count; i++) {
		if (parts)
			put_tree(tb, NULL, &branch, selection, picture, rows[i], opts);
		else
			put_line(tb, NULL, selection, picture, rows[i], opts);
	}
	free(rows);
	return count;
}

/* One word a cell: blanks and what does not print are escaped */
static void put_word(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s <= ' ' || *s > '~' || *s == '\\')
			fprintf(out, "\\x%02x", (unsigned char)*s);
		else
			putc_unlocked(*s, out);
	}
}

static void put_raw_row(FILE *out, const struct branch *branch,
			const struct selection *selection, const struct picture *picture,
			const void *row, const struct options *opts)
{
	const struct table *table = branch->table;
	size_t nr_parts = table->nested && table->nr_parts ? table->nr_parts(picture, row) : 0;
	struct branch part;

	for (size_t i = 0; i < selection->count; i++) {
		struct cell cell;

		if (i)
			putc_unlocked(' ', out);
		get_cell(selection->columns[i], picture, row, &cell);
		put_word(out, cell_text(selection->columns[i], &cell, opts));
	}
	putc_unlocked('\n', out);
	for (size_t i = 0; i < nr_parts; i++) {
		if (enter_part(branch, picture, row, i, &part))
			put_raw_row(out, &part, selection, picture,
				    table->part(picture, row, i), opts);
	}
}

/* Scripts read this, of processes large and small: nothing to be laid out */
static void table_raw(FILE *out, const struct table *table, const struct selection *selection,
		      const struct picture *picture, const struct options *opts)
{
	struct branch branch = { table, opts->filter, 0 };
	size_t count;
	const void **rows = table_rows(table, picture, opts->sorting, opts->filter, &count);

	for (size_t i = 0; i < selection->count && !opts->noheadings; i++)
		fprintf(out, "%s%s", selection->columns[i]->name,
			i + 1 < selection->count ? " " : "\n");
	for (size_t i = 0; i < count; i++)
		put_raw_row(out, &branch, selection, picture, rows[i], opts);
	free(rows);
}

void table_text(FILE *out, const struct table *table, const struct selection *selection,
		const struct picture *picture, const struct options *opts)
{
	struct libscols_table *tb;
	size_t shown;

	if (opts->raw) {
		table_raw(out, table, selection, picture, opts);
		return;
	}
	tb = scols_new_table();
	if (!tb)
		abort();
	put_columns(tb, table, selection, opts);
	scols_table_enable_colors(tb, opts->colour);
	scols_table_enable_noheadings(tb, opts->noheadings);
	/* Nothing is cut: the last column may go beyond the terminal's edge */
	scols_table_set_termforce(tb, SCOLS_TERMFORCE_NEVER);
	scols_table_set_stream(tb, out);
	shown = put_rows(tb, table, selection, picture, opts);
	scols_print_table(tb);
	scols_unref_table(tb);
	if (opts->filter && !opts->noheadings)
		fprintf(out, "%zu of %zu shown\n", shown, table->count(picture));
}

static void cell_json(struct json *json, const char *key, const struct column *column,
		      const struct cell *cell)
{
	if (!cell->set) {
		json_null(json, key);
		return;
	}
	switch (column->type) {
	case TYPE_STRING:
		json_string(json, key, cell->string);
		break;
	case TYPE_NUMBER:
	case TYPE_SIZE:
		json_unsigned(json, key, cell->number);
		break;
	case TYPE_SIGNED:
		json_signed(json, key, cell->number);
		break;
	case TYPE_ADDRESS:
		json_address(json, key, cell->number);
		break;
	case TYPE_BOOL:
		json_bool(json, key, cell->number);
		break;
	}
}

static void put_json(struct json *json, const struct column *column,
		     const struct picture *picture, const void *row)
{
	char key[32];
	struct cell cell;
	size_t i;

	for (i = 0; column->name[i]; i++)
		key[i] = tolower(column->name[i]);
	key[i] = 0;
	get_cell(column, picture, row, &cell);
	cell_json(json, key, column, &cell);
}

/* Columns that are in JSON without being chosen */
static bool is_for_json(const struct column *column, const struct picture *picture)
{
	return !(column->flags & COLUMN_TEXT) &&
	       (picture->extended || !(column->flags & COLUMN_SMAPS));
}

static size_t parts_kept(const struct branch *branch, const struct picture *picture,
			 const void *row, size_t nr_parts)
{
	struct branch part;
	size_t n = 0;

	for (size_t i = 0; i < nr_parts; i++)
		n += enter_part(branch, picture, row, i, &part);
	return n;
}

static void put_json_row(struct json *json, const struct branch *branch,
			 const struct selection *selection, const struct picture *picture,
			 const void *row)
{
	const struct table *table = branch->table;
	struct branch part;
	bool parts = table->nr_parts && (!selection || table->nested);
	size_t nr_parts = parts ? table->nr_parts(picture, row) : 0;

	json_object(json, NULL);
	for (size_t i = 0; selection && i < selection->count; i++)
		put_json(json, selection->columns[i], picture, row);
	for (size_t i = 0; !selection && i < table->nr_columns; i++) {
		if (is_for_json(&table->columns[i], picture))
			put_json(json, &table->columns[i], picture, row);
	}
	if (nr_parts && !parts_kept(branch, picture, row, nr_parts))
		nr_parts = 0;
	if (nr_parts)
		json_array(json, table->parts->name);
	for (size_t i = 0; i < nr_parts; i++) {
		if (enter_part(branch, picture, row, i, &part))
			put_json_row(json, &part, selection, picture,
				     table->part(picture, row, i));
	}
	if (nr_parts)
		json_end_array(json);
	json_end_object(json);
}

static void put_json_number(struct json *json, const struct table *table, const char *what,
			    uint64_t number)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_%s", table->name, what);
	json_unsigned(json, key, number);
}

void table_json_rows(struct json *json, const struct table *table,
		     const struct selection *selection, const struct picture *picture,
		     const struct options *opts)
{
	struct branch branch = { table, opts->filter, 0 };
	const void **rows = NULL;
	size_t count = 0;

	if (picture)
		rows = table_rows(table, picture, opts->sorting, opts->filter, &count);
	json_array(json, table->name);
	for (size_t i = 0; i < count; i++)
		put_json_row(json, &branch, selection, picture, rows[i]);
	json_end_array(json);
	if (opts->filter && picture) {
		put_json_number(json, table, "shown", count);
		put_json_number(json, table, "total", table->count(picture));
	}
	free(rows);
}

void table_json(struct json *json, const struct table *table,
		const struct selection *selection, const struct sorting *sorting,
		const struct picture *picture)
{
	struct options opts = { .sorting = sorting };

	table_json_rows(json, table, selection, picture, &opts);
}

void table_list(FILE *out, const struct table *table, int indent)
{
	for (size_t i = 0; i < table->nr_columns; i++) {
		const struct column *column = &table->columns[i];

		fprintf(out, "%*s%-15s %-8s %s\n", indent, "", column->name,
			type_names[column->type], column->help);
	}
}
