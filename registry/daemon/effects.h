/* SPDX-License-Identifier: Apache-2.0 */
/*
 * effects.h - gives the core an input and carries out what it wants done.
 *
 * Threads: the loop's. Memory: the daemon's.
 */
#pragma once

#include "core/registry.h"
#include "daemon/daemon.h"

/* Steps the core at daemon->now. May not be called from an outbox function. */
void tally_daemon_step(struct tally_daemon *daemon, const struct tally_input *input);

/* The operator in a slot, the feed of a number, as names; "" for nobody. Borrowed. */
const char *tally_daemon_peer_id(const struct tally_daemon *daemon, uint32_t slot);
const char *tally_daemon_feed_name(const struct tally_daemon *daemon, uint8_t feed);
