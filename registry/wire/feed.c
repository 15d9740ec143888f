/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As record.c: put writes a record's fields, get reads them, check knows their ranges. Offsets in
 * the tables count from the record's first byte; 0 to 3 are its header.
 */
#include "wire/feed.h"

#include "base/assert.h"
#include "wire/batch.h"
#include "wire/fields.h"

#include <string.h>

static const char *const class_names[TALLY_FEED_CLASS_COUNT] = {
    [TALLY_FEED_RECORD] = "record",
    [TALLY_FEED_BEST_EFFORT] = "best-effort",
    [TALLY_FEED_ORDERED] = "ordered",
    [TALLY_FEED_CAUSAL] = "causal",
};

const char *tally_feed_class_name(enum tally_feed_class feed_class)
{
    return (unsigned)feed_class < TALLY_FEED_CLASS_COUNT ? class_names[feed_class] : "?";
}

static enum tally_reject value_unless(bool is_in_range)
{
    return is_in_range ? TALLY_REJECT_NONE : TALLY_REJECT_VALUE;
}

/*
 * HELLO, 28 bytes
 *
 *    4  2  version
 *    6  1  class, enum tally_feed_class
 *    7  1  reserved
 *    8  8  boot id
 *   16  8  next sequence number
 *   24  4  error bound of the clock, microseconds
 */
static void put_hello(struct tally_writer *writer, const struct tally_feed_record *record)
{
    const struct tally_feed_hello *hello = &record->hello;

    tally_write_u16(writer, hello->version);
    tally_write_u8(writer, (uint8_t)hello->feed_class);
    tally_write_zeros(writer, 1);
    tally_write_u64(writer, hello->boot_id);
    tally_write_u64(writer, hello->next_seq);
    tally_write_u32(writer, hello->clock_bound_us);
}

static void get_hello(struct tally_fields *fields, struct tally_feed_record *record)
{
    struct tally_feed_hello *hello = &record->hello;

    hello->version = tally_read_u16(&fields->reader);
    hello->feed_class = (enum tally_feed_class)tally_read_u8(&fields->reader);
    tally_fields_reserved(fields, 1);
    hello->boot_id = tally_read_u64(&fields->reader);
    hello->next_seq = tally_read_u64(&fields->reader);
    hello->clock_bound_us = tally_read_u32(&fields->reader);
}

static enum tally_reject check_hello(const struct tally_feed_record *record)
{
    const struct tally_feed_hello *hello = &record->hello;

    if (hello->version != TALLY_FEED_VERSION) {
        return TALLY_REJECT_VERSION;
    }
    return value_unless((unsigned)hello->feed_class < TALLY_FEED_CLASS_COUNT &&
                        hello->boot_id != 0 && hello->next_seq != 0);
}

/*
 * EVENT and OPEN_LEG, 88 bytes
 *
 *    4  1  kind, enum tally_event_kind
 *    5  1  side, enum tally_side
 *    6  1  class of the ingress trunk, enum tally_trunk_class
 *    7  1  reserved
 *    8  8  sequence number
 *   16  8  instant
 *   24  8  leg key
 *   32  8  call reference
 *   40  8  A, network number
 *   48  8  A, presented number
 *   56  8  B
 *   64  2  ingress trunk
 *   66  2  egress trunk
 *   68  4  flags, TALLY_EVENT_...
 *   72  8  original called number
 *   80  8  redirecting number
 */
static void put_event(struct tally_writer *writer, const struct tally_feed_record *record)
{
    const struct tally_event *event = &record->event.event;

    tally_write_u8(writer, (uint8_t)event->kind);
    tally_write_u8(writer, (uint8_t)event->side);
    tally_write_u8(writer, (uint8_t)event->ingress_class);
    tally_write_zeros(writer, 1);
    tally_write_u64(writer, record->event.seq);
    tally_write_i64(writer, event->at.us);
    tally_write_u64(writer, event->leg_key);
    tally_write_u64(writer, event->call_ref);
    tally_write_u64(writer, event->a_network);
    tally_write_u64(writer, event->a_presented);
    tally_write_u64(writer, event->b_number);
    tally_write_u16(writer, event->ingress_trunk);
    tally_write_u16(writer, event->egress_trunk);
    tally_write_u32(writer, event->flags);
    tally_write_u64(writer, event->original_called);
    tally_write_u64(writer, event->redirecting);
}

