// SPDX-License-Identifier: GPL-2.0
#include "classify.h"

#include <stdlib.h>
#include <string.h>

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

static const struct {
	const char *path;
	enum region_kind kind;
	const char *why;
} kernels_files[] = {
	{ "/secretmem (deleted)", KIND_SECRET, "file of memfd_secret" },
	{ "/[aio] (deleted)", KIND_RING, "completion queue of io_setup" },
	{ "anon_inode:[io_uring]", KIND_RING, "queues of io_uring" },
	{ "anon_inode:[perf_event]", KIND_RING, "buffer of perf_event_open" },
};

/* What the kernel made a file for, on a mount of its own */
static bool kernels_file(const struct classifier *c, const struct pmemctl_vma *vma,
			 enum region_kind *kind, const char **why)
{
	const struct pmemctl_object *object = model_object(c->model, vma->file);
	const char *path = model_name(c->model, vma->file);

	if (!path || object->dev_major)
		return false;
	for (size_t i = 0; i < sizeof(kernels_files) / sizeof(kernels_files[0]); i++) {
		if (strcmp(path, kernels_files[i].path))
			continue;
		*kind = kernels_files[i].kind;
		*why = kernels_files[i].why;
		return true;
	}
	if (strncmp(path, "/dmabuf:", 8))
		return false;
	*kind = KIND_DMABUF;
	*why = "file of a dma-buf";
	return true;
}

/* Persistent memory: pages of the device itself, as a file or as the whole device */
static bool is_dax(const struct classifier *c, const struct pmemctl_vma *vma, const char **why)
{
	const char *path = model_name(c->model, vma->file);

	if (vma->flags & PMEMCTL_VMA_SYNC) {
		*why = "MAP_SYNC, which is for DAX only";
		return true;
	}
	*why = "/dev/dax, VM_MIXEDMAP";
	return path && vma->flags & PMEMCTL_VMA_MIXEDMAP && !strncmp(path, "/dev/dax", 8);
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

	if (kernels_file(c, vma, &kind, why))
		return kind;
	if (is_dax(c, vma, why))
		return KIND_DAX;
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

static const char *hugetlb_why(const struct classifier *c, const struct pmemctl_vma *vma)
{
	const struct pmemctl_object *object = model_object(c->model, vma->file);
	const char *path = vma->file ? model_name(c->model, vma->file) : NULL;

	if (!path || !is_nameless(object, path))
		return "VM_HUGETLB";
	if (!strncmp(path, "/memfd:", 7))
		return "VM_HUGETLB, file of memfd_create";
	if (!strncmp(path, "/SYSV", 5))
		return "VM_HUGETLB, System V shared memory";
	return "VM_HUGETLB, anonymous";
}

/* What a program's libraries call memory of theirs: prctl(PR_SET_VMA_ANON_NAME) */
static const struct {
	const char *name;
	enum region_kind kind;
	const char *why;
} given_names[] = {
	{ "[anon: glibc: malloc arena]", KIND_ARENA, "named so by the program, as glibc does" },
	{ "[anon: glibc: malloc]", KIND_CHUNK, "named so by the program, as glibc does" },
	{ "[anon: glibc: loader malloc]", KIND_LOADER, "named so by the program, as glibc does" },
	{ "[anon: Go: heap]", KIND_GO_HEAP, "named so by the program, as Go's runtime does" },
	{ "[anon: Go: heap reservation]", KIND_GO_HEAP,
	  "named so by the program, as Go's runtime does" },
};

static bool given_name(const struct pmemctl_vma *vma, const char *name, enum region_kind *kind,
		       const char **why)
{
	if (!name || !(vma->flags & VMA_ACCESS))
		return false;
	for (size_t i = 0; i < sizeof(given_names) / sizeof(given_names[0]); i++) {
		if (strcmp(name, given_names[i].name))
			continue;
		*kind = given_names[i].kind;
		*why = given_names[i].why;
		return true;
	}
	if (strncmp(name, "[anon: Go: ", 11))
		return false;
	*kind = KIND_GO_RUNTIME;
	*why = "named so by the program, as Go's runtime does";
	return true;
}

/*
 * Right behind the data of a library of which the headers are not known: its bss would
 * be here, but so may anything be.
 */
static bool follows_library(const struct classifier *c, const struct pmemctl_vma *vma)
{
	const struct use_list *uses = &c->model->witness.uses;
	const struct pmemctl_vma *below = model_vma_below(c->model, vma);
	size_t i;

	if (!below || below->end != vma->start || !below->file ||
	    c->use[below->file - 1] != FILE_LIBRARY || !(below->flags & PMEMCTL_VMA_WRITE))
		return false;
	i = use_from(uses, below->start);
	return i == uses->count || uses->list[i].start >= below->end;
}

static enum region_kind anon_kind(struct classifier *c, const struct pmemctl_vma *vma,
				  const char **why)
{
	const uint64_t *mm = c->model->mm;
	enum region_kind kind;

	if (overlaps(vma, mm[PMEMCTL_MM_START_BRK], mm[PMEMCTL_MM_BRK])) {
		*why = "overlaps mm->start_brk..brk";
		return KIND_HEAP;
	}
	if (vma->start <= mm[PMEMCTL_MM_START_STACK] && vma->end > mm[PMEMCTL_MM_START_STACK]) {
		*why = "holds mm->start_stack";
		return KIND_STACK;
	}
	if (!c->model->witness.image_placed && mm[PMEMCTL_MM_END_DATA] &&
	    vma->start == c->bss_next &&
	    vma->start < mm[PMEMCTL_MM_START_BRK] && vma->flags & PMEMCTL_VMA_WRITE) {
		c->bss_next = vma->end;
		*why = "begins where the data of mm->exe_file ends, below mm->start_brk";
		return KIND_BSS;
	}
	if (given_name(vma, model_name(c->model, vma->name), &kind, why))
		return kind;
	if (!(vma->flags & VMA_ACCESS)) {
		*why = "anonymous, no access";
		return KIND_RESERVED;
	}
	if (vma->flags & PMEMCTL_VMA_DROPPABLE) {
		*why = "MAP_DROPPABLE";
		return KIND_DROPPABLE;
	}
	if (follows_library(c, vma))
		*why = "anonymous, behind a library of unknown headers: perhaps its bss";
	else if (c->model->witness.exe.go)
		*why = "anonymous, mapped by Go's runtime, the program or a library";
	else
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
		*why = hugetlb_why(c, vma);
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
	if (name && !strcmp(name, "[uprobes]")) {
		*why = "named so by the kernel";
		return KIND_UPROBES;
	}
	return anon_kind(c, vma, why);
}
