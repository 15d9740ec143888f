/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/view.h"

#include "tally/e164.h"

#include <stdio.h>
#include <string.h>

/* --- names of what the public headers have no names for --- */

#define NAME_OF(names, value)                                                                      \
    ((size_t)(value) < sizeof(names) / sizeof((names)[0]) ? (names)[(size_t)(value)] : "?")

static const char *const mode_names[] = {"shadow", "label", "enforce"};
static const char *const side_names[] = {"none", "originating", "terminating", "both"};
static const char *const kind_names[] = {"none",    "setup",  "ringing", "answer",
                                         "release", "divert", "roam"};
static const char *const trunk_names[] = {"interconnect", "customer", "exempting"};
static const char *const freshness_names[] = {"unusable", "stale", "fresh"};
static const char *const coverage_names[] = {"nothing", "window", "legs"};
static const char *const exemption_names[] = {"none", "flagged", "short-code", "not-e164"};
static const char *const cli_names[] = {"absent", "plausible", "implausible"};
static const char *const credit_names[] = {"none", "free", "spent", "network-only"};
static const char *const token_names[] = {"none", "confirmed", "denied"};
static const char *const standing_names[] = {"unknown", "no-holder", "contested", "held"};
static const char *const answers_names[] = {"none", "roaming", "calls"};
static const char *const strictness_names[] = {"lenient", "strict", "strict-direct"};
static const char *const flag_names[] = {"restricted", "screened", "emergency",    "priority",
                                         "incomplete", "charged",  "cli-malformed"};

/* --- pieces --- */

static void open_line(struct tally_json *json)
{
    tally_json_open(json, NULL, '{');
    tally_json_u64(json, "schema", TALLY_CTL_SCHEMA);
}

static void open_answer(struct tally_json *json)
{
    open_line(json);
    tally_json_bool(json, "ok", true);
}

static void text_or_null(struct tally_json *json, const char *key, const char *text)
{
    if (text == NULL || text[0] == '\0') {
        tally_json_null(json, key);
    } else {
        tally_json_text(json, key, text);
    }
}

static void number(struct tally_json *json, const char *key, uint64_t e164,
                   enum tally_ctl_numbers numbers)
{
    char text[TALLY_E164_TEXT_BYTES];

    if (e164 == 0) {
        tally_json_null(json, key);
        return;
    }
    if (numbers == TALLY_CTL_NUMBERS_SHOWN) {
        (void)tally_e164_format(e164, text);
    } else {
        (void)tally_e164_format_masked(e164, text);
    }
    tally_json_text(json, key, text);
}

static void id(struct tally_json *json, const char *key, uint64_t value)
{
    char text[TALLY_VERDICT_ID_TEXT_BYTES];

    if (value == 0) {
        tally_json_null(json, key);
        return;
    }
    tally_verdict_id_format(value, text);
    tally_json_text(json, key, text);
}

static void marks(struct tally_json *json, uint32_t bits)
{
    tally_json_open(json, "marks", '[');
    for (unsigned bit = 0; bit < TALLY_MARK_COUNT; bit++) {
        if ((bits >> bit & 1) != 0) {
            tally_json_text(json, NULL, tally_mark_name(bit));
        }
    }
    tally_json_close(json, ']');
}

/* Only what has happened at least once: a table of zeros hides the rest. */
#define COUNTS(json, key, counts, name_fn, type)                                                   \
    do {                                                                                           \
        tally_json_open(json, key, '{');                                                           \
        for (unsigned at = 0; at < sizeof(counts) / sizeof((counts)[0]); at++) {                   \
            if ((counts)[at] != 0) {                                                               \
                tally_json_u64(json, name_fn((type)at), (counts)[at]);                             \
            }                                                                                      \
        }                                                                                          \
        tally_json_close(json, '}');                                                               \
    } while (0)

/* --- answers --- */

void tally_ctl_view_error(struct tally_json *json, enum tally_err err, const char *text)
{
    open_line(json);
    tally_json_bool(json, "ok", false);
    tally_json_text(json, "error", tally_err_name(err));
    tally_json_i64(json, "exit_status", tally_err_exit_status(err));
    tally_json_text(json, "text", text[0] == '\0' ? tally_err_sentence(err) : text);
    tally_json_close(json, '}');
}

