/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include "base/assert.h"
#include "base/cursor.h"

TALLY_STATIC_ASSERT(TALLY_FRAME_PAYLOAD_BYTES_MAX ==
                        TALLY_FRAME_BYTES_MAX - TALLY_FRAME_HEADER_BYTES - TALLY_FRAME_TAG_BYTES,
                    "what is left for a batch");

/* A handshake message names no session by counter, and the first one cannot name any at all. */
static enum tally_reject check_header(const struct tally_frame *frame)
{
    if (frame->type != TALLY_FRAME_TRANSPORT && frame->counter != 0) {
        return TALLY_REJECT_VALUE;
    }
    if (frame->type == TALLY_FRAME_INIT && frame->receiver_index != 0) {
        return TALLY_REJECT_VALUE;
    }
    return TALLY_REJECT_NONE;
}

enum tally_reject tally_frame_decode(const void *bytes, size_t size, struct tally_frame *frame)
{
    struct tally_reader reader = tally_reader_of(bytes, size);
    struct tally_frame decoded = {0};
    enum tally_reject reject;
    uint8_t type;

    /* Every body ends in a tag: of the Noise payload or of the AEAD. */
    if (size < TALLY_FRAME_HEADER_BYTES + TALLY_FRAME_TAG_BYTES) {
        return TALLY_REJECT_SHORT;
    }
    if (size > TALLY_FRAME_BYTES_MAX) {
        return TALLY_REJECT_LONG;
    }
    if (tally_read_u8(&reader) != TALLY_WIRE_MAJOR) {
        return TALLY_REJECT_VERSION;
    }
    type = tally_read_u8(&reader);
    if (type == TALLY_FRAME_NONE || type >= TALLY_FRAME_TYPE_COUNT) {
        return TALLY_REJECT_TYPE;
    }
    if (tally_read_u16(&reader) != 0) {
        return TALLY_REJECT_RESERVED;
    }
    decoded.type = (enum tally_frame_type)type;
    decoded.receiver_index = tally_read_u32(&reader);
    decoded.counter = tally_read_u64(&reader);
    decoded.body_bytes = tally_reader_left(&reader);
    decoded.body = tally_read_span(&reader, decoded.body_bytes);
    reject = check_header(&decoded);
    if (reject == TALLY_REJECT_NONE) {
        *frame = decoded;
    }
    return reject;
}

void tally_frame_header_encode(uint8_t out[TALLY_FRAME_HEADER_BYTES], enum tally_frame_type type,
                               uint32_t receiver_index, uint64_t counter)
{
    struct tally_writer writer = tally_writer_of(out, TALLY_FRAME_HEADER_BYTES);
    const struct tally_frame frame = {
        .type = type, .receiver_index = receiver_index, .counter = counter};

    TALLY_ASSERT(type > TALLY_FRAME_NONE && type < TALLY_FRAME_TYPE_COUNT);
    TALLY_ASSERT(check_header(&frame) == TALLY_REJECT_NONE);
    tally_write_u8(&writer, TALLY_WIRE_MAJOR);
    tally_write_u8(&writer, (uint8_t)type);
    tally_write_u16(&writer, 0);
    tally_write_u32(&writer, receiver_index);
    tally_write_u64(&writer, counter);
}
