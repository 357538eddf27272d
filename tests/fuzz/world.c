// SPDX-License-Identifier: GPL-2.0
#include "world.h"

#include "input.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096ULL

struct world world;
static unsigned char memory[WORLD_PAGES][PAGE];

/* Put in for those of the C library by the linker, see the Makefile */
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset);
ssize_t __real_pread(int fd, void *to, size_t size, off_t offset);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __real_read(int fd, void *to, size_t size);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __real_close(int fd);
int __wrap_fstat(int fd, struct stat *stat);
int __real_fstat(int fd, struct stat *stat);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
FILE *__real_fdopen(int fd, const char *mode);

void world_reset(void)
{
	memset(&world, 0, sizeof(world));
}

unsigned char *world_page(uint64_t addr)
{
	unsigned char *data;

	/* there is no user's memory near the end of all addresses */
	if (world.nr_runs == WORLD_PAGES || addr + PAGE < addr ||
	    (world.nr_runs && addr < world.runs[world.nr_runs - 1].end))
		return NULL;
	data = memory[world.nr_runs];
	world.runs[world.nr_runs++] = (struct world_run) {
		.start = addr, .end = addr + PAGE, .entry = ENTRY_PRESENT | ENTRY_EXCLUSIVE,
		.data = data,
	};
	return memset(data, 0, PAGE);
}

const struct world_run *world_run_at(uint64_t addr)
{
	for (size_t i = 0; i < world.nr_runs; i++) {
		if (addr >= world.runs[i].start && addr < world.runs[i].end)
			return &world.runs[i];
	}
	return NULL;
}

static ssize_t read_entries(uint64_t *to, size_t size, uint64_t offset)
{
	size_t n = size / sizeof(*to);

	must(offset % sizeof(*to) == 0);
	if (world.piece && n > world.piece)
		n = world.piece;
	for (size_t i = 0; i < n; i++) {
		const struct world_run *run =
			world_run_at((offset / sizeof(*to) + i) * PAGE);

		to[i] = run ? run->entry : 0;
	}
	return n * sizeof(*to);
}

/* What a target's program did not touch is never read: that would bring it in */
static ssize_t read_memory(char *to, size_t size, uint64_t addr)
{
	must(addr <= INT64_MAX);
	for (size_t done = 0, len; done < size; done += len) {
		const struct world_run *run = world_run_at(addr + done);
		size_t into = (addr + done) % PAGE;

		must(run && run->entry & ENTRY_PRESENT);
		len = size - done < PAGE - into ? size - done : PAGE - into;
		if (run->data)
			memcpy(to + done, run->data + into, len);
		else
			memset(to + done, 0, len);
	}
	return size;
}

static ssize_t read_file(void *to, size_t size, uint64_t offset)
{
	size_t left = offset < world.file_size ? world.file_size - offset : 0;

	if (size > left)
		size = left;
	if (size)
		memcpy(to, (const char *)world.file + offset, size);
	return size;
}

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset)
{
	if (fd < WORLD_PAGEMAP)
		return __real_pread(fd, to, size, offset);
	world.calls++;
	if (offset < 0) {
		errno = EINVAL;
		return -1;
	}
	switch (fd) {
	case WORLD_PAGEMAP:
		return read_entries(to, size, offset);
	case WORLD_MEM:
		return read_memory(to, size, offset);
	default:
		return read_file(to, size, offset);
	}
}

ssize_t __wrap_read(int fd, void *to, size_t size)
{
	ssize_t got;

	if (fd < WORLD_PAGEMAP)
		return __real_read(fd, to, size);
	world.calls++;
	if (world.piece && size > world.piece)
		size = world.piece;
	got = read_file(to, size, world.at);
	world.at += got;
	return got;
}

static uint64_t categories(const struct world_run *run)
{
	uint64_t is = 0;

	if (run->entry & ENTRY_FILE)
		is |= IS_FILE;
	if (run->entry & ENTRY_PRESENT)
		is |= IS_PRESENT;
	if (run->entry & (ENTRY_SWAPPED | ENTRY_GUARD))
		is |= IS_SWAPPED;
	if (run->entry & ENTRY_GUARD)
		is |= IS_GUARD;
	if (run->zero && !(run->huge && world.hides_huge_zero))
		is |= IS_ZERO;
	if (run->huge)
		is |= IS_HUGE;
	return is;
}

/* A run that is wanted, as one region or as the rest of the last one */
static bool put_region(struct scan *scan, uint64_t *n, uint64_t start, uint64_t end,
		       uint64_t is)
{
	struct scan_region *regions = (void *)(uintptr_t)scan->vec;
	struct scan_region *last = *n ? &regions[*n - 1] : NULL;

	if (last && last->end == start && last->categories == is) {
		last->end = end;
		return true;
	}
	if (*n == scan->vec_len)
		return false;
	regions[(*n)++] = (struct scan_region) { start, end, is };
	return true;
}

static int scan_pages(struct scan *scan)
{
	uint64_t stop = scan->end, n = 0;

	must(scan->size == sizeof(*scan) && scan->start < scan->end);
	must(scan->start % PAGE == 0);
	if (world.scan == SCAN_NONE ||
	    (world.scan == SCAN_NO_GUARD &&
	     (scan->return_mask | scan->category_anyof_mask) & IS_GUARD)) {
		errno = world.scan == SCAN_NONE ? ENOTTY : EINVAL;
		return -1;
	}
	/* the kernel may stop anywhere */
	if (world.piece && stop - scan->start > world.piece * PAGE)
		stop = scan->start + world.piece * PAGE;
	scan->walk_end = stop;
	for (size_t i = 0; i < world.nr_runs; i++) {
		const struct world_run *run = &world.runs[i];
		uint64_t start = run->start > scan->start ? run->start : scan->start;
		uint64_t end = run->end < stop ? run->end : stop;

		if (start >= end || !(categories(run) & scan->category_anyof_mask))
			continue;
		if (!put_region(scan, &n, start, end, categories(run) & scan->return_mask)) {
			scan->walk_end = start;
			break;
		}
	}
	return n;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd < WORLD_PAGEMAP)
		return __real_ioctl(fd, request, arg);
	world.calls++;
	must(fd == WORLD_PAGEMAP && request == SCAN);
	return scan_pages(arg);
}

/* All of /proc is one file while there is one */
static bool is_ours(const char *path)
{
	return world.file && !strncmp(path, "/proc/", 6);
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	if (is_ours(path)) {
		world.at = 0;
		return WORLD_FILE;
	}
	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	return __real_open(path, flags, mode);
}

int __wrap_close(int fd)
{
	return fd < WORLD_PAGEMAP ? __real_close(fd) : 0;
}

int __wrap_fstat(int fd, struct stat *stat)
{
	if (fd < WORLD_PAGEMAP)
		return __real_fstat(fd, stat);
	memset(stat, 0, sizeof(*stat));
	stat->st_mode = S_IFREG | 0755;
	stat->st_ino = 11;
	stat->st_size = world.file_size;
	return 0;
}

/* An empty buffer is an error, an empty file is none */
static FILE *open_file(void)
{
	return world.file_size ? fmemopen((void *)world.file, world.file_size, "r") :
	       __real_fopen("/dev/null", "r");
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return is_ours(path) ? open_file() : __real_fopen(path, mode);
}

FILE *__wrap_fdopen(int fd, const char *mode)
{
	return fd < WORLD_PAGEMAP ? __real_fdopen(fd, mode) : open_file();
}
