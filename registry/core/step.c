/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One input at a time: what comes from feeds, from peers, from the participant database, and from
 * the clock, each handed to the file that knows what to do about it.
 */
#include "base/assert.h"
#include "core/state.h"

/* A TICK or a flushed feed stops when fewer places than the largest single effect are left. */
enum { EFFECTS_SPARE = 16, TICK_EXPIRIES_MAX = 64 };
/* A wall clock that moves against the monotonic one by more between two steps was set. */
#define CLOCK_STEP_MIN_US (100 * TALLY_US_PER_MS)

/* Feed records. */

static bool is_instant_sound(const struct tally_feed *feed, struct tally_now now,
                             struct tally_wall at)
{
    return at.us > 0 && at.us <= now.wall.us + (int64_t)feed->clock_bound_us + TALLY_US_PER_S;
}

static void trace_coverage(struct tally_registry *registry, struct tally_now now, uint8_t at,
                           struct tally_effects *effects)
{
    struct tally_feed *feed = &registry->feeds[at];
    enum tally_coverage coverage =
        tally_feed_coverage(feed, now, registry->config.match_window_us + TALLY_QUERY_AGE_MAX_US,
                            registry->config.open_leg_us);

    if (coverage > feed->told) {
        tally_effect_trace(effects,
                           coverage == TALLY_COVERAGE_LEGS ? TALLY_TRACE_FEED_COMPLETE
                                                           : TALLY_TRACE_FEED_COVERED,
                           TALLY_PEER_NOBODY, at, TALLY_REJECT_NONE, 0);
    }
    feed->told = coverage;
}

static void trace_gap(uint8_t feed, int64_t lost_count, struct tally_effects *effects)
{
    tally_effect_trace(effects, TALLY_TRACE_FEED_GAP, TALLY_PEER_NOBODY, feed, TALLY_REJECT_NONE,
                       lost_count);
}

static enum tally_side side_of(const struct tally_registry *registry, struct tally_now now,
                               const struct tally_event *event)
{
    bool is_started_here = false;

    if (event->side != TALLY_SIDE_BOTH) {
        return event->side;
    }
    /* Whatever does not come from another network starts here, whoever holds the number. */
    is_started_here = event->ingress_class != TALLY_TRUNK_INTERCONNECT;
    if (tally_is_ours(registry, event->b_number, now)) {
        return is_started_here ? TALLY_SIDE_BOTH : TALLY_SIDE_TERMINATING;
    }
    return TALLY_SIDE_ORIGINATING;
}

static void take_setup(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                       uint64_t seq, const struct tally_event *event, struct tally_effects *effects)
{
    /* Older than the window, an event only fills in open legs: it never makes a verdict. */
    enum tally_timing timing =
        tally_wall_since_us(now.wall, event->at) > registry->config.match_window_us ? TALLY_LATE
                                                                                    : TALLY_TIMELY;

    switch (side_of(registry, now, event)) {
    case TALLY_SIDE_ORIGINATING:
        tally_originate_setup(registry, now, feed, event, timing, effects);
        tally_effect_ack(effects, feed, seq, 0);
        return;
    case TALLY_SIDE_BOTH:
        /* One event counts for both halves; the arrival then finds its own origination. */
        tally_originate_setup(registry, now, feed, event, timing, effects);
        break;
    case TALLY_SIDE_TERMINATING:
        break;
    case TALLY_SIDE_NONE:
    case TALLY_SIDE_COUNT:
        tally_effect_ack(effects, feed, seq, 0);
        return;
    }
    if (timing == TALLY_LATE) {
        tally_effect_ack(effects, feed, seq, 0);
        return;
    }
    tally_terminate_setup(registry, now, feed, seq, event, effects);
}

