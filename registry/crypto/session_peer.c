/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a pair of keys:
 *
 *   we initiate:  FREE -> PENDING (message 1 made) -> CURRENT (message 2 taken)
 *   we respond:   FREE -> NEXT (message 1 taken)   -> CURRENT (a frame has opened)
 *   both:         CURRENT -> PREVIOUS (a newer one is confirmed) -> FREE
 *
 * A session in use is never given up for one that is not confirmed: whoever can only repeat or
 * forge a message 1 gets no further than NEXT.
 */
#include "base/assert.h"
#include "crypto/session_engine.h"

#include <sodium.h>
#include <string.h>

struct tally_session_seat *tally_session_seat_at(struct tally_sessions *sessions, uint32_t slot)
{
    TALLY_ASSERT(slot < sessions->peer_max);
    return &sessions->seats[slot];
}

const struct tally_session_seat *tally_session_seat_of(const struct tally_sessions *sessions,
                                                       uint32_t slot)
{
    TALLY_ASSERT(slot < sessions->peer_max);
    return &sessions->seats[slot];
}

bool tally_session_seat_is_up(const struct tally_session_seat *seat, struct tally_mono now)
{
    return seat->is_taken && seat->current < TALLY_SESSION_PAIRS &&
           tally_session_pair_is_alive(&seat->pairs[seat->current], now);
}

uint32_t tally_session_pair_find(const struct tally_session_seat *seat,
                                 enum tally_session_pair_state state)
{
    for (uint32_t at = 0; at < TALLY_SESSION_PAIRS; at++) {
        if (seat->pairs[at].state == state) {
            return at;
        }
    }
    return TALLY_SESSION_PAIRS;
}

struct tally_session_pair *tally_session_pair_take(struct tally_sessions *sessions, uint32_t slot,
                                                   enum tally_session_pair_state state,
                                                   uint32_t local_index)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    const uint32_t at = tally_session_pair_find(seat, TALLY_SESSION_PAIR_FREE);

    /* One pair each of the other states, two PREVIOUS: the caller has dropped what it replaces. */
    TALLY_ASSERT(at < TALLY_SESSION_PAIRS);
    seat->pairs[at].state = state;
    seat->pairs[at].local_index = local_index;
    tally_session_indices_set(&sessions->indices, slot * TALLY_SESSION_PAIRS + at, local_index);
    return &seat->pairs[at];
}

void tally_session_pair_drop(struct tally_sessions *sessions, uint32_t slot, uint32_t at)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    struct tally_session_pair *pair;

    if (at == TALLY_SESSION_PAIRS) {
        return;
    }
    pair = &seat->pairs[at];
    if (pair->state == TALLY_SESSION_PAIR_PENDING) {
        tally_noise_wipe(&seat->attempt.noise);
        seat->resend_at.us = TALLY_MONO_NEVER_US;
    }
    if (seat->current == at) {
        seat->current = TALLY_SESSION_PAIRS;
    }
    tally_session_indices_clear(&sessions->indices, slot * TALLY_SESSION_PAIRS + at);
    sodium_memzero(pair, sizeof(*pair));
}

/* Frees a place among the PREVIOUS for the pair that is CURRENT. */
static void retire_current(struct tally_sessions *sessions, uint32_t slot)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    uint32_t previous_count = 0;
    uint32_t oldest = TALLY_SESSION_PAIRS;

    if (seat->current == TALLY_SESSION_PAIRS) {
        return;
    }
    for (uint32_t at = 0; at < TALLY_SESSION_PAIRS; at++) {
        if (seat->pairs[at].state != TALLY_SESSION_PAIR_PREVIOUS) {
            continue;
        }
        previous_count++;
        if (oldest == TALLY_SESSION_PAIRS ||
            seat->pairs[at].born.us < seat->pairs[oldest].born.us) {
            oldest = at;
        }
    }
    if (previous_count == TALLY_SESSION_PREVIOUS_MAX) {
        tally_session_pair_drop(sessions, slot, oldest);
    }
    seat->pairs[seat->current].state = TALLY_SESSION_PAIR_PREVIOUS;
    seat->current = TALLY_SESSION_PAIRS;
}

void tally_session_pair_promote(struct tally_sessions *sessions, struct tally_mono now,
                                uint32_t slot, uint32_t at)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    struct tally_session_pair *pair = &seat->pairs[at];

    retire_current(sessions, slot);
    pair->state = TALLY_SESSION_PAIR_CURRENT;
    seat->current = at;
    seat->was_up = true;
    seat->proven = pair->key_entry == seat->entries[1] ? 1 : 0;
    seat->attempt.attempt_count = 0;
    seat->initiate_at = tally_session_rekey_at(sessions, pair->born, slot);
    tally_session_arm(sessions, now, slot);
}

