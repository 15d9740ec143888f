/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our subscribers' calls: kept as credits and as open legs, announced to B's operator, and settled
 * by what B's operator reports.
 *
 * Everything is kept, since what is not remembered would be denied; but only numbers that the
 * participant database entitles us to are announced and found.
 */
#include "base/assert.h"
#include "core/state.h"
#include "tally/e164.h"

static int64_t age_of(struct tally_now now, struct tally_wall at)
{
    int64_t age_us = tally_wall_since_us(now.wall, at);

    return age_us > 0 ? age_us : 0;
}

/* When the record is of no more use: no longer matched, and its leg no longer open. */
static struct tally_mono useless_at(const struct tally_registry *registry, struct tally_now now,
                                    const struct tally_call *call, struct tally_mono open_until)
{
    struct tally_mono unmatched =
        tally_mono_after(now.mono, registry->config.match_window_us + TALLY_QUERY_AGE_MAX_US +
                                       TALLY_SETTLE_US - age_of(now, call->renewed_at));

    return unmatched.us > open_until.us ? unmatched : open_until;
}

static uint64_t token_of(const struct tally_registry *registry, uint64_t record_id)
{
    uint64_t token = tally_hash_u64(&registry->config.token_key, record_id);

    return token != 0 ? token : 1;
}

/* A call of ours that we do not remember must never be denied: knowledge begins anew. */
static void forget(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                   struct tally_effects *effects)
{
    tally_feed_loss(&registry->feeds[feed], now);
    tally_effect_trace(effects, TALLY_TRACE_FEED_GAP, TALLY_PEER_NOBODY, feed, TALLY_REJECT_NONE,
                       1);
}

static uint32_t keep(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                     const struct tally_event *event, uint64_t a_number,
                     struct tally_effects *effects)
{
    struct tally_mono open_until =
        tally_mono_after(now.mono, registry->config.open_leg_us - age_of(now, event->at));
    struct tally_call call = {.kind = TALLY_CALL_ORIGINATION,
                              .a_number = a_number,
                              .b_number = event->b_number,
                              .leg_key = event->leg_key,
                              .call_ref = event->call_ref,
                              .at = event->at,
                              .renewed_at = event->at,
                              .peer = TALLY_PEER_NOBODY,
                              .inquiry = TALLY_SLOT_NOBODY,
                              .feed = feed,
                              .open_until_s = tally_calls_second(&registry->calls, open_until)};
    uint32_t slot = TALLY_CALL_NOBODY;

    if (event->ingress_class == TALLY_TRUNK_INTERCONNECT) {
        call.flags = TALLY_CALL_TRANSIT;
    }
    slot = tally_calls_add(&registry->calls, &call);
    if (slot == TALLY_CALL_NOBODY) {
        registry->counters.table_full_count++;
        tally_effect_trace(effects, TALLY_TRACE_TABLE_FULL, TALLY_PEER_NOBODY, feed,
                           TALLY_REJECT_FULL, 0);
        forget(registry, now, feed, effects);
        return TALLY_CALL_NOBODY;
    }
    tally_wheel_set(&registry->wheel, slot, useless_at(registry, now, &call, open_until));
    return slot;
}

/* A window after the last attempt a known leg key, with the same numbers, is another call. */
static bool is_attempt_of(const struct tally_registry *registry, const struct tally_call *call,
                          const struct tally_event *event)
{
    int64_t window_us = registry->config.match_window_us;

    return call->b_number == event->b_number &&
           (call->a_number == event->a_network || call->a_number == event->a_presented) &&
           tally_wall_since_us(event->at, call->renewed_at) <= window_us &&
           tally_wall_since_us(call->at, event->at) <= window_us;
}

