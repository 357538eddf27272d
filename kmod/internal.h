/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the module know of each other.
 *
 * Lock order, outermost first; a lock is never taken while one further down
 * is held:
 *
 *	cb_lock of generic netlink, for reading	(around start())
 *	 nl_cb_mutex of the requesting socket	(around start() and dumpit())
 *	  unread.lock of an answer		dump.c: dumpit(), and alone, the clock
 *	  mmap_lock of the target, for reading	snapshot.c: tried, not waited for
 *	    mm->arg_lock			snapshot.c
 *	    RCU					threads.c, live.c: walks over threads
 *	      task->alloc_lock			threads.c: get_task_comm()
 *	  RCU					proof.c, sharers.c, tasks.c: walks over tasks
 *	    task->alloc_lock			mms.c, sharers.c, tasks.c: get_task_comm()
 *
 *  quota_lock				quota.c: wherever memory is taken or freed
 *
 * live.c makes other CPUs run its handler, and waits for them, under the
 * mmap_lock and no other lock; the handler takes none.
 *
 * mms.c holds counts of mm_count, and lets go of them, which may free an mm, under
 * the locks of generic netlink only.
 *
 * Everybody who speaks generic netlink may come to wait for cb_lock. So what start() waits
 * for has an end: for the mmap_lock half a second (snapshot.c), and for memory as long, and
 * what the last try takes (memory.c).
 *
 * Nothing that sleeps for memory, for a file system or for user space happens
 * under the mmap_lock; its holder only copies.
 */
#ifndef PMEMCTL_INTERNAL_H
#define PMEMCTL_INTERNAL_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/pmemctl.h>

struct file;
struct genl_family;
struct mm_struct;
struct netlink_callback;
struct netlink_ext_ack;
struct page;
struct pid_namespace;
struct sk_buff;
struct task_struct;
struct vm_area_struct;

/* Module parameters: main.c */
extern unsigned int pmemctl_max_snapshots;
extern unsigned int pmemctl_max_snapshot_mib;
extern unsigned int pmemctl_max_unread_s;

/* Generic netlink: netlink.c */
int pmemctl_netlink_init(void);
void pmemctl_netlink_exit(void);

/* Who may look: proof.c */
enum pmemctl_access {
	PMEMCTL_ACCESS_READ,
	PMEMCTL_ACCESS_ATTACH,
};

int pmemctl_proof_init(void);
struct mm_struct *pmemctl_proof_mm(const struct sk_buff *request, unsigned int fd,
				   enum pmemctl_access *access,
				   struct netlink_ext_ack *extack);
struct task_struct *pmemctl_find_process(pid_t nr);
bool pmemctl_process_uses_mm(struct task_struct *leader, struct mm_struct *mm);
bool pmemctl_init_uses_mm(struct mm_struct *mm);

/* How many answers may be alive, and how much they may take: quota.c */
struct pmemctl_budget {
	size_t used;
	size_t limit;
	kuid_t user;
	bool privileged;
	unsigned long deadline;
	struct list_head alive;
};

int pmemctl_quota_take(struct pmemctl_budget *budget, struct netlink_ext_ack *extack);
void pmemctl_quota_put(struct pmemctl_budget *budget);
int pmemctl_budget_charge(struct pmemctl_budget *budget, size_t bytes);
void pmemctl_budget_uncharge(struct pmemctl_budget *budget, size_t bytes);

/*
 * Memory on the account of who asks: memory.c. Where there is not enough the answer is
 * ENOMEM: nobody is killed because somebody looks.
 */
gfp_t pmemctl_next_gfp(gfp_t gfp, unsigned long deadline);
void *pmemctl_alloc(size_t size, unsigned long deadline);
void *pmemctl_alloc_large(size_t size, unsigned long deadline, struct page ***pages);
void pmemctl_free_large(void *p, size_t size, struct page **pages);

/* How long a request begins to sleep for memory, in jiffies: as for the mmap_lock */
#define PMEMCTL_MEMORY_PATIENCE	(HZ / 2)

