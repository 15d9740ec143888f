/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.h - why a statement is not, or not wholly, believed.
 *
 * A notice is what an honest database may contain (an older serial beside a newer one, a change
 * announced ahead of its day); everything else is a fault: somebody has to put it right, and until
 * then the numbers concerned are "unknown".
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include <stdbool.h>

/* X(name, is it a notice, sentence) */
#define TALLY_REFUSAL_TABLE(X)                                                                     \
    X(NONE, 1, "accepted")                                                                         \
    X(UNREADABLE, 0, "the file cannot be read or is no regular *.note file")                       \
    X(OVERSIZED, 0, "it has more than 8192 bytes")                                                 \
    X(TRUNCATED, 0, "it ends early: no newline at its end, or no blank line and signature")        \
    X(CHARACTER, 0, "a character that is not printable ASCII")                                     \
    X(SIGNATURE_LINE, 0, "not a signature line: em dash, space, key name, space, base64")          \
    X(SIGNATURE_TWICE, 0, "the same key signs a second time")                                      \
    X(SIGNATURE_COUNT, 0, "more than 16 signatures")                                               \
    X(VERSION, 0, "it is no statement of version 1")                                               \
    X(UNKNOWN_TYPE, 0, "a type of statement that this version does not know")                      \
    X(FORMAT, 0, "a line is not what is expected there, or not in its one encoding")               \
    X(LIFETIME, 0, "it is valid for longer than its type may be, or for no time")                  \
    X(WRONG_NETWORK, 0, "it speaks for another network than the root's")                           \
    X(WRONG_ROOT, 0, "it is not the pinned root, nor linked to it by a whole chain of roots")      \
    X(UNKNOWN_ISSUER, 0, "its issuer has no statement in force that would let it speak")           \
    X(BAD_SIGNATURE, 0, "a signature of its issuer does not verify")                               \
    X(WRONG_SIGNER, 0, "no key that may sign it has signed it")                                    \
    X(BELOW_THRESHOLD, 0, "fewer keys have signed it than must")                                   \
    X(NOT_YET_VALID, 1, "its time has not begun")                                                  \
    X(EXPIRED, 0, "its time is over")                                                              \
    X(SUPERSEDED, 1, "a newer serial is in force")                                                 \
    X(DUPLICATE, 1, "the same statement is there twice")                                           \
    X(CONFLICTING, 0, "two different statements of one serial are signed")                         \
    X(OVERCLAIM, 0, "it claims numbers that its issuer does not hold; those lines are left out")   \
    X(CONTESTED, 0, "somebody else holds the same by as good a right")                             \
    X(UNKNOWN_OPERATOR, 0, "it names an operator that has no statement in force")                  \
    X(STAMP_OTHER, 0, "the stamp was made over other statements than these")                       \
    X(STAMP_REPLAYED, 0, "the stamp is older than one seen before")

enum tally_refusal {
#define TALLY_ENUM(name, is_notice, sentence) TALLY_REFUSAL_##name,
    TALLY_REFUSAL_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_REFUSAL_COUNT
};

/* "BAD_SIGNATURE" and its sentence. Never NULL; any value may be given. */
const char *tally_refusal_name(enum tally_refusal refusal);
const char *tally_refusal_sentence(enum tally_refusal refusal);
bool tally_refusal_is_notice(enum tally_refusal refusal);
