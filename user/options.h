/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Options: one list of them is the parser, the help, and knows which command
 * has which.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "filter.h"
#include "pmemctl.h"
#include "table.h"

/** enum option_group - which options a command has; all have those of every command */
enum option_group {
	OPTIONS_TABLE = 1,	/* it prints a table */
	OPTIONS_LIVE = 2,	/* it shows registers */
	OPTIONS_THREADS = 4,	/* it is about threads */
	OPTIONS_SMAPS = 8,	/* it can show what smaps says */
	OPTIONS_LS = 16,	/* it lists all mms */
	OPTIONS_FILES = 32,	/* it is about who has what */
	OPTIONS_FILTER = 256	/* shifted by enum filter_by: its table has what that judges by */
};

/**
 * struct command_line - the words of a command line, understood
 * @opts: its options
 * @columns: to which @opts.columns points
 * @sorting: to which @opts.sorting points
 * @filter: to which @opts.filter points
 * @words: what is not an option
 * @nr_words: how many
 */
struct command_line {
	struct options opts;
	struct selection columns;
	struct sorting sorting;
	struct filter filter;
	char **words;
	int nr_words;
};

/**
 * options_parse() - understand a command line
 * @cmd: the command
 * @argc: number of words, the command's name is the first of them
 * @argv: the words; sorted so that those that are not options come last
 * @line: filled in
 *
 * Return: -1 to go on; else the exit status: help or a list of columns was
 * printed, or an error was told.
 */
int options_parse(const struct command *cmd, int argc, char **argv, struct command_line *line);

/**
 * options_help() - list the options of a command
 * @out: where to
 * @cmd: the command
 */
void options_help(FILE *out, const struct command *cmd);

/**
 * usage_error() - tell what is wrong with a command line
 * @cmd: the command
 * @what: the word that is wrong
 * @why: what is wrong with it
 *
 * Return: STATUS_USAGE.
 */
int usage_error(const struct command *cmd, const char *what, const char *why);

/** is_pid() - whether a word is a number that a PID can have */
bool is_pid(const char *word);

/**
 * parse_size() - a number of bytes: 4096, 64K, 1M
 * @word: the word
 * @size: filled in
 *
 * Return: whether it is one.
 */
bool parse_size(const char *word, uint64_t *size);

#endif
