// SPDX-License-Identifier: GPL-2.0
#include "uses.h"

#include "arena.h"
#include "golang.h"
#include "images.h"
#include "java.h"
#include "picture.h"
#include "python.h"
#include "stacks.h"
#include "tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS (PMEMCTL_VMA_MAYSHARE | PMEMCTL_VMA_GROWSDOWN | PMEMCTL_VMA_EXEC | \
		PMEMCTL_VMA_HUGETLB | PMEMCTL_VMA_SHADOW_STACK | PMEMCTL_VMA_DROPPABLE)

/* Memory that a program or its libraries may have had from mmap */
static bool is_mapped(const struct model *model, const struct pmemctl_vma *vma)
{
	const uint64_t *mm = model->mm;

	if (vma->file || vma->flags & OTHERS || !(vma->flags & PMEMCTL_VMA_READ) ||
	    !(vma->flags & PMEMCTL_VMA_WRITE))
		return false;
	return !(vma->start < mm[PMEMCTL_MM_BRK] && vma->end > mm[PMEMCTL_MM_START_BRK]) &&
	       !(vma->start <= mm[PMEMCTL_MM_START_STACK] &&
		 vma->end > mm[PMEMCTL_MM_START_STACK]);
}

/*
 * struct walk - a search in what is left
 * @known: uses, and stacks: what something else may follow
 */
struct walk {
	const struct model *model;
	const struct peek *peek;
	bool python;
	struct use_list known;
	struct use_list found;
};

/* At least as large is what the loader asks mmap for: a page more than it needs */
#define LOADERS (2 * PAGE)

/* glibc's struct link_map, of the time before there was a malloc, at the start of a page */
static bool is_link_map(const struct peek *peek, uint64_t addr)
{
	enum { NAME = 1, DYNAMIC, NEXT, PREV, REAL, WORDS };
	uint64_t map[WORDS];

	return peek_words(peek, addr, map, WORDS) && map[REAL] == addr && map[NAME] &&
	       map[DYNAMIC] > map[0] && map[NEXT] != addr && map[PREV] != addr;
}

static bool is_loader(const struct model *model, uint64_t addr)
{
	const struct pmemctl_vma *vma = model_vma(model, addr);
	const char *path = vma && vma->file ? model_name(model, vma->file) : NULL;
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && !strncmp(slash, "/ld-linux", 9);
}

/* glibc's struct r_search_path_elem of a directory of the system's: the first of several */
static bool is_search_path(const struct model *model, const struct peek *peek, uint64_t addr)
{
	enum { NEXT, WHAT, WHERE, NAME, NAME_LENGTH, WORDS };
	uint64_t path[WORDS];

	return peek_words(peek, addr, path, WORDS) && path[NEXT] - addr < PAGE &&
	       is_loader(model, path[WHAT]) && !path[WHERE] && is_loader(model, path[NAME]) &&
	       path[NAME_LENGTH] < PAGE;
}

/* What begins at an address, if that can be told. Return: its size, or 0 */
static uint64_t known_at(const struct walk *walk, uint64_t at, uint64_t end, struct use *use)
{
	uint64_t size = chunk_at(walk->peek, at, end);

	if (size) {
		use->kind = KIND_CHUNK;
		use->why = "begins with the header of a chunk that malloc got from mmap";
		return size;
	}
	if (end - at >= PYTHON_ARENA && python_arena_at(walk->peek, at)) {
		use->kind = KIND_PYTHON_HEAP;
		use->why = "pools of Python's allocator, each with its header";
		return PYTHON_ARENA;
	}
	if (walk->python && end - at >= PYTHON_FRAMES && python_frames_at(walk->peek, at)) {
		use->kind = KIND_PYTHON_HEAP;
		use->why = "begins with the header of the frames of a Python thread";
		return PYTHON_FRAMES;
	}
	if (end - at >= LOADERS && is_link_map(walk->peek, at)) {
		use->kind = KIND_LOADER;
		use->why = "begins with a struct link_map of glibc's";
		return LOADERS;
	}
	if (end - at >= LOADERS && is_search_path(walk->model, walk->peek, at)) {
		use->kind = KIND_LOADER;
		use->why = "begins with a struct r_search_path_elem of glibc's";
		return LOADERS;
	}
	return 0;
}

