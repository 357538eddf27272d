// SPDX-License-Identifier: GPL-2.0
#include "java.h"

#include "images.h"
#include "picture.h"
#include "pmemctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Larger than any of a libjvm.so, which has some thousand of each */
#define MAX_SYMBOLS 1000000
#define MAX_ENTRIES 100000
#define MAX_NAME 64

/* No heap is larger, and no address is higher */
#define MAX_WORDS (1ULL << 47)

#define CLASS_SPACE (1ULL << 30)
#define CLASS_ALIGN (16ULL << 20)

/* libjvm.so as a file and as it is mapped */
struct vm {
	const struct peek *peek;
	int fd;
	Elf64_Phdr phdrs[ELF_HEADERS];
	size_t nr_phdrs;
	struct image image;
};

/* A variable of it that tells how its tables are made, or where they are */
enum { ENTRIES, STRIDE, TYPE, FIELD, IS_STATIC, OFFSET, ADDRESS, EXPORTS };

static const char *const exports[EXPORTS] = {
	[ENTRIES] = "gHotSpotVMStructs",
	[STRIDE] = "gHotSpotVMStructEntryArrayStride",
	[TYPE] = "gHotSpotVMStructEntryTypeNameOffset",
	[FIELD] = "gHotSpotVMStructEntryFieldNameOffset",
	[IS_STATIC] = "gHotSpotVMStructEntryIsStaticOffset",
	[OFFSET] = "gHotSpotVMStructEntryOffsetOffset",
	[ADDRESS] = "gHotSpotVMStructEntryAddressOffset",
};

/* A member or, with an address, a variable that is asked for */
enum { HEAP, RESERVED, START, WORDS, CODE_LOW, CODE_HIGH, CLASSES, CLASSES_25, FIELDS };

static const struct {
	const char *type;
	const char *field;
} wanted[FIELDS] = {
	[HEAP] = { "Universe", "_collectedHeap" },
	[RESERVED] = { "CollectedHeap", "_reserved" },
	[START] = { "MemRegion", "_start" },
	[WORDS] = { "MemRegion", "_word_size" },
	[CODE_LOW] = { "CodeCache", "_low_bound" },
	[CODE_HIGH] = { "CodeCache", "_high_bound" },
	[CLASSES] = { "CompressedKlassPointers", "_narrow_klass._base" },
	[CLASSES_25] = { "CompressedKlassPointers", "_base" },
};

/* Names lie in the file's constants, of which the process may have touched none */
static bool file_name(const struct vm *vm, uint64_t addr, char *name)
{
	for (size_t i = 0; i < vm->nr_phdrs; i++) {
		const Elf64_Phdr *phdr = &vm->phdrs[i];
		uint64_t into = addr - vm->image.bias - phdr->p_vaddr;
		ssize_t got;

		if (phdr->p_type != PT_LOAD || phdr->p_flags & PF_W || into >= phdr->p_filesz ||
		    phdr->p_offset > INT64_MAX / 2)
			continue;
		got = pread(vm->fd, name, MAX_NAME - 1, phdr->p_offset + into);
		if (got <= 0)
			return false;
		name[got] = 0;
		return true;
	}
	return false;
}

/* Addresses of what the tables are described by, from the dynamic symbols */
static bool find_exports(const struct vm *vm, uint64_t *where)
{
	Elf64_Shdr section, strings;
	Elf64_Ehdr ehdr;
	char name[MAX_NAME];
	size_t found = 0;

	memset(where, 0, EXPORTS * sizeof(*where));
	if (!elf_read(vm->fd, &ehdr, sizeof(ehdr), 0) || ehdr.e_shentsize != sizeof(section))
		return false;
	for (size_t i = 0; ; i++) {
		if (i == ehdr.e_shnum ||
		    !elf_read(vm->fd, &section, sizeof(section),
			      ehdr.e_shoff + i * sizeof(section)))
			return false;
		if (section.sh_type == SHT_DYNSYM)
			break;
	}
	if (!elf_read(vm->fd, &strings, sizeof(strings),
		      ehdr.e_shoff + section.sh_link * sizeof(strings)))
		return false;
	for (size_t i = 0; i < section.sh_size / sizeof(Elf64_Sym) && i < MAX_SYMBOLS &&
	     found < EXPORTS; i++) {
		Elf64_Sym symbol;
		ssize_t got;

		if (!elf_read(vm->fd, &symbol, sizeof(symbol),
			      section.sh_offset + i * sizeof(symbol)))
			return false;
		if (ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT ||
		    symbol.st_size != sizeof(uint64_t))
			continue;
		got = pread(vm->fd, name, sizeof(name) - 1, strings.sh_offset + symbol.st_name);
		name[got > 0 ? got : 0] = 0;
		for (size_t k = 0; k < EXPORTS; k++) {
			if (!where[k] && !strcmp(name, exports[k])) {
				where[k] = vm->image.bias + symbol.st_value;
				found++;
			}
		}
	}
	return found == EXPORTS;
}

