/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a timer fires never early, less than a tick late, once, in order, whatever else is set,
 * moved and cancelled, and however long nobody looked.
 * Method: the wheel against an array of due instants that is searched from end to end, over random
 * operations from fixed seeds; then each bound by itself.
 */
#include "base/wheel.h"
#include "testing.h"
#include "unit/catch_bug.h"
#include "unit/chance.h"

#include <stdlib.h>
#include <string.h>

#define TICK_US INT64_C(1000)
#define CUT_US (TICK_US << 31)
#define NOT_SET INT64_MIN

/* Both, side by side. */
struct pair {
    struct tally_wheel wheel;
    struct tally_wheel_node *nodes;
    int64_t *due_us; /* of each entry, or NOT_SET */
    uint32_t entry_count;
    int64_t start_us;
    int64_t now_us;
    int64_t drained_us; /* now_us when the wheel last had nothing more */
};

static void pair_open(struct pair *pair, uint32_t entry_count, int64_t start_us)
{
    memset(pair, 0, sizeof(*pair));
    pair->nodes = calloc(entry_count, sizeof(pair->nodes[0]));
    pair->due_us = calloc(entry_count, sizeof(pair->due_us[0]));
    assert_non_null(pair->nodes);
    assert_non_null(pair->due_us);
    pair->entry_count = entry_count;
    pair->start_us = start_us;
    pair->now_us = start_us;
    pair->drained_us = start_us;
    for (uint32_t i = 0; i < entry_count; i++) {
        pair->due_us[i] = NOT_SET;
    }
    tally_wheel_init(&pair->wheel, (struct tally_mono){start_us}, pair->nodes, entry_count);
}

static void pair_close(struct pair *pair)
{
    free(pair->nodes);
    free(pair->due_us);
}

static void pair_set(struct pair *pair, uint32_t entry, int64_t due_us)
{
    tally_wheel_set(&pair->wheel, entry, (struct tally_mono){due_us});
    assert_true(tally_wheel_is_set(&pair->wheel, entry));
    pair->due_us[entry] = due_us;
}

static void pair_cancel(struct pair *pair, uint32_t entry)
{
    tally_wheel_cancel(&pair->wheel, entry);
    assert_false(tally_wheel_is_set(&pair->wheel, entry));
    pair->due_us[entry] = NOT_SET;
}

/* One call; false when there is no more to do. */
static bool pair_expire(struct pair *pair)
{
    bool has_more;
    uint32_t entry =
        tally_wheel_expire_one(&pair->wheel, (struct tally_mono){pair->now_us}, &has_more);

    if (entry == TALLY_WHEEL_NOBODY) {
        return has_more;
    }
    assert_true(has_more);
    assert_in_range(entry, 0, pair->entry_count - 1);
    assert_true(pair->due_us[entry] != NOT_SET); /* neither cancelled nor fired before */
    assert_true(pair->due_us[entry] <= pair->now_us);
    assert_false(tally_wheel_is_set(&pair->wheel, entry));
    pair->due_us[entry] = NOT_SET;
    return true;
}

/* Nothing may be left that was due a tick ago; and what is left, the wheel knows of. */
static void pair_drain(struct pair *pair)
{
    uint32_t set_count = 0;

    while (pair_expire(pair)) {
    }
    pair->drained_us = pair->now_us;
    for (uint32_t i = 0; i < pair->entry_count; i++) {
        bool is_set = pair->due_us[i] != NOT_SET;

        set_count += is_set;
        assert_int_equal(tally_wheel_is_set(&pair->wheel, i), is_set);
        assert_true(!is_set || pair->due_us[i] > pair->now_us - TICK_US);
    }
    assert_int_equal(pair->wheel.set_count, set_count);
}

