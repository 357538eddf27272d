/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a VMA is, told from the fields of the mm, the VMA's own and its
 * neighbours'.
 */
#ifndef CLASSIFY_H
#define CLASSIFY_H

#include "picture.h"

/** enum file_use - what a mapped file is to the process */
enum file_use {
	FILE_PLAIN,
	FILE_EXE,
	FILE_LIBRARY
};

/**
 * struct classifier - what is worked out once for a process
 * @model: the process
 * @use: enum file_use of each object, by index
 * @image_low: index of the first VMA of the executable's image
 * @image_high: index behind the last VMA that can belong to it
 * @bss_next: where a VMA has to start in order to continue the bss
 */
struct classifier {
	const struct model *model;
	unsigned char *use;
	size_t image_low;
	size_t image_high;
	uint64_t bss_next;
};

/**
 * classifier_init() - work out what files and the image are
 * @c: filled in; to be released with classifier_free() always
 * @model: a finished model
 *
 * Return: 0, or -1 if there is no memory.
 */
int classifier_init(struct classifier *c, const struct model *model);

/** classifier_free() - releases what classifier_init() took */
void classifier_free(struct classifier *c);

/**
 * classify() - what a VMA is as a whole, threads apart
 * @c: the classifier
 * @index: of the VMA; to be called for each in turn, from 0
 * @why: set to the fields that the answer rests on
 *
 * Return: the kind. KIND_STACK, KIND_DATA and KIND_HEAP may hold more than
 * that, see parts.c.
 */
enum region_kind classify(struct classifier *c, size_t index, const char **why);

#endif
