/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/session.h"

#include "base/assert.h"
#include "crypto/session_engine.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCES_PER_PEER = 4, SOURCES_MIN = 1024 };

TALLY_STATIC_ASSERT((int)TALLY_SESSION_INIT_FRAME_BYTES <= (int)TALLY_SESSION_HANDSHAKE_BYTES_MAX,
                    "message 1 fits the caller's buffer");
TALLY_STATIC_ASSERT(TALLY_SESSION_NOBODY == TALLY_WHEEL_NOBODY, "one word for nobody");

/* Guarded, locked and wiped when freed. Its end lies against a guard page, hence the rounding: the
 * start must be aligned for any struct. */
static void *secret_zalloc(size_t count, size_t size)
{
    const size_t bytes = (count * size + 63) / 64 * 64;
    void *memory = sodium_malloc(bytes);

    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

static enum tally_err check_config(const struct tally_sessions_config *config,
                                   struct tally_fault *fault)
{
    if (config->peer_max == 0 || config->peer_max > TALLY_SESSION_PEERS_MAX) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT,
                               "sessions: room for %u peers is asked for; 1 to %d are possible",
                               (unsigned)config->peer_max, (int)TALLY_SESSION_PEERS_MAX);
    }
    if (!tally_operator_id_is_valid(config->operator_id, strlen(config->operator_id))) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT,
                               "sessions: our own operator id is not 1 to %d of a-z 0-9 . -",
                               (int)TALLY_OPERATOR_ID_BYTES - 1);
    }
    return TALLY_ERR_OK;
}

static enum tally_err open_tables(struct tally_sessions *sessions,
                                  const struct tally_hash_key *hash_key)
{
    const uint32_t peer_max = sessions->peer_max;
    const uint32_t source_count =
        peer_max * SOURCES_PER_PEER > SOURCES_MIN ? peer_max * SOURCES_PER_PEER : SOURCES_MIN;
    enum tally_err err;

    sessions->seats = secret_zalloc(peer_max, sizeof(struct tally_session_seat));
    sessions->nodes = calloc(peer_max, sizeof(struct tally_wheel_node));
    if (sessions->seats == NULL || sessions->nodes == NULL) {
        return TALLY_ERR_SYSTEM;
    }
    err = tally_session_directory_open(&sessions->directory, peer_max * TALLY_SESSION_KEYS_MAX,
                                       hash_key);
    if (err == TALLY_ERR_OK) {
        err = tally_session_indices_open(&sessions->indices, peer_max * TALLY_SESSION_PAIRS,
                                         hash_key);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_session_sources_open(&sessions->sources, source_count, hash_key);
    }
    return err;
}

static void empty_seats(struct tally_sessions *sessions)
{
    for (uint32_t slot = 0; slot < sessions->peer_max; slot++) {
        struct tally_session_seat *seat = &sessions->seats[slot];

        seat->entries[0] = TALLY_SESSION_NOBODY;
        seat->entries[1] = TALLY_SESSION_NOBODY;
        seat->current = TALLY_SESSION_PAIRS;
        seat->initiated_at.us = INT64_MIN;
        seat->initiate_at.us = TALLY_MONO_NEVER_US;
        seat->resend_at.us = TALLY_MONO_NEVER_US;
    }
}

enum tally_err tally_sessions_open(const struct tally_sessions_config *config,
                                   struct tally_mono now, struct tally_sessions **sessions,
                                   struct tally_fault *fault)
{
    const struct tally_hash_key hash_key = {config->hash_seed[0], config->hash_seed[1]};
    struct tally_sessions *made = NULL;
    enum tally_err err = check_config(config, fault);

    *sessions = NULL;
    if (err != TALLY_ERR_OK) {
        return err;
    }
    if (sodium_init() < 0) {
        return tally_fault_set(fault, TALLY_ERR_CRYPTO, "sessions: libsodium does not initialise");
    }
    made = secret_zalloc(1, sizeof(*made));
    if (made == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "sessions: no memory");
    }
    memcpy(made->operator_id, config->operator_id, strlen(config->operator_id) + 1);
    memcpy(made->network_id, config->network_id, sizeof(made->network_id));
    memcpy(made->secret_key, config->secret_key, sizeof(made->secret_key));
    made->entropy = config->entropy;
    made->peer_max = config->peer_max;
    if (crypto_scalarmult_base(made->public_key, made->secret_key) != 0) {
        tally_sessions_close(made);
        return tally_fault_set(fault, TALLY_ERR_CRYPTO,
                               "sessions: the secret key gives no public key");
    }
    err = open_tables(made, &hash_key);
    if (err != TALLY_ERR_OK) {
        tally_sessions_close(made);
        return tally_fault_set(fault, err, "sessions: no memory for %u peers",
                               (unsigned)config->peer_max);
    }
    empty_seats(made);
    tally_wheel_init(&made->wheel, now, made->nodes, made->peer_max);
    *sessions = made;
    return TALLY_ERR_OK;
}

void tally_sessions_close(struct tally_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    tally_session_directory_close(&sessions->directory);
    tally_session_indices_close(&sessions->indices);
    tally_session_sources_close(&sessions->sources);
    free(sessions->nodes);
    sodium_free(sessions->seats); /* wipes, as the next does */
    sodium_free(sessions);
}

void tally_sessions_public_key(const struct tally_sessions *sessions,
                               uint8_t out[TALLY_SESSION_KEY_BYTES])
{
    memcpy(out, sessions->public_key, TALLY_SESSION_KEY_BYTES);
}

