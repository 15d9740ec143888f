/* SPDX-License-Identifier: Apache-2.0 */
#include "core/calls.h"

#include "base/assert.h"

#include <string.h>

static uint32_t bucket_count_for(uint32_t call_max)
{
    uint32_t count = 64;

    while (count < call_max) {
        count *= 2;
    }
    return count;
}

size_t tally_calls_bytes(uint32_t call_max)
{
    return (size_t)call_max * sizeof(struct tally_call) +
           (size_t)TALLY_INDEX_COUNT * bucket_count_for(call_max) * sizeof(uint32_t);
}

static void free_push(struct tally_calls *calls, uint32_t slot)
{
    calls->list[slot].next[0] = TALLY_CALL_NOBODY;
    if (calls->free_tail == TALLY_CALL_NOBODY) {
        calls->free_head = slot;
    } else {
        calls->list[calls->free_tail].next[0] = slot;
    }
    calls->free_tail = slot;
}

static uint32_t free_pop(struct tally_calls *calls)
{
    uint32_t slot = calls->free_head;

    if (slot != TALLY_CALL_NOBODY) {
        calls->free_head = calls->list[slot].next[0];
        if (calls->free_head == TALLY_CALL_NOBODY) {
            calls->free_tail = TALLY_CALL_NOBODY;
        }
    }
    return slot;
}

void tally_calls_init(struct tally_calls *calls, uint32_t call_max, uint32_t boot,
                      const struct tally_hash_key *hash_key, struct tally_mono now, void *memory)
{
    uint32_t bucket_count = bucket_count_for(call_max);
    uint32_t *heads = NULL;

    TALLY_ASSERT(call_max > 0 && call_max <= 1u << TALLY_CALL_SLOT_BITS);
    TALLY_ASSERT(boot > 0 && boot < 1u << TALLY_CALL_BOOT_BITS);
    *calls = (struct tally_calls){.list = memory,
                                  .bucket_mask = bucket_count - 1,
                                  .call_max = call_max,
                                  .free_head = TALLY_CALL_NOBODY,
                                  .free_tail = TALLY_CALL_NOBODY,
                                  .boot = boot,
                                  .start = now,
                                  .hash_key = *hash_key};
    memset(calls->list, 0, (size_t)call_max * sizeof(*calls->list));
    heads = (uint32_t *)(void *)(calls->list + call_max);
    for (unsigned index = 0; index < TALLY_INDEX_COUNT; index++) {
        calls->heads[index] = heads + (size_t)index * bucket_count;
    }
    memset(heads, 0xff, (size_t)TALLY_INDEX_COUNT * bucket_count * sizeof(*heads));
    for (uint32_t slot = 0; slot < call_max; slot++) {
        free_push(calls, slot);
    }
}

/* Kinds are kept apart by the key, so that a busy number's arrivals do not slow its originations.
 */
static uint32_t bucket_of(const struct tally_calls *calls, enum tally_call_kind kind,
                          uint64_t first, uint64_t second)
{
    uint64_t hash = tally_hash_u64_pair(&calls->hash_key, first ^ ((uint64_t)kind << 60), second);

    return (uint32_t)hash & calls->bucket_mask;
}

static uint32_t pair_bucket(const struct tally_calls *calls, enum tally_call_kind kind,
                            uint64_t a_number, uint64_t b_number)
{
    return bucket_of(calls, kind, a_number, b_number);
}

static uint32_t number_bucket(const struct tally_calls *calls, enum tally_call_kind kind,
                              uint64_t number)
{
    return bucket_of(calls, kind, number, 0);
}

static uint32_t leg_bucket(const struct tally_calls *calls, enum tally_call_kind kind,
                           uint32_t peer, uint64_t leg_key)
{
    return bucket_of(calls, kind, kind == TALLY_CALL_ANNOUNCED ? peer : 0, leg_key);
}

static uint64_t number_key(const struct tally_call *call)
{
    return call->kind == TALLY_CALL_ORIGINATION ? call->a_number : call->b_number;
}

static uint32_t bucket_in(const struct tally_calls *calls, const struct tally_call *call,
                          unsigned index)
{
    enum tally_call_kind kind = (enum tally_call_kind)call->kind;

    if (index == TALLY_INDEX_PAIR) {
        return pair_bucket(calls, kind, call->a_number, call->b_number);
    }
    if (index == TALLY_INDEX_NUMBER) {
        return number_bucket(calls, kind, number_key(call));
    }
    return leg_bucket(calls, kind, call->peer, call->leg_key);
}

static void link_in(struct tally_calls *calls, uint32_t slot, unsigned index)
{
    struct tally_call *call = &calls->list[slot];
    uint32_t *head = &calls->heads[index][bucket_in(calls, call, index)];

    call->prev[index] = TALLY_CALL_NOBODY;
    call->next[index] = *head;
    if (*head != TALLY_CALL_NOBODY) {
        calls->list[*head].prev[index] = slot;
    }
    *head = slot;
}

static void unlink_from(struct tally_calls *calls, uint32_t slot, unsigned index)
{
    const struct tally_call *call = &calls->list[slot];

    if (call->next[index] != TALLY_CALL_NOBODY) {
        calls->list[call->next[index]].prev[index] = call->prev[index];
    }
    if (call->prev[index] != TALLY_CALL_NOBODY) {
        calls->list[call->prev[index]].next[index] = call->next[index];
    } else {
        calls->heads[index][bucket_in(calls, call, index)] = call->next[index];
    }
}

