/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The executable and the libraries of a process, by the program headers of their
 * files: which part of a library is what, and where a bss ends.
 */
#ifndef IMAGES_H
#define IMAGES_H

#include "elffile.h"
#include "model.h"

/**
 * struct image - a file as it is mapped
 * @bias: what its headers' addresses are to be raised by
 * @low: where it begins
 * @high: where it ends, its bss included
 */
struct image {
	uint64_t bias;
	uint64_t low;
	uint64_t high;
};

/**
 * image_place() - where a file is mapped as its headers demand
 * @model: a finished model
 * @vma: a mapping of it that may be code
 * @phdrs: its program headers
 * @count: how many
 * @image: filled in
 *
 * Return: whether all of its segments are where they belong.
 */
bool image_place(const struct model *model, const struct pmemctl_vma *vma,
		 const Elf64_Phdr *phdrs, size_t count, struct image *image);

/**
 * images_open() - a file that a process has mapped
 * @model: a finished model
 * @vma: a mapping of it
 * @tid: 0, or the thread in whose name to look
 *
 * By /proc/PID/map_files where that is allowed, or else by its path within the
 * root of the process, if the file there is the same.
 *
 * Return: a descriptor of a regular file that the caller closes, or -1.
 */
int images_open(const struct model *model, const struct pmemctl_vma *vma, uint32_t tid);

/**
 * images_collect() - add to a model's uses what program headers tell
 * @model: a finished model; its witness is filled
 * @tid: as for images_open()
 *
 * A file that cannot be read adds nothing.
 *
 * Return: 0 or -ENOMEM.
 */
int images_collect(struct model *model, uint32_t tid);

#endif
