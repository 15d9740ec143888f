/* SPDX-License-Identifier: Apache-2.0 */
#include "core/peers.h"

#include "base/assert.h"

#include <string.h>

/* What slewing and drift may move a clock by between two samples. */
#define CLOCK_SLEW_US (10 * TALLY_US_PER_MS)

static uint32_t head_count_for(uint32_t peer_max)
{
    uint32_t count = 16;

    while (count < 2 * peer_max) {
        count *= 2;
    }
    return count;
}

size_t tally_peers_bytes(uint32_t peer_max)
{
    return (size_t)peer_max * sizeof(struct tally_peer) +
           ((size_t)peer_max + 1 + head_count_for(peer_max)) * sizeof(uint32_t);
}

void tally_peers_init(struct tally_peers *peers, uint32_t peer_max,
                      const struct tally_hash_key *hash_key, void *memory)
{
    uint32_t head_count = head_count_for(peer_max);

    TALLY_ASSERT(peer_max > 0 && peer_max <= TALLY_REGISTRY_PEERS_MAX);
    *peers = (struct tally_peers){
        .list = memory, .head_mask = head_count - 1, .peer_max = peer_max, .hash_key = *hash_key};
    memset(peers->list, 0, (size_t)peer_max * sizeof(*peers->list));
    peers->slot_by_op = (uint32_t *)(void *)(peers->list + peer_max);
    peers->heads = peers->slot_by_op + peer_max + 1;
    memset(peers->slot_by_op, 0xff, ((size_t)peer_max + 1 + head_count) * sizeof(uint32_t));
}

/* The place in `heads` where the id stands, or where it would be put. */
static uint32_t place_of(const struct tally_peers *peers, const char *id)
{
    uint32_t place = (uint32_t)tally_hash(&peers->hash_key, id, strlen(id)) & peers->head_mask;

    while (peers->heads[place] != TALLY_PEER_NOBODY &&
           strcmp(peers->list[peers->heads[place]].id, id) != 0) {
        place = (place + 1) & peers->head_mask;
    }
    return place;
}

uint32_t tally_peers_find(const struct tally_peers *peers, const char *id)
{
    return peers->heads[place_of(peers, id)];
}

static uint32_t slot_for(struct tally_peers *peers, const char *id)
{
    uint32_t place = place_of(peers, id);

    if (peers->heads[place] == TALLY_PEER_NOBODY && peers->peer_count < peers->peer_max) {
        struct tally_peer *peer = &peers->list[peers->peer_count];

        memcpy(peer->id, id, strlen(id) + 1);
        peers->heads[place] = peers->peer_count;
        peers->peer_count++;
    }
    return peers->heads[place];
}

uint32_t tally_peers_renew(struct tally_peers *peers, const struct tally_cdb_index *index,
                           const char *self_id)
{
    uint32_t operator_count = tally_cdb_operator_count(index);
    uint32_t left_out_count = 0;

    for (uint32_t slot = 0; slot < peers->peer_count; slot++) {
        peers->list[slot].op = TALLY_CDB_NOBODY;
    }
    memset(peers->slot_by_op, 0xff, ((size_t)peers->peer_max + 1) * sizeof(uint32_t));
    for (uint32_t op = 0; op < operator_count; op++) {
        const struct tally_cdb_operator *entry = tally_cdb_operator_at(index, op);
        uint32_t slot = TALLY_PEER_NOBODY;

        if (strcmp(entry->id, self_id) == 0) {
            continue;
        }
        slot = op <= peers->peer_max ? slot_for(peers, entry->id) : TALLY_PEER_NOBODY;
        if (slot == TALLY_PEER_NOBODY) {
            left_out_count++;
            continue;
        }
        peers->slot_by_op[op] = slot;
        peers->list[slot].op = op;
    }
    for (uint32_t slot = 0; slot < peers->peer_count; slot++) {
        if (peers->list[slot].op == TALLY_CDB_NOBODY) {
            peers->list[slot].is_up = false;
        }
    }
    return left_out_count;
}

