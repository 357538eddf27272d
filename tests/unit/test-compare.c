// SPDX-License-Identifier: GPL-2.0
/*
 * compare.c and verdict.c, on processes and pages that are made up.
 */
#include "builder.h"
#include "compare.h"
#include "pagemap.h"
#include "proc.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANON 0x7f1000000000
#define DATA 0x7f2000000000
#define TEXT 0x555500000000
#define MEMORY 0x7f3000000000
#define VDSO 0x7ffe00030000
#define PAGES 16

static struct builder builders[2];
static struct model models[2];
static struct picture pictures[2];
static struct comparison comparison;
static struct side *const a = &comparison.side[0], *const b = &comparison.side[1];

enum proc_answer proc_same_namespace(uint32_t pid, uint32_t other, const char *name)
{
	return PROC_DIFFERENT;
}

static int setup(void **state)
{
	memset(builders, 0, sizeof(builders));
	memset(models, 0, sizeof(models));
	memset(pictures, 0, sizeof(pictures));
	memset(&comparison, 0, sizeof(comparison));
	return 0;
}

static int teardown(void **state)
{
	compare_free(&comparison);
	for (int i = 0; i < 2; i++) {
		picture_free(&pictures[i]);
		model_free(&models[i]);
	}
	return setup(NULL);
}

/* One of the two: a program of this inode, whose things are moved by @slide */
static struct builder *process(int i, uint32_t pid, uint64_t ino, uint64_t slide)
{
	struct builder *to = &builders[i];
	uint32_t exe, libc, memory, vdso;
	char path[32];

	snprintf(path, sizeof(path), "/usr/bin/prog%llu", (unsigned long long)ino);
	builder_init(to);
	to->pid = pid;
	exe = builder_file(to, path, ino, 0);
	libc = builder_file(to, "/lib/libc.so.6", 12, 0);
	memory = builder_file(to, "/memfd:pair (deleted)", 13, 0);
	vdso = builder_name(to, "[vdso]");
	to->mm[PMEMCTL_MM_ID] = pid;
	to->mm[PMEMCTL_MM_EXE] = exe;
	to->mm[PMEMCTL_MM_START_CODE] = TEXT + slide;
	to->mm[PMEMCTL_MM_END_CODE] = TEXT + slide + PAGES * PAGE;
	to->mm[PMEMCTL_MM_END_DATA] = TEXT + slide + PAGES * PAGE;
	to->objects[memory - 1].dev_major = 0;
	builder_vma(to, TEXT + slide, TEXT + slide + PAGES * PAGE, "r-xp", exe, 0);
	builder_vma(to, ANON, ANON + PAGES * PAGE, "rw-p", 0, 0);
	builder_vma(to, DATA + slide, DATA + slide + PAGES * PAGE, "rw-p", libc, 0)->offset =
		PAGES * PAGE;
	builder_vma(to, MEMORY + slide, MEMORY + slide + PAGES * PAGE, "rw-s", memory, 0);
	builder_vma(to, VDSO, VDSO + 2 * PAGE, "r-xp", 0, vdso);
	return to;
}

static void ready(void)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(builder_model(&builders[i], &models[i]), 0);
		assert_int_equal(picture_make(&pictures[i], &models[i], NULL), 0);
		assert_int_equal(side_init(&comparison.side[i], &pictures[i]), 0);
		comparison.side[i].tid = models[i].pid;
	}
	comparison.of[THING_MM] = SHARE_OWN;
	assert_int_equal(compare_ranges(&comparison), 0);
}

static void add(struct side *side, uint64_t at, uint64_t frame, unsigned int flags)
{
	assert_int_equal(side_add(side, at, frame, flags), 0);
}

static void count(bool frames)
{
	comparison.frames = frames;
	assert_int_equal(compare_pages(&comparison, NULL), 0);
	assert_true(comparison.counted);
}

static void verdict_is(const char *expected)
{
	char verdict[2048];

	compare_verdict(&comparison, verdict, sizeof(verdict));
	assert_string_equal(verdict, expected);
}

#define IS(side, kind, field, pages) \
	assert_int_equal((side)->tallies[kind].field, (pages) * PAGE)