/* next_due promises nothing later than the first timer, and never the past when nothing is due. */
static void pair_check_next_due(const struct pair *pair)
{
    int64_t next_us = tally_wheel_next_due(&pair->wheel).us;
    int64_t first_us = TALLY_MONO_NEVER_US;

    for (uint32_t i = 0; i < pair->entry_count; i++) {
        if (pair->due_us[i] != NOT_SET && pair->due_us[i] < first_us) {
            first_us = pair->due_us[i];
        }
    }
    if (first_us == TALLY_MONO_NEVER_US) {
        assert_true(next_us == TALLY_MONO_NEVER_US);
        return;
    }
    assert_true(next_us < first_us + TICK_US);
}

/* Spans of all sizes: within a tick, within each level, over all of them. */
static int64_t random_span_us(struct test_chance *chance)
{
    return (int64_t)test_chance_scaled(chance, 42); /* up to 50 days */
}

static void random_operations(uint64_t seed, uint32_t entry_count, int operation_count)
{
    struct test_chance chance = {seed};
    struct pair pair;

    pair_open(&pair, entry_count, (int64_t)test_chance_scaled(&chance, 50));
    for (int i = 0; i < operation_count; i++) {
        uint32_t entry = (uint32_t)test_chance_below(&chance, entry_count);
        int64_t span_us = random_span_us(&chance);

        switch (test_chance_below(&chance, 10)) {
        case 0:
        case 1:
        case 2:
        case 3:
            /* What is cut is tested by itself: the naive array knows no cut. */
            if (pair.now_us + span_us < pair.drained_us + CUT_US) {
                pair_set(&pair, entry, pair.now_us + span_us);
            }
            break;
        case 4: /* in the past, or before the start */
            pair_set(&pair, entry, pair.now_us - span_us);
            break;
        case 5:
            pair_cancel(&pair, entry);
            break;
        case 6: /* look, but leave off in the middle */
            pair.now_us += span_us / 16;
            for (uint64_t calls = test_chance_below(&chance, 8); calls > 0; calls--) {
                (void)pair_expire(&pair);
            }
            break;
        case 7: /* several far timers in one place, to be moved in portions */
            for (uint32_t k = 0; k < entry_count && k < 600; k++) {
                uint32_t other = (entry + k) % entry_count;
                int64_t jitter_us = (int64_t)test_chance_scaled(&chance, 20);

                if (pair.now_us + span_us / 8 + jitter_us < pair.drained_us + CUT_US) {
                    pair_set(&pair, other, pair.now_us + span_us / 8 + jitter_us);
                }
            }
            break;
        default:
            pair.now_us += span_us / (1 + (int64_t)test_chance_below(&chance, 64));
            pair_drain(&pair);
            pair_check_next_due(&pair);
            break;
        }
    }
    pair.now_us += CUT_US + TICK_US;
    pair_drain(&pair);
    assert_int_equal(pair.wheel.set_count, 0);
    pair_check_next_due(&pair);
    pair_close(&pair);
}

static void test_as_a_searched_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        random_operations(seed, 1 + (uint32_t)(seed * seed), 600);
    }
}

/* A sleeper that wakes up at next_due alone misses nothing. */
static void test_waking_at_next_due_is_enough(void **state)
{
    struct test_chance chance = {6};
    struct pair pair;
    int wake_count = 0;

    (void)state;
    pair_open(&pair, 500, 12345);
    for (uint32_t i = 0; i < pair.entry_count; i++) {
        int64_t due_us = pair.start_us + random_span_us(&chance) / 4;

        pair_set(&pair, i, due_us);
    }
    while (pair.wheel.set_count > 0) {
        int64_t next_us = tally_wheel_next_due(&pair.wheel).us;

        assert_true(next_us > pair.now_us || wake_count == 0);
        if (next_us - 1 > pair.now_us) { /* a moment before, there is nothing to do */
            uint32_t set_count = pair.wheel.set_count;

            pair.now_us = next_us - 1;
            pair_drain(&pair);
            assert_int_equal(pair.wheel.set_count, set_count);
            assert_true(tally_wheel_next_due(&pair.wheel).us == next_us);
        }
        pair.now_us = next_us;
        pair_drain(&pair);
        wake_count++;
    }
    /* Once for itself and at most once for each level it moves down. */
    assert_in_range(wake_count, 1, 500 * TALLY_WHEEL_LEVELS);
    pair_close(&pair);
}

