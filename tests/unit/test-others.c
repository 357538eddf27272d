// SPDX-License-Identifier: GPL-2.0
/*
 * The pass over the machine, and who maps the same files: on processes made to
 * order.
 */
#include "builder.h"
#include "files.h"
#include "proc.h"
#include "replay.h"
#include "target.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TARGET 100

/* The machine: processes by pid, and what asking for them is like */
static struct process {
	uint32_t pid;
	enum status status;	/* of a look at it */
	bool kthread;
	uint64_t mm_id;
	uint64_t ipc;
	uint64_t real_mm;	/* by kcmp(), 0: it is gone */
	struct builder *b;
	int asked;
} machine[16];
static size_t nr_processes;

static struct process *find(uint32_t pid)
{
	for (size_t i = 0; i < nr_processes; i++) {
		if (machine[i].pid == pid)
			return &machine[i];
	}
	return NULL;
}

size_t proc_list(uint32_t pid, uint32_t **ids)
{
	assert_int_equal(pid, 0);
	*ids = calloc(nr_processes + 1, sizeof(**ids));
	for (size_t i = 0; i < nr_processes; i++)
		(*ids)[i] = machine[i].pid;
	return nr_processes;
}

bool proc_is_partial(void)
{
	return false;
}

int proc_stat(uint32_t pid, struct proc_stat *stat)
{
	memset(stat, 0, sizeof(*stat));
	stat->kthread = find(pid)->kthread;
	return 0;
}

enum proc_answer proc_same_mm(uint32_t a, uint32_t b)
{
	return find(a)->real_mm && find(a)->real_mm == find(b)->real_mm ? PROC_SAME :
	       PROC_DIFFERENT;
}

enum proc_answer proc_same_namespace(uint32_t a, uint32_t b, const char *name)
{
	assert_string_equal(name, "ipc");
	return find(a)->ipc == find(b)->ipc ? PROC_SAME : PROC_DIFFERENT;
}

int target_look(struct client *client, uint32_t pid, const struct wish *wish,
		struct model *model, struct failure *why)
{
	struct process *process = find(pid);

	assert_int_equal(wish->sections, PMEMCTL_SECTION_VMAS);
	assert_false(wish->registers || wish->touched || wish->orphans || wish->live);
	process->asked++;
	why->status = process->status;
	snprintf(why->text, sizeof(why->text), "why %u", pid);
	if (why->status)
		return -1;
	process->b->pid = pid;
	process->b->mm[PMEMCTL_MM_ID] = process->mm_id;
	builder_build(process->b);
	assert_int_equal(replay(model, process->b->reply, process->b->size, wish->sections), 0);
	return 0;
}

static struct process *add_process(uint32_t pid)
{
	struct process *process = &machine[nr_processes++];

	assert_true(nr_processes <= sizeof(machine) / sizeof(machine[0]));
	*process = (struct process) { .pid = pid, .mm_id = pid * 10, .real_mm = pid * 10 };
	process->b = calloc(1, sizeof(*process->b));
	builder_init(process->b);
	return process;
}

static struct process *target;
static struct model model;
static struct picture picture;
static struct region regions[BUILDER_ROWS];
static struct files files;

/* Every VMA a region of kind "file", but code is a library's */
static void look(void)
{
	struct client client = { 0 };

	target->b->pid = TARGET;
	target->b->mm[PMEMCTL_MM_ID] = target->mm_id;
	assert_int_equal(builder_model(target->b, &model), 0);
	picture = (struct picture) {
		.model = &model, .regions = regions, .nr_regions = model.nr_vmas,
	};
	for (size_t i = 0; i < model.nr_vmas; i++) {
		regions[i] = (struct region) {
			.start = model.vmas[i].start, .end = model.vmas[i].end,
			.vma = &model.vmas[i],
			.kind = model.vmas[i].flags & PMEMCTL_VMA_EXEC ? KIND_LIBRARY : KIND_FILE,
		};
	}
	assert_int_equal(files_look(&files, &client, &picture), 0);
}

static int setup(void **state)
{
	nr_processes = 0;
	target = add_process(TARGET);
	return 0;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < nr_processes; i++)
		free(machine[i].b);
	files_free(&files);
	model_free(&model);
	return 0;
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static uint32_t map(struct process *process, uint64_t start, const char *perms,
		    const char *path, uint64_t ino)
{
	uint32_t file = builder_file(process->b, path, ino, 0);

	builder_vma(process->b, start, start + 0x1000, perms, file, 0);
	return file;
}

