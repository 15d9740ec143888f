/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the fuzzing set-up finds faults at all.
 * Method: the decoder has a heap overflow, and a run that does not find it fails.
 */
#include "fuzz/planted.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    (void)tally_planted_decode(bytes, size);
    return 0;
}
