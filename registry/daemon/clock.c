/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/clock.h"

#include "base/assert.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t clock)
{
    struct timespec at;
    int rc = clock_gettime(clock, &at);

    TALLY_ASSERT(rc == 0);
    return (int64_t)at.tv_sec * TALLY_US_PER_S + at.tv_nsec / 1000;
}

struct tally_now tally_clock_read(void)
{
    return (struct tally_now){.mono = {read_us(CLOCK_MONOTONIC)},
                              .wall = {read_us(CLOCK_REALTIME)}};
}

int tally_clock_wait_ms(struct tally_mono now, struct tally_mono due, int max_ms)
{
    if (tally_mono_is_due(due, now)) {
        return 0;
    }
    if (due.us >= now.us + (int64_t)max_ms * TALLY_US_PER_MS) {
        return max_ms;
    }
    return (int)((due.us - now.us + TALLY_US_PER_MS - 1) / TALLY_US_PER_MS);
}

void tally_clock_format(struct tally_wall wall, char text[TALLY_CLOCK_TEXT_BYTES])
{
    int64_t us = wall.us < 0 ? 0 : wall.us > TALLY_WALL_MAX_US ? TALLY_WALL_MAX_US : wall.us;
    time_t seconds = (time_t)(us / TALLY_US_PER_S);
    unsigned ms = (unsigned)(us % TALLY_US_PER_S / TALLY_US_PER_MS);
    struct tm parts;
    size_t count = 0;

    if (gmtime_r(&seconds, &parts) != NULL) {
        count = strftime(text, TALLY_CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    }
    (void)snprintf(text + count, TALLY_CLOCK_TEXT_BYTES - count, ".%03uZ", ms);
}
