/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stacks that no live thread uses: those that glibc keeps for new threads, and
 * those that fork() copies although it copies one thread only.
 */
#ifndef ORPHANS_H
#define ORPHANS_H

#include "model.h"
#include "stacks.h"

/**
 * orphans_tellable() - whether they can be told at all
 * @model: a finished model with its sharers
 *
 * With the right to attach only; and not where another process uses the mm, as
 * its stacks would look like nobody's.
 */
bool orphans_tellable(const struct model *model);

/**
 * orphans_collect() - look for them
 * @model: a finished model; its witness is filled
 * @stacks: of its threads, judged
 * @pagemap: of the same process
 * @mem: /proc/PID/mem of the same process
 *
 * An orphan has the descriptor of a thread at its top, which begins with its own
 * address, as the ABI for thread-local storage demands, and which says where the
 * block begins and ends, see block.h. They are looked for where a VMA ends, or a
 * guard marker begins, or where the one above begins. Only pages that are present
 * are read, so none is faulted in.
 *
 * Return: 0 or -errno.
 */
int orphans_collect(struct model *model, const struct stack *stacks, int pagemap, int mem);

/**
 * orphans_settle() - drop those that changed, or that a thread uses by now
 * @after: a model with the witness of @before
 * @before: an earlier model of the same process
 *
 * Return: 0, or -1 if there is no memory.
 */
int orphans_settle(struct model *after, const struct model *before);

#endif