static void each_is_asked_once(void **state)
{
	struct process *kthread;

	for (uint32_t pid = 101; pid < 110; pid++)
		map(add_process(pid), 0x10000, "r-xp", "/lib/a", 7);
	map(find(105), 0x20000, "r--p", "/lib/a", 7);
	for (uint64_t i = 0; i < 20; i++)
		map(target, 0x10000 + i * 0x2000, "r--p", i % 2 ? "/lib/a" : "/lib/b", 7 + i % 2);
	kthread = add_process(110);
	kthread->kthread = true;
	add_process(getpid());
	look();
	for (uint32_t pid = 101; pid < 110; pid++)
		assert_int_equal(find(pid)->asked, 1);
	assert_int_equal(kthread->asked, 0);
	assert_int_equal(target->asked, 0);
	assert_int_equal(find(getpid())->asked, 0);
	assert_int_equal(files.others.processes, 9);
	assert_int_equal(files.others.count, 9);
	assert_int_equal(files.count, 1);
	assert_int_equal(files.list[0].nr_own, 10);
	assert_int_equal(files.list[0].processes, 9);
	assert_int_equal(files.list[0].nr_others, 10);
}

static void those_not_seen_are_counted(void **state)
{
	char text[400] = "";
	FILE *out;

	map(target, 0x10000, "r-xp", "/lib/a", 7);
	add_process(101)->status = STATUS_NOT_PERMITTED;
	add_process(102)->status = STATUS_NO_PROCESS;
	add_process(103)->status = STATUS_FAILED;
	add_process(104)->status = STATUS_NOT_PERMITTED;
	map(add_process(105), 0x10000, "r-xp", "/lib/a", 7);
	add_process(106)->status = STATUS_FAILED;
	look();
	assert_int_equal(files.others.processes, 1);
	assert_int_equal(files.others.refused, 2);
	assert_int_equal(files.others.failed, 2);
	assert_int_equal(files.others.list[0].pid, 105);
	out = fmemopen(text, sizeof(text), "w");
	others_text(out, &files.others);
	fclose(out);
	assert_string_equal(text, "2 processes were not looked at: not permitted; try as root\n"
			    "2 processes were not looked at: the first of them, 103: why 103\n");
	files.others.failed = 1;
	out = fmemopen(text, sizeof(text), "w");
	others_json(&(struct json) { .out = out, .empty = true }, &files.others);
	fclose(out);
	if (!strstr(text, "\"reason\": \"why 103\""))
		fail_msg("%s", text);
}

static void one_mm_is_one_sharer(void **state)
{
	map(target, 0x10000, "r-xp", "/lib/a", 7);
	for (uint32_t pid = 101; pid < 104; pid++) {
		map(add_process(pid), 0x10000, "r-xp", "/lib/a", 7);
		find(pid)->mm_id = find(pid)->real_mm = 5;
	}
	/* the target's own */
	map(add_process(104), 0x10000, "r-xp", "/lib/a", 7);
	find(104)->mm_id = find(104)->real_mm = target->mm_id;
	look();
	assert_int_equal(files.others.count, 1);
	assert_int_equal(files.others.list[0].pid, 101);
	assert_int_equal(files.others.list[0].processes, 3);
	assert_int_equal(files.list[0].nr_others, 1);
	assert_int_equal(files.list[0].processes, 3);
}

/* An mm that ended gave its id to another: these are two */
static void an_id_may_come_again(void **state)
{
	map(target, 0x10000, "r-xp", "/lib/a", 7);
	for (uint32_t pid = 101; pid < 104; pid++) {
		map(add_process(pid), 0x10000 * pid, "r-xp", "/lib/a", 7);
		find(pid)->mm_id = 5;
	}
	find(101)->real_mm = 0;
	find(103)->real_mm = find(102)->real_mm;
	look();
	assert_int_equal(files.others.count, 2);
	assert_int_equal(files.others.list[0].pid, 101);
	assert_int_equal(files.others.list[0].processes, 1);
	assert_int_equal(files.others.list[1].pid, 102);
	assert_int_equal(files.others.list[1].processes, 2);
	assert_int_equal(files.list[0].nr_others, 2);
}

static void a_file_is_its_device_and_inode(void **state)
{
	struct process *other = add_process(101);

	map(target, 0x10000, "r--p", "/a", 7);
	map(target, 0x20000, "rw-s", "/b", 8);
	map(other, 0x10000, "r--p", "/a", 9);		/* equal path */
	map(other, 0x20000, "r--p", "/b", 7);		/* equal device and inode */
	other->b->objects[map(other, 0x30000, "rw-s", "/b", 8) - 1].dev_minor = 2;
	other->b->objects[map(other, 0x40000, "rw-s", "/b", 8) - 1].dev_major = 9;
	look();
	assert_int_equal(files.count, 1);
	assert_string_equal(files.list[0].name, "/a");
	assert_int_equal(files.list[0].nr_others, 1);
	assert_int_equal(files.mappings[0].start, 0x20000);
	assert_false(files.list[0].written);
}

static uint32_t map_nameless(struct process *process, uint64_t start, const char *path,
			     uint64_t ino)
{
	uint32_t file = map(process, start, "rw-s", path, ino);

	process->b->objects[file - 1].dev_major = 0;
	return file;
}

