/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the verdict follows the evidence by the stated precedence; fraud is said only on a denial
 * by every entitled operator, and BLOCK only when every condition for it holds.
 * Method: named rows first; then every combination of evidence, against conditions that are written
 * down here a second time, from the other end: what must have been true for such a verdict.
 */
#include "core/verdict.h"
#include "testing.h"

#include <string.h>

/* A call that is denied by its one entitled operator, and would be blocked. */
static struct tally_evidence denied_evidence(void)
{
    return (struct tally_evidence){.a_network = 442012345678,
                                   .b_number = 33123456789,
                                   .cli = TALLY_CLI_PLAUSIBLE,
                                   .is_tracked = true,
                                   .standing = TALLY_CDB_HELD,
                                   .answers_policy = TALLY_CDB_ANSWERS_CALLS,
                                   .strictness = TALLY_CDB_STRICT,
                                   .freshness = TALLY_FRESHNESS_FRESH,
                                   .is_in_good_standing = true,
                                   .is_log_agreed = true,
                                   .answers = {.asked_count = 1, .none_count = 1}};
}

static const struct tally_policy enforce = {.mode = TALLY_MODE_ENFORCE, .block_cause = 21};

static enum tally_action action_of(const struct tally_policy *policy,
                                   const struct tally_evidence *evidence)
{
    struct tally_judgement judgement = tally_verdict_decide(evidence);

    return tally_policy_rule(policy, evidence, &judgement).action;
}

static void test_nothing_known_accuses_nobody(void **state)
{
    struct tally_evidence evidence;
    struct tally_judgement judgement;

    (void)state;
    memset(&evidence, 0, sizeof(evidence));
    judgement = tally_verdict_decide(&evidence);
    assert_int_equal(judgement.verdict, TALLY_VERDICT_INDETERMINATE);
    assert_int_equal(action_of(&enforce, &evidence), TALLY_ACTION_ALLOW);
}

static void test_denied_is_proven_and_blocked(void **state)
{
    struct tally_evidence evidence = denied_evidence();
    struct tally_judgement judgement = tally_verdict_decide(&evidence);
    struct tally_ruling ruling = tally_policy_rule(&enforce, &evidence, &judgement);

    (void)state;
    assert_int_equal(judgement.verdict, TALLY_VERDICT_CLI_SPOOFED);
    assert_int_equal(judgement.grade, TALLY_GRADE_PROVEN);
    assert_int_equal(ruling.action, TALLY_ACTION_BLOCK);
    assert_int_equal(ruling.cause, 21);
    assert_int_equal(ruling.line, TALLY_POLICY_BLOCK_PROVEN);
}

/* One condition of BLOCK removed at a time. */
static void test_each_condition_of_block(void **state)
{
    enum { CONDITIONS = 12 };
    static const struct tally_policy shadow = {.mode = TALLY_MODE_SHADOW, .block_cause = 21};
    static const struct tally_policy label = {.mode = TALLY_MODE_LABEL, .block_cause = 21};

    (void)state;
    for (unsigned condition = 0; condition < CONDITIONS; condition++) {
        struct tally_evidence evidence = denied_evidence();

        switch (condition) {
        case 0:
            evidence.strictness = TALLY_CDB_LENIENT;
            break;
        case 1:
            evidence.freshness = TALLY_FRESHNESS_STALE;
            break;
        case 2:
            evidence.freshness = TALLY_FRESHNESS_UNUSABLE;
            break;
        case 3:
            evidence.is_in_good_standing = false;
            break;
        case 4:
            evidence.is_log_agreed = false;
            break;
        case 5:
            evidence.standing = TALLY_CDB_CONTESTED;
            break;
        case 6:
            evidence.standing = TALLY_CDB_UNKNOWN;
            break;
        case 7:
            evidence.answers.asked_count = 2;
            break;
        case 8:
            evidence.answers.none_count = 0;
            evidence.answers.none_direct_count = 1;
            break;
        case 9:
            evidence.is_presented_apart = true;
            break;
        case 10:
            evidence.is_incomplete = true;
            break;
        default:
            evidence.exemption = TALLY_EXEMPTION_FLAGGED;
            break;
        }
        if (action_of(&enforce, &evidence) != TALLY_ACTION_ALLOW) {
            fail_msg("condition %u removed, and the call is blocked all the same", condition);
        }
    }
    {
        struct tally_evidence evidence = denied_evidence();

        assert_int_equal(action_of(&shadow, &evidence), TALLY_ACTION_ALLOW);
        assert_int_equal(action_of(&label, &evidence), TALLY_ACTION_LABEL);
    }
}

