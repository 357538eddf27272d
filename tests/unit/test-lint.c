// SPDX-License-Identifier: GPL-2.0
/*
 * lint.c: each risk is found, and none where there is none.
 */
#include "block.h"
#include "builder.h"
#include "hearsay.h"
#include "lint.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

static struct builder b;
static struct model model;
static struct picture picture;

#define KIB	1024
#define HIGH	0x7f0000801000
#define MAIN	0x7ffe00021000
#define SIZE	(8ULL << 20)

static int teardown(void **state)
{
	picture_free(&picture);
	model_free(&model);
	return 0;
}

/* Of each stack the three highest pages were touched */
static void hear(void)
{
	static const struct wish wish = { .touched = true };

	teardown(NULL);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(hearsay(&model, &wish), 0);
}

static size_t judge_by(unsigned int over, uint64_t min_guard)
{
	picture_free(&picture);
	assert_int_equal(picture_make(&picture, &model, NULL), 0);
	assert_int_equal(lint_find(&picture, over, min_guard), 0);
	return picture.nr_findings;
}

static size_t judge(void)
{
	return judge_by(90, PAGE);
}

static size_t findings(void)
{
	hear();
	return judge();
}

/* Finding @i is this, of this thread, with these words */
static void is(size_t i, enum risk risk, uint32_t tid, const char *words)
{
	const struct finding *finding = &picture.findings[i];

	assert_true(i < picture.nr_findings);
	assert_string_equal(risk_name(finding->risk), risk_name(risk));
	assert_int_equal(finding->thread->tid, tid);
	if (!strstr(finding->evidence, words))
		fail_msg("\"%s\" where \"%s\" was expected", finding->evidence, words);
}

static void nothing_is_risky(void **state)
{
	builder_process(&b);
	assert_int_equal(findings(), 0);
	/* registers withheld, no pages heard of */
	b.flags &= ~PMEMCTL_PROCESS_ATTACH;
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(judge(), 0);
}

/* Thread 101 in memory without a guard */
static struct pmemctl_thread *unguard(void)
{
	builder_process(&b);
	memmove(&b.vmas[7], &b.vmas[8], (b.nr_vmas - 8) * sizeof(b.vmas[0]));
	b.nr_vmas--;
	b.threads[1].evidence &= ~PMEMCTL_STACK_GUARD;
	return &b.threads[1];
}

static void no_guard(void **state)
{
	unguard();
	assert_int_equal(findings(), 1);
	is(0, RISK_NO_GUARD, 101, "no guard below what holds its descriptor, 7f0000001000-7f0000801000");
}

static void writable_neighbour(void **state)
{
	struct pmemctl_thread *thread = unguard();

	/* something below, to which it may overflow */
	b.vmas[6].start = 0x7f0000000000;
	b.vmas[6].end = 0x7f0000001000;
	assert_int_equal(findings(), 2);
	is(0, RISK_NO_GUARD, 101, "no guard");
	is(1, RISK_WRITABLE_NEIGHBOUR, 101, "directly below 7f0000001000 lies 7f0000000000-7f0000001000 (rw-)");
	b.vmas[6].flags &= ~PMEMCTL_VMA_WRITE;
	assert_int_equal(findings(), 1);
	b.vmas[6].flags |= PMEMCTL_VMA_WRITE;
	b.vmas[6].end -= PAGE / 2;
	assert_int_equal(findings(), 1);

	/* more of the same VMA, another thread's stack perhaps */
	thread->stack_low += 0x10000;
	assert_int_equal(findings(), 2);
	is(1, RISK_WRITABLE_NEIGHBOUR, 101,
	   "directly below 7f0000011000 lies 7f0000001000-7f0000011000 (rw-)");
}

/* A block that its descriptor told, with other memory below in the same VMA */
static void block_without_a_guard(void **state)
{
	uint64_t start = 0x7f0000101000;

	builder_process(&b);
	hear();
	model.witness.blocks = calloc(model.nr_threads, sizeof(struct block));
	model.witness.blocks[1] = (struct block) { BLOCK_TOLD, { start, HIGH } };
	model.witness.touches[1].known = false;
	assert_int_equal(judge(), 2);
	is(0, RISK_NO_GUARD, 101, "nothing guards 7f0000101000-7f0000801000");
	is(1, RISK_WRITABLE_NEIGHBOUR, 101,
	   "directly below 7f0000101000 lies 7f0000001000-7f0000101000 (rw-)");
}

static void small_guard(void **state)
{
	builder_process(&b);
	hear();
	assert_int_equal(judge_by(90, 4096), 0);
	assert_int_equal(judge_by(90, 0), 0);
	assert_int_equal(judge_by(90, 4097), 2);
	is(0, RISK_SMALL_GUARD, 101, "guard 7f0000000000-7f0000001000 is 4K, less than");
	is(1, RISK_SMALL_GUARD, 102, "less than");
	b.vmas[7].start -= 60 * KIB;
	hear();
	assert_int_equal(judge_by(90, 64 * KIB), 1);
	is(0, RISK_SMALL_GUARD, 102, "less than 64K");
}

