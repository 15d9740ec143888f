/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - the framing of records in a batch, for record.c and feed.c.
 *
 * The record count of a batch under construction stands in its header bytes, where it goes in the
 * end, so that the writer alone is the state.
 *
 * Pure. Threads: one owner. Memory: the caller's.
 */
#pragma once

#include "base/cursor.h"
#include "tally/time.h"
#include "wire/fields.h"
#include "wire/record.h"
#include "wire/reject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes the header of a record of record_bytes and counts it, if the batch then still fits the
 * first size_max bytes of the buffer. Returns false, with nothing written, if not or if the batch
 * has TALLY_BATCH_RECORDS_MAX records.
 */
bool tally_batch_put_header(struct tally_writer *writer, size_t size_max, uint8_t type,
                            size_t record_bytes);

/* Fills in the batch header. Returns the bytes written so far; 0 if there is no record. */
size_t tally_batch_finish(struct tally_writer *writer, struct tally_wall sealed_at);

/*
 * The next record, its fields not looked at. Returns as tally_batch_next. With TALLY_REJECT_NONE
 * type is written and fields is over the bytes after the record's header.
 */
bool tally_batch_next_raw(struct tally_batch_reader *batch, uint8_t *type,
                          struct tally_fields *fields, enum tally_reject *reject);

/* The sizes that records of one type may have, header included. */
struct tally_record_sizes {
    uint16_t bytes;
    uint16_t longer_bytes; /* 0: there is no longer form */
};

/* Are the fields of a record of one of these sizes? Else SHORT or LONG. */
enum tally_reject tally_record_check_size(const struct tally_record_sizes *sizes,
                                          const struct tally_fields *fields);
