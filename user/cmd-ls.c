// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl ls: every mm of the machine, and who uses it.
 *
 * For people an mm is one line, that of its first process, with its other
 * processes below. In JSON it is an object, with the processes in an array.
 */
#include "census.h"
#include "options.h"
#include "proc.h"
#include "survey.h"
#include "table.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct word relation_words[] = {
	{ RELATION_CLONE_VM, "clone-vm" },
	{ RELATION_VFORK_CHILD, "vfork-child" },
	{ RELATION_VFORK_PARENT, "vfork-parent" },
	{ RELATION_KTHREAD, "kthread" },
	{ RELATION_LAZY, "lazy" },
	{ 0, NULL }
};

static const struct word flag_words[] = {
	{ PMEMCTL_TASK_KTHREAD, "kthread" },
	{ PMEMCTL_TASK_EXITING, "exiting" },
	{ PMEMCTL_TASK_ZOMBIE, "zombie" },
	{ PMEMCTL_TASK_VFORK, "vfork" },
	{ PMEMCTL_TASK_IO_WORKER, "io-worker" },
	{ PMEMCTL_TASK_USER_WORKER, "user-worker" },
	{ 0, NULL }
};

/* The mm whose numbers a line carries: others of the mm would count them again */
static const struct pmemctl_mm_row *carried(const struct entry *entry)
{
	return entry->level == ENTRY_MM || entry->head ? entry->mm : NULL;
}

static void get_mm(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct entry *entry = row;

	if (!entry->mm)
		return;
	snprintf(cell->buf, sizeof(cell->buf), "%016" PRIx64, (uint64_t)entry->mm->id);
	cell_string(cell, cell->buf);
}

static void get_pid(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, ((const struct entry *)row)->task->tgid);
}

static void get_tid(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct entry *entry = row;

	/* a process' line is its first thread's, too */
	if (entry->level == ENTRY_THREAD || picture->census->with_threads)
		cell_number(cell, entry->task->tid);
}

static void get_ppid(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_nonzero(cell, ((const struct entry *)row)->task->ppid);
}

static void get_comm(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_string(cell, ((const struct entry *)row)->task->comm);
}

static void get_uid(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct entry *entry = row;

	if (entry->level != ENTRY_THREAD && entry->task->uid != UINT32_MAX)
		cell_number(cell, entry->task->uid);
}

/* As the user database has it; the last one is kept, as most are the same */
static void get_user(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct entry *entry = row;
	static char name[64];
	static uint32_t last;

	if (entry->level == ENTRY_THREAD || entry->task->uid == UINT32_MAX)
		return;
	if (!*name || last != entry->task->uid) {
		const struct passwd *user = getpwuid(entry->task->uid);

		last = entry->task->uid;
		if (user && *user->pw_name)
			snprintf(name, sizeof(name), "%s", user->pw_name);
		else
			snprintf(name, sizeof(name), "%u", last);
	}
	snprintf(cell->buf, sizeof(cell->buf), "%s", name);
	cell_string(cell, cell->buf);
}

static void get_threads(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct entry *entry = row;

	if (entry->level != ENTRY_THREAD)
		cell_number(cell, entry->nr_threads);
}

static void get_processes(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct entry *entry = row;

	if (entry->level == ENTRY_MM)
		cell_number(cell, entry->count);
	else if (entry->head)
		cell_number(cell, entry->others + 1);
}

static void get_vsz(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->total_vm);
}

static void get_rss(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, machine_rss(mm));
}

static void get_rss_anon(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->rss_anon);
}

static void get_rss_file(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->rss_file);
}

static void get_rss_shmem(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->rss_shmem);
}

static void get_swap(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->swap);
}

static void get_pgtables(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->pgtables);
}

static void get_vmas(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->map_count);
}

static void get_users(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->users);
}

static void get_unexplained(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->unexplained);
}

static void get_hidden(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_mm_row *mm = carried(row);

	if (mm)
		cell_number(cell, mm->hidden);
}

