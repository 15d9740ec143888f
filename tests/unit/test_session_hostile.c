/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever is repeated, reordered, damaged, forged or sent too often changes nothing but a
 * count, and the honest session goes on; each bound holds on both sides of it.
 * Method: an engine against frames of an honest engine that were tampered with, and against a peer
 * written here anew from the specification's byte layouts, which can say what an honest one would
 * not.
 */
#include "base/cursor.h"
#include "crypto/noise.h"
#include "crypto/sign.h"
#include "testing.h"
#include "unit/session_bench.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER = 16, INIT_PAYLOAD = 84, RESPONSE_PAYLOAD = 8, SOURCE_ANY = 1 << 20 };

static struct bench bench;

static int set_up(void **state)
{
    (void)state;
    bench_open(&bench, 4711);
    bench_list(&bench);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bench_close(&bench);
    return 0;
}

/* --- A peer of our own making, in the place of an end --- */

struct forger {
    struct tally_noise noise;
    uint8_t ephemeral[32];
};

/* "TALLY", major, network id, length and operator id of the responder, SHA-256(key)[0..8). */
static size_t write_prologue(int responder, uint8_t prologue[128])
{
    struct tally_writer writer = tally_writer_of(prologue, 128);
    const struct bench_end *end = &bench.ends[responder];
    uint8_t hash[TALLY_SHA256_BYTES];

    tally_sha256(end->public, 32, hash);
    tally_write_bytes(&writer, "TALLY\x01", 6);
    tally_write_bytes(&writer, bench.network_id, 32);
    tally_write_u8(&writer, (uint8_t)strlen(end->operator_id));
    tally_write_bytes(&writer, end->operator_id, strlen(end->operator_id));
    tally_write_bytes(&writer, hash, 8);
    return writer.at;
}

static void forger_start(struct forger *forger, int in_place_of, enum tally_noise_role role)
{
    const int responder = role == TALLY_NOISE_RESPONDER ? in_place_of : 1 - in_place_of;
    const struct tally_entropy entropy = bench_entropy(&bench.random);
    const struct tally_noise_keys keys = {
        .static_secret = bench.ends[in_place_of].secret,
        .ephemeral_secret = forger->ephemeral,
        .remote_static = role == TALLY_NOISE_INITIATOR ? bench.ends[responder].public : NULL};
    uint8_t prologue[128];
    const size_t prologue_bytes = write_prologue(responder, prologue);

    tally_entropy_fill(&entropy, forger->ephemeral, sizeof(forger->ephemeral));
    tally_noise_init(&forger->noise, &tally_noise_ik, role, prologue, prologue_bytes, &keys);
}

/* TAI64N of `second` after 2^62, an index, minor versions 0 to 0, an operator id. */
static void honest_init_payload(uint64_t second, uint32_t ns, uint8_t payload[INIT_PAYLOAD])
{
    const char *operator_id = bench.ends[LOW].operator_id;

    memset(payload, 0, INIT_PAYLOAD);
    payload[0] = 0x40;
    for (int i = 0; i < 4; i++) {
        payload[4 + i] = (uint8_t)(second >> (8 * (3 - i)));
        payload[8 + i] = (uint8_t)(ns >> (8 * (3 - i)));
        payload[12 + i] = (uint8_t)(0x11223344 >> (8 * i));
    }
    payload[19] = (uint8_t)strlen(operator_id);
    memcpy(payload + 20, operator_id, strlen(operator_id));
}

/* Message 1 from LOW to HIGH. */
static void forge_init(const uint8_t payload[INIT_PAYLOAD], struct bench_frame *frame)
{
    struct forger forger;

    forger_start(&forger, LOW, TALLY_NOISE_INITIATOR);
    tally_frame_header_encode(frame->bytes, TALLY_FRAME_INIT, 0, 0);
    assert_int_equal(tally_noise_write(&forger.noise, payload, INIT_PAYLOAD, frame->bytes + HEADER,
                                       sizeof(frame->bytes) - HEADER, &frame->count),
                     TALLY_ERR_OK);
    frame->count += HEADER;
}

