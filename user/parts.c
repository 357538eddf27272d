// SPDX-License-Identifier: GPL-2.0
#include "parts.h"

#include "classify.h"

#include <stdlib.h>
#include <string.h>

static int by_range(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/*
 * Sorts, and drops what overlaps: programs may register any address. One range
 * that several threads gave stays, without an owner.
 */
static void settle(struct owned_list *owned)
{
	size_t n = 0;

	qsort(owned->list, owned->count, sizeof(*owned->list), by_range);
	for (size_t i = 0; i < owned->count; i++) {
		struct owned *last = n ? &owned->list[n - 1] : NULL;

		if (last && !by_range(last, &owned->list[i]))
			last->tid = 0;
		else if (!last || owned->list[i].start >= last->end)
			owned->list[n++] = owned->list[i];
	}
	owned->count = n;
}

static void add_owned(struct owned_list *owned, uint64_t start, uint64_t size, uint32_t tid)
{
	if (start && size && start + size > start)
		owned->list[owned->count++] = (struct owned) {
			.start = start, .end = start + size, .tid = tid,
		};
}

static void add_use(struct owned_list *owned, const struct use *use)
{
	if (use->start < use->end)
		owned->list[owned->count++] = (struct owned) {
			use->start, use->end, use->tid, use->kind, use->why,
		};
}

int parts_init(struct parts *parts, struct picture *picture)
{
	const struct model *model = picture->model;
	size_t room = model->nr_threads + 1;

	memset(parts, 0, sizeof(*parts));
	parts->picture = picture;
	parts->uses.list = calloc(model->witness.uses.count + 1, sizeof(struct owned));
	parts->tls.list = calloc(1, sizeof(struct owned));
	parts->stacks.list = calloc(room, sizeof(struct owned));
	parts->fences.list = calloc(room, sizeof(struct owned));
	parts->guards.list = calloc(room + model->witness.nr_orphans, sizeof(struct owned));
	parts->orphans.list = calloc(model->witness.nr_orphans + 1, sizeof(struct owned));
	parts->altstacks.list = calloc(room, sizeof(struct owned));
	parts->shadows.list = calloc(room, sizeof(struct owned));
	if (!parts->uses.list || !parts->tls.list || !parts->stacks.list || !parts->fences.list ||
	    !parts->guards.list || !parts->orphans.list || !parts->altstacks.list ||
	    !parts->shadows.list)
		return -1;
	for (size_t i = 0; i < model->witness.uses.count; i++)
		add_use(&parts->uses, &model->witness.uses.list[i]);
	add_use(&parts->tls, &model->witness.tls);
	for (size_t i = 0; i < model->nr_threads; i++) {
		const struct pmemctl_thread *thread = &model->threads[i];
		const struct stack *stack = &picture->stacks[i];

		if (stack->initial)
			parts->main_tid = thread->tid;
		else if (stack->claimed)
			add_owned(&parts->stacks, stack->start, stack->end - stack->start,
				  thread->tid);
		if (stack->guard_kind == GUARD_VMA || stack->guard_kind == GUARD_JVM)
			add_owned(&parts->fences, stack->guard.start,
				  stack->guard.end - stack->guard.start, thread->tid);
		if (stack->guard_kind == GUARD_MARKER)
			add_owned(&parts->guards, stack->guard.start,
				  stack->guard.end - stack->guard.start, thread->tid);
		add_owned(&parts->altstacks, thread->sas_sp, thread->sas_size, thread->tid);
		add_owned(&parts->shadows, thread->shstk_base, thread->shstk_size, thread->tid);
	}
	for (size_t i = 0; i < model->witness.nr_orphans; i++) {
		const struct orphan *orphan = &model->witness.orphans[i];

		add_owned(&parts->orphans, orphan->own.start,
			  orphan->own.end - orphan->own.start, 0);
		if (orphan->marker)
			add_owned(&parts->guards, orphan->guard.start,
				  orphan->guard.end - orphan->guard.start, 0);
	}
	settle(&parts->stacks);
	settle(&parts->orphans);
	settle(&parts->fences);
	settle(&parts->guards);
	settle(&parts->altstacks);
	settle(&parts->shadows);
	return 0;
}

void parts_free(struct parts *parts)
{
	free(parts->uses.list);
	free(parts->tls.list);
	free(parts->stacks.list);
	free(parts->fences.list);
	free(parts->guards.list);
	free(parts->orphans.list);
	free(parts->altstacks.list);
	free(parts->shadows.list);
	free(parts->now.list);
	free(parts->then.list);
	memset(parts, 0, sizeof(*parts));
}

/* Appends a piece, or lengthens the last one if it is the same thing */
static int put(struct segments *segments, struct segment segment)
{
	struct segment *last = segments->count ? &segments->list[segments->count - 1] : NULL;

	if (segment.start >= segment.end)
		return 0;
	if (last && last->end == segment.start && last->kind == segment.kind &&
	    last->tid == segment.tid) {
		last->end = segment.end;
		return 0;
	}
	if (segments->count == segments->room) {
		size_t room = segments->room ? segments->room * 2 : 16;
		void *list = realloc(segments->list, room * sizeof(segment));

		if (!list)
			return -1;
		segments->list = list;
		segments->room = room;
	}
	segments->list[segments->count++] = segment;
	return 0;
}

static int put_range(struct parts *parts, uint64_t start, uint64_t end, enum region_kind kind,
		     const char *why)
{
	uint32_t tid = kind == KIND_STACK ? parts->main_tid : 0;

	return put(&parts->now, (struct segment) { start, end, kind, tid, why });
}

static bool within(const struct region *region, uint64_t start, uint64_t end)
{
	return start < end && start >= region->start && end <= region->end;
}

/* sp, then what execve put above it: arguments, environment, and more */
static int split_stack(struct parts *parts, const struct region *region)
{
	const uint64_t *mm = parts->picture->model->mm;
	uint64_t args = mm[PMEMCTL_MM_ARG_START], args_end = mm[PMEMCTL_MM_ARG_END];
	uint64_t env = mm[PMEMCTL_MM_ENV_START], env_end = mm[PMEMCTL_MM_ENV_END];
	uint64_t at = region->start;
	int ret = 0;

	/* A program may have moved them: prctl(PR_SET_MM) */
	if (within(region, args, args_end)) {
		ret |= put_range(parts, at, args, KIND_STACK, region->why);
		ret |= put_range(parts, args, args_end, KIND_ARGS, "mm->arg_start..arg_end");
		at = args_end;
	}
	if (within(region, env, env_end) && env >= at) {
		ret |= put_range(parts, at, env, KIND_STACK, region->why);
		ret |= put_range(parts, env, env_end, KIND_ENV, "mm->env_start..env_end");
		at = env_end;
	}
	return ret | put_range(parts, at, region->end, KIND_STACK, region->why);
}

static int split_data(struct parts *parts, const struct region *region)
{
	uint64_t end_data = parts->picture->model->mm[PMEMCTL_MM_END_DATA];

	if (!within(region, region->start, end_data))
		end_data = region->end;
	return put_range(parts, region->start, end_data, KIND_DATA, region->why) |
	       put_range(parts, end_data, region->end, KIND_BSS, "above mm->end_data");
}

/* Without randomisation the heap continues the VMA of the bss */
static int split_heap(struct parts *parts, const struct region *region)
{
	const uint64_t *mm = parts->picture->model->mm;
	uint64_t low = mm[PMEMCTL_MM_START_BRK], high = page_up(mm[PMEMCTL_MM_BRK]);
	bool after_data = region->start == page_up(mm[PMEMCTL_MM_END_DATA]);

	if (low < region->start)
		low = region->start;
	/* above the highest page there is none to round up to */
	if (high > region->end || high < mm[PMEMCTL_MM_BRK])
		high = region->end;
	return put_range(parts, region->start, low, after_data ? KIND_BSS : KIND_ANON,
			 after_data ? "above mm->end_data, below mm->start_brk" :
			 "below mm->start_brk") |
	       put_range(parts, low, high, KIND_HEAP, region->why) |
	       put_range(parts, high, region->end, KIND_ANON, "above mm->brk");
}

static int split_base(struct parts *parts, const struct region *region)
{
	switch (region->kind) {
	case KIND_STACK:
		return split_stack(parts, region);
	case KIND_DATA:
		return split_data(parts, region);
	case KIND_HEAP:
		return split_heap(parts, region);
	default:
		return put_range(parts, region->start, region->end, region->kind, region->why);
	}
}

/* The first range that does not end below @addr; addresses only ever ascend */
static struct owned *owned_from(struct owned_list *owned, uint64_t addr)
{
	while (owned->next < owned->count && owned->list[owned->next].end <= addr)
		owned->next++;
	return owned->list + owned->next;
}

static bool owned_hits(struct owned_list *owned, const struct region *region)
{
	const struct owned *it = owned_from(owned, region->start);

	return it < owned->list + owned->count && it->start < region->end;
}

/* Lays ranges over the pieces at hand; @kind and @why are of those without their own */
static int overlay(struct parts *parts, struct owned_list *owned, const struct region *region,
		   enum region_kind kind, const char *why)
{
	const struct owned *end = owned->list + owned->count;
	const struct owned *it;
	struct segments swap;
	int ret = 0;

	if (!owned_hits(owned, region))
		return 0;
	it = owned_from(owned, region->start);
	parts->then.count = 0;
	for (size_t i = 0; i < parts->now.count; i++) {
		struct segment under = parts->now.list[i];

		while (it < end && it->start < under.end) {
			struct segment before = under;
			struct segment over = {
				.kind = it->why ? it->kind : kind,
				.why = it->why ? it->why : why,
			};

			over.start = it->start > under.start ? it->start : under.start;
			over.end = it->end < under.end ? it->end : under.end;
			over.tid = it->tid;
			before.end = over.start;
			ret |= put(&parts->then, before) | put(&parts->then, over);
			under.start = over.end;
			if (it->end > under.end)
				break;	/* it goes on in the next piece */
			it++;
		}
		ret |= put(&parts->then, under);
	}
	swap = parts->now;
	parts->now = parts->then;
	parts->then = swap;
	return ret;
}

static int keep_parts(struct parts *parts, struct region *region)
{
	struct picture *picture = parts->picture;
	size_t wanted = picture->nr_parts + parts->now.count;

	if (wanted > picture->parts_room) {
		size_t room = wanted + wanted / 2 + 64;
		void *list = realloc(picture->parts, room * sizeof(*picture->parts));

		if (!list)
			return -1;
		picture->parts = list;
		picture->parts_room = room;
	}
	region->first_part = picture->nr_parts;
	region->nr_parts = parts->now.count;
	for (size_t i = 0; i < parts->now.count; i++) {
		const struct segment *segment = &parts->now.list[i];

		picture->parts[picture->nr_parts++] = (struct region) {
			.start = segment->start,
			.end = segment->end,
			.vma = region->vma,
			.name = region->name,
			.why = segment->why,
			.kind = segment->kind,
			.tid = segment->tid,
			.is_part = true,
		};
	}
	return 0;
}

/* Which kind has most of the VMA */
static enum region_kind most(const struct segments *segments)
{
	enum region_kind kind = segments->list[0].kind;
	uint64_t bytes[KINDS] = { 0 };

	for (size_t i = 0; i < segments->count; i++) {
		const struct segment *segment = &segments->list[i];

		bytes[segment->kind] += segment->end - segment->start;
		if (bytes[segment->kind] > bytes[kind])
			kind = segment->kind;
	}
	return kind;
}

/*
 * What a VMA of several kinds is called as a whole: what the fields of the mm
 * say, and where they say nothing, the kind that has most of it.
 */
static void name_whole(struct parts *parts, struct region *region)
{
	const char *why = region->why;
	bool one = true, found = false;
	uint32_t tid = 0;

	if (parts->now.count == 1 || region->kind == KIND_ANON || region->kind == KIND_RESERVED)
		region->kind = most(&parts->now);
	for (size_t i = 0; i < parts->now.count; i++) {
		const struct segment *segment = &parts->now.list[i];

		if (segment->kind != region->kind)
			continue;
		if (found && segment->tid != tid)
			one = false;
		if (!found)
			why = segment->why;
		found = true;
		tid = segment->tid;
	}
	region->tid = one ? tid : 0;
	region->why = why;
}

static const struct owned *stack_at(const struct owned_list *stacks, uint64_t start)
{
	size_t low = 0, high = stacks->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (stacks->list[mid].start < start)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == stacks->count || stacks->list[low].start != start)
		return NULL;
	return &stacks->list[low];
}

