/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the adapter's end of a feed keeps the contract: nothing that the registry may have missed
 * goes unreported, nothing waits longer than it says.
 * Method: records are handed in and taken out against a clock that is only a number; each bound is
 * stood on from both sides.
 */
#include "adapters/client/feed_state.h"
#include "testing.h"

#include <string.h>

enum { PENDING_COUNT = 8, LEG_COUNT = 4, MS = 1000 };
static const int64_t wall_us = INT64_C(1800000000000000);
static const int64_t open_leg_us = 3600 * TALLY_US_PER_S;

static struct tally_feed_pending pendings[PENDING_COUNT];
static struct tally_event legs[LEG_COUNT];
static struct tally_feed_state state;
static struct tally_adapter_notice notice;
static struct tally_feed_record out;

static struct tally_now at(int64_t us)
{
    return (struct tally_now){{5 * TALLY_US_PER_S + us}, {wall_us + us}};
}

static int start_class(enum tally_adapter_class adapter_class)
{
    memset(pendings, 0, sizeof(pendings));
    memset(legs, 0, sizeof(legs));
    tally_feed_state_init(&state, at(0),
                          &(struct tally_feed_state_config){
                              .adapter_class = adapter_class,
                              .boot_id = 77,
                              .clock_bound_us = 10000,
                              .open_leg_us = open_leg_us,
                              .pendings = pendings,
                              .pending_count = PENDING_COUNT,
                              .legs = legs,
                              .leg_count = LEG_COUNT,
                          });
    return 0;
}

static int start(void **unused)
{
    (void)unused;
    return start_class(TALLY_ADAPTER_CAUSAL);
}

static void ping(int64_t us, uint64_t boot)
{
    struct tally_feed_record record = {.type = TALLY_FEED_PING};

    record.ping.daemon_boot = boot;
    tally_feed_state_consume(&state, at(us), &record, &notice);
    assert_int_equal(notice.type, TALLY_ADAPTER_NOTICE_NONE);
}

static void assert_next(int64_t us, enum tally_feed_type type)
{
    bool has_one = tally_feed_state_next(&state, at(us), &out);

    assert_int_equal(has_one ? out.type : TALLY_FEED_NONE, type);
}

static void assert_expires(int64_t us, enum tally_adapter_notice_type type)
{
    bool has_one = tally_feed_state_expire_one(&state, at(us), &notice);

    assert_int_equal(has_one ? notice.type : TALLY_ADAPTER_NOTICE_NONE, type);
}

/* Up, greeted, with the snapshot told: what most tests begin with. */
static void come_up(int64_t us, uint64_t boot)
{
    ping(us, boot);
    assert_next(us, TALLY_FEED_HELLO);
    assert_expires(us, TALLY_ADAPTER_NOTICE_NONE); /* not before it is known to be sent */
    tally_feed_state_sent(&state);
    assert_expires(us, TALLY_ADAPTER_NOTICE_UP);
    while (tally_feed_state_next_leg(&state, at(us), &out)) {
    }
}

static enum tally_err setup(int64_t us, uint64_t cookie)
{
    struct tally_event event = {
        .kind = TALLY_EVENT_SETUP,
        .side = TALLY_SIDE_ORIGINATING,
        .a_network = 442071838750,
        .b_number = 390612345678,
        .at = {wall_us + us},
        .leg_key = cookie,
    };

    return tally_feed_state_event(&state, at(us), &event, cookie, &out);
}

static void ack(int64_t us, uint64_t seq, uint32_t due_us)
{
    struct tally_feed_record record = {.type = TALLY_FEED_ACK};

    record.ack.seq = seq;
    record.ack.due_us = due_us;
    tally_feed_state_consume(&state, at(us), &record, &notice);
}

static void verdict(int64_t us, uint64_t seq)
{
    struct tally_feed_record record = {.type = TALLY_FEED_VERDICT};

    record.verdict.seq = seq;
    record.verdict.verdict_id = 99;
    record.verdict.action = TALLY_ACTION_BLOCK;
    tally_feed_state_consume(&state, at(us), &record, &notice);
}