/* Message 2 from HIGH to LOW; its message 1 gives the index to answer to. */
static void forge_response(const struct bench_frame *first, const uint8_t payload[RESPONSE_PAYLOAD],
                           struct bench_frame *frame)
{
    struct forger forger;
    uint8_t init[256] = {0};
    size_t count;
    struct tally_reader reader = tally_reader_of(init + 12, 4);

    forger_start(&forger, HIGH, TALLY_NOISE_RESPONDER);
    assert_int_equal(
        tally_noise_read(&forger.noise, first->bytes + HEADER, first->count - HEADER, init, &count),
        TALLY_REJECT_NONE);
    assert_int_equal(count, INIT_PAYLOAD);
    tally_frame_header_encode(frame->bytes, TALLY_FRAME_RESPONSE, tally_read_u32(&reader), 0);
    assert_int_equal(tally_noise_write(&forger.noise, payload, RESPONSE_PAYLOAD,
                                       frame->bytes + HEADER, sizeof(frame->bytes) - HEADER,
                                       &frame->count),
                     TALLY_ERR_OK);
    frame->count += HEADER;
}

/* --- Handshakes --- */

static void repeated_message_1_changes_nothing(void **state)
{
    struct tally_session_stats before;
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame confirmation;
    struct tally_session_result result;

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    bench_give_rejected(&bench, HIGH, &first, TALLY_REJECT_TIMESTAMP); /* in the middle of it */
    bench_give_answered(&bench, LOW, &second, TALLY_SESSION_UP, &confirmation);
    bench_give(&bench, HIGH, &confirmation, &result);
    assert_true(bench_is_up(&bench, HIGH));

    before = bench_stats(&bench, HIGH);
    for (uint64_t i = 0; i < 40; i++) { /* more often than the key's own limit */
        bench_give_from(&bench, HIGH, SOURCE_ANY + i, &first, &result);
        assert_int_equal(result.reject, TALLY_REJECT_TIMESTAMP);
        assert_int_equal(result.peer, 0);
        assert_int_equal(result.reply_bytes, 0);
    }
    assert_int_equal(bench_stats(&bench, HIGH).responses, before.responses);
    bench_talk(&bench);
    bench_pass(&bench, TALLY_SESSION_REKEY_AFTER_US);
    bench_handshake(&bench, LOW); /* the peer itself still may */
    bench_talk(&bench);
}

static void repeated_message_2_and_confirmation_change_nothing(void **state)
{
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame confirmation;
    struct tally_session_result result;

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    bench_give_answered(&bench, LOW, &second, TALLY_SESSION_UP, &confirmation);
    bench_give_rejected(&bench, LOW, &second, TALLY_REJECT_STATE);
    bench_give(&bench, HIGH, &confirmation, &result);
    assert_int_equal(result.event, TALLY_SESSION_UP);
    bench_give_rejected(&bench, HIGH, &confirmation, TALLY_REJECT_REPLAY);
    bench_talk(&bench);
}

/* Each damaged frame is refused; then the same frame undamaged is taken, so it left no trace. */
static void damaged_message_1_is_refused(void **state)
{
    struct bench_frame first;
    struct bench_frame second;
    struct tally_session_result result;

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    for (size_t at = 0; at < first.count; at++) {
        struct bench_frame damaged = first;

        damaged.bytes[at] ^= (uint8_t)(1U << at % 8);
        bench_give_from(&bench, HIGH, SOURCE_ANY + at, &damaged, &result);
        assert_int_equal(result.event, TALLY_SESSION_REJECTED);
        assert_int_equal(result.reply_bytes, 0);
        assert_int_equal(result.peer, TALLY_SESSION_NOBODY);
        bench_pass(&bench, TALLY_US_PER_S / TALLY_SESSION_TOTAL_PER_S);
    }
    assert_int_equal(bench_stats(&bench, HIGH).responses, 0);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
}

