// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that deceives: what the readers of blocks, guards, orphans, TLS, arenas,
 * chunks, Python's, Go's and Java's memory, arguments and pages make of any bytes. They
 * read what is present only (world.c), not without end, and a sound picture comes of it.
 */
#include "judge.h"
#include "scene.h"
#include "world.h"

#include "args.h"
#include "arena.h"
#include "block.h"
#include "guards.h"
#include "orphans.h"
#include "python.h"
#include "uses.h"

#include <locale.h>
#include <string.h>

/* Reads in one run: more is without bounds */
#define CALLS_MAX 400000

static const struct peek peek = { WORLD_PAGEMAP, WORLD_MEM };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	return 0;
}

/* Anything but no memory */
static void good(int ret)
{
	must(ret == 0);
}

static void find_stacks(struct model *model)
{
	struct stack *stacks = calloc(model->nr_threads + 1, sizeof(*stacks));

	model->witness.settled = malloc(model->nr_threads + 1);
	memset(model->witness.settled, true, model->nr_threads + 1);
	good(blocks_collect(model, WORLD_PAGEMAP, WORLD_MEM));
	if (guards_wanted(model))
		good(guards_collect(model, WORLD_PAGEMAP));
	stacks_disputed(model);
	good(stacks_judge(model, stacks));
	good(orphans_collect(model, stacks, WORLD_PAGEMAP, WORLD_MEM));
	free(stacks);
}

static void look_at(struct input *in, const struct builder *b, const struct model *model)
{
	uint64_t addr = scene_address(in, b);
	const struct pmemctl_vma *vma = model_vma(model, addr);
	struct arg arg;

	if (vma) {
		uint64_t page = page_down(addr), size = chunk_at(&peek, page, vma->end);

		must(size <= vma->end - page && size % PAGE == 0);
		python_arena_at(&peek, page);
		python_frames_at(&peek, page);
	}
	arg_find(model, WORLD_PAGEMAP, WORLD_MEM, addr, &arg);
	must(memchr(arg.text, 0, sizeof(arg.text)));
	must(!arg.known || arg.offset <= addr);
}

/* Kernels that show none do not say either where they may be */
static void no_markers(struct builder *b)
{
	for (size_t i = 0; i < b->nr_vmas; i++)
		b->vmas[i].flags &= ~PMEMCTL_VMA_MAYBE_GUARD;
	b->flags &= ~PMEMCTL_PROCESS_TELLS_GUARDS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	static struct builder b;
	struct model model;
	uint8_t what;

	world_reset();
	scene_reply(&in, &b);
	what = take(&in, 1);
	world.scan = take_below(&in, 3);
	if (world.scan != SCAN_ALL)
		no_markers(&b);
	must(!builder_model(&b, &model));
	model.witness.exe.go = what & 1;
	model.witness.exe.tls_size = what & 2 ? 0x40 : 0;
	model.witness.marks = world.scan == SCAN_ALL ? GUARD_MARKS_SHOWN :
			      what & 4 ? GUARD_MARKS_HIDDEN : GUARD_MARKS_NONE;
	model.witness.guard_gap = 1 << 20;
	scene_memory(&in, &b);
	look_at(&in, &b, &model);
	look_at(&in, &b, &model);
	/* what is left is the file that is mapped */
	world.file = in.at;
	world.file_size = in.left;
	good(uses_collect(&model, &peek, 0));
	find_stacks(&model);
	good(resident_collect(&model, WORLD_PAGEMAP));
	must(world.calls < CALLS_MAX);
	judge_witness(&model);
	judge_picture(&model);
	model_free(&model);
	return 0;
}
