// SPDX-License-Identifier: GPL-2.0
#include "module.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <string.h>

/* Of what client.c opens nothing is there, but that it is */
static char socket_there;
static const char *answer;
static size_t answer_left;
static size_t answer_piece;

/* Put in for libmnl's by the linker, see the Makefile */
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size);
unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *nl);
int __wrap_mnl_socket_close(struct mnl_socket *nl);

void module_answers(struct client *client, const void *bytes, size_t size, size_t piece)
{
	/* a sequence number of 0 is any */
	*client = (struct client) {
		.socket = (void *)&socket_there, .family = 0, .seq = UINT32_MAX,
	};
	answer = bytes;
	answer_left = size;
	answer_piece = piece;
}

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size)
{
	return size;
}

/* So many of them, as far as their lengths can be followed */
static size_t whole_messages(void)
{
	size_t at = 0;

	for (size_t i = 0; i < answer_piece; i++) {
		struct nlmsghdr nlh;

		if (answer_left - at < sizeof(nlh))
			return answer_left;
		memcpy(&nlh, answer + at, sizeof(nlh));
		if (NLMSG_ALIGN((size_t)nlh.nlmsg_len) > answer_left - at)
			return answer_left;
		at += NLMSG_ALIGN((size_t)nlh.nlmsg_len);
	}
	return at;
}

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	size_t n = answer_piece ? whole_messages() : answer_left;

	if (n > size)
		n = size;
	if (!n) {
		errno = ENOBUFS;
		return -1;
	}
	memcpy(buf, answer, n);
	answer += n;
	answer_left -= n;
	return n;
}

unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *nl)
{
	return 0;
}

int __wrap_mnl_socket_close(struct mnl_socket *nl)
{
	return 0;
}
