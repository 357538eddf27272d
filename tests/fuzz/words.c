// SPDX-License-Identifier: GPL-2.0
#include "words.h"

#include "input.h"

void judge_words(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = text[i], next = i + 1 < size ? text[i + 1] : 0;

		must(c == '\n' || (c >= 0x20 && c != 0x7f));
		must(c != 0xc2 || next < 0x80 || next >= 0xa0);
	}
}
