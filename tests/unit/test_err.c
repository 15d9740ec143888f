/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: each error has its words and its exit status, and a fault is always one line that fits.
 * Method: the table of tally/err.h row by row; texts just as long as the room and one longer.
 */
#include "tally/err.h"
#include "testing.h"
#include "unit/catch_bug.h"

#include <string.h>

static void test_rows_of_the_table(void **state)
{
    (void)state;
#define CHECK_ROW(code, status, sentence)                                                          \
    assert_string_equal(tally_err_name(TALLY_ERR_##code), #code);                                  \
    assert_string_equal(tally_err_sentence(TALLY_ERR_##code), sentence);                           \
    assert_int_equal(tally_err_exit_status(TALLY_ERR_##code), status);
    TALLY_ERR_TABLE(CHECK_ROW)
#undef CHECK_ROW
}

static void test_values_outside_the_table(void **state)
{
    (void)state;
    assert_string_equal(tally_err_name(TALLY_ERR_COUNT), "?");
    assert_non_null(tally_err_sentence((enum tally_err)0x7fffffff));
    assert_int_equal(tally_err_exit_status((enum tally_err) - 1), 1);
}

static void test_a_fault_carries_its_code_and_words(void **state)
{
    struct tally_fault fault = {0};

    (void)state;
    assert_int_equal(tally_fault_set(&fault, TALLY_ERR_CONFIG, "%s:%d: no such key", "a.conf", 7),
                     TALLY_ERR_CONFIG);
    assert_int_equal(fault.err, TALLY_ERR_CONFIG);
    assert_string_equal(fault.text, "a.conf:7: no such key");
    assert_int_equal(tally_fault_set(NULL, TALLY_ERR_FULL, "unseen"), TALLY_ERR_FULL);
}

static void test_a_fault_is_cut_to_its_room(void **state)
{
    char words[TALLY_FAULT_TEXT_BYTES + 1];
    struct tally_fault fault;

    (void)state;
    memset(words, 'x', sizeof(words));
    words[TALLY_FAULT_TEXT_BYTES - 1] = '\0';
    (void)tally_fault_set(&fault, TALLY_ERR_LIMIT, "%s", words);
    assert_string_equal(fault.text, words);
    words[TALLY_FAULT_TEXT_BYTES - 1] = 'x';
    words[TALLY_FAULT_TEXT_BYTES] = '\0';
    (void)tally_fault_set(&fault, TALLY_ERR_LIMIT, "%s", words);
    assert_int_equal(strlen(fault.text), TALLY_FAULT_TEXT_BYTES - 1);
}

static void test_a_fault_is_one_harmless_line(void **state)
{
    struct tally_fault fault;

    (void)state;
    (void)tally_fault_set(&fault, TALLY_ERR_FORMAT, "%s", "a\nb\rc\x1b[2Jd\x7f\te \xc3\xa9~");
    assert_string_equal(fault.text, "a?b?c?[2Jd??e \xc3\xa9~");
}

static void test_no_fault_without_an_error(void **state)
{
    struct tally_fault fault = {0};

    (void)state;
    assert_is_bug(tally_fault_set(&fault, TALLY_ERR_OK, "nothing"));
    assert_string_equal(fault.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_the_table),
        cmocka_unit_test(test_values_outside_the_table),
        cmocka_unit_test(test_a_fault_carries_its_code_and_words),
        cmocka_unit_test(test_a_fault_is_cut_to_its_room),
        cmocka_unit_test(test_a_fault_is_one_harmless_line),
        cmocka_unit_test(test_no_fault_without_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
