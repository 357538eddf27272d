// SPDX-License-Identifier: GPL-2.0
/*
 * Words that stand for addresses, sizes, threads and processes: filter.c, options.c.
 * What is taken is what a second reader takes, who goes digit by digit; and what was
 * written is read as what it was.
 */
#include "filter.h"
#include "input.h"
#include "options.h"

#include <inttypes.h>
#include <string.h>

/* Digits of a base, of any number; what has no room in 64 bits is none */
static const char *digits(const char *s, unsigned int base, uint64_t *value)
{
	unsigned __int128 sum = 0;
	const char *begin = s;

	for (;; s++) {
		unsigned int digit = *s >= '0' && *s <= '9' ? *s - '0' :
				     (*s | 0x20) >= 'a' && (*s | 0x20) <= 'f' ?
				     (*s | 0x20) - 'a' + 10 : 16;

		if (digit >= base)
			break;
		sum = sum * base + digit;
		if (sum >> 64)
			return NULL;
	}
	*value = sum;
	return s > begin ? s : NULL;
}

static const char *hex(const char *s, uint64_t *value)
{
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	return digits(s, 16, value);
}

static bool is_range(const char *word, uint64_t *start, uint64_t *last)
{
	uint64_t end;

	word = hex(word, start);
	*last = *start;
	if (!word || !*word)
		return word;
	if (*word != '-')
		return false;
	word = hex(word + 1, &end);
	*last = end - 1;
	return word && !*word && *start < end;
}

static void judge_addr(const char *word)
{
	struct filter filter = { 0 };
	uint64_t start = 0, last = 0;
	bool is = is_range(word, &start, &last);
	char again[64];

	must(filter_addr(&filter, word) == is);
	if (!is)
		return;
	must(filter.start == start && filter.last == last && start <= last);
	if (last == UINT64_MAX)
		return;
	snprintf(again, sizeof(again), "%" PRIx64 "-0x%" PRIX64, start, last + 1);
	must(filter_addr(&filter, again) && filter.start == start && filter.last == last);
}

static void judge_size(const char *word)
{
	uint64_t size = 0, value = 0;
	const char *unit = digits(word, 10, &value);
	unsigned int shift = unit && *unit == 'K' ? 10 : unit && *unit == 'M' ? 20 :
			     unit && *unit == 'G' ? 30 : 0;
	bool is = unit && !unit[!!shift] && strlen(word) < 12;

	must(parse_size(word, &size) == is);
	must(!is || (size >> shift == value && size == value << shift));
}

static void judge_pid(const char *word)
{
	uint64_t value = 0;
	const char *end = digits(word, 10, &value);
	bool is = end && !*end && end - word < 11 && value && value <= INT32_MAX;

	must(is_pid(word) == is);
}

static void judge_tids(const char *word)
{
	struct filter filter = { 0 };
	const char *wrong = filter_tids(&filter, word), *at = word;

	must(filter.nr_tids <= FILTER_MAX);
	must(!wrong || (wrong >= word && wrong <= word + strlen(word)));
	for (size_t i = 0; i < filter.nr_tids; i++) {
		uint64_t value = 0;

		at = digits(at, 10, &value);
		must(at && filter.tids[i] == value && value && value <= INT32_MAX);
		must(*at == ',' || (!*at && i + 1 == filter.nr_tids && !wrong));
		at++;
	}
	must(!wrong || wrong == at);
}

/* A name of the table's kinds, with what stands for blanks */
static bool is_kind(const char *word, size_t len, const char *kind)
{
	if (strlen(kind) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = word[i] == '-' || word[i] == '_' ? ' ' : word[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c != kind[i])
			return false;
	}
	return true;
}

static void judge_kinds(const char *word)
{
	struct filter filter = { 0 };
	const char *wrong = filter_kinds(&filter, &table_regions, word), *at = word;

	must(filter.nr_kinds <= FILTER_MAX);
	for (size_t i = 0; i < filter.nr_kinds; i++) {
		size_t len = strcspn(at, ",");

		must(is_kind(at, len, filter.kinds[i]));
		at += len + 1;
	}
	must(wrong ? wrong == at : at == word + strlen(word) + 1);
}

static void judge_columns(const char *word)
{
	struct selection selection;
	struct sorting sorting;
	const char *wrong = table_select(&table_threads, word, &selection);

	must(selection.count <= SELECTION_MAX);
	must(!wrong || (wrong >= word && wrong <= word + strlen(word)));
	for (size_t i = 0; i < selection.count; i++) {
		for (size_t k = 0; k < i; k++)
			must(selection.columns[i] != selection.columns[k]);
	}
	wrong = table_sorting(&table_threads, word, &sorting);
	must(sorting.count <= SORTING_MAX);
	must(!wrong || (wrong >= word && wrong <= word + strlen(word)));
}

/* From a number to a word and back */
static void judge_numbers(struct input *in)
{
	uint64_t value = take(in, 8), size;
	struct filter filter;
	char word[32];

	snprintf(word, sizeof(word), "%s%" PRIx64, value & 1 ? "0x" : "", value);
	must(filter_addr(&filter, word) && filter.start == value && filter.last == value);
	snprintf(word, sizeof(word), "%" PRIu64 "%c", value % 10000000000, "KMG"[value % 3]);
	must(parse_size(word, &size) && size == value % 10000000000 << 10 * (value % 3 + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *word = malloc(size + 1);

	/* of its own size, so that a read beyond it is seen */
	take_string(&in, word, size + 1);
	word = realloc(word, strlen(word) + 1);
	judge_addr(word);
	judge_size(word);
	judge_pid(word);
	judge_tids(word);
	judge_kinds(word);
	judge_columns(word);
	free(word);
	judge_numbers(&in);
	return 0;
}
