// SPDX-License-Identifier: GPL-2.0
/*
 * touched.c: how deep a stack was, for whom that is known, and each doubt.
 */
#include "builder.h"
#include "test.h"
#include "touched.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct builder b;
static struct model model;
static struct stack stacks[BUILDER_ROWS];

#define KIB 1024
#define HUGE (2ULL << 20)

static int teardown(void **state)
{
	model_free(&model);
	return 0;
}

/* builder_process() with its stacks judged, of which @deep bytes were touched */
static struct touch *touch(size_t i, uint64_t deep)
{
	struct touches *touches;

	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(stacks_judge(&model, stacks), 0);
	assert_true(stacks[i].claimed);
	touches = calloc(model.nr_threads, sizeof(*touches));
	model.witness.touches = touches;
	model.witness.settled = calloc(model.nr_threads, sizeof(bool));
	model.witness.settled[i] = true;
	touches[i].known = true;
	touches[i].own = (struct range) { stacks[i].start, stacks[i].end };
	touches[i].stack.lowest = deep ? stacks[i].end - deep : 0;
	return &touches[i].stack;
}

/* @deep bytes deep, and all there from there to @end */
static void touch_run(size_t i, uint64_t deep, uint64_t end)
{
	touch(i, deep)->run_end = end;
}

static unsigned int taints(size_t i)
{
	assert_non_null(touched_of(&model, i, &stacks[i]));
	return touched_taints(&model, i, &stacks[i]);
}

static void no_doubt(void **state)
{
	builder_process(&b);
	touch(1, 64 * KIB);
	assert_int_equal(taints(1), 0);
	touch(0, 64 * KIB);
	assert_int_equal(taints(0), 0);
}

static void locked(void **state)
{
	builder_process(&b);
	b.vmas[8].flags |= PMEMCTL_VMA_LOCKED;
	touch(1, 64 * KIB);
	assert_int_equal(taints(1), TAINT_LOCKED);
	/* which populates nothing */
	b.vmas[8].flags |= PMEMCTL_VMA_LOCKONFAULT;
	touch(1, 64 * KIB);
	assert_int_equal(taints(1), 0);
	/* that of another thread is */
	touch(2, 64 * KIB);
	assert_int_equal(taints(2), 0);
	b.vmas[15].flags |= PMEMCTL_VMA_LOCKED;
	touch(0, 64 * KIB);
	assert_int_equal(taints(0), TAINT_LOCKED);
}

static void pretouched(void **state)
{
	builder_process(&b);
	touch(1, 8 << 20)->whole = true;
	assert_int_equal(taints(1), TAINT_PRETOUCHED);
	touch(1, 8 << 20);
	assert_int_equal(taints(1), 0);
	/* the main stack has never more than what was touched */
	touch(0, 0x21000)->whole = true;
	assert_int_equal(taints(0), 0);
}

static void huge(void **state)
{
	uint64_t top;

	builder_process(&b);
	touch(1, 4 * KIB);
	top = stacks[1].end & (HUGE - 1);
	assert_int_not_equal(top, 0);
	/* from where a huge page can begin to the end of the stack, or of the page */
	touch_run(1, top, stacks[1].end);
	assert_int_equal(taints(1), TAINT_HUGE);
	touch_run(1, HUGE + top, stacks[1].end - top);
	assert_int_equal(taints(1), TAINT_HUGE);
	/* short of that by a page at either end */
	touch_run(1, HUGE + top, stacks[1].end - top - 4 * KIB);
	assert_int_equal(taints(1), 0);
	touch_run(1, HUGE + top + 4 * KIB, stacks[1].end - top);
	assert_int_equal(taints(1), 0);
	/* part of one that begins below the stack */
	touch_run(1, stacks[1].end - stacks[1].start,
		  (stacks[1].start & -HUGE) + HUGE);
	assert_int_equal(taints(1), TAINT_HUGE);
	/* which the main stack cannot share with what lies below */
	touch_run(0, stacks[0].end - stacks[0].start, stacks[0].end);
	assert_int_equal(taints(0), 0);
	/* none there are */
	touch_run(1, HUGE + top, stacks[1].end - top);
	model.witness.no_huge_pages = true;
	assert_int_equal(taints(1), 0);
	model.witness.no_huge_pages = false;
	b.vmas[8].flags |= PMEMCTL_VMA_NOHUGEPAGE;
	touch_run(1, HUGE + top, stacks[1].end - top);
	assert_int_equal(taints(1), 0);
}

static void forked(void **state)
{
	builder_process(&b);
	b.flags |= PMEMCTL_PROCESS_FORKED;
	touch(0, 64 * KIB);
	assert_int_equal(taints(0), TAINT_FORKED);
	touch(1, 64 * KIB);
	assert_int_equal(taints(1), TAINT_FORKED);
}

