/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables: one list of columns is the parser of -o, the help, -H, the text
 * output and the JSON.
 */
#ifndef TABLE_H
#define TABLE_H

#include "json.h"
#include "picture.h"
#include "pmemctl.h"
#include "text.h"

/** enum cell_type - what a column holds */
enum cell_type {
	TYPE_STRING,
	TYPE_NUMBER,
	TYPE_SIGNED,
	TYPE_ADDRESS,
	TYPE_SIZE,
	TYPE_BOOL
};

/**
 * struct cell - a value on its way into an output
 * @set: there is a value; else it is null, or "-"
 * @number: it, unless it is a string
 * @string: it; what it points to lives as long as the picture, or is @buf; in
 *	an unset cell: what people read instead of "-"
 * @buf: room for a string that is put together
 * @paint: how to colour it
 */
struct cell {
	bool set;
	uint64_t number;
	const char *string;
	char buf[320];
	enum paint paint;
};

enum column_flags {
	COLUMN_TEXT = 1,	/* for people: not in JSON unless chosen */
	COLUMN_BLANK = 2,	/* no value shows as nothing, not as "-" */
	COLUMN_TREE = 4,	/* carries the lines of the tree of parts */
	COLUMN_LEFT = 8,	/* to the left although it is a number */
	COLUMN_TOUCHED = 16,	/* needs to know which pages were touched */
	COLUMN_SMAPS = 32	/* needs smaps: in JSON with -x only, unless chosen */
};

/**
 * struct column - a column
 * @name: heading; in lower case the JSON key
 * @type: of its values
 * @flags: enum column_flags
 * @help: what it says, one line
 * @get: fills a cell, which is unset, for a row
 */
struct column {
	const char *name;
	enum cell_type type;
	unsigned int flags;
	const char *help;
	void (*get)(const struct picture *picture, const void *row, struct cell *cell);
};

/**
 * struct table - a table
 * @name: JSON key of its rows
 * @columns: all of them, in the order of the JSON
 * @nr_columns: how many
 * @defaults: names of those shown without -o, in order, with commas
 * @extended: the same with -x; NULL: it has none
 * @kind: what the column KIND may say, from 0 on, NULL behind the last; NULL: it
 *	has no such column
 * @count: how many rows a picture has
 * @row: one of them
 * @nr_parts: how many parts a row has; NULL: no row has any
 * @part: one of them
 * @parts: what JSON says of parts, under which key, and which parts they have in turn
 * @nested: rows are little without their parts: raw output and chosen columns have them, too
 *
 * Parts appear below their row, so columns of a table are asked for parts as well.
 */
struct table {
	const char *name;
	const struct column *columns;
	size_t nr_columns;
	const char *defaults;
	const char *extended;
	const char *(*kind)(size_t i);
	size_t (*count)(const struct picture *picture);
	const void *(*row)(const struct picture *picture, size_t i);
	size_t (*nr_parts)(const struct picture *picture, const void *row);
	const void *(*part)(const struct picture *picture, const void *row, size_t i);
	const struct table *parts;
	bool nested;
};

#define SELECTION_MAX 64

/** struct selection - columns to show, in order, each once */
struct selection {
	const struct column *columns[SELECTION_MAX];
	size_t count;
};

#define SORTING_MAX 8

/** struct sorting - by which columns to sort, most important first */
struct sorting {
	const struct column *columns[SORTING_MAX];
	bool descending[SORTING_MAX];
	size_t count;
};

/**
 * regions_smaps_text() - write what smaps says in sum, and where it differs
 * @out: where to
 * @picture: of what
 * @opts: how; of the regions that its filter leaves
 */
void regions_smaps_text(FILE *out, const struct picture *picture, const struct options *opts);

/** orphans_told() - whether "no orphans" means that there are none */
bool orphans_told(const struct model *model);

/** orphans_json() - write table_orphans; null if they could not be told */
void orphans_json(struct json *json, const struct picture *picture);

