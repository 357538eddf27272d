// SPDX-License-Identifier: GPL-2.0
/*
 * stacks.c: a stack is claimed on evidence, and never on less.
 */
#include "builder.h"
#include "guards.h"
#include "pmemctl.h"
#include "stacks.h"
#include "test.h"

#include <stdlib.h>

static struct builder b;
static struct model model;
static struct stack stacks[BUILDER_ROWS];

#define BLOCK (PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_GUARD)
#define LOW  0x7f0000001000
#define HIGH 0x7f0000801000

static int teardown(void **state)
{
	model_free(&model);
	return 0;
}

/* Thread 101 of builder_process(), with other evidence */
static struct pmemctl_thread *thread_101(uint32_t evidence)
{
	builder_process(&b);
	b.threads[1].evidence = evidence;
	return &b.threads[1];
}

static enum stack_kind judged(size_t i)
{
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(stacks_judge(&model, stacks), 0);
	assert_int_equal(stacks[i].claimed,
			 stacks[i].kind == STACK_MAIN || stacks[i].kind == STACK_PTHREAD);
	return stacks[i].kind;
}

static void claims_whole_process(void **state)
{
	builder_process(&b);
	assert_int_equal(judged(0), STACK_MAIN);
	assert_int_equal(stacks[0].start, 0x7ffe00000000);
	assert_int_equal(stacks[0].end, 0x7ffe00021000);
	assert_int_equal(stacks[1].kind, STACK_PTHREAD);
	assert_int_equal(stacks[1].start, LOW);
	assert_int_equal(stacks[1].end, HIGH);
	assert_int_equal(stacks[2].kind, STACK_PTHREAD);
}

static void pthread_needs_descriptor_and_guard(void **state)
{
	thread_101(BLOCK | PMEMCTL_STACK_SP);
	assert_int_equal(judged(1), STACK_PTHREAD);
	thread_101((BLOCK & ~PMEMCTL_STACK_ROBUST) | PMEMCTL_STACK_CTID | PMEMCTL_STACK_SP);
	assert_int_equal(judged(1), STACK_PTHREAD);
	thread_101((BLOCK & ~PMEMCTL_STACK_ROBUST) | PMEMCTL_STACK_TP | PMEMCTL_STACK_SP);
	assert_int_equal(judged(1), STACK_PTHREAD);
	thread_101((BLOCK & ~PMEMCTL_STACK_ROBUST) | PMEMCTL_STACK_SP);
	assert_int_equal(judged(1), STACK_UNKNOWN);
	thread_101((BLOCK & ~PMEMCTL_STACK_ROBUST) | PMEMCTL_STACK_RSEQ | PMEMCTL_STACK_SP);
	assert_int_equal(judged(1), STACK_UNKNOWN);
	thread_101((BLOCK & ~PMEMCTL_STACK_GUARD) | PMEMCTL_STACK_SP);
	assert_int_equal(judged(1), STACK_UNKNOWN);
	thread_101(PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_LOW_THREAD | PMEMCTL_STACK_SP);
	assert_int_equal(judged(1), STACK_UNKNOWN);
}

static void sp_elsewhere_is_no_claim(void **state)
{
	struct pmemctl_thread *thread = thread_101(BLOCK);

	assert_int_equal(judged(1), STACK_SWITCHED);
	thread->reg_state = PMEMCTL_REGS_QUEUED;
	assert_int_equal(judged(1), STACK_SWITCHED);
	thread->reg_state = PMEMCTL_REGS_LAST_ENTRY;
	assert_int_equal(judged(1), STACK_SWITCHED);
	thread->reg_state = PMEMCTL_REGS_NONE;
	assert_int_equal(judged(1), STACK_PTHREAD);
	thread->reg_state = PMEMCTL_REGS_BLOCKED;
	thread->evidence |= PMEMCTL_STACK_SP_ALT;
	assert_int_equal(judged(1), STACK_PTHREAD);
}

