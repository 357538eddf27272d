// SPDX-License-Identifier: GPL-2.0
#include "options.h"

#include "text.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_LIVE = 256,
	OPT_LINT,
	OPT_OVER,
	OPT_MIN_GUARD,
	OPT_ORPHANS,
	OPT_FILES,
	OPT_SORT,
	OPT_SHARED,
	OPT_ALL_THREADS,
	OPT_KERNEL,
	OPT_FILTER	/* and on, by enum filter_by */
};

/**
 * struct spec - an option
 * @c: its letter, or a number above all letters
 * @name: its long name
 * @arg: what its argument is, for people; NULL: it has none
 * @groups: enum option_group: a command needs one of them to have it; 0: all have it
 * @help: what it does; lines are separated by newlines
 */
struct spec {
	int c;
	const char *name;
	const char *arg;
	unsigned int groups;
	const char *help;
};

static const struct spec specs[] = {
	{ 'J', "json", NULL, 0, "JSON" },
	{ 'o', "output", "LIST", OPTIONS_TABLE,
	  "these columns; +LIST: besides the default ones" },
	{ 'r', "raw", NULL, OPTIONS_TABLE, "one blank between columns, for scripts" },
	{ 'n', "noheadings", NULL, OPTIONS_TABLE, "no headings" },
	{ 'H', "list-columns", NULL, OPTIONS_TABLE, "list the columns and exit" },
	{ OPT_SORT, "sort", "LIST", OPTIONS_TABLE,
	  "sort by these columns; -COLUMN: descending" },
	{ OPT_FILTER + FILTER_KIND, "kind", "KINDS", OPTIONS_FILTER << FILTER_KIND,
	  "only rows of these kinds" },
	{ OPT_FILTER + FILTER_TID, "tid", "TIDS", OPTIONS_FILTER << FILTER_TID,
	  "only rows that belong to these threads" },
	{ OPT_FILTER + FILTER_ADDR, "addr", "LOW-HIGH", OPTIONS_FILTER << FILTER_ADDR,
	  "only rows with addresses of this range, or this\none address" },
	{ OPT_FILTER + FILTER_SIZE, "min-size", "SIZE", OPTIONS_FILTER << FILTER_SIZE,
	  "only rows of this SIZE at least" },
	{ 'x', "extended", NULL, OPTIONS_SMAPS,
	  "what of each region is in memory, and whose: from smaps" },
	{ OPT_LIVE, "live", NULL, OPTIONS_LIVE,
	  "exact registers of running threads, too: interrupts\nthe CPUs that run them" },
	{ OPT_ORPHANS, "orphans", NULL, OPTIONS_THREADS,
	  "the stacks of no live thread instead" },
	{ OPT_FILES, "files", NULL, OPTIONS_FILES,
	  "the other processes that map the same files instead" },
	{ OPT_LINT, "lint", NULL, OPTIONS_THREADS,
	  "risks instead; exit status 1 if there are any" },
	{ OPT_OVER, "over", "PERCENT", OPTIONS_THREADS,
	  "with --lint: how much use is too much (90)" },
	{ OPT_MIN_GUARD, "min-guard", "SIZE", OPTIONS_THREADS,
	  "with --lint: how small a guard is too small (4K)" },
	{ OPT_SHARED, "shared", NULL, OPTIONS_LS,
	  "only what several processes share" },
	{ OPT_ALL_THREADS, "threads", NULL, OPTIONS_LS,
	  "each thread, not only how many there are" },
	{ OPT_KERNEL, "kernel", NULL, OPTIONS_LS, "the kernel threads as well" },
	{ 'b', "bytes", NULL, 0, "sizes as numbers of bytes" },
	{ 'h', "help", NULL, 0, "this text" },
};

/* What options said that needs the rest of the line to be understood */
struct words {
	const char *list;
	const char *sort;
	const char *over;
	const char *min_guard;
	const char *filters[FILTERS];
	bool orphans;
	bool files;
	int optind;	/* of the first word that is not an option */
};

/* The table of which rows can be chosen */
static const struct table *filtered(const struct command *cmd)
{
	return cmd->view && cmd->view->filtered ? cmd->view->filtered : cmd->table;
}

static bool has_option(const struct command *cmd, const struct spec *spec)
{
	const struct table *table = filtered(cmd);
	unsigned int groups = cmd->options;

	for (int by = 0; table && by < FILTERS; by++) {
		if (filter_offered(table, by))
			groups |= OPTIONS_FILTER << by;
	}
	return !spec->groups || spec->groups & groups;
}

static const struct spec *find_spec(int c)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		if (specs[i].c == c)
			return &specs[i];
	}
	return NULL;
}

void options_help(FILE *out, const struct command *cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		const struct spec *spec = &specs[i];
		char left[32], letter[8] = "    ";

		if (!has_option(cmd, spec))
			continue;
		if (spec->c < 256)
			snprintf(letter, sizeof(letter), "-%c, ", spec->c);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, spec->name,
			 spec->arg ? " " : "", spec->arg ? spec->arg : "");
		fprintf(out, "  %-21s ", left);
		for (const char *s = spec->help; *s; s++) {
			putc(*s, out);
			if (*s == '\n')
				fprintf(out, "%24s", "");
		}
		putc('\n', out);
	}
}

