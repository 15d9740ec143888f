/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "crypto/session_engine.h"

#include <string.h>

static int64_t jitter_us(const struct tally_sessions *sessions, int64_t below_us)
{
    uint64_t random;

    tally_entropy_fill(&sessions->entropy, &random, sizeof(random));
    return (int64_t)(random % (uint64_t)below_us);
}

/* Public keys in the order of memcmp: whose is lower goes first. */
static bool is_ours_lower(const struct tally_sessions *sessions,
                          const struct tally_session_seat *seat)
{
    const uint8_t *theirs = seat->listed.static_keys[seat->proven];

    for (size_t i = 0; i < TALLY_SESSION_KEY_BYTES; i++) {
        if (sessions->public_key[i] != theirs[i]) {
            return sessions->public_key[i] < theirs[i];
        }
    }
    return false;
}

struct tally_mono tally_session_soon(const struct tally_sessions *sessions, struct tally_mono now,
                                     uint32_t slot)
{
    if (is_ours_lower(sessions, tally_session_seat_of(sessions, slot))) {
        return now;
    }
    return tally_mono_after(now, TALLY_SESSION_YIELD_US +
                                     jitter_us(sessions, TALLY_SESSION_YIELD_US / 2));
}

struct tally_mono tally_session_rekey_at(const struct tally_sessions *sessions,
                                         struct tally_mono born, uint32_t slot)
{
    return tally_session_soon(sessions, tally_mono_after(born, TALLY_SESSION_REKEY_AFTER_US), slot);
}

struct tally_mono tally_session_retry_at(const struct tally_sessions *sessions,
                                         struct tally_mono now, uint32_t slot)
{
    const struct tally_session_seat *seat = tally_session_seat_of(sessions, slot);
    int64_t wait_us = TALLY_SESSION_RETRY_US;

    /* While a session is in use it must be succeeded in time; only a dead peer is let rest. */
    if (!tally_session_seat_is_up(seat, now)) {
        for (uint32_t i = 1;
             i < seat->attempt.attempt_count && wait_us < TALLY_SESSION_RETRY_MAX_US; i++) {
            wait_us *= 2;
        }
        wait_us = wait_us < TALLY_SESSION_RETRY_MAX_US ? wait_us : TALLY_SESSION_RETRY_MAX_US;
    }
    return tally_mono_after(now, wait_us + jitter_us(sessions, wait_us / 3));
}

static void hasten(struct tally_mono *due, struct tally_mono at)
{
    if (at.us < due->us) {
        *due = at;
    }
}

void tally_session_arm(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot)
{
    const struct tally_session_seat *seat = tally_session_seat_of(sessions, slot);
    struct tally_mono due = {TALLY_MONO_NEVER_US};

    hasten(&due, seat->initiate_at);
    hasten(&due, seat->resend_at);
    for (uint32_t at = 0; at < TALLY_SESSION_PAIRS; at++) {
        if (seat->pairs[at].state != TALLY_SESSION_PAIR_FREE) {
            hasten(&due, tally_mono_after(seat->pairs[at].born, TALLY_SESSION_REJECT_AFTER_US));
        }
    }
    /* What is due already must not wait for the wheel's next tick. */
    tally_wheel_set(&sessions->wheel, slot,
                    tally_mono_is_due(due, now) ? sessions->wheel.start : due);
}

/* Does one thing that is due for a peer. */
static enum tally_session_tick tick_seat(struct tally_sessions *sessions, struct tally_now now,
                                         uint32_t slot)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);

    tally_session_seat_expire(sessions, now.mono, slot);
    if (seat->was_up && !tally_session_seat_is_up(seat, now.mono)) {
        seat->was_up = false;
        seat->attempt.attempt_count = 0;
        sessions->stats.sessions_ended++;
        return TALLY_SESSION_TICK_DOWN;
    }
    if (tally_mono_is_due(seat->initiate_at, now.mono)) {
        return tally_session_initiate(sessions, now, slot) ? TALLY_SESSION_TICK_SEND
                                                           : TALLY_SESSION_TICK_NONE;
    }
    if (tally_mono_is_due(seat->resend_at, now.mono)) {
        seat->resend_at.us = TALLY_MONO_NEVER_US;
        return TALLY_SESSION_TICK_SEND;
    }
    return TALLY_SESSION_TICK_NONE;
}

enum tally_session_tick tally_sessions_tick(struct tally_sessions *sessions, struct tally_now now,
                                            uint32_t *peer,
                                            uint8_t frame[TALLY_SESSION_HANDSHAKE_BYTES_MAX],
                                            size_t *frame_bytes)
{
    bool has_more = true;

    *frame_bytes = 0;
    *peer = TALLY_SESSION_NOBODY;
    while (has_more) {
        const uint32_t slot = tally_wheel_expire_one(&sessions->wheel, now.mono, &has_more);
        enum tally_session_tick did;

        if (slot == TALLY_WHEEL_NOBODY) {
            continue;
        }
        has_more = true;
        did = tick_seat(sessions, now, slot);
        tally_session_arm(sessions, now.mono, slot);
        if (did == TALLY_SESSION_TICK_NONE) {
            continue;
        }
        if (did == TALLY_SESSION_TICK_SEND) {
            memcpy(frame, sessions->seats[slot].attempt.frame, TALLY_SESSION_INIT_FRAME_BYTES);
            *frame_bytes = TALLY_SESSION_INIT_FRAME_BYTES;
        }
        *peer = slot;
        return did;
    }
    return TALLY_SESSION_TICK_NONE;
}

void tally_sessions_unsent(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);

    /* The same bytes again: as nobody has seen them, that is safe, and costs no key agreement. */
    if (tally_session_pair_find(seat, TALLY_SESSION_PAIR_PENDING) < TALLY_SESSION_PAIRS) {
        seat->resend_at = tally_mono_after(now, TALLY_SESSION_RESEND_US);
        tally_session_arm(sessions, now, slot);
    }
}

void tally_sessions_hurry(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot)
{
    struct tally_session_seat *seat = tally_session_seat_at(sessions, slot);
    struct tally_mono at;

    if (!seat->is_taken) {
        return;
    }
    /* Even with a session in use: a peer that came back may have forgotten it. */
    at = tally_session_soon(sessions, now, slot);
    if (seat->initiated_at.us != INT64_MIN &&
        at.us < tally_mono_after(seat->initiated_at, TALLY_SESSION_RESEND_US).us) {
        at = tally_mono_after(seat->initiated_at, TALLY_SESSION_RESEND_US);
    }
    seat->attempt.attempt_count = 0;
    hasten(&seat->initiate_at, at);
    tally_session_arm(sessions, now, slot);
}

struct tally_mono tally_sessions_next_due(const struct tally_sessions *sessions)
{
    return tally_wheel_next_due(&sessions->wheel);
}
