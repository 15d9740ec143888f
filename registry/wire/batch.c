/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/batch.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "wire/frame.h"

enum { COUNT_AT = 2, SEALED_AT = 8 }; /* offsets in the batch header */

void tally_batch_start(struct tally_writer *writer)
{
    TALLY_ASSERT(writer->at == 0 && !writer->failed);
    TALLY_ASSERT(writer->size >= TALLY_BATCH_PAD_BYTES);
    TALLY_ASSERT(writer->size <= TALLY_FRAME_PAYLOAD_BYTES_MAX);
    tally_write_u8(writer, TALLY_WIRE_MINOR);
    tally_write_zeros(writer, TALLY_BATCH_HEADER_BYTES - 1);
}

bool tally_batch_put_header(struct tally_writer *writer, size_t size_max, uint8_t type,
                            size_t record_bytes)
{
    uint16_t count = tally_le16_load(writer->bytes + COUNT_AT);

    TALLY_ASSERT(writer->at >= TALLY_BATCH_HEADER_BYTES);
    TALLY_ASSERT(record_bytes % 4 == 0 && record_bytes <= TALLY_RECORD_BYTES_MAX);
    if (count == TALLY_BATCH_RECORDS_MAX || writer->at + record_bytes > size_max) {
        return false;
    }
    tally_le16_store(writer->bytes + COUNT_AT, (uint16_t)(count + 1));
    tally_write_u8(writer, type);
    tally_write_u8(writer, 0);
    tally_write_u16(writer, (uint16_t)record_bytes);
    return true;
}

size_t tally_batch_finish(struct tally_writer *writer, struct tally_wall sealed_at)
{
    TALLY_ASSERT(writer->at >= TALLY_BATCH_HEADER_BYTES && !writer->failed);
    TALLY_ASSERT(tally_wall_is_in_range(sealed_at));
    tally_le64_store(writer->bytes + SEALED_AT, (uint64_t)sealed_at.us);
    return tally_le16_load(writer->bytes + COUNT_AT) == 0 ? 0 : writer->at;
}

enum tally_reject tally_batch_open(const void *bytes, size_t size, struct tally_batch_reader *batch)
{
    struct tally_batch_reader opened = {.reader = tally_reader_of(bytes, size)};
    uint8_t reserved_8;
    uint32_t reserved_32;

    if (size < TALLY_BATCH_HEADER_BYTES) {
        return TALLY_REJECT_SHORT;
    }
    if (size > TALLY_FRAME_PAYLOAD_BYTES_MAX) {
        return TALLY_REJECT_LONG;
    }
    opened.minor = tally_read_u8(&opened.reader);
    reserved_8 = tally_read_u8(&opened.reader);
    opened.record_left_count = tally_read_u16(&opened.reader);
    reserved_32 = tally_read_u32(&opened.reader);
    opened.sealed_at.us = tally_read_i64(&opened.reader);
    if (reserved_8 != 0 || reserved_32 != 0) {
        return TALLY_REJECT_RESERVED;
    }
    if (opened.record_left_count == 0 || opened.record_left_count > TALLY_BATCH_RECORDS_MAX) {
        return TALLY_REJECT_RECORDS;
    }
    if (!tally_wall_is_in_range(opened.sealed_at)) {
        return TALLY_REJECT_VALUE;
    }
    *batch = opened;
    return TALLY_REJECT_NONE;
}

/* Nothing after this point can be trusted to begin a record: the next call ends the batch. */
static bool give_up(struct tally_batch_reader *batch, enum tally_reject *reject)
{
    batch->record_left_count = 0;
    batch->reader.at = batch->reader.size;
    batch->reader.failed = false;
    *reject = TALLY_REJECT_RECORDS;
    return true;
}

static bool check_padding(struct tally_batch_reader *batch, enum tally_reject *reject)
{
    tally_read_zeros(&batch->reader, tally_reader_left(&batch->reader));
    if (batch->reader.failed) {
        return give_up(batch, reject);
    }
    return false;
}

bool tally_batch_next_raw(struct tally_batch_reader *batch, uint8_t *type,
                          struct tally_fields *fields, enum tally_reject *reject)
{
    const uint8_t *header;
    size_t record_bytes;
    size_t field_bytes;

    *reject = TALLY_REJECT_NONE;
    if (batch->record_left_count == 0) {
        return check_padding(batch, reject);
    }
    header = tally_read_span(&batch->reader, TALLY_RECORD_HEADER_BYTES);
    if (header == NULL) {
        return give_up(batch, reject);
    }
    record_bytes = tally_le16_load(header + 2);
    if (record_bytes < TALLY_RECORD_HEADER_BYTES || record_bytes % 4 != 0) {
        return give_up(batch, reject);
    }
    field_bytes = record_bytes - TALLY_RECORD_HEADER_BYTES;
    if (field_bytes > tally_reader_left(&batch->reader)) {
        return give_up(batch, reject);
    }
    batch->record_left_count--;
    *type = header[0];
    *fields = (struct tally_fields){
        .reader = tally_reader_of(tally_read_span(&batch->reader, field_bytes), field_bytes),
        .reject = header[1] == 0 ? TALLY_REJECT_NONE : TALLY_REJECT_RESERVED,
    };
    if (record_bytes > TALLY_RECORD_BYTES_MAX) {
        *reject = TALLY_REJECT_LONG;
    }
    return true;
}

enum tally_reject tally_record_check_size(const struct tally_record_sizes *sizes,
                                          const struct tally_fields *fields)
{
    size_t record_bytes = TALLY_RECORD_HEADER_BYTES + tally_reader_left(&fields->reader);

    if (record_bytes == sizes->bytes || record_bytes == sizes->longer_bytes) {
        return TALLY_REJECT_NONE;
    }
    return record_bytes < sizes->bytes ? TALLY_REJECT_SHORT : TALLY_REJECT_LONG;
}
