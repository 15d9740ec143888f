/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/effects.h"

#include "base/assert.h"
#include "daemon/follow.h"

#include <inttypes.h>

const char *tally_daemon_peer_id(const struct tally_daemon *daemon, uint32_t slot)
{
    return slot < (uint32_t)daemon->conf.peer_max ? daemon->peers[slot].operator_id : "";
}

const char *tally_daemon_feed_name(const struct tally_daemon *daemon, uint8_t feed)
{
    return feed < daemon->conf.feed_count ? daemon->conf.feeds[feed].name : "";
}

static void report_decision(struct tally_daemon *daemon, enum tally_report_event event,
                            const struct tally_decision *decision)
{
    char id[TALLY_VERDICT_ID_TEXT_BYTES];

    if (!tally_report_is_wanted(&daemon->report, event)) {
        return;
    }
    tally_verdict_id_format(decision->id, id);
    tally_report(
        &daemon->report, event,
        "id=%s verdict=%s grade=%s reason=%s action=%s line=%s peer=%s feed=%s wait_us=%" PRId64,
        id, tally_verdict_name(decision->judgement.verdict),
        tally_grade_name(decision->judgement.grade), tally_reason_name(decision->judgement.reason),
        tally_action_name(decision->ruling.action), tally_policy_line_name(decision->ruling.line),
        tally_daemon_peer_id(daemon, decision->peer),
        tally_daemon_feed_name(daemon, decision->feed), decision->wait_us);
}

static void decided(struct tally_daemon *daemon, const struct tally_decision *decision)
{
    (void)tally_ring_add(&daemon->ring, decision);
    if (tally_ctl_server_is_followed(daemon->control)) {
        tally_ctl_server_tell_verdict(daemon->control, decision,
                                      tally_daemon_peer_id(daemon, decision->peer),
                                      tally_daemon_feed_name(daemon, decision->feed));
    }
    report_decision(daemon, TALLY_REPORT_DECIDED, decision);
}

static void persist(struct tally_daemon *daemon, const struct tally_decision *decision)
{
    uint32_t place = tally_ring_find(&daemon->ring, decision->id);

    /* PERSIST comes right after its DECIDED. */
    TALLY_ASSERT(place != TALLY_RING_NOBODY);
    report_decision(daemon, TALLY_REPORT_EVIDENCE, decision);
    if (!tally_keeper_give(&daemon->keeper, daemon->worker, &daemon->ring, place,
                           tally_daemon_peer_id(daemon, decision->peer),
                           tally_daemon_feed_name(daemon, decision->feed))) {
        tally_report(&daemon->report, TALLY_REPORT_EVIDENCE_FULL,
                     "pending=%" PRIu64 " lost=%" PRIu64, daemon->keeper.pending_count,
                     daemon->keeper.lost_count);
    }
}

static void outcome(struct tally_daemon *daemon, const struct tally_outcome_notice *notice)
{
    if (tally_ctl_server_is_followed(daemon->control)) {
        tally_ctl_server_tell_outcome(daemon->control, notice,
                                      tally_daemon_peer_id(daemon, notice->peer),
                                      tally_daemon_feed_name(daemon, notice->feed));
    }
    if (tally_report_is_wanted(&daemon->report, TALLY_REPORT_OUTCOME)) {
        char id[TALLY_VERDICT_ID_TEXT_BYTES];

        tally_verdict_id_format(notice->id, id);
        tally_report(&daemon->report, TALLY_REPORT_OUTCOME, "id=%s outcome=%s peer=%s feed=%s", id,
                     tally_outcome_name(notice->outcome),
                     tally_daemon_peer_id(daemon, notice->peer),
                     tally_daemon_feed_name(daemon, notice->feed));
    }
}

static void trace_feed(struct tally_daemon *daemon, enum tally_report_event event,
                       const struct tally_trace *trace)
{
    tally_report(&daemon->report, event, "feed=%s", tally_daemon_feed_name(daemon, trace->feed));
}

static void trace_peer(struct tally_daemon *daemon, enum tally_report_event event,
                       const struct tally_trace *trace)
{
    tally_report(&daemon->report, event, "peer=%s", tally_daemon_peer_id(daemon, trace->peer));
}

