/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.h - puts one participant database after the other in force.
 *
 * Threads: the loop's. Memory: the daemon's.
 */
#pragma once

#include "daemon/daemon.h"

/* Has the worker look at the directory, unless it is looking already. */
void tally_daemon_follow_look(struct tally_daemon *daemon);

/* The worker has looked: what it loaded is put in force. */
void tally_daemon_follow_take_back(struct tally_daemon *daemon);

/*
 * Puts a database in force: core, links, sessions, address list.
 *
 * participants    given to the daemon.
 */
void tally_daemon_follow_adopt(struct tally_daemon *daemon,
                               struct tally_participants *participants);

/* The core does not use this index any more. */
void tally_daemon_follow_release(struct tally_daemon *daemon, const struct tally_cdb_index *index);

/*
 * Is the key that we speak with listed for us?
 *
 * TALLY_ERR_CONFIG   it is not; the fault says what to do.
 */
TALLY_NODISCARD enum tally_err
tally_daemon_follow_check_key(const struct tally_daemon *daemon,
                              const struct tally_participants *participants,
                              struct tally_fault *fault);
