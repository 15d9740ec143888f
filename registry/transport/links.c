/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/links.h"

#include "base/assert.h"
#include "transport/inbox.h"
#include "transport/socket.h"
#include "transport/zap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

enum {
    SOCKETS_PER_LINK = 3, /* the link, its monitor, and libzmq's end of the monitor */
    SOCKETS_BESIDE = 64,
    EPOLL_EVENTS_MAX = 64,
    SOURCE_TEXT_BYTES = TALLY_ADDRESS_TEXT_BYTES + 16,
    CONNECT_TEXT_BYTES = TALLY_ENDPOINT_TEXT_BYTES + SOURCE_TEXT_BYTES,
};

/* What epoll hands back for the two sockets that are not monitors; slots are below them. */
#define EPOLL_INBOX (UINT32_MAX - 1)
#define EPOLL_ZAP UINT32_MAX
#define NO_SLOT UINT32_MAX

struct link {
    void *socket;              /* PUSH; NULL: the slot is empty */
    struct tally_inbox events; /* of the socket's monitor */
    char endpoint[TALLY_ENDPOINT_TEXT_BYTES];
    uint32_t next_ready; /* the list of links whose monitor has something; NO_SLOT ends it */
    bool is_listed;
    bool is_up;
    bool is_refused; /* libzmq will not try again by itself */
    bool was_trying; /* a sign of life since the last tick */
    struct tally_mono trying_at;
};

struct tally_links {
    void *context;
    int epoll_fd;
    struct tally_zap zap;
    struct tally_inbox inbox;
    char endpoint[TALLY_ENDPOINT_TEXT_BYTES];
    char source[SOURCE_TEXT_BYTES]; /* "address:0;" or "" */
    struct link *links;
    uint32_t peer_max;
    uint32_t ready_head;
    uint64_t monitor_serial; /* names of monitor endpoints are not used twice */
    char last_address[TALLY_ADDRESS_TEXT_BYTES];
    const struct tally_zap_entry *last_entry; /* of last_address; NULL: look it up */
    struct tally_links_counters counters;
};

static enum tally_err watch(struct tally_links *links, void *socket, uint32_t id,
                            struct tally_fault *fault)
{
    struct epoll_event interest = {.events = EPOLLIN, .data = {.u32 = id}};

    if (epoll_ctl(links->epoll_fd, EPOLL_CTL_ADD, tally_socket_fd(socket), &interest) != 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot watch a socket: %s",
                               strerror(errno));
    }
    return TALLY_ERR_OK;
}

static enum tally_err open_inbound(struct tally_links *links, const char *listen,
                                   struct tally_fault *fault)
{
    const struct tally_socket_option options[] = {
        {ZMQ_RCVHWM, TALLY_LINKS_IN_MAX},
        {ZMQ_MAXMSGSIZE, TALLY_LINKS_FRAME_BYTES_MAX},
        {ZMQ_HANDSHAKE_IVL, 1000},
        {ZMQ_BACKLOG, 1024},
        {ZMQ_HEARTBEAT_IVL, 5000},
        {ZMQ_HEARTBEAT_TIMEOUT, 15000},
        {ZMQ_LINGER, 0},
        {ZMQ_IPV6, strchr(listen, '[') != NULL},
    };
    size_t endpoint_bytes = sizeof(links->endpoint);
    void *socket;
    enum tally_err err = tally_socket_open(links->context, ZMQ_PULL, options,
                                           sizeof(options) / sizeof(options[0]), &socket, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    tally_inbox_init(&links->inbox, socket);
    /* Without a domain libzmq asks no handler about connections of the NULL mechanism. */
    if (zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "tally", strlen("tally")) != 0) {
        return tally_fault_set(fault, TALLY_ERR_TRANSPORT, "cannot guard the peer port: %s",
                               zmq_strerror(zmq_errno()));
    }
    if (zmq_bind(socket, listen) != 0) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "cannot listen for peers on %s: %s; stop what uses it or choose "
                               "another address",
                               listen, zmq_strerror(zmq_errno()));
    }
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, links->endpoint, &endpoint_bytes) != 0) {
        links->endpoint[0] = '\0';
    }
    return watch(links, socket, EPOLL_INBOX, fault);
}

