// SPDX-License-Identifier: GPL-2.0
#include "exe.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* More program headers, or longer notes, than any linker makes: damaged */
#define MAX_HEADERS 512
#define MAX_NOTES 65536

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, to, size, offset) == (ssize_t)size;
}

/*
 * The linker counts from the thread pointer down to the executable's TLS, on
 * x86-64 the one that lies directly below it: to an address that is congruent,
 * modulo the alignment, to the one that the segment was given in the file.
 */
static uint64_t tls_size(const Elf64_Phdr *phdr)
{
	uint64_t align = phdr->p_align > 1 ? phdr->p_align : 1;
	uint64_t first = -phdr->p_vaddr & (align - 1);

	if (align & (align - 1) || phdr->p_memsz > INT64_MAX)
		return 0;
	return ((phdr->p_memsz - first + align - 1) & ~(align - 1)) + first;
}

static bool has_go_note(int fd, const Elf64_Phdr *phdr)
{
	uint64_t at = 0, size = phdr->p_filesz < MAX_NOTES ? phdr->p_filesz : MAX_NOTES;
	uint64_t align = phdr->p_align == 8 ? 8 : 4;

	while (at + sizeof(Elf64_Nhdr) <= size) {
		Elf64_Nhdr note;
		char name[4];

		if (!read_at(fd, &note, sizeof(note), phdr->p_offset + at))
			return false;
		at += sizeof(note);
		if (note.n_namesz == sizeof(name) &&
		    read_at(fd, name, sizeof(name), phdr->p_offset + at) &&
		    !memcmp(name, "Go\0", sizeof(name)))
			return true;
		at = (at + note.n_namesz + align - 1) & ~(align - 1);
		at = (at + note.n_descsz + align - 1) & ~(align - 1);
	}
	return false;
}

void exe_read(int fd, struct exe *exe)
{
	Elf64_Ehdr ehdr;

	memset(exe, 0, sizeof(*exe));
	if (!read_at(fd, &ehdr, sizeof(ehdr), 0) || memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_phentsize != sizeof(Elf64_Phdr) ||
	    ehdr.e_phnum > MAX_HEADERS)
		return;
	for (size_t i = 0; i < ehdr.e_phnum; i++) {
		Elf64_Phdr phdr;

		if (!read_at(fd, &phdr, sizeof(phdr), ehdr.e_phoff + i * sizeof(phdr)))
			return;
		if (phdr.p_type == PT_TLS && phdr.p_memsz)
			exe->tls_size = tls_size(&phdr);
		if (phdr.p_type == PT_NOTE && !exe->go)
			exe->go = has_go_note(fd, &phdr);
	}
}
