/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - what can go wrong without anybody having written a bug.
 *
 * Three kinds of wrong are kept apart. A bug ends in TALLY_ASSERT (registry/base/assert.h). A
 * peer's or a switch's bad bytes are counted under an enum tally_reject (registry/wire). What is
 * left, the failures that a correct program meets, has one code each in the table below.
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include <stddef.h>

#define TALLY_NODISCARD __attribute__((warn_unused_result))
#define TALLY_PRINTF(format_index, first_index)                                                    \
    __attribute__((format(printf, format_index, first_index)))

/*
 * X(code, exit status of a program that ends on it, sentence). Exit statuses as in the manual
 * pages: 1 failed or answered no, 2 usage, 3 not found, 4 daemon unreachable, 5 refused, 6 timed
 * out, 78 (EX_CONFIG) configuration.
 */
#define TALLY_ERR_TABLE(X)                                                                         \
    X(OK, 0, "done")                                                                               \
    X(AGAIN, 1, "not possible right now; try again")                                               \
    X(FULL, 1, "a bounded table or queue has no free place")                                       \
    X(SYSTEM, 1, "the operating system refused")                                                   \
    X(FORMAT, 1, "the bytes are not in the expected format")                                       \
    X(LIMIT, 1, "a value is outside its bounds")                                                   \
    X(SIGNATURE, 1, "a signature does not verify or too few have signed")                          \
    X(EXPIRED, 1, "past its expiry, or not valid yet")                                             \
    X(OVERCLAIM, 1, "it claims numbers that its issuer does not hold")                             \
    X(EXISTS, 1, "it is there already")                                                            \
    X(CORRUPT, 1, "stored data fails its checksum")                                                \
    X(VERSION, 1, "a version this program does not know")                                          \
    X(STORE, 1, "the database refused")                                                            \
    X(TRANSPORT, 1, "the messaging layer refused")                                                 \
    X(CRYPTO, 1, "a cryptographic operation failed")                                               \
    X(USAGE, 2, "the command line is wrong")                                                       \
    X(NOT_FOUND, 3, "no such thing")                                                               \
    X(UNREACHABLE, 4, "the daemon does not answer")                                                \
    X(REFUSED, 5, "not permitted")                                                                 \
    X(TIMEOUT, 6, "no answer in time")                                                             \
    X(CONFIG, 78, "the configuration is wrong")

enum tally_err {
#define TALLY_ERR_ENUM(code, status, sentence) TALLY_ERR_##code,
    TALLY_ERR_TABLE(TALLY_ERR_ENUM)
#undef TALLY_ERR_ENUM
        TALLY_ERR_COUNT
};

enum { TALLY_FAULT_TEXT_BYTES = 512 };

/*
 * A failure in words for whoever has to act on it: where (file:line, address), what was found, what
 * was expected, what to do. Zeroed means no failure.
 */
struct tally_fault {
    enum tally_err err;
    char text[TALLY_FAULT_TEXT_BYTES]; /* NUL-terminated, one line, never a telephone number or key
                                        */
};

/* The code's name ("FULL"), its sentence, its exit status. Never NULL; any value may be given. */
const char *tally_err_name(enum tally_err err);
const char *tally_err_sentence(enum tally_err err);
int tally_err_exit_status(enum tally_err err);

/*
 * Fills in a fault and returns err, so that a caller can write `return tally_fault_set(...)`.
 *
 * fault    NULL allowed: then only the code is returned. The text is cut to fit.
 * err      not TALLY_ERR_OK.
 */
enum tally_err tally_fault_set(struct tally_fault *fault, enum tally_err err, const char *format,
                               ...) TALLY_PRINTF(3, 4);
