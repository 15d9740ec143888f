/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever a client sends or does not read, the daemon's loop goes on, its memory stays
 * bounded, and no telephone number leaves it unasked.
 * Method: a real socket under build/ whose server is turned by hand, with a clock that is a number;
 * clients that are slow, silent, greedy or wrong.
 */
#include "testing.h"
#include "unit/ctl_samples.h"
#include "unit/store_samples.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int setup(void **state)
{
    static struct sample_daemon daemon;

    sample_daemon_open(&daemon);
    *state = &daemon;
    return 0;
}

static int teardown(void **state)
{
    sample_daemon_close(*state);
    return 0;
}

static void turn(struct sample_daemon *daemon)
{
    tally_ctl_server_turn(daemon->server, daemon->now);
}

static int connect_to(struct sample_daemon *daemon)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int small = 16384;

    /* What the system keeps for a greedy client is not what is tested. */
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->path);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    turn(daemon);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The next line, turning the server while none is there; false: it closed the connection. */
static bool read_line(struct sample_daemon *daemon, int fd, char *line, size_t size)
{
    size_t count = 0;

    for (int tries = 0; tries < 100 && count + 1 < size;) {
        ssize_t got = recv(fd, line + count, 1, 0);

        if (got == 1 && line[count] == '\n') {
            line[count] = '\0';
            return true;
        }
        if (got == 0) {
            assert_int_equal(count, 0);
            return false;
        }
        count += got == 1;
        if (got < 0) {
            assert_true(errno == EAGAIN);
            turn(daemon);
            tries++;
        }
    }
    fail_msg("no line came");
    return false;
}

/* Asks, and returns the answer's object, to be freed. */
static json_t *ask(struct sample_daemon *daemon, int fd, const char *request)
{
    char line[TALLY_CTL_LINE_MAX_BYTES];
    json_t *root;

    say(fd, request);
    assert_true(read_line(daemon, fd, line, sizeof(line)));
    root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_true(json_is_object(root));
    assert_int_equal(json_integer_value(json_object_get(root, "schema")), 1);
    return root;
}

static const char *text_of(const json_t *root, const char *key)
{
    const char *text = json_string_value(json_object_get(root, key));

    return text == NULL ? "" : text;
}

static struct tally_ctl_counters counters_of(struct sample_daemon *daemon)
{
    struct tally_ctl_counters counters;

    tally_ctl_server_counters(daemon->server, &counters);
    return counters;
}

/* Every count at its longest: this is also the proof that the view fits a line. */
static void test_status(void **state)
{
    struct sample_daemon *daemon = *state;
    int fd = connect_to(daemon);
    json_t *root = ask(daemon, fd, "{\"verb\":\"status\"}\n");

    assert_true(json_is_true(json_object_get(root, "ok")));
    assert_true(json_is_true(json_object_get(root, "ready")));
    assert_string_equal(text_of(root, "operator"), "op-a.example");
    assert_string_equal(text_of(root, "started_at"), "2025-11-21T19:40:02.118337Z");
    assert_string_equal(text_of(root, "mode"), "enforce");
    assert_string_equal(text_of(json_object_get(root, "cdb"), "freshness"), "fresh");
    assert_int_equal(json_array_size(json_object_get(root, "feeds")), TALLY_REGISTRY_FEEDS_MAX);
    assert_int_equal(json_object_size(json_object_get(root, "verdicts")), TALLY_VERDICT_COUNT);
    assert_int_equal(json_object_size(json_object_get(root, "peer_rejects")), TALLY_REJECT_COUNT);
    json_decref(root);
    daemon->is_ready = false;
    root = ask(daemon, fd, "{\"schema\":1,\"verb\":\"status\"}\n");
    assert_true(json_is_false(json_object_get(root, "ready")));
    json_decref(root);
    (void)close(fd);
}

