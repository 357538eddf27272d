// SPDX-License-Identifier: GPL-2.0
#include "files.h"

#include "object.h"
#include "proc.h"

#include <stdlib.h>
#include <string.h>

/* A file of the process; sorted, those of one file are neighbours and become one */
struct file_key {
	const struct pmemctl_object *object;
	const char *name;
	bool segment;		/* System V shared memory */
	size_t file;
};

static int by_identity(const void *a, const void *b)
{
	const struct file_key *x = a, *y = b;

	int way = object_compare(x->object, y->object);

	return way ? way : x->segment - y->segment;
}

/*
 * Memory that is not on a disk has inode numbers of one sequence, but for System V
 * segments, which have their ids: these two may be equal.
 */
static struct file_key key_of(const struct model *model, uint32_t number)
{
	return (struct file_key) {
		model_object(model, number), model_name(model, number),
		object_is_segment(model, number), 0
	};
}

static struct file_key *find_key(const struct files *files, const struct file_key *key)
{
	return bsearch(key, files->keys, files->nr_keys, sizeof(*key), by_identity);
}

static bool is_written(const struct pmemctl_vma *vma)
{
	return vma->flags & PMEMCTL_VMA_SHARED && vma->flags & PMEMCTL_VMA_WRITE;
}

/* What is code of it says more than what is not */
static void take_own(struct shared_file *file, const struct region *region)
{
	const struct pmemctl_vma *vma = region->vma;

	if (!file->nr_own++) {
		file->kind = region->kind;
		file->own.start = vma->start;
		file->own.end = vma->end;
		file->own.offset = vma->offset;
		file->own.flags = vma->flags;
	} else if (vma->flags & PMEMCTL_VMA_EXEC && !(file->own.flags & PMEMCTL_VMA_EXEC)) {
		file->kind = region->kind;
		file->own.flags |= PMEMCTL_VMA_EXEC;
	}
	file->written |= is_written(vma);
}

static int collect_own(struct files *files, const struct picture *picture)
{
	const struct model *model = picture->model;
	size_t n = 0;

	files->keys = calloc(model->nr_objects + 1, sizeof(*files->keys));
	files->list = calloc(model->nr_objects + 1, sizeof(*files->list));
	if (!files->keys || !files->list)
		return -1;
	for (size_t i = 0; i < model->nr_objects; i++) {
		if (model->objects[i].flags & PMEMCTL_OBJECT_FILE)
			files->keys[n++] = key_of(model, i + 1);
	}
	qsort(files->keys, n, sizeof(*files->keys), by_identity);
	for (size_t i = 0; i < n; i++) {
		struct file_key *key = &files->keys[i];

		if (files->nr_keys && !by_identity(key, &files->keys[files->nr_keys - 1]))
			continue;
		key->file = files->nr_keys;
		files->list[key->file] = (struct shared_file) {
			.object = key->object, .name = key->name,
			.own = { .file = key->file, .other = MAPPING_OWN },
		};
		files->keys[files->nr_keys++] = *key;
	}
	files->count = files->nr_keys;
	for (size_t i = 0; i < picture->nr_regions; i++) {
		const struct region *region = &picture->regions[i];
		struct file_key key;

		if (!vma_is_shareable(model, region->vma))
			continue;
		key = key_of(model, region->vma->file);
		take_own(&files->list[find_key(files, &key)->file], region);
	}
	return 0;
}

static int add(struct files *files, const struct mapping *mapping)
{
	if (files->nr_mappings == files->room) {
		size_t room = files->room ? files->room * 2 : 256;
		void *list = realloc(files->mappings, room * sizeof(*files->mappings));

		if (!list)
			return -1;
		files->mappings = list;
		files->room = room;
	}
	files->mappings[files->nr_mappings++] = *mapping;
	return 0;
}

/* Each object of another process is looked for once, however many VMAs map it */
static int match(const struct model *model, size_t index, void *data)
{
	const struct file_key **keys = calloc(model->nr_objects + 1, sizeof(*keys));
	struct files *files = data;
	int ret = keys ? 0 : -1;

	for (size_t i = 0; keys && i < model->nr_objects; i++) {
		struct file_key key;

		if (!(model->objects[i].flags & PMEMCTL_OBJECT_FILE))
			continue;
		key = key_of(model, i + 1);
		keys[i] = find_key(files, &key);
		if (keys[i] && key.segment &&
		    proc_same_namespace(files->pid, model->pid, "ipc") != PROC_SAME)
			keys[i] = NULL;
	}
	for (size_t i = 0; i < model->nr_vmas && !ret; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];
		const struct file_key *key = vma_is_shareable(model, vma) ? keys[vma->file - 1] :
					     NULL;

		if (!key || !files->list[key->file].nr_own)
			continue;
		files->list[key->file].written |= is_written(vma);
		ret = add(files, &(struct mapping) {
			key->file, index, vma->start, vma->end, vma->offset, vma->flags
		});
	}
	free(keys);
	return ret;
}

static int by_file(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->other != y->other)
		return x->other < y->other ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Written ones first, then those that most others have */
static int by_weight(const void *a, const void *b)
{
	const struct shared_file *x = a, *y = b;

	if (x->written != y->written)
		return x->written ? -1 : 1;
	if (x->processes != y->processes)
		return x->processes > y->processes ? -1 : 1;
	return x->own.start < y->own.start ? -1 : x->own.start > y->own.start;
}

/* Gives each file its mappings; those without are left out */
static void arrange(struct files *files)
{
	size_t n = 0;

	if (files->nr_mappings)
		qsort(files->mappings, files->nr_mappings, sizeof(*files->mappings), by_file);
	for (size_t i = 0; i < files->nr_mappings; i++) {
		const struct mapping *mapping = &files->mappings[i];
		struct shared_file *file = &files->list[mapping->file];

		if (!file->nr_others++)
			file->first = i;
		else if (mapping->other == mapping[-1].other)
			continue;
		file->processes += files->others.list[mapping->other].processes;
	}
	for (size_t i = 0; i < files->count; i++) {
		if (files->list[i].nr_others)
			files->list[n++] = files->list[i];
	}
	files->count = n;
	qsort(files->list, n, sizeof(*files->list), by_weight);
	for (size_t i = 0; i < n; i++) {
		struct shared_file *file = &files->list[i];

		files->nr_written += file->written;
		file->own.file = i;
		for (size_t k = 0; k < file->nr_others; k++)
			files->mappings[file->first + k].file = i;
	}
}

int files_look(struct files *files, struct client *client, const struct picture *picture)
{
	memset(files, 0, sizeof(*files));
	files->pid = picture->model->pid;
	if (collect_own(files, picture) ||
	    others_look(client, picture->model, &files->others, match, files))
		return -1;
	arrange(files);
	return 0;
}

void files_free(struct files *files)
{
	others_free(&files->others);
	free(files->keys);
	free(files->list);
	free(files->mappings);
	memset(files, 0, sizeof(*files));
}
