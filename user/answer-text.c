// SPDX-License-Identifier: GPL-2.0
/*
 * An address in words.
 */
#include "answer.h"

#include "frames.h"
#include "object.h"
#include "process.h"
#include "stacks.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 80

/* Room for a distance in words */
#define DISTANCE 32

/* As many processes are named in text */
#define NAMED 6

/* Below that no program may map by default: where null pointers lead */
#define LOWEST 0x10000

static const struct word sp_words[] = {
	{ PMEMCTL_REGS_BLOCKED, "exact: it does not run" },
	{ PMEMCTL_REGS_QUEUED, "exact: it waits for a CPU" },
	{ PMEMCTL_REGS_LIVE, "exact: its CPU was asked" },
	{ PMEMCTL_REGS_LAST_ENTRY, "as of when it last entered the kernel: it runs" },
	{ 0, NULL }
};

/* A small distance by its bytes, a large one as sizes are */
static char *distance_text(char *to, uint64_t bytes, const struct options *opts)
{
	if (bytes >= 10240 && !opts->bytes)
		return size_text(to, bytes, false);
	snprintf(to, DISTANCE, "%" PRIu64 " byte%s", bytes, bytes == 1 ? "" : "s");
	return to;
}

static void put_thread(FILE *out, const struct pmemctl_thread *thread)
{
	fprintf(out, "thread %u (", thread->tid);
	put_visible(out, thread->comm);
	fputs(")", out);
}

static void put_name(FILE *out, const struct region *region)
{
	if (!region->name)
		fputs(" (path unknown)", out);
	else if (*region->name) {
		fputs(" ", out);
		put_visible(out, region->name);
	}
}

/* "heap 5555…-5555… rw-p [heap]" */
static void put_region(FILE *out, const struct region *region)
{
	char perms[8];

	fprintf(out, "%s", kind_name(region->kind));
	if (region->tid)
		fprintf(out, " of thread %u", region->tid);
	fprintf(out, " %08" PRIx64 "-%08" PRIx64 " %s", region->start, region->end,
		perms_text(perms, region->vma->flags));
	put_name(out, region);
}

/* The head, then the VMA, of an address that is mapped */
static void put_mapped(FILE *out, const struct answer *a)
{
	const struct region *region = a->who->region, *part = a->who->part;
	char perms[8];

	fprintf(out, "%08" PRIx64 ": %s", a->who->addr, kind_name(part->kind));
	if (part->tid)
		fprintf(out, " of thread %u\n", part->tid);
	else
		fprintf(out, ": %s\n", kind_about(part->kind));
	fprintf(out, "in %08" PRIx64 "-%08" PRIx64 " %s", region->start, region->end,
		perms_text(perms, region->vma->flags));
	put_name(out, region);
	if (part != region)
		fprintf(out, ", there in %08" PRIx64 "-%08" PRIx64, part->start, part->end);
	fprintf(out, "\nwhy: %s\n", part->why);
}

static void put_use(FILE *out, const struct who *who, const struct options *opts)
{
	const struct pmemctl_thread *thread = who->thread;
	const char *state = word_find(sp_words, thread->reg_state, "of unknown freshness");
	uint64_t sp = thread->sp;
	char size[DISTANCE];

	switch (who->use) {
	case USE_IN_USE:
		fputs("; in use, ", out);
		if (who->addr > sp)
			fprintf(out, "%s above sp (%s)",
				distance_text(size, who->addr - sp, opts), state);
		else
			fprintf(out, "at sp (%s)", state);
		break;
	case USE_RED_ZONE:
		fprintf(out, "; %s below sp, in the red zone (%s)",
			distance_text(size, sp - who->addr, opts), state);
		break;
	case USE_FREE:
		fprintf(out, "; free, %s below sp (%s)",
			distance_text(size, sp - who->addr, opts), state);
		break;
	case USE_UNKNOWN:
		fputs(sp ? "; sp is elsewhere" : "; whether it is in use is not known", out);
		break;
	}
}

