// SPDX-License-Identifier: GPL-2.0
/*
 * A command about processes: its options, its PIDs, and for each of them
 * request, judgement, output. What is printed about a process is first put
 * together in memory, so that there is all of it or nothing.
 */
#include "pmemctl.h"

#include "json.h"
#include "lint.h"
#include "orphans.h"
#include "proc.h"
#include "process.h"
#include "table.h"
#include "target.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct run - a command at work
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

/* What comes below the table is left out where a certain table was asked for */
static bool shows_below(const struct run *run)
{
	return run->view->below && run->opts->table == run->view->table && !run->opts->chosen;
}

static void put_json(FILE *out, const struct run *run, const struct picture *picture,
		     uint32_t pid, const struct failure *why)
{
	struct json json = { .out = out, .empty = true };
	const struct options *opts = run->opts;
	const struct table *table = opts->table;

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
		table_json(&json, table, opts->chosen ? opts->columns : NULL, opts->sorting,
			   picture);
	else
		run->view->json(&json, picture, opts);
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

/* What people should know of a table of threads */
static void put_notes(FILE *out, const struct run *run, const struct picture *picture)
{
	const struct model *model = picture->model;

	if (shows_below(run) && model->witness.nr_orphans) {
		fputs("\n", out);
		put_orphans(out, run, picture);
	}
	if (run->opts->lint && !picture->nr_findings)
		fprintf(out, "%u: no risk found in %zu %s\n", model->pid, model->nr_threads,
			model->nr_threads == 1 ? "thread" : "threads");
	if (run->view->threads && !(model->flags & PMEMCTL_PROCESS_ATTACH))
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

/* Everything about one process, put together in memory */
static char *compose(struct run *run, uint32_t pid, const struct model *model,
		     const struct failure *why, size_t *size)
{
	struct picture picture;
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	if (!out)
		return NULL;
	if (why->status) {
		put_json(out, run, NULL, pid, why);
	} else {
		if (picture_make(&picture, model, run->has_vsyscall ? &run->vsyscall : NULL) ||
		    (run->opts->lint &&
		     lint_find(&picture, run->opts->over, run->opts->min_guard))) {
			picture_free(&picture);
			fclose(out);
			free(text);
			return NULL;
		}
		run->found |= picture.nr_findings;
		if (run->opts->json)
			put_json(out, run, &picture, pid, why);
		else
			put_text(out, run, &picture);
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
static void make_wish(struct wish *wish, const struct view *view, const struct options *opts)
{
	bool below = view->below && opts->table == view->table && !opts->chosen && !opts->raw;
	bool orphans = below || opts->table == &table_orphans;

	*wish = view->wish;
	wish->live = opts->live;
	wish->orphans |= orphans;
	if (wish->orphans)
		wish->sections |= PMEMCTL_SECTION_SHARERS;
	wish->touched |= opts->lint;
	if (!opts->table || !view->threads)
		return;
	/* in JSON there are all columns, unless some were chosen */
	wish->touched |= opts->json && !opts->chosen && opts->table == view->table;
	wish->touched |= table_touched(opts->columns, opts->sorting);
}

static int run_pids(const struct view *view, const struct options *opts, char **pids, int count)
{
	struct run run = { .view = view, .opts = opts, .many = count > 1 };

	make_wish(&run.wish, view, opts);
	run.has_vsyscall = proc_vsyscall(&run.vsyscall);
	for (int i = 0; i < count; i++) {
		run_pid(&run, strtoul(pids[i], NULL, 10));
		/* Without the module all others fail for the same reason */
		if (run.status == STATUS_NO_MODULE && !opts->json)
			break;
	}
	if (opts->json)
		fputs(run.many ? "\n]\n" : "\n", stdout);
	client_close(&run.client);
	return run.status ? run.status : run.found ? STATUS_FAILED : STATUS_DONE;
}

static bool is_pid(const char *word)
{
	size_t len = strspn(word, "0123456789");

	return len && !word[len] && len < 11 && strtoull(word, NULL, 10) >= 1 &&
	       strtoull(word, NULL, 10) <= INT32_MAX;
}

static int usage_error(const struct command *cmd, const char *what, const char *why)
{
	complain("%s: %s; try 'pmemctl help %s'", what, why, cmd->name);
	return STATUS_USAGE;
}

enum {
	OPT_LIVE = 256,
	OPT_LINT,
	OPT_OVER,
	OPT_MIN_GUARD,
	OPT_ORPHANS,
	OPT_SORT
};

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'J' },
	{ "bytes", no_argument, NULL, 'b' },
	{ "help", no_argument, NULL, 'h' },
	{ "output", required_argument, NULL, 'o' },
	{ "raw", no_argument, NULL, 'r' },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "list-columns", no_argument, NULL, 'H' },
	{ "sort", required_argument, NULL, OPT_SORT },
	{ "live", no_argument, NULL, OPT_LIVE },
	{ "lint", no_argument, NULL, OPT_LINT },
	{ "over", required_argument, NULL, OPT_OVER },
	{ "min-guard", required_argument, NULL, OPT_MIN_GUARD },
	{ "orphans", no_argument, NULL, OPT_ORPHANS },
	{ NULL, 0, NULL, 0 }
};

/* Not every command has every option */
static bool has_option(const struct view *view, int c)
{
	switch (c) {
	case 'o':
	case 'r':
	case 'n':
	case 'H':
	case OPT_SORT:
		return view->table;
	case OPT_LIVE:
		return view->threads || !view->table;
	case OPT_LINT:
	case OPT_OVER:
	case OPT_MIN_GUARD:
	case OPT_ORPHANS:
		return view->threads;
	default:
		return c != '?';
	}
}

static void list_columns(const struct table *table, const struct options *opts)
{
	if (!opts->noheadings)
		printf("%-15s %-8s %s\n", "NAME", "TYPE", "DESCRIPTION");
	table_list(stdout, table, 0);
}

/* What the words of a command line said that is not in struct options */
struct line {
	const char *list;
	const char *sort;
	const char *over;
	const char *min_guard;
	bool orphans;
};

static int option_error(const struct command *cmd, char **argv, const char *why)
{
	char letter[] = { '-', optopt, 0 };
	/* a word may have been taken for its argument */
	const char *word = argv[optind - (optarg && optarg == argv[optind - 1] ? 2 : 1)];

	return usage_error(cmd, optopt && optopt < 256 ? letter : word, why);
}

static void take_option(struct options *opts, struct line *line, int c)
{
	switch (c) {
	case 'J':
		opts->json = true;
		break;
	case 'b':
		opts->bytes = true;
		break;
	case 'r':
		opts->raw = true;
		break;
	case 'n':
		opts->noheadings = true;
		break;
	case 'o':
		line->list = optarg;
		break;
	case OPT_SORT:
		line->sort = optarg;
		break;
	case OPT_LIVE:
		opts->live = true;
		break;
	case OPT_LINT:
		opts->lint = true;
		break;
	case OPT_OVER:
		line->over = optarg;
		break;
	case OPT_MIN_GUARD:
		line->min_guard = optarg;
		break;
	case OPT_ORPHANS:
		line->orphans = true;
		break;
	}
}

/*
 * Parses options.
 *
 * Return: 'h' or 'H' if that is all there is to do, 0 to go on, -1 after an
 * error was told.
 */
static int parse_options(const struct command *cmd, int argc, char **argv,
			 struct options *opts, struct line *line)
{
	int c, what = 0;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":Jbho:rnH", long_options, NULL)) != -1) {
		if (c == ':')
			return option_error(cmd, argv, optopt == 'o' || optopt == OPT_SORT ?
					    "needs a list of columns" : "needs a number"), -1;
		if (!has_option(cmd->view, c)) {
			if (c != '?')
				optopt = c;
			return option_error(cmd, argv, "no such option"), -1;
		}
		if (c == 'h' || (c == 'H' && !what))
			what = c;
		take_option(opts, line, c);
	}
	return what;
}

