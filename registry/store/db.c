/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "base/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

int tally_store_begin(struct tally_store *store, enum tally_store_access access, MDB_txn **txn)
{
    *txn = NULL;
    return mdb_txn_begin(store->env, NULL, access == TALLY_STORE_READ ? MDB_RDONLY : 0, txn);
}

int tally_store_end(MDB_txn **txn, enum tally_store_access access, int rc)
{
    if (*txn != NULL && rc == 0 && access == TALLY_STORE_WRITE) {
        rc = mdb_txn_commit(*txn); /* frees it, whatever it returns */
    } else if (*txn != NULL) {
        mdb_txn_abort(*txn);
    }
    *txn = NULL;
    return rc;
}

/* Pages on LMDB's free list, which is table 0: each value is a count and that many page numbers. */
static int count_free_pages(MDB_txn *txn, uint64_t *page_count)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_open(txn, 0, &cursor);

    *page_count = 0;
    while (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        if (rc == 0) {
            size_t count;

            memcpy(&count, value.mv_data, sizeof(count));
            *page_count += count;
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int tally_store_used(struct tally_store *store, uint64_t *used_bytes)
{
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t free_count = 0;
    MDB_txn *txn = NULL;
    int rc = mdb_env_info(store->env, &info);

    *used_bytes = 0;
    if (rc == 0) {
        rc = mdb_env_stat(store->env, &stat);
    }
    if (rc == 0) {
        /* LMDB shows its free list to readers only. */
        rc = tally_store_begin(store, TALLY_STORE_READ, &txn);
    }
    if (rc == 0) {
        rc = count_free_pages(txn, &free_count);
    }
    rc = tally_store_end(&txn, TALLY_STORE_READ, rc);
    if (rc == 0) {
        *used_bytes = (info.me_last_pgno + 1 - free_count) * stat.ms_psize;
    }
    return rc;
}

int tally_store_room(struct tally_store *store, uint64_t need_bytes)
{
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t used_bytes;
    int rc = mdb_env_info(store->env, &info);

    if (rc == 0) {
        rc = mdb_env_stat(store->env, &stat);
    }
    /* Walking the free list is for when the file has once grown to its limit. */
    if (rc == 0 && (info.me_last_pgno + 1) * stat.ms_psize + need_bytes > store->map_bytes) {
        rc = tally_store_used(store, &used_bytes);
        if (rc == 0 && used_bytes + need_bytes > store->map_bytes) {
            rc = MDB_MAP_FULL;
        }
    }
    return rc;
}

/*
 * Against damage, not against forgery: whoever can write the file can write the checksum. The key
 * and the table enter it, so that a value in the wrong place is found out too.
 */
static uint64_t checksum(enum tally_store_table table, const void *key, size_t key_size,
                         const void *value, size_t value_size)
{
    static const struct tally_hash_key zero = {0, 0};
    struct tally_hash_key place = {tally_hash(&zero, key, key_size), (uint64_t)table};

    return tally_hash(&place, value, value_size);
}

static MDB_val val_of(struct tally_store_slice slice)
{
    MDB_val val;

    /* LMDB declares what it only reads as void *. */
    memcpy(&val.mv_data, &slice.bytes, sizeof(val.mv_data));
    val.mv_size = slice.size;
    return val;
}

int tally_store_put(struct tally_store *store, MDB_txn *txn, enum tally_store_table table,
                    struct tally_store_slice key, struct tally_store_slice value, unsigned flags)
{
    MDB_val key_val = val_of(key);
    MDB_val stored = {value.size + TALLY_STORE_CHECKSUM_BYTES, NULL};
    int rc = mdb_put(txn, store->tables[table], &key_val, &stored, flags | MDB_RESERVE);

    if (rc == 0) {
        struct tally_writer out = tally_writer_of(stored.mv_data, stored.mv_size);

        tally_write_bytes(&out, value.bytes, value.size);
        tally_write_u64(&out, checksum(table, key.bytes, key.size, value.bytes, value.size));
        TALLY_ASSERT(!out.failed && out.at == out.size);
    }
    return rc;
}

int tally_store_check(enum tally_store_table table, const MDB_val *key, const MDB_val *stored,
                      struct tally_store_slice *value)
{
    struct tally_reader in = tally_reader_of(stored->mv_data, stored->mv_size);

    *value = (struct tally_store_slice){NULL, 0};
    if (stored->mv_size < TALLY_STORE_CHECKSUM_BYTES) {
        return MDB_CORRUPTED;
    }
    value->size = stored->mv_size - TALLY_STORE_CHECKSUM_BYTES;
    value->bytes = tally_read_span(&in, value->size);
    if (tally_read_u64(&in) !=
        checksum(table, key->mv_data, key->mv_size, value->bytes, value->size)) {
        *value = (struct tally_store_slice){NULL, 0};
        return MDB_CORRUPTED;
    }
    return 0;
}

int tally_store_get(struct tally_store *store, MDB_txn *txn, enum tally_store_table table,
                    struct tally_store_slice key, struct tally_store_slice *value)
{
    MDB_val key_val = val_of(key);
    MDB_val stored;
    int rc = mdb_get(txn, store->tables[table], &key_val, &stored);

    *value = (struct tally_store_slice){NULL, 0};
    return rc == 0 ? tally_store_check(table, &key_val, &stored, value) : rc;
}

int tally_store_delete(struct tally_store *store, MDB_txn *txn, enum tally_store_table table,
                       struct tally_store_slice key)
{
    MDB_val key_val = val_of(key);
    int rc = mdb_del(txn, store->tables[table], &key_val, NULL);

    return rc == MDB_NOTFOUND ? 0 : rc;
}

static enum tally_err full_map(const struct tally_store *store, const char *what,
                               struct tally_fault *fault)
{
    return tally_fault_set(fault, TALLY_ERR_FULL,
                           "%s: no room for %s: the database has reached its limit of %" PRIu64
                           " MiB; "
                           "raise state_max_mib and start again, or lower evidence_days",
                           store->path, what, store->map_bytes >> 20);
}

enum tally_err tally_store_fault(const struct tally_store *store, int rc, const char *what,
                                 struct tally_fault *fault)
{
    switch (rc) {
    case 0:
        return TALLY_ERR_OK;
    case MDB_NOTFOUND:
        return tally_fault_set(fault, TALLY_ERR_NOT_FOUND, "%s: %s: not there", store->path, what);
    case MDB_MAP_FULL:
        return full_map(store, what, fault);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return tally_fault_set(fault, TALLY_ERR_FULL,
                               "%s: no room for %s: the disk is full (%s); free some space",
                               store->path, what, mdb_strerror(rc));
    case EACCES:
    case EPERM:
    case EROFS:
        return tally_fault_set(fault, TALLY_ERR_SYSTEM,
                               "%s: %s: %s; the directory and its files must belong to the user "
                               "that tallyd runs as, and be writable",
                               store->path, what, mdb_strerror(rc));
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_BAD_TXN:
        return tally_fault_set(fault, TALLY_ERR_CORRUPT,
                               "%s: %s is damaged (%s); stop tallyd, keep a copy of the directory, "
                               "and restore it from a backup or start with an empty one",
                               store->path, what, mdb_strerror(rc));
    case MDB_VERSION_MISMATCH:
        return tally_fault_set(fault, TALLY_ERR_VERSION,
                               "%s: written by another version of LMDB; use the one that wrote it",
                               store->path);
    default:
        break;
    }
    return tally_fault_set(fault, rc > 0 ? TALLY_ERR_SYSTEM : TALLY_ERR_STORE, "%s: %s: %s",
                           store->path, what, mdb_strerror(rc));
}

void tally_store_key_u64(uint64_t value, uint8_t key[8])
{
    for (int i = 7; i >= 0; i--) {
        key[i] = (uint8_t)value;
        value >>= 8;
    }
}

uint64_t tally_store_key_to_u64(const uint8_t key[8])
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++) {
        value = value << 8 | key[i];
    }
    return value;
}
