/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every record survives the wire, and every field outside its range is refused for the right
 * reason; the bounds themselves are accepted.
 * Method: random valid records there and back; one field changed in a good record, at the offsets
 * of docs/PROTOCOL.md; every size that a record could have. The framing is in test_batch.c.
 */
#include "testing.h"
#include "unit/catch_bug.h"
#include "unit/samples.h"
#include "wire/record.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX UINT64_C(999999999999999)
#define WALL_MAX ((uint64_t)TALLY_WALL_MAX_US)

static const struct tally_wall sealed = {1700000000000000};

/* A batch of this one record; the record begins at TALLY_BATCH_HEADER_BYTES. */
static size_t batch_of(uint8_t bytes[512], const struct tally_record *record)
{
    struct tally_writer writer = tally_writer_of(bytes, 512);

    tally_batch_start(&writer);
    assert_true(tally_batch_add(&writer, record));
    return tally_batch_end(&writer, sealed);
}

/* Decodes the only record of a batch; when it is rejected, `record` is as it was. */
static enum tally_reject decode(const uint8_t *bytes, size_t size, struct tally_record *record)
{
    uint8_t *exact = test_exact_copy(bytes, size);
    struct tally_batch_reader batch;
    struct tally_record untouched;
    enum tally_reject reject;
    enum tally_reject end;

    memset(record, 0xaa, sizeof(*record));
    memset(&untouched, 0xaa, sizeof(untouched));
    assert_int_equal(tally_batch_open(exact, size, &batch), TALLY_REJECT_NONE);
    assert_true(tally_batch_next(&batch, record, &reject));
    if (reject != TALLY_REJECT_NONE) {
        assert_memory_equal(record, &untouched, sizeof(untouched));
    }
    assert_false(tally_batch_next(&batch, &untouched, &end));
    free(exact);
    return reject;
}

static void test_round_trips(void **state)
{
    struct test_chance chance = {9};

    (void)state;
    for (int i = 0; i < 20000; i++) {
        enum tally_record_type type =
            (enum tally_record_type)(1 + test_chance_below(&chance, TALLY_RECORD_TYPE_COUNT - 1));
        struct tally_record record;
        struct tally_record decoded;
        uint8_t bytes[512];
        size_t size;

        test_random_record(&chance, type, &record);
        size = batch_of(bytes, &record);
        if (decode(bytes, size, &decoded) != TALLY_REJECT_NONE) {
            fail_msg("type %d, round %d", (int)type, i);
        }
        /* Both were zeroed before they were filled in, so padding is equal, too. */
        assert_memory_equal(&decoded, &record, sizeof(record));
    }
}

/* value, little-endian, goes to `bytes` bytes at offset `at` of the sample's record. */
struct change {
    enum test_sample sample;
    size_t at;
    size_t bytes;
    uint64_t value;
    enum tally_reject want;
};

