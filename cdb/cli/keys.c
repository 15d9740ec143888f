/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.c - making keys, and reading their public halves.
 *
 * Beside each secret file stands FILE.pub with what others may know: of a signing key the verifier
 * key of C2SP signed-note (NAME+KEYID+BASE64), of a Noise key its base64.
 */
#include "base/text.h"
#include "cdb/cli/cli.h"
#include "cdb/log/directory.h"
#include "crypto/keyfile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ALGORITHM_ED25519 = 1,
    LINE_BYTES = 512,
    KEY_BYTES = 1 + TALLY_SIGN_PUBLIC_BYTES, /* with its algorithm */
};

static const char sign_secret_word[] = "tally-sign-secret-";
static const char noise_secret_word[] = "tally-noise-secret-";
static const char noise_public_word[] = "tally-noise-public-1 ";

static enum tally_err public_path(const char *path, char *out, struct tally_fault *fault)
{
    int length = snprintf(out, TALLY_CLI_PATH_BYTES, "%s.pub", path);

    return length > 0 && length < TALLY_CLI_PATH_BYTES
               ? TALLY_ERR_OK
               : tally_fault_set(fault, TALLY_ERR_LIMIT, "the path of the key is too long");
}

static void format_verifier(const char *name, const uint8_t key[TALLY_SIGN_PUBLIC_BYTES],
                            char *line, size_t size)
{
    uint8_t key_id[TALLY_NOTE_KEY_ID_BYTES];
    char id_text[TALLY_HEX_BYTES(TALLY_NOTE_KEY_ID_BYTES)];
    uint8_t bytes[KEY_BYTES] = {ALGORITHM_ED25519};
    char base64[TALLY_BASE64_BYTES(KEY_BYTES)];

    tally_note_key_id(name, key, key_id);
    tally_hex_encode(key_id, sizeof(key_id), id_text);
    memcpy(bytes + 1, key, TALLY_SIGN_PUBLIC_BYTES);
    tally_base64_encode(bytes, sizeof(bytes), base64);
    (void)snprintf(line, size, "%s+%s+%s\n", name, id_text, base64);
}

static void format_noise(const uint8_t key[TALLY_DH_BYTES], char *line, size_t size)
{
    char base64[TALLY_BASE64_BYTES(TALLY_DH_BYTES)];

    tally_base64_encode(key, TALLY_DH_BYTES, base64);
    (void)snprintf(line, size, "%s%s\n", noise_public_word, base64);
}

/* Writes FILE.pub and shows what is in it. */
static enum tally_err publish_key(const char *path, const char *line, struct tally_fault *fault)
{
    char out[TALLY_CLI_PATH_BYTES];
    enum tally_err err = public_path(path, out, fault);

    if (err == TALLY_ERR_OK) {
        err = tally_cdb_note_write(out, line, strlen(line), fault);
    }
    if (err == TALLY_ERR_OK) {
        (void)fputs(line, stdout);
    }
    return err;
}

enum tally_err tally_cli_key_noise(const struct tally_cli_options *options,
                                   struct tally_fault *fault)
{
    const char *path = options->args.items[0];
    struct tally_entropy entropy = tally_entropy_os();
    uint8_t secret[TALLY_DH_BYTES];
    uint8_t public_key[TALLY_DH_BYTES];
    char line[LINE_BYTES];
    enum tally_err err;

    tally_dh_generate(&entropy, secret, public_key);
    err = tally_keyfile_write_noise(path, secret, fault);
    tally_wipe(secret, sizeof(secret));
    if (err != TALLY_ERR_OK) {
        return err;
    }
    format_noise(public_key, line, sizeof(line));
    return publish_key(path, line, fault);
}

enum tally_err tally_cli_key_sign(const struct tally_cli_options *options,
                                  struct tally_fault *fault)
{
    const char *path = options->args.items[1];
    struct tally_entropy entropy = tally_entropy_os();
    char name[TALLY_OPERATOR_ID_BYTES];
    uint8_t secret[TALLY_SIGN_SECRET_BYTES];
    uint8_t public_key[TALLY_SIGN_PUBLIC_BYTES];
    char line[LINE_BYTES];
    enum tally_err err;

