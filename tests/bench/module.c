// SPDX-License-Identifier: GPL-2.0
/* The module itself: what it costs to ask it and to receive the answer. */
#include "meter.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/pmemctl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The most that the kernel puts into one read of a dump */
static char buf[32768] __attribute__((aligned(8)));

static struct mnl_socket *nl;
static uint32_t seq;
static uint16_t family;
static int proof;

static struct nlmsghdr *request(uint16_t type, uint16_t flags, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

static int receive(void)
{
	ssize_t len = mnl_socket_recvfrom(nl, buf, sizeof(buf));

	if (len <= 0)
		die("recv");
	return len;
}

static void find_family(void)
{
	struct nlmsghdr *nlh = request(GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY);
	const struct nlattr *attr;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, PMEMCTL_GENL_NAME);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("send");
	receive();
	nlh = (struct nlmsghdr *)buf;
	if (nlh->nlmsg_type != GENL_ID_CTRL) {
		errno = ENOENT;
		die("the module's family");
	}
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(attr);
}

/* Threads come with their registers only to who may attach. */
static const char *proof_for(const char *section)
{
	return strcmp(section, "threads") ? "pagemap" : "mem";
}

static void count(const struct nlmsghdr *nlh, bool threads, struct answer *answer)
{
	const int table = threads ? PMEMCTL_A_THREADS : PMEMCTL_A_VMAS;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) == PMEMCTL_A_LOCK_HOLD)
			answer->held = mnl_attr_get_u64(attr);
		if (mnl_attr_get_type(attr) == table)
			answer->items += ((struct pmemctl_chunk *)
					  mnl_attr_get_payload(attr))->count;
	}
}

static void check_end(const struct nlmsghdr *nlh)
{
	int error;

	memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	if (nlh->nlmsg_type == NLMSG_DONE && !error)
		return;
	errno = -error;
	die("the module refuses");
}

/* One read's messages. Return: whether the last of all was among them. */
static bool skim(int len, bool look, bool threads, struct answer *answer)
{
	const struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

	answer->bytes += len;
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
			check_end(nlh);
			return true;
		}
		if (look)
			count(nlh, threads, answer);
	}
	return false;
}

void module_dump(char **args, bool look, struct answer *answer)
{
	struct nlmsghdr *nlh = request(family, NLM_F_DUMP, PMEMCTL_CMD_SNAPSHOT);
	bool threads = !strcmp(args[1], "threads");

	mnl_attr_put_u32(nlh, PMEMCTL_A_PID, atoi(args[0]));
	mnl_attr_put_u32(nlh, PMEMCTL_A_PROOF_FD, proof);
	mnl_attr_put_u32(nlh, PMEMCTL_A_SECTIONS,
			 threads ? PMEMCTL_SECTION_THREADS : PMEMCTL_SECTION_VMAS);
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		die("send");
	while (!skim(receive(), look, threads, answer))
		;
}

void module_begin(char **args)
{
	nl = mnl_socket_open(NETLINK_GENERIC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink socket");
	find_family();
	proof = open_of(args[0], proof_for(args[1]));
}

void module_session(char **args, bool look, struct answer *answer)
{
	module_begin(args);
	module_dump(args, look, answer);
	close(proof);
	mnl_socket_close(nl);
}
