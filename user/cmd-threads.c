// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl threads: who runs in the address space, and on which stack.
 */
#include "block.h"
#include "table.h"
#include "touched.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct word evidence_words[] = {
	{ PMEMCTL_STACK_TP, "tp" }, { PMEMCTL_STACK_ROBUST, "robust" },
	{ PMEMCTL_STACK_CTID, "ctid" }, { PMEMCTL_STACK_RSEQ, "rseq" },
	{ PMEMCTL_STACK_SP, "sp" }, { PMEMCTL_STACK_INITIAL, "initial" },
	{ PMEMCTL_STACK_LOW_THREAD, "low-thread" }, { PMEMCTL_STACK_GUARD, "guard" },
	{ PMEMCTL_STACK_HIGH_TCB, "high-tcb" }, { PMEMCTL_STACK_SP_ALT, "sp-alt" },
	{ 0, NULL }
};

static const struct word flag_words[] = {
	{ PMEMCTL_THREAD_LEADER, "leader" }, { PMEMCTL_THREAD_EXITING, "exiting" },
	{ PMEMCTL_THREAD_NO_MM, "no-mm" }, { PMEMCTL_THREAD_IO_WORKER, "io-worker" },
	{ PMEMCTL_THREAD_USER_WORKER, "user-worker" }, { PMEMCTL_THREAD_ON_CPU, "on-cpu" },
	{ 0, NULL }
};

static const struct word policy_words[] = {
	{ 0, "other" }, { 1, "fifo" }, { 2, "rr" }, { 3, "batch" }, { 5, "idle" },
	{ 6, "deadline" }, { 7, "ext" }, { 0, NULL }
};

static const struct word freshness_words[] = {
	{ PMEMCTL_REGS_BLOCKED, "blocked" }, { PMEMCTL_REGS_QUEUED, "queued" },
	{ PMEMCTL_REGS_LAST_ENTRY, "last-entry" }, { PMEMCTL_REGS_LIVE, "live" }, { 0, NULL }
};

static const struct word taint_words[] = {
	{ TAINT_LOCKED, "locked" }, { TAINT_PRETOUCHED, "pretouched" }, { TAINT_HUGE, "huge" },
	{ TAINT_FORKED, "forked" }, { TAINT_REUSED, "reused" },
	{ TAINT_PROBED, "probed" }, { TAINT_MARKED, "marked" }, { 0, NULL }
};

static const struct word room_words[] = {
	{ ROOM_RLIMIT, "rlimit" }, { ROOM_MAPPING, "mapping" }, { ROOM_GUARD, "guard" },
	{ 0, NULL }
};

static const struct stack *stack_of(const struct picture *picture,
				    const struct pmemctl_thread *thread)
{
	return &picture->stacks[thread - picture->model->threads];
}

static const struct touches *touches_of(const struct picture *picture,
					const struct pmemctl_thread *thread)
{
	return touched_of(picture->model, thread - picture->model->threads,
			  stack_of(picture, thread));
}

static bool has_registers(const struct picture *picture, const struct pmemctl_thread *thread)
{
	return picture->model->flags & PMEMCTL_PROCESS_ATTACH &&
	       thread->reg_state != PMEMCTL_REGS_NONE;
}

/* A column that is one field of what is known of the stack, if it is claimed */
#define STACK_FIELD(name, set, value) \
static void get_##name(const struct picture *picture, const void *row, struct cell *cell) \
{ \
	const struct stack *stack = stack_of(picture, row); \
	\
	if (stack->claimed) \
		set(cell, value); \
}

/* A column that is one field of the row */
#define FIELD(name, set, value) \
static void get_##name(const struct picture *picture, const void *row, struct cell *cell) \
{ \
	const struct pmemctl_thread *thread = row; \
	\
	set(cell, value); \
}

FIELD(tid, cell_number, thread->tid)
FIELD(comm, cell_string, thread->comm)
FIELD(cpu, cell_number, thread->cpu)
FIELD(policy, cell_string, word_find(policy_words, thread->policy, "unknown"))
FIELD(nice, cell_number, (int64_t)thread->nice)
FIELD(rt_priority, cell_number, thread->rt_priority)
FIELD(nvcsw, cell_number, thread->nvcsw)
FIELD(nivcsw, cell_number, thread->nivcsw)
FIELD(clear_child_tid, cell_nonzero, thread->clear_child_tid)
FIELD(robust_list, cell_nonzero, thread->robust_list)
FIELD(rseq, cell_nonzero, thread->rseq)
FIELD(altstack_start, cell_nonzero, thread->sas_sp)
FIELD(altstack_size, cell_nonzero, thread->sas_size)
FIELD(shstk_start, cell_nonzero, thread->shstk_base)
FIELD(shstk_size, cell_nonzero, thread->shstk_size)
FIELD(sp_state, cell_string, word_find(freshness_words, thread->reg_state, "none"))

