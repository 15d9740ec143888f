/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/server.h"

#include "adapters/sip/serving.h"
#include "base/assert.h"

#include <stdlib.h>

#define NOBODY TALLY_SIP_TRANSACTION_NOBODY

enum tally_err tally_sip_server_open(const struct tally_sip_server_config *config,
                                     struct tally_now now, struct tally_sip_server **out,
                                     struct tally_fault *fault)
{
    struct tally_sip_server *server = calloc(1, sizeof(*server));
    enum tally_err err;

    TALLY_ASSERT(config->listener_count > 0 && config->listener_count <= TALLY_SIP_LISTENERS_MAX);
    *out = NULL;
    if (server == NULL) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "no memory for the SIP server");
    }
    server->config = *config;
    err = tally_sip_table_open(&server->table, now, config->transaction_max, config->chunk_max,
                               fault);
    if (err != TALLY_ERR_OK) {
        free(server);
        return err;
    }
    *out = server;
    return TALLY_ERR_OK;
}

void tally_sip_server_close(struct tally_sip_server *server)
{
    if (server != NULL) {
        tally_sip_table_close(&server->table);
        free(server);
    }
}

void tally_sip_server_set_registry(struct tally_sip_server *server,
                                   enum tally_sip_registry registry)
{
    server->registry = registry;
}

void tally_sip_server_unsent(struct tally_sip_server *server, struct tally_now now, uint64_t cookie,
                             struct tally_sip_effects *effects)
{
    uint32_t slot = tally_sip_table_of_cookie(&server->table, cookie);

    tally_sip_clear(effects);
    if (slot == NOBODY) {
        return;
    }
    server->counters.open_gone++;
    tally_sip_allow(server, now, slot, effects);
}

static bool is_waiting(const struct tally_sip_server *server, uint32_t slot)
{
    return slot != NOBODY && (server->table.slots[slot].wait == TALLY_SIP_WAIT_ACK ||
                              server->table.slots[slot].wait == TALLY_SIP_WAIT_VERDICT);
}

static bool waits_for_verdict(const struct tally_sip_server *server, uint32_t slot)
{
    uint16_t listener = server->table.slots[slot].listener;

    return server->config.listeners[listener].trunk.side != TALLY_SIDE_ORIGINATING;
}

static void take_ack(struct tally_sip_server *server, struct tally_now now, uint32_t slot,
                     uint32_t due_us, struct tally_sip_effects *effects)
{
    struct tally_sip_transaction *transaction = &server->table.slots[slot];

    if (due_us == 0 || !waits_for_verdict(server, slot)) {
        tally_sip_allow(server, now, slot, effects);
        return;
    }
    transaction->wait = TALLY_SIP_WAIT_VERDICT;
    transaction->deadline = tally_mono_after(now.mono, (int64_t)due_us + TALLY_SIP_OVERDUE_US);
    tally_sip_set_timer(server, slot);
}

static void take_verdict(struct tally_sip_server *server, struct tally_now now, uint32_t slot,
                         const struct tally_adapter_notice *notice,
                         struct tally_sip_effects *effects)
{
    const struct tally_sip_transaction *transaction = &server->table.slots[slot];
    struct tally_sip_answer answer = {
        .kind = TALLY_SIP_ANSWER_ALLOW,
        .action = notice->action,
        .verdict = notice->verdict,
        .cause = notice->cause,
        .verdict_id = notice->verdict_id,
        .displayed = transaction->displayed,
    };
    bool is_sayable = server->config.listeners[transaction->listener].wording.allow_code == 302;

    switch (notice->action) {
    case TALLY_ACTION_BLOCK:
    case TALLY_ACTION_RELEASE:
        answer.kind = TALLY_SIP_ANSWER_BLOCK;
        server->counters.blocked++;
        break;
    case TALLY_ACTION_LABEL:
        server->counters.allowed++;
        server->counters.labelled += is_sayable;
        server->counters.label_unsaid += !is_sayable;
        break;
    case TALLY_ACTION_STRIP_CLI:
        server->counters.allowed++;
        server->counters.stripped += is_sayable;
        server->counters.label_unsaid += !is_sayable;
        break;
    case TALLY_ACTION_ALLOW:
    case TALLY_ACTION_COUNT:
        server->counters.allowed++;
        break;
    }
    tally_sip_answer_finally(server, now, slot, &answer, effects);
}

