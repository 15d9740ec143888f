/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zap.h - who may connect: the ZeroMQ Authentication Protocol (ZeroMQ RFC 27) by address list.
 * Private to registry/transport.
 *
 * The handler has to be bound before the socket that it guards: without a handler libzmq lets
 * everybody in.
 *
 * Touches: libzmq. Threads: one owner. Memory: the list, replaced by tally_zap_allow.
 */
#pragma once

#include "base/hash.h"
#include "tally/err.h"
#include "transport/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_zap_entry {
    struct tally_address address;
    uint64_t source;        /* tally_address_source of it */
    uint64_t dropped_count; /* multi-part messages from it */
};

struct tally_zap {
    void *socket; /* owned */
    bool is_ready;
    struct tally_hash_key hash_key;
    struct tally_zap_entry *entries; /* owned, sorted by address */
    size_t entry_count;
    uint64_t accepted_count, refused_count;
};

enum tally_zap_result {
    TALLY_ZAP_NOTHING,
    TALLY_ZAP_ACCEPTED,
    TALLY_ZAP_REFUSED,
};

/* Binds the handler, with an empty list: nobody may connect. */
TALLY_NODISCARD enum tally_err tally_zap_open(struct tally_zap *zap, void *context,
                                              const struct tally_hash_key *hash_key,
                                              struct tally_fault *fault);
void tally_zap_close(struct tally_zap *zap); /* also one that is all zeros */

/*
 * Replaces the list. Counts of addresses that stay are kept.
 *
 * TALLY_ERR_SYSTEM   no memory; the old list stays in force.
 */
TALLY_NODISCARD enum tally_err tally_zap_allow(struct tally_zap *zap,
                                               const struct tally_address *addresses,
                                               size_t address_count, struct tally_fault *fault);

/* NULL when the address is not on the list. Borrowed until the next tally_zap_allow. */
struct tally_zap_entry *tally_zap_find(const struct tally_zap *zap,
                                       const struct tally_address *address);

/*
 * Answers one waiting request.
 *
 * address    who asked; written for ACCEPTED and REFUSED.
 */
enum tally_zap_result tally_zap_next(struct tally_zap *zap, char address[TALLY_ADDRESS_TEXT_BYTES]);
