// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for answers, on the account of the memory cgroup of who asked.
 *
 * It is taken under the locks of generic netlink, which everybody who speaks it needs:
 * nobody's cgroup may make them wait. One that is over its memory.high has whoever may
 * sleep do so for up to two seconds, charge by charge; whoever may not gets the memory,
 * and sleeps on the way back to user space. So that is tried first, a page at a time where
 * it is a lot. Where there is no memory to be had so, it is taken in the ordinary way,
 * which may drop pages for it, while the request has time.
 */
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

#define PMEMCTL_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_NORETRY)
#define PMEMCTL_GFP_AT_ONCE	(PMEMCTL_GFP & ~__GFP_DIRECT_RECLAIM)

/**
 * pmemctl_next_gfp - how to try it once more
 * @gfp: how it was tried last, 0: not yet
 * @deadline: jiffies until which may be slept for memory
 *
 * What was got at once by who is over his memory.high is paid for by the first charge that
 * may sleep: there must be none.
 *
 * Return: how to allocate now, 0: not any more.
 */
gfp_t pmemctl_next_gfp(gfp_t gfp, unsigned long deadline)
{
	if (!gfp)
		return PMEMCTL_GFP_AT_ONCE;
#ifdef CONFIG_MEMCG
	if (current->memcg_nr_pages_over_high)
		return 0;
#endif
	return gfp == PMEMCTL_GFP_AT_ONCE && time_before(jiffies, deadline) ? PMEMCTL_GFP : 0;
}

/**
 * pmemctl_alloc - some memory
 * @size: bytes, not more than a page has
 * @deadline: jiffies until which may be slept for it
 *
 * Return: the memory, not cleared, for kfree(), or NULL.
 */
void *pmemctl_alloc(size_t size, unsigned long deadline)
{
	gfp_t gfp = 0;
	void *p = NULL;

	while (!p && (gfp = pmemctl_next_gfp(gfp, deadline)))
		p = kmalloc(size, gfp);
	return p;
}

static struct page *alloc_page_of(unsigned long deadline)
{
	struct page *page = NULL;
	gfp_t gfp = 0;

	while (!page && (gfp = pmemctl_next_gfp(gfp, deadline)))
		page = alloc_page(gfp);
	return page;
}

static void free_pages_of(struct page **pages, unsigned long nr)
{
	while (nr--)
		__free_page(pages[nr]);
	kvfree(pages);
}

/*
 * The list of the pages is on nobody's account. Whoever is to be killed for want of memory
 * may take the last there is, and is not to.
 */
static struct page **alloc_pages_of(unsigned long nr, unsigned long deadline)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY;
	size_t size = nr * sizeof(struct page *);
	struct page **pages = size <= PAGE_SIZE ? kmalloc(size, gfp) : __vmalloc(size, gfp);
	unsigned long i;

	for (i = 0; pages && i < nr; i++) {
		pages[i] = fatal_signal_pending(current) ? NULL : alloc_page_of(deadline);
		if (!pages[i]) {
			free_pages_of(pages, i);
			return NULL;
		}
		cond_resched();
	}
	return pages;
}

/**
 * pmemctl_alloc_large - memory, and be it a lot
 * @size: bytes
 * @deadline: jiffies until which may be slept for it
 * @pages: set to what pmemctl_free_large() needs
 *
 * Who asks for megabytes in one piece gets them from who needs them so, and neither
 * vmalloc() nor kvmalloc() can be told not to sleep on all kernels: page by page it is,
 * unless a small piece is to be had at once. The tables that map them are the kernel's, as
 * vmalloc()'s are.
 *
 * Return: the memory, not cleared, or NULL.
 */
void *pmemctl_alloc_large(size_t size, unsigned long deadline, struct page ***pages)
{
	unsigned long nr = PFN_UP(size);
	void *p = NULL;

	*pages = NULL;
	if (size <= PAGE_SIZE)
		return pmemctl_alloc(size, deadline);
	if (size <= PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER)
		p = kmalloc(size, PMEMCTL_GFP_AT_ONCE);
	if (p)
		return p;

	*pages = alloc_pages_of(nr, deadline);
	if (!*pages)
		return NULL;
	p = vmap(*pages, nr, VM_MAP, PAGE_KERNEL);
	if (!p) {
		free_pages_of(*pages, nr);
		*pages = NULL;
	}
	return p;
}

/**
 * pmemctl_free_large - give it back
 * @p: from pmemctl_alloc_large()
 * @size: as there
 * @pages: as there
 */
void pmemctl_free_large(void *p, size_t size, struct page **pages)
{
	if (!pages) {
		kfree(p);
		return;
	}
	vunmap(p);
	free_pages_of(pages, PFN_UP(size));
}
