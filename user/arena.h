/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What glibc's malloc has besides the heap of brk: arenas, and large requests
 * that it passes on to mmap.
 */
#ifndef ARENA_H
#define ARENA_H

#include "model.h"
#include "peek.h"

/**
 * arenas_collect() - add to a model's uses the heaps of arenas
 * @model: a finished model; its witness is filled
 * @peek: the process
 *
 * A heap begins at a multiple of 64 MiB and has 64 MiB of addresses: what is
 * readable and writable, and above that, up to the end, addresses without access.
 * At its start lies a struct heap_info, which says what belongs to it. Where that
 * cannot be read, the shape has to do, if glibc and threads are or were in the process
 * and the heap is a VMA of its own. Heaps of another size come with huge pages only, the tunable
 * glibc.malloc.hugetlb=2: those are not told.
 *
 * Return: 0 or -ENOMEM.
 */
int arenas_collect(struct model *model, const struct peek *peek);

/**
 * chunk_at() - whether a chunk that malloc got from mmap begins at an address
 * @peek: the process
 * @addr: the address, of a page
 * @end: where it must have ended
 *
 * Such a chunk begins with its header: 0 and its size, in whole pages, with the flag
 * that says mmap. If it was to be aligned, the header lies as far in
 * as it says in the place of the 0. Below 128 KiB, from where on malloc turns to
 * mmap, nothing is believed.
 *
 * Return: its size, 0: there is none.
 */
uint64_t chunk_at(const struct peek *peek, uint64_t addr, uint64_t end);

#endif
