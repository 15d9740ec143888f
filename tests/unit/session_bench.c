/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/session_bench.h"

#include "crypto/sign.h"
#include "testing.h"

#include <string.h>

static void fill(void *context, void *bytes, size_t count)
{
    uint8_t *out = bytes;

    for (size_t i = 0; i < count; i++) {
        out[i] = (uint8_t)test_chance_u64(context);
    }
}

struct tally_entropy bench_entropy(struct test_chance *random)
{
    return (struct tally_entropy){.fill = fill, .context = random};
}

static void open_end(struct bench *bench, int at)
{
    struct bench_end *end = &bench->ends[at];
    struct tally_sessions_config config = {.operator_id = end->operator_id,
                                           .secret_key = end->secret,
                                           .peer_max = 4,
                                           .hash_seed = {1, 2},
                                           .entropy = bench_entropy(&end->random)};
    struct tally_fault fault = {0};
    uint8_t public[TALLY_SESSION_KEY_BYTES];

    memcpy(config.network_id, bench->network_id, sizeof(config.network_id));
    assert_int_equal(tally_sessions_open(&config, bench->now.mono, &end->sessions, &fault),
                     TALLY_ERR_OK);
    tally_sessions_public_key(end->sessions, public);
    assert_memory_equal(public, end->public, sizeof(public));
}

void bench_open(struct bench *bench, uint64_t seed)
{
    struct tally_entropy entropy = bench_entropy(&bench->random);

    memset(bench, 0, sizeof(*bench));
    bench->random.state = seed;
    bench->now.mono.us = 1000 * TALLY_US_PER_S;
    bench->now.wall.us = INT64_C(1800000000) * TALLY_US_PER_S;
    tally_entropy_fill(&entropy, bench->network_id, sizeof(bench->network_id));
    bench->ends[LOW].operator_id = "op-low.example";
    bench->ends[HIGH].operator_id = "op-high.example";
    for (int end = LOW; end < END_COUNT; end++) {
        bench->ends[end].random.state = test_chance_u64(&bench->random);
        tally_dh_generate(&entropy, bench->ends[end].secret, bench->ends[end].public);
    }
    if (memcmp(bench->ends[LOW].public, bench->ends[HIGH].public, TALLY_SESSION_KEY_BYTES) > 0) {
        const struct bench_end swapped = bench->ends[LOW];

        bench->ends[LOW] = bench->ends[HIGH];
        bench->ends[HIGH] = swapped;
    }
    open_end(bench, LOW);
    open_end(bench, HIGH);
}

void bench_close(struct bench *bench)
{
    tally_sessions_close(bench->ends[LOW].sessions);
    tally_sessions_close(bench->ends[HIGH].sessions);
}

void bench_restart(struct bench *bench, int end)
{
    tally_sessions_close(bench->ends[end].sessions);
    open_end(bench, end);
}

struct tally_session_peer bench_peer(const struct bench *bench, int end)
{
    struct tally_session_peer peer = {.key_count = 1};
    const char *operator_id = bench->ends[end].operator_id;

    memcpy(peer.operator_id, operator_id, strlen(operator_id) + 1);
    memcpy(peer.static_keys[0], bench->ends[end].public, TALLY_SESSION_KEY_BYTES);
    return peer;
}

void bench_list(struct bench *bench)
{
    for (int end = LOW; end < END_COUNT; end++) {
        const struct tally_session_peer peer = bench_peer(bench, 1 - end);

        assert_false(tally_sessions_set_peer(bench->ends[end].sessions, 0, &peer, bench->now.mono));
    }
}

void bench_pass(struct bench *bench, int64_t us)
{
    bench->now.mono.us += us;
    bench->now.wall.us += us;
}

bool bench_is_up(const struct bench *bench, int end)
{
    return tally_sessions_is_up(bench->ends[end].sessions, bench->now.mono, 0);
}

struct tally_session_stats bench_stats(const struct bench *bench, int end)
{
    struct tally_session_stats stats;

    tally_sessions_stats(bench->ends[end].sessions, &stats);
    return stats;
}

void bench_tick_send(struct bench *bench, int end, struct bench_frame *frame)
{
    uint32_t peer;

    assert_int_equal(tally_sessions_tick(bench->ends[end].sessions, bench->now, &peer, frame->bytes,
                                         &frame->count),
                     TALLY_SESSION_TICK_SEND);
    assert_int_equal(peer, 0);
    assert_int_equal(frame->count, 196);
}