static void test_precedence(void **state)
{
    struct tally_evidence evidence = denied_evidence();

    (void)state;
    evidence.answers.none_count = 0;
    evidence.answers.asked_count = 0;
    evidence.standing = TALLY_CDB_NO_HOLDER;
    assert_int_equal(tally_verdict_decide(&evidence).verdict, TALLY_VERDICT_UNVERIFIABLE);
    evidence.credit = TALLY_CREDIT_SPENT;
    assert_int_equal(tally_verdict_decide(&evidence).verdict, TALLY_VERDICT_CLI_REUSED);
    evidence.credit = TALLY_CREDIT_NETWORK_ONLY;
    assert_int_equal(tally_verdict_decide(&evidence).verdict, TALLY_VERDICT_PRESENTED_UNVERIFIED);
    evidence.token = TALLY_TOKEN_CONFIRMED;
    assert_int_equal(tally_verdict_decide(&evidence).verdict, TALLY_VERDICT_VALID_DIVERTED);
    evidence.credit = TALLY_CREDIT_FREE;
    assert_int_equal(tally_verdict_decide(&evidence).verdict, TALLY_VERDICT_VALID);
    evidence.cli = TALLY_CLI_IMPLAUSIBLE;
    assert_int_equal(tally_verdict_decide(&evidence).verdict, TALLY_VERDICT_CLI_INVALID);
    evidence.exemption = TALLY_EXEMPTION_SHORT_CODE;
    assert_int_equal(tally_verdict_decide(&evidence).verdict, TALLY_VERDICT_EXEMPT);
}

static void test_reasons(void **state)
{
    static const struct {
        struct tally_answers answers;
        enum tally_reason want;
    } rows[] = {
        {{.asked_count = 0}, TALLY_REASON_NOT_ASKED},
        {{.asked_count = 1, .silent_count = 1}, TALLY_REASON_DEADLINE},
        {{.asked_count = 1, .unknown_count = 1}, TALLY_REASON_PEER_UNKNOWN},
        {{.asked_count = 1, .unreachable_count = 1}, TALLY_REASON_PEER_DOWN},
        {{.asked_count = 1, .skewed_count = 1}, TALLY_REASON_CDB_SKEW},
        {{.asked_count = 2, .none_count = 1, .silent_count = 1}, TALLY_REASON_DEADLINE},
        {{.asked_count = 2, .none_count = 1, .unknown_count = 1}, TALLY_REASON_PEER_UNKNOWN},
        {{.asked_count = 1, .none_direct_count = 1}, TALLY_REASON_NO_DIRECT_CALL},
    };

    (void)state;
    for (size_t at = 0; at < sizeof(rows) / sizeof(rows[0]); at++) {
        struct tally_evidence evidence = denied_evidence();
        struct tally_judgement judgement;

        evidence.answers = rows[at].answers;
        judgement = tally_verdict_decide(&evidence);
        assert_int_equal(judgement.verdict, TALLY_VERDICT_INDETERMINATE);
        assert_int_equal(judgement.reason, rows[at].want);
    }
}

