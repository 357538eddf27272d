// SPDX-License-Identifier: GPL-2.0
/*
 * The files that VMAs map and the names that the kernel gives them, each once.
 * They are gathered under the target's mmap_lock, where only a reference is
 * taken, and turned into paths after it was dropped.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/kdev_t.h>
#include <linux/log2.h>
#include <linux/path.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "internal.h"

/* A path longer than this is reported as unknown */
#define PATH_BUFFER_MAX	SZ_64K

static const char deleted_suffix[] = " (deleted)";

/* What a row stands for; the address tells one from another */
struct object_key {
	const void *key;
	struct file *file;	/* holds a reference until it is resolved */
};

/**
 * pmemctl_objects_reserve - make room for objects and their strings
 * @objects: what is gathered; empty, or with nothing but resolved objects
 * @budget: what the memory is charged to
 * @rows: objects that must fit
 * @strings: bytes of names that must fit
 *
 * Sleeps. Return: 0, -EFBIG over the budget, -ENOMEM.
 */
int pmemctl_objects_reserve(struct pmemctl_objects *objects,
			    struct pmemctl_budget *budget, size_t rows,
			    size_t strings)
{
	int ret;

	objects->rows.row_size = sizeof(struct pmemctl_object);
	objects->keys.row_size = sizeof(struct object_key);
	objects->slots.row_size = sizeof(u32);
	objects->strings.row_size = 1;

	ret = pmemctl_table_reserve(&objects->rows, budget, rows);
	if (ret)
		return ret;
	ret = pmemctl_table_reserve(&objects->keys, budget, objects->rows.capacity);
	if (ret)
		return ret;
	ret = pmemctl_table_reserve(&objects->slots, budget,
				    roundup_pow_of_two(2 * objects->rows.capacity));
	if (ret)
		return ret;
	ret = pmemctl_table_reserve(&objects->strings, budget, strings);
	if (ret)
		return ret;

	pmemctl_objects_reset(objects);
	return 0;
}

static void put_files(struct pmemctl_objects *objects)
{
	struct object_key *keys = objects->keys.rows;
	u32 i;

	for (i = 0; i < objects->keys.count; i++)
		if (keys[i].file)
			fput(keys[i].file);
	objects->keys.count = 0;
}

/**
 * pmemctl_objects_reset - forget what was gathered, keep the memory
 * @objects: what was gathered
 */
void pmemctl_objects_reset(struct pmemctl_objects *objects)
{
	put_files(objects);
	objects->rows.count = 0;
	objects->strings.count = 0;
	objects->last_key = NULL;
	objects->full = false;
	memset(objects->slots.rows, 0,
	       (size_t)objects->slots.capacity * objects->slots.row_size);
}

/* The row of @key, or the free slot where its number belongs (*number is 0) */
static u32 *find_slot(struct pmemctl_objects *objects, const void *key)
{
	const struct object_key *keys = objects->keys.rows;
	u32 *slots = objects->slots.rows;
	u32 mask = objects->slots.capacity - 1;
	u32 i = hash_ptr(key, 32) & mask;

	while (slots[i] && keys[slots[i] - 1].key != key)
		i = (i + 1) & mask;
	return &slots[i];
}

static struct pmemctl_object *add_row(struct pmemctl_objects *objects,
				      const void *key, struct file *file)
{
	struct pmemctl_object *row = pmemctl_table_add(&objects->rows);
	struct object_key *entry;

	if (!row) {
		objects->full = true;
		return NULL;
	}
	entry = pmemctl_table_add(&objects->keys);
	entry->key = key;
	entry->file = file;
	memset(row, 0, sizeof(*row));
	return row;
}

static u32 remember(struct pmemctl_objects *objects, const void *key, u32 number)
{
	objects->last_key = key;
	objects->last_number = number;
	return number;
}

/**
 * pmemctl_objects_add_file - the number of a file, which is added if it is new
 * @objects: what is gathered
 * @file: the file, kept alive by the caller: by the mmap_lock for a VMA's
 *
 * Does not sleep. Return: its number; 0, with @objects->full set, without room.
 */
u32 pmemctl_objects_add_file(struct pmemctl_objects *objects, struct file *file)
{
	const struct inode *inode;
	struct pmemctl_object *row;
	u32 *slot;

	if (file == objects->last_key)
		return objects->last_number;

	slot = find_slot(objects, file);
	if (*slot)
		return remember(objects, file, *slot);

	row = add_row(objects, file, file);
	if (!row)
		return 0;
	get_file(file);

	inode = pmemctl_file_inode(file);
	row->flags = PMEMCTL_OBJECT_FILE;
	row->ino = inode->i_ino;
	row->dev_major = MAJOR(inode->i_sb->s_dev);
	row->dev_minor = MINOR(inode->i_sb->s_dev);
	*slot = objects->rows.count;
	return remember(objects, file, *slot);
}

static bool append(struct pmemctl_table *strings, const char *string, size_t len)
{
	if (len > strings->capacity - strings->count)
		return false;
	memcpy(strings->rows + strings->count, string, len);
	strings->count += len;
	return true;
}

/**
 * pmemctl_objects_add_name - the number of a name, which is added if it is new
 * @objects: what is gathered
 * @key: address that stands for the name while the mmap_lock is held
 * @prefix: what comes before it
 * @name: the name, valid under the mmap_lock; it is copied
 * @suffix: what comes behind it
 *
 * Does not sleep. Return: its number; 0, with @objects->full set, without room.
 */