static void get_relation(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_string(cell, word_find(relation_words, ((const struct entry *)row)->relation, NULL));
}

static void get_flags(const struct picture *picture, const void *row, struct cell *cell)
{
	words_join(cell->buf, sizeof(cell->buf), flag_words,
		   ((const struct entry *)row)->task->flags);
	if (*cell->buf)
		cell_string(cell, cell->buf);
}

static void get_start(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_number(cell, ((const struct entry *)row)->task->start_time);
}

static const struct column columns[] = {
	{ "MM", TYPE_STRING, COLUMN_BLANK, "names the address space, as in show and sharers",
	  get_mm },
	{ "PID", TYPE_NUMBER, COLUMN_TREE | COLUMN_LEFT, "process id", get_pid },
	{ "TID", TYPE_NUMBER, COLUMN_BLANK, "thread id, with --threads", get_tid },
	{ "PPID", TYPE_NUMBER, COLUMN_BLANK, "process id of its parent", get_ppid },
	{ "COMM", TYPE_STRING, 0, "its name", get_comm },
	{ "USER", TYPE_STRING, COLUMN_BLANK, "whose it is: real user", get_user },
	{ "UID", TYPE_NUMBER, COLUMN_BLANK, "the same as a number", get_uid },
	{ "THREADS", TYPE_NUMBER, COLUMN_BLANK, "how many threads it has", get_threads },
	{ "PROCESSES", TYPE_NUMBER, COLUMN_BLANK, "how many processes use the mm", get_processes },
	{ "VSZ", TYPE_SIZE, COLUMN_BLANK, "bytes of address space that are mapped", get_vsz },
	{ "RSS", TYPE_SIZE, COLUMN_BLANK, "bytes of it that are resident", get_rss },
	{ "RSS_ANON", TYPE_SIZE, COLUMN_BLANK, "of these: anonymous", get_rss_anon },
	{ "RSS_FILE", TYPE_SIZE, COLUMN_BLANK, "of these: of files", get_rss_file },
	{ "RSS_SHMEM", TYPE_SIZE, COLUMN_BLANK, "of these: shared memory", get_rss_shmem },
	{ "SWAP", TYPE_SIZE, COLUMN_BLANK, "bytes in swap", get_swap },
	{ "PGTABLES", TYPE_SIZE, COLUMN_BLANK, "bytes of page tables", get_pgtables },
	{ "VMAS", TYPE_NUMBER, COLUMN_BLANK, "how many VMAs it has", get_vmas },
	{ "USERS", TYPE_NUMBER, COLUMN_BLANK, "references that keep the mm alive (mm_users)",
	  get_users },
	{ "UNEXPLAINED", TYPE_NUMBER, COLUMN_BLANK, "of these: that belong to no task",
	  get_unexplained },
	{ "HIDDEN", TYPE_NUMBER, COLUMN_BLANK, "tasks that use it and have no PID here",
	  get_hidden },
	{ "RELATION", TYPE_STRING, COLUMN_BLANK,
	  "clone-vm, vfork-child, vfork-parent, kthread or lazy", get_relation },
	{ "FLAGS", TYPE_STRING, COLUMN_BLANK,
	  "kthread, exiting, zombie, vfork, io-worker, user-worker", get_flags },
	{ "START", TYPE_NUMBER, 0, "when it was made, in ns since boot", get_start },
};

static size_t count_lines(const struct picture *picture)
{
	const struct census *census = picture->census;

	return census->nr_mms + (census->with_kthreads ? census->nr_kthreads : 0);
}

static const void *line_at(const struct picture *picture, size_t i)
{
	const struct census *census = picture->census;

	if (i < census->nr_mms)
		return &census->processes[census->mms[i].first];
	return &census->kthreads[i - census->nr_mms];
}

static size_t count_other_threads(const struct picture *picture, const void *row)
{
	const struct entry *entry = row;

	return picture->census->with_threads && entry->count ? entry->count - 1 : 0;
}

