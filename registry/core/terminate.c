/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls at our door: a free credit makes them valid at once; without one every operator entitled
 * for A is asked, and by the deadline the call is judged on what is there.
 *
 * One attempt is one credit, keyed by the peer and its record id, whether it came by push
 * (announcement) or by pull (a FOUND answer).
 */
#include "base/assert.h"
#include "core/arrival.h"

/* Judging. */

static bool is_kept_as_evidence(const struct tally_decision *decision)
{
    switch (decision->judgement.verdict) {
    case TALLY_VERDICT_CLI_SPOOFED:
    case TALLY_VERDICT_CLI_REUSED:
    case TALLY_VERDICT_CLI_INVALID:
    case TALLY_VERDICT_PRESENTED_UNVERIFIED:
        return true;
    case TALLY_VERDICT_INDETERMINATE:
    case TALLY_VERDICT_UNVERIFIABLE:
    case TALLY_VERDICT_VALID:
    case TALLY_VERDICT_VALID_DIVERTED:
    case TALLY_VERDICT_EXEMPT:
    case TALLY_VERDICT_COUNT:
        break;
    }
    return decision->ruling.action != TALLY_ACTION_ALLOW;
}

static void tell_feed(const struct tally_decision *decision, struct tally_effects *effects)
{
    struct tally_effect *effect = tally_effect_add(effects, TALLY_EFFECT_FEED);

    effect->feed.feed = decision->feed;
    effect->feed.record.type = TALLY_FEED_VERDICT;
    effect->feed.record.verdict =
        (struct tally_feed_verdict){.seq = decision->feed_seq,
                                    .leg_key = decision->event.leg_key,
                                    .verdict_id = decision->id,
                                    .verdict = decision->judgement.verdict,
                                    .grade = decision->judgement.grade,
                                    .action = decision->ruling.action,
                                    .cause = decision->ruling.cause,
                                    .marks = decision->judgement.marks};
}

/* B's operator tells A's that the call is here: full sight of delivery. */
static void report_arrival(const struct tally_decision *decision, struct tally_effects *effects)
{
    if (decision->peer_record_id == 0 || decision->peer == TALLY_PEER_NOBODY ||
        decision->judgement.verdict != TALLY_VERDICT_VALID) {
        return;
    }
    tally_effect_send(effects, decision->peer, TALLY_RECORD_REPORT)->report =
        (struct tally_report){.record_id = decision->peer_record_id,
                              .at = decision->event.at,
                              .kind = TALLY_REPORT_ARRIVED};
}

void tally_arrival_judge(struct tally_registry *registry, struct tally_now now,
                         const struct tally_arrival *arrival, struct tally_effects *effects)
{
    struct tally_decision decision = {
        .id = arrival->id,
        .feed = arrival->feed,
        .feed_seq = arrival->seq,
        .event = *arrival->event,
        .peer = arrival->peer,
        .peer_record_id = arrival->peer_record_id,
        .peer_at = arrival->peer_at,
        .peer_bound_us = INT64_MAX,
        .evidence = arrival->evidence,
        .judgement = tally_verdict_decide(&arrival->evidence),
        .decided_at = now.wall,
        .wait_us = tally_mono_since_us(now.mono, arrival->begun),
        .log_size = arrival->log_size,
    };

    decision.ruling = tally_policy_rule(&registry->policy, &decision.evidence, &decision.judgement);
    if (decision.peer != TALLY_PEER_NOBODY && registry->peers.list[decision.peer].rtt_us > 0) {
        decision.peer_offset_us = registry->peers.list[decision.peer].offset_us;
        decision.peer_bound_us = registry->peers.list[decision.peer].bound_us;
    }
    registry->counters.verdict_count[decision.judgement.verdict]++;
    registry->counters.action_count[decision.ruling.action]++;
    if (decision.judgement.verdict == TALLY_VERDICT_INDETERMINATE) {
        registry->counters.reason_count[decision.judgement.reason]++;
    }
    tell_feed(&decision, effects);
    tally_effect_add(effects, TALLY_EFFECT_DECIDED)->decision = decision;
    if (is_kept_as_evidence(&decision)) {
        tally_effect_add(effects, TALLY_EFFECT_PERSIST)->decision = decision;
    }
    report_arrival(&decision, effects);
}

/* Credits. */

int64_t tally_credit_early_us(const struct tally_registry *registry, uint32_t peer, uint8_t feed)
{
    return tally_peer_bound_us(registry, peer) + (int64_t)registry->feeds[feed].clock_bound_us;
}

