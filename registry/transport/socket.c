/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/socket.h"

#include "base/assert.h"

#include <zmq.h>

enum tally_err tally_socket_context(unsigned socket_max, void **context, struct tally_fault *fault)
{
    int limit;

    *context = zmq_ctx_new();
    if (*context == NULL) {
        return tally_fault_set(fault, TALLY_ERR_TRANSPORT, "cannot make a ZeroMQ context: %s",
                               zmq_strerror(zmq_errno()));
    }
    limit = zmq_ctx_get(*context, ZMQ_SOCKET_LIMIT);
    if (limit > 0 && socket_max > (unsigned)limit) {
        socket_max = (unsigned)limit;
    }
    (void)zmq_ctx_set(*context, ZMQ_MAX_SOCKETS, (int)socket_max);
    (void)zmq_ctx_set(*context, ZMQ_IO_THREADS, 1);
    return TALLY_ERR_OK;
}

static int set_option(void *socket, const struct tally_socket_option *option)
{
    int value = (int)option->value;

    if (option->name == ZMQ_MAXMSGSIZE) {
        return zmq_setsockopt(socket, option->name, &option->value, sizeof(option->value));
    }
    return zmq_setsockopt(socket, option->name, &value, sizeof(value));
}

enum tally_err tally_socket_open(void *context, int type, const struct tally_socket_option *options,
                                 size_t option_count, void **socket, struct tally_fault *fault)
{
    *socket = zmq_socket(context, type);
    if (*socket == NULL) {
        return tally_fault_set(fault, TALLY_ERR_TRANSPORT, "cannot open a ZeroMQ socket: %s",
                               zmq_strerror(zmq_errno()));
    }
    for (size_t i = 0; i < option_count; i++) {
        if (set_option(*socket, &options[i]) != 0) {
            enum tally_err err = tally_fault_set(
                fault, TALLY_ERR_TRANSPORT,
                "libzmq refused the value %lld for socket option %d: %s",
                (long long)options[i].value, options[i].name, zmq_strerror(zmq_errno()));
            tally_socket_close(socket);
            return err;
        }
    }
    return TALLY_ERR_OK;
}

void tally_socket_close(void **socket)
{
    if (*socket != NULL) {
        (void)zmq_close(*socket);
        *socket = NULL;
    }
}

int tally_socket_fd(void *socket)
{
    int fd = -1;
    size_t fd_bytes = sizeof(fd);
    int rc = zmq_getsockopt(socket, ZMQ_FD, &fd, &fd_bytes);

    TALLY_ASSERT(rc == 0 && fd >= 0);
    return fd;
}

bool tally_socket_send(void *socket, const void *bytes, size_t size)
{
    int events = 0;
    size_t events_bytes = sizeof(events);

    if (zmq_send(socket, bytes, size, ZMQ_DONTWAIT) >= 0) {
        return true;
    }
    /* A send that cannot wait may overlook for a millisecond that a connection stands or has room
     * again; asking for the events makes libzmq look. */
    if (zmq_getsockopt(socket, ZMQ_EVENTS, &events, &events_bytes) != 0 ||
        (events & ZMQ_POLLOUT) == 0) {
        return false;
    }
    return zmq_send(socket, bytes, size, ZMQ_DONTWAIT) >= 0;
}
