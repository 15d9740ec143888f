/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: two honest registries come into session whoever begins, whatever single message is lost,
 * and stay in session through rekeying, restarts and the rotation of keys; every timer is exact on
 * both sides of its bound.
 * Method: two engines and a clock that is only a number; each message is carried over by hand.
 */
#include "crypto/sign.h"
#include "testing.h"
#include "unit/session_bench.h"

#include <stdlib.h>
#include <string.h>

static struct bench bench;

static int set_up(void **state)
{
    (void)state;
    bench_open(&bench, 20261121);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_close(&bench);
    return 0;
}

static void lower_key_begins_at_once(void **state)
{
    (void)state;
    bench_list(&bench);
    assert_false(bench_is_up(&bench, LOW));
    assert_true(tally_sessions_next_due(bench.ends[LOW].sessions).us <= bench.now.mono.us);
    bench_tick_none(&bench, HIGH);
    bench_handshake(&bench, LOW);
    bench_talk(&bench);
    assert_int_equal(bench_stats(&bench, LOW).initiated, 1);
    assert_int_equal(bench_stats(&bench, LOW).initiations, 1);
    assert_int_equal(bench_stats(&bench, HIGH).responses, 1);
    assert_int_equal(bench_stats(&bench, HIGH).confirmed, 1);
    assert_int_equal(bench_stats(&bench, HIGH).frames_sealed, 1);
    assert_int_equal(bench_stats(&bench, LOW).frames_sealed, 2);
    assert_int_equal(tally_sessions_minor(bench.ends[LOW].sessions, 0), TALLY_WIRE_MINOR);
    bench_tick_none(&bench, LOW);
    bench_tick_none(&bench, HIGH);
}

static void higher_key_yields_first(void **state)
{
    (void)state;
    bench_list(&bench);
    bench_pass(&bench, TALLY_SESSION_YIELD_US - 1);
    bench_tick_none(&bench, HIGH);
    bench_pass(&bench, 1 + TALLY_SESSION_YIELD_US / 2);
    bench_handshake(&bench, HIGH);
    bench_talk(&bench);
    assert_int_equal(bench_stats(&bench, HIGH).initiated, 1);
    assert_int_equal(bench_stats(&bench, LOW).confirmed, 1);
}

static void higher_key_lets_the_lower_finish(void **state)
{
    struct bench_frame first;
    struct bench_frame second;

    (void)state;
    bench_list(&bench);
    bench_tick_send(&bench, LOW, &first);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    bench_pass(&bench, TALLY_SESSION_RETRY_US - 1);
    bench_tick_none(&bench, HIGH);
    bench_pass(&bench, 1 + TALLY_SESSION_RETRY_US / 3);
    bench_tick_send(&bench, HIGH, &first); /* nothing came of it: now it tries itself */
}

static void responder_waits_for_confirmation(void **state)
{
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame confirmation;
    struct bench_frame frame;
    struct tally_session_result result;

    (void)state;
    bench_list(&bench);
    bench_tick_send(&bench, LOW, &first);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    assert_false(bench_is_up(&bench, HIGH));
    assert_int_equal(tally_sessions_seal(bench.ends[HIGH].sessions, bench.now.mono, 0, NULL, 0,
                                         frame.bytes, &frame.count),
                     TALLY_ERR_AGAIN);
    assert_int_equal(frame.count, 0);
    bench_give_answered(&bench, LOW, &second, TALLY_SESSION_UP, &confirmation);
    assert_true(bench_is_up(&bench, LOW));

    /* The confirmation is lost; the first batch does as well, and is not lost on the way. */
    bench_seal(&bench, LOW, "batch", &frame);
    bench_give(&bench, HIGH, &frame, &result);
    assert_int_equal(result.event, TALLY_SESSION_PLAINTEXT);
    assert_true(result.came_up);
    assert_int_equal(result.plaintext_bytes, 5);
    bench_give(&bench, HIGH, &confirmation, &result); /* late, not wrong */
    assert_int_equal(result.event, TALLY_SESSION_PLAINTEXT);
    assert_false(result.came_up);
    assert_int_equal(result.plaintext_bytes, 0);
    bench_talk(&bench);
}

