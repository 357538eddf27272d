/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The little that is read from /proc: who a PID is, and the proof of the
 * right to look.
 */
#ifndef PROC_H
#define PROC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/pmemctl.h>

/**
 * struct proc_stat - from /proc/PID/stat
 * @comm: name of the thread
 * @state: its state letter
 * @kthread: it is a kernel thread
 * @ppid: its parent process; 0: none, or none that has an id here
 * @start_time: when it was made, ns since boot, in steps of a clock tick
 */
struct proc_stat {
	char comm[64];
	char state;
	bool kthread;
	uint32_t ppid;
	uint64_t start_time;
};

/**
 * proc_stat() - who a PID is
 * @pid: any thread
 * @stat: filled in
 *
 * Return: 0 or -errno; -ENOENT and -ESRCH: no such process.
 */
int proc_stat(uint32_t pid, struct proc_stat *stat);

/** proc_thread_stat() - as proc_stat(), of one thread @tid of process @pid */
int proc_thread_stat(uint32_t pid, uint32_t tid, struct proc_stat *stat);

/**
 * proc_list() - all processes, or the threads of one
 * @pid: 0, or whose threads
 * @ids: set to them, in ascending order, to be freed; NULL: there are none
 *
 * Return: how many.
 */
size_t proc_list(uint32_t pid, uint32_t **ids);

/** proc_uid() - real user id of a process, all ones if it cannot be told */
uint32_t proc_uid(uint32_t pid);

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
 * @name: "mem", "pagemap", "smaps" or "exe"
 *
 * Return: a descriptor that the caller closes, or -errno.
 */
int proc_open(uint32_t pid, uint32_t tid, const char *name);

/**
 * proc_is_refusal() - whether an error says that one may not look
 * @error: -errno of proc_open(), or of the module
 *
 * Return: whether it does.
 */
static inline bool proc_is_refusal(int error)
{
	return error == -EACCES || error == -EPERM;
}

/**
 * proc_is_gone() - whether an error says that the task has ended
 * @error: -errno of proc_open(), or of the module
 *
 * Return: whether it does.
 */
static inline bool proc_is_gone(int error)
{
	return error == -ENOENT || error == -ESRCH;
}

/**
 * proc_no_huge_pages() - whether a process gets no transparent huge pages
 * @pid: any thread of the process
 * @tid: 0, or the thread of it to look at
 *
 * Return: true if it has called prctl(PR_SET_THP_DISABLE), or inherited that.
 */
bool proc_no_huge_pages(uint32_t pid, uint32_t tid);

/** proc_is_partial() - whether /proc leaves processes out: hidepid, or a PID namespace */
bool proc_is_partial(void);

/** enum proc_answer - of a question about two processes */
enum proc_answer {
	PROC_UNKNOWN,
	PROC_SAME,
	PROC_DIFFERENT		/* or one of them is gone */
};

/** proc_same_mm() - whether two processes have the same address space now: kcmp() */
enum proc_answer proc_same_mm(uint32_t a, uint32_t b);

/**
 * proc_same_namespace() - whether two processes are in the same namespace now
 * @a: one
 * @b: the other
 * @name: as in /proc/PID/ns
 */
enum proc_answer proc_same_namespace(uint32_t a, uint32_t b, const char *name);
/**
 * proc_find() - find a file below the directory of one thread, without opening it
 * @pid: any thread of the process
 * @tid: 0, or the thread of it to look at
 * @name: path from there
 *
 * Return: a descriptor as of O_PATH that the caller closes, or -errno.
 */
int proc_find(uint32_t pid, uint32_t tid, const char *name);

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
