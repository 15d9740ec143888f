/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the links between registries keep what links.h promises under the faults of libzmq and of
 * peers: nothing stale, nobody unlisted, nothing too big, nothing in parts, and links come back.
 * Method: real TCP over loopback between two links, or between links and a raw socket that
 * misbehaves. Waiting is done by poll with a limit; the clock of tally_links_tick is made up.
 */
#include "testing.h"
#include "transport/links.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

enum { WAIT_MS = 5000, QUIET_MS = 300, PEERS = 4, PARTS_PER_CALL = 1024 };

static struct tally_links *open_on(const char *listen, const char *source)
{
    struct tally_links_config config = {
        .listen = listen, .source = source, .peer_max = PEERS, .hash_key = {1, 2}};
    struct tally_links *links;
    struct tally_fault fault = {0};

    if (tally_links_open(&config, &links, &fault) != TALLY_ERR_OK) {
        fail_msg("%s", fault.text);
    }
    return links;
}

static struct tally_links *open_at(const char *address, const char *source)
{
    char listen[64];

    (void)snprintf(listen, sizeof(listen), "tcp://%s:*", address);
    return open_on(listen, source);
}

static void allow(struct tally_links *links, const char *text)
{
    struct tally_address address;

    assert_true(tally_address_parse(text, &address));
    assert_int_equal(tally_links_allow(links, &address, 1, NULL), TALLY_ERR_OK);
}

/* Waits for one event of `links`, serving `other` (its address checks, say) meanwhile. */
static enum tally_link_event_type next_within(struct tally_links *links, struct tally_links *other,
                                              struct tally_link_event *event, int wait_ms)
{
    for (int waited_ms = 0; waited_ms <= wait_ms; waited_ms += 10) {
        struct pollfd fd = {.fd = tally_links_fd(links), .events = POLLIN};
        struct tally_link_event ignored;

        if (other != NULL) {
            tally_links_next(other, &ignored);
        }
        do {
            tally_links_next(links, event);
            if (event->type != TALLY_LINK_NOTHING) {
                return event->type;
            }
        } while (tally_links_is_pending(links));
        (void)poll(&fd, 1, 10);
    }
    return TALLY_LINK_NOTHING;
}

static void expect(struct tally_links *links, struct tally_links *other,
                   enum tally_link_event_type type, struct tally_link_event *event)
{
    assert_int_equal(next_within(links, other, event, WAIT_MS), type);
}

static void expect_nothing(struct tally_links *links, struct tally_links *other)
{
    struct tally_link_event event;

    assert_int_equal(next_within(links, other, &event, QUIET_MS), TALLY_LINK_NOTHING);
}

static void point(struct tally_links *links, uint32_t slot, const char *endpoint)
{
    struct tally_fault fault = {0};

    if (tally_links_point(links, slot, endpoint, &fault) != TALLY_ERR_OK) {
        fail_msg("%s", fault.text);
    }
}

static void test_frames_flow_once_connected(void **state)
{
    static const uint8_t frame[] = "a frame";
    struct tally_links *from = open_at("127.0.0.1", "127.0.0.2");
    struct tally_links *to = open_at("127.0.0.1", "");
    struct tally_link_event event;

    (void)state;
    allow(to, "127.0.0.2");
    assert_int_equal(tally_links_send(from, 3, frame, sizeof(frame)), TALLY_ERR_NOT_FOUND);
    point(from, 3, tally_links_endpoint(to));
    assert_false(tally_links_is_up(from, 3));
    assert_int_equal(tally_links_send(from, 3, frame, sizeof(frame)), TALLY_ERR_AGAIN);
    expect(from, to, TALLY_LINK_CONNECTED, &event);
    assert_int_equal(event.slot, 3);
    assert_true(tally_links_is_up(from, 3));
    assert_int_equal(tally_links_send(from, 3, frame, sizeof(frame)), TALLY_ERR_OK);
    expect(to, NULL, TALLY_LINK_FRAME, &event);
    assert_int_equal(event.frame_bytes, sizeof(frame));
    assert_memory_equal(event.frame, frame, sizeof(frame));
    assert_string_equal(event.address, "127.0.0.2");
    assert_int_not_equal(event.source, 0);
    /* What was refused before the connection stood was not kept for later. */
    expect_nothing(to, NULL);
    tally_links_close(from);
    tally_links_close(to);
}