bool tally_credit_is_in_window(const struct tally_registry *registry, struct tally_wall arrival_at,
                               struct tally_wall record_at, int64_t early_us)
{
    int64_t apart_us = tally_wall_since_us(arrival_at, record_at);

    return apart_us >= -early_us && apart_us <= registry->config.match_window_us;
}

static bool is_entitled(const struct tally_registry *registry, struct tally_now now, uint32_t peer,
                        uint64_t a_number)
{
    uint32_t op = registry->peers.list[peer].op;

    return op != TALLY_CDB_NOBODY && tally_cdb_is_entitled(registry->cdb, a_number, op, now.wall);
}

bool tally_credit_is_free_for(const struct tally_call *credit, const struct tally_event *event)
{
    return (credit->flags & TALLY_CALL_SPENT) == 0 ||
           (event->call_ref != 0 && credit->call_ref == event->call_ref);
}

static uint32_t find_credit(const struct tally_registry *registry, struct tally_now now,
                            uint8_t feed, const struct tally_event *event)
{
    uint32_t slot = tally_calls_first_pair(&registry->calls, TALLY_CALL_ANNOUNCED,
                                           tally_event_displayed(event), event->b_number);
    uint32_t best = TALLY_CALL_NOBODY;
    int64_t best_us = INT64_MAX;

    for (unsigned seen = 0; slot != TALLY_CALL_NOBODY && seen < TALLY_CALL_SCAN_MAX; seen++) {
        const struct tally_call *credit = &registry->calls.list[slot];
        int64_t apart_us = tally_wall_since_us(event->at, credit->at);
        int64_t distance_us = apart_us >= 0 ? apart_us : -apart_us;

        if (distance_us < best_us && tally_credit_is_free_for(credit, event) &&
            tally_credit_is_in_window(registry, event->at, credit->at,
                                      tally_credit_early_us(registry, credit->peer, feed)) &&
            is_entitled(registry, now, credit->peer, credit->a_number)) {
            best = slot;
            best_us = distance_us;
        }
        slot = tally_calls_next_pair(&registry->calls, slot);
    }
    return best;
}

void tally_credit_spend(struct tally_registry *registry, uint32_t slot,
                        struct tally_arrival *arrival)
{
    struct tally_call *credit = &registry->calls.list[slot];

    credit->flags |= TALLY_CALL_SPENT;
    credit->call_ref = arrival->event->call_ref;
    arrival->evidence.credit = TALLY_CREDIT_FREE;
    if (credit->kind == TALLY_CALL_ANNOUNCED) {
        arrival->peer = credit->peer;
        arrival->peer_record_id = credit->leg_key;
    }
    arrival->peer_at = credit->at;
}

/* What is known of the call before anybody is asked. */

static enum tally_exemption exemption_of(const struct tally_event *event)
{
    if ((event->flags & (TALLY_EVENT_EMERGENCY | TALLY_EVENT_PRIORITY)) != 0 &&
        event->ingress_class == TALLY_TRUNK_EXEMPTING) {
        return TALLY_EXEMPTION_FLAGGED;
    }
    if (tally_e164_digit_count(event->b_number) < TALLY_E164_DIGITS_MIN) {
        return TALLY_EXEMPTION_SHORT_CODE;
    }
    return tally_e164_is_plausible(event->b_number) ? TALLY_EXEMPTION_NONE
                                                    : TALLY_EXEMPTION_NOT_E164;
}

static enum tally_cli_shape shape_of(const struct tally_event *event)
{
    uint64_t a_number = tally_event_displayed(event);

    if (a_number == 0) {
        return (event->flags & TALLY_EVENT_CLI_MALFORMED) != 0 ? TALLY_CLI_IMPLAUSIBLE
                                                               : TALLY_CLI_ABSENT;
    }
    return tally_e164_is_plausible(a_number) ? TALLY_CLI_PLAUSIBLE : TALLY_CLI_IMPLAUSIBLE;
}

static bool has_earned_strictness(const struct tally_registry *registry, struct tally_now now,
                                  uint32_t peer)
{
    struct tally_wall since = {0};

    if (registry->config.strict_after_us == 0) {
        return true;
    }
    if (peer == TALLY_PEER_NOBODY) {
        return false;
    }
    since = registry->peers.list[peer].strict_since;
    return since.us != 0 &&
           tally_wall_since_us(now.wall, since) >= registry->config.strict_after_us;
}

