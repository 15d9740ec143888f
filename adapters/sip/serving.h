/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serving.h - what the parts of the server share. Private to adapters/sip; the face is server.h.
 *
 * receive.c takes datagrams, server.c what the registry says and what time brings, answer.c writes
 * into the effects for both.
 *
 * Threads: one owner. Memory: the server's.
 */
#pragma once

#include "adapters/sip/server.h"
#include "adapters/sip/transaction.h"

struct tally_sip_server {
    struct tally_sip_server_config config;
    enum tally_sip_registry registry;
    struct tally_sip_table table;
    struct tally_sip_counters counters;
    struct tally_sip_request request; /* the one being read */
    char texts[TALLY_SIP_RESPONSE_BYTES_MAX];
};

void tally_sip_clear(struct tally_sip_effects *effects);

/* Something may be missing from what the registry knows; of a terminating trunk nothing is. */
void tally_sip_add_gap(struct tally_sip_server *server, uint16_t listener, struct tally_wall from,
                       struct tally_wall to, struct tally_sip_effects *effects);

/* Answers the request at hand from itself alone, without a transaction. */
void tally_sip_answer_stateless(struct tally_sip_server *server, uint16_t listener,
                                const struct tally_sip_address *source, uint64_t to_tag,
                                enum tally_sip_answer_kind kind, struct tally_sip_effects *effects);

/* Sends a transaction's answer, made from what is kept: the same bytes each time. */
void tally_sip_send_kept(struct tally_sip_server *server, uint32_t slot,
                         const struct tally_sip_answer *answer, struct tally_sip_effects *effects);

/* Sets the transaction's timer to whatever comes first. */
void tally_sip_set_timer(struct tally_sip_server *server, uint32_t slot);

/* Gives the final answer; the transaction was waiting. */
void tally_sip_answer_finally(struct tally_sip_server *server, struct tally_now now, uint32_t slot,
                              const struct tally_sip_answer *answer,
                              struct tally_sip_effects *effects);
/* The answer "go on". */
void tally_sip_allow(struct tally_sip_server *server, struct tally_now now, uint32_t slot,
                     struct tally_sip_effects *effects);
