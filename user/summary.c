// SPDX-License-Identifier: GPL-2.0
#include "summary.h"

#include <stdlib.h>
#include <string.h>

/**
 * struct piece - a region without parts, or a part
 * @region: it
 * @resident: bytes in memory
 * @swapped: bytes in swap
 * @told: smaps has an entry for the VMA
 */
struct piece {
	const struct region *region;
	uint64_t resident;
	uint64_t swapped;
	bool told;
};

/**
 * struct counter - a summary in the making
 * @summary: what is made
 * @total: bytes of address space of all VMAs
 * @last: by kind: the piece counted last; more of the same VMA and thread are one
 * @last_bytes: by kind: what that one has come to
 * @rest: by kind: what is no step of its own
 * @rest_last: by kind: as @last, of those
 * @rest_one: by kind: the only piece of @rest; NULL: there are more
 */
struct counter {
	struct summary *summary;
	uint64_t total;
	const struct region *last[KINDS];
	uint64_t last_bytes[KINDS];
	struct tally rest[KINDS];
	const struct region *rest_last[KINDS];
	const struct region *rest_one[KINDS];
};

static uint64_t bytes_of(const struct region *region)
{
	return region->end - region->start;
}

static bool continues(const struct region *last, const struct region *region)
{
	return last && last->vma == region->vma && last->tid == region->tid;
}

static void add(struct tally *to, const struct tally *more)
{
	to->count += more->count;
	to->reserved += more->reserved;
	to->resident += more->resident;
	to->swapped += more->swapped;
	to->untold += more->untold;
	if (more->largest > to->largest)
		to->largest = more->largest;
}

static void count_piece(struct counter *counter, const struct piece *piece)
{
	const struct region *region = piece->region;
	enum region_kind kind = region->kind;
	uint64_t bytes = bytes_of(region);
	struct summary *summary = counter->summary;
	struct tally tally = {
		.kind = kind, .reserved = bytes, .resident = piece->resident,
		.swapped = piece->swapped, .untold = piece->told ? 0 : bytes,
	};

	tally.count = !continues(counter->last[kind], region);
	if (tally.count)
		counter->last_bytes[kind] = 0;
	counter->last[kind] = region;
	counter->last_bytes[kind] += bytes;
	tally.largest = counter->last_bytes[kind];
	add(&summary->kinds[kind], &tally);
	add(&summary->all, &tally);

	if (bytes >= counter->total / FALL_SHARE + 1 && summary->nr_falls < FALL_SHARE) {
		tally.count = 1;
		tally.largest = bytes;
		summary->falls[summary->nr_falls++] = (struct fall) { tally, region, 0 };
		return;
	}
	tally.count = !continues(counter->rest_last[kind], region);
	counter->rest_one[kind] = counter->rest_last[kind] ? NULL : region;
	counter->rest_last[kind] = region;
	tally.largest = bytes;
	add(&counter->rest[kind], &tally);
}

/* What the page tables say of all parts, if they say it of each */
static bool sum_parts(const struct picture *picture, const struct region *region,
		      struct resident *sum)
{
	*sum = (struct resident) { region->start, region->end, 0, 0, 0 };
	for (size_t i = 0; i < region->nr_parts; i++) {
		const struct region *part = &picture->parts[region->first_part + i];
		const struct resident *resident = resident_of(picture->model, part->start,
							      part->end);

		if (!resident)
			return false;
		sum->least += resident->least;
		sum->most += resident->most;
		sum->swapped += resident->swapped;
	}
	return true;
}

/* Where a VMA's own kind has most of it */
static size_t main_part(const struct picture *picture, const struct region *region)
{
	const struct region *parts = &picture->parts[region->first_part];
	size_t found = 0;

	for (size_t i = 1; i < region->nr_parts; i++) {
		bool is = parts[i].kind == region->kind, was = parts[found].kind == region->kind;

		if (is > was || (is == was && bytes_of(&parts[i]) > bytes_of(&parts[found])))
			found = i;
	}
	return found;
}

/*
 * A VMA of several uses. Its pages are known by part where the page tables leave no
 * doubt, or where all the doubtful ones, or none of them, make up what smaps says.
 */
