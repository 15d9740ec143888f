/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored form of an entry: a version, then the fields of struct tally_decision in the order of
 * their declaration, then three counted texts. The peer's slot is left out: it means nothing to the
 * next start.
 */
#include "base/assert.h"
#include "base/cursor.h"
#include "store/evidence.h"

#include <string.h>

enum {
    FLAG_PRESENTED_APART = 1 << 0,
    FLAG_INCOMPLETE = 1 << 1,
    FLAG_TRACKED = 1 << 2,
    FLAG_HOLDER_OURSELVES = 1 << 3,
    FLAG_GOOD_STANDING = 1 << 4,
    FLAG_CAMPAIGN = 1 << 5,
    FLAG_LOG_AGREED = 1 << 6,
    FLAG_ALL = (1 << 7) - 1,
};

/* --- writing --- */

static void write_event(struct tally_writer *out, const struct tally_event *event)
{
    tally_write_u8(out, (uint8_t)event->kind);
    tally_write_u8(out, (uint8_t)event->side);
    tally_write_u32(out, event->flags);
    tally_write_u8(out, (uint8_t)event->ingress_class);
    tally_write_u16(out, event->ingress_trunk);
    tally_write_u16(out, event->egress_trunk);
    tally_write_u64(out, event->a_network);
    tally_write_u64(out, event->a_presented);
    tally_write_u64(out, event->b_number);
    tally_write_u64(out, event->original_called);
    tally_write_u64(out, event->redirecting);
    tally_write_i64(out, event->at.us);
    tally_write_u64(out, event->leg_key);
    tally_write_u64(out, event->call_ref);
}

static void write_evidence(struct tally_writer *out, const struct tally_evidence *evidence)
{
    unsigned flags = (evidence->is_presented_apart ? FLAG_PRESENTED_APART : 0) |
                     (evidence->is_incomplete ? FLAG_INCOMPLETE : 0) |
                     (evidence->is_tracked ? FLAG_TRACKED : 0) |
                     (evidence->is_holder_ourselves ? FLAG_HOLDER_OURSELVES : 0) |
                     (evidence->is_in_good_standing ? FLAG_GOOD_STANDING : 0) |
                     (evidence->is_campaign ? FLAG_CAMPAIGN : 0) |
                     (evidence->is_log_agreed ? FLAG_LOG_AGREED : 0);

    tally_write_u64(out, evidence->a_network);
    tally_write_u64(out, evidence->a_presented);
    tally_write_u64(out, evidence->b_number);
    tally_write_u8(out, (uint8_t)evidence->exemption);
    tally_write_u8(out, (uint8_t)evidence->cli);
    tally_write_u8(out, (uint8_t)flags);
    tally_write_u8(out, (uint8_t)evidence->standing);
    tally_write_u8(out, (uint8_t)evidence->answers_policy);
    tally_write_u8(out, (uint8_t)evidence->strictness);
    tally_write_u8(out, (uint8_t)evidence->freshness);
    tally_write_u8(out, (uint8_t)evidence->credit);
    tally_write_u8(out, (uint8_t)evidence->token);
    tally_write_u8(out, evidence->answers.asked_count);
    tally_write_u8(out, evidence->answers.none_count);
    tally_write_u8(out, evidence->answers.none_direct_count);
    tally_write_u8(out, evidence->answers.unknown_count);
    tally_write_u8(out, evidence->answers.silent_count);
    tally_write_u8(out, evidence->answers.unreachable_count);
    tally_write_u8(out, evidence->answers.skewed_count);
    tally_write_u32(out, evidence->marks);
}

static void write_result(struct tally_writer *out, const struct tally_decision *decision)
{
    tally_write_u8(out, (uint8_t)decision->judgement.verdict);
    tally_write_u8(out, (uint8_t)decision->judgement.grade);
    tally_write_u8(out, (uint8_t)decision->judgement.reason);
    tally_write_u32(out, decision->judgement.marks);
    tally_write_u8(out, (uint8_t)decision->ruling.action);
    tally_write_u8(out, (uint8_t)decision->ruling.would_action);
    tally_write_u8(out, decision->ruling.cause);
    tally_write_u8(out, (uint8_t)decision->ruling.line);
    tally_write_i64(out, decision->decided_at.us);
    tally_write_i64(out, decision->wait_us);
    tally_write_u64(out, decision->log_size);
}

