/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The links to the peers, and what watches over them.
 */
#include "base/assert.h"
#include "transport/links_state.h"
#include "transport/socket.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <zmq.h>

enum { CONNECT_TEXT_BYTES = TALLY_ENDPOINT_TEXT_BYTES + TALLY_LINKS_SOURCE_BYTES };

void tally_links_list(struct tally_links *links, uint32_t slot)
{
    struct tally_link *link = &links->links[slot];

    if (!link->is_listed) {
        link->is_listed = true;
        link->next_ready = links->ready_head;
        links->ready_head = slot;
    }
}

/* Takes a link out of the list of those with news; rare, so the list is walked. */
static void unlist(struct tally_links *links, uint32_t slot)
{
    uint32_t *at = &links->ready_head;

    while (*at != TALLY_LINKS_NO_SLOT && *at != slot) {
        at = &links->links[*at].next_ready;
    }
    if (*at == slot) {
        *at = links->links[slot].next_ready;
    }
    links->links[slot].is_listed = false;
}

void tally_links_close_link(struct tally_links *links, uint32_t slot)
{
    struct tally_link *link = &links->links[slot];

    if (link->is_listed) {
        unlist(links, slot);
    }
    if (link->events.socket != NULL) {
        (void)epoll_ctl(links->epoll_fd, EPOLL_CTL_DEL, tally_socket_fd(link->events.socket), NULL);
    }
    if (link->socket != NULL) {
        /* Libzmq's end of the monitor goes first: it would write to the closed end for ever. */
        (void)zmq_socket_monitor(link->socket, NULL, 0);
    }
    tally_inbox_close(&link->events);
    tally_socket_close(&link->socket);
    memset(link, 0, sizeof(*link));
}

/* Only the events that say whether a link works, or that libzmq is still trying. */
static enum tally_err open_monitor(struct tally_links *links, uint32_t slot,
                                   struct tally_fault *fault)
{
    static const struct tally_socket_option options[] = {{ZMQ_LINGER, 0}};
    struct tally_link *link = &links->links[slot];
    void *monitor = NULL;
    char name[64];
    enum tally_err err;

    (void)snprintf(name, sizeof(name), "inproc://link-%u-%llu", slot,
                   (unsigned long long)links->monitor_serial++);
    err = tally_socket_open(links->context, ZMQ_PAIR, options, 1, &monitor, fault);
    if (err != TALLY_ERR_OK) {
        return err;
    }
    tally_inbox_init(&link->events, monitor);
    if (zmq_socket_monitor(link->socket, name,
                           ZMQ_EVENT_CONNECT_DELAYED | ZMQ_EVENT_CONNECT_RETRIED |
                               ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) != 0 ||
        zmq_connect(monitor, name) != 0) {
        return tally_fault_set(fault, TALLY_ERR_TRANSPORT, "cannot watch the link to %s: %s",
                               link->endpoint, zmq_strerror(zmq_errno()));
    }
    return tally_links_watch(links, monitor, slot, fault);
}

static enum tally_err connect_link(struct tally_links *links, uint32_t slot,
                                   struct tally_fault *fault)
{
    struct tally_link *link = &links->links[slot];
    const struct tally_socket_option options[] = {
        {ZMQ_SNDHWM, TALLY_LINKS_OUT_MAX},
        {ZMQ_IMMEDIATE, 1},
        {ZMQ_LINGER, 0},
        {ZMQ_MAXMSGSIZE, TALLY_LINKS_FRAME_BYTES_MAX},
        {ZMQ_RECONNECT_IVL, 100},
        {ZMQ_RECONNECT_IVL_MAX, 5000},
        {ZMQ_CONNECT_TIMEOUT, 3000},
        {ZMQ_HANDSHAKE_IVL, 1000},
        {ZMQ_HEARTBEAT_IVL, 5000},
        {ZMQ_HEARTBEAT_TIMEOUT, 15000},
        {ZMQ_IPV6, strchr(link->endpoint, '[') != NULL},
    };
    char text[CONNECT_TEXT_BYTES];
    enum tally_err err =
        tally_socket_open(links->context, ZMQ_PUSH, options, sizeof(options) / sizeof(options[0]),
                          &link->socket, fault);

