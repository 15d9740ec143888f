/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/pool.h"

#include "base/assert.h"

#include <string.h>

void tally_sip_pool_init(struct tally_sip_pool *pool, struct tally_sip_chunk *chunks,
                         uint32_t chunk_count)
{
    *pool = (struct tally_sip_pool){
        .chunks = chunks,
        .chunk_count = chunk_count,
        .free_head = TALLY_SIP_CHUNK_NONE,
    };
}

static uint32_t take(struct tally_sip_pool *pool)
{
    uint32_t index = pool->free_head;

    if (index != TALLY_SIP_CHUNK_NONE) {
        pool->free_head = pool->chunks[index].next;
    } else {
        index = pool->never_used++;
    }
    pool->used_count++;
    return index;
}

bool tally_sip_pool_put(struct tally_sip_pool *pool, const char *text, size_t size, uint32_t *head)
{
    size_t wanted = (size + TALLY_SIP_CHUNK_BYTES - 1) / TALLY_SIP_CHUNK_BYTES;
    uint32_t *link = head;

    *head = TALLY_SIP_CHUNK_NONE;
    if (wanted > pool->chunk_count - pool->used_count) {
        return false;
    }
    while (size > 0) {
        size_t part = size < TALLY_SIP_CHUNK_BYTES ? size : TALLY_SIP_CHUNK_BYTES;
        uint32_t index = take(pool);

        memcpy(pool->chunks[index].bytes, text, part);
        *link = index;
        link = &pool->chunks[index].next;
        *link = TALLY_SIP_CHUNK_NONE;
        text += part;
        size -= part;
    }
    return true;
}

void tally_sip_pool_get(const struct tally_sip_pool *pool, uint32_t head, char *text, size_t size)
{
    while (size > 0) {
        size_t part = size < TALLY_SIP_CHUNK_BYTES ? size : TALLY_SIP_CHUNK_BYTES;

        TALLY_ASSERT(head < pool->chunk_count);
        memcpy(text, pool->chunks[head].bytes, part);
        head = pool->chunks[head].next;
        text += part;
        size -= part;
    }
}

void tally_sip_pool_drop(struct tally_sip_pool *pool, uint32_t *head)
{
    while (*head != TALLY_SIP_CHUNK_NONE) {
        uint32_t index = *head;

        *head = pool->chunks[index].next;
        memset(pool->chunks[index].bytes, 0, sizeof(pool->chunks[index].bytes));
        pool->chunks[index].next = pool->free_head;
        pool->free_head = index;
        pool->used_count--;
    }
}
