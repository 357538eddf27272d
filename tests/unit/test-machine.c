// SPDX-License-Identifier: GPL-2.0
/*
 * machine.c and census.c: a list of all tasks is decoded as it was meant, or refused;
 * and who shares what is told of it.
 */
#include "census.h"
#include "crowd.h"
#include "test.h"

#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

static struct crowd c;
static struct machine machine;
static struct census census;

static int teardown(void **state)
{
	census_free(&census);
	machine_free(&machine);
	return 0;
}

static void refused(const char *words)
{
	machine_free(&machine);
	assert_int_equal(crowd_machine(&c, &machine), -1);
	if (!strstr(machine.error, words))
		fail_msg("\"%s\" where \"%s\" was expected", machine.error, words);
}

static void decodes(void **state)
{
	for (c.per_chunk = 0; c.per_chunk < 3; c.per_chunk++) {
		uint32_t per_chunk = c.per_chunk;

		crowd_village(&c);
		c.per_chunk = per_chunk;
		machine_free(&machine);
		assert_int_equal(crowd_machine(&c, &machine), 0);
		assert_int_equal(machine.taken, 1700000000123456789);
		assert_int_equal(machine.walk, 93760);
		assert_int_equal(machine.hidden, 3);
		assert_int_equal(machine.nr_mms, c.nr_mms);
		assert_memory_equal(machine.mms, c.mms, c.nr_mms * sizeof(c.mms[0]));
		assert_int_equal(machine.nr_tasks, c.nr_tasks);
		assert_memory_equal(machine.tasks, c.tasks, c.nr_tasks * sizeof(c.tasks[0]));
		assert_null(machine_mm(&machine, 0));
		assert_ptr_equal(machine_mm(&machine, 2), &machine.mms[1]);
	}
}

static void decodes_nobody(void **state)
{
	crowd_init(&c);
	assert_int_equal(crowd_machine(&c, &machine), 0);
	assert_int_equal(census_make(&census, &machine), 0);
	assert_int_equal(census.nr_mms + census.nr_kthreads + census.nr_without, 0);
}

static void other_row_sizes(void **state)
{
	crowd_village(&c);
	c.task_size = sizeof(struct pmemctl_task) + 8;
	c.mm_size = sizeof(struct pmemctl_mm_row) + 24;
	assert_int_equal(crowd_machine(&c, &machine), 0);
	assert_memory_equal(machine.tasks, c.tasks, c.nr_tasks * sizeof(c.tasks[0]));
	/* of an older module: without what it counts last */
	machine_free(&machine);
	c.mm_size = offsetof(struct pmemctl_mm_row, unexplained);
	assert_int_equal(crowd_machine(&c, &machine), 0);
	assert_int_equal(machine.mms[2].users, c.mms[2].users);
	assert_int_equal(machine.mms[2].unexplained, 0);
}

static void refuses(void **state)
{
	crowd_village(&c);
	c.cmd = PMEMCTL_CMD_SNAPSHOT;
	refused("a message of kind 1");
	crowd_village(&c);
	c.without = PMEMCTL_TASKS_A_WALK;
	refused("does not say when");
	crowd_village(&c);
	c.tasks[4].mm = c.nr_mms + 1;
	refused("task 101 uses an mm that is not there");
	crowd_village(&c);
	c.tasks[4].active_mm = UINT32_MAX;
	refused("task 101 uses an mm that is not there");
	crowd_village(&c);
	memset(c.tasks[0].comm, 'x', sizeof(c.tasks[0].comm));
	refused("the name of task 1 does not end");
	crowd_village(&c);
	c.tasks[4].tid = 9;
	refused("task 9 came twice");
	crowd_village(&c);
	c.tasks[4].tid = 0;
	refused("without an id");
	crowd_village(&c);
	c.tasks[4].tgid = 1;
	refused("out of order");
}

/* Cut anywhere, it is no answer, and nothing is read beyond its end */
static void refuses_what_is_cut(void **state)
{
	crowd_village(&c);
	crowd_build(&c);
	for (size_t size = 0; size < c.size - 20; size += 4) {
		char *part = malloc(size + 1);

		memcpy(part, c.reply, size);
		machine_free(&machine);
		assert_int_equal(crowd_replay(&machine, part, size), -1);
		free(part);
	}
}

/* Any one byte changed: sound or refused, and the census can be made of it */
static void survives_any_byte(void **state)
{
	crowd_village(&c);
	crowd_build(&c);
	for (size_t i = 0; i < c.size; i++) {
		unsigned char was = c.reply[i];

		for (int j = 0; j < 3; j++) {
			static const unsigned char changes[] = { 0xff, 0x01, 0x80 };

			c.reply[i] = was ^ changes[j];
			machine_free(&machine);
			if (!crowd_replay(&machine, c.reply, c.size)) {
				census_free(&census);
				assert_int_equal(census_make(&census, &machine), 0);
				census_filter(&census, true, NULL, 0);
				census_add_up(&census);
			}
		}
		c.reply[i] = was;
	}
}

static void make(void)
{
	assert_int_equal(crowd_machine(&c, &machine), 0);
	assert_int_equal(census_make(&census, &machine), 0);
}

static const struct entry *process(const struct entry *mm, size_t i)
{
	assert_true(i < mm->count);
	return &census.processes[mm->first + i];
}

