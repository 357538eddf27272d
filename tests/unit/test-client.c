// SPDX-License-Identifier: GPL-2.0
/*
 * client.c: requests are well-formed, and errors are seen wherever they come.
 * The kernel's side of the socket is played here.
 */
#include "client.h"
#include "test.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/pmemctl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAMILY 30

static _Alignas(8) char sent[512];
static _Alignas(8) char answer[4096];
static size_t answer_size;
static uint32_t port;
static bool no_family;
static unsigned int messages;

/* Put in for libmnl's by the linker, see the Makefile */
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size);

static struct nlmsghdr *begin(uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(answer + answer_size);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = ((struct nlmsghdr *)sent)->nlmsg_seq;
	nlh->nlmsg_pid = port;
	return nlh;
}

static void end(struct nlmsghdr *nlh)
{
	answer_size += NLMSG_ALIGN(nlh->nlmsg_len);
}

static void put_data(uint16_t flags)
{
	struct nlmsghdr *nlh = begin(FAMILY, flags);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = PMEMCTL_CMD_SNAPSHOT;
	mnl_attr_put_u32(nlh, PMEMCTL_A_PID, 1);
	end(nlh);
}

static void put_done(int error, const char *words)
{
	struct nlmsghdr *nlh = begin(NLMSG_DONE, NLM_F_MULTI | (words ? NLM_F_ACK_TLVS : 0));

	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(error)), &error, sizeof(error));
	if (words)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, words);
	end(nlh);
}

static void put_error(int error, const char *words, bool capped)
{
	struct nlmsghdr *nlh = begin(NLMSG_ERROR, (words ? NLM_F_ACK_TLVS : 0) |
				     (capped ? NLM_F_CAPPED : 0));
	const struct nlmsghdr *request = (void *)sent;
	struct nlmsgerr *err = mnl_nlmsg_put_extra_header(nlh, sizeof(*err));

	err->error = error;
	err->msg = *request;
	if (!capped)
		memset(mnl_nlmsg_put_extra_header(nlh, request->nlmsg_len - NLMSG_HDRLEN), 0xee,
		       request->nlmsg_len - NLMSG_HDRLEN);
	if (words)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, words);
	end(nlh);
}

static void put_family(void)
{
	struct nlmsghdr *nlh = begin(GENL_ID_CTRL, 0);

	mnl_nlmsg_put_extra_header(nlh, GENL_HDRLEN);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "pmemctl");
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	end(nlh);
}

static void (*script)(void);

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size)
{
	assert_true(size <= sizeof(sent));
	memcpy(sent, req, size);
	port = mnl_socket_get_portid(nl);
	answer_size = 0;
	if (((struct nlmsghdr *)sent)->nlmsg_type != GENL_ID_CTRL)
		script();
	else if (no_family)
		put_error(-ENOENT, NULL, true);
	else
		put_family();
	return size;
}

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	size_t len = answer_size;

	assert_int_equal(size, 32768);
	if (!len) {
		errno = ENOBUFS;
		return -1;
	}
	memcpy(buf, answer, len);
	answer_size = 0;
	return len;
}

static int take(const struct nlmsghdr *nlh, void *data)
{
	messages++;
	return data ? -1 : 0;
}

static struct client client;

static int ask(void (*play)(void), void *data)
{
	script = play;
	messages = 0;
	no_family = false;
	assert_int_equal(client_open(&client), 0);
	return client_snapshot(&client, 42, 5, PMEMCTL_SECTION_ALL, false, take, data);
}

static int teardown(void **state)
{
	client_close(&client);
	return 0;
}

static void good(void)
{
	put_data(NLM_F_MULTI);
	put_data(NLM_F_MULTI);
	put_done(0, NULL);
}

static void reads_a_dump(void **state)
{
	const struct nlmsghdr *nlh = (void *)sent;
	const struct nlattr *attr;
	uint32_t values[4] = { 0 };

	assert_int_equal(ask(good, NULL), 0);
	assert_int_equal(messages, 2);
	assert_int_equal(nlh->nlmsg_type, FAMILY);
	assert_int_equal(nlh->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN)
		values[mnl_attr_get_type(attr)] = mnl_attr_get_u32(attr);
	assert_int_equal(values[PMEMCTL_A_PID], 42);
	assert_int_equal(values[PMEMCTL_A_PROOF_FD], 5);
	assert_int_equal(values[PMEMCTL_A_SECTIONS], PMEMCTL_SECTION_ALL);
	assert_non_null(client.socket);
}

static bool asks_for_live(bool live)
{
	const struct nlmsghdr *nlh = (void *)sent;
	const struct nlattr *attr;

	script = good;
	assert_int_equal(client_open(&client), 0);
	assert_int_equal(client_snapshot(&client, 42, 5, PMEMCTL_SECTION_ALL, live, take, NULL), 0);
	client_close(&client);
	mnl_attr_for_each(attr, nlh, GENL_HDRLEN) {
		if (mnl_attr_get_type(attr) == PMEMCTL_A_LIVE) {
			assert_int_equal(mnl_attr_get_payload_len(attr), 0);
			return true;
		}
	}
	return false;
}