static void damaged_message_2_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < 72; at++) {
        struct bench_frame first;
        struct bench_frame second;
        struct bench_frame damaged;
        struct bench_frame confirmation;
        struct tally_session_result result;

        bench_tick_send(&bench, LOW, &first);
        bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
        assert_int_equal(second.count, 72);
        damaged = second;
        damaged.bytes[at] ^= (uint8_t)(1U << at % 8);
        bench_give(&bench, LOW, &damaged, &result);
        assert_int_equal(result.event, TALLY_SESSION_REJECTED);
        assert_int_equal(result.reply_bytes, 0);
        assert_false(bench_is_up(&bench, LOW));
        bench_give_answered(&bench, LOW, &second, TALLY_SESSION_UP, &confirmation);
        bench_close(&bench);
        bench_open(&bench, 4712 + at);
        bench_list(&bench);
    }
}

static void forged_message_2_costs_little_and_spoils_nothing(void **state)
{
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame forged;
    struct bench_frame confirmation;

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    forged = second;
    forged.bytes[40] ^= 1;
    for (int i = 0; i < TALLY_SESSION_RESPONSE_TRIES_MAX - 1; i++) {
        bench_give_rejected(&bench, LOW, &forged, TALLY_REJECT_TAG);
    }
    bench_give_answered(&bench, LOW, &second, TALLY_SESSION_UP, &confirmation);

    bench_pass(&bench, TALLY_SESSION_REKEY_AFTER_US);
    bench_tick_send(&bench, LOW, &first);
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    forged = second;
    forged.bytes[40] ^= 1;
    for (int i = 0; i < TALLY_SESSION_RESPONSE_TRIES_MAX; i++) {
        bench_give_rejected(&bench, LOW, &forged, TALLY_REJECT_TAG);
    }
    bench_give_rejected(&bench, LOW, &second, TALLY_REJECT_RATE);
    assert_true(bench_is_up(&bench, LOW));
    bench_pass(&bench, TALLY_SESSION_RETRY_US * 4 / 3);
    bench_handshake(&bench, LOW);
}

static void sizes_are_exact(void **state)
{
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame frame = {.count = 31};

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    first.count--;
    bench_give_rejected(&bench, HIGH, &first, TALLY_REJECT_SHORT);
    first.count += 2;
    bench_give_rejected(&bench, HIGH, &first, TALLY_REJECT_LONG);
    first.count--;
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);
    second.count--;
    bench_give_rejected(&bench, LOW, &second, TALLY_REJECT_SHORT);
    second.count += 2;
    bench_give_rejected(&bench, LOW, &second, TALLY_REJECT_LONG);
    second.count--;
    bench_give_answered(&bench, LOW, &second, TALLY_SESSION_UP, &frame);
    frame.count--;
    bench_give_rejected(&bench, HIGH, &frame, TALLY_REJECT_SHORT);
    frame.count = 0;
    bench_give_rejected(&bench, HIGH, &frame, TALLY_REJECT_SHORT);
}

static void another_network_is_refused(void **state)
{
    struct bench_frame first;

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    bench.network_id[31] ^= 1;
    bench_restart(&bench, HIGH);
    bench_give_rejected(&bench, HIGH, &first, TALLY_REJECT_TAG);
}

static void another_operator_id_is_refused(void **state)
{
    struct tally_session_peer peer = bench_peer(&bench, LOW);
    struct bench_frame first;
    struct bench_frame second;
    struct tally_session_result result;

    (void)state;
    /* The database says that the initiator's key is another operator's. */
    peer.operator_id[0] = 'x';
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, &peer, bench.now.mono));
    bench_tick_send(&bench, LOW, &first);
    bench_give(&bench, HIGH, &first, &result);
    assert_int_equal(result.reject, TALLY_REJECT_IDENTITY);
    assert_int_equal(result.peer, 0);

    /* Nothing was noted of it: listed as it should be, the same message is good. */
    peer = bench_peer(&bench, LOW);
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, &peer, bench.now.mono));
    bench_give_answered(&bench, HIGH, &first, TALLY_SESSION_NOTHING, &second);

    /* The initiator takes the responder for another operator. */
    peer = bench_peer(&bench, HIGH);
    peer.operator_id[0] = 'x';
    assert_false(tally_sessions_set_peer(bench.ends[LOW].sessions, 0, &peer, bench.now.mono));
    bench_pass(&bench, TALLY_US_PER_S);
    bench_tick_send(&bench, LOW, &first);
    bench_give_rejected(&bench, HIGH, &first, TALLY_REJECT_TAG);
}

