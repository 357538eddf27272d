// SPDX-License-Identifier: GPL-2.0
#include "input.h"

#include <string.h>

uint64_t take(struct input *in, size_t bytes)
{
	uint64_t value = 0;

	if (bytes > in->left)
		bytes = in->left;
	memcpy(&value, in->at, bytes);
	in->at += bytes;
	in->left -= bytes;
	return value;
}

uint64_t take_below(struct input *in, uint64_t limit)
{
	return take(in, limit > 256 ? 2 : 1) % limit;
}

size_t take_string(struct input *in, char *to, size_t size)
{
	size_t room = in->left < size - 1 ? in->left : size - 1;
	const uint8_t *end = memchr(in->at, 0, room);
	size_t len = end ? (size_t)(end - in->at) : room;

	memcpy(to, in->at, len);
	to[len] = 0;
	in->at += len + !!end;
	in->left -= len + !!end;
	return len;
}
