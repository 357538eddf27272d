// SPDX-License-Identifier: GPL-2.0
/*
 * settle.c: what was heard of a thread counts only for the same thread.
 */
#include "builder.h"
#include "pmemctl.h"
#include "settle.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static struct builder b;
static struct model before, after;

static int teardown(void **state)
{
	model_free(&before);
	model_free(&after);
	return 0;
}

/* The first snapshot; of thread i, the page at 0x1000 * i was touched */
static void begin(void)
{
	teardown(NULL);
	assert_int_equal(builder_model(&b, &before), 0);
	before.witness.settled = malloc(before.nr_threads);
	memset(before.witness.settled, true, before.nr_threads);
	before.witness.touches = calloc(before.nr_threads, sizeof(struct touches));
	for (size_t i = 0; i < before.nr_threads; i++) {
		before.witness.touches[i].known = true;
		before.witness.touches[i].stack.lowest = 0x1000 * i;
	}
}

/* The second one, of what @b says by now */
static void end(void)
{
	assert_int_equal(builder_model(&b, &after), 0);
	assert_int_equal(settle(&after, &before), 0);
	assert_null(before.witness.settled);
	assert_null(before.witness.touches);
}

/* Thread i of the second snapshot is thread @was of the first; -1: none */
static void is(size_t i, int was)
{
	const struct touches *touches = &after.witness.touches[i];

	assert_int_equal(after.witness.settled[i], was >= 0);
	assert_int_equal(touches->known, was >= 0);
	assert_int_equal(touches->stack.lowest, was >= 0 ? 0x1000 * was : 0);
}

static void nothing_has_changed(void **state)
{
	builder_process(&b);
	begin();
	b.threads[1].sp -= 0x100;
	b.threads[1].nvcsw++;
	end();
	for (int i = 0; i < 3; i++)
		is(i, i);
}

static void all_of_the_witness_moves(void **state)
{
	builder_process(&b);
	b.nr_sharers = 0;
	begin();
	before.witness.blocks = calloc(before.nr_threads, sizeof(struct block));
	before.witness.guards.list = calloc(1, sizeof(struct range));
	before.witness.guards.count = 1;
	before.witness.exe = (struct exe) { .go = true, .tls_size = 5 };
	before.witness.marks = GUARD_MARKS_HIDDEN;
	before.witness.guard_gap = 7;
	before.witness.orphans_known = true;
	before.witness.smaps = (struct smaps) {
		.list = calloc(1, sizeof(struct smap)), .count = 1, .room = 1, .read = true,
	};
	before.witness.residents = (struct resident_list) { calloc(1, sizeof(struct resident)), 1 };
	end();
	assert_true(after.witness.smaps.read);
	assert_int_equal(after.witness.smaps.list[0].start, 0);
	assert_int_equal(after.witness.residents.list[0].start, 0);
	assert_int_equal(after.witness.guards.count, 1);
	assert_null(before.witness.guards.list);
	assert_true(after.witness.exe.go);
	assert_int_equal(after.witness.exe.tls_size, 5);
	assert_int_equal(after.witness.marks, GUARD_MARKS_HIDDEN);
	assert_int_equal(after.witness.guard_gap, 7);
	assert_true(after.witness.orphans_known);
	assert_non_null(after.witness.blocks);
}

static void threads_that_came(void **state)
{
	builder_process(&b);
	begin();
	b.threads[3] = b.threads[2];
	b.threads[2] = b.threads[1];
	b.threads[1].tid = 50;
	b.nr_threads = 4;
	end();
	is(0, 0);
	is(1, -1);
	is(2, 1);
	is(3, 2);
}

static void threads_that_went(void **state)
{
	builder_process(&b);
	begin();
	b.threads[1] = b.threads[2];
	b.nr_threads = 2;
	end();
	is(0, 0);
	is(1, 2);

	builder_process(&b);
	begin();
	b.nr_threads = 0;
	end();
}

static void tids_in_any_order(void **state)
{
	builder_process(&b);
	b.threads[1].tid = 4000;
	b.threads[2].tid = 7;
	begin();
	b.threads[1].tid = 7;
	b.threads[2].tid = 4000;
	b.threads[1].stack_high = b.threads[2].stack_high;
	b.threads[2].stack_high = 0x7f0000801000;
	b.threads[1].robust_list = b.threads[2].robust_list;
	b.threads[2].robust_list = before.threads[1].robust_list;
	b.threads[1].clear_child_tid = b.threads[2].clear_child_tid;
	b.threads[2].clear_child_tid = before.threads[1].clear_child_tid;
	b.threads[1].stack_low = 0x7f0000802000;
	b.threads[2].stack_low = 0x7f0000001000;
	end();
	is(1, 2);
	is(2, 1);
}

static void others_under_the_same_tid(void **state)
{
	static const size_t fields[] = {
		offsetof(struct pmemctl_thread, stack_high),
		offsetof(struct pmemctl_thread, robust_list),
		offsetof(struct pmemctl_thread, clear_child_tid),
		offsetof(struct pmemctl_thread, sas_sp),
		offsetof(struct pmemctl_thread, sas_size),
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		builder_process(&b);
		begin();
		*(__u64 *)((char *)&b.threads[1] + fields[i]) -= 0x1000;
		end();
		is(1, -1);
		is(2, 2);
	}
}

/*
 * On kernels that say it of the VMA, and on those where any may hold markers. It
 * may have grown or shrunk by other threads' blocks.
 */
static void vmas_with_markers(void **state)
{
	for (int i = 0; i < 6; i++) {
		builder_process(&b);
		if (i % 2) {
			b.flags |= PMEMCTL_PROCESS_TELLS_GUARDS;
			b.vmas[8].flags |= PMEMCTL_VMA_MAYBE_GUARD;
		}
		begin();
		before.witness.marks = GUARD_MARKS_SHOWN;
		if (i / 2 == 1)
			b.vmas[8].end = b.vmas[9].start += 0x400;
		if (i / 2 == 2)
			b.vmas[8].start += 0x400;
		end();
		is(1, 1);
		is(2, 2);
	}
}

/* Its first marker, of a thread that has moved in since, makes it another VMA */
static void vmas_that_got_a_marker(void **state)
{
	builder_process(&b);
	b.flags |= PMEMCTL_PROCESS_TELLS_GUARDS;
	begin();
	b.vmas[8].flags |= PMEMCTL_VMA_MAYBE_GUARD;
	end();
	is(1, -1);
	is(2, 2);
}

static void vmas_without_markers_may_grow(void **state)
{
	builder_process(&b);
	begin();
	b.vmas[8].start += 0x400;
	b.vmas[15].start -= PAGE;
	b.threads[0].stack_low -= PAGE;
	end();
	for (int i = 0; i < 3; i++)
		is(i, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_has_changed), TEST(all_of_the_witness_moves), TEST(threads_that_came),
		TEST(threads_that_went), TEST(tids_in_any_order), TEST(others_under_the_same_tid),
		TEST(vmas_with_markers), TEST(vmas_that_got_a_marker),
		TEST(vmas_without_markers_may_grow),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
