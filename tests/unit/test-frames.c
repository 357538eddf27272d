// SPDX-License-Identifier: GPL-2.0
/*
 * frames.c, on memory of this very process. Whether it may see frames depends on
 * who runs it.
 */
#include "frames.h"
#include "pagemap.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 16
#define HUGE (2ULL << 20)

struct seen {
	unsigned int calls;
	bool there[PAGES];
	uint64_t frames[PAGES];
	unsigned int flags[PAGES];
};

static char *block;
static int fd;

/* As before Linux 6.7: there is no PAGEMAP_SCAN */
static bool cannot_scan;

int __real_ioctl(int to, unsigned long request, ...);

int __wrap_ioctl(int to, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (cannot_scan) {
		errno = ENOTTY;
		return -1;
	}
	return __real_ioctl(to, request, arg);
}

static int teardown(void **state)
{
	cannot_scan = false;
	return munmap(block, PAGES * PAGE) + close(fd);
}

static void map(int flags)
{
	block = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	fd = open("/proc/self/pagemap", O_RDONLY);
	assert_true(block != MAP_FAILED);
	assert_true(fd >= 0);
	madvise(block, PAGES * PAGE, MADV_NOHUGEPAGE);
}

static void write_to(unsigned int page)
{
	*(volatile char *)(block + page * PAGE) = 1;
}

static int see(void *data, uint64_t addr, uint64_t frame, unsigned int flags)
{
	struct seen *seen = data;
	size_t i = (addr - (uintptr_t)block) / PAGE;

	assert_true(i < PAGES);
	assert_false(seen->there[i]);
	seen->there[i] = true;
	seen->frames[i] = frame;
	seen->flags[i] = flags;
	seen->calls++;
	return 0;
}

static struct seen look(void)
{
	struct seen seen = { 0 };

	assert_int_equal(frames_each(fd, (uintptr_t)block, (uintptr_t)block + PAGES * PAGE, see,
				     &seen), 0);
	return seen;
}

static void only_what_is_there(void **state)
{
	struct seen seen;

	map(MAP_PRIVATE);
	assert_int_equal(look().calls, 0);
	write_to(3);
	write_to(7);
	seen = look();
	assert_int_equal(seen.calls, 2);
	assert_true(seen.there[3] && seen.there[7]);
	assert_int_equal(seen.flags[3], FRAME_EXCLUSIVE);
	assert_int_equal(!seen.frames[3], !frames_permitted());
	assert_true(!seen.frames[3] || seen.frames[3] != seen.frames[7]);
}

/* Other kernels do not say so without the right */
static void zeroes(void **state)
{
	struct seen seen;
	unsigned int told;

	map(MAP_PRIVATE);
	(void)*(volatile char *)block;
	write_to(1);
	seen = look();
	assert_int_equal(seen.calls, 2);
	told = seen.flags[0] & FRAME_ZERO;
	assert_true(told || !frames_permitted());
	assert_int_equal(seen.flags[0] & ~FRAME_ZERO, 0);
	assert_false(seen.flags[1] & FRAME_ZERO);
}

static void shared_memory(void **state)
{
	struct seen seen;

	map(MAP_SHARED);
	write_to(2);
	seen = look();
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.flags[2], FRAME_FILE | FRAME_EXCLUSIVE);
}

static void after_fork(void **state)
{
	struct seen seen;
	pid_t pid;

	map(MAP_PRIVATE);
	write_to(4);
	write_to(5);
	pid = fork();
	if (!pid) {
		for (;;)
			pause();
	}
	write_to(5);
	seen = look();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(seen.calls, 2);
	assert_int_equal(seen.flags[4], 0);
	assert_int_equal(seen.flags[5], FRAME_EXCLUSIVE);
}

/* Two MiB where a huge page fits, all of it written to */
static char *map_huge(char *room, int advice)
{
	char *huge = (char *)(((uintptr_t)room + HUGE - 1) & -HUGE);

	assert_true(room != MAP_FAILED);
	madvise(huge, HUGE, advice);
	for (uint64_t at = 0; at < HUGE; at += PAGE)
		*(volatile char *)(huge + at) = 1;
	return huge;
}

static int keep_flags(void *data, uint64_t addr, uint64_t frame, unsigned int flags)
{
	*(unsigned int *)data = flags;
	return 0;
}

