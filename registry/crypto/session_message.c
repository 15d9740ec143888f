/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/session_message.h"

#include "base/assert.h"
#include "base/cursor.h"

#include <sodium.h>
#include <string.h>

enum { OPERATOR_ID_CHARACTERS_MAX = TALLY_OPERATOR_ID_BYTES - 1 };

#define NS_PER_S UINT64_C(1000000000)
#define TAI64_EPOCH (UINT64_C(0x4000000000000000) + 10) /* 1970-01-01T00:00:00Z */
#define TAI64_END (UINT64_C(1) << 63)                   /* labels beyond are reserved */

static uint64_t big_endian_of(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void write_big_endian(uint8_t *bytes, size_t count, uint64_t value)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (count - 1 - i)));
    }
}

uint64_t tally_session_stamp_next(uint64_t last_ns, struct tally_wall wall,
                                  uint8_t stamp[TALLY_SESSION_STAMP_BYTES])
{
    const uint64_t wall_ns =
        wall.us > 0 && wall.us < INT64_MAX / 1000 ? (uint64_t)wall.us * 1000 : 0;
    const uint64_t stamp_ns = wall_ns > last_ns ? wall_ns : last_ns + 1;

    write_big_endian(stamp, 8, TAI64_EPOCH + stamp_ns / NS_PER_S);
    write_big_endian(stamp + 8, 4, stamp_ns % NS_PER_S);
    return stamp_ns;
}

static bool stamp_is_valid(const uint8_t stamp[TALLY_SESSION_STAMP_BYTES])
{
    return big_endian_of(stamp, 8) < TAI64_END && big_endian_of(stamp + 8, 4) < NS_PER_S;
}

bool tally_session_stamp_is_later(const uint8_t stamp[TALLY_SESSION_STAMP_BYTES],
                                  const uint8_t than[TALLY_SESSION_STAMP_BYTES])
{
    const uint64_t label = big_endian_of(stamp, 8);
    const uint64_t than_label = big_endian_of(than, 8);

    if (label != than_label) {
        return label > than_label;
    }
    return big_endian_of(stamp + 8, 4) > big_endian_of(than + 8, 4);
}

size_t tally_session_prologue(const uint8_t network_id[32], const char *responder_id,
                              const uint8_t responder_key[TALLY_SESSION_KEY_BYTES],
                              uint8_t prologue[TALLY_SESSION_PROLOGUE_BYTES_MAX])
{
    struct tally_writer writer = tally_writer_of(prologue, TALLY_SESSION_PROLOGUE_BYTES_MAX);
    uint8_t key_hash[crypto_hash_sha256_BYTES];
    const size_t id_bytes = strlen(responder_id);

    (void)crypto_hash_sha256(key_hash, responder_key, TALLY_SESSION_KEY_BYTES);
    tally_write_bytes(&writer, "TALLY", 5);
    tally_write_u8(&writer, TALLY_WIRE_MAJOR);
    tally_write_bytes(&writer, network_id, 32);
    tally_write_u8(&writer, (uint8_t)id_bytes);
    tally_write_bytes(&writer, responder_id, id_bytes);
    tally_write_bytes(&writer, key_hash, TALLY_SESSION_KEY_ID_BYTES);
    TALLY_ASSERT(!writer.failed);
    return writer.at;
}

void tally_session_init_encode(const struct tally_session_init *init,
                               uint8_t bytes[TALLY_SESSION_INIT_PAYLOAD_BYTES])
{
    struct tally_writer writer = tally_writer_of(bytes, TALLY_SESSION_INIT_PAYLOAD_BYTES);
    const size_t id_bytes = strlen(init->operator_id);

    tally_write_bytes(&writer, init->stamp, sizeof(init->stamp));
    tally_write_u32(&writer, init->sender_index);
    tally_write_u8(&writer, init->minor_min);
    tally_write_u8(&writer, init->minor_max);
    tally_write_zeros(&writer, 1);
    tally_write_u8(&writer, (uint8_t)id_bytes);
    tally_write_bytes(&writer, init->operator_id, id_bytes);
    tally_write_zeros(&writer, OPERATOR_ID_CHARACTERS_MAX - id_bytes + 1);
    TALLY_ASSERT(!writer.failed && writer.at == TALLY_SESSION_INIT_PAYLOAD_BYTES);
}

bool tally_session_init_decode(const uint8_t *bytes, size_t count, struct tally_session_init *init)
{
    struct tally_reader reader = tally_reader_of(bytes, count);
    size_t id_bytes;

    memset(init, 0, sizeof(*init));
    tally_read_bytes(&reader, init->stamp, sizeof(init->stamp));
    init->sender_index = tally_read_u32(&reader);
    init->minor_min = tally_read_u8(&reader);
    init->minor_max = tally_read_u8(&reader);
    tally_read_zeros(&reader, 1);
    id_bytes = tally_read_u8(&reader);
    if (id_bytes > OPERATOR_ID_CHARACTERS_MAX) {
        return false;
    }
    tally_read_bytes(&reader, init->operator_id, id_bytes);
    tally_read_zeros(&reader, OPERATOR_ID_CHARACTERS_MAX - id_bytes + 1);
    return tally_reader_is_done(&reader) && stamp_is_valid(init->stamp) &&
           init->sender_index != 0 && init->minor_min <= init->minor_max &&
           tally_operator_id_is_valid(init->operator_id, id_bytes);
}

void tally_session_response_encode(const struct tally_session_response *response,
                                   uint8_t bytes[TALLY_SESSION_RESPONSE_PAYLOAD_BYTES])
{
    struct tally_writer writer = tally_writer_of(bytes, TALLY_SESSION_RESPONSE_PAYLOAD_BYTES);

    tally_write_u32(&writer, response->sender_index);
    tally_write_u8(&writer, response->minor);
    tally_write_zeros(&writer, 3);
    TALLY_ASSERT(!writer.failed && writer.at == TALLY_SESSION_RESPONSE_PAYLOAD_BYTES);
}

bool tally_session_response_decode(const uint8_t *bytes, size_t count,
                                   struct tally_session_response *response)
{
    struct tally_reader reader = tally_reader_of(bytes, count);

    response->sender_index = tally_read_u32(&reader);
    response->minor = tally_read_u8(&reader);
    tally_read_zeros(&reader, 3);
    return tally_reader_is_done(&reader) && response->sender_index != 0;
}

bool tally_session_minor_choose(const struct tally_session_init *init, uint8_t ours_max,
                                uint8_t *minor)
{
    if (init->minor_min > ours_max) {
        return false;
    }
    *minor = init->minor_max < ours_max ? init->minor_max : ours_max;
    return true;
}
