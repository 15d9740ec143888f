/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every record between an adapter and its registry survives the way, and every field outside
 * its range is refused for the right reason; the bounds themselves are accepted.
 * Method: as test_record.c: random valid records there and back, one field changed at the offsets
 * of docs/PROTOCOL.md, every size.
 */
#include "testing.h"
#include "unit/catch_bug.h"
#include "unit/samples.h"
#include "wire/feed.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX UINT64_C(999999999999999)
#define WALL_MAX ((uint64_t)TALLY_WALL_MAX_US)

static const struct tally_wall sealed = {1700000000000000};

static size_t batch_of(uint8_t bytes[512], const struct tally_feed_record *record)
{
    struct tally_writer writer = tally_writer_of(bytes, 512);

    tally_batch_start(&writer);
    assert_true(tally_feed_batch_add(&writer, record));
    return tally_feed_batch_end(&writer, sealed);
}

static enum tally_reject decode(const uint8_t *bytes, size_t size, struct tally_feed_record *record)
{
    uint8_t *exact = test_exact_copy(bytes, size);
    struct tally_batch_reader batch;
    struct tally_feed_record untouched;
    enum tally_reject reject;
    enum tally_reject end;

    memset(record, 0xaa, sizeof(*record));
    memset(&untouched, 0xaa, sizeof(untouched));
    assert_int_equal(tally_batch_open(exact, size, &batch), TALLY_REJECT_NONE);
    assert_true(tally_feed_batch_next(&batch, record, &reject));
    if (reject != TALLY_REJECT_NONE) {
        assert_memory_equal(record, &untouched, sizeof(untouched));
    }
    assert_false(tally_feed_batch_next(&batch, &untouched, &end));
    free(exact);
    return reject;
}

static void test_round_trips(void **state)
{
    struct test_chance chance = {10};

    (void)state;
    for (int i = 0; i < 20000; i++) {
        enum tally_feed_type type = test_feed_types[test_chance_below(&chance, TEST_FEED_TYPES)];
        struct tally_feed_record record;
        struct tally_feed_record decoded;
        uint8_t bytes[512];
        size_t size;

        test_random_feed_record(&chance, type, &record);
        size = batch_of(bytes, &record);
        if (decode(bytes, size, &decoded) != TALLY_REJECT_NONE) {
            fail_msg("type %d, round %d", (int)type, i);
        }
        assert_memory_equal(&decoded, &record, sizeof(record));
    }
}

struct change {
    enum tally_feed_type sample;
    size_t at;
    size_t bytes;
    uint64_t value;
    enum tally_reject want;
};

static void check_changes(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[512];
        struct tally_feed_record record;
        enum tally_reject reject;
        size_t size;

        test_feed_sample(changes[i].sample, &record);
        size = batch_of(bytes, &record);
        assert_int_equal(decode(bytes, size, &record), TALLY_REJECT_NONE);
        for (size_t k = 0; k < changes[i].bytes; k++) {
            bytes[TALLY_BATCH_HEADER_BYTES + changes[i].at + k] =
                (uint8_t)(changes[i].value >> (8 * k));
        }
        reject = decode(bytes, size, &record);
        if (reject != changes[i].want) {
            fail_msg("row %zu: %s, not %s", i, tally_reject_name(reject),
                     tally_reject_name(changes[i].want));
        }
    }
}

#define OK TALLY_REJECT_NONE
#define VALUE TALLY_REJECT_VALUE
#define NUMBER TALLY_REJECT_NUMBER
#define RESERVED TALLY_REJECT_RESERVED

/* The formatter takes the rows for blocks. */
/* clang-format off */
/* Rows for an instant in 1 .. TALLY_WALL_MAX_US. */
#define WALL_ROWS(sample, at)                                                                      \
    {sample, at, 8, 0, VALUE}, {sample, at, 8, 1, OK}, {sample, at, 8, WALL_MAX, OK},              \
    {sample, at, 8, WALL_MAX + 1, VALUE}, {sample, at, 8, UINT64_MAX, VALUE},                      \
    {sample, at, 8, UINT64_C(1) << 63, VALUE}

/* Rows for a number; zero_want: what 0 leads to. */
#define NUMBER_ROWS(sample, at, zero_want)                                                         \
    {sample, at, 8, 0, zero_want}, {sample, at, 8, 1, OK}, {sample, at, 8, NUMBER_MAX, OK},        \
    {sample, at, 8, NUMBER_MAX + 1, NUMBER}, {sample, at, 8, UINT64_MAX, NUMBER}

