/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - encrypted sessions with peer registries.
 *
 * Noise_IK_25519_ChaChaPoly_BLAKE2b (Noise rev 34) over a transport that may lose, repeat and
 * reorder whole frames. The rules are those of docs/PROTOCOL.md, "Channel": explicit 64-bit
 * counters with a 2,048-wide window, random receiver indices, rekeying, previous/current/next key
 * pairs, key confirmation before a new session is used, replayed first messages changing nothing.
 *
 * No socket, no clock, no thread: bytes and `now` go in, bytes to send come out, so that the
 * daemon, tests and the simulator drive the same code.
 *
 * Touches: libsodium. Threads: one owner. Memory: allocated at open, none after; keys live in
 * sodium_malloc'ed memory and are wiped.
 */
#pragma once

#include "base/entropy.h"
#include "base/text.h"
#include "tally/err.h"
#include "tally/time.h"
#include "wire/frame.h"
#include "wire/reject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_SESSION_KEY_BYTES = 32,
    TALLY_SESSION_WINDOW = 2048,             /* counters */
    TALLY_SESSION_HANDSHAKE_BYTES_MAX = 512, /* frame header included */
    TALLY_SESSION_PEERS_MAX = 65536,
};
#define TALLY_SESSION_NOBODY UINT32_MAX /* not a slot */
#define TALLY_SESSION_REKEY_AFTER_US (120 * TALLY_US_PER_S)
#define TALLY_SESSION_REJECT_AFTER_US (180 * TALLY_US_PER_S)
#define TALLY_SESSION_REKEY_AFTER_FRAMES (UINT64_C(1) << 20)
#define TALLY_SESSION_RETRY_US (5 * TALLY_US_PER_S) /* + jitter up to a third */
#define TALLY_SESSION_RETRY_MAX_US (90 * TALLY_US_PER_S)
#define TALLY_SESSION_YIELD_US (500 * TALLY_US_PER_MS) /* the higher static key waits, + jitter */
#define TALLY_SESSION_RESEND_US (200 * TALLY_US_PER_MS)

/* First messages taken: per source address, over all sources, per static key that has proven
 * itself. */
enum {
    TALLY_SESSION_SOURCE_PER_S = 5,
    TALLY_SESSION_SOURCE_BURST = 10,
    TALLY_SESSION_TOTAL_PER_S = 200,
    TALLY_SESSION_TOTAL_BURST = 50,
    TALLY_SESSION_KEY_PER_S = 2,
    TALLY_SESSION_KEY_BURST = 10,
    TALLY_SESSION_RESPONSE_TRIES_MAX = 16, /* second messages that may fail per first one */
};

struct tally_sessions;

struct tally_sessions_config {
    const char *operator_id;   /* ours; copied */
    uint8_t network_id[32];    /* hash of the first root statement */
    const uint8_t *secret_key; /* 32 bytes; copied, the caller wipes its own */
    uint32_t peer_max;
    uint64_t hash_seed[2]; /* for tables keyed by strangers */
    struct tally_entropy entropy;
};

/* What the participant database says of one peer. */
struct tally_session_peer {
    char operator_id[TALLY_OPERATOR_ID_BYTES];
    uint8_t static_keys[2][TALLY_SESSION_KEY_BYTES]; /* current, next */
    uint8_t key_count;                               /* 1 or 2 */
};

enum tally_session_event {
    TALLY_SESSION_NOTHING,   /* taken, nothing to tell */
    TALLY_SESSION_REJECTED,  /* dropped; reject says why; nothing changed */
    TALLY_SESSION_PLAINTEXT, /* a TRANSPORT frame opened: plaintext, plaintext_bytes, peer */
    TALLY_SESSION_UP,        /* peer's session became usable (also with PLAINTEXT's frame empty) */
};

/* What one input led to. Buffers inside belong to the engine until its next call. */
struct tally_session_result {
    enum tally_session_event event;
    enum tally_reject reject;
    uint32_t peer; /* slot; of PLAINTEXT, UP, a reply, and REJECTED after authentication; otherwise
                      TALLY_SESSION_NOBODY */
    bool came_up;  /* with PLAINTEXT or UP: the peer had no usable session before */
    const uint8_t *plaintext;
    size_t plaintext_bytes;                           /* 0: an empty frame, nothing to decode */
    uint8_t reply[TALLY_SESSION_HANDSHAKE_BYTES_MAX]; /* a frame to send to `peer`'s endpoint */
    size_t reply_bytes;                               /* 0: none */
};

