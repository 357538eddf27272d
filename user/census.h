/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who shares what: the tasks of a machine as a tree, mm by mm.
 */
#ifndef CENSUS_H
#define CENSUS_H

#include "machine.h"

enum entry_level {
	ENTRY_MM,
	ENTRY_PROCESS,
	ENTRY_THREAD
};

/** enum entry_relation - how a process comes to an mm that is not its alone */
enum entry_relation {
	RELATION_NONE,
	RELATION_CLONE_VM,	/* or the one that the others were cloned from */
	RELATION_VFORK_CHILD,
	RELATION_VFORK_PARENT,
	RELATION_KTHREAD,	/* a kernel thread that works in it */
	RELATION_LAZY		/* a kernel thread that was left with it */
};

/**
 * struct entry - a line of the tree
 * @level: what it is
 * @mm: the mm; NULL: none. RELATION_LAZY: the one that was borrowed
 * @task: the task; of a process its leader; of an mm that of its first process
 * @relation: of a process
 * @first: index of the first below: of an mm in @processes, of a process in @threads
 * @count: how many are below
 * @nr_threads: of a process; of an mm: of all its processes
 * @others: of the first process of an mm: how many more come behind it
 * @head: it is the first process of its mm, and shown with the mm's numbers
 */
struct entry {
	enum entry_level level;
	const struct pmemctl_mm_row *mm;
	const struct pmemctl_task *task;
	enum entry_relation relation;
	size_t first;
	size_t count;
	size_t nr_threads;
	size_t others;
	bool head;
};

/**
 * struct census - the tree
 * @machine: whose; it must outlive this
 * @mms: most resident memory first
 * @processes: of one mm behind each other, oldest first, kernel threads last
 * @threads: of one process behind each other, by id
 * @kthreads: kernel threads that work in no mm
 * @without: processes without an mm: zombies, and those that exit
 * @left_out: mms that census_filter() took away
 * @with_threads: threads are shown below their processes
 * @with_kthreads: and kernel threads at the end
 */
struct census {
	const struct machine *machine;
	struct entry *mms;
	size_t nr_mms;
	struct entry *processes;
	size_t nr_processes;
	struct entry *threads;
	struct entry *kthreads;
	size_t nr_kthreads;
	struct entry *without;
	size_t nr_without;
	size_t left_out;
	bool with_threads;
	bool with_kthreads;
};

/**
 * struct census_sum - what the mms of a census come to
 * @processes: that use them, without kernel threads
 * @threads: of these
 * @workers: kernel threads that work in them
 * @sharing: processes that are not the only one of their mm
 * @shared: mms of more than one process
 * @rss_by_process: resident bytes, for each process once
 * @rss: for each mm once
 */
struct census_sum {
	size_t processes;
	size_t threads;
	size_t workers;
	size_t sharing;
	size_t shared;
	uint64_t rss_by_process;
	uint64_t rss;
};

/**
 * census_make() - sort the tasks of a machine
 * @census: filled in; to be released with census_free() always
 * @machine: finished
 *
 * Return: 0, or -1 if there is no memory.
 */
int census_make(struct census *census, const struct machine *machine);

/** census_free() - releases what a census owns */
void census_free(struct census *census);

/**
 * census_filter() - keep some of the mms
 * @census: whose
 * @shared: those of more than one process only
 * @pids: those of these processes or threads only, and these kernel threads
 * @nr_pids: how many; 0: all
 */
void census_filter(struct census *census, bool shared, const uint32_t *pids, size_t nr_pids);

/**
 * census_task() - the task of an id
 * @census: whose
 * @tid: of any thread
 *
 * Return: the task, NULL if there is none.
 */
const struct pmemctl_task *census_task(const struct census *census, uint32_t tid);

/** census_add_up() - what the mms that are left come to */
struct census_sum census_add_up(const struct census *census);

/** census_user_processes() - how many processes use an mm, without kernel threads */
size_t census_user_processes(const struct census *census, const struct entry *mm);

#endif
