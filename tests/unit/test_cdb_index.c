/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a look-up finds the longest prefix of a number, says UNKNOWN, CONTESTED, NO_HOLDER where it
 * has to, and works out who is entitled.
 * Method: a few tables by hand, each bound from both sides; then random nested prefixes against a
 * search that tries every range, from fixed seeds.
 */
#include "base/hash.h"
#include "cdb/core/index.h"
#include "testing.h"
#include "unit/chance.h"

#include <stdlib.h>
#include <string.h>

enum { OPERATOR_COUNT = 5, RANGES_MAX = 400 };

#define NOW_US INT64_C(1000000)
#define LATER_US INT64_C(2000000)
static const struct tally_wall now = {NOW_US};

/* "op-0" .. "op-4" */
static struct tally_cdb_operator *some_operators(void)
{
    static struct tally_cdb_operator operators[OPERATOR_COUNT];

    for (unsigned i = 0; i < OPERATOR_COUNT; i++) {
        memcpy(operators[i].id, "op-0", 5);
        operators[i].id[3] = (char)('0' + i);
        operators[i].noise_key_count = 1;
        operators[i].expires = (struct tally_wall){LATER_US};
    }
    return operators;
}

static struct tally_cdb_facts facts_of(const struct tally_cdb_range *ranges, uint32_t count)
{
    return (struct tally_cdb_facts){.operators = some_operators(),
                                    .operator_count = OPERATOR_COUNT,
                                    .ranges = ranges,
                                    .range_count = count};
}

/* To be freed; the index is at its start. */
static const struct tally_cdb_index *build(const struct tally_cdb_facts *facts, void **memory)
{
    const struct tally_cdb_index *index = NULL;
    size_t bytes = tally_cdb_index_bytes(facts);

    *memory = malloc(bytes);
    assert_non_null(*memory);
    assert_int_equal(tally_cdb_index_build(facts, *memory, bytes, &index), TALLY_ERR_OK);
    return index;
}

static enum tally_cdb_standing standing(const struct tally_cdb_index *index, uint64_t number)
{
    const struct tally_cdb_entry *entry;

    return tally_cdb_lookup(index, number, now, &entry);
}

static void test_longest_prefix_wins(void **state)
{
    static const struct tally_cdb_range ranges[] = {
        {.prefix = 44, .holder = 0, .expires = {LATER_US}},
        {.prefix = 4420, .holder = 1, .expires = {LATER_US}},
        {.prefix = 442079460000, .holder = 2, .expires = {LATER_US}},
    };
    static const struct {
        uint64_t number;
        uint32_t holder; /* TALLY_CDB_NOBODY: NO_HOLDER */
    } rows[] = {
        {439999999999, TALLY_CDB_NOBODY},
        {440000000000, 0},
        {441999999999, 0},
        {442000000000, 1},
        {442079459999, 1},
        {442079460000, 2},
        {442079460001, 1},
        {442099999999, 1},
        {442100000000, 0},
        {449999999999, 0},
        {450000000000, TALLY_CDB_NOBODY},
        {4420, 1},
        {442, 0}, /* 4420 aligned looks the same */
        {44, 0},
        {4, TALLY_CDB_NOBODY},
        {999999999999999, TALLY_CDB_NOBODY},
        {1, TALLY_CDB_NOBODY},
        {0, TALLY_CDB_NOBODY},
        {4420000000000000, TALLY_CDB_NOBODY}, /* 16 digits */
        {UINT64_MAX, TALLY_CDB_NOBODY},
    };
    struct tally_cdb_facts facts = facts_of(ranges, 3);
    void *memory;
    const struct tally_cdb_index *index = build(&facts, &memory);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tally_cdb_entry *entry;
        enum tally_cdb_standing found = tally_cdb_lookup(index, rows[i].number, now, &entry);

        if (rows[i].holder == TALLY_CDB_NOBODY) {
            assert_int_equal(found, TALLY_CDB_NO_HOLDER);
            assert_null(entry);
        } else {
            assert_int_equal(found, TALLY_CDB_HELD);
            assert_int_equal(entry->range.holder, rows[i].holder);
        }
    }
    free(memory);
}

