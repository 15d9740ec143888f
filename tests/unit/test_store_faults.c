/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: damage, a strange schema, a full map, a full disk, missing permissions, a second daemon and
 * a killed one are each told apart and said in words; what was acknowledged survives all of them.
 * Method: a real store under build/; its file is damaged byte by byte, its process is limited,
 * demoted or killed, always in a child so that the test itself goes on.
 */
#include "base/cursor.h"
#include "store/db.h"
#include "testing.h"
#include "unit/store_samples.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static enum tally_err open_at(const char *directory, struct tally_store **store,
                              struct tally_fault *fault)
{
    struct tally_store_options options = {directory, SAMPLE_MAP_BYTES};

    memset(fault, 0, sizeof(*fault));
    return tally_store_open(&options, store, fault);
}

static void assert_says(const struct tally_fault *fault, const char *words)
{
    if (strstr(fault->text, words) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", fault->text, words);
    }
}

static uint8_t *read_whole(const char *path, size_t *size)
{
    struct stat about;
    uint8_t *bytes;
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &about), 0);
    *size = (size_t)about.st_size;
    bytes = malloc(*size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static void write_whole(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "r+b");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Turns over one bit wherever the pattern stands in the file. */
static unsigned damage(const char *path, const void *pattern, size_t pattern_size)
{
    size_t size;
    uint8_t *bytes = read_whole(path, &size);
    unsigned hits = 0;

    for (size_t i = 0; i + pattern_size <= size; i++) {
        if (memcmp(bytes + i, pattern, pattern_size) == 0) {
            bytes[i + pattern_size / 2] ^= 0x01;
            hits++;
        }
    }
    write_whole(path, bytes, size);
    free(bytes);
    return hits;
}

static void test_damaged_value(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_evidence_entry entries[3] = {sample_entry(1, 100), sample_entry(2, 200),
                                              sample_entry(3, 300)};
    struct tally_evidence_entry list[3];
    struct tally_evidence_mark mark = {.is_set = 0};
    struct tally_fault fault;
    uint8_t bytes[TALLY_EVIDENCE_VALUE_MAX_BYTES];
    size_t size = tally_evidence_encode(&entries[1], bytes);
    size_t count;
    char path[128];

    (void)state;
    assert_int_equal(tally_evidence_put(store, entries, 3, NULL, NULL), TALLY_ERR_OK);
    tally_store_close(store);
    (void)snprintf(path, sizeof(path), "%s/store.mdb", directory);
    assert_in_range(damage(path, bytes, size), 1, 2);

    store = sample_store(directory, SAMPLE_MAP_BYTES);
    assert_int_equal(tally_evidence_get(store, 2, &list[0], &fault), TALLY_ERR_CORRUPT);
    assert_says(&fault, "is damaged");
    assert_int_equal(list[0].decision.id, 0);
    assert_int_equal(tally_evidence_get(store, 1, &list[0], &fault), TALLY_ERR_OK);
    assert_int_equal(tally_evidence_newest(store, &mark, list, 3, &count, &fault),
                     TALLY_ERR_CORRUPT);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].decision.id, 3);
    assert_int_equal(tally_evidence_newest(store, &mark, list, 3, &count, &fault), TALLY_ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].decision.id, 1);
    tally_store_close(store);
    sample_directory_remove(directory);
}