uint32_t tally_calls_add(struct tally_calls *calls, const struct tally_call *call)
{
    uint32_t slot = free_pop(calls);
    uint32_t generation = 0;

    TALLY_ASSERT(call->kind != TALLY_CALL_FREE);
    if (slot == TALLY_CALL_NOBODY) {
        return TALLY_CALL_NOBODY;
    }
    generation = calls->list[slot].generation;
    calls->list[slot] = *call;
    calls->list[slot].generation = generation;
    for (unsigned index = 0; index < TALLY_INDEX_COUNT; index++) {
        link_in(calls, slot, index);
    }
    calls->call_count++;
    return slot;
}

void tally_calls_remove(struct tally_calls *calls, uint32_t slot)
{
    struct tally_call *call = &calls->list[slot];
    uint32_t generation = (call->generation + 1) & ((1u << TALLY_CALL_GENERATION_BITS) - 1);

    TALLY_ASSERT(slot < calls->call_max && call->kind != TALLY_CALL_FREE);
    for (unsigned index = 0; index < TALLY_INDEX_COUNT; index++) {
        unlink_from(calls, slot, index);
    }
    memset(call, 0, sizeof(*call));
    call->generation = generation;
    free_push(calls, slot);
    calls->call_count--;
}

uint64_t tally_calls_id(const struct tally_calls *calls, uint32_t slot)
{
    return (uint64_t)calls->boot << (TALLY_CALL_GENERATION_BITS + TALLY_CALL_SLOT_BITS) |
           (uint64_t)calls->list[slot].generation << TALLY_CALL_SLOT_BITS | slot;
}

uint32_t tally_calls_by_id(const struct tally_calls *calls, uint64_t id)
{
    uint32_t slot = (uint32_t)(id & ((1u << TALLY_CALL_SLOT_BITS) - 1));

    if (slot >= calls->call_max || calls->list[slot].kind == TALLY_CALL_FREE ||
        tally_calls_id(calls, slot) != id) {
        return TALLY_CALL_NOBODY;
    }
    return slot;
}

static uint32_t seek_pair(const struct tally_calls *calls, uint32_t slot, enum tally_call_kind kind,
                          uint64_t a_number, uint64_t b_number)
{
    while (slot != TALLY_CALL_NOBODY) {
        const struct tally_call *call = &calls->list[slot];

        if (call->kind == kind && call->a_number == a_number && call->b_number == b_number) {
            break;
        }
        slot = call->next[TALLY_INDEX_PAIR];
    }
    return slot;
}

uint32_t tally_calls_first_pair(const struct tally_calls *calls, enum tally_call_kind kind,
                                uint64_t a_number, uint64_t b_number)
{
    uint32_t head = calls->heads[TALLY_INDEX_PAIR][pair_bucket(calls, kind, a_number, b_number)];

    return seek_pair(calls, head, kind, a_number, b_number);
}

uint32_t tally_calls_next_pair(const struct tally_calls *calls, uint32_t slot)
{
    const struct tally_call *call = &calls->list[slot];

    return seek_pair(calls, call->next[TALLY_INDEX_PAIR], (enum tally_call_kind)call->kind,
                     call->a_number, call->b_number);
}

static uint32_t seek_number(const struct tally_calls *calls, uint32_t slot,
                            enum tally_call_kind kind, uint64_t number)
{
    while (slot != TALLY_CALL_NOBODY) {
        const struct tally_call *call = &calls->list[slot];

        if (call->kind == kind && number_key(call) == number) {
            break;
        }
        slot = call->next[TALLY_INDEX_NUMBER];
    }
    return slot;
}

uint32_t tally_calls_first_number(const struct tally_calls *calls, enum tally_call_kind kind,
                                  uint64_t number)
{
    uint32_t head = calls->heads[TALLY_INDEX_NUMBER][number_bucket(calls, kind, number)];

    return seek_number(calls, head, kind, number);
}

uint32_t tally_calls_next_number(const struct tally_calls *calls, uint32_t slot)
{
    const struct tally_call *call = &calls->list[slot];

    return seek_number(calls, call->next[TALLY_INDEX_NUMBER], (enum tally_call_kind)call->kind,
                       number_key(call));
}

static uint32_t seek_leg(const struct tally_calls *calls, uint32_t slot, enum tally_call_kind kind,
                         uint32_t peer, uint64_t leg_key)
{
    while (slot != TALLY_CALL_NOBODY) {
        const struct tally_call *call = &calls->list[slot];

        if (call->kind == kind && call->leg_key == leg_key &&
            (kind != TALLY_CALL_ANNOUNCED || call->peer == peer)) {
            break;
        }
        slot = call->next[TALLY_INDEX_LEG];
    }
    return slot;
}

uint32_t tally_calls_by_leg(const struct tally_calls *calls, enum tally_call_kind kind,
                            uint32_t peer, uint64_t leg_key)
{
    uint32_t head = calls->heads[TALLY_INDEX_LEG][leg_bucket(calls, kind, peer, leg_key)];

    return seek_leg(calls, head, kind, peer, leg_key);
}

uint32_t tally_calls_next_leg(const struct tally_calls *calls, uint32_t slot)
{
    const struct tally_call *call = &calls->list[slot];

    return seek_leg(calls, call->next[TALLY_INDEX_LEG], (enum tally_call_kind)call->kind,
                    call->peer, call->leg_key);
}

uint32_t tally_calls_second(const struct tally_calls *calls, struct tally_mono at)
{
    int64_t since_us = tally_mono_since_us(at, calls->start);

    return since_us <= 0 ? 0 : (uint32_t)((since_us + TALLY_US_PER_S - 1) / TALLY_US_PER_S);
}
