// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for survey.c: the machine is the one in the file that the variable
 * PMEMCTL_REPLAY names; with PMEMCTL_PARTIAL, as for who may not see all of it.
 */
#include "survey.h"

#include "crowd.h"
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>

int survey_look(struct client *client, struct machine *machine, struct failure *why)
{
	const char *path = getenv("PMEMCTL_REPLAY");
	size_t size;
	void *reply = path ? replay_load(path, &size) : NULL;
	int ret = reply ? crowd_replay(machine, reply, size) : -1;

	why->status = ret ? STATUS_FAILED : STATUS_DONE;
	snprintf(why->text, sizeof(why->text), "reply of the module is broken: %s",
		 machine->error);
	machine->partial = getenv("PMEMCTL_PARTIAL");
	machine->not_permitted = machine->partial ? 41 : 0;
	free(reply);
	return ret;
}
