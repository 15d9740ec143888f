/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - the registry: one input and the time in, effects out.
 *
 * Everything that decides about a call is behind tally_registry_step. It opens no socket, reads no
 * clock, draws no random number, allocates nothing after init and logs nothing. It takes one input
 * and `now` and appends effects, plain data, which the daemon carries out and the simulator carries
 * out in a made-up world. The order of the effects is part of the contract.
 *
 * Pure. Threads: one owner. Memory: one block of the caller's, given at init.
 */
#pragma once

#include "base/hash.h"
#include "base/text.h"
#include "cdb/core/index.h"
#include "core/verdict.h"
#include "tally/err.h"
#include "tally/event.h"
#include "tally/time.h"
#include "wire/feed.h"
#include "wire/record.h"
#include "wire/reject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_REGISTRY_FEEDS_MAX = 16,
    TALLY_REGISTRY_PEERS_MAX = 16384,
    TALLY_REGISTRY_CALLS_MAX = (1 << 24) - 1, /* the last slot number names untracked calls */
    TALLY_EFFECTS_MAX = 64, /* appended by one step at most; room the caller provides */
};
#define TALLY_PEER_NOBODY UINT32_MAX
#define TALLY_QUERY_AGE_MAX_US (2 * TALLY_US_PER_S) /* no query is older when it is answered */

struct tally_feed_config {
    enum tally_feed_class feed_class;
    enum tally_side side; /* what it reports */
    bool is_required;     /* a "no" needs it */
};

struct tally_registry_config {
    char operator_id[TALLY_OPERATOR_ID_BYTES]; /* ours */
    uint32_t boot;                  /* 1..2^20-1, differs after each start: upper bits of all ids */
    struct tally_hash_key hash_key; /* secret, random */
    struct tally_hash_key token_key; /* secret, random */
    uint32_t call_max;               /* originations, announcements and arrivals together */
    uint32_t inquiry_max; /* arrivals waiting for answers, and queries waiting for feeds */
    uint32_t peer_max;
    int64_t match_window_us;        /* 60 s */
    int64_t open_leg_us;            /* 1 h: how long a leg without release events counts as open */
    int64_t release_tail_us;        /* 60 s: how long after RELEASE it still does */
    int64_t strict_after_us;        /* 14 d; 0: at once */
    int64_t due_min_us, due_max_us; /* 300 ms, 800 ms */
    int64_t block_fresh_us, usable_fresh_us; /* 6 h, 7 d */
    int64_t skew_unmeasured_us; /* 2 s: assumed error of a peer's clock until it is measured */
    struct tally_policy policy;
    struct tally_feed_config feeds[TALLY_REGISTRY_FEEDS_MAX];
    uint8_t feed_count;
};

enum tally_input_type {
    TALLY_INPUT_TICK,      /* time passed; also do this when next_due is reached */
    TALLY_INPUT_FEED,      /* a record from a feed */
    TALLY_INPUT_FEED_DOWN, /* the feed's adapter was silent for TALLY_FEED_SILENT_AFTER_US */
    TALLY_INPUT_PEER,      /* a record from a peer, opened and decoded */
    TALLY_INPUT_LINK_UP,   /* a session with the peer is usable */
    TALLY_INPUT_LINK_DOWN,
    TALLY_INPUT_CDB,      /* a new index */
    TALLY_INPUT_STANDING, /* what the store remembers of a peer */
    TALLY_INPUT_POLICY,   /* a new policy */
};

struct tally_input {
    enum tally_input_type type;
    union {
        struct {
            uint8_t feed; /* < feed_count */
            struct tally_feed_record record;
        } feed;
        uint8_t feed_down;
        struct {
            uint32_t peer;
            struct tally_wall sealed_at; /* of the batch */
            struct tally_record record;
        } peer;
        uint32_t link;                     /* peer slot */
        const struct tally_cdb_index *cdb; /* borrowed until RELEASE_CDB names it; not NULL */
        struct {
            uint32_t peer;
            struct tally_wall
                strict_since; /* when we first saw it publish a strict range; 0: never */
        } standing;
        struct tally_policy policy;
    };
};

enum tally_effect_type {
    TALLY_EFFECT_SEND,        /* a record to a peer; may be lost */
    TALLY_EFFECT_FEED,        /* a record to an adapter; may be lost */
    TALLY_EFFECT_DECIDED,     /* a terminating call was judged */
    TALLY_EFFECT_OUTCOME,     /* an originating call's outcome is known */
    TALLY_EFFECT_PERSIST,     /* keep this decision as evidence; comes right after its DECIDED */
    TALLY_EFFECT_RELEASE_CDB, /* this index is no longer used */
    TALLY_EFFECT_TRACE,       /* something an operator may want to count or see; no numbers */
};

/* A judged call, whole: both halves as far as known. */
struct tally_decision {
    uint64_t id; /* verdict id = record id of the arrival */
    uint8_t feed;
    uint64_t feed_seq;
    struct tally_event event;  /* our half */
    uint32_t peer;             /* holder's or matching peer's slot; TALLY_PEER_NOBODY */
    uint64_t peer_record_id;   /* the other half's id; 0: none */
    struct tally_wall peer_at; /* the other half's instant, in our clock; 0: none */
    int64_t peer_offset_us;    /* peer's clock minus ours, as measured; 0 when not */
    int64_t peer_bound_us;     /* its error bound; INT64_MAX: unmeasured */
    struct tally_evidence evidence;
    struct tally_judgement judgement;
    struct tally_ruling ruling;
    struct tally_wall decided_at;
    int64_t wait_us; /* from the event's intake to the decision */
    uint64_t log_size;
};

