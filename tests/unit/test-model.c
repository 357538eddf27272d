// SPDX-License-Identifier: GPL-2.0
/*
 * model.c: a reply is decoded as it was meant, or refused.
 */
#include "builder.h"
#include "replay.h"
#include "test.h"

#include <libmnl/libmnl.h>
#include <string.h>

static struct builder b;
static struct model model;

static int teardown(void **state)
{
	model_free(&model);
	return 0;
}

static void refused(const char *words)
{
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), -1);
	if (!strstr(model.error, words))
		fail_msg("\"%s\" where \"%s\" was expected", model.error, words);
}

static void decodes(void **state)
{
	builder_process(&b);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(model.pid, 100);
	assert_string_equal(model.comm, "test");
	assert_true(model.has_mm);
	assert_int_equal(model.mm[PMEMCTL_MM_BRK], 0x555500121000);
	assert_int_equal(model.mm[PMEMCTL_MM_USERS], 4);
	assert_int_equal(model.taken, 1700000000123456789);
	assert_int_equal(model.lock_hold, 31234);
	assert_int_equal(model.nr_vmas, b.nr_vmas);
	assert_memory_equal(model.vmas, b.vmas, b.nr_vmas * sizeof(b.vmas[0]));
	assert_memory_equal(model.threads, b.threads, b.nr_threads * sizeof(b.threads[0]));
	assert_int_equal(model.nr_sharers, 1);
	assert_string_equal(model_name(&model, 1), "/usr/bin/test");
	assert_null(model_name(&model, 0));
	assert_null(model_object(&model, 0));
}

static void decodes_chunks(void **state)
{
	builder_process(&b);
	b.per_chunk = 1;
	assert_int_equal(builder_model(&b, &model), 0);
	assert_memory_equal(model.vmas, b.vmas, b.nr_vmas * sizeof(b.vmas[0]));
	assert_string_equal(model_name(&model, 2), "/lib/libc.so.6");
}

static void longer_rows_are_skipped_over(void **state)
{
	builder_process(&b);
	b.vma_size = sizeof(b.vmas[0]) + 24;
	b.thread_size = sizeof(b.threads[0]) + 8;
	assert_int_equal(builder_model(&b, &model), 0);
	assert_memory_equal(model.vmas, b.vmas, b.nr_vmas * sizeof(b.vmas[0]));
	assert_memory_equal(model.threads, b.threads, b.nr_threads * sizeof(b.threads[0]));
}

static void shorter_rows_end_in_zeroes(void **state)
{
	builder_process(&b);
	b.vma_size = offsetof(struct pmemctl_vma, page_shift);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(model.vmas[1].file, b.vmas[1].file);
	assert_int_equal(model.vmas[1].page_shift, 0);
	assert_int_equal(model.vmas[2].start, b.vmas[2].start);
}

static void deleted_and_unknown_paths(void **state)
{
	uint32_t gone, unknown;

	builder_process(&b);
	gone = builder_file(&b, "/tmp/x", 77, PMEMCTL_OBJECT_DELETED);
	unknown = builder_file(&b, "", 78, PMEMCTL_OBJECT_PATH_UNKNOWN);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_string_equal(model_name(&model, gone), "/tmp/x (deleted)");
	assert_null(model_name(&model, unknown));
}

static void finds_vmas(void **state)
{
	builder_process(&b);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_ptr_equal(model_vma(&model, 0x555500001000), &model.vmas[1]);
	assert_ptr_equal(model_vma(&model, 0x555500004fff), &model.vmas[1]);
	assert_null(model_vma(&model, 0x555500000000 - 1));
	assert_null(model_vma(&model, 0x55550000b000));
	assert_null(model_vma(&model, UINT64_MAX));
}

static void kernel_thread(void **state)
{
	builder_init(&b);
	b.flags = PMEMCTL_PROCESS_KTHREAD;
	b.no_mm = true;
	b.borrowed_pid = 7;
	b.borrowed_comm = "lender";
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(model.borrowed_pid, 7);
	assert_string_equal(model.borrowed_comm, "lender");
}

static void kernel_thread_without_a_name(void **state)
{
	builder_init(&b);
	b.flags = PMEMCTL_PROCESS_KTHREAD;
	b.no_mm = true;
	b.comm = NULL;
	assert_int_equal(builder_model(&b, &model), 0);
	assert_string_equal(model.comm, "");
	builder_init(&b);
	b.comm = NULL;
	refused("which process");
}

