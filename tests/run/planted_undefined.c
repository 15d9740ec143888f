/* SPDX-License-Identifier: Apache-2.0 */
/* Overflows an int. UndefinedBehaviorSanitizer must say so (tests/run/sanitize.py). */
#include <limits.h>

int main(int argc, char **argv)
{
    int sum = INT_MAX;

    (void)argv;
    sum += argc;
    return sum > 0;
}
