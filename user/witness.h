/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc tells besides the module, of single pages and of the executable.
 * It is read after a snapshot, so it counts for what a second one shows to
 * have stayed: see settle.h.
 */
#ifndef WITNESS_H
#define WITNESS_H

#include "exe.h"
#include "pagemap.h"
#include "resident.h"
#include "smaps.h"
#include "use.h"

/**
 * struct touches - which pages of a thread's stacks were touched
 * @known: they were looked at
 * @own: the range that @stack is about
 * @stack: its own stack
 * @altstack: its alternate signal stack, if it has one
 * @shadow: its shadow stack, if it has one
 */
struct touches {
	bool known;
	struct range own;
	struct touch stack;
	struct touch altstack;
	struct touch shadow;
};

/**
 * struct block - what a thread's descriptor says of the block that it lies in
 * @state: enum block_state
 * @range: the block, the guard included that the C library made
 */
struct block {
	int state;
	struct range range;
};

/**
 * struct orphan - a stack that no live thread uses
 * @own: its addresses, without the guard
 * @guard: the guard below it, if there is one
 * @marker: the guard is a marker in the page tables, not a VMA
 * @descriptor: where the descriptor of its former thread lies
 * @resident: bytes that are present
 */
struct orphan {
	struct range own;
	struct range guard;
	bool marker;
	uint64_t descriptor;
	uint64_t resident;
};

/**
 * struct witness - all of it
 * @guards: guard markers in the VMAs that may hold some
 * @settled: for each thread, whether @guards and @touches are good for it;
 *	NULL: for none
 * @touches: for each thread; NULL: not looked at
 * @blocks: for each thread; NULL: not looked at
 * @blocks_told: one of them says something
 * @orphans: by ascending address
 * @nr_orphans: how many
 * @orphans_known: they were looked for
 * @smaps: what smaps says of the VMAs
 * @residents: pages of those parts that VMAs with several uses have
 * @uses: of regions, sorted
 * @tls: the main thread's, within a region that may have a use of its own
 * @image_placed: @uses has the bss of the executable, if it has one
 * @exe: the executable
 * @marks: what this kernel does with guard markers
 * @no_huge_pages: the process has switched huge pages off for itself
 * @guard_gap: bytes that the kernel keeps free below a stack that grows
 */
struct witness {
	struct range_list guards;
	bool *settled;
	struct touches *touches;
	struct block *blocks;
	bool blocks_told;
	struct orphan *orphans;
	size_t nr_orphans;
	bool orphans_known;
	struct smaps smaps;
	struct resident_list residents;
	struct use_list uses;
	struct use tls;
	bool image_placed;
	struct exe exe;
	enum guard_marks marks;
	bool no_huge_pages;
	uint64_t guard_gap;
};

#endif
