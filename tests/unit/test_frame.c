/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a frame is split exactly when it is one, and each reason to drop it is found.
 * Method: good frames of each type, then one thing wrong at a time; sizes on both sides of each
 * bound, in buffers exactly as long, so that AddressSanitizer sees a read beyond.
 */
#include "testing.h"
#include "unit/catch_bug.h"
#include "unit/chance.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

enum { SMALLEST = TALLY_FRAME_HEADER_BYTES + TALLY_FRAME_TAG_BYTES };

/* A frame of `size` bytes (at least a header) in memory of its own. */
static uint8_t *frame_of(enum tally_frame_type type, uint32_t receiver_index, uint64_t counter,
                         size_t size)
{
    uint8_t *bytes = malloc(size);

    assert_non_null(bytes);
    memset(bytes, 0xb0, size);
    tally_frame_header_encode(bytes, type, receiver_index, counter);
    return bytes;
}

static enum tally_reject decode(const uint8_t *bytes, size_t size)
{
    struct tally_frame frame;
    struct tally_frame untouched;
    enum tally_reject reject;

    memset(&frame, 0xaa, sizeof(frame));
    memset(&untouched, 0xaa, sizeof(untouched));
    reject = tally_frame_decode(bytes, size, &frame);
    if (reject != TALLY_REJECT_NONE) {
        assert_memory_equal(&frame, &untouched, sizeof(frame));
    }
    return reject;
}

static void test_the_layout_is_that_of_the_protocol(void **state)
{
    static const uint8_t want[TALLY_FRAME_HEADER_BYTES] = {
        1, 3, 0, 0, 0x44, 0x33, 0x22, 0x11, 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
    };
    uint8_t header[TALLY_FRAME_HEADER_BYTES];

    (void)state;
    tally_frame_header_encode(header, TALLY_FRAME_TRANSPORT, 0x11223344,
                              UINT64_C(0x0102030405060708));
    assert_memory_equal(header, want, sizeof(want));
}

static void test_round_trips(void **state)
{
    struct test_chance chance = {7};

    (void)state;
    for (int i = 0; i < 2000; i++) {
        enum tally_frame_type type =
            (enum tally_frame_type)(1 + test_chance_below(&chance, TALLY_FRAME_TYPE_COUNT - 1));
        uint32_t index = type == TALLY_FRAME_INIT ? 0 : (uint32_t)test_chance_u64(&chance);
        uint64_t counter = type == TALLY_FRAME_TRANSPORT ? test_chance_u64(&chance) : 0;
        size_t size = SMALLEST + test_chance_below(&chance, 600);
        uint8_t *bytes = frame_of(type, index, counter, size);
        struct tally_frame frame;

        assert_int_equal(tally_frame_decode(bytes, size, &frame), TALLY_REJECT_NONE);
        assert_int_equal(frame.type, type);
        assert_int_equal(frame.receiver_index, index);
        assert_true(frame.counter == counter);
        assert_ptr_equal(frame.body, bytes + TALLY_FRAME_HEADER_BYTES);
        assert_int_equal(frame.body_bytes, size - TALLY_FRAME_HEADER_BYTES);
        free(bytes);
    }
}

static void test_short_and_long(void **state)
{
    (void)state;
    for (size_t size = TALLY_FRAME_HEADER_BYTES; size <= SMALLEST; size++) {
        uint8_t *bytes = frame_of(TALLY_FRAME_TRANSPORT, 1, 1, size);

        assert_int_equal(decode(bytes, size),
                         size < SMALLEST ? TALLY_REJECT_SHORT : TALLY_REJECT_NONE);
        free(bytes);
    }
    for (size_t size = TALLY_FRAME_BYTES_MAX; size <= TALLY_FRAME_BYTES_MAX + 1; size++) {
        uint8_t *bytes = frame_of(TALLY_FRAME_TRANSPORT, 1, 1, size);

        assert_int_equal(decode(bytes, size),
                         size > TALLY_FRAME_BYTES_MAX ? TALLY_REJECT_LONG : TALLY_REJECT_NONE);
        free(bytes);
    }
    for (size_t size = 0; size < TALLY_FRAME_HEADER_BYTES; size++) {
        uint8_t *bytes = frame_of(TALLY_FRAME_TRANSPORT, 1, 1, TALLY_FRAME_HEADER_BYTES);
        uint8_t *cut = malloc(size + 1);

        assert_non_null(cut);
        memcpy(cut, bytes, size);
        assert_int_equal(decode(cut, size), TALLY_REJECT_SHORT);
        free(cut);
        free(bytes);
    }
}