/* Another attempt on a leg that we know refreshes its credit instead of adding one. */
static bool renew(struct tally_registry *registry, struct tally_now now,
                  const struct tally_event *event)
{
    struct tally_mono open_until =
        tally_mono_after(now.mono, registry->config.open_leg_us - age_of(now, event->at));
    uint32_t slot = tally_calls_by_leg(&registry->calls, TALLY_CALL_ORIGINATION, 0, event->leg_key);
    bool is_known = false;

    for (; slot != TALLY_CALL_NOBODY; slot = tally_calls_next_leg(&registry->calls, slot)) {
        struct tally_call *call = &registry->calls.list[slot];

        if (!is_attempt_of(registry, call, event)) {
            continue;
        }
        is_known = true;
        if (event->at.us > call->renewed_at.us) {
            call->renewed_at = event->at;
            call->open_until_s = tally_calls_second(&registry->calls, open_until);
            tally_wheel_set(&registry->wheel, slot, useless_at(registry, now, call, open_until));
        }
    }
    return is_known;
}

static void announce(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                     const struct tally_event *event, struct tally_effects *effects)
{
    const struct tally_cdb_entry *entry = NULL;
    uint64_t record_id = tally_calls_id(&registry->calls, slot);
    uint32_t peer = TALLY_PEER_NOBODY;

    /* A short code may look like the head of somebody's range. */
    if (!tally_e164_is_plausible(event->b_number) ||
        tally_lookup(registry, event->b_number, now, &entry) != TALLY_CDB_HELD) {
        return;
    }
    peer = tally_peers_by_op(&registry->peers, entry->range.holder);
    if (peer == TALLY_PEER_NOBODY) {
        return;
    }
    registry->calls.list[slot].peer = peer;
    registry->peers.list[peer].status.announce_out_count++;
    tally_effect_send(effects, peer, TALLY_RECORD_ANNOUNCE)->announce =
        (struct tally_announce){.record_id = record_id,
                                .at = event->at,
                                .a_network = event->a_network,
                                .a_presented = event->a_presented,
                                .b_number = event->b_number,
                                .flags = event->flags,
                                .kind = TALLY_LEG_DIRECT,
                                .token = token_of(registry, record_id),
                                .original_called = event->original_called,
                                .redirecting = event->redirecting};
}

/*
 * Both numbers of the call are kept: on its way one of them may be lost, and the other must not be
 * denied then. What came in by an interconnect is somebody else's call in transit: never announced
 * and never found, but A has an open leg as long as it lasts. It is kept whoever holds the number,
 * since the participant database may say tomorrow that we do.
 */
void tally_originate_setup(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                           const struct tally_event *event, enum tally_timing timing,
                           struct tally_effects *effects)
{
    uint64_t displayed = tally_event_displayed(event);
    bool is_transit = event->ingress_class == TALLY_TRUNK_INTERCONNECT;
    uint32_t slot = TALLY_CALL_NOBODY;

    if (displayed == 0) {
        /* One of our subscribers is calling, and we cannot tell who. */
        if (!is_transit) {
            forget(registry, now, feed, effects);
        }
        return;
    }
    if (renew(registry, now, event)) {
        return;
    }
    slot = keep(registry, now, feed, event, displayed, effects);
    if (event->a_network != 0 && event->a_network != displayed) {
        (void)keep(registry, now, feed, event, event->a_network, effects);
    }
    /* The handshake must not vouch for a number that is not ours to use. */
    if (slot != TALLY_CALL_NOBODY && timing == TALLY_TIMELY && !is_transit &&
        tally_is_entitled_self(registry, displayed, now)) {
        announce(registry, now, slot, event, effects);
    }
}

void tally_originate_release(struct tally_registry *registry, struct tally_now now,
                             const struct tally_event *event)
{
    struct tally_mono open_until = tally_mono_after(now.mono, registry->config.release_tail_us);
    uint32_t until_s = tally_calls_second(&registry->calls, open_until);
    uint32_t slot = tally_calls_by_leg(&registry->calls, TALLY_CALL_ORIGINATION, 0, event->leg_key);

    for (; slot != TALLY_CALL_NOBODY; slot = tally_calls_next_leg(&registry->calls, slot)) {
        struct tally_call *call = &registry->calls.list[slot];

        if (until_s < call->open_until_s) {
            call->open_until_s = until_s;
            tally_wheel_set(&registry->wheel, slot, useless_at(registry, now, call, open_until));
        }
    }
}

