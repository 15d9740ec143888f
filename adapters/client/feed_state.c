/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/client/feed_state.h"

#include "base/assert.h"

#include <string.h>

/* A wall clock that moves against the monotonic one by more was set, not slewed. */
#define CLOCK_STEP_MIN_US (1 * TALLY_US_PER_S)

TALLY_STATIC_ASSERT((int)TALLY_ADAPTER_RECORD == (int)TALLY_FEED_RECORD, "the classes agree");
TALLY_STATIC_ASSERT((int)TALLY_ADAPTER_BEST_EFFORT == (int)TALLY_FEED_BEST_EFFORT, "they agree");
TALLY_STATIC_ASSERT((int)TALLY_ADAPTER_ORDERED == (int)TALLY_FEED_ORDERED, "the classes agree");
TALLY_STATIC_ASSERT((int)TALLY_ADAPTER_CAUSAL == (int)TALLY_FEED_CAUSAL, "the classes agree");

void tally_feed_state_init(struct tally_feed_state *state, struct tally_now now,
                           const struct tally_feed_state_config *config)
{
    TALLY_ASSERT(config->boot_id != 0);
    TALLY_ASSERT(config->pending_count >= 2);
    TALLY_ASSERT((config->pending_count & (config->pending_count - 1)) == 0);
    TALLY_ASSERT(config->leg_count > 0);
    memset(state, 0, sizeof(*state));
    state->config = *config;
    state->next_seq = 1;
    state->ack_head = 1;
    state->seq_floor = 1;
    state->leg_since = now.wall;
    state->wall_ahead_us = now.wall.us - now.mono.us;
    state->pinged_wall = now.wall;
}

static struct tally_feed_pending *pending_of(struct tally_feed_state *state, uint64_t seq)
{
    return &state->config.pendings[seq & (state->config.pending_count - 1)];
}

void tally_feed_state_gap(struct tally_feed_state *state, struct tally_wall from,
                          struct tally_wall to, uint32_t lost_count)
{
    if (to.us < from.us) {
        to = from;
    }
    if (!state->has_gap) {
        state->has_gap = true;
        state->gap_from = from;
        state->gap_to = to;
        state->gap_lost_count = lost_count;
        return;
    }
    if (from.us < state->gap_from.us) {
        state->gap_from = from;
    }
    if (to.us > state->gap_to.us) {
        state->gap_to = to;
    }
    state->gap_lost_count = lost_count > UINT32_MAX - state->gap_lost_count
                                ? UINT32_MAX
                                : state->gap_lost_count + lost_count;
}

void tally_feed_state_lost(struct tally_feed_state *state, struct tally_wall from,
                           struct tally_wall to, uint32_t lost_count)
{
    struct tally_wall known_from = tally_wall_after(from.us > to.us ? from : to, 1);

    if (known_from.us > state->leg_since.us) {
        state->leg_since = known_from;
    }
    tally_feed_state_gap(state, from, to, lost_count);
}

/*
 * From here on events are refused. What was sent since the last PING may never have arrived; if the
 * HELLO itself did not leave, nothing was sent since the last time.
 */
static void go_down(struct tally_feed_state *state, struct tally_now now)
{
    if (state->link == TALLY_FEED_LINK_UP && !state->has_hello_given) {
        tally_feed_state_gap(state, state->pinged_wall, now.wall, 0);
        if (!state->owes_up) {
            state->owes_down = true;
            state->counters.downs++;
        }
    }
    state->link = TALLY_FEED_LINK_GONE;
    state->has_hello_given = false;
    state->owes_up = false;
    state->flush_count = 0;
    state->is_telling_legs = false;
}

/* Originations are remembered whether or not the registry learnt of them: the calls went on. */
static void remember_leg(struct tally_feed_state *state, const struct tally_event *event)
{
    uint32_t count = state->config.leg_count;

    if (event->kind != TALLY_EVENT_SETUP || event->side == TALLY_SIDE_TERMINATING) {
        return;
    }
    if (state->leg_end - state->leg_oldest == count) {
        struct tally_wall evicted = state->config.legs[state->leg_oldest % count].at;

        if (evicted.us >= state->leg_since.us) {
            state->leg_since = tally_wall_after(evicted, 1);
        }
        state->leg_oldest++;
        state->counters.legs_moved++;
    }
    state->config.legs[state->leg_end++ % count] = *event;
}

