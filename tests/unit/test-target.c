// SPDX-License-Identifier: GPL-2.0
/*
 * target.c: which file is opened, what is tried again, and how failures are
 * told. The client and /proc are made up here.
 */
#include "block.h"
#include "builder.h"
#include "proc.h"
#include "target.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

static struct builder b;
static struct model model;
static struct failure why;

/* What is told, and what was seen */
static struct {
	int stat_error;
	char state;
	bool kthread;
	uint32_t live;
	int mem_error;
	int pagemap_error;
	int exe_error;
	int smaps_error;
	int open_error;
	int errors[16];		/* of each request in turn */
	const char *extack;
	unsigned int change;	/* the request at which @b is built anew */

	unsigned int requests;
	unsigned int opens;
	char opened[256];	/* one after the other */
	bool proof;
	uint32_t sections;
	bool interrupts[16];		/* of each request in turn */
} world;

int proc_stat(uint32_t pid, struct proc_stat *stat)
{
	strcpy(stat->comm, "thing");
	stat->state = world.state;
	stat->kthread = world.kthread;
	return world.stat_error;
}

uint32_t proc_live_thread(uint32_t pid)
{
	return world.live;
}

int proc_open(uint32_t pid, uint32_t tid, const char *name)
{
	int error = !strcmp(name, "mem") ? world.mem_error :
		    !strcmp(name, "pagemap") ? world.pagemap_error :
		    !strcmp(name, "smaps") ? world.smaps_error : world.exe_error;
	size_t len = strlen(world.opened);

	snprintf(world.opened + len, sizeof(world.opened) - len, "%s%u/%u/%s", len ? " " : "",
		 pid, tid, name);
	return error ? error : open("/dev/null", O_RDONLY);
}

bool proc_no_huge_pages(uint32_t pid, uint32_t tid)
{
	return pid == 100;
}

int proc_find(uint32_t pid, uint32_t tid, const char *name)
{
	return -ENOENT;
}

uint64_t proc_guard_gap(void)
{
	return 77 << 12;
}

int client_open(struct client *client)
{
	world.opens++;
	client->extack[0] = 0;
	if (world.open_error)
		return world.open_error;
	client->socket = (void *)1;
	return 0;
}

int client_snapshot(struct client *client, uint32_t pid, int proof, uint32_t sections,
		    bool live, client_fn *fn, void *data)
{
	int error = world.errors[world.requests];
	const struct nlmsghdr *nlh;
	int left;

	world.interrupts[world.requests] = live;
	if (++world.requests == world.change)
		builder_build(&b);
	world.proof = proof >= 0;
	world.sections = sections;
	if (world.extack)
		snprintf(client->extack, sizeof(client->extack), "%s", world.extack);
	if (error) {
		client->socket = NULL;
		return error;
	}
	left = b.size;
	for (nlh = (void *)b.reply; nlh->nlmsg_type != NLMSG_DONE;
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		if (fn(nlh, data)) {
			client->socket = NULL;
			return -ECANCELED;
		}
	}
	return 0;
}

static int setup(void **state)
{
	memset(&world, 0, sizeof(world));
	world.state = 'S';
	builder_process(&b);
	b.flags |= PMEMCTL_PROCESS_TELLS_GUARDS;	/* whichever kernel this runs on */
	for (size_t i = 0; i < b.nr_threads; i++)
		b.threads[i].tp = 0;	/* no descriptors to be asked */
	b.nr_sharers = 0;
	builder_build(&b);
	return 0;
}

static int teardown(void **state)
{
	model_free(&model);
	return 0;
}

static int look(const struct wish *wish)
{
	static struct client client;

	memset(&client, 0, sizeof(client));
	model_free(&model);
	world.requests = 0;
	world.opened[0] = 0;
	return target_look(&client, 100, wish, &model, &why);
}

static const struct wish with_registers = {
	.sections = PMEMCTL_SECTION_ALL, .registers = true
};

