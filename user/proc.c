// SPDX-License-Identifier: GPL-2.0
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* PF_KTHREAD of <linux/sched.h>: the same bit since 2.6.27 */
#define FLAG_KTHREAD 0x00200000u

/* "PID (comm) S ppid pgrp session tty tpgid flags ...": comm may hold anything */
static int parse_stat(const char *line, struct proc_stat *stat)
{
	const char *open = strchr(line, '('), *close = strrchr(line, ')');
	unsigned long long start;
	unsigned int flags;

	if (!open || !close || close < open)
		return -EPROTO;
	snprintf(stat->comm, sizeof(stat->comm), "%.*s", (int)(close - open - 1), open + 1);
	if (sscanf(close + 1, " %c %u %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d"
		   " %*d %*d %*d %llu", &stat->state, &stat->ppid, &flags, &start) != 4)
		return -EPROTO;
	stat->kthread = flags & FLAG_KTHREAD;
	stat->start_time = start * (1000000000 / sysconf(_SC_CLK_TCK));
	return 0;
}

static int stat_at(const char *path, struct proc_stat *stat)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[1024];
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, line, sizeof(line) - 1);
	if (len <= 0) {
		len = len < 0 ? -errno : -ESRCH;
		close(fd);
		return len;
	}
	close(fd);
	line[len] = 0;
	return parse_stat(line, stat);
}

int proc_stat(uint32_t pid, struct proc_stat *stat)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	return stat_at(path, stat);
}

int proc_thread_stat(uint32_t pid, uint32_t tid, struct proc_stat *stat)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/stat", pid, tid);
	return stat_at(path, stat);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

size_t proc_list(uint32_t pid, uint32_t **ids)
{
	size_t count = 0, room = 0, kept = 0;
	struct dirent *ent;
	char path[64];
	DIR *dir;

	*ids = NULL;
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(pid ? path : "/proc");
	while (dir && (ent = readdir(dir))) {
		if (ent->d_name[0] < '1' || ent->d_name[0] > '9')
			continue;
		if (count == room) {
			room = room ? 2 * room : 256;
			*ids = reallocarray(*ids, room, sizeof(**ids));
			if (!*ids)
				abort();
		}
		(*ids)[count++] = strtoul(ent->d_name, NULL, 10);
	}
	if (dir)
		closedir(dir);
	if (!count)
		return 0;
	/* what comes and goes while a directory is read may be in it twice */
	qsort(*ids, count, sizeof(**ids), by_number);
	for (size_t i = 0; i < count; i++) {
		if (!kept || (*ids)[i] != (*ids)[kept - 1])
			(*ids)[kept++] = (*ids)[i];
	}
	return kept;
}

uint32_t proc_uid(uint32_t pid)
{
	uint32_t uid = UINT32_MAX;
	char line[256];
	FILE *status;

	snprintf(line, sizeof(line), "/proc/%u/status", pid);
	status = fopen(line, "re");
	while (status && fgets(line, sizeof(line), status)) {
		if (sscanf(line, "Uid: %u", &uid) == 1)
			break;
	}
	if (status)
		fclose(status);
	return uid;
}

uint32_t proc_live_thread(uint32_t pid)
{
	uint32_t found = 0;
	struct dirent *ent;
	char path[320];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while (!found && (ent = readdir(dir))) {
		struct proc_stat stat;

		if (ent->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%u/task/%s/stat", pid, ent->d_name);
		if (!stat_at(path, &stat) && !strchr("ZXx", stat.state))
			found = strtoul(ent->d_name, NULL, 10);
	}
	closedir(dir);
	return found;
}

static int open_at(uint32_t pid, uint32_t tid, const char *name, int flags)
{
	char *path;
	int fd, len = tid ? asprintf(&path, "/proc/%u/task/%u/%s", pid, tid, name) :
			    asprintf(&path, "/proc/%u/%s", pid, name);

	if (len < 0)
		return -ENOMEM;
	fd = open(path, flags | O_CLOEXEC);
	fd = fd < 0 ? -errno : fd;
	free(path);
	return fd;
}

int proc_open(uint32_t pid, uint32_t tid, const char *name)
{
	return open_at(pid, tid, name, O_RDONLY);
}

int proc_find(uint32_t pid, uint32_t tid, const char *name)
{
	return open_at(pid, tid, name, O_PATH);
}

bool proc_no_huge_pages(uint32_t pid, uint32_t tid)
{
	int fd = proc_open(pid, tid, "status");
	FILE *status = fd < 0 ? NULL : fdopen(fd, "re");
	unsigned int enabled = 1;
	char line[128];

	if (!status) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (fgets(line, sizeof(line), status)) {
		if (sscanf(line, "THP_enabled: %u", &enabled) == 1)
			break;
	}
	fclose(status);
	return !enabled;
}

bool proc_is_partial(void)
{
	struct stat stat_self;

	/* the inode of the first PID namespace: PROC_PID_INIT_INO of <linux/proc_ns.h> */
	return access("/proc/1", F_OK) || (!stat("/proc/self/ns/pid", &stat_self) &&
					   stat_self.st_ino != 0xEFFFFFFCU);
}

static enum proc_answer same_mm_of(uint32_t a, uint32_t b)
{
	long ret = syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);

	if (ret < 0)
		return errno == ESRCH ? PROC_DIFFERENT : PROC_UNKNOWN;
	return ret ? PROC_DIFFERENT : PROC_SAME;
}

