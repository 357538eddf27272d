// SPDX-License-Identifier: GPL-2.0
/*
 * fire-tour [--module FILE] [--cover FILE] [--borrow FILE]
 *
 * Requests that need a setting: limits that are reached, programs of every kind, a
 * lock that somebody keeps, a reader who is killed while he waits for it, kernel
 * threads that work in a process, and a process that outsiders share. With what
 * fire-inject and fire-fuzz reach this is to be all of the module.
 */
#include "fire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/netlink.h>

#define PARAMS		"/sys/module/pmemctl/parameters/"
#define LOCKED_BYTES	(1UL << 29)
#define LEFT_MAX	100	/* more than a user may have */

static int family;
static unsigned int wait_before_reading;	/* seconds */
static bool elsewhere;		/* in a process that notes by itself where it passes */
static uint64_t *lent;		/* and notes it here */
static unsigned long long requests, findings;
static pid_t vast, wide;

static void complain(const char *what, const char *wrong)
{
	findings++;
	printf("not ok - %s: %s\n", what, wrong);
	fflush(stdout);
}

/* Return: the errno that it was refused with, 0 for an answer, -1 for nonsense */
static int ask(const char *what, const struct message *m)
{
	static uint8_t buf[32768];
	struct talk talk = { .family = family, .n = 1, .answers[0].seq = 7 };
	const char *wrong = NULL;
	int sock = open_socket();
	ssize_t n;

	if (!elsewhere)
		cover_begin();
	if (send_message(sock, m))
		wrong = "cannot be sent";
	sleep(wait_before_reading);
	while (!wrong && !talk.answers[0].ended) {
		n = recv(sock, buf, sizeof(buf), MSG_DONTWAIT);
		wrong = n < 0 ? "no answer" : judge(&talk, buf, n);
	}
	if (!elsewhere)
		cover_end();
	else if (lent)
		cover_take(lent);
	close(sock);
	requests++;
	if (wrong)
		complain(what, wrong);
	return wrong ? -1 : talk.answers[0].error;
}

static int ask_snapshot(const char *what, pid_t pid, pid_t asked, uint32_t sections, bool live)
{
	int proof = open_proof(pid, "mem", O_RDONLY), error;
	struct message m;

	snapshot_message(&m, family, 7, asked, proof, sections, live);
	error = ask(what, &m);
	if (proof >= 0)
		close(proof);
	return error;
}

static int ask_tasks(const char *what)
{
	int proof = open_proof(1, "pagemap", O_RDONLY), error;
	struct message m;

	tasks_message(&m, family, 7, proof);
	error = ask(what, &m);
	if (proof >= 0)
		close(proof);
	return error;
}

static void expect(const char *what, int error, int expected)
{
	char text[64];

	printf("%s: %s\n", what, error > 0 ? strerrorname_np(error) : error ? "nonsense" : "answered");
	fflush(stdout);
	if (error < 0 || error == expected)
		return;
	snprintf(text, sizeof(text), "error %d, not %d", error, expected);
	complain(what, text);
}

static void set_parameter(const char *name, const char *value, char *before, size_t room)
{
	char path[128];
	long old;

	snprintf(path, sizeof(path), PARAMS "%s", name);
	if (before) {
		if (read_number(path, &old))
			die("%s", path);
		snprintf(before, room, "%ld", old);
	}
	if (write_text(path, value))
		die("%s", path);
}

static void visit_limits(void)
{
	char before[32];

	wide = start_target(TARGET_WIDE);
	set_parameter("max_snapshot_mib", "0", before, sizeof(before));
	expect("a snapshot without memory", ask_snapshot("", wide, wide, 7, false), EFBIG);
	expect("live without memory", ask_snapshot("", wide, wide, 2, true), EFBIG);
	expect("tasks without memory", ask_tasks(""), EFBIG);
	set_parameter("max_snapshot_mib", before, NULL, 0);

	set_parameter("max_snapshots", "0", before, sizeof(before));
	expect("a snapshot too many", ask_snapshot("", wide, wide, 7, false), EUSERS);
	expect("a list of tasks too many", ask_tasks(""), EUSERS);
	set_parameter("max_snapshots", before, NULL, 0);
	end_target(wide);
}

