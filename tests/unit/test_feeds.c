/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the adapter port is private to its user, never blocks, loses nothing that it took, and says
 * in words why it cannot be opened.
 * Method: real ipc endpoints in a fresh folder, with bare sockets in the adapter's place.
 */
#include "testing.h"
#include "transport/feeds.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

enum { WAIT_MS = 5000, QUIET_MS = 200 };

struct place {
    char folder[64];
    struct tally_feeds_config config;
    void *context;
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    memcpy(place->folder, "/tmp/tally-feeds-XXXXXX", sizeof("/tmp/tally-feeds-XXXXXX"));
    assert_non_null(mkdtemp(place->folder));
    place->config.run_directory = place->folder;
    place->config.feed_count = 2;
    (void)snprintf(place->config.names[0], sizeof(place->config.names[0]), "sbc");
    (void)snprintf(place->config.names[1], sizeof(place->config.names[1]), "tap");
    place->context = zmq_ctx_new();
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;

    (void)zmq_ctx_term(place->context);
    assert_int_equal(rmdir(place->folder), 0); /* the endpoints were removed */
    free(place);
    return 0;
}

static struct tally_feeds *open_feeds(struct place *place)
{
    struct tally_feeds *feeds;
    struct tally_fault fault = {0};

    if (tally_feeds_open(&place->config, &feeds, &fault) != TALLY_ERR_OK) {
        fail_msg("%s", fault.text);
    }
    return feeds;
}

static void *adapter_socket(struct place *place, int type, const char *file)
{
    void *socket = zmq_socket(place->context, type);
    char endpoint[128];
    int none = 0;

    assert_non_null(socket);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof(none)), 0);
    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s/%s", place->folder, file);
    assert_int_equal(zmq_connect(socket, endpoint), 0);
    return socket;
}

static bool next_within(struct tally_feeds *feeds, struct tally_feeds_batch *batch, int wait_ms)
{
    for (int waited_ms = 0; waited_ms <= wait_ms; waited_ms += 10) {
        struct pollfd fd = {.fd = tally_feeds_fd(feeds), .events = POLLIN};

        do {
            if (tally_feeds_next(feeds, batch)) {
                return true;
            }
        } while (tally_feeds_is_pending(feeds));
        (void)poll(&fd, 1, 10);
    }
    return false;
}

