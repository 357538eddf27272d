// SPDX-License-Identifier: GPL-2.0
/*
 * A command about processes: its options, its PIDs, and for each of them
 * request, judgement, output. What is printed about a process is first put
 * together in memory, so that there is all of it or nothing.
 */
#include "pmemctl.h"

#include "json.h"
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
 * @vsyscall: this machine's vsyscall page
 * @has_vsyscall: there is one
 * @status: exit status so far: that of the first failure
 * @many: more than one PID was given
 * @shown: how many PIDs have been printed
 */
struct run {
	const struct view *view;
	const struct options *opts;
	struct client client;
	struct pmemctl_vma vsyscall;
	bool has_vsyscall;
	bool many;
	enum status status;
	size_t shown;
};

static void put_json(FILE *out, const struct run *run, const struct picture *picture,
		     uint32_t pid, const struct failure *why)
{
	struct json json = { .out = out, .empty = true };
	const struct table *table = run->view->table;

	json_object(&json, NULL);
	if (!picture) {
		json_object(&json, "process");
		json_unsigned(&json, "pid", pid);
		json_string(&json, "error", why->text);
		json_end_object(&json);
	} else if (!table) {
		process_json(&json, picture->model);
	}
	if (table)
		table_json(&json, table, run->opts->chosen ? run->opts->columns : NULL, picture);
	else
		run->view->json(&json, picture, run->opts);
	json_end_object(&json);
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
	if (!run->view->table) {
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
	table_text(out, run->view->table, opts->columns, picture, opts);
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
		if (picture_make(&picture, model, run->has_vsyscall ? &run->vsyscall : NULL)) {
			picture_free(&picture);
			fclose(out);
			free(text);
			return NULL;
		}
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
	target_look(&run->client, pid, run->view, &model, &why);
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

static int run_pids(const struct view *view, const struct options *opts, char **pids, int count)
{
	struct run run = { .view = view, .opts = opts, .many = count > 1 };

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
	return run.status;
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

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'J' },
	{ "bytes", no_argument, NULL, 'b' },
	{ "help", no_argument, NULL, 'h' },
	{ "output", required_argument, NULL, 'o' },
	{ "raw", no_argument, NULL, 'r' },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "list-columns", no_argument, NULL, 'H' },
	{ NULL, 0, NULL, 0 }
};

/* Options that only a command with a table has */
static bool is_table_option(int c)
{
	return c && strchr("ornH", c);
}

static void list_columns(const struct table *table, const struct options *opts)
{
	if (!opts->noheadings)
		printf("%-15s %-8s %s\n", "NAME", "TYPE", "DESCRIPTION");
	table_list(stdout, table, 0);
}

static int option_error(const struct command *cmd, char **argv, const char *why)
{
	char letter[] = { '-', optopt, 0 };

	return usage_error(cmd, optopt ? letter : argv[optind - 1], why);
}

/*
 * Parses options; @list gets what -o was given.
 *
 * Return: 'h' or 'H' if that is all there is to do, 0 to go on, -1 after an
 * error was told.
 */
static int parse_options(const struct command *cmd, int argc, char **argv,
			 struct options *opts, const char **list)
{
	int c, what = 0;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":Jbho:rnH", long_options, NULL)) != -1) {
		if (c == ':')
			return option_error(cmd, argv, "needs a list of columns"), -1;
		if (is_table_option(c) && !cmd->view->table)
			optopt = c;
		if (c == '?' || (is_table_option(c) && !cmd->view->table))
			return option_error(cmd, argv, "no such option"), -1;
		if (c == 'J')
			opts->json = true;
		else if (c == 'b')
			opts->bytes = true;
		else if (c == 'r')
			opts->raw = true;
		else if (c == 'n')
			opts->noheadings = true;
		else if (c == 'o')
			*list = optarg;
		else if (what != 'h')
			what = c;
	}
	return what;
}

static int select_columns(const struct command *cmd, const char *list,
			  struct selection *selection)
{
	const char *unknown = table_select(cmd->view->table, list, selection);

	if (!unknown)
		return 0;
	complain("%.*s: no such column; 'pmemctl %s -H' lists them",
		 (int)strcspn(unknown, ","), unknown, cmd->name);
	return -1;
}

int command_run(const struct command *cmd, int argc, char **argv)
{
	struct options opts = { .colour = paint_wanted() };
	struct selection selection;
	const char *list = NULL;
	int what = parse_options(cmd, argc, argv, &opts, &list);

	if (what < 0)
		return STATUS_USAGE;
	if (what == 'h') {
		help_command(stdout, cmd);
		return STATUS_DONE;
	}
	if (cmd->view->table && select_columns(cmd, list, &selection))
		return STATUS_USAGE;
	if (what == 'H') {
		list_columns(cmd->view->table, &opts);
		return STATUS_DONE;
	}
	opts.columns = &selection;
	opts.chosen = list;
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