static void simultaneous_open_gives_two_sessions(void **state)
{
    struct bench_frame first[END_COUNT];
    struct bench_frame second[END_COUNT];
    struct bench_frame confirmation[END_COUNT];
    struct tally_session_result result;

    (void)state;
    bench_list(&bench);
    bench_pass(&bench, TALLY_SESSION_YIELD_US * 2);
    for (int end = LOW; end < END_COUNT; end++) {
        bench_tick_send(&bench, end, &first[end]);
    }
    for (int end = LOW; end < END_COUNT; end++) {
        bench_give_answered(&bench, end, &first[1 - end], TALLY_SESSION_NOTHING, &second[end]);
    }
    for (int end = LOW; end < END_COUNT; end++) {
        bench_give_answered(&bench, end, &second[1 - end], TALLY_SESSION_UP, &confirmation[end]);
    }
    for (int end = LOW; end < END_COUNT; end++) {
        bench_give(&bench, end, &confirmation[1 - end], &result);
        assert_int_equal(result.event, TALLY_SESSION_UP);
        assert_false(result.came_up);
    }
    for (int round = 0; round < 3; round++) {
        bench_talk(&bench);
    }
    for (int end = LOW; end < END_COUNT; end++) {
        assert_int_equal(bench_stats(&bench, end).initiated, 1);
        assert_int_equal(bench_stats(&bench, end).confirmed, 1);
    }

    /* Frames under way during the next rekeying are still read, whichever keys they are under. */
    bench_seal(&bench, LOW, "slow up", &first[LOW]);
    bench_seal(&bench, HIGH, "slow down", &first[HIGH]);
    bench_pass(&bench, TALLY_SESSION_REKEY_AFTER_US);
    bench_handshake(&bench, LOW);
    bench_give_text(&bench, HIGH, &first[LOW], "slow up");
    bench_give_text(&bench, LOW, &first[HIGH], "slow down");
}

static void lost_message_1_is_made_again(void **state)
{
    struct bench_frame lost;

    (void)state;
    bench_list(&bench);
    bench_tick_send(&bench, LOW, &lost);
    bench_pass(&bench, TALLY_SESSION_RETRY_US - 1);
    bench_tick_none(&bench, LOW);
    bench_pass(&bench, 1 + TALLY_SESSION_RETRY_US / 3);
    bench_handshake(&bench, LOW);
    bench_talk(&bench);
    bench_give_rejected(&bench, HIGH, &lost, TALLY_REJECT_TIMESTAMP); /* it comes after all */
    bench_talk(&bench);
}

static void lost_message_2_is_made_again(void **state)
{
    struct bench_frame first;
    struct bench_frame lost;

    (void)state;
    bench_list(&bench);
    bench_tick_send(&bench, LOW, &first);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &lost);
    bench_pass(&bench, TALLY_SESSION_RETRY_US * 4 / 3);
    bench_handshake(&bench, LOW);
    bench_give_rejected(&bench, LOW, &lost, TALLY_REJECT_INDEX);
    bench_talk(&bench);
}

static void lost_confirmation_heals(void **state)
{
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame lost;

    (void)state;
    bench_list(&bench);
    bench_tick_send(&bench, LOW, &first);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    bench_give_answered(&bench, LOW, &second, TALLY_SESSION_UP, &lost);
    bench_pass(&bench, TALLY_SESSION_RETRY_US * 4 / 3);
    bench_tick_none(&bench, LOW);
    bench_handshake(&bench, HIGH); /* no frame came: the other end begins */
    bench_talk(&bench);
}

