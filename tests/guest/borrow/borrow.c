// SPDX-License-Identifier: GPL-2.0
/*
 * Two kernel threads that borrow the mm of a process, for tests: one works in it
 * (kthread_use_mm), one keeps CPU 1 busy and so is left with the mm of whoever it
 * took the CPU from.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

static int pid;
module_param(pid, int, 0444);
MODULE_PARM_DESC(pid, "whose mm to work in");

static struct mm_struct *mm;
static struct task_struct *works, *lazy;

static int work(void *data)
{
	kthread_use_mm(mm);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	kthread_unuse_mm(mm);
	return 0;
}

static int idle(void *data)
{
	while (!kthread_should_stop())
		cpu_relax();
	return 0;
}

static int __init borrow_init(void)
{
	struct pid *nr = find_get_pid(pid);
	struct task_struct *task = get_pid_task(nr, PIDTYPE_PID);

	put_pid(nr);
	if (!task)
		return -ESRCH;
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return -ESRCH;
	works = kthread_run(work, NULL, "borrow_works");
	lazy = kthread_create(idle, NULL, "borrow_lazy");
	if (IS_ERR(works) || IS_ERR(lazy))
		return -ENOMEM;
	kthread_bind(lazy, 1);
	sched_set_fifo(lazy);
	wake_up_process(lazy);
	return 0;
}

static void __exit borrow_exit(void)
{
	kthread_stop(lazy);
	kthread_stop(works);
	mmput(mm);
}

module_init(borrow_init);
module_exit(borrow_exit);

MODULE_DESCRIPTION("Kernel threads that borrow an mm");
MODULE_LICENSE("GPL");
