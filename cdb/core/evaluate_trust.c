/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate_trust.c - rules 1 and 2: the chain of roots, the authorities under the newest, and the
 * witnesses' stamp.
 */
#include "base/assert.h"
#include "cdb/core/evaluation.h"
#include "tally/e164.h"

#include <string.h>

/* A witness's clock may be ahead of ours by this much. */
#define STAMP_AHEAD_US (INT64_C(60) * TALLY_US_PER_S)

static enum tally_cdb_signed ask(const struct tally_evaluation *ev, uint32_t candidate,
                                 const struct tally_statement_key *key)
{
    return ev->question->is_signed(ev->question->context, candidate, key->name, key->key);
}

enum tally_refusal tally_evaluation_threshold(const struct tally_evaluation *ev, uint32_t candidate,
                                              const struct tally_statement_keys *keys)
{
    uint8_t good_count = 0;
    uint8_t bad_count = 0;

    for (uint8_t i = 0; i < keys->count; i++) {
        switch (ask(ev, candidate, &keys->keys[i])) {
        case TALLY_CDB_SIGNED_WELL:
            good_count++;
            break;
        case TALLY_CDB_SIGNED_BADLY:
            bad_count++;
            break;
        case TALLY_CDB_SIGNED_NOT:
            break;
        }
    }
    if (good_count >= keys->threshold) {
        return TALLY_REFUSAL_NONE;
    }
    if (bad_count > 0) {
        return TALLY_REFUSAL_BAD_SIGNATURE;
    }
    return good_count > 0 ? TALLY_REFUSAL_BELOW_THRESHOLD : TALLY_REFUSAL_WRONG_SIGNER;
}

/* --- roots --- */

static bool is_first_root(const struct tally_evaluation *ev, uint32_t at)
{
    uint32_t candidate = ev->order[at];
    const uint8_t *pin = ev->question->root_pin;

    return tally_evaluation_header(ev, candidate)->serial == 1 &&
           !tally_evaluation_is_repeated(ev, at) &&
           (pin == NULL || memcmp(ev->question->candidates[candidate].text_hash, pin, 32) == 0);
}

/* Where the first root stands in order[]; end if there is none, or more than one to choose from. */
static uint32_t find_first_root(const struct tally_evaluation *ev, uint32_t first, uint32_t end)
{
    uint32_t found = end;

    for (uint32_t i = first; i < end; i++) {
        if (is_first_root(ev, i)) {
            if (found != end) {
                return end;
            }
            found = i;
        }
    }
    return found;
}

/* Is the root in scratch signed as it must be, by itself and by the one before it? */
static bool root_may_follow(struct tally_evaluation *ev, uint32_t candidate)
{
    enum tally_refusal reason = tally_evaluation_threshold(ev, candidate, &ev->scratch->root.keys);

    if (reason == TALLY_REFUSAL_NONE && ev->root.candidate != TALLY_EVALUATION_NONE) {
        reason = tally_evaluation_threshold(ev, candidate, &ev->root.body.keys);
    }
    if (reason != TALLY_REFUSAL_NONE) {
        tally_evaluation_refuse(ev, candidate, reason, 0);
        return false;
    }
    if (ev->scratch->header.not_before.us > ev->question->now.us) {
        tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_NOT_YET_VALID, 0);
        tally_evaluation_await(ev, ev->scratch->header.not_before);
        return false;
    }
    return true;
}

static void enthrone(struct tally_evaluation *ev, uint32_t candidate)
{
    bool is_loaded = tally_evaluation_load(ev, candidate);

    TALLY_ASSERT(is_loaded); /* it was loaded a moment ago */
    ev->root.candidate = candidate;
    ev->root.header = ev->scratch->header;
    ev->root.body = ev->scratch->root;
    ev->is_in_force[candidate] = true;
}

/*
 * Goes through the roots of one serial, order[first..end). One that may follow becomes the root;
 * of two, neither does, for its keys have signed both. Returns whether the chain goes on.
 */
static bool advance(struct tally_evaluation *ev, uint32_t first, uint32_t end)
{
    uint32_t found = TALLY_EVALUATION_NONE;
    uint32_t found_count = 0;

    for (uint32_t i = first; i < end; i++) {
        uint32_t candidate = ev->order[i];

        if (tally_evaluation_is_repeated(ev, i)) {
            tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_DUPLICATE, 0);
        } else if (tally_evaluation_load(ev, candidate) && root_may_follow(ev, candidate)) {
            found_count++;
            if (found_count > 1) {
                tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_CONFLICTING, 0);
            } else {
                found = candidate;
            }
        }
    }
    if (found_count > 1) {
        tally_evaluation_refuse(ev, found, TALLY_REFUSAL_CONFLICTING, 0);
    }
    if (found_count == 1) {
        enthrone(ev, found);
    }
    return found_count == 1;
}

