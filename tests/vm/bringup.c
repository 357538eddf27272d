// SPDX-License-Identifier: GPL-2.0
/*
 * Bringing a guest up: from the initramfs to a root disk with everything
 * mounted that an ordinary system has.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

static void nap(void)
{
	const struct timespec ts = { .tv_nsec = 2000000 };

	nanosleep(&ts, NULL);
}

/* Devices appear when their drivers have probed them: up to 30 s. */
const char *wait_for(const char *pattern)
{
	time_t end = time(NULL) + 30;
	static glob_t g;

	while (glob(pattern, 0, NULL, &g)) {
		if (time(NULL) > end)
			fail("%s does not appear", pattern);
		nap();
	}
	return g.gl_pathv[0];
}

void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		fail("cannot load %s", path);
	close(fd);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

void load_boot_modules(void)
{
	struct dirent **list;
	char path[512];
	int i, n;

	n = scandir("/modules", &list, visible, alphasort);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/modules/%s", list[i]->d_name);
		load_module(path);
		unlink(path);	/* its memory comes back */
	}
}

static void mount_or_fail(const char *what, const char *where, const char *type,
			  unsigned long flags, const char *data)
{
	if (mount(what, where, type, flags, data))
		fail("cannot mount %s", where);
}

static void mount_host_dir(const char *tag, const char *where)
{
	mount_or_fail(tag, where, "9p", MS_RDONLY | MS_NODEV | MS_NOATIME,
		      "trans=virtio,version=9p2000.L,msize=262144,cache=loose");
}

void switch_root(int share)
{
	wait_for("/dev/vda");
	mount_or_fail("/dev/vda", "/root", "ext4", MS_NOATIME, "noinit_itable");
	mount_host_dir("src", "/root/src");
	mount_host_dir("build", "/root/build");
	if (share)
		mount_host_dir("share", "/root/share");
	mount_or_fail("/dev", "/root/dev", NULL, MS_MOVE, NULL);
	unlink("/init");
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		fail("cannot switch to the root disk");
}

void mount_all(void)
{
	static const struct {
		const char *where, *type, *data;
		unsigned long flags;
	} m[] = {
		{ "/proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "/dev/pts", "devpts", "mode=620,gid=5,ptmxmode=666",
		  MS_NOSUID | MS_NOEXEC },
		{ "/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV },
		{ "/run", "tmpfs", "mode=755", MS_NOSUID | MS_NODEV },
		{ "/tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV },
		{ "/sys/fs/cgroup", "cgroup2", NULL,
		  MS_NOSUID | MS_NODEV | MS_NOEXEC },
		{ "/sys/kernel/debug", "debugfs", NULL, 0 },
		{ "/sys/kernel/tracing", "tracefs", NULL, 0 },
	};
	struct utsname u;
	char path[512];
	size_t i;

	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 01777);
	for (i = 0; i < sizeof(m) / sizeof(m[0]); i++)
		mount_or_fail(m[i].type, m[i].where, m[i].type, m[i].flags,
			      m[i].data);
	mkdir("/run/lock", 01777);

	/* where a module of this kernel's would be; a root has its own kernel's */
	if (!uname(&u)) {
		snprintf(path, sizeof(path), "/lib/modules/%s", u.release);
		mkdir(path, 0755);
	}

	/* udev's part of /dev */
	if (symlink("/proc/self/fd", "/dev/fd") ||
	    symlink("/proc/self/fd/0", "/dev/stdin") ||
	    symlink("/proc/self/fd/1", "/dev/stdout") ||
	    symlink("/proc/self/fd/2", "/dev/stderr"))
		fail("cannot fill /dev");
}

void bring_loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		fail("cannot bring lo up");
	close(fd);
}

/* SLOW is what time limits are to be multiplied by. */
void set_environment(const char *slow)
{
	clearenv();
	setenv("PMEMCTL_SLOW", slow, 1);
	setenv("PATH",
	       "/build/user:/build/tests/fixtures/bin:"
	       "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	       1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("LOGNAME", "root", 1);
	setenv("SHELL", "/bin/bash", 1);
	setenv("LANG", "C.UTF-8", 1);
	umask(022);
}
