// SPDX-License-Identifier: GPL-2.0
/*
 * The options of threads, and --sort: what they do on the command line, and
 * with what else they do not go together.
 */
#include "check-json.h"
#include "program.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

struct error {
	const char *args;
	const char *words;
};

static void are_errors(const struct error *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(run(cases[i].args), 2);
		assert_string_equal(out, "");
		assert_int_equal(strncmp(err, "pmemctl: ", 9), 0);
		has(err, cases[i].words);
		lines(err, 1);
	}
}

#define ARE_ERRORS(cases) are_errors(cases, sizeof(cases) / sizeof((cases)[0]))

static void errors_of_lint(void **state)
{
	static const struct error cases[] = {
		{ "threads --over 5 1", "--over: is for --lint" },
		{ "threads --min-guard 4K 1", "--min-guard: is for --lint" },
		{ "threads --over 5 -H", "--over: is for --lint" },
		{ "threads --lint --over", "--over: needs a number" },
		{ "threads --lint --min-guard", "--min-guard: needs a number" },
		{ "threads --lint --over 101 1", "101: not a percentage" },
		{ "threads --lint --over -1 1", "-1: not a percentage" },
		{ "threads --lint --over 9x 1", "9x: not a percentage" },
		{ "threads --lint --over 1K 1", "1K: not a percentage" },
		{ "threads --lint --over ' 5' 1", "not a percentage" },
		{ "threads --lint --over '' 1", "not a percentage" },
		{ "threads --lint --min-guard 4k 1", "4k: not a size" },
		{ "threads --lint --min-guard 4KB 1", "4KB: not a size" },
		{ "threads --lint --min-guard -1 1", "-1: not a size" },
		{ "threads --lint --min-guard K 1", "K: not a size" },
		{ "threads --lint --min-guard 0x1000 1", "0x1000: not a size" },
		{ "threads --lint --min-guard 18446744073709551616 1", "not a size" },
		{ "threads --lint --orphans 1", "--lint and --orphans: one or the other" },
		{ "threads --orphans --lint 1", "--lint and --orphans: one or the other" },
		{ "threads --lint -J -r 1", "-J and -r: one or the other" },
		{ "threads --lint", "no PID" },
		{ "threads --orphans", "no PID" },
		{ "threads --live", "no PID" },
		{ "threads --lint=5 1", "--lint=5: no such option" },
	};

	ARE_ERRORS(cases);
}

static void columns_that_are_not_there(void **state)
{
	static const struct error cases[] = {
		{ "threads --lint -o stack 1", "stack: no such column; 'pmemctl threads --lint -H'" },
		{ "threads --orphans -o tid 1", "tid: no such column; 'pmemctl threads --orphans -H'" },
		{ "threads -o risk 1", "risk: no such column; 'pmemctl threads -H'" },
		{ "threads --sort foo 1", "foo: no such column; 'pmemctl threads -H'" },
		{ "threads --sort -tid,-foo,comm 1", "pmemctl: foo: no such column" },
		{ "threads --sort '' 1", "no such column" },
		{ "threads --lint --sort used 1", "used: no such column" },
		{ "threads --orphans --sort used 1", "used: no such column" },
		{ "regions --sort used 1", "used: no such column; 'pmemctl regions -H'" },
		{ "threads --sort", "--sort: needs a list" },
		{ "threads --sort tid,tid,tid,tid,tid,tid,tid,tid,tid 1", "too many columns" },
	};

	ARE_ERRORS(cases);
}

static void options_of_other_commands(void **state)
{
	static const struct error cases[] = {
		{ "show --lint 1", "--lint: no such option" },
		{ "show --orphans 1", "--orphans: no such option" },
		{ "show --over 5 1", "--over: no such option" },
		{ "show 1 --over 5", "--over: no such option" },
		{ "show --min-guard 5 1", "--min-guard: no such option" },
		{ "show --sort pid 1", "--sort: no such option" },
		{ "regions --live 1", "--live: no such option" },
		{ "regions --lint 1", "--lint: no such option" },
		{ "regions --orphans 1", "--orphans: no such option" },
		{ "sharers --live 1", "--live: no such option" },
		{ "sharers --lint 1", "--lint: no such option" },
	};

	ARE_ERRORS(cases);
	assert_int_equal(run("show --live 1"), 0);
	assert_int_equal(run("threads --live 1"), 0);
	assert_int_equal(run("regions --sort start 1"), 0);
	assert_int_equal(run("sharers --sort pid 1"), 0);
}

