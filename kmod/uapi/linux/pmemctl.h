/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * pmemctl: the address space of one process, and which tasks use which one, over
 * generic netlink.
 *
 * This header is the manual of the protocol; pmemctl.yaml beside the module
 * says the same for machines.
 *
 *
 * Asking
 *
 * Resolve the family "pmemctl" and send PMEMCTL_CMD_SNAPSHOT with NLM_F_DUMP:
 *
 *	PMEMCTL_A_PID		u32	which process: the pid of any of its threads,
 *					as seen in the sender's pid namespace
 *	PMEMCTL_A_PROOF_FD	u32	an open descriptor of the sender, see below
 *	PMEMCTL_A_SECTIONS	u32	what is wanted: enum pmemctl_section, or'ed
 *	PMEMCTL_A_LIVE		flag	exact registers of running threads, too: the
 *					CPUs that run them are interrupted
 *
 * Who may look is decided by the kernel's own check on opening a file, not by
 * this module. PMEMCTL_A_PROOF_FD is an open descriptor of
 *
 *	/proc/PID/pagemap	which asks PTRACE_MODE_READ, or
 *	/proc/PID/mem		which asks PTRACE_MODE_ATTACH.
 *
 * The first is enough for all but PMEMCTL_A_LIVE, and the values of sp, ip and tp,
 * the registers, in struct pmemctl_thread; how fresh they are, and whether sp lies in the stack,
 * is told all the same. Where the thread PID is a zombie while others of
 * its process live, /proc/PID/task/TID/pagemap of a live one serves. The file,
 * the netlink socket and the request must all carry the very same credentials:
 * open the file and the socket in the process that asks, and do not change
 * user or capabilities in between. Descriptors that came from elsewhere, and
 * O_PATH ones, are refused.
 *
 * For all tasks of the machine send PMEMCTL_CMD_TASKS with NLM_F_DUMP:
 *
 *	PMEMCTL_TASKS_A_PROOF_FD  u32	the same, of /proc/1
 *
 * Who opened the socket and who sends must both have CAP_SYS_PTRACE in the initial
 * user namespace. The proof shows that they may look at process 1, of the sender's pid
 * namespace or of the initial one, and so that no Landlock domain confines them; of
 * AppArmor, SELinux and Smack, which judge each pair by its labels, it shows no more than
 * that: whom a profile lets look at init is told of those it does not let him look at.
 *
 * A kernel thread has no address space to protect: no proof is needed to be told that
 * it is one. Its name, and whose address space it works in, are told to those who may
 * ask for all tasks, with that proof as PMEMCTL_A_PROOF_FD; any other is ignored. And who
 * looks at that address space is told of it, as of everybody who shares it.
 *
 *
 * Errors
 *
 *	EBADF		the descriptor is not open (or is O_PATH)
 *	EINVAL		an attribute is missing or wrong, or the descriptor is
 *			of another kind of file
 *	EPERM		the descriptor, the socket and the caller do not have
 *			the same credentials; or PMEMCTL_A_LIVE with a pagemap;
 *			or all tasks are asked for without CAP_SYS_PTRACE
 *	ESRCH		no such process in the sender's pid namespace
 *	ENODATA		the descriptor was opened on a task without an address
 *			space (a zombie, a kernel thread)
 *	ESTALE		the process does not, or no longer, use the address space
 *			that the descriptor stands for: after execve() open again;
 *			or it is not process 1's, where that one's is wanted
 *	EBUSY		the process kept its mmap_lock for half a second: again.
 *			Or, as NLMSG_ERROR: another dump runs on the socket
 *	EUSERS		too many answers alive (module parameter max_snapshots), or
 *			those of the user take too much (max_snapshot_mib); ids that
 *			a user has in namespaces of his own are his
 *	EFBIG		the answer would exceed max_snapshot_mib
 *	ETIMEDOUT	the reader paused for longer than a minute (max_unread_s), or
 *			was not done after ten, and the rest of the answer is gone
 *	EAGAIN		the process grew faster than it could be copied, or tasks
 *			came faster than they could be listed: again
 *	ENOBUFS		the socket's receive buffer is full of unread answers
 *	ENOMEM		no memory, or the memory cgroup's limit
 *	ENOENT		the module is not loaded any more: no family has that number
 *	EPROTONOSUPPORT	the module is just being unloaded
 *
 * An extended ack (NETLINK_EXT_ACK) says in words what was wrong. These errors
 * come in the NLMSG_DONE that ends the dump; those of a malformed request in
 * NLMSG_ERROR: read both.
 *
 *
 * The answer
 *
 * A multi-part dump of messages with command PMEMCTL_CMD_SNAPSHOT. The first
 * carries the scalars (PMEMCTL_A_PID to PMEMCTL_A_SHARERS_HIDDEN); each of
 * the following carries one chunk of one table: PMEMCTL_A_VMAS,
 * PMEMCTL_A_OBJECTS, PMEMCTL_A_THREADS, PMEMCTL_A_SHARERS or
 * PMEMCTL_A_STRINGS, in this order, as many chunks as it takes. A table with
 * no rows sends no chunk.
 *
 * The whole answer was taken before the first byte of it was sent, and does
 * not change while it is read. VMAs, threads and the counters of the mm come
 * from one single hold of the target's mmap_lock for reading, so no mapping is
 * torn, missing or shown twice. Threads come and go without that lock: one that
 * lived through the hold is there. munmap() lowers the counters only when it
 * has let readers in again: total_vm may exceed the sum of the VMAs. File paths
 * and sharers are looked up right after the hold.
 *
 * A chunk is a struct pmemctl_chunk followed by `count` rows of `row_size`
 * bytes. Later modules may append fields to a row: step by row_size, and take
 * a field that lies beyond it as 0. Netlink aligns attributes to 4 bytes, and
 * rows hold 64-bit fields: copy a row out before you use it. `first` counts up
 * from 0 without a gap and the last chunk ends at `total`: anything else is a
 * truncated answer.
 *
 * Rows refer to each other by number. Object numbers are 1 + the index into
 * the table of objects, 0 is none. Strings are (offset, length) in the byte
 * table PMEMCTL_A_STRINGS, and are not terminated; a path is raw bytes as the
 * file system has them, with no escapes, seen from the sender's root.
 *
 *
 * The answer to PMEMCTL_CMD_TASKS
 *
 * The same, with that command: first a message with the scalars (enum
 * pmemctl_tasks_attr), then the chunks of PMEMCTL_TASKS_A_MMS and of
 * PMEMCTL_TASKS_A_TASKS. Listed are the tasks that have an id in the sender's pid
 * namespace, zombies and kernel threads among them, and the mms that these use. Tasks
 * refer to mms by number: 1 + the index into the table of mms, 0 is none.
 *
 * All of it was taken before the first byte was sent, but not at one instant: the
 * kernel has no lock that would hold all tasks still for a module. One walk is made
 * over them, which took PMEMCTL_TASKS_A_WALK from PMEMCTL_TASKS_A_TAKEN on.
 *
 *	- A task that was there throughout the walk is listed. One that came or
 *	  went meanwhile may be. None is listed that never was.
 *	- No id is listed twice. Where one changed hands during the walk, the task that
 *	  was seen last has it.
 *	- tid, tgid, ppid, flags, uid, start_time and comm of a task are from one
 *	  moment of the walk; execve() may fall between any two of them. So is mm;
 *	  tasks with equal numbers used the very same mm, each at its moment.
 *	- active_mm, and `users` and `unexplained` of an mm, are from the end of
 *	  the walk, all tasks being listed by then.
 *	- The sizes of an mm and map_count are from after the walk, and of one moment
 *	  each; they are 0 where its last task has ended since, or fall to that.
 *
 * While an mm is read it is kept from being freed, not from being torn down: no
 * memory of a process outlives it for that, and mm_users is what it is anyway.
 *
 *
 * All integers are in the byte order of the host, all addresses and sizes in
 * bytes. Unused bits and padding are 0. Kernel addresses never appear.
 */