static uint32_t expire_at(struct pair *pair, int64_t now_us)
{
    uint32_t entry;
    bool has_more;

    do {
        entry = tally_wheel_expire_one(&pair->wheel, (struct tally_mono){now_us}, &has_more);
    } while (entry == TALLY_WHEEL_NOBODY && has_more);
    return entry;
}

static void test_exact_to_the_tick_across_each_level(void **state)
{
    (void)state;
    for (unsigned level = 0; level <= TALLY_WHEEL_LEVELS; level++) {
        int64_t boundary_ticks = INT64_C(1) << (level < 4 ? 8 * level : 31);

        for (int64_t ticks = boundary_ticks - 1; ticks <= boundary_ticks + 1; ticks++) {
            /* Due on the tick, a microsecond after it (so a tick later), and one before it. */
            for (int64_t off_us = -1; off_us <= 1; off_us++) {
                int64_t due_us = ticks * TICK_US + off_us;
                int64_t fires_us = (off_us > 0 ? ticks + 1 : ticks) * TICK_US;
                struct pair pair;

                if (fires_us > CUT_US || due_us < 0) {
                    continue;
                }
                pair_open(&pair, 1, 0);
                tally_wheel_set(&pair.wheel, 0, (struct tally_mono){due_us});
                if (fires_us > 0) {
                    assert_int_equal(expire_at(&pair, fires_us - 1), TALLY_WHEEL_NOBODY);
                }
                assert_int_equal(expire_at(&pair, fires_us), 0);
                pair_close(&pair);
            }
        }
    }
}

static void test_the_cut_is_at_2_to_the_31_ticks(void **state)
{
    static const int64_t dues_us[] = {CUT_US + 1, 4 * CUT_US, TALLY_MONO_NEVER_US - 1};
    struct pair pair;

    (void)state;
    for (size_t i = 0; i < sizeof(dues_us) / sizeof(dues_us[0]); i++) {
        pair_open(&pair, 1, 0);
        tally_wheel_set(&pair.wheel, 0, (struct tally_mono){dues_us[i]});
        assert_int_equal(expire_at(&pair, CUT_US - 1), TALLY_WHEEL_NOBODY);
        assert_int_equal(expire_at(&pair, CUT_US), 0);
        pair_close(&pair);
    }
}

static void test_never_is_not_set(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, 1, 0);
    assert_true(tally_wheel_next_due(&pair.wheel).us == TALLY_MONO_NEVER_US);
    tally_wheel_set(&pair.wheel, 0, (struct tally_mono){5});
    tally_wheel_set(&pair.wheel, 0, (struct tally_mono){TALLY_MONO_NEVER_US});
    assert_false(tally_wheel_is_set(&pair.wheel, 0));
    assert_int_equal(expire_at(&pair, CUT_US), TALLY_WHEEL_NOBODY);
    pair_close(&pair);
}

/* 2^32 ticks are 49 days: the daemon runs longer. */
static void test_ticks_beyond_32_bits(void **state)
{
    struct pair pair;
    int64_t now_us = 0;

    (void)state;
    pair_open(&pair, 2, 0);
    for (int i = 0; i < 20; i++) {
        int64_t due_us = now_us + CUT_US / 4 * 3 + i;

        tally_wheel_set(&pair.wheel, 0, (struct tally_mono){due_us});
        assert_int_equal(expire_at(&pair, due_us - 1), TALLY_WHEEL_NOBODY);
        now_us = due_us + TICK_US;
        assert_int_equal(expire_at(&pair, now_us), 0);
    }
    assert_true(now_us / TICK_US > UINT32_MAX);
    pair_close(&pair);
}

