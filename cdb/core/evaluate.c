/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate.c - the frame of an evaluation: memory, headers in order, the choice among serials.
 */
#include "cdb/core/evaluate.h"

#include "base/assert.h"
#include "cdb/core/evaluation.h"

#include <string.h>

enum {
    PART_ALIGNMENT = 16,
    /* one for the statement as a whole and one per slot; the stamp has two at most */
    REFUSALS_PER_CANDIDATE = 1 + TALLY_EVALUATION_SLOT_COUNT,
    REFUSALS_OF_STAMP = 2,
};

/* --- memory --- */

/* How many things of each kind the texts can give at most. */
struct counts {
    size_t candidates, operators, authorities, codes, facts;
};

struct layout {
    size_t scratch, metas, order, is_in_force, refusals, authorities, codes, operators, trusts;
    size_t suspects, facts, spare_facts, keys, spare_keys, end;
};

static bool starts_with(const char *text, size_t count, const char *word)
{
    size_t word_count = strlen(word);

    return count >= word_count && memcmp(text, word, word_count) == 0;
}

static void count_lines(const struct tally_cdb_candidate *candidate, struct counts *counts)
{
    const char *at = candidate->text;
    size_t left = candidate->text_count;

    counts->operators += starts_with(at, left, "tallystick/1 operator\n");
    counts->authorities += starts_with(at, left, "tallystick/1 authority\n");
    while (left > 0) {
        const char *newline = memchr(at, '\n', left);
        size_t line_count = newline != NULL ? (size_t)(newline - at) + 1 : left;

        counts->codes += starts_with(at, left, "country ");
        counts->facts += starts_with(at, left, "country ") || starts_with(at, left, "range ") ||
                         starts_with(at, left, "numbers ");
        at += line_count;
        left -= line_count;
    }
}

static struct counts count_all(const struct tally_cdb_question *question)
{
    struct counts counts = {.candidates = question->candidate_count};

    for (uint32_t i = 0; i < question->candidate_count; i++) {
        if (question->candidates[i].refusal == TALLY_REFUSAL_NONE) {
            count_lines(&question->candidates[i], &counts);
        }
    }
    return counts;
}

static size_t reserve(size_t *end, size_t count, size_t each_bytes)
{
    size_t at = *end;

    *end = (at + count * each_bytes + PART_ALIGNMENT - 1) / PART_ALIGNMENT * PART_ALIGNMENT;
    return at;
}

static size_t refusal_max(const struct counts *counts)
{
    return counts->candidates * REFUSALS_PER_CANDIDATE + REFUSALS_OF_STAMP;
}

static struct layout layout_of(const struct counts *counts)
{
    struct layout layout = {0};
    size_t *end = &layout.end;

    layout.scratch = reserve(end, 1, sizeof(struct tally_statement));
    layout.metas = reserve(end, counts->candidates, sizeof(struct tally_evaluation_meta));
    layout.order = reserve(end, counts->candidates, sizeof(uint32_t));
    layout.is_in_force = reserve(end, counts->candidates, sizeof(bool));
    layout.refusals = reserve(end, refusal_max(counts), sizeof(struct tally_cdb_refusal));
    layout.authorities =
        reserve(end, counts->authorities, sizeof(struct tally_evaluation_authority));
    layout.codes = reserve(end, counts->codes, sizeof(struct tally_evaluation_code));
    layout.operators = reserve(end, counts->operators, sizeof(struct tally_cdb_operator));
    layout.trusts = reserve(end, counts->operators, sizeof(struct tally_evaluation_operator));
    layout.suspects = reserve(end, counts->candidates, sizeof(uint32_t));
    layout.facts = reserve(end, counts->facts, sizeof(struct tally_evaluation_fact));
    layout.spare_facts = reserve(end, counts->facts, sizeof(struct tally_evaluation_fact));
    layout.keys = reserve(end, counts->facts, sizeof(struct tally_prefix_key));
    layout.spare_keys = reserve(end, counts->facts, sizeof(struct tally_prefix_key));
    return layout;
}

size_t tally_cdb_evaluate_bytes(const struct tally_cdb_question *question)
{
    struct counts counts = count_all(question);

    return layout_of(&counts).end;
}

