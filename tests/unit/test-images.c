// SPDX-License-Identifier: GPL-2.0
/*
 * images.c: a library made to order, mapped as its headers demand, and not so.
 */
#include "builder.h"
#include "images.h"
#include "picture.h"
#include "proc.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define BASE 0x7f0000000000ULL

enum { RODATA, TEXT, DATA, RELRO, SEGMENTS };

static struct builder b;
static struct model model;
static struct {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[SEGMENTS];
} file;
static int fd = -1;
static uint32_t object;
static bool map_files;	/* that one is allowed */
static char asked[256];

int proc_find(uint32_t pid, uint32_t tid, const char *name)
{
	char path[32];

	if (!strncmp(name, "map_files/", 10) && !map_files)
		return -EPERM;
	snprintf(asked, sizeof(asked), "%u/%u/%s", pid, tid, name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_PATH | O_CLOEXEC);
}

static int setup(void **state)
{
	struct stat stat;

	fd = memfd_create("library", MFD_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat))
		return -1;
	map_files = false;
	memset(&file, 0, sizeof(file));
	memcpy(file.ehdr.e_ident, ELFMAG, SELFMAG);
	file.ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	file.ehdr.e_phoff = sizeof(file.ehdr);
	file.ehdr.e_phentsize = sizeof(Elf64_Phdr);
	file.ehdr.e_phnum = SEGMENTS;
	file.phdrs[RODATA] = (Elf64_Phdr) {
		.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 0x900, .p_memsz = 0x900,
	};
	file.phdrs[TEXT] = (Elf64_Phdr) {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000, .p_vaddr = 0x1000,
		.p_filesz = 0x1800, .p_memsz = 0x1800,
	};
	file.phdrs[DATA] = (Elf64_Phdr) {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x2e00, .p_vaddr = 0x3e00,
		.p_filesz = 0x500, .p_memsz = 0x3000,
	};
	file.phdrs[RELRO] = (Elf64_Phdr) {
		.p_type = PT_GNU_RELRO, .p_vaddr = 0x3e00, .p_memsz = 0x200,
	};
	builder_init(&b);
	object = builder_file(&b, "/lib/x.so", stat.st_ino, 0);
	b.objects[object - 1].dev_major = major(stat.st_dev);
	b.objects[object - 1].dev_minor = minor(stat.st_dev);
	builder_vma(&b, BASE, BASE + 0x1000, "r--p", object, 0);
	builder_vma(&b, BASE + 0x1000, BASE + 0x3000, "r-xp", object, 0)->offset = 0x1000;
	builder_vma(&b, BASE + 0x3000, BASE + 0x4000, "r--p", object, 0)->offset = 0x2000;
	builder_vma(&b, BASE + 0x4000, BASE + 0x5000, "rw-p", object, 0)->offset = 0x3000;
	builder_vma(&b, BASE + 0x5000, BASE + 0x8000, "rw-p", 0, 0);
	return 0;
}

static int teardown(void **state)
{
	model_free(&model);
	return close(fd);
}

static void collect(void)
{
	model_free(&model);
	asked[0] = 0;
	assert_int_equal(pwrite(fd, &file, sizeof(file), 0), sizeof(file));
	if (builder_model(&b, &model))
		fail_msg("%s", model.error);
	assert_int_equal(images_collect(&model, 0), 0);
}

static void has(size_t i, uint64_t start, uint64_t end, enum region_kind kind, const char *why)
{
	const struct use *use = &model.witness.uses.list[i];

	assert_true(i < model.witness.uses.count);
	assert_int_equal(use->start, BASE + start);
	assert_int_equal(use->end, BASE + end);
	assert_int_equal(use->kind, kind);
	assert_int_equal(strncmp(use->why, why, strlen(why)), 0);
}

static void library(void **state)
{
	collect();
	assert_int_equal(model.witness.uses.count, 6);
	has(0, 0, 0x1000, KIND_LIBRARY, "rodata");
	has(1, 0x1000, 0x3000, KIND_LIBRARY, "text");
	has(2, 0x3000, 0x4000, KIND_LIBRARY, "relro");
	has(3, 0x4000, 0x4300, KIND_LIBRARY, "data");
	has(4, 0x4300, 0x5000, KIND_LIBRARY_BSS, "from p_filesz");
	has(5, 0x5000, 0x7000, KIND_LIBRARY_BSS, "from p_filesz");
	assert_false(model.witness.image_placed);
	assert_string_equal(asked, "100/0/root/lib/x.so");
}

static void executable(void **state)
{
	b.mm[PMEMCTL_MM_EXE] = object;
	b.mm[PMEMCTL_MM_START_CODE] = BASE + 0x1000;
	collect();
	assert_int_equal(model.witness.uses.count, 2);
	has(0, 0x4300, 0x5000, KIND_BSS, "from p_filesz");
	has(1, 0x5000, 0x7000, KIND_BSS, "from p_filesz");
	assert_true(model.witness.image_placed);
	/* mapped once more, where the program does not run */
	b.mm[PMEMCTL_MM_START_CODE] = 0x1000;
	collect();
	assert_int_equal(model.witness.uses.count, 0);
	assert_false(model.witness.image_placed);
}

