/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h - what one turn of the loop has to say, collected per receiver.
 *
 * All records of a turn to one peer, or to one feed, go out as one batch at the turn's end: batches
 * grow with the load by themselves, and nothing waits for a timer.
 *
 * Threads: one owner. Memory: allocated at open.
 */
#pragma once

#include "base/cursor.h"
#include "core/registry.h"
#include "tally/err.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TALLY_OUTBOX_PEERS_MAX = 64, /* peers with an open batch; one more flushes them all */
    TALLY_OUTBOX_FEED_BYTES = TALLY_FRAME_PAYLOAD_BYTES_MAX,
};

/* Takes a finished batch. May not add to the outbox. */
typedef void (*tally_outbox_fn)(void *context, uint32_t receiver, const uint8_t *batch,
                                size_t batch_bytes);

struct tally_outbox_peer {
    uint32_t peer;
    struct tally_writer writer;
    uint8_t bytes[TALLY_FRAME_PAYLOAD_BYTES_MAX];
};

struct tally_outbox_feed {
    bool is_open;
    struct tally_writer writer;
    uint8_t bytes[TALLY_OUTBOX_FEED_BYTES];
};

struct tally_outbox {
    struct tally_outbox_peer *peers; /* owned; TALLY_OUTBOX_PEERS_MAX */
    uint32_t peer_count;             /* open */
    uint8_t *open_at;                /* owned; per peer slot: 1 + its place in peers; 0: none */
    struct tally_outbox_feed *feeds; /* owned; TALLY_REGISTRY_FEEDS_MAX */
    struct tally_wall now;           /* the owner's: stamped on batches */
    tally_outbox_fn to_peer, to_feed;
    void *context; /* borrowed */
};

TALLY_NODISCARD enum tally_err tally_outbox_open(struct tally_outbox *outbox, uint32_t peer_max,
                                                 tally_outbox_fn to_peer, tally_outbox_fn to_feed,
                                                 void *context, struct tally_fault *fault);
void tally_outbox_close(struct tally_outbox *outbox); /* also one that is all zeros */

void tally_outbox_add_peer(struct tally_outbox *outbox, uint32_t peer,
                           const struct tally_record *record);
void tally_outbox_add_feed(struct tally_outbox *outbox, uint8_t feed,
                           const struct tally_feed_record *record);

/* Hands all open batches over: feeds first, since a switch waits for them. */
void tally_outbox_flush(struct tally_outbox *outbox);
