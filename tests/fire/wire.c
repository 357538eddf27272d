// SPDX-License-Identifier: GPL-2.0
/* Requests as bytes. Without a library, which would refuse to say such things. */
#include "fire.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/**
 * open_socket - a generic netlink socket that hears the whole of an error
 *
 * Return: the descriptor.
 */
int open_socket(void)
{
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), on = 1;

	if (sock < 0 ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(sock, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)))
		die("netlink socket");
	return sock;
}

/**
 * begin_message - a request without attributes
 * @m: where
 * @family: message type
 * @flags: NLM_F_*
 * @seq: its number
 * @cmd: generic netlink command
 */
void begin_message(struct message *m, int family, uint16_t flags, uint32_t seq, uint8_t cmd)
{
	struct nlmsghdr nlh = {
		.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN, .nlmsg_type = family,
		.nlmsg_flags = flags, .nlmsg_seq = seq,
	};
	struct genlmsghdr genl = { .cmd = cmd, .version = PMEMCTL_GENL_VERSION };

	memcpy(m->bytes, &nlh, sizeof(nlh));
	memcpy(m->bytes + NLMSG_HDRLEN, &genl, sizeof(genl));
	m->len = nlh.nlmsg_len;
}

/**
 * add_attr - one attribute more
 * @m: the message, whose length is set anew
 * @type: of the attribute
 * @payload: its bytes
 * @len: how many
 */
void add_attr(struct message *m, uint16_t type, const void *payload, size_t len)
{
	struct nlattr nla = { .nla_len = NLA_HDRLEN + len, .nla_type = type };
	uint32_t total;

	memset(m->bytes + m->len, 0, NLA_ALIGN(nla.nla_len));
	memcpy(m->bytes + m->len, &nla, sizeof(nla));
	memcpy(m->bytes + m->len + NLA_HDRLEN, payload, len);
	m->len += NLA_ALIGN(nla.nla_len);
	total = m->len;
	memcpy(m->bytes, &total, sizeof(total));
}

/**
 * add_u32 - one attribute more, of a number
 * @m: the message
 * @type: of the attribute
 * @value: its value
 */
void add_u32(struct message *m, uint16_t type, uint32_t value)
{
	add_attr(m, type, &value, sizeof(value));
}

/**
 * snapshot_message - a well-formed PMEMCTL_CMD_SNAPSHOT
 * @m: where
 * @family: message type
 * @seq: its number
 * @pid: whose
 * @proof: descriptor, -1 for none
 * @sections: enum pmemctl_section
 * @live: with PMEMCTL_A_LIVE
 */
void snapshot_message(struct message *m, int family, uint32_t seq, uint32_t pid, int proof,
		      uint32_t sections, bool live)
{
	begin_message(m, family, NLM_F_REQUEST | NLM_F_DUMP, seq, PMEMCTL_CMD_SNAPSHOT);
	add_u32(m, PMEMCTL_A_PID, pid);
	add_u32(m, PMEMCTL_A_SECTIONS, sections);
	if (proof >= 0)
		add_u32(m, PMEMCTL_A_PROOF_FD, proof);
	if (live)
		add_attr(m, PMEMCTL_A_LIVE, "", 0);
}

/**
 * tasks_message - a well-formed PMEMCTL_CMD_TASKS
 * @m: where
 * @family: message type
 * @seq: its number
 * @proof: descriptor of process 1's, -1 for none
 */
void tasks_message(struct message *m, int family, uint32_t seq, int proof)
{
	begin_message(m, family, NLM_F_REQUEST | NLM_F_DUMP, seq, PMEMCTL_CMD_TASKS);
	if (proof >= 0)
		add_u32(m, PMEMCTL_TASKS_A_PROOF_FD, proof);
}

/**
 * send_message - to the kernel
 * @sock: socket
 * @m: the message
 *
 * Return: 0 or -1 with errno.
 */
int send_message(int sock, const struct message *m)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(sock, m->bytes, m->len, 0, (struct sockaddr *)&kernel,
		      sizeof(kernel)) < 0 ? -1 : 0;
}

/**
 * family_id - the number that the family has now
 *
 * Return: the number, -ENOENT without the module.
 */
int family_id(void)
{
	int sock = open_socket(), id = -ENOENT;
	uint8_t buf[4096];
	struct message m;
	ssize_t len;
	size_t at;

	begin_message(&m, GENL_ID_CTRL, NLM_F_REQUEST, 1, CTRL_CMD_GETFAMILY);
	add_attr(&m, CTRL_ATTR_FAMILY_NAME, PMEMCTL_GENL_NAME, sizeof(PMEMCTL_GENL_NAME));
	if (send_message(sock, &m))
		die("cannot ask for the family");
	len = recv(sock, buf, sizeof(buf), 0);
	if (len < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN))
		die("no answer about the family");
	at = NLMSG_HDRLEN + GENL_HDRLEN;
	while (((struct nlmsghdr *)buf)->nlmsg_type == GENL_ID_CTRL && at + NLA_HDRLEN <= (size_t)len) {
		struct nlattr nla;
		uint16_t value;

		memcpy(&nla, buf + at, sizeof(nla));
		memcpy(&value, buf + at + NLA_HDRLEN, sizeof(value));
		if (nla.nla_type == CTRL_ATTR_FAMILY_ID)
			id = value;
		at += NLA_ALIGN(nla.nla_len);
	}
	close(sock);
	return id;
}