static const struct wish without_registers = { .sections = PMEMCTL_SECTION_SHARERS };

static const struct wish with_pages = {
	.sections = PMEMCTL_SECTION_ALL, .registers = true, .touched = true
};

static void fails(enum status status, const char *words)
{
	assert_int_equal(look(&with_registers), -1);
	assert_int_equal(why.status, status);
	if (!strstr(why.text, words))
		fail_msg("\"%s\" where \"%s\" was expected", why.text, words);
}

static void asks_for_the_least(void **state)
{
	assert_int_equal(look(&with_registers), 0);
	assert_int_equal(why.status, STATUS_DONE);
	assert_string_equal(world.opened, "100/0/mem 100/0/pagemap 100/0/mem 100/0/exe");
	assert_int_equal(world.sections, PMEMCTL_SECTION_ALL);
	assert_int_equal(world.requests, 1);
	assert_false(world.interrupts[0]);
	assert_int_equal(look(&without_registers), 0);
	assert_string_equal(world.opened, "100/0/pagemap");
	assert_int_equal(world.sections, PMEMCTL_SECTION_SHARERS);
}

static void falls_back_to_reading(void **state)
{
	b.flags &= ~PMEMCTL_PROCESS_ATTACH;
	builder_build(&b);
	world.mem_error = -EACCES;
	assert_int_equal(look(&with_registers), 0);
	assert_string_equal(world.opened, "100/0/mem 100/0/pagemap 100/0/pagemap 100/0/exe");
	world.mem_error = -EPERM;
	assert_int_equal(look(&with_registers), 0);
	world.pagemap_error = -EACCES;
	fails(STATUS_NOT_PERMITTED, "you may not look");
}

static void kernel_thread_needs_no_proof(void **state)
{
	world.kthread = true;
	builder_init(&b);
	b.flags = PMEMCTL_PROCESS_KTHREAD;
	b.no_mm = true;
	builder_build(&b);
	/* with one of init's more is told */
	assert_int_equal(look(&with_registers), 0);
	assert_true(world.proof);
	assert_string_equal(world.opened, "1/0/pagemap");
	assert_string_equal(model.comm, "test");
	world.pagemap_error = -EACCES;
	assert_int_equal(look(&with_registers), 0);
	assert_false(world.proof);
	/* not told by the module, but /proc said it */
	builder_init(&b);
	b.flags = PMEMCTL_PROCESS_KTHREAD;
	b.no_mm = true;
	b.comm = NULL;
	builder_build(&b);
	assert_int_equal(look(&with_registers), 0);
	assert_string_equal(model.comm, "thing");
}

static void zombie_and_exited_leader(void **state)
{
	world.state = 'Z';
	fails(STATUS_NO_PROCESS, "zombie: its address space is gone");
	assert_int_equal(world.requests, 0);
	world.live = 107;
	assert_int_equal(look(&with_registers), 0);
	assert_string_equal(world.opened, "100/107/mem 100/107/pagemap 100/107/mem 100/107/exe");
}

static void no_such_process(void **state)
{
	world.stat_error = -ENOENT;
	fails(STATUS_NO_PROCESS, "no such process");
	world.stat_error = -ESRCH;
	fails(STATUS_NO_PROCESS, "no such process");
	world.stat_error = -EPERM;
	fails(STATUS_NOT_PERMITTED, "does not let you");
	world.stat_error = 0;
	world.errors[0] = -ESRCH;
	fails(STATUS_NO_PROCESS, "no such process");
}

static void tries_again(void **state)
{
	world.errors[0] = -ESTALE;
	world.errors[1] = -EAGAIN;
	world.errors[2] = -ENODATA;
	assert_int_equal(look(&with_registers), 0);
	assert_int_equal(world.requests, 4);
	for (int i = 0; i < 16; i++)
		world.errors[i] = -ESTALE;
	fails(STATUS_FAILED, "changes too fast");
	assert_int_equal(world.requests, 8);
	for (int i = 0; i < 16; i++)
		world.errors[i] = -ENODATA;
	fails(STATUS_NO_PROCESS, "its address space is gone");
	assert_int_equal(world.requests, 8);
}

