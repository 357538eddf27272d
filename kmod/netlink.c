// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family. All work is done in start(), which runs in the
 * sender's sendmsg(): the credentials, namespaces and root are right there.
 * dumpit() may run in whoever reads the socket, and copies bytes only.
 */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "compat.h"
#include "internal.h"

static struct genl_family pmemctl_family;

static const struct nla_policy pmemctl_snapshot_policy[PMEMCTL_A_LIVE + 1] = {
	[PMEMCTL_A_PID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[PMEMCTL_A_PROOF_FD]	= { .type = NLA_U32 },
	[PMEMCTL_A_SECTIONS]	= NLA_POLICY_MASK(NLA_U32, PMEMCTL_SECTION_ALL),
	[PMEMCTL_A_LIVE]	= { .type = NLA_FLAG },
};

/* The tables of an answer, in the order in which they are sent */
enum dump_part {
	PART_HEADER,
	PART_VMAS,
	PART_OBJECTS,
	PART_THREADS,
	PART_SHARERS,
	PART_STRINGS,
	PART_END,
};

struct dump {
	struct pmemctl_snapshot *snap;
	const char *message;	/* goes with the error */
	int error;
	u32 part;
	u32 row;		/* next one of that part */
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump) > sizeof(cb->ctx));
	return (struct dump *)cb->ctx;
}

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

/* Asked quietly first: anybody may ask about a kernel thread */
static bool may_see_all(const struct sk_buff *request)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_PTRACE) &&
	       netlink_ns_capable(request, &init_user_ns, CAP_SYS_PTRACE);
}

static struct pmemctl_snapshot *take(const struct sk_buff *request, struct nlattr **attrs,
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
		pmemctl_snapshot_take_kthread(snap, leader, may_see_all(request));
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

/*
 * A failure is told by the first dumpit(): all kernels give that one an
 * extack to fill, but 6.1 gives start() none.
 */
static int pmemctl_nl_snapshot_start(struct netlink_callback *cb)
{
	struct netlink_ext_ack extack = {};
	struct dump *dump = dump_of(cb);
	struct pmemctl_snapshot *snap;

	memset(dump, 0, sizeof(*dump));
	snap = take(cb->skb, pmemctl_dump_attrs(cb), &extack);
	if (IS_ERR(snap)) {
		dump->error = PTR_ERR(snap);
		dump->message = extack._msg;
	} else {
		dump->snap = snap;
	}
	return 0;
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

static int put_header(struct sk_buff *skb, const struct pmemctl_snapshot *snap)
{
	if (nla_put_u32(skb, PMEMCTL_A_PID, snap->pid) ||
	    nla_put_u32(skb, PMEMCTL_A_FLAGS, snap->flags) ||
	    nla_put_string(skb, PMEMCTL_A_COMM, snap->comm) ||
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

/*
 * As many rows of a table as there is room for, as one attribute. Return: how
 * many; -EMSGSIZE if not even one fits.
 */
static int put_chunk(struct sk_buff *skb, int attr, const struct pmemctl_table *table,
		     u32 first)
{
	struct pmemctl_chunk chunk = {
		.row_size = table->row_size,
		.first = first,
		.total = table->count,
	};
	int room = min_t(int, skb_tailroom(skb), U16_MAX) - NLA_HDRLEN -
		   (int)sizeof(chunk) - NLA_ALIGNTO;
	struct nlattr *nla;

	if (room < (int)table->row_size)
		return -EMSGSIZE;
	chunk.count = min_t(u32, room / table->row_size, table->count - first);

	nla = nla_reserve(skb, attr, sizeof(chunk) + chunk.count * table->row_size);
	if (!nla)
		return -EMSGSIZE;
	memcpy(nla_data(nla), &chunk, sizeof(chunk));
	memcpy(nla_data(nla) + sizeof(chunk),
	       table->rows + (size_t)first * table->row_size,
	       (size_t)chunk.count * table->row_size);
	return chunk.count;
}

static const struct pmemctl_table *table_of(const struct pmemctl_snapshot *snap, u32 part,
					    int *attr)
{
	switch (part) {
	case PART_VMAS:
		*attr = PMEMCTL_A_VMAS;
		return &snap->vmas;
	case PART_OBJECTS:
		*attr = PMEMCTL_A_OBJECTS;
		return &snap->objects.rows;
	case PART_THREADS:
		*attr = PMEMCTL_A_THREADS;
		return &snap->threads;
	case PART_SHARERS:
		*attr = PMEMCTL_A_SHARERS;
		return &snap->sharers;
	default:
		*attr = PMEMCTL_A_STRINGS;
		return &snap->objects.strings;
	}
}

/* What comes next, into a message that is begun. Return: 0 or -EMSGSIZE */
static int put_part(struct sk_buff *skb, struct dump *dump)
{
	const struct pmemctl_table *table;
	int attr, ret;

	if (dump->part == PART_HEADER) {
		ret = put_header(skb, dump->snap);
		if (!ret)
			dump->part++;
		return ret;
	}

	table = table_of(dump->snap, dump->part, &attr);
	ret = put_chunk(skb, attr, table, dump->row);
	if (ret < 0)
		return ret;
	dump->row += ret;
	return 0;
}

static void skip_finished(struct dump *dump)
{
	int attr;

	while (dump->part > PART_HEADER && dump->part < PART_END &&
	       dump->row == table_of(dump->snap, dump->part, &attr)->count) {
		dump->part++;
		dump->row = 0;
	}
}

static int pmemctl_nl_snapshot_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *dump = dump_of(cb);
	void *hdr;
	int ret;

	if (dump->error) {
		cb->extack->_msg = dump->message;
		return dump->error;
	}

	for (skip_finished(dump); dump->part < PART_END; skip_finished(dump)) {
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				  &pmemctl_family, NLM_F_MULTI, PMEMCTL_CMD_SNAPSHOT);
		if (!hdr)
			break;
		ret = put_part(skb, dump);
		if (ret) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	if (dump->part == PART_END)
		return skb->len;
	return skb->len ?: -EMSGSIZE;
}

static int pmemctl_nl_snapshot_done(struct netlink_callback *cb)
{
	struct dump *dump = dump_of(cb);

	if (dump->snap)
		pmemctl_snapshot_free(dump->snap);
	return 0;
}

static const struct genl_ops pmemctl_ops[] = {
	{
		.cmd		= PMEMCTL_CMD_SNAPSHOT,
		.policy		= pmemctl_snapshot_policy,
		.maxattr	= PMEMCTL_A_LIVE,
		.start		= pmemctl_nl_snapshot_start,
		.dumpit		= pmemctl_nl_snapshot_dump,
		.done		= pmemctl_nl_snapshot_done,
	},
};

/*
 * No command needs a capability: the proof decides. parallel_ops, because
 * otherwise one request at a time would run on the whole machine. Even so
 * start() runs under cb_lock, which the coming and going of any generic netlink
 * family waits for: snapshot.c bounds how long it waits for a target.
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
