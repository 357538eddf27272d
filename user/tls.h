/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the main thread has its descriptor and its thread-local storage: other
 * threads have them at the top of their stacks.
 */
#ifndef TLS_H
#define TLS_H

#include "model.h"
#include "peek.h"

/**
 * tls_collect() - fill in the witness' tls, and add to its uses the loader's memory around
 * @model: a finished model with its executable known
 * @peek: the process
 *
 * glibc's loader tells from where to where; or else the range is what is known to
 * belong to it: from the lowest of the blocks that the descriptor lists, or where the
 * executable's own begins, to the highest address in the descriptor that the kernel was
 * told of. It is left empty where the descriptor cannot be read, or where there is none
 * at the thread pointer.
 *
 * Return: 0 or -ENOMEM.
 */
int tls_collect(struct model *model, const struct peek *peek);

#endif
