/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Words and numbers as people read them.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** enum paint - what is coloured alike */
enum paint {
	PAINT_NONE,
	PAINT_HEAD,
	PAINT_CODE,
	PAINT_DATA,
	PAINT_HEAP,
	PAINT_STACK,
	PAINT_GUARD,
	PAINT_FAINT
};

/** paint_sequence() - escape sequence that begins a colour; "" for none */
const char *paint_sequence(enum paint paint);

/** paint_wanted() - whether standard output is to be coloured */
bool paint_wanted(void);

/**
 * size_text() - a number of bytes for people: 132K, 8M, 1.5G
 * @to: at least 24 bytes
 * @bytes: the number
 * @exact: write all of its digits
 *
 * Return: @to.
 */
char *size_text(char *to, uint64_t bytes, bool exact);

/**
 * nanoseconds_text() - a duration for people: 900 ns, 12.3 us
 * @to: at least 24 bytes
 * @ns: the duration
 *
 * Return: @to.
 */
char *nanoseconds_text(char *to, uint64_t ns);

/**
 * time_text() - an instant, ISO 8601 in UTC, with all nine digits
 * @to: at least 40 bytes
 * @ns: since 1970
 *
 * Return: @to.
 */
char *time_text(char *to, uint64_t ns);

/**
 * put_visible() - write a string onto a terminal line
 * @out: where to
 * @s: any bytes; control characters, and what is no UTF-8, are written as \xNN
 */
void put_visible(FILE *out, const char *s);

/**
 * perms_text() - what may be done with a VMA, as in /proc/PID/maps: rw-p
 * @to: at least 5 bytes
 * @flags: PMEMCTL_VMA_* bits
 *
 * Return: @to.
 */
char *perms_text(char *to, uint64_t flags);

/** put_count() - write a number of things, which are called @one or @many */
void put_count(FILE *out, size_t n, const char *one, const char *many);

/** struct word - a bit or value and what it is called */
struct word {
	uint64_t value;
	const char *word;
};

/**
 * words_join() - the words for the bits that are set, with commas between
 * @to: filled in and terminated, cut if too short
 * @size: of @to
 * @words: ended by one without a word
 * @bits: the bits
 */
void words_join(char *to, size_t size, const struct word *words, uint64_t bits);

/** word_find() - the word for a value, @other if there is none */
const char *word_find(const struct word *words, uint64_t value, const char *other);

#endif
