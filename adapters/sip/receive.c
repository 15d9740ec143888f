/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/serving.h"
#include "base/assert.h"

#include <string.h>

#define NOBODY TALLY_SIP_TRANSACTION_NOBODY

static uint64_t mix(const struct tally_hash_key *key, uint64_t sum, struct tally_sip_text text)
{
    return tally_hash_u64_pair(key, sum, tally_hash(key, text.at, text.size));
}

/*
 * RFC 3261 section 17.2.3. ACK and CANCEL find the INVITE, so the method is no part of it. A branch
 * without the magic cookie (or with nothing behind it) is no identifier: then it is the rest of
 * what RFC 2543 compared, the To tag apart, which the answer adds.
 */
static uint64_t key_of(const struct tally_sip_server *server, uint16_t listener)
{
    static const char magic[] = "z9hG4bK";
    const struct tally_sip_request *request = &server->request;
    const struct tally_hash_key *key = &server->config.key;
    uint64_t sum = tally_hash_u64_pair(key, listener, request->via.port);

    sum = mix(key, sum, request->via.host);
    if (request->via.branch.size > sizeof(magic) - 1 &&
        memcmp(request->via.branch.at, magic, sizeof(magic) - 1) == 0) {
        return mix(key, sum, request->via.branch);
    }
    sum = mix(key, sum, request->via.branch);
    sum = mix(key, sum, request->call_id);
    sum = mix(key, sum, request->from_tag);
    sum = mix(key, sum, request->uri_text);
    return tally_hash_u64_pair(key, sum, request->cseq);
}

/* The To tag is a hash, so that an answer without state is the same each time. */
static uint64_t tag_of(const struct tally_sip_server *server, uint64_t key)
{
    return tally_hash_u64(&server->config.key, key);
}

static void receive_again(struct tally_sip_server *server, struct tally_now now, uint32_t slot,
                          struct tally_sip_effects *effects)
{
    const struct tally_sip_transaction *transaction = &server->table.slots[slot];

    server->counters.retransmitted++;
    tally_sip_add_gap(server, transaction->listener, transaction->received_wall, now.wall, effects);
    if (transaction->wait == TALLY_SIP_WAIT_ANSWERED) {
        tally_sip_send_kept(server, slot, &transaction->answer, effects);
    } else if (transaction->has_trying) {
        tally_sip_send_kept(server, slot,
                            &(struct tally_sip_answer){.kind = TALLY_SIP_ANSWER_TRYING}, effects);
    }
}

/* Lets a call go of which no event can be made or kept. */
static void let_go(struct tally_sip_server *server, uint16_t listener,
                   const struct tally_sip_address *source, uint64_t key,
                   struct tally_sip_effects *effects)
{
    server->counters.allowed++;
    tally_sip_answer_stateless(server, listener, source, tag_of(server, key),
                               TALLY_SIP_ANSWER_ALLOW, effects);
}

static void start_call(struct tally_sip_server *server, struct tally_now now, uint16_t listener,
                       const struct tally_sip_address *source, uint64_t key,
                       const struct tally_event *event, struct tally_sip_effects *effects)
{
    struct tally_sip_text echo = {server->texts, 0};
    struct tally_sip_transaction *transaction;
    uint32_t slot = NOBODY;

    echo.size = tally_sip_echo(&server->request, source, tag_of(server, key), server->texts,
                               TALLY_SIP_ECHO_BYTES_MAX);
    if (echo.size == 0 || server->request.uri_text.size >
                              TALLY_SIP_RESPONSE_BYTES_MAX - TALLY_SIP_ECHO_BYTES_MAX - 1024) {
        server->counters.oversized++;
        tally_sip_add_gap(server, listener, now.wall, now.wall, effects);
        return;
    }
    slot = tally_sip_table_add(&server->table, key, echo, server->request.uri_text);
    if (slot == NOBODY) {
        server->counters.full++;
        tally_sip_add_gap(server, listener, now.wall, now.wall, effects);
        let_go(server, listener, source, key, effects);
        return;
    }
    transaction = &server->table.slots[slot];
    transaction->listener = listener;
    transaction->to = tally_sip_reply_to(&server->request, source);
    transaction->received_at = now.mono;
    transaction->received_wall = now.wall;
    transaction->deadline = tally_mono_after(now.mono, TALLY_SIP_UNACKED_WAIT_US);
    transaction->displayed = tally_event_displayed(event);
    tally_sip_set_timer(server, slot);
    server->counters.events++;
    effects->has_event = true;
    effects->event = *event;
    effects->cookie = tally_sip_table_cookie(&server->table, slot);
}

