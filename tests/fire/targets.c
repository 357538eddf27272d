// SPDX-License-Identifier: GPL-2.0
/*
 * Processes to look at: quiet ones, whose answer is the same each time, and ones
 * that change while they are looked at. Copies of the program that looks, as it
 * was started: "fire-… --target KIND" is one.
 */
#include "fire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WIDE_VMAS	400
#define VAST_VMAS	5000	/* more than fit into what kmalloc() gives, or are copied in one go */
#define SWARM_THREADS	1000
#define READY		"fire-ready"
#define LIBRARY_FILES	300

const char *const target_names[TARGETS] = {
	"self", "quiet", "wide", "threads", "churn", "exec", "fork", "pair", "pair-child",
	"leaderless", "zombie", "gone", "kthread", "init", "foreign",
};

/**
 * be_ready - tell start_target() that all is as it is to be
 */
void be_ready(void)
{
	prctl(PR_SET_NAME, READY);
}

static _Noreturn void rest(void)
{
	be_ready();
	for (;;)
		pause();
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* What changes is not to take the CPU from who looks, however slow the machine */
static void pause_after(uint64_t begun)
{
	uint64_t took = (now() - begun) / 1000;

	usleep(1000 + (took > 20000 ? 1000000 : 50 * took));
}

static void be_wide(size_t vmas)
{
	const size_t page = 4096;
	uint8_t *p = mmap(NULL, vmas * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < vmas; i += 2)
		mprotect(p + i * page, page, PROT_READ | PROT_WRITE);
	rest();
}

static void *sleeper(void *unused)
{
	(void)unused;
	rest();
}

static void *worker(void *unused)
{
	(void)unused;
	for (;;) {
		uint64_t begun = now();

		for (volatile int i = 0; i < 20000; i++)
			;
		pause_after(begun);
	}
	return NULL;
}

static void start_thread(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL))
		die("no thread");
}

static void be_threads(void)
{
	start_thread(sleeper);
	start_thread(sleeper);
	start_thread(worker);
	rest();
}

static void be_swarm(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (unsigned int i = 0; i < SWARM_THREADS; i++)
		if (pthread_create(&thread, &attr, sleeper, NULL))
			die("no thread");
	rest();
}

static void *end_at_once(void *unused)
{
	return unused;
}

/* Its robust_list is not where the C library has it, near the thread pointer */
static void *stray(void *unused)
{
	static struct robust_list_head head = { .list.next = &head.list };

	syscall(SYS_set_robust_list, &head, sizeof(head));
	return sleeper(unused);
}

static void be_thinned(void)
{
	pthread_t thread;

	start_thread(stray);
	if (pthread_create(&thread, NULL, end_at_once, NULL) || pthread_join(thread, NULL))
		die("no thread");
	/* which is woken a moment before the kernel has counted what the thread had */
	usleep(100000);
	rest();
}

static void be_churn(void)
{
	const size_t len = 64 * 4096;

	be_ready();
	for (unsigned int i = 0;; i++) {
		uint64_t begun = now();
		uint8_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);

		for (size_t at = 0; at < len; at += 8192)
			mprotect(p + at, 4096, i & 1 ? PROT_NONE : PROT_READ);
		pause_after(begun);
		begun = now();
		munmap(p + len / 4, len / 2);
		munmap(p, len);
		pause_after(begun);
	}
}

static void be_fork(void)
{
	be_ready();
	for (;;) {
		uint64_t begun = now();

		if (!fork())
			_exit(0);
		if (!vfork())
			_exit(0);
		wait(NULL);
		wait(NULL);
		pause_after(begun);
	}
}

static int be_child(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rest();
}

static void be_pair(void)
{
	static uint8_t stack[65536];

	if (clone(be_child, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL) < 0)
		die("no pair");
	rest();
}

static void be_leaderless(void)
{
	start_thread(sleeper);
	be_ready();
	syscall(SYS_exit, 0);
}

/* More files, and more names, than the module makes room for at first */
static void be_library(void)
{
	for (unsigned int i = 0; i < LIBRARY_FILES; i++) {
		int fd = syscall(SYS_memfd_create, "fire-file", 0);

		if (fd < 0 || ftruncate(fd, 4096) ||
		    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			die("no file");
		close(fd);
	}
	rest();
}

static void be_names(void)
{
	for (unsigned int i = 0; i < 100; i++) {
		uint8_t *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char name[80];

		snprintf(name, sizeof(name), "fire-%060u", i);
		prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, 8192, name);
		/* two VMAs of one name */
		mprotect(p, 4096, PROT_NONE);
		p = mmap(NULL, 4096, PROT_READ, i & 1 ? MAP_PRIVATE | MAP_ANONYMOUS :
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, 4096, name);
	}
	rest();
}

/* A file whose path has so many parts of 250 bytes, and has been removed */
static void be_deep(unsigned int depth)
{
	char name[251];
	int fd;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	if (chdir("/tmp"))
		die("/tmp");
	for (unsigned int i = 0; i < depth; i++)
		if ((mkdir(name, 0700) && errno != EEXIST) || chdir(name))
			die("no deep directory");
	fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 4096) ||
	    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		die("no file");
	unlink("f");
	rest();
}

/* A handler on an alternate stack; the thread pointer changed */
static void on_signal(int signal)
{
	(void)signal;
	rest();
}

