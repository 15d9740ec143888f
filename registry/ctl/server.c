/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/server.h"

#include "base/assert.h"
#include "ctl/listen.h"
#include "ctl/request.h"
#include "ctl/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* After the system refused a connection for want of descriptors, how long none is accepted. */
#define ACCEPT_PAUSE_US TALLY_US_PER_S
enum {
    REQUESTS_PER_TURN_MAX = 8,
    ROOM_TO_LIST_BYTES = 2 * TALLY_CTL_LINE_MAX_BYTES, /* a peer, and the line that ends the list */
};

enum client_state {
    CLIENT_FREE,
    CLIENT_WAITING, /* for a request */
    CLIENT_LISTING, /* peers, as fast as they are read */
    CLIENT_TAILING,
    CLIENT_CLOSING, /* once what waits is written */
};

struct client {
    enum client_state state;
    int fd;
    enum tally_ctl_numbers numbers;
    struct tally_mono seen_at; /* last byte in or out */
    uint32_t peer_slot;        /* LISTING: the next one */
    uint32_t peer_count;       /* LISTING: listed so far */
    size_t request_size;
    size_t out_at, out_size; /* what waits is out[out_at..out_size) */
    char request[TALLY_CTL_REQUEST_MAX_BYTES];
    char *out; /* TALLY_CTL_BUFFER_BYTES */
};

struct tally_ctl_server {
    int fd;
    struct sockaddr_un address;
    struct tally_ctl_callbacks callbacks;
    struct tally_mono accept_after;
    bool is_accept_paused;
    uint32_t tail_count;
    struct client clients[TALLY_CTL_CLIENTS_MAX];
    struct tally_ctl_counters counters;
    /* Scratch: too large for the stack of a loop. */
    char line[TALLY_CTL_LINE_MAX_BYTES];
    struct tally_ctl_status status;
    struct tally_ctl_explanation explanation;
};

/* --- one client's bytes --- */

static void drop(struct tally_ctl_server *server, struct client *client)
{
    server->tail_count -= client->state == CLIENT_TAILING;
    (void)close(client->fd);
    client->state = CLIENT_FREE;
    client->fd = -1;
    /* What it was told may have held numbers. */
    memset(client->out, 0, TALLY_CTL_BUFFER_BYTES);
    client->request_size = 0;
    client->out_at = 0;
    client->out_size = 0;
}

static size_t room(const struct client *client)
{
    return TALLY_CTL_BUFFER_BYTES - (client->out_size - client->out_at);
}

static bool append(struct client *client, const char *line, size_t size)
{
    if (size > room(client)) {
        return false;
    }
    if (size > TALLY_CTL_BUFFER_BYTES - client->out_size) {
        client->out_size -= client->out_at;
        memmove(client->out, client->out + client->out_at, client->out_size);
        client->out_at = 0;
    }
    memcpy(client->out + client->out_size, line, size);
    client->out_size += size;
    return true;
}

/* Puts the line in server->line before a client; a client it does not fit is too slow. */
static void tell(struct tally_ctl_server *server, struct client *client, struct tally_json *json)
{
    size_t size = tally_json_end_line(json);

    TALLY_ASSERT(size > 0); /* every view fits a line: test_ctl.c has the longest ones */
    if (!append(client, server->line, size)) {
        server->counters.slow_drop_count++;
        drop(server, client);
    }
}

static struct tally_json new_line(struct tally_ctl_server *server)
{
    return tally_json_of(server->line, sizeof(server->line));
}

static void tell_error(struct tally_ctl_server *server, struct client *client, enum tally_err err,
                       const char *text)
{
    struct tally_json json = new_line(server);

    tally_ctl_view_error(&json, err, text);
    tell(server, client, &json);
}

static void write_out(struct tally_ctl_server *server, struct client *client, struct tally_mono now)
{
    while (client->state != CLIENT_FREE && client->out_at < client->out_size) {
        ssize_t count = send(client->fd, client->out + client->out_at,
                             client->out_size - client->out_at, MSG_NOSIGNAL);

        if (count > 0) {
            client->out_at += (size_t)count;
            client->seen_at = now;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            drop(server, client);
            return;
        }
    }
    client->out_at = 0;
    client->out_size = 0;
    if (client->state == CLIENT_CLOSING) {
        drop(server, client);
    }
}

/* --- requests --- */

