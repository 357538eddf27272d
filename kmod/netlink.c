// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family. All work is done in start(), which runs in the
 * sender's sendmsg(): the credentials, namespaces and root are right there.
 * dumpit() may run in whoever reads the socket, and copies bytes only.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include <net/sock.h>

#include "compat.h"
#include "internal.h"

static struct genl_family pmemctl_family;

static const struct nla_policy pmemctl_snapshot_policy[PMEMCTL_A_LIVE + 1] = {
	[PMEMCTL_A_PID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[PMEMCTL_A_PROOF_FD]	= { .type = NLA_U32 },
	[PMEMCTL_A_SECTIONS]	= NLA_POLICY_MASK(NLA_U32, PMEMCTL_SECTION_ALL),
	[PMEMCTL_A_LIVE]	= { .type = NLA_FLAG },
};

static const struct nla_policy pmemctl_tasks_policy[PMEMCTL_TASKS_A_PROOF_FD + 1] = {
	[PMEMCTL_TASKS_A_PROOF_FD] = { .type = NLA_U32 },
};

static int take_user_process(struct pmemctl_snapshot *snap, struct task_struct *leader,
			     const struct sk_buff *request,
			     const struct nlattr *proof,
			     struct netlink_ext_ack *extack)
{
	enum pmemctl_access access;
	struct mm_struct *mm;
	int ret;

	if (!proof) {
		NL_SET_ERR_MSG(extack, "PMEMCTL_A_PROOF_FD is missing");
		return -EINVAL;
	}
	mm = pmemctl_proof_mm(request, nla_get_u32(proof), &access, extack);
	if (IS_ERR(mm))
		return PTR_ERR(mm);

	if (pmemctl_process_uses_mm(leader, mm)) {
		ret = pmemctl_snapshot_take(snap, leader, mm, access, extack);
	} else {
		NL_SET_ERR_MSG(extack, "the process does not use the address space of the proof");
		ret = -ESTALE;
	}
	/* whoever lets go last tears the mm down: not in the reader's time */
	mmput_async(mm);
	return ret;
}

/*
 * Who sends, and who opened the socket. Not netlink_ns_capable(): of a request that
 * was sent with an address, as most are, it asks for the sender's right only.
 *
 * Asked quietly first: anybody may ask about a kernel thread, and for all tasks to
 * find out that he may not.
 */
static bool may_trace_all(const struct sk_buff *request)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_PTRACE) &&
	       sk_ns_capable(NETLINK_CB(request).sk, &init_user_ns, CAP_SYS_PTRACE);
}

/*
 * Whether the sender may look at whomever he likes. The capability is not all of it:
 * security modules confine its holder, too (Landlock, AppArmor), and are asked when
 * the proof is opened.
 */
static int check_sees_all(const struct sk_buff *request, const struct nlattr *proof,
			  struct netlink_ext_ack *extack)
{
	enum pmemctl_access access;
	struct mm_struct *mm;
	int ret = 0;

	if (!may_trace_all(request)) {
		NL_SET_ERR_MSG(extack, "needs CAP_SYS_PTRACE in the initial user namespace");
		return -EPERM;
	}
	if (!proof) {
		NL_SET_ERR_MSG(extack, "the proof, a descriptor of /proc/1/pagemap, is missing");
		return -EINVAL;
	}
	mm = pmemctl_proof_mm(request, nla_get_u32(proof), &access, extack);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	if (!pmemctl_init_uses_mm(mm)) {
		NL_SET_ERR_MSG(extack, "the proof is not of process 1");
		ret = -ESTALE;
	}
	mmput_async(mm);
	return ret;
}

/* Without it a kernel thread is told of as well, but less: no refusal, no words */
static bool sees_all(const struct sk_buff *request, const struct nlattr *proof)
{
	struct netlink_ext_ack unused = {};

	return proof && !check_sees_all(request, proof, &unused);
}

static struct pmemctl_snapshot *take_snapshot(const struct sk_buff *request,
					      struct nlattr **attrs,
					      struct netlink_ext_ack *extack)
{
	struct pmemctl_snapshot *snap;
	struct task_struct *leader;
	int ret = 0;

	if (!attrs[PMEMCTL_A_PID] || !attrs[PMEMCTL_A_SECTIONS]) {
		NL_SET_ERR_MSG(extack, "PMEMCTL_A_PID or PMEMCTL_A_SECTIONS is missing");
		return ERR_PTR(-EINVAL);
	}

	leader = pmemctl_find_process(nla_get_u32(attrs[PMEMCTL_A_PID]));
	if (!leader) {
		NL_SET_ERR_MSG(extack, "no such process in the sender's pid namespace");
		return ERR_PTR(-ESRCH);
	}

