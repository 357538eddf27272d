// SPDX-License-Identifier: GPL-2.0
#include "census.h"

#include <stdlib.h>
#include <string.h>

static bool is_kthread(const struct entry *entry)
{
	return entry->task->flags & PMEMCTL_TASK_KTHREAD;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* The first that came is where the others come from; kernel threads are guests */
static int by_mm(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->mm != y->mm)
		return x->mm < y->mm ? -1 : 1;
	if (is_kthread(x) != is_kthread(y))
		return is_kthread(x) ? 1 : -1;
	if (x->task->start_time != y->task->start_time)
		return compare(x->task->start_time, y->task->start_time);
	return compare(x->task->tgid, y->task->tgid);
}

static int by_rss(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	uint64_t left = machine_rss(x->mm), right = machine_rss(y->mm);

	if (left != right)
		return left > right ? -1 : 1;
	return compare(x->task->tgid, y->task->tgid);
}

/*
 * The entry of a process from its threads. Any of them tells the mm: the leader's is
 * gone when it has exited before the others.
 */
static struct entry make_process(struct census *census, size_t first, size_t count)
{
	const struct machine *machine = census->machine;
	const struct pmemctl_task *task = &machine->tasks[first];
	struct entry process = {
		.level = ENTRY_PROCESS, .task = task,
		.first = first, .count = count, .nr_threads = count,
	};

	for (size_t i = 0; i < count; i++) {
		if (task[i].flags & PMEMCTL_TASK_LEADER)
			process.task = &task[i];
		if (!process.mm || (task[i].flags & PMEMCTL_TASK_LEADER && task[i].mm))
			process.mm = machine_mm(machine, task[i].mm);
		census->threads[first + i] = (struct entry) {
			.level = ENTRY_THREAD, .task = &task[i],
			.mm = machine_mm(machine, task[i].mm),
		};
	}
	return process;
}

static void sort_processes(struct census *census)
{
	const struct machine *machine = census->machine;

	for (size_t i = 0, next; i < machine->nr_tasks; i = next) {
		struct entry process;

		for (next = i + 1; next < machine->nr_tasks; next++) {
			if (machine->tasks[next].tgid != machine->tasks[i].tgid)
				break;
		}
		process = make_process(census, i, next - i);
		if (process.mm) {
			if (is_kthread(&process))
				process.relation = RELATION_KTHREAD;
			census->processes[census->nr_processes++] = process;
		} else if (is_kthread(&process)) {
			process.mm = machine_mm(machine, process.task->active_mm);
			process.relation = process.mm ? RELATION_LAZY : RELATION_NONE;
			census->kthreads[census->nr_kthreads++] = process;
		} else {
			census->without[census->nr_without++] = process;
		}
	}
	qsort(census->processes, census->nr_processes, sizeof(struct entry), by_mm);
}

static struct entry *find_process(struct entry *processes, size_t count, uint32_t pid)
{
	for (size_t i = 0; i < count; i++) {
		if (processes[i].task->tgid == pid)
			return &processes[i];
	}
	return NULL;
}

/* How each process of an mm came to it. A vfork child of others has an mm of its own */
static void relate(struct entry *processes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct entry *process = &processes[i], *parent = NULL;

		if (process->relation == RELATION_KTHREAD)
			continue;
		if (process->task->flags & PMEMCTL_TASK_VFORK)
			parent = find_process(processes, count, process->task->ppid);
		if (parent) {
			process->relation = RELATION_VFORK_CHILD;
			if (parent->relation != RELATION_VFORK_CHILD)
				parent->relation = RELATION_VFORK_PARENT;
		} else if (process->relation == RELATION_NONE) {
			process->relation = RELATION_CLONE_VM;
		}
	}
}

size_t census_user_processes(const struct census *census, const struct entry *mm)
{
	size_t count = 0;

	for (size_t i = 0; i < mm->count; i++)
		count += !is_kthread(&census->processes[mm->first + i]);
	return count;
}

