// SPDX-License-Identifier: GPL-2.0
#include "tls.h"

#include "picture.h"
#include "stacks.h"

/* More modules with TLS than any program has; and no descriptor is larger */
#define MAX_MODULES 4096
#define DESCRIPTOR PAGE

/* No program has as much TLS that is there from the beginning */
#define MAX_BLOCK (16ULL << 20)

/* The head of a descriptor, which is its ABI: glibc's. musl's begins alike */
struct head {
	uint64_t tcb;
	uint64_t dtv;
	uint64_t self;
	uint64_t next;	/* of musl; in a list of one it points to itself, too */
};

/* glibc's entry of a module; the one before the first says how many there are */
struct module {
	uint64_t block;
	uint64_t to_free;	/* 0: it was there from the beginning */
};

static const struct pmemctl_thread *main_thread(const struct model *model)
{
	for (size_t i = 0; i < model->nr_threads; i++) {
		if (model->threads[i].flags & PMEMCTL_THREAD_LEADER)
			return &model->threads[i];
	}
	return NULL;
}

/* The lowest block of TLS below the thread pointer, in the same VMA */
static uint64_t lowest_block(const struct peek *peek, const struct pmemctl_vma *vma,
			     const struct head *head, uint64_t low)
{
	struct module module;
	uint64_t count;

	if (!peek_words(peek, head->dtv - sizeof(module), &count, 1) || count > MAX_MODULES)
		return low;
	for (uint64_t i = 1; i <= count; i++) {
		if (peek_at(peek, head->dtv + i * sizeof(module), &module,
			    sizeof(module)) != PEEK_DONE)
			break;
		if (!module.to_free && module.block >= vma->start && module.block < low)
			low = module.block;
	}
	return low;
}

static void raise_to(uint64_t *high, uint64_t tp, uint64_t addr, uint64_t size)
{
	if (addr > tp && addr - tp < DESCRIPTOR && addr + size > *high)
		*high = addr + size;
}

/*
 * Right behind the descriptor of the main thread glibc's loader notes where the block
 * begins that it took for all of it. Nothing before that points below the TLS, of which
 * some is always kept in reserve; the list of modules, which does, comes later.
 *
 * Return: where the note is, or 0.
 */
static uint64_t find_note(const struct peek *peek, const struct pmemctl_vma *vma,
			  const struct use *tls, const struct head *head, uint64_t *block)
{
	uint64_t at = (tls->end + 7) & -8ULL, end = head->tcb + DESCRIPTOR;

	if (head->dtv > head->tcb && head->dtv - sizeof(struct module) < end)
		end = head->dtv - sizeof(struct module);
	for (; at < end && at < vma->end; at += sizeof(*block)) {
		if (!peek_words(peek, at, block, 1))
			return 0;
		if (*block >= vma->start && *block < tls->start &&
		    tls->start - *block < MAX_BLOCK)
			return at;
	}
	return 0;
}

/*
 * The loader has no malloc yet and takes whole pages from mmap: for a block that begins
 * one, a page more than that needs. What else lies in them is the loader's, too.
 */
static int add_loaders(struct model *model, const struct pmemctl_vma *vma, const struct use *tls)
{
	struct use use = {
		page_down(tls->start), page_up(tls->end), KIND_LOADER, 0,
		"in the pages that the loader took for the main thread's TLS",
	};
	uint64_t taken = tls->start + page_up(tls->end - tls->start) + PAGE;

	if (tls->start == use.start && taken <= vma->end)
		use.end = taken;
	return use_add(&model->witness.uses, &use);
}

/* From mmap, and not in the heap of brk or in a bss, as it is without a loader */
static bool is_loaders(const struct model *model, const struct pmemctl_vma *vma, uint64_t tp)
{
	const struct use_list *uses = &model->witness.uses;
	const uint64_t *mm = model->mm;
	size_t i = use_from(uses, tp);

	return !vma->file && !(vma->flags & PMEMCTL_VMA_MAYSHARE) &&
	       (i == uses->count || uses->list[i].start > tp) &&
	       !(vma->start < mm[PMEMCTL_MM_BRK] && vma->end > mm[PMEMCTL_MM_START_BRK]);
}

int tls_collect(struct model *model, const struct peek *peek)
{
	const struct pmemctl_thread *thread = main_thread(model);
	const struct pmemctl_vma *vma = thread && thread->tp ? model_vma(model, thread->tp) : NULL;
	struct use *tls = &model->witness.tls;
	struct head head;
	uint64_t low, high, note, block;

	*tls = (struct use) { 0 };
	if (!vma || !(vma->flags & PMEMCTL_VMA_WRITE) ||
	    peek_at(peek, thread->tp, &head, sizeof(head)) != PEEK_DONE ||
	    head.tcb != thread->tp)
		return 0;
	low = stack_exe_tls(model, thread);
	if (!low || low > thread->tp || low < vma->start)
		low = thread->tp;
	if (head.self == thread->tp && head.next != thread->tp)
		low = lowest_block(peek, vma, &head, low);
	high = thread->tp + sizeof(head);
	raise_to(&high, thread->tp, thread->robust_list, 3 * sizeof(uint64_t));
	raise_to(&high, thread->tp, thread->clear_child_tid, sizeof(uint32_t));
	raise_to(&high, thread->tp, thread->rseq, 32);
	*tls = (struct use) {
		low, high < vma->end ? high : vma->end, KIND_TLS, thread->tid,
		"around the thread pointer of TID, where its descriptor lies",
	};
	if (head.self != thread->tp || !is_loaders(model, vma, thread->tp))
		return 0;
	note = find_note(peek, vma, tls, &head, &block);
	if (!note)
		return 0;
	tls->start = block;
	tls->end = note + sizeof(block);
	return add_loaders(model, vma, tls);
}