    if (!tally_operator_id_is_valid(options->args.items[0], strlen(options->args.items[0]))) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "a key's name has 1 to 63 characters of a-z, 0-9, '.' and '-'");
    }
    err = tally_cli_parse_id("name", options->args.items[0], name, fault);
    if (err != TALLY_ERR_OK) {
        return err;
    }
    tally_sign_generate(&entropy, secret, public_key);
    err = tally_keyfile_write_sign(path, name, secret, fault);
    tally_wipe(secret, sizeof(secret));
    if (err != TALLY_ERR_OK) {
        return err;
    }
    format_verifier(name, public_key, line, sizeof(line));
    return publish_key(path, line, fault);
}

/* --- reading --- */

/* The file's one line, without its newline. */
static enum tally_err read_line(const char *path, char line[LINE_BYTES], struct tally_fault *fault)
{
    uint8_t bytes[TALLY_NOTE_BYTES_MAX + 1];
    size_t count = 0;
    enum tally_err err = tally_cdb_note_read(path, bytes, &count, fault);

    if (err == TALLY_ERR_OK &&
        (count < 2 || count > LINE_BYTES || bytes[count - 1] != '\n' ||
         memchr(bytes, '\n', count - 1) != NULL || memchr(bytes, '\0', count) != NULL)) {
        err = tally_fault_set(fault, TALLY_ERR_FORMAT, "%s: holds no key", path);
    }
    if (err == TALLY_ERR_OK) {
        memcpy(line, bytes, count - 1);
        line[count - 1] = '\0';
    }
    tally_wipe(bytes, sizeof(bytes));
    return err;
}

static enum tally_err parse_verifier(const char *path, const char *line,
                                     struct tally_cli_public *key, struct tally_fault *fault)
{
    size_t name_count = strcspn(line, "+");
    const char *id_text = line + name_count + 1;
    uint8_t bytes[KEY_BYTES];
    uint8_t key_id[TALLY_NOTE_KEY_ID_BYTES];
    uint8_t written_id[TALLY_NOTE_KEY_ID_BYTES];
    size_t count = 0;

    if (line[name_count] != '+' || name_count == 0 || name_count >= sizeof(key->name) ||
        strlen(id_text) < 9 || id_text[8] != '+' ||
        !tally_hex_decode(id_text, 8, written_id, sizeof(written_id), &count) ||
        !tally_base64_decode(id_text + 9, strlen(id_text + 9), bytes, sizeof(bytes), &count) ||
        count != sizeof(bytes) || bytes[0] != ALGORITHM_ED25519) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT,
                               "%s: no verifier key; expected NAME+KEYID+BASE64 of an Ed25519 key",
                               path);
    }
    memcpy(key->name, line, name_count);
    key->name[name_count] = '\0';
    memcpy(key->key, bytes + 1, sizeof(key->key));
    tally_note_key_id(key->name, key->key, key_id);
    if (memcmp(key_id, written_id, sizeof(key_id)) != 0) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT,
                               "%s: the key id does not belong to this name and key", path);
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_cli_read_public(const char *path, struct tally_cli_public *key,
                                     struct tally_fault *fault)
{
    char line[LINE_BYTES];
    uint8_t secret[TALLY_SIGN_SECRET_BYTES];
    enum tally_err err = read_line(path, line, fault);

    memset(key, 0, sizeof(*key));
    if (err == TALLY_ERR_OK && strncmp(line, sign_secret_word, strlen(sign_secret_word)) == 0) {
        err = tally_keyfile_read_sign(path, key->name, secret, fault);
        if (err == TALLY_ERR_OK) {
            tally_sign_public(secret, key->key);
        }
        tally_wipe(secret, sizeof(secret));
    } else if (err == TALLY_ERR_OK) {
        err = parse_verifier(path, line, key, fault);
    }
    tally_wipe(line, sizeof(line));
    return err;
}

