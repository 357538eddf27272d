/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What holds of every picture, whatever the model it was made from.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "model.h"

/** judge_model() - what model_finish() promises of what it lets pass */
void judge_model(const struct model *model);

/**
 * judge_witness() - what was read lies where it may
 * @model: with its witness
 */
void judge_witness(const struct model *model);

/**
 * judge_picture() - make a picture of a model, and sums, findings, JSON and text of that
 * @model: a finished model
 */
void judge_picture(const struct model *model);

#endif