int usage_error(const struct command *cmd, const char *what, const char *why)
{
	complain("%s: %s; try 'pmemctl help %s'", what, why, cmd->name);
	return STATUS_USAGE;
}

bool is_pid(const char *word)
{
	size_t len = strspn(word, "0123456789");

	return len && !word[len] && len < 11 && strtoull(word, NULL, 10) >= 1 &&
	       strtoull(word, NULL, 10) <= INT32_MAX;
}

bool parse_size(const char *word, uint64_t *size)
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

static void take_option(struct options *opts, struct words *words, int c)
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
		words->list = optarg;
		break;
	case OPT_SORT:
		words->sort = optarg;
		break;
	case 'x':
		opts->extended = true;
		break;
	case OPT_FILTER + FILTER_KIND:
	case OPT_FILTER + FILTER_TID:
	case OPT_FILTER + FILTER_ADDR:
	case OPT_FILTER + FILTER_SIZE:
		words->filters[c - OPT_FILTER] = optarg;
		break;
	case OPT_LIVE:
		opts->live = true;
		break;
	case OPT_LINT:
		opts->lint = true;
		break;
	case OPT_OVER:
		words->over = optarg;
		break;
	case OPT_MIN_GUARD:
		words->min_guard = optarg;
		break;
	case OPT_ORPHANS:
		words->orphans = true;
		break;
	case OPT_FILES:
		words->files = true;
		break;
	case OPT_SHARED:
		opts->shared = true;
		break;
	case OPT_ALL_THREADS:
		opts->all_threads = true;
		break;
	case OPT_KERNEL:
		opts->kernel = true;
		break;
	}
}

/* Names the option that getopt_long() just met as it was written */
static int option_error(const struct command *cmd, char **argv, const char *why)
{
	char letter[] = { '-', optopt, 0 };
	/* a word may have been taken for its argument */
	const char *word = argv[optind - (optarg && optarg == argv[optind - 1] ? 2 : 1)];

	return usage_error(cmd, optopt && optopt < 256 ? letter : word, why);
}

static int no_argument_given(const struct command *cmd, char **argv)
{
	const struct spec *spec = find_spec(optopt);
	static const char *const filters[FILTERS] = {
		[FILTER_KIND] = "a list of kinds",
		[FILTER_TID] = "a list of thread ids",
		[FILTER_ADDR] = "an address, or LOW-HIGH",
		[FILTER_SIZE] = "a number",
	};
	char why[64];

	if (!strcmp(spec->arg, "LIST"))
		snprintf(why, sizeof(why), "needs a list of columns");
	else if (spec->c >= OPT_FILTER)
		snprintf(why, sizeof(why), "needs %s", filters[spec->c - OPT_FILTER]);
	else
		snprintf(why, sizeof(why), "needs a number");
	return option_error(cmd, argv, why);
}

/* What getopt_long() wants: the letters, with a colon behind those that take an argument */
static void fill_getopt(char *letters, struct option *options)
{
	*letters++ = ':';
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		const struct spec *spec = &specs[i];

		options[i] = (struct option) {
			spec->name, spec->arg ? required_argument : no_argument, NULL, spec->c
		};
		if (spec->c >= 256)
			continue;
		*letters++ = spec->c;
		if (spec->arg)
			*letters++ = ':';
	}
	*letters = 0;
	options[ARRAY_SIZE(specs)] = (struct option) { 0 };
}

/*
 * Parses options.
 *
 * Return: 'h' or 'H' if that is all there is to do, 0 to go on, -1 after an
 * error was told.
 */
static int parse_words(const struct command *cmd, int argc, char **argv, struct options *opts,
		       struct words *words)
{
	struct option options[ARRAY_SIZE(specs) + 1];
	char letters[2 * ARRAY_SIZE(specs) + 2];
	int c, what = 0;

	fill_getopt(letters, options);
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		const struct spec *spec = find_spec(c);

		if (c == ':')
			return no_argument_given(cmd, argv), -1;
		if (!spec || !has_option(cmd, spec)) {
			if (c != '?')
				optopt = c;
			return option_error(cmd, argv, "no such option"), -1;
		}
		if (c == 'h' || (c == 'H' && !what))
			what = c;
		take_option(opts, words, c);
	}
	words->optind = optind;
	return what;
}

static int parse_lint(const struct command *cmd, struct options *opts, const struct words *words)
{
	uint64_t over = 90;

	opts->min_guard = 4096;
	if (opts->lint && words->orphans)
		return usage_error(cmd, "--lint and --orphans", "one or the other");
	if ((words->over || words->min_guard) && !opts->lint)
		return usage_error(cmd, words->over ? "--over" : "--min-guard", "is for --lint");
	if (words->over && (!parse_size(words->over, &over) || over > 100))
		return usage_error(cmd, words->over, "not a percentage");
	if (words->min_guard && !parse_size(words->min_guard, &opts->min_guard))
		return usage_error(cmd, words->min_guard, "not a size such as 4096 or 64K");
	opts->over = over;
	return 0;
}