static void errors_of_filters(void **state)
{
	static const struct error cases[] = {
		{ "regions --kind pink 1", "pink: no such kind; 'pmemctl help regions' lists them" },
		{ "regions --kind heap,pink,stack 1", "pmemctl: pink: no such kind" },
		{ "regions --kind '' 1", "no such kind" },
		{ "regions --kind main 1", "main: no such kind" },
		{ "show --kind pink 1", "pink: no such kind; 'pmemctl help show'" },
		{ "threads --kind heap 1", "heap: no such kind; 'pmemctl help threads'" },
		{ "threads --orphans --kind main 1", "--kind: the table has no such column" },
		{ "threads --orphans --tid 1 1", "--tid: the table has no such column" },
		{ "threads --lint --addr 1 1", "--addr: the table has no such column" },
		{ "threads --lint --min-size 1 1", "--min-size: the table has no such column" },
		{ "regions --tid x 1", "x: not a list of thread ids" },
		{ "regions --tid 5,0 1", "5,0: not a list of thread ids" },
		{ "regions --addr 5-4 1", "5-4: not an address or LOW-HIGH" },
		{ "regions --addr heap 1", "heap: not an address or LOW-HIGH" },
		{ "regions --min-size 1T 1", "1T: not a size" },
		{ "regions --kind", "--kind: needs a list of kinds" },
		{ "regions --tid", "--tid: needs a list of thread ids" },
		{ "regions --addr", "--addr: needs an address" },
		{ "regions --min-size", "--min-size: needs a number" },
		{ "summary --tid 1 1", "--tid: no such option" },
		{ "summary --addr 1 1", "--addr: no such option" },
		{ "sharers --kind heap 1", "--kind: no such option" },
		{ "sharers --min-size 1 1", "--min-size: no such option" },
		{ "threads -x 1", "-x: no such option" },
		{ "sharers --extended 1", "-x: no such option" },
		{ "summary -x 1", "-x: no such option" },
		{ "summary --sort size 1", "size: no such column" },
		{ "regions -x -o pink 1", "pink: no such column" },
		{ "regions -x -o +pink 1", "pink: no such column" },
	};

	ARE_ERRORS(cases);
}

static void filters(void **state)
{
	assert_int_equal(run("regions -rn -o start --kind heap,THREAD-STACK 1"), 0);
	assert_string_equal(out, "555500100000\n7f0000001000\n7f0000802000\n");
	assert_int_equal(run("regions -rn -o start --kind heap,thread_stack --tid 102 1"), 0);
	assert_string_equal(out, "7f0000802000\n");
	assert_int_equal(run("regions -rn -o kind --addr 7f0000800fff-7f0000802001 1"), 0);
	assert_string_equal(out, "thread\\x20stack\nguard\nthread\\x20stack\n");
	/* for a part, its whole row */
	assert_int_equal(run("regions -rn -o kind --addr 0x7ffe00020110 1"), 0);
	assert_string_equal(out, "stack\n");
	assert_int_equal(run("regions -n -o kind --addr 0x7ffe00020110 1"), 0);
	assert_string_equal(out, "stack\n└─args\n");
	assert_int_equal(run("regions -n -o kind,size --min-size 1M --sort -start 1"), 0);
	assert_string_equal(out, "library      1.4M\nthread stack   8M\nthread stack   8M\n");
	assert_int_equal(run("regions -J -o kind --kind args,heap 1"), 0);
	assert_string_equal(out, "{\n \"regions\": [\n  {\"kind\": \"heap\"},\n"
			    "  {\"kind\": \"stack\"}\n ],\n \"regions_shown\": 2,\n"
			    " \"regions_total\": 18\n}\n");
	assert_int_equal(run("threads -rn -o tid --tid 102,100 1"), 0);
	assert_string_equal(out, "100\n102\n");
	assert_int_equal(run("threads -rn -o tid --kind pthread --addr 7f0000001000 1"), 0);
	assert_string_equal(out, "101\n");
	assert_int_equal(run("threads --tid 5 1"), 0);
	has(out, "0 of 3 shown\n");
	assert_int_equal(run("summary -rn -o kind,reserved --kind heap,reserved 1"), 0);
	assert_string_equal(out, "heap 132K\n");
	/* a risk that is left out is none */
	assert_int_equal(run("threads --lint --over 0 --tid 101 1"), 1);
	has(out, "2 of 6 shown\n");
	assert_int_equal(run("threads --lint --over 0 --tid 5 1"), 0);
	has(out, "0 of 6 shown\n");
	assert_int_equal(run("threads -J --tid 101 1"), 0);
	assert_null(json_check(out, strlen(out)));
	assert_null(strstr(out, "orphans"));
	assert_int_equal(run("show -J --kind heap 1"), 0);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"regions_shown\": 1,");
	assert_null(strstr(out, "threads_shown"));
}