static void test_unlisted_address_is_refused_until_listed(void **state)
{
    struct tally_links *from = open_at("127.0.0.1", "127.0.0.3");
    struct tally_links *to = open_at("127.0.0.1", "");
    struct tally_links_counters counters;
    struct tally_link_event event;
    struct tally_mono now = {0};

    (void)state;
    allow(to, "127.0.0.2");
    point(from, 0, tally_links_endpoint(to));
    tally_links_tick(from, now);
    expect(to, NULL, TALLY_LINK_REFUSED, &event);
    assert_string_equal(event.address, "127.0.0.3");
    expect_nothing(from, to);
    assert_false(tally_links_is_up(from, 0));
    assert_int_equal(tally_links_send(from, 0, (const uint8_t *)"x", 1), TALLY_ERR_AGAIN);

    /* libzmq has given the link up for good: only the tick brings it back, and not too early. */
    allow(to, "127.0.0.3");
    tally_links_tick(from, now);
    now = tally_mono_after(now, TALLY_LINKS_REOPEN_REFUSED_US - 1);
    tally_links_tick(from, now);
    tally_links_counters(from, &counters);
    assert_int_equal(counters.reopened_count, 0);
    now = tally_mono_after(now, 1);
    tally_links_tick(from, now);
    expect(from, to, TALLY_LINK_CONNECTED, &event);
    tally_links_counters(from, &counters);
    assert_int_equal(counters.reopened_count, 1);
    tally_links_counters(to, &counters);
    assert_true(counters.refused_count >= 1);
    assert_int_equal(counters.accepted_count, 1);
    tally_links_close(from);
    tally_links_close(to);
}

static void test_address_that_left_the_list_is_not_heard(void **state)
{
    struct tally_links *from = open_at("127.0.0.1", "127.0.0.2");
    struct tally_links *to = open_at("127.0.0.1", "");
    struct tally_links_counters counters;
    struct tally_link_event event;

    (void)state;
    allow(to, "127.0.0.2");
    point(from, 0, tally_links_endpoint(to));
    expect(from, to, TALLY_LINK_CONNECTED, &event);
    assert_int_equal(tally_links_send(from, 0, (const uint8_t *)"1", 1), TALLY_ERR_OK);
    expect(to, NULL, TALLY_LINK_FRAME, &event);
    allow(to, "127.0.0.9");
    assert_int_equal(tally_links_send(from, 0, (const uint8_t *)"2", 1), TALLY_ERR_OK);
    expect(to, NULL, TALLY_LINK_DROPPED, &event);
    assert_string_equal(event.address, "127.0.0.2");
    tally_links_counters(to, &counters);
    assert_int_equal(counters.unlisted_count, 1);
    tally_links_close(from);
    tally_links_close(to);
}

/* A peer that is not ours: a bare socket. */
struct stranger {
    void *context, *socket, *monitor;
};

static struct stranger stranger_open(int type)
{
    struct stranger stranger = {.context = zmq_ctx_new()};
    int none = 0;

    stranger.socket = zmq_socket(stranger.context, type);
    assert_non_null(stranger.socket);
    assert_int_equal(zmq_setsockopt(stranger.socket, ZMQ_LINGER, &none, sizeof(none)), 0);
    stranger.monitor = zmq_socket(stranger.context, ZMQ_PAIR);
    assert_int_equal(zmq_socket_monitor(stranger.socket, "inproc://watch", ZMQ_EVENT_DISCONNECTED),
                     0);
    assert_int_equal(zmq_connect(stranger.monitor, "inproc://watch"), 0);
    return stranger;
}

static void stranger_close(struct stranger *stranger)
{
    (void)zmq_socket_monitor(stranger->socket, NULL, 0);
    (void)zmq_close(stranger->monitor);
    (void)zmq_close(stranger->socket);
    (void)zmq_ctx_term(stranger->context);
}

static int stranger_was_disconnected(struct stranger *stranger, int wait_ms)
{
    zmq_pollitem_t item = {.socket = stranger->monitor, .events = ZMQ_POLLIN};

    return zmq_poll(&item, 1, wait_ms) == 1;
}

static void send_parts(void *socket, int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(zmq_send(socket, "part", 4, i + 1 < count ? ZMQ_SNDMORE : 0), 4);
    }
}

static void test_messages_in_parts_are_dropped(void **state)
{
    static const int counts[] = {2, PARTS_PER_CALL, PARTS_PER_CALL + 1, PARTS_PER_CALL + 2};
    struct tally_links *to = open_at("127.0.0.1", "");
    struct stranger stranger = stranger_open(ZMQ_PUSH);
    struct tally_links_counters counters;
    struct tally_link_event event;
    struct tally_address address;

    (void)state;
    allow(to, "127.0.0.1");
    assert_int_equal(zmq_connect(stranger.socket, tally_links_endpoint(to)), 0);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        send_parts(stranger.socket, counts[i]);
        expect(to, NULL, TALLY_LINK_DROPPED, &event);
        assert_string_equal(event.address, "127.0.0.1");
        assert_null(event.frame);
        send_parts(stranger.socket, 1);
        expect(to, NULL, TALLY_LINK_FRAME, &event);
        assert_int_equal(event.frame_bytes, 4);
    }
    tally_links_counters(to, &counters);
    assert_int_equal(counters.multipart_count, 4);
    assert_int_equal(counters.frame_in_count, 4);
    assert_true(tally_address_parse("127.0.0.1", &address));
    assert_int_equal(tally_links_multipart_count(to, &address), 4);
    stranger_close(&stranger);
    tally_links_close(to);
}

