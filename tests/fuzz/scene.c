// SPDX-License-Identifier: GPL-2.0
#include "scene.h"

#include "pagemap.h"
#include "pmemctl.h"
#include "world.h"

#include <string.h>

#define MAX_VMAS 24
#define MAX_THREADS 6
#define MAX_NAMES 12

/* Names that mean something to somebody */
static const struct {
	const char *name;
	bool file;
} known[] = {
	{ "/usr/bin/test", true },
	{ "/lib/libc.so.6", true },
	{ "/usr/lib/jvm/lib/server/libjvm.so", true },
	{ "/usr/bin/python3.13", true },
	{ "/memfd:x (deleted)", true },
	{ "/dev/zero (deleted)", true },
	{ "/SYSV00000000 (deleted)", true },
	{ "/secretmem (deleted)", true },
	{ "/[aio] (deleted)", true },
	{ "anon_inode:[io_uring]", true },
	{ "/dmabuf:", true },
	{ "/dev/dax0.0", true },
	{ "/dev/shm/x", true },
	{ "[heap]", false },
	{ "[stack]", false },
	{ "[vdso]", false },
	{ "[vvar]", false },
	{ "[uprobes]", false },
	{ "[anon: glibc: malloc arena]", false },
	{ "[anon: glibc: malloc]", false },
	{ "[anon: glibc: loader malloc]", false },
	{ "[anon: Go: heap]", false },
	{ "[anon: Go: x]", false },
	{ "[anon:x]", false },
	{ "/lib64/ld-linux-x86-64.so.2", true },
};

/* Pages of a VMA, or between two */
static const uint64_t sizes[] = {
	0, 1, 2, 3, 4, 8, 16, 33, 256, 2048,
	0x3fdf, 0x4000,			/* an arena of malloc with the 33 below, and one of Go */
	0x10180, 0xfe7f,		/* below and above what is used of a table of Go's */
	0x40000, 0x400000,
};

static void make_names(struct input *in, struct builder *b)
{
	size_t count = take_below(in, MAX_NAMES + 1);

	for (size_t i = 0; i < count; i++) {
		uint8_t which = take(in, 1);
		uint64_t ino = 11 + i / 2;
		struct pmemctl_object *object;
		char name[128];

		if (which < ARRAY_SIZE(known)) {
			if (known[which].file)
				builder_file(b, known[which].name, ino, 0);
			else
				builder_name(b, known[which].name);
		} else {
			take_string(in, name, sizeof(name));
			if (which & 1)
				builder_file(b, name, ino, which & PMEMCTL_OBJECT_DELETED);
			else
				builder_name(b, name);
		}
		object = &b->objects[b->nr_objects - 1];
		if (which & 0x80) {
			object->dev_major = 0;
			object->flags |= which & 0x40 ? PMEMCTL_OBJECT_PATH_UNKNOWN : 0;
		}
	}
}

static void make_vmas(struct input *in, struct builder *b)
{
	size_t count = take_below(in, MAX_VMAS + 1);
	uint64_t at = 0x10000;

	for (size_t i = 0; i < count; i++) {
		uint8_t layout = take(in, 1), flags = take(in, 1), of = take(in, 1);
		uint64_t size = sizes[layout & 15] * PAGE;
		struct pmemctl_vma *vma;

		at += sizes[layout >> 4] * PAGE;
		if (flags & 0x80)	/* where arenas begin, and Go's */
			at = flags & 0x40 ? 0xc000000000 : (at + (64ULL << 20) - 1) & -(64ULL << 20);
		if (i && at < b->vmas[b->nr_vmas - 1].end)
			at = b->vmas[b->nr_vmas - 1].end;
		vma = builder_vma(b, at, at + (size ? size : PAGE), "---p", 0, 0);
		at = vma->end;
		if (flags & 1)
			vma->flags |= PMEMCTL_VMA_READ;
		if (flags & 2)
			vma->flags |= PMEMCTL_VMA_WRITE;
		if (flags & 4)
			vma->flags |= PMEMCTL_VMA_EXEC;
		if (flags & 8)
			vma->flags |= PMEMCTL_VMA_SHARED | PMEMCTL_VMA_MAYSHARE;
		if (flags & 0x10)
			vma->flags |= 1ULL << take_below(in, 64);
		if (flags & 0x20)
			vma->offset = take(in, 2) * PAGE;
		if (of && of <= b->nr_objects) {
			if (b->objects[of - 1].flags & PMEMCTL_OBJECT_FILE)
				vma->file = of;
			else
				vma->name = of;
		}
	}
}