static void gather(const struct tally_registry *registry, struct tally_now now,
                   struct tally_arrival *arrival, const struct tally_cdb_entry **entry)
{
    const struct tally_event *event = arrival->event;
    struct tally_evidence *evidence = &arrival->evidence;

    *evidence = (struct tally_evidence){
        .a_network = event->a_network,
        .a_presented = event->a_presented,
        .b_number = event->b_number,
        .exemption = exemption_of(event),
        .cli = shape_of(event),
        .is_presented_apart = event->a_network != 0 && event->a_presented != 0 &&
                              event->a_network != event->a_presented,
        .is_incomplete = (event->flags & TALLY_EVENT_INCOMPLETE) != 0,
        .is_tracked = arrival->call != TALLY_CALL_NOBODY,
        .freshness = tally_freshness_now(registry, now),
        .standing = tally_lookup(registry, tally_event_displayed(event), now, entry),
    };
    if (evidence->standing != TALLY_CDB_HELD) {
        return;
    }
    evidence->answers_policy = (*entry)->range.answers;
    evidence->strictness = (*entry)->range.strictness;
    evidence->is_holder_ourselves = (*entry)->range.holder == registry->self_op;
    arrival->peer = tally_peers_by_op(&registry->peers, (*entry)->range.holder);
    evidence->is_in_good_standing =
        evidence->is_holder_ourselves || has_earned_strictness(registry, now, arrival->peer);
    if (evidence->is_holder_ourselves && event->ingress_class == TALLY_TRUNK_INTERCONNECT) {
        evidence->marks |= TALLY_MARK_OWN_FROM_INTERCONNECT;
    }
}

static bool is_worth_asking(const struct tally_registry *registry, struct tally_now now,
                            const struct tally_arrival *arrival)
{
    const struct tally_evidence *evidence = &arrival->evidence;

    return evidence->exemption == TALLY_EXEMPTION_NONE && evidence->cli == TALLY_CLI_PLAUSIBLE &&
           evidence->is_tracked && !evidence->is_incomplete &&
           evidence->credit == TALLY_CREDIT_NONE && evidence->standing == TALLY_CDB_HELD &&
           evidence->freshness != TALLY_FRESHNESS_UNUSABLE &&
           evidence->answers_policy == TALLY_CDB_ANSWERS_CALLS &&
           tally_is_ours(registry, evidence->b_number, now);
}

static uint32_t keep_arrival(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                             const struct tally_event *event, struct tally_effects *effects)
{
    struct tally_call call = {.kind = TALLY_CALL_ARRIVAL,
                              .a_number = tally_event_displayed(event),
                              .b_number = event->b_number,
                              .leg_key = event->leg_key,
                              .call_ref = event->call_ref,
                              .at = event->at,
                              .peer = TALLY_PEER_NOBODY,
                              .inquiry = TALLY_SLOT_NOBODY,
                              .feed = feed};
    uint32_t slot = tally_calls_add(&registry->calls, &call);

    if (slot == TALLY_CALL_NOBODY) {
        /* A call to B that is not remembered must not be reported as "no call to B". */
        tally_feed_loss(&registry->feeds[feed], now);
        registry->counters.table_full_count++;
        tally_effect_trace(effects, TALLY_TRACE_TABLE_FULL, TALLY_PEER_NOBODY, feed,
                           TALLY_REJECT_FULL, 0);
        return slot;
    }
    /* It outlives every announcement that it could be the arrival of. */
    tally_wheel_set(&registry->wheel, slot,
                    tally_mono_after(now.mono, registry->config.match_window_us +
                                                   TALLY_QUERY_AGE_MAX_US + 2 * TALLY_SETTLE_US));
    return slot;
}

/* An id for a call that found no place: its slot number names no slot. */
static uint64_t untracked_id(const struct tally_registry *registry)
{
    uint64_t serial = registry->counters.table_full_count;

    return (uint64_t)registry->config.boot << (TALLY_CALL_GENERATION_BITS + TALLY_CALL_SLOT_BITS) |
           (serial & ((1u << TALLY_CALL_GENERATION_BITS) - 1)) << TALLY_CALL_SLOT_BITS |
           ((1u << TALLY_CALL_SLOT_BITS) - 1);
}

