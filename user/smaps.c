// SPDX-License-Identifier: GPL-2.0
#include "smaps.h"

#include "model.h"
#include "pmemctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What stands before the path in the first line of an entry is shorter */
#define HEAD 256

/* Lines of smaps are added up by these names; "kB" is 1024 bytes in /proc */
static const struct {
	const char *name;
	enum smaps_field field;
} names[] = {
	{ "Rss", SMAPS_RSS },
	{ "Pss", SMAPS_PSS },
	{ "Shared_Clean", SMAPS_SHARED_CLEAN },
	{ "Shared_Dirty", SMAPS_SHARED_DIRTY },
	{ "Private_Clean", SMAPS_PRIVATE_CLEAN },
	{ "Private_Dirty", SMAPS_PRIVATE_DIRTY },
	{ "Referenced", SMAPS_REFERENCED },
	{ "Anonymous", SMAPS_ANON },
	{ "AnonHugePages", SMAPS_HUGE },
	{ "ShmemPmdMapped", SMAPS_HUGE },
	{ "FilePmdMapped", SMAPS_HUGE },
	{ "Shared_Hugetlb", SMAPS_HUGETLB },
	{ "Private_Hugetlb", SMAPS_HUGETLB },
	{ "Swap", SMAPS_SWAP },
	{ "SwapPss", SMAPS_SWAP_PSS },
	{ "Locked", SMAPS_LOCKED },
};

/**
 * struct reader - smaps while it is being read
 * @smaps: where entries go
 * @max: how many
 * @now: the entry whose lines go by
 * @open: there is one
 * @full: there is no room for more of them
 */
struct reader {
	struct smaps *smaps;
	size_t max;
	struct smap now;
	bool open;
	bool full;
};

/* Digits of a base up to 16. Return: behind them, NULL if there is none or they are too many */
static const char *number(const char *s, unsigned int base, uint64_t *value)
{
	const char *begin = s;

	for (*value = 0;; s++) {
		unsigned int digit = *s >= '0' && *s <= '9' ? *s - '0' :
				     *s >= 'a' && *s <= 'f' ? *s - 'a' + 10 : 16;

		if (digit >= base)
			return s > begin && s - begin <= 20 ? s : NULL;
		*value = *value * base + digit;
	}
}

static const char *expect(const char *s, char c)
{
	return s && *s == c ? s + 1 : NULL;
}

/* "7f00-7f01 rw-p 0000 08:01 42    /path" */
static bool parse_head(const char *s, struct smap *smap)
{
	uint64_t major, minor;

	memset(smap, 0, sizeof(*smap));
	s = expect(number(s, 16, &smap->start), '-');
	s = s ? expect(number(s, 16, &smap->end), ' ') : NULL;
	if (!s || strnlen(s, 5) < 5 || s[4] != ' ')
		return false;
	memcpy(smap->perms, s, 4);
	s = expect(number(s + 5, 16, &smap->offset), ' ');
	s = s ? expect(number(s, 16, &major), ':') : NULL;
	s = s ? expect(number(s, 16, &minor), ' ') : NULL;
	s = s ? number(s, 10, &smap->ino) : NULL;
	smap->dev_major = s ? major : 0;
	smap->dev_minor = s ? minor : 0;
	return s && smap->start < smap->end;
}

/* "Rss:                 132 kB" */
static void parse_field(const char *line, struct smap *smap)
{
	const char *colon = strchr(line, ':');
	uint64_t value;

	for (size_t i = 0; colon && i < ARRAY_SIZE(names); i++) {
		size_t len = colon - line;

		if (strlen(names[i].name) != len || memcmp(names[i].name, line, len))
			continue;
		if (number(colon + 1 + strspn(colon + 1, " "), 10, &value))
			smap->bytes[names[i].field] += value << 10;
		return;
	}
}

