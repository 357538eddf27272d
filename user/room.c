// SPDX-License-Identifier: GPL-2.0
#include "room.h"

static uint64_t above_mapping(const struct model *model, const struct pmemctl_vma *vma)
{
	const struct pmemctl_vma *below = model_vma_below(model, vma);

	if (!below)
		return 0;
	if (below->flags & PMEMCTL_VMA_GROWSDOWN || !(below->flags & VMA_ACCESS))
		return below->end;
	return below->end + model->witness.guard_gap;
}

uint64_t room_below(const struct model *model, const struct pmemctl_vma *vma, enum room_end *end)
{
	uint64_t limit = page_down(model->rlimit_stack), low = above_mapping(model, vma);

	*end = ROOM_MAPPING;
	if (limit < vma->end && vma->end - limit >= low) {
		low = vma->end - limit;
		*end = ROOM_RLIMIT;
	}
	return low < vma->start ? low : vma->start;
}
