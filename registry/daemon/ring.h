/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h - the newest decisions, in memory, and how far each has got to the disk.
 *
 * Threads: one owner. Memory: allocated at open; the oldest decision is overwritten.
 */
#pragma once

#include "core/registry.h"
#include "tally/err.h"

#include <stdint.h>

enum { TALLY_RING_DECISIONS = 4096 };
#define TALLY_RING_NOBODY UINT32_MAX

enum tally_keeping {
    TALLY_KEEPING_NONE,    /* not evidence: in memory only */
    TALLY_KEEPING_PENDING, /* waits for its commit */
    TALLY_KEEPING_DURABLE,
    TALLY_KEEPING_LOST, /* the queue was full or the store failed */
};

struct tally_ring {
    struct tally_decision *decisions;   /* owned */
    uint64_t ids[TALLY_RING_DECISIONS]; /* 0: nobody yet */
    enum tally_keeping keepings[TALLY_RING_DECISIONS];
    uint32_t next;
};

TALLY_NODISCARD enum tally_err tally_ring_open(struct tally_ring *ring, struct tally_fault *fault);
void tally_ring_close(struct tally_ring *ring); /* also one that is all zeros */

/* Returns the decision's place. */
uint32_t tally_ring_add(struct tally_ring *ring, const struct tally_decision *decision);

/* The place of the newest decision with this id; TALLY_RING_NOBODY if it is not there any more. */
uint32_t tally_ring_find(const struct tally_ring *ring, uint64_t id);

/* Nothing happens when the place has been given to another decision meanwhile. */
void tally_ring_keep(struct tally_ring *ring, uint32_t place, uint64_t id,
                     enum tally_keeping keeping);
