/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/keeper.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

TALLY_STATIC_ASSERT((int)TALLY_WORKER_GROUP_MAX <= (int)TALLY_EVIDENCE_BATCH_MAX,
                    "a group fits in one commit");
TALLY_STATIC_ASSERT(offsetof(struct tally_keeper_job, job) == 0, "a job is its head");

enum tally_err tally_keeper_open(struct tally_keeper *keeper, struct tally_fault *fault)
{
    memset(keeper, 0, sizeof(*keeper));
    keeper->jobs = calloc(TALLY_KEEPER_JOBS, sizeof(*keeper->jobs));
    if (keeper->jobs == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %d evidence jobs",
                               TALLY_KEEPER_JOBS);
    }
    for (size_t i = TALLY_KEEPER_JOBS; i > 0; i--) {
        keeper->jobs[i - 1].next_free = keeper->free;
        keeper->free = &keeper->jobs[i - 1];
    }
    return TALLY_ERR_OK;
}

void tally_keeper_close(struct tally_keeper *keeper)
{
    free(keeper->jobs);
    memset(keeper, 0, sizeof(*keeper));
}

bool tally_keeper_give(struct tally_keeper *keeper, struct tally_worker *worker,
                       struct tally_ring *ring, uint32_t place, const char *peer_id,
                       const char *feed_name)
{
    struct tally_keeper_job *job = keeper->free;
    const struct tally_decision *decision = &ring->decisions[place];

    if (job == NULL) {
        keeper->lost_count++;
        tally_ring_keep(ring, place, decision->id, TALLY_KEEPING_LOST);
        return false;
    }
    job->job.type = TALLY_JOB_EVIDENCE;
    job->place = place;
    job->err = TALLY_ERR_OK;
    job->fault.err = TALLY_ERR_OK;
    tally_evidence_entry_of(decision, peer_id, feed_name, &job->entry);
    if (!tally_worker_put(worker, &job->job)) {
        keeper->lost_count++;
        tally_ring_keep(ring, place, decision->id, TALLY_KEEPING_LOST);
        return false;
    }
    keeper->free = job->next_free;
    keeper->pending_count++;
    tally_ring_keep(ring, place, decision->id, TALLY_KEEPING_PENDING);
    return true;
}

void tally_keeper_take_back(struct tally_keeper *keeper, struct tally_ring *ring,
                            struct tally_keeper_job *job)
{
    bool is_kept = job->err == TALLY_ERR_OK;

    TALLY_ASSERT(keeper->pending_count > 0);
    keeper->pending_count--;
    keeper->kept_count += is_kept ? 1 : 0;
    keeper->lost_count += is_kept ? 0 : 1;
    tally_ring_keep(ring, job->place, job->entry.decision.id,
                    is_kept ? TALLY_KEEPING_DURABLE : TALLY_KEEPING_LOST);
    job->next_free = keeper->free;
    keeper->free = job;
}

enum tally_err tally_keeper_commit_open(struct tally_keeper_commit *commit,
                                        struct tally_store *store, struct tally_fault *fault)
{
    commit->store = store;
    commit->entries = calloc(TALLY_WORKER_GROUP_MAX, sizeof(*commit->entries));
    commit->results = calloc(TALLY_WORKER_GROUP_MAX, sizeof(*commit->results));
    if (commit->entries == NULL || commit->results == NULL) {
        tally_keeper_commit_close(commit);
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for evidence commits");
    }
    return TALLY_ERR_OK;
}

void tally_keeper_commit_close(struct tally_keeper_commit *commit)
{
    free(commit->entries);
    free(commit->results);
    memset(commit, 0, sizeof(*commit));
}

void tally_keeper_commit(struct tally_keeper_commit *commit, struct tally_job *const *jobs,
                         size_t job_count)
{
    struct tally_keeper_job *first = tally_keeper_job_of(jobs[0]);
    struct tally_fault fault = {0};
    enum tally_err err;

    TALLY_ASSERT(job_count > 0 && job_count <= TALLY_WORKER_GROUP_MAX);
    for (size_t i = 0; i < job_count; i++) {
        commit->entries[i] = tally_keeper_job_of(jobs[i])->entry;
    }
    err = tally_evidence_put(commit->store, commit->entries, job_count, commit->results, &fault);
    for (size_t i = 0; i < job_count; i++) {
        tally_keeper_job_of(jobs[i])->err = err == TALLY_ERR_OK ? commit->results[i] : err;
    }
    if (err != TALLY_ERR_OK) {
        first->fault = fault;
    }
}
