// SPDX-License-Identifier: GPL-2.0
#include "lint.h"

#include "text.h"
#include "touched.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#define RANGE "%" PRIx64 "-%" PRIx64

static const struct {
	const char *name;
	const char *about;
} risks[RISKS] = {
	[RISK_NO_GUARD] = { "no-guard", "nothing was put below it to stop an overflow" },
	[RISK_SMALL_GUARD] = { "small-guard", "its guard is smaller than --min-guard: a "
			       "frame may step over it" },
	[RISK_OVER] = { "over", "more than --over percent of it is used, or was" },
	[RISK_EXECUTABLE] = { "executable", "what is written to it can be run" },
	[RISK_WRITABLE_NEIGHBOUR] = { "writable-neighbour", "an overflow would write to "
				      "other memory, where a guard should be" },
	[RISK_SP_OUTSIDE] = { "sp-outside", "sp, exact, is outside of its stacks" },
	[RISK_MAIN_ROOM] = { "main-room", "the main stack cannot grow to its limit" },
};

const char *risk_name(enum risk risk)
{
	return risks[risk].name;
}

const char *risk_about(enum risk risk)
{
	return risks[risk].about;
}

struct lint {
	struct picture *picture;
	const struct model *model;
	unsigned int over;
	uint64_t min_guard;
	size_t room;
	bool failed;
};

static void __attribute__((format(printf, 4, 5)))
report(struct lint *lint, size_t i, enum risk risk, const char *fmt, ...)
{
	struct picture *picture = lint->picture;
	struct finding *finding;
	va_list args;

	if (picture->nr_findings == lint->room) {
		size_t room = lint->room ? lint->room * 2 : 16;
		void *list = realloc(picture->findings, room * sizeof(*finding));

		if (!list) {
			lint->failed = true;
			return;
		}
		picture->findings = list;
		lint->room = room;
	}
	finding = &picture->findings[picture->nr_findings++];
	finding->thread = &lint->model->threads[i];
	finding->risk = risk;
	va_start(args, fmt);
	vsnprintf(finding->evidence, sizeof(finding->evidence), fmt, args);
	va_end(args);
}

/* As in maps, without the letter for sharing */
static const char *perms(const struct pmemctl_vma *vma)
{
	static const char words[8][4] = { "---", "r--", "-w-", "rw-", "--x", "r-x", "-wx", "rwx" };

	return words[(vma->flags & PMEMCTL_VMA_READ ? 1 : 0) +
		     (vma->flags & PMEMCTL_VMA_WRITE ? 2 : 0) +
		     (vma->flags & PMEMCTL_VMA_EXEC ? 4 : 0)];
}

/* Without a guard: whether what lies below could be written to */
static void check_neighbour(struct lint *lint, size_t i, const struct stack *stack)
{
	const struct pmemctl_thread *thread = &lint->model->threads[i];
	uint64_t low = stack->claimed ? stack->start : thread->stack_low;
	const struct pmemctl_vma *below = low ? model_vma(lint->model, low - 1) : NULL;

	if (stack->claimed)
		report(lint, i, RISK_NO_GUARD, "nothing guards " RANGE, stack->start, stack->end);
	else
		report(lint, i, RISK_NO_GUARD, "no guard below what holds its descriptor, " RANGE,
		       (uint64_t)thread->stack_low, (uint64_t)thread->stack_high);
	if (below && below->flags & PMEMCTL_VMA_WRITE)
		report(lint, i, RISK_WRITABLE_NEIGHBOUR, "directly below %" PRIx64 " lies " RANGE
		       " (%s)", low, (uint64_t)below->start, low, perms(below));
}

static void check_guard(struct lint *lint, size_t i, const struct stack *stack)
{
	uint64_t size = stack->guard.end - stack->guard.start;
	char text[24], least[24];

	if (stack->guard_kind == GUARD_NONE)
		check_neighbour(lint, i, stack);
	else if (stack->guard.end && size < lint->min_guard)
		report(lint, i, RISK_SMALL_GUARD, "guard " RANGE " is %s, less than %s",
		       stack->guard.start, stack->guard.end, size_text(text, size, false),
		       size_text(least, lint->min_guard, false));
}

/* Doubts that leave nothing of the deepest page as evidence */
#define USELESS (TAINT_LOCKED | TAINT_PRETOUCHED | TAINT_HUGE | TAINT_REUSED | TAINT_PROBED | \
		 TAINT_MARKED)

