/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_directory.h - peers' static keys: whose each is, and the greatest handshake timestamp
 * seen under it.
 *
 * An entry outlives its peer: a key that leaves the participant database and comes back is still
 * protected from replays, as long as the bounded table has room for it.
 *
 * Pure. Threads: one owner. Memory: allocated by open.
 */
#pragma once

#include "base/hash.h"
#include "crypto/session.h"
#include "crypto/session_limit.h"
#include "crypto/session_message.h"
#include "tally/err.h"

#include <stdint.h>

struct tally_session_entry {
    uint8_t key[TALLY_SESSION_KEY_BYTES];
    uint8_t stamp[TALLY_SESSION_STAMP_BYTES]; /* the greatest seen; zeros: none yet */
    uint32_t slot;                            /* TALLY_SESSION_NOBODY: listed no more */
    uint32_t next;                            /* in the bucket's chain */
    struct tally_session_bucket handshakes;
};

struct tally_session_directory {
    struct tally_session_entry *entries; /* owned */
    uint32_t *heads;                     /* owned */
    uint32_t entry_count;                /* in use, listed or not */
    uint32_t entry_max;
    uint32_t head_count; /* a power of two */
    uint32_t evict_at;   /* where the search for a place goes on */
    struct tally_hash_key hash_key;
};

/*
 * key_max              how many keys may be listed at once.
 * TALLY_ERR_SYSTEM     no memory.
 */
TALLY_NODISCARD enum tally_err
tally_session_directory_open(struct tally_session_directory *directory, uint32_t key_max,
                             const struct tally_hash_key *hash_key);
void tally_session_directory_close(struct tally_session_directory *directory);

/* The entry of a listed key; TALLY_SESSION_NOBODY if there is none. */
uint32_t tally_session_directory_find(const struct tally_session_directory *directory,
                                      const uint8_t key[TALLY_SESSION_KEY_BYTES]);

/*
 * Lists a key as a slot's and gives its entry; TALLY_SESSION_NOBODY if it is another slot's: a key
 * that two claim proves nothing for the second.
 */
uint32_t tally_session_directory_claim(struct tally_session_directory *directory,
                                       const uint8_t key[TALLY_SESSION_KEY_BYTES], uint32_t slot);
void tally_session_directory_release(struct tally_session_directory *directory, uint32_t entry);
