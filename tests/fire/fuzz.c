// SPDX-License-Identifier: GPL-2.0
/*
 * fire-fuzz [--seed N] [--requests N] [--seconds N] [--cover FILE] [--module FILE]
 * fire-fuzz --replay SEED:CASE[@CASE...]
 *
 * Requests that are made well and then changed, from root, a user and root of other
 * namespaces, about processes that change meanwhile. What comes back is judged; so
 * is whether it should have come at all. A case is a function of the seed and its
 * number; where the kernel tells what was reached, half of the cases begin with one
 * that reached something new, and are named after that, too: CASE@PARENT.
 *
 * Exit status: 1 if anything was found.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFER		32768
#define WORKERS		4
#define SHELVES		3
#define CORPUS_MAX	512
#define CHAIN_MAX	32
#define FINDINGS_MAX	20
#define REFRESH		64	/* cases between looks at who executes programs */

static const enum identity identities[WORKERS] = { AS_ROOT, AS_ROOT, AS_USER, IN_NAMESPACE };

/* The numbers of a case and of those that it was made from, the first one last */
struct chain {
	unsigned int nr;
	uint64_t numbers[CHAIN_MAX];
};

/* Shared by all workers */
struct tally {
	uint64_t cases[WORKERS];
	uint64_t requests;
	uint64_t answers;
	uint64_t errors[256];
	uint64_t findings;
	uint64_t corpus;
};

/* What a request asks for, as the kernel will read it */
struct wish {
	uint32_t seq;
	bool is_ours;		/* of the family, and whole enough to be looked at */
	bool must_answer;
	bool strange_head;	/* which is refused without a word */
	uint8_t cmd;
	uint32_t pid;
	uint32_t fd;
	uint32_t sections;
	bool live;
};

struct wishes {
	unsigned int nr;
	struct wish all[8];
};

/* A socket with an answer that is read later */
struct shelf {
	int sock;
	struct talk talk;
	struct wishes wishes;
	char name[64];
};

/* A second thread, and a child of ours: they send on our socket when told to */
struct helper {
	sem_t go, done;
	int sock;
	int family;
	uint8_t bytes[4096];
	size_t len;
	struct talk talk;
	const char *wrong;
	int to_child, from_child;
	int child_sock;
};

static uint64_t seed = 1;
static struct tally *tally;
static struct caller caller;
static struct shelf shelves[SHELVES];
static struct helper helper;
static int family;
static int sock = -1;
static uint32_t next_seq = 1;
static bool verbose;
static time_t deadline;		/* CLOCK_MONOTONIC; 0: none */

struct entry {
	struct plan plan;
	struct chain chain;
};

static struct entry *corpus;
static unsigned int nr_corpus;

