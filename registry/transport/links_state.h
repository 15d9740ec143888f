/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links_state.h - what links.c, links_in.c and links_out.c share. Private to registry/transport.
 *
 * Touches: libzmq. Threads: one owner. Memory: as links.h.
 */
#pragma once

#include "transport/inbox.h"
#include "transport/links.h"
#include "transport/zap.h"

enum { TALLY_LINKS_SOURCE_BYTES = TALLY_ADDRESS_TEXT_BYTES + 16 };

/* What epoll hands back for the two sockets that are not monitors; slots are below them. */
#define TALLY_LINKS_EPOLL_INBOX (UINT32_MAX - 1)
#define TALLY_LINKS_EPOLL_ZAP UINT32_MAX
#define TALLY_LINKS_NO_SLOT UINT32_MAX

struct tally_link {
    void *socket;              /* PUSH; NULL: the slot is empty */
    struct tally_inbox events; /* of the socket's monitor */
    char endpoint[TALLY_ENDPOINT_TEXT_BYTES];
    uint32_t next_ready; /* whose monitor has news too; TALLY_LINKS_NO_SLOT ends the list */
    bool is_listed;
    bool is_up;
    bool is_refused; /* libzmq will not try again by itself */
    bool was_trying; /* a sign of life since the last tick */
    struct tally_mono trying_at;
};

struct tally_links {
    void *context;
    int epoll_fd;
    struct tally_zap zap;
    struct tally_inbox inbox;
    char endpoint[TALLY_ENDPOINT_TEXT_BYTES];
    char source[TALLY_LINKS_SOURCE_BYTES]; /* "address:0;" or "" */
    struct tally_link *links;
    uint32_t peer_max;
    uint32_t ready_head;
    uint64_t monitor_serial; /* names of monitor endpoints are not used twice */
    char last_address[TALLY_ADDRESS_TEXT_BYTES];
    const struct tally_zap_entry *last_entry; /* of last_address; NULL: look it up */
    struct tally_links_counters counters;
};

/*
 * Has epoll tell of a socket under an id.
 *
 * TALLY_ERR_SYSTEM   it cannot.
 */
TALLY_NODISCARD enum tally_err tally_links_watch(struct tally_links *links, void *socket,
                                                 uint32_t id, struct tally_fault *fault);

/* The link's monitor may have something to tell. */
void tally_links_list(struct tally_links *links, uint32_t slot);

/* Empties the slot. */
void tally_links_close_link(struct tally_links *links, uint32_t slot);
