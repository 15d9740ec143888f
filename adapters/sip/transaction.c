/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/transaction.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY TALLY_SIP_TRANSACTION_NOBODY

enum tally_err tally_sip_table_open(struct tally_sip_table *table, struct tally_now now,
                                    uint32_t slot_count, uint32_t chunk_count,
                                    struct tally_fault *fault)
{
    uint32_t bucket_count = 1;

    TALLY_ASSERT(slot_count > 0 && chunk_count > 0);
    while (bucket_count < slot_count) {
        bucket_count *= 2;
    }
    memset(table, 0, sizeof(*table));
    table->slots = calloc(slot_count, sizeof(table->slots[0]));
    table->nodes = calloc(slot_count, sizeof(table->nodes[0]));
    table->buckets = malloc(bucket_count * sizeof(table->buckets[0]));
    table->chunks = malloc(chunk_count * sizeof(table->chunks[0]));
    if (table->slots == NULL || table->nodes == NULL || table->buckets == NULL ||
        table->chunks == NULL) {
        tally_sip_table_close(table);
        return tally_fault_set(fault, TALLY_ERR_SYSTEM,
                               "no memory for %u transactions; lower transactions_max", slot_count);
    }
    for (uint32_t i = 0; i < bucket_count; i++) {
        table->buckets[i] = NOBODY;
    }
    table->bucket_mask = bucket_count - 1;
    table->slot_count = slot_count;
    table->free_head = NOBODY;
    table->wait_first = NOBODY;
    table->wait_last = NOBODY;
    tally_sip_pool_init(&table->pool, table->chunks, chunk_count);
    tally_wheel_init(&table->wheel, now.mono, table->nodes, slot_count);
    return TALLY_ERR_OK;
}

void tally_sip_table_close(struct tally_sip_table *table)
{
    free(table->slots);
    free(table->nodes);
    free(table->buckets);
    free(table->chunks);
    memset(table, 0, sizeof(*table));
}

uint32_t tally_sip_table_find(const struct tally_sip_table *table, uint64_t key)
{
    uint32_t slot = table->buckets[key & table->bucket_mask];

    while (slot != NOBODY && table->slots[slot].key != key) {
        slot = table->slots[slot].bucket_next;
    }
    return slot;
}

uint64_t tally_sip_table_cookie(const struct tally_sip_table *table, uint32_t slot)
{
    return (uint64_t)table->slots[slot].generation << 32 | slot;
}

uint32_t tally_sip_table_of_cookie(const struct tally_sip_table *table, uint64_t cookie)
{
    uint32_t slot = (uint32_t)cookie;

    if (slot >= table->slot_count || table->slots[slot].wait == TALLY_SIP_WAIT_NOTHING ||
        table->slots[slot].generation != cookie >> 32) {
        return NOBODY;
    }
    return slot;
}

static void list_append(struct tally_sip_table *table, uint32_t slot)
{
    table->slots[slot].wait_next = NOBODY;
    table->slots[slot].wait_previous = table->wait_last;
    if (table->wait_last == NOBODY) {
        table->wait_first = slot;
    } else {
        table->slots[table->wait_last].wait_next = slot;
    }
    table->wait_last = slot;
}

static void list_remove(struct tally_sip_table *table, uint32_t slot)
{
    uint32_t next = table->slots[slot].wait_next;
    uint32_t previous = table->slots[slot].wait_previous;

    if (previous == NOBODY) {
        table->wait_first = next;
    } else {
        table->slots[previous].wait_next = next;
    }
    if (next == NOBODY) {
        table->wait_last = previous;
    } else {
        table->slots[next].wait_previous = previous;
    }
}

static uint32_t take_slot(struct tally_sip_table *table)
{
    uint32_t slot = table->free_head;

    if (slot != NOBODY) {
        table->free_head = table->slots[slot].bucket_next;
    } else if (table->never_used < table->slot_count) {
        slot = table->never_used++;
    }
    return slot;
}

static void give_slot(struct tally_sip_table *table, uint32_t slot)
{
    uint32_t generation = table->slots[slot].generation;

    memset(&table->slots[slot], 0, sizeof(table->slots[slot]));
    table->slots[slot].generation = generation + 1;
    table->slots[slot].bucket_next = table->free_head;
    table->free_head = slot;
}

uint32_t tally_sip_table_add(struct tally_sip_table *table, uint64_t key,
                             struct tally_sip_text echo, struct tally_sip_text uri)
{
    char bytes[TALLY_SIP_RESPONSE_BYTES_MAX];
    uint32_t *bucket = &table->buckets[key & table->bucket_mask];
    uint32_t slot, texts;

    if (echo.size > sizeof(bytes) || uri.size > sizeof(bytes) - echo.size) {
        return NOBODY;
    }
    slot = take_slot(table);
    if (slot == NOBODY) {
        return NOBODY;
    }
    memcpy(bytes, echo.at, echo.size);
    memcpy(bytes + echo.size, uri.at, uri.size);
    if (!tally_sip_pool_put(&table->pool, bytes, echo.size + uri.size, &texts)) {
        give_slot(table, slot);
        return NOBODY;
    }
    table->slots[slot] = (struct tally_sip_transaction){
        .key = key,
        .generation = table->slots[slot].generation,
        .bucket_next = *bucket,
        .texts = texts,
        .echo_bytes = (uint32_t)echo.size,
        .uri_bytes = (uint32_t)uri.size,
        .wait = TALLY_SIP_WAIT_ACK,
    };
    *bucket = slot;
    list_append(table, slot);
    table->used_count++;
    return slot;
}

void tally_sip_table_answered(struct tally_sip_table *table, uint32_t slot)
{
    TALLY_ASSERT(table->slots[slot].wait == TALLY_SIP_WAIT_ACK ||
                 table->slots[slot].wait == TALLY_SIP_WAIT_VERDICT);
    list_remove(table, slot);
    table->slots[slot].wait = TALLY_SIP_WAIT_ANSWERED;
}

void tally_sip_table_drop(struct tally_sip_table *table, uint32_t slot)
{
    struct tally_sip_transaction *transaction = &table->slots[slot];
    uint32_t *link = &table->buckets[transaction->key & table->bucket_mask];

    TALLY_ASSERT(transaction->wait == TALLY_SIP_WAIT_ANSWERED);
    while (*link != slot) {
        link = &table->slots[*link].bucket_next;
    }
    *link = transaction->bucket_next;
    tally_wheel_cancel(&table->wheel, slot);
    tally_sip_pool_drop(&table->pool, &transaction->texts);
    give_slot(table, slot);
    table->used_count--;
}

void tally_sip_table_texts(const struct tally_sip_table *table, uint32_t slot, char *bytes,
                           struct tally_sip_text *echo, struct tally_sip_text *uri)
{
    const struct tally_sip_transaction *transaction = &table->slots[slot];

    tally_sip_pool_get(&table->pool, transaction->texts, bytes,
                       (size_t)transaction->echo_bytes + transaction->uri_bytes);
    *echo = (struct tally_sip_text){bytes, transaction->echo_bytes};
    *uri = (struct tally_sip_text){bytes + transaction->echo_bytes, transaction->uri_bytes};
}