static void count(uint64_t *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

static void chain_name(const struct chain *chain, char *to, size_t room)
{
	int len = snprintf(to, room, "%llu:%llu", (unsigned long long)seed,
			   (unsigned long long)chain->numbers[0]);

	for (unsigned int i = 1; i < chain->nr && len < (int)room; i++)
		len += snprintf(to + len, room - len, "@%llu",
				(unsigned long long)chain->numbers[i]);
}

static void complain(const char *name, const char *wrong)
{
	count(&tally->findings);
	if (tally->findings <= FINDINGS_MAX)
		printf("not ok - --replay %s: %s\n", name, wrong);
	fflush(stdout);
}

/* What the kernel will see in the attributes: of several, the last */
static void read_attrs(struct wish *wish, const uint8_t *p, size_t len)
{
	struct nlattr nla;
	uint32_t value;
	int type;

	while (len >= sizeof(nla)) {
		memcpy(&nla, p, sizeof(nla));
		if (nla.nla_len < NLA_HDRLEN || nla.nla_len > len)
			break;
		if (nla.nla_len >= NLA_HDRLEN + sizeof(value))
			memcpy(&value, p + NLA_HDRLEN, sizeof(value));
		else
			value = -1;
		type = nla.nla_type & NLA_TYPE_MASK;
		if (wish->cmd == PMEMCTL_CMD_TASKS && type == PMEMCTL_TASKS_A_PROOF_FD)
			wish->fd = value;
		switch (wish->cmd == PMEMCTL_CMD_TASKS ? 0 : type) {
		case PMEMCTL_A_PID:
			wish->pid = value;
			break;
		case PMEMCTL_A_PROOF_FD:
			wish->fd = value;
			break;
		case PMEMCTL_A_SECTIONS:
			wish->sections = value;
			break;
		case PMEMCTL_A_LIVE:
			wish->live = true;
			break;
		}
		if ((size_t)NLA_ALIGN(nla.nla_len) >= len)
			break;
		p += NLA_ALIGN(nla.nla_len);
		len -= NLA_ALIGN(nla.nla_len);
	}
}

/* As netlink_rcv_skb() takes a datagram apart */
static void read_wishes(struct wishes *wishes, const uint8_t *p, size_t len)
{
	wishes->nr = 0;
	while (len >= NLMSG_HDRLEN && wishes->nr < ARRAY_SIZE(wishes->all)) {
		struct wish *wish = &wishes->all[wishes->nr];
		struct genlmsghdr genl = {};
		struct nlmsghdr nlh;
		size_t step;

		memcpy(&nlh, p, sizeof(nlh));
		if (nlh.nlmsg_len < NLMSG_HDRLEN || nlh.nlmsg_len > len)
			break;
		*wish = (struct wish) { .seq = nlh.nlmsg_seq, .fd = -1, .sections = -1 };
		wish->must_answer = nlh.nlmsg_flags & NLM_F_ACK ||
			(nlh.nlmsg_flags & NLM_F_REQUEST && nlh.nlmsg_type >= NLMSG_MIN_TYPE);
		wish->is_ours = nlh.nlmsg_flags & NLM_F_REQUEST && nlh.nlmsg_type == family;
		wish->strange_head = nlh.nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN;
		if (!wish->strange_head) {
			memcpy(&genl, p + NLMSG_HDRLEN, sizeof(genl));
			wish->cmd = genl.cmd;
			wish->strange_head = genl.reserved;
			read_attrs(wish, p + NLMSG_HDRLEN + GENL_HDRLEN,
				   nlh.nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
		}
		wishes->nr++;
		step = NLMSG_ALIGN(nlh.nlmsg_len);
		if (step > len)
			break;
		p += step;
		len -= step;
	}
}

/* Rights are checked whatever was lost of the answer; the rest only of a whole one */
static const char *judge_right(const struct wish *wish, const struct answer *a, bool by_child)
{
	static const uint8_t section_of[TABLES_MAX] = {
		PMEMCTL_SECTION_VMAS, 0, PMEMCTL_SECTION_THREADS, PMEMCTL_SECTION_SHARERS, 0,
	};
	pid_t leader;

	if (!a->messages)
		return NULL;
	if (!wish->is_ours || a->cmd != wish->cmd)
		return "an answer to another question";
	if (a->cmd == PMEMCTL_CMD_TASKS)
		return caller.identity == AS_ROOT && caller_may(&caller, 1, wish->fd, false) ?
		       NULL : "all tasks, told without a right";
	if (a->flags & PMEMCTL_PROCESS_KTHREAD)
		return caller.identity == IN_NAMESPACE ? "a kernel thread, in a pid namespace" : NULL;
	leader = caller_may(&caller, wish->pid, wish->fd, wish->live);
	if (by_child || !leader)
		return "answered without a right";
	if (a->scalars & 1U << PMEMCTL_A_PID && a->pid != (uint32_t)leader)
		return "another process than asked for";
	if (a->flags & PMEMCTL_PROCESS_ATTACH && wish->fd < FD_FIRST + TARGETS)
		return "ATTACH by a pagemap";
	if (wish->sections > PMEMCTL_SECTION_ALL)
		return "sections that there are not";
	for (unsigned int i = 0; i < TABLES_MAX; i++)
		if (section_of[i] && a->tables[i].total && !(wish->sections & section_of[i]))
			return "a table that was not asked for";
	return NULL;
}

static const char *judge_answer(const struct wish *wish, const struct answer *a,
				const struct talk *talk, bool by_child)
{
	const char *wrong = judge_right(wish, a, by_child);

	if (wrong || talk->loose)
		return wrong;
	if (wish->must_answer && !a->ended)
		return "no answer";
	if (!wish->must_answer && (a->ended || a->messages))
		return "an answer to what was not asked";
	if (a->refused && !a->error && wish->is_ours)
		return "an acknowledgement for no work";
	if (a->refused && (a->error == EINVAL || a->error == ERANGE) && wish->is_ours &&
	    !wish->strange_head && !a->has_words && !talk->wordless)
		return "refused without a word";
	return NULL;
}

/* A request as a client makes it, of a process that stays as it is */
static const char *judge_plain(const struct wish *wish, const struct answer *a)
{
	static const enum target_kind steady[] = {
		TARGET_SELF, TARGET_QUIET, TARGET_WIDE, TARGET_THREADS, TARGET_PAIR,
		TARGET_PAIR_CHILD, TARGET_LEADERLESS,
	};
	static char text[64];

	if (!a->error || wish->cmd != PMEMCTL_CMD_SNAPSHOT ||
	    !caller_may(&caller, wish->pid, wish->fd, wish->live))
		return NULL;
	for (unsigned int i = 0; i < ARRAY_SIZE(steady); i++) {
		if ((uint32_t)caller.pids[steady[i]] != wish->pid)
			continue;
		snprintf(text, sizeof(text), "refused what is right: error %d", a->error);
		return text;
	}
	return NULL;
}

static void judge_all(const char *name, const struct wishes *wishes, const struct talk *talk,
		      bool by_child)
{
	for (unsigned int i = 0; i < wishes->nr; i++) {
		const struct answer *a = &talk->answers[i];
		const char *wrong = judge_answer(&wishes->all[i], a, talk, by_child);

		count(&tally->requests);
		if (a->ended && a->error && a->error < 256)
			count(&tally->errors[a->error]);
		else if (a->messages)
			count(&tally->answers);
		if (verbose)
			printf("  request %u: %u messages, ended %d, error %d, words %d: %s\n", i,
			       a->messages, a->ended, a->error, a->has_words, wrong ?: "as it should");
		if (wrong)
			complain(name, wrong);
	}
}

static void begin_talk(struct talk *talk, const struct wishes *wishes)
{
	memset(talk, 0, sizeof(*talk));
	talk->family = family;
	talk->n = wishes->nr;
	for (unsigned int i = 0; i < wishes->nr; i++)
		talk->answers[i].seq = wishes->all[i].seq;
}

static int send_bytes(int to, const uint8_t *bytes, size_t len, bool address)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(to, bytes, len, 0, address ? (struct sockaddr *)&kernel : NULL,
		      address ? sizeof(kernel) : 0) < 0 ? -errno : 0;
}

/*
 * Reads what is there; what the kernel has not yet sent of a dump it sends
 * meanwhile, so there is nothing to wait for. Return: what is wrong, or NULL.
 */
static const char *read_all(int from, struct talk *talk, size_t size, unsigned int most)
{
	static __thread uint8_t buf[BUFFER];
	const char *wrong = NULL;

	while (most-- && !wrong) {
		ssize_t n = recv(from, buf, size, MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && errno == ENOBUFS)	/* the socket was full */
			talk->loose = true;
		else if (n < 0)
			break;
		else if ((size_t)n > size)
			talk->loose = true;
		else
			wrong = judge(talk, buf, n);
	}
	return wrong;
}

static void empty_shelf(struct shelf *shelf)
{
	const char *wrong;

	if (shelf->sock < 0)
		return;
	wrong = read_all(shelf->sock, &shelf->talk, BUFFER, -1);
	if (wrong)
		complain(shelf->name, wrong);
	else
		judge_all(shelf->name, &shelf->wishes, &shelf->talk, false);
	close(shelf->sock);
	shelf->sock = -1;
}

static void *help(void *unused)
{
	(void)unused;
	for (;;) {
		while (sem_wait(&helper.go))
			;
		helper.wrong = NULL;
		if (!send_bytes(helper.sock, helper.bytes, helper.len, true))
			helper.wrong = read_all(helper.sock, &helper.talk, BUFFER, -1);
		sem_post(&helper.done);
	}
	return NULL;
}

static _Noreturn void be_helper(int from, int to)
{
	ssize_t len;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((len = read(from, helper.bytes, sizeof(helper.bytes))) > 0) {
		send_bytes(helper.child_sock, helper.bytes, len, true);
		if (write(to, "", 1) != 1)
			break;
	}
	_exit(0);
}

static void start_helpers(void)
{
	int there[2], back[2];
	pthread_t thread;

	sem_init(&helper.go, 0, 0);
	sem_init(&helper.done, 0, 0);
	helper.child_sock = open_socket();
	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		die("pipe");
	if (!fork())
		be_helper(there[0], back[1]);
	close(there[0]);
	close(back[1]);
	helper.to_child = there[1];
	helper.from_child = back[0];
	if (pthread_create(&thread, NULL, help, NULL))
		die("no thread");
}

/* Both threads send the same, and both read: who gets what is chance */
static const char *race(const uint8_t *bytes, size_t len, struct talk *talk)
{
	const char *wrong;

	talk->loose = true;
	helper.sock = sock;
	memcpy(helper.bytes, bytes, len);
	helper.len = len;
	helper.talk = *talk;
	sem_post(&helper.go);
	send_bytes(sock, bytes, len, true);
	wrong = read_all(sock, talk, BUFFER, -1);
	while (sem_wait(&helper.done))
		;
	if (!wrong)
		wrong = helper.wrong;
	if (!wrong)
		wrong = read_all(sock, talk, BUFFER, -1);
	return wrong;
}

static const char *by_child(const uint8_t *bytes, size_t len, struct talk *talk)
{
	char c;

	if (write(helper.to_child, bytes, len) != (ssize_t)len ||
	    read(helper.from_child, &c, 1) != 1)
		die("the helper is gone");
	return read_all(helper.child_sock, talk, BUFFER, -1);
}

static void renew_socket(void)
{
	if (sock >= 0)
		close(sock);
	sock = open_socket();
}

/* As the plan wants the socket to be; with what it mostly is it is that already */
static void tell_socket(uint8_t hears)
{
	int on = 1, off = 0;

	if ((hears & HEARS_STRICTLY &&
	     setsockopt(sock, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on))) ||
	    (hears & HEARS_NO_WORDS &&
	     setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &off, sizeof(off))))
		die("netlink socket");
}

