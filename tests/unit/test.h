/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test includes: cmocka, with what it needs before it.
 */
#ifndef TEST_H
#define TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* A test with the file's teardown() after it */
#define TEST(name) cmocka_unit_test_teardown(name, teardown)

#endif
