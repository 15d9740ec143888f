/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a peer's clock is measured as RFC 5905 says, with an honest error bound; replies that
 * answer nothing or tell absurd times change nothing; slots outlive changes of the database.
 * Method: a made-up path with a known delay each way and a known offset.
 */
#include "core/peers.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US INT64_C(1767225600000000)

static struct tally_now at(int64_t us)
{
    return (struct tally_now){.mono = {us}, .wall = {NOW_US + us}};
}

/* One exchange: `out_us` there, `back_us` back, the peer's clock offset_us ahead of ours. */
static enum tally_reject exchange(struct tally_peer *peer, int64_t start_us, int64_t out_us,
                                  int64_t back_us, int64_t offset_us)
{
    struct tally_probe probe = tally_peer_probe(peer, at(start_us));

    probe.is_reply = true;
    probe.t2.us = NOW_US + start_us + out_us + offset_us;
    probe.t3.us = probe.t2.us + 50;
    return tally_peer_measure(peer, at(start_us + out_us + 50 + back_us), &probe);
}

static void test_symmetric_path(void **state)
{
    struct tally_peer peer = {0};

    (void)state;
    assert_int_equal(exchange(&peer, 0, 10000, 10000, 300000), TALLY_REJECT_NONE);
    assert_int_equal(peer.rtt_us, 20000);
    assert_int_equal(peer.offset_us, 300000);
    assert_int_equal(tally_peer_instant(&peer, (struct tally_wall){NOW_US + 300000}).us, NOW_US);
}

/* The error of a lopsided path stays within the bound. */
static void test_lopsided_path(void **state)
{
    struct tally_peer peer = {0};

    (void)state;
    assert_int_equal(exchange(&peer, 0, 100000, 2000, -700000), TALLY_REJECT_NONE);
    assert_true(llabs(peer.offset_us - -700000) <= peer.bound_us);
}

static void test_shortest_round_trip_counts(void **state)
{
    struct tally_peer peer = {0};

    (void)state;
    for (int64_t round = 0; round < 7; round++) {
        assert_int_equal(exchange(&peer, round * 1000000, 50000, 90000, 1000), TALLY_REJECT_NONE);
    }
    assert_int_equal(exchange(&peer, 8000000, 5000, 5000, 1000), TALLY_REJECT_NONE);
    assert_int_equal(peer.offset_us, 1000);
    assert_int_equal(peer.rtt_us, 10000);
    /* Eight worse samples later it is forgotten. */
    for (int64_t round = 10; round < 18; round++) {
        (void)exchange(&peer, round * 1000000, 20000, 20000, 2000);
    }
    assert_int_equal(peer.rtt_us, 40000);
    assert_int_equal(peer.offset_us, 2000);
}

static void test_replies_to_nothing(void **state)
{
    struct tally_peer peer = {0};
    struct tally_probe probe = {.is_reply = true, .t1 = {NOW_US}, .t2 = {NOW_US}, .t3 = {NOW_US}};

    (void)state;
    assert_int_equal(tally_peer_measure(&peer, at(10), &probe), TALLY_REJECT_STATE);
    probe = tally_peer_probe(&peer, at(0));
    assert_int_equal(tally_peer_measure(&peer, at(10), &probe), TALLY_REJECT_STATE);
    probe.is_reply = true;
    probe.t2 = probe.t3 = probe.t1;
    probe.probe_id++;
    assert_int_equal(tally_peer_measure(&peer, at(10), &probe), TALLY_REJECT_STATE);
    probe.probe_id--;
    probe.t1.us++;
    assert_int_equal(tally_peer_measure(&peer, at(10), &probe), TALLY_REJECT_STATE);
    probe.t1.us--;
    assert_int_equal(tally_peer_measure(&peer, at(10), &probe), TALLY_REJECT_NONE);
    assert_int_equal(tally_peer_measure(&peer, at(11), &probe), TALLY_REJECT_STATE);
}

