/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate_operators.c - rule 3: whose keys are an operator's.
 *
 * An authority countersigns at enrolment; after that an operator renews by itself, each statement
 * signed by the statement key of the one before it as well as by its own. So the statements of one
 * operator are followed upwards from the lowest serial, and old ones may have expired: they are
 * links, not claims.
 */
#include "cdb/core/evaluation.h"

#include <string.h>

/* How far the chain of one operator has come. */
struct chain {
    uint32_t last;          /* place in order[] of the newest accepted; NONE */
    uint32_t countersigned; /* place of the newest accepted that an authority countersigned */
    uint32_t serial;
    char enrolled_by[TALLY_OPERATOR_ID_BYTES];
    uint8_t statement_key[TALLY_CDB_KEY_BYTES];
    bool is_broken; /* two statements contradict each other: no keys at all */
};

static enum tally_cdb_signed ask(const struct tally_evaluation *ev, uint32_t candidate,
                                 const uint8_t key[TALLY_CDB_KEY_BYTES])
{
    return ev->question->is_signed(ev->question->context, candidate,
                                   tally_evaluation_header(ev, candidate)->issuer, key);
}

/* May the statement in scratch take its place in the chain? */
static enum tally_refusal judge(struct tally_evaluation *ev, uint32_t candidate,
                                const struct chain *chain, bool *is_countersigned)
{
    const struct tally_operator_statement *op = &ev->scratch->op;
    uint32_t authority = tally_evaluation_find_authority(ev, op->enrolled_by);
    enum tally_cdb_signed own = ask(ev, candidate, op->statement_key);
    enum tally_refusal reason;
    bool is_linked = false;
    bool is_moved = false;

    *is_countersigned = false;
    if (own != TALLY_CDB_SIGNED_WELL) {
        return own == TALLY_CDB_SIGNED_BADLY ? TALLY_REFUSAL_BAD_SIGNATURE
                                             : TALLY_REFUSAL_WRONG_SIGNER;
    }
    if (authority == TALLY_EVALUATION_NONE) {
        return TALLY_REFUSAL_UNKNOWN_ISSUER;
    }
    reason = tally_evaluation_threshold(ev, candidate, &ev->authorities[authority].keys);
    *is_countersigned = reason == TALLY_REFUSAL_NONE;
    if (chain->last != TALLY_EVALUATION_NONE) {
        is_linked = ask(ev, candidate, chain->statement_key) == TALLY_CDB_SIGNED_WELL;
        is_moved = strcmp(op->enrolled_by, chain->enrolled_by) != 0;
    }
    if (is_moved && *is_countersigned && !is_linked) {
        return TALLY_REFUSAL_CONTESTED; /* another authority's word against the first one's */
    }
    return *is_countersigned || (is_linked && !is_moved) ? TALLY_REFUSAL_NONE : reason;
}

static void extend(struct tally_evaluation *ev, uint32_t at, struct chain *chain,
                   bool is_countersigned)
{
    const struct tally_statement *statement = ev->scratch;

    ev->is_in_force[ev->order[at]] = true;
    chain->last = at;
    chain->countersigned = is_countersigned ? at : chain->countersigned;
    chain->serial = statement->header.serial;
    memcpy(chain->enrolled_by, statement->op.enrolled_by, sizeof(chain->enrolled_by));
    memcpy(chain->statement_key, statement->op.statement_key, sizeof(chain->statement_key));
}

static void break_chain(struct tally_evaluation *ev, uint32_t candidate, struct chain *chain,
                        enum tally_refusal reason)
{
    tally_evaluation_refuse(ev, candidate, reason, 0);
    if (!chain->is_broken) {
        tally_evaluation_refuse(ev, ev->order[chain->last], reason, 0);
    }
    chain->is_broken = true;
}

static void weigh(struct tally_evaluation *ev, uint32_t at, struct chain *chain)
{
    uint32_t candidate = ev->order[at];
    bool is_countersigned = false;
    enum tally_refusal reason;

    if (!tally_evaluation_load(ev, candidate)) {
        tally_evaluation_suspect(ev, candidate);
        return;
    }
    reason = judge(ev, candidate, chain, &is_countersigned);
    if (reason == TALLY_REFUSAL_CONTESTED) {
        break_chain(ev, candidate, chain, reason);
    } else if (reason != TALLY_REFUSAL_NONE) {
        tally_evaluation_refuse(ev, candidate, reason, 0);
        tally_evaluation_suspect(ev, candidate);
    } else if (ev->scratch->header.not_before.us > ev->question->now.us) {
        tally_evaluation_refuse(ev, candidate, TALLY_REFUSAL_NOT_YET_VALID, 0);
        tally_evaluation_await(ev, ev->scratch->header.not_before);
    } else if (chain->last != TALLY_EVALUATION_NONE &&
               chain->serial == ev->scratch->header.serial) {
        break_chain(ev, candidate, chain, TALLY_REFUSAL_CONFLICTING);
    } else {
        extend(ev, at, chain, is_countersigned);
    }
}

