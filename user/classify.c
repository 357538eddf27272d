// SPDX-License-Identifier: GPL-2.0
#include "classify.h"

#include <stdlib.h>
#include <string.h>

#define ACCESS (PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE | PMEMCTL_VMA_EXEC)

/* The same file may come as several objects: sorted, they are neighbours */
struct file_order {
	const struct pmemctl_object *object;
	size_t index;
};

static int by_file(const void *a, const void *b)
{
	const struct pmemctl_object *x = ((const struct file_order *)a)->object;
	const struct pmemctl_object *y = ((const struct file_order *)b)->object;

	if (x->dev_major != y->dev_major)
		return x->dev_major < y->dev_major ? -1 : 1;
	if (x->dev_minor != y->dev_minor)
		return x->dev_minor < y->dev_minor ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* Objects of one file get the most telling use that any of them has */
static int spread_uses(struct classifier *c)
{
	const struct model *model = c->model;
	struct file_order *order = calloc(model->nr_objects + 1, sizeof(*order));
	size_t n = 0;

	if (!order)
		return -1;
	for (size_t i = 0; i < model->nr_objects; i++) {
		if (model->objects[i].flags & PMEMCTL_OBJECT_FILE)
			order[n++] = (struct file_order) { &model->objects[i], i };
	}
	qsort(order, n, sizeof(*order), by_file);
	for (size_t i = 0, end; i < n; i = end) {
		unsigned char use = FILE_PLAIN;

		for (end = i; end < n && !by_file(&order[i], &order[end]); end++) {
			unsigned char its = c->use[order[end].index];

			if (its == FILE_EXE || use == FILE_PLAIN)
				use = its;
		}
		for (size_t k = i; k < end; k++)
			c->use[order[k].index] = use;
	}
	free(order);
	return 0;
}

static bool is_exe(const struct classifier *c, const struct pmemctl_vma *vma)
{
	return vma->file && c->use[vma->file - 1] == FILE_EXE;
}

/*
 * The image is the run of VMAs of the executable around its code, up to the
 * end of its data. A program may well map its own file again somewhere else.
 */
static void find_image(struct classifier *c)
{
	const struct model *model = c->model;
	uint64_t start_code = model->mm[PMEMCTL_MM_START_CODE];
	uint64_t end_data = page_up(model->mm[PMEMCTL_MM_END_DATA]);
	size_t i = 0;

	while (i < model->nr_vmas && model->vmas[i].end <= start_code)
		i++;
	c->image_low = i;
	while (c->image_low && is_exe(c, &model->vmas[c->image_low - 1]))
		c->image_low--;
	while (i < model->nr_vmas && model->vmas[i].start < end_data)
		i++;
	c->image_high = i;
}

int classifier_init(struct classifier *c, const struct model *model)
{
	uint32_t exe = model->mm[PMEMCTL_MM_EXE];

	memset(c, 0, sizeof(*c));
	c->model = model;
	c->use = calloc(model->nr_objects + 1, 1);
	if (!c->use)
		return -1;
	for (size_t i = 0; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];

		if (vma->file && vma->flags & PMEMCTL_VMA_EXEC)
			c->use[vma->file - 1] = FILE_LIBRARY;
	}
	if (exe)
		c->use[exe - 1] = FILE_EXE;
	if (spread_uses(c))
		return -1;
	find_image(c);
	/* A program without data in its file has its bss where that would end */
	c->bss_next = page_up(model->mm[PMEMCTL_MM_END_DATA]);
	return 0;
}

void classifier_free(struct classifier *c)
{
	free(c->use);
	c->use = NULL;
}

static bool overlaps(const struct pmemctl_vma *vma, uint64_t start, uint64_t end)
{
	return start < end && vma->start < end && vma->end > start;
}

static enum region_kind exe_kind(struct classifier *c, const struct pmemctl_vma *vma,
				 const char **why)
{
	const uint64_t *mm = c->model->mm;

	if (vma->flags & PMEMCTL_VMA_EXEC &&
	    overlaps(vma, mm[PMEMCTL_MM_START_CODE], mm[PMEMCTL_MM_END_CODE])) {
		*why = "executable, of mm->exe_file, overlaps mm->start_code..end_code";
		return KIND_TEXT;
	}
	if (vma->flags & PMEMCTL_VMA_WRITE) {
		c->bss_next = vma->end;
		*why = "writable, of mm->exe_file, in its image";
		return KIND_DATA;
	}
	if (!(vma->flags & PMEMCTL_VMA_READ)) {
		*why = "of mm->exe_file, in its image, no access";
		return KIND_FILE;
	}
	if (vma->start >= (mm[PMEMCTL_MM_START_DATA] & ~4095ULL) &&
	    vma->end <= page_up(mm[PMEMCTL_MM_END_DATA])) {
		*why = "read-only, of mm->exe_file, in mm->start_data..end_data";
		return KIND_RELRO;
	}
	*why = "read-only, of mm->exe_file, in its image";
	return KIND_RODATA;
}

