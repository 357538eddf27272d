// SPDX-License-Identifier: GPL-2.0
/*
 * target.c: which file is opened, what is tried again, and how failures are
 * told. The client and /proc are made up here.
 */
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
	int open_error;
	int errors[16];		/* of each request in turn */
	const char *extack;

	unsigned int requests;
	unsigned int opens;
	char opened[64];
	bool proof;
	uint32_t sections;
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
	int error = strcmp(name, "mem") ? world.pagemap_error : world.mem_error;

	snprintf(world.opened, sizeof(world.opened), "%u/%u/%s", pid, tid, name);
	return error ? error : open("/dev/null", O_RDONLY);
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
		    client_fn *fn, void *data)
{
	int error = world.errors[world.requests++];
	const struct nlmsghdr *nlh;
	int left;

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
	builder_build(&b);
	return 0;
}

static int teardown(void **state)
{
	model_free(&model);
	return 0;
}

static int look(const struct view *view)
{
	static struct client client;

	memset(&client, 0, sizeof(client));
	model_free(&model);
	world.requests = 0;
	return target_look(&client, 100, view, &model, &why);
}

static const struct view with_registers = {
	.sections = PMEMCTL_SECTION_ALL, .registers = true
};

static const struct view without_registers = { .sections = PMEMCTL_SECTION_SHARERS };

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
	assert_string_equal(world.opened, "100/0/mem");
	assert_int_equal(world.sections, PMEMCTL_SECTION_ALL);
	assert_int_equal(look(&without_registers), 0);
	assert_string_equal(world.opened, "100/0/pagemap");
	assert_int_equal(world.sections, PMEMCTL_SECTION_SHARERS);
}

static void falls_back_to_reading(void **state)
{
	world.mem_error = -EACCES;
	assert_int_equal(look(&with_registers), 0);
	assert_string_equal(world.opened, "100/0/pagemap");
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
	assert_int_equal(look(&with_registers), 0);
	assert_false(world.proof);
}

static void zombie_and_exited_leader(void **state)
{
	world.state = 'Z';
	fails(STATUS_NO_PROCESS, "zombie: its address space is gone");
	assert_int_equal(world.requests, 0);
	world.live = 107;
	assert_int_equal(look(&with_registers), 0);
	assert_string_equal(world.opened, "100/107/mem");
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(asks_for_the_least), T(falls_back_to_reading), T(kernel_thread_needs_no_proof),
		T(zombie_and_exited_leader), T(no_such_process), T(tries_again), T(tells_errors),
		T(broken_replies),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
