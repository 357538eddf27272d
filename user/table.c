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

		cell.set = false;
		cell.string = NULL;
		cell.paint = PAINT_NONE;
		column->get(picture, row, &cell);
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
		if (column->flags & COLUMN_TREE && table->nr_parts && !opts->raw)
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

static void put_rows(struct libscols_table *tb, const struct table *table,
		     const struct selection *selection, const struct picture *picture,
		     const struct options *opts)
{
	bool parts = table->nr_parts && !opts->raw && has_tree(selection);
	size_t count = table->count(picture);

	for (size_t i = 0; i < count; i++) {
		const void *row = table->row(picture, i);
		struct libscols_line *line = put_line(tb, NULL, selection, picture, row, opts);
		size_t nr_parts = parts && line ? table->nr_parts(picture, row) : 0;

		for (size_t k = 0; k < nr_parts; k++)
			put_line(tb, line, selection, picture, table->part(picture, row, k), opts);
	}
}

void table_text(FILE *out, const struct table *table, const struct selection *selection,
		const struct picture *picture, const struct options *opts)
{
	struct libscols_table *tb = scols_new_table();

	if (!tb)
		abort();
	put_columns(tb, table, selection, opts);
	scols_table_enable_colors(tb, opts->colour);
	scols_table_enable_raw(tb, opts->raw);
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
	cell.set = false;
	cell.string = NULL;
	column->get(picture, row, &cell);
	cell_json(json, key, column, &cell);
}

/* Of a part only what differs from its row */
static void put_json_parts(struct json *json, const struct table *table,
			   const struct picture *picture, const void *row)
{
	static const char *const names[] = { "START", "END", "SIZE", "KIND", "TID" };
	size_t nr_parts = table->nr_parts ? table->nr_parts(picture, row) : 0;

	if (!nr_parts)
		return;
	json_array(json, "parts");
	for (size_t i = 0; i < nr_parts; i++) {
		json_object(json, NULL);
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			put_json(json, find_column(table, names[k], strlen(names[k])), picture,
				 table->part(picture, row, i));
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_json_row(struct json *json, const struct table *table,
			 const struct selection *selection, const struct picture *picture,
			 const void *row)
{
	json_object(json, NULL);
	if (selection) {
		for (size_t i = 0; i < selection->count; i++)
			put_json(json, selection->columns[i], picture, row);
	} else {
		for (size_t i = 0; i < table->nr_columns; i++) {
			if (!(table->columns[i].flags & COLUMN_TEXT))
				put_json(json, &table->columns[i], picture, row);
		}
		put_json_parts(json, table, picture, row);
	}
	json_end_object(json);
}

void table_json(struct json *json, const struct table *table,
		const struct selection *selection, const struct picture *picture)
{
	size_t count = picture ? table->count(picture) : 0;

	json_array(json, table->name);
	for (size_t i = 0; i < count; i++)
		put_json_row(json, table, selection, picture, table->row(picture, i));
	json_end_array(json);
}

void table_list(FILE *out, const struct table *table, int indent)
{
	for (size_t i = 0; i < table->nr_columns; i++) {
		const struct column *column = &table->columns[i];

		fprintf(out, "%*s%-15s %-8s %s\n", indent, "", column->name,
			type_names[column->type], column->help);
	}
}
