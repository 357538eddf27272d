// SPDX-License-Identifier: GPL-2.0
/*
 * Which other processes have a page, and what is printed of it: on processes and
 * pages that are made up.
 */
#include "answer.h"
#include "builder.h"
#include "frames.h"
#include "pagemap.h"
#include "proc.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TARGET 100
#define PLACE 0x7f2000000000

/* Pages of the machine */
static struct there {
	uint32_t pid;
	uint64_t addr;
	uint64_t frame;
	unsigned int flags;
} pages[32];
static size_t nr_pages;

/* The others, from 101 on */
static struct builder *builders[10];
static struct model models[10];
static size_t nr_others;

/* Of which process a pagemap is, by descriptor; and what other processes are like */
static uint32_t opened[1024];
static bool leader_exited, ended;
static int refuses;
static uint32_t hidden;

/* A frame of which /proc/kpagecount says 1 */
static uint64_t mapped_once;

static struct builder target;
static struct model model;
static struct picture picture;
static struct ties ties;
static struct page page;
static char text[4096], object[8192];

enum proc_answer proc_same_namespace(uint32_t a, uint32_t b, const char *name)
{
	return PROC_SAME;
}

uint32_t proc_live_thread(uint32_t pid)
{
	return ended ? 0 : leader_exited ? pid + 1000 : pid;
}

int proc_open(uint32_t pid, uint32_t tid, const char *name)
{
	int fd;

	assert_string_equal(name, "pagemap");
	if (refuses)
		return refuses;
	if (ended || (leader_exited && tid != pid + 1000))
		return -ESRCH;
	fd = open("/dev/null", O_RDONLY);
	assert_in_range(fd, 0, 1023);
	opened[fd] = pid;
	return fd;
}

bool frames_permitted(void)
{
	return true;
}

bool frame_is_mapped_once(uint64_t frame)
{
	return frame == mapped_once;
}

int frames_each(int pagemap, uint64_t start, uint64_t end,
		int (*fn)(void *data, uint64_t addr, uint64_t frame, unsigned int flags),
		void *data)
{
	for (size_t i = 0; i < nr_pages; i++) {
		const struct there *there = &pages[i];

		if (there->pid == opened[pagemap] && there->addr >= start && there->addr < end)
			return fn(data, there->addr, there->frame, there->flags);
	}
	return 0;
}

int others_look(struct client *client, const struct model *of, struct others *others,
		others_fn *fn, void *data)
{
	int ret = 0;

	others->refused = hidden;
	others->list = calloc(nr_others + 1, sizeof(*others->list));
	for (size_t i = 0; i < nr_others && !ret; i++) {
		builders[i]->flags = leader_exited ? PMEMCTL_PROCESS_LEADER_EXITED : 0;
		assert_int_equal(builder_model(builders[i], &models[i]), 0);
		others->list[others->count++] = (struct other) {
			.pid = models[i].pid, .comm = "other", .processes = 1,
		};
		others->processes++;
		ret = fn(&models[i], i, data);
	}
	return ret;
}

void others_missed(struct others *others, uint32_t pid, bool not_permitted, const char *reason)
{
	others->refused += not_permitted;
	others->failed += !not_permitted;
	others->failed_pid = pid;
	snprintf(others->reason, sizeof(others->reason), "%s", reason);
}

void others_free(struct others *others)
{
	free(others->list);
}

static int setup(void **state)
{
	nr_pages = nr_others = mapped_once = hidden = 0;
	leader_exited = ended = false;
	refuses = 0;
	memset(&ties, 0, sizeof(ties));
	memset(&page, 0, sizeof(page));
	memset(models, 0, sizeof(models));
	builder_init(&target);
	target.pid = TARGET;
	return 0;
}

