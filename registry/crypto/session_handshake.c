/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages 1 and 2 (docs/PROTOCOL.md, "Channel").
 *
 * Every check of a peer's message is made on locals; only then, in one place, does anything of ours
 * change. So whatever is forged, damaged or repeated leaves no trace but a count.
 */
#include "base/assert.h"
#include "base/cursor.h"
#include "crypto/session_engine.h"

#include <sodium.h>
#include <string.h>

enum {
    KEY_ID_BYTES = 8,
    PROLOGUE_BYTES_MAX = 5 + 1 + 32 + 1 + (TALLY_OPERATOR_ID_BYTES - 1) + KEY_ID_BYTES,
    OPERATOR_ID_CHARACTERS_MAX = TALLY_OPERATOR_ID_BYTES - 1,
};

#define NS_PER_S UINT64_C(1000000000)
#define TAI64_EPOCH (UINT64_C(0x4000000000000000) + 10) /* 1970-01-01T00:00:00Z */
#define TAI64_END (UINT64_C(1) << 63)                   /* labels beyond are reserved */

static const struct tally_session_rate source_rate = {TALLY_US_PER_S / TALLY_SESSION_SOURCE_PER_S,
                                                      TALLY_SESSION_SOURCE_BURST};
static const struct tally_session_rate total_rate = {TALLY_US_PER_S / TALLY_SESSION_TOTAL_PER_S,
                                                     TALLY_SESSION_TOTAL_BURST};
static const struct tally_session_rate key_rate = {TALLY_US_PER_S / TALLY_SESSION_KEY_PER_S,
                                                   TALLY_SESSION_KEY_BURST};

/* What message 1 says under its seal. */
struct init_payload {
    uint8_t stamp[TALLY_SESSION_STAMP_BYTES];
    uint32_t sender_index;
    uint8_t minor_min, minor_max;
    char operator_id[TALLY_OPERATOR_ID_BYTES];
};

struct response_payload {
    uint32_t sender_index;
    uint8_t minor;
};

static void write_u32_big(struct tally_writer *writer, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        tally_write_u8(writer, (uint8_t)(value >> shift));
    }
}