static void test_bad_requests(void **state)
{
    static const struct {
        const char *request;
        const char *error;
    } rows[] = {
        {"\n", "FORMAT"},
        {"status\n", "FORMAT"},
        {"[\"verb\"]\n", "FORMAT"},
        {"{\"verb\":\"status\"\n", "FORMAT"},
        {"{\"verb\":\"status\"} {}\n", "FORMAT"},
        {"{\"verb\":\"status\",\"verb\":\"peers\"}\n", "FORMAT"},
        {"{\"verb\":1}\n", "FORMAT"},
        {"{}\n", "FORMAT"},
        {"{\"verb\":\"stop\"}\n", "USAGE"},
        {"{\"verb\":\"status\",\"id\":\"aaaaaaaaaaaaa\"}\n", "USAGE"},
        {"{\"verb\":\"status\",\"colour\":true}\n", "USAGE"},
        {"{\"verb\":\"status\",\"show_numbers\":1}\n", "FORMAT"},
        {"{\"verb\":\"status\",\"schema\":2}\n", "VERSION"},
        {"{\"verb\":\"status\",\"schema\":\"1\"}\n", "FORMAT"},
        {"{\"verb\":\"explain\"}\n", "USAGE"},
        {"{\"verb\":\"explain\",\"id\":5}\n", "FORMAT"},
        {"{\"verb\":\"explain\",\"id\":\"aaaaaaaaaaaa\"}\n", "USAGE"},
        {"{\"verb\":\"explain\",\"id\":\"aaaaaaaaaaaaaa\"}\n", "USAGE"},
        {"{\"verb\":\"explain\",\"id\":\"aaaaaaaaaaaa1\"}\n", "USAGE"},
        {"{\"verb\":\"explain\",\"id\":\"aaaaaaaaaaaaa\"}\n", "NOT_FOUND"},
    };
    struct sample_daemon *daemon = *state;
    int fd = connect_to(daemon);
    json_t *root;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        root = ask(daemon, fd, rows[i].request);
        assert_true(json_is_false(json_object_get(root, "ok")));
        if (strcmp(text_of(root, "error"), rows[i].error) != 0) {
            fail_msg("%s: %s", rows[i].request, text_of(root, "error"));
        }
        assert_true(text_of(root, "text")[0] != '\0');
        json_decref(root);
    }
    assert_int_equal(counters_of(daemon).bad_request_count, sizeof(rows) / sizeof(rows[0]) - 1);
    root = ask(daemon, fd, "{\"verb\":\"status\"}\n");
    assert_true(json_is_true(json_object_get(root, "ok")));
    json_decref(root);
    (void)close(fd);
}

/* A line of 4095 bytes and its end fit; one byte more is refused and ends the connection. */
static void test_oversized_request(void **state)
{
    struct sample_daemon *daemon = *state;
    int fd = connect_to(daemon);
    char request[TALLY_CTL_REQUEST_MAX_BYTES + 1];
    char line[TALLY_CTL_LINE_MAX_BYTES];
    json_t *root;

    memset(request, ' ', sizeof(request));
    memcpy(request, "{\"verb\":\"status\"}", 17);
    request[TALLY_CTL_REQUEST_MAX_BYTES - 1] = '\n';
    request[TALLY_CTL_REQUEST_MAX_BYTES] = '\0';
    root = ask(daemon, fd, request);
    assert_true(json_is_true(json_object_get(root, "ok")));
    json_decref(root);
    request[TALLY_CTL_REQUEST_MAX_BYTES - 1] = ' ';
    root = ask(daemon, fd, request);
    assert_string_equal(text_of(root, "error"), "LIMIT");
    json_decref(root);
    assert_false(read_line(daemon, fd, line, sizeof(line)));
    assert_int_equal(counters_of(daemon).client_count, 0);
    (void)close(fd);
}

/* A request in pieces, several in one piece, and one after which the client says no more. */
static void test_pieces(void **state)
{
    enum { REQUESTS = 20 };
    struct sample_daemon *daemon = *state;
    int fd = connect_to(daemon);
    char line[TALLY_CTL_LINE_MAX_BYTES];
    char many[REQUESTS * 20 + 1] = "";

    say(fd, "{\"verb\":");
    turn(daemon);
    json_decref(ask(daemon, fd, "\"status\"}\n"));
    for (int i = 0; i < REQUESTS; i++) {
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "{\"verb\":\"status\"}\n");
    }
    say(fd, many);
    for (int i = 0; i < REQUESTS; i++) {
        assert_true(read_line(daemon, fd, line, sizeof(line)));
    }
    assert_int_equal(counters_of(daemon).request_count, REQUESTS + 1);
    say(fd, "{\"verb\":\"status\"}\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_true(read_line(daemon, fd, line, sizeof(line)));
    assert_false(read_line(daemon, fd, line, sizeof(line)));
    (void)close(fd);
}

/* Does a text hold any of the sample's numbers, or more than two digits of one? */
static bool shows_numbers(const char *text)
{
    return strstr(text, "493") != NULL || strstr(text, "390") != NULL ||
           strstr(text, "0123") != NULL || strstr(text, "5512") != NULL;
}

