// SPDX-License-Identifier: GPL-2.0
/* /proc/PID/maps, as text and taken apart. */
#include "meter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char buf[64 * 1024];

/* A line of maps. A name is good until the next read. */
struct region {
	unsigned long start, end, offset, inode;
	dev_t dev;
	char perms[4];
	const char *name;
	size_t name_len;
};

int open_of(const char *pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static void count_lines(const char *text, size_t len, struct answer *answer)
{
	while ((text = memchr(text, '\n', buf + len - text))) {
		text++;
		answer->items++;
	}
}

void maps_read(char **args, bool look, struct answer *answer)
{
	int fd = open_of(args[0], "maps");
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		answer->bytes += n;
		if (look)
			count_lines(buf, n, answer);
	}
	if (n < 0)
		die("maps");
	close(fd);
}

static const char *hex(const char *p, unsigned long *value)
{
	unsigned long v = 0;

	for (;; p++) {
		if (*p >= '0' && *p <= '9')
			v = v << 4 | (*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			v = v << 4 | (*p - 'a' + 10);
		else
			break;
	}
	*value = v;
	return p + 1;		/* and what follows it */
}

static const char *decimal(const char *p, unsigned long *value)
{
	unsigned long v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (*p - '0');
	*value = v;
	return p;
}

static void parse_line(const char *p, const char *end, struct region *region)
{
	unsigned long major, minor;

	p = hex(p, &region->start);
	p = hex(p, &region->end);
	memcpy(region->perms, p, sizeof(region->perms));
	p = hex(p + sizeof(region->perms) + 1, &region->offset);
	p = hex(p, &major);
	p = hex(p, &minor);
	region->dev = makedev(major, minor);
	p = decimal(p, &region->inode);
	while (p < end && *p == ' ')
		p++;
	region->name = p;
	region->name_len = end - p;
}

/* Taken as the program's own use of what was parsed: it is not left out. */
static void use(const struct region *region)
{
	__asm__ volatile("" : : "r"(region) : "memory");
}

void maps_parse(char **args, bool look, struct answer *answer)
{
	int fd = open_of(args[0], "maps");
	const char *line, *end;
	struct region region;
	size_t have = 0;
	ssize_t n;

	(void)look;
	while ((n = read(fd, buf + have, sizeof(buf) - have)) > 0) {
		have += n;
		line = buf;
		while ((end = memchr(line, '\n', buf + have - line))) {
			parse_line(line, end, &region);
			use(&region);
			answer->items++;
			answer->bytes += end + 1 - line;
			line = end + 1;
		}
		have -= line - buf;
		memmove(buf, line, have);
	}
	if (n < 0)
		die("maps");
	close(fd);
}
