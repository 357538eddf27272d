// SPDX-License-Identifier: GPL-2.0
#include "json.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/*
 * Length of the valid UTF-8 sequence at @s, which ends with a 0 byte; 0 if
 * there is none. Overlong forms, surrogates and what is beyond U+10FFFF are
 * not valid.
 */
static size_t utf8_length(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void put_string(FILE *out, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	putc_unlocked('"', out);
	while (*s) {
		size_t len = 0;

		while (is_plain(s[len]))
			len++;
		if (!len && *s >= 0x80)
			len = utf8_length(s);
		if (len) {
			fwrite_unlocked(s, 1, len, out);
			s += len;
			continue;
		}
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else
			fprintf(out, *s < 0x80 ? "\\u%04x" : "\\udc%02x", *s);
		s++;
	}
	putc_unlocked('"', out);
}

static void begin(struct json *json, const char *key)
{
	bool row = json->rows & (1u << json->depth);

	if (!json->empty)
		putc_unlocked(',', json->out);
	if (row)
		fprintf(json->out, "\n%*s", (int)json->depth, "");
	else if (!json->empty)
		putc_unlocked(' ', json->out);
	json->empty = false;
	if (!key)
		return;
	put_string(json->out, key);
	fputs_unlocked(": ", json->out);
}

static void open_level(struct json *json, const char *key, char c, bool rows)
{
	if (json->depth)
		begin(json, key);
	putc_unlocked(c, json->out);
	json->depth++;
	json->rows &= ~(1u << json->depth);
	if (rows)
		json->rows |= 1u << json->depth;
	json->empty = true;
}

static void close_level(struct json *json, char c)
{
	bool row = json->rows & (1u << json->depth);

	json->depth--;
	if (row && !json->empty)
		fprintf(json->out, "\n%*s", (int)json->depth, "");
	putc_unlocked(c, json->out);
	json->empty = false;
}

void json_object(struct json *json, const char *key)
{
	/* Only the outermost object has a line for each of its values */
	open_level(json, key, '{', !json->depth);
}

void json_end_object(struct json *json)
{
	close_level(json, '}');
}

void json_array(struct json *json, const char *key)
{
	/* Rows have a line each; what is within a row stays on its line */
	open_level(json, key, '[', json->depth <= 1);
}

void json_end_array(struct json *json)
{
	close_level(json, ']');
}

void json_string(struct json *json, const char *key, const char *value)
{
	if (!value) {
		json_null(json, key);
		return;
	}
	begin(json, key);
	put_string(json->out, value);
}

void json_unsigned(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void json_signed(struct json *json, const char *key, int64_t value)
{
	begin(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void json_address(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	fprintf(json->out, "\"0x%" PRIx64 "\"", value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	fputs_unlocked(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key)
{
	begin(json, key);
	fputs_unlocked("null", json->out);
}