uint64_t scene_address(struct input *in, const struct builder *b)
{
	uint8_t what = take(in, 1);
	const struct pmemctl_vma *vma;

	if (what < 0x10 || !b->nr_vmas)
		return 0;
	if (what < 0x18)
		return take(in, 8);
	vma = &b->vmas[what % b->nr_vmas];
	if (what < 0x60)
		return vma->start + take(in, 2) * 8;
	if (what < 0xa0)
		return vma->end - take(in, 2) * 8;
	return what < 0xd0 ? vma->start : vma->end;
}

static void make_thread(struct input *in, struct builder *b, uint32_t tid)
{
	struct pmemctl_thread *thread = builder_thread(b, tid, 0, 0, 0);
	uint8_t what = take(in, 1);

	thread->flags = take(in, 1);
	thread->evidence = take(in, 3);
	thread->reg_state = take_below(in, 5);
	thread->tp = scene_address(in, b);
	thread->sp = scene_address(in, b);
	thread->robust_list = what & 1 ? thread->tp + 0x2e0 : scene_address(in, b);
	thread->clear_child_tid = what & 2 ? thread->tp + 0x2d0 : scene_address(in, b);
	if (what & 4) {
		thread->rseq = scene_address(in, b);
		thread->sas_sp = scene_address(in, b);
		thread->sas_size = take(in, 3);
	}
	if (what & 8) {
		thread->shstk_base = scene_address(in, b);
		thread->shstk_size = take(in, 2) * PAGE;
	}
	if (what & 0x10 && b->nr_vmas) {
		const struct pmemctl_vma *vma = &b->vmas[take_below(in, b->nr_vmas)];
		uint64_t pages = (vma->end - vma->start) / PAGE;

		thread->stack_low = vma->start + (what & 0x20 ? take(in, 2) % pages * PAGE : 0);
		pages = (vma->end - thread->stack_low) / PAGE;
		thread->stack_high = vma->end - (what & 0x40 ? take(in, 2) % pages * PAGE : 0);
	}
}

void scene_reply(struct input *in, struct builder *b)
{
	size_t threads;
	uint8_t what;

	builder_init(b);
	b->flags = take(in, 2) & ~(uint64_t)PMEMCTL_PROCESS_KTHREAD;
	b->per_chunk = take_below(in, 8);
	make_names(in, b);
	make_vmas(in, b);
	if (b->nr_objects)
		b->mm[PMEMCTL_MM_EXE] = take_below(in, b->nr_objects + 1);
	what = take(in, 1);
	if (what & 1)
		b->rlimit_stack = take(in, 8);
	for (int i = PMEMCTL_MM_START_CODE; i <= PMEMCTL_MM_ENV_END && what & 2; i++)
		b->mm[i] = scene_address(in, b);
	threads = take_below(in, MAX_THREADS + 1);
	for (size_t i = 0; i < threads; i++)
		make_thread(in, b, 100 + i);
	if (what & 4)
		builder_sharer(b, 200, "sh", take_below(in, 5));
}

/* A word of a page, which may point to the page itself, or to anything near */
static void poke(struct input *in, const struct builder *b, unsigned char *page, uint64_t addr)
{
	size_t at = take_below(in, PAGE - 7);
	uint8_t what = take(in, 1);
	uint64_t value;

	if (what < 0x40)
		value = addr + at;
	else if (what < 0x80)
		value = addr + take(in, 2);
	else if (what < 0xa0)
		value = scene_address(in, b);
	else if (what < 0xe0)
		value = take(in, 4);
	else
		value = take(in, 8);
	memcpy(page + at, &value, sizeof(value));
}

void scene_memory(struct input *in, const struct builder *b)
{
	size_t pages = take_below(in, WORLD_PAGES + 1);

	/* a scan may stop anywhere; but not everywhere, which takes its time */
	world.piece = take_below(in, 8) ? 4096 : 0;
	for (size_t i = 0; i < pages; i++) {
		uint64_t addr = page_down(scene_address(in, b));
		unsigned char *page = world_page(addr);
		uint8_t what = take(in, 1);
		struct world_run *run;

		if (!page)
			continue;
		run = &world.runs[world.nr_runs - 1];
		if (what & 0x80 && run->end + (what & 0x7f) * PAGE > run->end) {
			run->end += (what & 0x7f) * PAGE;
			run->data = NULL;
		}
		if (what == 0x70)
			run->entry = ENTRY_SWAPPED;
		if (what == 0x71 && world.scan == SCAN_ALL)
			run->entry = ENTRY_GUARD;
		if (what == 0x72)
			run->entry = ENTRY_PRESENT | ENTRY_FILE;
		for (uint8_t n = 0; n < (what & 15) * 4 && !(what & 0x80); n++)
			poke(in, b, page, addr);
	}
}
