// SPDX-License-Identifier: GPL-2.0
/*
 * Who asks: root, a user, or root of namespaces of his own; the processes that he
 * may look at; and descriptors of every kind, of which only some are proofs.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open	434
#endif
#define PIDFD_THREAD	O_EXCL		/* from 6.9 on */
#define USER		1000

static unsigned int next_other;

/* At the number that plans know it by; what cannot be had leaves that one closed */
static void place(int fd, int number)
{
	if (fd < 0) {
		close(number);
		return;
	}
	if (dup3(fd, number, O_CLOEXEC) < 0)
		die("dup3");
	close(fd);
}

static void place_other(int fd)
{
	if (FD_OTHERS + next_other >= FD_FIRST + FD_COUNT)
		die("too many descriptors");
	place(fd, FD_OTHERS + next_other++);
}

/* Opened by root, to be shown by others: not their own right */
static void place_inherited(pid_t foreign)
{
	place_other(open("/proc/self/pagemap", O_RDONLY));
	place_other(open("/proc/1/pagemap", O_RDONLY));
	place_other(open("/proc/1/mem", O_RDONLY));
	place_other(open_proof(foreign, "pagemap", O_RDONLY));
}

/* Opened by a child of ours with rights that are equal, and sent to us */
static int sent_by_child(pid_t target)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = { .iov_base = (char[1]){ 0 }, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int pair[2], fd = -1;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		die("socketpair");
	pid = fork();
	if (!pid) {
		fd = open_proof(target, "pagemap", O_RDONLY);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
		_exit(sendmsg(pair[1], &msg, 0) < 0);
	}
	waitpid(pid, NULL, 0);
	if (recvmsg(pair[0], &msg, MSG_DONTWAIT) > 0 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	close(pair[0]);
	close(pair[1]);
	return fd;
}

static int deleted_file(void)
{
	char path[] = "/tmp/fire-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	return fd;
}

/* None of these proves anything, however near it comes */
static void place_others(const pid_t pids[TARGETS])
{
	static const char *const files[] = {
		"maps", "smaps", "status", "stat", "cmdline", "environ", "clear_refs", "comm",
		"exe", "task", "ns/pid", "fdinfo/0",
	};
	struct perf_event_attr clock = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(clock),
		.config = PERF_COUNT_SW_CPU_CLOCK, .exclude_kernel = 1,
	};
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1,
	};
	struct landlock_ruleset_attr rules = { .handled_access_fs = 1 };
	pid_t quiet = pids[TARGET_QUIET];
	int pipes[2];
	sigset_t set;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		place_other(open_proof(quiet, files[i],
				       strcmp(files[i], "clear_refs") ? O_RDONLY : O_WRONLY));
	place_other(open_proof(quiet, "pagemap", O_PATH));
	place_other(open_proof(quiet, "mem", O_PATH));
	place_other(sent_by_child(quiet));
	place_other(syscall(SYS_pidfd_open, quiet, 0));
	place_other(syscall(SYS_pidfd_open, quiet, PIDFD_THREAD));
	place_other(syscall(SYS_pidfd_open, pids[TARGET_ZOMBIE], 0));
	place_other(syscall(SYS_pidfd_open, pids[TARGET_FOREIGN], 0));
	place_other(socket(AF_UNIX, SOCK_STREAM, 0));
	place_other(socket(AF_INET, SOCK_DGRAM, 0));
	place_other(open_socket());
	place_other(eventfd(0, 0));
	place_other(epoll_create1(0));
	place_other(timerfd_create(CLOCK_MONOTONIC, 0));
	sigemptyset(&set);
	place_other(signalfd(-1, &set, 0));
	place_other(inotify_init1(0));
	place_other(syscall(SYS_memfd_create, "fire", 0));
	place_other(open("/", O_RDONLY | O_DIRECTORY));
	place_other(open("/dev/null", O_RDWR));
	place_other(open("/dev/zero", O_RDWR));
	place_other(open("/sys/kernel/mm", O_RDONLY));
	place_other(deleted_file());
	place_other(syscall(SYS_userfaultfd, O_NONBLOCK));
	place_other(syscall(SYS_io_uring_setup, 1, &(struct io_uring_params){}));
	place_other(syscall(SYS_perf_event_open, &clock, 0, -1, -1, 0));
	place_other(syscall(SYS_fanotify_init, 0, 0));
	place_other(syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map)));
	place_other(syscall(SYS_mq_open, "fire", O_RDWR | O_CREAT, 0600, NULL));
	place_other(syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0));
	place_other(syscall(SYS_fsopen, "tmpfs", 0));
	place_other(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	place_other(socket(AF_PACKET, SOCK_RAW, 0));
	if (!pipe(pipes)) {
		place_other(pipes[0]);
		close(pipes[1]);
	}
}

