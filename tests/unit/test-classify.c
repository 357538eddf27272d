// SPDX-License-Identifier: GPL-2.0
/*
 * classify.c, parts.c, picture.c: what each region is, and its parts.
 */
#include "builder.h"
#include "picture.h"
#include "test.h"

#include <string.h>

static struct builder b;
static struct model model;
static struct picture picture;

static int teardown(void **state)
{
	picture_free(&picture);
	model_free(&model);
	return 0;
}

static void draw(void)
{
	teardown(NULL);
	if (builder_model(&b, &model))
		fail_msg("%s", model.error);
	assert_int_equal(picture_make(&picture, &model, NULL), 0);
}

static void is(size_t region, const char *kind, uint32_t tid)
{
	assert_true(region < picture.nr_regions);
	assert_string_equal(kind_name(picture.regions[region].kind), kind);
	assert_int_equal(picture.regions[region].tid, tid);
	assert_non_null(picture.regions[region].why);
}

static void part_is(size_t region, size_t part, uint64_t start, uint64_t end, const char *kind,
		    uint32_t tid)
{
	const struct region *whole = &picture.regions[region];
	const struct region *it = &picture.parts[whole->first_part + part];

	assert_true(part < whole->nr_parts);
	assert_int_equal(it->start, start);
	assert_int_equal(it->end, end);
	assert_string_equal(kind_name(it->kind), kind);
	assert_int_equal(it->tid, tid);
}

static void small_process(void **state)
{
	static const struct {
		const char *kind;
		uint32_t tid;
	} expected[] = {
		{ "rodata", 0 }, { "text", 0 }, { "rodata", 0 }, { "relro", 0 }, { "data", 0 },
		{ "bss", 0 }, { "heap", 0 }, { "guard", 101 }, { "thread stack", 101 },
		{ "guard", 102 }, { "thread stack", 102 }, { "library", 0 }, { "library", 0 },
		{ "library", 0 }, { "anon", 0 }, { "stack", 100 }, { "vdso", 0 },
	};

	builder_process(&b);
	draw();
	assert_int_equal(picture.nr_regions, 17);
	for (size_t i = 0; i < 17; i++)
		is(i, expected[i].kind, expected[i].tid);
	assert_int_equal(picture.regions[4].nr_parts, 2);
	part_is(4, 0, 0x555500008000, 0x555500008ab8, "data", 0);
	part_is(4, 1, 0x555500008ab8, 0x555500009000, "bss", 0);
	assert_int_equal(picture.regions[15].nr_parts, 4);
	part_is(15, 0, 0x7ffe00000000, 0x7ffe00020100, "stack", 100);
	part_is(15, 1, 0x7ffe00020100, 0x7ffe00020120, "args", 0);
	part_is(15, 2, 0x7ffe00020120, 0x7ffe00020ff0, "env", 0);
	part_is(15, 3, 0x7ffe00020ff0, 0x7ffe00021000, "stack", 100);
}

static void vsyscall_comes_last(void **state)
{
	struct pmemctl_vma page = { .start = 0xffffffffff600000, .end = 0xffffffffff601000 };

	builder_process(&b);
	draw();
	picture_free(&picture);
	assert_int_equal(picture_make(&picture, &model, &page), 0);
	assert_int_equal(picture.nr_regions, 18);
	is(17, "vsyscall", 0);
	assert_string_equal(picture.regions[17].name, "[vsyscall]");
	picture_free(&picture);
	model.flags &= ~PMEMCTL_PROCESS_VSYSCALL;
	assert_int_equal(picture_make(&picture, &model, &page), 0);
	assert_int_equal(picture.nr_regions, 17);
}

static void heap_that_continues_the_bss(void **state)
{
	builder_process(&b);
	b.mm[PMEMCTL_MM_START_BRK] = 0x55550000a000;
	b.mm[PMEMCTL_MM_BRK] = 0x55550000a800;
	draw();
	is(5, "heap", 0);
	part_is(5, 0, 0x555500009000, 0x55550000a000, "bss", 0);
	part_is(5, 1, 0x55550000a000, 0x55550000b000, "heap", 0);
	/* what used to be the heap is out of its bounds now */
	is(6, "anon", 0);
}

