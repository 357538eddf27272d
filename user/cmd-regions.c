// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl regions: what lies where.
 */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>

static const struct word flag_words[] = {
	{ PMEMCTL_VMA_READ, "rd" }, { PMEMCTL_VMA_WRITE, "wr" }, { PMEMCTL_VMA_EXEC, "ex" },
	{ PMEMCTL_VMA_SHARED, "sh" }, { PMEMCTL_VMA_MAYREAD, "mr" },
	{ PMEMCTL_VMA_MAYWRITE, "mw" }, { PMEMCTL_VMA_MAYEXEC, "me" },
	{ PMEMCTL_VMA_MAYSHARE, "ms" }, { PMEMCTL_VMA_GROWSDOWN, "gd" },
	{ PMEMCTL_VMA_PFNMAP, "pf" }, { PMEMCTL_VMA_LOCKED, "lo" },
	{ PMEMCTL_VMA_LOCKONFAULT, "lf" }, { PMEMCTL_VMA_IO, "io" },
	{ PMEMCTL_VMA_SEQ_READ, "sr" }, { PMEMCTL_VMA_RAND_READ, "rr" },
	{ PMEMCTL_VMA_DONTCOPY, "dc" }, { PMEMCTL_VMA_DONTEXPAND, "de" },
	{ PMEMCTL_VMA_ACCOUNT, "ac" }, { PMEMCTL_VMA_NORESERVE, "nr" },
	{ PMEMCTL_VMA_HUGETLB, "ht" }, { PMEMCTL_VMA_SYNC, "sf" },
	{ PMEMCTL_VMA_ARCH_1, "ar" }, { PMEMCTL_VMA_WIPEONFORK, "wf" },
	{ PMEMCTL_VMA_DONTDUMP, "dd" }, { PMEMCTL_VMA_SOFTDIRTY, "sd" },
	{ PMEMCTL_VMA_MIXEDMAP, "mm" }, { PMEMCTL_VMA_HUGEPAGE, "hg" },
	{ PMEMCTL_VMA_NOHUGEPAGE, "nh" }, { PMEMCTL_VMA_MERGEABLE, "mg" },
	{ PMEMCTL_VMA_UFFD_MISSING, "um" }, { PMEMCTL_VMA_UFFD_WP, "uw" },
	{ PMEMCTL_VMA_UFFD_MINOR, "ui" }, { PMEMCTL_VMA_SHADOW_STACK, "ss" },
	{ PMEMCTL_VMA_SEALED, "sl" }, { PMEMCTL_VMA_DROPPABLE, "dp" },
	{ PMEMCTL_VMA_MAYBE_GUARD, "gu" }, { PMEMCTL_VMA_OTHER, "??" },
	{ 0, NULL }
};

static const enum paint paints[KINDS] = {
	[KIND_TEXT] = PAINT_CODE, [KIND_RODATA] = PAINT_CODE, [KIND_RELRO] = PAINT_DATA,
	[KIND_DATA] = PAINT_DATA, [KIND_BSS] = PAINT_DATA, [KIND_HEAP] = PAINT_HEAP,
	[KIND_STACK] = PAINT_STACK, [KIND_ARGS] = PAINT_STACK, [KIND_ENV] = PAINT_STACK,
	[KIND_THREAD_STACK] = PAINT_STACK, [KIND_ORPHAN_STACK] = PAINT_STACK,
	[KIND_ALTSTACK] = PAINT_STACK,
	[KIND_SHADOW_STACK] = PAINT_STACK, [KIND_GUARD] = PAINT_GUARD,
	[KIND_RESERVED] = PAINT_FAINT, [KIND_VDSO] = PAINT_FAINT, [KIND_VVAR] = PAINT_FAINT,
	[KIND_VSYSCALL] = PAINT_FAINT,
};

static const struct pmemctl_object *file_of(const struct picture *picture, const void *row)
{
	const struct region *region = row;

	return model_object(picture->model, region->vma->file);
}

static void get_start(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, ((const struct region *)row)->start);
}

static void get_end(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, ((const struct region *)row)->end);
}

static void get_size(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;

	cell_number(cell, region->end - region->start);
}

static void get_perms(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;
	uint64_t flags = region->vma->flags;

	if (region->is_part)
		return;
	cell_string(cell, cell->buf);
	if (region->folded) {
		snprintf(cell->buf, sizeof(cell->buf), "%u VMAs", region->folded);
		return;
	}
	cell->buf[0] = flags & PMEMCTL_VMA_READ ? 'r' : '-';
	cell->buf[1] = flags & PMEMCTL_VMA_WRITE ? 'w' : '-';
	cell->buf[2] = flags & PMEMCTL_VMA_EXEC ? 'x' : '-';
	cell->buf[3] = flags & PMEMCTL_VMA_MAYSHARE ? 's' : 'p';
	cell->buf[4] = 0;
}

static void get_offset(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;

	if (!region->is_part)
		cell_number(cell, region->vma->offset);
}

