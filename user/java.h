/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a Java VM has in its address space, by its own tables for debuggers.
 */
#ifndef JAVA_H
#define JAVA_H

#include "model.h"
#include "peek.h"

/**
 * java_collect() - add to a model's uses the heap and the code of a Java VM
 * @model: a finished model; its witness is filled
 * @peek: the process
 * @tid: as for images_open()
 *
 * HotSpot's libjvm.so exports tables of where its variables and the members of its
 * classes are, gHotSpotVMStructs. By them it is asked for the reserved addresses of
 * the heap and of compiled code. What they do not tell, such as the memory for
 * classes, stays unknown, and so does all of it without the right to attach.
 *
 * Return: 0 or -ENOMEM.
 */
int java_collect(struct model *model, const struct peek *peek, uint32_t tid);

#endif
