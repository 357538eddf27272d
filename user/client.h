/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The conversation with the module: generic netlink, and nothing about memory.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/netlink.h>

/**
 * struct client - a socket that knows the family
 * @socket: the socket, NULL when closed
 * @family: number of the family
 * @seq: of the last request
 * @extack: what the kernel said in words about the last error, or empty
 */
struct client {
	struct mnl_socket *socket;
	uint16_t family;
	uint32_t seq;
	char extack[256];
};

/**
 * typedef client_fn - takes a message of a reply
 * @nlh: a whole message of the family; not valid after the return
 * @data: the caller's
 *
 * Return: 0, or -1 to give up the reply.
 */
typedef int client_fn(const struct nlmsghdr *nlh, void *data);

/**
 * client_open() - open a socket and look the family up
 * @client: to be closed with client_close(), also after an error
 *
 * The kernel tries to load the module when the family is not there.
 *
 * Return: 0 or -errno; -ENOENT: the module is not loaded.
 */
int client_open(struct client *client);

/**
 * client_snapshot() - ask for a snapshot and read the whole reply
 * @client: an open client
 * @pid: any thread of the process
 * @proof: open descriptor that shows the right to look, -1: none
 * @sections: enum pmemctl_section
 * @live: interrupt the CPUs that run its threads, for their registers
 * @fn: called for each message in turn
 * @data: for @fn
 *
 * The credentials must be those the socket and @proof were opened with.
 *
 * Return: 0; -errno of the kernel, with @client->extack; -ECANCELED: @fn gave
 * up. The socket is closed after an error and has to be opened anew.
 */
int client_snapshot(struct client *client, uint32_t pid, int proof, uint32_t sections,
		    bool live, client_fn *fn, void *data);

/**
 * client_tasks() - ask for all tasks of the machine and read the whole reply
 * @client: an open client
 * @proof: an open descriptor of /proc/1/pagemap, -1 for none
 * @fn: called for each message in turn
 * @data: for @fn
 *
 * Return: as client_snapshot(); -EPERM without CAP_SYS_PTRACE.
 */
int client_tasks(struct client *client, int proof, client_fn *fn, void *data);

/**
 * client_close() - close the socket, if it is open
 * @client: a client
 */
void client_close(struct client *client);

#endif
