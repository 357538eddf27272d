// SPDX-License-Identifier: GPL-2.0
#include "images.h"

#include "picture.h"
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Addresses that no program header of a mapped file can have */
#define TOO_HIGH (1ULL << 47)

/* Files may be made to say that their bss is all there is: uses for each VMA */
#define USES_MAX 8

static bool same_file(const struct model *model, uint32_t a, uint32_t b)
{
	const struct pmemctl_object *x = model_object(model, a), *y = model_object(model, b);

	return a == b || (x && y && x->flags & y->flags & PMEMCTL_OBJECT_FILE &&
			  x->ino == y->ino && x->dev_major == y->dev_major &&
			  x->dev_minor == y->dev_minor);
}

/* Headers come from a file: sums of what they hold shall not overflow */
static bool is_load(const Elf64_Phdr *phdr)
{
	return phdr->p_type == PT_LOAD && phdr->p_memsz && phdr->p_vaddr < TOO_HIGH &&
	       phdr->p_memsz < TOO_HIGH && phdr->p_filesz <= phdr->p_memsz &&
	       phdr->p_offset < TOO_HIGH;
}

/* The code of which the VMA is the beginning */
static const Elf64_Phdr *code_of(const struct pmemctl_vma *vma, const Elf64_Phdr *phdrs,
				 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_load(&phdrs[i]) && phdrs[i].p_flags & PF_X &&
		    page_down(phdrs[i].p_offset) == vma->offset)
			return &phdrs[i];
	}
	return NULL;
}

/* Whether a segment's first and last page of the file are where it says */
static bool is_mapped(const struct model *model, uint32_t file, const Elf64_Phdr *phdr,
		      uint64_t bias)
{
	uint64_t ends[] = { bias + phdr->p_vaddr, bias + phdr->p_vaddr + phdr->p_filesz - 1 };
	uint64_t offsets[] = { phdr->p_offset, phdr->p_offset + phdr->p_filesz - 1 };

	for (size_t i = 0; i < 2 && phdr->p_filesz; i++) {
		const struct pmemctl_vma *vma = model_vma(model, ends[i]);

		if (!vma || !vma->file || !same_file(model, vma->file, file) ||
		    vma->offset + (ends[i] - vma->start) != offsets[i])
			return false;
	}
	return true;
}

bool image_place(const struct model *model, const struct pmemctl_vma *vma,
		 const Elf64_Phdr *phdrs, size_t count, struct image *image)
{
	const Elf64_Phdr *code = code_of(vma, phdrs, count);
	uint64_t above = 0;

	if (!code)
		return false;
	image->bias = vma->start - page_down(code->p_vaddr);
	image->low = vma->start;
	image->high = vma->end;
	for (size_t i = 0; i < count; i++) {
		uint64_t start = image->bias + phdrs[i].p_vaddr;

		if (phdrs[i].p_type != PT_LOAD || !phdrs[i].p_memsz)
			continue;
		/* they ascend, and none lies in another */
		if (!is_load(&phdrs[i]) || phdrs[i].p_vaddr < above ||
		    !is_mapped(model, vma->file, &phdrs[i], image->bias))
			return false;
		above = phdrs[i].p_vaddr + phdrs[i].p_memsz;
		if (start < image->low)
			image->low = page_down(start);
		if (start + phdrs[i].p_memsz > image->high)
			image->high = page_up(start + phdrs[i].p_memsz);
	}
	return true;
}

/* One use of the pieces of VMAs in a range: of the file's, or of anonymous ones */
static int add_pieces(struct model *model, const struct range *range, bool of_file,
		      const struct use *use)
{
	const struct pmemctl_vma *vma = model_vma(model, range->start);
	const struct pmemctl_vma *end = model->vmas + model->nr_vmas;
	uint64_t at = range->start;
	int ret = 0;

	for (; vma && vma < end && vma->start <= at && at < range->end && !ret; vma++) {
		struct use piece = *use;

		piece.start = at;
		piece.end = at = vma->end < range->end ? vma->end : range->end;
		if (!vma->file == of_file ||
		    vma->flags & (PMEMCTL_VMA_MAYSHARE | PMEMCTL_VMA_HUGETLB) ||
		    model->witness.uses.count > USES_MAX * (model->nr_vmas + 512))
			break;
		ret = use_add(&model->witness.uses, &piece);
	}
	return ret;
}