static void hello_comes_first(void **unused)
{
    (void)unused;
    assert_next(0, TALLY_FEED_NONE);
    assert_int_equal(setup(1, 1), TALLY_ERR_AGAIN);
    ping(2, 500);
    assert_int_equal(tally_feed_state_next_due(&state).us, INT64_MIN);
    assert_int_equal(setup(3, 2), TALLY_ERR_AGAIN); /* not before HELLO is out */
    assert_next(4, TALLY_FEED_HELLO);
    assert_int_equal(out.hello.version, TALLY_FEED_VERSION);
    assert_int_equal(out.hello.feed_class, TALLY_FEED_CAUSAL);
    assert_int_equal(out.hello.boot_id, 77);
    assert_int_equal(out.hello.next_seq, 1);
    assert_int_equal(out.hello.clock_bound_us, 10000);
    assert_next(4, TALLY_FEED_GAP); /* both calls of before, in one */
    assert_int_equal(out.gap.seq, 1);
    assert_int_equal(out.gap.lost_count, 2);
    assert_int_equal(out.gap.from.us, wall_us + 1);
    assert_int_equal(out.gap.to.us, wall_us + 3);
    assert_next(4, TALLY_FEED_NONE);
    tally_feed_state_sent(&state);
    assert_expires(4, TALLY_ADAPTER_NOTICE_UP);
    assert_int_equal(setup(5, 3), TALLY_ERR_OK);
    assert_int_equal(out.type, TALLY_FEED_EVENT);
    assert_int_equal(out.event.seq, 2);
    assert_int_equal(state.counters.gone, 2);
}

static void a_first_start_without_calls_has_no_gap(void **unused)
{
    (void)unused;
    ping(10, 500);
    assert_next(10, TALLY_FEED_HELLO);
    assert_next(10, TALLY_FEED_NONE);
}

static void an_ack_in_time(void **unused)
{
    (void)unused;
    come_up(0, 500);
    assert_int_equal(setup(0, 41), TALLY_ERR_OK);
    assert_expires(49 * MS + 999, TALLY_ADAPTER_NOTICE_NONE);
    ack(49 * MS + 999, 1, 300000);
    assert_int_equal(notice.type, TALLY_ADAPTER_NOTICE_ACK);
    assert_int_equal(notice.cookie, 41);
    assert_int_equal(notice.due_us, 300000);
    assert_expires(51 * MS, TALLY_ADAPTER_NOTICE_NONE);
    assert_int_equal(state.counters.acks, 1);
    assert_int_equal(state.counters.losts, 0);
    assert_false(state.has_gap);
    verdict(90 * MS, 1);
    assert_int_equal(notice.type, TALLY_ADAPTER_NOTICE_VERDICT);
    assert_int_equal(notice.cookie, 41);
    assert_int_equal(notice.action, TALLY_ACTION_BLOCK);
    assert_int_equal(notice.verdict_id, 99);
    verdict(91 * MS, 1); /* once is enough */
    assert_int_equal(notice.type, TALLY_ADAPTER_NOTICE_NONE);
    assert_int_equal(state.counters.strays, 1);
}

static void an_ack_too_late(void **unused)
{
    (void)unused;
    come_up(0, 500);
    assert_int_equal(setup(0, 41), TALLY_ERR_OK);
    assert_int_equal(setup(1 * MS, 42), TALLY_ERR_OK);
    assert_expires(50 * MS, TALLY_ADAPTER_NOTICE_LOST);
    assert_int_equal(notice.cookie, 41);
    assert_expires(50 * MS + 999, TALLY_ADAPTER_NOTICE_NONE);
    assert_expires(51 * MS, TALLY_ADAPTER_NOTICE_LOST);
    assert_int_equal(notice.cookie, 42);
    assert_next(51 * MS, TALLY_FEED_GAP);
    assert_int_equal(out.gap.seq, 3);
    assert_int_equal(out.gap.lost_count, 2);
    assert_int_equal(out.gap.from.us, wall_us);
    assert_int_equal(out.gap.to.us, wall_us + 51 * MS);
    ack(52 * MS, 1, 300000); /* passed on all the same: a terminating call still waits */
    assert_int_equal(notice.type, TALLY_ADAPTER_NOTICE_ACK);
    verdict(60 * MS, 2); /* and so is a verdict without ACK */
    assert_int_equal(notice.type, TALLY_ADAPTER_NOTICE_VERDICT);
    assert_int_equal(notice.cookie, 42);
    assert_int_equal(state.counters.late_acks, 1);
    assert_int_equal(state.counters.losts, 2);
}

