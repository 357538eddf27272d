// SPDX-License-Identifier: GPL-2.0
/*
 * What addresses of a made-up process are, and the strings of this very program.
 */
#include "args.h"
#include "builder.h"
#include "test.h"
#include "who.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct builder b;
static struct model model;
static struct picture picture;

static void make(void)
{
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(picture_make(&picture, &model, NULL), 0);
}

static int teardown(void **state)
{
	picture_free(&picture);
	model_free(&model);
	return 0;
}

static struct who ask(uint64_t addr)
{
	struct who who;

	who_find(&picture, addr, &who);
	assert_int_equal(who.addr, addr);
	return who;
}

static void a_process(void)
{
	builder_process(&b);
	make();
}

static void regions_and_parts(void **state)
{
	struct who who;

	a_process();
	who = ask(0x555500001234);
	assert_int_equal(who.place, WHO_MAPPED);
	assert_int_equal(who.part->kind, KIND_TEXT);
	assert_ptr_equal(who.part, who.region);
	assert_null(who.thread);
	/* the first and the last byte of a part, and what is next to them */
	assert_int_equal(ask(0x555500008ab7).part->kind, KIND_DATA);
	assert_int_equal(ask(0x555500008ab8).part->kind, KIND_BSS);
	assert_int_equal(ask(0x7ffe000200ff).part->kind, KIND_STACK);
	assert_int_equal(ask(0x7ffe00020100).part->kind, KIND_ARGS);
	assert_int_equal(ask(0x7ffe00020120).part->kind, KIND_ENV);
	assert_int_equal(ask(0x7ffe00020120).region->kind, KIND_STACK);
	assert_int_equal(ask(0x7ffe00020fff).part->kind, KIND_STACK);
}

static void places(void **state)
{
	a_process();
	assert_int_equal(ask(0).place, WHO_GAP);
	assert_int_equal(ask(0x7fffffffefff).place, WHO_GAP);
	assert_int_equal(ask(0x7ffffffff000).place, WHO_ABOVE);
	assert_int_equal(ask(0x7fffffffffff).place, WHO_ABOVE);
	assert_int_equal(ask(0x800000000000).place, WHO_NOT_CANONICAL);
	assert_int_equal(ask(0xffff7fffffffffff).place, WHO_NOT_CANONICAL);
	assert_int_equal(ask(0xffff800000000000).place, WHO_KERNEL);
	assert_int_equal(ask(UINT64_MAX).place, WHO_KERNEL);
}

/* With five-level page tables */
static void more_bits(void **state)
{
	builder_process(&b);
	b.mm[PMEMCTL_MM_TASK_SIZE] = 0xfffffffffff000;
	make();
	assert_int_equal(ask(0x800000000000).place, WHO_GAP);
	assert_int_equal(ask(0xfffffffffff000).place, WHO_ABOVE);
	assert_int_equal(ask(0x100000000000000).place, WHO_NOT_CANONICAL);
	assert_int_equal(ask(0xff00000000000000).place, WHO_KERNEL);
	assert_int_equal(ask(0xfeffffffffffffff).place, WHO_NOT_CANONICAL);
}

static void gaps(void **state)
{
	struct who who;

	a_process();
	who = ask(0x555500000000 - 1);
	assert_null(who.below);
	assert_int_equal(who.above->start, 0x555500000000);
	who = ask(0x55550000b000);
	assert_int_equal(who.below->end, 0x55550000b000);
	assert_int_equal(who.above->kind, KIND_HEAP);
	/* the nearest part, not the whole VMA */
	who = ask(0x7ffe00021000);
	assert_int_equal(who.below->start, 0x7ffe00020ff0);
	assert_int_equal(who.above->kind, KIND_VDSO);
	assert_null(ask(0x7ffe00032000).above);
	assert_null(ask(0x7ffe00032000).region);
}

static void an_empty_process(void **state)
{
	builder_init(&b);
	b.mm[PMEMCTL_MM_TASK_SIZE] = 0x7ffffffff000;
	make();
	assert_int_equal(ask(0x1000).place, WHO_GAP);
	assert_null(ask(0x1000).above);
	assert_null(ask(0x1000).below);
}

static void stacks(void **state)
{
	const struct pmemctl_thread *thread;
	struct who who;

	a_process();
	thread = &model.threads[1];
	who = ask(0x7f0000001000);
	assert_ptr_equal(who.thread, thread);
	assert_int_equal(who.area, AREA_STACK);
	assert_int_equal(who.use, USE_FREE);
	assert_int_equal(who.range.start, 0x7f0000001000);
	assert_int_equal(who.range.end, 0x7f0000801000);
	assert_int_equal(ask(thread->sp).use, USE_IN_USE);
	assert_int_equal(ask(thread->sp - 1).use, USE_RED_ZONE);
	assert_int_equal(ask(thread->sp - 128).use, USE_RED_ZONE);
	assert_int_equal(ask(thread->sp - 129).use, USE_FREE);
	who = ask(0x7f0000000fff);
	assert_int_equal(who.area, AREA_GUARD);
	assert_ptr_equal(who.thread, thread);
	who = ask(thread->tp);
	assert_int_equal(who.area, AREA_DESCRIPTOR);
	assert_int_equal(ask(0x7f0000800fff).area, AREA_DESCRIPTOR);
	assert_int_equal(ask(thread->tp - 1).area, AREA_STACK);
	who = ask(0x7ffe00010000);
	assert_ptr_equal(who.thread, &model.threads[0]);
	assert_int_equal(who.area, AREA_STACK);
}

