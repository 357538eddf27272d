/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attacks on the module, in a guest: what the programs of this directory share.
 *
 *	fire-fuzz	requests that no client would send, by the million
 *	fire-inject	requests while allocations fail, one after another
 *	fire-tour	what neither of these comes by: states that need a setting
 *
 * All of them judge every byte that the module sends (judge.c), by the uapi header
 * alone; say on stdout what they tried (report.c); and gather what they reached of
 * the module, where the kernel can tell (cover.c).
 */
#ifndef FIRE_H
#define FIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/pmemctl.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* report.c */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tried(const char *what, unsigned long long count, const char *unit,
	   unsigned long long found, const char *finding);
int read_number(const char *path, long *value);
int write_text(const char *path, const char *text);
void account_open(void);
long account(void);
unsigned int leaks(void);
unsigned int leaks_but_loader(void);
void expect_no_leaks(void);

/* wire.c */
struct message {
	uint8_t bytes[1024];
	size_t len;
};

int family_id(void);
int open_socket(void);
void begin_message(struct message *m, int family, uint16_t flags, uint32_t seq, uint8_t cmd);
void add_attr(struct message *m, uint16_t type, const void *payload, size_t len);
void add_u32(struct message *m, uint16_t type, uint32_t value);
void snapshot_message(struct message *m, int family, uint32_t seq, uint32_t pid, int proof,
		      uint32_t sections, bool live);
void tasks_message(struct message *m, int family, uint32_t seq, int proof);
int send_message(int sock, const struct message *m);

/* judge.c */
enum { TABLES_MAX = 5 };

struct table_seen {
	uint32_t count;
	uint32_t total;
	uint64_t hash;
};

/* What was said so far in answer to one request */
struct answer {
	uint32_t seq;
	bool ended;		/* by NLMSG_DONE or NLMSG_ERROR */
	bool refused;		/* by NLMSG_ERROR */
	bool has_words;		/* an extended ack with a text */
	bool partial;		/* what came first may have gone to another reader */
	int error;		/* errno, 0 for none */
	uint8_t cmd;		/* of the messages; 0: there was none */
	unsigned int messages;
	uint32_t scalars;	/* bit for each attribute that came */
	uint32_t pid;
	uint32_t flags;
	uint32_t mm_scalars;
	uint32_t objects_used;	/* the highest number that a row refers to */
	uint64_t strings_used;	/* the end of what the rows refer to */
	uint64_t last_end;	/* of the last VMA */
	struct table_seen tables[TABLES_MAX];
	int last_table;
};

/* Requests on one socket whose answers are looked at together */
struct talk {
	int family;
	bool loose;		/* others read, too: pieces may be missing */
	bool wordless;		/* the socket has no NETLINK_EXT_ACK */
	unsigned int n;
	struct answer answers[8];
};

const char *judge(struct talk *talk, const void *datagram, size_t len);
bool is_kernel_address(uint64_t value);

/* targets.c */
enum target_kind {
	TARGET_SELF,
	TARGET_QUIET,
	TARGET_WIDE,
	TARGET_THREADS,
	TARGET_CHURN,
	TARGET_EXEC,
	TARGET_FORK,
	TARGET_PAIR,
	TARGET_PAIR_CHILD,
	TARGET_LEADERLESS,
	TARGET_ZOMBIE,
	TARGET_GONE,
	TARGET_KTHREAD,
	TARGET_INIT,
	TARGET_FOREIGN,
	TARGETS,
	/* these are not among those that start_targets() starts */
	TARGET_LIBRARY = TARGETS,
	TARGET_NAMES,
	TARGET_DEEP,
	TARGET_ABYSS,
	TARGET_SIGNALS,
	TARGET_VAST,		/* VMAs */
	TARGET_SWARM,		/* threads */
	TARGET_THINNED,		/* a thread of it has ended, another has an odd robust_list */
};

extern const char *const target_names[TARGETS];
void be_ready(void);
pid_t start_target(enum target_kind kind);
void end_target(pid_t pid);
void start_targets(pid_t pids[TARGETS]);
void stop_targets(const pid_t pids[TARGETS]);
bool run_as_target(int argc, char **argv);
pid_t other_thread(pid_t pid);
int open_proof(pid_t pid, const char *file, int flags);

/* cover.c */
void cover_init(const char *module);
bool cover_on(void);
void cover_prepare(void);
void cover_begin(void);
unsigned int cover_end(void);
unsigned int cover_reached(void);
void cover_save(const char *path);
void cover_move(void);
int cover_lend(uint64_t **area);
void cover_take(uint64_t *area);
void cover_return(int fd, uint64_t *area);
void cover_enter(int fd);

#endif