#ifndef _UAPI_LINUX_PMEMCTL_H
#define _UAPI_LINUX_PMEMCTL_H

#include <linux/types.h>

#define PMEMCTL_GENL_NAME	"pmemctl"
#define PMEMCTL_GENL_VERSION	1

enum pmemctl_cmd {
	PMEMCTL_CMD_SNAPSHOT = 1,
	PMEMCTL_CMD_TASKS,

	__PMEMCTL_CMD_END,
	PMEMCTL_CMD_MAX = __PMEMCTL_CMD_END - 1
};

/**
 * enum pmemctl_section - which tables a snapshot shall hold
 * @PMEMCTL_SECTION_VMAS: the VMAs, with the objects and strings they name
 * @PMEMCTL_SECTION_THREADS: the threads of the process, with stack ranges
 * @PMEMCTL_SECTION_SHARERS: the tasks of other processes that use the mm
 * @PMEMCTL_SECTION_ALL: all of the above
 *
 * The scalars are always sent, and so is the object of the executable.
 */
enum pmemctl_section {
	PMEMCTL_SECTION_VMAS	= 1 << 0,
	PMEMCTL_SECTION_THREADS	= 1 << 1,
	PMEMCTL_SECTION_SHARERS	= 1 << 2,
	PMEMCTL_SECTION_ALL	= (1 << 3) - 1
};

