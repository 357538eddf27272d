// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl compare: what two tasks share.
 */
#include "compare.h"
#include "options.h"
#include "proc.h"
#include "table.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often the two may call execve() under the comparison */
#define ATTEMPTS 4

#define WIDTH 80
#define LABEL 12

/**
 * struct run - the command at work
 * @opts: how
 * @client: the connection
 * @tids: as given
 * @models: of the two
 * @pictures: of the two; both are there, or none is
 * @why: why one cannot be shown
 * @comparison: of the two
 * @uncounted: why pages were not counted, NULL: they were, or there is one mm
 */
struct run {
	const struct options *opts;
	struct client client;
	uint32_t tids[2];
	struct model models[2];
	struct picture pictures[2];
	struct failure why[2];
	struct comparison comparison;
	const char *uncounted;
};

static bool has_kinds(const struct run *run)
{
	return run->models[0].has_mm && run->models[1].has_mm &&
	       run->comparison.of[THING_MM] == SHARE_OWN;
}

static const char *exe_of(const struct model *model)
{
	return model_name(model, model->mm[PMEMCTL_MM_EXE]);
}

static void put_side(FILE *out, const struct run *run, int i)
{
	const struct model *model = &run->models[i];
	const struct side *side = &run->comparison.side[i];
	const char *exe = exe_of(model);

	fprintf(out, "%c %u (", 'A' + i, model->pid);
	put_visible(out, model->comm);
	fputs(")", out);
	if (side->tid != model->pid)
		fprintf(out, ", thread %u", side->tid);
	if (run->comparison.side[!i].parent)
		fprintf(out, ", child of %c", 'A' + !i);
	if (exe) {
		fputs("  ", out);
		put_visible(out, exe);
	}
	fputs("\n", out);
}

/* Words with commas between, below each other where the line is full */
struct words {
	FILE *out;
	const char *label;
	size_t at;
};

static void put_one(struct words *words, const char *word)
{
	size_t len = strlen(word);

	if (!words->at) {
		fprintf(words->out, "%-*s", LABEL, words->label);
		words->at = LABEL;
	} else if (words->at + 2 + len + 1 > WIDTH) {
		fprintf(words->out, ",\n%*s", LABEL, "");
		words->at = LABEL;
	} else {
		fputs(", ", words->out);
		words->at += 2;
	}
	put_visible(words->out, word);
	words->at += len;
}

static void end_words(struct words *words)
{
	if (words->at)
		fputs("\n", words->out);
}

static void put_things(FILE *out, const struct run *run, const char *label, enum share share)
{
	const enum share *of = run->comparison.of;
	struct words words = { out, label, 0 };
	int spaces = 0;

	for (int i = 0; i < THING_CGROUP; i++) {
		if (of[i] == share)
			put_one(&words, thing_name(i));
	}
	for (int i = THING_CGROUP; i < THINGS; i++)
		spaces += of[i] == share;
	if (spaces == THINGS - THING_CGROUP) {
		put_one(&words, "all namespaces");
		spaces = 0;
	}
	for (int i = THING_CGROUP; spaces && i < THINGS; i++) {
		char word[48];

		if (of[i] != share)
			continue;
		snprintf(word, sizeof(word), "%s namespace", thing_name(i));
		put_one(&words, word);
	}
	end_words(&words);
}

static void put_files(FILE *out, const struct run *run)
{
	const struct comparison *comparison = &run->comparison;
	struct words words = { out, "same files", 0 };
	size_t shown = comparison->nr_names > 8 ? 7 : comparison->nr_names;
	char word[32];

	for (size_t i = 0; i < shown; i++)
		put_one(&words, *comparison->names[i] ? comparison->names[i] : "(path unknown)");
	if (comparison->nr_names > shown) {
		snprintf(word, sizeof(word), "%zu more", comparison->nr_names - shown);
		put_one(&words, word);
	}
	end_words(&words);
}

static void put_amount(struct words *words, const struct run *run, const char *before,
		       uint64_t bytes, const char *after)
{
	char word[64], size[24];

	snprintf(word, sizeof(word), "%s%s%s", before,
		 size_text(size, bytes, run->opts->bytes), after);
	put_one(words, word);
}