static void write_text(struct tally_writer *out, const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);
    size_t count;

    TALLY_ASSERT(end != NULL);
    count = (size_t)(end - text);
    tally_write_u8(out, (uint8_t)count);
    tally_write_bytes(out, text, count);
}

size_t tally_evidence_encode(const struct tally_evidence_entry *entry,
                             uint8_t bytes[TALLY_EVIDENCE_VALUE_MAX_BYTES])
{
    const struct tally_decision *decision = &entry->decision;
    struct tally_writer out = tally_writer_of(bytes, TALLY_EVIDENCE_VALUE_MAX_BYTES);

    tally_write_u8(&out, TALLY_EVIDENCE_VERSION);
    tally_write_u64(&out, decision->id);
    tally_write_u8(&out, decision->feed);
    tally_write_u64(&out, decision->feed_seq);
    write_event(&out, &decision->event);
    tally_write_u64(&out, decision->peer_record_id);
    tally_write_i64(&out, decision->peer_at.us);
    tally_write_i64(&out, decision->peer_offset_us);
    tally_write_i64(&out, decision->peer_bound_us);
    write_evidence(&out, &decision->evidence);
    write_result(&out, decision);
    write_text(&out, entry->peer_id, sizeof(entry->peer_id));
    write_text(&out, entry->feed_name, sizeof(entry->feed_name));
    write_text(&out, entry->policy_text, sizeof(entry->policy_text));
    TALLY_ASSERT(!out.failed);
    return out.at;
}

/* --- reading --- */

/* A byte of at most `last`; the enums below have no gaps. */
static unsigned read_up_to(struct tally_reader *in, unsigned last)
{
    unsigned value = tally_read_u8(in);

    if (value > last) {
        in->failed = true;
        return 0;
    }
    return value;
}

static uint32_t read_bits(struct tally_reader *in, uint32_t all)
{
    uint32_t bits = tally_read_u32(in);

    if ((bits & ~all) != 0) {
        in->failed = true;
    }
    return bits & all;
}

static void read_event(struct tally_reader *in, struct tally_event *event)
{
    event->kind = (enum tally_event_kind)read_up_to(in, TALLY_EVENT_KIND_COUNT - 1);
    event->side = (enum tally_side)read_up_to(in, TALLY_SIDE_COUNT - 1);
    event->flags = read_bits(in, TALLY_EVENT_FLAGS_ALL);
    event->ingress_class = (enum tally_trunk_class)read_up_to(in, TALLY_TRUNK_CLASS_COUNT - 1);
    event->ingress_trunk = tally_read_u16(in);
    event->egress_trunk = tally_read_u16(in);
    event->a_network = tally_read_u64(in);
    event->a_presented = tally_read_u64(in);
    event->b_number = tally_read_u64(in);
    event->original_called = tally_read_u64(in);
    event->redirecting = tally_read_u64(in);
    event->at.us = tally_read_i64(in);
    event->leg_key = tally_read_u64(in);
    event->call_ref = tally_read_u64(in);
}

static void read_evidence_flags(struct tally_reader *in, struct tally_evidence *evidence)
{
    unsigned flags = read_up_to(in, FLAG_ALL);

    evidence->is_presented_apart = (flags & FLAG_PRESENTED_APART) != 0;
    evidence->is_incomplete = (flags & FLAG_INCOMPLETE) != 0;
    evidence->is_tracked = (flags & FLAG_TRACKED) != 0;
    evidence->is_holder_ourselves = (flags & FLAG_HOLDER_OURSELVES) != 0;
    evidence->is_in_good_standing = (flags & FLAG_GOOD_STANDING) != 0;
    evidence->is_campaign = (flags & FLAG_CAMPAIGN) != 0;
    evidence->is_log_agreed = (flags & FLAG_LOG_AGREED) != 0;
}