/**
 * enum pmemctl_attr - attributes of PMEMCTL_CMD_SNAPSHOT
 * @PMEMCTL_A_PID: u32. Asked: any tid. Answered: the thread group id
 * @PMEMCTL_A_PROOF_FD: u32, asked only: the right to look
 * @PMEMCTL_A_SECTIONS: u32, asked only: enum pmemctl_section
 * @PMEMCTL_A_FLAGS: u32, enum pmemctl_process_flag
 * @PMEMCTL_A_COMM: string, comm of the thread group leader. Of a kernel thread: absent
 *	for senders who may not ask for all tasks: their /proc may hide it
 * @PMEMCTL_A_MM: nest of enum pmemctl_mm_attr; absent for a kernel thread
 * @PMEMCTL_A_TAKEN: u64, CLOCK_REALTIME in ns when the lock was held
 * @PMEMCTL_A_TAKEN_BOOTTIME: u64, the same in CLOCK_BOOTTIME
 * @PMEMCTL_A_LOCK_WAIT: u64, ns that the mmap_lock was waited for
 * @PMEMCTL_A_LOCK_HOLD: u64, ns that the mmap_lock was held
 * @PMEMCTL_A_RLIMIT_STACK: u64, soft RLIMIT_STACK; all ones: unlimited
 * @PMEMCTL_A_BORROWED_PID: u32, of a kernel thread: the process whose mm it
 *	uses for now. Absent if it uses none, and for senders who may not ask for
 *	all tasks
 * @PMEMCTL_A_BORROWED_COMM: string, that process' comm
 * @PMEMCTL_A_MM_USERS_UNEXPLAINED: u32, references in mm_users that belong
 *	to no task that was found: /proc readers, swapoff, io_uring or vhost
 *	contexts. Comes with PMEMCTL_SECTION_SHARERS
 * @PMEMCTL_A_SHARERS_HIDDEN: u32, tasks that use the mm and have no pid in
 *	the sender's pid namespace. Comes with PMEMCTL_SECTION_SHARERS
 * @PMEMCTL_A_PAD: padding
 * @PMEMCTL_A_VMAS: chunk of struct pmemctl_vma, by ascending address
 * @PMEMCTL_A_OBJECTS: chunk of struct pmemctl_object
 * @PMEMCTL_A_THREADS: chunk of struct pmemctl_thread, oldest first
 * @PMEMCTL_A_SHARERS: chunk of struct pmemctl_sharer
 * @PMEMCTL_A_STRINGS: chunk of bytes (row_size 1)
 * @PMEMCTL_A_LIVE: flag, asked only: interrupt the CPUs that run threads of
 *	the process, for PMEMCTL_REGS_LIVE. Without it no CPU is disturbed
 */
enum pmemctl_attr {
	PMEMCTL_A_PID = 1,
	PMEMCTL_A_PROOF_FD,
	PMEMCTL_A_SECTIONS,

	PMEMCTL_A_FLAGS,
	PMEMCTL_A_COMM,
	PMEMCTL_A_MM,
	PMEMCTL_A_TAKEN,
	PMEMCTL_A_TAKEN_BOOTTIME,
	PMEMCTL_A_LOCK_WAIT,
	PMEMCTL_A_LOCK_HOLD,
	PMEMCTL_A_RLIMIT_STACK,
	PMEMCTL_A_BORROWED_PID,
	PMEMCTL_A_BORROWED_COMM,
	PMEMCTL_A_MM_USERS_UNEXPLAINED,
	PMEMCTL_A_SHARERS_HIDDEN,
	PMEMCTL_A_PAD,

	PMEMCTL_A_VMAS,
	PMEMCTL_A_OBJECTS,
	PMEMCTL_A_THREADS,
	PMEMCTL_A_SHARERS,
	PMEMCTL_A_STRINGS,

	PMEMCTL_A_LIVE,

	__PMEMCTL_A_END,
	PMEMCTL_A_MAX = __PMEMCTL_A_END - 1
};

/**
 * enum pmemctl_tasks_attr - attributes of PMEMCTL_CMD_TASKS
 * @PMEMCTL_TASKS_A_TAKEN: u64, CLOCK_REALTIME in ns when the walk began
 * @PMEMCTL_TASKS_A_TAKEN_BOOTTIME: u64, the same in CLOCK_BOOTTIME
 * @PMEMCTL_TASKS_A_WALK: u64, ns that the walk took
 * @PMEMCTL_TASKS_A_HIDDEN: u32, tasks that have no id in the sender's pid
 *	namespace and are not listed
 * @PMEMCTL_TASKS_A_PAD: padding
 * @PMEMCTL_TASKS_A_MMS: chunk of struct pmemctl_mm_row, in no certain order
 * @PMEMCTL_TASKS_A_TASKS: chunk of struct pmemctl_task, by ascending tgid, then
 *	tid
 * @PMEMCTL_TASKS_A_PROOF_FD: u32, asked only: the right to look, at process 1
 */
enum pmemctl_tasks_attr {
	PMEMCTL_TASKS_A_TAKEN = 1,
	PMEMCTL_TASKS_A_TAKEN_BOOTTIME,
	PMEMCTL_TASKS_A_WALK,
	PMEMCTL_TASKS_A_HIDDEN,
	PMEMCTL_TASKS_A_PAD,

	PMEMCTL_TASKS_A_MMS,
	PMEMCTL_TASKS_A_TASKS,

	PMEMCTL_TASKS_A_PROOF_FD,

	__PMEMCTL_TASKS_A_END,
	PMEMCTL_TASKS_A_MAX = __PMEMCTL_TASKS_A_END - 1
};

