/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is printed about an address.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "args.h"
#include "json.h"
#include "pmemctl.h"
#include "ties.h"
#include "who.h"

/**
 * struct answer - all that was found out about an address
 * @picture: the process
 * @who: what it is
 * @arg: the argument or variable that it is in
 * @page: its page
 * @others: the pass over the machine, to which the ties of @page refer
 */
struct answer {
	const struct picture *picture;
	const struct who *who;
	const struct arg *arg;
	const struct page *page;
	const struct others *others;
};

/**
 * answer_text() - write it as a paragraph
 * @out: where to
 * @answer: what
 * @opts: how
 *
 * Lines are at most 80 columns wide, but for words that are longer.
 *
 * Return: 0, or -1 if there is no memory.
 */
int answer_text(FILE *out, const struct answer *answer, const struct options *opts);

/** answer_json() - write it as an object */
void answer_json(struct json *json, const struct answer *answer);

#endif