static void put_pages(FILE *out, const struct run *run, int i)
{
	const struct comparison *comparison = &run->comparison;
	const struct tally *all = &comparison->side[i].all;
	struct words words = { out, i ? "resident B" : "resident A", 0 };

	if (!comparison->counted)
		return;
	put_amount(&words, run, "", all->resident, "");
	if (comparison->frames) {
		put_amount(&words, run, "", all->shared, " shared");
		put_amount(&words, run, "", all->cow, " copy-on-write");
		if (all->ksm)
			put_amount(&words, run, "", all->ksm, " merged by KSM");
		put_amount(&words, run, "", all->differ, " differ");
		put_amount(&words, run, "", all->only, " only here");
	} else {
		put_amount(&words, run, "the same are at least ", all->same, "");
		put_amount(&words, run, "at most ", all->same + all->may, "");
	}
	end_words(&words);
}

static void put_notes(FILE *out, const struct run *run)
{
	const struct comparison *comparison = &run->comparison;

	if (run->uncounted)
		fprintf(out, "pages were not counted: %s\n", run->uncounted);
	if (!comparison->counted)
		return;
	if (!comparison->frames)
		fputs("which pages are the same takes CAP_SYS_ADMIN: MAY_A is what else may be, "
		      "but for\npages that mremap() has moved\n", out);
	fputs("pages were counted in A, then in B, while both could run", out);
	if (comparison->changed)
		fputs("; mappings changed meanwhile", out);
	fputs("\n", out);
}

static void put_mm(FILE *out, const struct run *run)
{
	const uint64_t *mm = run->models[0].mm;
	uint64_t rss = mm[PMEMCTL_MM_RSS_ANON] + mm[PMEMCTL_MM_RSS_FILE] +
		       mm[PMEMCTL_MM_RSS_SHMEM];
	char a[24], b[24];

	fprintf(out, "one mm, %016llx: size %s, resident %s\n",
		(unsigned long long)mm[PMEMCTL_MM_ID],
		size_text(a, mm[PMEMCTL_MM_TOTAL_VM], run->opts->bytes),
		size_text(b, rss, run->opts->bytes));
}

static void put_text(FILE *out, const struct run *run, const char *verdict)
{
	const struct options *opts = run->opts;
	bool plain = opts->raw || opts->noheadings;
	struct selection selection;

	if (!plain && !opts->chosen) {
		if (opts->colour)
			fputs(paint_sequence(PAINT_HEAD), out);
		put_visible(out, verdict);
		fputs(opts->colour ? "\033[0m\n\n" : "\n\n", out);
		put_side(out, run, 0);
		put_side(out, run, 1);
		put_things(out, run, "shared", SHARE_SAME);
		put_things(out, run, "own", SHARE_OWN);
		put_things(out, run, "neither has", SHARE_NONE);
		put_things(out, run, "unknown", SHARE_UNKNOWN);
		put_things(out, run, "not allowed", SHARE_REFUSED);
	}
	if (!has_kinds(run)) {
		if (plain || opts->chosen)
			fprintf(stderr, "%s\n", verdict);
		else if (run->comparison.of[THING_MM] == SHARE_SAME)
			put_mm(out, run);
		return;
	}
	if (!plain && !opts->chosen) {
		put_files(out, run);
		put_pages(out, run, 0);
		put_pages(out, run, 1);
		fputs("\n", out);
	}
	table_text(out, &table_compare, compare_columns(&run->comparison, opts, &selection),
		   &run->comparison.shown, opts);
	if (!plain)
		put_notes(out, run);
}

static void side_json(struct json *json, const struct run *run, int i)
{
	const struct model *model = &run->models[i];
	char id[24], time[40];

	json_object(json, i ? "b" : "a");
	if (run->why[i].status) {
		json_unsigned(json, "pid", run->tids[i]);
		json_string(json, "error", run->why[i].text);
		json_end_object(json);
		return;
	}
	json_unsigned(json, "pid", model->pid);
	json_unsigned(json, "tid", run->tids[i]);
	json_string(json, "comm", model->comm);
	json_string(json, "exe", exe_of(model));
	json_bool(json, "kernel_thread", model->flags & PMEMCTL_PROCESS_KTHREAD);
	snprintf(id, sizeof(id), "0x%016llx", (unsigned long long)model->mm[PMEMCTL_MM_ID]);
	json_string(json, "mm_id", model->has_mm ? id : NULL);
	json_string(json, "taken", model->taken ? time_text(time, model->taken) : NULL);
	json_end_object(json);
}