static void status_feeds(struct tally_json *json, const struct tally_ctl_status *status)
{
    tally_json_open(json, "feeds", '[');
    for (uint32_t i = 0; i < status->feed_count; i++) {
        const struct tally_feed_status *feed = &status->feed_status[i];

        tally_json_open(json, NULL, '{');
        tally_json_text(json, "name", status->feeds[i].name);
        tally_json_text(json, "class", tally_feed_class_name(status->feeds[i].feed_class));
        tally_json_text(json, "side", NAME_OF(side_names, status->feeds[i].side));
        tally_json_bool(json, "required", status->feeds[i].is_required);
        tally_json_bool(json, "up", feed->is_up);
        tally_json_text(json, "coverage", NAME_OF(coverage_names, feed->coverage));
        tally_json_u64(json, "events", feed->event_count);
        tally_json_u64(json, "gaps", feed->gap_count);
        tally_json_u64(json, "rejects", feed->reject_count);
        tally_json_close(json, '}');
    }
    tally_json_close(json, ']');
}

static void status_counters(struct tally_json *json, const struct tally_registry_counters *counters)
{
    COUNTS(json, "verdicts", counters->verdict_count, tally_verdict_name, enum tally_verdict);
    COUNTS(json, "actions", counters->action_count, tally_action_name, enum tally_action);
    COUNTS(json, "reasons", counters->reason_count, tally_reason_name, enum tally_reason);
    COUNTS(json, "outcomes", counters->outcome_count, tally_outcome_name, enum tally_outcome);
    COUNTS(json, "peer_rejects", counters->peer_reject_count, tally_reject_name, enum tally_reject);
    COUNTS(json, "feed_rejects", counters->feed_reject_count, tally_reject_name, enum tally_reject);
    tally_json_open(json, "tables", '{');
    tally_json_u64(json, "calls", counters->call_count);
    tally_json_u64(json, "call_max", counters->call_max);
    tally_json_u64(json, "inquiries", counters->inquiry_count);
    tally_json_u64(json, "inquiry_max", counters->inquiry_max);
    tally_json_u64(json, "full", counters->table_full_count);
    tally_json_close(json, '}');
}

static void status_cdb(struct tally_json *json, const struct tally_ctl_status *status)
{
    tally_json_open(json, "cdb", '{');
    tally_json_u64(json, "generation", status->cdb_generation);
    tally_json_u64(json, "log_size", status->cdb_log_size);
    tally_json_time(json, "stamped", status->cdb_stamped);
    tally_json_text(json, "freshness", NAME_OF(freshness_names, status->cdb_freshness));
    tally_json_u64(json, "operators", status->operator_count);
    tally_json_u64(json, "ranges", status->range_count);
    tally_json_close(json, '}');
}

static void status_state(struct tally_json *json, const struct tally_ctl_status *status)
{
    tally_json_open(json, "state", '{');
    tally_json_u64(json, "map_bytes", status->usage.map_bytes);
    tally_json_u64(json, "used_bytes", status->usage.used_bytes);
    tally_json_u64(json, "evidence", status->usage.evidence_count);
    tally_json_u64(json, "evidence_pending", status->evidence_pending_count);
    tally_json_u64(json, "evidence_lost", status->evidence_lost_count);
    tally_json_u64(json, "statements", status->usage.note_count);
    tally_json_close(json, '}');
}

void tally_ctl_view_status(struct tally_json *json, const struct tally_ctl_status *status)
{
    open_answer(json);
    tally_json_bool(json, "ready",
                    status->cdb_generation != 0 &&
                        status->cdb_freshness != TALLY_FRESHNESS_UNUSABLE);
    tally_json_text(json, "version", status->version == NULL ? "?" : status->version);
    tally_json_text(json, "operator", status->operator_id);
    tally_json_u64(json, "pid", status->pid);
    tally_json_u64(json, "boot", status->boot);
    tally_json_time(json, "started_at", status->started_at);
    tally_json_time(json, "now", status->now);
    tally_json_text(json, "mode", NAME_OF(mode_names, status->mode));
    status_cdb(json, status);
    tally_json_open(json, "peers", '{');
    tally_json_u64(json, "known", status->peer_count);
    tally_json_u64(json, "up", status->peer_up_count);
    tally_json_close(json, '}');
    status_feeds(json, status);
    status_counters(json, &status->counters);
    status_state(json, status);
    tally_json_close(json, '}');
}

