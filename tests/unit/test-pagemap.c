// SPDX-License-Identifier: GPL-2.0
/*
 * pagemap.c, on memory of this very process.
 */
#include "pagemap.h"
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 16
#define GUARD_INSTALL 102

static char *block;
static uint64_t at;
static int fd;

static int setup(void **state)
{
	block = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	fd = open("/proc/self/pagemap", O_RDONLY);
	if (block == MAP_FAILED || fd < 0)
		return -1;
	at = (uintptr_t)block;
	return madvise(block, PAGES * PAGE, MADV_NOHUGEPAGE);
}

static int teardown(void **state)
{
	close(fd);
	return munmap(block, PAGES * PAGE);
}

static void write_to(unsigned int page)
{
	*(volatile char *)(block + page * PAGE) = 1;
}

/* What pages from @from to before @to say; lowest is a number of a page, -1: none */
static void is(unsigned int from, unsigned int to, int lowest, unsigned int resident, bool whole)
{
	struct touch touch = { .lowest = 1, .resident = 1, .whole = true, .run_end = 1 };

	assert_int_equal(pagemap_touched(fd, at + from * PAGE, at + to * PAGE, &touch), 0);
	assert_int_equal(touch.lowest, lowest < 0 ? 0 : at + lowest * PAGE);
	assert_int_equal(touch.resident, resident * PAGE);
	assert_int_equal(touch.whole, whole);
	if (whole)
		assert_int_equal(touch.run_end, at + to * PAGE);
	else
		assert_true(touch.run_end == 0 || touch.run_end > touch.lowest);
}

static void nothing_was_touched(void **state)
{
	is(0, PAGES, -1, 0, false);
	write_to(5);
	is(0, 5, -1, 0, false);
	is(6, PAGES, -1, 0, false);
}

static void lowest_and_resident(void **state)
{
	write_to(12);
	write_to(7);
	write_to(8);
	is(0, PAGES, 7, 3, false);
	is(8, PAGES, 8, 2, false);
	is(9, PAGES, 12, 1, false);
	is(7, 9, 7, 2, true);
	is(6, 9, 7, 2, false);
	is(7, 10, 7, 2, false);
}

static void all_of_it(void **state)
{
	for (int i = 0; i < PAGES; i++)
		write_to(i);
	is(0, PAGES, 0, PAGES, true);
	assert_int_equal(madvise(block, PAGE, MADV_DONTNEED), 0);
	is(0, PAGES, 1, PAGES - 1, false);
	assert_int_equal(madvise(block + 9 * PAGE, PAGE, MADV_DONTNEED), 0);
	is(1, PAGES, 1, PAGES - 2, false);
}

/* Read, and never written: the page of zeros is there */
static void reading_is_touching(void **state)
{
	assert_int_equal(*(volatile char *)(block + 3 * PAGE), 0);
	is(0, PAGES, 3, 1, false);
}

/* A marker is no page that was swapped out */
static void markers_were_not_touched(void **state)
{
	struct range_list guards = { 0 };

	if (pagemap_guard_marks() != GUARD_MARKS_SHOWN)
		skip();
	write_to(9);
	assert_int_equal(madvise(block + 2 * PAGE, 2 * PAGE, GUARD_INSTALL), 0);
	assert_int_equal(madvise(block + 6 * PAGE, PAGE, GUARD_INSTALL), 0);
	is(0, PAGES, 9, 1, false);
	is(2, 4, -1, 0, false);
	write_to(1);
	is(0, PAGES, 1, 2, false);
	is(1, 4, 1, 1, false);
	assert_int_equal(pagemap_guards(fd, at, at + PAGES * PAGE, &guards), 0);
	assert_int_equal(guards.count, 2);
	assert_int_equal(guards.list[0].start, at + 2 * PAGE);
	assert_int_equal(guards.list[0].end, at + 4 * PAGE);
	assert_int_equal(guards.list[1].start, at + 6 * PAGE);
	assert_int_equal(guards.list[1].end, at + 7 * PAGE);
	free(guards.list);
}

static void present(void **state)
{
	write_to(4);
	assert_int_not_equal(pagemap_page(fd, at + 3 * PAGE), PAGE_PRESENT);
	assert_int_equal(pagemap_page(fd, at + 4 * PAGE), PAGE_PRESENT);
	assert_int_equal(pagemap_page(fd, at + 5 * PAGE - 1), PAGE_PRESENT);
	assert_int_not_equal(pagemap_page(fd, at + 5 * PAGE), PAGE_PRESENT);
	assert_int_not_equal(pagemap_page(-1, at + 4 * PAGE), PAGE_PRESENT);
	assert_int_not_equal(pagemap_page(fd, UINT64_MAX), PAGE_PRESENT);
}

/* More pieces than one call of the kernel tells */
static void many_pieces(void **state)
{
	size_t pages = 1500, size = pages * PAGE;
	char *many = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct touch touch;

	assert_true(many != MAP_FAILED);
	assert_int_equal(madvise(many, size, MADV_NOHUGEPAGE), 0);
	for (size_t i = 1; i < pages; i += 2)
		many[i * PAGE] = 1;
	assert_int_equal(pagemap_touched(fd, (uintptr_t)many, (uintptr_t)many + size, &touch), 0);
	assert_int_equal(touch.lowest, (uintptr_t)many + PAGE);
	assert_int_equal(touch.resident, size / 2);
	assert_false(touch.whole);
	munmap(many, size);
}

static void huge_page(void **state)
{
	uint64_t huge = 2 << 20, start;
	char *many = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);
	struct touch touch;

	assert_true(many != MAP_FAILED);
	start = ((uintptr_t)many + huge - 1) & -huge;
	madvise((void *)(uintptr_t)start, huge, MADV_HUGEPAGE);
	*(volatile char *)(uintptr_t)(start + huge - 1) = 1;
	assert_int_equal(pagemap_touched(fd, start, start + huge, &touch), 0);
	if (touch.resident == huge) {	/* there was one at hand */
		assert_int_equal(touch.run_end, start + huge);
		assert_true(touch.whole);
		assert_int_equal(touch.lowest, start);
	} else {
		assert_int_equal(touch.run_end, start + huge);
		assert_int_equal(touch.lowest, start + huge - PAGE);
	}
	munmap(many, 2 * huge);
}

static void without_a_pagemap(void **state)
{
	struct touch touch = { .lowest = 1 };

	assert_true(pagemap_touched(-1, at, at + PAGE, &touch) < 0);
	assert_int_equal(touch.lowest, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_was_touched), T(lowest_and_resident), T(all_of_it),
		T(reading_is_touching), T(markers_were_not_touched), T(present), T(many_pieces),
		T(huge_page), T(without_a_pagemap),
	};

	return cmocka_run_group_tests_name("pagemap", tests, NULL, NULL);
}
