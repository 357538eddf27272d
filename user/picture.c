// SPDX-License-Identifier: GPL-2.0
#include "picture.h"

#include "classify.h"
#include "parts.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *about;
} kinds[KINDS] = {
	[KIND_TEXT] = { "text", "code of the executable" },
	[KIND_RODATA] = { "rodata", "constants of the executable" },
	[KIND_RELRO] = { "relro", "data of the executable, read-only since it was relocated" },
	[KIND_DATA] = { "data", "initialised variables of the executable" },
	[KIND_BSS] = { "bss", "variables of the executable that begin as 0" },
	[KIND_HEAP] = { "heap", "the heap that brk moves the end of" },
	[KIND_ARENA] = { "arena", "heap of malloc for a thread, besides the one of brk" },
	[KIND_ARENA_RESERVE] = { "arena reserve", "addresses that an arena may still grow to" },
	[KIND_CHUNK] = { "malloc chunk", "large requests that malloc passed on to mmap" },
	[KIND_PYTHON_HEAP] = { "python heap", "objects and frames of Python" },
	[KIND_JAVA_HEAP] = { "java heap", "objects of a Java VM" },
	[KIND_JAVA_CODE] = { "java code", "code that a Java VM has compiled" },
	[KIND_JAVA_CLASSES] = { "java classes", "what a Java VM keeps of classes" },
	[KIND_GO_HEAP] = { "go heap", "objects and goroutines' stacks of a Go program" },
	[KIND_GO_RUNTIME] = { "go runtime", "what Go's runtime keeps for itself" },
	[KIND_TLS] = { "tls", "variables of the thread TID, and its descriptor" },
	[KIND_LOADER] = { "loader", "what the dynamic loader keeps of libraries" },
	[KIND_STACK] = { "stack", "the stack that execve made" },
	[KIND_ARGS] = { "args", "arguments of the program" },
	[KIND_ENV] = { "env", "environment of the program" },
	[KIND_THREAD_STACK] = { "thread stack", "stack of the thread TID" },
	[KIND_ORPHAN_STACK] = { "orphan stack", "stack that no live thread uses" },
	[KIND_ALTSTACK] = { "altstack", "alternate signal stack of the thread TID" },
	[KIND_GUARD] = { "guard", "no access, ends where a stack begins" },
	[KIND_LIBRARY] = { "library", "file of which code is mapped, not the executable" },
	[KIND_LIBRARY_BSS] = { "library bss", "variables of a library that begin as 0" },
	[KIND_FILE] = { "file", "any other mapped file" },
	[KIND_SHM] = { "shm", "shared memory without a file on disk" },
	[KIND_MEMFD] = { "memfd", "file made by memfd_create" },
	[KIND_SECRET] = { "secret", "memory of memfd_secret, hidden from the kernel" },
	[KIND_DAX] = { "dax", "persistent memory, mapped without a page cache" },
	[KIND_DEVICE] = { "device", "memory of a device" },
	[KIND_DMABUF] = { "dma-buf", "buffer that devices share" },
	[KIND_RING] = { "ring", "queue shared with the kernel: io_uring, perf, aio" },
	[KIND_HUGETLB] = { "hugetlb", "huge pages of hugetlbfs" },
	[KIND_SHADOW_STACK] = { "shadow stack", "return addresses kept by the CPU" },
	[KIND_VDSO] = { "vdso", "code that the kernel lends to every process" },
	[KIND_VVAR] = { "vvar", "the kernel's data for it" },
	[KIND_VSYSCALL] = { "vsyscall", "page for programs of 2008 and before; no VMA" },
	[KIND_UPROBES] = { "uprobes", "instructions that probes have displaced" },
	[KIND_RANDOM] = { "random", "list of the generators of random numbers in the vdso" },
	[KIND_DROPPABLE] = { "droppable", "memory that the kernel may drop, such as their states" },
	[KIND_RESERVED] = { "reserved", "anonymous addresses without access" },
	[KIND_ANON] = { "anon", "anonymous memory of unknown use" },
};

const char *kind_name(enum region_kind kind)
{
	return kinds[kind].name;
}

const char *region_kind_at(size_t i)
{
	return i < KINDS ? kind_name(i) : NULL;
}

const char *kind_about(enum region_kind kind)
{
	return kinds[kind].about;
}

static const char *vma_name(const struct model *model, const struct pmemctl_vma *vma)
{
	if (vma->name)
		return model_name(model, vma->name);
	return vma->file ? model_name(model, vma->file) : "";
}

static void add_vsyscall(struct picture *picture, const struct pmemctl_vma *vsyscall)
{
	picture->vsyscall = *vsyscall;
	picture->regions[picture->nr_regions++] = (struct region) {
		.start = vsyscall->start,
		.end = vsyscall->end,
		.vma = &picture->vsyscall,
		.name = "[vsyscall]",
		.kind = KIND_VSYSCALL,
		.why = "/proc/self/maps has it, and this mm can see it",
	};
}

static int make_regions(struct picture *picture, const struct pmemctl_vma *vsyscall)
{
	const struct model *model = picture->model;
	struct classifier c;
	struct parts parts;
	int ret = -1;

	if (classifier_init(&c, model) + parts_init(&parts, picture))
		goto out;
	for (size_t i = 0; i < model->nr_vmas; i++) {
		struct region *region = &picture->regions[picture->nr_regions++];
		const struct pmemctl_vma *vma = &model->vmas[i];

		region->start = vma->start;
		region->end = vma->end;
		region->vma = vma;
		region->name = vma_name(model, vma);
		region->kind = classify(&c, i, &region->why);
		if (parts_split(&parts, region))
			goto out;
	}
	if (vsyscall && model->sections & PMEMCTL_SECTION_VMAS &&
	    model->flags & PMEMCTL_PROCESS_VSYSCALL)
		add_vsyscall(picture, vsyscall);
	ret = 0;
out:
	parts_free(&parts);
	classifier_free(&c);
	return ret;
}

int picture_make(struct picture *picture, const struct model *model,
		 const struct pmemctl_vma *vsyscall)
{
	memset(picture, 0, sizeof(*picture));
	picture->model = model;
	picture->stacks = calloc(model->nr_threads + 1, sizeof(*picture->stacks));
	picture->regions = calloc(model->nr_vmas + 1, sizeof(*picture->regions));
	if (!picture->stacks || !picture->regions || stacks_judge(model, picture->stacks))
		return -1;
	return make_regions(picture, vsyscall);
}

void picture_free(struct picture *picture)
{
	free(picture->stacks);
	free(picture->regions);
	free(picture->parts);
	free(picture->findings);
	free(picture->summary);
	memset(picture, 0, sizeof(*picture));
}
