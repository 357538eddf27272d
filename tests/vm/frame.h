/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the guest's init talks to the host's demux: one stream of frames over
 * one virtio-serial port. Being in order, the last frame proves that every
 * byte before it has arrived.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdint.h>

#define FRAME_MAGIC	0x706d

enum frame_type {
	FRAME_STDOUT = 1,
	FRAME_STDERR,
	FRAME_STARTED,		/* up; from here on it is about the project */
	FRAME_STATUS,		/* the last one: text, "exit N" or "signal N" */
	FRAME_FAILURE,		/* instead of it: text, why there is no status */
};

struct frame {
	uint16_t magic;
	uint16_t type;
	uint32_t len;
};

#define FRAME_MAX	(1u << 16)

#endif