struct tally_outcome_notice {
    uint64_t id; /* record id of the origination */
    uint8_t feed;
    uint32_t peer;               /* B's operator */
    uint64_t a_number, b_number; /* E.164 */
    enum tally_outcome outcome;
    enum tally_verdict their_verdict; /* REFUSED */
    enum tally_action their_action;
    struct tally_wall at;
};

#define TALLY_TRACE_TABLE(X)                                                                       \
    X(FEED_HELLO, "an adapter introduced itself")                                                  \
    X(FEED_COVERED, "the feed covers the matching window again: NONE_DIRECT is possible")          \
    X(FEED_COMPLETE, "the feed covers open legs: NONE is possible")                                \
    X(FEED_GAP, "events of the feed may be missing")                                               \
    X(FEED_REJECT, "a record of the feed was dropped")                                             \
    X(PEER_UP, "session with the peer")                                                            \
    X(PEER_DOWN, "no session with the peer")                                                       \
    X(PEER_CLOCK, "the peer's clock was measured")                                                 \
    X(PEER_REJECT, "a record of the peer was dropped")                                             \
    X(ANSWER_LATE, "an answer came after its call was decided")                                    \
    X(TABLE_FULL, "no place to follow a call")                                                     \
    X(CDB_CHANGED, "a new participant database is in force")

enum tally_trace_type {
#define TALLY_ENUM(name, sentence) TALLY_TRACE_##name,
    TALLY_TRACE_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_TRACE_TYPE_COUNT
};
const char *tally_trace_name(enum tally_trace_type type);

struct tally_trace {
    enum tally_trace_type type;
    uint32_t peer; /* TALLY_PEER_NOBODY when not about one */
    uint8_t feed;
    enum tally_reject reject;
    int64_t value; /* PEER_CLOCK: offset_us; FEED_GAP: events lost, 0 unknown */
};

struct tally_effect {
    enum tally_effect_type type;
    union {
        struct {
            uint32_t peer;
            struct tally_record record;
        } send;
        struct {
            uint8_t feed;
            struct tally_feed_record record;
        } feed;
        struct tally_decision decision; /* DECIDED, PERSIST */
        struct tally_outcome_notice outcome;
        const struct tally_cdb_index *cdb;
        struct tally_trace trace;
    };
};

struct tally_effects {
    struct tally_effect *list; /* the caller's, at least TALLY_EFFECTS_MAX */
    uint32_t count;            /* the caller sets it to 0 */
};

struct tally_registry;

/* Bytes that a registry with these limits takes. */
size_t tally_registry_bytes(const struct tally_registry_config *config);

/*
 * Makes a registry in the caller's memory. It knows nothing: every answer is UNKNOWN until its
 * feeds have covered what a "no" needs.
 *
 * memory    at least tally_registry_bytes(config), aligned as by malloc; given to the registry.
 * TALLY_ERR_LIMIT   a value of config outside its bounds.
 */
TALLY_NODISCARD enum tally_err tally_registry_init(const struct tally_registry_config *config,
                                                   struct tally_now now, void *memory,
                                                   size_t memory_bytes,
                                                   struct tally_registry **registry);

/* Takes one input. Appends at most TALLY_EFFECTS_MAX effects. Never fails, never blocks. */
void tally_registry_step(struct tally_registry *registry, struct tally_now now,
                         const struct tally_input *input, struct tally_effects *effects);

/* When to step with TICK next; us is TALLY_MONO_NEVER_US when nothing waits. After a TICK that had
 * more to do than one step allows it is in the past. */
struct tally_mono tally_registry_next_due(const struct tally_registry *registry);

enum tally_coverage {
    TALLY_COVERAGE_NOTHING, /* UNKNOWN is all it supports */
    TALLY_COVERAGE_WINDOW,  /* NONE_DIRECT */
    TALLY_COVERAGE_LEGS,    /* NONE */
};

struct tally_feed_status {
    bool is_up;
    enum tally_coverage coverage;
    uint64_t boot_id;
    uint64_t event_count, gap_count, reject_count;
};
void tally_registry_feed_status(const struct tally_registry *registry, uint8_t at,
                                struct tally_now now, struct tally_feed_status *status);

struct tally_peer_status {
    char operator_id[TALLY_OPERATOR_ID_BYTES]; /* "": the slot is empty */
    uint32_t op; /* index in the current CDB index; TALLY_CDB_NOBODY when it left */
    bool is_up;
    int64_t rtt_us, offset_us, bound_us; /* rtt_us 0: not measured */
    uint64_t announce_in_count, announce_out_count;
    uint64_t query_in_count, query_out_count;
    uint64_t answer_count[TALLY_ANSWER_KIND_COUNT]; /* theirs */
    uint64_t reject_count;
};
/* Slots are stable while the operator is in the CDB. slot < peer_max. */
void tally_registry_peer_status(const struct tally_registry *registry, uint32_t slot,
                                struct tally_peer_status *status);
uint32_t tally_registry_peer_count(const struct tally_registry *registry); /* slots ever used */
uint32_t tally_registry_peer_find(const struct tally_registry *registry, const char *operator_id);

struct tally_registry_counters {
    uint64_t verdict_count[TALLY_VERDICT_COUNT];
    uint64_t action_count[TALLY_ACTION_COUNT];
    uint64_t reason_count[TALLY_REASON_COUNT];
    uint64_t outcome_count[TALLY_OUTCOME_COUNT];
    uint64_t peer_reject_count[TALLY_REJECT_COUNT];
    uint64_t feed_reject_count[TALLY_REJECT_COUNT];
    uint64_t table_full_count;
    uint32_t call_count, call_max; /* now in memory */
    uint32_t inquiry_count, inquiry_max;
};
void tally_registry_counters(const struct tally_registry *registry,
                             struct tally_registry_counters *counters);
