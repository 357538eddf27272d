/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Replies made to order.
 */
#ifndef BUILDER_H
#define BUILDER_H

#include "model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDER_ROWS 64

/**
 * struct builder - what a reply shall say
 * @pid: thread group id
 * @flags: enum pmemctl_process_flag
 * @comm: name of the process; NULL: the reply has none
 * @mm: by enum pmemctl_mm_attr; map_count is counted unless set
 * @no_mm: leave the mm out
 * @vma_size: bytes of a VMA row, 0: those of this program
 * @thread_size: bytes of a thread row, 0: those of this program
 * @per_chunk: rows in a chunk at most, 0: all in one
 *
 * The rest is filled by the functions below, or by hand.
 */
struct builder {
	uint32_t pid;
	uint32_t flags;
	const char *comm;
	uint64_t mm[PMEMCTL_MM_MAX + 1];
	bool no_mm;
	uint32_t borrowed_pid;
	const char *borrowed_comm;
	uint32_t hidden;
	uint32_t unexplained;
	uint64_t rlimit_stack;
	size_t vma_size;
	size_t thread_size;
	uint32_t per_chunk;

	struct pmemctl_vma vmas[BUILDER_ROWS];
	size_t nr_vmas;
	struct pmemctl_object objects[BUILDER_ROWS];
	size_t nr_objects;
	struct pmemctl_thread threads[BUILDER_ROWS];
	size_t nr_threads;
	struct pmemctl_sharer sharers[BUILDER_ROWS];
	size_t nr_sharers;
	char strings[8192];
	size_t nr_strings;

	_Alignas(8) char reply[65536];
	size_t size;
};

/** builder_init() - a process 100 "test" with nothing in it, attached to */
void builder_init(struct builder *b);

/** builder_file() - a file; returns its object number */
uint32_t builder_file(struct builder *b, const char *path, uint64_t ino, uint32_t flags);

/** builder_name() - a name of the kernel's; returns its object number */
uint32_t builder_name(struct builder *b, const char *name);

/** builder_vma() - a VMA; @perms as in maps, such as "rw-p" */
struct pmemctl_vma *builder_vma(struct builder *b, uint64_t start, uint64_t end,
				const char *perms, uint32_t file, uint32_t name);

/** builder_thread() - a sleeping thread with this range and evidence */
struct pmemctl_thread *builder_thread(struct builder *b, uint32_t tid, uint64_t low,
				      uint64_t high, uint32_t evidence);

/** builder_sharer() - a sharer */
void builder_sharer(struct builder *b, uint32_t pid, const char *comm, uint32_t relation);

/** builder_build() - make @b->reply of it, with NLMSG_DONE at its end */
void builder_build(struct builder *b);

/** builder_model() - build, decode and finish; returns as model_finish() */
int builder_model(struct builder *b, struct model *model);

/**
 * builder_process() - a small, complete process
 *
 * A position-independent executable with all its segments, bss and heap, one
 * library, two threads with guarded stacks, and the stack of execve; shared
 * with a vfork child.
 */
void builder_process(struct builder *b);

#endif