static void ranges_and_files(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0);
	ready();
	IS(a, KIND_ANON, size, PAGES);
	IS(a, KIND_ANON, ranges, PAGES);
	IS(b, KIND_MEMFD, ranges, PAGES);
	IS(a, KIND_VDSO, ranges, 2);
	assert_int_equal(a->all.size, (4 * PAGES + 2) * PAGE);
	assert_int_equal(a->all.ranges, a->all.size);
	assert_int_equal(a->all.files, 3);
	assert_int_equal(comparison.nr_names, 3);
	assert_string_equal(comparison.names[0], "/usr/bin/prog1");
	assert_string_equal(comparison.names[2], "/memfd:pair (deleted)");
}

/* Files are the same at other addresses; ranges are not */
static void moved(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 2, 1 << 20);
	ready();
	IS(a, KIND_ANON, ranges, PAGES);
	IS(a, KIND_MEMFD, ranges, 0);
	assert_int_equal(a->tallies[KIND_MEMFD].files, 1);
	assert_int_equal(a->all.files, 2);
	assert_int_equal(b->all.files, 2);
	assert_int_equal(comparison.nr_names, 2);
}

static void parts_of_ranges(void **state)
{
	struct builder *other;

	process(0, 100, 1, 0);
	other = process(1, 200, 1, 0);
	other->vmas[1].end -= 4 * PAGE;		/* anon is shorter */
	other->vmas[2].offset += PAGE;		/* another place of libc */
	other->vmas[3].flags &= ~PMEMCTL_VMA_WRITE;
	ready();
	IS(a, KIND_ANON, ranges, PAGES - 4);
	IS(b, KIND_ANON, ranges, PAGES - 4);
	IS(b, KIND_ANON, size, PAGES - 4);
	IS(a, KIND_MEMFD, ranges, 0);
	assert_int_equal(a->all.ranges, (2 * PAGES - 4 + 2) * PAGE);
	assert_int_equal(a->all.files, 3);
}

/* Pages 0 to 9 of A, 4 to 13 of B; 4 to 6 are one, 7 to 9 were copied */
static void fork_of_anonymous(void)
{
	builders[1].flags |= PMEMCTL_PROCESS_FORKED;
	a->parent = true;
	for (unsigned int i = 0; i < 10; i++)
		add(a, ANON + i * PAGE, 100 + i, 0);
	for (unsigned int i = 4; i < 14; i++)
		add(b, ANON + i * PAGE, (i < 7 ? 100 : 200) + i, 0);
}

static void copied_on_write(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0)->flags |= PMEMCTL_PROCESS_FORKED;
	ready();
	fork_of_anonymous();
	count(true);
	IS(a, KIND_ANON, resident, 10);
	IS(a, KIND_ANON, anon, 10);
	IS(a, KIND_ANON, same, 3);
	IS(a, KIND_ANON, cow, 3);
	IS(a, KIND_ANON, differ, 3);
	IS(a, KIND_ANON, only, 4);
	IS(b, KIND_ANON, same, 3);
	IS(b, KIND_ANON, differ, 3);
	IS(b, KIND_ANON, only, 4);
	IS(a, KIND_ANON, shared, 0);
	assert_true(comparison.ksm);
	verdict_is("parent and child after fork: 30 % of anonymous pages still shared");
	a->parent = false;
	verdict_is("relatives by fork: 30 % of anonymous pages still shared");
	a->all.anon = 10000 * PAGE;
	verdict_is("relatives by fork: less than 1 % of anonymous pages still shared");
	a->all.anon = 3 * PAGE;
	b->all.anon = 3 * PAGE;
	verdict_is("relatives by fork: 100 % of anonymous pages still shared");
	b->all.anon = 4 * PAGE;
	verdict_is("relatives by fork: 85 % of anonymous pages still shared");
}

static void all_copied(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0)->flags |= PMEMCTL_PROCESS_FORKED;
	ready();
	a->parent = true;
	add(a, ANON, 1, 0);
	add(b, ANON, 2, 0);
	count(true);
	IS(a, KIND_ANON, differ, 1);
	verdict_is("parent and child after fork: no anonymous page is shared any more");
	a->all.swapped = PAGE;
	verdict_is("parent and child after fork: no anonymous page is shared any more");
	b->all.swapped = PAGE;
	verdict_is("parent and child after fork: no anonymous page in memory is shared any more");
	/* one that has called execve() is no copy */
	models[1].flags = 0;
	verdict_is("parent and child that run the same program: no page is shared");
}

