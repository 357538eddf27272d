// SPDX-License-Identifier: GPL-2.0
/*
 * smaps.c: what is read of smaps, and to which VMA it belongs.
 */
#include "builder.h"
#include "smaps.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD "555500000000-555500001000 r--p 00001000 08:01 11    /usr/bin/test\n"
#define END "VmFlags: rd mr mw me\n"

static struct smaps smaps;

static int teardown(void **state)
{
	smaps_free(&smaps);
	return 0;
}

/* Reads what is written to @file, from its beginning */
static int read_file(FILE *file, size_t max)
{
	int ret;

	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	smaps_free(&smaps);
	ret = smaps_read(fileno(file), max, &smaps);
	fclose(file);
	return ret;
}

static void parse(const char *text, size_t entries)
{
	FILE *file = tmpfile();

	fputs(text, file);
	assert_int_equal(read_file(file, 100), 0);
	assert_true(smaps.read);
	assert_int_equal(smaps.count, entries);
}

static void all_fields(void **state)
{
	static const uint64_t expected[SMAPS_FIELDS] = {
		[SMAPS_RSS] = 1 << 10, [SMAPS_PSS] = 2 << 10, [SMAPS_SHARED_CLEAN] = 3 << 10,
		[SMAPS_SHARED_DIRTY] = 4 << 10, [SMAPS_PRIVATE_CLEAN] = 5 << 10,
		[SMAPS_PRIVATE_DIRTY] = 6 << 10, [SMAPS_REFERENCED] = 7 << 10,
		[SMAPS_ANON] = 8 << 10, [SMAPS_HUGE] = (10 + 11 + 12) << 10,
		[SMAPS_HUGETLB] = (13 + 14) << 10, [SMAPS_SWAP] = 15 << 10,
		[SMAPS_SWAP_PSS] = 16 << 10, [SMAPS_LOCKED] = 123456789012ULL << 10,
	};
	const struct smap *smap;

	parse(HEAD
	      "Size:                400 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"
	      "Rss:                   1 kB\nPss:                   2 kB\nPss_Dirty:            99 kB\n"
	      "Shared_Clean:          3 kB\nShared_Dirty:          4 kB\nPrivate_Clean:         5 kB\n"
	      "Private_Dirty:         6 kB\nReferenced:            7 kB\nAnonymous:             8 kB\n"
	      "KSM:                  98 kB\nLazyFree:             97 kB\nAnonHugePages:        10 kB\n"
	      "ShmemPmdMapped:       11 kB\nFilePmdMapped:        12 kB\nShared_Hugetlb:       13 kB\n"
	      "Private_Hugetlb:      14 kB\nSwap:                 15 kB\nSwapPss:              16 kB\n"
	      "Locked:      123456789012 kB\nTHPeligible:           1\nProtectionKey:         2\n" END,
	      1);
	smap = smaps.list;
	assert_int_equal(smap->start, 0x555500000000);
	assert_int_equal(smap->end, 0x555500001000);
	assert_int_equal(smap->offset, 0x1000);
	assert_int_equal(smap->ino, 11);
	assert_int_equal(smap->dev_major, 8);
	assert_int_equal(smap->dev_minor, 1);
	assert_memory_equal(smap->perms, "r--p", 4);
	for (int i = 0; i < SMAPS_FIELDS; i++)
		assert_int_equal(smap->bytes[i], expected[i]);
}

static void numbers_of_heads(void **state)
{
	parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0     [vsyscall]\n" END, 1);
	assert_int_equal(smaps.list[0].start, 0xffffffffff600000);
	parse("7f-80 rwxs fffffffffffff000 fff:fffff 18446744073709551615 \n" END, 1);
	assert_int_equal(smaps.list[0].offset, 0xfffffffffffff000);
	assert_int_equal(smaps.list[0].dev_major, 0xfff);
	assert_int_equal(smaps.list[0].dev_minor, 0xfffff);
	assert_int_equal(smaps.list[0].ino, UINT64_MAX);
	assert_memory_equal(smaps.list[0].perms, "rwxs", 4);
}

/* An entry that is cut off is none */
static void what_is_not_whole(void **state)
{
	parse("", 0);
	parse(HEAD, 0);
	parse(HEAD "Rss:  1 kB\n", 0);
	parse(HEAD "Rss:  1 kB\nVmFlags: rd", 0);
	parse(HEAD "555500002000-555500003000 r--p 0 08:01 11\n" END, 1);
	assert_int_equal(smaps.list[0].start, 0x555500002000);
}

