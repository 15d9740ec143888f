/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/outbox.h"

#include "base/assert.h"
#include "wire/feed.h"
#include "wire/record.h"

#include <stdlib.h>
#include <string.h>

enum tally_err tally_outbox_open(struct tally_outbox *outbox, uint32_t peer_max,
                                 tally_outbox_fn to_peer, tally_outbox_fn to_feed, void *context,
                                 struct tally_fault *fault)
{
    *outbox = (struct tally_outbox){.to_peer = to_peer, .to_feed = to_feed, .context = context};
    outbox->peers = calloc(TALLY_OUTBOX_PEERS_MAX, sizeof(*outbox->peers));
    outbox->open_at = calloc(peer_max, sizeof(*outbox->open_at));
    outbox->feeds = calloc(TALLY_REGISTRY_FEEDS_MAX, sizeof(*outbox->feeds));
    if (outbox->peers == NULL || outbox->open_at == NULL || outbox->feeds == NULL) {
        tally_outbox_close(outbox);
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for outgoing batches");
    }
    return TALLY_ERR_OK;
}

void tally_outbox_close(struct tally_outbox *outbox)
{
    free(outbox->peers);
    free(outbox->open_at);
    free(outbox->feeds);
    memset(outbox, 0, sizeof(*outbox));
}

static void flush_peer(struct tally_outbox *outbox, struct tally_outbox_peer *open)
{
    size_t bytes = tally_batch_end(&open->writer, outbox->now);

    if (bytes > 0) {
        outbox->to_peer(outbox->context, open->peer, open->bytes, bytes);
    }
}

static void flush_peers(struct tally_outbox *outbox)
{
    for (uint32_t at = 0; at < outbox->peer_count; at++) {
        flush_peer(outbox, &outbox->peers[at]);
        outbox->open_at[outbox->peers[at].peer] = 0;
    }
    outbox->peer_count = 0;
}

static void start_peer(struct tally_outbox_peer *open, uint32_t peer)
{
    open->peer = peer;
    open->writer = tally_writer_of(open->bytes, sizeof(open->bytes));
    tally_batch_start(&open->writer);
}

static struct tally_outbox_peer *open_for(struct tally_outbox *outbox, uint32_t peer)
{
    struct tally_outbox_peer *open;

    if (outbox->open_at[peer] != 0) {
        return &outbox->peers[outbox->open_at[peer] - 1];
    }
    if (outbox->peer_count == TALLY_OUTBOX_PEERS_MAX) {
        flush_peers(outbox);
    }
    open = &outbox->peers[outbox->peer_count++];
    outbox->open_at[peer] = (uint8_t)outbox->peer_count;
    start_peer(open, peer);
    return open;
}

void tally_outbox_add_peer(struct tally_outbox *outbox, uint32_t peer,
                           const struct tally_record *record)
{
    struct tally_outbox_peer *open = open_for(outbox, peer);
    bool is_added;

    if (tally_batch_add(&open->writer, record)) {
        return;
    }
    flush_peer(outbox, open);
    start_peer(open, peer);
    is_added = tally_batch_add(&open->writer, record);
    TALLY_ASSERT(is_added);
}

static void start_feed(struct tally_outbox_feed *open)
{
    open->is_open = true;
    open->writer = tally_writer_of(open->bytes, sizeof(open->bytes));
    tally_batch_start(&open->writer);
}

static void flush_feed(struct tally_outbox *outbox, uint8_t feed)
{
    struct tally_outbox_feed *open = &outbox->feeds[feed];
    size_t bytes = tally_feed_batch_end(&open->writer, outbox->now);

    open->is_open = false;
    if (bytes > 0) {
        outbox->to_feed(outbox->context, feed, open->bytes, bytes);
    }
}

void tally_outbox_add_feed(struct tally_outbox *outbox, uint8_t feed,
                           const struct tally_feed_record *record)
{
    struct tally_outbox_feed *open = &outbox->feeds[feed];
    bool is_added;

    TALLY_ASSERT(feed < TALLY_REGISTRY_FEEDS_MAX);
    if (!open->is_open) {
        start_feed(open);
    }
    if (tally_feed_batch_add(&open->writer, record)) {
        return;
    }
    flush_feed(outbox, feed);
    start_feed(open);
    is_added = tally_feed_batch_add(&open->writer, record);
    TALLY_ASSERT(is_added);
}

void tally_outbox_flush(struct tally_outbox *outbox)
{
    for (uint32_t feed = 0; feed < TALLY_REGISTRY_FEEDS_MAX; feed++) {
        if (outbox->feeds[feed].is_open) {
            flush_feed(outbox, (uint8_t)feed);
        }
    }
    flush_peers(outbox);
}
