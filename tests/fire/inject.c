// SPDX-License-Identifier: GPL-2.0
/*
 * fire-inject [--dry] [--no-load | --only-load] [--module FILE] [--cover FILE]
 *
 * Requests of every kind while memory cannot be had: the first allocation that the
 * kernel makes for one fails, then the second, and so on, until the request is done
 * and none has failed; once so that only this one fails, and once so that none succeeds
 * any more: what is tried a second time fails, too. Each must be refused with an errno of
 * the few that say this, or be answered wholly and right, where the kernel had another
 * way; the same request after it must be answered as ever. Then the same with loading the
 * module. Last, no piece of memory larger than a page can be had, and every request must
 * be answered as ever. In the end nothing is left over, and neither kmemleak nor the account
 * of the memory cgroup know of anything lost.
 *
 * --dry makes the requests, for a kernel that cannot let allocations fail.
 */
#include "fire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netlink.h>

#define PARAMS		"/sys/module/pmemctl/parameters/"
#define DEBUG		"/sys/kernel/debug/"
#define MAX_NTH		20000
#define KEPT_MAX	(1L << 20)	/* sockets and their like; a page lost each time is more */
#define MANY		1000000	/* more than are ever made to fail */

/* What makes a request one of its kind */
struct request {
	const char *name;
	pid_t pid;		/* 0: PMEMCTL_CMD_TASKS */
	int proof;
	uint32_t sections;
	bool live;
	bool varies;		/* the target's tables are not the same each time */
	size_t buffer;		/* what the reader offers */
	int error;		/* that it is refused with, in any case */
	size_t cut;		/* bytes that the message lacks */
};

/* What came of one */
struct outcome {
	int send_error;
	int recv_error;
	struct answer answer;
	const char *wrong;
	bool fired;
};

/* Which allocations fail */
enum failing {
	ONE,			/* the nth */
	FROM_ONE_ON,		/* that, and all after it */
	LARGER_THAN_A_PAGE,
};

static const char *const failing_names[] = {
	[ONE] = "failing", [FROM_ONE_ON] = "and all after it failing",
	[LARGER_THAN_A_PAGE] = "larger than a page failing",
};

static int fail_nth = -1, make_it_fail = -1;
static enum failing failing;
static int family;
static unsigned long long attempts, fired, findings, refusals, answers;

static void write_fault(int fd, const char *text)
{
	ssize_t len = strlen(text);

	if (pwrite(fd, text, len, 0) != len)
		die("/proc/thread-self/fail-nth or make-it-fail");
}

/*
 * Who is to fail does so by the probability, which is 1, unless fail-nth still counts:
 * that goes first.
 */
static void arm(unsigned int nth)
{
	char text[16];

	if (!nth)
		return;
	if (failing != LARGER_THAN_A_PAGE) {
		snprintf(text, sizeof(text), "%u", nth);
		write_fault(fail_nth, text);
	}
	if (failing != ONE)
		write_fault(make_it_fail, "1");
}

/* Return: how many have failed since it was asked last, of those that were larger than a page */
static long larger_failed(void)
{
	static long left = MANY;
	long before = left;

	if (read_number(DEBUG "fail_page_alloc/times", &left))
		die("fail_page_alloc/times");
	return before - left;
}

/* Return: whether it fired */
static bool disarm(unsigned int nth)
{
	char text[16] = "";

	if (!nth)
		return false;
	write_fault(make_it_fail, "0");
	if (failing == LARGER_THAN_A_PAGE)
		return larger_failed() > 0;
	if (pread(fail_nth, text, sizeof(text) - 1, 0) <= 0)
		die("fail-nth");
	write_fault(fail_nth, "0");
	return !strtoul(text, NULL, 10);
}

static bool is_about_memory(int error)
{
	return error == ENOMEM || error == ENOBUFS;
}

/* Nothing here but what the request needs: all of it is counted */
static void receive(int sock, size_t size, struct talk *talk, struct outcome *o)
{
	static uint8_t buf[1 << 16];
	struct answer *a = &talk->answers[0];
	ssize_t n;

	while (!a->ended && !o->wrong) {
		n = recv(sock, buf, size, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			/* the reader may go on: what failed is tried again */
			if (o->recv_error)
				break;
			o->recv_error = errno;
			continue;
		}
		o->wrong = judge(talk, buf, n);
	}
}

