// SPDX-License-Identifier: GPL-2.0
#include "builder.h"

#include "replay.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAMILY 30

void builder_init(struct builder *b)
{
	memset(b, 0, sizeof(*b));
	b->pid = 100;
	b->comm = "test";
	b->flags = PMEMCTL_PROCESS_ATTACH;
	b->rlimit_stack = 8 << 20;
}

static uint32_t add_object(struct builder *b, const char *string, uint64_t ino, uint32_t flags)
{
	size_t len = strlen(string);

	b->objects[b->nr_objects++] = (struct pmemctl_object) {
		.ino = ino, .dev_major = ino ? 8 : 0, .dev_minor = ino ? 1 : 0, .flags = flags,
		.string = b->nr_strings, .string_len = len,
	};
	memcpy(b->strings + b->nr_strings, string, len);
	b->nr_strings += len;
	return b->nr_objects;
}

uint32_t builder_file(struct builder *b, const char *path, uint64_t ino, uint32_t flags)
{
	return add_object(b, path, ino, flags | PMEMCTL_OBJECT_FILE);
}

uint32_t builder_name(struct builder *b, const char *name)
{
	return add_object(b, name, 0, 0);
}

struct pmemctl_vma *builder_vma(struct builder *b, uint64_t start, uint64_t end,
				const char *perms, uint32_t file, uint32_t name)
{
	struct pmemctl_vma *vma = &b->vmas[b->nr_vmas++];

	*vma = (struct pmemctl_vma) {
		.start = start, .end = end, .file = file, .name = name, .page_shift = 12,
	};
	if (perms[0] == 'r')
		vma->flags |= PMEMCTL_VMA_READ;
	if (perms[1] == 'w')
		vma->flags |= PMEMCTL_VMA_WRITE;
	if (perms[2] == 'x')
		vma->flags |= PMEMCTL_VMA_EXEC;
	if (perms[3] == 's')
		vma->flags |= PMEMCTL_VMA_SHARED | PMEMCTL_VMA_MAYSHARE;
	return vma;
}

struct pmemctl_thread *builder_thread(struct builder *b, uint32_t tid, uint64_t low,
				      uint64_t high, uint32_t evidence)
{
	struct pmemctl_thread *thread = &b->threads[b->nr_threads++];

	*thread = (struct pmemctl_thread) {
		.tid = tid, .state = 'S', .reg_state = PMEMCTL_REGS_BLOCKED,
		.stack_low = low, .stack_high = high, .evidence = evidence,
		.flags = tid == b->pid ? PMEMCTL_THREAD_LEADER : 0,
	};
	if (evidence & PMEMCTL_STACK_SP)
		thread->sp = high - 0x1000;
	snprintf(thread->comm, sizeof(thread->comm), "%s", b->comm);
	return thread;
}

void builder_sharer(struct builder *b, uint32_t pid, const char *comm, uint32_t relation)
{
	struct pmemctl_sharer *sharer = &b->sharers[b->nr_sharers++];

	*sharer = (struct pmemctl_sharer) { .pid = pid, .relation = relation, .tasks = 1 };
	snprintf(sharer->comm, sizeof(sharer->comm), "%s", comm);
}

static struct nlmsghdr *begin(struct builder *b, uint16_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(b->reply + b->size);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_MULTI;
	nlh->nlmsg_seq = 1;
	if (type == FAMILY) {
		genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
		genl->cmd = PMEMCTL_CMD_SNAPSHOT;
		genl->version = PMEMCTL_GENL_VERSION;
	}
	return nlh;
}

static void end(struct builder *b, struct nlmsghdr *nlh)
{
	b->size += NLMSG_ALIGN(nlh->nlmsg_len);
	if (b->size > sizeof(b->reply))
		abort();
}

static void put_mm(struct builder *b, struct nlmsghdr *nlh)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, PMEMCTL_A_MM);

	for (int i = 1; i <= PMEMCTL_MM_MAX; i++) {
		if (i == PMEMCTL_MM_USERS || i == PMEMCTL_MM_EXE)
			mnl_attr_put_u32(nlh, i, b->mm[i]);
		else if (i == PMEMCTL_MM_MAP_COUNT)
			mnl_attr_put_u32(nlh, i, b->mm[i] ? b->mm[i] : b->nr_vmas);
		else if (i != PMEMCTL_MM_PAD)
			mnl_attr_put_u64(nlh, i, b->mm[i]);
	}
	mnl_attr_nest_end(nlh, nest);
}

