/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapter.h - the connection of an adapter to its registry, for adapters written in C.
 *
 * What it does by itself, so that an adapter cannot get it wrong: it connects and reconnects, says
 * HELLO, numbers the events, sends watermarks, answers FLUSH, notices that the registry is gone,
 * reports a GAP for whatever the registry may not have learnt, and after each HELLO sends the calls
 * that may still be open. docs/PROTOCOL.md, "The adapter interface", says what it speaks.
 *
 * An adapter's turn: tally_adapter_wait; read the clock; take all notices with
 * tally_adapter_next_notice; read its own sources until they are empty, with an event for each
 * call; tally_adapter_drained. Nothing here blocks but tally_adapter_wait.
 *
 * Touches: libzmq, the operating system's random source. Threads: one owner. Memory: fixed at open.
 */
#pragma once

#include "tally/err.h"
#include "tally/event.h"
#include "tally/time.h"
#include "tally/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_ADAPTER_PENDING_MAX = 1 << 20,
    TALLY_ADAPTER_OPEN_LEGS_MAX = 1 << 24,
    TALLY_ADAPTER_FDS_MAX = 64, /* of the caller's, in tally_adapter_wait */
};

/* What the feed may support; docs/PROTOCOL.md, "Feed classes". */
enum tally_adapter_class {
    TALLY_ADAPTER_RECORD,
    TALLY_ADAPTER_BEST_EFFORT,
    TALLY_ADAPTER_ORDERED,
    TALLY_ADAPTER_CAUSAL, /* the switch waits for us: an event unacknowledged in 50 ms is a GAP */
    TALLY_ADAPTER_CLASS_COUNT
};

struct tally_adapter_config {
    const char *path; /* of the feed's endpoints, without ".in" and ".out"; copied */
    enum tally_adapter_class adapter_class;
    uint32_t clock_bound_us; /* error bound of the instants in the events */
    uint32_t pending_max;    /* events whose answer is awaited; a power of two, 2 at least */
    uint32_t open_leg_max;   /* originating calls remembered for a registry that restarts; 1.. */
    int64_t open_leg_us;     /* for how long */
};

struct tally_adapter;

/*
 * Opens a feed. It is down until the registry is heard of, which needs no call but the turns.
 *
 * TALLY_ERR_CONFIG   a value is out of bounds, or the path too long.
 * TALLY_ERR_SYSTEM, TALLY_ERR_TRANSPORT   no memory, no random bytes, or libzmq refused.
 */
TALLY_NODISCARD enum tally_err tally_adapter_open(const struct tally_adapter_config *config,
                                                  struct tally_now now,
                                                  struct tally_adapter **adapter,
                                                  struct tally_fault *fault);

/* Drops what has not left yet. NULL allowed. */
void tally_adapter_close(struct tally_adapter *adapter);

/* Is the registry there and listening? */
bool tally_adapter_is_up(const struct tally_adapter *adapter);

/*
 * Sends an event, at the latest with the next tally_adapter_wait.
 *
 * event     numbers normalised; `at` not before the instant of the last tally_adapter_drained.
 * cookie    comes back in the notices about this event.
 * TALLY_ERR_AGAIN   the registry is gone.
 * TALLY_ERR_FULL    too many events wait for an answer.
 * TALLY_ERR_LIMIT   a value of the event is out of its bounds, see event.h.
 * After any of them the event was not sent, no notice will come, and a GAP is reported by itself:
 * let the call go.
 */
TALLY_NODISCARD enum tally_err tally_adapter_event(struct tally_adapter *adapter,
                                                   struct tally_now now,
                                                   const struct tally_event *event,
                                                   uint64_t cookie);

/*
 * Events that happened in [from, to] may have been lost before they came here, or a call was let
 * go before its answer. No later snapshot of open legs claims them. lost_count 0: not known how
 * many.
 */
void tally_adapter_gap(struct tally_adapter *adapter, struct tally_wall from, struct tally_wall to,
                       uint32_t lost_count);

/*
 * Every event at or before at.wall has been handed over. `at` was read before the receive that
 * found nothing more; for a causal feed, whose events are stamped when they are read, the turn's
 * time less 1 us serves.
 */
void tally_adapter_drained(struct tally_adapter *adapter, struct tally_now at);

enum tally_adapter_notice_type {
    TALLY_ADAPTER_NOTICE_NONE,
    TALLY_ADAPTER_NOTICE_ACK,     /* taken; due_us: a verdict follows within that time */
    TALLY_ADAPTER_NOTICE_VERDICT, /* may come without an ACK before it, or after LOST */
    TALLY_ADAPTER_NOTICE_LOST,    /* not acknowledged in time; a GAP is reported by itself */
    TALLY_ADAPTER_NOTICE_DOWN,    /* the registry is gone: nothing more comes of earlier events */
    TALLY_ADAPTER_NOTICE_UP,
};

struct tally_adapter_notice {
    enum tally_adapter_notice_type type;
    uint64_t cookie; /* ACK, VERDICT, LOST: of the event */
    uint32_t due_us; /* ACK; 0: no verdict comes */
    /* VERDICT */
    uint64_t verdict_id;
    enum tally_verdict verdict;
    enum tally_grade grade;
    enum tally_action action;
    uint8_t cause;  /* Q.850 */
    uint32_t marks; /* TALLY_MARK_... */
};

/* The next notice; false when there is none for now. */
bool tally_adapter_next_notice(struct tally_adapter *adapter, struct tally_now now,
                               struct tally_adapter_notice *notice);

/*
 * Sends what is to be sent, then sleeps until one of the descriptors can be read, a notice may have
 * come, the client has something to do, or wait_us have passed.
 *
 * fds        readable ones are told in is_readable; fd_count at most TALLY_ADAPTER_FDS_MAX.
 * wait_us    0: only look.
 */
void tally_adapter_wait(struct tally_adapter *adapter, struct tally_now now, const int *fds,
                        bool *is_readable, size_t fd_count, int64_t wait_us);

/* Since open. */
struct tally_adapter_counters {
    uint64_t events;     /* sent */
    uint64_t acks;       /* in time */
    uint64_t late_acks;  /* after LOST */
    uint64_t verdicts;   /* */
    uint64_t losts;      /* not acknowledged in time */
    uint64_t gone;       /* events not sent: the registry was gone */
    uint64_t full;       /* events not sent: too many waited */
    uint64_t refused;    /* events not sent: a value was out of its bounds */
    uint64_t gaps;       /* GAP records sent */
    uint64_t hellos;     /* HELLO records sent */
    uint64_t downs;      /* times the registry went away */
    uint64_t strays;     /* answers to no event of ours */
    uint64_t rejects;    /* records or batches that could not be read */
    uint64_t legs_moved; /* open legs forgotten early: no place */
    uint64_t flushes;    /* answered */
};
void tally_adapter_counters_of(const struct tally_adapter *adapter,
                               struct tally_adapter_counters *counters);
