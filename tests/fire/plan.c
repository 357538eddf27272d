// SPDX-License-Identifier: GPL-2.0
/*
 * What is sent: well-formed requests, and what becomes of them when one thing after
 * another is changed. Pids are of whoever has them today, descriptors have fixed
 * numbers: a plan made of the same numbers means the same in every run.
 */
#include "fuzz.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>

static uint64_t scramble(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/**
 * dice_begin - a stream of numbers
 * @dice: the stream
 * @seed: of the whole run
 * @number: of the case
 * @use: what they are for: streams of other uses are independent
 */
void dice_begin(struct dice *dice, uint64_t seed, uint64_t number, uint64_t use)
{
	dice->state = scramble(scramble(seed) ^ scramble(number * 4 + use));
}

/**
 * dice_throw - the next number
 * @dice: the stream
 * @sides: how many numbers there are, from 0 on
 */
uint32_t dice_throw(struct dice *dice, uint32_t sides)
{
	dice->state += 0x9e3779b97f4a7c15;
	return (scramble(dice->state) >> 32) % sides;
}

static const uint32_t odd_numbers[] = {
	0, 1, 2, 7, 8, 15, 255, 256, 4095, 65535, 65536, 0x400000, 0x3fffffff, 0x7fffffff,
	0x80000000, 0xfffffffe, 0xffffffff, 0xffffff9c /* AT_FDCWD */,
};

static uint32_t odd_number(struct dice *dice)
{
	return odd_numbers[dice_throw(dice, ARRAY_SIZE(odd_numbers))];
}

static uint32_t some_fd(struct dice *dice)
{
	return dice_throw(dice, 16) ? FD_FIRST + dice_throw(dice, FD_COUNT) : odd_number(dice);
}

static void set_number(struct piece *piece, uint32_t value)
{
	piece->target = NO_TARGET;
	piece->size = sizeof(value);
	memcpy(piece->payload, &value, sizeof(value));
}

static struct piece *add_piece(struct form *form, uint16_t type)
{
	struct piece *piece;

	if (form->nr == PIECES_MAX)
		return NULL;
	piece = &form->pieces[form->nr++];
	memset(piece, 0, sizeof(*piece));
	piece->type = type;
	piece->target = NO_TARGET;
	return piece;
}

static enum target_kind some_target(struct dice *dice)
{
	/* the small ones rather than the wide one */
	static const uint8_t often[] = {
		TARGET_QUIET, TARGET_QUIET, TARGET_PAIR, TARGET_THREADS, TARGET_CHURN,
		TARGET_EXEC, TARGET_FORK, TARGET_SELF,
	};

	if (dice_throw(dice, 3))
		return often[dice_throw(dice, ARRAY_SIZE(often))];
	return dice_throw(dice, TARGETS);
}

static void make_form(struct form *form, struct dice *dice)
{
	enum target_kind target = some_target(dice);
	struct piece *piece;

	memset(form, 0, sizeof(*form));
	form->alien = -1;
	form->flags = NLM_F_REQUEST | NLM_F_DUMP;
	form->version = PMEMCTL_GENL_VERSION;
	form->cmd = dice_throw(dice, 24) ? PMEMCTL_CMD_SNAPSHOT : PMEMCTL_CMD_TASKS;
	if (form->cmd == PMEMCTL_CMD_TASKS) {
		if (dice_throw(dice, 8))
			set_number(add_piece(form, PMEMCTL_TASKS_A_PROOF_FD),
				   dice_throw(dice, 4) ? FD_FIRST + TARGET_INIT : some_fd(dice));
		return;
	}

	piece = add_piece(form, PMEMCTL_A_PID);
	piece->target = target;
	piece->size = 4;
	set_number(add_piece(form, PMEMCTL_A_SECTIONS), dice_throw(dice, 8));
	if (dice_throw(dice, 8))
		set_number(add_piece(form, PMEMCTL_A_PROOF_FD),
			   FD_FIRST + target + (dice_throw(dice, 2) ? TARGETS : 0));
	else
		set_number(add_piece(form, PMEMCTL_A_PROOF_FD), some_fd(dice));
	if (!dice_throw(dice, 6))
		add_piece(form, PMEMCTL_A_LIVE);
}

static enum way some_way(struct dice *dice)
{
	/* two threads or processes take longer */
	if (!dice_throw(dice, 24))
		return dice_throw(dice, WAYS);
	return dice_throw(dice, 3) ? WAY_READ : dice_throw(dice, WAY_THREAD);
}

/**
 * plan_make - a plan as a client might have it
 * @plan: set to it
 * @dice: what decides
 */
void plan_make(struct plan *plan, struct dice *dice)
{
	memset(plan, 0, sizeof(*plan));
	plan->way = some_way(dice);
	plan->amount = dice_throw(dice, 256);
	plan->hears = dice_throw(dice, 8) ? 0 : 1 + dice_throw(dice, 3);
	plan->nr = dice_throw(dice, 12) ? 1 : 1 + dice_throw(dice, FORMS_MAX);
	for (unsigned int i = 0; i < plan->nr; i++)
		make_form(&plan->forms[i], dice);
}

/* An attribute of another type; mostly of one that there is */
static uint16_t odd_type(struct dice *dice)
{
	switch (dice_throw(dice, 8)) {
	case 0:
		return dice_throw(dice, 0x10000);
	case 1:
		return dice_throw(dice, PMEMCTL_A_MAX + 3) | NLA_F_NESTED;
	case 2:
		return dice_throw(dice, PMEMCTL_A_MAX + 3) | NLA_F_NET_BYTEORDER;
	default:
		return dice_throw(dice, PMEMCTL_A_MAX + 3);
	}
}

/* Attributes within the attribute */
static void make_nest(struct piece *piece, struct dice *dice)
{
	uint16_t head[2] = { 8, odd_type(dice) };
	uint32_t value = odd_number(dice);

	piece->target = NO_TARGET;
	piece->size = 8 * (1 + dice_throw(dice, PIECE_MAX / 8));
	for (unsigned int at = 0; at < piece->size; at += 8) {
		memcpy(piece->payload + at, head, 4);
		memcpy(piece->payload + at + 4, &value, 4);
		head[0] = piece->size - at - 8;
	}
}

static void mutate_piece(struct form *form, struct piece *piece, struct dice *dice)
{
	struct piece *copy;

	switch (dice_throw(dice, 11)) {
	case 0:
		piece->size = dice_throw(dice, PIECE_MAX + 1);
		break;
	case 1:
		piece->type = odd_type(dice);
		break;
	case 2:
		piece->stretch = dice_throw(dice, 17) - 8;
		break;
	case 3:
		piece->stretch = dice_throw(dice, 0x10000);
		break;
	case 4:
		set_number(piece, odd_number(dice));
		break;
	case 5:
		set_number(piece, some_fd(dice));
		break;
	case 6:
		piece->target = dice_throw(dice, TARGETS);
		break;
	case 7:
		piece->payload[dice_throw(dice, PIECE_MAX)] ^= 1 << dice_throw(dice, 8);
		break;
	case 8:
		make_nest(piece, dice);
		break;
	case 9:
		copy = add_piece(form, piece->type);
		if (copy)
			*copy = *piece;
		break;
	case 10:
		*piece = form->pieces[--form->nr];
		break;
	}
}

static void mutate_form(struct form *form, struct dice *dice)
{
	static const uint8_t commands[] = { 0, 1, 2, 3, 4, 127, 255 };
	struct piece *piece, copy;

	switch (dice_throw(dice, 12)) {
	case 0:
		form->flags ^= 1 << dice_throw(dice, 16);
		break;
	case 1:
		form->flags = NLM_F_REQUEST | (dice_throw(dice, 2) ? NLM_F_ACK : NLM_F_ECHO);
		break;
	case 2:
		form->flags |= NLM_F_ACK;
		break;
	case 3:
		form->cmd = commands[dice_throw(dice, ARRAY_SIZE(commands))];
		break;
	case 4:
		form->version = dice_throw(dice, 256);
		break;
	case 5:
		form->reserved = 1 << dice_throw(dice, 16);
		break;
	case 6:
		/* messages that netlink keeps to itself, and a family that is not there */
		form->alien = dice_throw(dice, NLMSG_MIN_TYPE) ?: 0x7f00;
		break;
	case 7:
		form->stretch = dice_throw(dice, 33) - 16;
		if (!dice_throw(dice, 2))
			form->stretch = dice_throw(dice, 0x10000);
		break;
	case 8:
		form->tail_len = dice_throw(dice, TAIL_MAX + 1);
		for (unsigned int i = 0; i < TAIL_MAX; i++)
			form->tail[i] = dice_throw(dice, 256);
		break;
	case 9:
		form->portid = odd_number(dice);
		break;
	case 10:
		piece = add_piece(form, odd_type(dice));
		if (piece)
			set_number(piece, dice_throw(dice, 2) ? odd_number(dice) : some_fd(dice));
		break;
	case 11:
		if (form->nr < 2)
			break;
		piece = &form->pieces[dice_throw(dice, form->nr - 1)];
		copy = piece[0];
		piece[0] = piece[1];
		piece[1] = copy;
		break;
	}
}

/**
 * plan_mutate - change a plan a little
 * @plan: the plan
 * @dice: what decides
 */
void plan_mutate(struct plan *plan, struct dice *dice)
{
	unsigned int changes = 1 + dice_throw(dice, 4);

	while (changes--) {
		struct form *form = &plan->forms[dice_throw(dice, plan->nr)];
		uint32_t what = dice_throw(dice, 16);

		if (!what) {
			plan->way = some_way(dice);
		} else if (what == 1 && plan->nr < FORMS_MAX) {
			plan->forms[plan->nr++] = *form;
		} else if (what < 11 && form->nr) {
			mutate_piece(form, &form->pieces[dice_throw(dice, form->nr)], dice);
		} else {
			mutate_form(form, dice);
		}
	}
}

static size_t form_bytes(const struct form *form, int family, uint32_t seq,
			 const pid_t pids[TARGETS], uint8_t *to)
{
	struct nlmsghdr nlh = {
		.nlmsg_type = form->alien < 0 ? family : form->alien,
		.nlmsg_flags = form->flags, .nlmsg_seq = seq, .nlmsg_pid = form->portid,
	};
	struct genlmsghdr genl = {
		.cmd = form->cmd, .version = form->version, .reserved = form->reserved,
	};
	size_t len = NLMSG_HDRLEN + GENL_HDRLEN;

	for (unsigned int i = 0; i < form->nr; i++) {
		const struct piece *piece = &form->pieces[i];
		struct nlattr nla = {
			.nla_len = NLA_HDRLEN + piece->size + piece->stretch,
			.nla_type = piece->type,
		};

		memcpy(to + len, &nla, sizeof(nla));
		memcpy(to + len + NLA_HDRLEN, piece->payload, piece->size);
		if (piece->target != NO_TARGET && piece->size >= 4)
			memcpy(to + len + NLA_HDRLEN, &pids[piece->target], 4);
		len += NLA_HDRLEN + NLA_ALIGN(piece->size);
	}
	memcpy(to + len, form->tail, form->tail_len);
	len += form->tail_len;
	nlh.nlmsg_len = len + form->stretch;
	memcpy(to, &nlh, sizeof(nlh));
	memcpy(to + NLMSG_HDRLEN, &genl, sizeof(genl));
	return NLMSG_ALIGN(len);
}

/**
 * plan_bytes - what is sent
 * @plan: the plan
 * @family: message type
 * @seq: number of the first message, the next ones count up
 * @pids: the targets
 * @to: where
 * @room: how many bytes there are
 *
 * Return: how many bytes it is.
 */
size_t plan_bytes(const struct plan *plan, int family, uint32_t seq,
		  const pid_t pids[TARGETS], uint8_t *to, size_t room)
{
	size_t len = 0;

	memset(to, 0, room);
	for (unsigned int i = 0; i < plan->nr; i++)
		len += form_bytes(&plan->forms[i], family, seq + i, pids, to + len);
	return len;
}
