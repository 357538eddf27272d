// SPDX-License-Identifier: GPL-2.0
/*
 * Who may look. The kernel's check, ptrace_may_access(), is not for modules,
 * and a copy of its rules would skip the security modules' part and rot. But
 * opening /proc/PID/pagemap or /proc/PID/mem makes exactly that check, of the
 * mm that the file is then bound to. So a request brings such an open file,
 * and the module looks up which mm it stands for.
 */
#include <linux/cache.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <net/sock.h>

#include "compat.h"
#include "internal.h"

/* How the files of each grade are told from others: by their operations */
static const struct file_operations *proof_fops[] __ro_after_init = {
	[PMEMCTL_ACCESS_READ] = NULL,
	[PMEMCTL_ACCESS_ATTACH] = NULL,
};

static const char * const proof_paths[] = {
	[PMEMCTL_ACCESS_READ] = "/proc/self/pagemap",
	[PMEMCTL_ACCESS_ATTACH] = "/proc/self/mem",
};

/*
 * Both files keep the mm in private_data in every kernel that this was tried
 * on. Try it on this one: the loader's own file must hold the loader's mm.
 */
static int __init learn_fops(enum pmemctl_access access)
{
	const char *path = proof_paths[access];
	struct file *file;
	int ret = 0;

	file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file)) {
		pr_err("cannot open %s of the loading process: %pe\n", path, file);
		return PTR_ERR(file);
	}
	if (file_inode(file)->i_sb->s_magic != PROC_SUPER_MAGIC) {
		pr_err("%s is not on a proc file system\n", path);
		ret = -ENODEV;
	} else if (!current->mm || file->private_data != current->mm) {
		pr_err("%s does not hold its mm where it should: unknown kernel\n",
		       path);
		ret = -ENODEV;
	} else {
		proof_fops[access] = file->f_op;
	}
	filp_close(file, NULL);
	return ret;
}

/**
 * pmemctl_proof_init - learn to recognise the files that are accepted as proof
 *
 * Runs in the process that loads the module. Return: 0, or why the module must
 * not be loaded: the kernel's log says it in words.
 */
int __init pmemctl_proof_init(void)
{
	int ret;

	ret = learn_fops(PMEMCTL_ACCESS_READ);
	if (!ret)
		ret = learn_fops(PMEMCTL_ACCESS_ATTACH);
	if (!ret && proof_fops[PMEMCTL_ACCESS_READ] == proof_fops[PMEMCTL_ACCESS_ATTACH]) {
		pr_err("cannot tell pagemap from mem: unknown kernel\n");
		ret = -ENODEV;
	}
	return ret;
}

/*
 * A privileged program can be made to write to a socket that its caller gave
 * it, on its own right. So who opened the file, who opened the socket and who
 * sends must be one: the same struct cred, not merely an equal one.
 */
static bool same_creds(const struct sk_buff *request, const struct file *proof)
{
	const struct cred *cred = current_cred();
	const struct sock *sk = NETLINK_CB(request).sk;

	return proof->f_cred == cred && sk && sk->sk_socket &&
	       sk->sk_socket->file && sk->sk_socket->file->f_cred == cred;
}

/**
 * pmemctl_proof_mm - the mm that a descriptor gives its owner the right to see
 * @request: the request as received
 * @fd: descriptor of current
 * @access: set to what was proven
 * @extack: told why not
 *
 * Call it in the context of the sender, under the locks of generic netlink only.
 *
 * Return: the mm with a count of mm_users, for mmput_async(); or ERR_PTR of
 * -EBADF, -EINVAL, -EPERM, -ENODATA if there was no mm at open, -ESTALE if it
 * is gone.
 */
struct mm_struct *pmemctl_proof_mm(const struct sk_buff *request, unsigned int fd,
				   enum pmemctl_access *access,
				   struct netlink_ext_ack *extack)
{
	struct file *file = fget(fd);	/* not for O_PATH: nothing was checked */
	struct mm_struct *mm;

	if (!file) {
		NL_SET_ERR_MSG(extack, "the proof is not an open descriptor (or is O_PATH)");
		return ERR_PTR(-EBADF);
	}

	if (file->f_op == proof_fops[PMEMCTL_ACCESS_READ]) {
		*access = PMEMCTL_ACCESS_READ;
	} else if (file->f_op == proof_fops[PMEMCTL_ACCESS_ATTACH]) {
		*access = PMEMCTL_ACCESS_ATTACH;
	} else {
		NL_SET_ERR_MSG(extack, "the proof is neither /proc/PID/pagemap nor /proc/PID/mem");
		mm = ERR_PTR(-EINVAL);
		goto out_fput;
	}

	if (!same_creds(request, file)) {
		NL_SET_ERR_MSG(extack, "proof, socket and sender have different credentials");
		mm = ERR_PTR(-EPERM);
		goto out_fput;
	}

	mm = file->private_data;	/* the file holds a count of mm_count */
	if (!mm) {
		NL_SET_ERR_MSG(extack, "the proof was opened on a task without an address space");
		mm = ERR_PTR(-ENODATA);
	} else if (!mmget_not_zero(mm)) {
		NL_SET_ERR_MSG(extack, "the address space of the proof is gone");
		mm = ERR_PTR(-ESTALE);
	}

out_fput:
	fput(file);
	return mm;
}

/**
 * pmemctl_find_process - the process that a thread belongs to
 * @nr: id of any of its threads in current's pid namespace
 *
 * Return: its leader with a reference, for put_task_struct(); NULL if none.
 */
struct task_struct *pmemctl_find_process(pid_t nr)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_vpid(nr), PIDTYPE_PID);
	if (task) {
		task = task->group_leader;
		get_task_struct(task);
	}
	rcu_read_unlock();
	return task;
}

/**
 * pmemctl_process_uses_mm - whether any thread of a process uses an mm
 * @leader: its leader, referenced by the caller
 * @mm: the mm
 *
 * Any thread: the leader's is gone when it has exited before the others.
 */
bool pmemctl_process_uses_mm(struct task_struct *leader, struct mm_struct *mm)
{
	struct task_struct *task;
	bool uses = false;

	rcu_read_lock();
	for_each_thread(leader, task) {
		uses = READ_ONCE(task->mm) == mm;
		if (uses)
			break;
	}
	rcu_read_unlock();
	return uses;
}

static bool init_of_uses_mm(struct pid_namespace *ns, struct mm_struct *mm)
{
	struct task_struct *init;
	bool uses;

	rcu_read_lock();
	init = pid_task(find_pid_ns(1, ns), PIDTYPE_TGID);
	uses = init && pmemctl_process_uses_mm(init, mm);
	rcu_read_unlock();
	return uses;
}

/**
 * pmemctl_init_uses_mm - whether an mm is that of the first of all processes
 * @mm: the mm
 *
 * Of current's pid namespace, or of all: which of the two is process 1 in a /proc is a
 * matter of where that was mounted. For Landlock and Yama, which confine the caller, init
 * is no better to look at than the rest: who may look at it is confined by neither.
 * AppArmor, SELinux and Smack judge each pair by its labels; there it says no more than
 * that he may look at init.
 */
bool pmemctl_init_uses_mm(struct mm_struct *mm)
{
	return init_of_uses_mm(task_active_pid_ns(current), mm) ||
	       init_of_uses_mm(&init_pid_ns, mm);
}
