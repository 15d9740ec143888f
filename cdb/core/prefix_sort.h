/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefix_sort.h - putting prefixes in order.
 *
 * Of cdb/core's own use. Prefixes are sorted left-aligned, the shorter first, then by holder: so
 * every prefix stands before those that it contains.
 *
 * Pure. Threads: safe. Memory: the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tally_prefix_key {
    uint64_t key; /* aligned prefix, then its digit count in the lowest 4 bits */
    uint32_t holder;
    uint32_t at; /* what is sorted: an index of the caller's */
};

struct tally_prefix_key tally_prefix_key_of(uint64_t prefix, uint32_t holder, uint32_t at);

/* Sorts keys[0..count); scratch has room for as many. */
void tally_prefix_sort(struct tally_prefix_key *keys, struct tally_prefix_key *scratch,
                       size_t count);
