/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/work.h"

#include "base/assert.h"
#include "store/evidence.h"
#include "store/store.h"

/* Erasing takes turns with commits: the rest is left to the next job. */
enum { ERASE_COMMITS_MAX = 16 };

static void tidy(struct tally_work *work, struct tally_tidy_job *job)
{
    uint32_t erased_count = TALLY_EVIDENCE_BATCH_MAX;

    job->erased_count = 0;
    tally_store_tidy(work->store);
    for (int done = 0; done < ERASE_COMMITS_MAX && erased_count == TALLY_EVIDENCE_BATCH_MAX;
         done++) {
        if (tally_evidence_erase(work->store, job->before, TALLY_EVIDENCE_BATCH_MAX, &erased_count,
                                 &job->fault) != TALLY_ERR_OK) {
            return;
        }
        job->erased_count += erased_count;
    }
}

static void do_evidence(void *context, struct tally_job *const *jobs, size_t job_count)
{
    struct tally_work *work = context;

    tally_keeper_commit(&work->commit, jobs, job_count);
}

static void do_other(void *context, struct tally_job *job)
{
    struct tally_work *work = context;
    void *whole = job;

    switch (job->type) {
    case TALLY_JOB_CDB:
        tally_participants_look(&work->participants, whole);
        return;
    case TALLY_JOB_TIDY:
        tidy(work, whole);
        return;
    case TALLY_JOB_FREE:
        tally_participants_empty(whole);
        return;
    case TALLY_JOB_NONE:
    case TALLY_JOB_EVIDENCE:
    case TALLY_JOB_STOP:
        break;
    }
    TALLY_ASSERT(!"a job that the worker has been given");
}

struct tally_worker_operations tally_work_operations(struct tally_work *work)
{
    return (struct tally_worker_operations){
        .context = work, .evidence = do_evidence, .other = do_other};
}