/* A process whose leader has ended is looked at by a thread of it */
static int open_target(const struct caller *caller, int kind, const char *file, int flags)
{
	char path[64];

	if (kind != TARGET_LEADERLESS)
		return open_proof(caller->pids[kind], file, flags);
	snprintf(path, sizeof(path), "task/%d/%s", other_thread(caller->pids[kind]), file);
	return open_proof(caller->pids[kind], path, flags);
}

static void place_proofs(struct caller *caller, int kind)
{
	static const int ways[] = { O_RDONLY, O_WRONLY, O_RDWR };

	place(open_target(caller, kind, "pagemap", O_RDONLY), FD_FIRST + kind);
	/* it shows the same right, for whatever it was opened */
	place(open_target(caller, kind, "mem", ways[kind % 3]), FD_FIRST + TARGETS + kind);
	caller->proof_of[kind] = kind;
	caller->proof_of[TARGETS + kind] = kind;
}

/**
 * caller_refresh - proofs anew of those that execute a program now and then
 * @caller: who asks
 */
void caller_refresh(struct caller *caller)
{
	place_proofs(caller, TARGET_EXEC);
}

static void drop(void)
{
	if (setgroups(0, NULL) || setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		die("cannot become a user");
	prctl(PR_SET_DUMPABLE, 1);
}

/* Returns in the new namespaces' pid 1; this process waits for that one's end */
static void enter_namespaces(void)
{
	char map[64];
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS))
		die("no namespaces");
	snprintf(map, sizeof(map), "0 %u 1", USER);
	if (write_text("/proc/self/setgroups", "deny") ||
	    write_text("/proc/self/uid_map", map) || write_text("/proc/self/gid_map", map))
		die("no user namespace");
	pid = fork();
	if (pid < 0)
		die("no pid namespace");
	if (pid) {
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", "/proc", "proc", 0, NULL))
		die("no /proc");
}

/**
 * caller_become - be somebody, in a process that was made for it
 * @caller: set up
 * @identity: who
 * @foreign: a process that is root's, as the machine numbers it
 */
void caller_become(struct caller *caller, enum identity identity, pid_t foreign)
{
	struct rlimit limit = { 1024, 1024 };

	setrlimit(RLIMIT_NOFILE, &limit);
	memset(caller->proof_of, -1, sizeof(caller->proof_of));
	caller->identity = identity;
	place_inherited(foreign);
	if (identity == AS_ROOT) {
		caller->proof_of[2 * TARGETS] = TARGET_SELF;
		caller->proof_of[2 * TARGETS + 1] = TARGET_INIT;
		caller->proof_of[2 * TARGETS + 2] = TARGET_INIT;
		caller->proof_of[2 * TARGETS + 3] = TARGET_FOREIGN;
	}
	if (identity != AS_ROOT)
		drop();
	if (identity == IN_NAMESPACE)
		enter_namespaces();
	start_targets(caller->pids);
	caller->pids[TARGET_FOREIGN] = foreign;
	if (identity == IN_NAMESPACE) {
		/* here these are other processes, or none */
		caller->pids[TARGET_FOREIGN] = 30000;
		caller->pids[TARGET_KTHREAD] = 30001;
	}
	place_others(caller->pids);
	for (int kind = 0; kind < TARGETS; kind++)
		place_proofs(caller, kind);
}

/* A mem file; the third of those that place_inherited() opens is one */
static bool is_attach(uint32_t fd)
{
	return (fd >= FD_FIRST + TARGETS && fd < FD_OTHERS) || fd == FD_OTHERS + 2;
}

static bool is_thread_of(uint32_t tid, pid_t leader)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%u", leader, tid);
	return tid == (uint32_t)leader || !access(path, F_OK);
}

/**
 * caller_may - whether a snapshot may be answered
 * @caller: who asks
 * @pid: as asked: of any thread
 * @fd: as shown; -1 for none
 * @live: with PMEMCTL_A_LIVE
 *
 * Of processes; kernel threads have nothing to hide.
 *
 * Return: the process' id, 0 if he may not.
 */
pid_t caller_may(const struct caller *caller, uint32_t pid, uint32_t fd, bool live)
{
	int proof = -1;

	if (fd >= FD_FIRST && fd < FD_FIRST + FD_COUNT)
		proof = caller->proof_of[fd - FD_FIRST];
	if (proof < 0 || (live && !is_attach(fd)))
		return 0;
	/* the proof of one is that of the other */
	if (proof == TARGET_PAIR && pid == (uint32_t)caller->pids[TARGET_PAIR_CHILD])
		proof = TARGET_PAIR_CHILD;
	else if (proof == TARGET_PAIR_CHILD && pid == (uint32_t)caller->pids[TARGET_PAIR])
		proof = TARGET_PAIR;
	return is_thread_of(pid, caller->pids[proof]) ? caller->pids[proof] : 0;
}
