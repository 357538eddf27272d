// SPDX-License-Identifier: GPL-2.0
#include "target.h"

#include "block.h"
#include "guards.h"
#include "orphans.h"
#include "proc.h"
#include "resident.h"
#include "settle.h"
#include "touched.h"
#include "uses.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS 8
#define LOOKS 4

struct look {
	struct client *client;
	uint32_t pid;
	const struct wish *wish;
	bool live;	/* this time */
	int pagemap;
	int mem;	/* -1: not permitted */
	struct model *model;
	struct failure *why;
	struct proc_stat stat;
	uint32_t tid;	/* 0, or the live thread that stands in for an exited leader */
};

static int __attribute__((format(printf, 3, 4)))
fail(struct look *look, enum status status, const char *fmt, ...)
{
	struct failure *why = look->why;
	va_list args;

	why->status = status;
	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return -1;
}

static int no_module(struct look *look, int error)
{
	if (error == -ENOENT)
		return fail(look, STATUS_NO_MODULE,
			    "the pmemctl module is not loaded; sudo modprobe pmemctl (or insmod kmod/pmemctl.ko)");
	return fail(look, STATUS_FAILED, "generic netlink: %s", strerror(-error));
}

static int not_permitted(struct look *look)
{
	if (look->wish->live)
		return fail(look, STATUS_NOT_PERMITTED,
			    "%s: you may not attach to it, as --live needs; try as root, or without",
			    look->stat.comm);
	return fail(look, STATUS_NOT_PERMITTED,
		    "%s: you may not look at it; try as its owner or root", look->stat.comm);
}

/*
 * The descriptor that shows the right to look. ATTACH is asked for only where
 * it is of use, as a refusal leaves traces in the logs.
 *
 * Return: a descriptor, or -errno.
 */
static int open_proof(struct look *look, uint32_t tid)
{
	int fd;

	if (look->wish->registers) {
		fd = proc_open(look->pid, tid, "mem");
		if (fd >= 0 || !proc_is_refusal(fd) || look->wish->live)
			return fd;
	}
	return proc_open(look->pid, tid, "pagemap");
}

static int take_message(const struct nlmsghdr *nlh, void *data)
{
	return model_feed(data, nlh);
}

static int request(struct look *look, int proof)
{
	int ret;

	model_free(look->model);
	if (!look->client->socket) {
		ret = client_open(look->client);
		if (ret)
			return no_module(look, ret);
	}
	return client_snapshot(look->client, look->pid, proof, look->wish->sections,
			       look->live && proof >= 0, take_message, look->model);
}

/* Says what an errno of the kernel means; @ret may not be one to try again on */
static int explain(struct look *look, int ret)
{
	const char *words = look->client->extack, *colon = *words ? ": " : "";

	switch (ret) {
	case -ENOENT:		/* unloaded after the socket was opened */
	case -EPROTONOSUPPORT:
		return no_module(look, -ENOENT);
	case -ECANCELED:
		return fail(look, STATUS_FAILED, "reply of the module is broken: %s",
			    look->model->error);
	case -ESRCH:
		return fail(look, STATUS_NO_PROCESS, "no such process%s%s", colon, words);
	case -EPERM:
	case -EACCES:
		return fail(look, STATUS_NOT_PERMITTED, "%s: %s%s%s", look->stat.comm,
			    strerror(-ret), colon, words);
	case -EFBIG:
		return fail(look, STATUS_FAILED,
			    "the snapshot would be too large%s%s; raise the module's max_snapshot_mib",
			    colon, words);
	case -EUSERS:
		return fail(look, STATUS_FAILED,
			    "too many snapshots are being read%s%s; try again later", colon, words);
	}
	return fail(look, STATUS_FAILED, "%s%s%s", strerror(-ret), colon, words);
}

/* The process changed between opening and asking: worth another attempt */
static bool again(int ret)
{
	return ret == -ESTALE || ret == -EAGAIN || ret == -EBUSY || ret == -ENODATA;
}

/*
 * One attempt.
 *
 * Return: 0; -1 with the reason in @look->why; -errno to try again on.
 */
