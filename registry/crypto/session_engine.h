/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_engine.h - the inside of crypto/session.h, shared by its .c files only.
 *
 * session.c            the face: open, close, receive, seal
 * session_peer.c       one peer's key pairs and who they belong to
 * session_handshake.c  messages 1 and 2 (what they say: session_message.c)
 * session_timer.c      what is due when
 *
 * Threads: one owner. Memory: see struct tally_sessions.
 */
#pragma once

#include "base/wheel.h"
#include "crypto/noise.h"
#include "crypto/session.h"
#include "crypto/session_directory.h"
#include "crypto/session_index.h"
#include "crypto/session_keys.h"
#include "crypto/session_limit.h"
#include "crypto/session_message.h"

enum {
    /* One pending, next and current each. Two previous ones, since after a simultaneous open each
     * side may send on what is the other's previous pair, until the next rekeying is confirmed. */
    TALLY_SESSION_PREVIOUS_MAX = 2,
    TALLY_SESSION_PAIRS = 3 + TALLY_SESSION_PREVIOUS_MAX,
    TALLY_SESSION_KEYS_MAX = 2, /* per peer */

    TALLY_SESSION_INIT_BODY_BYTES = 32 + 48 + TALLY_SESSION_INIT_PAYLOAD_BYTES + 16,
    TALLY_SESSION_RESPONSE_BODY_BYTES = 32 + TALLY_SESSION_RESPONSE_PAYLOAD_BYTES + 16,
    TALLY_SESSION_INIT_FRAME_BYTES = 16 + TALLY_SESSION_INIT_BODY_BYTES,
};

/* The handshake we have begun; its pair is PENDING. */
struct tally_session_attempt {
    struct tally_noise noise;
    uint32_t failed_count;  /* second messages that did not read */
    uint32_t attempt_count; /* first messages since there was hope last: backing off */
    uint8_t frame[TALLY_SESSION_INIT_FRAME_BYTES]; /* kept for sending again */
};

struct tally_session_seat {
    bool is_taken;
    bool was_up;                      /* a session was usable, and its end is not told yet */
    struct tally_session_peer listed; /* meaningful if is_taken */
    uint32_t entries[TALLY_SESSION_KEYS_MAX]; /* of listed's keys; NOBODY: passed over */
    uint32_t proven;                          /* which of listed's keys the peer has used last */
    uint32_t current;               /* the pair that is CURRENT; TALLY_SESSION_PAIRS: none */
    struct tally_mono initiated_at; /* message 1 was made last; .us INT64_MIN: never */
    struct tally_mono initiate_at;  /* message 1 is to be made; never: TALLY_MONO_NEVER_US */
    struct tally_mono resend_at;    /* attempt.frame is to be sent again */
    struct tally_session_attempt attempt;
    struct tally_session_pair pairs[TALLY_SESSION_PAIRS];
};

/* This and `seats` are sodium_malloc'ed, the tables are not: they hold nothing secret. */
struct tally_sessions {
    char operator_id[TALLY_OPERATOR_ID_BYTES];
    uint8_t network_id[32];
    uint8_t secret_key[TALLY_SESSION_KEY_BYTES];
    uint8_t public_key[TALLY_SESSION_KEY_BYTES];
    struct tally_entropy entropy;
    uint32_t peer_max;
    struct tally_session_seat *seats; /* owned, peer_max of them */
    struct tally_session_directory directory;
    struct tally_session_indices indices;
    struct tally_session_sources sources;
    struct tally_session_bucket all_sources;
    uint64_t stamp_ns;              /* of the last message 1 made: the next one's is greater */
    struct tally_wheel_node *nodes; /* owned, one per seat */
    struct tally_wheel wheel;
    struct tally_session_stats stats;
    uint8_t plaintext[TALLY_FRAME_BYTES_MAX];
};

/* --- session_peer.c --- */

struct tally_session_seat *tally_session_seat_at(struct tally_sessions *sessions, uint32_t slot);
const struct tally_session_seat *tally_session_seat_of(const struct tally_sessions *sessions,
                                                       uint32_t slot);

bool tally_session_seat_is_up(const struct tally_session_seat *seat, struct tally_mono now);

/* The number of the pair in this state; TALLY_SESSION_PAIRS: there is none. */
uint32_t tally_session_pair_find(const struct tally_session_seat *seat,
                                 enum tally_session_pair_state state);

/* Makes an index known that draw() gave; the pair is FREE and becomes what `state` says. */
struct tally_session_pair *tally_session_pair_take(struct tally_sessions *sessions, uint32_t slot,
                                                   enum tally_session_pair_state state,
                                                   uint32_t local_index);

/* Wipes a pair and frees its index; of a PENDING one also the handshake. FREE ones stay so. */
void tally_session_pair_drop(struct tally_sessions *sessions, uint32_t slot, uint32_t at);

/* Makes a pair with keys CURRENT; what was becomes PREVIOUS. */
void tally_session_pair_promote(struct tally_sessions *sessions, struct tally_mono now,
                                uint32_t slot, uint32_t at);

/* Drops every pair past its lifetime. */
void tally_session_seat_expire(struct tally_sessions *sessions, struct tally_mono now,
                               uint32_t slot);

/* --- session_handshake.c --- */

/* Makes message 1 to a peer into its attempt. False: there is no key to make it to. */
bool tally_session_initiate(struct tally_sessions *sessions, struct tally_now now, uint32_t slot);

enum tally_reject tally_session_consume_init(struct tally_sessions *sessions, struct tally_now now,
                                             uint64_t source, const struct tally_frame *frame,
                                             struct tally_session_result *result);
enum tally_reject tally_session_consume_response(struct tally_sessions *sessions,
                                                 struct tally_now now,
                                                 const struct tally_frame *frame,
                                                 struct tally_session_result *result);

/* --- session_timer.c --- */

/* Sets the peer's timer to whatever is due for it first. To call after any change of a seat. */
void tally_session_arm(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot);

/* When to initiate if there is reason to: now, or a little later if ours is the higher key. */
struct tally_mono tally_session_soon(const struct tally_sessions *sessions, struct tally_mono now,
                                     uint32_t slot);

/* When to initiate after a session has become usable that was born then. */
struct tally_mono tally_session_rekey_at(const struct tally_sessions *sessions,
                                         struct tally_mono born, uint32_t slot);

/* When to try again after an attempt: later and later while there is no session. */
struct tally_mono tally_session_retry_at(const struct tally_sessions *sessions,
                                         struct tally_mono now, uint32_t slot);