static void test_endpoints_are_private(void **state)
{
    static const char *const files[] = {"feed-sbc.in", "feed-sbc.out", "feed-tap.in",
                                        "feed-tap.out"};
    struct place *place = *state;
    mode_t before = umask(0);
    struct tally_feeds *feeds = open_feeds(place);

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[128];
        struct stat status;

        (void)snprintf(path, sizeof(path), "%s/%s", place->folder, files[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_true(S_ISSOCK(status.st_mode));
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    assert_int_equal(umask(before), 0); /* as it was before open */
    tally_feeds_close(feeds);
}

static void test_both_ways(void **state)
{
    struct place *place = *state;
    struct tally_feeds *feeds = open_feeds(place);
    void *push = adapter_socket(place, ZMQ_PUSH, "feed-tap.in");
    void *pull = adapter_socket(place, ZMQ_PULL, "feed-tap.out");
    struct tally_feeds_batch batch;
    enum tally_err err = TALLY_ERR_AGAIN;
    char bytes[8];

    assert_int_equal(zmq_send(push, "in", 2, 0), 2);
    assert_true(next_within(feeds, &batch, WAIT_MS));
    assert_int_equal(batch.feed, 1);
    assert_false(batch.is_multipart);
    assert_int_equal(batch.size, 2);
    assert_memory_equal(batch.bytes, "in", 2);
    assert_false(next_within(feeds, &batch, QUIET_MS));

    assert_int_equal(tally_feeds_send(feeds, 0, (const uint8_t *)"no", 2), TALLY_ERR_AGAIN);
    for (int i = 0; i < 500 && err == TALLY_ERR_AGAIN; i++) {
        err = tally_feeds_send(feeds, 1, (const uint8_t *)"out", 3);
        (void)poll(NULL, 0, err == TALLY_ERR_AGAIN ? 10 : 0);
    }
    assert_int_equal(err, TALLY_ERR_OK);
    assert_int_equal(zmq_recv(pull, bytes, sizeof(bytes), 0), 3);
    assert_memory_equal(bytes, "out", 3);
    (void)zmq_close(push);
    (void)zmq_close(pull);
    tally_feeds_close(feeds);
}

static void test_parts_and_sizes(void **state)
{
    static uint8_t big[TALLY_FEEDS_BATCH_BYTES_MAX + 1];
    struct place *place = *state;
    struct tally_feeds *feeds = open_feeds(place);
    void *push = adapter_socket(place, ZMQ_PUSH, "feed-sbc.in");
    struct tally_feeds_batch batch;

    assert_int_equal(zmq_send(push, "a", 1, ZMQ_SNDMORE), 1);
    assert_int_equal(zmq_send(push, "b", 1, 0), 1);
    assert_true(next_within(feeds, &batch, WAIT_MS));
    assert_true(batch.is_multipart);
    assert_null(batch.bytes);
    assert_int_equal(zmq_send(push, big, sizeof(big) - 1, 0), (int)sizeof(big) - 1);
    assert_true(next_within(feeds, &batch, WAIT_MS));
    assert_int_equal(batch.size, sizeof(big) - 1);
    assert_int_equal(zmq_send(push, big, sizeof(big), 0), (int)sizeof(big));
    assert_false(next_within(feeds, &batch, QUIET_MS));
    (void)zmq_close(push);
    tally_feeds_close(feeds);
}

static void test_feeds_take_turns(void **state)
{
    enum { EACH = 20 };
    struct place *place = *state;
    struct tally_feeds *feeds = open_feeds(place);
    void *first = adapter_socket(place, ZMQ_PUSH, "feed-sbc.in");
    void *second = adapter_socket(place, ZMQ_PUSH, "feed-tap.in");
    struct tally_feeds_batch batch;
    int seen_count[2] = {0, 0};

    for (int i = 0; i < EACH; i++) {
        assert_int_equal(zmq_send(first, "1", 1, 0), 1);
        assert_int_equal(zmq_send(second, "2", 1, 0), 1);
    }
    while (seen_count[0] + seen_count[1] < 2 * EACH) {
        assert_true(next_within(feeds, &batch, WAIT_MS));
        assert_int_equal(batch.bytes[0], batch.feed == 0 ? '1' : '2');
        seen_count[batch.feed]++;
    }
    assert_int_equal(seen_count[0], EACH);
    (void)zmq_close(first);
    (void)zmq_close(second);
    tally_feeds_close(feeds);
}

static void test_endpoint_in_use(void **state)
{
    struct place *place = *state;
    struct tally_feeds *feeds = open_feeds(place), *second;
    struct tally_fault fault = {0};
    struct tally_feeds_batch batch;
    void *push;

    assert_int_equal(tally_feeds_open(&place->config, &second, &fault), TALLY_ERR_CONFIG);
    assert_null(second);
    assert_non_null(strstr(fault.text, "feed-sbc.in"));
    assert_non_null(strstr(fault.text, "in use"));
    /* The first one still has its endpoints. */
    push = adapter_socket(place, ZMQ_PUSH, "feed-sbc.in");
    assert_int_equal(zmq_send(push, "x", 1, 0), 1);
    assert_true(next_within(feeds, &batch, WAIT_MS));
    (void)zmq_close(push);
    tally_feeds_close(feeds);
}

static void test_endpoint_left_behind_is_replaced(void **state)
{
    struct place *place = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/feed-sbc.in", place->folder);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(close(fd), 0);
    tally_feeds_close(open_feeds(place));
}

static void test_path_one_byte_too_long(void **state)
{
    struct place *place = *state;
    const size_t path_max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    size_t name_max = path_max - strlen(place->folder) - strlen("/feed-.out");
    struct tally_feeds *feeds;
    struct tally_fault fault = {0};
    char folder[128];

    /* Names are short: the folder has to be long. */
    (void)snprintf(folder, sizeof(folder), "%s/", place->folder);
    place->config.feed_count = 1;
    memset(place->config.names[0], 0, sizeof(place->config.names[0]));
    assert_true(name_max >= 63);
    memset(place->config.names[0], 'n', 60);
    while (strlen(folder) + strlen("/feed-.out") + 60 < path_max) {
        folder[strlen(folder) + 1] = '\0';
        folder[strlen(folder)] = '/';
    }
    place->config.run_directory = folder;
    tally_feeds_close(open_feeds(place));
    folder[strlen(folder) + 1] = '\0';
    folder[strlen(folder)] = '/';
    assert_int_equal(tally_feeds_open(&place->config, &feeds, &fault), TALLY_ERR_CONFIG);
    assert_non_null(strstr(fault.text, "shorter run_directory"));
}

static void test_folder_that_is_not_there(void **state)
{
    struct place *place = *state;
    struct tally_feeds *feeds;
    struct tally_fault fault = {0};

    place->config.run_directory = "/nonexistent/tally";
    assert_int_equal(tally_feeds_open(&place->config, &feeds, &fault), TALLY_ERR_CONFIG);
    assert_non_null(strstr(fault.text, "/nonexistent/tally/feed-sbc.in"));
    tally_feeds_close(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_endpoints_are_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parts_and_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_feeds_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_endpoint_in_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_endpoint_left_behind_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_path_one_byte_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folder_that_is_not_there, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