static void interrupts_only_if_told(void **state)
{
	assert_false(asks_for_live(false));
	assert_true(asks_for_live(true));
}

static void no_module(void **state)
{
	no_family = true;
	assert_int_equal(client_open(&client), -ENOENT);
	assert_null(client.socket);
}

static void done_fails(void)
{
	put_data(NLM_F_MULTI);
	put_done(-ESTALE, "it has called execve");
}

static void sees_errors_in_done(void **state)
{
	assert_int_equal(ask(done_fails, NULL), -ESTALE);
	assert_string_equal(client.extack, "it has called execve");
	assert_null(client.socket);
}

static void error_capped(void)
{
	put_error(-EPERM, "not yours", true);
}

static void error_whole(void)
{
	put_error(-EPERM, "not yours either", false);
}

static void error_bare(void)
{
	put_error(-EINVAL, NULL, true);
}

static void sees_errors(void **state)
{
	assert_int_equal(ask(error_capped, NULL), -EPERM);
	assert_string_equal(client.extack, "not yours");
	assert_int_equal(ask(error_whole, NULL), -EPERM);
	assert_string_equal(client.extack, "not yours either");
	assert_int_equal(ask(error_bare, NULL), -EINVAL);
	assert_string_equal(client.extack, "");
}

static void error_positive(void)
{
	put_error(5, NULL, true);
}

static void error_lowest(void)
{
	put_error(INT32_MIN, NULL, true);
}

static void done_lowest(void)
{
	put_done(INT32_MIN, NULL);
}

/* Whoever asks for the words of an error turns its sign */
static void no_error_numbers(void **state)
{
	assert_int_equal(ask(error_positive, NULL), -EBADMSG);
	assert_int_equal(ask(error_lowest, NULL), -EBADMSG);
	assert_int_equal(ask(done_lowest, NULL), -EBADMSG);
}

static void length_is(uint32_t len)
{
	put_data(NLM_F_MULTI);
	((struct nlmsghdr *)answer)->nlmsg_len = len;
	put_done(0, NULL);
}

static void too_long(void)
{
	length_is(answer_size + 1000);
}

/* A negative number to libmnl, which goes there */
static void far_too_long(void)
{
	length_is(0x80000010);
}

static void too_short(void)
{
	length_is(NLMSG_HDRLEN - 1);
}

static void wild_lengths(void **state)
{
	assert_int_equal(ask(too_long, NULL), -EPROTO);
	assert_int_equal(ask(far_too_long, NULL), -EPROTO);
	assert_int_equal(ask(too_short, NULL), -EPROTO);
	assert_int_equal(messages, 0);
}

static void disturbed(void)
{
	put_data(NLM_F_MULTI | NLM_F_DUMP_INTR);
	put_done(0, NULL);
}

static void cut(void)
{
	put_data(NLM_F_MULTI);
}

static void nothing(void)
{
}

static void odd_ends(void **state)
{
	assert_int_equal(ask(disturbed, NULL), -EAGAIN);
	assert_int_equal(ask(cut, NULL), -ENOBUFS);
	assert_int_equal(ask(nothing, NULL), -ENOBUFS);
	assert_int_equal(ask(good, &client), -ECANCELED);
	assert_int_equal(messages, 1);
}

static void of_another(void)
{
	put_data(NLM_F_MULTI);
	((struct nlmsghdr *)answer)->nlmsg_seq++;
	put_done(0, NULL);
}

static void not_its_answer(void **state)
{
	assert_int_equal(ask(of_another, NULL), -EPROTO);
}

/* Anybody may send to a port whose number he guesses, if he has CAP_NET_ADMIN */
static void hears_the_kernel_only(void **state)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct nlmsghdr nlh = { .nlmsg_len = sizeof(nlh), .nlmsg_type = NLMSG_DONE };
	struct mnl_socket *other = mnl_socket_open(NETLINK_GENERIC);

	assert_non_null(other);
	assert_int_equal(client_open(&client), 0);
	to.nl_pid = port;
	assert_int_equal(sendto(mnl_socket_get_fd(other), &nlh, sizeof(nlh), 0,
				(void *)&to, sizeof(to)), -1);
	assert_int_equal(errno, geteuid() ? EPERM : ECONNREFUSED);
	mnl_socket_close(other);
	client_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_a_dump), TEST(interrupts_only_if_told), TEST(no_module),
		TEST(sees_errors_in_done), TEST(sees_errors), TEST(odd_ends),
		TEST(not_its_answer), TEST(no_error_numbers), TEST(wild_lengths),
		TEST(hears_the_kernel_only),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
