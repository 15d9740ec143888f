/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/links.h"

#include "transport/links_state.h"
#include "transport/socket.h"

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
};

enum tally_err tally_links_watch(struct tally_links *links, void *socket, uint32_t id,
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
    return tally_links_watch(links, socket, TALLY_LINKS_EPOLL_INBOX, fault);
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
    err = tally_links_watch(links, links->zap.socket, TALLY_LINKS_EPOLL_ZAP, fault);
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
        (links->links = calloc(config->peer_max + 1u, sizeof(struct tally_link))) == NULL) {
        free(links);
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for %u peer links",
                               config->peer_max);
    }
    links->peer_max = config->peer_max;
    links->ready_head = TALLY_LINKS_NO_SLOT;
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

void tally_links_close(struct tally_links *links)
{
    if (links == NULL) {
        return;
    }
    for (uint32_t slot = 0; slot < links->peer_max; slot++) {
        tally_links_close_link(links, slot);
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
    return links->zap.is_ready || links->inbox.is_ready || links->ready_head != TALLY_LINKS_NO_SLOT;
}

enum tally_err tally_links_allow(struct tally_links *links, const struct tally_address *addresses,
                                 size_t address_count, struct tally_fault *fault)
{
    links->last_address[0] = '\0';
    links->last_entry = NULL;
    return tally_zap_allow(&links->zap, addresses, address_count, fault);
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
