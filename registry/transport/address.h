/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - network addresses of peers, in one form whatever way they are written.
 *
 * An address is 16 bytes: IPv6 as it is, IPv4 mapped into it (RFC 4291, 2.5.5.2), so that
 * "127.0.0.1" and "::ffff:127.0.0.1" are the same.
 *
 * Pure but for inet_pton. Threads: safe. Memory: none.
 */
#pragma once

#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TALLY_ADDRESS_BYTES = 16,
    TALLY_ADDRESS_TEXT_BYTES = 46,   /* INET6_ADDRSTRLEN */
    TALLY_ENDPOINT_TEXT_BYTES = 128, /* "tcp://host:port" and NUL */
};

struct tally_address {
    uint8_t bytes[TALLY_ADDRESS_BYTES];
};

/*
 * Reads "192.0.2.7" or "2001:db8::7"; a zone ("%eth0") is cut off.
 *
 * address    written in every case; zeros when refused.
 */
bool tally_address_parse(const char *text, struct tally_address *address);

/*
 * The host of "tcp://host:port" or "tcp://[host]:port" when it is an address. A host name is
 * refused: nothing here asks a name server.
 */
bool tally_address_of_endpoint(const char *endpoint, struct tally_address *address);

/* memcmp order, for sorting and searching. */
int tally_address_compare(const struct tally_address *left, const struct tally_address *right);

/*
 * A number that stands for where a frame came from, never 0: a whole IPv4 address, or the /64 of
 * an IPv6 address, since one host may use all of it.
 */
uint64_t tally_address_source(const struct tally_hash_key *key,
                              const struct tally_address *address);
