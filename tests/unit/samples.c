/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/samples.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX UINT64_C(999999999999999)
#define AT UINT64_C(1700000000000000)

uint8_t *test_exact_copy(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void sample_announce(struct tally_announce *announce)
{
    announce->record_id = 0x0102030405060708;
    announce->at.us = AT;
    announce->a_network = UINT64_C(442079460001);
    announce->a_presented = UINT64_C(442079460002);
    announce->b_number = UINT64_C(33199001234);
    announce->flags = TALLY_EVENT_SCREENED;
    announce->token = 0x1112131415161718;
}

static void sample_query(struct tally_query *query)
{
    query->query_id = 0x2122232425262728;
    query->at.us = AT + 1;
    query->budget_us = 300000;
    query->clock_bound_us = 50000;
    query->a_network = UINT64_C(442079460001);
    query->a_presented = UINT64_C(442079460002);
    query->b_number = UINT64_C(33199001234);
    query->wants_signature = true;
    query->entitled_hash = 0x3132333435363738;
}

static void sample_answer(struct tally_answer *answer, enum tally_answer_kind kind)
{
    answer->query_id = 0x2122232425262728;
    answer->kind = kind;
    answer->log_size = 1234;
    answer->entitled_hash = 0x3132333435363738;
    if (kind == TALLY_ANSWER_FOUND) {
        answer->is_spent = true;
        answer->which = TALLY_WHICH_NETWORK;
        answer->record_id = 0x0102030405060708;
        answer->at.us = AT;
    }
}

static void sample_report(struct tally_report *report, enum tally_report_kind kind)
{
    report->record_id = 0x0102030405060708;
    report->at.us = AT;
    report->kind = kind;
}

void test_sample(enum test_sample which, struct tally_record *record)
{
    memset(record, 0, sizeof(*record));
    switch (which) {
    case SAMPLE_ANNOUNCE:
    case SAMPLE_ANNOUNCE_ONWARD:
    case SAMPLE_ANNOUNCE_DIVERTED:
        record->type = TALLY_RECORD_ANNOUNCE;
        sample_announce(&record->announce);
        if (which == SAMPLE_ANNOUNCE_ONWARD) {
            record->announce.kind = TALLY_LEG_ONWARD;
            record->announce.hop_count = 2;
            record->announce.upstream_token = 0x4142434445464748;
        }
        if (which == SAMPLE_ANNOUNCE_DIVERTED) {
            record->announce.original_called = UINT64_C(33199005678);
            record->announce.redirecting = UINT64_C(33199009012);
        }
        break;
    case SAMPLE_QUERY:
    case SAMPLE_QUERY_DIVERTED:
        record->type = TALLY_RECORD_QUERY;
        sample_query(&record->query);
        if (which == SAMPLE_QUERY_DIVERTED) {
            record->query.original_called = UINT64_C(33199005678);
            record->query.redirecting = UINT64_C(33199009012);
        }
        break;
    case SAMPLE_ANSWER_FOUND:
    case SAMPLE_ANSWER_NONE:
        record->type = TALLY_RECORD_ANSWER;
        sample_answer(&record->answer,
                      which == SAMPLE_ANSWER_FOUND ? TALLY_ANSWER_FOUND : TALLY_ANSWER_NONE);
        break;
    case SAMPLE_REPORT_ARRIVED:
        record->type = TALLY_RECORD_REPORT;
        sample_report(&record->report, TALLY_REPORT_ARRIVED);
        break;
    case SAMPLE_REPORT_ANSWERED:
        record->type = TALLY_RECORD_REPORT;
        sample_report(&record->report, TALLY_REPORT_ANSWERED);
        record->report.is_charged = true;
        break;
    case SAMPLE_REPORT_RELEASED:
        record->type = TALLY_RECORD_REPORT;
        sample_report(&record->report, TALLY_REPORT_RELEASED);
        record->report.cause = 16;
        record->report.is_charged = true;
        break;
    case SAMPLE_REPORT_REJECTED:
        record->type = TALLY_RECORD_REPORT;
        sample_report(&record->report, TALLY_REPORT_REJECTED);
        record->report.verdict = TALLY_VERDICT_CLI_SPOOFED;
        record->report.action = TALLY_ACTION_BLOCK;
        record->report.cause = 21;
        break;
    case SAMPLE_PROBE_REQUEST:
    case SAMPLE_PROBE_REPLY:
        record->type = TALLY_RECORD_PROBE;
        record->probe.probe_id = 0x51525354;
        record->probe.t1.us = AT;
        if (which == SAMPLE_PROBE_REPLY) {
            record->probe.is_reply = true;
            record->probe.t2.us = AT + 2;
            record->probe.t3.us = AT + 3;
        }
        break;
    case SAMPLE_COUNT:
        fail();
        break;
    }
}

static uint64_t random_number(struct test_chance *chance)
{
    switch (test_chance_below(chance, 8)) {
    case 0:
        return 1;
    case 1:
        return NUMBER_MAX;
    default:
        return 1 + test_chance_below(chance, NUMBER_MAX);
    }
}

static uint64_t random_number_or_none(struct test_chance *chance)
{
    return test_chance_below(chance, 3) == 0 ? 0 : random_number(chance);
}

static struct tally_wall random_wall(struct test_chance *chance)
{
    switch (test_chance_below(chance, 8)) {
    case 0:
        return (struct tally_wall){1};
    case 1:
        return (struct tally_wall){TALLY_WALL_MAX_US};
    default:
        return (struct tally_wall){
            (int64_t)(1 + test_chance_below(chance, (uint64_t)TALLY_WALL_MAX_US))};
    }
}

static uint64_t random_id(struct test_chance *chance)
{
    uint64_t id = test_chance_scaled(chance, 64);

    return id == 0 ? 1 : id;
}

static bool random_flag(struct test_chance *chance)
{
    return test_chance_below(chance, 2) == 1;
}

static void random_announce(struct test_chance *chance, struct tally_announce *announce)
{
    announce->record_id = random_id(chance);
    announce->at = random_wall(chance);
    announce->a_network = random_number_or_none(chance);
    announce->a_presented =
        announce->a_network == 0 ? random_number(chance) : random_number_or_none(chance);
    announce->b_number = random_number(chance);
    announce->flags = (uint32_t)test_chance_below(chance, TALLY_EVENT_FLAGS_ALL + 1);
    announce->token = random_id(chance);
    if (random_flag(chance)) {
        announce->kind = TALLY_LEG_ONWARD;
        announce->hop_count = (uint8_t)(1 + test_chance_below(chance, 5));
        announce->upstream_token = random_id(chance);
    }
    announce->original_called = random_number_or_none(chance);
    announce->redirecting = random_number_or_none(chance);
}

static void random_query(struct test_chance *chance, struct tally_query *query)
{
    query->query_id = random_id(chance);
    query->at = random_wall(chance);
    query->budget_us = (uint32_t)(1 + test_chance_below(chance, 2000000));
    query->clock_bound_us = (uint32_t)test_chance_scaled(chance, 32);
    query->a_presented = random_number_or_none(chance);
    query->a_network =
        query->a_presented == 0 ? random_number(chance) : random_number_or_none(chance);
    query->b_number = random_number(chance);
    query->original_called = random_number_or_none(chance);
    query->redirecting = random_number_or_none(chance);
    query->wants_signature = random_flag(chance);
    query->entitled_hash = test_chance_scaled(chance, 64);
}

static void random_answer(struct test_chance *chance, struct tally_answer *answer)
{
    answer->query_id = random_id(chance);
    answer->kind = (enum tally_answer_kind)test_chance_below(chance, TALLY_ANSWER_KIND_COUNT);
    answer->log_size = test_chance_scaled(chance, 64);
    answer->entitled_hash = test_chance_scaled(chance, 64);
    if (answer->kind == TALLY_ANSWER_FOUND) {
        answer->is_spent = random_flag(chance);
        answer->which =
            (enum tally_which_number)(1 + test_chance_below(chance, TALLY_WHICH_COUNT - 1));
        answer->record_id = random_id(chance);
        answer->at = random_wall(chance);
    }
}

static void random_report(struct test_chance *chance, struct tally_report *report)
{
    report->record_id = random_id(chance);
    report->at = random_wall(chance);
    report->kind =
        (enum tally_report_kind)(1 + test_chance_below(chance, TALLY_REPORT_KIND_COUNT - 1));
    if (report->kind == TALLY_REPORT_REJECTED) {
        report->verdict = (enum tally_verdict)test_chance_below(chance, TALLY_VERDICT_COUNT);
        report->action = (enum tally_action)test_chance_below(chance, TALLY_ACTION_COUNT);
    }
    if (report->kind == TALLY_REPORT_REJECTED || report->kind == TALLY_REPORT_RELEASED) {
        report->cause = (uint8_t)test_chance_below(chance, 128);
    }
    if (report->kind == TALLY_REPORT_ANSWERED || report->kind == TALLY_REPORT_RELEASED) {
        report->is_charged = random_flag(chance);
    }
}

static void random_probe(struct test_chance *chance, struct tally_probe *probe)
{
    probe->probe_id = (uint32_t)test_chance_scaled(chance, 32);
    probe->t1 = random_wall(chance);
    probe->is_reply = random_flag(chance);
    if (probe->is_reply) {
        probe->t2 = random_wall(chance);
        probe->t3 = random_wall(chance);
        if (probe->t3.us < probe->t2.us) {
            probe->t3 = probe->t2;
        }
    }
}

void test_random_record(struct test_chance *chance, enum tally_record_type type,
                        struct tally_record *record)
{
    memset(record, 0, sizeof(*record));
    record->type = type;
    switch (type) {
    case TALLY_RECORD_ANNOUNCE:
        random_announce(chance, &record->announce);
        break;
    case TALLY_RECORD_QUERY:
        random_query(chance, &record->query);
        break;
    case TALLY_RECORD_ANSWER:
        random_answer(chance, &record->answer);
        break;
    case TALLY_RECORD_REPORT:
        random_report(chance, &record->report);
        break;
    case TALLY_RECORD_PROBE:
        random_probe(chance, &record->probe);
        break;
    case TALLY_RECORD_NONE:
    case TALLY_RECORD_TYPE_COUNT:
        fail();
        break;
    }
}

const enum tally_feed_type test_feed_types[TEST_FEED_TYPES] = {
    TALLY_FEED_HELLO,         TALLY_FEED_EVENT, TALLY_FEED_WATERMARK, TALLY_FEED_GAP,
    TALLY_FEED_OPEN_LEG,      TALLY_FEED_PING,  TALLY_FEED_ACK,       TALLY_FEED_VERDICT,
    TALLY_FEED_OPEN_LEGS_END, TALLY_FEED_FLUSH,
};

static void random_event(struct test_chance *chance, struct tally_feed_event *event, uint64_t seq)
{
    struct tally_event *inner = &event->event;

    event->seq = seq;
    inner->kind =
        seq == 0
            ? TALLY_EVENT_SETUP
            : (enum tally_event_kind)(1 + test_chance_below(chance, TALLY_EVENT_KIND_COUNT - 1));
    inner->side = (enum tally_side)(1 + test_chance_below(chance, TALLY_SIDE_COUNT - 1));
    if (seq == 0 && inner->side == TALLY_SIDE_TERMINATING) {
        inner->side = TALLY_SIDE_BOTH;
    }
    inner->flags = (uint32_t)test_chance_below(chance, TALLY_EVENT_FLAGS_ALL + 1);
    inner->ingress_class =
        (enum tally_trunk_class)test_chance_below(chance, TALLY_TRUNK_CLASS_COUNT);
    inner->ingress_trunk = (uint16_t)test_chance_scaled(chance, 16);
    inner->egress_trunk = (uint16_t)test_chance_scaled(chance, 16);
    inner->a_network = random_number_or_none(chance);
    inner->a_presented = random_number_or_none(chance);
    inner->b_number =
        inner->kind == TALLY_EVENT_SETUP ? random_number(chance) : random_number_or_none(chance);
    inner->original_called = random_number_or_none(chance);
    inner->redirecting = random_number_or_none(chance);
    inner->at = random_wall(chance);
    inner->leg_key = random_id(chance);
    inner->call_ref = test_chance_scaled(chance, 64);
}

static void random_verdict(struct test_chance *chance, struct tally_feed_verdict *verdict)
{
    verdict->seq = random_id(chance);
    verdict->leg_key = random_id(chance);
    verdict->verdict_id = random_id(chance);
    verdict->verdict = (enum tally_verdict)test_chance_below(chance, TALLY_VERDICT_COUNT);
    if (verdict->verdict == TALLY_VERDICT_CLI_SPOOFED) {
        verdict->grade = (enum tally_grade)test_chance_below(chance, TALLY_GRADE_COUNT);
    }
    verdict->action = (enum tally_action)test_chance_below(chance, TALLY_ACTION_COUNT);
    if (verdict->action == TALLY_ACTION_BLOCK || verdict->action == TALLY_ACTION_RELEASE) {
        verdict->cause = (uint8_t)test_chance_below(chance, 128);
    }
    verdict->marks = (uint32_t)test_chance_below(chance, 1 << TALLY_MARK_COUNT);
}

static void random_gap(struct test_chance *chance, struct tally_feed_gap *gap)
{
    gap->seq = random_id(chance);
    gap->from = random_wall(chance);
    gap->to = random_wall(chance);
    if (gap->to.us < gap->from.us) {
        gap->to = gap->from;
    }
    gap->lost_count = (uint32_t)test_chance_scaled(chance, 32);
}

void test_random_feed_record(struct test_chance *chance, enum tally_feed_type type,
                             struct tally_feed_record *record)
{
    memset(record, 0, sizeof(*record));
    record->type = type;
    switch (type) {
    case TALLY_FEED_HELLO:
        record->hello.version = TALLY_FEED_VERSION;
        record->hello.feed_class =
            (enum tally_feed_class)test_chance_below(chance, TALLY_FEED_CLASS_COUNT);
        record->hello.boot_id = random_id(chance);
        record->hello.next_seq = random_id(chance);
        record->hello.clock_bound_us = (uint32_t)test_chance_scaled(chance, 32);
        break;
    case TALLY_FEED_EVENT:
        random_event(chance, &record->event, random_id(chance));
        break;
    case TALLY_FEED_OPEN_LEG:
        random_event(chance, &record->event, 0);
        break;
    case TALLY_FEED_WATERMARK:
        record->watermark.seq = test_chance_scaled(chance, 64);
        record->watermark.at = random_wall(chance);
        record->watermark.flush_id = test_chance_scaled(chance, 64);
        break;
    case TALLY_FEED_GAP:
        random_gap(chance, &record->gap);
        break;
    case TALLY_FEED_OPEN_LEGS_END:
        record->legs_end.since = random_wall(chance);
        record->legs_end.leg_count = (uint32_t)test_chance_scaled(chance, 32);
        break;
    case TALLY_FEED_PING:
        record->ping.daemon_boot = random_id(chance);
        break;
    case TALLY_FEED_ACK:
        record->ack.seq = random_id(chance);
        record->ack.due_us = (uint32_t)test_chance_scaled(chance, 32);
        break;
    case TALLY_FEED_VERDICT:
        random_verdict(chance, &record->verdict);
        break;
    case TALLY_FEED_FLUSH:
        record->flush.flush_id = random_id(chance);
        break;
    case TALLY_FEED_NONE:
        fail();
        break;
    }
}

static void sample_event(struct tally_event *event)
{
    event->kind = TALLY_EVENT_SETUP;
    event->side = TALLY_SIDE_ORIGINATING;
    event->flags = TALLY_EVENT_RESTRICTED;
    event->ingress_class = TALLY_TRUNK_CUSTOMER;
    event->ingress_trunk = 0x0102;
    event->egress_trunk = 0x0304;
    event->a_network = UINT64_C(442079460001);
    event->a_presented = UINT64_C(442079460002);
    event->b_number = UINT64_C(33199001234);
    event->original_called = UINT64_C(33199005678);
    event->redirecting = UINT64_C(33199009012);
    event->at.us = AT;
    event->leg_key = 0x0102030405060708;
    event->call_ref = 0x1112131415161718;
}

void test_feed_sample(enum tally_feed_type type, struct tally_feed_record *record)
{
    struct test_chance chance = {8};

    /* Most types have no fields that depend on each other: any valid one will do. */
    test_random_feed_record(&chance, type, record);
    if (type == TALLY_FEED_EVENT || type == TALLY_FEED_OPEN_LEG) {
        sample_event(&record->event.event);
    }
    if (type == TALLY_FEED_VERDICT) {
        record->verdict.verdict = TALLY_VERDICT_CLI_SPOOFED;
        record->verdict.grade = TALLY_GRADE_PROVEN;
        record->verdict.action = TALLY_ACTION_BLOCK;
        record->verdict.cause = 21;
    }
    if (type == TALLY_FEED_GAP) {
        record->gap.from.us = AT;
        record->gap.to.us = AT + 1;
    }
}
