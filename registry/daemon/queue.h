/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - a bounded queue of pointers from one thread to another.
 *
 * What a pointer leads to belongs to the thread that took it out. This, and the descriptor that
 * wakes the other side up, is all that tallyd's two threads share.
 *
 * Threads: one that puts, one that takes. Memory: allocated at open.
 */
#pragma once

#include "tally/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tally_queue {
    void **places; /* owned; place_mask + 1 of them, a power of two */
    uint32_t place_mask;
    _Atomic uint32_t put_count;  /* ever, modulo 2^32; written by the one that puts */
    _Atomic uint32_t take_count; /* ever, modulo 2^32; written by the one that takes */
};

/*
 * place_count    a power of two, at most 2^20.
 * TALLY_ERR_SYSTEM   no memory.
 */
TALLY_NODISCARD enum tally_err tally_queue_open(struct tally_queue *queue, uint32_t place_count,
                                                struct tally_fault *fault);
void tally_queue_close(struct tally_queue *queue); /* also one that is all zeros */

/* False: it is full, and nothing was put. item is not NULL. */
bool tally_queue_put(struct tally_queue *queue, void *item);

/* NULL: it is empty. */
void *tally_queue_take(struct tally_queue *queue);
