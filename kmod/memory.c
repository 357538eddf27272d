// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for answers, on the account of the memory cgroup of who asked.
 *
 * It is taken under the locks of generic netlink, which everybody who speaks it needs:
 * nobody's cgroup may make them wait. One that is over its memory.high has whoever may
 * sleep do so for up to two seconds, charge by charge; whoever may not gets the memory,
 * and sleeps on the way back to user space. So that is tried first. Where there is no
 * memory to be had so, it is taken in the ordinary way, which may drop pages for it, while
 * the request has time.
 */
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

/**
 * pmemctl_alloc - some memory
 * @size: bytes; not a lot
 * @deadline: jiffies until which may be slept for it
 *
 * Return: the memory, not cleared, for kvfree(), or NULL.
 */
void *pmemctl_alloc(size_t size, unsigned long deadline)
{
	void *p = kvmalloc(size, PMEMCTL_GFP_AT_ONCE);

	if (!p && time_before(jiffies, deadline))
		p = kvmalloc(size, PMEMCTL_GFP);
	return p;
}

static void free_pages_of(struct page **pages, unsigned long nr)
{
	while (nr--)
		__free_page(pages[nr]);
	kvfree(pages);
}

/*
 * Page by page: who asks for megabytes in one piece gets them from who needs them so, and
 * vmalloc() cannot be told to hurry. The list of the pages is on nobody's account.
 */
static struct page **alloc_pages_of(unsigned long nr, unsigned long deadline)
{
	struct page **pages = kvmalloc_array(nr, sizeof(*pages),
					     GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	unsigned long i;

	for (i = 0; pages && i < nr; i++) {
		pages[i] = alloc_page(PMEMCTL_GFP_AT_ONCE);
		if (!pages[i] && time_before(jiffies, deadline))
			pages[i] = alloc_page(PMEMCTL_GFP);
		if (!pages[i]) {
			free_pages_of(pages, i);
			return NULL;
		}
		cond_resched();
	}
	return pages;
}

/**
 * pmemctl_alloc_large - a lot of memory
 * @size: bytes
 * @deadline: jiffies until which may be slept for it
 * @pages: set to what pmemctl_free_large() needs
 *
 * Return: the memory, not cleared, or NULL.
 */
void *pmemctl_alloc_large(size_t size, unsigned long deadline, struct page ***pages)
{
	unsigned long nr = PFN_UP(size);
	void *p;

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
	vunmap(p);
	free_pages_of(pages, PFN_UP(size));
}
