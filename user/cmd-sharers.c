// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl sharers: who else uses the address space, or maps the same files.
 */
#include "files.h"
#include "process.h"
#include "table.h"

static const struct word relation_words[] = {
	{ PMEMCTL_RELATION_CLONE_VM, "clone-vm" },
	{ PMEMCTL_RELATION_VFORK_CHILD, "vfork-child" },
	{ PMEMCTL_RELATION_VFORK_PARENT, "vfork-parent" },
	{ PMEMCTL_RELATION_KTHREAD, "kthread" },
	{ 0, NULL }
};

static const struct word relation_meanings[] = {
	{ PMEMCTL_RELATION_CLONE_VM, "process made by clone(CLONE_VM)" },
	{ PMEMCTL_RELATION_VFORK_CHILD, "vfork child: its parent waits for it to exec or exit" },
	{ PMEMCTL_RELATION_VFORK_PARENT, "vfork parent: waits for this process to exec or exit" },
	{ PMEMCTL_RELATION_KTHREAD, "kernel thread that works in this mm" },
	{ 0, NULL }
};

static void get_pid(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, ((const struct pmemctl_sharer *)row)->pid);
}

static void get_comm(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_string(cell, ((const struct pmemctl_sharer *)row)->comm);
}

static void get_relation(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_sharer *sharer = row;

	cell_string(cell, word_find(relation_words, sharer->relation, "unknown"));
}

static void get_tasks(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, ((const struct pmemctl_sharer *)row)->tasks);
}

static void get_meaning(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_sharer *sharer = row;

	cell_string(cell, word_find(relation_meanings, sharer->relation, "unknown"));
}

static const struct column columns[] = {
	{ "PID", TYPE_NUMBER, 0, "its process id", get_pid },
	{ "COMM", TYPE_STRING, 0, "its name", get_comm },
	{ "RELATION", TYPE_STRING, 0, "clone-vm, vfork-child, vfork-parent or kthread",
	  get_relation },
	{ "TASKS", TYPE_NUMBER, 0, "how many of its threads use the mm", get_tasks },
	{ "MEANING", TYPE_STRING, COLUMN_TEXT, "RELATION in words", get_meaning },
};

static size_t count_sharers(const struct picture *picture)
{
	return picture->model->nr_sharers;
}

static const void *sharer_at(const struct picture *picture, size_t i)
{
	return &picture->model->sharers[i];
}

const struct table table_sharers = {
	.name = "sharers",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "PID,COMM,TASKS,MEANING",
	.count = count_sharers,
	.row = sharer_at,
};

/* Says so when there are none, and what cannot be listed */
static void sharers_text(FILE *out, const struct picture *picture, const struct options *opts)
{
	const struct model *model = picture->model;

	if (opts->table != &table_sharers)
		return;
	fprintf(out, "mm %016llx: ", (unsigned long long)model->mm[PMEMCTL_MM_ID]);
	process_sharers_text(out, model);
}

static void sharers_after(FILE *out, const struct picture *picture, const struct options *opts)
{
	const struct files *files = picture->files;

	if (!files || opts->chosen)
		return;
	if (opts->table != &table_files) {
		fputs("\n", out);
		files_text(out, picture, opts);
	} else if (!files->count) {
		files_text(out, picture, opts);
	} else {
		others_text(out, &files->others);
	}
}

static void sharers_json(struct json *json, const struct picture *picture,
			 const struct options *opts)
{
	if (opts->table == &table_sharers)
		files_json(json, picture);
	else if (picture && picture->files)
		others_json(json, &picture->files->others);
	else
		json_null(json, "looked_at");
}

const struct view view_sharers = {
	.wish.sections = PMEMCTL_SECTION_SHARERS,
	.text = sharers_text,
	.after = sharers_after,
	.json_after = sharers_json,
};
