// SPDX-License-Identifier: GPL-2.0
/*
 * How much may be taken by what was asked for and is not yet read: answers wait
 * in kernel memory for their readers, who may never come. How many there are, how
 * much each takes, and how much all of one user do: dump.c says for how long.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/netlink.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "internal.h"

static DEFINE_SPINLOCK(quota_lock);
static LIST_HEAD(answers_alive);

/* How many others there are, and how many of them are of the same user */
static void count(const struct pmemctl_budget *budget, unsigned int *all, unsigned int *own)
{
	const struct pmemctl_budget *other;

	*all = 0;
	*own = 0;
	list_for_each_entry(other, &answers_alive, alive) {
		(*all)++;
		*own += uid_eq(other->user, budget->user);
	}
}

/* What one user leaves unread must not keep the others from looking, nor root */
static bool may_have_another(const struct pmemctl_budget *budget)
{
	unsigned int max = READ_ONCE(pmemctl_max_snapshots), all, own;

	count(budget, &all, &own);
	if (budget->privileged)
		return all < max;
	return all < max - max / 4 && own < max(max / 4, 1U);
}

/*
 * Who answers for current. Who has subordinate ids is many users in a namespace of his
 * own, and one here: the outermost namespace that a user made counts. In one that root
 * made they are told apart, as they may be anybody's. Who uses such an id out of the
 * namespace, as by a set-user-ID program of its own, is another user.
 */
static kuid_t account(void)
{
	const struct user_namespace *ns;
	kuid_t account = current_uid();

	for (ns = current_user_ns(); ns != &init_user_ns; ns = ns->parent)
		if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
			account = ns->owner;
	return account;
}

/**
 * pmemctl_quota_take - one answer more, on the account of current's user
 * @budget: of the answer; what its tables may take, and until when. Zeroed before
 * @extack: told why not
 *
 * Return: 0, to be undone by pmemctl_quota_put(); -EUSERS when as many as
 * allowed are alive.
 */
int pmemctl_quota_take(struct pmemctl_budget *budget, struct netlink_ext_ack *extack)
{
	bool may;

	budget->limit = (size_t)READ_ONCE(pmemctl_max_snapshot_mib) << 20;
	budget->user = account();
	budget->deadline = jiffies + PMEMCTL_MEMORY_PATIENCE;
	budget->privileged = ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);

	spin_lock(&quota_lock);
	may = may_have_another(budget);
	if (may)
		list_add(&budget->alive, &answers_alive);
	spin_unlock(&quota_lock);
	if (may)
		return 0;
	NL_SET_ERR_MSG(extack, "too many answers alive (parameter max_snapshots)");
	return -EUSERS;
}

/**
 * pmemctl_quota_put - one answer less
 * @budget: of the answer
 */
void pmemctl_quota_put(struct pmemctl_budget *budget)
{
	spin_lock(&quota_lock);
	list_del(&budget->alive);
	spin_unlock(&quota_lock);
}

/* What all answers of the user take */
static size_t used_by(kuid_t user)
{
	const struct pmemctl_budget *other;
	size_t used = 0;

	list_for_each_entry(other, &answers_alive, alive)
		if (uid_eq(other->user, user))
			used += other->used;
	return used;
}

/**
 * pmemctl_budget_charge - before memory is taken
 * @budget: whose memory
 * @bytes: how much
 *
 * A user without CAP_SYS_RESOURCE has no more for all of his answers than for one.
 *
 * Return: 0, to be undone by pmemctl_budget_uncharge(); -EFBIG if it would be too
 * much for this answer, -EUSERS if it would with the user's others.
 */
int pmemctl_budget_charge(struct pmemctl_budget *budget, size_t bytes)
{
	int ret = 0;

	spin_lock(&quota_lock);
	if (bytes > budget->limit || budget->used > budget->limit - bytes)
		ret = -EFBIG;
	else if (!budget->privileged && used_by(budget->user) > budget->limit - bytes)
		ret = -EUSERS;
	else
		budget->used += bytes;
	spin_unlock(&quota_lock);
	return ret;
}

/**
 * pmemctl_budget_uncharge - after it was given back
 * @budget: whose memory
 * @bytes: how much
 */
void pmemctl_budget_uncharge(struct pmemctl_budget *budget, size_t bytes)
{
	spin_lock(&quota_lock);
	budget->used -= bytes;
	spin_unlock(&quota_lock);
}
