/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.h - from evidence to a verdict, and from a verdict to an action.
 *
 * Two pure functions. The evidence is everything that was known about one terminating call when it
 * was judged; nothing else enters. docs/PROTOCOL.md, "Verdicts".
 *
 * Pure. Threads: safe. Memory: none.
 */
#pragma once

#include "cdb/core/index.h"
#include "tally/verdict.h"

#include <stdbool.h>
#include <stdint.h>

/* What the entitled operators said, taken together; see tally_answers_add. */
struct tally_answers {
    uint8_t asked_count; /* entitled operators; all must deny */
    uint8_t none_count;
    uint8_t none_direct_count;
    uint8_t unknown_count;
    uint8_t silent_count;      /* no answer by the deadline */
    uint8_t unreachable_count; /* no session when it was asked */
    uint8_t skewed_count;      /* answered under another view of who is entitled */
};

enum tally_exemption {
    TALLY_EXEMPTION_NONE,
    TALLY_EXEMPTION_FLAGGED,    /* emergency or priority, from a trunk trusted to say so */
    TALLY_EXEMPTION_SHORT_CODE, /* B is a short code */
    TALLY_EXEMPTION_NOT_E164,   /* B is outside E.164 */
};

enum tally_cli_shape {
    TALLY_CLI_ABSENT,
    TALLY_CLI_PLAUSIBLE,
    TALLY_CLI_IMPLAUSIBLE, /* digits that no numbering plan has */
};

enum tally_credit {
    TALLY_CREDIT_NONE,
    TALLY_CREDIT_FREE,         /* an entitled operator vouches, not used before */
    TALLY_CREDIT_SPENT,        /* vouched for an earlier arrival */
    TALLY_CREDIT_NETWORK_ONLY, /* it vouches for the network number, not the displayed one */
};

enum tally_freshness {
    TALLY_FRESHNESS_UNUSABLE, /* over 7 d: no verdicts */
    TALLY_FRESHNESS_STALE,    /* over 6 h: no BLOCK */
    TALLY_FRESHNESS_FRESH,
};

enum tally_token {
    TALLY_TOKEN_NONE,
    TALLY_TOKEN_CONFIRMED, /* the onward announcement's token was confirmed by A's holder */
    TALLY_TOKEN_DENIED,
};

/* All that is known about one terminating call when it is judged. Zeroed, it accuses nobody. */
struct tally_evidence {
    /* the call */
    uint64_t a_network, a_presented, b_number; /* E.164 */
    enum tally_exemption exemption;
    enum tally_cli_shape cli;
    bool is_presented_apart; /* network and presented number both there, and different */
    bool is_incomplete;      /* B may grow */
    bool is_tracked;         /* there was a place in the tables to follow it */
    /* the participant database */
    enum tally_cdb_standing standing;
    enum tally_cdb_answers answers_policy;
    enum tally_cdb_strictness strictness;
    enum tally_freshness freshness;
    bool is_holder_ourselves;
    bool is_log_agreed;       /* everybody who denied did so under the CDB log size we have */
    bool is_in_good_standing; /* the holder's strictness has been earned with us */
    /* the halves */
    enum tally_credit credit;
    enum tally_token token;
    struct tally_answers answers;
    bool is_campaign;
    uint32_t marks; /* TALLY_MARK_... */
};

struct tally_judgement {
    enum tally_verdict verdict;
    enum tally_grade grade;   /* CLI_SPOOFED only */
    enum tally_reason reason; /* INDETERMINATE only */
    uint32_t marks;           /* the evidence's, and NO_DIRECT_CALL */
};

struct tally_judgement tally_verdict_decide(const struct tally_evidence *evidence);

enum tally_mode {
    TALLY_MODE_SHADOW, /* say what would be done, do nothing */
    TALLY_MODE_LABEL,
    TALLY_MODE_ENFORCE,
};

/* Which line of the policy decided. Stable: evidence keeps the number. */
enum tally_policy_line {
    TALLY_POLICY_DEFAULT_ALLOW,
    TALLY_POLICY_SHADOW,          /* would block; mode is shadow (or label) */
    TALLY_POLICY_NOT_STRICT,      /* proven, but the range is lenient */
    TALLY_POLICY_NOT_PROVEN,      /* likely only */
    TALLY_POLICY_NOT_IN_STANDING, /* strictness not earned yet */
    TALLY_POLICY_CDB_STALE,       /* no BLOCK on old data */
    TALLY_POLICY_LOG_DISAGREES,   /* the denial was made under another state of the CDB */
    TALLY_POLICY_BLOCK_PROVEN,    /* proven on a strict range: BLOCK */
    TALLY_POLICY_BLOCK_LIKELY,    /* likely on a strict-direct range: BLOCK */
    TALLY_POLICY_LINE_COUNT
};
const char *tally_policy_line_name(enum tally_policy_line line); /* "block-proven", ... */
const char *tally_policy_line_sentence(enum tally_policy_line line);

struct tally_policy {
    enum tally_mode mode;
    uint8_t block_cause; /* Q.850; 21 call rejected. Never 34, 38, 41, 42: switches re-route. */
};

struct tally_ruling {
    enum tally_action action;
    enum tally_action would_action; /* what enforce would have done */
    uint8_t cause;                  /* BLOCK */
    enum tally_policy_line line;
};

struct tally_ruling tally_policy_rule(const struct tally_policy *policy,
                                      const struct tally_evidence *evidence,
                                      const struct tally_judgement *judgement);
