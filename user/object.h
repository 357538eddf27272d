/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which mapped files of two processes are one and the same.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include "model.h"

/**
 * object_compare() - order of files by inode and device
 * @a: a file
 * @b: another
 *
 * Return: less than, equal to, or greater than 0.
 */
int object_compare(const struct pmemctl_object *a, const struct pmemctl_object *b);

/**
 * object_is_segment() - System V shared memory
 * @model: the process
 * @number: object number of a file
 *
 * The inode number of such a file is the segment's id, which each IPC namespace gives out.
 */
bool object_is_segment(const struct model *model, uint32_t number);

/**
 * object_is_shareable() - whether device and inode of a file tell which memory it is
 * @model: the process
 * @number: object number of a file
 *
 * Return: false if files that have nothing in common have the same inode; or may have, as
 * devices, which are known by their path below /dev.
 */
bool object_is_shareable(const struct model *model, uint32_t number);

/**
 * vma_is_shareable() - whether two mappings of one place of the file are the same memory
 * @model: the process
 * @vma: a VMA of it
 *
 * Return: false also if it maps no file.
 */
bool vma_is_shareable(const struct model *model, const struct pmemctl_vma *vma);

/**
 * same_numbers() - as same_object(), but for the namespace, which is costly to ask for
 * @a: a process
 * @x: a VMA of it
 * @b: another process
 * @y: a VMA of that
 * @segment: set where they are the same: only if both are in one IPC namespace
 */
bool same_numbers(const struct model *a, const struct pmemctl_vma *x, const struct model *b,
		  const struct pmemctl_vma *y, bool *segment);

/**
 * same_object() - two processes map the same memory, as far as a file tells it
 * @a: a process
 * @x: a VMA of it
 * @b: another process
 * @y: a VMA of that
 */
bool same_object(const struct model *a, const struct pmemctl_vma *x, const struct model *b,
		 const struct pmemctl_vma *y);

#endif