	snap = pmemctl_snapshot_alloc(nla_get_u32(attrs[PMEMCTL_A_SECTIONS]),
				      attrs[PMEMCTL_A_LIVE], extack);
	if (IS_ERR(snap))
		goto out_put_leader;

	if (leader->flags & PF_KTHREAD)
		pmemctl_snapshot_take_kthread(snap, leader,
					      sees_all(request, attrs[PMEMCTL_A_PROOF_FD]));
	else
		ret = take_user_process(snap, leader, request,
					attrs[PMEMCTL_A_PROOF_FD], extack);
	if (ret) {
		pmemctl_snapshot_free(snap);
		snap = ERR_PTR(ret);
	}

out_put_leader:
	put_task_struct(leader);
	return snap;
}

static int put_mm(struct sk_buff *skb, const struct pmemctl_snapshot *snap)
{
	struct nlattr *nest = nla_nest_start(skb, PMEMCTL_A_MM);
	int attr;

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u64_64bit(skb, PMEMCTL_MM_ID, snap->mm_id, PMEMCTL_MM_PAD) ||
	    nla_put_u32(skb, PMEMCTL_MM_USERS, snap->mm_users) ||
	    nla_put_u32(skb, PMEMCTL_MM_MAP_COUNT, snap->mm_map_count) ||
	    nla_put_u32(skb, PMEMCTL_MM_EXE, snap->mm_exe))
		return -EMSGSIZE;
	for (attr = PMEMCTL_MM_TOTAL_VM; attr <= PMEMCTL_MM_MAX; attr++)
		if (nla_put_u64_64bit(skb, attr, snap->mm[attr], PMEMCTL_MM_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_snapshot(struct sk_buff *skb, const void *answer)
{
	const struct pmemctl_snapshot *snap = answer;

	if (nla_put_u32(skb, PMEMCTL_A_PID, snap->pid) ||
	    nla_put_u32(skb, PMEMCTL_A_FLAGS, snap->flags) ||
	    (snap->has_comm && nla_put_string(skb, PMEMCTL_A_COMM, snap->comm)) ||
	    nla_put_u64_64bit(skb, PMEMCTL_A_TAKEN, snap->taken, PMEMCTL_A_PAD) ||
	    nla_put_u64_64bit(skb, PMEMCTL_A_TAKEN_BOOTTIME, snap->taken_boottime,
			      PMEMCTL_A_PAD))
		return -EMSGSIZE;

	if (snap->flags & PMEMCTL_PROCESS_KTHREAD) {
		if (snap->has_borrowed &&
		    (nla_put_u32(skb, PMEMCTL_A_BORROWED_PID, snap->borrowed_pid) ||
		     nla_put_string(skb, PMEMCTL_A_BORROWED_COMM, snap->borrowed_comm)))
			return -EMSGSIZE;
		return 0;
	}

	if (nla_put_u64_64bit(skb, PMEMCTL_A_LOCK_WAIT, snap->lock_wait, PMEMCTL_A_PAD) ||
	    nla_put_u64_64bit(skb, PMEMCTL_A_LOCK_HOLD, snap->lock_hold, PMEMCTL_A_PAD) ||
	    nla_put_u64_64bit(skb, PMEMCTL_A_RLIMIT_STACK, snap->rlimit_stack,
			      PMEMCTL_A_PAD))
		return -EMSGSIZE;
	if (snap->sections & PMEMCTL_SECTION_SHARERS &&
	    (nla_put_u32(skb, PMEMCTL_A_MM_USERS_UNEXPLAINED,
			 snap->mm_users_unexplained) ||
	     nla_put_u32(skb, PMEMCTL_A_SHARERS_HIDDEN, snap->sharers_hidden)))
		return -EMSGSIZE;
	return put_mm(skb, snap);
}

static const struct pmemctl_table *snapshot_table(const void *answer, u32 n, int *attr)
{
	const struct pmemctl_snapshot *snap = answer;
	const struct {
		int attr;
		const struct pmemctl_table *table;
	} tables[] = {
		{ PMEMCTL_A_VMAS, &snap->vmas },
		{ PMEMCTL_A_OBJECTS, &snap->objects.rows },
		{ PMEMCTL_A_THREADS, &snap->threads },
		{ PMEMCTL_A_SHARERS, &snap->sharers },
		{ PMEMCTL_A_STRINGS, &snap->objects.strings },
	};

	if (n >= ARRAY_SIZE(tables))
		return NULL;
	*attr = tables[n].attr;
	return tables[n].table;
}

static void free_snapshot(void *answer)
{
	pmemctl_snapshot_free(answer);
}

static const struct pmemctl_answer_kind snapshot_kind = {
	.cmd		= PMEMCTL_CMD_SNAPSHOT,
	.put_scalars	= put_snapshot,
	.table		= snapshot_table,
	.free		= free_snapshot,
};

static int pmemctl_nl_snapshot_start(struct netlink_callback *cb)
{
	struct netlink_ext_ack extack = {};

	pmemctl_dump_begin(cb, &snapshot_kind,
			   take_snapshot(cb->skb, pmemctl_dump_attrs(cb), &extack), &extack);
	return 0;
}

static struct pmemctl_tasks *take_tasks(const struct sk_buff *request,
					struct nlattr **attrs,
					struct netlink_ext_ack *extack)
{
	int ret = check_sees_all(request, attrs[PMEMCTL_TASKS_A_PROOF_FD], extack);
	struct pmemctl_tasks *tasks;

	if (ret)
		return ERR_PTR(ret);
	tasks = pmemctl_tasks_alloc(extack);
	if (IS_ERR(tasks))
		return tasks;
	ret = pmemctl_tasks_take(tasks, extack);
	if (ret) {
		pmemctl_tasks_free(tasks);
		return ERR_PTR(ret);
	}
	return tasks;
}

static int put_tasks(struct sk_buff *skb, const void *answer)
{
	const struct pmemctl_tasks *tasks = answer;

	if (nla_put_u64_64bit(skb, PMEMCTL_TASKS_A_TAKEN, tasks->taken,
			      PMEMCTL_TASKS_A_PAD) ||
	    nla_put_u64_64bit(skb, PMEMCTL_TASKS_A_TAKEN_BOOTTIME, tasks->taken_boottime,
			      PMEMCTL_TASKS_A_PAD) ||
	    nla_put_u64_64bit(skb, PMEMCTL_TASKS_A_WALK, tasks->walk, PMEMCTL_TASKS_A_PAD) ||
	    nla_put_u32(skb, PMEMCTL_TASKS_A_HIDDEN, tasks->hidden))
		return -EMSGSIZE;
	return 0;
}

static const struct pmemctl_table *tasks_table(const void *answer, u32 n, int *attr)
{
	const struct pmemctl_tasks *tasks = answer;

	switch (n) {
	case 0:
		*attr = PMEMCTL_TASKS_A_MMS;
		return &tasks->mms.rows;
	case 1:
		*attr = PMEMCTL_TASKS_A_TASKS;
		return &tasks->rows;
	default:
		return NULL;
	}
}

static void free_tasks(void *answer)
{
	pmemctl_tasks_free(answer);
}

static const struct pmemctl_answer_kind tasks_kind = {
	.cmd		= PMEMCTL_CMD_TASKS,
	.put_scalars	= put_tasks,
	.table		= tasks_table,
	.free		= free_tasks,
};

static int pmemctl_nl_tasks_start(struct netlink_callback *cb)
{
	struct netlink_ext_ack extack = {};

	pmemctl_dump_begin(cb, &tasks_kind,
			   take_tasks(cb->skb, pmemctl_dump_attrs(cb), &extack), &extack);
	return 0;
}

static int pmemctl_nl_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return pmemctl_dump_more(skb, cb, &pmemctl_family);
}

static const struct genl_ops pmemctl_ops[] = {
	{
		.cmd		= PMEMCTL_CMD_SNAPSHOT,
		.policy		= pmemctl_snapshot_policy,
		.maxattr	= PMEMCTL_A_LIVE,
		.start		= pmemctl_nl_snapshot_start,
		.dumpit		= pmemctl_nl_dump,
		.done		= pmemctl_dump_done,
	},
	{
		.cmd		= PMEMCTL_CMD_TASKS,
		.policy		= pmemctl_tasks_policy,
		.maxattr	= PMEMCTL_TASKS_A_PROOF_FD,
		.start		= pmemctl_nl_tasks_start,
		.dumpit		= pmemctl_nl_dump,
		.done		= pmemctl_dump_done,
	},
};

/*
 * The flags ask no capability: of one process the proof decides, of all tasks
 * check_sees_all(). parallel_ops, because otherwise one request at a time would run
 * on the whole machine. Even so start() runs under cb_lock, which the coming and
 * going of any generic netlink family waits for: snapshot.c bounds how long it
 * waits for a target.
 */
static struct genl_family pmemctl_family __ro_after_init = {
	.name		= PMEMCTL_GENL_NAME,
	.version	= PMEMCTL_GENL_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= pmemctl_ops,
	.n_ops		= ARRAY_SIZE(pmemctl_ops),
};

/**
 * pmemctl_netlink_init - offer the family
 *
 * Requests may come before this returns. Return: 0 or an errno.
 */
int __init pmemctl_netlink_init(void)
{
	return genl_register_family(&pmemctl_family);
}

/**
 * pmemctl_netlink_exit - withdraw the family
 *
 * A dump that is half read holds the module: none is left when this runs.
 */
void pmemctl_netlink_exit(void)
{
	genl_unregister_family(&pmemctl_family);
}
