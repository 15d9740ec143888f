/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdb_files.h - a participant database as a directory, signed for real, for tests of its readers.
 *
 * The network "demo" has one root key, one witness and one authority "world", over +44 and +33.
 * Every key is the hash of its name, so that two runs make the same database. Statements hold from
 * a minute before `now` for ten days; a statement written again has the next serial.
 */
#pragma once

#include "tally/time.h"

#include <stdint.h>

struct cdb_files {
    const char *directory;
    struct tally_wall now;
};

/* Makes DIRECTORY/statements, the root, and the authority. root_serial: 1, or further roots too. */
void cdb_files_open(struct cdb_files *files, const char *directory, struct tally_wall now,
                    unsigned root_serial);

/*
 * An operator's statement, enrolled.
 *
 * egress    NULL: none.
 */
void cdb_files_operator(const struct cdb_files *files, const char *id, unsigned serial,
                        const char *endpoint, const char *egress);

/* The prefix is the operator's, and what it says of it: "strict" or "lenient". */
void cdb_files_numbers(const struct cdb_files *files, const char *id, unsigned serial,
                       const char *prefix, const char *policy);

/* Stamps what is there, at `now`. */
void cdb_files_stamp(const struct cdb_files *files);

/* Takes a statement away; its name as "operator.alfa". */
void cdb_files_remove(const struct cdb_files *files, const char *name);

/* The X25519 secret of an operator, and the hash that cdb_root names. */
void cdb_files_noise_secret(const char *id, uint8_t secret[32]);
void cdb_files_root_pin(const struct cdb_files *files, uint8_t pin[32]);
