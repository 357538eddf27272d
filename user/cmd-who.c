// SPDX-License-Identifier: GPL-2.0
/*
 * pmemctl who: what single addresses are.
 */
#include "answer.h"
#include "object.h"
#include "options.h"
#include "proc.h"
#include "target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/**
 * struct question - the command at work
 * @cmd: the command
 * @opts: how
 * @pid: the process
 * @addrs: the addresses
 * @count: how many
 * @room: how many @addrs has space for
 * @bad: a line on standard input was no address
 * @client: the connection
 * @model: the process
 * @picture: the same, judged
 * @whos: for each address
 * @ties: for each address
 * @args: for each address: the argument or variable that it is in
 */
struct question {
	const struct command *cmd;
	const struct options *opts;
	uint32_t pid;
	uint64_t *addrs;
	size_t count;
	size_t room;
	bool bad;
	struct client client;
	struct model model;
	struct picture picture;
	struct who *whos;
	struct ties ties;
	struct arg *args;
};

/* As in /proc/PID/maps, with or without 0x before it */
static bool parse_address(const char *word, uint64_t *addr)
{
	const char *digits = word + (word[0] == '0' && (word[1] | 0x20) == 'x' ? 2 : 0);
	size_t len = strspn(digits, "0123456789abcdefABCDEF");

	if (!len || digits[len] || strlen(digits + strspn(digits, "0")) > 16)
		return false;
	*addr = strtoull(digits, NULL, 16);
	return true;
}

static int add_address(struct question *q, uint64_t addr)
{
	if (q->count == q->room) {
		size_t room = q->room ? q->room * 2 : 64;
		void *addrs = realloc(q->addrs, room * sizeof(*q->addrs));

		if (!addrs)
			return -1;
		q->addrs = addrs;
		q->room = room;
	}
	q->addrs[q->count++] = addr;
	return 0;
}

/* What is no address is told and left out; the others are answered */
static int read_addresses(struct question *q)
{
	size_t room = 0, number = 0;
	char *line = NULL;
	ssize_t len;
	int ret = 0;

	while (!ret && (len = getline(&line, &room, stdin)) >= 0) {
		static const char blanks[] = " \t\r\n";
		char *word = line + strspn(line, blanks), *end = word + strcspn(word, blanks);
		/* a zero byte is no blank either */
		bool alone = end + strspn(end, blanks) == line + len;
		uint64_t addr;

		number++;
		*end = 0;
		if (alone && word == end)
			continue;
		if (!alone || !parse_address(word, &addr)) {
			complain("line %zu: not an address in hex such as 7ffd1c2b3a40", number);
			q->bad = true;
		} else {
			ret = add_address(q, addr);
		}
	}
	free(line);
	if (!ret && ferror(stdin)) {
		complain("standard input: %s", strerror(errno));
		q->bad = true;
	}
	return ret;
}

/*
 * Return: -1 to go on; else the exit status.
 */
static int collect_addresses(struct question *q, char **words, int count)
{
	bool from_stdin = !count;

	for (int i = 0; i < count; i++) {
		uint64_t addr;

		if (!strcmp(words[i], "-"))
			from_stdin = true;
		else if (!parse_address(words[i], &addr))
			return usage_error(q->cmd, words[i], "not an address in hex");
		else if (add_address(q, addr))
			return STATUS_FAILED;
	}
	if (from_stdin && read_addresses(q)) {
		complain("out of memory");
		return STATUS_FAILED;
	}
	return -1;
}

/* Where the address is still what the snapshot has there, the page counts */
static bool is_unchanged(const struct model *was, const struct model *is, uint64_t addr)
{
	const struct pmemctl_vma *a = model_vma(was, addr), *b = model_vma(is, addr);
	const struct pmemctl_object *f, *g;

	if (!a || !b || a->start - a->offset != b->start - b->offset || a->flags != b->flags ||
	    !a->file != !b->file)
		return false;
	f = model_object(was, a->file);
	g = model_object(is, b->file);
	return !f || !object_compare(f, g);
}

static int take_message(const struct nlmsghdr *nlh, void *data)
{
	return model_feed(data, nlh);
}

/*
 * Pages and strings were read after the snapshot: another one tells for which
 * addresses they count, and that the descriptors are of the same mm.
 */
static void confirm(struct question *q, int pagemap, int mem)
{
	bool same = true;
	struct model now;

	model_init(&now);
	for (int i = 0; i < 2 && same; i++) {
		int proof = i ? mem : pagemap;

		if (proof < 0)
			continue;
		model_free(&now);
		same = (q->client.socket || !client_open(&q->client)) &&
		       !client_snapshot(&q->client, q->model.pid, proof, PMEMCTL_SECTION_VMAS,
					false, take_message, &now) &&
		       !model_finish(&now, PMEMCTL_SECTION_VMAS) &&
		       now.mm[PMEMCTL_MM_ID] == q->model.mm[PMEMCTL_MM_ID];
	}
	for (size_t i = 0; i < q->count; i++) {
		struct page *page = &q->ties.pages[i];

		if (!page->vma || (same && is_unchanged(&q->model, &now, page->addr)))
			continue;
		page->is = PAGE_IS_UNKNOWN;
		page->nr_ties = 0;
		q->args[i].known = false;
	}
	model_free(&now);
}

