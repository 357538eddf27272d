// SPDX-License-Identifier: GPL-2.0
#include "compare.h"

#include "object.h"
#include "pagemap.h"
#include "pmemctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 256 GiB of each: what is kept of a page takes 24 bytes */
#define PAGES_MAX (1ULL << 26)

/* Beside enum frame_flag: it was seen twice */
#define CONFIRMED (1U << 11)

/* One place of a file may be mapped many times; a mapping that covers it is looked for so far */
#define OVERLAPS 16

#define PERMS (PMEMCTL_VMA_READ | PMEMCTL_VMA_WRITE | PMEMCTL_VMA_EXEC | PMEMCTL_VMA_MAYSHARE)

/**
 * struct page - a page that is present or swapped out
 * @at: its address; enum frame_flag and CONFIRMED in the lowest bits
 * @frame: 0: not told
 */
struct page {
	uint64_t at;
	uint64_t frame;
};

/** struct leaf - a region without parts, or a part */
struct leaf {
	uint64_t start;
	uint64_t end;
	enum region_kind kind;
	const struct pmemctl_vma *vma;
};

/**
 * struct file - a VMA that maps one
 * @object: the file
 * @vma: the VMA
 * @shareable: the same place of the file is the same memory
 * @segment: of System V shared memory
 */
struct file {
	const struct pmemctl_object *object;
	const struct pmemctl_vma *vma;
	bool shareable;
	bool segment;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_place(const void *left, const void *right)
{
	const struct file *a = left, *b = right;
	int way = object_compare(a->object, b->object);

	if (!way)
		way = a->segment - b->segment;
	if (!way)
		way = compare_numbers(a->vma->offset, b->vma->offset);
	return way ? way : compare_numbers(a->vma->start, b->vma->start);
}

static int by_number(const void *left, const void *right)
{
	return compare_numbers(*(const uint64_t *)left, *(const uint64_t *)right);
}

static void add_leaves(struct side *side, const struct region *region)
{
	const struct picture *picture = side->picture;

	for (size_t i = 0; i < region->nr_parts; i++)
		add_leaves(side, &picture->parts[region->first_part + i]);
	if (!region->nr_parts)
		side->leaves[side->nr_leaves++] = (struct leaf) {
			region->start, region->end, region->kind, region->vma
		};
}

int side_init(struct side *side, const struct picture *picture)
{
	const struct model *model = picture->model;

	side->picture = picture;
	side->leaves = calloc(picture->nr_regions + picture->nr_parts + 1, sizeof(*side->leaves));
	side->files = calloc(model->nr_vmas + 1, sizeof(*side->files));
	if (!side->leaves || !side->files)
		return -1;
	for (size_t i = 0; i < picture->nr_regions; i++) {
		const struct region *region = &picture->regions[i];

		if (region->vma != &picture->vsyscall)
			add_leaves(side, region);
	}
	for (size_t i = 0; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];

		side->mergeable |= vma->flags & PMEMCTL_VMA_MERGEABLE;
		if (vma->file)
			side->files[side->nr_files++] = (struct file) {
				model_object(model, vma->file), vma,
				vma_is_shareable(model, vma),
				object_is_segment(model, vma->file)
			};
	}
	qsort(side->files, side->nr_files, sizeof(*side->files), by_place);
	return 0;
}

void compare_free(struct comparison *comparison)
{
	for (int i = 0; i < 2; i++) {
		free(comparison->side[i].leaves);
		free(comparison->side[i].files);
		free(comparison->side[i].pages);
		free(comparison->side[i].frames);
	}
	free(comparison->names);
	memset(comparison, 0, sizeof(*comparison));
}

int side_add(void *data, uint64_t addr, uint64_t frame, unsigned int flags)
{
	struct side *side = data;

	if (flags & FRAME_ZERO)
		return 0;
	if (side->nr_pages == PAGES_MAX)
		return -E2BIG;
	if (side->nr_pages == side->room) {
		size_t room = side->room ? side->room * 2 : 4096;
		void *pages = realloc(side->pages, room * sizeof(*side->pages));

		if (!pages)
			return -ENOMEM;
		side->pages = pages;
		side->room = room;
	}
	side->pages[side->nr_pages++] = (struct page) { addr | flags, frame };
	return 0;
}

