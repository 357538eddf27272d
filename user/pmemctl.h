/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every command shares: exit status, options, how a command is described.
 */
#ifndef PMEMCTL_H
#define PMEMCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PMEMCTL_VERSION "0.1.0"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/** enum status - exit status; section EXIT STATUS of the manual */
enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NO_MODULE = 3,
	STATUS_NO_PROCESS = 4,
	STATUS_NOT_PERMITTED = 5
};

/**
 * struct failure - why a process cannot be shown
 * @status: what the program will exit with, STATUS_DONE: nothing failed
 * @text: one line without the program's name and the PID
 */
struct failure {
	enum status status;
	char text[512];
};

struct json;
struct picture;
struct table;
struct selection;
struct sorting;
struct filter;

/**
 * struct wish - what is wanted to be known of a process
 * @sections: enum pmemctl_section to ask the module for
 * @registers: registers: worth asking for PTRACE_MODE_ATTACH
 * @live: those of running threads, too: they are to be interrupted
 * @touched: which pages of the threads' stacks were touched
 * @orphans: stacks of no live thread; takes PMEMCTL_SECTION_SHARERS
 * @smaps: what /proc/PID/smaps says of the VMAs
 * @residents: which pages of the parts of VMAs are in memory
 * @files: who else maps its files; takes PMEMCTL_SECTION_VMAS
 * @uses: what memory and mapped files tell of regions; takes PMEMCTL_SECTION_THREADS
 */
struct wish {
	uint32_t sections;
	bool registers;
	bool live;
	bool touched;
	bool orphans;
	bool smaps;
	bool residents;
	bool files;
	bool uses;
};

/**
 * struct options - what the command line asked for
 * @json: -J
 * @raw: -r
 * @noheadings: -n
 * @bytes: -b
 * @live: --live
 * @extended: -x
 * @lint: --lint
 * @over: --over, percent
 * @min_guard: --min-guard, bytes
 * @shared: --shared
 * @all_threads: --threads
 * @kernel: --kernel
 * @colour: standard output is a terminal that may be coloured
 * @table: the table that is shown; NULL: the view shows all there is
 * @columns: the columns chosen by -o, or the default ones
 * @chosen: -o was given
 * @sorting: --sort
 * @filter: which rows, NULL: all
 */
struct options {
	bool json;
	bool raw;
	bool noheadings;
	bool bytes;
	bool live;
	bool extended;
	bool lint;
	unsigned int over;
	uint64_t min_guard;
	bool shared;
	bool all_threads;
	bool kernel;
	bool colour;
	bool chosen;
	const struct table *table;
	const struct selection *columns;
	const struct sorting *sorting;
	const struct filter *filter;
};

/**
 * struct view - what a command shows of a process
 * @wish: what must be known for it; columns may add to it
 * @filtered: the table that options choose rows of; NULL: the command's
 * @below: another table that comes below, unless columns were chosen; may be NULL
 * @prepare: finds out what it shows besides; returns 0, or -1 if there is no memory; may
 *	be NULL
 * @text: writes what comes above the command's table, for people, and may be NULL; or,
 *	where it has none, all
 * @after: writes what comes below the command's table, for people; may be NULL
 * @json: writes the tables; NULL @picture: of a process that failed. Of a command with a
 *	table: unless another one or columns were chosen, and NULL if that table is all
 * @json_after: writes what comes after the table, unless columns were chosen; may be NULL
 * @last: writes what there is to say of several processes together, after them: in JSON
 *	a comma and one more value; may be NULL
 */
struct view {
	struct wish wish;
	const struct table *filtered;
	const struct table *below;
	int (*prepare)(struct picture *picture);
	void (*text)(FILE *out, const struct picture *picture, const struct options *opts);
	void (*after)(FILE *out, const struct picture *picture, const struct options *opts);
	void (*json)(struct json *json, const struct picture *picture,
		     const struct options *opts);
	void (*json_after)(struct json *json, const struct picture *picture,
			   const struct options *opts);
	void (*last)(FILE *out, const struct options *opts);
};

/**
 * struct command - a row of the command table
 * @name: the word on the command line
 * @args: its arguments, for usage lines
 * @summary: one line
 * @about: more, for "pmemctl help NAME"
 * @options: enum option_group: which options it has
 * @table: the table it prints; NULL: it prints none, or several
 * @view: what it shows of each process; NULL: it is no command about single processes
 * @run: runs it; takes the command's name as the first word, returns the exit status
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	const char *about;
	unsigned int options;
	const struct table *table;
	const struct view *view;
	int (*run)(const struct command *cmd, int argc, char **argv);
};

extern const struct command commands[];
extern const struct view view_show, view_regions, view_threads, view_sharers, view_summary;

/**
 * command_find() - look a command up by its whole name
 * @name: the word
 *
 * Return: the command, NULL if there is none.
 */
const struct command *command_find(const char *name);

/**
 * command_run() - a command about single processes, one after the other
 * @cmd: the command
 * @argc: number of words, the command's name is the first of them
 * @argv: the words
 *
 * Return: exit status.
 */
int command_run(const struct command *cmd, int argc, char **argv);

/** ls_run() - "pmemctl ls [PID...]"; takes and returns what command_run() does */
int ls_run(const struct command *cmd, int argc, char **argv);

/** compare_run() - "pmemctl compare PID PID", likewise */
int compare_run(const struct command *cmd, int argc, char **argv);

/** who_run() - "pmemctl who PID [ADDRESS...]", likewise */
int who_run(const struct command *cmd, int argc, char **argv);

/** help_usage() - the short usage text of the program, onto @out */
void help_usage(FILE *out);

/** help_command() - help of one command, with its columns, onto @out */
void help_command(FILE *out, const struct command *cmd);

/**
 * help_run() - "pmemctl help [COMMAND]"
 * @cmd: the command help itself
 * @argc: number of words, "help" is the first of them
 * @argv: the words
 *
 * Return: exit status.
 */
int help_run(const struct command *cmd, int argc, char **argv);

/** help_version() - version of the program and of the loaded module, onto @out */
void help_version(FILE *out);

/**
 * complain() - one line on standard error, after the program's name
 * @fmt: as for printf, without newline
 */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
