/* SPDX-License-Identifier: Apache-2.0 */
/*
 * participants.h - the participant database: followed in its directory, kept in the replica.
 *
 * A load reads the directory, verifies it, builds the index, puts the notes into the replica with
 * the highest stamp and root seen, and writes down since when each operator has been strict. It
 * never goes back: an older stamp or root is refused, whatever the directory says. Without a
 * directory the replica stands in.
 *
 * Threads: the worker's (before it runs: whoever starts the daemon). Memory: allocated per load.
 */
#pragma once

#include "cdb/log/source.h"
#include "conf/tallyd_conf.h"
#include "daemon/worker.h"
#include "store/store.h"
#include "tally/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* One database as accepted. */
struct tally_participants {
    struct tally_job job;                /* first: TALLY_JOB_FREE */
    struct tally_cdb_snapshot *snapshot; /* owned */
    const struct tally_cdb_index *index; /* the snapshot's */
    struct tally_wall *strict_since;     /* owned; per operator of the index, 0: not strict */
    uint64_t generation;                 /* of the replica; 0: it could not be kept */
    bool is_from_replica;
};

/* What tells a changed directory from the one seen. */
struct tally_participants_look {
    struct stat stamp, statements; /* zeroed: not there */
};

struct tally_participants_work {
    struct tally_store *store;
    const char *directory;   /* borrowed, as the next */
    const char *operator_id; /* ours */
    uint8_t root_pin[TALLY_DAEMON_ROOT_BYTES];
    struct tally_wall stamped_min; /* of what was accepted last */
    struct tally_wall next_change; /* when a statement of it begins to hold; 0: never */
    struct tally_participants_look looked;
    bool has_looked;
};

struct tally_participants_job {
    struct tally_job job; /* first: TALLY_JOB_CDB */
    /* in */
    bool is_forced; /* load although nothing seems to have changed */
    struct tally_wall now;
    /* out */
    struct tally_participants *loaded; /* given to the loop; NULL: nothing new */
    struct tally_fault fault;          /* why the directory cannot be used */
    struct tally_fault store_fault;    /* why it, or the ledger, could not be kept */
};

/* Reads how far the database was seen before. Errors as in store.h. */
TALLY_NODISCARD enum tally_err tally_participants_work_init(struct tally_participants_work *work,
                                                            struct tally_store *store,
                                                            const struct tally_daemon_conf *conf,
                                                            struct tally_fault *fault);

/*
 * Loads the directory if it has changed, if a statement's time has begun, or if is_forced.
 */
void tally_participants_look(struct tally_participants_work *work,
                             struct tally_participants_job *job);

/*
 * Loads the replica, at a start without a usable directory. loaded is NULL if there is none.
 */
TALLY_NODISCARD enum tally_err tally_participants_recall(struct tally_participants_work *work,
                                                         struct tally_wall now,
                                                         struct tally_participants **loaded,
                                                         struct tally_fault *fault);

/* Gives back what is large: the worker's part of TALLY_JOB_FREE. The struct itself stays. */
void tally_participants_empty(struct tally_participants *participants);
void tally_participants_free(struct tally_participants *participants); /* NULL allowed */
