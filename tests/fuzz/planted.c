/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planted.c - a decoder with a planted fault, for the fuzzing set-up to find.
 *
 * It stands in a library of its own, as every decoder does: the fuzzer gets to the fault only if
 * libraries are instrumented too, since nobody guesses the five bytes in front of it blindly.
 */
#include "fuzz/planted.h"

#include <stdlib.h>
#include <string.h>

enum { MAGIC_BYTES = 5, RECORD_BYTES = 4 };

/* One branch for each byte, so that each right guess is something new for the fuzzer to keep. */
static int has_magic(const uint8_t *bytes, size_t size)
{
    if (size < MAGIC_BYTES || bytes[0] != 't') {
        return 0;
    }
    if (bytes[1] != 'a') {
        return 0;
    }
    if (bytes[2] != 'l') {
        return 0;
    }
    if (bytes[3] != 'l') {
        return 0;
    }
    return bytes[4] == 'y';
}

int tally_planted_decode(const uint8_t *bytes, size_t size)
{
    uint8_t *record;
    int sum = 0;

    if (!has_magic(bytes, size)) {
        return -1;
    }
    record = calloc(RECORD_BYTES, 1);
    if (record == NULL) {
        return -1;
    }
    /* The fault: the length that the stranger sent is not held against the record's. */
    memcpy(record, bytes + MAGIC_BYTES, size - MAGIC_BYTES);
    for (size_t i = 0; i < RECORD_BYTES; i++) {
        sum += record[i];
    }
    free(record);
    return sum;
}
