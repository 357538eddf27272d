/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of tasks made to order.
 */
#ifndef CROWD_H
#define CROWD_H

#include "machine.h"

#include <stddef.h>
#include <stdint.h>

#define CROWD_ROWS 64

/**
 * struct crowd - what a list of all tasks shall say
 * @per_chunk: rows in a chunk at most, 0: all in one
 * @mm_size: bytes of a row of an mm, 0: those of this program
 * @task_size: bytes of a row of a task, 0: those of this program
 * @cmd: of the messages
 * @without: an attribute to leave out
 *
 * The rest is filled by the functions below, or by hand.
 */
struct crowd {
	uint32_t hidden;
	uint32_t per_chunk;
	size_t mm_size;
	size_t task_size;
	uint8_t cmd;
	uint16_t without;

	struct pmemctl_mm_row mms[CROWD_ROWS];
	size_t nr_mms;
	struct pmemctl_task tasks[CROWD_ROWS];
	size_t nr_tasks;

	_Alignas(8) char reply[32768];
	size_t size;
};

/** crowd_init() - nobody */
void crowd_init(struct crowd *crowd);

/** crowd_mm() - an mm with this much resident; returns its number */
uint32_t crowd_mm(struct crowd *crowd, uint64_t rss);

/** crowd_task() - a task; its flags say whether it is a leader */
struct pmemctl_task *crowd_task(struct crowd *crowd, uint32_t tgid, uint32_t tid, uint32_t mm,
				const char *comm);

/** crowd_build() - make @crowd->reply of it, with NLMSG_DONE at its end */
void crowd_build(struct crowd *crowd);

/** crowd_machine() - build, decode and finish; returns as machine_finish() */
int crowd_machine(struct crowd *crowd, struct machine *machine);

/** crowd_replay() - decode and finish @size bytes of messages; returns as machine_finish() */
int crowd_replay(struct machine *machine, const void *reply, size_t size);

/**
 * crowd_village() - a small machine with one of each
 *
 * init; a program of three threads; three processes of one mm; a vfork child and its
 * parent; a process whose main thread has ended; a zombie; kernel threads: one at work,
 * one lazy, one idle.
 */
void crowd_village(struct crowd *crowd);

#endif