bool tally_originate_has_open_leg(const struct tally_registry *registry, struct tally_now now,
                                  uint64_t a_number)
{
    uint32_t now_s =
        (uint32_t)(tally_mono_since_us(now.mono, registry->calls.start) / TALLY_US_PER_S);
    uint32_t slot = tally_calls_first_number(&registry->calls, TALLY_CALL_ORIGINATION, a_number);

    for (unsigned seen = 0; slot != TALLY_CALL_NOBODY; seen++) {
        if (seen == TALLY_CALL_SCAN_MAX || registry->calls.list[slot].open_until_s > now_s) {
            return true;
        }
        slot = tally_calls_next_number(&registry->calls, slot);
    }
    return false;
}

uint32_t tally_originate_find(const struct tally_registry *registry, uint64_t a_number,
                              uint64_t b_number, struct tally_wall at, int64_t early_us)
{
    uint32_t slot =
        tally_calls_first_pair(&registry->calls, TALLY_CALL_ORIGINATION, a_number, b_number);
    uint32_t best = TALLY_CALL_NOBODY;
    int64_t best_us = 0;
    bool is_best_spent = true;

    for (unsigned seen = 0; slot != TALLY_CALL_NOBODY && seen < TALLY_CALL_SCAN_MAX; seen++) {
        const struct tally_call *call = &registry->calls.list[slot];
        int64_t apart_us = tally_wall_since_us(at, call->at);
        int64_t bound_us = early_us + (int64_t)registry->feeds[call->feed].clock_bound_us;
        bool is_spent = (call->flags & TALLY_CALL_SPENT) != 0;

        if ((call->flags & TALLY_CALL_TRANSIT) == 0 && apart_us >= -bound_us &&
            tally_wall_since_us(at, call->renewed_at) <= registry->config.match_window_us) {
            int64_t distance_us = apart_us >= 0 ? apart_us : -apart_us;

            if (best == TALLY_CALL_NOBODY || is_spent < is_best_spent ||
                (is_spent == is_best_spent && distance_us < best_us)) {
                best = slot;
                best_us = distance_us;
                is_best_spent = is_spent;
            }
        }
        slot = tally_calls_next_pair(&registry->calls, slot);
    }
    return best;
}

static enum tally_outcome outcome_of(const struct tally_report *report)
{
    switch (report->kind) {
    case TALLY_REPORT_ARRIVED:
        return TALLY_OUTCOME_DELIVERED;
    case TALLY_REPORT_ANOTHER_CLI:
        return TALLY_OUTCOME_DELIVERED_ALTERED;
    case TALLY_REPORT_REJECTED:
        return TALLY_OUTCOME_REFUSED;
    case TALLY_REPORT_NO_CALL_TO_B:
        return TALLY_OUTCOME_NOT_DELIVERED;
    case TALLY_REPORT_NONE:
    case TALLY_REPORT_RINGING:
    case TALLY_REPORT_ANSWERED:
    case TALLY_REPORT_FORWARDED:
    case TALLY_REPORT_RELEASED:
    case TALLY_REPORT_KIND_COUNT:
        break;
    }
    return TALLY_OUTCOME_INDETERMINATE;
}

/* Only B's operator can say what became of the call. */
static bool may_report(const struct tally_registry *registry, struct tally_now now, uint32_t peer,
                       const struct tally_call *call)
{
    const struct tally_cdb_entry *entry = NULL;

    return tally_lookup(registry, call->b_number, now, &entry) == TALLY_CDB_HELD &&
           tally_peers_by_op(&registry->peers, entry->range.holder) == peer;
}