static struct tally_evaluation place(const struct tally_cdb_question *question, uint8_t *block)
{
    struct counts counts = count_all(question);
    struct layout layout = layout_of(&counts);
    struct tally_evaluation ev = {
        .question = question,
        .scratch = (void *)(block + layout.scratch),
        .metas = (void *)(block + layout.metas),
        .order = (void *)(block + layout.order),
        .is_in_force = (void *)(block + layout.is_in_force),
        .refusals = (void *)(block + layout.refusals),
        .refusal_max = (uint32_t)refusal_max(&counts),
        .root.candidate = TALLY_EVALUATION_NONE,
        .authorities = (void *)(block + layout.authorities),
        .codes = (void *)(block + layout.codes),
        .operators = (void *)(block + layout.operators),
        .trusts = (void *)(block + layout.trusts),
        .suspects = (void *)(block + layout.suspects),
        .facts = (void *)(block + layout.facts),
        .spare_facts = (void *)(block + layout.spare_facts),
        .fact_max = (uint32_t)counts.facts,
        .keys = (void *)(block + layout.keys),
        .spare_keys = (void *)(block + layout.spare_keys),
    };

    memset(block, 0, layout.refusals); /* what is counted up or asked before it is set */
    return ev;
}

/* --- refusing --- */

static uint32_t *slot_of(struct tally_evaluation *ev, uint32_t candidate, enum tally_refusal reason)
{
    static const enum tally_refusal reasons[TALLY_EVALUATION_SLOT_COUNT] = {
        [TALLY_EVALUATION_SLOT_OVERCLAIM] = TALLY_REFUSAL_OVERCLAIM,
        [TALLY_EVALUATION_SLOT_CONTESTED] = TALLY_REFUSAL_CONTESTED,
        [TALLY_EVALUATION_SLOT_OPERATOR] = TALLY_REFUSAL_UNKNOWN_OPERATOR,
        [TALLY_EVALUATION_SLOT_CONFLICT] = TALLY_REFUSAL_CONFLICTING,
    };

    for (unsigned i = 0; i < TALLY_EVALUATION_SLOT_COUNT; i++) {
        if (reasons[i] == reason && candidate != TALLY_CDB_STAMP) {
            return &ev->metas[candidate].slots[i];
        }
    }
    return NULL;
}

void tally_evaluation_refuse(struct tally_evaluation *ev, uint32_t candidate,
                             enum tally_refusal reason, uint32_t line)
{
    uint32_t *slot = slot_of(ev, candidate, reason);

    if (slot != NULL && *slot != 0) {
        ev->refusals[*slot - 1].line_count++;
        return;
    }
    TALLY_ASSERT(ev->refusal_count < ev->refusal_max);
    ev->refusals[ev->refusal_count] = (struct tally_cdb_refusal){
        .candidate = candidate, .reason = reason, .line = line, .line_count = slot != NULL};
    ev->refusal_count++;
    if (slot != NULL) {
        *slot = ev->refusal_count;
    }
}

static void refuse_text(struct tally_evaluation *ev, uint32_t candidate,
                        const struct tally_statement_fault *fault)
{
    tally_evaluation_refuse(ev, candidate, fault->refusal, fault->line);
    ev->refusals[ev->refusal_count - 1].expected = fault->expected;
}

bool tally_evaluation_load(struct tally_evaluation *ev, uint32_t candidate)
{
    const struct tally_cdb_candidate *from =
        candidate == TALLY_CDB_STAMP ? ev->question->stamp : &ev->question->candidates[candidate];
    struct tally_statement_fault fault;

    if (from->refusal != TALLY_REFUSAL_NONE) {
        tally_evaluation_refuse(ev, candidate, from->refusal, from->line);
        return false;
    }
    if (!tally_statement_decode(from->text, from->text_count, ev->scratch, &fault)) {
        refuse_text(ev, candidate, &fault);
        return false;
    }
    return true;
}

void tally_evaluation_suspect(struct tally_evaluation *ev, uint32_t candidate)
{
    ev->suspects[ev->suspect_count++] = candidate;
}

void tally_evaluation_await(struct tally_evaluation *ev, struct tally_wall begins)
{
    if (ev->next_change.us == 0 || begins.us < ev->next_change.us) {
        ev->next_change = begins;
    }
}

const struct tally_statement_header *tally_evaluation_header(const struct tally_evaluation *ev,
                                                             uint32_t candidate)
{
    return &ev->metas[candidate].header;
}

/* --- headers in order --- */

static int compare_u32(uint32_t first, uint32_t second)
{
    return first < second ? -1 : first > second;
}

/* Of one group: type, issuer, subject, part. */
static int compare_group(const struct tally_statement_header *first,
                         const struct tally_statement_header *second)
{
    int order = compare_u32(first->type, second->type);

    order = order != 0 ? order : strcmp(first->issuer, second->issuer);
    order = order != 0 ? order : strcmp(first->subject, second->subject);
    return order != 0 ? order : compare_u32(first->part, second->part);
}

