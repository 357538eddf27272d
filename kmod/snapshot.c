// SPDX-License-Identifier: GPL-2.0
/*
 * A snapshot: everything that is told of one process, taken at once and then
 * nothing but bytes. No task, mm, file or lock is held by one that is done.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/netlink.h>
#include <linux/pid_namespace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "internal.h"

/* A process that grows between counting and copying: times to try again */
#define MAX_TRIES	16

/* How long the target's mmap_lock is waited for in all tries together, in jiffies */
#define LOCK_PATIENCE	(HZ / 2)

/**
 * pmemctl_snapshot_alloc - an empty snapshot
 * @sections: what it shall hold, enum pmemctl_section
 * @live: running threads are to be interrupted for their registers
 * @extack: told why not
 *
 * Return: the snapshot, to be freed by pmemctl_snapshot_free(), or ERR_PTR of
 * -EUSERS when as many as allowed are alive, -ENOMEM.
 */
struct pmemctl_snapshot *pmemctl_snapshot_alloc(u32 sections, bool live,
						struct netlink_ext_ack *extack)
{
	struct pmemctl_snapshot *snap;
	int ret;

	snap = pmemctl_alloc(sizeof(*snap), jiffies + PMEMCTL_MEMORY_PATIENCE);
	if (!snap)
		return ERR_PTR(-ENOMEM);
	memset(snap, 0, sizeof(*snap));
	ret = pmemctl_quota_take(&snap->budget, extack);
	if (ret) {
		kfree(snap);
		return ERR_PTR(ret);
	}
	snap->sections = sections;
	snap->live.wanted = live;
	snap->vmas.row_size = sizeof(struct pmemctl_vma);
	snap->threads.row_size = sizeof(struct pmemctl_thread);
	snap->sharers.row_size = sizeof(struct pmemctl_sharer);
	return snap;
}

/**
 * pmemctl_snapshot_free - give a snapshot back
 * @snap: the snapshot, complete or not
 */
void pmemctl_snapshot_free(struct pmemctl_snapshot *snap)
{
	pmemctl_live_free(&snap->live, &snap->budget);
	pmemctl_objects_free(&snap->objects, &snap->budget);
	pmemctl_table_free(&snap->sharers, &snap->budget);
	pmemctl_table_free(&snap->threads, &snap->budget);
	pmemctl_table_free(&snap->vmas, &snap->budget);
	pmemctl_quota_put(&snap->budget);
	kfree(snap);
}

static u64 pages(unsigned long nr)
{
	return (u64)nr << PAGE_SHIFT;
}

/*
 * Counters that others change meanwhile, and not by WRITE_ONCE(): munmap() when it holds
 * the lock for reading as we do, who is about to lose pages under no lock at all. Each is
 * what it was at some moment.
 */
#define UNSTABLE(counter)	data_race(READ_ONCE(counter))

