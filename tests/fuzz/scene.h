/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes made up from the fuzzer's bytes: a reply as the module may send it, and
 * what of its memory is there.
 */
#ifndef SCENE_H
#define SCENE_H

#include "builder.h"
#include "input.h"

/**
 * scene_reply() - what the module says
 * @in: the bytes
 * @b: filled in: VMAs by ascending address, of whole pages; threads of which the stack
 *	is within one; and other addresses of any kind
 */
void scene_reply(struct input *in, struct builder *b);

/**
 * scene_address() - an address near something
 * @in: the bytes
 * @b: the process
 *
 * Return: 0, an address in a VMA, or any number.
 */
uint64_t scene_address(struct input *in, const struct builder *b);

/**
 * scene_memory() - pages of a process, and what is in them
 * @in: the bytes
 * @b: the process; world, of which the scan is known, is filled
 */
void scene_memory(struct input *in, const struct builder *b);

#endif
