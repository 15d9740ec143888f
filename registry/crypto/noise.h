/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noise.h - the Noise protocol framework (revision 34), handshakes of
 * Noise_*_25519_ChaChaPoly_BLAKE2b.
 *
 * A handshake is a table of tokens that a small machine walks through; peers' registries speak IK
 * (tally_noise_ik), every other pattern is a table in the tests, so that the machine that ships is
 * held to all published vectors. What a failed message leaves behind is wiped: who wants to try
 * another message on the same state works on a copy and wipes it.
 *
 * Touches: libsodium. Threads: one owner. Memory: the caller's; holds secrets until wiped.
 */
#pragma once

#include "tally/err.h"
#include "wire/reject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_NOISE_KEY_BYTES = 32, /* secret, public and cipher keys, pre-shared keys */
    TALLY_NOISE_HASH_BYTES = 64,
    TALLY_NOISE_TAG_BYTES = 16,
    TALLY_NOISE_NAME_BYTES = 32, /* NUL included; keeps the protocol name within one hash */
    TALLY_NOISE_MESSAGES_MAX = 4,
    TALLY_NOISE_TOKENS_MAX = 8, /* per message, the ending NONE included */
    TALLY_NOISE_PSKS_MAX = 4,
    TALLY_NOISE_MESSAGE_BYTES_MAX = 65535,
};

enum tally_noise_token {
    TALLY_NOISE_NONE, /* ends a message's tokens */
    TALLY_NOISE_E,
    TALLY_NOISE_S,
    TALLY_NOISE_EE,
    TALLY_NOISE_ES,
    TALLY_NOISE_SE,
    TALLY_NOISE_SS,
    TALLY_NOISE_PSK,
};

enum tally_noise_role { TALLY_NOISE_INITIATOR, TALLY_NOISE_RESPONDER };

/* Messages alternate, the initiator's first. */
struct tally_noise_pattern {
    char name[TALLY_NOISE_NAME_BYTES]; /* as in the protocol name: "IK", "XXpsk3" */
    bool is_initiator_known;           /* pre-message -> s */
    bool is_responder_known;           /* pre-message <- s */
    uint8_t psk_count;
    uint8_t message_count;
    uint8_t tokens[TALLY_NOISE_MESSAGES_MAX][TALLY_NOISE_TOKENS_MAX];
};

extern const struct tally_noise_pattern tally_noise_ik;

/* Copied by init. What the pattern does not use may be NULL. */
struct tally_noise_keys {
    const uint8_t *static_secret;
    const uint8_t *static_public;    /* of static_secret; NULL: worked out */
    const uint8_t *ephemeral_secret; /* fresh from the entropy source, for this handshake only */
    const uint8_t *remote_static;    /* where a pre-message gives it; NULL if it will be sent */
    const uint8_t (*psks)[TALLY_NOISE_KEY_BYTES]; /* psk_count of the pattern */
};

struct tally_noise {
    const struct tally_noise_pattern *pattern; /* borrowed; NULL: wiped or failed */
    enum tally_noise_role role;
    uint8_t message_index;
    uint8_t psk_index;
    bool has_cipher_key;
    uint64_t counter;
    uint8_t hash[TALLY_NOISE_HASH_BYTES];
    uint8_t chaining_key[TALLY_NOISE_HASH_BYTES];
    uint8_t cipher_key[TALLY_NOISE_KEY_BYTES];
    uint8_t static_secret[TALLY_NOISE_KEY_BYTES];
    uint8_t static_public[TALLY_NOISE_KEY_BYTES];
    uint8_t ephemeral_secret[TALLY_NOISE_KEY_BYTES];
    uint8_t ephemeral_public[TALLY_NOISE_KEY_BYTES];
    uint8_t remote_static[TALLY_NOISE_KEY_BYTES]; /* once known */
    uint8_t remote_ephemeral[TALLY_NOISE_KEY_BYTES];
    uint8_t psks[TALLY_NOISE_PSKS_MAX][TALLY_NOISE_KEY_BYTES];
};

/*
 * Starts a handshake.
 *
 * pattern     borrowed until the handshake is wiped.
 * prologue    what both sides must agree on beforehand; borrowed.
 */
void tally_noise_init(struct tally_noise *noise, const struct tally_noise_pattern *pattern,
                      enum tally_noise_role role, const void *prologue, size_t prologue_bytes,
                      const struct tally_noise_keys *keys);

/* Overwrites every secret. The state may only be initialised again afterwards. */
void tally_noise_wipe(struct tally_noise *noise);

/* Is it our turn to write? False when done, failed or wiped. */
bool tally_noise_is_writing(const struct tally_noise *noise);

/* Have all messages passed? */
bool tally_noise_is_done(const struct tally_noise *noise);

/* How much longer than its payload the next message is, whoever writes it, in bytes. */
size_t tally_noise_overhead_bytes(const struct tally_noise *noise);

/*
 * Writes our next message. It must be our turn.
 *
 * message            payload_bytes + tally_noise_overhead_bytes long; message_size is its room.
 * TALLY_ERR_LIMIT     it does not fit message_size or the protocol's 65,535 bytes; nothing changed.
 * TALLY_ERR_CRYPTO    a key of the other side is a point of low order; the state is wiped.
 */
TALLY_NODISCARD enum tally_err tally_noise_write(struct tally_noise *noise, const void *payload,
                                                 size_t payload_bytes, uint8_t *message,
                                                 size_t message_size, size_t *message_bytes);

/*
 * Takes the other side's next message. It must be theirs to write. On any reject the state is
 * wiped and no payload byte is given out.
 *
 * payload    room for message_bytes.
 * SHORT, LONG: the size cannot be right. TAG: not from who it should be, or changed on the way.
 * KEY: a point of low order.
 */
TALLY_NODISCARD enum tally_reject tally_noise_read(struct tally_noise *noise,
                                                   const uint8_t *message, size_t message_bytes,
                                                   uint8_t *payload, size_t *payload_bytes);

/*
 * Gives the two transport keys of a handshake that is done. The state is still to be wiped.
 */
void tally_noise_split(const struct tally_noise *noise, uint8_t send_key[TALLY_NOISE_KEY_BYTES],
                       uint8_t receive_key[TALLY_NOISE_KEY_BYTES]);

/*
 * The transport cipher: ChaCha20-Poly1305 (RFC 8439) with Noise's nonce, 4 zero bytes and the
 * counter, little-endian.
 *
 * sealed    plaintext_bytes + TALLY_NOISE_TAG_BYTES; may be where the plaintext is.
 * open      gives false, and zeros for plaintext, unless every byte is as it was sealed.
 */
void tally_noise_seal(const uint8_t key[TALLY_NOISE_KEY_BYTES], uint64_t counter, const void *ad,
                      size_t ad_bytes, const void *plaintext, size_t plaintext_bytes,
                      uint8_t *sealed);
TALLY_NODISCARD bool tally_noise_open(const uint8_t key[TALLY_NOISE_KEY_BYTES], uint64_t counter,
                                      const void *ad, size_t ad_bytes, const uint8_t *sealed,
                                      size_t sealed_bytes, uint8_t *plaintext);