/* What a segment has beyond its file: to the end of a page of that, and further */
static int add_bss(struct model *model, const struct image *image, const Elf64_Phdr *phdr,
		   uint64_t relro, bool of_exe)
{
	uint64_t start = image->bias + phdr->p_vaddr;
	struct range bss = { start + phdr->p_filesz, page_up(start + phdr->p_memsz) };
	struct use use = {
		.kind = of_exe ? KIND_BSS : KIND_LIBRARY_BSS,
		.why = of_exe ? "from p_filesz to p_memsz of a segment of mm->exe_file" :
		       "from p_filesz to p_memsz of a segment of the library below it",
	};
	struct range tail;
	int ret;

	if (!(phdr->p_flags & PF_W) || phdr->p_filesz == phdr->p_memsz)
		return 0;
	if (bss.start < relro)	/* padding, up to where it can be protected */
		bss.start = relro;
	if (bss.start >= bss.end)
		return 0;
	tail = (struct range) { bss.start, page_up(bss.start) };
	if (tail.end > bss.end)
		tail.end = bss.end;
	bss.start = tail.end;
	ret = add_pieces(model, &tail, true, &use);
	return ret ? ret : add_pieces(model, &bss, false, &use);
}

static const char *segment_why(const Elf64_Phdr *phdr)
{
	if (phdr->p_flags & PF_X)
		return "text: executable segment of a file that is not mm->exe_file";
	if (phdr->p_flags & PF_W)
		return "data: writable segment of a file of which code is mapped";
	return "rodata: read-only segment of a file of which code is mapped";
}

/* The file part of a segment, of which the beginning may be relro */
static int add_segment(struct model *model, const struct image *image, const Elf64_Phdr *phdr,
		       uint64_t relro)
{
	uint64_t start = image->bias + phdr->p_vaddr;
	struct range file = { page_down(start), start + phdr->p_filesz };
	struct use use = { .kind = KIND_LIBRARY };
	int ret = 0;

	if (!phdr->p_filesz)
		return 0;
	/* where nothing else follows in the page, the rest of it is no use of its own */
	if (!(phdr->p_flags & PF_W) || phdr->p_filesz == phdr->p_memsz)
		file.end = page_up(file.end);
	if (phdr->p_flags & PF_W && file.start < relro) {
		struct range first = { file.start, relro < file.end ? relro : file.end };

		use.why = "relro: in PT_GNU_RELRO of a file of which code is mapped";
		ret = add_pieces(model, &first, true, &use);
		file.start = first.end;
	}
	use.why = segment_why(phdr);
	return ret || file.start >= file.end ? ret : add_pieces(model, &file, true, &use);
}

/* Where what is protected after relocation ends; 0: nothing is */
static uint64_t relro_end(const struct image *image, const Elf64_Phdr *phdrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (phdrs[i].p_type == PT_GNU_RELRO && phdrs[i].p_vaddr < TOO_HIGH &&
		    phdrs[i].p_memsz < TOO_HIGH)
			return page_down(image->bias + phdrs[i].p_vaddr + phdrs[i].p_memsz);
	}
	return 0;
}

static int add_image(struct model *model, const struct image *image, const Elf64_Phdr *phdrs,
		     size_t count, bool of_exe)
{
	uint64_t relro = relro_end(image, phdrs, count);
	int ret = 0;

	for (size_t i = 0; i < count && !ret; i++) {
		if (phdrs[i].p_type != PT_LOAD || !phdrs[i].p_memsz)
			continue;
		if (!of_exe)
			ret = add_segment(model, image, &phdrs[i], relro);
		if (!ret)
			ret = add_bss(model, image, &phdrs[i], relro, of_exe);
	}
	return ret;
}

