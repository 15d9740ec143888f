/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_limit.h - how many handshakes strangers may cost us.
 *
 * Token buckets, each kept as one instant (the generic cell rate algorithm): the moment at which
 * the bucket will be full again. A table keyed by source address holds a bounded number of them;
 * where its places run out, the source that has asked least lately gives way.
 *
 * Pure. Threads: one owner. Memory: allocated by open.
 */
#pragma once

#include "base/hash.h"
#include "tally/err.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stdint.h>

struct tally_session_rate {
    int64_t interval_us; /* one token comes back in this time */
    uint32_t burst;      /* tokens in a full bucket; at least 1 */
};

/* Zeroed: full. */
struct tally_session_bucket {
    struct tally_mono full_at;
    bool is_used; /* full_at means something */
};

/* Takes a token if there is one. */
bool tally_session_bucket_take(struct tally_session_bucket *bucket,
                               const struct tally_session_rate *rate, struct tally_mono now);

struct tally_session_source {
    uint64_t source; /* 0: place is free */
    struct tally_session_bucket bucket;
};

struct tally_session_sources {
    struct tally_session_source *places; /* owned */
    uint32_t set_count;                  /* a power of two */
    struct tally_hash_key hash_key;
    struct tally_session_bucket unknown; /* source 0 */
};

/* TALLY_ERR_SYSTEM: no memory. */
TALLY_NODISCARD enum tally_err tally_session_sources_open(struct tally_session_sources *sources,
                                                          uint32_t source_count_min,
                                                          const struct tally_hash_key *hash_key);
void tally_session_sources_close(struct tally_session_sources *sources);

/* Takes a token of this source. */
bool tally_session_sources_take(struct tally_session_sources *sources,
                                const struct tally_session_rate *rate, uint64_t source,
                                struct tally_mono now);