static struct outcome run(const struct request *r, unsigned int nth)
{
	struct talk talk = { .family = family, .n = 1, .answers[0].seq = 7 };
	struct outcome o = {};
	struct message m;
	int sock = open_socket();

	if (r->pid) {
		snapshot_message(&m, family, 7, r->pid, r->proof, r->sections, r->live);
		m.len -= r->cut;
		memcpy(m.bytes, &(uint32_t){ m.len }, 4);
	} else {
		tasks_message(&m, family, 7, r->proof);
	}
	cover_begin();
	arm(nth);
	if (send_message(sock, &m))
		o.send_error = errno;
	else
		receive(sock, r->buffer, &talk, &o);
	o.fired = disarm(nth);
	cover_end();
	close(sock);
	o.answer = talk.answers[0];
	attempts++;
	return o;
}

/* Who lacks but large pieces has another way */
static bool is_excused(const struct outcome *o, int error)
{
	return o->fired && failing != LARGER_THAN_A_PAGE && is_about_memory(error);
}

/* Of a target that does not change: the tables with addresses, files and paths */
static bool same_tables(const struct request *r, const struct answer *a, const struct answer *b)
{
	for (unsigned int i = 0; i < TABLES_MAX; i++) {
		if (r->varies && (!r->pid || i != 1))
			continue;
		if (a->tables[i].count != b->tables[i].count)
			return false;
		if (i != 2 && i != 3 && a->tables[i].hash != b->tables[i].hash)
			return false;
	}
	return a->scalars == b->scalars && a->flags == b->flags;
}

/* Return: NULL, or what is wrong */
static const char *verdict(const struct request *r, const struct outcome *o,
			   const struct outcome *plain)
{
	static char text[200];
	const struct answer *a = &o->answer;

	if (o->wrong)
		return o->wrong;
	if (o->send_error || (o->recv_error && !a->ended)) {
		int error = o->send_error ?: o->recv_error;

		if (is_excused(o, error))
			return NULL;
		snprintf(text, sizeof(text), "errno %d of send, %d of receive", o->send_error,
			 o->recv_error);
		return text;
	}
	if (!a->ended)
		return "no answer";
	if (a->error) {
		if (is_excused(o, a->error) || a->error == r->error)
			return NULL;
		snprintf(text, sizeof(text), "refused with %d", a->error);
		return text;
	}
	if (r->error)
		return "answered what is to be refused";
	if (plain && !same_tables(r, a, &plain->answer))
		return "another answer than without a failure";
	return NULL;
}

static void complain(const struct request *r, unsigned int nth, const char *wrong)
{
	findings++;
	printf("not ok - %s: allocation %u %s: %s\n", r->name, nth, failing_names[failing],
	       wrong);
	fflush(stdout);
}

static void try_each_allocation(const struct request *r, const struct outcome *plain)
{
	unsigned int nth, ended = 0;
	const char *wrong;
	struct outcome o;

	for (nth = 1; ; nth++) {
		o = run(r, nth);
		wrong = verdict(r, &o, plain);
		if (wrong)
			complain(r, nth, wrong);
		if (!o.fired)
			break;
		fired++;
		if (o.send_error || o.recv_error || o.answer.error)
			refusals++;
		else
			answers++;
		ended += o.answer.ended;

		o = run(r, 0);
		wrong = verdict(r, &o, plain);
		if (wrong)
			complain(r, nth, wrong);
		if (nth == MAX_NTH) {
			complain(r, nth, "and there is no end of it");
			break;
		}
	}
	printf("%s: allocation 1 to %u %s: %u were told in an answer\n", r->name, nth - 1,
	       failing_names[failing], ended);
	fflush(stdout);
}

static void try_request(const struct request *r, bool dry)
{
	struct outcome plain = run(r, 0), o;
	const char *wrong = verdict(r, &plain, NULL);

	if (wrong) {
		complain(r, 0, wrong);
		return;
	}
	if (dry)
		return;
	if (failing != LARGER_THAN_A_PAGE) {
		try_each_allocation(r, &plain);
		return;
	}
	o = run(r, 1);
	wrong = verdict(r, &o, &plain);
	if (wrong)
		complain(r, 0, wrong);
	fired += o.fired;
}

