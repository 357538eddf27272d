// SPDX-License-Identifier: GPL-2.0
/*
 * golang.c: the heap of a Go program and its tables.
 */
#include "builder.h"
#include "golang.h"
#include "picture.h"
#include "test.h"

#define HEAP 0xc000000000ULL
#define TABLE 0x7f0000000000ULL
#define LEAF 0x10180000ULL	/* where the table of 4 MiB has the heap's pieces */

static struct builder b;
static struct model model;

static int teardown(void **state)
{
	model_free(&model);
	return 0;
}

static void program(void)
{
	builder_init(&b);
	builder_vma(&b, HEAP, HEAP + 0x400000, "rw-p", 0, 0);
	builder_vma(&b, HEAP + 0x400000, HEAP + 0x4000000, "---p", 0, 0);
	builder_vma(&b, TABLE - PAGE, TABLE + LEAF, "---p", 0, 0);
	builder_vma(&b, TABLE + LEAF, TABLE + LEAF + PAGE, "rw-p", 0, 0);
	builder_vma(&b, TABLE + LEAF + PAGE, TABLE + (512 << 20), "---p", 0, 0);
}

static size_t collect(bool go)
{
	teardown(NULL);
	if (builder_model(&b, &model))
		fail_msg("%s", model.error);
	model.witness.exe.go = go;
	assert_int_equal(golang_collect(&model), 0);
	return model.witness.uses.count;
}

static void has(size_t i, enum region_kind kind, uint64_t start, uint64_t end)
{
	const struct use *use = &model.witness.uses.list[i];

	assert_int_equal(use->kind, kind);
	assert_int_equal(use->start, start);
	assert_int_equal(use->end, end);
}

static void heap_and_table(void **state)
{
	program();
	assert_int_equal(collect(false), 0);
	assert_int_equal(collect(true), 5);
	has(0, KIND_GO_HEAP, HEAP, HEAP + 0x400000);
	has(1, KIND_RESERVED, HEAP + 0x400000, HEAP + 0x4000000);
	has(2, KIND_RESERVED, TABLE, TABLE + LEAF);
	has(3, KIND_GO_RUNTIME, TABLE + LEAF, TABLE + LEAF + PAGE);
	has(4, KIND_RESERVED, TABLE + LEAF + PAGE, TABLE + (512 << 20));
}

static void no_table(void **state)
{
	program();
	b.vmas[2].start += 2 * PAGE;	/* too small */
	assert_int_equal(collect(true), 2);
	program();
	b.vmas[4].end -= PAGE;
	assert_int_equal(collect(true), 2);
	program();
	b.vmas[2].flags |= PMEMCTL_VMA_READ;
	assert_int_equal(collect(true), 2);
	program();
	b.vmas[3].end += PAGE;		/* for more than the heap */
	b.vmas[4].start += PAGE;
	assert_int_equal(collect(true), 2);
	/* an arena of malloc's */
	program();
	b.nr_vmas = 2;
	for (int i = 0; i < 4; i++) {
		builder_vma(&b, TABLE + i * 0x4000000, TABLE + i * 0x4000000 + 0x21000, "rw-p", 0,
			    0);
		builder_vma(&b, TABLE + i * 0x4000000 + 0x21000, TABLE + (i + 1) * 0x4000000,
			    "---p", 0, 0);
	}
	assert_int_equal(collect(true), 2);
}

/* The next one, for pieces of 32 MiB, above the first; or with a hole between */
static void smaller_table(void **state)
{
	const uint64_t next = TABLE + (512 << 20), offset = 0x2030000;

	for (uint64_t hole = 0; hole <= PAGE; hole += PAGE) {
		program();
		b.vmas[4].end = next + hole + offset;
		builder_vma(&b, b.vmas[4].end, b.vmas[4].end + PAGE, "rw-p", 0, 0);
		builder_vma(&b, b.vmas[4].end + PAGE, next + hole + (64 << 20), "---p", 0, 0);
		assert_int_equal(collect(true), hole ? 5 : 8);
		if (!hole)
			has(6, KIND_GO_RUNTIME, next + offset, next + offset + PAGE);
	}
}

/* Go 1.26 may begin an arena with what has no access yet */
static void heap_elsewhere(void **state)
{
	const uint64_t heap = 0x156c98000000, table = 0x7f38cb600000, at = 0x7f38de0d9000;

	for (int wrong = 0; wrong < 3; wrong++) {
		builder_init(&b);
		if (wrong == 2)		/* which of the two? */
			builder_vma(&b, heap - 0x8000000, heap - 0x4000000, "rw-p", 0, 0);
		builder_vma(&b, heap, heap + 0x800000, "---p", 0, 0);
		builder_vma(&b, heap + 0x800000, heap + 0xc00000, "rw-p", 0, 0);
		builder_vma(&b, heap + 0xc00000, heap + 0x4000000, "---p", 0, 0);
		builder_vma(&b, table, at + (wrong == 1) * PAGE, "---p", 0, 0);
		builder_vma(&b, b.vmas[b.nr_vmas - 1].end, b.vmas[b.nr_vmas - 1].end + PAGE, "rw-p",
			    0, 0);
		builder_vma(&b, b.vmas[b.nr_vmas - 1].end, at + (512 << 20), "---p", 0, 0);
		builder_vma(&b, at + (512 << 20), at + (512 << 20) + PAGE, "rw-p", 0, 0);
		builder_vma(&b, at + (512 << 20) + PAGE, table + (1 << 30), "---p", 0, 0);
		assert_int_equal(collect(true), wrong ? 0 : 9);
		if (wrong)
			continue;
		has(1, KIND_GO_HEAP, heap + 0x800000, heap + 0xc00000);
		has(4, KIND_GO_RUNTIME, at, at + PAGE);
	}
}

static void no_heap(void **state)
{
	program();
	b.vmas[0].start += PAGE;
	assert_int_equal(collect(true), 0);
	program();
	b.nr_vmas = 0;			/* of the shape of one, and no table about it */
	builder_vma(&b, 2 * HEAP, 2 * HEAP + 0x4000000, "rw-p", 0, 0);
	assert_int_equal(collect(true), 0);
	program();
	b.vmas[1].end -= PAGE;		/* not in whole arenas: the rest is something else */
	assert_int_equal(collect(true), 0);
	program();
	b.vmas[0].flags |= PMEMCTL_VMA_MAYSHARE;
	assert_int_equal(collect(true), 0);
	program();
	b.vmas[1].end += 0x1000;
	assert_true(collect(true) >= 2);
	has(1, KIND_RESERVED, HEAP + 0x400000, HEAP + 0x4000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(heap_and_table), TEST(no_table), TEST(smaller_table), TEST(heap_elsewhere),
		TEST(no_heap),
	};

	return cmocka_run_group_tests_name("golang", tests, NULL, NULL);
}
