/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a process has in its memory, as far as that is there already: nothing is
 * faulted in.
 */
#ifndef PEEK_H
#define PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct peek - two files of one process, open for reading
 * @pagemap: /proc/PID/pagemap
 * @mem: /proc/PID/mem; -1: not permitted
 */
struct peek {
	int pagemap;
	int mem;
};

/** enum peek_state - what came of it */
enum peek_state {
	PEEK_DONE,
	PEEK_AWAY,	/* swapped out, or not permitted: it may say anything */
	PEEK_NOTHING	/* never touched, or given back */
};

/**
 * peek_at() - read memory that is present
 * @peek: the process
 * @addr: where; not in a VMA that cannot be read
 * @to: filled in on PEEK_DONE
 * @size: how many bytes
 */
enum peek_state peek_at(const struct peek *peek, uint64_t addr, void *to, size_t size);

/** peek_words() - the same for 64-bit words, return: whether they were read */
bool peek_words(const struct peek *peek, uint64_t addr, uint64_t *to, size_t count);

#endif