/* Under the mmap_lock; arg_lock is what prctl(PR_SET_MM) changes these under */
static void fill_mm(struct pmemctl_snapshot *snap, struct mm_struct *mm)
{
	u64 *v = snap->mm;

	snap->mm_id = pmemctl_mm_id(mm);
	snap->mm_users = atomic_read(&mm->mm_users) - 1;
	snap->mm_map_count = mm->map_count;

	v[PMEMCTL_MM_TOTAL_VM] = pages(UNSTABLE(mm->total_vm));
	/* it reads two of them */
	v[PMEMCTL_MM_HIWATER_VM] = pages(data_race(get_mm_hiwater_vm(mm)));
	v[PMEMCTL_MM_LOCKED_VM] = pages(UNSTABLE(mm->locked_vm));
	v[PMEMCTL_MM_PINNED_VM] = pages(atomic64_read(&mm->pinned_vm));
	v[PMEMCTL_MM_DATA_VM] = pages(UNSTABLE(mm->data_vm));
	v[PMEMCTL_MM_EXEC_VM] = pages(UNSTABLE(mm->exec_vm));
	v[PMEMCTL_MM_STACK_VM] = pages(UNSTABLE(mm->stack_vm));
	v[PMEMCTL_MM_RSS_ANON] = pmemctl_mm_counter(mm, MM_ANONPAGES);
	v[PMEMCTL_MM_RSS_FILE] = pmemctl_mm_counter(mm, MM_FILEPAGES);
	v[PMEMCTL_MM_RSS_SHMEM] = pmemctl_mm_counter(mm, MM_SHMEMPAGES);
	v[PMEMCTL_MM_HIWATER_RSS] = max(pages(UNSTABLE(mm->hiwater_rss)),
					v[PMEMCTL_MM_RSS_ANON] +
					v[PMEMCTL_MM_RSS_FILE] +
					v[PMEMCTL_MM_RSS_SHMEM]);
	v[PMEMCTL_MM_SWAP] = pmemctl_mm_counter(mm, MM_SWAPENTS);
	v[PMEMCTL_MM_PGTABLES] = mm_pgtables_bytes(mm);
	v[PMEMCTL_MM_TASK_SIZE] = mm->task_size;
	v[PMEMCTL_MM_MMAP_BASE] = mm->mmap_base;

	spin_lock(&mm->arg_lock);
	v[PMEMCTL_MM_START_CODE] = mm->start_code;
	v[PMEMCTL_MM_END_CODE] = mm->end_code;
	v[PMEMCTL_MM_START_DATA] = mm->start_data;
	v[PMEMCTL_MM_END_DATA] = mm->end_data;
	v[PMEMCTL_MM_START_BRK] = mm->start_brk;
	v[PMEMCTL_MM_BRK] = mm->brk;
	v[PMEMCTL_MM_START_STACK] = mm->start_stack;
	v[PMEMCTL_MM_ARG_START] = mm->arg_start;
	v[PMEMCTL_MM_ARG_END] = mm->arg_end;
	v[PMEMCTL_MM_ENV_START] = mm->env_start;
	v[PMEMCTL_MM_ENV_END] = mm->env_end;
	spin_unlock(&mm->arg_lock);

	if (pmemctl_mm_has_vsyscall(mm))
		snap->flags |= PMEMCTL_PROCESS_VSYSCALL;
}

static bool fill_exe(struct pmemctl_snapshot *snap, struct mm_struct *mm)
{
	struct file *exe = pmemctl_get_exe_file(mm);

	snap->mm_exe = 0;
	if (!exe)
		return true;
	snap->mm_exe = pmemctl_objects_add_file(&snap->objects, exe);
	fput(exe);
	return snap->mm_exe;
}

static bool needs_vmas(const struct pmemctl_snapshot *snap)
{
	/* threads need them as well: to find the stacks in */
	return snap->sections & (PMEMCTL_SECTION_VMAS | PMEMCTL_SECTION_THREADS);
}

/*
 * The target's mmap_lock, but not at any price: whoever owns the target can
 * keep it locked for ever, and the caller is within cb_lock of generic netlink.
 * Not queueing for it also means that no writer of the target waits behind us.
 *
 * Return: 0 with the lock, -EBUSY if it could not be had until @deadline, -EINTR.
 */
static int lock(struct mm_struct *mm, unsigned long deadline)
{
	unsigned int pause = 10;

	while (!mmap_read_trylock(mm)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (time_after(jiffies, deadline))
			return -EBUSY;
		usleep_range(pause, 2 * pause);
		pause = min(2 * pause, 1000U);
	}
	return 0;
}

/*
 * The one locked pass. Return: 0 with all of it, 1 if there was not room, or
 * what lock() returned.
 */
static int copy_locked(struct pmemctl_snapshot *snap, struct task_struct *leader,
		       struct mm_struct *mm, struct pid_namespace *ns,
		       unsigned long deadline)
{
	u64 asked = ktime_get_ns(), locked;
	bool fits;
	int ret;

	ret = lock(mm, deadline);
	if (ret)
		return ret;
	locked = ktime_get_ns();
	snap->taken = ktime_get_real_ns();
	snap->taken_boottime = ktime_get_boottime_ns();

	fill_mm(snap, mm);
	fits = fill_exe(snap, mm);
	if (fits && needs_vmas(snap))
		fits = pmemctl_vmas_fill(snap, mm);
	if (fits && snap->sections & PMEMCTL_SECTION_THREADS)
		fits = pmemctl_threads_fill(snap, leader, mm, ns);
	if (fits && snap->live.wanted)
		pmemctl_live_read(snap, leader, mm, ns);

	snap->lock_hold = ktime_get_ns() - locked;
	mmap_read_unlock(mm);
	snap->lock_wait = locked - asked;
	return fits ? 0 : 1;
}