/* Where the serials of order[at] end, within order[..end). */
static uint32_t serial_end(const struct tally_evaluation *ev, uint32_t at, uint32_t end)
{
    uint32_t serial = tally_evaluation_header(ev, ev->order[at])->serial;

    while (at < end && tally_evaluation_header(ev, ev->order[at])->serial == serial) {
        at++;
    }
    return at;
}

static void refuse_roots(struct tally_evaluation *ev, uint32_t first, uint32_t end,
                         enum tally_refusal reason)
{
    for (uint32_t i = first; i < end; i++) {
        tally_evaluation_refuse(ev, ev->order[i], reason, 0);
    }
}

/* Follows the chain in the group order[first..end), whose first root stands at `start`. */
static void follow_chain(struct tally_evaluation *ev, uint32_t first, uint32_t start, uint32_t end)
{
    uint32_t at = serial_end(ev, start, end);
    uint32_t first_candidate = ev->order[start];
    bool goes_on = advance(ev, start, start + 1);

    for (uint32_t i = first; i < at; i++) { /* others of serial 1 */
        if (i != start) {
            tally_evaluation_refuse(ev, ev->order[i],
                                    i == start + 1 && tally_evaluation_is_repeated(ev, i)
                                        ? TALLY_REFUSAL_DUPLICATE
                                        : TALLY_REFUSAL_WRONG_ROOT,
                                    0);
        }
    }
    if (goes_on) {
        memcpy(ev->network_id, ev->question->candidates[first_candidate].text_hash,
               sizeof(ev->network_id));
    }
    while (goes_on && at < end &&
           tally_evaluation_header(ev, ev->order[at])->serial == ev->root.header.serial + 1) {
        uint32_t next = serial_end(ev, at, end);

        goes_on = advance(ev, at, next);
        at = next;
    }
    refuse_roots(ev, at, end, TALLY_REFUSAL_WRONG_ROOT);
}

void tally_evaluation_roots(struct tally_evaluation *ev)
{
    uint32_t first, end, start;

    tally_evaluation_type_bounds(ev, TALLY_STATEMENT_ROOT, &first, &end);
    start = find_first_root(ev, first, end);
    if (start == end) {
        refuse_roots(ev, first, end, TALLY_REFUSAL_WRONG_ROOT);
        return;
    }
    for (uint32_t at = first, next; at < end; at = next) {
        next = tally_evaluation_group_end(ev, at);
        if (start >= at && start < next) {
            follow_chain(ev, at, start, next);
        } else {
            refuse_roots(ev, at, next, TALLY_REFUSAL_WRONG_NETWORK);
        }
    }
    if (ev->root.candidate != TALLY_EVALUATION_NONE &&
        ev->root.header.expires.us <= ev->question->now.us) {
        tally_evaluation_refuse(ev, ev->root.candidate, TALLY_REFUSAL_EXPIRED, 0);
    }
}

/* --- authorities --- */

static enum tally_refusal authority_may_speak(struct tally_evaluation *ev, uint32_t candidate)
{
    if (ev->root.candidate == TALLY_EVALUATION_NONE) {
        return TALLY_REFUSAL_UNKNOWN_ISSUER;
    }
    if (strcmp(ev->scratch->header.issuer, ev->root.header.issuer) != 0) {
        return TALLY_REFUSAL_WRONG_NETWORK;
    }
    return tally_evaluation_threshold(ev, candidate, &ev->root.body.keys);
}

static void concern_countries(struct tally_evaluation *ev, uint32_t candidate)
{
    (void)candidate;
    for (uint8_t i = 0; i < ev->scratch->authority.country_count; i++) {
        tally_evaluation_add_unknown(ev, ev->scratch->authority.countries[i]);
    }
}

static void add_authority(struct tally_evaluation *ev, uint32_t candidate)
{
    const struct tally_statement *statement = ev->scratch;
    struct tally_evaluation_authority *authority = &ev->authorities[ev->authority_count];

    memset(authority, 0, sizeof(*authority));
    memcpy(authority->id, statement->header.subject, sizeof(authority->id));
    authority->candidate = candidate;
    authority->keys = statement->authority.keys;
    authority->expires = statement->header.expires.us < ev->root.header.expires.us
                             ? statement->header.expires
                             : ev->root.header.expires;
    for (uint8_t i = 0; i < statement->authority.country_count; i++) {
        ev->codes[ev->code_count++] = (struct tally_evaluation_code){
            .prefix = statement->authority.countries[i], .authority = ev->authority_count};
    }
    ev->authority_count++;
}

static void sort_codes(struct tally_evaluation *ev)
{
    for (uint32_t i = 1; i < ev->code_count; i++) { /* some hundreds, mostly in order */
        struct tally_evaluation_code code = ev->codes[i];
        uint32_t at = i;

        while (at > 0 && tally_prefix_compare(ev->codes[at - 1].prefix, code.prefix) > 0) {
            ev->codes[at] = ev->codes[at - 1];
            at--;
        }
        ev->codes[at] = code;
    }
}

