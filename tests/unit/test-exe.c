// SPDX-License-Identifier: GPL-2.0
/*
 * exe.c: what ELF headers tell, whole and damaged ones.
 */
#include "exe.h"
#include "test.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOTES 0x400

/* A file as it is put together */
static char file[0x800];
static size_t size;
static Elf64_Ehdr *const ehdr = (void *)file;

static Elf64_Phdr *segment(size_t i)
{
	return (void *)(file + sizeof(*ehdr) + i * sizeof(Elf64_Phdr));
}

static void begin(uint16_t nr_segments)
{
	memset(file, 0, sizeof(file));
	size = sizeof(file);
	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(Elf64_Phdr);
	ehdr->e_phnum = nr_segments;
}

static struct exe read_it(void)
{
	int fd = memfd_create("exe", MFD_CLOEXEC);
	struct exe exe = { .go = true, .tls_size = 99 };

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file, size), size);
	exe_read(fd, &exe);
	close(fd);
	return exe;
}

static uint64_t tls(uint64_t memsz, uint64_t align, uint64_t vaddr)
{
	begin(2);
	segment(0)->p_type = PT_LOAD;
	*segment(1) = (Elf64_Phdr) {
		.p_type = PT_TLS, .p_memsz = memsz, .p_align = align, .p_vaddr = vaddr,
	};
	return read_it().tls_size;
}

static void size_of_tls(void **state)
{
	assert_int_equal(tls(8, 8, 0x1000), 8);
	assert_int_equal(tls(9, 8, 0x1000), 16);
	assert_int_equal(tls(4, 64, 0x1000), 64);
	assert_int_equal(tls(0x1001, 0x1000, 0x4000), 0x2000);
	assert_int_equal(tls(5, 1, 0x1003), 5);
	assert_int_equal(tls(5, 0, 0x1003), 5);
	assert_int_equal(tls(0, 8, 0x1000), 0);
}

/* The address in the file and that in memory are congruent modulo the alignment */
static void tls_that_begins_unaligned(void **state)
{
	for (uint64_t align = 1; align <= 64; align *= 2) {
		for (uint64_t vaddr = 0x1000; vaddr < 0x1080; vaddr++) {
			for (uint64_t memsz = 1; memsz < 150; memsz += 7) {
				uint64_t got = tls(memsz, align, vaddr);

				assert_true(got >= memsz && got < memsz + align);
				assert_int_equal(-got & (align - 1), vaddr & (align - 1));
			}
		}
	}
	assert_int_equal(tls(16, 32, 0x1010), 16);
	assert_int_equal(tls(20, 32, 0x1010), 48);
	assert_int_equal(tls(4, 64, 0x1030), 16);
}

static void absurd_tls(void **state)
{
	assert_int_equal(tls(8, 24, 0x1000), 0);
	assert_int_equal(tls(UINT64_MAX, 8, 0x1000), 0);
	assert_int_equal(tls(1ULL << 63, 8, 0x1000), 0);
	tls(8, 1ULL << 63, UINT64_MAX);
}

static void put_note(size_t *at, const char *name, uint32_t name_size, uint32_t desc_size)
{
	Elf64_Nhdr note = { .n_namesz = name_size, .n_descsz = desc_size, .n_type = 4 };

	memcpy(file + *at, &note, sizeof(note));
	*at += sizeof(note);
	memcpy(file + *at, name, name_size);
	*at += (name_size + 3) / 4 * 4;
	*at += (desc_size + 3) / 4 * 4;
}

static void add_notes(size_t i, uint64_t at, uint64_t len)
{
	*segment(i) = (Elf64_Phdr) {
		.p_type = PT_NOTE, .p_offset = at, .p_filesz = len, .p_align = 4,
	};
}

