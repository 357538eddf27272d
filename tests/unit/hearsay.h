/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc might tell of a process that there is only a reply of.
 */
#ifndef HEARSAY_H
#define HEARSAY_H

#include "model.h"
#include "pmemctl.h"

/**
 * hearsay() - make a witness up
 * @model: a finished model; its witness is filled
 * @wish: what of it is wanted
 *
 * No thread has moved; of each stack and each alternate signal stack the three
 * highest pages were touched, and all from sp on; where there is a guard with memory above that no
 * thread has, there is an orphan. The executable has 64 bytes of TLS.
 *
 * Return: 0, or -1 if there is no memory.
 */
int hearsay(struct model *model, const struct wish *wish);

#endif
