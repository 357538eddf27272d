// SPDX-License-Identifier: GPL-2.0
#include "survey.h"

#include "model.h"
#include "proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A process that executes a program just now, or keeps its mmap_lock */
#define ATTEMPTS 4

struct survey {
	struct client *client;
	struct machine *machine;
	struct failure *why;
};

static int fail(struct survey *survey, enum status status, const char *what, const char *why)
{
	survey->why->status = status;
	snprintf(survey->why->text, sizeof(survey->why->text), "%s%s%s", what,
		 why && *why ? ": " : "", why && *why ? why : "");
	return -1;
}

static int connect_module(struct survey *survey)
{
	int ret = survey->client->socket ? 0 : client_open(survey->client);

	if (ret == -ENOENT)
		return fail(survey, STATUS_NO_MODULE,
			    "the pmemctl module is not loaded; sudo modprobe pmemctl (or insmod kmod/pmemctl.ko)",
			    NULL);
	if (ret)
		return fail(survey, STATUS_FAILED, "generic netlink", strerror(-ret));
	return 0;
}

static int feed_machine(const struct nlmsghdr *nlh, void *data)
{
	return machine_feed(data, nlh);
}

static int feed_model(const struct nlmsghdr *nlh, void *data)
{
	return model_feed(data, nlh);
}

static bool same_mm(uint32_t pid, uint32_t other)
{
	return proc_same_mm(pid, other) != PROC_DIFFERENT;
}

/* Return: 0 with all tasks, -EPERM if the caller may not see them, -1 with words */
static int look_at_all(struct survey *survey)
{
	int proof = proc_open(1, 0, "pagemap"), ret = -EAGAIN;

	for (int i = 0; ret == -EAGAIN && i < ATTEMPTS; i++) {
		machine_free(survey->machine);
		if (connect_module(survey)) {
			ret = -1;
			break;
		}
		/* of whoever may not look at init, the module is asked one by one */
		ret = proof < 0 ? -EPERM :
		      client_tasks(survey->client, proof, feed_machine, survey->machine);
	}
	if (proof >= 0)
		close(proof);
	/* process 1 of this /proc is not the one that counts, or has just ended */
	if (ret == -ESTALE || ret == -ENODATA)
		ret = -EPERM;
	if (ret == -EPERM || survey->why->status)
		return ret;
	if (ret == -ECANCELED || (!ret && machine_finish(survey->machine)))
		return fail(survey, STATUS_FAILED, "reply of the module is broken",
			    survey->machine->error);
	if (ret)
		return fail(survey, STATUS_FAILED, strerror(-ret), survey->client->extack);
	return 0;
}

static void take_mm(struct pmemctl_mm_row *row, const struct model *model)
{
	const uint64_t *mm = model->mm;

	*row = (struct pmemctl_mm_row) {
		.id = mm[PMEMCTL_MM_ID],
		.total_vm = mm[PMEMCTL_MM_TOTAL_VM],
		.rss_anon = mm[PMEMCTL_MM_RSS_ANON],
		.rss_file = mm[PMEMCTL_MM_RSS_FILE],
		.rss_shmem = mm[PMEMCTL_MM_RSS_SHMEM],
		.swap = mm[PMEMCTL_MM_SWAP],
		.pgtables = mm[PMEMCTL_MM_PGTABLES],
		.users = mm[PMEMCTL_MM_USERS],
		.map_count = mm[PMEMCTL_MM_MAP_COUNT],
		.hidden = model->hidden,
		.unexplained = model->unexplained,
	};
}

static bool has_vfork_parent(const struct model *model)
{
	for (size_t i = 0; i < model->nr_sharers; i++) {
		if (model->sharers[i].relation == PMEMCTL_RELATION_VFORK_PARENT)
			return true;
	}
	return false;
}

/*
 * The mm of a process, by a snapshot with its sharers: that costs next to nothing where
 * there are none. Return: 0, an errno of opening the proof or of the module, or -1
 * with words.
 */
static int look_at_mm(struct survey *survey, uint32_t pid, uint32_t tid,
		      struct pmemctl_mm_row *row, bool *vfork)
{
	const uint32_t sections = PMEMCTL_SECTION_SHARERS;
	struct model model;
	int proof, ret;

	if (connect_module(survey))
		return -1;
	survey->client->extack[0] = 0;
	proof = proc_open(pid, tid, "pagemap");
	if (proof < 0)
		return proof;
	model_init(&model);
	ret = client_snapshot(survey->client, pid, proof, sections, false, feed_model, &model);
	close(proof);
	if (ret == -ECANCELED || (!ret && model_finish(&model, sections)) ||
	    (!ret && !model.has_mm))
		ret = fail(survey, STATUS_FAILED, "reply of the module is broken", model.error);
	if (!ret) {
		take_mm(row, &model);
		*vfork = has_vfork_parent(&model);
	}
	model_free(&model);
	return ret;
}

