/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine of the Noise specification, revision 34, section 5. Names follow it: the symmetric
 * state is hash `h`, chaining key `ck` and cipher key `k` with its counter `n`.
 *
 *   IK:   <- s
 *         ...
 *         -> e, es, s, ss
 *         <- e, ee, se
 */
#include "crypto/noise.h"

#include "base/assert.h"
#include "base/cursor.h"

#include <sodium.h>
#include <string.h>

enum { HMAC_BLOCK_BYTES = 128 }; /* BLAKE2b's block */

#define SUITE "_25519_ChaChaPoly_BLAKE2b"

TALLY_STATIC_ASSERT(sizeof("Noise_") - 1 + TALLY_NOISE_NAME_BYTES - 1 + sizeof(SUITE) - 1 <=
                        TALLY_NOISE_HASH_BYTES,
                    "the protocol name fits the hash without hashing");
TALLY_STATIC_ASSERT(TALLY_NOISE_HASH_BYTES == crypto_generichash_BYTES_MAX, "BLAKE2b-512");
TALLY_STATIC_ASSERT(TALLY_NOISE_KEY_BYTES == crypto_scalarmult_BYTES, "X25519");
TALLY_STATIC_ASSERT(TALLY_NOISE_KEY_BYTES == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "cipher");
TALLY_STATIC_ASSERT(TALLY_NOISE_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "tag");

const struct tally_noise_pattern tally_noise_ik = {
    .name = "IK",
    .is_responder_known = true,
    .message_count = 2,
    .tokens = {{TALLY_NOISE_E, TALLY_NOISE_ES, TALLY_NOISE_S, TALLY_NOISE_SS},
               {TALLY_NOISE_E, TALLY_NOISE_EE, TALLY_NOISE_SE}},
};

/* HMAC (RFC 2104) over two pieces; the key is always one hash long, so it is never hashed. */
static void hmac(const uint8_t key[TALLY_NOISE_HASH_BYTES], const void *first, size_t first_bytes,
                 const void *second, size_t second_bytes, uint8_t out[TALLY_NOISE_HASH_BYTES])
{
    crypto_generichash_state state;
    uint8_t pad[HMAC_BLOCK_BYTES];
    uint8_t inner[TALLY_NOISE_HASH_BYTES];

    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] = (uint8_t)((i < TALLY_NOISE_HASH_BYTES ? key[i] : 0) ^ 0x36);
    }
    crypto_generichash_init(&state, NULL, 0, sizeof(inner));
    crypto_generichash_update(&state, pad, sizeof(pad));
    crypto_generichash_update(&state, first, first_bytes);
    crypto_generichash_update(&state, second, second_bytes);
    crypto_generichash_final(&state, inner, sizeof(inner));

    for (size_t i = 0; i < sizeof(pad); i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    crypto_generichash_init(&state, NULL, 0, TALLY_NOISE_HASH_BYTES);
    crypto_generichash_update(&state, pad, sizeof(pad));
    crypto_generichash_update(&state, inner, sizeof(inner));
    crypto_generichash_final(&state, out, TALLY_NOISE_HASH_BYTES);

    sodium_memzero(&state, sizeof(state));
    sodium_memzero(pad, sizeof(pad));
    sodium_memzero(inner, sizeof(inner));
}

/* Section 4.3, HKDF. outputs: 2 or 3 hashes, one after the other. */
static void hkdf(const uint8_t chaining_key[TALLY_NOISE_HASH_BYTES], const void *input,
                 size_t input_bytes, uint8_t (*outputs)[TALLY_NOISE_HASH_BYTES],
                 uint8_t output_count)
{
    uint8_t secret[TALLY_NOISE_HASH_BYTES];

    hmac(chaining_key, input, input_bytes, NULL, 0, secret);
    for (uint8_t i = 0; i < output_count; i++) {
        const uint8_t number = (uint8_t)(i + 1);

        hmac(secret, i == 0 ? NULL : outputs[i - 1], i == 0 ? 0 : TALLY_NOISE_HASH_BYTES, &number,
             1, outputs[i]);
    }
    sodium_memzero(secret, sizeof(secret));
}

static void mix_hash(struct tally_noise *noise, const void *bytes, size_t count)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, TALLY_NOISE_HASH_BYTES);
    crypto_generichash_update(&state, noise->hash, TALLY_NOISE_HASH_BYTES);
    crypto_generichash_update(&state, bytes, count);
    crypto_generichash_final(&state, noise->hash, TALLY_NOISE_HASH_BYTES);
}

