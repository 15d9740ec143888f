/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - one turn after the other until a signal ends it.
 *
 * A turn reads the clocks once, takes a bounded number of things from each side, steps the core for
 * each, and sends at its end what that gave, one batch per receiver. Nothing in it blocks.
 *
 * Threads: the loop's. Memory: the daemon's.
 */
#pragma once

#include "daemon/daemon.h"

/* Runs an opened daemon until SIGTERM or SIGINT. */
void tally_daemon_loop(struct tally_daemon *daemon);

/*
 * Ends what runs: the worker does what was given to it, evidence is durable or told to be lost.
 */
void tally_daemon_drain(struct tally_daemon *daemon);
