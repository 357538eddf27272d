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
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define OLD_ENOUGH	6	/* seconds */

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
		fprintf(log, "<3>%s", line);
	}
	fclose(log);
	fclose(f);
	return n;
}

/* Contents are compared with the scan before: two */
static int scan_twice(void)
{
	scan();
	sleep(OLD_ENOUGH);
	scan();
	return report();
}

/*
 * With the module first, as its functions have names only while it is there;
 * without it then, as what only it pointed to is nobody's now.
 */
void find_leaks(void)
{
	int n;

	if (!option_wanted("CONFIG_DEBUG_KMEMLEAK=y"))
		return;
	end_everybody();
	n = scan_twice();
	if (!n) {
		unload_module();
		n = scan_twice();
	}
	errno = 0;
	if (n)
		fail("%d objects leaked in the kernel", n);
}
