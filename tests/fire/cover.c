// SPDX-License-Identifier: GPL-2.0
/*
 * What was reached of the module, by KCOV: the kernel notes where the calling
 * thread passes in code that was compiled for that, which of all is only the
 * module's. Kept as offsets into its sections, which are the same each time it is
 * loaded. Without KCOV all of this does nothing.
 */
#include "fire.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define KCOV		"/sys/kernel/debug/kcov"
#define SECTIONS	"/sys/module/pmemctl/sections/"
#define AREA		(1 << 20)	/* places of one request, at most */
#define SECTION_MAX	(1 << 18)

/* A section with code. What was reached is shared by all processes */
struct section {
	char name[32];
	uint64_t start;
	uint64_t size;
	uint8_t *reached;
};

static struct section sections[8];
static unsigned int nr_sections;
static int kcov = -1;
static uint64_t *area;

static void read_sections(const char *path)
{
	static uint8_t image[64 << 20];
	const Elf64_Ehdr *ehdr = (void *)image;
	const Elf64_Shdr *shdr;
	const char *names;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		die("%s", path);
	while ((n = read(fd, image + len, sizeof(image) - len)) > 0)
		len += n;
	close(fd);
	if (n < 0 || len < sizeof(*ehdr) || ehdr->e_shoff + ehdr->e_shnum * sizeof(*shdr) > len)
		die("%s is no module", path);
	shdr = (void *)(image + ehdr->e_shoff);
	names = (void *)(image + shdr[ehdr->e_shstrndx].sh_offset);
	for (int i = 0; i < ehdr->e_shnum; i++) {
		struct section *s = &sections[nr_sections];

		if (!(shdr[i].sh_flags & SHF_EXECINSTR) || !shdr[i].sh_size)
			continue;
		if (nr_sections == ARRAY_SIZE(sections) || shdr[i].sh_size > SECTION_MAX)
			die("%s has more code than was thought of", path);
		snprintf(s->name, sizeof(s->name), "%.31s", names + shdr[i].sh_name);
		s->size = shdr[i].sh_size;
		s->reached = mmap(NULL, SECTION_MAX, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (s->reached == MAP_FAILED)
			die("no memory");
		nr_sections++;
	}
}

/**
 * cover_move - the module was loaded anew: look where it is
 */
void cover_move(void)
{
	for (unsigned int i = 0; i < nr_sections; i++) {
		char path[640], text[32];
		FILE *f;

		sections[i].start = 0;
		snprintf(path, sizeof(path), SECTIONS "%s", sections[i].name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(text, sizeof(text), f))
			sections[i].start = strtoull(text, NULL, 16);
		fclose(f);
	}
}

/**
 * cover_init - get ready, where the kernel has KCOV
 * @module: path of the module's file
 *
 * Called once, before other processes are made: they add to the same.
 */
void cover_init(const char *module)
{
	if (access(KCOV, R_OK))
		return;
	read_sections(module);
	cover_move();
}

/**
 * cover_on - whether anything is gathered
 */
bool cover_on(void)
{
	return nr_sections;
}

static int new_area(uint64_t **where)
{
	int fd = open(KCOV, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, AREA))
		die("%s", KCOV);
	*where = mmap(NULL, AREA * sizeof(**where), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*where == MAP_FAILED)
		die("%s", KCOV);
	return fd;
}

/**
 * cover_lend - an area for another process, which calls cover_enter()
 * @where: set to it, for cover_take() when that process has ended
 *
 * Return: the descriptor; -1 where nothing is gathered.
 */
int cover_lend(uint64_t **where)
{
	return cover_on() ? new_area(where) : -1;
}

/**
 * cover_enter - note from now on where the caller passes
 * @fd: from cover_lend()
 */
void cover_enter(int fd)
{
	if (fd >= 0 && ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		die("KCOV_ENABLE");
}

static unsigned int add(uint64_t pc)
{
	for (unsigned int i = 0; i < nr_sections; i++) {
		struct section *s = &sections[i];

		if (!s->start || pc < s->start || pc - s->start >= s->size)
			continue;
		if (s->reached[pc - s->start])
			return 0;
		s->reached[pc - s->start] = 1;
		return 1;
	}
	return 0;
}

static unsigned int add_area(const uint64_t *from)
{
	uint64_t n = __atomic_load_n(&from[0], __ATOMIC_RELAXED);
	unsigned int new = 0;

	if (n > AREA - 1)
		n = AREA - 1;
	for (uint64_t i = 1; i <= n; i++)
		new += add(from[i]);
	return new;
}

/**
 * cover_take - what a process that was lent an area has reached since it was asked last
 * @where: the area
 */
void cover_take(uint64_t *where)
{
	add_area(where);
	__atomic_store_n(&where[0], 0, __ATOMIC_RELAXED);
}

/**
 * cover_return - the same, and give the area back
 * @fd: from cover_lend()
 * @where: the area; NULL: there was none
 */
void cover_return(int fd, uint64_t *where)
{
	if (!where)
		return;
	cover_take(where);
	munmap(where, AREA * sizeof(*where));
	close(fd);
}

/**
 * cover_prepare - an area for the calling process, or a child of it
 *
 * For one that will not be allowed to open it later.
 */
void cover_prepare(void)
{
	if (cover_on())
		kcov = new_area(&area);
}

/**
 * cover_begin - note from now on where the calling thread passes
 *
 * The first call needs an area that no other process uses.
 */
void cover_begin(void)
{
	static pid_t owner;

	if (!cover_on())
		return;
	if (owner != getpid()) {
		owner = getpid();
		cover_enter(kcov);
	}
	__atomic_store_n(&area[0], 0, __ATOMIC_RELAXED);
}

/**
 * cover_end - add what was passed since cover_begin()
 *
 * Return: how many places are new.
 */
unsigned int cover_end(void)
{
	return cover_on() ? add_area(area) : 0;
}

/**
 * cover_reached - how many places were reached in all
 */
unsigned int cover_reached(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr_sections; i++)
		for (uint64_t at = 0; at < sections[i].size; at++)
			n += sections[i].reached[at];
	return n;
}

/**
 * cover_save - add a line for each place to a file: section and offset
 * @path: the file; NULL: nowhere
 */
void cover_save(const char *path)
{
	FILE *f;

	if (!path || !cover_on())
		return;
	f = fopen(path, "ae");
	if (!f)
		die("%s", path);
	for (unsigned int i = 0; i < nr_sections; i++)
		for (uint64_t at = 0; at < sections[i].size; at++)
			if (sections[i].reached[at])
				fprintf(f, "%s %#llx\n", sections[i].name,
					(unsigned long long)at);
	if (fclose(f))
		die("%s", path);
}