/* As deep as the C library may keep pages: 32 KiB below the things at the top */
static void reused(void **state)
{
	uint64_t top = 0x940, bound = 32 * KIB + top;

	builder_process(&b);
	touch(1, 4 * KIB);
	assert_int_equal(taints(1), 0);
	b.flags |= PMEMCTL_PROCESS_THREADS_ENDED;
	touch(1, 4 * KIB);
	assert_int_equal(stacks[1].end - stacks[1].tls, top);
	assert_int_equal(taints(1), TAINT_REUSED);
	touch(1, bound);
	assert_int_equal(taints(1), TAINT_REUSED);
	touch(1, bound + 1);
	assert_int_equal(taints(1), 0);
	/* with more at the top */
	touch(1, bound + 4 * KIB);
	stacks[1].tls -= 4 * KIB;
	assert_int_equal(taints(1), TAINT_REUSED);
	/* nobody had the main stack before */
	touch(0, 4 * KIB);
	assert_int_equal(taints(0), 0);
}

/* Where there was never a page, perhaps, and not where the thread is now */
static void marked(void **state)
{
	builder_process(&b);
	touch(1, 64 * KIB)->unsure = true;
	assert_int_equal(taints(1), TAINT_MARKED);
	model.witness.touches[1].stack.lowest = 0;
	assert_int_equal(taints(1), 0);
}

static void all_together(void **state)
{
	struct touch *it;

	builder_process(&b);
	b.flags |= PMEMCTL_PROCESS_FORKED | PMEMCTL_PROCESS_THREADS_ENDED;
	b.vmas[8].flags |= PMEMCTL_VMA_LOCKED;
	it = touch(1, 4 * KIB);
	it->lowest = stacks[1].end & -HUGE;
	it->run_end = stacks[1].end;
	it->whole = true;
	assert_int_equal(taints(1), TAINT_LOCKED | TAINT_PRETOUCHED | TAINT_HUGE | TAINT_FORKED |
			 TAINT_REUSED);
	/* of nothing there is no doubt */
	it->lowest = 0;
	assert_int_equal(taints(1), 0);
}

static void known_for_whom(void **state)
{
	builder_process(&b);
	touch(1, 4 * KIB);
	assert_ptr_equal(touched_of(&model, 1, &stacks[1]), &model.witness.touches[1]);
	assert_null(touched_of(&model, 2, &stacks[2]));
	model.witness.settled[1] = false;
	assert_null(touched_of(&model, 1, &stacks[1]));
	model.witness.settled[1] = true;
	model.witness.touches[1].known = false;
	assert_null(touched_of(&model, 1, &stacks[1]));

	touch(1, 4 * KIB);
	free(model.witness.settled);
	model.witness.settled = NULL;
	assert_null(touched_of(&model, 1, &stacks[1]));
	touch(1, 4 * KIB);
	free(model.witness.touches);
	model.witness.touches = NULL;
	assert_null(touched_of(&model, 1, &stacks[1]));
}

static void known_for_which_range(void **state)
{
	builder_process(&b);
	touch(1, 4 * KIB);
	stacks[1].end -= PAGE;
	assert_null(touched_of(&model, 1, &stacks[1]));
	touch(1, 4 * KIB);
	stacks[1].start += PAGE;
	assert_null(touched_of(&model, 1, &stacks[1]));
	/* it has grown */
	touch(0, 4 * KIB);
	stacks[0].start -= PAGE;
	assert_non_null(touched_of(&model, 0, &stacks[0]));
	/* not claimed: there may still be an alternate stack */
	touch(1, 4 * KIB);
	stacks[1] = (struct stack) { .kind = STACK_UNKNOWN };
	assert_non_null(touched_of(&model, 1, &stacks[1]));
}

static void goes_deeper(size_t i, uint64_t sp, uint32_t state, uint64_t lowest, uint64_t run_end)
{
	struct touch *it = touch(i, 64 * KIB);
	struct pmemctl_thread *thread = (void *)&model.threads[i];

	it->known = true;
	it->run_end = it->lowest + 4 * PAGE;
	it->unsure = true;
	thread->sp = sp;
	thread->reg_state = state;
	touched_raise(&model);
	/* where it is now there is a page */
	assert_int_equal(it->unsure, it->lowest != page_down(sp));
	assert_int_equal(it->lowest, lowest);
	assert_int_equal(it->run_end, run_end);
}