static void test_a_call_moves_a_bounded_number(void **state)
{
    enum { ENTRIES = 10 * TALLY_WHEEL_PLACES };
    struct tally_mono now = {70000 * TICK_US};
    struct pair pair;
    uint32_t fired_count = 0;
    uint32_t idle_count = 0;
    bool has_more = true;

    (void)state;
    pair_open(&pair, ENTRIES, 0);
    /* All in one place of the third level: 65,536 to 131,071 ticks. Those at its end are moved down
     * before those at its beginning fire. */
    for (uint32_t i = 0; i < ENTRIES; i++) {
        tally_wheel_set(&pair.wheel, i, (struct tally_mono){(66000 + i) * TICK_US});
    }
    while (has_more) {
        uint32_t entry = tally_wheel_expire_one(&pair.wheel, now, &has_more);

        if (entry != TALLY_WHEEL_NOBODY) {
            assert_int_equal(entry, fired_count); /* in the order of their ticks */
            fired_count++;
        } else if (has_more) {
            idle_count++;
            assert_true(tally_wheel_next_due(&pair.wheel).us <= now.us);
        }
    }
    assert_int_equal(fired_count, ENTRIES);
    assert_in_range(idle_count, ENTRIES / TALLY_WHEEL_PLACES, 3 * ENTRIES / TALLY_WHEEL_PLACES);
    pair_close(&pair);
}

static void test_due_now_is_first_come_first_served(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, 4, 1000000);
    for (uint32_t i = 0; i < 4; i++) {
        tally_wheel_set(&pair.wheel, i, (struct tally_mono){1000 * (int64_t)i});
    }
    tally_wheel_cancel(&pair.wheel, 2);
    tally_wheel_set(&pair.wheel, 0, (struct tally_mono){1000000}); /* to the end */
    assert_int_equal(expire_at(&pair, 1000000), 1);
    assert_int_equal(expire_at(&pair, 1000000), 3);
    assert_int_equal(expire_at(&pair, 1000000), 0);
    assert_int_equal(expire_at(&pair, 1000000), TALLY_WHEEL_NOBODY);
    pair_close(&pair);
}

static void test_a_clock_that_goes_back_changes_nothing(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, 1, 0);
    assert_int_equal(expire_at(&pair, 5000 * TICK_US), TALLY_WHEEL_NOBODY);
    tally_wheel_set(&pair.wheel, 0, (struct tally_mono){6000 * TICK_US});
    assert_int_equal(expire_at(&pair, -1), TALLY_WHEEL_NOBODY);
    assert_int_equal(expire_at(&pair, 6000 * TICK_US - 1), TALLY_WHEEL_NOBODY);
    assert_int_equal(expire_at(&pair, 6000 * TICK_US), 0);
    pair_close(&pair);
}

static void test_entries_outside_the_table_are_a_bug(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, 3, 0);
    assert_is_bug((tally_wheel_set(&pair.wheel, 3, (struct tally_mono){1}), 0));
    assert_is_bug((tally_wheel_cancel(&pair.wheel, TALLY_WHEEL_NOBODY), 0));
    assert_is_bug(tally_wheel_is_set(&pair.wheel, 3));
    assert_false(tally_wheel_is_set(&pair.wheel, 2));
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_a_searched_array),
        cmocka_unit_test(test_waking_at_next_due_is_enough),
        cmocka_unit_test(test_exact_to_the_tick_across_each_level),
        cmocka_unit_test(test_the_cut_is_at_2_to_the_31_ticks),
        cmocka_unit_test(test_never_is_not_set),
        cmocka_unit_test(test_ticks_beyond_32_bits),
        cmocka_unit_test(test_a_call_moves_a_bounded_number),
        cmocka_unit_test(test_due_now_is_first_come_first_served),
        cmocka_unit_test(test_a_clock_that_goes_back_changes_nothing),
        cmocka_unit_test(test_entries_outside_the_table_are_a_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
