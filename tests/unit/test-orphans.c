// SPDX-License-Identifier: GPL-2.0
/*
 * orphans.c, on memory of this very process in which stacks are imitated.
 */
#include "builder.h"
#include "orphans.h"
#include "pmemctl.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A guard, a block, another guard, another block; the rest lies beyond */
#define GUARD 1
#define BLOCK 8
#define PAGES 32
#define TCB 0x940	/* from a descriptor up to the end of its block */
#define DESCRIBED (PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_SP | PMEMCTL_STACK_LOW_VMA | \
		   PMEMCTL_STACK_GUARD | PMEMCTL_STACK_HIGH_VMA)

static struct builder b;
static struct model model, after;
static struct stack stacks[BUILDER_ROWS];
static uint64_t at;
static int pagemap = -1, mem = -1;

static uint64_t page(unsigned int i)
{
	return at + i * PAGE;
}

static int setup(void **state)
{
	void *block = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED)
		return -1;
	at = (uintptr_t)block;
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	mem = open("/proc/self/mem", O_RDONLY);
	builder_init(&b);
	return pagemap < 0 || mem < 0 ? -1 : madvise(block, PAGES * PAGE, MADV_NOHUGEPAGE);
}

static int teardown(void **state)
{
	model_free(&model);
	model_free(&after);
	close(pagemap);
	close(mem);
	return munmap((void *)(uintptr_t)at, PAGES * PAGE);
}

/* Of glibc: its own address, and where its block begins, how large it and its guard are */
static void describe(uint64_t addr, unsigned int from, unsigned int to)
{
	uint64_t *words = (void *)(uintptr_t)addr;

	words[0] = words[2] = addr;
	words[1] = 0x1234;
	words[20] = page(from);
	words[21] = (to - from) * PAGE;
	words[22] = PAGE;
	words[23] = 0;
}

static struct pmemctl_vma *map(unsigned int from, unsigned int to, const char *perms)
{
	if (perms[0] == '-')
		assert_int_equal(mprotect((void *)(uintptr_t)page(from), (to - from) * PAGE,
					  PROT_NONE), 0);
	return builder_vma(&b, page(from), page(to), perms, 0, 0);
}

/* One guard, one block with a descriptor */
static struct pmemctl_vma *one(void)
{
	map(0, GUARD, "---p");
	describe(page(GUARD + BLOCK) - TCB, 0, GUARD + BLOCK);
	return map(GUARD, GUARD + BLOCK, "rw-p");
}

static size_t found(void)
{
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(stacks_judge(&model, stacks), 0);
	assert_int_equal(orphans_collect(&model, stacks, pagemap, mem), 0);
	assert_true(model.witness.orphans_known);
	return model.witness.nr_orphans;
}

static void is(size_t i, unsigned int guard, unsigned int start, unsigned int end)
{
	const struct orphan *orphan = &model.witness.orphans[i];

	assert_true(i < model.witness.nr_orphans);
	assert_int_equal(orphan->guard.start, page(guard));
	assert_int_equal(orphan->guard.end, page(start));
	assert_int_equal(orphan->own.start, page(start));
	assert_int_equal(orphan->own.end, page(end));
}

static void is_found(void **state)
{
	one();
	*(volatile char *)(uintptr_t)page(4) = 1;
	assert_int_equal(found(), 1);
	is(0, 0, GUARD, GUARD + BLOCK);
	assert_false(model.witness.orphans[0].marker);
	assert_int_equal(model.witness.orphans[0].descriptor, page(GUARD + BLOCK) - TCB);
	assert_int_equal(model.witness.orphans[0].resident, 2 * PAGE);
}

static void in_the_second_page_from_the_top(void **state)
{
	map(0, GUARD, "---p");
	map(GUARD, GUARD + BLOCK, "rw-p");
	describe(page(GUARD + BLOCK - 1) - TCB, 0, GUARD + BLOCK);
	assert_int_equal(found(), 1);
	assert_int_equal(model.witness.orphans[0].descriptor, page(GUARD + BLOCK - 1) - TCB);
	/* not in the third */
	memset((void *)(uintptr_t)page(GUARD + BLOCK - 2), 0, PAGE);
	describe(page(GUARD + BLOCK - 2) - TCB, 0, GUARD + BLOCK);
	assert_int_equal(found(), 0);
}

