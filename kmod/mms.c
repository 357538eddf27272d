// SPDX-License-Identifier: GPL-2.0
/*
 * The mms that tasks use, each once. They are found while tasks are walked over,
 * where only a reference is taken, and read after that. What is held of one is
 * mm_count: its address is not used again, and it can be read; but it is torn
 * down as soon as its last task lets go, and mm_users stays what it is.
 */
#include <linux/cache.h>
#include <linux/hash.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/siphash.h>
#include <linux/string.h>

#include "compat.h"
#include "internal.h"

static siphash_key_t mm_id_key __ro_after_init;

/* What is known of an mm besides its row */
struct mm_pin {
	struct mm_struct *mm;	/* holds a reference until it is read */
	int users;		/* mm_users when it was found */
	u32 explained;		/* tasks that hold a count of it */
	u32 number;		/* in the end; 0: it is left out */
};

/**
 * pmemctl_mms_init - choose the key that mm ids are made with
 */
void __init pmemctl_mms_init(void)
{
	get_random_bytes(&mm_id_key, sizeof(mm_id_key));
}

/**
 * pmemctl_mm_id - the number that names an mm to user space
 * @mm: the mm, kept by the caller from being freed
 *
 * Return: the same for the same mm, and nothing that its address shows in.
 */
u64 pmemctl_mm_id(const struct mm_struct *mm)
{
	return siphash_1u64((uintptr_t)mm, &mm_id_key);
}

/**
 * pmemctl_mms_reserve - make room, and forget what was found
 * @mms: what is gathered
 * @budget: what the memory is charged to
 * @rows: mms that must fit
 *
 * Sleeps. Return: 0, -EFBIG over the budget, -ENOMEM.
 */
int pmemctl_mms_reserve(struct pmemctl_mms *mms, struct pmemctl_budget *budget, size_t rows)
{
	int ret;

	pmemctl_mms_let_go(mms);
	mms->rows.row_size = sizeof(struct pmemctl_mm_row);
	mms->pins.row_size = sizeof(struct mm_pin);
	mms->slots.row_size = sizeof(u32);
	mms->rows.count = 0;
	mms->pins.count = 0;
	mms->full = false;

	ret = pmemctl_table_reserve(&mms->rows, budget, rows);
	if (ret)
		return ret;
	ret = pmemctl_table_reserve(&mms->pins, budget, mms->rows.capacity);
	if (ret)
		return ret;
	ret = pmemctl_table_reserve(&mms->slots, budget,
				    roundup_pow_of_two(2 * (size_t)mms->rows.capacity));
	if (ret)
		return ret;
	memset(mms->slots.rows, 0, (size_t)mms->slots.capacity * sizeof(u32));
	return 0;
}

/* The slot of @mm, or the free one where its number belongs */
static u32 *find_slot(const struct pmemctl_mms *mms, const struct mm_struct *mm)
{
	const struct mm_pin *pins = mms->pins.rows;
	u32 *slots = mms->slots.rows;
	u32 mask = mms->slots.capacity - 1;
	u32 i = hash_ptr(mm, 32) & mask;

	while (slots[i] && pins[slots[i] - 1].mm != mm)
		i = (i + 1) & mask;
	return &slots[i];
}

/**
 * pmemctl_mms_find - the number of an mm
 * @mms: what is gathered; not let go of yet
 * @mm: compared, never followed: it may be gone
 *
 * As all that were found are held, an equal address is the same mm.
 *
 * Return: 1 + the index of its row, 0 if it was not found so far.
 */
u32 pmemctl_mms_find(const struct pmemctl_mms *mms, const struct mm_struct *mm)
{
	return *find_slot(mms, mm);
}

/* Return: its number, 0 without room */
static u32 add_mm(struct pmemctl_mms *mms, struct mm_struct *mm)
{
	struct pmemctl_mm_row *row = pmemctl_table_add(&mms->rows);
	struct mm_pin *pin;

	if (!row) {
		mms->full = true;
		return 0;
	}
	pin = pmemctl_table_add(&mms->pins);	/* which has room for as many */
	mmgrab(mm);
	pin->mm = mm;
	pin->users = atomic_read(&mm->mm_users);
	pin->explained = 0;
	pin->number = 0;
	memset(row, 0, sizeof(*row));
	return mms->pins.count;
}

/**
 * pmemctl_mms_of_task - the number of the mm that a task uses
 * @mms: what is gathered; the mm is added if it is new
 * @task: kept by the caller from being freed (RCU)
 *
 * Does not sleep, but on PREEMPT_RT for task_lock(). Return: the number; 0 if it
 * uses none, and, with @mms->full set, without room.
 */
u32 pmemctl_mms_of_task(struct pmemctl_mms *mms, struct task_struct *task)
{
	struct mm_struct *mm = READ_ONCE(task->mm);
	u32 *slot;

	if (!mm)
		return 0;
	slot = find_slot(mms, mm);
	if (*slot)
		return *slot;

	/* whoever takes ->mm away does so under this lock, and lets go of it later */
	task_lock(task);
	mm = task->mm;
	slot = mm ? find_slot(mms, mm) : NULL;
	if (slot && !*slot)
		*slot = add_mm(mms, mm);
	task_unlock(task);
	return slot ? *slot : 0;
}