static enum tally_err open_sockets(struct tally_links *links,
                                   const struct tally_links_config *config,
                                   struct tally_fault *fault)
{
    enum tally_err err = tally_socket_context(config->peer_max * SOCKETS_PER_LINK + SOCKETS_BESIDE,
                                              &links->context, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    /* The handler first: until it is bound libzmq lets everybody in. */
    err = tally_zap_open(&links->zap, links->context, &config->hash_key, fault);
    if (err != TALLY_ERR_OK) {
        return err;
    }
    err = watch(links, links->zap.socket, EPOLL_ZAP, fault);
    return err == TALLY_ERR_OK ? open_inbound(links, config->listen, fault) : err;
}

static enum tally_err set_source(struct tally_links *links, const char *source,
                                 struct tally_fault *fault)
{
    struct tally_address address;

    if (source[0] == '\0') {
        return TALLY_ERR_OK;
    }
    if (!tally_address_parse(source, &address) || strlen(source) >= TALLY_ADDRESS_TEXT_BYTES) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "\"%s\" is no source address; expected an IPv4 or IPv6 address",
                               source);
    }
    if (strchr(source, ':') != NULL) {
        (void)snprintf(links->source, sizeof(links->source), "[%s]:0;", source);
    } else {
        (void)snprintf(links->source, sizeof(links->source), "%s:0;", source);
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_links_open(const struct tally_links_config *config, struct tally_links **out,
                                struct tally_fault *fault)
{
    struct tally_links *links = calloc(1, sizeof(*links));
    enum tally_err err;

    *out = NULL;
    if (links == NULL ||
        (links->links = calloc(config->peer_max + 1u, sizeof(struct link))) == NULL) {
        free(links);
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %u peer links",
                               config->peer_max);
    }
    links->peer_max = config->peer_max;
    links->ready_head = NO_SLOT;
    links->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (links->epoll_fd < 0) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot make an epoll descriptor: %s",
                              strerror(errno));
    } else {
        err = set_source(links, config->source, fault);
    }
    if (err == TALLY_ERR_OK) {
        err = open_sockets(links, config, fault);
    }
    if (err != TALLY_ERR_OK) {
        tally_links_close(links);
        return err;
    }
    *out = links;
    return TALLY_ERR_OK;
}

static void list(struct tally_links *links, uint32_t slot)
{
    struct link *link = &links->links[slot];

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

    while (*at != NO_SLOT && *at != slot) {
        at = &links->links[*at].next_ready;
    }
    if (*at == slot) {
        *at = links->links[slot].next_ready;
    }
    links->links[slot].is_listed = false;
}