static void test_explain(void **state)
{
    static const char masked[] = "{\"verb\":\"explain\",\"id\":\"%s\"}\n";
    static const char shown[] = "{\"verb\":\"explain\",\"id\":\"%s\",\"show_numbers\":true}\n";
    struct sample_daemon *daemon = *state;
    int fd = connect_to(daemon);
    char id[TALLY_VERDICT_ID_TEXT_BYTES];
    char request[128];
    char line[TALLY_CTL_LINE_MAX_BYTES];
    json_t *root;
    json_t *call;

    tally_verdict_id_format(SAMPLE_VERDICT_ID, id);
    (void)snprintf(request, sizeof(request), masked, id);
    say(fd, request);
    assert_true(read_line(daemon, fd, line, sizeof(line)));
    assert_false(shows_numbers(line));
    daemon->is_durable = true;
    (void)snprintf(request, sizeof(request), shown, id);
    root = ask(daemon, fd, request);
    call = json_object_get(root, "call");
    assert_string_equal(text_of(call, "id"), id);
    assert_string_equal(text_of(call, "a"), "+4930123457");
    assert_string_equal(text_of(call, "b"), "+390655512345");
    assert_string_equal(text_of(call, "evidence"), "durable");
    assert_string_equal(text_of(call, "policy"), "block-proven");
    assert_string_equal(text_of(call, "peer"), "op-b.example");
    assert_string_equal(text_of(json_object_get(call, "ours"), "a_network"), "+4930123456");
    assert_string_equal(text_of(json_object_get(call, "theirs"), "operator"), "op-b.example");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(call, "asked"), "none_direct")), 2);
    json_decref(root);
    daemon->is_durable = false;
    root = ask(daemon, fd, request);
    assert_string_equal(text_of(json_object_get(root, "call"), "evidence"), "pending");
    json_decref(root);
    (void)close(fd);
}

static void test_tail(void **state)
{
    struct sample_daemon *daemon = *state;
    int masked = connect_to(daemon);
    int shown = connect_to(daemon);
    struct tally_evidence_entry entry = sample_entry(SAMPLE_VERDICT_ID, 1763754002118337);
    struct tally_outcome_notice outcome = sample_outcome();
    char line[TALLY_CTL_LINE_MAX_BYTES];
    json_t *root;

    assert_false(tally_ctl_server_is_followed(daemon->server));
    tally_ctl_server_tell_verdict(daemon->server, &entry.decision, "op-b", "sip");
    json_decref(ask(daemon, masked, "{\"verb\":\"tail\"}\n"));
    json_decref(ask(daemon, shown, "{\"verb\":\"tail\",\"show_numbers\":true}\n"));
    assert_true(tally_ctl_server_is_followed(daemon->server));
    tally_ctl_server_tell_verdict(daemon->server, &entry.decision, "op-b", "sip");
    tally_ctl_server_tell_outcome(daemon->server, &outcome, "op-c", "hep");

    assert_true(read_line(daemon, masked, line, sizeof(line)));
    assert_false(shows_numbers(line));
    assert_non_null(strstr(line, "\"verdict_ms\":1.234,"));
    assert_true(read_line(daemon, masked, line, sizeof(line)));
    assert_false(shows_numbers(line));

    assert_true(read_line(daemon, shown, line, sizeof(line)));
    root = json_loads(line, 0, NULL);
    assert_string_equal(text_of(root, "event"), "verdict");
    assert_string_equal(text_of(root, "side"), "terminating");
    assert_string_equal(text_of(root, "a"), "+4930123457");
    assert_string_equal(text_of(root, "verdict"), "CLI_SPOOFED");
    assert_string_equal(text_of(root, "grade"), "proven");
    assert_string_equal(text_of(root, "action"), "BLOCK");
    assert_string_equal(text_of(root, "would_action"), "RELEASE");
    assert_string_equal(text_of(root, "policy"), "block-proven");
    assert_string_equal(text_of(root, "peer"), "op-b");
    assert_string_equal(text_of(root, "feed"), "sip");
    assert_string_equal(text_of(root, "decided_at"), "2025-11-21T19:40:02.118337Z");
    assert_string_equal(json_string_value(json_array_get(json_object_get(root, "marks"), 0)),
                        "NO_DIRECT_CALL");
    json_decref(root);
    assert_true(read_line(daemon, shown, line, sizeof(line)));
    root = json_loads(line, 0, NULL);
    assert_string_equal(text_of(root, "event"), "outcome");
    assert_string_equal(text_of(root, "outcome"), "REFUSED");
    assert_string_equal(text_of(root, "verdict"), "CLI_SPOOFED");
    assert_string_equal(text_of(root, "peer"), "op-c");
    json_decref(root);
    (void)close(masked);
    (void)close(shown);
    turn(daemon);
    assert_false(tally_ctl_server_is_followed(daemon->server));
}