static uint64_t big_endian_of(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* TAI64N, big-endian as D. J. Bernstein lays it down, so that byte order is time order. */
static void stamp_encode(uint64_t unix_ns, uint8_t stamp[TALLY_SESSION_STAMP_BYTES])
{
    struct tally_writer writer = tally_writer_of(stamp, TALLY_SESSION_STAMP_BYTES);
    const uint64_t label = TAI64_EPOCH + unix_ns / NS_PER_S;

    write_u32_big(&writer, (uint32_t)(label >> 32));
    write_u32_big(&writer, (uint32_t)label);
    write_u32_big(&writer, (uint32_t)(unix_ns % NS_PER_S));
}

static bool stamp_is_valid(const uint8_t stamp[TALLY_SESSION_STAMP_BYTES])
{
    return big_endian_of(stamp, 8) < TAI64_END && big_endian_of(stamp + 8, 4) < NS_PER_S;
}

/* Both are public by the time they are compared: no need for constant time. */
static bool stamp_is_later(const uint8_t stamp[TALLY_SESSION_STAMP_BYTES],
                           const uint8_t than[TALLY_SESSION_STAMP_BYTES])
{
    const uint64_t seconds[2] = {big_endian_of(stamp, 8), big_endian_of(than, 8)};

    if (seconds[0] != seconds[1]) {
        return seconds[0] > seconds[1];
    }
    return big_endian_of(stamp + 8, 4) > big_endian_of(than + 8, 4);
}

/* Strictly greater than the last, even if the wall clock was set back. */
static void next_stamp(struct tally_sessions *sessions, struct tally_wall wall,
                       uint8_t stamp[TALLY_SESSION_STAMP_BYTES])
{
    const uint64_t wall_ns =
        wall.us > 0 && wall.us < INT64_MAX / 1000 ? (uint64_t)wall.us * 1000 : 0;

    sessions->stamp_ns = wall_ns > sessions->stamp_ns ? wall_ns : sessions->stamp_ns + 1;
    stamp_encode(sessions->stamp_ns, stamp);
}

static size_t write_prologue(const struct tally_sessions *sessions, const char *responder_id,
                             const uint8_t responder_key[TALLY_SESSION_KEY_BYTES],
                             uint8_t prologue[PROLOGUE_BYTES_MAX])
{
    struct tally_writer writer = tally_writer_of(prologue, PROLOGUE_BYTES_MAX);
    uint8_t key_hash[crypto_hash_sha256_BYTES];
    const size_t id_bytes = strlen(responder_id);

    (void)crypto_hash_sha256(key_hash, responder_key, TALLY_SESSION_KEY_BYTES);
    tally_write_bytes(&writer, "TALLY", 5);
    tally_write_u8(&writer, TALLY_WIRE_MAJOR);
    tally_write_bytes(&writer, sessions->network_id, sizeof(sessions->network_id));
    tally_write_u8(&writer, (uint8_t)id_bytes);
    tally_write_bytes(&writer, responder_id, id_bytes);
    tally_write_bytes(&writer, key_hash, KEY_ID_BYTES);
    TALLY_ASSERT(!writer.failed);
    return writer.at;
}

static void encode_init_payload(const struct init_payload *payload,
                                uint8_t bytes[TALLY_SESSION_INIT_PAYLOAD_BYTES])
{
    struct tally_writer writer = tally_writer_of(bytes, TALLY_SESSION_INIT_PAYLOAD_BYTES);
    const size_t id_bytes = strlen(payload->operator_id);

    tally_write_bytes(&writer, payload->stamp, sizeof(payload->stamp));
    tally_write_u32(&writer, payload->sender_index);
    tally_write_u8(&writer, payload->minor_min);
    tally_write_u8(&writer, payload->minor_max);
    tally_write_zeros(&writer, 1);
    tally_write_u8(&writer, (uint8_t)id_bytes);
    tally_write_bytes(&writer, payload->operator_id, id_bytes);
    tally_write_zeros(&writer, OPERATOR_ID_CHARACTERS_MAX - id_bytes + 1);
    TALLY_ASSERT(!writer.failed && writer.at == TALLY_SESSION_INIT_PAYLOAD_BYTES);
}

static bool decode_init_payload(const uint8_t *bytes, size_t count, struct init_payload *payload)
{
    struct tally_reader reader = tally_reader_of(bytes, count);
    size_t id_bytes;

    memset(payload, 0, sizeof(*payload));
    tally_read_bytes(&reader, payload->stamp, sizeof(payload->stamp));
    payload->sender_index = tally_read_u32(&reader);
    payload->minor_min = tally_read_u8(&reader);
    payload->minor_max = tally_read_u8(&reader);
    tally_read_zeros(&reader, 1);
    id_bytes = tally_read_u8(&reader);
    if (id_bytes > OPERATOR_ID_CHARACTERS_MAX) {
        return false;
    }
    tally_read_bytes(&reader, payload->operator_id, id_bytes);
    tally_read_zeros(&reader, OPERATOR_ID_CHARACTERS_MAX - id_bytes + 1);
    return tally_reader_is_done(&reader) && stamp_is_valid(payload->stamp) &&
           payload->sender_index != 0 && payload->minor_min <= payload->minor_max &&
           tally_operator_id_is_valid(payload->operator_id, id_bytes);
}

static void encode_response_payload(const struct response_payload *payload,
                                    uint8_t bytes[TALLY_SESSION_RESPONSE_PAYLOAD_BYTES])
{
    struct tally_writer writer = tally_writer_of(bytes, TALLY_SESSION_RESPONSE_PAYLOAD_BYTES);

    tally_write_u32(&writer, payload->sender_index);
    tally_write_u8(&writer, payload->minor);
    tally_write_zeros(&writer, 3);
    TALLY_ASSERT(!writer.failed && writer.at == TALLY_SESSION_RESPONSE_PAYLOAD_BYTES);
}

static bool decode_response_payload(const uint8_t *bytes, size_t count,
                                    struct response_payload *payload)
{
    struct tally_reader reader = tally_reader_of(bytes, count);

    payload->sender_index = tally_read_u32(&reader);
    payload->minor = tally_read_u8(&reader);
    tally_read_zeros(&reader, 3);
    return tally_reader_is_done(&reader) && payload->sender_index != 0;
}

static enum tally_reject check_size(size_t body_bytes, size_t want_bytes)
{
    if (body_bytes == want_bytes) {
        return TALLY_REJECT_NONE;
    }
    return body_bytes < want_bytes ? TALLY_REJECT_SHORT : TALLY_REJECT_LONG;
}

/* --- Initiator --- */

/*
 * Which of the peer's keys to try: the one that it has proven last, or its current one; if that
 * stays unanswered the other, as the peer may have moved on to it before we could hear so.
 */
static uint32_t choose_key(const struct tally_session_seat *seat)
{
    const uint32_t first = seat->proven;
    const uint32_t wanted = (first + seat->attempt.attempt_count) % seat->listed.key_count;

    if (seat->entries[wanted] != TALLY_SESSION_NOBODY) {
        return wanted;
    }
    return seat->entries[first] != TALLY_SESSION_NOBODY ? first : TALLY_SESSION_NOBODY;
}

/* Writes message 1 as a frame. False: the peer's key is a point of low order. */
static bool write_init(struct tally_sessions *sessions, struct tally_wall wall,
                       const struct tally_session_peer *peer, uint32_t key, uint32_t index,
                       struct tally_noise *noise, uint8_t frame[TALLY_SESSION_INIT_FRAME_BYTES])
{
    uint8_t prologue[PROLOGUE_BYTES_MAX];
    const size_t prologue_bytes =
        write_prologue(sessions, peer->operator_id, peer->static_keys[key], prologue);
    uint8_t ephemeral[TALLY_NOISE_KEY_BYTES];
    const struct tally_noise_keys keys = {.static_secret = sessions->secret_key,
                                          .static_public = sessions->public_key,
                                          .ephemeral_secret = ephemeral,
                                          .remote_static = peer->static_keys[key]};
    struct init_payload payload = {
        .sender_index = index, .minor_min = 0, .minor_max = TALLY_WIRE_MINOR};
    uint8_t payload_bytes[TALLY_SESSION_INIT_PAYLOAD_BYTES];
    size_t body_bytes;
    enum tally_err err;

    tally_entropy_fill(&sessions->entropy, ephemeral, sizeof(ephemeral));
    tally_noise_init(noise, &tally_noise_ik, TALLY_NOISE_INITIATOR, prologue, prologue_bytes,
                     &keys);
    sodium_memzero(ephemeral, sizeof(ephemeral));
    next_stamp(sessions, wall, payload.stamp);
    memcpy(payload.operator_id, sessions->operator_id, sizeof(payload.operator_id));
    encode_init_payload(&payload, payload_bytes);
    tally_frame_header_encode(frame, TALLY_FRAME_INIT, 0, 0);
    err = tally_noise_write(noise, payload_bytes, sizeof(payload_bytes),
                            frame + TALLY_FRAME_HEADER_BYTES, TALLY_SESSION_INIT_BODY_BYTES,
                            &body_bytes);
    TALLY_ASSERT(err == TALLY_ERR_CRYPTO || body_bytes == TALLY_SESSION_INIT_BODY_BYTES);
    return err == TALLY_ERR_OK;
}

bool tally_session_initiate(struct tally_sessions *sessions, struct tally_now now, uint32_t slot)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    struct tally_session_pair *pair;
    const uint32_t key = choose_key(seat);
    uint32_t index;

    tally_session_pair_drop(sessions, slot,
                            tally_session_pair_find(seat, TALLY_SESSION_PAIR_PENDING));
    seat->attempt.attempt_count++;
    seat->attempt.failed_count = 0;
    seat->resend_at.us = TALLY_MONO_NEVER_US;
    seat->initiate_at = tally_session_retry_at(sessions, now.mono, slot);
    if (key == TALLY_SESSION_NOBODY) {
        return false;
    }
    index = tally_session_indices_draw(&sessions->indices, &sessions->entropy);
    if (!write_init(sessions, now.wall, &seat->listed, key, index, &seat->attempt.noise,
                    seat->attempt.frame)) {
        return false;
    }
    pair = tally_session_pair_take(sessions, slot, TALLY_SESSION_PAIR_PENDING, index);
    pair->key_entry = seat->entries[key];
    pair->born = now.mono;
    seat->initiated_at = now.mono;
    sessions->stats.initiations++;
    return true;
}

