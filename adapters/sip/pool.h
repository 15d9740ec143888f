/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - texts of any length in chunks of one size.
 *
 * What a transaction must remember to answer again is mostly under 1 kB and at times many times
 * that; so it lies in a chain of chunks, and the whole has one bound.
 *
 * Pure. Threads: one owner. Memory: the caller's, fixed at init.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TALLY_SIP_CHUNK_BYTES = 252 };
#define TALLY_SIP_CHUNK_NONE UINT32_MAX

struct tally_sip_chunk {
    uint32_t next; /* TALLY_SIP_CHUNK_NONE: the last */
    char bytes[TALLY_SIP_CHUNK_BYTES];
};

struct tally_sip_pool {
    struct tally_sip_chunk *chunks; /* borrowed */
    uint32_t chunk_count;
    uint32_t free_head;  /* chunks given back */
    uint32_t never_used; /* chunks from here on were never touched */
    uint32_t used_count;
};

void tally_sip_pool_init(struct tally_sip_pool *pool, struct tally_sip_chunk *chunks,
                         uint32_t chunk_count);

/* Keeps a text. head is TALLY_SIP_CHUNK_NONE, and false returned, when there is no room. */
bool tally_sip_pool_put(struct tally_sip_pool *pool, const char *text, size_t size, uint32_t *head);

/* Copies size bytes of the chain out; size is what was put. */
void tally_sip_pool_get(const struct tally_sip_pool *pool, uint32_t head, char *text, size_t size);

/* Gives the chain back and sets *head to TALLY_SIP_CHUNK_NONE. */
void tally_sip_pool_drop(struct tally_sip_pool *pool, uint32_t *head);