/* At other addresses the same frames are the same pages; others, the same place of a file */
static void files_elsewhere(void **state)
{
	uint64_t slide = 1 << 20;

	process(0, 100, 1, 0);
	process(1, 200, 1, slide);
	ready();
	add(a, TEXT, 10, FRAME_FILE);
	add(a, TEXT + PAGE, 11, FRAME_FILE);
	add(a, DATA + 3 * PAGE, 13, 0);		/* written to */
	add(a, DATA + 4 * PAGE, 14, 0);
	add(b, TEXT + slide, 10, FRAME_FILE);
	add(b, TEXT + slide + 2 * PAGE, 12, FRAME_FILE);
	add(b, DATA + slide + 3 * PAGE, 23, 0);
	count(true);
	IS(a, KIND_TEXT, shared, 1);
	IS(a, KIND_TEXT, only, 1);
	IS(a, KIND_LIBRARY, differ, 0);
	assert_int_equal(a->all.differ, PAGE);
	assert_int_equal(a->all.only, 2 * PAGE);
	assert_int_equal(b->all.differ, PAGE);
	verdict_is("two processes that run the same program: only file pages are shared");
}

/* A mapping of one file at two places has one page twice; none is lost */
static void one_frame_twice(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0);
	ready();
	add(a, MEMORY, 50, FRAME_FILE);
	add(a, MEMORY + PAGE, 50, FRAME_FILE);
	add(b, MEMORY + 7 * PAGE, 50, FRAME_FILE);
	count(true);
	IS(a, KIND_MEMFD, shared, 2);
	IS(a, KIND_MEMFD, memory, 2);
	IS(b, KIND_MEMFD, shared, 1);
	verdict_is("two processes that run the same program: only 8K of shared memory are shared");
}

static void zeroes_and_swap(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0);
	ready();
	add(a, ANON, 1, FRAME_ZERO);
	add(a, ANON + PAGE, 0, FRAME_SWAPPED);
	add(a, ANON + 2 * PAGE, 5, 0);
	add(b, ANON, 1, FRAME_ZERO);
	add(b, ANON + PAGE, 0, FRAME_SWAPPED);
	add(b, ANON + 2 * PAGE, 0, FRAME_SWAPPED);
	count(true);
	IS(a, KIND_ANON, resident, 1);
	IS(a, KIND_ANON, swapped, 1);
	IS(a, KIND_ANON, only, 1);
	IS(a, KIND_ANON, same, 0);
	IS(b, KIND_ANON, resident, 0);
	IS(b, KIND_ANON, swapped, 2);
}

/* Marks of userfaultfd look like it */
static void swap_or_marks(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0);
	ready();
	add(a, ANON, 0, FRAME_SWAPPED);
	add(a, ANON + PAGE, 0, FRAME_SWAPPED | FRAME_UNSURE);
	add(a, ANON + 2 * PAGE, 0, FRAME_SWAPPED | FRAME_UNSURE);
	count(true);
	IS(a, KIND_ANON, swapped, 1);
	IS(a, KIND_ANON, marked, 2);
	IS(a, KIND_ANON, resident, 0);
}

/* Where KSM may have been at work and nobody knows, that is said */
static void fork_or_ksm(void **state)
{
	process(0, 100, 1, 0)->vmas[1].flags |= PMEMCTL_VMA_MERGEABLE;
	process(1, 200, 2, 0)->vmas[1].flags |= PMEMCTL_VMA_MERGEABLE;
	ready();
	add(a, ANON, 1, 0);
	add(b, ANON + 5 * PAGE, 1, 0);
	count(true);
	assert_false(comparison.ksm);
	IS(a, KIND_ANON, cow, 1);
	verdict_is("relatives by fork, or by KSM: 100 % of anonymous pages still shared");
}