static void set_cipher_key(struct tally_noise *noise, const uint8_t key[TALLY_NOISE_KEY_BYTES])
{
    memcpy(noise->cipher_key, key, TALLY_NOISE_KEY_BYTES);
    noise->has_cipher_key = true;
    noise->counter = 0;
}

static void mix_key(struct tally_noise *noise, const void *bytes, size_t count)
{
    uint8_t outputs[2][TALLY_NOISE_HASH_BYTES];

    hkdf(noise->chaining_key, bytes, count, outputs, 2);
    memcpy(noise->chaining_key, outputs[0], TALLY_NOISE_HASH_BYTES);
    set_cipher_key(noise, outputs[1]);
    sodium_memzero(outputs, sizeof(outputs));
}

static void mix_key_and_hash(struct tally_noise *noise, const uint8_t psk[TALLY_NOISE_KEY_BYTES])
{
    uint8_t outputs[3][TALLY_NOISE_HASH_BYTES];

    hkdf(noise->chaining_key, psk, TALLY_NOISE_KEY_BYTES, outputs, 3);
    memcpy(noise->chaining_key, outputs[0], TALLY_NOISE_HASH_BYTES);
    mix_hash(noise, outputs[1], TALLY_NOISE_HASH_BYTES);
    set_cipher_key(noise, outputs[2]);
    sodium_memzero(outputs, sizeof(outputs));
}

static void nonce_of(uint64_t counter, uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES])
{
    struct tally_writer writer =
        tally_writer_of(nonce, crypto_aead_chacha20poly1305_ietf_NPUBBYTES);

    tally_write_zeros(&writer, 4);
    tally_write_u64(&writer, counter);
}

void tally_noise_seal(const uint8_t key[TALLY_NOISE_KEY_BYTES], uint64_t counter, const void *ad,
                      size_t ad_bytes, const void *plaintext, size_t plaintext_bytes,
                      uint8_t *sealed)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    nonce_of(counter, nonce);
    (void)crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, plaintext, plaintext_bytes, ad,
                                                    ad_bytes, NULL, nonce, key);
}

bool tally_noise_open(const uint8_t key[TALLY_NOISE_KEY_BYTES], uint64_t counter, const void *ad,
                      size_t ad_bytes, const uint8_t *sealed, size_t sealed_bytes,
                      uint8_t *plaintext)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    nonce_of(counter, nonce);
    return crypto_aead_chacha20poly1305_ietf_decrypt(plaintext, NULL, NULL, sealed, sealed_bytes,
                                                     ad, ad_bytes, nonce, key) == 0;
}

/* EncryptAndHash, into the writer. */
static void write_sealed(struct tally_noise *noise, const void *plaintext, size_t plaintext_bytes,
                         struct tally_writer *out)
{
    const size_t start = out->at;

    if (noise->has_cipher_key) {
        const size_t sealed_bytes = plaintext_bytes + TALLY_NOISE_TAG_BYTES;

        TALLY_ASSERT(out->size - out->at >= sealed_bytes); /* write() has measured */
        tally_noise_seal(noise->cipher_key, noise->counter++, noise->hash, sizeof(noise->hash),
                         plaintext, plaintext_bytes, out->bytes + out->at);
        out->at += sealed_bytes;
    } else {
        tally_write_bytes(out, plaintext, plaintext_bytes);
    }
    mix_hash(noise, out->bytes + start, out->at - start);
}

/* DecryptAndHash of exactly sealed_bytes. */
static enum tally_reject read_sealed(struct tally_noise *noise, struct tally_reader *in,
                                     size_t sealed_bytes, uint8_t *plaintext)
{
    const uint8_t *sealed = tally_read_span(in, sealed_bytes);

    if (sealed == NULL) {
        return TALLY_REJECT_SHORT;
    }
    if (!noise->has_cipher_key) {
        memcpy(plaintext, sealed, sealed_bytes);
    } else if (!tally_noise_open(noise->cipher_key, noise->counter++, noise->hash,
                                 sizeof(noise->hash), sealed, sealed_bytes, plaintext)) {
        return TALLY_REJECT_TAG;
    }
    mix_hash(noise, sealed, sealed_bytes);
    return TALLY_REJECT_NONE;
}

/* False: the shared secret is all zero, which a point of low order gives (RFC 7748, section 6.1).
 */
