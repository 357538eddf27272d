// SPDX-License-Identifier: GPL-2.0
#include "hearsay.h"

#include "stacks.h"

#include <stdlib.h>
#include <string.h>

#define ACCESS (PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE | PMEMCTL_VMA_EXEC)

/* The three highest pages, or all from sp on */
static struct touch top_pages(uint64_t start, uint64_t end, uint64_t sp)
{
	uint64_t lowest = end - start > 3 * PAGE ? end - 3 * PAGE : start;

	if (sp >= start && sp < lowest)
		lowest = page_down(sp);
	return (struct touch) { .known = true, .lowest = lowest, .resident = end - lowest };
}

static void touch(struct touches *touches, const struct pmemctl_thread *thread,
		  const struct stack *stack)
{
	touches->known = true;
	if (stack->claimed) {
		touches->own = (struct range) { stack->start, stack->end };
		touches->stack = top_pages(stack->start, stack->end, thread->sp);
	}
	if (thread->sas_size)
		touches->altstack = top_pages(thread->sas_sp, thread->sas_sp + thread->sas_size,
					      thread->sp);
}

static bool has_thread(const struct model *model, uint64_t low)
{
	for (size_t i = 0; i < model->nr_threads; i++) {
		if (model->threads[i].stack_low == low)
			return true;
	}
	return false;
}

static void find_orphans(struct model *model)
{
	struct witness *witness = &model->witness;

	witness->orphans_known = true;
	for (size_t i = 1; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *guard = &model->vmas[i - 1], *vma = &model->vmas[i];

		if (guard->file || guard->flags & ACCESS || guard->end != vma->start ||
		    vma->file || vma->name || has_thread(model, vma->start))
			continue;
		witness->orphans[witness->nr_orphans++] = (struct orphan) {
			.own = { vma->start, vma->end },
			.guard = { guard->start, guard->end },
			.descriptor = vma->end - 0x940,
			.resident = top_pages(vma->start, vma->end, 0).resident,
		};
	}
}

int hearsay(struct model *model, const struct wish *wish)
{
	struct witness *witness = &model->witness;
	struct stack *stacks = calloc(model->nr_threads + 1, sizeof(*stacks));
	int ret = -1;

	witness->guard_gap = 1 << 20;
	witness->exe.tls_size = 64;
	witness->settled = malloc(model->nr_threads + 1);
	witness->touches = calloc(model->nr_threads + 1, sizeof(*witness->touches));
	witness->orphans = calloc(model->nr_vmas + 1, sizeof(*witness->orphans));
	if (!stacks || !witness->settled || !witness->touches || !witness->orphans)
		goto out;
	memset(witness->settled, true, model->nr_threads + 1);
	ret = stacks_judge(model, stacks);
	for (size_t i = 0; i < model->nr_threads && !ret && wish->touched; i++)
		touch(&witness->touches[i], &model->threads[i], &stacks[i]);
	if (!ret && wish->orphans)
		find_orphans(model);
out:
	free(stacks);
	return ret;
}