    if (err == TALLY_ERR_OK) {
        err = open_monitor(links, slot, fault);
    }
    if (err != TALLY_ERR_OK) {
        return err;
    }
    (void)snprintf(text, sizeof(text), "tcp://%s%s", links->source,
                   link->endpoint + strlen("tcp://"));
    if (zmq_connect(link->socket, text) != 0) {
        return tally_fault_set(fault, TALLY_ERR_TRANSPORT, "cannot link to %s: %s", text,
                               zmq_strerror(zmq_errno()));
    }
    link->was_trying = true;
    /* libzmq signals a pipe only after a first attempt to read it. */
    tally_links_list(links, slot);
    return TALLY_ERR_OK;
}

/* The endpoint is in link->endpoint. On failure the slot is empty. */
static enum tally_err open_link(struct tally_links *links, uint32_t slot, struct tally_fault *fault)
{
    enum tally_err err = connect_link(links, slot, fault);

    if (err != TALLY_ERR_OK) {
        tally_links_close_link(links, slot);
    }
    return err;
}

enum tally_err tally_links_point(struct tally_links *links, uint32_t slot, const char *endpoint,
                                 struct tally_fault *fault)
{
    struct tally_address host;
    struct tally_link *link;

    TALLY_ASSERT(slot < links->peer_max);
    link = &links->links[slot];
    if (endpoint != NULL && link->socket != NULL && strcmp(link->endpoint, endpoint) == 0) {
        return TALLY_ERR_OK;
    }
    tally_links_close_link(links, slot);
    if (endpoint == NULL) {
        return TALLY_ERR_OK;
    }
    if (strlen(endpoint) >= sizeof(link->endpoint) || !tally_address_of_endpoint(endpoint, &host)) {
        return tally_fault_set(fault, TALLY_ERR_FORMAT,
                               "\"%.*s\" is no endpoint to link to; expected tcp://address:port",
                               TALLY_ENDPOINT_TEXT_BYTES, endpoint);
    }
    memcpy(link->endpoint, endpoint, strlen(endpoint) + 1);
    return open_link(links, slot, fault);
}

bool tally_links_is_up(const struct tally_links *links, uint32_t slot)
{
    TALLY_ASSERT(slot < links->peer_max);
    return links->links[slot].is_up;
}

enum tally_err tally_links_send(struct tally_links *links, uint32_t slot, const uint8_t *frame,
                                size_t frame_bytes)
{
    struct tally_link *link;

    TALLY_ASSERT(slot < links->peer_max && frame_bytes <= TALLY_LINKS_FRAME_BYTES_MAX);
    link = &links->links[slot];
    if (link->socket == NULL) {
        return TALLY_ERR_NOT_FOUND;
    }
    if (!tally_socket_send(link->socket, frame, frame_bytes)) {
        links->counters.again_count++;
        return TALLY_ERR_AGAIN;
    }
    links->counters.frame_out_count++;
    return TALLY_ERR_OK;
}

void tally_links_tick(struct tally_links *links, struct tally_mono now)
{
    for (uint32_t slot = 0; slot < links->peer_max; slot++) {
        struct tally_link *link = &links->links[slot];
        char endpoint[TALLY_ENDPOINT_TEXT_BYTES];
        int64_t mute_us;

        if (link->socket == NULL || link->is_up) {
            continue;
        }
        if (link->was_trying) {
            link->was_trying = false;
            link->trying_at = now;
        }
        mute_us = tally_mono_since_us(now, link->trying_at);
        if (mute_us <
            (link->is_refused ? TALLY_LINKS_REOPEN_REFUSED_US : TALLY_LINKS_REOPEN_MUTE_US)) {
            continue;
        }
        memcpy(endpoint, link->endpoint, sizeof(endpoint));
        tally_links_close_link(links, slot);
        memcpy(link->endpoint, endpoint, sizeof(endpoint));
        /* Failing here leaves the slot without a link; pointing it again tells why. */
        (void)open_link(links, slot, NULL);
        links->counters.reopened_count++;
    }
}
