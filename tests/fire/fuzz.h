/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of fire-fuzz know of each other. */
#ifndef FUZZ_H
#define FUZZ_H

#include "fire.h"

/* plan.c: what is sent, before it is bytes */
#define PIECE_MAX	40
#define NO_TARGET	0xff

struct piece {
	uint16_t type;
	int16_t stretch;	/* what nla_len is off by */
	uint8_t size;
	uint8_t target;		/* whose pid the payload is, or NO_TARGET */
	uint8_t payload[PIECE_MAX];
};

enum { PIECES_MAX = 12, FORMS_MAX = 3, TAIL_MAX = 16 };

struct form {
	int16_t alien;		/* message type instead of the family's, -1: none */
	uint16_t flags;
	int16_t stretch;	/* what nlmsg_len is off by */
	uint16_t reserved;
	uint32_t portid;
	uint8_t cmd;
	uint8_t version;
	uint8_t nr;
	uint8_t tail_len;
	struct piece pieces[PIECES_MAX];
	uint8_t tail[TAIL_MAX];
};

/* What the socket is told of itself */
#define HEARS_STRICTLY	1	/* NETLINK_GET_STRICT_CHK */
#define HEARS_NO_WORDS	2	/* without NETLINK_EXT_ACK */

/* How it is sent and what becomes of the answer */
enum way {
	WAY_READ,
	WAY_TWICE,		/* again before it is read */
	WAY_LEAVE,		/* read later, or never */
	WAY_PART,		/* closed when some was read */
	WAY_TINY,		/* into buffers that are too small */
	WAY_PEEK,
	WAY_NO_ADDRESS,
	WAY_FULL,		/* into a socket that holds little */
	WAY_THREAD,		/* two threads on one socket */
	WAY_CHILD,		/* sent by another process on our socket */
	WAYS
};

struct plan {
	uint8_t way;
	uint8_t amount;		/* of what the way says */
	uint8_t hears;		/* HEARS_* */
	uint8_t nr;
	struct form forms[FORMS_MAX];
};

/* A stream of numbers that is the same each time */
struct dice {
	uint64_t state;
};

void dice_begin(struct dice *dice, uint64_t seed, uint64_t number, uint64_t use);
uint32_t dice_throw(struct dice *dice, uint32_t sides);
void plan_make(struct plan *plan, struct dice *dice);
void plan_mutate(struct plan *plan, struct dice *dice);
size_t plan_bytes(const struct plan *plan, int family, uint32_t seq,
		  const pid_t pids[TARGETS], uint8_t *to, size_t room);

/* caller.c: who asks */
enum identity { AS_ROOT, AS_USER, IN_NAMESPACE };

enum {
	FD_FIRST = 100,		/* proofs: pagemap of each target, mem of each, then others */
	FD_OTHERS = FD_FIRST + 2 * TARGETS,
	FD_COUNT = 2 * TARGETS + 60,
};

struct caller {
	enum identity identity;
	pid_t pids[TARGETS];
	int proof_of[FD_COUNT];	/* the target that a descriptor is a proof of, or -1 */
};

void caller_become(struct caller *caller, enum identity identity, pid_t foreign);
void caller_refresh(struct caller *caller);
pid_t caller_may(const struct caller *caller, uint32_t pid, uint32_t fd, bool live);

#endif
