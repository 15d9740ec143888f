/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a log line is one line of logfmt whatever is in it, below its level it is not there, and
 * nobody can flood the log.
 * Method: lines are read back from a pipe; the clock is made up.
 */
#include "daemon/report.h"
#include "testing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bench {
    struct tally_reporter reporter;
    int read_fd;
};

/* 2026-11-21T19:40:02.118Z */
#define SOME_WALL_US INT64_C(1795290002118337)

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct tally_now now = {.mono = {5 * TALLY_US_PER_S}, .wall = {SOME_WALL_US}};
    int fds[2];

    assert_non_null(bench);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    bench->read_fd = fds[0];
    tally_report_init(&bench->reporter, fds[1], TALLY_LOG_NOTICE, now);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    (void)close(bench->read_fd);
    (void)close(bench->reporter.fd);
    free(bench);
    return 0;
}

/* All that was written since the last time. */
static const char *written(struct bench *bench)
{
    static char text[65536];
    ssize_t count = read(bench->read_fd, text, sizeof(text) - 1);

    text[count > 0 ? count : 0] = '\0';
    return text;
}

static int line_count(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

static void test_a_line(void **state)
{
    struct bench *bench = *state;

    tally_report(&bench->reporter, TALLY_REPORT_PEER_UP, "peer=%s", "op.example");
    assert_string_equal(written(bench),
                        "2026-11-21T19:40:02.118Z notice peer event=peer_up peer=op.example\n");
}

static void test_levels(void **state)
{
    struct bench *bench = *state;

    tally_report(&bench->reporter, TALLY_REPORT_LINK_UP, "peer=%s", "op.example");
    assert_string_equal(written(bench), "");
    assert_false(tally_report_is_wanted(&bench->reporter, TALLY_REPORT_LINK_UP));
    bench->reporter.level = TALLY_LOG_INFO;
    assert_true(tally_report_is_wanted(&bench->reporter, TALLY_REPORT_LINK_UP));
    tally_report(&bench->reporter, TALLY_REPORT_LINK_UP, "peer=%s", "op.example");
    assert_int_equal(line_count(written(bench)), 1);
    bench->reporter.level = TALLY_LOG_ERROR;
    tally_report(&bench->reporter, TALLY_REPORT_PEER_UP, "peer=%s", "op.example");
    assert_string_equal(written(bench), "");
}

static void test_fault_stays_one_line(void **state)
{
    struct bench *bench = *state;
    struct tally_fault fault = {.err = TALLY_ERR_CONFIG,
                                .text = "a \"word\"\nevent=forged \\ \x7f"};

    tally_report_fault(&bench->reporter, TALLY_REPORT_FAULT, &fault);
    assert_string_equal(written(bench),
                        "2026-11-21T19:40:02.118Z error daemon event=fault err=CONFIG "
                        "words=\"a 'word' event=forged '  \"\n");
}

static void test_long_line_is_cut(void **state)
{
    struct bench *bench = *state;
    char value[2 * TALLY_REPORT_LINE_BYTES];
    const char *text;

    memset(value, 'x', sizeof(value));
    value[sizeof(value) - 1] = '\0';
    tally_report(&bench->reporter, TALLY_REPORT_PEER_UP, "peer=%s", value);
    text = written(bench);
    assert_int_equal(strlen(text), TALLY_REPORT_LINE_BYTES);
    assert_int_equal(text[TALLY_REPORT_LINE_BYTES - 1], '\n');
    assert_int_equal(line_count(text), 1);
}

static void test_flood(void **state)
{
    struct bench *bench = *state;
    const char *text;

    for (int i = 0; i < TALLY_REPORT_LINES_MAX + 3; i++) {
        tally_report(&bench->reporter, TALLY_REPORT_LINK_REFUSED, "address=%s", "192.0.2.1");
    }
    assert_int_equal(line_count(written(bench)), TALLY_REPORT_LINES_MAX);
    /* Others are not held back by it. */
    tally_report(&bench->reporter, TALLY_REPORT_PEER_UP, "peer=%s", "op.example");
    assert_int_equal(line_count(written(bench)), 1);
    bench->reporter.now.mono.us += TALLY_REPORT_WINDOW_S * TALLY_US_PER_S - 1;
    tally_report_tick(&bench->reporter);
    assert_string_equal(written(bench), "");
    bench->reporter.now.mono.us += 1;
    tally_report_tick(&bench->reporter);
    text = written(bench);
    assert_int_equal(line_count(text), 1);
    assert_non_null(strstr(text, "event=link_refused left_out=3 window_s=10\n"));
    tally_report_tick(&bench->reporter);
    assert_string_equal(written(bench), "");
    tally_report(&bench->reporter, TALLY_REPORT_LINK_REFUSED, "address=%s", "192.0.2.1");
    assert_int_equal(line_count(written(bench)), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fault_stays_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_line_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
