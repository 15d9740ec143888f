/* SPDX-License-Identifier: Apache-2.0 */
#include "store/replica.h"

#include "base/cursor.h"
#include "store/db.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WHAT "the participant database"

enum { STATE_BYTES = 8 + 8 + 8 + TALLY_REPLICA_HASH_BYTES };

static const struct tally_store_slice state_key = {"replica", 7};
static const struct tally_store_slice stamp_key = {"stamp", 5};

/* --- the state --- */

static int read_state(struct tally_store *store, MDB_txn *txn, struct tally_replica_state *state)
{
    struct tally_store_slice value;
    struct tally_reader in;
    MDB_stat stat;
    int rc = tally_store_get(store, txn, TALLY_STORE_META, state_key, &value);

    memset(state, 0, sizeof(*state));
    if (rc != 0) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }
    in = tally_reader_of(value.bytes, value.size);
    state->generation = tally_read_u64(&in);
    state->marks.stamped.us = tally_read_i64(&in);
    state->marks.root_version = tally_read_u64(&in);
    tally_read_bytes(&in, state->marks.root_hash, sizeof(state->marks.root_hash));
    rc = tally_reader_is_done(&in) ? mdb_stat(txn, store->tables[TALLY_STORE_NOTES], &stat)
                                   : MDB_CORRUPTED;
    if (rc == 0 && stat.ms_entries > TALLY_REPLICA_NOTES_MAX) {
        rc = MDB_CORRUPTED;
    }
    if (rc == 0) {
        state->note_count = (uint32_t)stat.ms_entries;
    } else {
        memset(state, 0, sizeof(*state));
    }
    return rc;
}

static int write_state(struct tally_store *store, MDB_txn *txn,
                       const struct tally_replica_state *state)
{
    uint8_t bytes[STATE_BYTES];
    struct tally_writer out = tally_writer_of(bytes, sizeof(bytes));

    tally_write_u64(&out, state->generation);
    tally_write_i64(&out, state->marks.stamped.us);
    tally_write_u64(&out, state->marks.root_version);
    tally_write_bytes(&out, state->marks.root_hash, sizeof(state->marks.root_hash));
    return tally_store_put(store, txn, TALLY_STORE_META, state_key,
                           (struct tally_store_slice){bytes, sizeof(bytes)}, 0);
}

enum tally_err tally_replica_state(struct tally_store *store, struct tally_replica_state *state,
                                   struct tally_fault *fault)
{
    MDB_txn *txn = NULL;
    int rc = tally_store_begin(store, TALLY_STORE_READ, &txn);

    memset(state, 0, sizeof(*state));
    if (rc == 0) {
        rc = read_state(store, txn, state);
    }
    return tally_store_fault(store, tally_store_end(&txn, TALLY_STORE_READ, rc), WHAT, fault);
}

/* --- replacing --- */

/* What one replacement works with: the new notes in the order of their hashes. */
struct change {
    struct tally_store *store;
    MDB_txn *txn;
    const struct tally_replica_note **sorted;
    size_t count;
    uint8_t (*gone)[TALLY_REPLICA_HASH_BYTES]; /* hashes held now that the new set has not */
    size_t gone_count;
};

static int compare_notes(const void *a, const void *b)
{
    const struct tally_replica_note *const *first = a;
    const struct tally_replica_note *const *second = b;

    return memcmp((*first)->hash, (*second)->hash, TALLY_REPLICA_HASH_BYTES);
}

static enum tally_err check_sizes(const struct tally_replica_note *notes, size_t note_count,
                                  const struct tally_replica_note *stamp, struct tally_fault *fault)
{
    if (note_count > TALLY_REPLICA_NOTES_MAX) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT,
                               WHAT " has %zu statements, expected at most "
                                    "%d",
                               note_count, TALLY_REPLICA_NOTES_MAX);
    }
    for (size_t i = 0; i < note_count; i++) {
        if (notes[i].size == 0 || notes[i].size > TALLY_REPLICA_NOTE_MAX_BYTES) {
            return tally_fault_set(fault, TALLY_ERR_LIMIT,
                                   "statement %zu has %zu bytes, expected 1 to %d", i,
                                   notes[i].size, TALLY_REPLICA_NOTE_MAX_BYTES);
        }
    }
    if (stamp != NULL && stamp->size > TALLY_REPLICA_NOTE_MAX_BYTES) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT,
                               "the stamp has %zu bytes, expected at most "
                               "%d",
                               stamp->size, TALLY_REPLICA_NOTE_MAX_BYTES);
    }
    return TALLY_ERR_OK;
}

/* Sorts the notes; two alike would make the count lie. */
static enum tally_err sort_notes(struct change *change, const struct tally_replica_note *notes,
                                 struct tally_fault *fault)
{
    for (size_t i = 0; i < change->count; i++) {
        change->sorted[i] = &notes[i];
    }
    if (change->count > 0) {
        qsort(change->sorted, change->count, sizeof(change->sorted[0]), compare_notes);
    }
    for (size_t i = 1; i < change->count; i++) {
        if (compare_notes(&change->sorted[i - 1], &change->sorted[i]) == 0) {
            return tally_fault_set(fault, TALLY_ERR_EXISTS, "two statements have the same hash");
        }
    }
    return TALLY_ERR_OK;
}

