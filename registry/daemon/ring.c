/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ring.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

enum tally_err tally_ring_open(struct tally_ring *ring, struct tally_fault *fault)
{
    memset(ring, 0, sizeof(*ring));
    ring->decisions = calloc(TALLY_RING_DECISIONS, sizeof(*ring->decisions));
    if (ring->decisions == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %d decisions",
                               TALLY_RING_DECISIONS);
    }
    return TALLY_ERR_OK;
}

void tally_ring_close(struct tally_ring *ring)
{
    free(ring->decisions);
    memset(ring, 0, sizeof(*ring));
}

uint32_t tally_ring_add(struct tally_ring *ring, const struct tally_decision *decision)
{
    uint32_t place = ring->next;

    ring->decisions[place] = *decision;
    ring->ids[place] = decision->id;
    ring->keepings[place] = TALLY_KEEPING_NONE;
    ring->next = (place + 1) % TALLY_RING_DECISIONS;
    return place;
}

uint32_t tally_ring_find(const struct tally_ring *ring, uint64_t id)
{
    if (id == 0) {
        return TALLY_RING_NOBODY;
    }
    for (uint32_t back = 1; back <= TALLY_RING_DECISIONS; back++) {
        uint32_t place = (ring->next + TALLY_RING_DECISIONS - back) % TALLY_RING_DECISIONS;

        if (ring->ids[place] == id) {
            return place;
        }
    }
    return TALLY_RING_NOBODY;
}

void tally_ring_keep(struct tally_ring *ring, uint32_t place, uint64_t id,
                     enum tally_keeping keeping)
{
    TALLY_ASSERT(place < TALLY_RING_DECISIONS);
    if (ring->ids[place] == id) {
        ring->keepings[place] = keeping;
    }
}