static bool mix_dh(struct tally_noise *noise, const uint8_t secret[TALLY_NOISE_KEY_BYTES],
                   const uint8_t public[TALLY_NOISE_KEY_BYTES])
{
    uint8_t shared[TALLY_NOISE_KEY_BYTES];
    const bool is_good = crypto_scalarmult(shared, secret, public) == 0;

    if (is_good) {
        mix_key(noise, shared, sizeof(shared));
    }
    sodium_memzero(shared, sizeof(shared));
    return is_good;
}

/* The tokens that both sides treat alike. False: a point of low order. */
static bool mix_shared_token(struct tally_noise *noise, enum tally_noise_token token)
{
    const bool is_initiator = noise->role == TALLY_NOISE_INITIATOR;

    switch (token) {
    case TALLY_NOISE_EE:
        return mix_dh(noise, noise->ephemeral_secret, noise->remote_ephemeral);
    case TALLY_NOISE_SS:
        return mix_dh(noise, noise->static_secret, noise->remote_static);
    case TALLY_NOISE_ES:
        return is_initiator ? mix_dh(noise, noise->ephemeral_secret, noise->remote_static)
                            : mix_dh(noise, noise->static_secret, noise->remote_ephemeral);
    case TALLY_NOISE_SE:
        return is_initiator ? mix_dh(noise, noise->static_secret, noise->remote_ephemeral)
                            : mix_dh(noise, noise->ephemeral_secret, noise->remote_static);
    case TALLY_NOISE_PSK:
        TALLY_ASSERT(noise->psk_index < noise->pattern->psk_count);
        mix_key_and_hash(noise, noise->psks[noise->psk_index++]);
        return true;
    case TALLY_NOISE_NONE:
    case TALLY_NOISE_E:
    case TALLY_NOISE_S:
        break;
    }
    tally_assert_failed("a token that both sides treat alike", __FILE__, __LINE__);
}

/* Section 9.2: with pre-shared keys the ephemeral key randomises the cipher key too. */
static void mix_ephemeral(struct tally_noise *noise, const uint8_t public[TALLY_NOISE_KEY_BYTES])
{
    mix_hash(noise, public, TALLY_NOISE_KEY_BYTES);
    if (noise->pattern->psk_count > 0) {
        mix_key(noise, public, TALLY_NOISE_KEY_BYTES);
    }
}

static bool write_token(struct tally_noise *noise, enum tally_noise_token token,
                        struct tally_writer *out)
{
    switch (token) {
    case TALLY_NOISE_E:
        tally_write_bytes(out, noise->ephemeral_public, TALLY_NOISE_KEY_BYTES);
        mix_ephemeral(noise, noise->ephemeral_public);
        return true;
    case TALLY_NOISE_S:
        write_sealed(noise, noise->static_public, TALLY_NOISE_KEY_BYTES, out);
        return true;
    case TALLY_NOISE_NONE:
    case TALLY_NOISE_EE:
    case TALLY_NOISE_ES:
    case TALLY_NOISE_SE:
    case TALLY_NOISE_SS:
    case TALLY_NOISE_PSK:
        break;
    }
    return mix_shared_token(noise, token);
}

static enum tally_reject read_token(struct tally_noise *noise, enum tally_noise_token token,
                                    struct tally_reader *in)
{
    switch (token) {
    case TALLY_NOISE_E:
        tally_read_bytes(in, noise->remote_ephemeral, TALLY_NOISE_KEY_BYTES);
        if (in->failed) {
            return TALLY_REJECT_SHORT;
        }
        mix_ephemeral(noise, noise->remote_ephemeral);
        return TALLY_REJECT_NONE;
    case TALLY_NOISE_S:
        return read_sealed(
            noise, in, TALLY_NOISE_KEY_BYTES + (noise->has_cipher_key ? TALLY_NOISE_TAG_BYTES : 0),
            noise->remote_static);
    case TALLY_NOISE_NONE:
    case TALLY_NOISE_EE:
    case TALLY_NOISE_ES:
    case TALLY_NOISE_SE:
    case TALLY_NOISE_SS:
    case TALLY_NOISE_PSK:
        break;
    }
    return mix_shared_token(noise, token) ? TALLY_REJECT_NONE : TALLY_REJECT_KEY;
}

static void copy_key(uint8_t to[TALLY_NOISE_KEY_BYTES], const uint8_t *from)
{
    if (from != NULL) {
        memcpy(to, from, TALLY_NOISE_KEY_BYTES);
    }
}

