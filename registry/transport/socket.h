/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.h - opening ZeroMQ sockets with their options, failures told in words. Private to
 * registry/transport.
 *
 * Touches: libzmq. Threads: one owner. Memory: libzmq's.
 */
#pragma once

#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_socket_option {
    int name;      /* ZMQ_... */
    int64_t value; /* set with the width that the option has */
};

/*
 * A context for at most socket_max sockets (cut to what libzmq allows), one I/O thread.
 *
 * TALLY_ERR_TRANSPORT   libzmq refused.
 */
TALLY_NODISCARD enum tally_err tally_socket_context(unsigned socket_max, void **context,
                                                    struct tally_fault *fault);

/*
 * A socket with its options set, neither bound nor connected.
 *
 * socket    owned by the caller (zmq_close); NULL when it fails.
 */
TALLY_NODISCARD enum tally_err tally_socket_open(void *context, int type,
                                                 const struct tally_socket_option *options,
                                                 size_t option_count, void **socket,
                                                 struct tally_fault *fault);

/* zmq_close that accepts NULL, and sets *socket to NULL. */
void tally_socket_close(void **socket);

/* The file descriptor that becomes readable when the socket has something to do. */
int tally_socket_fd(void *socket);

/* Sends one message of one part without waiting; false: it was not taken. */
bool tally_socket_send(void *socket, const void *bytes, size_t size);