static int attempt(struct look *look)
{
	int proof = -1, ret = proc_stat(look->pid, &look->stat);

	if (proc_is_gone(ret))
		return fail(look, STATUS_NO_PROCESS, "no such process");
	if (proc_is_refusal(ret))
		return fail(look, STATUS_NOT_PERMITTED, "/proc does not let you see it");
	if (ret)
		return fail(look, STATUS_FAILED, "/proc/%u/stat: %s", look->pid, strerror(-ret));
	look->tid = 0;
	if (strchr("ZXx", look->stat.state)) {
		look->tid = proc_live_thread(look->pid);
		if (!look->tid)
			return fail(look, STATUS_NO_PROCESS,
				    "%s: zombie: its address space is gone", look->stat.comm);
	}
	if (!look->stat.kthread) {
		proof = open_proof(look, look->tid);
		if (proc_is_refusal(proof))
			return not_permitted(look);
		if (proc_is_gone(proof))	/* it, its mm or its live thread: look again */
			return -ENODATA;
		if (proof < 0)
			return fail(look, STATUS_FAILED, "/proc/%u/pagemap: %s", look->pid,
				    strerror(-proof));
	} else {
		/* whose address space it works in is for those who may see all */
		proof = proc_open(1, 0, "pagemap");
	}
	ret = request(look, proof);
	if (proof >= 0)
		close(proof);
	if (!ret && model_finish(look->model, look->wish->sections))
		ret = -ECANCELED;
	/* a kernel thread's name, which the module does not tell everybody: /proc did */
	if (!ret && look->stat.kthread && !*look->model->comm)
		snprintf(look->model->comm, sizeof(look->model->comm), "%.15s", look->stat.comm);
	if (!ret || look->why->status || again(ret))
		return ret;
	return explain(look, ret);
}

/* It may have called execve() since the snapshot */
static bool is_exe(const struct model *model, int fd)
{
	const struct pmemctl_object *exe = model_object(model, model->mm[PMEMCTL_MM_EXE]);
	struct stat stat;

	return exe && !fstat(fd, &stat) && stat.st_ino == exe->ino;
}

/* What the executable and this machine say, which no snapshot changes */
static void hear_exe(struct look *look)
{
	struct witness *witness = &look->model->witness;
	int fd = proc_open(look->pid, look->tid, "exe");

	if (fd >= 0) {
		if (is_exe(look->model, fd))
			exe_read(fd, &witness->exe);
		close(fd);
	}
	witness->guard_gap = proc_guard_gap();
	witness->no_huge_pages = proc_no_huge_pages(look->pid, look->tid);
	/* a kernel that has markers and marks VMAs is known for one that shows them */
	witness->marks = look->model->flags & PMEMCTL_PROCESS_TELLS_GUARDS ?
			 GUARD_MARKS_SHOWN : pagemap_guard_marks();
}

/*
 * What the kernel says of each VMA; the second snapshot proves that it is of the
 * same address space.
 *
 * Return: 0 or -ENOMEM: where it cannot be read, it stays unknown.
 */
static int hear_smaps(const struct look *look, struct model *before)
{
	struct smaps *smaps = &before->witness.smaps;
	int fd = proc_open(look->pid, look->tid, "smaps"), ret;

	smaps_free(smaps);
	ret = fd < 0 ? fd : smaps_read(fd, 2 * before->nr_vmas + 1024, smaps);
	if (fd >= 0)
		close(fd);
	if (ret) {
		smaps_free(smaps);
		smaps->error = -ret;
	}
	return ret == -ENOMEM ? ret : 0;
}

static int hear_uses(const struct look *look, struct model *model)
{
	struct peek peek = { look->pagemap, look->mem };

	return uses_collect(model, &peek, look->tid);
}

/* Which parts VMAs have is a matter of their uses */
static int hear_residents(const struct look *look, struct model *before)
{
	int ret = look->wish->uses ? hear_uses(look, before) : 0;

	return ret ? ret : resident_collect(before, look->pagemap);
}

/*
 * What pages tell of the stacks that the snapshot in @before has. For now all
 * threads count as settled: what moved is found out by the second snapshot.
 *
 * Return: 0 or -errno.
 */
static int hear_pages(const struct look *look, struct model *before)
{
	struct stack *stacks = calloc(before->nr_threads + 1, sizeof(*stacks));
	struct witness *witness = &before->witness;
	bool *settled = malloc(before->nr_threads + 1);
	int ret = -ENOMEM;

	free(witness->settled);
	free(witness->orphans);
	witness->settled = settled;
	witness->orphans = NULL;
	witness->nr_orphans = 0;
	witness->guards.count = 0;
	if (!stacks || !settled)
		goto out;
	memset(settled, true, before->nr_threads + 1);
	ret = guards_wanted(before) ? guards_collect(before, look->pagemap) : 0;
	if (!ret && stacks_judge(before, stacks))
		ret = -ENOMEM;
	if (!ret && look->wish->touched)
		ret = touched_collect(before, stacks, look->pagemap);
	if (!ret && look->wish->orphans && look->mem >= 0 && orphans_tellable(before))
		ret = orphans_collect(before, stacks, look->pagemap, look->mem);
	if (!ret && look->wish->smaps)
		ret = hear_smaps(look, before);
	if (!ret && look->wish->residents)
		ret = hear_residents(look, before);
out:
	free(stacks);
	return ret;
}

