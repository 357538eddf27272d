// SPDX-License-Identifier: GPL-2.0
/*
 * tls.c, on memory of this very process in which a loader's is imitated.
 */
#include "builder.h"
#include "picture.h"
#include "test.h"
#include "tls.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 8
#define TP 0x6c0
#define DESCRIPTOR 0x900

static struct builder b;
static struct model model;
static struct peek peek = { -1, -1 };
static uint64_t at;

static uint64_t *words(uint64_t addr)
{
	return (void *)(uintptr_t)addr;
}

/* A block that begins its pages, TLS of two modules, a descriptor, and the note behind */
static int setup(void **state)
{
	void *block = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pmemctl_thread *thread;

	if (block == MAP_FAILED || madvise(block, PAGES * PAGE, MADV_NOHUGEPAGE))
		return -1;
	at = (uintptr_t)block;
	peek.pagemap = open("/proc/self/pagemap", O_RDONLY);
	peek.mem = open("/proc/self/mem", O_RDONLY);
	words(at + TP)[0] = words(at + TP)[2] = at + TP;
	words(at + TP)[1] = at + 0x1210;
	words(at + 0x1200)[0] = 2;
	words(at + 0x1220)[0] = at + TP - 0x40;
	words(at + 0x1230)[0] = at + TP - 0x100;
	words(at + TP + DESCRIPTOR)[0] = at;
	builder_init(&b);
	thread = builder_thread(&b, 100, 0, 0, 0);
	thread->flags |= PMEMCTL_THREAD_LEADER;
	thread->tp = at + TP;
	thread->robust_list = at + TP + 0x2e0;
	builder_vma(&b, at, at + PAGES * PAGE, "rw-p", 0, 0);
	return peek.pagemap < 0 || peek.mem < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	model_free(&model);
	close(peek.pagemap);
	close(peek.mem);
	return munmap(words(at), PAGES * PAGE);
}

static void collect(uint64_t start, uint64_t end)
{
	model_free(&model);
	if (builder_model(&b, &model))
		fail_msg("%s", model.error);
	model.witness.exe.tls_size = 0x40;
	assert_int_equal(tls_collect(&model, &peek), 0);
	assert_int_equal(model.witness.tls.start, start);
	assert_int_equal(model.witness.tls.end, end);
	assert_true(start == end || model.witness.tls.tid == 100);
}

static void of_a_loader(void **state)
{
	collect(at, at + TP + DESCRIPTOR + 8);
	assert_int_equal(model.witness.uses.count, 1);
	assert_int_equal(model.witness.uses.list[0].kind, KIND_LOADER);
	assert_int_equal(model.witness.uses.list[0].start, at);
	assert_int_equal(model.witness.uses.list[0].end, at + 2 * PAGE);
	/* a block that does not begin a page says nothing of the next one */
	words(at + TP + DESCRIPTOR)[0] = at + 0x20;
	collect(at + 0x20, at + TP + DESCRIPTOR + 8);
	assert_int_equal(model.witness.uses.list[0].start, at);
	assert_int_equal(model.witness.uses.list[0].end, at + PAGE);
}

static void without_a_note(void **state)
{
	static const uint64_t others[] = { 0, 1, UINT64_MAX };

	for (size_t i = 0; i < 3; i++) {
		words(at + TP + DESCRIPTOR)[0] = others[i];
		collect(at + TP - 0x100, at + TP + 0x2f8);
		assert_int_equal(model.witness.uses.count, 0);
	}
	/* not in memory from mmap: what is noted there is another's */
	words(at + TP + DESCRIPTOR)[0] = at;
	b.mm[PMEMCTL_MM_START_BRK] = at;
	b.mm[PMEMCTL_MM_BRK] = at + PAGE;
	collect(at + TP - 0x100, at + TP + 0x2f8);
}

static void odd_modules(void **state)
{
	words(at + TP + DESCRIPTOR)[0] = 0;
	words(at + 0x1230)[1] = 1;	/* from malloc */
	collect(at + TP - 0x40, at + TP + 0x2f8);
	words(at + 0x1230)[1] = 0;
	words(at + 0x1230)[0] = UINT64_MAX;
	collect(at + TP - 0x40, at + TP + 0x2f8);
	words(at + 0x1230)[0] = at - 1;
	collect(at + TP - 0x40, at + TP + 0x2f8);
	words(at + 0x1200)[0] = UINT64_MAX;
	collect(at + TP - 0x40, at + TP + 0x2f8);
	words(at + TP)[1] = 8;
	collect(at + TP - 0x40, at + TP + 0x2f8);
	b.threads[0].robust_list = at + 5 * PAGE;
	collect(at + TP - 0x40, at + TP + 0x20);
}

static void nothing(void)
{
	collect(0, 0);
	assert_int_equal(model.witness.uses.count, 0);
}

static void no_descriptor(void **state)
{
	words(at + TP)[0]++;
	nothing();
	words(at + TP)[0]--;
	b.threads[0].flags = 0;
	nothing();
	b.threads[0].flags = PMEMCTL_THREAD_LEADER;
	b.threads[0].tp = 0;
	nothing();
	b.threads[0].tp = at + 3 * PAGE;
	nothing();
	b.threads[0].tp = 0x1000;
	nothing();
	b.threads[0].tp = at + TP;
	b.vmas[0].flags &= ~PMEMCTL_VMA_WRITE;
	nothing();
}

#define TEST_OF(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(of_a_loader), TEST_OF(without_a_note), TEST_OF(odd_modules),
		TEST_OF(no_descriptor),
	};

	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