/* Growing arrays, charged against one limit: table.c */
struct pmemctl_table {
	void *rows;
	struct page **pages;	/* that @rows is made of; NULL: of none */
	u32 row_size;
	u32 count;
	u32 capacity;
};

int pmemctl_table_reserve(struct pmemctl_table *table, struct pmemctl_budget *budget,
			  size_t capacity);
void pmemctl_table_free(struct pmemctl_table *table, struct pmemctl_budget *budget);

/*
 * The next free row, uninitialised, or NULL if all are taken. Here, and not in
 * table.c, because the call would cost more than what it does.
 */
static inline void *pmemctl_table_add(struct pmemctl_table *table)
{
	if (unlikely(table->count == table->capacity))
		return NULL;
	return table->rows + (size_t)table->count++ * table->row_size;
}

/*
 * A kind of answer. put_scalars() returns -EMSGSIZE without room; table() says of
 * the Nth table which attribute its chunks are, NULL behind the last: dump.c
 */
struct pmemctl_answer_kind {
	u8 cmd;
	int (*put_scalars)(struct sk_buff *skb, const void *answer);
	const struct pmemctl_table *(*table)(const void *answer, u32 n, int *attr);
	void (*free)(void *answer);
};

void pmemctl_dump_begin(struct netlink_callback *cb, const struct pmemctl_answer_kind *kind,
			void *answer, const struct netlink_ext_ack *extack);
int pmemctl_dump_more(struct sk_buff *skb, struct netlink_callback *cb,
		      const struct genl_family *family);
int pmemctl_dump_done(struct netlink_callback *cb);

/* Files and names that VMAs refer to: objects.c */
struct pmemctl_objects {
	struct pmemctl_table rows;	/* struct pmemctl_object */
	struct pmemctl_table strings;	/* char */
	struct pmemctl_table keys;	/* struct object_key, one a row */
	struct pmemctl_table slots;	/* u32, hash from key to row */
	const void *last_key;
	u32 last_number;
	bool full;
};

int pmemctl_objects_reserve(struct pmemctl_objects *objects,
			    struct pmemctl_budget *budget, size_t rows,
			    size_t strings);
void pmemctl_objects_reset(struct pmemctl_objects *objects);
u32 pmemctl_objects_add_file(struct pmemctl_objects *objects, struct file *file);
u32 pmemctl_objects_add_name(struct pmemctl_objects *objects, const void *key,
			     const char *prefix, const char *name,
			     const char *suffix);
int pmemctl_objects_resolve(struct pmemctl_objects *objects,
			    struct pmemctl_budget *budget);
void pmemctl_objects_free(struct pmemctl_objects *objects,
			  struct pmemctl_budget *budget);

/* Registers of running threads, where they are asked for: live.c */
struct pmemctl_live {
	bool wanted;
	bool has_cpus;
	cpumask_var_t cpus;
	struct pmemctl_table samples;	/* struct sample, one a CPU */
};

int pmemctl_live_reserve(struct pmemctl_live *live, struct pmemctl_budget *budget);
void pmemctl_live_free(struct pmemctl_live *live, struct pmemctl_budget *budget);

/* The snapshot: snapshot.c */
struct pmemctl_snapshot {
	struct pmemctl_budget budget;

	u32 sections;
	u32 pid;
	u32 flags;
	bool has_comm;
	char comm[TASK_COMM_LEN];
	u64 taken;
	u64 taken_boottime;
	u64 lock_wait;
	u64 lock_hold;
	u64 rlimit_stack;
	bool has_borrowed;
	u32 borrowed_pid;
	char borrowed_comm[TASK_COMM_LEN];
	u32 mm_users_unexplained;
	u32 sharers_hidden;

	u64 mm_id;
	u32 mm_users;
	u32 mm_map_count;
	u32 mm_exe;
	u64 mm[PMEMCTL_MM_MAX + 1];	/* from PMEMCTL_MM_TOTAL_VM on */

	struct pmemctl_table vmas;	/* struct pmemctl_vma */
	struct pmemctl_table threads;	/* struct pmemctl_thread */
	struct pmemctl_table sharers;	/* struct pmemctl_sharer */
	struct pmemctl_objects objects;
	struct pmemctl_live live;
};