/* What must have been true, whatever the order in which the code looks at things. */
static void check(const struct tally_evidence *e)
{
    struct tally_judgement judgement = tally_verdict_decide(e);
    struct tally_ruling ruling = tally_policy_rule(&enforce, e, &judgement);
    const struct tally_answers *a = &e->answers;
    bool is_fraud = judgement.verdict == TALLY_VERDICT_CLI_SPOOFED;
    bool is_doubted =
        a->silent_count + a->unknown_count + a->unreachable_count + a->skewed_count > 0;

    assert_true((unsigned)judgement.verdict < TALLY_VERDICT_COUNT);
    assert_int_equal(judgement.grade != TALLY_GRADE_NONE, is_fraud);
    assert_true(judgement.reason == TALLY_REASON_NONE ||
                judgement.verdict == TALLY_VERDICT_INDETERMINATE);
    assert_true(judgement.reason != TALLY_REASON_NONE ||
                judgement.verdict != TALLY_VERDICT_INDETERMINATE);
    if (is_fraud) {
        assert_false(is_doubted);
        assert_true(a->asked_count > 0);
        assert_int_equal(a->none_count + a->none_direct_count, a->asked_count);
        assert_int_equal(e->standing, TALLY_CDB_HELD);
        assert_int_equal(e->credit, TALLY_CREDIT_NONE);
        assert_int_equal(e->exemption, TALLY_EXEMPTION_NONE);
        assert_false(e->is_presented_apart);
        assert_int_not_equal(e->freshness, TALLY_FRESHNESS_UNUSABLE);
    }
    if (judgement.grade == TALLY_GRADE_PROVEN) {
        assert_int_equal(a->none_count, a->asked_count);
    }
    if (judgement.grade == TALLY_GRADE_LIKELY) {
        assert_true(e->strictness == TALLY_CDB_STRICT_DIRECT || e->is_campaign);
        assert_true((judgement.marks & TALLY_MARK_NO_DIRECT_CALL) != 0);
    }
    if (judgement.verdict == TALLY_VERDICT_VALID) {
        assert_int_equal(e->credit, TALLY_CREDIT_FREE);
    }
    if (ruling.action == TALLY_ACTION_BLOCK) {
        assert_true(is_fraud && e->is_in_good_standing && e->is_log_agreed);
        assert_int_equal(e->freshness, TALLY_FRESHNESS_FRESH);
        assert_int_not_equal(e->strictness, TALLY_CDB_LENIENT);
        assert_true(judgement.grade == TALLY_GRADE_PROVEN ||
                    e->strictness == TALLY_CDB_STRICT_DIRECT);
        assert_int_equal(ruling.cause, 21);
    } else {
        assert_int_equal(ruling.cause, 0);
    }
}

/* Takes the next digit of a number in mixed bases. */
static unsigned digit(unsigned *rest, unsigned base)
{
    unsigned value = *rest % base;

    *rest /= base;
    return value;
}

static void test_every_combination(void **state)
{
    static const struct tally_answers answers[] = {
        {0},
        {.asked_count = 1, .none_count = 1},
        {.asked_count = 1, .none_direct_count = 1},
        {.asked_count = 1, .unknown_count = 1},
        {.asked_count = 1, .silent_count = 1},
        {.asked_count = 1, .unreachable_count = 1},
        {.asked_count = 1, .skewed_count = 1},
        {.asked_count = 2, .none_count = 2},
        {.asked_count = 2, .none_count = 1, .none_direct_count = 1},
        {.asked_count = 2, .none_count = 1, .silent_count = 1},
        {.asked_count = 2, .none_count = 1},
        {.asked_count = 2, .none_direct_count = 1, .unreachable_count = 1},
    };
    enum { ANSWERS = sizeof(answers) / sizeof(answers[0]) };
    const unsigned total = 4 * 3 * 2 * 2 * 2 * 4 * 3 * 3 * 3 * 2 * 2 * 4 * 3 * 2 * ANSWERS;

    (void)state;
    for (unsigned number = 0; number < total; number++) {
        unsigned rest = number;
        struct tally_evidence e = {0};

        /* One after the other: initialisers have no order. */
        e.exemption = (enum tally_exemption)digit(&rest, 4);
        e.cli = (enum tally_cli_shape)digit(&rest, 3);
        e.is_presented_apart = digit(&rest, 2) != 0;
        e.is_incomplete = digit(&rest, 2) != 0;
        e.is_tracked = digit(&rest, 2) != 0;
        e.standing = (enum tally_cdb_standing)digit(&rest, 4);
        e.answers_policy = (enum tally_cdb_answers)digit(&rest, 3);
        e.strictness = (enum tally_cdb_strictness)digit(&rest, 3);
        e.freshness = (enum tally_freshness)digit(&rest, 3);
        e.is_in_good_standing = digit(&rest, 2) != 0;
        e.is_log_agreed = digit(&rest, 2) != 0;
        e.credit = (enum tally_credit)digit(&rest, 4);
        e.token = (enum tally_token)digit(&rest, 3);
        e.is_campaign = digit(&rest, 2) != 0;
        e.answers = answers[rest];

        check(&e);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_known_accuses_nobody),
        cmocka_unit_test(test_denied_is_proven_and_blocked),
        cmocka_unit_test(test_each_condition_of_block),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_every_combination),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
