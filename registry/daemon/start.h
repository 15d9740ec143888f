/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.h - opens the parts of tallyd in the order in which they need each other.
 *
 * Threads: the one that becomes the loop's; the worker is started last. Memory: the daemon's.
 */
#pragma once

#include "daemon/daemon.h"

/*
 * Opens everything: store, participant database, core, sessions, links, feeds, control socket,
 * worker. Peers and adapters are served once the loop runs.
 *
 * daemon    zeroed, but for conf and conf_path. On failure what was opened stays open until
 *           tally_daemon_stop.
 * Any error, with words on what to put right.
 */
TALLY_NODISCARD enum tally_err tally_daemon_start(struct tally_daemon *daemon,
                                                  struct tally_fault *fault);

/* Closes what start has opened, in the opposite order. */
void tally_daemon_stop(struct tally_daemon *daemon);
