/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an address space is made of: every byte of it counted once.
 */
#ifndef SUMMARY_H
#define SUMMARY_H

#include "picture.h"

/**
 * struct tally - what there is of a kind, or of all
 * @kind: of which; not in the sum of all
 * @count: regions and parts; several parts of a VMA for one thread are one
 * @reserved: bytes of address space
 * @resident: bytes in memory, of those that are told
 * @swapped: bytes in swap, likewise
 * @untold: bytes of address space of which smaps tells nothing
 * @largest: bytes of the largest region or part
 */
struct tally {
	enum region_kind kind;
	uint64_t count;
	uint64_t reserved;
	uint64_t resident;
	uint64_t swapped;
	uint64_t untold;
	uint64_t largest;
};

/**
 * struct fall - a step of the waterfall: a region, or what else there is of a kind
 * @tally: what it is made of
 * @region: the region or part; NULL: they are several
 * @so_far: bytes of address space in this and all larger steps
 */
struct fall {
	struct tally tally;
	const struct region *region;
	uint64_t so_far;
};

/* A region this large, as a part of all, is a step of its own */
#define FALL_SHARE 20
#define FALLS (KINDS + FALL_SHARE)

/**
 * struct summary - all of it
 * @kinds: what there is of each kind, most address space first
 * @nr_kinds: how many kinds there are some of
 * @all: the sum
 * @falls: the steps, largest first
 * @nr_falls: how many
 * @pss: bytes in memory, of each page this mm's part
 * @hugetlb: bytes of hugetlbfs in memory, which the kernel does not count as resident
 * @unsplit: bytes in memory or swap, of VMAs with several uses, of which it is not known
 *	which part they are in: they count for the largest of the VMA's own kind
 * @changed: VMAs that came or changed while smaps was read: they are @all.untold
 * @told: smaps was read; else nothing is known but of addresses
 * @error: why it was not, for smaps_why()
 */
struct summary {
	struct tally kinds[KINDS];
	size_t nr_kinds;
	struct tally all;
	struct fall falls[FALLS];
	size_t nr_falls;
	uint64_t pss;
	uint64_t hugetlb;
	uint64_t unsplit;
	size_t changed;
	bool told;
	int error;
};

/**
 * summary_make() - sum a process up
 * @picture: a judged model; its summary is filled
 *
 * The vsyscall page is no VMA and is not counted.
 *
 * Return: 0, or -1 if there is no memory.
 */
int summary_make(struct picture *picture);

/**
 * summary_add() - add the address space of another process
 * @sum: where to; its waterfall stays as it is
 * @summary: what to add
 */
void summary_add(struct summary *sum, const struct summary *summary);

#endif
