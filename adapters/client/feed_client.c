/* SPDX-License-Identifier: Apache-2.0 */
/* ppoll is Linux's; POSIX knows it since 2024 only. */
#define _GNU_SOURCE
#include "adapters/client/feed_state.h"
#include "base/assert.h"
#include "tally/adapter.h"
#include "wire/feed.h"
#include "wire/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/un.h>
#include <zmq.h>

enum {
    ENDPOINT_BYTES = sizeof("ipc://") + sizeof(((struct sockaddr_un *)0)->sun_path),
    QUEUE_MAX = 1024,   /* batches, each way */
    RECONNECT_MS = 100, /* to a registry that is away, and not all adapters at once */
    RECONNECT_MAX_MS = 1000,
    SNAPSHOT_BATCHES_MAX = 2, /* per turn, so that events are not held up */
};

struct tally_adapter {
    void *context, *push, *pull;
    int pull_fd;
    struct tally_feed_state state;
    struct tally_feed_pending *pendings;
    struct tally_event *legs;

    struct tally_writer batch; /* being filled */
    bool has_batch;
    uint8_t batch_bytes[TALLY_FRAME_PAYLOAD_BYTES_MAX];

    zmq_msg_t message; /* being read */
    bool has_message;
    struct tally_batch_reader reader;
};

static const struct {
    int name;
    int value;
} options[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_IMMEDIATE, 1},
    {ZMQ_SNDHWM, QUEUE_MAX},
    {ZMQ_RCVHWM, QUEUE_MAX},
    {ZMQ_RECONNECT_IVL, RECONNECT_MS},
    {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
    {ZMQ_HANDSHAKE_IVL, 1000},
};

static enum tally_err open_socket(struct tally_adapter *adapter, int type, const char *path,
                                  void **socket, struct tally_fault *fault)
{
    const int64_t message_bytes_max = TALLY_FRAME_BYTES_MAX;
    char endpoint[ENDPOINT_BYTES];
    int rc = 0;

    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s%s", path,
                   type == ZMQ_PUSH ? ".in" : ".out");
    *socket = zmq_socket(adapter->context, type);
    if (*socket == NULL) {
        return tally_fault_set(fault, TALLY_ERR_TRANSPORT, "cannot open a ZeroMQ socket: %s",
                               zmq_strerror(zmq_errno()));
    }
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && rc == 0; i++) {
        rc = zmq_setsockopt(*socket, options[i].name, &options[i].value, sizeof(int));
    }
    if (rc == 0) {
        rc = zmq_setsockopt(*socket, ZMQ_MAXMSGSIZE, &message_bytes_max, sizeof(message_bytes_max));
    }
    if (rc == 0) {
        rc = zmq_connect(*socket, endpoint);
    }
    return rc == 0 ? TALLY_ERR_OK
                   : tally_fault_set(fault, TALLY_ERR_TRANSPORT, "cannot connect to feed %s: %s",
                                     endpoint, zmq_strerror(zmq_errno()));
}

static enum tally_err check_config(const struct tally_adapter_config *config,
                                   struct tally_fault *fault)
{
    const size_t path_bytes_max = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof(".out");

    if (config->path == NULL || config->path[0] == '\0' || strlen(config->path) > path_bytes_max) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "the feed's path must have 1 to %zu characters", path_bytes_max);
    }
    if (config->pending_max < 2 || config->pending_max > TALLY_ADAPTER_PENDING_MAX ||
        (config->pending_max & (config->pending_max - 1)) != 0) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "the number of pending events is %u; it must be a power of two, 2 "
                               "to %d",
                               config->pending_max, TALLY_ADAPTER_PENDING_MAX);
    }
    if (config->open_leg_max < 1 || config->open_leg_max > TALLY_ADAPTER_OPEN_LEGS_MAX ||
        config->open_leg_us < 0 || config->adapter_class >= TALLY_ADAPTER_CLASS_COUNT) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "the number of open legs is %u; it must be 1 to %d",
                               config->open_leg_max, TALLY_ADAPTER_OPEN_LEGS_MAX);
    }
    return TALLY_ERR_OK;
}

