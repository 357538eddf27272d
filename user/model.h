/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reply of the module as plain structs, every number in it checked.
 */
#ifndef MODEL_H
#define MODEL_H

#include "rows.h"
#include "witness.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/pmemctl.h>

/** VMA_ACCESS - the bits of a VMA that say how it may be accessed */
#define VMA_ACCESS (PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE | PMEMCTL_VMA_EXEC)

enum model_table {
	MODEL_VMAS,
	MODEL_OBJECTS,
	MODEL_THREADS,
	MODEL_SHARERS,
	MODEL_STRINGS,
	MODEL_TABLES
};

/**
 * struct model - the address space of a process at one instant
 * @pid: thread group id
 * @flags: enum pmemctl_process_flag
 * @comm: name of the thread group leader
 * @has_mm: it has an address space of its own
 * @mm: values of enum pmemctl_mm_attr, by number
 * @taken: CLOCK_REALTIME, ns
 * @taken_boottime: CLOCK_BOOTTIME, ns
 * @lock_wait: ns
 * @lock_hold: ns
 * @rlimit_stack: bytes, all ones: unlimited
 * @borrowed_pid: whose mm a kernel thread works in, 0: nobody's or not told
 * @borrowed_comm: that process' name
 * @unexplained: references in mm_users that no task explains
 * @hidden: tasks of sharers that have no pid here, each thread and kernel thread
 * @vmas: by ascending address, none overlap
 * @threads: oldest first
 * @sharers: by ascending age
 * @objects: object number N is objects[N - 1]
 * @names: what /proc/PID/maps calls each object, terminated; NULL: not known
 * @witness: what /proc tells besides
 * @sections: enum pmemctl_section that was asked for
 * @error: why model_feed() or model_finish() failed
 *
 * The rows are the module's structs; a field that an older module does not
 * send is 0. The model owns all of it.
 */
struct model {
	uint32_t pid;
	uint32_t flags;
	char comm[64];
	bool has_mm;
	uint64_t mm[PMEMCTL_MM_MAX + 1];
	uint64_t taken;
	uint64_t taken_boottime;
	uint64_t lock_wait;
	uint64_t lock_hold;
	uint64_t rlimit_stack;
	uint32_t borrowed_pid;
	char borrowed_comm[64];
	uint32_t unexplained;
	uint32_t hidden;

	const struct pmemctl_vma *vmas;
	size_t nr_vmas;
	const struct pmemctl_thread *threads;
	size_t nr_threads;
	const struct pmemctl_sharer *sharers;
	size_t nr_sharers;
	const struct pmemctl_object *objects;
	size_t nr_objects;
	const char **names;

	struct witness witness;

	uint32_t sections;
	char error[160];

	/* private */
	struct rows tables[MODEL_TABLES];
	uint64_t seen;
	char *name_bytes;
};

/** witness_free() - releases what a witness owns; it is then empty */
void witness_free(struct witness *witness);

/**
 * model_init() - an empty model
 * @model: to be released with model_free()
 */
void model_init(struct model *model);

/**
 * model_free() - releases what a model owns; it is then empty
 * @model: a model
 */
void model_free(struct model *model);

/**
 * model_feed() - takes one message of a reply
 * @model: where to
 * @nlh: a whole message, aligned to 4 bytes; not used after the return
 *
 * Return: 0, or -1 with @model->error set.
 */
int model_feed(struct model *model, const struct nlmsghdr *nlh);

/**
 * model_finish() - checks a reply as a whole, after its last message
 * @model: the model; its rows are there to be read from now on
 * @sections: enum pmemctl_section that was asked for
 *
 * Return: 0, or -1 with @model->error set.
 */
int model_finish(struct model *model, uint32_t sections);

/**
 * model_vma() - the VMA that holds an address
 * @model: a finished model
 * @addr: the address
 *
 * Return: the VMA, NULL if there is none.
 */
const struct pmemctl_vma *model_vma(const struct model *model, uint64_t addr);

/** model_vma_below() - the VMA that ends at or below another; NULL: none */
static inline const struct pmemctl_vma *model_vma_below(const struct model *model,
							const struct pmemctl_vma *vma)
{
	return vma == model->vmas ? NULL : vma - 1;
}

/**
 * model_object() - the object of a number found in a row
 * @model: a finished model
 * @number: object number
 *
 * Return: the object, NULL for number 0.
 */
static inline const struct pmemctl_object *model_object(const struct model *model,
							uint32_t number)
{
	return number ? &model->objects[number - 1] : NULL;
}

/**
 * model_name() - what /proc/PID/maps calls an object, without its escapes
 * @model: a finished model
 * @number: object number
 *
 * Return: a string of @model; NULL for number 0 or where the path is not known.
 */
static inline const char *model_name(const struct model *model, uint32_t number)
{
	return number ? model->names[number - 1] : NULL;
}

#endif
