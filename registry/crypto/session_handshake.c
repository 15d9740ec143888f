/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages 1 and 2 (docs/PROTOCOL.md, "Channel").
 *
 * Every check of a peer's message is made on locals; only then, in one place, does anything of ours
 * change. So whatever is forged, damaged or repeated leaves no trace but a count.
 */
#include "base/assert.h"
#include "crypto/session_engine.h"
#include "crypto/session_message.h"

#include <sodium.h>
#include <string.h>

static const struct tally_session_rate source_rate = {TALLY_US_PER_S / TALLY_SESSION_SOURCE_PER_S,
                                                      TALLY_SESSION_SOURCE_BURST};
static const struct tally_session_rate total_rate = {TALLY_US_PER_S / TALLY_SESSION_TOTAL_PER_S,
                                                     TALLY_SESSION_TOTAL_BURST};
static const struct tally_session_rate key_rate = {TALLY_US_PER_S / TALLY_SESSION_KEY_PER_S,
                                                   TALLY_SESSION_KEY_BURST};

/* Ours; a variable, so that 0 is a version like any other. */
static const uint8_t minor_max = TALLY_WIRE_MINOR;

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
    uint8_t prologue[TALLY_SESSION_PROLOGUE_BYTES_MAX];
    const size_t prologue_bytes = tally_session_prologue(sessions->network_id, peer->operator_id,
                                                         peer->static_keys[key], prologue);
    uint8_t ephemeral[TALLY_NOISE_KEY_BYTES];
    const struct tally_noise_keys keys = {.static_secret = sessions->secret_key,
                                          .static_public = sessions->public_key,
                                          .ephemeral_secret = ephemeral,
                                          .remote_static = peer->static_keys[key]};
    struct tally_session_init payload = {
        .sender_index = index, .minor_min = 0, .minor_max = TALLY_WIRE_MINOR};
    uint8_t payload_bytes[TALLY_SESSION_INIT_PAYLOAD_BYTES];
    size_t body_bytes;
    enum tally_err err;

    tally_entropy_fill(&sessions->entropy, ephemeral, sizeof(ephemeral));
    tally_noise_init(noise, &tally_noise_ik, TALLY_NOISE_INITIATOR, prologue, prologue_bytes,
                     &keys);
    sodium_memzero(ephemeral, sizeof(ephemeral));
    sessions->stamp_ns = tally_session_stamp_next(sessions->stamp_ns, wall, payload.stamp);
    memcpy(payload.operator_id, sessions->operator_id, sizeof(payload.operator_id));
    tally_session_init_encode(&payload, payload_bytes);
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
                                       struct tally_session_response *payload,
                                       uint8_t send_key[TALLY_NOISE_KEY_BYTES],
                                       uint8_t receive_key[TALLY_NOISE_KEY_BYTES])
{
    struct tally_noise noise = attempt->noise;
    uint8_t bytes[TALLY_SESSION_RESPONSE_BODY_BYTES];
    size_t count;
    enum tally_reject reject =
        tally_noise_read(&noise, frame->body, frame->body_bytes, bytes, &count);

    if (reject == TALLY_REJECT_NONE && !tally_session_response_decode(bytes, count, payload)) {
        reject = TALLY_REJECT_VALUE;
    }
    if (reject == TALLY_REJECT_NONE && payload->minor > minor_max) {
        reject = TALLY_REJECT_VERSION;
    }
    if (reject == TALLY_REJECT_NONE) {
        tally_noise_split(&noise, send_key, receive_key);
    }
    tally_noise_wipe(&noise);
    return reject;
}

static void complete(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot,
                     uint32_t at, const struct tally_session_response *payload,
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
    struct tally_session_response payload;
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
    /* The source's own bucket first, or one flood would empty the common one. */
    if (!tally_session_sources_take(&sessions->sources, &source_rate, source, now) ||
        !tally_session_bucket_take(&sessions->all_sources, &total_rate, now)) {
        return TALLY_REJECT_RATE;
    }
    return TALLY_REJECT_NONE;
}

static enum tally_reject read_init(struct tally_sessions *sessions, const struct tally_frame *frame,
                                   struct tally_noise *noise, struct tally_session_init *payload)
{
    uint8_t prologue[TALLY_SESSION_PROLOGUE_BYTES_MAX];
    const size_t prologue_bytes = tally_session_prologue(
        sessions->network_id, sessions->operator_id, sessions->public_key, prologue);
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
    if (reject == TALLY_REJECT_NONE && !tally_session_init_decode(bytes, count, payload)) {
        reject = TALLY_REJECT_VALUE;
    }
    return reject;
}

/*
 * Whose message is it, and may they? The key's bucket comes last: who repeats a message that a peer
 * once sent must not be able to use up that peer's tokens.
 */
static enum tally_reject check_init(struct tally_sessions *sessions, struct tally_mono now,
                                    const struct tally_session_init *payload,
                                    struct tally_session_entry *entry, uint8_t *minor)
{
    const struct tally_session_seat *seat = tally_session_seat_at(sessions, entry->slot);

    if (strcmp(payload->operator_id, seat->listed.operator_id) != 0) {
        return TALLY_REJECT_IDENTITY;
    }
    if (!tally_session_minor_choose(payload, minor_max, minor)) {
        return TALLY_REJECT_VERSION;
    }
    if (!tally_session_stamp_is_later(payload->stamp, entry->stamp)) {
        return TALLY_REJECT_TIMESTAMP;
    }
    if (!tally_session_bucket_take(&entry->handshakes, &key_rate, now)) {
        return TALLY_REJECT_RATE;
    }
    return TALLY_REJECT_NONE;
}

/* Makes message 2 and the pair that waits for its confirmation. */
static void respond(struct tally_sessions *sessions, struct tally_mono now, uint32_t entry_at,
                    const struct tally_session_init *init, uint8_t minor, struct tally_noise *noise,
                    struct tally_session_result *result)
{
    struct tally_session_entry *entry = &sessions->directory.entries[entry_at];
    struct tally_session_seat *seat = tally_session_seat_at(sessions, entry->slot);
    const uint32_t replaced = tally_session_pair_find(seat, TALLY_SESSION_PAIR_NEXT);
    const struct tally_session_response payload = {
        .sender_index = tally_session_indices_draw(&sessions->indices, &sessions->entropy),
        .minor = minor};
    uint8_t payload_bytes[TALLY_SESSION_RESPONSE_PAYLOAD_BYTES];
    struct tally_session_pair *pair;
    size_t body_bytes;
    enum tally_err err;

    tally_session_response_encode(&payload, payload_bytes);
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
    struct tally_session_init payload;
    uint32_t entry = TALLY_SESSION_NOBODY;
    uint8_t minor = 0;
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
    reject = check_init(sessions, now.mono, &payload, &sessions->directory.entries[entry], &minor);
    if (reject != TALLY_REJECT_NONE) {
        goto out;
    }

    /* Every check has passed. From here on nothing can fail. */
    respond(sessions, now.mono, entry, &payload, minor, &noise, result);

out:
    tally_noise_wipe(&noise);
    return reject;
}
