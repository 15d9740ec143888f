/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: numbers keep their digits, prefixes become the intervals that they mean, and no number that
 * could be real is held implausible.
 * Method: tables with values on both sides of every bound, and random numbers against their text.
 * test_e164_plan.c compares the country codes with two published lists.
 */
#include "tally/e164.h"
#include "testing.h"
#include "unit/chance.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_MAX UINT64_C(999999999999999)

static void test_parse(void **state)
{
    static const struct {
        const char *digits;
        bool is_number;
        uint64_t number;
    } rows[] = {
        {"", false, 0},
        {"1", true, 1},
        {"9", true, 9},
        {"0", false, 0},
        {"0123456", false, 0},
        {"442079460000", true, UINT64_C(442079460000)},
        {"999999999999999", true, NUMBER_MAX},
        {"1000000000000000", false, 0}, /* 16 digits */
        {"99999999999999999999999", false, 0},
        {"+44207946", false, 0},
        {"44 207946", false, 0},
        {"44207946x", false, 0},
        {"4420794/6", false, 0}, /* the neighbours of '0' and '9' */
        {"4420794:6", false, 0},
        {"44207946\x80", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t number = 99;

        assert_int_equal(tally_e164_parse(rows[i].digits, strlen(rows[i].digits), &number),
                         rows[i].is_number);
        assert_true(number == rows[i].number);
    }
}

static void test_parse_stops_at_the_count(void **state)
{
    uint64_t number;

    (void)state;
    assert_true(tally_e164_parse("4420x", 4, &number));
    assert_true(number == 4420);
    assert_false(tally_e164_parse("44\0"
                                  "20",
                                  5, &number));
}

static void test_format(void **state)
{
    static const struct {
        uint64_t number;
        const char *text;
        const char *masked;
    } rows[] = {
        {0, "-", "-"},
        {1, "+1", "+1"},
        {44, "+44", "+44"},
        {442, "+442", "+44*"},
        {UINT64_C(442079460000), "+442079460000", "+44**********"},
        {NUMBER_MAX, "+999999999999999", "+99*************"},
        {NUMBER_MAX + 1, "-", "-"},
        {UINT64_MAX, "-", "-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[TALLY_E164_TEXT_BYTES];

        assert_int_equal(tally_e164_format(rows[i].number, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        assert_int_equal(tally_e164_format_masked(rows[i].number, text), strlen(rows[i].masked));
        assert_string_equal(text, rows[i].masked);
    }
}

static void test_round_trips(void **state)
{
    struct test_chance chance = {4};

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t number = test_chance_scaled(&chance, 49) + 1;
        char text[TALLY_E164_TEXT_BYTES];
        char want[TALLY_E164_TEXT_BYTES];
        uint64_t back;
        size_t length = tally_e164_format(number, text);

        (void)snprintf(want, sizeof(want), "+%llu", (unsigned long long)number);
        assert_string_equal(text, want);
        assert_int_equal(length, strlen(want));
        assert_int_equal(tally_e164_digit_count(number), length - 1);
        assert_true(tally_e164_parse(text + 1, length - 1, &back));
        assert_true(back == number);
    }
}

static void test_digit_count_around_the_powers_of_ten(void **state)
{
    uint64_t power = 10;

    (void)state;
    assert_int_equal(tally_e164_digit_count(0), 0);
    assert_int_equal(tally_e164_digit_count(1), 1);
    for (unsigned digits = 2; digits <= 20; digits++) {
        assert_int_equal(tally_e164_digit_count(power - 1), digits - 1);
        assert_int_equal(tally_e164_digit_count(power), digits);
        power *= 10;
    }
    assert_int_equal(tally_e164_digit_count(UINT64_MAX), 20);
}

static void test_a_prefix_is_one_interval(void **state)
{
    static const struct {
        uint64_t prefix, first, last;
    } rows[] = {
        {0, 0, 0},
        {1, UINT64_C(100000000000000), UINT64_C(199999999999999)},
        {4420, UINT64_C(442000000000000), UINT64_C(442099999999999)},
        {UINT64_C(12345678901234), UINT64_C(123456789012340), UINT64_C(123456789012349)},
        {UINT64_C(123456789012345), UINT64_C(123456789012345), UINT64_C(123456789012345)},
        {NUMBER_MAX, NUMBER_MAX, NUMBER_MAX},
        {NUMBER_MAX + 1, 0, 0},
        {UINT64_MAX, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(tally_e164_align(rows[i].prefix) == rows[i].first);
        assert_true(tally_e164_align_last(rows[i].prefix) == rows[i].last);
    }
}

static void test_intervals_contain_what_begins_with_the_prefix(void **state)
{
    struct test_chance chance = {5};

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t prefix = test_chance_scaled(&chance, 30) + 1;
        uint64_t number = test_chance_scaled(&chance, 49) + 1;
        char prefix_text[TALLY_E164_TEXT_BYTES];
        char number_text[TALLY_E164_TEXT_BYTES];
        size_t prefix_length = tally_e164_format(prefix, prefix_text);
        bool begins;
        bool is_within;

        if (test_chance_below(&chance, 2) == 0) { /* random ones seldom share more than a digit */
            number = prefix;
            for (uint64_t more = test_chance_below(&chance, 6);
                 more > 0 && number <= NUMBER_MAX / 10; more--) {
                number = number * 10 + test_chance_below(&chance, 10);
            }
        }
        (void)tally_e164_format(number, number_text);
        begins = strncmp(number_text, prefix_text, prefix_length) == 0;
        is_within = tally_e164_align(number) >= tally_e164_align(prefix) &&
                    tally_e164_align_last(number) <= tally_e164_align_last(prefix);
        /* "44" is as an interval the same as "440...0", which does not make it begin with "440". */
        if (begins || tally_e164_digit_count(number) >= tally_e164_digit_count(prefix)) {
            assert_int_equal(is_within, begins);
        }
    }
}

static void test_country_codes(void **state)
{
    static const struct {
        uint64_t number;
        unsigned digits;
    } rows[] = {
        {0, 0},
        {1, 1},
        {UINT64_C(12125550100), 1},
        {7, 1},
        {UINT64_C(79161234567), 1},
        {2, 0},
        {20, 2},
        {21, 0},
        {210, 0},
        {211, 3},
        {22, 0}, /* 220 is assigned, but this is not it */
        {220, 3},
        {259, 0},
        {28, 0},
        {280, 0},
        {383, 3}, /* Kosovo, since 2016 */
        {384, 0},
        {3, 0},
        {30, 2},
        {44, 2},
        {422, 0},
        {500, 3},
        {671, 0},
        {699, 0},
        {800, 3},
        {801, 0},
        {808, 3},
        {83, 0},
        {850, 3},
        {851, 0},
        {870, 3},
        {871, 0}, /* Inmarsat, withdrawn at the end of 2008 */
        {874, 0},
        {877, 0},
        {878, 3},
        {879, 0},
        {881, 3},
        {882, 3},
        {883, 3},
        {884, 0},
        {886, 3},
        {888, 3},
        {889, 0},
        {89, 0},
        {970, 3},
        {978, 0},
        {979, 3},
        {990, 0},
        {991, 3},
        {997, 0},
        {999, 0},
        {NUMBER_MAX, 0},
        {UINT64_C(449999999999999), 2},
        {UINT64_C(4499999999999999), 0}, /* 16 digits */
        {UINT64_MAX, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (tally_e164_country_digit_count(rows[i].number) != rows[i].digits) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_plausible_is_7_to_15_digits_under_an_assigned_code(void **state)
{
    static const uint64_t codes[] = {1,   7,   20,  39,  44,  49,  290, 683, 800, 808, 850,
                                     870, 878, 881, 882, 883, 886, 888, 970, 979, 998};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        uint64_t number = codes[i];

        for (unsigned digits = tally_e164_digit_count(number); digits <= 16; digits++) {
            assert_int_equal(tally_e164_is_plausible(number), digits >= 7 && digits <= 15);
            number = number * 10 + 3;
        }
    }
    assert_false(tally_e164_is_plausible(0));
    assert_false(tally_e164_is_plausible(UINT64_C(2101234567)));
    assert_false(tally_e164_is_plausible(UINT64_C(9991234567)));
    assert_false(tally_e164_is_plausible(UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_stops_at_the_count),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_digit_count_around_the_powers_of_ten),
        cmocka_unit_test(test_a_prefix_is_one_interval),
        cmocka_unit_test(test_intervals_contain_what_begins_with_the_prefix),
        cmocka_unit_test(test_country_codes),
        cmocka_unit_test(test_plausible_is_7_to_15_digits_under_an_assigned_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
