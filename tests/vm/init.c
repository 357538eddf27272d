// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's PID 1: brings up the root disk, loads the module under test,
 * runs the command and sends its output and status to the host (frame.h).
 *
 * What to do is in /run.args, NUL-terminated strings that the host appends to
 * the initramfs: flags, host name, how slow it is, then argv. Flags: 'l' load the module,
 * 'k' look for leaks at the end, 'h' there is a /share, 's' interactive shell on the
 * console instead of a command, 'p' only show that the kernel comes up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame.h"
#include "init.h"

#define PORT	"/dev/vport*p1"	/* the * counts virtio devices */
#define MODULE	"/build/kmod/pmemctl.ko"

static int port = -1;

static void send_frame(int type, const void *data, size_t len)
{
	static char buf[sizeof(struct frame) + FRAME_MAX];
	struct frame head = { FRAME_MAGIC, type, len };
	size_t done = 0;
	ssize_t n;

	memcpy(buf, &head, sizeof(head));
	memcpy(buf + sizeof(head), data, len);
	len += sizeof(head);
	while (done < len) {
		n = write(port, buf + done, len - done);
		if (n < 0 && errno != EINTR)
			return;		/* the host will miss the frame */
		if (n > 0)
			done += n;
	}
}

/* Passes through the console's lock: what was logged before is out by then. */
static void flush_console(void)
{
	static const char text[] = "<4>guest: finished\n";
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, sizeof(text) - 1) < 0)
		perror("/dev/kmsg");
	close(fd);
}

static __attribute__((noreturn)) void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* The host ends the machine on the last frame; powering off is the reserve. */
static __attribute__((noreturn)) void finish(int type, const char *text)
{
	flush_console();
	if (port >= 0) {
		send_frame(type, text, strlen(text));
		sleep(60);
	}
	power_off();
}

void fail(const char *fmt, ...)
{
	char text[512];
	int err = errno;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (err && n >= 0 && n < (int)sizeof(text))
		snprintf(text + n, sizeof(text) - n, ": %s", strerror(err));
	fprintf(stderr, "guest: %s\n", text);
	finish(FRAME_FAILURE, text);
}

/* In the child: never returns. */
static void exec_command(char **argv, int out, int err)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);
	int code;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(err, 2) < 0 || chdir("/tmp"))
		_exit(126);
	close(null);
	execvp(argv[0], argv);
	code = errno == ENOENT ? 127 : 126;
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(code);
}

/* Pass on what is in the pipe; 0 when there is nothing (more) now. */
static int pump(struct pollfd *p, int type)
{
	static char buf[FRAME_MAX];
	ssize_t n = read(p->fd, buf, sizeof(buf));

	if (n > 0)
		send_frame(type, buf, n);
	else if (n == 0)
		p->fd = -1;	/* poll() skips it */
	return n > 0;
}

/* Also collects the orphans that end up with PID 1. */
static int collect(pid_t command, int *status)
{
	int st, found = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (pid == command) {
			*status = st;
			found = 1;
		}
	}
	return found;
}

static __attribute__((noreturn)) void run_command(char **argv, bool seek_leaks)
{
	int out[2], err[2], status, done = 0;
	struct signalfd_siginfo info;
	struct pollfd p[3];
	char text[32];
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p[2].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p[2].fd < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		fail("cannot make pipes");

	pid = fork();
	if (pid < 0)
		fail("cannot fork");
	if (!pid)
		exec_command(argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	p[0].fd = out[0];
	p[1].fd = err[0];
	p[0].events = p[1].events = p[2].events = POLLIN;

	while (!done) {
		poll(p, 3, -1);
		if (p[0].fd >= 0 && p[0].revents)
			pump(&p[0], FRAME_STDOUT);
		if (p[1].fd >= 0 && p[1].revents)
			pump(&p[1], FRAME_STDERR);
		if (p[2].revents) {
			while (read(p[2].fd, &info, sizeof(info)) > 0)
				;
			done = collect(pid, &status);
		}
	}

	/*
	 * What the command wrote is in the pipes by now. A daemon it left
	 * behind may hold them open and go on writing: bounded, a pipe holds
	 * 16 buffers.
	 */
	for (done = 0; done < 64 && pump(&p[0], FRAME_STDOUT); done++)
		;
	for (done = 0; done < 64 && pump(&p[1], FRAME_STDERR); done++)
		;
	if (WIFEXITED(status))
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	else
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	check_still_on();
	if (seek_leaks)
		find_leaks();
	finish(FRAME_STATUS, text);
}

static __attribute__((noreturn)) void run_shell(void)
{
	pid_t pid = fork();
	int fd;

	if (!pid) {
		setsid();
		fd = open("/dev/ttyS0", O_RDWR);
		if (fd < 0 || ioctl(fd, TIOCSCTTY, 1) || dup2(fd, 0) < 0 ||
		    dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir("/tmp"))
			_exit(126);
		setenv("TERM", "vt220", 1);
		execl("/bin/bash", "bash", NULL);
		_exit(127);
	}
	while (waitpid(-1, NULL, 0) != pid)
		;
	power_off();
}

/* Split /run.args into its strings: a NULL-terminated vector. */
static char **read_args(void)
{
	int fd = open("/run.args", O_RDONLY | O_CLOEXEC);
	char *buf, *p, **argv;
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st))
		fail("no /run.args");
	buf = malloc(st.st_size + 1);
	if (!buf || read(fd, buf, st.st_size) != st.st_size)
		fail("cannot read /run.args");
	close(fd);
	unlink("/run.args");
	buf[st.st_size] = '\0';
	for (p = buf; p < buf + st.st_size; p++)
		n += !*p;
	argv = calloc(n + 1, sizeof(*argv));
	if (!argv)
		fail("cannot read /run.args");
	for (n = 0, p = buf; p < buf + st.st_size; p += strlen(p) + 1)
		argv[n++] = p;
	return argv;
}

int main(void)
{
	char **args, *flags, *name;

	if (mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=755"))
		fail("cannot mount /dev");
	load_boot_modules();
	args = read_args();
	flags = args[0];
	if (!strchr(flags, 's')) {
		port = open(wait_for(PORT), O_RDWR | O_CLOEXEC);
		if (port < 0)
			fail("cannot open %s", PORT);
	}
	if (strchr(flags, 'p'))
		finish(FRAME_STATUS, "exit 0");

	name = args[1];
	if (sethostname(name, strlen(name)))
		fail("cannot set the host name");
	read_options();
	switch_root(!!strchr(flags, 'h'));
	mount_all();
	bring_loopback_up();
	set_environment(args[2]);
	check_options();
	if (port >= 0)
		send_frame(FRAME_STARTED, "", 0);
	if (strchr(flags, 'l'))
		load_module(MODULE);
	if (strchr(flags, 's'))
		run_shell();
	run_command(args + 3, strchr(flags, 'k'));
}
