/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an address is: region, stack, file, string, or what lies around it.
 */
#ifndef WHO_H
#define WHO_H

#include "picture.h"
#include "section.h"

/** enum who_place - what sort of address it is */
enum who_place {
	WHO_MAPPED,
	WHO_GAP,		/* nothing is mapped there */
	WHO_ABOVE,		/* above all that a program can map */
	WHO_KERNEL,		/* of the kernel's half */
	WHO_NOT_CANONICAL	/* no address at all: the CPU refuses it */
};

/** enum who_area - what of a thread's it lies in */
enum who_area {
	AREA_NONE,
	AREA_STACK,
	AREA_TLS,		/* the executable's thread-local variables */
	AREA_DESCRIPTOR,	/* from the thread pointer up */
	AREA_GUARD,
	AREA_ALTSTACK,
	AREA_SHADOW_STACK
};

/** enum who_use - whether a part of a stack is in use */
enum who_use {
	USE_UNKNOWN,
	USE_IN_USE,	/* at or above sp */
	USE_RED_ZONE,	/* the 128 bytes below sp, which code may use */
	USE_FREE	/* below */
};

/**
 * struct who - an address, explained
 * @addr: the address
 * @place: what sort of address it is
 * @region: the VMA, if it is mapped
 * @part: the smallest part of it that holds the address, or @region
 * @below: the last part that ends at or below, if it is not mapped; may be NULL
 * @above: the first part above, if it is not mapped; may be NULL
 * @area: what of a thread's it lies in
 * @thread: that thread, or the one that the region belongs to; NULL: none
 * @range: the stack, guard or the like that @area is about
 * @use: of a stack
 * @file: the VMA through which @section was found; NULL: it is no file's
 * @offset: of the address in the file; not with @bss
 * @bss: behind the end of what is in the file
 * @opened: the file could be read
 * @section: where in it
 */
struct who {
	uint64_t addr;
	enum who_place place;
	const struct region *region;
	const struct region *part;
	const struct region *below;
	const struct region *above;
	enum who_area area;
	const struct pmemctl_thread *thread;
	struct range range;
	enum who_use use;
	const struct pmemctl_vma *file;
	uint64_t offset;
	bool bss;
	bool opened;
	struct section section;
};

/**
 * who_find() - explain an address
 * @picture: the process, judged
 * @addr: the address
 * @who: filled in, but for what only the file tells
 */
void who_find(const struct picture *picture, uint64_t addr, struct who *who);

/**
 * who_read_file() - look the address up in the file that is mapped there
 * @picture: the process
 * @who: from who_find(); its @file to @section are filled in
 */
void who_read_file(const struct picture *picture, struct who *who);

/** who_area_name() - the word for an area, NULL for none */
const char *who_area_name(enum who_area area);

#endif
