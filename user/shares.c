// SPDX-License-Identifier: GPL-2.0
#include "shares.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *name;
	const char *key;
} things[THINGS] = {
	[THING_MM] = { "mm", "mm" },
	[THING_GROUP] = { "thread group", "thread_group" },
	[THING_FILES] = { "files", "files" },
	[THING_FS] = { "fs", "fs" },
	[THING_SIGHAND] = { "signal handlers", "sighand" },
	[THING_IO] = { "io context", "io" },
	[THING_SYSVSEM] = { "semaphore undo", "sysvsem" },
	[THING_CGROUP] = { "cgroup", "cgroup" },
	[THING_IPC] = { "ipc", "ipc" },
	[THING_MNT] = { "mnt", "mnt" },
	[THING_NET] = { "net", "net" },
	[THING_PID] = { "pid", "pid" },
	[THING_PID_FOR_CHILDREN] = { "pid for children", "pid_for_children" },
	[THING_TIME] = { "time", "time" },
	[THING_USER] = { "user", "user" },
	[THING_UTS] = { "uts", "uts" },
};

const char *thing_name(enum thing thing)
{
	return things[thing].name;
}

const char *thing_key(enum thing thing)
{
	return things[thing].key;
}

static enum share refused_or_unknown(void)
{
	return errno == EPERM || errno == EACCES ? SHARE_REFUSED : SHARE_UNKNOWN;
}

static enum share ask_kcmp(uint32_t a, uint32_t b, int type)
{
	long way = syscall(SYS_kcmp, a, b, type, 0, 0);

	if (way < 0)
		return refused_or_unknown();
	return way ? SHARE_OWN : SHARE_SAME;
}

static enum share ask_namespace(uint32_t a, uint32_t b, const char *name)
{
	uint32_t tids[2] = { a, b };
	struct stat found[2];
	char path[64];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%u/ns/%s", tids[i], name);
		if (stat(path, &found[i]))
			return refused_or_unknown();
	}
	return found[0].st_dev == found[1].st_dev && found[0].st_ino == found[1].st_ino ?
	       SHARE_SAME : SHARE_OWN;
}

/* A task that has no undo list, and no I/O context unless this process was given a priority */
static pid_t start_bare(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end_bare(pid_t pid)
{
	if (pid < 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/*
 * kcmp() calls two tasks equal where neither has the thing: then they equal a
 * third, too, that is known to have none. Two that are made without sharing
 * and are equal have none.
 */
static void doubt(uint32_t a, int type, enum share *share, const pid_t bare[2])
{
	enum share third = SHARE_UNKNOWN;

	if (*share != SHARE_SAME)
		return;
	if (bare[0] > 0 && bare[1] > 0 && ask_kcmp(bare[0], bare[1], type) == SHARE_SAME)
		third = ask_kcmp(a, bare[0], type);
	if (third == SHARE_SAME)
		*share = SHARE_NONE;
	else if (third != SHARE_OWN)
		*share = SHARE_UNKNOWN;
}

void shares_ask(uint32_t a, uint32_t b, enum share of[THINGS])
{
	pid_t bare[2];

	of[THING_FILES] = ask_kcmp(a, b, KCMP_FILES);
	of[THING_FS] = ask_kcmp(a, b, KCMP_FS);
	of[THING_SIGHAND] = ask_kcmp(a, b, KCMP_SIGHAND);
	of[THING_IO] = ask_kcmp(a, b, KCMP_IO);
	of[THING_SYSVSEM] = ask_kcmp(a, b, KCMP_SYSVSEM);
	for (int i = THING_CGROUP; i < THINGS; i++)
		of[i] = ask_namespace(a, b, things[i].key);
	if (of[THING_IO] != SHARE_SAME && of[THING_SYSVSEM] != SHARE_SAME)
		return;
	bare[0] = start_bare();
	bare[1] = start_bare();
	doubt(a, KCMP_IO, &of[THING_IO], bare);
	doubt(a, KCMP_SYSVSEM, &of[THING_SYSVSEM], bare);
	end_bare(bare[0]);
	end_bare(bare[1]);
}
