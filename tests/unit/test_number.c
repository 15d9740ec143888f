/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: digits become the one number that the trunk's plan says, or are refused by name.
 * Method: a table per plan of what a switch may send and what must come out, each bound from both
 * sides; a table of plans that must not be accepted.
 */
#include "adapters/common/number.h"
#include "testing.h"

#include <string.h>

static const struct tally_number_plan britain = {
    .country_code = 44,
    .national_prefix = "0",
    .international_prefixes = {"00"},
    .national_digits_min = 7,
    .national_digits_max = 10,
};
/* Italy has no national prefix: the 0 belongs to the number. */
static const struct tally_number_plan italy = {
    .country_code = 39,
    .international_prefixes = {"00"},
    .bare = TALLY_NUMBER_BARE_NATIONAL,
    .national_digits_min = 6,
    .national_digits_max = 11,
};
static const struct tally_number_plan carrier = {
    .bare = TALLY_NUMBER_BARE_INTERNATIONAL,
};
static const struct tally_number_plan america = {
    .country_code = 1,
    .national_prefix = "1",
    .international_prefixes = {"011", "01"},
    .bare = TALLY_NUMBER_BARE_NATIONAL,
    .national_digits_min = 10,
    .national_digits_max = 10,
};
static const struct tally_number_plan plus_only = {0};
/* France: a 5-digit portability prefix behind the country code, and a customer's access digit. */
static const struct tally_number_plan france = {
    .country_code = 33,
    .national_prefix = "0",
    .international_prefixes = {"00"},
    .national_digits_min = 9,
    .national_digits_max = 9,
    .rule_count = 3,
    .rules =
        {
            {.match = "+3310200", .strip_count = 8, .prepend = "+33"},
            {.match = "8#", .strip_count = 0}, /* replaced below: a rule must be digits */
            {.match = "9", .strip_count = 1},
        },
};