/* The call that was let go is in the snapshot that follows; the registry then knows all legs. */
static void a_gap_is_mended_by_another_snapshot(void **unused)
{
    (void)unused;
    come_up(0, 500);
    assert_int_equal(setup(0, 41), TALLY_ERR_OK);
    assert_expires(50 * MS, TALLY_ADAPTER_NOTICE_LOST);
    assert_next(50 * MS, TALLY_FEED_GAP);
    for (int64_t us = 500 * MS; us <= 10000 * MS; us += 500 * MS) {
        ping(us, 500);
    }
    assert_next(10001 * MS - 1, TALLY_FEED_NONE);
    assert_next(10001 * MS, TALLY_FEED_HELLO); /* 10 s, and 1 ms for the leg */
    assert_int_equal(out.hello.next_seq, 3);
    tally_feed_state_sent(&state);
    assert_expires(10001 * MS, TALLY_ADAPTER_NOTICE_NONE); /* it was never away */
    assert_true(tally_feed_state_next_leg(&state, at(10001 * MS), &out));
    assert_int_equal(out.type, TALLY_FEED_OPEN_LEG);
    assert_int_equal(out.event.event.leg_key, 41);
    assert_true(tally_feed_state_next_leg(&state, at(10001 * MS), &out));
    assert_int_equal(out.type, TALLY_FEED_OPEN_LEGS_END);
    assert_int_equal(out.legs_end.leg_count, 1);
    assert_next(10500 * MS, TALLY_FEED_NONE); /* once is enough */
}

/* The GAP that follows a HELLO comes before its snapshot, which mends it. */
static void a_gap_before_the_snapshot_needs_no_other(void **unused)
{
    (void)unused;
    assert_int_equal(setup(1, 41), TALLY_ERR_AGAIN);
    ping(2, 500);
    assert_next(3, TALLY_FEED_HELLO);
    assert_next(3, TALLY_FEED_GAP);
    tally_feed_state_sent(&state);
    while (tally_feed_state_next_leg(&state, at(3), &out)) {
    }
    for (int64_t us = 500 * MS; us <= 20000 * MS; us += 500 * MS) {
        ping(us, 500);
        assert_next(us, TALLY_FEED_NONE);
    }
}

static void only_a_causal_feed_misses_acks(void **unused)
{
    (void)unused;
    (void)start_class(TALLY_ADAPTER_ORDERED);
    come_up(0, 500);
    assert_int_equal(setup(0, 41), TALLY_ERR_OK);
    assert_expires(51 * MS, TALLY_ADAPTER_NOTICE_NONE);
    assert_false(state.has_gap);
}