static void check_depth(struct lint *lint, size_t i, const struct stack *stack)
{
	const struct touches *touches = touched_of(lint->model, i, stack);
	uint64_t size = stack->end - stack->limit, used, max;
	char text[24], of[24];

	if (!stack->claimed || !size)
		return;
	size_text(of, size, false);
	if (stack_used(&lint->model->threads[i], stack, &used) &&
	    used * 100 > size * lint->over)
		report(lint, i, RISK_OVER, "%s of %s used: sp is %" PRIx64,
		       size_text(text, used, false), of, (uint64_t)lint->model->threads[i].sp);
	if (!touches || !touches->stack.lowest ||
	    touched_taints(lint->model, i, stack) & USELESS)
		return;
	max = stack->end - touches->stack.lowest;
	if (max * 100 > size * lint->over)
		report(lint, i, RISK_OVER, "%s of %s were used: the page at %" PRIx64
		       " was touched%s", size_text(text, max, false), of, touches->stack.lowest,
		       lint->model->flags & PMEMCTL_PROCESS_FORKED ? ", if not before fork()" : "");
}

static void check_executable(struct lint *lint, size_t i, const struct stack *stack)
{
	uint64_t end = stack->claimed ? stack->end : lint->model->threads[i].stack_high;
	const struct pmemctl_vma *vma = model_vma(lint->model, end - 1);

	if ((stack->claimed || stack->kind == STACK_USER) && vma && vma->flags & PMEMCTL_VMA_EXEC &&
	    vma->flags & PMEMCTL_VMA_WRITE)
		report(lint, i, RISK_EXECUTABLE, RANGE " is %s", (uint64_t)vma->start,
		       (uint64_t)vma->end, perms(vma));
}

/* Memory that nobody can push to is worse than a stack of the program's making */
static void check_sp(struct lint *lint, size_t i, const struct stack *stack)
{
	const struct pmemctl_thread *thread = &lint->model->threads[i];
	const struct pmemctl_vma *vma;

	if (!stack_sp_exact(thread) || !(lint->model->flags & PMEMCTL_PROCESS_ATTACH))
		return;
	if (stack->kind == STACK_MAIN)
		return;
	vma = model_vma(lint->model, thread->sp);
	if (!vma)
		report(lint, i, RISK_SP_OUTSIDE, "sp is %" PRIx64 ", where nothing is mapped",
		       (uint64_t)thread->sp);
	else if (!(vma->flags & PMEMCTL_VMA_WRITE))
		report(lint, i, RISK_SP_OUTSIDE, "sp is %" PRIx64 ", in " RANGE " (%s)",
		       (uint64_t)thread->sp, (uint64_t)vma->start, (uint64_t)vma->end, perms(vma));
	else if (stack->kind == STACK_SWITCHED)
		report(lint, i, RISK_SP_OUTSIDE, "sp is %" PRIx64 ", in " RANGE
		       " (%s), and the thread's own stack is another", (uint64_t)thread->sp,
		       (uint64_t)vma->start, (uint64_t)vma->end, perms(vma));
}

static void check_room(struct lint *lint, size_t i, const struct stack *stack)
{
	const struct pmemctl_vma *vma, *below;
	uint64_t limit = page_down(lint->model->rlimit_stack), room = stack->end - stack->limit;
	char text[24], of[24];

	if (!stack->initial || stack->limit_end != ROOM_MAPPING ||
	    lint->model->rlimit_stack == UINT64_MAX || room >= limit)
		return;
	vma = model_vma(lint->model, stack->end - 1);
	below = vma ? model_vma_below(lint->model, vma) : NULL;
	if (below)
		report(lint, i, RISK_MAIN_ROOM, "%s of the %s that RLIMIT_STACK allows: " RANGE
		       " (%s) is in the way", size_text(text, room, false),
		       size_text(of, limit, false), (uint64_t)below->start, (uint64_t)below->end,
		       perms(below));
}

static bool has_none(const struct stack *stack)
{
	return stack->kind == STACK_WORKER || stack->kind == STACK_EXITED;
}

/* Of a stack whose range is not known, that it has no guard may be known all the same */
size_t lint_judged(const struct picture *picture, size_t *unjudged)
{
	size_t judged = 0;

	*unjudged = 0;
	for (size_t i = 0; i < picture->model->nr_threads; i++) {
		const struct stack *stack = &picture->stacks[i];

		if (has_none(stack))
			continue;
		if (stack->claimed || stack->guard_kind != GUARD_UNKNOWN)
			judged++;
		else
			++*unjudged;
	}
	return judged;
}

int lint_find(struct picture *picture, unsigned int over, uint64_t min_guard)
{
	struct lint lint = {
		.picture = picture, .model = picture->model, .over = over, .min_guard = min_guard,
	};

	for (size_t i = 0; i < picture->model->nr_threads; i++) {
		const struct stack *stack = &picture->stacks[i];

		if (has_none(stack))
			continue;
		check_guard(&lint, i, stack);
		check_depth(&lint, i, stack);
		check_executable(&lint, i, stack);
		check_sp(&lint, i, stack);
		check_room(&lint, i, stack);
	}
	return lint.failed ? -1 : 0;
}