/* One follower never reads: it is dropped and counted, and the other one misses nothing. */
static void test_slow_follower(void **state)
{
    struct sample_daemon *daemon = *state;
    int slow = connect_to(daemon);
    int quick = connect_to(daemon);
    struct tally_evidence_entry entry = sample_entry(1, 1763754002118337);
    char line[TALLY_CTL_LINE_MAX_BYTES];
    unsigned told = 0;

    json_decref(ask(daemon, slow, "{\"verb\":\"tail\"}\n"));
    json_decref(ask(daemon, quick, "{\"verb\":\"tail\"}\n"));
    while (counters_of(daemon).slow_drop_count == 0) {
        entry.decision.id = ++told;
        tally_ctl_server_tell_verdict(daemon->server, &entry.decision, "op-b", "sip");
        turn(daemon);
        assert_true(read_line(daemon, quick, line, sizeof(line)));
        assert_in_range(told, 0, 20000);
    }
    assert_in_range(told, 100, 20000);
    assert_true(tally_ctl_server_is_followed(daemon->server));
    assert_int_equal(counters_of(daemon).client_count, 1);
    tally_ctl_server_tell_verdict(daemon->server, &entry.decision, "op-b", "sip");
    assert_true(read_line(daemon, quick, line, sizeof(line)));
    (void)close(slow);
    (void)close(quick);
}

/* Many requests whose answers are not read stop being read themselves; nothing grows. */
static void test_greedy_client(void **state)
{
    struct sample_daemon *daemon = *state;
    int fd = connect_to(daemon);
    char line[TALLY_CTL_LINE_MAX_BYTES];
    unsigned asked = 0;
    unsigned read = 0;
    uint64_t answered;

    while (send(fd, "{\"verb\":\"status\"}\n", 18, MSG_NOSIGNAL) == 18) {
        asked++;
        turn(daemon);
        assert_in_range(asked, 0, 100000);
    }
    answered = counters_of(daemon).request_count;
    assert_in_range(answered, 10, asked - 1);
    for (int i = 0; i < 100; i++) {
        turn(daemon);
    }
    assert_int_equal(counters_of(daemon).request_count, answered);
    while (read < asked) {
        assert_true(read_line(daemon, fd, line, sizeof(line)));
        read++;
    }
    assert_int_equal(counters_of(daemon).client_count, 1);
    (void)close(fd);
}

/* More peers than a client's buffer holds: the list goes on as it is read. */
static void test_peers(void **state)
{
    struct sample_daemon *daemon = *state;
    int fd = connect_to(daemon);
    char line[TALLY_CTL_LINE_MAX_BYTES];
    unsigned count = 0;
    json_t *root;

    daemon->slot_count = 3000;
    say(fd, "{\"verb\":\"peers\"}\n");
    for (;;) {
        json_t *peer;

        assert_true(read_line(daemon, fd, line, sizeof(line)));
        root = json_loads(line, 0, NULL);
        peer = json_object_get(root, "peer");
        if (peer == NULL) {
            break;
        }
        if (count == 0) {
            assert_string_equal(text_of(peer, "operator"), "op-00000.example");
            assert_true(json_is_false(json_object_get(peer, "in_cdb")));
            assert_true(json_is_true(json_object_get(peer, "up")));
            assert_non_null(strstr(line, "\"rtt_ms\":1.500,\"offset_ms\":-0.250,"));
        }
        json_decref(root);
        count++;
    }
    assert_int_equal(count, 2000);
    assert_int_equal(json_integer_value(json_object_get(root, "count")), 2000);
    json_decref(root);
    (void)close(fd);
}

/* Whoever polls what fds names is always called again while something is left to do. */
static void test_poll(void **state)
{
    struct sample_daemon *daemon = *state;
    int fd = connect_to(daemon);
    struct pollfd fds[TALLY_CTL_FDS_MAX];
    char bytes[4096];
    unsigned lines = 0;

    daemon->slot_count = 3000;
    for (int i = 0; i < 12; i++) {
        say(fd, "{\"verb\":\"status\"}\n");
    }
    say(fd, "{\"verb\":\"peers\"}\n");
    while (lines < 12 + 2001) {
        ssize_t count;
        uint32_t fd_count = tally_ctl_server_fds(daemon->server, fds);

        assert_int_equal(fd_count, 2);
        if (poll(fds, fd_count, 0) > 0) {
            turn(daemon);
        }
        count = recv(fd, bytes, sizeof(bytes), 0);
        assert_true(count > 0 || (count < 0 && errno == EAGAIN));
        for (ssize_t i = 0; i < count; i++) {
            lines += bytes[i] == '\n';
        }
    }
    /* And not called when there is nothing. */
    turn(daemon);
    assert_int_equal(poll(fds, tally_ctl_server_fds(daemon->server, fds), 0), 0);
    (void)close(fd);
}