/* Reads message 2 on a copy, so that a forged one does not spoil the attempt. */
static enum tally_reject read_response(const struct tally_session_attempt *attempt,
                                       const struct tally_frame *frame,
                                       struct response_payload *payload,
                                       uint8_t send_key[TALLY_NOISE_KEY_BYTES],
                                       uint8_t receive_key[TALLY_NOISE_KEY_BYTES])
{
    struct tally_noise noise = attempt->noise;
    uint8_t bytes[TALLY_SESSION_RESPONSE_BODY_BYTES];
    size_t count;
    enum tally_reject reject =
        tally_noise_read(&noise, frame->body, frame->body_bytes, bytes, &count);

    if (reject == TALLY_REJECT_NONE && !decode_response_payload(bytes, count, payload)) {
        reject = TALLY_REJECT_VALUE;
    }
    if (reject == TALLY_REJECT_NONE && payload->minor > TALLY_WIRE_MINOR) {
        reject = TALLY_REJECT_VERSION;
    }
    if (reject == TALLY_REJECT_NONE) {
        tally_noise_split(&noise, send_key, receive_key);
    }
    tally_noise_wipe(&noise);
    return reject;
}

static void complete(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot,
                     uint32_t at, const struct response_payload *payload,
                     struct tally_session_result *result)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    struct tally_session_pair *pair = &seat->pairs[at];

    result->came_up = !tally_session_seat_is_up(seat, now);
    pair->remote_index = payload->sender_index;
    pair->minor = payload->minor;
    tally_noise_wipe(&seat->attempt.noise);
    seat->resend_at.us = TALLY_MONO_NEVER_US;
    tally_session_pair_promote(sessions, now, slot, at);
    sessions->stats.initiated++;
    result->event = TALLY_SESSION_UP;
    result->peer = slot;

    /* The responder may not use the session before it sees a frame of it. */
    if (tally_session_pair_seal(pair, NULL, 0, result->reply, &result->reply_bytes)) {
        sessions->stats.frames_sealed++;
    }
}