static void test_ends_of_the_number_space(void **state)
{
    static const struct tally_cdb_range ranges[] = {
        {.prefix = 9, .holder = 0, .expires = {LATER_US}},
        {.prefix = 999999999999999, .holder = 1, .expires = {LATER_US}},
        {.prefix = 100000000000000, .holder = 2, .expires = {LATER_US}},
    };
    struct tally_cdb_facts facts = facts_of(ranges, 3);
    const struct tally_cdb_entry *entry;
    void *memory;
    const struct tally_cdb_index *index = build(&facts, &memory);

    (void)state;
    assert_int_equal(tally_cdb_lookup(index, 999999999999999, now, &entry), TALLY_CDB_HELD);
    assert_int_equal(entry->range.holder, 1);
    assert_int_equal(tally_cdb_lookup(index, 999999999999998, now, &entry), TALLY_CDB_HELD);
    assert_int_equal(entry->range.holder, 0);
    assert_int_equal(tally_cdb_lookup(index, 100000000000000, now, &entry), TALLY_CDB_HELD);
    assert_int_equal(entry->range.holder, 2);
    assert_int_equal(standing(index, 10000000000000), TALLY_CDB_NO_HOLDER); /* a digit short */
    assert_int_equal(standing(index, 100000000000001), TALLY_CDB_NO_HOLDER);
    free(memory);
}

static void test_two_holders_are_contested(void **state)
{
    static const struct tally_cdb_range ranges[] = {
        {.prefix = 33, .holder = 3, .expires = {LATER_US}},
        {.prefix = 33, .holder = 1, .expires = {LATER_US}},
        {.prefix = 331, .holder = 1, .expires = {LATER_US}},
    };
    struct tally_cdb_facts facts = facts_of(ranges, 3);
    const struct tally_cdb_entry *entry;
    void *memory;
    const struct tally_cdb_index *index = build(&facts, &memory);

    (void)state;
    assert_int_equal(tally_cdb_lookup(index, 33200000000, now, &entry), TALLY_CDB_CONTESTED);
    assert_int_equal(entry->range.holder, 1); /* the first by id, in whatever order they came */
    assert_int_equal(standing(index, 33100000000), TALLY_CDB_HELD);
    assert_false(tally_cdb_is_entitled(index, 33200000000, 1, now));
    assert_int_equal(tally_cdb_range_count(index), 2);
    free(memory);
}

static void test_unsafe_and_expired_are_unknown(void **state)
{
    const struct tally_cdb_range ranges[] = {
        {.prefix = 44, .holder = 0, .expires = {LATER_US}},
        {.prefix = 441, .holder = 0, .expires = {LATER_US}, .is_unsafe = true},
        {.prefix = 442, .holder = 0, .expires = {NOW_US}},
        {.prefix = 443, .holder = 0, .expires = {NOW_US + 1}},
        {.prefix = 444, .holder = 0}, /* 0: has expired */
        {.prefix = 445, .holder = 0, .expires = {LATER_US}},
        {.prefix = 445, .holder = 1, .expires = {NOW_US}},
        {.prefix = 446, .holder = TALLY_CDB_NOBODY, .is_unsafe = true},
        {.prefix = 446, .holder = TALLY_CDB_NOBODY, .is_unsafe = true},
        {.prefix = 446, .holder = 0, .expires = {LATER_US}},
    };
    struct tally_cdb_facts facts = facts_of(ranges, 10);
    void *memory;
    const struct tally_cdb_index *index = build(&facts, &memory);

    (void)state;
    assert_int_equal(standing(index, 44100000000), TALLY_CDB_UNKNOWN);
    assert_int_equal(standing(index, 44200000000), TALLY_CDB_UNKNOWN);
    assert_int_equal(standing(index, 44300000000), TALLY_CDB_HELD);
    assert_int_equal(standing(index, 44400000000), TALLY_CDB_UNKNOWN);
    assert_int_equal(standing(index, 44500000000), TALLY_CDB_UNKNOWN);
    assert_int_equal(standing(index, 44600000000), TALLY_CDB_UNKNOWN);
    assert_int_equal(standing(index, 44700000000), TALLY_CDB_HELD);
    assert_false(tally_cdb_is_entitled(index, 44100000000, 0, now));
    assert_true(tally_cdb_is_entitled(index, 44300000000, 0, now));
    free(memory);
}

