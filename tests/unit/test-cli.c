// SPDX-License-Identifier: GPL-2.0
/*
 * The whole program, on a stored reply: its options, exit status, and what it
 * prints, byte for byte.
 */
#include "builder.h"
#include "check-json.h"
#include "crowd.h"
#include "program.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With UPDATE=1 in the environment the file is written, to be looked at */
static void golden(const char *args, int status, const char *name)
{
	static char expected[1 << 20];
	char path[64];

	snprintf(path, sizeof(path), "golden/%s", name);
	assert_int_equal(run(args), status);
	assert_string_equal(err, "");
	if (getenv("UPDATE")) {
		FILE *file = fopen(path, "we");

		assert_non_null(file);
		fputs(out, file);
		fclose(file);
	}
	slurp(path, expected, sizeof(expected));
	assert_string_equal(out, expected);
}

static void prints_as_expected(void **state)
{
	golden("show 1", 0, "show.txt");
	golden("regions 1", 0, "regions.txt");
	golden("regions -o +flags,why 1", 0, "regions-more.txt");
	golden("regions -r -b 1", 0, "regions-raw.txt");
	golden("threads 1", 0, "threads.txt");
	golden("sharers 1 2", 0, "sharers.txt");
	golden("who 1 555500001234 0x7F0000800000 7ffe00020104 7f0000000010 7f0000000 18 "
	       "deadbeefdeadbeef", 0, "who.txt");
	golden("show -J 1", 0, "show.json");
	assert_null(json_check(out, strlen(out)));
	golden("regions -x 1", 0, "regions-extended.txt");
	golden("regions --kind args,guard --min-size 32 1", 0, "regions-filtered.txt");
	golden("show -x --tid 101 1", 0, "show-extended.txt");
	golden("summary 1", 0, "summary.txt");
	golden("summary -J 1 2", 0, "summary.json");
	golden("who -J 1 7f0000800ff0 10 ffff800000000000", 0, "who.json");
	assert_null(json_check(out, strlen(out)));
	golden("threads -J -o TID,stack,SIZE 1 2", 0, "threads.json");
	assert_null(json_check(out, strlen(out)));
}

/* A thread's block, the next above those there are */
static struct pmemctl_thread *add_block(struct builder *b, uint32_t tid, bool guarded)
{
	uint64_t start = b->vmas[b->nr_vmas - 1].end + 0x100000, low = start + 0x2000;
	uint64_t high = low + 0x100000;
	struct pmemctl_thread *thread;

	if (guarded)
		builder_vma(b, start, low, "---p", 0, 0);
	builder_vma(b, low, high, "rw-p", 0, 0);
	thread = builder_thread(b, tid, low, high, PMEMCTL_STACK_TP | PMEMCTL_STACK_ROBUST |
				PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_HIGH_VMA |
				(guarded ? PMEMCTL_STACK_GUARD : 0));
	thread->tp = high - 0x940;
	thread->sp = 0x555500103000;
	return thread;
}

static void every_kind(struct builder *b)
{
	struct pmemctl_thread *thread;

	builder_process(b);
	b->flags |= PMEMCTL_PROCESS_THREADS_ENDED;
	thread = add_block(b, 103, true);
	thread->evidence |= PMEMCTL_STACK_SP_ALT;
	thread->sas_sp = 0x555500102000;
	thread->sas_size = 0x2000;
	add_block(b, 104, true);	/* switched */
	thread = add_block(b, 105, false);
	thread->evidence |= PMEMCTL_STACK_SP;
	thread->sp = thread->tp - 0x200;
	b->vmas[b->nr_vmas - 1].flags |= PMEMCTL_VMA_EXEC;
	thread = add_block(b, 106, true);
	thread->evidence |= PMEMCTL_STACK_SP;
	thread->reg_state = PMEMCTL_REGS_LIVE;
	thread->state = 'R';
	thread->sp = thread->stack_low + 0x800;
	b->vmas[b->nr_vmas - 1].flags |= PMEMCTL_VMA_LOCKED;
	builder_thread(b, 107, 0, 0, 0)->flags = PMEMCTL_THREAD_IO_WORKER;
	builder_thread(b, 108, 0, 0, 0)->flags = PMEMCTL_THREAD_NO_MM;
	builder_thread(b, 109, 0, 0, 0)->reg_state = PMEMCTL_REGS_NONE;
	/* and one that nobody has */
	add_block(b, 110, true);
	b->nr_threads--;
	builder_build(b);
}

