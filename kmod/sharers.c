// SPDX-License-Identifier: GPL-2.0
/*
 * Who else uses an mm. The kernel keeps no list of them: only the count
 * mm_users, which tells whether there is anybody to look for.
 */
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "compat.h"
#include "internal.h"

/* How many threads of a process use the mm. RCU */
static u32 count_users(struct task_struct *process, struct mm_struct *mm)
{
	struct task_struct *task;
	u32 users = 0;

	for_each_thread(process, task)
		users += READ_ONCE(task->mm) == mm;
	return users;
}

static bool is_vfork_child_of(struct task_struct *child, struct task_struct *parent)
{
	return READ_ONCE(child->vfork_done) &&
	       same_thread_group(rcu_dereference(child->real_parent), parent);
}

static u32 relation_of(struct task_struct *sharer, struct task_struct *leader)
{
	if (sharer->flags & PF_KTHREAD)
		return PMEMCTL_RELATION_KTHREAD;
	if (is_vfork_child_of(sharer, leader))
		return PMEMCTL_RELATION_VFORK_CHILD;
	if (is_vfork_child_of(leader, sharer))
		return PMEMCTL_RELATION_VFORK_PARENT;
	return PMEMCTL_RELATION_CLONE_VM;
}

/*
 * Whether the threads of the process are all that hold mm_users, but for the
 * caller. The count is taken twice: a thread that ends or begins in between
 * would pass for another process.
 */
static bool nobody_else(struct task_struct *leader, struct mm_struct *mm, u32 *own)
{
	int before = atomic_read(&mm->mm_users) - 1, after;

	rcu_read_lock();
	*own = count_users(leader, mm);
	rcu_read_unlock();
	after = atomic_read(&mm->mm_users) - 1;
	return before == after && *own == after;
}

static bool add_sharer(struct pmemctl_snapshot *snap, struct task_struct *p,
		       struct task_struct *leader, u32 tasks, pid_t nr)
{
	struct pmemctl_sharer *row = pmemctl_table_add(&snap->sharers);

	if (!row)
		return false;
	memset(row, 0, sizeof(*row));
	row->pid = nr;
	row->tasks = tasks;
	row->relation = relation_of(p, leader);
	get_task_comm(row->comm, p);
	return true;
}

/*
 * Looks at processes from id *@nr of the initial namespace on, and sets it to
 * the one to go on with: after a while, for others to run, or when @snap needs
 * room, for a row; 0 at the end. A user thread holds a count of mm_users, which
 * goes to *@found; a kernel thread need not, its subsystem holds one for it.
 */
static void walk(struct pmemctl_snapshot *snap, struct task_struct *leader,
		 struct mm_struct *mm, struct pid_namespace *ns, pid_t *nr, u32 *found)
{
	unsigned int steps = 1024;
	struct task_struct *p;
	struct pid *pid;
	pid_t here;
	u32 tasks;

	rcu_read_lock();
	for (; steps; steps--, (*nr)++) {
		pid = find_ge_pid(*nr, &init_pid_ns);
		if (!pid) {
			*nr = 0;
			break;
		}
		*nr = pid_nr(pid);
		p = pid_task(pid, PIDTYPE_TGID);
		if (!p || same_thread_group(p, leader))
			continue;
		tasks = count_users(p, mm);
		if (!tasks)
			continue;
		here = task_tgid_nr_ns(p, ns);
		if (!here)
			snap->sharers_hidden += tasks;
		else if (!add_sharer(snap, p, leader, tasks, here))
			break;
		if (!(p->flags & PF_KTHREAD))
			*found += tasks;
	}
	rcu_read_unlock();
}

/**
 * pmemctl_sharers_fill - the tasks of other processes that use an mm
 * @snap: rows go to @snap->sharers, counts beside it
 * @leader: thread group leader of the process that is looked at
 * @mm: its mm, on which the caller holds one count of mm_users
 * @ns: the pid namespace that ids are given in
 *
 * Sleeps; under the locks of generic netlink only. Tasks come and go meanwhile: one that
 * shared the mm throughout is found. Return: 0, -EFBIG, -ENOMEM, -EINTR.
 */
int pmemctl_sharers_fill(struct pmemctl_snapshot *snap, struct task_struct *leader,
			 struct mm_struct *mm, struct pid_namespace *ns)
{
	struct pmemctl_table *table = &snap->sharers;
	pid_t nr = 1;
	u32 found;
	int ret;

	if (nobody_else(leader, mm, &found))
		return 0;

	while (nr) {
		ret = pmemctl_table_reserve(table, &snap->budget,
					    max_t(size_t, 8, 2 * (size_t)table->count));
		if (ret)
			return ret;
		walk(snap, leader, mm, ns, &nr, &found);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	snap->mm_users_unexplained =
		max_t(int, atomic_read(&mm->mm_users) - 1 - (int)found, 0);
	return 0;
}

/**
 * pmemctl_mm_owner - some process that uses an mm
 * @mm: compared, never followed: it may be gone
 * @ns: the pid namespace that the id is given in
 * @pid: set to the process' id
 * @comm: set to its name
 *
 * Return: whether one was found that @ns can see.
 */
bool pmemctl_mm_owner(struct mm_struct *mm, struct pid_namespace *ns, u32 *pid,
		      char comm[TASK_COMM_LEN])
{
	char name[TASK_COMM_LEN];
	struct task_struct *p;
	bool found = false;
	pid_t nr;

	rcu_read_lock();
	for_each_process(p) {
		nr = task_tgid_nr_ns(p, ns);
		if (!nr || p->flags & PF_KTHREAD || !count_users(p, mm))
			continue;
		get_task_comm(name, p);
		memcpy(comm, name, sizeof(name));
		*pid = nr;
		found = true;
		break;
	}
	rcu_read_unlock();
	return found;
}
