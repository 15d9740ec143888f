/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a batch holds what was put into it, tells when it is full, and whatever bytes it is cut to
 * or changed in, walking over it ends, reads nothing beyond, and counts what is wrong once.
 * Method: batches built by the encoder, then cut at every byte and changed at every field of the
 * batch and record headers. Offsets are those of docs/PROTOCOL.md.
 */
#include "testing.h"
#include "unit/catch_bug.h"
#include "unit/samples.h"
#include "wire/frame.h"
#include "wire/record.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = TALLY_BATCH_HEADER_BYTES, PAYLOAD_MAX = TALLY_FRAME_PAYLOAD_BYTES_MAX };

static const struct tally_wall sealed = {1700000000000123};

struct batch {
    uint8_t bytes[1024];
    size_t size;
};

/* A batch of an ANSWER, a PROBE and a REPORT, at 16, 64 and 100, up to 128; padding to 256. */
enum { ANSWER_AT = 16, PROBE_AT = 64, REPORT_AT = 100, PADDING_AT = 128, THREE_BYTES = 256 };

static void build_three(struct batch *batch)
{
    static const enum test_sample samples[] = {SAMPLE_ANSWER_NONE, SAMPLE_PROBE_REPLY,
                                               SAMPLE_REPORT_RELEASED};
    struct tally_writer writer = tally_writer_of(batch->bytes, sizeof(batch->bytes));

    memset(batch->bytes, 0xee, sizeof(batch->bytes));
    tally_batch_start(&writer);
    for (size_t i = 0; i < 3; i++) {
        struct tally_record record;

        test_sample(samples[i], &record);
        assert_true(tally_batch_add(&writer, &record));
    }
    batch->size = tally_batch_end(&writer, sealed);
    assert_int_equal(batch->size, THREE_BYTES);
}

/* What a walk over a batch met: types as digits, rejected records as the reject's first letter. */
static enum tally_reject walk(const uint8_t *bytes, size_t size, char trace[16])
{
    uint8_t *exact = test_exact_copy(bytes, size);
    struct tally_batch_reader batch;
    struct tally_record record;
    enum tally_reject reject = tally_batch_open(exact, size, &batch);
    size_t count = 0;

    trace[0] = '\0';
    if (reject == TALLY_REJECT_NONE) {
        enum tally_reject each;

        while (tally_batch_next(&batch, &record, &each)) {
            assert_in_range(count, 0, 14);
            trace[count++] = each == TALLY_REJECT_NONE ? (char)('0' + (int)record.type)
                                                       : tally_reject_name(each)[0];
        }
        trace[count] = '\0';
        assert_int_equal(each, TALLY_REJECT_NONE);
        assert_false(tally_batch_next(&batch, &record, &each)); /* it stays at its end */
    }
    free(exact);
    return reject;
}

static void test_the_header_is_that_of_the_protocol(void **state)
{
    static const uint8_t want[HEADER] = {0,    0,    3,    0,    0,    0,    0, 0,
                                         0x7b, 0x40, 0x1e, 0x18, 0x24, 0x0a, 6, 0};
    struct batch batch;
    struct tally_batch_reader reader;

    (void)state;
    build_three(&batch);
    assert_memory_equal(batch.bytes, want, sizeof(want));
    assert_int_equal(tally_batch_open(batch.bytes, batch.size, &reader), TALLY_REJECT_NONE);
    assert_true(reader.sealed_at.us == sealed.us);
    assert_int_equal(reader.minor, TALLY_WIRE_MINOR);
    assert_int_equal(reader.record_left_count, 3);
    assert_memory_equal(batch.bytes + ANSWER_AT, "\x03\x00\x30\x00", 4);
    assert_memory_equal(batch.bytes + PROBE_AT, "\x05\x00\x24\x00", 4);
    assert_memory_equal(batch.bytes + REPORT_AT, "\x04\x00\x1c\x00", 4);
}

