// SPDX-License-Identifier: GPL-2.0
#include "check-json.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define KEYS 256

struct parser {
	const char *at;
	const char *end;
};

static bool value(struct parser *p, int depth);

static void blanks(struct parser *p)
{
	while (p->at < p->end && strchr(" \t\r\n", *p->at) && *p->at)
		p->at++;
}

static bool next_is(struct parser *p, char c)
{
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

static bool literal(struct parser *p, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(p->end - p->at) < len || memcmp(p->at, word, len))
		return false;
	p->at += len;
	return true;
}

static bool hex4(struct parser *p)
{
	for (int i = 0; i < 4; i++, p->at++) {
		if (p->at == p->end || !isxdigit((unsigned char)*p->at))
			return false;
	}
	return true;
}

/* Decodes a code point and asks whether it was written the shortest way */
static bool utf8(struct parser *p)
{
	static const unsigned int lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = *p->at++;
	int len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	unsigned int code = c & (0xff >> (len + 1));

	if (c < 0xc0 || c >= 0xf8)
		return false;
	for (int i = 1; i < len; i++, p->at++) {
		if (p->at == p->end || (*p->at & 0xc0) != 0x80)
			return false;
		code = code << 6 | (*p->at & 0x3f);
	}
	return code >= lowest[len] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static bool string(struct parser *p)
{
	if (!next_is(p, '"'))
		return false;
	while (p->at < p->end) {
		unsigned char c = *p->at;

		if (c >= 0x80) {
			if (!utf8(p))
				return false;
			continue;
		}
		p->at++;
		if (c == '"')
			return true;
		if (c < 0x20)
			return false;
		if (c != '\\')
			continue;
		if (p->at == p->end)
			return false;
		c = *p->at++;
		if (c == 'u' ? !hex4(p) : !strchr("\"\\/bfnrt", c))
			return false;
	}
	return false;
}

static bool digits(struct parser *p)
{
	const char *start = p->at;

	while (p->at < p->end && isdigit((unsigned char)*p->at))
		p->at++;
	return p->at > start;
}

static bool number(struct parser *p)
{
	next_is(p, '-');
	if (!next_is(p, '0') && !digits(p))
		return false;
	return !next_is(p, '.') || digits(p);
}

static bool array(struct parser *p, int depth)
{
	blanks(p);
	if (next_is(p, ']'))
		return true;
	do {
		if (!value(p, depth))
			return false;
	} while (next_is(p, ','));
	return next_is(p, ']');
}

static bool object(struct parser *p, int depth)
{
	struct { const char *at; size_t len; } keys[KEYS];
	size_t n = 0;

	blanks(p);
	if (next_is(p, '}'))
		return true;
	do {
		blanks(p);
		keys[n].at = p->at;
		if (!string(p))
			return false;
		keys[n].len = p->at - keys[n].at;
		for (size_t i = 0; i < n; i++) {
			if (keys[i].len == keys[n].len &&
			    !memcmp(keys[i].at, keys[n].at, keys[n].len))
				return false;
		}
		if (++n == KEYS)
			return false;
		blanks(p);
		if (!next_is(p, ':') || !value(p, depth))
			return false;
	} while (next_is(p, ','));
	return next_is(p, '}');
}

static bool value(struct parser *p, int depth)
{
	bool good;

	blanks(p);
	if (p->at == p->end || depth > 20)
		return false;
	if (next_is(p, '{'))
		good = object(p, depth + 1);
	else if (next_is(p, '['))
		good = array(p, depth + 1);
	else if (*p->at == '"')
		good = string(p);
	else if (*p->at == '-' || isdigit((unsigned char)*p->at))
		good = number(p);
	else
		good = literal(p, "true") || literal(p, "false") || literal(p, "null");
	blanks(p);
	return good;
}

const char *json_check(const char *text, size_t size)
{
	struct parser p = { text, text + size };

	if (!value(&p, 0) || p.at != p.end)
		return p.at;
	return NULL;
}
