// SPDX-License-Identifier: GPL-2.0
/* What is said to whoever runs the programs, and what the kernel says to them. */
#include "fire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define GROUPS		"/sys/fs/cgroup/"
#define ACCOUNT		GROUPS "fire"

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

static bool has_word(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char text[64];
	bool found = false;

	if (!f)
		die("%s", path);
	while (!found && fscanf(f, "%63s", text) == 1)
		found = !strcmp(text, word);
	fclose(f);
	return found;
}

/**
 * account_open - from now on what the kernel allocates for this process is on its account
 */
void account_open(void)
{
	write_text(GROUPS "cgroup.subtree_control", "+memory");
	if ((mkdir(ACCOUNT, 0755) && errno != EEXIST) ||
	    write_text(ACCOUNT "/cgroup.procs", "0"))
		die(ACCOUNT);
}

/**
 * account - how much of the kernel's memory is on it: pages, too, which kmemleak does not see
 *
 * Return: in bytes.
 */
long account(void)
{
	FILE *f = fopen(ACCOUNT "/memory.stat", "re");
	char name[32];
	long bytes;

	if (!f)
		die(ACCOUNT "/memory.stat");
	while (fscanf(f, "%31s %ld", name, &bytes) == 2) {
		if (!strcmp(name, "kernel")) {
			fclose(f);
			return bytes;
		}
	}
	die(ACCOUNT "/memory.stat");
}

/* Return: how many objects nobody points to; @loader: of them, the loader's memory for code */
static unsigned int look_for_leaks(unsigned int *loader)
{
	unsigned int found = 0;
	bool counted = true;
	char line[256];
	FILE *f;

	*loader = 0;
	if (access(KMEMLEAK, W_OK) || has_word("/proc/cmdline", "kmemleak=off"))
		return 0;
	sleep(6);	/* younger ones are not reported */
	if (write_text(KMEMLEAK, "scan") || write_text(KMEMLEAK, "scan"))
		die("%s", KMEMLEAK);
	f = fopen(KMEMLEAK, "re");
	if (!f)
		die("%s", KMEMLEAK);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "unreferenced object", 19)) {
			found++;
			counted = false;
		} else if (!counted && strstr(line, " execmem_alloc")) {
			(*loader)++;
			counted = true;
		}
		printf("kmemleak: %s", line);
	}
	fclose(f);
	return found;
}

/**
 * leaks - how many pieces of memory the kernel has lost so far
 *
 * What is being passed on while the kernel looks is not lost: so it looks twice each time,
 * and again where it found something. Prints what it found.
 *
 * Return: how many; 0 where the kernel cannot tell.
 */
unsigned int leaks(void)
{
	unsigned int loader;

	return look_for_leaks(&loader) ? look_for_leaks(&loader) : 0;
}

/**
 * leaks_but_loader - like leaks(), after modules were loaded while memory could not be had
 *
 * Where a module's code is to go, Linux 7.3 takes a piece of 2 MiB, and forgets all of it
 * when it cannot note that a part is used (mm/execmem.c: what is left over cannot be put
 * back into its tree of free areas). No code of the module has run then, or is in memory.
 * The kernel is told that these pieces are known, so that nobody else is blamed for them.
 */
unsigned int leaks_but_loader(void)
{
	unsigned int loader, found = look_for_leaks(&loader);

	if (found)
		found = look_for_leaks(&loader);
	if (!loader)
		return found;
	printf("kmemleak: %u lost by the kernel's own loader of modules\n", loader);
	if (found == loader && write_text(KMEMLEAK, "clear"))
		die("%s", KMEMLEAK);
	return found - loader;
}

/**
 * expect_no_leaks - end if something is lost already: it would be blamed on what comes
 */
void expect_no_leaks(void)
{
	if (leaks()) {
		fprintf(stderr, "memory was lost before\n");
		exit(2);
	}
}
