// SPDX-License-Identifier: GPL-2.0
/*
 * filter.c, and table.c as far as rows are left out: on a table that is made up, of
 * rows with parts that have parts.
 */
#include "check-json.h"
#include "filter.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* Rows have a range, parts of them a kind and a tid, and parts of these a tid only */
struct row {
	char name;
	uint64_t start, end, size;
	const char *kind;
	uint64_t tid;
	size_t nr_parts;
	const struct row *parts;
};

static const struct row twigs[] = {
	{ 'p', 0, 0, 0, NULL, 7, 0, NULL },
	{ 'q', 0, 0, 0, NULL, 8, 0, NULL },
};

static const struct row branches[] = {
	{ 'k', 0, 0, 0, "red one", 5, 0, NULL },
	{ 'l', 0, 0, 0, "green", 6, 2, twigs },
	{ 'm', 0, 0, 0, "red one", 0, 0, NULL },
};

static const struct row rows[] = {
	{ 'a', 0x1000, 0x3000, 0x2000, "blue", 1, 0, NULL },
	{ 'b', 0x3000, 0x4000, 0x1000, "green", 2, 3, branches },
	{ 'c', 0, 0, 0, NULL, 0, 0, NULL },
	{ 'd', 0xffffffffff600000, 0, 0x1000, "red one", 5, 0, NULL },
};

#define COLUMN(name, set) \
static void get_##name(const struct picture *picture, const void *row, struct cell *cell) \
{ \
	set(cell, ((const struct row *)row)->name); \
}

COLUMN(start, cell_nonzero)
COLUMN(size, cell_nonzero)
COLUMN(kind, cell_string)
COLUMN(tid, cell_nonzero)

static void get_end(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct row *it = row;

	if (it->start)
		cell_number(cell, it->end);
}

static void get_name(const struct picture *picture, const void *row, struct cell *cell)
{
	cell->buf[0] = ((const struct row *)row)->name;
	cell->buf[1] = 0;
	cell_string(cell, cell->buf);
}

static size_t count_rows(const struct picture *picture)
{
	return ARRAY_SIZE(rows);
}

static const void *row_at(const struct picture *picture, size_t i)
{
	return &rows[i];
}

static size_t count_parts(const struct picture *picture, const void *row)
{
	return ((const struct row *)row)->nr_parts;
}

static const void *part_at(const struct picture *picture, const void *row, size_t i)
{
	return &((const struct row *)row)->parts[i];
}

static const char *kind_at(size_t i)
{
	static const char *const kinds[] = { "blue", "green", "red one", "red", NULL };

	return kinds[i];
}

static const struct column twig_columns[] = {
	{ "TID", TYPE_NUMBER, 0, "", get_tid },
	{ "NAME", TYPE_STRING, COLUMN_TREE, "", get_name },
};

static const struct column branch_columns[] = {
	{ "KIND", TYPE_STRING, 0, "", get_kind },
	{ "TID", TYPE_NUMBER, 0, "", get_tid },
	{ "NAME", TYPE_STRING, COLUMN_TREE, "", get_name },
};

static const struct column columns[] = {
	{ "NAME", TYPE_STRING, COLUMN_TREE, "", get_name },
	{ "START", TYPE_ADDRESS, 0, "", get_start },
	{ "END", TYPE_ADDRESS, 0, "", get_end },
	{ "SIZE", TYPE_SIZE, 0, "", get_size },
	{ "KIND", TYPE_STRING, 0, "", get_kind },
	{ "TID", TYPE_NUMBER, 0, "", get_tid },
};

static const struct table of_twigs = {
	.name = "twigs", .columns = twig_columns, .nr_columns = ARRAY_SIZE(twig_columns),
};

static const struct table of_branches = {
	.name = "branches", .columns = branch_columns, .nr_columns = ARRAY_SIZE(branch_columns),
	.nr_parts = count_parts, .part = part_at, .parts = &of_twigs, .nested = true,
};