static int hear_blocks(const struct look *look)
{
	return look->mem < 0 ? 0 : blocks_collect(look->model, look->pagemap, look->mem);
}

/*
 * What pages told counts for what another snapshot shows to have stayed.
 *
 * Return: as attempt().
 */
static int look_again(struct look *look)
{
	struct model before = *look->model;
	int ret;

	model_init(look->model);
	ret = hear_pages(look, &before);
	/* CPUs are interrupted once, for the snapshot that is shown */
	look->live = look->wish->live;
	if (!ret)
		ret = attempt(look);
	/* after execve() these files are of another mm */
	if (!ret && look->model->mm[PMEMCTL_MM_ID] != before.mm[PMEMCTL_MM_ID])
		ret = -ESTALE;
	if (!ret && settle(look->model, &before))
		ret = -ENOMEM;
	if (!ret)
		touched_raise(look->model);
	if (!ret)
		ret = hear_blocks(look);
	model_free(&before);
	return ret;
}

/* Whether the stack of a thread cannot be told, because the thread has just come */
static bool leaves_gaps(const struct model *model)
{
	for (size_t i = 0; i < model->nr_threads; i++) {
		if (!model->witness.settled[i] && guards_vma(model, &model->threads[i]))
			return true;
	}
	return false;
}

static bool is_enough(const struct look *look)
{
	return !look->wish->touched && !look->wish->orphans && !look->wish->live &&
	       !look->wish->smaps && !guards_wanted(look->model) && !stacks_disputed(look->model);
}

/*
 * The second look and, while threads come, some more: but with --live just one.
 *
 * Return: as attempt().
 */
static int look_closer(struct look *look)
{
	int ret;

	hear_exe(look);
	ret = hear_blocks(look);
	if (ret || is_enough(look))
		return ret;
	for (int i = 0; i < LOOKS; i++) {
		ret = look_again(look);
		if (ret || look->live || !leaves_gaps(look->model))
			break;
	}
	return ret;
}

/* What only pages tell stays unknown */
static void hear_nothing(struct look *look)
{
	look->model->witness.marks = GUARD_MARKS_HIDDEN;
	look->model->witness.guard_gap = proc_guard_gap();
}

/*
 * Some of it only /proc tells, after the snapshot.
 *
 * Return: as attempt().
 */
static int hear_witness(struct look *look)
{
	int ret;

	if (!look->model->has_mm || !(look->wish->sections & PMEMCTL_SECTION_THREADS))
		return 0;
	look->pagemap = proc_open(look->pid, look->tid, "pagemap");
	if (look->pagemap < 0) {
		hear_nothing(look);
		look->model->witness.smaps.error = -look->pagemap;
		return proc_is_gone(look->pagemap) ? -ENODATA : 0;
	}
	look->mem = -1;
	if (look->model->flags & PMEMCTL_PROCESS_ATTACH)
		look->mem = proc_open(look->pid, look->tid, "mem");
	ret = look_closer(look);
	/* of the snapshot that is shown: what is found has to fit to it */
	if (!ret && look->wish->uses)
		ret = hear_uses(look, look->model);
	if (look->mem >= 0)
		close(look->mem);
	close(look->pagemap);
	if (ret == -ENOMEM)
		return fail(look, STATUS_FAILED, "out of memory");
	return ret;
}

int target_look(struct client *client, uint32_t pid, const struct wish *wish,
		struct model *model, struct failure *why)
{
	struct look look = {
		.client = client, .pid = pid, .wish = wish, .model = model, .why = why,
	};
	int ret = 0;

	why->status = STATUS_DONE;
	for (int i = 0; i < ATTEMPTS; i++) {
		/* 1, 2, 4 … 64 ms: an exec or an exit takes its time */
		struct timespec pause = { .tv_nsec = 1000000L << i };

		/* a program that keeps executing others holds still for one snapshot only */
		bool hurried = i >= ATTEMPTS - 2;

		look.live = wish->live && hurried;
		ret = attempt(&look);
		if (!ret && !hurried)
			ret = hear_witness(&look);
		else if (!ret)
			hear_nothing(&look);
		if (!ret || why->status)
			return ret;
		nanosleep(&pause, NULL);
	}
	if (ret == -ENODATA)
		return fail(&look, STATUS_NO_PROCESS, "%s: exiting: its address space is gone",
			    look.stat.comm);
	return fail(&look, STATUS_FAILED, "%s: it changes too fast to be looked at (%s)%s%s",
		    look.stat.comm, strerror(-ret), *client->extack ? ": " : "",
		    client->extack);
}
