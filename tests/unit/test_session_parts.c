/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the parts that the session engine is made of keep their promises at bounds that a whole
 * engine does not reach: the last counter, full tables, versions to come.
 * Method: each part alone.
 */
#include "crypto/session_directory.h"
#include "crypto/session_index.h"
#include "crypto/session_keys.h"
#include "crypto/session_limit.h"
#include "crypto/session_message.h"
#include "testing.h"
#include "unit/session_bench.h"

#include <stdlib.h>
#include <string.h>

static const struct tally_hash_key hash_key = {3, 4};

static void window_takes_each_counter_once(void **state)
{
    static const struct {
        uint64_t counter;
        bool is_new;
    } stories[] = {
        {0, true},
        {0, false},
        {1, true},
        {2047, true},
        {2047, false},
        {2, true},
        {1, false},
        {2048, true},
        {3, true},
        {0, false},
        {2049, true},
        {1, false},
        {4, true},
        {6144, true},
        {4096, false},
        {4097, true},
        {4097, false},
        {6143, true},
        {10240, true},
        {8192, false},
        {8193, true},
        {1u << 30, true},
        {8194, false},
        {10240, false},
        {(1u << 30) - 2047, true},
        {(1u << 30) - 2048, false},
    };
    struct tally_session_window window = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        if (tally_session_window_is_new(&window, stories[i].counter) != stories[i].is_new) {
            fail_msg("step %zu, counter %llu", i, (unsigned long long)stories[i].counter);
        }
        if (stories[i].is_new) {
            tally_session_window_mark(&window, stories[i].counter);
        }
    }
}

/* Against a window that simply remembers everything. */
static void window_agrees_with_a_plain_one(void **state)
{
    static bool seen[200000];
    struct tally_session_window window = {0};
    struct test_chance chance = {7};
    uint64_t greatest = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        const uint64_t ahead = test_chance_below(&chance, 100) == 0 ? 5000 : 40;
        const uint64_t low = greatest > 2100 ? greatest - 2100 : 0;
        const uint64_t counter = low + test_chance_below(&chance, greatest - low + ahead);
        bool is_new;

        if (counter >= sizeof(seen)) {
            break;
        }
        is_new = !seen[counter] && counter + TALLY_SESSION_WINDOW > greatest;
        assert_int_equal(tally_session_window_is_new(&window, counter), is_new);
        if (is_new) {
            tally_session_window_mark(&window, counter);
            seen[counter] = true;
            greatest = counter > greatest ? counter : greatest;
        }
    }
    assert_true(greatest > 100000);
}

static void last_counter_is_used_and_none_after_it(void **state)
{
    struct tally_session_pair sender = {.state = TALLY_SESSION_PAIR_CURRENT,
                                        .send_counter = TALLY_SESSION_COUNTER_END - 1};
    struct tally_session_pair receiver = {.state = TALLY_SESSION_PAIR_CURRENT};
    const struct tally_mono now = {1};
    uint8_t bytes[64];
    uint8_t plaintext[64];
    size_t count;
    struct tally_frame frame;

    (void)state;
    assert_true(TALLY_SESSION_COUNTER_END == UINT64_MAX - 8192);
    assert_true(tally_session_pair_seal(&sender, (const uint8_t *)"x", 1, bytes, &count));
    assert_int_equal(tally_frame_decode(bytes, count, &frame), TALLY_REJECT_NONE);
    assert_int_equal(tally_session_pair_open(&receiver, now, bytes, &frame, plaintext, &count),
                     TALLY_REJECT_NONE);
    assert_int_equal(count, 1);
    assert_false(tally_session_pair_seal(&sender, (const uint8_t *)"x", 1, bytes, &count));
    assert_int_equal(count, 0);
    assert_true(sender.send_counter == TALLY_SESSION_COUNTER_END);
}

