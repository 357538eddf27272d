// SPDX-License-Identifier: GPL-2.0
#include "words.h"

#include "input.h"

/* By bit patterns, unlike utf8.c. Return: bytes of a character, and which it is */
static size_t decode(const unsigned char *s, size_t left, unsigned int *code)
{
	static const unsigned int lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 :
		     s[0] >> 3 == 30 ? 4 : 0;

	must(len && len <= left);
	*code = len == 1 ? s[0] : s[0] & (0xff >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		must(s[i] >> 6 == 2);
		*code = *code << 6 | (s[i] & 0x3f);
	}
	must(*code >= lowest[len] && *code <= 0x10ffff && *code >> 11 != 0xd800 >> 11);
	return len;
}

void judge_words(const char *text, size_t size)
{
	unsigned int code;

	for (size_t i = 0; i < size; ) {
		i += decode((const void *)(text + i), size - i, &code);
		must(code == '\n' || (code >= 0x20 && (code < 0x7f || code >= 0xa0)));
	}
}
