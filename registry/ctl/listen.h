/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - a UNIX socket that only its owner may open. Private to registry/ctl.
 *
 * Touches: POSIX sockets. Threads: safe. Memory: none.
 */
#pragma once

#include "tally/err.h"

#include <stdbool.h>
#include <sys/un.h>

/*
 * Listens at an address, mode 0600, without blocking, replacing what a dead process has left.
 *
 * fd    written in every case; -1 on failure.
 * Errors as tally_ctl_server_open.
 */
TALLY_NODISCARD enum tally_err tally_ctl_listen(const struct sockaddr_un *address, int *fd,
                                                struct tally_fault *fault);

/* Non-blocking, and closed in what the process starts. */
bool tally_ctl_make_nonblocking(int fd);