/* A program may have said anything of its heap: there is no page above the highest */
static void heap_without_an_end(void **state)
{
	builder_process(&b);
	b.mm[PMEMCTL_MM_START_BRK] = 0x555500110000;
	b.mm[PMEMCTL_MM_BRK] = UINT64_MAX - 5;
	draw();
	assert_int_equal(picture.regions[6].nr_parts, 2);
	part_is(6, 0, 0x555500100000, 0x555500110000, "anon", 0);
	part_is(6, 1, 0x555500110000, 0x555500121000, "heap", 0);
}

static void bss_is_next_to_the_data(void **state)
{
	builder_process(&b);
	b.vmas[5].start += 0x1000;
	draw();
	is(5, "anon", 0);

	builder_process(&b);
	b.mm[PMEMCTL_MM_START_BRK] = 0x555400000000;
	b.mm[PMEMCTL_MM_BRK] = 0x555400000000;
	draw();
	is(5, "anon", 0);
}

static void other_mappings_of_the_executable(void **state)
{
	uint32_t again;

	builder_process(&b);
	again = builder_file(&b, "/usr/bin/test", 11, 0);
	b.vmas[11].file = again;
	b.vmas[12].file = again;
	b.vmas[13].file = again;
	draw();
	is(11, "file", 0);
	is(12, "file", 0);
	/* the same file under another name within the image */
	builder_process(&b);
	b.vmas[1].file = builder_file(&b, "/hard/link", 11, 0);
	draw();
	is(1, "text", 0);
	is(0, "rodata", 0);
	/* in whichever order the names come */
	builder_process(&b);
	b.mm[PMEMCTL_MM_EXE] = builder_file(&b, "/hard/link", 11, 0);
	draw();
	is(1, "text", 0);
}

