/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.h - the words in which a registry speaks about a call.
 *
 * Kept apart: a verdict (is this CLI authentic?), marks (what local knowledge says of the number),
 * an originating call's outcome, findings (what the path did to the call), and the action that
 * policy takes. In every enum 0 is the value that accuses nobody. The numbers are part of the wire
 * protocol (docs/PROTOCOL.md) and never change.
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* X(name, number) */
#define TALLY_VERDICT_TABLE(X)                                                                     \
    X(INDETERMINATE, 0)        /* no opinion; the reason is in enum tally_reason */                \
    X(UNVERIFIABLE, 1)         /* A's holder is no participant, or there is no CLI */              \
    X(VALID, 2)                /* an entitled operator vouches for the displayed number */         \
    X(VALID_DIVERTED, 3)       /* a forwarding token was confirmed */                              \
    X(PRESENTED_UNVERIFIED, 4) /* the network number is vouched for, the displayed one is not */   \
    X(CLI_REUSED, 5)           /* the credit was spent already */                                  \
    X(CLI_SPOOFED, 6)          /* every entitled operator denied the call */                       \
    X(CLI_INVALID, 7)          /* not a number of any plan */                                      \
    X(EXEMPT, 8)               /* emergency, priority, short code: never held or blocked */

enum tally_verdict {
#define TALLY_ENUM(name, number) TALLY_VERDICT_##name = (number),
    TALLY_VERDICT_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_VERDICT_COUNT
};

enum tally_grade { TALLY_GRADE_NONE, TALLY_GRADE_LIKELY, TALLY_GRADE_PROVEN, TALLY_GRADE_COUNT };

/* Why there is no opinion. Local: it never leaves the registry that has it. */
#define TALLY_REASON_TABLE(X)                                                                      \
    X(NONE, 0)                                                                                     \
    X(DEADLINE, 1)       /* an entitled operator did not answer in time */                         \
    X(PEER_DOWN, 2)      /* no session with an entitled operator */                                \
    X(PEER_UNKNOWN, 3)   /* an entitled operator said UNKNOWN */                                   \
    X(CDB_STALE, 4)      /* the participant database is too old for verdicts */                    \
    X(CDB_CONTESTED, 5)  /* two operators hold A's range */                                        \
    X(CDB_MISSING, 6)    /* A's range has expired or rejected data */                              \
    X(CDB_SKEW, 7)       /* we and the answerer disagree on who is entitled */                     \
    X(NO_DIRECT_CALL, 8) /* denied, but A has open legs that could have been forwarded */          \
    X(INCOMPLETE, 9)     /* B was not complete */                                                  \
    X(TABLE_FULL, 10)    /* no place to follow the call */                                         \
    X(PRESENTED, 11)     /* the network number differs from the displayed one and was not asked */ \
    X(NOT_ANSWERING, 12) /* the holder does not answer for calls in this range */                  \
    X(OWN_NUMBER, 13)    /* our own number, and we cannot know */                                  \
    X(NOT_ASKED, 14)     /* not our subscriber's call */

enum tally_reason {
#define TALLY_ENUM(name, number) TALLY_REASON_##name = (number),
    TALLY_REASON_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_REASON_COUNT
};

/* Bits. */
#define TALLY_MARK_TABLE(X)                                                                        \
    X(NOT_IN_USE, 0)                                                                               \
    X(LISTED, 1)                                                                                   \
    X(OWN_FROM_INTERCONNECT, 2)                                                                    \
    X(FIXED_FROM_ABROAD, 3)                                                                        \
    X(HIGH_RISK_DESTINATION, 4)                                                                    \
    X(NO_DIRECT_CALL, 5)                                                                           \
    X(ORIGIN_UNAUTHORISED, 6)                                                                      \
    X(CAMPAIGN, 7)

enum tally_mark {
#define TALLY_ENUM(name, bit) TALLY_MARK_##name = 1 << (bit),
    TALLY_MARK_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
};
enum { TALLY_MARK_COUNT = 8 };

#define TALLY_OUTCOME_TABLE(X)                                                                     \
    X(INDETERMINATE, 0)                                                                            \
    X(DELIVERED, 1)                                                                                \
    X(DELIVERED_ALTERED, 2)                                                                        \
    X(NOT_DELIVERED, 3)                                                                            \
    X(REFUSED, 4)

enum tally_outcome {
#define TALLY_ENUM(name, number) TALLY_OUTCOME_##name = (number),
    TALLY_OUTCOME_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_OUTCOME_COUNT
};

#define TALLY_FINDING_TABLE(X)                                                                     \
    X(NONE, 0)                                                                                     \
    X(ALTERED, 1)                                                                                  \
    X(BYPASS, 2)                                                                                   \
    X(SHORT_STOPPED, 3)                                                                            \
    X(FALSE_ANSWER, 4)                                                                             \
    X(STRETCHED, 5)

enum tally_finding {
#define TALLY_ENUM(name, number) TALLY_FINDING_##name = (number),
    TALLY_FINDING_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_FINDING_COUNT
};

#define TALLY_ACTION_TABLE(X)                                                                      \
    X(ALLOW, 0)                                                                                    \
    X(LABEL, 1)                                                                                    \
    X(STRIP_CLI, 2)                                                                                \
    X(BLOCK, 3)                                                                                    \
    X(RELEASE, 4)

enum tally_action {
#define TALLY_ENUM(name, number) TALLY_ACTION_##name = (number),
    TALLY_ACTION_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_ACTION_COUNT
};

/* Names as above ("CLI_SPOOFED"); "?" for a value outside the enum. Never NULL. */
const char *tally_verdict_name(enum tally_verdict verdict);
const char *tally_grade_name(enum tally_grade grade); /* "", "likely", "proven" */
const char *tally_reason_name(enum tally_reason reason);
const char *tally_outcome_name(enum tally_outcome outcome);
const char *tally_finding_name(enum tally_finding finding);
const char *tally_action_name(enum tally_action action);
const char *tally_mark_name(unsigned bit); /* 0 .. TALLY_MARK_COUNT - 1 */

enum { TALLY_VERDICT_ID_TEXT_BYTES = 14 }; /* 13 characters and NUL */

/*
 * A verdict's id as people see it, the same in SIP, logs and tallyctl: base32 (RFC 4648 alphabet,
 * lower case, no padding) of 64 bits, most significant first, 13 characters.
 */
void tally_verdict_id_format(uint64_t id, char text[TALLY_VERDICT_ID_TEXT_BYTES]);

/* Reads one back, in either case. id is written in every case; returns 0 when refused, 1 if read.
 */
int tally_verdict_id_parse(const char *text, uint64_t *id);
