/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two address spaces side by side: what of one is in the other, and what that
 * means.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "frames.h"
#include "picture.h"
#include "shares.h"

/**
 * struct tally - of one of the two, what there is of a kind; in bytes
 * @size: addresses
 * @ranges: of these, mapped by the other at the same place, with the same permissions
 * @files: number of files that the other maps, too, anywhere
 * @resident: pages that are present
 * @anon: of these, anonymous ones
 * @swapped: pages that are swapped out
 * @marked: pages that are, or that are nowhere and only marked by userfaultfd
 * @same: present pages that the other has, too, in the same frame, at any address:
 *	the sum of @shared, @cow and @ksm
 * @shared: of these, those of files and shared memory
 * @memory: of these, those in mappings that are MAP_SHARED
 * @cow: anonymous ones, since a fork
 * @ksm: anonymous ones that KSM has merged
 * @differ: pages that both have at the same place, in different frames
 * @only: pages that the other has not
 * @may: where frames are not told: pages that may be @same but for which nothing proves it
 * @may_anon: of these, anonymous ones
 */
struct tally {
	uint64_t size;
	uint64_t ranges;
	uint64_t files;
	uint64_t resident;
	uint64_t anon;
	uint64_t swapped;
	uint64_t marked;
	uint64_t same;
	uint64_t shared;
	uint64_t memory;
	uint64_t cow;
	uint64_t ksm;
	uint64_t differ;
	uint64_t only;
	uint64_t may;
	uint64_t may_anon;
};

struct options;
struct selection;
struct page;
struct leaf;
struct file;

/**
 * struct side - one of the two
 * @tid: as it was asked for
 * @picture: it
 * @parent: its process is the parent of the other's
 * @vfork_waits: it is the parent, and waits for the other to exec or exit
 * @tallies: by kind
 * @all: the sum of them
 */
struct side {
	uint32_t tid;
	const struct picture *picture;
	bool parent;
	bool vfork_waits;
	struct tally tallies[KINDS];
	struct tally all;

	/* private */
	struct leaf *leaves;
	size_t nr_leaves;
	struct file *files;
	size_t nr_files;
	struct page *pages;
	size_t nr_pages;
	size_t room;
	uint64_t *frames;
	size_t nr_frames;
	bool mergeable;
	bool same_ipc;
};

/**
 * struct comparison - the two, compared
 * @side: A and B
 * @of: by enum thing
 * @counted: pages were counted
 * @frames: frames were told: @same and what it is made of, @differ and @only are known;
 *	else @shared is what is certain, and @may is what else is possible
 * @ksm: with @frames: it is known what KSM has merged; else that counts as @cow
 * @changed: mappings changed while the pages were counted
 * @names: what A calls the files that both map; "": not known
 * @nr_names: how many
 * @shown: what the functions of table_compare get: they know a picture
 */
struct comparison {
	struct side side[2];
	enum share of[THINGS];
	bool counted;
	bool frames;
	bool ksm;
	bool changed;
	const char **names;
	size_t nr_names;
	struct picture shown;
};

/**
 * side_init() - prepare to compare
 * @side: to be released with compare_free() always
 * @picture: must outlive it
 *
 * Return: 0, or -1 if there is no memory.
 */
int side_init(struct side *side, const struct picture *picture);

/**
 * side_add() - a page
 * @data: the struct side
 * @addr: above those of pages added before
 * @frame: its frame, 0: not told
 * @flags: enum frame_flag
 *
 * Return: 0, -ENOMEM, or -E2BIG: more pages than are compared.
 */
int side_add(void *data, uint64_t addr, uint64_t frame, unsigned int flags);

/**
 * side_collect() - all pages
 * @side: from side_init()
 * @pagemap: of its process
 *
 * Memory of devices, which is no page of anybody's, is left out.
 *
 * Return: 0 or -errno.
 */
int side_collect(struct side *side, int pagemap);

/**
 * side_confirm() - look again at all pages
 * @side: after side_collect()
 * @pagemap: of its process
 *
 * A frame that another process gets may have been this one's a moment ago. To be called
 * after the other was looked at: what has stayed was in both at that time; the frame of
 * what has not counts as not told.
 *
 * Return: 0 or -errno.
 */
int side_confirm(struct side *side, int pagemap);

/**
 * compare_ranges() - fill @size, @ranges and @files of all tallies, and @names
 * @comparison: with sides from side_init(), and @of: segments of System V shared memory
 *	are of an IPC namespace
 *
 * Return: 0, or -ENOMEM.
 */
int compare_ranges(struct comparison *comparison);

/**
 * compare_pages() - fill the rest of them from the pages that were added
 * @comparison: with sides from side_init()
 * @merged: who knows what KSM has merged, NULL: nobody, which matters only where both
 *	have memory that it may merge
 *
 * Return: 0, or -ENOMEM.
 */
int compare_pages(struct comparison *comparison, struct merged *merged);

/**
 * compare_verdict() - what it comes to, in words
 * @comparison: all of it
 * @to: filled in
 * @size: of @to
 */
void compare_verdict(const struct comparison *comparison, char *to, size_t size);

/**
 * compare_columns() - which columns of table_compare to show
 * @comparison: the comparison
 * @opts: how
 * @selection: room for them
 *
 * Return: those that were chosen, or those that there is something to show in.
 */
const struct selection *compare_columns(const struct comparison *comparison,
					const struct options *opts, struct selection *selection);

/** compare_free() - releases what a comparison owns; but not the pictures */
void compare_free(struct comparison *comparison);

#endif
