// SPDX-License-Identifier: GPL-2.0
/* What is said to whoever runs the programs, and what the kernel says to them. */
#include "fire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"

/**
 * die - end, as something went wrong that is not the module's fault
 * @fmt: what, as printf()
 */
void die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(err));
	exit(2);
}

/**
 * tried - one line about what was tried, for the table of all that was
 * @what: was done
 * @count: how often
 * @unit: of @count
 * @found: how many times something was wrong
 * @finding: what that was, in a few words
 */
void tried(const char *what, unsigned long long count, const char *unit,
	   unsigned long long found, const char *finding)
{
	if (found)
		printf("TRIED\t%s\t%llu\t%s\t%llu %s\n", what, count, unit, found, finding);
	else
		printf("TRIED\t%s\t%llu\t%s\tnothing\n", what, count, unit);
	fflush(stdout);
}

/**
 * read_number - a file that holds one
 * @path: the file
 * @value: set to it
 *
 * Return: 0 or -1.
 */
int read_number(const char *path, long *value)
{
	FILE *f = fopen(path, "re");
	int ret = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", value) == 1)
		ret = 0;
	fclose(f);
	return ret;
}

/**
 * write_text - into a file that is there
 * @path: the file
 * @text: what to write, at once
 *
 * Return: 0 or -1 with errno.
 */
int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/**
 * forget_leaks - what kmemleak knows by now is not ours
 */
void forget_leaks(void)
{
	write_text(KMEMLEAK, "scan");
	write_text(KMEMLEAK, "clear");
}

/**
 * leaks - how many pieces of memory the kernel lost since forget_leaks()
 *
 * Looks twice: one that is being passed on is not lost. Prints what it found.
 *
 * Return: how many; 0 where the kernel cannot tell.
 */
unsigned int leaks(void)
{
	unsigned int found = 0;
	char line[256];
	FILE *f;

	if (access(KMEMLEAK, W_OK))
		return 0;
	sleep(6);	/* younger ones are not reported */
	write_text(KMEMLEAK, "scan");
	write_text(KMEMLEAK, "scan");
	f = fopen(KMEMLEAK, "re");
	if (!f)
		die("%s", KMEMLEAK);
	while (fgets(line, sizeof(line), f)) {
		found += !strncmp(line, "unreferenced object", 19);
		printf("kmemleak: %s", line);
	}
	fclose(f);
	return found;
}