void tally_terminate_setup(struct tally_registry *registry, struct tally_now now, uint8_t feed,
                           uint64_t seq, const struct tally_event *event,
                           struct tally_effects *effects)
{
    const struct tally_cdb_entry *entry = NULL;
    struct tally_arrival arrival = {.call = keep_arrival(registry, now, feed, event, effects),
                                    .feed = feed,
                                    .seq = seq,
                                    .event = event,
                                    .begun = now.mono,
                                    .peer = TALLY_PEER_NOBODY};
    uint32_t credit = TALLY_CALL_NOBODY;

    arrival.id = arrival.call != TALLY_CALL_NOBODY ? tally_calls_id(&registry->calls, arrival.call)
                                                   : untracked_id(registry);
    arrival.log_size = registry->cdb != NULL ? tally_cdb_log_size(registry->cdb) : 0;
    gather(registry, now, &arrival, &entry);
    if (arrival.evidence.cli == TALLY_CLI_PLAUSIBLE && registry->cdb != NULL) {
        credit = find_credit(registry, now, feed, event);
    }
    if (credit != TALLY_CALL_NOBODY) {
        tally_credit_spend(registry, credit, &arrival);
    } else if (is_worth_asking(registry, now, &arrival) &&
               tally_inquiry_open(registry, now, &arrival, entry, effects)) {
        return;
    }
    tally_effect_ack(effects, feed, seq, registry->config.due_min_us);
    tally_arrival_judge(registry, now, &arrival, effects);
}

/* Announcements. */

static enum tally_reject check_announce(const struct tally_registry *registry, struct tally_now now,
                                        uint32_t peer, const struct tally_announce *announce,
                                        uint64_t a_number, struct tally_wall at)
{
    const struct tally_peer *from = &registry->peers.list[peer];

    if (announce->at.us > TALLY_WALL_MAX_US) {
        return TALLY_REJECT_VALUE;
    }
    if (announce->kind != TALLY_LEG_DIRECT) {
        return TALLY_REJECT_TYPE; /* onward legs count only with a confirmed token */
    }
    if (!is_entitled(registry, now, peer, a_number)) {
        return TALLY_REJECT_NOT_YOURS;
    }
    if (!tally_is_ours(registry, announce->b_number, now)) {
        return TALLY_REJECT_NOT_OURS;
    }
    if (tally_wall_since_us(now.wall, at) > registry->config.match_window_us ||
        tally_wall_since_us(at, now.wall) > tally_peer_bound_us(registry, peer) + TALLY_SETTLE_US) {
        return TALLY_REJECT_STALE;
    }
    /* Announcements leave half of the table to calls that our own switches see. */
    if (from->announced_count > registry->config.call_max / 4 ||
        registry->announced_count > registry->config.call_max / 2) {
        return TALLY_REJECT_FULL;
    }
    return TALLY_REJECT_NONE;
}

uint32_t tally_credit_add(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                          uint64_t record_id, uint64_t a_number, uint64_t b_number,
                          struct tally_wall at, uint8_t flags)
{
    struct tally_call call = {.kind = TALLY_CALL_ANNOUNCED,
                              .a_number = a_number,
                              .b_number = b_number,
                              .leg_key = record_id,
                              .at = at,
                              .peer = peer,
                              .inquiry = TALLY_SLOT_NOBODY,
                              .flags = flags};
    uint32_t slot = tally_calls_add(&registry->calls, &call);
    int64_t age_us = tally_wall_since_us(now.wall, at);

    if (slot != TALLY_CALL_NOBODY) {
        registry->peers.list[peer].announced_count++;
        registry->announced_count++;
        tally_wheel_set(&registry->wheel, slot,
                        tally_mono_after(now.mono, registry->config.match_window_us +
                                                       TALLY_SETTLE_US - age_us));
    }
    return slot;
}

/* An arrival that waits for answers and fits the announcement: the push overtook the pull. */
static uint32_t find_waiting(const struct tally_registry *registry, uint32_t credit_slot)
{
    const struct tally_call *credit = &registry->calls.list[credit_slot];
    uint32_t slot = tally_calls_first_pair(&registry->calls, TALLY_CALL_ARRIVAL, credit->a_number,
                                           credit->b_number);

    for (unsigned seen = 0; slot != TALLY_CALL_NOBODY && seen < TALLY_CALL_SCAN_MAX; seen++) {
        const struct tally_call *call = &registry->calls.list[slot];

        if (call->inquiry != TALLY_SLOT_NOBODY &&
            tally_credit_is_in_window(registry, call->at, credit->at,
                                      tally_credit_early_us(registry, credit->peer, call->feed))) {
            break;
        }
        slot = tally_calls_next_pair(&registry->calls, slot);
    }
    return slot;
}