static const struct table table = {
	.name = "rows", .columns = columns, .nr_columns = ARRAY_SIZE(columns), .defaults = "NAME",
	.count = count_rows, .row = row_at, .kind = kind_at,
	.nr_parts = count_parts, .part = part_at, .parts = &of_branches, .nested = true,
};

static struct picture picture;
static struct filter filter;
static char *text;
static size_t size;

static int setup(void **state)
{
	memset(&filter, 0, sizeof(filter));
	return 0;
}

static int teardown(void **state)
{
	free(text);
	text = NULL;
	return 0;
}

/* The names that are left, in text of all kinds, and in JSON */
static void leaves(const char *expected)
{
	struct options opts = { .raw = true, .noheadings = true, .filter = &filter };
	struct selection selection;
	char names[32], *to = names;
	FILE *out;

	table_select(&table, NULL, &selection);
	for (int i = 0; i < 3; i++) {
		teardown(NULL);
		out = open_memstream(&text, &size);
		if (i == 2) {
			struct json json = { .out = out, .empty = true };

			json_object(&json, NULL);
			table_json_rows(&json, &table, &selection, &picture, &opts);
			json_end_object(&json);
		} else {
			opts.raw = !i;
			table_text(out, &table, &selection, &picture, &opts);
		}
		fclose(out);
		to = names;
		for (const char *s = text; *s; s++) {
			/* a name stands alone, in JSON between quotes */
			if (*s >= 'a' && *s <= 'q' && (i < 2 || (s[-1] == '"' && s[1] == '"')))
				*to++ = *s;
		}
		*to = 0;
		assert_string_equal(names, expected);
		assert_true(i < 2 || !json_check(text, size));
	}
	setup(NULL);
}

static void kinds(const char *list)
{
	assert_null(filter_kinds(&filter, &table, list));
}

static void tids(const char *list)
{
	assert_null(filter_tids(&filter, list));
}

static void addr(const char *range)
{
	assert_true(filter_addr(&filter, range));
}

static void by_kind(void **state)
{
	kinds("blue");
	leaves("a");
	kinds("BLUE,Green");
	leaves("ablpq");	/* twigs have no kind: they go with their branch */
	kinds("red one");
	leaves("bkmd");
	kinds("red-one");
	leaves("bkmd");
	kinds("Red_One");
	leaves("bkmd");
	kinds("red");
	leaves("");
}

static void by_tid(void **state)
{
	tids("1");
	leaves("a");
	tids("2");
	leaves("b");
	tids("5");
	leaves("bkd");
	tids("8");
	leaves("blq");
	tids("8,1,5");
	leaves("abklqd");
	tids("9");
	leaves("");
}

static void by_address(void **state)
{
	addr("1000");
	leaves("a");
	addr("0xfff");
	leaves("");
	addr("2fff");
	leaves("a");
	addr("3000");
	leaves("bklpqm");	/* parts without addresses are where their row is */
	addr("2000-3000");
	leaves("a");
	addr("2000-0X3001");
	leaves("abklpqm");
	addr("0-1000");
	leaves("");
	addr("0-1001");
	leaves("a");
	addr("ffffffffff600abc");
	leaves("d");
	addr("ffffffffffffffff");
	leaves("d");
	addr("0000000000000000000001000");
	leaves("a");
	addr("0-ffffffffffffffff");
	leaves("abklpqmd");
}

static void by_size(void **state)
{
	filter_size(&filter, 0x1001);
	leaves("a");
	filter_size(&filter, 0x1000);
	leaves("abklpqmd");
	filter_size(&filter, 0x2001);
	leaves("");
	filter_size(&filter, 0);
	leaves("abklpqmd");	/* what has no size is of no size */
}

