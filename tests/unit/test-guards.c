// SPDX-License-Identifier: GPL-2.0
/*
 * guards.c, and what stacks.c makes of guards: VMAs, markers, a JVM's zones.
 */
#include "builder.h"
#include "guards.h"
#include "pmemctl.h"
#include "stacks.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct builder b;
static struct model model;
static struct stack stacks[BUILDER_ROWS];

#define BLOCK (PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_SP)
#define LOW 0x7f0000001000

/* Three threads' blocks in one VMA; the one in the middle has ended */
#define MERGED	0x7f0000802000
#define DEAD	0x7f0000a02000
#define UPPER	0x7f0000c02000
#define TOP	0x7f0001002000
#define MARKER	0x1000

static int teardown(void **state)
{
	model_free(&model);
	return 0;
}

static void build(void)
{
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
}

static void is(size_t i, enum stack_kind kind, enum guard_kind guard)
{
	assert_string_equal(stack_kind_name(stacks[i].kind), stack_kind_name(kind));
	assert_int_equal(stacks[i].guard_kind, guard);
}

static void judged(size_t i, enum stack_kind kind, enum guard_kind guard)
{
	build();
	assert_int_equal(stacks_judge(&model, stacks), 0);
	is(i, kind, guard);
}

static void vma_must_be_its_own(void **state)
{
	builder_process(&b);
	judged(1, STACK_PTHREAD, GUARD_VMA);
	b.vmas[7].file = 2;
	judged(1, STACK_USER, GUARD_NONE);

	/* larger than what it guards: the rest of a malloc arena */
	builder_process(&b);
	b.vmas[7].start = LOW - (8 << 20);
	judged(1, STACK_PTHREAD, GUARD_VMA);
	assert_int_equal(stacks[1].guard.start, LOW - (8 << 20));
	b.vmas[7].start -= PAGE;
	judged(1, STACK_USER, GUARD_NONE);

	/* there is a gap */
	builder_process(&b);
	b.vmas[7].start -= PAGE;
	b.vmas[7].end -= PAGE;
	judged(1, STACK_USER, GUARD_NONE);
}

/* Thread 101 with a guard of this size, in a process that maps this library */
static void map(const char *library, uint64_t guard)
{
	builder_process(&b);
	b.vmas[7].start = LOW - guard;
	b.vmas[11].file = builder_file(&b, library, 99, 0);
}

static void java_threads_have_zones(void **state)
{
	map("/opt/jdk/lib/server/libjvm.so", 4 * PAGE);
	judged(1, STACK_PTHREAD, GUARD_JVM);
	assert_true(stacks[1].claimed);
	assert_int_equal(stacks[1].start, LOW);
	assert_int_equal(stacks[1].guard.start, LOW - 4 * PAGE);
	assert_string_equal(guard_kind_name(GUARD_JVM), "jvm");

	/* a page is the C library's: of a thread that is not the machine's */
	map("/opt/jdk/lib/server/libjvm.so", PAGE);
	judged(1, STACK_PTHREAD, GUARD_VMA);
	map("/opt/notlibjvm.so", 4 * PAGE);
	judged(1, STACK_PTHREAD, GUARD_VMA);
	map("/opt/libjvm.so.1", 4 * PAGE);
	judged(1, STACK_PTHREAD, GUARD_VMA);
	map("m.so", 4 * PAGE);
	judged(1, STACK_PTHREAD, GUARD_VMA);
}

static void which_vmas_may_hold_markers(void **state)
{
	static const enum guard_marks kernels[] = {
		GUARD_MARKS_NONE, GUARD_MARKS_SHOWN, GUARD_MARKS_HIDDEN
	};
	struct pmemctl_vma anon = { 0 }, flagged = { .flags = PMEMCTL_VMA_MAYBE_GUARD };
	struct pmemctl_vma file = { .file = 1 };

	builder_process(&b);
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		bool shown = kernels[i] == GUARD_MARKS_SHOWN;

		build();
		model.witness.marks = kernels[i];
		assert_true(guards_possible(&model, &flagged));
		assert_int_equal(guards_possible(&model, &anon), shown);
		assert_false(guards_possible(&model, &file));
		assert_int_equal(guards_wanted(&model), shown);
		/* where the kernel says it of the VMA, there is nothing to guess */
		model.flags |= PMEMCTL_PROCESS_TELLS_GUARDS;
		assert_true(guards_possible(&model, &flagged));
		assert_false(guards_possible(&model, &anon));
		assert_false(guards_wanted(&model));
	}
}