/*
 * The wall clock was set: how old the legs are cannot be told any more, so nothing is claimed of
 * the time before. Nor did the watermarks mean this clock, and they start anew.
 */
static void notice_clock_step(struct tally_feed_state *state, struct tally_now now)
{
    int64_t ahead_us = now.wall.us - now.mono.us;
    int64_t step_us = ahead_us - state->wall_ahead_us;

    state->wall_ahead_us = ahead_us;
    if (step_us >= -CLOCK_STEP_MIN_US && step_us <= CLOCK_STEP_MIN_US) {
        return;
    }
    state->leg_since = now.wall;
    state->watermark_at.us = 0;
    state->has_drained = false;
    tally_feed_state_gap(state, now.wall, now.wall, 0);
}

/* Legs beyond open_leg_us are over, as far as anybody counts. */
static void forget_old_legs(struct tally_feed_state *state, struct tally_wall now)
{
    struct tally_wall limit = tally_wall_after(now, -state->config.open_leg_us);

    while (state->leg_oldest < state->leg_end &&
           state->config.legs[state->leg_oldest % state->config.leg_count].at.us < limit.us) {
        /* Nobody needs its numbers any more. */
        memset(&state->config.legs[state->leg_oldest % state->config.leg_count], 0,
               sizeof(state->config.legs[0]));
        state->leg_oldest++;
    }
    if (state->leg_since.us < limit.us) {
        state->leg_since = limit;
    }
}

enum tally_err tally_feed_state_event(struct tally_feed_state *state, struct tally_now now,
                                      const struct tally_event *event, uint64_t cookie,
                                      struct tally_feed_record *record)
{
    struct tally_feed_pending *pending;

    notice_clock_step(state, now);
    forget_old_legs(state, now.wall);
    remember_leg(state, event);
    if (state->link != TALLY_FEED_LINK_UP) {
        state->counters.gone++;
        tally_feed_state_gap(state, event->at, now.wall, 1);
        return TALLY_ERR_AGAIN;
    }
    if (state->next_seq - state->ack_head >= state->config.pending_count) {
        state->counters.full++;
        tally_feed_state_gap(state, event->at, now.wall, 1);
        return TALLY_ERR_FULL;
    }
    if (event->at.us <= state->watermark_at.us) {
        /* The wall clock was set back: a watermark has promised that this could not happen. */
        tally_feed_state_gap(state, event->at, state->watermark_at, 0);
    }
    pending = pending_of(state, state->next_seq);
    *pending = (struct tally_feed_pending){
        .seq = state->next_seq,
        .cookie = cookie,
        .sent_at = now.mono,
        .at = event->at,
        .wait = TALLY_FEED_WAIT_ACK,
    };
    *record = (struct tally_feed_record){.type = TALLY_FEED_EVENT};
    record->event.seq = state->next_seq++;
    record->event.event = *event;
    state->counters.events++;
    return TALLY_ERR_OK;
}

void tally_feed_state_drained(struct tally_feed_state *state, struct tally_now at)
{
    state->has_drained = true;
    state->drained_at = at;
}

static void make_hello(struct tally_feed_state *state, struct tally_now now,
                       struct tally_feed_record *record)
{
    record->type = TALLY_FEED_HELLO;
    record->hello = (struct tally_feed_hello){
        .version = TALLY_FEED_VERSION,
        .feed_class = (enum tally_feed_class)state->config.adapter_class,
        .boot_id = state->config.boot_id,
        .next_seq = state->next_seq,
        .clock_bound_us = state->config.clock_bound_us,
    };
    state->link = TALLY_FEED_LINK_UP;
    state->has_hello_given = true;
    state->hello_at = now.mono;
    state->is_retelling_wanted = false;
    forget_old_legs(state, now.wall);
    state->is_telling_legs = true;
    state->leg_next = state->leg_oldest;
    state->legs_told = 0;
}