static int look_at_pages(struct question *q)
{
	const struct model *model = &q->model;
	uint32_t tid = model->flags & PMEMCTL_PROCESS_LEADER_EXITED ?
		       proc_live_thread(model->pid) : 0;
	int pagemap = proc_open(model->pid, tid, "pagemap"), mem = -1, ret;

	if (pagemap < 0)
		return 0;
	if (model->flags & PMEMCTL_PROCESS_ATTACH)
		mem = proc_open(model->pid, tid, "mem");
	for (size_t i = 0; i < q->count && mem >= 0; i++)
		arg_find(model, pagemap, mem, q->addrs[i], &q->args[i]);
	ret = ties_look(&q->ties, &q->client, model, pagemap);
	if (!ret)
		confirm(q, pagemap, mem);
	if (mem >= 0)
		close(mem);
	close(pagemap);
	return ret;
}

static int explain(struct question *q)
{
	struct pmemctl_vma vsyscall;
	bool has_vsyscall = proc_vsyscall(&vsyscall);

	q->whos = calloc(q->count + 1, sizeof(*q->whos));
	q->args = calloc(q->count + 1, sizeof(*q->args));
	q->ties.pages = calloc(q->count + 1, sizeof(*q->ties.pages));
	q->ties.nr_pages = q->count;
	if (!q->whos || !q->args || !q->ties.pages ||
	    picture_make(&q->picture, &q->model, has_vsyscall ? &vsyscall : NULL))
		return -1;
	for (size_t i = 0; i < q->count; i++) {
		struct who *who = &q->whos[i];

		who_find(&q->picture, q->addrs[i], who);
		q->ties.pages[i].addr = q->addrs[i];
		if (who->place != WHO_MAPPED)
			continue;
		who_read_file(&q->picture, who);
		/* the vsyscall page is no VMA */
		q->ties.pages[i].vma = model_vma(&q->model, q->addrs[i]);
	}
	return look_at_pages(q);
}

/* @why: nothing could be answered, NULL: all is */
static void put_json(const struct question *q, FILE *out, const char *why)
{
	struct json json = { .out = out, .empty = true };

	json_object(&json, NULL);
	json_object(&json, "process");
	json_unsigned(&json, "pid", why ? q->pid : q->model.pid);
	json_string(&json, why ? "error" : "comm", why ? why : q->model.comm);
	json_end_object(&json);
	json_array(&json, "addresses");
	for (size_t i = 0; i < q->count && !why; i++)
		answer_json(&json, &(struct answer) {
			&q->picture, &q->whos[i], &q->args[i], &q->ties.pages[i],
			&q->ties.others
		});
	json_end_array(&json);
	if (q->ties.passed)
		others_json(&json, &q->ties.others);
	else
		json_null(&json, "looked_at");
	json_end_object(&json);
	putc('\n', out);
}

static int put_text(const struct question *q, FILE *out)
{
	int ret = 0;

	for (size_t i = 0; i < q->count && !ret; i++) {
		struct answer answer = {
			&q->picture, &q->whos[i], &q->args[i], &q->ties.pages[i],
			&q->ties.others
		};

		if (i)
			fputs("\n", out);
		ret = answer_text(out, &answer, q->opts);
	}
	/* once, for all of them */
	if (q->ties.passed && (q->ties.others.refused || q->ties.others.failed ||
			       q->ties.others.partial)) {
		fputs("\n", out);
		others_text(out, &q->ties.others);
	}
	return ret;
}

/* All answers, or none */
static int print(const struct question *q)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int ret = 0;

	if (!out)
		return -1;
	if (q->opts->json)
		put_json(q, out, NULL);
	else
		ret = put_text(q, out);
	if (fclose(out))
		ret = -1;
	if (!ret)
		fwrite(text, 1, size, stdout);
	free(text);
	return ret;
}

static int fail(const struct question *q, enum status status, const char *why)
{
	if (status == STATUS_NO_MODULE)
		complain("%s", why);
	else
		complain("%u: %s", q->pid, why);
	if (q->opts->json)
		put_json(q, stdout, why);
	return status;
}

static int ask(struct question *q)
{
	static const struct wish wish = {
		.sections = PMEMCTL_SECTION_ALL, .registers = true, .orphans = true,
		.uses = true,
	};
	struct failure why;

	if (target_look(&q->client, q->pid, &wish, &q->model, &why))
		return fail(q, why.status, why.text);
	if (!q->model.has_mm)
		return fail(q, STATUS_FAILED, "a kernel thread has no address space of its own");
	if (explain(q) || print(q))
		return fail(q, STATUS_FAILED, "out of memory");
	return STATUS_DONE;
}

static void release(struct question *q)
{
	ties_free(&q->ties);
	free(q->ties.pages);
	free(q->args);
	free(q->whos);
	free(q->addrs);
	picture_free(&q->picture);
	model_free(&q->model);
	client_close(&q->client);
}

int who_run(const struct command *cmd, int argc, char **argv)
{
	struct command_line line;
	struct question q = { .cmd = cmd, .opts = &line.opts };
	int status = options_parse(cmd, argc, argv, &line);

	if (status >= 0)
		return status;
	if (!line.nr_words)
		return usage_error(cmd, cmd->name, "no PID given");
	if (!is_pid(line.words[0]))
		return usage_error(cmd, line.words[0], "not a PID");
	q.pid = strtoul(line.words[0], NULL, 10);
	model_init(&q.model);
	status = collect_addresses(&q, line.words + 1, line.nr_words - 1);
	if (status < 0)
		status = ask(&q);
	if (status == STATUS_DONE && q.bad)
		status = STATUS_FAILED;
	release(&q);
	return status;
}