/*
 * What @count of the VMAs seen so far will be of all, and half as much again: a
 * few doublings would have the lock taken as often, and the first VMAs copied.
 */
static size_t extrapolate(const struct pmemctl_snapshot *snap, u32 count)
{
	u32 seen = max(snap->vmas.count, 1U);
	u32 all = max(snap->mm_map_count, seen);

	return min((u64)count * all / seen * 3 / 2, 8 * (u64)count);
}

/*
 * Room for what there is now and a little more. A library has four VMAs or five;
 * thousands of VMAs tend to have no file at all.
 */
static int reserve(struct pmemctl_snapshot *snap, struct task_struct *leader,
		   struct mm_struct *mm)
{
	size_t vmas = READ_ONCE(mm->map_count), threads;
	size_t objects = 64 + min_t(size_t, vmas / 4, 512), strings = 1024;
	int ret = 0;

	if (snap->objects.full) {
		objects = max(objects, extrapolate(snap, snap->objects.rows.count));
		strings = max(strings, extrapolate(snap, snap->objects.strings.count));
	}
	snap->vmas.count = 0;
	snap->threads.count = 0;
	pmemctl_objects_reset(&snap->objects);
	ret = pmemctl_objects_reserve(&snap->objects, &snap->budget, objects, strings);
	if (!ret && needs_vmas(snap))
		ret = pmemctl_table_reserve(&snap->vmas, &snap->budget,
					    vmas + vmas / 16 + 16);
	if (!ret && snap->sections & PMEMCTL_SECTION_THREADS) {
		threads = get_nr_threads(leader);
		ret = pmemctl_table_reserve(&snap->threads, &snap->budget,
					    threads + threads / 16 + 16);
	}
	if (!ret)
		ret = pmemctl_live_reserve(&snap->live, &snap->budget);
	return ret;
}

static int copy(struct pmemctl_snapshot *snap, struct task_struct *leader,
		struct mm_struct *mm, struct pid_namespace *ns)
{
	unsigned long deadline = jiffies + LOCK_PATIENCE;
	int tries, ret;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		ret = reserve(snap, leader, mm);
		if (ret)
			return ret;
		ret = copy_locked(snap, leader, mm, ns, deadline);
		if (ret <= 0)
			return ret;
	}
	return -EAGAIN;
}

static void explain(struct netlink_ext_ack *extack, int err)
{
	switch (err) {
	case -EFBIG:
		NL_SET_ERR_MSG(extack, "the snapshot is too big (parameter max_snapshot_mib)");
		break;
	case -EUSERS:
		NL_SET_ERR_MSG(extack, "the user has too much unread (parameter max_snapshot_mib)");
		break;
	case -EAGAIN:
		NL_SET_ERR_MSG(extack, "the process grows faster than it can be copied");
		break;
	case -EBUSY:
		NL_SET_ERR_MSG(extack, "the process keeps its mmap_lock");
		break;
	case -ESTALE:
		NL_SET_ERR_MSG(extack, "the process has just left that address space");
		break;
	}
}

static void fill_process(struct pmemctl_snapshot *snap, struct task_struct *leader,
			 struct pid_namespace *ns)
{
	snap->pid = task_tgid_nr_ns(leader, ns);
	get_task_comm(snap->comm, leader);
	snap->has_comm = true;
	snap->rlimit_stack = task_rlimit(leader, RLIMIT_STACK);
}

/* What a reader who may not attach is not to be told */
static void withhold_registers(struct pmemctl_snapshot *snap)
{
	struct pmemctl_thread *rows = snap->threads.rows;
	u32 i;

	for (i = 0; i < snap->threads.count; i++) {
		rows[i].sp = 0;
		rows[i].ip = 0;
		rows[i].tp = 0;
	}
}

