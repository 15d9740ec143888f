/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: on a link that loses, repeats and reorders frames, with ends that restart, no plaintext is
 * ever delivered twice or altered; and once the link behaves, both ends come into session and every
 * frame arrives.
 * Method: 1,000 runs from seeds, 400 random steps each over more than one rekeying, then a quiet
 * phase. A failing run prints its seed.
 */
#include "base/cursor.h"
#include "testing.h"
#include "unit/session_bench.h"

#include <stdlib.h>
#include <string.h>

enum {
    RUNS = 1000,
    STEPS = 400,
    QUEUE_MAX = 64,
    TEXTS_MAX = 2048,
    SMALL_FRAME_BYTES = 256,
    TEXT_BYTES = 12,
};
#define QUIET_LIMIT_US (125 * TALLY_US_PER_S) /* longer than any wait for the next attempt */

struct packet {
    int to;
    uint8_t bytes[SMALL_FRAME_BYTES];
    size_t count;
};

static struct run {
    struct bench bench;
    uint64_t seed;
    struct packet queue[QUEUE_MAX];
    size_t queue_count;
    uint32_t sent_count;
    uint8_t delivered_counts[TEXTS_MAX];
    uint8_t senders[TEXTS_MAX];
} run;

static struct totals {
    uint64_t texts, deliveries, repeats, handshakes, restarts;
} totals;

static void enqueue(int to, const uint8_t *bytes, size_t count)
{
    struct packet *packet = &run.queue[run.queue_count];

    if (run.queue_count == QUEUE_MAX) {
        return; /* one more way of losing it */
    }
    assert_true(count <= SMALL_FRAME_BYTES);
    packet->to = to;
    packet->count = count;
    memcpy(packet->bytes, bytes, count);
    run.queue_count++;
}

static void take_text(int end, const uint8_t *text, size_t count)
{
    struct tally_reader reader = tally_reader_of(text, count);
    const uint64_t seed = tally_read_u64(&reader);
    const uint32_t id = tally_read_u32(&reader);

    if (!tally_reader_is_done(&reader) || seed != run.seed || id >= run.sent_count ||
        run.senders[id] != 1 - end || run.delivered_counts[id] != 0) {
        fail_msg("seed %llu: text %u came altered, or again", (unsigned long long)run.seed,
                 (unsigned)id);
    }
    run.delivered_counts[id]++;
    totals.deliveries++;
}

static void give(const struct packet *packet)
{
    struct tally_session_result result;

    tally_sessions_receive(run.bench.ends[packet->to].sessions, run.bench.now,
                           9000 + (uint64_t)packet->to, packet->bytes, packet->count, &result);
    if (result.reply_bytes > 0) {
        enqueue(1 - packet->to, result.reply, result.reply_bytes);
    }
    if (result.event == TALLY_SESSION_PLAINTEXT && result.plaintext_bytes > 0) {
        take_text(packet->to, result.plaintext, result.plaintext_bytes);
    }
}

static void tick(int end)
{
    uint8_t frame[TALLY_SESSION_HANDSHAKE_BYTES_MAX];
    enum tally_session_tick did;

    do {
        size_t count;
        uint32_t peer;

        did =
            tally_sessions_tick(run.bench.ends[end].sessions, run.bench.now, &peer, frame, &count);
        if (did != TALLY_SESSION_TICK_SEND) {
            continue;
        }
        totals.handshakes++;
        if (test_chance_below(&run.bench.random, 8) == 0) {
            tally_sessions_unsent(run.bench.ends[end].sessions, run.bench.now.mono, 0);
        } else {
            enqueue(1 - end, frame, count);
        }
    } while (did != TALLY_SESSION_TICK_NONE);
}

static bool send_text(int end)
{
    uint8_t text[TEXT_BYTES];
    struct tally_writer writer = tally_writer_of(text, sizeof(text));
    uint8_t frame[TEXT_BYTES + 32];
    size_t count;

    if (run.sent_count == TEXTS_MAX) {
        return false;
    }
    tally_write_u64(&writer, run.seed);
    tally_write_u32(&writer, run.sent_count);
    if (tally_sessions_seal(run.bench.ends[end].sessions, run.bench.now.mono, 0, text, sizeof(text),
                            frame, &count) != TALLY_ERR_OK) {
        return false;
    }
    run.senders[run.sent_count] = (uint8_t)end;
    run.sent_count++;
    totals.texts++;
    enqueue(1 - end, frame, count);
    return true;
}