static void indices_are_found_until_cleared(void **state)
{
    enum { PLACES = 100 };
    struct tally_session_indices indices;
    struct test_chance chance = {1};
    const struct tally_entropy entropy = bench_entropy(&chance);
    uint32_t drawn[PLACES];

    (void)state;
    assert_int_equal(tally_session_indices_open(&indices, PLACES, &hash_key), TALLY_ERR_OK);
    for (uint32_t place = 0; place < PLACES; place++) {
        drawn[place] = tally_session_indices_draw(&indices, &entropy);
        assert_int_not_equal(drawn[place], 0);
        assert_true(tally_session_indices_find(&indices, drawn[place]) == TALLY_SESSION_PLACE_NONE);
        tally_session_indices_set(&indices, place, drawn[place]);
    }
    for (uint32_t place = 0; place < PLACES; place += 2) {
        tally_session_indices_clear(&indices, place);
        tally_session_indices_clear(&indices, place);
    }
    for (uint32_t place = 0; place < PLACES; place++) {
        assert_true(tally_session_indices_find(&indices, drawn[place]) ==
                    (place % 2 == 0 ? TALLY_SESSION_PLACE_NONE : place));
    }
    assert_true(tally_session_indices_find(&indices, 0) == TALLY_SESSION_PLACE_NONE);
    tally_session_indices_close(&indices);
}

/* Gives what it is told: an index of 0, one that is taken, then a good one. */
static void fill_scripted(void *context, void *bytes, size_t count)
{
    uint32_t **next = context;

    assert_int_equal(count, sizeof(uint32_t));
    memcpy(bytes, *next, count);
    (*next)++;
}

static void draw_avoids_zero_and_what_is_taken(void **state)
{
    uint32_t script[] = {0, 77, 0, 77, 78};
    uint32_t *next = script;
    const struct tally_entropy entropy = {.fill = fill_scripted, .context = &next};
    struct tally_session_indices indices;

    (void)state;
    assert_int_equal(tally_session_indices_open(&indices, 2, &hash_key), TALLY_ERR_OK);
    tally_session_indices_set(&indices, 1, 77);
    assert_int_equal(tally_session_indices_draw(&indices, &entropy), 78);
    tally_session_indices_close(&indices);
}

static void key_of(uint32_t number, uint8_t key[TALLY_SESSION_KEY_BYTES])
{
    memset(key, 0, TALLY_SESSION_KEY_BYTES);
    memcpy(key, &number, sizeof(number));
}

static void directory_remembers_and_stays_bounded(void **state)
{
    enum { KEYS = 8 };
    struct tally_session_directory directory;
    uint8_t key[TALLY_SESSION_KEY_BYTES];
    uint32_t at;

    (void)state;
    assert_int_equal(tally_session_directory_open(&directory, KEYS, &hash_key), TALLY_ERR_OK);
    key_of(1, key);
    at = tally_session_directory_claim(&directory, key, 5);
    assert_int_equal(tally_session_directory_claim(&directory, key, 5), at);
    assert_true(tally_session_directory_claim(&directory, key, 6) == TALLY_SESSION_NOBODY);
    directory.entries[at].stamp[0] = 9;
    tally_session_directory_release(&directory, at);
    assert_true(tally_session_directory_find(&directory, key) == TALLY_SESSION_NOBODY);
    assert_int_equal(tally_session_directory_claim(&directory, key, 6), at);
    assert_int_equal(directory.entries[at].stamp[0], 9);

    /* Far more keys come and go than there is room for; the one that stays is found. */
    for (uint32_t number = 2; number < 1000; number++) {
        uint32_t other;

        key_of(number, key);
        other = tally_session_directory_claim(&directory, key, 7);
        assert_true(other < directory.entry_max);
        assert_int_equal(directory.entries[other].stamp[0], 0);
        tally_session_directory_release(&directory, other);
    }
    key_of(1, key);
    assert_int_equal(tally_session_directory_find(&directory, key), at);
    assert_int_equal(directory.entry_max, 2 * KEYS);
    tally_session_directory_close(&directory);
}

