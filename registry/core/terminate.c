/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls at our door: a free credit makes them valid at once; without one every operator entitled
 * for A is asked, and by the deadline the call is judged on what is there.
 *
 * One attempt is one credit, keyed by the peer and its record id, whether it came by push
 * (announcement) or by pull (a FOUND answer).
 */
#include "base/assert.h"
#include "core/state.h"

/* An arriving call on its way to a decision. */
struct arrival {
    uint32_t call; /* its record; TALLY_CALL_NOBODY: no place was left */
    uint64_t id;
    uint8_t feed;
    uint64_t seq;
    const struct tally_event *event;
    struct tally_mono begun;
    struct tally_evidence evidence;
    uint64_t log_size;
    uint32_t peer; /* who vouched, or who holds A */
    uint64_t peer_record_id;
    struct tally_wall peer_at;
};

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

static void judge(struct tally_registry *registry, struct tally_now now,
                  const struct arrival *arrival, struct tally_effects *effects)
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

static int64_t early_bound_us(const struct tally_registry *registry, uint32_t peer, uint8_t feed)
{
    return tally_peer_bound_us(registry, peer) + (int64_t)registry->feeds[feed].clock_bound_us;
}

static bool is_in_window(const struct tally_registry *registry, struct tally_wall arrival_at,
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

/* Attempts with one call reference use one credit: route advance, authentication, forks. */
static bool is_free_for(const struct tally_call *credit, const struct tally_event *event)
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

        if (distance_us < best_us && is_free_for(credit, event) &&
            is_in_window(registry, event->at, credit->at,
                         early_bound_us(registry, credit->peer, feed)) &&
            is_entitled(registry, now, credit->peer, credit->a_number)) {
            best = slot;
            best_us = distance_us;
        }
        slot = tally_calls_next_pair(&registry->calls, slot);
    }
    return best;
}

static void spend(struct tally_registry *registry, uint32_t slot, struct arrival *arrival)
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
                   struct arrival *arrival, const struct tally_cdb_entry **entry)
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

/* Asking. */

static uint64_t query_id_of(const struct tally_inquiry *inquiry, uint32_t slot)
{
    return (uint64_t)inquiry->generation << 32 | slot;
}

static uint32_t inquiry_take(struct tally_registry *registry)
{
    uint32_t slot = registry->inquiry_free;

    if (slot != TALLY_SLOT_NOBODY) {
        registry->inquiry_free = registry->inquiries[slot].next_free;
        registry->inquiries[slot].is_used = true;
        registry->inquiry_count++;
    }
    return slot;
}

static void inquiry_drop(struct tally_registry *registry, uint32_t slot)
{
    struct tally_inquiry *inquiry = &registry->inquiries[slot];
    uint32_t generation = inquiry->generation;

    registry->calls.list[inquiry->call].inquiry = TALLY_SLOT_NOBODY;
    tally_wheel_cancel(&registry->wheel, tally_timer_of_inquiry(registry, slot));
    *inquiry = (struct tally_inquiry){.generation = generation == UINT32_MAX ? 1 : generation + 1,
                                      .next_free = registry->inquiry_free};
    registry->inquiry_free = slot;
    registry->inquiry_count--;
}

static struct arrival arrival_of(const struct tally_registry *registry,
                                 const struct tally_inquiry *inquiry)
{
    return (struct arrival){.call = inquiry->call,
                            .id = tally_calls_id(&registry->calls, inquiry->call),
                            .feed = inquiry->feed,
                            .seq = inquiry->feed_seq,
                            .event = &inquiry->event,
                            .begun = inquiry->begun,
                            .evidence = inquiry->evidence,
                            .log_size = inquiry->log_size,
                            .peer = inquiry->holder};
}

static void conclude(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                     const struct arrival *arrival, struct tally_effects *effects)
{
    judge(registry, now, arrival, effects);
    inquiry_drop(registry, slot);
}

