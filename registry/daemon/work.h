/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.h - what tallyd's worker does with its jobs.
 *
 * Threads: the worker's. Memory: the owner's.
 */
#pragma once

#include "daemon/keeper.h"
#include "daemon/participants.h"
#include "daemon/worker.h"

struct tally_work {
    struct tally_store *store; /* borrowed */
    struct tally_keeper_commit commit;
    struct tally_participants_work participants;
};

/* Erases evidence that is too old, and looks after the store. */
struct tally_tidy_job {
    struct tally_job job;     /* first: TALLY_JOB_TIDY */
    struct tally_wall before; /* evidence decided before it is erased */
    uint64_t erased_count;    /* out */
    struct tally_fault fault; /* out */
};

/* The operations for tally_worker_open; their context is the work. */
struct tally_worker_operations tally_work_operations(struct tally_work *work);
