/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/session_limit.h"

#include <stdlib.h>

enum { PLACES_PER_SET = 8 };

bool tally_session_bucket_take(struct tally_session_bucket *bucket,
                               const struct tally_session_rate *rate, struct tally_mono now)
{
    struct tally_mono full_at = bucket->full_at;

    if (!bucket->is_used || tally_mono_is_due(full_at, now)) {
        full_at = now;
    }
    if (tally_mono_since_us(full_at, now) > (int64_t)(rate->burst - 1) * rate->interval_us) {
        return false;
    }
    bucket->full_at = tally_mono_after(full_at, rate->interval_us);
    bucket->is_used = true;
    return true;
}

enum tally_err tally_session_sources_open(struct tally_session_sources *sources,
                                          uint32_t source_count_min,
                                          const struct tally_hash_key *hash_key)
{
    uint32_t set_count = 1;

    while (set_count * PLACES_PER_SET < source_count_min) {
        set_count *= 2;
    }
    *sources = (struct tally_session_sources){.set_count = set_count, .hash_key = *hash_key};
    sources->places =
        calloc((size_t)set_count * PLACES_PER_SET, sizeof(struct tally_session_source));
    return sources->places == NULL ? TALLY_ERR_SYSTEM : TALLY_ERR_OK;
}

void tally_session_sources_close(struct tally_session_sources *sources)
{
    free(sources->places);
    sources->places = NULL;
}

/*
 * Whose bucket is nearest to being full loses least by starting with a full one, and so does
 * everybody else: what it could win is bounded by the rate over all sources.
 */
static struct tally_session_source *place_of(struct tally_session_sources *sources, uint64_t source)
{
    const uint64_t hash = tally_hash_u64(&sources->hash_key, source);
    struct tally_session_source *set =
        sources->places + (size_t)(hash & (sources->set_count - 1)) * PLACES_PER_SET;
    struct tally_session_source *oldest = &set[0];

    for (size_t i = 0; i < PLACES_PER_SET; i++) {
        if (set[i].source == source) {
            return &set[i];
        }
    }
    for (size_t i = 0; i < PLACES_PER_SET; i++) {
        if (set[i].source == 0) {
            oldest = &set[i];
            break;
        }
        if (set[i].bucket.full_at.us < oldest->bucket.full_at.us) {
            oldest = &set[i];
        }
    }
    *oldest = (struct tally_session_source){.source = source};
    return oldest;
}

bool tally_session_sources_take(struct tally_session_sources *sources,
                                const struct tally_session_rate *rate, uint64_t source,
                                struct tally_mono now)
{
    struct tally_session_bucket *bucket =
        source == 0 ? &sources->unknown : &place_of(sources, source)->bucket;

    return tally_session_bucket_take(bucket, rate, now);
}
