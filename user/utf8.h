/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which bytes of a string are characters, and which of these are for a terminal to
 * obey.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/**
 * utf8_length() - length of the character that a string begins with
 * @s: a string that has not ended
 *
 * Return: bytes; 0 if they are no valid UTF-8. Overlong forms, surrogates and what is
 * beyond U+10FFFF are not valid.
 */
size_t utf8_length(const char *s);

/** utf8_is_control() - whether that is a control character: U+0000 to 1F, U+007F to 9F */
bool utf8_is_control(const char *s);

#endif
