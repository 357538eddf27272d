/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What holds of everything that is written for people or programs.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

/** judge_words() - a text is UTF-8, and nothing in it but line ends is for a terminal to obey */
void judge_words(const char *text, size_t size);

#endif
