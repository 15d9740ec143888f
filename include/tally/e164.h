/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e164.h - international telephone numbers (ITU-T E.164) as one integer.
 *
 * A number is its digits read as a decimal integer in a uint64_t: country code first, no plus sign,
 * at most 15 digits, and since no country code begins with 0 the integer keeps every digit. 0 is
 * "absent". Equality of numbers is equality of integers. For range look-ups a number or prefix is
 * left-aligned to 15 digits, so that a prefix is one interval whatever its length.
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_E164_DIGITS_MAX = 15, /* ITU-T E.164, 6.2.1 */
    TALLY_E164_DIGITS_MIN = 7,  /* shortest number held plausible; below it is a short code */
    TALLY_E164_TEXT_BYTES = 17, /* '+', 15 digits, NUL */
};

/*
 * Reads digits[0..count) as a number. Only '0'..'9' are accepted; the first may not be '0'.
 *
 * number    written in every case; 0 when refused.
 * Returns false on anything but 1 to 15 digits.
 */
bool tally_e164_parse(const char *digits, size_t count, uint64_t *number);

/* Writes "+digits" and NUL; "-" for 0 or a value over 15 digits. Returns the length without NUL. */
size_t tally_e164_format(uint64_t number, char text[TALLY_E164_TEXT_BYTES]);

/*
 * As above with all but the first two digits as '*': what logs and default output show. It keeps
 * the number's length.
 */
size_t tally_e164_format_masked(uint64_t number, char text[TALLY_E164_TEXT_BYTES]);

/* How many decimal digits; 0 for 0. */
unsigned tally_e164_digit_count(uint64_t number);

/*
 * The number shifted left to 15 digits: 4420 becomes 442000000000000. A value over 15 digits gives
 * 0. The interval of a prefix is [align(prefix), align_last(prefix)].
 */
uint64_t tally_e164_align(uint64_t number);
uint64_t tally_e164_align_last(uint64_t number);

/*
 * Could this be a number of any plan: 7 to 15 digits and an assigned country code (ITU-T E.164
 * list of assigned codes)? A plausible number need not be in use.
 */
bool tally_e164_is_plausible(uint64_t number);

/* How many digits the country code at the head of the number has, 1 to 3; 0 if it is unassigned. */
unsigned tally_e164_country_digit_count(uint64_t number);
