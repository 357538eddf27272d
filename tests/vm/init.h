/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the guest's PID 1 have of each other. */
#ifndef INIT_H
#define INIT_H

#include <stdbool.h>

void fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

const char *wait_for(const char *pattern);
void load_module(const char *path);
void load_boot_modules(void);
void switch_root(int share);
void mount_all(void);
void bring_loopback_up(void);
void set_environment(const char *slow);

void read_options(void);
void check_options(void);
void check_still_on(void);
bool option_wanted(const char *line);

void find_leaks(void);

#endif