static void answer_status(struct tally_ctl_server *server, struct client *client)
{
    struct tally_json json = new_line(server);

    memset(&server->status, 0, sizeof(server->status));
    server->callbacks.status(server->callbacks.context, &server->status);
    TALLY_ASSERT(server->status.feed_count <= TALLY_REGISTRY_FEEDS_MAX);
    tally_ctl_view_status(&json, &server->status);
    tell(server, client, &json);
}

static void answer_explain(struct tally_ctl_server *server, struct client *client, uint64_t id)
{
    struct tally_fault fault = {TALLY_ERR_OK, ""};
    struct tally_json json = new_line(server);
    enum tally_err err;

    memset(&server->explanation, 0, sizeof(server->explanation));
    err = server->callbacks.explain(server->callbacks.context, id, &server->explanation, &fault);
    if (err != TALLY_ERR_OK) {
        tell_error(server, client, err, fault.text);
        return;
    }
    tally_ctl_view_explanation(&json, &server->explanation, client->numbers);
    memset(&server->explanation, 0, sizeof(server->explanation));
    tell(server, client, &json);
}

/* Lists as many peers as the buffer takes; the rest follows when it was read. */
static void continue_listing(struct tally_ctl_server *server, struct client *client)
{
    uint32_t slot_count = server->callbacks.peer_count(server->callbacks.context);
    struct tally_json json;

    while (client->peer_slot < slot_count && room(client) >= ROOM_TO_LIST_BYTES) {
        struct tally_ctl_peer peer;

        memset(&peer, 0, sizeof(peer));
        server->callbacks.peer_at(server->callbacks.context, client->peer_slot++, &peer);
        if (peer.status.operator_id[0] != '\0') {
            json = new_line(server);
            tally_ctl_view_peer(&json, &peer);
            tell(server, client, &json);
            client->peer_count++;
        }
    }
    if (client->peer_slot >= slot_count) {
        json = new_line(server);
        tally_ctl_view_peers_end(&json, client->peer_count);
        client->state = CLIENT_WAITING;
        tell(server, client, &json);
    }
}

static void answer_tail(struct tally_ctl_server *server, struct client *client)
{
    struct tally_json json = new_line(server);

    client->state = CLIENT_TAILING;
    server->tail_count++;
    tally_ctl_view_following(&json);
    tell(server, client, &json);
}

static void answer(struct tally_ctl_server *server, struct client *client, const char *line,
                   size_t size)
{
    struct tally_ctl_request request;
    struct tally_fault fault;
    enum tally_err err = tally_ctl_request_read(line, size, &request, &fault);

    server->counters.request_count++;
    client->numbers = request.numbers;
    if (err != TALLY_ERR_OK) {
        server->counters.bad_request_count++;
        tell_error(server, client, err, fault.text);
        return;
    }
    switch (request.verb) {
    case TALLY_CTL_NOTHING:
        break;
    case TALLY_CTL_STATUS:
        answer_status(server, client);
        break;
    case TALLY_CTL_PEERS:
        client->state = CLIENT_LISTING;
        client->peer_slot = 0;
        client->peer_count = 0;
        break;
    case TALLY_CTL_EXPLAIN:
        answer_explain(server, client, request.id);
        break;
    case TALLY_CTL_TAIL:
        answer_tail(server, client);
        break;
    }
}

/* Takes the first whole line out of what was read. False: there is none. */
static bool answer_line(struct tally_ctl_server *server, struct client *client)
{
    char *end = memchr(client->request, '\n', client->request_size);
    size_t size;

    if (end == NULL) {
        return false;
    }
    size = (size_t)(end - client->request);
    answer(server, client, client->request, size);
    if (client->state != CLIENT_FREE) {
        client->request_size -= size + 1;
        memmove(client->request, end + 1, client->request_size);
    }
    return true;
}

static bool has_line(const struct client *client)
{
    return memchr(client->request, '\n', client->request_size) != NULL;
}

/* The answers that wait must leave room for one more, else the next request has to wait too. */
static bool may_answer(const struct client *client)
{
    return client->state == CLIENT_WAITING && room(client) >= TALLY_CTL_LINE_MAX_BYTES;
}

