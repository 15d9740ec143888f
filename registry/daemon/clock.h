/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the one place where tallyd reads its clocks.
 *
 * Threads: safe. Memory: none.
 */
#pragma once

#include "tally/time.h"

enum { TALLY_CLOCK_TEXT_BYTES = 25 }; /* "2026-11-21T19:40:02.118Z" and NUL */

struct tally_now tally_clock_read(void);

/* Milliseconds to sleep until due, rounded up; 0 when it is due, at most max_ms. */
int tally_clock_wait_ms(struct tally_mono now, struct tally_mono due, int max_ms);

/* UTC, milliseconds. */
void tally_clock_format(struct tally_wall wall, char text[TALLY_CLOCK_TEXT_BYTES]);
