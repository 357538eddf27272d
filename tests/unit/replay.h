/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Replies from memory or a file in place of the module's.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include "model.h"

#include <stddef.h>

/**
 * replay() - feed stored messages to a model, up to NLMSG_DONE, and finish it
 * @model: an empty model
 * @reply: messages as they came, aligned to 8 bytes
 * @size: of all of them
 * @sections: that were asked for
 *
 * Return: 0, or -1 with @model->error set.
 */
int replay(struct model *model, const void *reply, size_t size, uint32_t sections);

/**
 * replay_load() - read a stored reply
 * @path: of the file
 * @size: set to its size
 *
 * Return: its bytes, aligned to 8, for free(); NULL if it cannot be read.
 */
void *replay_load(const char *path, size_t *size);

#endif