static void share_json(struct json *json, const char *key, enum share share)
{
	if (share == SHARE_UNKNOWN || share == SHARE_REFUSED)
		json_null(json, key);
	else
		json_bool(json, key, share == SHARE_SAME);
}

static void shares_json(struct json *json, const struct run *run)
{
	const enum share *of = run->comparison.of;

	json_object(json, "shares");
	for (int i = 0; i < THING_CGROUP; i++)
		share_json(json, thing_key(i), of[i]);
	json_object(json, "namespaces");
	for (int i = THING_CGROUP; i < THINGS; i++)
		share_json(json, thing_key(i), of[i]);
	json_end_object(json);
	json_end_object(json);
}

static void known_json(struct json *json, const char *key, bool known, uint64_t number)
{
	if (known)
		json_unsigned(json, key, number);
	else
		json_null(json, key);
}

static void tally_json(struct json *json, const struct comparison *comparison, int i)
{
	const struct tally *all = &comparison->side[i].all;
	bool frames = comparison->frames;

	json_object(json, i ? "b" : "a");
	json_unsigned(json, "size", all->size);
	json_unsigned(json, "ranges", all->ranges);
	json_unsigned(json, "files", all->files);
	json_unsigned(json, "rss", all->resident);
	json_unsigned(json, "anon", all->anon);
	known_json(json, "swap", !all->marked, all->swapped);
	json_unsigned(json, "swap_least", all->swapped);
	json_unsigned(json, "swap_most", all->swapped + all->marked);
	known_json(json, "same", frames, all->same);
	json_unsigned(json, "same_least", all->same);
	json_unsigned(json, "same_most", all->same + all->may);
	json_unsigned(json, "shared", all->shared);
	json_unsigned(json, "shared_memory", all->memory);
	known_json(json, "cow", frames, all->cow);
	known_json(json, "ksm", comparison->ksm, all->ksm);
	known_json(json, "differ", frames, all->differ);
	known_json(json, "only", frames, all->only);
	json_end_object(json);
}

static void pages_json(struct json *json, const struct run *run)
{
	const struct comparison *comparison = &run->comparison;

	if (!comparison->counted) {
		json_null(json, "pages");
		return;
	}
	json_object(json, "pages");
	json_bool(json, "frames_told", comparison->frames);
	json_bool(json, "mappings_changed", comparison->changed);
	tally_json(json, comparison, 0);
	tally_json(json, comparison, 1);
	json_end_object(json);
}

static void common_json(struct json *json, const struct run *run)
{
	const struct comparison *comparison = &run->comparison;
	const struct side *side = comparison->side;

	json_string(json, "parent", side[0].parent ? "a" : side[1].parent ? "b" : NULL);
	json_string(json, "vfork_parent", side[0].vfork_waits ? "a" :
		    side[1].vfork_waits ? "b" : NULL);
	shares_json(json, run);
	if (!has_kinds(run)) {
		json_null(json, "files");
		json_null(json, "pages");
		json_null(json, "kinds");
	} else {
		json_array(json, "files");
		for (size_t i = 0; i < comparison->nr_names; i++)
			json_string(json, NULL,
				    *comparison->names[i] ? comparison->names[i] : NULL);
		json_end_array(json);
		pages_json(json, run);
		table_json_rows(json, &table_compare, run->opts->chosen ? run->opts->columns : NULL,
				&comparison->shown, run->opts);
	}
}

static void put_json(FILE *out, const struct run *run, const char *verdict)
{
	struct json json = { .out = out, .empty = true };

	json_object(&json, NULL);
	json_string(&json, "verdict", verdict);
	side_json(&json, run, 0);
	side_json(&json, run, 1);
	if (verdict)
		common_json(&json, run);
	json_end_object(&json);
	fputs("\n", out);
}