static void put_head(struct builder *b)
{
	struct nlmsghdr *nlh = begin(b, FAMILY);

	mnl_attr_put_u32(nlh, PMEMCTL_A_PID, b->pid);
	mnl_attr_put_u32(nlh, PMEMCTL_A_FLAGS, b->flags);
	if (b->comm)
		mnl_attr_put_strz(nlh, PMEMCTL_A_COMM, b->comm);
	if (!b->no_mm)
		put_mm(b, nlh);
	mnl_attr_put_u64(nlh, PMEMCTL_A_TAKEN, 1700000000123456789);
	mnl_attr_put_u64(nlh, PMEMCTL_A_LOCK_WAIT, 400);
	mnl_attr_put_u64(nlh, PMEMCTL_A_LOCK_HOLD, 31234);
	mnl_attr_put_u64(nlh, PMEMCTL_A_RLIMIT_STACK, b->rlimit_stack);
	if (b->borrowed_pid) {
		mnl_attr_put_u32(nlh, PMEMCTL_A_BORROWED_PID, b->borrowed_pid);
		mnl_attr_put_strz(nlh, PMEMCTL_A_BORROWED_COMM, b->borrowed_comm);
	}
	mnl_attr_put_u32(nlh, PMEMCTL_A_MM_USERS_UNEXPLAINED, b->unexplained);
	mnl_attr_put_u32(nlh, PMEMCTL_A_SHARERS_HIDDEN, b->hidden);
	end(b, nlh);
}

/* Rows of @size bytes, sent as rows of @sent: cut, or with bytes to skip */
static void put_rows(struct builder *b, uint16_t attr, const void *rows, size_t size,
		     size_t sent, size_t count)
{
	size_t per_chunk = b->per_chunk ? b->per_chunk : count;

	if (!sent)
		sent = size;
	for (size_t first = 0; first < count; first += per_chunk) {
		size_t n = count - first < per_chunk ? count - first : per_chunk;
		struct pmemctl_chunk head = { sent, n, first, count };
		char *payload = calloc(1, sizeof(head) + n * sent);
		struct nlmsghdr *nlh = begin(b, FAMILY);

		memcpy(payload, &head, sizeof(head));
		for (size_t i = 0; i < n; i++) {
			char *to = payload + sizeof(head) + i * sent;

			memset(to, 0xaa, sent);
			memcpy(to, (const char *)rows + (first + i) * size,
			       size < sent ? size : sent);
		}
		mnl_attr_put(nlh, attr, sizeof(head) + n * sent, payload);
		free(payload);
		end(b, nlh);
	}
}

void builder_build(struct builder *b)
{
	struct nlmsghdr *nlh;

	b->size = 0;
	put_head(b);
	put_rows(b, PMEMCTL_A_VMAS, b->vmas, sizeof(b->vmas[0]), b->vma_size, b->nr_vmas);
	put_rows(b, PMEMCTL_A_OBJECTS, b->objects, sizeof(b->objects[0]), 0, b->nr_objects);
	put_rows(b, PMEMCTL_A_THREADS, b->threads, sizeof(b->threads[0]), b->thread_size,
		 b->nr_threads);
	put_rows(b, PMEMCTL_A_SHARERS, b->sharers, sizeof(b->sharers[0]), 0, b->nr_sharers);
	put_rows(b, PMEMCTL_A_STRINGS, b->strings, 1, 0, b->nr_strings);
	nlh = begin(b, NLMSG_DONE);
	memset(mnl_nlmsg_put_extra_header(nlh, 4), 0, 4);
	end(b, nlh);
}

int builder_model(struct builder *b, struct model *model)
{
	model_init(model);
	builder_build(b);
	return replay(model, b->reply, b->size, PMEMCTL_SECTION_ALL);
}

/* Its thread pointer and what follows that, as glibc lays them out */
static struct pmemctl_thread *put_descriptor(struct pmemctl_thread *thread)
{
	thread->tp = thread->stack_high - 0x940;
	thread->clear_child_tid = thread->tp + 0x2d0;
	thread->robust_list = thread->tp + 0x2e0;
	return thread;
}

