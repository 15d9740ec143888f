/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry's end of a feed, for tests of adapters alone: it pings, acknowledges events and
 * gives verdicts by the last digit of B, and says on stdout what it got.
 *
 *   feed_standin PATH     PATH without ".in" and ".out"; ends with SIGTERM
 *
 *   B ends on 3: BLOCK. On 4: acknowledged, no verdict comes though one was promised. On 5: never
 *   acknowledged. On 6: LABEL, VALID. On 7: STRIP_CLI. On 8: the verdict takes 250 ms. Else: ALLOW.
 */
#include "base/assert.h"
#include "wire/feed.h"
#include "wire/frame.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { LATE_MAX = 1024, DUE_US = 300000, LATE_US = 250000 };

static volatile sig_atomic_t is_stopping;

static struct {
    struct tally_feed_verdict verdict;
    int64_t at_us;
} late[LATE_MAX];
static size_t late_count;

static void stop(int signal)
{
    (void)signal;
    is_stopping = 1;
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now = {0};

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * TALLY_US_PER_S + now.tv_nsec / 1000;
}

static void send_record(void *out, const struct tally_feed_record *record)
{
    uint8_t bytes[1024];
    struct tally_writer writer = tally_writer_of(bytes, sizeof(bytes));
    struct tally_wall now = {clock_us(CLOCK_REALTIME)};

    tally_batch_start(&writer);
    TALLY_ASSERT(tally_feed_batch_add(&writer, record));
    (void)zmq_send(out, bytes, tally_feed_batch_end(&writer, now), ZMQ_DONTWAIT);
}

static void send_verdict(void *out, const struct tally_feed_verdict *verdict)
{
    struct tally_feed_record record = {.type = TALLY_FEED_VERDICT};

    record.verdict = *verdict;
    send_record(out, &record);
}

static void judge(void *out, const struct tally_feed_event *event, unsigned digit)
{
    struct tally_feed_verdict verdict = {
        .seq = event->seq,
        .leg_key = event->event.leg_key,
        .verdict_id = 0x0123456789abcdef,
        .verdict = TALLY_VERDICT_VALID,
    };

    if (digit == 3) {
        verdict.verdict = TALLY_VERDICT_CLI_SPOOFED;
        verdict.grade = TALLY_GRADE_PROVEN;
        verdict.action = TALLY_ACTION_BLOCK;
        verdict.cause = 21;
    } else if (digit == 6) {
        verdict.action = TALLY_ACTION_LABEL;
    } else if (digit == 7) {
        verdict.action = TALLY_ACTION_STRIP_CLI;
        verdict.verdict = TALLY_VERDICT_PRESENTED_UNVERIFIED;
    } else if (digit == 8 && late_count < LATE_MAX) {
        late[late_count].verdict = verdict;
        late[late_count++].at_us = clock_us(CLOCK_MONOTONIC) + LATE_US;
        return;
    }
    send_verdict(out, &verdict);
}

static void take_event(void *out, const struct tally_feed_event *event)
{
    struct tally_feed_record record = {.type = TALLY_FEED_ACK};
    unsigned digit = (unsigned)(event->event.b_number % 10);
    bool is_terminating = event->event.side != TALLY_SIDE_ORIGINATING;

    (void)printf("event seq=%llu side=%d a=%d presented=%d flags=%u\n",
                 (unsigned long long)event->seq, (int)event->event.side,
                 event->event.a_network != 0, event->event.a_presented != 0, event->event.flags);
    if (digit == 5) {
        return;
    }
    record.ack.seq = event->seq;
    record.ack.due_us = is_terminating ? DUE_US : 0;
    send_record(out, &record);
    if (is_terminating && digit != 4) {
        judge(out, event, digit);
    }
}