enum tally_err tally_cli_read_noise_public(const char *path, uint8_t key[TALLY_DH_BYTES],
                                           struct tally_fault *fault)
{
    char line[LINE_BYTES];
    uint8_t secret[TALLY_DH_BYTES];
    size_t word_count = strlen(noise_public_word);
    size_t count = 0;
    enum tally_err err = read_line(path, line, fault);

    if (err == TALLY_ERR_OK && strncmp(line, noise_secret_word, strlen(noise_secret_word)) == 0) {
        err = tally_keyfile_read_noise(path, secret, fault);
        if (err == TALLY_ERR_OK) {
            tally_dh_public(secret, key);
        }
        tally_wipe(secret, sizeof(secret));
    } else if (err == TALLY_ERR_OK &&
               (strncmp(line, noise_public_word, word_count) != 0 ||
                !tally_base64_decode(line + word_count, strlen(line + word_count), key,
                                     TALLY_DH_BYTES, &count) ||
                count != TALLY_DH_BYTES)) {
        err = tally_fault_set(fault, TALLY_ERR_FORMAT,
                              "%s: no Noise key; make one with 'tally-cdb key new noise'", path);
    }
    tally_wipe(line, sizeof(line));
    return err;
}

enum tally_err tally_cli_key_show(const struct tally_cli_options *options,
                                  struct tally_fault *fault)
{
    const char *path = options->args.items[0];
    struct tally_cli_public key;
    uint8_t noise[TALLY_DH_BYTES];
    char line[LINE_BYTES];
    enum tally_err err = tally_cli_read_public(path, &key, fault);

    if (err == TALLY_ERR_OK) {
        format_verifier(key.name, key.key, line, sizeof(line));
    } else if (err == TALLY_ERR_FORMAT) {
        err = tally_cli_read_noise_public(path, noise, fault);
        if (err == TALLY_ERR_OK) {
            format_noise(noise, line, sizeof(line));
        }
    }
    if (err == TALLY_ERR_OK) {
        (void)fputs(line, stdout);
    }
    return err;
}

bool tally_cli_is_secret(const char *path)
{
    char name[TALLY_NOTE_NAME_BYTES];
    uint8_t secret[TALLY_SIGN_SECRET_BYTES];
    bool is_secret = tally_keyfile_read_sign(path, name, secret, NULL) == TALLY_ERR_OK;

    tally_wipe(secret, sizeof(secret));
    return is_secret;
}

static int compare_keys(const void *one, const void *other)
{
    const struct tally_statement_key *first = one;
    const struct tally_statement_key *second = other;

    return strcmp(first->name, second->name);
}

enum tally_err tally_cli_read_keys(const struct tally_cli_list *paths, unsigned threshold,
                                   struct tally_statement_keys *keys, struct tally_fault *fault)
{
    memset(keys, 0, sizeof(*keys));
    if (paths->count > TALLY_STATEMENT_KEYS_MAX || threshold > paths->count || threshold == 0) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "%u of %u keys must sign; expected 1 to %d keys, and that at least "
                               "one and at most all of them must",
                               threshold, paths->count, TALLY_STATEMENT_KEYS_MAX);
    }
    for (unsigned i = 0; i < paths->count; i++) {
        struct tally_cli_public key;
        enum tally_err err = tally_cli_read_public(paths->items[i], &key, fault);

        if (err == TALLY_ERR_OK && strlen(key.name) >= sizeof(keys->keys[i].name)) {
            err = tally_fault_set(fault, TALLY_ERR_LIMIT, "%s: the key's name is too long",
                                  paths->items[i]);
        }
        if (err != TALLY_ERR_OK) {
            return err;
        }
        memcpy(keys->keys[i].name, key.name, strlen(key.name) + 1);
        memcpy(keys->keys[i].key, key.key, sizeof(keys->keys[i].key));
    }
    keys->count = (uint8_t)paths->count;
    keys->threshold = (uint8_t)threshold;
    qsort(keys->keys, keys->count, sizeof(keys->keys[0]), compare_keys);
    return TALLY_ERR_OK;
}
