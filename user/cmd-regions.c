// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl regions: what lies where.
 */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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
	[KIND_VSYSCALL] = PAINT_FAINT, [KIND_UPROBES] = PAINT_FAINT,
	[KIND_LIBRARY_BSS] = PAINT_DATA, [KIND_TLS] = PAINT_DATA,
	[KIND_ARENA] = PAINT_HEAP, [KIND_ARENA_RESERVE] = PAINT_FAINT, [KIND_CHUNK] = PAINT_HEAP,
	[KIND_PYTHON_HEAP] = PAINT_HEAP, [KIND_JAVA_HEAP] = PAINT_HEAP,
	[KIND_JAVA_CODE] = PAINT_CODE, [KIND_GO_HEAP] = PAINT_HEAP,
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
	perms_text(cell->buf, flags);
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

/* VMAs of a row: one, or those of a library that were folded; of a part none */
static size_t vmas_of(const struct region *region)
{
	return region->is_part ? 0 : region->folded ? region->folded : 1;
}

/*
 * Adds up fields of smaps over the VMAs of a row.
 *
 * Return: whether it has an entry for each.
 */
static bool sum_smaps(const struct picture *picture, const struct region *region,
		      unsigned int fields, uint64_t *sum)
{
	*sum = 0;
	for (size_t i = 0; i < vmas_of(region); i++) {
		const struct smap *smap = smaps_of(picture->model, &region->vma[i]);

		if (!smap)
			return false;
		for (int k = 0; k < SMAPS_FIELDS; k++)
			*sum += fields & 1U << k ? smap->bytes[k] : 0;
	}
	return !region->is_part;
}

static void put_smaps(const struct picture *picture, const void *row, unsigned int fields,
		      struct cell *cell)
{
	const struct region *region = row;
	uint64_t sum;

	if (sum_smaps(picture, region, fields, &sum))
		cell_number(cell, sum);
	else if (region->is_part)
		cell->string = "";
}

#define DIRTY (1U << SMAPS_SHARED_DIRTY | 1U << SMAPS_PRIVATE_DIRTY)

/* A column that is a sum of fields of smaps */
#define SMAPS_COLUMN(name, fields) \
static void get_##name(const struct picture *picture, const void *row, struct cell *cell) \
{ \
	put_smaps(picture, row, fields, cell); \
}

SMAPS_COLUMN(rss, 1U << SMAPS_RSS)
SMAPS_COLUMN(pss, 1U << SMAPS_PSS)
SMAPS_COLUMN(swap, 1U << SMAPS_SWAP)
SMAPS_COLUMN(dirty, DIRTY)
SMAPS_COLUMN(referenced, 1U << SMAPS_REFERENCED)
SMAPS_COLUMN(anon, 1U << SMAPS_ANON)
SMAPS_COLUMN(shared_clean, 1U << SMAPS_SHARED_CLEAN)
SMAPS_COLUMN(shared_dirty, 1U << SMAPS_SHARED_DIRTY)
SMAPS_COLUMN(private_clean, 1U << SMAPS_PRIVATE_CLEAN)
SMAPS_COLUMN(private_dirty, 1U << SMAPS_PRIVATE_DIRTY)
SMAPS_COLUMN(swap_pss, 1U << SMAPS_SWAP_PSS)
SMAPS_COLUMN(locked, 1U << SMAPS_LOCKED)
SMAPS_COLUMN(huge, 1U << SMAPS_HUGE)
SMAPS_COLUMN(hugetlb, 1U << SMAPS_HUGETLB)

static void get_changed(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct region *region = row;
	uint64_t sum;

	if (region->is_part)
		cell->string = "";
	else if (picture->model->witness.smaps.read)
		cell_number(cell, !sum_smaps(picture, region, 0, &sum));
}

