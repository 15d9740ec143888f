/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_keys.h - one pair of transport keys: sealing, opening, and what was received already.
 *
 * Touches: libsodium through crypto/noise.h. Threads: one owner. Memory: the caller's, secret.
 */
#pragma once

#include "crypto/session.h"
#include "tally/time.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counters from here on are neither sent nor accepted, so that none is ever used twice. */
#define TALLY_SESSION_COUNTER_END (UINT64_MAX - (UINT64_C(1) << 13))

/* The last TALLY_SESSION_WINDOW counters up to the greatest one marked. Zeroed: none was. */
struct tally_session_window {
    uint64_t end; /* the greatest marked + 1 */
    uint64_t bits[TALLY_SESSION_WINDOW / 64];
};

bool tally_session_window_is_new(const struct tally_session_window *window, uint64_t counter);
/* Only for a counter that is new and whose tag has verified. */
void tally_session_window_mark(struct tally_session_window *window, uint64_t counter);

enum tally_session_pair_state {
    TALLY_SESSION_PAIR_FREE,
    TALLY_SESSION_PAIR_PENDING,  /* we have sent message 1; there are no keys yet */
    TALLY_SESSION_PAIR_NEXT,     /* we have answered; used as soon as a frame of the peer opens */
    TALLY_SESSION_PAIR_CURRENT,  /* for sending and receiving */
    TALLY_SESSION_PAIR_PREVIOUS, /* for receiving what was under way */
};

struct tally_session_pair {
    enum tally_session_pair_state state;
    uint32_t local_index;   /* what the peer writes into its frames */
    uint32_t remote_index;  /* what we write into ours */
    uint32_t key_entry;     /* of the peer's static key in the directory */
    struct tally_mono born; /* message 1 sent, or received */
    uint64_t send_counter;  /* the next to use; <= TALLY_SESSION_COUNTER_END */
    uint8_t minor;
    bool is_rekey_asked; /* the frame limit was reached and a handshake ordered */
    uint8_t send_key[TALLY_SESSION_KEY_BYTES];
    uint8_t receive_key[TALLY_SESSION_KEY_BYTES];
    struct tally_session_window window;
};

/* Has it keys, and are they within their lifetime? */
bool tally_session_pair_is_alive(const struct tally_session_pair *pair, struct tally_mono now);

/*
 * Seals under the next counter.
 *
 * frame    plaintext_bytes + 32 bytes.
 * False: the counters are used up; nothing was written.
 */
bool tally_session_pair_seal(struct tally_session_pair *pair, const uint8_t *plaintext,
                             size_t plaintext_bytes, uint8_t *frame, size_t *frame_bytes);

/*
 * Opens a TRANSPORT frame and marks its counter. On a reject nothing has changed.
 *
 * header       the frame's first 16 bytes, as received.
 * plaintext    room for the frame's body.
 */
enum tally_reject tally_session_pair_open(struct tally_session_pair *pair, struct tally_mono now,
                                          const uint8_t header[TALLY_FRAME_HEADER_BYTES],
                                          const struct tally_frame *frame, uint8_t *plaintext,
                                          size_t *plaintext_bytes);
