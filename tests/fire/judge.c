// SPDX-License-Identifier: GPL-2.0
/*
 * Whether what the module sends is what <linux/pmemctl.h> promises, byte by byte.
 * Written from the header alone. It knows the programs that are looked at, too: the
 * names in them are plain ASCII, and no address of theirs is absurd; so a string or
 * an address that is neither was not theirs.
 */
#include "fire.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#define WRONG(...)	(snprintf(verdict, sizeof(verdict), __VA_ARGS__), verdict)

static char verdict[256];

/**
 * is_kernel_address - whether a number looks like one
 * @value: the number
 *
 * The direct map up to KASAN's shadow, and the kernel's text and modules. Not all
 * of the upper half: small negative numbers lie there as well.
 */
bool is_kernel_address(uint64_t value)
{
	return (value >= 0xffff800000000000 && value < 0xfffffc0000000000) ||
	       (value >= 0xffffffff80000000 && value < 0xffffffffff600000);
}

/* What an attribute of a scalar is */
enum shape { NONE, U32, U64, TEXT, PAD, NEST, CHUNK };

static const uint8_t snapshot_shapes[PMEMCTL_A_MAX + 1] = {
	[PMEMCTL_A_PID] = U32, [PMEMCTL_A_FLAGS] = U32, [PMEMCTL_A_COMM] = TEXT,
	[PMEMCTL_A_MM] = NEST, [PMEMCTL_A_TAKEN] = U64, [PMEMCTL_A_TAKEN_BOOTTIME] = U64,
	[PMEMCTL_A_LOCK_WAIT] = U64, [PMEMCTL_A_LOCK_HOLD] = U64,
	[PMEMCTL_A_RLIMIT_STACK] = U64, [PMEMCTL_A_BORROWED_PID] = U32,
	[PMEMCTL_A_BORROWED_COMM] = TEXT, [PMEMCTL_A_MM_USERS_UNEXPLAINED] = U32,
	[PMEMCTL_A_SHARERS_HIDDEN] = U32, [PMEMCTL_A_PAD] = PAD, [PMEMCTL_A_VMAS] = CHUNK,
	[PMEMCTL_A_OBJECTS] = CHUNK, [PMEMCTL_A_THREADS] = CHUNK,
	[PMEMCTL_A_SHARERS] = CHUNK, [PMEMCTL_A_STRINGS] = CHUNK,
};

static const uint8_t tasks_shapes[PMEMCTL_TASKS_A_MAX + 1] = {
	[PMEMCTL_TASKS_A_TAKEN] = U64, [PMEMCTL_TASKS_A_TAKEN_BOOTTIME] = U64,
	[PMEMCTL_TASKS_A_WALK] = U64, [PMEMCTL_TASKS_A_HIDDEN] = U32,
	[PMEMCTL_TASKS_A_PAD] = PAD, [PMEMCTL_TASKS_A_MMS] = CHUNK,
	[PMEMCTL_TASKS_A_TASKS] = CHUNK,
};

static const uint8_t mm_shapes[PMEMCTL_MM_MAX + 1] = {
	[PMEMCTL_MM_ID] = U64, [PMEMCTL_MM_USERS] = U32, [PMEMCTL_MM_MAP_COUNT] = U32,
	[PMEMCTL_MM_EXE] = U32, [PMEMCTL_MM_PAD] = PAD,
	[PMEMCTL_MM_TOTAL_VM ... PMEMCTL_MM_MAX] = U64,
};