void regions_smaps_text(FILE *out, const struct picture *picture, const struct options *opts)
{
	uint64_t rss, pss, swap, dirty, sums[4] = { 0 };
	char a[24], b[24], c[24], d[24];
	size_t count, changed = 0;
	const void **rows;

	if (!picture->model->witness.smaps.read) {
		fprintf(out, "smaps could not be read: %s\n",
			smaps_why(picture->model->witness.smaps.error));
		return;
	}
	rows = table_rows(&table_regions, picture, NULL, opts->filter, &count);
	for (size_t i = 0; i < count; i++) {
		const struct region *region = rows[i];

		if (!sum_smaps(picture, region, 1U << SMAPS_RSS, &rss) ||
		    !sum_smaps(picture, region, 1U << SMAPS_PSS, &pss) ||
		    !sum_smaps(picture, region, 1U << SMAPS_SWAP, &swap) ||
		    !sum_smaps(picture, region, DIRTY, &dirty)) {
			changed++;
			continue;
		}
		sums[0] += rss;
		sums[1] += pss;
		sums[2] += swap;
		sums[3] += dirty;
	}
	free(rows);
	fprintf(out, "sum: RSS %s, PSS %s, SWAP %s, DIRTY %s\n", size_text(a, sums[0], opts->bytes),
		size_text(b, sums[1], opts->bytes), size_text(c, sums[2], opts->bytes),
		size_text(d, sums[3], opts->bytes));
	if (changed)
		fprintf(out, "%zu changed while smaps was read: their columns from smaps are -\n",
			changed);
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
	{ "RSS", TYPE_SIZE, COLUMN_SMAPS, "bytes in memory, from smaps as those that follow",
	  get_rss },
	{ "PSS", TYPE_SIZE, COLUMN_SMAPS, "the same, of each page its part of those that map it",
	  get_pss },
	{ "SWAP", TYPE_SIZE, COLUMN_SMAPS, "bytes in swap", get_swap },
	{ "DIRTY", TYPE_SIZE, COLUMN_SMAPS, "bytes in memory that were written to", get_dirty },
	{ "REFERENCED", TYPE_SIZE, COLUMN_SMAPS, "bytes in memory marked as accessed",
	  get_referenced },
	{ "ANON", TYPE_SIZE, COLUMN_SMAPS, "bytes in memory that are of no file", get_anon },
	{ "SHARED_CLEAN", TYPE_SIZE, COLUMN_SMAPS, "mapped by others too, not written to",
	  get_shared_clean },
	{ "SHARED_DIRTY", TYPE_SIZE, COLUMN_SMAPS, "mapped by others too, written to",
	  get_shared_dirty },
	{ "PRIVATE_CLEAN", TYPE_SIZE, COLUMN_SMAPS, "mapped here only, not written to",
	  get_private_clean },
	{ "PRIVATE_DIRTY", TYPE_SIZE, COLUMN_SMAPS, "mapped here only, written to",
	  get_private_dirty },
	{ "SWAP_PSS", TYPE_SIZE, COLUMN_SMAPS, "SWAP, of each page its part of those that have it",
	  get_swap_pss },
	{ "LOCKED", TYPE_SIZE, COLUMN_SMAPS, "bytes of PSS that mlock keeps in memory",
	  get_locked },
	{ "HUGE", TYPE_SIZE, COLUMN_SMAPS, "bytes in memory in huge pages", get_huge },
	{ "HUGETLB", TYPE_SIZE, COLUMN_SMAPS, "bytes of hugetlbfs in memory, not in RSS",
	  get_hugetlb },
	{ "CHANGED", TYPE_BOOL, COLUMN_SMAPS, "it came or changed while smaps was read",
	  get_changed },
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
	{ "WHY", TYPE_STRING, 0, NULL, get_why },
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
	.extended = "RANGE,SIZE,RSS,PSS,SWAP,DIRTY,PERMS,KIND,TID,NAME",
	.kind = region_kind_at,
	.count = count_regions,
	.row = region_at,
	.nr_parts = count_parts,
	.part = part_at,
	.parts = &table_parts,
};

static void regions_end(FILE *out, const struct picture *picture, const struct options *opts)
{
	if (picture->extended)
		regions_smaps_text(out, picture, opts);
}

const struct view view_regions = {
	/* descriptors, too, which take the right to attach, bear witness on stacks */
	.wish = {
		.sections = PMEMCTL_SECTION_VMAS | PMEMCTL_SECTION_THREADS,
		.registers = true,
		.uses = true,
	},
	.after = regions_end,
};