static int64_t due_us(const struct tally_registry *registry, const struct tally_inquiry *inquiry)
{
    int64_t rtt_us = 0;
    int64_t wait_us = 0;

    for (unsigned at = 0; at < inquiry->asked_count; at++) {
        if (inquiry->asked[at] != TALLY_PEER_SELF &&
            registry->peers.list[inquiry->asked[at]].rtt_us > rtt_us) {
            rtt_us = registry->peers.list[inquiry->asked[at]].rtt_us;
        }
    }
    wait_us = rtt_us * 3 / 2 + 150 * TALLY_US_PER_MS;
    if (wait_us < registry->config.due_min_us) {
        return registry->config.due_min_us;
    }
    return wait_us > registry->config.due_max_us ? registry->config.due_max_us : wait_us;
}

/* Who can be asked; who cannot is counted as unreachable. */
static void list_asked(const struct tally_registry *registry, struct tally_inquiry *inquiry,
                       const struct tally_cdb_entry *entry)
{
    struct tally_answers *answers = &inquiry->evidence.answers;

    answers->asked_count = entry->entitled_count;
    for (unsigned at = 0; at < entry->entitled_count; at++) {
        uint32_t peer = entry->entitled[at] == registry->self_op
                            ? TALLY_PEER_SELF
                            : tally_peers_by_op(&registry->peers, entry->entitled[at]);

        if (peer == TALLY_PEER_NOBODY ||
            (peer != TALLY_PEER_SELF && !registry->peers.list[peer].is_up)) {
            answers->unreachable_count++;
            continue;
        }
        inquiry->open_mask |= (uint8_t)(1u << inquiry->asked_count);
        inquiry->asked[inquiry->asked_count++] = peer;
    }
}

static void ask(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                struct tally_effects *effects)
{
    const struct tally_inquiry *inquiry = &registry->inquiries[slot];
    const struct tally_event *event = &inquiry->event;
    struct tally_query query = {
        .query_id = query_id_of(inquiry, slot),
        .at = event->at,
        .budget_us = (uint32_t)due_us(registry, inquiry),
        .clock_bound_us = registry->feeds[inquiry->feed].clock_bound_us,
        .a_network = event->a_network,
        .a_presented = event->a_presented,
        .b_number = event->b_number,
        .original_called = event->original_called,
        .redirecting = event->redirecting,
        .entitled_hash = inquiry->entitled_hash,
    };
    bool is_self_asked = false;

    tally_wheel_set(&registry->wheel, tally_timer_of_inquiry(registry, slot),
                    tally_mono_after(now.mono, query.budget_us));
    for (unsigned at = 0; at < inquiry->asked_count; at++) {
        uint32_t peer = inquiry->asked[at];

        if (peer == TALLY_PEER_SELF) {
            is_self_asked = true;
            continue;
        }
        registry->peers.list[peer].status.query_out_count++;
        tally_effect_send(effects, peer, TALLY_RECORD_QUERY)->query = query;
    }
    /* Last: the answer may come at once and end the inquiry. */
    if (is_self_asked) {
        tally_answer_self(registry, now, &query, effects);
    }
}

/* Opens an inquiry if somebody can be asked; otherwise the arrival is judged as it stands. */
static bool open_inquiry(struct tally_registry *registry, struct tally_now now,
                         struct arrival *arrival, const struct tally_cdb_entry *entry,
                         struct tally_effects *effects)
{
    uint32_t slot = inquiry_take(registry);
    struct tally_inquiry *inquiry = NULL;

    if (slot == TALLY_SLOT_NOBODY) {
        arrival->evidence.is_tracked = false;
        registry->counters.table_full_count++;
        tally_effect_trace(effects, TALLY_TRACE_TABLE_FULL, TALLY_PEER_NOBODY, arrival->feed,
                           TALLY_REJECT_FULL, 0);
        return false;
    }
    inquiry = &registry->inquiries[slot];
    inquiry->call = arrival->call;
    inquiry->holder = arrival->peer;
    inquiry->feed = arrival->feed;
    inquiry->feed_seq = arrival->seq;
    inquiry->event = *arrival->event;
    inquiry->begun = arrival->begun;
    inquiry->evidence = arrival->evidence;
    inquiry->evidence.is_log_agreed = true;
    inquiry->entitled_hash = entry->entitled_hash;
    inquiry->log_size = arrival->log_size;
    list_asked(registry, inquiry, entry);
    if (inquiry->asked_count == 0) {
        arrival->evidence.answers = inquiry->evidence.answers;
        inquiry_drop(registry, slot);
        return false;
    }
    registry->calls.list[arrival->call].inquiry = slot;
    tally_effect_ack(effects, arrival->feed, arrival->seq, due_us(registry, inquiry));
    ask(registry, now, slot, effects);
    return true;
}