static void without_registers(void **state)
{
	builder_process(&b);
	b.flags &= ~PMEMCTL_PROCESS_ATTACH;
	for (size_t i = 0; i < b.nr_threads; i++)
		b.threads[i].sp = b.threads[i].tp = 0;
	make();
	assert_int_equal(ask(0x7f0000001000).area, AREA_STACK);
	assert_int_equal(ask(0x7f0000001000).use, USE_UNKNOWN);
}

static void an_altstack_in_the_heap(void **state)
{
	struct who who;

	builder_process(&b);
	b.threads[1].sas_sp = 0x555500102000;
	b.threads[1].sas_size = 0x2000;
	make();
	who = ask(0x555500103fff);
	assert_int_equal(who.area, AREA_ALTSTACK);
	assert_int_equal(who.thread->tid, 101);
	assert_int_equal(who.use, USE_UNKNOWN);		/* sp is elsewhere */
	assert_int_equal(ask(0x555500104000).area, AREA_NONE);
	assert_int_equal(ask(0x555500101fff).area, AREA_NONE);
}

static void strings(void **state)
{
	/* what this program was called with does not matter: any memory will do */
	static char text[] = "zero\0one\0\0three\0NAME=value\0OTHER=x";
	uint64_t env = (uintptr_t)text + 16;
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	struct arg arg;

	text[0] = 'Z';
	builder_init(&b);
	b.mm[PMEMCTL_MM_ARG_START] = (uintptr_t)text;
	b.mm[PMEMCTL_MM_ARG_END] = b.mm[PMEMCTL_MM_ENV_START] = env;
	b.mm[PMEMCTL_MM_ENV_END] = (uintptr_t)text + sizeof(text);
	make();
	arg_find(&model, pagemap, mem, (uintptr_t)text + 2, &arg);
	assert_true(arg.known && !arg.env);
	assert_int_equal(arg.index, 0);
	assert_int_equal(arg.offset, 2);
	assert_string_equal(arg.text, "Zero");
	arg_find(&model, pagemap, mem, (uintptr_t)text + 8, &arg);	/* its 0 byte */
	assert_int_equal(arg.index, 1);
	assert_string_equal(arg.text, "one");
	arg_find(&model, pagemap, mem, (uintptr_t)text + 9, &arg);
	assert_int_equal(arg.index, 2);
	assert_string_equal(arg.text, "");
	arg_find(&model, pagemap, mem, env + 6, &arg);
	assert_true(arg.known && arg.env);
	assert_string_equal(arg.text, "NAME");
	assert_int_equal(arg.offset, 6);
	arg_find(&model, pagemap, mem, (uintptr_t)text + sizeof(text), &arg);
	assert_false(arg.known);
	arg_find(&model, pagemap, mem, (uintptr_t)text - 1, &arg);
	assert_false(arg.known);
	close(mem);
	close(pagemap);
}

/* Strings of 46 to 49 bytes, as arguments, as names, and with a value */
static void long_strings(void **state)
{
	static char text[600];
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	builder_init(&b);
	make();
	for (size_t len = 46; len < 50; len++) {
		for (int i = 0; i < 4; i++) {
			bool env = i & 1, value = i & 2;
			uint64_t start = (uintptr_t)text, *mm = model.mm;
			struct arg arg;

			memset(text, 'x', sizeof(text));
			if (value)
				text[len] = env ? '=' : 0;
			/* else the area ends there, which ends the string */
			mm[PMEMCTL_MM_ARG_START] = env ? start - 1 : start;
			mm[PMEMCTL_MM_ENV_START] = env ? start : start + sizeof(text);
			mm[PMEMCTL_MM_ARG_END] = env ? start : start + (value ? 100 : len);
			mm[PMEMCTL_MM_ENV_END] = mm[PMEMCTL_MM_ENV_START] + (value ? 100 : len);
			arg_find(&model, pagemap, mem, start + 3, &arg);
			assert_true(arg.known && arg.env == env);
			assert_int_equal(strlen(arg.text), len < 47 ? len : 47);
			assert_int_equal(arg.cut, len > 47);
		}
	}
	close(mem);
	close(pagemap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(regions_and_parts),
		TEST(places),
		TEST(more_bits),
		TEST(gaps),
		TEST(an_empty_process),
		TEST(stacks),
		TEST(without_registers),
		TEST(an_altstack_in_the_heap),
		TEST(strings),
		TEST(long_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