static void prints_every_kind(void **state)
{
	static struct builder b;

	every_kind(&b);
	write_reply(&b, "obj/kinds.nl");
	setenv("PMEMCTL_REPLAY", "obj/kinds.nl", 1);
	golden("threads 1", 0, "kinds.txt");
	golden("threads -J 1", 0, "kinds.json");
	assert_null(json_check(out, strlen(out)));
	golden("threads --orphans 1", 0, "orphans.txt");
	golden("threads --lint --min-guard 8K 1", 1, "lint.txt");
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

static void write_village(const char *path)
{
	static struct crowd crowd;
	FILE *file = fopen(path, "we");

	crowd_village(&crowd);
	crowd_build(&crowd);
	assert_non_null(file);
	assert_int_equal(fwrite(crowd.reply, 1, crowd.size, file), crowd.size);
	fclose(file);
}

static void lists_all_mms(void **state)
{
	write_village("obj/village.nl");
	setenv("PMEMCTL_REPLAY", "obj/village.nl", 1);
	golden("ls", 0, "ls.txt");
	golden("ls --threads --kernel -o +USERS,UNEXPLAINED", 0, "ls-all.txt");
	golden("ls --shared -b", 0, "ls-shared.txt");
	golden("ls -r --threads --kernel", 0, "ls-raw.txt");
	golden("ls 101 9", 0, "ls-pids.txt");
	golden("ls -J", 0, "ls.json");
	assert_null(json_check(out, strlen(out)));
	golden("ls -J -o PID,TID,THREADS,RSS --sort -PID --shared", 0, "ls-chosen.json");
	assert_null(json_check(out, strlen(out)));
	setenv("PMEMCTL_PARTIAL", "1", 1);
	golden("ls", 0, "ls-partial.txt");
	assert_int_equal(run("ls 1 4194304"), 4);
	assert_string_equal(err, "pmemctl: 4194304: no such process\n");
	unsetenv("PMEMCTL_PARTIAL");
	assert_int_equal(run("ls 1x"), 2);
	assert_int_equal(run("show --shared 1"), 2);
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
	assert_int_equal(run("ls"), 1);
	assert_string_equal(out, "");
	has(err, "pmemctl: reply of the module is broken: a message of kind 1");
	assert_int_equal(run("ls -J"), 1);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"error\": \"reply of the module is broken");
}