static void read_evidence(struct tally_reader *in, struct tally_evidence *evidence)
{
    evidence->a_network = tally_read_u64(in);
    evidence->a_presented = tally_read_u64(in);
    evidence->b_number = tally_read_u64(in);
    evidence->exemption = (enum tally_exemption)read_up_to(in, TALLY_EXEMPTION_NOT_E164);
    evidence->cli = (enum tally_cli_shape)read_up_to(in, TALLY_CLI_IMPLAUSIBLE);
    read_evidence_flags(in, evidence);
    evidence->standing = (enum tally_cdb_standing)read_up_to(in, TALLY_CDB_HELD);
    evidence->answers_policy = (enum tally_cdb_answers)read_up_to(in, TALLY_CDB_ANSWERS_CALLS);
    evidence->strictness = (enum tally_cdb_strictness)read_up_to(in, TALLY_CDB_STRICT_DIRECT);
    evidence->freshness = (enum tally_freshness)read_up_to(in, TALLY_FRESHNESS_FRESH);
    evidence->credit = (enum tally_credit)read_up_to(in, TALLY_CREDIT_NETWORK_ONLY);
    evidence->token = (enum tally_token)read_up_to(in, TALLY_TOKEN_DENIED);
    evidence->answers.asked_count = tally_read_u8(in);
    evidence->answers.none_count = tally_read_u8(in);
    evidence->answers.none_direct_count = tally_read_u8(in);
    evidence->answers.unknown_count = tally_read_u8(in);
    evidence->answers.silent_count = tally_read_u8(in);
    evidence->answers.unreachable_count = tally_read_u8(in);
    evidence->answers.skewed_count = tally_read_u8(in);
    evidence->marks = read_bits(in, (1u << TALLY_MARK_COUNT) - 1);
}

static void read_result(struct tally_reader *in, struct tally_decision *decision)
{
    struct tally_judgement *judgement = &decision->judgement;
    struct tally_ruling *ruling = &decision->ruling;

    judgement->verdict = (enum tally_verdict)read_up_to(in, TALLY_VERDICT_COUNT - 1);
    judgement->grade = (enum tally_grade)read_up_to(in, TALLY_GRADE_COUNT - 1);
    judgement->reason = (enum tally_reason)read_up_to(in, TALLY_REASON_COUNT - 1);
    judgement->marks = read_bits(in, (1u << TALLY_MARK_COUNT) - 1);
    ruling->action = (enum tally_action)read_up_to(in, TALLY_ACTION_COUNT - 1);
    ruling->would_action = (enum tally_action)read_up_to(in, TALLY_ACTION_COUNT - 1);
    ruling->cause = tally_read_u8(in);
    ruling->line = (enum tally_policy_line)read_up_to(in, TALLY_POLICY_LINE_COUNT - 1);
    decision->decided_at.us = tally_read_i64(in);
    decision->wait_us = tally_read_i64(in);
    decision->log_size = tally_read_u64(in);
}

/* text is zeroed before, so what is not written ends it. */
static void read_text(struct tally_reader *in, char *text, size_t size)
{
    size_t count = read_up_to(in, (unsigned)size - 1);

    tally_read_bytes(in, text, count);
    for (size_t i = 0; i < count; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            in->failed = true;
        }
    }
}

enum tally_err tally_evidence_decode(const void *bytes, size_t size,
                                     struct tally_evidence_entry *entry)
{
    struct tally_decision *decision = &entry->decision;
    struct tally_reader in = tally_reader_of(bytes, size);
    uint8_t version = tally_read_u8(&in);

    memset(entry, 0, sizeof(*entry));
    if (!in.failed && version != TALLY_EVIDENCE_VERSION) {
        return TALLY_ERR_VERSION;
    }
    decision->id = tally_read_u64(&in);
    decision->feed = tally_read_u8(&in);
    decision->feed_seq = tally_read_u64(&in);
    read_event(&in, &decision->event);
    decision->peer = TALLY_PEER_NOBODY;
    decision->peer_record_id = tally_read_u64(&in);
    decision->peer_at.us = tally_read_i64(&in);
    decision->peer_offset_us = tally_read_i64(&in);
    decision->peer_bound_us = tally_read_i64(&in);
    read_evidence(&in, &decision->evidence);
    read_result(&in, decision);
    read_text(&in, entry->peer_id, sizeof(entry->peer_id));
    read_text(&in, entry->feed_name, sizeof(entry->feed_name));
    read_text(&in, entry->policy_text, sizeof(entry->policy_text));
    if (!tally_reader_is_done(&in)) {
        memset(entry, 0, sizeof(*entry));
        return TALLY_ERR_CORRUPT;
    }
    return TALLY_ERR_OK;
}
