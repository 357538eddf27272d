// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl summary: how much of what there is, and why the address space is large.
 */
#include "proc.h"
#include "process.h"
#include "summary.h"
#include "table.h"

#include <stdlib.h>

static bool is_told(const struct picture *picture, const struct tally *tally)
{
	return picture->summary->told && (tally->untold < tally->reserved || !tally->reserved);
}

/* A column that is one field of a tally, which is how rows of both tables begin */
#define TALLY_COLUMN(name, set, value) \
static void get_##name(const struct picture *picture, const void *row, struct cell *cell) \
{ \
	const struct tally *tally = row; \
	\
	set(cell, value); \
}

TALLY_COLUMN(kind, cell_string, kind_name(tally->kind))
TALLY_COLUMN(count, cell_number, tally->count)
TALLY_COLUMN(reserved, cell_number, tally->reserved)
TALLY_COLUMN(largest, cell_number, tally->largest)
TALLY_COLUMN(untold, cell_number, tally->untold)

/* A column of what is known from smaps */
#define TOLD_COLUMN(name, value) \
static void get_##name(const struct picture *picture, const void *row, struct cell *cell) \
{ \
	const struct tally *tally = row; \
	\
	if (is_told(picture, tally)) \
		cell_number(cell, value); \
}

TOLD_COLUMN(resident, tally->resident)
TOLD_COLUMN(swapped, tally->swapped)
TOLD_COLUMN(touched, tally->resident + tally->swapped)

static unsigned int percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned __int128)part * 100 / whole : 0;
}

static void get_share(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct tally *tally = row;

	cell_number(cell, percent(tally->reserved, picture->summary->all.reserved));
}

static const struct column columns[] = {
	{ "KIND", TYPE_STRING, 0, "what it is", get_kind },
	{ "COUNT", TYPE_NUMBER, 0, "how many regions and parts of regions", get_count },
	{ "RESERVED", TYPE_SIZE, 0, "bytes of address space", get_reserved },
	{ "VSZ%", TYPE_NUMBER, 0, "the same in percent of all", get_share },
	{ "RESIDENT", TYPE_SIZE, 0, "bytes in memory", get_resident },
	{ "SWAPPED", TYPE_SIZE, 0, "bytes in swap", get_swapped },
	{ "LARGEST", TYPE_SIZE, 0, "bytes of address space of the largest", get_largest },
	{ "UNTOLD", TYPE_SIZE, 0, "bytes of RESERVED that changed while smaps was read",
	  get_untold },
};

static size_t count_kinds(const struct picture *picture)
{
	return picture->summary ? picture->summary->nr_kinds : 0;
}

static const void *row_at(const struct picture *picture, size_t i)
{
	return &picture->summary->kinds[i];
}

const struct table table_summary = {
	.name = "summary",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "KIND,COUNT,RESERVED,RESIDENT,SWAPPED,LARGEST",
	.kind = region_kind_at,
	.count = count_kinds,
	.row = row_at,
};

static void get_start(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct fall *fall = row;

	if (fall->region)
		cell_number(cell, fall->region->start);
}

static void get_end(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct fall *fall = row;

	if (fall->region)
		cell_number(cell, fall->region->end);
}

static void get_name(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct fall *fall = row;

	if (fall->region)
		cell_string(cell, fall->region->name);
}

static void get_so_far(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, ((const struct fall *)row)->so_far);
}

static void get_so_far_share(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct fall *fall = row;

	cell_number(cell, percent(fall->so_far, picture->summary->all.reserved));
}

static const struct column fall_columns[] = {
	{ "KIND", TYPE_STRING, 0, "what it is", get_kind },
	{ "COUNT", TYPE_NUMBER, 0, "how many regions and parts of regions", get_count },
	{ "RESERVED", TYPE_SIZE, 0, "bytes of address space", get_reserved },
	{ "TOUCHED", TYPE_SIZE, 0, "bytes in memory or swap", get_touched },
	{ "SO_FAR", TYPE_SIZE, 0, "bytes of address space from the first row to this one",
	  get_so_far },
	{ "SO_FAR%", TYPE_NUMBER, 0, "the same in percent of all", get_so_far_share },
	{ "START", TYPE_ADDRESS, COLUMN_BLANK, "first address, where it is one region", get_start },
	{ "END", TYPE_ADDRESS, COLUMN_BLANK, "first address behind it, likewise", get_end },
	{ "NAME", TYPE_STRING, COLUMN_BLANK, "its name, likewise", get_name },
};

