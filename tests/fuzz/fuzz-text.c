// SPDX-License-Identifier: GPL-2.0
/*
 * Strings as they are written: text.c, json.c. JSON is JSON, and what was written is
 * read as what it was; and nothing in either does anything to a terminal.
 */
#include "check-json.h"
#include "input.h"
#include "json.h"
#include "text.h"
#include "words.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* A string of JSON back to the bytes it was made from. Return: behind it */
static const char *read_string(const char *s, char *to)
{
	must(*s++ == '"');
	while (*s != '"') {
		unsigned int code;

		if (*s != '\\') {
			*to++ = *s++;
			continue;
		}
		if (s[1] != 'u') {
			must(s[1] == '"' || s[1] == '\\');
			*to++ = s[1];
			s += 2;
			continue;
		}
		must(sscanf(s + 2, "%4x", &code) == 1);
		s += 6;
		/* control characters; or the bytes that are no UTF-8, as Python has them */
		if (code >= 0xdc80 && code <= 0xdcff) {
			*to++ = code & 0xff;
		} else if (code >= 0x80) {
			must(code < 0xa0);
			*to++ = 0xc2;
			*to++ = code;
		} else {
			must(code < 0x20 || code == 0x7f);
			*to++ = code;
		}
	}
	*to = 0;
	return s + 1;
}

static void judge_json(const char *string, struct input *in)
{
	uint64_t number = take(in, 8);
	char *text, *again = malloc(strlen(string) + 1);
	const char *at;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct json json = { .out = out, .empty = true };

	json_object(&json, NULL);
	json_string(&json, "s", string);
	json_array(&json, "a");
	json_signed(&json, NULL, number);
	json_unsigned(&json, NULL, number);
	json_address(&json, NULL, number);
	json_object(&json, NULL);
	json_string(&json, string, NULL);
	json_end_object(&json);
	json_end_array(&json);
	json_end_object(&json);
	fclose(out);
	must(!json_check(text, size));
	judge_words(text, size);
	at = strstr(text, "\"s\": ");
	must(at && *read_string(at + 5, again) == ',' && !strcmp(again, string));
	free(again);
	free(text);
}

static void judge_visible(const char *string)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	put_visible(out, string);
	fclose(out);
	judge_words(text, size);
	must(!memchr(text, '\n', size));
	for (size_t i = 0; i < size; i++)
		must((unsigned char)text[i] < 0x80 || strchr(string, text[i]));
	free(text);
}

/*
 * A size for people is at most a half of its last digit away from what it is, or, as
 * it is rounded twice, a little more
 */
static void judge_size(uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	char text[24], *end;
	double value, unit = 1;

	size_text(text, bytes, true);
	must(strtoull(text, &end, 10) == bytes && !*end);
	size_text(text, bytes, false);
	value = strtod(text, &end);
	if (*end) {
		must(strchr(units, *end) && !end[1]);
		for (const char *u = units; u <= strchr(units, *end); u++)
			unit *= 1024;
		must(value < 1024.5);
	}
	must(bytes - value * unit <= unit / (value < 100 ? 20 : 2) * 1.101);
	must(value * unit - bytes <= unit / (value < 100 ? 20 : 2) * 1.101);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct word bits[] = { { 1, "one" }, { 2, "two" }, { 4, "four" }, { 0, NULL } };
	struct input in = { data, size };
	char *string = malloc(size + 1), text[40], joined[16];
	size_t room = 1 + take_below(&in, sizeof(joined));
	uint64_t number = take(&in, 8);

	judge_size(number);
	judge_size(number >> take_below(&in, 64));
	must(strlen(nanoseconds_text(text, number)) < 24);
	must(strlen(time_text(text, number)) < 40);
	words_join(joined, room, bits, number);
	must(strlen(joined) < room);
	take_string(&in, string, size + 1);
	string = realloc(string, strlen(string) + 1);
	judge_json(string, &in);
	judge_visible(string);
	free(string);
	return 0;
}