static int fail(struct failure *why, enum status status, const char *text)
{
	why->status = status;
	snprintf(why->text, sizeof(why->text), "%s", text);
	return -1;
}

/* A thread of it that has not exited: one that has, has nothing any more */
static uint32_t live_tid(uint32_t tid)
{
	struct proc_stat stat;
	uint32_t live;

	if (proc_stat(tid, &stat) || !strchr("ZXx", stat.state))
		return tid;
	live = proc_live_thread(tid);
	return live ? live : tid;
}

static void find_kin(struct run *run)
{
	struct side *side = run->comparison.side;

	for (int i = 0; i < 2; i++) {
		const struct model *model = &run->models[i], *other = &run->models[!i];
		struct proc_stat stat;

		side[!i].parent = model->pid != other->pid && !proc_stat(model->pid, &stat) &&
				  stat.ppid == other->pid;
		for (size_t k = 0; k < model->nr_sharers; k++)
			side[!i].vfork_waits |= model->sharers[k].pid == other->pid &&
				model->sharers[k].relation == PMEMCTL_RELATION_VFORK_PARENT;
	}
}

static void find_shares(struct run *run)
{
	const struct model *a = &run->models[0], *b = &run->models[1];
	enum share *of = run->comparison.of;

	shares_ask(live_tid(run->tids[0]), live_tid(run->tids[1]), of);
	of[THING_GROUP] = a->pid == b->pid ? SHARE_SAME : SHARE_OWN;
	if (!a->has_mm && !b->has_mm)
		of[THING_MM] = SHARE_NONE;
	else
		of[THING_MM] = a->has_mm && b->has_mm &&
			       a->mm[PMEMCTL_MM_ID] == b->mm[PMEMCTL_MM_ID] ? SHARE_SAME :
			       SHARE_OWN;
}

static int open_pagemap(const struct run *run, int i)
{
	return proc_open(run->tids[i], live_tid(run->tids[i]), "pagemap");
}

/* A, B, and A again: what A has both times and B in between, both had at one time */
static int collect(struct run *run)
{
	struct side *side = run->comparison.side;
	int a = open_pagemap(run, 0), b = open_pagemap(run, 1);
	int ret = a < 0 ? a : b < 0 ? b : 0;

	if (!ret)
		ret = side_collect(&side[0], a);
	if (!ret)
		ret = side_collect(&side[1], b);
	if (!ret && run->comparison.frames)
		ret = side_confirm(&side[0], a);
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return ret;
}

/*
 * Whether it still has the mm of the snapshot, of which the pages then were.
 *
 * Return: 0, -EAGAIN, or -1 with the reason in @run->why.
 */
static int confirm(struct run *run, int i)
{
	static const struct wish wish = { 0 };
	const uint64_t *before = run->models[i].mm;
	struct model now;
	int ret;

	model_init(&now);
	ret = target_look(&run->client, run->tids[i], &wish, &now, &run->why[i]);
	if (!ret && now.mm[PMEMCTL_MM_ID] != before[PMEMCTL_MM_ID])
		ret = -EAGAIN;
	if (!ret && (now.mm[PMEMCTL_MM_MAP_COUNT] != before[PMEMCTL_MM_MAP_COUNT] ||
		     now.mm[PMEMCTL_MM_TOTAL_VM] != before[PMEMCTL_MM_TOTAL_VM]))
		run->comparison.changed = true;
	model_free(&now);
	return ret;
}

static int compare(struct run *run)
{
	struct comparison *comparison = &run->comparison;
	struct merged merged;
	int ret;

	ret = merged_open(&merged);
	ret = compare_pages(comparison, ret ? NULL : &merged);
	merged_close(&merged);
	return ret;
}

static int uncounted(struct run *run, int error)
{
	switch (error) {
	case -ENOMEM:
		return fail(&run->why[0], STATUS_FAILED, "out of memory");
	case -E2BIG:
		run->uncounted = "more than 256G are resident";
		return 0;
	case -EFBIG:
		run->uncounted = "a mapping is larger than 1T, and this kernel cannot skip what is empty";
		return 0;
	}
	run->uncounted = strerror(-error);
	return 0;
}

