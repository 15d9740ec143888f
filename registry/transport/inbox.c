/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/inbox.h"

#include "transport/socket.h"

#include <stddef.h>

static void let_go(struct tally_inbox *inbox)
{
    if (inbox->holds_message) {
        (void)zmq_msg_close(&inbox->message);
        inbox->holds_message = false;
    }
}

void tally_inbox_init(struct tally_inbox *inbox, void *socket)
{
    inbox->socket = socket;
    inbox->holds_message = false;
    inbox->is_draining = false;
    inbox->is_ready = true;
}

void tally_inbox_close(struct tally_inbox *inbox)
{
    let_go(inbox);
    tally_socket_close(&inbox->socket);
}

/* Takes one part; false when none waits. libzmq hands out whole messages, so once the first part
 * was there the others are too. */
static bool take_part(struct tally_inbox *inbox, zmq_msg_t *part)
{
    (void)zmq_msg_init(part);
    if (zmq_msg_recv(part, inbox->socket, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(part);
        return false;
    }
    return true;
}

static enum tally_inbox_result drain(struct tally_inbox *inbox)
{
    for (int i = 0; i < TALLY_INBOX_PARTS_MAX; i++) {
        zmq_msg_t part;
        int has_more;

        if (!take_part(inbox, &part)) {
            inbox->is_draining = false;
            return TALLY_INBOX_MULTIPART;
        }
        has_more = zmq_msg_more(&part);
        (void)zmq_msg_close(&part);
        if (!has_more) {
            inbox->is_draining = false;
            return TALLY_INBOX_MULTIPART;
        }
    }
    return TALLY_INBOX_BUSY;
}

enum tally_inbox_result tally_inbox_next(struct tally_inbox *inbox)
{
    if (inbox->is_draining) {
        return drain(inbox);
    }
    let_go(inbox);
    if (!take_part(inbox, &inbox->message)) {
        inbox->is_ready = false;
        return TALLY_INBOX_NOTHING;
    }
    inbox->holds_message = true;
    if (zmq_msg_more(&inbox->message)) {
        inbox->is_draining = true;
        return drain(inbox);
    }
    return TALLY_INBOX_MESSAGE;
}

const char *tally_inbox_peer_address(struct tally_inbox *inbox)
{
    const char *address = zmq_msg_gets(&inbox->message, "Peer-Address");

    return address == NULL ? "" : address;
}