/* Rows for an id that is not 0. */
#define ID_ROWS(sample, at)                                                                        \
    {sample, at, 8, 0, VALUE}, {sample, at, 8, 1, OK}, {sample, at, 8, UINT64_MAX, OK}

/* Rows for a field that may be anything. */
#define ANY_ROWS(sample, at, bytes) {sample, at, bytes, 0, OK}, {sample, at, bytes, UINT64_MAX, OK}

/* Rows for one byte up to last. */
#define BYTE_ROWS(sample, at, last)                                                                \
    {sample, at, 1, last, OK}, {sample, at, 1, (last) + 1, VALUE}, {sample, at, 1, 255, VALUE}
/* clang-format on */

static void test_hello_fields(void **state)
{
    static const struct change changes[] = {
        {TALLY_FEED_HELLO, 4, 2, 0, TALLY_REJECT_VERSION},
        {TALLY_FEED_HELLO, 4, 2, TALLY_FEED_VERSION, OK},
        {TALLY_FEED_HELLO, 4, 2, TALLY_FEED_VERSION + 1, TALLY_REJECT_VERSION},
        {TALLY_FEED_HELLO, 4, 2, 0x0100 + TALLY_FEED_VERSION, TALLY_REJECT_VERSION},
        {TALLY_FEED_HELLO, 6, 1, 0, OK},
        BYTE_ROWS(TALLY_FEED_HELLO, 6, TALLY_FEED_CLASS_COUNT - 1),
        {TALLY_FEED_HELLO, 7, 1, 1, RESERVED},
        ID_ROWS(TALLY_FEED_HELLO, 8),
        ID_ROWS(TALLY_FEED_HELLO, 16),
        ANY_ROWS(TALLY_FEED_HELLO, 24, 4),
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_event_fields(void **state)
{
    static const struct change changes[] = {
        {TALLY_FEED_EVENT, 4, 1, TALLY_EVENT_NONE, VALUE},
        BYTE_ROWS(TALLY_FEED_EVENT, 4, TALLY_EVENT_KIND_COUNT - 1),
        {TALLY_FEED_EVENT, 5, 1, TALLY_SIDE_NONE, VALUE},
        {TALLY_FEED_EVENT, 5, 1, TALLY_SIDE_TERMINATING, OK},
        BYTE_ROWS(TALLY_FEED_EVENT, 5, TALLY_SIDE_COUNT - 1),
        {TALLY_FEED_EVENT, 6, 1, 0, OK},
        BYTE_ROWS(TALLY_FEED_EVENT, 6, TALLY_TRUNK_CLASS_COUNT - 1),
        {TALLY_FEED_EVENT, 7, 1, 1, RESERVED},
        ID_ROWS(TALLY_FEED_EVENT, 8),
        WALL_ROWS(TALLY_FEED_EVENT, 16),
        ID_ROWS(TALLY_FEED_EVENT, 24),
        ANY_ROWS(TALLY_FEED_EVENT, 32, 8),
        NUMBER_ROWS(TALLY_FEED_EVENT, 40, OK),
        NUMBER_ROWS(TALLY_FEED_EVENT, 48, OK),
        NUMBER_ROWS(TALLY_FEED_EVENT, 56, NUMBER), /* a SETUP */
        ANY_ROWS(TALLY_FEED_EVENT, 64, 2),
        ANY_ROWS(TALLY_FEED_EVENT, 66, 2),
        {TALLY_FEED_EVENT, 68, 4, 0, OK},
        {TALLY_FEED_EVENT, 68, 4, TALLY_EVENT_FLAGS_ALL, OK},
        {TALLY_FEED_EVENT, 68, 4, TALLY_EVENT_FLAGS_ALL + 1, VALUE},
        {TALLY_FEED_EVENT, 68, 4, UINT64_C(1) << 31, VALUE},
        NUMBER_ROWS(TALLY_FEED_EVENT, 72, OK),
        NUMBER_ROWS(TALLY_FEED_EVENT, 80, OK),
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_an_event_of_no_number_at_all(void **state)
{
    (void)state;
    for (enum tally_event_kind kind = TALLY_EVENT_SETUP; kind < TALLY_EVENT_KIND_COUNT; kind++) {
        uint8_t bytes[512];
        struct tally_feed_record record;
        size_t size;

        test_feed_sample(TALLY_FEED_EVENT, &record);
        record.event.event.kind = kind;
        size = batch_of(bytes, &record);
        memset(bytes + TALLY_BATCH_HEADER_BYTES + 40, 0, 16); /* no CLI is no fault */
        assert_int_equal(decode(bytes, size, &record), OK);
        memset(bytes + TALLY_BATCH_HEADER_BYTES + 56, 0, 8);
        assert_int_equal(decode(bytes, size, &record), kind == TALLY_EVENT_SETUP ? NUMBER : OK);
    }
}

static void test_open_leg_fields(void **state)
{
    static const struct change changes[] = {
        {TALLY_FEED_OPEN_LEG, 4, 1, TALLY_EVENT_NONE, VALUE},
        {TALLY_FEED_OPEN_LEG, 4, 1, TALLY_EVENT_RINGING, VALUE}, /* SETUP only */
        {TALLY_FEED_OPEN_LEG, 4, 1, 255, VALUE},
        {TALLY_FEED_OPEN_LEG, 5, 1, TALLY_SIDE_NONE, VALUE},
        {TALLY_FEED_OPEN_LEG, 5, 1, TALLY_SIDE_TERMINATING, VALUE},
        BYTE_ROWS(TALLY_FEED_OPEN_LEG, 5, TALLY_SIDE_BOTH),
        {TALLY_FEED_OPEN_LEG, 7, 1, 1, RESERVED},
        {TALLY_FEED_OPEN_LEG, 8, 8, 0, OK},
        {TALLY_FEED_OPEN_LEG, 8, 8, 1, VALUE}, /* not in the sequence */
        WALL_ROWS(TALLY_FEED_OPEN_LEG, 16),
        ID_ROWS(TALLY_FEED_OPEN_LEG, 24),
        NUMBER_ROWS(TALLY_FEED_OPEN_LEG, 40, OK),
        NUMBER_ROWS(TALLY_FEED_OPEN_LEG, 56, NUMBER),
        {TALLY_FEED_OPEN_LEG, 68, 4, TALLY_EVENT_FLAGS_ALL + 1, VALUE},
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_watermark_and_gap_fields(void **state)
{
    static const uint64_t from = UINT64_C(1700000000000000); /* of the sample */
    const struct change changes[] = {
        {TALLY_FEED_WATERMARK, 4, 1, 1, RESERVED},
        {TALLY_FEED_WATERMARK, 5, 1, 1, RESERVED},
        {TALLY_FEED_WATERMARK, 6, 1, 1, RESERVED},
        {TALLY_FEED_WATERMARK, 7, 1, 1, RESERVED},
        ANY_ROWS(TALLY_FEED_WATERMARK, 8, 8),
        WALL_ROWS(TALLY_FEED_WATERMARK, 16),
        ANY_ROWS(TALLY_FEED_WATERMARK, 24, 8),
        ANY_ROWS(TALLY_FEED_GAP, 4, 4),
        ID_ROWS(TALLY_FEED_GAP, 8),
        {TALLY_FEED_GAP, 16, 8, 0, VALUE},
        {TALLY_FEED_GAP, 16, 8, 1, OK},
        {TALLY_FEED_GAP, 16, 8, from + 1, OK}, /* as long as nothing */
        {TALLY_FEED_GAP, 16, 8, from + 2, VALUE},
        {TALLY_FEED_GAP, 24, 8, from, OK},
        {TALLY_FEED_GAP, 24, 8, from - 1, VALUE},
        {TALLY_FEED_GAP, 24, 8, WALL_MAX, OK},
        {TALLY_FEED_GAP, 24, 8, WALL_MAX + 1, VALUE},
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_fields_of_the_small_records(void **state)
{
    static const struct change changes[] = {
        ANY_ROWS(TALLY_FEED_OPEN_LEGS_END, 4, 4),
        WALL_ROWS(TALLY_FEED_OPEN_LEGS_END, 8),
        {TALLY_FEED_PING, 4, 1, 1, RESERVED},
        {TALLY_FEED_PING, 7, 1, 1, RESERVED},
        ID_ROWS(TALLY_FEED_PING, 8),
        ANY_ROWS(TALLY_FEED_ACK, 4, 4),
        ID_ROWS(TALLY_FEED_ACK, 8),
        {TALLY_FEED_FLUSH, 4, 1, 1, RESERVED},
        {TALLY_FEED_FLUSH, 7, 1, 1, RESERVED},
        ID_ROWS(TALLY_FEED_FLUSH, 8),
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_verdict_fields(void **state)
{
    static const struct change changes[] = {
        {TALLY_FEED_VERDICT, 4, 1, TALLY_VERDICT_CLI_SPOOFED, OK},
        {TALLY_FEED_VERDICT, 4, 1, TALLY_VERDICT_VALID, VALUE}, /* it has a grade */
        {TALLY_FEED_VERDICT, 4, 1, TALLY_VERDICT_COUNT, VALUE},
        {TALLY_FEED_VERDICT, 4, 1, 255, VALUE},
        {TALLY_FEED_VERDICT, 5, 1, TALLY_GRADE_NONE, OK},
        BYTE_ROWS(TALLY_FEED_VERDICT, 5, TALLY_GRADE_COUNT - 1),
        {TALLY_FEED_VERDICT, 6, 1, TALLY_ACTION_ALLOW, VALUE}, /* it has a cause */
        {TALLY_FEED_VERDICT, 6, 1, TALLY_ACTION_LABEL, VALUE},
        {TALLY_FEED_VERDICT, 6, 1, TALLY_ACTION_STRIP_CLI, VALUE},
        {TALLY_FEED_VERDICT, 6, 1, TALLY_ACTION_BLOCK, OK},
        BYTE_ROWS(TALLY_FEED_VERDICT, 6, TALLY_ACTION_RELEASE),
        {TALLY_FEED_VERDICT, 7, 1, 0, OK},
        BYTE_ROWS(TALLY_FEED_VERDICT, 7, 127),
        ID_ROWS(TALLY_FEED_VERDICT, 8),
        ID_ROWS(TALLY_FEED_VERDICT, 16),
        ID_ROWS(TALLY_FEED_VERDICT, 24),
        {TALLY_FEED_VERDICT, 32, 4, 0, OK},
        {TALLY_FEED_VERDICT, 32, 4, 0xff, OK},
        {TALLY_FEED_VERDICT, 32, 4, 0x100, VALUE},
        {TALLY_FEED_VERDICT, 32, 4, UINT64_C(1) << 31, VALUE},
        {TALLY_FEED_VERDICT, 4, 4, 0, OK}, /* no opinion, no grade, ALLOW, no cause */
        {TALLY_FEED_VERDICT, 4, 4, TALLY_VERDICT_EXEMPT, OK},
        {TALLY_FEED_VERDICT, 6, 2, TALLY_ACTION_RELEASE, OK}, /* and no cause */
        {TALLY_FEED_VERDICT, 6, 2, TALLY_ACTION_COUNT, VALUE},
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_sizes(void **state)
{
    static const size_t sizes[TEST_FEED_TYPES] = {28, 88, 32, 32, 88, 16, 16, 36, 16, 16};

    (void)state;
    for (size_t i = 0; i < TEST_FEED_TYPES; i++) {
        for (size_t size = 4; size <= TALLY_RECORD_BYTES_MAX + 4; size += 4) {
            uint8_t bytes[512] = {0};
            struct tally_feed_record record;
            enum tally_reject want = size < sizes[i]   ? TALLY_REJECT_SHORT
                                     : size > sizes[i] ? TALLY_REJECT_LONG
                                                       : TALLY_REJECT_NONE;

            test_feed_sample(test_feed_types[i], &record);
            assert_int_equal(batch_of(bytes, &record), TALLY_BATCH_HEADER_BYTES + sizes[i]);
            bytes[TALLY_BATCH_HEADER_BYTES + 2] = (uint8_t)size;
            bytes[TALLY_BATCH_HEADER_BYTES + 3] = (uint8_t)(size >> 8);
            if (decode(bytes, TALLY_BATCH_HEADER_BYTES + size, &record) != want) {
                fail_msg("type %d, %zu bytes", (int)test_feed_types[i], size);
            }
        }
    }
}

static bool is_known(unsigned type)
{
    for (size_t i = 0; i < TEST_FEED_TYPES; i++) {
        if ((unsigned)test_feed_types[i] == type) {
            return true;
        }
    }
    return false;
}

static void test_unknown_types_are_skipped(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        uint8_t bytes[512];
        struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));
        struct tally_feed_record record;
        struct tally_batch_reader batch;
        enum tally_reject reject;
        size_t size;

        tally_batch_start(&writer);
        test_feed_sample(TALLY_FEED_GAP, &record);
        assert_true(tally_feed_batch_add(&writer, &record));
        test_feed_sample(TALLY_FEED_ACK, &record);
        assert_true(tally_feed_batch_add(&writer, &record));
        size = tally_feed_batch_end(&writer, sealed);
        bytes[TALLY_BATCH_HEADER_BYTES] = (uint8_t)type;
        assert_int_equal(tally_batch_open(bytes, size, &batch), OK);
        assert_true(tally_feed_batch_next(&batch, &record, &reject));
        assert_int_equal(reject == TALLY_REJECT_TYPE, !is_known(type));
        assert_true(tally_feed_batch_next(&batch, &record, &reject));
        assert_int_equal(reject, OK);
        assert_int_equal(record.type, TALLY_FEED_ACK);
        assert_false(tally_feed_batch_next(&batch, &record, &reject));
    }
}

static void test_batches_are_not_padded_and_use_all_room(void **state)
{
    uint8_t bytes[16 + 3 * 88];
    struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));
    struct tally_feed_record record;

    (void)state;
    test_feed_sample(TALLY_FEED_EVENT, &record);
    tally_batch_start(&writer);
    assert_true(tally_feed_batch_add(&writer, &record));
    assert_true(tally_feed_batch_add(&writer, &record));
    assert_true(tally_feed_batch_add(&writer, &record));
    assert_false(tally_feed_batch_add(&writer, &record));
    assert_int_equal(tally_feed_batch_end(&writer, sealed), sizeof(bytes));

    writer = tally_writer_of(bytes, sizeof(bytes) - 1);
    tally_batch_start(&writer);
    assert_int_equal(tally_feed_batch_end(&writer, sealed), 0); /* nothing in it */
    assert_true(tally_feed_batch_add(&writer, &record));
    assert_true(tally_feed_batch_add(&writer, &record));
    assert_false(tally_feed_batch_add(&writer, &record));
    assert_int_equal(tally_feed_batch_end(&writer, sealed), 16 + 2 * 88);
}

static void test_records_that_nobody_would_accept_are_a_bug(void **state)
{
    uint8_t bytes[512];
    struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));
    struct tally_feed_record record;

    (void)state;
    tally_batch_start(&writer);
    test_feed_sample(TALLY_FEED_FLUSH, &record);
    record.type = TALLY_FEED_NONE;
    assert_is_bug(tally_feed_batch_add(&writer, &record));
    record.type = (enum tally_feed_type)200;
    assert_int_equal(tally_feed_record_check(&record), TALLY_REJECT_TYPE);
    assert_is_bug(tally_feed_batch_add(&writer, &record));
    test_feed_sample(TALLY_FEED_FLUSH, &record);
    record.flush.flush_id = 0;
    assert_int_equal(tally_feed_record_check(&record), TALLY_REJECT_VALUE);
    assert_is_bug(tally_feed_batch_add(&writer, &record));
    assert_int_equal(writer.at, TALLY_BATCH_HEADER_BYTES);
}

static void test_class_names(void **state)
{
    (void)state;
    assert_string_equal(tally_feed_class_name(TALLY_FEED_RECORD), "record");
    assert_string_equal(tally_feed_class_name(TALLY_FEED_BEST_EFFORT), "best-effort");
    assert_string_equal(tally_feed_class_name(TALLY_FEED_ORDERED), "ordered");
    assert_string_equal(tally_feed_class_name(TALLY_FEED_CAUSAL), "causal");
    assert_string_equal(tally_feed_class_name(TALLY_FEED_CLASS_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_hello_fields),
        cmocka_unit_test(test_event_fields),
        cmocka_unit_test(test_an_event_of_no_number_at_all),
        cmocka_unit_test(test_open_leg_fields),
        cmocka_unit_test(test_watermark_and_gap_fields),
        cmocka_unit_test(test_fields_of_the_small_records),
        cmocka_unit_test(test_verdict_fields),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_unknown_types_are_skipped),
        cmocka_unit_test(test_batches_are_not_padded_and_use_all_room),
        cmocka_unit_test(test_records_that_nobody_would_accept_are_a_bug),
        cmocka_unit_test(test_class_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
