// SPDX-License-Identifier: GPL-2.0
/*
 * Decodes the list of all tasks. As with a snapshot, nothing in a message is
 * believed before it was checked.
 */
#include "machine.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct row_kind row_kinds[MACHINE_TABLES] = {
	[MACHINE_MMS]	= { "mms", sizeof(struct pmemctl_mm_row) },
	[MACHINE_TASKS]	= { "tasks", sizeof(struct pmemctl_task) },
};

static int __attribute__((format(printf, 2, 3)))
broken(struct machine *machine, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(machine->error, sizeof(machine->error), fmt, args);
	va_end(args);
	return -1;
}

void machine_init(struct machine *machine)
{
	memset(machine, 0, sizeof(*machine));
}

void machine_free(struct machine *machine)
{
	for (int i = 0; i < MACHINE_TABLES; i++)
		free(machine->tables[i].data);
	machine_init(machine);
}

static int get_number(struct machine *machine, const struct nlattr *attr, void *to, size_t size)
{
	if (mnl_attr_get_payload_len(attr) != size)
		return broken(machine, "attribute %u is not %zu bits", mnl_attr_get_type(attr),
			      8 * size);
	memcpy(to, mnl_attr_get_payload(attr), size);
	return 0;
}

static int feed_table(struct machine *machine, enum machine_table which,
		      const struct nlattr *attr)
{
	return rows_feed(&machine->tables[which], &row_kinds[which], attr, machine->error,
			 sizeof(machine->error));
}

static int feed_attr(struct machine *machine, const struct nlattr *attr)
{
	uint16_t type = mnl_attr_get_type(attr);

	switch (type) {
	case PMEMCTL_TASKS_A_MMS:
		return feed_table(machine, MACHINE_MMS, attr);
	case PMEMCTL_TASKS_A_TASKS:
		return feed_table(machine, MACHINE_TASKS, attr);
	case PMEMCTL_TASKS_A_PAD:
		return 0;
	}
	if (type <= PMEMCTL_TASKS_A_MAX) {
		if (machine->seen & (1U << type))
			return broken(machine, "attribute %u came twice", type);
		machine->seen |= 1U << type;
	}
	switch (type) {
	case PMEMCTL_TASKS_A_TAKEN:
		return get_number(machine, attr, &machine->taken, sizeof(machine->taken));
	case PMEMCTL_TASKS_A_WALK:
		return get_number(machine, attr, &machine->walk, sizeof(machine->walk));
	case PMEMCTL_TASKS_A_HIDDEN:
		return get_number(machine, attr, &machine->hidden, sizeof(machine->hidden));
	}
	return 0;	/* not needed, or of a later module */
}

int machine_feed(struct machine *machine, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN || nlh->nlmsg_len % NLMSG_ALIGNTO)
		return broken(machine, "a message of %u bytes", nlh->nlmsg_len);
	if (genl->cmd != PMEMCTL_CMD_TASKS)
		return broken(machine, "a message of kind %u", genl->cmd);
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (feed_attr(machine, attr))
			return -1;
	}
	if ((const void *)attr != mnl_nlmsg_get_payload_tail(nlh))
		return broken(machine, "the attributes of a message are cut");
	return 0;
}

/* By id; what was added later comes later */
static int by_tid(const void *a, const void *b)
{
	const struct pmemctl_task *x = *(struct pmemctl_task *const *)a;
	const struct pmemctl_task *y = *(struct pmemctl_task *const *)b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x < y ? -1 : x > y;
}

/*
 * One pass over /proc is no instant: an id may be met again that another task had
 * when the pass began. The one that was met last has it.
 */