static enum tally_err check_marks(const struct tally_replica_marks *held,
                                  const struct tally_replica_marks *offered,
                                  struct tally_fault *fault)
{
    if (offered->stamped.us < held->stamped.us) {
        return tally_fault_set(fault, TALLY_ERR_EXPIRED,
                               "the offered " WHAT " is stamped %" PRId64 " s before the one "
                               "accepted last: it was rolled back; fetch the current one",
                               (held->stamped.us - offered->stamped.us) / TALLY_US_PER_S);
    }
    if (offered->root_version < held->root_version) {
        return tally_fault_set(fault, TALLY_ERR_EXPIRED,
                               "the offered " WHAT " has root version %" PRIu64 ", and version "
                               "%" PRIu64 " was accepted before; fetch the current one",
                               offered->root_version, held->root_version);
    }
    if (offered->root_version == held->root_version &&
        memcmp(offered->root_hash, held->root_hash, sizeof(held->root_hash)) != 0) {
        return tally_fault_set(fault, TALLY_ERR_EXPIRED,
                               "two different roots have version %" PRIu64 ": one of them is "
                               "forged; ask the authority",
                               offered->root_version);
    }
    return TALLY_ERR_OK;
}

static bool is_wanted(const struct change *change, const uint8_t *hash)
{
    struct tally_replica_note wanted = {.bytes = NULL, .size = 0};
    const struct tally_replica_note *key = &wanted;

    memcpy(wanted.hash, hash, sizeof(wanted.hash));
    return change->count > 0 && bsearch(&key, change->sorted, change->count,
                                        sizeof(change->sorted[0]), compare_notes) != NULL;
}

static int collect_gone(struct change *change)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    MDB_stat stat;
    MDB_dbi table = change->store->tables[TALLY_STORE_NOTES];
    int rc = mdb_stat(change->txn, table, &stat);

    if (rc != 0 || stat.ms_entries == 0) {
        return rc;
    }
    change->gone = calloc(stat.ms_entries, sizeof(change->gone[0]));
    rc = change->gone == NULL ? ENOMEM : mdb_cursor_open(change->txn, table, &cursor);
    while (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        if (rc == 0 &&
            (key.mv_size != TALLY_REPLICA_HASH_BYTES || change->gone_count >= stat.ms_entries)) {
            rc = MDB_CORRUPTED;
        }
        if (rc == 0 && !is_wanted(change, key.mv_data)) {
            memcpy(change->gone[change->gone_count++], key.mv_data, TALLY_REPLICA_HASH_BYTES);
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Notes are named by their content, so what is there already and undamaged need not be written. */
static bool is_held(struct change *change, const struct tally_replica_note *note, int *rc)
{
    struct tally_store_slice there;

    *rc = tally_store_get(change->store, change->txn, TALLY_STORE_NOTES,
                          (struct tally_store_slice){note->hash, sizeof(note->hash)}, &there);
    if (*rc == MDB_NOTFOUND || *rc == MDB_CORRUPTED) {
        *rc = 0;
        return false;
    }
    return *rc == 0 && there.size == note->size &&
           memcmp(there.bytes, note->bytes, note->size) == 0;
}

static int put_notes(struct change *change)
{
    uint64_t new_bytes = 0;
    int rc = 0;

    /* What is new is measured before anything is written: pages come in wholes, twice is enough. */
    for (size_t i = 0; rc == 0 && i < change->count; i++) {
        if (!is_held(change, change->sorted[i], &rc)) {
            new_bytes += change->sorted[i]->size + 64;
        }
    }
    if (rc == 0 && new_bytes > TALLY_REPLICA_CHANGE_MAX_BYTES) {
        rc = MDB_TXN_FULL;
    }
    if (rc == 0) {
        rc = tally_store_room(change->store, 2 * new_bytes);
    }
    for (size_t i = 0; rc == 0 && i < change->count; i++) {
        const struct tally_replica_note *note = change->sorted[i];

        if (!is_held(change, note, &rc) && rc == 0) {
            rc = tally_store_put(change->store, change->txn, TALLY_STORE_NOTES,
                                 (struct tally_store_slice){note->hash, sizeof(note->hash)},
                                 (struct tally_store_slice){note->bytes, note->size}, 0);
        }
    }
    return rc;
}

static int apply(struct change *change, const struct tally_replica_note *stamp,
                 const struct tally_replica_state *state)
{
    int rc = collect_gone(change);

    for (size_t i = 0; rc == 0 && i < change->gone_count; i++) {
        rc = tally_store_delete(
            change->store, change->txn, TALLY_STORE_NOTES,
            (struct tally_store_slice){change->gone[i], TALLY_REPLICA_HASH_BYTES});
    }
    if (rc == 0) {
        rc = put_notes(change);
    }
    if (rc == 0 && stamp != NULL && stamp->size > 0) {
        rc = tally_store_put(change->store, change->txn, TALLY_STORE_META, stamp_key,
                             (struct tally_store_slice){stamp->bytes, stamp->size}, 0);
    } else if (rc == 0) {
        rc = tally_store_delete(change->store, change->txn, TALLY_STORE_META, stamp_key);
    }
    return rc == 0 ? write_state(change->store, change->txn, state) : rc;
}

static enum tally_err replace(struct change *change, const struct tally_replica_note *stamp,
                              const struct tally_replica_marks *marks,
                              struct tally_replica_state *state, struct tally_fault *fault)
{
    struct tally_replica_state next;
    enum tally_err err;
    int rc = tally_store_begin(change->store, TALLY_STORE_WRITE, &change->txn);

    if (rc == 0) {
        rc = read_state(change->store, change->txn, state);
    }
    err = rc == 0 ? check_marks(&state->marks, marks, fault) : TALLY_ERR_OK;
    if (rc != 0 || err != TALLY_ERR_OK) {
        (void)tally_store_end(&change->txn, TALLY_STORE_READ, 0);
        return rc == 0 ? err : tally_store_fault(change->store, rc, WHAT, fault);
    }
    next = (struct tally_replica_state){state->generation + 1, (uint32_t)change->count, *marks};
    rc = tally_store_end(&change->txn, TALLY_STORE_WRITE, apply(change, stamp, &next));
    if (rc == MDB_TXN_FULL) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT,
                               WHAT " brings more than %d MiB that are new, more than one "
                                    "transaction may write",
                               TALLY_REPLICA_CHANGE_MAX_BYTES >> 20);
    }
    if (rc == 0) {
        *state = next;
    }
    return tally_store_fault(change->store, rc, WHAT, fault);
}