static pid_t targets[TARGETS];

static void try_sections(bool dry)
{
	static const char *const proofs[] = { "pagemap", "mem" };
	char name[64];

	for (unsigned int i = 0; i < 16; i++) {
		struct request r = {
			.name = name, .pid = targets[TARGET_WIDE], .sections = i & 7,
			.proof = open_proof(targets[TARGET_WIDE], proofs[i >> 3], O_RDONLY),
			.buffer = 32768,
		};

		snprintf(name, sizeof(name), "sections %u with %s", i & 7, proofs[i >> 3]);
		try_request(&r, dry);
		close(r.proof);
	}
}

static void try_target(const char *name, pid_t pid, const char *proof, uint32_t sections,
		       bool live, bool varies, size_t buffer, bool dry)
{
	struct request r = {
		.name = name, .pid = pid, .sections = sections, .live = live, .varies = varies,
		.buffer = buffer, .proof = proof ? open_proof(pid ?: 1, proof, O_RDONLY) : -1,
	};

	if (proof && r.proof < 0)
		die("%s: %s", name, proof);
	try_request(&r, dry);
	close(r.proof);
}

static void try_refusals(bool dry)
{
	pid_t quiet = targets[TARGET_QUIET];
	int right = open_proof(quiet, "pagemap", O_RDONLY);
	int path = open_proof(quiet, "pagemap", O_PATH);
	int other = open_proof(quiet, "maps", O_RDONLY);
	int wide = open_proof(targets[TARGET_WIDE], "pagemap", O_RDONLY);
	const struct request requests[] = {
		{ .name = "no such process", .pid = targets[TARGET_GONE], .proof = right,
		  .error = ESRCH },
		{ .name = "all tasks, and no proof", .proof = -1, .error = EINVAL },
		{ .name = "all tasks, by the proof of another", .proof = right, .error = ESTALE },
		{ .name = "no proof", .pid = quiet, .proof = -1, .error = EINVAL },
		{ .name = "a proof that is closed", .pid = quiet, .proof = 999, .error = EBADF },
		{ .name = "a proof by path", .pid = quiet, .proof = path, .error = EBADF },
		{ .name = "a proof that is none", .pid = quiet, .proof = other, .error = EINVAL },
		{ .name = "a proof of another", .pid = quiet, .proof = wide, .error = ESTALE },
		{ .name = "live without the right", .pid = quiet, .proof = right, .live = true,
		  .error = EPERM },
		{ .name = "a bit that is no section", .pid = quiet, .proof = right, .sections = 8,
		  .error = EINVAL },
		{ .name = "a message cut off", .pid = quiet, .proof = right, .cut = 2,
		  .error = EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct request r = requests[i];

		r.buffer = 32768;
		try_request(&r, dry);
	}
	close(right);
	close(path);
	close(other);
	close(wide);
}

static pid_t vast, library, names, deep;

static void try_requests(bool dry)
{
	unsigned long long before = dry ? attempts : fired, wrong = findings;
	pid_t threads = targets[TARGET_THREADS];
	char what[100];

	try_sections(dry);
	try_target("small pieces", targets[TARGET_WIDE], "pagemap", 7, false, false, 4096, dry);
	try_target("many VMAs", vast, "pagemap", 1, false, false, 32768, dry);
	try_target("threads", threads, "pagemap", 7, false, true, 32768, dry);
	try_target("a thread, by its id", other_thread(threads), "mem", 7, false, true, 32768, dry);
	snprintf(what, sizeof(what), "task/%d/pagemap", other_thread(targets[TARGET_LEADERLESS]));
	try_target("no leader", targets[TARGET_LEADERLESS], what, 7, false, true, 32768, dry);
	try_target("live threads", threads, "mem", 2, true, true, 32768, dry);
	try_target("live, all", threads, "mem", 7, true, true, 32768, dry);
	try_target("live, myself", getpid(), "mem", 7, true, true, 32768, dry);
	try_target("sharers", targets[TARGET_PAIR], "pagemap", 4, false, false, 32768, dry);
	try_target("a sharer", targets[TARGET_PAIR_CHILD], "mem", 7, false, false, 32768, dry);
	try_target("many files", library, "pagemap", 7, false, false, 32768, dry);
	try_target("many names", names, "pagemap", 7, false, false, 32768, dry);
	try_target("a long path", deep, "pagemap", 7, false, false, 32768, dry);
	try_target("a kernel thread", 2, NULL, 7, false, true, 32768, dry);
	try_target("all tasks", 0, "pagemap", 0, false, true, 32768, dry);
	try_target("all tasks in small pieces", 0, "mem", 0, false, true, 4096, dry);
	try_refusals(dry);
	snprintf(what, sizeof(what), "requests with %s allocation %s",
		 failing == LARGER_THAN_A_PAGE ? "every" : "the 1st, 2nd, ...",
		 failing_names[failing]);
	tried(dry ? "ordinary requests" : what, (dry ? attempts : fired) - before,
	      "requests", findings - wrong, "findings");
}

static void wrong_with_load(unsigned int nth, const char *wrong, int error)
{
	findings++;
	printf("not ok - loading: allocation %u %s: %s (%d)\n", nth, failing_names[failing],
	       wrong, error);
	fflush(stdout);
}

static void unload(unsigned int nth)
{
	for (unsigned int i = 0; syscall(SYS_delete_module, "pmemctl", O_NONBLOCK); i++) {
		if (i == 100) {
			wrong_with_load(nth, "cannot be unloaded", errno);
			die("cannot unload");
		}
		usleep(20000);
	}
}

static void check_absent(unsigned int nth)
{
	int id = family_id();

	if (!access("/sys/module/pmemctl", F_OK))
		wrong_with_load(nth, "half of it is still there", 0);
	if (id != -ENOENT)
		wrong_with_load(nth, "the family is still there", id);
}

static void check_present(unsigned int nth)
{
	struct request r = {
		.name = "after loading", .pid = targets[TARGET_QUIET], .sections = 7,
		.buffer = 32768,
	};
	const char *wrong;
	struct outcome o;

	cover_move();
	family = family_id();
	r.proof = open_proof(r.pid, "pagemap", O_RDONLY);
	o = run(&r, 0);
	close(r.proof);
	wrong = family < 0 ? "no family" : verdict(&r, &o, NULL);
	if (wrong)
		wrong_with_load(nth, wrong, 0);
}

/* In memory: what the file system needs is not the module's */
static int copy_module(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to;
	char buf[65536];
	ssize_t n;

	to = syscall(SYS_memfd_create, "pmemctl.ko", 0);
	if (from < 0 || to < 0)
		die("%s", path);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, n) != n)
			die("memfd");
	close(from);
	return to;
}