static void it_tells_its_block(void **state)
{
	uint64_t *words = (void *)(uintptr_t)(page(GUARD + BLOCK) - TCB);

	one();
	assert_int_equal(found(), 1);
	words[20] = 0;
	assert_int_equal(found(), 0);
	/* one that goes on above, and one that ends below */
	describe((uintptr_t)words, 0, GUARD + BLOCK + 1);
	assert_int_equal(found(), 0);
	describe((uintptr_t)words, 0, GUARD + BLOCK - 1);
	assert_int_equal(found(), 0);
	/* it begins above the guard, or where none is: memory that a program gave */
	describe((uintptr_t)words, GUARD, GUARD + BLOCK);
	assert_int_equal(found(), 0);
	describe((uintptr_t)words, GUARD + 2, GUARD + BLOCK);
	assert_int_equal(found(), 0);
	/* it begins below the guard, which is then none of its */
	b.nr_vmas = 0;
	map(1, 2, "---p");
	map(2, GUARD + BLOCK, "rw-p");
	describe((uintptr_t)words, 1, GUARD + BLOCK);
	assert_int_equal(found(), 1);
	describe((uintptr_t)words, 0, GUARD + BLOCK);
	assert_int_equal(found(), 0);
}

/* Threads that are not in the model may use them */
static void not_where_others_share_the_mm(void **state)
{
	one();
	assert_int_equal(found(), 1);
	assert_true(orphans_tellable(&model));
	builder_sharer(&b, 9, "kworker", PMEMCTL_RELATION_KTHREAD);
	assert_int_equal(found(), 1);
	assert_true(orphans_tellable(&model));
	b.hidden = 1;
	found();
	assert_false(orphans_tellable(&model));
	b.hidden = 0;
	b.flags &= ~PMEMCTL_PROCESS_ATTACH;
	found();
	assert_false(orphans_tellable(&model));
	b.flags |= PMEMCTL_PROCESS_ATTACH;
	builder_sharer(&b, 10, "clone", PMEMCTL_RELATION_CLONE_VM);
	found();
	assert_false(orphans_tellable(&model));
}

static void lists_point_to_themselves_too(void **state)
{
	uint64_t *words = (void *)(uintptr_t)(page(GUARD + BLOCK) - TCB);

	one();
	assert_int_equal(found(), 1);
	words[1] = (uintptr_t)words;
	assert_int_equal(found(), 0);
	/* one that is not aligned as a descriptor is */
	words[0] = 0;
	describe((uintptr_t)words + 8, 0, GUARD + BLOCK);
	assert_int_equal(found(), 0);
	describe((uintptr_t)words + 16, 0, GUARD + BLOCK);
	assert_int_equal(found(), 1);
}

static void its_page_has_to_be_there(void **state)
{
	one();
	assert_int_equal(found(), 1);
	assert_int_equal(madvise((void *)(uintptr_t)page(GUARD + BLOCK - 1), PAGE, MADV_DONTNEED),
			 0);
	assert_int_equal(found(), 0);
	/* and looking has not brought it in */
	assert_int_not_equal(pagemap_page(pagemap, page(GUARD + BLOCK - 1)), PAGE_PRESENT);
	assert_int_not_equal(pagemap_page(pagemap, page(GUARD + BLOCK - 2)), PAGE_PRESENT);
}

static void guard_must_be_its_own(void **state)
{
	static const char *const access[] = { "r--p", "-w-p", "--xp" };

	map(0, BLOCK, "---p");
	map(BLOCK, 2 * BLOCK, "rw-p");
	describe(page(2 * BLOCK) - TCB, 0, 2 * BLOCK);
	assert_int_equal(found(), 1);
	b.nr_vmas = 0;
	builder_vma(&b, page(0), page(BLOCK), "---p", builder_file(&b, "/x", 1, 0), 0);
	map(BLOCK, 2 * BLOCK, "rw-p");
	assert_int_equal(found(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(access); i++) {
		b.nr_vmas = 0;
		builder_vma(&b, page(0), page(BLOCK), access[i], 0, 0);
		map(BLOCK, 2 * BLOCK, "rw-p");
		assert_int_equal(found(), 0);
	}
	/* a gap, or nothing below at all */
	b.nr_vmas = 0;
	builder_vma(&b, page(0), page(BLOCK - 1), "---p", 0, 0);
	map(BLOCK, 2 * BLOCK, "rw-p");
	assert_int_equal(found(), 0);
	b.vmas[0] = b.vmas[1];
	b.nr_vmas = 1;
	assert_int_equal(found(), 0);
}

static void memory_that_holds_no_stacks(void **state)
{
	static const uint64_t flags[] = {
		PMEMCTL_VMA_MAYSHARE, PMEMCTL_VMA_GROWSDOWN, PMEMCTL_VMA_HUGETLB,
		PMEMCTL_VMA_SHADOW_STACK,
	};
	struct pmemctl_vma *vma = one();

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		vma->flags |= flags[i];
		assert_int_equal(found(), 0);
		vma->flags &= ~flags[i];
	}
	vma->flags &= ~PMEMCTL_VMA_WRITE;
	assert_int_equal(found(), 0);
	vma->flags |= PMEMCTL_VMA_WRITE | PMEMCTL_VMA_EXEC;
	assert_int_equal(found(), 1);
	vma->file = builder_file(&b, "/x", 1, 0);
	assert_int_equal(found(), 0);
	vma->file = 0;
	vma->name = builder_name(&b, "[heap]");
	assert_int_equal(found(), 0);
}

