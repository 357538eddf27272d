// SPDX-License-Identifier: GPL-2.0
/*
 * Sending an answer that is complete: its scalars in the first message, then its
 * tables in chunks, as many messages as fit into what the reader offers.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/netlink.h>

#include "internal.h"

/* An answer that waits for its reader, who may have stopped for ever */
struct unread {
	struct mutex lock;		/* what is below: against the clock */
	struct delayed_work clock;
	unsigned long deadline;		/* of the next piece, in jiffies */
	unsigned long end;		/* of them all */
	const struct pmemctl_answer_kind *kind;
	void *answer;			/* NULL when it was waited for too long */
};

struct dump {
	struct unread *unread;	/* NULL: error */
	const char *message;	/* goes with the error */
	int error;
	u32 part;		/* 0: the scalars; N: table N - 1 */
	u32 row;		/* next one of that table */
};

static struct dump *dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump) > sizeof(cb->ctx));
	return (struct dump *)cb->ctx;
}

/* For how many pauses in all the reader of an answer is waited for */
#define MAX_PAUSES	10

static unsigned long patience(void)
{
	return max(READ_ONCE(pmemctl_max_unread_s), 1U) * (unsigned long)HZ;
}

static void set_deadline(struct unread *unread)
{
	unread->deadline = jiffies + patience();
	if (time_after(unread->deadline, unread->end))
		unread->deadline = unread->end;
}

/* Lets go of the answer if its reader has not come for so long */
static void tick(struct work_struct *work)
{
	struct unread *unread = container_of(to_delayed_work(work), struct unread, clock);

	mutex_lock(&unread->lock);
	if (time_before(jiffies, unread->deadline)) {
		schedule_delayed_work(&unread->clock, unread->deadline - jiffies);
	} else {
		unread->kind->free(unread->answer);
		unread->answer = NULL;
	}
	mutex_unlock(&unread->lock);
}

/* Return: what keeps the answer from now on, or NULL */
static struct unread *keep(const struct pmemctl_answer_kind *kind, void *answer)
{
	struct unread *unread = pmemctl_alloc(sizeof(*unread),
					      jiffies + PMEMCTL_MEMORY_PATIENCE);

	if (!unread)
		return NULL;
	mutex_init(&unread->lock);
	INIT_DELAYED_WORK(&unread->clock, tick);
	unread->kind = kind;
	unread->answer = answer;
	unread->end = jiffies + MAX_PAUSES * patience();
	set_deadline(unread);
	schedule_delayed_work(&unread->clock, patience());
	return unread;
}

/**
 * pmemctl_dump_begin - what a dump is to send
 * @cb: the dump, in its start()
 * @kind: of answer; lives as long as the module
 * @answer: the answer, which is @kind->free()'d at the end, or ERR_PTR
 * @extack: the words for that error
 *
 * A failure is told by the first dumpit(): all kernels give that one an
 * extack to fill, but 6.1 gives start() none.
 */
void pmemctl_dump_begin(struct netlink_callback *cb, const struct pmemctl_answer_kind *kind,
			void *answer, const struct netlink_ext_ack *extack)
{
	struct dump *dump = dump_of(cb);

	memset(dump, 0, sizeof(*dump));
	if (IS_ERR(answer)) {
		dump->error = PTR_ERR(answer);
		dump->message = extack->_msg;
		return;
	}
	dump->unread = keep(kind, answer);
	if (!dump->unread) {
		kind->free(answer);
		dump->error = -ENOMEM;
	}
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

/* The table that is being sent. NULL: all have been */
static const struct pmemctl_table *table_of(const struct dump *dump, int *attr)
{
	return dump->unread->kind->table(dump->unread->answer, dump->part - 1, attr);
}

/* What comes next, into a message that is begun. Return: 0 or -EMSGSIZE */
static int put_part(struct sk_buff *skb, struct dump *dump)
{
	const struct pmemctl_table *table;
	int attr, ret;

	if (!dump->part) {
		ret = dump->unread->kind->put_scalars(skb, dump->unread->answer);
		if (!ret)
			dump->part++;
		return ret;
	}

	table = table_of(dump, &attr);
	ret = put_chunk(skb, attr, table, dump->row);
	if (ret < 0)
		return ret;
	dump->row += ret;
	return 0;
}

/* Goes to the next table that has rows left. Return: whether anything is left */
static bool skip_finished(struct dump *dump)
{
	const struct pmemctl_table *table;
	int attr;

	while (dump->part) {
		table = table_of(dump, &attr);
		if (!table)
			return false;
		if (dump->row < table->count)
			break;
		dump->part++;
		dump->row = 0;
	}
	return true;
}

/* As many messages as fit. Return: as dumpit() does */
static int put_messages(struct sk_buff *skb, struct netlink_callback *cb,
			const struct genl_family *family)
{
	struct dump *dump = dump_of(cb);
	bool left;
	void *hdr;
	int ret;

	while ((left = skip_finished(dump))) {
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				  family, NLM_F_MULTI, dump->unread->kind->cmd);
		if (!hdr)
			break;
		ret = put_part(skb, dump);
		if (ret) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
	}
	if (!left)
		return skb->len;
	return skb->len ?: -EMSGSIZE;
}

/**
 * pmemctl_dump_more - dumpit() of every command
 * @skb: what to fill
 * @cb: the dump
 * @family: of its messages
 *
 * Return: as dumpit() does; -ETIMEDOUT to a reader who has paused for too long.
 */
int pmemctl_dump_more(struct sk_buff *skb, struct netlink_callback *cb,
		      const struct genl_family *family)
{
	struct dump *dump = dump_of(cb);
	int ret;

	if (dump->error) {
		cb->extack->_msg = dump->message;
		return dump->error;
	}

	mutex_lock(&dump->unread->lock);
	if (dump->unread->answer) {
		ret = put_messages(skb, cb, family);
		set_deadline(dump->unread);
	} else {
		NL_SET_ERR_MSG(cb->extack, "not read in time (parameter max_unread_s)");
		ret = -ETIMEDOUT;
	}
	mutex_unlock(&dump->unread->lock);
	return ret;
}

/**
 * pmemctl_dump_done - done() of every command
 * @cb: the dump, read to its end or not
 *
 * Return: 0.
 */
int pmemctl_dump_done(struct netlink_callback *cb)
{
	struct unread *unread = dump_of(cb)->unread;

	if (!unread)
		return 0;
	cancel_delayed_work_sync(&unread->clock);
	if (unread->answer)
		unread->kind->free(unread->answer);
	kfree(unread);
	return 0;
}