/* The thread whose line the process' is, is not repeated */
static const void *other_thread(const struct picture *picture, const void *row, size_t i)
{
	const struct entry *process = row;
	const struct entry *threads = &picture->census->threads[process->first];
	size_t own = process->task - threads->task;

	return &threads[i < own ? i : i + 1];
}

static size_t count_below(const struct picture *picture, const void *row)
{
	return count_other_threads(picture, row) + ((const struct entry *)row)->others;
}

static const void *below_at(const struct picture *picture, const void *row, size_t i)
{
	size_t nr_threads = count_other_threads(picture, row);

	if (i < nr_threads)
		return other_thread(picture, row, i);
	return (const struct entry *)row + 1 + i - nr_threads;
}

static const struct table table_thread_lines = {
	.name = "threads",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
};

static size_t count_below_other(const struct picture *picture, const void *row)
{
	const struct entry *entry = row;

	return entry->level == ENTRY_PROCESS ? count_other_threads(picture, row) : 0;
}

static const struct table table_process_lines = {
	.name = "processes",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.nr_parts = count_below_other,
	.part = other_thread,
	.parts = &table_thread_lines,
	.nested = true,
};

const struct table table_ls = {
	.name = "mms",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "PID,THREADS,USER,RSS,VSZ,SWAP,COMM,RELATION",
	.count = count_lines,
	.row = line_at,
	.nr_parts = count_below,
	.part = below_at,
	.parts = &table_process_lines,
	.nested = true,
};

/*
 * What JSON has by itself; columns that were chosen are in every object. No column
 * has the name of an array.
 */
static const struct column thread_columns[] = {
	{ "TID", TYPE_NUMBER, 0, NULL, get_tid },
	{ "COMM", TYPE_STRING, 0, NULL, get_comm },
	{ "MM", TYPE_STRING, 0, NULL, get_mm },
	{ "FLAGS", TYPE_STRING, 0, NULL, get_flags },
	{ "START", TYPE_NUMBER, 0, NULL, get_start },
};

static const struct column process_columns[] = {
	{ "PID", TYPE_NUMBER, 0, NULL, get_pid },
	{ "PPID", TYPE_NUMBER, 0, NULL, get_ppid },
	{ "COMM", TYPE_STRING, 0, NULL, get_comm },
	{ "USER", TYPE_STRING, 0, NULL, get_user },
	{ "UID", TYPE_NUMBER, 0, NULL, get_uid },
	{ "THREADS", TYPE_NUMBER, 0, NULL, get_threads },
	{ "RELATION", TYPE_STRING, 0, NULL, get_relation },
	{ "FLAGS", TYPE_STRING, 0, NULL, get_flags },
	{ "START", TYPE_NUMBER, 0, NULL, get_start },
};

static const struct column mm_columns[] = {
	{ "MM", TYPE_STRING, 0, NULL, get_mm },
	{ "PROCESSES", TYPE_NUMBER, 0, NULL, get_processes },
	{ "VSZ", TYPE_SIZE, 0, NULL, get_vsz },
	{ "RSS", TYPE_SIZE, 0, NULL, get_rss },
	{ "RSS_ANON", TYPE_SIZE, 0, NULL, get_rss_anon },
	{ "RSS_FILE", TYPE_SIZE, 0, NULL, get_rss_file },
	{ "RSS_SHMEM", TYPE_SIZE, 0, NULL, get_rss_shmem },
	{ "SWAP", TYPE_SIZE, 0, NULL, get_swap },
	{ "PGTABLES", TYPE_SIZE, 0, NULL, get_pgtables },
	{ "VMAS", TYPE_NUMBER, 0, NULL, get_vmas },
	{ "USERS", TYPE_NUMBER, 0, NULL, get_users },
	{ "UNEXPLAINED", TYPE_NUMBER, 0, NULL, get_unexplained },
	{ "HIDDEN", TYPE_NUMBER, 0, NULL, get_hidden },
};

