/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calendar.h - instants as text: "2026-11-21T19:40:02Z", whole seconds of UTC, years 1970 to 2199.
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>

enum { TALLY_CALENDAR_TEXT_BYTES = 21 };         /* 20 characters and NUL */
#define TALLY_CALENDAR_END_S INT64_C(7258118400) /* 2200-01-01T00:00:00Z */

/*
 * Reads text[0..count). Refused: anything but 20 characters of that shape, and days that the
 * calendar does not have.
 *
 * instant    written in every case; 0 when refused.
 */
bool tally_calendar_parse(const char *text, size_t count, struct tally_wall *instant);

/* Parts of a second are cut off. "-" for 0 and for what lies outside the years above. */
void tally_calendar_format(struct tally_wall instant, char text[TALLY_CALENDAR_TEXT_BYTES]);
