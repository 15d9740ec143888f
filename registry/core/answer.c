/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you place this call?" - what we answer, and when we may say no.
 *
 * The rule (docs/PROTOCOL.md, "When a registry may say NONE"). A "no" can block somebody's call. It
 * is said only when all of this is known:
 *   1. A is served by us: in our range, the range declares no porting, and it answers for calls;
 *   2. A does not call from abroad out of our sight: a fixed range;
 *   3. every required feed has told us everything up to now: each confirmed a FLUSH that was sent
 *      after the query came, and none has missed anything within the matching window; and the
 *      arrival's instant is known well enough to say that no record of ours is near it;
 *   4. A has no open leg, on which a call could have been forwarded out of our sight, and we know
 *      all legs that may be open. Without that, NONE_DIRECT.
 * Otherwise UNKNOWN, and the wire carries no reason. A query about numbers that are not the asker's
 * (B) or not ours (A) gets no answer at all: else anyone could learn who calls whom.
 */
#include "base/assert.h"
#include "core/state.h"

/* With a greater doubt about the clocks nothing is denied. */
#define CLOCK_DOUBT_MAX_US (150 * TALLY_US_PER_MS)

static void reply(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                  const struct tally_answer *answer, struct tally_effects *effects)
{
    if (peer == TALLY_PEER_SELF) {
        tally_terminate_answer(registry, now, TALLY_PEER_SELF, answer, effects);
        return;
    }
    tally_effect_send(effects, peer, TALLY_RECORD_ANSWER)->answer = *answer;
}

static uint64_t displayed(const struct tally_query *query)
{
    return query->a_presented != 0 ? query->a_presented : query->a_network;
}

/* Conditions 1 and 2: what the participant database lets us know of A at all. */
static bool may_ever_deny(const struct tally_registry *registry, struct tally_now now,
                          const struct tally_cdb_entry *entry)
{
    return entry->range.holder == registry->self_op && entry->range.is_no_porting &&
           entry->range.answers == TALLY_CDB_ANSWERS_CALLS &&
           entry->range.mobility == TALLY_CDB_FIXED &&
           tally_freshness_now(registry, now) != TALLY_FRESHNESS_UNUSABLE;
}

static struct tally_answer make(const struct tally_registry *registry,
                                const struct tally_query *query,
                                const struct tally_cdb_entry *entry, enum tally_answer_kind kind)
{
    return (struct tally_answer){.query_id = query->query_id,
                                 .kind = kind,
                                 .log_size = tally_cdb_log_size(registry->cdb),
                                 .entitled_hash = entry->entitled_hash};
}

/* The credit is spent when the asker reports the arrival, not by asking: an answer may be lost. */
static bool reply_if_found(struct tally_registry *registry, struct tally_now now,
                           const struct tally_pending *asked, const struct tally_cdb_entry *entry,
                           struct tally_effects *effects)
{
    uint32_t slot = tally_originate_find(registry, displayed(&asked->query), asked->query.b_number,
                                         asked->at, asked->early_us);
    struct tally_answer answer = make(registry, &asked->query, entry, TALLY_ANSWER_FOUND);
    const struct tally_call *call = NULL;

    if (slot == TALLY_CALL_NOBODY) {
        return false;
    }
    call = &registry->calls.list[slot];
    answer.is_spent = (call->flags & TALLY_CALL_SPENT) != 0;
    answer.which = TALLY_WHICH_PRESENTED;
    answer.record_id = tally_calls_id(&registry->calls, slot);
    answer.at = call->renewed_at.us <= asked->at.us + asked->early_us ? call->renewed_at : call->at;
    reply(registry, now, asked->peer, &answer, effects);
    return true;
}

static uint64_t flush_id_of(const struct tally_pending *pending, uint32_t slot)
{
    return (uint64_t)pending->generation << 32 | slot;
}