static void usage_errors(void **state)
{
	static const struct {
		const char *args;
		const char *words;
	} cases[] = {
		{ "nonsense", "nonsense: no such command" },
		{ "--nonsense", "--nonsense: no such option" },
		{ "show", "no PID" },
		{ "show 0", "0: not a PID" },
		{ "show -- -1", "-1: not a PID" },
		{ "show 12x", "12x: not a PID" },
		{ "show +1", "not a PID" },
		{ "show ''", "not a PID" },
		{ "show 2147483648", "not a PID" },
		{ "show 99999999999999999999", "not a PID" },
		{ "show 1 x", "x: not a PID" },
		{ "show -z 1", "-z: no such option" },
		{ "show -Jz 1", "-z: no such option" },
		{ "show --zz 1", "--zz: no such option" },
		{ "show -r 1", "-r: no such option" },
		{ "show -o pid 1", "-o: no such option" },
		{ "regions -J -r 1", "-J and -r: one or the other" },
		{ "regions -o", "-o: needs a list" },
		{ "regions -o start,foo 1", "foo: no such column" },
		{ "regions -o '' 1", "no such column" },
		{ "regions -o +foo 1", "foo: no such column" },
		{ "help nonsense", "no such command" },
		{ "regions --files 1", "--files: no such option" },
		{ "who", "no PID" },
		{ "who x 1", "x: not a PID" },
		{ "who 1 7ffg", "7ffg: not an address" },
		{ "who 1 0x", "0x: not an address" },
		{ "who 1 12345678901234567", "not an address" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(run(cases[i].args), 2);
		assert_string_equal(out, "");
		has(err, "pmemctl: ");
		has(err, cases[i].words);
		has(err, i < 18 || i > 22 ? "try 'pmemctl help" : "");
		lines(err, 1);
	}
	assert_int_equal(run(""), 2);
	assert_string_equal(out, "");
	has(err, "Usage: pmemctl COMMAND");
}

static void help(void **state)
{
	static const char *const all[] = {
		"help", "-h", "--help", "help show", "show -h", "regions --help", "threads -h",
		"sharers -h", "help help",
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(run(all[i]), 0);
		has(out, "Usage: pmemctl");
		assert_string_equal(err, "");
	}
	assert_int_equal(run("help regions"), 0);
	has(out, "PKEY");
	has(out, "thread stack");
	assert_int_equal(run("--version"), 0);
	has(out, "pmemctl 0.");
	has(out, "module: ");
	assert_int_equal(run("threads -H"), 0);
	has(out, "ROBUST_LIST");
}

static void choosing_columns(void **state)
{
	assert_int_equal(run("regions -n -o start,KIND,start 1"), 0);
	assert_int_equal(strncmp(out, "    555500000000 rodata\n", 24), 0);
	assert_int_equal(run("sharers -rno +comm,relation 1"), 0);
	assert_int_equal(strncmp(out, "200 sh 1 vfork\\x20child", 23), 0);
	has(out, " vfork-child\n");
	assert_int_equal(run("threads --raw --noheadings --output tid 1"), 0);
	assert_string_equal(out, "100\n101\n102\n");
}

static void failing_pids(void **state)
{
	assert_int_equal(setenv("PMEMCTL_REPLAY", "obj/nothing", 1), 0);
	assert_int_equal(run("show 1"), 4);
	assert_string_equal(out, "");
	assert_string_equal(err, "pmemctl: 1: no such process\n");
	assert_int_equal(run("show -J 1"), 4);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"error\": \"no such process\"");
	has(out, "\"sharers\": [");
	assert_int_equal(run("threads -J 1 2"), 4);
	assert_null(json_check(out, strlen(out)));
	lines(err, 2);
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

static void broken_output(void **state)
{
	assert_int_equal(run("show 1 >/dev/full"), 1);
	has(err, "write error: No space left");
	assert_int_equal(run("show 1 >&-"), 1);
	has(err, "write error");
	assert_int_equal(run("--version >&-"), 1);
	assert_int_equal(run("show 1 <&- 2>&-"), 0);
	has(out, "all VMAs");
}

static void reader_that_leaves(void **state)
{
	/* whether SIGPIPE ends it or, as under some parents, is ignored */
	run_line("(obj/pmemctl-replay threads 1; sleep 0.1; obj/pmemctl-replay show 1) "
		 "2>obj/err | true");
	assert_string_equal(err, "");
	assert_int_equal(run_line("trap '' PIPE; (sleep 0.2; obj/pmemctl-replay show 1; "
				  "echo $? >obj/out) 2>obj/err | true"), 0);
	assert_string_equal(out, "0\n");
	assert_string_equal(err, "");
}

static void broken_reply(void **state)
{
	static struct builder b;

	builder_process(&b);
	builder_build(&b);
	b.size -= 100;
	write_reply(&b, "obj/broken.nl");
	setenv("PMEMCTL_REPLAY", "obj/broken.nl", 1);
	assert_int_equal(run("show 1"), 1);
	assert_string_equal(out, "");
	has(err, "pmemctl: 1: reply of the module is broken: ");
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

static void odd_names(void **state)
{
	static struct builder b;

	builder_process(&b);
	b.vmas[11].file = builder_file(&b, "/a b\n\xff\"\\/\xc3\xa9", 55, PMEMCTL_OBJECT_DELETED);
	b.vmas[12].file = builder_file(&b, "", 56, PMEMCTL_OBJECT_PATH_UNKNOWN);
	b.comm = "x)\n\033[1m";
	builder_build(&b);
	write_reply(&b, "obj/odd.nl");
	setenv("PMEMCTL_REPLAY", "obj/odd.nl", 1);
	assert_int_equal(run("show -J 1"), 0);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"name\": \"/a b\\u000a\\udcff\\\"\\\\/\xc3\xa9 (deleted)\"");
	has(out, "\"inode\": 56, \"kind\": \"library\", \"tid\": null, \"name\": null");
	assert_int_equal(run("regions -rn -o name,kind 1"), 0);
	has(out, "/a\\x20b\\x0a\\xff");
	has(out, "(path\\x20unknown) library\n");
	assert_int_equal(run("show 1"), 0);
	assert_null(strchr(out, '\033'));
	has(out, "x)\\x0a\\x1b[1m");
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

/* What the header says of a process that is not like others */
static void special_processes(void **state)
{
	static struct builder b;

	builder_process(&b);
	b.rlimit_stack = UINT64_MAX;
	b.flags = PMEMCTL_PROCESS_LEADER_EXITED;
	b.hidden = 2;
	b.unexplained = 1;
	builder_sharer(&b, 9, "kworker", PMEMCTL_RELATION_KTHREAD);
	builder_build(&b);
	write_reply(&b, "obj/special.nl");
	setenv("PMEMCTL_REPLAY", "obj/special.nl", 1);
	assert_int_equal(run("show 1"), 0);
	has(out, "\nits main thread has exited\n");
	/* 2 threads of one process, perhaps, or kernel threads, which nobody can tell */
	has(out, ": 3 threads, shared with 1 process and 2 tasks that have no PID here, and "
	    "1 kernel thread at work in it; 1 reference more, of no task\n");
	has(out, "stack without limit");
	has(out, "registers withheld: not permitted to attach");
	assert_null(strstr(out, "7ffe00020000"));
	assert_null(strstr(out, "[vsyscall]"));
	assert_int_equal(run("show -J 1"), 0);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"leader_exited\": true, \"access\": \"read\"");
	has(out, "\"rlimit_stack\": null");
	has(out, "\"sharers_hidden\": 2, \"mm_users_unexplained\": 1");
	has(out, "\"sp\": null");
	b.nr_sharers = 0;
	b.hidden = 1;
	b.unexplained = 0;
	builder_build(&b);
	write_reply(&b, "obj/special.nl");
	assert_int_equal(run("show 1"), 0);
	has(out, ": 3 threads, shared with 1 task that has no PID here\n");
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

static void kernel_thread(void **state)
{
	static struct builder b;

	builder_init(&b);
	b.flags = PMEMCTL_PROCESS_KTHREAD;
	b.no_mm = true;
	b.borrowed_pid = 7;
	b.borrowed_comm = "lender";
	builder_build(&b);
	write_reply(&b, "obj/kthread.nl");
	setenv("PMEMCTL_REPLAY", "obj/kthread.nl", 1);
	assert_int_equal(run("show 1"), 0);
	assert_string_equal(out, "100 (test): kernel thread: has no address space of its own; "
			    "works in that of 7 (lender)\n");
	assert_int_equal(run("show -J 1"), 0);
	assert_null(json_check(out, strlen(out)));
	has(out, "\"kernel_thread\": true");
	setenv("PMEMCTL_REPLAY", "obj/process.nl", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_as_expected), cmocka_unit_test(prints_every_kind),
		cmocka_unit_test(lists_all_mms), cmocka_unit_test(usage_errors),
		cmocka_unit_test(help), cmocka_unit_test(choosing_columns),
		cmocka_unit_test(failing_pids), cmocka_unit_test(broken_output),
		cmocka_unit_test(reader_that_leaves), cmocka_unit_test(broken_reply),
		cmocka_unit_test(odd_names), cmocka_unit_test(kernel_thread),
		cmocka_unit_test(special_processes),
	};

	return cmocka_run_group_tests_name("cli", tests, program_setup, NULL);
}
