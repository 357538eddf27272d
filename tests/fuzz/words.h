/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What holds of everything that is written for people or programs.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

/** judge_words() - no byte of a text does anything to a terminal, but for line ends */
void judge_words(const char *text, size_t size);

#endif
