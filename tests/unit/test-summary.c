// SPDX-License-Identifier: GPL-2.0
/*
 * summary.c and resident.c: every byte once, whatever smaps and the page tables say.
 */
#include "builder.h"
#include "summary.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct builder b;
static struct model model;
static struct picture picture;
static const struct summary *summary;

static int teardown(void **state)
{
	picture_free(&picture);
	model_free(&model);
	return 0;
}

static int setup(void **state)
{
	builder_process(&b);
	return 0;
}

/* Entries for all VMAs, with nothing in memory */
static void begin(void)
{
	struct smaps *smaps = &model.witness.smaps;

	assert_int_equal(builder_model(&b, &model), 0);
	smaps->list = calloc(model.nr_vmas, sizeof(*smaps->list));
	for (size_t i = 0; i < model.nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model.vmas[i];
		const struct pmemctl_object *file = model_object(&model, vma->file);

		smaps->list[smaps->count++] = (struct smap) {
			.start = vma->start, .end = vma->end, .ino = file ? file->ino : 0,
			.dev_major = file ? 8 : 0, .dev_minor = file ? 1 : 0,
			.perms = {
				vma->flags & PMEMCTL_VMA_READ ? 'r' : '-',
				vma->flags & PMEMCTL_VMA_WRITE ? 'w' : '-',
				vma->flags & PMEMCTL_VMA_EXEC ? 'x' : '-', 'p',
			},
		};
	}
	smaps->read = true;
}

static void set(size_t vma, uint64_t rss, uint64_t swap)
{
	model.witness.smaps.list[vma].bytes[SMAPS_RSS] = rss;
	model.witness.smaps.list[vma].bytes[SMAPS_PSS] = rss / 2;
	model.witness.smaps.list[vma].bytes[SMAPS_SWAP] = swap;
}

/* What the page tables say of the next part */
static void part(uint64_t start, uint64_t end, uint64_t least, uint64_t most, uint64_t swapped)
{
	struct resident_list *residents = &model.witness.residents;

	residents->list = realloc(residents->list,
				  (residents->count + 1) * sizeof(*residents->list));
	residents->list[residents->count++] = (struct resident) {
		start, end, least, most, swapped
	};
}

static const struct tally *of(enum region_kind kind)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (summary->kinds[i].kind == kind)
			return &summary->kinds[i];
	}
	fail_msg("no kind %d", kind);
	return NULL;
}

/* What holds of any summary */
static void sums_hold(void)
{
	struct tally kinds = { 0 }, falls = { 0 };
	uint64_t vmas = 0;

	for (size_t i = 0; i < model.nr_vmas; i++)
		vmas += model.vmas[i].end - model.vmas[i].start;
	for (size_t i = 0; i < KINDS; i++) {
		const struct tally *tally = &summary->kinds[i];

		assert_int_equal(!!tally->count, i < summary->nr_kinds);
		if (i)
			assert_true(tally->reserved <= tally[-1].reserved);
		assert_true(tally->largest <= tally->reserved);
		kinds.count += tally->count;
		kinds.reserved += tally->reserved;
		kinds.resident += tally->resident;
		kinds.swapped += tally->swapped;
		kinds.untold += tally->untold;
	}
	assert_int_equal(summary->all.reserved, vmas);
	assert_int_equal(kinds.reserved, vmas);
	assert_int_equal(kinds.count, summary->all.count);
	assert_int_equal(kinds.resident, summary->all.resident);
	assert_int_equal(kinds.swapped, summary->all.swapped);
	assert_int_equal(kinds.untold, summary->all.untold);
	for (size_t i = 0; i < summary->nr_falls; i++) {
		const struct fall *fall = &summary->falls[i];

		falls.reserved += fall->tally.reserved;
		falls.resident += fall->tally.resident;
		falls.swapped += fall->tally.swapped;
		assert_int_equal(fall->so_far, falls.reserved);
		if (i)
			assert_true(fall->tally.reserved <= fall[-1].tally.reserved);
		if (fall->region)
			assert_int_equal(fall->tally.reserved,
					 fall->region->end - fall->region->start);
	}
	assert_int_equal(falls.reserved, vmas);
	assert_int_equal(falls.resident, summary->all.resident);
	assert_int_equal(falls.swapped, summary->all.swapped);
}