static void run_case(const struct plan *plan, bool plain, const char *name)
{
	static uint8_t bytes[4096];
	const char *wrong = NULL;
	struct wishes wishes;
	struct talk talk;
	size_t len;
	int error, small = 2048;

	len = plan_bytes(plan, family, next_seq, caller.pids, bytes, sizeof(bytes));
	next_seq += FORMS_MAX;
	read_wishes(&wishes, bytes, len);
	begin_talk(&talk, &wishes);
	if (verbose) {
		printf("%s: way %u, %zu bytes, as caller %d, socket %u:", name, plan->way, len,
		       caller.identity, plan->hears);
		for (size_t i = 0; i < len; i++)
			printf("%s%02x", i % 4 ? "" : " ", bytes[i]);
		printf("\n");
	}

	if (plan->way == WAY_FULL) {
		renew_socket();
		setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		talk.loose = true;
	}
	tell_socket(plan->hears);
	/* the helper process has a socket of its own */
	talk.wordless = plan->hears & HEARS_NO_WORDS && plan->way != WAY_CHILD;
	if (plan->way == WAY_THREAD) {
		wrong = race(bytes, len, &talk);
	} else if (plan->way == WAY_CHILD) {
		wrong = by_child(bytes, len, &talk);
	} else {
		error = send_bytes(sock, bytes, len, plan->way != WAY_NO_ADDRESS);
		if (!error && plan->way == WAY_TWICE) {
			/* answers to both have the same number */
			talk.loose = true;
			error = send_bytes(sock, bytes, len, true);
		}
		if (error && error != -ENOBUFS)
			wrong = "the kernel did not take it";
	}

	switch (plan->way) {
	case WAY_LEAVE: {
		struct shelf *shelf = &shelves[plan->amount % SHELVES];

		empty_shelf(shelf);
		if (!wrong) {
			*shelf = (struct shelf) { .sock = sock, .talk = talk, .wishes = wishes };
			snprintf(shelf->name, sizeof(shelf->name), "%.63s", name);
			sock = open_socket();
			return;
		}
		break;
	}
	case WAY_PART:
		talk.loose = true;
		wrong = wrong ?: read_all(sock, &talk, BUFFER, plan->amount % 4);
		break;
	case WAY_TINY:
		talk.loose = true;
		wrong = wrong ?: read_all(sock, &talk, 1 + plan->amount * 4, 1 + plan->amount % 8);
		break;
	case WAY_PEEK:
		recv(sock, bytes, 1 + plan->amount, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
		break;
	}
	if (!wrong && plan->way != WAY_PART)
		wrong = read_all(plan->way == WAY_CHILD ? helper.child_sock : sock, &talk, BUFFER, -1);
	if (!wrong && plain && plan->way == WAY_READ && plan->nr == 1)
		wrong = judge_plain(&wishes.all[0], &talk.answers[0]);
	if (wrong)
		complain(name, wrong);
	else
		judge_all(name, &wishes, &talk, plan->way == WAY_CHILD);
	if (wrong || talk.loose || plan->hears)
		renew_socket();
}

/* Return: whether the case begins with another, which is *@parent by chance */
static bool is_derived(uint64_t number, uint32_t *parent)
{
	struct dice dice;
	bool derived;

	dice_begin(&dice, seed, number, 0);
	derived = dice_throw(&dice, 2);
	*parent = dice_throw(&dice, 1 << 30);
	return derived;
}

/* Return: whether it was left as a client makes it */
static bool make_fresh(struct plan *plan, uint64_t number)
{
	struct dice dice;
	bool plain;

	dice_begin(&dice, seed, number, 1);
	plan_make(plan, &dice);
	plain = !dice_throw(&dice, 4);
	if (!plain)
		plan_mutate(plan, &dice);
	return plain;
}

static void derive(struct plan *plan, uint64_t number)
{
	struct dice dice;

	dice_begin(&dice, seed, number, 2);
	plan_mutate(plan, &dice);
}

static void next_case(uint64_t number)
{
	struct chain chain = { .nr = 1, .numbers = { number } };
	struct plan plan;
	bool plain = false;
	char name[256];
	uint32_t parent;

	if (is_derived(number, &parent) && nr_corpus) {
		const struct entry *from = &corpus[parent % nr_corpus];

		plan = from->plan;
		chain.nr += from->chain.nr;
		memcpy(&chain.numbers[1], from->chain.numbers,
		       from->chain.nr * sizeof(chain.numbers[0]));
		derive(&plan, number);
	} else {
		plain = make_fresh(&plan, number);
	}
	chain_name(&chain, name, sizeof(name));
	cover_begin();
	run_case(&plan, plain, name);
	if (cover_end() && nr_corpus < CORPUS_MAX && chain.nr < CHAIN_MAX) {
		corpus[nr_corpus].plan = plan;
		corpus[nr_corpus++].chain = chain;
		count(&tally->corpus);
	}
}

static void begin_worker(unsigned int worker, pid_t foreign)
{
	cover_prepare();
	caller_become(&caller, identities[worker], foreign);
	for (unsigned int i = 0; i < SHELVES; i++)
		shelves[i].sock = -1;
	renew_socket();
	start_helpers();
	corpus = calloc(CORPUS_MAX, sizeof(*corpus));
	if (!corpus)
		die("no memory");
}

static void end_worker(void)
{
	for (unsigned int i = 0; i < SHELVES; i++)
		empty_shelf(&shelves[i]);
	close(sock);
	stop_targets(caller.pids);
}

static bool is_late(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return deadline && t.tv_sec >= deadline;
}

static _Noreturn void work(unsigned int worker, uint64_t cases, pid_t foreign)
{
	begin_worker(worker, foreign);
	for (uint64_t number = worker; number < cases; number += WORKERS) {
		if (!(tally->cases[worker]++ % REFRESH))
			caller_refresh(&caller);
		next_case(number);
		if (tally->findings > FINDINGS_MAX || is_late())
			break;
	}
	end_worker();
	_exit(0);
}

/* In a child, which becomes the caller that it was */
static _Noreturn void replay(const char *text, pid_t foreign)
{
	struct chain chain = {};
	struct plan plan;
	bool plain;
	char *end;

	verbose = true;
	seed = strtoull(text, &end, 10);
	while (*end && chain.nr < CHAIN_MAX)
		chain.numbers[chain.nr++] = strtoull(end + 1, &end, 10);
	if (!chain.nr)
		die("%s: SEED:CASE wanted", text);
	begin_worker(chain.numbers[0] % WORKERS, foreign);
	plain = make_fresh(&plan, chain.numbers[chain.nr - 1]);
	for (unsigned int i = chain.nr - 1; i--; ) {
		derive(&plan, chain.numbers[i]);
		plain = false;
	}
	run_case(&plan, plain, text);
	end_worker();
	_exit(0);
}

/* A million takes an hour where the kernel checks itself */
static void wait_for(const pid_t *pids, unsigned int nr)
{
	unsigned int seconds = 0;

	for (unsigned int i = 0; i < nr; i++) {
		pid_t ended;
		int status;

		while (!(ended = waitpid(pids[i], &status, WNOHANG))) {
			sleep(1);
			if (++seconds % 60)
				continue;
			printf("%llu requests so far\n", (unsigned long long)tally->requests);
			fflush(stdout);
		}
		if (ended < 0)
			die("wait");
		if (status) {
			count(&tally->findings);
			printf("not ok - caller %u ended with %#x after %llu cases\n", i, status,
			       (unsigned long long)tally->cases[i]);
		}
	}
}

static void report(double seconds)
{
	uint64_t cases = 0;

	for (unsigned int i = 0; i < WORKERS; i++)
		cases += tally->cases[i];
	printf("seed %llu: %llu cases, %llu requests in %.0f s (%.0f a second)\n",
	       (unsigned long long)seed, (unsigned long long)cases,
	       (unsigned long long)tally->requests, seconds, tally->requests / seconds);
	printf("%llu answered, refused:", (unsigned long long)tally->answers);
	for (unsigned int i = 0; i < ARRAY_SIZE(tally->errors); i++)
		if (tally->errors[i])
			printf(" %s %llu", strerrorname_np(i), (unsigned long long)tally->errors[i]);
	printf("\n");
	if (cover_on())
		printf("%u places of the module reached, by %llu cases that were kept\n",
		       cover_reached(), (unsigned long long)tally->corpus);
}

/* Left over: answers that count and are nowhere, or a use of the module */
static void check_nothing_left(void)
{
	long uses = 1;

	for (unsigned int i = 0; i < 100 && uses; i++) {
		if (read_number("/sys/module/pmemctl/refcnt", &uses))
			uses = 1;
		usleep(20000);
	}
	if (uses) {
		count(&tally->findings);
		printf("not ok - the module is in use %ld times\n", uses);
	}
}

int main(int argc, char **argv)
{
	const char *module = "/build/kmod/pmemctl.ko", *cover = NULL, *again = NULL;
	struct timespec begin, end;
	uint64_t requests = 20000, limit = 0;
	pid_t pids[WORKERS], foreign;
	unsigned int lost;
	double seconds;

	if (run_as_target(argc, argv))
		return 0;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--seed") && argv[i + 1])
			seed = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--requests") && argv[i + 1])
			requests = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--seconds") && argv[i + 1])
			limit = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--replay") && argv[i + 1])
			again = argv[++i];
		else if (!strcmp(argv[i], "--module") && argv[i + 1])
			module = argv[++i];
		else if (!strcmp(argv[i], "--cover") && argv[i + 1])
			cover = argv[++i];
		else
			return fprintf(stderr, "see the top of tests/fire/fuzz.c\n"), 2;
	}
	family = family_id();
	if (family < 0)
		die("the module is not loaded");
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		die("no memory");
	foreign = start_target(TARGET_QUIET);
	if (again) {
		pids[0] = fork();
		if (!pids[0])
			replay(again, foreign);
		wait_for(pids, 1);
		kill(foreign, SIGKILL);
		return !!tally->findings;
	}

	cover_init(module);
	expect_no_leaks();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	deadline = limit ? begin.tv_sec + (time_t)limit : 0;
	for (unsigned int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			work(i, requests, foreign);
	}
	wait_for(pids, WORKERS);
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9;
	kill(foreign, SIGKILL);
	check_nothing_left();
	lost = leaks();
	tally->findings += lost;

	report(seconds);
	cover_save(cover);
	tried("mutated requests (fuzzing)", tally->requests, "requests", tally->findings, "findings");
	printf("%s - fire-fuzz: %llu findings\n", tally->findings ? "not ok" : "ok",
	       (unsigned long long)tally->findings);
	return !!tally->findings;
}