static void tells_errors(void **state)
{
	world.extack = "said the module";
	world.errors[0] = -EPERM;
	fails(STATUS_NOT_PERMITTED, "said the module");
	world.errors[0] = -EFBIG;
	fails(STATUS_FAILED, "max_snapshot_mib");
	world.errors[0] = -EUSERS;
	fails(STATUS_FAILED, "too many snapshots");
	world.errors[0] = -EINVAL;
	fails(STATUS_FAILED, "Invalid argument: said the module");
	world.errors[0] = -ENOENT;
	fails(STATUS_NO_MODULE, "not loaded");
	world.errors[0] = -EPROTONOSUPPORT;
	fails(STATUS_NO_MODULE, "not loaded");
	world.open_error = -ENOENT;
	fails(STATUS_NO_MODULE, "not loaded");
	world.open_error = -EPROTONOSUPPORT;
	fails(STATUS_FAILED, "generic netlink");
}

static void broken_replies(void **state)
{
	b.vmas[2].end = 0;
	builder_build(&b);
	fails(STATUS_FAILED, "reply of the module is broken: VMA 2");
	builder_process(&b);
	b.comm = "";
	builder_build(&b);
	((struct nlmsghdr *)b.reply)->nlmsg_len = 18;
	fails(STATUS_FAILED, "reply of the module is broken: a message of 18 bytes");
}

/* One snapshot, the pages, and another: what is shown is the second one */
static void pages_need_a_second_look(void **state)
{
	b.threads[1].nvcsw = 1;
	builder_build(&b);
	b.threads[1].nvcsw = 2;
	world.change = 2;
	assert_int_equal(look(&with_pages), 0);
	assert_int_equal(world.requests, 2);
	assert_string_equal(world.opened, "100/0/mem 100/0/pagemap 100/0/mem 100/0/exe 100/0/mem");
	assert_int_equal(model.threads[1].nvcsw, 2);
	assert_int_equal(model.witness.guard_gap, 77 << 12);
	assert_true(model.witness.no_huge_pages);
	assert_true(model.witness.touches[1].known);
	assert_int_equal(model.witness.touches[1].own.start, b.threads[1].stack_low);
	assert_true(model.witness.settled[0] && model.witness.settled[1]);
	assert_false(model.witness.orphans_known);
}

/* Between two snapshots, likewise; where it cannot be read it is unknown, no failure */
static void smaps_needs_a_second_look(void **state)
{
	struct wish wish = { .sections = PMEMCTL_SECTION_ALL, .registers = true, .smaps = true };

	assert_int_equal(look(&wish), 0);
	assert_int_equal(world.requests, 2);
	assert_string_equal(world.opened, "100/0/mem 100/0/pagemap 100/0/mem 100/0/exe "
			    "100/0/smaps 100/0/mem");
	assert_true(model.witness.smaps.read);
	assert_null(model.witness.residents.list);
	wish.residents = true;
	assert_int_equal(look(&wish), 0);
	assert_int_equal(model.witness.residents.count, 6);
	world.smaps_error = -EACCES;
	assert_int_equal(look(&wish), 0);
	assert_false(model.witness.smaps.read);
	world.pagemap_error = -EACCES;
	assert_int_equal(look(&wish), 0);
	assert_false(model.witness.smaps.read);
	assert_int_equal(model.witness.residents.count, 0);
}

static void what_moved_is_not_settled(void **state)
{
	b.threads[2].tid = 103;
	world.change = 2;
	assert_int_equal(look(&with_pages), 0);
	assert_true(model.witness.settled[0] && model.witness.settled[1]);
	assert_false(model.witness.settled[2]);
}