static void silence(void **unused)
{
    (void)unused;
    come_up(0, 500);
    assert_int_equal(setup(0, 41), TALLY_ERR_OK);
    ack(1, 1, 300000);
    assert_int_equal(setup(990 * MS - 1, 42), TALLY_ERR_OK);
    assert_expires(990 * MS, TALLY_ADAPTER_NOTICE_NONE);
    assert_int_equal(state.link, TALLY_FEED_LINK_UP);
    assert_expires(1000 * MS, TALLY_ADAPTER_NOTICE_LOST); /* at once, not after its 50 ms */
    assert_int_equal(notice.cookie, 42);
    assert_expires(1000 * MS, TALLY_ADAPTER_NOTICE_DOWN);
    assert_expires(1000 * MS, TALLY_ADAPTER_NOTICE_NONE);
    assert_int_equal(setup(1010 * MS, 43), TALLY_ERR_AGAIN);
    assert_next(1010 * MS, TALLY_FEED_NONE);
    assert_int_equal(tally_feed_state_next_due(&state).us, TALLY_MONO_NEVER_US);
    verdict(1011 * MS, 1); /* of a registry that is gone */
    assert_int_equal(notice.type, TALLY_ADAPTER_NOTICE_NONE);

    ping(1200 * MS, 500);
    assert_next(1200 * MS, TALLY_FEED_HELLO);
    assert_int_equal(out.hello.next_seq, 3);
    assert_next(1200 * MS, TALLY_FEED_GAP);
    assert_int_equal(out.gap.seq, 3);
    assert_int_equal(out.gap.from.us, wall_us); /* since the last PING */
    assert_int_equal(out.gap.to.us, wall_us + 1010 * MS);
    assert_int_equal(out.gap.lost_count, 2);
    assert_next(1200 * MS, TALLY_FEED_NONE);
    tally_feed_state_sent(&state);
    assert_expires(1200 * MS, TALLY_ADAPTER_NOTICE_UP);
}

static void another_daemon(void **unused)
{
    (void)unused;
    come_up(0, 500);
    assert_int_equal(setup(1, 41), TALLY_ERR_OK);
    ack(2, 1, 300000);
    ping(250 * MS, 500); /* the same one */
    assert_next(250 * MS, TALLY_FEED_NONE);
    ping(500 * MS, 501);
    assert_int_equal(setup(500 * MS, 42), TALLY_ERR_AGAIN);
    assert_expires(500 * MS, TALLY_ADAPTER_NOTICE_DOWN);
    assert_next(500 * MS, TALLY_FEED_HELLO);
    assert_int_equal(out.hello.next_seq, 2);
    assert_next(500 * MS, TALLY_FEED_GAP);
    assert_int_equal(out.gap.from.us, wall_us + 250 * MS);
    tally_feed_state_sent(&state);
    assert_expires(500 * MS, TALLY_ADAPTER_NOTICE_UP);
    ack(501 * MS, 1, 0); /* the new one cannot mean an event of before */
    assert_int_equal(notice.type, TALLY_ADAPTER_NOTICE_NONE);
    assert_int_equal(state.counters.strays, 1);
    assert_int_equal(state.counters.hellos, 2);
    assert_int_equal(state.counters.downs, 1);
}

static void what_could_not_be_sent(void **unused)
{
    (void)unused;
    come_up(0, 500);
    assert_int_equal(setup(1, 41), TALLY_ERR_OK);
    ping(40 * MS, 500);
    assert_expires(50 * MS + 1, TALLY_ADAPTER_NOTICE_LOST);
    assert_next(51 * MS, TALLY_FEED_GAP);
    tally_feed_state_unsent(&state, at(52 * MS)); /* and with it the GAP */
    assert_expires(52 * MS, TALLY_ADAPTER_NOTICE_DOWN);
    assert_int_equal(setup(53 * MS, 42), TALLY_ERR_AGAIN);
    ping(250 * MS, 500);
    assert_next(250 * MS, TALLY_FEED_HELLO);
    assert_next(250 * MS, TALLY_FEED_GAP);
    assert_int_equal(out.gap.from.us, wall_us + 1);
    assert_int_equal(out.gap.to.us, wall_us + 53 * MS);
}

