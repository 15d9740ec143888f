/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sign.h"

#include "base/assert.h"

#include <sodium.h>
#include <string.h>

enum { NOTE_ALGORITHM_ED25519 = 0x01 };

TALLY_STATIC_ASSERT(TALLY_SHA256_BYTES == crypto_hash_sha256_BYTES, "SHA-256");
TALLY_STATIC_ASSERT(TALLY_SIGN_SECRET_BYTES == crypto_sign_SEEDBYTES, "Ed25519 seed");
TALLY_STATIC_ASSERT(TALLY_SIGN_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES, "Ed25519 key");
TALLY_STATIC_ASSERT(TALLY_SIGNATURE_BYTES == crypto_sign_BYTES, "Ed25519 signature");
TALLY_STATIC_ASSERT(TALLY_DH_BYTES == crypto_scalarmult_BYTES, "X25519 point");
TALLY_STATIC_ASSERT(TALLY_DH_BYTES == crypto_scalarmult_SCALARBYTES, "X25519 scalar");

enum tally_err tally_crypto_init(struct tally_fault *fault)
{
    if (sodium_init() < 0) {
        return tally_fault_set(fault, TALLY_ERR_CRYPTO,
                               "libsodium does not initialise: is there a /dev/urandom?");
    }
    return TALLY_ERR_OK;
}

static void fill_from_os(void *context, void *bytes, size_t count)
{
    (void)context;
    randombytes_buf(bytes, count);
}

struct tally_entropy tally_entropy_os(void)
{
    return (struct tally_entropy){.fill = fill_from_os};
}

void tally_wipe(void *secret, size_t count)
{
    sodium_memzero(secret, count);
}

void tally_sha256(const void *bytes, size_t count, uint8_t out[TALLY_SHA256_BYTES])
{
    (void)crypto_hash_sha256(out, bytes, count);
}

void tally_sha256_tagged(uint8_t tag, const void *bytes, size_t count,
                         uint8_t out[TALLY_SHA256_BYTES])
{
    crypto_hash_sha256_state state;

    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, &tag, 1);
    (void)crypto_hash_sha256_update(&state, bytes, count);
    (void)crypto_hash_sha256_final(&state, out);
}

void tally_blake2b_256(const void *bytes, size_t count, uint8_t out[TALLY_BLAKE2B_256_BYTES])
{
    (void)crypto_generichash(out, TALLY_BLAKE2B_256_BYTES, bytes, count, NULL, 0);
}

void tally_sign_public(const uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                       uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES])
{
    uint8_t expanded[crypto_sign_SECRETKEYBYTES];

    (void)crypto_sign_seed_keypair(public_key, expanded, secret);
    sodium_memzero(expanded, sizeof(expanded));
}

void tally_sign_generate(const struct tally_entropy *entropy,
                         uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                         uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES])
{
    tally_entropy_fill(entropy, secret, TALLY_SIGN_SECRET_BYTES);
    tally_sign_public(secret, public_key);
}

void tally_sign(const uint8_t secret[TALLY_SIGN_SECRET_BYTES], const void *message,
                size_t message_bytes, uint8_t signature[TALLY_SIGNATURE_BYTES])
{
    uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES];
    uint8_t expanded[crypto_sign_SECRETKEYBYTES];

    (void)crypto_sign_seed_keypair(public_key, expanded, secret);
    (void)crypto_sign_detached(signature, NULL, message, message_bytes, expanded);
    sodium_memzero(expanded, sizeof(expanded));
}

bool tally_sign_verify(const uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES], const void *message,
                       size_t message_bytes, const uint8_t signature[TALLY_SIGNATURE_BYTES])
{
    return crypto_sign_verify_detached(signature, message, message_bytes, public_key) == 0;
}

void tally_dh_public(const uint8_t secret[TALLY_DH_BYTES], uint8_t public_key[TALLY_DH_BYTES])
{
    (void)crypto_scalarmult_base(public_key, secret);
}

void tally_dh_generate(const struct tally_entropy *entropy, uint8_t secret[TALLY_DH_BYTES],
                       uint8_t public_key[TALLY_DH_BYTES])
{
    tally_entropy_fill(entropy, secret, TALLY_DH_BYTES);
    tally_dh_public(secret, public_key);
}

bool tally_note_name_is_valid(const char *name)
{
    size_t count = 0;

    for (; name[count] != '\0'; count++) {
        const unsigned char character = (unsigned char)name[count];

        if (character <= ' ' || character == '+' || character == 0x7f ||
            count == TALLY_NOTE_NAME_BYTES - 1) {
            return false;
        }
    }
    return count > 0;
}

void tally_note_key_id(const char *name, const uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES],
                       uint8_t key_id[TALLY_NOTE_KEY_ID_BYTES])
{
    static const uint8_t separator[] = {'\n', NOTE_ALGORITHM_ED25519};
    crypto_hash_sha256_state state;
    uint8_t hash[TALLY_SHA256_BYTES];

    TALLY_ASSERT(tally_note_name_is_valid(name));
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, (const unsigned char *)name, strlen(name));
    (void)crypto_hash_sha256_update(&state, separator, sizeof(separator));
    (void)crypto_hash_sha256_update(&state, public_key, TALLY_SIGN_PUBLIC_BYTES);
    (void)crypto_hash_sha256_final(&state, hash);
    memcpy(key_id, hash, TALLY_NOTE_KEY_ID_BYTES);
}

void tally_note_sign(const char *name, const uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                     const void *text, size_t text_bytes,
                     uint8_t signature[TALLY_NOTE_SIGNATURE_BYTES])
{
    uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES];

    tally_sign_public(secret, public_key);
    tally_note_key_id(name, public_key, signature);
    tally_sign(secret, text, text_bytes, signature + TALLY_NOTE_KEY_ID_BYTES);
}

bool tally_note_verify_signature(const char *name,
                                 const uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES],
                                 const void *text, size_t text_bytes, const uint8_t *signature,
                                 size_t signature_bytes)
{
    uint8_t key_id[TALLY_NOTE_KEY_ID_BYTES];

    if (signature_bytes != TALLY_NOTE_SIGNATURE_BYTES) {
        return false;
    }
    tally_note_key_id(name, public_key, key_id);
    return sodium_memcmp(key_id, signature, sizeof(key_id)) == 0 &&
           tally_sign_verify(public_key, text, text_bytes, signature + TALLY_NOTE_KEY_ID_BYTES);
}
