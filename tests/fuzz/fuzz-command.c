// SPDX-License-Identifier: GPL-2.0
/*
 * Command lines: the whole program but for what asks the kernel, with a process and a
 * machine that have names from the input. It ends with one of its exit statuses; what
 * it writes is JSON where that was asked for, and does nothing to a terminal.
 *
 * An input is names, the words of the command line up to an empty one, and what is
 * on standard input.
 */
#include "check-json.h"
#include "crowd.h"
#include "hearsay.h"
#include "scene.h"
#include "words.h"

#include "pmemctl.h"
#include "proc.h"
#include "survey.h"
#include "target.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <string.h>

#define WORDS 16

static struct builder process;
static struct crowd machine_is;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	return 0;
}

/* Stands in for target.c */
int target_look(struct client *client, uint32_t pid, const struct wish *wish,
		struct model *model, struct failure *why)
{
	*why = (struct failure) { STATUS_DONE, "" };
	if (pid == 99) {
		*why = (struct failure) { STATUS_NOT_PERMITTED, "not permitted" };
		return -1;
	}
	must(!builder_model(&process, model));
	model->sections = wish->sections;
	must(!hearsay(model, wish));
	return 0;
}

/* Stands in for survey.c */
int survey_look(struct client *client, struct machine *machine, struct failure *why)
{
	*why = (struct failure) { STATUS_DONE, "" };
	must(!crowd_replay(machine, machine_is.reply, machine_is.size));
	return 0;
}

/* Stand in for proc.c: nothing is to be had */
int proc_stat(uint32_t pid, struct proc_stat *stat)
{
	return -ENOENT;
}

uint32_t proc_live_thread(uint32_t pid)
{
	return 0;
}

int proc_open(uint32_t pid, uint32_t tid, const char *name)
{
	return -ENOENT;
}

bool proc_vsyscall(struct pmemctl_vma *vma)
{
	*vma = (struct pmemctl_vma) {
		.start = 0xffffffffff600000, .end = 0xffffffffff601000, .page_shift = 12,
	};
	return true;
}

size_t proc_list(uint32_t pid, uint32_t **ids)
{
	*ids = NULL;
	return 0;
}

bool proc_is_partial(void)
{
	return true;
}

enum proc_answer proc_same_mm(uint32_t a, uint32_t b)
{
	return PROC_UNKNOWN;
}

enum proc_answer proc_same_namespace(uint32_t a, uint32_t b, const char *name)
{
	return PROC_UNKNOWN;
}

static void make_names(struct input *in)
{
	static char comm[16], path[256];

	take_string(in, comm, sizeof(comm));
	take_string(in, path, sizeof(path));
	builder_process(&process);
	process.comm = comm;
	process.vmas[7].name = builder_name(&process, path);
	process.vmas[14].file = builder_file(&process, path, 13, PMEMCTL_OBJECT_DELETED);
	memcpy(process.threads[1].comm, comm, sizeof(comm));
	builder_build(&process);
	crowd_village(&machine_is);
	memcpy(machine_is.tasks[1].comm, comm, sizeof(comm));
	crowd_build(&machine_is);
}

/* A letter that was not the last of its word is kept by the C library */
static void forget_options(void)
{
	char name[] = "x", *words[] = { name, NULL };

	optind = 0;
	getopt_long(1, words, "", (struct option[]) { { 0 } }, NULL);
}

static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-J") || !strcmp(argv[i], "--json"))
			return true;
	}
	return false;
}

static void judge_run(int argc, char **argv, struct input *in)
{
	const struct command *cmd = command_find(argv[0]);
	FILE *was_in = stdin, *was_out = stdout, *was_err = stderr;
	char *out, *err;
	size_t out_size, err_size;
	bool json = wants_json(argc, argv);
	int status;

	if (!cmd)
		return;
	stdin = in->left ? fmemopen((void *)in->at, in->left, "r") : fopen("/dev/null", "r");
	stdout = open_memstream(&out, &out_size);
	stderr = open_memstream(&err, &err_size);
	forget_options();
	status = cmd->run(cmd, argc, argv);
	fclose(stdin);
	fclose(stdout);
	fclose(stderr);
	stdin = was_in;
	stdout = was_out;
	stderr = was_err;
	must(status >= STATUS_DONE && status <= STATUS_NOT_PERMITTED);
	judge_words(out, out_size);
	judge_words(err, err_size);
	/* all or nothing; help is text, whatever was asked for besides */
	if (json && out_size && (out[0] == '{' || out[0] == '['))
		must(!json_check(out, out_size));
	must(status != STATUS_USAGE || !out_size);
	must(status != STATUS_USAGE || err_size);
	must(status == STATUS_DONE || out_size || err_size);
	free(out);
	free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char words[WORDS][64], *argv[WORDS + 1];
	int argc = 0;

	make_names(&in);
	while (argc < WORDS && take_string(&in, words[argc], sizeof(words[argc]))) {
		argv[argc] = words[argc];
		argc++;
	}
	argv[argc] = NULL;
	if (argc)
		judge_run(argc, argv, &in);
	return 0;
}
