// SPDX-License-Identifier: GPL-2.0
#include "judge.h"

#include "check-json.h"
#include "input.h"
#include "lint.h"
#include "options.h"
#include "picture.h"
#include "summary.h"
#include "table.h"
#include "words.h"

#include <string.h>

static const struct pmemctl_vma vsyscall = {
	.start = 0xffffffffff600000, .end = 0xffffffffff601000,
};

static bool has_object(const struct model *model, uint32_t number)
{
	return number <= model->nr_objects;
}

void judge_model(const struct model *model)
{
	uint64_t last = 0;

	must(memchr(model->comm, 0, sizeof(model->comm)));
	must(memchr(model->borrowed_comm, 0, sizeof(model->borrowed_comm)));
	must(model->mm[PMEMCTL_MM_EXE] <= model->nr_objects);
	for (size_t i = 0; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];

		must(vma->start >= last && vma->start < vma->end);
		must(has_object(model, vma->file) && has_object(model, vma->name));
		must(model_vma(model, vma->start) == vma && model_vma(model, vma->end - 1) == vma);
		must(vma->start == last || !model_vma(model, vma->start - 1));
		last = vma->end;
	}
	for (size_t i = 0; i < model->nr_threads; i++)
		must(memchr(model->threads[i].comm, 0, sizeof(model->threads[i].comm)));
	for (size_t i = 0; i < model->nr_sharers; i++)
		must(memchr(model->sharers[i].comm, 0, sizeof(model->sharers[i].comm)));
}

static void judge_uses(const struct use_list *uses)
{
	uint64_t last = 0;

	for (size_t i = 0; i < uses->count; i++) {
		const struct use *use = &uses->list[i];

		must(use->start >= last && use->start < use->end && use->kind < KINDS && use->why);
		last = use->end;
	}
}

void judge_witness(const struct model *model)
{
	const struct witness *witness = &model->witness;
	uint64_t last = 0;

	judge_uses(&witness->uses);
	if (witness->tls.end) {
		const struct pmemctl_vma *vma = model_vma(model, witness->tls.start);

		must(vma && witness->tls.start < witness->tls.end && witness->tls.end <= vma->end);
	}
	for (size_t i = 0; i < witness->guards.count; i++) {
		const struct range *guard = &witness->guards.list[i];

		must(guard->start >= last && guard->start < guard->end);
		last = guard->end;
	}
	last = 0;
	for (size_t i = 0; i < witness->nr_orphans; i++) {
		const struct orphan *orphan = &witness->orphans[i];

		must(orphan->own.start >= last && orphan->own.start < orphan->own.end);
		must(!orphan->guard.end || orphan->guard.start < orphan->guard.end);
		must(orphan->resident <= page_up(orphan->own.end) - page_down(orphan->own.start));
		must(orphan->descriptor < orphan->own.end);
		last = orphan->own.start;
	}
	for (size_t i = 0; i < witness->residents.count; i++) {
		const struct resident *resident = &witness->residents.list[i];
		uint64_t size = resident->end - resident->start;

		must(resident->least <= resident->most && resident->most <= size);
		must(resident->swapped <= size);
	}
}

/* Regions are the VMAs, and parts of a region are all of it */
static void judge_regions(const struct picture *picture)
{
	const struct model *model = picture->model;

	must(picture->nr_regions - model->nr_vmas <= 1);
	for (size_t i = 0; i < picture->nr_regions; i++) {
		const struct region *region = &picture->regions[i];
		uint64_t at = region->start;

		must(i >= model->nr_vmas || (region->vma == &model->vmas[i] &&
					     region->start == model->vmas[i].start &&
					     region->end == model->vmas[i].end));
		must(region->kind < KINDS && region->why && kind_name(region->kind));
		must(region->nr_parts != 1);
		for (size_t k = 0; k < region->nr_parts; k++) {
			const struct region *part = &picture->parts[region->first_part + k];

			must(region->first_part + k < picture->nr_parts);
			must(part->start == at && part->end > at && part->is_part);
			must(part->vma == region->vma && part->kind < KINDS && part->why);
			at = part->end;
		}
		must(!region->nr_parts || at == region->end);
	}
}

/* What the module promises, and model_finish() does not look at: whole pages, of one VMA */
static bool has_promised_stacks(const struct model *model)
{
	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct pmemctl_thread *thread = &model->threads[i];
		const struct pmemctl_vma *vma = model_vma(model, thread->stack_low);

		if ((thread->stack_low | thread->stack_high) % PAGE)
			return false;
		if (thread->stack_high && (!vma || vma->end < thread->stack_high))
			return false;
	}
	for (size_t i = 0; i < model->nr_vmas; i++) {
		if ((model->vmas[i].start | model->vmas[i].end) % PAGE)
			return false;
	}
	return true;
}

