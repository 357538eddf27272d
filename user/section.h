/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where in an object file a byte of a mapping lies: the section, and the symbol
 * it belongs to.
 */
#ifndef SECTION_H
#define SECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/pmemctl.h>

/**
 * struct section - a place in an object file
 * @elf: it is a 64-bit ELF file
 * @name: of the section; "": in none, or the file does not say
 * @symbol: the nearest symbol at or below whose size reaches there; in code also
 *	one without a size; "": none
 * @symbol_offset: bytes from there
 */
struct section {
	bool elf;
	char name[64];
	char symbol[192];
	uint64_t symbol_offset;
};

/**
 * section_find() - look up a byte of the file
 * @fd: the file, open for reading
 * @offset: of the byte in the file
 * @section: filled in
 *
 * Files may be damaged or made to deceive: what does not fit is not told.
 */
void section_find(int fd, uint64_t offset, struct section *section);

/**
 * section_find_bss() - look up an address behind the end of what is in the file
 * @fd: the file, open for reading
 * @vma: a VMA of it, of the segment that the address belongs to
 * @addr: the address
 * @section: filled in
 *
 * Return: whether the address is in the part of the segment that is not in the
 * file but begins as 0.
 */
bool section_find_bss(int fd, const struct pmemctl_vma *vma, uint64_t addr,
		      struct section *section);

/**
 * section_open() - open a file that a process has mapped
 * @pid: the process
 * @vma: where it is mapped
 * @object: the file
 * @path: its path, without the words of the kernel's
 *
 * Tried are the file itself, which takes CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE,
 * and its path, here and in the process' root; a file of another device or
 * inode is not taken.
 *
 * Return: a descriptor that the caller closes, or -1.
 */
int section_open(uint32_t pid, const struct pmemctl_vma *vma,
		 const struct pmemctl_object *object, const char *path);

#endif
