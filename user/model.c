// SPDX-License-Identifier: GPL-2.0
/*
 * Decodes replies. Nothing in a message is believed before it was checked:
 * whatever comes in, the outcome is a sound model or an error.
 */
#include "model.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct row_kind row_kinds[MODEL_TABLES] = {
	[MODEL_VMAS]	= { "VMAs", sizeof(struct pmemctl_vma) },
	[MODEL_OBJECTS]	= { "objects", sizeof(struct pmemctl_object) },
	[MODEL_THREADS]	= { "threads", sizeof(struct pmemctl_thread) },
	[MODEL_SHARERS]	= { "sharers", sizeof(struct pmemctl_sharer) },
	[MODEL_STRINGS]	= { "strings", 1 },
};

static int __attribute__((format(printf, 2, 3)))
broken(struct model *model, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(model->error, sizeof(model->error), fmt, args);
	va_end(args);
	return -1;
}

void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
}

void witness_free(struct witness *witness)
{
	free(witness->guards.list);
	free(witness->settled);
	free(witness->touches);
	free(witness->blocks);
	free(witness->orphans);
	smaps_free(&witness->smaps);
	free(witness->residents.list);
	free(witness->uses.list);
	memset(witness, 0, sizeof(*witness));
}

void model_free(struct model *model)
{
	for (int i = 0; i < MODEL_TABLES; i++)
		free(model->tables[i].data);
	free(model->names);
	free(model->name_bytes);
	witness_free(&model->witness);
	model_init(model);
}

static int feed_chunk(struct model *model, enum model_table which, const struct nlattr *attr)
{
	return rows_feed(&model->tables[which], &row_kinds[which], attr, model->error,
			 sizeof(model->error));
}

static int get_u32(struct model *model, const struct nlattr *attr, uint32_t *to)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(*to))
		return broken(model, "attribute %u is not 32 bits", mnl_attr_get_type(attr));
	memcpy(to, mnl_attr_get_payload(attr), sizeof(*to));
	return 0;
}

static int get_u64(struct model *model, const struct nlattr *attr, uint64_t *to)
{
	if (mnl_attr_get_payload_len(attr) != sizeof(*to))
		return broken(model, "attribute %u is not 64 bits", mnl_attr_get_type(attr));
	memcpy(to, mnl_attr_get_payload(attr), sizeof(*to));
	return 0;
}

static int get_comm(struct model *model, const struct nlattr *attr, char *to, size_t size)
{
	size_t len = mnl_attr_get_payload_len(attr);
	const char *from = mnl_attr_get_payload(attr);

	if (!len || len > size || memchr(from, 0, len) != from + len - 1)
		return broken(model, "attribute %u is no name", mnl_attr_get_type(attr));
	memcpy(to, from, len);
	return 0;
}

/* The numbers of the mm that are no 64-bit values on the wire */
static bool mm_attr_is_u32(uint16_t type)
{
	return type == PMEMCTL_MM_USERS || type == PMEMCTL_MM_MAP_COUNT ||
	       type == PMEMCTL_MM_EXE;
}

static int feed_mm(struct model *model, const struct nlattr *nest)
{
	const char *tail = (char *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest);
	const struct nlattr *attr;
	uint32_t value = 0;

	mnl_attr_for_each_nested(attr, nest) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type > PMEMCTL_MM_MAX || type == PMEMCTL_MM_PAD)
			continue;
		if (!mm_attr_is_u32(type)) {
			if (get_u64(model, attr, &model->mm[type]))
				return -1;
			continue;
		}
		if (get_u32(model, attr, &value))
			return -1;
		model->mm[type] = value;
	}
	if ((const char *)attr != tail)
		return broken(model, "the attributes of the mm are cut");
	model->has_mm = true;
	return 0;
}

