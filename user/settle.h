/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two snapshots, and what was read from /proc between them.
 */
#ifndef SETTLE_H
#define SETTLE_H

#include "model.h"

/**
 * settle() - keep of a witness what held still
 * @after: a model taken after @before's witness was heard; gets it, and in it
 *	which of the threads it is good for: those that were in @before with the
 *	same descriptor. Orphans are kept where the VMAs are the same and no thread
 *	has moved in
 * @before: loses its witness
 *
 * Return: 0, or -1 if there is no memory.
 */
int settle(struct model *after, struct model *before);

#endif
