// SPDX-License-Identifier: GPL-2.0
#include "table.h"

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

static void add_column(struct selection *selection, const struct column *column)
{
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->columns[i] == column)
			return;
	}
	if (selection->count < SELECTION_MAX)
		selection->columns[selection->count++] = column;
}

static const char *add_list(const struct table *table, const char *list,
			    struct selection *selection)
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
		add_list(table, table->defaults, selection);
	if (!list)
		return NULL;
	return add_list(table, list + (*list == '+'), selection);
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

bool table_touched(const struct selection *selection, const struct sorting *sorting)
{
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->columns[i]->flags & COLUMN_TOUCHED)
			return true;
	}
	for (size_t i = 0; sorting && i < sorting->count; i++) {
		if (sorting->columns[i]->flags & COLUMN_TOUCHED)
			return true;
	}
	return false;
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

/* Return: the rows in order, to be freed; NULL: there is no memory */
static const void **sorted_rows(const struct table *table, const struct picture *picture,
				const struct sorting *sorting)
{
	size_t count = table->count(picture);
	const void **rows = calloc(count + 1, sizeof(*rows));
	struct order order = { picture, sorting };

	for (size_t i = 0; rows && i < count; i++)
		rows[i] = table->row(picture, i);
	if (rows && sorting)
		qsort_r(rows, count, sizeof(*rows), by_columns, &order);
	return rows;
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

/* A row and what is below it; @table: whose row it is, NULL: leave its parts out */
static void put_tree(struct libscols_table *tb, struct libscols_line *parent,
		     const struct table *table, const struct selection *selection,
		     const struct picture *picture, const void *row, const struct options *opts)
{
	struct libscols_line *line = put_line(tb, parent, selection, picture, row, opts);
	size_t nr_parts = line && table && table->nr_parts ? table->nr_parts(picture, row) : 0;

	for (size_t i = 0; i < nr_parts; i++)
		put_tree(tb, line, table->parts, selection, picture,
			 table->part(picture, row, i), opts);
}

static void put_rows(struct libscols_table *tb, const struct table *table,
		     const struct selection *selection, const struct picture *picture,
		     const struct options *opts)
{
	bool parts = has_tree(selection);
	size_t count = table->count(picture);
	const void **rows = sorted_rows(table, picture, opts->sorting);

	if (!rows)
		abort();
	for (size_t i = 0; i < count; i++)
		put_tree(tb, NULL, parts ? table : NULL, selection, picture, rows[i], opts);
	free(rows);
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

static void put_raw_row(FILE *out, const struct table *table, const struct selection *selection,
			const struct picture *picture, const void *row,
			const struct options *opts)
{
	size_t nr_parts = table->nested && table->nr_parts ? table->nr_parts(picture, row) : 0;

	for (size_t i = 0; i < selection->count; i++) {
		struct cell cell;

		if (i)
			putc_unlocked(' ', out);
		get_cell(selection->columns[i], picture, row, &cell);
		put_word(out, cell_text(selection->columns[i], &cell, opts));
	}
	putc_unlocked('\n', out);
	for (size_t i = 0; i < nr_parts; i++)
		put_raw_row(out, table->parts, selection, picture,
			    table->part(picture, row, i), opts);
}

/* Scripts read this, of processes large and small: nothing to be laid out */
static void table_raw(FILE *out, const struct table *table, const struct selection *selection,
		      const struct picture *picture, const struct options *opts)
{
	const void **rows = sorted_rows(table, picture, opts->sorting);
	size_t count = table->count(picture);

	if (!rows)
		abort();
	for (size_t i = 0; i < selection->count && !opts->noheadings; i++)
		fprintf(out, "%s%s", selection->columns[i]->name,
			i + 1 < selection->count ? " " : "\n");
	for (size_t i = 0; i < count; i++)
		put_raw_row(out, table, selection, picture, rows[i], opts);
	free(rows);
}

void table_text(FILE *out, const struct table *table, const struct selection *selection,
		const struct picture *picture, const struct options *opts)
{
	struct libscols_table *tb;

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
	put_rows(tb, table, selection, picture, opts);
	scols_print_table(tb);
	scols_unref_table(tb);
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

static void put_json_row(struct json *json, const struct table *table,
			 const struct selection *selection, const struct picture *picture,
			 const void *row)
{
	bool parts = table->nr_parts && (!selection || table->nested);
	size_t nr_parts = parts ? table->nr_parts(picture, row) : 0;

	json_object(json, NULL);
	for (size_t i = 0; selection && i < selection->count; i++)
		put_json(json, selection->columns[i], picture, row);
	for (size_t i = 0; !selection && i < table->nr_columns; i++) {
		if (!(table->columns[i].flags & COLUMN_TEXT))
			put_json(json, &table->columns[i], picture, row);
	}
	if (nr_parts)
		json_array(json, table->parts->name);
	for (size_t i = 0; i < nr_parts; i++)
		put_json_row(json, table->parts, selection, picture,
			     table->part(picture, row, i));
	if (nr_parts)
		json_end_array(json);
	json_end_object(json);
}

void table_json(struct json *json, const struct table *table,
		const struct selection *selection, const struct sorting *sorting,
		const struct picture *picture)
{
	const void **rows = picture ? sorted_rows(table, picture, sorting) : NULL;
	size_t count = rows ? table->count(picture) : 0;

	if (picture && !rows)
		abort();

	json_array(json, table->name);
	for (size_t i = 0; i < count; i++)
		put_json_row(json, table, selection, picture, rows[i]);
	json_end_array(json);
	free(rows);
}

void table_list(FILE *out, const struct table *table, int indent)
{
	for (size_t i = 0; i < table->nr_columns; i++) {
		const struct column *column = &table->columns[i];

		fprintf(out, "%*s%-15s %-8s %s\n", indent, "", column->name,
			type_names[column->type], column->help);
	}
}
