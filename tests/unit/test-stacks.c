// SPDX-License-Identifier: GPL-2.0
/*
 * stacks.c: a stack is claimed on evidence, and never on less; what a thread
 * runs on is told apart from which stack is its own.
 */
#include "builder.h"
#include "stacks.h"
#include "test.h"

#include <string.h>

static struct builder b;
static struct model model;
static struct stack stacks[BUILDER_ROWS];

/* What /proc would tell of the executable */
static struct exe exe;
static enum guard_marks marks;

#define BLOCK (PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_GUARD)
#define ON_IT PMEMCTL_STACK_SP
#define LOW  0x7f0000001000
#define HIGH 0x7f0000801000
#define MAIN_LOW  0x7ffe00000000
#define MAIN_HIGH 0x7ffe00021000

static int teardown(void **state)
{
	model_free(&model);
	memset(&exe, 0, sizeof(exe));
	marks = GUARD_MARKS_NONE;
	return 0;
}

/* Thread 101 of builder_process(), with other evidence */
static struct pmemctl_thread *thread_101(uint32_t evidence)
{
	builder_process(&b);
	b.threads[1].evidence = evidence;
	return &b.threads[1];
}

static struct pmemctl_thread *leader(uint32_t evidence)
{
	builder_process(&b);
	b.threads[0].evidence = evidence;
	return &b.threads[0];
}

/* sp where the evidence has it, as the module would not say otherwise */
static void place_sp(struct pmemctl_thread *thread)
{
	bool in = thread->sp >= thread->stack_low && thread->sp < thread->stack_high;

	if (thread->reg_state == PMEMCTL_REGS_NONE)
		thread->sp = 0;
	else if (thread->evidence & ON_IT && !in)
		thread->sp = thread->stack_high - 0x100;
	else if (!(thread->evidence & ON_IT) && in)
		thread->sp = 0x1000;
}

static enum stack_kind judged(size_t i)
{
	for (size_t k = 0; k < b.nr_threads; k++)
		place_sp(&b.threads[k]);
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	model.witness.exe = exe;
	model.witness.marks = marks;
	assert_int_equal(stacks_judge(&model, stacks), 0);
	return stacks[i].kind;
}

static void owns(size_t i, enum stack_kind kind, uint64_t start, uint64_t end)
{
	assert_string_equal(stack_kind_name(judged(i)), stack_kind_name(kind));
	assert_true(stacks[i].claimed);
	assert_int_equal(stacks[i].start, start);
	assert_int_equal(stacks[i].end, end);
}

static void owns_none(size_t i, enum stack_kind kind)
{
	assert_string_equal(stack_kind_name(judged(i)), stack_kind_name(kind));
	assert_false(stacks[i].claimed);
	assert_false(stacks[i].initial);
	assert_int_equal(stacks[i].start, 0);
	assert_int_equal(stacks[i].end, 0);
	assert_int_equal(stacks[i].guard.end, 0);
	assert_int_equal(stacks[i].limit_end, ROOM_UNKNOWN);
}

static void whole_process(void **state)
{
	builder_process(&b);
	owns(0, STACK_MAIN, MAIN_LOW, MAIN_HIGH);
	assert_true(stacks[0].initial);
	assert_null(guard_kind_name(stacks[0].guard_kind));
	assert_int_equal(stacks[0].limit, MAIN_HIGH - (8 << 20));
	assert_int_equal(stacks[0].limit_end, ROOM_RLIMIT);
	owns(1, STACK_PTHREAD, LOW, HIGH);
	assert_false(stacks[1].initial);
	assert_int_equal(stacks[1].guard_kind, GUARD_VMA);
	assert_int_equal(stacks[1].guard.start, LOW - PAGE);
	assert_int_equal(stacks[1].guard.end, LOW);
	assert_int_equal(stacks[1].limit, LOW);
	assert_int_equal(stacks[1].limit_end, ROOM_GUARD);
	owns(2, STACK_PTHREAD, 0x7f0000802000, 0x7f0001002000);
}

