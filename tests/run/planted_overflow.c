/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one byte behind an allocation. AddressSanitizer must say so (tests/run/sanitize.py). */
#include <stdlib.h>

int main(int argc, char **argv)
{
    size_t size = (size_t)argc;
    char *bytes = calloc(size, 1);
    int last = bytes == NULL ? 0 : bytes[size];

    (void)argv;
    free(bytes);
    return last;
}
