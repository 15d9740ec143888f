/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/cdb_files.h"

#include "base/text.h"
#include "cdb/core/calendar.h"
#include "cdb/core/note.h"
#include "cdb/log/directory.h"
#include "cdb/log/source.h"
#include "crypto/sign.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 256, TEXT_BYTES = TALLY_NOTE_BYTES_MAX + 1 };

#define DAY_US (86400 * TALLY_US_PER_S)

static void secret_of(const char *name, uint8_t secret[TALLY_SIGN_SECRET_BYTES])
{
    tally_sha256(name, strlen(name), secret);
}

void cdb_files_noise_secret(const char *id, uint8_t secret[TALLY_DH_BYTES])
{
    char name[80];

    (void)snprintf(name, sizeof(name), "noise %s", id);
    secret_of(name, secret);
}

/* An Ed25519 key as statements have it: the algorithm's number before it, in base64. */
static void key_text(const char *name, char text[TALLY_BASE64_BYTES(TALLY_SIGN_PUBLIC_BYTES + 1)])
{
    uint8_t secret[TALLY_SIGN_SECRET_BYTES], bytes[TALLY_SIGN_PUBLIC_BYTES + 1] = {1};

    secret_of(name, secret);
    tally_sign_public(secret, bytes + 1);
    tally_base64_encode(bytes, sizeof(bytes), text);
}

static void head(const struct cdb_files *files, char *text, const char *type, const char *issuer,
                 const char *subject, unsigned part, unsigned serial, int64_t life_us)
{
    char from[TALLY_CALENDAR_TEXT_BYTES], to[TALLY_CALENDAR_TEXT_BYTES], part_line[32] = "";

    if (part != 0) {
        (void)snprintf(part_line, sizeof(part_line), "part %u\n", part);
    }
    tally_calendar_format(tally_wall_after(files->now, -60 * TALLY_US_PER_S), from);
    tally_calendar_format(tally_wall_after(files->now, life_us - 60 * TALLY_US_PER_S), to);
    (void)snprintf(text, TEXT_BYTES,
                   "tallystick/1 %s\nissuer %s\nsubject %s\n%sserial %u\nnot-before %s\n"
                   "expires %s\n",
                   type, issuer, subject, part_line, serial, from, to);
}

static void append(char *text, const char *line)
{
    size_t count = strlen(text);

    (void)snprintf(text + count, TEXT_BYTES - count, "%s", line);
}

static void sign_with(char *text, size_t text_count, const char *signer)
{
    uint8_t secret[TALLY_SIGN_SECRET_BYTES], blob[TALLY_NOTE_SIGNATURE_BYTES];
    size_t at = strlen(text);

    secret_of(signer, secret);
    tally_note_sign(signer, secret, text, text_count, blob);
    assert_int_equal(
        tally_note_append_signature(text, TEXT_BYTES - 1, &at, signer, strlen(signer), blob),
        TALLY_ERR_OK);
    text[at] = '\0';
}

static void write_note(const char *path, char *text, const char *signer, const char *second)
{
    size_t text_count = strlen(text);

    append(text, "\n");
    sign_with(text, text_count, signer);
    if (second != NULL) {
        sign_with(text, text_count, second);
    }
    assert_int_equal(tally_cdb_note_write(path, text, strlen(text), NULL), TALLY_ERR_OK);
}

static void write_statement(const struct cdb_files *files, const char *type, const char *subject,
                            unsigned serial, char *text, const char *signer, const char *second)
{
    char path[PATH_BYTES], suffix[16] = "";

    /* All roots stay; of others the newest is enough. */
    if (strcmp(type, "root") == 0) {
        (void)snprintf(suffix, sizeof(suffix), ".%u", serial);
    }
    (void)snprintf(path, sizeof(path), "%s/statements/%s.%s%s.note", files->directory, type,
                   subject, suffix);
    write_note(path, text, signer, second);
}

static void root_text(const struct cdb_files *files, unsigned serial, char *text)
{
    char root[TALLY_BASE64_BYTES(TALLY_SIGN_PUBLIC_BYTES + 1)];
    char witness[TALLY_BASE64_BYTES(TALLY_SIGN_PUBLIC_BYTES + 1)], lines[512];

    key_text("root-1", root);
    key_text("witness-1", witness);
    head(files, text, "root", "demo", "demo", 0, serial, 100 * DAY_US);
    (void)snprintf(lines, sizeof(lines),
                   "wire-minor-min 0\nthreshold 1\nkey root-1 %s\nquorum 1\nwitness witness-1 %s\n",
                   root, witness);
    append(text, lines);
}

