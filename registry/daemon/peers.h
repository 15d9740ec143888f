/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.h - keeps the links and the sessions in step with the core's slots.
 *
 * The core, the sessions and the links number peers alike. A peer is up for the core while its
 * session is usable, its link is connected, and the link takes what we send.
 *
 * Threads: the loop's. Memory: the daemon's.
 */
#pragma once

#include "daemon/daemon.h"

/*
 * Brings slots, links, sessions and the address list in step with daemon->participants, which the
 * core has been given already.
 */
void tally_daemon_peers_renew(struct tally_daemon *daemon);

/* One thing from the links. */
void tally_daemon_peers_take(struct tally_daemon *daemon, const struct tally_link_event *event);

/* What is due in the sessions, bounded. */
void tally_daemon_peers_tick(struct tally_daemon *daemon);

/* Tells the core of slots that went up or down since the last call. */
void tally_daemon_peers_settle(struct tally_daemon *daemon);

/* Tries whether links that were full take frames again. */
void tally_daemon_peers_retry(struct tally_daemon *daemon);

/* A tally_outbox_fn: seals and sends; context is the daemon. */
void tally_daemon_peers_send(void *context, uint32_t slot, const uint8_t *batch,
                             size_t batch_bytes);
