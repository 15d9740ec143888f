/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_message.h - what the two handshake messages say and what both sides must agree on before
 * the first (docs/PROTOCOL.md, "Channel").
 *
 *   payload of message 1               payload of message 2
 *   offset size                        offset size
 *    0     12  TAI64N, big-endian       0      4  sender index, not 0
 *   12      4  sender index, not 0      4      1  minor version chosen
 *   16      1  lowest minor offered     5      3  reserved, 0
 *   17      1  highest minor offered
 *   18      1  reserved, 0
 *   19      1  n, 1 to 63
 *   20     63  operator id of n characters, then zeros
 *   83      1  reserved, 0
 *
 * Touches: libsodium (SHA-256). Threads: safe. Memory: the caller's.
 */
#pragma once

#include "crypto/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_SESSION_STAMP_BYTES = 12,
    TALLY_SESSION_INIT_PAYLOAD_BYTES = 84,
    TALLY_SESSION_RESPONSE_PAYLOAD_BYTES = 8,
    TALLY_SESSION_KEY_ID_BYTES = 8,
    TALLY_SESSION_PROLOGUE_BYTES_MAX =
        5 + 1 + 32 + 1 + (TALLY_OPERATOR_ID_BYTES - 1) + TALLY_SESSION_KEY_ID_BYTES,
};

struct tally_session_init {
    uint8_t stamp[TALLY_SESSION_STAMP_BYTES];
    uint32_t sender_index;
    uint8_t minor_min, minor_max;
    char operator_id[TALLY_OPERATOR_ID_BYTES];
};

struct tally_session_response {
    uint32_t sender_index;
    uint8_t minor;
};

/*
 * Writes the prologue and gives its size: "TALLY", wire major (1), network id (32), length of the
 * responder's operator id (1), that id, and its key's id: the first 8 bytes of the SHA-256 of the
 * static public key.
 */
size_t tally_session_prologue(const uint8_t network_id[32], const char *responder_id,
                              const uint8_t responder_key[TALLY_SESSION_KEY_BYTES],
                              uint8_t prologue[TALLY_SESSION_PROLOGUE_BYTES_MAX]);

void tally_session_init_encode(const struct tally_session_init *init,
                               uint8_t bytes[TALLY_SESSION_INIT_PAYLOAD_BYTES]);
/* False: not such a payload; init is not to be used. */
bool tally_session_init_decode(const uint8_t *bytes, size_t count, struct tally_session_init *init);

void tally_session_response_encode(const struct tally_session_response *response,
                                   uint8_t bytes[TALLY_SESSION_RESPONSE_PAYLOAD_BYTES]);
bool tally_session_response_decode(const uint8_t *bytes, size_t count,
                                   struct tally_session_response *response);

/* The highest minor version that both know, ours being 0 to ours_max. False: there is none. */
bool tally_session_minor_choose(const struct tally_session_init *init, uint8_t ours_max,
                                uint8_t *minor);

/*
 * Writes the stamp of `wall`, or, if the clock has not moved on since the last one, the next after
 * that. Gives what to hand in as last_ns the next time.
 */
uint64_t tally_session_stamp_next(uint64_t last_ns, struct tally_wall wall,
                                  uint8_t stamp[TALLY_SESSION_STAMP_BYTES]);
bool tally_session_stamp_is_later(const uint8_t stamp[TALLY_SESSION_STAMP_BYTES],
                                  const uint8_t than[TALLY_SESSION_STAMP_BYTES]);
