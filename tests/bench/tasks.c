// SPDX-License-Identifier: GPL-2.0
/* What sp of each thread and its VMA take without the module. */
#include "meter.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Registers change, so what the files say is not part of the size. */
static void read_syscall(int dir, const char *tid)
{
	char path[32], buf[256];
	int fd;

	snprintf(path, sizeof(path), "%s/syscall", tid);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, buf, sizeof(buf)) <= 0)
		die(path);
	close(fd);
}

void tasks_read(char **args, bool look, struct answer *answer)
{
	DIR *dir = fdopendir(open_of(args[0], "task"));
	struct answer maps = {};
	struct dirent *entry;

	if (!dir)
		die("task");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		read_syscall(dirfd(dir), entry->d_name);
		answer->items++;
	}
	closedir(dir);
	maps_read(args, look, &maps);
	answer->bytes = maps.bytes;
}
