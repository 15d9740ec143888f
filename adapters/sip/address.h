/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - IP addresses and ports as plain data, and lists of networks.
 *
 * Touches: inet_ntop and inet_pton. Threads: safe. Memory: the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_SIP_IP_TEXT_BYTES = 46,      /* with NUL */
    TALLY_SIP_ADDRESS_TEXT_BYTES = 56, /* "[IPv6]:port" and NUL */
};

struct tally_sip_address {
    uint8_t ip_bytes; /* 4 or 16; 0: none */
    uint8_t ip[16];
    uint16_t port;
};

/* All addresses that agree with ip in their first prefix_bits bits. */
struct tally_sip_network {
    struct tally_sip_address base; /* port 0 */
    uint8_t prefix_bits;
};

/* Reads "192.0.2.1:5060" or "[2001:db8::1]:5060"; the port is 1 to 65535. */
bool tally_sip_address_parse(const char *text, struct tally_sip_address *address);

/* Reads "192.0.2.1", "192.0.2.0/24", "2001:db8::/32". No bit may be set behind the prefix. */
bool tally_sip_network_parse(const char *text, struct tally_sip_network *network);

bool tally_sip_network_has(const struct tally_sip_network *network,
                           const struct tally_sip_address *address);

/* Without port or brackets; "-" for none. */
void tally_sip_ip_format(const struct tally_sip_address *address,
                         char text[TALLY_SIP_IP_TEXT_BYTES]);
/* With both. */
void tally_sip_address_format(const struct tally_sip_address *address,
                              char text[TALLY_SIP_ADDRESS_TEXT_BYTES]);
