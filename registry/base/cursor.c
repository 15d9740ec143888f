/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"

#include "base/bytes.h"

#include <string.h>

/* Stands for an empty buffer given as NULL, which must not be computed with. */
static const uint8_t nothing[1];

struct tally_reader tally_reader_of(const void *bytes, size_t size)
{
    return (struct tally_reader){.bytes = bytes == NULL ? nothing : bytes, .size = size};
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

uint8_t tally_read_u8(struct tally_reader *reader)
{
    const uint8_t *bytes = take(reader, 1);

    return bytes == NULL ? 0 : bytes[0];
}

uint16_t tally_read_u16(struct tally_reader *reader)
{
    const uint8_t *bytes = take(reader, 2);

    return bytes == NULL ? 0 : tally_le16_load(bytes);
}

uint32_t tally_read_u32(struct tally_reader *reader)
{
    const uint8_t *bytes = take(reader, 4);

    return bytes == NULL ? 0 : tally_le32_load(bytes);
}

uint64_t tally_read_u64(struct tally_reader *reader)
{
    const uint8_t *bytes = take(reader, 8);

    return bytes == NULL ? 0 : tally_le64_load(bytes);
}

int64_t tally_read_i64(struct tally_reader *reader)
{
    uint64_t bits = tally_read_u64(reader);
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

/* The only place where a writer moves. NULL also for no bytes, as the buffer may be. */
static uint8_t *claim(struct tally_writer *writer, size_t count)
{
    uint8_t *claimed;

    if (count == 0) {
        return NULL;
    }
    if (writer->failed || count > writer->size - writer->at) {
        writer->failed = true;
        return NULL;
    }
    claimed = writer->bytes + writer->at;
    writer->at += count;
    return claimed;
}

void tally_write_u8(struct tally_writer *writer, uint8_t value)
{
    uint8_t *bytes = claim(writer, 1);

    if (bytes != NULL) {
        bytes[0] = value;
    }
}

void tally_write_u16(struct tally_writer *writer, uint16_t value)
{
    uint8_t *bytes = claim(writer, 2);

    if (bytes != NULL) {
        tally_le16_store(bytes, value);
    }
}

void tally_write_u32(struct tally_writer *writer, uint32_t value)
{
    uint8_t *bytes = claim(writer, 4);

    if (bytes != NULL) {
        tally_le32_store(bytes, value);
    }
}

void tally_write_u64(struct tally_writer *writer, uint64_t value)
{
    uint8_t *bytes = claim(writer, 8);

    if (bytes != NULL) {
        tally_le64_store(bytes, value);
    }
}

void tally_write_i64(struct tally_writer *writer, int64_t value)
{
    tally_write_u64(writer, (uint64_t)value);
}

void tally_write_bytes(struct tally_writer *writer, const void *bytes, size_t count)
{
    uint8_t *claimed = claim(writer, count);

    if (claimed != NULL) {
        memcpy(claimed, bytes, count);
    }
}

void tally_write_zeros(struct tally_writer *writer, size_t count)
{
    uint8_t *claimed = claim(writer, count);

    if (claimed != NULL) {
        memset(claimed, 0, count);
    }
}
