// SPDX-License-Identifier: GPL-2.0
/*
 * One row per thread: who it is, what it does, and the addresses in user space
 * that the kernel keeps for it.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>

#include "compat.h"
#include "internal.h"

static u32 thread_flags(struct task_struct *task, struct mm_struct *mm)
{
	unsigned int pf = READ_ONCE(task->flags);
	u32 flags = 0;

	if (thread_group_leader(task))
		flags |= PMEMCTL_THREAD_LEADER;
	if (pf & PF_EXITING)
		flags |= PMEMCTL_THREAD_EXITING;
	if (READ_ONCE(task->mm) != mm)
		flags |= PMEMCTL_THREAD_NO_MM;
	if (pf & PF_IO_WORKER)
		flags |= PMEMCTL_THREAD_IO_WORKER;
	else if (pf & PF_USER_WORKER)
		flags |= PMEMCTL_THREAD_USER_WORKER;
	if (READ_ONCE(task->on_cpu))
		flags |= PMEMCTL_THREAD_ON_CPU;
	return flags;
}

/* What it has registered, and its registers */
static void fill_user_part(struct pmemctl_thread *row, struct task_struct *task,
			   struct mm_struct *mm)
{
	row->clear_child_tid = (uintptr_t)READ_ONCE(task->clear_child_tid);
	row->robust_list = pmemctl_task_robust_list(task);
	row->rseq = pmemctl_task_rseq(task);
	row->sas_sp = READ_ONCE(task->sas_ss_sp);
	row->sas_size = READ_ONCE(task->sas_ss_size);
	pmemctl_task_shstk(task, &row->shstk_base, &row->shstk_size);
	pmemctl_regs_read(task, row);

	/*
	 * execve() may have put it into another mm meanwhile, of a program that
	 * nothing was proven for. It changes ->mm before it sets the registers,
	 * and our count on the old mm keeps its address from being used again.
	 */
	smp_rmb();
	/*
	 * One that exits lets whoever joins it go on when it clears its id, and
	 * then its stack may be another's: what was read of one that does not
	 * exit yet was read before that.
	 */
	if (READ_ONCE(task->flags) & PF_EXITING)
		row->flags |= PMEMCTL_THREAD_EXITING;
	if (READ_ONCE(task->mm) == mm)
		return;
	memset_startat(row, 0, sp);
	row->reg_state = PMEMCTL_REGS_NONE;
	row->flags |= PMEMCTL_THREAD_NO_MM;
}

/**
 * pmemctl_threads_read_again - what may have changed of a thread, once more
 * @row: the thread's row
 * @task: the thread, kept from being freed (RCU)
 * @mm: the mm that is looked at
 */
void pmemctl_threads_read_again(struct pmemctl_thread *row, struct task_struct *task,
				struct mm_struct *mm)
{
	fill_user_part(row, task, mm);
}

static void fill_row(struct pmemctl_thread *row, struct task_struct *task,
		     struct mm_struct *mm, u32 tid)
{
	memset(row, 0, sizeof(*row));
	row->tid = tid;
	row->flags = thread_flags(task, mm);
	get_task_comm(row->comm, task);
	row->state = task_state_to_char(task);
	row->cpu = task_cpu(task);
	row->policy = task->policy;
	row->nice = task_nice(task);
	row->rt_priority = task->rt_priority;
	row->nvcsw = READ_ONCE(task->nvcsw);
	row->nivcsw = READ_ONCE(task->nivcsw);
	if (!(row->flags & PMEMCTL_THREAD_NO_MM))
		fill_user_part(row, task, mm);
}

/*
 * Another thread than the leader that executes a program takes over the leader's id,
 * and the leader, who is listed first, is no more: what was seen last is what is so.
 */
static struct pmemctl_thread *row_for(struct pmemctl_table *threads, u32 tid)
{
	struct pmemctl_thread *first = threads->rows;

	return threads->count && first->tid == tid ? first : pmemctl_table_add(threads);
}

/**
 * pmemctl_threads_fill - one row for each thread of a process
 * @snap: rows go to @snap->threads; their stack ranges are left empty
 * @leader: the thread group leader, to which the caller holds a reference
 * @mm: the mm that is looked at
 * @ns: the pid namespace that ids are given in
 *
 * Does not sleep. Return: false if there was not room for all.
 */
bool pmemctl_threads_fill(struct pmemctl_snapshot *snap,
			  struct task_struct *leader, struct mm_struct *mm,
			  struct pid_namespace *ns)
{
	struct pmemctl_thread *row;
	struct task_struct *task;
	bool fits = true;
	u32 tid;

	rcu_read_lock();
	for_each_thread(leader, task) {
		/* released while it was reached: it has no id any more */
		tid = task_pid_nr_ns(task, ns);
		if (!tid)
			continue;
		row = row_for(&snap->threads, tid);
		if (!row) {
			fits = false;
			break;
		}
		fill_row(row, task, mm, tid);
	}
	rcu_read_unlock();
	return fits;
}