static void what_is_no_entry(void **state)
{
	static const char *const heads[] = {
		"-", "7f", "7f-", "7f-80", "7f-80 rw-", "7f-80 rw-p", "7f-80 rw-p 0",
		"7f-80 rw-p 0 08", "7f-80 rw-p 0 08:01", "7f-80 rw-p 0 08:01 x", "80-7f rw-p 0 08:01 1",
		"7f-7f rw-p 0 08:01 1", "7f-80 rw-pp 0 08:01 1", "7F-80 rw-p 0 08:01 1",
		"7f-111111111111111111111 rw-p 0 08:01 1", " 7f-80 rw-p 0 08:01 1", "",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		snprintf(text, sizeof(text), "%s\nRss: 4 kB\n" END, heads[i]);
		parse(text, 0);
	}
	parse("Rss: 4 kB\n" END END, 0);
	/* nothing of it is added to what follows */
	parse("7f-80 rw-\nRss: 4 kB\n" END HEAD "Rss: 8 kB\n" END, 1);
	assert_int_equal(smaps.list[0].bytes[SMAPS_RSS], 8192);
}

/* A path may look like anything, and be of any length */
static void paths(void **state)
{
	static const size_t lengths[] = {
		1, 4096, 65200, 65400, 65450, 65460, 65470, 65500, 65535, 65536, 65537, 131072, 300000
	};
	char *path;

	parse("7f-80 rw-p 0 08:01 1   /Rss: 4 kB\\012VmFlags:\nRss: 12 kB\n" END, 1);
	assert_int_equal(smaps.list[0].bytes[SMAPS_RSS], 12288);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		FILE *file = tmpfile();

		path = malloc(lengths[i]);
		memset(path, 'R', lengths[i]);
		fputs(HEAD "Rss: 4 kB\n" END "555500001000-555500002000 rw-p 2000 08:01 12   /", file);
		fwrite(path, 1, lengths[i], file);
		fputs("\nRss: 8 kB\n" END "555500002000-555500003000 rw-p 0 08:01 13\nRss: 16 kB\n" END,
		      file);
		free(path);
		assert_int_equal(read_file(file, 100), 0);
		assert_int_equal(smaps.count, 3);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(smaps.list[k].ino, 11 + k);
			assert_int_equal(smaps.list[k].bytes[SMAPS_RSS], 4096 << k);
		}
	}
}

/* The lock was let go of between two of them: the earlier one counts */
static void overlapping_ones(void **state)
{
	parse("10-30 rw-p 0 00:00 0\nRss: 4 kB\n" END "20-40 rw-p 0 00:00 0\nRss: 8 kB\n" END
	      "10-30 rw-p 0 00:00 0\nRss: 8 kB\n" END "30-40 rw-p 0 00:00 0\nRss: 12 kB\n" END, 2);
	assert_int_equal(smaps.list[0].bytes[SMAPS_RSS], 4096);
	assert_int_equal(smaps.list[1].start, 0x30);
}

static void many(void **state)
{
	for (int i = 0; i < 2; i++) {
		size_t max = i ? 60000 : 59999;
		FILE *file = tmpfile();

		for (uint64_t k = 0; k < 60000; k++)
			fprintf(file, "%lx-%lx rw-p 00000000 00:00 0 \nSize: 4 kB\nRss: %lu kB\n" END,
				(0x1000 + k) << 12, (0x1001 + k) << 12, k * 4);
		assert_int_equal(read_file(file, max), 0);
		assert_int_equal(smaps.count, max);
		for (uint64_t k = 0; k < max; k++) {
			assert_int_equal(smaps.list[k].start, (0x1000 + k) << 12);
			assert_int_equal(smaps.list[k].bytes[SMAPS_RSS], k << 12);
		}
	}
}

static void what_cannot_be_read(void **state)
{
	smaps_free(&smaps);
	assert_int_equal(smaps_read(-1, 100, &smaps), -EBADF);
	assert_false(smaps.read);
}

