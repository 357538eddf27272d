// SPDX-License-Identifier: GPL-2.0
/*
 * compare.h: what a comparison comes to, in one line.
 */
#include "compare.h"

#include "object.h"
#include "pmemctl.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* More files than this are only counted */
#define NAMED 4

/** struct pair - what the sentences are made from */
struct pair {
	const struct comparison *comparison;
	const struct side *a;
	const struct side *b;
	const struct model *ma;
	const struct model *mb;
};

static bool is_kthread(const struct model *model)
{
	return model->flags & PMEMCTL_PROCESS_KTHREAD;
}

static void of_kthreads(FILE *out, const struct pair *pair)
{
	const struct model *kthread = is_kthread(pair->ma) ? pair->ma : pair->mb;
	const struct model *other = is_kthread(pair->ma) ? pair->mb : pair->ma;

	if (is_kthread(other))
		fputs(kthread->pid == other->pid ? "one and the same kernel thread" :
		      "two kernel threads: neither has an address space of its own", out);
	else if (kthread->borrowed_pid == other->pid && !(kthread->flags & PMEMCTL_PROCESS_LAZY))
		fputs("a kernel thread that works in the address space of the process", out);
	else
		fputs("a process and a kernel thread, which has no address space of its own", out);
}

static void of_one_mm(FILE *out, const struct pair *pair)
{
	if (pair->a->tid == pair->b->tid)
		fputs("one and the same thread", out);
	else if (pair->ma->pid == pair->mb->pid)
		fputs("two threads of one process", out);
	else if (pair->a->vfork_waits || pair->b->vfork_waits)
		fputs("two processes that share an address space (vfork)", out);
	else
		fputs("two processes that share an address space (clone with CLONE_VM)", out);
}

/* Rounded down, as 100 % is all */
static unsigned int percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned int)(100.0L * part / whole) : 0;
}

/* How much of what fork() made common still is */
static void put_still_shared(FILE *out, const struct pair *pair)
{
	const struct tally *a = &pair->a->all, *b = &pair->b->all;
	uint64_t whole = a->anon + b->anon, part;

	if (!pair->comparison->counted)
		return;
	part = pair->comparison->frames ? a->cow + b->cow : a->may_anon + b->may_anon;
	if (!part)
		fprintf(out, ": no anonymous page%s is shared any more",
			/* a place of the swap may be of both */
			a->swapped && b->swapped ? " in memory" : "");
	else if (!percent(part, whole))
		fputs(": less than 1 % of anonymous pages still shared", out);
	else
		fprintf(out, ": %s%u %% of anonymous pages still shared",
			pair->comparison->frames ? "" : "at most ", percent(part, whole));
}

static bool same_program(const struct pair *pair)
{
	const struct pmemctl_object *a = model_object(pair->ma, pair->ma->mm[PMEMCTL_MM_EXE]);
	const struct pmemctl_object *b = model_object(pair->mb, pair->mb->mm[PMEMCTL_MM_EXE]);

	return a && b && !object_compare(a, b);
}

/* Not so a daemon whose parent has ended, and which has got another since */
static bool made_by_fork(const struct pair *pair, const struct side *child,
			 const struct side *parent)
{
	return parent->parent && child->picture->model->flags & PMEMCTL_PROCESS_FORKED &&
	       same_program(pair);
}

/* Without frames a doubt is enough; but of two that have called execve() there is none */
static bool may_be_relatives(const struct pair *pair)
{
	if (!pair->comparison->counted)
		return false;
	if (pair->comparison->frames)
		return pair->a->all.cow;
	return pair->a->all.may_anon && (pair->ma->flags | pair->mb->flags) & PMEMCTL_PROCESS_FORKED;
}

static void of_relatives(FILE *out, const struct pair *pair)
{
	char size[24];

	if (made_by_fork(pair, pair->b, pair->a) || made_by_fork(pair, pair->a, pair->b))
		fputs("parent and child after fork", out);
	else
		fputs(!pair->comparison->frames ? "perhaps relatives by fork" :
		      pair->comparison->ksm ? "relatives by fork" : "relatives by fork, or by KSM",
		      out);
	put_still_shared(out, pair);
	if (pair->a->all.ksm)
		fprintf(out, "; %s is merged by KSM", size_text(size, pair->a->all.ksm, false));
}