static void get_state(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_thread *thread = row;

	cell->buf[0] = thread->state;
	cell->buf[1] = 0;
	cell_string(cell, cell->buf);
}

STACK_FIELD(stack_start, cell_number, stack->start)
STACK_FIELD(stack_end, cell_number, stack->end)
STACK_FIELD(stack_size, cell_number, stack->end - stack->start)
STACK_FIELD(limit_start, cell_number, stack->limit)
STACK_FIELD(limit_size, cell_number, stack->end - stack->limit)
STACK_FIELD(limit_why, cell_string, word_find(room_words, stack->limit_end, NULL))

static void get_guard(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_string(cell, guard_kind_name(stack_of(picture, row)->guard_kind));
}

static void get_guard_start(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_nonzero(cell, stack_of(picture, row)->guard.start);
}

static void get_guard_size(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct stack *stack = stack_of(picture, row);

	cell_nonzero(cell, stack->guard.end - stack->guard.start);
}

static void get_used(const struct picture *picture, const void *row, struct cell *cell)
{
	uint64_t used;

	if (stack_used(row, stack_of(picture, row), &used))
		cell_number(cell, used);
}

static void get_free(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct stack *stack = stack_of(picture, row);
	uint64_t used;

	if (stack->claimed && stack_used(row, stack, &used))
		cell_number(cell, stack->end - used - stack->start);
}

static bool find_max(const struct picture *picture, const struct pmemctl_thread *thread,
		     uint64_t *max)
{
	const struct stack *stack = stack_of(picture, thread);
	const struct touches *touches = touches_of(picture, thread);

	if (!touches || !stack->claimed || !touches->stack.known)
		return false;
	*max = touches->stack.lowest ? stack->end - touches->stack.lowest : 0;
	return true;
}

static void get_max(const struct picture *picture, const void *row, struct cell *cell)
{
	uint64_t max;

	if (find_max(picture, row, &max))
		cell_number(cell, max);
}

static void get_max_percent(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct stack *stack = stack_of(picture, row);
	uint64_t max;

	if (find_max(picture, row, &max) && stack->end > stack->limit)
		cell_number(cell, (unsigned __int128)max * 100 / (stack->end - stack->limit));
}

static void get_resident(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct touches *touches = touches_of(picture, row);

	if (touches && stack_of(picture, row)->claimed && touches->stack.known)
		cell_number(cell, touches->stack.resident);
}

static void get_taints(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct stack *stack = stack_of(picture, row);
	const struct pmemctl_thread *thread = row;
	uint64_t max;

	if (!find_max(picture, row, &max))
		return;
	words_join(cell->buf, sizeof(cell->buf), taint_words,
		   touched_taints(picture->model, thread - picture->model->threads, stack));
	cell_string(cell, cell->buf);
}

/* How much of another stack was touched, from its end down */
static void set_touched(struct cell *cell, const struct touches *touches,
			const struct touch *touch, uint64_t end)
{
	if (touches && touch->known && end)
		cell_number(cell, touch->lowest && touch->lowest < end ? end - touch->lowest : 0);
}

static void get_altstack_max(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct touches *touches = touches_of(picture, row);
	const struct pmemctl_thread *thread = row;

	if (thread->sas_size && touches)
		set_touched(cell, touches, &touches->altstack, thread->sas_sp + thread->sas_size);
}

static void get_shstk_max(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct touches *touches = touches_of(picture, row);
	const struct pmemctl_thread *thread = row;

	if (thread->shstk_size && touches)
		set_touched(cell, touches, &touches->shadow,
			    thread->shstk_base + thread->shstk_size);
}

static void get_altstack_used(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_thread *thread = row;

	if (thread->evidence & PMEMCTL_STACK_SP_ALT && thread->sp)
		cell_number(cell, thread->sas_sp + thread->sas_size - thread->sp);
}

static void get_tls_start(const struct picture *picture, const void *row, struct cell *cell)
{
	cell_nonzero(cell, stack_exe_tls(picture->model, row));
}