static int keep(struct reader *reader)
{
	struct smaps *smaps = reader->smaps;

	reader->open = false;
	if (smaps->count && smaps->list[smaps->count - 1].end > reader->now.start)
		return 0;
	if (smaps->count == reader->max) {
		reader->full = true;
		return 0;
	}
	if (smaps->count == smaps->room) {
		size_t room = smaps->room ? smaps->room * 2 : 64;
		void *list = realloc(smaps->list, room * sizeof(*smaps->list));

		if (!list)
			return -ENOMEM;
		smaps->list = list;
		smaps->room = room;
	}
	smaps->list[smaps->count++] = reader->now;
	return 0;
}

/* Names of fields begin with a capital; the last of an entry is VmFlags */
static int take_line(struct reader *reader, const char *line)
{
	if (*line < 'A' || *line > 'Z')
		reader->open = parse_head(line, &reader->now);
	else if (reader->open && !strncmp(line, "VmFlags:", 8))
		return keep(reader);
	else if (reader->open)
		parse_field(line, &reader->now);
	return 0;
}

/*
 * Takes the whole lines of a buffer. Return: how many bytes they were, or -errno.
 */
static ssize_t take_lines(struct reader *reader, char *buf, size_t len)
{
	char *line = buf, *end;

	while (!reader->full && (end = memchr(line, '\n', buf + len - line))) {
		int ret;

		*end = 0;
		ret = take_line(reader, line);
		if (ret)
			return ret;
		line = end + 1;
	}
	return line - buf;
}

int smaps_read(int fd, size_t max, struct smaps *smaps)
{
	static char buf[1 << 16];
	struct reader reader = { .smaps = smaps, .max = max };
	size_t len = 0;

	while (!reader.full) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - len), taken;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += n;
		taken = take_lines(&reader, buf, len);
		if (taken < 0)
			return taken;
		len -= taken;
		memmove(buf, buf + taken, len);
		/* of an endless path nothing is wanted, but of what stands before it */
		if (len == sizeof(buf))
			len = HEAD;
	}
	smaps->read = true;
	return 0;
}

const char *smaps_why(int error)
{
	return error ? strerror(error) : "the process changes too fast";
}

void smaps_free(struct smaps *smaps)
{
	free(smaps->list);
	*smaps = (struct smaps) { 0 };
}

static bool same_perms(const struct smap *smap, uint64_t flags)
{
	return smap->perms[0] == (flags & PMEMCTL_VMA_READ ? 'r' : '-') &&
	       smap->perms[1] == (flags & PMEMCTL_VMA_WRITE ? 'w' : '-') &&
	       smap->perms[2] == (flags & PMEMCTL_VMA_EXEC ? 'x' : '-') &&
	       smap->perms[3] == (flags & PMEMCTL_VMA_MAYSHARE ? 's' : 'p');
}

static bool same_file(const struct smap *smap, const struct model *model,
		      const struct pmemctl_vma *vma)
{
	const struct pmemctl_object *file = model_object(model, vma->file);

	if (!file)
		return !smap->ino && !smap->dev_major && !smap->dev_minor;
	return smap->ino == file->ino && smap->dev_major == file->dev_major &&
	       smap->dev_minor == file->dev_minor && smap->offset == vma->offset;
}

static int by_start(const void *key, const void *entry)
{
	uint64_t start = *(const uint64_t *)key;
	const struct smap *smap = entry;

	return start < smap->start ? -1 : start > smap->start;
}

const struct smap *smaps_of(const struct model *model, const struct pmemctl_vma *vma)
{
	const struct smaps *smaps = &model->witness.smaps;
	uint64_t start = vma->start;
	const struct smap *smap;

	if (!smaps->count)
		return NULL;
	smap = bsearch(&start, smaps->list, smaps->count, sizeof(*smap), by_start);
	if (!smap || smap->end != vma->end || !same_perms(smap, vma->flags) ||
	    !same_file(smap, model, vma))
		return NULL;
	return smap;
}