static void test_digit_counts(void **state)
{
    static const struct tally_cdb_range ranges[] = {
        {.prefix = 44, .digits_min = 11, .digits_max = 12, .holder = 0, .expires = {LATER_US}},
        {.prefix = 45, .digits_min = 9, .holder = 0, .expires = {LATER_US}},
        {.prefix = 46, .digits_max = 9, .holder = 0, .expires = {LATER_US}},
    };
    struct tally_cdb_facts facts = facts_of(ranges, 3);
    void *memory;
    const struct tally_cdb_index *index = build(&facts, &memory);

    (void)state;
    assert_int_equal(standing(index, 4420000000), TALLY_CDB_NO_HOLDER);    /* 10 */
    assert_int_equal(standing(index, 44200000000), TALLY_CDB_HELD);        /* 11 */
    assert_int_equal(standing(index, 442000000000), TALLY_CDB_HELD);       /* 12 */
    assert_int_equal(standing(index, 4420000000000), TALLY_CDB_NO_HOLDER); /* 13 */
    assert_int_equal(standing(index, 45000000), TALLY_CDB_NO_HOLDER);
    assert_int_equal(standing(index, 450000000), TALLY_CDB_HELD);
    assert_int_equal(standing(index, 450000000000000), TALLY_CDB_HELD);
    assert_int_equal(standing(index, 460000000), TALLY_CDB_HELD);
    assert_int_equal(standing(index, 4600000000), TALLY_CDB_NO_HOLDER);
    free(memory);
}

static void test_entitled(void **state)
{
    static const struct tally_cdb_range ranges[] = {
        {.prefix = 44,
         .holder = 2,
         .authorised = {4, 0, 2, 4},
         .authorised_count = 4,
         .expires = {LATER_US}},
        {.prefix = 45,
         .holder = 0,
         .authorised = {4, 2},
         .authorised_count = 2,
         .expires = {LATER_US}},
        {.prefix = 46, .holder = 1, .expires = {LATER_US}},
    };
    static const struct tally_hash_key zero_key = {0, 0};
    struct tally_cdb_facts facts = facts_of(ranges, 3);
    const struct tally_cdb_entry *one;
    const struct tally_cdb_entry *other;
    void *memory;
    const struct tally_cdb_index *index = build(&facts, &memory);

    (void)state;
    assert_int_equal(tally_cdb_lookup(index, 44200000000, now, &one), TALLY_CDB_HELD);
    assert_int_equal(one->entitled_count, 3); /* named twice, entitled once */
    assert_int_equal(one->entitled[0], 2);
    assert_int_equal(one->entitled_hash, tally_hash(&zero_key, "op-0\nop-2\nop-4\n", 15));
    assert_int_equal(tally_cdb_lookup(index, 45200000000, now, &other), TALLY_CDB_HELD);
    assert_int_equal(other->entitled_hash, one->entitled_hash); /* a set, whoever holds it */
    assert_int_equal(tally_cdb_lookup(index, 46200000000, now, &other), TALLY_CDB_HELD);
    assert_int_not_equal(other->entitled_hash, one->entitled_hash);
    assert_true(tally_cdb_is_entitled(index, 44200000000, 4, now));
    assert_false(tally_cdb_is_entitled(index, 44200000000, 1, now));
    free(memory);
}