static void get_stack(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct stack *stack = stack_of(picture, row);

	if (!stack->claimed)
		return;
	snprintf(cell->buf, sizeof(cell->buf), "%08" PRIx64 "-%08" PRIx64, stack->start,
		 stack->end);
	cell_string(cell, cell->buf);
}

/* What the module told, and what /proc added */
static void get_evidence(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_thread *thread = row;
	const struct stack *stack = stack_of(picture, row);
	struct range block;
	size_t len;

	words_join(cell->buf, sizeof(cell->buf), evidence_words, thread->evidence);
	len = strlen(cell->buf);
	if (stack->guard_kind == GUARD_MARKER)
		len += snprintf(cell->buf + len, sizeof(cell->buf) - len, "%smarker",
				len ? "," : "");
	if (stack->claimed &&
	    block_of(picture->model, thread - picture->model->threads, &block) == BLOCK_TOLD)
		snprintf(cell->buf + len, sizeof(cell->buf) - len, "%sblock", len ? "," : "");
	cell_string(cell, cell->buf);
}

static void get_sp(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_thread *thread = row;

	if (has_registers(picture, thread))
		cell_number(cell, thread->sp);
}

static void get_ip(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_thread *thread = row;

	if (has_registers(picture, thread))
		cell_number(cell, thread->ip);
}

/* Unlike the others it is not saved on entry: it is there without them */
static void get_tp(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_thread *thread = row;

	cell_nonzero(cell, thread->tp);
}

static void get_kind(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct stack *stack = stack_of(picture, row);

	cell_string(cell, stack_kind_name(stack->kind));
	cell->paint = stack->claimed ? PAINT_STACK : PAINT_FAINT;
}

static void get_flags(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_thread *thread = row;

	words_join(cell->buf, sizeof(cell->buf), flag_words, thread->flags);
	cell_string(cell, cell->buf);
}

static void get_on_altstack(const struct picture *picture, const void *row, struct cell *cell)
{
	const struct pmemctl_thread *thread = row;

	if (thread->reg_state != PMEMCTL_REGS_NONE)
		cell_number(cell, !!(thread->evidence & PMEMCTL_STACK_SP_ALT));
}

