/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - what two registries tell each other: batches of records.
 *
 * The plaintext of a TRANSPORT frame is one batch. Layouts are little-endian, fixed, without
 * pointers; docs/PROTOCOL.md gives every offset.
 *
 *   batch header, 16 bytes: version minor u8 | reserved u8 | record count u16 | reserved u32 |
 *                           sender's wall clock at sealing, i64 microseconds
 *   record header, 4 bytes: type u8 | reserved u8 | size of the whole record u16, a multiple of 4
 *   after the last record: zero padding to a multiple of TALLY_BATCH_PAD_BYTES, so that sizes tell
 *   an eavesdropper little.
 *
 * A record of an unknown type is skipped by its size and counted; a known type of the wrong size,
 * a non-zero reserved field or a value outside its range rejects the record, not the batch. The
 * ranges are those given at the fields; instants, where not said otherwise, are in
 * 1..TALLY_WALL_MAX_US, numbers have at most 15 digits, flags and enums only known values.
 *
 * Pure. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "base/cursor.h"
#include "tally/time.h"
#include "tally/verdict.h"
#include "wire/reject.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TALLY_BATCH_HEADER_BYTES = 16,
    TALLY_BATCH_PAD_BYTES = 256,
    TALLY_BATCH_RECORDS_MAX = 256,
    TALLY_RECORD_HEADER_BYTES = 4,
    TALLY_RECORD_BYTES_MAX = 256,
};

enum tally_record_type {
    TALLY_RECORD_NONE,
    TALLY_RECORD_ANNOUNCE,
    TALLY_RECORD_QUERY,
    TALLY_RECORD_ANSWER,
    TALLY_RECORD_REPORT,
    TALLY_RECORD_PROBE,
    TALLY_RECORD_TYPE_COUNT
};

enum tally_leg_kind {
    TALLY_LEG_DIRECT, /* the subscriber's own call */
    TALLY_LEG_ONWARD, /* a forwarded or transferred leg, with the token of the one before */
    TALLY_LEG_KIND_COUNT
};

/* "A call is on its way to your number." Sent by an entitled operator of A to B's operator. */
struct tally_announce {
    uint64_t record_id;   /* the originating registry's id of the attempt, not 0 */
    struct tally_wall at; /* SETUP at the originating switch, sender's clock, > 0 */
    uint64_t a_network;   /* E.164, 0: absent; at least one of the two A */
    uint64_t a_presented; /* E.164, 0: as a_network */
    uint64_t b_number;    /* E.164 */
    uint32_t flags;       /* TALLY_EVENT_... bits */
    enum tally_leg_kind kind;
    uint8_t hop_count;        /* 0 for DIRECT, 1..5 for ONWARD */
    uint64_t token;           /* keyed hash of record_id; not 0 */
    uint64_t upstream_token;  /* ONWARD: the token of the leg before, not 0; DIRECT: 0 */
    uint64_t original_called; /* E.164, 0: none */
    uint64_t redirecting;     /* E.164, 0: none */
};

/* "Did you place this call?" Sent by B's operator to every operator entitled for A. */
struct tally_query {
    uint64_t query_id;       /* the asker's; not 0 */
    struct tally_wall at;    /* arrival at the asker's switch, asker's clock, > 0 */
    uint32_t budget_us;      /* how long the asker waits from sealing on; 1..2,000,000 */
    uint32_t clock_bound_us; /* error bound of the instant; UINT32_MAX: unknown */
    uint64_t a_network;      /* as in the announcement */
    uint64_t a_presented;
    uint64_t b_number;
    uint64_t original_called;
    uint64_t redirecting;
    bool wants_signature;   /* a signed denial, later, off the call path */
    uint64_t entitled_hash; /* the set of operators that the asker asks, tally_cdb_entry */
};

enum tally_answer_kind {
    TALLY_ANSWER_UNKNOWN, /* no knowledge, no reason given */
    TALLY_ANSWER_FOUND,
    TALLY_ANSWER_NONE,        /* known: no such call */
    TALLY_ANSWER_NONE_DIRECT, /* no such call of A's own; one could have been forwarded */
    TALLY_ANSWER_REFER,       /* the number is served by another operator */
    TALLY_ANSWER_TRUE,        /* TOKEN? */
    TALLY_ANSWER_FALSE,
    TALLY_ANSWER_HOME, /* roaming service */
    TALLY_ANSWER_ABROAD,
    TALLY_ANSWER_KIND_COUNT
};

