/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes that the fuzzer gives a target, taken one after the other; and what a
 * target does when it finds something.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/**
 * struct input - what is left of the bytes
 * @at: the next one
 * @left: how many there are
 */
struct input {
	const uint8_t *at;
	size_t left;
};

/** take() - a number of @bytes bytes, the lowest first; what is not there is 0 */
uint64_t take(struct input *in, size_t bytes);

/** take_below() - a number below @limit, of one byte, or of two if that is more than 256 */
uint64_t take_below(struct input *in, uint64_t limit);

/**
 * take_string() - a string, up to the next 0 byte, which is taken as well
 * @in: the bytes
 * @to: filled in and terminated
 * @size: of @to; what does not fit stays for the next one
 *
 * Return: its length.
 */
size_t take_string(struct input *in, char *to, size_t size);

/** must() - what holds whatever comes; else that is a find */
#define must(condition) \
do { \
	if (!(condition)) { \
		fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} \
} while (0)

/** LLVMFuzzerTestOneInput() - what each target is: one run */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** LLVMFuzzerInitialize() - before the first run; targets may have it */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
