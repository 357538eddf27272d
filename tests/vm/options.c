// SPDX-License-Identifier: GPL-2.0
/*
 * The options that a kernel of our own was asked to have: /wanted in the
 * initramfs, lines as in a .config. None of Debian's kernels has that file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static char *wanted;

/* The whole of a stream, terminated. */
static char *read_all(FILE *f)
{
	size_t size = 0, room = 1 << 16;
	char *buf = malloc(room);
	size_t n;

	while (buf && (n = fread(buf + size, 1, room - size - 1, f)) > 0) {
		size += n;
		if (room - size < 2)
			buf = realloc(buf, room *= 2);
	}
	if (!buf)
		fail("out of memory");
	buf[size] = '\0';
	return buf;
}

/* Before the initramfs is left behind */
void read_options(void)
{
	FILE *f = fopen("/wanted", "r");

	if (!f)
		return;
	wanted = read_all(f);
	fclose(f);
	unlink("/wanted");
}

/* Is this line one of them? */
static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	const char *p = text;

	while ((p = strstr(p, line))) {
		if ((p == text || p[-1] == '\n') && (p[len] == '\n' || !p[len]))
			return true;
		p++;
	}
	return false;
}

bool option_wanted(const char *line)
{
	return wanted && has_line(wanted, line);
}

/* The first character after KEY in a file, '\0' if there is none. */
static char value_of(const char *path, const char *key)
{
	FILE *f = fopen(path, "r");
	char *text, *p;
	char c = '\0';

	if (!f)
		fail("cannot read %s", path);
	text = read_all(f);
	fclose(f);
	p = strstr(text, key);
	if (p) {
		p += strlen(key);
		c = p[strspn(p, " ")];
	}
	free(text);
	return c;
}

/* What can be there and idle, or has switched itself off in the meantime */
void check_still_on(void)
{
	static const struct {
		const char *option, *path, *key;
	} m[] = {
		{ "CONFIG_PROVE_LOCKING=y", "/proc/lockdep_stats", "debug_locks:" },
		{ "CONFIG_KCSAN=y", "/sys/kernel/debug/kcsan", "enabled:" },
		{ "CONFIG_PAGE_POISONING=y", "/sys/kernel/slab/kmalloc-1k/poison", "" },
	};
	size_t i;

	for (i = 0; i < sizeof(m) / sizeof(m[0]); i++) {
		errno = 0;
		if (option_wanted(m[i].option) &&
		    value_of(m[i].path, m[i].key) != '1')
			fail("%s is off", m[i].path);
	}
}

/* What the running kernel says of itself, not what its makers meant. */
void check_options(void)
{
	char *have, *copy, *line;
	FILE *f;

	if (!wanted)
		return;
	f = popen("exec gzip -dc /proc/config.gz", "r");
	if (!f)
		fail("cannot read /proc/config.gz");
	have = read_all(f);
	if (pclose(f))
		fail("cannot read /proc/config.gz");
	copy = strdup(wanted);
	if (!copy)
		fail("out of memory");
	for (line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
		if (!has_line(have, line))
			fail("the kernel was to have, and has not: %s", line);
	free(copy);
	free(have);
}
