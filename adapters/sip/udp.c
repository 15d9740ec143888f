/* SPDX-License-Identifier: Apache-2.0 */
/* SO_RXQ_OVFL is Linux's: without it a full queue would go unnoticed. */
#define _DEFAULT_SOURCE
#include "adapters/sip/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BUFFER_BYTES = 4 << 20 }; /* the system may grant less */

/* Room for either family, read and written as bytes of the right one. */
union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t to_system(const struct tally_sip_address *address, union socket_address *out)
{
    memset(out, 0, sizeof(*out));
    if (address->ip_bytes == 4) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(address->port);
        memcpy(&out->v4.sin_addr, address->ip, 4);
        return sizeof(out->v4);
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(address->port);
    memcpy(&out->v6.sin6_addr, address->ip, 16);
    return sizeof(out->v6);
}

static void from_system(const union socket_address *in, struct tally_sip_address *address)
{
    memset(address, 0, sizeof(*address));
    if (in->any.sa_family == AF_INET) {
        address->ip_bytes = 4;
        address->port = ntohs(in->v4.sin_port);
        memcpy(address->ip, &in->v4.sin_addr, 4);
    } else if (in->any.sa_family == AF_INET6) {
        address->ip_bytes = 16;
        address->port = ntohs(in->v6.sin6_port);
        memcpy(address->ip, &in->v6.sin6_addr, 16);
    }
}

static enum tally_err bind_fault(const struct tally_sip_address *address, int failure,
                                 struct tally_fault *fault)
{
    char text[TALLY_SIP_ADDRESS_TEXT_BYTES];

    tally_sip_address_format(address, text);
    return tally_fault_set(
        fault, TALLY_ERR_CONFIG, "cannot listen for SIP at %s: %s; %s", text, strerror(failure),
        failure == EADDRINUSE ? "is another tally-sip or SIP server running there?"
                              : "expected an address of this host, and leave to use the port");
}

enum tally_err tally_sip_udp_open(const struct tally_sip_address *address,
                                  struct tally_sip_udp *udp, struct tally_fault *fault)
{
    const int on = 1;
    const int buffer_bytes = RECEIVE_BUFFER_BYTES;
    union socket_address system;
    socklen_t system_bytes = to_system(address, &system);

    udp->dropped_count = 0;
    udp->fd = socket(system.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (udp->fd < 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no UDP socket: %s", strerror(errno));
    }
    (void)setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
    (void)setsockopt(udp->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
    if (address->ip_bytes == 16) {
        (void)setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(udp->fd, &system.any, system_bytes) != 0) {
        enum tally_err err = bind_fault(address, errno, fault);

        tally_sip_udp_close(udp);
        return err;
    }
    return TALLY_ERR_OK;
}

void tally_sip_udp_close(struct tally_sip_udp *udp)
{
    if (udp->fd >= 0) {
        (void)close(udp->fd);
        udp->fd = -1;
    }
}

bool tally_sip_udp_receive(struct tally_sip_udp *udp, struct tally_sip_address *source, char *bytes,
                           size_t bytes_max, size_t *size, uint32_t *dropped)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint32_t))];
    union socket_address from;
    struct iovec part = {.iov_base = bytes, .iov_len = bytes_max};
    struct msghdr message = {
        .msg_name = &from,
        .msg_namelen = sizeof(from),
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    uint32_t count = udp->dropped_count;
    ssize_t got;

    memset(&from, 0, sizeof(from));
    do {
        got = recvmsg(udp->fd, &message, 0);
        /* An ICMP error of an earlier answer shows up here; it says nothing about this receive. */
    } while (got < 0 && (errno == EINTR || errno == ECONNREFUSED));
    *dropped = 0;
    *size = 0;
    if (got < 0) {
        return false;
    }
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&count, CMSG_DATA(at), sizeof(count));
        }
    }
    *dropped = count - udp->dropped_count;
    udp->dropped_count = count;
    *size = (size_t)got;
    from_system(&from, source);
    return true;
}

bool tally_sip_udp_send(const struct tally_sip_udp *udp, const struct tally_sip_address *to,
                        const char *bytes, size_t size)
{
    union socket_address system;
    socklen_t system_bytes = to_system(to, &system);
    ssize_t sent;

    do {
        sent = sendto(udp->fd, bytes, size, 0, &system.any, system_bytes);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}