/* One peer's queries take no more than a quarter of the places. */
static bool is_peer_waiting_enough(const struct tally_registry *registry, uint32_t peer)
{
    return peer != TALLY_PEER_SELF &&
           registry->peers.list[peer].pending_count >= (registry->config.inquiry_max + 3) / 4;
}

static uint32_t pending_take(struct tally_registry *registry, uint32_t peer)
{
    uint32_t slot =
        is_peer_waiting_enough(registry, peer) ? TALLY_SLOT_NOBODY : registry->pending_free;

    if (slot != TALLY_SLOT_NOBODY) {
        registry->pending_free = registry->pendings[slot].next_free;
        registry->pendings[slot].is_used = true;
        registry->pending_count++;
        if (peer != TALLY_PEER_SELF) {
            registry->peers.list[peer].pending_count++;
        }
    }
    return slot;
}

static void pending_drop(struct tally_registry *registry, uint32_t slot)
{
    uint32_t generation = registry->pendings[slot].generation;
    uint32_t peer = registry->pendings[slot].peer;

    tally_wheel_cancel(&registry->wheel, tally_timer_of_pending(registry, slot));
    registry->pendings[slot] =
        (struct tally_pending){.generation = generation == UINT32_MAX ? 1 : generation + 1,
                               .next_free = registry->pending_free};
    registry->pending_free = slot;
    registry->pending_count--;
    if (peer != TALLY_PEER_SELF) {
        registry->peers.list[peer].pending_count--;
    }
}

/* Sends a FLUSH to every required feed that sees originations, and parks the query until then. */
static bool park(struct tally_registry *registry, struct tally_now now,
                 const struct tally_pending *asked, struct tally_effects *effects)
{
    uint32_t slot = pending_take(registry, asked->peer);
    struct tally_pending *pending = NULL;

    if (slot == TALLY_SLOT_NOBODY) {
        registry->counters.table_full_count++;
        tally_effect_trace(effects, TALLY_TRACE_TABLE_FULL, TALLY_PEER_NOBODY, 0, TALLY_REJECT_FULL,
                           0);
        return false;
    }
    pending = &registry->pendings[slot];
    pending->peer = asked->peer;
    pending->query = asked->query;
    pending->at = asked->at;
    pending->early_us = asked->early_us;
    pending->is_timed = asked->is_timed;
    for (uint8_t feed = 0; feed < registry->config.feed_count; feed++) {
        if (registry->feeds[feed].config.is_required &&
            tally_feed_reports(&registry->feeds[feed], TALLY_SIDE_ORIGINATING)) {
            struct tally_effect *effect = tally_effect_add(effects, TALLY_EFFECT_FEED);

            effect->feed.feed = feed;
            effect->feed.record.type = TALLY_FEED_FLUSH;
            effect->feed.record.flush.flush_id = flush_id_of(pending, slot);
            pending->flush_mask |= (uint16_t)(1u << feed);
        }
    }
    tally_wheel_set(&registry->wheel, tally_timer_of_pending(registry, slot),
                    tally_mono_after(now.mono, pending->query.budget_us));
    return true;
}

static void take_query(struct tally_registry *registry, struct tally_now now,
                       const struct tally_pending *asked, const struct tally_cdb_entry *entry,
                       struct tally_effects *effects)
{
    const struct tally_query *query = &asked->query;
    struct tally_answer unknown = make(registry, query, entry, TALLY_ANSWER_UNKNOWN);

    if (reply_if_found(registry, now, asked, entry, effects)) {
        return;
    }
    if (query->entitled_hash != entry->entitled_hash || !may_ever_deny(registry, now, entry) ||
        !asked->is_timed ||
        tally_side_coverage(registry, TALLY_SIDE_ORIGINATING, now) == TALLY_COVERAGE_NOTHING ||
        !park(registry, now, asked, effects)) {
        reply(registry, now, asked->peer, &unknown, effects);
    }
}

/* How wrong the instants of our own originations may be: the worst of the feeds that report them.
 */
