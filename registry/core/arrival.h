/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrival.h - an arriving call on its way to a decision: what terminate.c and inquiry.c share.
 *
 * Pure. Threads: one owner. Memory: the registry's.
 */
#pragma once

#include "core/state.h"

/* An arriving call on its way to a decision. */
struct tally_arrival {
    uint32_t call; /* its record; TALLY_CALL_NOBODY: no place was left */
    uint64_t id;
    uint8_t feed;
    uint64_t seq;
    const struct tally_event *event;
    struct tally_mono begun;
    struct tally_evidence evidence;
    uint64_t log_size;
    uint32_t peer; /* who vouched, or who holds A */
    uint64_t peer_record_id;
    struct tally_wall peer_at;
};

/* Decides, and tells everybody: the feed, the evidence, the peer that vouched. */
void tally_arrival_judge(struct tally_registry *registry, struct tally_now now,
                         const struct tally_arrival *arrival, struct tally_effects *effects);

/* How much earlier than its record an arrival may seem: the clocks' errors together. */
int64_t tally_credit_early_us(const struct tally_registry *registry, uint32_t peer, uint8_t feed);

bool tally_credit_is_in_window(const struct tally_registry *registry, struct tally_wall arrival_at,
                               struct tally_wall record_at, int64_t early_us);

/* Attempts with one call reference use one credit: route advance, authentication, forks. */
bool tally_credit_is_free_for(const struct tally_call *credit, const struct tally_event *event);

/* Takes the credit for the arrival. */
void tally_credit_spend(struct tally_registry *registry, uint32_t slot,
                        struct tally_arrival *arrival);

/* Remembers a peer's call. TALLY_CALL_NOBODY when the table is full. */
uint32_t tally_credit_add(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                          uint64_t record_id, uint64_t a_number, uint64_t b_number,
                          struct tally_wall at, uint8_t flags);

/* Asks, if somebody can be asked; acknowledges the event then. False: judge it as it stands. */
bool tally_inquiry_open(struct tally_registry *registry, struct tally_now now,
                        struct tally_arrival *arrival, const struct tally_cdb_entry *entry,
                        struct tally_effects *effects);

/* The arrival that an inquiry is about. It points into the inquiry. */
struct tally_arrival tally_inquiry_arrival(const struct tally_registry *registry,
                                           const struct tally_inquiry *inquiry);

/* Judges the arrival and frees the inquiry. */
void tally_inquiry_conclude(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                            const struct tally_arrival *arrival, struct tally_effects *effects);