static void tells_who_shares(void **state)
{
	const struct entry *mm;

	crowd_village(&c);
	make();
	assert_int_equal(census.nr_mms, 5);
	/* biggest first */
	assert_int_equal(census.mms[0].task->tgid, 100);
	assert_int_equal(census.mms[0].count, 1);
	assert_int_equal(census.mms[0].nr_threads, 3);
	assert_int_equal(process(&census.mms[0], 0)->relation, RELATION_NONE);
	assert_int_equal(process(&census.mms[0], 0)->others, 0);

	mm = &census.mms[1];
	assert_int_equal(mm->count, 4);
	assert_int_equal(census_user_processes(&census, mm), 3);
	assert_int_equal(process(mm, 0)->task->tgid, 200);
	assert_true(process(mm, 0)->head);
	assert_int_equal(process(mm, 0)->others, 3);
	assert_int_equal(process(mm, 0)->relation, RELATION_CLONE_VM);
	assert_int_equal(process(mm, 2)->nr_threads, 2);
	assert_false(process(mm, 2)->head);
	assert_int_equal(process(mm, 3)->task->tgid, 600);
	assert_int_equal(process(mm, 3)->relation, RELATION_KTHREAD);

	mm = &census.mms[2];
	assert_int_equal(process(mm, 0)->relation, RELATION_VFORK_PARENT);
	assert_int_equal(process(mm, 1)->relation, RELATION_VFORK_CHILD);

	/* a process is where its threads are, though its main thread has ended */
	mm = &census.mms[3];
	assert_int_equal(process(mm, 0)->task->tid, 400);
	assert_int_equal(process(mm, 0)->nr_threads, 2);
	assert_null(census.threads[process(mm, 0)->first].mm);
	assert_non_null(census.threads[process(mm, 0)->first + 1].mm);

	assert_int_equal(census.nr_without, 1);
	assert_int_equal(census.without[0].task->tgid, 500);
	assert_int_equal(census.nr_kthreads, 2);
	assert_int_equal(census.kthreads[0].relation, RELATION_NONE);
	assert_int_equal(census.kthreads[1].relation, RELATION_LAZY);
	assert_ptr_equal(census.kthreads[1].mm, &machine.mms[1]);
}

/* A vfork() without CLONE_VM, or of a parent elsewhere, says nothing of sharing */
static void vfork_child_of_another_mm(void **state)
{
	crowd_village(&c);
	c.tasks[c.nr_tasks - 5].ppid = 100;
	assert_int_equal(c.tasks[c.nr_tasks - 5].tgid, 301);
	make();
	assert_int_equal(process(&census.mms[2], 0)->relation, RELATION_CLONE_VM);
	assert_int_equal(process(&census.mms[2], 1)->relation, RELATION_CLONE_VM);
}

static void counts_an_mm_once(void **state)
{
	struct census_sum sum;
	uint64_t rss = 0;

	crowd_village(&c);
	make();
	for (size_t i = 0; i < c.nr_mms; i++)
		rss += machine_rss(&c.mms[i]);
	sum = census_add_up(&census);
	assert_int_equal(sum.rss, rss);
	assert_int_equal(sum.rss_by_process, rss + (2 * 2 << 20) + (1500 << 10));
	assert_int_equal(sum.processes, 8);
	assert_int_equal(sum.threads, 12);
	assert_int_equal(sum.workers, 1);
	assert_int_equal(sum.sharing, 5);
	assert_int_equal(sum.shared, 2);
}

static void filters(void **state)
{
	uint32_t pids[] = { 203, 9 };

	crowd_village(&c);
	make();
	census_filter(&census, true, NULL, 0);
	assert_int_equal(census.nr_mms, 2);
	assert_int_equal(census.left_out, 3);
	assert_int_equal(census.nr_kthreads, 2);
	/* by a thread, and a kernel thread */
	census_filter(&census, false, pids, 2);
	assert_int_equal(census.nr_mms, 1);
	assert_int_equal(census.mms[0].task->tgid, 200);
	assert_int_equal(census.left_out, 4);
	assert_int_equal(census.nr_kthreads, 1);
	assert_int_equal(census.nr_without, 0);
	assert_int_equal(census_task(&census, 203)->tgid, 202);
	assert_null(census_task(&census, 204));
}

static bool same(uint32_t pid, uint32_t other)
{
	assert_int_equal(other, 5);
	return pid == 6;
}

/* One pass over /proc: who was met last has the id */
static void keeps_the_last(void **state)
{
	struct pmemctl_mm_row mm = { .id = 7 };
	struct pmemctl_task task = { .tid = 5, .tgid = 4, .comm = "thread" };

	machine_init(&machine);
	machine.partial = true;
	assert_int_equal(machine_add_mm(&machine, &mm, 1, same), 1);
	mm.id = 8;
	assert_int_equal(machine_add_mm(&machine, &mm, 2, same), 2);
	mm.id = 7;
	assert_int_equal(machine_add_mm(&machine, &mm, 3, same), 1);
	assert_int_equal(machine_add_task(&machine, &task), 0);
	task = (struct pmemctl_task) { .tid = 5, .tgid = 5, .comm = "process", .mm = 2 };
	assert_int_equal(machine_add_task(&machine, &task), 0);
	/* another mm may get the id of one that is gone */
	mm.id = 8;
	assert_int_equal(machine_add_mm(&machine, &mm, 6, same), 2);
	assert_int_equal(machine_add_mm(&machine, &mm, 7, same), 3);
	assert_int_equal(machine_finish(&machine), 0);
	assert_int_equal(machine.nr_tasks, 1);
	assert_string_equal(machine.tasks[0].comm, "process");
	assert_int_equal(machine.nr_mms, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(decodes), TEST(decodes_nobody), TEST(other_row_sizes), TEST(refuses),
		TEST(refuses_what_is_cut), TEST(survives_any_byte), TEST(tells_who_shares),
		TEST(vfork_child_of_another_mm), TEST(counts_an_mm_once), TEST(filters),
		TEST(keeps_the_last),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