static const struct column kthread_columns[] = {
	{ "PID", TYPE_NUMBER, 0, NULL, get_pid },
	{ "COMM", TYPE_STRING, 0, NULL, get_comm },
	{ "MM", TYPE_STRING, 0, NULL, get_mm },
	{ "RELATION", TYPE_STRING, 0, NULL, get_relation },
	{ "START", TYPE_NUMBER, 0, NULL, get_start },
};

static size_t count_entries(const struct picture *picture, const void *row)
{
	return ((const struct entry *)row)->count;
}

static const void *thread_at(const struct picture *picture, const void *row, size_t i)
{
	return &picture->census->threads[((const struct entry *)row)->first + i];
}

static const void *process_at(const struct picture *picture, const void *row, size_t i)
{
	return &picture->census->processes[((const struct entry *)row)->first + i];
}

static size_t count_mms(const struct picture *picture)
{
	return picture->census->nr_mms;
}

static const void *mm_at(const struct picture *picture, size_t i)
{
	return &picture->census->mms[i];
}

static size_t count_kthreads(const struct picture *picture)
{
	return picture->census->nr_kthreads;
}

static const void *kthread_at(const struct picture *picture, size_t i)
{
	return &picture->census->kthreads[i];
}

static size_t count_without(const struct picture *picture)
{
	return picture->census->nr_without;
}

static const void *without_at(const struct picture *picture, size_t i)
{
	return &picture->census->without[i];
}

static const struct table json_threads = {
	.name = "tasks",
	.columns = thread_columns,
	.nr_columns = ARRAY_SIZE(thread_columns),
};

static const struct table json_processes = {
	.name = "used_by",
	.columns = process_columns,
	.nr_columns = ARRAY_SIZE(process_columns),
	.nr_parts = count_entries,
	.part = thread_at,
	.parts = &json_threads,
	.nested = true,
};

static const struct table json_mms = {
	.name = "mms",
	.columns = mm_columns,
	.nr_columns = ARRAY_SIZE(mm_columns),
	.count = count_mms,
	.row = mm_at,
	.nr_parts = count_entries,
	.part = process_at,
	.parts = &json_processes,
	.nested = true,
};

static const struct table json_kthreads = {
	.name = "kthreads",
	.columns = kthread_columns,
	.nr_columns = ARRAY_SIZE(kthread_columns),
	.count = count_kthreads,
	.row = kthread_at,
};

static const struct table json_without = {
	.name = "without_mm",
	.columns = process_columns,
	.nr_columns = ARRAY_SIZE(process_columns),
	.count = count_without,
	.row = without_at,
	.nr_parts = count_entries,
	.part = thread_at,
	.parts = &json_threads,
	.nested = true,
};

static void sum_json(struct json *json, const struct census *census)
{
	const struct machine *machine = census->machine;
	struct census_sum sum = census_add_up(census);

	json_object(json, "sum");
	json_unsigned(json, "mms", census->nr_mms);
	json_unsigned(json, "processes", sum.processes);
	json_unsigned(json, "threads", sum.threads);
	json_unsigned(json, "rss_by_process", sum.rss_by_process);
	json_unsigned(json, "rss", sum.rss);
	json_unsigned(json, "kthreads", census->nr_kthreads + sum.workers);
	json_unsigned(json, "mms_left_out", census->left_out);
	json_bool(json, "complete", !machine->partial);
	if (machine->partial) {
		json_null(json, "hidden_tasks");
		json_unsigned(json, "not_permitted", machine->not_permitted);
		json_unsigned(json, "unread", machine->unread);
	} else {
		json_unsigned(json, "hidden_tasks", machine->hidden);
		json_unsigned(json, "not_permitted", 0);
		json_unsigned(json, "unread", 0);
	}
	json_unsigned(json, "taken", machine->taken);
	json_unsigned(json, "walk", machine->walk);
	json_end_object(json);
}

