/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - the outside of everything two registries send each other.
 *
 * One ZeroMQ message of exactly one part. Layout, little-endian:
 *
 *   offset size
 *    0      1   version, TALLY_WIRE_MAJOR
 *    1      1   type, enum tally_frame_type
 *    2      2   reserved, 0
 *    4      4   receiver index (INIT: the sender's index is inside; here 0)
 *    8      8   counter (INIT and RESPONSE: 0)
 *   16      n   Noise handshake message, or AEAD ciphertext with its 16-byte tag
 *
 * The 16 header bytes are the associated data of a TRANSPORT frame's AEAD.
 *
 * Pure. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "wire/reject.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_WIRE_MAJOR = 1,
    TALLY_WIRE_MINOR = 0,
    TALLY_FRAME_HEADER_BYTES = 16,
    TALLY_FRAME_TAG_BYTES = 16,
    TALLY_FRAME_BYTES_MAX = 16384,
    TALLY_FRAME_PAYLOAD_BYTES_MAX = 16384 - 16 - 16, /* a batch, padding included */
};

enum tally_frame_type {
    TALLY_FRAME_NONE,
    TALLY_FRAME_INIT,      /* Noise IK message 1 */
    TALLY_FRAME_RESPONSE,  /* Noise IK message 2 */
    TALLY_FRAME_TRANSPORT, /* a sealed batch (wire/record.h); empty: key confirmation */
    TALLY_FRAME_TYPE_COUNT
};

struct tally_frame {
    enum tally_frame_type type;
    uint32_t receiver_index;
    uint64_t counter;
    const uint8_t *body; /* borrowed from the bytes decoded */
    size_t body_bytes;
};

/*
 * Checks and splits one frame: SHORT below 32 bytes (every body ends in a tag), LONG, VERSION,
 * TYPE, RESERVED, VALUE for an index or counter that the type must not have.
 *
 * frame    written only when the result is TALLY_REJECT_NONE
 */
enum tally_reject tally_frame_decode(const void *bytes, size_t size, struct tally_frame *frame);

/* Writes the 16 header bytes. receiver_index is 0 for INIT, counter for INIT and RESPONSE. */
void tally_frame_header_encode(uint8_t out[TALLY_FRAME_HEADER_BYTES], enum tally_frame_type type,
                               uint32_t receiver_index, uint64_t counter);