/*
 * What comes from mmap lies one upon the other: what was mapped later, below. Where
 * one thing ends the next may begin; behind anything else none is looked for.
 */
static int walk_range(struct walk *walk, uint64_t at, uint64_t end)
{
	int ret = 0;

	while (!ret && at < end) {
		struct use use = { .start = at };
		uint64_t size = known_at(walk, at, end, &use);

		if (!size)
			break;
		use.end = at += size;
		ret = use_add(&walk->found, &use);
	}
	return ret;
}

/* What is left of a VMA between the uses that are known */
static int walk_vma(struct walk *walk, const struct pmemctl_vma *vma)
{
	const struct use_list *uses = &walk->known;
	uint64_t at = vma->start;
	int ret = 0;

	for (size_t i = use_from(uses, vma->start); at < vma->end && !ret; i++) {
		bool some = i < uses->count && uses->list[i].start < vma->end;

		ret = walk_range(walk, page_up(at), some ? uses->list[i].start : vma->end);
		at = some ? uses->list[i].end : vma->end;
	}
	return ret;
}

/* glibc has the states in memory that may be dropped, and a list of them right below */
static int find_random(struct walk *walk, const struct pmemctl_vma *vma)
{
	const struct pmemctl_vma *states = vma + 1;
	struct use list = { vma->end - PAGE, vma->end, KIND_RANDOM, 0,
			    "list of addresses in the memory that may be dropped above" };
	uint64_t words[2];

	if (!(states->flags & PMEMCTL_VMA_DROPPABLE) || states->start != vma->end ||
	    !peek_words(walk->peek, list.start, words, 2) ||
	    words[0] < states->start || words[0] >= states->end ||
	    words[1] <= words[0] || words[1] >= states->end)
		return 0;
	return use_add(&walk->found, &list);
}

static int find_known(struct walk *walk)
{
	const struct model *model = walk->model;
	struct stack *stacks = calloc(model->nr_threads + 1, sizeof(*stacks));
	int ret = stacks && !stacks_judge(model, stacks) ? 0 : -ENOMEM;

	for (size_t i = 0; i < model->witness.uses.count && !ret; i++)
		ret = use_add(&walk->known, &model->witness.uses.list[i]);
	for (size_t i = 0; i < model->nr_threads && !ret; i++) {
		struct use use = {
			.start = stacks[i].start, .end = stacks[i].end, .kind = KIND_THREAD_STACK,
		};

		if (stacks[i].claimed && !stacks[i].initial)
			ret = use_add(&walk->known, &use);
	}
	use_sort(&walk->known);
	free(stacks);
	return ret;
}

static int collect_mapped(struct model *model, const struct peek *peek)
{
	struct walk walk = { .model = model, .peek = peek, .python = python_runs(model) };
	int ret = peek->mem < 0 ? 0 : find_known(&walk);

	for (size_t i = 0; i < model->nr_vmas && peek->mem >= 0 && !ret; i++) {
		if (!is_mapped(model, &model->vmas[i]))
			continue;
		ret = walk_vma(&walk, &model->vmas[i]);
		if (!ret && i + 1 < model->nr_vmas)
			ret = find_random(&walk, &model->vmas[i]);
	}
	for (size_t i = 0; i < walk.found.count && !ret; i++)
		ret = use_add(&model->witness.uses, &walk.found.list[i]);
	free(walk.known.list);
	free(walk.found.list);
	use_sort(&model->witness.uses);
	return ret;
}

int uses_collect(struct model *model, const struct peek *peek, uint32_t tid)
{
	int ret;

	free(model->witness.uses.list);
	model->witness.uses = (struct use_list) { 0 };
	model->witness.tls = (struct use) { 0 };
	model->witness.image_placed = false;

	ret = images_collect(model, tid);
	if (!ret)
		ret = golang_collect(model);
	if (!ret)
		ret = java_collect(model, peek, tid);
	if (!ret)
		ret = arenas_collect(model, peek);
	if (!ret)
		ret = tls_collect(model, peek);
	use_sort(&model->witness.uses);
	return ret ? ret : collect_mapped(model, peek);
}