/* Of the same call: its leg key may have been used again. */
static bool is_twin(const struct tally_call *one, const struct tally_call *other)
{
    return one->b_number == other->b_number && one->at.us == other->at.us;
}

/* Of the two records of a call with two numbers, the one that was announced. */
static const struct tally_call *announced_of(const struct tally_registry *registry,
                                             const struct tally_call *call)
{
    uint32_t slot = tally_calls_by_leg(&registry->calls, TALLY_CALL_ORIGINATION, 0, call->leg_key);

    for (; slot != TALLY_CALL_NOBODY; slot = tally_calls_next_leg(&registry->calls, slot)) {
        if (registry->calls.list[slot].peer != TALLY_PEER_NOBODY &&
            is_twin(&registry->calls.list[slot], call)) {
            return &registry->calls.list[slot];
        }
    }
    return call;
}

/* The two records of a call with two numbers are one credit. */
static void flag_leg(struct tally_registry *registry, const struct tally_call *call, uint8_t flag)
{
    uint32_t slot = tally_calls_by_leg(&registry->calls, TALLY_CALL_ORIGINATION, 0, call->leg_key);

    for (; slot != TALLY_CALL_NOBODY; slot = tally_calls_next_leg(&registry->calls, slot)) {
        if (is_twin(&registry->calls.list[slot], call)) {
            registry->calls.list[slot].flags |= flag;
        }
    }
}

void tally_originate_report(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                            const struct tally_report *report, struct tally_effects *effects)
{
    uint32_t slot = tally_calls_by_id(&registry->calls, report->record_id);
    struct tally_call *call = NULL;
    struct tally_effect *effect = NULL;
    enum tally_outcome outcome = outcome_of(report);

    if (slot == TALLY_CALL_NOBODY || registry->calls.list[slot].kind != TALLY_CALL_ORIGINATION) {
        tally_count_peer_reject(registry, effects, peer, TALLY_REJECT_STALE);
        return;
    }
    if (report->at.us > TALLY_WALL_MAX_US) {
        tally_count_peer_reject(registry, effects, peer, TALLY_REJECT_VALUE);
        return;
    }
    call = &registry->calls.list[slot];
    if (!may_report(registry, now, peer, call)) {
        tally_count_peer_reject(registry, effects, peer, TALLY_REJECT_NOT_YOURS);
        return;
    }
    if (report->kind == TALLY_REPORT_ARRIVED || report->kind == TALLY_REPORT_REJECTED) {
        flag_leg(registry, call, TALLY_CALL_SPENT);
    }
    if (outcome == TALLY_OUTCOME_INDETERMINATE || (call->flags & TALLY_CALL_SETTLED) != 0) {
        return;
    }
    flag_leg(registry, call, TALLY_CALL_SETTLED);
    registry->counters.outcome_count[outcome]++;
    effect = tally_effect_add(effects, TALLY_EFFECT_OUTCOME);
    effect->outcome = (struct tally_outcome_notice){
        .id = report->record_id,
        .feed = call->feed,
        .peer = peer,
        .a_number = announced_of(registry, call)->a_number,
        .b_number = call->b_number,
        .outcome = outcome,
        .their_verdict = report->verdict,
        .their_action = report->action,
        .at = tally_peer_instant(&registry->peers.list[peer], report->at)};
}

void tally_originate_expire(struct tally_registry *registry, struct tally_now now, uint32_t slot)
{
    const struct tally_call *call = &registry->calls.list[slot];

    (void)now;
    TALLY_ASSERT(call->kind == TALLY_CALL_ORIGINATION);
    if ((call->flags & TALLY_CALL_SETTLED) == 0 && call->peer != TALLY_PEER_NOBODY) {
        registry->counters.outcome_count[TALLY_OUTCOME_INDETERMINATE]++;
    }
    tally_calls_remove(&registry->calls, slot);
}
