/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no stored bytes do harm, and there is one encoding only.
 * Method: what the decoder takes must encode to the same bytes again; what it refuses must leave
 * nothing behind.
 */
#include "base/assert.h"
#include "store/evidence.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tally_evidence_entry nothing;
    struct tally_evidence_entry entry;
    uint8_t again[TALLY_EVIDENCE_VALUE_MAX_BYTES];

    if (tally_evidence_decode(data, size, &entry) != TALLY_ERR_OK) {
        TALLY_ASSERT(memcmp(&entry, &nothing, sizeof(entry)) == 0);
        return 0;
    }
    TALLY_ASSERT(tally_evidence_encode(&entry, again) == size);
    TALLY_ASSERT(memcmp(again, data, size) == 0);
    return 0;
}