static void change_of_operator_ends_the_session(void **state)
{
    struct tally_session_peer peer = bench_peer(&bench, LOW);

    (void)state;
    bench_handshake(&bench, LOW);
    peer.operator_id[0] = 'x';
    assert_true(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, &peer, bench.now.mono));
    assert_false(bench_is_up(&bench, HIGH));
}

static void key_of_two_peers_belongs_to_the_first(void **state)
{
    struct tally_session_peer second = bench_peer(&bench, LOW);
    struct bench_frame first;
    struct tally_session_result result;

    (void)state;
    second.operator_id[0] = 'x';
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 1, &second, bench.now.mono));
    bench_tick_send(&bench, LOW, &first);
    bench_give(&bench, HIGH, &first, &result);
    assert_int_equal(result.reject, TALLY_REJECT_NONE);
    assert_int_equal(result.peer, 0);

    /* Nor does a peer with our own key, or with a key that is no key, do any harm. */
    second = bench_peer(&bench, HIGH);
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 2, &second, bench.now.mono));
    memset(second.static_keys[0], 0, sizeof(second.static_keys[0]));
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 3, &second, bench.now.mono));
    bench_pass(&bench, TALLY_SESSION_YIELD_US * 2);
    bench_tick_none(&bench, HIGH);
    assert_int_equal(bench_stats(&bench, HIGH).initiations, 0);
    for (uint32_t slot = 0; slot < 4; slot++) {
        (void)tally_sessions_set_peer(bench.ends[HIGH].sessions, slot, NULL, bench.now.mono);
    }
}

static void points_of_low_order_are_refused(void **state)
{
    /* The coordinates of order 1, 2, 4 and 8 (Bernstein, "Curve25519", section 3). */
    static const char *const points[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    struct bench_frame first;

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        size_t count;

        assert_true(tally_hex_decode(points[i], 64, first.bytes + HEADER, 32, &count));
        bench_give_rejected(&bench, HIGH, &first, TALLY_REJECT_KEY);
    }
}

static void stranger_is_refused(void **state)
{
    struct bench_frame first;

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    assert_false(tally_sessions_set_peer(bench.ends[HIGH].sessions, 0, NULL, bench.now.mono));
    bench_give_rejected(&bench, HIGH, &first, TALLY_REJECT_KEY);
}

static void timestamps_must_grow(void **state)
{
    static const struct {
        uint64_t second;
        uint32_t ns;
        enum tally_reject want;
    } stories[] = {
        {1000, 500, TALLY_REJECT_NONE},
        {1000, 500, TALLY_REJECT_TIMESTAMP}, /* another message, the same instant */
        {1000, 499, TALLY_REJECT_TIMESTAMP},
        {999, 999999999, TALLY_REJECT_TIMESTAMP},
        {1000, 501, TALLY_REJECT_NONE},
        {1001, 0, TALLY_REJECT_NONE},
        {1000, 999999999, TALLY_REJECT_TIMESTAMP},
        {1001, 999999999, TALLY_REJECT_NONE},
        {1002, 1000000000, TALLY_REJECT_VALUE}, /* no such nanosecond */
    };
    struct tally_session_result result;

    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        uint8_t payload[INIT_PAYLOAD];
        struct bench_frame frame;

        honest_init_payload(stories[i].second, stories[i].ns, payload);
        forge_init(payload, &frame);
        bench_give(&bench, HIGH, &frame, &result);
        assert_int_equal(result.reject, stories[i].want);
    }
}