static void test_too_big_a_frame_closes_its_connection_only(void **state)
{
    static uint8_t bytes[TALLY_LINKS_FRAME_BYTES_MAX + 1];
    struct tally_links *honest = open_at("127.0.0.1", "127.0.0.1");
    struct tally_links *to = open_at("127.0.0.1", "");
    struct stranger stranger = stranger_open(ZMQ_PUSH);
    struct tally_link_event event;

    (void)state;
    allow(to, "127.0.0.1");
    point(honest, 0, tally_links_endpoint(to));
    expect(honest, to, TALLY_LINK_CONNECTED, &event);
    assert_int_equal(zmq_connect(stranger.socket, tally_links_endpoint(to)), 0);
    assert_int_equal(zmq_send(stranger.socket, bytes, sizeof(bytes) - 1, 0),
                     (int)sizeof(bytes) - 1);
    expect(to, NULL, TALLY_LINK_FRAME, &event);
    assert_int_equal(event.frame_bytes, TALLY_LINKS_FRAME_BYTES_MAX);
    assert_false(stranger_was_disconnected(&stranger, QUIET_MS));
    assert_int_equal(zmq_send(stranger.socket, bytes, sizeof(bytes), 0), (int)sizeof(bytes));
    assert_true(stranger_was_disconnected(&stranger, WAIT_MS));
    assert_int_equal(tally_links_send(honest, 0, bytes, 7), TALLY_ERR_OK);
    expect(to, NULL, TALLY_LINK_FRAME, &event);
    assert_int_equal(event.frame_bytes, 7);
    stranger_close(&stranger);
    tally_links_close(honest);
    tally_links_close(to);
}

static void fill_up(struct tally_links *from)
{
    static uint8_t stale[TALLY_LINKS_FRAME_BYTES_MAX];
    int sent_count = 0;

    memset(stale, 's', sizeof(stale));
    while (tally_links_send(from, 0, stale, sizeof(stale)) == TALLY_ERR_OK) {
        sent_count++;
        assert_true(sent_count < 100000);
    }
    assert_true(sent_count > TALLY_LINKS_OUT_MAX / 2);
}

static void test_nothing_stale_after_a_reconnect(void **state)
{
    struct tally_links *from = open_at("127.0.0.1", "127.0.0.2");
    struct stranger deaf = stranger_open(ZMQ_PULL);
    struct tally_links *again;
    struct tally_link_event event;
    char endpoint[TALLY_ENDPOINT_TEXT_BYTES];
    size_t endpoint_bytes = sizeof(endpoint);
    int one = 1;

    (void)state;
    assert_int_equal(zmq_setsockopt(deaf.socket, ZMQ_RCVHWM, &one, sizeof(one)), 0);
    assert_int_equal(zmq_bind(deaf.socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(deaf.socket, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_bytes), 0);
    point(from, 0, endpoint);
    expect(from, NULL, TALLY_LINK_CONNECTED, &event);
    fill_up(from);
    stranger_close(&deaf);
    expect(from, NULL, TALLY_LINK_DISCONNECTED, &event);
    assert_int_equal(event.slot, 0);
    assert_false(tally_links_is_up(from, 0));
    assert_int_equal(tally_links_send(from, 0, (const uint8_t *)"s", 1), TALLY_ERR_AGAIN);

    again = open_on(endpoint, "");
    allow(again, "127.0.0.2");
    expect(from, again, TALLY_LINK_CONNECTED, &event);
    assert_int_equal(tally_links_send(from, 0, (const uint8_t *)"fresh", 5), TALLY_ERR_OK);
    expect(again, NULL, TALLY_LINK_FRAME, &event);
    assert_int_equal(event.frame_bytes, 5);
    assert_memory_equal(event.frame, "fresh", 5);
    tally_links_close(from);
    tally_links_close(again);
}

/* Accepts one connection on a bare TCP socket within the limit; -1: none came. */
static int accept_within(int listener, int wait_ms)
{
    struct pollfd fd = {.fd = listener, .events = POLLIN};

    return poll(&fd, 1, wait_ms) == 1 ? accept(listener, NULL, NULL) : -1;
}

static int listen_bare(char *endpoint, size_t endpoint_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t address_bytes = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &address_bytes), 0);
    (void)snprintf(endpoint, endpoint_bytes, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
    return listener;
}

