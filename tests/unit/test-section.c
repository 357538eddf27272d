// SPDX-License-Identifier: GPL-2.0
/*
 * Sections and symbols, of this very program, and of damaged copies of it.
 */
#include "section.h"
#include "test.h"

#include "pagemap.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* In tables as they are: not static */
int section_test_data[16] = { 1, 2, 3 };
int section_test_bss[4096];
const int section_test_rodata[16] = { 4, 5, 6 };
static __attribute__((noinline, used)) int section_test_local(int a)
{
	return a * section_test_data[0];
}

int section_test_function(int a);
__attribute__((noinline)) int section_test_function(int a)
{
	return section_test_local(a) + 1;
}

extern __typeof(section_test_function) section_test_alias
	__attribute__((alias("section_test_function")));
extern __typeof(section_test_function) __section_test_alias
	__attribute__((alias("section_test_function")));

/* Eight bytes with a name, and others behind them without */
extern char section_test_sized[];
__asm__(".pushsection .data\n"
	".globl section_test_sized\n"
	".type section_test_sized, @object\n"
	".size section_test_sized, 8\n"
	"section_test_sized: .zero 64\n"
	".globl section_test_mark\n"
	"section_test_mark: .zero 64\n"
	".popsection");

static int self;

/* The VMA of this program that holds an address, or the file's last one below */
static struct pmemctl_vma vma_of(const void *p)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	struct pmemctl_vma vma = { 0 };
	unsigned long long start, end, offset;
	char line[512], perms[5], exe[256] = "";

	assert_non_null(maps);
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	while (fgets(line, sizeof(line), maps)) {
		assert_int_equal(sscanf(line, "%llx-%llx %4s %llx", &start, &end, perms, &offset), 4);
		if (start <= (uintptr_t)p && strstr(line, exe))
			vma = (struct pmemctl_vma) {
				.start = start, .end = end, .offset = offset,
			};
	}
	fclose(maps);
	return vma;
}

static void find(const void *p, struct section *section)
{
	struct pmemctl_vma vma = vma_of(p);

	assert_true((uintptr_t)p < vma.end);
	section_find(self, vma.offset + ((uintptr_t)p - vma.start), section);
	assert_true(section->elf);
}

static void in_the_file(void **state)
{
	struct section section;

	find((char *)section_test_data + 5, &section);
	assert_string_equal(section.name, ".data");
	assert_string_equal(section.symbol, "section_test_data");
	assert_int_equal(section.symbol_offset, 5);
	find(section_test_sized + 7, &section);
	assert_string_equal(section.symbol, "section_test_sized");
	find(section_test_sized + 8, &section);
	assert_string_equal(section.symbol, "");
	find(section_test_sized + 70, &section);
	assert_string_equal(section.symbol, "");
	find(section_test_rodata, &section);
	assert_string_equal(section.name, ".rodata");
	assert_string_equal(section.symbol, "section_test_rodata");
	assert_int_equal(section.symbol_offset, 0);
	find((char *)section_test_local + 1, &section);
	assert_string_equal(section.name, ".text");
	assert_string_equal(section.symbol, "section_test_local");
	assert_int_equal(section.symbol_offset, 1);
}

/* Of names of one place: global ones, and no underscores before */
static void aliases(void **state)
{
	struct section section;

	find(section_test_function, &section);
	assert_string_equal(section.symbol, "section_test_alias");
	assert_int_equal(section_test_function(1), 2);
}

static void behind_the_file(void **state)
{
	struct pmemctl_vma vma = vma_of(section_test_bss);
	struct section section;

	assert_true(section_find_bss(self, &vma, (uintptr_t)&section_test_bss[7], &section));
	assert_string_equal(section.name, ".bss");
	assert_string_equal(section.symbol, "section_test_bss");
	assert_int_equal(section.symbol_offset, 28);
	/* what is in the file is not */
	assert_false(section_find_bss(self, &vma, (uintptr_t)section_test_data, &section));
	assert_false(section_find_bss(self, &vma, (uintptr_t)section_test_bss + (1 << 30),
				      &section));
	vma = vma_of((void *)behind_the_file);
	assert_false(section_find_bss(self, &vma, (uintptr_t)section_test_bss, &section));
}