static int keep_last(struct rows *rows)
{
	struct pmemctl_task *tasks = rows->data, **order;
	size_t kept = 0;

	order = calloc(rows->count + 1, sizeof(*order));
	if (!order)
		return -1;
	for (size_t i = 0; i < rows->count; i++)
		order[i] = &tasks[i];
	qsort(order, rows->count, sizeof(*order), by_tid);
	for (size_t i = 1; i < rows->count; i++) {
		if (order[i]->tid == order[i - 1]->tid)
			order[i - 1]->tgid = 0;
	}
	for (size_t i = 0; i < rows->count; i++) {
		if (tasks[i].tgid)
			tasks[kept++] = tasks[i];
	}
	rows->count = kept;
	free(order);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* No id twice: two tasks cannot have it */
static int check_ids(struct machine *machine)
{
	uint32_t *ids = calloc(machine->nr_tasks + 1, sizeof(*ids)), twice = 0;

	if (!ids)
		return broken(machine, "no memory for tasks");
	for (size_t i = 0; i < machine->nr_tasks; i++)
		ids[i] = machine->tasks[i].tid;
	qsort(ids, machine->nr_tasks, sizeof(*ids), by_number);
	for (size_t i = 1; i < machine->nr_tasks; i++) {
		if (ids[i] == ids[i - 1])
			twice = ids[i];
	}
	free(ids);
	return twice ? broken(machine, "task %u came twice", twice) : 0;
}

static int check_tasks(struct machine *machine)
{
	for (size_t i = 0; i < machine->nr_tasks; i++) {
		const struct pmemctl_task *task = &machine->tasks[i];

		if (!task->tid || !task->tgid)
			return broken(machine, "a task without an id");
		if (i && task->tgid < task[-1].tgid)
			return broken(machine, "task %u is out of order", task->tid);
		if (task->mm > machine->nr_mms || task->active_mm > machine->nr_mms)
			return broken(machine, "task %u uses an mm that is not there", task->tid);
		if (!memchr(task->comm, 0, sizeof(task->comm)))
			return broken(machine, "the name of task %u does not end", task->tid);
	}
	return check_ids(machine);
}

int machine_finish(struct machine *machine)
{
	static const uint32_t wanted = 1U << PMEMCTL_TASKS_A_TAKEN | 1U << PMEMCTL_TASKS_A_WALK |
				       1U << PMEMCTL_TASKS_A_HIDDEN;

	for (int i = 0; i < MACHINE_TABLES; i++) {
		const struct rows *rows = &machine->tables[i];

		if (rows->begun && rows->count != rows->total)
			return broken(machine, "%zu of %u %s came", rows->count, rows->total,
				      row_kinds[i].name);
	}
	if (!machine->partial && (machine->seen & wanted) != wanted)
		return broken(machine, "it does not say when it was taken");
	if (machine->partial && keep_last(&machine->tables[MACHINE_TASKS]))
		return broken(machine, "no memory for tasks");
	machine->mms = machine->tables[MACHINE_MMS].data;
	machine->nr_mms = machine->tables[MACHINE_MMS].count;
	machine->tasks = machine->tables[MACHINE_TASKS].data;
	machine->nr_tasks = machine->tables[MACHINE_TASKS].count;
	return check_tasks(machine);
}

static void *add_row(struct rows *rows, size_t size, const void *row)
{
	char *to;

	if (rows_reserve(rows, size, 1))
		return NULL;
	to = (char *)rows->data + rows->count++ * size;
	return memcpy(to, row, size);
}

int machine_add_task(struct machine *machine, const struct pmemctl_task *task)
{
	return add_row(&machine->tables[MACHINE_TASKS], sizeof(*task), task) ? 0 : -1;
}

/* A process that was found to use the mm of that number; 0: none yet */
static uint32_t user_of(const struct machine *machine, uint32_t mm)
{
	const struct rows *rows = &machine->tables[MACHINE_TASKS];
	const struct pmemctl_task *tasks = rows->data;

	for (size_t i = 0; i < rows->count; i++) {
		if (tasks[i].mm == mm)
			return tasks[i].tgid;
	}
	return 0;
}

uint32_t machine_add_mm(struct machine *machine, const struct pmemctl_mm_row *mm, uint32_t pid,
			bool (*same)(uint32_t pid, uint32_t other))
{
	struct rows *rows = &machine->tables[MACHINE_MMS];
	const struct pmemctl_mm_row *there = rows->data;

	for (size_t i = rows->count; i; i--) {
		uint32_t other = there[i - 1].id == mm->id ? user_of(machine, i) : 0;

		if (there[i - 1].id == mm->id && (!other || same(pid, other)))
			return i;
	}
	return add_row(rows, sizeof(*mm), mm) ? rows->count : 0;
}
