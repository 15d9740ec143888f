/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking every operator entitled for A whether there is such a call, and what becomes of the
 * answers. A FOUND ends the inquiry at once; denials count when all of them are there; what is
 * missing at the deadline is silence, and silence accuses nobody.
 */
#include "base/assert.h"
#include "core/arrival.h"

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

struct tally_arrival tally_inquiry_arrival(const struct tally_registry *registry,
                                           const struct tally_inquiry *inquiry)
{
    return (struct tally_arrival){.call = inquiry->call,
                                  .id = tally_calls_id(&registry->calls, inquiry->call),
                                  .feed = inquiry->feed,
                                  .seq = inquiry->feed_seq,
                                  .event = &inquiry->event,
                                  .begun = inquiry->begun,
                                  .evidence = inquiry->evidence,
                                  .log_size = inquiry->log_size,
                                  .peer = inquiry->holder};
}

void tally_inquiry_conclude(struct tally_registry *registry, struct tally_now now, uint32_t slot,
                            const struct tally_arrival *arrival, struct tally_effects *effects)
{
    tally_arrival_judge(registry, now, arrival, effects);
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
bool tally_inquiry_open(struct tally_registry *registry, struct tally_now now,
                        struct tally_arrival *arrival, const struct tally_cdb_entry *entry,
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
    if (!tally_credit_is_in_window(registry, inquiry->event.at, at,
                                   tally_credit_early_us(registry, peer, inquiry->feed))) {
        return TALLY_CALL_NOBODY;
    }
    return tally_credit_add(registry, now, peer, answer->record_id,
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
    struct tally_arrival arrival;

    if (credit == TALLY_CALL_NOBODY || answer->which != TALLY_WHICH_PRESENTED ||
        !is_match(&registry->calls.list[credit], &inquiry->event)) {
        inquiry->evidence.answers.unknown_count++;
        return false;
    }
    if (answer->is_spent ||
        !tally_credit_is_free_for(&registry->calls.list[credit], &inquiry->event)) {
        inquiry->evidence.credit = TALLY_CREDIT_SPENT;
        inquiry->spent_peer = peer;
        inquiry->spent_record_id = answer->record_id;
        return false;
    }
    arrival = tally_inquiry_arrival(registry, inquiry);
    tally_credit_spend(registry, credit, &arrival);
    tally_inquiry_conclude(registry, now, slot, &arrival, effects);
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
    struct tally_arrival arrival;

    for (unsigned at = 0; at < inquiry->asked_count; at++) {
        inquiry->evidence.answers.silent_count =
            (uint8_t)(inquiry->evidence.answers.silent_count + ((inquiry->open_mask >> at) & 1u));
    }
    arrival = tally_inquiry_arrival(registry, inquiry);
    if (inquiry->evidence.credit == TALLY_CREDIT_SPENT && inquiry->spent_peer != TALLY_PEER_SELF) {
        arrival.peer = inquiry->spent_peer;
        arrival.peer_record_id = inquiry->spent_record_id;
    }
    tally_inquiry_conclude(registry, now, slot, &arrival, effects);
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