struct pmemctl_snapshot *pmemctl_snapshot_alloc(u32 sections, bool live,
						struct netlink_ext_ack *extack);
void pmemctl_snapshot_free(struct pmemctl_snapshot *snap);
int pmemctl_snapshot_take(struct pmemctl_snapshot *snap, struct task_struct *leader,
			  struct mm_struct *mm, enum pmemctl_access access,
			  struct netlink_ext_ack *extack);
void pmemctl_snapshot_take_kthread(struct pmemctl_snapshot *snap,
				   struct task_struct *kthread, bool may_see_all);

void pmemctl_live_read(struct pmemctl_snapshot *snap, struct task_struct *leader,
		       struct mm_struct *mm, struct pid_namespace *ns);

/* One row per VMA: vmas.c */
bool pmemctl_vmas_fill(struct pmemctl_snapshot *snap, struct mm_struct *mm);

/* One row per thread: threads.c */
bool pmemctl_threads_fill(struct pmemctl_snapshot *snap, struct task_struct *leader,
			  struct mm_struct *mm, struct pid_namespace *ns);
void pmemctl_threads_read_again(struct pmemctl_thread *row, struct task_struct *task,
				struct mm_struct *mm);

/* Registers of a task: regs.c */
void pmemctl_regs_read(struct task_struct *task, struct pmemctl_thread *row);
u64 pmemctl_regs_current_tp(void);

/* The stack range of each thread: stacks.c */
int pmemctl_stacks_find(struct pmemctl_snapshot *snap);

/* The other users of an mm: sharers.c */
int pmemctl_sharers_fill(struct pmemctl_snapshot *snap, struct task_struct *leader,
			 struct mm_struct *mm, struct pid_namespace *ns);
bool pmemctl_mm_owner(struct mm_struct *mm, struct pid_namespace *ns, u32 *pid,
		      char comm[TASK_COMM_LEN]);

/* The mms that tasks use: mms.c */
struct pmemctl_mms {
	struct pmemctl_table rows;	/* struct pmemctl_mm_row */
	struct pmemctl_table pins;	/* struct mm_pin, one a row */
	struct pmemctl_table slots;	/* u32, hash from mm to row */
	bool full;
};

void pmemctl_mms_init(void);
u64 pmemctl_mm_id(const struct mm_struct *mm);
int pmemctl_mms_reserve(struct pmemctl_mms *mms, struct pmemctl_budget *budget, size_t rows);
u32 pmemctl_mms_find(const struct pmemctl_mms *mms, const struct mm_struct *mm);
u32 pmemctl_mms_of_task(struct pmemctl_mms *mms, struct task_struct *task);
void pmemctl_mms_explain(struct pmemctl_mms *mms, u32 number);
void pmemctl_mms_hide(struct pmemctl_mms *mms, u32 number);
void pmemctl_mms_close(struct pmemctl_mms *mms);
void pmemctl_mms_read(struct pmemctl_mms *mms);
void pmemctl_mms_pack(struct pmemctl_mms *mms);
u32 pmemctl_mms_packed(const struct pmemctl_mms *mms, u32 number);
void pmemctl_mms_let_go(struct pmemctl_mms *mms);
void pmemctl_mms_free(struct pmemctl_mms *mms, struct pmemctl_budget *budget);

/* All tasks: tasks.c */
struct pmemctl_tasks {
	struct pmemctl_budget budget;
	u64 taken;
	u64 taken_boottime;
	u64 walk;
	u32 hidden;
	struct pmemctl_mms mms;
	struct pmemctl_table rows;	/* struct pmemctl_task */
	struct pmemctl_table lazy;	/* struct lazy */
};

struct pmemctl_tasks *pmemctl_tasks_alloc(struct netlink_ext_ack *extack);
void pmemctl_tasks_free(struct pmemctl_tasks *tasks);
int pmemctl_tasks_take(struct pmemctl_tasks *tasks, struct netlink_ext_ack *extack);

#endif /* PMEMCTL_INTERNAL_H */
