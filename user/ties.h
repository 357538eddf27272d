/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Single pages of a process: where they are, and which other processes have them.
 */
#ifndef TIES_H
#define TIES_H

#include "others.h"
#include "pagemap.h"
#include "picture.h"

/** enum tie_kind - what another process has of a page */
enum tie_kind {
	TIE_SAME,	/* the same page: both have the same physical one */
	TIE_FILE,	/* the page of the file, which could not be compared */
	TIE_POSSIBLE,	/* perhaps the same, since a fork; it could not be compared */
	TIE_COPY,	/* a copy of its own of the file's page */
	TIE_MAPPED	/* it maps the same page of the file, which is not there for it now */
};

/**
 * struct tie - a page of another process
 * @other: index of the process in the pass
 * @kind: what it has
 * @addr: where it has it, the offset in the page included
 * @flags: PMEMCTL_VMA_* bits of its VMA
 */
struct tie {
	size_t other;
	enum tie_kind kind;
	uint64_t addr;
	uint64_t flags;
};

/** enum page_is - where a page is */
enum page_is {
	PAGE_IS_UNKNOWN,	/* not looked at, or it changed meanwhile */
	PAGE_IS_ABSENT,
	PAGE_IS_THERE,
	PAGE_IS_SWAPPED,
	PAGE_IS_MARKED		/* swapped out, or nowhere, but with a mark of userfaultfd */
};

/**
 * struct page - the page at an address
 * @addr: the address
 * @vma: it lies in; NULL: it is not to be looked at
 * @is: where it is
 * @flags: enum frame_flag
 * @huge: it is known to be part of a huge page
 * @sought: other processes were asked
 * @places: of a page of a file that no other process was found to have: at how many places
 *	the process itself has it
 * @ties: pages of others; in order of the pass
 * @nr_ties: how many
 */
struct page {
	uint64_t addr;
	const struct pmemctl_vma *vma;
	enum page_is is;
	unsigned int flags;
	bool huge;
	bool sought;
	struct tie *ties;
	size_t nr_ties;
	size_t places;

	/* private */
	size_t room;
	uint64_t frame;
};

/**
 * struct ties - pages, and the pass over the machine for them
 * @pages: the pages; the caller's
 * @nr_pages: how many
 * @others: the pass
 * @passed: there was one: a page was there that others may have
 *
 * What the frames are is compared, and never told.
 */
struct ties {
	struct page *pages;
	size_t nr_pages;
	struct others others;
	bool passed;

	/* private */
	const struct model *model;
};

/**
 * ties_look() - look at pages, and at those of others
 * @ties: @pages and @nr_pages are given, with @addr and @vma; the rest is filled in;
 *	to be released with ties_free() always
 * @client: the connection
 * @model: the process
 * @pagemap: its /proc/PID/pagemap
 *
 * Return: 0, or -1 if there is no memory.
 */
int ties_look(struct ties *ties, struct client *client, const struct model *model,
	      int pagemap);

/**
 * ties_known() - whether it is known who else has a page
 * @page: after ties_look()
 *
 * If so and it has no ties, nobody has it of those that were looked at. It is not known of a
 * page that is not the process' alone, as the kernel says, and that nobody was found to have.
 */
bool ties_known(const struct page *page);

/** ties_free() - releases what ties_look() took */
void ties_free(struct ties *ties);

/** tie_kind_name() - the word for a kind */
const char *tie_kind_name(enum tie_kind kind);

#endif