static void retries_back_off_and_hurry_ends_that(void **state)
{
    static const int64_t waits_s[] = {5, 10, 20, 40, 80, 90, 90};
    struct bench_frame frame;

    (void)state;
    bench_list(&bench);
    bench_tick_send(&bench, LOW, &frame);
    for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
        bench_pass(&bench, waits_s[i] * TALLY_US_PER_S - 1);
        bench_tick_none(&bench, LOW);
        bench_pass(&bench, 1 + waits_s[i] * TALLY_US_PER_S / 3);
        bench_tick_send(&bench, LOW, &frame);
    }
    tally_sessions_hurry(bench.ends[LOW].sessions, bench.now.mono, 0);
    bench_pass(&bench, TALLY_SESSION_RESEND_US - 1);
    bench_tick_none(&bench, LOW);        /* not twice within 200 ms */
    bench_pass(&bench, TALLY_US_PER_MS); /* a timer is exact to the millisecond */
    bench_tick_send(&bench, LOW, &frame);
    bench_pass(&bench, TALLY_SESSION_RETRY_US * 4 / 3);
    bench_tick_send(&bench, LOW, &frame);
    assert_int_equal(bench_stats(&bench, LOW).initiations, 10);

    tally_sessions_hurry(bench.ends[HIGH].sessions, bench.now.mono, 0);
    bench_tick_send(&bench, HIGH, &frame); /* its own was due long since */
    bench_pass(&bench, TALLY_US_PER_S);
    tally_sessions_hurry(bench.ends[HIGH].sessions, bench.now.mono, 0);
    bench_pass(&bench, TALLY_SESSION_YIELD_US - 1);
    bench_tick_none(&bench, HIGH);
    bench_pass(&bench, 1 + TALLY_SESSION_YIELD_US / 2);
    bench_tick_send(&bench, HIGH, &frame);
}

static void unsent_message_goes_out_again_as_it_was(void **state)
{
    struct bench_frame first;
    struct bench_frame again;

    (void)state;
    bench_list(&bench);
    bench_tick_send(&bench, LOW, &first);
    for (int i = 0; i < 3; i++) {
        tally_sessions_unsent(bench.ends[LOW].sessions, bench.now.mono, 0);
        bench_pass(&bench, TALLY_SESSION_RESEND_US - 1);
        bench_tick_none(&bench, LOW);
        bench_pass(&bench, 1);
        bench_tick_send(&bench, LOW, &again);
        assert_memory_equal(again.bytes, first.bytes, first.count);
    }
    assert_int_equal(bench_stats(&bench, LOW).initiations, 1);
    bench_give_answered(&bench, HIGH, &again, TALLY_SESSION_NOTHING, &first);
    bench_give_answered(&bench, LOW, &first, TALLY_SESSION_UP, &again);
    tally_sessions_unsent(bench.ends[LOW].sessions, bench.now.mono, 0); /* too late to matter */
    bench_pass(&bench, TALLY_SESSION_RESEND_US);
    bench_tick_none(&bench, LOW);
}

static void rekeying_comes_at_120_s(void **state)
{
    (void)state;
    bench_list(&bench);
    bench_handshake(&bench, LOW);
    bench_pass(&bench, 119 * TALLY_US_PER_S);
    bench_tick_none(&bench, LOW);
    bench_tick_none(&bench, HIGH);
    bench_pass(&bench, TALLY_US_PER_S - 1);
    bench_tick_none(&bench, LOW);
    bench_pass(&bench, 1);
    bench_tick_none(&bench, HIGH);
    bench_handshake(&bench, LOW);
    bench_talk(&bench);

    /* And where the lower key is silent, the higher one takes over before 121 s. */
    bench_pass(&bench, 120 * TALLY_US_PER_S);
    bench_tick_none(&bench, HIGH);
    bench_pass(&bench, TALLY_US_PER_S);
    bench_handshake(&bench, HIGH);
    bench_talk(&bench);
    assert_int_equal(bench_stats(&bench, LOW).sessions_ended, 0);
    assert_int_equal(bench_stats(&bench, HIGH).sessions_ended, 0);
}

static void rekeying_is_no_new_session(void **state)
{
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame confirmation;
    struct bench_frame under_way;
    struct tally_session_result result;

    (void)state;
    bench_list(&bench);
    bench_handshake(&bench, LOW);
    bench_pass(&bench, 121 * TALLY_US_PER_S);
    bench_tick_send(&bench, LOW, &first);
    bench_talk(&bench);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    bench_talk(&bench); /* still on the old keys, both ways */
    bench_seal(&bench, HIGH, "late", &under_way);
    bench_give(&bench, LOW, &second, &result);
    assert_int_equal(result.event, TALLY_SESSION_UP);
    assert_false(result.came_up);
    memcpy(confirmation.bytes, result.reply, result.reply_bytes);
    confirmation.count = result.reply_bytes;
    bench_give(&bench, HIGH, &confirmation, &result);
    assert_int_equal(result.event, TALLY_SESSION_UP);
    assert_false(result.came_up);
    bench_give_text(&bench, LOW, &under_way, "late");
    bench_talk(&bench);
}

