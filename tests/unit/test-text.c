// SPDX-License-Identifier: GPL-2.0
/*
 * text.c and json.c: numbers, words, strings.
 */
#include "check-json.h"
#include "json.h"
#include "test.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static void sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0" }, { 1, "1" }, { 1023, "1023" }, { 1024, "1K" }, { 1536, "1.5K" },
		{ 132 << 10, "132K" }, { 8 << 20, "8M" }, { 1 << 30, "1G" },
		{ 3ULL << 29, "1.5G" }, { 67108864 - 135168, "63.9M" },
		{ 0x7ffffffff000, "128T" }, { UINT64_MAX, "16E" }, { 1ULL << 60, "1E" },
		{ (150 << 20) + (1 << 19), "151M" },
	};
	char text[24];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(size_text(text, cases[i].bytes, false), cases[i].text);
	assert_string_equal(size_text(text, UINT64_MAX, true), "18446744073709551615");
}

static void times(void **state)
{
	char text[40];

	assert_string_equal(time_text(text, 1700000000000000009),
			    "2023-11-14T22:13:20.000000009Z");
	assert_string_equal(nanoseconds_text(text, 999), "999 ns");
	assert_string_equal(nanoseconds_text(text, 31234), "31.2 us");
	assert_string_equal(nanoseconds_text(text, 5000000), "5.0 ms");
	assert_string_equal(nanoseconds_text(text, 2500000000), "2.5 s");
}

static void words(void **state)
{
	static const struct word bits[] = { { 1, "one" }, { 2, "two" }, { 4, "four" }, { 0, NULL } };
	char text[16];

	words_join(text, sizeof(text), bits, 5);
	assert_string_equal(text, "one,four");
	words_join(text, sizeof(text), bits, 0);
	assert_string_equal(text, "");
	words_join(text, 6, bits, 7);
	assert_string_equal(text, "one,t");
	assert_string_equal(word_find(bits, 2, "?"), "two");
	assert_string_equal(word_find(bits, 3, "?"), "?");
}

static char *written(const char *string)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	struct json json = { .out = out, .empty = true };

	json_object(&json, NULL);
	json_string(&json, "s", string);
	json_end_object(&json);
	fclose(out);
	return text;
}

static void json_is(const char *string, const char *expected)
{
	char *text = written(string), *start = strstr(text, "\"s\": ");

	assert_non_null(start);
	start += 5;
	assert_int_equal(strncmp(start, expected, strlen(expected)), 0);
	assert_int_equal(start[strlen(expected)], '\n');
	assert_null(json_check(text, strlen(text)));
	free(text);
}

static void json_strings(void **state)
{
	json_is("plain", "\"plain\"");
	json_is("a\"b\\c", "\"a\\\"b\\\\c\"");
	json_is("a\nb\x01", "\"a\\u000ab\\u0001\"");
	json_is("a\x7f\xc2\x9b" "31m", "\"a\\u007f\\u009b31m\"");
	json_is("\xc2\xa0", "\"\xc2\xa0\"");
	json_is("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
	json_is("\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"");
	json_is("\xff", "\"\\udcff\"");
	json_is("\xc3", "\"\\udcc3\"");
	json_is("\xc3(", "\"\\udcc3(\"");
	json_is("\xc0\xaf", "\"\\udcc0\\udcaf\"");		/* overlong / */
	json_is("\xe0\x80\xaf", "\"\\udce0\\udc80\\udcaf\"");
	json_is("\xed\xa0\x80", "\"\\udced\\udca0\\udc80\"");	/* a surrogate */
	json_is("\xf4\x90\x80\x80", "\"\\udcf4\\udc90\\udc80\\udc80\"");
	json_is("\xe2\x82", "\"\\udce2\\udc82\"");
	json_is(NULL, "null");
}

static void every_byte_makes_json(void **state)
{
	for (int a = 1; a < 256; a++) {
		for (int c = 1; c < 256; c++) {
			char string[] = { a, c, 'x', a, 0 };
			char *text = written(string);

			assert_null(json_check(text, strlen(text)));
			free(text);
		}
	}
}

static void visible_is(const char *string, const char *expected)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	put_visible(out, string);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

/* A terminal that knows no UTF-8 obeys the byte 9b as it does ESC [ */
static void nothing_to_obey(void **state)
{
	visible_is("gr\xc3\xbc\xc3\x9f \xdb\x9b", "gr\xc3\xbc\xc3\x9f \xdb\x9b");
	visible_is("a\nb\x1b[31m\x7f", "a\\x0ab\\x1b[31m\\x7f");
	visible_is("\xc2\x9b" "31m", "\\xc2\\x9b31m");
	visible_is("\x9b" "31m", "\\x9b31m");
	visible_is("\xc2", "\\xc2");
	visible_is("\xe2\x82(\xff", "\\xe2\\x82(\\xff");
}

static void json_check_can_fail(void **state)
{
	static const char *const bad[] = {
		"", "{", "[1,]", "{\"a\" 1}", "[1] x", "\"\n\"", "\"\xff\"", "tru", "01", "[1 2]",
		"{\"a\": 1, \"a\": 2}",
	};
	static const char good[] = "{\"a\": [1, -2.5, true, null, \"x\"], \"b\": {}}\n";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(json_check(bad[i], strlen(bad[i])));
	assert_null(json_check(good, strlen(good)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes), cmocka_unit_test(times), cmocka_unit_test(words),
		cmocka_unit_test(json_strings), cmocka_unit_test(nothing_to_obey), cmocka_unit_test(every_byte_makes_json),
		cmocka_unit_test(json_check_can_fail),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