static bool peek_all(const struct vm *vm, uint64_t *values)
{
	for (size_t i = 0; i < EXPORTS; i++) {
		if (!peek_words(vm->peek, values[i], &values[i], 1))
			return false;
	}
	return values[STRIDE] <= 256 && values[STRIDE] >= sizeof(uint64_t) &&
	       values[TYPE] <= values[STRIDE] - sizeof(uint64_t) &&
	       values[FIELD] <= values[STRIDE] - sizeof(uint64_t) &&
	       values[IS_STATIC] <= values[STRIDE] - sizeof(uint32_t) &&
	       values[OFFSET] <= values[STRIDE] - sizeof(uint64_t) &&
	       values[ADDRESS] <= values[STRIDE] - sizeof(uint64_t);
}

static uint64_t word_at(const char *entry, uint64_t offset)
{
	uint64_t word;

	memcpy(&word, entry + offset, sizeof(word));
	return word;
}

/* Offsets of members, addresses of variables; 0: not there */
static bool find_fields(const struct vm *vm, const uint64_t *values, uint64_t *fields)
{
	char entry[256], type[MAX_NAME] = "", field[MAX_NAME];
	uint64_t last = 0;

	memset(fields, 0, FIELDS * sizeof(*fields));
	for (uint64_t i = 0; i < MAX_ENTRIES; i++) {
		uint32_t is_static;

		if (peek_at(vm->peek, values[ENTRIES] + i * values[STRIDE], entry,
			    values[STRIDE]) != PEEK_DONE)
			return false;
		if (!word_at(entry, values[TYPE]))	/* the end */
			return true;
		/* one type's follow each other */
		if (word_at(entry, values[TYPE]) != last &&
		    !file_name(vm, word_at(entry, values[TYPE]), type))
			return false;
		last = word_at(entry, values[TYPE]);
		memcpy(&is_static, entry + values[IS_STATIC], sizeof(is_static));
		for (size_t k = 0; k < FIELDS; k++) {
			if (strcmp(type, wanted[k].type) ||
			    !file_name(vm, word_at(entry, values[FIELD]), field) ||
			    strcmp(field, wanted[k].field))
				continue;
			fields[k] = word_at(entry, values[is_static ? ADDRESS : OFFSET]);
		}
	}
	return false;
}

/* Names the anonymous pieces of a range that the VM has reserved */
static int add_range(struct model *model, uint64_t start, uint64_t end, int kind,
		     const char *why, const char *why_closed)
{
	int ret = 0;

	for (size_t i = 0; i < model->nr_vmas && !ret; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];
		bool closed = !(vma->flags & VMA_ACCESS);
		struct use use = {
			.start = vma->start > start ? vma->start : start,
			.end = vma->end < end ? vma->end : end,
			.kind = closed ? KIND_RESERVED : kind,
			.why = closed ? why_closed : why,
		};

		if (!vma->file && !(vma->flags & PMEMCTL_VMA_MAYSHARE))
			ret = use_add(&model->witness.uses, &use);
	}
	return ret;
}

