/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica.h - the participant database as this registry accepted it.
 *
 * Raw statement notes, keyed by their SHA-256, with the signed timestamp that vouches for the set.
 * The set is replaced whole, in one transaction, and each replacement has a generation. Beside it
 * stand the highest stamp time and root version ever accepted: the replica never goes back behind
 * them, whatever set is offered.
 *
 * Touches: LMDB. Threads and errors: store.h. Memory: the caller's.
 */
#pragma once

#include "store/store.h"

#include <stdbool.h>

enum {
    TALLY_REPLICA_HASH_BYTES = 32,
    TALLY_REPLICA_NOTE_MAX_BYTES = 8192,
    TALLY_REPLICA_NOTES_MAX = 65536,
    TALLY_REPLICA_CHANGE_MAX_BYTES = 128 << 20, /* of notes that were not there before */
};

struct tally_replica_note {
    uint8_t hash[TALLY_REPLICA_HASH_BYTES]; /* SHA-256 of the bytes, worked out by the caller */
    const void *bytes;                      /* borrowed */
    size_t size;                            /* 1 .. TALLY_REPLICA_NOTE_MAX_BYTES */
};

/* How far the participant database has been seen. Zeroed: nothing yet. */
struct tally_replica_marks {
    struct tally_wall stamped; /* signed time of the newest stamp accepted */
    uint64_t root_version;     /* of the newest root accepted, from 1 */
    uint8_t root_hash[TALLY_REPLICA_HASH_BYTES];
};

struct tally_replica_state {
    uint64_t generation; /* 0: never filled */
    uint32_t note_count;
    struct tally_replica_marks marks;
};

/*
 * Replaces the set, the stamp and the marks.
 *
 * notes    no two of one hash; at most TALLY_REPLICA_NOTES_MAX.
 * stamp    the stamp's note, borrowed; size 0: none.
 * state    what holds now; written in every case, as before on failure (zeroed if it cannot be
 * read). TALLY_ERR_EXPIRED   marks->stamped or root_version is behind what was accepted before, or
 * the root of one version has another hash: a rollback. Nothing is changed. TALLY_ERR_EXISTS    two
 * notes of one hash. Nothing is changed. TALLY_ERR_LIMIT     too many notes, or one too large.
 * Nothing is changed.
 */
TALLY_NODISCARD enum tally_err
tally_replica_replace(struct tally_store *store, const struct tally_replica_note *notes,
                      size_t note_count, const struct tally_replica_note *stamp,
                      const struct tally_replica_marks *marks, struct tally_replica_state *state,
                      struct tally_fault *fault);

TALLY_NODISCARD enum tally_err tally_replica_state(struct tally_store *store,
                                                   struct tally_replica_state *state,
                                                   struct tally_fault *fault);

/* Is given each note once, in the order of the hashes; returns false to stop. Borrowed pointers. */
typedef bool (*tally_replica_note_fn)(void *context, const struct tally_replica_note *note);

/*
 * Reads the set as of one instant.
 *
 * stamp_bytes    TALLY_REPLICA_NOTE_MAX_BYTES of the caller's; NULL: not wanted.
 * stamp_size     written in every case when stamp_bytes is given; 0: there is none.
 * state          NULL allowed; written in every case, zeroed on failure.
 * TALLY_ERR_CORRUPT   a note fails its checksum; the ones before it were given.
 */
TALLY_NODISCARD enum tally_err tally_replica_read(struct tally_store *store,
                                                  tally_replica_note_fn note_fn, void *context,
                                                  uint8_t *stamp_bytes, size_t *stamp_size,
                                                  struct tally_replica_state *state,
                                                  struct tally_fault *fault);