/* A thread with nothing, of which one field at a time points into the block */
static void a_thread_uses_it(void **state)
{
	static const size_t fields[] = {
		offsetof(struct pmemctl_thread, sp), offsetof(struct pmemctl_thread, tp),
		offsetof(struct pmemctl_thread, robust_list),
		offsetof(struct pmemctl_thread, clear_child_tid),
	};
	struct pmemctl_thread *thread;

	one();
	thread = builder_thread(&b, 101, 0, 0, 0);
	assert_int_equal(found(), 1);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		__u64 *field = (void *)((char *)thread + fields[i]);

		*field = page(GUARD);
		assert_int_equal(found(), 0);
		*field = page(GUARD + BLOCK) - 1;
		assert_int_equal(found(), 0);
		*field = page(GUARD + BLOCK);
		assert_int_equal(found(), 1);
		*field = page(GUARD) - 1;
		assert_int_equal(found(), 1);
		*field = 0;
	}
	thread->sas_sp = page(3);
	thread->sas_size = PAGE;
	assert_int_equal(found(), 0);
	thread->sas_sp = page(GUARD + BLOCK);
	assert_int_equal(found(), 1);
	thread->sas_sp = page(0);
	assert_int_equal(found(), 1);
	thread->sas_size = 64 * PAGE;	/* around all of it */
	assert_int_equal(found(), 0);
	/* and absurdly large: it is none */
	thread->sas_sp = page(3);
	thread->sas_size = UINT64_MAX;
	assert_int_equal(found(), 1);
	/* a wide range is not forgotten over a narrow one that begins later */
	thread->sas_sp = page(0);
	thread->sas_size = 64 * PAGE;
	thread->sp = page(0) + 8;
	assert_int_equal(found(), 0);
}

static void a_thread_owns_it(void **state)
{
	struct pmemctl_thread *thread;

	one();
	thread = builder_thread(&b, 101, page(GUARD), page(GUARD + BLOCK), DESCRIBED);
	thread->sp = 0x1000;
	assert_int_equal(found(), 0);
	assert_true(stacks[0].claimed);
	/* one of many threads, and not the last by address */
	for (uint32_t i = 0; i < 20; i++)
		builder_thread(&b, 200 + i, 0, 0, 0)->tp = i % 2 ? 0x1000 + i : page(PAGES) + i;
	assert_int_equal(found(), 0);
	thread->evidence = 0;
	assert_int_equal(found(), 1);
}

static void beside_live_ones(void **state)
{
	map(0, 1, "---p");
	map(1, 8, "rw-p");
	map(8, 9, "---p");
	map(9, 16, "rw-p");
	map(16, 17, "---p");
	map(17, 24, "rw-p");
	for (unsigned int top = 8; top <= 24; top += 8)
		describe(page(top) - TCB, top - 8, top);
	assert_int_equal(found(), 3);
	builder_thread(&b, 101, page(9), page(16), DESCRIBED);
	assert_int_equal(found(), 2);
	is(0, 0, 1, 8);
	is(1, 16, 17, 24);
}

/* What was mapped directly above has become part of the VMA */
static void merged_with_memory_above(void **state)
{
	struct pmemctl_thread *thread;

	map(0, 1, "---p");
	map(1, 16, "rw-p");
	describe(page(8) - TCB, 0, 8);
	map(16, 17, "---p");
	map(17, 24, "rw-p");
	assert_int_equal(found(), 0);
	/* a live thread tells how large blocks are, with the guard */
	thread = builder_thread(&b, 101, page(17), page(24), DESCRIBED);
	assert_int_equal(found(), 1);
	is(0, 0, 1, 8);
	/* of another size */
	thread->stack_high -= PAGE;
	assert_int_equal(found(), 0);
	thread->stack_high += PAGE;
	/* a live thread in what lies above does not matter, one in the block does */
	thread = builder_thread(&b, 102, 0, 0, 0);
	thread->robust_list = page(12);
	assert_int_equal(found(), 1);
	thread->robust_list = page(7);
	assert_int_equal(found(), 0);
}