static void close_link(struct tally_links *links, uint32_t slot)
{
    struct link *link = &links->links[slot];

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

void tally_links_close(struct tally_links *links)
{
    if (links == NULL) {
        return;
    }
    for (uint32_t slot = 0; slot < links->peer_max; slot++) {
        close_link(links, slot);
    }
    tally_inbox_close(&links->inbox);
    tally_zap_close(&links->zap);
    if (links->context != NULL) {
        (void)zmq_ctx_term(links->context);
    }
    if (links->epoll_fd >= 0) {
        (void)close(links->epoll_fd);
    }
    free(links->links);
    free(links);
}

const char *tally_links_endpoint(const struct tally_links *links)
{
    return links->endpoint;
}

int tally_links_fd(const struct tally_links *links)
{
    return links->epoll_fd;
}

bool tally_links_is_pending(const struct tally_links *links)
{
    return links->zap.is_ready || links->inbox.is_ready || links->ready_head != NO_SLOT;
}

enum tally_err tally_links_allow(struct tally_links *links, const struct tally_address *addresses,
                                 size_t address_count, struct tally_fault *fault)
{
    links->last_address[0] = '\0';
    links->last_entry = NULL;
    return tally_zap_allow(&links->zap, addresses, address_count, fault);
}

/* Only the events that say whether a link works, or that libzmq is still trying. */
static enum tally_err open_monitor(struct tally_links *links, uint32_t slot,
                                   struct tally_fault *fault)
{
    static const struct tally_socket_option options[] = {{ZMQ_LINGER, 0}};
    struct link *link = &links->links[slot];
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
    return watch(links, monitor, slot, fault);
}

static enum tally_err connect_link(struct tally_links *links, uint32_t slot,
                                   struct tally_fault *fault)
{
    struct link *link = &links->links[slot];
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
    list(links, slot);
    return TALLY_ERR_OK;
}

/* The endpoint is in link->endpoint. On failure the slot is empty. */
static enum tally_err open_link(struct tally_links *links, uint32_t slot, struct tally_fault *fault)
{
    enum tally_err err = connect_link(links, slot, fault);

    if (err != TALLY_ERR_OK) {
        close_link(links, slot);
    }
    return err;
}

enum tally_err tally_links_point(struct tally_links *links, uint32_t slot, const char *endpoint,
                                 struct tally_fault *fault)
{
    struct tally_address host;
    struct link *link;

    TALLY_ASSERT(slot < links->peer_max);
    link = &links->links[slot];
    if (endpoint != NULL && link->socket != NULL && strcmp(link->endpoint, endpoint) == 0) {
        return TALLY_ERR_OK;
    }
    close_link(links, slot);
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
    struct link *link;

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

/* Reads the descriptors that have become readable; true if any has. */
static bool gather(struct tally_links *links)
{
    struct epoll_event events[EPOLL_EVENTS_MAX];
    int count = epoll_wait(links->epoll_fd, events, EPOLL_EVENTS_MAX, 0);

    for (int i = 0; i < count; i++) {
        uint32_t id = events[i].data.u32;

        if (id == EPOLL_INBOX) {
            links->inbox.is_ready = true;
        } else if (id == EPOLL_ZAP) {
            links->zap.is_ready = true;
        } else {
            list(links, id);
        }
    }
    return count > 0;
}

/* The number of the event in a monitor's message: its first two bytes, in the host's order. */
static uint16_t monitor_event(struct tally_inbox *events)
{
    uint16_t number = 0;

    if (zmq_msg_size(&events->message) >= sizeof(number)) {
        memcpy(&number, zmq_msg_data(&events->message), sizeof(number));
    }
    return number;
}

/* True if the event is one to tell. */
static bool note_monitor_event(struct link *link, uint16_t number, struct tally_link_event *event)
{
    link->was_trying = true;
    switch (number) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        link->is_up = true;
        event->type = TALLY_LINK_CONNECTED;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        link->is_refused = true;
        return false;
    case ZMQ_EVENT_DISCONNECTED:
        event->type = TALLY_LINK_DISCONNECTED;
        if (!link->is_up) {
            return false;
        }
        link->is_up = false;
        return true;
    default:
        return false;
    }
}

/* Takes one event of the first link that has news. */
static bool next_monitor_event(struct tally_links *links, struct tally_link_event *event)
{
    uint32_t slot = links->ready_head;
    struct link *link = &links->links[slot];

    if (tally_inbox_next(&link->events) == TALLY_INBOX_NOTHING) {
        links->ready_head = link->next_ready;
        link->is_listed = false;
        return false;
    }
    event->slot = slot;
    return note_monitor_event(link, monitor_event(&link->events), event);
}

static bool next_connection(struct tally_links *links, struct tally_link_event *event)
{
    if (tally_zap_next(&links->zap, event->address) != TALLY_ZAP_REFUSED) {
        return false;
    }
    event->type = TALLY_LINK_REFUSED;
    return true;
}

/* The list's entry for the sender of the message in the inbox; NULL when it is not listed. */
static struct tally_zap_entry *find_sender(struct tally_links *links)
{
    const char *text = tally_inbox_peer_address(&links->inbox);
    struct tally_address address;

    (void)snprintf(links->last_address, sizeof(links->last_address), "%s", text);
    if (!tally_address_parse(text, &address)) {
        return NULL;
    }
    return tally_zap_find(&links->zap, &address);
}

/* As find_sender, for whole frames: most come in a row from one peer. */
static const struct tally_zap_entry *sender(struct tally_links *links)
{
    if (links->last_entry == NULL ||
        strcmp(links->last_address, tally_inbox_peer_address(&links->inbox)) != 0) {
        links->last_entry = find_sender(links);
    }
    return links->last_entry;
}

static void take_frame(struct tally_links *links, struct tally_link_event *event)
{
    const struct tally_zap_entry *entry = sender(links);

    memcpy(event->address, links->last_address, sizeof(event->address));
    if (entry == NULL) {
        links->counters.unlisted_count++;
        event->type = TALLY_LINK_DROPPED;
        return;
    }
    links->counters.frame_in_count++;
    event->type = TALLY_LINK_FRAME;
    event->source = entry->source;
    event->frame = zmq_msg_data(&links->inbox.message);
    event->frame_bytes = zmq_msg_size(&links->inbox.message);
}

static void take_multipart(struct tally_links *links, struct tally_link_event *event)
{
    struct tally_zap_entry *entry = find_sender(links);

    links->last_entry = NULL;
    links->counters.multipart_count++;
    memcpy(event->address, links->last_address, sizeof(event->address));
    event->type = TALLY_LINK_DROPPED;
    if (entry != NULL) {
        entry->dropped_count++;
    }
}

/* True when there is an event, or when the rest has to wait for another turn. */
static bool next_message(struct tally_links *links, struct tally_link_event *event)
{
    switch (tally_inbox_next(&links->inbox)) {
    case TALLY_INBOX_NOTHING:
        return false;
    case TALLY_INBOX_BUSY:
        return true;
    case TALLY_INBOX_MESSAGE:
        take_frame(links, event);
        return true;
    case TALLY_INBOX_MULTIPART:
        take_multipart(links, event);
        return true;
    }
    return false;
}

void tally_links_next(struct tally_links *links, struct tally_link_event *event)
{
    memset(event, 0, sizeof(*event));
    for (;;) {
        bool is_told = false;

        /* Connections and link states before frames: there are few, and the handshake waits. */
        if (links->zap.is_ready) {
            is_told = next_connection(links, event);
        } else if (links->ready_head != NO_SLOT) {
            is_told = next_monitor_event(links, event);
        } else if (links->inbox.is_ready) {
            is_told = next_message(links, event);
        } else if (!gather(links)) {
            event->type = TALLY_LINK_NOTHING;
            return;
        }
        if (is_told) {
            return;
        }
    }
}

void tally_links_tick(struct tally_links *links, struct tally_mono now)
{
    for (uint32_t slot = 0; slot < links->peer_max; slot++) {
        struct link *link = &links->links[slot];
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
        close_link(links, slot);
        memcpy(link->endpoint, endpoint, sizeof(endpoint));
        /* Failing here leaves the slot without a link; pointing it again tells why. */
        (void)open_link(links, slot, NULL);
        links->counters.reopened_count++;
    }
}

void tally_links_counters(const struct tally_links *links, struct tally_links_counters *counters)
{
    *counters = links->counters;
    counters->refused_count = links->zap.refused_count;
    counters->accepted_count = links->zap.accepted_count;
}

uint64_t tally_links_multipart_count(const struct tally_links *links,
                                     const struct tally_address *address)
{
    const struct tally_zap_entry *entry = tally_zap_find(&links->zap, address);

    return entry == NULL ? 0 : entry->dropped_count;
}
