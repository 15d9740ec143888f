/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links.h - frames to and from the registries of other operators.
 *
 * One bound inbound socket takes frames from every peer; one outbound connection per peer goes to
 * the endpoint that the participant database names. Who a frame is from is never decided here: the
 * session layer finds that out by opening it. Everything is asynchronous, nothing blocks, and no
 * messaging type appears here, so that another process can stand behind this interface.
 *
 * What libzmq 4.3.4 does wrong, and the setting that answers it, is in docs/THREAT-MODEL.md.
 *
 * Touches: libzmq. Threads: one owner of everything, from open to close. Memory: bounded by
 * peer_max and the queue lengths below, but for what libzmq takes before it hands a message over
 * (a multi-part message of a listed address).
 */
#pragma once

#include "base/hash.h"
#include "tally/err.h"
#include "tally/time.h"
#include "transport/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_LINKS_FRAME_BYTES_MAX = 16384, /* a bigger one closes the connection it came on */
    TALLY_LINKS_IN_MAX = 64,             /* frames waiting per inbound connection */
    TALLY_LINKS_OUT_MAX = 256,           /* frames waiting per outbound link */
};
#define TALLY_LINKS_REOPEN_REFUSED_US (5 * TALLY_US_PER_S)
#define TALLY_LINKS_REOPEN_MUTE_US (15 * TALLY_US_PER_S)

struct tally_links;

struct tally_links_config {
    const char *listen; /* "tcp://address:port"; port "*" picks a free one; copied */
    const char *source; /* address that outbound links come from; "": the system's choice; copied */
    uint32_t peer_max;  /* slots */
    struct tally_hash_key hash_key; /* secret, random: for `source` of frames */
};

enum tally_link_event_type {
    TALLY_LINK_NOTHING,
    TALLY_LINK_FRAME,        /* frame, frame_bytes, source, address */
    TALLY_LINK_CONNECTED,    /* slot: frames are taken now */
    TALLY_LINK_DISCONNECTED, /* slot: frames waiting were dropped */
    TALLY_LINK_REFUSED,      /* address: its connection was refused, it is not on the list */
    TALLY_LINK_DROPPED,      /* address: a multi-part message, or one of an address that has left
                                the list, was dropped */
};

struct tally_link_event {
    enum tally_link_event_type type;
    uint32_t slot;
    uint64_t source; /* tally_address_source of the sender */
    char address[TALLY_ADDRESS_TEXT_BYTES];
    const uint8_t *frame; /* borrowed until the next call of tally_links_next */
    size_t frame_bytes;
};

struct tally_links_counters {
    uint64_t frame_in_count, frame_out_count;
    uint64_t again_count;   /* frames that a link did not take */
    uint64_t refused_count; /* connections */
    uint64_t accepted_count;
    uint64_t multipart_count;
    uint64_t unlisted_count; /* frames from an address that has left the list */
    uint64_t reopened_count; /* links that libzmq had given up */
};

/*
 * Binds the inbound socket. The address list is empty: nobody can connect before tally_links_allow.
 * libsodium has to be initialised before, since libzmq may use it too.
 *
 * TALLY_ERR_CONFIG      the address cannot be bound: the fault says which and why.
 * TALLY_ERR_TRANSPORT, TALLY_ERR_SYSTEM   libzmq or the system refused.
 */
TALLY_NODISCARD enum tally_err tally_links_open(const struct tally_links_config *config,
                                                struct tally_links **links,
                                                struct tally_fault *fault);

/* Closes at once; what waits in queues is dropped. NULL allowed. */
void tally_links_close(struct tally_links *links);

/* The address really bound, "tcp://address:port"; borrowed until close. */
const char *tally_links_endpoint(const struct tally_links *links);

/*
 * A descriptor to poll for reading. Before sleeping on it tally_links_is_pending must be false.
 */
int tally_links_fd(const struct tally_links *links);
bool tally_links_is_pending(const struct tally_links *links);

/*
 * Takes the next thing that happened. Call until NOTHING, or stop earlier to bound a turn. NOTHING
 * with tally_links_is_pending still true: more is to be done, but not in this turn.
 */
void tally_links_next(struct tally_links *links, struct tally_link_event *event);

/*
 * Replaces the list of addresses that may connect. Frames on connections of an address that is no
 * longer listed are dropped from now on.
 *
 * TALLY_ERR_SYSTEM   no memory; the old list stays.
 */
TALLY_NODISCARD enum tally_err tally_links_allow(struct tally_links *links,
                                                 const struct tally_address *addresses,
                                                 size_t address_count, struct tally_fault *fault);

/*
 * Points a slot's link to an endpoint, or with NULL to nowhere. The same endpoint again changes
 * nothing. An old link ends without an event, with all that waited in it.
 *
 * endpoint   "tcp://address:port"; a host name is refused, since resolving one stops all links.
 * TALLY_ERR_FORMAT      not such an endpoint; the slot has no link now.
 * TALLY_ERR_TRANSPORT   libzmq refused; the slot has no link now.
 */
TALLY_NODISCARD enum tally_err tally_links_point(struct tally_links *links, uint32_t slot,
                                                 const char *endpoint, struct tally_fault *fault);

bool tally_links_is_up(const struct tally_links *links, uint32_t slot);

/*
 * Sends a frame, or not; never waits.
 *
 * TALLY_ERR_AGAIN       not connected, or the peer is slower than we are; nothing was queued.
 * TALLY_ERR_NOT_FOUND   the slot has no link.
 */
TALLY_NODISCARD enum tally_err tally_links_send(struct tally_links *links, uint32_t slot,
                                                const uint8_t *frame, size_t frame_bytes);

/*
 * Looks after links that libzmq has given up: it does not try again after a refusal or a protocol
 * error. Call about once a second.
 */
void tally_links_tick(struct tally_links *links, struct tally_mono now);

void tally_links_counters(const struct tally_links *links, struct tally_links_counters *counters);

/* Multi-part messages dropped from one address so far; 0 when it is not on the list. */
uint64_t tally_links_multipart_count(const struct tally_links *links,
                                     const struct tally_address *address);
