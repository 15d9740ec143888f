/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate_numbers.c - rules 4 and 6: who holds which prefix, and what he says of it.
 *
 * Range statements give one fact per prefix, sorted and settled before numbering is looked at; a
 * numbering line changes the fact of its prefix, or adds one within the longest range around it.
 */
#include "base/assert.h"
#include "cdb/core/evaluation.h"
#include "tally/e164.h"

#include <string.h>

static struct tally_wall earlier(struct tally_wall one, struct tally_wall other)
{
    return one.us < other.us ? one : other;
}

static struct tally_evaluation_fact *add_fact(struct tally_evaluation *ev, uint64_t prefix,
                                              uint32_t holder, uint32_t candidate, uint32_t line)
{
    struct tally_evaluation_fact *fact = &ev->facts[ev->fact_count];

    TALLY_ASSERT(ev->fact_count < ev->fact_max);
    ev->fact_count++;
    memset(fact, 0, sizeof(*fact));
    fact->range.prefix = prefix;
    fact->range.holder = holder;
    fact->candidate = candidate;
    fact->line = line;
    fact->base = TALLY_EVALUATION_NONE;
    return fact;
}

void tally_evaluation_add_unknown(struct tally_evaluation *ev, uint64_t prefix)
{
    struct tally_evaluation_fact *fact =
        add_fact(ev, prefix, TALLY_CDB_NOBODY, TALLY_EVALUATION_NONE, 0);

    fact->range.is_unsafe = true;
}

/* --- sorting --- */

/* Sorts facts[first..fact_count) by prefix and holder. */
static void sort_facts(struct tally_evaluation *ev, uint32_t first)
{
    uint32_t count = ev->fact_count - first;

    for (uint32_t i = 0; i < count; i++) {
        const struct tally_cdb_range *range = &ev->facts[first + i].range;

        ev->keys[i] = tally_prefix_key_of(range->prefix, range->holder, first + i);
    }
    tally_prefix_sort(ev->keys, ev->spare_keys, count);
    for (uint32_t i = 0; i < count; i++) {
        ev->spare_facts[i] = ev->facts[ev->keys[i].at];
    }
    if (count > 0) {
        memcpy(&ev->facts[first], ev->spare_facts, count * sizeof(*ev->facts));
    }
}

static bool is_same_claim(const struct tally_evaluation_fact *one,
                          const struct tally_evaluation_fact *other)
{
    return one->range.prefix == other->range.prefix && one->range.holder == other->range.holder;
}

/* One holder's second fact about a prefix goes into the first; if they differ, neither is sure. */
static void fold(struct tally_evaluation *ev, struct tally_evaluation_fact *into,
                 const struct tally_evaluation_fact *other)
{
    struct tally_cdb_range *range = &into->range;
    bool is_numbering = into->base != TALLY_EVALUATION_NONE;

    range->expires = earlier(range->expires, other->range.expires);
    range->is_unsafe = range->is_unsafe || other->range.is_unsafe;
    if (range->holder == TALLY_CDB_NOBODY) {
        return;
    }
    if (is_numbering || range->digits_min != other->range.digits_min ||
        range->digits_max != other->range.digits_max) {
        range->is_unsafe = true;
        tally_evaluation_refuse(ev, into->candidate, TALLY_REFUSAL_CONFLICTING, into->line);
        tally_evaluation_refuse(ev, other->candidate, TALLY_REFUSAL_CONFLICTING, other->line);
    }
}

/* Leaves one fact per prefix and holder in the sorted facts[first..fact_count). */
static void fold_facts(struct tally_evaluation *ev, uint32_t first)
{
    uint32_t kept = first;

    for (uint32_t i = first; i < ev->fact_count; i++) {
        if (kept > first && is_same_claim(&ev->facts[kept - 1], &ev->facts[i])) {
            fold(ev, &ev->facts[kept - 1], &ev->facts[i]);
        } else {
            ev->facts[kept++] = ev->facts[i];
        }
    }
    ev->fact_count = kept;
}