/* A call from here, which may be forwarded from wherever it goes to. */
static bool is_started_here(const struct tally_sip_trunk *trunk)
{
    return trunk->side != TALLY_SIDE_TERMINATING && trunk->trunk_class != TALLY_TRUNK_INTERCONNECT;
}

/* The registry learns that A has an open leg; whoever calls for help does not wait for that. */
static void receive_short(struct tally_sip_server *server, struct tally_now now, uint16_t listener,
                          const struct tally_sip_address *source, uint64_t key,
                          const struct tally_event *event, struct tally_sip_effects *effects)
{
    server->counters.short_codes++;
    if (!is_started_here(&server->config.listeners[listener].trunk)) {
        let_go(server, listener, source, key, effects);
        return;
    }
    if ((event->flags & TALLY_EVENT_EMERGENCY) == 0) {
        start_call(server, now, listener, source, key, event, effects);
        return;
    }
    let_go(server, listener, source, key, effects);
    server->counters.events++;
    effects->has_event = true;
    effects->event = *event;
    effects->cookie = TALLY_SIP_COOKIE_NOBODY;
}

static void receive_invite(struct tally_sip_server *server, struct tally_now now, uint16_t listener,
                           const struct tally_sip_address *source,
                           struct tally_sip_effects *effects)
{
    uint64_t key = key_of(server, listener);
    uint32_t slot = tally_sip_table_find(&server->table, key);
    struct tally_event event;

    if (slot != NOBODY) {
        receive_again(server, now, slot, effects);
        return;
    }
    if (server->request.to_tag.at != NULL) {
        server->counters.reinvites++;
        let_go(server, listener, source, key, effects);
        return;
    }
    server->counters.invites++;
    switch (tally_sip_call_of(&server->config.listeners[listener].trunk, &server->request, now.wall,
                              &server->config.key, &event)) {
    case TALLY_SIP_CALLED_NUMBER:
        start_call(server, now, listener, source, key, &event, effects);
        return;
    case TALLY_SIP_CALLED_SHORT:
        receive_short(server, now, listener, source, key, &event, effects);
        return;
    case TALLY_SIP_CALLED_OTHER:
        server->counters.bad_numbers++;
        if (is_started_here(&server->config.listeners[listener].trunk)) {
            tally_sip_add_gap(server, listener, now.wall, now.wall, effects);
        }
        break;
    case TALLY_SIP_CALLED_UNCERTAIN:
        server->counters.bad_numbers++;
        tally_sip_add_gap(server, listener, now.wall, now.wall, effects);
        break;
    }
    let_go(server, listener, source, key, effects);
}

/* The switch gave up on the call before we let it go: whether it went on elsewhere nobody says. */
static void receive_cancel(struct tally_sip_server *server, struct tally_now now, uint16_t listener,
                           const struct tally_sip_address *source,
                           struct tally_sip_effects *effects)
{
    uint64_t key = key_of(server, listener);
    uint32_t slot = tally_sip_table_find(&server->table, key);
    const struct tally_sip_transaction *transaction;

