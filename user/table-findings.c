// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl threads --lint: the risks that were found.
 */
#include "lint.h"
#include "table.h"

static void get_tid(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct finding *finding = row;

	cell_number(cell, finding->thread->tid);
}

static void get_comm(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct finding *finding = row;

	cell_string(cell, finding->thread->comm);
}

static void get_risk(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct finding *finding = row;

	cell_string(cell, risk_name(finding->risk));
	cell->paint = PAINT_GUARD;
}

static void get_evidence(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct finding *finding = row;

	cell_string(cell, finding->evidence);
}

static const struct column columns[] = {
	{ "TID", TYPE_NUMBER, 0, "the thread's id", get_tid },
	{ "COMM", TYPE_STRING, 0, "its name", get_comm },
	{ "RISK", TYPE_STRING, 0, "what is risky about its stack", get_risk },
	{ "EVIDENCE", TYPE_STRING, 0, "what that rests on", get_evidence },
};

static size_t count_findings(const struct picture *picture)
{
	return picture->nr_findings;
}

static const void *finding_at(const struct picture *picture, size_t i)
{
	return &picture->findings[i];
}

const struct table table_findings = {
	.name = "findings",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "TID,COMM,RISK,EVIDENCE",
	.count = count_findings,
	.row = finding_at,
};
