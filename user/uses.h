/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything that files and memory tell of regions.
 */
#ifndef USES_H
#define USES_H

#include "model.h"
#include "peek.h"

/**
 * uses_collect() - fill in the witness' uses
 * @model: the model that will be shown, finished, of which the executable is known
 * @peek: the process
 * @tid: 0, or the thread in whose name to open files
 *
 * It is read after the snapshot, so it counts only where it fits to the addresses
 * that the snapshot has: to the end of a VMA, to where segments are mapped, to a
 * thread pointer. What was found before is forgotten.
 *
 * Return: 0 or -ENOMEM.
 */
int uses_collect(struct model *model, const struct peek *peek, uint32_t tid);

#endif