static void make_mms(struct census *census)
{
	for (size_t i = 0, next; i < census->nr_processes; i = next) {
		struct entry *head = &census->processes[i];
		struct entry mm = { .level = ENTRY_MM, .mm = head->mm, .task = head->task };

		for (next = i; next < census->nr_processes; next++) {
			if (census->processes[next].mm != head->mm)
				break;
			mm.nr_threads += census->processes[next].nr_threads;
		}
		head->head = true;
		mm.first = i;
		mm.count = next - i;
		head->others = mm.count - 1;
		if (census_user_processes(census, &mm) > 1)
			relate(head, mm.count);
		census->mms[census->nr_mms++] = mm;
	}
	qsort(census->mms, census->nr_mms, sizeof(struct entry), by_rss);
}

int census_make(struct census *census, const struct machine *machine)
{
	struct entry **tables[] = {
		&census->mms, &census->processes, &census->threads, &census->kthreads,
		&census->without
	};

	memset(census, 0, sizeof(*census));
	census->machine = machine;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		*tables[i] = calloc(machine->nr_tasks + 1, sizeof(struct entry));
		if (!*tables[i])
			return -1;
	}
	sort_processes(census);
	make_mms(census);
	return 0;
}

void census_free(struct census *census)
{
	free(census->mms);
	free(census->processes);
	free(census->threads);
	free(census->kthreads);
	free(census->without);
	memset(census, 0, sizeof(*census));
}

static bool is_wanted(const struct census *census, const struct entry *process,
		      const uint32_t *pids, size_t nr_pids)
{
	for (size_t i = 0; i < process->count; i++) {
		for (size_t j = 0; j < nr_pids; j++) {
			if (census->threads[process->first + i].task->tid == pids[j])
				return true;
		}
	}
	return false;
}

static bool is_mm_wanted(const struct census *census, const struct entry *mm,
			 const uint32_t *pids, size_t nr_pids)
{
	for (size_t i = 0; i < mm->count; i++) {
		if (is_wanted(census, &census->processes[mm->first + i], pids, nr_pids))
			return true;
	}
	return false;
}

static size_t keep_wanted(const struct census *census, struct entry *entries, size_t count,
			  const uint32_t *pids, size_t nr_pids)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_wanted(census, &entries[i], pids, nr_pids))
			entries[kept++] = entries[i];
	}
	return kept;
}

void census_filter(struct census *census, bool shared, const uint32_t *pids, size_t nr_pids)
{
	size_t kept = 0;

	for (size_t i = 0; i < census->nr_mms; i++) {
		const struct entry *mm = &census->mms[i];

		if (shared && census_user_processes(census, mm) < 2)
			continue;
		if (nr_pids && !is_mm_wanted(census, mm, pids, nr_pids))
			continue;
		census->mms[kept++] = *mm;
	}
	census->left_out += census->nr_mms - kept;
	census->nr_mms = kept;
	if (!nr_pids)
		return;
	census->nr_kthreads = keep_wanted(census, census->kthreads, census->nr_kthreads, pids,
					  nr_pids);
	census->nr_without = keep_wanted(census, census->without, census->nr_without, pids,
					 nr_pids);
}

const struct pmemctl_task *census_task(const struct census *census, uint32_t tid)
{
	const struct machine *machine = census->machine;

	for (size_t i = 0; i < machine->nr_tasks; i++) {
		if (machine->tasks[i].tid == tid)
			return &machine->tasks[i];
	}
	return NULL;
}

struct census_sum census_add_up(const struct census *census)
{
	struct census_sum sum = { 0 };

	for (size_t i = 0; i < census->nr_mms; i++) {
		const struct entry *mm = &census->mms[i];
		size_t users = census_user_processes(census, mm), workers = mm->count - users;

		sum.processes += users;
		sum.workers += workers;
		sum.threads += mm->nr_threads - workers;
		sum.rss += machine_rss(mm->mm);
		sum.rss_by_process += users * machine_rss(mm->mm);
		if (users > 1) {
			sum.sharing += users;
			sum.shared++;
		}
	}
	return sum;
}
