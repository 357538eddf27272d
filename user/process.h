/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process as a whole: header lines and the JSON object "process".
 */
#ifndef PROCESS_H
#define PROCESS_H

#include "json.h"
#include "picture.h"
#include "pmemctl.h"

/**
 * process_text() - header lines about a process
 * @out: where to
 * @picture: of what, with all sections
 * @opts: how
 */
void process_text(FILE *out, const struct picture *picture, const struct options *opts);

/**
 * process_sharers_text() - a line that says how many share the mm, and what else refers to it
 * @out: where to
 * @model: with its sharers
 */
void process_sharers_text(FILE *out, const struct model *model);

/**
 * process_kthread_text() - the one line there is to say of a kernel thread
 * @out: where to
 * @model: of a kernel thread
 */
void process_kthread_text(FILE *out, const struct model *model);

/**
 * process_json() - the object "process"
 * @json: where to
 * @model: the process
 */
void process_json(struct json *json, const struct model *model);

#endif
