/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the machine to a model of it: all tasks for who may see them, else those
 * that he may.
 */
#ifndef SURVEY_H
#define SURVEY_H

#include "client.h"
#include "machine.h"
#include "pmemctl.h"

/**
 * survey_look() - list the tasks and their mms
 * @client: the connection; opened here
 * @machine: an empty machine; filled and finished on success, to be freed always
 * @why: filled in on failure
 *
 * Who may not see all tasks gets those whose /proc/PID/pagemap he may open, one after
 * the other, kernel threads, and the number of the rest.
 *
 * Return: 0 or -1.
 */
int survey_look(struct client *client, struct machine *machine, struct failure *why);

#endif
