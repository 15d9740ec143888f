/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the records of a turn leave in order, one batch per receiver, more only where one is full,
 * and none is lost or sent to another.
 * Method: batches are decoded by the functions that a receiver uses, and compared with what was
 * added.
 */
#include "daemon/outbox.h"
#include "testing.h"
#include "wire/feed.h"
#include "wire/record.h"

#include <stdlib.h>
#include <string.h>

enum { PEERS = 200, SEEN_MAX = 2048 };

struct seen {
    uint32_t receiver, id;
    uint32_t batch;
};

struct bench {
    struct tally_outbox outbox;
    struct seen peers[SEEN_MAX], feeds[SEEN_MAX];
    uint32_t peer_count, feed_count, batch_count;
};

static void see_peer(void *context, uint32_t peer, const uint8_t *bytes, size_t size)
{
    struct bench *bench = context;
    struct tally_batch_reader batch;
    struct tally_record record;
    enum tally_reject reject;

    assert_int_equal(tally_batch_open(bytes, size, &batch), TALLY_REJECT_NONE);
    assert_int_equal(batch.sealed_at.us, 77);
    while (tally_batch_next(&batch, &record, &reject)) {
        assert_int_equal(reject, TALLY_REJECT_NONE);
        bench->peers[bench->peer_count++] = (struct seen){
            .receiver = peer, .id = record.probe.probe_id, .batch = bench->batch_count};
    }
    bench->batch_count++;
}

static void see_feed(void *context, uint32_t feed, const uint8_t *bytes, size_t size)
{
    struct bench *bench = context;
    struct tally_batch_reader batch;
    struct tally_feed_record record;
    enum tally_reject reject;

    assert_int_equal(tally_batch_open(bytes, size, &batch), TALLY_REJECT_NONE);
    while (tally_feed_batch_next(&batch, &record, &reject)) {
        assert_int_equal(reject, TALLY_REJECT_NONE);
        bench->feeds[bench->feed_count++] = (struct seen){
            .receiver = feed, .id = (uint32_t)record.ack.seq, .batch = bench->batch_count};
    }
    bench->batch_count++;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    assert_non_null(bench);
    assert_int_equal(tally_outbox_open(&bench->outbox, PEERS, see_peer, see_feed, bench, NULL),
                     TALLY_ERR_OK);
    bench->outbox.now.us = 77;
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    tally_outbox_close(&bench->outbox);
    free(bench);
    return 0;
}

static void add_probe(struct bench *bench, uint32_t peer, uint32_t id)
{
    struct tally_record record = {.type = TALLY_RECORD_PROBE, .probe = {.probe_id = id, .t1 = {1}}};

    tally_outbox_add_peer(&bench->outbox, peer, &record);
}

static void add_ack(struct bench *bench, uint8_t feed, uint32_t seq)
{
    struct tally_feed_record record = {.type = TALLY_FEED_ACK, .ack = {.seq = seq}};

    tally_outbox_add_feed(&bench->outbox, feed, &record);
}

static void test_one_batch_per_receiver(void **state)
{
    struct bench *bench = *state;

    for (uint32_t id = 1; id <= 10; id++) {
        add_probe(bench, id % 2, id);
        add_ack(bench, (uint8_t)(id % 2), id);
    }
    assert_int_equal(bench->batch_count, 0);
    tally_outbox_flush(&bench->outbox);
    assert_int_equal(bench->batch_count, 4);
    assert_int_equal(bench->peer_count, 10);
    assert_int_equal(bench->feed_count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t last = i % 5 == 0 ? 0 : bench->peers[i - 1].id;

        assert_int_equal(bench->peers[i].receiver, bench->peers[i].id % 2);
        assert_true(bench->peers[i].id > last);
        assert_int_equal(bench->feeds[i].receiver, bench->feeds[i].id % 2);
    }
    /* Feeds first: a switch waits for them. */
    assert_true(bench->feeds[9].batch < bench->peers[0].batch);
    tally_outbox_flush(&bench->outbox);
    assert_int_equal(bench->batch_count, 4);
}

static void test_full_batch_goes_out_at_once(void **state)
{
    struct bench *bench = *state;
    uint32_t count = TALLY_BATCH_RECORDS_MAX + 1;

    for (uint32_t id = 1; id <= count; id++) {
        add_probe(bench, 3, id);
        add_ack(bench, 0, id);
    }
    assert_int_equal(bench->batch_count, 2);
    tally_outbox_flush(&bench->outbox);
    assert_int_equal(bench->batch_count, 4);
    assert_int_equal(bench->peer_count, count);
    assert_int_equal(bench->feed_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(bench->peers[i].id, i + 1);
        assert_int_equal(bench->feeds[i].id, i + 1);
    }
}

static void test_more_peers_than_places(void **state)
{
    struct bench *bench = *state;

    for (uint32_t peer = 0; peer < TALLY_OUTBOX_PEERS_MAX; peer++) {
        add_probe(bench, peer, peer + 1);
    }
    assert_int_equal(bench->batch_count, 0);
    add_probe(bench, PEERS - 1, 1000);
    assert_int_equal(bench->batch_count, TALLY_OUTBOX_PEERS_MAX);
    add_probe(bench, 0, 2000);
    tally_outbox_flush(&bench->outbox);
    assert_int_equal(bench->peer_count, TALLY_OUTBOX_PEERS_MAX + 2);
    for (uint32_t i = 0; i < TALLY_OUTBOX_PEERS_MAX; i++) {
        assert_int_equal(bench->peers[i].receiver, i);
        assert_int_equal(bench->peers[i].id, i + 1);
    }
    assert_int_equal(bench->peers[TALLY_OUTBOX_PEERS_MAX].receiver, PEERS - 1);
    assert_int_equal(bench->peers[TALLY_OUTBOX_PEERS_MAX + 1].id, 2000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_batch_per_receiver, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_batch_goes_out_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_peers_than_places, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