static void only_blocks_of_threads_are_looked_at(void **state)
{
	builder_process(&b);
	for (size_t i = 0; i < b.nr_vmas; i++)
		b.vmas[i].flags |= PMEMCTL_VMA_MAYBE_GUARD;
	b.threads[2].stack_low = b.threads[2].stack_high = 0;
	build();
	assert_null(guards_vma(&model, &model.threads[0]));
	assert_ptr_equal(guards_vma(&model, &model.threads[1]), &model.vmas[8]);
	assert_null(guards_vma(&model, &model.threads[2]));
	assert_true(guards_wanted(&model));
	b.nr_threads = 1;
	build();
	assert_false(guards_wanted(&model));
}

static void merge_blocks(uint32_t evidence)
{
	builder_process(&b);
	assert_int_equal(b.vmas[10].start, MERGED);
	assert_int_equal(b.vmas[10].end, TOP);
	b.vmas[10].flags |= PMEMCTL_VMA_MAYBE_GUARD;
	b.threads[1].stack_low = MERGED;
	b.threads[1].stack_high = DEAD;
	b.threads[1].evidence = evidence | PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_HIGH_TCB;
	b.threads[1].sp = DEAD - 0x4000;
	b.threads[2].stack_low = DEAD;
	b.threads[2].stack_high = TOP;
	b.threads[2].evidence = evidence | PMEMCTL_STACK_LOW_THREAD | PMEMCTL_STACK_HIGH_VMA;
	b.threads[2].sp = TOP - 0x4000;
}

static void find_markers(void)
{
	static const uint64_t markers[] = { MERGED, DEAD, UPPER };
	struct range_list *guards = &model.witness.guards;

	build();
	guards->list = calloc(ARRAY_SIZE(markers), sizeof(struct range));
	for (size_t i = 0; i < ARRAY_SIZE(markers); i++)
		guards->list[guards->count++] = (struct range) { markers[i], markers[i] + MARKER };
	model.witness.settled = malloc(model.nr_threads);
	memset(model.witness.settled, true, model.nr_threads);
}

static void judge(void)
{
	assert_int_equal(stacks_judge(&model, stacks), 0);
}

static void blocks_begin_at_their_markers(void **state)
{
	merge_blocks(BLOCK);
	judged(1, STACK_UNKNOWN, GUARD_UNKNOWN);
	is(2, STACK_UNKNOWN, GUARD_UNKNOWN);

	find_markers();
	judge();
	is(1, STACK_PTHREAD, GUARD_MARKER);
	assert_int_equal(stacks[1].start, MERGED + MARKER);
	assert_int_equal(stacks[1].end, DEAD);
	assert_int_equal(stacks[1].limit, MERGED + MARKER);
	assert_int_equal(stacks[1].limit_end, ROOM_GUARD);
	is(2, STACK_PTHREAD, GUARD_MARKER);
	assert_int_equal(stacks[2].start, UPPER + MARKER);
	assert_int_equal(stacks[2].end, TOP);
	assert_int_equal(stacks[2].guard.start, UPPER);
	assert_int_equal(stacks[2].guard.end, UPPER + MARKER);
}

static void each_thread_has_to_be_settled(void **state)
{
	merge_blocks(BLOCK);
	find_markers();
	model.witness.settled[1] = false;
	judge();
	is(1, STACK_UNKNOWN, GUARD_UNKNOWN);
	assert_false(stacks[1].claimed);
	is(2, STACK_PTHREAD, GUARD_MARKER);
}

static void sp_below_the_marker_runs_elsewhere(void **state)
{
	merge_blocks(BLOCK);
	b.threads[2].sp = UPPER - 0x1000;
	find_markers();
	judge();
	is(1, STACK_PTHREAD, GUARD_MARKER);
	is(2, STACK_SWITCHED, GUARD_MARKER);
	assert_true(stacks[2].claimed);
	assert_int_equal(stacks[2].start, UPPER + MARKER);
	assert_int_equal(stacks[2].end, TOP);
	/* at its very bottom it still runs there */
	((struct pmemctl_thread *)model.threads)[2].sp = UPPER + MARKER;
	judge();
	is(2, STACK_PTHREAD, GUARD_MARKER);
}

static void marker_needs_more_than_the_thread_pointer(void **state)
{
	merge_blocks(PMEMCTL_STACK_TP | PMEMCTL_STACK_SP);
	find_markers();
	judge();
	is(1, STACK_USER, GUARD_NONE);
	is(2, STACK_USER, GUARD_NONE);
	assert_false(stacks[1].claimed);
	assert_false(stacks[2].claimed);
}