/* The kernel's, of this very process */
static void of_the_kernel(void **state)
{
	char *block = mmap(NULL, 8 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/smaps", O_RDONLY), found = 0;

	madvise(block, 8 << 12, MADV_NOHUGEPAGE);
	mprotect(block, 1 << 12, PROT_READ);
	mprotect(block + (7 << 12), 1 << 12, PROT_READ);
	for (int i = 2; i < 5; i++)
		block[i << 12] = 1;
	smaps_free(&smaps);
	assert_int_equal(smaps_read(fd, 100000, &smaps), 0);
	close(fd);
	for (size_t i = 0; i < smaps.count; i++) {
		const struct smap *smap = &smaps.list[i];

		if (smap->start != (uintptr_t)block + 0x1000)
			continue;
		found++;
		assert_int_equal(smap->end, smap->start + (6 << 12));
		assert_int_equal(smap->bytes[SMAPS_RSS], 3 << 12);
		assert_int_equal(smap->bytes[SMAPS_PRIVATE_DIRTY], 3 << 12);
		assert_int_equal(smap->bytes[SMAPS_ANON], 3 << 12);
	}
	assert_int_equal(found, 1);
	munmap(block, 8 << 12);
}

static struct builder b;
static struct model model;

/* One entry, for VMA number 1 of the process, but for what is different in it */
static const struct smap *pair(const char *head)
{
	FILE *file = tmpfile();
	const struct smap *smap;

	builder_process(&b);
	b.vmas[1].offset = 0x1000;
	assert_int_equal(builder_model(&b, &model), 0);
	fprintf(file, "%s\n" END, head);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	fflush(file);
	rewind(file);
	assert_int_equal(smaps_read(fileno(file), 100, &model.witness.smaps), 0);
	fclose(file);
	assert_int_equal(model.witness.smaps.count, 1);
	smap = smaps_of(&model, &model.vmas[1]);
	if (smap)
		assert_ptr_equal(smap, model.witness.smaps.list);
	/* of no other VMA, whatever it says */
	assert_null(smaps_of(&model, &model.vmas[0]));
	assert_null(smaps_of(&model, &model.vmas[2]));
	model_free(&model);
	return smap;
}

static void pairs(void **state)
{
	static const char *const others[] = {
		"555500002000-555500005000 r-xp 00001000 08:01 11", /* it has lost its first page */
		"555500001000-555500004000 r-xp 00001000 08:01 11", /* its last */
		"555500001000-555500006000 r-xp 00001000 08:01 11", /* it has grown */
		"555500000800-555500005000 r-xp 00001000 08:01 11",
		"555500001000-555500005000 --xp 00001000 08:01 11",
		"555500001000-555500005000 rwxp 00001000 08:01 11",
		"555500001000-555500005000 r--p 00001000 08:01 11",
		"555500001000-555500005000 r-xs 00001000 08:01 11",
		"555500001000-555500005000 r-xp 00002000 08:01 11",
		"555500001000-555500005000 r-xp 00001000 08:01 12",
		"555500001000-555500005000 r-xp 00001000 08:02 11",
		"555500001000-555500005000 r-xp 00001000 09:01 11",
		"555500001000-555500005000 r-xp 00000000 00:00 0",
	};

	assert_non_null(pair("555500001000-555500005000 r-xp 00001000 08:01 11   /any/name"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_null(pair(others[i]));
}

static void anonymous_ones(void **state)
{
	FILE *file = tmpfile();

	builder_process(&b);
	assert_int_equal(builder_model(&b, &model), 0);
	/* the heap; the one above it, where now a file is; and the page that is no VMA */
	fputs("555500100000-555500121000 rw-p 00000000 00:00 0   [heap]\n" END
	      "7f0000001000-7f0000801000 rw-p 00000000 08:01 11   /usr/bin/test\n" END
	      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]\n" END, file);
	rewind(file);
	assert_int_equal(smaps_read(fileno(file), 100, &model.witness.smaps), 0);
	fclose(file);
	assert_non_null(smaps_of(&model, &model.vmas[6]));
	assert_null(smaps_of(&model, &model.vmas[8]));
	assert_non_null(smaps_of(&model, &(struct pmemctl_vma) {
		.start = 0xffffffffff600000, .end = 0xffffffffff601000, .flags = PMEMCTL_VMA_EXEC }));
	smaps_free(&model.witness.smaps);
	assert_null(smaps_of(&model, &model.vmas[6]));
	model_free(&model);
}

#define T(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_fields), T(numbers_of_heads), T(what_is_not_whole), T(what_is_no_entry),
		T(paths), T(overlapping_ones), T(many), T(what_cannot_be_read), T(of_the_kernel),
		T(pairs), T(anonymous_ones),
	};

	return cmocka_run_group_tests_name("smaps", tests, NULL, NULL);
}