static void segments_have_ids_of_their_own(void **state)
{
	struct process *other = add_process(101), *elsewhere = add_process(102);

	map_nameless(target, 0x10000, "/SYSV00000000 (deleted)", 7);
	map_nameless(target, 0x20000, "/dev/zero (deleted)", 8);
	map_nameless(other, 0x10000, "/dev/zero (deleted)", 7);
	map_nameless(other, 0x20000, "/SYSV00000000 (deleted)", 8);
	map_nameless(other, 0x30000, "/SYSV00000000 (deleted)", 7);
	map_nameless(elsewhere, 0x10000, "/SYSV00000000 (deleted)", 7);
	elsewhere->ipc = 1;
	look();
	assert_int_equal(files.count, 1);
	assert_int_equal(files.list[0].nr_others, 1);
	assert_int_equal(files.mappings[0].start, 0x30000);
	assert_true(files.list[0].written);
}

/* One inode for what has nothing in common, and devices with memory for each who opens them */
static void inodes_that_tell_nothing(void **state)
{
	struct process *other = add_process(101);
	struct process *both[] = { target, other };

	for (int i = 0; i < 2; i++) {
		struct builder *to = both[i]->b;

		map_nameless(both[i], 0x10000, i ? "anon_inode:[perf_event]" :
			     "anon_inode:bpf-map", 17);
		map_nameless(both[i], 0x20000, "anon_inode:[io_uring]", 18);
		map(both[i], 0x30000, "rw-s", "/dev/dri/card0", 19);
		to->vmas[to->nr_vmas - 1].flags |= PMEMCTL_VMA_PFNMAP;
		map(both[i], 0x40000, "rw-s", "/dev/snd", 20);
		to->vmas[to->nr_vmas - 1].flags |= i ? PMEMCTL_VMA_IO : 0;
		map(both[i], 0x50000, "rw-s", "anon_inode:on-a-disk", 21);
		/* no mark says that these are devices */
		map(both[i], 0x60000, "rw-p", "/dev/zero", 22);
		map(both[i], 0x70000, "rw-s", "/dev/binder", 23);
	}
	look();
	assert_int_equal(files.count, 2);
	assert_string_equal(files.list[0].name, "anon_inode:[io_uring]");
	assert_string_equal(files.list[1].name, "anon_inode:on-a-disk");
	assert_int_equal(files.list[1].nr_others, 1);
}

/* Below /dev, and no devices */
static void memory_in_dev(void **state)
{
	struct process *both[] = { target, add_process(101) };

	for (int i = 0; i < 2; i++) {
		map(both[i], 0x10000, "rw-s", "/dev/shm/a", 17);
		map(both[i], 0x20000, "rw-s", "/dev/hugepages/a", 18);
		map(both[i], 0x30000, "rw-s", "/dev/dax0.0", 19);
		map_nameless(both[i], 0x40000, "/dev/zero (deleted)", 20);
	}
	look();
	assert_int_equal(files.count, 4);
}

static void written_ones_come_first(void **state)
{
	struct process *a = add_process(101), *b = add_process(102);

	map(target, 0x10000, "r-xp", "/lib", 1);
	map(target, 0x20000, "r--s", "/read", 2);
	map(target, 0x30000, "r--p", "/written-by-other", 3);
	map(target, 0x40000, "rw-s", "/written", 4);
	map(target, 0x50000, "rw-s", "/nobody", 5);
	map(target, 0x60000, "rw-p", "/private", 6);
	map(a, 0x10000, "r-xp", "/lib", 1);
	map(b, 0x10000, "r-xp", "/lib", 1);
	map(b, 0x20000, "r--s", "/read", 2);
	map(b, 0x30000, "rw-s", "/written-by-other", 3);
	map(a, 0x40000, "r--p", "/written", 4);
	map(b, 0x40000, "r--p", "/written", 4);
	map(b, 0x60000, "rw-p", "/private", 6);
	look();
	assert_int_equal(files.count, 5);
	assert_int_equal(files.nr_written, 2);
	assert_string_equal(files.list[0].name, "/written");
	assert_string_equal(files.list[1].name, "/written-by-other");
	assert_string_equal(files.list[2].name, "/lib");
	assert_int_equal(files.list[2].kind, KIND_LIBRARY);
	assert_string_equal(files.list[3].name, "/read");
	assert_string_equal(files.list[4].name, "/private");
	for (size_t i = 0; i < files.count; i++) {
		assert_int_equal(files.list[i].own.file, i);
		assert_int_equal(files.mappings[files.list[i].first].file, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_is_asked_once),
		TEST(those_not_seen_are_counted),
		TEST(one_mm_is_one_sharer),
		TEST(an_id_may_come_again),
		TEST(a_file_is_its_device_and_inode),
		TEST(segments_have_ids_of_their_own),
		TEST(inodes_that_tell_nothing), TEST(memory_in_dev),
		TEST(written_ones_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
