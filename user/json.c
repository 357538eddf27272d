// SPDX-License-Identifier: GPL-2.0
#include "json.h"

#include "utf8.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_string(FILE *out, const char *s)
{
	putc_unlocked('"', out);
	while (*s) {
		unsigned char c = *s;
		size_t len = 0;

		while (is_plain(s[len]))
			len++;
		if (!len && c >= 0x80 && !utf8_is_control(s))
			len = utf8_length(s);
		if (len) {
			fwrite_unlocked(s, 1, len, out);
			s += len;
			continue;
		}
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (utf8_is_control(s))
			fprintf(out, "\\u%04x", c < 0x80 ? c : (unsigned char)*++s);
		else
			fprintf(out, "\\udc%02x", c);
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