static void test_what_it_says_of_itself(void **state)
{
    struct tally_cdb_facts facts = facts_of(NULL, 0);
    const struct tally_cdb_index *index;
    void *memory;

    (void)state;
    memset(facts.network_id, 7, sizeof(facts.network_id));
    facts.log_size = 12;
    facts.stamped.us = LATER_US;
    facts.wire_minor_min = 3;
    index = build(&facts, &memory);
    assert_int_equal(tally_cdb_log_size(index), 12);
    assert_int_equal(tally_cdb_stamped(index).us, LATER_US);
    assert_int_equal(tally_cdb_wire_minor_min(index), 3);
    assert_memory_equal(tally_cdb_network_id(index), facts.network_id, 32);
    assert_int_equal(tally_cdb_operator_count(index), OPERATOR_COUNT);
    assert_int_equal(tally_cdb_range_count(index), 0);
    assert_int_equal(standing(index, 44200000000), TALLY_CDB_NO_HOLDER);
    for (uint32_t i = 0; i < OPERATOR_COUNT; i++) {
        assert_int_equal(tally_cdb_operator_find(index, tally_cdb_operator_at(index, i)->id), i);
    }
    assert_int_equal(tally_cdb_operator_find(index, "op-"), TALLY_CDB_NOBODY);
    assert_int_equal(tally_cdb_operator_find(index, "op-5"), TALLY_CDB_NOBODY);
    assert_int_equal(tally_cdb_operator_find(index, ""), TALLY_CDB_NOBODY);
    free(memory);
}

static void expect_refused(const struct tally_cdb_facts *facts)
{
    const struct tally_cdb_index *index;
    size_t bytes = tally_cdb_index_bytes(facts);
    void *memory = malloc(bytes);

    assert_non_null(memory);
    assert_int_equal(tally_cdb_index_build(facts, memory, bytes, &index), TALLY_ERR_FORMAT);
    assert_null(index);
    free(memory);
}

static void test_unsound_ranges_are_refused(void **state)
{
    static const struct tally_cdb_range rows[] = {
        {.prefix = 0, .holder = 0},
        {.prefix = 1000000000000000, .holder = 0}, /* 16 digits */
        {.prefix = 44, .holder = OPERATOR_COUNT},
        {.prefix = 44, .holder = TALLY_CDB_NOBODY},
        {.prefix = 44, .digits_min = 12, .digits_max = 11},
        {.prefix = 44, .digits_max = 16},
        {.prefix = 44, .digits_min = 16},
        {.prefix = 44, .authorised_count = TALLY_CDB_ENTITLED_MAX},
        {.prefix = 44, .authorised_count = 1, .authorised = {OPERATOR_COUNT}},
    };
    static const struct tally_cdb_range twice[] = {
        {.prefix = 44, .holder = 2}, {.prefix = 44, .holder = 1}, {.prefix = 44, .holder = 2}};
    struct tally_cdb_facts facts = facts_of(twice, 3);

    (void)state;
    expect_refused(&facts);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        facts = facts_of(&rows[i], 1);
        expect_refused(&facts);
    }
}

/* An operator that sits behind one called "b". */
static void expect_operator_refused(const struct tally_cdb_operator *op)
{
    struct tally_cdb_operator operators[2] = {{.id = "b"}, *op};
    struct tally_cdb_facts facts = {.operators = operators, .operator_count = 2};

    expect_refused(&facts);
}

static void test_unsound_operators_are_refused(void **state)
{
    static const struct tally_cdb_operator rows[] = {
        {.id = "a"}, /* not sorted */
        {.id = "b"},
        {.id = "C"},
        {.id = ""},
        {.id = "c", .noise_key_count = 3},
        {.id = "c", .endpoint_count = TALLY_CDB_ENDPOINTS_MAX + 1},
        {.id = "c", .egress_count = TALLY_CDB_EGRESS_MAX + 1},
    };
    struct tally_cdb_operator unended = {.noise_key_count = 1};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_operator_refused(&rows[i]);
    }
    memset(unended.id, 'c', sizeof(unended.id));
    expect_operator_refused(&unended);
}

/* --- against a search that tries every range --- */

static bool is_prefix_of(uint64_t prefix, uint64_t number)
{
    for (; number > prefix; number /= 10) {
    }
    return number == prefix;
}

