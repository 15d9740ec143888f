/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed.h - what an adapter and its registry tell each other, on one host.
 *
 * Batches as in wire/record.h (the same batch and record headers, no padding), over ZeroMQ ipc; one
 * inbound and one outbound endpoint per configured feed. docs/PROTOCOL.md, "The adapter
 * interface".
 *
 * The feed's contract: event sequence numbers are consecutive within a boot of the adapter; a hole,
 * or a GAP record, means that events may have been lost. A watermark is an instant read before a
 * receive that found nothing more, sent at least every 50 ms, never beyond now. FLUSH is answered
 * with a fresh watermark at once. A causal feed lets the switch go on only after the ACK of the
 * event, or after 50 ms, and then it reports a GAP.
 *
 * Pure. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "base/cursor.h"
#include "tally/event.h"
#include "tally/verdict.h"
#include "wire/record.h"
#include "wire/reject.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TALLY_FEED_VERSION = 1,
    TALLY_FEED_WATERMARK_EVERY_US = 50000,
    TALLY_FEED_ACK_WAIT_US = 50000,
    TALLY_FEED_PING_EVERY_US = 250000,
    TALLY_FEED_SILENT_AFTER_US = 1000000, /* a missed 1 s heartbeat is a GAP */
};

enum tally_feed_class {
    TALLY_FEED_RECORD,      /* written at answer or end: never live */
    TALLY_FEED_BEST_EFFORT, /* loss is invisible: never supports a "no" */
    TALLY_FEED_ORDERED,     /* supports a "no" up to its watermark */
    TALLY_FEED_CAUSAL,      /* the switch waits for us before it routes */
    TALLY_FEED_CLASS_COUNT
};
const char *tally_feed_class_name(enum tally_feed_class feed_class); /* "causal", ... */

enum tally_feed_type {
    TALLY_FEED_NONE,
    /* adapter to registry */
    TALLY_FEED_HELLO = 64,
    TALLY_FEED_EVENT = 65,
    TALLY_FEED_WATERMARK = 66,
    TALLY_FEED_GAP = 67,
    TALLY_FEED_OPEN_LEG = 68,      /* snapshot: an originating leg that may still be open */
    TALLY_FEED_OPEN_LEGS_END = 69, /* snapshot complete */
    /* registry to adapter */
    TALLY_FEED_PING = 96,
    TALLY_FEED_ACK = 97,
    TALLY_FEED_VERDICT = 98,
    TALLY_FEED_FLUSH = 99,
};

/* First record after a start, and after every PING with a new daemon boot. */
struct tally_feed_hello {
    uint16_t version; /* TALLY_FEED_VERSION */
    enum tally_feed_class feed_class;
    uint64_t boot_id;        /* random at the adapter's start, not 0 */
    uint64_t next_seq;       /* of the next EVENT, from 1 */
    uint32_t clock_bound_us; /* error bound of the instants in its events */
};

struct tally_feed_event {
    uint64_t seq;             /* consecutive from 1 within boot_id */
    struct tally_event event; /* OPEN_LEG: side not TERMINATING */
};

struct tally_feed_watermark {
    uint64_t seq;         /* of the newest event sent before it; 0: none yet */
    struct tally_wall at; /* > 0; every event at or before this instant has been sent */
    uint64_t flush_id;    /* of the FLUSH answered; 0: not an answer */
};

/*
 * Events that happened in [from, to] may have been lost, or let through before their ACK. Counts
 * in the sequence: the next event has seq + 1.
 */
struct tally_feed_gap {
    uint64_t seq;               /* not 0 */
    struct tally_wall from, to; /* > 0, from <= to */
    uint32_t lost_count;        /* 0: not known */
};

/* Snapshot end: every leg opened at or after `since` and maybe still open was sent since HELLO. */
struct tally_feed_legs_end {
    struct tally_wall since; /* > 0 */
    uint32_t leg_count;
};

struct tally_feed_ping {
    uint64_t daemon_boot; /* differs after each start of the daemon; not 0 */
};

/* The event with this seq, not 0, is taken. due_us: how long its VERDICT may take from now; 0: none
 * comes.
 */
struct tally_feed_ack {
    uint64_t seq;
    uint32_t due_us;
};

struct tally_feed_verdict {
    uint64_t seq;        /* of the SETUP event, not 0 */
    uint64_t leg_key;    /* not 0 */
    uint64_t verdict_id; /* not 0 */
    enum tally_verdict verdict;
    enum tally_grade grade; /* CLI_SPOOFED; else NONE */
    enum tally_action action;
    uint8_t cause;  /* BLOCK, RELEASE: Q.850, 0..127; else 0 */
    uint32_t marks; /* TALLY_MARK_... */
};

struct tally_feed_flush {
    uint64_t flush_id; /* not 0 */
};

struct tally_feed_record {
    enum tally_feed_type type;
    union {
        struct tally_feed_hello hello;
        struct tally_feed_event event; /* EVENT, and OPEN_LEG with seq 0 and kind SETUP */
        struct tally_feed_watermark watermark;
        struct tally_feed_gap gap;
        struct tally_feed_legs_end legs_end;
        struct tally_feed_ping ping;
        struct tally_feed_ack ack;
        struct tally_feed_verdict verdict;
        struct tally_feed_flush flush;
    };
};

/*
 * What a decoder would say of it. Add asserts TALLY_REJECT_NONE: whoever passes on what others
 * filled in, as the adapter library does with events, asks before.
 */
enum tally_reject tally_feed_record_check(const struct tally_feed_record *record);

/* As tally_batch_start/add/end of wire/record.h; use its start, this add, and this end. */
bool tally_feed_batch_add(struct tally_writer *writer, const struct tally_feed_record *record);
/* Without padding. */
size_t tally_feed_batch_end(struct tally_writer *writer, struct tally_wall sealed_at);

/* As tally_batch_next; HELLO of another version gives TALLY_REJECT_VERSION. Open with
 * tally_batch_open. */
bool tally_feed_batch_next(struct tally_batch_reader *batch, struct tally_feed_record *record,
                           enum tally_reject *reject);