/* A part may be right in one way where its row is in another */
static void in_several_ways(void **state)
{
	addr("3000");
	tids("5");
	leaves("bk");
	addr("1000");
	tids("5");
	leaves("");
	kinds("red one");
	tids("5");
	leaves("bkd");
	kinds("green");
	tids("7,5");
	leaves("blp");
	filter_size(&filter, 0x1000);
	addr("0-8000");
	kinds("blue,red-one");
	leaves("abkm");
	kinds("green");
	tids("2");
	leaves("b");
}

static void says_what_is_left_out(void **state)
{
	struct options opts = { .filter = &filter };
	struct json json = { .empty = true };
	struct selection selection;

	tids("5");
	assert_int_equal(table_shown(&table, &picture, &filter), 2);
	assert_int_equal(table_shown(&table, &picture, NULL), 4);
	table_select(&table, NULL, &selection);
	for (int i = 0; i < 4; i++) {
		FILE *out;

		teardown(NULL);
		out = open_memstream(&text, &size);
		opts.raw = i == 1;
		opts.noheadings = i == 2;
		opts.filter = i == 3 ? NULL : &filter;
		table_text(out, &table, &selection, &picture, &opts);
		fclose(out);
		assert_int_equal(!!strstr(text, "\n2 of 4 shown\n"), i == 0);
		assert_int_equal(!!strstr(text, "shown"), i == 0);
	}
	for (int i = 0; i < 2; i++) {
		FILE *out;

		teardown(NULL);
		out = open_memstream(&text, &size);
		json = (struct json) { .out = out, .empty = true };
		opts.filter = i ? NULL : &filter;
		json_object(&json, NULL);
		table_json_rows(&json, &table, NULL, &picture, &opts);
		json_end_object(&json);
		fclose(out);
		assert_null(json_check(text, size));
		assert_int_equal(!!strstr(text, "\"rows_shown\": 2"), !i);
		assert_int_equal(!!strstr(text, "\"rows_total\": 4"), !i);
		/* no empty array where no part is left */
		assert_null(strstr(text, "[]"));
	}
}

static void which_tables(void **state)
{
	static const bool expected[3][FILTERS] = {
		{ true, true, true, true }, { false, true, false, false },
		{ false, true, false, false },
	};

	for (int by = 0; by < FILTERS; by++) {
		assert_int_equal(filter_offered(&table, by), expected[0][by]);
		assert_int_equal(filter_offered(&of_branches, by), expected[1][by]);
		assert_int_equal(filter_offered(&of_twigs, by), expected[2][by]);
	}
}

static void wrong_words(void **state)
{
	static const char *const addresses[] = {
		"", "-", "x", "0x", "1000-", "-1000", "1000-1000", "2000-1000", "1000-2000-", "1000 ",
		"1000-0x", "10000000000000000", "g", "0x0x1", "+1", " 1",
	};
	static const char *const threads[] = {
		"", ",", "0", "1,", ",1", "1,,2", "x", "1x", "-1", "+1", " 1", "2147483648",
		"99999999999999999999",
	};
	char list[512] = "1";

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		assert_false(filter_addr(&filter, addresses[i]));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_non_null(filter_tids(&filter, threads[i]));
	assert_string_equal(filter_kinds(&filter, &table, "blue,pink,red"), "pink,red");
	assert_string_equal(filter_kinds(&filter, &table, ""), "");
	assert_string_equal(filter_kinds(&filter, &table, "blue,"), "");
	assert_string_equal(filter_kinds(&filter, &table, "blu"), "blu");
	assert_string_equal(filter_kinds(&filter, &table, "red  one"), "red  one");
	for (int i = 0; i < FILTER_MAX - 1; i++)
		strcat(list, ",1");
	assert_null(filter_tids(&filter, list));
	assert_int_equal(filter.nr_tids, FILTER_MAX);
	strcat(list, ",2");
	assert_string_equal(filter_tids(&filter, list), "2");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(by_kind), T(by_tid), T(by_address), T(by_size), T(in_several_ways),
		T(says_what_is_left_out), T(which_tables), T(wrong_words),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
