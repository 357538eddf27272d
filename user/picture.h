/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A model with a judgement on every thread and every region: what is printed.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include "model.h"
#include "stacks.h"

enum region_kind {
	KIND_ANON,
	KIND_TEXT,
	KIND_RODATA,
	KIND_RELRO,
	KIND_DATA,
	KIND_BSS,
	KIND_HEAP,
	KIND_ARENA,
	KIND_ARENA_RESERVE,
	KIND_CHUNK,
	KIND_PYTHON_HEAP,
	KIND_JAVA_HEAP,
	KIND_JAVA_CODE,
	KIND_JAVA_CLASSES,
	KIND_GO_HEAP,
	KIND_GO_RUNTIME,
	KIND_TLS,
	KIND_LOADER,
	KIND_STACK,
	KIND_ARGS,
	KIND_ENV,
	KIND_THREAD_STACK,
	KIND_ORPHAN_STACK,
	KIND_ALTSTACK,
	KIND_GUARD,
	KIND_LIBRARY,
	KIND_LIBRARY_BSS,
	KIND_FILE,
	KIND_SHM,
	KIND_MEMFD,
	KIND_SECRET,
	KIND_DAX,
	KIND_DEVICE,
	KIND_DMABUF,
	KIND_RING,
	KIND_HUGETLB,
	KIND_SHADOW_STACK,
	KIND_VDSO,
	KIND_VVAR,
	KIND_VSYSCALL,
	KIND_UPROBES,
	KIND_RANDOM,
	KIND_DROPPABLE,
	KIND_RESERVED,
	KINDS
};

/**
 * struct region - a VMA, or a part of one that has several uses
 * @start: first address
 * @end: first address behind it
 * @vma: the whole VMA
 * @name: what /proc/PID/maps prints, without escapes; NULL: not known; "": none
 * @kind: what it is
 * @why: the fields that the kind rests on
 * @tid: the thread it belongs to, 0: none or several
 * @first_part: index of its first part
 * @nr_parts: how many it has; 0 or at least 2
 * @folded: how many VMAs, from @vma on, are shown as this one; 0: just @vma
 * @is_part: this is a part of the region of @vma
 */
struct region {
	uint64_t start;
	uint64_t end;
	const struct pmemctl_vma *vma;
	const char *name;
	const char *why;
	enum region_kind kind;
	uint32_t tid;
	uint32_t first_part;
	uint32_t nr_parts;
	uint32_t folded;
	bool is_part;
};

struct census;
struct finding;
struct summary;
struct files;

/**
 * struct picture - a model, judged
 * @model: the model, of which this is a view
 * @stacks: one for each thread of @model
 * @regions: one for each VMA, then perhaps the vsyscall page
 * @nr_regions: how many
 * @parts: of all regions, in order of address
 * @nr_parts: how many
 * @findings: risks, if they were looked for: lint_find()
 * @nr_findings: how many
 * @summary: what it is made of, if it was made: summary_make()
 * @extended: what smaps says was asked for
 * @files: who else maps its files, if that was looked for: files_look(); not owned
 * @vsyscall: the page that is no VMA, if the last region is that
 * @census: all tasks, in a picture of the machine: it has nothing else
 */
struct picture {
	const struct model *model;
	struct stack *stacks;
	struct region *regions;
	size_t nr_regions;
	struct region *parts;
	size_t nr_parts;
	struct finding *findings;
	size_t nr_findings;
	struct summary *summary;
	bool extended;
	const struct files *files;
	struct pmemctl_vma vsyscall;
	const struct census *census;

	/* private */
	size_t parts_room;
};

/**
 * picture_make() - judge a model
 * @picture: filled in; to be released with picture_free() always
 * @model: a finished model, which must outlive the picture
 * @vsyscall: the machine's vsyscall page, NULL if it has none
 *
 * Return: 0, or -1 if there is no memory.
 */
int picture_make(struct picture *picture, const struct model *model,
		 const struct pmemctl_vma *vsyscall);

/** picture_free() - releases what a picture owns */
void picture_free(struct picture *picture);

/** kind_name() - the word for a kind of region */
const char *kind_name(enum region_kind kind);

/** region_kind_at() - the word for kind number @i, NULL behind the last one */
const char *region_kind_at(size_t i);

/** kind_about() - what a kind of region is, for the help */
const char *kind_about(enum region_kind kind);

#endif