static size_t count_falls(const struct picture *picture)
{
	return picture->summary ? picture->summary->nr_falls : 0;
}

static const void *fall_at(const struct picture *picture, size_t i)
{
	return &picture->summary->falls[i];
}

const struct table table_waterfall = {
	.name = "waterfall",
	.columns = fall_columns,
	.nr_columns = ARRAY_SIZE(fall_columns),
	.defaults = "RESERVED,TOUCHED,SO_FAR,SO_FAR%,COUNT,KIND,START,NAME",
	.count = count_falls,
	.row = fall_at,
};

/**
 * struct member - a process that was asked for
 * @pid: its id
 * @mm: its address space
 */
struct member {
	uint32_t pid;
	uint64_t mm;
};

/* All processes of the command line, each address space counted once */
static struct {
	struct member *members;
	size_t nr_members;
	size_t nr_mms;
	struct tally each;	/* counted for each process */
	struct summary once;
} set;

/* Return: 0, or -1 if there is no memory */
static int join_set(const struct picture *picture)
{
	const struct summary *summary = picture->summary;
	const struct model *model = picture->model;
	struct member member = { model->pid, model->mm[PMEMCTL_MM_ID] }, *members;
	bool known = false;

	if (!model->has_mm)
		return 0;
	for (size_t i = 0; i < set.nr_members; i++) {
		if (set.members[i].pid == member.pid)
			return 0;
		/* an id is given again once who had it has ended */
		known |= set.members[i].mm == member.mm &&
			 proc_same_mm(set.members[i].pid, member.pid) != PROC_DIFFERENT;
	}
	members = realloc(set.members, (set.nr_members + 1) * sizeof(*members));
	if (!members)
		return -1;
	set.members = members;
	members[set.nr_members++] = member;
	set.each.reserved += summary->all.reserved;
	set.each.resident += summary->all.resident;
	if (!known) {
		set.nr_mms++;
		summary_add(&set.once, summary);
	}
	return 0;
}

static int prepare(struct picture *picture)
{
	return summary_make(picture) || join_set(picture) ? -1 : 0;
}

static void put_total(FILE *out, const struct summary *summary, const struct options *opts)
{
	const struct tally *all = &summary->all;
	char a[24], b[24], c[24], d[24];

	fprintf(out, "all: %llu %s, %s reserved", (unsigned long long)all->count,
		all->count == 1 ? "region or part" : "regions and parts",
		size_text(a, all->reserved, opts->bytes));
	if (!summary->told) {
		fprintf(out, "; smaps could not be read: %s\n", smaps_why(summary->error));
		return;
	}
	fprintf(out, ", %s resident (PSS %s), %s swapped\n",
		size_text(b, all->resident, opts->bytes), size_text(c, summary->pss, opts->bytes),
		size_text(d, all->swapped, opts->bytes));
	if (summary->hugetlb)
		fprintf(out, "besides, %s of hugetlbfs, which the kernel does not call resident\n",
			size_text(a, summary->hugetlb, opts->bytes));
	if (summary->changed)
		fprintf(out, "%zu %s changed while smaps was read: of %s nothing but the size is known\n",
			summary->changed, summary->changed == 1 ? "VMA" : "VMAs",
			size_text(a, all->untold, opts->bytes));
	if (summary->unsplit)
		fprintf(out, "of VMAs with several uses, %s is counted for the one that has most\n",
			size_text(a, summary->unsplit, opts->bytes));
}

static void put_waterfall(FILE *out, const struct picture *picture, const struct options *opts)
{
	const struct tally *all = &picture->summary->all;
	uint64_t touched = all->resident + all->swapped;
	struct summary few = *picture->summary;
	struct picture top = { .summary = &few };
	struct options plain = *opts;
	struct selection selection;
	char a[24], b[24];

	fprintf(out, "\nwhy is VSZ %s: most address space first\n",
		size_text(a, all->reserved, opts->bytes));
	plain.sorting = NULL;
	plain.filter = NULL;
	table_select(&table_waterfall, NULL, &selection);
	/* what explains all but a hundredth of it */
	few.nr_falls = 0;
	while (few.nr_falls < picture->summary->nr_falls &&
	       (!few.nr_falls || percent(few.falls[few.nr_falls - 1].so_far, all->reserved) < 99))
		few.nr_falls++;
	table_text(out, &table_waterfall, &selection, &top, &plain);
	if (few.nr_falls < picture->summary->nr_falls)
		fprintf(out, "and %s in smaller ones\n",
			size_text(a, all->reserved - few.falls[few.nr_falls - 1].so_far,
				  opts->bytes));
	if (picture->summary->told)
		fprintf(out, "VSZ is addresses, not memory: of it %s, %u %%, is in memory or swap\n",
			size_text(b, touched, opts->bytes), percent(touched, all->reserved));
}