/**
 * enum pmemctl_process_flag - bits of PMEMCTL_A_FLAGS
 * @PMEMCTL_PROCESS_KTHREAD: a kernel thread: no mm of its own, no VMAs
 * @PMEMCTL_PROCESS_LEADER_EXITED: the leader is a zombie, other threads live
 * @PMEMCTL_PROCESS_ATTACH: the proof was PTRACE_MODE_ATTACH: registers are in
 * @PMEMCTL_PROCESS_VSYSCALL: the mm is of the kind to which the machine's
 *	vsyscall page, if it has one, is visible. That page is no VMA and is
 *	not among PMEMCTL_A_VMAS; /proc/self/maps of a 64-bit process tells
 * @PMEMCTL_PROCESS_LAZY: a kernel thread that does not work in the mm that
 *	PMEMCTL_A_BORROWED_PID names, but was left with it by who ran before
 * @PMEMCTL_PROCESS_FORKED: made by fork() or the like, with no execve() since:
 *	its memory began as its parent's
 * @PMEMCTL_PROCESS_THREADS_ENDED: threads other than the leader have ended,
 *	perhaps before the last execve(); a library may keep their stacks for new ones
 * @PMEMCTL_PROCESS_TELLS_GUARDS: the kernel has PMEMCTL_VMA_MAYBE_GUARD: a VMA
 *	without that flag holds no guard markers
 */
enum pmemctl_process_flag {
	PMEMCTL_PROCESS_KTHREAD		= 1 << 0,
	PMEMCTL_PROCESS_LEADER_EXITED	= 1 << 1,
	PMEMCTL_PROCESS_ATTACH		= 1 << 2,
	PMEMCTL_PROCESS_VSYSCALL	= 1 << 3,
	PMEMCTL_PROCESS_LAZY		= 1 << 4,
	PMEMCTL_PROCESS_FORKED		= 1 << 5,
	PMEMCTL_PROCESS_THREADS_ENDED	= 1 << 6,
	PMEMCTL_PROCESS_TELLS_GUARDS	= 1 << 7
};

/**
 * enum pmemctl_mm_attr - attributes within PMEMCTL_A_MM
 * @PMEMCTL_MM_ID: u64, names the mm: equal for tasks that share it, never
 *	reused while the mm lives, another one each time the module is loaded
 * @PMEMCTL_MM_USERS: u32, mm->mm_users without this request's own reference
 * @PMEMCTL_MM_MAP_COUNT: u32, number of VMAs
 * @PMEMCTL_MM_EXE: u32, object number of the executable, 0 if it has none
 * @PMEMCTL_MM_PAD: padding
 * @PMEMCTL_MM_TOTAL_VM: u64, bytes mapped (VmSize)
 * @PMEMCTL_MM_HIWATER_VM: u64, the most of it so far, as far as recorded
 * @PMEMCTL_MM_LOCKED_VM: u64, bytes in mlock'ed VMAs (VmLck)
 * @PMEMCTL_MM_PINNED_VM: u64, bytes pinned for devices (VmPin)
 * @PMEMCTL_MM_DATA_VM: u64, private, writable, not stack (VmData)
 * @PMEMCTL_MM_EXEC_VM: u64, executable, not writable, not stack
 * @PMEMCTL_MM_STACK_VM: u64, VMAs that grow down (VmStk)
 * @PMEMCTL_MM_HIWATER_RSS: u64, most resident bytes so far, as recorded
 * @PMEMCTL_MM_RSS_ANON: u64, resident anonymous bytes (RssAnon)
 * @PMEMCTL_MM_RSS_FILE: u64, resident file bytes (RssFile)
 * @PMEMCTL_MM_RSS_SHMEM: u64, resident shared memory bytes (RssShmem)
 * @PMEMCTL_MM_SWAP: u64, anonymous bytes in swap (VmSwap)
 * @PMEMCTL_MM_PGTABLES: u64, bytes in page tables (VmPTE)
 * @PMEMCTL_MM_TASK_SIZE: u64, end of the user part of the address space
 * @PMEMCTL_MM_MMAP_BASE: u64, where mmap starts to look, going down
 * @PMEMCTL_MM_START_CODE: u64, start of the text of the executable
 * @PMEMCTL_MM_END_CODE: u64, its end
 * @PMEMCTL_MM_START_DATA: u64, start of the initialised data
 * @PMEMCTL_MM_END_DATA: u64, its end; the bss follows
 * @PMEMCTL_MM_START_BRK: u64, start of the brk heap
 * @PMEMCTL_MM_BRK: u64, its end
 * @PMEMCTL_MM_START_STACK: u64, sp as the program first saw it
 * @PMEMCTL_MM_ARG_START: u64, first byte of the arguments
 * @PMEMCTL_MM_ARG_END: u64, their end
 * @PMEMCTL_MM_ENV_START: u64, first byte of the environment
 * @PMEMCTL_MM_ENV_END: u64, its end
 *
 * Named after the fields of struct mm_struct; what the kernel counts in pages
 * is given in bytes. Resident counts before 6.2 are gathered per task and may
 * be off by some pages for each; later ones are exact sums.
 */
