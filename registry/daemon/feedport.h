/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedport.h - which adapters are there: greeting them, and noticing when they fall silent.
 *
 * An adapter says HELLO once per boot of its own and of ours. PING tells it our boot; one goes to
 * each feed every TALLY_FEED_PING_EVERY_US, and at once when a feed sends anything else before its
 * HELLO.
 *
 * Pure. Threads: one owner. Memory: none but the struct.
 */
#pragma once

#include "core/registry.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stdint.h>

/* How often at most a feed without HELLO is asked for it. */
#define TALLY_FEEDPORT_ASK_EVERY_US (20 * TALLY_US_PER_MS)

struct tally_feedport_feed {
    bool is_greeted; /* its HELLO of this boot of ours was seen */
    bool is_heard;   /* something came, and it is not said to be down since */
    struct tally_mono heard_at, asked_at;
};

struct tally_feedport {
    struct tally_feedport_feed feeds[TALLY_REGISTRY_FEEDS_MAX];
    uint8_t feed_count;
    struct tally_mono ping_due;
};

void tally_feedport_init(struct tally_feedport *port, uint8_t feed_count, struct tally_mono now);

/* A record of this type came. True: send PING at once. */
bool tally_feedport_heard(struct tally_feedport *port, struct tally_mono now, uint8_t feed,
                          enum tally_feed_type type);

/* True when it is time for a PING to every feed; it is then not due for another while. */
bool tally_feedport_is_ping_due(struct tally_feedport *port, struct tally_mono now);

/* True, once, when the feed has been silent for TALLY_FEED_SILENT_AFTER_US. */
bool tally_feedport_fell_silent(struct tally_feedport *port, struct tally_mono now, uint8_t feed);

/* When to ask is_ping_due and fell_silent next. */
struct tally_mono tally_feedport_next_due(const struct tally_feedport *port);
