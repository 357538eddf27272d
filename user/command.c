// SPDX-License-Identifier: GPL-2.0
/*
 * A command about processes: its PIDs, and for each of them request, judgement, output. What is printed about a process is first put
 * together in memory, so that there is all of it or nothing.
 */
#include "pmemctl.h"

#include "files.h"
#include "json.h"
#include "lint.h"
#include "options.h"
#include "orphans.h"
#include "proc.h"
#include "process.h"
#include "table.h"
#include "target.h"

#include <stdlib.h>

/**
 * struct run - a command at work
 * @cmd: the command
 * @view: what it shows
 * @opts: how
 * @client: the connection, kept from PID to PID
 * @wish: what must be known for what is to be shown
 * @vsyscall: this machine's vsyscall page
 * @has_vsyscall: there is one
 * @status: exit status so far: that of the first failure
 * @many: more than one PID was given
 * @shown: how many PIDs have been printed
 * @found: --lint has found something
 */
struct run {
	const struct command *cmd;
	const struct view *view;
	const struct options *opts;
	struct wish wish;
	struct client client;
	struct pmemctl_vma vsyscall;
	bool has_vsyscall;
	bool many;
	enum status status;
	size_t shown;
	bool found;
};

/* What comes below the table is left out where a certain table, or certain rows, were asked for */
static bool shows_below(const struct run *run)
{
	return run->view->below && run->opts->table == run->cmd->table && !run->opts->chosen &&
	       !run->opts->filter;
}

static void put_json(FILE *out, const struct run *run, const struct picture *picture,
		     uint32_t pid, const struct failure *why)
{
	struct json json = { .out = out, .empty = true };
	const struct options *opts = run->opts;
	const struct table *table = opts->table;

	/* the view writes more than this one table */
	if (run->view->json && table == run->cmd->table && !opts->chosen)
		table = NULL;
	json_object(&json, NULL);
	if (!picture) {
		json_object(&json, "process");
		json_unsigned(&json, "pid", pid);
		json_string(&json, "error", why->text);
		json_end_object(&json);
	} else if (!table) {
		process_json(&json, picture->model);
	}
	if (table == &table_orphans && picture && !orphans_told(picture->model))
		json_null(&json, table->name);
	else if (table)
		table_json_rows(&json, table, opts->chosen ? opts->columns : NULL, picture, opts);
	else
		run->view->json(&json, picture, opts);
	if (run->view->json_after && !opts->chosen)
		run->view->json_after(&json, picture, opts);
	if (shows_below(run))
		orphans_json(&json, picture);
	json_end_object(&json);
}

static void put_orphans(FILE *out, const struct run *run, const struct picture *picture)
{
	const struct witness *witness = &picture->model->witness;
	uint64_t size = 0, resident = 0;
	struct options opts = *run->opts;
	struct selection selection;
	char a[24], b[24];

	for (size_t i = 0; i < witness->nr_orphans; i++) {
		size += witness->orphans[i].own.end - witness->orphans[i].own.start;
		resident += witness->orphans[i].resident;
	}
	fprintf(out, "%zu %s of no live thread, %s in size, %s resident:\n", witness->nr_orphans,
		witness->nr_orphans == 1 ? "stack" : "stacks", size_text(a, size, opts.bytes),
		size_text(b, resident, opts.bytes));
	opts.sorting = NULL;
	table_select(run->view->below, NULL, &selection);
	table_text(out, run->view->below, &selection, picture, &opts);
}

/* That nothing was found is said of what was looked at only */
static void put_judged(FILE *out, const struct picture *picture)
{
	size_t unjudged, judged = lint_judged(picture, &unjudged);
	uint32_t pid = picture->model->pid;

	if (!picture->nr_findings && (judged || !unjudged))
		fprintf(out, "%u: no risk found in %zu %s\n", pid, judged,
			judged == 1 ? "thread" : "threads");
	if (unjudged)
		fprintf(out, "%u: %zu %s not judged: %s unknown\n", pid, unjudged,
			unjudged == 1 ? "thread was" : "threads were",
			unjudged == 1 ? "its stack is" : "their stacks are");
}

/* What people should know of a table */
static void put_notes(FILE *out, const struct run *run, const struct picture *picture)
{
	const struct model *model = picture->model;

	if (run->view->after)
		run->view->after(out, picture, run->opts);
	if (shows_below(run) && model->witness.nr_orphans) {
		fputs("\n", out);
		put_orphans(out, run, picture);
	}
	if (run->opts->lint)
		put_judged(out, picture);
	if (run->cmd->options & OPTIONS_THREADS && !(model->flags & PMEMCTL_PROCESS_ATTACH))
		fputs("registers withheld: not permitted to attach\n", out);
	if (run->wish.orphans && !orphans_told(model))
		fprintf(out, "stacks of no live thread cannot be told: %s\n",
			!(model->flags & PMEMCTL_PROCESS_ATTACH) ? "not permitted to attach" :
			orphans_tellable(model) ? "the process changes too fast" :
			"other processes use the address space");
}

static void put_text(FILE *out, const struct run *run, const struct picture *picture)
{
	const struct options *opts = run->opts;
	const struct model *model = picture->model;
	bool plain = opts->raw || opts->noheadings;

	if (run->many && run->shown && !plain)
		fputs("\n", out);
	if (model->flags & PMEMCTL_PROCESS_KTHREAD) {
		process_kthread_text(plain ? stderr : out, model);
		return;
	}
	if (!opts->table) {
		run->view->text(out, picture, opts);
		return;
	}
	if (run->many && !plain) {
		fprintf(out, "%u (", model->pid);
		put_visible(out, model->comm);
		fputs(")\n", out);
	}
	if (run->view->text && !plain && !opts->chosen)
		run->view->text(out, picture, opts);
	if (!opts->lint || plain || picture->nr_findings)
		table_text(out, opts->table, opts->columns, picture, opts);
	if (!plain)
		put_notes(out, run, picture);
}

