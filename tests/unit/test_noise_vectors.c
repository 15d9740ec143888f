/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the handshake machine that ships gives, for every pattern anybody has published vectors
 * for, the very bytes of the vectors, in both directions, and the same handshake hash.
 * Method: three independent collections are read in place (cacophony, snow, noise-c); both roles
 * are played, every message is compared when written, read by the other side, and compared again;
 * what is left of each vector's messages goes through the two transport keys. The number of vectors
 * is fixed, so that none can be lost on the way.
 */
#include "base/text.h"
#include "testing.h"
#include "unit/noise_patterns.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VECTORS "../shared/vectors/"
#define SUITE "_25519_ChaChaPoly_BLAKE2b"

enum { BYTES_MAX = 4096 };

struct bytes {
    uint8_t data[BYTES_MAX];
    size_t count;
    bool is_there;
};

struct party {
    struct tally_noise noise;
    struct bytes fixed_static, fixed_ephemeral, remote_static, prologue;
    uint8_t psks[TALLY_NOISE_PSKS_MAX][TALLY_NOISE_KEY_BYTES];
    uint8_t send_key[TALLY_NOISE_KEY_BYTES], receive_key[TALLY_NOISE_KEY_BYTES];
    uint64_t sent_count, received_count;
};

static struct {
    size_t vector_count, hash_count, message_count;
} totals;

static void from_hex(const char *hex, struct bytes *bytes)
{
    memset(bytes, 0, sizeof(*bytes));
    if (hex == NULL) {
        return;
    }
    assert_true(
        tally_hex_decode(hex, strlen(hex), bytes->data, sizeof(bytes->data), &bytes->count));
    bytes->is_there = true;
}

static const char *field(const json_t *vector, const char *side, const char *name)
{
    char key[64];

    (void)snprintf(key, sizeof(key), "%s_%s", side, name);
    return json_string_value(json_object_get(vector, key));
}

static size_t load_psks(const json_t *vector, const char *side, struct party *party)
{
    char key[64];
    const json_t *psks;
    size_t at;
    const json_t *psk;

    (void)snprintf(key, sizeof(key), "%s_psks", side);
    psks = json_object_get(vector, key);
    assert_true(json_array_size(psks) <= TALLY_NOISE_PSKS_MAX);
    json_array_foreach(psks, at, psk)
    {
        struct bytes bytes;

        from_hex(json_string_value(psk), &bytes);
        assert_int_equal(bytes.count, TALLY_NOISE_KEY_BYTES);
        memcpy(party->psks[at], bytes.data, TALLY_NOISE_KEY_BYTES);
    }
    return json_array_size(psks);
}

static const uint8_t *key_or_null(const struct bytes *bytes)
{
    if (bytes->is_there) {
        assert_int_equal(bytes->count, TALLY_NOISE_KEY_BYTES);
    }
    return bytes->is_there ? bytes->data : NULL;
}

static void start(const json_t *vector, const char *side, enum tally_noise_role role,
                  const struct tally_noise_pattern *pattern, struct party *party)
{
    struct tally_noise_keys keys = {0};

    memset(party, 0, sizeof(*party));
    from_hex(field(vector, side, "static"), &party->fixed_static);
    from_hex(field(vector, side, "ephemeral"), &party->fixed_ephemeral);
    from_hex(field(vector, side, "remote_static"), &party->remote_static);
    from_hex(field(vector, side, "prologue"), &party->prologue);
    assert_int_equal(load_psks(vector, side, party), pattern->psk_count);
    keys.static_secret = key_or_null(&party->fixed_static);
    keys.ephemeral_secret = key_or_null(&party->fixed_ephemeral);
    keys.remote_static = key_or_null(&party->remote_static);
    keys.psks = (const uint8_t(*)[TALLY_NOISE_KEY_BYTES])party->psks;
    tally_noise_init(&party->noise, pattern, role, party->prologue.data, party->prologue.count,
                     &keys);
}

static void pass_handshake_message(struct party *from, struct party *to,
                                   const struct bytes *payload, const struct bytes *want)
{
    uint8_t message[BYTES_MAX];
    uint8_t read_payload[BYTES_MAX];
    size_t message_bytes = 0;
    size_t payload_bytes = 0;

    assert_true(tally_noise_is_writing(&from->noise));
    assert_false(tally_noise_is_writing(&to->noise));
    assert_int_equal(tally_noise_overhead_bytes(&from->noise) + payload->count, want->count);
    assert_int_equal(tally_noise_write(&from->noise, payload->data, payload->count, message,
                                       sizeof(message), &message_bytes),
                     TALLY_ERR_OK);
    assert_int_equal(message_bytes, want->count);
    assert_memory_equal(message, want->data, message_bytes);
    assert_int_equal(
        tally_noise_read(&to->noise, message, message_bytes, read_payload, &payload_bytes),
        TALLY_REJECT_NONE);
    assert_int_equal(payload_bytes, payload->count);
    assert_memory_equal(read_payload, payload->data, payload_bytes);
}

