// SPDX-License-Identifier: GPL-2.0
/* PROCMAP_QUERY, from Linux 6.11 on: a VMA for each call. */
#include "meter.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifdef PROCMAP_QUERY
void query(char **args, bool look, struct answer *answer)
{
	int fd = open_of(args[0], "maps");
	struct procmap_query q = { .size = sizeof(q) };
	static char name[4096];

	(void)look;
	for (;;) {
		q.query_flags = PROCMAP_QUERY_COVERING_OR_NEXT_VMA;
		q.vma_name_addr = (uintptr_t)name;
		q.vma_name_size = sizeof(name);
		q.build_id_size = 0;
		if (ioctl(fd, PROCMAP_QUERY, &q))
			break;
		answer->items++;
		answer->bytes += sizeof(q) + q.vma_name_size;
		q.query_addr = q.vma_end;
	}
	if (errno == ENOTTY)
		skip("this kernel has no PROCMAP_QUERY");
	if (errno != ENOENT)
		die("PROCMAP_QUERY");
	close(fd);
}
#else
void query(char **args, bool look, struct answer *answer)
{
	(void)args;
	(void)look;
	(void)answer;
	skip("built without PROCMAP_QUERY");
}
#endif
