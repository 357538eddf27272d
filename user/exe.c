// SPDX-License-Identifier: GPL-2.0
#include "exe.h"

#include "elffile.h"

#include <string.h>

/* Longer notes than any linker makes: damaged */
#define MAX_NOTES 65536

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

		if (!elf_read(fd, &note, sizeof(note), phdr->p_offset + at))
			return false;
		at += sizeof(note);
		if (note.n_namesz == sizeof(name) &&
		    elf_read(fd, name, sizeof(name), phdr->p_offset + at) &&
		    !memcmp(name, "Go\0", sizeof(name)))
			return true;
		at = (at + note.n_namesz + align - 1) & ~(align - 1);
		at = (at + note.n_descsz + align - 1) & ~(align - 1);
	}
	return false;
}

void exe_read(int fd, struct exe *exe)
{
	Elf64_Phdr phdrs[ELF_HEADERS];
	size_t count = elf_headers(fd, phdrs);

	memset(exe, 0, sizeof(*exe));
	for (size_t i = 0; i < count; i++) {
		if (phdrs[i].p_type == PT_TLS && phdrs[i].p_memsz)
			exe->tls_size = tls_size(&phdrs[i]);
		if (phdrs[i].p_type == PT_NOTE && !exe->go)
			exe->go = has_go_note(fd, &phdrs[i]);
	}
}
