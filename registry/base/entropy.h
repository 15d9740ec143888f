/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entropy.h - where random bytes come from, as a parameter.
 *
 * The daemon fills them from the operating system, tests and the simulator from a seed.
 *
 * Threads: as the function given. Memory: none.
 */
#pragma once

#include <stddef.h>

struct tally_entropy {
    void (*fill)(void *context, void *bytes, size_t count); /* never fails */
    void *context;                                          /* borrowed */
};

static inline void tally_entropy_fill(const struct tally_entropy *entropy, void *bytes,
                                      size_t count)
{
    entropy->fill(entropy->context, bytes, count);
}