/* 2^20 frames are really sent; the last of them orders a handshake. */
static void rekeying_comes_after_2_to_the_20_frames(void **state)
{
    uint8_t frame[TALLY_FRAME_HEADER_BYTES + TALLY_FRAME_TAG_BYTES];
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame confirmation;
    size_t count;

    (void)state;
    bench_list(&bench);
    bench_handshake(&bench, LOW); /* one frame: the confirmation */
    for (uint32_t sent = 1; sent < TALLY_SESSION_REKEY_AFTER_FRAMES - 1; sent++) {
        assert_int_equal(tally_sessions_seal(bench.ends[LOW].sessions, bench.now.mono, 0, NULL, 0,
                                             frame, &count),
                         TALLY_ERR_OK);
    }
    bench_tick_none(&bench, LOW);
    assert_int_equal(bench_stats(&bench, LOW).frames_sealed, (1 << 20) - 1);
    assert_int_equal(
        tally_sessions_seal(bench.ends[LOW].sessions, bench.now.mono, 0, NULL, 0, frame, &count),
        TALLY_ERR_OK);
    bench_tick_send(&bench, LOW, &first);
    bench_talk(&bench); /* the old keys stay good meanwhile */
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    bench_give_answered(&bench, LOW, &second, TALLY_SESSION_UP, &confirmation);
    assert_memory_equal(confirmation.bytes + 8, "\0\0\0\0\0\0\0\0", 8); /* new keys count anew */
    bench_tick_none(&bench, LOW);
}

static void session_ends_at_180_s(void **state)
{
    struct bench_frame frame;
    struct bench_frame late;

    (void)state;
    bench_list(&bench);
    bench_handshake(&bench, LOW);
    bench_pass(&bench, 179 * TALLY_US_PER_S);
    assert_true(bench_is_up(&bench, LOW));
    bench_talk(&bench);
    bench_pass(&bench, TALLY_US_PER_S - 1);
    bench_seal(&bench, LOW, "just inside", &frame);
    bench_seal(&bench, LOW, "outside", &late);
    bench_give_text(&bench, HIGH, &frame, "just inside");
    bench_pass(&bench, 1);
    assert_false(bench_is_up(&bench, LOW));
    assert_int_equal(tally_sessions_seal(bench.ends[LOW].sessions, bench.now.mono, 0, NULL, 0,
                                         frame.bytes, &frame.count),
                     TALLY_ERR_AGAIN);
    bench_give_rejected(&bench, HIGH, &late, TALLY_REJECT_EXPIRED);
    bench_tick_down(&bench, HIGH);
    bench_pass(&bench, TALLY_US_PER_S);
    bench_give_rejected(&bench, HIGH, &late, TALLY_REJECT_INDEX);
    bench_tick_down(&bench, LOW);
    bench_handshake(&bench, LOW); /* its retry was due all the while */
    bench_talk(&bench);
    assert_int_equal(bench_stats(&bench, LOW).sessions_ended, 1);
    assert_int_equal(bench_stats(&bench, HIGH).sessions_ended, 1);
}

static void restart_of_one_end_heals(void **state)
{
    struct tally_session_peer peer;
    struct bench_frame frame;

    (void)state;
    for (int end = LOW; end < END_COUNT; end++) {
        bench_list(&bench);
        bench_pass(&bench, TALLY_SESSION_YIELD_US * 2);
        bench_handshake(&bench, LOW);
        bench_restart(&bench, end);
        peer = bench_peer(&bench, 1 - end);
        bench_seal(&bench, 1 - end, "lost", &frame);
        bench_give_rejected(&bench, end, &frame, TALLY_REJECT_INDEX);
        assert_false(tally_sessions_set_peer(bench.ends[end].sessions, 0, &peer, bench.now.mono));
        bench_pass(&bench, TALLY_SESSION_YIELD_US * 2);
        bench_handshake(&bench, end);
        bench_talk(&bench);
        bench_close(&bench);
        bench_open(&bench, 99);
    }
}

