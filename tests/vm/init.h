/* SPDX-License-Identifier: GPL-2.0 */
/* What init.c and bringup.c, the guest's PID 1, have of each other. */
#ifndef INIT_H
#define INIT_H

void fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

const char *wait_for(const char *pattern);
void load_module(const char *path);
void load_boot_modules(void);
void switch_root(int share);
void mount_all(void);
void bring_loopback_up(void);
void set_environment(void);

#endif