static const struct {
    const char *what;
    const struct tally_number_plan *plan;
    const char *digits;
    const char *context;
    enum tally_number_nature nature;
    enum tally_number_reject want;
    uint64_t number;
} rows[] = {
#define UNKNOWN TALLY_NUMBER_NATURE_UNKNOWN
#define INTL TALLY_NUMBER_NATURE_INTERNATIONAL
#define NATIONAL TALLY_NUMBER_NATURE_NATIONAL
#define OK TALLY_NUMBER_REJECT_NONE
#define REJECT(name) TALLY_NUMBER_REJECT_##name, 0
    {"plus", &britain, "+442071838750", NULL, UNKNOWN, OK, 442071838750},
    {"plus of another country", &britain, "+390612345678", NULL, UNKNOWN, OK, 390612345678},
    {"plus with no plan", &plus_only, "+390612345678", NULL, UNKNOWN, OK, 390612345678},
    {"plus escaped", &britain, "%2B442071838750", NULL, UNKNOWN, OK, 442071838750},
    {"plus escaped, lower case", &britain, "%2b442071838750", NULL, UNKNOWN, OK, 442071838750},
    {"a digit escaped", &britain, "+4420718%338750", NULL, UNKNOWN, OK, 442071838750},
    {"separators", &britain, "+44 (20) 7183-87.50", NULL, UNKNOWN, OK, 442071838750},
    {"separator before plus", &britain, "(+44)2071838750", NULL, UNKNOWN, OK, 442071838750},
    {"space escaped", &britain, "+44%202071838750", NULL, UNKNOWN, OK, 442071838750},
    {"international prefix", &britain, "00390612345678", NULL, UNKNOWN, OK, 390612345678},
    {"national prefix", &britain, "02071838750", NULL, UNKNOWN, OK, 442071838750},
    {"no prefix", &britain, "2071838750", NULL, UNKNOWN, REJECT(BARE)},
    {"no prefix, looks international", &britain, "442071838750", NULL, UNKNOWN, REJECT(BARE)},
    {"no prefix, no plan", &plus_only, "442071838750", NULL, UNKNOWN, REJECT(BARE)},
    {"told national, no prefix", &britain, "2071838750", NULL, NATIONAL, OK, 442071838750},
    {"told national, prefix", &britain, "02071838750", NULL, NATIONAL, OK, 442071838750},
    {"told national, no country", &plus_only, "2071838750", NULL, NATIONAL, REJECT(COUNTRY)},
    {"told international", &britain, "390612345678", NULL, INTL, OK, 390612345678},
    {"told international, begins with 0", &britain, "00390612345678", NULL, INTL, REJECT(ZERO)},
    {"plus beats what is told", &britain, "+390612345678", NULL, NATIONAL, OK, 390612345678},
    {"national, one digit short", &britain, "0207183", NULL, UNKNOWN, REJECT(NATIONAL_LENGTH)},
    {"national, just long enough", &britain, "02071838", NULL, UNKNOWN, OK, 442071838},
    {"national, just short enough", &britain, "02071838750", NULL, UNKNOWN, OK, 442071838750},
    {"national, one too many", &britain, "020718387501", NULL, UNKNOWN, REJECT(NATIONAL_LENGTH)},
    {"national prefix alone", &britain, "0", NULL, UNKNOWN, REJECT(NATIONAL_LENGTH)},
    {"15 digits", &britain, "+123456789012345", NULL, UNKNOWN, OK, 123456789012345},
    {"16 digits", &britain, "+1234567890123456", NULL, UNKNOWN, REJECT(LONG)},
    {"33 digits", &britain, "+123456789012345678901234567890123", NULL, UNKNOWN, REJECT(LONG)},
    {"one digit", &britain, "+1", NULL, UNKNOWN, OK, 1},
    {"plus and 0", &britain, "+0442071838750", NULL, UNKNOWN, REJECT(ZERO)},
    {"nothing", &britain, "", NULL, UNKNOWN, REJECT(EMPTY)},
    {"plus alone", &britain, "+", NULL, UNKNOWN, REJECT(EMPTY)},
    {"international prefix alone", &britain, "00", NULL, UNKNOWN, REJECT(EMPTY)},
    {"a letter", &britain, "+44207183875o", NULL, UNKNOWN, REJECT(CHARACTER)},
    {"a name", &britain, "alice", NULL, UNKNOWN, REJECT(CHARACTER)},
    {"a star", &britain, "*31#02071838750", NULL, UNKNOWN, REJECT(CHARACTER)},
    {"two plus", &britain, "++442071838750", NULL, UNKNOWN, REJECT(CHARACTER)},
    {"plus inside", &britain, "44+2071838750", NULL, UNKNOWN, REJECT(CHARACTER)},
    {"escape cut off", &britain, "+44207183875%3", NULL, UNKNOWN, REJECT(CHARACTER)},
    {"escape not hex", &britain, "+44207183875%zz", NULL, UNKNOWN, REJECT(CHARACTER)},
    {"escaped NUL", &britain, "+442071838750%00", NULL, UNKNOWN, REJECT(CHARACTER)},
    {"Italy keeps the 0", &italy, "0612345678", NULL, UNKNOWN, OK, 390612345678},
    {"Italy, mobile", &italy, "3331234567", NULL, UNKNOWN, OK, 393331234567},
    {"Italy, abroad", &italy, "00442071838750", NULL, UNKNOWN, OK, 442071838750},
    {"Italy, a short code is no number", &italy, "112", NULL, UNKNOWN, REJECT(NATIONAL_LENGTH)},
    {"carrier, bare is international", &carrier, "442071838750", NULL, UNKNOWN, OK, 442071838750},
    {"carrier, 00 is not", &carrier, "00442071838750", NULL, UNKNOWN, REJECT(ZERO)},
    {"the longer prefix wins", &america, "011442071838750", NULL, UNKNOWN, OK, 442071838750},
    {"the shorter prefix", &america, "01442071838750", NULL, UNKNOWN, OK, 442071838750},
    {"America, prefix", &america, "12025550100", NULL, UNKNOWN, OK, 12025550100},
    {"America, ten digits", &america, "2025550100", NULL, UNKNOWN, OK, 12025550100},
    {"America, seven digits", &america, "5550100", NULL, UNKNOWN, REJECT(NATIONAL_LENGTH)},
    {"context of our country", &britain, "2071838750", "+44", UNKNOWN, OK, 442071838750},
    {"context escaped", &britain, "2071838750", "%2B44", UNKNOWN, OK, 442071838750},
    {"context of another country", &britain, "612345678", "+33", UNKNOWN, REJECT(CONTEXT)},
    {"context longer than a country", &britain, "8750", "+44-20-7183", UNKNOWN, REJECT(CONTEXT)},
    {"context that is no number", &britain, "2071838750", "+home", UNKNOWN, REJECT(CONTEXT)},
    {"context is a domain", &britain, "02071838750", "example.com", UNKNOWN, OK, 442071838750},
    {"context is a domain, bare", &britain, "2071838750", "example.com", UNKNOWN, REJECT(BARE)},
    {"context beside a plus", &britain, "+390612345678", "+44", UNKNOWN, OK, 390612345678},
    {"portability prefix", &france, "+3310200123456789", NULL, UNKNOWN, OK, 33123456789},
    {"one digit off it", &france, "+33102011234567", NULL, UNKNOWN, OK, 33102011234567},
    {"access digit", &france, "90123456789", NULL, UNKNOWN, OK, 33123456789},
    {"access digit and abroad", &france, "900442071838750", NULL, UNKNOWN, OK, 442071838750},
    {"rules are applied once", &france, "990123456789", NULL, UNKNOWN, REJECT(BARE)},
    {"a rule with plus is for plus", &france, "3310200123456789", NULL, UNKNOWN, REJECT(BARE)},
#undef UNKNOWN
#undef INTL
#undef NATIONAL
#undef OK
#undef REJECT
};

