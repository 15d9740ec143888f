/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - tallyctl's side of the control socket. Private to registry/ctl.
 *
 * Touches: POSIX sockets, jansson. Threads: one owner. Memory: own.
 */
#pragma once

#include "tally/err.h"

#include <jansson.h>
#include <stdint.h>

struct tally_ctl_client;

/* One line of an answer. line is borrowed until the next read; root is given to the caller. */
struct tally_ctl_line {
    const char *text; /* NUL-terminated, without '\n' */
    json_t *root;     /* an object; json_decref it */
};

#define TALLY_CTL_WAIT_FOREVER_MS INT64_C(-1)

/*
 * client    written in every case; NULL on failure. Closed with tally_ctl_client_close.
 * TALLY_ERR_UNREACHABLE   nobody listens there.
 * TALLY_ERR_REFUSED       the socket is another user's.
 */
TALLY_NODISCARD enum tally_err tally_ctl_client_open(const char *path,
                                                     struct tally_ctl_client **client,
                                                     struct tally_fault *fault);
void tally_ctl_client_close(struct tally_ctl_client *client);

/* Sends a request, given, as one line. TALLY_ERR_UNREACHABLE: the daemon has gone. */
TALLY_NODISCARD enum tally_err tally_ctl_client_ask(struct tally_ctl_client *client,
                                                    json_t *request, struct tally_fault *fault);

/*
 * Waits for the next line.
 *
 * until_ms    on tally_ctl_now_ms's clock; TALLY_CTL_WAIT_FOREVER_MS: no limit.
 * line        written in every case; root NULL on failure.
 * TALLY_ERR_TIMEOUT       none came until then.
 * TALLY_ERR_UNREACHABLE   the daemon closed the connection.
 * TALLY_ERR_FORMAT        what came is no line of JSON.
 */
TALLY_NODISCARD enum tally_err tally_ctl_client_read(struct tally_ctl_client *client,
                                                     int64_t until_ms, struct tally_ctl_line *line,
                                                     struct tally_fault *fault);

/*
 * From now on a wait also ends when nobody is left to read from output_fd, a pipe or socket that
 * the lines go to: with TALLY_ERR_SYSTEM.
 */
void tally_ctl_client_write_to(struct tally_ctl_client *client, int output_fd);

/* Milliseconds of the monotonic clock. */
int64_t tally_ctl_now_ms(void);