static bool is_worth_asking(const struct tally_registry *registry, struct tally_now now,
                            const struct arrival *arrival)
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
    struct arrival arrival = {.call = keep_arrival(registry, now, feed, event, effects),
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
        spend(registry, credit, &arrival);
    } else if (is_worth_asking(registry, now, &arrival) &&
               open_inquiry(registry, now, &arrival, entry, effects)) {
        return;
    }
    tally_effect_ack(effects, feed, seq, registry->config.due_min_us);
    judge(registry, now, &arrival, effects);
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

static uint32_t add_credit(struct tally_registry *registry, struct tally_now now, uint32_t peer,
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
            is_in_window(registry, call->at, credit->at,
                         early_bound_us(registry, credit->peer, call->feed))) {
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
        credit = add_credit(registry, now, peer, announce->record_id, a_number, announce->b_number,
                            at, 0);
        reject = credit == TALLY_CALL_NOBODY ? TALLY_REJECT_FULL : TALLY_REJECT_NONE;
    }
    if (reject != TALLY_REJECT_NONE) {
        tally_count_peer_reject(registry, effects, peer, reject);
        return;
    }
    waiting = find_waiting(registry, credit);
    if (waiting != TALLY_CALL_NOBODY) {
        uint32_t slot = registry->calls.list[waiting].inquiry;
        struct arrival arrival = arrival_of(registry, &registry->inquiries[slot]);

        spend(registry, credit, &arrival);
        conclude(registry, now, slot, &arrival, effects);
    }
}

/* Answers. */

/* The credit that a FOUND answer names: the announced one, or one made for it. */
static uint32_t credit_of(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                          const struct tally_answer *answer, const struct tally_inquiry *inquiry)
{
    struct tally_wall at = {0};
    uint32_t slot = TALLY_CALL_NOBODY;

    if (peer == TALLY_PEER_SELF) {
        return tally_calls_by_id(&registry->calls, answer->record_id);
    }
    slot = tally_calls_by_leg(&registry->calls, TALLY_CALL_ANNOUNCED, peer, answer->record_id);
    if (slot != TALLY_CALL_NOBODY || answer->at.us > TALLY_WALL_MAX_US) {
        return slot;
    }
    at = tally_peer_instant(&registry->peers.list[peer], answer->at);
    if (!is_in_window(registry, inquiry->event.at, at,
                      early_bound_us(registry, peer, inquiry->feed))) {
        return TALLY_CALL_NOBODY;
    }
    return add_credit(registry, now, peer, answer->record_id,
                      tally_event_displayed(&inquiry->event), inquiry->event.b_number, at,
                      TALLY_CALL_FROM_ANSWER);
}

static bool is_match(const struct tally_call *credit, const struct tally_event *event)
{
    /* The answerer vouches for the number displayed; announced was perhaps the call's other one. */
    return credit->b_number == event->b_number;
}

/* Returns true when the call is decided. */
static bool take_found(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                       uint32_t peer, const struct tally_answer *answer,
                       struct tally_effects *effects)
{
    struct tally_inquiry *inquiry = &registry->inquiries[slot];
    uint32_t credit = credit_of(registry, now, peer, answer, inquiry);
    struct arrival arrival;

    if (credit == TALLY_CALL_NOBODY || answer->which != TALLY_WHICH_PRESENTED ||
        !is_match(&registry->calls.list[credit], &inquiry->event)) {
        inquiry->evidence.answers.unknown_count++;
        return false;
    }
    if (answer->is_spent || !is_free_for(&registry->calls.list[credit], &inquiry->event)) {
        inquiry->evidence.credit = TALLY_CREDIT_SPENT;
        inquiry->spent_peer = peer;
        inquiry->spent_record_id = answer->record_id;
        return false;
    }
    arrival = arrival_of(registry, inquiry);
    spend(registry, credit, &arrival);
    conclude(registry, now, slot, &arrival, effects);
    return true;
}

