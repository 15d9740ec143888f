/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyfile.h - secret keys in files of their own.
 *
 * One line of text, ended by a newline, in a regular file that nobody but its owner may open
 * (mode 0600 or less):
 *
 *   tally-noise-secret-1 BASE64          an X25519 secret key, 32 bytes
 *   tally-sign-secret-1 NAME BASE64      an Ed25519 secret key (seed), 32 bytes, and what its key
 *                                        is called in signed notes
 *
 * Faults name the file and never a byte of what is in it. Whoever may list the directory may learn
 * that there is a key, not which.
 *
 * Touches: libsodium, POSIX files. Threads: safe. Memory: the caller's; copies are wiped.
 */
#pragma once

#include "crypto/sign.h"
#include "tally/err.h"

#include <stdint.h>

/*
 * Writes a new file of mode 0600 and makes it durable. There must be none of that name: a key is
 * never overwritten. If it fails, no file is left.
 *
 * TALLY_ERR_EXISTS    there is one.
 * TALLY_ERR_SYSTEM    it cannot be made or written.
 */
TALLY_NODISCARD enum tally_err tally_keyfile_write_noise(const char *path,
                                                         const uint8_t secret[TALLY_DH_BYTES],
                                                         struct tally_fault *fault);
/* name    a valid name of a note's key (tally_note_name_is_valid). */
TALLY_NODISCARD enum tally_err
tally_keyfile_write_sign(const char *path, const char *name,
                         const uint8_t secret[TALLY_SIGN_SECRET_BYTES], struct tally_fault *fault);

/*
 * Reads a file that write has written. Outputs are zeros unless the result is TALLY_ERR_OK.
 *
 * TALLY_ERR_NOT_FOUND   there is none.
 * TALLY_ERR_REFUSED     others than its owner may open it, or it is no regular file.
 * TALLY_ERR_FORMAT      it holds something else.
 * TALLY_ERR_SYSTEM      it cannot be read.
 */
TALLY_NODISCARD enum tally_err tally_keyfile_read_noise(const char *path,
                                                        uint8_t secret[TALLY_DH_BYTES],
                                                        struct tally_fault *fault);
TALLY_NODISCARD enum tally_err tally_keyfile_read_sign(const char *path,
                                                       char name[TALLY_NOTE_NAME_BYTES],
                                                       uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                                                       struct tally_fault *fault);
