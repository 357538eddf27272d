// SPDX-License-Identifier: GPL-2.0
#include "object.h"

#include "proc.h"

#include <string.h>

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int object_compare(const struct pmemctl_object *a, const struct pmemctl_object *b)
{
	int way = compare_numbers(a->ino, b->ino);

	if (!way)
		way = compare_numbers(a->dev_major, b->dev_major);
	return way ? way : compare_numbers(a->dev_minor, b->dev_minor);
}

static bool has_prefix(const struct model *model, uint32_t number, const char *prefix)
{
	const char *name = model_name(model, number);

	return !model_object(model, number)->dev_major && name &&
	       !strncmp(name, prefix, strlen(prefix));
}

bool object_is_segment(const struct model *model, uint32_t number)
{
	return has_prefix(model, number, "/SYSV");
}

/*
 * A device has one inode, and may give each who opens it memory of its own, with or without
 * marks on the VMA: sound cards, binder, /dev/zero. What is shared, it is not known of it.
 */
static bool is_device(const struct model *model, uint32_t number)
{
	static const char *const memory[] = { "/dev/shm/", "/dev/hugepages/", "/dev/dax" };
	const char *name = model_name(model, number);

	if (!name || strncmp(name, "/dev/", 5))
		return false;
	for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++) {
		if (!strncmp(name, memory[i], strlen(memory[i])))
			return false;
	}
	/* shared memory of no name is called so */
	return strcmp(name, "/dev/zero (deleted)");
}

bool object_is_shareable(const struct model *model, uint32_t number)
{
	/* one inode for all of them, but rings of io_uring have one each */
	if (has_prefix(model, number, "anon_inode:"))
		return !strcmp(model_name(model, number), "anon_inode:[io_uring]");
	return !is_device(model, number);
}

bool vma_is_shareable(const struct model *model, const struct pmemctl_vma *vma)
{
	return vma->file && !(vma->flags & (PMEMCTL_VMA_IO | PMEMCTL_VMA_PFNMAP)) &&
	       object_is_shareable(model, vma->file);
}

bool same_numbers(const struct model *a, const struct pmemctl_vma *x, const struct model *b,
		  const struct pmemctl_vma *y, bool *segment)
{
	if (!x->file || !y->file ||
	    object_compare(model_object(a, x->file), model_object(b, y->file)) ||
	    !vma_is_shareable(a, x) || !vma_is_shareable(b, y))
		return false;
	*segment = object_is_segment(a, x->file);
	return *segment == object_is_segment(b, y->file);
}

bool same_object(const struct model *a, const struct pmemctl_vma *x, const struct model *b,
		 const struct pmemctl_vma *y)
{
	bool segment;

	return same_numbers(a, x, b, y, &segment) &&
	       (!segment || proc_same_namespace(a->pid, b->pid, "ipc") == PROC_SAME);
}