static void a_hello_that_could_not_be_sent(void **unused)
{
    (void)unused;
    assert_int_equal(setup(0, 1), TALLY_ERR_AGAIN);
    ping(1, 500);
    assert_next(1, TALLY_FEED_HELLO);
    assert_next(1, TALLY_FEED_GAP);
    assert_int_equal(setup(2, 2), TALLY_ERR_OK); /* into the same batch */
    tally_feed_state_unsent(&state, at(3));
    assert_expires(4, TALLY_ADAPTER_NOTICE_LOST);
    assert_int_equal(notice.cookie, 2);
    assert_expires(4, TALLY_ADAPTER_NOTICE_NONE); /* it was never up */
    ping(250 * MS, 500);
    assert_next(250 * MS, TALLY_FEED_HELLO);
    assert_int_equal(out.hello.next_seq, 3);
    assert_next(250 * MS, TALLY_FEED_GAP);
    assert_int_equal(out.gap.from.us, wall_us); /* the two calls, and nothing more */
    assert_int_equal(out.gap.to.us, wall_us + 4);
    assert_int_equal(out.gap.lost_count, 2);
    tally_feed_state_sent(&state);
    assert_expires(250 * MS, TALLY_ADAPTER_NOTICE_UP);
    assert_int_equal(state.counters.hellos, 1);
    assert_int_equal(state.counters.gaps, 1);
    assert_int_equal(state.counters.downs, 0);
}

static void too_many_wait(void **unused)
{
    (void)unused;
    come_up(0, 500);
    for (uint64_t i = 0; i < PENDING_COUNT; i++) {
        assert_int_equal(setup(1, i), TALLY_ERR_OK);
    }
    assert_int_equal(setup(2, 100), TALLY_ERR_FULL);
    assert_int_equal(state.counters.full, 1);
    assert_next(2, TALLY_FEED_GAP);
    assert_int_equal(out.gap.lost_count, 1);
    ack(3, 1, 0);
    assert_expires(3, TALLY_ADAPTER_NOTICE_NONE);
    /* The GAP took a number too, so two places are needed for one event. */
    assert_int_equal(setup(4, 101), TALLY_ERR_FULL);
    ack(5, 2, 0);
    assert_expires(5, TALLY_ADAPTER_NOTICE_NONE);
    assert_int_equal(setup(6, 102), TALLY_ERR_OK);
    assert_int_equal(out.event.seq, PENDING_COUNT + 2);
}

static void watermarks(void **unused)
{
    (void)unused;
    come_up(0, 500);
    assert_next(10 * MS, TALLY_FEED_NONE); /* nothing drained yet */
    tally_feed_state_drained(&state, at(10 * MS));
    assert_next(10 * MS, TALLY_FEED_WATERMARK);
    assert_int_equal(out.watermark.at.us, wall_us + 10 * MS);
    assert_int_equal(out.watermark.seq, 0);
    assert_int_equal(out.watermark.flush_id, 0);
    tally_feed_state_drained(&state, at(49 * MS));
    assert_next(49 * MS, TALLY_FEED_NONE);
    assert_int_equal(tally_feed_state_next_due(&state).us, at(50 * MS).mono.us);
    tally_feed_state_drained(&state, at(50 * MS));
    assert_next(50 * MS, TALLY_FEED_WATERMARK); /* 40 ms, so that 50 are kept */
    assert_int_equal(out.watermark.at.us, wall_us + 50 * MS);
    assert_next(100 * MS, TALLY_FEED_NONE); /* an old instant says nothing new */
}

static void flush_is_answered_after_a_drain(void **unused)
{
    struct tally_feed_record flush = {.type = TALLY_FEED_FLUSH};

    (void)unused;
    come_up(0, 500);
    tally_feed_state_drained(&state, at(9 * MS));
    assert_next(9 * MS, TALLY_FEED_WATERMARK);
    for (flush.flush.flush_id = 1; flush.flush.flush_id <= 2; flush.flush.flush_id++) {
        tally_feed_state_consume(&state, at(10 * MS), &flush, &notice);
    }
    assert_next(10 * MS, TALLY_FEED_NONE); /* what was drained before it proves nothing */
    tally_feed_state_drained(&state, at(10 * MS - 1));
    assert_next(10 * MS, TALLY_FEED_NONE);
    assert_int_equal(setup(11 * MS, 41), TALLY_ERR_OK);
    tally_feed_state_drained(&state, at(10 * MS));
    assert_next(11 * MS, TALLY_FEED_WATERMARK); /* at once, and behind the event */
    assert_int_equal(out.watermark.flush_id, 1);
    assert_int_equal(out.watermark.seq, 1);
    assert_next(11 * MS, TALLY_FEED_WATERMARK);
    assert_int_equal(out.watermark.flush_id, 2);
    assert_next(11 * MS, TALLY_FEED_NONE);
    assert_int_equal(state.counters.flushes, 2);
}