static int look_at_files(struct run *run, struct picture *picture, struct files *files)
{
	picture->files = files;
	return files_look(files, &run->client, picture);
}

/* Everything about one process, put together in memory */
static char *compose(struct run *run, uint32_t pid, const struct model *model,
		     const struct failure *why, size_t *size)
{
	struct files files = { 0 };
	struct picture picture;
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (!out)
		return NULL;
	if (why->status) {
		put_json(out, run, NULL, pid, why);
	} else {
		if (picture_make(&picture, model, run->has_vsyscall ? &run->vsyscall : NULL) ||
		    (run->view->prepare && run->view->prepare(&picture)) ||
		    (run->opts->lint &&
		     lint_find(&picture, run->opts->over, run->opts->min_guard)) ||
		    (run->wish.files && model->has_mm && look_at_files(run, &picture, &files))) {
			files_free(&files);
			picture_free(&picture);
			fclose(out);
			free(text);
			return NULL;
		}
		picture.extended = run->wish.smaps;
		run->found |= run->opts->lint &&
			      table_shown(&table_findings, &picture, run->opts->filter);
		if (run->opts->json)
			put_json(out, run, &picture, pid, why);
		else
			put_text(out, run, &picture);
		files_free(&files);
		picture_free(&picture);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static void print(struct run *run, uint32_t pid, const struct model *model,
		  struct failure *why)
{
	size_t size = 0;
	char *text;

	if (why->status && !run->opts->json)
		return;
	text = compose(run, pid, model, why, &size);
	if (!text) {
		complain("%u: out of memory", pid);
		if (!run->status)
			run->status = STATUS_FAILED;
		return;
	}
	if (run->opts->json && run->many)
		fputs(run->shown ? ",\n" : "[\n", stdout);
	fwrite(text, 1, size, stdout);
	run->shown++;
	free(text);
}

static void run_pid(struct run *run, uint32_t pid)
{
	struct failure why;
	struct model model;

	model_init(&model);
	target_look(&run->client, pid, &run->wish, &model, &why);
	print(run, pid, &model, &why);
	if (why.status) {
		/* In order with what is printed, when both go to a terminal */
		fflush(stdout);
		if (why.status == STATUS_NO_MODULE)
			complain("%s", why.text);
		else
			complain("%u: %s", pid, why.text);
		if (!run->status)
			run->status = why.status;
	}
	model_free(&model);
}

/* Columns may need more than the view does by itself */
static void make_wish(struct wish *wish, const struct command *cmd, const struct options *opts)
{
	const struct view *view = cmd->view;
	bool below = view->below && opts->table == cmd->table && !opts->chosen && !opts->raw &&
		     !opts->filter;
	bool orphans = below || opts->table == &table_orphans;

	*wish = view->wish;
	wish->live = opts->live;
	wish->orphans |= orphans;
	if (wish->orphans)
		wish->sections |= PMEMCTL_SECTION_SHARERS;
	wish->smaps |= opts->extended;
	if (opts->columns)
		wish->smaps |= table_smaps(opts->columns, opts->sorting);
	wish->touched |= opts->lint;
	/* scripts that asked for the table of sharers get that, at its price */
	if (opts->table == &table_files ||
	    (cmd->options & OPTIONS_FILES && !opts->chosen && !opts->raw &&
	     (opts->json || !opts->noheadings))) {
		wish->files = true;
		wish->sections |= PMEMCTL_SECTION_VMAS;
	}
	if (!(cmd->options & OPTIONS_THREADS))
		return;
	/* in JSON there are all columns, unless some were chosen */
	wish->touched |= opts->json && !opts->chosen && opts->table == cmd->table;
	wish->touched |= table_touched(opts->columns, opts->sorting);
}

static int run_pids(const struct command *cmd, const struct options *opts, char **pids, int count)
{
	struct run run = { .cmd = cmd, .view = cmd->view, .opts = opts, .many = count > 1 };

	make_wish(&run.wish, cmd, opts);
	run.has_vsyscall = proc_vsyscall(&run.vsyscall);
	for (int i = 0; i < count; i++) {
		run_pid(&run, strtoul(pids[i], NULL, 10));
		/* Without the module all others fail for the same reason */
		if (run.status == STATUS_NO_MODULE && !opts->json)
			break;
	}
	if (run.view->last && run.many && run.shown)
		run.view->last(stdout, opts);
	if (opts->json)
		fputs(run.many ? "\n]\n" : "\n", stdout);
	client_close(&run.client);
	return run.status ? run.status : run.found ? STATUS_FAILED : STATUS_DONE;
}

int command_run(const struct command *cmd, int argc, char **argv)
{
	struct command_line line;
	int status = options_parse(cmd, argc, argv, &line);

	if (status >= 0)
		return status;
	if (!line.nr_words)
		return usage_error(cmd, cmd->name, "no PID given");
	for (int i = 0; i < line.nr_words; i++) {
		if (!is_pid(line.words[i]))
			return usage_error(cmd, line.words[i], "not a PID");
	}
	return run_pids(cmd, &line.opts, line.words, line.nr_words);
}
