/* SPDX-License-Identifier: GPL-2.0 */
/*
 * meter CONTENDER RUNS [ARG...]
 *
 * Does RUNS times what CONTENDER is about, and prints a line for each: the
 * nanoseconds that it took, which are instructions in a guest whose clock counts
 * them, and what the contender has to say of the answer: items, bytes, and, where
 * that is what is measured, for how long the target's mmap_lock was held.
 *
 *  loop			2,000,000 instructions, to check the clock with
 *  dump PID vmas|threads	the module's answer, received and not looked at
 *  hold PID vmas|threads	the same, for the hold of the mmap_lock
 *  session PID vmas|threads	a dump from opening the socket to closing it
 *  read PID			/proc/PID/maps, read and not looked at
 *  parse PID			the same, taken apart into numbers and names
 *  query PID			each VMA and its name by PROCMAP_QUERY
 *  tasks PID			/proc/PID/task/TID/syscall of each thread, and maps
 *  command PROGRAM [ARG...]	a program from start to end, output to /dev/null
 *
 * Every run is from start to end of what a user of that interface has to do for
 * one answer. The first one is not counted: it warms the caches and looks at the
 * answer, which the counted ones do not. An answer that changes in size between
 * the runs is an error. Exit: 0, 1 failed, 77 this kernel does not have it.
 */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <sys/types.h>

#define NORETURN __attribute__((noreturn))

/* What an answer holds. The items are counted only in runs that look at it. */
struct answer {
	unsigned long items, bytes, held;
};

struct contender {
	const char *name;
	int nr_args;				/* -1: one or more */
	bool always_look;
	void (*begin)(char **args);		/* not counted; may be NULL */
	void (*run)(char **args, bool look, struct answer *answer);
};

NORETURN void die(const char *what);		/* with errno's text */
NORETURN void skip(const char *why);

/* maps.c */
void maps_read(char **args, bool look, struct answer *answer);
void maps_parse(char **args, bool look, struct answer *answer);
int open_of(const char *pid, const char *name);

/* query.c */
void query(char **args, bool look, struct answer *answer);

/* tasks.c */
void tasks_read(char **args, bool look, struct answer *answer);

/* module.c */
void module_begin(char **args);
void module_dump(char **args, bool look, struct answer *answer);
void module_session(char **args, bool look, struct answer *answer);

/* command.c */
void command(char **args, bool look, struct answer *answer);

#endif
