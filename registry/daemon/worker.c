/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker.h"

#include "base/assert.h"
#include "daemon/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct tally_worker {
    struct tally_worker_operations operations;
    struct tally_queue jobs, done;
    int jobs_fd, done_fd;
    pthread_t thread;
    bool is_running;       /* the loop's */
    bool is_kick_due;      /* the loop's */
    uint32_t out_count;    /* the loop's: given and not taken back */
    struct tally_job stop; /* no place is needed for it beside TALLY_WORKER_JOBS_MAX */
    struct tally_job *group[TALLY_WORKER_GROUP_MAX]; /* the worker's */
};

static void signal_fd(int fd)
{
    static const uint64_t one = 1;
    ssize_t written;

    do {
        written = write(fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
    /* EAGAIN: the counter is at its end, and so the other side is told anyway. */
    TALLY_ASSERT(written == sizeof(one) || errno == EAGAIN);
}

/* Takes the counter to 0; on a blocking descriptor waits until it is not. */
static void wait_fd(int fd)
{
    uint64_t count;
    ssize_t got;

    do {
        got = read(fd, &count, sizeof(count));
    } while (got < 0 && errno == EINTR);
    TALLY_ASSERT(got == sizeof(count) || errno == EAGAIN);
}

static void give_back(struct tally_worker *worker, struct tally_job *job)
{
    /* The queue has a place for every job that may be out. */
    bool is_put = tally_queue_put(&worker->done, job);

    TALLY_ASSERT(is_put);
}

/* Does a group that begins with `first`. Returns the job that ended it, NULL if none did. */
static struct tally_job *do_group(struct tally_worker *worker, struct tally_job *first)
{
    struct tally_job *job = first;
    size_t count = 0;

    while (job != NULL && job->type == TALLY_JOB_EVIDENCE && count < TALLY_WORKER_GROUP_MAX) {
        worker->group[count++] = job;
        job = count < TALLY_WORKER_GROUP_MAX ? tally_queue_take(&worker->jobs) : NULL;
    }
    worker->operations.evidence(worker->operations.context, worker->group, count);
    for (size_t i = 0; i < count; i++) {
        give_back(worker, worker->group[i]);
    }
    return job;
}

/* True: go on. */
static bool do_job(struct tally_worker *worker, struct tally_job *job)
{
    if (job->type == TALLY_JOB_EVIDENCE) {
        job = do_group(worker, job);
        signal_fd(worker->done_fd);
    }
    if (job == NULL) {
        return true;
    }
    if (job->type == TALLY_JOB_STOP) {
        return false;
    }
    worker->operations.other(worker->operations.context, job);
    give_back(worker, job);
    signal_fd(worker->done_fd);
    return true;
}

static void *work(void *context)
{
    struct tally_worker *worker = context;

    for (;;) {
        struct tally_job *job = tally_queue_take(&worker->jobs);

        if (job == NULL) {
            wait_fd(worker->jobs_fd);
        } else if (!do_job(worker, job)) {
            return NULL;
        }
    }
}

static enum tally_err open_parts(struct tally_worker *worker, struct tally_fault *fault)
{
    enum tally_err err = tally_queue_open(&worker->jobs, TALLY_WORKER_JOBS_MAX + 1, fault);
    int failure;

    if (err == TALLY_ERR_OK) {
        err = tally_queue_open(&worker->done, TALLY_WORKER_JOBS_MAX + 1, fault);
    }
    if (err != TALLY_ERR_OK) {
        return err;
    }
    worker->jobs_fd = eventfd(0, EFD_CLOEXEC);
    worker->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->jobs_fd < 0 || worker->done_fd < 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot make an eventfd: %s",
                               strerror(errno));
    }
    failure = pthread_create(&worker->thread, NULL, work, worker);
    if (failure != 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot start the worker: %s",
                               strerror(failure));
    }
    worker->is_running = true;
    return TALLY_ERR_OK;
}

enum tally_err tally_worker_open(const struct tally_worker_operations *operations,
                                 struct tally_worker **out, struct tally_fault *fault)
{
    struct tally_worker *worker = calloc(1, sizeof(*worker));
    enum tally_err err;

    *out = NULL;
    if (worker == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the worker");
    }
    worker->operations = *operations;
    worker->stop.type = TALLY_JOB_STOP;
    worker->jobs_fd = -1;
    worker->done_fd = -1;
    err = open_parts(worker, fault);
    if (err != TALLY_ERR_OK) {
        tally_worker_close(worker);
        return err;
    }
    *out = worker;
    return TALLY_ERR_OK;
}

void tally_worker_stop(struct tally_worker *worker)
{
    bool is_put;

    if (!worker->is_running) {
        return;
    }
    is_put = tally_queue_put(&worker->jobs, &worker->stop);
    TALLY_ASSERT(is_put);
    signal_fd(worker->jobs_fd);
    (void)pthread_join(worker->thread, NULL);
    worker->is_running = false;
}

void tally_worker_close(struct tally_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    tally_worker_stop(worker);
    if (worker->jobs_fd >= 0) {
        (void)close(worker->jobs_fd);
    }
    if (worker->done_fd >= 0) {
        (void)close(worker->done_fd);
    }
    tally_queue_close(&worker->jobs);
    tally_queue_close(&worker->done);
    free(worker);
}

bool tally_worker_put(struct tally_worker *worker, struct tally_job *job)
{
    bool is_put;

    TALLY_ASSERT(worker->is_running && job->type != TALLY_JOB_NONE);
    if (worker->out_count >= TALLY_WORKER_JOBS_MAX) {
        return false;
    }
    is_put = tally_queue_put(&worker->jobs, job);
    TALLY_ASSERT(is_put);
    worker->out_count++;
    worker->is_kick_due = true;
    return true;
}

void tally_worker_kick(struct tally_worker *worker)
{
    if (worker->is_kick_due) {
        worker->is_kick_due = false;
        signal_fd(worker->jobs_fd);
    }
}

int tally_worker_fd(const struct tally_worker *worker)
{
    return worker->done_fd;
}

struct tally_job *tally_worker_take_done(struct tally_worker *worker)
{
    struct tally_job *job = tally_queue_take(&worker->done);

    if (job == NULL) {
        /* First the counter to 0, then another look: what comes between is not missed. */
        wait_fd(worker->done_fd);
        job = tally_queue_take(&worker->done);
    }
    if (job != NULL) {
        worker->out_count--;
    }
    return job;
}
