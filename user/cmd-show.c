// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl show: everything about a process in one answer.
 */
#include "process.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct tally {
	enum region_kind kind;
	uint64_t count;
	uint64_t bytes;
	/* the piece counted last: more pieces of the same are one */
	const struct pmemctl_vma *vma;
	uint32_t tid;
};

static void count_piece(struct tally *tallies, const struct region *piece)
{
	struct tally *tally = &tallies[piece->kind];

	tally->bytes += piece->end - piece->start;
	if (tally->vma == piece->vma && tally->tid == piece->tid)
		return;
	tally->count++;
	tally->vma = piece->vma;
	tally->tid = piece->tid;
}

static int by_bytes(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

static void put_summary(FILE *out, const struct picture *picture, const struct options *opts)
{
	struct tally tallies[KINDS] = { 0 };
	uint64_t total = 0;
	char size[24];

	for (size_t i = 0; i < KINDS; i++)
		tallies[i].kind = i;
	for (size_t i = 0; i < picture->nr_regions; i++) {
		const struct region *region = &picture->regions[i];

		if (region->kind == KIND_VSYSCALL)
			continue;
		total += region->end - region->start;
		if (!region->nr_parts)
			count_piece(tallies, region);
		for (size_t k = 0; k < region->nr_parts; k++)
			count_piece(tallies, &picture->parts[region->first_part + k]);
	}
	qsort(tallies, KINDS, sizeof(*tallies), by_bytes);
	fprintf(out, "%s%-12s %6s %6s%s\n", opts->colour ? paint_sequence(PAINT_HEAD) : "",
		"KIND", "COUNT", "SIZE", opts->colour ? "\033[0m" : "");
	for (size_t i = 0; i < KINDS && tallies[i].count; i++)
		fprintf(out, "%-12s %6llu %6s\n", kind_name(tallies[i].kind),
			(unsigned long long)tallies[i].count,
			size_text(size, tallies[i].bytes, opts->bytes));
	fprintf(out, "%-12s %6zu %6s\n", "all VMAs", picture->model->nr_vmas,
		size_text(size, total, opts->bytes));
}

static void put_table(FILE *out, const struct table *table, const struct picture *picture,
		      const struct options *opts)
{
	struct selection selection;

	table_select(table, NULL, &selection);
	table_text(out, table, &selection, picture, opts);
}

static bool continues(const struct picture *picture, const struct region *region,
		      const struct region *next)
{
	const struct pmemctl_object *a = model_object(picture->model, region->vma->file);
	const struct pmemctl_object *b = model_object(picture->model, next->vma->file);

	return region->kind == KIND_LIBRARY && next->kind == KIND_LIBRARY &&
	       region->end == next->start && a->ino == b->ino &&
	       a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
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

	if (!nr_vmas)
		return;
	rows.nr_regions = nr_vmas;
	rows.regions = malloc(nr_vmas * sizeof(*rows.regions));
	if (rows.regions) {
		memcpy(rows.regions, picture->regions, nr_vmas * sizeof(*rows.regions));
		folded = fold_libraries(&rows);
	} else {
		rows.regions = picture->regions;
	}
	put_table(out, &table_regions, &rows, opts);
	if (folded)
		fprintf(out, "%zu VMAs of libraries in %zu rows; 'pmemctl regions %u' shows each\n",
			folded, rows.nr_regions + folded - nr_vmas, picture->model->pid);
	if (rows.regions != picture->regions)
		free(rows.regions);
	if (picture->nr_regions > nr_vmas)
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
	table_json(json, &table_regions, NULL, NULL, picture);
	table_json(json, &table_threads, NULL, NULL, picture);
	table_json(json, &table_sharers, NULL, NULL, picture);
	orphans_json(json, picture);
}

const struct view view_show = {
	.wish = {
		.sections = PMEMCTL_SECTION_ALL, .registers = true, .touched = true,
		.orphans = true,
	},
	.text = show_text,
	.json = show_json,
};
