/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.h - the calls that a registry remembers, and how it finds them.
 *
 * One bounded table for the three halves: originations (our subscribers' calls), announcements
 * (peers' calls towards us) and arrivals (calls at our door). Three hash indexes with intrusive
 * chains, newest first: by (A, B); by one number (an origination by its A, an arrival by its B); by
 * leg (an announcement by its peer and that peer's record id). Numbers are wiped when a call leaves
 * the table.
 *
 * Pure. Threads: one owner. Memory: the caller's, fixed at init.
 */
#pragma once

#include "base/hash.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_CALL_NOBODY UINT32_MAX

enum {
    TALLY_CALL_SCAN_MAX = 256, /* chain entries looked at per search */
    TALLY_CALL_SLOT_BITS = 24,
    TALLY_CALL_GENERATION_BITS = 20,
    TALLY_CALL_BOOT_BITS = 20,
};

enum tally_call_kind {
    TALLY_CALL_FREE,
    TALLY_CALL_ORIGINATION,
    TALLY_CALL_ANNOUNCED,
    TALLY_CALL_ARRIVAL,
};

enum tally_call_index { TALLY_INDEX_PAIR, TALLY_INDEX_NUMBER, TALLY_INDEX_LEG, TALLY_INDEX_COUNT };

/* Bits of tally_call.flags. */
enum {
    TALLY_CALL_SPENT = 1 << 0,       /* ANNOUNCED, ORIGINATION: an arrival has taken the credit */
    TALLY_CALL_SETTLED = 1 << 1,     /* ORIGINATION: the outcome was told */
    TALLY_CALL_TRANSIT = 1 << 3,     /* ORIGINATION: came in by an interconnect: an open leg only */
    TALLY_CALL_FROM_ANSWER = 1 << 2, /* ANNOUNCED: known from a FOUND answer, not from a push */
};

struct tally_call {
    uint64_t a_number; /* the displayed one; ORIGINATION: or, in a second record, the network one */
    uint64_t b_number;
    uint64_t leg_key;     /* ANNOUNCED: the peer's record id */
    uint64_t call_ref;    /* ARRIVAL, ORIGINATION; ANNOUNCED: of the arrival that spent it */
    struct tally_wall at; /* SETUP, in our clock; of the first attempt */
    struct tally_wall renewed_at; /* ORIGINATION: of the newest attempt on this leg */
    uint32_t next[TALLY_INDEX_COUNT];
    uint32_t prev[TALLY_INDEX_COUNT];
    uint32_t generation;
    uint32_t peer;         /* ANNOUNCED: who announced; ORIGINATION: whom we told; else nobody */
    uint32_t inquiry;      /* ARRIVAL: waiting in this inquiry, or TALLY_CALL_NOBODY */
    uint32_t open_until_s; /* ORIGINATION: seconds since the table's start */
    uint8_t kind;          /* enum tally_call_kind */
    uint8_t feed;
    uint8_t flags;
};

struct tally_calls {
    struct tally_call *list;
    uint32_t *heads[TALLY_INDEX_COUNT];
    uint32_t bucket_mask;
    uint32_t call_max;
    uint32_t call_count;
    uint32_t free_head, free_tail; /* first in, first out, so that generations last */
    uint32_t boot;
    struct tally_mono start;
    struct tally_hash_key hash_key;
};

/* Bytes for a table of call_max calls. */
size_t tally_calls_bytes(uint32_t call_max);

/* memory: tally_calls_bytes(call_max), aligned to 8; given to the table. */
void tally_calls_init(struct tally_calls *calls, uint32_t call_max, uint32_t boot,
                      const struct tally_hash_key *hash_key, struct tally_mono now, void *memory);

/*
 * Takes a free slot and links it by the fields of `call` (kind, numbers, leg_key, peer). Returns
 * TALLY_CALL_NOBODY when the table is full: nothing was taken.
 */
uint32_t tally_calls_add(struct tally_calls *calls, const struct tally_call *call);

/* Unlinks, wipes the numbers, frees the slot. */
void tally_calls_remove(struct tally_calls *calls, uint32_t slot);

/* The slot's 64-bit record id, never 0; and back: TALLY_CALL_NOBODY if it is gone or not ours. */
uint64_t tally_calls_id(const struct tally_calls *calls, uint32_t slot);
uint32_t tally_calls_by_id(const struct tally_calls *calls, uint64_t id);

/* Walks: the first or next slot with this key and kind, newest first. */
uint32_t tally_calls_first_pair(const struct tally_calls *calls, enum tally_call_kind kind,
                                uint64_t a_number, uint64_t b_number);
uint32_t tally_calls_next_pair(const struct tally_calls *calls, uint32_t slot);
uint32_t tally_calls_first_number(const struct tally_calls *calls, enum tally_call_kind kind,
                                  uint64_t number);
uint32_t tally_calls_next_number(const struct tally_calls *calls, uint32_t slot);
uint32_t tally_calls_by_leg(const struct tally_calls *calls, enum tally_call_kind kind,
                            uint32_t peer, uint64_t leg_key);
/* The next slot of the same leg, of a kind that is not ANNOUNCED. */
uint32_t tally_calls_next_leg(const struct tally_calls *calls, uint32_t slot);

/* Whole seconds since the table's start, rounded up. */
uint32_t tally_calls_second(const struct tally_calls *calls, struct tally_mono at);