/* What is called a stack is in memory, and nobody else's */
static void judge_stacks(const struct picture *picture)
{
	const struct model *model = picture->model;

	if (!has_promised_stacks(model))
		return;
	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct stack *stack = &picture->stacks[i];
		uint64_t used;

		must(stack_kind_name(stack->kind));
		if (stack_used(&model->threads[i], stack, &used) && stack->claimed)
			must(used <= stack->end - stack->start);
		if (!stack->claimed) {
			must(!stack->start && !stack->end && !stack->guard.end);
			continue;
		}
		must(stack->start < stack->end);
		must(stack->tls > stack->start && stack->tls <= stack->end);
		must(!stack->guard.end || stack->guard.start < stack->guard.end);
		must(!stack->guard.end || stack->guard.end <= stack->start);
		must(stack->limit <= stack->start);
		for (size_t k = 0; k < i; k++) {
			const struct stack *other = &picture->stacks[k];

			must(!other->claimed || other->end <= stack->start ||
			     other->start >= stack->end);
		}
	}
}

static void add(struct tally *sum, const struct tally *tally)
{
	sum->reserved += tally->reserved;
	sum->resident += tally->resident;
	sum->swapped += tally->swapped;
	sum->untold += tally->untold;
	sum->count += tally->count;
}

/* Every byte once: by kind, and step by step */
static void judge_summary(const struct picture *picture)
{
	const struct summary *summary = picture->summary;
	struct tally kinds = { 0 }, falls = { 0 };
	struct summary sum = { 0 };
	uint64_t vmas = 0;

	for (size_t i = 0; i < picture->model->nr_vmas; i++)
		vmas += picture->model->vmas[i].end - picture->model->vmas[i].start;
	for (size_t i = 0; i < summary->nr_kinds; i++) {
		add(&kinds, &summary->kinds[i]);
		must(summary->kinds[i].largest <= summary->kinds[i].reserved);
		must(!i || summary->kinds[i].reserved <= summary->kinds[i - 1].reserved);
	}
	must(summary->nr_falls <= FALLS);
	for (size_t i = 0; i < summary->nr_falls; i++) {
		add(&falls, &summary->falls[i].tally);
		must(summary->falls[i].so_far == falls.reserved);
	}
	must(summary->all.reserved == vmas);
	must(kinds.reserved == vmas && falls.reserved == vmas);
	must(kinds.count == summary->all.count);
	must(kinds.resident == summary->all.resident && falls.resident == kinds.resident);
	must(kinds.swapped == summary->all.swapped && falls.swapped == kinds.swapped);
	must(kinds.untold == summary->all.untold && falls.untold == kinds.untold);
	must(kinds.untold <= vmas);
	summary_add(&sum, summary);
	summary_add(&sum, summary);
	must(sum.all.reserved == 2 * vmas && sum.nr_kinds == summary->nr_kinds);
}

static void judge_output(const struct picture *picture)
{
	static const struct table *const tables[] = {
		&table_regions, &table_threads, &table_sharers, &table_orphans, &table_findings,
		&table_summary, &table_waterfall,
	};
	struct options opts = { 0 };
	size_t size, length;
	char *text;
	FILE *out = open_memstream(&text, &size);
	struct json json = { .out = out, .empty = true };

	json_object(&json, NULL);
	view_show.json(&json, picture, &opts);
	table_json(&json, &table_findings, NULL, NULL, picture);
	json_end_object(&json);
	fflush(out);
	must(!json_check(text, size));
	judge_words(text, size);
	length = size;
	view_show.text(out, picture, &opts);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct selection selection;

		opts.raw = !opts.raw;
		table_select(tables[i], NULL, &selection);
		table_text(out, tables[i], &selection, picture, &opts);
	}
	fclose(out);
	judge_words(text + length, size - length);
	free(text);
}

void judge_picture(const struct model *model)
{
	struct picture picture;

	must(!picture_make(&picture, model, &vsyscall));
	judge_regions(&picture);
	judge_stacks(&picture);
	must(!view_show.prepare(&picture));
	judge_summary(&picture);
	must(!lint_find(&picture, 90, 4096));
	judge_output(&picture);
	picture_free(&picture);
}