/**
 * pmemctl_mms_explain - a count of mm_users belongs to a task that was found
 * @mms: what is gathered
 * @number: of the mm
 */
void pmemctl_mms_explain(struct pmemctl_mms *mms, u32 number)
{
	((struct mm_pin *)mms->pins.rows)[number - 1].explained++;
}

/**
 * pmemctl_mms_hide - a task that uses an mm is not listed
 * @mms: what is gathered
 * @number: of the mm
 */
void pmemctl_mms_hide(struct pmemctl_mms *mms, u32 number)
{
	((struct pmemctl_mm_row *)mms->rows.rows)[number - 1].hidden++;
}

/*
 * What no task explains. Tasks that came during the walk may have been found, but
 * are not in the first count; those that went are in the first and not in the
 * last. The lower one is too high only for a task that is just being made or
 * exiting, or where one went unseen and another came unseen in its place.
 */
static u32 unexplained(const struct mm_pin *pin, int users)
{
	return max_t(int, min(pin->users, users) - (int)pin->explained, 0);
}

/**
 * pmemctl_mms_close - the end of the walk: nothing will be found any more
 * @mms: what is gathered
 *
 * Does not sleep: call it before RCU is let go, as near to the tasks as can be.
 */
void pmemctl_mms_close(struct pmemctl_mms *mms)
{
	const struct mm_pin *pins = mms->pins.rows;
	struct pmemctl_mm_row *rows = mms->rows.rows;
	u32 i;

	for (i = 0; i < mms->rows.count; i++) {
		int users = atomic_read(&pins[i].mm->mm_users);

		rows[i].users = users;
		rows[i].unexplained = unexplained(&pins[i], users);
	}
}

static void read_mm(struct pmemctl_mm_row *row, struct mm_struct *mm)
{
	row->id = pmemctl_mm_id(mm);
	/* total_vm stays what it was when an mm is torn down */
	if (!atomic_read(&mm->mm_users))
		return;
	row->total_vm = (u64)READ_ONCE(mm->total_vm) << PAGE_SHIFT;
	row->rss_anon = pmemctl_mm_counter(mm, MM_ANONPAGES);
	row->rss_file = pmemctl_mm_counter(mm, MM_FILEPAGES);
	row->rss_shmem = pmemctl_mm_counter(mm, MM_SHMEMPAGES);
	row->swap = pmemctl_mm_counter(mm, MM_SWAPENTS);
	row->pgtables = mm_pgtables_bytes(mm);
	/* its lock is not held, and it is not changed by WRITE_ONCE() */
	row->map_count = data_race(READ_ONCE(mm->map_count));
}

/**
 * pmemctl_mms_read - fill in the sizes, and let go of the mms
 * @mms: what is gathered, closed
 *
 * Sleeps; under the locks of generic netlink only. No lock of the mms is taken: each
 * number is what it was at some instant.
 */
void pmemctl_mms_read(struct pmemctl_mms *mms)
{
	const struct mm_pin *pins = mms->pins.rows;
	struct pmemctl_mm_row *rows = mms->rows.rows;
	u32 i;

	for (i = 0; i < mms->rows.count; i++) {
		read_mm(&rows[i], pins[i].mm);
		cond_resched();
	}
	pmemctl_mms_let_go(mms);
}

/**
 * pmemctl_mms_pack - leave out the mms that no task is listed with
 * @mms: what is gathered, read, its tasks counted
 *
 * Afterwards pmemctl_mms_packed() gives the numbers.
 */
void pmemctl_mms_pack(struct pmemctl_mms *mms)
{
	struct pmemctl_mm_row *rows = mms->rows.rows;
	struct mm_pin *pins = mms->pins.rows;
	u32 i, kept = 0;

	for (i = 0; i < mms->rows.count; i++) {
		if (!rows[i].tasks && !rows[i].kthreads)
			continue;
		rows[kept++] = rows[i];
		pins[i].number = kept;
	}
	mms->rows.count = kept;
}

/**
 * pmemctl_mms_packed - the new number of an mm
 * @mms: what is gathered, packed
 * @number: the number before, or 0
 *
 * Return: the number now, 0 for 0 and for one that was left out.
 */
u32 pmemctl_mms_packed(const struct pmemctl_mms *mms, u32 number)
{
	return number ? ((struct mm_pin *)mms->pins.rows)[number - 1].number : 0;
}

/**
 * pmemctl_mms_let_go - drop the references
 * @mms: what is gathered; its rows stay
 *
 * mmdrop() may be the last, and free the mm: under the locks of generic netlink only, and
 * no RCU.
 */
void pmemctl_mms_let_go(struct pmemctl_mms *mms)
{
	struct mm_pin *pins = mms->pins.rows;
	u32 i;

	for (i = 0; i < mms->pins.count; i++) {
		if (pins[i].mm)
			mmdrop(pins[i].mm);
		pins[i].mm = NULL;
		cond_resched();
	}
}

/**
 * pmemctl_mms_free - give everything back, also when half gathered
 * @mms: what was gathered
 * @budget: what the memory was charged to
 */
void pmemctl_mms_free(struct pmemctl_mms *mms, struct pmemctl_budget *budget)
{
	pmemctl_mms_let_go(mms);
	pmemctl_table_free(&mms->rows, budget);
	pmemctl_table_free(&mms->pins, budget);
	pmemctl_table_free(&mms->slots, budget);
}