/* Pages were looked at before the registers that are shown with them */
static void deeper_since(void **state)
{
	uint64_t low, end;

	builder_process(&b);
	low = touch(1, 64 * KIB)->lowest;
	end = low + 4 * PAGE;
	goes_deeper(1, low - 1, PMEMCTL_REGS_BLOCKED, low - PAGE, end);
	goes_deeper(1, low - PAGE - 8, PMEMCTL_REGS_LIVE, low - 2 * PAGE, low - PAGE);
	goes_deeper(1, low, PMEMCTL_REGS_BLOCKED, low, end);
	goes_deeper(1, low - 8, PMEMCTL_REGS_LAST_ENTRY, low, end);
	goes_deeper(1, stacks[1].start - 8, PMEMCTL_REGS_BLOCKED, low, end);
	goes_deeper(1, stacks[1].end, PMEMCTL_REGS_BLOCKED, low, end);

	/* also where nothing was touched yet, but not of one that has moved */
	touch(1, 0)->known = true;
	((struct pmemctl_thread *)model.threads)[1].sp = low;
	model.witness.settled[1] = false;
	touched_raise(&model);
	assert_int_equal(model.witness.touches[1].stack.lowest, 0);
	model.witness.settled[1] = true;
	touched_raise(&model);
	assert_int_equal(model.witness.touches[1].stack.lowest, low);

	/* the main stack may have grown since, too */
	low = touch(0, 64 * KIB)->lowest;
	model.witness.touches[0].own.start += 4 * PAGE;
	model.witness.touches[0].stack.known = true;
	((struct pmemctl_thread *)model.threads)[0].sp = stacks[0].start + 8;
	touched_raise(&model);
	assert_int_equal(model.witness.touches[0].stack.lowest, stacks[0].start);
}

/* A stack, an alternate one and a shadow stack, in memory of this very process */
static void collects(void **state)
{
	uint64_t size = 64 * PAGE, at;
	struct pmemctl_thread *thread;
	char *block;
	int fd;

	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(block != MAP_FAILED);
	assert_int_equal(madvise(block, size, MADV_NOHUGEPAGE), 0);
	at = (uintptr_t)block;
	assert_int_equal(mprotect(block, PAGE, PROT_NONE), 0);
	block[30 * PAGE] = block[31 * PAGE] = 1;
	block[36 * PAGE] = block[39 * PAGE] = 1;
	block[60 * PAGE] = 1;

	builder_init(&b);
	builder_vma(&b, at, at + PAGE, "---p", 0, 0);
	builder_vma(&b, at + PAGE, at + 32 * PAGE, "rw-p", 0, 0);
	builder_vma(&b, at + 32 * PAGE, at + 64 * PAGE, "rw-p", 0, 0);
	thread = builder_thread(&b, 101, at + PAGE, at + 32 * PAGE,
				PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_SP | PMEMCTL_STACK_GUARD);
	/* registered addresses need be no pages' */
	thread->sas_sp = at + 35 * PAGE + 100;
	thread->sas_size = 4 * PAGE;
	thread->shstk_base = at + 50 * PAGE;
	thread->shstk_size = 14 * PAGE;
	/* one without a stack, whose alternate one reaches into what is not mapped */
	thread = builder_thread(&b, 102, 0, 0, 0);
	thread->sas_sp = at + 36 * PAGE;
	thread->sas_size = 29 * PAGE;
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(stacks_judge(&model, stacks), 0);
	assert_true(stacks[0].claimed);

	fd = open("/proc/self/pagemap", O_RDONLY);
	assert_int_equal(touched_collect(&model, stacks, fd), 0);
	assert_true(model.witness.touches[0].known);
	assert_int_equal(model.witness.touches[0].own.start, at + PAGE);
	assert_int_equal(model.witness.touches[0].own.end, at + 32 * PAGE);
	assert_int_equal(model.witness.touches[0].stack.lowest, at + 30 * PAGE);
	assert_int_equal(model.witness.touches[0].stack.resident, 2 * PAGE);
	assert_int_equal(model.witness.touches[0].altstack.lowest, at + 36 * PAGE);
	assert_int_equal(model.witness.touches[0].altstack.resident, 2 * PAGE);
	assert_int_equal(model.witness.touches[0].shadow.lowest, at + 60 * PAGE);
	assert_true(model.witness.touches[1].known);
	assert_int_equal(model.witness.touches[1].own.end, 0);
	assert_int_equal(model.witness.touches[1].altstack.lowest, 0);

	/* once more; and where it fails, nothing is known */
	assert_int_equal(touched_collect(&model, stacks, fd), 0);
	assert_true(model.witness.touches[0].known);
	close(fd);
	assert_true(touched_collect(&model, stacks, -1) < 0);
	assert_false(model.witness.touches[0].known);
	munmap(block, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_doubt), TEST(locked), TEST(pretouched), TEST(huge), TEST(forked),
		TEST(reused), TEST(marked), TEST(all_together), TEST(known_for_whom),
		TEST(deeper_since), TEST(known_for_which_range), TEST(collects),
	};

	return cmocka_run_group_tests_name("touched", tests, NULL, NULL);
}