static void test_link_given_up_by_libzmq_is_opened_again(void **state)
{
    /* A greeting of ZMTP 3.0 with a mechanism that nobody has: a protocol error. */
    static const uint8_t greeting[64] = {0xff, 0,    0, 0, 0,   0,   0,   0,
                                         1,    0x7f, 3, 0, 'N', 'O', 'N', 'E'};
    char endpoint[TALLY_ENDPOINT_TEXT_BYTES];
    int listener = listen_bare(endpoint, sizeof(endpoint));
    struct tally_links *from = open_at("127.0.0.1", "");
    struct tally_mono now = {0};
    int connection, again;

    (void)state;
    point(from, 0, endpoint);
    connection = accept_within(listener, WAIT_MS);
    assert_true(connection >= 0);
    assert_int_equal(write(connection, greeting, sizeof(greeting)), sizeof(greeting));
    expect_nothing(from, NULL);
    assert_int_equal(accept_within(listener, 2 * QUIET_MS), -1);
    tally_links_tick(from, now);
    tally_links_tick(from, tally_mono_after(now, TALLY_LINKS_REOPEN_MUTE_US));
    again = accept_within(listener, WAIT_MS);
    assert_true(again >= 0);
    (void)close(connection);
    (void)close(again);
    (void)close(listener);
    tally_links_close(from);
}

static void test_pointing(void **state)
{
    static const char *const refused[] = {"", "tcp://peer.example:7447", "ipc:///tmp/x",
                                          "tcp://127.0.0.1"};
    struct tally_links *from = open_at("127.0.0.1", "127.0.0.2");
    struct tally_links *to = open_at("127.0.0.1", "");
    struct tally_links *other = open_at("127.0.0.1", "");
    struct tally_link_event event;
    struct tally_fault fault = {0};

    (void)state;
    allow(to, "127.0.0.2");
    allow(other, "127.0.0.2");
    point(from, 0, tally_links_endpoint(to));
    expect(from, to, TALLY_LINK_CONNECTED, &event);
    point(from, 0, tally_links_endpoint(to));
    assert_true(tally_links_is_up(from, 0));
    point(from, 0, tally_links_endpoint(other));
    assert_false(tally_links_is_up(from, 0));
    expect(from, other, TALLY_LINK_CONNECTED, &event);
    assert_int_equal(tally_links_send(from, 0, (const uint8_t *)"o", 1), TALLY_ERR_OK);
    expect(other, NULL, TALLY_LINK_FRAME, &event);
    expect_nothing(to, NULL);
    point(from, 0, NULL);
    assert_int_equal(tally_links_send(from, 0, (const uint8_t *)"o", 1), TALLY_ERR_NOT_FOUND);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(tally_links_point(from, 1, refused[i], &fault), TALLY_ERR_FORMAT);
        assert_non_null(strstr(fault.text, refused[i]));
    }
    tally_links_close(from);
    tally_links_close(to);
    tally_links_close(other);
}

static void test_faults_of_open_say_what_and_where(void **state)
{
    struct tally_links *first = open_at("127.0.0.1", "");
    struct tally_links_config config = {
        .listen = tally_links_endpoint(first), .source = "", .peer_max = PEERS};
    struct tally_links *second;
    struct tally_fault fault = {0};

    (void)state;
    assert_int_equal(tally_links_open(&config, &second, &fault), TALLY_ERR_CONFIG);
    assert_null(second);
    assert_non_null(strstr(fault.text, config.listen));
    assert_non_null(strstr(fault.text, "in use"));
    config.listen = "tcp://127.0.0.1:*";
    config.source = "somewhere";
    assert_int_equal(tally_links_open(&config, &second, &fault), TALLY_ERR_CONFIG);
    assert_non_null(strstr(fault.text, "somewhere"));
    tally_links_close(first);
    tally_links_close(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_flow_once_connected),
        cmocka_unit_test(test_unlisted_address_is_refused_until_listed),
        cmocka_unit_test(test_address_that_left_the_list_is_not_heard),
        cmocka_unit_test(test_messages_in_parts_are_dropped),
        cmocka_unit_test(test_too_big_a_frame_closes_its_connection_only),
        cmocka_unit_test(test_nothing_stale_after_a_reconnect),
        cmocka_unit_test(test_link_given_up_by_libzmq_is_opened_again),
        cmocka_unit_test(test_pointing),
        cmocka_unit_test(test_faults_of_open_say_what_and_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