static enum tally_err open_state(struct tally_adapter *adapter,
                                 const struct tally_adapter_config *config, struct tally_now now,
                                 struct tally_fault *fault)
{
    uint64_t boot_id = 0;

    adapter->pendings = calloc(config->pending_max, sizeof(adapter->pendings[0]));
    adapter->legs = calloc(config->open_leg_max, sizeof(adapter->legs[0]));
    if (adapter->pendings == NULL || adapter->legs == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %u open legs",
                               config->open_leg_max);
    }
    while (boot_id == 0) {
        if (getrandom(&boot_id, sizeof(boot_id), 0) != sizeof(boot_id)) {
            return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no random bytes: %s", strerror(errno));
        }
    }
    tally_feed_state_init(&adapter->state, now,
                          &(struct tally_feed_state_config){
                              .adapter_class = config->adapter_class,
                              .boot_id = boot_id,
                              .clock_bound_us = config->clock_bound_us,
                              .open_leg_us = config->open_leg_us,
                              .pendings = adapter->pendings,
                              .pending_count = config->pending_max,
                              .legs = adapter->legs,
                              .leg_count = config->open_leg_max,
                          });
    return TALLY_ERR_OK;
}

static enum tally_err open_sockets(struct tally_adapter *adapter, const char *path,
                                   struct tally_fault *fault)
{
    size_t fd_bytes = sizeof(adapter->pull_fd);
    enum tally_err err;

    adapter->context = zmq_ctx_new();
    if (adapter->context == NULL) {
        return tally_fault_set(fault, TALLY_ERR_TRANSPORT, "cannot make a ZeroMQ context: %s",
                               zmq_strerror(zmq_errno()));
    }
    err = open_socket(adapter, ZMQ_PUSH, path, &adapter->push, fault);
    if (err == TALLY_ERR_OK) {
        err = open_socket(adapter, ZMQ_PULL, path, &adapter->pull, fault);
    }
    if (err == TALLY_ERR_OK &&
        zmq_getsockopt(adapter->pull, ZMQ_FD, &adapter->pull_fd, &fd_bytes) != 0) {
        err = tally_fault_set(fault, TALLY_ERR_TRANSPORT, "libzmq gives no descriptor: %s",
                              zmq_strerror(zmq_errno()));
    }
    return err;
}

enum tally_err tally_adapter_open(const struct tally_adapter_config *config, struct tally_now now,
                                  struct tally_adapter **out, struct tally_fault *fault)
{
    enum tally_err err = check_config(config, fault);
    struct tally_adapter *adapter;

    *out = NULL;
    if (err != TALLY_ERR_OK) {
        return err;
    }
    adapter = calloc(1, sizeof(*adapter));
    if (adapter == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the feed's client");
    }
    err = open_state(adapter, config, now, fault);
    if (err == TALLY_ERR_OK) {
        err = open_sockets(adapter, config->path, fault);
    }
    if (err != TALLY_ERR_OK) {
        tally_adapter_close(adapter);
        return err;
    }
    *out = adapter;
    return TALLY_ERR_OK;
}

void tally_adapter_close(struct tally_adapter *adapter)
{
    if (adapter == NULL) {
        return;
    }
    if (adapter->has_message) {
        (void)zmq_msg_close(&adapter->message);
    }
    if (adapter->push != NULL) {
        (void)zmq_close(adapter->push);
    }
    if (adapter->pull != NULL) {
        (void)zmq_close(adapter->pull);
    }
    if (adapter->context != NULL) {
        (void)zmq_ctx_term(adapter->context);
    }
    free(adapter->pendings);
    free(adapter->legs);
    free(adapter);
}

bool tally_adapter_is_up(const struct tally_adapter *adapter)
{
    return adapter->state.link == TALLY_FEED_LINK_UP;
}

