// SPDX-License-Identifier: GPL-2.0
#include "section.h"

#include "pagemap.h"
#include "pmemctl.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* More than any linker makes: damaged */
#define MAX_SEGMENTS 512
#define MAX_SECTIONS 65536
#define MAX_SYMBOLS (8ULL << 20)

/* A file, its sections read */
struct elf {
	int fd;
	Elf64_Ehdr ehdr;
	Elf64_Shdr *sections;
	size_t nr_sections;
	uint64_t budget;	/* of symbols, in all tables together */
};

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, to, size, offset) == (ssize_t)size;
}

/* What can be read of a string, terminated: it may end with the file */
static void read_string(int fd, char *to, size_t size, uint64_t offset)
{
	ssize_t got = offset <= INT64_MAX ? pread(fd, to, size - 1, offset) : 0;

	to[got > 0 ? got : 0] = 0;
}

/* Many sections: their number is in the first one */
static size_t count_sections(struct elf *elf)
{
	Elf64_Shdr first;

	if (elf->ehdr.e_shentsize != sizeof(first) || !elf->ehdr.e_shoff)
		return 0;
	if (elf->ehdr.e_shnum)
		return elf->ehdr.e_shnum;
	if (!read_at(elf->fd, &first, sizeof(first), elf->ehdr.e_shoff) ||
	    first.sh_size > MAX_SECTIONS)
		return 0;
	return first.sh_size;
}

static bool open_elf(struct elf *elf, int fd)
{
	size_t n;

	*elf = (struct elf) { .fd = fd, .budget = MAX_SYMBOLS };
	if (!read_at(fd, &elf->ehdr, sizeof(elf->ehdr), 0) ||
	    memcmp(elf->ehdr.e_ident, ELFMAG, SELFMAG) ||
	    elf->ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf->ehdr.e_ident[EI_DATA] != ELFDATA2LSB)
		return false;
	n = count_sections(elf);
	elf->sections = calloc(n + 1, sizeof(*elf->sections));
	if (elf->sections && read_at(fd, elf->sections, n * sizeof(*elf->sections),
				     elf->ehdr.e_shoff))
		elf->nr_sections = n;
	return true;
}

static void name_section(const struct elf *elf, const Elf64_Shdr *shdr, struct section *section)
{
	uint32_t index = elf->ehdr.e_shstrndx;

	if (index == SHN_XINDEX)
		index = elf->sections[0].sh_link;
	if (index >= elf->nr_sections || shdr->sh_name >= elf->sections[index].sh_size)
		return;
	read_string(elf->fd, section->name, sizeof(section->name),
		    elf->sections[index].sh_offset + shdr->sh_name);
}

/* The best symbol so far */
struct nearest {
	uint64_t value;
	uint32_t name;
	const Elf64_Shdr *strings;
	char text[sizeof(((struct section *)0)->symbol)];
	bool global;
};

/* Of several names of one place that which programs use */
static bool is_better(const struct nearest *best, uint64_t value, bool global, const char *text)
{
	if (!best->strings || value != best->value)
		return !best->strings || value > best->value;
	if (global != best->global)
		return global;
	if ((*text == '_') != (*best->text == '_'))
		return *best->text == '_';
	return strlen(text) < strlen(best->text);
}

static bool is_named(const struct elf *elf, const Elf64_Sym *sym, uint64_t addr, size_t index)
{
	bool code = elf->sections[index].sh_flags & SHF_EXECINSTR;
	unsigned int type = ELF64_ST_TYPE(sym->st_info);

	if (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE &&
	    type != STT_GNU_IFUNC)
		return false;
	if (!sym->st_name || sym->st_shndx != index || sym->st_value > addr)
		return false;
	/* only what was written in assembly has no size; among data that is mere marks */
	return sym->st_size ? addr - sym->st_value < sym->st_size : code;
}

static void take_symbol(const struct elf *elf, const Elf64_Shdr *strings, const Elf64_Sym *sym,
			struct nearest *best)
{
	bool global = ELF64_ST_BIND(sym->st_info) != STB_LOCAL;
	char text[sizeof(best->text)];

	if (sym->st_name >= strings->sh_size || (best->strings && sym->st_value < best->value))
		return;
	read_string(elf->fd, text, sizeof(text), strings->sh_offset + sym->st_name);
	if (!*text || !is_better(best, sym->st_value, global, text))
		return;
	*best = (struct nearest) { sym->st_value, sym->st_name, strings, "", global };
	strcpy(best->text, text);
}

static void search_table(struct elf *elf, const Elf64_Shdr *table, uint64_t addr,
			 size_t index, struct nearest *best)
{
	uint64_t count = table->sh_size / sizeof(Elf64_Sym);
	const Elf64_Shdr *strings;
	Elf64_Sym syms[1024];

	if (table->sh_entsize != sizeof(*syms) || table->sh_link >= elf->nr_sections)
		return;
	strings = &elf->sections[table->sh_link];
	if (count > elf->budget)
		count = elf->budget;
	elf->budget -= count;
	for (uint64_t at = 0; at < count; at += ARRAY_SIZE(syms)) {
		size_t n = count - at < ARRAY_SIZE(syms) ? count - at : ARRAY_SIZE(syms);

		if (!read_at(elf->fd, syms, n * sizeof(*syms),
			     table->sh_offset + at * sizeof(*syms)))
			return;
		for (size_t i = 0; i < n; i++) {
			if (is_named(elf, &syms[i], addr, index))
				take_symbol(elf, strings, &syms[i], best);
		}
	}
}