enum pmemctl_mm_attr {
	PMEMCTL_MM_ID = 1,
	PMEMCTL_MM_USERS,
	PMEMCTL_MM_MAP_COUNT,
	PMEMCTL_MM_EXE,
	PMEMCTL_MM_PAD,
	PMEMCTL_MM_TOTAL_VM,
	PMEMCTL_MM_HIWATER_VM,
	PMEMCTL_MM_LOCKED_VM,
	PMEMCTL_MM_PINNED_VM,
	PMEMCTL_MM_DATA_VM,
	PMEMCTL_MM_EXEC_VM,
	PMEMCTL_MM_STACK_VM,
	PMEMCTL_MM_HIWATER_RSS,
	PMEMCTL_MM_RSS_ANON,
	PMEMCTL_MM_RSS_FILE,
	PMEMCTL_MM_RSS_SHMEM,
	PMEMCTL_MM_SWAP,
	PMEMCTL_MM_PGTABLES,
	PMEMCTL_MM_TASK_SIZE,
	PMEMCTL_MM_MMAP_BASE,
	PMEMCTL_MM_START_CODE,
	PMEMCTL_MM_END_CODE,
	PMEMCTL_MM_START_DATA,
	PMEMCTL_MM_END_DATA,
	PMEMCTL_MM_START_BRK,
	PMEMCTL_MM_BRK,
	PMEMCTL_MM_START_STACK,
	PMEMCTL_MM_ARG_START,
	PMEMCTL_MM_ARG_END,
	PMEMCTL_MM_ENV_START,
	PMEMCTL_MM_ENV_END,

	__PMEMCTL_MM_END,
	PMEMCTL_MM_MAX = __PMEMCTL_MM_END - 1
};

/**
 * struct pmemctl_chunk - head of a piece of a table
 * @row_size: bytes from one row to the next
 * @count: rows in this chunk
 * @first: index of the first of them in the whole table
 * @total: rows of the whole table
 */
struct pmemctl_chunk {
	__u32 row_size;
	__u32 count;
	__u32 first;
	__u32 total;
};

/**
 * struct pmemctl_vma - one virtual memory area
 * @start: first address
 * @end: first address behind it
 * @offset: bytes into the file at @start, 0 if anonymous
 * @flags: PMEMCTL_VMA_* bits
 * @file: object number of the mapped file, 0 if anonymous
 * @name: object number of the name that the kernel has for it, 0 if none:
 *	"[heap]", "[stack]", "[vdso]", "[anon:…]" and the like. Where both
 *	@file and @name are set, /proc/PID/maps prints @name
 * @page_shift: log2 of the page size used for it (12: 4 KiB, 21: 2 MiB)
 * @pkey: memory protection key, 0 is the default one
 */
struct pmemctl_vma {
	__u64 start;
	__u64 end;
	__u64 offset;
	__u64 flags;
	__u32 file;
	__u32 name;
	__u32 page_shift;
	__u32 pkey;
};

/*
 * Bits of struct pmemctl_vma.flags. In brackets: the two letters that
 * VmFlags in /proc/PID/smaps has for it.
 */
#define PMEMCTL_VMA_READ		(1ULL << 0)	/* [rd] */
#define PMEMCTL_VMA_WRITE		(1ULL << 1)	/* [wr] */
#define PMEMCTL_VMA_EXEC		(1ULL << 2)	/* [ex] */
#define PMEMCTL_VMA_SHARED		(1ULL << 3)	/* [sh] writes may reach others */
#define PMEMCTL_VMA_MAYREAD		(1ULL << 4)	/* [mr] mprotect may allow it */
#define PMEMCTL_VMA_MAYWRITE		(1ULL << 5)	/* [mw] */
#define PMEMCTL_VMA_MAYEXEC		(1ULL << 6)	/* [me] */
#define PMEMCTL_VMA_MAYSHARE		(1ULL << 7)	/* [ms] mapped MAP_SHARED */
#define PMEMCTL_VMA_GROWSDOWN		(1ULL << 8)	/* [gd] a stack that grows */
#define PMEMCTL_VMA_PFNMAP		(1ULL << 9)	/* [pf] no struct page */
#define PMEMCTL_VMA_LOCKED		(1ULL << 10)	/* [lo] mlock */
#define PMEMCTL_VMA_LOCKONFAULT		(1ULL << 11)	/* [lf] MLOCK_ONFAULT */
#define PMEMCTL_VMA_IO			(1ULL << 12)	/* [io] device memory */
#define PMEMCTL_VMA_SEQ_READ		(1ULL << 13)	/* [sr] MADV_SEQUENTIAL */
#define PMEMCTL_VMA_RAND_READ		(1ULL << 14)	/* [rr] MADV_RANDOM */
#define PMEMCTL_VMA_DONTCOPY		(1ULL << 15)	/* [dc] MADV_DONTFORK */
#define PMEMCTL_VMA_DONTEXPAND		(1ULL << 16)	/* [de] no mremap to grow */
#define PMEMCTL_VMA_ACCOUNT		(1ULL << 17)	/* [ac] counts as committed */
#define PMEMCTL_VMA_NORESERVE		(1ULL << 18)	/* [nr] MAP_NORESERVE */
#define PMEMCTL_VMA_HUGETLB		(1ULL << 19)	/* [ht] hugetlbfs */
#define PMEMCTL_VMA_SYNC		(1ULL << 20)	/* [sf] MAP_SYNC */
#define PMEMCTL_VMA_ARCH_1		(1ULL << 21)	/* [ar] the architecture's */
#define PMEMCTL_VMA_WIPEONFORK		(1ULL << 22)	/* [wf] MADV_WIPEONFORK */
#define PMEMCTL_VMA_DONTDUMP		(1ULL << 23)	/* [dd] MADV_DONTDUMP */
#define PMEMCTL_VMA_SOFTDIRTY		(1ULL << 24)	/* [sd] new since cleared */
#define PMEMCTL_VMA_MIXEDMAP		(1ULL << 25)	/* [mm] with and without page */
#define PMEMCTL_VMA_HUGEPAGE		(1ULL << 26)	/* [hg] MADV_HUGEPAGE */
#define PMEMCTL_VMA_NOHUGEPAGE		(1ULL << 27)	/* [nh] MADV_NOHUGEPAGE */
#define PMEMCTL_VMA_MERGEABLE		(1ULL << 28)	/* [mg] MADV_MERGEABLE, KSM */
#define PMEMCTL_VMA_UFFD_MISSING	(1ULL << 29)	/* [um] userfaultfd */
#define PMEMCTL_VMA_UFFD_WP		(1ULL << 30)	/* [uw] userfaultfd */
#define PMEMCTL_VMA_UFFD_MINOR		(1ULL << 31)	/* [ui] userfaultfd */
#define PMEMCTL_VMA_SHADOW_STACK	(1ULL << 32)	/* [ss] shadow stack */
#define PMEMCTL_VMA_SEALED		(1ULL << 33)	/* [sl] mseal */
#define PMEMCTL_VMA_DROPPABLE		(1ULL << 34)	/* [dp] MAP_DROPPABLE */
#define PMEMCTL_VMA_MAYBE_GUARD		(1ULL << 35)	/* [gu] may hold guard markers */
/* The kernel has set a flag that this module does not know [??, or nothing] */
#define PMEMCTL_VMA_OTHER		(1ULL << 63)