static unsigned int flags_at(int pagemap, const char *at)
{
	unsigned int flags = FRAME_SWAPPED;

	assert_int_equal(frames_each(pagemap, (uintptr_t)at, (uintptr_t)at + PAGE, keep_flags,
				     &flags), 0);
	return flags;
}

/*
 * After a fork the child writes to the first 4K, and has its own ones from then on. Kernels
 * that judge the huge page of the parent by its first 4K say "exclusive" of all of it.
 */
static void huge_after_fork(void **state)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0), *huge = map_huge(room, MADV_HUGEPAGE), path[40];
	unsigned int ours[2][2], its[2][2];
	int ready[2], theirs;
	struct touch touch;
	pid_t pid;

	map(MAP_SHARED);
	if (pagemap_touched(fd, (uintptr_t)huge, (uintptr_t)huge + HUGE, &touch) || !touch.huge)
		skip();		/* there was none at hand */
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		*(volatile char *)huge = 2;
		for (ssize_t done = write(ready[1], "", 1);; done++)
			pause();
	}
	assert_int_equal(read(ready[0], path, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	theirs = open(path, O_RDONLY);
	for (int i = 0; i < 2; i++) {
		cannot_scan = i;
		for (int page = 0; page < 2; page++) {
			ours[i][page] = flags_at(fd, huge + page * PAGE);
			its[i][page] = flags_at(theirs, huge + page * PAGE);
		}
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		assert_false(frame_is_exclusive(ours[i][1]));
		assert_true(ours[i][1] & FRAME_UNSURE);
		/* these are small */
		assert_int_equal(its[i][0], FRAME_EXCLUSIVE);
		assert_int_equal(its[i][1] & ~FRAME_EXCLUSIVE, 0);
	}
	close(theirs);
	close(ready[0]);
	close(ready[1]);
	munmap(room, 2 * HUGE);
}

/* 512 pages that are small, but look like a huge one to who cannot ask */
static void perhaps_huge(void **state)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0), *all = map_huge(room, MADV_NOHUGEPAGE);

	map(MAP_SHARED);
	assert_int_equal(flags_at(fd, all + PAGE), FRAME_EXCLUSIVE);
	cannot_scan = true;
	if (!frames_permitted())
		assert_int_equal(flags_at(fd, all + PAGE), FRAME_EXCLUSIVE | FRAME_UNSURE);
	assert_int_equal(madvise(all + 9 * PAGE, PAGE, MADV_DONTNEED), 0);
	assert_int_equal(flags_at(fd, all + PAGE), FRAME_EXCLUSIVE);
	assert_int_equal(flags_at(fd, all + HUGE - PAGE), FRAME_EXCLUSIVE);
	munmap(room, 2 * HUGE);
}

/* Blocks one after the other, the first and the last in part */
static void without_scan(void **state)
{
	struct seen seen;

	map(MAP_PRIVATE);
	for (unsigned int i = 0; i < PAGES; i += 3)
		write_to(i);
	cannot_scan = true;
	seen = look();
	for (unsigned int i = 0; i < PAGES; i++) {
		assert_int_equal(seen.there[i], i % 3 == 0);
		assert_int_equal(seen.flags[i], i % 3 ? 0 : FRAME_EXCLUSIVE);
	}
}

static int stop(void *data, uint64_t addr, uint64_t frame, unsigned int flags)
{
	++*(unsigned int *)data;
	return -ECANCELED;
}

static void can_be_stopped(void **state)
{
	unsigned int calls = 0;

	map(MAP_PRIVATE);
	write_to(0);
	write_to(1);
	assert_int_equal(frames_each(fd, (uintptr_t)block, (uintptr_t)block + PAGES * PAGE, stop,
				     &calls), -ECANCELED);
	assert_int_equal(calls, 1);
}

static void nothing_is_merged_here(void **state)
{
	struct merged merged;

	map(MAP_PRIVATE);
	write_to(0);
	if (!merged_open(&merged))
		assert_false(merged_has(&merged, look().frames[0]));
	merged_close(&merged);
	assert_false(merged_has(&merged, 1ULL << 54));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_what_is_there), TEST(zeroes), TEST(shared_memory), TEST(after_fork),
		TEST(huge_after_fork), TEST(perhaps_huge), TEST(without_scan),
		TEST(can_be_stopped), TEST(nothing_is_merged_here),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