static int compare_candidates(const struct tally_evaluation *ev, uint32_t first, uint32_t second)
{
    const struct tally_statement_header *one = tally_evaluation_header(ev, first);
    const struct tally_statement_header *other = tally_evaluation_header(ev, second);
    int order = compare_group(one, other);

    order = order != 0 ? order : compare_u32(one->serial, other->serial);
    return order != 0 ? order
                      : memcmp(ev->question->candidates[first].text_hash,
                               ev->question->candidates[second].text_hash,
                               sizeof(ev->question->candidates[first].text_hash));
}

static void sift_down(struct tally_evaluation *ev, uint32_t at, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        uint32_t moved = ev->order[at];

        if (child >= count) {
            return;
        }
        if (child + 1 < count &&
            compare_candidates(ev, ev->order[child], ev->order[child + 1]) < 0) {
            child++;
        }
        if (compare_candidates(ev, moved, ev->order[child]) >= 0) {
            return;
        }
        ev->order[at] = ev->order[child];
        ev->order[child] = moved;
        at = child;
    }
}

/* Heap sort: few items, and no bad input. */
static void sort_order(struct tally_evaluation *ev)
{
    for (uint32_t i = ev->order_count / 2; i > 0; i--) {
        sift_down(ev, i - 1, ev->order_count);
    }
    for (uint32_t end = ev->order_count; end > 1; end--) {
        uint32_t largest = ev->order[0];

        ev->order[0] = ev->order[end - 1];
        ev->order[end - 1] = largest;
        sift_down(ev, 0, end - 1);
    }
}

static void read_headers(struct tally_evaluation *ev)
{
    for (uint32_t i = 0; i < ev->question->candidate_count; i++) {
        const struct tally_cdb_candidate *candidate = &ev->question->candidates[i];
        struct tally_statement_fault fault;

        if (candidate->refusal != TALLY_REFUSAL_NONE) {
            tally_evaluation_refuse(ev, i, candidate->refusal, candidate->line);
            continue;
        }
        if (!tally_statement_decode_header(candidate->text, candidate->text_count,
                                           &ev->metas[i].header, &fault)) {
            refuse_text(ev, i, &fault);
            tally_evaluation_suspect(ev, i);
            continue;
        }
        ev->order[ev->order_count++] = i;
    }
    sort_order(ev);
}

void tally_evaluation_type_bounds(const struct tally_evaluation *ev, enum tally_statement_type type,
                                  uint32_t *first, uint32_t *end)
{
    *first = 0;
    while (*first < ev->order_count &&
           tally_evaluation_header(ev, ev->order[*first])->type < type) {
        (*first)++;
    }
    *end = *first;
    while (*end < ev->order_count && tally_evaluation_header(ev, ev->order[*end])->type == type) {
        (*end)++;
    }
}

uint32_t tally_evaluation_group_end(const struct tally_evaluation *ev, uint32_t from)
{
    const struct tally_statement_header *first = tally_evaluation_header(ev, ev->order[from]);
    uint32_t end = from + 1;

    while (end < ev->order_count &&
           compare_group(first, tally_evaluation_header(ev, ev->order[end])) == 0) {
        end++;
    }
    return end;
}

bool tally_evaluation_is_repeated(const struct tally_evaluation *ev, uint32_t at)
{
    return at > 0 && compare_candidates(ev, ev->order[at - 1], ev->order[at]) == 0;
}

/* --- choosing among serials --- */

/* What has been found so far, going from the highest serial down. */
struct choice {
    uint32_t candidate; /* the one that counts, if it is in force */
    uint32_t serial;    /* of what settled the choice; 0: not settled */
};

static void refuse_and_concern(struct tally_evaluation *ev, uint32_t candidate,
                               enum tally_refusal reason, tally_evaluation_concern_fn *concern)
{
    tally_evaluation_refuse(ev, candidate, reason, 0);
    concern(ev, candidate);
}

/* Two properly signed statements of one serial: neither is believed, nor anything older. */
static void refuse_conflict(struct tally_evaluation *ev, struct choice *choice, uint32_t candidate,
                            tally_evaluation_concern_fn *concern)
{
    refuse_and_concern(ev, candidate, TALLY_REFUSAL_CONFLICTING, concern);
    if (choice->candidate != TALLY_EVALUATION_NONE &&
        tally_evaluation_load(ev, choice->candidate)) {
        refuse_and_concern(ev, choice->candidate, TALLY_REFUSAL_CONFLICTING, concern);
    }
    choice->candidate = TALLY_EVALUATION_NONE;
}