static void too_many_flushes(void **unused)
{
    struct tally_feed_record flush = {.type = TALLY_FEED_FLUSH};

    (void)unused;
    come_up(0, 500);
    for (uint64_t id = 1; id <= TALLY_FEED_STATE_FLUSHES_MAX + 1; id++) {
        flush.flush.flush_id = id;
        tally_feed_state_consume(&state, at(1), &flush, &notice);
    }
    tally_feed_state_drained(&state, at(2));
    for (uint64_t id = 2; id <= TALLY_FEED_STATE_FLUSHES_MAX + 1;
         id++) { /* the oldest was dropped */
        assert_next(2, TALLY_FEED_WATERMARK);
        assert_int_equal(out.watermark.flush_id, id);
    }
    assert_next(2, TALLY_FEED_NONE);
}

static void a_clock_set_back_is_a_gap(void **unused)
{
    struct tally_event event = {.kind = TALLY_EVENT_SETUP, .side = TALLY_SIDE_ORIGINATING};

    (void)unused;
    come_up(0, 500);
    tally_feed_state_drained(&state, at(10 * MS));
    assert_next(10 * MS, TALLY_FEED_WATERMARK);
    event.at.us = wall_us + 10 * MS + 1;
    assert_int_equal(tally_feed_state_event(&state, at(11 * MS), &event, 1, &out), TALLY_ERR_OK);
    assert_next(11 * MS, TALLY_FEED_NONE);
    event.at.us = wall_us + 10 * MS;
    assert_int_equal(tally_feed_state_event(&state, at(12 * MS), &event, 2, &out), TALLY_ERR_OK);
    assert_next(12 * MS, TALLY_FEED_GAP);
}

/* Runs through the snapshot; returns its END. */
static struct tally_feed_legs_end end_of(int64_t us, uint32_t want_count)
{
    struct tally_feed_legs_end end = {0};
    uint32_t count = 0;

    while (tally_feed_state_next_leg(&state, at(us), &out)) {
        if (out.type == TALLY_FEED_OPEN_LEG) {
            assert_int_equal(out.event.seq, 0);
            assert_int_equal(out.event.event.kind, TALLY_EVENT_SETUP);
            count++;
        } else {
            assert_int_equal(out.type, TALLY_FEED_OPEN_LEGS_END);
            end = out.legs_end;
        }
    }
    assert_int_equal(count, want_count);
    assert_int_equal(end.leg_count, want_count);
    return end;
}

static void greet_again(int64_t us, uint64_t boot)
{
    ping(us, boot);
    assert_next(us, TALLY_FEED_HELLO);
    while (tally_feed_state_next(&state, at(us), &out)) {
    }
    tally_feed_state_sent(&state);
}

static void the_snapshot(void **unused)
{
    struct tally_event event = {.kind = TALLY_EVENT_SETUP, .side = TALLY_SIDE_TERMINATING};

    (void)unused;
    greet_again(0, 500);
    assert_int_equal(end_of(0, 0).since.us, wall_us); /* since the adapter's start */
    for (int64_t i = 1; i <= LEG_COUNT - 1; i++) {
        assert_int_equal(setup(i, (uint64_t)i), TALLY_ERR_OK);
    }
    event.at = at(10).wall;
    assert_int_equal(tally_feed_state_event(&state, at(10), &event, 9, &out), TALLY_ERR_OK);
    greet_again(500 * MS, 501);
    assert_int_equal(end_of(500 * MS, LEG_COUNT - 1).since.us, wall_us);

    assert_int_equal(setup(600 * MS, 4), TALLY_ERR_OK); /* the ring is full, nothing is lost */
    greet_again(700 * MS, 502);
    assert_int_equal(end_of(700 * MS, LEG_COUNT).since.us, wall_us);
    assert_int_equal(state.counters.legs_moved, 0);

    assert_int_equal(setup(800 * MS, 5), TALLY_ERR_OK); /* pushes out the one of 1 us */
    greet_again(900 * MS, 503);
    assert_int_equal(end_of(900 * MS, LEG_COUNT).since.us, wall_us + 2);
    assert_int_equal(state.counters.legs_moved, 1);
    assert_false(tally_feed_state_next_leg(&state, at(900 * MS), &out)); /* once only */
}

