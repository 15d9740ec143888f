/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a feed's silence is worth is never overstated: just inside and just outside each
 * bound. Method: one feed and a clock that is a number.
 */
#include "core/feeds.h"
#include "testing.h"

#define WINDOW_US (10 * TALLY_US_PER_S)
#define LEGS_US (100 * TALLY_US_PER_S)

static const struct tally_feed_config causal = {
    .feed_class = TALLY_FEED_CAUSAL, .side = TALLY_SIDE_BOTH, .is_required = true};

static struct tally_now at(int64_t us)
{
    return (struct tally_now){.mono = {us}, .wall = {1000 * TALLY_US_PER_S + us}};
}

static struct tally_feed greeted(void)
{
    struct tally_feed feed;
    struct tally_feed_hello hello = {.version = TALLY_FEED_VERSION,
                                     .feed_class = TALLY_FEED_CAUSAL,
                                     .boot_id = 5,
                                     .next_seq = 1,
                                     .clock_bound_us = 1000};

    tally_feed_init(&feed, &causal);
    assert_int_equal(tally_feed_hello(&feed, at(0), &hello), TALLY_REJECT_NONE);
    return feed;
}

static enum tally_reject mark(struct tally_feed *feed, int64_t us, uint64_t seq, bool *missed)
{
    struct tally_feed_watermark watermark = {.seq = seq, .at = at(us).wall};

    return tally_feed_watermark(feed, at(us), &watermark, missed);
}

static enum tally_coverage covered(const struct tally_feed *feed, int64_t us)
{
    return tally_feed_coverage(feed, at(us), WINDOW_US, LEGS_US);
}

static void test_window_then_legs(void **state)
{
    struct tally_feed feed = greeted();
    bool missed = false;

    (void)state;
    (void)mark(&feed, WINDOW_US - 1, 0, &missed);
    assert_int_equal(covered(&feed, WINDOW_US - 1), TALLY_COVERAGE_NOTHING);
    assert_int_equal(covered(&feed, WINDOW_US), TALLY_COVERAGE_WINDOW);
    (void)mark(&feed, LEGS_US - 1, 0, &missed);
    assert_int_equal(covered(&feed, LEGS_US - 1), TALLY_COVERAGE_WINDOW);
    assert_int_equal(covered(&feed, LEGS_US), TALLY_COVERAGE_LEGS);
    assert_false(missed);
}

static void test_snapshot_covers_legs(void **state)
{
    struct tally_feed feed = greeted();
    bool missed = false;
    struct tally_feed_legs_end end = {.since = {at(0).wall.us + WINDOW_US - LEGS_US}};

    (void)state;
    assert_int_equal(tally_feed_legs_end(&feed, at(0), &end), TALLY_REJECT_NONE);
    (void)mark(&feed, WINDOW_US, 0, &missed);
    /* The snapshot reaches back far enough, less the error of the adapter's clock. */
    assert_int_equal(covered(&feed, WINDOW_US), TALLY_COVERAGE_WINDOW);
    assert_int_equal(covered(&feed, WINDOW_US + 999), TALLY_COVERAGE_WINDOW);
    assert_int_equal(covered(&feed, WINDOW_US + 1000), TALLY_COVERAGE_LEGS);
}

static void test_snapshot_from_the_future_claims_nothing(void **state)
{
    struct tally_feed feed = greeted();
    struct tally_feed_legs_end end = {.since = {at(0).wall.us + LEGS_US}};
    bool missed = false;

    (void)state;
    assert_int_equal(tally_feed_legs_end(&feed, at(0), &end), TALLY_REJECT_NONE);
    (void)mark(&feed, LEGS_US - 1, 0, &missed);
    assert_int_equal(covered(&feed, LEGS_US - 1), TALLY_COVERAGE_WINDOW);
}