/**
 * struct pmemctl_object - what a VMA maps or is called
 * @ino: inode number of a file, 0 for a name
 * @dev_major: device of the file system
 * @dev_minor: device of the file system
 * @flags: enum pmemctl_object_flag
 * @string: offset of the path or name in the strings
 * @string_len: its length; a deleted file's has no " (deleted)" at its end.
 *	Files that never had a path (memfd, shared anonymous and System V
 *	memory) have one that the kernel made up, with that at its end
 * @zero: 0
 */
struct pmemctl_object {
	__u64 ino;
	__u32 dev_major;
	__u32 dev_minor;
	__u32 flags;
	__u32 string;
	__u32 string_len;
	__u32 zero;
};

/**
 * enum pmemctl_object_flag - bits of struct pmemctl_object.flags
 * @PMEMCTL_OBJECT_FILE: a file; clear: a name that the kernel gave
 * @PMEMCTL_OBJECT_DELETED: the path that it was opened by was removed
 * @PMEMCTL_OBJECT_PATH_UNKNOWN: the path could not be had (too long for any
 *	buffer, no memory); the string is empty
 */
enum pmemctl_object_flag {
	PMEMCTL_OBJECT_FILE		= 1 << 0,
	PMEMCTL_OBJECT_DELETED		= 1 << 1,
	PMEMCTL_OBJECT_PATH_UNKNOWN	= 1 << 2
};

/**
 * struct pmemctl_thread - one thread of the process
 * @tid: its id in the sender's pid namespace
 * @flags: enum pmemctl_thread_flag
 * @comm: its name, terminated by a 0 byte
 * @state: letter as in /proc/PID/stat: R running or runnable, S sleeping, D
 *	sleeping uninterruptibly, T stopped, t traced, Z zombie, X dead, I idle
 * @reg_state: enum pmemctl_reg_state: what @sp, @ip and @tp are worth
 * @cpu: the CPU it runs or last ran on
 * @policy: SCHED_* of <linux/sched.h>
 * @nice: -20 to 19
 * @rt_priority: 1 to 99 for SCHED_FIFO and SCHED_RR, else 0
 * @nvcsw: voluntary context switches so far
 * @nivcsw: involuntary ones
 * @sp: user stack pointer; 0 without PMEMCTL_PROCESS_ATTACH
 * @ip: user instruction pointer; 0 without PMEMCTL_PROCESS_ATTACH
 * @tp: thread pointer (x86-64: FS base); 0 without PMEMCTL_PROCESS_ATTACH
 * @clear_child_tid: where the kernel writes 0 when the thread ends. glibc and
 *	musl: in struct pthread (musl: a global)
 * @robust_list: head of its robust futexes. glibc: in struct pthread
 * @rseq: its restartable sequences area. glibc: in or near struct pthread
 * @sas_sp: lowest address of its alternate signal stack, 0 if none
 * @sas_size: size of that
 * @shstk_base: lowest address of its shadow stack, 0 if none
 * @shstk_size: size of that
 * @stack_low: lowest address of its stack now; the initial one may grow below
 * @stack_high: first address above it. Both 0: nothing is known. Also for who may not
 *	see registers it may tell the page that the thread pointer points to, not more
 * @evidence: PMEMCTL_STACK_* bits: what the range rests on
 * @zero: 0
 *
 * The four addresses from @clear_child_tid to @sas_sp were given to the kernel
 * by the thread itself or by its maker. Where a C library keeps the thread's descriptor at the
 * top of the thread's stack, as glibc does, they say where that is, also while
 * the thread runs, when its registers are out of reach.
 *
 * The range is as wide as the evidence allows, within one VMA: a program may
 * split its stacks, or join them with other memory. Whether the evidence is enough
 * to call it a stack is for the reader to judge.
 */
