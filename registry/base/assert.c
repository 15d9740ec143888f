/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void tally_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: bug: assertion failed: %s\n", file, line, condition);
    abort();
}
