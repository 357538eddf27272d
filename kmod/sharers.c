// SPDX-License-Identifier: GPL-2.0
/*
 * Who else uses an mm. The kernel keeps no list of them: only the count
 * mm_users, which tells whether there is anybody to look for.
 */
#include <linux/pid.h>
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
 * One walk over the machine; ends early when all users are known. Return:
 * false if there was not room for all. A user thread holds a count in
 * mm_users; a kernel thread need not, its subsystem holds one for it.
 */
static bool walk(struct pmemctl_snapshot *snap, struct task_struct *leader,
		 struct mm_struct *mm, struct pid_namespace *ns, u32 *found)
{
	struct pmemctl_sharer *row;
	struct task_struct *p;
	bool fits = true;
	u32 tasks;
	pid_t nr;

	rcu_read_lock();
	*found = count_users(leader, mm);
	for_each_process(p) {
		/* the requester's own reference is one of them */
		if (*found >= atomic_read(&mm->mm_users) - 1)
			break;
		if (same_thread_group(p, leader))
			continue;
		tasks = count_users(p, mm);
		if (!tasks)
			continue;
		if (!(p->flags & PF_KTHREAD))
			*found += tasks;
		nr = task_tgid_nr_ns(p, ns);
		if (!nr) {
			snap->sharers_hidden += tasks;
			continue;
		}
		row = pmemctl_table_add(&snap->sharers);
		if (!row) {
			fits = false;
			break;
		}
		memset(row, 0, sizeof(*row));
		row->pid = nr;
		row->tasks = tasks;
		row->relation = relation_of(p, leader);
		get_task_comm(row->comm, p);
	}
	rcu_read_unlock();
	return fits;
}

/**
 * pmemctl_sharers_fill - the tasks of other processes that use an mm
 * @snap: rows go to @snap->sharers, counts beside it
 * @leader: thread group leader of the process that is looked at
 * @mm: its mm, on which the caller holds one count of mm_users
 * @ns: the pid namespace that ids are given in
 *
 * Sleeps; no lock may be held. Tasks come and go meanwhile: one that shared
 * the mm throughout is found. Return: 0, -EFBIG, -ENOMEM, or -EAGAIN if
 * sharers kept coming faster than there was room made.
 */
int pmemctl_sharers_fill(struct pmemctl_snapshot *snap, struct task_struct *leader,
			 struct mm_struct *mm, struct pid_namespace *ns)
{
	struct pmemctl_table *table = &snap->sharers;
	size_t room = 8;
	int tries, ret;
	u32 found;
	int users;

	for (tries = 0; tries < 16; tries++, room *= 4) {
		ret = pmemctl_table_reserve(table, &snap->budget, room);
		if (ret)
			return ret;
		table->count = 0;
		snap->sharers_hidden = 0;
		if (walk(snap, leader, mm, ns, &found)) {
			users = atomic_read(&mm->mm_users) - 1;
			snap->mm_users_unexplained = max_t(int, users - (int)found, 0);
			return 0;
		}
	}
	return -EAGAIN;
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
