/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrol.c - an operator's own statement: asked for, countersigned, renewed.
 */
#include "cdb/cli/cli.h"
#include "cdb/log/directory.h"

#include <stdlib.h>
#include <string.h>

/* --- filling in --- */

static enum tally_err copy_text(const char *what, const char *text, char *out, size_t size,
                                struct tally_fault *fault)
{
    if (strlen(text) >= size) {
        return tally_fault_set(fault, TALLY_ERR_USAGE, "--%s: at most %zu characters", what,
                               size - 1);
    }
    memset(out, 0, size);
    memcpy(out, text, strlen(text));
    return TALLY_ERR_OK;
}

static enum tally_err fill_addresses(const struct tally_cli_options *options,
                                     struct tally_operator_statement *op, struct tally_fault *fault)
{
    enum tally_err err = TALLY_ERR_OK;

    if (options->endpoints.count > TALLY_CDB_ENDPOINTS_MAX ||
        options->egress.count > TALLY_CDB_EGRESS_MAX) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "at most %d endpoints and %d egress addresses",
                               TALLY_CDB_ENDPOINTS_MAX, TALLY_CDB_EGRESS_MAX);
    }
    for (unsigned i = 0; err == TALLY_ERR_OK && i < options->endpoints.count; i++) {
        err = copy_text("endpoint", options->endpoints.items[i], op->endpoints[i],
                        sizeof(op->endpoints[i]), fault);
        op->endpoint_count = (uint8_t)(i + 1);
    }
    for (unsigned i = 0; err == TALLY_ERR_OK && i < options->egress.count; i++) {
        err = copy_text("egress", options->egress.items[i], op->egress[i], sizeof(op->egress[i]),
                        fault);
        op->egress_count = (uint8_t)(i + 1);
    }
    if (err == TALLY_ERR_OK && options->redress != NULL) {
        err = copy_text("redress", options->redress, op->redress_contact,
                        sizeof(op->redress_contact), fault);
    }
    return err;
}

static enum tally_err fill_keys(const struct tally_cli_options *options,
                                struct tally_operator_statement *op, struct tally_fault *fault)
{
    struct tally_cli_public key;
    enum tally_err err = TALLY_ERR_OK;

    if (options->noise_key != NULL) {
        op->noise_key_count = 1;
        err = tally_cli_read_noise_public(options->noise_key, op->noise_keys[0], fault);
    }
    if (err == TALLY_ERR_OK && options->noise_key_next != NULL) {
        op->noise_key_count = 2;
        err = tally_cli_read_noise_public(options->noise_key_next, op->noise_keys[1], fault);
    }
    if (err == TALLY_ERR_OK && options->evidence_key != NULL) {
        err = tally_cli_read_public(options->evidence_key, &key, fault);
        memcpy(op->evidence_key, key.key, sizeof(op->evidence_key));
    }
    if (err == TALLY_ERR_OK && options->keys.count > 0) { /* the last one is the key from now on */
        err = tally_cli_read_public(options->keys.items[options->keys.count - 1], &key, fault);
        memcpy(op->statement_key, key.key, sizeof(op->statement_key));
    }
    return err;
}

/* A signature counts under the operator's id alone. */
static enum tally_err check_key_names(const struct tally_cli_options *options, const char *id,
                                      struct tally_fault *fault)
{
    for (unsigned i = 0; i < options->keys.count; i++) {
        struct tally_cli_public key;
        enum tally_err err = tally_cli_read_public(options->keys.items[i], &key, fault);

        if (err != TALLY_ERR_OK) {
            return err;
        }
        if (strcmp(key.name, id) != 0) {
            return tally_fault_set(fault, TALLY_ERR_USAGE,
                                   "%s: the key is called %s; an operator's statements are signed "
                                   "under its id, %s",
                                   options->keys.items[i], key.name, id);
        }
    }
    return TALLY_ERR_OK;
}

static enum tally_err fill_operator(const struct tally_cli_options *options,
                                    struct tally_statement *statement, struct tally_fault *fault)
{
    enum tally_err err = check_key_names(options, statement->header.issuer, fault);

    tally_cli_set_times(options, &statement->header);
    if (err == TALLY_ERR_OK) {
        err = fill_keys(options, &statement->op, fault);
    }
    return err == TALLY_ERR_OK ? fill_addresses(options, &statement->op, fault) : err;
}

/* --- the operator's side --- */

