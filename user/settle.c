// SPDX-License-Identifier: GPL-2.0
#include "settle.h"

#include "guards.h"
#include "orphans.h"

#include <stdlib.h>

static int by_tid(const void *a, const void *b)
{
	const struct pmemctl_thread *x = *(struct pmemctl_thread *const *)a;
	const struct pmemctl_thread *y = *(struct pmemctl_thread *const *)b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static bool unmoved(const struct model *before, const struct pmemctl_thread *was,
		    const struct model *after, const struct pmemctl_thread *is)
{
	/* the VMA may have grown or lost other threads' blocks, but not this one's */
	if (!guards_vma(before, was) != !guards_vma(after, is))
		return false;
	return was->stack_high == is->stack_high && was->robust_list == is->robust_list &&
	       was->clear_child_tid == is->clear_child_tid && was->sas_sp == is->sas_sp &&
	       was->sas_size == is->sas_size && was->shstk_base == is->shstk_base &&
	       was->shstk_size == is->shstk_size;
}

/* Fills what there is one of for each thread of @after */
static int match_threads(const struct model *after, const struct model *before,
			 struct witness *witness)
{
	const struct pmemctl_thread **order = malloc((before->nr_threads + 1) * sizeof(*order));

	if (!order)
		return -1;
	for (size_t i = 0; i < before->nr_threads; i++)
		order[i] = &before->threads[i];
	qsort(order, before->nr_threads, sizeof(*order), by_tid);
	for (size_t i = 0; i < after->nr_threads; i++) {
		const struct pmemctl_thread *is = &after->threads[i];
		const struct pmemctl_thread **was = bsearch(&is, order, before->nr_threads,
							    sizeof(*order), by_tid);

		witness->settled[i] = was && unmoved(before, *was, after, is);
		if (witness->settled[i] && before->witness.touches)
			witness->touches[i] = before->witness.touches[*was - before->threads];
		if (witness->settled[i] && before->witness.blocks)
			witness->blocks[i] = before->witness.blocks[*was - before->threads];
	}
	free(order);
	return 0;
}

int settle(struct model *after, struct model *before)
{
	struct witness witness = before->witness;

	/* where markers may lie is judged for both alike */
	after->witness.marks = before->witness.marks;
	witness.settled = calloc(after->nr_threads + 1, sizeof(*witness.settled));
	witness.touches = calloc(after->nr_threads + 1, sizeof(*witness.touches));
	witness.blocks = calloc(after->nr_threads + 1, sizeof(*witness.blocks));
	if (!witness.settled || !witness.touches || !witness.blocks ||
	    match_threads(after, before, &witness)) {
		free(witness.settled);
		free(witness.touches);
		free(witness.blocks);
		return -1;
	}
	/* the rest has a new owner */
	before->witness.guards = (struct range_list) { 0 };
	before->witness.orphans = NULL;
	before->witness.smaps = (struct smaps) { 0 };
	before->witness.residents = (struct resident_list) { 0 };
	before->witness.uses = (struct use_list) { 0 };
	witness_free(&before->witness);
	witness_free(&after->witness);
	after->witness = witness;
	return orphans_settle(after, before);
}
