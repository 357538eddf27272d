// SPDX-License-Identifier: GPL-2.0
#include "who.h"

#include "pagemap.h"
#include "stacks.h"

#include <string.h>
#include <unistd.h>

/* What code may use below sp without moving it: the x86-64 ABI */
#define RED_ZONE 128

const char *who_area_name(enum who_area area)
{
	static const char *const names[] = {
		[AREA_STACK] = "stack",
		[AREA_TLS] = "tls",
		[AREA_DESCRIPTOR] = "descriptor",
		[AREA_GUARD] = "guard",
		[AREA_ALTSTACK] = "altstack",
		[AREA_SHADOW_STACK] = "shadow stack",
	};

	return names[area];
}

/* The last region that begins at or below; NULL: none */
static const struct region *last_region(const struct region *regions, size_t count, uint64_t addr)
{
	size_t low = 0;

	while (low < count) {
		size_t middle = low + (count - low) / 2;

		if (regions[middle].start <= addr)
			low = middle + 1;
		else
			count = middle;
	}
	return low ? &regions[low - 1] : NULL;
}

/* The smallest part that holds an address which @region holds */
static const struct region *innermost(const struct picture *picture,
				      const struct region *region, uint64_t addr)
{
	while (region->nr_parts)
		region = last_region(&picture->parts[region->first_part], region->nr_parts, addr);
	return region;
}

/* Without five-level page tables addresses have 48 bits, of which the last repeats */
static enum who_place place_of(const struct model *model, uint64_t addr)
{
	uint64_t task_size = model->mm[PMEMCTL_MM_TASK_SIZE];
	int bits = task_size > 1ULL << 47 ? 57 : 48;

	if (addr < task_size)
		return WHO_GAP;
	if (addr < 1ULL << (bits - 1))
		return WHO_ABOVE;
	return addr >= -(1ULL << (bits - 1)) ? WHO_KERNEL : WHO_NOT_CANONICAL;
}

static void find_neighbours(const struct picture *picture, struct who *who)
{
	const struct region *end = picture->regions + picture->nr_regions;
	const struct region *below = last_region(picture->regions, picture->nr_regions,
						 who->addr);
	const struct region *above = below ? below + 1 : picture->regions;

	if (below)
		who->below = innermost(picture, below, below->end - 1);
	if (above < end)
		who->above = innermost(picture, above, above->start);
}

static bool holds(uint64_t start, uint64_t end, uint64_t addr)
{
	return addr >= start && addr < end;
}

static void set_area(struct who *who, enum who_area area, const struct pmemctl_thread *thread,
		     uint64_t start, uint64_t end)
{
	who->area = area;
	who->thread = thread;
	who->range = (struct range) { start, end };
}

static enum who_use use_of(const struct who *who, uint64_t sp)
{
	if (!sp || !holds(who->range.start, who->range.end + 1, sp))
		return USE_UNKNOWN;
	if (who->addr >= sp)
		return USE_IN_USE;
	return sp - who->addr <= RED_ZONE ? USE_RED_ZONE : USE_FREE;
}

/* Whether it is one of the things at the top of a thread's stack, or of its TLS elsewhere */
static bool find_tls(const struct picture *picture, const struct pmemctl_thread *thread,
		     const struct stack *stack, struct who *who)
{
	uint64_t tls = stack_exe_tls(picture->model, thread);

	if (tls && holds(tls, thread->tp, who->addr)) {
		set_area(who, AREA_TLS, thread, tls, thread->tp);
		return true;
	}
	if (stack->claimed && !stack->initial && thread->tp &&
	    holds(stack->start, stack->end, thread->tp) &&
	    holds(thread->tp, stack->end, who->addr)) {
		set_area(who, AREA_DESCRIPTOR, thread, thread->tp, stack->end);
		return true;
	}
	return false;
}

