/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/feedport.h"

#include "base/assert.h"

#include <string.h>

void tally_feedport_init(struct tally_feedport *port, uint8_t feed_count, struct tally_mono now)
{
    TALLY_ASSERT(feed_count <= TALLY_REGISTRY_FEEDS_MAX);
    memset(port, 0, sizeof(*port));
    port->feed_count = feed_count;
    port->ping_due = now;
}

bool tally_feedport_heard(struct tally_feedport *port, struct tally_mono now, uint8_t feed,
                          enum tally_feed_type type)
{
    struct tally_feedport_feed *at = &port->feeds[feed];

    TALLY_ASSERT(feed < port->feed_count);
    at->is_heard = true;
    at->heard_at = now;
    if (type == TALLY_FEED_HELLO) {
        at->is_greeted = true;
    }
    if (at->is_greeted || (at->asked_at.us != 0 &&
                           tally_mono_since_us(now, at->asked_at) < TALLY_FEEDPORT_ASK_EVERY_US)) {
        return false;
    }
    at->asked_at = now;
    return true;
}

bool tally_feedport_is_ping_due(struct tally_feedport *port, struct tally_mono now)
{
    if (!tally_mono_is_due(port->ping_due, now)) {
        return false;
    }
    port->ping_due = tally_mono_after(now, TALLY_FEED_PING_EVERY_US);
    return true;
}

static struct tally_mono silent_at(const struct tally_feedport_feed *feed)
{
    return tally_mono_after(feed->heard_at, TALLY_FEED_SILENT_AFTER_US);
}

bool tally_feedport_fell_silent(struct tally_feedport *port, struct tally_mono now, uint8_t feed)
{
    struct tally_feedport_feed *at = &port->feeds[feed];

    TALLY_ASSERT(feed < port->feed_count);
    if (!at->is_heard || !tally_mono_is_due(silent_at(at), now)) {
        return false;
    }
    at->is_heard = false;
    return true;
}

struct tally_mono tally_feedport_next_due(const struct tally_feedport *port)
{
    struct tally_mono due = port->ping_due;

    for (uint8_t feed = 0; feed < port->feed_count; feed++) {
        if (port->feeds[feed].is_heard && silent_at(&port->feeds[feed]).us < due.us) {
            due = silent_at(&port->feeds[feed]);
        }
    }
    return due;
}