static enum tally_err check_request_options(const struct tally_cli_options *options,
                                            struct tally_fault *fault)
{
    if (options->keys.count == 0 || options->noise_key == NULL || options->evidence_key == NULL ||
        options->endpoints.count == 0) {
        return tally_fault_set(fault, TALLY_ERR_USAGE,
                               "a request needs --key, --noise-key, --evidence-key and --endpoint");
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_cli_enrol_request(const struct tally_cli_options *options,
                                       struct tally_fault *fault)
{
    struct tally_statement *statement = tally_cli_new_statement(fault);
    struct tally_cli_note note;
    enum tally_err err = TALLY_ERR_SYSTEM;

    if (statement == NULL) {
        return err;
    }
    statement->header.type = TALLY_STATEMENT_OPERATOR;
    statement->header.serial = options->serial != 0 ? options->serial : 1;
    err = tally_cli_parse_id("operator", options->op, statement->header.issuer, fault);
    memcpy(statement->header.subject, statement->header.issuer, TALLY_OPERATOR_ID_BYTES);
    if (err == TALLY_ERR_OK) {
        err = tally_cli_parse_id("authority", options->authority, statement->op.enrolled_by, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = check_request_options(options, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = fill_operator(options, statement, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_make_note(statement, &options->keys, &note, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cdb_note_write(options->args.items[0], note.bytes, note.count, fault);
    }
    free(statement);
    return err;
}

enum tally_err tally_cli_operator_set(const struct tally_cli_options *options,
                                      struct tally_fault *fault)
{
    const char *directory = options->args.items[0];
    struct tally_statement_header wanted = {.type = TALLY_STATEMENT_OPERATOR};
    struct tally_statement *statement = tally_cli_new_statement(fault);
    struct tally_cli_note note;
    enum tally_err err = TALLY_ERR_SYSTEM;

    if (statement == NULL) {
        return err;
    }
    err = tally_cli_parse_id("operator", options->op, wanted.issuer, fault);
    memcpy(wanted.subject, wanted.issuer, sizeof(wanted.subject));
    if (err == TALLY_ERR_OK) {
        err = tally_cli_find_newest(directory, &wanted, statement, fault);
        if (err == TALLY_ERR_NOT_FOUND) {
            (void)tally_fault_set(fault, err, "%s is not enrolled in %s", wanted.issuer, directory);
        }
    }
    if (err == TALLY_ERR_OK) {
        statement->header.serial++;
        err = fill_operator(options, statement, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_make_note(statement, &options->keys, &note, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_put_note(options, directory, &note, fault);
    }
    free(statement);
    return err;
}

/* --- the authority's side --- */

static bool has_line(const char *text, size_t count, const char *line, size_t line_count)
{
    for (size_t at = 0; at < count;) {
        size_t length = strcspn(text + at, "\n");

        if (length == line_count && memcmp(text + at, line, length) == 0) {
            return true;
        }
        at += length + 1;
    }
    return false;
}

/* Lines of one text that the other has not, each behind a sign. */
static void print_missing(char sign, const char *text, size_t count, const char *other,
                          size_t other_count)
{
    for (size_t at = 0; at < count;) {
        size_t length = strcspn(text + at, "\n");

        if (!has_line(other, other_count, text + at, length)) {
            printf("%c %.*s\n", sign, (int)length, text + at);
        }
        at += length + 1;
    }
}

/* What the request would change in what is held. */
static enum tally_err print_diff(const char *directory, const struct tally_statement *request,
                                 struct tally_statement *held, struct tally_fault *fault)
{
    char new_text[TALLY_NOTE_BYTES_MAX + 1];
    char held_text[TALLY_NOTE_BYTES_MAX + 1];
    size_t new_count = 0;
    size_t held_count = 0;
    enum tally_err err = tally_cli_find_newest(directory, &request->header, held, fault);

    if (err != TALLY_ERR_OK && err != TALLY_ERR_NOT_FOUND) {
        return err;
    }
    if (err == TALLY_ERR_OK && tally_statement_encode(held, held_text, sizeof(held_text) - 1,
                                                      &held_count) != TALLY_ERR_OK) {
        held_count = 0;
    }
    if (tally_statement_encode(request, new_text, sizeof(new_text) - 1, &new_count) !=
        TALLY_ERR_OK) {
        new_count = 0;
    }
    held_text[held_count] = '\0';
    new_text[new_count] = '\0';
    printf("%s %s:\n", held_count == 0 ? "new operator" : "changes to operator",
           request->header.subject);
    print_missing('-', held_text, held_count, new_text, new_count);
    print_missing('+', new_text, new_count, held_text, held_count);
    return TALLY_ERR_OK;
}

static bool is_confirmed(const char *question)
{
    char answer[16] = "";

    printf("%s [y/N] ", question);
    (void)fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

static enum tally_err read_request(const char *path, struct tally_cli_note *note,
                                   struct tally_statement *request, struct tally_fault *fault)
{
    struct tally_statement_fault wrong = {0};
    struct tally_note split;
    enum tally_err err = tally_cli_read_note(path, note, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    wrong.refusal = tally_note_split(note->bytes, note->count, &split, &wrong.line);
    if (wrong.refusal != TALLY_REFUSAL_NONE ||
        !tally_statement_decode(split.text, split.text_count, request, &wrong)) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT, "%s, line %u: %s", path, wrong.line,
                               tally_refusal_sentence(wrong.refusal));
    }
    if (request->header.type != TALLY_STATEMENT_OPERATOR) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT, "%s: a %s statement, no operator's", path,
                               tally_statement_type_word(request->header.type));
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_cli_enrol_accept(const struct tally_cli_options *options,
                                      struct tally_fault *fault)
{
    const char *directory = options->args.items[0];
    struct tally_statement *request = tally_cli_new_statement(fault);
    struct tally_statement *held = tally_cli_new_statement(fault);
    struct tally_cli_note note;
    enum tally_err err = TALLY_ERR_SYSTEM;

    if (request == NULL || held == NULL) {
        goto out;
    }
    err = options->keys.count > 0
              ? read_request(options->args.items[1], &note, request, fault)
              : tally_fault_set(fault, TALLY_ERR_USAGE, "--key is missing: the authority's");
    if (err == TALLY_ERR_OK) {
        err = print_diff(directory, request, held, fault);
    }
    if (err == TALLY_ERR_OK && !options->is_yes && !is_confirmed("Countersign this?")) {
        err = tally_fault_set(fault, TALLY_ERR_AGAIN, "not countersigned");
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_add_signatures(&note, &options->keys, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_put_note(options, directory, &note, fault);
    }

out:
    free(held);
    free(request);
    return err;
}
