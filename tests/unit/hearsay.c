// SPDX-License-Identifier: GPL-2.0
#include "hearsay.h"

#include "picture.h"
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

/* A page of each four is in memory, a quarter of these are dirty, one of each VMA is in swap */
static struct smap *add_smap(struct smaps *smaps, const struct model *model,
			     const struct pmemctl_vma *vma)
{
	const struct pmemctl_object *file = model_object(model, vma->file);
	struct smap *smap = &smaps->list[smaps->count++];
	uint64_t rss = (vma->end - vma->start) / (4 * PAGE) * PAGE;

	*smap = (struct smap) {
		.start = vma->start, .end = vma->end, .offset = vma->offset,
		.ino = file ? file->ino : 0,
		.dev_major = file ? file->dev_major : 0, .dev_minor = file ? file->dev_minor : 0,
		.perms = {
			vma->flags & PMEMCTL_VMA_READ ? 'r' : '-',
			vma->flags & PMEMCTL_VMA_WRITE ? 'w' : '-',
			vma->flags & PMEMCTL_VMA_EXEC ? 'x' : '-',
			vma->flags & PMEMCTL_VMA_MAYSHARE ? 's' : 'p',
		},
	};
	if (!(vma->flags & ACCESS))
		return smap;
	smap->bytes[SMAPS_RSS] = rss;
	smap->bytes[SMAPS_PSS] = file ? rss / 2 : rss;
	smap->bytes[SMAPS_PRIVATE_DIRTY] = page_down(rss / 4);
	smap->bytes[SMAPS_SWAP] = file ? 0 : PAGE;
	return smap;
}

/* Of all but the one below the stack, which is said to have come later */
static int tell_smaps(struct model *model)
{
	struct smaps *smaps = &model->witness.smaps;

	smaps->list = calloc(model->nr_vmas + 2, sizeof(*smaps->list));
	if (!smaps->list)
		return -1;
	for (size_t i = 0; i < model->nr_vmas; i++) {
		bool is_new = i + 1 < model->nr_vmas && model->nr_vmas > 2 &&
			      model->vmas[i + 1].flags & PMEMCTL_VMA_GROWSDOWN;

		if (!is_new)
			add_smap(smaps, model, &model->vmas[i]);
	}
	/* as the kernel has it, too */
	add_smap(smaps, model, &(struct pmemctl_vma) {
		.start = 0xffffffffff600000, .end = 0xffffffffff601000, .flags = PMEMCTL_VMA_EXEC,
	});
	smaps->read = true;
	return 0;
}

/* Of a VMA with parts, all that is in memory is in its first part */
static int tell_residents(struct model *model)
{
	struct resident_list *residents = &model->witness.residents;
	struct picture picture;
	int ret = picture_make(&picture, model, NULL);

	residents->list = calloc(picture.nr_parts + 1, sizeof(*residents->list));
	if (!residents->list)
		ret = -1;
	for (size_t i = 0; i < picture.nr_parts && !ret; i++) {
		const struct region *part = &picture.parts[i];
		const struct smap *smap = smaps_of(model, part->vma);
		bool first = part->start == part->vma->start;
		uint64_t rss = smap && first ? smap->bytes[SMAPS_RSS] : 0;
		uint64_t swap = smap && first ? smap->bytes[SMAPS_SWAP] : 0;

		residents->list[residents->count++] = (struct resident) {
			part->start, part->end, rss, rss, swap
		};
	}
	picture_free(&picture);
	return ret;
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
	if (!ret && wish->smaps)
		ret = tell_smaps(model);
	if (!ret && wish->residents)
		ret = tell_residents(model);
out:
	free(stacks);
	return ret;
}