static void end(void)
{
	const struct pmemctl_vma vsyscall = { .start = 0xffffffffff600000, .end = 0xffffffffff601000 };

	assert_int_equal(picture_make(&picture, &model, &vsyscall), 0);
	assert_int_equal(picture.nr_regions,
			 model.nr_vmas + !!(model.flags & PMEMCTL_PROCESS_VSYSCALL));
	assert_int_equal(summary_make(&picture), 0);
	summary = picture.summary;
	sums_hold();
}

static void is(enum region_kind kind, uint64_t count, uint64_t reserved, uint64_t resident,
	       uint64_t swapped)
{
	const struct tally *tally = of(kind);

	assert_int_equal(tally->count, count);
	assert_int_equal(tally->reserved, reserved);
	assert_int_equal(tally->resident, resident);
	assert_int_equal(tally->swapped, swapped);
}

static void address_space(void **state)
{
	assert_int_equal(builder_model(&b, &model), 0);
	end();
	assert_false(summary->told);
	is(KIND_THREAD_STACK, 2, 16 << 20, 0, 0);
	is(KIND_LIBRARY, 3, 0x190000, 0, 0);
	is(KIND_GUARD, 2, 0x2000, 0, 0);
	is(KIND_DATA, 1, 0xab8, 0, 0);
	is(KIND_BSS, 2, 0x548 + 0x2000, 0, 0);
	is(KIND_ARGS, 1, 0x20, 0, 0);
	is(KIND_ENV, 1, 0xed0, 0, 0);
	is(KIND_STACK, 1, 0x21000 - 0x20 - 0xed0, 0, 0);	/* two parts of a thread's stack */
	is(KIND_VSYSCALL, 0, 0, 0, 0);
	assert_int_equal(of(KIND_STACK)->largest, of(KIND_STACK)->reserved);
	assert_int_equal(of(KIND_LIBRARY)->largest, 0x160000);
	assert_int_equal(summary->changed, 0);
	assert_int_equal(summary->all.untold, summary->all.reserved);
}

static void what_smaps_says(void **state)
{
	begin();
	set(6, 0x5000, 0x1000);
	set(8, 0x3000, 0);
	set(10, 0x4000, 0x2000);
	set(12, 0x10000, 0);
	model.witness.smaps.list[14].bytes[SMAPS_HUGETLB] = 2 << 20;
	end();
	assert_true(summary->told);
	is(KIND_HEAP, 1, 0x21000, 0x5000, 0x1000);
	is(KIND_THREAD_STACK, 2, 16 << 20, 0x7000, 0x2000);
	is(KIND_LIBRARY, 3, 0x190000, 0x10000, 0);
	assert_int_equal(summary->all.resident, 0x1c000);
	assert_int_equal(summary->pss, 0xe000);
	assert_int_equal(summary->hugetlb, 2 << 20);
	assert_int_equal(summary->all.untold, 0);
	assert_int_equal(summary->unsplit, 0);
}

/* Of a VMA that smaps shows otherwise nothing is counted but its size */
static void what_has_changed(void **state)
{
	begin();
	set(6, 0x5000, 0);
	model.witness.smaps.list[6].end -= 0x1000;
	set(8, 0x3000, 0);
	set(15, 0x3000, 0x1000);
	model.witness.smaps.list[15].perms[2] = 'x';
	part(0x7ffe00000000, 0x7ffe00020100, 0x3000, 0x3000, 0x1000);
	part(0x7ffe00020100, 0x7ffe00020120, 0, 0, 0);
	part(0x7ffe00020120, 0x7ffe00020ff0, 0, 0, 0);
	part(0x7ffe00020ff0, 0x7ffe00021000, 0, 0, 0);
	end();
	assert_int_equal(summary->changed, 2);
	assert_int_equal(summary->all.untold, 0x42000);
	assert_int_equal(of(KIND_HEAP)->untold, 0x21000);
	assert_int_equal(of(KIND_ARGS)->untold, 0x20);
	assert_int_equal(summary->all.resident, 0x3000);
	assert_int_equal(summary->all.swapped, 0);
	assert_int_equal(summary->unsplit, 0);
}

