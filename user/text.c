// SPDX-License-Identifier: GPL-2.0
#include "text.h"

#include "utf8.h"

#include <linux/pmemctl.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *paint_sequence(enum paint paint)
{
	static const char *const sequences[] = {
		[PAINT_NONE] = "",
		[PAINT_HEAD] = "\033[1m",
		[PAINT_CODE] = "\033[32m",
		[PAINT_DATA] = "\033[36m",
		[PAINT_HEAP] = "\033[33m",
		[PAINT_STACK] = "\033[35m",
		[PAINT_GUARD] = "\033[31m",
		[PAINT_FAINT] = "\033[2m",
	};

	return sequences[paint];
}

bool paint_wanted(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no_color && *no_color)
		return false;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

char *size_text(char *to, uint64_t bytes, bool exact)
{
	static const char units[] = "BKMGTPE";
	uint64_t tenths, unit = 1;
	int i = 0;

	if (exact) {
		sprintf(to, "%" PRIu64, bytes);
		return to;
	}
	while (i < 6 && bytes / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	/* Divide before multiplying: 16E times 10 has no room in 64 bits */
	tenths = bytes / unit * 10 + (bytes % unit / (unit > 1024 ? 1024 : 1) * 10 +
		 unit / (unit > 1024 ? 2048 : 2)) / (unit > 1024 ? unit / 1024 : unit);
	if (tenths % 10 && tenths < 1000)
		sprintf(to, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10, units[i]);
	else
		sprintf(to, "%" PRIu64 "%c", (tenths + 5) / 10, units[i]);
	if (!i)
		to[strlen(to) - 1] = 0;
	return to;
}

char *nanoseconds_text(char *to, uint64_t ns)
{
	if (ns < 1000)
		sprintf(to, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		sprintf(to, "%.1f us", ns / 1e3);
	else if (ns < 1000000000)
		sprintf(to, "%.1f ms", ns / 1e6);
	else
		sprintf(to, "%.3g s", ns / 1e9);
	return to;
}

char *time_text(char *to, uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(to, 28, "%Y-%m-%dT%H:%M:%S", &tm);
	sprintf(to + len, ".%09uZ", (unsigned int)(ns % 1000000000));
	return to;
}

void put_visible(FILE *out, const char *s)
{
	while (*s) {
		size_t len = utf8_length(s);

		if (len && !utf8_is_control(s)) {
			fwrite_unlocked(s, 1, len, out);
			s += len;
			continue;
		}
		for (len += !len; len; len--)
			fprintf(out, "\\x%02x", (unsigned char)*s++);
	}
}

void put_count(FILE *out, size_t n, const char *one, const char *many)
{
	fprintf(out, "%zu %s", n, n == 1 ? one : many);
}

char *perms_text(char *to, uint64_t flags)
{
	to[0] = flags & PMEMCTL_VMA_READ ? 'r' : '-';
	to[1] = flags & PMEMCTL_VMA_WRITE ? 'w' : '-';
	to[2] = flags & PMEMCTL_VMA_EXEC ? 'x' : '-';
	to[3] = flags & PMEMCTL_VMA_MAYSHARE ? 's' : 'p';
	to[4] = 0;
	return to;
}

void words_join(char *to, size_t size, const struct word *words, uint64_t bits)
{
	size_t len = 0;

	*to = 0;
	for (; words->word && len < size; words++) {
		if (bits & words->value)
			len += snprintf(to + len, size - len, "%s%s", len ? "," : "",
					words->word);
	}
}

const char *word_find(const struct word *words, uint64_t value, const char *other)
{
	for (; words->word; words++) {
		if (words->value == value)
			return words->word;
	}
	return other;
}