static void take(void *out, const struct tally_feed_record *record)
{
    switch (record->type) {
    case TALLY_FEED_HELLO:
        (void)printf("hello next_seq=%llu class=%s\n", (unsigned long long)record->hello.next_seq,
                     tally_feed_class_name(record->hello.feed_class));
        break;
    case TALLY_FEED_EVENT:
        take_event(out, &record->event);
        break;
    case TALLY_FEED_WATERMARK:
        if (record->watermark.flush_id != 0) {
            (void)printf("flushed seq=%llu\n", (unsigned long long)record->watermark.seq);
        }
        break;
    case TALLY_FEED_GAP:
        (void)printf("gap seq=%llu lost=%u\n", (unsigned long long)record->gap.seq,
                     record->gap.lost_count);
        break;
    case TALLY_FEED_OPEN_LEG:
        (void)printf("open_leg\n");
        break;
    case TALLY_FEED_OPEN_LEGS_END:
        (void)printf("open_legs_end count=%u\n", record->legs_end.leg_count);
        break;
    case TALLY_FEED_NONE:
    case TALLY_FEED_PING:
    case TALLY_FEED_ACK:
    case TALLY_FEED_VERDICT:
    case TALLY_FEED_FLUSH:
        (void)printf("unexpected type=%d\n", (int)record->type);
        break;
    }
}

static void take_batch(void *out, const uint8_t *bytes, size_t size)
{
    struct tally_batch_reader batch;
    struct tally_feed_record record;
    enum tally_reject reject = tally_batch_open(bytes, size, &batch);

    if (reject != TALLY_REJECT_NONE) {
        (void)printf("bad_batch reason=%s\n", tally_reject_name(reject));
        return;
    }
    while (tally_feed_batch_next(&batch, &record, &reject)) {
        if (reject == TALLY_REJECT_NONE) {
            take(out, &record);
        } else {
            (void)printf("bad_record reason=%s\n", tally_reject_name(reject));
        }
    }
    (void)fflush(stdout);
}

static void send_late(void *out)
{
    size_t kept = 0;

    for (size_t i = 0; i < late_count; i++) {
        if (late[i].at_us <= clock_us(CLOCK_MONOTONIC)) {
            send_verdict(out, &late[i].verdict);
        } else {
            late[kept++] = late[i];
        }
    }
    late_count = kept;
}

static void *bind_socket(void *context, int type, const char *path, const char *suffix)
{
    char endpoint[256];
    void *socket = zmq_socket(context, type);

    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s%s", path, suffix);
    if (socket == NULL || zmq_bind(socket, endpoint) != 0) {
        (void)fprintf(stderr, "cannot bind %s: %s\n", endpoint, zmq_strerror(errno));
        exit(1);
    }
    return socket;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[TALLY_FRAME_BYTES_MAX];
    struct tally_feed_record ping = {.type = TALLY_FEED_PING};
    struct tally_feed_record flush = {.type = TALLY_FEED_FLUSH};
    int64_t ping_due_us = 0;
    void *context, *in, *out;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: feed_standin PATH\n");
        return 2;
    }
    (void)signal(SIGTERM, stop);
    (void)signal(SIGINT, stop);
    context = zmq_ctx_new();
    in = bind_socket(context, ZMQ_PULL, argv[1], ".in");
    out = bind_socket(context, ZMQ_PUSH, argv[1], ".out");
    ping.ping.daemon_boot = (uint64_t)clock_us(CLOCK_REALTIME);
    while (!is_stopping) {
        zmq_pollitem_t item = {.socket = in, .events = ZMQ_POLLIN};
        int size;

        (void)zmq_poll(&item, 1, 5);
        while ((size = zmq_recv(in, bytes, sizeof(bytes), ZMQ_DONTWAIT)) >= 0) {
            take_batch(out, bytes, (size_t)size);
        }
        send_late(out);
        if (clock_us(CLOCK_MONOTONIC) >= ping_due_us) {
            send_record(out, &ping);
            flush.flush.flush_id++;
            send_record(out, &flush);
            ping_due_us = clock_us(CLOCK_MONOTONIC) + TALLY_FEED_PING_EVERY_US;
        }
    }
    (void)zmq_close(in);
    (void)zmq_close(out);
    (void)zmq_ctx_term(context);
    return 0;
}