/* 4096, 64K, 1M */
static bool parse_size(const char *word, uint64_t *size)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	if (*word < '0' || *word > '9')
		return false;
	*size = strtoull(word, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		*size <<= 10 * (unit - units + 1);
		end++;
	}
	return !*end && strlen(word) < 12;
}

static int parse_lint(const struct command *cmd, struct options *opts, const struct line *line)
{
	uint64_t over = 90;

	opts->min_guard = 4096;
	if ((line->over || line->min_guard) && !opts->lint)
		return usage_error(cmd, line->over ? "--over" : "--min-guard", "is for --lint");
	if (line->over && (!parse_size(line->over, &over) || over > 100))
		return usage_error(cmd, line->over, "not a percentage");
	if (line->min_guard && !parse_size(line->min_guard, &opts->min_guard))
		return usage_error(cmd, line->min_guard, "not a size such as 4096 or 64K");
	opts->over = over;
	return 0;
}

static int select_columns(const struct command *cmd, const struct options *opts,
			  const struct line *line, struct selection *selection,
			  struct sorting *sorting)
{
	const char *unknown = table_select(opts->table, line->list, selection);

	if (!unknown && line->sort) {
		unknown = table_sorting(opts->table, line->sort, sorting);
		if (unknown && sorting->count == SORTING_MAX)
			return usage_error(cmd, line->sort, "too many columns to sort by");
		if (unknown && *unknown == '-')
			unknown++;
	}
	if (!unknown)
		return 0;
	complain("%.*s: no such column; 'pmemctl %s%s -H' lists them",
		 (int)strcspn(unknown, ","), unknown, cmd->name,
		 opts->lint ? " --lint" : line->orphans ? " --orphans" : "");
	return STATUS_USAGE;
}

int command_run(const struct command *cmd, int argc, char **argv)
{
	struct options opts = { .colour = paint_wanted() };
	struct selection selection;
	struct sorting sorting;
	struct line line = { 0 };
	int what = parse_options(cmd, argc, argv, &opts, &line);

	if (what < 0)
		return STATUS_USAGE;
	if (what == 'h') {
		help_command(stdout, cmd);
		return STATUS_DONE;
	}
	if (opts.lint && line.orphans)
		return usage_error(cmd, "--lint and --orphans", "one or the other");
	opts.table = opts.lint ? &table_findings : line.orphans ? &table_orphans :
		     cmd->view->table;
	if (parse_lint(cmd, &opts, &line) ||
	    (opts.table && select_columns(cmd, &opts, &line, &selection, &sorting)))
		return STATUS_USAGE;
	if (what == 'H') {
		list_columns(opts.table, &opts);
		return STATUS_DONE;
	}
	opts.columns = &selection;
	opts.chosen = line.list;
	opts.sorting = line.sort ? &sorting : NULL;
	if (opts.raw)
		opts.colour = false;
	if (opts.json && opts.raw)
		return usage_error(cmd, "-J and -r", "one or the other");
	if (optind == argc)
		return usage_error(cmd, cmd->name, "no PID given");
	for (int i = optind; i < argc; i++) {
		if (!is_pid(argv[i]))
			return usage_error(cmd, argv[i], "not a PID");
	}
	return run_pids(cmd->view, &opts, argv + optind, argc - optind);
}
