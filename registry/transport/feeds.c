/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/feeds.h"

#include "base/assert.h"
#include "transport/inbox.h"
#include "transport/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

enum { IPC_PREFIX_BYTES = 6, PATH_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) };

struct feed {
    struct tally_inbox in;                          /* PULL */
    void *out;                                      /* PUSH */
    char in_path[PATH_BYTES], out_path[PATH_BYTES]; /* "": not bound */
};

struct tally_feeds {
    void *context;
    int epoll_fd;
    struct feed feeds[TALLY_FEEDS_MAX];
    uint8_t feed_count;
    uint8_t turn; /* the feed to look at first */
};

/* Is somebody listening there? libzmq would take the path away from him without a word. */
static bool is_in_use(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_answered;

    if (fd < 0) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    is_answered = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    (void)close(fd);
    return is_answered;
}

static enum tally_err bind_path(void *socket, const char *path, struct tally_fault *fault)
{
    char endpoint[IPC_PREFIX_BYTES + PATH_BYTES];
    mode_t mask;
    int rc, failure;

    if (is_in_use(path)) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "feed endpoint %s is in use by another process; is another tallyd "
                               "running with this run_directory?",
                               path);
    }
    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
    mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);
    rc = zmq_bind(socket, endpoint);
    failure = zmq_errno();
    (void)umask(mask);
    if (rc != 0) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "cannot make feed endpoint %s: %s; the folder must exist and be "
                               "writable for tallyd",
                               path, zmq_strerror(failure));
    }
    return TALLY_ERR_OK;
}

/* path is written: what was bound, or "". */
static enum tally_err open_endpoint(struct tally_feeds *feeds, int type, const char *run_directory,
                                    const char *name, void **socket, char path[PATH_BYTES],
                                    struct tally_fault *fault)
{
    static const struct tally_socket_option options[] = {
        {ZMQ_RCVHWM, TALLY_FEEDS_QUEUE_MAX},
        {ZMQ_SNDHWM, TALLY_FEEDS_QUEUE_MAX},
        {ZMQ_MAXMSGSIZE, TALLY_FEEDS_BATCH_BYTES_MAX},
        {ZMQ_HANDSHAKE_IVL, 1000},
        {ZMQ_LINGER, 0},
    };
    const char *suffix = type == ZMQ_PULL ? "in" : "out";
    int count = snprintf(path, PATH_BYTES, "%s/feed-%s.%s", run_directory, name, suffix);
    enum tally_err err;

    if (count < 0 || count >= PATH_BYTES) {
        path[0] = '\0';
        return tally_fault_set(fault, TALLY_ERR_CONFIG,
                               "%s/feed-%s.%s is %d bytes long; a local endpoint may have %d: "
                               "choose a shorter run_directory",
                               run_directory, name, suffix, count, PATH_BYTES - 1);
    }
    err = tally_socket_open(feeds->context, type, options, sizeof(options) / sizeof(options[0]),
                            socket, fault);
    if (err == TALLY_ERR_OK) {
        err = bind_path(*socket, path, fault);
    }
    if (err != TALLY_ERR_OK) {
        path[0] = '\0';
    }
    return err;
}

static enum tally_err open_feed(struct tally_feeds *feeds, uint8_t at,
                                const struct tally_feeds_config *config, struct tally_fault *fault)
{
    struct feed *feed = &feeds->feeds[at];
    struct epoll_event interest = {.events = EPOLLIN, .data = {.u32 = at}};
    void *in = NULL;
    enum tally_err err = open_endpoint(feeds, ZMQ_PULL, config->run_directory, config->names[at],
                                       &in, feed->in_path, fault);

    tally_inbox_init(&feed->in, in);
    if (err == TALLY_ERR_OK) {
        err = open_endpoint(feeds, ZMQ_PUSH, config->run_directory, config->names[at], &feed->out,
                            feed->out_path, fault);
    }
    if (err != TALLY_ERR_OK) {
        return err;
    }
    if (epoll_ctl(feeds->epoll_fd, EPOLL_CTL_ADD, tally_socket_fd(in), &interest) != 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot watch feed %s: %s",
                               config->names[at], strerror(errno));
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_feeds_open(const struct tally_feeds_config *config, struct tally_feeds **out,
                                struct tally_fault *fault)
{
    struct tally_feeds *feeds = calloc(1, sizeof(*feeds));
    enum tally_err err;

    TALLY_ASSERT(config->feed_count <= TALLY_FEEDS_MAX);
    *out = NULL;
    if (feeds == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the adapter port");
    }
    feeds->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (feeds->epoll_fd < 0) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "cannot make an epoll descriptor: %s",
                              strerror(errno));
    } else {
        err = tally_socket_context(2 * TALLY_FEEDS_MAX + 8, &feeds->context, fault);
    }
    for (uint8_t at = 0; at < config->feed_count && err == TALLY_ERR_OK; at++) {
        feeds->feed_count++;
        err = open_feed(feeds, at, config, fault);
    }
    if (err != TALLY_ERR_OK) {
        tally_feeds_close(feeds);
        return err;
    }
    *out = feeds;
    return TALLY_ERR_OK;
}