static int feed_scalar(struct model *model, uint16_t type, const struct nlattr *attr)
{
	switch (type) {
	case PMEMCTL_A_PID:
		return get_u32(model, attr, &model->pid);
	case PMEMCTL_A_FLAGS:
		return get_u32(model, attr, &model->flags);
	case PMEMCTL_A_COMM:
		return get_comm(model, attr, model->comm, sizeof(model->comm));
	case PMEMCTL_A_MM:
		return feed_mm(model, attr);
	case PMEMCTL_A_TAKEN:
		return get_u64(model, attr, &model->taken);
	case PMEMCTL_A_TAKEN_BOOTTIME:
		return get_u64(model, attr, &model->taken_boottime);
	case PMEMCTL_A_LOCK_WAIT:
		return get_u64(model, attr, &model->lock_wait);
	case PMEMCTL_A_LOCK_HOLD:
		return get_u64(model, attr, &model->lock_hold);
	case PMEMCTL_A_RLIMIT_STACK:
		return get_u64(model, attr, &model->rlimit_stack);
	case PMEMCTL_A_BORROWED_PID:
		return get_u32(model, attr, &model->borrowed_pid);
	case PMEMCTL_A_BORROWED_COMM:
		return get_comm(model, attr, model->borrowed_comm, sizeof(model->borrowed_comm));
	case PMEMCTL_A_MM_USERS_UNEXPLAINED:
		return get_u32(model, attr, &model->unexplained);
	case PMEMCTL_A_SHARERS_HIDDEN:
		return get_u32(model, attr, &model->hidden);
	}
	return 0;	/* of a later module */
}

static int feed_attr(struct model *model, const struct nlattr *attr)
{
	uint16_t type = mnl_attr_get_type(attr);

	switch (type) {
	case PMEMCTL_A_VMAS:
		return feed_chunk(model, MODEL_VMAS, attr);
	case PMEMCTL_A_OBJECTS:
		return feed_chunk(model, MODEL_OBJECTS, attr);
	case PMEMCTL_A_THREADS:
		return feed_chunk(model, MODEL_THREADS, attr);
	case PMEMCTL_A_SHARERS:
		return feed_chunk(model, MODEL_SHARERS, attr);
	case PMEMCTL_A_STRINGS:
		return feed_chunk(model, MODEL_STRINGS, attr);
	case PMEMCTL_A_PAD:
		return 0;
	}
	if (type <= PMEMCTL_A_MAX) {
		if (model->seen & (1ULL << type))
			return broken(model, "attribute %u came twice", type);
		model->seen |= 1ULL << type;
	}
	return feed_scalar(model, type, attr);
}

int model_feed(struct model *model, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	/* Attributes are padded: the kernel never sends an odd length */
	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN || nlh->nlmsg_len % NLMSG_ALIGNTO)
		return broken(model, "a message of %u bytes", nlh->nlmsg_len);
	if (genl->cmd != PMEMCTL_CMD_SNAPSHOT)
		return broken(model, "a message of kind %u", genl->cmd);
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (feed_attr(model, attr))
			return -1;
	}
	if ((const void *)attr != mnl_nlmsg_get_payload_tail(nlh))
		return broken(model, "the attributes of a message are cut");
	if (!(model->seen & (1ULL << PMEMCTL_A_PID)))
		return broken(model, "it does not begin with the process");
	return 0;
}

/* Names as /proc/PID/maps has them: a deleted file's gets its suffix back */
static int finish_names(struct model *model)
{
	static const char deleted[] = " (deleted)";
	const struct rows *strings = &model->tables[MODEL_STRINGS];
	size_t bytes = 0;
	char *to;

	for (size_t i = 0; i < model->nr_objects; i++) {
		const struct pmemctl_object *obj = &model->objects[i];

		if (obj->string > strings->count ||
		    obj->string_len > strings->count - obj->string)
			return broken(model, "object %zu has its name outside the strings", i + 1);
		/* without any names there are no strings at all */
		if (obj->string_len &&
		    memchr((const char *)strings->data + obj->string, 0, obj->string_len))
			return broken(model, "the name of object %zu holds a 0 byte", i + 1);
		bytes += obj->string_len + sizeof(deleted);
	}
	model->names = calloc(model->nr_objects + 1, sizeof(*model->names));
	model->name_bytes = to = malloc(bytes + 1);
	if (!model->names || !to)
		return broken(model, "no memory for names");
	for (size_t i = 0; i < model->nr_objects; i++) {
		const struct pmemctl_object *obj = &model->objects[i];

		if (obj->flags & PMEMCTL_OBJECT_PATH_UNKNOWN)
			continue;
		model->names[i] = to;
		if (obj->string_len)
			to = mempcpy(to, (char *)strings->data + obj->string, obj->string_len);
		if (obj->flags & PMEMCTL_OBJECT_DELETED)
			to = mempcpy(to, deleted, sizeof(deleted) - 1);
		*to++ = 0;
	}
	return 0;
}