static const struct column columns[] = {
	{ "TID", TYPE_NUMBER, 0, "its id", get_tid },
	{ "COMM", TYPE_STRING, 0, "its name", get_comm },
	{ "STATE", TYPE_STRING, 0, "R running, S sleeping, D the same uninterruptibly, T stopped, "
	  "t traced, Z zombie, I idle", get_state },
	{ "STACK_START", TYPE_ADDRESS, 0, "lowest address of its own stack", get_stack_start },
	{ "STACK_END", TYPE_ADDRESS, 0, "first address above it", get_stack_end },
	{ "STACK_SIZE", TYPE_SIZE, 0, "bytes of address space between them", get_stack_size },
	{ "EVIDENCE", TYPE_STRING, 0, "what the stack is told from", get_evidence },
	{ "SP", TYPE_ADDRESS, 0, "stack pointer", get_sp },
	{ "SP_STATE", TYPE_STRING, 0, "what SP and IP are worth: blocked, queued and live are "
	  "exact, last-entry may be stale", get_sp_state },
	{ "IP", TYPE_ADDRESS, 0, "instruction pointer", get_ip },
	{ "TP", TYPE_ADDRESS, 0, "thread pointer", get_tp },
	{ "KIND", TYPE_STRING, 0, "what stack it runs on: main, pthread, user, altstack, switched, "
	  "go, worker, exited, unknown", get_kind },
	{ "LIMIT_START", TYPE_ADDRESS, 0, "lowest address that it can grow to", get_limit_start },
	{ "LIMIT_SIZE", TYPE_SIZE, 0, "bytes from there to STACK_END", get_limit_size },
	{ "LIMIT_WHY", TYPE_STRING, 0, "what ends it there: rlimit, mapping, guard",
	  get_limit_why },
	{ "GUARD", TYPE_STRING, 0, "what stops an overflow: vma, marker (in the page tables), "
	  "jvm (zones of a Java thread), none", get_guard },
	{ "GUARD_START", TYPE_ADDRESS, 0, "lowest address of the guard", get_guard_start },
	{ "GUARD_SIZE", TYPE_SIZE, 0, "its size", get_guard_size },
	{ "TLS_START", TYPE_ADDRESS, 0, "where the executable's own TLS begins, which ends at TP",
	  get_tls_start },
	{ "USED", TYPE_SIZE, 0, "from STACK_END (where that is not known: TP) down to SP", get_used },
	{ "FREE", TYPE_SIZE, 0, "from SP down to STACK_START", get_free },
	{ "MAX", TYPE_SIZE, COLUMN_TOUCHED, "from STACK_END down to the deepest page that was "
	  "ever touched", get_max },
	{ "MAX%", TYPE_NUMBER, COLUMN_TOUCHED, "MAX in percent of LIMIT_SIZE", get_max_percent },
	{ "TAINTS", TYPE_STRING, COLUMN_TOUCHED | COLUMN_BLANK, "why MAX may be too much: locked, "
	  "pretouched, huge, forked, reused, probed, marked", get_taints },
	{ "RESIDENT", TYPE_SIZE, COLUMN_TOUCHED, "bytes of its own stack in memory",
	  get_resident },
	{ "FLAGS", TYPE_STRING, COLUMN_BLANK, "leader, exiting, no-mm, io-worker, user-worker, "
	  "on-cpu", get_flags },
	{ "CPU", TYPE_NUMBER, 0, "CPU that it runs or last ran on", get_cpu },
	{ "POLICY", TYPE_STRING, 0, "scheduling policy", get_policy },
	{ "NICE", TYPE_SIGNED, 0, "-20 (wants much) to 19", get_nice },
	{ "RT_PRIORITY", TYPE_NUMBER, 0, "1 to 99 for fifo and rr", get_rt_priority },
	{ "NVCSW", TYPE_NUMBER, 0, "times it gave up the CPU", get_nvcsw },
	{ "NIVCSW", TYPE_NUMBER, 0, "times the CPU was taken from it", get_nivcsw },
	{ "CLEAR_CHILD_TID", TYPE_ADDRESS, 0, "where the kernel writes 0 when it ends",
	  get_clear_child_tid },
	{ "ROBUST_LIST", TYPE_ADDRESS, 0, "head of its robust futexes", get_robust_list },
	{ "RSEQ", TYPE_ADDRESS, 0, "its restartable sequences area", get_rseq },
	{ "ALTSTACK_START", TYPE_ADDRESS, 0, "alternate signal stack", get_altstack_start },
	{ "ALTSTACK_SIZE", TYPE_SIZE, 0, "its size", get_altstack_size },
	{ "ON_ALTSTACK", TYPE_BOOL, 0, "SP lies in the alternate signal stack", get_on_altstack },
	{ "ALTSTACK_USED", TYPE_SIZE, 0, "from its end down to SP", get_altstack_used },
	{ "ALTSTACK_MAX", TYPE_SIZE, COLUMN_TOUCHED, "from its end down to the deepest page that "
	  "was touched", get_altstack_max },
	{ "SHSTK_START", TYPE_ADDRESS, 0, "shadow stack", get_shstk_start },
	{ "SHSTK_SIZE", TYPE_SIZE, 0, "its size", get_shstk_size },
	{ "SHSTK_MAX", TYPE_SIZE, COLUMN_TOUCHED, "from its end down to the deepest page that was "
	  "touched", get_shstk_max },
	{ "S", TYPE_STRING, COLUMN_TEXT, "STATE, in a narrow column", get_state },
	{ "STACK", TYPE_STRING, COLUMN_TEXT, "STACK_START and STACK_END", get_stack },
	{ "SIZE", TYPE_SIZE, COLUMN_TEXT, "STACK_SIZE, in a narrow column", get_stack_size },
};

static const char *kind_at(size_t i)
{
	return i <= STACK_EXITED ? stack_kind_name(i) : NULL;
}

static size_t count_threads(const struct picture *picture)
{
	return picture->model->nr_threads;
}

static const void *thread_at(const struct picture *picture, size_t i)
{
	return &picture->model->threads[i];
}

const struct table table_threads = {
	.name = "threads",
	.columns = columns,
	.nr_columns = ARRAY_SIZE(columns),
	.defaults = "TID,COMM,S,KIND,STACK,SIZE,GUARD,USED,SP_STATE,MAX,MAX%,TAINTS",
	.kind = kind_at,
	.count = count_threads,
	.row = thread_at,
};

const struct view view_threads = {
	/* The VMAs bear witness on the stacks */
	.wish = {
		.sections = PMEMCTL_SECTION_VMAS | PMEMCTL_SECTION_THREADS,
		.registers = true,
	},
	.below = &table_orphans,
};