static void put_json(FILE *out, const struct picture *picture, const struct options *opts)
{
	const struct selection *selection = opts->chosen ? opts->columns : NULL;
	struct json json = { .out = out, .empty = true };

	json_object(&json, NULL);
	table_json_rows(&json, &json_mms, selection, picture, opts);
	table_json_rows(&json, &json_kthreads, selection, picture, opts);
	table_json_rows(&json, &json_without, selection, picture, opts);
	sum_json(&json, picture->census);
	json_end_object(&json);
	fputs("\n", out);
}

static void put_who(FILE *out, const struct entry *entry)
{
	fprintf(out, "%u (", entry->task->tgid);
	put_visible(out, entry->task->comm);
	fputs(")", out);
}

static void put_sum(FILE *out, const struct census *census, const struct options *opts)
{
	struct census_sum sum = census_add_up(census);
	char a[24], b[24];

	put_count(out, census->nr_mms, "mm of ", "mms of ");
	put_count(out, sum.processes, "process with ", "processes with ");
	put_count(out, sum.threads, "thread", "threads");
	if (!sum.sharing) {
		fprintf(out, "; RSS %s\n", size_text(a, sum.rss, opts->bytes));
		return;
	}
	fprintf(out, "; RSS by process %s, really %s: %zu processes share ",
		size_text(a, sum.rss_by_process, opts->bytes),
		size_text(b, sum.rss, opts->bytes), sum.sharing);
	if (sum.shared == 1)
		fputs("an mm\n", out);
	else
		fprintf(out, "%zu mms\n", sum.shared);
}

static void put_unexplained(FILE *out, const struct census *census)
{
	for (size_t i = 0; i < census->nr_mms; i++) {
		const struct entry *entry = &census->mms[i];

		if (!entry->mm->unexplained)
			continue;
		put_who(out, entry);
		fputs(": ", out);
		put_count(out, entry->mm->unexplained, "reference to its mm belongs",
			  "references to its mm belong");
		fputs(" to no task: a reader of /proc, io_uring, vhost or the like\n", out);
	}
}

/* One mm that a kernel thread was left with tells little: the first few names do */
static void put_kthreads(FILE *out, const struct census *census)
{
	size_t workers = census_add_up(census).workers, lazy = 0;

	if (!census->nr_kthreads && !workers)
		return;
	for (size_t i = 0; i < census->nr_kthreads; i++)
		lazy += census->kthreads[i].relation == RELATION_LAZY;
	put_count(out, census->nr_kthreads + workers, "kernel thread", "kernel threads");
	if (workers)
		fprintf(out, ", %zu at work in the mm of a process", workers);
	if (lazy)
		fprintf(out, ", %zu left with the mm of one that ran before (lazy)", lazy);
	if (!census->with_kthreads && census->nr_kthreads)
		fputs("; --kernel lists them", out);
	fputs("\n", out);
}

static void put_without(FILE *out, const struct census *census)
{
	if (!census->nr_without)
		return;
	put_count(out, census->nr_without, "process has no mm", "processes have no mm");
	fputs(", as zombies have none:", out);
	for (size_t i = 0; i < census->nr_without && i < 8; i++) {
		fputs(i ? ", " : " ", out);
		put_who(out, &census->without[i]);
	}
	fputs(census->nr_without > 8 ? ", ...\n" : "\n", out);
}

static void put_left_out(FILE *out, const struct census *census)
{
	const struct machine *machine = census->machine;

	if (census->left_out)
		fprintf(out, "left out: %zu %s\n", census->left_out,
			census->left_out == 1 ? "mm" : "mms");
	if (machine->hidden) {
		put_count(out, machine->hidden, "task has", "tasks have");
		fputs(" no PID in this namespace and are left out\n", out);
	}
	if (machine->unread) {
		put_count(out, machine->unread, "process", "processes");
		fprintf(out, " not shown: %s%u: %s\n", machine->unread == 1 ? "" :
			"the first of them, ", machine->unread_pid, machine->unread_why);
	}
	if (machine->partial && machine->not_permitted) {
		put_count(out, machine->not_permitted, "process", "processes");
		fputs(" of others not shown: CAP_SYS_PTRACE shows all\n", out);
	} else if (machine->partial) {
		fputs("what is outside /proc is not known: CAP_SYS_PTRACE shows all\n", out);
	}
}