static void payload_of_message_1_is_checked(void **state)
{
    static const struct {
        const char *what;
        uint8_t at, value;
        enum tally_reject want;
    } stories[] = {
        {"a label beyond TAI64", 0, 0x80, TALLY_REJECT_VALUE},
        {"minor 1 to 0", 16, 1, TALLY_REJECT_VALUE},
        {"minor 0 to 7", 17, 7, TALLY_REJECT_NONE},
        {"reserved byte", 18, 1, TALLY_REJECT_VALUE},
        {"no operator id", 19, 0, TALLY_REJECT_VALUE},
        {"a longer operator id", 19, 64, TALLY_REJECT_VALUE},
        {"a shorter operator id", 19, 3, TALLY_REJECT_VALUE},
        {"a capital letter", 20, 'O', TALLY_REJECT_VALUE},
        {"another letter", 20, 'q', TALLY_REJECT_IDENTITY},
        {"padding", 82, 1, TALLY_REJECT_VALUE},
        {"reserved byte at the end", 83, 1, TALLY_REJECT_VALUE},
    };
    uint8_t payload[INIT_PAYLOAD];
    struct bench_frame frame;

    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        struct tally_session_result result;

        honest_init_payload(2000 + i, 0, payload);
        payload[stories[i].at] = stories[i].value;
        forge_init(payload, &frame);
        bench_give(&bench, HIGH, &frame, &result);
        if (result.reject != stories[i].want) {
            fail_msg("%s: %s", stories[i].what, tally_reject_name(result.reject));
        }
        bench_pass(&bench, TALLY_US_PER_S);
    }
    honest_init_payload(3000, 0, payload);
    memset(payload + 12, 0, 4); /* sender index 0 */
    forge_init(payload, &frame);
    bench_give_rejected(&bench, HIGH, &frame, TALLY_REJECT_VALUE);
    honest_init_payload(3000, 0, payload);
    payload[16] = payload[17] = TALLY_WIRE_MINOR + 1; /* nothing in common */
    forge_init(payload, &frame);
    bench_give_rejected(&bench, HIGH, &frame, TALLY_REJECT_VERSION);
}

static void payload_of_message_2_is_checked(void **state)
{
    static const struct {
        uint8_t payload[RESPONSE_PAYLOAD];
        enum tally_reject want;
    } stories[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0}, TALLY_REJECT_VALUE},
        {{1, 0, 0, 0, 0, 0, 0, 1}, TALLY_REJECT_VALUE},
        {{1, 0, 0, 0, TALLY_WIRE_MINOR + 1, 0, 0, 0}, TALLY_REJECT_VERSION},
    };
    static const uint8_t good[RESPONSE_PAYLOAD] = {1, 2, 3, 4, TALLY_WIRE_MINOR, 0, 0, 0};
    struct bench_frame first;
    struct bench_frame frame;
    struct bench_frame confirmation;

    (void)state;
    bench_tick_send(&bench, LOW, &first);
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        forge_response(&first, stories[i].payload, &frame);
        bench_give_rejected(&bench, LOW, &frame, stories[i].want);
    }
    forge_response(&first, good, &frame);
    frame.bytes[1] = TALLY_FRAME_TRANSPORT;
    bench_give_rejected(&bench, LOW, &frame, TALLY_REJECT_STATE); /* there are no keys yet */
    frame.bytes[1] = TALLY_FRAME_RESPONSE;
    bench_give_answered(&bench, LOW, &frame, TALLY_SESSION_UP, &confirmation);
    assert_memory_equal(confirmation.bytes, "\x01\x03\0\0\x01\x02\x03\x04\0\0\0\0\0\0\0\0", HEADER);
}

/* --- Frames --- */

enum { FRAMES = TALLY_SESSION_WINDOW + 10 };

static struct bench_frame small_frames[FRAMES];

/* Frame i has counter i + 1, as the confirmation had 0. */
static void seal_many(void)
{
    for (int i = 0; i < FRAMES; i++) {
        bench_seal(&bench, LOW, "x", &small_frames[i]);
    }
}