static void put_area(FILE *out, const struct answer *a, const struct options *opts)
{
	const struct who *who = a->who;
	const struct stack *stack;
	char size[DISTANCE];

	if (!who->thread)
		return;
	stack = &a->picture->stacks[who->thread - a->picture->model->threads];
	switch (who->area) {
	case AREA_NONE:
		put_thread(out, who->thread);
		break;
	case AREA_STACK:
	case AREA_ALTSTACK:
		fprintf(out, "%s of ", who->area == AREA_STACK ? "stack" :
			"alternate signal stack");
		put_thread(out, who->thread);
		fprintf(out, ", %s below its top", distance_text(size, who->range.end - who->addr,
								 opts));
		put_use(out, who, opts);
		break;
	case AREA_TLS:
		fputs("thread-local variables of the executable, of ", out);
		put_thread(out, who->thread);
		fprintf(out, ", %s below the thread pointer",
			distance_text(size, who->range.end - who->addr, opts));
		break;
	case AREA_DESCRIPTOR:
		fputs("descriptor of ", out);
		put_thread(out, who->thread);
		fprintf(out, ", %s above the thread pointer, at the top of its stack",
			distance_text(size, who->addr - who->range.start, opts));
		break;
	case AREA_GUARD:
		fputs("guard of the stack of ", out);
		put_thread(out, who->thread);
		fprintf(out, ", %s below its lowest address",
			distance_text(size, stack->start - who->addr, opts));
		break;
	case AREA_SHADOW_STACK:
		fputs("shadow stack of ", out);
		put_thread(out, who->thread);
		break;
	}
	fputs("\n", out);
}

static void put_arg(FILE *out, const struct answer *a)
{
	const struct arg *arg = a->arg;

	if (!arg->known)
		return;
	if (arg->env)
		fputs("environment variable ", out);
	else
		fprintf(out, "argument %zu, \"", arg->index);
	put_visible(out, arg->text);
	fprintf(out, "%s%s, byte %" PRIu64 "\n", arg->cut ? "…" : "", arg->env ? "" : "\"",
		arg->offset);
}

static void put_file(FILE *out, const struct answer *a)
{
	const struct who *who = a->who;
	const struct section *section = &who->section;
	const char *name;

	if (!who->file)
		return;
	name = model_name(a->picture->model, who->file->file);
	if (who->bss) {
		fputs("behind what is in the file ", out);
		put_visible(out, name ? name : "(path unknown)");
	} else {
		fprintf(out, "at offset 0x%" PRIx64 " of the file", who->offset);
	}
	if (*section->name) {
		fputs(", in section ", out);
		put_visible(out, section->name);
	}
	if (*section->symbol) {
		fputs(", ", out);
		put_visible(out, section->symbol);
		fprintf(out, "+0x%" PRIx64, section->symbol_offset);
	} else if (section->elf && *section->name) {
		fputs(", no symbol", out);
	}
	if (!who->opened && who->part->kind != KIND_SHM && who->part->kind != KIND_MEMFD)
		fputs("; the file itself cannot be read", out);
	fputs("\n", out);
}

static bool is_file_page(const struct page *page)
{
	return page->vma->file && !(page->is == PAGE_IS_THERE && !(page->flags & FRAME_FILE));
}

static void put_state(FILE *out, const struct page *page)
{
	fputs("page: ", out);
	switch (page->is) {
	case PAGE_IS_UNKNOWN:
		fputs("not known: it could not be looked at, or changed meanwhile", out);
		return;
	case PAGE_IS_ABSENT:
		fputs(page->vma->file ? "not there: not read or written here yet, or taken back" :
		      "not there: never touched, or given back", out);
		return;
	case PAGE_IS_SWAPPED:
		fputs("swapped out, or on its way to another place", out);
		return;
	case PAGE_IS_MARKED:
		fputs("not known: swapped out, or not there and only marked by userfaultfd", out);
		return;
	case PAGE_IS_THERE:
		break;
	}
	fputs("present, ", out);
	if (page->flags & FRAME_ZERO)
		fputs("the page of zeroes: read, and never written", out);
	else if (page->flags & FRAME_FILE && !page->vma->file)
		fputs("the kernel's, which lends it to every process", out);
	else if (page->flags & FRAME_FILE)
		fputs(page->vma->flags & PMEMCTL_VMA_MAYSHARE ? "of the file or memory that is shared" :
		      "of the file", out);
	else
		fputs(page->vma->file ? "a copy of the file's, written to" : "anonymous", out);
	if (page->huge)
		fputs(", huge", out);
	if (frame_is_exclusive(page->flags))
		fputs(", in no other address space", out);
	else if (page->vma->flags & PMEMCTL_VMA_MERGEABLE)
		fputs("; KSM may have merged it with equal pages anywhere", out);
}

