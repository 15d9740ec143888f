/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_driver - an adapter without a switch, for tests: events come as lines on standard input,
 * notices go as JSON lines to standard output.
 *
 *   feed_driver RUN_DIRECTORY/feed-NAME
 *
 *   orig A B      SETUP of a subscriber's call, from a customer trunk
 *   term A B      SETUP of a call for a subscriber, from an interconnect
 *   release N     RELEASE of the N-th call
 *
 * A and B are E.164 digits. Calls are numbered from 1; a notice names its call. It ends with its
 * input.
 */
#include "tally/adapter.h"
#include "tally/e164.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 128, CALLS_MAX = 4096 };

struct driver {
    struct tally_adapter *adapter;
    struct tally_event calls[CALLS_MAX + 1]; /* from 1 */
    uint64_t call_count;
    uint64_t leg_base;
    char line[LINE_BYTES];
    size_t line_count;
};

static struct tally_now read_clock(void)
{
    struct timespec mono, wall;

    (void)clock_gettime(CLOCK_MONOTONIC, &mono);
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return (struct tally_now){
        .mono = {(int64_t)mono.tv_sec * TALLY_US_PER_S + mono.tv_nsec / 1000},
        .wall = {(int64_t)wall.tv_sec * TALLY_US_PER_S + wall.tv_nsec / 1000}};
}

static _Noreturn void refuse(const char *what)
{
    (void)fprintf(stderr, "feed_driver: %s\n", what);
    exit(2);
}

static uint64_t number_of(const char *digits)
{
    uint64_t number = 0;

    if (!tally_e164_parse(digits, strlen(digits), &number)) {
        refuse("not a number");
    }
    return number;
}

static void send_event(struct driver *driver, struct tally_now now, const struct tally_event *event,
                       uint64_t call)
{
    enum tally_err err = tally_adapter_event(driver->adapter, now, event, call);

    if (err != TALLY_ERR_OK) {
        (void)printf("{\"type\":\"unsent\",\"call\":%" PRIu64 ",\"err\":\"%s\"}\n", call,
                     tally_err_name(err));
    }
}

static void set_up(struct driver *driver, struct tally_now now, const char *side, const char *a,
                   const char *b)
{
    bool is_orig = strcmp(side, "orig") == 0;
    struct tally_event *event;

    if (driver->call_count == CALLS_MAX) {
        refuse("too many calls");
    }
    event = &driver->calls[++driver->call_count];
    *event = (struct tally_event){
        .kind = TALLY_EVENT_SETUP,
        .side = is_orig ? TALLY_SIDE_ORIGINATING : TALLY_SIDE_TERMINATING,
        .ingress_class = is_orig ? TALLY_TRUNK_CUSTOMER : TALLY_TRUNK_INTERCONNECT,
        .ingress_trunk = 1,
        .a_network = number_of(a),
        .b_number = number_of(b),
        .at = now.wall,
        .leg_key = driver->leg_base + driver->call_count,
    };
    send_event(driver, now, event, driver->call_count);
}

static void release(struct driver *driver, struct tally_now now, const char *which)
{
    uint64_t call = strtoull(which, NULL, 10);
    struct tally_event event;

    if (call == 0 || call > driver->call_count) {
        refuse("no such call");
    }
    event = driver->calls[call];
    event.kind = TALLY_EVENT_RELEASE;
    event.at = now.wall;
    send_event(driver, now, &event, call);
}

static void obey(struct driver *driver, struct tally_now now)
{
    char word[16], first[32], second[32];
    int count = sscanf(driver->line, "%15s %31s %31s", word, first, second);

    if (count == 3 && (strcmp(word, "orig") == 0 || strcmp(word, "term") == 0)) {
        set_up(driver, now, word, first, second);
    } else if (count == 2 && strcmp(word, "release") == 0) {
        release(driver, now, first);
    } else {
        refuse("not a line that this program knows");
    }
}

/* Takes what is there. False at the end of the input. */
static bool read_lines(struct driver *driver, struct tally_now now)
{
    char bytes[LINE_BYTES];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));

    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            driver->line[driver->line_count] = '\0';
            driver->line_count = 0;
            obey(driver, now);
        } else if (driver->line_count + 1 < sizeof(driver->line)) {
            driver->line[driver->line_count++] = bytes[i];
        }
    }
    return count > 0;
}

static void tell(const struct tally_adapter_notice *notice)
{
    char id[TALLY_VERDICT_ID_TEXT_BYTES];

    switch (notice->type) {
    case TALLY_ADAPTER_NOTICE_NONE:
        return;
    case TALLY_ADAPTER_NOTICE_ACK:
        (void)printf("{\"type\":\"ack\",\"call\":%" PRIu64 ",\"due_us\":%u}\n", notice->cookie,
                     notice->due_us);
        return;
    case TALLY_ADAPTER_NOTICE_VERDICT:
        tally_verdict_id_format(notice->verdict_id, id);
        (void)printf("{\"type\":\"verdict\",\"call\":%" PRIu64
                     ",\"id\":\"%s\",\"verdict\":\"%s\",\"grade\":\"%s\",\"action\":\"%s\","
                     "\"cause\":%u}\n",
                     notice->cookie, id, tally_verdict_name(notice->verdict),
                     tally_grade_name(notice->grade), tally_action_name(notice->action),
                     notice->cause);
        return;
    case TALLY_ADAPTER_NOTICE_LOST:
        (void)printf("{\"type\":\"lost\",\"call\":%" PRIu64 "}\n", notice->cookie);
        return;
    case TALLY_ADAPTER_NOTICE_DOWN:
        (void)printf("{\"type\":\"down\"}\n");
        return;
    case TALLY_ADAPTER_NOTICE_UP:
        (void)printf("{\"type\":\"up\"}\n");
        return;
    }
}

/* One turn. False at the end of the input. */
static bool turn(struct driver *driver)
{
    const int input = STDIN_FILENO;
    bool is_readable = false, goes_on = true;
    struct tally_adapter_notice notice;
    struct tally_now now;

    tally_adapter_wait(driver->adapter, read_clock(), &input, &is_readable, 1,
                       10 * TALLY_US_PER_MS);
    now = read_clock();
    while (tally_adapter_next_notice(driver->adapter, now, &notice)) {
        tell(&notice);
    }
    if (is_readable) {
        goes_on = read_lines(driver, now);
    }
    now.wall.us -= 1;
    tally_adapter_drained(driver->adapter, now);
    return goes_on;
}

int main(int argc, char **argv)
{
    static struct driver driver;
    struct tally_adapter_config config = {.adapter_class = TALLY_ADAPTER_CAUSAL,
                                          .clock_bound_us = 1000,
                                          .pending_max = 4096,
                                          .open_leg_max = 4096,
                                          .open_leg_us = 4 * TALLY_US_PER_S};
    struct tally_fault fault = {0};
    struct tally_now now = read_clock();

    if (argc != 2) {
        refuse("usage: feed_driver RUN_DIRECTORY/feed-NAME");
    }
    config.path = argv[1];
    driver.leg_base = (uint64_t)now.wall.us;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (tally_adapter_open(&config, now, &driver.adapter, &fault) != TALLY_ERR_OK) {
        refuse(fault.text);
    }
    while (turn(&driver)) {
    }
    tally_adapter_close(driver.adapter);
    return 0;
}