static void window_is_2048_wide(void **state)
{
    const int newest = TALLY_SESSION_WINDOW + 5;

    (void)state;
    bench_handshake(&bench, LOW);
    seal_many();
    bench_give_text(&bench, HIGH, &small_frames[newest], "x");
    bench_give_rejected(&bench, HIGH, &small_frames[newest], TALLY_REJECT_REPLAY);
    bench_give_rejected(&bench, HIGH, &small_frames[newest - 2049], TALLY_REJECT_REPLAY);
    bench_give_rejected(&bench, HIGH, &small_frames[newest - 2048], TALLY_REJECT_REPLAY);
    bench_give_text(&bench, HIGH, &small_frames[newest - 2047], "x");
    bench_give_rejected(&bench, HIGH, &small_frames[newest - 2047], TALLY_REJECT_REPLAY);
    bench_give_text(&bench, HIGH, &small_frames[newest - 2046], "x");
    bench_give_text(&bench, HIGH, &small_frames[newest + 1], "x");
    bench_give_rejected(&bench, HIGH, &small_frames[newest - 2047], TALLY_REJECT_REPLAY);
    bench_give_rejected(&bench, HIGH, &small_frames[newest - 2046], TALLY_REJECT_REPLAY);
    bench_give_text(&bench, HIGH, &small_frames[newest - 2045], "x");
}

static void any_order_within_the_window_is_taken_once(void **state)
{
    (void)state;
    bench_handshake(&bench, LOW);
    seal_many();
    for (int i = TALLY_SESSION_WINDOW - 1; i > 0; i--) { /* the first 2,048 in any order */
        const int other = (int)test_chance_below(&bench.random, (uint32_t)i + 1);
        const struct bench_frame swapped = small_frames[i];

        small_frames[i] = small_frames[other];
        small_frames[other] = swapped;
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TALLY_SESSION_WINDOW; i++) {
            if (round == 0) {
                bench_give_text(&bench, HIGH, &small_frames[i], "x");
            } else {
                bench_give_rejected(&bench, HIGH, &small_frames[i], TALLY_REJECT_REPLAY);
            }
        }
    }
}

static void damaged_frame_is_refused_and_marks_nothing(void **state)
{
    struct bench_frame frame;

    (void)state;
    bench_handshake(&bench, LOW);
    bench_seal(&bench, LOW, "whole", &frame);
    for (size_t at = 0; at < frame.count; at++) {
        struct bench_frame damaged = frame;
        struct tally_session_result result;

        damaged.bytes[at] ^= (uint8_t)(1U << at % 8);
        bench_give(&bench, HIGH, &damaged, &result);
        assert_int_equal(result.event, TALLY_SESSION_REJECTED);
        assert_int_equal(result.plaintext_bytes, 0);
    }
    bench_give_text(&bench, HIGH, &frame, "whole"); /* even those with greater counters did not */
}

static void frame_given_back_to_its_sender_is_refused(void **state)
{
    struct bench_frame frame;

    (void)state;
    bench_handshake(&bench, LOW);
    bench_seal(&bench, LOW, "mirror", &frame);
    bench_give_rejected(&bench, LOW, &frame, TALLY_REJECT_INDEX);
}

static void counter_beyond_the_end_is_refused(void **state)
{
    struct bench_frame frame;

    (void)state;
    bench_handshake(&bench, LOW);
    bench_seal(&bench, LOW, "x", &frame);
    memset(frame.bytes + 8, 0xff, 8);
    bench_give_rejected(&bench, HIGH, &frame, TALLY_REJECT_EXPIRED);
}

/* --- Rates --- */

/* Gives garbage of message 1's size; true if it was looked at. */
static bool is_looked_at(uint64_t source)
{
    struct bench_frame frame = {.count = 196};
    struct tally_session_result result;

    tally_frame_header_encode(frame.bytes, TALLY_FRAME_INIT, 0, 0);
    frame.bytes[HEADER] = 9;
    bench_give_from(&bench, HIGH, source, &frame, &result);
    assert_int_equal(result.event, TALLY_SESSION_REJECTED);
    assert_true(result.reject == TALLY_REJECT_TAG || result.reject == TALLY_REJECT_RATE);
    return result.reject == TALLY_REJECT_TAG;
}

static int count_looked_at(uint64_t source, int tries)
{
    int count = 0;

    for (int i = 0; i < tries; i++) {
        count += is_looked_at(source) ? 1 : 0;
    }
    return count;
}