static void make_gap(struct tally_feed_state *state, struct tally_feed_record *record)
{
    record->type = TALLY_FEED_GAP;
    record->gap = (struct tally_feed_gap){
        .seq = state->next_seq++,
        .from = state->gap_from,
        .to = state->gap_to,
        .lost_count = state->gap_lost_count,
    };
    state->gap_given = record->gap;
    state->has_gap_given = true;
    state->has_gap = false;
    /* What comes before the snapshot is mended by it. */
    state->is_retelling_wanted |= !state->is_telling_legs || state->legs_told > 0;
}

static bool is_retelling_due(const struct tally_feed_state *state, struct tally_now now)
{
    int64_t leg_count = (int64_t)(state->leg_end - state->leg_oldest);

    return state->is_retelling_wanted && !state->is_telling_legs &&
           tally_mono_since_us(now.mono, state->hello_at) >=
               TALLY_FEED_STATE_RETELL_US + leg_count * TALLY_FEED_STATE_RETELL_LEG_US;
}

/* The oldest FLUSH is answered once a drain began after it was asked. */
static bool is_flush_ready(const struct tally_feed_state *state)
{
    return state->flush_count > 0 &&
           state->drained_at.mono.us >= state->flushes[state->flush_oldest].asked_at.us;
}

static uint64_t take_flush(struct tally_feed_state *state)
{
    uint64_t id = state->flushes[state->flush_oldest].id;

    state->flush_oldest = (state->flush_oldest + 1) % TALLY_FEED_STATE_FLUSHES_MAX;
    state->flush_count--;
    return id;
}

static bool is_watermark_due(const struct tally_feed_state *state, struct tally_now now)
{
    return tally_mono_since_us(now.mono, state->watermark_sent) >= TALLY_FEED_STATE_WATERMARK_US &&
           state->drained_at.wall.us > state->watermark_at.us;
}

static void make_watermark(struct tally_feed_state *state, struct tally_now now,
                           struct tally_feed_record *record)
{
    record->type = TALLY_FEED_WATERMARK;
    record->watermark = (struct tally_feed_watermark){
        .seq = state->next_seq - 1,
        .at = state->drained_at.wall,
    };
    if (is_flush_ready(state)) {
        record->watermark.flush_id = take_flush(state);
        state->counters.flushes++;
    }
    state->watermark_sent = now.mono;
    state->watermark_at = state->drained_at.wall;
}

bool tally_feed_state_next(struct tally_feed_state *state, struct tally_now now,
                           struct tally_feed_record *record)
{
    *record = (struct tally_feed_record){.type = TALLY_FEED_NONE};
    notice_clock_step(state, now);
    if (state->link == TALLY_FEED_LINK_GONE) {
        return false;
    }
    if (state->link == TALLY_FEED_LINK_HEARD) {
        make_hello(state, now, record);
        return true;
    }
    if (state->has_gap) {
        make_gap(state, record);
        return true;
    }
    if (is_retelling_due(state, now)) {
        make_hello(state, now, record);
        state->has_hello_given = false; /* the registry was never away */
        state->counters.hellos++;
        return true;
    }
    if (state->has_drained && (is_flush_ready(state) || is_watermark_due(state, now))) {
        make_watermark(state, now, record);
        return true;
    }
    return false;
}

bool tally_feed_state_next_leg(struct tally_feed_state *state, struct tally_now now,
                               struct tally_feed_record *record)
{
    *record = (struct tally_feed_record){.type = TALLY_FEED_NONE};
    if (state->link != TALLY_FEED_LINK_UP || !state->is_telling_legs) {
        return false;
    }
    forget_old_legs(state, now.wall);
    if (state->leg_next < state->leg_oldest) {
        state->leg_next = state->leg_oldest;
    }
    /* Up to the newest: an event that could not be sent since HELLO is a leg like the others. */
    if (state->leg_next < state->leg_end) {
        record->type = TALLY_FEED_OPEN_LEG;
        record->event.event = state->config.legs[state->leg_next++ % state->config.leg_count];
        state->legs_told++;
        return true;
    }
    record->type = TALLY_FEED_OPEN_LEGS_END;
    record->legs_end = (struct tally_feed_legs_end){
        .since = state->leg_since,
        .leg_count = state->legs_told,
    };
    state->is_telling_legs = false;
    return true;
}