struct pmemctl_thread {
	__u32 tid;
	__u32 flags;
	char comm[16];
	__u32 state;
	__u32 reg_state;
	__u32 cpu;
	__u32 policy;
	__s32 nice;
	__u32 rt_priority;
	__u64 nvcsw;
	__u64 nivcsw;
	__u64 sp;
	__u64 ip;
	__u64 tp;
	__u64 clear_child_tid;
	__u64 robust_list;
	__u64 rseq;
	__u64 sas_sp;
	__u64 sas_size;
	__u64 shstk_base;
	__u64 shstk_size;
	__u64 stack_low;
	__u64 stack_high;
	__u32 evidence;
	__u32 zero;
};

/**
 * enum pmemctl_thread_flag - bits of struct pmemctl_thread.flags
 * @PMEMCTL_THREAD_LEADER: the thread group leader
 * @PMEMCTL_THREAD_EXITING: on its way out; its stack may already be another's,
 *	and none is told
 * @PMEMCTL_THREAD_NO_MM: has already let go of the address space
 * @PMEMCTL_THREAD_IO_WORKER: io_uring worker, has no user stack
 * @PMEMCTL_THREAD_USER_WORKER: other kernel code in a user's thread (vhost),
 *	has no user stack
 * @PMEMCTL_THREAD_ON_CPU: was executing on a CPU when it was looked at
 */
enum pmemctl_thread_flag {
	PMEMCTL_THREAD_LEADER		= 1 << 0,
	PMEMCTL_THREAD_EXITING		= 1 << 1,
	PMEMCTL_THREAD_NO_MM		= 1 << 2,
	PMEMCTL_THREAD_IO_WORKER	= 1 << 3,
	PMEMCTL_THREAD_USER_WORKER	= 1 << 4,
	PMEMCTL_THREAD_ON_CPU		= 1 << 5
};

/**
 * enum pmemctl_reg_state - how fresh the registers of a thread are
 * @PMEMCTL_REGS_NONE: there are none, or the thread never held still
 * @PMEMCTL_REGS_BLOCKED: exact: the thread slept or was stopped in the kernel
 * @PMEMCTL_REGS_QUEUED: exact: it was ready to run but no CPU ran it
 * @PMEMCTL_REGS_LAST_ENTRY: it was on a CPU: these are from the last time it
 *	entered the kernel (tp: last left a CPU), stale by any amount, and sp
 *	and ip perhaps not of the same entry
 * @PMEMCTL_REGS_LIVE: exact: its CPU was interrupted while the thread ran.
 *	With PMEMCTL_A_LIVE only. The other fields of the row are those of a
 *	moment before
 */
enum pmemctl_reg_state {
	PMEMCTL_REGS_NONE,
	PMEMCTL_REGS_BLOCKED,
	PMEMCTL_REGS_QUEUED,
	PMEMCTL_REGS_LAST_ENTRY,
	PMEMCTL_REGS_LIVE
};

/*
 * Bits of struct pmemctl_thread.evidence.
 *
 * Which of the thread's own addresses lie in [stack_low, stack_high). The
 * first four count only where they lie together, as in a thread descriptor.
 */
#define PMEMCTL_STACK_TP		(1U << 0)	/* thread pointer */
#define PMEMCTL_STACK_ROBUST		(1U << 1)	/* robust_list */
#define PMEMCTL_STACK_CTID		(1U << 2)	/* clear_child_tid */
#define PMEMCTL_STACK_RSEQ		(1U << 3)	/* rseq */
#define PMEMCTL_STACK_SP		(1U << 4)	/* stack pointer, see reg_state */
/* The VMA is the one that execve made: it holds mm->start_stack */
#define PMEMCTL_STACK_INITIAL		(1U << 5)
/* What stack_low is: start of the VMA, or the top of the thread below */
#define PMEMCTL_STACK_LOW_VMA		(1U << 8)
#define PMEMCTL_STACK_LOW_THREAD	(1U << 9)
/* A VMA without any access rights ends at stack_low */
#define PMEMCTL_STACK_GUARD		(1U << 10)
/* What stack_high is: end of the VMA, or of the page of the descriptor */
#define PMEMCTL_STACK_HIGH_VMA		(1U << 11)
#define PMEMCTL_STACK_HIGH_TCB		(1U << 12)
/* sp lies in the alternate signal stack */
#define PMEMCTL_STACK_SP_ALT		(1U << 16)