static void each_source_has_its_rate(void **state)
{
    (void)state;
    assert_int_equal(count_looked_at(1, 30), TALLY_SESSION_SOURCE_BURST);
    assert_int_equal(count_looked_at(2, 30), TALLY_SESSION_SOURCE_BURST);
    assert_int_equal(count_looked_at(0, 30), TALLY_SESSION_SOURCE_BURST); /* all unknown ones */
    bench_pass(&bench, TALLY_US_PER_S / TALLY_SESSION_SOURCE_PER_S - 1);
    assert_int_equal(count_looked_at(1, 5), 0);
    bench_pass(&bench, 1);
    assert_int_equal(count_looked_at(1, 5), 1);
    bench_pass(&bench, TALLY_US_PER_S);
    assert_int_equal(count_looked_at(1, 30), TALLY_SESSION_SOURCE_PER_S);
    bench_pass(&bench, 3600 * TALLY_US_PER_S);
    assert_int_equal(count_looked_at(1, 30), TALLY_SESSION_SOURCE_BURST);
}

static void all_sources_have_a_rate(void **state)
{
    int count = 0;

    (void)state;
    for (uint64_t source = 0; source < 300; source++) {
        count += is_looked_at(SOURCE_ANY + source) ? 1 : 0;
    }
    assert_int_equal(count, TALLY_SESSION_TOTAL_BURST);
    count = 0;
    for (uint64_t source = 0; source < 2000; source++) { /* 2,000 in a second */
        bench_pass(&bench, TALLY_US_PER_S / 2000);
        count += is_looked_at(2 * SOURCE_ANY + source) ? 1 : 0;
    }
    assert_int_equal(count, TALLY_SESSION_TOTAL_PER_S);
}

static void each_key_has_its_rate_once_it_is_proven(void **state)
{
    struct bench_frame frame;
    struct tally_session_result result;
    uint8_t payload[INIT_PAYLOAD];

    (void)state;
    for (uint32_t i = 0; i < TALLY_SESSION_KEY_BURST; i++) {
        honest_init_payload(5000, i, payload);
        forge_init(payload, &frame);
        bench_give_from(&bench, HIGH, SOURCE_ANY + i, &frame, &result);
        assert_int_equal(result.reject, TALLY_REJECT_NONE);
    }
    honest_init_payload(5001, 0, payload);
    forge_init(payload, &frame);
    bench_give_from(&bench, HIGH, SOURCE_ANY + 100, &frame, &result);
    assert_int_equal(result.reject, TALLY_REJECT_RATE);
    assert_int_equal(result.peer, 0);
    bench_pass(&bench, TALLY_US_PER_S / TALLY_SESSION_KEY_PER_S - 1);
    bench_give_from(&bench, HIGH, SOURCE_ANY + 101, &frame, &result);
    assert_int_equal(result.reject, TALLY_REJECT_RATE);
    bench_pass(&bench, 1);
    bench_give_from(&bench, HIGH, SOURCE_ANY + 102, &frame, &result);
    assert_int_equal(result.reject, TALLY_REJECT_NONE); /* refusing it has noted no timestamp */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(repeated_message_1_changes_nothing),
        TEST(repeated_message_2_and_confirmation_change_nothing),
        TEST(damaged_message_1_is_refused),
        TEST(damaged_message_2_is_refused),
        TEST(forged_message_2_costs_little_and_spoils_nothing),
        TEST(sizes_are_exact),
        TEST(another_network_is_refused),
        TEST(another_operator_id_is_refused),
        TEST(change_of_operator_ends_the_session),
        TEST(key_of_two_peers_belongs_to_the_first),
        TEST(points_of_low_order_are_refused),
        TEST(stranger_is_refused),
        TEST(timestamps_must_grow),
        TEST(payload_of_message_1_is_checked),
        TEST(payload_of_message_2_is_checked),
        TEST(window_is_2048_wide),
        TEST(any_order_within_the_window_is_taken_once),
        TEST(damaged_frame_is_refused_and_marks_nothing),
        TEST(frame_given_back_to_its_sender_is_refused),
        TEST(counter_beyond_the_end_is_refused),
        TEST(each_source_has_its_rate),
        TEST(all_sources_have_a_rate),
        TEST(each_key_has_its_rate_once_it_is_proven),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