static void take_event(struct tally_registry *registry, struct tally_now now, uint8_t at,
                       const struct tally_feed_event *record, struct tally_effects *effects)
{
    struct tally_feed *feed = &registry->feeds[at];
    const struct tally_event *event = &record->event;
    bool missed = false;
    enum tally_reject reject = tally_feed_sequence(feed, now, record->seq, &missed);

    if (missed) {
        trace_gap(at, 0, effects);
    }
    if (reject == TALLY_REJECT_NONE && !is_instant_sound(feed, now, event->at)) {
        reject = TALLY_REJECT_VALUE;
    }
    if (reject == TALLY_REJECT_NONE && event->side != TALLY_SIDE_BOTH &&
        !tally_feed_reports(feed, event->side)) {
        reject = TALLY_REJECT_VALUE;
    }
    if (reject != TALLY_REJECT_NONE) {
        if (reject == TALLY_REJECT_VALUE) {
            /* An event that could not be taken is a call that we do not know of. */
            tally_feed_loss(feed, now);
        }
        tally_count_feed_reject(registry, effects, at, reject);
        return;
    }
    feed->event_count++;
    switch (event->kind) {
    case TALLY_EVENT_SETUP:
        take_setup(registry, now, at, record->seq, event, effects);
        return;
    case TALLY_EVENT_RELEASE:
        tally_originate_release(registry, now, event);
        tally_effect_ack(effects, at, record->seq, 0);
        return;
    case TALLY_EVENT_RINGING:
    case TALLY_EVENT_ANSWER:
    case TALLY_EVENT_DIVERT:
    case TALLY_EVENT_ROAM:
        tally_effect_ack(effects, at, record->seq, 0);
        return;
    case TALLY_EVENT_NONE:
    case TALLY_EVENT_KIND_COUNT:
        break;
    }
    TALLY_ASSERT(!"an event kind that the decoder lets through");
}

static void take_gap(struct tally_registry *registry, struct tally_now now, uint8_t at,
                     const struct tally_feed_gap *gap, struct tally_effects *effects)
{
    bool missed = false;
    enum tally_reject reject = tally_feed_sequence(&registry->feeds[at], now, gap->seq, &missed);

    if (reject != TALLY_REJECT_NONE) {
        tally_count_feed_reject(registry, effects, at, reject);
    }
    /* A gap told twice, or out of turn, is a gap all the same; within a snapshot it spoils it. */
    tally_feed_gap(&registry->feeds[at], now);
    registry->feeds[at].is_snapshot_spoiled |= registry->feeds[at].leg_count > 0;
    trace_gap(at, gap->lost_count, effects);
}

static void take_watermark(struct tally_registry *registry, struct tally_now now, uint8_t at,
                           const struct tally_feed_watermark *watermark,
                           struct tally_effects *effects)
{
    bool missed = false;
    enum tally_reject reject = tally_feed_watermark(&registry->feeds[at], now, watermark, &missed);

    if (reject != TALLY_REJECT_NONE) {
        tally_count_feed_reject(registry, effects, at, reject);
        return;
    }
    if (missed) {
        trace_gap(at, 0, effects);
    }
    trace_coverage(registry, now, at, effects);
    if (watermark->flush_id != 0) {
        tally_answer_flushed(registry, now, at, watermark->flush_id, effects);
    }
}

static void take_open_leg(struct tally_registry *registry, struct tally_now now, uint8_t at,
                          const struct tally_event *event, struct tally_effects *effects)
{
    struct tally_feed *feed = &registry->feeds[at];

    if (!feed->is_greeted) {
        tally_count_feed_reject(registry, effects, at, TALLY_REJECT_STATE);
        return;
    }
    tally_feed_leg(feed);
    if (!is_instant_sound(feed, now, event->at)) {
        tally_feed_loss(feed, now);
        tally_count_feed_reject(registry, effects, at, TALLY_REJECT_VALUE);
        return;
    }
    tally_originate_setup(registry, now, at, event, TALLY_LATE, effects);
}

