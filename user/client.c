// SPDX-License-Identifier: GPL-2.0
/*
 * libmnl's own callbacks swallow the error that an NLMSG_DONE carries and the
 * words of an extended ack, so DONE and ERROR are taken over here.
 */
#include "client.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/pmemctl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* The most that the kernel puts into one read of a dump */
#define RECEIVE_SIZE 32768

/* The kernel's bound of error numbers */
#define MAX_ERRNO 4095

struct reply {
	struct client *client;
	client_fn *fn;
	void *data;
	int error;	/* -errno that the kernel sent */
	bool gave_up;
	bool done;
};

/* The attributes of an extended ack begin @offset bytes into the payload */
static void take_extack(struct client *client, const struct nlmsghdr *nlh, size_t offset)
{
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || mnl_nlmsg_get_payload_len(nlh) < offset)
		return;
	mnl_attr_for_each(attr, nlh, offset) {
		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG)
			continue;
		snprintf(client->extack, sizeof(client->extack), "%.*s",
			 (int)mnl_attr_get_payload_len(attr),
			 (const char *)mnl_attr_get_payload(attr));
	}
}

/* What is no error number would be none to whoever asks for its words */
static int error_number(int error)
{
	return error <= 0 && error >= -MAX_ERRNO ? error : -EBADMSG;
}

static int on_error(const struct nlmsghdr *nlh, void *data)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*err);
	struct reply *reply = data;

	reply->done = true;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err)) {
		reply->error = -EBADMSG;
		return MNL_CB_STOP;
	}
	/* Unless capped, the request comes back in between */
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len >= NLMSG_HDRLEN)
		offset += NLMSG_ALIGN(err->msg.nlmsg_len - NLMSG_HDRLEN);
	reply->error = error_number(err->error);
	take_extack(reply->client, nlh, offset);
	return MNL_CB_STOP;
}

static int on_done(const struct nlmsghdr *nlh, void *data)
{
	struct reply *reply = data;
	int error = 0;

	reply->done = true;
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	reply->error = error_number(error);
	take_extack(reply->client, nlh, NLMSG_ALIGN(sizeof(error)));
	return MNL_CB_STOP;
}

static int on_data(const struct nlmsghdr *nlh, void *data)
{
	struct reply *reply = data;

	if (nlh->nlmsg_type != reply->client->family && reply->client->family)
		return MNL_CB_OK;
	if (reply->fn(nlh, reply->data)) {
		reply->gave_up = true;
		return MNL_CB_STOP;
	}
	/* A reply of one part has no NLMSG_DONE */
	if (!(nlh->nlmsg_flags & NLM_F_MULTI)) {
		reply->done = true;
		return MNL_CB_STOP;
	}
	return MNL_CB_OK;
}

/* libmnl takes a length of more than 2 GiB for a negative one, and follows it */
static bool is_sound(const char *buf, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const struct nlmsghdr *nlh = (const void *)(buf + at);

		if (len - at < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
		    nlh->nlmsg_len > len - at)
			return false;
		at += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	return true;
}

static int receive(struct client *client, struct reply *reply)
{
	static mnl_cb_t controls[] = {
		[NLMSG_ERROR] = on_error,
		[NLMSG_DONE] = on_done,
	};
	static char buf[RECEIVE_SIZE] __attribute__((aligned(8)));
	unsigned int port = mnl_socket_get_portid(client->socket);

	while (!reply->done && !reply->gave_up) {
		ssize_t len = mnl_socket_recvfrom(client->socket, buf, sizeof(buf));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (!len)
			return -EPIPE;
		if (!is_sound(buf, len))
			return -EPROTO;
		/* EINTR is libmnl's word for a dump that was disturbed */
		if (mnl_cb_run2(buf, len, client->seq, port, on_data, reply, controls,
				MNL_ARRAY_SIZE(controls)) < 0)
			return errno == EINTR ? -EAGAIN : -EPROTO;
	}
	return reply->gave_up ? -ECANCELED : reply->error;
}

static int ask(struct client *client, struct nlmsghdr *nlh, client_fn *fn, void *data)
{
	struct reply reply = { .client = client, .fn = fn, .data = data };
	int ret;

	nlh->nlmsg_seq = ++client->seq;
	client->extack[0] = 0;
	if (mnl_socket_sendto(client->socket, nlh, nlh->nlmsg_len) < 0)
		ret = -errno;
	else
		ret = receive(client, &reply);
	if (ret)
		client_close(client);
	return ret;
}

static int take_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;
	uint16_t *family = data;

	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
			*family = mnl_attr_get_u16(attr);
	}
	return 0;
}

static struct nlmsghdr *request(char *buf, uint16_t type, uint16_t flags, uint8_t cmd,
				uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

static int lookup(struct client *client)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = request(buf, GENL_ID_CTRL, 0, CTRL_CMD_GETFAMILY, 1);
	uint16_t family = 0;
	int ret;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, PMEMCTL_GENL_NAME);
	client->family = 0;
	ret = ask(client, nlh, take_family, &family);
	if (!ret && !family)
		ret = -ENOENT;
	client->family = family;
	return ret;
}

/* Else any process that may administer the network could answer in the kernel's place */
static int hear_kernel_only(const struct client *client)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return connect(mnl_socket_get_fd(client->socket), (const struct sockaddr *)&kernel,
		       sizeof(kernel));
}

int client_open(struct client *client)
{
	int on = 1, ret;

	memset(client, 0, sizeof(*client));
	client->socket = mnl_socket_open(NETLINK_GENERIC);
	if (!client->socket)
		return -errno;
	if (mnl_socket_bind(client->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    hear_kernel_only(client)) {
		ret = -errno;
		client_close(client);
		return ret;
	}
	/* Without these there are fewer words, that is all */
	mnl_socket_setsockopt(client->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(client->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	return lookup(client);
}

int client_snapshot(struct client *client, uint32_t pid, int proof, uint32_t sections,
		    bool live, client_fn *fn, void *data)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = request(buf, client->family, NLM_F_DUMP, PMEMCTL_CMD_SNAPSHOT,
				       PMEMCTL_GENL_VERSION);

	mnl_attr_put_u32(nlh, PMEMCTL_A_PID, pid);
	if (proof >= 0)
		mnl_attr_put_u32(nlh, PMEMCTL_A_PROOF_FD, proof);
	mnl_attr_put_u32(nlh, PMEMCTL_A_SECTIONS, sections);
	if (live)
		mnl_attr_put(nlh, PMEMCTL_A_LIVE, 0, NULL);
	return ask(client, nlh, fn, data);
}

int client_tasks(struct client *client, int proof, client_fn *fn, void *data)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = request(buf, client->family, NLM_F_DUMP, PMEMCTL_CMD_TASKS,
				       PMEMCTL_GENL_VERSION);

	if (proof >= 0)
		mnl_attr_put_u32(nlh, PMEMCTL_TASKS_A_PROOF_FD, proof);
	return ask(client, nlh, fn, data);
}

void client_close(struct client *client)
{
	if (client->socket)
		mnl_socket_close(client->socket);
	client->socket = NULL;
}
