// SPDX-License-Identifier: GPL-2.0
#include "ties.h"

#include "frames.h"
#include "object.h"
#include "proc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *tie_kind_name(enum tie_kind kind)
{
	static const char *const names[] = {
		[TIE_SAME] = "same",
		[TIE_FILE] = "same-file",
		[TIE_POSSIBLE] = "possible",
		[TIE_COPY] = "copy",
		[TIE_MAPPED] = "absent",
	};

	return names[kind];
}

/* A page as pagemap has it */
struct entry {
	enum page_is is;
	unsigned int flags;
	uint64_t frame;
};

static int keep(void *data, uint64_t addr, uint64_t frame, unsigned int flags)
{
	struct entry *entry = data;

	*entry = (struct entry) {
		!(flags & FRAME_SWAPPED) ? PAGE_IS_THERE :
		flags & FRAME_UNSURE ? PAGE_IS_MARKED : PAGE_IS_SWAPPED, flags, frame
	};
	return 0;
}

static struct entry entry_at(int pagemap, uint64_t addr)
{
	struct entry entry = { .is = PAGE_IS_ABSENT };

	addr = page_down(addr);
	if (frames_each(pagemap, addr, addr + PAGE, keep, &entry))
		entry.is = PAGE_IS_UNKNOWN;
	return entry;
}

/* Private memory, or a copy of its own of a file's page: others have it by a fork only */
static bool is_anonymous(const struct page *page)
{
	return !page->vma->file || (page->is == PAGE_IS_THERE && !(page->flags & FRAME_FILE));
}

/* Whether it makes sense to ask others for it */
static bool may_have_ties(const struct model *model, const struct page *page)
{
	if (!page->vma || page->is == PAGE_IS_UNKNOWN || page->is == PAGE_IS_SWAPPED ||
	    page->is == PAGE_IS_MARKED ||
	    page->flags & FRAME_ZERO || page->vma->flags & (PMEMCTL_VMA_IO | PMEMCTL_VMA_PFNMAP))
		return false;
	/* a page of no file that is no anonymous one is the kernel's: the vdso */
	if (is_anonymous(page))
		return page->is == PAGE_IS_THERE && !(page->flags & FRAME_FILE) &&
		       !frame_is_exclusive(page->flags);
	return vma_is_shareable(model, page->vma);
}

static int add_tie(struct page *page, const struct tie *tie)
{
	if (page->nr_ties == page->room) {
		size_t room = page->room ? page->room * 2 : 16;
		void *list = realloc(page->ties, room * sizeof(*page->ties));

		if (!list)
			return -1;
		page->ties = list;
		page->room = room;
	}
	page->ties[page->nr_ties++] = *tie;
	/* what is said of a huge page is not true of this one */
	if (tie->kind == TIE_SAME)
		page->flags &= ~(FRAME_EXCLUSIVE | FRAME_UNSURE);
	return 0;
}

/* Of a page of a file: what somebody has who maps it, too */
static bool judge_file(const struct page *page, const struct pmemctl_vma *vma,
		       const struct entry *its, enum tie_kind *kind)
{
	if (its->is == PAGE_IS_SWAPPED)
		/* what is shared is swapped out for all */
		*kind = vma->flags & PMEMCTL_VMA_MAYSHARE ? TIE_MAPPED : TIE_COPY;
	else if (its->is != PAGE_IS_THERE)
		*kind = TIE_MAPPED;
	else if (!(its->flags & FRAME_FILE))
		*kind = TIE_COPY;
	else if (!page->frame || !its->frame)
		*kind = TIE_FILE;
	else
		*kind = TIE_SAME;
	/* a file has each page once: these are two, though of equal device and inode */
	return *kind != TIE_SAME || page->frame == its->frame;
}

/* Of private memory: shared since a fork, at the same address */
static bool judge_anonymous(const struct page *page, const struct entry *its,
			    enum tie_kind *kind)
{
	if (its->is != PAGE_IS_THERE || its->flags & FRAME_FILE || frame_is_exclusive(its->flags))
		return false;
	*kind = page->frame ? TIE_SAME : TIE_POSSIBLE;
	return page->frame == its->frame;
}

/* Everything that another process has of one page */
static int match_page(const struct ties *ties, struct page *page, const struct model *model,
		      size_t index, int pagemap)
{
	uint64_t offset = page->vma->offset + (page->addr - page->vma->start);
	const struct pmemctl_vma *vma = model_vma(model, page->addr);
	struct tie tie = { .other = index, .addr = page->addr };
	struct entry its;

	if (is_anonymous(page)) {
		if (!vma)
			return 0;
		its = entry_at(pagemap, page->addr);
		tie.flags = vma->flags;
		return judge_anonymous(page, &its, &tie.kind) ? add_tie(page, &tie) : 0;
	}
	for (size_t i = 0; i < model->nr_vmas; i++) {
		vma = &model->vmas[i];
		if (vma->offset > offset || offset - vma->offset >= vma->end - vma->start ||
		    !same_object(ties->model, page->vma, model, vma))
			continue;
		tie.addr = vma->start + (offset - vma->offset);
		tie.flags = vma->flags;
		its = entry_at(pagemap, tie.addr);
		if (judge_file(page, vma, &its, &tie.kind) && add_tie(page, &tie))
			return -1;
	}
	return 0;
}