static void between_markers(void **state)
{
	struct pmemctl_vma *vma;

	if (pagemap_guard_marks() != GUARD_MARKS_SHOWN)
		skip();
	map(0, 1, "---p");
	vma = map(1, 24, "rw-p");
	for (unsigned int i = 8; i <= 16; i += 8) {
		assert_int_equal(madvise((void *)(uintptr_t)page(i), PAGE, 102), 0);
		describe(page(i) - TCB, i - 8, i);
	}
	describe(page(24) - TCB, 16, 24);
	/* where no markers may be they are not looked for; and without one it is none */
	b.flags |= PMEMCTL_PROCESS_TELLS_GUARDS;
	assert_int_equal(found(), 1);
	is(0, 0, 1, 8);
	vma->flags |= PMEMCTL_VMA_MAYBE_GUARD;
	assert_int_equal(found(), 3);
	is(0, 0, 1, 8);
	is(1, 8, 9, 16);
	is(2, 16, 17, 24);
	assert_false(model.witness.orphans[0].marker);
	assert_true(model.witness.orphans[1].marker);
	assert_true(model.witness.orphans[2].marker);
	builder_thread(&b, 101, 0, 0, 0)->robust_list = page(10);
	assert_int_equal(found(), 2);
	is(1, 16, 17, 24);
}

static void memory_that_cannot_be_read(void **state)
{
	one();
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(orphans_collect(&model, stacks, pagemap, -1), 0);
	assert_int_equal(model.witness.nr_orphans, 0);
	assert_int_equal(orphans_collect(&model, stacks, -1, mem), 0);
	assert_int_equal(model.witness.nr_orphans, 0);
}

/* How many are left when @b is what the second snapshot says */
static size_t left(void)
{
	model_free(&after);
	assert_int_equal(builder_model(&b, &after), 0);
	after.witness = model.witness;
	memset(&model.witness, 0, sizeof(model.witness));
	assert_int_equal(orphans_settle(&after, &model), 0);
	return after.witness.nr_orphans;
}

/* Two of them; two threads elsewhere */
static void two(void)
{
	b.nr_vmas = b.nr_threads = 0;
	map(0, 1, "---p");
	map(1, 8, "rw-p");
	map(8, 9, "---p");
	map(9, 16, "rw-p");
	describe(page(8) - TCB, 0, 8);
	describe(page(16) - TCB, 8, 16);
	builder_thread(&b, 101, 0, 0, 0);
	builder_thread(&b, 102, 0, 0, 0);
	assert_int_equal(found(), 2);
}

static void settled(void **state)
{
	two();
	assert_int_equal(left(), 2);
	two();
	b.threads[0].robust_list = page(9);
	assert_int_equal(left(), 1);
	assert_int_equal(after.witness.orphans[0].own.start, page(1));
	two();
	b.threads[1].sp = page(2);
	assert_int_equal(left(), 1);
	assert_int_equal(after.witness.orphans[0].own.start, page(9));
	two();
	builder_thread(&b, 103, page(1), page(8), DESCRIBED)->sp = 0;
	assert_int_equal(left(), 1);
}

static void settled_unless_somebody_shares_by_now(void **state)
{
	two();
	builder_sharer(&b, 10, "clone", PMEMCTL_RELATION_VFORK_CHILD);
	assert_int_equal(left(), 0);
	assert_false(after.witness.orphans_known);
}

static void settled_where_vmas_are_the_same(void **state)
{
	two();
	b.vmas[3].end += PAGE;
	assert_int_equal(left(), 1);
	assert_int_equal(after.witness.orphans[0].own.start, page(1));
	two();
	b.vmas[1].flags &= ~PMEMCTL_VMA_WRITE;
	assert_int_equal(left(), 1);
	assert_int_equal(after.witness.orphans[0].own.start, page(9));
	two();
	b.vmas[0].flags |= PMEMCTL_VMA_READ;
	assert_int_equal(left(), 1);
	two();
	b.vmas[2].start += 0x400;
	assert_int_equal(left(), 1);
	two();
	b.vmas[3].file = builder_file(&b, "/x", 1, 0);
	assert_int_equal(left(), 1);
	two();
	b.nr_vmas = 2;
	assert_int_equal(left(), 1);
	two();
	b.nr_vmas = 0;
	assert_int_equal(left(), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(is_found), T(in_the_second_page_from_the_top), T(it_tells_its_block),
		T(lists_point_to_themselves_too), T(its_page_has_to_be_there),
		T(guard_must_be_its_own), T(memory_that_holds_no_stacks), T(a_thread_uses_it),
		T(a_thread_owns_it), T(beside_live_ones), T(merged_with_memory_above),
		T(between_markers), T(not_where_others_share_the_mm),
		T(settled_unless_somebody_shares_by_now), T(memory_that_cannot_be_read), T(settled),
		T(settled_where_vmas_are_the_same),
	};

	return cmocka_run_group_tests_name("orphans", tests, NULL, NULL);
}