static void count_parts(struct counter *counter, const struct picture *picture,
			const struct region *region, const struct smap *smap)
{
	uint64_t rss = smap ? smap->bytes[SMAPS_RSS] : 0;
	uint64_t swap = smap ? smap->bytes[SMAPS_SWAP] : 0;
	bool split, split_swap, most;
	struct resident sum;
	size_t whole;

	split = sum_parts(picture, region, &sum);
	split_swap = split && sum.swapped == swap;
	most = sum.least == sum.most || sum.most == rss;
	split = split && (most || sum.least == rss);
	whole = main_part(picture, region);
	for (size_t i = 0; i < region->nr_parts; i++) {
		const struct region *part = &picture->parts[region->first_part + i];
		const struct resident *is = resident_of(picture->model, part->start, part->end);
		struct piece piece = { .region = part, .told = smap };

		if (smap && split)
			piece.resident = most ? is->most : is->least;
		else if (i == whole)
			piece.resident = rss;
		if (smap && split_swap)
			piece.swapped = is->swapped;
		else if (i == whole)
			piece.swapped = swap;
		count_piece(counter, &piece);
	}
	counter->summary->unsplit += (split ? 0 : rss) + (split_swap ? 0 : swap);
}

static void count_region(struct counter *counter, const struct picture *picture,
			 const struct region *region)
{
	const struct smap *smap = smaps_of(picture->model, region->vma);
	struct summary *summary = counter->summary;
	struct piece piece = { .region = region, .told = smap };

	if (smap) {
		piece.resident = smap->bytes[SMAPS_RSS];
		piece.swapped = smap->bytes[SMAPS_SWAP];
		summary->pss += smap->bytes[SMAPS_PSS];
		summary->hugetlb += smap->bytes[SMAPS_HUGETLB];
	}
	summary->changed += !smap && summary->told;
	if (region->nr_parts)
		count_parts(counter, picture, region, smap);
	else
		count_piece(counter, &piece);
}

static int by_reserved(const struct tally *a, const struct tally *b)
{
	if (a->reserved != b->reserved)
		return a->reserved > b->reserved ? -1 : 1;
	return (int)a->kind - (int)b->kind;
}

static int compare_tallies(const void *a, const void *b)
{
	return by_reserved(a, b);
}

static int compare_falls(const void *a, const void *b)
{
	const struct fall *x = a, *y = b;
	int way = by_reserved(&x->tally, &y->tally);

	if (way || !x->region || !y->region)
		return way ? way : !x->region - !y->region;
	return x->region->start < y->region->start ? -1 : 1;
}

static void sort_kinds(struct summary *summary)
{
	qsort(summary->kinds, KINDS, sizeof(summary->kinds[0]), compare_tallies);
	summary->nr_kinds = 0;
	while (summary->nr_kinds < KINDS && summary->kinds[summary->nr_kinds].count)
		summary->nr_kinds++;
}

static void finish_falls(struct counter *counter)
{
	struct summary *summary = counter->summary;
	uint64_t so_far = 0;

	for (size_t i = 0; i < KINDS; i++) {
		counter->rest[i].kind = i;
		if (counter->rest[i].reserved)
			summary->falls[summary->nr_falls++] = (struct fall) {
				counter->rest[i], counter->rest_one[i], 0
			};
	}
	qsort(summary->falls, summary->nr_falls, sizeof(summary->falls[0]), compare_falls);
	for (size_t i = 0; i < summary->nr_falls; i++) {
		so_far += summary->falls[i].tally.reserved;
		summary->falls[i].so_far = so_far;
	}
}

int summary_make(struct picture *picture)
{
	struct summary *summary = calloc(1, sizeof(*summary));
	struct counter counter = { .summary = summary };
	size_t nr_vmas = picture->model->nr_vmas;

	picture->summary = summary;
	if (!summary)
		return -1;
	summary->told = picture->model->witness.smaps.read;
	summary->error = picture->model->witness.smaps.error;
	for (size_t i = 0; i < KINDS; i++)
		summary->kinds[i].kind = i;
	for (size_t i = 0; i < nr_vmas; i++)
		counter.total += bytes_of(&picture->regions[i]);
	for (size_t i = 0; i < nr_vmas; i++)
		count_region(&counter, picture, &picture->regions[i]);
	sort_kinds(summary);
	finish_falls(&counter);
	return 0;
}

void summary_add(struct summary *sum, const struct summary *summary)
{
	bool first = !sum->all.count;
	struct tally kinds[KINDS] = { 0 };

	for (size_t i = 0; i < KINDS; i++) {
		add(&kinds[summary->kinds[i].kind], &summary->kinds[i]);
		if (!first)
			add(&kinds[sum->kinds[i].kind], &sum->kinds[i]);
	}
	for (size_t i = 0; i < KINDS; i++)
		kinds[i].kind = i;
	memcpy(sum->kinds, kinds, sizeof(kinds));
	sort_kinds(sum);
	add(&sum->all, &summary->all);
	sum->pss += summary->pss;
	sum->hugetlb += summary->hugetlb;
	sum->unsplit += summary->unsplit;
	sum->changed += summary->changed;
	sum->told = summary->told && (first || sum->told);
	if (!summary->told)
		sum->error = summary->error;
}