static void answer_lines(struct tally_ctl_server *server, struct client *client)
{
    for (int i = 0; i < REQUESTS_PER_TURN_MAX && may_answer(client); i++) {
        if (!answer_line(server, client)) {
            break;
        }
    }
    if (client->state == CLIENT_LISTING) {
        continue_listing(server, client);
    }
    if (client->state == CLIENT_WAITING && client->request_size == sizeof(client->request) &&
        !has_line(client)) {
        server->counters.request_count++;
        server->counters.bad_request_count++;
        client->state = CLIENT_CLOSING;
        tell_error(server, client, TALLY_ERR_LIMIT, "the request is longer than 4095 bytes");
    }
}

static void end_of_input(struct tally_ctl_server *server, struct client *client)
{
    if (client->state == CLIENT_TAILING || client->out_at == client->out_size) {
        drop(server, client);
    } else {
        client->state = CLIENT_CLOSING;
    }
}

static bool wants_input(const struct client *client)
{
    return (client->state == CLIENT_WAITING && !has_line(client)) ||
           client->state == CLIENT_TAILING;
}

static void read_in(struct tally_ctl_server *server, struct client *client, struct tally_mono now)
{
    ssize_t count = recv(client->fd, client->request + client->request_size,
                         sizeof(client->request) - client->request_size, 0);

    bool is_over = count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;

    /* A follower has nothing more to ask on its connection. */
    if (is_over || (count > 0 && client->state == CLIENT_TAILING)) {
        drop(server, client);
    } else if (count > 0) {
        client->request_size += (size_t)count;
        client->seen_at = now;
    } else if (count == 0) {
        end_of_input(server, client);
    }
}

static void serve(struct tally_ctl_server *server, struct client *client, struct tally_mono now)
{
    write_out(server, client, now);
    if (wants_input(client)) {
        read_in(server, client, now);
    }
    answer_lines(server, client);
    write_out(server, client, now);
    if (client->state != CLIENT_FREE && client->state != CLIENT_TAILING &&
        tally_mono_since_us(now, client->seen_at) >= TALLY_CTL_IDLE_US) {
        server->counters.idle_drop_count++;
        drop(server, client);
    }
}

/* --- connections --- */

static struct client *free_client(struct tally_ctl_server *server)
{
    for (size_t i = 0; i < TALLY_CTL_CLIENTS_MAX; i++) {
        if (server->clients[i].state == CLIENT_FREE) {
            return &server->clients[i];
        }
    }
    return NULL;
}

static void refuse(struct tally_ctl_server *server, int fd)
{
    struct tally_json json = new_line(server);
    size_t size;

    tally_ctl_view_error(&json, TALLY_ERR_FULL,
                         "too many clients are connected; close one and try again");
    size = tally_json_end_line(&json);
    server->counters.refused_count++;
    /* A courtesy: if it cannot be sent at once, closing says it too. */
    (void)send(fd, server->line, size, MSG_NOSIGNAL);
    (void)close(fd);
}

static void welcome(struct tally_ctl_server *server, int fd, struct tally_mono now)
{
    struct client *client = free_client(server);

    if (!tally_ctl_make_nonblocking(fd)) {
        (void)close(fd);
        return;
    }
    if (client == NULL) {
        refuse(server, fd);
        return;
    }
    server->counters.accepted_count++;
    client->state = CLIENT_WAITING;
    client->fd = fd;
    client->seen_at = now;
    client->numbers = TALLY_CTL_NUMBERS_MASKED;
}