static void try_load(const char *path)
{
	unsigned long long before = findings, refused = 0, loads = 0;
	int module = copy_module(path), error;
	unsigned int nth;
	char what[100];
	bool hit;

	unload(0);
	check_absent(0);
	for (nth = 1; ; nth++) {
		cover_begin();
		arm(nth);
		error = syscall(SYS_finit_module, module, "", 0) ? errno : 0;
		hit = disarm(nth);
		cover_move();
		cover_end();
		if (error) {
			refused++;
			if (!hit || !(is_about_memory(error) || error == EAGAIN))
				wrong_with_load(nth, "refused otherwise", error);
			check_absent(nth);
		} else {
			loads++;
			check_present(nth);
			if (!hit)
				break;
			cover_begin();
			unload(nth);
			cover_end();
		}
		if (nth == MAX_NTH)
			die("there is no end of allocations");
	}
	close(module);
	printf("loading: allocation 1 to %u %s: %llu refused, %llu loaded all the same\n", nth - 1,
	       failing_names[failing], refused, loads - 1);
	snprintf(what, sizeof(what), "loading with the 1st, 2nd, ... allocation %s",
		 failing_names[failing]);
	tried(what, nth - 1, "loads", findings - before, "findings");
}

/* Answers that are counted and do not exist would let nobody look any more */
static void check_nothing_left(void)
{
	struct request r = {
		.name = "with a limit of one answer", .pid = targets[TARGET_QUIET], .sections = 7,
		.buffer = 32768,
	};
	const char *wrong;
	struct outcome o;
	long before, uses;
	char text[32];

	if (read_number(PARAMS "max_snapshots", &before) || write_text(PARAMS "max_snapshots", "1"))
		die("max_snapshots");
	r.proof = open_proof(r.pid, "pagemap", O_RDONLY);
	o = run(&r, 0);
	wrong = verdict(&r, &o, NULL);
	if (wrong)
		complain(&r, 0, wrong);
	close(r.proof);
	snprintf(text, sizeof(text), "%ld", before);
	write_text(PARAMS "max_snapshots", text);
	if (read_number("/sys/module/pmemctl/refcnt", &uses) || uses) {
		findings++;
		printf("not ok - the module is in use %ld times\n", uses);
	}
}