static void test_cut_at_every_byte(void **state)
{
    struct batch batch;

    (void)state;
    build_three(&batch);
    for (size_t size = 0; size <= batch.size; size++) {
        char trace[16];
        enum tally_reject reject = walk(batch.bytes, size, trace);
        const char *want = "354"; /* no padding at all is no fault of the records */

        if (size < HEADER) {
            assert_int_equal(reject, TALLY_REJECT_SHORT);
            continue;
        }
        if (size < PROBE_AT) {
            want = "R";
        } else if (size < REPORT_AT) {
            want = "3R";
        } else if (size < PADDING_AT) {
            want = "35R";
        }
        assert_int_equal(reject, TALLY_REJECT_NONE);
        assert_string_equal(trace, want);
    }
}

/* value goes to bytes[at] of the batch of three. */
static const struct {
    const char *what;
    size_t at;
    uint8_t value;
    enum tally_reject want; /* of the batch */
    const char *trace;
} changes[] = {
    {"nothing", 2, 3, TALLY_REJECT_NONE, "354"},
    {"a newer minor version", 0, 1, TALLY_REJECT_NONE, "354"},
    {"the newest minor version", 0, 255, TALLY_REJECT_NONE, "354"},
    {"reserved", 1, 1, TALLY_REJECT_RESERVED, ""},
    {"reserved, first", 4, 1, TALLY_REJECT_RESERVED, ""},
    {"reserved, last", 7, 0x80, TALLY_REJECT_RESERVED, ""},
    {"count 0", 2, 0, TALLY_REJECT_RECORDS, ""},
    {"count one too low", 2, 2, TALLY_REJECT_NONE, "35R"},
    {"count far too low", 2, 1, TALLY_REJECT_NONE, "3R"},
    {"count one too high: the padding is no record", 2, 4, TALLY_REJECT_NONE, "354R"},
    {"count 256 too high", 3, 1, TALLY_REJECT_RECORDS, ""}, /* 259 */
    {"sealed before 1970", 15, 0x80, TALLY_REJECT_VALUE, ""},
    {"sealed after 9999", 15, 0x10, TALLY_REJECT_VALUE, ""},
    {"type 0", PROBE_AT, 0, TALLY_REJECT_NONE, "3T4"},
    {"the first unknown type", PROBE_AT, 6, TALLY_REJECT_NONE, "3T4"},
    {"a feed's type", PROBE_AT, TALLY_FEED_EVENT, TALLY_REJECT_NONE, "3T4"},
    {"the last type", PROBE_AT, 255, TALLY_REJECT_NONE, "3T4"},
    {"a known type of another size", PROBE_AT, 4, TALLY_REJECT_NONE, "3L4"},
    {"a known type of a third size", PROBE_AT, 1, TALLY_REJECT_NONE, "3S4"},
    {"reserved in a record header", PROBE_AT + 1, 1, TALLY_REJECT_NONE, "3R4"},
    {"record size 0", PROBE_AT + 2, 0, TALLY_REJECT_NONE, "3R"},
    {"record size 3", PROBE_AT + 2, 3, TALLY_REJECT_NONE, "3R"},
    {"record size no multiple of 4", PROBE_AT + 2, 37, TALLY_REJECT_NONE, "3R"},
    {"record size no multiple of 4", PROBE_AT + 2, 38, TALLY_REJECT_NONE, "3R"},
    {"record size just to the end", REPORT_AT + 2, 256 - REPORT_AT, TALLY_REJECT_NONE, "35L"},
    {"record size beyond the end", REPORT_AT + 2, 256 - REPORT_AT + 4, TALLY_REJECT_NONE, "35R"},
    {"record size far beyond", PROBE_AT + 3, 0xff, TALLY_REJECT_NONE, "3R"},
    {"first byte of the padding", PADDING_AT, 1, TALLY_REJECT_NONE, "354R"},
    {"last byte of the padding", THREE_BYTES - 1, 0x80, TALLY_REJECT_NONE, "354R"},
};

static void test_headers_and_padding_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct batch batch;
        char trace[16];
        enum tally_reject reject;

        build_three(&batch);
        batch.bytes[changes[i].at] = changes[i].value;
        reject = walk(batch.bytes, batch.size, trace);
        if (reject != changes[i].want || strcmp(trace, changes[i].trace) != 0) {
            fail_msg("%s: %s \"%s\"", changes[i].what, tally_reject_name(reject), trace);
        }
    }
}