enum tally_which_number {
    TALLY_WHICH_NEITHER,
    TALLY_WHICH_PRESENTED, /* the displayed number is the one of the record */
    TALLY_WHICH_NETWORK,   /* only the network number is */
    TALLY_WHICH_COUNT
};

struct tally_answer {
    uint64_t query_id; /* the asker's, echoed */
    enum tally_answer_kind kind;
    bool is_spent;                 /* FOUND: the credit was used before; else false */
    enum tally_which_number which; /* FOUND: not NEITHER; else NEITHER */
    uint64_t record_id;            /* FOUND: not 0; else 0 */
    struct tally_wall at;   /* FOUND: SETUP at the answerer's switch, answerer's clock; else 0 */
    uint64_t log_size;      /* CDB statements the answer was made under */
    uint64_t entitled_hash; /* the answerer's view of who is entitled for A */
};

enum tally_report_kind {
    TALLY_REPORT_NONE,
    TALLY_REPORT_ARRIVED,
    TALLY_REPORT_ANOTHER_CLI,
    TALLY_REPORT_RINGING,
    TALLY_REPORT_ANSWERED,
    TALLY_REPORT_FORWARDED,
    TALLY_REPORT_RELEASED,
    TALLY_REPORT_REJECTED,
    TALLY_REPORT_NO_CALL_TO_B,
    TALLY_REPORT_KIND_COUNT
};

/* What became of an announced call, told by B's operator. */
struct tally_report {
    uint64_t record_id;   /* of the announcement or the FOUND answer */
    struct tally_wall at; /* at the reporter's switch, reporter's clock, > 0 */
    enum tally_report_kind kind;
    enum tally_verdict verdict; /* REJECTED: ours; else 0 */
    enum tally_action action;   /* REJECTED: taken; else 0 */
    uint8_t cause;              /* RELEASED, REJECTED: Q.850, 0..127; else 0 */
    bool is_charged;            /* RELEASED, ANSWERED; else false */
};

/*
 * Clock and liveness: the four-timestamp exchange of RFC 5905 section 8. A request carries t1; the
 * reply echoes probe_id and t1 and adds t2 (request received) and t3 (reply sent, not before t2),
 * which are 0 in a request.
 */
struct tally_probe {
    uint32_t probe_id;
    bool is_reply;
    struct tally_wall t1, t2, t3;
};

struct tally_record {
    enum tally_record_type type;
    union {
        struct tally_announce announce;
        struct tally_query query;
        struct tally_answer answer;
        struct tally_report report;
        struct tally_probe probe;
    };
};

/*
 * Builds a batch: start, add until it returns false (no room: start another), end.
 *
 * writer    new, over a buffer of the caller's, TALLY_BATCH_PAD_BYTES to
 *           TALLY_FRAME_PAYLOAD_BYTES_MAX; what add accepts always fits with its padding.
 * record    within the ranges above: a decoder would accept it. Else it is a bug, and asserted.
 */
void tally_batch_start(struct tally_writer *writer);
bool tally_batch_add(struct tally_writer *writer, const struct tally_record *record);

/*
 * Fills in the header and pads. Returns the batch's size in bytes, a multiple of
 * TALLY_BATCH_PAD_BYTES; 0 if there is no record in it, and so nothing to send.
 */
size_t tally_batch_end(struct tally_writer *writer, struct tally_wall sealed_at);

/* Walks over a batch. */
struct tally_batch_reader {
    struct tally_reader reader;
    uint16_t record_left_count;
    struct tally_wall sealed_at;
    uint8_t minor;
};

/*
 * Checks the batch header: SHORT, LONG, RESERVED, RECORDS for a record count outside
 * 1..TALLY_BATCH_RECORDS_MAX, VALUE for the instant. An empty plaintext is no batch: callers handle
 * it before.
 *
 * bytes    borrowed until the last tally_batch_next
 * batch    written only when the result is TALLY_REJECT_NONE
 */
enum tally_reject tally_batch_open(const void *bytes, size_t size,
                                   struct tally_batch_reader *batch);

/*
 * The next record. Returns false at the end of the batch. Otherwise *reject says whether `record`
 * was written (TALLY_REJECT_NONE) or skipped: TALLY_REJECT_TYPE for an unknown type, another for a
 * malformed one; `record` is then untouched. When the record headers no longer fit the bytes:
 * TALLY_REJECT_RECORDS once, then false; also once when the padding is not zeros.
 */
bool tally_batch_next(struct tally_batch_reader *batch, struct tally_record *record,
                      enum tally_reject *reject);