/* A regular file at a path of a process. Others may do anything when opened */
static int open_regular(const struct model *model, uint32_t tid, const char *name,
			struct stat *stat)
{
	int found = proc_find(model->pid, tid, name), fd = -1;
	char path[32];

	if (found < 0)
		return -1;
	if (!fstat(found, stat) && S_ISREG(stat->st_mode)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	close(found);
	return fd;
}

int images_open(const struct model *model, const struct pmemctl_vma *vma, uint32_t tid)
{
	const struct pmemctl_object *object = model_object(model, vma->file);
	const char *path = model_name(model, vma->file);
	struct stat stat;
	char *name;
	int fd;

	if (asprintf(&name, "map_files/%llx-%llx", vma->start, vma->end) < 0)
		return -1;
	fd = open_regular(model, 0, name, &stat);
	free(name);
	if (fd >= 0 && stat.st_ino == object->ino)
		return fd;
	if (fd >= 0)
		close(fd);
	if (!path || path[0] != '/' || asprintf(&name, "root%s", path) < 0)
		return -1;
	fd = open_regular(model, tid, name, &stat);
	free(name);
	if (fd < 0 || (stat.st_ino == object->ino &&
		       major(stat.st_dev) == object->dev_major &&
		       minor(stat.st_dev) == object->dev_minor))
		return fd;
	close(fd);
	return -1;
}

/* Code, by the file that it is of */
static int by_file(const void *a, const void *b, void *data)
{
	const struct pmemctl_vma *x = *(struct pmemctl_vma *const *)a;
	const struct pmemctl_vma *y = *(struct pmemctl_vma *const *)b;
	const struct pmemctl_object *f = model_object(data, x->file);
	const struct pmemctl_object *g = model_object(data, y->file);

	if (f->dev_major != g->dev_major)
		return f->dev_major < g->dev_major ? -1 : 1;
	if (f->dev_minor != g->dev_minor)
		return f->dev_minor < g->dev_minor ? -1 : 1;
	if (f->ino != g->ino)
		return f->ino < g->ino ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Wherever the code of one file is mapped */
static int collect_file(struct model *model, const struct pmemctl_vma **code, size_t nr_code,
			uint32_t tid)
{
	bool of_exe = same_file(model, code[0]->file, model->mm[PMEMCTL_MM_EXE]);
	uint64_t start_code = model->mm[PMEMCTL_MM_START_CODE];
	int fd = images_open(model, code[0], tid), ret = 0;
	Elf64_Phdr phdrs[ELF_HEADERS];
	struct image image;
	uint64_t above = 0;
	size_t count;

	if (fd < 0)
		return 0;
	count = elf_headers(fd, phdrs);
	close(fd);
	for (size_t i = 0; i < nr_code && count && !ret; i++) {
		if (!image_place(model, code[i], phdrs, count, &image) || image.low < above)
			continue;
		above = image.high;
		/* the executable may be mapped again: that is a file like any other */
		if (of_exe && !(image.low <= start_code && start_code < image.high))
			continue;
		ret = add_image(model, &image, phdrs, count, of_exe);
		model->witness.image_placed |= of_exe;
	}
	return ret;
}

int images_collect(struct model *model, uint32_t tid)
{
	const struct pmemctl_vma **code = calloc(model->nr_vmas + 1, sizeof(*code));
	size_t n = 0;
	int ret = 0;

	if (!code)
		return -ENOMEM;
	for (size_t i = 0; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];

		if (vma->file && vma->flags & PMEMCTL_VMA_EXEC &&
		    !(vma->flags & (PMEMCTL_VMA_IO | PMEMCTL_VMA_PFNMAP)))
			code[n++] = vma;
	}
	qsort_r(code, n, sizeof(*code), by_file, model);
	for (size_t i = 0, end; i < n && !ret; i = end) {
		for (end = i + 1; end < n && same_file(model, code[i]->file, code[end]->file);)
			end++;
		ret = collect_file(model, code + i, end - i, tid);
	}
	free(code);
	use_sort(&model->witness.uses);
	return ret;
}
