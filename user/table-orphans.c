// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl threads --orphans: stacks that no live thread uses.
 */
#include "table.h"

#include <inttypes.h>

/* A column that is one field of the row */
#define FIELD(name, set, value) \
static void get_##name(const struct picture *picture, const void *row, struct cell *cell) \
{ \
	const struct orphan *orphan = row; \
	\
	set(cell, value); \
}

FIELD(start, cell_number, orphan->own.start)
FIELD(end, cell_number, orphan->own.end)
FIELD(size, cell_number, orphan->own.end - orphan->own.start)
FIELD(guard_start, cell_nonzero, orphan->guard.start)
FIELD(guard_size, cell_nonzero, orphan->guard.end - orphan->guard.start)
FIELD(resident, cell_number, orphan->resident)

static void get_guard(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct orphan *orphan = row;

	cell_string(cell, guard_kind_name(!orphan->guard.end ? GUARD_NONE :
					  orphan->marker ? GUARD_MARKER : GUARD_VMA));
}

static void get_range(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct orphan *orphan = row;

	snprintf(cell->buf, sizeof(cell->buf), "%08" PRIx64 "-%08" PRIx64, orphan->own.start,
		 orphan->own.end);
	cell_string(cell, cell->buf);
}

static void get_why(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct orphan *orphan = row;

	snprintf(cell->buf, sizeof(cell->buf), "descriptor of no live thread at %"
		 PRIx64, orphan->descriptor);
	cell_string(cell, cell->buf);
}

static const struct column columns[] = {
	{ "START", TYPE_ADDRESS, 0, "lowest address", get_start },
	{ "END", TYPE_ADDRESS, 0, "first address above it", get_end },
	{ "SIZE", TYPE_SIZE, 0, "bytes of address space between them", get_size },
	{ "RESIDENT", TYPE_SIZE, 0, "bytes of it in memory", get_resident },
	{ "GUARD", TYPE_STRING, 0, "what stops an overflow: vma, marker, none", get_guard },
	{ "GUARD_START", TYPE_ADDRESS, 0, "lowest address of the guard", get_guard_start },
	{ "GUARD_SIZE", TYPE_SIZE, 0, "its size", get_guard_size },
	{ "WHY", TYPE_STRING, 0, "what it is told from", get_why },
	{ "RANGE", TYPE_STRING, COLUMN_TEXT, "START and END", get_range },
};

static size_t count_orphans(const struct picture *picture)
{
	return picture->model->witness.nr_orphans;
}

static const void *orphan_at(const struct picture *picture, size_t i)
{
	return &picture->model->witness.orphans[i];
}

const struct table table_orphans = {
	.name = "orphans",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "RANGE,SIZE,RESIDENT,GUARD,WHY",
	.count = count_orphans,
	.row = orphan_at,
};

bool orphans_told(const struct model *model)
{
	return model->witness.orphans_known || !model->has_mm;
}

void orphans_json(struct json *json, const struct picture *picture)
{
	if (picture && !orphans_told(picture->model))
		json_null(json, table_orphans.name);
	else
		table_json(json, &table_orphans, NULL, NULL, picture);
}
