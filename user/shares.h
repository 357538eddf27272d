/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What two tasks have in common besides memory: what clone() and unshare() share or not.
 */
#ifndef SHARES_H
#define SHARES_H

#include <stdbool.h>
#include <stdint.h>

/** enum thing - what two tasks may share */
enum thing {
	THING_MM,
	THING_GROUP,
	THING_FILES,
	THING_FS,
	THING_SIGHAND,
	THING_IO,
	THING_SYSVSEM,
	THING_CGROUP,	/* from here on: namespaces */
	THING_IPC,
	THING_MNT,
	THING_NET,
	THING_PID,
	THING_PID_FOR_CHILDREN,
	THING_TIME,
	THING_USER,
	THING_UTS,
	THINGS
};

/** enum share - whether they do */
enum share {
	SHARE_UNKNOWN,	/* the kernel cannot tell */
	SHARE_REFUSED,	/* not permitted to know */
	SHARE_NONE,	/* neither has one */
	SHARE_OWN,	/* each its own, or one of them has none */
	SHARE_SAME
};

/**
 * shares_ask() - ask the kernel what two tasks share
 * @a: a task that has not exited
 * @b: another, or the same
 * @of: filled in by enum thing; mm and thread group, which snapshots tell, are left alone
 */
void shares_ask(uint32_t a, uint32_t b, enum share of[THINGS]);

/** thing_name() - the word for it, for people */
const char *thing_name(enum thing thing);

/** thing_key() - the word for it in JSON: for namespaces, as in /proc/PID/ns */
const char *thing_key(enum thing thing);

#endif
