/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between the kernels that the module is built for. No other
 * file knows a version number, and none tests a CONFIG_ symbol.
 *
 * Supported: 6.1 to 7.3, x86-64.
 */
#ifndef PMEMCTL_COMPAT_H
#define PMEMCTL_COMPAT_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/version.h>
#include <net/genetlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "pmemctl supports Linux 6.1 and later: VMAs must be in a maple tree"
#endif

#ifndef CONFIG_X86_64
#error "pmemctl supports x86-64: see regs.c for what another machine needs"
#endif

#ifndef CONFIG_SMP
#error "pmemctl needs CONFIG_SMP: what is on a CPU is told from task->on_cpu"
#endif

#ifndef CONFIG_PROC_PAGE_MONITOR
#error "pmemctl needs /proc/PID/pagemap (CONFIG_PROC_PAGE_MONITOR)"
#endif

/* The newest kernel that the module was tested on; newer ones get a warning */
#define PMEMCTL_NEWEST_TESTED	KERNEL_VERSION(7, 3, 255)
#define PMEMCTL_KERNEL_IS_NEWER	(LINUX_VERSION_CODE > PMEMCTL_NEWEST_TESTED)

/* VMA flags that came after 6.1, or that a configuration leaves out */
#ifndef VM_SHADOW_STACK
#define VM_SHADOW_STACK	VM_NONE
#endif
#ifndef VM_SEALED
#define VM_SEALED	VM_NONE
#endif
#ifndef VM_DROPPABLE
#define VM_DROPPABLE	VM_NONE
#endif
#ifndef VM_MAYBE_GUARD
#define VM_MAYBE_GUARD	VM_NONE
#endif

/* These come as the protection key, not as flags */
#ifdef CONFIG_ARCH_HAS_PKEYS
#define PMEMCTL_VM_PKEY_BITS \
	(VM_PKEY_BIT0 | VM_PKEY_BIT1 | VM_PKEY_BIT2 | VM_PKEY_BIT3)
#else
#define PMEMCTL_VM_PKEY_BITS	VM_NONE
#endif

/* 6.6: struct genl_dumpit_info got a whole genl_info instead of the attributes */
static inline struct nlattr **pmemctl_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_info_dump(cb)->attrs;
#endif
}

/* 6.7: overlayfs maps a backing file; users know it by another path */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static inline const struct path *pmemctl_file_path(const struct file *file)
{
	return &file->f_path;
}

static inline const struct inode *pmemctl_file_inode(const struct file *file)
{
	return file_inode(file);
}
#else
#define pmemctl_file_path	file_user_path
#define pmemctl_file_inode	file_user_inode
#endif

/* 6.7: get_file_rcu() became a function on the pointer to the file's pointer */
static inline struct file *pmemctl_get_exe_file(struct mm_struct *mm)
{
	struct file *file;

	rcu_read_lock();
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	file = rcu_dereference(mm->exe_file);
	if (file && !get_file_rcu(file))
		file = NULL;
#else
	file = get_file_rcu(&mm->exe_file);
#endif
	rcu_read_unlock();
	return file;
}

/* 6.6: vma_is_initial_heap() and vma_is_initial_stack(). Before, task_mmu.c: */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
static inline bool pmemctl_vma_is_heap(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->brk &&
	       vma->vm_end >= vma->vm_mm->start_brk;
}

static inline bool pmemctl_vma_is_stack(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->start_stack &&
	       vma->vm_end >= vma->vm_mm->start_stack;
}
#else
#define pmemctl_vma_is_heap	vma_is_initial_heap
#define pmemctl_vma_is_stack	vma_is_initial_stack
#endif

/*
 * The name that prctl(PR_SET_VMA_ANON_NAME) gave, NULL if none. anon_vma_name()
 * is not exported. 6.2 gave names to shared anonymous memory, too; before, the
 * field is meaningless in a file's VMA. Valid under the mmap_lock.
 */
static inline const char *pmemctl_anon_name(const struct vm_area_struct *vma)
{
#ifdef CONFIG_ANON_VMA_NAME
	if (LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0) && vma->vm_file)
		return NULL;
	return vma->anon_name ? vma->anon_name->name : NULL;
#else
	return NULL;
#endif
}

/* 6.2: counters per CPU: the exact figure is their sum */
static inline u64 pmemctl_mm_counter(struct mm_struct *mm, int member)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return (u64)get_mm_counter(mm, member) << PAGE_SHIFT;
#else
	return (u64)percpu_counter_sum_positive(&mm->rss_stat[member])
		<< PAGE_SHIFT;
#endif
}

/* 6.4: a bit number instead of a mask */
static inline bool pmemctl_mm_has_vsyscall(struct mm_struct *mm)
{
#ifndef CONFIG_X86_VSYSCALL_EMULATION
	return false;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return mm->context.flags & MM_CONTEXT_HAS_VSYSCALL;
#else
	return test_bit(MM_CONTEXT_HAS_VSYSCALL, &mm->context.flags);
#endif
}

/* 6.4: PF_USER_WORKER, of which PF_IO_WORKER is a kind; vhost is another */
#ifndef PF_USER_WORKER
#define PF_USER_WORKER	0
#endif

/* 7.x: what was in task_struct is in structs of their own; Kbuild looks for them */
static inline u64 pmemctl_task_robust_list(struct task_struct *task)
{
#ifndef CONFIG_FUTEX
	return 0;
#elif defined(PMEMCTL_HAVE_FUTEX_TYPES)
	return (uintptr_t)READ_ONCE(task->futex.robust_list);
#else
	return (uintptr_t)READ_ONCE(task->robust_list);
#endif
}

static inline u64 pmemctl_task_rseq(struct task_struct *task)
{
#ifndef CONFIG_RSEQ
	return 0;
#elif defined(PMEMCTL_HAVE_RSEQ_TYPES)
	return (uintptr_t)READ_ONCE(task->rseq.usrptr);
#else
	return (uintptr_t)READ_ONCE(task->rseq);
#endif
}

/* 6.6: user shadow stacks */
static inline void pmemctl_task_shstk(struct task_struct *task, u64 *base,
				      u64 *size)
{
#ifdef CONFIG_X86_USER_SHADOW_STACK
	*base = READ_ONCE(task->thread.shstk.base);
	*size = READ_ONCE(task->thread.shstk.size);
#else
	*base = 0;
	*size = 0;
#endif
}

#endif /* PMEMCTL_COMPAT_H */
