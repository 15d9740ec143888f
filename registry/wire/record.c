/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each record has three functions: put writes its fields after the record header, get reads them,
 * check knows their ranges. A decoded record passes check or is rejected; a record to be sent that
 * does not pass is a bug of ours. So two registries of one version never reject each other's
 * records. Offsets in the tables count from the record's first byte; 0 to 3 are its header.
 */
#include "wire/record.h"

#include "base/assert.h"
#include "tally/event.h"
#include "wire/batch.h"
#include "wire/fields.h"

#include <string.h>

enum {
    BUDGET_US_MAX = 2000000,
    HOPS_MAX = 5,
};

/*
 * The end of a longer ANNOUNCE or QUERY. Most calls are not diverted, so the two numbers are sent
 * only if one of them is there; the longer form with neither is refused, as a second way to say
 * the same.
 */
static void put_diversion(struct tally_writer *writer, uint64_t original_called,
                          uint64_t redirecting)
{
    if (original_called != 0 || redirecting != 0) {
        tally_write_u64(writer, original_called);
        tally_write_u64(writer, redirecting);
    }
}

static void get_diversion(struct tally_fields *fields, uint64_t *original_called,
                          uint64_t *redirecting)
{
    if (tally_reader_left(&fields->reader) == 0) {
        return;
    }
    *original_called = tally_read_u64(&fields->reader);
    *redirecting = tally_read_u64(&fields->reader);
    if (*original_called == 0 && *redirecting == 0 && fields->reject == TALLY_REJECT_NONE) {
        fields->reject = TALLY_REJECT_LONG;
    }
}

/*
 * ANNOUNCE, 64 or 80 bytes
 *
 *    4  1  kind, enum tally_leg_kind
 *    5  1  hop count
 *    6  2  flags, TALLY_EVENT_...
 *    8  8  record id
 *   16  8  instant
 *   24  8  A, network number
 *   32  8  A, presented number
 *   40  8  B
 *   48  8  token
 *   56  8  upstream token
 *   64  8  original called number    } longer form only
 *   72  8  redirecting number        }
 */
static void put_announce(struct tally_writer *writer, const struct tally_record *record)
{
    const struct tally_announce *announce = &record->announce;

    tally_write_u8(writer, (uint8_t)announce->kind);
    tally_write_u8(writer, announce->hop_count);
    tally_write_u16(writer, (uint16_t)announce->flags);
    tally_write_u64(writer, announce->record_id);
    tally_write_i64(writer, announce->at.us);
    tally_write_u64(writer, announce->a_network);
    tally_write_u64(writer, announce->a_presented);
    tally_write_u64(writer, announce->b_number);
    tally_write_u64(writer, announce->token);
    tally_write_u64(writer, announce->upstream_token);
    put_diversion(writer, announce->original_called, announce->redirecting);
}

static void get_announce(struct tally_fields *fields, struct tally_record *record)
{
    struct tally_announce *announce = &record->announce;
    struct tally_reader *reader = &fields->reader;

    announce->kind = (enum tally_leg_kind)tally_read_u8(reader);
    announce->hop_count = tally_read_u8(reader);
    announce->flags = tally_read_u16(reader);
    announce->record_id = tally_read_u64(reader);
    announce->at = tally_fields_wall(fields);
    announce->a_network = tally_read_u64(reader);
    announce->a_presented = tally_read_u64(reader);
    announce->b_number = tally_read_u64(reader);
    announce->token = tally_read_u64(reader);
    announce->upstream_token = tally_read_u64(reader);
    get_diversion(fields, &announce->original_called, &announce->redirecting);
}

static enum tally_reject check_announce(const struct tally_record *record)
{
    const struct tally_announce *announce = &record->announce;

    if (!tally_numbers_are_complete(announce->a_network, announce->a_presented, announce->b_number,
                                    announce->original_called, announce->redirecting)) {
        return TALLY_REJECT_NUMBER;
    }
    if (announce->record_id == 0 || announce->token == 0 || !tally_wall_is_in_range(announce->at) ||
        !tally_flags_are_known(announce->flags)) {
        return TALLY_REJECT_VALUE;
    }
    switch (announce->kind) {
    case TALLY_LEG_DIRECT:
        if (announce->hop_count != 0 || announce->upstream_token != 0) {
            return TALLY_REJECT_VALUE;
        }
        return TALLY_REJECT_NONE;
    case TALLY_LEG_ONWARD:
        if (announce->hop_count < 1 || announce->hop_count > HOPS_MAX ||
            announce->upstream_token == 0) {
            return TALLY_REJECT_VALUE;
        }
        return TALLY_REJECT_NONE;
    case TALLY_LEG_KIND_COUNT:
        break;
    }
    return TALLY_REJECT_VALUE;
}