static void check_changes(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[512];
        struct tally_record record;
        enum tally_reject reject;
        size_t size;

        test_sample(changes[i].sample, &record);
        size = batch_of(bytes, &record);
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

/* Rows for one byte up to last. */
#define BYTE_ROWS(sample, at, last)                                                                \
    {sample, at, 1, last, OK}, {sample, at, 1, (last) + 1, VALUE}, {sample, at, 1, 255, VALUE}
/* clang-format on */

static void test_announce_fields(void **state)
{
    static const struct change changes[] = {
        {SAMPLE_ANNOUNCE, 4, 1, TALLY_LEG_DIRECT, OK},
        {SAMPLE_ANNOUNCE, 4, 1, TALLY_LEG_ONWARD, VALUE}, /* without token and hops */
        {SAMPLE_ANNOUNCE_ONWARD, 4, 1, TALLY_LEG_DIRECT, VALUE},
        {SAMPLE_ANNOUNCE_ONWARD, 4, 1, TALLY_LEG_KIND_COUNT, VALUE},
        {SAMPLE_ANNOUNCE_ONWARD, 4, 1, 255, VALUE},
        {SAMPLE_ANNOUNCE, 5, 1, 1, VALUE}, /* hops of a direct leg */
        {SAMPLE_ANNOUNCE_ONWARD, 5, 1, 0, VALUE},
        {SAMPLE_ANNOUNCE_ONWARD, 5, 1, 1, OK},
        {SAMPLE_ANNOUNCE_ONWARD, 5, 1, 5, OK},
        {SAMPLE_ANNOUNCE_ONWARD, 5, 1, 6, VALUE},
        {SAMPLE_ANNOUNCE, 6, 2, 0, OK},
        {SAMPLE_ANNOUNCE, 6, 2, TALLY_EVENT_FLAGS_ALL, OK},
        {SAMPLE_ANNOUNCE, 6, 2, TALLY_EVENT_FLAGS_ALL + 1, VALUE},
        {SAMPLE_ANNOUNCE, 6, 2, 0x8000, VALUE},
        ID_ROWS(SAMPLE_ANNOUNCE, 8),
        WALL_ROWS(SAMPLE_ANNOUNCE, 16),
        NUMBER_ROWS(SAMPLE_ANNOUNCE, 24, OK), /* the other A is there */
        NUMBER_ROWS(SAMPLE_ANNOUNCE, 32, OK),
        NUMBER_ROWS(SAMPLE_ANNOUNCE, 40, NUMBER),
        ID_ROWS(SAMPLE_ANNOUNCE, 48),
        {SAMPLE_ANNOUNCE, 56, 8, 1, VALUE}, /* upstream token of a direct leg */
        ID_ROWS(SAMPLE_ANNOUNCE_ONWARD, 56),
        NUMBER_ROWS(SAMPLE_ANNOUNCE_DIVERTED, 64, OK), /* the other is there */
        NUMBER_ROWS(SAMPLE_ANNOUNCE_DIVERTED, 72, OK),
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_query_fields(void **state)
{
    static const struct change changes[] = {
        {SAMPLE_QUERY, 4, 4, 0, VALUE},
        {SAMPLE_QUERY, 4, 4, 1, OK},
        {SAMPLE_QUERY, 4, 4, 2000000, OK},
        {SAMPLE_QUERY, 4, 4, 2000001, VALUE},
        {SAMPLE_QUERY, 4, 4, UINT32_MAX, VALUE},
        ID_ROWS(SAMPLE_QUERY, 8),
        WALL_ROWS(SAMPLE_QUERY, 16),
        NUMBER_ROWS(SAMPLE_QUERY, 24, OK),
        NUMBER_ROWS(SAMPLE_QUERY, 32, OK),
        NUMBER_ROWS(SAMPLE_QUERY, 40, NUMBER),
        {SAMPLE_QUERY, 48, 8, 0, OK},
        {SAMPLE_QUERY, 48, 8, UINT64_MAX, OK},
        {SAMPLE_QUERY, 56, 4, 0, OK},
        {SAMPLE_QUERY, 56, 4, UINT32_MAX, OK},
        {SAMPLE_QUERY, 60, 1, 0, OK},
        BYTE_ROWS(SAMPLE_QUERY, 60, 1),
        {SAMPLE_QUERY, 61, 1, 1, RESERVED},
        {SAMPLE_QUERY, 62, 1, 1, RESERVED},
        {SAMPLE_QUERY, 63, 1, 0x80, RESERVED},
        NUMBER_ROWS(SAMPLE_QUERY_DIVERTED, 64, OK),
        NUMBER_ROWS(SAMPLE_QUERY_DIVERTED, 72, OK),
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_answer_fields(void **state)
{
    static const struct change changes[] = {
        BYTE_ROWS(SAMPLE_ANSWER_NONE, 4, TALLY_ANSWER_KIND_COUNT - 1),
        {SAMPLE_ANSWER_NONE, 4, 1, TALLY_ANSWER_UNKNOWN, OK},
        {SAMPLE_ANSWER_NONE, 4, 1, TALLY_ANSWER_FOUND, VALUE}, /* without a record */
        {SAMPLE_ANSWER_FOUND, 4, 1, TALLY_ANSWER_NONE, VALUE}, /* with one */
        {SAMPLE_ANSWER_FOUND, 5, 1, 0, OK},
        BYTE_ROWS(SAMPLE_ANSWER_FOUND, 5, 1),
        {SAMPLE_ANSWER_NONE, 5, 1, 1, VALUE},
        {SAMPLE_ANSWER_FOUND, 6, 1, TALLY_WHICH_NEITHER, VALUE},
        {SAMPLE_ANSWER_FOUND, 6, 1, TALLY_WHICH_PRESENTED, OK},
        BYTE_ROWS(SAMPLE_ANSWER_FOUND, 6, TALLY_WHICH_COUNT - 1),
        {SAMPLE_ANSWER_NONE, 6, 1, TALLY_WHICH_PRESENTED, VALUE},
        {SAMPLE_ANSWER_FOUND, 7, 1, 1, RESERVED},
        ID_ROWS(SAMPLE_ANSWER_NONE, 8),
        ID_ROWS(SAMPLE_ANSWER_FOUND, 16),
        {SAMPLE_ANSWER_NONE, 16, 8, 1, VALUE},
        WALL_ROWS(SAMPLE_ANSWER_FOUND, 24),
        {SAMPLE_ANSWER_NONE, 24, 8, 1, VALUE},
        {SAMPLE_ANSWER_NONE, 32, 8, UINT64_MAX, OK},
        {SAMPLE_ANSWER_NONE, 40, 8, UINT64_MAX, OK},
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_report_fields(void **state)
{
    static const struct change changes[] = {
        {SAMPLE_REPORT_ARRIVED, 4, 1, TALLY_REPORT_NONE, VALUE},
        {SAMPLE_REPORT_ARRIVED, 4, 1, TALLY_REPORT_ANOTHER_CLI, OK},
        BYTE_ROWS(SAMPLE_REPORT_ARRIVED, 4, TALLY_REPORT_KIND_COUNT - 1),
        BYTE_ROWS(SAMPLE_REPORT_REJECTED, 5, TALLY_VERDICT_COUNT - 1),
        {SAMPLE_REPORT_REJECTED, 5, 1, 0, OK},
        {SAMPLE_REPORT_ARRIVED, 5, 1, TALLY_VERDICT_VALID, VALUE},
        {SAMPLE_REPORT_RELEASED, 5, 1, TALLY_VERDICT_VALID, VALUE},
        BYTE_ROWS(SAMPLE_REPORT_REJECTED, 6, TALLY_ACTION_COUNT - 1),
        {SAMPLE_REPORT_REJECTED, 6, 1, 0, OK},
        {SAMPLE_REPORT_ARRIVED, 6, 1, TALLY_ACTION_LABEL, VALUE},
        {SAMPLE_REPORT_ANSWERED, 6, 1, TALLY_ACTION_LABEL, VALUE},
        {SAMPLE_REPORT_REJECTED, 7, 1, 0, OK},
        BYTE_ROWS(SAMPLE_REPORT_REJECTED, 7, 127),
        {SAMPLE_REPORT_RELEASED, 7, 1, 0, OK},
        BYTE_ROWS(SAMPLE_REPORT_RELEASED, 7, 127),
        {SAMPLE_REPORT_ARRIVED, 7, 1, 16, VALUE},
        {SAMPLE_REPORT_ANSWERED, 7, 1, 16, VALUE},
        ID_ROWS(SAMPLE_REPORT_ARRIVED, 8),
        WALL_ROWS(SAMPLE_REPORT_ARRIVED, 16),
        {SAMPLE_REPORT_ANSWERED, 24, 1, 0, OK},
        BYTE_ROWS(SAMPLE_REPORT_ANSWERED, 24, 1),
        {SAMPLE_REPORT_RELEASED, 24, 1, 0, OK},
        BYTE_ROWS(SAMPLE_REPORT_RELEASED, 24, 1),
        {SAMPLE_REPORT_ARRIVED, 24, 1, 1, VALUE},
        {SAMPLE_REPORT_REJECTED, 24, 1, 1, VALUE},
        {SAMPLE_REPORT_ARRIVED, 25, 1, 1, RESERVED},
        {SAMPLE_REPORT_ARRIVED, 26, 1, 1, RESERVED},
        {SAMPLE_REPORT_ARRIVED, 27, 1, 0x80, RESERVED},
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_probe_fields(void **state)
{
    static const uint64_t t2 = UINT64_C(1700000000000002); /* of the sample */
    const struct change changes[] = {
        {SAMPLE_PROBE_REQUEST, 4, 4, 0, OK},
        {SAMPLE_PROBE_REQUEST, 4, 4, UINT32_MAX, OK},
        WALL_ROWS(SAMPLE_PROBE_REQUEST, 8),
        WALL_ROWS(SAMPLE_PROBE_REPLY, 8),
        {SAMPLE_PROBE_REQUEST, 16, 8, 1, VALUE},
        {SAMPLE_PROBE_REQUEST, 24, 8, 1, VALUE},
        {SAMPLE_PROBE_REPLY, 16, 8, 0, VALUE},
        {SAMPLE_PROBE_REPLY, 16, 8, 1, OK},
        {SAMPLE_PROBE_REPLY, 16, 8, t2 + 1, OK}, /* as t3 */
        {SAMPLE_PROBE_REPLY, 16, 8, t2 + 2, VALUE},
        {SAMPLE_PROBE_REPLY, 24, 8, 0, VALUE},
        {SAMPLE_PROBE_REPLY, 24, 8, t2 - 1, VALUE},
        {SAMPLE_PROBE_REPLY, 24, 8, t2, OK},
        {SAMPLE_PROBE_REPLY, 24, 8, WALL_MAX, OK},
        {SAMPLE_PROBE_REPLY, 24, 8, WALL_MAX + 1, VALUE},
        {SAMPLE_PROBE_REQUEST, 32, 1, 1, VALUE}, /* a reply without t2 and t3 */
        {SAMPLE_PROBE_REPLY, 32, 1, 0, VALUE},   /* a request with them */
        {SAMPLE_PROBE_REPLY, 32, 1, 2, VALUE},
        {SAMPLE_PROBE_REQUEST, 33, 1, 1, RESERVED},
        {SAMPLE_PROBE_REQUEST, 34, 1, 1, RESERVED},
        {SAMPLE_PROBE_REQUEST, 35, 1, 0x80, RESERVED},
    };

    (void)state;
    check_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

static void test_a_call_needs_both_numbers(void **state)
{
    static const enum test_sample samples[] = {SAMPLE_ANNOUNCE, SAMPLE_QUERY};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[512];
        struct tally_record record;
        size_t size;

        test_sample(samples[i], &record);
        size = batch_of(bytes, &record);
        memset(bytes + TALLY_BATCH_HEADER_BYTES + 24, 0, 16); /* both A */
        assert_int_equal(decode(bytes, size, &record), NUMBER);
    }
}

/* Every size, with the sample's bytes cut or zeros behind them. */
static void test_sizes(void **state)
{
    static const struct {
        enum test_sample sample;
        size_t bytes;
        size_t longer_bytes;
    } rows[] = {
        {SAMPLE_ANNOUNCE, 64, 80},     {SAMPLE_ANNOUNCE_DIVERTED, 64, 80},
        {SAMPLE_QUERY, 64, 80},        {SAMPLE_QUERY_DIVERTED, 64, 80},
        {SAMPLE_ANSWER_FOUND, 48, 48}, {SAMPLE_REPORT_ARRIVED, 28, 28},
        {SAMPLE_PROBE_REPLY, 36, 36},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool is_longer =
            rows[i].sample == SAMPLE_ANNOUNCE_DIVERTED || rows[i].sample == SAMPLE_QUERY_DIVERTED;

        for (size_t size = 4; size <= TALLY_RECORD_BYTES_MAX + 4; size += 4) {
            uint8_t bytes[512] = {0};
            struct tally_record record;
            enum tally_reject want = TALLY_REJECT_LONG;

            test_sample(rows[i].sample, &record);
            (void)batch_of(bytes, &record);
            bytes[TALLY_BATCH_HEADER_BYTES + 2] = (uint8_t)size;
            bytes[TALLY_BATCH_HEADER_BYTES + 3] = (uint8_t)(size >> 8);
            if (size < rows[i].bytes) {
                want = TALLY_REJECT_SHORT;
            } else if (size == rows[i].bytes || (size == rows[i].longer_bytes && is_longer)) {
                want = TALLY_REJECT_NONE; /* a longer one without its end is a shorter one */
            }
            if (decode(bytes, TALLY_BATCH_HEADER_BYTES + size, &record) != want) {
                fail_msg("row %zu, %zu bytes", i, size);
            }
        }
    }
}

static void test_records_are_as_small_as_they_can_be(void **state)
{
    struct tally_record record;
    uint8_t bytes[512];

    (void)state;
    test_sample(SAMPLE_ANNOUNCE, &record);
    (void)batch_of(bytes, &record);
    assert_int_equal(bytes[TALLY_BATCH_HEADER_BYTES + 2], 64);
    record.announce.redirecting = 1;
    (void)batch_of(bytes, &record);
    assert_int_equal(bytes[TALLY_BATCH_HEADER_BYTES + 2], 80);
    test_sample(SAMPLE_QUERY, &record);
    (void)batch_of(bytes, &record);
    assert_int_equal(bytes[TALLY_BATCH_HEADER_BYTES + 2], 64);
    record.query.original_called = 1;
    (void)batch_of(bytes, &record);
    assert_int_equal(bytes[TALLY_BATCH_HEADER_BYTES + 2], 80);
}

static void test_records_that_nobody_would_accept_are_a_bug(void **state)
{
    uint8_t bytes[512];
    struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));
    struct tally_record record;

    (void)state;
    tally_batch_start(&writer);
    test_sample(SAMPLE_ANNOUNCE, &record);
    record.type = TALLY_RECORD_NONE;
    assert_is_bug(tally_batch_add(&writer, &record));
    record.type = TALLY_RECORD_TYPE_COUNT;
    assert_is_bug(tally_batch_add(&writer, &record));
    test_sample(SAMPLE_ANNOUNCE, &record);
    record.announce.token = 0;
    assert_is_bug(tally_batch_add(&writer, &record));
    test_sample(SAMPLE_QUERY, &record);
    record.query.budget_us = 2000001;
    assert_is_bug(tally_batch_add(&writer, &record));
    test_sample(SAMPLE_ANNOUNCE, &record);
    record.announce.flags = 1u << 31; /* would be lost in the 16 bits it has there */
    assert_is_bug(tally_batch_add(&writer, &record));
    assert_int_equal(writer.at, TALLY_BATCH_HEADER_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_announce_fields),
        cmocka_unit_test(test_query_fields),
        cmocka_unit_test(test_answer_fields),
        cmocka_unit_test(test_report_fields),
        cmocka_unit_test(test_probe_fields),
        cmocka_unit_test(test_a_call_needs_both_numbers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_records_are_as_small_as_they_can_be),
        cmocka_unit_test(test_records_that_nobody_would_accept_are_a_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