extern const struct table table_regions, table_threads, table_sharers, table_orphans,
	table_findings, table_ls, table_summary, table_waterfall,
	table_compare, table_files;

/**
 * table_select() - parse a list of columns
 * @table: whose
 * @list: names with commas between, in any case; with a + before: besides the
 *	default ones; NULL: the default ones
 * @selection: filled in
 *
 * Return: NULL, or where in @list the unknown name begins.
 */
const char *table_select(const struct table *table, const char *list,
			 struct selection *selection);

/**
 * table_add() - add a list of columns to those selected
 * @table: whose
 * @list: names with commas between, in any case
 * @selection: added to
 *
 * Return: as table_select().
 */
const char *table_add(const struct table *table, const char *list, struct selection *selection);

/**
 * table_sorting() - parse a list of columns to sort by
 * @table: whose
 * @list: names with commas between, each with a - before for descending order
 * @sorting: filled in
 *
 * Return: NULL, or where in @list it cannot be understood.
 */
const char *table_sorting(const struct table *table, const char *list, struct sorting *sorting);

/** table_column() - the column of a name, in any case; NULL: there is none */
const struct column *table_column(const struct table *table, const char *name);

/** table_smaps() - whether any of these columns needs smaps */
bool table_smaps(const struct selection *selection, const struct sorting *sorting);

/** table_touched() - whether any of these columns needs to know touched pages */
bool table_touched(const struct selection *selection, const struct sorting *sorting);

/**
 * table_text() - write a table for people, or raw for scripts
 * @out: where to
 * @table: which
 * @selection: its columns
 * @picture: of what
 * @opts: how
 */
void table_text(FILE *out, const struct table *table, const struct selection *selection,
		const struct picture *picture, const struct options *opts);

/**
 * table_json() - write a table as an array under its key
 * @json: where to
 * @table: which
 * @selection: its columns; NULL: all that are for JSON, and the parts
 * @sorting: the order of its rows; NULL: as they come
 * @picture: of what; NULL: an empty array
 */
void table_json(struct json *json, const struct table *table,
		const struct selection *selection, const struct sorting *sorting,
		const struct picture *picture);

/**
 * table_json_rows() - the same with what the command line asked for
 * @json: where to
 * @table: which
 * @selection: as for table_json()
 * @picture: of what; NULL: an empty array
 * @opts: its order, and which rows; where not all of them, two numbers follow the
 *	array: NAME_shown and NAME_total
 */
void table_json_rows(struct json *json, const struct table *table,
		     const struct selection *selection, const struct picture *picture,
		     const struct options *opts);

/**
 * table_rows() - the rows to show
 * @table: whose
 * @picture: of what
 * @sorting: the order; NULL: as they come
 * @filter: which; NULL: all
 * @count: how many
 *
 * Return: the rows, to be freed.
 */
const void **table_rows(const struct table *table, const struct picture *picture,
			const struct sorting *sorting, const struct filter *filter,
			size_t *count);

/**
 * table_shown() - how many rows a filter leaves
 * @table: which
 * @picture: of what
 * @filter: the filter; NULL: all are left
 */
size_t table_shown(const struct table *table, const struct picture *picture,
		   const struct filter *filter);

/**
 * table_list() - write names, types and meaning of all columns
 * @out: where to
 * @table: whose
 * @indent: blanks before each line
 */
void table_list(FILE *out, const struct table *table, int indent);

/** cell_string() - set a string, NULL leaves the cell unset */
static inline void cell_string(struct cell *cell, const char *string)
{
	cell->set = string;
	cell->string = string;
}

/** cell_number() - set a number, address, size or bool */
static inline void cell_number(struct cell *cell, uint64_t number)
{
	cell->set = true;
	cell->number = number;
}

/** cell_nonzero() - set a number, 0 leaves the cell unset */
static inline void cell_nonzero(struct cell *cell, uint64_t number)
{
	cell->set = number;
	cell->number = number;
}

#endif