/* The pages of a side go to a function, but for what is no page of memory */
struct passing {
	int (*fn)(void *data, uint64_t addr, uint64_t frame, unsigned int flags);
	void *data;
};

static int pass_file_page(void *data, uint64_t addr, uint64_t frame, unsigned int flags)
{
	const struct passing *passing = data;

	return flags & FRAME_FILE ? passing->fn(passing->data, addr, frame, flags) : 0;
}

/* Mappings of devices hold frames without a page; or with one, as vvar of newer kernels */
static int each_page(const struct side *side, int pagemap,
		     int (*fn)(void *data, uint64_t addr, uint64_t frame, unsigned int flags),
		     void *data)
{
	const struct model *model = side->picture->model;
	struct passing passing = { fn, data };
	int ret = 0;

	for (size_t i = 0; i < model->nr_vmas && !ret; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];

		if (vma->flags & PMEMCTL_VMA_PFNMAP)
			continue;
		if (vma->flags & (PMEMCTL_VMA_IO | PMEMCTL_VMA_MIXEDMAP))
			ret = frames_each(pagemap, vma->start, vma->end, pass_file_page, &passing);
		else
			ret = frames_each(pagemap, vma->start, vma->end, fn, data);
	}
	return ret;
}

int side_collect(struct side *side, int pagemap)
{
	return each_page(side, pagemap, side_add, side);
}

/* Pages go by a second time, in the order in which they are kept */
struct confirming {
	struct side *side;
	size_t next;
};

static int confirm_page(void *data, uint64_t addr, uint64_t frame, unsigned int flags)
{
	struct confirming *c = data;
	struct side *side = c->side;

	while (c->next < side->nr_pages && page_down(side->pages[c->next].at) < addr)
		c->next++;
	if (c->next < side->nr_pages && page_down(side->pages[c->next].at) == addr &&
	    side->pages[c->next].frame == frame)
		side->pages[c->next].at |= CONFIRMED;
	return 0;
}

int side_confirm(struct side *side, int pagemap)
{
	struct confirming c = { .side = side };
	int ret = each_page(side, pagemap, confirm_page, &c);

	for (size_t i = 0; i < side->nr_pages; i++) {
		if (!(side->pages[i].at & CONFIRMED))
			side->pages[i].frame = 0;
	}
	return ret;
}

/* Whether what has the numbers of a file is the file: those of a segment may be another's */
static bool is_file(const struct side *side, const struct file *file, bool segment)
{
	return file->shareable && file->segment == segment && (!segment || side->same_ipc);
}

/* Whether it maps the very file */
static bool has_file(const struct side *side, const struct pmemctl_object *object, bool segment)
{
	size_t low = 0, high = side->nr_files;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (object_compare(side->files[mid].object, object) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < side->nr_files && !object_compare(side->files[low].object, object); low++) {
		if (is_file(side, &side->files[low], segment))
			return true;
	}
	return false;
}

static uint64_t offset_of(const struct pmemctl_vma *vma, uint64_t addr)
{
	return vma->offset + (addr - vma->start);
}

static bool one_file(const struct side *a, const struct pmemctl_vma *va, const struct side *b,
		     const struct pmemctl_vma *vb)
{
	const struct model *one = a->picture->model, *other = b->picture->model;
	bool segment;

	return same_numbers(one, va, other, vb, &segment) && (!segment || a->same_ipc);
}

/* At one address, both have anonymous memory or the same place of the same file */
static bool same_place(const struct side *a, const struct pmemctl_vma *va, const struct side *b,
		       const struct pmemctl_vma *vb, uint64_t addr)
{
	if (!va->file || !vb->file)
		return !va->file && !vb->file;
	return one_file(a, va, b, vb) && offset_of(va, addr) == offset_of(vb, addr);
}

static bool same_name(const struct side *a, uint32_t one, const struct side *b, uint32_t other)
{
	const char *name = model_name(a->picture->model, one);
	const char *theirs = model_name(b->picture->model, other);

	if (!one || !other)
		return !one && !other;
	return name && theirs && !strcmp(name, theirs);
}

