/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor.h - reading and writing bytes without pointer arithmetic.
 *
 * A reader or writer carries a sticky `failed` flag: reading past the end gives zeros, writing past
 * the end writes nothing, and both set the flag, so that a decoder reads like the layout it decodes
 * and is checked once, at its end. Integers are little-endian.
 *
 * Pure. Threads: one owner. Memory: borrows the caller's buffer until the cursor is dropped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_reader {
    const uint8_t *bytes;
    size_t size;
    size_t at; /* invariant: <= size */
    bool failed;
};

struct tally_writer {
    uint8_t *bytes;
    size_t size;
    size_t at; /* invariant: <= size */
    bool failed;
};

struct tally_reader tally_reader_of(const void *bytes, size_t size);
uint8_t tally_read_u8(struct tally_reader *reader);
uint16_t tally_read_u16(struct tally_reader *reader);
uint32_t tally_read_u32(struct tally_reader *reader);
uint64_t tally_read_u64(struct tally_reader *reader);
int64_t tally_read_i64(struct tally_reader *reader);

/* Copies count bytes out; zeros when they are not there. */
void tally_read_bytes(struct tally_reader *reader, void *out, size_t count);

/* A pointer to the next count bytes, borrowed from the buffer; NULL when they are not there. */
const uint8_t *tally_read_span(struct tally_reader *reader, size_t count);

/* Reads count bytes that must all be zero (reserved fields); anything else sets failed. */
void tally_read_zeros(struct tally_reader *reader, size_t count);

size_t tally_reader_left(const struct tally_reader *reader);

/* Nothing failed and every byte was read. */
bool tally_reader_is_done(const struct tally_reader *reader);

struct tally_writer tally_writer_of(void *bytes, size_t size);
void tally_write_u8(struct tally_writer *writer, uint8_t value);
void tally_write_u16(struct tally_writer *writer, uint16_t value);
void tally_write_u32(struct tally_writer *writer, uint32_t value);
void tally_write_u64(struct tally_writer *writer, uint64_t value);
void tally_write_i64(struct tally_writer *writer, int64_t value);
void tally_write_bytes(struct tally_writer *writer, const void *bytes, size_t count);
void tally_write_zeros(struct tally_writer *writer, size_t count);
