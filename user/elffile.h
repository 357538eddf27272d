/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program headers of an ELF file.
 */
#ifndef ELFFILE_H
#define ELFFILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More program headers than any linker makes: damaged */
#define ELF_HEADERS 512

/**
 * elf_read() - read bytes of a file
 * @fd: the file, open for reading
 * @to: filled in
 * @size: how many
 * @offset: where
 *
 * Return: whether all were there.
 */
bool elf_read(int fd, void *to, size_t size, uint64_t offset);

/**
 * elf_headers() - read the program headers
 * @fd: the file, open for reading
 * @phdrs: room for ELF_HEADERS of them
 *
 * Return: how many there are; 0 if it is no 64-bit ELF file. Those before the end
 * of a file that was cut count.
 */
size_t elf_headers(int fd, Elf64_Phdr *phdrs);

#endif
