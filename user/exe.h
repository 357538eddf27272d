/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the executable's ELF headers tell about the stacks of its threads.
 */
#ifndef EXE_H
#define EXE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct exe - an executable
 * @go: the Go tool chain made it: it carries that chain's note
 * @tls_size: bytes from where its own TLS begins in a thread up to the thread
 *	pointer; 0: it has none of its own
 */
struct exe {
	bool go;
	uint64_t tls_size;
};

/**
 * exe_read() - look at the headers
 * @fd: the executable, open for reading
 * @exe: filled in; all 0 where it is no 64-bit ELF file
 */
void exe_read(int fd, struct exe *exe);

#endif
