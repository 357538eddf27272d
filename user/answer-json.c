// SPDX-License-Identifier: GPL-2.0
/*
 * An address in JSON.
 */
#include "answer.h"

#include "frames.h"
#include "text.h"

static const struct word sp_state_words[] = {
	{ PMEMCTL_REGS_BLOCKED, "blocked" },
	{ PMEMCTL_REGS_QUEUED, "queued" },
	{ PMEMCTL_REGS_LIVE, "live" },
	{ PMEMCTL_REGS_LAST_ENTRY, "last-entry" },
	{ 0, NULL }
};

static const struct word place_words[] = {
	{ WHO_MAPPED, "mapped" },
	{ WHO_GAP, "gap" },
	{ WHO_ABOVE, "above" },
	{ WHO_KERNEL, "kernel" },
	{ WHO_NOT_CANONICAL, "not-canonical" },
	{ 0, NULL }
};

static const struct word use_words[] = {
	{ USE_IN_USE, "in-use" },
	{ USE_RED_ZONE, "red-zone" },
	{ USE_FREE, "free" },
	{ 0, NULL }
};

static const struct word page_words[] = {
	{ PAGE_IS_ABSENT, "absent" },
	{ PAGE_IS_THERE, "present" },
	{ PAGE_IS_SWAPPED, "swapped" },
	{ 0, NULL }
};

static void region_json(struct json *json, const char *key, const struct region *region)
{
	if (!region) {
		json_null(json, key);
		return;
	}
	json_object(json, key);
	json_address(json, "start", region->start);
	json_address(json, "end", region->end);
	json_string(json, "kind", kind_name(region->kind));
	json_string(json, "name", region->name);
	json_end_object(json);
}

static void place_json(struct json *json, const struct who *who)
{
	const struct region *region = who->region, *part = who->part;
	char perms[8];

	json_address(json, "address", who->addr);
	json_string(json, "place", word_find(place_words, who->place, NULL));
	if (!region) {
		region_json(json, "below", who->below);
		region_json(json, "above", who->above);
		return;
	}
	json_address(json, "start", region->start);
	json_address(json, "end", region->end);
	json_string(json, "perms", perms_text(perms, region->vma->flags));
	json_string(json, "name", region->name);
	json_string(json, "kind", kind_name(part->kind));
	json_string(json, "why", part->why);
	json_address(json, "part_start", part->start);
	json_address(json, "part_end", part->end);
}

static void thread_json(struct json *json, const struct who *who)
{
	const struct pmemctl_thread *thread = who->thread;
	bool stack = who->area == AREA_STACK || who->area == AREA_ALTSTACK;

	if (!thread) {
		json_null(json, "thread");
		return;
	}
	json_object(json, "thread");
	json_unsigned(json, "tid", thread->tid);
	json_string(json, "comm", thread->comm);
	json_string(json, "area", who_area_name(who->area));
	if (who->area) {
		json_address(json, "start", who->range.start);
		json_address(json, "end", who->range.end);
		json_unsigned(json, "below_end", who->range.end - who->addr);
	}
	if (stack) {
		json_string(json, "use", word_find(use_words, who->use, NULL));
		if (thread->sp)
			json_address(json, "sp", thread->sp);
		else
			json_null(json, "sp");
		json_string(json, "sp_state",
			    word_find(sp_state_words, thread->reg_state, NULL));
	}
	json_end_object(json);
}

static void file_json(struct json *json, const struct answer *a)
{
	const struct who *who = a->who;
	const struct section *section = &who->section;

	if (!who->file) {
		json_null(json, "file");
		return;
	}
	json_object(json, "file");
	json_string(json, "path", model_name(a->picture->model, who->file->file));
	if (who->bss)
		json_null(json, "offset");
	else
		json_address(json, "offset", who->offset);
	json_bool(json, "readable", who->opened);
	json_string(json, "section", *section->name ? section->name : NULL);
	json_string(json, "symbol", *section->symbol ? section->symbol : NULL);
	if (*section->symbol)
		json_address(json, "symbol_offset", section->symbol_offset);
	else
		json_null(json, "symbol_offset");
	json_end_object(json);
}

static void arg_json(struct json *json, const struct arg *arg)
{
	if (!arg->known) {
		json_null(json, "string");
		return;
	}
	json_object(json, "string");
	json_string(json, "of", arg->env ? "environment" : "arguments");
	json_unsigned(json, "index", arg->index);
	json_string(json, "text", arg->text);
	json_bool(json, "cut", arg->cut);
	json_unsigned(json, "offset", arg->offset);
	json_end_object(json);
}

static void page_json(struct json *json, const struct page *page)
{
	const char *is = word_find(page_words, page->is, NULL);
	bool there = page->is == PAGE_IS_THERE;

	if (!page->vma || !is) {
		json_null(json, "page");
		return;
	}
	json_object(json, "page");
	json_string(json, "state", is);
	json_string(json, "of", !there ? NULL : page->flags & FRAME_ZERO ? "zeroes" :
		    page->flags & FRAME_FILE ? "file" : "anon");
	if (there && page->flags & FRAME_UNSURE && !(page->flags & FRAME_ZERO))
		json_null(json, "exclusive");
	else
		json_bool(json, "exclusive", there && page->flags & FRAME_EXCLUSIVE);
	json_bool(json, "huge", page->huge);
	json_end_object(json);
}

static void ties_json(struct json *json, const struct answer *a)
{
	const struct page *page = a->page;

	if (!page->vma || !ties_known(page)) {
		json_null(json, "sharers");
		return;
	}
	json_array(json, "sharers");
	for (size_t i = 0; i < page->nr_ties; i++) {
		const struct tie *tie = &page->ties[i];
		const struct other *other = &a->others->list[tie->other];
		char perms[8];

		json_object(json, NULL);
		json_unsigned(json, "pid", other->pid);
		json_string(json, "comm", other->comm);
		json_unsigned(json, "processes", other->processes);
		json_address(json, "address", tie->addr);
		json_string(json, "perms", perms_text(perms, tie->flags));
		json_string(json, "page", tie_kind_name(tie->kind));
		json_end_object(json);
	}
	json_end_array(json);
}

void answer_json(struct json *json, const struct answer *answer)
{
	json_object(json, NULL);
	place_json(json, answer->who);
	if (answer->who->region) {
		thread_json(json, answer->who);
		arg_json(json, answer->arg);
		file_json(json, answer);
		page_json(json, answer->page);
		ties_json(json, answer);
	}
	json_end_object(json);
}