/* What smaps says is asked for by -x, or by the name of a column, and else not there */
static void extended(void **state)
{
	assert_int_equal(run("regions -rn -b -o start,rss,dirty,changed --kind heap 1"), 0);
	assert_string_equal(out, "555500100000 32768 8192 no\n");
	assert_int_equal(run("regions -rn -o start --sort -rss --min-size 1M 1"), 0);
	assert_string_equal(out, "7f0000001000\n7f0000802000\n7f0010020000\n");
	assert_int_equal(run("regions -rn -o rss,changed --addr 7f0010190000 1"), 0);
	assert_string_equal(out, "- yes\n");
	assert_int_equal(run("regions -x -o rss --kind anon 1"), 0);
	has(out, "\n  -\n1 of 18 shown\nsum: RSS 0, PSS 0, SWAP 0, DIRTY 0\n"
	    "1 changed while smaps was read: their columns from smaps are -\n");
	assert_int_equal(run("regions -x -o +locked,START --kind heap 1"), 0);
	has(out, "RANGE                     SIZE RSS PSS SWAP DIRTY PERMS KIND TID NAME   LOCKED "
	    "       START\n");
	assert_int_equal(run("regions -J 1"), 0);
	assert_null(strstr(out, "\"rss\""));
	assert_int_equal(run("regions -J -x 1"), 0);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"rss\": 32768, ");
	has(out, "\"rss\": null, ");
	assert_int_equal(run("show -J 1"), 0);
	assert_null(strstr(out, "\"rss\""));
	assert_int_equal(run("show -Jx 1"), 0);
	has(out, "\"changed\": true");
	/* rows of several VMAs: their sum */
	assert_int_equal(run("show -bx 1"), 0);
	has(out, " 1638400  409600  204800    0 102400 3 VMAs library ");
}

static void two_to_compare(void **state)
{
	static const struct error cases[] = {
		{ "compare", "compare: no PID given; try 'pmemctl help compare'" },
		{ "compare 1", "compare: only one PID given" },
		{ "compare 1 2 3", "3: compares two tasks, not more" },
		{ "compare 1 x", "x: not a PID" },
		{ "compare 0 1", "0: not a PID" },
		{ "compare -J -r 1 2", "-J and -r: one or the other" },
		{ "compare -o size 1 2", "size: no such column; 'pmemctl compare -H'" },
		{ "compare --live 1 2", "--live: no such option" },
	};

	ARE_ERRORS(cases);
	/* the stored reply, twice: one address space */
	assert_int_equal(run("compare 1 2"), 0);
	has(out, "two threads of one process\n\nA 100 (test), thread 1  /usr/bin/test\n");
	has(out, "\none mm, 0123456789abcdef: size 18M, resident 1.8M\n");
	assert_int_equal(run("compare -J 1 2"), 0);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"kinds\": null");
	assert_int_equal(run("compare -n 1 2"), 0);
	assert_string_equal(out, "");
	assert_string_equal(err, "two threads of one process\n");
	setenv("PMEMCTL_REPLAY", "/nonexistent", 1);
	assert_int_equal(run("compare 1 2"), 4);
	lines(err, 2);
	assert_int_equal(run("compare -J 1 2"), 4);
	assert_null(json_check(out, strlen(out)));
	has(out, "{\"pid\": 2, \"error\": \"no such process\"}");
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
	assert_int_equal(run("compare -H"), 0);
	has(out, "\nCOW ");
}