/* What was reserved address space turns out to guard a stack */
static bool find_guard(struct parts *parts, struct region *region)
{
	const struct owned *fence = owned_from(&parts->fences, region->start);
	const struct owned *stack = stack_at(&parts->stacks, region->end);

	region->why = "anonymous, no access, ends where a stack begins";
	if (!stack)
		stack = stack_at(&parts->orphans, region->end);
	if (!stack && owned_hits(&parts->fences, region) && fence->start <= region->start &&
	    fence->end >= region->end) {
		region->why = "anonymous, no access, in what guards a stack";
		stack = fence;
	}
	if (!stack)
		stack = stack_at(&parts->altstacks, region->end);
	if (!stack) {
		region->why = "anonymous, no access";
		return false;
	}
	region->kind = KIND_GUARD;
	region->tid = stack->tid;
	return true;
}

static void find_shadow(struct parts *parts, struct region *region)
{
	const struct owned *shadow = owned_from(&parts->shadows, region->start);

	if (owned_hits(&parts->shadows, region) && shadow->end >= region->end)
		region->tid = shadow->tid;
}

/* What belongs to threads lies over what else is known */
static int overlay_threads(struct parts *parts, const struct region *region)
{
	int ret = overlay(parts, &parts->tls, region, KIND_TLS, region->why);

	ret |= overlay(parts, &parts->stacks, region, KIND_THREAD_STACK,
		       "stack of TID, see its evidence");
	ret |= overlay(parts, &parts->orphans, region, KIND_ORPHAN_STACK,
		       "descriptor of no live thread at its top");
	ret |= overlay(parts, &parts->guards, region, KIND_GUARD,
		       "guard marker in the page tables, ends where a stack begins");
	if (region->vma->flags & PMEMCTL_VMA_WRITE)
		ret |= overlay(parts, &parts->altstacks, region, KIND_ALTSTACK,
			       "sas_ss_sp, sas_ss_size of TID");
	return ret;
}

int parts_split(struct parts *parts, struct region *region)
{
	bool reserved = region->kind == KIND_RESERVED;
	int ret;

	if (reserved && find_guard(parts, region))
		return 0;
	if (region->kind == KIND_SHADOW_STACK) {
		find_shadow(parts, region);
		return 0;
	}
	parts->now.count = 0;
	ret = split_base(parts, region);
	ret |= overlay(parts, &parts->uses, region, region->kind, region->why);
	if (!reserved)
		ret |= overlay_threads(parts, region);
	if (ret)
		return -1;
	name_whole(parts, region);
	return parts->now.count > 1 ? keep_parts(parts, region) : 0;
}
