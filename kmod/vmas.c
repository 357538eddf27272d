// SPDX-License-Identifier: GPL-2.0
/*
 * One row per VMA, copied in address order under the target's mmap_lock.
 */
#include <linux/hash.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/lockdep.h>
#include <linux/pkeys.h>

#include "compat.h"
#include "internal.h"

/* The kernel's flag and ours, which stays the same when the kernel's moves */
static const struct {
	vm_flags_t vm;
	u64 row;
} flag_map[] = {
	{ VM_READ, PMEMCTL_VMA_READ },
	{ VM_WRITE, PMEMCTL_VMA_WRITE },
	{ VM_EXEC, PMEMCTL_VMA_EXEC },
	{ VM_SHARED, PMEMCTL_VMA_SHARED },
	{ VM_MAYREAD, PMEMCTL_VMA_MAYREAD },
	{ VM_MAYWRITE, PMEMCTL_VMA_MAYWRITE },
	{ VM_MAYEXEC, PMEMCTL_VMA_MAYEXEC },
	{ VM_MAYSHARE, PMEMCTL_VMA_MAYSHARE },
	{ VM_GROWSDOWN, PMEMCTL_VMA_GROWSDOWN },
	{ VM_PFNMAP, PMEMCTL_VMA_PFNMAP },
	{ VM_LOCKED, PMEMCTL_VMA_LOCKED },
	{ VM_LOCKONFAULT, PMEMCTL_VMA_LOCKONFAULT },
	{ VM_IO, PMEMCTL_VMA_IO },
	{ VM_SEQ_READ, PMEMCTL_VMA_SEQ_READ },
	{ VM_RAND_READ, PMEMCTL_VMA_RAND_READ },
	{ VM_DONTCOPY, PMEMCTL_VMA_DONTCOPY },
	{ VM_DONTEXPAND, PMEMCTL_VMA_DONTEXPAND },
	{ VM_ACCOUNT, PMEMCTL_VMA_ACCOUNT },
	{ VM_NORESERVE, PMEMCTL_VMA_NORESERVE },
	{ VM_HUGETLB, PMEMCTL_VMA_HUGETLB },
	{ VM_SYNC, PMEMCTL_VMA_SYNC },
	{ VM_ARCH_1, PMEMCTL_VMA_ARCH_1 },
	{ VM_WIPEONFORK, PMEMCTL_VMA_WIPEONFORK },
	{ VM_DONTDUMP, PMEMCTL_VMA_DONTDUMP },
	{ VM_SOFTDIRTY, PMEMCTL_VMA_SOFTDIRTY },
	{ VM_MIXEDMAP, PMEMCTL_VMA_MIXEDMAP },
	{ VM_HUGEPAGE, PMEMCTL_VMA_HUGEPAGE },
	{ VM_NOHUGEPAGE, PMEMCTL_VMA_NOHUGEPAGE },
	{ VM_MERGEABLE, PMEMCTL_VMA_MERGEABLE },
	{ VM_UFFD_MISSING, PMEMCTL_VMA_UFFD_MISSING },
	{ VM_UFFD_WP, PMEMCTL_VMA_UFFD_WP },
	{ VM_UFFD_MINOR, PMEMCTL_VMA_UFFD_MINOR },
	{ VM_SHADOW_STACK, PMEMCTL_VMA_SHADOW_STACK },
	{ VM_SEALED, PMEMCTL_VMA_SEALED },
	{ VM_DROPPABLE, PMEMCTL_VMA_DROPPABLE },
	{ VM_MAYBE_GUARD, PMEMCTL_VMA_MAYBE_GUARD },
};

static u64 translate_flags(vm_flags_t vm)
{
	u64 row = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flag_map); i++) {
		if (vm & flag_map[i].vm) {
			row |= flag_map[i].row;
			vm &= ~flag_map[i].vm;
		}
	}
	if (vm & ~PMEMCTL_VM_PKEY_BITS)
		row |= PMEMCTL_VMA_OTHER;
	return row;
}

