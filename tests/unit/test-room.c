// SPDX-License-Identifier: GPL-2.0
/*
 * room.c: how far a stack can still grow, and what it ends at then.
 */
#include "builder.h"
#include "room.h"
#include "test.h"

static struct builder b;
static struct model model;

#define GAP	(256 * PAGE)
#define START	0x7ffe00000000
#define END	0x7ffe00021000
#define LIMIT	(8ULL << 20)

static int teardown(void **state)
{
	model_free(&model);
	return 0;
}

/* A stack above a mapping that ends there; 0: above nothing */
static struct pmemctl_vma *begin(uint64_t below, const char *perms)
{
	struct pmemctl_vma *vma = NULL;

	builder_init(&b);
	b.rlimit_stack = LIMIT;
	if (below)
		vma = builder_vma(&b, below - PAGE, below, perms, 0, 0);
	builder_vma(&b, START, END, "rw-p", 0, 0)->flags |= PMEMCTL_VMA_GROWSDOWN;
	return vma;
}

static void can_grow_to(uint64_t low, enum room_end why)
{
	enum room_end end;

	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	model.witness.guard_gap = GAP;
	assert_int_equal(room_below(&model, &model.vmas[model.nr_vmas - 1], &end), low);
	assert_int_equal(end, why);
}

static void up_to_the_limit(void **state)
{
	begin(START - 2 * LIMIT, "rw-p");
	can_grow_to(END - LIMIT, ROOM_RLIMIT);
	/* whole pages only */
	b.rlimit_stack = LIMIT + PAGE - 1;
	can_grow_to(END - LIMIT, ROOM_RLIMIT);
	b.rlimit_stack = LIMIT + PAGE;
	can_grow_to(END - LIMIT - PAGE, ROOM_RLIMIT);
}

static void up_to_a_mapping_and_the_gap(void **state)
{
	begin(START - 4 * GAP, "rw-p");
	can_grow_to(START - 3 * GAP, ROOM_MAPPING);
	begin(START - 4 * GAP, "r--p");
	can_grow_to(START - 3 * GAP, ROOM_MAPPING);
	begin(START - 4 * GAP, "--xp");
	can_grow_to(START - 3 * GAP, ROOM_MAPPING);
	/* both at one place: it is the limit that says no first */
	begin(END - LIMIT - GAP, "rw-p");
	can_grow_to(END - LIMIT, ROOM_RLIMIT);
	begin(END - LIMIT - GAP + PAGE, "rw-p");
	can_grow_to(END - LIMIT + PAGE, ROOM_MAPPING);
}

static void no_gap_above_what_has_no_access(void **state)
{
	begin(START - 4 * GAP, "---p");
	can_grow_to(START - 4 * GAP, ROOM_MAPPING);
}

static void no_gap_above_another_stack(void **state)
{
	begin(START - 4 * GAP, "rw-p")->flags |= PMEMCTL_VMA_GROWSDOWN;
	can_grow_to(START - 4 * GAP, ROOM_MAPPING);
}

static void already_within_the_gap(void **state)
{
	begin(START - PAGE, "rw-p");
	can_grow_to(START, ROOM_MAPPING);
	begin(START, "rw-p");
	can_grow_to(START, ROOM_MAPPING);
}

static void unlimited(void **state)
{
	begin(START - (1ULL << 40), "rw-p");
	b.rlimit_stack = UINT64_MAX;
	can_grow_to(START - (1ULL << 40) + GAP, ROOM_MAPPING);
	begin(0, NULL);
	b.rlimit_stack = UINT64_MAX;
	can_grow_to(0, ROOM_MAPPING);
}

static void nothing_below(void **state)
{
	begin(0, NULL);
	can_grow_to(END - LIMIT, ROOM_RLIMIT);
	b.rlimit_stack = END;
	can_grow_to(0, ROOM_MAPPING);
}

/* setrlimit() takes nothing away */
static void already_larger_than_the_limit(void **state)
{
	begin(START - 4 * GAP, "rw-p");
	b.rlimit_stack = PAGE;
	can_grow_to(START, ROOM_RLIMIT);
	b.rlimit_stack = 0;
	can_grow_to(START, ROOM_RLIMIT);
	b.rlimit_stack = END - START;
	can_grow_to(START, ROOM_RLIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(up_to_the_limit), TEST(up_to_a_mapping_and_the_gap),
		TEST(no_gap_above_what_has_no_access), TEST(no_gap_above_another_stack),
		TEST(already_within_the_gap), TEST(unlimited), TEST(nothing_below),
		TEST(already_larger_than_the_limit),
	};

	return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