static void put_text(FILE *out, const struct picture *picture, const struct options *opts)
{
	const struct census *census = picture->census;

	table_text(out, opts->table, opts->columns, picture, opts);
	if (opts->raw || opts->noheadings)
		return;
	if (count_lines(picture))
		fputs("\n", out);
	put_sum(out, census, opts);
	put_unexplained(out, census);
	put_kthreads(out, census);
	put_without(out, census);
	put_left_out(out, census);
}

static bool may_look(uint32_t pid)
{
	int fd = proc_open(pid, 0, "pagemap");

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Return: exit status: that of the first process that cannot be shown */
static enum status check_pids(const struct census *census, const uint32_t *pids, size_t count)
{
	enum status status = STATUS_DONE;

	for (size_t i = 0; i < count; i++) {
		struct failure why = { .status = STATUS_NO_PROCESS };
		char path[32];

		if (census_task(census, pids[i]))
			continue;
		snprintf(path, sizeof(path), "/proc/%u", pids[i]);
		if (census->machine->partial && !access(path, F_OK))
			why.status = may_look(pids[i]) ? STATUS_FAILED : STATUS_NOT_PERMITTED;
		complain("%u: %s", pids[i], why.status == STATUS_NO_PROCESS ? "no such process" :
			 why.status == STATUS_FAILED ? "it has just come, or is changing too fast" :
			 "you may not look at it; try as its owner or root");
		if (!status)
			status = why.status;
	}
	return status;
}

static int show(const struct machine *machine, const uint32_t *pids, size_t nr_pids,
		const struct options *opts)
{
	struct census census;
	struct picture picture = { .census = &census };
	enum status status;

	if (census_make(&census, machine)) {
		census_free(&census);
		complain("out of memory");
		return STATUS_FAILED;
	}
	status = check_pids(&census, pids, nr_pids);
	census_filter(&census, opts->shared, pids, nr_pids);
	census.with_threads = opts->all_threads;
	census.with_kthreads = opts->kernel || nr_pids;
	if (opts->json)
		put_json(stdout, &picture, opts);
	else
		put_text(stdout, &picture, opts);
	census_free(&census);
	return status;
}

static void put_failure(const struct failure *why, const struct options *opts)
{
	struct json json = { .out = stdout, .empty = true };

	if (opts->json) {
		json_object(&json, NULL);
		json_string(&json, "error", why->text);
		json_end_object(&json);
		fputs("\n", stdout);
		fflush(stdout);
	}
	complain("%s", why->text);
}

int ls_run(const struct command *cmd, int argc, char **argv)
{
	struct client client = { 0 };
	struct command_line line;
	struct machine machine;
	struct failure why;
	uint32_t *pids;
	int status = options_parse(cmd, argc, argv, &line);

	if (status >= 0)
		return status;
	for (int i = 0; i < line.nr_words; i++) {
		if (!is_pid(line.words[i]))
			return usage_error(cmd, line.words[i], "not a PID");
	}
	/* which are looked for where they are shown */
	if (line.opts.filter && line.opts.filter->wanted & 1U << FILTER_TID)
		line.opts.all_threads = true;
	if (line.opts.all_threads && !line.opts.chosen)
		table_select(&table_ls, "PID,TID,USER,RSS,VSZ,SWAP,COMM,RELATION", &line.columns);
	pids = calloc(line.nr_words + 1, sizeof(*pids));
	if (!pids)
		abort();
	for (int i = 0; i < line.nr_words; i++)
		pids[i] = strtoul(line.words[i], NULL, 10);

	machine_init(&machine);
	if (survey_look(&client, &machine, &why)) {
		put_failure(&why, &line.opts);
		status = why.status;
	} else {
		status = show(&machine, pids, line.nr_words, &line.opts);
	}
	machine_free(&machine);
	client_close(&client);
	free(pids);
	return status;
}
