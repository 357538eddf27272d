// SPDX-License-Identifier: GPL-2.0
/*
 * What is left behind in the kernel's memory when everything has ended, told by
 * kmemleak. It reports an object that nothing points to when that was so in two
 * scans, with the same contents in both, and the object is older than 5 seconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define OLD_ENOUGH	6	/* seconds */

/* The module's functions, which have no names any more when it is gone */
static struct symbol {
	unsigned long addr;
	char name[64];
} symbols[2048];

static int nr_symbols;

static void read_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	struct symbol *s = symbols;
	char line[512];

	if (!f)
		fail("cannot read /proc/kallsyms");
	while (s < symbols + sizeof(symbols) / sizeof(*symbols) &&
	       fgets(line, sizeof(line), f)) {
		if (strstr(line, "[pmemctl]") &&
		    sscanf(line, "%lx %*c %63s", &s->addr, s->name) == 2)
			s++;
	}
	nr_symbols = s - symbols;
	fclose(f);
}

/* The last one that begins before ADDR, NULL if that is not close to any */
static const struct symbol *symbol_at(unsigned long addr)
{
	const struct symbol *best = NULL, *s;

	for (s = symbols; s < symbols + nr_symbols; s++)
		if (s->addr <= addr && (!best || s->addr >= best->addr))
			best = s;
	return best && addr - best->addr < 0x10000 ? best : NULL;
}

/* All that runs in user space; what it held has been given back then. */
static void end_everybody(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Nobody is left who could use it: if it does not go, it was counted wrong. */
static void unload_module(void)
{
	int tries;

	for (tries = 0; tries < 30; tries++) {
		if (!syscall(SYS_delete_module, "pmemctl", O_NONBLOCK) ||
		    errno == ENOENT)
			return;
		sleep(1);
	}
	fail("the module cannot be unloaded, with no process left");
}

static void scan(void)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "scan", 4) != 4)
		fail("cannot scan with %s", KMEMLEAK);
	close(fd);
}

/* A line of a report, with the name of the function if it was the module's */
static void report_line(FILE *log, char *line)
{
	const struct symbol *s = NULL;
	const char *p = strstr(line, "0xffffffff");
	unsigned long addr;

	line[strcspn(line, "\n")] = '\0';
	if (p) {
		addr = strtoul(p, NULL, 16);
		s = symbol_at(addr);
	}
	if (s)
		fprintf(log, "<3>%s %s+0x%lx [pmemctl]\n", line, s->name,
			addr - s->addr);
	else
		fprintf(log, "<3>%s\n", line);
}

/* The reports go into the log, which the host reads; their number */
static int report(void)
{
	FILE *f = fopen(KMEMLEAK, "r"), *log = fopen("/dev/kmsg", "w");
	char line[512];
	int n = 0;

	if (!f || !log)
		fail("cannot read %s", KMEMLEAK);
	setlinebuf(log);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "unreferenced object", 19) && !n++)
			fprintf(log, "<3>kmemleak: there are new suspected leaks\n");
		report_line(log, line);
	}
	fclose(log);
	fclose(f);
	return n;
}

/*
 * Without the module: what only it pointed to is nobody's then. A test that is
 * over may have unloaded it, and may have loaded it again.
 */
void find_leaks(void)
{
	time_t end;
	int n;

	if (!option_wanted("CONFIG_DEBUG_KMEMLEAK=y"))
		return;
	end_everybody();
	read_symbols();
	unload_module();
	end = time(NULL) + OLD_ENOUGH;
	scan();
	while (time(NULL) < end)
		sleep(1);
	scan();
	n = report();
	errno = 0;
	if (n)
		fail("%d objects leaked in the kernel", n);
}