static void without_bss(void **state)
{
	file.phdrs[DATA].p_memsz = file.phdrs[DATA].p_filesz;
	collect();
	assert_int_equal(model.witness.uses.count, 4);
	has(3, 0x4000, 0x5000, KIND_LIBRARY, "data");
	/* only what fills the page */
	file.phdrs[DATA].p_memsz = 0x1200;
	collect();
	assert_int_equal(model.witness.uses.count, 5);
	has(4, 0x4300, 0x5000, KIND_LIBRARY_BSS, "");
	/* only pages of its own */
	file.phdrs[DATA].p_filesz = 0x1200;
	file.phdrs[DATA].p_memsz = 0x1201;
	collect();
	has(3, 0x4000, 0x5000, KIND_LIBRARY, "data");
	has(4, 0x5000, 0x6000, KIND_LIBRARY_BSS, "");
}

static void bss_that_is_not_there(void **state)
{
	b.vmas[4].start += 0x1000;
	collect();
	assert_int_equal(model.witness.uses.count, 5);
	/* another file in its place; memory that is shared */
	b.vmas[4].start -= 0x1000;
	b.vmas[4].file = builder_file(&b, "/x", 77, 0);
	collect();
	assert_int_equal(model.witness.uses.count, 5);
	b.vmas[4].file = 0;
	b.vmas[4].flags |= PMEMCTL_VMA_MAYSHARE;
	collect();
	assert_int_equal(model.witness.uses.count, 5);
}

static void none(void)
{
	collect();
	assert_int_equal(model.witness.uses.count, 0);
}

static void mapped_otherwise(void **state)
{
	b.vmas[3].offset += 0x1000;
	none();
	b.vmas[3].offset -= 0x1000;
	b.vmas[3].file = builder_file(&b, "/other", 66, 0);
	none();
	b.vmas[3].file = object;
	b.vmas[1].flags &= ~PMEMCTL_VMA_EXEC;
	none();
	b.vmas[1].flags |= PMEMCTL_VMA_EXEC;
	b.vmas[0].end -= 0x800;
	none();
	b.vmas[0].end += 0x800;
	collect();
	assert_int_equal(model.witness.uses.count, 6);
}

static void another_file(void **state)
{
	b.objects[object - 1].ino++;
	none();
	map_files = true;
	none();
	b.objects[object - 1].ino--;
	b.objects[object - 1].dev_minor++;
	collect();
	/* devices may differ: the link leads to what is mapped */
	assert_int_equal(model.witness.uses.count, 6);
	assert_string_equal(asked, "100/0/map_files/7f0000001000-7f0000003000");
	map_files = false;
	none();
	b.objects[object - 1].dev_minor--;
	close(fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	model_free(&model);
	assert_int_equal(builder_model(&b, &model), 0);
	assert_int_equal(images_collect(&model, 0), 0);
	assert_int_equal(model.witness.uses.count, 0);
}

/* Headers hold anything: what comes of it lies in VMAs, in order */
static void absurd_headers(void **state)
{
	static const uint64_t values[] = {
		0, 1, 0x300, 0xfff, 0x1000, 0x3e00, 0x4000, 0x8000, 1ULL << 46, 1ULL << 47,
		1ULL << 63, UINT64_MAX - 0xfff, UINT64_MAX,
	};
	const Elf64_Phdr sound[SEGMENTS] = {
		file.phdrs[0], file.phdrs[1], file.phdrs[2], file.phdrs[3],
	};

	srandom(1);
	for (int i = 0; i < 20000; i++) {
		uint64_t at = 0;

		memcpy(file.phdrs, sound, sizeof(sound));
		for (int k = 0; k < 1 + i % 3; k++) {
			Elf64_Phdr *phdr = &file.phdrs[random() % SEGMENTS];
			uint64_t value = values[random() % (sizeof(values) / sizeof(*values))];

			switch (random() % 5) {
			case 0:
				phdr->p_vaddr = value;
				break;
			case 1:
				phdr->p_memsz = value;
				break;
			case 2:
				phdr->p_filesz = value;
				break;
			case 3:
				phdr->p_offset = value;
				break;
			case 4:
				phdr->p_flags = random() % 8;
				break;
			}
		}
		collect();
		for (size_t k = 0; k < model.witness.uses.count; k++) {
			const struct use *use = &model.witness.uses.list[k];
			const struct pmemctl_vma *vma = model_vma(&model, use->start);

			assert_true(use->start >= at && use->start < use->end);
			assert_true(vma && use->end <= vma->end);
			at = use->end;
		}
	}
}

#define TEST_OF(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(library), TEST_OF(executable), TEST_OF(without_bss),
		TEST_OF(bss_that_is_not_there), TEST_OF(mapped_otherwise), TEST_OF(another_file),
		TEST_OF(absurd_headers),
	};

	return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}