static void put_end(FILE *out, const struct picture *picture, const struct options *opts)
{
	if (opts->chosen)
		return;
	put_total(out, picture->summary, opts);
	put_waterfall(out, picture, opts);
}

static void put_total_json(struct json *json, const struct summary *summary)
{
	json_object(json, "total");
	json_unsigned(json, "count", summary->all.count);
	json_unsigned(json, "reserved", summary->all.reserved);
	if (summary->told) {
		json_unsigned(json, "resident", summary->all.resident);
		json_unsigned(json, "pss", summary->pss);
		json_unsigned(json, "swapped", summary->all.swapped);
		json_unsigned(json, "hugetlb", summary->hugetlb);
		json_unsigned(json, "untold", summary->all.untold);
		json_unsigned(json, "changed", summary->changed);
		json_unsigned(json, "unsplit", summary->unsplit);
	} else {
		static const char *const keys[] = {
			"resident", "pss", "swapped", "hugetlb", "untold", "changed", "unsplit"
		};

		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			json_null(json, keys[i]);
	}
	json_end_object(json);
}

static void put_json(struct json *json, const struct picture *picture,
		     const struct options *opts)
{
	struct options plain = *opts;

	plain.sorting = NULL;
	plain.filter = NULL;
	table_json_rows(json, &table_summary, NULL, picture, opts);
	table_json_rows(json, &table_waterfall, NULL, picture, &plain);
	if (picture)
		put_total_json(json, picture->summary);
	else
		json_null(json, "total");
}

static void put_set_json(FILE *out, const struct picture *picture, const struct options *opts)
{
	struct json json = { .out = out, .empty = true };

	json_object(&json, NULL);
	json_object(&json, "set");
	json_unsigned(&json, "processes", set.nr_members);
	json_unsigned(&json, "address_spaces", set.nr_mms);
	json_unsigned(&json, "reserved_for_each", set.each.reserved);
	if (set.once.told)
		json_unsigned(&json, "resident_for_each", set.each.resident);
	else
		json_null(&json, "resident_for_each");
	json_end_object(&json);
	table_json_rows(&json, &table_summary, NULL, picture, opts);
	put_total_json(&json, &set.once);
	json_end_object(&json);
}

static void put_set_text(FILE *out, const struct picture *picture, const struct options *opts)
{
	char a[24], b[24];

	if (opts->raw || opts->noheadings || opts->chosen)
		return;
	fprintf(out, "\n%zu processes in %zu address %s, each counted once\n", set.nr_members,
		set.nr_mms, set.nr_mms == 1 ? "space" : "spaces");
	table_text(out, &table_summary, opts->columns, picture, opts);
	put_total(out, &set.once, opts);
	if (set.nr_mms < set.nr_members)
		fprintf(out, "counted for each process it would be %s reserved, %s resident\n",
			size_text(a, set.each.reserved, opts->bytes),
			set.once.told ? size_text(b, set.each.resident, opts->bytes) : "-");
}

/* In JSON it is one more value of an array */
static void put_set(FILE *out, const struct options *opts)
{
	struct picture picture = { .summary = &set.once };

	if (opts->json && !opts->chosen) {
		fputs(",\n", out);
		put_set_json(out, &picture, opts);
	} else if (!opts->json && set.nr_members > 1) {
		put_set_text(out, &picture, opts);
	}
	free(set.members);
	set.members = NULL;
	set.nr_members = 0;
}

const struct view view_summary = {
	.wish = {
		.sections = PMEMCTL_SECTION_ALL, .registers = true, .orphans = true,
		.smaps = true, .residents = true, .uses = true,
	},
	.prepare = prepare,
	.after = put_end,
	.json = put_json,
	.last = put_set,
};