void tally_feed_state_sent(struct tally_feed_state *state)
{
    if (state->has_hello_given) {
        state->has_hello_given = false;
        state->owes_up = true;
        state->counters.hellos++;
    }
    if (state->has_gap_given) {
        state->has_gap_given = false;
        state->counters.gaps++;
    }
}

void tally_feed_state_unsent(struct tally_feed_state *state, struct tally_now now)
{
    if (state->has_gap_given) {
        tally_feed_state_gap(state, state->gap_given.from, state->gap_given.to,
                             state->gap_given.lost_count);
        state->has_gap_given = false;
    }
    go_down(state, now);
}

static void consume_ping(struct tally_feed_state *state, struct tally_now now,
                         const struct tally_feed_ping *ping)
{
    if (state->link == TALLY_FEED_LINK_UP && ping->daemon_boot != state->daemon_boot) {
        go_down(state, now);
    }
    if (state->link == TALLY_FEED_LINK_GONE) {
        state->link = TALLY_FEED_LINK_HEARD;
    }
    state->daemon_boot = ping->daemon_boot;
    state->pinged_at = now.mono;
    state->pinged_wall = now.wall;
}

/* NULL, and counted, when nobody waits for an answer to this event. */
static struct tally_feed_pending *answered(struct tally_feed_state *state, uint64_t seq)
{
    struct tally_feed_pending *pending = pending_of(state, seq);

    if (seq < state->seq_floor || seq >= state->next_seq || pending->seq != seq ||
        pending->wait == TALLY_FEED_WAIT_NOTHING) {
        state->counters.strays++;
        return NULL;
    }
    return pending;
}

static void consume_ack(struct tally_feed_state *state, const struct tally_feed_ack *ack,
                        struct tally_adapter_notice *notice)
{
    struct tally_feed_pending *pending = answered(state, ack->seq);

    if (pending == NULL) {
        return;
    }
    if (pending->wait == TALLY_FEED_WAIT_VERDICT) {
        state->counters.strays++;
        return;
    }
    if (pending->wait == TALLY_FEED_WAIT_ACK) {
        state->counters.acks++;
    } else {
        state->counters.late_acks++;
    }
    pending->wait = ack->due_us > 0 ? TALLY_FEED_WAIT_VERDICT : TALLY_FEED_WAIT_NOTHING;
    notice->type = TALLY_ADAPTER_NOTICE_ACK;
    notice->cookie = pending->cookie;
    notice->due_us = ack->due_us;
}

static void consume_verdict(struct tally_feed_state *state,
                            const struct tally_feed_verdict *verdict,
                            struct tally_adapter_notice *notice)
{
    struct tally_feed_pending *pending = answered(state, verdict->seq);

    if (pending == NULL) {
        return;
    }
    pending->wait = TALLY_FEED_WAIT_NOTHING;
    state->counters.verdicts++;
    *notice = (struct tally_adapter_notice){
        .type = TALLY_ADAPTER_NOTICE_VERDICT,
        .cookie = pending->cookie,
        .verdict_id = verdict->verdict_id,
        .verdict = verdict->verdict,
        .grade = verdict->grade,
        .action = verdict->action,
        .cause = verdict->cause,
        .marks = verdict->marks,
    };
}

/* When too many wait the oldest is dropped: its asker has given up long before. */
static void consume_flush(struct tally_feed_state *state, struct tally_now now,
                          const struct tally_feed_flush *flush)
{
    uint32_t at;

    if (state->link != TALLY_FEED_LINK_UP) {
        return;
    }
    if (state->flush_count == TALLY_FEED_STATE_FLUSHES_MAX) {
        (void)take_flush(state);
    }
    at = (state->flush_oldest + state->flush_count) % TALLY_FEED_STATE_FLUSHES_MAX;
    state->flushes[at].id = flush->flush_id;
    state->flushes[at].asked_at = now.mono;
    state->flush_count++;
}