/* Return: 0, -EAGAIN, or -1 with the reason in @run->why */
static int count_pages(struct run *run)
{
	struct comparison *comparison = &run->comparison;
	int ret;

	comparison->frames = frames_permitted();
	ret = collect(run);
	/* one that is gone, or is another program now, cannot be asked again */
	for (int i = 0; i < 2; i++) {
		int still = confirm(run, i);

		if (still)
			return still;
	}
	if (!ret)
		ret = compare(run);
	return ret ? uncounted(run, ret) : 0;
}

static void forget(struct run *run)
{
	compare_free(&run->comparison);
	for (int i = 0; i < 2; i++) {
		picture_free(&run->pictures[i]);
		model_free(&run->models[i]);
	}
	run->uncounted = NULL;
}

/* Return: 0, -EAGAIN, or -1 with the reason in @run->why */
static int look(struct run *run)
{
	/* as for regions: the descriptors of threads bear witness on stacks */
	static const struct wish wish = {
		.sections = PMEMCTL_SECTION_ALL, .registers = true, .uses = true,
	};
	struct comparison *comparison = &run->comparison;
	int ret = 0;

	for (int i = 0; i < 2; i++)
		ret |= target_look(&run->client, run->tids[i], &wish, &run->models[i],
				   &run->why[i]);
	if (ret)
		return -1;
	for (int i = 0; i < 2; i++) {
		comparison->side[i].tid = run->tids[i];
		if (picture_make(&run->pictures[i], &run->models[i], NULL) ||
		    side_init(&comparison->side[i], &run->pictures[i]))
			return fail(&run->why[i], STATUS_FAILED, "out of memory");
	}
	find_kin(run);
	find_shares(run);
	if (!has_kinds(run))
		return 0;
	if (compare_ranges(comparison))
		return fail(&run->why[0], STATUS_FAILED, "out of memory");
	return count_pages(run);
}

static int look_until_still(struct run *run)
{
	int ret = 0;

	for (int i = 0; i < ATTEMPTS; i++) {
		forget(run);
		ret = look(run);
		if (ret != -EAGAIN)
			return ret;
	}
	return fail(&run->why[0], STATUS_FAILED, "one of the two keeps executing programs");
}

static int tell_failures(const struct run *run)
{
	int status = STATUS_DONE;

	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		const struct failure *why = &run->why[i];

		if (!why->status)
			continue;
		if (why->status == STATUS_NO_MODULE)
			complain("%s", why->text);
		else
			complain("%u: %s", run->tids[i], why->text);
		if (!status)
			status = why->status;
		if (status == STATUS_NO_MODULE)
			break;
	}
	return status;
}

/* Put together in memory, so that there is all of it or nothing */
static int print(const struct run *run)
{
	char verdict[2048], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return -1;
	compare_verdict(&run->comparison, verdict, sizeof(verdict));
	if (run->opts->json)
		put_json(out, run, verdict);
	else
		put_text(out, run, verdict);
	if (fclose(out))
		return -1;
	fwrite(text, 1, size, stdout);
	free(text);
	return 0;
}

static int run_pair(struct run *run)
{
	int ret = look_until_still(run);

	if (!ret && print(run))
		ret = fail(&run->why[0], STATUS_FAILED, "out of memory");
	else if (ret && run->opts->json)
		put_json(stdout, run, NULL);
	return ret ? tell_failures(run) : STATUS_DONE;
}

int compare_run(const struct command *cmd, int argc, char **argv)
{
	struct command_line line;
	struct run run = { .opts = &line.opts };
	int status = options_parse(cmd, argc, argv, &line);

	if (status >= 0)
		return status;
	for (int i = 0; i < line.nr_words; i++) {
		if (i == 2)
			return usage_error(cmd, line.words[i], "compares two tasks, not more");
		if (!is_pid(line.words[i]))
			return usage_error(cmd, line.words[i], "not a PID");
		run.tids[i] = strtoul(line.words[i], NULL, 10);
	}
	if (line.nr_words < 2)
		return usage_error(cmd, cmd->name, line.nr_words ? "only one PID given" :
				   "no PID given");
	for (int i = 0; i < 2; i++)
		model_init(&run.models[i]);
	status = run_pair(&run);
	forget(&run);
	client_close(&run.client);
	return status;
}
