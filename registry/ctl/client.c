/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/client.h"

#include "ctl/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct tally_ctl_client {
    int fd;
    int output_fd;     /* -1: none */
    size_t taken_size; /* of the line given out last, with its end */
    size_t size;
    char bytes[2 * TALLY_CTL_LINE_MAX_BYTES];
};

int64_t tally_ctl_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum tally_err unreachable(const char *path, int code, struct tally_fault *fault)
{
    if (code == EACCES || code == EPERM) {
        return tally_fault_set(fault, TALLY_ERR_REFUSED,
                               "%s: %s; run tallyctl as the user that tallyd runs as", path,
                               strerror(code));
    }
    return tally_fault_set(fault, TALLY_ERR_UNREACHABLE,
                           "%s: %s; is tallyd running, and is this its control_socket?", path,
                           strerror(code));
}

enum tally_err tally_ctl_client_open(const char *path, struct tally_ctl_client **out,
                                     struct tally_fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct tally_ctl_client *client;
    int fd;

    *out = NULL;
    if (strlen(path) >= sizeof(address.sun_path)) {
        return tally_fault_set(fault, TALLY_ERR_USAGE, "%s: longer than %zu characters", path,
                               sizeof(address.sun_path) - 1);
    }
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        enum tally_err err = unreachable(path, errno, fault);

        if (fd >= 0) {
            (void)close(fd);
        }
        return err;
    }
    client = calloc(1, sizeof(*client));
    if (client == NULL) {
        (void)close(fd);
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory");
    }
    client->fd = fd;
    client->output_fd = -1;
    *out = client;
    return TALLY_ERR_OK;
}

void tally_ctl_client_close(struct tally_ctl_client *client)
{
    if (client != NULL) {
        (void)close(client->fd);
        free(client);
    }
}

void tally_ctl_client_write_to(struct tally_ctl_client *client, int output_fd)
{
    client->output_fd = output_fd;
}

enum tally_err tally_ctl_client_ask(struct tally_ctl_client *client, json_t *request,
                                    struct tally_fault *fault)
{
    char *text = json_dumps(request, JSON_COMPACT);
    size_t size;
    size_t at = 0;

    json_decref(request);
    if (text == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory");
    }
    size = strlen(text);
    text[size++] = '\n'; /* in the place of the NUL */
    while (at < size) {
        ssize_t count = send(client->fd, text + at, size - at, MSG_NOSIGNAL);

        if (count < 0 && errno != EINTR) {
            break;
        }
        at += count > 0 ? (size_t)count : 0;
    }
    free(text);
    return at == size ? TALLY_ERR_OK
                      : tally_fault_set(fault, TALLY_ERR_UNREACHABLE,
                                        "tallyd closed the connection: %s", strerror(errno));
}

/* The line at the head of the buffer, its end made a NUL; NULL if there is no whole one. */
static char *whole_line(struct tally_ctl_client *client)
{
    char *end = memchr(client->bytes, '\n', client->size);

    if (end == NULL) {
        return NULL;
    }
    *end = '\0';
    client->taken_size = (size_t)(end - client->bytes) + 1;
    return client->bytes;
}

static void drop_taken(struct tally_ctl_client *client)
{
    client->size -= client->taken_size;
    memmove(client->bytes, client->bytes + client->taken_size, client->size);
    client->taken_size = 0;
}

static enum tally_err receive(struct tally_ctl_client *client, int64_t until_ms,
                              struct tally_fault *fault)
{
    struct pollfd fds[2] = {{.fd = client->fd, .events = POLLIN}, {.fd = client->output_fd}};
    int64_t wait_ms = until_ms == TALLY_CTL_WAIT_FOREVER_MS ? -1 : until_ms - tally_ctl_now_ms();
    ssize_t count;
    int ready;

    if (until_ms != TALLY_CTL_WAIT_FOREVER_MS && wait_ms < 0) {
        wait_ms = 0;
    }
    ready = poll(fds, 2, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
    if (ready == 0) {
        return tally_fault_set(fault, TALLY_ERR_TIMEOUT, "tallyd did not answer in time");
    }
    if (ready > 0 && (fds[1].revents & (POLLERR | POLLNVAL)) != 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "nobody reads the output any more");
    }
    count = ready < 0 ? -1
                      : recv(client->fd, client->bytes + client->size,
                             sizeof(client->bytes) - client->size, 0);
    if (count < 0 && errno == EINTR) {
        return TALLY_ERR_OK;
    }
    if (count <= 0) {
        return tally_fault_set(fault, TALLY_ERR_UNREACHABLE, "tallyd closed the connection%s%s",
                               count < 0 ? ": " : "", count < 0 ? strerror(errno) : "");
    }
    client->size += (size_t)count;
    return TALLY_ERR_OK;
}

enum tally_err tally_ctl_client_read(struct tally_ctl_client *client, int64_t until_ms,
                                     struct tally_ctl_line *line, struct tally_fault *fault)
{
    *line = (struct tally_ctl_line){NULL, NULL};
    drop_taken(client);
    while ((line->text = whole_line(client)) == NULL) {
        enum tally_err err =
            client->size == sizeof(client->bytes)
                ? tally_fault_set(fault, TALLY_ERR_FORMAT, "tallyd sent a line without end")
                : receive(client, until_ms, fault);

        if (err != TALLY_ERR_OK) {
            return err;
        }
    }
    line->root = json_loads(line->text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(line->root)) {
        json_decref(line->root);
        line->root = NULL;
        return tally_fault_set(fault, TALLY_ERR_FORMAT,
                               "what answers there speaks no JSON: is it tallyd?");
    }
    return TALLY_ERR_OK;
}
