// SPDX-License-Identifier: GPL-2.0
#include "others.h"

#include "proc.h"
#include "target.h"
#include "text.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A pass at work */
struct pass {
	struct client *client;
	const struct model *target;
	struct others *others;
	others_fn *fn;
	void *data;
};

/* In a tree by mm: it stays where it is while the list grows */
struct node {
	uint64_t mm_id;
	size_t index;
};

static int by_mm(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return x->mm_id < y->mm_id ? -1 : x->mm_id > y->mm_id;
}

/*
 * An id may come again when its mm is gone, and in a pass many come and go: the
 * kernel is asked whether both have it now.
 */
static bool same_mm(uint32_t a, uint32_t b)
{
	return proc_same_mm(a, b) != PROC_DIFFERENT;
}

static int add(struct others *others, const struct model *model)
{
	struct other *other;

	if (others->count == others->room) {
		size_t room = others->room ? others->room * 2 : 64;
		void *list = realloc(others->list, room * sizeof(*others->list));

		if (!list)
			return -1;
		others->list = list;
		others->room = room;
	}
	other = &others->list[others->count++];
	*other = (struct other) {
		.mm_id = model->mm[PMEMCTL_MM_ID], .pid = model->pid, .processes = 1,
	};
	memcpy(other->comm, model->comm, sizeof(other->comm));
	return 0;
}

/* One more process: of an address space that is known, or with one of its own */
static int take(struct pass *pass, const struct model *model)
{
	struct others *others = pass->others;
	struct node key = { .mm_id = model->mm[PMEMCTL_MM_ID] }, **found, *node;

	if (key.mm_id == pass->target->mm[PMEMCTL_MM_ID] &&
	    same_mm(model->pid, pass->target->pid))
		return 0;
	found = tfind(&key, &others->by_mm, by_mm);
	if (found && same_mm(model->pid, others->list[(*found)->index].pid)) {
		others->list[(*found)->index].processes++;
		return 0;
	}
	if (add(others, model))
		return -1;
	if (found) {
		(*found)->index = others->count - 1;
	} else {
		node = malloc(sizeof(*node));
		if (!node)
			return -1;
		*node = (struct node) { key.mm_id, others->count - 1 };
		if (!tsearch(node, &others->by_mm, by_mm)) {
			free(node);
			return -1;
		}
	}
	return pass->fn(model, others->count - 1, pass->data);
}

void others_missed(struct others *others, uint32_t pid, bool refused, const char *reason)
{
	if (refused) {
		others->refused++;
		return;
	}
	if (!others->failed++) {
		others->failed_pid = pid;
		snprintf(others->reason, sizeof(others->reason), "%s", reason);
	}
}

static int look_at(struct pass *pass, uint32_t pid)
{
	static const struct wish wish = { .sections = PMEMCTL_SECTION_VMAS };
	struct failure why;
	struct model model;
	int ret = 0;

	model_init(&model);
	if (!target_look(pass->client, pid, &wish, &model, &why)) {
		/* a PID that was passed on to another thread of a process is no process */
		if (model.has_mm && model.pid == pid) {
			pass->others->processes++;
			ret = take(pass, &model);
		}
	} else if (why.status != STATUS_NO_PROCESS) {
		others_missed(pass->others, pid, why.status == STATUS_NOT_PERMITTED, why.text);
	}
	model_free(&model);
	return ret;
}

int others_look(struct client *client, const struct model *target, struct others *others,
		others_fn *fn, void *data)
{
	struct pass pass = { client, target, others, fn, data };
	uint32_t self = getpid();
	uint32_t *pids;
	size_t count = proc_list(0, &pids);
	int ret = 0;

	memset(others, 0, sizeof(*others));
	others->partial = proc_is_partial();
	for (size_t i = 0; i < count && !ret; i++) {
		struct proc_stat stat;

		if (pids[i] == self || pids[i] == target->pid)
			continue;
		if (!proc_stat(pids[i], &stat) && stat.kthread)
			continue;
		ret = look_at(&pass, pids[i]);
	}
	free(pids);
	return ret;
}

void others_free(struct others *others)
{
	tdestroy(others->by_mm, free);
	free(others->list);
	memset(others, 0, sizeof(*others));
}

void others_text(FILE *out, const struct others *others)
{
	if (others->refused)
		fprintf(out, "%u %s not looked at: not permitted; try as root\n", others->refused,
			others->refused == 1 ? "process was" : "processes were");
	if (others->failed) {
		fprintf(out, "%u %s not looked at: %s%u: ", others->failed,
			others->failed == 1 ? "process was" : "processes were",
			others->failed == 1 ? "" : "the first of them, ", others->failed_pid);
		put_visible(out, others->reason);
		fputs("\n", out);
	}
	if (others->partial)
		fputs("/proc shows some of the machine's processes only\n", out);
}

void others_json(struct json *json, const struct others *others)
{
	json_object(json, "looked_at");
	json_unsigned(json, "processes", others->processes);
	json_unsigned(json, "not_permitted", others->refused);
	json_unsigned(json, "failed", others->failed);
	json_string(json, "reason", others->failed ? others->reason : NULL);
	json_bool(json, "partial", others->partial);
	json_end_object(json);
}