/*
 * Ties of one process follow each other; of those of a kind, it is counted and
 * named at the first
 */
static bool is_first(const struct page *page, size_t i)
{
	const struct tie *tie = &page->ties[i];

	for (size_t k = i; k-- && page->ties[k].other == tie->other;) {
		if (page->ties[k].kind == tie->kind)
			return false;
	}
	return true;
}

static size_t count_ties(const struct page *page, const struct others *others,
			 enum tie_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < page->nr_ties; i++) {
		const struct tie *tie = &page->ties[i];

		if (tie->kind == kind && is_first(page, i))
			n += others->list[tie->other].processes;
	}
	return n;
}

/* Where else it has the page, after the first */
static size_t count_more(const struct page *page, size_t first)
{
	const struct tie *tie = &page->ties[first];
	size_t n = 0;

	for (size_t i = first + 1; i < page->nr_ties && page->ties[i].other == tie->other; i++)
		n += page->ties[i].kind == tie->kind;
	return n;
}

static void put_ties(FILE *out, const struct answer *a, enum tie_kind kind, const char *one,
		     const char *many)
{
	size_t n = count_ties(a->page, a->others, kind), named = 0;

	if (!n)
		return;
	fprintf(out, "%zu other %s: ", n, n == 1 ? one : many);
	for (size_t i = 0; i < a->page->nr_ties && named < NAMED; i++) {
		const struct tie *tie = &a->page->ties[i];
		const struct other *other = &a->others->list[tie->other];
		size_t more;

		if (tie->kind != kind || !is_first(a->page, i))
			continue;
		fprintf(out, "%s%u (", named++ ? ", " : "", other->pid);
		put_visible(out, other->comm);
		fputs(")", out);
		if (tie->addr != a->who->addr)
			fprintf(out, " at %08" PRIx64, tie->addr);
		more = count_more(a->page, i);
		if (more)
			fprintf(out, " and at %zu more", more);
	}
	fputs(n > named ? ", …\n" : "\n", out);
}

/* Nobody was found; what the kernel says of the page tells whether that is all */
static void put_nobody(FILE *out, const struct page *page, const struct others *others)
{
	if (page->is != PAGE_IS_THERE)
		fputs("no other process that was looked at maps it\n", out);
	else if (page->flags & FRAME_UNSURE)
		fputs("no other process that was looked at has it there; whether any has it is "
		      "not known, as kernels may judge a huge page by its first 4K\n", out);
	else if (!is_file_page(page))
		fputs("no other process that was looked at has it there, but the kernel does not "
		      "say that it is in no other: one may have moved it since a fork, KSM may "
		      "have merged it, or it is of zeroes\n", out);
	else if (page->places > 1)
		fprintf(out, "this process has it at %zu places, and no other that was looked at "
			"has it; whether any has is not known\n", page->places);
	else
		fprintf(out, "it seems to be mapped elsewhere too, perhaps %sthrough another file "
			"system (overlay)\n", others->refused || others->failed || others->partial ?
			"by a process that was not looked at, or " : "");
}