/* What there is in section @index at @addr, as the linker counts */
static void find_symbol(struct elf *elf, size_t index, uint64_t addr,
			struct section *section)
{
	struct nearest best = { 0 };

	for (size_t i = 0; i < elf->nr_sections; i++) {
		uint32_t type = elf->sections[i].sh_type;

		if (type == SHT_SYMTAB || type == SHT_DYNSYM)
			search_table(elf, &elf->sections[i], addr, index, &best);
	}
	if (!best.strings)
		return;
	strcpy(section->symbol, best.text);
	section->symbol_offset = addr - best.value;
}

static void take_section(struct elf *elf, size_t index, uint64_t addr,
			 struct section *section)
{
	name_section(elf, &elf->sections[index], section);
	find_symbol(elf, index, addr, section);
}

void section_find(int fd, uint64_t offset, struct section *section)
{
	struct elf elf;

	memset(section, 0, sizeof(*section));
	section->elf = open_elf(&elf, fd);
	for (size_t i = 0; i < elf.nr_sections; i++) {
		const Elf64_Shdr *shdr = &elf.sections[i];

		if (!(shdr->sh_flags & SHF_ALLOC) || shdr->sh_type == SHT_NOBITS ||
		    offset < shdr->sh_offset || offset - shdr->sh_offset >= shdr->sh_size)
			continue;
		take_section(&elf, i, shdr->sh_addr + (offset - shdr->sh_offset), section);
		break;
	}
	free(elf.sections);
}

/* The segment that a writable VMA was made from */
static bool find_segment(const struct elf *elf, const struct pmemctl_vma *vma, Elf64_Phdr *phdr)
{
	if (elf->ehdr.e_phentsize != sizeof(*phdr) || elf->ehdr.e_phnum > MAX_SEGMENTS)
		return false;
	for (size_t i = 0; i < elf->ehdr.e_phnum; i++) {
		if (!read_at(elf->fd, phdr, sizeof(*phdr), elf->ehdr.e_phoff + i * sizeof(*phdr)))
			return false;
		if (phdr->p_type == PT_LOAD &&
		    phdr->p_memsz > phdr->p_filesz && phdr->p_filesz <= INT64_MAX &&
		    vma->offset >= page_down(phdr->p_offset) &&
		    vma->offset < page_up(phdr->p_offset + phdr->p_filesz))
			return true;
	}
	return false;
}

bool section_find_bss(int fd, const struct pmemctl_vma *vma, uint64_t addr,
		      struct section *section)
{
	bool found = false;
	Elf64_Phdr phdr;
	struct elf elf;

	memset(section, 0, sizeof(*section));
	section->elf = open_elf(&elf, fd);
	if (section->elf && find_segment(&elf, vma, &phdr)) {
		/* as the linker counts */
		addr = addr - vma->start + vma->offset - phdr.p_offset + phdr.p_vaddr;
		found = addr - phdr.p_vaddr >= phdr.p_filesz &&
			addr - phdr.p_vaddr < phdr.p_memsz;
	}
	for (size_t i = 0; found && i < elf.nr_sections; i++) {
		const Elf64_Shdr *shdr = &elf.sections[i];

		/* thread-local sections take no place */
		if (shdr->sh_type != SHT_NOBITS || shdr->sh_flags & SHF_TLS ||
		    addr < shdr->sh_addr || addr - shdr->sh_addr >= shdr->sh_size)
			continue;
		take_section(&elf, i, addr, section);
		break;
	}
	free(elf.sections);
	return found;
}

/*
 * A path may by now be a pipe or a device, which to open would have effects; and who
 * has a lease on the file may keep others waiting.
 */
static int open_same(const char *path, const struct pmemctl_object *object)
{
	int fd, place = open(path, O_PATH | O_CLOEXEC);
	struct stat stat;
	char link[40];

	if (place < 0)
		return -1;
	/* the device of some file systems is none: there stat() tells another one */
	if (fstat(place, &stat) || !S_ISREG(stat.st_mode) || stat.st_ino != object->ino ||
	    (object->dev_major &&
	     stat.st_dev != makedev(object->dev_major, object->dev_minor))) {
		close(place);
		return -1;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	close(place);
	return fd;
}

int section_open(uint32_t pid, const struct pmemctl_vma *vma,
		 const struct pmemctl_object *object, const char *path)
{
	char *other, link[96];
	int fd;

	snprintf(link, sizeof(link), "/proc/%u/map_files/%llx-%llx", pid, vma->start, vma->end);
	fd = open_same(link, object);
	if (fd >= 0 || !path || *path != '/')
		return fd;
	fd = open_same(path, object);
	if (fd >= 0 || asprintf(&other, "/proc/%u/root%s", pid, path) < 0)
		return fd;
	fd = open_same(other, object);
	free(other);
	return fd;
}
