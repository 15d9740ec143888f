/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const table_names[TALLY_STORE_TABLE_COUNT] = {
    "meta", "evidence", "evidence_by_time", "notes", "ledger",
};

static const struct tally_store_slice schema_key = {"schema", 6};
static const struct tally_store_slice boot_key = {"boot", 4};

static enum tally_err make_directory(const char *directory, struct tally_fault *fault)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return tally_fault_set(
            fault, TALLY_ERR_SYSTEM,
            "%s: cannot be made: %s; the folder around it must exist and be writable", directory,
            strerror(errno));
    }
    return TALLY_ERR_OK;
}

/*
 * LMDB would let a second process in. Two daemons on one state would count starts and judge calls
 * against each other, so a lock of our own keeps the second one out; it ends with the process.
 */
static enum tally_err take_lock(struct tally_store *store, const char *directory,
                                struct tally_fault *fault)
{
    char path[TALLY_STORE_PATH_BYTES];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    (void)snprintf(path, sizeof(path), "%s/lock", directory);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM,
                               "%s: %s; the directory must belong to the user that tallyd runs as",
                               path, strerror(errno));
    }
    if (fcntl(store->lock_fd, F_SETLK, &lock) != 0) {
        return tally_fault_set(fault, TALLY_ERR_EXISTS,
                               "%s: another process has this state open; stop it, or use another "
                               "state_directory",
                               path);
    }
    return TALLY_ERR_OK;
}

/* LMDB maps the file and trusts its own page count: a file cut short would end in SIGBUS. */
static int check_size(struct tally_store *store)
{
    MDB_envinfo info;
    MDB_stat stat_of_env;
    struct stat about;
    int rc = mdb_env_info(store->env, &info);

    if (rc == 0) {
        rc = mdb_env_stat(store->env, &stat_of_env);
    }
    if (rc == 0 && stat(store->path, &about) != 0) {
        rc = errno;
    }
    if (rc == 0 && (uint64_t)about.st_size < (info.me_last_pgno + 1) * stat_of_env.ms_psize) {
        rc = MDB_CORRUPTED;
    }
    return rc;
}

static int open_env(struct tally_store *store)
{
    int rc = mdb_env_create(&store->env);

    if (rc == 0) {
        rc = mdb_env_set_mapsize(store->env, store->map_bytes + TALLY_STORE_RESERVE_BYTES);
    }
    if (rc == 0) {
        rc = mdb_env_set_maxdbs(store->env, TALLY_STORE_TABLE_COUNT);
    }
    if (rc == 0) {
        rc = mdb_env_open(store->env, store->path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    }
    return rc == 0 ? check_size(store) : rc;
}

static int read_u32(struct tally_store *store, MDB_txn *txn, struct tally_store_slice key,
                    uint32_t *value)
{
    struct tally_store_slice slice;
    int rc = tally_store_get(store, txn, TALLY_STORE_META, key, &slice);

    *value = 0;
    if (rc == 0) {
        struct tally_reader in = tally_reader_of(slice.bytes, slice.size);

        *value = tally_read_u32(&in);
        rc = tally_reader_is_done(&in) ? 0 : MDB_CORRUPTED;
    }
    return rc;
}

static int write_u32(struct tally_store *store, MDB_txn *txn, struct tally_store_slice key,
                     uint32_t value)
{
    uint8_t bytes[4];
    struct tally_writer out = tally_writer_of(bytes, sizeof(bytes));

    tally_write_u32(&out, value);
    return tally_store_put(store, txn, TALLY_STORE_META, key,
                           (struct tally_store_slice){bytes, sizeof(bytes)}, 0);
}

/* Nothing is made before the schema is known to be ours; is_new says that there is none yet. */
static enum tally_err check_schema(struct tally_store *store, MDB_txn *txn, bool *is_new,
                                   struct tally_fault *fault)
{
    MDB_dbi top;
    MDB_stat top_stat = {0};
    uint32_t schema = 0;
    int rc = mdb_dbi_open(txn, NULL, 0, &top);

    if (rc == 0) {
        rc = mdb_stat(txn, top, &top_stat);
    }
    *is_new = rc == 0 && top_stat.ms_entries == 0;
    if (rc != 0 || *is_new) {
        return tally_store_fault(store, rc, "the schema", fault);
    }
    rc = mdb_dbi_open(txn, table_names[TALLY_STORE_META], 0, &store->tables[TALLY_STORE_META]);
    if (rc == 0) {
        rc = read_u32(store, txn, schema_key, &schema);
    }
    if (rc != 0 && rc != MDB_NOTFOUND && rc != MDB_INCOMPATIBLE) {
        return tally_store_fault(store, rc, "the schema", fault);
    }
    if (rc != 0 || schema != TALLY_STORE_SCHEMA) {
        return tally_fault_set(fault, TALLY_ERR_VERSION,
                               "%s: found schema %" PRIu32 "%s, expected %d; use the tallyd that "
                               "wrote it, or an empty state_directory",
                               store->path, schema, rc != 0 ? " (none)" : "", TALLY_STORE_SCHEMA);
    }
    return TALLY_ERR_OK;
}

static int open_tables(struct tally_store *store, MDB_txn *txn, bool is_new)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < TALLY_STORE_TABLE_COUNT; i++) {
        rc = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &store->tables[i]);
    }
    if (rc == 0 && is_new) {
        rc = write_u32(store, txn, schema_key, TALLY_STORE_SCHEMA);
    }
    return rc;
}

