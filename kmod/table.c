// SPDX-License-Identifier: GPL-2.0
/*
 * Arrays of fixed-size rows. All memory of a snapshot that grows with its
 * target is in tables, charged to the caller's memory cgroup and to the
 * snapshot's own budget.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "internal.h"

/**
 * pmemctl_table_reserve - make room for rows, keeping those that are there
 * @table: the table; its row_size is set
 * @budget: what the memory is charged to
 * @capacity: rows that must fit in all
 *
 * Sleeps. Rows are not cleared: whoever adds one fills it.
 *
 * While rows are moved both places count. Return: 0, -EFBIG over the budget, -EUSERS
 * over the user's, -ENOMEM.
 */
int pmemctl_table_reserve(struct pmemctl_table *table,
			  struct pmemctl_budget *budget, size_t capacity)
{
	struct pmemctl_table old = *table;
	size_t size;
	int ret;

	if (capacity <= table->capacity)
		return 0;
	if (capacity > U32_MAX ||
	    check_mul_overflow(capacity, (size_t)table->row_size, &size) || size > INT_MAX)
		return -EFBIG;

	if (!table->count) {	/* nothing to keep: never hold both */
		pmemctl_table_free(table, budget);
		old = *table;
	}
	ret = pmemctl_budget_charge(budget, size);
	if (ret)
		return ret;
	table->rows = pmemctl_alloc_large(size, budget->deadline, &table->pages);
	if (!table->rows) {
		pmemctl_budget_uncharge(budget, size);
		*table = old;
		return -ENOMEM;
	}
	if (old.count)
		memcpy(table->rows, old.rows, (size_t)old.count * old.row_size);
	table->capacity = capacity;
	pmemctl_table_free(&old, budget);
	return 0;
}

/**
 * pmemctl_table_free - give the memory back
 * @table: the table; empty afterwards and ready for use
 * @budget: what the memory was charged to
 */
void pmemctl_table_free(struct pmemctl_table *table, struct pmemctl_budget *budget)
{
	size_t size = (size_t)table->capacity * table->row_size;

	pmemctl_free_large(table->rows, size, table->pages);
	pmemctl_budget_uncharge(budget, size);
	table->rows = NULL;
	table->pages = NULL;
	table->count = 0;
	table->capacity = 0;
}
