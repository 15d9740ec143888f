/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/peers.h"

#include "base/assert.h"
#include "daemon/effects.h"
#include "wire/record.h"

#include <stdlib.h>
#include <string.h>

enum {
    SESSION_TICKS_MAX = 256,
    ADDRESSES_PER_OPERATOR = TALLY_CDB_EGRESS_MAX + TALLY_CDB_ENDPOINTS_MAX
};

static void mark(struct tally_daemon *daemon, uint32_t slot)
{
    struct tally_daemon_peer *peer = &daemon->peers[slot];

    if (!peer->is_dirty) {
        peer->is_dirty = true;
        daemon->dirty_slots[daemon->dirty_count++] = slot;
    }
}

static void set_slow(struct tally_daemon *daemon, uint32_t slot, bool is_slow)
{
    struct tally_daemon_peer *peer = &daemon->peers[slot];

    if (peer->is_slow != is_slow) {
        peer->is_slow = is_slow;
        daemon->slow_count = is_slow ? daemon->slow_count + 1 : daemon->slow_count - 1;
        mark(daemon, slot);
    }
}

/* Tells the core, if what it believes of the slot is no longer so. */
static void refresh(struct tally_daemon *daemon, uint32_t slot)
{
    struct tally_daemon_peer *peer = &daemon->peers[slot];
    bool is_up = peer->is_listed && !peer->is_slow && tally_links_is_up(daemon->links, slot) &&
                 tally_sessions_is_up(daemon->sessions, daemon->now.mono, slot);
    struct tally_input input = {.type = is_up ? TALLY_INPUT_LINK_UP : TALLY_INPUT_LINK_DOWN,
                                .link = slot};

    if (peer->is_told_up != is_up) {
        peer->is_told_up = is_up;
        peer->changed_at = daemon->now.wall;
        tally_daemon_step(daemon, &input);
    }
}

void tally_daemon_peers_settle(struct tally_daemon *daemon)
{
    while (daemon->dirty_count > 0) {
        uint32_t slot = daemon->dirty_slots[--daemon->dirty_count];

        daemon->peers[slot].is_dirty = false;
        refresh(daemon, slot);
    }
}

static void set_session(struct tally_daemon *daemon, uint32_t slot,
                        const struct tally_cdb_operator *entry)
{
    struct tally_session_peer peer = {0};

    if (entry == NULL) {
        (void)tally_sessions_set_peer(daemon->sessions, slot, NULL, daemon->now.mono);
        return;
    }
    memcpy(peer.operator_id, entry->id, sizeof(peer.operator_id));
    memcpy(peer.static_keys, entry->noise_keys, sizeof(peer.static_keys));
    peer.key_count = entry->noise_key_count;
    (void)tally_sessions_set_peer(daemon->sessions, slot, &peer, daemon->now.mono);
}

static void set_link(struct tally_daemon *daemon, uint32_t slot,
                     const struct tally_cdb_operator *entry)
{
    struct tally_daemon_peer *peer = &daemon->peers[slot];
    const char *endpoint = entry == NULL || entry->endpoint_count == 0 ? NULL : entry->endpoints[0];
    struct tally_fault fault = {0};

    memset(peer->endpoint, 0, sizeof(peer->endpoint));
    if (tally_links_point(daemon->links, slot, endpoint, &fault) != TALLY_ERR_OK) {
        tally_report_fault(&daemon->report, TALLY_REPORT_LINK_BAD, &fault);
        return;
    }
    if (endpoint != NULL) {
        memcpy(peer->endpoint, endpoint, sizeof(peer->endpoint));
    }
}

/* The operator has left the CDB; the core took it down by itself. */
static void forget(struct tally_daemon *daemon, uint32_t slot)
{
    struct tally_daemon_peer *peer = &daemon->peers[slot];

    if (peer->is_told_up) {
        peer->is_told_up = false;
        peer->changed_at = daemon->now.wall;
        tally_report(&daemon->report, TALLY_REPORT_PEER_LEFT, "peer=%s", peer->operator_id);
    }
    set_slow(daemon, slot, false);
}

static void renew_slot(struct tally_daemon *daemon, uint32_t slot)
{
    const struct tally_participants *participants = daemon->participants;
    struct tally_daemon_peer *peer = &daemon->peers[slot];
    const struct tally_cdb_operator *entry = NULL;
    struct tally_peer_status status;

    tally_registry_peer_status(daemon->registry, slot, &status);
    memcpy(peer->operator_id, status.operator_id, sizeof(peer->operator_id));
    peer->is_listed = status.op != TALLY_CDB_NOBODY;
    peer->strict_since.us = 0;
    if (peer->is_listed) {
        entry = tally_cdb_operator_at(participants->index, status.op);
        peer->strict_since = participants->strict_since[status.op];
    } else {
        forget(daemon, slot);
    }
    set_session(daemon, slot, entry);
    set_link(daemon, slot, entry);
    mark(daemon, slot);
    tally_daemon_step(daemon, &(struct tally_input){
                                  .type = TALLY_INPUT_STANDING,
                                  .standing = {.peer = slot, .strict_since = peer->strict_since}});
}