static void main_needs_sp_or_leadership(void **state)
{
	builder_process(&b);
	b.threads[0].evidence &= ~PMEMCTL_STACK_SP;
	assert_int_equal(judged(0), STACK_SWITCHED);
	b.threads[0].reg_state = PMEMCTL_REGS_NONE;
	assert_int_equal(judged(0), STACK_MAIN);
	b.threads[0].flags &= ~PMEMCTL_THREAD_LEADER;
	assert_int_equal(judged(0), STACK_UNKNOWN);
	b.threads[0].evidence |= PMEMCTL_STACK_SP;
	assert_int_equal(judged(0), STACK_MAIN);
}

/* Three threads' blocks in one VMA; the one in the middle has ended */
#define MERGED	0x7f0000802000
#define DEAD	0x7f0000a02000
#define UPPER	0x7f0000c02000
#define TOP	0x7f0001002000
#define MARKER	0x1000

static struct pmemctl_vma *merge_blocks(uint32_t evidence)
{
	struct pmemctl_vma *vma = &b.vmas[10];

	builder_process(&b);
	assert_int_equal(vma->start, MERGED);
	assert_int_equal(vma->end, TOP);
	vma->flags |= PMEMCTL_VMA_MAYBE_GUARD;
	b.threads[1].stack_low = MERGED;
	b.threads[1].stack_high = DEAD;
	b.threads[1].evidence = evidence | PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_HIGH_TCB;
	b.threads[1].sp = DEAD - 0x4000;
	b.threads[2].stack_low = DEAD;
	b.threads[2].stack_high = TOP;
	b.threads[2].evidence = evidence | PMEMCTL_STACK_LOW_THREAD | PMEMCTL_STACK_HIGH_VMA;
	b.threads[2].sp = TOP - 0x4000;
	return vma;
}

/* Judges what @b says as the second snapshot, @before being the first */
static void settle(struct model *before)
{
	static const uint64_t markers[] = { MERGED, DEAD, UPPER };

	before->guards.list = calloc(ARRAY_SIZE(markers), sizeof(struct range));
	for (size_t i = 0; i < ARRAY_SIZE(markers); i++)
		before->guards.list[before->guards.count++] =
			(struct range) { markers[i], markers[i] + MARKER };
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(guards_settle(&model, before), 0);
	model_free(before);
	assert_int_equal(stacks_judge(&model, stacks), 0);
}

static void blocks_begin_at_their_markers(void **state)
{
	struct model before;

	merge_blocks(PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_SP);
	assert_int_equal(judged(1), STACK_UNKNOWN);
	assert_int_equal(stacks[2].kind, STACK_UNKNOWN);
	assert_true(guards_wanted(&model));

	assert_int_equal(builder_model(&b, &before), 0);
	settle(&before);
	assert_int_equal(stacks[1].kind, STACK_PTHREAD);
	assert_int_equal(stacks[1].start, MERGED + MARKER);
	assert_int_equal(stacks[1].end, DEAD);
	assert_int_equal(stacks[2].kind, STACK_PTHREAD);
	assert_int_equal(stacks[2].start, UPPER + MARKER);
	assert_int_equal(stacks[2].end, TOP);
	assert_int_equal(stacks[2].guard->start, UPPER);
}

static void sp_below_the_marker_is_no_claim(void **state)
{
	struct model before;

	merge_blocks(PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_SP);
	b.threads[2].sp = UPPER - 0x1000;
	assert_int_equal(builder_model(&b, &before), 0);
	settle(&before);
	assert_int_equal(stacks[1].kind, STACK_PTHREAD);
	assert_int_equal(stacks[2].kind, STACK_SWITCHED);
	assert_false(stacks[2].claimed);
}

