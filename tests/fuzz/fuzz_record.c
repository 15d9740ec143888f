/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no bytes make the decoder of peers' batches read beyond them, walk without end or accept
 * what our encoder would not make.
 * Method: what was accepted is encoded again, which asserts its ranges, and must give the bytes it
 * came from, and so decode to the same record; all that fits goes into one batch, too.
 */
#include "wire/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* One way to write a record: encoded again, it is the bytes that it was decoded from. */
static void check(const struct tally_record *record, const uint8_t *from, size_t from_bytes)
{
    uint8_t encoded[TALLY_BATCH_PAD_BYTES];
    struct tally_writer writer = tally_writer_of(encoded, sizeof(encoded));

    tally_batch_start(&writer);
    if (!tally_batch_add(&writer, record) || writer.at != TALLY_BATCH_HEADER_BYTES + from_bytes ||
        memcmp(encoded + TALLY_BATCH_HEADER_BYTES, from, from_bytes) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t all[1024];
    struct tally_writer writer = tally_writer_of(all, sizeof(all));
    struct tally_batch_reader batch;
    struct tally_record record;
    enum tally_reject reject;
    unsigned step_count = 0;
    size_t from;

    if (tally_batch_open(bytes, size, &batch) != TALLY_REJECT_NONE) {
        return 0;
    }
    tally_batch_start(&writer);
    from = batch.reader.at;
    while (tally_batch_next(&batch, &record, &reject)) {
        if (++step_count > TALLY_BATCH_RECORDS_MAX + 1) {
            abort();
        }
        if (reject == TALLY_REJECT_NONE) {
            check(&record, bytes + from, batch.reader.at - from);
            (void)tally_batch_add(&writer, &record);
        }
        from = batch.reader.at;
    }
    (void)tally_batch_end(&writer, batch.sealed_at);
    return 0;
}
