/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notes.c - making, signing and putting away notes.
 */
#include "base/assert.h"
#include "base/text.h"
#include "cdb/cli/cli.h"
#include "cdb/core/note.h"
#include "cdb/log/directory.h"
#include "crypto/keyfile.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY_US (INT64_C(86400) * TALLY_US_PER_S)

struct tally_wall tally_cli_now(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (struct tally_wall){now.tv_sec * TALLY_US_PER_S + now.tv_nsec / 1000};
}

struct tally_wall tally_cli_start(const struct tally_cli_options *options)
{
    struct tally_wall start = options->from.us != 0 ? options->from : tally_cli_now();

    start.us -= start.us % TALLY_US_PER_S;
    return start;
}

void tally_cli_set_times(const struct tally_cli_options *options,
                         struct tally_statement_header *header)
{
    header->not_before = tally_cli_start(options);
    header->expires = tally_wall_after(
        header->not_before,
        options->days != 0 ? options->days * DAY_US : tally_statement_life_max_us(header->type));
}

struct tally_statement *tally_cli_new_statement(struct tally_fault *fault)
{
    struct tally_statement *statement = calloc(1, sizeof(*statement));

    if (statement == NULL) {
        (void)tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory");
    }
    return statement;
}

/* --- what is there --- */

static bool is_same_claim(const struct tally_statement_header *one,
                          const struct tally_statement_header *other)
{
    return one->type == other->type && strcmp(one->issuer, other->issuer) == 0 &&
           strcmp(one->subject, other->subject) == 0 && one->part == other->part;
}

static bool read_header(const struct tally_cdb_note *from, struct tally_note *split,
                        struct tally_statement_header *header)
{
    return tally_note_split(from->bytes, from->count, split, NULL) == TALLY_REFUSAL_NONE &&
           tally_statement_decode_header(split->text, split->text_count, header, NULL);
}

enum tally_err tally_cli_find_newest(const char *directory,
                                     const struct tally_statement_header *wanted,
                                     struct tally_statement *statement, struct tally_fault *fault)
{
    struct tally_cdb_directory files = {0};
    enum tally_err err = tally_cdb_directory_read(directory, &files, fault);
    uint32_t serial = 0;

    memset(statement, 0, sizeof(*statement));
    for (uint32_t i = 0; err == TALLY_ERR_OK && i < files.note_count; i++) {
        struct tally_statement_header header;
        struct tally_note split;

        if (read_header(&files.notes[i], &split, &header) && is_same_claim(&header, wanted) &&
            header.serial > serial &&
            tally_statement_decode(split.text, split.text_count, statement, NULL)) {
            serial = header.serial;
        }
    }
    tally_cdb_directory_free(&files);
    if (err == TALLY_ERR_OK && serial == 0) {
        memset(statement, 0, sizeof(*statement));
        statement->header = *wanted;
        return TALLY_ERR_NOT_FOUND;
    }
    return err;
}

enum tally_err tally_cli_open(const struct tally_cli_options *options, const char *directory,
                              struct tally_cdb_snapshot **snapshot, struct tally_fault *fault)
{
    struct tally_cdb_source source = {.now = options->at.us != 0 ? options->at : tally_cli_now()};
    uint8_t pin[TALLY_CDB_HASH_BYTES];
    size_t count = 0;

    *snapshot = NULL;
    if (options->root_hash != NULL) {
        if (!tally_hex_decode(options->root_hash, strlen(options->root_hash), pin, sizeof(pin),
                              &count) ||
            count != sizeof(pin)) {
            return tally_fault_set(fault, TALLY_ERR_USAGE,
                                   "--root-hash: expected the network id, 64 hexadecimal digits");
        }
        source.root_pin = pin;
    }
    return tally_cdb_snapshot_open(directory, &source, snapshot, fault);
}

/* --- signing --- */

