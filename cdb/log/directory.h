/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.h - the files of a database that is kept as a directory.
 *
 * Touches: POSIX files. Threads: one owner. Memory: allocated by read, freed by free.
 */
#pragma once

#include "cdb/log/source.h"
#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_cdb_directory {
    struct tally_cdb_note *notes; /* count 0: the file could not be read, or is empty */
    uint32_t note_count;
    struct tally_cdb_note stamp;
    bool has_stamp;
};

/*
 * Reads every file of DIRECTORY/statements whose name does not begin with a dot, and
 * DIRECTORY/stamp.note. Of each file at most one byte more than a note may have is read.
 *
 * files    zeroed by the caller; to be freed whatever the result.
 */
TALLY_NODISCARD enum tally_err tally_cdb_directory_read(const char *directory,
                                                        struct tally_cdb_directory *files,
                                                        struct tally_fault *fault);
void tally_cdb_directory_free(struct tally_cdb_directory *files);

/*
 * Reads one note from a file.
 *
 * bytes    at least TALLY_NOTE_BYTES_MAX + 1; count is one more than the maximum if there is more.
 * TALLY_ERR_NOT_FOUND   no such file.
 * TALLY_ERR_SYSTEM      no regular file, or not readable.
 */
TALLY_NODISCARD enum tally_err tally_cdb_note_read(const char *path, uint8_t *bytes, size_t *count,
                                                   struct tally_fault *fault);

/*
 * Replaces or makes a file as a whole: written aside, made durable, renamed.
 *
 * TALLY_ERR_SYSTEM    it could not be done; what was there is still there.
 */
TALLY_NODISCARD enum tally_err tally_cdb_note_write(const char *path, const void *bytes,
                                                    size_t count, struct tally_fault *fault);
