// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl sharers --files: who else maps the files of a process.
 */
#include "files.h"
#include "table.h"

#include <inttypes.h>

static const struct shared_file *file_of(const struct picture *picture, const void *row)
{
	return &picture->files->list[((const struct mapping *)row)->file];
}

/* NULL: the row is the file's, which is the process' own */
static const struct other *other_of(const struct picture *picture, const void *row)
{
	const struct mapping *mapping = row;

	return mapping->other == MAPPING_OWN ? NULL :
	       &picture->files->others.list[mapping->other];
}

/* A file's row tells a range only where the process has it in one piece */
static bool has_range(const struct picture *picture, const void *row)
{
	return other_of(picture, row) || file_of(picture, row)->nr_own == 1;
}

static void get_file(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct shared_file *file = file_of(picture, row);

	if (other_of(picture, row))
		return;
	cell_string(cell, file->name);
	if (!file->name)
		cell->string = "(path unknown)";
}

static void get_kind(const struct picture *picture, const void *row, struct cell *cell)
{
	if (!other_of(picture, row))
		cell_string(cell, kind_name(file_of(picture, row)->kind));
}

static void get_written(const struct picture *picture, const void *row, struct cell *cell)
{
	if (!other_of(picture, row))
		cell_number(cell, file_of(picture, row)->written);
}

static void get_dev(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_object *object = file_of(picture, row)->object;

	if (other_of(picture, row))
		return;
	snprintf(cell->buf, sizeof(cell->buf), "%02x:%02x", object->dev_major,
		 object->dev_minor);
	cell_string(cell, cell->buf);
}

static void get_inode(const struct picture *picture, const void *row, struct cell *cell)
{
	if (!other_of(picture, row))
		cell_number(cell, file_of(picture, row)->object->ino);
}

static void get_vmas(const struct picture *picture, const void *row, struct cell *cell)
{
	if (!other_of(picture, row))
		cell_number(cell, file_of(picture, row)->nr_own);
}

static void get_processes(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct other *other = other_of(picture, row);

	cell_number(cell, other ? other->processes : file_of(picture, row)->processes);
}

static void get_pid(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct other *other = other_of(picture, row);

	cell_number(cell, other ? other->pid : picture->model->pid);
}

static void get_comm(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct other *other = other_of(picture, row);

	cell_string(cell, other ? other->comm : picture->model->comm);
}

static void get_start(const struct picture *picture, const void *row, struct cell *cell)
{
	if (has_range(picture, row))
		cell_number(cell, ((const struct mapping *)row)->start);
}

static void get_end(const struct picture *picture, const void *row, struct cell *cell)
{
	if (has_range(picture, row))
		cell_number(cell, ((const struct mapping *)row)->end);
}

static void get_offset(const struct picture *picture, const void *row, struct cell *cell)
{
	if (has_range(picture, row))
		cell_number(cell, ((const struct mapping *)row)->offset);
}

static void get_perms(const struct picture *picture, const void *row, struct cell *cell)
{
	uint64_t flags = ((const struct mapping *)row)->flags;

	if (!has_range(picture, row))
		return;
	cell_string(cell, perms_text(cell->buf, flags));
}

static void get_range(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct mapping *mapping = row;

	if (has_range(picture, row)) {
		snprintf(cell->buf, sizeof(cell->buf), "%08" PRIx64 "-%08" PRIx64,
			 mapping->start, mapping->end);
		cell_string(cell, cell->buf);
	} else {
		snprintf(cell->buf, sizeof(cell->buf), "%zu VMAs",
			 file_of(picture, row)->nr_own);
		cell->string = cell->buf;
	}
}