enum tally_reject tally_session_consume_response(struct tally_sessions *sessions,
                                                 struct tally_now now,
                                                 const struct tally_frame *frame,
                                                 struct tally_session_result *result)
{
    const uint32_t place = tally_session_indices_find(&sessions->indices, frame->receiver_index);
    struct response_payload payload;
    struct tally_session_seat *seat;
    struct tally_session_pair *pair;
    enum tally_reject reject;

    if (place == TALLY_SESSION_PLACE_NONE) {
        return TALLY_REJECT_INDEX;
    }
    seat = tally_session_seat_at(sessions, place / TALLY_SESSION_PAIRS);
    pair = &seat->pairs[place % TALLY_SESSION_PAIRS];
    if (pair->state != TALLY_SESSION_PAIR_PENDING) {
        return TALLY_REJECT_STATE;
    }
    if (tally_mono_since_us(now.mono, pair->born) >= TALLY_SESSION_REJECT_AFTER_US) {
        return TALLY_REJECT_EXPIRED;
    }
    reject = check_size(frame->body_bytes, TALLY_SESSION_RESPONSE_BODY_BYTES);
    if (reject != TALLY_REJECT_NONE) {
        return reject;
    }
    if (seat->attempt.failed_count >= TALLY_SESSION_RESPONSE_TRIES_MAX) {
        return TALLY_REJECT_RATE;
    }
    reject = read_response(&seat->attempt, frame, &payload, pair->send_key, pair->receive_key);
    if (reject != TALLY_REJECT_NONE) {
        seat->attempt.failed_count++;
        return reject;
    }

