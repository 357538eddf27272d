// SPDX-License-Identifier: GPL-2.0
/*
 * proc.c: a process whose leader has exited is the process that it was.
 */
#include "proc.h"
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child, other;

static void *stay(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static pid_t start(bool leader_exits)
{
	pid_t pid = fork();
	pthread_t thread;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (leader_exits && pthread_create(&thread, NULL, stay, NULL) == 0)
		pthread_exit(NULL);
	stay(NULL);
	_exit(1);
}

static int setup(void **state)
{
	struct proc_stat stat;

	child = start(true);
	other = start(false);
	while (!proc_stat(child, &stat) && stat.state != 'Z')
		usleep(1000);
	return 0;
}

static int teardown(void **state)
{
	kill(child, SIGKILL);
	kill(other, SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void its_namespaces_are_its_own(void **state)
{
	assert_int_equal(proc_same_namespace(child, getpid(), "ipc"), PROC_SAME);
	assert_int_equal(proc_same_namespace(getpid(), child, "ipc"), PROC_SAME);
	assert_int_equal(proc_same_namespace(child, child, "ipc"), PROC_SAME);
	/* nobody: no pid is that high */
	assert_int_equal(proc_same_namespace(child, 1 << 30, "ipc"), PROC_DIFFERENT);
}

static void its_mm_is_its_own(void **state)
{
	uint32_t tid = proc_live_thread(child);

	assert_true(tid && tid != (uint32_t)child);
	assert_int_equal(proc_same_mm(child, child), PROC_SAME);
	assert_int_equal(proc_same_mm(child, tid), PROC_SAME);
	assert_int_equal(proc_same_mm(tid, child), PROC_SAME);
	assert_int_equal(proc_same_mm(child, other), PROC_DIFFERENT);
	assert_int_equal(proc_same_mm(child, 1 << 30), PROC_DIFFERENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_namespaces_are_its_own),
		cmocka_unit_test(its_mm_is_its_own),
	};

	return cmocka_run_group_tests_name("proc", tests, setup, teardown);
}
