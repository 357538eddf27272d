// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl show: everything about a process in one answer.
 */
#include "object.h"
#include "process.h"
#include "summary.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

static void put_summary(FILE *out, const struct picture *picture, const struct options *opts)
{
	const struct summary *summary = picture->summary;
	char size[24];

	fprintf(out, "%s%-13s %6s %6s%s\n", opts->colour ? paint_sequence(PAINT_HEAD) : "",
		"KIND", "COUNT", "SIZE", opts->colour ? "\033[0m" : "");
	for (size_t i = 0; i < summary->nr_kinds; i++)
		fprintf(out, "%-13s %6llu %6s\n", kind_name(summary->kinds[i].kind),
			(unsigned long long)summary->kinds[i].count,
			size_text(size, summary->kinds[i].reserved, opts->bytes));
	fprintf(out, "%-13s %6zu %6s\n", "all VMAs", picture->model->nr_vmas,
		size_text(size, summary->all.reserved, opts->bytes));
}

/* A table of which all rows are shown */
static void put_table(FILE *out, const struct table *table, const struct picture *picture,
		      const struct options *opts)
{
	struct options all = *opts;
	struct selection selection;

	all.filter = NULL;
	table_select(table, NULL, &selection);
	table_text(out, table, &selection, picture, &all);
}

static bool continues(const struct picture *picture, const struct region *region,
		      const struct region *next)
{
	const struct pmemctl_object *a = model_object(picture->model, region->vma->file);
	const struct pmemctl_object *b = model_object(picture->model, next->vma->file);

	/* of a bss only all of it: other memory may lie in the same VMA */
	if (region->kind == KIND_LIBRARY && next->kind == KIND_LIBRARY_BSS && !b)
		return region->end == next->start && !next->nr_parts;
	/* what is over a library need not be of a file */
	return region->kind == KIND_LIBRARY && next->kind == KIND_LIBRARY &&
	       region->end == next->start && a && b && !object_compare(a, b);
}

/*
 * A library takes four or five VMAs, which on a screen are one thing.
 *
 * Return: how many VMAs went into rows with others.
 */
static size_t fold_libraries(struct picture *picture)
{
	size_t rows = 0, folded = 0;

	for (size_t i = 0; i < picture->nr_regions; i++) {
		struct region *region = &picture->regions[i];
		struct region *last = rows ? &picture->regions[rows - 1] : NULL;

		if (!last || !continues(picture, last, region)) {
			picture->regions[rows++] = *region;
			continue;
		}
		folded += last->folded ? 1 : 2;
		last->folded = last->folded ? last->folded + 1 : 2;
		last->end = region->end;
		last->nr_parts = 0;
	}
	picture->nr_regions = rows;
	return folded;
}

/* The page that is no VMA gets a line of its own: its addresses are the widest */
static void put_regions(FILE *out, const struct picture *picture, const struct options *opts)
{
	size_t nr_vmas = picture->model->nr_vmas, folded = 0;
	const struct pmemctl_vma *page = &picture->vsyscall;
	struct picture rows = *picture;
	struct selection selection;

	if (!nr_vmas)
		return;
	rows.nr_regions = nr_vmas;
	rows.regions = malloc(nr_vmas * sizeof(*rows.regions));
	if (rows.regions) {
		memcpy(rows.regions, picture->regions, nr_vmas * sizeof(*rows.regions));
		folded = opts->filter ? 0 : fold_libraries(&rows);
	} else {
		rows.regions = picture->regions;
	}
	selection.count = 0;
	table_add(&table_regions, opts->extended ? table_regions.extended : table_regions.defaults,
		  &selection);
	table_text(out, &table_regions, &selection, &rows, opts);
	if (opts->extended)
		regions_smaps_text(out, &rows, opts);
	if (folded)
		fprintf(out, "%zu VMAs of libraries in %zu rows; 'pmemctl regions %u' shows each\n",
			folded, rows.nr_regions + folded - nr_vmas, picture->model->pid);
	if (rows.regions != picture->regions)
		free(rows.regions);
	if (picture->nr_regions > nr_vmas && !opts->filter)
		fprintf(out, "[vsyscall] %llx-%llx is visible too, and is no VMA\n",
			page->start, page->end);
	fputs("\n", out);
}

static void show_text(FILE *out, const struct picture *picture, const struct options *opts)
{
	process_text(out, picture, opts);
	fputs("\n", out);
	put_regions(out, picture, opts);
	put_table(out, &table_threads, picture, opts);
	fputs("\n", out);
	if (picture->model->witness.nr_orphans) {
		fputs("stacks of no live thread:\n", out);
		put_table(out, &table_orphans, picture, opts);
		fputs("\n", out);
	}
	if (picture->model->nr_sharers) {
		put_table(out, &table_sharers, picture, opts);
		fputs("\n", out);
	}
	put_summary(out, picture, opts);
}

static void show_json(struct json *json, const struct picture *picture,
		      const struct options *opts)
{
	table_json_rows(json, &table_regions, NULL, picture, opts);
	table_json(json, &table_threads, NULL, NULL, picture);
	table_json(json, &table_sharers, NULL, NULL, picture);
	orphans_json(json, picture);
}

const struct view view_show = {
	.prepare = summary_make,
	.filtered = &table_regions,
	.wish = {
		.sections = PMEMCTL_SECTION_ALL, .registers = true, .touched = true,
		.orphans = true, .uses = true,
	},
	.text = show_text,
	.json = show_json,
};