/* Without any pages */
static size_t findings_now(void)
{
	hear();
	for (size_t i = 0; i < model.nr_threads; i++)
		model.witness.touches[i].known = false;
	return judge();
}

static void much_is_used(void **state)
{
	builder_process(&b);
	b.threads[1].sp = HIGH - SIZE * 9 / 10;
	assert_int_equal(findings_now(), 0);
	b.threads[1].sp -= 8;
	assert_int_equal(findings_now(), 1);
	is(0, RISK_OVER, 101, "7.2M of 8M used: sp is 7f00000cdcc5");
	assert_int_equal(judge_by(91, PAGE), 0);
	assert_int_equal(judge_by(100, PAGE), 0);
	b.threads[1].sp = HIGH - SIZE / 2;
	findings_now();
	assert_int_equal(judge_by(50, PAGE), 0);
	assert_int_equal(judge_by(49, PAGE), 1);
	b.threads[1].sp = HIGH - 8;
	findings_now();
	assert_int_equal(judge_by(0, PAGE), 3);
	hear();
	assert_int_equal(judge_by(0, PAGE), 2 * 3);	/* now and ever */
}

/* Of the main stack, what it may grow to is what counts */
static void much_of_the_limit(void **state)
{
	builder_process(&b);
	b.threads[0].sp = 0x7ffe00000000;	/* all of it as it is */
	assert_int_equal(findings_now(), 0);
	b.rlimit_stack = 0x22000;
	assert_int_equal(findings_now(), 1);
	is(0, RISK_OVER, 100, "132K of 136K used");
}

static struct touch *deep(size_t i, uint64_t end, uint64_t bytes)
{
	struct touch *touch = &model.witness.touches[i].stack;

	touch->lowest = end - bytes;
	return touch;
}

static void much_was_used(void **state)
{
	builder_process(&b);
	hear();
	deep(1, HIGH, SIZE * 9 / 10);
	assert_int_equal(judge(), 0);
	deep(1, HIGH, SIZE * 9 / 10 + 1);
	assert_int_equal(judge(), 1);
	is(0, RISK_OVER, 101, "7.2M of 8M were used: the page at 7f00000cdccc was touched");
	assert_null(strstr(picture.findings[0].evidence, "fork"));
	/* for a thread that has moved it is not known */
	model.witness.settled[1] = false;
	assert_int_equal(judge(), 0);
	model.witness.settled[1] = true;
	deep(1, HIGH, SIZE)->lowest = 0;
	assert_int_equal(judge(), 0);
}

static void over_is_not_told_from_doubtful_pages(void **state)
{
	builder_process(&b);
	hear();
	deep(1, HIGH, SIZE)->whole = true;
	assert_int_equal(judge(), 0);
	deep(1, HIGH, SIZE)->whole = false;
	assert_int_equal(judge(), 1);
	deep(1, HIGH, SIZE)->run_end = HIGH;
	assert_int_equal(judge(), 0);

	b.vmas[8].flags |= PMEMCTL_VMA_LOCKED;
	hear();
	deep(1, HIGH, SIZE);
	assert_int_equal(judge(), 0);

	/* what sp says is beyond doubt */
	b.threads[1].sp = HIGH - SIZE + 8;
	hear();
	deep(1, HIGH, SIZE);
	assert_int_equal(judge(), 1);
	is(0, RISK_OVER, 101, "sp is");

	/* a small stack, all of which may have been another thread's */
	builder_process(&b);
	b.flags |= PMEMCTL_PROCESS_THREADS_ENDED;
	b.vmas[8].start = b.vmas[7].end = b.threads[1].stack_low = HIGH - 32 * KIB;
	b.vmas[7].start = HIGH - 36 * KIB;
	hear();
	deep(1, HIGH, 32 * KIB);
	assert_int_equal(judge(), 0);
	b.flags = PMEMCTL_PROCESS_ATTACH | PMEMCTL_PROCESS_FORKED;
	hear();
	deep(1, HIGH, 32 * KIB);
	assert_int_equal(judge(), 1);
	is(0, RISK_OVER, 101, "was touched, if not before fork()");
}

static void executable(void **state)
{
	builder_process(&b);
	b.vmas[8].flags |= PMEMCTL_VMA_EXEC;
	assert_int_equal(findings(), 1);
	is(0, RISK_EXECUTABLE, 101, "7f0000001000-7f0000801000 is rwx");
	b.vmas[8].flags &= ~PMEMCTL_VMA_WRITE;
	b.threads[1].reg_state = PMEMCTL_REGS_NONE;
	assert_int_equal(findings(), 0);
	builder_process(&b);
	b.vmas[15].flags |= PMEMCTL_VMA_EXEC;
	assert_int_equal(findings(), 1);
	is(0, RISK_EXECUTABLE, 100, "rwx");
}

