// SPDX-License-Identifier: GPL-2.0
/*
 * record PID >replies/NAME.nl: stores the messages of a reply as they come
 */
#include "client.h"
#include "proc.h"

#include <libmnl/libmnl.h>
#include <linux/pmemctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_message(const struct nlmsghdr *nlh)
{
	static const char padding[NLMSG_ALIGNTO];

	fwrite(nlh, 1, nlh->nlmsg_len, stdout);
	fwrite(padding, 1, NLMSG_ALIGN(nlh->nlmsg_len) - nlh->nlmsg_len, stdout);
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	write_message(nlh);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct nlmsghdr done = { .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE };
	uint32_t pid = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct client client;
	int proof, ret;

	if (!pid) {
		fputs("usage: record PID >NAME.nl\n", stderr);
		return 2;
	}
	proof = proc_open(pid, proc_live_thread(pid), "mem");
	ret = client_open(&client);
	if (!ret)
		ret = client_snapshot(&client, pid, proof, PMEMCTL_SECTION_ALL, false, take,
				      NULL);
	if (ret) {
		fprintf(stderr, "record: %s %s\n", strerror(-ret), client.extack);
		return 1;
	}
	write_message(&done);
	client_close(&client);
	return fflush(stdout) ? 1 : 0;
}
