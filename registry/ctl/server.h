/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the daemon's side of the control socket.
 *
 * A UNIX stream socket of mode 0600. A client sends one JSON object on one line and gets JSON
 * objects, one a line; docs/man/tallyctl.1 lists them. The daemon owns the loop: it polls the fds
 * named here and calls turn. Nothing blocks, every buffer is bounded, and a client that does not
 * read what it asked for is dropped and counted.
 *
 * What is known about calls and peers comes from callbacks that the daemon fills in. They run
 * inside tally_ctl_server_turn, on its thread.
 *
 * Touches: POSIX sockets; jansson for requests. Threads: one owner. Memory: own, fixed at open,
 * but for the parsing of a request.
 */
#pragma once

#include "conf/tallyd_conf.h"
#include "core/registry.h"
#include "store/evidence.h"
#include "store/store.h"

#include <poll.h>

enum {
    TALLY_CTL_SCHEMA = 1,
    TALLY_CTL_CLIENTS_MAX = 8,
    TALLY_CTL_FDS_MAX = TALLY_CTL_CLIENTS_MAX + 1,
    TALLY_CTL_REQUEST_MAX_BYTES = 4096,  /* one line */
    TALLY_CTL_LINE_MAX_BYTES = 16384,    /* one line out */
    TALLY_CTL_BUFFER_BYTES = 256 * 1024, /* per client, waiting to be read */
};
#define TALLY_CTL_IDLE_US (30 * TALLY_US_PER_S) /* a client that asks for nothing is dropped */

/* The answer to `status`. Zeroed, it says that nothing works. */
struct tally_ctl_status {
    const char *version; /* borrowed until the callback's next call, as all pointers here */
    char operator_id[TALLY_OPERATOR_ID_BYTES];
    uint32_t pid;
    uint32_t boot;
    struct tally_wall started_at, now;
    enum tally_mode mode;
    /* the participant database in force */
    uint64_t cdb_generation; /* 0: none yet */
    uint64_t cdb_log_size;
    struct tally_wall cdb_stamped;
    enum tally_freshness cdb_freshness;
    uint32_t operator_count, range_count;
    /* peers */
    uint32_t peer_count, peer_up_count;
    /* feeds */
    const struct tally_daemon_feed *feeds; /* feed_count of them */
    struct tally_feed_status feed_status[TALLY_REGISTRY_FEEDS_MAX];
    uint32_t feed_count;
    /* the rest */
    struct tally_registry_counters counters;
    struct tally_store_usage usage;
    uint64_t evidence_pending_count; /* decided, not yet durable */
    uint64_t evidence_lost_count;    /* could not be kept */
};

/* One peer of `peers`. */
struct tally_ctl_peer {
    struct tally_peer_status status; /* operator_id "": the slot is empty and is skipped */
    const char *endpoint;            /* where we connect to; NULL: none */
    struct tally_wall changed_at;    /* when the link came up or went down; 0: never up */
    struct tally_wall strict_since;  /* 0: not strict */
};

/* The answer to `explain`. */
struct tally_ctl_explanation {
    struct tally_evidence_entry entry;
    bool is_durable;        /* on the disk; else it waits for its commit */
    bool is_in_memory_only; /* neither: no evidence is kept of it, or it was lost */
    /* entitled operators that were asked, by id; up to the entitled of the number now */
    char entitled[TALLY_CDB_ENTITLED_MAX][TALLY_OPERATOR_ID_BYTES];
    uint8_t entitled_count; /* 0: not known any more */
};

struct tally_ctl_callbacks {
    void *context;
    void (*status)(void *context, struct tally_ctl_status *status); /* zeroed before */
    uint32_t (*peer_count)(void *context);                          /* slots, in use or not */
    void (*peer_at)(void *context, uint32_t slot, struct tally_ctl_peer *peer); /* zeroed before */
    /* TALLY_ERR_NOT_FOUND, or any error with its fault. Looks also at what waits to be durable. */
    enum tally_err (*explain)(void *context, uint64_t id, struct tally_ctl_explanation *explanation,
                              struct tally_fault *fault);
};

struct tally_ctl_server;

/*
 * Binds the socket. A socket file that no process listens on any more is replaced.
 *
 * path         shorter than a UNIX socket's limit, 108 bytes with NUL; copied.
 * callbacks    copied; every function is there.
 * server       written in every case; NULL on failure.
 * TALLY_ERR_EXISTS   a process listens there, or the path is something else than a socket.
 * TALLY_ERR_SYSTEM   the operating system refused.
 */
TALLY_NODISCARD enum tally_err tally_ctl_server_open(const char *path,
                                                     const struct tally_ctl_callbacks *callbacks,
                                                     struct tally_ctl_server **server,
                                                     struct tally_fault *fault);

/* Drops the clients and removes the socket. NULL allowed. */
void tally_ctl_server_close(struct tally_ctl_server *server);

/*
 * What to poll for. Returns how many, at most TALLY_CTL_FDS_MAX. The set changes with each turn and
 * each tell: ask for it before each poll.
 */
uint32_t tally_ctl_server_fds(const struct tally_ctl_server *server,
                              struct pollfd fds[TALLY_CTL_FDS_MAX]);

/*
 * Does what can be done without waiting: accepts, reads, answers, writes; bounded per turn. Needs
 * no result of a poll: call it when any of the fds is ready, and at least every 10 s.
 */
void tally_ctl_server_turn(struct tally_ctl_server *server, struct tally_mono now);

/* Does a client follow the calls? False: the two below cost nothing. */
bool tally_ctl_server_is_followed(const struct tally_ctl_server *server);

/* Tells the followers. peer_id: the operator of decision->peer, "" for nobody; likewise feed_name.
 */
void tally_ctl_server_tell_verdict(struct tally_ctl_server *server,
                                   const struct tally_decision *decision, const char *peer_id,
                                   const char *feed_name);
void tally_ctl_server_tell_outcome(struct tally_ctl_server *server,
                                   const struct tally_outcome_notice *outcome, const char *peer_id,
                                   const char *feed_name);

struct tally_ctl_counters {
    uint32_t client_count;
    uint64_t accepted_count, refused_count; /* refused: over TALLY_CTL_CLIENTS_MAX */
    uint64_t request_count, bad_request_count;
    uint64_t slow_drop_count, idle_drop_count;
};
void tally_ctl_server_counters(const struct tally_ctl_server *server,
                               struct tally_ctl_counters *counters);
