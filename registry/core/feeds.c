/* SPDX-License-Identifier: Apache-2.0 */
#include "core/feeds.h"

/* An adapter that knows its clock no better than this is misconfigured. */
#define TALLY_FEED_CLOCK_BOUND_MAX_US (10 * TALLY_US_PER_S)

void tally_feed_init(struct tally_feed *feed, const struct tally_feed_config *config)
{
    *feed = (struct tally_feed){.config = *config};
}

void tally_feed_gap(struct tally_feed *feed, struct tally_now now)
{
    feed->covered_since = now.mono;
    feed->legs_since = now.mono;
    feed->gap_count++;
}

void tally_feed_loss(struct tally_feed *feed, struct tally_now now)
{
    tally_feed_gap(feed, now);
    feed->is_snapshot_spoiled = true;
}

void tally_feed_restart(struct tally_feed *feed, struct tally_now now)
{
    feed->covered_since = now.mono;
    feed->is_snapshot_spoiled = true;
    feed->gap_count++;
}

void tally_feed_leg(struct tally_feed *feed)
{
    feed->leg_count++;
}

void tally_feed_down(struct tally_feed *feed)
{
    feed->is_up = false;
    feed->told = TALLY_COVERAGE_NOTHING;
}

enum tally_reject tally_feed_hello(struct tally_feed *feed, struct tally_now now,
                                   const struct tally_feed_hello *hello)
{
    /* Whoever speaks from now on is not the one whose silence was worth something. */
    feed->is_greeted = false;
    tally_feed_down(feed);
    if (hello->version != TALLY_FEED_VERSION) {
        return TALLY_REJECT_VERSION;
    }
    if (hello->feed_class != feed->config.feed_class ||
        hello->clock_bound_us > TALLY_FEED_CLOCK_BOUND_MAX_US) {
        return TALLY_REJECT_VALUE;
    }
    feed->is_greeted = true;
    feed->is_up = true;
    feed->boot_id = hello->boot_id;
    feed->next_seq = hello->next_seq;
    feed->clock_bound_us = hello->clock_bound_us;
    feed->covered_since = now.mono;
    feed->legs_since = now.mono;
    feed->watermark_at = now.mono;
    feed->is_snapshot_spoiled = false;
    feed->leg_count = 0;
    feed->told = TALLY_COVERAGE_NOTHING;
    return TALLY_REJECT_NONE;
}

/* A feed that was silent comes back: what it missed meanwhile nobody knows. */
static void rise(struct tally_feed *feed, struct tally_now now)
{
    if (!feed->is_up) {
        feed->is_up = true;
        tally_feed_loss(feed, now);
    }
}

enum tally_reject tally_feed_sequence(struct tally_feed *feed, struct tally_now now, uint64_t seq,
                                      bool *missed)
{
    *missed = false;
    if (!feed->is_greeted) {
        return TALLY_REJECT_STATE;
    }
    if (seq < feed->next_seq) {
        tally_feed_loss(feed, now);
        *missed = true;
        return TALLY_REJECT_DUPLICATE;
    }
    rise(feed, now);
    if (seq > feed->next_seq) {
        tally_feed_loss(feed, now);
        *missed = true;
    }
    feed->next_seq = seq + 1;
    return TALLY_REJECT_NONE;
}

enum tally_reject tally_feed_watermark(struct tally_feed *feed, struct tally_now now,
                                       const struct tally_feed_watermark *watermark, bool *missed)
{
    *missed = false;
    if (!feed->is_greeted) {
        return TALLY_REJECT_STATE;
    }
    if (watermark->at.us > now.wall.us + (int64_t)feed->clock_bound_us + TALLY_US_PER_S) {
        return TALLY_REJECT_VALUE;
    }
    rise(feed, now);
    if (watermark->seq != feed->next_seq - 1) {
        tally_feed_loss(feed, now);
        *missed = true;
    }
    if (watermark->seq >= feed->next_seq) {
        feed->next_seq = watermark->seq + 1;
    }
    feed->watermark_at = now.mono;
    return TALLY_REJECT_NONE;
}

enum tally_reject tally_feed_legs_end(struct tally_feed *feed, struct tally_now now,
                                      const struct tally_feed_legs_end *end)
{
    int64_t age_us = tally_wall_since_us(now.wall, end->since) - (int64_t)feed->clock_bound_us;
    struct tally_mono known_from = tally_mono_after(now.mono, age_us > 0 ? -age_us : 0);

    if (!feed->is_greeted || feed->is_snapshot_spoiled) {
        return TALLY_REJECT_STATE;
    }
    if (end->leg_count != feed->leg_count) {
        return TALLY_REJECT_RECORDS;
    }
    if (known_from.us < feed->legs_since.us) {
        feed->legs_since = known_from;
    }
    return TALLY_REJECT_NONE;
}

enum tally_coverage tally_feed_coverage(const struct tally_feed *feed, struct tally_now now,
                                        int64_t window_us, int64_t open_leg_us)
{
    int64_t silent_us = tally_mono_since_us(now.mono, feed->watermark_at);

    if (!feed->is_up || feed->config.feed_class != TALLY_FEED_CAUSAL ||
        silent_us > TALLY_FEED_SILENT_AFTER_US ||
        tally_mono_since_us(now.mono, feed->covered_since) < window_us) {
        return TALLY_COVERAGE_NOTHING;
    }
    if (tally_mono_since_us(now.mono, feed->legs_since) < open_leg_us) {
        return TALLY_COVERAGE_WINDOW;
    }
    return TALLY_COVERAGE_LEGS;
}