static void take_denial(struct tally_inquiry *inquiry, const struct tally_answer *answer)
{
    struct tally_answers *answers = &inquiry->evidence.answers;

    if (answer->entitled_hash != inquiry->entitled_hash) {
        answers->skewed_count++;
        return;
    }
    if (answer->log_size != inquiry->log_size) {
        inquiry->evidence.is_log_agreed = false;
    }
    if (answer->kind == TALLY_ANSWER_NONE) {
        answers->none_count++;
    } else {
        answers->none_direct_count++;
    }
}

static void judge_open(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                       struct tally_effects *effects)
{
    struct tally_inquiry *inquiry = &registry->inquiries[slot];
    struct arrival arrival;

    for (unsigned at = 0; at < inquiry->asked_count; at++) {
        inquiry->evidence.answers.silent_count =
            (uint8_t)(inquiry->evidence.answers.silent_count + ((inquiry->open_mask >> at) & 1u));
    }
    arrival = arrival_of(registry, inquiry);
    if (inquiry->evidence.credit == TALLY_CREDIT_SPENT && inquiry->spent_peer != TALLY_PEER_SELF) {
        arrival.peer = inquiry->spent_peer;
        arrival.peer_record_id = inquiry->spent_record_id;
    }
    conclude(registry, now, slot, &arrival, effects);
}

/* The inquiry that an answer is for, and the answerer's place in it. */
static bool find_asked(const struct tally_registry *registry, uint32_t peer, uint64_t query_id,
                       uint32_t *slot, unsigned *place)
{
    const struct tally_inquiry *inquiry = NULL;

    *slot = (uint32_t)query_id;
    *place = 0;
    if (*slot >= registry->config.inquiry_max) {
        return false;
    }
    inquiry = &registry->inquiries[*slot];
    if (!inquiry->is_used || query_id_of(inquiry, *slot) != query_id) {
        return false;
    }
    while (*place < inquiry->asked_count && inquiry->asked[*place] != peer) {
        (*place)++;
    }
    return *place < inquiry->asked_count && ((inquiry->open_mask >> *place) & 1u) != 0;
}

void tally_terminate_answer(struct tally_registry *registry, struct tally_now now, uint32_t peer,
                            const struct tally_answer *answer, struct tally_effects *effects)
{
    uint32_t slot = 0;
    unsigned place = 0;
    struct tally_inquiry *inquiry = NULL;

    if (!find_asked(registry, peer, answer->query_id, &slot, &place)) {
        if (peer != TALLY_PEER_SELF) {
            tally_effect_trace(effects, TALLY_TRACE_ANSWER_LATE, peer, 0, TALLY_REJECT_STATE, 0);
        }
        return;
    }
    inquiry = &registry->inquiries[slot];
    inquiry->open_mask &= (uint8_t) ~(1u << place);
    if (peer != TALLY_PEER_SELF) {
        registry->peers.list[peer].status.answer_count[answer->kind]++;
    }
    switch (answer->kind) {
    case TALLY_ANSWER_FOUND:
        if (take_found(registry, now, slot, peer, answer, effects)) {
            return;
        }
        break;
    case TALLY_ANSWER_NONE:
    case TALLY_ANSWER_NONE_DIRECT:
        take_denial(inquiry, answer);
        break;
    case TALLY_ANSWER_UNKNOWN:
    case TALLY_ANSWER_REFER:
    case TALLY_ANSWER_TRUE:
    case TALLY_ANSWER_FALSE:
    case TALLY_ANSWER_HOME:
    case TALLY_ANSWER_ABROAD:
    case TALLY_ANSWER_KIND_COUNT:
        inquiry->evidence.answers.unknown_count++;
        break;
    }
    if (inquiry->open_mask == 0) {
        judge_open(registry, now, slot, effects);
    }
}

void tally_terminate_deadline(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                              struct tally_effects *effects)
{
    TALLY_ASSERT(registry->inquiries[slot].is_used);
    judge_open(registry, now, slot, effects);
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
                -early_bound_us(registry, credit->peer, call->feed)) {
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