static int match(const struct model *model, size_t index, void *data)
{
	struct ties *ties = data;
	/* a thread that has exited has no pages */
	uint32_t tid = model->flags & PMEMCTL_PROCESS_LEADER_EXITED ?
		       proc_live_thread(model->pid) : 0;
	int pagemap = proc_open(model->pid, tid, "pagemap"), ret = 0;

	if (pagemap < 0) {
		ties->others.processes--;
		/* else it ended */
		if (proc_live_thread(model->pid))
			others_missed(&ties->others, model->pid,
				      proc_is_refusal(pagemap), strerror(-pagemap));
		return 0;
	}
	for (size_t i = 0; i < ties->nr_pages && !ret; i++) {
		if (ties->pages[i].sought)
			ret = match_page(ties, &ties->pages[i], model, index, pagemap);
	}
	close(pagemap);
	return ret;
}

/*
 * Where the kernel says "exclusive", but perhaps of the first 4K of a huge page only, and
 * this page is known to be mapped once, both are true.
 */
static bool is_sure(const struct page *page)
{
	return page->flags & FRAME_EXCLUSIVE && page->frame &&
	       !(page->vma->flags & PMEMCTL_VMA_HUGETLB) && frame_is_mapped_once(page->frame);
}

static void look_at(struct page *page, int pagemap)
{
	uint64_t start = page_down(page->addr);
	struct entry entry = entry_at(pagemap, page->addr);
	struct touch touch;

	page->is = entry.is;
	page->flags = entry.flags;
	page->frame = entry.frame;
	if (entry.flags & FRAME_UNSURE && is_sure(page))
		page->flags &= ~FRAME_UNSURE;
	if (entry.is == PAGE_IS_THERE && !pagemap_touched(pagemap, start, start + PAGE, &touch))
		page->huge = touch.huge;
}

/* What is not what it was is not told */
static void look_again(struct page *page, int pagemap)
{
	struct entry now = entry_at(pagemap, page->addr);

	if (now.is == page->is && now.frame == page->frame)
		return;
	page->nr_ties = 0;
	page->is = PAGE_IS_UNKNOWN;
}

/* Its own mappings may be why it is not mapped once */
static size_t count_places(const struct model *model, const struct page *page, int pagemap)
{
	uint64_t offset = page->vma->offset + (page->addr - page->vma->start);
	size_t count = 0;

	for (size_t i = 0; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];
		struct entry entry;
		bool segment;

		if (vma->offset > offset || offset - vma->offset >= vma->end - vma->start ||
		    !same_numbers(model, page->vma, model, vma, &segment))
			continue;
		entry = entry_at(pagemap, vma->start + (offset - vma->offset));
		count += entry.is == PAGE_IS_THERE && entry.flags & FRAME_FILE &&
			 entry.frame == page->frame;
	}
	return count;
}

int ties_look(struct ties *ties, struct client *client, const struct model *model, int pagemap)
{
	ties->model = model;
	for (size_t i = 0; i < ties->nr_pages; i++) {
		struct page *page = &ties->pages[i];

		if (page->vma)
			look_at(page, pagemap);
		page->sought = may_have_ties(model, page);
		ties->passed |= page->sought;
	}
	if (!ties->passed)
		return 0;
	if (others_look(client, model, &ties->others, match, ties))
		return -1;
	for (size_t i = 0; i < ties->nr_pages; i++) {
		struct page *page = &ties->pages[i];

		if (!page->sought)
			continue;
		look_again(page, pagemap);
		if (page->is == PAGE_IS_THERE && !page->nr_ties && !is_anonymous(page))
			page->places = count_places(model, page, pagemap);
	}
	return 0;
}

bool ties_known(const struct page *page)
{
	switch (page->is) {
	case PAGE_IS_ABSENT:
		/* what has no page there may have one in another's */
		return page->sought || !(page->vma->file || page->vma->flags &
					 (PMEMCTL_VMA_IO | PMEMCTL_VMA_PFNMAP));
	case PAGE_IS_THERE:
		if (page->flags & FRAME_ZERO || frame_is_exclusive(page->flags))
			return true;
		return page->nr_ties;
	default:
		return false;
	}
}

void ties_free(struct ties *ties)
{
	for (size_t i = 0; i < ties->nr_pages; i++)
		free(ties->pages[i].ties);
	others_free(&ties->others);
}
