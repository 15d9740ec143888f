/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transaction.h - the table of INVITE transactions. Private to adapters/sip; the face is server.h.
 *
 * Found by key, by the cookie that went to the registry, and by timer. The waiting ones are in a
 * list of their own, oldest first.
 *
 * Pure. Threads: one owner. Memory: allocated at open, then fixed.
 */
#pragma once

#include "adapters/sip/pool.h"
#include "adapters/sip/respond.h"
#include "base/wheel.h"
#include "tally/err.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stdint.h>

#define TALLY_SIP_TRANSACTION_NOBODY UINT32_MAX

enum tally_sip_wait {
    TALLY_SIP_WAIT_NOTHING, /* the slot is free */
    TALLY_SIP_WAIT_ACK,     /* of the registry, for the event */
    TALLY_SIP_WAIT_VERDICT,
    TALLY_SIP_WAIT_ANSWERED, /* the final answer is given; kept for retransmissions */
};

struct tally_sip_transaction {
    uint64_t key;
    uint32_t generation; /* counts the slot's users: an old cookie finds nobody */
    uint32_t bucket_next;
    uint32_t wait_next, wait_previous;
    uint32_t texts; /* in the pool: the echo, then the request-URI */
    uint32_t echo_bytes, uri_bytes;
    enum tally_sip_wait wait;
    uint16_t listener;
    bool is_acked_by_switch;
    bool has_trying; /* 100 was sent, so the switch has stopped to retransmit */
    uint8_t resend_count;
    struct tally_sip_address to;
    struct tally_mono received_at, answered_at;
    struct tally_mono deadline; /* WAIT_...: when the call is let go */
    struct tally_mono due;      /* of the timer */
    struct tally_wall received_wall;
    uint64_t displayed;
    struct tally_sip_answer answer; /* ANSWERED */
};

struct tally_sip_table {
    struct tally_sip_transaction *slots;
    struct tally_wheel_node *nodes;
    uint32_t *buckets;
    uint32_t bucket_mask;
    uint32_t slot_count, used_count;
    uint32_t free_head, never_used;
    uint32_t wait_first, wait_last;
    struct tally_sip_chunk *chunks;
    struct tally_sip_pool pool;
    struct tally_wheel wheel;
};

TALLY_NODISCARD enum tally_err tally_sip_table_open(struct tally_sip_table *table,
                                                    struct tally_now now, uint32_t slot_count,
                                                    uint32_t chunk_count,
                                                    struct tally_fault *fault);
void tally_sip_table_close(struct tally_sip_table *table);

/* TALLY_SIP_TRANSACTION_NOBODY when there is none. */
uint32_t tally_sip_table_find(const struct tally_sip_table *table, uint64_t key);
uint32_t tally_sip_table_of_cookie(const struct tally_sip_table *table, uint64_t cookie);
uint64_t tally_sip_table_cookie(const struct tally_sip_table *table, uint32_t slot);

/*
 * A new transaction, waiting for the registry's ACK, last in the list of the waiting. The texts are
 * kept. TALLY_SIP_TRANSACTION_NOBODY when slots or chunks are used up.
 */
uint32_t tally_sip_table_add(struct tally_sip_table *table, uint64_t key,
                             struct tally_sip_text echo, struct tally_sip_text uri);
void tally_sip_table_drop(struct tally_sip_table *table, uint32_t slot);

/* It has its answer: out of the list of the waiting. */
void tally_sip_table_answered(struct tally_sip_table *table, uint32_t slot);

/* Copies the texts out; both point into bytes, which holds TALLY_SIP_RESPONSE_BYTES_MAX. */
void tally_sip_table_texts(const struct tally_sip_table *table, uint32_t slot, char *bytes,
                           struct tally_sip_text *echo, struct tally_sip_text *uri);