static void go_has_a_note(void **state)
{
	size_t at = NOTES;

	begin(2);
	put_note(&at, "GNU", 4, 20);
	add_notes(0, NOTES, at - NOTES);
	assert_false(read_it().go);
	put_note(&at, "CoreOS", 7, 1);
	put_note(&at, "Go\0", 4, 83);
	assert_false(read_it().go);	/* the segment ends before it */
	add_notes(0, NOTES, at - NOTES);
	assert_true(read_it().go);
	segment(0)->p_type = PT_LOAD;
	assert_false(read_it().go);

	/* in the second segment of notes, and with TLS besides */
	begin(3);
	at = NOTES;
	put_note(&at, "GNU", 4, 16);
	add_notes(0, NOTES, at - NOTES);
	add_notes(1, at, 32);
	put_note(&at, "Go\0", 4, 16);
	*segment(2) = (Elf64_Phdr) { .p_type = PT_TLS, .p_memsz = 8, .p_align = 8 };
	assert_true(read_it().go);
	assert_int_equal(read_it().tls_size, 8);
	/* and with others behind it */
	*segment(2) = *segment(0);
	assert_true(read_it().go);

	/* like it, but longer */
	begin(1);
	at = NOTES;
	put_note(&at, "Gob", 4, 4);
	put_note(&at, "Go\0\0", 5, 4);
	add_notes(0, NOTES, at - NOTES);
	assert_false(read_it().go);
}

static void absurd_notes(void **state)
{
	size_t at = NOTES;

	begin(1);
	put_note(&at, "Go\0", 4, 4);
	add_notes(0, UINT64_MAX - 4, UINT64_MAX);
	assert_false(read_it().go);
	add_notes(0, sizeof(file) - 4, 4096);
	assert_false(read_it().go);
	/* sizes that lead far behind */
	((Elf64_Nhdr *)(file + NOTES))->n_namesz = UINT32_MAX;
	((Elf64_Nhdr *)(file + NOTES))->n_descsz = UINT32_MAX;
	add_notes(0, NOTES, UINT64_MAX);
	assert_false(read_it().go);
	/* nothing but empty notes */
	add_notes(0, NOTES + 0x100, UINT64_MAX);
	assert_false(read_it().go);
}

static void is_nothing(void)
{
	struct exe exe = read_it();

	assert_false(exe.go);
	assert_int_equal(exe.tls_size, 0);
}

/* A file with TLS and the note of Go, which would be seen */
static void begin_go(void)
{
	size_t at = NOTES;

	begin(2);
	*segment(0) = (Elf64_Phdr) { .p_type = PT_TLS, .p_memsz = 8, .p_align = 8 };
	put_note(&at, "Go\0", 4, 4);
	add_notes(1, NOTES, at - NOTES);
}

static void not_64_bit_elf(void **state)
{
	begin_go();
	assert_true(read_it().go);
	ehdr->e_ident[EI_CLASS] = ELFCLASS32;
	is_nothing();
	begin_go();
	ehdr->e_ident[1] = 'e';
	is_nothing();
	memcpy(file, "#!/bin/sh\n", 10);
	is_nothing();
	begin_go();
	ehdr->e_phentsize = sizeof(Elf32_Phdr);
	is_nothing();
	begin_go();
	ehdr->e_phnum = 0;
	is_nothing();
}

static void absurd_counts(void **state)
{
	begin_go();
	ehdr->e_phnum = 513;
	is_nothing();
	ehdr->e_phnum = UINT16_MAX;
	is_nothing();
	begin_go();
	ehdr->e_phoff = UINT64_MAX - 8;
	is_nothing();
	ehdr->e_phoff = sizeof(file);
	is_nothing();
	/* the rest of many is not there: what came before counts */
	begin_go();
	ehdr->e_phnum = 512;
	assert_true(read_it().go);
}

static void truncated(void **state)
{
	begin_go();
	for (size = 0; size < sizeof(*ehdr) + sizeof(Elf64_Phdr); size++)
		is_nothing();
	for (; size < NOTES + sizeof(Elf64_Nhdr) + 4; size++) {
		assert_int_equal(read_it().tls_size, 8);
		assert_false(read_it().go);
	}
	assert_true(read_it().go);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_of_tls), cmocka_unit_test(tls_that_begins_unaligned),
		cmocka_unit_test(absurd_tls), cmocka_unit_test(go_has_a_note),
		cmocka_unit_test(absurd_notes), cmocka_unit_test(not_64_bit_elf),
		cmocka_unit_test(absurd_counts), cmocka_unit_test(truncated),
	};

	return cmocka_run_group_tests_name("exe", tests, NULL, NULL);
}
