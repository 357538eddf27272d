// SPDX-License-Identifier: GPL-2.0
/*
 * How much may be taken by what was asked for and is not yet read: answers wait
 * in kernel memory for their readers, who may never come.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/minmax.h>
#include <linux/netlink.h>
#include <linux/user_namespace.h>

#include "internal.h"

static atomic_t answers_alive = ATOMIC_INIT(0);

/* What one user leaves unread must not keep root from looking */
static int answers_allowed(void)
{
	int max = min_t(unsigned int, READ_ONCE(pmemctl_max_snapshots), INT_MAX);

	if (ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE))
		return max;
	return max - max / 4;
}

/**
 * pmemctl_quota_take - one answer more
 * @budget: set to what the tables of the answer may take
 * @extack: told why not
 *
 * Return: 0, to be undone by pmemctl_quota_put(); -EUSERS when as many as
 * allowed are alive.
 */
int pmemctl_quota_take(struct pmemctl_budget *budget, struct netlink_ext_ack *extack)
{
	if (atomic_inc_return(&answers_alive) > answers_allowed()) {
		atomic_dec(&answers_alive);
		NL_SET_ERR_MSG(extack, "too many answers alive (parameter max_snapshots)");
		return -EUSERS;
	}
	budget->used = 0;
	budget->limit = (size_t)READ_ONCE(pmemctl_max_snapshot_mib) << 20;
	return 0;
}

/**
 * pmemctl_quota_put - one answer less
 */
void pmemctl_quota_put(void)
{
	atomic_dec(&answers_alive);
}