/* An address space has few different combinations of flags, often repeated */
#define FLAG_CACHE_BITS	4

struct flag_cache {
	struct {
		vm_flags_t vm;
		u64 row;
	} entries[1 << FLAG_CACHE_BITS];
};

static u64 cached_flags(struct flag_cache *cache, vm_flags_t vm)
{
	u32 i = hash_long(vm, FLAG_CACHE_BITS);

	if (unlikely(cache->entries[i].vm != vm)) {
		cache->entries[i].vm = vm;
		cache->entries[i].row = translate_flags(vm);
	}
	return cache->entries[i].row;
}

/*
 * The number of the name that /proc/PID/maps shows in the place of a path,
 * by the same rules and in the same order; 0 for none.
 */
static u32 vma_name(struct pmemctl_objects *objects, struct vm_area_struct *vma)
{
	static const char heap[] = "[heap]", stack[] = "[stack]";
	const char *anon_name = pmemctl_anon_name(vma);
	const char *name;

	if (vma->vm_file) {
		if (!anon_name)
			return 0;
		return pmemctl_objects_add_name(objects, anon_name,
						"[anon_shmem:", anon_name, "]");
	}
	if (vma->vm_ops && vma->vm_ops->name) {
		name = vma->vm_ops->name(vma);
		if (name)
			return pmemctl_objects_add_name(objects, name, "", name, "");
	}
	if (pmemctl_vma_is_heap(vma))
		return pmemctl_objects_add_name(objects, heap, "", heap, "");
	if (pmemctl_vma_is_stack(vma))
		return pmemctl_objects_add_name(objects, stack, "", stack, "");
	if (anon_name)
		return pmemctl_objects_add_name(objects, anon_name, "[anon:",
						anon_name, "]");
	return 0;
}

/* There may be millions, and the mmap_lock may be slept under */
#define VMAS_BETWEEN_RESCHED	4096

static void fill_row(struct pmemctl_vma *row, struct vm_area_struct *vma,
		     struct pmemctl_objects *objects, struct flag_cache *cache)
{
	row->start = vma->vm_start;
	row->end = vma->vm_end;
	row->flags = cached_flags(cache, vma->vm_flags);
	row->pkey = vma_pkey(vma);
	row->page_shift = vma->vm_ops ? ilog2(vma_kernel_pagesize(vma)) : PAGE_SHIFT;
	row->offset = vma->vm_file ? (u64)vma->vm_pgoff << PAGE_SHIFT : 0;
	row->file = 0;
	row->name = 0;
	if (!objects)
		return;
	if (vma->vm_file)
		row->file = pmemctl_objects_add_file(objects, vma->vm_file);
	row->name = vma_name(objects, vma);
}

/**
 * pmemctl_vmas_fill - copy all VMAs of an mm
 * @snap: rows go to @snap->vmas; files and names to @snap->objects, where
 *	the VMAs are wanted for themselves
 * @mm: the mm, whose mmap_lock the caller holds
 *
 * Does not allocate; may reschedule. Return: false if there was not room for
 * all: unlock, make more, and begin again.
 */
bool pmemctl_vmas_fill(struct pmemctl_snapshot *snap, struct mm_struct *mm)
{
	struct pmemctl_objects *objects = NULL;
	struct flag_cache cache = {};
	struct vm_area_struct *vma;
	struct vma_iterator vmi;
	struct pmemctl_vma *row;

	/* not mmap_assert_locked(): with DEBUG_VM it needs what 6.1 does not export */
	lockdep_assert_held(&mm->mmap_lock);

	if (snap->sections & PMEMCTL_SECTION_VMAS)
		objects = &snap->objects;

	vma_iter_init(&vmi, mm, 0);
	for_each_vma(vmi, vma) {
		row = pmemctl_table_add(&snap->vmas);
		if (!row)
			return false;
		fill_row(row, vma, objects, &cache);
		if (unlikely(snap->objects.full))
			return false;
		if (!(snap->vmas.count % VMAS_BETWEEN_RESCHED))
			cond_resched();
	}
	return true;
}
