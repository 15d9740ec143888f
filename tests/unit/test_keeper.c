/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a decision is called durable when it can be read back from the store, and not before; with
 * no free job it is lost, counted, and nothing waits.
 * Method: a real store in a fresh folder, the real worker around it; the queue is filled by giving
 * jobs without waking the worker.
 */
#include "daemon/keeper.h"
#include "daemon/ring.h"
#include "daemon/work.h"
#include "store/evidence.h"
#include "testing.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 20000 };

struct bench {
    char folder[64];
    struct tally_store *store;
    struct tally_work work;
    struct tally_worker *worker;
    struct tally_keeper keeper;
    struct tally_ring ring;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct tally_store_options options = {.map_bytes = UINT64_C(64) << 20};
    struct tally_worker_operations operations;

    assert_non_null(bench);
    memcpy(bench->folder, "/tmp/tally-keeper-XXXXXX", sizeof("/tmp/tally-keeper-XXXXXX"));
    assert_non_null(mkdtemp(bench->folder));
    options.directory = bench->folder;
    assert_int_equal(tally_store_open(&options, &bench->store, NULL), TALLY_ERR_OK);
    bench->work.store = bench->store;
    assert_int_equal(tally_keeper_commit_open(&bench->work.commit, bench->store, NULL),
                     TALLY_ERR_OK);
    operations = tally_work_operations(&bench->work);
    assert_int_equal(tally_worker_open(&operations, &bench->worker, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_keeper_open(&bench->keeper, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_ring_open(&bench->ring, NULL), TALLY_ERR_OK);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    char command[128];

    tally_worker_close(bench->worker);
    tally_keeper_commit_close(&bench->work.commit);
    tally_store_close(bench->store);
    tally_keeper_close(&bench->keeper);
    tally_ring_close(&bench->ring);
    (void)snprintf(command, sizeof(command), "rm -r %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(bench);
    return 0;
}

static struct tally_decision decision_of(uint64_t id)
{
    struct tally_decision decision = {
        .id = id, .peer = 0, .decided_at = {1000000 + (int64_t)id}, .feed_seq = id};

    decision.judgement.verdict = TALLY_VERDICT_CLI_SPOOFED;
    decision.event.kind = TALLY_EVENT_SETUP;
    decision.event.b_number = 442071838750;
    decision.event.at.us = 1000000;
    decision.event.leg_key = 7;
    return decision;
}

static bool give(struct bench *bench, uint64_t id)
{
    struct tally_decision decision = decision_of(id);
    uint32_t place = tally_ring_add(&bench->ring, &decision);

    return tally_keeper_give(&bench->keeper, bench->worker, &bench->ring, place, "op.example",
                             "sbc");
}

static enum tally_keeping keeping_of(const struct bench *bench, uint64_t id)
{
    return bench->ring.keepings[tally_ring_find(&bench->ring, id)];
}

static void take_all_back(struct bench *bench)
{
    while (bench->keeper.pending_count > 0) {
        struct pollfd fd = {.fd = tally_worker_fd(bench->worker), .events = POLLIN};
        struct tally_job *job = tally_worker_take_done(bench->worker);

        if (job != NULL) {
            tally_keeper_take_back(&bench->keeper, &bench->ring, tally_keeper_job_of(job));
        } else {
            assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
        }
    }
}

static void test_pending_then_durable(void **state)
{
    struct bench *bench = *state;
    struct tally_evidence_entry entry;

    assert_true(give(bench, 5));
    assert_int_equal(keeping_of(bench, 5), TALLY_KEEPING_PENDING);
    assert_int_equal(bench->keeper.pending_count, 1);
    tally_worker_kick(bench->worker);
    take_all_back(bench);
    assert_int_equal(keeping_of(bench, 5), TALLY_KEEPING_DURABLE);
    assert_int_equal(bench->keeper.kept_count, 1);
    assert_int_equal(tally_evidence_get(bench->store, 5, &entry, NULL), TALLY_ERR_OK);
    assert_int_equal(entry.decision.judgement.verdict, TALLY_VERDICT_CLI_SPOOFED);
    assert_string_equal(entry.peer_id, "op.example");
    assert_string_equal(entry.feed_name, "sbc");
}

static void test_same_id_with_another_content_is_lost(void **state)
{
    struct bench *bench = *state;
    struct tally_decision other = decision_of(5);
    uint32_t place;

    assert_true(give(bench, 5));
    other.feed_seq = 6;
    place = tally_ring_add(&bench->ring, &other);
    assert_true(tally_keeper_give(&bench->keeper, bench->worker, &bench->ring, place, "", "sbc"));
    tally_worker_kick(bench->worker);
    take_all_back(bench);
    assert_int_equal(bench->ring.keepings[place], TALLY_KEEPING_LOST);
    assert_int_equal(bench->keeper.kept_count, 1);
    assert_int_equal(bench->keeper.lost_count, 1);
}

static void test_no_free_job(void **state)
{
    struct bench *bench = *state;
    struct tally_evidence_entry entry;

    for (uint64_t id = 1; id <= TALLY_KEEPER_JOBS; id++) {
        assert_true(give(bench, id));
    }
    assert_false(give(bench, TALLY_KEEPER_JOBS + 1));
    assert_int_equal(keeping_of(bench, TALLY_KEEPER_JOBS + 1), TALLY_KEEPING_LOST);
    assert_int_equal(bench->keeper.lost_count, 1);
    tally_worker_kick(bench->worker);
    take_all_back(bench);
    assert_int_equal(bench->keeper.kept_count, TALLY_KEEPER_JOBS);
    assert_int_equal(tally_evidence_get(bench->store, TALLY_KEEPER_JOBS, &entry, NULL),
                     TALLY_ERR_OK);
    assert_int_equal(tally_evidence_get(bench->store, TALLY_KEEPER_JOBS + 1, &entry, NULL),
                     TALLY_ERR_NOT_FOUND);
    assert_true(give(bench, TALLY_KEEPER_JOBS + 2));
    tally_worker_kick(bench->worker);
    take_all_back(bench);
}

static void test_ring_forgets_the_oldest(void **state)
{
    struct bench *bench = *state;

    assert_true(give(bench, 1));
    for (uint64_t id = 2; id <= TALLY_RING_DECISIONS; id++) {
        struct tally_decision decision = decision_of(id);

        (void)tally_ring_add(&bench->ring, &decision);
    }
    assert_int_equal(tally_ring_find(&bench->ring, 1), 0);
    assert_int_equal(keeping_of(bench, 2), TALLY_KEEPING_NONE);
    {
        struct tally_decision decision = decision_of(9999);

        assert_int_equal(tally_ring_add(&bench->ring, &decision), 0);
    }
    assert_int_equal(tally_ring_find(&bench->ring, 1), TALLY_RING_NOBODY);
    assert_int_equal(tally_ring_find(&bench->ring, 0), TALLY_RING_NOBODY);
    /* Its commit comes when its place is another's: nothing is said of the other. */
    tally_worker_kick(bench->worker);
    take_all_back(bench);
    assert_int_equal(keeping_of(bench, 9999), TALLY_KEEPING_NONE);
    assert_int_equal(bench->keeper.kept_count, 1);
}

static void test_old_evidence_is_erased(void **state)
{
    struct bench *bench = *state;
    struct tally_tidy_job job = {.job.type = TALLY_JOB_TIDY};
    struct tally_evidence_entry entry;

    for (uint64_t id = 1; id <= 2000; id++) {
        assert_true(give(bench, id));
    }
    tally_worker_kick(bench->worker);
    take_all_back(bench);
    job.before = decision_of(1999).decided_at;
    assert_true(tally_worker_put(bench->worker, &job.job));
    tally_worker_stop(bench->worker);
    assert_ptr_equal(tally_worker_take_done(bench->worker), &job.job);
    assert_int_equal(job.erased_count, 1998);
    assert_int_equal(tally_evidence_get(bench->store, 1998, &entry, NULL), TALLY_ERR_NOT_FOUND);
    assert_int_equal(tally_evidence_get(bench->store, 1999, &entry, NULL), TALLY_ERR_OK);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pending_then_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_id_with_another_content_is_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_no_free_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ring_forgets_the_oldest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_evidence_is_erased, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