/* A value in another's place has a good checksum of its own, but not there. */
static void test_misplaced_value(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_evidence_entry entry = sample_entry(1, 100);
    uint8_t key_bytes[8];
    MDB_val key = {8, key_bytes};
    MDB_val stored;
    MDB_txn *txn = NULL;
    uint8_t copy[1024];

    (void)state;
    assert_int_equal(tally_evidence_put(store, &entry, 1, NULL, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_store_begin(store, TALLY_STORE_WRITE, &txn), 0);
    tally_store_key_u64(1, key_bytes);
    assert_int_equal(mdb_get(txn, store->tables[TALLY_STORE_EVIDENCE], &key, &stored), 0);
    memcpy(copy, stored.mv_data, stored.mv_size);
    stored.mv_data = copy;
    tally_store_key_u64(2, key_bytes);
    assert_int_equal(mdb_put(txn, store->tables[TALLY_STORE_EVIDENCE], &key, &stored, 0), 0);
    assert_int_equal(tally_store_end(&txn, TALLY_STORE_WRITE, 0), 0);
    assert_int_equal(tally_evidence_get(store, 2, &entry, NULL), TALLY_ERR_CORRUPT);
    tally_store_close(store);
    sample_directory_remove(directory);
}

static void put_meta(struct tally_store *store, const char *key, uint32_t value)
{
    uint8_t bytes[4];
    struct tally_writer out = tally_writer_of(bytes, sizeof(bytes));
    MDB_txn *txn = NULL;

    tally_write_u32(&out, value);
    assert_int_equal(tally_store_begin(store, TALLY_STORE_WRITE, &txn), 0);
    assert_int_equal(tally_store_put(store, txn, TALLY_STORE_META,
                                     (struct tally_store_slice){key, strlen(key)},
                                     (struct tally_store_slice){bytes, sizeof(bytes)}, 0),
                     0);
    assert_int_equal(tally_store_end(&txn, TALLY_STORE_WRITE, 0), 0);
}

/* The newest number is followed by 1; a number beyond it is damage. */
static void test_boot_counter(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_fault fault;

    (void)state;
    put_meta(store, "boot", TALLY_STORE_BOOT_MAX - 1);
    tally_store_close(store);
    store = sample_store(directory, SAMPLE_MAP_BYTES);
    assert_int_equal(tally_store_boot(store), TALLY_STORE_BOOT_MAX);
    tally_store_close(store);
    store = sample_store(directory, SAMPLE_MAP_BYTES);
    assert_int_equal(tally_store_boot(store), 1);
    put_meta(store, "boot", TALLY_STORE_BOOT_MAX + 1);
    tally_store_close(store);
    assert_int_equal(open_at(directory, &store, &fault), TALLY_ERR_CORRUPT);
    assert_null(store);
    sample_directory_remove(directory);
}

static void test_unknown_schema(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_fault fault;
    char path[128];
    uint8_t *before;
    uint8_t *after;
    size_t before_size;
    size_t after_size;

    (void)state;
    put_meta(store, "schema", TALLY_STORE_SCHEMA + 1);
    tally_store_close(store);
    (void)snprintf(path, sizeof(path), "%s/store.mdb", directory);
    before = read_whole(path, &before_size);
    assert_int_equal(open_at(directory, &store, &fault), TALLY_ERR_VERSION);
    assert_null(store);
    assert_says(&fault, "found schema 2, expected 1");
    /* Nothing was touched, so the newer program finds it as it left it. */
    after = read_whole(path, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
    sample_directory_remove(directory);
}

static void test_foreign_database(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = NULL;
    struct tally_fault fault;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
    MDB_val word = {3, (char[]){"abc"}};
    char path[128];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/store.mdb", directory);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &table), 0);
    assert_int_equal(mdb_put(txn, table, &word, &word, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    assert_int_equal(open_at(directory, &store, &fault), TALLY_ERR_VERSION);
    assert_says(&fault, "(none), expected 1");
    sample_directory_remove(directory);
}

static void test_strange_files(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
    struct tally_fault fault;
    char path[128];
    struct stat about;

    (void)state;
    tally_store_close(store);
    (void)snprintf(path, sizeof(path), "%s/store.mdb", directory);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    /* Cut short by one byte: LMDB itself would run into SIGBUS. */
    assert_int_equal(truncate(path, about.st_size - 1), 0);
    assert_int_equal(open_at(directory, &store, &fault), TALLY_ERR_CORRUPT);
    assert_int_equal(truncate(path, 0), 0);
    write_whole(path, (const uint8_t *)"this is not a database, it is a poem", 36);
    assert_int_equal(truncate(path, 8192), 0);
    assert_int_equal(open_at(directory, &store, &fault), TALLY_ERR_CORRUPT);
    assert_says(&fault, "is damaged");
    sample_directory_remove(directory);
}

static void test_map_bounds(void **state)
{
    static const struct {
        uint64_t map_bytes;
        enum tally_err want;
    } rows[] = {
        {TALLY_STORE_MAP_MIN_BYTES, TALLY_ERR_OK},
        {TALLY_STORE_MAP_MIN_BYTES - 4096, TALLY_ERR_LIMIT},
        {TALLY_STORE_MAP_MIN_BYTES + 1, TALLY_ERR_LIMIT},
        {TALLY_STORE_MAP_MAX_BYTES + 4096, TALLY_ERR_LIMIT},
    };
    const char *directory = sample_directory();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tally_store_options options = {directory, rows[i].map_bytes};
        struct tally_store *store;

        assert_int_equal(tally_store_open(&options, &store, NULL), rows[i].want);
        tally_store_close(store);
    }
    sample_directory_remove(directory);
}

/* Full is said, nothing acknowledged is lost, and erasing makes room again. */
static void test_map_full(void **state)
{
    enum { BATCH = 16 };
    const char *directory = sample_directory();
    struct tally_store *store = sample_store(directory, TALLY_STORE_MAP_MIN_BYTES);
    struct tally_evidence_entry entry;
    struct tally_evidence_entry batch[BATCH];
    struct tally_store_usage usage;
    struct tally_fault fault;
    uint64_t kept = 0;
    uint32_t erased_count;
    enum tally_err err = TALLY_ERR_OK;

    (void)state;
    while (err == TALLY_ERR_OK) {
        for (uint64_t i = 0; i < BATCH; i++) {
            batch[i] = sample_entry(kept + i + 1, (int64_t)(kept + i));
        }
        err = tally_evidence_put(store, batch, BATCH, NULL, &fault);
        kept += err == TALLY_ERR_OK ? BATCH : 0;
        assert_in_range(kept, 0, 10000);
    }
    assert_says(&fault, "reached its limit of 1 MiB");
    assert_int_equal(err, TALLY_ERR_FULL);
    assert_says(&fault, "state_max_mib");
    assert_in_range(kept, 500, 10000);
    for (uint64_t id = 1; id <= kept; id++) {
        assert_int_equal(tally_evidence_get(store, id, &entry, NULL), TALLY_ERR_OK);
    }
    assert_int_equal(tally_store_usage(store, &usage, NULL), TALLY_ERR_OK);
    assert_int_equal(usage.evidence_count, kept);
    assert_in_range(usage.used_bytes, usage.map_bytes * 9 / 10, usage.map_bytes);

    assert_int_equal(
        tally_evidence_erase(store, (struct tally_wall){100}, 100, &erased_count, &fault),
        TALLY_ERR_OK);
    assert_int_equal(erased_count, 100);
    entry = sample_entry(kept + 1, (int64_t)kept);
    assert_int_equal(tally_evidence_put(store, &entry, 1, NULL, &fault), TALLY_ERR_OK);
    tally_store_close(store);
    sample_directory_remove(directory);
}

/* --- in a child --- */

static int wait_for(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Exit status 0: the words came; the child may use no cmocka assertion. */
static int fill_small_disk(const char *directory)
{
    struct rlimit limit = {UINT64_C(256) << 10, UINT64_C(256) << 10};
    struct tally_store *store = NULL;
    struct tally_fault fault;
    enum tally_err err;

    (void)signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || open_at(directory, &store, &fault) != 0) {
        return 1;
    }
    for (uint64_t id = 1; id < 5000; id++) {
        struct tally_evidence_entry entry = sample_entry(id, (int64_t)id);

        err = tally_evidence_put(store, &entry, 1, NULL, &fault);
        if (err != TALLY_ERR_OK) {
            (void)fprintf(stderr, "%s\n", fault.text);
            return err == TALLY_ERR_FULL && strstr(fault.text, "the disk is full") != NULL ? 0 : 2;
        }
    }
    return 3;
}

static void test_disk_full(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store;
    struct tally_evidence_entry entry;
    struct tally_store_usage usage;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        _exit(fill_small_disk(directory));
    }
    assert_int_equal(wait_for(child), 0);
    store = sample_store(directory, SAMPLE_MAP_BYTES);
    assert_int_equal(tally_store_usage(store, &usage, NULL), TALLY_ERR_OK);
    assert_in_range(usage.evidence_count, 50, 5000);
    for (uint64_t id = 1; id <= usage.evidence_count; id++) {
        assert_int_equal(tally_evidence_get(store, id, &entry, NULL), TALLY_ERR_OK);
    }
    tally_store_close(store);
    sample_directory_remove(directory);
}

static int open_without_permission(const char *directory)
{
    struct tally_store *store = NULL;
    struct tally_fault fault;
    enum tally_err err;

    /* Root would be let through everywhere. */
    if (geteuid() == 0 && setuid(65534) != 0) {
        return 1;
    }
    err = open_at(directory, &store, &fault);
    return err == TALLY_ERR_SYSTEM && strstr(fault.text, "Permission denied") != NULL &&
                   strstr(fault.text, "must belong to the user") != NULL
               ? 0
               : 2;
}

static void test_permissions(void **state)
{
    const char *directory = sample_directory();
    pid_t child;

    (void)state;
    assert_int_equal(chmod(directory, geteuid() == 0 ? 0700 : 0500), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(open_without_permission(directory));
    }
    assert_int_equal(wait_for(child), 0);
    assert_int_equal(chmod(directory, 0700), 0);
    sample_directory_remove(directory);
}

static void test_no_directory(void **state)
{
    struct tally_store *store;
    struct tally_fault fault;

    (void)state;
    assert_int_equal(open_at("build/no/such/state", &store, &fault), TALLY_ERR_SYSTEM);
    assert_says(&fault, "build/no/such/state: cannot be made: No such file");
}

/* Writes one id after the other and tells each one on the pipe once it is acknowledged. */
static void write_until_killed(const char *directory, uint64_t first_id, int to_parent)
{
    struct tally_store *store = NULL;
    struct tally_fault fault;

    if (open_at(directory, &store, &fault) != TALLY_ERR_OK) {
        _exit(1);
    }
    for (uint64_t id = first_id;; id += 2) {
        struct tally_evidence_entry pair[2] = {sample_entry(id, (int64_t)id),
                                               sample_entry(id + 1, (int64_t)id + 1)};
        uint64_t newest = id + 1;

        if (tally_evidence_put(store, pair, 2, NULL, &fault) != TALLY_ERR_OK ||
            write(to_parent, &newest, sizeof(newest)) != (ssize_t)sizeof(newest)) {
            _exit(2);
        }
    }
}

/* Kills a writer after some acknowledgements; returns the newest id acknowledged. */
static uint64_t kill_round(const char *directory, uint64_t first_id, unsigned after)
{
    int fds[2];
    uint64_t id = 0;
    uint64_t newest = 0;
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        write_until_killed(directory, first_id, fds[1]);
    }
    (void)close(fds[1]);
    for (unsigned i = 0; i < after; i++) {
        assert_int_equal(read(fds[0], &id, sizeof(id)), sizeof(id));
        newest = id;
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(wait_for(child), -SIGKILL);
    /* What it still wrote into the pipe before it died was acknowledged too. */
    while (read(fds[0], &id, sizeof(id)) == (ssize_t)sizeof(id)) {
        newest = id;
    }
    (void)close(fds[0]);
    return newest;
}

static void test_killed_writer(void **state)
{
    enum { ROUNDS = 12 };
    const char *directory = sample_directory();
    uint64_t next_id = 1;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t newest = kill_round(directory, next_id, 1 + 3 * round);
        struct tally_store *store = sample_store(directory, SAMPLE_MAP_BYTES);
        struct tally_store_usage usage;
        struct tally_evidence_entry entry;

        assert_int_equal(tally_store_boot(store), 2 * round + 2);
        for (uint64_t id = 1; id <= newest; id++) {
            assert_int_equal(tally_evidence_get(store, id, &entry, NULL), TALLY_ERR_OK);
        }
        /* At most the one pair under way came beside what was acknowledged, and never half. */
        assert_int_equal(tally_store_usage(store, &usage, NULL), TALLY_ERR_OK);
        assert_in_range(usage.evidence_count, newest, newest + 2);
        assert_int_equal(usage.evidence_count % 2, 0);
        next_id = usage.evidence_count + 1;
        tally_store_close(store);
    }
    sample_directory_remove(directory);
}

static void test_second_process(void **state)
{
    const char *directory = sample_directory();
    struct tally_store *store = NULL;
    struct tally_fault fault;
    int fds[2];
    uint64_t id;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        write_until_killed(directory, 1, fds[1]);
    }
    assert_int_equal(read(fds[0], &id, sizeof(id)), sizeof(id));
    assert_int_equal(open_at(directory, &store, &fault), TALLY_ERR_EXISTS);
    assert_says(&fault, "another process has this state open");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(wait_for(child), -SIGKILL);
    store = sample_store(directory, SAMPLE_MAP_BYTES);
    tally_store_tidy(store);
    tally_store_close(store);
    (void)close(fds[0]);
    (void)close(fds[1]);
    sample_directory_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_value),    cmocka_unit_test(test_misplaced_value),
        cmocka_unit_test(test_boot_counter),     cmocka_unit_test(test_unknown_schema),
        cmocka_unit_test(test_foreign_database), cmocka_unit_test(test_strange_files),
        cmocka_unit_test(test_map_bounds),       cmocka_unit_test(test_map_full),
        cmocka_unit_test(test_disk_full),        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_no_directory),     cmocka_unit_test(test_killed_writer),
        cmocka_unit_test(test_second_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
