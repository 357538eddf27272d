// SPDX-License-Identifier: GPL-2.0
#include "elffile.h"

#include <string.h>
#include <unistd.h>

bool elf_read(int fd, void *to, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, to, size, offset) == (ssize_t)size;
}

size_t elf_headers(int fd, Elf64_Phdr *phdrs)
{
	Elf64_Ehdr ehdr;
	size_t n = 0;

	if (!elf_read(fd, &ehdr, sizeof(ehdr), 0) || memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_phentsize != sizeof(*phdrs) ||
	    ehdr.e_phnum > ELF_HEADERS)
		return 0;
	while (n < ehdr.e_phnum &&
	       elf_read(fd, &phdrs[n], sizeof(*phdrs), ehdr.e_phoff + n * sizeof(*phdrs)))
		n++;
	return n;
}
