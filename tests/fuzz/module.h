/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A module that there is not: what is asked of it is thrown away, and what it answers
 * are the fuzzer's bytes.
 */
#ifndef MODULE_H
#define MODULE_H

#include "client.h"

#include <stddef.h>

/**
 * module_answers() - what is to be received
 * @client: filled in as if it were open
 * @bytes: the messages
 * @size: of them
 * @piece: how many messages come at a time, 0: all
 */
void module_answers(struct client *client, const void *bytes, size_t size, size_t piece);

#endif
