/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The whole program, run on stored replies.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "builder.h"

/* What the last run wrote */
extern char out[1 << 20], err[4096];

/** slurp() - a whole file as a string */
void slurp(const char *path, char *to, size_t size);

/** run_line() - run a line of shell that writes to obj/out and obj/err; its exit status */
int run_line(const char *line);

/** run() - run the program; redirections in @args win over those into files */
int run(const char *args);

/** has() - fails unless @words are in @text */
void has(const char *text, const char *words);

/** lines() - fails unless @text has @n lines */
void lines(const char *text, int n);

/** write_reply() - store what builder_build() has made */
void write_reply(const struct builder *b, const char *path);

/** program_setup() - for the group: from now on, every PID is that of builder_process() */
int program_setup(void **state);

#endif