static void a_vma_without_markers_may_have_a_guard_below(void **state)
{
	builder_process(&b);
	b.vmas[8].flags |= PMEMCTL_VMA_MAYBE_GUARD;
	find_markers();
	judge();
	is(1, STACK_PTHREAD, GUARD_VMA);
	assert_int_equal(stacks[1].start, LOW);
}

static void wide_claim_goes_with_all_in_it(void **state)
{
	merge_blocks(BLOCK);
	b.threads[1].evidence = PMEMCTL_STACK_TP | PMEMCTL_STACK_SP | PMEMCTL_STACK_GUARD |
				PMEMCTL_STACK_HIGH_VMA;
	b.threads[1].stack_high = TOP;
	builder_thread(&b, 103, MERGED, DEAD, BLOCK);
	b.nr_threads = 2;
	find_markers();
	judge();
	is(1, STACK_PTHREAD, GUARD_VMA);
	b.nr_threads = 4;
	find_markers();
	judge();
	for (size_t i = 1; i < 4; i++) {
		is(i, STACK_UNKNOWN, GUARD_UNKNOWN);
		assert_false(stacks[i].claimed);
	}
}

static void is_marker(uint64_t low, uint64_t top, uint64_t start)
{
	const struct range *found = guards_below(&model, low, top);

	assert_int_equal(found ? found->start : 0, start);
}

static void nearest_marker_below(void **state)
{
	merge_blocks(BLOCK);
	find_markers();
	is_marker(MERGED, TOP, UPPER);
	is_marker(UPPER, TOP, UPPER);
	is_marker(UPPER + 1, TOP, 0);
	is_marker(MERGED, UPPER + MARKER, UPPER);
	is_marker(MERGED, UPPER + MARKER - 1, DEAD);
	is_marker(MERGED, DEAD, MERGED);
	is_marker(MERGED, MERGED, 0);
	is_marker(0, UINT64_MAX, UPPER);
	free(model.witness.guards.list);
	memset(&model.witness.guards, 0, sizeof(model.witness.guards));
	is_marker(0, UINT64_MAX, 0);
}

/* Two threads in one VMA of this very process, with real markers */
static void collects_what_is_there(void **state)
{
	uint64_t at, size = 16 * PAGE;
	void *block;
	int fd;

	if (pagemap_guard_marks() != GUARD_MARKS_SHOWN)
		skip();
	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(block != MAP_FAILED);
	at = (uintptr_t)block;
	assert_int_equal(madvise(block, PAGE, 102), 0);
	assert_int_equal(madvise((char *)block + 8 * PAGE, 2 * PAGE, 102), 0);
	assert_int_equal(madvise((char *)block + 15 * PAGE, PAGE, 102), 0);
	builder_init(&b);
	builder_vma(&b, at, at + size, "rw-p", 0, 0)->flags |= PMEMCTL_VMA_MAYBE_GUARD;
	builder_thread(&b, 102, at + 8 * PAGE, at + 15 * PAGE, BLOCK);
	builder_thread(&b, 101, at, at + 8 * PAGE, BLOCK);
	build();
	fd = open("/proc/self/pagemap", O_RDONLY);
	assert_int_equal(guards_collect(&model, fd), 0);
	close(fd);
	/* each once, and not what lies above all descriptors */
	assert_int_equal(model.witness.guards.count, 2);
	assert_int_equal(model.witness.guards.list[0].start, at);
	assert_int_equal(model.witness.guards.list[0].end, at + PAGE);
	assert_int_equal(model.witness.guards.list[1].start, at + 8 * PAGE);
	assert_int_equal(model.witness.guards.list[1].end, at + 10 * PAGE);
	munmap(block, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vma_must_be_its_own), TEST(java_threads_have_zones),
		TEST(which_vmas_may_hold_markers), TEST(only_blocks_of_threads_are_looked_at),
		TEST(blocks_begin_at_their_markers), TEST(each_thread_has_to_be_settled),
		TEST(sp_below_the_marker_runs_elsewhere),
		TEST(marker_needs_more_than_the_thread_pointer),
		TEST(a_vma_without_markers_may_have_a_guard_below),
		TEST(wide_claim_goes_with_all_in_it), TEST(nearest_marker_below), TEST(collects_what_is_there),
	};

	return cmocka_run_group_tests_name("guards", tests, NULL, NULL);
}
