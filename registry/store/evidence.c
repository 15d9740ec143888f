/* SPDX-License-Identifier: Apache-2.0 */
#include "store/evidence.h"

#include "base/assert.h"
#include "store/db.h"

#include <stdio.h>
#include <string.h>

enum {
    ID_BYTES = 8,
    TIME_KEY_BYTES = 16,
    ENTRY_ROOM_BYTES = 1024, /* an entry, its keys, and its share of half-full pages */
};

void tally_evidence_entry_of(const struct tally_decision *decision, const char *peer_id,
                             const char *feed_name, struct tally_evidence_entry *entry)
{
    memset(entry, 0, sizeof(*entry));
    entry->decision = *decision;
    (void)snprintf(entry->peer_id, sizeof(entry->peer_id), "%s", peer_id);
    (void)snprintf(entry->feed_name, sizeof(entry->feed_name), "%s", feed_name);
    (void)snprintf(entry->policy_text, sizeof(entry->policy_text), "%s",
                   tally_policy_line_sentence(decision->ruling.line));
}

/* Instants before 1970 sort before later ones with the sign bit turned over. */
static void time_key(struct tally_wall at, uint64_t id, uint8_t key[TIME_KEY_BYTES])
{
    tally_store_key_u64((uint64_t)at.us ^ UINT64_C(1) << 63, key);
    tally_store_key_u64(id, key + ID_BYTES);
}

static int64_t time_of_key(const uint8_t key[TIME_KEY_BYTES])
{
    return (int64_t)(tally_store_key_to_u64(key) ^ UINT64_C(1) << 63);
}

/* --- keeping --- */

static int put_one(struct tally_store *store, MDB_txn *txn,
                   const struct tally_evidence_entry *entry, enum tally_err *result)
{
    uint8_t id[ID_BYTES];
    uint8_t at[TIME_KEY_BYTES];
    uint8_t bytes[TALLY_EVIDENCE_VALUE_MAX_BYTES];
    struct tally_store_slice id_key = {id, sizeof(id)};
    struct tally_store_slice value = {bytes, tally_evidence_encode(entry, bytes)};
    struct tally_store_slice there;
    int rc;

    tally_store_key_u64(entry->decision.id, id);
    time_key(entry->decision.decided_at, entry->decision.id, at);
    rc = tally_store_get(store, txn, TALLY_STORE_EVIDENCE, id_key, &there);
    if (rc == 0 || rc == MDB_CORRUPTED) {
        bool is_same = rc == 0 && there.size == value.size &&
                       memcmp(there.bytes, value.bytes, value.size) == 0;

        *result = is_same ? TALLY_ERR_OK : TALLY_ERR_EXISTS;
        return 0;
    }
    *result = TALLY_ERR_OK;
    if (rc != MDB_NOTFOUND) {
        return rc;
    }
    rc = tally_store_put(store, txn, TALLY_STORE_EVIDENCE, id_key, value, MDB_NOOVERWRITE);
    if (rc != 0) {
        return rc;
    }
    return tally_store_put(store, txn, TALLY_STORE_EVIDENCE_BY_TIME,
                           (struct tally_store_slice){at, sizeof(at)},
                           (struct tally_store_slice){"", 0}, 0);
}

enum tally_err tally_evidence_put(struct tally_store *store,
                                  const struct tally_evidence_entry *entries, size_t count,
                                  enum tally_err *results, struct tally_fault *fault)
{
    enum tally_err found[TALLY_EVIDENCE_BATCH_MAX];
    MDB_txn *txn = NULL;
    int rc;

    TALLY_ASSERT(count <= TALLY_EVIDENCE_BATCH_MAX);
    if (count == 0) {
        return TALLY_ERR_OK;
    }
    rc = tally_store_begin(store, TALLY_STORE_WRITE, &txn);
    if (rc == 0) {
        rc = tally_store_room(store, count * ENTRY_ROOM_BYTES);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = put_one(store, txn, &entries[i], &found[i]);
    }
    rc = tally_store_end(&txn, TALLY_STORE_WRITE, rc);
    if (rc == 0 && results != NULL) {
        memcpy(results, found, count * sizeof(found[0]));
    }
    return tally_store_fault(store, rc, "evidence", fault);
}

/* --- reading --- */

static int get_one(struct tally_store *store, MDB_txn *txn, uint64_t id,
                   struct tally_evidence_entry *entry)
{
    uint8_t key[ID_BYTES];
    struct tally_store_slice value;
    int rc;

    tally_store_key_u64(id, key);
    rc = tally_store_get(store, txn, TALLY_STORE_EVIDENCE,
                         (struct tally_store_slice){key, sizeof(key)}, &value);
    memset(entry, 0, sizeof(*entry));
    if (rc == 0 && (tally_evidence_decode(value.bytes, value.size, entry) != TALLY_ERR_OK ||
                    entry->decision.id != id)) {
        memset(entry, 0, sizeof(*entry));
        rc = MDB_CORRUPTED;
    }
    return rc;
}

enum tally_err tally_evidence_get(struct tally_store *store, uint64_t id,
                                  struct tally_evidence_entry *entry, struct tally_fault *fault)
{
    char what[32] = "verdict ";
    MDB_txn *txn = NULL;
    int rc = tally_store_begin(store, TALLY_STORE_READ, &txn);

