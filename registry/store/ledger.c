/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ledger.h"

#include "base/cursor.h"
#include "store/db.h"

#include <string.h>

static struct tally_store_slice key_of(const char *operator_id)
{
    return (struct tally_store_slice){operator_id, strnlen(operator_id, TALLY_OPERATOR_ID_BYTES)};
}

static int decode(struct tally_store_slice value, struct tally_wall *since)
{
    struct tally_reader in = tally_reader_of(value.bytes, value.size);

    since->us = tally_read_i64(&in);
    if (!tally_reader_is_done(&in) || since->us <= 0) {
        since->us = 0;
        return MDB_CORRUPTED;
    }
    return 0;
}

static int get_one(struct tally_store *store, MDB_txn *txn, const char *operator_id,
                   struct tally_wall *since)
{
    struct tally_store_slice value;
    int rc = tally_store_get(store, txn, TALLY_STORE_LEDGER, key_of(operator_id), &value);

    since->us = 0;
    return rc == 0 ? decode(value, since) : rc;
}

static int put_one(struct tally_store *store, MDB_txn *txn, const struct tally_ledger_entry *entry)
{
    struct tally_store_slice key = key_of(entry->operator_id);
    struct tally_wall there;
    uint8_t bytes[8];
    struct tally_writer out = tally_writer_of(bytes, sizeof(bytes));
    int rc;

    if (entry->strict_since.us <= 0) {
        return tally_store_delete(store, txn, TALLY_STORE_LEDGER, key);
    }
    rc = get_one(store, txn, entry->operator_id, &there);
    if (rc != MDB_NOTFOUND && (rc != 0 || there.us <= entry->strict_since.us)) {
        return rc;
    }
    tally_write_i64(&out, entry->strict_since.us);
    return tally_store_put(store, txn, TALLY_STORE_LEDGER, key,
                           (struct tally_store_slice){bytes, sizeof(bytes)}, 0);
}

/* What stands now, read only after the commit: what is not durable is not reported. */
static enum tally_err report(struct tally_store *store, struct tally_ledger_entry *entries,
                             size_t count, struct tally_fault *fault)
{
    enum tally_err err = TALLY_ERR_OK;

    for (size_t i = 0; err == TALLY_ERR_OK && i < count; i++) {
        err = tally_ledger_get(store, entries[i].operator_id, &entries[i].strict_since, fault);
    }
    return err;
}

enum tally_err tally_ledger_put(struct tally_store *store, struct tally_ledger_entry *entries,
                                size_t count, struct tally_fault *fault)
{
    MDB_txn *txn = NULL;
    int rc;

    for (size_t i = 0; i < count; i++) {
        size_t length = strnlen(entries[i].operator_id, TALLY_OPERATOR_ID_BYTES);

        if (!tally_operator_id_is_valid(entries[i].operator_id, length)) {
            return tally_fault_set(fault, TALLY_ERR_FORMAT, "entry %zu has no valid operator id",
                                   i);
        }
    }
    rc = tally_store_begin(store, TALLY_STORE_WRITE, &txn);
    if (rc == 0) {
        rc = tally_store_room(store, count * 256);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = put_one(store, txn, &entries[i]);
    }
    rc = tally_store_end(&txn, TALLY_STORE_WRITE, rc);
    return rc == 0 ? report(store, entries, count, fault)
                   : tally_store_fault(store, rc, "the ledger", fault);
}

enum tally_err tally_ledger_get(struct tally_store *store, const char *operator_id,
                                struct tally_wall *since, struct tally_fault *fault)
{
    MDB_txn *txn = NULL;
    int rc = tally_store_begin(store, TALLY_STORE_READ, &txn);

    since->us = 0;
    if (rc == 0) {
        rc = get_one(store, txn, operator_id, since);
    }
    rc = tally_store_end(&txn, TALLY_STORE_READ, rc == MDB_NOTFOUND ? 0 : rc);
    return tally_store_fault(store, rc, "the ledger", fault);
}

static int entry_at(const MDB_val *key, const MDB_val *stored, struct tally_ledger_entry *entry)
{
    struct tally_store_slice value;
    int rc = tally_store_check(TALLY_STORE_LEDGER, key, stored, &value);

    memset(entry, 0, sizeof(*entry));
    if (rc == 0 && !tally_operator_id_is_valid(key->mv_data, key->mv_size)) {
        rc = MDB_CORRUPTED;
    }
    if (rc == 0) {
        memcpy(entry->operator_id, key->mv_data, key->mv_size);
        rc = decode(value, &entry->strict_since);
    }
    return rc;
}

enum tally_err tally_ledger_read(struct tally_store *store, tally_ledger_entry_fn entry_fn,
                                 void *context, struct tally_fault *fault)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val stored;
    struct tally_ledger_entry entry;
    int rc = tally_store_begin(store, TALLY_STORE_READ, &txn);

    if (rc == 0) {
        rc = mdb_cursor_open(txn, store->tables[TALLY_STORE_LEDGER], &cursor);
    }
    while (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &stored, MDB_NEXT);
        if (rc == 0) {
            rc = entry_at(&key, &stored, &entry);
        }
        if (rc == 0 && !entry_fn(context, &entry)) {
            break;
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    rc = tally_store_end(&txn, TALLY_STORE_READ, rc == MDB_NOTFOUND ? 0 : rc);
    return tally_store_fault(store, rc, "the ledger", fault);
}