void tally_sessions_stats(const struct tally_sessions *sessions, struct tally_session_stats *stats)
{
    *stats = sessions->stats;
}

static enum tally_reject consume_transport(struct tally_sessions *sessions, struct tally_mono now,
                                           const uint8_t *header, const struct tally_frame *frame,
                                           struct tally_session_result *result)
{
    const uint32_t place = tally_session_indices_find(&sessions->indices, frame->receiver_index);
    const uint32_t slot = place / TALLY_SESSION_PAIRS;
    struct tally_session_seat *seat;
    struct tally_session_pair *pair;
    enum tally_reject reject;

    if (place == TALLY_SESSION_PLACE_NONE) {
        return TALLY_REJECT_INDEX;
    }
    seat = tally_session_seat_at(sessions, slot);
    pair = &seat->pairs[place % TALLY_SESSION_PAIRS];
    if (pair->state == TALLY_SESSION_PAIR_PENDING) {
        return TALLY_REJECT_STATE;
    }
    reject = tally_session_pair_open(pair, now, header, frame, sessions->plaintext,
                                     &result->plaintext_bytes);
    if (reject != TALLY_REJECT_NONE) {
        return reject;
    }

    result->event = TALLY_SESSION_PLAINTEXT;
    result->peer = slot;
    result->plaintext = sessions->plaintext;
    if (pair->state == TALLY_SESSION_PAIR_NEXT) {
        result->came_up = !tally_session_seat_is_up(seat, now);
        result->event = result->plaintext_bytes == 0 ? TALLY_SESSION_UP : TALLY_SESSION_PLAINTEXT;
        tally_session_pair_promote(sessions, now, slot, place % TALLY_SESSION_PAIRS);
        sessions->stats.confirmed++;
    }
    sessions->stats.frames_opened++;
    return TALLY_REJECT_NONE;
}

static enum tally_reject consume(struct tally_sessions *sessions, struct tally_now now,
                                 uint64_t source, const uint8_t *bytes, size_t count,
                                 struct tally_session_result *result)
{
    struct tally_frame frame;
    const enum tally_reject reject = tally_frame_decode(bytes, count, &frame);

    if (reject != TALLY_REJECT_NONE) {
        return reject;
    }
    switch (frame.type) {
    case TALLY_FRAME_INIT:
        return tally_session_consume_init(sessions, now, source, &frame, result);
    case TALLY_FRAME_RESPONSE:
        return tally_session_consume_response(sessions, now, &frame, result);
    case TALLY_FRAME_TRANSPORT:
        return consume_transport(sessions, now.mono, bytes, &frame, result);
    case TALLY_FRAME_NONE:
    case TALLY_FRAME_TYPE_COUNT:
        break;
    }
    return TALLY_REJECT_TYPE;
}

void tally_sessions_receive(struct tally_sessions *sessions, struct tally_now now, uint64_t source,
                            const uint8_t *frame, size_t frame_bytes,
                            struct tally_session_result *result)
{
    result->event = TALLY_SESSION_NOTHING;
    result->peer = TALLY_SESSION_NOBODY;
    result->came_up = false;
    result->plaintext = NULL;
    result->plaintext_bytes = 0;
    result->reply_bytes = 0;
    result->reject = consume(sessions, now, source, frame, frame_bytes, result);
    if (result->reject != TALLY_REJECT_NONE) {
        result->event = TALLY_SESSION_REJECTED;
    }
    sessions->stats.rejects[result->reject]++;
}

/* So many frames under one key are enough. */
static void ask_for_rekeying(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    const struct tally_mono soon = tally_session_soon(sessions, now, slot);

    seat->pairs[seat->current].is_rekey_asked = true;
    if (soon.us < seat->initiate_at.us) {
        seat->initiate_at = soon;
        tally_session_arm(sessions, now, slot);
    }
}

enum tally_err tally_sessions_seal(struct tally_sessions *sessions, struct tally_mono now,
                                   uint32_t slot, const uint8_t *plaintext, size_t plaintext_bytes,
                                   uint8_t *frame, size_t *frame_bytes)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    struct tally_session_pair *pair;

    TALLY_ASSERT(plaintext_bytes <= TALLY_FRAME_PAYLOAD_BYTES_MAX);
    *frame_bytes = 0;
    if (!tally_session_seat_is_up(seat, now)) {
        return TALLY_ERR_AGAIN;
    }
    pair = &seat->pairs[seat->current];
    if (!tally_session_pair_seal(pair, plaintext, plaintext_bytes, frame, frame_bytes)) {
        return TALLY_ERR_AGAIN;
    }
    sessions->stats.frames_sealed++;
    if (pair->send_counter >= TALLY_SESSION_REKEY_AFTER_FRAMES && !pair->is_rekey_asked) {
        ask_for_rekeying(sessions, now, slot);
    }
    return TALLY_ERR_OK;
}

bool tally_sessions_is_up(const struct tally_sessions *sessions, struct tally_mono now,
                          uint32_t slot)
{
    return tally_session_seat_is_up(tally_session_seat_of(sessions, slot), now);
}

uint8_t tally_sessions_minor(const struct tally_sessions *sessions, uint32_t slot)
{
    const struct tally_session_seat *seat = tally_session_seat_of(sessions, slot);

    return seat->current < TALLY_SESSION_PAIRS ? seat->pairs[seat->current].minor : 0;
}