u32 pmemctl_objects_add_name(struct pmemctl_objects *objects, const void *key,
			     const char *prefix, const char *name,
			     const char *suffix)
{
	struct pmemctl_table *strings = &objects->strings;
	struct pmemctl_object *row;
	u32 start = strings->count;
	u32 *slot;

	if (key == objects->last_key)
		return objects->last_number;

	slot = find_slot(objects, key);
	if (*slot)
		return remember(objects, key, *slot);

	if (!append(strings, prefix, strlen(prefix)) ||
	    !append(strings, name, strlen(name)) ||
	    !append(strings, suffix, strlen(suffix))) {
		objects->full = true;
		return 0;
	}
	row = add_row(objects, key, NULL);
	if (!row)
		return 0;
	row->string = start;
	row->string_len = strings->count - start;
	*slot = objects->rows.count;
	return remember(objects, key, *slot);
}

/*
 * The path of a file as d_path() has it for the caller's root, in @buf, which grows as
 * needed; *@string is set to it or to an ERR_PTR. d_path() marks a deleted file by a suffix
 * that a name may have as well: the dentry tells which, asked before and after.
 */
static int find_path(struct file *file, struct pmemctl_table *buf,
		     struct pmemctl_budget *budget, char **string, bool *deleted)
{
	const struct path *path = pmemctl_file_path(file);
	int tries = 3, ret;

	for (;;) {
		if (buf->capacity) {
			*deleted = d_unlinked(path->dentry);
			*string = d_path(path, buf->rows, buf->capacity);
			if (!IS_ERR(*string) && *deleted != d_unlinked(path->dentry) &&
			    --tries)
				continue;
			if (*string != ERR_PTR(-ENAMETOOLONG) ||
			    buf->capacity >= PATH_BUFFER_MAX)
				return 0;
		}
		ret = pmemctl_table_reserve(buf, budget,
					    max_t(size_t, 2 * (size_t)buf->capacity, PATH_MAX));
		if (ret)
			return ret;
	}
}

/* How much of a string is the mark of a deleted file */
static size_t suffix_len(const char *string, size_t len)
{
	const size_t mark = strlen(deleted_suffix);

	return len >= mark && !memcmp(string + len - mark, deleted_suffix, mark) ? mark : 0;
}

static int resolve_row(struct pmemctl_objects *objects, u32 i,
		       struct pmemctl_budget *budget, struct pmemctl_table *buf)
{
	struct pmemctl_object *row = (struct pmemctl_object *)objects->rows.rows + i;
	struct object_key *key = (struct object_key *)objects->keys.rows + i;
	struct pmemctl_table *strings = &objects->strings;
	bool deleted = false;
	char *string;
	ssize_t len;
	int ret;

	ret = find_path(key->file, buf, budget, &string, &deleted);
	if (ret)
		return ret;
	if (deleted)
		row->flags |= PMEMCTL_OBJECT_DELETED;
	if (IS_ERR(string)) {
		row->flags |= PMEMCTL_OBJECT_PATH_UNKNOWN;
		return 0;
	}

	/* copies and measures at once, by words: paths are what takes long here */
	while ((len = strscpy(strings->rows + strings->count, string,
			      strings->capacity - strings->count)) < 0) {
		ret = pmemctl_table_reserve(strings, budget,
					    max_t(size_t, 2 * (size_t)strings->capacity,
						  PATH_MAX));
		if (ret)
			return ret;
	}
	row->string = strings->count;
	row->string_len = len;
	if (deleted)
		row->string_len -= suffix_len(strings->rows + strings->count, len);
	strings->count += row->string_len;
	return 0;
}

/**
 * pmemctl_objects_resolve - look up the paths of the files and let go of them
 * @objects: what was gathered
 * @budget: what the memory is charged to
 *
 * Sleeps; under the locks of generic netlink only. Paths are those seen from current's
 * root.
 *
 * Return: 0, -EFBIG over the budget, -ENOMEM. No file is held afterwards.
 */
int pmemctl_objects_resolve(struct pmemctl_objects *objects,
			    struct pmemctl_budget *budget)
{
	const struct object_key *keys = objects->keys.rows;
	struct pmemctl_table buf = { .row_size = 1 };
	int ret = 0;
	u32 i;

	for (i = 0; i < objects->rows.count && !ret; i++) {
		if (keys[i].file)
			ret = resolve_row(objects, i, budget, &buf);
		cond_resched();
	}
	pmemctl_table_free(&buf, budget);
	put_files(objects);
	pmemctl_table_free(&objects->keys, budget);
	pmemctl_table_free(&objects->slots, budget);
	return ret;
}

/**
 * pmemctl_objects_free - give everything back, also when half gathered
 * @objects: what was gathered
 * @budget: what the memory was charged to
 */
void pmemctl_objects_free(struct pmemctl_objects *objects,
			  struct pmemctl_budget *budget)
{
	put_files(objects);
	pmemctl_table_free(&objects->rows, budget);
	pmemctl_table_free(&objects->keys, budget);
	pmemctl_table_free(&objects->slots, budget);
	pmemctl_table_free(&objects->strings, budget);
}