/* A snapshot of which something was lost, on the way or here, proves nothing. */
static void test_snapshot_with_a_hole(void **state)
{
    struct tally_feed feed = greeted();
    struct tally_feed_legs_end end = {.since = {1}, .leg_count = 2};
    bool missed = false;

    (void)state;
    tally_feed_leg(&feed);
    assert_int_equal(tally_feed_legs_end(&feed, at(0), &end), TALLY_REJECT_RECORDS);
    (void)mark(&feed, WINDOW_US, 0, &missed);
    assert_int_equal(covered(&feed, WINDOW_US), TALLY_COVERAGE_WINDOW);
    tally_feed_leg(&feed);
    tally_feed_loss(&feed, at(0));
    assert_int_equal(tally_feed_legs_end(&feed, at(0), &end), TALLY_REJECT_STATE);
    assert_int_equal(covered(&feed, WINDOW_US), TALLY_COVERAGE_WINDOW);
    feed = greeted();
    tally_feed_leg(&feed);
    tally_feed_leg(&feed);
    assert_int_equal(tally_feed_legs_end(&feed, at(0), &end), TALLY_REJECT_NONE);
    (void)mark(&feed, WINDOW_US, 0, &missed);
    assert_int_equal(covered(&feed, WINDOW_US), TALLY_COVERAGE_LEGS);
}

static void test_silence(void **state)
{
    struct tally_feed feed = greeted();
    bool missed = false;

    (void)state;
    (void)mark(&feed, LEGS_US, 0, &missed);
    assert_int_equal(covered(&feed, LEGS_US + TALLY_FEED_SILENT_AFTER_US), TALLY_COVERAGE_LEGS);
    assert_int_equal(covered(&feed, LEGS_US + TALLY_FEED_SILENT_AFTER_US + 1),
                     TALLY_COVERAGE_NOTHING);
}

static void test_sequence(void **state)
{
    struct tally_feed feed = greeted();
    bool missed = true;

    (void)state;
    assert_int_equal(tally_feed_sequence(&feed, at(1), 1, &missed), TALLY_REJECT_NONE);
    assert_false(missed);
    assert_int_equal(tally_feed_sequence(&feed, at(3), 2, &missed), TALLY_REJECT_NONE);
    assert_false(missed);
    assert_int_equal(feed.gap_count, 0);
    assert_int_equal(tally_feed_sequence(&feed, at(WINDOW_US), 4, &missed), TALLY_REJECT_NONE);
    assert_true(missed);
    assert_int_equal(feed.gap_count, 1);
    (void)mark(&feed, 2 * WINDOW_US - 1, 4, &missed);
    assert_int_equal(covered(&feed, 2 * WINDOW_US - 1), TALLY_COVERAGE_NOTHING);
    assert_int_equal(covered(&feed, 2 * WINDOW_US), TALLY_COVERAGE_WINDOW);
}

/* Local sockets repeat nothing: a number seen before is of another adapter, whose calls we miss. */
static void test_two_writers(void **state)
{
    struct tally_feed feed = greeted();
    bool missed = true;

    (void)state;
    assert_int_equal(tally_feed_sequence(&feed, at(1), 1, &missed), TALLY_REJECT_NONE);
    assert_int_equal(tally_feed_sequence(&feed, at(WINDOW_US), 1, &missed), TALLY_REJECT_DUPLICATE);
    assert_true(missed);
    (void)mark(&feed, 2 * WINDOW_US - 1, 1, &missed);
    assert_false(missed);
    assert_int_equal(covered(&feed, 2 * WINDOW_US - 1), TALLY_COVERAGE_NOTHING);
    assert_int_equal(covered(&feed, 2 * WINDOW_US), TALLY_COVERAGE_WINDOW);
    (void)mark(&feed, 2 * WINDOW_US, 0, &missed);
    assert_true(missed);
    assert_int_equal(covered(&feed, 2 * WINDOW_US), TALLY_COVERAGE_NOTHING);
    /* What has been seen stays seen. */
    assert_int_equal(tally_feed_sequence(&feed, at(2 * WINDOW_US), 2, &missed), TALLY_REJECT_NONE);
    assert_false(missed);
}

/* Nobody goes on under the HELLO of another. */
static void test_refused_hello_ends_the_feed(void **state)
{
    struct tally_feed_hello hello = {
        .version = TALLY_FEED_VERSION, .feed_class = TALLY_FEED_BEST_EFFORT, .next_seq = 1};
    struct tally_feed feed = greeted();
    bool missed = false;

    (void)state;
    assert_int_equal(tally_feed_hello(&feed, at(1), &hello), TALLY_REJECT_VALUE);
    assert_int_equal(tally_feed_sequence(&feed, at(2), 1, &missed), TALLY_REJECT_STATE);
    assert_int_equal(covered(&feed, LEGS_US), TALLY_COVERAGE_NOTHING);
}