/* What was read in between is of one program or of the other */
static void execve_between_the_two(void **state)
{
	b.mm[PMEMCTL_MM_ID]++;
	world.change = 2;
	assert_int_equal(look(&with_pages), 0);
	assert_int_equal(world.requests, 4);
	assert_true(model.witness.settled[0] && model.witness.settled[1]);
}

static void orphans_need_the_right_to_attach(void **state)
{
	struct wish wish = { .sections = PMEMCTL_SECTION_ALL, .registers = true, .orphans = true };

	assert_int_equal(look(&wish), 0);
	assert_string_equal(world.opened, "100/0/mem 100/0/pagemap 100/0/mem 100/0/exe 100/0/mem");
	assert_true(model.witness.orphans_known);
	b.flags &= ~PMEMCTL_PROCESS_ATTACH;
	builder_build(&b);
	world.mem_error = -EACCES;
	assert_int_equal(look(&wish), 0);
	assert_string_equal(world.opened, "100/0/mem 100/0/pagemap 100/0/pagemap 100/0/exe "
			    "100/0/mem 100/0/pagemap");
	assert_false(model.witness.orphans_known);
}

static void orphans_are_not_told_where_others_share_the_mm(void **state)
{
	struct wish wish = { .sections = PMEMCTL_SECTION_ALL, .registers = true, .orphans = true };

	builder_sharer(&b, 200, "sh", PMEMCTL_RELATION_VFORK_CHILD);
	builder_build(&b);
	assert_int_equal(look(&wish), 0);
	assert_false(model.witness.orphans_known);
	/* nor where only the first snapshot shows them */
	b.nr_sharers = 0;
	world.change = 2;
	assert_int_equal(look(&wish), 0);
	assert_false(model.witness.orphans_known);
}

/* Here, no descriptor is in memory, and each second snapshot asks anew */
static void descriptors_are_asked(void **state)
{
	b.threads[1].tp = b.threads[1].stack_high - 0x940;
	builder_build(&b);
	assert_int_equal(look(&with_registers), 0);
	assert_int_equal(world.requests, 2);
	assert_non_null(model.witness.blocks);
	assert_int_equal(model.witness.blocks[0].state, BLOCK_NOT_ASKED);
	assert_int_equal(model.witness.blocks[1].state, BLOCK_GONE);
	/* without the right to attach they are not */
	b.flags &= ~PMEMCTL_PROCESS_ATTACH;
	builder_build(&b);
	world.mem_error = -EACCES;
	assert_int_equal(look(&with_registers), 0);
	assert_int_equal(world.requests, 1);
	assert_null(model.witness.blocks);
}

/* Where markers may be, one that came is known by the third; with --live there is none */
static void looks_again_while_threads_come(void **state)
{
	struct wish wish = with_pages;

	b.vmas[10].flags |= PMEMCTL_VMA_MAYBE_GUARD;
	builder_build(&b);
	b.threads[2].tid = 103;
	world.change = 2;
	assert_int_equal(look(&wish), 0);
	assert_int_equal(world.requests, 3);
	assert_true(model.witness.settled[2]);
	b.threads[2].tid = 104;
	wish.live = true;
	assert_int_equal(look(&wish), 0);
	assert_int_equal(world.requests, 2);
	assert_false(model.witness.settled[2]);
}

static void markers_need_a_second_look(void **state)
{
	assert_int_equal(look(&with_registers), 0);
	assert_int_equal(world.requests, 1);
	b.vmas[8].flags |= PMEMCTL_VMA_MAYBE_GUARD;
	builder_build(&b);
	assert_int_equal(look(&with_registers), 0);
	assert_int_equal(world.requests, 2);
	assert_int_equal(model.witness.marks, GUARD_MARKS_SHOWN);
	assert_true(model.witness.settled[1]);
	assert_int_equal(model.witness.touches[1].own.end, 0);

	/* in between, what lies there is known */
	assert_int_equal(look(&with_pages), 0);
	assert_int_equal(model.witness.touches[1].own.start, b.threads[1].stack_low);
}

