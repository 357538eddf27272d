// SPDX-License-Identifier: GPL-2.0
/*
 * block.c, and what stacks.c makes of what descriptors say of their blocks.
 */
#include "block.h"
#include "builder.h"
#include "stacks.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 16
#define LOW	0x7f0000001000
#define HIGH	0x7f0000801000

static struct builder b;
static struct model model;
static struct stack stacks[BUILDER_ROWS];
static uint64_t at, *words;
static int pagemap, mem;

/* A block with a descriptor 0x940 below its end */
static int setup(void **state)
{
	void *block = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	at = (uintptr_t)block;
	words = (void *)(uintptr_t)(at + PAGES * PAGE - 0x940);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	mem = open("/proc/self/mem", O_RDONLY);
	return block == MAP_FAILED || pagemap < 0 || mem < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	model_free(&model);
	close(pagemap);
	close(mem);
	return munmap((void *)(uintptr_t)at, PAGES * PAGE);
}

static void say(uint64_t start, uint64_t size, uint64_t third, uint64_t fourth)
{
	words[50] = start;
	words[51] = size;
	words[52] = third;
	words[53] = fourth;
}

static void is(enum block_state state)
{
	struct range block = { 0 };

	assert_int_equal(block_find(pagemap, mem, (uintptr_t)words, &block), state);
	if (state != BLOCK_TOLD)
		return;
	assert_int_equal(block.start, words[50]);
	assert_int_equal(block.end, words[50] + words[51]);
}

static void both_libraries_tell(void **state)
{
	uint64_t size = PAGES * PAGE;

	say(at, size, PAGE, 0);		/* glibc: the guard */
	is(BLOCK_TOLD);
	say(at, size, 0, 0);
	is(BLOCK_TOLD);
	say(at, size, (uintptr_t)words - 64, size - PAGE);	/* musl: stack and its size */
	is(BLOCK_TOLD);
}

static void what_follows_must_fit(void **state)
{
	uint64_t size = PAGES * PAGE;

	say(at, size, size, 0);
	is(BLOCK_SILENT);
	say(at, size, 100, 0);
	is(BLOCK_SILENT);
	say(at, size, at + size + 8, size);
	is(BLOCK_SILENT);
	say(at, size, at + size, size + 1);
	is(BLOCK_SILENT);
}

static void the_block_must_hold_the_descriptor(void **state)
{
	uint64_t size = PAGES * PAGE;

	say((uintptr_t)words, 0x940, 0, 0);
	is(BLOCK_SILENT);
	say(at, (uintptr_t)words - at, 0, 0);
	is(BLOCK_SILENT);
	say(at, (uintptr_t)words - at + 8, 0, 0);
	is(BLOCK_TOLD);
	/* and end right behind it */
	say(at, size + PAGE, 0, 0);
	is(BLOCK_TOLD);
	say(at, size + PAGE + 8, 0, 0);
	is(BLOCK_SILENT);
	say(0x1000, at + size - 0x1000, 0, 0);
	is(BLOCK_SILENT);
	say(at, UINT64_MAX - PAGE, 0, 0);
	is(BLOCK_SILENT);
}

static void pages_that_are_not_there(void **state)
{
	is(BLOCK_GONE);
	assert_int_not_equal(pagemap_page(pagemap, (uintptr_t)words), PAGE_PRESENT);
	say(at, PAGES * PAGE, PAGE, 0);
	is(BLOCK_TOLD);
	close(mem);
	mem = open("/dev/null", O_RDONLY);
	is(BLOCK_GONE);
	/* the next page, in which the rest of it lies, is not */
	words = (void *)(uintptr_t)(at + 8 * PAGE - 0x100);
	words[0] = 1;
	is(BLOCK_GONE);
	close(mem);
	mem = open("/proc/self/mem", O_RDONLY);
	is(BLOCK_SILENT);
	assert_int_not_equal(pagemap_page(pagemap, at + 8 * PAGE), PAGE_PRESENT);
}

