/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"

#include <string.h>

struct tally_reader tally_reader_of(const void *bytes, size_t size)
{
    return (struct tally_reader){.bytes = bytes, .size = size};
}

/* The only place where a reader moves. */
static const uint8_t *take(struct tally_reader *reader, size_t count)
{
    const uint8_t *taken;

    if (reader->failed || count > reader->size - reader->at) {
        reader->failed = true;
        return NULL;
    }
    taken = reader->bytes + reader->at;
    reader->at += count;
    return taken;
}

static uint64_t read_integer(struct tally_reader *reader, size_t count)
{
    const uint8_t *bytes = take(reader, count);
    uint64_t value = 0;

    if (bytes == NULL) {
        return 0;
    }
    for (size_t i = count; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

uint8_t tally_read_u8(struct tally_reader *reader)
{
    return (uint8_t)read_integer(reader, 1);
}

uint16_t tally_read_u16(struct tally_reader *reader)
{
    return (uint16_t)read_integer(reader, 2);
}

uint32_t tally_read_u32(struct tally_reader *reader)
{
    return (uint32_t)read_integer(reader, 4);
}

uint64_t tally_read_u64(struct tally_reader *reader)
{
    return read_integer(reader, 8);
}

int64_t tally_read_i64(struct tally_reader *reader)
{
    uint64_t bits = read_integer(reader, 8);
    int64_t value;

    /* The conversion of a large unsigned value is implementation-defined; the bytes are not. */
    memcpy(&value, &bits, sizeof(value));
    return value;
}

void tally_read_bytes(struct tally_reader *reader, void *out, size_t count)
{
    const uint8_t *bytes = take(reader, count);

    if (count == 0) {
        return;
    }
    if (bytes == NULL) {
        memset(out, 0, count);
        return;
    }
    memcpy(out, bytes, count);
}

const uint8_t *tally_read_span(struct tally_reader *reader, size_t count)
{
    return take(reader, count);
}

void tally_read_zeros(struct tally_reader *reader, size_t count)
{
    const uint8_t *bytes = take(reader, count);

    if (bytes == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) {
            reader->failed = true;
            return;
        }
    }
}

size_t tally_reader_left(const struct tally_reader *reader)
{
    return reader->size - reader->at;
}

bool tally_reader_is_done(const struct tally_reader *reader)
{
    return !reader->failed && reader->at == reader->size;
}

struct tally_writer tally_writer_of(void *bytes, size_t size)
{
    return (struct tally_writer){.bytes = bytes, .size = size};
}

/* The only place where a writer moves. */
static uint8_t *claim(struct tally_writer *writer, size_t count)
{
    uint8_t *claimed;

    if (writer->failed || count > writer->size - writer->at) {
        writer->failed = true;
        return NULL;
    }
    claimed = writer->bytes + writer->at;
    writer->at += count;
    return claimed;
}

static void write_integer(struct tally_writer *writer, uint64_t value, size_t count)
{
    uint8_t *bytes = claim(writer, count);

    if (bytes == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

void tally_write_u8(struct tally_writer *writer, uint8_t value)
{
    write_integer(writer, value, 1);
}

void tally_write_u16(struct tally_writer *writer, uint16_t value)
{
    write_integer(writer, value, 2);
}

void tally_write_u32(struct tally_writer *writer, uint32_t value)
{
    write_integer(writer, value, 4);
}

void tally_write_u64(struct tally_writer *writer, uint64_t value)
{
    write_integer(writer, value, 8);
}

void tally_write_i64(struct tally_writer *writer, int64_t value)
{
    write_integer(writer, (uint64_t)value, 8);
}

void tally_write_bytes(struct tally_writer *writer, const void *bytes, size_t count)
{
    uint8_t *claimed = claim(writer, count);

    if (claimed != NULL && count > 0) {
        memcpy(claimed, bytes, count);
    }
}

void tally_write_zeros(struct tally_writer *writer, size_t count)
{
    uint8_t *claimed = claim(writer, count);

    if (claimed != NULL && count > 0) {
        memset(claimed, 0, count);
    }
}
