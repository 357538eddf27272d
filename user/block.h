/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a thread's descriptor says of the block of memory that it lies in. The C
 * libraries keep there where the block begins and how large it is. Where in the
 * descriptor differs from version to version, but it shows: what begins there
 * and is that large ends right behind the descriptor.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include "model.h"

/** enum block_state - whether a thread's descriptor could be asked */
enum block_state {
	BLOCK_NOT_ASKED,	/* not wanted, not permitted, or no descriptor */
	BLOCK_SWAPPED,		/* it would have to be brought in */
	BLOCK_GONE,		/* its memory is not there any more */
	BLOCK_SILENT,		/* it does not tell: of an unknown library */
	BLOCK_TOLD
};

/**
 * block_find() - what the descriptor at an address says
 * @pagemap: /proc/PID/pagemap
 * @mem: /proc/PID/mem; only pages that are present are read
 * @descriptor: its address, which is that of the thread pointer
 * @block: filled in with BLOCK_TOLD
 */
enum block_state block_find(int pagemap, int mem, uint64_t descriptor, struct range *block);

/**
 * blocks_collect() - ask the descriptors of threads that were not asked yet
 * @model: a finished model with thread pointers; its witness is filled
 * @pagemap: of the same process
 * @mem: of the same process
 *
 * Return: 0 or -errno.
 */
int blocks_collect(struct model *model, int pagemap, int mem);

/**
 * block_of() - what a thread's descriptor said
 * @model: the model
 * @i: number of the thread
 * @block: filled in with BLOCK_TOLD
 *
 * Return: its state; where others of a process with glibc told something, one that
 * does not is BLOCK_GONE.
 */
enum block_state block_of(const struct model *model, size_t i, struct range *block);

#endif