static void no_elf(void **state)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct section section;

	section_find(fd, 0, &section);
	assert_false(section.elf);
	section_find(null, 0, &section);
	assert_false(section.elf);
	section_find(self, UINT64_MAX, &section);
	assert_true(section.elf);
	assert_string_equal(section.name, "");
	close(fd);
	close(null);
}

/* The headers of a copy, with some fields of any value */
static void damaged(void **state)
{
	struct pmemctl_vma data = vma_of(section_test_data), code = vma_of((void *)damaged);
	struct stat stat;
	char *good, *bad;
	int fd = memfd_create("damaged", MFD_CLOEXEC);

	assert_int_equal(fstat(self, &stat), 0);
	good = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, self, 0);
	assert_int_equal(ftruncate(fd, stat.st_size), 0);
	bad = mmap(NULL, stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(good != MAP_FAILED && bad != MAP_FAILED);
	memcpy(bad, good, stat.st_size);
	srandom(1);
	for (int round = 0; round < 2000; round++) {
		const Elf64_Ehdr *was = (const Elf64_Ehdr *)good;
		char *table = bad + was->e_shoff;
		size_t size = was->e_shnum * sizeof(Elf64_Shdr);
		struct section section;

		memcpy(bad, good, 4096);
		memcpy(table, good + was->e_shoff, size);
		for (int i = 0; i < 12; i++) {
			static const uint64_t values[] = {
				0, 1, 23, 24, 0xffffffff, INT64_MAX, UINT64_MAX, 1ULL << 40,
			};
			uint64_t value = random() % 3 ? values[random() % 8] :
					 (uint64_t)random() % stat.st_size;
			char *at = random() % 8 ? table + random() % (size / 4 - 2) * 4 :
				   bad + 16 + random() % 24 * 2;

			memcpy(at, &value, random() % 2 ? 8 : 4);
		}
		section_find(fd, code.offset + random() % 65536, &section);
		section_find(fd, data.offset + random() % 8192, &section);
		assert_true(strlen(section.symbol) < sizeof(section.symbol));
		section_find_bss(fd, &data, (uintptr_t)section_test_bss + random() % 16384,
				 &section);
		assert_true(strlen(section.name) < sizeof(section.name));
	}
	munmap(good, stat.st_size);
	munmap(bad, stat.st_size);
	close(fd);
}

static void opens_the_same_file_only(void **state)
{
	char path[] = "/tmp/section-XXXXXX";
	struct pmemctl_object object = { 0 };
	struct pmemctl_vma vma = { .start = 1, .end = 2 };
	struct stat stat;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &stat), 0);
	close(fd);
	object.ino = stat.st_ino;
	object.dev_major = major(stat.st_dev);
	object.dev_minor = minor(stat.st_dev);
	fd = section_open(getpid(), &vma, &object, path);
	assert_true(fd >= 0);
	close(fd);
	/* nor is whoever has a lease on it waited for */
	fd = open(path, O_RDWR | O_CLOEXEC);
	signal(SIGIO, SIG_IGN);
	assert_int_equal(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	assert_int_equal(section_open(getpid(), &vma, &object, path), -1);
	close(fd);
	object.ino++;
	assert_int_equal(section_open(getpid(), &vma, &object, path), -1);
	unlink(path);
	/* not waited for */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(lstat(path, &stat), 0);
	object.ino = stat.st_ino;
	assert_int_equal(section_open(getpid(), &vma, &object, path), -1);
	unlink(path);
	assert_int_equal(section_open(getpid(), &vma, &object, NULL), -1);
	assert_int_equal(section_open(getpid(), &vma, &object, "relative"), -1);
}

static int setup(void **state)
{
	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return self < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_file),
		cmocka_unit_test(aliases),
		cmocka_unit_test(behind_the_file),
		cmocka_unit_test(no_elf),
		cmocka_unit_test(damaged),
		cmocka_unit_test(opens_the_same_file_only),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
