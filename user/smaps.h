/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc/PID/smaps tells of each VMA: which of its pages are in memory, and
 * whose they are besides.
 */
#ifndef SMAPS_H
#define SMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model;
struct pmemctl_vma;

enum smaps_field {
	SMAPS_RSS,
	SMAPS_PSS,
	SMAPS_SHARED_CLEAN,
	SMAPS_SHARED_DIRTY,
	SMAPS_PRIVATE_CLEAN,
	SMAPS_PRIVATE_DIRTY,
	SMAPS_REFERENCED,
	SMAPS_ANON,
	SMAPS_HUGE,	/* in huge pages: anonymous, shared memory, files */
	SMAPS_HUGETLB,	/* of hugetlbfs, which RSS does not count */
	SMAPS_SWAP,
	SMAPS_SWAP_PSS,
	SMAPS_LOCKED,
	SMAPS_FIELDS
};

/**
 * struct smap - an entry of smaps
 * @start: first address of the VMA
 * @end: first address behind it
 * @offset: bytes into the file
 * @ino: inode number of the file, 0: there is none
 * @dev_major: its device
 * @dev_minor: its device
 * @perms: "rw-p", not terminated
 * @bytes: by enum smaps_field
 */
struct smap {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t ino;
	uint32_t dev_major;
	uint32_t dev_minor;
	char perms[4];
	uint64_t bytes[SMAPS_FIELDS];
};

/**
 * struct smaps - the entries of smaps, by ascending address
 * @list: the entries
 * @count: how many
 * @room: how many @list has space for
 * @read: the file was read: what is not in @list was not there
 * @error: errno of reading it
 */
struct smaps {
	struct smap *list;
	size_t count;
	size_t room;
	bool read;
	int error;
};

/**
 * smaps_read() - read smaps
 * @fd: /proc/PID/smaps, open for reading
 * @max: entries to read at most: a process may map ahead of its reader
 * @smaps: empty; filled in, to be released with smaps_free() always
 *
 * The kernel lets go of the mmap_lock between reads: each entry is of one instant,
 * not all of them of the same. One that overlaps what came before it is dropped.
 *
 * Return: 0 or -errno.
 */
int smaps_read(int fd, size_t max, struct smaps *smaps);

/**
 * smaps_why() - why there are no entries, in words
 * @error: of the struct smaps that has not been read; 0: it was of another address space
 */
const char *smaps_why(int error);

/** smaps_free() - releases what was read; it is then empty */
void smaps_free(struct smaps *smaps);

/**
 * smaps_of() - the entry of a VMA
 * @model: the model, with smaps as its witness
 * @vma: one of its VMAs
 *
 * Return: the entry, NULL if none has the same addresses, permissions and file: then
 * the VMA came, went or changed between the two.
 */
const struct smap *smaps_of(const struct model *model, const struct pmemctl_vma *vma);

#endif
