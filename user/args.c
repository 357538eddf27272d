// SPDX-License-Identifier: GPL-2.0
#include "args.h"

#include "pagemap.h"

#include <string.h>
#include <unistd.h>

/* The kernel takes less; a program may have said anything */
#define MAX_BYTES (16ULL << 20)

/* Return: how much could be read without bringing a page in */
static size_t read_present(int pagemap, int mem, uint64_t addr, char *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t at = addr + done, end = page_up(at + 1);
		size_t want = end - at < size - done ? end - at : size - done;
		ssize_t got;

		if (pagemap_page(pagemap, at) != PAGE_PRESENT)
			break;
		got = pread(mem, to + done, want, at);
		if (got <= 0)
			break;
		done += got;
	}
	return done;
}

/*
 * Counts the strings that end below @addr.
 *
 * Return: whether all could be read.
 */
static bool count_strings(int pagemap, int mem, uint64_t start, uint64_t addr, struct arg *arg,
			  uint64_t *begin)
{
	char buf[PAGE];

	*begin = start;
	while (start < addr) {
		size_t want = addr - start < sizeof(buf) ? addr - start : sizeof(buf);

		if (read_present(pagemap, mem, start, buf, want) != want)
			return false;
		for (size_t i = 0; i < want; i++) {
			if (buf[i])
				continue;
			arg->index++;
			*begin = start + i + 1;
		}
		start += want;
	}
	return true;
}

void arg_find(const struct model *model, int pagemap, int mem, uint64_t addr, struct arg *arg)
{
	const uint64_t *mm = model->mm;
	uint64_t start = mm[PMEMCTL_MM_ARG_START], end = mm[PMEMCTL_MM_ARG_END], begin;
	size_t size = sizeof(arg->text), got, len;

	memset(arg, 0, sizeof(*arg));
	if (addr < start || addr >= end) {
		start = mm[PMEMCTL_MM_ENV_START];
		end = mm[PMEMCTL_MM_ENV_END];
		arg->env = true;
	}
	if (addr < start || addr >= end || addr - start > MAX_BYTES ||
	    !count_strings(pagemap, mem, start, addr, arg, &begin))
		return;
	if (end - begin < size)
		size = end - begin;
	got = read_present(pagemap, mem, begin, arg->text, size);
	for (len = 0; len < got && arg->text[len] && !(arg->env && arg->text[len] == '=');)
		len++;
	arg->cut = len == sizeof(arg->text) || (len == got && begin + got != end);
	arg->text[len < sizeof(arg->text) ? len : sizeof(arg->text) - 1] = 0;
	arg->offset = addr - begin;
	arg->known = true;
}
