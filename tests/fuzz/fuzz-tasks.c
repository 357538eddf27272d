// SPDX-License-Identifier: GPL-2.0
/*
 * What the module answers about all tasks: client.c, machine.c, census.c. In the tree
 * that is made of it each task is once. The last byte of the input says how the rest
 * comes in.
 */
#include "census.h"
#include "input.h"
#include "module.h"

#include <string.h>

/* The kernel may say -ECANCELED as well */
static int gave_up;

static int feed(const struct nlmsghdr *nlh, void *data)
{
	/* of its own size, so that a read beyond it is seen */
	void *copy = malloc(nlh->nlmsg_len);

	gave_up = machine_feed(data, memcpy(copy, nlh, nlh->nlmsg_len));
	free(copy);
	return gave_up;
}

static size_t count_threads(const struct entry *entries, size_t count)
{
	size_t threads = 0;

	for (size_t i = 0; i < count; i++) {
		must(entries[i].count == entries[i].nr_threads && entries[i].count);
		threads += entries[i].count;
	}
	return threads;
}

/* Of the mms each process is below one, and each has some */
static void judge_mms(const struct census *census)
{
	size_t processes = 0, threads = 0;
	uint64_t rss = UINT64_MAX;

	for (size_t i = 0; i < census->nr_mms; i++) {
		const struct entry *mm = &census->mms[i];

		must(mm->mm && mm->count && mm->first + mm->count <= census->nr_processes);
		must(machine_rss(mm->mm) <= rss);
		rss = machine_rss(mm->mm);
		for (size_t k = 0; k < mm->count; k++) {
			must(census->processes[mm->first + k].mm == mm->mm);
			must(census->processes[mm->first + k].head == !k);
		}
		processes += mm->count;
		threads += mm->nr_threads;
	}
	must(processes == census->nr_processes);
	must(threads == count_threads(census->processes, census->nr_processes));
}

static void judge_sum(const struct census *census)
{
	struct census_sum sum = census_add_up(census);

	must(sum.processes + sum.workers <= census->nr_processes);
	must(sum.sharing <= sum.processes && sum.shared <= census->nr_mms);
}

static void judge(const struct machine *machine)
{
	struct census census;
	uint32_t pids[2] = { 1, 0 };
	size_t all;

	must(!census_make(&census, machine));
	judge_mms(&census);
	all = count_threads(census.processes, census.nr_processes) +
	      count_threads(census.kthreads, census.nr_kthreads) +
	      count_threads(census.without, census.nr_without);
	must(all == machine->nr_tasks);
	judge_sum(&census);
	for (size_t i = 0; i < machine->nr_tasks; i++)
		must(census_task(&census, machine->tasks[i].tid) == &machine->tasks[i]);
	all = census.nr_mms;
	census_filter(&census, true, NULL, 0);
	must(census.nr_mms + census.left_out == all);
	if (machine->nr_tasks)
		pids[1] = machine->tasks[machine->nr_tasks - 1].tid;
	census_filter(&census, false, pids, 2);
	must(census.nr_mms + census.left_out == all);
	judge_sum(&census);
	census_free(&census);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? data[size - 1] : 0;
	struct machine machine;
	struct client client;
	int ret;

	machine_init(&machine);
	machine.partial = how & 1;
	gave_up = 0;
	module_answers(&client, data, size, how >> 4);
	ret = client_tasks(&client, -1, feed, &machine);
	must(ret <= 0);
	if (!ret)
		ret = machine_finish(&machine);
	if (!ret)
		judge(&machine);
	else
		must(!gave_up || *machine.error);
	client_close(&client);
	machine_free(&machine);
	return 0;
}