static void sp_outside(void **state)
{
	struct pmemctl_thread *thread = &b.threads[1];

	builder_process(&b);
	thread->evidence &= ~PMEMCTL_STACK_SP;
	thread->sp = 0x1000;
	assert_int_equal(findings(), 1);
	is(0, RISK_SP_OUTSIDE, 101, "sp is 1000, where nothing is mapped");
	thread->sp = 0x555500001100;
	assert_int_equal(findings(), 1);
	is(0, RISK_SP_OUTSIDE, 101, "in 555500001000-555500005000 (r-x)");
	assert_null(strstr(picture.findings[0].evidence, "own stack"));
	thread->sp = 0x555500100100;
	assert_int_equal(findings(), 1);
	is(0, RISK_SP_OUTSIDE, 101, "and the thread's own stack is another");
	/* in its guard */
	thread->sp = 0x7f0000000ff8;
	assert_int_equal(findings(), 1);
	is(0, RISK_SP_OUTSIDE, 101, "(---)");
	thread->reg_state = PMEMCTL_REGS_LIVE;
	assert_int_equal(findings(), 1);

	/* stale, or withheld */
	thread->reg_state = PMEMCTL_REGS_LAST_ENTRY;
	assert_int_equal(findings(), 0);
	thread->reg_state = PMEMCTL_REGS_NONE;
	assert_int_equal(findings(), 0);
	thread->reg_state = PMEMCTL_REGS_BLOCKED;
	b.flags &= ~PMEMCTL_PROCESS_ATTACH;
	assert_int_equal(findings(), 0);

	/* on the alternate stack, which is in the heap; and in Go */
	builder_process(&b);
	thread->sp = 0x555500100100;
	thread->evidence &= ~PMEMCTL_STACK_SP;
	hear();
	assert_int_equal(judge(), 1);
	model.witness.exe.go = true;
	assert_int_equal(judge(), 0);
	thread->evidence |= PMEMCTL_STACK_SP_ALT;
	assert_int_equal(findings(), 0);
}

static void main_room(void **state)
{
	builder_process(&b);
	b.vmas[14].start = 0x7ffdffc00000;
	b.vmas[14].end = 0x7ffdffd00000;
	assert_int_equal(findings(), 1);
	is(0, RISK_MAIN_ROOM, 100, "2.1M of the 8M that RLIMIT_STACK allows: "
	   "7ffdffc00000-7ffdffd00000 (rw-) is in the way");
	b.rlimit_stack = 2 << 20;
	assert_int_equal(findings(), 0);
	b.rlimit_stack = UINT64_MAX;
	assert_int_equal(findings(), 0);
}

static void workers_and_exited_have_no_risks(void **state)
{
	struct pmemctl_thread *thread = unguard();

	b.vmas[7].flags |= PMEMCTL_VMA_EXEC;
	thread->sp = 0x1000;
	assert_int_equal(findings(), 3);
	thread->flags = PMEMCTL_THREAD_IO_WORKER;
	assert_int_equal(findings(), 0);
	thread->flags = PMEMCTL_THREAD_NO_MM;
	assert_int_equal(findings(), 0);
}

static void judged_are(size_t judged, size_t unjudged)
{
	size_t not;

	assert_int_equal(lint_judged(&picture, &not), judged);
	assert_int_equal(not, unjudged);
}

/* Of a stack that is nowhere, that nothing was found says nothing */
static void unknown_stacks_are_not_judged(void **state)
{
	builder_process(&b);
	findings();
	judged_are(3, 0);
	model_free(&model);
	b.threads[1].evidence = 0;
	b.threads[1].stack_low = b.threads[1].stack_high = 0;
	findings();
	judged_are(2, 1);
	model_free(&model);
	/* its range is not known, but that it has no guard is */
	unguard();
	findings();
	judged_are(3, 0);
	model_free(&model);
	/* a worker has no stack: it is in neither number */
	b.threads[1].flags |= PMEMCTL_THREAD_IO_WORKER;
	findings();
	judged_are(2, 0);
}

static void many_findings(void **state)
{
	builder_process(&b);
	for (uint32_t i = 0; i < 40; i++)
		builder_thread(&b, 200 + i, 0, 0, 0);	/* sp is 0 */
	assert_int_equal(findings(), 40);
	for (size_t i = 0; i < 40; i++)
		is(i, RISK_SP_OUTSIDE, 200 + i, "nothing is mapped");
}

static void risks_have_words(void **state)
{
	for (int i = 0; i < RISKS; i++) {
		assert_non_null(risk_name(i));
		assert_non_null(risk_about(i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_risky), TEST(no_guard), TEST(writable_neighbour),
		TEST(block_without_a_guard), TEST(small_guard), TEST(much_is_used), TEST(much_of_the_limit),
		TEST(much_was_used), TEST(over_is_not_told_from_doubtful_pages),
		TEST(executable), TEST(sp_outside), TEST(main_room),
		TEST(workers_and_exited_have_no_risks),
		TEST(unknown_stacks_are_not_judged), TEST(many_findings),
		TEST(risks_have_words),
	};

	return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
