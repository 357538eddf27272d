// SPDX-License-Identifier: GPL-2.0
#include "process.h"

#include "text.h"

#include <inttypes.h>

static const struct {
	uint8_t attr;
	bool address;
	const char *key;
} mm_fields[] = {
	{ PMEMCTL_MM_TOTAL_VM, false, "total_vm" },
	{ PMEMCTL_MM_HIWATER_VM, false, "hiwater_vm" },
	{ PMEMCTL_MM_LOCKED_VM, false, "locked_vm" },
	{ PMEMCTL_MM_PINNED_VM, false, "pinned_vm" },
	{ PMEMCTL_MM_DATA_VM, false, "data_vm" },
	{ PMEMCTL_MM_EXEC_VM, false, "exec_vm" },
	{ PMEMCTL_MM_STACK_VM, false, "stack_vm" },
	{ PMEMCTL_MM_HIWATER_RSS, false, "hiwater_rss" },
	{ PMEMCTL_MM_RSS_ANON, false, "rss_anon" },
	{ PMEMCTL_MM_RSS_FILE, false, "rss_file" },
	{ PMEMCTL_MM_RSS_SHMEM, false, "rss_shmem" },
	{ PMEMCTL_MM_SWAP, false, "swap" },
	{ PMEMCTL_MM_PGTABLES, false, "pgtables" },
	{ PMEMCTL_MM_TASK_SIZE, true, "task_size" },
	{ PMEMCTL_MM_MMAP_BASE, true, "mmap_base" },
	{ PMEMCTL_MM_START_CODE, true, "start_code" },
	{ PMEMCTL_MM_END_CODE, true, "end_code" },
	{ PMEMCTL_MM_START_DATA, true, "start_data" },
	{ PMEMCTL_MM_END_DATA, true, "end_data" },
	{ PMEMCTL_MM_START_BRK, true, "start_brk" },
	{ PMEMCTL_MM_BRK, true, "brk" },
	{ PMEMCTL_MM_START_STACK, true, "start_stack" },
	{ PMEMCTL_MM_ARG_START, true, "arg_start" },
	{ PMEMCTL_MM_ARG_END, true, "arg_end" },
	{ PMEMCTL_MM_ENV_START, true, "env_start" },
	{ PMEMCTL_MM_ENV_END, true, "env_end" },
};

static const char *exe_name(const struct model *model)
{
	return model_name(model, model->mm[PMEMCTL_MM_EXE]);
}

static void put_who(FILE *out, const struct model *model, const struct options *opts)
{
	const char *exe = exe_name(model);

	if (opts->colour)
		fputs(paint_sequence(PAINT_HEAD), out);
	fprintf(out, "%u (", model->pid);
	put_visible(out, model->comm);
	fputs(")", out);
	if (opts->colour)
		fputs("\033[0m", out);
	fputs("  ", out);
	if (exe)
		put_visible(out, exe);
	else
		fputs(model->mm[PMEMCTL_MM_EXE] ? "(path unknown)" : "(no executable)", out);
	fputs("\n", out);
	if (model->flags & PMEMCTL_PROCESS_LEADER_EXITED)
		fputs("its main thread has exited\n", out);
}

void process_sharers_text(FILE *out, const struct model *model)
{
	size_t kthreads = 0, others;

	for (size_t i = 0; i < model->nr_sharers; i++)
		kthreads += model->sharers[i].relation == PMEMCTL_RELATION_KTHREAD;
	others = model->nr_sharers - kthreads;
	fputs("shared with ", out);
	if (others)
		put_count(out, others, "process", "processes");
	else if (!model->hidden)
		fputs("no other process", out);
	if (model->hidden) {
		/* threads of processes, or kernel threads: they are counted one by one */
		fputs(others ? " and " : "", out);
		put_count(out, model->hidden, "task that has", "tasks that have");
		fputs(" no PID here", out);
	}
	if (kthreads) {
		fputs(", and ", out);
		put_count(out, kthreads, "kernel thread", "kernel threads");
		fputs(" at work in it", out);
	}
	if (model->unexplained) {
		fputs("; ", out);
		put_count(out, model->unexplained, "reference", "references");
		fputs(" more, of no task", out);
	}
	fputs("\n", out);
}

static void put_sizes(FILE *out, const struct model *model, const struct options *opts)
{
	const uint64_t *mm = model->mm;
	uint64_t rss = mm[PMEMCTL_MM_RSS_ANON] + mm[PMEMCTL_MM_RSS_FILE] +
		       mm[PMEMCTL_MM_RSS_SHMEM];
	char a[24], b[24], c[24], d[24];
	bool exact = opts->bytes;

	fprintf(out, "size %s, resident %s (anon %s, file %s, ",
		size_text(a, mm[PMEMCTL_MM_TOTAL_VM], exact), size_text(b, rss, exact),
		size_text(c, mm[PMEMCTL_MM_RSS_ANON], exact),
		size_text(d, mm[PMEMCTL_MM_RSS_FILE], exact));
	fprintf(out, "shmem %s), swap %s, ", size_text(a, mm[PMEMCTL_MM_RSS_SHMEM], exact),
		size_text(b, mm[PMEMCTL_MM_SWAP], exact));
	if (model->rlimit_stack == UINT64_MAX)
		fputs("stack without limit\n", out);
	else
		fprintf(out, "stack limit %s\n", size_text(a, model->rlimit_stack, exact));
}