static void without_frames(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0)->flags |= PMEMCTL_PROCESS_FORKED;
	ready();
	add(a, TEXT, 0, FRAME_FILE);
	add(a, TEXT + PAGE, 0, FRAME_FILE);
	add(a, TEXT + 2 * PAGE, 0, FRAME_FILE | FRAME_EXCLUSIVE);
	add(a, ANON, 0, 0);
	add(a, ANON + PAGE, 0, 0);
	add(a, ANON + 2 * PAGE, 0, FRAME_EXCLUSIVE);
	add(a, ANON + 3 * PAGE, 0, 0);
	add(b, TEXT, 0, FRAME_FILE);
	add(b, TEXT + 2 * PAGE, 0, FRAME_FILE);
	add(b, ANON, 0, 0);
	add(b, ANON + PAGE, 0, FRAME_EXCLUSIVE);
	add(b, ANON + 2 * PAGE, 0, 0);
	count(false);
	/* certain: page 0; neither page 1, which B has not, nor 2, which A has alone */
	IS(a, KIND_TEXT, same, 1);
	IS(a, KIND_TEXT, shared, 1);
	IS(a, KIND_TEXT, may, 0);
	/* possible: page 0 alone */
	IS(a, KIND_ANON, same, 0);
	IS(a, KIND_ANON, may, 1);
	IS(b, KIND_ANON, may, 1);
	assert_false(comparison.ksm);
	verdict_is("perhaps relatives by fork: at most 28 % of anonymous pages still shared");
	a->parent = true;
	verdict_is("parent and child after fork: at most 28 % of anonymous pages still shared");
	models[1].flags = 0;
	verdict_is("parent and child that run the same program: only file pages are shared");
}

/* What is told of a huge page may be true of its first 4K only */
static void huge_without_frames(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0);
	ready();
	add(a, TEXT, 0, FRAME_FILE | FRAME_EXCLUSIVE | FRAME_UNSURE);
	add(a, TEXT + PAGE, 0, FRAME_FILE | FRAME_UNSURE);
	add(a, ANON, 0, FRAME_EXCLUSIVE | FRAME_UNSURE);
	add(a, ANON + PAGE, 0, FRAME_EXCLUSIVE | FRAME_UNSURE);
	add(a, ANON + 2 * PAGE, 0, FRAME_EXCLUSIVE | FRAME_UNSURE);
	add(b, TEXT, 0, FRAME_FILE);
	add(b, TEXT + PAGE, 0, FRAME_FILE);
	add(b, ANON, 0, FRAME_EXCLUSIVE);
	add(b, ANON + PAGE, 0, 0);
	add(b, ANON + 2 * PAGE, 0, FRAME_EXCLUSIVE | FRAME_UNSURE);
	count(false);
	IS(a, KIND_TEXT, shared, 1);
	IS(a, KIND_TEXT, may, 1);
	/* the first of them is B's alone */
	IS(a, KIND_ANON, may, 2);
	IS(b, KIND_ANON, may, 2);
}

/* The same numbers, another path: perhaps another file */
static void same_numbers_other_path(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 1 << 20);
	memcpy(strstr(builders[1].strings, "prog1"), "gorp1", 5);
	ready();
	add(a, TEXT, 0, FRAME_FILE);
	add(b, TEXT + (1 << 20), 0, FRAME_FILE);
	count(false);
	IS(a, KIND_TEXT, same, 0);
	IS(a, KIND_TEXT, may, 1);
	IS(a, KIND_TEXT, may_anon, 0);
}

/* One inode for all, or a device with memory for each who opens it */
static void inodes_that_tell_nothing(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct builder *to = process(i, 100 * (i + 1), i + 1, i << 20);
		uint32_t map = builder_file(to, "anon_inode:bpf-map", 17, 0);
		uint32_t device = builder_file(to, "/dev/snd", 18, 0);

		to->objects[map - 1].dev_major = 0;
		builder_vma(to, VDSO + (1 << 24), VDSO + (1 << 24) + PAGE, "rw-s", map, 0);
		builder_vma(to, VDSO + (1 << 25), VDSO + (1 << 25) + PAGE, "rw-s", device,
			    0)->flags |= PMEMCTL_VMA_IO;
	}
	ready();
	/* the library and the memory */
	assert_int_equal(comparison.nr_names, 2);
	assert_int_equal(a->all.files, 2);
	assert_int_equal(a->all.ranges, (PAGES + 2) * PAGE);
	for (int i = 0; i < 2; i++) {
		add(&comparison.side[i], VDSO + (1 << 24), 0, FRAME_FILE);
		add(&comparison.side[i], VDSO + (1 << 25), 0, FRAME_FILE);
	}
	count(false);
	assert_int_equal(a->all.same, 0);
	assert_int_equal(a->all.may, 2 * PAGE);
}

