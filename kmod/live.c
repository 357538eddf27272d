// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of threads that run right now: the CPUs that run them are
 * interrupted, once as a rule, and the handler looks at what it interrupted.
 * Nothing else of a snapshot disturbs a CPU; it is done on request only.
 */
#include <linux/cpumask.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/ptrace.h>

#include "compat.h"
#include "internal.h"

/* Times that a thread which moves from CPU to CPU is run after */
#define MAX_ROUNDS	3

/* What the handler found on one CPU; tid 0: no thread of the process */
struct sample {
	u64 sp;
	u64 ip;
	u64 tp;
	u32 tid;
};

struct census {
	struct sample *samples;		/* by CPU */
	struct signal_struct *process;
	struct mm_struct *mm;
	struct pid_namespace *ns;
};

/*
 * On each of the CPUs, with interrupts off. Whatever was interrupted, be it the
 * program or the kernel at work for it, its user registers are complete at the
 * end of its own kernel stack: the entry code saves them before it lets
 * interrupts in.
 */
static void take_sample(void *data)
{
	const struct census *census = data;
	struct sample *sample = &census->samples[smp_processor_id()];
	struct pt_regs *regs;

	if (current->mm != census->mm || current->signal != census->process ||
	    current->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		return;
	regs = task_pt_regs(current);
	if (!user_mode(regs))
		return;
	sample->sp = regs->sp;
	sample->ip = regs->ip;
	sample->tp = pmemctl_regs_current_tp();
	sample->tid = task_pid_nr_ns(current, census->ns);
}

static bool may_be_improved(const struct pmemctl_thread *row)
{
	return !(row->flags & (PMEMCTL_THREAD_NO_MM | PMEMCTL_THREAD_EXITING |
			       PMEMCTL_THREAD_IO_WORKER | PMEMCTL_THREAD_USER_WORKER)) &&
	       (row->reg_state == PMEMCTL_REGS_LAST_ENTRY ||
		row->reg_state == PMEMCTL_REGS_NONE);
}

/* It may have moved from one of the CPUs to another one just before */
static const struct sample *sample_of(const struct pmemctl_live *live, u32 tid)
{
	const struct sample *samples = live->samples.rows;
	unsigned int cpu;

	for_each_cpu(cpu, live->cpus)
		if (samples[cpu].tid == tid)
			return &samples[cpu];
	return NULL;
}

static bool use_sample(struct pmemctl_thread *row, const struct pmemctl_live *live)
{
	const struct sample *sample = sample_of(live, row->tid);

	if (!sample)
		return false;
	row->sp = sample->sp;
	row->ip = sample->ip;
	row->tp = sample->tp;
	row->reg_state = PMEMCTL_REGS_LIVE;
	/* which it may not have been when its row was filled */
	row->flags |= PMEMCTL_THREAD_ON_CPU;
	row->cpu = sample - (const struct sample *)live->samples.rows;
	return true;
}

/*
 * A thread that was not met had left its CPU by then: most probably it is off
 * all of them, and its registers can be read.
 */
static void use_samples(struct pmemctl_snapshot *snap, const struct census *census)
{
	struct pmemctl_thread *row = snap->threads.rows;
	const struct pmemctl_thread *end = row + snap->threads.count;
	struct task_struct *task;

	rcu_read_lock();
	for (; row < end; row++) {
		if (!may_be_improved(row) || use_sample(row, &snap->live))
			continue;
		task = pid_task(find_pid_ns(row->tid, census->ns), PIDTYPE_PID);
		if (!task || task->signal != census->process)
			continue;
		row->cpu = task_cpu(task);
		pmemctl_threads_read_again(row, task, census->mm);
	}
	rcu_read_unlock();
}

/**
 * pmemctl_live_reserve - get ready, while it is allowed to sleep
 * @live: what to get ready; undone by pmemctl_live_free()
 * @budget: what the memory is charged to
 *
 * Return: 0, -EFBIG over the budget, -ENOMEM.
 */
int pmemctl_live_reserve(struct pmemctl_live *live, struct pmemctl_budget *budget)
{
	gfp_t gfp = 0;

	if (!live->wanted || live->samples.capacity)
		return 0;
	while (!live->has_cpus) {
		gfp = pmemctl_next_gfp(gfp, budget->deadline);
		if (!gfp)
			return -ENOMEM;
		live->has_cpus = zalloc_cpumask_var(&live->cpus, gfp);
	}
	live->samples.row_size = sizeof(struct sample);
	return pmemctl_table_reserve(&live->samples, budget, nr_cpu_ids);
}

/**
 * pmemctl_live_free - give back what pmemctl_live_reserve() took
 * @live: what was reserved, wholly or in part
 * @budget: as there
 */
void pmemctl_live_free(struct pmemctl_live *live, struct pmemctl_budget *budget)
{
	pmemctl_table_free(&live->samples, budget);
	if (live->has_cpus)
		free_cpumask_var(live->cpus);
	live->has_cpus = false;
}

/**
 * pmemctl_live_read - exact registers of the threads that are running
 * @snap: its threads are filled; those without exact registers get better ones
 * @leader: the thread group leader, referenced by the caller
 * @mm: the mm that is looked at
 * @ns: the pid namespace that ids are given in
 *
 * Interrupts every CPU that was seen to run such a thread and waits until all
 * have answered; again only where a thread had moved to another CPU meanwhile.
 * Interrupts must be on. The caller holds the mmap_lock, so that
 * the VMAs are those that the stack pointers point into.
 */
void pmemctl_live_read(struct pmemctl_snapshot *snap, struct task_struct *leader,
		       struct mm_struct *mm, struct pid_namespace *ns)
{
	struct pmemctl_thread *rows = snap->threads.rows;
	struct census census = {
		.samples = snap->live.samples.rows,
		.process = leader->signal,
		.mm = mm,
		.ns = ns,
	};
	u32 round, i;

	for (round = 0; round < MAX_ROUNDS; round++) {
		cpumask_clear(snap->live.cpus);
		for (i = 0; i < snap->threads.count; i++)
			if (may_be_improved(&rows[i]))
				cpumask_set_cpu(rows[i].cpu, snap->live.cpus);
		if (cpumask_empty(snap->live.cpus))
			return;

		memset(census.samples, 0, nr_cpu_ids * sizeof(struct sample));
		on_each_cpu_mask(snap->live.cpus, take_sample, &census, true);
		use_samples(snap, &census);
	}
}
