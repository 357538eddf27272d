/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where one VMA has several uses, its parts; and the threads that regions
 * belong to.
 */
#ifndef PARTS_H
#define PARTS_H

#include "picture.h"

/**
 * struct owned - a range of addresses that belongs to a thread, or has a use of its own
 * @why: what @kind rests on; NULL: what all of the list are
 */
struct owned {
	uint64_t start;
	uint64_t end;
	uint32_t tid;
	enum region_kind kind;
	const char *why;
};

/** struct owned_list - such ranges by address, none overlapping */
struct owned_list {
	struct owned *list;
	size_t count;
	size_t next;
};

/** struct segment - a piece of a VMA while it is being cut up */
struct segment {
	uint64_t start;
	uint64_t end;
	enum region_kind kind;
	uint32_t tid;
	const char *why;
};

/** struct segments - the pieces of one VMA */
struct segments {
	struct segment *list;
	size_t count;
	size_t room;
};

/**
 * struct parts - what is needed to cut VMAs up
 * @picture: where parts go
 * @uses: what more than VMAs and threads tells of
 * @tls: the main thread's
 * @stacks: the claimed stacks of threads other than the main one
 * @fences: VMAs that guard stacks, by the thread
 * @guards: markers that stacks end at, by the thread
 * @orphans: stacks of no live thread
 * @altstacks: alternate signal stacks
 * @shadows: shadow stacks
 * @main_tid: the thread that runs on the stack of execve, 0: none
 * @now: pieces of the VMA at hand
 * @then: the same, for rewriting
 */
struct parts {
	struct picture *picture;
	struct owned_list uses;
	struct owned_list tls;
	struct owned_list stacks;
	struct owned_list fences;
	struct owned_list guards;
	struct owned_list orphans;
	struct owned_list altstacks;
	struct owned_list shadows;
	uint32_t main_tid;
	struct segments now;
	struct segments then;
};

/**
 * parts_init() - sort what belongs to threads
 * @parts: filled in; to be released with parts_free() always
 * @picture: with its stacks judged
 *
 * Return: 0, or -1 if there is no memory.
 */
int parts_init(struct parts *parts, struct picture *picture);

/**
 * parts_split() - find parts and owner of a region
 * @parts: from parts_init()
 * @region: by ascending address; its kind, tid, why and parts are updated
 *
 * Return: 0, or -1 if there is no memory.
 */
int parts_split(struct parts *parts, struct region *region);

/** parts_free() - releases what parts_init() took */
void parts_free(struct parts *parts);

#endif
