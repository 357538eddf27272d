// SPDX-License-Identifier: GPL-2.0
#include "resident.h"

#include "picture.h"

#include <errno.h>
#include <stdlib.h>

static int look(const struct region *part, int pagemap, struct resident_list *residents)
{
	struct resident *resident = &residents->list[residents->count];
	struct presence presence;
	int ret;

	ret = pagemap_presence(pagemap, part->start, part->end, part->vma->file, &presence);
	if (ret == -E2BIG)	/* it stays unknown */
		return 0;
	*resident = (struct resident) {
		part->start, part->end, presence.least, presence.most, presence.swapped
	};
	residents->count++;
	return ret;
}

int resident_collect(struct model *model, int pagemap)
{
	struct resident_list *residents = &model->witness.residents;
	struct picture picture;
	int ret = -ENOMEM;

	free(residents->list);
	*residents = (struct resident_list) { 0 };
	if (picture_make(&picture, model, NULL))
		goto out;
	residents->list = calloc(picture.nr_parts + 1, sizeof(*residents->list));
	if (!residents->list)
		goto out;
	ret = 0;
	for (size_t i = 0; i < picture.nr_parts && !ret; i++)
		ret = look(&picture.parts[i], pagemap, residents);
out:
	picture_free(&picture);
	return ret;
}

static int by_start(const void *key, const void *entry)
{
	uint64_t start = *(const uint64_t *)key;
	const struct resident *resident = entry;

	return start < resident->start ? -1 : start > resident->start;
}

const struct resident *resident_of(const struct model *model, uint64_t start, uint64_t end)
{
	const struct resident_list *residents = &model->witness.residents;
	const struct resident *resident;

	if (!residents->count)
		return NULL;
	resident = bsearch(&start, residents->list, residents->count, sizeof(*resident), by_start);
	return resident && resident->end == end ? resident : NULL;
}