static int count_start(struct tally_store *store, MDB_txn *txn)
{
    uint32_t last = 0;
    int rc = read_u32(store, txn, boot_key, &last);

    if (rc != 0 && rc != MDB_NOTFOUND) {
        return rc;
    }
    if (last > TALLY_STORE_BOOT_MAX) {
        return MDB_CORRUPTED;
    }
    store->boot = last == TALLY_STORE_BOOT_MAX ? 1 : last + 1;
    return write_u32(store, txn, boot_key, store->boot);
}

static enum tally_err open_state(struct tally_store *store, struct tally_fault *fault)
{
    MDB_txn *txn = NULL;
    bool is_new = false;
    enum tally_err err;
    int rc = tally_store_begin(store, TALLY_STORE_WRITE, &txn);

    if (rc != 0) {
        return tally_store_fault(store, rc, "opening", fault);
    }
    err = check_schema(store, txn, &is_new, fault);
    if (err != TALLY_ERR_OK) {
        mdb_txn_abort(txn);
        return err;
    }
    rc = open_tables(store, txn, is_new);
    if (rc == 0) {
        rc = count_start(store, txn);
    }
    return tally_store_fault(store, tally_store_end(&txn, TALLY_STORE_WRITE, rc),
                             "the counter of starts", fault);
}

enum tally_err tally_store_open(const struct tally_store_options *options, struct tally_store **out,
                                struct tally_fault *fault)
{
    struct tally_store *store;
    enum tally_err err;
    int count;

    *out = NULL;
    if (options->map_bytes < TALLY_STORE_MAP_MIN_BYTES ||
        options->map_bytes > TALLY_STORE_MAP_MAX_BYTES || options->map_bytes % 4096 != 0) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT,
                               "the database's size is %" PRIu64 " bytes, expected %" PRIu64
                               " to %" PRIu64 ", in steps of 4096",
                               options->map_bytes, TALLY_STORE_MAP_MIN_BYTES,
                               TALLY_STORE_MAP_MAX_BYTES);
    }
    store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the store");
    }
    store->lock_fd = -1;
    store->map_bytes = options->map_bytes;
    count = snprintf(store->path, sizeof(store->path), "%s/store.mdb", options->directory);
    err = count > 0 && (size_t)count < sizeof(store->path)
              ? make_directory(options->directory, fault)
              : tally_fault_set(fault, TALLY_ERR_LIMIT, "%s: the path is too long",
                                options->directory);
    if (err == TALLY_ERR_OK) {
        err = take_lock(store, options->directory, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_store_fault(store, open_env(store), "opening", fault);
    }
    if (err == TALLY_ERR_OK) {
        err = open_state(store, fault);
    }
    if (err != TALLY_ERR_OK) {
        tally_store_close(store);
        return err;
    }
    *out = store;
    return TALLY_ERR_OK;
}

void tally_store_close(struct tally_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->env != NULL) {
        mdb_env_close(store->env);
    }
    if (store->lock_fd >= 0) {
        (void)close(store->lock_fd);
    }
    free(store);
}

uint32_t tally_store_boot(const struct tally_store *store)
{
    return store->boot;
}

static int measure(struct tally_store *store, MDB_txn *txn, struct tally_store_usage *usage)
{
    MDB_stat evidence;
    MDB_stat notes;
    int rc = tally_store_used(store, &usage->used_bytes);

    if (rc == 0) {
        rc = mdb_stat(txn, store->tables[TALLY_STORE_EVIDENCE], &evidence);
    }
    if (rc == 0) {
        rc = mdb_stat(txn, store->tables[TALLY_STORE_NOTES], &notes);
    }
    if (rc == 0) {
        usage->map_bytes = store->map_bytes;
        usage->evidence_count = evidence.ms_entries;
        usage->note_count = notes.ms_entries;
    }
    return rc;
}

enum tally_err tally_store_usage(struct tally_store *store, struct tally_store_usage *usage,
                                 struct tally_fault *fault)
{
    MDB_txn *txn = NULL;
    int rc = tally_store_begin(store, TALLY_STORE_READ, &txn);

    memset(usage, 0, sizeof(*usage));
    if (rc == 0) {
        rc = measure(store, txn, usage);
    }
    return tally_store_fault(store, tally_store_end(&txn, TALLY_STORE_READ, rc), "measuring",
                             fault);
}

void tally_store_tidy(struct tally_store *store)
{
    int dead_count = 0;

    /* Failing to tidy loses nothing: pages are only given back later. */
    (void)mdb_reader_check(store->env, &dead_count);
}