static void get_event(struct tally_fields *fields, struct tally_feed_record *record)
{
    struct tally_event *event = &record->event.event;
    struct tally_reader *reader = &fields->reader;

    event->kind = (enum tally_event_kind)tally_read_u8(reader);
    event->side = (enum tally_side)tally_read_u8(reader);
    event->ingress_class = (enum tally_trunk_class)tally_read_u8(reader);
    tally_fields_reserved(fields, 1);
    record->event.seq = tally_read_u64(reader);
    event->at = tally_fields_wall(fields);
    event->leg_key = tally_read_u64(reader);
    event->call_ref = tally_read_u64(reader);
    event->a_network = tally_read_u64(reader);
    event->a_presented = tally_read_u64(reader);
    event->b_number = tally_read_u64(reader);
    event->ingress_trunk = tally_read_u16(reader);
    event->egress_trunk = tally_read_u16(reader);
    event->flags = tally_read_u32(reader);
    event->original_called = tally_read_u64(reader);
    event->redirecting = tally_read_u64(reader);
}

static enum tally_reject check_any_event(const struct tally_event *event)
{
    if (!tally_number_is_in_range(event->a_network) ||
        !tally_number_is_in_range(event->a_presented) ||
        !tally_number_is_in_range(event->b_number) ||
        !tally_number_is_in_range(event->original_called) ||
        !tally_number_is_in_range(event->redirecting) ||
        (event->kind == TALLY_EVENT_SETUP && event->b_number == 0)) {
        return TALLY_REJECT_NUMBER;
    }
    return value_unless(
        event->kind != TALLY_EVENT_NONE && (unsigned)event->kind < TALLY_EVENT_KIND_COUNT &&
        event->side != TALLY_SIDE_NONE && (unsigned)event->side < TALLY_SIDE_COUNT &&
        (unsigned)event->ingress_class < TALLY_TRUNK_CLASS_COUNT &&
        tally_flags_are_known(event->flags) && tally_wall_is_in_range(event->at) &&
        event->leg_key != 0);
}

static enum tally_reject check_event(const struct tally_feed_record *record)
{
    return record->event.seq == 0 ? TALLY_REJECT_VALUE : check_any_event(&record->event.event);
}

static enum tally_reject check_open_leg(const struct tally_feed_record *record)
{
    const struct tally_event *event = &record->event.event;

    if (record->event.seq != 0 || event->kind != TALLY_EVENT_SETUP ||
        event->side == TALLY_SIDE_TERMINATING) {
        return TALLY_REJECT_VALUE;
    }
    return check_any_event(event);
}

/*
 * WATERMARK, 32 bytes
 *
 *    4  4  reserved
 *    8  8  sequence number of the newest event
 *   16  8  instant
 *   24  8  flush id, 0: not an answer
 */
static void put_watermark(struct tally_writer *writer, const struct tally_feed_record *record)
{
    tally_write_zeros(writer, 4);
    tally_write_u64(writer, record->watermark.seq);
    tally_write_i64(writer, record->watermark.at.us);
    tally_write_u64(writer, record->watermark.flush_id);
}

static void get_watermark(struct tally_fields *fields, struct tally_feed_record *record)
{
    tally_fields_reserved(fields, 4);
    record->watermark.seq = tally_read_u64(&fields->reader);
    record->watermark.at = tally_fields_wall(fields);
    record->watermark.flush_id = tally_read_u64(&fields->reader);
}

static enum tally_reject check_watermark(const struct tally_feed_record *record)
{
    return value_unless(tally_wall_is_in_range(record->watermark.at));
}

/*
 * GAP, 32 bytes
 *
 *    4  4  events lost, 0: not known
 *    8  8  sequence number
 *   16  8  from, instant
 *   24  8  to, instant
 */
static void put_gap(struct tally_writer *writer, const struct tally_feed_record *record)
{
    tally_write_u32(writer, record->gap.lost_count);
    tally_write_u64(writer, record->gap.seq);
    tally_write_i64(writer, record->gap.from.us);
    tally_write_i64(writer, record->gap.to.us);
}

static void get_gap(struct tally_fields *fields, struct tally_feed_record *record)
{
    record->gap.lost_count = tally_read_u32(&fields->reader);
    record->gap.seq = tally_read_u64(&fields->reader);
    record->gap.from = tally_fields_wall(fields);
    record->gap.to = tally_fields_wall(fields);
}

static enum tally_reject check_gap(const struct tally_feed_record *record)
{
    const struct tally_feed_gap *gap = &record->gap;

    return value_unless(gap->seq != 0 && tally_wall_is_in_range(gap->from) &&
                        tally_wall_is_in_range(gap->to) && gap->from.us <= gap->to.us);
}

