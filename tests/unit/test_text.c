/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: bytes survive the way to text and back, and no bytes have two texts.
 * Method: the vectors of RFC 4648 section 10, round trips over every length up to 100, and for the
 * decoders texts that differ from a good one in a single respect.
 */
#include "base/text.h"
#include "testing.h"
#include "unit/chance.h"

#include <string.h>

static const struct {
    const char *bytes;
    const char *base64;
    const char *hex;
} rfc4648[] = {
    {"", "", ""},
    {"f", "Zg==", "66"},
    {"fo", "Zm8=", "666f"},
    {"foo", "Zm9v", "666f6f"},
    {"foob", "Zm9vYg==", "666f6f62"},
    {"fooba", "Zm9vYmE=", "666f6f6261"},
    {"foobar", "Zm9vYmFy", "666f6f626172"},
};

static void test_vectors_of_rfc_4648(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rfc4648) / sizeof(rfc4648[0]); i++) {
        char text[TALLY_BASE64_BYTES(6) + TALLY_HEX_BYTES(6)];

        tally_base64_encode(rfc4648[i].bytes, strlen(rfc4648[i].bytes), text);
        assert_string_equal(text, rfc4648[i].base64);
        tally_hex_encode(rfc4648[i].bytes, strlen(rfc4648[i].bytes), text);
        assert_string_equal(text, rfc4648[i].hex);
    }
}

static void test_all_digits_of_base64(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[48];
    char text[TALLY_BASE64_BYTES(48)];
    size_t count;

    (void)state;
    assert_true(tally_base64_decode(digits, 64, bytes, sizeof(bytes), &count));
    assert_int_equal(count, 48);
    tally_base64_encode(bytes, count, text);
    assert_string_equal(text, digits);
}

enum { LENGTH_MAX = 100 };

static void test_round_trips(void **state)
{
    struct test_chance chance = {2};

    (void)state;
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        uint8_t bytes[LENGTH_MAX];
        uint8_t back[LENGTH_MAX];
        char text[TALLY_HEX_BYTES(LENGTH_MAX)];
        size_t count;

        for (size_t i = 0; i < length; i++) {
            bytes[i] = (uint8_t)test_chance_u64(&chance);
        }
        tally_base64_encode(bytes, length, text);
        assert_int_equal(strlen(text) + 1, TALLY_BASE64_BYTES(length));
        assert_true(tally_base64_decode(text, strlen(text), back, length, &count));
        assert_int_equal(count, length);
        assert_memory_equal(back, bytes, length);

        tally_hex_encode(bytes, length, text);
        assert_int_equal(strlen(text) + 1, TALLY_HEX_BYTES(length));
        assert_true(tally_hex_decode(text, strlen(text), back, length, &count));
        assert_int_equal(count, length);
        assert_memory_equal(back, bytes, length);
    }
}

static void test_decoders_write_no_more_than_there_is_room_for(void **state)
{
    uint8_t bytes[8];
    size_t count = 99;

    (void)state;
    memset(bytes, 0xee, sizeof(bytes));
    assert_false(tally_base64_decode("Zm9vYmE=", 8, bytes, 4, &count));
    assert_int_equal(count, 0);
    count = 99;
    assert_false(tally_hex_decode("666f6f6261", 10, bytes, 4, &count));
    assert_int_equal(count, 0);
    for (size_t i = 4; i < sizeof(bytes); i++) {
        assert_int_equal(bytes[i], 0xee);
    }
    assert_true(tally_base64_decode("Zm9vYmE=", 8, bytes, 5, &count));
    assert_int_equal(count, 5);
    assert_true(tally_hex_decode("666f6f6261", 10, bytes, 5, &count));
    assert_int_equal(count, 5);
    assert_int_equal(bytes[5], 0xee);
}

static void test_base64_has_one_text_for_the_same_bytes(void **state)
{
    static const char *const refused[] = {
        "Zg=",                                                /* padding short */
        "Zg",                                                 /* and missing */
        "Z",                                                  /* no whole byte */
        "Zg===",                                              /* too much of it */
        "Zh==",                                               /* trailing bits, four of them */
        "Zm9=",                                               /* trailing bits, two */
        "Z===",                                               /* padding where a digit has to be */
        "====",     "=g==",   "Zg=v",                         /* a digit after padding */
        "Zg==Zm9v",                                           /* padding inside */
        "Zm8=Zm9v", "Zm9v\n", "Zm9 ", " m9v", "Zm9-", "Zm9_", /* the URL alphabet */
        "Zm9\x80",  "Zm9,",   "Zm9:", "Zm9@", "Zm9[", "Zm9`", "Zm9{",
    };
    uint8_t bytes[16];
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        count = 99;
        if (tally_base64_decode(refused[i], strlen(refused[i]), bytes, sizeof(bytes), &count)) {
            fail_msg("accepted: %s", refused[i]);
        }
        assert_int_equal(count, 0);
    }
    assert_false(tally_base64_decode("Zm\0v", 4, bytes, sizeof(bytes), &count));
}

static void test_hex_has_one_text_for_the_same_bytes(void **state)
{
    static const char *const refused[] = {"6",  "666", "6F", "g0", "0g",
                                          "/0", ":0",  "`0", " 6", "0x"};
    uint8_t bytes[16];
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        count = 99;
        if (tally_hex_decode(refused[i], strlen(refused[i]), bytes, sizeof(bytes), &count)) {
            fail_msg("accepted: %s", refused[i]);
        }
        assert_int_equal(count, 0);
    }
}

static void test_operator_ids(void **state)
{
    char longest[TALLY_OPERATOR_ID_BYTES + 1];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_false(tally_operator_id_is_valid("", 0));
    assert_true(tally_operator_id_is_valid("a", 1));
    assert_true(tally_operator_id_is_valid("op-it.07", 8));
    assert_true(tally_operator_id_is_valid("azAZ", 2));
    assert_false(tally_operator_id_is_valid("azAZ", 3));
    assert_true(tally_operator_id_is_valid(longest, 63));
    assert_false(tally_operator_id_is_valid(longest, 64));
    for (unsigned c = 0; c < 256; c++) {
        char text[2] = {'a', (char)c};
        bool is_allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';

        assert_int_equal(tally_operator_id_is_valid(text, 2), is_allowed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_rfc_4648),
        cmocka_unit_test(test_all_digits_of_base64),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_decoders_write_no_more_than_there_is_room_for),
        cmocka_unit_test(test_base64_has_one_text_for_the_same_bytes),
        cmocka_unit_test(test_hex_has_one_text_for_the_same_bytes),
        cmocka_unit_test(test_operator_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