void tally_sip_server_notice(struct tally_sip_server *server, struct tally_now now,
                             const struct tally_adapter_notice *notice,
                             struct tally_sip_effects *effects)
{
    uint32_t slot = tally_sip_table_of_cookie(&server->table, notice->cookie);

    tally_sip_clear(effects);
    switch (notice->type) {
    case TALLY_ADAPTER_NOTICE_NONE:
        return;
    case TALLY_ADAPTER_NOTICE_DOWN:
        server->registry = TALLY_SIP_REGISTRY_GONE;
        return;
    case TALLY_ADAPTER_NOTICE_UP:
        server->registry = TALLY_SIP_REGISTRY_HERE;
        return;
    case TALLY_ADAPTER_NOTICE_ACK:
        if (is_waiting(server, slot)) {
            take_ack(server, now, slot, notice->due_us, effects);
        }
        return;
    case TALLY_ADAPTER_NOTICE_VERDICT:
        if (is_waiting(server, slot)) {
            take_verdict(server, now, slot, notice, effects);
        } else {
            server->counters.late_verdicts++;
        }
        return;
    case TALLY_ADAPTER_NOTICE_LOST:
        if (is_waiting(server, slot) && !waits_for_verdict(server, slot)) {
            server->counters.open_unacked++;
            tally_sip_allow(server, now, slot, effects);
        }
        return;
    }
}

bool tally_sip_server_release_one(struct tally_sip_server *server, struct tally_now now,
                                  struct tally_sip_effects *effects)
{
    tally_sip_clear(effects);
    if (server->table.wait_first == NOBODY) {
        return false;
    }
    server->counters.open_gone++;
    tally_sip_allow(server, now, server->table.wait_first, effects);
    return true;
}

static void expire_waiting(struct tally_sip_server *server, struct tally_now now, uint32_t slot,
                           struct tally_sip_effects *effects)
{
    struct tally_sip_transaction *transaction = &server->table.slots[slot];

    if (!tally_mono_is_due(transaction->deadline, now.mono)) {
        transaction->has_trying = true;
        tally_sip_send_kept(server, slot,
                            &(struct tally_sip_answer){.kind = TALLY_SIP_ANSWER_TRYING}, effects);
        tally_sip_set_timer(server, slot);
        return;
    }
    if (transaction->wait == TALLY_SIP_WAIT_VERDICT) {
        server->counters.open_overdue++;
    } else {
        server->counters.open_unacked++;
    }
    tally_sip_allow(server, now, slot, effects);
}

bool tally_sip_server_expire_one(struct tally_sip_server *server, struct tally_now now,
                                 struct tally_sip_effects *effects)
{
    bool has_more = false;
    uint32_t slot = tally_wheel_expire_one(&server->table.wheel, now.mono, &has_more);
    struct tally_sip_transaction *transaction;

    tally_sip_clear(effects);
    if (slot == TALLY_WHEEL_NOBODY) {
        return has_more;
    }
    transaction = &server->table.slots[slot];
    if (!tally_mono_is_due(transaction->due, now.mono)) {
        tally_sip_set_timer(server, slot);
    } else if (transaction->wait != TALLY_SIP_WAIT_ANSWERED) {
        expire_waiting(server, now, slot, effects);
    } else if (tally_mono_is_due(
                   tally_mono_after(transaction->answered_at, TALLY_SIP_FORGET_AFTER_US),
                   now.mono)) {
        tally_sip_table_drop(&server->table, slot);
    } else {
        transaction->resend_count++;
        tally_sip_send_kept(server, slot, &transaction->answer, effects);
        tally_sip_set_timer(server, slot);
    }
    return true;
}

struct tally_mono tally_sip_server_next_due(const struct tally_sip_server *server)
{
    return tally_wheel_next_due(&server->table.wheel);
}

const struct tally_sip_counters *tally_sip_server_counters(const struct tally_sip_server *server)
{
    return &server->counters;
}

uint32_t tally_sip_server_transaction_count(const struct tally_sip_server *server)
{
    return server->table.used_count;
}

uint32_t tally_sip_server_chunk_count(const struct tally_sip_server *server)
{
    return server->table.pool.used_count;
}