void tally_session_seat_expire(struct tally_sessions *sessions, struct tally_mono now,
                               uint32_t slot)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);

    for (uint32_t at = 0; at < TALLY_SESSION_PAIRS; at++) {
        if (seat->pairs[at].state != TALLY_SESSION_PAIR_FREE &&
            tally_mono_since_us(now, seat->pairs[at].born) >= TALLY_SESSION_REJECT_AFTER_US) {
            tally_session_pair_drop(sessions, slot, at);
        }
    }
}

static bool is_listed(const struct tally_session_seat *seat, uint32_t entry)
{
    return entry != TALLY_SESSION_NOBODY &&
           (seat->entries[0] == entry || seat->entries[1] == entry);
}

static void drop_unlisted(struct tally_sessions *sessions, uint32_t slot)
{
    const struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);

    for (uint32_t at = 0; at < TALLY_SESSION_PAIRS; at++) {
        if (seat->pairs[at].state != TALLY_SESSION_PAIR_FREE &&
            !is_listed(seat, seat->pairs[at].key_entry)) {
            tally_session_pair_drop(sessions, slot, at);
        }
    }
}

/* Takes the keys of a seat over into the directory, and those it has no more out of it. */
static void list_keys(struct tally_sessions *sessions, uint32_t slot,
                      const struct tally_session_peer *peer)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    uint32_t before[TALLY_SESSION_KEYS_MAX] = {seat->entries[0], seat->entries[1]};

    for (uint32_t i = 0; i < TALLY_SESSION_KEYS_MAX; i++) {
        const bool is_there = peer != NULL && i < peer->key_count;

        /* Our own key proves nothing about a peer. */
        seat->entries[i] = TALLY_SESSION_NOBODY;
        if (is_there && sodium_memcmp(peer->static_keys[i], sessions->public_key,
                                      TALLY_SESSION_KEY_BYTES) != 0) {
            seat->entries[i] =
                tally_session_directory_claim(&sessions->directory, peer->static_keys[i], slot);
        }
    }
    for (uint32_t i = 0; i < TALLY_SESSION_KEYS_MAX; i++) {
        if (before[i] != TALLY_SESSION_NOBODY && !is_listed(seat, before[i])) {
            tally_session_directory_release(&sessions->directory, before[i]);
        }
    }
    drop_unlisted(sessions, slot);
}

static bool is_same(const struct tally_session_seat *seat, const struct tally_session_peer *peer)
{
    return seat->is_taken && seat->listed.key_count == peer->key_count &&
           strcmp(seat->listed.operator_id, peer->operator_id) == 0 &&
           sodium_memcmp(seat->listed.static_keys, peer->static_keys,
                         (size_t)peer->key_count * TALLY_SESSION_KEY_BYTES) == 0 &&
           seat->entries[0] != TALLY_SESSION_NOBODY &&
           (peer->key_count == 1 || seat->entries[1] != TALLY_SESSION_NOBODY);
}

static void vacate(struct tally_sessions *sessions, uint32_t slot)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);

    list_keys(sessions, slot, NULL);
    sodium_memzero(&seat->attempt, sizeof(seat->attempt));
    seat->is_taken = false;
    seat->proven = 0;
    seat->initiated_at.us = INT64_MIN;
    seat->initiate_at.us = TALLY_MONO_NEVER_US;
    seat->resend_at.us = TALLY_MONO_NEVER_US;
}

static void occupy(struct tally_sessions *sessions, uint32_t slot,
                   const struct tally_session_peer *peer, struct tally_mono now)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);

    TALLY_ASSERT(peer->key_count >= 1 && peer->key_count <= TALLY_SESSION_KEYS_MAX);
    TALLY_ASSERT(memchr(peer->operator_id, '\0', sizeof(peer->operator_id)) != NULL);
    TALLY_ASSERT(tally_operator_id_is_valid(peer->operator_id, strlen(peer->operator_id)));
    if (is_same(seat, peer)) {
        return;
    }
    if (seat->is_taken && strcmp(seat->listed.operator_id, peer->operator_id) != 0) {
        vacate(sessions, slot); /* whoever had the key: it is not the same peer any more */
    }
    list_keys(sessions, slot, peer);
    seat->is_taken = true;
    seat->listed = *peer;
    seat->proven = 0;
    if (!tally_session_seat_is_up(seat, now)) {
        seat->attempt.attempt_count = 0;
        seat->initiate_at = tally_session_soon(sessions, now, slot);
    }
}

bool tally_sessions_set_peer(struct tally_sessions *sessions, uint32_t slot,
                             const struct tally_session_peer *peer, struct tally_mono now)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    const bool was_up = tally_session_seat_is_up(seat, now);
    bool has_ended;

    if (peer != NULL) {
        occupy(sessions, slot, peer, now);
    } else if (seat->is_taken) {
        vacate(sessions, slot);
    }
    has_ended = was_up && !tally_session_seat_is_up(seat, now);
    if (has_ended) {
        seat->was_up = false; /* told here, not by tick */
        sessions->stats.sessions_ended++;
    }
    tally_session_arm(sessions, now, slot);
    return has_ended;
}