/*
 * OPEN_LEGS_END, 16 bytes
 *
 *    4  4  OPEN_LEG records sent
 *    8  8  since, instant
 */
static void put_legs_end(struct tally_writer *writer, const struct tally_feed_record *record)
{
    tally_write_u32(writer, record->legs_end.leg_count);
    tally_write_i64(writer, record->legs_end.since.us);
}

static void get_legs_end(struct tally_fields *fields, struct tally_feed_record *record)
{
    record->legs_end.leg_count = tally_read_u32(&fields->reader);
    record->legs_end.since = tally_fields_wall(fields);
}

static enum tally_reject check_legs_end(const struct tally_feed_record *record)
{
    return value_unless(tally_wall_is_in_range(record->legs_end.since));
}

/*
 * PING, 16 bytes
 *
 *    4  4  reserved
 *    8  8  boot of the daemon
 */
static void put_ping(struct tally_writer *writer, const struct tally_feed_record *record)
{
    tally_write_zeros(writer, 4);
    tally_write_u64(writer, record->ping.daemon_boot);
}

static void get_ping(struct tally_fields *fields, struct tally_feed_record *record)
{
    tally_fields_reserved(fields, 4);
    record->ping.daemon_boot = tally_read_u64(&fields->reader);
}

static enum tally_reject check_ping(const struct tally_feed_record *record)
{
    return value_unless(record->ping.daemon_boot != 0);
}

/*
 * ACK, 16 bytes
 *
 *    4  4  verdict due, microseconds from now; 0: none comes
 *    8  8  sequence number
 */
static void put_ack(struct tally_writer *writer, const struct tally_feed_record *record)
{
    tally_write_u32(writer, record->ack.due_us);
    tally_write_u64(writer, record->ack.seq);
}

static void get_ack(struct tally_fields *fields, struct tally_feed_record *record)
{
    record->ack.due_us = tally_read_u32(&fields->reader);
    record->ack.seq = tally_read_u64(&fields->reader);
}

static enum tally_reject check_ack(const struct tally_feed_record *record)
{
    return value_unless(record->ack.seq != 0);
}

/*
 * VERDICT, 36 bytes
 *
 *    4  1  verdict, enum tally_verdict
 *    5  1  grade, enum tally_grade
 *    6  1  action, enum tally_action
 *    7  1  cause, Q.850
 *    8  8  sequence number
 *   16  8  leg key
 *   24  8  verdict id
 *   32  4  marks, TALLY_MARK_...
 */
static void put_verdict(struct tally_writer *writer, const struct tally_feed_record *record)
{
    const struct tally_feed_verdict *verdict = &record->verdict;

    tally_write_u8(writer, (uint8_t)verdict->verdict);
    tally_write_u8(writer, (uint8_t)verdict->grade);
    tally_write_u8(writer, (uint8_t)verdict->action);
    tally_write_u8(writer, verdict->cause);
    tally_write_u64(writer, verdict->seq);
    tally_write_u64(writer, verdict->leg_key);
    tally_write_u64(writer, verdict->verdict_id);
    tally_write_u32(writer, verdict->marks);
}

static void get_verdict(struct tally_fields *fields, struct tally_feed_record *record)
{
    struct tally_feed_verdict *verdict = &record->verdict;

    verdict->verdict = (enum tally_verdict)tally_read_u8(&fields->reader);
    verdict->grade = (enum tally_grade)tally_read_u8(&fields->reader);
    verdict->action = (enum tally_action)tally_read_u8(&fields->reader);
    verdict->cause = tally_read_u8(&fields->reader);
    verdict->seq = tally_read_u64(&fields->reader);
    verdict->leg_key = tally_read_u64(&fields->reader);
    verdict->verdict_id = tally_read_u64(&fields->reader);
    verdict->marks = tally_read_u32(&fields->reader);
}

static enum tally_reject check_verdict(const struct tally_feed_record *record)
{
    const struct tally_feed_verdict *verdict = &record->verdict;
    bool may_have_cause =
        verdict->action == TALLY_ACTION_BLOCK || verdict->action == TALLY_ACTION_RELEASE;
    bool may_have_grade = verdict->verdict == TALLY_VERDICT_CLI_SPOOFED;

    return value_unless((unsigned)verdict->verdict < TALLY_VERDICT_COUNT &&
                        (unsigned)verdict->grade < TALLY_GRADE_COUNT &&
                        (unsigned)verdict->action < TALLY_ACTION_COUNT &&
                        verdict->cause <= TALLY_CAUSE_MAX &&
                        (may_have_cause || verdict->cause == 0) &&
                        (may_have_grade || verdict->grade == TALLY_GRADE_NONE) &&
                        verdict->seq != 0 && verdict->leg_key != 0 && verdict->verdict_id != 0 &&
                        verdict->marks >> TALLY_MARK_COUNT == 0);
}

