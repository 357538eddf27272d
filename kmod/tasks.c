// SPDX-License-Identifier: GPL-2.0
/*
 * Every task on the machine, and which mm it uses: one walk under RCU, which only
 * copies. tasklist_lock is not for modules: tasks come and go under the walk. One
 * that is there throughout is found, and found once.
 */
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>

#include "compat.h"
#include "internal.h"

/* Tasks that come between counting and copying: times to try again */
#define MAX_TRIES	16

/* A kernel thread with no mm: whose it was left with is looked up in the end */
struct lazy {
	struct task_struct *task;	/* RCU */
	u32 row;
};

/* What a walk found, room for it or not */
struct count {
	u32 tasks;
	u32 processes;
	u32 kthreads;
};

/**
 * pmemctl_tasks_alloc - an empty list of tasks
 * @extack: told why not
 *
 * Return: the list, to be freed by pmemctl_tasks_free(), or ERR_PTR of -EUSERS
 * when as many answers as allowed are alive, -ENOMEM.
 */
struct pmemctl_tasks *pmemctl_tasks_alloc(struct netlink_ext_ack *extack)
{
	struct pmemctl_tasks *tasks;
	int ret;

	tasks = pmemctl_alloc(sizeof(*tasks), jiffies + PMEMCTL_MEMORY_PATIENCE);
	if (!tasks)
		return ERR_PTR(-ENOMEM);
	memset(tasks, 0, sizeof(*tasks));
	ret = pmemctl_quota_take(&tasks->budget, extack);
	if (ret) {
		kfree(tasks);
		return ERR_PTR(ret);
	}
	tasks->rows.row_size = sizeof(struct pmemctl_task);
	tasks->lazy.row_size = sizeof(struct lazy);
	return tasks;
}

/**
 * pmemctl_tasks_free - give a list back
 * @tasks: the list, complete or not
 */
void pmemctl_tasks_free(struct pmemctl_tasks *tasks)
{
	pmemctl_mms_free(&tasks->mms, &tasks->budget);
	pmemctl_table_free(&tasks->lazy, &tasks->budget);
	pmemctl_table_free(&tasks->rows, &tasks->budget);
	pmemctl_quota_put(&tasks->budget);
	kfree(tasks);
}

static u32 task_flags(struct task_struct *task)
{
	unsigned int pf = READ_ONCE(task->flags);
	u32 flags = 0;

	if (pf & PF_KTHREAD)
		flags |= PMEMCTL_TASK_KTHREAD;
	else if (READ_ONCE(task->vfork_done))	/* kernel threads use it otherwise */
		flags |= PMEMCTL_TASK_VFORK;
	if (pf & PF_EXITING)
		flags |= PMEMCTL_TASK_EXITING;
	if (READ_ONCE(task->exit_state))
		flags |= PMEMCTL_TASK_ZOMBIE;
	if (pf & PF_IO_WORKER)
		flags |= PMEMCTL_TASK_IO_WORKER;
	else if (pf & PF_USER_WORKER)
		flags |= PMEMCTL_TASK_USER_WORKER;
	return flags;
}

static void fill_row(struct pmemctl_task *row, struct task_struct *task, u32 tid, u32 tgid,
		     struct pid_namespace *ns)
{
	memset(row, 0, sizeof(*row));
	row->tid = tid;
	row->tgid = tgid;
	row->ppid = task_ppid_nr_ns(task, ns);
	row->flags = task_flags(task);
	/* not thread_group_leader(): an execve() changes that a moment later than the id */
	if (tid == tgid)
		row->flags |= PMEMCTL_TASK_LEADER;
	row->uid = from_kuid_munged(current_user_ns(), task_uid(task));
	row->start_time = READ_ONCE(task->start_boottime);
	get_task_comm(row->comm, task);
}