static void pthread_needs_a_descriptor(void **state)
{
	static const uint32_t good[] = {
		PMEMCTL_STACK_ROBUST, PMEMCTL_STACK_CTID, PMEMCTL_STACK_TP
	};

	for (size_t i = 0; i < 3; i++) {
		thread_101(PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_GUARD | PMEMCTL_STACK_HIGH_VMA |
			   ON_IT | good[i]);
		owns(1, STACK_PTHREAD, LOW, HIGH);
	}
	/* the thread pointer by itself does not tell the top */
	thread_101(PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_GUARD | ON_IT | PMEMCTL_STACK_TP);
	owns_none(1, STACK_UNKNOWN);
	thread_101(PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_GUARD | ON_IT);
	owns_none(1, STACK_UNKNOWN);
	thread_101(PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_GUARD | ON_IT | PMEMCTL_STACK_RSEQ);
	owns_none(1, STACK_UNKNOWN);
}

static void without_a_guard_it_is_the_users(void **state)
{
	thread_101((BLOCK & ~PMEMCTL_STACK_GUARD) | ON_IT);
	owns_none(1, STACK_USER);
	assert_string_equal(guard_kind_name(stacks[1].guard_kind), "none");
	thread_101(PMEMCTL_STACK_TP | PMEMCTL_STACK_LOW_THREAD | ON_IT);
	owns_none(1, STACK_USER);

	/* there may be one that nothing shows */
	marks = GUARD_MARKS_HIDDEN;
	owns_none(1, STACK_UNKNOWN);
	assert_null(guard_kind_name(stacks[1].guard_kind));
}

static void switched_and_its_own_all_the_same(void **state)
{
	static const uint32_t states[] = {
		PMEMCTL_REGS_BLOCKED, PMEMCTL_REGS_QUEUED, PMEMCTL_REGS_LAST_ENTRY,
		PMEMCTL_REGS_LIVE,
	};
	struct pmemctl_thread *thread = thread_101(BLOCK);

	for (size_t i = 0; i < 4; i++) {
		thread->reg_state = states[i];
		owns(1, STACK_SWITCHED, LOW, HIGH);
		assert_int_equal(stacks[1].guard_kind, GUARD_VMA);
	}
	thread->reg_state = PMEMCTL_REGS_NONE;
	owns(1, STACK_PTHREAD, LOW, HIGH);

	/* the main thread */
	leader(PMEMCTL_STACK_INITIAL);
	owns(0, STACK_SWITCHED, MAIN_LOW, MAIN_HIGH);
	assert_true(stacks[0].initial);

	/* one whose own stack cannot be told, and one with nothing at all */
	thread_101(PMEMCTL_STACK_ROBUST);
	owns_none(1, STACK_SWITCHED);
	thread_101(0);
	owns_none(1, STACK_UNKNOWN);
}

static void on_the_alternate_stack(void **state)
{
	thread_101(BLOCK | PMEMCTL_STACK_SP_ALT);
	owns(1, STACK_ALTSTACK, LOW, HIGH);
	/* which may lie in its own one */
	thread_101(BLOCK | ON_IT | PMEMCTL_STACK_SP_ALT);
	owns(1, STACK_ALTSTACK, LOW, HIGH);
	leader(PMEMCTL_STACK_INITIAL | PMEMCTL_STACK_SP_ALT);
	owns(0, STACK_ALTSTACK, MAIN_LOW, MAIN_HIGH);
	thread_101(PMEMCTL_STACK_SP_ALT);
	owns_none(1, STACK_ALTSTACK);
}

static void main_needs_sp_or_leadership(void **state)
{
	struct pmemctl_thread *thread = leader(PMEMCTL_STACK_INITIAL);

	thread->reg_state = PMEMCTL_REGS_NONE;
	owns(0, STACK_MAIN, MAIN_LOW, MAIN_HIGH);
	thread->flags &= ~PMEMCTL_THREAD_LEADER;
	owns_none(0, STACK_UNKNOWN);
	thread->evidence |= ON_IT;
	owns(0, STACK_MAIN, MAIN_LOW, MAIN_HIGH);
}

