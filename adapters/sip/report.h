/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - everything that tally-sip logs: one line per event on stderr, in logfmt.
 *
 *   2026-11-21T19:40:02.118Z notice sip event=registry_up
 *
 * Never a telephone number, and nothing that a datagram can cause by itself.
 *
 * Threads: one owner. Memory: none.
 */
#pragma once

#include "adapters/sip/server.h"
#include "tally/adapter.h"
#include "tally/err.h"
#include "tally/time.h"

void tally_sip_report_listening(struct tally_wall at, const struct tally_sip_address *address,
                                const char *trunk);
void tally_sip_report_registry(struct tally_wall at, enum tally_sip_registry registry);
/* None was there since the start. feed: the path of its endpoints, as configured. */
void tally_sip_report_no_registry(struct tally_wall at, const char *feed);
void tally_sip_report_stopped(struct tally_wall at);
void tally_sip_report_fault(struct tally_wall at, const struct tally_fault *fault);

/* What the sockets counted, beside the server and the feed. */
struct tally_sip_socket_counters {
    uint64_t unsent;   /* datagrams that the system refused to send */
    uint64_t overflow; /* datagrams that the system dropped, its queue being full */
};

/* All counters in one line; rejects by reason only where there were any. */
void tally_sip_report_counters(struct tally_wall at, const struct tally_sip_server *server,
                               const struct tally_adapter *adapter,
                               const struct tally_sip_socket_counters *sockets);