static void accept_clients(struct tally_ctl_server *server, struct tally_mono now)
{
    if (server->is_accept_paused && !tally_mono_is_due(server->accept_after, now)) {
        return;
    }
    server->is_accept_paused = false;
    for (int i = 0; i < TALLY_CTL_CLIENTS_MAX; i++) {
        int fd = accept(server->fd, NULL, NULL);

        if (fd >= 0) {
            welcome(server, fd, now);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The connection stays ready: without a pause the loop would spin on it. */
            server->is_accept_paused = true;
            server->accept_after = tally_mono_after(now, ACCEPT_PAUSE_US);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

uint32_t tally_ctl_server_fds(const struct tally_ctl_server *server,
                              struct pollfd fds[TALLY_CTL_FDS_MAX])
{
    uint32_t count = 0;

    if (!server->is_accept_paused) {
        fds[count++] = (struct pollfd){.fd = server->fd, .events = POLLIN};
    }
    for (size_t i = 0; i < TALLY_CTL_CLIENTS_MAX; i++) {
        const struct client *client = &server->clients[i];
        short events = 0;

        if (client->state == CLIENT_FREE) {
            continue;
        }
        if (wants_input(client)) {
            events |= POLLIN;
        }
        /* Whoever has more to be answered is called again as soon as there is room. */
        if (client->out_at < client->out_size || client->state == CLIENT_LISTING ||
            (client->state == CLIENT_WAITING && has_line(client))) {
            events |= POLLOUT;
        }
        fds[count++] = (struct pollfd){.fd = client->fd, .events = events};
    }
    return count;
}

void tally_ctl_server_turn(struct tally_ctl_server *server, struct tally_mono now)
{
    for (size_t i = 0; i < TALLY_CTL_CLIENTS_MAX; i++) {
        if (server->clients[i].state != CLIENT_FREE) {
            serve(server, &server->clients[i], now);
        }
    }
    accept_clients(server, now);
}

/* --- followers --- */

bool tally_ctl_server_is_followed(const struct tally_ctl_server *server)
{
    return server->tail_count > 0;
}

void tally_ctl_server_tell_verdict(struct tally_ctl_server *server,
                                   const struct tally_decision *decision, const char *peer_id,
                                   const char *feed_name)
{
    for (size_t i = 0; server->tail_count > 0 && i < TALLY_CTL_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->state == CLIENT_TAILING) {
            struct tally_json json = new_line(server);

            tally_ctl_view_verdict(&json, decision, peer_id, feed_name, client->numbers);
            tell(server, client, &json);
        }
    }
}

void tally_ctl_server_tell_outcome(struct tally_ctl_server *server,
                                   const struct tally_outcome_notice *outcome, const char *peer_id,
                                   const char *feed_name)
{
    for (size_t i = 0; server->tail_count > 0 && i < TALLY_CTL_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->state == CLIENT_TAILING) {
            struct tally_json json = new_line(server);

            tally_ctl_view_outcome(&json, outcome, peer_id, feed_name, client->numbers);
            tell(server, client, &json);
        }
    }
}

void tally_ctl_server_counters(const struct tally_ctl_server *server,
                               struct tally_ctl_counters *counters)
{
    *counters = server->counters;
    counters->client_count = 0;
    for (size_t i = 0; i < TALLY_CTL_CLIENTS_MAX; i++) {
        counters->client_count += server->clients[i].state != CLIENT_FREE;
    }
}

/* --- opening and closing --- */

static bool allocate_clients(struct tally_ctl_server *server)
{
    for (size_t i = 0; i < TALLY_CTL_CLIENTS_MAX; i++) {
        server->clients[i].fd = -1;
        server->clients[i].out = calloc(1, TALLY_CTL_BUFFER_BYTES);
        if (server->clients[i].out == NULL) {
            return false;
        }
    }
    return true;
}

static void free_server(struct tally_ctl_server *server)
{
    for (size_t i = 0; i < TALLY_CTL_CLIENTS_MAX; i++) {
        if (server->clients[i].state != CLIENT_FREE) {
            drop(server, &server->clients[i]);
        }
        free(server->clients[i].out);
    }
    if (server->fd >= 0) {
        (void)close(server->fd);
    }
    free(server);
}

enum tally_err tally_ctl_server_open(const char *path, const struct tally_ctl_callbacks *callbacks,
                                     struct tally_ctl_server **out, struct tally_fault *fault)
{
    struct tally_ctl_server *server = calloc(1, sizeof(*server));
    enum tally_err err;

    *out = NULL;
    TALLY_ASSERT(callbacks->status != NULL && callbacks->peer_count != NULL &&
                 callbacks->peer_at != NULL && callbacks->explain != NULL);
    if (server == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the control socket");
    }
    server->fd = -1;
    server->callbacks = *callbacks;
    server->address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(server->address.sun_path)) {
        err = tally_fault_set(fault, TALLY_ERR_LIMIT, "%s: longer than %zu characters", path,
                              sizeof(server->address.sun_path) - 1);
    } else if (!allocate_clients(server)) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the control socket");
    } else {
        memcpy(server->address.sun_path, path, strlen(path));
        err = tally_ctl_listen(&server->address, &server->fd, fault);
    }
    if (err != TALLY_ERR_OK) {
        free_server(server);
        return err;
    }
    *out = server;
    return TALLY_ERR_OK;
}

void tally_ctl_server_close(struct tally_ctl_server *server)
{
    if (server == NULL) {
        return;
    }
    (void)unlink(server->address.sun_path);
    free_server(server);
}
