// SPDX-License-Identifier: GPL-2.0
/* A program, from its start to its end. */
#include "meter.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

void command(char **args, bool look, struct answer *answer)
{
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	(void)look;
	(void)answer;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	errno = posix_spawnp(&pid, args[0], &actions, NULL, args, environ);
	if (errno)
		die(args[0]);
	posix_spawn_file_actions_destroy(&actions);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (status) {
		errno = ECHILD;
		die(args[0]);
	}
}
