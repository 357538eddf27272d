// SPDX-License-Identifier: GPL-2.0
/*
 * Runs on the host: takes the guest's frames from stdin apart into stdout and
 * stderr. The file named by the argument says how far it got: is not there,
 * "started", or the last frame's text. Ends with the last frame; without one,
 * or on anything else, fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "frame.h"

static int read_all(void *buf, size_t len)
{
	char *p = buf;
	ssize_t n;

	while (len) {
		n = read(STDIN_FILENO, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

static int write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

static int note(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write_all(fd, text, len) || close(fd)) {
		perror(path);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static char buf[FRAME_MAX];
	int broken[FRAME_STDERR + 1] = { 0 };
	struct frame head;

	if (argc != 2)
		return EXIT_FAILURE;

	/*
	 * A reader that has gone away ("run ... | head") must not keep the
	 * guest from finishing: the rest is dropped.
	 */
	signal(SIGPIPE, SIG_IGN);

	for (;;) {
		if (read_all(&head, sizeof(head)) ||
		    head.magic != FRAME_MAGIC || head.len > sizeof(buf) ||
		    read_all(buf, head.len))
			return EXIT_FAILURE;

		switch (head.type) {
		case FRAME_STDOUT:
		case FRAME_STDERR:
			if (!broken[head.type] &&
			    write_all(head.type, buf, head.len))
				broken[head.type] = 1;
			break;
		case FRAME_STARTED:
			if (note(argv[1], "started", 7))
				return EXIT_FAILURE;
			break;
		case FRAME_STATUS:
		case FRAME_FAILURE:
			return note(argv[1], buf, head.len);
		default:
			return EXIT_FAILURE;
		}
	}
}