static void put_page(FILE *out, const struct answer *a)
{
	const struct model *model = a->picture->model;
	const struct page *page = a->page;

	if (!page->vma)
		return;
	put_state(out, page);
	fputs("\n", out);
	if (model->nr_sharers + model->hidden) {
		fputs("the whole address space is ", out);
		process_sharers_text(out, model);
	}
	put_ties(out, a, TIE_SAME, "process has the same page", "processes have the same page");
	put_ties(out, a, TIE_FILE, "process has that page of the file",
		 "processes have that page of the file");
	put_ties(out, a, TIE_POSSIBLE, "process may have the same page since a fork",
		 "processes may have the same page since a fork");
	put_ties(out, a, TIE_COPY, "process has its own copy of it",
		 "processes have their own copies of it");
	put_ties(out, a, TIE_MAPPED, "process maps it, and has not got it",
		 "processes map it, and have not got it");
	if ((page->is == PAGE_IS_ABSENT || page->is == PAGE_IS_THERE) && !ties_known(page) &&
	    page->vma->file && !vma_is_shareable(model, page->vma))
		fputs("its inode does not tell who has the same memory: others were not asked\n",
		      out);
	if (!page->sought || page->is == PAGE_IS_UNKNOWN)
		return;
	if (!page->nr_ties && !frame_is_exclusive(page->flags))
		put_nobody(out, page, a->others);
	if (page->is == PAGE_IS_THERE && !frames_permitted() && page->nr_ties)
		fputs("whether pages are the same can be compared with CAP_SYS_ADMIN only\n", out);
}

static void put_gap(FILE *out, const struct answer *a, const struct options *opts)
{
	const struct who *who = a->who;
	char size[DISTANCE];

	fprintf(out, "%08" PRIx64 ": nothing is mapped there\n", who->addr);
	if (who->addr < LOWEST)
		fputs("in the lowest 64K, which programs do not map: as from a null pointer\n",
		      out);
	if (who->above) {
		fprintf(out, "%s below ", distance_text(size, who->above->start - who->addr, opts));
		put_region(out, who->above);
		fputs("\n", out);
		if (who->above->vma->flags & PMEMCTL_VMA_GROWSDOWN)
			fputs("which grows down when it is touched below, up to its limit\n", out);
	}
	if (who->below) {
		uint64_t distance = who->addr - who->below->end;

		fprintf(out, "%s above the end of ",
			distance ? distance_text(size, distance, opts) : "directly");
		put_region(out, who->below);
		fputs("\n", out);
	}
}

static void put_all(FILE *out, const struct answer *a, const struct options *opts)
{
	switch (a->who->place) {
	case WHO_MAPPED:
		put_mapped(out, a);
		put_area(out, a, opts);
		put_arg(out, a);
		put_file(out, a);
		put_page(out, a);
		break;
	case WHO_GAP:
		put_gap(out, a, opts);
		break;
	case WHO_ABOVE:
		fprintf(out, "%08" PRIx64 ": above all that this process can map (up to %" PRIx64
			")\n", a->who->addr, a->picture->model->mm[PMEMCTL_MM_TASK_SIZE]);
		break;
	case WHO_KERNEL:
		fprintf(out, "%08" PRIx64 ": an address of the kernel's: no program can use it\n",
			a->who->addr);
		break;
	case WHO_NOT_CANONICAL:
		fprintf(out, "%08" PRIx64 ": not canonical: the CPU knows no such address\n",
			a->who->addr);
		break;
	}
}

/* Columns that a piece of UTF-8 takes, near enough: bytes that begin a character */
static size_t width_of(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

/* Breaks a line at blanks; what follows the first is indented by @indent, the rest more */
static void put_wrapped(FILE *out, const char *line, size_t len, size_t indent)
{
	size_t column = fprintf(out, "%*s", (int)indent, "");
	bool first = true;

	while (len) {
		const char *blank = memchr(line, ' ', len);
		size_t word = blank ? (size_t)(blank - line) : len;
		size_t width = width_of(line, word);

		if (!first && column + 1 + width > WIDTH) {
			putc('\n', out);
			column = fprintf(out, "%*s", (int)indent + 4, "");
		} else if (!first) {
			putc(' ', out);
			column++;
		}
		first = false;
		fwrite(line, 1, word, out);
		column += width;
		line += word + (blank != NULL);
		len -= word + (blank != NULL);
	}
	putc('\n', out);
}

int answer_text(FILE *out, const struct answer *answer, const struct options *opts)
{
	char *text = NULL;
	size_t size;
	FILE *all = open_memstream(&text, &size);

	if (!all)
		return -1;
	put_all(all, answer, opts);
	if (fclose(all)) {
		free(text);
		return -1;
	}
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		put_wrapped(out, line, end - line, line == text ? 0 : 2);
	}
	free(text);
	return 0;
}
