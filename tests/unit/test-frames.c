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
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 16

struct seen {
	unsigned int calls;
	bool there[PAGES];
	uint64_t frames[PAGES];
	unsigned int flags[PAGES];
};

static char *block;
static int fd;

static int teardown(void **state)
{
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
		TEST(can_be_stopped), TEST(nothing_is_merged_here),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
