// SPDX-License-Identifier: GPL-2.0
#include "pmemctl.h"

#include "options.h"
#include "table.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

const struct command commands[] = {
	{ "ls", "[PID...]", "all address spaces, biggest first, and who uses which",
	  "Lists every address space (mm) of the machine with the processes that use it, by\n"
	  "resident memory. Several processes of one mm are a tree. With PIDs: theirs only.",
	  OPTIONS_TABLE | OPTIONS_LS, &table_ls, NULL, ls_run },
	{ "show", "PID...", "everything at once: process, regions, threads, sharers",
	  "Shows the process, its regions, its threads with their stacks, who else uses the\n"
	  "address space, and how much of it is what. PID may be that of any thread.",
	  OPTIONS_LIVE | OPTIONS_SMAPS, NULL, &view_show, command_run },
	{ "regions", "PID...", "what lies where",
	  "Lists the VMAs of a process, as /proc/PID/maps does, and what each is. A VMA with\n"
	  "several uses is followed by its parts; not so in raw output.",
	  OPTIONS_TABLE | OPTIONS_SMAPS, &table_regions, &view_regions, command_run },
	{ "threads", "PID...", "its threads, and which stack is whose",
	  "Lists the threads of a process with the stack each runs on, and the evidence for\n"
	  "that. A stack that cannot be told for certain is shown as -.",
	  OPTIONS_TABLE | OPTIONS_LIVE | OPTIONS_THREADS, &table_threads, &view_threads,
	  command_run },
	{ "sharers", "PID...", "who else uses the address space, or maps its files",
	  "Lists the tasks outside the process that use its address space, and, after one look at\n"
	  "each process that you may look at, those that map the same files or shared memory.",
	  OPTIONS_TABLE | OPTIONS_FILES, &table_sharers, &view_sharers, command_run },
	{ "summary", "PID...", "how much of what there is, and why it is so large",
	  "Sums up by kind: address space, and how much of it is in memory and in swap; then why\n"
	  "the address space is as large as it is. Several PIDs are summed up together as well,\n"
	  "with an address space that some of them share counted once.",
	  OPTIONS_TABLE, &table_summary, &view_summary, command_run },
	{ "compare", "PID PID", "what two tasks share, down to single pages",
	  "Tells what two tasks share: address space, files and so on, namespaces; and where\n"
	  "the address spaces are two, which ranges, files and pages are the same in both, by\n"
	  "kind of region. A is the first of the two. Each PID may be that of any thread.",
	  OPTIONS_TABLE, &table_compare, NULL, compare_run },
	{ "who", "PID ADDR...", "what an address is, and who else has its page",
	  "Explains addresses of a process: region, stack, file and symbol, page, and the other\n"
	  "processes that have the page. ADDR is in hex, as in /proc/PID/maps, with or without 0x.\n"
	  "Without any, or for -, they are read from standard input, one a line.",
	  0, NULL, NULL, who_run },
	{ "help", "[COMMAND]", "this text, or that of a command",
	  "Tells what a command does, its options, and its columns.",
	  0, NULL, NULL, help_run },
	{ 0 }
};

const struct command *command_find(const char *name)
{
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		if (!strcmp(cmd->name, name))
			return cmd;
	}
	return NULL;
}

void complain(const char *fmt, ...)
{
	char text[1024];
	va_list args;

	/* with names in it that processes gave themselves */
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fputs("pmemctl: ", stderr);
	put_visible(stderr, text);
	fputs("\n", stderr);
}

/*
 * Descriptors 0 to 2 that are closed get a file that refuses what they are
 * for; else the next file opened, a socket or somebody's memory, would be
 * standard output.
 */
static void occupy_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd ? O_RDONLY : O_WRONLY);
	}
}

/* Output that could not be written is a failure, a reader that left is not */
static int close_stdout(int status)
{
	bool failed = ferror(stdout);

	if (fclose(stdout))
		failed = true;
	else if (failed)
		errno = EIO;
	if (!failed || errno == EPIPE)
		return status;
	complain("write error: %s", strerror(errno));
	return status ? status : STATUS_FAILED;
}

static int run(int argc, char **argv)
{
	const struct command *cmd;

	if (argc < 2) {
		help_usage(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		help_usage(stdout);
		return STATUS_DONE;
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		help_version(stdout);
		return STATUS_DONE;
	}
	cmd = command_find(argv[1]);
	if (!cmd) {
		complain("%s: no such %s; try 'pmemctl help'", argv[1],
			 *argv[1] == '-' ? "option" : "command");
		return STATUS_USAGE;
	}
	return cmd->run(cmd, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	occupy_standard_files();
	setlocale(LC_CTYPE, "");
	return close_stdout(run(argc, argv));
}