/* What the engine has done since it was opened. */
struct tally_session_stats {
    uint64_t rejects[TALLY_REJECT_COUNT];
    uint64_t initiations;   /* first messages made */
    uint64_t responses;     /* second messages made */
    uint64_t initiated;     /* handshakes completed as initiator */
    uint64_t confirmed;     /* handshakes completed as responder: the first frame has opened */
    uint64_t frames_sealed; /* empty ones included */
    uint64_t frames_opened;
    uint64_t sessions_ended; /* usable sessions that ended without a successor */
};

/*
 * Makes an engine for up to peer_max peers.
 *
 * TALLY_ERR_CRYPTO   libsodium does not initialise, or the secret key gives no public key.
 * TALLY_ERR_LIMIT    peer_max is not 1 to TALLY_SESSION_PEERS_MAX, or operator_id is not one.
 * TALLY_ERR_SYSTEM   no memory.
 */
TALLY_NODISCARD enum tally_err tally_sessions_open(const struct tally_sessions_config *config,
                                                   struct tally_mono now,
                                                   struct tally_sessions **sessions,
                                                   struct tally_fault *fault);
void tally_sessions_close(struct tally_sessions *sessions); /* NULL allowed; wipes */

void tally_sessions_public_key(const struct tally_sessions *sessions,
                               uint8_t out[TALLY_SESSION_KEY_BYTES]);

void tally_sessions_stats(const struct tally_sessions *sessions, struct tally_session_stats *stats);

/*
 * Tells the engine who sits in a slot, or with NULL that nobody does any more. Sessions that were
 * made with a key that is no longer listed end at once. Setting the same peer again changes
 * nothing. Returns true if a usable session ended.
 *
 * A key that another slot holds, and our own, are passed over: release them there first and set
 * this peer again.
 */
bool tally_sessions_set_peer(struct tally_sessions *sessions, uint32_t slot,
                             const struct tally_session_peer *peer, struct tally_mono now);

/*
 * Takes one frame from anybody.
 *
 * source    a number for where it came from (hash of the network address), for rate limits; 0:
 *           unknown, all unknown ones share one limit.
 */
void tally_sessions_receive(struct tally_sessions *sessions, struct tally_now now, uint64_t source,
                            const uint8_t *frame, size_t frame_bytes,
                            struct tally_session_result *result);

/*
 * Seals a batch (0 bytes: key confirmation or keepalive) for a peer.
 *
 * frame    at least plaintext_bytes + 32 bytes.
 * TALLY_ERR_AGAIN   no usable session; tick will make one.
 */
TALLY_NODISCARD enum tally_err tally_sessions_seal(struct tally_sessions *sessions,
                                                   struct tally_mono now, uint32_t slot,
                                                   const uint8_t *plaintext, size_t plaintext_bytes,
                                                   uint8_t *frame, size_t *frame_bytes);

bool tally_sessions_is_up(const struct tally_sessions *sessions, struct tally_mono now,
                          uint32_t slot);

/* The minor version agreed on with a peer whose session is up. */
uint8_t tally_sessions_minor(const struct tally_sessions *sessions, uint32_t slot);

enum tally_session_tick {
    TALLY_SESSION_TICK_NONE, /* nothing more is due now */
    TALLY_SESSION_TICK_SEND, /* send `frame` to `peer` */
    TALLY_SESSION_TICK_DOWN, /* `peer` has no usable session any more (past its lifetime) */
};

/*
 * Does what is due: initiations, retries, rekeying, ends of life. Call until NONE.
 *
 * frame    written for SEND. Every peer is kept in session, whether there is something to send or
 *          not: what is asked first when a call comes in must not wait for a handshake.
 */
enum tally_session_tick tally_sessions_tick(struct tally_sessions *sessions, struct tally_now now,
                                            uint32_t *peer,
                                            uint8_t frame[TALLY_SESSION_HANDSHAKE_BYTES_MAX],
                                            size_t *frame_bytes);

/* The link did not take the frame of the last SEND to this peer: try again in 200 ms, not in 5 s.
 */
void tally_sessions_unsent(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot);

/* The link to the peer came up or back: initiate soon (at once, or after YIELD for the higher key).
 */
void tally_sessions_hurry(struct tally_sessions *sessions, struct tally_mono now, uint32_t slot);

struct tally_mono tally_sessions_next_due(const struct tally_sessions *sessions);
