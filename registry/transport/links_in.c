/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes in: connections to judge, states of links, frames.
 */
#include "transport/links_state.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <zmq.h>

enum { EVENTS_MAX = 64 }; /* taken from epoll at once */

/* Reads the descriptors that have become readable; true if any has. */
static bool gather(struct tally_links *links)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(links->epoll_fd, events, EVENTS_MAX, 0);

    for (int i = 0; i < count; i++) {
        uint32_t id = events[i].data.u32;

        if (id == TALLY_LINKS_EPOLL_INBOX) {
            links->inbox.is_ready = true;
        } else if (id == TALLY_LINKS_EPOLL_ZAP) {
            links->zap.is_ready = true;
        } else {
            tally_links_list(links, id);
        }
    }
    return count > 0;
}

/* The number of the event in a monitor's message: its first two bytes, in the host's order. */
static uint16_t monitor_event(struct tally_inbox *events)
{
    uint16_t number = 0;

    if (zmq_msg_size(&events->message) >= sizeof(number)) {
        memcpy(&number, zmq_msg_data(&events->message), sizeof(number));
    }
    return number;
}

/* True if the event is one to tell. */
static bool note_monitor_event(struct tally_link *link, uint16_t number,
                               struct tally_link_event *event)
{
    link->was_trying = true;
    switch (number) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        link->is_up = true;
        event->type = TALLY_LINK_CONNECTED;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        link->is_refused = true;
        return false;
    case ZMQ_EVENT_DISCONNECTED:
        event->type = TALLY_LINK_DISCONNECTED;
        if (!link->is_up) {
            return false;
        }
        link->is_up = false;
        return true;
    default:
        return false;
    }
}

/* Takes one event of the first link that has news. */
static bool next_monitor_event(struct tally_links *links, struct tally_link_event *event)
{
    uint32_t slot = links->ready_head;
    struct tally_link *link = &links->links[slot];

    if (tally_inbox_next(&link->events) == TALLY_INBOX_NOTHING) {
        links->ready_head = link->next_ready;
        link->is_listed = false;
        return false;
    }
    event->slot = slot;
    return note_monitor_event(link, monitor_event(&link->events), event);
}

static bool next_connection(struct tally_links *links, struct tally_link_event *event)
{
    if (tally_zap_next(&links->zap, event->address) != TALLY_ZAP_REFUSED) {
        return false;
    }
    event->type = TALLY_LINK_REFUSED;
    return true;
}

/* The list's entry for the sender of the message in the inbox; NULL when it is not listed. */
static struct tally_zap_entry *find_sender(struct tally_links *links)
{
    const char *text = tally_inbox_peer_address(&links->inbox);
    struct tally_address address;

    (void)snprintf(links->last_address, sizeof(links->last_address), "%s", text);
    if (!tally_address_parse(text, &address)) {
        return NULL;
    }
    return tally_zap_find(&links->zap, &address);
}

/* As find_sender, for whole frames: most come in a row from one peer. */
static const struct tally_zap_entry *sender(struct tally_links *links)
{
    if (links->last_entry == NULL ||
        strcmp(links->last_address, tally_inbox_peer_address(&links->inbox)) != 0) {
        links->last_entry = find_sender(links);
    }
    return links->last_entry;
}

static void take_frame(struct tally_links *links, struct tally_link_event *event)
{
    const struct tally_zap_entry *entry = sender(links);

    memcpy(event->address, links->last_address, sizeof(event->address));
    if (entry == NULL) {
        links->counters.unlisted_count++;
        event->type = TALLY_LINK_DROPPED;
        return;
    }
    links->counters.frame_in_count++;
    event->type = TALLY_LINK_FRAME;
    event->source = entry->source;
    event->frame = zmq_msg_data(&links->inbox.message);
    event->frame_bytes = zmq_msg_size(&links->inbox.message);
}

static void take_multipart(struct tally_links *links, struct tally_link_event *event)
{
    struct tally_zap_entry *entry = find_sender(links);

    links->last_entry = NULL;
    links->counters.multipart_count++;
    memcpy(event->address, links->last_address, sizeof(event->address));
    event->type = TALLY_LINK_DROPPED;
    if (entry != NULL) {
        entry->dropped_count++;
    }
}

/* True when there is an event, or when the rest has to wait for another turn. */
static bool next_message(struct tally_links *links, struct tally_link_event *event)
{
    switch (tally_inbox_next(&links->inbox)) {
    case TALLY_INBOX_NOTHING:
        return false;
    case TALLY_INBOX_BUSY:
        return true;
    case TALLY_INBOX_MESSAGE:
        take_frame(links, event);
        return true;
    case TALLY_INBOX_MULTIPART:
        take_multipart(links, event);
        return true;
    }
    return false;
}

void tally_links_next(struct tally_links *links, struct tally_link_event *event)
{
    memset(event, 0, sizeof(*event));
    for (;;) {
        bool is_told = false;

        /* Connections and link states before frames: there are few, and the handshake waits. */
        if (links->zap.is_ready) {
            is_told = next_connection(links, event);
        } else if (links->ready_head != TALLY_LINKS_NO_SLOT) {
            is_told = next_monitor_event(links, event);
        } else if (links->inbox.is_ready) {
            is_told = next_message(links, event);
        } else if (!gather(links)) {
            event->type = TALLY_LINK_NOTHING;
            return;
        }
        if (is_told) {
            return;
        }
    }
}
