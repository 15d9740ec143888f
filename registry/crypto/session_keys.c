/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/session_keys.h"

#include "base/assert.h"
#include "crypto/noise.h"

#include <string.h>

TALLY_STATIC_ASSERT(TALLY_SESSION_WINDOW % 64 == 0, "the window is whole words");
TALLY_STATIC_ASSERT((int)TALLY_FRAME_TAG_BYTES == (int)TALLY_NOISE_TAG_BYTES, "one tag");
TALLY_STATIC_ASSERT((int)TALLY_SESSION_KEY_BYTES == (int)TALLY_NOISE_KEY_BYTES, "one key size");

/* Counters share bits with those one window away, which are forgotten as the window moves on. */
static uint64_t *word_of(struct tally_session_window *window, uint64_t counter)
{
    return &window->bits[counter % TALLY_SESSION_WINDOW / 64];
}

static uint64_t bit_of(uint64_t counter)
{
    return UINT64_C(1) << (counter % 64);
}

bool tally_session_window_is_new(const struct tally_session_window *window, uint64_t counter)
{
    if (counter >= window->end) {
        return true;
    }
    return window->end - counter <= TALLY_SESSION_WINDOW &&
           (window->bits[counter % TALLY_SESSION_WINDOW / 64] & bit_of(counter)) == 0;
}

void tally_session_window_mark(struct tally_session_window *window, uint64_t counter)
{
    TALLY_ASSERT(tally_session_window_is_new(window, counter));
    if (counter >= window->end && counter - window->end >= TALLY_SESSION_WINDOW) {
        memset(window->bits, 0, sizeof(window->bits));
    } else {
        for (uint64_t passed = window->end; passed <= counter; passed++) {
            *word_of(window, passed) &= ~bit_of(passed);
        }
    }
    *word_of(window, counter) |= bit_of(counter);
    if (counter >= window->end) {
        window->end = counter + 1;
    }
}

bool tally_session_pair_is_alive(const struct tally_session_pair *pair, struct tally_mono now)
{
    return pair->state >= TALLY_SESSION_PAIR_NEXT &&
           tally_mono_since_us(now, pair->born) < TALLY_SESSION_REJECT_AFTER_US;
}

bool tally_session_pair_seal(struct tally_session_pair *pair, const uint8_t *plaintext,
                             size_t plaintext_bytes, uint8_t *frame, size_t *frame_bytes)
{
    *frame_bytes = 0;
    if (pair->send_counter >= TALLY_SESSION_COUNTER_END) {
        return false;
    }
    tally_frame_header_encode(frame, TALLY_FRAME_TRANSPORT, pair->remote_index, pair->send_counter);
    tally_noise_seal(pair->send_key, pair->send_counter, frame, TALLY_FRAME_HEADER_BYTES, plaintext,
                     plaintext_bytes, frame + TALLY_FRAME_HEADER_BYTES);
    pair->send_counter++;
    *frame_bytes = TALLY_FRAME_HEADER_BYTES + plaintext_bytes + TALLY_FRAME_TAG_BYTES;
    return true;
}

enum tally_reject tally_session_pair_open(struct tally_session_pair *pair, struct tally_mono now,
                                          const uint8_t header[TALLY_FRAME_HEADER_BYTES],
                                          const struct tally_frame *frame, uint8_t *plaintext,
                                          size_t *plaintext_bytes)
{
    *plaintext_bytes = 0;
    if (frame->body_bytes < TALLY_FRAME_TAG_BYTES) {
        return TALLY_REJECT_SHORT;
    }
    if (!tally_session_pair_is_alive(pair, now) || frame->counter >= TALLY_SESSION_COUNTER_END) {
        return TALLY_REJECT_EXPIRED;
    }
    if (!tally_session_window_is_new(&pair->window, frame->counter)) {
        return TALLY_REJECT_REPLAY;
    }
    if (!tally_noise_open(pair->receive_key, frame->counter, header, TALLY_FRAME_HEADER_BYTES,
                          frame->body, frame->body_bytes, plaintext)) {
        return TALLY_REJECT_TAG;
    }

    tally_session_window_mark(&pair->window, frame->counter);
    *plaintext_bytes = frame->body_bytes - TALLY_FRAME_TAG_BYTES;
    return TALLY_REJECT_NONE;
}