uint32_t tally_peers_by_op(const struct tally_peers *peers, uint32_t op)
{
    return op <= peers->peer_max ? peers->slot_by_op[op] : TALLY_PEER_NOBODY;
}

struct tally_probe tally_peer_probe(struct tally_peer *peer, struct tally_now now)
{
    peer->probe_id++;
    peer->probe_t1 = now.wall;
    peer->probe_sent_at = now.mono;
    return (struct tally_probe){.probe_id = peer->probe_id, .t1 = now.wall};
}

static void take_best(struct tally_peer *peer)
{
    const struct tally_peer_sample *best = &peer->samples[0];

    for (unsigned at = 1; at < TALLY_PEER_SAMPLES; at++) {
        const struct tally_peer_sample *sample = &peer->samples[at];

        if (sample->rtt_us > 0 && sample->rtt_us < best->rtt_us) {
            best = sample;
        }
    }
    TALLY_ASSERT(best->rtt_us > 0); /* samples fill from the first place on */
    peer->rtt_us = best->rtt_us;
    peer->offset_us = best->offset_us;
    /* Half the round trip, and what two clocks drift apart between samples. */
    peer->bound_us = best->rtt_us / 2 + TALLY_US_PER_MS;
}

void tally_peer_forget_clock(struct tally_peer *peer)
{
    memset(peer->samples, 0, sizeof(peer->samples));
    peer->sample_at = 0;
    peer->rtt_us = 0;
    peer->offset_us = 0;
    peer->bound_us = 0;
}

/* Did our own wall clock jump between question and answer? */
static bool is_stepped(int64_t wall_us, int64_t mono_us)
{
    return wall_us - mono_us > CLOCK_SLEW_US || mono_us - wall_us > CLOCK_SLEW_US;
}

/* Two samples whose error bounds do not meet: one of the clocks was set. */
static bool is_contradicted(const struct tally_peer *peer, const struct tally_peer_sample *sample)
{
    int64_t apart_us = sample->offset_us - peer->offset_us;

    return peer->rtt_us > 0 && (apart_us < 0 ? -apart_us : apart_us) >
                                   peer->bound_us + sample->rtt_us / 2 + CLOCK_SLEW_US;
}

enum tally_reject tally_peer_measure(struct tally_peer *peer, struct tally_now now,
                                     const struct tally_probe *reply)
{
    struct tally_peer_sample sample = {0};
    int64_t elapsed_us = 0;

    if (!reply->is_reply || peer->probe_t1.us == 0 || reply->probe_id != peer->probe_id ||
        reply->t1.us != peer->probe_t1.us) {
        return TALLY_REJECT_STATE;
    }
    peer->probe_t1.us = 0;
    if (reply->t3.us < reply->t2.us || reply->t3.us > TALLY_WALL_MAX_US) {
        return TALLY_REJECT_VALUE;
    }
    elapsed_us = tally_mono_since_us(now.mono, peer->probe_sent_at);
    sample.rtt_us = elapsed_us - (reply->t3.us - reply->t2.us);
    if (sample.rtt_us < 0 || sample.rtt_us > TALLY_PEER_RTT_MAX_US) {
        return TALLY_REJECT_VALUE;
    }
    if (is_stepped(now.wall.us - reply->t1.us, elapsed_us)) {
        tally_peer_forget_clock(peer);
        return TALLY_REJECT_VALUE;
    }
    sample.rtt_us = sample.rtt_us > 0 ? sample.rtt_us : 1;
    sample.offset_us = (reply->t2.us - reply->t1.us) / 2 + (reply->t3.us - now.wall.us) / 2;
    if (is_contradicted(peer, &sample)) {
        tally_peer_forget_clock(peer);
    }
    peer->samples[peer->sample_at] = sample;
    peer->sample_at = (uint8_t)((peer->sample_at + 1) % TALLY_PEER_SAMPLES);
    take_best(peer);
    return TALLY_REJECT_NONE;
}

struct tally_wall tally_peer_instant(const struct tally_peer *peer, struct tally_wall theirs)
{
    return tally_wall_after(theirs, -peer->offset_us);
}