static int check_vmas(struct model *model)
{
	uint64_t last = 0;

	for (size_t i = 0; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];

		if (vma->start >= vma->end)
			return broken(model, "VMA %zu ends before it starts", i);
		if (vma->start < last)
			return broken(model, "VMA %zu overlaps the one before, or is out of order",
				      i);
		if (vma->file > model->nr_objects || vma->name > model->nr_objects)
			return broken(model, "VMA %zu names an object that is not there", i);
		if (vma->file && !(model->objects[vma->file - 1].flags & PMEMCTL_OBJECT_FILE))
			return broken(model, "VMA %zu maps an object that is no file", i);
		if (vma->page_shift > 63)
			return broken(model, "VMA %zu has pages of 2^%u bytes", i, vma->page_shift);
		last = vma->end;
	}
	return 0;
}

static int check_threads(struct model *model)
{
	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct pmemctl_thread *thread = &model->threads[i];

		if (!memchr(thread->comm, 0, sizeof(thread->comm)))
			return broken(model, "the name of thread %u does not end", thread->tid);
		if (thread->stack_low >= thread->stack_high &&
		    (thread->stack_low || thread->stack_high))
			return broken(model, "the stack of thread %u ends before it starts",
				      thread->tid);
		if (thread->state < ' ' || thread->state > '~')
			return broken(model, "thread %u in state %#x", thread->tid, thread->state);
	}
	for (size_t i = 0; i < model->nr_sharers; i++) {
		if (!memchr(model->sharers[i].comm, 0, sizeof(model->sharers[i].comm)))
			return broken(model, "the name of sharer %u does not end",
				      model->sharers[i].pid);
	}
	return 0;
}

static int check_head(struct model *model, uint32_t sections)
{
	bool kthread = model->flags & PMEMCTL_PROCESS_KTHREAD;
	uint64_t wanted = 1ULL << PMEMCTL_A_PID | 1ULL << PMEMCTL_A_FLAGS;

	/* a kernel thread's name is not told to everybody */
	if (!kthread)
		wanted |= 1ULL << PMEMCTL_A_COMM;
	if ((model->seen & wanted) != wanted)
		return broken(model, "it does not say which process it is about");
	if (kthread == model->has_mm)
		return broken(model, kthread ? "a kernel thread with an mm" :
			      "a process without an mm");
	if (model->mm[PMEMCTL_MM_EXE] > model->nr_objects)
		return broken(model, "the executable is an object that is not there");
	if (sections & PMEMCTL_SECTION_VMAS && model->has_mm &&
	    model->nr_vmas != model->mm[PMEMCTL_MM_MAP_COUNT])
		return broken(model, "%zu VMAs where map_count says %llu", model->nr_vmas,
			      (unsigned long long)model->mm[PMEMCTL_MM_MAP_COUNT]);
	return 0;
}

int model_finish(struct model *model, uint32_t sections)
{
	for (int i = 0; i < MODEL_TABLES; i++) {
		const struct rows *rows = &model->tables[i];

		if (rows->count != rows->total)
			return broken(model, "%zu of %u %s came", rows->count, rows->total,
				      row_kinds[i].name);
	}
	model->sections = sections;
	model->vmas = model->tables[MODEL_VMAS].data;
	model->nr_vmas = model->tables[MODEL_VMAS].count;
	model->objects = model->tables[MODEL_OBJECTS].data;
	model->nr_objects = model->tables[MODEL_OBJECTS].count;
	model->threads = model->tables[MODEL_THREADS].data;
	model->nr_threads = model->tables[MODEL_THREADS].count;
	model->sharers = model->tables[MODEL_SHARERS].data;
	model->nr_sharers = model->tables[MODEL_SHARERS].count;
	if (finish_names(model) || check_vmas(model) || check_threads(model) ||
	    check_head(model, sections))
		return -1;
	return 0;
}

const struct pmemctl_vma *model_vma(const struct model *model, uint64_t addr)
{
	size_t low = 0, high = model->nr_vmas;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (model->vmas[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == model->nr_vmas || addr < model->vmas[low].start)
		return NULL;
	return &model->vmas[low];
}
