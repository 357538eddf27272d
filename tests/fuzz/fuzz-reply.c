// SPDX-License-Identifier: GPL-2.0
/*
 * What the module answers to a question about a process: client.c, model.c, rows.c.
 * Whatever comes, the outcome is a sound model, of which a picture can be made, or
 * an error in words. The last byte of the input says how the rest comes in.
 */
#include "input.h"
#include "judge.h"
#include "module.h"
#include "words.h"

#include <string.h>

/* The kernel may say -ECANCELED as well */
static int gave_up;

static int feed(const struct nlmsghdr *nlh, void *data)
{
	/* of its own size, so that a read beyond it is seen */
	void *copy = malloc(nlh->nlmsg_len);

	gave_up = model_feed(data, memcpy(copy, nlh, nlh->nlmsg_len));
	free(copy);
	return gave_up;
}

static void judge_error(const char *error)
{
	must(*error);
	judge_words(error, strlen(error));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? data[size - 1] : 0;
	uint32_t sections = how & 1 ? PMEMCTL_SECTION_THREADS : PMEMCTL_SECTION_ALL;
	struct client client;
	struct model model;
	int ret;

	model_init(&model);
	gave_up = 0;
	module_answers(&client, data, size, how >> 4);
	ret = client_snapshot(&client, 1, -1, sections, false, feed, &model);
	must(ret <= 0);
	if (gave_up)
		judge_error(model.error);
	if (!ret && model_finish(&model, sections))
		judge_error(model.error);
	else if (!ret)
		judge_model(&model), judge_picture(&model);
	client_close(&client);
	model_free(&model);
	return 0;
}