static void process_threads(struct builder *b)
{
	uint32_t block = PMEMCTL_STACK_TP | PMEMCTL_STACK_ROBUST | PMEMCTL_STACK_SP |
			 PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_GUARD | PMEMCTL_STACK_HIGH_VMA;
	struct pmemctl_thread *thread;

	thread = builder_thread(b, 100, 0x7ffe00000000, 0x7ffe00021000,
				PMEMCTL_STACK_SP | PMEMCTL_STACK_INITIAL |
				PMEMCTL_STACK_LOW_VMA | PMEMCTL_STACK_HIGH_VMA);
	thread->nvcsw = 12;
	thread = put_descriptor(builder_thread(b, 101, 0x7f0000001000, 0x7f0000801000, block));
	thread->nice = -5;
	thread = put_descriptor(builder_thread(b, 102, 0x7f0000802000, 0x7f0001002000, block));
	thread->reg_state = PMEMCTL_REGS_LAST_ENTRY;
	thread->state = 'R';
	thread->flags = PMEMCTL_THREAD_ON_CPU;
}

void builder_process(struct builder *b)
{
	uint32_t exe, libc, heap, stack, vdso;

	builder_init(b);
	b->flags |= PMEMCTL_PROCESS_VSYSCALL;
	exe = builder_file(b, "/usr/bin/test", 11, 0);
	libc = builder_file(b, "/lib/libc.so.6", 12, 0);
	heap = builder_name(b, "[heap]");
	stack = builder_name(b, "[stack]");
	vdso = builder_name(b, "[vdso]");
	builder_vma(b, 0x555500000000, 0x555500001000, "r--p", exe, 0);
	builder_vma(b, 0x555500001000, 0x555500005000, "r-xp", exe, 0);
	builder_vma(b, 0x555500005000, 0x555500007000, "r--p", exe, 0);
	builder_vma(b, 0x555500007000, 0x555500008000, "r--p", exe, 0);
	builder_vma(b, 0x555500008000, 0x555500009000, "rw-p", exe, 0);
	builder_vma(b, 0x555500009000, 0x55550000b000, "rw-p", 0, 0);
	builder_vma(b, 0x555500100000, 0x555500121000, "rw-p", 0, heap);
	builder_vma(b, 0x7f0000000000, 0x7f0000001000, "---p", 0, 0);
	builder_vma(b, 0x7f0000001000, 0x7f0000801000, "rw-p", 0, 0);
	builder_vma(b, 0x7f0000801000, 0x7f0000802000, "---p", 0, 0);
	builder_vma(b, 0x7f0000802000, 0x7f0001002000, "rw-p", 0, 0);
	builder_vma(b, 0x7f0010000000, 0x7f0010020000, "r--p", libc, 0);
	builder_vma(b, 0x7f0010020000, 0x7f0010180000, "r-xp", libc, 0);
	builder_vma(b, 0x7f0010180000, 0x7f0010190000, "rw-p", libc, 0);
	builder_vma(b, 0x7f0010190000, 0x7f001019d000, "rw-p", 0, 0);
	builder_vma(b, 0x7ffe00000000, 0x7ffe00021000, "rw-p", 0, stack)->flags |=
		PMEMCTL_VMA_GROWSDOWN;
	builder_vma(b, 0x7ffe00030000, 0x7ffe00032000, "r-xp", 0, vdso);
	b->mm[PMEMCTL_MM_ID] = 0x0123456789abcdef;
	b->mm[PMEMCTL_MM_USERS] = 4;
	b->mm[PMEMCTL_MM_EXE] = exe;
	b->mm[PMEMCTL_MM_TOTAL_VM] = 0x11fb000;
	b->mm[PMEMCTL_MM_RSS_ANON] = 300 << 10;
	b->mm[PMEMCTL_MM_RSS_FILE] = 1536 << 10;
	b->mm[PMEMCTL_MM_TASK_SIZE] = 0x7ffffffff000;
	b->mm[PMEMCTL_MM_START_CODE] = 0x555500001000;
	b->mm[PMEMCTL_MM_END_CODE] = 0x555500004567;
	b->mm[PMEMCTL_MM_START_DATA] = 0x555500007d90;
	b->mm[PMEMCTL_MM_END_DATA] = 0x555500008ab8;
	b->mm[PMEMCTL_MM_START_BRK] = 0x555500100000;
	b->mm[PMEMCTL_MM_BRK] = 0x555500121000;
	b->mm[PMEMCTL_MM_START_STACK] = 0x7ffe0001f000;
	b->mm[PMEMCTL_MM_ARG_START] = 0x7ffe00020100;
	b->mm[PMEMCTL_MM_ARG_END] = 0x7ffe00020120;
	b->mm[PMEMCTL_MM_ENV_START] = 0x7ffe00020120;
	b->mm[PMEMCTL_MM_ENV_END] = 0x7ffe00020ff0;
	process_threads(b);
	builder_sharer(b, 200, "sh", PMEMCTL_RELATION_VFORK_CHILD);
}