static void test_absurd_times(void **state)
{
    struct tally_peer peer = {0};
    struct tally_probe probe = tally_peer_probe(&peer, at(0));

    (void)state;
    probe.is_reply = true;
    probe.t2.us = NOW_US + 10;
    probe.t3.us = NOW_US + 9; /* sent before it was received */
    assert_int_equal(tally_peer_measure(&peer, at(20), &probe), TALLY_REJECT_VALUE);
    probe = tally_peer_probe(&peer, at(0));
    probe.is_reply = true;
    probe.t2.us = 1;
    probe.t3.us = INT64_MAX;
    assert_int_equal(tally_peer_measure(&peer, at(20), &probe), TALLY_REJECT_VALUE);
    assert_int_equal(exchange(&peer, 0, TALLY_PEER_RTT_MAX_US, 1, 0), TALLY_REJECT_VALUE);
    assert_int_equal(exchange(&peer, 0, TALLY_PEER_RTT_MAX_US - 1, 1, 0), TALLY_REJECT_NONE);
}

/* Slots. */

static void *index_of(const char *const *ids, uint32_t count, const struct tally_cdb_index **index)
{
    static struct tally_cdb_operator operators[8];
    struct tally_cdb_facts facts = {.operators = operators, .operator_count = count};
    void *memory = NULL;

    memset(operators, 0, sizeof(operators));
    for (uint32_t op = 0; op < count; op++) {
        (void)snprintf(operators[op].id, sizeof(operators[op].id), "%s", ids[op]);
        operators[op].noise_key_count = 1;
        operators[op].expires.us = TALLY_WALL_MAX_US;
    }
    memory = malloc(tally_cdb_index_bytes(&facts));
    assert_non_null(memory);
    assert_int_equal(tally_cdb_index_build(&facts, memory, tally_cdb_index_bytes(&facts), index),
                     TALLY_ERR_OK);
    return memory;
}

static void test_slots_outlive_changes(void **state)
{
    static const char *const first[] = {"alfa", "bravo", "self"};
    static const char *const second[] = {"aaa", "bravo", "carol", "self"};
    const struct tally_cdb_index *index = NULL;
    struct tally_hash_key key = {1, 2};
    struct tally_peers peers;
    void *memory = malloc(tally_peers_bytes(3));
    void *one = NULL;
    void *two = NULL;

    (void)state;
    assert_non_null(memory);
    tally_peers_init(&peers, 3, &key, memory);
    one = index_of(first, 3, &index);
    assert_int_equal(tally_peers_renew(&peers, index, "self"), 0);
    assert_int_equal(tally_peers_find(&peers, "alfa"), 0);
    assert_int_equal(tally_peers_find(&peers, "bravo"), 1);
    assert_int_equal(tally_peers_find(&peers, "self"), TALLY_PEER_NOBODY);
    assert_int_equal(tally_peers_by_op(&peers, 2), TALLY_PEER_NOBODY);
    peers.list[0].is_up = true;

    two = index_of(second, 4, &index);
    /* carol finds no place: alfa keeps its slot although it left. */
    assert_int_equal(tally_peers_renew(&peers, index, "self"), 1);
    assert_int_equal(tally_peers_find(&peers, "alfa"), 0);
    assert_int_equal(peers.list[0].op, TALLY_CDB_NOBODY);
    assert_false(peers.list[0].is_up);
    assert_int_equal(tally_peers_by_op(&peers, 0), 2);
    assert_int_equal(tally_peers_by_op(&peers, 1), 1);
    assert_int_equal(tally_peers_by_op(&peers, 2), TALLY_PEER_NOBODY);
    assert_int_equal(tally_peers_by_op(&peers, 1000), TALLY_PEER_NOBODY);
    free(one);
    free(two);
    free(memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symmetric_path),
        cmocka_unit_test(test_lopsided_path),
        cmocka_unit_test(test_shortest_round_trip_counts),
        cmocka_unit_test(test_replies_to_nothing),
        cmocka_unit_test(test_absurd_times),
        cmocka_unit_test(test_slots_outlive_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
