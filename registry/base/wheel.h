/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wheel.h - a hierarchical timer wheel over numbered entries.
 *
 * Entries are slots of somebody's table, named by index; the wheel links them through an array of
 * nodes that the caller gives. 4 levels of 256 places and a tick of 1 ms: a timer is exact to the
 * tick up to 2^32 ms; setting, cancelling and expiring cost O(1), amortised. A timer never fires
 * early.
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
    uint32_t next, prev; /* TALLY_WHEEL_NOBODY at the ends; prev of a head is its place, tagged */
    uint32_t due_tick;   /* since the wheel's start */
    uint32_t place;      /* level * TALLY_WHEEL_PLACES + index; TALLY_WHEEL_NOBODY: not set */
};

struct tally_wheel {
    struct tally_wheel_node *nodes; /* borrowed, node_count of them */
    uint32_t node_count;
    struct tally_mono start;
    uint32_t now_tick; /* everything due before or at this tick has been handed out or is in
                          `due_head` */
    uint32_t due_head; /* a list of what is due and not yet handed out */
    uint32_t set_count;
    uint32_t heads[TALLY_WHEEL_LEVELS * TALLY_WHEEL_PLACES];
};

void tally_wheel_init(struct tally_wheel *wheel, struct tally_mono now,
                      struct tally_wheel_node *nodes, uint32_t node_count);

/* Sets or moves entry's timer. A due instant in the past is due at once; beyond 2^31 ms it is cut.
 */
void tally_wheel_set(struct tally_wheel *wheel, uint32_t entry, struct tally_mono due);
void tally_wheel_cancel(struct tally_wheel *wheel, uint32_t entry);
bool tally_wheel_is_set(const struct tally_wheel *wheel, uint32_t entry);

/*
 * Takes one due entry off the wheel. Call until it returns TALLY_WHEEL_NOBODY. Work per call is
 * bounded by the entries moved plus TALLY_WHEEL_PLACES ticks: after a long sleep several calls may
 * advance without handing anything out, so has_more says whether to call again.
 */
uint32_t tally_wheel_expire_one(struct tally_wheel *wheel, struct tally_mono now, bool *has_more);

/* A lower bound of when expire_one has something to do; us is TALLY_MONO_NEVER_US if nothing is
 * set. */
struct tally_mono tally_wheel_next_due(const struct tally_wheel *wheel);
