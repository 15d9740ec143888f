/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: tallyctl tells people what the daemon said, in words, and scripts by its exit status.
 * Method: the program itself, started for each question, against a control socket that this test
 * serves; its output is read to the end.
 *
 * Its one argument is the program's path.
 */
#include "testing.h"
#include "unit/ctl_samples.h"
#include "unit/store_samples.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;

enum { WORDS_MAX = 8, OUTPUT_BYTES = 65536 };

struct run {
    int status;
    char output[OUTPUT_BYTES]; /* stdout and stderr together */
};

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

static pid_t start(const char *path, const char *const *words, int output)
{
    const char *argv[WORDS_MAX + 4] = {program, "--socket", path};
    pid_t child;

    for (size_t i = 0; words[i] != NULL; i++) {
        argv[3 + i] = words[i];
    }
    child = fork();
    if (child == 0) {
        char *const *copy;

        memcpy(&copy, &(const char *const *){argv}, sizeof(copy)); /* execv will not write */
        (void)dup2(output, STDOUT_FILENO);
        (void)dup2(output, STDERR_FILENO);
        (void)execv(program, copy);
        _exit(127);
    }
    return child;
}

/* Serves the daemon until the program has closed its output; calls are told while it follows. */
static void run(struct sample_daemon *daemon, const char *path, const char *const *words,
                struct run *result)
{
    struct tally_evidence_entry entry = sample_entry(SAMPLE_VERDICT_ID, 1763754002118337);
    struct tally_outcome_notice outcome = sample_outcome();
    size_t size = 0;
    ssize_t count = 1;
    int pipe_fds[2];
    int status;
    unsigned told = 0;
    pid_t child;

    assert_int_equal(pipe(pipe_fds), 0);
    child = start(path, words, pipe_fds[1]);
    assert_true(child > 0);
    (void)close(pipe_fds[1]);
    while (count > 0) {
        struct pollfd fds[TALLY_CTL_FDS_MAX + 1];
        uint32_t fd_count = tally_ctl_server_fds(daemon->server, fds);

        fds[fd_count] = (struct pollfd){.fd = pipe_fds[0], .events = POLLIN};
        assert_in_range(poll(fds, fd_count + 1, 20000), 1, fd_count + 1);
        tally_ctl_server_turn(daemon->server, daemon->now);
        if (tally_ctl_server_is_followed(daemon->server) && told++ == 0) {
            tally_ctl_server_tell_verdict(daemon->server, &entry.decision, "op-b.example", "sip");
            tally_ctl_server_tell_outcome(daemon->server, &outcome, "op-c.example", "sip");
        }
        if ((fds[fd_count].revents & (POLLIN | POLLHUP)) != 0) {
            assert_in_range(size, 0, OUTPUT_BYTES - 2);
            count = read(pipe_fds[0], result->output + size, OUTPUT_BYTES - 1 - size);
            size += count > 0 ? (size_t)count : 0;
        }
    }
    result->output[size] = '\0';
    (void)close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    result->status = WEXITSTATUS(status);
    tally_ctl_server_turn(daemon->server, daemon->now);
}

/* "\x01" stands for the id that the daemon knows. */
static const struct {
    const char *what;
    const char *words[WORDS_MAX];
    int status;
    const char *says[6];
} rows[] = {
    {"status",
     {"status"},
     0,
     {"op-a.example", "mode enforce, ready", "2 of 3 up", "VALID 9223372036854775807"}},
    {"peer list", {"peer", "list"}, 0, {"OPERATOR", "op-00002.example", "-0.250", "7301"}},
    {"call tail",
     {"call", "tail", "--count", "2"},
     0,
     {"+49********", "CLI_SPOOFED", "proven", "BLOCK", "1.234  op-b.example", "REFUSED"}},
    {"numbers when asked", {"call", "tail", "-n", "-c", "1"}, 0, {"+4930123457", "+390655512345"}},
    {"call tail for a time", {"call", "tail", "--timeout", "1"}, 0, {"REFUSED"}},
    {"too few calls", {"call", "tail", "-c", "3", "-t", "1"}, 6, {"2 of 3 calls were seen in 1 s"}},
    {"verdict explain",
     {"verdict", "explain", "\x01"},
     0,
     {"CLI_SPOOFED, proven", "a call from +49******** to +39",
      "of op-b.example, 1.000 ms after ours",
      "7 entitled (op-b.example, op-c.example): 1 said: there is no such call; 2 said: no call of",
      "block-proven: every entitled operator denied", "pending"}},
    {"no such verdict", {"verdict", "explain", "aaaaaaaaaaaaa"}, 3, {"no verdict of this id"}},
    {"not an id", {"verdict", "explain", "xyz"}, 2, {"13 characters"}},
    {"no id", {"verdict", "explain"}, 2, {"expected the ID"}},
    {"two ids", {"verdict", "explain", "a", "b"}, 2, {"Too many"}},
    {"no verb", {NULL}, 2, {"expected a verb"}},
    {"half a verb", {"peer"}, 2, {"no such verb"}},
    {"wrong verb", {"stop"}, 2, {"no such verb"}},
    {"wrong option", {"status", "--count", "1"}, 2, {"unrecognized option"}},
    {"wrong count", {"call", "tail", "--count", "1x"}, 2, {"expected an integer"}},
    {"help of a verb", {"call", "tail", "--help"}, 0, {"--timeout", "--show-numbers"}},
};

