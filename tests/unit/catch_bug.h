/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catch_bug.h - tests that an assertion is there.
 *
 * catch_bug.c takes the place of registry/base/assert.c in the test program and returns from the
 * failed assertion to the test, so that no process has to die.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>

extern jmp_buf test_bug_return;
extern volatile bool test_bug_is_expected;

/* The statement must fail a TALLY_ASSERT. What it had half done stays as it is. */
#define assert_is_bug(statement)                                                                   \
    do {                                                                                           \
        if (setjmp(test_bug_return) == 0) {                                                        \
            test_bug_is_expected = true;                                                           \
            (void)(statement);                                                                     \
            test_bug_is_expected = false;                                                          \
            fail_msg("not asserted: %s", #statement);                                              \
        }                                                                                          \
        test_bug_is_expected = false;                                                              \
    } while (0)
