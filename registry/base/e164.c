/* SPDX-License-Identifier: Apache-2.0 */
#include "tally/e164.h"

/*
 * Assigned country codes, by their first two digits: TWO where these are the code, else one bit for
 * each third digit. Source: List of ITU-T Recommendation E.164 assigned country codes, and what the
 * Operational Bulletin changed since. Codes in use under a reservation (886, 970) and shared codes
 * and global services (388, 800, 808, 870, 878, 881 to 883, 888, 979, 991) count as assigned:
 * the question is whether a number could be real. 1 and 7 stand in the code below.
 */
#define D(third_digit) (1 << (third_digit))
enum {
    ALL = D(10) - 1,
    TWO = D(10),
};

static const uint16_t assigned[100] = {
    /* zone 2 */
    [20] = TWO,
    [21] = D(1) | D(2) | D(3) | D(6) | D(8),
    [22] = ALL,
    [23] = ALL,
    [24] = ALL,
    [25] = ALL & ~D(9),
    [26] = ALL,
    [27] = TWO,
    [29] = D(0) | D(1) | D(7) | D(8) | D(9),
    /* zones 3 and 4 */
    [30] = TWO,
    [31] = TWO,
    [32] = TWO,
    [33] = TWO,
    [34] = TWO,
    [35] = ALL,
    [36] = TWO,
    [37] = ALL,
    [38] = D(0) | D(1) | D(2) | D(3) | D(5) | D(6) | D(7) | D(8) | D(9),
    [39] = TWO,
    [40] = TWO,
    [41] = TWO,
    [42] = D(0) | D(1) | D(3),
    [43] = TWO,
    [44] = TWO,
    [45] = TWO,
    [46] = TWO,
    [47] = TWO,
    [48] = TWO,
    [49] = TWO,
    /* zone 5 */
    [50] = ALL,
    [51] = TWO,
    [52] = TWO,
    [53] = TWO,
    [54] = TWO,
    [55] = TWO,
    [56] = TWO,
    [57] = TWO,
    [58] = TWO,
    [59] = ALL,
    /* zone 6 */
    [60] = TWO,
    [61] = TWO,
    [62] = TWO,
    [63] = TWO,
    [64] = TWO,
    [65] = TWO,
    [66] = TWO,
    [67] = ALL & ~D(1),
    [68] = ALL & ~D(4),
    [69] = D(0) | D(1) | D(2),
    /* zone 8 */
    [80] = D(0) | D(8),
    [81] = TWO,
    [82] = TWO,
    [84] = TWO,
    [85] = D(0) | D(2) | D(3) | D(5) | D(6),
    [86] = TWO,
    [87] = D(0) | D(8),
    [88] = D(0) | D(1) | D(2) | D(3) | D(6) | D(8),
    /* zone 9 */
    [90] = TWO,
    [91] = TWO,
    [92] = TWO,
    [93] = TWO,
    [94] = TWO,
    [95] = TWO,
    [96] = ALL & ~D(9),
    [97] = ALL & ~D(8),
    [98] = TWO,
    [99] = D(1) | D(2) | D(3) | D(4) | D(5) | D(6) | D(8),
};

static const uint64_t powers_of_ten[TALLY_E164_DIGITS_MAX] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
};

bool tally_e164_parse(const char *digits, size_t count, uint64_t *number)
{
    uint64_t value = 0;

    *number = 0;
    if (count == 0 || count > TALLY_E164_DIGITS_MAX || digits[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(digits[i] - '0');
    }
    *number = value;
    return true;
}

unsigned tally_e164_digit_count(uint64_t number)
{
    unsigned count = 0;

    for (; number >= powers_of_ten[8]; number /= powers_of_ten[8]) {
        count += 8;
    }
    for (; number > 0; number /= 10) {
        count++;
    }
    return count;
}

/* The first shown_count digits as they are, the rest as '*'. */
static size_t format(uint64_t number, unsigned shown_count, char text[TALLY_E164_TEXT_BYTES])
{
    unsigned digit_count = tally_e164_digit_count(number);

    if (digit_count == 0 || digit_count > TALLY_E164_DIGITS_MAX) {
        text[0] = '-';
        text[1] = '\0';
        return 1;
    }
    text[0] = '+';
    for (unsigned i = digit_count; i > 0; i--, number /= 10) {
        text[i] = i <= shown_count ? (char)('0' + number % 10) : '*';
    }
    text[digit_count + 1] = '\0';
    return digit_count + 1;
}

size_t tally_e164_format(uint64_t number, char text[TALLY_E164_TEXT_BYTES])
{
    return format(number, TALLY_E164_DIGITS_MAX, text);
}

size_t tally_e164_format_masked(uint64_t number, char text[TALLY_E164_TEXT_BYTES])
{
    return format(number, 2, text);
}

/* What one step of the number is worth once it is left-aligned; 0 over 15 digits and for 0. */
static uint64_t align_factor(uint64_t number)
{
    unsigned digit_count = tally_e164_digit_count(number);

    if (digit_count == 0 || digit_count > TALLY_E164_DIGITS_MAX) {
        return 0;
    }
    return powers_of_ten[TALLY_E164_DIGITS_MAX - digit_count];
}

uint64_t tally_e164_align(uint64_t number)
{
    uint64_t factor = align_factor(number);

    return factor == 0 ? 0 : number * factor;
}

uint64_t tally_e164_align_last(uint64_t number)
{
    uint64_t factor = align_factor(number);

    return factor == 0 ? 0 : number * factor + (factor - 1);
}

unsigned tally_e164_country_digit_count(uint64_t number)
{
    unsigned digit_count = tally_e164_digit_count(number);
    unsigned three; /* the first three digits */
    unsigned code_digits;

    if (digit_count == 0 || digit_count > TALLY_E164_DIGITS_MAX) {
        return 0;
    }
    three = (unsigned)(tally_e164_align(number) / powers_of_ten[12]);
    if (three / 100 == 1 || three / 100 == 7) {
        code_digits = 1;
    } else if ((assigned[three / 10] & TWO) != 0) {
        code_digits = 2;
    } else if ((assigned[three / 10] & D(three % 10)) != 0) {
        code_digits = 3;
    } else {
        return 0;
    }
    return digit_count < code_digits ? 0 : code_digits;
}

bool tally_e164_is_plausible(uint64_t number)
{
    unsigned digit_count = tally_e164_digit_count(number);

    return digit_count >= TALLY_E164_DIGITS_MIN && digit_count <= TALLY_E164_DIGITS_MAX &&
           tally_e164_country_digit_count(number) > 0;
}
