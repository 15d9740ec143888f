/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - a whole participant database at one moment: notes in, index out.
 *
 * A snapshot is made from a directory of signed notes,
 *
 *   DIRECTORY/statements/ANYTHING.note      one statement each
 *   DIRECTORY/stamp.note                    the witnesses' timestamp over all of them
 *
 * or from the same notes kept elsewhere (the daemon's replica). Signatures are verified, statements
 * evaluated (cdb/core/evaluate.h) and the look-up index built. A snapshot never changes; what was
 * not believed is in it by name. Whoever replaces an older snapshot by a newer one
 *   - gives the older one's stamped as stamped_min, so that time never goes back, and
 *   - keeps the older one if the newer is not stamped (stamped 0): its age then ends BLOCK and, in
 *     the end, verdicts, which is what a database that cannot be trusted deserves.
 *
 * Touches: registry/crypto, POSIX files. Threads: a snapshot may be read by any; opening and
 * closing by one. Memory: allocated at open, freed at close.
 */
#pragma once

#include "cdb/core/evaluate.h"
#include "cdb/core/index.h"
#include "cdb/core/refusal.h"
#include "tally/err.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_CDB_NOTES_MAX = 200000,
    TALLY_CDB_NOTE_NAME_BYTES = 128, /* of the file, with NUL */
    TALLY_CDB_HASH_BYTES = 32,
};

struct tally_cdb_note {
    const char *name; /* file name, or what the caller calls it */
    const uint8_t *bytes;
    size_t count;
    bool is_in_force; /* given back: facts rest on it. When notes are handed in: not looked at. */
};

struct tally_cdb_report {
    const char *name; /* the note's; "stamp.note" for the stamp */
    struct tally_cdb_refusal refusal;
};

struct tally_cdb_snapshot {
    const struct tally_cdb_index *index;
    char network[TALLY_OPERATOR_ID_BYTES]; /* "": no root is believed, the index is empty */
    uint8_t network_id[TALLY_CDB_HASH_BYTES];
    uint32_t root_serial;
    uint64_t log_size;             /* statements in force */
    struct tally_wall stamped;     /* signed time of the stamp; 0: there is none to be believed */
    struct tally_wall next_change; /* a statement's time begins: make a new snapshot; 0: never */
    const struct tally_cdb_report *reports;
    uint32_t report_count;
    uint32_t fault_count; /* reports that are no mere notices */
    /* All notes as they were read, so that they can be kept: the stamp covers every one of them. */
    const struct tally_cdb_note *notes; /* sorted by name */
    uint32_t note_count;
    struct tally_cdb_note stamp; /* bytes NULL: none */
};

struct tally_cdb_source {
    const uint8_t *root_pin; /* 32 bytes, borrowed; NULL: believe the one root 1 that is there */
    struct tally_wall now;
    struct tally_wall stamped_min; /* an older stamp is a replay */
};

/*
 * Reads a directory. A file that cannot be read or is no note is reported, not an error.
 *
 * snapshot            owned by the caller; NULL unless the result is TALLY_ERR_OK.
 * TALLY_ERR_NOT_FOUND   there is no such directory, or none in it called statements.
 * TALLY_ERR_LIMIT       more than TALLY_CDB_NOTES_MAX notes.
 * TALLY_ERR_SYSTEM      the directory cannot be read, or memory is short.
 */
TALLY_NODISCARD enum tally_err tally_cdb_snapshot_open(const char *directory,
                                                       const struct tally_cdb_source *source,
                                                       struct tally_cdb_snapshot **snapshot,
                                                       struct tally_fault *fault);

/*
 * The same from notes in memory.
 *
 * notes    copied, in any order.
 * stamp    NULL allowed: none.
 */
TALLY_NODISCARD enum tally_err tally_cdb_snapshot_from_notes(const struct tally_cdb_note *notes,
                                                             uint32_t note_count,
                                                             const struct tally_cdb_note *stamp,
                                                             const struct tally_cdb_source *source,
                                                             struct tally_cdb_snapshot **snapshot,
                                                             struct tally_fault *fault);

void tally_cdb_snapshot_close(struct tally_cdb_snapshot *snapshot); /* NULL allowed */

/*
 * What a stamp is made over: SHA-256 of the sorted SHA-256 hashes of the notes, whole, signatures
 * included.
 *
 * TALLY_ERR_SYSTEM    memory is short.
 */
TALLY_NODISCARD enum tally_err tally_cdb_set_hash(const struct tally_cdb_note *notes,
                                                  uint32_t note_count,
                                                  uint8_t out[TALLY_CDB_HASH_BYTES]);

/* A report in words, one line: "range.gb.alfa.note, line 9: ...". At least 512 bytes are enough. */
void tally_cdb_report_format(const struct tally_cdb_report *report, char *text, size_t size);