/* Sends what is in the batch. False when it could not be: the registry then counts as gone. */
static bool flush(struct tally_adapter *adapter, struct tally_now now)
{
    size_t size;

    if (!adapter->has_batch) {
        return true;
    }
    adapter->has_batch = false;
    size = tally_feed_batch_end(&adapter->batch, now.wall);
    if (zmq_send(adapter->push, adapter->batch_bytes, size, ZMQ_DONTWAIT) < 0) {
        tally_feed_state_unsent(&adapter->state, now);
        return false;
    }
    tally_feed_state_sent(&adapter->state);
    return true;
}

static bool add(struct tally_adapter *adapter, const struct tally_feed_record *record)
{
    if (!adapter->has_batch) {
        adapter->batch = tally_writer_of(adapter->batch_bytes, sizeof(adapter->batch_bytes));
        tally_batch_start(&adapter->batch);
        adapter->has_batch = true;
    }
    return tally_feed_batch_add(&adapter->batch, record);
}

/* Adds to the batch; sends a full one first. False when that failed: the record is dropped. */
static bool put(struct tally_adapter *adapter, struct tally_now now,
                const struct tally_feed_record *record)
{
    bool is_added = add(adapter, record);

    if (!is_added && flush(adapter, now)) {
        is_added = add(adapter, record);
        TALLY_ASSERT(is_added);
    }
    return is_added;
}

/* Puts what the state has to say, in its order. */
static void put_waiting(struct tally_adapter *adapter, struct tally_now now)
{
    struct tally_feed_record record;

    while (tally_feed_state_next(&adapter->state, now, &record)) {
        if (!put(adapter, now, &record)) {
            return;
        }
    }
}

enum tally_err tally_adapter_event(struct tally_adapter *adapter, struct tally_now now,
                                   const struct tally_event *event, uint64_t cookie)
{
    struct tally_feed_record record = {.type = TALLY_FEED_EVENT,
                                       .event = {.seq = adapter->state.next_seq, .event = *event}};
    enum tally_err err;

    if (tally_feed_record_check(&record) != TALLY_REJECT_NONE) {
        /* A call that nobody can be told of, and whose own instant may be what is wrong. */
        adapter->state.counters.refused++;
        tally_feed_state_lost(&adapter->state, now.wall, now.wall, 1);
        return TALLY_ERR_LIMIT;
    }
    put_waiting(adapter, now);
    err = tally_feed_state_event(&adapter->state, now, event, cookie, &record);
    if (err == TALLY_ERR_OK) {
        /* A record that could not be put is LOST with the rest of what was under way. */
        (void)put(adapter, now, &record);
    }
    return err;
}

void tally_adapter_gap(struct tally_adapter *adapter, struct tally_wall from, struct tally_wall to,
                       uint32_t lost_count)
{
    tally_feed_state_lost(&adapter->state, from, to, lost_count);
}

void tally_adapter_drained(struct tally_adapter *adapter, struct tally_now at)
{
    tally_feed_state_drained(&adapter->state, at);
}

/*
 * A batch of open legs. When the queue is full it waits for another turn: unlike an event, a
 * snapshot loses nothing by it. False: nothing more to send now.
 */
static bool send_legs(struct tally_adapter *adapter, struct tally_now now)
{
    struct tally_feed_state before = adapter->state;
    struct tally_feed_state tried = before;
    struct tally_feed_record record;
    size_t size;

    if (adapter->has_batch || !tally_feed_state_next_leg(&tried, now, &record)) {
        return false;
    }
    while (add(adapter, &record)) {
        before = tried;
        if (!tally_feed_state_next_leg(&tried, now, &record)) {
            break;
        }
    }
    adapter->has_batch = false;
    size = tally_feed_batch_end(&adapter->batch, now.wall);
    if (zmq_send(adapter->push, adapter->batch_bytes, size, ZMQ_DONTWAIT) < 0) {
        return false;
    }
    adapter->state = before;
    return true;
}

