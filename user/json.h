/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A streaming JSON writer. Values of an object have a key, those of an array
 * have NULL for one.
 *
 * Strings are bytes: what is valid UTF-8 is written as it is, but for control
 * characters, which a terminal might obey and are escaped; each other byte 0xNN is
 * written as the lone surrogate \udcNN, so that nothing is lost (Python calls this
 * surrogateescape).
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/**
 * struct json - a document being written
 * @out: where to
 * @depth: open objects and arrays
 * @empty: the innermost of them has no value yet
 * @rows: bit N: each value at depth N begins a line
 */
struct json {
	FILE *out;
	unsigned int depth;
	bool empty;
	uint32_t rows;
};

/** json_object() - begin an object, for json_end_object() to end */
void json_object(struct json *json, const char *key);
void json_end_object(struct json *json);

/** json_array() - begin an array, each value on a line, for json_end_array() to end */
void json_array(struct json *json, const char *key);
void json_end_array(struct json *json);

/** json_string() - a string, or null if @value is NULL */
void json_string(struct json *json, const char *key, const char *value);

/** json_unsigned() - a number */
void json_unsigned(struct json *json, const char *key, uint64_t value);

/** json_signed() - a number */
void json_signed(struct json *json, const char *key, int64_t value);

/** json_address() - a string "0x…" */
void json_address(struct json *json, const char *key, uint64_t value);

/** json_bool() - true or false */
void json_bool(struct json *json, const char *key, bool value);

/** json_null() - null */
void json_null(struct json *json, const char *key);

#endif
