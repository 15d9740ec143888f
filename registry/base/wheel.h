/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wheel.h - a hierarchical timer wheel over numbered entries.
 *
 * Entries are slots of somebody's table, named by index; the wheel links them through an array of
 * nodes that the caller gives. 4 levels of 256 places and a tick of 1 ms: a timer fires never early
 * and less than a tick late, if expire_one is called then; setting, cancelling and expiring cost
 * O(1), amortised, and a long sleep costs no more than a short one.
 *
 * Pure. Threads: one owner. Memory: the caller's, fixed at init.
 */
#pragma once

#include "tally/time.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TALLY_WHEEL_LEVELS = 4,
    TALLY_WHEEL_PLACES = 256,
    TALLY_WHEEL_TICK_US = 1000,
};
#define TALLY_WHEEL_NOBODY UINT32_MAX

struct tally_wheel_node {
    uint32_t next, prev; /* TALLY_WHEEL_NOBODY at the ends */
    uint32_t due_tick;   /* since the wheel's start, modulo 2^32 */
    uint32_t place;      /* level * TALLY_WHEEL_PLACES + index, or one past them all: in the due
                            list; TALLY_WHEEL_NOBODY: not set */
};

struct tally_wheel {
    struct tally_wheel_node *nodes; /* borrowed, node_count of them */
    uint32_t node_count;
    struct tally_mono start;
    uint64_t now_tick; /* everything due at or before it was handed out, or is in the due list or in
                          the open place */
    uint32_t due_head, due_tail; /* what is due and not yet handed out, first in, first out */
    uint32_t open_place;         /* the place being emptied; TALLY_WHEEL_NOBODY: none */
    uint32_t set_count;
    uint64_t occupied[TALLY_WHEEL_LEVELS * TALLY_WHEEL_PLACES / 64]; /* a bit per place */
    uint32_t heads[TALLY_WHEEL_LEVELS * TALLY_WHEEL_PLACES];
};

void tally_wheel_init(struct tally_wheel *wheel, struct tally_mono now,
                      struct tally_wheel_node *nodes, uint32_t node_count);

/*
 * Sets or moves entry's timer. A due instant in the past is due at once; one more than 2^31 ms
 * (24 days) after the latest `now` is cut to that; TALLY_MONO_NEVER_US cancels.
 */
void tally_wheel_set(struct tally_wheel *wheel, uint32_t entry, struct tally_mono due);
void tally_wheel_cancel(struct tally_wheel *wheel, uint32_t entry);
bool tally_wheel_is_set(const struct tally_wheel *wheel, uint32_t entry);

/*
 * Takes one due entry off the wheel; entries come in the order of their due ticks, those of one
 * tick in no particular one. A call moves at most TALLY_WHEEL_PLACES entries, so it may return
 * TALLY_WHEEL_NOBODY and yet not be done: call until has_more is false.
 *
 * now         an instant earlier than one given before is taken as that one
 * has_more    written in every case
 */
uint32_t tally_wheel_expire_one(struct tally_wheel *wheel, struct tally_mono now, bool *has_more);

/*
 * A lower bound of when expire_one has something to do (for far timers, to move them down a level);
 * in the past when it has now; us is TALLY_MONO_NEVER_US if nothing is set.
 */
struct tally_mono tally_wheel_next_due(const struct tally_wheel *wheel);
