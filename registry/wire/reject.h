/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reject.h - why bytes from outside were dropped.
 *
 * A reject is counted per reason and never logged with content. 0 means "not rejected".
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#define TALLY_REJECT_TABLE(X)                                                                      \
    X(NONE, "accepted")                                                                            \
    X(SHORT, "shorter than its layout")                                                            \
    X(LONG, "longer than its layout or its limit")                                                 \
    X(VERSION, "unknown version")                                                                  \
    X(TYPE, "unknown type")                                                                        \
    X(RESERVED, "a reserved field is not zero")                                                    \
    X(VALUE, "a field is outside its range")                                                       \
    X(NUMBER, "not an E.164 number")                                                               \
    X(RECORDS, "the record count does not fit the bytes")                                          \
    X(INDEX, "no session has this receiver index")                                                 \
    X(REPLAY, "the counter was seen before or is too old")                                         \
    X(TAG, "the authentication tag is wrong")                                                      \
    X(KEY, "a key that the participant database does not hold")                                    \
    X(IDENTITY, "the operator id does not belong to the key")                                      \
    X(TIMESTAMP, "a handshake timestamp that is not newer than the last")                          \
    X(EXPIRED, "the session is past its lifetime")                                                 \
    X(RATE, "over the rate that is granted")                                                       \
    X(STATE, "not expected now")                                                                   \
    X(NOT_YOURS, "about numbers that are not the sender's")                                        \
    X(NOT_OURS, "about numbers that are not ours")                                                 \
    X(STALE, "its deadline has passed")                                                            \
    X(DUPLICATE, "seen already")                                                                   \
    X(FULL, "a bounded table has no free place")

enum tally_reject {
#define TALLY_ENUM(name, sentence) TALLY_REJECT_##name,
    TALLY_REJECT_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_REJECT_COUNT
};

/* "TAG", "the authentication tag is wrong"; "?" outside the enum. Never NULL. */
const char *tally_reject_name(enum tally_reject reject);
const char *tally_reject_sentence(enum tally_reject reject);
