/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields.h - what the record decoders of this folder share: fields with rules of their own, and the
 * ranges that recur.
 *
 * The size of a record is checked against its layout before its fields are read, so reading cannot
 * fail; what can is kept in `reject`, the first reason found.
 *
 * Pure. Threads: one owner. Memory: borrows the bytes of the record.
 */
#pragma once

#include "base/cursor.h"
#include "tally/event.h"
#include "tally/time.h"
#include "wire/reject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_CAUSE_MAX = 127, /* Q.850 */
};

struct tally_fields {
    struct tally_reader reader; /* over one record's bytes after its header */
    enum tally_reject reject;
};

struct tally_wall tally_fields_wall(struct tally_fields *fields);

/* One byte, 0 or 1; else TALLY_REJECT_VALUE. */
bool tally_fields_flag(struct tally_fields *fields);

/* Bytes that must be 0; else TALLY_REJECT_RESERVED. */
void tally_fields_reserved(struct tally_fields *fields, size_t count);

/* At most 15 digits; 0, absent, is within. */
bool tally_number_is_in_range(uint64_t number);

/* Only bits of TALLY_EVENT_FLAGS_ALL. */
bool tally_flags_are_known(uint32_t flags);

/* In 1 .. TALLY_WALL_MAX_US. */
bool tally_wall_is_in_range(struct tally_wall at);

/*
 * The rule for numbers of announcements and queries: each in range, B there, and A there as network
 * or as presented number.
 */
bool tally_numbers_are_complete(uint64_t a_network, uint64_t a_presented, uint64_t b_number,
                                uint64_t original_called, uint64_t redirecting);