/* libzmq leaves the files behind. */
static void close_feed(struct feed *feed)
{
    tally_inbox_close(&feed->in);
    tally_socket_close(&feed->out);
    if (feed->in_path[0] != '\0') {
        (void)unlink(feed->in_path);
    }
    if (feed->out_path[0] != '\0') {
        (void)unlink(feed->out_path);
    }
}

void tally_feeds_close(struct tally_feeds *feeds)
{
    if (feeds == NULL) {
        return;
    }
    for (uint8_t at = 0; at < feeds->feed_count; at++) {
        close_feed(&feeds->feeds[at]);
    }
    if (feeds->context != NULL) {
        (void)zmq_ctx_term(feeds->context);
    }
    if (feeds->epoll_fd >= 0) {
        (void)close(feeds->epoll_fd);
    }
    free(feeds);
}

int tally_feeds_fd(const struct tally_feeds *feeds)
{
    return feeds->epoll_fd;
}

bool tally_feeds_is_pending(const struct tally_feeds *feeds)
{
    for (uint8_t at = 0; at < feeds->feed_count; at++) {
        if (feeds->feeds[at].in.is_ready) {
            return true;
        }
    }
    return false;
}

static bool gather(struct tally_feeds *feeds)
{
    struct epoll_event events[TALLY_FEEDS_MAX];
    int count = epoll_wait(feeds->epoll_fd, events, TALLY_FEEDS_MAX, 0);

    for (int i = 0; i < count; i++) {
        feeds->feeds[events[i].data.u32].in.is_ready = true;
    }
    return count > 0;
}

/* False when the feed has nothing, or is busy dropping. */
static bool next_of_feed(struct tally_feeds *feeds, uint8_t at, struct tally_feeds_batch *batch)
{
    struct tally_inbox *in = &feeds->feeds[at].in;

    batch->feed = at;
    switch (tally_inbox_next(in)) {
    case TALLY_INBOX_NOTHING:
    case TALLY_INBOX_BUSY:
        return false;
    case TALLY_INBOX_MESSAGE:
        batch->bytes = zmq_msg_data(&in->message);
        batch->size = zmq_msg_size(&in->message);
        return true;
    case TALLY_INBOX_MULTIPART:
        batch->is_multipart = true;
        return true;
    }
    return false;
}

bool tally_feeds_next(struct tally_feeds *feeds, struct tally_feeds_batch *batch)
{
    memset(batch, 0, sizeof(*batch));
    do {
        for (uint8_t i = 0; i < feeds->feed_count; i++) {
            uint8_t at = (uint8_t)((feeds->turn + i) % feeds->feed_count);

            if (feeds->feeds[at].in.is_ready && next_of_feed(feeds, at, batch)) {
                feeds->turn = (uint8_t)((at + 1) % feeds->feed_count);
                return true;
            }
        }
    } while (!tally_feeds_is_pending(feeds) && gather(feeds));
    return false;
}

enum tally_err tally_feeds_send(struct tally_feeds *feeds, uint8_t feed, const uint8_t *bytes,
                                size_t size)
{
    TALLY_ASSERT(feed < feeds->feed_count && size <= TALLY_FEEDS_BATCH_BYTES_MAX);
    return tally_socket_send(feeds->feeds[feed].out, bytes, size) ? TALLY_ERR_OK : TALLY_ERR_AGAIN;
}