/* The first of the range facts of this very prefix; range_fact_count if there is none. */
static uint32_t find_exact(const struct tally_evaluation *ev, uint64_t prefix)
{
    uint32_t low = 0;
    uint32_t high = ev->range_fact_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (tally_prefix_compare(ev->facts[middle].range.prefix, prefix) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ev->range_fact_count && ev->facts[low].range.prefix == prefix
               ? low
               : ev->range_fact_count;
}

/* The first of the range facts of the longest prefix around this one; range_fact_count: none. */
static uint32_t find_around(const struct tally_evaluation *ev, uint64_t prefix)
{
    for (; prefix != 0; prefix /= 10) {
        uint32_t found = find_exact(ev, prefix);

        if (found < ev->range_fact_count) {
            return found;
        }
    }
    return ev->range_fact_count;
}

/* --- ranges --- */

static enum tally_refusal range_may_speak(struct tally_evaluation *ev, uint32_t candidate)
{
    uint32_t authority = tally_evaluation_find_authority(ev, ev->scratch->header.issuer);

    if (authority == TALLY_EVALUATION_NONE) {
        return TALLY_REFUSAL_UNKNOWN_ISSUER;
    }
    return tally_evaluation_threshold(ev, candidate, &ev->authorities[authority].keys);
}

/* The prefixes of a refused range statement, as far as its issuer may speak of them. */
static void concern_ranges(struct tally_evaluation *ev, uint32_t candidate)
{
    const struct tally_range_statement *range = &ev->scratch->range;
    uint32_t authority = tally_evaluation_find_authority(ev, ev->scratch->header.issuer);

    (void)candidate;
    for (uint16_t i = 0; i < range->range_count; i++) {
        uint64_t prefix = range->ranges[i].prefix;

        if (authority != TALLY_EVALUATION_NONE &&
            tally_evaluation_authority_of(ev, prefix) == authority) {
            tally_evaluation_add_unknown(ev, prefix);
        }
    }
}

/* Where the bodies of range and numbering begin in their texts. */
enum { FIRST_BODY_LINE = 8 };

static void add_ranges(struct tally_evaluation *ev, uint32_t candidate)
{
    const struct tally_statement *statement = ev->scratch;
    uint32_t authority = tally_evaluation_find_authority(ev, statement->header.issuer);
    uint32_t holder = tally_evaluation_find_operator(ev, statement->header.subject);
    struct tally_wall expires =
        earlier(statement->header.expires, ev->authorities[authority].expires);

    if (holder == TALLY_CDB_NOBODY) {
        tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_UNKNOWN_OPERATOR, 0);
    } else {
        expires = earlier(expires, ev->operators[holder].expires);
    }
    for (uint16_t i = 0; i < statement->range.range_count; i++) {
        const struct tally_range_line *line = &statement->range.ranges[i];
        struct tally_evaluation_fact *fact;

        if (tally_evaluation_authority_of(ev, line->prefix) != authority) {
            tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_OVERCLAIM, FIRST_BODY_LINE + i);
            continue;
        }
        fact = add_fact(ev, line->prefix, holder, candidate, FIRST_BODY_LINE + i);
        fact->range.digits_min = line->digits_min;
        fact->range.digits_max = line->digits_max;
        fact->range.expires = expires;
        fact->range.is_unsafe = holder == TALLY_CDB_NOBODY;
    }
}

/* Two operators that hold one prefix by the same right: said of both. */
static void name_contested(struct tally_evaluation *ev)
{
    for (uint32_t i = 0, next; i < ev->range_fact_count; i = next) {
        uint32_t holder_count = 0;

        for (next = i; next < ev->range_fact_count &&
                       ev->facts[next].range.prefix == ev->facts[i].range.prefix;
             next++) {
            holder_count += ev->facts[next].range.holder != TALLY_CDB_NOBODY;
        }
        for (uint32_t k = i; holder_count > 1 && k < next; k++) {
            if (ev->facts[k].range.holder != TALLY_CDB_NOBODY) {
                tally_evaluation_refuse(ev, ev->facts[k].candidate, TALLY_REFUSAL_CONTESTED,
                                        ev->facts[k].line);
            }
        }
    }
}

/*
 * An authority that gave out +1 has not given out +1242 if that is another authority's: where the
 * latter says nothing of it, it is unknown, not the former's.
 */
static void cut_holes(struct tally_evaluation *ev)
{
    for (uint32_t i = 0; i < ev->code_count; i++) {
        const struct tally_evaluation_code *code = &ev->codes[i];
        uint32_t around = find_around(ev, code->prefix);

        if (code->authority != TALLY_EVALUATION_NONE && around < ev->range_fact_count &&
            ev->facts[around].range.prefix != code->prefix &&
            tally_evaluation_authority_of(ev, ev->facts[around].range.prefix) != code->authority) {
            tally_evaluation_add_unknown(ev, code->prefix);
        }
    }
}

