// SPDX-License-Identifier: GPL-2.0
/*
 * The stack range of every thread, from two sorted lists: the VMAs, and the
 * addresses that tell where each thread keeps its things. One pass over both
 * after an O(T log T) sort; never a search per thread.
 *
 * "The VMA that holds sp" is not the answer: sp may be stale, on an alternate
 * stack or on one that the program switched to, and several stacks may lie in
 * one VMA. A C library that makes a thread puts the thread's descriptor at the
 * top of the block whose lower part is the stack; the addresses registered
 * with the kernel lie in that descriptor and do not go stale. So the top comes
 * from there, the bottom from what lies below, and sp only confirms it.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sort.h>

#include "internal.h"

/* Addresses of one thread descriptor lie no further apart than this */
#define DESCRIPTOR_SPAN	(64 * 1024)

#define NO_VMA		U32_MAX

/* A descriptor, for sorting */
struct anchor {
	u64 addr;
	u32 thread;
};

/* Where a thread's descriptor was found */
struct place {
	u64 descriptor;		/* the address that stands for it, 0 if none */
	u64 below;		/* top of the thread below in the same VMA, or 0 */
	u32 descriptor_vma;
};

struct finder {
	struct pmemctl_snapshot *snap;
	const struct pmemctl_vma *vmas;
	u32 nr_vmas;
	u32 initial_vma;
	bool in_order;		/* the anchors are */
	struct pmemctl_table anchors;
	struct pmemctl_table places;
};

static bool together(u64 a, u64 b)
{
	return a && b && (a > b ? a - b : b - a) <= DESCRIPTOR_SPAN;
}

/*
 * robust_list before the thread pointer: the former is set once, by the
 * library, to a place in its descriptor; the latter may be anything in a
 * program without a C library, and is stale while the thread runs.
 */
static u64 descriptor_of(const struct pmemctl_thread *row)
{
	return row->robust_list ?: row->tp;
}

/* First address behind the page that the descriptor ends in */
static u64 descriptor_end(const struct pmemctl_thread *row, u64 descriptor)
{
	u64 last = descriptor;

	if (together(row->tp, descriptor))
		last = max(last, row->tp);
	if (together(row->clear_child_tid, descriptor))
		last = max(last, row->clear_child_tid);
	if (together(row->rseq, descriptor))
		last = max(last, row->rseq);
	return PAGE_ALIGN(last + 1);
}

static bool has_user_stack(const struct pmemctl_thread *row)
{
	return !(row->flags & (PMEMCTL_THREAD_NO_MM | PMEMCTL_THREAD_EXITING |
			       PMEMCTL_THREAD_IO_WORKER | PMEMCTL_THREAD_USER_WORKER));
}

/*
 * The youngest thread first: where each stack was put below the one before, as C
 * libraries do, the anchors come in order, and are spared the sort.
 */
static void gather(struct finder *f)
{
	const struct pmemctl_thread *rows = f->snap->threads.rows;
	struct place *places = f->places.rows;
	struct anchor *anchor;
	u64 last = 0;
	u32 i;

	f->places.count = f->snap->threads.count;
	f->in_order = true;
	for (i = f->places.count; i--; ) {
		places[i] = (struct place) { .descriptor_vma = NO_VMA };
		if (has_user_stack(&rows[i]))
			places[i].descriptor = descriptor_of(&rows[i]);
		if (!places[i].descriptor)
			continue;
		anchor = pmemctl_table_add(&f->anchors);
		anchor->addr = places[i].descriptor;
		anchor->thread = i;
		f->in_order &= anchor->addr >= last;
		last = anchor->addr;
	}
}

