// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl help: made from the same tables that do the work.
 */
#include "lint.h"
#include "options.h"
#include "pmemctl.h"
#include "table.h"

#include <string.h>

void help_usage(FILE *out)
{
	fputs("Usage: pmemctl COMMAND [OPTION...] PID...\n"
	      "Show the address space of a process: what lies where, and whose stack is what.\n"
	      "\nCommands:\n", out);
	for (const struct command *cmd = commands; cmd->name; cmd++)
		fprintf(out, "  %-7s %-11s %s\n", cmd->name, cmd->args, cmd->summary);
	fputs("\n'pmemctl help COMMAND' tells more; 'pmemctl --version' tells both versions.\n",
	      out);
}

void help_command(FILE *out, const struct command *cmd)
{
	bool options = cmd->run != help_run;

	fprintf(out, "Usage: pmemctl %s%s %s\n%s\n", cmd->name, options ? " [OPTION...]" : "",
		cmd->args, cmd->about);
	if (!options)
		return;
	fputs("\nOptions:\n", out);
	options_help(out, cmd);
	if (cmd->table) {
		fputs("\nColumns:\n", out);
		table_list(out, cmd->table, 2);
		fprintf(out, "Default: %s\n", cmd->table->defaults);
	}
	if (cmd->options & OPTIONS_THREADS) {
		fputs("\nColumns of --orphans:\n", out);
		table_list(out, &table_orphans, 2);
		fputs("\nRisks that --lint knows:\n", out);
		for (int i = 0; i < RISKS; i++)
			fprintf(out, "  %-17s %s\n", risk_name(i), risk_about(i));
	}
	if (cmd->options & OPTIONS_FILES) {
		fputs("\nColumns of --files:\n", out);
		table_list(out, &table_files, 2);
	}
	if (cmd->table == &table_regions) {
		fputs("\nKinds of regions:\n", out);
		for (int i = 0; i < KINDS; i++)
			fprintf(out, "  %-14s %s\n", kind_name(i), kind_about(i));
	}
}

int help_run(const struct command *cmd, int argc, char **argv)
{
	if (argc < 2) {
		help_usage(stdout);
		return STATUS_DONE;
	}
	cmd = command_find(argv[1]);
	if (!cmd) {
		complain("%s: no such command; try 'pmemctl help'", argv[1]);
		return STATUS_USAGE;
	}
	help_command(stdout, cmd);
	return STATUS_DONE;
}

void help_version(FILE *out)
{
	FILE *file = fopen("/sys/module/pmemctl/version", "re");
	char module[64] = "not loaded";

	if (file) {
		if (!fgets(module, sizeof(module), file))
			strcpy(module, "unknown");
		fclose(file);
	}
	module[strcspn(module, "\n")] = 0;
	fprintf(out, "pmemctl %s\nmodule: %s\n", PMEMCTL_VERSION, module);
}