/* The VMA of data and bss, in which 4K are resident */
static void halves(uint64_t least, uint64_t most, uint64_t least2, uint64_t most2,
		   uint64_t data, uint64_t bss, uint64_t unsplit)
{
	setup(NULL);
	begin();
	set(4, 0x1000, 0);
	part(0x555500008000, 0x555500008ab8, least, most, 0);
	part(0x555500008ab8, 0x555500009000, least2, most2, 0);
	end();
	is(KIND_DATA, 1, 0xab8, data, 0);
	is(KIND_BSS, 2, 0x2548, bss, 0);
	assert_int_equal(summary->unsplit, unsplit);
	teardown(NULL);
}

static void parts_of_a_vma(void **state)
{
	/* no doubt: what the page tables say, even if more has come since */
	halves(0xab8, 0xab8, 0x548, 0x548, 0xab8, 0x548, 0);
	halves(0xab8, 0xab8, 0, 0, 0xab8, 0, 0);
	/* all of the doubtful ones are there, or none */
	halves(0, 0xab8, 0x548, 0x548, 0xab8, 0x548, 0);
	halves(0xab8, 0xab8, 0x548, 0x1548, 0xab8, 0x548, 0);
	/* some of them: nobody knows which */
	halves(0x100, 0xab8, 0, 0x1548, 0x1000, 0, 0x1000);
}

static void parts_that_were_not_looked_at(void **state)
{
	begin();
	set(4, 0x1000, 0);
	set(15, 0x6000, 0x2000);
	part(0x555500008000, 0x555500008ab8, 0xab8, 0xab8, 0);
	part(0x7ffe00000000, 0x7ffe00020100, 0x6000, 0x6000, 0);
	part(0x7ffe00020100, 0x7ffe00020110, 0x10, 0x10, 0);	/* it was another one then */
	end();
	/* what the VMA itself is called by has it, where that is largest */
	is(KIND_DATA, 1, 0xab8, 0x1000, 0);
	is(KIND_STACK, 1, 0x20110, 0x6000, 0x2000);
	assert_int_equal(summary->unsplit, 0x9000);
}

static void swapped_parts(void **state)
{
	for (int i = 0; i < 2; i++) {
		setup(NULL);
		begin();
		set(4, 0, i ? 0x2000 : 0x1000);
		part(0x555500008000, 0x555500008ab8, 0, 0, 0xab8);
		part(0x555500008ab8, 0x555500009000, 0, 0, 0x548);
		end();
		is(KIND_DATA, 1, 0xab8, 0, i ? 0x2000 : 0xab8);
		is(KIND_BSS, 2, 0x2548, 0, i ? 0 : 0x548);
		assert_int_equal(summary->unsplit, i ? 0x2000 : 0);
		teardown(NULL);
	}
}

static void steps(void **state)
{
	begin();
	set(8, 0x3000, 0x1000);
	end();
	/* two stacks of 8M and libc's code are each a twentieth and more */
	assert_true(summary->nr_falls > 4);
	assert_ptr_equal(summary->falls[0].region, &picture.regions[8]);
	assert_int_equal(summary->falls[0].tally.resident, 0x3000);
	assert_int_equal(summary->falls[0].tally.count, 1);
	assert_ptr_equal(summary->falls[1].region, &picture.regions[10]);
	assert_ptr_equal(summary->falls[2].region, &picture.regions[12]);
	/* what else there is of libraries is one */
	assert_int_equal(summary->falls[3].tally.kind, KIND_LIBRARY);
	assert_null(summary->falls[3].region);
	assert_int_equal(summary->falls[3].tally.count, 2);
	assert_int_equal(summary->falls[3].tally.reserved, 0x30000);
	/* one that is alone is named, however small */
	assert_int_equal(summary->falls[4].tally.kind, KIND_HEAP);
	assert_ptr_equal(summary->falls[4].region, &picture.regions[6]);
}

/* Nearly twenty steps that are large, and one of each kind that is left */
static void many_steps(void **state)
{
	builder_init(&b);
	for (uint64_t i = 0; i < 19; i++)
		builder_vma(&b, (i + 1) << 30, ((i + 1) << 30) + (100 << 20), "rw-p", 0, 0);
	builder_vma(&b, 40ULL << 30, (40ULL << 30) + 4096, "---p", 0, 0);
	builder_vma(&b, 41ULL << 30, (41ULL << 30) + 4096, "rw-p", 0, 0);
	begin();
	end();
	assert_int_equal(summary->nr_falls, 21);
	assert_ptr_equal(summary->falls[0].region, &picture.regions[0]);
	assert_ptr_equal(summary->falls[18].region, &picture.regions[18]);
}

