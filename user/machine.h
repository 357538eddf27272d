/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All tasks of the machine, or those that the caller may see, and the mms they
 * use: plain structs, every number in them checked.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/pmemctl.h>

enum machine_table {
	MACHINE_MMS,
	MACHINE_TASKS,
	MACHINE_TABLES
};

/**
 * struct machine - tasks and mms
 * @taken: CLOCK_REALTIME when the walk over them began, ns
 * @walk: how long it took, ns
 * @hidden: tasks that have no pid here and are not among them
 * @mms: in no certain order
 * @tasks: by tgid, then tid; a task's mm is mms[task->mm - 1]
 * @partial: put together by survey_look() from what the caller may see; @hidden is
 *	not known
 * @not_permitted: processes that he may not look at; @partial only
 * @unread: processes that could not be looked at for another reason; @partial only
 * @unread_pid: the first of these
 * @unread_why: why that could not
 * @error: why machine_feed() or machine_finish() failed
 */
struct machine {
	uint64_t taken;
	uint64_t walk;
	uint32_t hidden;
	const struct pmemctl_mm_row *mms;
	size_t nr_mms;
	const struct pmemctl_task *tasks;
	size_t nr_tasks;
	bool partial;
	size_t not_permitted;
	size_t unread;
	uint32_t unread_pid;
	char unread_why[160];
	char error[160];

	/* private */
	struct rows tables[MACHINE_TABLES];
	uint32_t seen;
};

/** machine_init() - an empty machine, to be released with machine_free() */
void machine_init(struct machine *machine);

/** machine_free() - releases what a machine owns; it is then empty */
void machine_free(struct machine *machine);

/**
 * machine_feed() - takes one message of a reply
 * @machine: where to
 * @nlh: a whole message, aligned to 4 bytes; not used after the return
 *
 * Return: 0, or -1 with @machine->error set.
 */
int machine_feed(struct machine *machine, const struct nlmsghdr *nlh);

/**
 * machine_finish() - checks a reply as a whole, after its last message
 * @machine: its rows are there to be read from now on
 *
 * Return: 0, or -1 with @machine->error set.
 */
int machine_finish(struct machine *machine);

/**
 * machine_add_task() - a task from elsewhere than a reply
 * @machine: where to; not finished yet
 * @task: copied
 *
 * Return: 0, or -1 if there is no memory.
 */
int machine_add_task(struct machine *machine, const struct pmemctl_task *task);

/**
 * machine_add_mm() - an mm from elsewhere than a reply
 * @machine: where to; not finished yet
 * @mm: copied, unless it is there already
 * @pid: of a process that uses it
 * @same: asked about @pid and one that had the same id; an id comes again when its mm
 *	is gone
 *
 * Return: its number, 0 if there is no memory.
 */
uint32_t machine_add_mm(struct machine *machine, const struct pmemctl_mm_row *mm, uint32_t pid,
			bool (*same)(uint32_t pid, uint32_t other));

/** machine_mm() - the mm of a number found in a row; NULL for 0 */
static inline const struct pmemctl_mm_row *machine_mm(const struct machine *machine,
						      uint32_t number)
{
	return number ? &machine->mms[number - 1] : NULL;
}

/** machine_rss() - resident bytes of an mm */
static inline uint64_t machine_rss(const struct pmemctl_mm_row *mm)
{
	return mm->rss_anon + mm->rss_file + mm->rss_shmem;
}

#endif
