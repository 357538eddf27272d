// SPDX-License-Identifier: GPL-2.0
/*
 * The judgement of sound models: classify.c, parts.c, picture.c, stacks.c, summary.c,
 * lint.c, and what prints them. What /proc tells besides is made up as well: any
 * ranges within the VMAs.
 */
#include "judge.h"
#include "scene.h"

#include "picture.h"

#include <locale.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	return 0;
}

/* A piece of a VMA; empty: there is none */
static struct range piece(struct input *in, const struct model *model)
{
	const struct pmemctl_vma *vma;
	uint64_t start, size;

	if (!model->nr_vmas)
		return (struct range) { 0 };
	vma = &model->vmas[take_below(in, model->nr_vmas)];
	start = take(in, 2) * 8 % (vma->end - vma->start);
	size = take(in, 2) * 8 % (vma->end - vma->start - start) + 1;
	return (struct range) { vma->start + start, vma->start + start + size };
}

static void make_uses(struct input *in, struct model *model)
{
	size_t count = take_below(in, 8);

	for (size_t i = 0; i < count; i++) {
		struct range range = piece(in, model);
		struct use use = { range.start, range.end, take_below(in, KINDS), 0, "made up" };

		must(!use_add(&model->witness.uses, &use));
	}
	use_sort(&model->witness.uses);
}

/* By ascending address, none overlapping, as pagemap.c finds them */
static void make_guards(struct input *in, struct model *model)
{
	struct range_list *guards = &model->witness.guards;
	size_t count = take_below(in, 8);
	uint64_t last = 0;

	guards->list = calloc(count + 1, sizeof(*guards->list));
	for (size_t i = 0; i < count; i++) {
		struct range range = piece(in, model);

		range = (struct range) { page_down(range.start), page_up(range.end) };
		if (!range.end || range.start < last)
			continue;
		guards->list[guards->count++] = range;
		last = range.end + 1;
	}
}

static void make_blocks(struct input *in, struct model *model)
{
	struct witness *witness = &model->witness;

	witness->blocks = calloc(model->nr_threads + 1, sizeof(*witness->blocks));
	witness->settled = calloc(model->nr_threads + 1, sizeof(*witness->settled));
	for (size_t i = 0; i < model->nr_threads; i++) {
		uint8_t what = take(in, 1);

		witness->settled[i] = what & 1;
		witness->blocks[i].state = (what >> 1) % 5;
		witness->blocks[i].range = piece(in, model);
		/* block.c tells of no others */
		if (!witness->blocks[i].range.end ||
		    witness->blocks[i].range.end <= model->threads[i].tp)
			witness->blocks[i].state = 0;
		witness->blocks_told |= what & 0x80;
	}
}

static void make_smaps(struct input *in, struct model *model)
{
	struct smaps *smaps = &model->witness.smaps;

	smaps->list = calloc(model->nr_vmas + 1, sizeof(*smaps->list));
	smaps->read = true;
	for (size_t i = 0; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];
		struct smap *smap = &smaps->list[smaps->count];
		uint8_t what = take(in, 1);

		if (what & 1)
			continue;
		*smap = (struct smap) { .start = vma->start, .end = vma->end };
		memcpy(smap->perms, vma->flags & PMEMCTL_VMA_WRITE ? "rw-p" : "---p", 4);
		smap->bytes[SMAPS_RSS] = (what >> 1) * PAGE;
		smap->bytes[SMAPS_SWAP] = what & 2 ? PAGE : 0;
		smaps->count++;
	}
}

static void make_residents(struct input *in, struct model *model)
{
	struct resident_list *residents = &model->witness.residents;
	struct picture picture;

	must(!picture_make(&picture, model, NULL));
	residents->list = calloc(picture.nr_parts + 1, sizeof(*residents->list));
	for (size_t i = 0; i < picture.nr_parts; i++) {
		const struct region *part = &picture.parts[i];
		uint8_t what = take(in, 1);
		struct resident is = { part->start, part->end, 0, 0, 0 };

		if (what & 1)
			continue;
		is.most = (what >> 4) * PAGE;
		is.least = what & 2 ? is.most : is.most / 2;
		is.swapped = what & 4 ? PAGE : 0;
		residents->list[residents->count++] = is;
	}
	picture_free(&picture);
}

static void make_witness(struct input *in, struct model *model)
{
	struct witness *witness = &model->witness;
	uint8_t what = take(in, 1);

	witness->exe.go = what & 1;
	witness->exe.tls_size = what & 2 ? take(in, 2) : 0;
	witness->image_placed = what & 4;
	witness->marks = (what >> 3) % 3;
	witness->guard_gap = what & 0x20 ? take(in, 4) * PAGE : 1 << 20;
	if (what & 0x40)
		make_blocks(in, model);
	make_uses(in, model);
	make_guards(in, model);
	what = take(in, 1);
	if (what & 1) {
		struct range range = piece(in, model);

		witness->tls = (struct use) { range.start, range.end, KIND_TLS, 100, "made up" };
	}
	if (what & 2) {
		struct range range = piece(in, model);

		witness->orphans = calloc(1, sizeof(*witness->orphans));
		witness->nr_orphans = !!range.end;
		witness->orphans_known = true;
		witness->orphans[0] = (struct orphan) { .own = range };
	}
	if (what & 4)
		make_smaps(in, model);
	if (what & 8)
		make_residents(in, model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	static struct builder b;
	struct model model;

	scene_reply(&in, &b);
	must(!builder_model(&b, &model));
	judge_model(&model);
	make_witness(&in, &model);
	judge_picture(&model);
	model_free(&model);
	return 0;
}