void cdb_files_root_pin(const struct cdb_files *files, uint8_t pin[TALLY_SHA256_BYTES])
{
    char text[TEXT_BYTES];

    root_text(files, 1, text);
    tally_sha256(text, strlen(text), pin);
}

void cdb_files_open(struct cdb_files *files, const char *directory, struct tally_wall now,
                    unsigned root_serial)
{
    char path[PATH_BYTES], text[TEXT_BYTES], lines[512];
    char key[TALLY_BASE64_BYTES(TALLY_SIGN_PUBLIC_BYTES + 1)];

    *files = (struct cdb_files){.directory = directory, .now = now};
    (void)snprintf(path, sizeof(path), "%s/statements", directory);
    assert_true(mkdir(directory, 0700) == 0 || errno == EEXIST);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    for (unsigned serial = 1; serial <= root_serial; serial++) {
        root_text(files, serial, text);
        write_statement(files, "root", "demo", serial, text, "root-1", NULL);
    }
    key_text("world-1", key);
    head(files, text, "authority", "demo", "world", 0, 1, 100 * DAY_US);
    (void)snprintf(lines, sizeof(lines), "country +33\ncountry +44\nthreshold 1\nkey world-1 %s\n",
                   key);
    append(text, lines);
    write_statement(files, "authority", "world", 1, text, "root-1", NULL);
}

void cdb_files_operator(const struct cdb_files *files, const char *id, unsigned serial,
                        const char *endpoint, const char *egress)
{
    char text[TEXT_BYTES], lines[1024], egress_line[80] = "";
    char key[TALLY_BASE64_BYTES(TALLY_SIGN_PUBLIC_BYTES + 1)], noise[TALLY_BASE64_BYTES(32)];
    uint8_t secret[TALLY_DH_BYTES], public_key[TALLY_DH_BYTES];

    cdb_files_noise_secret(id, secret);
    tally_dh_public(secret, public_key);
    tally_base64_encode(public_key, sizeof(public_key), noise);
    key_text(id, key);
    if (egress != NULL) {
        (void)snprintf(egress_line, sizeof(egress_line), "egress %s\n", egress);
    }
    head(files, text, "operator", id, id, 0, serial, 10 * DAY_US);
    (void)snprintf(lines, sizeof(lines),
                   "enrolled-by world\nstatement-key %s\nevidence-key %s\nnoise-key %s\n"
                   "wire-minor 0-0\nendpoint %s\n%s",
                   key, key, noise, endpoint, egress_line);
    append(text, lines);
    write_statement(files, "operator", id, serial, text, id, "world-1");
}

void cdb_files_numbers(const struct cdb_files *files, const char *id, unsigned serial,
                       const char *prefix, const char *policy)
{
    char text[TEXT_BYTES], line[160];

    head(files, text, "range", "world", id, 1, serial, 10 * DAY_US);
    (void)snprintf(line, sizeof(line), "range +%s digits 11-12\n", prefix);
    append(text, line);
    write_statement(files, "range", id, serial, text, "world-1", NULL);
    head(files, text, "numbering", id, id, 1, serial, 10 * DAY_US);
    (void)snprintf(line, sizeof(line),
                   "numbers +%s answers=calls mobility=fixed policy=%s no-porting\n", prefix,
                   policy);
    append(text, line);
    write_statement(files, "numbering", id, serial, text, id, NULL);
}

void cdb_files_stamp(const struct cdb_files *files)
{
    struct tally_cdb_directory found = {0};
    char path[PATH_BYTES], text[TEXT_BYTES], line[160], base64[TALLY_BASE64_BYTES(32)];
    uint8_t hash[TALLY_CDB_HASH_BYTES];
    struct cdb_files later = *files;

    assert_int_equal(tally_cdb_directory_read(files->directory, &found, NULL), TALLY_ERR_OK);
    assert_int_equal(tally_cdb_set_hash(found.notes, found.note_count, hash), TALLY_ERR_OK);
    tally_base64_encode(hash, sizeof(hash), base64);
    /* A stamp is made now, not a minute ago. */
    later.now.us += 60 * TALLY_US_PER_S;
    head(&later, text, "stamp", "demo", "demo", 0, 1, 5 * DAY_US);
    (void)snprintf(line, sizeof(line), "statements %u\nhash %s\n", found.note_count, base64);
    append(text, line);
    tally_cdb_directory_free(&found);
    (void)snprintf(path, sizeof(path), "%s/stamp.note", files->directory);
    write_note(path, text, "witness-1", NULL);
}

void cdb_files_remove(const struct cdb_files *files, const char *name)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/statements/%s.note", files->directory, name);
    assert_int_equal(unlink(path), 0);
}
