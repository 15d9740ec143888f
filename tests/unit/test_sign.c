/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: hashes, signatures and note signatures are those of their specifications, bit for bit, and
 * whatever is changed does not verify.
 * Method: published vectors (RFC 8032, RFC 7748, FIPS 180-4, a C2SP note read in place), then one
 * change at a time.
 */
#include "base/text.h"
#include "crypto/sign.h"
#include "testing.h"
#include "unit/session_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTES "../shared/vectors/signed-note-c2sp/"

static void from_hex(const char *hex, uint8_t *bytes, size_t count)
{
    size_t decoded;

    assert_true(tally_hex_decode(hex, strlen(hex), bytes, count, &decoded));
    assert_int_equal(decoded, count);
}

static void assert_hex(const uint8_t *bytes, size_t count, const char *want)
{
    char text[TALLY_HEX_BYTES(128)];

    assert_true(count <= 128);
    tally_hex_encode(bytes, count, text);
    assert_string_equal(text, want);
}

static void hashes_are_the_published_ones(void **state)
{
    uint8_t hash[32];

    (void)state;
    tally_sha256("abc", 3, hash);
    assert_hex(hash, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    tally_sha256("", 0, hash);
    assert_hex(hash, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    tally_sha256_tagged('a', "bc", 2, hash);
    assert_hex(hash, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    tally_sha256_tagged(0, "", 0, hash); /* RFC 6962: the leaf with no bytes */
    assert_hex(hash, 32, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    tally_blake2b_256("", 0, hash);
    assert_hex(hash, 32, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

/* RFC 8032, section 7.1, tests 1 to 3. */
static void signatures_are_the_published_ones(void **state)
{
    static const struct {
        const char *secret, *public, *message, *signature;
    } vectors[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701"
         "cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d"
         "0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7609"
         "84dc6594a7c15e9716ed28dc027beceea1ec40a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const size_t message_bytes = strlen(vectors[i].message) / 2;
        uint8_t secret[32];
        uint8_t public_key[32];
        uint8_t message[2] = {0};
        uint8_t signature[64];

        from_hex(vectors[i].secret, secret, sizeof(secret));
        from_hex(vectors[i].message, message, message_bytes);
        tally_sign_public(secret, public_key);
        assert_hex(public_key, 32, vectors[i].public);
        tally_sign(secret, message, message_bytes, signature);
        assert_hex(signature, 64, vectors[i].signature);
        assert_true(tally_sign_verify(public_key, message, message_bytes, signature));
        for (size_t at = 0; at < sizeof(signature); at++) {
            signature[at] ^= 1;
            assert_false(tally_sign_verify(public_key, message, message_bytes, signature));
            signature[at] ^= 1;
        }
        message[0] ^= 1;
        assert_false(tally_sign_verify(public_key, message, 2, signature));
    }
}

static void generated_keys_work(void **state)
{
    struct test_chance chance = {11};
    const struct tally_entropy seeded = bench_entropy(&chance);
    const struct tally_entropy os = tally_entropy_os();
    uint8_t secrets[2][32];
    uint8_t publics[2][32];
    uint8_t worked_out[32];
    uint8_t signature[64];

    (void)state;
    tally_sign_generate(&seeded, secrets[0], publics[0]);
    tally_sign_generate(&os, secrets[1], publics[1]);
    assert_memory_not_equal(secrets[0], secrets[1], 32);
    tally_sign(secrets[1], "m", 1, signature);
    assert_true(tally_sign_verify(publics[1], "m", 1, signature));
    assert_false(tally_sign_verify(publics[0], "m", 1, signature));

    tally_dh_generate(&os, secrets[0], publics[0]);
    tally_dh_public(secrets[0], worked_out);
    assert_memory_equal(worked_out, publics[0], 32);
    tally_wipe(secrets, sizeof(secrets));
    assert_int_equal(secrets[1][31], 0);

    /* RFC 7748, section 6.1. */
    from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", secrets[0], 32);
    tally_dh_public(secrets[0], publics[0]);
    assert_hex(publics[0], 32, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
}

static void names_of_keys_are_checked(void **state)
{
    char longest[TALLY_NOTE_NAME_BYTES + 1];

    (void)state;
    memset(longest, 'n', sizeof(longest));
    longest[TALLY_NOTE_NAME_BYTES] = '\0';
    assert_false(tally_note_name_is_valid(longest));
    longest[TALLY_NOTE_NAME_BYTES - 1] = '\0';
    assert_true(tally_note_name_is_valid(longest));
    assert_true(tally_note_name_is_valid("example.com/foo"));
    assert_true(tally_note_name_is_valid("z\xc3\xbcrich"));
    assert_false(tally_note_name_is_valid(""));
    assert_false(tally_note_name_is_valid("a b"));
    assert_false(tally_note_name_is_valid("a+b"));
    assert_false(tally_note_name_is_valid("a\nb"));
    assert_false(tally_note_name_is_valid("a\x7f"));
}

/* Reads a small file whole; skips the test if it is not there. */
static size_t read_file(const char *path, char *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t count;

    if (file == NULL) {
        print_message("SKIP: %s is not there\n", path);
        skip();
    }
    count = fread(bytes, 1, size, file);
    (void)fclose(file);
    assert_true(count < size);
    bytes[count] = '\0';
    return count;
}

/* NAME+KEYID+BASE64(0x01, key) and a note of it, both as published. */
static void published_note_verifies(void **state)
{
    char vkey[512];
    char note[1024];
    uint8_t key[33];
    uint8_t key_id[4];
    uint8_t signature[TALLY_NOTE_SIGNATURE_BYTES];
    char name[TALLY_NOTE_NAME_BYTES] = "";
    size_t count;
    const char *first_plus;
    const char *second_plus;
    const char *text_end;
    const char *line;
    size_t text_bytes;

    (void)state;
    count = read_file(NOTES "example.vkey", vkey, sizeof(vkey));
    first_plus = strchr(vkey, '+');
    assert_non_null(first_plus);
    second_plus = first_plus + 9;
    assert_int_equal(*second_plus, '+');
    memcpy(name, vkey, (size_t)(first_plus - vkey));
    while (vkey[count - 1] == '\n') {
        count--;
    }
    assert_true(tally_base64_decode(second_plus + 1, count - (size_t)(second_plus + 1 - vkey), key,
                                    sizeof(key), &count));
    assert_int_equal(count, 33);
    assert_int_equal(key[0], 1);
    tally_note_key_id(name, key + 1, key_id);
    from_hex("530d903a", signature, 4);
    assert_memory_equal(key_id, signature, 4);
    assert_memory_equal(first_plus + 1, "530d903a", 8);

    (void)read_file(NOTES "example.note", note, sizeof(note));
    text_end = strstr(note, "\n\n");
    assert_non_null(text_end);
    text_bytes = (size_t)(text_end - note) + 1;
    line = strrchr(note, ' ');
    assert_non_null(line);
    assert_true(tally_base64_decode(line + 1, strcspn(line + 1, "\n"), signature, sizeof(signature),
                                    &count));
    assert_int_equal(count, TALLY_NOTE_SIGNATURE_BYTES);
    assert_true(tally_note_verify_signature(name, key + 1, note, text_bytes, signature, count));

    assert_false(
        tally_note_verify_signature(name, key + 1, note, text_bytes - 1, signature, count));
    assert_false(
        tally_note_verify_signature(name, key + 1, note, text_bytes, signature, count - 1));
    assert_false(tally_note_verify_signature(name, key + 1, note, text_bytes, signature, 0));
    assert_false(tally_note_verify_signature("example.com/fox", key + 1, note, text_bytes,
                                             signature, count));
    note[0] ^= 1;
    assert_false(tally_note_verify_signature(name, key + 1, note, text_bytes, signature, count));
}

static void signed_text_verifies_and_nothing_else_does(void **state)
{
    static const char text[] = "origin\n12\nroot\n";
    const struct tally_entropy os = tally_entropy_os();
    uint8_t secret[32];
    uint8_t public_key[32];
    uint8_t signature[TALLY_NOTE_SIGNATURE_BYTES];

    (void)state;
    tally_sign_generate(&os, secret, public_key);
    tally_note_sign("log.example", secret, text, strlen(text), signature);
    assert_true(tally_note_verify_signature("log.example", public_key, text, strlen(text),
                                            signature, sizeof(signature)));
    for (size_t at = 0; at < sizeof(signature); at++) {
        signature[at] ^= 0x10;
        assert_false(tally_note_verify_signature("log.example", public_key, text, strlen(text),
                                                 signature, sizeof(signature)));
        signature[at] ^= 0x10;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_the_published_ones),
        cmocka_unit_test(signatures_are_the_published_ones),
        cmocka_unit_test(generated_keys_work),
        cmocka_unit_test(names_of_keys_are_checked),
        cmocka_unit_test(published_note_verifies),
        cmocka_unit_test(signed_text_verifies_and_nothing_else_does),
    };

    int failed_count;

    if (tally_crypto_init(NULL) != TALLY_ERR_OK) {
        return EXIT_FAILURE;
    }
    failed_count = cmocka_run_group_tests(tests, NULL, NULL);
    return failed_count == 0 && access(NOTES "example.note", R_OK) != 0 ? 77 : failed_count;
}