static void step_feed(struct tally_registry *registry, struct tally_now now, uint8_t at,
                      const struct tally_feed_record *record, struct tally_effects *effects)
{
    enum tally_reject reject = TALLY_REJECT_NONE;

    TALLY_ASSERT(at < registry->config.feed_count);
    switch (record->type) {
    case TALLY_FEED_HELLO:
        reject = tally_feed_hello(&registry->feeds[at], now, &record->hello);
        if (reject != TALLY_REJECT_NONE) {
            tally_count_feed_reject(registry, effects, at, reject);
            return;
        }
        tally_effect_trace(effects, TALLY_TRACE_FEED_HELLO, TALLY_PEER_NOBODY, at,
                           TALLY_REJECT_NONE, 0);
        return;
    case TALLY_FEED_EVENT:
        take_event(registry, now, at, &record->event, effects);
        return;
    case TALLY_FEED_WATERMARK:
        take_watermark(registry, now, at, &record->watermark, effects);
        return;
    case TALLY_FEED_GAP:
        take_gap(registry, now, at, &record->gap, effects);
        return;
    case TALLY_FEED_OPEN_LEG:
        take_open_leg(registry, now, at, &record->event.event, effects);
        return;
    case TALLY_FEED_OPEN_LEGS_END:
        reject = tally_feed_legs_end(&registry->feeds[at], now, &record->legs_end);
        if (reject != TALLY_REJECT_NONE) {
            tally_count_feed_reject(registry, effects, at, reject);
        }
        return;
    case TALLY_FEED_NONE:
    case TALLY_FEED_PING:
    case TALLY_FEED_ACK:
    case TALLY_FEED_VERDICT:
    case TALLY_FEED_FLUSH:
        tally_count_feed_reject(registry, effects, at, TALLY_REJECT_TYPE);
        return;
    }
}

/* Peers. */

static void take_probe(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                       const struct tally_probe *probe, struct tally_effects *effects)
{
    struct tally_peer *peer = &registry->peers.list[slot];
    enum tally_reject reject = TALLY_REJECT_NONE;

    if (!probe->is_reply) {
        tally_effect_send(effects, slot, TALLY_RECORD_PROBE)->probe =
            (struct tally_probe){.probe_id = probe->probe_id,
                                 .is_reply = true,
                                 .t1 = probe->t1,
                                 .t2 = now.wall,
                                 .t3 = now.wall};
        return;
    }
    reject = tally_peer_measure(peer, now, probe);
    if (reject != TALLY_REJECT_NONE) {
        tally_count_peer_reject(registry, effects, slot, reject);
        return;
    }
    tally_effect_trace(effects, TALLY_TRACE_PEER_CLOCK, slot, 0, TALLY_REJECT_NONE,
                       peer->offset_us);
}

static void step_peer(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                      struct tally_wall sealed_at, const struct tally_record *record,
                      struct tally_effects *effects)
{
    TALLY_ASSERT(slot < registry->peers.peer_count);
    if (registry->peers.list[slot].op == TALLY_CDB_NOBODY) {
        tally_count_peer_reject(registry, effects, slot, TALLY_REJECT_KEY);
        return;
    }
    switch (record->type) {
    case TALLY_RECORD_ANNOUNCE:
        tally_terminate_announce(registry, now, slot, &record->announce, effects);
        return;
    case TALLY_RECORD_QUERY:
        tally_answer_query(registry, now, slot, sealed_at, &record->query, effects);
        return;
    case TALLY_RECORD_ANSWER:
        tally_terminate_answer(registry, now, slot, &record->answer, effects);
        return;
    case TALLY_RECORD_REPORT:
        tally_originate_report(registry, now, slot, &record->report, effects);
        return;
    case TALLY_RECORD_PROBE:
        take_probe(registry, now, slot, &record->probe, effects);
        return;
    case TALLY_RECORD_NONE:
    case TALLY_RECORD_TYPE_COUNT:
        tally_count_peer_reject(registry, effects, slot, TALLY_REJECT_TYPE);
        return;
    }
}