/* RESERVED and RECORDS share a letter above. */
static void test_reserved_is_not_records(void **state)
{
    struct batch batch;
    struct tally_batch_reader reader;
    struct tally_record record;
    enum tally_reject reject;

    (void)state;
    build_three(&batch);
    batch.bytes[ANSWER_AT + 1] = 1;
    batch.bytes[PADDING_AT] = 1;
    assert_int_equal(tally_batch_open(batch.bytes, batch.size, &reader), TALLY_REJECT_NONE);
    assert_true(tally_batch_next(&reader, &record, &reject));
    assert_int_equal(reject, TALLY_REJECT_RESERVED);
    assert_true(tally_batch_next(&reader, &record, &reject));
    assert_int_equal(reject, TALLY_REJECT_NONE);
    assert_true(tally_batch_next(&reader, &record, &reject));
    assert_int_equal(reject, TALLY_REJECT_NONE);
    assert_true(tally_batch_next(&reader, &record, &reject));
    assert_int_equal(reject, TALLY_REJECT_RECORDS);
    assert_false(tally_batch_next(&reader, &record, &reject));
}

static void test_an_unknown_type_of_a_newer_minor_is_skipped_whatever_it_holds(void **state)
{
    (void)state;
    for (size_t record_bytes = 4; record_bytes <= 264; record_bytes += 4) {
        uint8_t bytes[512] = {0};
        struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));
        struct tally_record record;
        char trace[16];

        tally_batch_start(&writer);
        bytes[0] = 1;
        bytes[2] = 2;
        tally_write_u8(&writer, 77);
        tally_write_u8(&writer, 1); /* what is reserved now may have a use then */
        tally_write_u16(&writer, (uint16_t)record_bytes);
        memset(bytes + writer.at, 0xff, record_bytes - 4);
        writer.at += record_bytes - 4;
        test_sample(SAMPLE_ANSWER_NONE, &record);
        assert_true(tally_batch_add(&writer, &record));
        bytes[2] = 2;
        (void)tally_batch_end(&writer, sealed);
        assert_int_equal(walk(bytes, writer.at, trace), TALLY_REJECT_NONE);
        assert_string_equal(trace, record_bytes <= TALLY_RECORD_BYTES_MAX ? "T3" : "L3");
    }
}

