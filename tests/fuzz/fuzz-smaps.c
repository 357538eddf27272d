// SPDX-License-Identifier: GPL-2.0
/*
 * smaps.c: entries that were written as the kernel writes them are read as what they
 * were, in pieces of any size and with paths of any length; and of any other bytes
 * comes a list by ascending address.
 */
#include "input.h"
#include "model.h"
#include "smaps.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

#define ENTRIES 8

static void judge_list(const struct smaps *smaps, size_t max)
{
	uint64_t last = 0;

	must(smaps->read && smaps->count <= max);
	for (size_t i = 0; i < smaps->count; i++) {
		must(smaps->list[i].start >= last);
		must(smaps->list[i].start < smaps->list[i].end);
		last = smaps->list[i].end;
	}
}

/* What a path may be: the kernel escapes line ends, and nothing else */
static void put_path(FILE *out, struct input *in)
{
	/* longer than the reader's buffer, but not byte by byte */
	bool longest = take_below(in, 4) == 3 && (!world.piece || world.piece >= 1024);
	size_t len = longest ? take(in, 2) * 3 : take(in, 1);
	char name[64];

	take_string(in, name, sizeof(name));
	for (size_t i = 0; name[i]; i++) {
		if (name[i] == '\n')
			fputs("\\012", out);
		else
			putc(name[i], out);
	}
	for (; len; len--)
		putc(len % 60 ? 'x' : '/', out);
	putc('\n', out);
}

static const struct {
	const char *name;
	enum smaps_field field;
} lines[] = {
	{ "Rss", SMAPS_RSS }, { "Pss", SMAPS_PSS }, { "Pss_Dirty", SMAPS_FIELDS },
	{ "Shared_Clean", SMAPS_SHARED_CLEAN }, { "Shared_Dirty", SMAPS_SHARED_DIRTY },
	{ "Private_Clean", SMAPS_PRIVATE_CLEAN }, { "Private_Dirty", SMAPS_PRIVATE_DIRTY },
	{ "Referenced", SMAPS_REFERENCED }, { "Anonymous", SMAPS_ANON },
	{ "KSM", SMAPS_FIELDS }, { "LazyFree", SMAPS_FIELDS }, { "AnonHugePages", SMAPS_HUGE },
	{ "ShmemPmdMapped", SMAPS_HUGE }, { "FilePmdMapped", SMAPS_HUGE },
	{ "Shared_Hugetlb", SMAPS_HUGETLB }, { "Private_Hugetlb", SMAPS_HUGETLB },
	{ "Swap", SMAPS_SWAP }, { "SwapPss", SMAPS_SWAP_PSS }, { "Locked", SMAPS_LOCKED },
};

static void put_entry(FILE *out, struct input *in, struct smap *smap, uint64_t start)
{
	uint8_t what = take(in, 1);

	*smap = (struct smap) { .start = start, .end = start + 1 + take(in, 4) };
	memcpy(smap->perms, what & 1 ? "rw-p" : "r-xs", 4);
	if (what & 2) {
		smap->offset = take(in, 8);
		smap->ino = take(in, 8);
		smap->dev_major = take(in, 2);
		smap->dev_minor = take(in, 3);
	}
	fprintf(out, "%08" PRIx64 "-%08" PRIx64 " %.4s %08" PRIx64 " %02x:%02x %" PRIu64 " ",
		smap->start, smap->end, smap->perms, smap->offset, smap->dev_major,
		smap->dev_minor, smap->ino);
	put_path(out, in);
	fprintf(out, "Size:           %8d kB\n", 4);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		uint64_t value = what & 4 ? take(in, 1) : take(in, 5);

		fprintf(out, "%s:%*s%8" PRIu64 " kB\n", lines[i].name,
			(int)(16 - strlen(lines[i].name)), "", value);
		if (lines[i].field < SMAPS_FIELDS)
			smap->bytes[lines[i].field] += value << 10;
	}
	fputs("THPeligible:           0\nVmFlags: rd wr mr mw me ac \n", out);
}

static void judge_written(struct input *in)
{
	struct smap is[ENTRIES];
	struct smaps smaps = { 0 };
	size_t count = take_below(in, ENTRIES + 1), max = take_below(in, 2 * ENTRIES), size;
	uint64_t at = 0;
	char *text;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < count; i++) {
		at += take(in, 3);
		put_entry(out, in, &is[i], at);
		at = is[i].end;
	}
	fclose(out);
	world.file = text;
	world.file_size = size;
	must(!smaps_read(WORLD_STREAM, max, &smaps));
	judge_list(&smaps, max);
	must(smaps.count == (count < max ? count : max));
	for (size_t i = 0; i < smaps.count; i++)
		must(!memcmp(&smaps.list[i], &is[i], sizeof(is[i])));
	smaps_free(&smaps);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	bool written;

	world_reset();
	written = take_below(&in, 2);
	world.piece = take(&in, 1);
	if (world.piece)
		world.piece <<= take_below(&in, 9);
	if (written) {
		judge_written(&in);
	} else {
		struct smaps smaps = { 0 };

		world.file = in.at;
		world.file_size = in.left;
		must(!smaps_read(WORLD_STREAM, 64, &smaps));
		judge_list(&smaps, 64);
		smaps_free(&smaps);
	}
	return 0;
}