static void visit_programs(void)
{
	static const struct {
		const char *name;
		enum target_kind kind;
	} programs[] = {
		{ "many files", TARGET_LIBRARY }, { "many names", TARGET_NAMES },
		{ "a long path", TARGET_DEEP }, { "too long a path", TARGET_ABYSS },
		{ "a signal handler's stack", TARGET_SIGNALS }, { "a thread less", TARGET_THINNED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		pid_t pid = start_target(programs[i].kind);

		for (uint32_t sections = 0; sections <= PMEMCTL_SECTION_ALL; sections++)
			expect(programs[i].name, ask_snapshot("", pid, pid, sections, true), 0);
		end_target(pid);
	}
}

/* -1: on any */
static void run_on(int cpu)
{
	cpu_set_t set;

	memset(&set, cpu < 0 ? 0xff : 0, sizeof(set));
	if (cpu >= 0)
		CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot run on CPU %d", cpu);
}

/* A program of tests/fixtures: it says its pid and ends with its input */
static void visit_fixture(const char *command)
{
	char text[65536] = "";
	int in[2], out[2];
	const char *at;
	size_t len = 0;
	pid_t pid, shown;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid) {
		char buf[128], *argv[8] = {}, *word;
		int argc = 0;

		snprintf(buf, sizeof(buf), "%s", command);
		for (word = strtok(buf, " "); word && argc < 7; word = strtok(NULL, " "))
			argv[argc++] = word;
		dup2(in[0], 0);
		dup2(out[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	while (len < sizeof(text) - 1 && !memchr(text, '\n', len)) {
		ssize_t n = read(out[0], text + len, sizeof(text) - 1 - len);

		if (n <= 0)
			break;
		len += n;
	}
	at = strstr(text, "\"pid\":");
	shown = at ? atoi(at + 6) : pid;
	/* whether a thread that runs is met on a CPU is partly luck */
	for (unsigned int i = 0; i < (strstr(command, "--spin") ? 80 : 4); i++) {
		uint32_t sections = i % 4 * 2 + 1;
		int error;

		/* who runs on ours is not */
		run_on(i / 4 % 2);
		error = ask_snapshot(command, shown, shown, sections, sections & 2);
		if (error)
			expect(command, error, 0);
	}
	run_on(-1);
	printf("%s: looked at\n", command);
	expect("tasks", ask_tasks("tasks"), 0);
	close(in[1]);
	close(out[0]);
	waitpid(pid, NULL, 0);
}

static void visit_fixtures(void)
{
	static const char *const commands[] = {
		"fx-threads 6 --spin 1", "fx-threads 4 --user-stack", "fx-altstack", "fx-context",
		"fx-vfork", "fx-clonevm 2", "fx-clonevm --mix", "fx-iouring",
		"fx-iouring --sqpoll", "fx-raw", "fx-fork 4",
	};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		visit_fixture(commands[i]);
}

static pid_t find_task(const char *comm)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	pid_t found = 0;

	while (dir && !found && (entry = readdir(dir))) {
		char path[300], text[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(text, sizeof(text), f) && !strncmp(text, comm, strlen(comm)))
			found = atoi(entry->d_name);
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Kernel threads that work in a process, or were left with its mm */
static void visit_kthreads(const char *file)
{
	int module = open(file, O_RDONLY | O_CLOEXEC);
	pid_t pid = start_target(TARGET_QUIET), works, lazy;
	char text[32];

	snprintf(text, sizeof(text), "pid=%d", pid);
	if (module < 0 || syscall(SYS_finit_module, module, text, 0))
		die("%s", file);
	close(module);
	usleep(300000);
	works = find_task("borrow_works");
	lazy = find_task("borrow_lazy");
	expect("a kernel thread that works in it", ask_snapshot("", 1, works, 7, false), 0);
	expect("a kernel thread that was left with it", ask_snapshot("", 1, lazy, 7, false), 0);
	expect("one, asked without proof", ask_snapshot("", works, works, 7, false), 0);
	expect("whose mm a kernel thread uses", ask_snapshot("", pid, pid, 7, true), 0);
	expect("tasks", ask_tasks(""), 0);
	if (syscall(SYS_delete_module, "borrow", O_NONBLOCK))
		die("borrow");
	end_target(pid);
}

/* More processes at once than the module makes room for */
static void visit_crowd(void)
{
	static pid_t pids[400];
	pid_t swarm = start_target(TARGET_SWARM);

	/* room is made for as many tasks, and for as many mms, as there were the last time */
	expect("tasks before", ask_tasks("tasks before"), 0);
	end_target(swarm);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	expect("tasks, many of them new", ask_tasks("tasks, many of them new"), 0);
	expect("as many", ask_tasks("as many"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		end_target(pids[i]);
}

/* More tasks than there is room for: threads, which bring no mm with them */
static void visit_swarm(void)
{
	pid_t swarm;

	expect("tasks before", ask_tasks("tasks before"), 0);
	swarm = start_target(TARGET_SWARM);
	expect("tasks, a process of many", ask_tasks("tasks, a process of many"), 0);
	end_target(swarm);
}

/* An answer that is left for so long that it is gone */
static void visit_unread(void)
{
	char before[32];

	vast = start_target(TARGET_VAST);
	set_parameter("max_unread_s", "1", before, sizeof(before));
	wait_before_reading = 2;
	expect("an answer read too late", ask_snapshot("", vast, vast, 1, false), ETIMEDOUT);
	wait_before_reading = 0;
	set_parameter("max_unread_s", before, NULL, 0);
	end_target(vast);
}

/* In a pid namespace, with the mm of a process outside */
static void look_at_myself(void)
{
	int proof = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	struct message m;

	snapshot_message(&m, family, 7, 1, proof, 7, false);
	expect("shared with outsiders", ask("shared with outsiders", &m), 0);
	expect("tasks of a namespace", ask_tasks("tasks of a namespace"), 0);
	close(proof);
}

/* Return: 0 with a socket that an answer waits in, at @sock; else the errno it was refused with */
static int leave(pid_t pid, int *sock)
{
	static uint8_t buf[32768];
	struct talk talk = { .family = family, .n = 1, .answers[0].seq = 7 };
	int proof = open_proof(pid, "pagemap", O_RDONLY);
	const char *wrong = NULL;
	int little = 2048;
	struct message m;
	ssize_t n;

	*sock = open_socket();
	/* even a peek has the kernel go on with the answer, unless the socket is full */
	setsockopt(*sock, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	snapshot_message(&m, family, 7, pid, proof, PMEMCTL_SECTION_VMAS, false);
	requests++;
	if (send_message(*sock, &m))
		die("cannot be sent");
	n = recv(*sock, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK);
	wrong = n < 0 ? "no answer" : judge(&talk, buf, n);
	if (wrong)
		complain("an answer that is left", wrong);
	if (lent)
		cover_take(lent);
	close(proof);
	if (!talk.answers[0].ended)
		return 0;
	close(*sock);
	return talk.answers[0].error ?: ENODATA;
}

/* As many as may be; *@n of @socks are in use. Return: why no more, 0: there is no end */
static int leave_all(pid_t pid, int socks[LEFT_MAX], int *n)
{
	int error = 0;

	while (!error && *n < LEFT_MAX) {
		error = leave(pid, &socks[*n]);
		*n += !error;
	}
	return error;
}

/* As a user has it: what all of his answers take is limited, too */
static void have_too_much(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	int socks[LEFT_MAX], n = 0, error;

	if (syscall(SYS_capget, &head, caps))
		die("capget");
	caps[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	if (syscall(SYS_capset, &head, caps))
		die("capset");
	expect("a large answer more than a user may have", leave_all(vast, socks, &n), EUSERS);
	expect("one more", leave_all(wide, socks, &n), EUSERS);
	expect("all tasks, too", ask_tasks("all tasks, too"), EUSERS);
	while (n)
		close(socks[--n]);
	/* netlink frees what a socket had a moment after it was closed */
	for (int i = 0; i < 100; i++) {
		error = ask_snapshot("given up", wide, wide, 7, false);
		if (error != EUSERS)
			break;
		usleep(50000);
	}
	expect("when he has given them up", error, 0);
}

struct errand {
	void (*run)(void);
	int cover;
};

static int run_errand(void *data)
{
	const struct errand *errand = data;

	elsewhere = true;
	cover_enter(errand->cover);
	errand->run();
	return 0;
}

/* In a process of its own, of our mm: what it counts is counted here */
static void elsewhere_run(void (*run)(void), int flags)
{
	static uint8_t stack[1 << 17] __attribute__((aligned(16)));
	struct errand errand = { run, cover_lend(&lent) };
	pid_t pid = clone(run_errand, stack + sizeof(stack), CLONE_VM | SIGCHLD | flags, &errand);

	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("clone");
	elsewhere = false;
	cover_return(errand.cover, lent);
	lent = NULL;
}

static void visit_users_limit(void)
{
	pid_t swarm = start_target(TARGET_SWARM);
	char memory[32], places[32];

	vast = start_target(TARGET_VAST);
	wide = start_target(TARGET_WIDE);
	set_parameter("max_snapshot_mib", "1", memory, sizeof(memory));
	set_parameter("max_snapshots", "1000", places, sizeof(places));
	elsewhere_run(have_too_much, 0);
	set_parameter("max_snapshots", places, NULL, 0);
	set_parameter("max_snapshot_mib", memory, NULL, 0);
	end_target(vast);
	end_target(wide);
	end_target(swarm);
}

/* Keeps its lock, to write, but for moments: mprotect() changes each page's entry */
static _Noreturn void keep_lock(void)
{
	void *p = mmap(NULL, LOCKED_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (p == MAP_FAILED)
		die("no memory");
	madvise(p, LOCKED_BYTES, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < LOCKED_BYTES; at += 4096)
		(void)((volatile uint8_t *)p)[at];
	be_ready();
	for (;;) {
		mprotect(p, LOCKED_BYTES, PROT_READ);
		mprotect(p, LOCKED_BYTES, PROT_READ | PROT_WRITE);
	}
}

static void visit_locked(void)
{
	unsigned int busy = 0, answered = 0, killed = 0;
	pid_t pid = fork();
	char comm[32] = "";

	if (!pid)
		keep_lock();
	while (strncmp(comm, "fire-ready", 10)) {
		int fd = open_proof(pid, "comm", O_RDONLY);

		if (fd < 0 || read(fd, comm, sizeof(comm)) < 0)
			die("the target is gone");
		close(fd);
		usleep(20000);
	}
	for (unsigned int i = 0; i < 12; i++) {
		int error = ask_snapshot("a process that keeps its lock", pid, pid, 1, false);

		busy += error == EBUSY;
		answered += !error;
		if (error > 0 && error != EBUSY)
			expect("a process that keeps its lock", error, EBUSY);
	}
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t *area = NULL;
		int fd = cover_lend(&area), status;
		pid_t reader = fork();

		if (!reader) {
			struct message m;

			snapshot_message(&m, family, 7, pid, open_proof(pid, "mem", O_RDONLY), 1,
					 false);
			cover_enter(fd);
			_exit(send_message(open_socket(), &m) ? 1 : 0);
		}
		usleep(60000);
		kill(reader, SIGKILL);
		waitpid(reader, &status, 0);
		killed += WIFSIGNALED(status);
		requests++;
		cover_return(fd, area);
	}
	end_target(pid);
	printf("a process that keeps its lock: %u times busy, %u times answered; %u of 8 readers "
	       "killed before the end\n", busy, answered, killed);
}

int main(int argc, char **argv)
{
	const char *module = "/build/kmod/pmemctl.ko", *cover = NULL;
	const char *borrow = "/build/tests/fixtures/bin/borrow.ko";
	unsigned int lost;

	if (run_as_target(argc, argv))
		return 0;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--module") && argv[i + 1])
			module = argv[++i];
		else if (!strcmp(argv[i], "--borrow") && argv[i + 1])
			borrow = argv[++i];
		else if (!strcmp(argv[i], "--cover") && argv[i + 1])
			cover = argv[++i];
		else
			return fprintf(stderr, "see the top of tests/fire/tour.c\n"), 2;
	}
	family = family_id();
	if (family < 0)
		die("the module is not loaded");
	cover_init(module);
	cover_prepare();
	expect_no_leaks();

	visit_limits();
	visit_programs();
	visit_fixtures();
	visit_kthreads(borrow);
	elsewhere_run(look_at_myself, CLONE_NEWPID);
	visit_users_limit();
	visit_crowd();
	visit_swarm();
	visit_unread();
	visit_locked();

	lost = leaks();
	findings += lost;
	cover_save(cover);
	if (cover_on())
		printf("%u places of the module reached\n", cover_reached());
	tried("requests that need a setting (limits, locks, namespaces)", requests, "requests",
	      findings, "findings");
	printf("%s - fire-tour: %llu findings\n", findings ? "not ok" : "ok", findings);
	return !!findings;
}
