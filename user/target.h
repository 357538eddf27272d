/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a PID to a model of it, or to the words that say why not.
 */
#ifndef TARGET_H
#define TARGET_H

#include "client.h"
#include "model.h"
#include "pmemctl.h"

/**
 * target_look() - take a snapshot of the process that a PID stands for
 * @client: the connection; opened here when it is not open
 * @pid: any of the threads of the process
 * @wish: what is wanted
 * @model: an empty model; filled and finished on success, to be freed always
 * @why: filled in on failure
 *
 * Asks for no more than @wish needs, tries again when the process changed
 * under the request, and falls back to doing without the registers.
 *
 * Return: 0 or -1.
 */
int target_look(struct client *client, uint32_t pid, const struct wish *wish,
		struct model *model, struct failure *why);

#endif