/*
 * QUERY, 64 or 80 bytes
 *
 *    4  4  budget, microseconds
 *    8  8  query id
 *   16  8  instant
 *   24  8  A, network number
 *   32  8  A, presented number
 *   40  8  B
 *   48  8  hash of the entitled set
 *   56  4  error bound of the instant, microseconds
 *   60  1  wants a signature, 0 or 1
 *   61  3  reserved
 *   64  8  original called number    } longer form only
 *   72  8  redirecting number        }
 */
static void put_query(struct tally_writer *writer, const struct tally_record *record)
{
    const struct tally_query *query = &record->query;

    tally_write_u32(writer, query->budget_us);
    tally_write_u64(writer, query->query_id);
    tally_write_i64(writer, query->at.us);
    tally_write_u64(writer, query->a_network);
    tally_write_u64(writer, query->a_presented);
    tally_write_u64(writer, query->b_number);
    tally_write_u64(writer, query->entitled_hash);
    tally_write_u32(writer, query->clock_bound_us);
    tally_write_u8(writer, query->wants_signature);
    tally_write_zeros(writer, 3);
    put_diversion(writer, query->original_called, query->redirecting);
}

static void get_query(struct tally_fields *fields, struct tally_record *record)
{
    struct tally_query *query = &record->query;
    struct tally_reader *reader = &fields->reader;

    query->budget_us = tally_read_u32(reader);
    query->query_id = tally_read_u64(reader);
    query->at = tally_fields_wall(fields);
    query->a_network = tally_read_u64(reader);
    query->a_presented = tally_read_u64(reader);
    query->b_number = tally_read_u64(reader);
    query->entitled_hash = tally_read_u64(reader);
    query->clock_bound_us = tally_read_u32(reader);
    query->wants_signature = tally_fields_flag(fields);
    tally_fields_reserved(fields, 3);
    get_diversion(fields, &query->original_called, &query->redirecting);
}

static enum tally_reject check_query(const struct tally_record *record)
{
    const struct tally_query *query = &record->query;

    if (!tally_numbers_are_complete(query->a_network, query->a_presented, query->b_number,
                                    query->original_called, query->redirecting)) {
        return TALLY_REJECT_NUMBER;
    }
    if (query->query_id == 0 || !tally_wall_is_in_range(query->at) || query->budget_us == 0 ||
        query->budget_us > BUDGET_US_MAX) {
        return TALLY_REJECT_VALUE;
    }
    return TALLY_REJECT_NONE;
}

/*
 * ANSWER, 48 bytes
 *
 *    4  1  kind, enum tally_answer_kind
 *    5  1  spent, 0 or 1
 *    6  1  which number, enum tally_which_number
 *    7  1  reserved
 *    8  8  query id
 *   16  8  record id
 *   24  8  instant
 *   32  8  log size
 *   40  8  hash of the entitled set
 */
static void put_answer(struct tally_writer *writer, const struct tally_record *record)
{
    const struct tally_answer *answer = &record->answer;

    tally_write_u8(writer, (uint8_t)answer->kind);
    tally_write_u8(writer, answer->is_spent);
    tally_write_u8(writer, (uint8_t)answer->which);
    tally_write_zeros(writer, 1);
    tally_write_u64(writer, answer->query_id);
    tally_write_u64(writer, answer->record_id);
    tally_write_i64(writer, answer->at.us);
    tally_write_u64(writer, answer->log_size);
    tally_write_u64(writer, answer->entitled_hash);
}

static void get_answer(struct tally_fields *fields, struct tally_record *record)
{
    struct tally_answer *answer = &record->answer;
    struct tally_reader *reader = &fields->reader;

    answer->kind = (enum tally_answer_kind)tally_read_u8(reader);
    answer->is_spent = tally_fields_flag(fields);
    answer->which = (enum tally_which_number)tally_read_u8(reader);
    tally_fields_reserved(fields, 1);
    answer->query_id = tally_read_u64(reader);
    answer->record_id = tally_read_u64(reader);
    answer->at = tally_fields_wall(fields);
    answer->log_size = tally_read_u64(reader);
    answer->entitled_hash = tally_read_u64(reader);
}

static enum tally_reject check_answer(const struct tally_record *record)
{
    const struct tally_answer *answer = &record->answer;
    bool is_record_whole;
    bool is_record_absent;