static void pages_that_are_out_of_reach(void **state)
{
	world.pagemap_error = -EACCES;
	assert_int_equal(look(&with_pages), 0);
	assert_int_equal(world.requests, 1);
	assert_null(model.witness.touches);
	assert_null(model.witness.settled);
	world.pagemap_error = 0;
	world.exe_error = -ENOENT;
	assert_int_equal(look(&with_pages), 0);
	assert_false(model.witness.exe.go);
	/* gone between the two */
	world.pagemap_error = -ENOENT;
	assert_int_equal(look(&with_pages), 0);
	assert_null(model.witness.touches);
	assert_int_equal(model.witness.marks, GUARD_MARKS_HIDDEN);
}

static void cpus_are_interrupted_once(void **state)
{
	struct wish wish = with_registers;

	wish.live = true;
	assert_int_equal(look(&wish), 0);
	assert_int_equal(world.requests, 2);
	assert_false(world.interrupts[0]);
	assert_true(world.interrupts[1]);

	/* and again only where the process changed */
	memset(world.interrupts, 0, sizeof(world.interrupts));
	world.errors[1] = -ESTALE;
	assert_int_equal(look(&wish), 0);
	assert_int_equal(world.requests, 4);
	assert_false(world.interrupts[2]);
	assert_true(world.interrupts[3]);
}

static void live_needs_the_right_to_attach(void **state)
{
	struct wish wish = with_registers;

	wish.live = true;
	world.mem_error = -EACCES;
	assert_int_equal(look(&wish), -1);
	assert_int_equal(why.status, STATUS_NOT_PERMITTED);
	assert_non_null(strstr(why.text, "--live"));
	assert_int_equal(world.requests, 0);
	assert_string_equal(world.opened, "100/0/mem");
}

static void second_look_that_fails(void **state)
{
	world.errors[1] = -EFBIG;
	assert_int_equal(look(&with_pages), -1);
	assert_int_equal(why.status, STATUS_FAILED);
	assert_non_null(strstr(why.text, "max_snapshot_mib"));
	for (int i = 0; i < 16; i++)
		world.errors[i] = i % 2 ? -ESTALE : 0;
	/* in the end, one that it held still for is better than none */
	assert_int_equal(look(&with_pages), 0);
	assert_int_equal(world.requests, 13);
	assert_null(model.witness.settled);
	assert_int_equal(model.witness.marks, GUARD_MARKS_HIDDEN);
	for (int i = 0; i < 16; i++)
		world.errors[i] = -ESTALE;
	assert_int_equal(look(&with_pages), -1);
	assert_non_null(strstr(why.text, "changes too fast"));
	assert_int_equal(world.requests, 8);
}

static void kernel_thread_is_looked_at_once(void **state)
{
	struct wish wish = with_pages;

	wish.live = true;
	world.kthread = true;
	builder_init(&b);
	b.flags = PMEMCTL_PROCESS_KTHREAD;
	b.no_mm = true;
	builder_build(&b);
	assert_int_equal(look(&wish), 0);
	assert_int_equal(world.requests, 1);
	assert_false(world.interrupts[0]);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(asks_for_the_least), T(falls_back_to_reading), T(kernel_thread_needs_no_proof),
		T(zombie_and_exited_leader), T(no_such_process), T(tries_again), T(tells_errors),
		T(broken_replies), T(pages_need_a_second_look),
		T(smaps_needs_a_second_look), T(what_moved_is_not_settled),
		T(execve_between_the_two),
		T(orphans_need_the_right_to_attach),
		T(orphans_are_not_told_where_others_share_the_mm), T(descriptors_are_asked),
		T(looks_again_while_threads_come), T(markers_need_a_second_look),
		T(pages_that_are_out_of_reach), T(cpus_are_interrupted_once),
		T(live_needs_the_right_to_attach), T(second_look_that_fails),
		T(kernel_thread_is_looked_at_once),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