static enum tally_cdb_standing naive_lookup(const struct tally_cdb_range *ranges, uint32_t count,
                                            uint64_t number, uint32_t *holder)
{
    uint64_t longest = 0;
    const struct tally_cdb_range *found = NULL;
    bool is_contested = false;
    bool is_unknown = false;

    *holder = TALLY_CDB_NOBODY;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_prefix_of(ranges[i].prefix, number) || ranges[i].prefix < longest) {
            continue;
        }
        if (ranges[i].prefix > longest) { /* a longer prefix of one number is a larger integer */
            longest = ranges[i].prefix;
            is_contested = false;
            is_unknown = false;
            found = &ranges[i];
        }
        is_contested = is_contested || ranges[i].holder != found->holder;
        is_unknown = is_unknown || ranges[i].is_unsafe || ranges[i].expires.us <= now.us;
    }
    if (found == NULL) {
        return TALLY_CDB_NO_HOLDER;
    }
    if (is_unknown || is_contested) {
        return is_unknown ? TALLY_CDB_UNKNOWN : TALLY_CDB_CONTESTED;
    }
    *holder = found->holder;
    return TALLY_CDB_HELD;
}

/* Digits of a small alphabet, so that prefixes nest and meet. */
static uint64_t random_number(struct test_chance *chance, unsigned digits)
{
    static const unsigned alphabet[] = {0, 1, 9};
    uint64_t number = 1 + 8 * test_chance_below(chance, 2);

    for (unsigned i = 1; i < digits; i++) {
        number = number * 10 + alphabet[test_chance_below(chance, 3)];
    }
    return number;
}

static uint32_t random_ranges(struct test_chance *chance, struct tally_cdb_range *ranges)
{
    uint32_t wanted = (uint32_t)test_chance_below(chance, RANGES_MAX + 1);
    uint32_t count = 0;

    for (uint32_t i = 0; i < wanted; i++) {
        struct tally_cdb_range range = {
            .prefix = random_number(chance, 1 + (unsigned)test_chance_below(chance, 15)),
            .holder = (uint32_t)test_chance_below(chance, OPERATOR_COUNT),
            .expires.us = test_chance_below(chance, 16) == 0 ? NOW_US : LATER_US,
            .is_unsafe = test_chance_below(chance, 16) == 0,
        };
        bool is_there = false;

        for (uint32_t k = 0; k < count; k++) {
            is_there =
                is_there || (ranges[k].prefix == range.prefix && ranges[k].holder == range.holder);
        }
        if (!is_there) {
            ranges[count++] = range;
        }
    }
    return count;
}

static void test_against_naive_search(void **state)
{
    static struct tally_cdb_range ranges[RANGES_MAX];
    unsigned standings[TALLY_CDB_HELD + 1] = {0};

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct test_chance chance = {seed};
        uint32_t count = random_ranges(&chance, ranges);
        struct tally_cdb_facts facts = facts_of(ranges, count);
        void *memory;
        const struct tally_cdb_index *index = build(&facts, &memory);

        for (unsigned i = 0; i < 500; i++) {
            uint64_t number = random_number(&chance, 1 + (unsigned)test_chance_below(&chance, 15));
            const struct tally_cdb_entry *entry;
            uint32_t holder;
            enum tally_cdb_standing want = naive_lookup(ranges, count, number, &holder);
            enum tally_cdb_standing found = tally_cdb_lookup(index, number, now, &entry);

            if (want != found || (found == TALLY_CDB_HELD && entry->range.holder != holder)) {
                fail_msg("seed %llu: %llu: %d, not %d", (unsigned long long)seed,
                         (unsigned long long)number, (int)found, (int)want);
            }
            standings[found]++;
        }
        free(memory);
    }
    for (unsigned i = 0; i <= TALLY_CDB_HELD; i++) { /* the seeds have tried everything */
        assert_true(standings[i] > 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_prefix_wins),
        cmocka_unit_test(test_ends_of_the_number_space),
        cmocka_unit_test(test_two_holders_are_contested),
        cmocka_unit_test(test_unsafe_and_expired_are_unknown),
        cmocka_unit_test(test_digit_counts),
        cmocka_unit_test(test_entitled),
        cmocka_unit_test(test_what_it_says_of_itself),
        cmocka_unit_test(test_unsound_ranges_are_refused),
        cmocka_unit_test(test_unsound_operators_are_refused),
        cmocka_unit_test(test_against_naive_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
