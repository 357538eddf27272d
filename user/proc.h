/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The little that is read from /proc: who a PID is, and the proof of the
 * right to look.
 */
#ifndef PROC_H
#define PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/pmemctl.h>

/**
 * struct proc_stat - from /proc/PID/stat
 * @comm: name of the thread
 * @state: its state letter
 * @kthread: it is a kernel thread
 */
struct proc_stat {
	char comm[64];
	char state;
	bool kthread;
};

/**
 * proc_stat() - who a PID is
 * @pid: any thread
 * @stat: filled in
 *
 * Return: 0 or -errno; -ENOENT and -ESRCH: no such process.
 */
int proc_stat(uint32_t pid, struct proc_stat *stat);

/**
 * proc_live_thread() - a thread of the process that has not exited
 * @pid: any thread
 *
 * Return: its tid, 0 if there is none.
 */
uint32_t proc_live_thread(uint32_t pid);

/**
 * proc_open() - open a file of one thread
 * @pid: any thread of the process
 * @tid: 0, or the thread of it to look at
 * @name: "mem", "pagemap" or "exe"
 *
 * Return: a descriptor that the caller closes, or -errno.
 */
int proc_open(uint32_t pid, uint32_t tid, const char *name);

/**
 * proc_no_huge_pages() - whether a process gets no transparent huge pages
 * @pid: any thread of the process
 * @tid: 0, or the thread of it to look at
 *
 * Return: true if it has called prctl(PR_SET_THP_DISABLE), or inherited that.
 */
bool proc_no_huge_pages(uint32_t pid, uint32_t tid);

/** proc_guard_gap() - bytes that the kernel keeps free below a stack that grows */
uint64_t proc_guard_gap(void);

/**
 * proc_vsyscall() - where this machine has its vsyscall page
 * @vma: filled in as the kernel would list it
 *
 * Return: whether there is one.
 */
bool proc_vsyscall(struct pmemctl_vma *vma);

#endif