void process_text(FILE *out, const struct picture *picture, const struct options *opts)
{
	const struct model *model = picture->model;
	char time[40], wait[24], hold[24];

	put_who(out, model, opts);
	fprintf(out, "mm %016" PRIx64 ": ", model->mm[PMEMCTL_MM_ID]);
	put_count(out, model->nr_threads, "thread", "threads");
	fputs(", ", out);
	process_sharers_text(out, model);
	put_sizes(out, model, opts);
	fprintf(out, "taken %s, waited %s for mmap_lock, held it %s\n",
		time_text(time, model->taken), nanoseconds_text(wait, model->lock_wait),
		nanoseconds_text(hold, model->lock_hold));
	if (!(model->flags & PMEMCTL_PROCESS_ATTACH))
		fputs("registers withheld: not permitted to attach\n", out);
}

void process_kthread_text(FILE *out, const struct model *model)
{
	fprintf(out, "%u (", model->pid);
	put_visible(out, model->comm);
	fputs("): kernel thread: has no address space of its own", out);
	if (model->borrowed_pid) {
		fputs(model->flags & PMEMCTL_PROCESS_LAZY ? "; was left with that of " :
		      "; works in that of ", out);
		fprintf(out, "%u (", model->borrowed_pid);
		put_visible(out, model->borrowed_comm);
		fputs(")", out);
	}
	fputs("\n", out);
}

static void put_mm_json(struct json *json, const struct model *model)
{
	for (size_t i = 0; i < ARRAY_SIZE(mm_fields); i++) {
		const char *key = mm_fields[i].key;
		uint64_t value = model->mm[mm_fields[i].attr];

		if (!model->has_mm)
			json_null(json, key);
		else if (mm_fields[i].address)
			json_address(json, key, value);
		else
			json_unsigned(json, key, value);
	}
}

/* A number that there is only with an mm */
static void put_mm_number(struct json *json, const struct model *model, const char *key,
			  uint64_t value)
{
	if (model->has_mm)
		json_unsigned(json, key, value);
	else
		json_null(json, key);
}

static void put_access_json(struct json *json, const struct model *model)
{
	if (!model->has_mm)
		json_null(json, "access");
	else
		json_string(json, "access", model->flags & PMEMCTL_PROCESS_ATTACH ? "attach" :
			    "read");
}

static void put_mm_id_json(struct json *json, const struct model *model)
{
	char id[24];

	if (!model->has_mm) {
		json_null(json, "mm_id");
		return;
	}
	snprintf(id, sizeof(id), "0x%016" PRIx64, model->mm[PMEMCTL_MM_ID]);
	json_string(json, "mm_id", id);
}

static void put_borrowed_json(struct json *json, const struct model *model)
{
	if (model->borrowed_pid)
		json_unsigned(json, "borrowed_pid", model->borrowed_pid);
	else
		json_null(json, "borrowed_pid");
	json_string(json, "borrowed_comm", model->borrowed_pid ? model->borrowed_comm : NULL);
	json_bool(json, "borrowed_lazily", model->flags & PMEMCTL_PROCESS_LAZY);
}

void process_json(struct json *json, const struct model *model)
{
	char time[40];

	json_object(json, "process");
	json_unsigned(json, "pid", model->pid);
	json_string(json, "comm", model->comm);
	json_string(json, "exe", exe_name(model));
	json_bool(json, "kernel_thread", model->flags & PMEMCTL_PROCESS_KTHREAD);
	json_bool(json, "leader_exited", model->flags & PMEMCTL_PROCESS_LEADER_EXITED);
	put_access_json(json, model);
	put_mm_id_json(json, model);
	put_mm_number(json, model, "mm_users", model->mm[PMEMCTL_MM_USERS]);
	put_mm_number(json, model, "map_count", model->mm[PMEMCTL_MM_MAP_COUNT]);
	json_unsigned(json, "nr_threads", model->nr_threads);
	json_unsigned(json, "nr_sharers", model->nr_sharers);
	put_mm_number(json, model, "sharers_hidden", model->hidden);
	put_mm_number(json, model, "mm_users_unexplained", model->unexplained);
	put_borrowed_json(json, model);
	json_string(json, "taken", model->taken ? time_text(time, model->taken) : NULL);
	put_mm_number(json, model, "lock_wait_ns", model->lock_wait);
	put_mm_number(json, model, "lock_hold_ns", model->lock_hold);
	if (model->rlimit_stack == UINT64_MAX || !model->has_mm)
		json_null(json, "rlimit_stack");
	else
		json_unsigned(json, "rlimit_stack", model->rlimit_stack);
	put_mm_json(json, model);
	json_end_object(json);
}