/* Of the accepted ones, those below the newest countersigned one are no longer needed. */
static void settle_links(struct tally_evaluation *ev, uint32_t first, uint32_t end,
                         const struct chain *chain)
{
    for (uint32_t i = first; i < end; i++) {
        bool *is_in_force = &ev->is_in_force[ev->order[i]];

        if (*is_in_force && chain->is_broken) {
            *is_in_force = false;
        } else if (*is_in_force && i < chain->countersigned) {
            *is_in_force = false;
            tally_evaluation_refuse(ev, ev->order[i], TALLY_REFUSAL_SUPERSEDED, 0);
        }
    }
}

static void add_operator(struct tally_evaluation *ev, uint32_t candidate)
{
    const struct tally_statement *statement = ev->scratch;
    const struct tally_operator_statement *from = &statement->op;
    struct tally_cdb_operator *op = &ev->operators[ev->operator_count];
    struct tally_evaluation_operator *trust = &ev->trusts[ev->operator_count];
    uint32_t authority = tally_evaluation_find_authority(ev, from->enrolled_by);
    struct tally_wall authority_expires = ev->authorities[authority].expires;

    memset(op, 0, sizeof(*op));
    memcpy(op->id, statement->header.issuer, sizeof(op->id));
    memcpy(op->noise_keys, from->noise_keys, sizeof(op->noise_keys));
    op->noise_key_count = from->noise_key_count;
    memcpy(op->evidence_key, from->evidence_key, sizeof(op->evidence_key));
    memcpy(op->endpoints, from->endpoints, sizeof(op->endpoints));
    op->endpoint_count = from->endpoint_count;
    memcpy(op->egress, from->egress, sizeof(op->egress));
    op->egress_count = from->egress_count;
    memcpy(op->redress_contact, from->redress_contact, sizeof(op->redress_contact));
    op->expires = statement->header.expires.us < authority_expires.us ? statement->header.expires
                                                                      : authority_expires;
    memset(trust, 0, sizeof(*trust));
    memcpy(trust->statement_key, from->statement_key, sizeof(trust->statement_key));
    trust->candidate = candidate;
    ev->operator_count++;
}

/* Settles the operator whose statements stand in order[first..end). */
static void settle(struct tally_evaluation *ev, uint32_t first, uint32_t end)
{
    struct chain chain = {.last = TALLY_EVALUATION_NONE, .countersigned = TALLY_EVALUATION_NONE};
    uint32_t newest;

    for (uint32_t i = first; i < end; i++) {
        if (tally_evaluation_is_repeated(ev, i)) {
            tally_evaluation_refuse(ev, ev->order[i], TALLY_REFUSAL_DUPLICATE, 0);
        } else {
            weigh(ev, i, &chain);
        }
    }
    settle_links(ev, first, end, &chain);
    if (chain.last == TALLY_EVALUATION_NONE || chain.is_broken) {
        return;
    }
    newest = ev->order[chain.last];
    if (tally_evaluation_header(ev, newest)->expires.us <= ev->question->now.us) {
        tally_evaluation_refuse(ev, newest, TALLY_REFUSAL_EXPIRED, 0);
        ev->is_in_force[newest] = false;
    } else if (tally_evaluation_load(ev, newest)) {
        add_operator(ev, newest);
    }
}

void tally_evaluation_operators(struct tally_evaluation *ev)
{
    uint32_t first, end;

    tally_evaluation_type_bounds(ev, TALLY_STATEMENT_OPERATOR, &first, &end);
    for (uint32_t at = first, next; at < end; at = next) {
        next = tally_evaluation_group_end(ev, at);
        settle(ev, at, next);
    }
}

uint32_t tally_evaluation_find_operator(const struct tally_evaluation *ev, const char *id)
{
    uint32_t low = 0;
    uint32_t high = ev->operator_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(ev->operators[middle].id, id);

        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return TALLY_CDB_NOBODY;
}