static void markers_count_only_for_who_stayed(void **state)
{
	struct pmemctl_vma *vma;
	struct model before;

	merge_blocks(PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_SP);
	b.threads[1].tid = 7;		/* 101 was not there yet */
	b.threads[2].robust_list = 1;	/* and 102 was another one */
	assert_int_equal(builder_model(&b, &before), 0);
	b.threads[1].tid = 101;
	b.threads[2].robust_list = 2;
	settle(&before);
	assert_int_equal(stacks[1].kind, STACK_UNKNOWN);
	assert_int_equal(stacks[2].kind, STACK_UNKNOWN);

	/* nor where the VMA changed in between */
	vma = merge_blocks(PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_SP);
	assert_int_equal(builder_model(&b, &before), 0);
	vma->end += MARKER;
	settle(&before);
	assert_int_equal(stacks[1].kind, STACK_UNKNOWN);
	assert_int_equal(stacks[2].kind, STACK_UNKNOWN);
}

static void marker_needs_more_than_the_thread_pointer(void **state)
{
	struct model before;

	merge_blocks(PMEMCTL_STACK_TP | PMEMCTL_STACK_SP);
	assert_int_equal(builder_model(&b, &before), 0);
	settle(&before);
	assert_int_equal(stacks[1].kind, STACK_UNKNOWN);
	assert_int_equal(stacks[2].kind, STACK_UNKNOWN);
}

static void workers_and_exited_have_none(void **state)
{
	struct pmemctl_thread *thread = thread_101(BLOCK | PMEMCTL_STACK_SP);

	thread->flags = PMEMCTL_THREAD_IO_WORKER;
	assert_int_equal(judged(1), STACK_WORKER);
	thread->flags = PMEMCTL_THREAD_USER_WORKER;
	assert_int_equal(judged(1), STACK_WORKER);
	thread->flags = PMEMCTL_THREAD_NO_MM;
	assert_int_equal(judged(1), STACK_EXITED);
}

static void nothing_known_is_unknown(void **state)
{
	struct pmemctl_thread *thread = thread_101(0);

	thread->stack_low = thread->stack_high = 0;
	assert_int_equal(judged(1), STACK_UNKNOWN);
}

static void guard_must_be_its_own(void **state)
{
	thread_101(BLOCK | PMEMCTL_STACK_SP);
	b.vmas[8].flags |= PMEMCTL_VMA_MAYBE_GUARD;
	assert_int_equal(judged(1), STACK_UNKNOWN);

	thread_101(BLOCK | PMEMCTL_STACK_SP);
	b.vmas[7].file = 2;
	assert_int_equal(judged(1), STACK_UNKNOWN);

	/* larger than what it guards: the rest of a malloc arena */
	thread_101(BLOCK | PMEMCTL_STACK_SP);
	b.vmas[7].start -= 64 << 20;
	assert_int_equal(judged(1), STACK_UNKNOWN);

	/* there is a gap */
	thread_101(BLOCK | PMEMCTL_STACK_SP);
	b.vmas[7].start -= 0x1000;
	b.vmas[7].end -= 0x1000;
	assert_int_equal(judged(1), STACK_UNKNOWN);
}

static void overlapping_claims_are_given_up(void **state)
{
	builder_process(&b);
	b.threads[2].stack_low = LOW;
	b.threads[2].stack_high = LOW + 0x10000;
	assert_int_equal(judged(1), STACK_UNKNOWN);
	assert_int_equal(stacks[2].kind, STACK_UNKNOWN);
	assert_int_equal(stacks[0].kind, STACK_MAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(claims_whole_process), TEST(pthread_needs_descriptor_and_guard),
		TEST(sp_elsewhere_is_no_claim), TEST(main_needs_sp_or_leadership),
		TEST(blocks_begin_at_their_markers), TEST(sp_below_the_marker_is_no_claim),
		TEST(markers_count_only_for_who_stayed),
		TEST(marker_needs_more_than_the_thread_pointer),
		TEST(workers_and_exited_have_none), TEST(nothing_known_is_unknown),
		TEST(guard_must_be_its_own), TEST(overlapping_claims_are_given_up),
	};

	return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
