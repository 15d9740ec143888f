/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no cursor ever touches a byte outside its buffer, and once one fails it stays failed.
 * Method: every operation in a buffer that just fits it and in one that is a byte too short; the
 * buffers come from malloc, so that AddressSanitizer sees what the assertions do not.
 */
#include "base/cursor.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t counting[8] = {0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7, 0xf8};

static void *copy_of(const void *bytes, size_t size)
{
    void *copy = malloc(size == 0 ? 1 : size);

    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

static uint64_t read_integer(struct tally_reader *reader, size_t bytes)
{
    switch (bytes) {
    case 1:
        return tally_read_u8(reader);
    case 2:
        return tally_read_u16(reader);
    case 4:
        return tally_read_u32(reader);
    default:
        return tally_read_u64(reader);
    }
}

static void write_integer(struct tally_writer *writer, size_t bytes, uint64_t value)
{
    switch (bytes) {
    case 1:
        tally_write_u8(writer, (uint8_t)value);
        break;
    case 2:
        tally_write_u16(writer, (uint16_t)value);
        break;
    case 4:
        tally_write_u32(writer, (uint32_t)value);
        break;
    default:
        tally_write_u64(writer, value);
        break;
    }
}

static const struct {
    size_t bytes;
    uint64_t value; /* of the first bytes of `counting`, little-endian */
} integers[] = {
    {1, 0x81},
    {2, 0x9281},
    {4, 0xb4a39281},
    {8, UINT64_C(0xf8e7d6c5b4a39281)},
};

static void test_integers_read_little_endian_and_only_when_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        size_t bytes = integers[i].bytes;
        uint8_t *fits = copy_of(counting, bytes);
        uint8_t *too_short = copy_of(counting, bytes - 1);
        struct tally_reader reader = tally_reader_of(fits, bytes);

        assert_int_equal(read_integer(&reader, bytes), integers[i].value);
        assert_true(tally_reader_is_done(&reader));
        assert_int_equal(read_integer(&reader, bytes), 0);
        assert_true(reader.failed);
        assert_int_equal(reader.at, bytes);

        reader = tally_reader_of(too_short, bytes - 1);
        assert_int_equal(read_integer(&reader, bytes), 0);
        assert_true(reader.failed);
        assert_int_equal(reader.at, 0);
        assert_false(tally_reader_is_done(&reader));
        free(fits);
        free(too_short);
    }
}

static void test_signed_integers_keep_their_sign(void **state)
{
    static const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    uint8_t bytes[8];

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));
        struct tally_reader reader = tally_reader_of(bytes, sizeof(bytes));

        tally_write_i64(&writer, values[i]);
        assert_false(writer.failed);
        assert_true(tally_read_i64(&reader) == values[i]);
    }
}

static void test_a_failed_reader_gives_zeros_for_ever(void **state)
{
    uint8_t out[4] = {1, 2, 3, 4};
    struct tally_reader reader = tally_reader_of(counting, sizeof(counting));

    (void)state;
    tally_read_bytes(&reader, out, 1);
    tally_read_bytes(&reader, out + 1, 2);
    assert_memory_equal(out, counting, 3);
    assert_int_equal(out[3], 4);
    assert_int_equal(tally_reader_left(&reader), 5);
    assert_null(tally_read_span(&reader, 6));
    assert_true(reader.failed);
    /* Five bytes are still there, but not for a reader that has failed. */
    assert_int_equal(tally_reader_left(&reader), 5);
    assert_int_equal(tally_read_u8(&reader), 0);
    tally_read_bytes(&reader, out, sizeof(out));
    assert_memory_equal(out, "\0\0\0\0", 4);
    assert_null(tally_read_span(&reader, 0));
    assert_false(tally_reader_is_done(&reader));
}