static bool find_area(const struct picture *picture, size_t i, struct who *who)
{
	const struct pmemctl_thread *thread = &picture->model->threads[i];
	const struct stack *stack = &picture->stacks[i];
	uint64_t addr = who->addr;

	if (find_tls(picture, thread, stack, who))
		return true;
	/* an altstack may well lie in the stack itself */
	if (thread->sas_size && addr - thread->sas_sp < thread->sas_size)
		set_area(who, AREA_ALTSTACK, thread, thread->sas_sp,
			 thread->sas_sp + thread->sas_size);
	else if (stack->claimed && holds(stack->start, stack->end, addr))
		set_area(who, AREA_STACK, thread, stack->start, stack->end);
	else if (holds(stack->guard.start, stack->guard.end, addr))
		set_area(who, AREA_GUARD, thread, stack->guard.start, stack->guard.end);
	else if (thread->shstk_size && addr - thread->shstk_base < thread->shstk_size)
		set_area(who, AREA_SHADOW_STACK, thread, thread->shstk_base,
			 thread->shstk_base + thread->shstk_size);
	else
		return false;
	if (who->area == AREA_STACK || who->area == AREA_ALTSTACK)
		who->use = use_of(who, thread->sp);
	return true;
}

/* A thread's own things, and else the thread that the region is said to belong to */
static void find_thread(const struct picture *picture, struct who *who)
{
	const struct model *model = picture->model;

	for (size_t i = 0; i < model->nr_threads; i++) {
		if (find_area(picture, i, who))
			return;
	}
	for (size_t i = 0; i < model->nr_threads && who->part->tid; i++) {
		if (model->threads[i].tid == who->part->tid)
			who->thread = &model->threads[i];
	}
}

void who_find(const struct picture *picture, uint64_t addr, struct who *who)
{
	const struct region *region = last_region(picture->regions, picture->nr_regions, addr);

	*who = (struct who) { .addr = addr };
	if (region && addr < region->end) {
		who->region = region;
		who->part = innermost(picture, region, addr);
		find_thread(picture, who);
		return;
	}
	who->place = place_of(picture->model, addr);
	if (who->place == WHO_GAP)
		find_neighbours(picture, who);
}

/* The writable VMA of a file that anonymous memory continues; NULL: none */
static const struct pmemctl_vma *continued(const struct picture *picture,
					   const struct pmemctl_vma *vma)
{
	const struct pmemctl_vma *below = vma;

	while (vma && !vma->file) {
		below = model_vma_below(picture->model, vma);
		if (!below || below->end != vma->start)
			return NULL;
		vma = below;
	}
	return vma;
}

static int open_file(const struct picture *picture, const struct pmemctl_vma *vma)
{
	const struct model *model = picture->model;

	return section_open(model->pid, vma, model_object(model, vma->file),
			    model_name(model, vma->file));
}

static bool is_private_writable(const struct pmemctl_vma *vma)
{
	return vma->flags & PMEMCTL_VMA_WRITE && !(vma->flags & PMEMCTL_VMA_MAYSHARE);
}

void who_read_file(const struct picture *picture, struct who *who)
{
	const struct pmemctl_vma *own = who->region->vma, *vma;
	int fd;

	/* the vsyscall page is no VMA */
	if (who->part->kind == KIND_VSYSCALL)
		return;
	vma = continued(picture, own);
	if (!vma || (vma != own && !(is_private_writable(vma) && is_private_writable(own))))
		return;
	fd = open_file(picture, vma);
	if (fd >= 0 && is_private_writable(vma))
		who->bss = section_find_bss(fd, vma, who->addr, &who->section);
	if (vma == own && !who->bss) {
		who->offset = vma->offset + (who->addr - vma->start);
		if (fd >= 0)
			section_find(fd, who->offset, &who->section);
	}
	if (vma == own || who->bss)
		who->file = vma;
	who->opened = fd >= 0;
	if (fd >= 0)
		close(fd);
}
