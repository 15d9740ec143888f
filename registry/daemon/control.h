/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - what tallyctl is told.
 *
 * Threads: the loop's. Memory: the daemon's.
 */
#pragma once

#include "ctl/server.h"
#include "daemon/daemon.h"

/* The callbacks for tally_ctl_server_open; their context is the daemon. */
struct tally_ctl_callbacks tally_daemon_control(struct tally_daemon *daemon);