static int compare_anchors(const void *left, const void *right)
{
	const struct anchor *a = left, *b = right;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

/* The one pass: which VMA holds each anchor, and which descriptor lies below */
static void locate(struct finder *f)
{
	const struct pmemctl_thread *rows = f->snap->threads.rows;
	const struct anchor *anchor = f->anchors.rows;
	const struct anchor *end = anchor + f->anchors.count;
	struct place *places = f->places.rows, *place;
	u64 below = 0;
	u32 vma = 0;

	for (; anchor < end; anchor++) {
		while (vma < f->nr_vmas && f->vmas[vma].end <= anchor->addr) {
			vma++;
			below = 0;
		}
		if (vma == f->nr_vmas)
			break;
		if (anchor->addr < f->vmas[vma].start)
			continue;

		place = &places[anchor->thread];
		place->descriptor_vma = vma;
		place->below = below;
		below = descriptor_end(&rows[anchor->thread], anchor->addr);
	}
}

static u32 find_initial_vma(const struct finder *f)
{
	u64 start_stack = f->snap->mm[PMEMCTL_MM_START_STACK];
	u32 low = 0, high = f->nr_vmas, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (f->vmas[mid].end <= start_stack)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == f->nr_vmas || start_stack < f->vmas[low].start)
		return NO_VMA;
	return low;
}

static bool guard_below(const struct finder *f, u32 vma)
{
	const struct pmemctl_vma *below;

	if (!vma)
		return false;
	below = &f->vmas[vma - 1];
	return below->end == f->vmas[vma].start &&
	       !(below->flags & (PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE |
				 PMEMCTL_VMA_EXEC));
}

static bool covers(const struct pmemctl_thread *row, u64 addr)
{
	return addr >= row->stack_low && addr < row->stack_high;
}

static bool sp_in_initial_vma(const struct finder *f, const struct pmemctl_thread *row)
{
	return f->initial_vma != NO_VMA && row->sp >= f->vmas[f->initial_vma].start &&
	       row->sp < f->vmas[f->initial_vma].end;
}

static void set_initial(const struct finder *f, struct pmemctl_thread *row)
{
	row->stack_low = f->vmas[f->initial_vma].start;
	row->stack_high = f->vmas[f->initial_vma].end;
	row->evidence = PMEMCTL_STACK_INITIAL | PMEMCTL_STACK_LOW_VMA |
			PMEMCTL_STACK_HIGH_VMA;
}

static u32 descriptor_evidence(const struct pmemctl_thread *row, u64 descriptor)
{
	u32 evidence = 0;

	if (together(row->tp, descriptor) && covers(row, row->tp))
		evidence |= PMEMCTL_STACK_TP;
	if (together(row->robust_list, descriptor) && covers(row, row->robust_list))
		evidence |= PMEMCTL_STACK_ROBUST;
	if (together(row->clear_child_tid, descriptor) &&
	    covers(row, row->clear_child_tid))
		evidence |= PMEMCTL_STACK_CTID;
	if (together(row->rseq, descriptor) && covers(row, row->rseq))
		evidence |= PMEMCTL_STACK_RSEQ;
	return evidence;
}

static void set_block(const struct finder *f, struct pmemctl_thread *row,
		      const struct place *place)
{
	const struct pmemctl_vma *vma = &f->vmas[place->descriptor_vma];

	row->stack_low = vma->start;
	row->evidence = PMEMCTL_STACK_LOW_VMA;
	if (place->below > vma->start && place->below <= place->descriptor) {
		row->stack_low = place->below;
		row->evidence = PMEMCTL_STACK_LOW_THREAD;
	} else if (guard_below(f, place->descriptor_vma)) {
		row->evidence |= PMEMCTL_STACK_GUARD;
	}

	row->stack_high = descriptor_end(row, place->descriptor);
	if (row->stack_high >= vma->end) {
		row->stack_high = vma->end;
		row->evidence |= PMEMCTL_STACK_HIGH_VMA;
	} else {
		row->evidence |= PMEMCTL_STACK_HIGH_TCB;
	}
	row->evidence |= descriptor_evidence(row, place->descriptor);
}

static void set_nothing(struct pmemctl_thread *row)
{
	row->stack_low = 0;
	row->stack_high = 0;
	row->evidence = 0;
}