    /* Every check has passed. */
    complete(sessions, now.mono, place / TALLY_SESSION_PAIRS, place % TALLY_SESSION_PAIRS, &payload,
             result);
    return TALLY_REJECT_NONE;
}

/* --- Responder --- */

static enum tally_reject admit_init(struct tally_sessions *sessions, struct tally_mono now,
                                    uint64_t source, const struct tally_frame *frame)
{
    const enum tally_reject reject = check_size(frame->body_bytes, TALLY_SESSION_INIT_BODY_BYTES);

    if (reject != TALLY_REJECT_NONE) {
        return reject;
    }
    if (frame->receiver_index != 0 || frame->counter != 0) {
        return TALLY_REJECT_RESERVED;
    }
    /* The source's own bucket first, or one flood would empty the common one. */
    if (!tally_session_sources_take(&sessions->sources, &source_rate, source, now) ||
        !tally_session_bucket_take(&sessions->all_sources, &total_rate, now)) {
        return TALLY_REJECT_RATE;
    }
    return TALLY_REJECT_NONE;
}

static enum tally_reject read_init(struct tally_sessions *sessions, const struct tally_frame *frame,
                                   struct tally_noise *noise, struct init_payload *payload)
{
    uint8_t prologue[PROLOGUE_BYTES_MAX];
    const size_t prologue_bytes =
        write_prologue(sessions, sessions->operator_id, sessions->public_key, prologue);
    uint8_t ephemeral[TALLY_NOISE_KEY_BYTES];
    const struct tally_noise_keys keys = {.static_secret = sessions->secret_key,
                                          .static_public = sessions->public_key,
                                          .ephemeral_secret = ephemeral};
    uint8_t bytes[TALLY_SESSION_INIT_BODY_BYTES];
    size_t count;
    enum tally_reject reject;

    tally_entropy_fill(&sessions->entropy, ephemeral, sizeof(ephemeral));
    tally_noise_init(noise, &tally_noise_ik, TALLY_NOISE_RESPONDER, prologue, prologue_bytes,
                     &keys);
    sodium_memzero(ephemeral, sizeof(ephemeral));
    reject = tally_noise_read(noise, frame->body, frame->body_bytes, bytes, &count);
    if (reject == TALLY_REJECT_NONE && !decode_init_payload(bytes, count, payload)) {
        reject = TALLY_REJECT_VALUE;
    }
    return reject;
}

/*
 * Whose message is it, and may they? The key's bucket comes last: who repeats a message that a peer
 * once sent must not be able to use up that peer's tokens.
 */
static enum tally_reject check_init(struct tally_sessions *sessions, struct tally_mono now,
                                    const struct init_payload *payload,
                                    struct tally_session_entry *entry)
{
    const struct tally_session_seat *seat = tally_session_seat_at(sessions, entry->slot);

    if (strcmp(payload->operator_id, seat->listed.operator_id) != 0) {
        return TALLY_REJECT_IDENTITY;
    }
    if (payload->minor_min > TALLY_WIRE_MINOR) {
        return TALLY_REJECT_VERSION;
    }
    if (!stamp_is_later(payload->stamp, entry->stamp)) {
        return TALLY_REJECT_TIMESTAMP;
    }
    if (!tally_session_bucket_take(&entry->handshakes, &key_rate, now)) {
        return TALLY_REJECT_RATE;
    }
    return TALLY_REJECT_NONE;
}