static void each_row(void **state)
{
    bool is_hit[TALLY_NUMBER_REJECT_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tally_number_text text = {
            .digits = rows[i].digits,
            .digits_size = strlen(rows[i].digits),
            .context = rows[i].context,
            .context_size = rows[i].context == NULL ? 0 : strlen(rows[i].context),
            .nature = rows[i].nature,
        };
        uint64_t number = 7;
        enum tally_number_reject got = tally_number_normalise(rows[i].plan, &text, &number);

        if (got != rows[i].want || number != rows[i].number) {
            fail_msg("%s: %s, number %s", rows[i].what, tally_number_reject_name(got),
                     number == rows[i].number ? "as wanted" : "wrong");
        }
        is_hit[got] = true;
    }
    for (unsigned reject = 0; reject < TALLY_NUMBER_REJECT_COUNT; reject++) {
        if (!is_hit[reject]) {
            fail_msg("no row ends on %s", tally_number_reject_name(reject));
        }
    }
}

static void a_text_has_a_bound(void **state)
{
    char digits[TALLY_NUMBER_TEXT_BYTES_MAX + 1];
    struct tally_number_text text = {.digits = digits};
    uint64_t number;

    (void)state;
    memset(digits, '-', sizeof(digits));
    memcpy(digits, "+442071838750", 13);
    text.digits_size = TALLY_NUMBER_TEXT_BYTES_MAX;
    assert_int_equal(tally_number_normalise(&britain, &text, &number), TALLY_NUMBER_REJECT_NONE);
    assert_true(number == 442071838750);
    text.digits_size = TALLY_NUMBER_TEXT_BYTES_MAX + 1;
    assert_int_equal(tally_number_normalise(&britain, &text, &number), TALLY_NUMBER_REJECT_LONG);
    assert_true(number == 0);
}

static void a_rule_cannot_make_a_number_too_long(void **state)
{
    static const struct tally_number_plan plan = {
        .rule_count = 1,
        .rules = {{.match = "5", .strip_count = 0, .prepend = "1234567890123456"}},
    };
    struct tally_number_text text = {.digits = "55555555555555555", .digits_size = 16};
    uint64_t number;

    (void)state;
    assert_null(tally_number_plan_check(&plan));
    assert_int_equal(tally_number_normalise(&plan, &text, &number), TALLY_NUMBER_REJECT_BARE);
    text.digits_size = 17;
    assert_int_equal(tally_number_normalise(&plan, &text, &number), TALLY_NUMBER_REJECT_LONG);
}

static void plans_are_checked(void **state)
{
    struct tally_number_plan plan;

    (void)state;
    assert_null(tally_number_plan_check(&plus_only));
    assert_null(tally_number_plan_check(&britain));
    assert_null(tally_number_plan_check(&italy));
    assert_null(tally_number_plan_check(&america));
    assert_non_null(tally_number_plan_check(&france)); /* "8#" */

    plan = britain;
    plan.country_code = 999;
    assert_non_null(tally_number_plan_check(&plan));
    plan.country_code = 4; /* the beginning of many, none itself */
    assert_non_null(tally_number_plan_check(&plan));
    plan.country_code = 442; /* a code and a digit */
    assert_non_null(tally_number_plan_check(&plan));

    plan = plus_only;
    plan.bare = TALLY_NUMBER_BARE_NATIONAL;
    assert_non_null(tally_number_plan_check(&plan));

    plan = britain;
    plan.national_digits_max = 6;
    assert_non_null(tally_number_plan_check(&plan));
    plan.national_digits_max = 7;
    assert_null(tally_number_plan_check(&plan));

    plan = britain;
    memset(plan.national_prefix, '1', sizeof(plan.national_prefix));
    assert_non_null(tally_number_plan_check(&plan));
    plan.national_prefix[TALLY_NUMBER_PREFIX_BYTES - 1] = '\0';
    assert_null(tally_number_plan_check(&plan));

    plan = britain;
    strncpy(plan.international_prefixes[3], "+", 2);
    assert_non_null(tally_number_plan_check(&plan));
}

static void rules_are_checked(void **state)
{
    static const struct {
        struct tally_number_rule rule;
        bool is_good;
    } checks[] = {
        {{.match = "12", .strip_count = 2, .prepend = "+39"}, true},
        {{.match = "12", .strip_count = 3, .prepend = "+39"}, false},
        {{.match = "+12", .strip_count = 3}, true},
        {{.match = "+12", .strip_count = 4}, false},
        {{.match = "", .strip_count = 0, .prepend = "39"}, false},
        {{.match = "12", .strip_count = 0, .prepend = "3a"}, false},
        {{.match = "+12", .strip_count = 0, .prepend = "00"}, false},
        {{.match = "+12", .strip_count = 1, .prepend = "00"}, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct tally_number_plan plan = {.rule_count = 1, .rules = {checks[i].rule}};

        if ((tally_number_plan_check(&plan) == NULL) != checks[i].is_good) {
            fail_msg("rule %zu is %s", i, checks[i].is_good ? "refused" : "accepted");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(a_text_has_a_bound),
        cmocka_unit_test(a_rule_cannot_make_a_number_too_long),
        cmocka_unit_test(plans_are_checked),
        cmocka_unit_test(rules_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
