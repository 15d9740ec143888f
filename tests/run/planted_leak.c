/* SPDX-License-Identifier: Apache-2.0 */
/* Forgets an allocation. LeakSanitizer must say so (tests/run/sanitize.py). */
#include <stdlib.h>

static void *volatile kept;

int main(void)
{
    kept = malloc(40);
    kept = NULL;
    return 0;
}