static uint32_t u32_at(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static uint64_t u64_at(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static bool is_ascii(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!p[i] || p[i] > 0x7e)
			return false;
	return true;
}

/* A name of a task in a field of 16: terminated, and nothing behind the end */
static bool is_comm(const uint8_t *p)
{
	size_t len = strnlen((const char *)p, 16);

	if (len == 16 || !is_ascii(p, len))
		return false;
	for (; len < 16; len++)
		if (p[len])
			return false;
	return true;
}

static const char *check_vma(struct answer *a, const uint8_t *p)
{
	const uint64_t known = PMEMCTL_VMA_OTHER | ((PMEMCTL_VMA_MAYBE_GUARD << 1) - 1);
	struct pmemctl_vma v;

	memcpy(&v, p, sizeof(v));
	if (v.start >= v.end || v.start < a->last_end || v.end > 1ULL << 56 ||
	    (v.start | v.end) & 4095)
		return WRONG("VMA %#llx-%#llx", v.start, v.end);
	a->last_end = v.end;
	if (v.flags & ~known)
		return WRONG("VMA with flags %#llx", v.flags);
	if (v.page_shift != 12 && v.page_shift != 21 && v.page_shift != 30)
		return WRONG("VMA with page_shift %u", v.page_shift);
	if (v.pkey > 15)
		return WRONG("VMA with pkey %u", v.pkey);
	if (is_kernel_address(v.offset))
		return WRONG("VMA with offset %#llx", v.offset);
	if (v.file > a->objects_used)
		a->objects_used = v.file;
	if (v.name > a->objects_used)
		a->objects_used = v.name;
	return NULL;
}

static const char *check_object(struct answer *a, const uint8_t *p)
{
	struct pmemctl_object o;

	memcpy(&o, p, sizeof(o));
	if (o.zero || o.flags & ~7U || is_kernel_address(o.ino))
		return WRONG("object: zero %u flags %#x ino %#llx", o.zero, o.flags, o.ino);
	if (!(o.flags & PMEMCTL_OBJECT_FILE) && (o.ino || o.dev_major || o.dev_minor))
		return WRONG("object: a name with an inode");
	if (o.string + (uint64_t)o.string_len > a->strings_used)
		a->strings_used = o.string + (uint64_t)o.string_len;
	return NULL;
}

static const char *check_thread(struct answer *a, const uint8_t *p)
{
	struct pmemctl_thread t;
	const uint64_t *addresses = (const uint64_t *)&t.sp;

	memcpy(&t, p, sizeof(t));
	if (!t.tid || t.zero || t.flags & ~63U || t.reg_state > PMEMCTL_REGS_LIVE ||
	    !is_comm((const uint8_t *)t.comm))
		return WRONG("thread %u: zero %u flags %#x reg_state %u", t.tid, t.zero, t.flags,
			     t.reg_state);
	if (t.state > 127 || !strchr("RSDTtZXIPKWx", t.state) || !t.state)
		return WRONG("thread %u: state %#x", t.tid, t.state);
	if (t.cpu > 8191 || t.policy > 10 || t.nice < -20 || t.nice > 19 || t.rt_priority > 99)
		return WRONG("thread %u: cpu %u policy %u nice %d priority %u", t.tid, t.cpu,
			     t.policy, t.nice, t.rt_priority);
	for (size_t i = 0; addresses + i <= (const uint64_t *)&t.stack_high; i++)
		if (is_kernel_address(addresses[i]))
			return WRONG("thread %u: field %zu from sp on is %#llx", t.tid, i,
				     (unsigned long long)addresses[i]);
	if (a->scalars & 1U << PMEMCTL_A_FLAGS && !(a->flags & PMEMCTL_PROCESS_ATTACH) &&
	    (t.sp || t.ip || t.tp))
		return WRONG("thread %u: registers without ATTACH", t.tid);
	if (t.stack_low > t.stack_high || (t.evidence && !t.stack_high &&
					   t.evidence != PMEMCTL_STACK_SP_ALT))
		return WRONG("thread %u: stack %#llx-%#llx evidence %#x", t.tid, t.stack_low,
			     t.stack_high, t.evidence);
	if (t.evidence & ~0x11f3fU)
		return WRONG("thread %u: evidence %#x", t.tid, t.evidence);
	return NULL;
}

static const char *check_sharer(struct answer *a, const uint8_t *p)
{
	struct pmemctl_sharer s;

	(void)a;
	memcpy(&s, p, sizeof(s));
	if (!s.pid || !s.tasks || s.zero || !s.relation ||
	    s.relation > PMEMCTL_RELATION_KTHREAD || !is_comm((const uint8_t *)s.comm))
		return WRONG("sharer %u: tasks %u zero %u relation %u", s.pid, s.tasks, s.zero,
			     s.relation);
	return NULL;
}

static const char *check_mm_row(struct answer *a, const uint8_t *p)
{
	struct pmemctl_mm_row m;

	(void)a;
	memcpy(&m, p, sizeof(m));
	if (is_kernel_address(m.total_vm) || is_kernel_address(m.rss_anon) ||
	    is_kernel_address(m.rss_file) || is_kernel_address(m.rss_shmem) ||
	    is_kernel_address(m.swap) || is_kernel_address(m.pgtables))
		return WRONG("mm: a size that is an address");
	if (!m.tasks && !m.kthreads)
		return WRONG("an mm of no task");
	return NULL;
}

static const char *check_task(struct answer *a, const uint8_t *p)
{
	struct pmemctl_task t;

	memcpy(&t, p, sizeof(t));
	if (!t.tid || !t.tgid || t.zero || t.flags & ~127U || !is_comm((const uint8_t *)t.comm))
		return WRONG("task %u: tgid %u zero %u flags %#x", t.tid, t.tgid, t.zero,
			     t.flags);
	if (!(t.flags & PMEMCTL_TASK_LEADER) != (t.tid != t.tgid))
		return WRONG("task %u of %u: leader or not", t.tid, t.tgid);
	if (!a->partial && (t.mm > a->tables[0].total || t.active_mm > a->tables[0].total))
		return WRONG("task %u: mm %u, %u of %u", t.tid, t.mm, t.active_mm,
			     a->tables[0].total);
	if (is_kernel_address(t.start_time))
		return WRONG("task %u: start_time %#llx", t.tid, t.start_time);
	return NULL;
}

/* A table of an answer, in the order in which they come */
struct table_kind {
	uint16_t attr;
	size_t row_size;
	const char *(*check)(struct answer *a, const uint8_t *row);
};

static const struct table_kind snapshot_tables[TABLES_MAX] = {
	{ PMEMCTL_A_VMAS, sizeof(struct pmemctl_vma), check_vma },
	{ PMEMCTL_A_OBJECTS, sizeof(struct pmemctl_object), check_object },
	{ PMEMCTL_A_THREADS, sizeof(struct pmemctl_thread), check_thread },
	{ PMEMCTL_A_SHARERS, sizeof(struct pmemctl_sharer), check_sharer },
	{ PMEMCTL_A_STRINGS, 1, NULL },
};

static const struct table_kind tasks_tables[TABLES_MAX] = {
	{ PMEMCTL_TASKS_A_MMS, sizeof(struct pmemctl_mm_row), check_mm_row },
	{ PMEMCTL_TASKS_A_TASKS, sizeof(struct pmemctl_task), check_task },
};

static void mix(struct table_seen *seen, const uint8_t *p, size_t len)
{
	uint64_t hash = seen->hash ?: 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3;
	seen->hash = hash;
}

static const char *judge_chunk(struct talk *talk, struct answer *a, uint16_t attr,
			       const uint8_t *p, size_t len)
{
	const struct table_kind *kinds = a->cmd == PMEMCTL_CMD_TASKS ? tasks_tables :
								       snapshot_tables;
	const char *wrong = NULL;
	struct pmemctl_chunk chunk;
	struct table_seen *seen;
	int n = 0;

	if (len < sizeof(chunk))
		return WRONG("a chunk of %zu bytes", len);
	memcpy(&chunk, p, sizeof(chunk));
	p += sizeof(chunk);
	len -= sizeof(chunk);
	while (kinds[n].attr != attr)
		n++;
	seen = &a->tables[n];

	if (chunk.row_size != kinds[n].row_size || !chunk.count ||
	    len != (uint64_t)chunk.row_size * chunk.count)
		return WRONG("table %d: %u rows of %u bytes in %zu", n, chunk.count,
			     chunk.row_size, len);
	if (chunk.first + (uint64_t)chunk.count > chunk.total)
		return WRONG("table %d: rows from %u, %u of %u", n, chunk.first, chunk.count,
			     chunk.total);
	if (!talk->loose) {
		if (n < a->last_table || chunk.first != seen->count ||
		    (seen->total && chunk.total != seen->total))
			return WRONG("table %d after %d: from %u, where %u came", n, a->last_table,
				     chunk.first, seen->count);
	} else {
		a->last_end = 0;
	}
	a->last_table = n;
	seen->count += chunk.count;
	seen->total = chunk.total;
	mix(seen, p, len);

	if (!kinds[n].check)
		return is_ascii(p, len) ? NULL : WRONG("strings with bytes of no string");
	for (uint32_t i = 0; i < chunk.count && !wrong; i++)
		wrong = kinds[n].check(a, p + (size_t)i * chunk.row_size);
	return wrong;
}

/* One that is left out of the search for addresses: it may have any value */
static bool may_be_anything(bool in_mm, uint8_t cmd, uint16_t type)
{
	if (in_mm)
		return type == PMEMCTL_MM_ID;
	return cmd == PMEMCTL_CMD_SNAPSHOT && type == PMEMCTL_A_RLIMIT_STACK;
}

static const char *judge_attrs(struct talk *talk, struct answer *a, const uint8_t *p, size_t len,
			       bool in_mm);

static const char *judge_attr(struct talk *talk, struct answer *a, uint16_t type,
			      const uint8_t *p, size_t len, bool in_mm)
{
	const uint8_t *shapes = in_mm ? mm_shapes : a->cmd == PMEMCTL_CMD_TASKS ?
				tasks_shapes : snapshot_shapes;
	uint16_t max = in_mm ? PMEMCTL_MM_MAX : a->cmd == PMEMCTL_CMD_TASKS ?
		       PMEMCTL_TASKS_A_MAX : PMEMCTL_A_MAX;
	uint16_t plain = type & NLA_TYPE_MASK;
	uint32_t *scalars = in_mm ? &a->mm_scalars : &a->scalars;
	enum shape shape = plain <= max ? shapes[plain] : NONE;
	static const size_t sizes[] = { [U32] = 4, [U64] = 8, [PAD] = 0 };

	if (shape == NONE || type != (plain | (shape == NEST ? NLA_F_NESTED : 0)))
		return WRONG("attribute %#x", type);
	if (shape == CHUNK)
		return judge_chunk(talk, a, plain, p, len);
	if (a->messages > 1 && !talk->loose)
		return WRONG("scalar %u in message %u", plain, a->messages);
	/* where something was lost, two answers of one number may run into each other */
	if (shape != PAD && *scalars & 1U << plain && !talk->loose)
		return WRONG("scalar %u came twice", plain);
	*scalars |= 1U << plain;

	if (shape == NEST)
		return judge_attrs(talk, a, p, len, true);
	if (shape == TEXT) {
		if (!len || len > 16 || p[len - 1] || !is_ascii(p, len - 1))
			return WRONG("text %u of %zu bytes", plain, len);
		return NULL;
	}
	if (len != sizes[shape])
		return WRONG("scalar %u of %zu bytes", plain, len);
	if (shape == U64 && !may_be_anything(in_mm, a->cmd, plain) &&
	    is_kernel_address(u64_at(p)))
		return WRONG("scalar %u is %#llx", plain, (unsigned long long)u64_at(p));
	if (!in_mm && a->cmd == PMEMCTL_CMD_SNAPSHOT && plain == PMEMCTL_A_PID)
		a->pid = u32_at(p);
	if (!in_mm && a->cmd == PMEMCTL_CMD_SNAPSHOT && plain == PMEMCTL_A_FLAGS)
		a->flags = u32_at(p);
	if (in_mm && plain == PMEMCTL_MM_EXE && u32_at(p) > a->objects_used)
		a->objects_used = u32_at(p);
	return NULL;
}

static const char *judge_attrs(struct talk *talk, struct answer *a, const uint8_t *p, size_t len,
			       bool in_mm)
{
	while (len) {
		const char *wrong;
		struct nlattr nla;
		size_t step;

		if (len < sizeof(nla))
			return WRONG("%zu bytes behind the attributes", len);
		memcpy(&nla, p, sizeof(nla));
		step = NLA_ALIGN(nla.nla_len);
		if (nla.nla_len < NLA_HDRLEN || step > len)
			return WRONG("attribute %u of %u bytes in %zu", nla.nla_type, nla.nla_len,
				     len);
		wrong = judge_attr(talk, a, nla.nla_type, p + NLA_HDRLEN,
				   nla.nla_len - NLA_HDRLEN, in_mm);
		if (wrong)
			return wrong;
		for (size_t i = nla.nla_len; i < step; i++)
			if (p[i])
				return WRONG("attribute %u is padded with %#x", nla.nla_type, p[i]);
		p += step;
		len -= step;
	}
	return NULL;
}

/* The attributes behind an error: a text, and for a wrong attribute where it is */
static const char *judge_words(struct answer *a, const uint8_t *p, size_t len)
{
	while (len) {
		struct nlattr nla;
		size_t size;

		if (len < sizeof(nla))
			return WRONG("%zu bytes behind the extended ack", len);
		memcpy(&nla, p, sizeof(nla));
		if (nla.nla_len < NLA_HDRLEN || (size_t)NLA_ALIGN(nla.nla_len) > len)
			return WRONG("extended ack of %u bytes in %zu", nla.nla_len, len);
		size = nla.nla_len - NLA_HDRLEN;
		switch (nla.nla_type & NLA_TYPE_MASK) {
		case NLMSGERR_ATTR_MSG:
			if (size < 2 || p[NLA_HDRLEN + size - 1] ||
			    !is_ascii(p + NLA_HDRLEN, size - 1))
				return WRONG("extended ack: a text of %zu bytes", size);
			a->has_words = true;
			break;
		case NLMSGERR_ATTR_OFFS:
		case NLMSGERR_ATTR_MISS_TYPE:
		case NLMSGERR_ATTR_MISS_NEST:
			if (size != 4)
				return WRONG("extended ack: %zu bytes", size);
			break;
		case NLMSGERR_ATTR_POLICY:
			break;
		default:
			return WRONG("extended ack: attribute %u", nla.nla_type);
		}
		p += NLA_ALIGN(nla.nla_len);
		len -= NLA_ALIGN(nla.nla_len);
	}
	return NULL;
}

static const char *judge_complete(const struct talk *talk, const struct answer *a)
{
	const uint32_t mm_all = ((1ULL << (PMEMCTL_MM_MAX + 1)) - 2) & ~(1U << PMEMCTL_MM_PAD);

	if (talk->loose)
		return NULL;
	if (!a->messages)
		return WRONG("an answer without a message");
	for (size_t i = 0; i < TABLES_MAX; i++)
		if (a->tables[i].count != a->tables[i].total)
			return WRONG("table %zu: %u rows of %u", i, a->tables[i].count,
				     a->tables[i].total);
	if (a->cmd == PMEMCTL_CMD_TASKS)
		return a->scalars & 1U << PMEMCTL_TASKS_A_HIDDEN && a->tables[1].count ? NULL :
		       WRONG("no tasks");
	if (!(a->scalars & 1U << PMEMCTL_A_PID) || !(a->scalars & 1U << PMEMCTL_A_TAKEN))
		return WRONG("scalars are missing");
	if (a->flags & PMEMCTL_PROCESS_KTHREAD)
		return a->scalars & 1U << PMEMCTL_A_MM || a->tables[0].total ?
		       WRONG("a kernel thread with an mm") : NULL;
	if ((a->mm_scalars & mm_all) != mm_all)
		return WRONG("the mm lacks scalars: %#x", a->mm_scalars);
	if (a->objects_used > a->tables[1].total)
		return WRONG("object %u of %u", a->objects_used, a->tables[1].total);
	if (a->tables[1].total && a->strings_used > a->tables[4].total)
		return WRONG("a string up to %llu of %u", (unsigned long long)a->strings_used,
			     a->tables[4].total);
	return NULL;
}

static bool error_is_documented(int error, bool refused)
{
	switch (error) {
	case 0: case EINVAL: case EBUSY: case ENOMEM: case ENOBUFS: case EPERM:
		return true;
	case EOPNOTSUPP: case ERANGE: case ENOENT:	/* generic netlink's own */
		return refused;
	case EBADF: case ESRCH: case ENODATA: case ESTALE: case EUSERS: case EFBIG: case EAGAIN:
	case ETIMEDOUT:
		return !refused;
	}
	return false;
}

static const char *judge_end(struct talk *talk, struct answer *a, const struct nlmsghdr *nlh,
			     const uint8_t *p, size_t len)
{
	size_t skip = 4;
	int error;

	if (len < 4)
		return WRONG("an end of %zu bytes", len);
	memcpy(&error, p, sizeof(error));
	if (a->ended && !talk->loose)
		return WRONG("the answer ended twice");
	a->ended = true;
	a->refused = nlh->nlmsg_type == NLMSG_ERROR;
	a->error = -error;
	if (!error_is_documented(a->error, a->refused))
		return WRONG("error %d in %s", a->error, a->refused ? "NLMSG_ERROR" : "NLMSG_DONE");

	if (a->refused) {
		/* NETLINK_CAP_ACK: the header of the request, and no more of it */
		skip += NLMSG_HDRLEN;
		if (len < skip)
			return WRONG("NLMSG_ERROR of %zu bytes", len);
	}
	if (len > skip) {
		const char *wrong = judge_words(a, p + skip, len - skip);

		if (wrong)
			return wrong;
	}
	if (talk->wordless && a->has_words)
		return WRONG("words to who wants none");
	if (!a->refused && a->error && !a->has_words && !talk->wordless &&
	    a->error != ENOMEM && a->error != EINTR)
		return WRONG("error %d without a word", a->error);
	return a->error || a->refused ? NULL : judge_complete(talk, a);
}

static struct answer *answer_to(struct talk *talk, uint32_t seq)
{
	for (unsigned int i = 0; i < talk->n; i++)
		if (talk->answers[i].seq == seq)
			return &talk->answers[i];
	return NULL;
}

/**
 * judge - whether a datagram is as it should be
 * @talk: what was asked on the socket; its answers are continued
 * @datagram: as received, whole
 * @len: its length
 *
 * Return: NULL, or what is wrong in words, until the next call.
 */
const char *judge(struct talk *talk, const void *datagram, size_t len)
{
	const uint8_t *p = datagram;

	while (len) {
		const char *wrong;
		struct genlmsghdr genl;
		struct nlmsghdr nlh;
		struct answer *a;
		size_t body;

		if (len < sizeof(nlh))
			return WRONG("%zu bytes behind the messages", len);
		memcpy(&nlh, p, sizeof(nlh));
		if (nlh.nlmsg_len < NLMSG_HDRLEN || nlh.nlmsg_len > len)
			return WRONG("message of %u bytes in %zu", nlh.nlmsg_len, len);
		body = nlh.nlmsg_len - NLMSG_HDRLEN;
		a = answer_to(talk, nlh.nlmsg_seq);
		if (!a)
			return WRONG("message to a request that was not made (%u)", nlh.nlmsg_seq);
		a->partial = talk->loose;

		if (nlh.nlmsg_type == NLMSG_ERROR || nlh.nlmsg_type == NLMSG_DONE) {
			wrong = judge_end(talk, a, &nlh, p + NLMSG_HDRLEN, body);
		} else {
			if (nlh.nlmsg_type != talk->family || nlh.nlmsg_flags != NLM_F_MULTI ||
			    body < GENL_HDRLEN)
				return WRONG("message of type %u flags %#x", nlh.nlmsg_type,
					     nlh.nlmsg_flags);
			memcpy(&genl, p + NLMSG_HDRLEN, sizeof(genl));
			if (genl.version != PMEMCTL_GENL_VERSION || genl.reserved ||
			    !genl.cmd || genl.cmd > PMEMCTL_CMD_MAX ||
			    (a->cmd && a->cmd != genl.cmd))
				return WRONG("message of command %u version %u reserved %u",
					     genl.cmd, genl.version, genl.reserved);
			if (a->ended && !talk->loose)
				return WRONG("message behind the end");
			a->cmd = genl.cmd;
			a->messages++;
			wrong = judge_attrs(talk, a, p + NLMSG_HDRLEN + GENL_HDRLEN,
					    body - GENL_HDRLEN, false);
		}
		if (wrong)
			return wrong;
		body = NLMSG_ALIGN(nlh.nlmsg_len);
		if (body > len)
			body = len;
		p += body;
		len -= body;
	}
	return NULL;
}