static uint8_t lower_of(uint8_t one, uint8_t other)
{
    return one < other ? one : other;
}

/* Makes message 2 and the pair that waits for its confirmation. */
static void respond(struct tally_sessions *sessions, struct tally_mono now, uint32_t entry_at,
                    const struct init_payload *init, struct tally_noise *noise,
                    struct tally_session_result *result)
{
    struct tally_session_entry *entry = &sessions->directory.entries[entry_at];
    struct tally_session_seat *seat = tally_session_seat_at(sessions, entry->slot);
    const uint32_t replaced = tally_session_pair_find(seat, TALLY_SESSION_PAIR_NEXT);
    const struct response_payload payload = {
        .sender_index = tally_session_indices_draw(&sessions->indices, &sessions->entropy),
        .minor = lower_of(init->minor_max, TALLY_WIRE_MINOR)};
    uint8_t payload_bytes[TALLY_SESSION_RESPONSE_PAYLOAD_BYTES];
    struct tally_session_pair *pair;
    size_t body_bytes;
    enum tally_err err;

    encode_response_payload(&payload, payload_bytes);
    tally_frame_header_encode(result->reply, TALLY_FRAME_RESPONSE, init->sender_index, 0);
    err = tally_noise_write(noise, payload_bytes, sizeof(payload_bytes),
                            result->reply + TALLY_FRAME_HEADER_BYTES,
                            sizeof(result->reply) - TALLY_FRAME_HEADER_BYTES, &body_bytes);
    /* Both of the peer's keys have passed through a key agreement when message 1 was read. */
    TALLY_ASSERT(err == TALLY_ERR_OK && body_bytes == TALLY_SESSION_RESPONSE_BODY_BYTES);
    result->reply_bytes = TALLY_FRAME_HEADER_BYTES + body_bytes;
    result->peer = entry->slot;

    memcpy(entry->stamp, init->stamp, sizeof(entry->stamp));
    tally_session_pair_drop(sessions, entry->slot, replaced);
    pair = tally_session_pair_take(sessions, entry->slot, TALLY_SESSION_PAIR_NEXT,
                                   payload.sender_index);
    pair->remote_index = init->sender_index;
    pair->key_entry = entry_at;
    pair->born = now;
    pair->minor = payload.minor;
    tally_noise_split(noise, pair->send_key, pair->receive_key);

    /* The peer is at it: our own turn can wait, but not for ever if this is never confirmed. */
    if (replaced == TALLY_SESSION_PAIRS) {
        const struct tally_mono later = tally_session_retry_at(sessions, now, entry->slot);

        seat->initiate_at = later.us > seat->initiate_at.us ? later : seat->initiate_at;
    }
    tally_session_arm(sessions, now, entry->slot);
    sessions->stats.responses++;
}

enum tally_reject tally_session_consume_init(struct tally_sessions *sessions, struct tally_now now,
                                             uint64_t source, const struct tally_frame *frame,
                                             struct tally_session_result *result)
{
    struct tally_noise noise;
    struct init_payload payload;
    uint32_t entry = TALLY_SESSION_NOBODY;
    enum tally_reject reject = admit_init(sessions, now.mono, source, frame);

    if (reject != TALLY_REJECT_NONE) {
        return reject;
    }
    reject = read_init(sessions, frame, &noise, &payload);
    if (reject != TALLY_REJECT_NONE) {
        goto out;
    }
    entry = tally_session_directory_find(&sessions->directory, noise.remote_static);
    if (entry == TALLY_SESSION_NOBODY) {
        reject = TALLY_REJECT_KEY;
        goto out;
    }
    result->peer = sessions->directory.entries[entry].slot;
    reject = check_init(sessions, now.mono, &payload, &sessions->directory.entries[entry]);
    if (reject != TALLY_REJECT_NONE) {
        goto out;
    }

    /* Every check has passed. From here on nothing can fail. */
    respond(sessions, now.mono, entry, &payload, &noise, result);

out:
    tally_noise_wipe(&noise);
    return reject;
}
