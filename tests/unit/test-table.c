// SPDX-License-Identifier: GPL-2.0
/*
 * table.c: which columns, and in which order the rows.
 */
#include "check-json.h"
#include "table.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* Rows of a table that is made up; 0 stands for no value, NULL likewise */
struct row {
	const char *name;
	uint64_t size;
	int64_t nice;
	uint64_t at;
	uint64_t yes;
};

static const struct row rows[] = {
	{ "delta", 100, -5, 0x7f00, 1 },
	{ "alpha", 9, 0, 0xffffffffff600000, 2 },
	{ NULL, 100, 19, 0, 1 },
	{ "Bravo", 0, -20, 0x80, 2 },
	{ "alpha", 100, 7, 0x7f00, 0 },
	{ "", 9, -5, 0x81, 2 },
};

static void get_id(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, (const struct row *)row - rows);
}

static void get_name(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_string(cell, ((const struct row *)row)->name);
	if (!cell->set)
		cell->string = "(nameless)";
}

static void get_size(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_nonzero(cell, ((const struct row *)row)->size);
}

static void get_nice(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, ((const struct row *)row)->nice);
}

static void get_at(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_nonzero(cell, ((const struct row *)row)->at);
}

static void get_yes(const struct picture *picture, const void *row, struct cell *cell)
{
	uint64_t yes = ((const struct row *)row)->yes;

	if (yes)
		cell_number(cell, yes - 1);
}

static const struct column columns[] = {
	{ "ID", TYPE_NUMBER, 0, "number of the row", get_id },
	{ "NAME", TYPE_STRING, 0, "its name", get_name },
	{ "SIZE", TYPE_SIZE, COLUMN_TOUCHED, "its size", get_size },
	{ "NICE", TYPE_SIGNED, 0, "may be negative", get_nice },
	{ "AT", TYPE_ADDRESS, 0, "where", get_at },
	{ "YES", TYPE_BOOL, COLUMN_TEXT, "or no", get_yes },
};

static size_t count_rows(const struct picture *picture)
{
	return ARRAY_SIZE(rows);
}

static const void *row_at(const struct picture *picture, size_t i)
{
	return &rows[i];
}

static const struct table table = {
	.name = "rows",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "ID,NAME",
	.count = count_rows,
	.row = row_at,
};

static struct picture picture;
static char *text;
static size_t size;

static int teardown(void **state)
{
	free(text);
	text = NULL;
	return 0;
}

/* The numbers of the rows in this order, one after the other */
static void sorted(const char *by, const char *expected)
{
	struct sorting sorting;
	struct selection selection;
	struct options opts = { .raw = true, .noheadings = true, .sorting = &sorting };
	FILE *out;

	teardown(NULL);
	assert_null(table_select(&table, "ID", &selection));
	if (by)
		assert_null(table_sorting(&table, by, &sorting));
	else
		opts.sorting = NULL;
	out = open_memstream(&text, &size);
	table_text(out, &table, &selection, &picture, &opts);
	fclose(out);
	for (size_t i = 0, n = 0; i <= size; i++) {
		if (text[i] != '\n')
			text[n++] = text[i];
	}
	assert_string_equal(text, expected);
}

static void as_they_come(void **state)
{
	sorted(NULL, "012345");
}

static void by_one_column(void **state)
{
	sorted("ID", "012345");
	sorted("-id", "543210");
}

static void unset_comes_last(void **state)
{
	sorted("AT", "350412");
	sorted("-AT", "104532");
	sorted("SIZE", "150243");
	sorted("-SIZE", "024153");
	sorted("NAME", "531402");
	sorted("-NAME", "014352");
}

static void ties_keep_their_order(void **state)
{
	sorted("YES", "021354");
	sorted("-YES", "135024");
	sorted("SIZE,SIZE", "150243");
}

/* Numbers are no strings, and negative ones no large ones */
static void each_type(void **state)
{
	sorted("NICE", "305142");
	sorted("-NICE", "241053");
	sorted("AT", "350412");		/* 81 < 7f00 < ffffffffff600000 */
	sorted("SIZE", "150243");	/* 9 < 100 */
	sorted("NAME", "531402");	/* bytes: B before a */
}

static void by_several_columns(void **state)
{
	sorted("NAME,-SIZE", "534102");
	sorted("-SIZE,NAME", "402513");
	sorted("-SIZE,-NICE", "240153");
	sorted("yes,-size,nice", "025134");
	sorted("YES,-SIZE,-NICE", "201534");
}

static void in_json_too(void **state)
{
	struct sorting sorting;
	struct json json = { .empty = true };

	assert_null(table_sorting(&table, "NICE", &sorting));
	for (int i = 0; i < 2; i++) {
		FILE *out;

		teardown(NULL);
		out = open_memstream(&text, &size);
		json = (struct json) { .out = out, .empty = true };
		json_object(&json, NULL);
		table_json(&json, &table, NULL, i ? &sorting : NULL, &picture);
		json_end_object(&json);
		fclose(out);
		assert_null(json_check(text, size));
		assert_non_null(strstr(text, i ? "[\n  {\"id\": 3, \"name\": \"Bravo\"" :
				       "[\n  {\"id\": 0, \"name\": \"delta\""));
		assert_null(strstr(text, "yes"));
	}
}

static void unknown_column(const char *list, const char *rest)
{
	struct sorting sorting;
	const char *unknown = table_sorting(&table, list, &sorting);

	assert_non_null(unknown);
	assert_string_equal(unknown, rest);
}

static void lists_that_are_wrong(void **state)
{
	unknown_column("", "");
	unknown_column("foo", "foo");
	unknown_column("id,foo,name", "foo,name");
	unknown_column("id,-foo", "-foo");
	unknown_column("id,", "");
	unknown_column("id,,name", ",name");
	unknown_column("-", "-");
	unknown_column("--id", "--id");
	unknown_column("+id", "+id");
	unknown_column("idx", "idx");
	unknown_column("i", "i");
	unknown_column("id,id,id,id,id,id,id,id,name", "name");
}

static void lists_that_are_right(void **state)
{
	struct sorting sorting;

	assert_null(table_sorting(&table, "id,-Name,SIZE,id,id,id,id,-id", &sorting));
	assert_int_equal(sorting.count, SORTING_MAX);
	assert_ptr_equal(sorting.columns[1], &columns[1]);
	assert_false(sorting.descending[0]);
	assert_true(sorting.descending[1]);
	assert_true(sorting.descending[7]);
}

static void pages_are_needed_for_some(void **state)
{
	struct selection without, with;
	struct sorting by_size, by_name;

	table_select(&table, NULL, &without);
	table_select(&table, "+SIZE", &with);
	table_sorting(&table, "NAME,-SIZE", &by_size);
	table_sorting(&table, "NAME", &by_name);
	assert_false(table_touched(&without, NULL));
	assert_true(table_touched(&with, NULL));
	assert_true(table_touched(&without, &by_size));
	assert_false(table_touched(&without, &by_name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_they_come), TEST(by_one_column), TEST(unset_comes_last),
		TEST(ties_keep_their_order), TEST(each_type), TEST(by_several_columns),
		TEST(in_json_too), TEST(lists_that_are_wrong), TEST(lists_that_are_right),
		TEST(pages_are_needed_for_some),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
