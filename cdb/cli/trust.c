/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.c - root, authorities, the stamp, and signatures on drafts.
 */
#include "cdb/cli/cli.h"
#include "cdb/log/directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Encodes, signs and puts away. */
static enum tally_err finish(const struct tally_cli_options *options, const char *directory,
                             const struct tally_statement *statement, struct tally_fault *fault)
{
    struct tally_cli_note note;
    enum tally_err err = tally_cli_make_note(statement, &options->keys, &note, fault);

    return err == TALLY_ERR_OK ? tally_cli_put_note(options, directory, &note, fault) : err;
}

/* The network's name, by the root that is believed. */
static enum tally_err read_network(const struct tally_cli_options *options, const char *directory,
                                   char network[TALLY_OPERATOR_ID_BYTES], uint32_t *root_serial,
                                   struct tally_fault *fault)
{
    struct tally_cdb_snapshot *snapshot = NULL;
    enum tally_err err = tally_cli_open(options, directory, &snapshot, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    memcpy(network, snapshot->network, TALLY_OPERATOR_ID_BYTES);
    *root_serial = snapshot->root_serial;
    tally_cdb_snapshot_close(snapshot);
    return network[0] != '\0'
               ? TALLY_ERR_OK
               : tally_fault_set(fault, TALLY_ERR_SIGNATURE,
                                 "%s: no root is believed; 'tally-cdb verify' says why", directory);
}

/* --- root --- */

static enum tally_err fill_root(const struct tally_cli_options *options,
                                struct tally_root_statement *root, struct tally_fault *fault)
{
    enum tally_err err = TALLY_ERR_OK;

    if (options->roots.count > 0) {
        err = tally_cli_read_keys(&options->roots, options->threshold, &root->keys, fault);
    }
    if (err == TALLY_ERR_OK && options->witnesses.count > 0) {
        err = tally_cli_read_keys(&options->witnesses, options->quorum, &root->witnesses, fault);
    }
    return err;
}

static enum tally_err make_directory(const char *path, struct tally_fault *fault)
{
    if (mkdir(path, 0755) == 0) {
        return TALLY_ERR_OK;
    }
    return tally_fault_set(fault, errno == EEXIST ? TALLY_ERR_EXISTS : TALLY_ERR_SYSTEM,
                           "%s: cannot be made: %s", path, strerror(errno));
}

/* The directory may be there; a database in it may not. */
static enum tally_err make_database(const char *directory, struct tally_fault *fault)
{
    char path[TALLY_CLI_PATH_BYTES];
    struct tally_fault ignored = {0};
    enum tally_err err = make_directory(directory, &ignored);

    if (err != TALLY_ERR_OK && err != TALLY_ERR_EXISTS) {
        *fault = ignored;
        return err;
    }
    if (snprintf(path, sizeof(path), "%s/statements", directory) >= TALLY_CLI_PATH_BYTES) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT, "the path of the database is too long");
    }
    return make_directory(path, fault);
}

/* Root keys that are elsewhere are given by their public halves, and sign a draft later. */
static struct tally_cli_list secrets_of(const struct tally_cli_list *paths)
{
    struct tally_cli_list secrets = {0};

    for (unsigned i = 0; i < paths->count; i++) {
        if (tally_cli_is_secret(paths->items[i])) {
            secrets.items[secrets.count++] = paths->items[i];
        }
    }
    return secrets;
}

enum tally_err tally_cli_init(const struct tally_cli_options *options, struct tally_fault *fault)
{
    const char *directory = options->args.items[0];
    struct tally_statement *root = tally_cli_new_statement(fault);
    struct tally_cli_note note;
    enum tally_err err = TALLY_ERR_SYSTEM;

