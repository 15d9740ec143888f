/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an adapter is asked for its HELLO until it comes, pinged at the pace of the contract, and
 * found silent when its second is over, not before and not twice.
 * Method: a made-up clock, just inside and just outside each bound.
 */
#include "daemon/feedport.h"
#include "testing.h"

static const struct tally_mono start = {1000 * TALLY_US_PER_S};

static void test_hello_is_asked_for(void **state)
{
    struct tally_feedport port;
    struct tally_mono now = start;

    (void)state;
    tally_feedport_init(&port, 2, now);
    assert_true(tally_feedport_heard(&port, now, 0, TALLY_FEED_WATERMARK));
    /* Not for each of a burst. */
    now = tally_mono_after(now, TALLY_FEEDPORT_ASK_EVERY_US - 1);
    assert_false(tally_feedport_heard(&port, now, 0, TALLY_FEED_EVENT));
    /* Each feed by itself. */
    assert_true(tally_feedport_heard(&port, now, 1, TALLY_FEED_EVENT));
    now = tally_mono_after(now, 1);
    assert_true(tally_feedport_heard(&port, now, 0, TALLY_FEED_EVENT));
    assert_false(tally_feedport_heard(&port, now, 0, TALLY_FEED_HELLO));
    now = tally_mono_after(now, TALLY_US_PER_S);
    assert_false(tally_feedport_heard(&port, now, 0, TALLY_FEED_EVENT));
}

static void test_pings(void **state)
{
    struct tally_feedport port;
    struct tally_mono now = start;

    (void)state;
    tally_feedport_init(&port, 1, now);
    assert_true(tally_feedport_is_ping_due(&port, now));
    assert_false(tally_feedport_is_ping_due(&port, now));
    assert_int_equal(tally_feedport_next_due(&port).us, now.us + TALLY_FEED_PING_EVERY_US);
    now = tally_mono_after(now, TALLY_FEED_PING_EVERY_US - 1);
    assert_false(tally_feedport_is_ping_due(&port, now));
    now = tally_mono_after(now, 1);
    assert_true(tally_feedport_is_ping_due(&port, now));
}

static void test_silence(void **state)
{
    struct tally_feedport port;
    struct tally_mono now = start;

    (void)state;
    tally_feedport_init(&port, 2, now);
    /* Who was never heard does not fall silent. */
    assert_false(tally_feedport_fell_silent(&port, tally_mono_after(now, 5000000), 0));
    (void)tally_feedport_heard(&port, now, 0, TALLY_FEED_HELLO);
    port.ping_due = tally_mono_after(now, 10 * TALLY_US_PER_S);
    assert_int_equal(tally_feedport_next_due(&port).us, now.us + TALLY_FEED_SILENT_AFTER_US);
    now = tally_mono_after(now, TALLY_FEED_SILENT_AFTER_US - 1);
    assert_false(tally_feedport_fell_silent(&port, now, 0));
    now = tally_mono_after(now, 1);
    assert_true(tally_feedport_fell_silent(&port, now, 0));
    assert_false(tally_feedport_fell_silent(&port, now, 0));
    assert_false(tally_feedport_fell_silent(&port, now, 1));
    (void)tally_feedport_heard(&port, now, 0, TALLY_FEED_WATERMARK);
    assert_true(tally_feedport_fell_silent(&port, tally_mono_after(now, TALLY_US_PER_S), 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_is_asked_for),
        cmocka_unit_test(test_pings),
        cmocka_unit_test(test_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
