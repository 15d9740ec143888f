/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every word that a registry can say has its name, no value outside an enum reads outside a
 * table, and a verdict's id has one text.
 * Method: the tables of tally/verdict.h row by row; for the ids base32 made by another program, and
 * texts that differ from a good one in one respect.
 */
#include "tally/verdict.h"
#include "testing.h"
#include "unit/chance.h"

#include <string.h>

#define CHECK_ROW(name, number) assert_string_equal(CHECKED(number), #name);

static void test_names_are_those_of_the_tables(void **state)
{
    (void)state;
#define CHECKED tally_verdict_name
    TALLY_VERDICT_TABLE(CHECK_ROW)
#undef CHECKED
#define CHECKED tally_reason_name
    TALLY_REASON_TABLE(CHECK_ROW)
#undef CHECKED
#define CHECKED tally_outcome_name
    TALLY_OUTCOME_TABLE(CHECK_ROW)
#undef CHECKED
#define CHECKED tally_finding_name
    TALLY_FINDING_TABLE(CHECK_ROW)
#undef CHECKED
#define CHECKED tally_action_name
    TALLY_ACTION_TABLE(CHECK_ROW)
#undef CHECKED
#define CHECKED tally_mark_name
    TALLY_MARK_TABLE(CHECK_ROW)
#undef CHECKED
    assert_string_equal(tally_grade_name(TALLY_GRADE_NONE), "");
    assert_string_equal(tally_grade_name(TALLY_GRADE_LIKELY), "likely");
    assert_string_equal(tally_grade_name(TALLY_GRADE_PROVEN), "proven");
}

/* They are on the wire: a change breaks every peer. */
static void test_numbers_are_those_of_the_protocol(void **state)
{
    (void)state;
    assert_int_equal(TALLY_VERDICT_INDETERMINATE, 0);
    assert_int_equal(TALLY_VERDICT_CLI_SPOOFED, 6);
    assert_int_equal(TALLY_VERDICT_EXEMPT, 8);
    assert_int_equal(TALLY_VERDICT_COUNT, 9);
    assert_int_equal(TALLY_ACTION_ALLOW, 0);
    assert_int_equal(TALLY_ACTION_RELEASE, 4);
    assert_int_equal(TALLY_ACTION_COUNT, 5);
    assert_int_equal(TALLY_MARK_CAMPAIGN, 1 << 7);
}

static void test_values_outside_an_enum_have_a_name(void **state)
{
    static const unsigned outside[] = {1000, 0x7fffffff, 0xffffffff};

    (void)state;
    assert_string_equal(tally_verdict_name(TALLY_VERDICT_COUNT), "?");
    assert_string_equal(tally_grade_name(TALLY_GRADE_COUNT), "?");
    assert_string_equal(tally_reason_name(TALLY_REASON_COUNT), "?");
    assert_string_equal(tally_outcome_name(TALLY_OUTCOME_COUNT), "?");
    assert_string_equal(tally_finding_name(TALLY_FINDING_COUNT), "?");
    assert_string_equal(tally_action_name(TALLY_ACTION_COUNT), "?");
    assert_string_equal(tally_mark_name(TALLY_MARK_COUNT), "?");
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        assert_string_equal(tally_verdict_name((enum tally_verdict)outside[i]), "?");
        assert_string_equal(tally_grade_name((enum tally_grade)outside[i]), "?");
        assert_string_equal(tally_mark_name(outside[i]), "?");
    }
}

static const struct {
    uint64_t id;
    const char *text;
} ids[] = {
    {0, "aaaaaaaaaaaaa"},
    {1, "aaaaaaaaaaaac"},
    {UINT64_C(0x0123456789abcdef), "aerukz4jvpg66"},
    {UINT64_C(1) << 63, "qaaaaaaaaaaaa"},
    {UINT64_MAX, "7777777777776"},
};

static void test_ids_known_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char text[TALLY_VERDICT_ID_TEXT_BYTES];
        uint64_t id = 99;

        tally_verdict_id_format(ids[i].id, text);
        assert_string_equal(text, ids[i].text);
        assert_int_equal(tally_verdict_id_parse(text, &id), 1);
        assert_true(id == ids[i].id);
    }
}

static void test_ids_round_trip_in_either_case(void **state)
{
    struct test_chance chance = {3};

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t id = test_chance_scaled(&chance, 64);
        uint64_t back;
        char text[TALLY_VERDICT_ID_TEXT_BYTES];

        tally_verdict_id_format(id, text);
        for (char *at = text; *at != '\0'; at++) {
            if (*at >= 'a' && *at <= 'z' && test_chance_below(&chance, 2) == 0) {
                *at = (char)(*at - 'a' + 'A');
            }
        }
        assert_int_equal(tally_verdict_id_parse(text, &back), 1);
        assert_true(back == id);
    }
}

static void test_ids_refused(void **state)
{
    static const char *const refused[] = {
        "",
        "a",
        "aaaaaaaaaaaa",   /* one short */
        "aaaaaaaaaaaaaa", /* one long */
        "aaaaaaaaaaaab",  /* the 65th bit */
        "7777777777777",
        "aaaaaaaaaaaa=",
        "aaaaaa aaaaaa",
        "1aaaaaaaaaaaa",
        "aaaaaaaaaaaa8",
        "aaaaaaaaaaa0a",
        "aaaa-aaaaaaaa",
        "\x80zzzzzzzzzzzz",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint64_t id = 99;

        if (tally_verdict_id_parse(refused[i], &id) != 0) {
            fail_msg("accepted: %s", refused[i]);
        }
        assert_true(id == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_those_of_the_tables),
        cmocka_unit_test(test_numbers_are_those_of_the_protocol),
        cmocka_unit_test(test_values_outside_an_enum_have_a_name),
        cmocka_unit_test(test_ids_known_texts),
        cmocka_unit_test(test_ids_round_trip_in_either_case),
        cmocka_unit_test(test_ids_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
