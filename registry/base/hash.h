/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - SipHash-2-4 (Aumasson, Bernstein 2012), 64 bits out.
 *
 * For hash tables whose keys strangers choose (with a secret key) and for short fingerprints that
 * two honest parties compare (with the zero key). No protection of any secret rests on it.
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tally_hash_key {
    uint64_t k0, k1;
};

uint64_t tally_hash(const struct tally_hash_key *key, const void *bytes, size_t count);

/* The same as tally_hash over the 8 (16) bytes of the little-endian integers, without the copying.
 */
uint64_t tally_hash_u64(const struct tally_hash_key *key, uint64_t value);
uint64_t tally_hash_u64_pair(const struct tally_hash_key *key, uint64_t first, uint64_t second);