/* One header field changed in a good frame. */
static const struct {
    enum tally_frame_type type;
    size_t at;
    uint8_t value;
    enum tally_reject want;
} changes[] = {
    {TALLY_FRAME_TRANSPORT, 0, 0, TALLY_REJECT_VERSION},
    {TALLY_FRAME_TRANSPORT, 0, TALLY_WIRE_MAJOR, TALLY_REJECT_NONE},
    {TALLY_FRAME_TRANSPORT, 0, TALLY_WIRE_MAJOR + 1, TALLY_REJECT_VERSION},
    {TALLY_FRAME_TRANSPORT, 0, 0xff, TALLY_REJECT_VERSION},
    {TALLY_FRAME_TRANSPORT, 1, TALLY_FRAME_NONE, TALLY_REJECT_TYPE},
    {TALLY_FRAME_TRANSPORT, 1, TALLY_FRAME_TYPE_COUNT, TALLY_REJECT_TYPE},
    {TALLY_FRAME_TRANSPORT, 1, 0xff, TALLY_REJECT_TYPE},
    {TALLY_FRAME_TRANSPORT, 2, 1, TALLY_REJECT_RESERVED},
    {TALLY_FRAME_TRANSPORT, 3, 0x80, TALLY_REJECT_RESERVED},
    {TALLY_FRAME_TRANSPORT, 4, 1, TALLY_REJECT_NONE},
    {TALLY_FRAME_TRANSPORT, 15, 0xff, TALLY_REJECT_NONE},
    {TALLY_FRAME_RESPONSE, 4, 1, TALLY_REJECT_NONE},
    {TALLY_FRAME_RESPONSE, 8, 1, TALLY_REJECT_VALUE},
    {TALLY_FRAME_RESPONSE, 15, 1, TALLY_REJECT_VALUE},
    {TALLY_FRAME_INIT, 4, 1, TALLY_REJECT_VALUE},
    {TALLY_FRAME_INIT, 7, 1, TALLY_REJECT_VALUE},
    {TALLY_FRAME_INIT, 8, 1, TALLY_REJECT_VALUE},
    {TALLY_FRAME_INIT, 15, 1, TALLY_REJECT_VALUE},
};

static void test_version_type_reserved_and_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        uint8_t *bytes = frame_of(changes[i].type, 0, 0, SMALLEST);

        assert_int_equal(decode(bytes, SMALLEST), TALLY_REJECT_NONE);
        bytes[changes[i].at] = changes[i].value;
        if (decode(bytes, SMALLEST) != changes[i].want) {
            fail_msg("row %zu: %s", i, tally_reject_name(decode(bytes, SMALLEST)));
        }
        free(bytes);
    }
}

static void test_headers_that_nobody_would_accept_are_a_bug(void **state)
{
    uint8_t header[TALLY_FRAME_HEADER_BYTES];

    (void)state;
    assert_is_bug((tally_frame_header_encode(header, TALLY_FRAME_NONE, 0, 0), 0));
    assert_is_bug((tally_frame_header_encode(header, TALLY_FRAME_TYPE_COUNT, 0, 0), 0));
    assert_is_bug((tally_frame_header_encode(header, TALLY_FRAME_INIT, 1, 0), 0));
    assert_is_bug((tally_frame_header_encode(header, TALLY_FRAME_INIT, 0, 1), 0));
    assert_is_bug((tally_frame_header_encode(header, TALLY_FRAME_RESPONSE, 1, 1), 0));
}

static void test_reject_names(void **state)
{
    (void)state;
#define CHECK_ROW(name, sentence)                                                                  \
    assert_string_equal(tally_reject_name(TALLY_REJECT_##name), #name);                            \
    assert_string_equal(tally_reject_sentence(TALLY_REJECT_##name), sentence);
    TALLY_REJECT_TABLE(CHECK_ROW)
#undef CHECK_ROW
    assert_string_equal(tally_reject_name(TALLY_REJECT_COUNT), "?");
    assert_string_equal(tally_reject_sentence((enum tally_reject)0x7fffffff), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_layout_is_that_of_the_protocol),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_short_and_long),
        cmocka_unit_test(test_version_type_reserved_and_value),
        cmocka_unit_test(test_headers_that_nobody_would_accept_are_a_bug),
        cmocka_unit_test(test_reject_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