static void weigh(struct tally_evaluation *ev, uint32_t candidate, struct choice *choice,
                  tally_evaluation_may_speak_fn *may_speak, tally_evaluation_concern_fn *concern)
{
    const struct tally_statement_header *header = tally_evaluation_header(ev, candidate);
    enum tally_refusal reason = TALLY_REFUSAL_NONE;

    if (choice->serial > header->serial) {
        tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_SUPERSEDED, 0);
        return;
    }
    if (!tally_evaluation_load(ev, candidate)) {
        tally_evaluation_suspect(ev, candidate);
        return;
    }
    reason = may_speak(ev, candidate);
    if (reason != TALLY_REFUSAL_NONE) {
        refuse_and_concern(ev, candidate, reason, concern);
    } else if (header->not_before.us > ev->question->now.us) {
        tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_NOT_YET_VALID, 0);
        tally_evaluation_await(ev, header->not_before);
    } else if (choice->serial == header->serial) {
        refuse_conflict(ev, choice, candidate, concern);
    } else if (header->expires.us <= ev->question->now.us) {
        choice->serial = header->serial;
        refuse_and_concern(ev, candidate, TALLY_REFUSAL_EXPIRED, concern);
    } else {
        choice->serial = header->serial;
        choice->candidate = candidate;
    }
}

uint32_t tally_evaluation_choose(struct tally_evaluation *ev, uint32_t first, uint32_t end,
                                 tally_evaluation_may_speak_fn *may_speak,
                                 tally_evaluation_concern_fn *concern)
{
    struct choice choice = {.candidate = TALLY_EVALUATION_NONE};

    for (uint32_t i = end; i > first; i--) {
        if (tally_evaluation_is_repeated(ev, i - 1)) {
            tally_evaluation_refuse(ev, ev->order[i - 1], TALLY_REFUSAL_DUPLICATE, 0);
        } else {
            weigh(ev, ev->order[i - 1], &choice, may_speak, concern);
        }
    }
    if (choice.candidate == TALLY_EVALUATION_NONE || !tally_evaluation_load(ev, choice.candidate)) {
        return TALLY_EVALUATION_NONE;
    }
    ev->is_in_force[choice.candidate] = true;
    return choice.candidate;
}

/* --- the whole --- */

/* The facts are done with: their spare room takes what is handed out. */
static const struct tally_cdb_range *gather_ranges(struct tally_evaluation *ev)
{
    struct tally_cdb_range *ranges = (void *)ev->spare_facts;

    for (uint32_t i = 0; i < ev->fact_count; i++) {
        ranges[i] = ev->facts[i].range;
    }
    return ranges;
}

static uint64_t count_in_force(const struct tally_evaluation *ev)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < ev->question->candidate_count; i++) {
        count += ev->is_in_force[i];
    }
    return count;
}

void tally_cdb_evaluate(const struct tally_cdb_question *question, void *memory,
                        size_t memory_bytes, struct tally_cdb_evaluation *evaluation)
{
    struct tally_evaluation ev;
    struct tally_wall stamped = {0};

    TALLY_ASSERT(memory_bytes >= tally_cdb_evaluate_bytes(question));
    ev = place(question, memory);
    memset(evaluation, 0, sizeof(*evaluation));
    read_headers(&ev);
    tally_evaluation_roots(&ev);
    tally_evaluation_authorities(&ev);
    tally_evaluation_operators(&ev);
    tally_evaluation_ranges(&ev);
    tally_evaluation_numbering(&ev);
    tally_evaluation_suspects(&ev);
    tally_evaluation_stamp(&ev, &stamped);

    evaluation->facts = (struct tally_cdb_facts){
        .operators = ev.operators,
        .operator_count = ev.operator_count,
        .ranges = gather_ranges(&ev),
        .range_count = ev.fact_count,
        .log_size = count_in_force(&ev),
        .stamped = stamped,
        .wire_minor_min = ev.root.body.wire_minor_min,
    };
    if (ev.root.candidate != TALLY_EVALUATION_NONE) {
        memcpy(evaluation->network, ev.root.header.issuer, sizeof(evaluation->network));
        evaluation->root_serial = ev.root.header.serial;
        memcpy(evaluation->facts.network_id, ev.network_id, sizeof(ev.network_id));
    }
    evaluation->refusals = ev.refusals;
    evaluation->refusal_count = ev.refusal_count;
    evaluation->is_in_force = ev.is_in_force;
    evaluation->next_change = ev.next_change;
}