static void old_legs_are_forgotten(void **unused)
{
    (void)unused;
    greet_again(0, 500);
    assert_int_equal(end_of(0, 0).leg_count, 0);
    assert_int_equal(setup(1000, 1), TALLY_ERR_OK);
    assert_int_equal(setup(2000, 2), TALLY_ERR_OK);
    greet_again(open_leg_us + 1000, 501);
    assert_int_equal(end_of(open_leg_us + 1000, 2).since.us, wall_us + 1000);
    greet_again(open_leg_us + 1001, 502);
    assert_int_equal(end_of(open_leg_us + 1001, 1).since.us, wall_us + 1001);
}

static void calls_while_gone_are_in_the_snapshot(void **unused)
{
    (void)unused;
    assert_int_equal(setup(1, 1), TALLY_ERR_AGAIN);
    greet_again(10, 500);
    (void)end_of(10, 1);
}

static void a_snapshot_while_calls_come(void **unused)
{
    uint32_t told = 0;

    (void)unused;
    for (int64_t i = 1; i <= LEG_COUNT; i++) {
        assert_int_equal(setup(i, (uint64_t)i), TALLY_ERR_AGAIN);
    }
    ping(10, 500);
    assert_next(10, TALLY_FEED_HELLO);
    assert_true(tally_feed_state_next_leg(&state, at(10), &out));
    assert_int_equal(out.event.event.leg_key, 1);
    /* Three new calls push out the first three; two of them were not told yet. */
    for (uint64_t i = 5; i <= 7; i++) {
        assert_int_equal(setup((int64_t)i + 10, i), TALLY_ERR_OK);
    }
    while (tally_feed_state_next_leg(&state, at(20), &out) && out.type == TALLY_FEED_OPEN_LEG) {
        assert_int_equal(out.event.event.leg_key, 4 + told);
        told++;
    }
    assert_int_equal(told, 4);
    assert_int_equal(out.type, TALLY_FEED_OPEN_LEGS_END);
    assert_int_equal(out.legs_end.leg_count, 5);
    assert_int_equal(out.legs_end.since.us, wall_us + 4);
}

/* A call that could not be told while the snapshot was is a leg of it: its end says "all". */
static void a_snapshot_while_calls_are_refused(void **unused)
{
    (void)unused;
    assert_int_equal(setup(1, 1), TALLY_ERR_AGAIN);
    greet_again(10, 500);
    for (uint64_t i = 0; i < PENDING_COUNT - 1; i++) {
        struct tally_event event = {
            .kind = TALLY_EVENT_RELEASE, .side = TALLY_SIDE_ORIGINATING, .at = at(11).wall};

        assert_int_equal(tally_feed_state_event(&state, at(11), &event, i, &out), TALLY_ERR_OK);
    }
    assert_int_equal(setup(12, 2), TALLY_ERR_FULL);
    assert_int_equal(end_of(13, 2).since.us, wall_us);
}

/* What was lost before it came here is no leg that anybody knows of. */
static void a_loss_is_not_claimed(void **unused)
{
    (void)unused;
    greet_again(0, 500);
    assert_int_equal(end_of(0, 0).since.us, wall_us);
    assert_int_equal(setup(1000, 1), TALLY_ERR_OK);
    tally_feed_state_lost(&state, at(2000).wall, at(3000).wall, 1);
    assert_next(3001, TALLY_FEED_GAP);
    assert_int_equal(out.gap.from.us, wall_us + 2000);
    assert_int_equal(out.gap.to.us, wall_us + 3000);
    assert_int_equal(out.gap.lost_count, 1);
    greet_again(4000, 501);
    assert_int_equal(end_of(4000, 1).since.us, wall_us + 3001);
    tally_feed_state_lost(&state, at(100).wall, at(200).wall, 1); /* of before: nothing new */
    greet_again(5000, 502);
    assert_int_equal(end_of(5000, 1).since.us, wall_us + 3001);
}