static void probe_peer(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                       struct tally_effects *effects)
{
    struct tally_peer *peer = &registry->peers.list[slot];
    bool is_settled = peer->samples[TALLY_PEER_SAMPLES - 1].rtt_us > 0;

    if (!peer->is_up) {
        return;
    }
    tally_effect_send(effects, slot, TALLY_RECORD_PROBE)->probe = tally_peer_probe(peer, now);
    tally_wheel_set(&registry->wheel, tally_timer_of_peer(registry, slot),
                    tally_mono_after(now.mono, is_settled ? TALLY_PEER_PROBE_EVERY_US
                                                          : TALLY_PEER_PROBE_FIRST_US));
}

static void step_link(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                      bool is_up, struct tally_effects *effects)
{
    struct tally_peer *peer = &registry->peers.list[slot];

    TALLY_ASSERT(slot < registry->peers.peer_count);
    if (peer->op == TALLY_CDB_NOBODY || peer->is_up == is_up) {
        return;
    }
    peer->is_up = is_up;
    tally_peer_forget_clock(peer); /* it may have been set while nobody looked */
    tally_effect_trace(effects, is_up ? TALLY_TRACE_PEER_UP : TALLY_TRACE_PEER_DOWN, slot, 0,
                       TALLY_REJECT_NONE, 0);
    probe_peer(registry, now, slot, effects);
}

static void restart_feed(struct tally_registry *registry, struct tally_now now, uint8_t at,
                         struct tally_effects *effects)
{
    if (registry->feeds[at].is_greeted) {
        tally_feed_restart(&registry->feeds[at], now);
        trace_gap(at, 0, effects);
    }
}

/* As long as no number was known to be ours, arrivals of a feed of both sides were not told apart.
 */
static void restart_sides(struct tally_registry *registry, struct tally_now now,
                          struct tally_effects *effects)
{
    for (uint8_t at = 0; at < registry->config.feed_count; at++) {
        if (registry->feeds[at].config.side == TALLY_SIDE_BOTH) {
            restart_feed(registry, now, at, effects);
        }
    }
}

static void step_cdb(struct tally_registry *registry, struct tally_now now,
                     const struct tally_cdb_index *cdb, struct tally_effects *effects)
{
    uint32_t left_out_count = 0;
    uint32_t former_self_op = registry->self_op;

    TALLY_ASSERT(cdb != NULL);
    if (registry->cdb != NULL && registry->cdb != cdb) {
        tally_effect_add(effects, TALLY_EFFECT_RELEASE_CDB)->cdb = registry->cdb;
    }
    registry->cdb = cdb;
    registry->self_op = tally_cdb_operator_find(cdb, registry->config.operator_id);
    if (former_self_op == TALLY_CDB_NOBODY && registry->self_op != TALLY_CDB_NOBODY) {
        restart_sides(registry, now, effects);
    }
    left_out_count = tally_peers_renew(&registry->peers, cdb, registry->config.operator_id);
    if (left_out_count > 0) {
        registry->counters.table_full_count++;
        tally_effect_trace(effects, TALLY_TRACE_TABLE_FULL, TALLY_PEER_NOBODY, 0, TALLY_REJECT_FULL,
                           left_out_count);
    }
    tally_effect_trace(effects, TALLY_TRACE_CDB_CHANGED, TALLY_PEER_NOBODY, 0, TALLY_REJECT_NONE,
                       (int64_t)tally_cdb_log_size(cdb));
}

/* Time. */

/*
 * Somebody has set our wall clock: instants that were noted before cannot be compared with later
 * ones, nor peers' with ours until they are measured again. Nothing is denied meanwhile.
 */
static void notice_clock_step(struct tally_registry *registry, struct tally_now now,
                              struct tally_effects *effects)
{
    int64_t ahead_us = now.wall.us - now.mono.us;
    int64_t step_us = ahead_us - registry->wall_ahead_us;