static void be_signals(void)
{
	stack_t stack = { .ss_size = 65536, .ss_sp = malloc(65536) };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	start_thread(sleeper);
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

/**
 * run_as_target - where the program was started to be looked at
 * @argc: of main()
 * @argv: of main()
 *
 * Return: false if it was not; true never.
 */
bool run_as_target(int argc, char **argv)
{
	char begun[24];

	if (argc < 3 || strcmp(argv[1], "--target"))
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	switch (atoi(argv[2])) {
	case TARGET_WIDE:
		be_wide(WIDE_VMAS);
		break;
	case TARGET_VAST:
		be_wide(VAST_VMAS);
		break;
	case TARGET_SWARM:
		be_swarm();
		break;
	case TARGET_THINNED:
		be_thinned();
		break;
	case TARGET_THREADS:
		be_threads();
		break;
	case TARGET_CHURN:
		be_churn();
		break;
	case TARGET_EXEC:
		be_ready();
		if (argc > 3)
			pause_after(strtoull(argv[3], NULL, 10));
		snprintf(begun, sizeof(begun), "%llu", (unsigned long long)now());
		execl("/proc/self/exe", argv[0], "--target", argv[2], begun, NULL);
		die("exec");
	case TARGET_FORK:
		be_fork();
		break;
	case TARGET_PAIR:
		be_pair();
		break;
	case TARGET_LEADERLESS:
		be_leaderless();
		break;
	case TARGET_ZOMBIE:
		_exit(0);
	case TARGET_LIBRARY:
		be_library();
		break;
	case TARGET_NAMES:
		be_names();
		break;
	case TARGET_DEEP:
		be_deep(20);
		break;
	case TARGET_ABYSS:
		be_deep(300);
		break;
	case TARGET_SIGNALS:
		be_signals();
		break;
	}
	rest();
}

/**
 * start_target - one process more
 * @kind: of those that are programs of their own
 *
 * It ends with its parent. Return: its pid, once it is what it is to be.
 */
pid_t start_target(enum target_kind kind)
{
	char number[8];
	pid_t pid;

	snprintf(number, sizeof(number), "%d", kind);
	pid = fork();
	if (pid < 0)
		die("no process");
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		execl("/proc/self/exe", "fire-target", "--target", number, NULL);
		_exit(127);
	}
	for (unsigned int i = 0; kind != TARGET_ZOMBIE; i++) {
		int fd = open_proof(pid, "comm", O_RDONLY);
		char text[32] = "";

		if (fd < 0 || i == 30000)
			die("target %d does not get ready", kind);
		if (read(fd, text, sizeof(text)) > 0 && !strcmp(text, READY "\n"))
			i = 30000;
		close(fd);
		if (i == 30000)
			break;
		usleep(2000);
	}
	return pid;
}

/**
 * end_target - end one that start_target() started, or another child
 * @pid: its id
 */
void end_target(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static pid_t child_of(pid_t pid)
{
	char path[64];
	long child = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	for (unsigned int i = 0; i < 1000 && !child; i++) {
		if (read_number(path, &child))
			child = 0;
		usleep(2000);
	}
	if (!child)
		die("a pair that is none");
	return child;
}

/**
 * start_targets - one of each kind
 * @pids: set to their ids; @pids[TARGET_FOREIGN] is the caller's to set
 */
void start_targets(pid_t pids[TARGETS])
{
	siginfo_t info;

	pids[TARGET_SELF] = getpid();
	for (int kind = TARGET_QUIET; kind <= TARGET_PAIR; kind++)
		pids[kind] = start_target(kind);
	pids[TARGET_PAIR_CHILD] = child_of(pids[TARGET_PAIR]);
	pids[TARGET_LEADERLESS] = start_target(TARGET_LEADERLESS);
	pids[TARGET_ZOMBIE] = start_target(TARGET_ZOMBIE);
	waitid(P_PID, pids[TARGET_ZOMBIE], &info, WEXITED | WNOWAIT);
	pids[TARGET_GONE] = start_target(TARGET_ZOMBIE);
	waitpid(pids[TARGET_GONE], NULL, 0);
	pids[TARGET_KTHREAD] = 2;
	pids[TARGET_INIT] = 1;
	usleep(200000);		/* for the threads, the holes and the leader's end */
}

/**
 * stop_targets - end those that start_targets() started
 * @pids: their ids
 */
void stop_targets(const pid_t pids[TARGETS])
{
	for (int kind = TARGET_QUIET; kind <= TARGET_ZOMBIE; kind++) {
		if (kind == TARGET_PAIR_CHILD)
			continue;
		end_target(pids[kind]);
	}
}

/**
 * other_thread - a thread that is not the leader
 * @pid: of a process
 *
 * Return: its id, 0 if there is none.
 */
pid_t other_thread(pid_t pid)
{
	const struct dirent *entry;
	char path[64];
	pid_t tid = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) && atoi(entry->d_name) != pid)
			tid = atoi(entry->d_name);
	if (dir)
		closedir(dir);
	return tid;
}

/**
 * open_proof - a file of a process
 * @pid: whose; of a thread that lives where its leader does not
 * @file: pagemap, mem or another
 * @flags: of open()
 *
 * Return: the descriptor or -1.
 */
int open_proof(pid_t pid, const char *file, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return open(path, flags | O_CLOEXEC);
}