/* The watermark tells of an event that never came. */
static void test_watermark_shows_a_hole(void **state)
{
    struct tally_feed feed = greeted();
    bool missed = false;

    (void)state;
    assert_int_equal(mark(&feed, LEGS_US, 1, &missed), TALLY_REJECT_NONE);
    assert_true(missed);
    assert_int_equal(covered(&feed, LEGS_US), TALLY_COVERAGE_NOTHING);
    assert_int_equal(tally_feed_sequence(&feed, at(LEGS_US), 1, &missed), TALLY_REJECT_DUPLICATE);
}

static void test_watermark_beyond_now(void **state)
{
    struct tally_feed feed = greeted();
    struct tally_feed_watermark watermark = {.at = {at(0).wall.us + TALLY_US_PER_S + 1000}};
    bool missed = false;

    (void)state;
    assert_int_equal(tally_feed_watermark(&feed, at(0), &watermark, &missed), TALLY_REJECT_NONE);
    watermark.at.us++;
    assert_int_equal(tally_feed_watermark(&feed, at(0), &watermark, &missed), TALLY_REJECT_VALUE);
}

static void test_before_hello(void **state)
{
    struct tally_feed feed;
    bool missed = false;

    (void)state;
    tally_feed_init(&feed, &causal);
    assert_int_equal(tally_feed_sequence(&feed, at(0), 1, &missed), TALLY_REJECT_STATE);
    assert_int_equal(mark(&feed, 0, 0, &missed), TALLY_REJECT_STATE);
    assert_int_equal(covered(&feed, LEGS_US), TALLY_COVERAGE_NOTHING);
}

static void test_hello_is_checked(void **state)
{
    struct tally_feed feed;
    struct tally_feed_hello hello = {
        .version = TALLY_FEED_VERSION + 1, .feed_class = TALLY_FEED_CAUSAL, .next_seq = 1};

    (void)state;
    tally_feed_init(&feed, &causal);
    assert_int_equal(tally_feed_hello(&feed, at(0), &hello), TALLY_REJECT_VERSION);
    hello.version = TALLY_FEED_VERSION;
    hello.feed_class = TALLY_FEED_ORDERED;
    assert_int_equal(tally_feed_hello(&feed, at(0), &hello), TALLY_REJECT_VALUE);
    hello.feed_class = TALLY_FEED_CAUSAL;
    hello.clock_bound_us = 10000001;
    assert_int_equal(tally_feed_hello(&feed, at(0), &hello), TALLY_REJECT_VALUE);
    assert_false(feed.is_up);
}

/* Only a feed for which the switch waits supports a "no" without clocks. */
static void test_other_classes_support_nothing(void **state)
{
    static const enum tally_feed_class classes[] = {TALLY_FEED_RECORD, TALLY_FEED_BEST_EFFORT,
                                                    TALLY_FEED_ORDERED};

    (void)state;
    for (unsigned place = 0; place < 3; place++) {
        struct tally_feed feed = greeted();
        bool missed = false;

        (void)mark(&feed, LEGS_US, 0, &missed);
        assert_int_equal(covered(&feed, LEGS_US), TALLY_COVERAGE_LEGS);
        feed.config.feed_class = classes[place];
        assert_int_equal(covered(&feed, LEGS_US), TALLY_COVERAGE_NOTHING);
    }
}

/* A feed that was down comes back: everything before is a gap. */
static void test_rising_is_a_gap(void **state)
{
    struct tally_feed feed = greeted();
    bool missed = false;

    (void)state;
    tally_feed_down(&feed);
    assert_int_equal(covered(&feed, LEGS_US), TALLY_COVERAGE_NOTHING);
    (void)mark(&feed, LEGS_US, 0, &missed);
    assert_int_equal(covered(&feed, LEGS_US), TALLY_COVERAGE_NOTHING);
    (void)mark(&feed, LEGS_US + WINDOW_US, 0, &missed);
    assert_int_equal(covered(&feed, LEGS_US + WINDOW_US), TALLY_COVERAGE_WINDOW);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_then_legs),
        cmocka_unit_test(test_snapshot_covers_legs),
        cmocka_unit_test(test_snapshot_from_the_future_claims_nothing),
        cmocka_unit_test(test_snapshot_with_a_hole),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_refused_hello_ends_the_feed),
        cmocka_unit_test(test_watermark_shows_a_hole),
        cmocka_unit_test(test_watermark_beyond_now),
        cmocka_unit_test(test_before_hello),
        cmocka_unit_test(test_hello_is_checked),
        cmocka_unit_test(test_other_classes_support_nothing),
        cmocka_unit_test(test_rising_is_a_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