static void test_instants_of_sealing(void **state)
{
    static const struct {
        int64_t us;
        enum tally_reject want;
    } rows[] = {
        {INT64_MIN, TALLY_REJECT_VALUE},
        {-1, TALLY_REJECT_VALUE},
        {0, TALLY_REJECT_VALUE},
        {1, TALLY_REJECT_NONE},
        {TALLY_WALL_MAX_US, TALLY_REJECT_NONE},
        {TALLY_WALL_MAX_US + 1, TALLY_REJECT_VALUE},
        {INT64_MAX, TALLY_REJECT_VALUE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct batch batch;
        char trace[16];

        build_three(&batch);
        for (unsigned k = 0; k < 8; k++) {
            batch.bytes[8 + k] = (uint8_t)((uint64_t)rows[i].us >> (8 * k));
        }
        assert_int_equal(walk(batch.bytes, batch.size, trace), rows[i].want);
    }
}

static void test_the_longest_batch(void **state)
{
    uint8_t *bytes = calloc(1, PAYLOAD_MAX + 1);
    struct batch batch;
    char trace[16];

    (void)state;
    assert_non_null(bytes);
    build_three(&batch);
    memcpy(bytes, batch.bytes, batch.size);
    assert_int_equal(walk(bytes, PAYLOAD_MAX, trace), TALLY_REJECT_NONE);
    assert_string_equal(trace, "354");
    assert_int_equal(walk(bytes, PAYLOAD_MAX + 1, trace), TALLY_REJECT_LONG);
    free(bytes);
}

/* Adds until there is no room; checks that each was kept, and how large the batch became. */
static size_t fill(size_t buffer_bytes, enum test_sample which, size_t *batch_bytes)
{
    uint8_t *bytes = malloc(buffer_bytes);
    struct tally_writer writer = tally_writer_of(bytes, buffer_bytes);
    struct tally_batch_reader reader;
    struct tally_record record;
    struct tally_record decoded;
    enum tally_reject reject;
    size_t added_count = 0;
    size_t read_count = 0;

    assert_non_null(bytes);
    test_sample(which, &record);
    tally_batch_start(&writer);
    while (tally_batch_add(&writer, &record)) {
        added_count++;
    }
    assert_false(tally_batch_add(&writer, &record)); /* no is no */
    *batch_bytes = tally_batch_end(&writer, sealed);
    assert_int_equal(*batch_bytes % TALLY_BATCH_PAD_BYTES, 0);
    assert_in_range(*batch_bytes, 1, buffer_bytes);
    assert_int_equal(tally_batch_open(bytes, *batch_bytes, &reader), TALLY_REJECT_NONE);
    while (tally_batch_next(&reader, &decoded, &reject)) {
        assert_int_equal(reject, TALLY_REJECT_NONE);
        assert_memory_equal(&decoded, &record, sizeof(record));
        read_count++;
    }
    assert_int_equal(read_count, added_count);
    free(bytes);
    return added_count;
}

static void test_full_by_bytes_or_by_count(void **state)
{
    static const struct {
        size_t buffer_bytes;
        enum test_sample sample;
        size_t count;
        size_t batch_bytes;
    } rows[] = {
        {256, SAMPLE_ANNOUNCE, 3, 256},          /* 16 + 3 * 64 = 208 */
        {256, SAMPLE_ANNOUNCE_DIVERTED, 3, 256}, /* 16 + 3 * 80 = 256 */
        {511, SAMPLE_ANNOUNCE_DIVERTED, 3, 256}, /* a fourth would fit, its padding not */
        {512, SAMPLE_ANNOUNCE_DIVERTED, 6, 512},
        {PAYLOAD_MAX, SAMPLE_ANNOUNCE, 251, 16128}, /* 16 + 251 * 64 = 16080 */
        {PAYLOAD_MAX, SAMPLE_REPORT_ARRIVED, TALLY_BATCH_RECORDS_MAX, 7424}, /* 16 + 256 * 28 */
        {PAYLOAD_MAX, SAMPLE_ANSWER_NONE, TALLY_BATCH_RECORDS_MAX, 12544},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t batch_bytes;

        assert_int_equal(fill(rows[i].buffer_bytes, rows[i].sample, &batch_bytes), rows[i].count);
        assert_int_equal(batch_bytes, rows[i].batch_bytes);
    }
}

static void test_nothing_to_send(void **state)
{
    uint8_t bytes[256];
    struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));

    (void)state;
    tally_batch_start(&writer);
    assert_int_equal(tally_batch_end(&writer, sealed), 0);
}

static void test_misuse_is_a_bug(void **state)
{
    uint8_t bytes[PAYLOAD_MAX + 1];
    struct tally_writer writer = tally_writer_of(bytes, 255);

    (void)state;
    assert_is_bug((tally_batch_start(&writer), 0));
    writer = tally_writer_of(bytes, sizeof(bytes));
    assert_is_bug((tally_batch_start(&writer), 0));
    writer = tally_writer_of(bytes, 256);
    tally_batch_start(&writer);
    assert_is_bug((tally_batch_start(&writer), 0)); /* not new */
    assert_is_bug(tally_batch_end(&writer, (struct tally_wall){0}));
    assert_is_bug(tally_batch_end(&writer, (struct tally_wall){TALLY_WALL_MAX_US + 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_header_is_that_of_the_protocol),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_headers_and_padding_changed),
        cmocka_unit_test(test_reserved_is_not_records),
        cmocka_unit_test(test_an_unknown_type_of_a_newer_minor_is_skipped_whatever_it_holds),
        cmocka_unit_test(test_instants_of_sealing),
        cmocka_unit_test(test_the_longest_batch),
        cmocka_unit_test(test_full_by_bytes_or_by_count),
        cmocka_unit_test(test_nothing_to_send),
        cmocka_unit_test(test_misuse_is_a_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