static int teardown(void **state)
{
	ties_free(&ties);
	picture_free(&picture);
	model_free(&model);
	for (size_t i = 0; i < nr_others; i++) {
		model_free(&models[i]);
		free(builders[i]);
	}
	return 0;
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct builder *add_other(void)
{
	struct builder *b = calloc(1, sizeof(*b));

	builder_init(b);
	b->pid = TARGET + 1 + nr_others;
	builders[nr_others++] = b;
	return b;
}

/* A page of a file, at an address of the process; what has no path is on no device */
static struct pmemctl_vma *map(struct builder *b, uint64_t addr, const char *perms,
			       const char *path)
{
	uint32_t file = builder_file(b, path, 7, 0);

	if (*path != '/')
		b->objects[file - 1].dev_major = 0;
	return builder_vma(b, addr, addr + PAGE, perms, file, 0);
}

static void put(uint32_t pid, uint64_t addr, uint64_t frame, unsigned int flags)
{
	pages[nr_pages++] = (struct there) { pid, addr, frame, flags };
}

static void look(void)
{
	int pagemap = open("/dev/null", O_RDONLY);
	struct client client = { 0 };
	struct options opts = { 0 };
	struct arg arg = { 0 };
	struct who who;
	FILE *out;

	opened[pagemap] = TARGET;
	assert_int_equal(builder_model(&target, &model), 0);
	assert_int_equal(picture_make(&picture, &model, NULL), 0);
	page.addr = PLACE;
	page.vma = model_vma(&model, PLACE);
	ties.pages = &page;
	ties.nr_pages = 1;
	assert_int_equal(ties_look(&ties, &client, &model, pagemap), 0);
	close(pagemap);
	who_find(&picture, PLACE, &who);
	memset(text, 0, sizeof(text));
	out = fmemopen(text, sizeof(text) - 1, "w");
	assert_int_equal(answer_text(out, &(struct answer) {
		&picture, &who, &arg, &page, &ties.others }, &opts), 0);
	fclose(out);
	memset(object, 0, sizeof(object));
	out = fmemopen(object, sizeof(object) - 1, "w");
	answer_json(&(struct json) { .out = out, .empty = true }, &(struct answer) {
		&picture, &who, &arg, &page, &ties.others });
	fclose(out);
	/* lines were filled */
	for (char *c = text; *c; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	for (char *c; (c = strstr(text, "  "));)
		memmove(c, c + 1, strlen(c));
}

static void says(const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text);
}

static void tells(const char *words)
{
	if (!strstr(object, words))
		fail_msg("\"%s\" is not in: %s", words, object);
}

/* The target and process 101, each with a page of a file or a device there */
static void both_map(const char *perms, const char *path, uint64_t its_frame, uint64_t frame)
{
	map(&target, PLACE, perms, path);
	put(TARGET, PLACE, its_frame, FRAME_FILE);
	map(add_other(), PLACE, perms, path);
	put(101, PLACE, frame, FRAME_FILE);
}

static void one_file(void **state)
{
	map(&target, PLACE, "r--p", "/a");
	put(TARGET, PLACE, 5, FRAME_FILE);
	map(add_other(), PLACE, "r--p", "/a");
	put(101, PLACE, 5, FRAME_FILE);
	map(add_other(), PLACE + PAGE, "rw-p", "/a");
	put(102, PLACE + PAGE, 6, 0);
	map(add_other(), PLACE, "r--p", "/a");
	look();
	assert_int_equal(page.nr_ties, 3);
	assert_int_equal(page.ties[0].kind, TIE_SAME);
	assert_int_equal(page.ties[1].kind, TIE_COPY);
	assert_int_equal(page.ties[2].kind, TIE_MAPPED);
	says("1 other process has the same page: 101 (other) ");
}

/* Two files whose device and inode are equal, as of subvolumes */
static void two_pages_are_two_files(void **state)
{
	both_map("r--p", "/a", 5, 6);
	look();
	assert_int_equal(page.nr_ties, 0);
	says("it seems to be mapped elsewhere too, perhaps through another file system (overlay)");
}

/* Who may not be looked at may have it */
static void mapped_by_somebody_hidden(void **state)
{
	map(&target, PLACE, "r--p", "/a");
	put(TARGET, PLACE, 5, FRAME_FILE);
	hidden = 1;
	look();
	assert_false(ties_known(&page));
	says("perhaps by a process that was not looked at, or through another file system");
	tells("\"sharers\": null");
}

static void mapped_twice_by_itself(void **state)
{
	map(&target, PLACE, "r--p", "/a");
	map(&target, PLACE + PAGE, "r--p", "/a");
	map(&target, PLACE + 2 * PAGE, "r--p", "/a");
	map(&target, PLACE + 3 * PAGE, "rw-p", "/a");
	put(TARGET, PLACE, 5, FRAME_FILE);
	put(TARGET, PLACE + PAGE, 5, FRAME_FILE);
	put(TARGET, PLACE + 3 * PAGE, 6, 0);
	look();
	assert_int_equal(page.places, 2);
	assert_false(ties_known(&page));
	says("this process has it at 2 places, and no other that was looked at has it");
	assert_null(strstr(text, "overlay"));
}

/* As after a fork and mremap(), or KSM: at its address nobody has it */
static void private_and_nobody_found(void **state)
{
	builder_vma(&target, PLACE, PLACE + PAGE, "rw-p", 0, 0);
	put(TARGET, PLACE, 5, 0);
	builder_vma(add_other(), PLACE + PAGE, PLACE + 2 * PAGE, "rw-p", 0, 0);
	put(101, PLACE + PAGE, 5, 0);
	look();
	assert_int_equal(page.nr_ties, 0);
	assert_false(ties_known(&page));
	says("no other process that was looked at has it there, but ");
	says("moved it since a fork");
	tells("\"exclusive\": false");
	tells("\"sharers\": null");
}

static void absent_and_alone(void **state)
{
	map(&target, PLACE, "r--p", "/a");
	add_other();
	look();
	says("no other process that was looked at maps it");
}

static void inodes_that_tell_nothing(void **state)
{
	map(&target, PLACE, "rw-s", "anon_inode:bpf-map");
	put(TARGET, PLACE, 0, FRAME_FILE);
	map(add_other(), PLACE, "rw-s", "anon_inode:[perf_event]");
	put(101, PLACE, 0, FRAME_FILE);
	look();
	assert_false(page.sought);
	assert_int_equal(page.nr_ties, 0);
	says("others were not asked");
}

static void devices(void **state)
{
	map(&target, PLACE, "rw-s", "/dev/snd");
	put(TARGET, PLACE, 0, FRAME_FILE);
	map(add_other(), PLACE, "rw-s", "/dev/snd")->flags |= PMEMCTL_VMA_IO;
	put(101, PLACE, 0, FRAME_FILE);
	look();
	assert_int_equal(page.nr_ties, 0);
}

/* No mark says that it is one, as of a sound card */
static void devices_by_path(void **state)
{
	both_map("rw-s", "/dev/snd/pcmC0D0p", 0, 0);
	look();
	assert_int_equal(page.nr_ties, 0);
	tells("\"sharers\": null");
	says("others were not asked");
}

/* A page without a frame does not look as if a fork had left it */
static void frames_without_page(void **state)
{
	map(&target, PLACE, "rw-s", "/dev/dri")->flags |= PMEMCTL_VMA_PFNMAP;
	put(TARGET, PLACE, 0, 0);
	map(add_other(), PLACE, "rw-s", "/dev/dri")->flags |= PMEMCTL_VMA_PFNMAP;
	put(101, PLACE, 0, 0);
	look();
	assert_int_equal(page.nr_ties, 0);
	says("others were not asked");
}

static void swapped_out(void **state)
{
	map(&target, PLACE, "rw-s", "/a");
	put(TARGET, PLACE, 5, FRAME_FILE);
	map(add_other(), PLACE, "rw-s", "/a");
	put(101, PLACE, 0, FRAME_SWAPPED);
	map(add_other(), PLACE, "rw-p", "/a");
	put(102, PLACE, 0, FRAME_SWAPPED);
	look();
	assert_int_equal(page.nr_ties, 2);
	assert_int_equal(page.ties[0].kind, TIE_MAPPED);
	assert_int_equal(page.ties[1].kind, TIE_COPY);
}

/* The kernel judges it by its first 4K: others may have the rest */
static void huge_page(void **state)
{
	builder_vma(&target, PLACE, PLACE + PAGE, "rw-p", 0, 0);
	put(TARGET, PLACE, 5, FRAME_EXCLUSIVE | FRAME_UNSURE);
	builder_vma(add_other(), PLACE, PLACE + PAGE, "rw-p", 0, 0);
	put(101, PLACE, 5, 0);
	look();
	assert_int_equal(page.nr_ties, 1);
	assert_int_equal(page.ties[0].kind, TIE_SAME);
	says("present, anonymous 1 other process has the same page: 101 (other)");
	tells("\"exclusive\": false");
}

static void huge_page_of_nobody_that_is_known(void **state)
{
	builder_vma(&target, PLACE, PLACE + PAGE, "rw-p", 0, 0);
	put(TARGET, PLACE, 5, FRAME_EXCLUSIVE | FRAME_UNSURE);
	look();
	assert_false(ties_known(&page));
	says("whether any has it is not known");
	assert_null(strstr(text, "in no other address space"));
	tells("\"exclusive\": null");
	tells("\"sharers\": null");
}

static void mapped_once_by(uint64_t flags)
{
	builder_vma(&target, PLACE, PLACE + PAGE, "rw-p", 0, 0)->flags |= flags;
	put(TARGET, PLACE, 5, FRAME_EXCLUSIVE | FRAME_UNSURE);
	mapped_once = 5;
	look();
}

static void huge_page_that_is_mapped_once(void **state)
{
	mapped_once_by(0);
	assert_true(ties_known(&page));
	says("present, anonymous, in no other address space");
	tells("\"exclusive\": true");
	tells("\"sharers\": []");
}

/* By one table that several have */
static void mapped_by_one_table(void **state)
{
	mapped_once_by(PMEMCTL_VMA_HUGETLB);
	assert_false(ties_known(&page));
	tells("\"exclusive\": null");
}

/* By userfaultfd: there need not be a page */
static void marked(void **state)
{
	map(&target, PLACE, "rw-s", "/a");
	put(TARGET, PLACE, 0, FRAME_SWAPPED | FRAME_UNSURE);
	map(add_other(), PLACE, "rw-s", "/a");
	put(101, PLACE, 5, FRAME_FILE);
	look();
	assert_false(page.sought);
	assert_int_equal(page.is, PAGE_IS_MARKED);
	says("not known: swapped out, or not there and only marked by userfaultfd");
	tells("\"page\": null");
	tells("\"sharers\": null");
}

/* What another has only a mark for, may be a copy of its own, and is not called one */
static void marked_by_another(void **state)
{
	map(&target, PLACE, "rw-s", "/a");
	put(TARGET, PLACE, 5, FRAME_FILE);
	map(add_other(), PLACE, "rw-p", "/a");
	put(101, PLACE, 0, FRAME_SWAPPED | FRAME_UNSURE);
	look();
	assert_int_equal(page.nr_ties, 1);
	assert_int_equal(page.ties[0].kind, TIE_MAPPED);
}

static void main_thread_has_exited(void **state)
{
	both_map("r--p", "/a", 5, 5);
	leader_exited = true;
	look();
	assert_int_equal(page.nr_ties, 1);
	assert_int_equal(ties.others.processes, 1);
	assert_int_equal(ties.others.failed, 0);
}

static void not_opened(void **state)
{
	both_map("r--p", "/a", 5, 5);
	refuses = -EMFILE;
	look();
	assert_int_equal(page.nr_ties, 0);
	assert_int_equal(ties.others.processes, 0);
	assert_int_equal(ties.others.failed, 1);
	assert_int_equal(ties.others.failed_pid, 101);
	assert_string_equal(ties.others.reason, "Too many open files");
}

/* As by a process that has become another's since */
static void not_permitted(void **state)
{
	both_map("r--p", "/a", 5, 5);
	refuses = -EACCES;
	look();
	assert_int_equal(ties.others.processes, 0);
	assert_int_equal(ties.others.failed, 0);
	assert_int_equal(ties.others.refused, 1);
}

static void ended_meanwhile(void **state)
{
	both_map("r--p", "/a", 5, 5);
	ended = true;
	look();
	assert_int_equal(page.nr_ties, 0);
	assert_int_equal(ties.others.processes, 0);
	assert_int_equal(ties.others.failed, 0);
}

/* One with the page at three addresses, and a copy between; then one that has it once */
static void many_places(void **state)
{
	struct builder *b;

	both_map("r--p", "/a", 5, 5);
	b = builders[0];
	for (int i = 1; i < 4; i++) {
		map(b, PLACE + i * PAGE, "rw-p", "/a");
		put(101, PLACE + i * PAGE, i == 1 ? 9 : 5, i == 1 ? 0 : FRAME_FILE);
	}
	map(add_other(), PLACE + PAGE, "r--p", "/a");
	put(102, PLACE + PAGE, 5, FRAME_FILE);
	look();
	assert_int_equal(page.nr_ties, 5);
	says("2 other processes have the same page: 101 (other) and at 2 more, "
	     "102 (other) at 7f2000001000 1 other");
}

static void as_many_as_are_named(int count)
{
	map(&target, PLACE, "r--p", "/a");
	put(TARGET, PLACE, 5, FRAME_FILE);
	for (int i = 0; i < count; i++) {
		struct builder *b = add_other();

		for (int k = 0; k < 2; k++) {
			map(b, PLACE + k * PAGE, "r--p", "/a");
			put(b->pid, PLACE + k * PAGE, 5, FRAME_FILE);
		}
	}
	look();
}

static void all_are_named(void **state)
{
	as_many_as_are_named(6);
	says("6 other processes have the same page: 101 (other) and at 1 more, ");
	says(" 106 (other) and at 1 more ");
	assert_null(strstr(text, "…"));
}

static void some_are_left_out(void **state)
{
	as_many_as_are_named(7);
	says("7 other processes");
	says(" 106 (other) and at 1 more, … ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_file),
		TEST(two_pages_are_two_files),
		TEST(mapped_by_somebody_hidden),
		TEST(mapped_twice_by_itself),
		TEST(private_and_nobody_found),
		TEST(absent_and_alone),
		TEST(inodes_that_tell_nothing),
		TEST(devices),
		TEST(devices_by_path),
		TEST(frames_without_page),
		TEST(swapped_out),
		TEST(huge_page),
		TEST(huge_page_of_nobody_that_is_known),
		TEST(huge_page_that_is_mapped_once),
		TEST(mapped_by_one_table),
		TEST(marked),
		TEST(marked_by_another),
		TEST(main_thread_has_exited),
		TEST(not_opened),
		TEST(not_permitted),
		TEST(ended_meanwhile),
		TEST(many_places),
		TEST(all_are_named),
		TEST(some_are_left_out),
	};

	return cmocka_run_group_tests_name("ties", tests, NULL, NULL);
}