static void clock_set_back_does_not_lock_out(void **state)
{
    (void)state;
    bench_list(&bench);
    bench_handshake(&bench, LOW);
    bench_pass(&bench, TALLY_SESSION_REKEY_AFTER_US);
    bench.now.wall.us -= 3600 * TALLY_US_PER_S;
    bench_handshake(&bench, LOW);
    bench_pass(&bench, TALLY_SESSION_REKEY_AFTER_US);
    bench.now.wall.us = 0; /* absent */
    bench_handshake(&bench, LOW);
    bench_talk(&bench);
}

static void key_that_leaves_the_database_ends_its_session(void **state)
{
    const struct tally_session_peer before = bench_peer(&bench, LOW);
    struct tally_session_peer after = before;
    struct bench_frame frame;

    (void)state;
    bench_list(&bench);
    bench_handshake(&bench, LOW);
    bench_seal(&bench, LOW, "late", &frame);
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, &before, bench.now.mono));
    assert_true(bench_is_up(&bench, HIGH));

    after.static_keys[0][0] ^= 1;
    assert_true(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, &after, bench.now.mono));
    assert_false(bench_is_up(&bench, HIGH));
    bench_give_rejected(&bench, HIGH, &frame, TALLY_REJECT_INDEX);
    bench_tick_none(&bench, HIGH); /* its end was told already */
    bench_pass(&bench, TALLY_SESSION_REKEY_AFTER_US);
    bench_tick_send(&bench, LOW, &frame);
    bench_give_rejected(&bench, HIGH, &frame, TALLY_REJECT_KEY);
    assert_int_equal(bench_stats(&bench, HIGH).sessions_ended, 1);
}

static void peer_that_leaves_is_forgotten(void **state)
{
    const struct tally_session_peer peer = bench_peer(&bench, LOW);
    struct bench_frame first;

    (void)state;
    bench_list(&bench);
    bench_handshake(&bench, LOW);
    assert_true(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, NULL, bench.now.mono));
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, NULL, bench.now.mono));
    assert_true(tally_sessions_next_due(bench.ends[HIGH].sessions).us == TALLY_MONO_NEVER_US);
    bench_pass(&bench, TALLY_SESSION_REKEY_AFTER_US);
    bench_tick_none(&bench, HIGH);
    bench_tick_send(&bench, LOW, &first);
    bench_give_rejected(&bench, HIGH, &first, TALLY_REJECT_KEY);

    /* It comes back, in another slot even: what was seen of its key before still counts. */
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 3, &peer, bench.now.mono));
    tally_sessions_hurry(bench.ends[LOW].sessions, bench.now.mono, 0);
    bench_pass(&bench, TALLY_SESSION_RESEND_US);
    bench_tick_send(&bench, LOW, &first);
    for (int i = 0; i < 2; i++) {
        struct tally_session_result result;

        bench_give(&bench, HIGH, &first, &result);
        assert_int_equal(result.reject, i == 0 ? TALLY_REJECT_NONE : TALLY_REJECT_TIMESTAMP);
        assert_int_equal(result.peer, 3);
        assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 3, NULL, bench.now.mono));
        assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 3, &peer, bench.now.mono));
    }
}

/* A new engine with the next secret takes the place of an end's; the database lists both keys. */
static void rotate(int end, struct tally_session_peer *both)
{
    struct bench_end *rotated = &bench.ends[end];
    struct tally_entropy entropy = bench_entropy(&bench.random);

    *both = bench_peer(&bench, end);
    both->key_count = 2;
    tally_dh_generate(&entropy, rotated->secret, rotated->public);
    memcpy(both->static_keys[1], rotated->public, TALLY_SESSION_KEY_BYTES);
}

