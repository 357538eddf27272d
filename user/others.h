/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other processes of the machine: one pass over all that the caller may
 * look at, with one snapshot of each.
 */
#ifndef OTHERS_H
#define OTHERS_H

#include "client.h"
#include "json.h"
#include "model.h"

/**
 * struct other - an address space of other processes
 * @mm_id: its id
 * @pid: the lowest process that uses it
 * @comm: that process' name
 * @processes: how many use it
 */
struct other {
	uint64_t mm_id;
	uint32_t pid;
	char comm[64];
	uint32_t processes;
};

/**
 * struct others - what a pass came by
 * @list: each address space once, in order of pid
 * @count: how many
 * @processes: how many processes were looked at
 * @refused: how many the caller may not look at
 * @failed: how many could not be looked at for another reason
 * @failed_pid: the first of these, 0: there is none
 * @reason: why that could not
 * @partial: not all processes of the machine show in this /proc
 */
struct others {
	struct other *list;
	size_t count;
	uint32_t processes;
	uint32_t refused;
	uint32_t failed;
	uint32_t failed_pid;
	char reason[256];
	bool partial;

	/* private */
	size_t room;
	void *by_mm;
};

/**
 * typedef others_fn - takes one of the other address spaces
 * @model: its VMAs, of one instant
 * @index: of it in the list of the pass
 * @data: the caller's
 *
 * Return: 0, or -1 to give up: there is no memory.
 */
typedef int others_fn(const struct model *model, size_t index, void *data);

/**
 * others_look() - go over the machine
 * @client: the connection; opened when it is not open
 * @target: the process whose others are wanted; not among them are processes
 *	that share its mm, this program itself, and kernel threads
 * @others: filled in; to be released with others_free() always
 * @fn: called once for each address space
 * @data: for @fn
 *
 * A process that ends before it is its turn is left out.
 *
 * Return: 0, or -1 if there is no memory.
 */
int others_look(struct client *client, const struct model *target, struct others *others,
		others_fn *fn, void *data);

/**
 * others_missed() - one that could not be looked at
 * @others: the pass
 * @pid: the process
 * @refused: it is not permitted
 * @reason: why not, else
 */
void others_missed(struct others *others, uint32_t pid, bool refused, const char *reason);

/** others_free() - releases what a pass took; it is then empty */
void others_free(struct others *others);

/**
 * others_text() - a line for each reason why processes may be missing, if any
 * @out: where to
 * @others: after the pass
 */
void others_text(FILE *out, const struct others *others);

/** others_json() - the object "looked_at": how many were, how many not and why */
void others_json(struct json *json, const struct others *others);

#endif
