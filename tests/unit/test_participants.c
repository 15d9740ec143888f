/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the participant database in force is the newest that was signed and stamped, never an older
 * one, and survives the loss of its directory; who is strict is remembered since when.
 * Method: real directories with real signatures, a real store, and a made-up wall clock.
 */
#include "crypto/sign.h"
#include "daemon/participants.h"
#include "store/replica.h"
#include "testing.h"
#include "unit/cdb_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 2026-11-21T12:00:00Z */
#define NOON_US INT64_C(1795262400000000)

struct bench {
    char folder[64], cdb[96], state[96];
    struct tally_daemon_conf conf;
    struct tally_store *store;
    struct tally_participants_work work;
    struct tally_participants_job job;
    struct cdb_files files;
};

static void open_store(struct bench *bench)
{
    struct tally_store_options options = {.directory = bench->state,
                                          .map_bytes = UINT64_C(32) << 20};

    assert_int_equal(tally_store_open(&options, &bench->store, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_participants_work_init(&bench->work, bench->store, &bench->conf, NULL),
                     TALLY_ERR_OK);
}

/* As after a restart of the daemon. */
static void reopen_store(struct bench *bench)
{
    tally_store_close(bench->store);
    open_store(bench);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    uint8_t pin[32];

    assert_non_null(bench);
    assert_int_equal(tally_crypto_init(NULL), TALLY_ERR_OK);
    memcpy(bench->folder, "/tmp/tally-part-XXXXXX", sizeof("/tmp/tally-part-XXXXXX"));
    assert_non_null(mkdtemp(bench->folder));
    (void)snprintf(bench->cdb, sizeof(bench->cdb), "%s/cdb", bench->folder);
    (void)snprintf(bench->state, sizeof(bench->state), "%s/state", bench->folder);
    cdb_files_open(&bench->files, bench->cdb, (struct tally_wall){NOON_US}, 1);
    cdb_files_operator(&bench->files, "alfa", 1, "tcp://127.0.0.1:7001", NULL);
    cdb_files_operator(&bench->files, "bravo", 1, "tcp://127.0.0.1:7002", "127.0.0.2");
    cdb_files_numbers(&bench->files, "alfa", 1, "44", "strict");
    cdb_files_numbers(&bench->files, "bravo", 1, "33", "lenient");
    cdb_files_stamp(&bench->files);
    cdb_files_root_pin(&bench->files, pin);
    (void)snprintf(bench->conf.operator_id, sizeof(bench->conf.operator_id), "alfa");
    (void)snprintf(bench->conf.cdb_directory, sizeof(bench->conf.cdb_directory), "%s", bench->cdb);
    tally_hex_encode(pin, sizeof(pin), bench->conf.cdb_root);
    bench->job.now.us = NOON_US;
    open_store(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    char command[128];

    tally_store_close(bench->store);
    (void)snprintf(command, sizeof(command), "rm -r %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(bench);
    return 0;
}

/* Looks, and gives what was loaded; NULL: nothing. */
static struct tally_participants *look(struct bench *bench)
{
    tally_participants_look(&bench->work, &bench->job);
    return bench->job.loaded;
}

static struct tally_participants *expect_loaded(struct bench *bench)
{
    struct tally_participants *loaded = look(bench);

    if (loaded == NULL) {
        fail_msg("%s", bench->job.fault.text);
    }
    assert_int_equal(bench->job.store_fault.err, TALLY_ERR_OK);
    return loaded;
}

static void expect_nothing_new(struct bench *bench)
{
    assert_null(look(bench));
    assert_int_equal(bench->job.fault.err, TALLY_ERR_OK);
}

static struct tally_wall strict_since(const struct tally_participants *participants, const char *id)
{
    return participants->strict_since[tally_cdb_operator_find(participants->index, id)];
}

static void later(struct bench *bench, int64_t seconds)
{
    bench->job.now.us += seconds * TALLY_US_PER_S;
    bench->files.now = bench->job.now;
}

static void test_loaded_once_until_it_changes(void **state)
{
    struct bench *bench = *state;
    struct tally_participants *first = expect_loaded(bench), *second;

    assert_int_equal(first->generation, 1);
    assert_int_equal(tally_cdb_operator_count(first->index), 2);
    assert_int_equal(first->snapshot->fault_count, 0);
    expect_nothing_new(bench);
    bench->job.is_forced = true;
    second = expect_loaded(bench);
    bench->job.is_forced = false;
    tally_participants_free(second);
    later(bench, 60);
    cdb_files_stamp(&bench->files);
    second = expect_loaded(bench);
    assert_int_equal(tally_cdb_stamped(second->index).us, NOON_US + 60 * TALLY_US_PER_S);
    tally_participants_free(second);
    expect_nothing_new(bench);
    tally_participants_free(first);
}

static void test_half_written_database_is_not_taken(void **state)
{
    struct bench *bench = *state;
    struct tally_participants *loaded = expect_loaded(bench);

    tally_participants_free(loaded);
    later(bench, 60);
    cdb_files_operator(&bench->files, "bravo", 2, "tcp://127.0.0.1:7003", "127.0.0.2");
    /* The stamp is still over what was there before. */
    assert_null(look(bench));
    assert_int_equal(bench->job.fault.err, TALLY_ERR_CONFIG);
    assert_non_null(strstr(bench->job.fault.text, "timestamp"));
    expect_nothing_new(bench);
    cdb_files_stamp(&bench->files);
    loaded = expect_loaded(bench);
    tally_participants_free(loaded);
}

static void test_older_stamp_is_refused_also_after_a_restart(void **state)
{
    struct bench *bench = *state;

    later(bench, 600);
    cdb_files_stamp(&bench->files);
    tally_participants_free(expect_loaded(bench));
    bench->files.now.us -= 300 * TALLY_US_PER_S;
    cdb_files_stamp(&bench->files);
    assert_null(look(bench));
    assert_int_equal(bench->job.fault.err, TALLY_ERR_CONFIG);
    reopen_store(bench);
    assert_int_equal(bench->work.stamped_min.us, NOON_US + 600 * TALLY_US_PER_S);
    assert_null(look(bench));
    assert_int_equal(bench->job.fault.err, TALLY_ERR_CONFIG);
    bench->files.now.us += 300 * TALLY_US_PER_S;
    cdb_files_stamp(&bench->files);
    tally_participants_free(expect_loaded(bench));
}

static void test_older_root_is_refused(void **state)
{
    struct bench *bench = *state;
    char path[160];

    cdb_files_open(&bench->files, bench->cdb, bench->files.now, 2);
    cdb_files_stamp(&bench->files);
    tally_participants_free(expect_loaded(bench));
    later(bench, 60);
    (void)snprintf(path, sizeof(path), "root.demo.2");
    cdb_files_remove(&bench->files, path);
    cdb_files_stamp(&bench->files);
    assert_null(look(bench));
    assert_int_equal(bench->job.fault.err, TALLY_ERR_EXPIRED);
    expect_nothing_new(bench);
}

static void test_replica_stands_in_for_the_directory(void **state)
{
    struct bench *bench = *state;
    struct tally_participants *recalled = NULL;
    struct tally_fault fault = {0};

    assert_int_equal(tally_participants_recall(&bench->work, bench->job.now, &recalled, &fault),
                     TALLY_ERR_OK);
    assert_null(recalled);
    tally_participants_free(expect_loaded(bench));
    reopen_store(bench);
    bench->work.directory = "/nonexistent/cdb";
    assert_null(look(bench));
    assert_int_equal(bench->job.fault.err, TALLY_ERR_NOT_FOUND);
    assert_non_null(strstr(bench->job.fault.text, "/nonexistent/cdb"));
    if (tally_participants_recall(&bench->work, bench->job.now, &recalled, &fault) !=
        TALLY_ERR_OK) {
        fail_msg("%s", fault.text);
    }
    assert_non_null(recalled);
    assert_true(recalled->is_from_replica);
    assert_int_equal(recalled->generation, 1);
    assert_int_equal(tally_cdb_operator_count(recalled->index), 2);
    assert_int_equal(tally_cdb_stamped(recalled->index).us, NOON_US);
    assert_int_equal(strict_since(recalled, "alfa").us, NOON_US);
    tally_participants_free(recalled);
}

static void test_strict_since_is_remembered(void **state)
{
    struct bench *bench = *state;
    struct tally_participants *loaded = expect_loaded(bench);

    assert_int_equal(strict_since(loaded, "alfa").us, NOON_US);
    assert_int_equal(strict_since(loaded, "bravo").us, 0);
    tally_participants_free(loaded);

    later(bench, 60);
    cdb_files_numbers(&bench->files, "bravo", 2, "33", "strict");
    cdb_files_stamp(&bench->files);
    loaded = expect_loaded(bench);
    assert_int_equal(strict_since(loaded, "alfa").us, NOON_US);
    assert_int_equal(strict_since(loaded, "bravo").us, NOON_US + 60 * TALLY_US_PER_S);
    tally_participants_free(loaded);

    /* Lenient again: the time begins anew when it comes back. */
    later(bench, 60);
    cdb_files_numbers(&bench->files, "alfa", 2, "44", "lenient");
    cdb_files_stamp(&bench->files);
    loaded = expect_loaded(bench);
    assert_int_equal(strict_since(loaded, "alfa").us, 0);
    assert_int_equal(strict_since(loaded, "bravo").us, NOON_US + 60 * TALLY_US_PER_S);
    tally_participants_free(loaded);
    later(bench, 60);
    cdb_files_numbers(&bench->files, "alfa", 3, "44", "strict");
    cdb_files_stamp(&bench->files);
    loaded = expect_loaded(bench);
    assert_int_equal(strict_since(loaded, "alfa").us, NOON_US + 180 * TALLY_US_PER_S);
    tally_participants_free(loaded);
}

static void test_without_us(void **state)
{
    struct bench *bench = *state;

    (void)snprintf(bench->conf.operator_id, sizeof(bench->conf.operator_id), "charlie");
    assert_null(look(bench));
    assert_int_equal(bench->job.fault.err, TALLY_ERR_CONFIG);
    assert_non_null(strstr(bench->job.fault.text, "charlie"));
}

static void test_other_root(void **state)
{
    struct bench *bench = *state;

    bench->work.root_pin[0] ^= 1;
    assert_null(look(bench));
    assert_int_equal(bench->job.fault.err, TALLY_ERR_CONFIG);
    assert_non_null(strstr(bench->job.fault.text, "cdb_root"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loaded_once_until_it_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_written_database_is_not_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_older_stamp_is_refused_also_after_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_older_root_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replica_stands_in_for_the_directory, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_strict_since_is_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_us, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_root, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