static void copy_keys(struct tally_noise *noise, const struct tally_noise_keys *keys)
{
    copy_key(noise->static_secret, keys->static_secret);
    copy_key(noise->static_public, keys->static_public);
    copy_key(noise->ephemeral_secret, keys->ephemeral_secret);
    copy_key(noise->remote_static, keys->remote_static);
    if (keys->static_secret != NULL && keys->static_public == NULL) {
        (void)crypto_scalarmult_base(noise->static_public, noise->static_secret);
    }
    if (keys->ephemeral_secret != NULL) {
        (void)crypto_scalarmult_base(noise->ephemeral_public, noise->ephemeral_secret);
    }
    for (size_t i = 0; i < noise->pattern->psk_count; i++) {
        copy_key(noise->psks[i], keys->psks[i]);
    }
}

/* The hash starts as the protocol name, filled up with zeros. */
static void start_hash(struct tally_noise *noise)
{
    struct tally_writer name = tally_writer_of(noise->hash, sizeof(noise->hash));

    tally_write_bytes(&name, "Noise_", sizeof("Noise_") - 1);
    tally_write_bytes(&name, noise->pattern->name, strlen(noise->pattern->name));
    tally_write_bytes(&name, SUITE, sizeof(SUITE) - 1);
    TALLY_ASSERT(!name.failed);
    memcpy(noise->chaining_key, noise->hash, sizeof(noise->hash));
}

void tally_noise_init(struct tally_noise *noise, const struct tally_noise_pattern *pattern,
                      enum tally_noise_role role, const void *prologue, size_t prologue_bytes,
                      const struct tally_noise_keys *keys)
{
    const bool is_initiator = role == TALLY_NOISE_INITIATOR;

    TALLY_ASSERT(pattern->psk_count <= TALLY_NOISE_PSKS_MAX);
    TALLY_ASSERT(pattern->message_count <= TALLY_NOISE_MESSAGES_MAX);
    TALLY_ASSERT(!(is_initiator ? pattern->is_responder_known : pattern->is_initiator_known) ||
                 keys->remote_static != NULL);
    TALLY_ASSERT(!(is_initiator ? pattern->is_initiator_known : pattern->is_responder_known) ||
                 keys->static_secret != NULL);

    sodium_memzero(noise, sizeof(*noise));
    noise->pattern = pattern;
    noise->role = role;
    start_hash(noise);
    mix_hash(noise, prologue, prologue_bytes);
    copy_keys(noise, keys);
    if (pattern->is_initiator_known) {
        mix_hash(noise, is_initiator ? noise->static_public : noise->remote_static,
                 TALLY_NOISE_KEY_BYTES);
    }
    if (pattern->is_responder_known) {
        mix_hash(noise, is_initiator ? noise->remote_static : noise->static_public,
                 TALLY_NOISE_KEY_BYTES);
    }
}

void tally_noise_wipe(struct tally_noise *noise)
{
    sodium_memzero(noise, sizeof(*noise));
}

bool tally_noise_is_done(const struct tally_noise *noise)
{
    return noise->pattern != NULL && noise->message_index == noise->pattern->message_count;
}

bool tally_noise_is_writing(const struct tally_noise *noise)
{
    const bool is_initiators_turn = noise->message_index % 2 == 0;

    return noise->pattern != NULL && !tally_noise_is_done(noise) &&
           is_initiators_turn == (noise->role == TALLY_NOISE_INITIATOR);
}

size_t tally_noise_overhead_bytes(const struct tally_noise *noise)
{
    const uint8_t *tokens = noise->pattern->tokens[noise->message_index];
    bool has_cipher_key = noise->has_cipher_key;
    size_t overhead_bytes = 0;

    for (size_t i = 0; tokens[i] != TALLY_NOISE_NONE; i++) {
        switch ((enum tally_noise_token)tokens[i]) {
        case TALLY_NOISE_E:
            overhead_bytes += TALLY_NOISE_KEY_BYTES;
            has_cipher_key = has_cipher_key || noise->pattern->psk_count > 0;
            break;
        case TALLY_NOISE_S:
            overhead_bytes += TALLY_NOISE_KEY_BYTES;
            overhead_bytes += has_cipher_key ? TALLY_NOISE_TAG_BYTES : 0;
            break;
        case TALLY_NOISE_EE:
        case TALLY_NOISE_ES:
        case TALLY_NOISE_SE:
        case TALLY_NOISE_SS:
        case TALLY_NOISE_PSK:
            has_cipher_key = true;
            break;
        case TALLY_NOISE_NONE:
            break;
        }
    }
    return overhead_bytes + (has_cipher_key ? TALLY_NOISE_TAG_BYTES : 0);
}