/*
 * FLUSH, 16 bytes
 *
 *    4  4  reserved
 *    8  8  flush id
 */
static void put_flush(struct tally_writer *writer, const struct tally_feed_record *record)
{
    tally_write_zeros(writer, 4);
    tally_write_u64(writer, record->flush.flush_id);
}

static void get_flush(struct tally_fields *fields, struct tally_feed_record *record)
{
    tally_fields_reserved(fields, 4);
    record->flush.flush_id = tally_read_u64(&fields->reader);
}

static enum tally_reject check_flush(const struct tally_feed_record *record)
{
    return value_unless(record->flush.flush_id != 0);
}

struct codec {
    struct tally_record_sizes sizes;
    void (*put)(struct tally_writer *writer, const struct tally_feed_record *record);
    void (*get)(struct tally_fields *fields, struct tally_feed_record *record);
    enum tally_reject (*check)(const struct tally_feed_record *record);
};

static const struct codec codecs[] = {
    [TALLY_FEED_HELLO] = {{28, 0}, put_hello, get_hello, check_hello},
    [TALLY_FEED_EVENT] = {{88, 0}, put_event, get_event, check_event},
    [TALLY_FEED_WATERMARK] = {{32, 0}, put_watermark, get_watermark, check_watermark},
    [TALLY_FEED_GAP] = {{32, 0}, put_gap, get_gap, check_gap},
    [TALLY_FEED_OPEN_LEG] = {{88, 0}, put_event, get_event, check_open_leg},
    [TALLY_FEED_OPEN_LEGS_END] = {{16, 0}, put_legs_end, get_legs_end, check_legs_end},
    [TALLY_FEED_PING] = {{16, 0}, put_ping, get_ping, check_ping},
    [TALLY_FEED_ACK] = {{16, 0}, put_ack, get_ack, check_ack},
    [TALLY_FEED_VERDICT] = {{36, 0}, put_verdict, get_verdict, check_verdict},
    [TALLY_FEED_FLUSH] = {{16, 0}, put_flush, get_flush, check_flush},
};

/* NULL for a type that is none of ours. */
static const struct codec *codec_of(unsigned type)
{
    return type < sizeof(codecs) / sizeof(codecs[0]) && codecs[type].put != NULL ? &codecs[type]
                                                                                 : NULL;
}

enum tally_reject tally_feed_record_check(const struct tally_feed_record *record)
{
    const struct codec *codec = codec_of(record->type);

    return codec == NULL ? TALLY_REJECT_TYPE : codec->check(record);
}

bool tally_feed_batch_add(struct tally_writer *writer, const struct tally_feed_record *record)
{
    const struct codec *codec = codec_of(record->type);
    size_t start = writer->at;

    TALLY_ASSERT(tally_feed_record_check(record) == TALLY_REJECT_NONE);
    if (!tally_batch_put_header(writer, writer->size, (uint8_t)record->type, codec->sizes.bytes)) {
        return false;
    }
    codec->put(writer, record);
    TALLY_ASSERT(!writer->failed && writer->at == start + codec->sizes.bytes);
    return true;
}

size_t tally_feed_batch_end(struct tally_writer *writer, struct tally_wall sealed_at)
{
    return tally_batch_finish(writer, sealed_at);
}

static enum tally_reject decode(uint8_t type, struct tally_fields *fields,
                                struct tally_feed_record *record)
{
    const struct codec *codec = codec_of(type);
    struct tally_feed_record decoded;
    enum tally_reject reject;

    if (codec == NULL) {
        return TALLY_REJECT_TYPE;
    }
    reject = tally_record_check_size(&codec->sizes, fields);
    if (reject != TALLY_REJECT_NONE) {
        return reject;
    }
    memset(&decoded, 0, sizeof(decoded));
    decoded.type = (enum tally_feed_type)type;
    codec->get(fields, &decoded);
    TALLY_ASSERT(tally_reader_is_done(&fields->reader));
    reject = fields->reject != TALLY_REJECT_NONE ? fields->reject : codec->check(&decoded);
    if (reject == TALLY_REJECT_NONE) {
        *record = decoded;
    }
    return reject;
}

bool tally_feed_batch_next(struct tally_batch_reader *batch, struct tally_feed_record *record,
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
