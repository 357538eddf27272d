// SPDX-License-Identifier: GPL-2.0
#include "crowd.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILY 35

void crowd_init(struct crowd *crowd)
{
	memset(crowd, 0, sizeof(*crowd));
	crowd->cmd = PMEMCTL_CMD_TASKS;
}

uint32_t crowd_mm(struct crowd *crowd, uint64_t rss)
{
	struct pmemctl_mm_row *mm = &crowd->mms[crowd->nr_mms++];

	*mm = (struct pmemctl_mm_row) {
		.id = 0x1111111111111111 * crowd->nr_mms, .total_vm = 4 * rss,
		.rss_anon = rss / 4, .rss_file = rss - rss / 4, .pgtables = 40960,
		.map_count = 30,
	};
	return crowd->nr_mms;
}

struct pmemctl_task *crowd_task(struct crowd *crowd, uint32_t tgid, uint32_t tid, uint32_t mm,
				const char *comm)
{
	struct pmemctl_task *task = &crowd->tasks[crowd->nr_tasks++];

	*task = (struct pmemctl_task) {
		.tid = tid, .tgid = tgid, .ppid = 1, .mm = mm, .start_time = tid * 1000000000ULL,
		.flags = tid == tgid ? PMEMCTL_TASK_LEADER : 0,
	};
	snprintf(task->comm, sizeof(task->comm), "%s", comm);
	if (mm && mm <= crowd->nr_mms) {
		crowd->mms[mm - 1].users++;
		crowd->mms[mm - 1].tasks++;
	}
	return task;
}

static struct nlmsghdr *begin(struct crowd *crowd, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(crowd->reply + crowd->size);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_MULTI;
	nlh->nlmsg_seq = 1;
	if (type == FAMILY) {
		genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
		genl->cmd = crowd->cmd;
		genl->version = PMEMCTL_GENL_VERSION;
	}
	return nlh;
}

static void end(struct crowd *crowd, struct nlmsghdr *nlh)
{
	crowd->size += NLMSG_ALIGN(nlh->nlmsg_len);
	if (crowd->size > sizeof(crowd->reply))
		abort();
}

static void put_rows(struct crowd *crowd, uint16_t attr, const void *rows, size_t size,
		     size_t sent, size_t count)
{
	size_t per_chunk = crowd->per_chunk ? crowd->per_chunk : count;

	if (!sent)
		sent = size;
	for (size_t first = 0; first < count; first += per_chunk) {
		size_t n = count - first < per_chunk ? count - first : per_chunk;
		struct pmemctl_chunk head = { sent, n, first, count };
		char *payload = calloc(1, sizeof(head) + n * sent);
		struct nlmsghdr *nlh = begin(crowd, FAMILY);

		if (!payload)
			abort();
		memcpy(payload, &head, sizeof(head));
		for (size_t i = 0; i < n; i++) {
			char *to = payload + sizeof(head) + i * sent;

			memset(to, 0xaa, sent);
			memcpy(to, (const char *)rows + (first + i) * size,
			       size < sent ? size : sent);
		}
		mnl_attr_put(nlh, attr, sizeof(head) + n * sent, payload);
		free(payload);
		end(crowd, nlh);
	}
}

void crowd_build(struct crowd *crowd)
{
	struct nlmsghdr *nlh;

	crowd->size = 0;
	nlh = begin(crowd, FAMILY);
	mnl_attr_put_u64(nlh, PMEMCTL_TASKS_A_TAKEN, 1700000000123456789);
	mnl_attr_put_u64(nlh, PMEMCTL_TASKS_A_TAKEN_BOOTTIME, 5000000000);
	if (crowd->without != PMEMCTL_TASKS_A_WALK)
		mnl_attr_put_u64(nlh, PMEMCTL_TASKS_A_WALK, 93760);
	mnl_attr_put_u32(nlh, PMEMCTL_TASKS_A_HIDDEN, crowd->hidden);
	end(crowd, nlh);
	put_rows(crowd, PMEMCTL_TASKS_A_MMS, crowd->mms, sizeof(crowd->mms[0]), crowd->mm_size,
		 crowd->nr_mms);
	put_rows(crowd, PMEMCTL_TASKS_A_TASKS, crowd->tasks, sizeof(crowd->tasks[0]),
		 crowd->task_size, crowd->nr_tasks);
	nlh = begin(crowd, NLMSG_DONE);
	memset(mnl_nlmsg_put_extra_header(nlh, 4), 0, 4);
	end(crowd, nlh);
}

int crowd_replay(struct machine *machine, const void *reply, size_t size)
{
	const struct nlmsghdr *nlh = reply;
	int left = size;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return machine_finish(machine);
		if (machine_feed(machine, nlh))
			return -1;
	}
	snprintf(machine->error, sizeof(machine->error), "it ends before its end");
	return -1;
}

int crowd_machine(struct crowd *crowd, struct machine *machine)
{
	machine_init(machine);
	crowd_build(crowd);
	return crowd_replay(machine, crowd->reply, crowd->size);
}

void crowd_village(struct crowd *crowd)
{
	uint32_t mm;

	crowd_init(crowd);
	crowd->hidden = 3;
	crowd_task(crowd, 1, 1, crowd_mm(crowd, 900 << 10), "init")->ppid = 0;
	crowd_task(crowd, 2, 2, 0, "kthreadd")->flags |= PMEMCTL_TASK_KTHREAD;
	crowd_task(crowd, 9, 9, 0, "ksoftirqd/0")->flags |= PMEMCTL_TASK_KTHREAD;

	mm = crowd_mm(crowd, 44 << 20);
	crowd_task(crowd, 100, 100, mm, "server")->uid = 4000;
	crowd_task(crowd, 100, 101, mm, "worker-0")->uid = 4000;
	crowd_task(crowd, 100, 102, mm, "worker-1")->uid = 4000;
	crowd->tasks[2].active_mm = mm;

	mm = crowd_mm(crowd, 2 << 20);
	crowd_task(crowd, 200, 200, mm, "twins");
	crowd_task(crowd, 201, 201, mm, "twins");
	crowd_task(crowd, 202, 202, mm, "twins");
	crowd_task(crowd, 202, 203, mm, "twins-aide");
	crowd->mms[mm - 1].users += 2;
	crowd->mms[mm - 1].unexplained = 2;

	mm = crowd_mm(crowd, 1500 << 10);
	crowd_task(crowd, 300, 300, mm, "sh\n\033[1m");
	crowd_task(crowd, 301, 301, mm, "sh")->flags |= PMEMCTL_TASK_VFORK;
	crowd->tasks[crowd->nr_tasks - 1].ppid = 300;

	mm = crowd_mm(crowd, 1 << 20);
	crowd_task(crowd, 400, 400, 0, "headless")->flags |= PMEMCTL_TASK_EXITING |
							     PMEMCTL_TASK_ZOMBIE;
	crowd_task(crowd, 400, 402, mm, "heir");
	crowd_task(crowd, 500, 500, 0, "gone")->flags |= PMEMCTL_TASK_EXITING |
							 PMEMCTL_TASK_ZOMBIE;
	/* works in the mm of the twins; it does not hold a count of mm_users */
	crowd_task(crowd, 600, 600, 3, "vhost")->flags |= PMEMCTL_TASK_KTHREAD;
	crowd->mms[2].users--;
	crowd->mms[2].tasks--;
	crowd->mms[2].kthreads++;
}
