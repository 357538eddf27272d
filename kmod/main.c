// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl: the address space of a process, its threads' stacks and who shares
 * it, over generic netlink. Loading and unloading; nothing else.
 */
#include <linux/genetlink.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/utsname.h>

#include "compat.h"
#include "internal.h"

unsigned int pmemctl_max_snapshots = 32;
module_param_named(max_snapshots, pmemctl_max_snapshots, uint, 0644);
MODULE_PARM_DESC(max_snapshots, "how many snapshots and lists of tasks may be alive at once (32), a quarter of them for CAP_SYS_RESOURCE only, and a quarter at most for each other user");

unsigned int pmemctl_max_snapshot_mib = 128;
module_param_named(max_snapshot_mib, pmemctl_max_snapshot_mib, uint, 0644);
MODULE_PARM_DESC(max_snapshot_mib, "how much memory one of them, or all of a user without CAP_SYS_RESOURCE, may take, in MiB (128)");

unsigned int pmemctl_max_unread_s = 60;
module_param_named(max_unread_s, pmemctl_max_unread_s, uint, 0644);
MODULE_PARM_DESC(max_unread_s, "how long one of them waits for its reader to go on, in seconds (60); for the end, ten times that");

static int __init pmemctl_init(void)
{
	int ret;

	if (PMEMCTL_KERNEL_IS_NEWER)
		pr_warn("Linux %s is newer than any that this was tested on\n",
			init_utsname()->release);

	ret = pmemctl_proof_init();
	if (ret)
		return ret;
	pmemctl_mms_init();
	return pmemctl_netlink_init();
}

static void __exit pmemctl_exit(void)
{
	pmemctl_netlink_exit();
}

module_init(pmemctl_init);
module_exit(pmemctl_exit);

MODULE_AUTHOR("The pmemctl authors");
MODULE_DESCRIPTION("Address spaces, stacks and sharers of processes over generic netlink");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY(PMEMCTL_GENL_NAME);