/* A code that two authorities hold is nobody's until one of them lets go. */
static void settle_codes(struct tally_evaluation *ev)
{
    uint32_t kept = 0;

    for (uint32_t i = 0, next; i < ev->code_count; i = next) {
        struct tally_evaluation_code code = ev->codes[i];

        for (next = i + 1; next < ev->code_count && ev->codes[next].prefix == code.prefix; next++) {
        }
        if (next - i > 1) {
            for (uint32_t k = i; k < next; k++) {
                tally_evaluation_refuse(ev, ev->authorities[ev->codes[k].authority].candidate,
                                        TALLY_REFUSAL_CONTESTED, 0);
            }
            tally_evaluation_add_unknown(ev, code.prefix);
            code.authority = TALLY_EVALUATION_NONE;
        }
        ev->codes[kept++] = code;
    }
    ev->code_count = kept;
}

void tally_evaluation_authorities(struct tally_evaluation *ev)
{
    uint32_t first, end;

    tally_evaluation_type_bounds(ev, TALLY_STATEMENT_AUTHORITY, &first, &end);
    for (uint32_t at = first, next; at < end; at = next) {
        uint32_t candidate;

        next = tally_evaluation_group_end(ev, at);
        candidate = tally_evaluation_choose(ev, at, next, authority_may_speak, concern_countries);
        if (candidate != TALLY_EVALUATION_NONE) {
            add_authority(ev, candidate);
        }
    }
    sort_codes(ev);
    settle_codes(ev);
}

uint32_t tally_evaluation_find_authority(const struct tally_evaluation *ev, const char *id)
{
    uint32_t low = 0;
    uint32_t high = ev->authority_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(ev->authorities[middle].id, id);

        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return TALLY_EVALUATION_NONE;
}

static const struct tally_evaluation_code *find_code(const struct tally_evaluation *ev,
                                                     uint64_t prefix)
{
    uint32_t low = 0;
    uint32_t high = ev->code_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = tally_prefix_compare(ev->codes[middle].prefix, prefix);

        if (order == 0) {
            return &ev->codes[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

uint32_t tally_evaluation_authority_of(const struct tally_evaluation *ev, uint64_t prefix)
{
    for (; prefix != 0; prefix /= 10) {
        const struct tally_evaluation_code *code = find_code(ev, prefix);

        if (code != NULL) {
            return code->authority;
        }
    }
    return TALLY_EVALUATION_NONE;
}

/* --- the stamp --- */

static enum tally_refusal judge_stamp(struct tally_evaluation *ev)
{
    const struct tally_cdb_question *question = ev->question;
    const struct tally_statement *stamp = ev->scratch;
    enum tally_refusal reason;

    if (stamp->header.type != TALLY_STATEMENT_STAMP) {
        return TALLY_REFUSAL_UNKNOWN_TYPE;
    }
    if (ev->root.candidate == TALLY_EVALUATION_NONE) {
        return TALLY_REFUSAL_UNKNOWN_ISSUER;
    }
    if (strcmp(stamp->header.issuer, ev->root.header.issuer) != 0) {
        return TALLY_REFUSAL_WRONG_NETWORK;
    }
    reason = tally_evaluation_threshold(ev, TALLY_CDB_STAMP, &ev->root.body.witnesses);
    if (reason != TALLY_REFUSAL_NONE) {
        return reason;
    }
    if (stamp->stamp.statement_count != question->candidate_count ||
        memcmp(stamp->stamp.set_hash, question->set_hash, sizeof(stamp->stamp.set_hash)) != 0) {
        return TALLY_REFUSAL_STAMP_OTHER;
    }
    if (stamp->header.not_before.us > question->now.us + STAMP_AHEAD_US) {
        return TALLY_REFUSAL_NOT_YET_VALID;
    }
    return stamp->header.not_before.us < question->stamped_min.us ? TALLY_REFUSAL_STAMP_REPLAYED
                                                                  : TALLY_REFUSAL_NONE;
}

void tally_evaluation_stamp(struct tally_evaluation *ev, struct tally_wall *stamped)
{
    enum tally_refusal reason;

    stamped->us = 0;
    if (ev->question->stamp == NULL || !tally_evaluation_load(ev, TALLY_CDB_STAMP)) {
        return;
    }
    reason = judge_stamp(ev);
    if (reason != TALLY_REFUSAL_NONE) {
        tally_evaluation_refuse(ev, TALLY_CDB_STAMP, reason, 0);
        return;
    }
    *stamped = ev->scratch->header.not_before; /* also when it is old: its age says what it is */
    if (ev->scratch->header.expires.us <= ev->question->now.us) {
        tally_evaluation_refuse(ev, TALLY_CDB_STAMP, TALLY_REFUSAL_EXPIRED, 0);
    }
}