static void settle_ranges(struct tally_evaluation *ev)
{
    sort_facts(ev, 0);
    fold_facts(ev, 0);
    ev->range_fact_count = ev->fact_count;
}

void tally_evaluation_ranges(struct tally_evaluation *ev)
{
    uint32_t first, end;

    tally_evaluation_type_bounds(ev, TALLY_STATEMENT_RANGE, &first, &end);
    for (uint32_t at = first, next; at < end; at = next) {
        uint32_t candidate;

        next = tally_evaluation_group_end(ev, at);
        candidate = tally_evaluation_choose(ev, at, next, range_may_speak, concern_ranges);
        if (candidate != TALLY_EVALUATION_NONE) {
            add_ranges(ev, candidate);
        }
    }
    settle_ranges(ev);
    cut_holes(ev);
    settle_ranges(ev);
    name_contested(ev);
}

/* --- numbering --- */

static enum tally_refusal numbering_may_speak(struct tally_evaluation *ev, uint32_t candidate)
{
    const char *id = ev->scratch->header.issuer;
    uint32_t op = tally_evaluation_find_operator(ev, id);
    enum tally_cdb_signed is_signed;

    if (op == TALLY_CDB_NOBODY) {
        return TALLY_REFUSAL_UNKNOWN_ISSUER;
    }
    is_signed =
        ev->question->is_signed(ev->question->context, candidate, id, ev->trusts[op].statement_key);
    if (is_signed == TALLY_CDB_SIGNED_WELL) {
        return TALLY_REFUSAL_NONE;
    }
    return is_signed == TALLY_CDB_SIGNED_BADLY ? TALLY_REFUSAL_BAD_SIGNATURE
                                               : TALLY_REFUSAL_WRONG_SIGNER;
}

/* The operator's claim to the longest range around a prefix; NULL: another holds it, or nobody. */
static struct tally_evaluation_fact *find_claim(struct tally_evaluation *ev, uint64_t prefix,
                                                uint32_t op, bool *is_contested)
{
    uint32_t around = find_around(ev, prefix);
    struct tally_evaluation_fact *claim = NULL;
    uint32_t holder_count = 0;

    for (uint32_t i = around;
         i < ev->range_fact_count && ev->facts[i].range.prefix == ev->facts[around].range.prefix;
         i++) {
        holder_count += ev->facts[i].range.holder != TALLY_CDB_NOBODY;
        claim = ev->facts[i].range.holder == op ? &ev->facts[i] : claim;
    }
    *is_contested = holder_count > 1;
    return claim;
}

/* The operator's ranges around what a refused numbering statement speaks of. */
static void concern_numbering(struct tally_evaluation *ev, uint32_t candidate)
{
    const struct tally_numbering_statement *numbering = &ev->scratch->numbering;
    uint32_t op = tally_evaluation_find_operator(ev, ev->scratch->header.issuer);

    (void)candidate;
    for (uint16_t i = 0; op != TALLY_CDB_NOBODY && i < numbering->line_count; i++) {
        bool is_contested;
        struct tally_evaluation_fact *claim =
            find_claim(ev, numbering->lines[i].prefix, op, &is_contested);

        if (claim != NULL) {
            claim->range.is_unsafe = true;
        }
    }
}

/* All who may originate have to be asked, so that all have to be known. */
static void entitle_others(struct tally_evaluation *ev, struct tally_evaluation_fact *fact,
                           const struct tally_numbering_line *line, uint32_t candidate,
                           uint32_t line_number)
{
    struct tally_cdb_range *range = &fact->range;
    unsigned other_count = line->authorise_count + line->served_by_count;

    for (unsigned i = 0; i < other_count; i++) {
        uint32_t op = tally_evaluation_find_operator(ev, line->others[i]);

        if (op == TALLY_CDB_NOBODY) {
            range->is_unsafe = true;
            tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_UNKNOWN_OPERATOR, line_number);
            continue;
        }
        range->authorised[range->authorised_count++] = op;
        range->expires = earlier(range->expires, ev->operators[op].expires);
    }
}

static void apply_line(struct tally_evaluation *ev, const struct tally_numbering_line *line,
                       uint32_t candidate, uint32_t line_number,
                       struct tally_evaluation_fact *claim)
{
    struct tally_evaluation_fact *fact = claim;
    struct tally_wall expires = earlier(claim->range.expires, ev->scratch->header.expires);

