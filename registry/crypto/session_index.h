/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_index.h - from a receiver index to the pair of keys it stands for.
 *
 * Indices are random, so that a frame of an earlier life of ours meets nothing. Places are numbered
 * by the caller (slot and pair); each has at most one index.
 *
 * Pure. Threads: one owner. Memory: allocated by open.
 */
#pragma once

#include "base/entropy.h"
#include "base/hash.h"
#include "tally/err.h"

#include <stdint.h>

#define TALLY_SESSION_PLACE_NONE UINT32_MAX

struct tally_session_indices {
    uint32_t *heads;       /* owned; first place of each bucket */
    uint32_t *nexts;       /* owned; by place */
    uint32_t *values;      /* owned; by place; 0: none */
    uint32_t bucket_count; /* a power of two */
    uint32_t place_count;
    struct tally_hash_key hash_key;
};

/* TALLY_ERR_SYSTEM: no memory. */
TALLY_NODISCARD enum tally_err tally_session_indices_open(struct tally_session_indices *indices,
                                                          uint32_t place_count,
                                                          const struct tally_hash_key *hash_key);
void tally_session_indices_close(struct tally_session_indices *indices);

/* A random index, not 0, that no place has. It is not set yet. */
uint32_t tally_session_indices_draw(const struct tally_session_indices *indices,
                                    const struct tally_entropy *entropy);

/* The place with this index; TALLY_SESSION_PLACE_NONE: there is none. */
uint32_t tally_session_indices_find(const struct tally_session_indices *indices, uint32_t index);

/* The place must have none. */
void tally_session_indices_set(struct tally_session_indices *indices, uint32_t place,
                               uint32_t index);
/* Does nothing if the place has none. */
void tally_session_indices_clear(struct tally_session_indices *indices, uint32_t place);