static void trace(struct tally_daemon *daemon, const struct tally_trace *trace)
{
    struct tally_reporter *report = &daemon->report;

    switch (trace->type) {
    case TALLY_TRACE_FEED_HELLO:
        trace_feed(daemon, TALLY_REPORT_FEED_HELLO, trace);
        return;
    case TALLY_TRACE_FEED_COVERED:
        trace_feed(daemon, TALLY_REPORT_FEED_COVERED, trace);
        return;
    case TALLY_TRACE_FEED_COMPLETE:
        trace_feed(daemon, TALLY_REPORT_FEED_COMPLETE, trace);
        return;
    case TALLY_TRACE_FEED_GAP:
        tally_report(report, TALLY_REPORT_FEED_GAP, "feed=%s lost=%" PRId64,
                     tally_daemon_feed_name(daemon, trace->feed), trace->value);
        return;
    case TALLY_TRACE_FEED_REJECT:
        tally_report(report, TALLY_REPORT_FEED_REJECT, "feed=%s reason=%s",
                     tally_daemon_feed_name(daemon, trace->feed), tally_reject_name(trace->reject));
        return;
    case TALLY_TRACE_PEER_UP:
        trace_peer(daemon, TALLY_REPORT_PEER_UP, trace);
        return;
    case TALLY_TRACE_PEER_DOWN:
        trace_peer(daemon, TALLY_REPORT_PEER_DOWN, trace);
        return;
    case TALLY_TRACE_PEER_CLOCK:
        tally_report(report, TALLY_REPORT_PEER_CLOCK, "peer=%s offset_us=%" PRId64,
                     tally_daemon_peer_id(daemon, trace->peer), trace->value);
        return;
    case TALLY_TRACE_PEER_REJECT:
        tally_report(report, TALLY_REPORT_PEER_REJECT, "peer=%s reason=%s",
                     tally_daemon_peer_id(daemon, trace->peer), tally_reject_name(trace->reject));
        return;
    case TALLY_TRACE_ANSWER_LATE:
        trace_peer(daemon, TALLY_REPORT_ANSWER_LATE, trace);
        return;
    case TALLY_TRACE_TABLE_FULL:
        tally_report(report, TALLY_REPORT_TABLE_FULL, "value=%" PRId64, trace->value);
        return;
    case TALLY_TRACE_CDB_CHANGED:
        /* follow.c tells it, with what the core does not know. */
        return;
    case TALLY_TRACE_TYPE_COUNT:
        break;
    }
    TALLY_ASSERT(!"a trace that the core knows");
}

static void carry_out(struct tally_daemon *daemon, const struct tally_effect *effect)
{
    switch (effect->type) {
    case TALLY_EFFECT_SEND:
        tally_outbox_add_peer(&daemon->outbox, effect->send.peer, &effect->send.record);
        return;
    case TALLY_EFFECT_FEED:
        tally_outbox_add_feed(&daemon->outbox, effect->feed.feed, &effect->feed.record);
        return;
    case TALLY_EFFECT_DECIDED:
        decided(daemon, &effect->decision);
        return;
    case TALLY_EFFECT_OUTCOME:
        outcome(daemon, &effect->outcome);
        return;
    case TALLY_EFFECT_PERSIST:
        persist(daemon, &effect->decision);
        return;
    case TALLY_EFFECT_RELEASE_CDB:
        tally_daemon_follow_release(daemon, effect->cdb);
        return;
    case TALLY_EFFECT_TRACE:
        trace(daemon, &effect->trace);
        return;
    }
    TALLY_ASSERT(!"an effect that the core knows");
}

void tally_daemon_step(struct tally_daemon *daemon, const struct tally_input *input)
{
    struct tally_effects effects = {.list = daemon->effect_list, .count = 0};

    tally_registry_step(daemon->registry, daemon->now, input, &effects);
    TALLY_ASSERT(effects.count <= TALLY_EFFECTS_MAX);
    for (uint32_t i = 0; i < effects.count; i++) {
        carry_out(daemon, &effects.list[i]);
    }
}
