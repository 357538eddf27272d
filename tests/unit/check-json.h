/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CHECK_JSON_H
#define CHECK_JSON_H

#include <stddef.h>

/**
 * json_check() - is this one JSON value, and nothing else?
 * @text: the text; need not be terminated
 * @size: its length
 *
 * Strict as RFC 8259, on UTF-8 too; and no object may have a key twice.
 *
 * Return: NULL, or where it goes wrong.
 */
const char *json_check(const char *text, size_t size);

#endif