/* Words of a list: "one", "one and two", "one, two and three" */
static void put_listed(FILE *out, char words[][320], size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", words[i]);
}

static void put_shared_pages(FILE *out, const struct pair *pair)
{
	const struct tally *a = &pair->a->all;
	char words[3][320], size[24];
	size_t count = 0;

	if (!pair->comparison->counted)
		return;
	if (a->shared > a->memory)
		strcpy(words[count++], "file pages");
	if (a->memory)
		snprintf(words[count++], sizeof(*words), "%s of shared memory",
			 size_text(size, a->memory, false));
	if (a->ksm)
		snprintf(words[count++], sizeof(*words), "%s merged by KSM",
			 size_text(size, a->ksm, false));
	if (!count) {
		fputs(pair->comparison->frames ? ": no page is shared" :
		      ": no page is known to be shared", out);
		return;
	}
	fputs(count == 1 ? ": only " : ": ", out);
	put_listed(out, words, count);
	fputs(" are shared", out);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void put_in_common(FILE *out, const struct pair *pair)
{
	const struct comparison *comparison = pair->comparison;
	size_t named = comparison->nr_names > NAMED ? NAMED - 1 : comparison->nr_names, count = 0;
	char words[NAMED + 1][320], size[24];
	uint64_t other;

	for (size_t i = 0; i < named; i++) {
		const char *name = comparison->names[i];

		snprintf(words[count++], sizeof(*words), "%.255s",
			 *name ? base_name(name) : "a file");
	}
	if (comparison->nr_names > named)
		snprintf(words[count++], sizeof(*words), "%zu other files",
			 comparison->nr_names - named);
	if (pair->a->tallies[KIND_VDSO].same)
		strcpy(words[count++], "the vdso");
	fputs(count ? " with nothing in common but " : " with nothing in common", out);
	put_listed(out, words, count);
	if (pair->a->all.memory)
		fprintf(out, "; %s of memory is shared",
			size_text(size, pair->a->all.memory, false));
	if (pair->a->all.ksm)
		fprintf(out, "; %s is merged by KSM", size_text(size, pair->a->all.ksm, false));
	/* one file has two names on two overlay file systems */
	other = pair->a->all.memory + pair->a->tallies[KIND_VDSO].shared +
		pair->a->tallies[KIND_VVAR].shared;
	if (!comparison->nr_names && pair->a->all.shared > other)
		fprintf(out, "; %s of file pages are shared all the same",
			size_text(size, pair->a->all.shared - other, false));
}

static void of_strangers(FILE *out, const struct pair *pair)
{
	bool kin = pair->a->parent || pair->b->parent;

	if (same_program(pair)) {
		fputs(kin ? "parent and child that run the same program" :
		      "two processes that run the same program", out);
		put_shared_pages(out, pair);
	} else {
		fputs(kin ? "parent and child, which run different programs," :
		      "two processes", out);
		put_in_common(out, pair);
	}
}

void compare_verdict(const struct comparison *comparison, char *to, size_t size)
{
	struct pair pair = {
		.comparison = comparison,
		.a = &comparison->side[0],
		.b = &comparison->side[1],
		.ma = comparison->side[0].picture->model,
		.mb = comparison->side[1].picture->model,
	};
	FILE *out = fmemopen(to, size, "w");

	*to = 0;
	if (!out)
		return;
	if (is_kthread(pair.ma) || is_kthread(pair.mb))
		of_kthreads(out, &pair);
	else if (comparison->of[THING_MM] == SHARE_SAME)
		of_one_mm(out, &pair);
	else if (made_by_fork(&pair, pair.b, pair.a) || made_by_fork(&pair, pair.a, pair.b) ||
		 may_be_relatives(&pair))
		of_relatives(out, &pair);
	else
		of_strangers(out, &pair);
	fclose(out);
	to[size - 1] = 0;
}