    if ((unsigned)answer->kind >= TALLY_ANSWER_KIND_COUNT ||
        (unsigned)answer->which >= TALLY_WHICH_COUNT || answer->query_id == 0) {
        return TALLY_REJECT_VALUE;
    }
    is_record_whole = answer->record_id != 0 && tally_wall_is_in_range(answer->at) &&
                      answer->which != TALLY_WHICH_NEITHER;
    is_record_absent = answer->record_id == 0 && answer->at.us == 0 &&
                       answer->which == TALLY_WHICH_NEITHER && !answer->is_spent;
    if (answer->kind == TALLY_ANSWER_FOUND ? !is_record_whole : !is_record_absent) {
        return TALLY_REJECT_VALUE;
    }
    return TALLY_REJECT_NONE;
}

/*
 * REPORT, 28 bytes
 *
 *    4  1  kind, enum tally_report_kind
 *    5  1  verdict, enum tally_verdict
 *    6  1  action, enum tally_action
 *    7  1  cause, Q.850
 *    8  8  record id
 *   16  8  instant
 *   24  1  charged, 0 or 1
 *   25  3  reserved
 */
static void put_report(struct tally_writer *writer, const struct tally_record *record)
{
    const struct tally_report *report = &record->report;

    tally_write_u8(writer, (uint8_t)report->kind);
    tally_write_u8(writer, (uint8_t)report->verdict);
    tally_write_u8(writer, (uint8_t)report->action);
    tally_write_u8(writer, report->cause);
    tally_write_u64(writer, report->record_id);
    tally_write_i64(writer, report->at.us);
    tally_write_u8(writer, report->is_charged);
    tally_write_zeros(writer, 3);
}

static void get_report(struct tally_fields *fields, struct tally_record *record)
{
    struct tally_report *report = &record->report;
    struct tally_reader *reader = &fields->reader;

    report->kind = (enum tally_report_kind)tally_read_u8(reader);
    report->verdict = (enum tally_verdict)tally_read_u8(reader);
    report->action = (enum tally_action)tally_read_u8(reader);
    report->cause = tally_read_u8(reader);
    report->record_id = tally_read_u64(reader);
    report->at = tally_fields_wall(fields);
    report->is_charged = tally_fields_flag(fields);
    tally_fields_reserved(fields, 3);
}

static enum tally_reject check_report(const struct tally_record *record)
{
    const struct tally_report *report = &record->report;
    bool may_have_judgement = report->kind == TALLY_REPORT_REJECTED;
    bool may_have_cause = may_have_judgement || report->kind == TALLY_REPORT_RELEASED;
    bool may_be_charged =
        report->kind == TALLY_REPORT_ANSWERED || report->kind == TALLY_REPORT_RELEASED;
    bool has_judgement =
        report->verdict != TALLY_VERDICT_INDETERMINATE || report->action != TALLY_ACTION_ALLOW;

    if (report->kind == TALLY_REPORT_NONE || (unsigned)report->kind >= TALLY_REPORT_KIND_COUNT ||
        (unsigned)report->verdict >= TALLY_VERDICT_COUNT ||
        (unsigned)report->action >= TALLY_ACTION_COUNT || report->cause > TALLY_CAUSE_MAX ||
        report->record_id == 0 || !tally_wall_is_in_range(report->at)) {
        return TALLY_REJECT_VALUE;
    }
    if ((has_judgement && !may_have_judgement) || (report->cause != 0 && !may_have_cause) ||
        (report->is_charged && !may_be_charged)) {
        return TALLY_REJECT_VALUE;
    }
    return TALLY_REJECT_NONE;
}

/*
 * PROBE, 36 bytes
 *
 *    4  4  probe id
 *    8  8  t1, request sent
 *   16  8  t2, request received; 0 in a request
 *   24  8  t3, reply sent; 0 in a request
 *   32  1  reply, 0 or 1
 *   33  3  reserved
 */
static void put_probe(struct tally_writer *writer, const struct tally_record *record)
{
    const struct tally_probe *probe = &record->probe;

    tally_write_u32(writer, probe->probe_id);
    tally_write_i64(writer, probe->t1.us);
    tally_write_i64(writer, probe->t2.us);
    tally_write_i64(writer, probe->t3.us);
    tally_write_u8(writer, probe->is_reply);
    tally_write_zeros(writer, 3);
}

static void get_probe(struct tally_fields *fields, struct tally_record *record)
{
    struct tally_probe *probe = &record->probe;

    probe->probe_id = tally_read_u32(&fields->reader);
    probe->t1 = tally_fields_wall(fields);
    probe->t2 = tally_fields_wall(fields);
    probe->t3 = tally_fields_wall(fields);
    probe->is_reply = tally_fields_flag(fields);
    tally_fields_reserved(fields, 3);
}

static enum tally_reject check_probe(const struct tally_record *record)
{
    const struct tally_probe *probe = &record->probe;