static void files_of_all_sorts(void **state)
{
	static const struct {
		const char *path;
		uint32_t dev_major;
		const char *perms;
		uint64_t vma_flags;
		const char *kind;
	} cases[] = {
		{ "/data/x", 8, "r--p", 0, "file" },
		{ "/data/x", 8, "---p", 0, "file" },
		{ "/memfd:jit (deleted)", 0, "r-xs", 0, "memfd" },
		{ "/memfd:jit (deleted)", 0, "rw-p", 0, "memfd" },
		{ "/memfd:jit (deleted)", 8, "rw-s", 0, "file" },
		{ "/memfd:jit", 0, "rw-s", 0, "file" },
		{ "/dev/zero (deleted)", 0, "rw-s", 0, "shm" },
		{ "/dev/zero (deleted)", 0, "rw-p", 0, "file" },
		{ "/dev/zero", 0, "rw-p", 0, "file" },
		{ "/SYSV00000000 (deleted)", 0, "rw-s", 0, "shm" },
		{ "/dev/shm/seg", 0, "rw-s", 0, "shm" },
		{ "/dev/shm/seg", 0, "rw-p", 0, "file" },
		{ "/dev/mem", 0, "rw-s", PMEMCTL_VMA_IO | PMEMCTL_VMA_PFNMAP, "device" },
		{ "/secretmem (deleted)", 0, "rw-s", PMEMCTL_VMA_DONTDUMP, "secret" },
		{ "/secretmem (deleted)", 8, "rw-s", 0, "file" },
		{ "/[aio] (deleted)", 0, "rw-s", 0, "ring" },
		{ "anon_inode:[io_uring]", 0, "rw-s", PMEMCTL_VMA_MIXEDMAP, "ring" },
		{ "anon_inode:[perf_event]", 0, "rw-s", PMEMCTL_VMA_PFNMAP, "ring" },
		{ "anon_inode:[eventfd]", 0, "rw-s", 0, "file" },
		{ "/dmabuf:", 0, "rw-s", PMEMCTL_VMA_PFNMAP, "dma-buf" },
		{ "/dmabuf:", 8, "rw-s", 0, "file" },
		{ "/mnt/pmem/x", 8, "rw-s", PMEMCTL_VMA_SYNC, "dax" },
		{ "/dev/dax0.0", 0, "rw-s", PMEMCTL_VMA_MIXEDMAP, "dax" },
		{ "/dev/dax0.0", 0, "rw-s", 0, "file" },
		{ "/anon_hugepage (deleted)", 0, "rw-p", PMEMCTL_VMA_HUGETLB, "hugetlb" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pmemctl_vma *vma;
		uint32_t file;

		builder_process(&b);
		b.nr_vmas = 0;
		file = builder_file(&b, cases[i].path, 99, 0);
		b.objects[file - 1].dev_major = cases[i].dev_major;
		vma = builder_vma(&b, 0x1000, 0x2000, cases[i].perms, file, 0);
		vma->flags |= cases[i].vma_flags;
		draw();
		is(0, cases[i].kind, 0);
	}
}

static void library_is_known_by_its_code(void **state)
{
	builder_process(&b);
	draw();
	is(11, "library", 0);
	builder_process(&b);
	b.vmas[12].flags &= ~PMEMCTL_VMA_EXEC;
	draw();
	is(11, "file", 0);
}

static void anonymous_of_all_sorts(void **state)
{
	builder_process(&b);
	b.threads[1].evidence = 0;
	b.threads[1].stack_low = b.threads[1].stack_high = 0;
	b.vmas[14].flags |= PMEMCTL_VMA_SHADOW_STACK;
	b.threads[2].shstk_base = 0x7f0010190000;
	b.threads[2].shstk_size = 0xd000;
	draw();
	is(7, "reserved", 0);
	is(8, "anon", 0);
	is(14, "shadow stack", 102);
}

static void altstacks(void **state)
{
	builder_process(&b);
	b.threads[1].sas_sp = 0x7f0010190000;
	b.threads[1].sas_size = 0xd000;
	b.threads[2].sas_sp = 0x555500110010;
	b.threads[2].sas_size = 0x2000;
	b.threads[0].sas_sp = 0x555500111000;	/* overlaps it: nonsense */
	b.threads[0].sas_size = 0x10000;
	draw();
	is(14, "altstack", 101);
	is(6, "heap", 0);
	assert_int_equal(picture.regions[6].nr_parts, 3);
	part_is(6, 1, 0x555500110010, 0x555500112010, "altstack", 102);
	/* across the border of two parts */
	builder_process(&b);
	b.threads[1].sas_sp = 0x555500008a00;
	b.threads[1].sas_size = 0x200;
	draw();
	assert_int_equal(picture.regions[4].nr_parts, 3);
	part_is(4, 1, 0x555500008a00, 0x555500008c00, "altstack", 101);
	part_is(4, 2, 0x555500008c00, 0x555500009000, "bss", 0);
	/* one that two threads name belongs to neither */
	builder_process(&b);
	b.threads[1].sas_sp = b.threads[2].sas_sp = 0x7f0010190000;
	b.threads[1].sas_size = b.threads[2].sas_size = 0xd000;
	draw();
	is(14, "altstack", 0);
	/* one that wraps around is none */
	builder_process(&b);
	b.threads[1].sas_sp = 0x7f0010190000;
	b.threads[1].sas_size = UINT64_MAX;
	draw();
	is(14, "anon", 0);
}

static void stack_in_a_larger_vma(void **state)
{
	builder_process(&b);
	b.threads[1].stack_high -= 0x1000;
	draw();
	is(8, "thread stack", 101);
	assert_int_equal(picture.regions[8].nr_parts, 2);
	part_is(8, 0, 0x7f0000001000, 0x7f0000800000, "thread stack", 101);
	part_is(8, 1, 0x7f0000800000, 0x7f0000801000, "anon", 0);
	builder_process(&b);
	b.threads[1].stack_high = b.threads[1].stack_low + 0x2000;
	draw();
	is(8, "anon", 0);
	is(7, "guard", 101);
}

static void arguments_elsewhere_are_no_part(void **state)
{
	builder_process(&b);
	b.mm[PMEMCTL_MM_ARG_START] = 0x1000;
	b.mm[PMEMCTL_MM_ENV_END] = 0x7ffe00022000;
	draw();
	is(15, "stack", 100);
	assert_int_equal(picture.regions[15].nr_parts, 0);
}

static void given_names(void **state)
{
	static const struct {
		const char *name;
		const char *perms;
		const char *kind;
	} cases[] = {
		{ "[uprobes]", "r-xp", "uprobes" },
		{ "[anon: glibc: malloc arena]", "rw-p", "arena" },
		{ "[anon: glibc: malloc arena]", "---p", "reserved" },
		{ "[anon: glibc: malloc]", "rw-p", "malloc chunk" },
		{ "[anon: glibc: loader malloc]", "rw-p", "loader" },
		{ "[anon: glibc: pthread stack: 5]", "rw-p", "anon" },
		{ "[anon: Go: heap]", "rw-p", "go heap" },
		{ "[anon: Go: heap reservation]", "---p", "reserved" },
		{ "[anon: Go: page alloc]", "rw-p", "go runtime" },
		{ "[anon:mine]", "rw-p", "anon" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		builder_process(&b);
		b.vmas[14].name = builder_name(&b, cases[i].name);
		b.vmas[14].flags &= ~(PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE | PMEMCTL_VMA_EXEC);
		b.vmas[14].flags |= (cases[i].perms[0] == 'r' ? PMEMCTL_VMA_READ : 0) |
				    (cases[i].perms[1] == 'w' ? PMEMCTL_VMA_WRITE : 0);
		draw();
		is(14, cases[i].kind, 0);
	}
	builder_process(&b);
	b.vmas[14].flags |= PMEMCTL_VMA_DROPPABLE;
	draw();
	is(14, "droppable", 0);
}

/* As draw(), with uses that were found out elsewhere */
static void draw_uses(const struct use *uses, size_t count)
{
	teardown(NULL);
	if (builder_model(&b, &model))
		fail_msg("%s", model.error);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(use_add(&model.witness.uses, &uses[i]), 0);
	use_sort(&model.witness.uses);
	assert_int_equal(picture_make(&picture, &model, NULL), 0);
}

static void uses_lie_over_vmas(void **state)
{
	const struct use uses[] = {
		{ 0x7f0010190000, 0x7f0010193000, KIND_CHUNK, 0, "a" },
		{ 0x7f0010194000, 0x7f0010195000, KIND_LIBRARY_BSS, 0, "b" },
		{ 0x7f0000000000, 0x7f0000001000, KIND_ARENA_RESERVE, 0, "c" },
	};

	builder_process(&b);
	assert_int_equal(b.vmas[14].start, 0x7f0010190000);
	b.vmas[14].end = 0x7f0010195000;
	draw_uses(uses, 3);
	/* named by what has most of it */
	is(14, "malloc chunk", 0);
	assert_string_equal(picture.regions[14].why, "a");
	assert_int_equal(picture.regions[14].nr_parts, 3);
	part_is(14, 0, 0x7f0010190000, 0x7f0010193000, "malloc chunk", 0);
	part_is(14, 1, 0x7f0010193000, 0x7f0010194000, "anon", 0);
	part_is(14, 2, 0x7f0010194000, 0x7f0010195000, "library bss", 0);
	/* a guard remains one; what is merely reserved is not */
	is(7, "guard", 101);
	builder_process(&b);
	b.threads[1].evidence = 0;
	b.threads[1].stack_low = b.threads[1].stack_high = 0;
	draw_uses(uses, 3);
	is(7, "arena reserve", 0);
	assert_int_equal(picture.regions[7].nr_parts, 0);
	/* one use of all of a VMA: no parts */
	builder_process(&b);
	b.vmas[14].end = 0x7f0010193000;
	draw_uses(uses, 1);
	is(14, "malloc chunk", 0);
	assert_int_equal(picture.regions[14].nr_parts, 0);
}

static void tls_lies_over_uses(void **state)
{
	const struct use pages = { 0x7f0010190000, 0x7f0010192000, KIND_LOADER, 0, "pages" };

	builder_process(&b);
	b.vmas[14].end = 0x7f0010193000;
	draw_uses(&pages, 1);
	picture_free(&picture);
	model.witness.tls = (struct use) {
		0x7f0010190100, 0x7f0010191800, KIND_TLS, 100, "tls",
	};
	assert_int_equal(picture_make(&picture, &model, NULL), 0);
	assert_int_equal(picture.regions[14].nr_parts, 4);
	part_is(14, 0, 0x7f0010190000, 0x7f0010190100, "loader", 0);
	part_is(14, 1, 0x7f0010190100, 0x7f0010191800, "tls", 100);
	part_is(14, 2, 0x7f0010191800, 0x7f0010192000, "loader", 0);
	part_is(14, 3, 0x7f0010192000, 0x7f0010193000, "anon", 0);
}

/* By the program headers it is exact: what follows may be anything */
static void bss_by_headers(void **state)
{
	const struct use bss = { 0x555500008ab8, 0x555500009000, KIND_BSS, 0, "headers" };

	builder_process(&b);
	draw_uses(&bss, 1);
	is(5, "bss", 0);
	model.witness.image_placed = true;
	picture_free(&picture);
	assert_int_equal(picture_make(&picture, &model, NULL), 0);
	is(5, "anon", 0);
	part_is(4, 1, 0x555500008ab8, 0x555500009000, "bss", 0);
	/* a library that has no known headers */
	b.vmas[13].flags |= PMEMCTL_VMA_WRITE;
	b.vmas[14].start = b.vmas[13].end;
	draw();
	is(14, "anon", 0);
	assert_non_null(strstr(picture.regions[14].why, "perhaps its bss"));
}

/* Below an alternate signal stack, and a part of what guards a stack */
static void guards_of_other_stacks(void **state)
{
	builder_process(&b);
	b.threads[2].sas_sp = b.vmas[8].start;
	b.threads[2].sas_size = 0x2000;
	b.threads[1].evidence = 0;
	b.threads[1].stack_low = b.threads[1].stack_high = 0;
	draw();
	is(7, "guard", 102);
}

/* Whatever the numbers: parts tile their region */
static void parts_tile(void **state)
{
	struct use uses[6];

	for (uint64_t i = 0; i < 2000; i++) {
		builder_process(&b);
		b.mm[PMEMCTL_MM_ARG_START] += (i % 7) * 0x333 - 0x500;
		b.mm[PMEMCTL_MM_ENV_START] -= (i % 11) * 0x1234;
		b.mm[PMEMCTL_MM_START_BRK] += (i % 13) * 0x4001 - 0x10000;
		b.mm[PMEMCTL_MM_END_DATA] += (i % 17) * 0x700 - 0x3000;
		for (size_t k = 0; k < 3; k++) {
			b.threads[k].sas_sp = b.vmas[(i + k) % 17].start + i * 77 % 0x3000;
			b.threads[k].sas_size = i * 991 % 0x5000;
		}
		for (size_t k = 0; k < 6; k++) {
			uint64_t start = b.vmas[(i * 7 + k * 3) % 17].start + i * 57 % 0x1800;

			uses[k] = (struct use) {
				start, start + i * 313 % 0x4000, KIND_CHUNK + k, 0, "some",
			};
		}
		draw_uses(uses, i % 7);
		for (size_t r = 0; r < picture.nr_regions; r++) {
			const struct region *region = &picture.regions[r];
			uint64_t at = region->start;

			for (size_t k = 0; k < region->nr_parts; k++) {
				const struct region *part = &picture.parts[region->first_part + k];

				assert_int_equal(part->start, at);
				assert_true(part->end > part->start);
				at = part->end;
			}
			assert_int_equal(at, region->nr_parts ? region->end : region->start);
			assert_int_not_equal(region->nr_parts, 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(small_process), TEST(vsyscall_comes_last), TEST(heap_that_continues_the_bss),
		TEST(heap_without_an_end),
		TEST(bss_is_next_to_the_data), TEST(other_mappings_of_the_executable),
		TEST(files_of_all_sorts), TEST(library_is_known_by_its_code),
		TEST(anonymous_of_all_sorts), TEST(altstacks), TEST(stack_in_a_larger_vma),
		TEST(arguments_elsewhere_are_no_part), TEST(given_names),
		TEST(uses_lie_over_vmas), TEST(tls_lies_over_uses), TEST(bss_by_headers),
		TEST(guards_of_other_stacks), TEST(parts_tile),
	};

	return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