static void send_waiting(struct tally_adapter *adapter, struct tally_now now)
{
    put_waiting(adapter, now);
    if (!flush(adapter, now)) {
        return;
    }
    for (unsigned i = 0; i < SNAPSHOT_BATCHES_MAX && send_legs(adapter, now); i++) {
    }
}

/* Takes the next message. False when there is none. */
static bool receive(struct tally_adapter *adapter)
{
    for (;;) {
        (void)zmq_msg_init(&adapter->message);
        if (zmq_msg_recv(&adapter->message, adapter->pull, ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&adapter->message);
            return false;
        }
        if (!zmq_msg_more(&adapter->message) &&
            tally_batch_open(zmq_msg_data(&adapter->message), zmq_msg_size(&adapter->message),
                             &adapter->reader) == TALLY_REJECT_NONE) {
            adapter->has_message = true;
            return true;
        }
        adapter->state.counters.rejects++;
        (void)zmq_msg_close(&adapter->message);
    }
}

static bool next_record(struct tally_adapter *adapter, struct tally_feed_record *record)
{
    enum tally_reject reject;

    while (adapter->has_message || receive(adapter)) {
        while (tally_feed_batch_next(&adapter->reader, record, &reject)) {
            if (reject == TALLY_REJECT_NONE) {
                return true;
            }
            adapter->state.counters.rejects++;
        }
        adapter->has_message = false;
        (void)zmq_msg_close(&adapter->message);
    }
    return false;
}

bool tally_adapter_next_notice(struct tally_adapter *adapter, struct tally_now now,
                               struct tally_adapter_notice *notice)
{
    struct tally_feed_record record;

    while (next_record(adapter, &record)) {
        tally_feed_state_consume(&adapter->state, now, &record, notice);
        if (notice->type != TALLY_ADAPTER_NOTICE_NONE) {
            return true;
        }
    }
    return tally_feed_state_expire_one(&adapter->state, now, notice);
}

/* libzmq's descriptor tells changes only: what is there already must be asked for. */
static bool has_input(struct tally_adapter *adapter)
{
    int events = 0;
    size_t events_bytes = sizeof(events);

    return adapter->has_message ||
           (zmq_getsockopt(adapter->pull, ZMQ_EVENTS, &events, &events_bytes) == 0 &&
            (events & ZMQ_POLLIN) != 0);
}

void tally_adapter_wait(struct tally_adapter *adapter, struct tally_now now, const int *fds,
                        bool *is_readable, size_t fd_count, int64_t wait_us)
{
    struct pollfd polls[TALLY_ADAPTER_FDS_MAX + 1];
    struct timespec wait;
    int64_t due_us;

    TALLY_ASSERT(fd_count <= TALLY_ADAPTER_FDS_MAX);
    send_waiting(adapter, now);
    due_us = tally_feed_state_next_due(&adapter->state).us;
    if (due_us < now.mono.us || has_input(adapter)) {
        wait_us = 0;
    } else if (due_us - now.mono.us < wait_us) {
        wait_us = due_us - now.mono.us;
    }
    for (size_t i = 0; i < fd_count; i++) {
        polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    }
    polls[fd_count] = (struct pollfd){.fd = adapter->pull_fd, .events = POLLIN};
    wait.tv_sec = (time_t)(wait_us / TALLY_US_PER_S);
    wait.tv_nsec = (long)(wait_us % TALLY_US_PER_S) * 1000;
    if (ppoll(polls, fd_count + 1, &wait, NULL) < 0) {
        /* Interrupted, or short of memory: the caller looks everywhere, which is always right. */
        for (size_t i = 0; i < fd_count; i++) {
            polls[i].revents = POLLIN;
        }
    }
    for (size_t i = 0; i < fd_count; i++) {
        is_readable[i] = polls[i].revents != 0;
    }
}

void tally_adapter_counters_of(const struct tally_adapter *adapter,
                               struct tally_adapter_counters *counters)
{
    *counters = adapter->state.counters;
}
