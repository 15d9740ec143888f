/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the handshake machine refuses what it must, says so, and leaves no secret behind.
 * Method: IK, both roles, with keys from a seed; one thing wrong at a time. That what is right
 * comes out right is test_noise_vectors' part.
 */
#include "crypto/noise.h"
#include "crypto/sign.h"
#include "testing.h"
#include "unit/noise_patterns.h"
#include "unit/session_bench.h"

#include <stdlib.h>
#include <string.h>

static struct test_chance chance;

struct pair {
    struct tally_noise initiator, responder;
    uint8_t secrets[2][32], publics[2][32], ephemerals[2][32];
};

static void start(struct pair *pair, const char *initiator_prologue, const char *responder_prologue)
{
    const struct tally_entropy entropy = bench_entropy(&chance);

    for (int i = 0; i < 2; i++) {
        tally_dh_generate(&entropy, pair->secrets[i], pair->publics[i]);
        tally_entropy_fill(&entropy, pair->ephemerals[i], 32);
    }
    tally_noise_init(&pair->initiator, &tally_noise_ik, TALLY_NOISE_INITIATOR, initiator_prologue,
                     strlen(initiator_prologue),
                     &(struct tally_noise_keys){.static_secret = pair->secrets[0],
                                                .static_public = pair->publics[0],
                                                .ephemeral_secret = pair->ephemerals[0],
                                                .remote_static = pair->publics[1]});
    tally_noise_init(&pair->responder, &tally_noise_ik, TALLY_NOISE_RESPONDER, responder_prologue,
                     strlen(responder_prologue),
                     &(struct tally_noise_keys){.static_secret = pair->secrets[1],
                                                .ephemeral_secret = pair->ephemerals[1]});
}

static void assert_wiped(const struct tally_noise *noise)
{
    static const struct tally_noise zeros;

    assert_memory_equal(noise, &zeros, sizeof(zeros));
    assert_false(tally_noise_is_writing(noise));
    assert_false(tally_noise_is_done(noise));
}

static size_t write_first(struct pair *pair, uint8_t message[256])
{
    size_t count;

    assert_int_equal(tally_noise_write(&pair->initiator, "hello", 5, message, 256, &count),
                     TALLY_ERR_OK);
    assert_int_equal(count, 32 + 48 + 5 + 16);
    return count;
}