void tally_feed_state_consume(struct tally_feed_state *state, struct tally_now now,
                              const struct tally_feed_record *record,
                              struct tally_adapter_notice *notice)
{
    *notice = (struct tally_adapter_notice){.type = TALLY_ADAPTER_NOTICE_NONE};
    switch (record->type) {
    case TALLY_FEED_PING:
        consume_ping(state, now, &record->ping);
        break;
    case TALLY_FEED_ACK:
        consume_ack(state, &record->ack, notice);
        break;
    case TALLY_FEED_VERDICT:
        consume_verdict(state, &record->verdict, notice);
        break;
    case TALLY_FEED_FLUSH:
        consume_flush(state, now, &record->flush);
        break;
    case TALLY_FEED_NONE:
    case TALLY_FEED_HELLO:
    case TALLY_FEED_EVENT:
    case TALLY_FEED_WATERMARK:
    case TALLY_FEED_GAP:
    case TALLY_FEED_OPEN_LEG:
    case TALLY_FEED_OPEN_LEGS_END:
        state->counters.rejects++;
        break;
    }
}

/* Only a causal feed holds the switch, so only there a missing ACK means that a call slipped by. */
static bool expire_pending(struct tally_feed_state *state, struct tally_now now,
                           struct tally_adapter_notice *notice)
{
    bool is_up = state->link == TALLY_FEED_LINK_UP;

    while (state->ack_head < state->next_seq) {
        struct tally_feed_pending *pending = pending_of(state, state->ack_head);
        bool is_waiting = pending->seq == state->ack_head && pending->wait == TALLY_FEED_WAIT_ACK;

        if (is_waiting && is_up &&
            !tally_mono_is_due(tally_mono_after(pending->sent_at, TALLY_FEED_ACK_WAIT_US),
                               now.mono)) {
            return false;
        }
        state->ack_head++;
        if (is_waiting && (!is_up || state->config.adapter_class == TALLY_ADAPTER_CAUSAL)) {
            pending->wait = TALLY_FEED_WAIT_LATE;
            state->counters.losts++;
            tally_feed_state_gap(state, pending->at, now.wall, 1);
            notice->type = TALLY_ADAPTER_NOTICE_LOST;
            notice->cookie = pending->cookie;
            return true;
        }
    }
    return false;
}

bool tally_feed_state_expire_one(struct tally_feed_state *state, struct tally_now now,
                                 struct tally_adapter_notice *notice)
{
    *notice = (struct tally_adapter_notice){.type = TALLY_ADAPTER_NOTICE_NONE};
    if (state->link != TALLY_FEED_LINK_GONE &&
        tally_mono_since_us(now.mono, state->pinged_at) >= TALLY_FEED_SILENT_AFTER_US) {
        go_down(state, now);
    }
    if (expire_pending(state, now, notice)) {
        return true;
    }
    if (state->owes_down) {
        state->owes_down = false;
        state->seq_floor = state->next_seq;
        notice->type = TALLY_ADAPTER_NOTICE_DOWN;
        return true;
    }
    if (state->owes_up) {
        state->owes_up = false;
        notice->type = TALLY_ADAPTER_NOTICE_UP;
        return true;
    }
    return false;
}

static struct tally_mono earlier(struct tally_mono a, struct tally_mono b)
{
    return a.us < b.us ? a : b;
}

struct tally_mono tally_feed_state_next_due(const struct tally_feed_state *state)
{
    static const struct tally_mono at_once = {INT64_MIN};
    struct tally_mono due = {TALLY_MONO_NEVER_US};
    uint32_t mask = state->config.pending_count - 1;

    if (state->owes_down || state->owes_up) {
        return at_once;
    }
    if (state->link == TALLY_FEED_LINK_GONE) {
        return due;
    }
    if (state->link == TALLY_FEED_LINK_HEARD || state->has_gap || state->is_telling_legs) {
        return at_once;
    }
    due = tally_mono_after(state->pinged_at, TALLY_FEED_SILENT_AFTER_US);
    due = earlier(due, tally_mono_after(state->watermark_sent, TALLY_FEED_STATE_WATERMARK_US));
    if (state->ack_head < state->next_seq) {
        due = earlier(due, tally_mono_after(state->config.pendings[state->ack_head & mask].sent_at,
                                            TALLY_FEED_ACK_WAIT_US));
    }
    return due;
}