static void pass_transport_message(struct party *from, struct party *to,
                                   const struct bytes *payload, const struct bytes *want)
{
    uint8_t sealed[BYTES_MAX + TALLY_NOISE_TAG_BYTES];
    uint8_t opened[BYTES_MAX];

    tally_noise_seal(from->send_key, from->sent_count++, NULL, 0, payload->data, payload->count,
                     sealed);
    assert_int_equal(payload->count + TALLY_NOISE_TAG_BYTES, want->count);
    assert_memory_equal(sealed, want->data, want->count);
    assert_true(tally_noise_open(to->receive_key, to->received_count++, NULL, 0, sealed,
                                 want->count, opened));
    assert_memory_equal(opened, payload->data, payload->count);
}

static void finish(const json_t *vector, struct party *initiator, struct party *responder)
{
    struct bytes hash;

    assert_true(tally_noise_is_done(&initiator->noise));
    assert_true(tally_noise_is_done(&responder->noise));
    assert_memory_equal(initiator->noise.hash, responder->noise.hash, TALLY_NOISE_HASH_BYTES);
    from_hex(json_string_value(json_object_get(vector, "handshake_hash")), &hash);
    if (hash.is_there) {
        assert_int_equal(hash.count, TALLY_NOISE_HASH_BYTES);
        assert_memory_equal(initiator->noise.hash, hash.data, TALLY_NOISE_HASH_BYTES);
        totals.hash_count++;
    }
    tally_noise_split(&initiator->noise, initiator->send_key, initiator->receive_key);
    tally_noise_split(&responder->noise, responder->send_key, responder->receive_key);
    tally_noise_wipe(&initiator->noise);
    tally_noise_wipe(&responder->noise);
}

/* "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2b" to its pattern. */
static void pattern_of(const json_t *vector, struct tally_noise_pattern *pattern)
{
    const char *name = json_string_value(json_object_get(vector, "protocol_name"));
    char short_name[TALLY_NOISE_NAME_BYTES] = "";
    const char *end;

    if (name == NULL) {
        name = json_string_value(json_object_get(vector, "name"));
    }
    assert_non_null(name);
    assert_memory_equal(name, "Noise_", strlen("Noise_"));
    end = strstr(name, SUITE);
    assert_non_null(end);
    assert_true((size_t)(end - name) - strlen("Noise_") < sizeof(short_name));
    memcpy(short_name, name + strlen("Noise_"), (size_t)(end - name) - strlen("Noise_"));
    if (!noise_pattern_find(short_name, pattern)) {
        fail_msg("no pattern is called %s", short_name);
    }
}

static void play_vector(const json_t *vector)
{
    static struct party parties[2];
    struct tally_noise_pattern pattern;
    const json_t *messages = json_object_get(vector, "messages");
    bool is_one_way;

    pattern_of(vector, &pattern);
    is_one_way = pattern.message_count == 1;
    start(vector, "init", TALLY_NOISE_INITIATOR, &pattern, &parties[0]);
    start(vector, "resp", TALLY_NOISE_RESPONDER, &pattern, &parties[1]);
    assert_true(json_array_size(messages) >= pattern.message_count);
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);
        const size_t from = is_one_way ? 0 : i % 2;
        struct bytes payload;
        struct bytes want;

        from_hex(json_string_value(json_object_get(message, "payload")), &payload);
        from_hex(json_string_value(json_object_get(message, "ciphertext")), &want);
        if (i < pattern.message_count) {
            pass_handshake_message(&parties[from], &parties[1 - from], &payload, &want);
        } else {
            pass_transport_message(&parties[from], &parties[1 - from], &payload, &want);
        }
        if (i + 1 == pattern.message_count) {
            finish(vector, &parties[0], &parties[1]);
        }
        totals.message_count++;
    }
    totals.vector_count++;
}

static void play_collection(const char *path, size_t want_count)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    const json_t *vectors;
    size_t at;
    const json_t *vector;

    if (root == NULL) {
        fail_msg("%s:%d: %s", path, error.line, error.text);
    }
    vectors = json_object_get(root, "vectors");
    assert_int_equal(json_array_size(vectors), want_count);
    json_array_foreach(vectors, at, vector)
    {
        play_vector(vector);
    }
    json_decref(root);
}

static void cacophony(void **state)
{
    (void)state;
    play_collection(VECTORS "cacophony-25519_ChaChaPoly_BLAKE2b.json", 59);
}

static void snow(void **state)
{
    (void)state;
    play_collection(VECTORS "snow-25519_ChaChaPoly_BLAKE2b.json", 51);
}

static void noise_c(void **state)
{
    (void)state;
    play_collection(VECTORS "noise-c-25519_ChaChaPoly_BLAKE2b.json", 15);
}

static void every_vector_was_played(void **state)
{
    (void)state;
    print_message("vectors %zu, messages %zu, handshake hashes compared %zu\n", totals.vector_count,
                  totals.message_count, totals.hash_count);
    assert_int_equal(totals.vector_count, 125);
    assert_int_equal(totals.hash_count, 59 + 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cacophony),
        cmocka_unit_test(snow),
        cmocka_unit_test(noise_c),
        cmocka_unit_test(every_vector_was_played),
    };

    if (access(VECTORS "README.md", R_OK) != 0) {
        printf("SKIP: " VECTORS " is not there\n");
        return 77;
    }
    if (sodium_init() < 0) {
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