    if (root == NULL) {
        return err;
    }
    root->header.type = TALLY_STATEMENT_ROOT;
    root->header.serial = 1;
    err = tally_cli_parse_id("network", options->network, root->header.issuer, fault);
    if (err == TALLY_ERR_OK && (options->roots.count == 0 || options->witnesses.count == 0)) {
        err = tally_fault_set(fault, TALLY_ERR_USAGE,
                              "--root and --witness are missing: a network has at least one of "
                              "each");
    }
    if (err == TALLY_ERR_OK) {
        memcpy(root->header.subject, root->header.issuer, sizeof(root->header.subject));
        tally_cli_set_times(options, &root->header);
        err = fill_root(options, &root->root, fault);
    }
    if (err == TALLY_ERR_OK) {
        struct tally_cli_list secrets = secrets_of(&options->roots);

        err = tally_cli_make_note(root, &secrets, &note, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = make_database(directory, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_put_note(options, directory, &note, fault);
    }
    free(root);
    return err;
}

enum tally_err tally_cli_root_set(const struct tally_cli_options *options,
                                  struct tally_fault *fault)
{
    const char *directory = options->args.items[0];
    struct tally_statement_header wanted = {.type = TALLY_STATEMENT_ROOT};
    struct tally_statement *root = tally_cli_new_statement(fault);
    uint32_t serial = 0;
    enum tally_err err = TALLY_ERR_SYSTEM;

    if (root == NULL) {
        return err;
    }
    err = read_network(options, directory, wanted.issuer, &serial, fault);
    memcpy(wanted.subject, wanted.issuer, sizeof(wanted.subject));
    if (err == TALLY_ERR_OK) {
        err = tally_cli_find_newest(directory, &wanted, root, fault);
    }
    if (err == TALLY_ERR_OK) {
        root->header.serial++;
        tally_cli_set_times(options, &root->header);
        err = fill_root(options, &root->root, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = finish(options, directory, root, fault);
    }
    free(root);
    return err;
}

/* --- authorities --- */

static enum tally_err fill_authority(const struct tally_cli_options *options,
                                     struct tally_authority_statement *authority,
                                     struct tally_fault *fault)
{
    if (options->countries.count > TALLY_STATEMENT_COUNTRIES_MAX) {
        return tally_fault_set(fault, TALLY_ERR_USAGE, "at most %d country codes",
                               TALLY_STATEMENT_COUNTRIES_MAX);
    }
    for (unsigned i = 0; i < options->countries.count; i++) {
        uint64_t country = 0;
        unsigned at = i;
        enum tally_err err = tally_cli_parse_number(options->countries.items[i], &country, fault);

        if (err != TALLY_ERR_OK) {
            return err;
        }
        while (at > 0 && tally_prefix_compare(authority->countries[at - 1], country) > 0) {
            authority->countries[at] = authority->countries[at - 1];
            at--;
        }
        authority->countries[at] = country;
        authority->country_count = (uint8_t)(i + 1);
    }
    if (options->authority_keys.count > 0) {
        return tally_cli_read_keys(&options->authority_keys, options->threshold, &authority->keys,
                                   fault);
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_cli_authority_add(const struct tally_cli_options *options,
                                       struct tally_fault *fault)
{
    const char *directory = options->args.items[0];
    struct tally_statement_header wanted = {.type = TALLY_STATEMENT_AUTHORITY};
    struct tally_statement *authority = tally_cli_new_statement(fault);
    uint32_t root_serial = 0;
    enum tally_err err = TALLY_ERR_SYSTEM;

    if (authority == NULL) {
        return err;
    }
    err = tally_cli_parse_id("authority", options->authority, wanted.subject, fault);
    if (err == TALLY_ERR_OK) {
        err = read_network(options, directory, wanted.issuer, &root_serial, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_find_newest(directory, &wanted, authority, fault);
    }
    if (err == TALLY_ERR_OK || err == TALLY_ERR_NOT_FOUND) {
        authority->header.serial++;
        tally_cli_set_times(options, &authority->header);
        err = fill_authority(options, &authority->authority, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = finish(options, directory, authority, fault);
    }
    free(authority);
    return err;
}

/* --- drafts --- */

enum tally_err tally_cli_sign(const struct tally_cli_options *options, struct tally_fault *fault)
{
    const char *path = options->args.items[0];
    struct tally_cli_note note;
    enum tally_err err = tally_cli_read_note(path, &note, fault);

    if (err == TALLY_ERR_OK && options->keys.count == 0) {
        err = tally_fault_set(fault, TALLY_ERR_USAGE, "--key is missing");
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cli_add_signatures(&note, &options->keys, fault);
    }
    return err == TALLY_ERR_OK ? tally_cdb_note_write(path, note.bytes, note.count, fault) : err;
}

enum tally_err tally_cli_publish(const struct tally_cli_options *options, struct tally_fault *fault)
{
    struct tally_cli_note note;
    enum tally_err err = tally_cli_read_note(options->args.items[1], &note, fault);

    return err == TALLY_ERR_OK ? tally_cli_put_note(options, options->args.items[0], &note, fault)
                               : err;
}

/* --- the stamp --- */

/* A witness does not vouch for what it would not believe; what has merely expired may stay. */
static enum tally_err check_before_stamp(const struct tally_cdb_snapshot *snapshot,
                                         struct tally_fault *fault)
{
    for (uint32_t i = 0; i < snapshot->report_count; i++) {
        const struct tally_cdb_report *report = &snapshot->reports[i];
        char text[TALLY_FAULT_TEXT_BYTES];

        if (report->refusal.candidate == TALLY_CDB_STAMP ||
            report->refusal.reason == TALLY_REFUSAL_EXPIRED ||
            tally_refusal_is_notice(report->refusal.reason)) {
            continue;
        }
        tally_cdb_report_format(report, text, sizeof(text));
        return tally_fault_set(fault, TALLY_ERR_SIGNATURE,
                               "not stamped (with --yes it would be): %s", text);
    }
    return snapshot->network[0] != '\0'
               ? TALLY_ERR_OK
               : tally_fault_set(fault, TALLY_ERR_SIGNATURE, "not stamped: no root is believed");
}

static enum tally_err make_stamp(const struct tally_cli_options *options,
                                 const struct tally_cdb_snapshot *snapshot,
                                 struct tally_cli_note *note, struct tally_fault *fault)
{
    struct tally_statement *stamp = tally_cli_new_statement(fault);
    struct tally_statement_header held;
    struct tally_note split;
    enum tally_err err = TALLY_ERR_SYSTEM;

    if (stamp == NULL) {
        return err;
    }
    stamp->header.type = TALLY_STATEMENT_STAMP;
    memcpy(stamp->header.issuer, snapshot->network, sizeof(stamp->header.issuer));
    memcpy(stamp->header.subject, snapshot->network, sizeof(stamp->header.subject));
    stamp->header.serial = 1;
    if (snapshot->stamp.bytes != NULL &&
        tally_note_split(snapshot->stamp.bytes, snapshot->stamp.count, &split, NULL) ==
            TALLY_REFUSAL_NONE &&
        tally_statement_decode_header(split.text, split.text_count, &held, NULL)) {
        stamp->header.serial = held.serial + 1;
    }
    tally_cli_set_times(options, &stamp->header);
    stamp->stamp.statement_count = snapshot->note_count;
    err = tally_cdb_set_hash(snapshot->notes, snapshot->note_count, stamp->stamp.set_hash);
    if (err == TALLY_ERR_OK) {
        err = tally_cli_make_note(stamp, &options->keys, note, fault);
    }
    free(stamp);
    return err;
}

/* Another witness puts its name under the stamp that is there, if it is over these statements. */
static enum tally_err join_stamp(const struct tally_cli_options *options,
                                 const struct tally_cdb_snapshot *snapshot,
                                 struct tally_cli_note *note, struct tally_fault *fault)
{
    for (uint32_t i = 0; i < snapshot->report_count; i++) {
        const struct tally_cdb_refusal *refusal = &snapshot->reports[i].refusal;

        if (refusal->candidate == TALLY_CDB_STAMP &&
            refusal->reason != TALLY_REFUSAL_BELOW_THRESHOLD) {
            return tally_fault_set(fault, TALLY_ERR_SIGNATURE, "stamp.note: %s; make a new one",
                                   tally_refusal_sentence(refusal->reason));
        }
    }
    if (snapshot->stamp.bytes == NULL || snapshot->stamp.count > sizeof(note->bytes)) {
        return tally_fault_set(fault, TALLY_ERR_NOT_FOUND, "there is no stamp to join");
    }
    memcpy(note->bytes, snapshot->stamp.bytes, snapshot->stamp.count);
    note->count = snapshot->stamp.count;
    return tally_cli_add_signatures(note, &options->keys, fault);
}

enum tally_err tally_cli_stamp(const struct tally_cli_options *options, struct tally_fault *fault)
{
    const char *directory = options->args.items[0];
    char path[TALLY_CLI_PATH_BYTES];
    struct tally_cdb_snapshot *snapshot = NULL;
    struct tally_cli_note note = {.count = 0};
    enum tally_err err = tally_cli_open(options, directory, &snapshot, fault);

    if (err == TALLY_ERR_OK && !options->is_yes) {
        err = check_before_stamp(snapshot, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = options->is_join ? join_stamp(options, snapshot, &note, fault)
                               : make_stamp(options, snapshot, &note, fault);
    }
    if (err == TALLY_ERR_OK &&
        snprintf(path, sizeof(path), "%s/stamp.note", directory) >= TALLY_CLI_PATH_BYTES) {
        err = tally_fault_set(fault, TALLY_ERR_LIMIT, "the path of the database is too long");
    }
    if (err == TALLY_ERR_OK) {
        err = tally_cdb_note_write(path, note.bytes, note.count, fault);
    }
    if (err == TALLY_ERR_OK) {
        printf("stamped %u statements\n", snapshot->note_count);
    }
    tally_cdb_snapshot_close(snapshot);
    return err;
}
