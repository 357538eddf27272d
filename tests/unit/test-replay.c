// SPDX-License-Identifier: GPL-2.0
/*
 * Replies that were recorded from the module, and one made to order: whole,
 * cut short anywhere, and with any byte damaged. Each must end in a sound
 * picture, with or without a witness, or in an error; the sanitizers watch.
 */
#include "builder.h"
#include "check-json.h"
#include "hearsay.h"
#include "lint.h"
#include "picture.h"
#include "replay.h"
#include "summary.h"
#include "table.h"
#include "test.h"

#include <glob.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

/* Bytes damaged in one reply; every one of them would take minutes */
#define SAMPLES 4000

static const struct pmemctl_vma vsyscall = {
	.start = 0xffffffffff600000, .end = 0xffffffffff601000,
};

static void check_regions(const struct picture *picture)
{
	uint64_t last = 0;

	for (size_t i = 0; i < picture->nr_regions; i++) {
		const struct region *region = &picture->regions[i];
		uint64_t at = region->start;

		assert_true(region->start >= last && region->start < region->end);
		for (size_t k = 0; k < region->nr_parts; k++) {
			const struct region *part = &picture->parts[region->first_part + k];

			assert_true(part->start == at && part->end > at);
			at = part->end;
		}
		assert_true(!region->nr_parts || at == region->end);
		last = region->end;
	}
}

static void render(const struct picture *picture)
{
	static const struct table *const tables[] = {
		&table_regions, &table_threads, &table_sharers, &table_orphans, &table_findings,
		&table_files,
	};
	struct options opts = { 0 };
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);
	struct json json = { .out = out, .empty = true };

	json_object(&json, NULL);
	view_show.json(&json, picture, &opts);
	table_json(&json, &table_findings, NULL, NULL, picture);
	json_end_object(&json);
	fflush(out);
	assert_null(json_check(text, size));
	view_show.text(out, picture, &opts);
	opts.raw = true;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct selection selection;

		table_select(tables[i], NULL, &selection);
		table_text(out, tables[i], &selection, picture, &opts);
	}
	fclose(out);
	free(text);
}

/* Every byte once: by kind, and step by step */
static void check_summary(const struct picture *picture)
{
	const struct summary *summary = picture->summary;
	uint64_t vmas = 0, kinds = 0, falls = 0;

	for (size_t i = 0; i < picture->model->nr_vmas; i++)
		vmas += picture->model->vmas[i].end - picture->model->vmas[i].start;
	for (size_t i = 0; i < summary->nr_kinds; i++)
		kinds += summary->kinds[i].reserved;
	for (size_t i = 0; i < summary->nr_falls; i++)
		falls += summary->falls[i].tally.reserved;
	assert_int_equal(summary->all.reserved, vmas);
	assert_int_equal(kinds, vmas);
	assert_int_equal(falls, vmas);
}

static void draw(const struct model *model)
{
	struct picture picture;

	assert_int_equal(picture_make(&picture, model, &vsyscall), 0);
	check_regions(&picture);
	assert_int_equal(view_show.prepare(&picture), 0);
	check_summary(&picture);
	assert_int_equal(lint_find(&picture, 0, UINT64_MAX), 0);
	render(&picture);
	picture_free(&picture);
}

/* Decodes, judges and prints; returns as replay() */
static int try_reply(const void *reply, size_t size)
{
	static const struct wish all = { .touched = true, .orphans = true };
	static unsigned int count;
	struct model model;
	int ret;

	model_init(&model);
	ret = replay(&model, reply, size, PMEMCTL_SECTION_ALL);
	if (!ret) {
		if (count++ % 2)
			assert_int_equal(hearsay(&model, &all), 0);
		draw(&model);
	} else {
		assert_string_not_equal(model.error, "");
	}
	model_free(&model);
	return ret;
}

/* In a block of its own size, so that reading beyond it is seen */
static int try_copy(const char *reply, size_t size)
{
	char *copy = malloc(size);
	int ret;

	if (size)
		memcpy(copy, reply, size);
	ret = try_reply(copy, size);
	free(copy);
	return ret;
}

static void cut_at_messages(const char *reply, size_t size)
{
	const struct nlmsghdr *nlh = (const void *)reply;
	int left = size;

	while (mnl_nlmsg_ok(nlh, left)) {
		assert_int_equal(try_copy(reply, (const char *)nlh - reply), -1);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	assert_int_equal(left, 0);
}

static void cut_at_bytes(const char *reply, size_t size)
{
	size_t step = size / (SAMPLES / 20) + 1;

	for (size_t at = 0; at < size - NLMSG_HDRLEN; at += step)
		assert_int_equal(try_copy(reply, at), -1);
}

static void damage_bytes(const char *reply, size_t size)
{
	static const unsigned char masks[] = { 0x01, 0x80, 0xff, 0x10 };
	size_t step = size / SAMPLES + 1;
	char *copy = malloc(size);

	memcpy(copy, reply, size);
	for (size_t at = 0, n = 0; at < size; at += step, n++) {
		copy[at] ^= masks[n % 4];
		try_reply(copy, size);
		copy[at] = reply[at];
	}
	free(copy);
}

static void abuse(const char *reply, size_t size)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(try_copy(reply, size), 0);
	cut_at_messages(reply, size);
	cut_at_bytes(reply, size);
	damage_bytes(reply, size);
}

static void made_to_order(void **state)
{
	static struct builder b;

	builder_process(&b);
	b.per_chunk = 3;
	builder_build(&b);
	abuse(b.reply, b.size);
}

static void recorded(void **state)
{
	glob_t files;

	assert_int_equal(glob("replies/*.nl", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		size_t size;
		void *reply = replay_load(files.gl_pathv[i], &size);

		print_message("%s\n", files.gl_pathv[i]);
		assert_non_null(reply);
		abuse(reply, size);
		free(reply);
	}
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_to_order), cmocka_unit_test(recorded),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