void bench_tick_none(struct bench *bench, int end)
{
    uint8_t frame[TALLY_SESSION_HANDSHAKE_BYTES_MAX];
    size_t count;
    uint32_t peer;

    assert_int_equal(
        tally_sessions_tick(bench->ends[end].sessions, bench->now, &peer, frame, &count),
        TALLY_SESSION_TICK_NONE);
    assert_int_equal(count, 0);
}

void bench_tick_down(struct bench *bench, int end)
{
    uint8_t frame[TALLY_SESSION_HANDSHAKE_BYTES_MAX];
    size_t count;
    uint32_t peer;

    assert_int_equal(
        tally_sessions_tick(bench->ends[end].sessions, bench->now, &peer, frame, &count),
        TALLY_SESSION_TICK_DOWN);
    assert_int_equal(peer, 0);
}

void bench_give_from(struct bench *bench, int end, uint64_t source, const struct bench_frame *frame,
                     struct tally_session_result *result)
{
    memset(result, 0xa5, sizeof(*result)); /* every field is to be written */
    tally_sessions_receive(bench->ends[end].sessions, bench->now, source, frame->bytes,
                           frame->count, result);
}

void bench_give(struct bench *bench, int end, const struct bench_frame *frame,
                struct tally_session_result *result)
{
    bench_give_from(bench, end, 7001 + (uint64_t)end, frame, result);
}

void bench_give_rejected(struct bench *bench, int end, const struct bench_frame *frame,
                         enum tally_reject reject)
{
    const struct tally_session_stats before = bench_stats(bench, end);
    struct tally_session_result result;

    bench_give(bench, end, frame, &result);
    if (result.event != TALLY_SESSION_REJECTED || result.reject != reject) {
        fail_msg("event %d, reject %s; wanted reject %s", (int)result.event,
                 tally_reject_name(result.reject), tally_reject_name(reject));
    }
    assert_int_equal(result.reply_bytes, 0);
    assert_int_equal(result.plaintext_bytes, 0);
    assert_int_equal(bench_stats(bench, end).rejects[reject], before.rejects[reject] + 1);
}

void bench_give_answered(struct bench *bench, int end, const struct bench_frame *frame,
                         enum tally_session_event event, struct bench_frame *answer)
{
    struct tally_session_result result;

    bench_give(bench, end, frame, &result);
    assert_int_equal(result.reject, TALLY_REJECT_NONE);
    assert_int_equal(result.event, event);
    assert_int_equal(result.peer, 0);
    assert_int_not_equal(result.reply_bytes, 0);
    memcpy(answer->bytes, result.reply, result.reply_bytes);
    answer->count = result.reply_bytes;
}

void bench_seal(struct bench *bench, int end, const char *text, struct bench_frame *frame)
{
    assert_int_equal(tally_sessions_seal(bench->ends[end].sessions, bench->now.mono, 0,
                                         (const uint8_t *)text, strlen(text), frame->bytes,
                                         &frame->count),
                     TALLY_ERR_OK);
    assert_int_equal(frame->count, strlen(text) + 32);
}

void bench_give_text(struct bench *bench, int end, const struct bench_frame *frame,
                     const char *text)
{
    struct tally_session_result result;

    bench_give(bench, end, frame, &result);
    assert_int_equal(result.reject, TALLY_REJECT_NONE);
    assert_int_equal(result.event, TALLY_SESSION_PLAINTEXT);
    assert_int_equal(result.peer, 0);
    assert_int_equal(result.plaintext_bytes, strlen(text));
    assert_memory_equal(result.plaintext, text, strlen(text));
}

void bench_handshake(struct bench *bench, int initiator)
{
    struct bench_frame first;
    struct bench_frame second;
    struct bench_frame confirmation;
    struct tally_session_result result;

    bench_tick_send(bench, initiator, &first);
    bench_give_answered(bench, 1 - initiator, &first, TALLY_SESSION_NOTHING, &second);
    bench_give_answered(bench, initiator, &second, TALLY_SESSION_UP, &confirmation);
    bench_give(bench, 1 - initiator, &confirmation, &result);
    assert_int_equal(result.event, TALLY_SESSION_UP);
    assert_true(bench_is_up(bench, LOW));
    assert_true(bench_is_up(bench, HIGH));
}

void bench_talk(struct bench *bench)
{
    struct bench_frame frame;

    bench_seal(bench, LOW, "up", &frame);
    bench_give_text(bench, HIGH, &frame, "up");
    bench_seal(bench, HIGH, "down", &frame);
    bench_give_text(bench, LOW, &frame, "down");
}
