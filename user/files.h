/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files and the shared memory of a process, and who else maps them.
 */
#ifndef FILES_H
#define FILES_H

#include "json.h"
#include "others.h"
#include "picture.h"
#include "pmemctl.h"

/** Marks a mapping of the process itself: struct mapping.other */
#define MAPPING_OWN SIZE_MAX

/**
 * struct mapping - a VMA of a file
 * @file: index of the file
 * @other: index of whose VMA it is, or MAPPING_OWN
 * @start: first address
 * @end: first address behind it
 * @offset: bytes into the file at @start
 * @flags: PMEMCTL_VMA_* bits
 */
struct mapping {
	size_t file;
	size_t other;
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t flags;
};

/**
 * struct shared_file - a file of the process that others map, too
 * @object: the file
 * @name: as /proc/PID/maps has it; NULL: not known
 * @kind: what it is to the process: the kind of its code, if code of it is mapped
 * @own: the process' VMA of it; of several the first
 * @nr_own: how many VMAs of it the process has
 * @written: one of them maps it so that its writes reach the others
 * @first: index of the first mapping by others
 * @nr_others: how many there are
 * @processes: of how many processes they are
 */
struct shared_file {
	const struct pmemctl_object *object;
	const char *name;
	enum region_kind kind;
	struct mapping own;
	size_t nr_own;
	bool written;
	size_t first;
	size_t nr_others;
	uint32_t processes;
};

/**
 * struct files - all of that
 * @others: the pass over the machine
 * @list: files that others map, those that are written first
 * @count: how many
 * @nr_written: how many of them are written
 * @mappings: those by others, by file, process and address
 */
struct files {
	struct others others;
	struct shared_file *list;
	size_t count;
	size_t nr_written;
	struct mapping *mappings;

	/* private */
	struct file_key *keys;
	size_t nr_keys;
	size_t nr_mappings;
	size_t room;
	uint32_t pid;
};

/**
 * files_look() - go over the machine for those that map the files of a process
 * @files: filled in; to be released with files_free() always
 * @client: the connection
 * @picture: the process, with its VMAs; must outlive @files
 *
 * What is compared is the device and the inode number. A System V segment has its
 * id for one: there the IPC namespace must be the same, too.
 *
 * Return: 0, or -1 if there is no memory.
 */
int files_look(struct files *files, struct client *client, const struct picture *picture);

/** files_free() - releases what files_look() took; it is then empty */
void files_free(struct files *files);

/**
 * files_text() - write who else maps the files: all of those that are written, and
 * how many read the others
 * @out: where to
 * @picture: with its files
 * @opts: how
 */
void files_text(FILE *out, const struct picture *picture, const struct options *opts);

/**
 * files_json() - write "files" and, of the pass, "looked_at"
 * @json: where to
 * @picture: with its files, or without: then they are empty and null
 */
void files_json(struct json *json, const struct picture *picture);

#endif
