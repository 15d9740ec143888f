/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feeds.h - the port at which the adapters of this host hang.
 *
 * Per configured feed two local endpoints, RUN_DIRECTORY/feed-NAME.in (the adapter pushes) and
 * RUN_DIRECTORY/feed-NAME.out (the adapter pulls), files of mode 0600. Messages are batches
 * (wire/feed.h), of one part. Nothing blocks; all queues are bounded.
 *
 * Touches: libzmq. Threads: one owner of everything, from open to close. Memory: bounded by the
 * number of feeds and the queue lengths below.
 */
#pragma once

#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_FEEDS_MAX = 16,
    TALLY_FEEDS_NAME_BYTES = 64,
    TALLY_FEEDS_BATCH_BYTES_MAX = 16384,
    TALLY_FEEDS_QUEUE_MAX = 1024, /* batches waiting, each way and feed */
};

struct tally_feeds;

struct tally_feeds_config {
    const char *run_directory;                           /* there already; copied */
    char names[TALLY_FEEDS_MAX][TALLY_FEEDS_NAME_BYTES]; /* no '/' */
    uint8_t feed_count;
};

struct tally_feeds_batch {
    uint8_t feed;
    bool is_multipart;    /* it was dropped: bytes is NULL */
    const uint8_t *bytes; /* borrowed until the next call of tally_feeds_next */
    size_t size;
};

/*
 * Binds all endpoints. The umask is changed meanwhile: call it before other threads make files.
 *
 * TALLY_ERR_CONFIG      an endpoint is in use by another process, its path is too long, or its
 *                       folder does not let it be made: the fault says which and why.
 * TALLY_ERR_TRANSPORT, TALLY_ERR_SYSTEM   libzmq or the system refused.
 */
TALLY_NODISCARD enum tally_err tally_feeds_open(const struct tally_feeds_config *config,
                                                struct tally_feeds **feeds,
                                                struct tally_fault *fault);

/*
 * Closes and removes the endpoints. What waits to be read by an adapter is dropped. NULL allowed.
 */
void tally_feeds_close(struct tally_feeds *feeds);

/* A descriptor to poll for reading. Before sleeping on it tally_feeds_is_pending must be false. */
int tally_feeds_fd(const struct tally_feeds *feeds);
bool tally_feeds_is_pending(const struct tally_feeds *feeds);

/* Takes the next batch, from the feeds in turn. False: none waits for now. */
bool tally_feeds_next(struct tally_feeds *feeds, struct tally_feeds_batch *batch);

/*
 * Sends a batch to the feed's adapter; never waits.
 *
 * TALLY_ERR_AGAIN   no adapter is connected, or it does not read; nothing was queued.
 */
TALLY_NODISCARD enum tally_err tally_feeds_send(struct tally_feeds *feeds, uint8_t feed,
                                                const uint8_t *bytes, size_t size);