    memset(entry, 0, sizeof(*entry));
    if (rc == 0) {
        rc = get_one(store, txn, id, entry);
    }
    tally_verdict_id_format(id, what + strlen(what));
    return tally_store_fault(store, tally_store_end(&txn, TALLY_STORE_READ, rc), what, fault);
}

/* The cursor on the first entry to deliver: the one before the mark, or the last of all. */
static int seek(MDB_cursor *cursor, const struct tally_evidence_mark *mark, MDB_val *key,
                MDB_val *value)
{
    uint8_t bytes[TIME_KEY_BYTES];
    int rc;

    if (mark->is_set == 0) {
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    }
    time_key(mark->at, mark->id, bytes);
    *key = (MDB_val){sizeof(bytes), bytes};
    rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    return mdb_cursor_get(cursor, key, value, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

static int take(struct tally_store *store, MDB_txn *txn, const MDB_val *key, const MDB_val *value,
                struct tally_evidence_mark *mark, struct tally_evidence_entry *entry)
{
    struct tally_store_slice nothing;
    int rc = key->mv_size == TIME_KEY_BYTES ? 0 : MDB_CORRUPTED;

    if (rc != 0) {
        return rc;
    }
    mark->at.us = time_of_key(key->mv_data);
    mark->id = tally_store_key_to_u64((const uint8_t *)key->mv_data + ID_BYTES);
    mark->is_set = 1;
    rc = tally_store_check(TALLY_STORE_EVIDENCE_BY_TIME, key, value, &nothing);
    if (rc == 0) {
        rc = get_one(store, txn, mark->id, entry);
    }
    /* The two tables are written together: one without the other is damage. */
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

enum tally_err tally_evidence_newest(struct tally_store *store, struct tally_evidence_mark *mark,
                                     struct tally_evidence_entry *list, size_t list_max,
                                     size_t *count, struct tally_fault *fault)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    int rc = tally_store_begin(store, TALLY_STORE_READ, &txn);

    *count = 0;
    if (rc == 0) {
        rc = mdb_cursor_open(txn, store->tables[TALLY_STORE_EVIDENCE_BY_TIME], &cursor);
    }
    if (rc == 0 && list_max > 0) {
        rc = seek(cursor, mark, &key, &value);
    }
    while (rc == 0 && *count < list_max) {
        rc = take(store, txn, &key, &value, mark, &list[*count]);
        if (rc == 0) {
            *count += 1;
            rc = *count < list_max ? mdb_cursor_get(cursor, &key, &value, MDB_PREV) : 0;
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    rc = tally_store_end(&txn, TALLY_STORE_READ, rc == MDB_NOTFOUND ? 0 : rc);
    return tally_store_fault(store, rc, "evidence", fault);
}

/* --- erasing --- */

/* Keys first, deletions after: LMDB 0.9.24's deleting cursors are not trusted (security.md). */
static int collect_old(struct tally_store *store, MDB_txn *txn, struct tally_wall before,
                       uint8_t (*keys)[TIME_KEY_BYTES], uint32_t key_max, uint32_t *key_count)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_open(txn, store->tables[TALLY_STORE_EVIDENCE_BY_TIME], &cursor);

    *key_count = 0;
    while (rc == 0 && *key_count < key_max) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        if (rc == 0 && key.mv_size != TIME_KEY_BYTES) {
            rc = MDB_CORRUPTED;
        }
        if (rc == 0 && time_of_key(key.mv_data) >= before.us) {
            break;
        }
        if (rc == 0) {
            memcpy(keys[*key_count], key.mv_data, TIME_KEY_BYTES);
            *key_count += 1;
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

enum tally_err tally_evidence_erase(struct tally_store *store, struct tally_wall before,
                                    uint32_t erase_max, uint32_t *erased_count,
                                    struct tally_fault *fault)
{
    uint8_t keys[TALLY_EVIDENCE_BATCH_MAX][TIME_KEY_BYTES];
    uint32_t key_count = 0;
    MDB_txn *txn = NULL;
    int rc = tally_store_begin(store, TALLY_STORE_WRITE, &txn);

    TALLY_ASSERT(erase_max > 0 && erase_max <= TALLY_EVIDENCE_BATCH_MAX);
    *erased_count = 0;
    if (rc == 0) {
        rc = collect_old(store, txn, before, keys, erase_max, &key_count);
    }
    for (uint32_t i = 0; rc == 0 && i < key_count; i++) {
        rc = tally_store_delete(store, txn, TALLY_STORE_EVIDENCE,
                                (struct tally_store_slice){keys[i] + ID_BYTES, ID_BYTES});
        if (rc == 0) {
            rc = tally_store_delete(store, txn, TALLY_STORE_EVIDENCE_BY_TIME,
                                    (struct tally_store_slice){keys[i], TIME_KEY_BYTES});
        }
    }
    if (key_count == 0 && rc == 0) {
        mdb_txn_abort(txn); /* nothing to write: no sync */
        return TALLY_ERR_OK;
    }
    rc = tally_store_end(&txn, TALLY_STORE_WRITE, rc);
    *erased_count = rc == 0 ? key_count : 0;
    return tally_store_fault(store, rc, "erasing evidence", fault);
}