enum tally_err tally_replica_replace(struct tally_store *store,
                                     const struct tally_replica_note *notes, size_t note_count,
                                     const struct tally_replica_note *stamp,
                                     const struct tally_replica_marks *marks,
                                     struct tally_replica_state *state, struct tally_fault *fault)
{
    struct change change = {.store = store, .count = note_count};
    enum tally_err err = tally_replica_state(store, state, fault);

    if (err == TALLY_ERR_OK) {
        err = check_sizes(notes, note_count, stamp, fault);
    }
    if (err != TALLY_ERR_OK) {
        return err;
    }
    change.sorted = calloc(note_count + 1, sizeof(change.sorted[0]));
    if (change.sorted == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for " WHAT);
    }
    err = sort_notes(&change, notes, fault);
    if (err == TALLY_ERR_OK) {
        err = replace(&change, stamp, marks, state, fault);
    }
    free(change.sorted);
    free(change.gone);
    return err;
}

/* --- reading --- */

static int read_stamp(struct tally_store *store, MDB_txn *txn, uint8_t *bytes, size_t *size)
{
    struct tally_store_slice value;
    int rc = tally_store_get(store, txn, TALLY_STORE_META, stamp_key, &value);

    if (rc == 0 && value.size > TALLY_REPLICA_NOTE_MAX_BYTES) {
        rc = MDB_CORRUPTED;
    }
    if (rc == 0) {
        memcpy(bytes, value.bytes, value.size);
        *size = value.size;
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int read_notes(struct tally_store *store, MDB_txn *txn, tally_replica_note_fn note_fn,
                      void *context)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val stored;
    int rc = mdb_cursor_open(txn, store->tables[TALLY_STORE_NOTES], &cursor);

    while (rc == 0) {
        struct tally_store_slice value = {NULL, 0};
        struct tally_replica_note note;

        rc = mdb_cursor_get(cursor, &key, &stored, MDB_NEXT);
        if (rc == 0) {
            rc = key.mv_size == TALLY_REPLICA_HASH_BYTES
                     ? tally_store_check(TALLY_STORE_NOTES, &key, &stored, &value)
                     : MDB_CORRUPTED;
        }
        if (rc == 0) {
            memcpy(note.hash, key.mv_data, sizeof(note.hash));
            note.bytes = value.bytes;
            note.size = value.size;
            if (!note_fn(context, &note)) {
                break;
            }
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

enum tally_err tally_replica_read(struct tally_store *store, tally_replica_note_fn note_fn,
                                  void *context, uint8_t *stamp_bytes, size_t *stamp_size,
                                  struct tally_replica_state *state, struct tally_fault *fault)
{
    struct tally_replica_state held = {0};
    MDB_txn *txn = NULL;
    int rc = tally_store_begin(store, TALLY_STORE_READ, &txn);

    if (stamp_bytes != NULL) {
        *stamp_size = 0;
    }
    if (rc == 0) {
        rc = read_state(store, txn, &held);
    }
    if (rc == 0 && stamp_bytes != NULL) {
        rc = read_stamp(store, txn, stamp_bytes, stamp_size);
    }
    if (rc == 0) {
        rc = read_notes(store, txn, note_fn, context);
    }
    rc = tally_store_end(&txn, TALLY_STORE_READ, rc);
    if (state != NULL) {
        *state = rc == 0 ? held : (struct tally_replica_state){0};
    }
    return tally_store_fault(store, rc, WHAT, fault);
}