static size_t add_addresses(const struct tally_cdb_operator *entry, struct tally_address *addresses)
{
    size_t count = 0;

    for (uint8_t i = 0; i < entry->egress_count; i++) {
        count += tally_address_parse(entry->egress[i], &addresses[count]) ? 1 : 0;
    }
    for (uint8_t i = 0; i < entry->endpoint_count; i++) {
        count += tally_address_of_endpoint(entry->endpoints[i], &addresses[count]) ? 1 : 0;
    }
    return count;
}

/* Everybody's addresses but our own. */
static void renew_addresses(struct tally_daemon *daemon)
{
    const struct tally_cdb_index *index = daemon->participants->index;
    uint32_t operator_count = tally_cdb_operator_count(index);
    struct tally_address *addresses =
        calloc((size_t)operator_count * ADDRESSES_PER_OPERATOR + 1, sizeof(*addresses));
    struct tally_fault fault = {0};
    size_t count = 0;

    if (addresses == NULL) {
        (void)tally_fault_set(&fault, TALLY_ERR_SYSTEM, "no memory for the addresses of %u peers",
                              operator_count);
        tally_report_fault(&daemon->report, TALLY_REPORT_FAULT, &fault);
        return;
    }
    for (uint32_t op = 0; op < operator_count; op++) {
        const struct tally_cdb_operator *entry = tally_cdb_operator_at(index, op);

        if (strcmp(entry->id, daemon->conf.operator_id) != 0) {
            count += add_addresses(entry, addresses + count);
        }
    }
    if (tally_links_allow(daemon->links, addresses, count, &fault) != TALLY_ERR_OK) {
        tally_report_fault(&daemon->report, TALLY_REPORT_FAULT, &fault);
    }
    free(addresses);
}

void tally_daemon_peers_renew(struct tally_daemon *daemon)
{
    uint32_t peer_count = tally_registry_peer_count(daemon->registry);

    renew_addresses(daemon);
    for (uint32_t slot = 0; slot < peer_count; slot++) {
        renew_slot(daemon, slot);
    }
    /* A key that moved from one operator to another could only be given once the first had let it
     * go. */
    for (uint32_t slot = 0; slot < peer_count; slot++) {
        if (daemon->peers[slot].is_listed) {
            struct tally_peer_status status;

            tally_registry_peer_status(daemon->registry, slot, &status);
            set_session(daemon, slot,
                        tally_cdb_operator_at(daemon->participants->index, status.op));
        }
    }
}

static void take_records(struct tally_daemon *daemon, uint32_t slot, const uint8_t *bytes,
                         size_t size)
{
    struct tally_batch_reader batch;
    struct tally_input input = {.type = TALLY_INPUT_PEER};
    enum tally_reject reject = tally_batch_open(bytes, size, &batch);

    if (reject != TALLY_REJECT_NONE) {
        daemon->counters.batch_reject_count++;
        tally_report(&daemon->report, TALLY_REPORT_PEER_REJECT, "peer=%s batch=%s",
                     daemon->peers[slot].operator_id, tally_reject_name(reject));
        return;
    }
    input.peer.peer = slot;
    input.peer.sealed_at = batch.sealed_at;
    while (tally_batch_next(&batch, &input.peer.record, &reject)) {
        if (reject == TALLY_REJECT_NONE) {
            tally_daemon_step(daemon, &input);
            continue;
        }
        daemon->counters.record_reject_count++;
        tally_report(&daemon->report, TALLY_REPORT_PEER_REJECT, "peer=%s record=%s",
                     daemon->peers[slot].operator_id, tally_reject_name(reject));
    }
}