static void rotation_to_the_next_key_needs_no_flag_day(void **state)
{
    struct tally_session_peer both;
    struct tally_session_peer other;
    struct tally_session_peer only_next;

    (void)state;
    for (int end = LOW; end < END_COUNT; end++) {
        bench_list(&bench);
        bench_pass(&bench, TALLY_SESSION_YIELD_US * 2);
        bench_handshake(&bench, LOW);

        /* 1. The database lists the next key too: nothing happens. */
        rotate(end, &both);
        assert_false(
            tally_sessions_set_peer(bench.ends[1 - end].sessions, 0, &both, bench.now.mono));
        bench_talk(&bench);

        /* 2. The end restarts with it. */
        bench_restart(&bench, end);
        other = bench_peer(&bench, 1 - end);
        assert_false(tally_sessions_set_peer(bench.ends[end].sessions, 0, &other, bench.now.mono));
        bench_pass(&bench, TALLY_SESSION_YIELD_US * 2);
        bench_handshake(&bench, end);
        bench_talk(&bench);

        /* 3. Who initiates towards it next uses the key that it has shown. */
        bench_pass(&bench, TALLY_SESSION_REKEY_AFTER_US + TALLY_US_PER_S);
        bench_handshake(&bench, 1 - end);
        bench_talk(&bench);

        /* 4. The old key leaves: the session, on the next one, stays. */
        only_next = both;
        only_next.key_count = 1;
        memcpy(only_next.static_keys[0], both.static_keys[1], TALLY_SESSION_KEY_BYTES);
        memset(only_next.static_keys[1], 0, TALLY_SESSION_KEY_BYTES);
        assert_false(
            tally_sessions_set_peer(bench.ends[1 - end].sessions, 0, &only_next, bench.now.mono));
        bench_talk(&bench);
        bench_close(&bench);
        bench_open(&bench, 98);
    }
}

static void initiator_tries_the_current_key_first_and_then_the_next(void **state)
{
    struct tally_session_peer both;
    struct bench_frame frame;
    const struct tally_session_peer low = bench_peer(&bench, LOW);

    (void)state;
    rotate(HIGH, &both);
    bench_restart(&bench, HIGH); /* it has moved on to the next already */
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, &low, bench.now.mono));
    assert_false(tally_sessions_set_peer(bench.ends[LOW].sessions, 0, &both, bench.now.mono));
    bench_tick_send(&bench, LOW, &frame);
    bench_give_rejected(&bench, HIGH, &frame, TALLY_REJECT_TAG);
    bench_pass(&bench, TALLY_SESSION_RETRY_US * 4 / 3);
    bench_handshake(&bench, LOW);
    bench_talk(&bench);
}

static void configuration_is_checked(void **state)
{
    static const uint8_t secret[TALLY_SESSION_KEY_BYTES] = {1};
    struct tally_sessions_config config = {.operator_id = "op",
                                           .secret_key = secret,
                                           .peer_max = TALLY_SESSION_PEERS_MAX + 1,
                                           .entropy = bench_entropy(&bench.random)};
    struct tally_sessions *sessions = NULL;
    struct tally_fault fault = {0};

    (void)state;
    assert_int_equal(tally_sessions_open(&config, bench.now.mono, &sessions, &fault),
                     TALLY_ERR_LIMIT);
    assert_null(sessions);
    assert_non_null(strstr(fault.text, "65537"));
    config.peer_max = 0;
    assert_int_equal(tally_sessions_open(&config, bench.now.mono, &sessions, &fault),
                     TALLY_ERR_LIMIT);
    config.peer_max = 1;
    config.operator_id = "Not An Id";
    assert_int_equal(tally_sessions_open(&config, bench.now.mono, &sessions, &fault),
                     TALLY_ERR_LIMIT);
    config.operator_id = "op";
    assert_int_equal(tally_sessions_open(&config, bench.now.mono, &sessions, &fault), TALLY_ERR_OK);
    tally_sessions_close(sessions);
    tally_sessions_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lower_key_begins_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(higher_key_yields_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(higher_key_lets_the_lower_finish, set_up, tear_down),
        cmocka_unit_test_setup_teardown(responder_waits_for_confirmation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(simultaneous_open_gives_two_sessions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_message_1_is_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_message_2_is_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_confirmation_heals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(retries_back_off_and_hurry_ends_that, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unsent_message_goes_out_again_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rekeying_comes_at_120_s, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rekeying_is_no_new_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rekeying_comes_after_2_to_the_20_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(session_ends_at_180_s, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restart_of_one_end_heals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clock_set_back_does_not_lock_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(key_that_leaves_the_database_ends_its_session, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(peer_that_leaves_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rotation_to_the_next_key_needs_no_flag_day, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(initiator_tries_the_current_key_first_and_then_the_next,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(configuration_is_checked, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