static int64_t feeds_bound_us(const struct tally_registry *registry)
{
    int64_t bound_us = 0;

    for (uint8_t at = 0; at < registry->config.feed_count; at++) {
        const struct tally_feed *feed = &registry->feeds[at];

        if (tally_feed_reports(feed, TALLY_SIDE_ORIGINATING) && feed->is_greeted &&
            (int64_t)feed->clock_bound_us > bound_us) {
            bound_us = (int64_t)feed->clock_bound_us;
        }
    }
    return bound_us;
}

/*
 * The records that the arrival could belong to are still here, were covered by our feeds, and would
 * be recognised: it is neither older than a query may be nor yet to come, and the error of all
 * clocks together is small.
 */
static bool is_instant_sure(const struct tally_registry *registry, struct tally_now now,
                            const struct tally_pending *asked)
{
    int64_t doubt_us = asked->early_us + feeds_bound_us(registry);
    int64_t age_us = tally_wall_since_us(now.wall, asked->at);

    return doubt_us <= CLOCK_DOUBT_MAX_US && age_us <= TALLY_QUERY_AGE_MAX_US &&
           age_us >= -doubt_us;
}

/* A batch takes about as long as batches did when the clock was measured; else somebody has set it.
 */
static bool is_clock_sure(const struct tally_peer *from, struct tally_now now,
                          struct tally_wall sealed_at)
{
    int64_t age_us = tally_wall_since_us(now.wall, tally_peer_instant(from, sealed_at));

    return from->rtt_us > 0 && age_us >= -from->bound_us &&
           age_us <= from->rtt_us + from->bound_us + CLOCK_DOUBT_MAX_US;
}

/* How long ago the query was sealed, as far as the peer's clock is known. */
static bool is_stale(const struct tally_registry *registry, struct tally_now now, uint32_t peer,
                     struct tally_wall sealed_at, const struct tally_query *query)
{
    const struct tally_peer *from = &registry->peers.list[peer];
    int64_t age_us = tally_wall_since_us(now.wall, tally_peer_instant(from, sealed_at));

    return age_us > (int64_t)query->budget_us + tally_peer_bound_us(registry, peer);
}

void tally_answer_query(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                        struct tally_wall sealed_at, const struct tally_query *query,
                        struct tally_effects *effects)
{
    const struct tally_cdb_entry *b_entry = NULL;
    const struct tally_cdb_entry *a_entry = NULL;
    struct tally_peer *from = &registry->peers.list[peer];
    struct tally_pending asked = {.peer = peer, .query = *query};

    from->status.query_in_count++;
    if (sealed_at.us > TALLY_WALL_MAX_US || query->at.us > TALLY_WALL_MAX_US) {
        tally_count_peer_reject(registry, effects, peer, TALLY_REJECT_VALUE);
        return;
    }
    if (tally_lookup(registry, query->b_number, now, &b_entry) != TALLY_CDB_HELD ||
        b_entry->range.holder != from->op) {
        tally_count_peer_reject(registry, effects, peer, TALLY_REJECT_NOT_YOURS);
        return;
    }
    if (!tally_is_entitled_self(registry, displayed(query), now) ||
        tally_lookup(registry, displayed(query), now, &a_entry) != TALLY_CDB_HELD) {
        tally_count_peer_reject(registry, effects, peer, TALLY_REJECT_NOT_OURS);
        return;
    }
    if (is_stale(registry, now, peer, sealed_at, query)) {
        tally_count_peer_reject(registry, effects, peer, TALLY_REJECT_STALE);
        return;
    }
    asked.at = tally_peer_instant(from, query->at);
    asked.early_us = tally_peer_bound_us(registry, peer) +
                     (query->clock_bound_us == UINT32_MAX ? registry->config.skew_unmeasured_us
                                                          : (int64_t)query->clock_bound_us);
    asked.is_timed = is_clock_sure(from, now, sealed_at) && is_instant_sure(registry, now, &asked);
    take_query(registry, now, &asked, a_entry, effects);
}