enum tally_err tally_noise_write(struct tally_noise *noise, const void *payload,
                                 size_t payload_bytes, uint8_t *message, size_t message_size,
                                 size_t *message_bytes)
{
    struct tally_writer out = tally_writer_of(message, message_size);
    const uint8_t *tokens;
    size_t overhead_bytes;

    TALLY_ASSERT(tally_noise_is_writing(noise));
    *message_bytes = 0;
    overhead_bytes = tally_noise_overhead_bytes(noise);
    if (payload_bytes > TALLY_NOISE_MESSAGE_BYTES_MAX - overhead_bytes ||
        message_size < payload_bytes + overhead_bytes) {
        return TALLY_ERR_LIMIT;
    }

    tokens = noise->pattern->tokens[noise->message_index];
    for (size_t i = 0; tokens[i] != TALLY_NOISE_NONE; i++) {
        if (!write_token(noise, (enum tally_noise_token)tokens[i], &out)) {
            tally_noise_wipe(noise);
            return TALLY_ERR_CRYPTO;
        }
    }
    write_sealed(noise, payload, payload_bytes, &out);
    TALLY_ASSERT(!out.failed && out.at == payload_bytes + overhead_bytes);
    noise->message_index++;
    *message_bytes = out.at;
    return TALLY_ERR_OK;
}

static enum tally_reject read_message(struct tally_noise *noise, const uint8_t *message,
                                      size_t message_bytes, uint8_t *payload, size_t *payload_bytes)
{
    struct tally_reader in = tally_reader_of(message, message_bytes);
    const uint8_t *tokens = noise->pattern->tokens[noise->message_index];
    enum tally_reject reject = TALLY_REJECT_NONE;
    size_t sealed_bytes;

    if (message_bytes > TALLY_NOISE_MESSAGE_BYTES_MAX) {
        return TALLY_REJECT_LONG;
    }
    if (message_bytes < tally_noise_overhead_bytes(noise)) {
        return TALLY_REJECT_SHORT;
    }
    for (size_t i = 0; tokens[i] != TALLY_NOISE_NONE; i++) {
        reject = read_token(noise, (enum tally_noise_token)tokens[i], &in);
        if (reject != TALLY_REJECT_NONE) {
            return reject;
        }
    }
    sealed_bytes = tally_reader_left(&in);
    reject = read_sealed(noise, &in, sealed_bytes, payload);
    if (reject == TALLY_REJECT_NONE) {
        *payload_bytes = sealed_bytes - (noise->has_cipher_key ? TALLY_NOISE_TAG_BYTES : 0);
    }
    return reject;
}

enum tally_reject tally_noise_read(struct tally_noise *noise, const uint8_t *message,
                                   size_t message_bytes, uint8_t *payload, size_t *payload_bytes)
{
    enum tally_reject reject;

    TALLY_ASSERT(noise->pattern != NULL && !tally_noise_is_done(noise) &&
                 !tally_noise_is_writing(noise));
    *payload_bytes = 0;
    reject = read_message(noise, message, message_bytes, payload, payload_bytes);
    if (reject != TALLY_REJECT_NONE) {
        tally_noise_wipe(noise);
        return reject;
    }
    noise->message_index++;
    return TALLY_REJECT_NONE;
}

void tally_noise_split(const struct tally_noise *noise, uint8_t send_key[TALLY_NOISE_KEY_BYTES],
                       uint8_t receive_key[TALLY_NOISE_KEY_BYTES])
{
    const bool is_initiator = noise->role == TALLY_NOISE_INITIATOR;
    uint8_t outputs[2][TALLY_NOISE_HASH_BYTES];

    TALLY_ASSERT(tally_noise_is_done(noise));
    hkdf(noise->chaining_key, NULL, 0, outputs, 2);
    memcpy(send_key, outputs[is_initiator ? 0 : 1], TALLY_NOISE_KEY_BYTES);
    memcpy(receive_key, outputs[is_initiator ? 1 : 0], TALLY_NOISE_KEY_BYTES);
    sodium_memzero(outputs, sizeof(outputs));
}
