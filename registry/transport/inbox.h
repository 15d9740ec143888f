/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbox.h - takes single-part messages from a ZeroMQ socket, and tells the others apart. Private to
 * registry/transport.
 *
 * libzmq's file descriptor signals an edge: having seen it, one must read until nothing is left
 * before sleeping again. `is_ready` carries that duty from call to call.
 *
 * Touches: libzmq. Threads: one owner. Memory: one message at a time, held until the next call.
 */
#pragma once

#include <stdbool.h>
#include <zmq.h>

enum { TALLY_INBOX_PARTS_MAX = 1024 }; /* parts of a dropped message taken in one call */

enum tally_inbox_result {
    TALLY_INBOX_NOTHING,   /* nothing waits; the descriptor will tell */
    TALLY_INBOX_BUSY,      /* in the middle of dropping a long message: call again */
    TALLY_INBOX_MESSAGE,   /* `message` holds it until the next call */
    TALLY_INBOX_MULTIPART, /* a whole multi-part message was dropped; `message` is its first part */
};

struct tally_inbox {
    void *socket; /* owned */
    zmq_msg_t message;
    bool holds_message;
    bool is_draining;
    bool is_ready; /* something may wait */
};

/* Takes the socket over. */
void tally_inbox_init(struct tally_inbox *inbox, void *socket);
void tally_inbox_close(struct tally_inbox *inbox); /* also one that is all zeros */

enum tally_inbox_result tally_inbox_next(struct tally_inbox *inbox);

/* The address that `message` came from, borrowed until the next call; "" when there is none. */
const char *tally_inbox_peer_address(struct tally_inbox *inbox);
