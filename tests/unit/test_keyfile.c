/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a secret key comes back from its file as it was written, is never overwritten, and is not
 * taken from a file that others may open or that holds anything else; no fault tells the secret.
 * Method: real files in a directory of the test's own.
 */
#include "crypto/keyfile.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/tally-keyfile-XXXXXX";
static char path[sizeof(directory) + 8];
static struct tally_fault fault;

static const uint8_t secret[32] = {0xff, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                   11,   12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                   22,   23, 24, 25, 26, 27, 28, 29, 30, 31};
/* base64 of it, from another tool. */
#define SECRET_TEXT "/wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static int set_up(void **state)
{
    (void)state;
    memset(&fault, 0, sizeof(fault));
    (void)snprintf(path, sizeof(path), "%s/key", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void put(const char *text, size_t count, mode_t mode)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_content(const char *want)
{
    char content[512] = "";
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    (void)fclose(file);
    assert_string_equal(content, want);
}

static void assert_says_no_secret(void)
{
    assert_null(strstr(fault.text, "/wECAwQ"));
    assert_non_null(strstr(fault.text, path));
}

static void noise_key_comes_back(void **state)
{
    uint8_t read_back[32] = {0};
    struct stat status;
    mode_t mask;

    (void)state;
    mask = umask(0); /* the mode does not hang on it */
    assert_int_equal(tally_keyfile_write_noise(path, secret, &fault), TALLY_ERR_OK);
    (void)umask(mask);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_content("tally-noise-secret-1 " SECRET_TEXT "\n");
    assert_int_equal(tally_keyfile_read_noise(path, read_back, &fault), TALLY_ERR_OK);
    assert_memory_equal(read_back, secret, sizeof(secret));
}

static void sign_key_comes_back_with_its_name(void **state)
{
    char name[TALLY_NOTE_NAME_BYTES];
    char longest[TALLY_NOTE_NAME_BYTES];
    uint8_t read_back[32];

    (void)state;
    assert_int_equal(tally_keyfile_write_sign(path, "log.example/2026", secret, &fault),
                     TALLY_ERR_OK);
    assert_content("tally-sign-secret-1 log.example/2026 " SECRET_TEXT "\n");
    assert_int_equal(tally_keyfile_read_sign(path, name, read_back, &fault), TALLY_ERR_OK);
    assert_string_equal(name, "log.example/2026");
    assert_memory_equal(read_back, secret, sizeof(secret));

    assert_int_equal(unlink(path), 0);
    memset(longest, 'n', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(tally_keyfile_write_sign(path, longest, secret, &fault), TALLY_ERR_OK);
    assert_int_equal(tally_keyfile_read_sign(path, name, read_back, &fault), TALLY_ERR_OK);
    assert_string_equal(name, longest);
}

static void key_is_never_overwritten(void **state)
{
    static const uint8_t other[32] = {1};
    uint8_t read_back[32];

    (void)state;
    assert_int_equal(tally_keyfile_write_noise(path, secret, &fault), TALLY_ERR_OK);
    assert_int_equal(tally_keyfile_write_noise(path, other, &fault), TALLY_ERR_EXISTS);
    assert_says_no_secret();
    assert_int_equal(tally_keyfile_write_sign(path, "n", other, &fault), TALLY_ERR_EXISTS);
    assert_int_equal(tally_keyfile_read_noise(path, read_back, &fault), TALLY_ERR_OK);
    assert_memory_equal(read_back, secret, sizeof(secret));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/nowhere/at/all", path), 0); /* nor is a link followed */
    assert_int_equal(tally_keyfile_write_noise(path, other, &fault), TALLY_ERR_EXISTS);
}

static void file_that_others_may_open_is_refused(void **state)
{
    static const mode_t refused[] = {0640, 0620, 0610, 0604, 0602, 0601, 0644, 0660};
    static const mode_t taken[] = {0600, 0400, 0700};
    uint8_t read_back[32];

    (void)state;
    assert_int_equal(tally_keyfile_write_noise(path, secret, &fault), TALLY_ERR_OK);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        memset(read_back, 0xaa, sizeof(read_back));
        assert_int_equal(chmod(path, refused[i]), 0);
        assert_int_equal(tally_keyfile_read_noise(path, read_back, &fault), TALLY_ERR_REFUSED);
        assert_non_null(strstr(fault.text, "chmod 600"));
        assert_says_no_secret();
        assert_int_equal(read_back[0], 0);
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        assert_int_equal(chmod(path, taken[i]), 0);
        assert_int_equal(tally_keyfile_read_noise(path, read_back, &fault), TALLY_ERR_OK);
    }
}

static void what_is_no_key_file_is_refused(void **state)
{
    static const struct {
        const char *what, *text;
    } noise[] = {
        {"empty", ""},
        {"no newline", "tally-noise-secret-1 " SECRET_TEXT},
        {"two newlines", "tally-noise-secret-1 " SECRET_TEXT "\n\n"},
        {"more after it", "tally-noise-secret-1 " SECRET_TEXT "\nx"},
        {"carriage return", "tally-noise-secret-1 " SECRET_TEXT "\r\n"},
        {"another version", "tally-noise-secret-2 " SECRET_TEXT "\n"},
        {"the other kind", "tally-sign-secret-1 name " SECRET_TEXT "\n"},
        {"a byte short", "tally-noise-secret-1 /wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==\n"},
        {"loose bits", "tally-noise-secret-1 /wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n"},
        {"no base64", "tally-noise-secret-1 /wECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd!h8=\n"},
        {"cut off", "tally-noise-secret-1 /wECAwQF\n"},
    };
    static const char *const sign[] = {
        "tally-sign-secret-1 " SECRET_TEXT "\n",     "tally-sign-secret-1  " SECRET_TEXT "\n",
        "tally-sign-secret-1 a+b " SECRET_TEXT "\n", "tally-sign-secret-1 a b " SECRET_TEXT "\n",
        "tally-noise-secret-1 " SECRET_TEXT "\n",
    };
    uint8_t read_back[32];
    char name[TALLY_NOTE_NAME_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
        put(noise[i].text, strlen(noise[i].text), 0600);
        memset(read_back, 0xaa, sizeof(read_back));
        if (tally_keyfile_read_noise(path, read_back, &fault) != TALLY_ERR_FORMAT) {
            fail_msg("%s", noise[i].what);
        }
        assert_int_equal(read_back[0] | read_back[31], 0);
        assert_says_no_secret();
    }
    for (size_t i = 0; i < sizeof(sign) / sizeof(sign[0]); i++) {
        put(sign[i], strlen(sign[i]), 0600);
        assert_int_equal(tally_keyfile_read_sign(path, name, read_back, &fault), TALLY_ERR_FORMAT);
        assert_int_equal(name[0] | read_back[0], 0);
        assert_says_no_secret();
    }
}

static void large_file_is_refused(void **state)
{
    static char large[100000];
    uint8_t read_back[32];

    (void)state;
    memset(large, 'x', sizeof(large));
    put(large, sizeof(large), 0600);
    assert_int_equal(tally_keyfile_read_noise(path, read_back, &fault), TALLY_ERR_FORMAT);
}

static void what_is_no_file_is_refused(void **state)
{
    uint8_t read_back[32];

    (void)state;
    assert_int_equal(tally_keyfile_read_noise(path, read_back, &fault), TALLY_ERR_NOT_FOUND);
    assert_says_no_secret();
    assert_int_equal(mkfifo(path, 0600), 0); /* and it does not wait for a writer */
    assert_int_equal(tally_keyfile_read_noise(path, read_back, &fault), TALLY_ERR_REFUSED);
    assert_int_equal(tally_keyfile_read_noise(directory, read_back, &fault), TALLY_ERR_REFUSED);
    assert_int_equal(tally_keyfile_write_noise("/nonexistent/dir/key", secret, &fault),
                     TALLY_ERR_SYSTEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(noise_key_comes_back),           TEST(sign_key_comes_back_with_its_name),
        TEST(key_is_never_overwritten),       TEST(file_that_others_may_open_is_refused),
        TEST(what_is_no_key_file_is_refused), TEST(large_file_is_refused),
        TEST(what_is_no_file_is_refused),
    };
    int failed_count;

    if (mkdtemp(directory) == NULL || tally_crypto_init(NULL) != TALLY_ERR_OK) {
        return EXIT_FAILURE;
    }
    failed_count = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(directory);
    return failed_count;
}