static void nothing_at_all(void **state)
{
	builder_init(&b);
	begin();
	end();
	assert_int_equal(summary->nr_kinds + summary->nr_falls, 0);
}

static void more_than_one(void **state)
{
	struct summary sum = { 0 };

	begin();
	set(6, 0x5000, 0x1000);
	set(8, 0x3000, 0);
	model.witness.smaps.list[14].end += 0x1000;
	end();
	for (int i = 1; i < 4; i++) {
		summary_add(&sum, summary);
		assert_int_equal(sum.nr_kinds, summary->nr_kinds);
		assert_int_equal(sum.all.reserved, i * summary->all.reserved);
		assert_int_equal(sum.all.resident, i * 0x8000);
		assert_int_equal(sum.all.swapped, i * 0x1000);
		assert_int_equal(sum.all.untold, i * 0xd000);
		assert_int_equal(sum.pss, i * 0x4000);
		assert_int_equal(sum.changed, i);
		assert_true(sum.told);
		for (size_t k = 0; k < KINDS; k++) {
			assert_int_equal(sum.kinds[k].kind, summary->kinds[k].kind);
			assert_int_equal(sum.kinds[k].reserved, i * summary->kinds[k].reserved);
			assert_int_equal(sum.kinds[k].count, i * summary->kinds[k].count);
			assert_int_equal(sum.kinds[k].largest, summary->kinds[k].largest);
		}
	}
	picture.summary->told = false;
	summary_add(&sum, summary);
	assert_false(sum.told);
	picture.summary->told = true;
	summary_add(&sum, summary);
	assert_false(sum.told);
}

/* The page tables of this very process, for parts that are made up */
static void pages_of_parts(void **state)
{
	char *block = mmap(NULL, 16 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t at = (uintptr_t)block, half = at + (8 << 12) + 0x800;
	const struct resident *low, *high;

	madvise(block, 16 << 12, MADV_NOHUGEPAGE);
	for (int i = 6; i < 11; i++)
		block[i << 12] = 1;
	assert_int_equal(*(volatile char *)(block + (12 << 12)), 0);
	builder_init(&b);
	builder_vma(&b, at, at + (16 << 12), "rw-p", 0, builder_name(&b, "[stack]"));
	b.mm[PMEMCTL_MM_START_STACK] = at + 0x100;
	b.mm[PMEMCTL_MM_ARG_START] = half;
	b.mm[PMEMCTL_MM_ARG_END] = at + (16 << 12);
	builder_thread(&b, 100, at, at + (16 << 12), PMEMCTL_STACK_INITIAL | PMEMCTL_STACK_LOW_VMA |
		       PMEMCTL_STACK_HIGH_VMA)->sp = at;
	begin();
	assert_int_equal(resident_collect(&model, fd), 0);
	assert_int_equal(model.witness.residents.count, 2);
	low = resident_of(&model, at, half);
	high = resident_of(&model, half, at + (16 << 12));
	assert_non_null(low);
	assert_non_null(high);
	assert_null(resident_of(&model, at, at + (16 << 12)));
	assert_null(resident_of(&model, half - 1, at + (16 << 12)));
	/* two pages and a half on either side; the page of zeros may be in doubt */
	assert_int_equal(low->least, 0x2800);
	assert_int_equal(low->most, 0x2800);
	assert_int_equal(high->least, 0x2800);
	assert_true(high->most == 0x2800 || high->most == 0x3800);
	assert_int_equal(low->swapped + high->swapped, 0);
	set(0, 0x5000, 0);
	end();
	is(KIND_STACK, 1, 0x8800, 0x2800, 0);
	is(KIND_ARGS, 1, 0x7800, 0x2800, 0);
	munmap(block, 16 << 12);
	close(fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(address_space), T(what_smaps_says), T(what_has_changed), T(parts_of_a_vma),
		T(parts_that_were_not_looked_at), T(swapped_parts), T(steps), T(many_steps),
		T(nothing_at_all), T(more_than_one), T(pages_of_parts),
	};

	return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
