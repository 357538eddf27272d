// SPDX-License-Identifier: GPL-2.0
#include "replay.h"

#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>

int replay(struct model *model, const void *reply, size_t size, uint32_t sections)
{
	const struct nlmsghdr *nlh = reply;
	int left = size;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type == NLMSG_DONE)
			return model_finish(model, sections);
		if (model_feed(model, nlh))
			return -1;
	}
	snprintf(model->error, sizeof(model->error), "it ends before its end");
	return -1;
}

void *replay_load(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	void *bytes = NULL;
	long len;

	if (!file)
		return NULL;
	if (!fseek(file, 0, SEEK_END) && (len = ftell(file)) >= 0 && !fseek(file, 0, SEEK_SET)) {
		bytes = malloc(len + 1);
		*size = len;
		if (bytes && fread(bytes, 1, len, file) != (size_t)len) {
			free(bytes);
			bytes = NULL;
		}
	}
	fclose(file);
	return bytes;
}