static uint32_t task_flags(uint32_t pid, uint32_t tid, const struct proc_stat *stat)
{
	uint32_t flags = 0;

	if (tid == pid)
		flags |= PMEMCTL_TASK_LEADER;
	if (stat->kthread)
		flags |= PMEMCTL_TASK_KTHREAD;
	if (strchr("ZXx", stat->state))
		flags |= PMEMCTL_TASK_EXITING | PMEMCTL_TASK_ZOMBIE;
	return flags;
}

/* The threads of a process that there are now; of one that is gone, none */
static int add_threads(struct survey *survey, uint32_t pid, uint32_t mm, bool vfork)
{
	uint32_t *tids, uid = proc_uid(pid);
	size_t count = proc_list(pid, &tids);
	struct pmemctl_task task;
	struct proc_stat stat;
	int ret = 0;

	for (size_t i = 0; !ret && i < count; i++) {
		if (proc_thread_stat(pid, tids[i], &stat))
			continue;
		task = (struct pmemctl_task) {
			.tid = tids[i],
			.tgid = pid,
			.ppid = stat.ppid,
			.uid = uid,
			.start_time = stat.start_time,
			.flags = task_flags(pid, tids[i], &stat),
		};
		if (vfork && tids[i] == pid)
			task.flags |= PMEMCTL_TASK_VFORK;
		task.mm = task.flags & PMEMCTL_TASK_ZOMBIE ? 0 : mm;
		snprintf(task.comm, sizeof(task.comm), "%.15s", stat.comm);
		ret = machine_add_task(survey->machine, &task);
	}
	free(tids);
	return ret;
}

/* Return: 0 with an mm or, at @mm, 0 for none; an errno or -1 as look_at_mm() */
static int find_mm(struct survey *survey, uint32_t pid, const struct proc_stat *stat,
		   uint32_t *mm, bool *vfork)
{
	bool zombie = stat->state == 'Z';
	uint32_t tid = zombie ? proc_live_thread(pid) : 0;
	struct pmemctl_mm_row row;
	int ret = -ENODATA;

	if (stat->kthread || (zombie && !tid))
		return 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		struct timespec pause = { .tv_nsec = 1000000L << i };

		ret = look_at_mm(survey, pid, tid, &row, vfork);
		if (!ret || proc_is_refusal(ret) || proc_is_gone(ret) || survey->why->status)
			break;
		nanosleep(&pause, NULL);
	}
	if (ret == -ENODATA)	/* exiting, and has let go of it */
		return 0;
	if (ret)
		return ret;
	*mm = machine_add_mm(survey->machine, &row, pid, same_mm);
	return *mm ? 0 : fail(survey, STATUS_FAILED, "out of memory", NULL);
}

/* Why the first was missed stands for the others; for changing, the kernel has many words */
static void miss(struct survey *survey, uint32_t pid, int error)
{
	struct machine *machine = survey->machine;
	const char *words = survey->client->extack;
	bool busy = error == -EAGAIN || error == -EBUSY || error == -ESTALE;

	if (machine->unread++)
		return;
	machine->unread_pid = pid;
	snprintf(machine->unread_why, sizeof(machine->unread_why), "%s%s%s",
		 busy ? "changing, or memory locked all the time" : strerror(-error),
		 *words && !busy ? ": " : "", busy ? "" : words);
}

/* Return: 0, seen or not, or -1 with words */
static int look_at_process(struct survey *survey, uint32_t pid)
{
	struct machine *machine = survey->machine;
	struct proc_stat stat;
	bool vfork = false;
	uint32_t mm = 0;
	int ret = proc_stat(pid, &stat);

	if (!ret)
		ret = find_mm(survey, pid, &stat, &mm, &vfork);
	if (survey->why->status)
		return -1;
	if (proc_is_gone(ret))
		return 0;
	if (ret) {
		if (proc_is_refusal(ret))
			machine->not_permitted++;
		else
			miss(survey, pid, ret);
		return 0;
	}
	if (add_threads(survey, pid, mm, vfork))
		return fail(survey, STATUS_FAILED, "out of memory", NULL);
	return 0;
}

static int look_at_own(struct survey *survey)
{
	struct machine *machine = survey->machine;
	struct timespec now, end;
	uint32_t *pids;
	size_t count;
	int ret = 0;

	machine_free(machine);
	machine->partial = true;
	clock_gettime(CLOCK_REALTIME, &now);
	machine->taken = now.tv_sec * 1000000000ULL + now.tv_nsec;
	count = proc_list(0, &pids);
	for (size_t i = 0; !ret && i < count; i++)
		ret = look_at_process(survey, pids[i]);
	free(pids);
	clock_gettime(CLOCK_REALTIME, &end);
	machine->walk = (end.tv_sec - now.tv_sec) * 1000000000LL + end.tv_nsec - now.tv_nsec;
	if (!ret && machine_finish(machine))
		ret = fail(survey, STATUS_FAILED, "/proc", machine->error);
	return ret;
}

int survey_look(struct client *client, struct machine *machine, struct failure *why)
{
	struct survey survey = { client, machine, why };
	int ret;

	why->status = STATUS_DONE;
	ret = look_at_all(&survey);
	return ret == -EPERM ? look_at_own(&survey) : ret;
}
