/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/serving.h"
#include "base/assert.h"

void tally_sip_clear(struct tally_sip_effects *effects)
{
    effects->send_count = 0;
    effects->has_event = false;
    effects->has_gap = false;
}

void tally_sip_add_gap(struct tally_sip_server *server, uint16_t listener, struct tally_wall from,
                       struct tally_wall to, struct tally_sip_effects *effects)
{
    if (server->config.listeners[listener].trunk.side != TALLY_SIDE_TERMINATING) {
        effects->has_gap = true;
        effects->gap_from = from;
        effects->gap_to = to;
        server->counters.gaps++;
    }
}

static const struct tally_sip_wording *wording_of(const struct tally_sip_server *server,
                                                  uint16_t listener)
{
    return &server->config.listeners[listener].wording;
}

static struct tally_sip_send *next_send(struct tally_sip_effects *effects)
{
    TALLY_ASSERT(effects->send_count < TALLY_SIP_SENDS_MAX);
    return &effects->sends[effects->send_count];
}

void tally_sip_answer_stateless(struct tally_sip_server *server, uint16_t listener,
                                const struct tally_sip_address *source, uint64_t to_tag,
                                enum tally_sip_answer_kind kind, struct tally_sip_effects *effects)
{
    const struct tally_sip_request *request = &server->request;
    struct tally_sip_send *send = next_send(effects);
    struct tally_sip_text echo = {server->texts, 0};

    echo.size = tally_sip_echo(request, source, to_tag, server->texts, TALLY_SIP_ECHO_BYTES_MAX);
    send->size = echo.size == 0
                     ? 0
                     : tally_sip_respond(wording_of(server, listener),
                                         &(struct tally_sip_answer){.kind = kind}, echo,
                                         request->uri_text, send->bytes, sizeof(send->bytes));
    if (send->size == 0) {
        server->counters.oversized++;
        return;
    }
    send->listener = listener;
    send->to = tally_sip_reply_to(request, source);
    effects->send_count++;
}

void tally_sip_send_kept(struct tally_sip_server *server, uint32_t slot,
                         const struct tally_sip_answer *answer, struct tally_sip_effects *effects)
{
    const struct tally_sip_transaction *transaction = &server->table.slots[slot];
    struct tally_sip_send *send = next_send(effects);
    struct tally_sip_text echo, uri;

    tally_sip_table_texts(&server->table, slot, server->texts, &echo, &uri);
    send->size = tally_sip_respond(wording_of(server, transaction->listener), answer, echo, uri,
                                   send->bytes, sizeof(send->bytes));
    TALLY_ASSERT(send->size > 0); /* the echo and the URI were bounded when they were kept */
    send->listener = transaction->listener;
    send->to = transaction->to;
    effects->send_count++;
}

static struct tally_mono earlier(struct tally_mono a, struct tally_mono b)
{
    return a.us < b.us ? a : b;
}

/*
 * One timer per transaction, set to whatever comes first. An answer is sent again by itself only
 * when a 100 has stopped the switch from asking again (timer G, doubling from T1 to T2).
 */
void tally_sip_set_timer(struct tally_sip_server *server, uint32_t slot)
{
    struct tally_sip_transaction *transaction = &server->table.slots[slot];
    struct tally_mono due = transaction->deadline;

    if (transaction->wait != TALLY_SIP_WAIT_ANSWERED) {
        if (!transaction->has_trying) {
            due =
                earlier(due, tally_mono_after(transaction->received_at, TALLY_SIP_TRYING_AFTER_US));
        }
    } else {
        due = tally_mono_after(transaction->answered_at, TALLY_SIP_FORGET_AFTER_US);
        if (transaction->has_trying && !transaction->is_acked_by_switch) {
            int64_t sum_us = 0, step_us = TALLY_SIP_T1_US;

            for (uint8_t i = 0; i <= transaction->resend_count; i++) {
                sum_us += step_us;
                step_us = step_us * 2 < TALLY_SIP_T2_US ? step_us * 2 : TALLY_SIP_T2_US;
            }
            due = earlier(due, tally_mono_after(transaction->answered_at, sum_us));
        }
    }
    transaction->due = due;
    tally_wheel_set(&server->table.wheel, slot, due);
}

void tally_sip_answer_finally(struct tally_sip_server *server, struct tally_now now, uint32_t slot,
                              const struct tally_sip_answer *answer,
                              struct tally_sip_effects *effects)
{
    struct tally_sip_transaction *transaction = &server->table.slots[slot];

    tally_sip_table_answered(&server->table, slot);
    transaction->answered_at = now.mono;
    transaction->answer = *answer;
    tally_sip_send_kept(server, slot, answer, effects);
    tally_sip_set_timer(server, slot);
}

void tally_sip_allow(struct tally_sip_server *server, struct tally_now now, uint32_t slot,
                     struct tally_sip_effects *effects)
{
    server->counters.allowed++;
    tally_sip_answer_finally(server, now, slot,
                             &(struct tally_sip_answer){.kind = TALLY_SIP_ANSWER_ALLOW}, effects);
}
