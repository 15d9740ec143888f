/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefix_sort.c - a bottom-up merge sort: its time does not depend on what strangers publish.
 */
#include "cdb/core/prefix_sort.h"

#include "tally/e164.h"

#include <stdbool.h>
#include <string.h>

struct tally_prefix_key tally_prefix_key_of(uint64_t prefix, uint32_t holder, uint32_t at)
{
    return (struct tally_prefix_key){
        .key = tally_e164_align(prefix) << 4 | tally_e164_digit_count(prefix),
        .holder = holder,
        .at = at,
    };
}

static bool is_in_order(const struct tally_prefix_key *first, const struct tally_prefix_key *second)
{
    return first->key < second->key ||
           (first->key == second->key && first->holder <= second->holder);
}

static void merge(const struct tally_prefix_key *from, struct tally_prefix_key *to, size_t low,
                  size_t middle, size_t high)
{
    size_t left = low;
    size_t right = middle;

    for (size_t i = low; i < high; i++) {
        bool is_left = left < middle && (right >= high || is_in_order(&from[left], &from[right]));

        to[i] = is_left ? from[left++] : from[right++];
    }
}

void tally_prefix_sort(struct tally_prefix_key *keys, struct tally_prefix_key *scratch,
                       size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            size_t middle = low + width < count ? low + width : count;
            size_t high = low + 2 * width < count ? low + 2 * width : count;

            merge(keys, scratch, low, middle, high);
        }
        memcpy(keys, scratch, count * sizeof(*keys));
    }
}