static bool has_signed(const struct tally_note *note, const char *name, const uint8_t *blob)
{
    for (uint32_t i = 0; i < note->signature_count; i++) {
        if (note->signatures[i].name_count == strlen(name) &&
            memcmp(note->signatures[i].name, name, strlen(name)) == 0 &&
            memcmp(note->signatures[i].blob, blob, TALLY_NOTE_KEY_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* The text of a note, or of one that nobody has signed yet. */
static enum tally_err add_signature(struct tally_cli_note *note, size_t text_count,
                                    const char *path, struct tally_fault *fault)
{
    char name[TALLY_NOTE_NAME_BYTES];
    uint8_t secret[TALLY_SIGN_SECRET_BYTES];
    uint8_t blob[TALLY_NOTE_SIGNATURE_BYTES];
    struct tally_note split;
    enum tally_err err = tally_keyfile_read_sign(path, name, secret, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    tally_note_sign(name, secret, note->bytes, text_count, blob);
    tally_wipe(secret, sizeof(secret));
    if (tally_note_split(note->bytes, note->count, &split, NULL) == TALLY_REFUSAL_NONE &&
        has_signed(&split, name, blob)) {
        return TALLY_ERR_OK;
    }
    err = tally_note_append_signature(note->bytes, sizeof(note->bytes), &note->count, name,
                                      strlen(name), blob);
    return err == TALLY_ERR_OK
               ? err
               : tally_fault_set(fault, err, "%s: its signature does not fit into the note", path);
}

static enum tally_err add_signatures(struct tally_cli_note *note, size_t text_count,
                                     const struct tally_cli_list *secret_paths,
                                     struct tally_fault *fault)
{
    struct tally_note split;
    enum tally_refusal refusal;

    for (unsigned i = 0; i < secret_paths->count; i++) {
        enum tally_err err = add_signature(note, text_count, secret_paths->items[i], fault);

        if (err != TALLY_ERR_OK) {
            return err;
        }
    }
    refusal = tally_note_split(note->bytes, note->count, &split, NULL);
    return refusal == TALLY_REFUSAL_NONE
               ? TALLY_ERR_OK
               : tally_fault_set(fault, TALLY_ERR_LIMIT, "with these signatures it is no note: %s",
                                 tally_refusal_sentence(refusal));
}

enum tally_err tally_cli_add_signatures(struct tally_cli_note *note,
                                        const struct tally_cli_list *secret_paths,
                                        struct tally_fault *fault)
{
    struct tally_note split;
    enum tally_refusal refusal = tally_note_split(note->bytes, note->count, &split, NULL);

    if (refusal != TALLY_REFUSAL_NONE) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT, "this is no note: %s",
                               tally_refusal_sentence(refusal));
    }
    return add_signatures(note, split.text_count, secret_paths, fault);
}

enum tally_err tally_cli_make_note(const struct tally_statement *statement,
                                   const struct tally_cli_list *secret_paths,
                                   struct tally_cli_note *note, struct tally_fault *fault)
{
    struct tally_statement *again = malloc(sizeof(*again));
    struct tally_statement_fault wrong = {0};
    size_t text_count = 0;
    enum tally_err err = TALLY_ERR_OK;

    if (again == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory");
    }
    if (secret_paths->count == 0) {
        err = tally_fault_set(fault, TALLY_ERR_USAGE,
                              "nobody would sign it: a secret key is missing");
    } else if (tally_statement_encode(statement, note->bytes, sizeof(note->bytes) - 1,
                                      &text_count) != TALLY_ERR_OK) {
        err = tally_fault_set(fault, TALLY_ERR_LIMIT,
                              "the statement has more than %d bytes; use --part to make several",
                              TALLY_NOTE_BYTES_MAX);
    } else if (!tally_statement_decode(note->bytes, text_count, again, &wrong)) {
        err = tally_fault_set(fault, TALLY_ERR_USAGE,
                              "the statement would be refused, line %u: %s; expected: %s",
                              wrong.line, tally_refusal_sentence(wrong.refusal),
                              wrong.expected != NULL ? wrong.expected : "something else");
    }
    free(again);
    if (err != TALLY_ERR_OK) {
        return err;
    }
    note->bytes[text_count] = '\n';
    note->count = text_count + 1;
    return add_signatures(note, text_count, secret_paths, fault);
}

enum tally_err tally_cli_read_note(const char *path, struct tally_cli_note *note,
                                   struct tally_fault *fault)
{
    uint8_t bytes[TALLY_NOTE_BYTES_MAX + 1];
    enum tally_err err = tally_cdb_note_read(path, bytes, &note->count, fault);

    if (err == TALLY_ERR_OK && note->count > sizeof(note->bytes)) {
        err = tally_fault_set(fault, TALLY_ERR_LIMIT, "%s: more than %d bytes", path,
                              TALLY_NOTE_BYTES_MAX);
    }
    if (err != TALLY_ERR_OK) {
        note->count = 0;
        return err;
    }
    memcpy(note->bytes, bytes, note->count);
    return TALLY_ERR_OK;
}

/* --- putting away --- */

/*
 * '_' is in no id, so that no two statements meet under one name. Roots and operators keep their
 * serials: later ones are linked to earlier ones.
 */
static void format_name(const struct tally_statement_header *header, char *name, size_t size)
{
    const char *word = tally_statement_type_word(header->type);

    if (header->type == TALLY_STATEMENT_ROOT) {
        (void)snprintf(name, size, "%s_%u.note", word, header->serial);
    } else if (header->type == TALLY_STATEMENT_OPERATOR) {
        (void)snprintf(name, size, "%s_%s_%u.note", word, header->subject, header->serial);
    } else if (header->type == TALLY_STATEMENT_RANGE) {
        (void)snprintf(name, size, "%s_%s_%s_%u.note", word, header->issuer, header->subject,
                       header->part);
    } else if (header->type == TALLY_STATEMENT_NUMBERING) {
        (void)snprintf(name, size, "%s_%s_%u.note", word, header->subject, header->part);
    } else {
        (void)snprintf(name, size, "%s_%s.note", word, header->subject);
    }
}

/* A note's name may have 127 characters; two long ids may need more. */
enum { NAME_BYTES = 2 * TALLY_OPERATOR_ID_BYTES + 64 };

/* A published serial is not taken back, and is not given to another text. */
static enum tally_err check_serial(const struct tally_cdb_note *held,
                                   const struct tally_cli_note *note, struct tally_fault *fault)
{
    struct tally_cdb_note raw = {.bytes = (const uint8_t *)note->bytes, .count = note->count};
    struct tally_note one, other;
    struct tally_statement_header held_header, header;

    if (!read_header(held, &one, &held_header) || !read_header(&raw, &other, &header) ||
        header.serial > held_header.serial) {
        return TALLY_ERR_OK;
    }
    if (header.serial == held_header.serial && one.text_count == other.text_count &&
        memcmp(one.text, other.text, one.text_count) == 0) {
        return TALLY_ERR_OK; /* more signatures under the same text */
    }
    return tally_fault_set(fault, TALLY_ERR_EXISTS,
                           "%s: serial %u is published; expected a higher one than %u", held->name,
                           held_header.serial, header.serial);
}

/* The files with this note in the place where it belongs. */
static enum tally_err with_note(struct tally_cdb_directory *files, const char *name,
                                const struct tally_cli_note *note, struct tally_cdb_note **notes,
                                uint32_t *note_count, struct tally_fault *fault)
{
    enum tally_err err = TALLY_ERR_OK;

    *note_count = 0;
    *notes = calloc((size_t)files->note_count + 1, sizeof(**notes));
    if (*notes == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory");
    }
    for (uint32_t i = 0; i < files->note_count; i++) {
        if (strcmp(files->notes[i].name, name) != 0) {
            (*notes)[(*note_count)++] = files->notes[i];
        } else {
            err = check_serial(&files->notes[i], note, fault);
        }
    }
    (*notes)[(*note_count)++] = (struct tally_cdb_note){
        .name = name, .bytes = (const uint8_t *)note->bytes, .count = note->count};
    return err;
}

/* A fault of the note itself, once it is among the others. */
static enum tally_err check_report(const struct tally_cdb_snapshot *snapshot, const char *name,
                                   struct tally_fault *fault)
{
    for (uint32_t i = 0; i < snapshot->report_count; i++) {
        const struct tally_cdb_report *report = &snapshot->reports[i];
        char text[TALLY_FAULT_TEXT_BYTES];

        if (strcmp(report->name, name) == 0 &&
            report->refusal.reason != TALLY_REFUSAL_NOT_YET_VALID) {
            tally_cdb_report_format(report, text, sizeof(text));
            return tally_fault_set(fault, TALLY_ERR_SIGNATURE, "not published: %s", text);
        }
    }
    return TALLY_ERR_OK;
}

/* What the new note has put out of force is no longer kept. */
static void remove_superseded(const struct tally_cdb_snapshot *snapshot, const char *directory)
{
    for (uint32_t i = 0; i < snapshot->report_count; i++) {
        char path[TALLY_CLI_PATH_BYTES];

        if (snapshot->reports[i].refusal.reason == TALLY_REFUSAL_SUPERSEDED &&
            snprintf(path, sizeof(path), "%s/statements/%s", directory, snapshot->reports[i].name) <
                TALLY_CLI_PATH_BYTES) {
            (void)unlink(path); /* if it stays, it is a notice again */
        }
    }
}

static enum tally_err put_checked(const char *directory, const char *name,
                                  const struct tally_cli_note *note,
                                  const struct tally_cdb_snapshot *snapshot,
                                  struct tally_fault *fault)
{
    char path[TALLY_CLI_PATH_BYTES];
    enum tally_err err = check_report(snapshot, name, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    if (snprintf(path, sizeof(path), "%s/statements/%s", directory, name) >= TALLY_CLI_PATH_BYTES) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT, "the path of the database is too long");
    }
    err = tally_cdb_note_write(path, note->bytes, note->count, fault);
    if (err == TALLY_ERR_OK) {
        remove_superseded(snapshot, directory);
        printf("published %s; to be stamped anew\n", name);
        if (snapshot->fault_count > 0) {
            printf("other statements have %u faults: see 'tally-cdb verify'\n",
                   snapshot->fault_count);
        }
    }
    return err;
}

static enum tally_err put_into(const char *directory, const char *name,
                               const struct tally_cli_note *note, struct tally_fault *fault)
{
    struct tally_cdb_directory files = {0};
    struct tally_cdb_source source = {.now = tally_cli_now()};
    struct tally_cdb_snapshot *snapshot = NULL;
    struct tally_cdb_note *notes = NULL;
    uint32_t note_count = 0;
    enum tally_err err = tally_cdb_directory_read(directory, &files, fault);

    if (err == TALLY_ERR_OK) {
        err = with_note(&files, name, note, &notes, &note_count, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cdb_snapshot_from_notes(notes, note_count, NULL, &source, &snapshot, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = put_checked(directory, name, note, snapshot, fault);
    }
    tally_cdb_snapshot_close(snapshot);
    free(notes);
    tally_cdb_directory_free(&files);
    return err;
}

enum tally_err tally_cli_put_note(const struct tally_cli_options *options, const char *directory,
                                  const struct tally_cli_note *note, struct tally_fault *fault)
{
    struct tally_statement_header header;
    struct tally_note split;
    struct tally_cdb_note raw = {.bytes = (const uint8_t *)note->bytes, .count = note->count};
    char name[NAME_BYTES];

    if (options->out != NULL) {
        return tally_cdb_note_write(options->out, note->bytes, note->count, fault);
    }
    if (!read_header(&raw, &split, &header)) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT, "this is no statement");
    }
    if (header.type == TALLY_STATEMENT_STAMP) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "a stamp is no statement: use 'tally-cdb stamp'");
    }
    format_name(&header, name, sizeof(name));
    if (strlen(name) >= TALLY_CDB_NOTE_NAME_BYTES) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT,
                               "the ids of issuer and subject are together too long for a name");
    }
    return put_into(directory, name, note, fault);
}