static struct tally_now set_by(int64_t us, int64_t step_us)
{
    struct tally_now now = at(us);

    now.wall.us += step_us;
    return now;
}

static int64_t claimed_since_us(struct tally_now now)
{
    struct tally_feed_record record = {.type = TALLY_FEED_PING, .ping = {.daemon_boot = 8}};

    tally_feed_state_consume(&state, now, &record, &notice);
    assert_true(tally_feed_state_next(&state, now, &out));
    assert_int_equal(out.type, TALLY_FEED_HELLO);
    while (tally_feed_state_next_leg(&state, now, &out)) {
    }
    assert_int_equal(out.type, TALLY_FEED_NONE);
    return state.leg_since.us;
}

/* A host starts with a wrong clock, which is then set: the claim does not grow by it. */
static void a_clock_set_claims_no_more(void **unused)
{
    struct tally_now now = set_by(10 * TALLY_US_PER_S, TALLY_US_PER_S + 1);

    assert_int_equal(claimed_since_us(now), now.wall.us);
    (void)start(unused);
    assert_int_equal(claimed_since_us(set_by(10 * TALLY_US_PER_S, TALLY_US_PER_S)), wall_us);
}

/* A clock that is set back does not end the watermarks, and is a gap. */
static void a_clock_set_back_goes_on(void **unused)
{
    struct tally_now now = set_by(100 * MS, -3600 * TALLY_US_PER_S);

    (void)unused;
    come_up(0, 500);
    tally_feed_state_drained(&state, at(50 * MS));
    assert_next(50 * MS, TALLY_FEED_WATERMARK);
    assert_true(tally_feed_state_next(&state, now, &out));
    assert_int_equal(out.type, TALLY_FEED_GAP);
    assert_false(tally_feed_state_next(&state, now, &out));
    tally_feed_state_drained(&state, now);
    assert_true(tally_feed_state_next(&state, now, &out));
    assert_int_equal(out.type, TALLY_FEED_WATERMARK);
    assert_int_equal(out.watermark.at.us, now.wall.us);
}

static void records_of_the_wrong_direction(void **unused)
{
    struct tally_feed_record record = {.type = TALLY_FEED_HELLO};

    (void)unused;
    come_up(0, 500);
    tally_feed_state_consume(&state, at(1), &record, &notice);
    assert_int_equal(state.counters.rejects, 1);
    ack(1, 0, 0);
    ack(1, 1, 0); /* not sent yet */
    ack(1, UINT64_MAX, 0);
    assert_int_equal(state.counters.strays, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start)
    const struct CMUnitTest tests[] = {
        TEST(hello_comes_first),
        TEST(a_first_start_without_calls_has_no_gap),
        TEST(an_ack_in_time),
        TEST(an_ack_too_late),
        TEST(a_gap_is_mended_by_another_snapshot),
        TEST(a_gap_before_the_snapshot_needs_no_other),
        TEST(only_a_causal_feed_misses_acks),
        TEST(silence),
        TEST(another_daemon),
        TEST(what_could_not_be_sent),
        TEST(a_hello_that_could_not_be_sent),
        TEST(too_many_wait),
        TEST(watermarks),
        TEST(flush_is_answered_after_a_drain),
        TEST(too_many_flushes),
        TEST(a_clock_set_back_is_a_gap),
        TEST(the_snapshot),
        TEST(old_legs_are_forgotten),
        TEST(calls_while_gone_are_in_the_snapshot),
        TEST(a_snapshot_while_calls_come),
        TEST(a_snapshot_while_calls_are_refused),
        TEST(a_loss_is_not_claimed),
        TEST(a_clock_set_claims_no_more),
        TEST(a_clock_set_back_goes_on),
        TEST(records_of_the_wrong_direction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