static void each_flipped_bit_is_noticed(void **state)
{
    uint8_t message[256];
    uint8_t payload[256];
    struct pair pair;
    size_t count;
    size_t payload_bytes;

    (void)state;
    start(&pair, "p", "p");
    count = write_first(&pair, message);
    for (size_t bit = 0; bit < count * 8; bit++) {
        struct tally_noise copy = pair.responder;
        enum tally_reject reject;

        message[bit / 8] ^= (uint8_t)(1U << bit % 8);
        reject = tally_noise_read(&copy, message, count, payload, &payload_bytes);
        assert_int_equal(reject, TALLY_REJECT_TAG);
        assert_int_equal(payload_bytes, 0);
        assert_wiped(&copy);
        message[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(tally_noise_read(&pair.responder, message, count, payload, &payload_bytes),
                     TALLY_REJECT_NONE);
    assert_int_equal(payload_bytes, 5);
    assert_memory_equal(pair.responder.remote_static, pair.publics[0], 32);
}

static void each_missing_byte_is_noticed(void **state)
{
    uint8_t message[256] = {0};
    uint8_t payload[256];
    struct pair pair;
    size_t payload_bytes;
    size_t whole;

    (void)state;
    start(&pair, "p", "p");
    whole = write_first(&pair, message);
    for (size_t count = 0; count <= whole + 1; count++) {
        struct tally_noise copy = pair.responder;

        assert_int_equal(tally_noise_read(&copy, message, count, payload, &payload_bytes),
                         count < 32 + 48 + 16 ? TALLY_REJECT_SHORT
                         : count == whole     ? TALLY_REJECT_NONE
                                              : TALLY_REJECT_TAG);
    }
}

static void another_prologue_is_noticed(void **state)
{
    uint8_t message[256];
    uint8_t payload[256];
    struct pair pair;
    size_t count;
    size_t payload_bytes;

    (void)state;
    start(&pair, "p", "q");
    count = write_first(&pair, message);
    assert_int_equal(tally_noise_read(&pair.responder, message, count, payload, &payload_bytes),
                     TALLY_REJECT_TAG);
    assert_wiped(&pair.responder);
}

static void points_of_low_order_fail_in_both_roles(void **state)
{
    static const uint8_t zero[32];
    uint8_t message[256] = {0};
    uint8_t payload[256];
    struct pair pair;
    size_t count;

    (void)state;
    start(&pair, "p", "p");
    assert_int_equal(tally_noise_read(&pair.responder, message, 96, payload, &count),
                     TALLY_REJECT_KEY);
    assert_wiped(&pair.responder);

    tally_noise_init(&pair.initiator, &tally_noise_ik, TALLY_NOISE_INITIATOR, "p", 1,
                     &(struct tally_noise_keys){.static_secret = pair.secrets[0],
                                                .ephemeral_secret = pair.ephemerals[0],
                                                .remote_static = zero});
    assert_int_equal(tally_noise_write(&pair.initiator, "", 0, message, sizeof(message), &count),
                     TALLY_ERR_CRYPTO);
    assert_int_equal(count, 0);
    assert_wiped(&pair.initiator);
}

static void sizes_end_at_65535(void **state)
{
    static uint8_t message[TALLY_NOISE_MESSAGE_BYTES_MAX + 1];
    static uint8_t payload[TALLY_NOISE_MESSAGE_BYTES_MAX + 1];
    const size_t most = TALLY_NOISE_MESSAGE_BYTES_MAX - 96;
    struct tally_noise copy;
    struct pair pair;
    size_t count;
    size_t payload_bytes;

    (void)state;
    start(&pair, "p", "p");
    assert_int_equal(tally_noise_overhead_bytes(&pair.initiator), 96);
    assert_int_equal(
        tally_noise_write(&pair.initiator, payload, most + 1, message, sizeof(message), &count),
        TALLY_ERR_LIMIT);
    assert_int_equal(tally_noise_write(&pair.initiator, payload, most, message, most + 95, &count),
                     TALLY_ERR_LIMIT);
    assert_int_equal(tally_noise_write(&pair.initiator, payload, most, message, most + 96, &count),
                     TALLY_ERR_OK);
    assert_int_equal(count, TALLY_NOISE_MESSAGE_BYTES_MAX);
    copy = pair.responder;
    assert_int_equal(tally_noise_read(&copy, message, count + 1, payload, &payload_bytes),
                     TALLY_REJECT_LONG);
    assert_int_equal(tally_noise_read(&pair.responder, message, count, payload, &payload_bytes),
                     TALLY_REJECT_NONE);
    assert_int_equal(payload_bytes, most);
}

static void table_that_ships_is_the_specifications(void **state)
{
    struct tally_noise_pattern compiled;

    (void)state;
    /* Under a name that is not looked up as the shipping table: IKpsk0 without its psk. */
    assert_true(noise_pattern_find("IKpsk0", &compiled));
    memmove(compiled.tokens[0], compiled.tokens[0] + 1, TALLY_NOISE_TOKENS_MAX - 1);
    assert_memory_equal(compiled.tokens, tally_noise_ik.tokens, sizeof(compiled.tokens));
    assert_int_equal(compiled.message_count, tally_noise_ik.message_count);
    assert_int_equal(compiled.is_initiator_known, tally_noise_ik.is_initiator_known);
    assert_int_equal(compiled.is_responder_known, tally_noise_ik.is_responder_known);
    assert_false(noise_pattern_find("ZZ", &compiled));
    assert_false(noise_pattern_find("IKpsk9", &compiled));
}

static void sealed_text_opens_only_as_it_was(void **state)
{
    static const uint8_t key[32] = {1};
    uint8_t sealed[3 + 16];
    uint8_t opened[3];

    (void)state;
    tally_noise_seal(key, 5, "ad", 2, "abc", 3, sealed);
    assert_true(tally_noise_open(key, 5, "ad", 2, sealed, sizeof(sealed), opened));
    assert_memory_equal(opened, "abc", 3);
    assert_false(tally_noise_open(key, 6, "ad", 2, sealed, sizeof(sealed), opened));
    assert_false(tally_noise_open(key, 5, "ae", 2, sealed, sizeof(sealed), opened));
    assert_false(tally_noise_open(key, 5, "ad", 1, sealed, sizeof(sealed), opened));
    assert_false(tally_noise_open(key, 5, "ad", 2, sealed, sizeof(sealed) - 1, opened));
    assert_false(tally_noise_open(key, 5, "ad", 2, sealed, 15, opened));
    for (size_t at = 0; at < sizeof(sealed); at++) {
        sealed[at] ^= 0x80;
        assert_false(tally_noise_open(key, 5, "ad", 2, sealed, sizeof(sealed), opened));
        sealed[at] ^= 0x80;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flipped_bit_is_noticed),
        cmocka_unit_test(each_missing_byte_is_noticed),
        cmocka_unit_test(another_prologue_is_noticed),
        cmocka_unit_test(points_of_low_order_fail_in_both_roles),
        cmocka_unit_test(sizes_end_at_65535),
        cmocka_unit_test(table_that_ships_is_the_specifications),
        cmocka_unit_test(sealed_text_opens_only_as_it_was),
    };

    if (tally_crypto_init(NULL) != TALLY_ERR_OK) {
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