static const struct column columns[] = {
	{ "FILE", TYPE_STRING, COLUMN_BLANK, "file, or the kernel's name for memory",
	  get_file },
	{ "KIND", TYPE_STRING, COLUMN_BLANK, "what it is to the process, see regions", get_kind },
	{ "WRITTEN", TYPE_BOOL, COLUMN_BLANK, "mapped writable and shared by somebody", get_written },
	{ "DEV", TYPE_STRING, COLUMN_BLANK, "device of the file, major:minor in hex", get_dev },
	{ "INODE", TYPE_NUMBER, COLUMN_BLANK, "inode number of the file", get_inode },
	{ "VMAS", TYPE_NUMBER, COLUMN_BLANK, "how many the process itself has of it", get_vmas },
	{ "PROCESSES", TYPE_NUMBER, 0, "how many others map it; of a sharer: have its mm",
	  get_processes },
	{ "START", TYPE_ADDRESS, 0, "first address", get_start },
	{ "END", TYPE_ADDRESS, 0, "first address behind it", get_end },
	{ "OFFSET", TYPE_ADDRESS, 0, "bytes into the file at START", get_offset },
	{ "PERMS", TYPE_STRING, COLUMN_BLANK, "read, write, execute; private or shared",
	  get_perms },
	{ "PID", TYPE_NUMBER, COLUMN_TEXT, "whose mapping", get_pid },
	{ "COMM", TYPE_STRING, COLUMN_TEXT | COLUMN_TREE, "its name", get_comm },
	{ "RANGE", TYPE_STRING, COLUMN_TEXT, "START and END as in /proc/PID/maps", get_range },
};

static const struct column sharer_columns[] = {
	{ "PID", TYPE_NUMBER, 0, NULL, get_pid },
	{ "COMM", TYPE_STRING, 0, NULL, get_comm },
	{ "PROCESSES", TYPE_NUMBER, 0, NULL, get_processes },
	{ "START", TYPE_ADDRESS, 0, NULL, get_start },
	{ "END", TYPE_ADDRESS, 0, NULL, get_end },
	{ "OFFSET", TYPE_ADDRESS, 0, NULL, get_offset },
	{ "PERMS", TYPE_STRING, 0, NULL, get_perms },
};

static const struct table table_mappings = {
	.name = "sharers",
	.columns = sharer_columns,
	.nr_columns = ARRAY_SIZE(sharer_columns),
};

static size_t count_files(const struct picture *picture)
{
	return picture->files ? picture->files->count : 0;
}

static const void *file_at(const struct picture *picture, size_t i)
{
	return &picture->files->list[i].own;
}

static size_t count_sharers(const struct picture *picture, const void *row)
{
	return file_of(picture, row)->nr_others;
}

static const void *sharer_at(const struct picture *picture, const void *row, size_t i)
{
	return &picture->files->mappings[file_of(picture, row)->first + i];
}

const struct table table_files = {
	.name = "files",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "RANGE,PERMS,PID,COMM,KIND,FILE",
	.count = count_files,
	.row = file_at,
	.nr_parts = count_sharers,
	.part = sharer_at,
	.parts = &table_mappings,
	.nested = true,
};

static size_t count_written(const struct picture *picture)
{
	return picture->files->nr_written;
}

/* Those that are written, as table_files */
static const struct table table_written = {
	.name = "written",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "RANGE,PERMS,PID,COMM,KIND,FILE",
	.count = count_written,
	.row = file_at,
	.nr_parts = count_sharers,
	.part = sharer_at,
	.parts = &table_mappings,
};

static size_t count_read(const struct picture *picture)
{
	return picture->files->count - picture->files->nr_written;
}

static const void *read_at(const struct picture *picture, size_t i)
{
	return file_at(picture, picture->files->nr_written + i);
}

/* The others, as numbers: most processes have the same libraries */
static const struct table table_read = {
	.name = "read",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "PROCESSES,KIND,FILE",
	.count = count_read,
	.row = read_at,
};

static void put_table(FILE *out, const struct table *table, const struct picture *picture,
		      const struct options *opts)
{
	struct options plain = *opts;
	struct selection selection;

	plain.sorting = NULL;
	table_select(table, NULL, &selection);
	table_text(out, table, &selection, picture, &plain);
}

void files_text(FILE *out, const struct picture *picture, const struct options *opts)
{
	const struct files *files = picture->files;

	if (!files->count)
		fputs("no other process that was looked at maps a file or shared memory of it\n",
		      out);
	if (files->nr_written) {
		fputs("memory that others see written:\n", out);
		put_table(out, &table_written, picture, opts);
	}
	if (files->nr_written && count_read(picture))
		fputs("\n", out);
	if (count_read(picture)) {
		fprintf(out, "files that others read, too; 'pmemctl sharers --files %u' shows who:\n",
			picture->model->pid);
		put_table(out, &table_read, picture, opts);
	}
	others_text(out, &files->others);
}

void files_json(struct json *json, const struct picture *picture)
{
	const struct files *files = picture ? picture->files : NULL;

	table_json(json, &table_files, NULL, NULL, files ? picture : NULL);
	if (!files) {
		json_null(json, "looked_at");
		return;
	}
	others_json(json, &files->others);
}