static void take_frame(struct tally_daemon *daemon, const struct tally_link_event *event)
{
    struct tally_session_result result;

    tally_sessions_receive(daemon->sessions, daemon->now, event->source, event->frame,
                           event->frame_bytes, &result);
    if (result.reply_bytes > 0) {
        /* A lost reply is asked for again. */
        (void)!tally_links_send(daemon->links, result.peer, result.reply, result.reply_bytes);
    }
    if (result.came_up) {
        refresh(daemon, result.peer);
    }
    switch (result.event) {
    case TALLY_SESSION_NOTHING:
    case TALLY_SESSION_UP:
        return;
    case TALLY_SESSION_REJECTED:
        tally_report(&daemon->report, TALLY_REPORT_SESSION_REJECT, "reason=%s address=%s peer=%s",
                     tally_reject_name(result.reject), event->address,
                     tally_daemon_peer_id(daemon, result.peer));
        return;
    case TALLY_SESSION_PLAINTEXT:
        if (result.plaintext_bytes > 0) {
            take_records(daemon, result.peer, result.plaintext, result.plaintext_bytes);
        }
        return;
    }
}

void tally_daemon_peers_take(struct tally_daemon *daemon, const struct tally_link_event *event)
{
    switch (event->type) {
    case TALLY_LINK_NOTHING:
        return;
    case TALLY_LINK_FRAME:
        take_frame(daemon, event);
        return;
    case TALLY_LINK_CONNECTED:
        tally_report(&daemon->report, TALLY_REPORT_LINK_UP, "peer=%s endpoint=%s",
                     daemon->peers[event->slot].operator_id, daemon->peers[event->slot].endpoint);
        set_slow(daemon, event->slot, false);
        tally_sessions_hurry(daemon->sessions, daemon->now.mono, event->slot);
        mark(daemon, event->slot);
        return;
    case TALLY_LINK_DISCONNECTED:
        tally_report(&daemon->report, TALLY_REPORT_LINK_DOWN, "peer=%s endpoint=%s",
                     daemon->peers[event->slot].operator_id, daemon->peers[event->slot].endpoint);
        mark(daemon, event->slot);
        return;
    case TALLY_LINK_REFUSED:
        tally_report(&daemon->report, TALLY_REPORT_LINK_REFUSED, "address=%s", event->address);
        return;
    case TALLY_LINK_DROPPED:
        tally_report(&daemon->report, TALLY_REPORT_LINK_DROPPED, "address=%s", event->address);
        return;
    }
}

void tally_daemon_peers_tick(struct tally_daemon *daemon)
{
    uint8_t frame[TALLY_SESSION_HANDSHAKE_BYTES_MAX];
    size_t frame_bytes;
    uint32_t slot;

    for (int done = 0; done < SESSION_TICKS_MAX; done++) {
        switch (tally_sessions_tick(daemon->sessions, daemon->now, &slot, frame, &frame_bytes)) {
        case TALLY_SESSION_TICK_NONE:
            return;
        case TALLY_SESSION_TICK_SEND:
            if (tally_links_send(daemon->links, slot, frame, frame_bytes) != TALLY_ERR_OK) {
                tally_sessions_unsent(daemon->sessions, daemon->now.mono, slot);
            }
            break;
        case TALLY_SESSION_TICK_DOWN:
            mark(daemon, slot);
            break;
        }
    }
}

/* Seals and sends; false: it was not taken. */
static bool send_sealed(struct tally_daemon *daemon, uint32_t slot, const uint8_t *batch,
                        size_t batch_bytes)
{
    uint8_t frame[TALLY_FRAME_BYTES_MAX];
    size_t frame_bytes;

    return tally_sessions_seal(daemon->sessions, daemon->now.mono, slot, batch, batch_bytes, frame,
                               &frame_bytes) == TALLY_ERR_OK &&
           tally_links_send(daemon->links, slot, frame, frame_bytes) == TALLY_ERR_OK;
}

void tally_daemon_peers_send(void *context, uint32_t slot, const uint8_t *batch, size_t batch_bytes)
{
    struct tally_daemon *daemon = context;

    if (send_sealed(daemon, slot, batch, batch_bytes)) {
        return;
    }
    daemon->counters.peer_unsent_count++;
    mark(daemon, slot);
    if (tally_links_is_up(daemon->links, slot) &&
        tally_sessions_is_up(daemon->sessions, daemon->now.mono, slot)) {
        tally_report(&daemon->report, TALLY_REPORT_PEER_SLOW, "peer=%s",
                     daemon->peers[slot].operator_id);
        set_slow(daemon, slot, true);
    }
}

void tally_daemon_peers_retry(struct tally_daemon *daemon)
{
    uint32_t peer_count = tally_registry_peer_count(daemon->registry);

    for (uint32_t slot = 0; slot < peer_count && daemon->slow_count > 0; slot++) {
        /* An empty frame, as after a handshake, tells the peer nothing and tries the link. */
        if (daemon->peers[slot].is_slow && send_sealed(daemon, slot, NULL, 0)) {
            set_slow(daemon, slot, false);
        }
    }
}