void tally_terminate_announce(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                              const struct tally_announce *announce, struct tally_effects *effects)
{
    uint64_t a_number = announce->a_presented != 0 ? announce->a_presented : announce->a_network;
    struct tally_wall at = tally_peer_instant(&registry->peers.list[peer], announce->at);
    enum tally_reject reject = check_announce(registry, now, peer, announce, a_number, at);
    uint32_t credit = TALLY_CALL_NOBODY;
    uint32_t waiting = TALLY_CALL_NOBODY;

    registry->peers.list[peer].status.announce_in_count++;
    if (reject == TALLY_REJECT_NONE &&
        tally_calls_by_leg(&registry->calls, TALLY_CALL_ANNOUNCED, peer, announce->record_id) !=
            TALLY_CALL_NOBODY) {
        reject = TALLY_REJECT_DUPLICATE;
    }
    if (reject == TALLY_REJECT_NONE) {
        credit = tally_credit_add(registry, now, peer, announce->record_id, a_number,
                                  announce->b_number, at, 0);
        reject = credit == TALLY_CALL_NOBODY ? TALLY_REJECT_FULL : TALLY_REJECT_NONE;
    }
    if (reject != TALLY_REJECT_NONE) {
        tally_count_peer_reject(registry, effects, peer, reject);
        return;
    }
    waiting = find_waiting(registry, credit);
    if (waiting != TALLY_CALL_NOBODY) {
        uint32_t slot = registry->calls.list[waiting].inquiry;
        struct tally_arrival arrival = tally_inquiry_arrival(registry, &registry->inquiries[slot]);

        tally_credit_spend(registry, credit, &arrival);
        tally_inquiry_conclude(registry, now, slot, &arrival, effects);
    }
}

/* Ends. */

/* Nothing arrived for B under any A, and we would know. */
static bool is_known_absent(const struct tally_registry *registry, struct tally_now now,
                            const struct tally_call *credit)
{
    const struct tally_cdb_entry *entry = NULL;
    uint32_t slot =
        tally_calls_first_number(&registry->calls, TALLY_CALL_ARRIVAL, credit->b_number);

    if (tally_lookup(registry, credit->b_number, now, &entry) != TALLY_CDB_HELD ||
        entry->range.holder != registry->self_op || !entry->range.is_no_porting ||
        entry->range.mobility != TALLY_CDB_FIXED ||
        tally_side_coverage(registry, TALLY_SIDE_TERMINATING, now) == TALLY_COVERAGE_NOTHING) {
        return false;
    }
    for (unsigned seen = 0; slot != TALLY_CALL_NOBODY; seen++) {
        const struct tally_call *call = &registry->calls.list[slot];

        if (seen == TALLY_CALL_SCAN_MAX ||
            tally_wall_since_us(call->at, credit->at) >=
                -tally_credit_early_us(registry, credit->peer, call->feed)) {
            return false;
        }
        slot = tally_calls_next_number(&registry->calls, slot);
    }
    return true;
}

void tally_terminate_expire(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                            struct tally_effects *effects)
{
    struct tally_call *call = &registry->calls.list[slot];
    bool is_credit = call->kind == TALLY_CALL_ANNOUNCED;

    TALLY_ASSERT(is_credit || call->kind == TALLY_CALL_ARRIVAL);
    if (!is_credit && call->inquiry != TALLY_SLOT_NOBODY) {
        tally_wheel_set(&registry->wheel, slot, tally_mono_after(now.mono, TALLY_SETTLE_US));
        return;
    }
    if (is_credit) {
        struct tally_peer *peer = &registry->peers.list[call->peer];

        TALLY_ASSERT(peer->announced_count > 0 && registry->announced_count > 0);
        peer->announced_count--;
        registry->announced_count--;
        if ((call->flags & (TALLY_CALL_SPENT | TALLY_CALL_FROM_ANSWER)) == 0 &&
            registry->cdb != NULL && is_known_absent(registry, now, call)) {
            tally_effect_send(effects, call->peer, TALLY_RECORD_REPORT)->report =
                (struct tally_report){
                    .record_id = call->leg_key, .at = now.wall, .kind = TALLY_REPORT_NO_CALL_TO_B};
        }
    }
    tally_calls_remove(&registry->calls, slot);
}
