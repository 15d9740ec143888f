/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.h - the parts of a running tallyd in one place, for the files of this folder.
 *
 *   start.c         opens the parts in the order in which they need each other, and closes them
 *   loop.c          one turn after the other
 *   peers.c         slots: links and sessions kept in step with the core and the CDB
 *   effects.c       what the core wants done
 *   keeper.c        decisions on their way to the disk
 *   follow.c        one participant database after the other
 *   work.c          what the worker does: keeper.c, participants.c
 *   control.c       what tallyctl is told
 *
 * Threads: the loop's, but for `work`, which is the worker's while it runs. Memory: one struct per
 * process, zeroed before start.
 */
#pragma once

#include "conf/tallyd_conf.h"
#include "core/registry.h"
#include "crypto/session.h"
#include "ctl/server.h"
#include "daemon/feedport.h"
#include "daemon/keeper.h"
#include "daemon/outbox.h"
#include "daemon/report.h"
#include "daemon/ring.h"
#include "daemon/work.h"
#include "daemon/worker.h"
#include "store/store.h"
#include "transport/feeds.h"
#include "transport/links.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TALLY_TURN_EVENTS_MAX = 256, /* frames and link events taken in one turn */
    TALLY_TURN_BATCHES_MAX = 64, /* batches taken from feeds in one turn */
    TALLY_TURN_JOBS_MAX = 1024,  /* done jobs taken back in one turn */
    TALLY_TURN_TICKS_MAX = 64,   /* steps of the core for time that has passed */
    TALLY_TURN_SLEEP_MAX_MS = 1000,
};

/* The daemon's view of a slot of the core. */
struct tally_daemon_peer {
    char operator_id[TALLY_OPERATOR_ID_BYTES];  /* "": never used */
    char endpoint[TALLY_CDB_ENDPOINT_BYTES];    /* "": none */
    bool is_listed;                             /* in the CDB in force */
    bool is_told_up;                            /* what the core believes */
    bool is_slow;                               /* its link is full: down until it takes a frame */
    bool is_dirty;                              /* waits in dirty_slots */
    struct tally_wall changed_at, strict_since; /* as in tally_ctl_peer */
};

struct tally_daemon_counters {
    uint64_t feed_unsent_count; /* batches that no adapter took */
    uint64_t peer_unsent_count; /* batches that no link took */
    uint64_t batch_reject_count;
    uint64_t record_reject_count;
};

struct tally_daemon {
    struct tally_daemon_conf conf;
    const char *conf_path;
    struct tally_reporter report;
    struct tally_now now; /* of this turn */
    struct tally_wall started_at;
    uint32_t boot;      /* of the store: part of every id */
    uint64_t ping_boot; /* random: what adapters know us by */
    int signal_fd;
    uint32_t ready_mask; /* which descriptors poll found ready, of the loop's numbers */
    bool is_stopping;

    struct tally_store *store; /* written by the worker only, once it runs */
    struct tally_worker *worker;
    struct tally_work work; /* the worker's, once it runs */
    struct tally_participants_job participants_job;
    bool is_participants_job_out;
    bool is_reread_wanted; /* look at the participant database even if it seems unchanged */
    struct tally_tidy_job tidy_job;
    bool is_tidy_job_out;
    struct tally_participants *participants; /* in force; owned */
    struct tally_participants *former;       /* taken out of force, until the core lets it go */

    struct tally_registry *registry; /* in registry_memory */
    void *registry_memory;           /* owned */
    struct tally_effect effect_list[TALLY_EFFECTS_MAX];
    struct tally_sessions *sessions;
    struct tally_links *links;
    struct tally_feeds *feeds;
    struct tally_ctl_server *control;
    struct tally_feedport feedport;
    struct tally_outbox outbox;
    struct tally_ring ring;
    struct tally_keeper keeper;

    struct tally_daemon_peer *peers; /* owned; conf.peer_max of them */
    uint32_t *dirty_slots;           /* owned */
    uint32_t dirty_count;
    uint32_t slow_count;
    struct tally_daemon_counters counters;
    struct tally_mono second_due, slow_due, tidy_due, participants_due, control_due;
};
