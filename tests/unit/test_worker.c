/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every job that was given comes back once, in order, evidence in groups that are bounded;
 * too many are refused, not waited for; stopping does what was given before.
 * Method: a worker with made-up operations that write down what they were asked, and can be held
 * up, so that jobs pile up behind them as the test wants.
 */
#include "daemon/worker.h"
#include "testing.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum { WAIT_MS = 5000, LOG_MAX = 64 };

struct numbered_job {
    struct tally_job job;
    uint32_t number;
    bool is_done; /* written by the worker */
};

struct bench {
    struct tally_worker *worker;
    struct numbered_job *jobs;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_held;    /* under the mutex, as what follows */
    bool is_waiting; /* the worker waits at the hold */
    size_t groups[LOG_MAX];
    size_t group_count;
    uint32_t other_count;
};

static void wait_at_hold(struct bench *bench)
{
    bench->is_waiting = true;
    (void)pthread_cond_broadcast(&bench->changed);
    while (bench->is_held) {
        (void)pthread_cond_wait(&bench->changed, &bench->mutex);
    }
    bench->is_waiting = false;
}

static void do_evidence(void *context, struct tally_job *const *jobs, size_t job_count)
{
    struct bench *bench = context;

    (void)pthread_mutex_lock(&bench->mutex);
    if (bench->group_count < LOG_MAX) {
        bench->groups[bench->group_count++] = job_count;
    }
    for (size_t i = 0; i < job_count; i++) {
        void *whole = jobs[i];

        ((struct numbered_job *)whole)->is_done = true;
    }
    wait_at_hold(bench);
    (void)pthread_mutex_unlock(&bench->mutex);
}

static void do_other(void *context, struct tally_job *job)
{
    struct bench *bench = context;
    void *whole = job;

    ((struct numbered_job *)whole)->is_done = true;
    (void)pthread_mutex_lock(&bench->mutex);
    bench->other_count++;
    (void)pthread_mutex_unlock(&bench->mutex);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct tally_worker_operations operations = {
        .context = bench, .evidence = do_evidence, .other = do_other};

    assert_non_null(bench);
    bench->jobs = calloc(TALLY_WORKER_JOBS_MAX + 1, sizeof(*bench->jobs));
    assert_non_null(bench->jobs);
    for (uint32_t i = 0; i <= TALLY_WORKER_JOBS_MAX; i++) {
        bench->jobs[i] = (struct numbered_job){.job.type = TALLY_JOB_EVIDENCE, .number = i};
    }
    assert_int_equal(pthread_mutex_init(&bench->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&bench->changed, NULL), 0);
    assert_int_equal(tally_worker_open(&operations, &bench->worker, NULL), TALLY_ERR_OK);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    tally_worker_close(bench->worker);
    (void)pthread_cond_destroy(&bench->changed);
    (void)pthread_mutex_destroy(&bench->mutex);
    free(bench->jobs);
    free(bench);
    return 0;
}

/* The next done job, waiting for it as the loop does. */
static struct numbered_job *take(struct bench *bench)
{
    for (;;) {
        struct pollfd fd = {.fd = tally_worker_fd(bench->worker), .events = POLLIN};
        void *job = tally_worker_take_done(bench->worker);

        if (job != NULL) {
            return job;
        }
        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    }
}

static void give(struct bench *bench, uint32_t number)
{
    assert_true(tally_worker_put(bench->worker, &bench->jobs[number].job));
}

/* Gives the first job and returns when the worker is held up in it. */
static void hold(struct bench *bench)
{
    (void)pthread_mutex_lock(&bench->mutex);
    bench->is_held = true;
    (void)pthread_mutex_unlock(&bench->mutex);
    give(bench, 0);
    tally_worker_kick(bench->worker);
    (void)pthread_mutex_lock(&bench->mutex);
    while (!bench->is_waiting) {
        (void)pthread_cond_wait(&bench->changed, &bench->mutex);
    }
    (void)pthread_mutex_unlock(&bench->mutex);
}

static void let_go(struct bench *bench)
{
    (void)pthread_mutex_lock(&bench->mutex);
    bench->is_held = false;
    (void)pthread_cond_broadcast(&bench->changed);
    (void)pthread_mutex_unlock(&bench->mutex);
}

static void expect_in_order(struct bench *bench, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct numbered_job *job = take(bench);

        assert_int_equal(job->number, first + i);
        assert_true(job->is_done);
    }
    assert_null(tally_worker_take_done(bench->worker));
}

static void test_jobs_come_back_in_order(void **state)
{
    struct bench *bench = *state;

    bench->jobs[2].job.type = TALLY_JOB_TIDY;
    for (uint32_t i = 0; i < 5; i++) {
        give(bench, i);
    }
    tally_worker_kick(bench->worker);
    expect_in_order(bench, 0, 5);
    assert_int_equal(bench->other_count, 1);
    /* Given again, done again. */
    give(bench, 2);
    tally_worker_kick(bench->worker);
    expect_in_order(bench, 2, 1);
    assert_int_equal(bench->other_count, 2);
}

static void test_groups_are_bounded(void **state)
{
    struct bench *bench = *state;
    uint32_t behind = TALLY_WORKER_GROUP_MAX + 1;

    hold(bench);
    for (uint32_t i = 1; i <= behind; i++) {
        give(bench, i);
    }
    tally_worker_kick(bench->worker);
    let_go(bench);
    expect_in_order(bench, 0, behind + 1);
    assert_int_equal(bench->group_count, 3);
    assert_int_equal(bench->groups[0], 1);
    assert_int_equal(bench->groups[1], TALLY_WORKER_GROUP_MAX);
    assert_int_equal(bench->groups[2], 1);
}

static void test_other_job_ends_a_group(void **state)
{
    struct bench *bench = *state;

    bench->jobs[3].job.type = TALLY_JOB_CDB;
    hold(bench);
    for (uint32_t i = 1; i <= 5; i++) {
        give(bench, i);
    }
    tally_worker_kick(bench->worker);
    let_go(bench);
    expect_in_order(bench, 0, 6);
    assert_int_equal(bench->group_count, 3);
    assert_int_equal(bench->groups[1], 2);
    assert_int_equal(bench->groups[2], 2);
    assert_int_equal(bench->other_count, 1);
}

static void test_too_many_are_refused(void **state)
{
    struct bench *bench = *state;

    hold(bench);
    for (uint32_t i = 1; i < TALLY_WORKER_JOBS_MAX; i++) {
        give(bench, i);
    }
    assert_false(tally_worker_put(bench->worker, &bench->jobs[TALLY_WORKER_JOBS_MAX].job));
    tally_worker_kick(bench->worker);
    let_go(bench);
    /* A job that is done still counts until it is taken back. */
    assert_int_equal(take(bench)->number, 0);
    give(bench, TALLY_WORKER_JOBS_MAX);
    assert_false(tally_worker_put(bench->worker, &bench->jobs[0].job));
    tally_worker_kick(bench->worker);
    expect_in_order(bench, 1, TALLY_WORKER_JOBS_MAX);
}

static void test_stop_does_what_was_given(void **state)
{
    enum { GIVEN = 3000 };
    struct bench *bench = *state;

    for (uint32_t i = 0; i < GIVEN; i++) {
        give(bench, i);
    }
    /* Without a kick: stopping has to wake it. */
    tally_worker_stop(bench->worker);
    expect_in_order(bench, 0, GIVEN);
    tally_worker_stop(bench->worker);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_jobs_come_back_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_groups_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_job_ends_a_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_does_what_was_given, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