    if (claim->range.prefix != line->prefix) {
        fact = add_fact(ev, line->prefix, claim->range.holder, candidate, line_number);
        fact->base = (uint32_t)(claim - ev->facts);
        fact->range.digits_min = claim->range.digits_min;
        fact->range.digits_max = claim->range.digits_max;
    } else if (claim->has_numbering) { /* another part says something of it too */
        claim->range.is_unsafe = true;
        tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_CONFLICTING, line_number);
        return;
    }
    fact->has_numbering = true;
    fact->range.expires = expires;
    fact->range.answers = line->answers;
    fact->range.mobility = line->mobility;
    fact->range.strictness = line->strictness;
    fact->range.is_busy = line->is_busy;
    fact->range.is_onward = line->is_onward;
    fact->range.is_no_porting = line->is_no_porting;
    entitle_others(ev, fact, line, candidate, line_number);
}

static void apply_numbering(struct tally_evaluation *ev, uint32_t candidate)
{
    const struct tally_numbering_statement *numbering = &ev->scratch->numbering;
    uint32_t op = tally_evaluation_find_operator(ev, ev->scratch->header.issuer);

    for (uint16_t i = 0; i < numbering->line_count; i++) {
        const struct tally_numbering_line *line = &numbering->lines[i];
        bool is_contested;
        struct tally_evaluation_fact *claim = find_claim(ev, line->prefix, op, &is_contested);

        if (claim == NULL) {
            tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_OVERCLAIM, FIRST_BODY_LINE + i);
        } else if (!is_contested) { /* within a contested range all is contested */
            apply_line(ev, line, candidate, FIRST_BODY_LINE + i, claim);
        }
    }
}

void tally_evaluation_numbering(struct tally_evaluation *ev)
{
    uint32_t first, end;

    tally_evaluation_type_bounds(ev, TALLY_STATEMENT_NUMBERING, &first, &end);
    for (uint32_t at = first, next; at < end; at = next) {
        uint32_t candidate;

        next = tally_evaluation_group_end(ev, at);
        candidate = tally_evaluation_choose(ev, at, next, numbering_may_speak, concern_numbering);
        if (candidate != TALLY_EVALUATION_NONE) {
            apply_numbering(ev, candidate);
        }
    }
    sort_facts(ev, ev->range_fact_count);
    fold_facts(ev, ev->range_fact_count);
}

/* --- suspects --- */

/* Whom a statement that could not be read concerns; an unknown type may be anybody's. */
static void mark_issuer(struct tally_evaluation *ev, uint32_t candidate)
{
    const struct tally_statement_header *header = tally_evaluation_header(ev, candidate);
    bool is_unknown_type = header->type == TALLY_STATEMENT_NONE;
    uint32_t op = tally_evaluation_find_operator(ev, header->issuer);
    uint32_t authority = tally_evaluation_find_authority(
        ev, header->type == TALLY_STATEMENT_AUTHORITY ? header->subject : header->issuer);

    if (op != TALLY_CDB_NOBODY && (is_unknown_type || header->type == TALLY_STATEMENT_OPERATOR ||
                                   header->type == TALLY_STATEMENT_NUMBERING)) {
        ev->trusts[op].is_suspect = true;
    }
    if (authority != TALLY_EVALUATION_NONE &&
        (is_unknown_type || header->type == TALLY_STATEMENT_AUTHORITY ||
         header->type == TALLY_STATEMENT_RANGE)) {
        ev->authorities[authority].is_suspect = true;
    }
}

static bool is_suspect(const struct tally_evaluation *ev, const struct tally_cdb_range *range)
{
    uint32_t authority = tally_evaluation_authority_of(ev, range->prefix);

    return (range->holder != TALLY_CDB_NOBODY && ev->trusts[range->holder].is_suspect) ||
           (authority != TALLY_EVALUATION_NONE && ev->authorities[authority].is_suspect);
}

void tally_evaluation_suspects(struct tally_evaluation *ev)
{
    for (uint32_t i = 0; i < ev->suspect_count; i++) {
        mark_issuer(ev, ev->suspects[i]);
    }
    for (uint32_t i = 0; i < ev->range_fact_count; i++) {
        struct tally_cdb_range *range = &ev->facts[i].range;

        range->is_unsafe = range->is_unsafe || (ev->suspect_count > 0 && is_suspect(ev, range));
    }
    for (uint32_t i = ev->range_fact_count; i < ev->fact_count; i++) {
        struct tally_cdb_range *range = &ev->facts[i].range;

        range->is_unsafe = range->is_unsafe || ev->facts[ev->facts[i].base].range.is_unsafe;
    }
}
