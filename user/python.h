/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory that Python takes small objects from.
 */
#ifndef PYTHON_H
#define PYTHON_H

#include "model.h"
#include "peek.h"

/** python_runs() - whether a process runs Python, by the name of what it maps */
bool python_runs(const struct model *model);

/* What Python asks mmap for at a time, from 3.10 on */
#define PYTHON_ARENA (1ULL << 20)

/**
 * python_arena_at() - whether an arena of CPython's begins at an address
 * @peek: the process
 * @addr: the address, of a page
 *
 * It is cut into pools of 16 KiB, each of which begins with a header that says
 * what size its objects have, twice over, and which arena it belongs to. They are
 * taken in turn: the first is always there.
 *
 * Return: whether it is, and 1 MiB in size.
 */
bool python_arena_at(const struct peek *peek, uint64_t addr);

/* In which a thread of Python's keeps frames, from 3.11 on */
#define PYTHON_FRAMES (16ULL << 10)

/**
 * python_frames_at() - whether the first frames of a thread of CPython's begin at an address
 * @peek: the process, which must be known to run Python
 * @addr: the address, of a page
 *
 * Their header says that none came before, and that they have 16 KiB.
 */
bool python_frames_at(const struct peek *peek, uint64_t addr);

#endif