static void get_dev(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_object *file = file_of(picture, row);

	if (((const struct region *)row)->is_part)
		return;
	snprintf(cell->buf, sizeof(cell->buf), "%02x:%02x", file ? file->dev_major : 0,
		 file ? file->dev_minor : 0);
	cell_string(cell, cell->buf);
}

static void get_inode(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_object *file = file_of(picture, row);

	if (!((const struct region *)row)->is_part)
		cell_number(cell, file ? file->ino : 0);
}

static void get_kind(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;

	cell_string(cell, kind_name(region->kind));
	cell->paint = paints[region->kind];
}

static void get_tid(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_nonzero(cell, ((const struct region *)row)->tid);
}

static void get_name(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;

	if (region->is_part)
		return;
	cell_string(cell, region->name);
	if (!region->name)
		cell->string = "(path unknown)";
}

static void get_flags(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;

	if (region->is_part)
		return;
	words_join(cell->buf, sizeof(cell->buf), flag_words, region->vma->flags);
	cell_string(cell, cell->buf);
}

static void get_page_size(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;

	if (!region->is_part)
		cell_nonzero(cell, region->vma->page_shift ? 1ULL << region->vma->page_shift : 0);
}

static void get_pkey(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;

	if (!region->is_part)
		cell_number(cell, region->vma->pkey);
}

static void get_why(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_string(cell, ((const struct region *)row)->why);
}

static void get_range(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;

	snprintf(cell->buf, sizeof(cell->buf), "%08" PRIx64 "-%08" PRIx64, region->start,
		 region->end);
	cell_string(cell, cell->buf);
	if (region->is_part)
		cell->paint = PAINT_FAINT;
}

static const struct column columns[] = {
	{ "START", TYPE_ADDRESS, 0, "first address", get_start },
	{ "END", TYPE_ADDRESS, 0, "first address behind it", get_end },
	{ "SIZE", TYPE_SIZE, 0, "bytes of address space", get_size },
	{ "PERMS", TYPE_STRING, COLUMN_BLANK, "read, write, execute; private or shared",
	  get_perms },
	{ "OFFSET", TYPE_ADDRESS, COLUMN_BLANK, "bytes into the file at START", get_offset },
	{ "DEV", TYPE_STRING, COLUMN_BLANK, "device of the file, major:minor in hex", get_dev },
	{ "INODE", TYPE_NUMBER, COLUMN_BLANK, "inode number of the file", get_inode },
	{ "KIND", TYPE_STRING, COLUMN_TREE, "what it is", get_kind },
	{ "TID", TYPE_NUMBER, COLUMN_BLANK, "the thread it belongs to", get_tid },
	{ "NAME", TYPE_STRING, COLUMN_BLANK, "file, or the kernel's name, as in /proc/PID/maps",
	  get_name },
	{ "FLAGS", TYPE_STRING, COLUMN_BLANK, "as VmFlags in /proc/PID/smaps", get_flags },
	{ "PAGE_SIZE", TYPE_SIZE, COLUMN_BLANK, "size of its pages", get_page_size },
	{ "PKEY", TYPE_NUMBER, COLUMN_BLANK, "memory protection key", get_pkey },
	{ "WHY", TYPE_STRING, 0, "what KIND rests on", get_why },
	{ "RANGE", TYPE_STRING, COLUMN_TEXT, "START and END as in /proc/PID/maps", get_range },
};

static size_t count_regions(const struct picture *picture)
{
	return picture->nr_regions;
}

static const void *region_at(const struct picture *picture, size_t i)
{
	return &picture->regions[i];
}

static size_t count_parts(const struct picture *picture, const void *row)
{
	return ((const struct region *)row)->nr_parts;
}

static const void *part_at(const struct picture *picture, const void *row, size_t i)
{
	return &picture->parts[((const struct region *)row)->first_part + i];
}

/* Of a part only what differs from its row */
static const struct column part_columns[] = {
	{ "START", TYPE_ADDRESS, 0, NULL, get_start },
	{ "END", TYPE_ADDRESS, 0, NULL, get_end },
	{ "SIZE", TYPE_SIZE, 0, NULL, get_size },
	{ "KIND", TYPE_STRING, 0, NULL, get_kind },
	{ "TID", TYPE_NUMBER, 0, NULL, get_tid },
};

static const struct table table_parts = {
	.name = "parts",
	.columns = part_columns,
	.nr_columns = ARRAY_SIZE(part_columns),
};

const struct table table_regions = {
	.name = "regions",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "RANGE,SIZE,PERMS,KIND,TID,NAME",
	.count = count_regions,
	.row = region_at,
	.nr_parts = count_parts,
	.part = part_at,
	.parts = &table_parts,
};

const struct view view_regions = {
	/* descriptors, too, which take the right to attach, bear witness on stacks */
	.wish = {
		.sections = PMEMCTL_SECTION_VMAS | PMEMCTL_SECTION_THREADS,
		.registers = true,
	},
};