/*
 * A file that never had a directory entry lies on a mount inside the kernel,
 * without a device, and "(deleted)" is a part of the name that the kernel made
 * up for it.
 */
static bool is_nameless(const struct pmemctl_object *object, const char *path)
{
	static const char suffix[] = " (deleted)";
	size_t len = strlen(path);

	return !object->dev_major && len >= sizeof(suffix) &&
	       !strcmp(path + len - sizeof(suffix) + 1, suffix);
}

/* Memory in the shape of a file */
static bool memory_file(const struct classifier *c, const struct pmemctl_vma *vma,
			enum region_kind *kind, const char **why)
{
	const struct pmemctl_object *object = model_object(c->model, vma->file);
	const char *path = model_name(c->model, vma->file);
	bool nameless = path && is_nameless(object, path);

	if (!path)
		return false;
	if (nameless && !strncmp(path, "/memfd:", 7)) {
		*why = "file of memfd_create";
		*kind = KIND_MEMFD;
		return true;
	}
	if (!(vma->flags & (PMEMCTL_VMA_SHARED | PMEMCTL_VMA_MAYSHARE)))
		return false;
	if (nameless && !strcmp(path, "/dev/zero (deleted)"))
		*why = "shared anonymous memory";
	else if (nameless && !strncmp(path, "/SYSV", 5))
		*why = "shared, System V shared memory";
	else if (!strncmp(path, "/dev/shm/", 9))
		*why = "shared, file in /dev/shm";
	else
		return false;
	*kind = KIND_SHM;
	return true;
}

static enum region_kind file_kind(struct classifier *c, size_t index, const char **why)
{
	const struct pmemctl_vma *vma = &c->model->vmas[index];
	enum region_kind kind;

	if (vma->flags & (PMEMCTL_VMA_IO | PMEMCTL_VMA_PFNMAP)) {
		*why = "VM_IO or VM_PFNMAP";
		return KIND_DEVICE;
	}
	if (c->use[vma->file - 1] == FILE_EXE) {
		if (index >= c->image_low && index < c->image_high)
			return exe_kind(c, vma, why);
		*why = "of mm->exe_file, but not in its image";
		return KIND_FILE;
	}
	if (memory_file(c, vma, &kind, why))
		return kind;
	if (c->use[vma->file - 1] == FILE_LIBRARY) {
		*why = "file that is mapped executable, not mm->exe_file";
		return KIND_LIBRARY;
	}
	*why = "file that is nowhere mapped executable";
	return KIND_FILE;
}

static enum region_kind anon_kind(struct classifier *c, const struct pmemctl_vma *vma,
				  const char **why)
{
	const uint64_t *mm = c->model->mm;

	if (overlaps(vma, mm[PMEMCTL_MM_START_BRK], mm[PMEMCTL_MM_BRK])) {
		*why = "overlaps mm->start_brk..brk";
		return KIND_HEAP;
	}
	if (vma->start <= mm[PMEMCTL_MM_START_STACK] && vma->end > mm[PMEMCTL_MM_START_STACK]) {
		*why = "holds mm->start_stack";
		return KIND_STACK;
	}
	if (mm[PMEMCTL_MM_END_DATA] && vma->start == c->bss_next &&
	    vma->start < mm[PMEMCTL_MM_START_BRK] && vma->flags & PMEMCTL_VMA_WRITE) {
		c->bss_next = vma->end;
		*why = "begins where the data of mm->exe_file ends, below mm->start_brk";
		return KIND_BSS;
	}
	if (!(vma->flags & ACCESS)) {
		*why = "anonymous, no access";
		return KIND_RESERVED;
	}
	*why = "anonymous";
	return KIND_ANON;
}

enum region_kind classify(struct classifier *c, size_t index, const char **why)
{
	const struct pmemctl_vma *vma = &c->model->vmas[index];
	const char *name = model_name(c->model, vma->name);

	if (vma->flags & PMEMCTL_VMA_SHADOW_STACK) {
		*why = "VM_SHADOW_STACK";
		return KIND_SHADOW_STACK;
	}
	if (vma->flags & PMEMCTL_VMA_HUGETLB) {
		*why = "VM_HUGETLB";
		return KIND_HUGETLB;
	}
	if (vma->file)
		return file_kind(c, index, why);
	if (name && !strcmp(name, "[vdso]")) {
		*why = "named so by the kernel";
		return KIND_VDSO;
	}
	if (name && !strncmp(name, "[vvar", 5)) {
		*why = "named so by the kernel";
		return KIND_VVAR;
	}
	return anon_kind(c, vma, why);
}
