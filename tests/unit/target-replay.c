// SPDX-License-Identifier: GPL-2.0
/*
 * Stands in for target.c and proc.c: every PID is the process in the file that
 * the variable PMEMCTL_REPLAY names. With it, the whole program runs on a reply
 * that was stored, and the same on every machine.
 */
#include "proc.h"
#include "target.h"

#include "hearsay.h"
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int target_look(struct client *client, uint32_t pid, const struct wish *wish,
		struct model *model, struct failure *why)
{
	const char *path = getenv("PMEMCTL_REPLAY");
	size_t size;
	void *reply = path ? replay_load(path, &size) : NULL;
	int ret = -1;

	why->status = STATUS_DONE;
	if (!reply) {
		why->status = STATUS_NO_PROCESS;
		snprintf(why->text, sizeof(why->text), "no such process");
		return ret;
	}
	ret = replay(model, reply, size, wish->sections);
	if (ret) {
		why->status = STATUS_FAILED;
		snprintf(why->text, sizeof(why->text), "reply of the module is broken: %s",
			 model->error);
	} else if (hearsay(model, wish)) {
		abort();
	}
	free(reply);
	return ret;
}

/* What a reply does not hold is not to be had */
int proc_stat(uint32_t pid, struct proc_stat *stat)
{
	return -ENOENT;
}

uint32_t proc_live_thread(uint32_t pid)
{
	return 0;
}

int proc_open(uint32_t pid, uint32_t tid, const char *name)
{
	return -ENOENT;
}

bool proc_vsyscall(struct pmemctl_vma *vma)
{
	*vma = (struct pmemctl_vma) {
		.start = 0xffffffffff600000, .end = 0xffffffffff601000,
		.flags = PMEMCTL_VMA_EXEC, .page_shift = 12,
	};
	return true;
}

/* There is nobody else */
size_t proc_list(uint32_t pid, uint32_t **ids)
{
	*ids = NULL;
	return 0;
}

bool proc_is_partial(void)
{
	return false;
}

enum proc_answer proc_same_mm(uint32_t a, uint32_t b)
{
	return PROC_UNKNOWN;
}

enum proc_answer proc_same_namespace(uint32_t a, uint32_t b, const char *name)
{
	return PROC_UNKNOWN;
}