static bool same_mapping(const struct side *a, const struct pmemctl_vma *va,
			 const struct side *b, const struct pmemctl_vma *vb, uint64_t addr)
{
	return same_place(a, va, b, vb, addr) && (va->file || same_name(a, va->name, b, vb->name)) &&
	       (va->flags & PERMS) == (vb->flags & PERMS);
}

static void count_ranges(struct side *side, const struct side *other)
{
	const struct model *theirs = other->picture->model;
	size_t first = 0;

	for (size_t i = 0; i < side->nr_leaves; i++) {
		const struct leaf *leaf = &side->leaves[i];
		struct tally *tally = &side->tallies[leaf->kind];

		tally->size += leaf->end - leaf->start;
		while (first < theirs->nr_vmas && theirs->vmas[first].end <= leaf->start)
			first++;
		for (size_t k = first;
		     k < theirs->nr_vmas && theirs->vmas[k].start < leaf->end; k++) {
			const struct pmemctl_vma *vma = &theirs->vmas[k];
			uint64_t start = vma->start > leaf->start ? vma->start : leaf->start;
			uint64_t end = vma->end < leaf->end ? vma->end : leaf->end;

			if (same_mapping(side, leaf->vma, other, vma, start))
				tally->ranges += end - start;
		}
	}
}