static bool on_altstack(const struct pmemctl_thread *row)
{
	return row->sp && row->sp - row->sas_sp < row->sas_size;
}

/* The registers are exact, and sp is in neither the range nor the altstack */
static bool runs_elsewhere(const struct pmemctl_thread *row)
{
	return row->reg_state != PMEMCTL_REGS_NONE &&
	       row->reg_state != PMEMCTL_REGS_LAST_ENTRY &&
	       !covers(row, row->sp) && !on_altstack(row);
}

/*
 * The main thread's descriptor is not on its stack but among the static TLS;
 * unless fork() made the process: then its main thread is on the stack of
 * whichever thread called it. sp tells. While a signal handler runs on the
 * alternate stack, what lies below the descriptor tells: the static TLS of a
 * main thread has no guard, or has one by accident. Then nothing is told.
 */
static void set_leader_range(const struct finder *f, struct pmemctl_thread *row,
			     const struct place *place)
{
	u32 below = 0;

	if (place->descriptor_vma != NO_VMA) {
		set_block(f, row, place);
		if (covers(row, row->sp))
			return;
		below = row->evidence;
		set_nothing(row);
	}
	if (on_altstack(row) && below & PMEMCTL_STACK_GUARD)
		return;
	if (f->initial_vma != NO_VMA)
		set_initial(f, row);
}

static void set_range(const struct finder *f, struct pmemctl_thread *row,
		      const struct place *place)
{
	const u32 descriptor = PMEMCTL_STACK_TP | PMEMCTL_STACK_ROBUST |
			       PMEMCTL_STACK_CTID | PMEMCTL_STACK_RSEQ;

	if (row->flags & PMEMCTL_THREAD_LEADER) {
		if (sp_in_initial_vma(f, row))
			set_initial(f, row);
		else
			set_leader_range(f, row, place);
	} else if (place->descriptor_vma != NO_VMA) {
		set_block(f, row, place);
		/* A thread pointer alone may point at anything: Go's does */
		if ((row->evidence & descriptor) == PMEMCTL_STACK_TP && runs_elsewhere(row))
			set_nothing(row);
	}
	if (row->stack_low >= row->stack_high)
		set_nothing(row);

	if (row->sp && covers(row, row->sp))
		row->evidence |= PMEMCTL_STACK_SP;
	if (on_altstack(row))
		row->evidence |= PMEMCTL_STACK_SP_ALT;
}

/**
 * pmemctl_stacks_find - set stack range and evidence of all threads
 * @snap: with its VMAs, threads and mm fields filled
 *
 * Sleeps. Return: 0, -EFBIG over the budget, -ENOMEM.
 */
int pmemctl_stacks_find(struct pmemctl_snapshot *snap)
{
	struct finder f = {
		.snap = snap,
		.vmas = snap->vmas.rows,
		.nr_vmas = snap->vmas.count,
		.anchors.row_size = sizeof(struct anchor),
		.places.row_size = sizeof(struct place),
	};
	struct pmemctl_thread *rows = snap->threads.rows;
	const struct place *places;
	int ret;
	u32 i;

	ret = pmemctl_table_reserve(&f.anchors, &snap->budget, snap->threads.count);
	if (!ret)
		ret = pmemctl_table_reserve(&f.places, &snap->budget,
					    snap->threads.count);
	if (ret)
		goto out_free;

	gather(&f);
	if (!f.in_order)
		sort(f.anchors.rows, f.anchors.count, sizeof(struct anchor),
		     compare_anchors, NULL);
	f.initial_vma = find_initial_vma(&f);
	locate(&f);

	places = f.places.rows;
	for (i = 0; i < snap->threads.count; i++)
		if (has_user_stack(&rows[i]))
			set_range(&f, &rows[i], &places[i]);

out_free:
	pmemctl_table_free(&f.places, &snap->budget);
	pmemctl_table_free(&f.anchors, &snap->budget);
	return ret;
}
