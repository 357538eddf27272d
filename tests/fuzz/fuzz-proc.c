// SPDX-License-Identifier: GPL-2.0
/*
 * Small files of /proc: proc.c. A name may be anything, and what stands behind it is
 * found all the same.
 */
#include "input.h"
#include "proc.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define FLAG_KTHREAD 0x00200000u

/* As the kernel writes it: a name has 15 bytes, a worker's 63, and they are any */
static void judge_stat(struct input *in)
{
	uint32_t pid = take(in, 3), ppid = take(in, 3), flags = take(in, 4);
	uint64_t start = take(in, 5);
	char state = 'A' + take_below(in, 26), name[64], text[512];
	struct proc_stat stat;

	take_string(in, name, sizeof(name));
	world.file_size = snprintf(text, sizeof(text), "%u (%s) %c %u 1 2 0 -1 %u 1 2 3 4 5 6 7 8 "
				   "20 0 1 0 %" PRIu64 " 12345678 90\n", pid, name, state, ppid,
				   flags, start);
	world.file = text;
	must(!proc_stat(pid, &stat) && !strcmp(stat.comm, name) && stat.state == state);
	must(stat.ppid == ppid && stat.kthread == !!(flags & FLAG_KTHREAD));
	must(stat.start_time == start * (1000000000 / sysconf(_SC_CLK_TCK)));
}

static void judge_status(struct input *in)
{
	uint32_t uid = take(in, 4);
	bool thp = take_below(in, 2);
	char name[64], text[1024];
	size_t len = 0;

	/* the kernel escapes line ends in names */
	take_string(in, name, sizeof(name));
	for (size_t i = 0; name[i]; i++)
		name[i] = name[i] == '\n' ? '_' : name[i];
	len += snprintf(text, sizeof(text), "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\n"
			"Uid:\t%u\t1\t2\t3\nGroups:\t", name, uid);
	for (uint8_t groups = take(in, 1); groups && len < 900; groups--)
		len += snprintf(text + len, sizeof(text) - len, "%d ", groups);
	len += snprintf(text + len, sizeof(text) - len, "\nTHP_enabled:\t%d\nThreads:\t1\n", thp);
	world.file = text;
	world.file_size = len;
	must(proc_uid(1) == uid);
	must(proc_no_huge_pages(1, 1) == !thp);
}

/* Any bytes: an error, or something of a name that ends */
static void judge_bytes(struct input *in)
{
	struct pmemctl_vma vma;
	struct proc_stat stat;

	world.file = in->at;
	world.file_size = in->left;
	memset(&stat, 'x', sizeof(stat));
	if (!proc_thread_stat(1, 1, &stat))
		must(memchr(stat.comm, 0, sizeof(stat.comm)));
	proc_uid(1);
	proc_no_huge_pages(1, 0);
	proc_guard_gap();
	if (proc_vsyscall(&vma))
		must(vma.page_shift == 12);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t what = take(&in, 1);

	world_reset();
	if (what % 3 == 0)
		judge_bytes(&in);
	else if (what % 3 == 1)
		judge_stat(&in);
	else
		judge_status(&in);
	return 0;
}