static void full_source_table_gives_way_and_still_limits(void **state)
{
    static const struct tally_session_rate rate = {1000, 3};
    struct tally_session_sources sources;
    const struct tally_mono now = {0};
    int taken = 0;

    (void)state;
    assert_int_equal(tally_session_sources_open(&sources, 8, &hash_key), TALLY_ERR_OK);
    assert_int_equal(sources.set_count, 1);
    for (uint64_t source = 1; source <= 1000; source++) {
        assert_true(tally_session_sources_take(&sources, &rate, source, now));
    }
    for (int i = 0; i < 10; i++) {
        taken += tally_session_sources_take(&sources, &rate, 1000, now) ? 1 : 0;
    }
    assert_int_equal(taken, 2);
    tally_session_sources_close(&sources);
}

static void bucket_keeps_its_rate_for_ever(void **state)
{
    static const struct tally_session_rate rate = {1000, 4};
    struct tally_session_bucket bucket = {0};
    struct tally_mono now = {-5000000}; /* the clock's start is nobody's business */
    int taken = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        taken += tally_session_bucket_take(&bucket, &rate, now) ? 1 : 0;
        now.us += 100;
    }
    assert_in_range(taken, 10000, 10004);
}

static void minor_version_is_the_highest_common_one(void **state)
{
    static const struct {
        uint8_t min, max, ours_max;
        bool has_common;
        uint8_t want;
    } stories[] = {
        {0, 0, 0, true, 0}, {0, 5, 0, true, 0},  {0, 5, 3, true, 3},         {0, 2, 3, true, 2},
        {3, 5, 3, true, 3}, {4, 5, 3, false, 0}, {255, 255, 255, true, 255},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        const struct tally_session_init init = {.minor_min = stories[i].min,
                                                .minor_max = stories[i].max};
        uint8_t minor = 0;

        assert_int_equal(tally_session_minor_choose(&init, stories[i].ours_max, &minor),
                         stories[i].has_common);
        assert_int_equal(minor, stories[i].want);
    }
}

static void stamps_are_tai64n_and_always_grow(void **state)
{
    static const uint8_t want[TALLY_SESSION_STAMP_BYTES] = {0x40, 0,    0,    0,    0x6b, 0x49,
                                                            0xd2, 0x0a, 0x07, 0x5b, 0xca, 0x00};
    const struct tally_wall wall = {INT64_C(1800000000123456)};
    uint8_t stamps[5][TALLY_SESSION_STAMP_BYTES];
    uint64_t last_ns = 0;

    (void)state;
    last_ns = tally_session_stamp_next(last_ns, wall, stamps[0]);
    assert_memory_equal(stamps[0], want, sizeof(want));
    last_ns = tally_session_stamp_next(last_ns, wall, stamps[1]);
    last_ns = tally_session_stamp_next(last_ns, (struct tally_wall){0}, stamps[2]);
    last_ns = tally_session_stamp_next(last_ns, (struct tally_wall){INT64_MIN}, stamps[3]);
    (void)tally_session_stamp_next(last_ns, tally_wall_after(wall, 1), stamps[4]);
    for (int i = 1; i < 5; i++) {
        assert_true(tally_session_stamp_is_later(stamps[i], stamps[i - 1]));
        assert_false(tally_session_stamp_is_later(stamps[i - 1], stamps[i]));
        assert_false(tally_session_stamp_is_later(stamps[i], stamps[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_takes_each_counter_once),
        cmocka_unit_test(window_agrees_with_a_plain_one),
        cmocka_unit_test(last_counter_is_used_and_none_after_it),
        cmocka_unit_test(indices_are_found_until_cleared),
        cmocka_unit_test(draw_avoids_zero_and_what_is_taken),
        cmocka_unit_test(directory_remembers_and_stays_bounded),
        cmocka_unit_test(full_source_table_gives_way_and_still_limits),
        cmocka_unit_test(bucket_keeps_its_rate_for_ever),
        cmocka_unit_test(minor_version_is_the_highest_common_one),
        cmocka_unit_test(stamps_are_tai64n_and_always_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
