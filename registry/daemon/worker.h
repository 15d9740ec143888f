/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - the one thread that does what would stall the loop.
 *
 * The loop gives it jobs and gets each of them back when it is done. Jobs are done in order;
 * evidence jobs that wait together are done together. What a job leads to belongs to the worker
 * from put to take_done, and to the loop otherwise: the two queues are all that is shared.
 *
 * Touches: pthreads, eventfd. Threads: all functions are the loop's; the operations run on the
 * worker. Memory: allocated at open.
 */
#pragma once

#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_WORKER_JOBS_MAX = 8191, /* given and not taken back */
    TALLY_WORKER_GROUP_MAX = 1024,
};

enum tally_job_type {
    TALLY_JOB_NONE,
    TALLY_JOB_EVIDENCE, /* done in groups */
    TALLY_JOB_CDB,      /* look at the participant database's folder, load it if it changed */
    TALLY_JOB_TIDY,     /* erase old evidence, look after the store */
    TALLY_JOB_FREE,     /* give back what a participant database holds */
    TALLY_JOB_STOP,     /* the worker's own */
};

/* The head of every job: its first member. */
struct tally_job {
    enum tally_job_type type;
};

struct tally_worker_operations {
    void *context; /* borrowed until close; the worker's alone */
    void (*evidence)(void *context, struct tally_job *const *jobs, size_t job_count);
    void (*other)(void *context, struct tally_job *job);
};

struct tally_worker;

/*
 * Starts the thread. Signals blocked by the caller stay blocked in it.
 *
 * TALLY_ERR_SYSTEM   no memory, descriptor or thread.
 */
TALLY_NODISCARD enum tally_err tally_worker_open(const struct tally_worker_operations *operations,
                                                 struct tally_worker **worker,
                                                 struct tally_fault *fault);

/*
 * Does everything that was given, and ends the thread. Done jobs can still be taken. Again: nothing
 * happens.
 */
void tally_worker_stop(struct tally_worker *worker);
void tally_worker_close(struct tally_worker *worker); /* stops it; NULL allowed */

/* Gives a job; the worker may not look before tally_worker_kick. False: too many are out. */
bool tally_worker_put(struct tally_worker *worker, struct tally_job *job);

/* Wakes the worker if jobs were given since the last time. Call at the end of a turn. */
void tally_worker_kick(struct tally_worker *worker);

/* Readable when a job is done. */
int tally_worker_fd(const struct tally_worker *worker);

/* The next done job; NULL: none, and the descriptor will tell. */
struct tally_job *tally_worker_take_done(struct tally_worker *worker);