/* The first leaf that ends above an address */
static size_t leaf_above(const struct side *side, uint64_t addr)
{
	size_t low = 0, high = side->nr_leaves;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (side->leaves[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Bits of enum region_kind */
static uint64_t kinds_of(const struct side *side, const struct pmemctl_vma *vma)
{
	uint64_t kinds = 0;

	_Static_assert(KINDS <= 64, "a bit for each kind");
	for (size_t i = leaf_above(side, vma->start);
	     i < side->nr_leaves && side->leaves[i].start < vma->end; i++)
		kinds |= 1ULL << side->leaves[i].kind;
	return kinds;
}

static void count_files(struct side *side, const struct side *other, const char **names,
			size_t *nr_names)
{
	size_t next;

	for (size_t i = 0; i < side->nr_files; i = next) {
		const struct file *file = &side->files[i];
		uint64_t kinds = 0;

		for (next = i; next < side->nr_files &&
		     side->files[next].segment == file->segment &&
		     !object_compare(side->files[next].object, file->object); next++) {
			if (is_file(side, &side->files[next], file->segment))
				kinds |= kinds_of(side, side->files[next].vma);
		}
		if (!kinds || !has_file(other, file->object, file->segment))
			continue;
		for (int kind = 0; kind < KINDS; kind++)
			side->tallies[kind].files += kinds >> kind & 1;
		side->all.files++;
		if (names) {
			const char *name = model_name(side->picture->model, file->vma->file);

			names[(*nr_names)++] = name ? name : "";
		}
	}
}

int compare_ranges(struct comparison *comparison)
{
	struct side *a = &comparison->side[0], *b = &comparison->side[1];

	comparison->names = calloc(a->nr_files + 1, sizeof(*comparison->names));
	if (!comparison->names)
		return -ENOMEM;
	a->same_ipc = b->same_ipc = comparison->of[THING_IPC] == SHARE_SAME;
	count_ranges(a, b);
	count_ranges(b, a);
	count_files(a, b, comparison->names, &comparison->nr_names);
	count_files(b, a, NULL, NULL);
	for (int kind = 0; kind < KINDS; kind++) {
		for (int i = 0; i < 2; i++) {
			struct side *side = &comparison->side[i];

			side->all.size += side->tallies[kind].size;
			side->all.ranges += side->tallies[kind].ranges;
		}
	}
	return 0;
}

static uint64_t address_of(const struct page *page)
{
	return page_down(page->at);
}

static const struct page *find_page(const struct side *side, uint64_t addr)
{
	size_t low = 0, high = side->nr_pages;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (address_of(&side->pages[mid]) < addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == side->nr_pages || address_of(&side->pages[low]) != addr ||
	    side->pages[low].at & FRAME_SWAPPED)
		return NULL;
	return &side->pages[low];
}

/* Index behind the last mapping that begins at or below a place of a file */
static size_t files_up_to(const struct side *side, const struct pmemctl_object *object,
			  bool segment, uint64_t offset)
{
	size_t low = 0, high = side->nr_files;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int way = object_compare(side->files[mid].object, object);

		if (!way)
			way = side->files[mid].segment - segment;
		if (way < 0 || (!way && side->files[mid].vma->offset <= offset))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/**
 * struct twin - what the other has where a page is
 * @page: its page; NULL: none is present there
 * @vma: it is in this one
 * @doubt: there may be one, as not all mappings were looked at
 */
struct twin {
	const struct page *page;
	const struct pmemctl_vma *vma;
	bool doubt;
};

static bool is_wanted(const struct page *page, unsigned int flags)
{
	return page && (page->at & flags) == flags;
}

static struct twin twin_in_file(const struct side *side, const struct pmemctl_vma *vma,
				const struct side *other, uint64_t addr, unsigned int flags)
{
	const struct pmemctl_object *object = model_object(side->picture->model, vma->file);
	uint64_t offset = offset_of(vma, addr);
	bool segment = object_is_segment(side->picture->model, vma->file);
	size_t i = files_up_to(other, object, segment, offset);
	size_t end = i > OVERLAPS ? i - OVERLAPS : 0;

	for (; i > end; i--) {
		const struct file *file = &other->files[i - 1];
		const struct page *page;

		if (object_compare(file->object, object) || file->segment != segment ||
		    (segment && !other->same_ipc))
			return (struct twin) { NULL, NULL, false };
		if (offset - file->vma->offset >= file->vma->end - file->vma->start)
			continue;
		page = find_page(other, file->vma->start + (offset - file->vma->offset));
		if (is_wanted(page, flags))
			return (struct twin) { page, file->vma, false };
	}
	return (struct twin) { NULL, NULL, end > 0 };
}

/* At the same address rather than elsewhere: mappings of one file may be many */
static struct twin find_twin(const struct side *side, const struct pmemctl_vma *vma,
			     const struct side *other, uint64_t addr, unsigned int flags)
{
	const struct page *page = find_page(other, addr);
	const struct pmemctl_vma *theirs = page ? model_vma(other->picture->model, addr) : NULL;

	if (theirs && is_wanted(page, flags) && same_place(side, vma, other, theirs, addr))
		return (struct twin) { page, theirs, false };
	if (vma->file)
		return twin_in_file(side, vma, other, addr, flags);
	return (struct twin) { NULL, NULL, false };
}

static bool has_frame(const struct side *side, uint64_t frame)
{
	return bsearch(&frame, side->frames, side->nr_frames, sizeof(frame), by_number);
}

static void count_same(struct tally *tally, const struct pmemctl_vma *vma,
		       const struct page *page, struct merged *merged)
{
	tally->same += PAGE;
	if (page->at & FRAME_FILE) {
		tally->shared += PAGE;
		if (vma->flags & PMEMCTL_VMA_MAYSHARE)
			tally->memory += PAGE;
	} else if (merged && vma->flags & PMEMCTL_VMA_MERGEABLE &&
		   merged_has(merged, page->frame)) {
		tally->ksm += PAGE;
	} else {
		tally->cow += PAGE;
	}
}

static void count_told(struct tally *tally, const struct side *side, const struct side *other,
		       const struct pmemctl_vma *vma, const struct page *page,
		       struct merged *merged)
{
	if (page->frame && has_frame(other, page->frame))
		count_same(tally, vma, page, merged);
	else if ((!vma->file || vma_is_shareable(side->picture->model, vma)) &&
		 find_twin(side, vma, other, address_of(page), 0).page)
		tally->differ += PAGE;
	else
		tally->only += PAGE;
}

/*
 * A page of a file is in memory once: at one place of one file, there is the
 * same one. But numbers of device and inode are not unique on every file
 * system; with the path they are. And who has it alone, if only as far as that
 * is told of huge pages, shares it with nobody.
 */
static void count_file_page(struct tally *tally, const struct side *side,
			    const struct side *other, const struct pmemctl_vma *vma,
			    const struct page *page)
{
	struct twin twin = { NULL, NULL, true };

	if (vma->file)
		twin = find_twin(side, vma, other, address_of(page), FRAME_FILE);
	if (twin.page && !((page->at | twin.page->at) & FRAME_EXCLUSIVE) &&
	    one_file(side, vma, other, twin.vma) &&
	    same_name(side, vma->file, other, twin.vma->file))
		count_same(tally, vma, page, NULL);
	else if (twin.page || twin.doubt)
		tally->may += PAGE;
}

static void count_untold(struct tally *tally, const struct side *side, const struct side *other,
			 const struct pmemctl_vma *vma, const struct page *page)
{
	const struct page *theirs;

	/* page tables of hugetlb that are shared make one mapping of several */
	if (frame_is_exclusive(page->at) && !(vma->flags & PMEMCTL_VMA_HUGETLB))
		return;
	if (page->at & FRAME_FILE) {
		count_file_page(tally, side, other, vma, page);
		return;
	}
	theirs = find_page(other, address_of(page));
	if ((theirs && !(theirs->at & FRAME_FILE) &&
	     (!frame_is_exclusive(theirs->at) || vma->flags & PMEMCTL_VMA_HUGETLB)) ||
	    (vma->flags & PMEMCTL_VMA_MERGEABLE && other->mergeable)) {
		tally->may += PAGE;
		tally->may_anon += PAGE;
	}
}

static void count_pages(struct side *side, const struct side *other, bool frames,
			struct merged *merged)
{
	size_t leaf = 0;

	for (size_t i = 0; i < side->nr_pages; i++) {
		const struct page *page = &side->pages[i];
		const struct pmemctl_vma *vma;
		struct tally *tally;

		while (leaf < side->nr_leaves && side->leaves[leaf].end <= address_of(page))
			leaf++;
		if (leaf == side->nr_leaves)
			break;
		tally = &side->tallies[side->leaves[leaf].kind];
		vma = side->leaves[leaf].vma;
		if (page->at & FRAME_SWAPPED) {
			*(page->at & FRAME_UNSURE ? &tally->marked : &tally->swapped) += PAGE;
			continue;
		}
		tally->resident += PAGE;
		if (!(page->at & FRAME_FILE))
			tally->anon += PAGE;
		if (frames)
			count_told(tally, side, other, vma, page, merged);
		else
			count_untold(tally, side, other, vma, page);
	}
}

static void add_up(struct side *side)
{
	struct tally *all = &side->all;

	for (int kind = 0; kind < KINDS; kind++) {
		const struct tally *tally = &side->tallies[kind];

		all->resident += tally->resident;
		all->anon += tally->anon;
		all->swapped += tally->swapped;
		all->marked += tally->marked;
		all->same += tally->same;
		all->shared += tally->shared;
		all->memory += tally->memory;
		all->cow += tally->cow;
		all->ksm += tally->ksm;
		all->differ += tally->differ;
		all->only += tally->only;
		all->may += tally->may;
		all->may_anon += tally->may_anon;
	}
}

static int sort_frames(struct side *side)
{
	side->frames = malloc((side->nr_pages + 1) * sizeof(*side->frames));
	if (!side->frames)
		return -ENOMEM;
	side->nr_frames = 0;
	for (size_t i = 0; i < side->nr_pages; i++) {
		if (side->pages[i].frame)
			side->frames[side->nr_frames++] = side->pages[i].frame;
	}
	qsort(side->frames, side->nr_frames, sizeof(*side->frames), by_number);
	return 0;
}

int compare_pages(struct comparison *comparison, struct merged *merged)
{
	struct side *a = &comparison->side[0], *b = &comparison->side[1];

	if (comparison->frames && (sort_frames(a) || sort_frames(b)))
		return -ENOMEM;
	comparison->ksm = comparison->frames && (merged || !a->mergeable || !b->mergeable);
	count_pages(a, b, comparison->frames, merged);
	count_pages(b, a, comparison->frames, merged);
	add_up(a);
	add_up(b);
	comparison->counted = true;
	return 0;
}