static void peer_answers(struct tally_json *json, const struct tally_peer_status *status)
{
    static const char *const names[TALLY_ANSWER_KIND_COUNT] = {
        [TALLY_ANSWER_UNKNOWN] = "unknown", [TALLY_ANSWER_FOUND] = "found",
        [TALLY_ANSWER_NONE] = "none",       [TALLY_ANSWER_NONE_DIRECT] = "none_direct",
        [TALLY_ANSWER_REFER] = "refer",     [TALLY_ANSWER_TRUE] = "true",
        [TALLY_ANSWER_FALSE] = "false",     [TALLY_ANSWER_HOME] = "home",
        [TALLY_ANSWER_ABROAD] = "abroad",
    };

    tally_json_open(json, "answers", '{');
    for (unsigned kind = 0; kind < TALLY_ANSWER_KIND_COUNT; kind++) {
        if (status->answer_count[kind] != 0) {
            tally_json_u64(json, names[kind] == NULL ? "?" : names[kind],
                           status->answer_count[kind]);
        }
    }
    tally_json_close(json, '}');
}

void tally_ctl_view_peer(struct tally_json *json, const struct tally_ctl_peer *peer)
{
    const struct tally_peer_status *status = &peer->status;

    open_line(json);
    tally_json_open(json, "peer", '{');
    tally_json_text(json, "operator", status->operator_id);
    tally_json_bool(json, "up", status->is_up);
    tally_json_bool(json, "in_cdb", status->op != TALLY_CDB_NOBODY);
    text_or_null(json, "endpoint", peer->endpoint);
    tally_json_time(json, "changed_at", peer->changed_at);
    tally_json_time(json, "strict_since", peer->strict_since);
    if (status->rtt_us == 0) {
        tally_json_null(json, "rtt_ms");
        tally_json_null(json, "offset_ms");
        tally_json_null(json, "bound_ms");
    } else {
        tally_json_ms(json, "rtt_ms", status->rtt_us);
        tally_json_ms(json, "offset_ms", status->offset_us);
        tally_json_ms(json, "bound_ms", status->bound_us);
    }
    tally_json_u64(json, "announces_in", status->announce_in_count);
    tally_json_u64(json, "announces_out", status->announce_out_count);
    tally_json_u64(json, "queries_in", status->query_in_count);
    tally_json_u64(json, "queries_out", status->query_out_count);
    peer_answers(json, status);
    tally_json_u64(json, "rejects", status->reject_count);
    tally_json_close(json, '}');
    tally_json_close(json, '}');
}

void tally_ctl_view_peers_end(struct tally_json *json, uint32_t count)
{
    open_answer(json);
    tally_json_u64(json, "count", count);
    tally_json_close(json, '}');
}

void tally_ctl_view_following(struct tally_json *json)
{
    open_answer(json);
    tally_json_bool(json, "following", true);
    tally_json_close(json, '}');
}

/* --- calls --- */

