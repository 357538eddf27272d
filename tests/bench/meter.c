// SPDX-License-Identifier: GPL-2.0
/* Which contenders there are, and measuring them. */
#include "meter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOPS 1000000		/* of two instructions */

static void loop(char **args, bool look, struct answer *answer)
{
	unsigned long left = LOOPS;

	(void)args;
	(void)look;
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(left));
	answer->bytes = 2 * LOOPS;
}

static const struct contender contenders[] = {
	{ "loop", 0, .run = loop },
	{ "dump", 2, .begin = module_begin, .run = module_dump },
	{ "hold", 2, .begin = module_begin, .run = module_dump, .always_look = true },
	{ "session", 2, .run = module_session },
	{ "read", 1, .run = maps_read },
	{ "parse", 1, .run = maps_parse },
	{ "query", 1, .run = query },
	{ "tasks", 1, .run = tasks_read },
	{ "command", -1, .run = command },
};

void die(const char *what)
{
	fprintf(stderr, "meter: %s: %s\n", what, strerror(errno));
	exit(1);
}

void skip(const char *why)
{
	fprintf(stderr, "meter: %s\n", why);
	exit(77);
}

static unsigned long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

static void measure(const struct contender *c, unsigned long runs, char **args)
{
	struct answer first = {}, answer;
	unsigned long start, end;

	if (c->begin)
		c->begin(args);
	c->run(args, true, &first);
	while (runs--) {
		memset(&answer, 0, sizeof(answer));
		start = now();
		c->run(args, c->always_look, &answer);
		end = now();
		if (answer.bytes != first.bytes) {
			errno = EBADMSG;
			die("the answer changes");
		}
		printf("%lu %lu %lu %lu\n", end - start, first.items, first.bytes,
		       answer.held);
	}
}

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc >= 3 && i < sizeof(contenders) / sizeof(contenders[0]); i++) {
		if (strcmp(argv[1], contenders[i].name))
			continue;
		if (argc - 3 != contenders[i].nr_args &&
		    (argc == 3 || contenders[i].nr_args >= 0))
			break;
		measure(&contenders[i], strtoul(argv[2], NULL, 10), argv + 3);
		return 0;
	}
	fprintf(stderr, "meter: see tests/bench/meter.h\n");
	return 1;
}
