/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - the inside of a registry, shared by the files of registry/core and by nobody else.
 *
 * registry.c lays it out and tells of it, step.c dispatches inputs and timers; originate.c,
 * terminate.c, inquiry.c and answer.c hold what happens to an originating call, to an arriving
 * call, to the questions asked about it, and to a peer's query.
 *
 * Pure. Threads: one owner. Memory: one block, laid out by tally_registry_init.
 */
#pragma once

#include "base/wheel.h"
#include "core/calls.h"
#include "core/feeds.h"
#include "core/peers.h"
#include "core/registry.h"

#define TALLY_SLOT_NOBODY UINT32_MAX
/* "The asker is ourselves": an arrival that displays one of our own numbers. */
#define TALLY_PEER_SELF (UINT32_MAX - 1)
/* After the matching window, for what is still on its way. */
#define TALLY_SETTLE_US (1 * TALLY_US_PER_S)

/* Does an event still make a verdict, or does it only fill in an open leg? */
enum tally_timing { TALLY_TIMELY, TALLY_LATE };

/* An arrival that waits for the answers of A's entitled operators. */
struct tally_inquiry {
    bool is_used;
    uint32_t generation;
    uint32_t next_free;
    uint32_t call;   /* the ARRIVAL */
    uint32_t holder; /* A's; TALLY_PEER_NOBODY: ourselves */
    uint8_t feed;
    uint64_t feed_seq;
    struct tally_event event;
    struct tally_mono begun;
    struct tally_evidence evidence; /* as far as known */
    uint64_t entitled_hash, log_size;
    uint8_t asked_count; /* peers in asked[], ourselves included as TALLY_PEER_SELF */
    uint8_t open_mask;   /* bit i: asked[i] has not answered */
    uint32_t asked[TALLY_CDB_ENTITLED_MAX];
    uint32_t spent_peer; /* who said FOUND (spent) */
    uint64_t spent_record_id;
};

/* A query that waits for our feeds to confirm that they have told us everything. */
struct tally_pending {
    bool is_used;
    uint32_t generation;
    uint32_t next_free;
    uint32_t peer;       /* who asks; TALLY_PEER_SELF: inquiry `query.query_id` of ours */
    uint16_t flush_mask; /* bit f: feed f has not confirmed */
    struct tally_query query;
    struct tally_wall at; /* query.at in our clock */
    int64_t early_us;     /* how much later than the arrival a record's instant may seem */
    bool is_timed;        /* both clocks are known well enough to say no */
};

struct tally_registry {
    struct tally_registry_config config;
    struct tally_calls calls;
    struct tally_peers peers;
    struct tally_feed feeds[TALLY_REGISTRY_FEEDS_MAX];
    const struct tally_cdb_index *cdb; /* NULL until the first */
    uint32_t self_op;                  /* ourselves in it; TALLY_CDB_NOBODY */
    struct tally_inquiry *inquiries;
    struct tally_pending *pendings;
    uint32_t inquiry_free, pending_free;
    uint32_t inquiry_count, pending_count;
    uint32_t announced_count; /* announcements in the call table, of all peers */
    struct tally_wheel wheel; /* calls, then inquiries, then pendings, then peers */
    struct tally_policy policy;
    struct tally_registry_counters counters;
    bool is_more_due;      /* the last TICK had to stop early */
    int64_t wall_ahead_us; /* of the monotonic clock, at the last step */
};

/* Places on the wheel. */
uint32_t tally_timer_of_inquiry(const struct tally_registry *registry, uint32_t slot);
uint32_t tally_timer_of_pending(const struct tally_registry *registry, uint32_t slot);
uint32_t tally_timer_of_peer(const struct tally_registry *registry, uint32_t slot);

/* Effects. The list has room by contract (TALLY_EFFECTS_MAX). */
struct tally_effect *tally_effect_add(struct tally_effects *effects, enum tally_effect_type type);
void tally_effect_trace(struct tally_effects *effects, enum tally_trace_type type, uint32_t peer,
                        uint8_t feed, enum tally_reject reject, int64_t value);
struct tally_record *tally_effect_send(struct tally_effects *effects, uint32_t peer,
                                       enum tally_record_type type);
void tally_effect_ack(struct tally_effects *effects, uint8_t feed, uint64_t seq, int64_t due_us);

/* Counting what is dropped. */
void tally_count_feed_reject(struct tally_registry *registry, struct tally_effects *effects,
                             uint8_t feed, enum tally_reject reject);
void tally_count_peer_reject(struct tally_registry *registry, struct tally_effects *effects,
                             uint32_t peer, enum tally_reject reject);

/* Looking numbers up; UNKNOWN as long as there is no participant database. */
enum tally_cdb_standing tally_lookup(const struct tally_registry *registry, uint64_t number,
                                     struct tally_now now, const struct tally_cdb_entry **entry);
bool tally_is_ours(const struct tally_registry *registry, uint64_t number, struct tally_now now);
bool tally_is_entitled_self(const struct tally_registry *registry, uint64_t number,
                            struct tally_now now);
enum tally_freshness tally_freshness_now(const struct tally_registry *registry,
                                         struct tally_now now);

/* A peer's instant may be wrong by this much: measured bound, or the assumption. */
int64_t tally_peer_bound_us(const struct tally_registry *registry, uint32_t peer);

/* Coverage of all required feeds of one side: the least of them; NOTHING if there are none. */
enum tally_coverage tally_side_coverage(const struct tally_registry *registry, enum tally_side side,
                                        struct tally_now now);
bool tally_feed_reports(const struct tally_feed *feed, enum tally_side side);

/* Events, from step.c. terminate_setup acknowledges; for the others the caller does. */
void tally_originate_setup(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                           const struct tally_event *event, enum tally_timing timing,
                           struct tally_effects *effects);
void tally_originate_release(struct tally_registry *registry, struct tally_now now,
                             const struct tally_event *event);
void tally_originate_report(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                            const struct tally_report *report, struct tally_effects *effects);
void tally_originate_expire(struct tally_registry *registry, struct tally_now now, uint32_t slot);

void tally_terminate_setup(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                           uint64_t seq, const struct tally_event *event,
                           struct tally_effects *effects);
void tally_terminate_announce(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                              const struct tally_announce *announce, struct tally_effects *effects);
void tally_terminate_answer(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                            const struct tally_answer *answer, struct tally_effects *effects);
void tally_terminate_deadline(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                              struct tally_effects *effects);
/* An ANNOUNCED or ARRIVAL call's window has passed. */
void tally_terminate_expire(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                            struct tally_effects *effects);

void tally_answer_query(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                        struct tally_wall sealed_at, const struct tally_query *query,
                        struct tally_effects *effects);
/* The same for an arrival of ours with a number of ours; the answer goes to tally_terminate_answer.
 */
void tally_answer_self(struct tally_registry *registry, struct tally_now now,
                       const struct tally_query *query, struct tally_effects *effects);
void tally_answer_flushed(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                          uint64_t flush_id, struct tally_effects *effects);
void tally_answer_deadline(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                           struct tally_effects *effects);

/* May a call of A still be on the way out of our sight: has A an open leg? In doubt, yes. */
bool tally_originate_has_open_leg(const struct tally_registry *registry, struct tally_now now,
                                  uint64_t a_number);

/* Finds the origination that a query or an on-net arrival is about: the nearest free one, else the
 * nearest spent one, with its instant in [at - window, at + early_us]. */
uint32_t tally_originate_find(const struct tally_registry *registry, uint64_t a_number,
                              uint64_t b_number, struct tally_wall at, int64_t early_us);
