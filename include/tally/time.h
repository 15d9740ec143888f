/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.h - two clocks that cannot be mixed up.
 *
 * Deadlines run on the monotonic clock, which means nothing to another host; instants of calls and
 * of statements are wall clock. Passing one for the other does not compile. Nothing in the pure
 * libraries reads a clock: `struct tally_now` is handed in.
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TALLY_US_PER_MS INT64_C(1000)
#define TALLY_US_PER_S INT64_C(1000000)
#define TALLY_MONO_NEVER_US INT64_MAX
/* No instant of a call or statement is later: 9999-12-31T23:59:59Z. Sums of two stay in range. */
#define TALLY_WALL_MAX_US INT64_C(253402300799000000)

/* Monotonic, microseconds since an unspecified start. */
struct tally_mono {
    int64_t us;
};

/* Wall clock, microseconds since 1970-01-01T00:00:00Z without leap seconds. 0: absent. */
struct tally_wall {
    int64_t us;
};

struct tally_now {
    struct tally_mono mono;
    struct tally_wall wall;
};

static inline struct tally_mono tally_mono_after(struct tally_mono from, int64_t wait_us)
{
    return (struct tally_mono){from.us + wait_us};
}

static inline int64_t tally_mono_since_us(struct tally_mono now, struct tally_mono then)
{
    return now.us - then.us;
}

static inline bool tally_mono_is_due(struct tally_mono due, struct tally_mono now)
{
    return due.us <= now.us;
}

static inline struct tally_wall tally_wall_after(struct tally_wall from, int64_t wait_us)
{
    return (struct tally_wall){from.us + wait_us};
}

static inline int64_t tally_wall_since_us(struct tally_wall now, struct tally_wall then)
{
    return now.us - then.us;
}