static int add_heap(struct model *model, const struct vm *vm, const uint64_t *fields)
{
	uint64_t heap, region, start, words;

	if (!fields[HEAP] || !fields[RESERVED] || !fields[WORDS] ||
	    !peek_words(vm->peek, fields[HEAP], &heap, 1))
		return 0;
	region = heap + fields[RESERVED];
	if (!peek_words(vm->peek, region + fields[START], &start, 1) ||
	    !peek_words(vm->peek, region + fields[WORDS], &words, 1) || words > MAX_WORDS)
		return 0;
	return add_range(model, start, start + words * sizeof(uint64_t), KIND_JAVA_HEAP,
			 "in CollectedHeap::_reserved of the Java VM",
			 "no access, in what the Java VM has reserved for its heap");
}

static int add_code(struct model *model, const struct vm *vm, const uint64_t *fields)
{
	uint64_t low, high;

	if (!fields[CODE_LOW] || !fields[CODE_HIGH] ||
	    !peek_words(vm->peek, fields[CODE_LOW], &low, 1) ||
	    !peek_words(vm->peek, fields[CODE_HIGH], &high, 1))
		return 0;
	return add_range(model, low, high, KIND_JAVA_CODE,
			 "from CodeCache::_low_bound to _high_bound of the Java VM",
			 "no access, in what the Java VM has reserved for code");
}

/* Whether anonymous VMAs fill a range that begins and ends with one */
static bool is_filled(const struct model *model, const struct range *range)
{
	const struct pmemctl_vma *vma = model_vma(model, range->start);
	const struct pmemctl_vma *end = model->vmas + model->nr_vmas;
	uint64_t at = range->start;

	for (; vma && vma < end && vma->start == at && at < range->end; vma++) {
		if (vma->file || vma->flags & PMEMCTL_VMA_EXEC)
			return false;
		at = vma->end;
	}
	return at == range->end;
}

/*
 * Above the base of what compressed pointers to classes count from, perhaps behind
 * the classes of an archive, 1 GiB, unless -XX:CompressedClassSpaceSize says else:
 * then it is not told.
 */
static int add_classes(struct model *model, const struct vm *vm, const uint64_t *fields)
{
	uint64_t at = fields[CLASSES] ? fields[CLASSES] : fields[CLASSES_25], base;

	if (!at || !peek_words(vm->peek, at, &base, 1) || !base || base > MAX_WORDS)
		return 0;
	for (size_t i = 0; i < model->nr_vmas; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];
		struct range range = { vma->start, vma->start + CLASS_SPACE };

		if (vma->start < base || vma->start > base + CLASS_SPACE || vma->file ||
		    vma->start % CLASS_ALIGN || !(vma->flags & PMEMCTL_VMA_WRITE) ||
		    !is_filled(model, &range))
			continue;
		return add_range(model, range.start, range.end, KIND_JAVA_CLASSES,
				 "1 GiB above the base of the Java VM's compressed class pointers",
				 "no access, in what the Java VM has reserved for classes");
	}
	return 0;
}

static int ask(struct model *model, const struct vm *vm)
{
	uint64_t values[EXPORTS], fields[FIELDS];
	int ret;

	if (!find_exports(vm, values) || !peek_all(vm, values) ||
	    !find_fields(vm, values, fields))
		return 0;
	ret = add_heap(model, vm, fields);
	if (!ret)
		ret = add_code(model, vm, fields);
	return ret ? ret : add_classes(model, vm, fields);
}

static bool is_libjvm(const struct model *model, const struct pmemctl_vma *vma)
{
	const char *path = vma->file ? model_name(model, vma->file) : NULL;
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && vma->flags & PMEMCTL_VMA_EXEC && !strcmp(slash, "/libjvm.so");
}

int java_collect(struct model *model, const struct peek *peek, uint32_t tid)
{
	struct vm vm = { .peek = peek };
	int ret = 0;

	for (size_t i = 0; i < model->nr_vmas && peek->mem >= 0; i++) {
		const struct pmemctl_vma *vma = &model->vmas[i];

		if (!is_libjvm(model, vma))
			continue;
		vm.fd = images_open(model, vma, tid);
		if (vm.fd < 0)
			return 0;
		vm.nr_phdrs = elf_headers(vm.fd, vm.phdrs);
		if (image_place(model, vma, vm.phdrs, vm.nr_phdrs, &vm.image))
			ret = ask(model, &vm);
		close(vm.fd);
		use_sort(&model->witness.uses);
		return ret;	/* a process has one at most */
	}
	return 0;
}
