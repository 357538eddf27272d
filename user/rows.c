// SPDX-License-Identifier: GPL-2.0
#include "rows.h"

#include <libmnl/libmnl.h>
#include <linux/pmemctl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int __attribute__((format(printf, 3, 4)))
refuse(char *error, size_t room, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error, room, fmt, args);
	va_end(args);
	return -1;
}

/* Grows with what came, not with what was announced. */
int rows_reserve(struct rows *rows, size_t size, size_t more)
{
	size_t room = rows->room;
	void *data;

	if (more <= room - rows->count)
		return 0;
	while (room - rows->count < more)
		room = room ? room * 2 : 64;
	data = realloc(rows->data, room * size);
	if (!data)
		return -1;
	rows->data = data;
	rows->room = room;
	return 0;
}

static void rows_append(struct rows *rows, size_t size, const char *from,
			const struct pmemctl_chunk *chunk)
{
	char *to = (char *)rows->data + rows->count * size;
	size_t known = chunk->row_size < size ? chunk->row_size : size;

	rows->count += chunk->count;
	if (chunk->row_size == size) {
		memcpy(to, from, chunk->count * size);
		return;
	}
	for (uint32_t i = 0; i < chunk->count; i++) {
		memcpy(to, from, known);
		memset(to + known, 0, size - known);
		to += size;
		from += chunk->row_size;
	}
}

int rows_feed(struct rows *rows, const struct row_kind *kind, const struct nlattr *attr,
	      char *error, size_t room)
{
	const char *name = kind->name, *payload = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	struct pmemctl_chunk chunk;

	if (len < sizeof(chunk))
		return refuse(error, room, "a chunk of %s without its head", name);
	memcpy(&chunk, payload, sizeof(chunk));
	if (!chunk.row_size || (kind->size == 1 && chunk.row_size != 1))
		return refuse(error, room, "%s in rows of %u bytes", name, chunk.row_size);
	if ((uint64_t)chunk.row_size * chunk.count != len - sizeof(chunk))
		return refuse(error, room, "a chunk of %s is not as long as it says", name);
	if (chunk.first != rows->count)
		return refuse(error, room, "%s %zu to %u are missing", name, rows->count, chunk.first);
	if (rows->begun && chunk.total != rows->total)
		return refuse(error, room, "%s: first %u in all, then %u", name, rows->total,
			      chunk.total);
	if (chunk.count > chunk.total - chunk.first)
		return refuse(error, room, "more %s than the %u announced", name, chunk.total);
	if (rows_reserve(rows, kind->size, chunk.count))
		return refuse(error, room, "no memory for %s", name);
	rows->begun = true;
	rows->total = chunk.total;
	if (chunk.count)
		rows_append(rows, kind->size, payload + sizeof(chunk), &chunk);
	return 0;
}