/* With frames they are compared, but none is the other's of the same place */
static void frames_of_such_inodes(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct builder *to = process(i, 100 * (i + 1), i + 1, i << 20);
		uint32_t map = builder_file(to, "anon_inode:bpf-map", 17, 0);

		to->objects[map - 1].dev_major = 0;
		builder_vma(to, VDSO + (1 << 24), VDSO + (1 << 24) + 2 * PAGE, "rw-s", map, 0);
	}
	ready();
	add(a, VDSO + (1 << 24), 1, FRAME_FILE);
	add(a, VDSO + (1 << 24) + PAGE, 2, FRAME_FILE);
	add(b, VDSO + (1 << 24), 1, FRAME_FILE);
	add(b, VDSO + (1 << 24) + PAGE, 3, FRAME_FILE);
	count(true);
	assert_int_equal(a->all.same, PAGE);
	assert_int_equal(a->all.differ, 0);
	assert_int_equal(a->all.only, PAGE);
}

/* Where KSM may be at work, the same page may be anywhere */
static void mergeable_without_frames(void **state)
{
	process(0, 100, 1, 0)->vmas[1].flags |= PMEMCTL_VMA_MERGEABLE;
	process(1, 200, 1, 0)->vmas[1].flags |= PMEMCTL_VMA_MERGEABLE;
	ready();
	add(a, ANON, 0, 0);
	add(a, ANON + PAGE, 0, FRAME_EXCLUSIVE);
	count(false);
	IS(a, KIND_ANON, may, 1);
}

static void strangers(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 2, 0);
	ready();
	verdict_is("two processes with nothing in common but libc.so.6 and memfd:pair (deleted)");
	add(a, MEMORY, 7, FRAME_FILE);
	add(a, VDSO, 8, FRAME_FILE);
	add(b, MEMORY, 7, FRAME_FILE);
	add(b, VDSO, 8, FRAME_FILE);
	count(true);
	verdict_is("two processes with nothing in common but libc.so.6, memfd:pair (deleted) and "
		   "the vdso; 4K of memory is shared");
	b->parent = true;
	verdict_is("parent and child, which run different programs, with nothing in common but "
		   "libc.so.6, memfd:pair (deleted) and the vdso; 4K of memory is shared");
}

static void many_files(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct builder *to = process(i, 100 + i, i, 0);
		char path[32];

		for (unsigned int k = 0; k < 6; k++) {
			uint64_t at = DATA + ((k + 1ULL) << 24);
			struct pmemctl_vma last = to->vmas[--to->nr_vmas];
			struct pmemctl_vma memory = to->vmas[--to->nr_vmas];

			snprintf(path, sizeof(path), "/lib/lib%u.so", k);
			builder_vma(to, at, at + PAGE, "r-xp",
				    builder_file(to, path, 100 + k, 0), 0);
			to->vmas[to->nr_vmas++] = memory;
			to->vmas[to->nr_vmas++] = last;
		}
	}
	ready();
	verdict_is("two processes with nothing in common but libc.so.6, memfd:pair (deleted), "
		   "lib0.so and 5 other files");
}

static void one_mm(void **state)
{
	process(0, 100, 1, 0);
	process(1, 200, 1, 0);
	ready();
	comparison.of[THING_MM] = SHARE_SAME;
	verdict_is("two processes that share an address space (clone with CLONE_VM)");
	b->vfork_waits = true;
	verdict_is("two processes that share an address space (vfork)");
	models[1].pid = 100;
	verdict_is("two threads of one process");
	b->tid = 100;
	verdict_is("one and the same thread");
}

