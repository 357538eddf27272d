// SPDX-License-Identifier: GPL-2.0
/*
 * The user registers of another task, read without stopping it. The one file
 * that depends on the machine: another one needs where its user registers lie
 * on the kernel stack, and where its thread pointer is kept.
 */
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <asm/fsgsbase.h>
#include <asm/ptrace.h>

#include "compat.h"
#include "internal.h"

/* The piece of struct pt_regs that is wanted, in one copy */
struct user_frame {
	unsigned long ip;
	unsigned long cs;
	unsigned long flags;
	unsigned long sp;
};

static_assert(offsetof(struct pt_regs, sp) - offsetof(struct pt_regs, ip) ==
	      offsetof(struct user_frame, sp));

/* What must not have changed while the registers were read */
struct activity {
	unsigned long switches;
	bool on_cpu;
};

/*
 * on_cpu first: a task that leaves the CPU counts the switch before it clears
 * on_cpu. So one that is seen off the CPU has counted all that it did on it.
 */
static struct activity activity_of(struct task_struct *task)
{
	struct activity activity;

	activity.on_cpu = READ_ONCE(task->on_cpu);
	smp_rmb();	/* pairs with the release of on_cpu in finish_task() */
	activity.switches = READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
	return activity;
}

/*
 * A module cannot pin another task's kernel stack: put_task_stack() is not
 * exported. A stack that is being freed is recognised by its reference count,
 * which falls to 0 before and rises from there only for a new task; one that
 * vanishes under the copy makes the copy fail, not fault.
 */
static bool read_frame(struct task_struct *task, struct user_frame *frame)
{
	void *stack = READ_ONCE(task->stack);
	struct pt_regs *regs;

	if (!stack || !refcount_read(&task->stack_refcount))
		return false;

	regs = (struct pt_regs *)(stack + THREAD_SIZE -
				  TOP_OF_KERNEL_STACK_PADDING) - 1;
	if (copy_from_kernel_nofault(frame, &regs->ip, sizeof(*frame)))
		return false;

	smp_rmb();	/* the copy comes before the second look at the count */
	return refcount_read(&task->stack_refcount);
}

/**
 * pmemctl_regs_read - user sp, ip and thread pointer of a task
 * @task: the task, which the caller keeps from being freed (RCU)
 * @row: its fields reg_state, sp, ip and tp are set
 *
 * A task that is off the CPU before and after, without a context switch in
 * between, has not run: its registers are where its last entry into the kernel
 * saved them, and exact. One that is on a CPU has those of its last entry,
 * which may be long ago, or of an entry that is under way.
 */
void pmemctl_regs_read(struct task_struct *task, struct pmemctl_thread *row)
{
	struct activity before, after;
	struct user_frame frame;
	unsigned int tries = 3;

	row->reg_state = PMEMCTL_REGS_NONE;
	row->sp = 0;
	row->ip = 0;
	row->tp = 0;

	if (READ_ONCE(task->flags) & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		return;

	do {
		before = activity_of(task);
		smp_rmb();	/* the frame is read between the two looks */
		if (!read_frame(task, &frame))
			return;
		row->tp = READ_ONCE(task->thread.fsbase);
		smp_rmb();	/* as above */
		after = activity_of(task);
	} while (before.switches != after.switches && --tries);

	/* It never held still; or exec or exit has torn the frame down */
	if (before.switches != after.switches || (frame.cs & 3) != 3) {
		row->tp = 0;
		return;
	}

	row->sp = frame.sp;
	row->ip = frame.ip;
	if (before.on_cpu || after.on_cpu)
		row->reg_state = PMEMCTL_REGS_LAST_ENTRY;
	else if (READ_ONCE(task->__state) == TASK_RUNNING)
		row->reg_state = PMEMCTL_REGS_QUEUED;
	else
		row->reg_state = PMEMCTL_REGS_BLOCKED;
}

/**
 * pmemctl_regs_current_tp - the thread pointer of current, as it is
 *
 * From the CPU, where the program may have changed it without the kernel's
 * knowledge. Return: the address.
 */
u64 pmemctl_regs_current_tp(void)
{
	return x86_fsbase_read_cpu();
}
