/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.h - hashes, Ed25519 signatures, X25519 key pairs, and the signature lines of signed notes.
 *
 * A secret key of either kind is 32 random bytes; for Ed25519 this is the seed of RFC 8032, for
 * X25519 the scalar of RFC 7748. Signed notes are those of C2SP (signed-note.md) with Ed25519,
 * algorithm byte 0x01; the text around a signature is cdb/core's.
 *
 * Touches: libsodium. Threads: safe, once tally_crypto_init has returned. Memory: the caller's.
 */
#pragma once

#include "base/entropy.h"
#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_SHA256_BYTES = 32,
    TALLY_BLAKE2B_256_BYTES = 32,
    TALLY_SIGN_SECRET_BYTES = 32,
    TALLY_SIGN_PUBLIC_BYTES = 32,
    TALLY_SIGNATURE_BYTES = 64,
    TALLY_DH_BYTES = 32,         /* secret and public key */
    TALLY_NOTE_NAME_BYTES = 256, /* NUL included */
    TALLY_NOTE_KEY_ID_BYTES = 4,
    TALLY_NOTE_SIGNATURE_BYTES = TALLY_NOTE_KEY_ID_BYTES + TALLY_SIGNATURE_BYTES,
};

/*
 * Makes libsodium ready. To call once in every program that uses this library, before there is a
 * second thread; again does nothing.
 *
 * TALLY_ERR_CRYPTO    it finds no source of randomness.
 */
TALLY_NODISCARD enum tally_err tally_crypto_init(struct tally_fault *fault);

/* The operating system's generator. */
struct tally_entropy tally_entropy_os(void);

/* Overwrites a secret in a way that the compiler does not remove. */
void tally_wipe(void *secret, size_t count);

void tally_sha256(const void *bytes, size_t count, uint8_t out[TALLY_SHA256_BYTES]);

/* SHA-256 of one byte and what follows it, as in the Merkle trees of RFC 6962: 0 before a leaf, 1
 * before two hashes. */
void tally_sha256_tagged(uint8_t tag, const void *bytes, size_t count,
                         uint8_t out[TALLY_SHA256_BYTES]);

/* BLAKE2b with a digest of 32 bytes, no key. */
void tally_blake2b_256(const void *bytes, size_t count, uint8_t out[TALLY_BLAKE2B_256_BYTES]);

void tally_sign_generate(const struct tally_entropy *entropy,
                         uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                         uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES]);
void tally_sign_public(const uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                       uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES]);
void tally_sign(const uint8_t secret[TALLY_SIGN_SECRET_BYTES], const void *message,
                size_t message_bytes, uint8_t signature[TALLY_SIGNATURE_BYTES]);

/* Public keys of low order and signatures that are not canonical do not verify. */
TALLY_NODISCARD bool tally_sign_verify(const uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES],
                                       const void *message, size_t message_bytes,
                                       const uint8_t signature[TALLY_SIGNATURE_BYTES]);

void tally_dh_generate(const struct tally_entropy *entropy, uint8_t secret[TALLY_DH_BYTES],
                       uint8_t public_key[TALLY_DH_BYTES]);
void tally_dh_public(const uint8_t secret[TALLY_DH_BYTES], uint8_t public_key[TALLY_DH_BYTES]);

/* May a key of a signed note be called so: 1 to 255 bytes, no space, no control character, no '+'?
 * Whether it is UTF-8 is not looked at. */
bool tally_note_name_is_valid(const char *name);

/*
 * The first 4 bytes of SHA-256(name, "\n", 0x01, public key).
 *
 * name    a valid one.
 */
void tally_note_key_id(const char *name, const uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES],
                       uint8_t key_id[TALLY_NOTE_KEY_ID_BYTES]);

/*
 * Signs a note's text: what is encoded in base64 on its signature line.
 *
 * text    up to and with the newline before the empty line.
 */
void tally_note_sign(const char *name, const uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                     const void *text, size_t text_bytes,
                     uint8_t signature[TALLY_NOTE_SIGNATURE_BYTES]);

/* Is this a signature of that key, by its id, over that text? Any signature_bytes are allowed. */
TALLY_NODISCARD bool tally_note_verify_signature(const char *name,
                                                 const uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES],
                                                 const void *text, size_t text_bytes,
                                                 const uint8_t *signature, size_t signature_bytes);
