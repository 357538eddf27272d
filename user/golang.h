/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a program of Go's has in its address space.
 */
#ifndef GOLANG_H
#define GOLANG_H

#include "model.h"

/**
 * golang_collect() - add to a model's uses Go's heap, and what Go reserves to manage it
 * @model: a finished model of which the executable is known; its witness is filled
 *
 * On 64-bit machines the heap begins at 0xc000000000, or from Go 1.26 on at an address
 * that is drawn, and grows by 64 MiB at a time. The page allocator reserves, for each
 * size of piece that an address space can be cut into, a table with 8 bytes for each,
 * and makes accessible what stands for the heap: so many bytes above its beginning,
 * which no other use of memory has.
 *
 * Return: 0 or -ENOMEM.
 */
int golang_collect(struct model *model);

#endif
