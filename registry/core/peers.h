/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.h - the other operators' registries, as the core sees them: slots, reachability, clocks.
 *
 * A slot belongs to one operator id from the first participant database that names it until the
 * registry stops, so that records may point at it. Offset and round trip are measured by the
 * four-timestamp exchange of RFC 5905 section 8; of the last eight samples the one with the
 * shortest round trip counts, since its offset error is at most half of that.
 *
 * Pure. Threads: one owner. Memory: the caller's, fixed at init.
 */
#pragma once

#include "base/hash.h"
#include "cdb/core/index.h"
#include "core/registry.h"
#include "tally/time.h"
#include "wire/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TALLY_PEER_SAMPLES = 8 };
#define TALLY_PEER_PROBE_FIRST_US (1 * TALLY_US_PER_S) /* until all samples are there */
#define TALLY_PEER_PROBE_EVERY_US (10 * TALLY_US_PER_S)
#define TALLY_PEER_RTT_MAX_US (5 * TALLY_US_PER_S)

struct tally_peer_sample {
    int64_t rtt_us; /* 0: no sample */
    int64_t offset_us;
};

struct tally_peer {
    char id[TALLY_OPERATOR_ID_BYTES];
    uint32_t op; /* in the current index; TALLY_CDB_NOBODY: it left */
    bool is_up;
    uint8_t sample_at;
    uint32_t probe_id;          /* of the last request */
    struct tally_wall probe_t1; /* 0: none outstanding */
    struct tally_mono probe_sent_at;
    struct tally_peer_sample samples[TALLY_PEER_SAMPLES];
    int64_t rtt_us, offset_us, bound_us; /* rtt_us 0: unmeasured */
    struct tally_wall strict_since;      /* 0: never seen strict */
    uint32_t announced_count;            /* its announcements now in the table */
    uint32_t pending_count;              /* its queries that wait for our feeds */
    struct tally_peer_status status;     /* counters only */
};

struct tally_peers {
    struct tally_peer *list;
    uint32_t *slot_by_op; /* peer_max + 1 entries: operators beyond are not followed */
    uint32_t *heads;      /* hash of id -> slot, open addressing */
    uint32_t head_mask;
    uint32_t peer_max;
    uint32_t peer_count;
    struct tally_hash_key hash_key;
};

size_t tally_peers_bytes(uint32_t peer_max);
void tally_peers_init(struct tally_peers *peers, uint32_t peer_max,
                      const struct tally_hash_key *hash_key, void *memory);

/* Slot of an operator id; TALLY_PEER_NOBODY. */
uint32_t tally_peers_find(const struct tally_peers *peers, const char *id);

/*
 * Takes a new index over: operators keep their slots, new ones get one, those that left lose their
 * op and are down. self_id gets none. Returns how many found no free slot.
 */
uint32_t tally_peers_renew(struct tally_peers *peers, const struct tally_cdb_index *index,
                           const char *self_id);

/* Slot of an operator index of the current CDB; TALLY_PEER_NOBODY for ourselves or no slot. */
uint32_t tally_peers_by_op(const struct tally_peers *peers, uint32_t op);

/* Makes the next probe request. */
struct tally_probe tally_peer_probe(struct tally_peer *peer, struct tally_now now);

/* Takes a reply in. TALLY_REJECT_STATE if it answers nothing; VALUE for an absurd round trip. */
enum tally_reject tally_peer_measure(struct tally_peer *peer, struct tally_now now,
                                     const struct tally_probe *reply);

/* Nothing is known of the peer's clock any more. */
void tally_peer_forget_clock(struct tally_peer *peer);

/* A peer's instant in our clock. */
struct tally_wall tally_peer_instant(const struct tally_peer *peer, struct tally_wall theirs);
