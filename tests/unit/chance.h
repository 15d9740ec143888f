/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chance.h - repeatable random numbers for tests: SplitMix64 (Steele, Lea, Flood 2014).
 */
#pragma once

#include <stdint.h>

struct test_chance {
    uint64_t state; /* the seed */
};

static inline uint64_t test_chance_u64(struct test_chance *chance)
{
    uint64_t mixed = chance->state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

/* 0 .. limit - 1; limit is not 0. */
static inline uint64_t test_chance_below(struct test_chance *chance, uint64_t limit)
{
    return test_chance_u64(chance) % limit;
}

/* Small values about as often as large ones: 0 .. 2^bits - 1. */
static inline uint64_t test_chance_scaled(struct test_chance *chance, unsigned bits)
{
    unsigned width = (unsigned)test_chance_below(chance, bits + 1);

    return width == 0 ? 0 : test_chance_u64(chance) >> (64 - width);
}
