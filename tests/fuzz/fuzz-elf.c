// SPDX-License-Identifier: GPL-2.0
/*
 * ELF files that deceive: elffile.c, exe.c, section.c, images.c. What is told of them
 * is in the file and of the size it may have, and takes a bounded number of reads.
 */
#include "elffile.h"
#include "exe.h"
#include "input.h"
#include "judge.h"
#include "scene.h"
#include "section.h"
#include "world.h"

#include "images.h"

#include <string.h>

#define CALLS_MAX 400000
#define BASE 0x7f0000000000ULL

static struct pmemctl_vma vma_of(struct input *in)
{
	uint64_t start = BASE + take(in, 2) * 4096;

	return (struct pmemctl_vma) {
		.start = start, .end = start + (1 + take(in, 1)) * 4096,
		.offset = take(in, 2) * 4096, .flags = PMEMCTL_VMA_EXEC,
	};
}

static void judge_section(const struct section *section)
{
	must(memchr(section->name, 0, sizeof(section->name)));
	must(memchr(section->symbol, 0, sizeof(section->symbol)));
	must(section->elf || (!*section->name && !*section->symbol));
	must(*section->symbol || !section->symbol_offset);
}

/* Code of it is mapped where the input says, and what the headers want around that */
static void judge_image(struct input *in, const Elf64_Phdr *phdrs, size_t count)
{
	static struct builder b;
	struct image image;
	struct model model;
	uint32_t file;

	builder_init(&b);
	file = builder_file(&b, "/lib/x.so", 11, 0);
	for (size_t i = 0; i < count && b.nr_vmas < 8; i++) {
		uint64_t start = BASE + (phdrs[i].p_vaddr & 0xfffffff000);
		uint64_t pages = 1 + (phdrs[i].p_filesz & 0xffff) / 4096;

		if (b.nr_vmas && start < b.vmas[b.nr_vmas - 1].end)
			continue;
		builder_vma(&b, start, start + pages * 4096, phdrs[i].p_flags & PF_W ? "rw-p" :
			    "r-xp", file, 0)->offset = phdrs[i].p_offset & -4096ULL;
		if (take_below(in, 2))
			builder_vma(&b, start + pages * 4096, start + (pages + 3) * 4096, "rw-p", 0,
				    0);
	}
	must(!builder_model(&b, &model));
	for (size_t i = 0; i < model.nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model.vmas[i];

		if (vma->file && image_place(&model, vma, phdrs, count, &image))
			must(image.low <= vma->start && image.high >= vma->end);
	}
	must(!images_collect(&model, 0));
	judge_witness(&model);
	model_free(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Elf64_Phdr phdrs[ELF_HEADERS];
	struct input in = { data, size < 16 ? size : 16 };
	struct pmemctl_vma vma;
	struct section section;
	struct exe exe;
	size_t count;

	world_reset();
	vma = vma_of(&in);
	world.file = data + (size < 16 ? size : 16);
	world.file_size = size < 16 ? 0 : size - 16;
	count = elf_headers(WORLD_FILE, phdrs);
	must(count <= ELF_HEADERS && count * sizeof(*phdrs) <= world.file_size);
	exe_read(WORLD_FILE, &exe);
	section_find(WORLD_FILE, take(&in, 3), &section);
	judge_section(&section);
	if (section_find_bss(WORLD_FILE, &vma, vma.start + take(&in, 3), &section))
		must(section.elf);
	judge_section(&section);
	judge_image(&in, phdrs, count);
	must(world.calls < CALLS_MAX);
	return 0;
}