static void lists_of_columns(void **state)
{
	assert_int_equal(run("threads -H --lint"), 0);
	has(out, "\nRISK ");
	assert_null(strstr(out, "STACK_START"));
	assert_int_equal(run("threads --orphans -nH"), 0);
	has(out, "RESIDENT");
	assert_null(strstr(out, "NAME "));
	assert_null(strstr(out, "TID"));
	assert_int_equal(run("threads -H"), 0);
	has(out, "\nMAX% ");
	assert_null(strstr(out, "RISK"));
}

static void help_tells(void **state)
{
	static const char *const options[] = {
		"--sort", "--live", "--lint", "--over", "--min-guard", "--orphans"
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		assert_int_equal(run("help threads"), 0);
		has(out, options[i]);
		assert_int_equal(run("help show"), 0);
		assert_int_equal(!!strstr(out, options[i]), i == 1);
		assert_int_equal(run("help regions"), 0);
		assert_int_equal(!!strstr(out, options[i]), i == 0);
	}
}

static void help_tells_of_filters(void **state)
{
	static const struct {
		const char *help;
		unsigned int options;	/* of those below */
	} cases[] = {
		{ "help regions", 31 }, { "help show", 31 }, { "help threads", 15 },
		{ "help summary", 1 }, { "help sharers", 0 },
	};
	static const char *const options[] = {
		"--kind KINDS", "--tid TIDS", "--addr LOW-HIGH", "--min-size SIZE", "--extended"
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(cases[i].help), 0);
		for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++)
			assert_int_equal(!!strstr(out, options[k]), cases[i].options >> k & 1);
	}
}

static void sorting(void **state)
{
	assert_int_equal(run("threads -rn -o tid --sort -tid 1"), 0);
	assert_string_equal(out, "102\n101\n100\n");
	assert_int_equal(run("threads -rn -o tid --sort stack_size,-tid 1"), 0);
	assert_string_equal(out, "100\n102\n101\n");
	assert_int_equal(run("threads -rn -o tid --sort nice,tid 1"), 0);
	assert_string_equal(out, "101\n100\n102\n");
	assert_int_equal(run("threads -J -o tid --sort -nvcsw 1"), 0);
	has(out, "[\n  {\"tid\": 100},\n  {\"tid\": 101},\n  {\"tid\": 102}\n ]");
	assert_int_equal(run("threads -J --sort -tid 1"), 0);
	has(out, "\"threads\": [\n  {\"tid\": 102,");
	assert_int_equal(run("threads --sort=-tid 1"), 0);
	has(out, "\n102 test");
	/* a part stays with its region */
	assert_int_equal(run("regions -n -o kind --sort -start 1"), 0);
	assert_int_equal(strncmp(out, "vsyscall\nvdso\nstack\n├─stack\n├─args\n",
				 sizeof("vsyscall\nvdso\nstack\n├─stack\n├─args\n") - 1), 0);
}

static void use(const struct builder *b)
{
	write_reply(b, "obj/options.nl");
	setenv("PMEMCTL_REPLAY", "obj/options.nl", 1);
}

static void lint_finds(void **state)
{
	static struct builder b;

	assert_int_equal(run("threads --lint 1"), 0);
	assert_string_equal(out, "100: no risk found in 3 threads\n");
	assert_int_equal(run("threads --lint -r 1"), 0);
	assert_null(strstr(out, "no risk"));
	assert_int_equal(run("threads --lint -J 1"), 0);
	assert_string_equal(out, "{\n \"findings\": []\n}\n");
	assert_int_equal(run("threads --lint --over 0 --min-guard 64K 1"), 1);
	lines(out, 1 + 2 + 2 * 3);
	assert_int_equal(run("threads --lint --min-guard 8192 1"), 1);
	lines(out, 3);

	builder_process(&b);
	b.vmas[8].flags |= PMEMCTL_VMA_EXEC;
	builder_build(&b);
	use(&b);
	assert_int_equal(run("threads --lint 1"), 1);
	assert_string_equal(out, "TID COMM RISK       EVIDENCE\n"
			    "101 test executable 7f0000001000-7f0000801000 is rwx\n");
	assert_string_equal(err, "");
	assert_int_equal(run("threads --lint -J 1 2"), 1);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"findings\": [\n  {\"tid\": 101, \"comm\": \"test\", \"risk\": \"executable\", "
	    "\"evidence\": \"7f0000001000-7f0000801000 is rwx\"}\n ]");
	assert_int_equal(run("threads --lint -rn -o tid,risk 1"), 1);
	assert_string_equal(out, "101 executable\n");
	/* one that runs where the evidence says nothing of a stack */
	builder_process(&b);
	b.threads[1].evidence = 0;
	b.threads[1].stack_low = b.threads[1].stack_high = 0;
	builder_build(&b);
	use(&b);
	assert_int_equal(run("threads --lint 1"), 0);
	assert_string_equal(out, "100: no risk found in 2 threads\n"
			    "100: 1 thread was not judged: its stack is unknown\n");
	/* what failed weighs more */
	setenv("PMEMCTL_REPLAY", "obj/nothing", 1);
	assert_int_equal(run("threads --lint 1"), 4);
	assert_int_equal(run("threads --lint -J 1"), 4);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"findings\": []");
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