    registry->wall_ahead_us = ahead_us;
    if (step_us >= -CLOCK_STEP_MIN_US && step_us <= CLOCK_STEP_MIN_US) {
        return;
    }
    for (uint8_t at = 0; at < registry->config.feed_count; at++) {
        restart_feed(registry, now, at, effects);
    }
    for (uint32_t slot = 0; slot < registry->peers.peer_count; slot++) {
        tally_peer_forget_clock(&registry->peers.list[slot]);
        if (registry->peers.list[slot].is_up) {
            tally_wheel_set(&registry->wheel, tally_timer_of_peer(registry, slot), now.mono);
        }
    }
}

static void expire(struct tally_registry *registry, struct tally_now now, uint32_t timer,
                   struct tally_effects *effects)
{
    uint32_t call_max = registry->config.call_max;
    uint32_t inquiry_max = registry->config.inquiry_max;

    if (timer < call_max) {
        if (registry->calls.list[timer].kind == TALLY_CALL_ORIGINATION) {
            tally_originate_expire(registry, now, timer);
            return;
        }
        tally_terminate_expire(registry, now, timer, effects);
        return;
    }
    timer -= call_max;
    if (timer < inquiry_max) {
        tally_terminate_deadline(registry, now, timer, effects);
        return;
    }
    timer -= inquiry_max;
    if (timer < inquiry_max) {
        tally_answer_deadline(registry, now, timer, effects);
        return;
    }
    probe_peer(registry, now, timer - inquiry_max, effects);
}

static void step_tick(struct tally_registry *registry, struct tally_now now,
                      struct tally_effects *effects)
{
    bool has_more = true;

    for (unsigned done = 0;
         has_more && done < TICK_EXPIRIES_MAX && effects->count + EFFECTS_SPARE < TALLY_EFFECTS_MAX;
         done++) {
        uint32_t timer = tally_wheel_expire_one(&registry->wheel, now.mono, &has_more);

        if (timer != TALLY_WHEEL_NOBODY) {
            expire(registry, now, timer, effects);
        }
    }
    registry->is_more_due = has_more;
}

void tally_registry_step(struct tally_registry *registry, struct tally_now now,
                         const struct tally_input *input, struct tally_effects *effects)
{
    notice_clock_step(registry, now, effects);
    switch (input->type) {
    case TALLY_INPUT_TICK:
        step_tick(registry, now, effects);
        return;
    case TALLY_INPUT_FEED:
        step_feed(registry, now, input->feed.feed, &input->feed.record, effects);
        return;
    case TALLY_INPUT_FEED_DOWN:
        TALLY_ASSERT(input->feed_down < registry->config.feed_count);
        if (registry->feeds[input->feed_down].is_up) {
            tally_feed_down(&registry->feeds[input->feed_down]);
            trace_gap(input->feed_down, 0, effects);
        }
        return;
    case TALLY_INPUT_PEER:
        step_peer(registry, now, input->peer.peer, input->peer.sealed_at, &input->peer.record,
                  effects);
        return;
    case TALLY_INPUT_LINK_UP:
        step_link(registry, now, input->link, true, effects);
        return;
    case TALLY_INPUT_LINK_DOWN:
        step_link(registry, now, input->link, false, effects);
        return;
    case TALLY_INPUT_CDB:
        step_cdb(registry, now, input->cdb, effects);
        return;
    case TALLY_INPUT_STANDING:
        TALLY_ASSERT(input->standing.peer < registry->peers.peer_count);
        registry->peers.list[input->standing.peer].strict_since = input->standing.strict_since;
        return;
    case TALLY_INPUT_POLICY:
        registry->policy = input->policy;
        return;
    }
}

struct tally_mono tally_registry_next_due(const struct tally_registry *registry)
{
    if (registry->is_more_due) {
        return (struct tally_mono){INT64_MIN};
    }
    return tally_wheel_next_due(&registry->wheel);
}
