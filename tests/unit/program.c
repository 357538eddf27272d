// SPDX-License-Identifier: GPL-2.0
#include "program.h"

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

char out[1 << 20], err[4096];

void slurp(const char *path, char *to, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len;

	assert_non_null(file);
	len = fread(to, 1, size - 1, file);
	to[len] = 0;
	fclose(file);
}

int run_line(const char *line)
{
	int status = system(line);

	slurp("obj/out", out, sizeof(out));
	slurp("obj/err", err, sizeof(err));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

int run(const char *args)
{
	char line[512];

	snprintf(line, sizeof(line), "obj/pmemctl-replay >obj/out 2>obj/err %s", args);
	return run_line(line);
}

void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" where \"%s\" was expected", text, words);
}

void lines(const char *text, int n)
{
	int found = 0;

	for (; *text; text++)
		found += *text == '\n';
	assert_int_equal(found, n);
}

void write_reply(const struct builder *b, const char *path)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(b->reply, 1, b->size, file), b->size);
	fclose(file);
}

int program_setup(void **state)
{
	static struct builder b;

	builder_process(&b);
	builder_build(&b);
	write_reply(&b, "obj/process.nl");
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("COLUMNS", "80", 1);
	return 0;
}