    server->counters.cancels++;
    tally_sip_answer_stateless(server, listener, source, tag_of(server, key),
                               slot == NOBODY ? TALLY_SIP_ANSWER_NO_CALL : TALLY_SIP_ANSWER_OK,
                               effects);
    if (slot == NOBODY) {
        return;
    }
    transaction = &server->table.slots[slot];
    if (transaction->wait != TALLY_SIP_WAIT_ANSWERED) {
        server->counters.cancelled++;
        tally_sip_add_gap(server, listener, transaction->received_wall, now.wall, effects);
        tally_sip_answer_finally(server, now, slot,
                                 &(struct tally_sip_answer){.kind = TALLY_SIP_ANSWER_CANCELLED},
                                 effects);
    }
}

static void receive_ack(struct tally_sip_server *server, uint16_t listener)
{
    uint32_t slot = tally_sip_table_find(&server->table, key_of(server, listener));

    server->counters.acks++;
    if (slot != NOBODY && server->table.slots[slot].wait == TALLY_SIP_WAIT_ANSWERED) {
        server->table.slots[slot].is_acked_by_switch = true;
        tally_sip_set_timer(server, slot);
    }
}

static bool is_let_in(const struct tally_sip_listener *listener,
                      const struct tally_sip_address *source)
{
    for (uint32_t i = 0; i < listener->allow_from_count; i++) {
        if (tally_sip_network_has(&listener->allow_from[i], source)) {
            return true;
        }
    }
    return listener->allow_from_count == 0;
}

/* An INVITE that we cannot even answer leaves the switch to its own timers, and then goes on. */
static void receive_bad(struct tally_sip_server *server, struct tally_now now, uint16_t listener,
                        const struct tally_sip_address *source, enum tally_sip_reject reject,
                        struct tally_sip_effects *effects)
{
    server->counters.rejects[reject]++;
    if (reject == TALLY_SIP_REJECT_EMPTY) {
        return;
    }
    server->counters.rejected++;
    if (server->request.method == TALLY_SIP_INVITE &&
        is_let_in(&server->config.listeners[listener], source)) {
        tally_sip_add_gap(server, listener, now.wall, now.wall, effects);
    }
}

void tally_sip_server_receive(struct tally_sip_server *server, struct tally_now now,
                              uint16_t listener, const struct tally_sip_address *source,
                              const void *bytes, size_t size, struct tally_sip_effects *effects)
{
    enum tally_sip_reject reject = tally_sip_parse(bytes, size, &server->request);
    enum tally_sip_method method = server->request.method;
    enum tally_sip_answer_kind kind = TALLY_SIP_ANSWER_METHOD;

    TALLY_ASSERT(listener < server->config.listener_count);
    tally_sip_clear(effects);
    server->counters.datagrams++;
    if (reject != TALLY_SIP_REJECT_NONE) {
        receive_bad(server, now, listener, source, reject, effects);
        return;
    }
    if (!is_let_in(&server->config.listeners[listener], source)) {
        server->counters.forbidden++;
        if (method != TALLY_SIP_ACK) {
            tally_sip_answer_stateless(server, listener, source,
                                       tag_of(server, key_of(server, listener)),
                                       TALLY_SIP_ANSWER_FORBIDDEN, effects);
        }
        return;
    }
    switch (method) {
    case TALLY_SIP_INVITE:
        receive_invite(server, now, listener, source, effects);
        return;
    case TALLY_SIP_ACK:
        receive_ack(server, listener);
        return;
    case TALLY_SIP_CANCEL:
        receive_cancel(server, now, listener, source, effects);
        return;
    case TALLY_SIP_OPTIONS:
        server->counters.options++;
        kind = server->registry == TALLY_SIP_REGISTRY_HERE ? TALLY_SIP_ANSWER_OK
                                                           : TALLY_SIP_ANSWER_UNAVAILABLE;
        break;
    case TALLY_SIP_OTHER:
    case TALLY_SIP_METHOD_COUNT:
        server->counters.other_methods++;
        break;
    }
    tally_sip_answer_stateless(server, listener, source, tag_of(server, key_of(server, listener)),
                               kind, effects);
}
