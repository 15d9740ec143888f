/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper.h - decisions on their way to the disk.
 *
 * The loop fills a job and goes on; the worker commits the jobs that wait together in one
 * transaction; the loop takes them back and marks the decisions durable. There are so many jobs and
 * no more: when all are out, a decision is lost to the disk, counted, and said so loudly. A call
 * never waits for any of this.
 *
 * Threads: everything but tally_keeper_commit is the loop's. Memory: allocated at open.
 */
#pragma once

#include "core/registry.h"
#include "daemon/ring.h"
#include "daemon/worker.h"
#include "store/evidence.h"
#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TALLY_KEEPER_JOBS = 4096 };

struct tally_keeper_job {
    struct tally_job job; /* first */
    struct tally_evidence_entry entry;
    uint32_t place;           /* of the decision in the ring */
    enum tally_err err;       /* written by the worker */
    struct tally_fault fault; /* of the first job of a group that failed as a whole */
    struct tally_keeper_job *next_free;
};

/* The job that a head belongs to. */
static inline struct tally_keeper_job *tally_keeper_job_of(struct tally_job *job)
{
    return (void *)job;
}

struct tally_keeper {
    struct tally_keeper_job *jobs; /* owned */
    struct tally_keeper_job *free;
    uint64_t pending_count, kept_count, lost_count;
};

/* What the worker needs to commit a group. */
struct tally_keeper_commit {
    struct tally_store *store;
    struct tally_evidence_entry *entries; /* owned; TALLY_WORKER_GROUP_MAX */
    enum tally_err *results;              /* owned; as many */
};

TALLY_NODISCARD enum tally_err tally_keeper_open(struct tally_keeper *keeper,
                                                 struct tally_fault *fault);
void tally_keeper_close(struct tally_keeper *keeper); /* also one that is all zeros */

/*
 * Gives a decision to the worker.
 *
 * place    of the decision in the ring, where its keeping is noted.
 * Returns false when there is no free job: the decision is lost to the disk, and counted.
 */
bool tally_keeper_give(struct tally_keeper *keeper, struct tally_worker *worker,
                       struct tally_ring *ring, uint32_t place, const char *peer_id,
                       const char *feed_name);

/* Takes a done job back. The job's err and fault stand until the next give. */
void tally_keeper_take_back(struct tally_keeper *keeper, struct tally_ring *ring,
                            struct tally_keeper_job *job);

TALLY_NODISCARD enum tally_err tally_keeper_commit_open(struct tally_keeper_commit *commit,
                                                        struct tally_store *store,
                                                        struct tally_fault *fault);
void tally_keeper_commit_close(struct tally_keeper_commit *commit);

/* The worker's part: commits at most TALLY_WORKER_GROUP_MAX jobs together. */
void tally_keeper_commit(struct tally_keeper_commit *commit, struct tally_job *const *jobs,
                         size_t job_count);