static void refuses_bad_vmas(void **state)
{
	builder_process(&b);
	b.vmas[3].end = b.vmas[3].start;
	refused("ends before it starts");
	builder_process(&b);
	b.vmas[3].start -= 0x1000;
	refused("overlaps");
	builder_process(&b);
	b.vmas[3].file = b.nr_objects + 1;
	refused("object that is not there");
	builder_process(&b);
	b.vmas[3].file = 3;	/* "[heap]" */
	refused("no file");
	builder_process(&b);
	b.vmas[3].page_shift = 64;
	refused("pages of");
	builder_process(&b);
	b.mm[PMEMCTL_MM_MAP_COUNT] = 99;
	refused("map_count");
}

static void refuses_bad_objects(void **state)
{
	builder_process(&b);
	b.objects[1].string = b.nr_strings + 1;
	refused("outside the strings");
	builder_process(&b);
	b.objects[1].string_len = b.nr_strings;
	refused("outside the strings");
	builder_process(&b);
	b.objects[1].string_len = UINT32_MAX;
	refused("outside the strings");
	builder_process(&b);
	b.strings[3] = 0;
	refused("0 byte");
	builder_process(&b);
	b.mm[PMEMCTL_MM_EXE] = 50;
	refused("executable");
}

static void refuses_bad_threads(void **state)
{
	builder_process(&b);
	memset(b.threads[1].comm, 'x', sizeof(b.threads[1].comm));
	refused("does not end");
	builder_process(&b);
	b.threads[1].stack_high = b.threads[1].stack_low;
	refused("ends before it starts");
	builder_process(&b);
	b.threads[1].state = 7;
	refused("state");
	builder_process(&b);
	memset(b.sharers[0].comm, 'x', sizeof(b.sharers[0].comm));
	refused("does not end");
}

static void refuses_contradictions(void **state)
{
	builder_process(&b);
	b.no_mm = true;
	refused("without an mm");
	builder_process(&b);
	b.flags |= PMEMCTL_PROCESS_KTHREAD;
	refused("with an mm");
}

/* The chunk in message @n, for damage */
static struct pmemctl_chunk *chunk_of(size_t n)
{
	char *at = b.reply;

	while (n--)
		at += NLMSG_ALIGN(((struct nlmsghdr *)at)->nlmsg_len);
	return (struct pmemctl_chunk *)(at + NLMSG_HDRLEN + 4 + MNL_ATTR_HDRLEN);
}

static void refused_reply(const char *words)
{
	model_free(&model);
	assert_int_equal(replay(&model, b.reply, b.size, PMEMCTL_SECTION_ALL), -1);
	if (!strstr(model.error, words))
		fail_msg("\"%s\" where \"%s\" was expected", model.error, words);
}

static void refuses_bad_chunks(void **state)
{
	builder_process(&b);
	b.per_chunk = 4;
	builder_build(&b);
	chunk_of(2)->first++;
	refused_reply("are missing");
	builder_build(&b);
	chunk_of(2)->first--;
	refused_reply("are missing");
	builder_build(&b);
	chunk_of(2)->total++;
	refused_reply("first");
	builder_build(&b);
	chunk_of(1)->total = 3;
	refused_reply("more VMAs");
	builder_build(&b);
	chunk_of(1)->count = UINT32_MAX;
	refused_reply("not as long");
	builder_build(&b);
	chunk_of(1)->row_size = 0;
	refused_reply("rows of 0");
	builder_build(&b);
	chunk_of(1)->row_size--;
	refused_reply("not as long");
}

static void refuses_missing_chunk(void **state)
{
	struct nlmsghdr *second;
	size_t len;

	builder_process(&b);
	b.per_chunk = 12;
	builder_build(&b);
	second = (struct nlmsghdr *)b.reply;
	second = (void *)((char *)second + NLMSG_ALIGN(second->nlmsg_len));
	second = (void *)((char *)second + NLMSG_ALIGN(second->nlmsg_len));
	len = NLMSG_ALIGN(second->nlmsg_len);
	memmove(second, (char *)second + len, b.size - len - ((char *)second - b.reply));
	b.size -= len;
	refused_reply("12 of 17 VMAs");
}

static void refuses_other_messages(void **state)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)b.reply;

	builder_process(&b);
	builder_build(&b);
	((char *)mnl_nlmsg_get_payload(nlh))[0] = 9;
	refused_reply("of kind 9");
	builder_build(&b);
	b.size -= 20;	/* without its NLMSG_DONE */
	refused_reply("ends before its end");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(decodes), TEST(decodes_chunks), TEST(longer_rows_are_skipped_over),
		TEST(shorter_rows_end_in_zeroes), TEST(deleted_and_unknown_paths),
		TEST(finds_vmas), TEST(kernel_thread), TEST(kernel_thread_without_a_name),
		TEST(refuses_bad_vmas),
		TEST(refuses_bad_objects), TEST(refuses_bad_threads),
		TEST(refuses_contradictions), TEST(refuses_bad_chunks),
		TEST(refuses_missing_chunk), TEST(refuses_other_messages),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