static void kernel_threads(void **state)
{
	struct builder *kthread = &builders[1];

	process(0, 100, 1, 0);
	builder_init(kthread);
	kthread->pid = 2;
	kthread->flags = PMEMCTL_PROCESS_KTHREAD;
	kthread->no_mm = true;
	ready();
	verdict_is("a process and a kernel thread, which has no address space of its own");
	models[1].borrowed_pid = 100;
	verdict_is("a kernel thread that works in the address space of the process");
	models[1].flags |= PMEMCTL_PROCESS_LAZY;
	verdict_is("a process and a kernel thread, which has no address space of its own");
	models[0].flags |= PMEMCTL_PROCESS_KTHREAD;
	verdict_is("two kernel threads: neither has an address space of its own");
	models[0].pid = 2;
	verdict_is("one and the same kernel thread");
}

/* Kinds of parts; a page that two parts share is of the first */
static void pages_of_parts(void **state)
{
	for (int i = 0; i < 2; i++) {
		builder_process(&builders[i]);
		builders[i].pid = 100 + i;
	}
	ready();
	assert_int_equal(a->all.ranges, a->all.size);
	assert_true(a->tallies[KIND_ARGS].size > 0 && a->tallies[KIND_ARGS].size < PAGE);
	add(a, 0x555500008000, 1, 0);
	add(a, 0x555500009000, 2, 0);
	add(a, 0x7ffe00020000, 3, 0);
	add(b, 0x555500008000, 1, 0);
	add(b, 0x555500009000, 4, 0);
	count(true);
	IS(a, KIND_DATA, cow, 1);
	IS(a, KIND_BSS, differ, 1);
	IS(a, KIND_STACK, only, 1);
	IS(a, KIND_ARGS, resident, 0);
	assert_int_equal(a->all.resident, 3 * PAGE);
}

/* A place of a file that is mapped more often than is looked through */
static void mapped_too_often(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct builder *to = &builders[i];
		uint32_t file;

		builder_init(to);
		to->pid = 100 + i;
		to->mm[PMEMCTL_MM_ID] = i;
		file = builder_file(to, "/tmp/often", 5, 0);
		for (uint64_t k = 0; k < (i ? 40 : 1); k++)
			builder_vma(to, TEXT + ((k + 1) << 20) + i * PAGE,
				    TEXT + ((k + 1) << 20) + (i + 1) * PAGE, "r--p", file, 0);
	}
	ready();
	add(a, TEXT + (1 << 20), 0, FRAME_FILE);
	add(b, TEXT + (1 << 20) + PAGE, 0, FRAME_FILE);	/* the first of the 40 */
	count(false);
	IS(a, KIND_FILE, same, 0);
	IS(a, KIND_FILE, may, 1);
	IS(b, KIND_FILE, same, 1);
}

/* What was there, goes, or becomes another page before it is looked at again */
static void not_confirmed(void **state)
{
	int fd = open("/dev/null", O_RDONLY);

	process(0, 100, 1, 0);
	process(1, 200, 1, 0);
	ready();
	add(a, ANON, 1, 0);
	add(b, ANON, 1, 0);
	/* a pagemap that has nothing any more */
	assert_int_equal(side_confirm(a, fd), 0);
	close(fd);
	count(true);
	IS(a, KIND_ANON, same, 0);
	IS(b, KIND_ANON, same, 0);
	IS(a, KIND_ANON, differ, 1);
	verdict_is("two processes that run the same program: no page is shared");
}

static void names_are_cut(void **state)
{
	char verdict[32];

	process(0, 100, 1, 0);
	process(1, 200, 2, 0);
	ready();
	compare_verdict(&comparison, verdict, sizeof(verdict));
	assert_int_equal(strlen(verdict), 31);
	assert_int_equal(strncmp(verdict, "two processes with nothing", 26), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_and_files), TEST(moved), TEST(parts_of_ranges), TEST(copied_on_write),
		TEST(all_copied), TEST(files_elsewhere), TEST(one_frame_twice),
		TEST(zeroes_and_swap), TEST(swap_or_marks), TEST(fork_or_ksm), TEST(without_frames), TEST(huge_without_frames),
		TEST(inodes_that_tell_nothing), TEST(frames_of_such_inodes),
		TEST(same_numbers_other_path), TEST(mergeable_without_frames), TEST(strangers),
		TEST(many_files), TEST(one_mm), TEST(kernel_threads), TEST(pages_of_parts),
		TEST(mapped_too_often), TEST(not_confirmed), TEST(names_are_cut),
	};

	return cmocka_run_group_tests_name("compare", tests, setup, NULL);
}