static void test_too_many_clients(void **state)
{
    struct sample_daemon *daemon = *state;
    int fds[TALLY_CTL_CLIENTS_MAX + 1];
    char line[TALLY_CTL_LINE_MAX_BYTES];

    for (int i = 0; i <= TALLY_CTL_CLIENTS_MAX; i++) {
        fds[i] = connect_to(daemon);
    }
    assert_true(read_line(daemon, fds[TALLY_CTL_CLIENTS_MAX], line, sizeof(line)));
    assert_non_null(strstr(line, "\"error\":\"FULL\""));
    assert_false(read_line(daemon, fds[TALLY_CTL_CLIENTS_MAX], line, sizeof(line)));
    assert_int_equal(counters_of(daemon).accepted_count, TALLY_CTL_CLIENTS_MAX);
    assert_int_equal(counters_of(daemon).refused_count, 1);
    (void)close(fds[0]);
    turn(daemon);
    (void)close(fds[TALLY_CTL_CLIENTS_MAX]);
    fds[0] = connect_to(daemon);
    json_decref(ask(daemon, fds[0], "{\"verb\":\"status\"}\n"));
    for (int i = 0; i < TALLY_CTL_CLIENTS_MAX; i++) {
        (void)close(fds[i]);
    }
}

/* One microsecond before 30 s of silence it stays, at 30 s it goes; a follower may be silent. */
static void test_idle(void **state)
{
    struct sample_daemon *daemon = *state;
    int follower = connect_to(daemon);
    int idle;
    char line[TALLY_CTL_LINE_MAX_BYTES];

    json_decref(ask(daemon, follower, "{\"verb\":\"tail\"}\n"));
    idle = connect_to(daemon);
    daemon->now.us += TALLY_CTL_IDLE_US - 1;
    turn(daemon);
    assert_int_equal(counters_of(daemon).client_count, 2);
    daemon->now.us += 1;
    turn(daemon);
    assert_int_equal(counters_of(daemon).client_count, 1);
    assert_int_equal(counters_of(daemon).idle_drop_count, 1);
    assert_false(read_line(daemon, idle, line, sizeof(line)));
    (void)close(idle);
    (void)close(follower);
}

static void test_socket_file(void **state)
{
    struct sample_daemon *daemon = *state;
    struct tally_ctl_callbacks callbacks = sample_callbacks(daemon);
    struct tally_ctl_server *second = NULL;
    struct tally_fault fault;
    struct stat about;
    char path[160];
    int stale;

    assert_int_equal(stat(daemon->path, &about), 0);
    assert_true(S_ISSOCK(about.st_mode));
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(tally_ctl_server_open(daemon->path, &callbacks, &second, &fault),
                     TALLY_ERR_EXISTS);
    assert_non_null(strstr(fault.text, "another process listens there"));

    /* A plain file is never removed. */
    (void)snprintf(path, sizeof(path), "%s/file", daemon->directory);
    stale = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(stale >= 0);
    (void)close(stale);
    assert_int_equal(tally_ctl_server_open(path, &callbacks, &second, &fault), TALLY_ERR_EXISTS);
    assert_int_equal(unlink(path), 0);

    /* A dead process's socket is replaced. */
    tally_ctl_server_close(daemon->server);
    {
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->path);
        stale = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(bind(stale, (const struct sockaddr *)&address, sizeof(address)), 0);
        (void)close(stale);
    }
    assert_int_equal(tally_ctl_server_open(daemon->path, &callbacks, &daemon->server, &fault),
                     TALLY_ERR_OK);
    memset(path, 'x', sizeof(path));
    path[108] = '\0';
    assert_int_equal(tally_ctl_server_open(path, &callbacks, &second, &fault), TALLY_ERR_LIMIT);
    assert_int_equal(tally_ctl_server_open("build/no/such/control", &callbacks, &second, &fault),
                     TALLY_ERR_SYSTEM);
    assert_null(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_status, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_oversized_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_explain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_follower, setup, teardown),
        cmocka_unit_test_setup_teardown(test_greedy_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poll, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_socket_file, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
