/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: tally_hash is SipHash-2-4, and its short forms are the same function.
 * Method: the reference vectors: key 00 01 .. 0f, messages of 0 to 63 bytes 00 01 02 ..; the one of
 * 15 bytes stands in the paper (Aumasson, Bernstein 2012, appendix A).
 */
#include "base/hash.h"
#include "testing.h"
#include "unit/chance.h"

#include <stdlib.h>
#include <string.h>

static const struct tally_hash_key reference_key = {UINT64_C(0x0706050403020100),
                                                    UINT64_C(0x0f0e0d0c0b0a0908)};

static const uint64_t reference[64] = {
    UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
    UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
    UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
    UINT64_C(0x9e0082df0ba9e4b0), UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
    UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90), UINT64_C(0xf723ca908e7af2ee),
    UINT64_C(0xa129ca6149be45e5), UINT64_C(0x3f2acc7f57c29bdb), UINT64_C(0x699ae9f52cbe4794),
    UINT64_C(0x4bc1b3f0968dd39c), UINT64_C(0xbb6dc91da77961bd), UINT64_C(0xbed65cf21aa2ee98),
    UINT64_C(0xd0f2cbb02e3b67c7), UINT64_C(0x93536795e3a33e88), UINT64_C(0xa80c038ccd5ccec8),
    UINT64_C(0xb8ad50c6f649af94), UINT64_C(0xbce192de8a85b8ea), UINT64_C(0x17d835b85bbb15f3),
    UINT64_C(0x2f2e6163076bcfad), UINT64_C(0xde4daaaca71dc9a5), UINT64_C(0xa6a2506687956571),
    UINT64_C(0xad87a3535c49ef28), UINT64_C(0x32d892fad841c342), UINT64_C(0x7127512f72f27cce),
    UINT64_C(0xa7f32346f95978e3), UINT64_C(0x12e0b01abb051238), UINT64_C(0x15e034d40fa197ae),
    UINT64_C(0x314dffbe0815a3b4), UINT64_C(0x027990f029623981), UINT64_C(0xcadcd4e59ef40c4d),
    UINT64_C(0x9abfd8766a33735c), UINT64_C(0x0e3ea96b5304a7d0), UINT64_C(0xad0c42d6fc585992),
    UINT64_C(0x187306c89bc215a9), UINT64_C(0xd4a60abcf3792b95), UINT64_C(0xf935451de4f21df2),
    UINT64_C(0xa9538f0419755787), UINT64_C(0xdb9acddff56ca510), UINT64_C(0xd06c98cd5c0975eb),
    UINT64_C(0xe612a3cb9ecba951), UINT64_C(0xc766e62cfcadaf96), UINT64_C(0xee64435a9752fe72),
    UINT64_C(0xa192d576b245165a), UINT64_C(0x0a8787bf8ecb74b2), UINT64_C(0x81b3e73d20b49b6f),
    UINT64_C(0x7fa8220ba3b2ecea), UINT64_C(0x245731c13ca42499), UINT64_C(0xb78dbfaf3a8d83bd),
    UINT64_C(0xea1ad565322a1a0b), UINT64_C(0x60e61c23a3795013), UINT64_C(0x6606d7e446282b93),
    UINT64_C(0x6ca4ecb15c5f91e1), UINT64_C(0x9f626da15c9625f3), UINT64_C(0xe51b38608ef25f57),
    UINT64_C(0x958a324ceb064572),
};

static void test_reference_vectors(void **state)
{
    uint8_t message[64];

    (void)state;
    assert_true(reference[15] == UINT64_C(0xa129ca6149be45e5));
    for (size_t count = 0; count < 64; count++) {
        /* At odd addresses, too, and exactly as long, so that reading beyond is seen. */
        uint8_t *exact = malloc(count + 1);

        assert_non_null(exact);
        message[count] = (uint8_t)count;
        memcpy(exact + 1, message, count);
        assert_true(tally_hash(&reference_key, exact + 1, count) == reference[count]);
        free(exact);
    }
}

static void store(uint8_t bytes[8], uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static void test_short_forms_are_the_same_function(void **state)
{
    struct test_chance chance = {1};

    (void)state;
    assert_true(tally_hash_u64(&reference_key, UINT64_C(0x0706050403020100)) == reference[8]);
    assert_true(tally_hash_u64_pair(&reference_key, UINT64_C(0x0706050403020100),
                                    UINT64_C(0x0f0e0d0c0b0a0908)) == reference[16]);
    for (int i = 0; i < 1000; i++) {
        struct tally_hash_key key = {test_chance_u64(&chance), test_chance_u64(&chance)};
        uint64_t first = test_chance_u64(&chance);
        uint64_t second = test_chance_u64(&chance);
        uint8_t bytes[16];

        store(bytes, first);
        store(bytes + 8, second);
        assert_true(tally_hash_u64(&key, first) == tally_hash(&key, bytes, 8));
        assert_true(tally_hash_u64_pair(&key, first, second) == tally_hash(&key, bytes, 16));
    }
}

static void test_both_halves_of_the_key_matter(void **state)
{
    struct tally_hash_key key = reference_key;
    uint64_t hash = tally_hash_u64(&key, 1);

    (void)state;
    key.k0 ^= 1;
    assert_true(tally_hash_u64(&key, 1) != hash);
    key = reference_key;
    key.k1 ^= UINT64_C(1) << 63;
    assert_true(tally_hash_u64(&key, 1) != hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_vectors),
        cmocka_unit_test(test_short_forms_are_the_same_function),
        cmocka_unit_test(test_both_halves_of_the_key_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
