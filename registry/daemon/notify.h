/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - tells the service manager what state we are in (the protocol of sd_notify(3)).
 *
 * Threads: one owner. Memory: none.
 */
#pragma once

/* state: "READY=1", "STOPPING=1". Without $NOTIFY_SOCKET, or on any failure, nothing happens. */
void tally_notify(const char *state);