/* The members of a judged call that the list and the explanation share. */
static void judged(struct tally_json *json, const struct tally_decision *decision,
                   const char *peer_id, const char *feed_name, enum tally_ctl_numbers numbers)
{
    const struct tally_event *event = &decision->event;

    id(json, "id", decision->id);
    tally_json_text(json, "side", "terminating");
    number(json, "a", tally_event_displayed(event), numbers);
    number(json, "b", event->b_number, numbers);
    tally_json_text(json, "verdict", tally_verdict_name(decision->judgement.verdict));
    text_or_null(json, "grade", tally_grade_name(decision->judgement.grade));
    if (decision->judgement.reason == TALLY_REASON_NONE) {
        tally_json_null(json, "reason");
    } else {
        tally_json_text(json, "reason", tally_reason_name(decision->judgement.reason));
    }
    marks(json, decision->judgement.marks);
    tally_json_text(json, "action", tally_action_name(decision->ruling.action));
    tally_json_text(json, "would_action", tally_action_name(decision->ruling.would_action));
    tally_json_u64(json, "cause", decision->ruling.cause);
    tally_json_text(json, "policy", tally_policy_line_name(decision->ruling.line));
    text_or_null(json, "peer", peer_id);
    tally_json_ms(json, "verdict_ms", decision->wait_us);
    tally_json_time(json, "decided_at", decision->decided_at);
    text_or_null(json, "feed", feed_name);
}

void tally_ctl_view_verdict(struct tally_json *json, const struct tally_decision *decision,
                            const char *peer_id, const char *feed_name,
                            enum tally_ctl_numbers numbers)
{
    open_line(json);
    tally_json_text(json, "event", "verdict");
    judged(json, decision, peer_id, feed_name, numbers);
    tally_json_null(json, "outcome");
    tally_json_close(json, '}');
}

void tally_ctl_view_outcome(struct tally_json *json, const struct tally_outcome_notice *outcome,
                            const char *peer_id, const char *feed_name,
                            enum tally_ctl_numbers numbers)
{
    bool is_refused = outcome->outcome == TALLY_OUTCOME_REFUSED;

    open_line(json);
    tally_json_text(json, "event", "outcome");
    id(json, "id", outcome->id);
    tally_json_text(json, "side", "originating");
    number(json, "a", outcome->a_number, numbers);
    number(json, "b", outcome->b_number, numbers);
    text_or_null(json, "verdict", is_refused ? tally_verdict_name(outcome->their_verdict) : NULL);
    tally_json_null(json, "grade");
    tally_json_null(json, "reason");
    marks(json, 0);
    text_or_null(json, "action", is_refused ? tally_action_name(outcome->their_action) : NULL);
    tally_json_null(json, "would_action");
    tally_json_null(json, "cause");
    tally_json_null(json, "policy");
    text_or_null(json, "peer", peer_id);
    tally_json_null(json, "verdict_ms");
    tally_json_time(json, "decided_at", outcome->at);
    text_or_null(json, "feed", feed_name);
    tally_json_text(json, "outcome", tally_outcome_name(outcome->outcome));
    tally_json_close(json, '}');
}

static void our_half(struct tally_json *json, const struct tally_decision *decision,
                     enum tally_ctl_numbers numbers)
{
    const struct tally_event *event = &decision->event;

    tally_json_open(json, "ours", '{');
    tally_json_time(json, "at", event->at);
    tally_json_text(json, "kind", NAME_OF(kind_names, event->kind));
    tally_json_text(json, "side", NAME_OF(side_names, event->side));
    number(json, "a_network", event->a_network, numbers);
    number(json, "a_presented", event->a_presented, numbers);
    number(json, "b", event->b_number, numbers);
    number(json, "original_called", event->original_called, numbers);
    number(json, "redirecting", event->redirecting, numbers);
    tally_json_text(json, "ingress_class", NAME_OF(trunk_names, event->ingress_class));
    tally_json_u64(json, "ingress_trunk", event->ingress_trunk);
    tally_json_u64(json, "egress_trunk", event->egress_trunk);
    tally_json_open(json, "flags", '[');
    for (unsigned bit = 0; bit < sizeof(flag_names) / sizeof(flag_names[0]); bit++) {
        if ((event->flags >> bit & 1) != 0) {
            tally_json_text(json, NULL, flag_names[bit]);
        }
    }
    tally_json_close(json, ']');
    tally_json_u64(json, "feed_seq", decision->feed_seq);
    tally_json_close(json, '}');
}