/* One task. RCU. Return: false if there was not room */
static bool add_task(struct pmemctl_tasks *tasks, struct task_struct *task,
		     struct pid_namespace *ns)
{
	u32 tid = task_pid_nr_ns(task, ns), tgid = task_tgid_nr_ns(task, ns);
	bool kthread = READ_ONCE(task->flags) & PF_KTHREAD;
	struct pmemctl_task *row;
	struct lazy *lazy;
	u32 mm;

	/* released while it was reached: it has no id in any namespace any more */
	if (!pid_alive(task))
		return true;
	mm = pmemctl_mms_of_task(&tasks->mms, task);
	if (tasks->mms.full)
		return false;
	/* a kernel thread need not hold a count, its subsystem holds one for it */
	if (mm && !kthread)
		pmemctl_mms_explain(&tasks->mms, mm);
	if (!tid || !tgid) {
		tasks->hidden++;
		if (mm)
			pmemctl_mms_hide(&tasks->mms, mm);
		return true;
	}
	row = pmemctl_table_add(&tasks->rows);
	if (!row)
		return false;
	fill_row(row, task, tid, tgid, ns);
	row->mm = mm;
	row->zero = tasks->rows.count;	/* when it was seen, for now */
	if (mm || !kthread)
		return true;

	lazy = pmemctl_table_add(&tasks->lazy);
	if (!lazy)
		return false;
	lazy->task = task;
	lazy->row = tasks->rows.count - 1;
	return true;
}

/*
 * Whose mm the idle kernel threads were left with. All mms are held by now: what
 * a task's active_mm equals is the very one.
 */
static void look_up_lazy(struct pmemctl_tasks *tasks)
{
	const struct lazy *lazy = tasks->lazy.rows;
	struct pmemctl_task *rows = tasks->rows.rows;
	const struct mm_struct *mm;
	u32 i;

	for (i = 0; i < tasks->lazy.count; i++) {
		mm = READ_ONCE(lazy[i].task->active_mm);
		if (mm)
			rows[lazy[i].row].active_mm = pmemctl_mms_find(&tasks->mms, mm);
	}
}

/* Return: whether all fitted; @count is set in any case */
static bool walk(struct pmemctl_tasks *tasks, struct pid_namespace *ns, struct count *count)
{
	struct task_struct *process, *task;
	bool fits = true;
	u64 begun = ktime_get_ns();

	memset(count, 0, sizeof(*count));
	tasks->taken = ktime_get_real_ns();
	tasks->taken_boottime = ktime_get_boottime_ns();

	rcu_read_lock();
	for_each_process(process) {
		count->processes++;
		count->kthreads += !!(process->flags & PF_KTHREAD);
		for_each_thread(process, task) {
			count->tasks++;
			if (fits)
				fits = add_task(tasks, task, ns);
		}
	}
	if (fits) {
		look_up_lazy(tasks);
		pmemctl_mms_close(&tasks->mms);
	}
	rcu_read_unlock();
	tasks->walk = ktime_get_ns() - begun;
	return fits;
}

/* Room for what there was and a little more. Threads of a process share its mm */
static int reserve(struct pmemctl_tasks *tasks, const struct count *count)
{
	int ret;

	tasks->rows.count = 0;
	tasks->lazy.count = 0;
	tasks->hidden = 0;
	ret = pmemctl_mms_reserve(&tasks->mms, &tasks->budget,
				  count->processes + count->processes / 8 + 64);
	if (!ret)
		ret = pmemctl_table_reserve(&tasks->rows, &tasks->budget,
					    count->tasks + count->tasks / 8 + 64);
	if (!ret)
		ret = pmemctl_table_reserve(&tasks->lazy, &tasks->budget,
					    count->kthreads + count->kthreads / 8 + 64);
	return ret;
}

/*
 * A walk is one stretch without a pause, which is paid for twice where there was not
 * room for all: what the last one found is the first guess.
 */