enum proc_answer proc_same_mm(uint32_t a, uint32_t b)
{
	enum proc_answer answer = same_mm_of(a, b);
	uint32_t x, y;

	if (answer != PROC_DIFFERENT)
		return answer;
	/* a leader that has exited has no mm, its process has */
	x = proc_live_thread(a);
	y = proc_live_thread(b);
	return x && y && (x != a || y != b) ? same_mm_of(x, y) : answer;
}

/* Of a leader that has exited another thread's: it has none of its own any more */
static int namespace_of(uint32_t pid, const char *name, struct stat *space)
{
	uint32_t tid;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/%s", pid, name);
	if (!stat(path, space))
		return 0;
	if (errno != ENOENT)
		return -errno;
	tid = proc_live_thread(pid);
	if (!tid)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/%u/task/%u/ns/%s", pid, tid, name);
	return stat(path, space) ? -errno : 0;
}

enum proc_answer proc_same_namespace(uint32_t a, uint32_t b, const char *name)
{
	uint32_t pids[2] = { a, b };
	struct stat spaces[2];

	for (int i = 0; i < 2; i++) {
		int ret = namespace_of(pids[i], name, &spaces[i]);

		if (ret)
			return proc_is_gone(ret) ? PROC_DIFFERENT : PROC_UNKNOWN;
	}
	return spaces[0].st_ino == spaces[1].st_ino ? PROC_SAME : PROC_DIFFERENT;
}

/* A boot parameter, in pages; it shows nowhere else */
uint64_t proc_guard_gap(void)
{
	static const char name[] = "stack_guard_gap=";
	FILE *cmdline = fopen("/proc/cmdline", "re");
	uint64_t pages = 256;
	char line[4096] = "", *save, *word;

	if (cmdline) {
		if (!fgets(line, sizeof(line), cmdline))
			line[0] = 0;
		fclose(cmdline);
	}
	for (word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		if (!strncmp(word, name, sizeof(name) - 1))
			pages = strtoull(word + sizeof(name) - 1, NULL, 10);
	}
	return pages * 4096;
}

static bool parse_vsyscall(const char *line, struct pmemctl_vma *vma)
{
	unsigned long long start, end;
	char perms[5];

	if (!strstr(line, "[vsyscall]") ||
	    sscanf(line, "%llx-%llx %4s", &start, &end, perms) != 3)
		return false;
	memset(vma, 0, sizeof(*vma));
	vma->start = start;
	vma->end = end;
	vma->page_shift = 12;
	if (perms[0] == 'r')
		vma->flags |= PMEMCTL_VMA_READ;
	if (perms[1] == 'w')
		vma->flags |= PMEMCTL_VMA_WRITE;
	if (perms[2] == 'x')
		vma->flags |= PMEMCTL_VMA_EXEC;
	return true;
}

bool proc_vsyscall(struct pmemctl_vma *vma)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	bool found = false;
	size_t room = 0;
	char *line = NULL;

	if (!maps)
		return false;
	while (!found && getline(&line, &room, maps) > 0)
		found = parse_vsyscall(line, vma);
	free(line);
	fclose(maps);
	return found;
}