static void their_half(struct tally_json *json, const struct tally_decision *decision,
                       const char *peer_id)
{
    tally_json_open(json, "theirs", '{');
    text_or_null(json, "operator", peer_id);
    id(json, "record", decision->peer_record_id);
    tally_json_time(json, "at", decision->peer_at);
    if (decision->peer_at.us == 0 || decision->event.at.us == 0) {
        tally_json_null(json, "after_ms");
    } else {
        tally_json_ms(json, "after_ms", tally_wall_since_us(decision->peer_at, decision->event.at));
    }
    tally_json_ms(json, "offset_ms", decision->peer_offset_us);
    if (decision->peer_bound_us == INT64_MAX) {
        tally_json_null(json, "bound_ms");
    } else {
        tally_json_ms(json, "bound_ms", decision->peer_bound_us);
    }
    tally_json_close(json, '}');
}

static void asked(struct tally_json *json, const struct tally_ctl_explanation *explanation)
{
    const struct tally_answers *answers = &explanation->entry.decision.evidence.answers;

    tally_json_open(json, "asked", '{');
    tally_json_open(json, "entitled", '[');
    for (uint8_t i = 0; i < explanation->entitled_count && i < TALLY_CDB_ENTITLED_MAX; i++) {
        tally_json_text(json, NULL, explanation->entitled[i]);
    }
    tally_json_close(json, ']');
    tally_json_u64(json, "count", answers->asked_count);
    tally_json_u64(json, "none", answers->none_count);
    tally_json_u64(json, "none_direct", answers->none_direct_count);
    tally_json_u64(json, "unknown", answers->unknown_count);
    tally_json_u64(json, "silent", answers->silent_count);
    tally_json_u64(json, "unreachable", answers->unreachable_count);
    tally_json_u64(json, "skewed", answers->skewed_count);
    tally_json_close(json, '}');
}

static void known(struct tally_json *json, const struct tally_decision *decision)
{
    const struct tally_evidence *evidence = &decision->evidence;

    tally_json_open(json, "known", '{');
    tally_json_text(json, "exemption", NAME_OF(exemption_names, evidence->exemption));
    tally_json_text(json, "cli", NAME_OF(cli_names, evidence->cli));
    tally_json_bool(json, "presented_apart", evidence->is_presented_apart);
    tally_json_bool(json, "incomplete", evidence->is_incomplete);
    tally_json_bool(json, "tracked", evidence->is_tracked);
    tally_json_text(json, "standing", NAME_OF(standing_names, evidence->standing));
    tally_json_text(json, "answers", NAME_OF(answers_names, evidence->answers_policy));
    tally_json_text(json, "strictness", NAME_OF(strictness_names, evidence->strictness));
    tally_json_text(json, "freshness", NAME_OF(freshness_names, evidence->freshness));
    tally_json_bool(json, "holder_is_us", evidence->is_holder_ourselves);
    tally_json_bool(json, "log_agreed", evidence->is_log_agreed);
    tally_json_bool(json, "good_standing", evidence->is_in_good_standing);
    tally_json_text(json, "credit", NAME_OF(credit_names, evidence->credit));
    tally_json_text(json, "token", NAME_OF(token_names, evidence->token));
    tally_json_bool(json, "campaign", evidence->is_campaign);
    tally_json_u64(json, "log_size", decision->log_size);
    tally_json_close(json, '}');
}

static const char *keeping_name(const struct tally_ctl_explanation *explanation)
{
    if (explanation->is_in_memory_only) {
        return "memory";
    }
    return explanation->is_durable ? "durable" : "pending";
}

void tally_ctl_view_explanation(struct tally_json *json,
                                const struct tally_ctl_explanation *explanation,
                                enum tally_ctl_numbers numbers)
{
    const struct tally_evidence_entry *entry = &explanation->entry;

    open_answer(json);
    tally_json_open(json, "call", '{');
    judged(json, &entry->decision, entry->peer_id, entry->feed_name, numbers);
    tally_json_text(json, "policy_text", entry->policy_text);
    tally_json_text(json, "evidence", keeping_name(explanation));
    our_half(json, &entry->decision, numbers);
    their_half(json, &entry->decision, entry->peer_id);
    asked(json, explanation);
    known(json, &entry->decision);
    tally_json_close(json, '}');
    tally_json_close(json, '}');
}
