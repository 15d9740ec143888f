/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule (docs/PROTOCOL.md, "Verdicts"), in order of precedence:
 *
 *   1. An exempt call is never judged.
 *   2. A CLI that no numbering plan has is invalid, whoever holds what.
 *   3. A participant database past its usable age gives no verdicts at all.
 *   4. An entitled operator vouches for the displayed number: the call is what it claims to be.
 *   5. An onward token was confirmed.
 *   6. An entitled operator vouches for the network number only.
 *   7. Every entitled operator denied the call: spoofed. Proven if all said "no such call"; likely
 *      if any left room for a forwarded call and the holder or a campaign closes that room.
 *   8. The credit was spent on an earlier arrival.
 *   9. Nobody could be asked, since nobody takes part: unverifiable.
 *  10. Anything else is no opinion. Silence is in here, so a peer's outage accuses nobody.
 */
#include "core/verdict.h"

static bool is_askable(const struct tally_evidence *evidence)
{
    return evidence->standing == TALLY_CDB_HELD &&
           evidence->answers_policy == TALLY_CDB_ANSWERS_CALLS && evidence->is_tracked &&
           !evidence->is_incomplete && evidence->cli == TALLY_CLI_PLAUSIBLE;
}

static bool is_denied_by_all(const struct tally_evidence *evidence)
{
    const struct tally_answers *answers = &evidence->answers;
    unsigned denied_count = (unsigned)answers->none_count + answers->none_direct_count;

    return is_askable(evidence) && evidence->credit == TALLY_CREDIT_NONE &&
           answers->asked_count > 0 && denied_count == answers->asked_count &&
           answers->unknown_count == 0 && answers->silent_count == 0 &&
           answers->unreachable_count == 0 && answers->skewed_count == 0;
}

static enum tally_reason why_no_opinion(const struct tally_evidence *evidence)
{
    const struct tally_answers *answers = &evidence->answers;

    if (!evidence->is_tracked) {
        return TALLY_REASON_TABLE_FULL;
    }
    if (evidence->is_incomplete) {
        return TALLY_REASON_INCOMPLETE;
    }
    if (evidence->standing == TALLY_CDB_CONTESTED) {
        return TALLY_REASON_CDB_CONTESTED;
    }
    if (evidence->standing == TALLY_CDB_UNKNOWN) {
        return TALLY_REASON_CDB_MISSING;
    }
    if (evidence->answers_policy != TALLY_CDB_ANSWERS_CALLS) {
        return TALLY_REASON_NOT_ANSWERING;
    }
    if (answers->asked_count == 0) {
        return TALLY_REASON_NOT_ASKED;
    }
    if (answers->skewed_count > 0) {
        return TALLY_REASON_CDB_SKEW;
    }
    if (answers->unknown_count > 0) {
        return evidence->is_holder_ourselves ? TALLY_REASON_OWN_NUMBER : TALLY_REASON_PEER_UNKNOWN;
    }
    if (answers->unreachable_count > 0) {
        return TALLY_REASON_PEER_DOWN;
    }
    return TALLY_REASON_DEADLINE;
}

static struct tally_judgement no_opinion(const struct tally_evidence *evidence,
                                         enum tally_reason reason)
{
    return (struct tally_judgement){
        .verdict = TALLY_VERDICT_INDETERMINATE, .reason = reason, .marks = evidence->marks};
}

static struct tally_judgement plain(const struct tally_evidence *evidence,
                                    enum tally_verdict verdict)
{
    return (struct tally_judgement){.verdict = verdict, .marks = evidence->marks};
}

static struct tally_judgement denied(const struct tally_evidence *evidence)
{
    struct tally_judgement judgement = plain(evidence, TALLY_VERDICT_CLI_SPOOFED);

    /* The network number was not asked about: its holder may vouch for the call. */
    if (evidence->is_presented_apart) {
        return no_opinion(evidence, TALLY_REASON_PRESENTED);
    }
    if (evidence->answers.none_direct_count == 0) {
        judgement.grade = TALLY_GRADE_PROVEN;
        return judgement;
    }
    judgement.marks |= TALLY_MARK_NO_DIRECT_CALL;
    if (evidence->strictness == TALLY_CDB_STRICT_DIRECT || evidence->is_campaign) {
        judgement.grade = TALLY_GRADE_LIKELY;
        return judgement;
    }
    judgement.verdict = TALLY_VERDICT_INDETERMINATE;
    judgement.reason = TALLY_REASON_NO_DIRECT_CALL;
    return judgement;
}

struct tally_judgement tally_verdict_decide(const struct tally_evidence *evidence)
{
    if (evidence->exemption != TALLY_EXEMPTION_NONE) {
        return plain(evidence, TALLY_VERDICT_EXEMPT);
    }
    if (evidence->cli == TALLY_CLI_IMPLAUSIBLE) {
        return plain(evidence, TALLY_VERDICT_CLI_INVALID);
    }
    if (evidence->freshness == TALLY_FRESHNESS_UNUSABLE) {
        return no_opinion(evidence, TALLY_REASON_CDB_STALE);
    }
    if (evidence->credit == TALLY_CREDIT_FREE) {
        return plain(evidence, TALLY_VERDICT_VALID);
    }
    if (evidence->token == TALLY_TOKEN_CONFIRMED) {
        return plain(evidence, TALLY_VERDICT_VALID_DIVERTED);
    }
    if (evidence->credit == TALLY_CREDIT_NETWORK_ONLY) {
        return plain(evidence, TALLY_VERDICT_PRESENTED_UNVERIFIED);
    }
    if (is_denied_by_all(evidence)) {
        return denied(evidence);
    }
    if (evidence->credit == TALLY_CREDIT_SPENT) {
        return plain(evidence, TALLY_VERDICT_CLI_REUSED);
    }
    if (evidence->cli == TALLY_CLI_ABSENT || evidence->standing == TALLY_CDB_NO_HOLDER) {
        return plain(evidence, TALLY_VERDICT_UNVERIFIABLE);
    }
    return no_opinion(evidence, why_no_opinion(evidence));
}