/* Return: as table_select() */
static const char *select_list(const struct options *opts, const char *list,
			       struct selection *selection)
{
	const struct table *table = opts->table;

	if (!opts->extended || !table->extended || (list && *list != '+'))
		return table_select(table, list, selection);
	table_select(table, table->extended, selection);
	return list ? table_add(table, list + 1, selection) : NULL;
}

static int select_columns(const struct command *cmd, const struct words *words,
			  struct command_line *line)
{
	const struct options *opts = &line->opts;
	const char *unknown = select_list(opts, words->list, &line->columns);

	if (!unknown && words->sort) {
		unknown = table_sorting(opts->table, words->sort, &line->sorting);
		if (unknown && line->sorting.count == SORTING_MAX)
			return usage_error(cmd, words->sort, "too many columns to sort by");
		if (unknown && *unknown == '-')
			unknown++;
	}
	if (!unknown)
		return 0;
	complain("%.*s: no such column; 'pmemctl %s%s -H' lists them",
		 (int)strcspn(unknown, ","), unknown, cmd->name,
		 opts->lint ? " --lint" : words->orphans ? " --orphans" :
		 words->files ? " --files" : "");
	return STATUS_USAGE;
}

static int unknown_kind(const struct command *cmd, const char *kind)
{
	complain("%.*s: no such kind; 'pmemctl help %s' lists them", (int)strcspn(kind, ","), kind,
		 cmd->name);
	return STATUS_USAGE;
}

/* Return: 0, or the exit status after an error was told */
static int parse_filter(const struct command *cmd, enum filter_by by, const char *word,
			const struct table *table, struct filter *filter)
{
	const char *wrong = NULL;
	char option[16];
	uint64_t size;

	snprintf(option, sizeof(option), "--%s", find_spec(OPT_FILTER + by)->name);
	if (!filter_offered(table, by))
		return usage_error(cmd, option, "the table has no such column");
	switch (by) {
	case FILTER_KIND:
		wrong = filter_kinds(filter, table, word);
		if (wrong && filter->nr_kinds == FILTER_MAX)
			return usage_error(cmd, word, "too many kinds");
		return wrong ? unknown_kind(cmd, wrong) : 0;
	case FILTER_TID:
		wrong = filter_tids(filter, word);
		if (wrong && filter->nr_tids == FILTER_MAX)
			return usage_error(cmd, word, "too many threads");
		return wrong ? usage_error(cmd, word, "not a list of thread ids") : 0;
	case FILTER_ADDR:
		return filter_addr(filter, word) ? 0 :
		       usage_error(cmd, word, "not an address or LOW-HIGH in hexadecimal");
	default:
		if (!parse_size(word, &size))
			return usage_error(cmd, word, "not a size such as 4096 or 64K");
		filter_size(filter, size);
		return 0;
	}
}

static int parse_filters(const struct command *cmd, const struct words *words,
			 struct command_line *line)
{
	const struct table *table = line->opts.table ? line->opts.table : filtered(cmd);
	int ret = 0;

	for (int by = 0; by < FILTERS && !ret; by++) {
		if (words->filters[by])
			ret = parse_filter(cmd, by, words->filters[by], table, &line->filter);
	}
	line->opts.filter = line->filter.wanted ? &line->filter : NULL;
	return ret;
}

static void list_columns(const struct options *opts)
{
	if (!opts->noheadings)
		printf("%-15s %-8s %s\n", "NAME", "TYPE", "DESCRIPTION");
	table_list(stdout, opts->table, 0);
}

int options_parse(const struct command *cmd, int argc, char **argv, struct command_line *line)
{
	struct options *opts = &line->opts;
	struct words words = { 0 };
	int what;

	memset(line, 0, sizeof(*line));
	opts->colour = paint_wanted();
	what = parse_words(cmd, argc, argv, opts, &words);
	if (what < 0)
		return STATUS_USAGE;
	if (what == 'h') {
		help_command(stdout, cmd);
		return STATUS_DONE;
	}
	opts->table = opts->lint ? &table_findings : words.orphans ? &table_orphans :
		      words.files ? &table_files : cmd->table;
	if (parse_lint(cmd, opts, &words) ||
	    (opts->table && select_columns(cmd, &words, line)) ||
	    parse_filters(cmd, &words, line))
		return STATUS_USAGE;
	if (what == 'H') {
		list_columns(opts);
		return STATUS_DONE;
	}
	opts->columns = &line->columns;
	opts->chosen = words.list;
	opts->sorting = words.sort ? &line->sorting : NULL;
	if (opts->raw)
		opts->colour = false;
	if (opts->json && opts->raw)
		return usage_error(cmd, "-J and -r", "one or the other");
	line->words = argv + words.optind;
	line->nr_words = argc - words.optind;
	return -1;
}
