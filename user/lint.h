/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is risky about the stacks of a process, each risk with its evidence.
 */
#ifndef LINT_H
#define LINT_H

#include "picture.h"

enum risk {
	RISK_NO_GUARD,
	RISK_SMALL_GUARD,
	RISK_OVER,
	RISK_EXECUTABLE,
	RISK_WRITABLE_NEIGHBOUR,
	RISK_SP_OUTSIDE,
	RISK_MAIN_ROOM,
	RISKS
};

/**
 * struct finding - a risk that was found
 * @thread: whose stack
 * @risk: which
 * @evidence: what it rests on, in words
 */
struct finding {
	const struct pmemctl_thread *thread;
	enum risk risk;
	char evidence[232];
};

/**
 * lint_find() - look for risks
 * @picture: a judged model; its findings are filled
 * @over: percent of a stack from which on its use is a risk
 * @min_guard: bytes below which a guard is too small
 *
 * Return: 0, or -1 if there is no memory.
 */
int lint_find(struct picture *picture, unsigned int over, uint64_t min_guard);

/**
 * lint_judged() - of how many threads the stack could be looked at for risks
 * @picture: a judged model
 * @unjudged: set to how many could not: it is not known where theirs is, as of Go
 *
 * Threads that have no stack count as neither.
 *
 * Return: how many.
 */
size_t lint_judged(const struct picture *picture, size_t *unjudged);

/** risk_name() - the word for a risk */
const char *risk_name(enum risk risk);

/** risk_about() - what it is, for the help */
const char *risk_about(enum risk risk);

#endif
