/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The arguments and the environment, string by string, as they are in memory.
 */
#ifndef ARGS_H
#define ARGS_H

#include "model.h"

/**
 * struct arg - one of the strings
 * @known: it was found
 * @env: it is a variable of the environment, else an argument
 * @index: number of the argument, from 0
 * @offset: of the address in the string
 * @text: the argument, or the name of the variable; cut to what fits, or is in memory
 * @cut: it is
 */
struct arg {
	bool known;
	bool env;
	size_t index;
	uint64_t offset;
	char text[48];
	bool cut;
};

/**
 * arg_find() - which string an address is in
 * @model: a finished model
 * @pagemap: /proc/PID/pagemap of the process
 * @mem: its /proc/PID/mem; only pages that are present are read
 * @addr: the address
 * @arg: filled in
 */
void arg_find(const struct model *model, int pagemap, int mem, uint64_t addr, struct arg *arg);

#endif