/* Thread 0 of three has its descriptor here, the second has none, the third a silent one */
static void threads_are_asked(void **state)
{
	struct range block;

	say(at, PAGES * PAGE, PAGE, 0);
	builder_init(&b);
	builder_vma(&b, at, at + PAGES * PAGE, "rw-p", 0, 0);
	builder_thread(&b, 101, at + PAGE, at + PAGES * PAGE, PMEMCTL_STACK_TP)->tp =
		(uintptr_t)words;
	builder_thread(&b, 102, at, at + PAGE, PMEMCTL_STACK_ROBUST)->tp = at + PAGES * PAGE;
	builder_thread(&b, 103, at, at + 8 * PAGE, PMEMCTL_STACK_TP)->tp = at + 4 * PAGE;
	*(volatile char *)(uintptr_t)(at + 4 * PAGE) = 1;
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(block_of(&model, 0, &block), BLOCK_NOT_ASKED);
	assert_int_equal(blocks_collect(&model, pagemap, mem), 0);
	assert_int_equal(block_of(&model, 0, &block), BLOCK_TOLD);
	assert_int_equal(block.start, at);
	assert_int_equal(block.end, at + PAGES * PAGE);
	assert_int_equal(block_of(&model, 1, &block), BLOCK_NOT_ASKED);
	assert_int_equal(block_of(&model, 2, &block), BLOCK_SILENT);
	/* where one of glibc's tells, all should */
	((struct pmemctl_thread *)model.threads)[2].evidence |= PMEMCTL_STACK_ROBUST;
	assert_int_equal(block_of(&model, 2, &block), BLOCK_GONE);
	/* none is asked twice */
	words[50] = 0;
	assert_int_equal(blocks_collect(&model, pagemap, mem), 0);
	assert_int_equal(block_of(&model, 0, &block), BLOCK_TOLD);
}

/* Thread 101 of builder_process(), whose descriptor has said this */
static struct stack *judged(enum block_state state, uint64_t start, uint64_t end, bool settled)
{
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	model.witness.blocks = calloc(model.nr_threads, sizeof(struct block));
	model.witness.blocks[1] = (struct block) { state, { start, end } };
	model.witness.settled = calloc(model.nr_threads, sizeof(bool));
	model.witness.settled[1] = settled;
	assert_int_equal(stacks_judge(&model, stacks), 0);
	return &stacks[1];
}

static void owns(const struct stack *stack, enum stack_kind kind, uint64_t start, uint64_t end)
{
	assert_string_equal(stack_kind_name(stack->kind), stack_kind_name(kind));
	assert_int_equal(stack->claimed, end != 0);
	assert_int_equal(stack->start, start);
	assert_int_equal(stack->end, end);
}

static void descriptor_and_vmas_agree(void **state)
{
	builder_process(&b);
	owns(judged(BLOCK_TOLD, LOW - PAGE, HIGH, false), STACK_PTHREAD, LOW, HIGH);
	assert_false(stacks_disputed(&model));
	owns(judged(BLOCK_TOLD, LOW, HIGH, false), STACK_PTHREAD, LOW, HIGH);
	owns(judged(BLOCK_SILENT, 0, 0, false), STACK_PTHREAD, LOW, HIGH);
	owns(judged(BLOCK_NOT_ASKED, 0, 0, false), STACK_PTHREAD, LOW, HIGH);
	owns(judged(BLOCK_GONE, 0, 0, true), STACK_UNKNOWN, 0, 0);
	assert_true(stacks_disputed(&model));
}

static void descriptor_knows_better_if_it_is_settled(void **state)
{
	uint64_t middle = LOW + 0x100000;

	/* two blocks are one VMA: the guard is the other one's */
	builder_process(&b);
	owns(judged(BLOCK_TOLD, middle, HIGH, false), STACK_UNKNOWN, 0, 0);
	assert_true(stacks_disputed(&model));
	owns(judged(BLOCK_TOLD, middle, HIGH, true), STACK_USER, middle, HIGH);
	assert_int_equal(stacks[1].guard_kind, GUARD_NONE);
	assert_int_equal(stacks[1].guard.end, 0);
	/* a top that is no page's end */
	owns(judged(BLOCK_TOLD, LOW - PAGE, HIGH - 0x100, true), STACK_PTHREAD, LOW, HIGH - 0x100);
	assert_int_equal(stacks[1].guard_kind, GUARD_VMA);
	/* memory that the program supplied */
	b.threads[1].evidence &= ~PMEMCTL_STACK_GUARD;
	owns(judged(BLOCK_TOLD, middle, HIGH, true), STACK_USER, middle, HIGH);
	/* with nothing but a thread pointer it may be anything */
	b.threads[1].evidence = PMEMCTL_STACK_TP;
	b.threads[1].reg_state = PMEMCTL_REGS_NONE;
	owns(judged(BLOCK_TOLD, middle, HIGH, true), STACK_UNKNOWN, 0, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_libraries_tell), T(what_follows_must_fit),
		T(the_block_must_hold_the_descriptor), T(pages_that_are_not_there),
		T(threads_are_asked), T(descriptor_and_vmas_agree),
		T(descriptor_knows_better_if_it_is_settled),
	};

	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