void tally_answer_self(struct tally_registry *registry, struct tally_now now,
                       const struct tally_query *query, struct tally_effects *effects)
{
    const struct tally_cdb_entry *entry = NULL;

    if (tally_lookup(registry, displayed(query), now, &entry) == TALLY_CDB_HELD) {
        struct tally_pending asked = {.peer = TALLY_PEER_SELF, .query = *query, .at = query->at};

        asked.early_us = (int64_t)query->clock_bound_us;
        asked.is_timed = is_instant_sure(registry, now, &asked);
        take_query(registry, now, &asked, entry, effects);
    }
}

/* A call of A to B just outside the tolerance is hardly another one: then a clock is wrong. */
static bool is_near_miss(const struct tally_registry *registry, const struct tally_pending *asked)
{
    return tally_originate_find(registry, displayed(&asked->query), asked->query.b_number,
                                asked->at, asked->early_us + registry->config.skew_unmeasured_us) !=
           TALLY_CALL_NOBODY;
}

/* Every feed has confirmed. Everything is asked again: the world may have changed meanwhile. */
static void conclude(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                     struct tally_effects *effects)
{
    struct tally_pending pending = registry->pendings[slot];
    const struct tally_cdb_entry *entry = NULL;
    enum tally_coverage coverage = tally_side_coverage(registry, TALLY_SIDE_ORIGINATING, now);
    struct tally_answer answer;

    pending_drop(registry, slot);
    if (tally_lookup(registry, displayed(&pending.query), now, &entry) != TALLY_CDB_HELD) {
        return; /* no longer ours to answer */
    }
    if (reply_if_found(registry, now, &pending, entry, effects)) {
        return;
    }
    answer = make(registry, &pending.query, entry, TALLY_ANSWER_UNKNOWN);
    if (may_ever_deny(registry, now, entry) && !is_near_miss(registry, &pending) &&
        pending.query.entitled_hash == entry->entitled_hash && coverage != TALLY_COVERAGE_NOTHING) {
        /* A record of this very pair, farther off in time, is a leg that may still be open. */
        bool has_open_leg =
            coverage != TALLY_COVERAGE_LEGS ||
            tally_originate_has_open_leg(registry, now, displayed(&pending.query)) ||
            tally_calls_first_pair(&registry->calls, TALLY_CALL_ORIGINATION,
                                   displayed(&pending.query),
                                   pending.query.b_number) != TALLY_CALL_NOBODY;

        answer.kind = has_open_leg ? TALLY_ANSWER_NONE_DIRECT : TALLY_ANSWER_NONE;
    }
    reply(registry, now, pending.peer, &answer, effects);
}

void tally_answer_flushed(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                          uint64_t flush_id, struct tally_effects *effects)
{
    uint32_t slot = (uint32_t)flush_id;
    struct tally_pending *pending = NULL;

    if (slot >= registry->config.inquiry_max) {
        tally_count_feed_reject(registry, effects, feed, TALLY_REJECT_VALUE);
        return;
    }
    pending = &registry->pendings[slot];
    if (!pending->is_used || flush_id_of(pending, slot) != flush_id) {
        return; /* its query has been given up */
    }
    pending->flush_mask &= (uint16_t) ~(1u << feed);
    if (pending->flush_mask == 0) {
        conclude(registry, now, slot, effects);
    }
}

void tally_answer_deadline(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                           struct tally_effects *effects)
{
    struct tally_pending pending = registry->pendings[slot];
    const struct tally_cdb_entry *entry = NULL;

    TALLY_ASSERT(pending.is_used);
    pending_drop(registry, slot);
    if (tally_lookup(registry, displayed(&pending.query), now, &entry) == TALLY_CDB_HELD) {
        struct tally_answer answer = make(registry, &pending.query, entry, TALLY_ANSWER_UNKNOWN);

        reply(registry, now, pending.peer, &answer, effects);
    }
}
