/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h - values with checksums in LMDB transactions. Private to registry/store.
 *
 * Functions that work inside a transaction return LMDB's codes (0, MDB_..., errno), so that a chain
 * of them is checked once; tally_store_fault is the one place where they become ours. A value that
 * fails its checksum is MDB_CORRUPTED.
 *
 * Touches: LMDB. Threads: as store.h. Memory: values read are borrowed until the transaction ends.
 */
#pragma once

#include "store/store.h"

#include <lmdb.h>

enum tally_store_table {
    TALLY_STORE_META,
    TALLY_STORE_EVIDENCE,         /* verdict id -> evidence */
    TALLY_STORE_EVIDENCE_BY_TIME, /* decided_at, verdict id -> nothing */
    TALLY_STORE_NOTES,            /* hash -> statement note */
    TALLY_STORE_LEDGER,           /* operator id -> strict_since */
    TALLY_STORE_TABLE_COUNT
};

enum {
    TALLY_STORE_PATH_BYTES = 320,
    TALLY_STORE_CHECKSUM_BYTES = 8,
};

struct tally_store {
    MDB_env *env;
    MDB_dbi tables[TALLY_STORE_TABLE_COUNT];
    int lock_fd; /* -1: not locked */
    uint64_t map_bytes;
    uint32_t boot;
    char path[TALLY_STORE_PATH_BYTES]; /* of the database file */
};

struct tally_store_slice {
    const void *bytes;
    size_t size;
};

enum tally_store_access { TALLY_STORE_READ, TALLY_STORE_WRITE };

int tally_store_begin(struct tally_store *store, enum tally_store_access access, MDB_txn **txn);

/*
 * Ends a transaction: commits when rc is 0 and it was for writing, drops it otherwise. Returns rc,
 * or what the commit said. *txn may be NULL and becomes NULL.
 */
int tally_store_end(MDB_txn **txn, enum tally_store_access access, int rc);

/*
 * Is there room for about need_bytes more, without the reserve? MDB_MAP_FULL if not. Erasing does
 * not ask.
 */
int tally_store_room(struct tally_store *store, uint64_t need_bytes);

/* Bytes of all pages in use, as last committed. */
int tally_store_used(struct tally_store *store, uint64_t *used_bytes);

/* Stores a value with its checksum; flags are mdb_put's. */
int tally_store_put(struct tally_store *store, MDB_txn *txn, enum tally_store_table table,
                    struct tally_store_slice key, struct tally_store_slice value, unsigned flags);

/* Reads a value and checks it; value without the checksum. */
int tally_store_get(struct tally_store *store, MDB_txn *txn, enum tally_store_table table,
                    struct tally_store_slice key, struct tally_store_slice *value);

/* Checks a value as a cursor delivered it. */
int tally_store_check(enum tally_store_table table, const MDB_val *key, const MDB_val *stored,
                      struct tally_store_slice *value);

/* Not finding it is no error. */
int tally_store_delete(struct tally_store *store, MDB_txn *txn, enum tally_store_table table,
                       struct tally_store_slice key);

/* LMDB's code as ours, with words; what: "evidence", "the participant database". 0 is OK. */
TALLY_NODISCARD enum tally_err tally_store_fault(const struct tally_store *store, int rc,
                                                 const char *what, struct tally_fault *fault);

/* 8 bytes, most significant first, so that LMDB's order is the integers' order. */
void tally_store_key_u64(uint64_t value, uint8_t key[8]);
uint64_t tally_store_key_to_u64(const uint8_t key[8]);
