/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/catch_bug.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

jmp_buf test_bug_return;
volatile bool test_bug_is_expected;

void tally_assert_failed(const char *condition, const char *file, int line)
{
    if (test_bug_is_expected) {
        longjmp(test_bug_return, 1);
    }
    (void)fprintf(stderr, "%s:%d: bug: assertion failed: %s\n", file, line, condition);
    abort();
}
