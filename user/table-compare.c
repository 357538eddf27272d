// SPDX-License-Identifier: GPL-2.0
/*
 * The table of pmemctl compare.
 */
#include "compare.h"
#include "table.h"

#include <stddef.h>

static const struct comparison *comparison_of(const struct picture *picture)
{
	return (const void *)((const char *)picture - offsetof(struct comparison, shown));
}

/* A row is a kind: one of A's tallies, at whose place among B's is B's */
static size_t kind_of(const struct picture *picture, const void *row)
{
	return (const struct tally *)row - comparison_of(picture)->side[0].tallies;
}

static void get_kind(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_string(cell, kind_name(kind_of(picture, row)));
}

enum known { KNOWN, KNOWN_COUNTED, KNOWN_FRAMES, KNOWN_KSM, KNOWN_UNTOLD };

static bool is_known(const struct comparison *comparison, enum known known)
{
	switch (known) {
	case KNOWN:
		return true;
	case KNOWN_COUNTED:
		return comparison->counted;
	case KNOWN_FRAMES:
		return comparison->counted && comparison->frames;
	case KNOWN_KSM:
		return comparison->counted && comparison->ksm;
	case KNOWN_UNTOLD:
		return comparison->counted && !comparison->frames;
	}
	return false;
}

/* A column that is one field of A's tally (0) or of B's (1) */
#define FIELD(name, side_number, field, known) \
static void get_##name(const struct picture *picture, const void *row, struct cell *cell) \
{ \
	const struct comparison *comparison = comparison_of(picture); \
	const struct tally *tally = \
		&comparison->side[side_number].tallies[kind_of(picture, row)]; \
	\
	if (is_known(comparison, known)) \
		cell_number(cell, tally->field); \
}

FIELD(size_a, 0, size, KNOWN)
FIELD(size_b, 1, size, KNOWN)
FIELD(ranges, 0, ranges, KNOWN)
FIELD(files, 0, files, KNOWN)
FIELD(rss_a, 0, resident, KNOWN_COUNTED)
FIELD(rss_b, 1, resident, KNOWN_COUNTED)
FIELD(swap_a, 0, swapped, KNOWN_COUNTED)
FIELD(swap_b, 1, swapped, KNOWN_COUNTED)
FIELD(same_a, 0, same, KNOWN_FRAMES)
FIELD(same_b, 1, same, KNOWN_FRAMES)
FIELD(shared, 0, shared, KNOWN_COUNTED)
FIELD(cow, 0, cow, KNOWN_FRAMES)
FIELD(ksm, 0, ksm, KNOWN_KSM)
FIELD(differ, 0, differ, KNOWN_FRAMES)
FIELD(only_a, 0, only, KNOWN_FRAMES)
FIELD(only_b, 1, only, KNOWN_FRAMES)
FIELD(may_a, 0, may, KNOWN_UNTOLD)
FIELD(may_b, 1, may, KNOWN_UNTOLD)

static const struct column columns[] = {
	{ "KIND", TYPE_STRING, 0, "what it is; see 'pmemctl help regions'", get_kind },
	{ "SIZE_A", TYPE_SIZE, 0, "bytes of address space in A", get_size_a },
	{ "SIZE_B", TYPE_SIZE, 0, "bytes of address space in B", get_size_b },
	{ "RANGES", TYPE_SIZE, 0, "of SIZE_A: in B the same is at the same addresses", get_ranges },
	{ "FILES", TYPE_NUMBER, 0, "files of A's that B maps, too, anywhere", get_files },
	{ "RSS_A", TYPE_SIZE, 0, "pages that are present in A", get_rss_a },
	{ "RSS_B", TYPE_SIZE, 0, "pages that are present in B", get_rss_b },
	{ "SAME_A", TYPE_SIZE, 0, "of RSS_A: the same physical pages as in B", get_same_a },
	{ "SAME_B", TYPE_SIZE, 0, "of RSS_B: the same physical pages as in A", get_same_b },
	{ "SHARED", TYPE_SIZE, 0, "of SAME_A: of files and shared memory", get_shared },
	{ "COW", TYPE_SIZE, 0, "of SAME_A: anonymous, not copied since fork", get_cow },
	{ "KSM", TYPE_SIZE, 0, "of SAME_A: anonymous, merged by KSM", get_ksm },
	{ "DIFFER", TYPE_SIZE, 0, "of RSS_A: another page than B's at the same place", get_differ },
	{ "ONLY_A", TYPE_SIZE, 0, "of RSS_A: B has no page there", get_only_a },
	{ "ONLY_B", TYPE_SIZE, 0, "of RSS_B: A has no page there", get_only_b },
	{ "SWAP_A", TYPE_SIZE, 0, "pages of A that are swapped out", get_swap_a },
	{ "SWAP_B", TYPE_SIZE, 0, "pages of B that are swapped out", get_swap_b },
	{ "MAY_A", TYPE_SIZE, 0, "where SAME_A is not told: the most it can be besides SHARED",
	  get_may_a },
	{ "MAY_B", TYPE_SIZE, 0, "the same of B", get_may_b },
};

/* Kinds that neither has are no rows */
static const void *find_row(const struct picture *picture, size_t i, size_t *count)
{
	const struct comparison *comparison = comparison_of(picture);

	*count = 0;
	for (int kind = 0; kind < KINDS; kind++) {
		if (!comparison->side[0].tallies[kind].size && !comparison->side[1].tallies[kind].size)
			continue;
		if ((*count)++ == i)
			return &comparison->side[0].tallies[kind];
	}
	return NULL;
}

static size_t count_rows(const struct picture *picture)
{
	size_t count;

	find_row(picture, SIZE_MAX, &count);
	return count;
}

static const void *row_at(const struct picture *picture, size_t i)
{
	size_t count;

	return find_row(picture, i, &count);
}

#define RANGE_COLUMNS "KIND,SIZE_A,SIZE_B,RANGES,FILES"
#define FRAME_COLUMNS "KIND,SIZE_A,SIZE_B,RANGES,RSS_A,RSS_B,SHARED,COW,DIFFER,ONLY_A,ONLY_B"
#define MERGED_COLUMNS \
	"KIND,SIZE_A,SIZE_B,RANGES,RSS_A,RSS_B,SHARED,COW,KSM,DIFFER,ONLY_A,ONLY_B"
#define BOUND_COLUMNS "KIND,SIZE_A,SIZE_B,RANGES,FILES,RSS_A,RSS_B,SHARED,MAY_A"

const struct table table_compare = {
	.name = "kinds",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = FRAME_COLUMNS,
	.kind = region_kind_at,
	.count = count_rows,
	.row = row_at,
};

/* What there is nothing to show in is left out, unless scripts rely on it */
const struct selection *compare_columns(const struct comparison *comparison,
					const struct options *opts, struct selection *selection)
{
	bool merged = comparison->side[0].all.ksm || comparison->side[1].all.ksm;

	if (opts->chosen || opts->raw)
		return opts->columns;
	table_select(&table_compare, !comparison->counted ? RANGE_COLUMNS :
		     !comparison->frames ? BOUND_COLUMNS :
		     merged ? MERGED_COLUMNS : FRAME_COLUMNS, selection);
	return selection;
}