static void forked_leader_needs_sp(void **state)
{
	struct pmemctl_thread *thread = leader(PMEMCTL_STACK_INITIAL | ON_IT);

	b.flags |= PMEMCTL_PROCESS_FORKED;
	owns(0, STACK_MAIN, MAIN_LOW, MAIN_HIGH);
	thread->evidence = PMEMCTL_STACK_INITIAL;
	owns_none(0, STACK_UNKNOWN);
	thread->reg_state = PMEMCTL_REGS_NONE;
	owns_none(0, STACK_UNKNOWN);

	/* it may be on what was a thread's in its parent */
	b.nr_threads = 1;
	thread->evidence = BLOCK | ON_IT;
	thread->stack_low = LOW;
	thread->stack_high = HIGH;
	owns(0, STACK_PTHREAD, LOW, HIGH);
	assert_false(stacks[0].initial);
}

static void go(void **state)
{
	struct pmemctl_thread *thread;

	/* its thread pointer is in the heap, and there is a guard only by chance */
	exe.go = true;
	thread = thread_101(PMEMCTL_STACK_TP | PMEMCTL_STACK_GUARD | ON_IT);
	owns_none(1, STACK_GO);
	thread->evidence &= ~PMEMCTL_STACK_GUARD;
	owns_none(1, STACK_GO);
	thread->evidence = PMEMCTL_STACK_TP | PMEMCTL_STACK_GUARD;
	owns_none(1, STACK_GO);
	thread->reg_state = PMEMCTL_REGS_NONE;
	owns_none(1, STACK_UNKNOWN);

	/* with cgo the C library has made the thread */
	thread_101(BLOCK | ON_IT);
	owns(1, STACK_PTHREAD, LOW, HIGH);
	thread_101(BLOCK);
	owns(1, STACK_GO, LOW, HIGH);

	leader(PMEMCTL_STACK_INITIAL | ON_IT);
	owns(0, STACK_MAIN, MAIN_LOW, MAIN_HIGH);
	leader(PMEMCTL_STACK_INITIAL);
	owns(0, STACK_GO, MAIN_LOW, MAIN_HIGH);
	assert_true(stacks[0].initial);
}

static void workers_and_exited_have_none(void **state)
{
	struct pmemctl_thread *thread = thread_101(BLOCK | ON_IT);

	thread->flags = PMEMCTL_THREAD_IO_WORKER;
	owns_none(1, STACK_WORKER);
	thread->flags = PMEMCTL_THREAD_USER_WORKER;
	owns_none(1, STACK_WORKER);
	thread->flags = PMEMCTL_THREAD_NO_MM;
	owns_none(1, STACK_EXITED);
}

static void nothing_known_is_unknown(void **state)
{
	struct pmemctl_thread *thread = thread_101(0);

	thread->stack_low = thread->stack_high = 0;
	owns_none(1, STACK_UNKNOWN);
	exe.go = true;
	thread->reg_state = PMEMCTL_REGS_NONE;
	owns_none(1, STACK_UNKNOWN);
}

static void overlapping_claims_are_given_up(void **state)
{
	builder_process(&b);
	b.threads[2].stack_low = LOW;
	b.threads[2].stack_high = LOW + 0x10000;
	owns_none(1, STACK_UNKNOWN);
	assert_int_equal(stacks[2].kind, STACK_UNKNOWN);
	assert_false(stacks[2].claimed);
	assert_true(stacks[0].claimed);
}

static void things_at_its_top(void **state)
{
	struct pmemctl_thread *thread = thread_101(BLOCK | ON_IT);

	owns(1, STACK_PTHREAD, LOW, HIGH);
	assert_int_equal(stacks[1].tls, thread->tp);
	assert_int_equal(stack_exe_tls(&model, thread), 0);
	exe.tls_size = 0x1234;
	judged(1);
	assert_int_equal(stacks[1].tls, thread->tp - 0x1234);
	assert_int_equal(stack_exe_tls(&model, thread), thread->tp - 0x1234);

	/* so much that it would not fit */
	exe.tls_size = HIGH - LOW;
	judged(1);
	assert_int_equal(stacks[1].tls, HIGH);
	exe.tls_size = UINT64_MAX;
	judged(1);
	assert_int_equal(stack_exe_tls(&model, thread), 0);
	assert_int_equal(stacks[1].tls, thread->tp);

	/* elsewhere, as the main thread's */
	exe.tls_size = 64;
	thread->tp = HIGH + 0x5000;
	judged(1);
	assert_int_equal(stacks[1].tls, HIGH);
	thread->tp = 0;
	judged(1);
	assert_int_equal(stacks[1].tls, HIGH);
	assert_int_equal(stack_exe_tls(&model, thread), 0);
}

