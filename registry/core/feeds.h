/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feeds.h - what a feed's silence is worth.
 *
 * For each feed the registry keeps since when nothing can have been missed, and since when every
 * leg that may still be open is known. Only that decides whether "I saw no such call" is knowledge
 * (docs/PROTOCOL.md, "When a registry may say NONE").
 *
 * Pure. Threads: one owner. Memory: embedded in the registry.
 */
#pragma once

#include "core/registry.h"
#include "tally/time.h"
#include "wire/feed.h"

#include <stdbool.h>
#include <stdint.h>

struct tally_feed {
    struct tally_feed_config config;
    bool is_greeted; /* HELLO came since our start */
    bool is_up;      /* and it was not silent since */
    uint64_t boot_id;
    uint64_t next_seq;
    uint32_t clock_bound_us;
    struct tally_mono covered_since; /* nothing was missed from then on, while is_up */
    struct tally_mono legs_since;    /* every leg opened from then on is known, while is_up */
    struct tally_mono watermark_at;  /* when the newest watermark came */
    bool is_snapshot_spoiled;        /* since the HELLO something was lost that was sent */
    uint32_t leg_count;              /* OPEN_LEGs since the HELLO */
    enum tally_coverage told;        /* the coverage that was last traced */
    uint64_t event_count, gap_count, reject_count;
};

void tally_feed_init(struct tally_feed *feed, const struct tally_feed_config *config);

/*
 * Takes a HELLO. TALLY_REJECT_VERSION, or VALUE when it claims another class than configured or a
 * clock worse than 10 s: the feed is down then, whoever was greeted before.
 */
enum tally_reject tally_feed_hello(struct tally_feed *feed, struct tally_now now,
                                   const struct tally_feed_hello *hello);

/*
 * Takes the sequence number of an EVENT or GAP.
 *
 * missed    set when earlier events are missing: coverage began anew.
 * TALLY_REJECT_STATE before a HELLO; TALLY_REJECT_DUPLICATE for a number seen before: then too, as
 * local sockets repeat nothing, so that somebody else writes into this feed, or counts wrongly.
 */
enum tally_reject tally_feed_sequence(struct tally_feed *feed, struct tally_now now, uint64_t seq,
                                      bool *missed);

/* Events may have been lost: nothing is covered before now. */
void tally_feed_gap(struct tally_feed *feed, struct tally_now now);

/* Something was lost that the feed did tell: a gap that no snapshot of this HELLO can mend. */
void tally_feed_loss(struct tally_feed *feed, struct tally_now now);

/*
 * What was seen before now can no longer be compared with what comes: the window begins anew. Open
 * legs are still known, but no snapshot under way says how old they are.
 */
void tally_feed_restart(struct tally_feed *feed, struct tally_now now);

/* An OPEN_LEG came, whatever became of it. */
void tally_feed_leg(struct tally_feed *feed);

/*
 * TALLY_REJECT_VALUE for an instant beyond now. missed as above, and for a sequence number below
 * the newest that was seen: two adapters write into one feed, and neither's count holds.
 */
enum tally_reject tally_feed_watermark(struct tally_feed *feed, struct tally_now now,
                                       const struct tally_feed_watermark *watermark, bool *missed);

/*
 * A snapshot of open legs is complete from end->since on. TALLY_REJECT_STATE before a HELLO or when
 * a leg of it was lost here; TALLY_REJECT_RECORDS when not as many came as the adapter sent: then
 * it proves nothing.
 */
enum tally_reject tally_feed_legs_end(struct tally_feed *feed, struct tally_now now,
                                      const struct tally_feed_legs_end *end);

void tally_feed_down(struct tally_feed *feed);

/* What the feed supports now: window_us and open_leg_us are the configured lengths. */
enum tally_coverage tally_feed_coverage(const struct tally_feed *feed, struct tally_now now,
                                        int64_t window_us, int64_t open_leg_us);