/**
 * pmemctl_snapshot_take - fill a snapshot from a process
 * @snap: the empty snapshot
 * @leader: thread group leader, referenced by the caller
 * @mm: the mm that the right to look was proven for; the caller holds a count
 *	of mm_users
 * @access: what was proven
 * @extack: told why not
 *
 * Sleeps; under the locks of generic netlink only. Ids are in current's pid namespace,
 * paths as seen from current's root.
 *
 * Return: 0; -EPERM if @access is not enough for what is wanted, -EFBIG,
 * -ENOMEM, -EAGAIN, -EBUSY if the mmap_lock cannot be had, -ESTALE if the
 * process stopped to use @mm, -EINTR.
 */
int pmemctl_snapshot_take(struct pmemctl_snapshot *snap, struct task_struct *leader,
			  struct mm_struct *mm, enum pmemctl_access access,
			  struct netlink_ext_ack *extack)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	int ret;

	if (snap->live.wanted && access != PMEMCTL_ACCESS_ATTACH) {
		NL_SET_ERR_MSG(extack, "PMEMCTL_A_LIVE needs the proof of /proc/PID/mem");
		return -EPERM;
	}
	fill_process(snap, leader, ns);
	if (access == PMEMCTL_ACCESS_ATTACH)
		snap->flags |= PMEMCTL_PROCESS_ATTACH;
	if (READ_ONCE(leader->exit_state))
		snap->flags |= PMEMCTL_PROCESS_LEADER_EXITED;
	if (READ_ONCE(leader->flags) & PF_FORKNOEXEC)
		snap->flags |= PMEMCTL_PROCESS_FORKED;
	if (VM_MAYBE_GUARD != VM_NONE)
		snap->flags |= PMEMCTL_PROCESS_TELLS_GUARDS;
	/* to which every thread that ends adds what it had */
	if (READ_ONCE(leader->signal->sum_sched_runtime))
		snap->flags |= PMEMCTL_PROCESS_THREADS_ENDED;

	ret = copy(snap, leader, mm, ns);
	/* what execve() or exit() left behind while the lock was waited for */
	if (!ret && (!snap->pid || !pmemctl_process_uses_mm(leader, mm)))
		ret = -ESTALE;
	if (!ret)
		ret = pmemctl_objects_resolve(&snap->objects, &snap->budget);
	if (!ret && snap->sections & PMEMCTL_SECTION_THREADS)
		ret = pmemctl_stacks_find(snap);
	if (!ret && snap->sections & PMEMCTL_SECTION_SHARERS)
		ret = pmemctl_sharers_fill(snap, leader, mm, ns);
	if (ret) {
		explain(extack, ret);
		return ret;
	}

	if (access != PMEMCTL_ACCESS_ATTACH)
		withhold_registers(snap);
	if (!(snap->sections & PMEMCTL_SECTION_VMAS))
		pmemctl_table_free(&snap->vmas, &snap->budget);
	return 0;
}

/**
 * pmemctl_snapshot_take_kthread - fill a snapshot from a kernel thread
 * @snap: the empty snapshot
 * @kthread: the kernel thread, referenced by the caller
 * @may_see_all: whether to tell its name, and whose mm it works in
 *
 * A kernel thread has no address space. It may work in a process' (then mm is
 * set), or have been left with that of whoever ran before it (active_mm). That it
 * is one getpgid() tells anybody, its name may be hidden by /proc (hidepid).
 */
void pmemctl_snapshot_take_kthread(struct pmemctl_snapshot *snap,
				   struct task_struct *kthread, bool may_see_all)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct mm_struct *mm;

	fill_process(snap, kthread, ns);
	snap->flags |= PMEMCTL_PROCESS_KTHREAD;
	snap->taken = ktime_get_real_ns();
	snap->taken_boottime = ktime_get_boottime_ns();

	snap->has_comm = may_see_all;
	if (!may_see_all)
		return;
	mm = READ_ONCE(kthread->mm);
	if (!mm) {
		mm = READ_ONCE(kthread->active_mm);
		snap->flags |= PMEMCTL_PROCESS_LAZY;
	}
	if (mm)
		snap->has_borrowed = pmemctl_mm_owner(mm, ns, &snap->borrowed_pid,
						      snap->borrowed_comm);
	if (!snap->has_borrowed)
		snap->flags &= ~PMEMCTL_PROCESS_LAZY;
}
