// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables as three generations of kernels tell them, in reads and scans cut short
 * anywhere: pagemap.c and frames.c must find what is there, page by page.
 */
#include "frames.h"
#include "input.h"
#include "pagemap.h"
#include "world.h"

#include <errno.h>

#define BASE 0x7f0000000000ULL
#define MAX_PAGES 600

static const uint64_t entries[] = {
	ENTRY_PRESENT | ENTRY_EXCLUSIVE,
	ENTRY_PRESENT,
	ENTRY_PRESENT | ENTRY_FILE,
	ENTRY_PRESENT | ENTRY_FILE | ENTRY_EXCLUSIVE,
	ENTRY_SWAPPED,
	ENTRY_SWAPPED | ENTRY_EXCLUSIVE,
	ENTRY_GUARD,
	0,
};

/* File: no page of zeroes there. Return: where the last run ends */
static uint64_t make_world(struct input *in, bool file)
{
	size_t runs = take_below(in, WORLD_PAGES + 1);
	uint64_t at = BASE;

	for (size_t i = 0; i < runs; i++) {
		uint8_t what = take(in, 1);
		struct world_run *run = &world.runs[world.nr_runs++];

		at += take_below(in, 40) * PAGE;
		run->start = at;
		at += (1 + take_below(in, MAX_PAGES / WORLD_PAGES)) * PAGE;
		run->end = at;
		run->entry = entries[what & 7];
		/* such kernels had no markers, or hid them */
		if (run->entry & ENTRY_GUARD && world.scan == SCAN_NO_GUARD)
			run->entry = 0;
		run->huge = what & 8 && run->entry & ENTRY_PRESENT;
		run->zero = what & 16 && run->entry & ENTRY_PRESENT && !file;
		if (run->zero)
			run->entry = ENTRY_PRESENT | (run->huge ? ENTRY_FILE : 0);
		if (what & 32 && run->entry & (ENTRY_PRESENT | ENTRY_SWAPPED))
			run->entry |= ENTRY_MARKED;
	}
	return at;
}

static bool is_touched(const struct world_run *run)
{
	return run && run->entry & (ENTRY_PRESENT | ENTRY_SWAPPED) && !(run->entry & ENTRY_GUARD);
}

/* Swapped out, or nowhere and only marked */
static bool is_unsure(const struct world_run *run)
{
	return run->entry & ENTRY_SWAPPED && run->entry & ENTRY_MARKED;
}

static void judge_touched(uint64_t start, uint64_t end)
{
	uint64_t lowest = 0, run_end = 0, resident = 0, bytes = 0;
	struct touch touch;

	for (uint64_t at = start; at < end; at += PAGE) {
		const struct world_run *run = world_run_at(at);

		if (!is_touched(run))
			continue;
		if (!lowest)
			lowest = run_end = at;
		if (run_end == at)
			run_end += PAGE;
		bytes += PAGE;
		resident += run->entry & ENTRY_PRESENT ? PAGE : 0;
	}
	must(!pagemap_touched(WORLD_PAGEMAP, start, end, &touch));
	must(touch.known && touch.lowest == lowest && touch.resident == resident);
	must(touch.run_end == run_end && touch.whole == (bytes == end - start));
	must(touch.unsure == (lowest && is_unsure(world_run_at(lowest))));
	must(!touch.huge || (world.scan && world_run_at(lowest)->huge));
	must(!lowest || !world.scan || touch.huge == world_run_at(lowest)->huge);
}

static void judge_guards(uint64_t start, uint64_t end)
{
	struct range_list guards = { 0 };
	uint64_t at = start;

	must(!pagemap_guards(WORLD_PAGEMAP, start, end, &guards));
	for (size_t i = 0; i <= guards.count; i++) {
		uint64_t low = i < guards.count ? guards.list[i].start : end;
		uint64_t high = i < guards.count ? guards.list[i].end : end;

		must(low >= at && high >= low && high <= end);
		/* two that touch are one */
		must(!i || i == guards.count || low > at);
		for (; at < low; at += PAGE)
			must(!world_run_at(at) || !(world_run_at(at)->entry & ENTRY_GUARD));
		for (; at < high; at += PAGE)
			must(world_run_at(at) && world_run_at(at)->entry & ENTRY_GUARD);
	}
	free(guards.list);
}

static void judge_presence(uint64_t start, uint64_t end, bool file)
{
	uint64_t present = 0, swapped = 0, doubt = 0;
	struct presence presence;

	for (uint64_t at = page_down(start); at < end; at += PAGE) {
		const struct world_run *run = world_run_at(at);
		uint64_t low = at < start ? start : at;
		uint64_t bytes = (at + PAGE < end ? at + PAGE : end) - low;

		if (!run || run->entry & ENTRY_GUARD)
			continue;
		if (run->entry & ENTRY_SWAPPED)
			swapped += bytes;
		else if (run->zero && (!world.scan || (run->huge && world.hides_huge_zero)))
			doubt += bytes;
		else if (run->entry & ENTRY_PRESENT && !run->zero)
			present += bytes;
	}
	must(!pagemap_presence(WORLD_PAGEMAP, start, end, file, &presence));
	must(presence.swapped == swapped);
	must(presence.least <= present && presence.most == present + doubt);
	must(!file || presence.least == presence.most);
}

static void judge_pages(uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end; at += PAGE) {
		const struct world_run *run = world_run_at(at);
		enum page_state is = !is_touched(run) ? PAGE_ABSENT :
				     run->entry & ENTRY_PRESENT ? PAGE_PRESENT : PAGE_SWAPPED;

		must(pagemap_page(WORLD_PAGEMAP, at + 5) == is);
	}
}

struct walk {
	uint64_t at;
	uint64_t pages;
};

static int see_frame(void *data, uint64_t addr, uint64_t frame, unsigned int flags)
{
	const struct world_run *run = world_run_at(addr);
	struct walk *walk = data;

	must(addr >= walk->at && is_touched(run) && !frame);
	must(!(flags & FRAME_SWAPPED) == !(run->entry & ENTRY_SWAPPED));
	must(!(flags & FRAME_SWAPPED) || !(flags & FRAME_UNSURE) == !is_unsure(run));
	must(!(flags & FRAME_ZERO) || run->zero);
	must(flags & FRAME_ZERO || !run->zero || run->huge || !world.scan);
	walk->at = addr + PAGE;
	walk->pages++;
	return 0;
}

static void judge_frames(uint64_t start, uint64_t end)
{
	struct walk walk = { start, 0 };
	uint64_t pages = 0;

	for (uint64_t at = start; at < end; at += PAGE)
		pages += is_touched(world_run_at(at));
	must(!frames_each(WORLD_PAGEMAP, start, end, see_frame, &walk));
	must(walk.pages == pages && walk.at <= end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint64_t start, end, pages;
	bool file;

	world_reset();
	world.scan = take_below(&in, 3);
	file = take_below(&in, 2);
	world.hides_huge_zero = take_below(&in, 2);
	world.piece = take_below(&in, 64);
	start = BASE + take_below(&in, 16) * PAGE;
	end = make_world(&in, file) + 8 * PAGE;
	if (end < start + PAGE)
		end = start + PAGE;
	pages = (end - start) / PAGE;
	end -= take_below(&in, 256) % pages * PAGE;
	judge_touched(start, end);
	judge_guards(start, end);
	judge_pages(start, end);
	judge_frames(start, end);
	judge_presence(start, end, file);
	start += take_below(&in, PAGE);
	end -= take_below(&in, PAGE);
	if (start < end)
		judge_presence(start, end, file);
	return 0;
}