/* UINT64_MAX: it is not known */
static uint64_t used_of(size_t i)
{
	uint64_t used;

	judged(i);
	return stack_used(&model.threads[i], &stacks[i], &used) ? used : UINT64_MAX;
}

static void used_in_its_own(void **state)
{
	struct pmemctl_thread *thread = thread_101(BLOCK | ON_IT);

	thread->sp = HIGH - 0x1238;
	assert_int_equal(used_of(1), 0x1238);
	thread->sp = LOW;
	assert_int_equal(used_of(1), HIGH - LOW);
	thread->evidence = BLOCK;
	thread->sp = HIGH;
	assert_int_equal(used_of(1), UINT64_MAX);
	thread->reg_state = PMEMCTL_REGS_NONE;
	assert_int_equal(used_of(1), UINT64_MAX);
	assert_int_equal(used_of(0), 0x1000);
}

static void used_elsewhere_is_not_known(void **state)
{
	struct pmemctl_thread *thread = thread_101(BLOCK);

	thread->sp = 0x555500105000;
	assert_int_equal(used_of(1), UINT64_MAX);
	thread->evidence |= PMEMCTL_STACK_SP_ALT;
	assert_int_equal(used_of(1), UINT64_MAX);
	/* the alternate stack lies in its own */
	thread->evidence |= ON_IT;
	thread->sp = HIGH - 0x20000;
	assert_int_equal(used_of(1), UINT64_MAX);
	exe.go = true;
	thread = thread_101(PMEMCTL_STACK_TP | ON_IT);
	thread->sp = thread->tp - 0x100;
	assert_int_equal(used_of(1), UINT64_MAX);
	thread->flags = PMEMCTL_THREAD_IO_WORKER;
	assert_int_equal(used_of(1), UINT64_MAX);
}

static void used_of_the_users_counts_from_the_thread_pointer(void **state)
{
	struct pmemctl_thread *thread = thread_101(PMEMCTL_STACK_TP | ON_IT);

	thread->sp = thread->tp - 0x100;
	assert_int_equal(used_of(1), 0x100);
	thread->sp = thread->tp;
	assert_int_equal(used_of(1), UINT64_MAX);
	thread->sp = thread->tp + 8;
	assert_int_equal(used_of(1), UINT64_MAX);
	thread->tp = 0;
	assert_int_equal(used_of(1), UINT64_MAX);
	/* it is none of the C library's: what it points to may lie anywhere */
	thread = thread_101(PMEMCTL_STACK_ROBUST | ON_IT);
	thread->tp = HIGH + 0x5000;
	assert_int_equal(used_of(1), UINT64_MAX);
}

static void exact_registers(void **state)
{
	static const bool exact[] = {
		[PMEMCTL_REGS_NONE] = false, [PMEMCTL_REGS_BLOCKED] = true,
		[PMEMCTL_REGS_QUEUED] = true, [PMEMCTL_REGS_LAST_ENTRY] = false,
		[PMEMCTL_REGS_LIVE] = true,
	};

	for (uint32_t i = 0; i < 5; i++) {
		struct pmemctl_thread thread = { .reg_state = i };

		assert_int_equal(stack_sp_exact(&thread), exact[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_process), TEST(pthread_needs_a_descriptor),
		TEST(without_a_guard_it_is_the_users), TEST(switched_and_its_own_all_the_same),
		TEST(on_the_alternate_stack), TEST(main_needs_sp_or_leadership),
		TEST(forked_leader_needs_sp), TEST(go), TEST(workers_and_exited_have_none),
		TEST(nothing_known_is_unknown), TEST(overlapping_claims_are_given_up),
		TEST(things_at_its_top), TEST(used_in_its_own), TEST(used_elsewhere_is_not_known),
		TEST(used_of_the_users_counts_from_the_thread_pointer), TEST(exact_registers),
	};

	return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