static void remove_packet(size_t at)
{
    memmove(&run.queue[at], &run.queue[at + 1], (run.queue_count - at - 1) * sizeof(run.queue[0]));
    run.queue_count--;
}

/* One of what is under way: arrives, arrives and stays, or is lost. */
static void disturb(void)
{
    const size_t at = (size_t)test_chance_below(&run.bench.random, run.queue_count);
    const struct packet packet = run.queue[at];
    const uint64_t fate = test_chance_below(&run.bench.random, 10);

    if (fate >= 2) {
        remove_packet(at);
    } else {
        totals.repeats++;
    }
    if (fate != 9) {
        give(&packet);
    }
}

static void restart(int end)
{
    const struct tally_session_peer peer = bench_peer(&run.bench, 1 - end);

    bench_restart(&run.bench, end);
    (void)tally_sessions_set_peer(run.bench.ends[end].sessions, 0, &peer, run.bench.now.mono);
    totals.restarts++;
}

static void step(void)
{
    const int end = (int)test_chance_below(&run.bench.random, 2);

    bench_pass(&run.bench, (int64_t)test_chance_below(&run.bench.random, 1000000));
    tick(LOW);
    tick(HIGH);
    (void)send_text(end);
    for (int i = 0; i < 2 && run.queue_count > 0; i++) {
        disturb();
    }
    if (test_chance_below(&run.bench.random, 50) == 0) {
        tally_sessions_hurry(run.bench.ends[end].sessions, run.bench.now.mono, 0);
    }
    if (test_chance_below(&run.bench.random, 300) == 0) {
        restart(end);
    }
}

static void deliver_all(void)
{
    while (run.queue_count > 0) {
        const struct packet packet = run.queue[0];

        remove_packet(0);
        give(&packet);
    }
}

static void pass_quietly(void)
{
    tick(LOW);
    tick(HIGH);
    deliver_all();
    bench_pass(&run.bench, 200 * TALLY_US_PER_MS);
}

static void become_quiet(void)
{
    const int64_t start_us = run.bench.now.mono.us;

    deliver_all();
    if (run.seed % 2 == 0) {
        tally_sessions_hurry(run.bench.ends[LOW].sessions, run.bench.now.mono, 0);
    }
    while (run.bench.now.mono.us - start_us < QUIET_LIMIT_US) {
        pass_quietly();
    }
}

static void check_every_frame_arrives(void)
{
    for (int end = LOW; end < END_COUNT; end++) {
        for (int i = 0; i < 3; i++) {
            const uint32_t id = run.sent_count;

            if (!send_text(end)) {
                fail_msg("seed %llu: end %d is not in session", (unsigned long long)run.seed, end);
            }
            deliver_all();
            if (run.delivered_counts[id] != 1) {
                fail_msg("seed %llu: a frame of end %d does not arrive",
                         (unsigned long long)run.seed, end);
            }
        }
    }
}

static void play(uint64_t seed)
{
    memset(&run, 0, sizeof(run));
    run.seed = seed;
    bench_open(&run.bench, seed);
    bench_list(&run.bench);
    for (int i = 0; i < STEPS; i++) {
        step();
    }
    become_quiet();
    check_every_frame_arrives();
    bench_close(&run.bench);
}

static void random_runs_converge_and_repeat_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        play(seed);
    }
    print_message("runs %d, message 1 sent %llu, restarts %llu, texts sent %llu, delivered %llu, "
                  "frames repeated %llu\n",
                  (int)RUNS, (unsigned long long)totals.handshakes,
                  (unsigned long long)totals.restarts, (unsigned long long)totals.texts,
                  (unsigned long long)totals.deliveries, (unsigned long long)totals.repeats);
    assert_true(totals.repeats > 0 && totals.restarts > 0);
    assert_true(totals.deliveries > totals.texts / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs_converge_and_repeat_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
