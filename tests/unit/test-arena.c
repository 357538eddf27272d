// SPDX-License-Identifier: GPL-2.0
/*
 * arena.c and python.c, on memory of this very process in which heaps, chunks and
 * pools are imitated.
 */
#include "arena.h"
#include "builder.h"
#include "picture.h"
#include "python.h"
#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAP (64ULL << 20)
#define HEAPS 3
#define USED (33 * PAGE)

static struct builder b;
static struct model model;
static struct peek peek = { -1, -1 };
static uint64_t at;	/* HEAPS of them, aligned */
static void *block;

static int setup(void **state)
{
	block = mmap(NULL, (HEAPS + 1) * HEAP, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (block == MAP_FAILED || madvise(block, (HEAPS + 1) * HEAP, MADV_NOHUGEPAGE))
		return -1;
	at = ((uintptr_t)block + HEAP - 1) & -HEAP;
	peek.pagemap = open("/proc/self/pagemap", O_RDONLY);
	peek.mem = open("/proc/self/mem", O_RDONLY);
	builder_init(&b);
	return peek.pagemap < 0 || peek.mem < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	model_free(&model);
	close(peek.pagemap);
	if (peek.mem >= 0)
		close(peek.mem);
	return munmap(block, (HEAPS + 1) * HEAP);
}

static uint64_t *words(uint64_t addr)
{
	return (void *)(uintptr_t)addr;
}

/* struct heap_info */
static void describe(uint64_t base, uint64_t arena, uint64_t prev, uint64_t used)
{
	uint64_t info[] = { arena, prev, used, used };

	memcpy(words(base), info, sizeof(info));
}

static void first_heap(void)
{
	describe(at, at + 0x30, 0, USED);
	builder_vma(&b, at, at + USED, "rw-p", 0, 0);
	builder_vma(&b, at + USED, at + HEAP, "---p", 0, 0);
}

static void collect(void)
{
	model_free(&model);
	if (builder_model(&b, &model))
		fail_msg("%s", model.error);
	assert_int_equal(arenas_collect(&model, &peek), 0);
}

static void has(size_t i, enum region_kind kind, uint64_t start, uint64_t end)
{
	const struct use *use = &model.witness.uses.list[i];

	assert_true(i < model.witness.uses.count);
	assert_int_equal(use->kind, kind);
	assert_int_equal(use->start, start);
	assert_int_equal(use->end, end);
	assert_non_null(use->why);
}

static void one_heap(void **state)
{
	first_heap();
	collect();
	assert_int_equal(model.witness.uses.count, 2);
	has(0, KIND_ARENA, at, at + USED);
	has(1, KIND_ARENA_RESERVE, at + USED, at + HEAP);
}

static void none(void)
{
	collect();
	assert_int_equal(model.witness.uses.count, 0);
}

/* Whatever else is at the start of memory of that shape */
static void no_heap(void **state)
{
	first_heap();
	for (size_t i = 0; i < 4; i++) {
		static const uint64_t values[] = { 0, 1, 0x30, PAGE + 8, 1ULL << 63, UINT64_MAX };

		for (size_t k = 0; k < sizeof(values) / sizeof(*values); k++) {
			describe(at, at + 0x30, 0, USED);
			if (words(at)[i] == values[k])
				continue;
			words(at)[i] = values[k];
			none();
		}
	}
	describe(at, at + 0x30, 0, USED);
	words(at)[0] = at + HEAP + 0x30;	/* another's, and none before it */
	none();
	describe(at, at + 0x30, at - HEAP, USED);
	none();
	describe(at, at + HEAP + 0x30, at, USED);
	none();
}

static void other_shapes(void **state)
{
	first_heap();
	b.vmas[1].end -= PAGE;
	none();
	b.vmas[1].end += PAGE;
	b.vmas[1].flags |= PMEMCTL_VMA_READ;
	none();
	b.vmas[1].flags &= ~PMEMCTL_VMA_READ;
	b.vmas[0].flags |= PMEMCTL_VMA_MAYSHARE;
	none();
	b.vmas[0].flags &= ~PMEMCTL_VMA_MAYSHARE;
	b.vmas[0].flags |= PMEMCTL_VMA_EXEC;
	none();
	b.vmas[0].flags &= ~PMEMCTL_VMA_EXEC;
	b.nr_vmas = 1;
	none();
	b.nr_vmas = 0;
	first_heap();
	collect();
	assert_int_equal(model.witness.uses.count, 2);
}

/* One that is full, one above it that belongs to the same arena, and other memory below */
static void heaps_in_one_vma(void **state)
{
	describe(at + HEAP, at + HEAP + 0x20, 0, HEAP);
	describe(at + 2 * HEAP, at + HEAP + 0x20, at + HEAP, USED);
	builder_vma(&b, at, at + 2 * HEAP + USED, "rw-p", 0, 0);
	builder_vma(&b, at + 2 * HEAP + USED, at + 3 * HEAP + PAGE, "---p", 0, 0);
	collect();
	assert_int_equal(model.witness.uses.count, 3);
	has(0, KIND_ARENA, at + HEAP, at + 2 * HEAP);
	has(1, KIND_ARENA, at + 2 * HEAP, at + 2 * HEAP + USED);
	has(2, KIND_ARENA_RESERVE, at + 2 * HEAP + USED, at + 3 * HEAP);
}

static void without_the_right(void **state)
{
	builder_thread(&b, 100, 0, 0, 0);
	builder_thread(&b, 101, 0, 0, 0);
	first_heap();
	close(peek.mem);
	peek.mem = -1;
	none();		/* no glibc */
	builder_file(&b, "/lib/libc.so.6", 5, 0);
	collect();
	has(0, KIND_ANON, at, at + USED);
	has(1, KIND_RESERVED, at + USED, at + HEAP);
	assert_non_null(strstr(model.witness.uses.list[0].why, "perhaps an arena"));
	assert_non_null(strstr(model.witness.uses.list[1].why, "perhaps of an arena"));
	/* memory of two kinds, as of a Java VM */
	b.vmas[1].flags |= PMEMCTL_VMA_NORESERVE;
	none();
	b.vmas[1].flags &= ~PMEMCTL_VMA_NORESERVE;
	/* something below */
	b.vmas[0].start -= PAGE;
	none();
	b.vmas[0].start += PAGE;
	b.nr_threads = 1;
	none();
	b.flags |= PMEMCTL_PROCESS_THREADS_ENDED;
	collect();
	assert_int_equal(model.witness.uses.count, 2);
}

/* What was never touched is not looked at, and is no heap */
static void untouched(void **state)
{
	builder_thread(&b, 100, 0, 0, 0);
	builder_thread(&b, 101, 0, 0, 0);
	builder_file(&b, "/lib/libc.so.6", 5, 0);
	builder_vma(&b, at, at + USED, "rw-p", 0, 0);
	builder_vma(&b, at + USED, at + HEAP, "---p", 0, 0);
	none();
	assert_int_equal(pagemap_page(peek.pagemap, at), PAGE_ABSENT);
}

static uint64_t chunk(uint64_t prev_size, uint64_t size)
{
	words(at)[0] = prev_size;
	words(at)[1] = size;
	return chunk_at(&peek, at, at + HEAP);
}

static void chunks(void **state)
{
	assert_int_equal(chunk_at(&peek, at, at + HEAP), 0);
	assert_int_equal(chunk(0, 0x21002), 0x21000);
	assert_int_equal(chunk(0, HEAP + 2), HEAP);
	assert_int_equal(chunk(0, HEAP + PAGE + 2), 0);
	assert_int_equal(chunk(0, UINT64_MAX - 0xffd), 0);
	assert_int_equal(chunk(0, 0x21000), 0);
	assert_int_equal(chunk(0, 0x21001), 0);
	assert_int_equal(chunk(0, 0x21006), 0);
	assert_int_equal(chunk(0, 0x21012), 0);
	/* of glibc 2.43 */
	assert_int_equal(chunk(0, 0x20ff2), 0x21000);
	assert_int_equal(chunk(0, HEAP - 16 + 2), HEAP);
	assert_int_equal(chunk(0, HEAP + PAGE - 16 + 2), 0);
	assert_int_equal(chunk(0, 0x20ff6), 0);
	assert_int_equal(chunk(0, 0x20fe2), 0);
	assert_int_equal(chunk(0, UINT64_MAX - 13), 0);
	assert_int_equal(chunk(1, 0x21002), 0);
	assert_int_equal(chunk(0, 0x1f002), 0);	/* malloc has that from its heap */
	assert_int_equal(chunk(0, 0x21002), 0x21000);
	assert_int_equal(chunk_at(&peek, at, at + 0x21000), 0x21000);
	assert_int_equal(chunk_at(&peek, at, at + 0x20000), 0);
	assert_int_equal(chunk_at(&peek, at, at), 0);
}

/* As memalign() cuts them */
static void aligned_chunks(void **state)
{
	for (uint64_t align = 32; align <= HEAP / 2; align *= 2) {
		uint64_t base = at + PAGE, head = ((base + 16 + align - 1) & -align) - 16;
		uint64_t total = HEAP - PAGE;

		if (head - base < 32)
			head += align;
		words(head)[0] = head - base;
		words(head)[1] = (total - (head - base)) | 2;
		assert_int_equal(chunk_at(&peek, base, at + HEAP), total);
		assert_int_equal(chunk_at(&peek, base, at + HEAP - PAGE), 0);
		words(head)[0] += 16;
		assert_int_equal(chunk_at(&peek, base, at + HEAP), 0);
		words(head)[0] -= 16;
		words(head)[1] |= 1;
		assert_int_equal(chunk_at(&peek, base, at + HEAP), 0);
		memset(words(head), 0, 16);
	}
}

/* A header of CPython's; objects of 16 * (@size_class + 1) bytes */
static void pool(uint64_t addr, uint32_t arena, uint32_t size_class)
{
	uint32_t size = 16 * (size_class + 1);
	uint32_t tail[] = { arena, size_class, 48 + 3 * size, 0x4000 - size };

	memset(words(addr), 0, 48);
	words(addr)[0] = 3;
	words(addr)[1] = addr + 48;
	memcpy(words(addr + 32), tail, sizeof(tail));
}

static void pythons_arena(void **state)
{
	uint64_t first = at + 0x4000, base = first - PAGE;

	assert_false(python_arena_at(&peek, base));
	pool(first, 7, 3);
	assert_true(python_arena_at(&peek, base));
	assert_true(python_arena_at(&peek, first));
	pool(first + 0x4000, 7, 31);
	assert_true(python_arena_at(&peek, base));
	/* the last one that fits, and the first that does not */
	pool(first + PYTHON_ARENA - 0x4000, 8, 0);
	assert_true(python_arena_at(&peek, base));
	assert_false(python_arena_at(&peek, first));
	pool(first + 0x4000, 8, 31);
	assert_false(python_arena_at(&peek, base));
	memset(words(first + 0x4000), 0, 48);
	assert_true(python_arena_at(&peek, base));
	pool(first, 7, 32);
	assert_false(python_arena_at(&peek, base));
	pool(first, 7, 3);
	((uint32_t *)words(first))[11]++;
	assert_false(python_arena_at(&peek, base));
	pool(first, 7, 3);
	words(first)[1] = first + 0x4000;
	assert_false(python_arena_at(&peek, base));
}

static void pythons_frames(void **state)
{
	words(at)[1] = 0x4000;
	assert_true(python_frames_at(&peek, at));
	words(at)[2] = 100;
	assert_true(python_frames_at(&peek, at));
	words(at)[2] = 0x4000;
	assert_false(python_frames_at(&peek, at));
	words(at)[2] = 0;
	words(at)[1] = 0x8000;
	assert_false(python_frames_at(&peek, at));
	words(at)[1] = 0x4000;
	words(at)[0] = 1;
	assert_false(python_frames_at(&peek, at));
	assert_false(python_frames_at(&peek, at + PAGE));
}

static void what_runs_python(void **state)
{
	collect();
	assert_false(python_runs(&model));
	builder_file(&b, "/home/python/x", 5, 0);
	collect();
	assert_false(python_runs(&model));
	builder_file(&b, "/usr/lib/libpython3.11.so.1.0", 6, 0);
	collect();
	assert_true(python_runs(&model));
}

#define TEST_OF(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(one_heap), TEST_OF(no_heap), TEST_OF(other_shapes),
		TEST_OF(heaps_in_one_vma), TEST_OF(without_the_right), TEST_OF(untouched),
		TEST_OF(chunks), TEST_OF(aligned_chunks), TEST_OF(pythons_arena),
		TEST_OF(pythons_frames), TEST_OF(what_runs_python),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