static int copy(struct pmemctl_tasks *tasks, struct pid_namespace *ns)
{
	static struct count last = { .tasks = 512, .processes = 256, .kthreads = 256 };
	struct count count = {
		.tasks = READ_ONCE(last.tasks), .processes = READ_ONCE(last.processes),
		.kthreads = READ_ONCE(last.kthreads),
	};
	int tries, ret;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		ret = reserve(tasks, &count);
		if (ret)
			return ret;
		if (walk(tasks, ns, &count)) {
			WRITE_ONCE(last.tasks, count.tasks);
			WRITE_ONCE(last.processes, count.processes);
			WRITE_ONCE(last.kthreads, count.kthreads);
			return 0;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return -EAGAIN;
}

static int by_tid(const void *a, const void *b)
{
	const struct pmemctl_task *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x->zero < y->zero ? -1 : x->zero > y->zero;
}

static int by_process(const void *a, const void *b)
{
	const struct pmemctl_task *x = a, *y = b;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/*
 * The same id may come twice: when a thread that is not the leader executes a
 * program, it takes over the leader's id; and an id that is free is given again.
 * What was seen last is what is so.
 */
static void drop_duplicates(struct pmemctl_tasks *tasks)
{
	struct pmemctl_task *rows = tasks->rows.rows;
	u32 i, kept = 0;

	sort(rows, tasks->rows.count, sizeof(*rows), by_tid, NULL);
	for (i = 0; i < tasks->rows.count; i++) {
		if (i + 1 < tasks->rows.count && rows[i].tid == rows[i + 1].tid)
			continue;
		rows[kept] = rows[i];
		rows[kept++].zero = 0;
	}
	tasks->rows.count = kept;
	cond_resched();
	sort(rows, kept, sizeof(*rows), by_process, NULL);
}

/* How many of the listed tasks use each mm; then those with none can go */
static void count_tasks(struct pmemctl_tasks *tasks)
{
	struct pmemctl_mm_row *mms = tasks->mms.rows.rows;
	struct pmemctl_task *rows = tasks->rows.rows;
	u32 i;

	for (i = 0; i < tasks->rows.count; i++) {
		if (!rows[i].mm)
			continue;
		if (rows[i].flags & PMEMCTL_TASK_KTHREAD)
			mms[rows[i].mm - 1].kthreads++;
		else
			mms[rows[i].mm - 1].tasks++;
	}
	pmemctl_mms_pack(&tasks->mms);
	for (i = 0; i < tasks->rows.count; i++) {
		rows[i].mm = pmemctl_mms_packed(&tasks->mms, rows[i].mm);
		rows[i].active_mm = pmemctl_mms_packed(&tasks->mms, rows[i].active_mm);
	}
}

static void explain(struct netlink_ext_ack *extack, int err)
{
	switch (err) {
	case -EFBIG:
		NL_SET_ERR_MSG(extack, "there are too many tasks (parameter max_snapshot_mib)");
		break;
	case -EUSERS:
		NL_SET_ERR_MSG(extack, "the user has too much unread (parameter max_snapshot_mib)");
		break;
	case -EAGAIN:
		NL_SET_ERR_MSG(extack, "tasks come faster than they can be listed");
		break;
	}
}

/**
 * pmemctl_tasks_take - fill a list
 * @tasks: the empty list
 * @extack: told why not
 *
 * Sleeps; under the locks of generic netlink only. Who may see all tasks is for the caller
 * to know. Ids are in current's pid namespace, users in its user namespace.
 *
 * Return: 0, -EFBIG, -ENOMEM, -EAGAIN, -EINTR.
 */
int pmemctl_tasks_take(struct pmemctl_tasks *tasks, struct netlink_ext_ack *extack)
{
	int ret = copy(tasks, task_active_pid_ns(current));

	if (ret) {
		explain(extack, ret);
		return ret;
	}
	pmemctl_mms_read(&tasks->mms);
	drop_duplicates(tasks);
	count_tasks(tasks);
	/* who reads, and when, is not known: no more is kept for him than needed */
	pmemctl_table_free(&tasks->lazy, &tasks->budget);
	pmemctl_table_free(&tasks->mms.pins, &tasks->budget);
	pmemctl_table_free(&tasks->mms.slots, &tasks->budget);
	return 0;
}