static void test_verbs(void **state)
{
    static struct run result;
    struct sample_daemon *daemon = *state;
    char id[TALLY_VERDICT_ID_TEXT_BYTES];

    tally_verdict_id_format(SAMPLE_VERDICT_ID, id);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *words[WORDS_MAX] = {NULL};

        for (size_t k = 0; k < WORDS_MAX && rows[i].words[k] != NULL; k++) {
            words[k] = rows[i].words[k][0] == '\x01' ? id : rows[i].words[k];
        }
        run(daemon, daemon->path, words, &result);
        if (result.status != rows[i].status) {
            fail_msg("%s: status %d: %s", rows[i].what, result.status, result.output);
        }
        for (size_t k = 0; k < 6 && rows[i].says[k] != NULL; k++) {
            if (strstr(result.output, rows[i].says[k]) == NULL) {
                fail_msg("%s: no \"%s\" in %s", rows[i].what, rows[i].says[k], result.output);
            }
        }
        /* A pipe is no terminal. */
        assert_null(strchr(result.output, '\033'));
    }
}

static void test_not_ready(void **state)
{
    static struct run result;
    static const char *const words[] = {"status", NULL};
    struct sample_daemon *daemon = *state;

    daemon->is_ready = false;
    run(daemon, daemon->path, words, &result);
    assert_int_equal(result.status, 1);
    assert_non_null(strstr(result.output, "not ready"));
}

/* Every line of --json is one object, and an error is one too. */
static void test_json(void **state)
{
    static struct run result;
    static const struct {
        const char *words[WORDS_MAX];
        size_t line_count;
        const char *member;
    } json_rows[] = {
        {{"--json", "status"}, 1, "ready"},
        {{"peer", "list", "--json"}, 1, "peers"},
        {{"call", "tail", "--json", "-c", "2"}, 3, "schema"},
        {{"verdict", "explain", "--json", "aaaaaaaaaaab2"}, 1, "error"},
    };
    struct sample_daemon *daemon = *state;

    for (size_t i = 0; i < sizeof(json_rows) / sizeof(json_rows[0]); i++) {
        size_t line_count = 0;
        char *next = result.output;

        run(daemon, daemon->path, json_rows[i].words, &result);
        while (*next == '{') {
            char *end = strchr(next, '\n');
            json_t *root;

            assert_non_null(end);
            *end = '\0';
            root = json_loads(next, JSON_REJECT_DUPLICATES, NULL);
            assert_true(json_is_object(root));
            assert_int_equal(json_integer_value(json_object_get(root, "schema")), 1);
            assert_non_null(json_object_get(root, json_rows[i].member));
            json_decref(root);
            line_count++;
            next = end + 1;
        }
        assert_int_equal(line_count, json_rows[i].line_count);
    }
}

static void test_unreachable(void **state)
{
    static struct run result;
    static const char *const words[] = {"status", NULL};
    struct sample_daemon *daemon = *state;

    run(daemon, "build/no-such-socket", words, &result);
    assert_int_equal(result.status, 4);
    assert_non_null(strstr(result.output, "is tallyd running"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_verbs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreachable, setup, teardown),
    };

    if (argc != 2) {
        (void)fprintf(stderr, "usage: test_tallyctl PROGRAM\n");
        return 2;
    }
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
