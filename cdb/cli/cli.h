/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - the verbs of tally-cdb and what they share.
 *
 * main() reads the command line into a struct tally_cli_options and calls one verb. A verb prints
 * its result to stdout and returns an error code, from which the exit status comes, with a fault
 * in words; a verb that has said all on stdout (verify, lookup) leaves the fault's text empty.
 *
 * Threads: one. Memory: verbs free what they take.
 */
#pragma once

#include "cdb/core/statement.h"
#include "cdb/log/source.h"
#include "crypto/sign.h"
#include "tally/err.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { TALLY_CLI_LIST_MAX = 512, TALLY_CLI_PATH_BYTES = 4096 };

struct tally_cli_list {
    const char *items[TALLY_CLI_LIST_MAX];
    unsigned count;
};

/* Texts are borrowed from argv; NULL: not given. */
struct tally_cli_options {
    struct tally_cli_list args; /* what is no option, the verb's own words left out */
    struct tally_cli_list keys; /* --key: secret keys to sign with */
    struct tally_cli_list roots, witnesses, authority_keys, countries, endpoints, egress;
    const char *network, *authority, *op, *noise_key, *noise_key_next, *evidence_key, *redress;
    const char *answers, *mobility, *policy, *authorise, *served_by;
    const char *root_hash, *out;
    struct tally_wall from, at;                     /* 0: now */
    unsigned threshold, quorum, days, part, serial; /* 0: not given */
    bool is_busy, is_onward, is_no_porting, is_yes, is_join, is_json;
};

typedef enum tally_err tally_cli_run_fn(const struct tally_cli_options *options,
                                        struct tally_fault *fault);

tally_cli_run_fn tally_cli_key_noise, tally_cli_key_sign, tally_cli_key_show;
tally_cli_run_fn tally_cli_init, tally_cli_root_set, tally_cli_authority_add;
tally_cli_run_fn tally_cli_enrol_request, tally_cli_enrol_accept, tally_cli_operator_set;
tally_cli_run_fn tally_cli_range_add, tally_cli_range_remove;
tally_cli_run_fn tally_cli_numbering_set, tally_cli_numbering_remove;
tally_cli_run_fn tally_cli_sign, tally_cli_publish, tally_cli_stamp;
tally_cli_run_fn tally_cli_verify, tally_cli_lookup, tally_cli_list_all;

/* --- keys.c --- */

struct tally_cli_public {
    char name[TALLY_NOTE_NAME_BYTES];
    uint8_t key[TALLY_SIGN_PUBLIC_BYTES];
};

/*
 * Reads a public signing key from FILE.pub as `key new` writes it, or from a secret key's file.
 *
 * TALLY_ERR_NOT_FOUND, TALLY_ERR_FORMAT, and the errors of crypto/keyfile.h.
 */
TALLY_NODISCARD enum tally_err tally_cli_read_public(const char *path, struct tally_cli_public *key,
                                                     struct tally_fault *fault);
TALLY_NODISCARD enum tally_err tally_cli_read_noise_public(const char *path,
                                                           uint8_t key[TALLY_DH_BYTES],
                                                           struct tally_fault *fault);

/* Can one sign with it? */
bool tally_cli_is_secret(const char *path);

/* Fills a statement's keys from files, sorted by name. */
TALLY_NODISCARD enum tally_err tally_cli_read_keys(const struct tally_cli_list *paths,
                                                   unsigned threshold,
                                                   struct tally_statement_keys *keys,
                                                   struct tally_fault *fault);

/* --- notes.c --- */

struct tally_cli_note {
    char bytes[TALLY_NOTE_BYTES_MAX];
    size_t count;
};

/* now, or --from, as a statement's not-before: whole seconds. */
struct tally_wall tally_cli_start(const struct tally_cli_options *options);
struct tally_wall tally_cli_now(void);

/* Zeroed, to be freed; NULL with a fault. */
struct tally_statement *tally_cli_new_statement(struct tally_fault *fault);

/* Sets not_before and expires from the options; without --days as long as the type allows. */
void tally_cli_set_times(const struct tally_cli_options *options,
                         struct tally_statement_header *header);

/*
 * The statement of this type, issuer, subject and part with the highest serial, whether believed or
 * not.
 *
 * statement           zeroed but for the header when there is none.
 * TALLY_ERR_NOT_FOUND   there is none (no fault is set).
 */
TALLY_NODISCARD enum tally_err tally_cli_find_newest(const char *directory,
                                                     const struct tally_statement_header *wanted,
                                                     struct tally_statement *statement,
                                                     struct tally_fault *fault);

/* Encodes a statement, checks it by decoding, and signs it with every --key. */
TALLY_NODISCARD enum tally_err tally_cli_make_note(const struct tally_statement *statement,
                                                   const struct tally_cli_list *secret_paths,
                                                   struct tally_cli_note *note,
                                                   struct tally_fault *fault);

/* Adds signatures to a note; a key that has signed it already is left out. */
TALLY_NODISCARD enum tally_err tally_cli_add_signatures(struct tally_cli_note *note,
                                                        const struct tally_cli_list *secret_paths,
                                                        struct tally_fault *fault);

TALLY_NODISCARD enum tally_err tally_cli_read_note(const char *path, struct tally_cli_note *note,
                                                   struct tally_fault *fault);

/*
 * Puts a note into the database if it would be believed there (or is only not valid yet), and
 * removes what it supersedes. With --out it is written to that file instead, unchecked, for others
 * to sign.
 *
 * TALLY_ERR_SIGNATURE   it would not be believed; nothing is changed.
 */
TALLY_NODISCARD enum tally_err tally_cli_put_note(const struct tally_cli_options *options,
                                                  const char *directory,
                                                  const struct tally_cli_note *note,
                                                  struct tally_fault *fault);

TALLY_NODISCARD enum tally_err tally_cli_open(const struct tally_cli_options *options,
                                              const char *directory,
                                              struct tally_cdb_snapshot **snapshot,
                                              struct tally_fault *fault);

/* --- parse.c --- */

/* "+44" or "+44:11-12". */
TALLY_NODISCARD enum tally_err
tally_cli_parse_range(const char *text, struct tally_range_line *line, struct tally_fault *fault);
/* "+44" or "44". */
TALLY_NODISCARD enum tally_err tally_cli_parse_number(const char *text, uint64_t *number,
                                                      struct tally_fault *fault);
TALLY_NODISCARD enum tally_err tally_cli_parse_id(const char *what, const char *text,
                                                  char id[TALLY_OPERATOR_ID_BYTES],
                                                  struct tally_fault *fault);
