/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/queue.h"

#include "base/assert.h"

#include <stdlib.h>

enum { PLACES_MAX = 1 << 20 };

enum tally_err tally_queue_open(struct tally_queue *queue, uint32_t place_count,
                                struct tally_fault *fault)
{
    TALLY_ASSERT(place_count > 0 && place_count <= PLACES_MAX &&
                 (place_count & (place_count - 1)) == 0);
    queue->places = calloc(place_count, sizeof(*queue->places));
    queue->place_mask = place_count - 1;
    atomic_init(&queue->put_count, 0);
    atomic_init(&queue->take_count, 0);
    if (queue->places == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for a queue of %u places",
                               place_count);
    }
    return TALLY_ERR_OK;
}

void tally_queue_close(struct tally_queue *queue)
{
    free(queue->places);
    queue->places = NULL;
}

bool tally_queue_put(struct tally_queue *queue, void *item)
{
    uint32_t put = atomic_load_explicit(&queue->put_count, memory_order_relaxed);
    uint32_t taken = atomic_load_explicit(&queue->take_count, memory_order_acquire);

    TALLY_ASSERT(item != NULL);
    if (put - taken > queue->place_mask) {
        return false;
    }
    queue->places[put & queue->place_mask] = item;
    /* Releases the place and what the item leads to. */
    atomic_store_explicit(&queue->put_count, put + 1, memory_order_release);
    return true;
}

void *tally_queue_take(struct tally_queue *queue)
{
    uint32_t taken = atomic_load_explicit(&queue->take_count, memory_order_relaxed);
    uint32_t put = atomic_load_explicit(&queue->put_count, memory_order_acquire);
    void *item;

    if (put == taken) {
        return NULL;
    }
    item = queue->places[taken & queue->place_mask];
    atomic_store_explicit(&queue->take_count, taken + 1, memory_order_release);
    return item;
}
