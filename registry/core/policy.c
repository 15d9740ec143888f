/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BLOCK needs every condition at once: a denied call, proven on a strict (or strict-direct) range
 * or likely on a strict-direct one, a holder in good standing, a fresh participant database, and
 * the mode `enforce`. The line that stopped it is kept as the reason why it was not blocked.
 */
#include "core/verdict.h"

#include <stddef.h>

static const struct {
    const char *name;
    const char *sentence;
} lines[TALLY_POLICY_LINE_COUNT] = {
    [TALLY_POLICY_DEFAULT_ALLOW] = {"default-allow", "nothing was found against the call"},
    [TALLY_POLICY_SHADOW] = {"shadow", "would be blocked; the mode only watches"},
    [TALLY_POLICY_NOT_STRICT] =
        {"not-strict", "denied, but the holder does not ask for such calls to be blocked"},
    [TALLY_POLICY_NOT_PROVEN] = {"not-proven", "likely spoofed; only proven calls are blocked"},
    [TALLY_POLICY_NOT_IN_STANDING] = {"not-in-standing",
                                      "the holder's strictness has not been earned with us yet"},
    [TALLY_POLICY_CDB_STALE] = {"cdb-stale",
                                "the participant database is too old to block anything on it"},
    [TALLY_POLICY_LOG_DISAGREES] =
        {"log-disagrees", "the denial rests on another state of the participant database"},
    [TALLY_POLICY_BLOCK_PROVEN] = {"block-proven",
                                   "every entitled operator denied a call from a strict range"},
    [TALLY_POLICY_BLOCK_LIKELY] = {"block-likely",
                                   "denied from a range on whose numbers nobody forwards"},
};

const char *tally_policy_line_name(enum tally_policy_line line)
{
    return (unsigned)line < TALLY_POLICY_LINE_COUNT ? lines[line].name : "?";
}

const char *tally_policy_line_sentence(enum tally_policy_line line)
{
    return (unsigned)line < TALLY_POLICY_LINE_COUNT ? lines[line].sentence : "?";
}

static struct tally_ruling allow(enum tally_policy_line line)
{
    return (struct tally_ruling){.action = TALLY_ACTION_ALLOW, .line = line};
}

struct tally_ruling tally_policy_rule(const struct tally_policy *policy,
                                      const struct tally_evidence *evidence,
                                      const struct tally_judgement *judgement)
{
    struct tally_ruling ruling = {.would_action = TALLY_ACTION_BLOCK,
                                  .line = TALLY_POLICY_BLOCK_PROVEN};

    if (judgement->verdict != TALLY_VERDICT_CLI_SPOOFED) {
        return allow(TALLY_POLICY_DEFAULT_ALLOW);
    }
    if (evidence->strictness == TALLY_CDB_LENIENT) {
        return allow(TALLY_POLICY_NOT_STRICT);
    }
    if (judgement->grade != TALLY_GRADE_PROVEN) {
        if (evidence->strictness != TALLY_CDB_STRICT_DIRECT) {
            return allow(TALLY_POLICY_NOT_PROVEN);
        }
        ruling.line = TALLY_POLICY_BLOCK_LIKELY;
    }
    if (!evidence->is_in_good_standing) {
        return allow(TALLY_POLICY_NOT_IN_STANDING);
    }
    if (evidence->freshness != TALLY_FRESHNESS_FRESH) {
        return allow(TALLY_POLICY_CDB_STALE);
    }
    if (!evidence->is_log_agreed) {
        return allow(TALLY_POLICY_LOG_DISAGREES);
    }
    if (policy->mode != TALLY_MODE_ENFORCE) {
        ruling.line = TALLY_POLICY_SHADOW;
        ruling.action = policy->mode == TALLY_MODE_LABEL ? TALLY_ACTION_LABEL : TALLY_ACTION_ALLOW;
        return ruling;
    }
    ruling.action = TALLY_ACTION_BLOCK;
    ruling.cause = policy->block_cause;
    return ruling;
}