/**
 * struct pmemctl_sharer - a process besides the asked one that uses its mm
 * @pid: its thread group id (kernel thread: its pid) in the sender's namespace
 * @relation: enum pmemctl_relation
 * @tasks: how many of its threads use the mm
 * @zero: 0
 * @comm: its leader's name, terminated by a 0 byte
 */
struct pmemctl_sharer {
	__u32 pid;
	__u32 relation;
	__u32 tasks;
	__u32 zero;
	char comm[16];
};

/**
 * enum pmemctl_relation - how a sharer comes to use the mm
 * @PMEMCTL_RELATION_CLONE_VM: made by clone(CLONE_VM) without CLONE_THREAD
 * @PMEMCTL_RELATION_VFORK_CHILD: its parent, in the asked process, waits in
 *	vfork for it to exec or exit
 * @PMEMCTL_RELATION_VFORK_PARENT: waits in vfork for the asked process
 * @PMEMCTL_RELATION_KTHREAD: a kernel thread that works in the mm for now
 */
enum pmemctl_relation {
	PMEMCTL_RELATION_CLONE_VM = 1,
	PMEMCTL_RELATION_VFORK_CHILD,
	PMEMCTL_RELATION_VFORK_PARENT,
	PMEMCTL_RELATION_KTHREAD
};

/**
 * struct pmemctl_mm_row - an mm that listed tasks use
 * @id: as PMEMCTL_MM_ID
 * @total_vm: bytes mapped (VmSize)
 * @rss_anon: resident anonymous bytes (RssAnon)
 * @rss_file: resident file bytes (RssFile)
 * @rss_shmem: resident shared memory bytes (RssShmem)
 * @swap: anonymous bytes in swap (VmSwap)
 * @pgtables: bytes in page tables (VmPTE)
 * @users: mm->mm_users
 * @map_count: number of VMAs
 * @tasks: listed tasks that use it and are no kernel threads
 * @kthreads: listed kernel threads that work in it
 * @hidden: tasks that use it and have no id in the sender's pid namespace
 * @unexplained: references in @users that belong to no such task: /proc readers,
 *	swapoff, io_uring or vhost contexts; or, for a moment, a task that was being
 *	made or exiting. Where tasks came and went during the walk it may be off
 *
 * A task that uses an mm holds one of its @users. A kernel thread need not.
 */
struct pmemctl_mm_row {
	__u64 id;
	__u64 total_vm;
	__u64 rss_anon;
	__u64 rss_file;
	__u64 rss_shmem;
	__u64 swap;
	__u64 pgtables;
	__u32 users;
	__u32 map_count;
	__u32 tasks;
	__u32 kthreads;
	__u32 hidden;
	__u32 unexplained;
};

/**
 * struct pmemctl_task - a task
 * @tid: its id in the sender's pid namespace
 * @tgid: its thread group's, which is its process' id
 * @ppid: its parent process'; 0: has none, or it has no id here
 * @flags: enum pmemctl_task_flag
 * @mm: number of the mm it uses: for a kernel thread, the one it works in. 0: none: it
 *	is exiting, a kernel thread, or made by the kernel and has yet to execute a program
 * @active_mm: of a kernel thread with no @mm: the number of the mm that it was left
 *	with by who ran before it, and does not look at: while it is on a CPU, as it gives
 *	that up when it leaves. 0: none, or one that no listed task uses
 * @uid: its real user, in the sender's user namespace
 * @zero: 0
 * @start_time: when it was made, CLOCK_BOOTTIME in ns, of the initial time namespace;
 *	with @tid it names a task for ever. An execve() keeps it
 * @comm: its name, terminated by a 0 byte
 */
struct pmemctl_task {
	__u32 tid;
	__u32 tgid;
	__u32 ppid;
	__u32 flags;
	__u32 mm;
	__u32 active_mm;
	__u32 uid;
	__u32 zero;
	__u64 start_time;
	char comm[16];
};

/**
 * enum pmemctl_task_flag - bits of struct pmemctl_task.flags
 * @PMEMCTL_TASK_LEADER: the thread group leader
 * @PMEMCTL_TASK_KTHREAD: a kernel thread
 * @PMEMCTL_TASK_EXITING: on its way out
 * @PMEMCTL_TASK_ZOMBIE: at its end: all there is left of it is its exit status
 * @PMEMCTL_TASK_VFORK: made by vfork() or the like: its parent waits for it to exec
 *	or exit
 * @PMEMCTL_TASK_IO_WORKER: io_uring worker
 * @PMEMCTL_TASK_USER_WORKER: other kernel code in a user's thread (vhost)
 */
enum pmemctl_task_flag {
	PMEMCTL_TASK_LEADER		= 1 << 0,
	PMEMCTL_TASK_KTHREAD		= 1 << 1,
	PMEMCTL_TASK_EXITING		= 1 << 2,
	PMEMCTL_TASK_ZOMBIE		= 1 << 3,
	PMEMCTL_TASK_VFORK		= 1 << 4,
	PMEMCTL_TASK_IO_WORKER		= 1 << 5,
	PMEMCTL_TASK_USER_WORKER	= 1 << 6
};

#endif /* _UAPI_LINUX_PMEMCTL_H */