    if (!tally_wall_is_in_range(probe->t1)) {
        return TALLY_REJECT_VALUE;
    }
    if (!probe->is_reply) {
        return probe->t2.us == 0 && probe->t3.us == 0 ? TALLY_REJECT_NONE : TALLY_REJECT_VALUE;
    }
    /* t3 before t2: the replier's clock was set back in between, and the sample is worth nothing.
     */
    if (!tally_wall_is_in_range(probe->t2) || !tally_wall_is_in_range(probe->t3) ||
        probe->t3.us < probe->t2.us) {
        return TALLY_REJECT_VALUE;
    }
    return TALLY_REJECT_NONE;
}

struct codec {
    struct tally_record_sizes sizes;
    void (*put)(struct tally_writer *writer, const struct tally_record *record);
    void (*get)(struct tally_fields *fields, struct tally_record *record);
    enum tally_reject (*check)(const struct tally_record *record);
};

static const struct codec codecs[TALLY_RECORD_TYPE_COUNT] = {
    [TALLY_RECORD_ANNOUNCE] = {{64, 80}, put_announce, get_announce, check_announce},
    [TALLY_RECORD_QUERY] = {{64, 80}, put_query, get_query, check_query},
    [TALLY_RECORD_ANSWER] = {{48, 0}, put_answer, get_answer, check_answer},
    [TALLY_RECORD_REPORT] = {{28, 0}, put_report, get_report, check_report},
    [TALLY_RECORD_PROBE] = {{36, 0}, put_probe, get_probe, check_probe},
};

/* NULL for a type that is none of ours. */
static const struct codec *codec_of(unsigned type)
{
    return type < TALLY_RECORD_TYPE_COUNT && codecs[type].put != NULL ? &codecs[type] : NULL;
}

static bool is_diverted(const struct tally_record *record)
{
    if (record->type == TALLY_RECORD_ANNOUNCE) {
        return record->announce.original_called != 0 || record->announce.redirecting != 0;
    }
    if (record->type == TALLY_RECORD_QUERY) {
        return record->query.original_called != 0 || record->query.redirecting != 0;
    }
    return false;
}

bool tally_batch_add(struct tally_writer *writer, const struct tally_record *record)
{
    const struct codec *codec = codec_of(record->type);
    size_t size_max = writer->size - writer->size % TALLY_BATCH_PAD_BYTES; /* so padding fits */
    size_t start = writer->at;
    size_t record_bytes;

    TALLY_ASSERT(codec != NULL);
    TALLY_ASSERT(codec->check(record) == TALLY_REJECT_NONE);
    record_bytes = is_diverted(record) ? codec->sizes.longer_bytes : codec->sizes.bytes;
    if (!tally_batch_put_header(writer, size_max, (uint8_t)record->type, record_bytes)) {
        return false;
    }
    codec->put(writer, record);
    TALLY_ASSERT(!writer->failed && writer->at == start + record_bytes);
    return true;
}

size_t tally_batch_end(struct tally_writer *writer, struct tally_wall sealed_at)
{
    size_t size = tally_batch_finish(writer, sealed_at);
    size_t over = size % TALLY_BATCH_PAD_BYTES;

    if (over != 0) {
        tally_write_zeros(writer, TALLY_BATCH_PAD_BYTES - over);
    }
    TALLY_ASSERT(!writer->failed);
    return size == 0 ? 0 : writer->at;
}

static enum tally_reject decode(uint8_t type, struct tally_fields *fields,
                                struct tally_record *record)
{
    const struct codec *codec = codec_of(type);
    struct tally_record decoded;
    enum tally_reject reject;

    if (codec == NULL) {
        return TALLY_REJECT_TYPE;
    }
    reject = tally_record_check_size(&codec->sizes, fields);
    if (reject != TALLY_REJECT_NONE) {
        return reject;
    }
    memset(&decoded, 0, sizeof(decoded));
    decoded.type = (enum tally_record_type)type;
    codec->get(fields, &decoded);
    TALLY_ASSERT(tally_reader_is_done(&fields->reader));
    reject = fields->reject != TALLY_REJECT_NONE ? fields->reject : codec->check(&decoded);
    if (reject == TALLY_REJECT_NONE) {
        *record = decoded;
    }
    return reject;
}

bool tally_batch_next(struct tally_batch_reader *batch, struct tally_record *record,
                      enum tally_reject *reject)
{
    struct tally_fields fields;
    uint8_t type;

    if (!tally_batch_next_raw(batch, &type, &fields, reject)) {
        return false;
    }
    if (*reject == TALLY_REJECT_NONE) {
        *reject = decode(type, &fields, record);
    }
    return true;
}