static void set_fault(const char *fault, const char *name, const char *value)
{
	char path[100];

	snprintf(path, sizeof(path), DEBUG "%s/%s", fault, name);
	if (write_text(path, value))
		die("%s", path);
}

static void prepare_failures(void)
{
	static const char *const faults[] = { "failslab", "fail_page_alloc" };
	static const char *const both[][2] = {
		{ "ignore-gfp-wait", "N" }, { "verbose", "0" }, { "task-filter", "Y" },
		{ "interval", "1" }, { "space", "0" }, { "times", "-1" },
		{ "probability", "100" },
	};

	set_fault("failslab", "cache-filter", "N");
	set_fault("fail_page_alloc", "ignore-gfp-highmem", "N");
	set_fault("fail_page_alloc", "min-order", "0");
	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		for (size_t k = 0; k < ARRAY_SIZE(faults); k++)
			set_fault(faults[k], both[i][0], both[i][1]);
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	make_it_fail = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0 || make_it_fail < 0)
		die("/proc/thread-self/fail-nth or make-it-fail");
	/* a page fault that never gets its page never ends */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
}

static void prepare_larger(void)
{
	char many[16];

	snprintf(many, sizeof(many), "%d", MANY);
	set_fault("failslab", "probability", "0");
	/* with KASAN's red zones a piece of a page takes two, and one of two takes four */
	set_fault("fail_page_alloc", "min-order", "2");
	set_fault("fail_page_alloc", "times", many);
}

int main(int argc, char **argv)
{
	const char *module = "/build/kmod/pmemctl.ko", *cover = NULL;
	bool dry = false, load = true, ask = true;
	unsigned int lost;
	long before, kept;

	if (run_as_target(argc, argv))
		return 0;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--dry"))
			dry = true;
		else if (!strcmp(argv[i], "--no-load"))
			load = false;
		else if (!strcmp(argv[i], "--only-load"))
			ask = false;
		else if (!strcmp(argv[i], "--module") && argv[i + 1])
			module = argv[++i];
		else if (!strcmp(argv[i], "--cover") && argv[i + 1])
			cover = argv[++i];
		else
			return fprintf(stderr, "see the top of tests/fire/inject.c\n"), 2;
	}
	family = family_id();
	if (family < 0)
		die("the module is not loaded");
	cover_init(module);
	cover_prepare();
	start_targets(targets);
	vast = start_target(TARGET_VAST);
	library = start_target(TARGET_LIBRARY);
	names = start_target(TARGET_NAMES);
	deep = start_target(TARGET_DEEP);
	expect_no_leaks();
	account_open();
	/* once without a failure: what is allocated once and kept is there then */
	try_requests(true);
	before = account();
	if (!dry)
		prepare_failures();

	for (failing = ONE; !dry && failing <= LARGER_THAN_A_PAGE; failing++) {
		if (failing == LARGER_THAN_A_PAGE)
			prepare_larger();
		if (ask)
			try_requests(false);
		if (load && failing != LARGER_THAN_A_PAGE)
			try_load(module);
	}
	check_nothing_left();
	stop_targets(targets);
	lost = leaks_but_loader();
	findings += lost;
	kept = account() - before;
	if (kept > KEPT_MAX) {
		findings++;
		printf("not ok - %ld bytes are not given back\n", kept);
	}
	printf("%llu requests, %llu allocations failed: %llu refused, %llu answered all the same; "
	       "%u leaks, %ld bytes more in use than before\n", attempts, fired, refusals, answers,
	       lost, kept);
	if (cover_on())
		printf("%u places of the module reached\n", cover_reached());
	cover_save(cover);
	printf("%s - fire-inject: %llu findings\n", findings ? "not ok" : "ok", findings);
	return !!findings;
}
