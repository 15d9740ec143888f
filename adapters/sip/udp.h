/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp.h - UDP sockets for datagrams of SIP.
 *
 * Touches: sockets. Threads: one owner each. Memory: the caller's.
 */
#pragma once

#include "adapters/sip/address.h"
#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_sip_udp {
    int fd;
    uint32_t dropped_count; /* by the kernel, its queue being full; as last told */
};

/*
 * Binds an address; the socket never blocks.
 *
 * TALLY_ERR_CONFIG   the address is in use or not this host's: the fault says so.
 * TALLY_ERR_SYSTEM   no socket.
 */
TALLY_NODISCARD enum tally_err tally_sip_udp_open(const struct tally_sip_address *address,
                                                  struct tally_sip_udp *udp,
                                                  struct tally_fault *fault);
void tally_sip_udp_close(struct tally_sip_udp *udp);

/*
 * Takes one datagram.
 *
 * size       one longer than bytes_max is cut, so give TALLY_SIP_DATAGRAM_BYTES_MAX.
 * dropped    how many the kernel has dropped since the last one taken.
 * Returns false when none waits.
 */
bool tally_sip_udp_receive(struct tally_sip_udp *udp, struct tally_sip_address *source, char *bytes,
                           size_t bytes_max, size_t *size, uint32_t *dropped);

/* False when the system refused; the datagram is lost, as datagrams may be. */
bool tally_sip_udp_send(const struct tally_sip_udp *udp, const struct tally_sip_address *to,
                        const char *bytes, size_t size);