/* A stack of no thread */
static void leave_an_orphan(struct builder *b)
{
	builder_process(b);
	builder_vma(b, 0x7ffe00040000, 0x7ffe00041000, "---p", 0, 0);
	builder_vma(b, 0x7ffe00041000, 0x7ffe00841000, "rw-p", 0, 0);
	builder_build(b);
}

static void orphans(void **state)
{
	static struct builder b;

	assert_int_equal(run("threads --orphans 1"), 0);
	assert_string_equal(out, "");
	assert_int_equal(run("threads --orphans -J 1"), 0);
	assert_string_equal(out, "{\n \"orphans\": []\n}\n");
	leave_an_orphan(&b);
	use(&b);
	assert_int_equal(run("threads --orphans -rn 1"), 0);
	lines(out, 1);
	has(out, "7ffe00041000-7ffe00841000 8M 12K vma ");
	assert_int_equal(run("threads -J 1"), 0);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"orphans\": [\n  {\"start\": \"0x7ffe00041000\", \"end\": \"0x7ffe00841000\", "
	    "\"size\": 8388608, \"resident\": 12288, \"guard\": \"vma\", "
	    "\"guard_start\": \"0x7ffe00040000\", \"guard_size\": 4096, \"why\": ");
	assert_int_equal(run("threads 1"), 0);
	has(out, "\n\n1 stack of no live thread, 8M in size, 12K resident:\nRANGE");
	assert_int_equal(run("show 1"), 0);
	has(out, "\nstacks of no live thread:\nRANGE");
	has(out, "orphan stack ");

	/* not below columns that were chosen, nor in what scripts read */
	assert_int_equal(run("threads -o tid 1"), 0);
	assert_null(strstr(out, "no live thread"));
	assert_int_equal(run("threads -J -o tid 1"), 0);
	assert_null(strstr(out, "orphans"));
	assert_int_equal(run("threads -r 1"), 0);
	lines(out, 4);
	assert_int_equal(run("threads --lint 1"), 0);
	lines(out, 1);
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

/* Registers and orphans need it */
static void not_permitted_to_attach(void **state)
{
	static struct builder b;

	builder_process(&b);
	b.flags &= ~PMEMCTL_PROCESS_ATTACH;
	builder_build(&b);
	use(&b);
	assert_int_equal(run("threads 1"), 0);
	has(out, "\nregisters withheld: not permitted to attach\n");
	assert_int_equal(run("threads -r 1"), 0);
	assert_null(strstr(out, "not permitted"));
	assert_int_equal(run("threads -J 1"), 0);
	assert_null(json_check(out, strlen(out)));
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_of_lint), cmocka_unit_test(columns_that_are_not_there),
		cmocka_unit_test(options_of_other_commands), cmocka_unit_test(lists_of_columns),
		cmocka_unit_test(errors_of_filters), cmocka_unit_test(filters),
		cmocka_unit_test(extended), cmocka_unit_test(two_to_compare),
		cmocka_unit_test(help_tells), cmocka_unit_test(help_tells_of_filters),
		cmocka_unit_test(sorting),
		cmocka_unit_test(lint_finds), cmocka_unit_test(orphans),
		cmocka_unit_test(not_permitted_to_attach),
	};

	return cmocka_run_group_tests_name("options", tests, program_setup, NULL);
}
