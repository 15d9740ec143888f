/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - are these network addresses, in their one spelling?
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * An IPv4 address ("192.0.2.1", no leading zeros), or an IPv6 address in the form of RFC 5952
 * (lower case, no leading zeros, the longest run of two or more zero groups, the first of equals,
 * as
 * "::"; no embedded IPv4).
 */
bool tally_address_is_valid(const char *text, size_t count);

/*
 * "tcp://HOST:PORT" with HOST an IPv4 address, an IPv6 address in brackets, or a lower-case DNS
 * name; PORT 1 to 65535 without leading zeros. The name may not look like an IPv4 address and be
 * none.
 */
bool tally_endpoint_is_valid(const char *text, size_t count);