static void test_spans_lend_the_buffer(void **state)
{
    struct tally_reader reader = tally_reader_of(counting, sizeof(counting));

    (void)state;
    assert_ptr_equal(tally_read_span(&reader, 3), counting);
    assert_ptr_equal(tally_read_span(&reader, 5), counting + 3);
    assert_non_null(tally_read_span(&reader, 0));
    assert_true(tally_reader_is_done(&reader));
    assert_null(tally_read_span(&reader, 1));
}

static void test_counts_near_the_largest_do_not_wrap(void **state)
{
    uint8_t bytes[8] = {0};
    struct tally_reader reader = tally_reader_of(bytes, sizeof(bytes));
    struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));

    (void)state;
    (void)tally_read_u16(&reader);
    assert_null(tally_read_span(&reader, SIZE_MAX));
    assert_int_equal(reader.at, 2);
    tally_write_u16(&writer, 1);
    tally_write_zeros(&writer, SIZE_MAX);
    assert_true(writer.failed);
    assert_int_equal(writer.at, 2);
}

static void test_reserved_bytes_must_be_zero(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        uint8_t bytes[4] = {0};
        struct tally_reader reader = tally_reader_of(bytes, sizeof(bytes));

        if (i < sizeof(bytes)) {
            bytes[i] = 1;
        }
        tally_read_zeros(&reader, sizeof(bytes));
        assert_int_equal(reader.failed, i < sizeof(bytes));
        reader = tally_reader_of(bytes, sizeof(bytes));
        tally_read_zeros(&reader, sizeof(bytes) + 1);
        assert_true(reader.failed);
    }
}

static void test_an_empty_buffer_is_done_at_once(void **state)
{
    struct tally_reader reader = tally_reader_of(NULL, 0);
    struct tally_writer writer = tally_writer_of(NULL, 0);

    (void)state;
    assert_true(tally_reader_is_done(&reader));
    tally_read_zeros(&reader, 0);
    tally_read_bytes(&reader, NULL, 0);
    assert_true(tally_reader_is_done(&reader));
    tally_write_bytes(&writer, NULL, 0);
    tally_write_zeros(&writer, 0);
    assert_false(writer.failed);
    tally_write_u8(&writer, 1);
    assert_true(writer.failed);
}

static void test_integers_are_written_little_endian_and_only_when_they_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        size_t bytes = integers[i].bytes;
        uint8_t *fits = copy_of(counting, bytes);
        uint8_t *too_short = copy_of(counting, bytes - 1);
        struct tally_writer writer = tally_writer_of(fits, bytes);

        memset(fits, 0xee, bytes);
        write_integer(&writer, bytes, integers[i].value);
        assert_false(writer.failed);
        assert_int_equal(writer.at, bytes);
        assert_memory_equal(fits, counting, bytes);

        writer = tally_writer_of(too_short, bytes - 1);
        write_integer(&writer, bytes, 0);
        assert_true(writer.failed);
        assert_int_equal(writer.at, 0);
        assert_memory_equal(too_short, counting, bytes - 1);
        free(fits);
        free(too_short);
    }
}

static void test_a_failed_writer_writes_nothing_more(void **state)
{
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));

    (void)state;
    tally_write_bytes(&writer, counting, 2);
    tally_write_bytes(&writer, counting, 3);
    assert_true(writer.failed);
    tally_write_u8(&writer, 7); /* there would be room */
    tally_write_zeros(&writer, 1);
    assert_int_equal(writer.at, 2);
    assert_memory_equal(bytes, "\x81\x92\x09\x09", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_read_little_endian_and_only_when_whole),
        cmocka_unit_test(test_signed_integers_keep_their_sign),
        cmocka_unit_test(test_a_failed_reader_gives_zeros_for_ever),
        cmocka_unit_test(test_spans_lend_the_buffer),
        cmocka_unit_test(test_counts_near_the_largest_do_not_wrap),
        cmocka_unit_test(test_reserved_bytes_must_be_zero),
        cmocka_unit_test(test_an_empty_buffer_is_done_at_once),
        cmocka_unit_test(test_integers_are_written_little_endian_and_only_when_they_fit),
        cmocka_unit_test(test_a_failed_writer_writes_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
