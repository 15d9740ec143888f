/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: one INVITE is one event however often it comes; the switch is let go when it should be, and
 * never later; everything that a switch may send is answered as RFC 3261 asks.
 * Method: datagrams and the registry's words are handed in against a clock that is only a number,
 * and what comes out is compared; each bound is stood on from both sides.
 */
#include "adapters/sip/server.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

enum { TERMINATING, ORIGINATING, BOTH, GUARDED, LISTENER_COUNT, MS = 1000 };
static const int64_t wall_us = INT64_C(1800000000000000);

static struct tally_sip_listener listeners[LISTENER_COUNT];
static struct tally_sip_server *server;
static struct tally_sip_effects effects;
static const struct tally_sip_address here = {4, {192, 0, 2, 1}, 5080};

static struct tally_now at(int64_t us)
{
    return (struct tally_now){{7 * TALLY_US_PER_S + us}, {wall_us + us}};
}

static void open_server(uint32_t transaction_max, uint32_t chunk_max)
{
    struct tally_sip_server_config config = {
        .listeners = listeners,
        .listener_count = LISTENER_COUNT,
        .transaction_max = transaction_max,
        .chunk_max = chunk_max,
        .key = {1, 2},
    };

    memset(listeners, 0, sizeof(listeners));
    for (int i = 0; i < LISTENER_COUNT; i++) {
        listeners[i].trunk.side = i == ORIGINATING ? TALLY_SIDE_ORIGINATING
                                  : i == BOTH      ? TALLY_SIDE_BOTH
                                                   : TALLY_SIDE_TERMINATING;
        listeners[i].wording.allow_code = 302;
    }
    listeners[ORIGINATING].trunk.trunk_class = TALLY_TRUNK_CUSTOMER;
    (void)snprintf(listeners[ORIGINATING].trunk.emergency[0], TALLY_SIP_EMERGENCY_BYTES, "112");
    listeners[ORIGINATING].trunk.emergency_count = 1;
    assert_true(tally_sip_network_parse("198.51.100.0/24", &listeners[GUARDED].allow_from[0]));
    listeners[GUARDED].allow_from_count = 1;
    tally_sip_server_close(server);
    assert_int_equal(tally_sip_server_open(&config, at(0), &server, NULL), TALLY_ERR_OK);
    tally_sip_server_set_registry(server, TALLY_SIP_REGISTRY_HERE);
}

static int start(void **state)
{
    (void)state;
    open_server(16, 64);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    tally_sip_server_close(server);
    server = NULL;
    return 0;
}

/* A request of the call `id`; its branch is the same for every method, as ACK and CANCEL want it.
 */
static void receive_at(int64_t us, uint16_t listener, const char *method, const char *user,
                       unsigned id, const char *to_tag, const char *branch)
{
    char text[1024];
    int size = snprintf(text, sizeof(text),
                        "%s sip:%s@gw.example SIP/2.0\r\n"
                        "Via: SIP/2.0/UDP 192.0.2.1:5080;branch=%s%u;rport\r\n"
                        "Via: SIP/2.0/UDP\r\n inner.example\r\n"
                        "From: <sip:+442071838750@example.com>;tag=f%u\r\n"
                        "To: <sip:%s@gw.example>%s\r\n"
                        "Call-ID: c%u@example\r\n"
                        "CSeq: 1 %s\r\n\r\n",
                        method, user, branch, id, id, user, to_tag, id, method);

    assert_true(size > 0 && (size_t)size < sizeof(text));
    tally_sip_server_receive(server, at(us), listener, &here, text, (size_t)size, &effects);
}

static void receive(int64_t us, uint16_t listener, const char *method, unsigned id)
{
    receive_at(us, listener, method, "+390612345678", id, "", "z9hG4bKb");
}

static bool sends(uint8_t index, const char *part)
{
    static char text[TALLY_SIP_RESPONSE_BYTES_MAX + 1];

    assert_true(index < effects.send_count);
    memcpy(text, effects.sends[index].bytes, effects.sends[index].size);
    text[effects.sends[index].size] = '\0';
    return strstr(text, part) != NULL;
}

static void assert_only_sends(const char *status)
{
    char line[64];

    assert_int_equal(effects.send_count, 1);
    (void)snprintf(line, sizeof(line), "SIP/2.0 %s\r\n", status);
    assert_true(sends(0, line));
}

static void notice(int64_t us, enum tally_adapter_notice_type type, uint64_t cookie,
                   uint32_t due_us)
{
    struct tally_adapter_notice word = {.type = type, .cookie = cookie, .due_us = due_us};

    tally_sip_server_notice(server, at(us), &word, &effects);
}

static void verdict(int64_t us, uint64_t cookie, enum tally_verdict verdict_is,
                    enum tally_action action)
{
    struct tally_adapter_notice word = {
        .type = TALLY_ADAPTER_NOTICE_VERDICT,
        .cookie = cookie,
        .verdict = verdict_is,
        .action = action,
        .verdict_id = UINT64_C(0x0123456789abcdef),
        .cause = action == TALLY_ACTION_BLOCK ? 21 : 0,
    };

    tally_sip_server_notice(server, at(us), &word, &effects);
}

/* Lets time pass; what was sent on the way is in effects of the last step that sent something. */
static unsigned pass(int64_t us)
{
    static struct tally_sip_effects step;
    unsigned sent = 0;

    effects.send_count = 0;
    while (tally_sip_server_expire_one(server, at(us), &step)) {
        if (step.send_count > 0) {
            effects = step;
            sent++;
        }
    }
    return sent;
}

static uint64_t invite(int64_t us, uint16_t listener, unsigned id)
{
    receive(us, listener, "INVITE", id);
    assert_true(effects.has_event);
    assert_int_equal(effects.send_count, 0);
    return effects.cookie;
}

static const struct tally_sip_counters *counters(void)
{
    return tally_sip_server_counters(server);
}

static void an_originating_call_goes_with_its_ack(void **state)
{
    uint64_t cookie = invite(0, ORIGINATING, 1);

    (void)state;
    assert_int_equal(effects.event.kind, TALLY_EVENT_SETUP);
    assert_int_equal(effects.event.side, TALLY_SIDE_ORIGINATING);
    assert_int_equal(effects.event.at.us, wall_us);
    assert_true(effects.event.a_network == 442071838750 && effects.event.b_number == 390612345678);
    assert_true(effects.event.leg_key != 0 && effects.event.call_ref != 0);
    notice(1, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
    assert_only_sends("302 Moved Temporarily");
    assert_true(sends(0, "Via: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bKb1;rport=5080;"
                         "received=192.0.2.1\r\nVia: SIP/2.0/UDP   inner.example\r\n"));
    assert_true(sends(0, "\r\nFrom: <sip:+442071838750@example.com>;tag=f1\r\n"));
    assert_true(sends(0, "\r\nTo: <sip:+390612345678@gw.example>;tag="));
    assert_true(sends(0, "\r\nCall-ID: c1@example\r\nCSeq: 1 INVITE\r\n"));
    assert_true(sends(0, "\r\nContact: <sip:+390612345678@gw.example>\r\n"));
    assert_true(sends(0, "\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(effects.sends[0].listener, ORIGINATING);
    assert_memory_equal(&effects.sends[0].to, &here, sizeof(here));
    assert_false(effects.has_gap);
}

static void an_originating_call_goes_without_its_ack(void **state)
{
    uint64_t cookie = invite(0, ORIGINATING, 1);

    (void)state;
    notice(50 * MS, TALLY_ADAPTER_NOTICE_LOST, cookie, 0);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->open_unacked, 1);
    notice(51 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
    assert_int_equal(effects.send_count, 0);
}

static void a_terminating_call_waits_for_its_verdict(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);

    (void)state;
    notice(1 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 300000);
    assert_int_equal(effects.send_count, 0);
    verdict(20 * MS, cookie, TALLY_VERDICT_VALID, TALLY_ACTION_ALLOW);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->allowed, 1);
    verdict(21 * MS, cookie, TALLY_VERDICT_CLI_SPOOFED, TALLY_ACTION_BLOCK);
    assert_int_equal(effects.send_count, 0);
    assert_int_equal(counters()->late_verdicts, 1);
}

static void no_verdict_to_come(void **state)
{
    uint64_t cookie = invite(0, BOTH, 1);

    (void)state;
    notice(1, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
    assert_only_sends("302 Moved Temporarily");
}

static void a_block(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);

    (void)state;
    verdict(1, cookie, TALLY_VERDICT_CLI_SPOOFED, TALLY_ACTION_BLOCK);
    assert_only_sends("603 Decline");
    assert_true(sends(0, "\r\nReason: Q.850;cause=21;text=\"call rejected\"\r\n"));
    assert_true(sends(0, "\r\nReason: SIP;cause=603;text=\"aerukz4jvpg66\"\r\n"));
    assert_false(sends(0, "Contact"));
    assert_int_equal(counters()->blocked, 1);
}

static void a_block_with_redress(void **state)
{
    uint64_t cookie;

    (void)state;
    listeners[TERMINATING].wording.profile = TALLY_SIP_PROFILE_603PLUS;
    listeners[TERMINATING].wording.location = TALLY_SIP_LOCATION_RLN;
    (void)snprintf(listeners[TERMINATING].wording.redress, TALLY_SIP_REDRESS_BYTES,
                   "https://op.example/r/");
    cookie = invite(0, TERMINATING, 1);
    verdict(1, cookie, TALLY_VERDICT_CLI_SPOOFED, TALLY_ACTION_BLOCK);
    assert_only_sends("603 Network Blocked");
    assert_true(sends(0, "\r\nReason: Q.850;cause=21;text=\"call rejected\"\r\n"));
    assert_true(sends(0, "\r\nReason: SIP;cause=603;text=\"v=analytics1;"
                         "url=https://op.example/r/aerukz4jvpg66\";location=RLN\r\n"));
}

static void labels_ride_in_the_contact(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);

    (void)state;
    verdict(1, cookie, TALLY_VERDICT_VALID, TALLY_ACTION_LABEL);
    assert_true(sends(0, "Contact: <sip:+390612345678@gw.example?P-Asserted-Identity=%3Ctel:"
                         "%2B442071838750%3Bverstat=TN-Validation-Passed%3E>\r\n"));
    cookie = invite(0, TERMINATING, 2);
    verdict(1, cookie, TALLY_VERDICT_CLI_SPOOFED, TALLY_ACTION_LABEL);
    assert_true(sends(0, "verstat=TN-Validation-Failed"));
    cookie = invite(0, TERMINATING, 3);
    verdict(1, cookie, TALLY_VERDICT_UNVERIFIABLE, TALLY_ACTION_LABEL);
    assert_true(sends(0, "verstat=No-TN-Validation"));
    cookie = invite(0, TERMINATING, 4);
    verdict(1, cookie, TALLY_VERDICT_PRESENTED_UNVERIFIED, TALLY_ACTION_STRIP_CLI);
    assert_true(sends(0, "Contact: <sip:+390612345678@gw.example?Privacy=id>\r\n"));
    assert_int_equal(counters()->labelled, 3);
    assert_int_equal(counters()->stripped, 1);

    listeners[TERMINATING].wording.allow_code = 404;
    cookie = invite(0, TERMINATING, 5);
    verdict(1, cookie, TALLY_VERDICT_VALID, TALLY_ACTION_LABEL);
    assert_only_sends("404 Not Found");
    assert_false(sends(0, "Contact"));
    assert_int_equal(counters()->label_unsaid, 1);
}

static void allow_codes(void **state)
{
    static const struct {
        uint16_t code;
        const char *status;
    } codes[] = {{302, "302 Moved Temporarily"},
                 {404, "404 Not Found"},
                 {480, "480 Temporarily Unavailable"},
                 {503, "503 Service Unavailable"}};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t cookie;

        listeners[ORIGINATING].wording.allow_code = codes[i].code;
        cookie = invite(0, ORIGINATING, i);
        notice(1, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
        assert_only_sends(codes[i].status);
        assert_true(sends(0, "Contact") == (i == 0));
    }
}

static void a_retransmission_is_no_event(void **state)
{
    static struct tally_sip_effects first;
    uint64_t cookie = invite(0, ORIGINATING, 1);

    (void)state;
    receive(10 * MS, ORIGINATING, "INVITE", 1);
    assert_false(effects.has_event);
    assert_int_equal(effects.send_count, 0);
    assert_true(effects.has_gap);
    assert_int_equal(effects.gap_from.us, wall_us);
    assert_int_equal(effects.gap_to.us, wall_us + 10 * MS);
    notice(11 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
    first = effects;
    receive(500 * MS, ORIGINATING, "INVITE", 1);
    assert_false(effects.has_event);
    assert_int_equal(effects.send_count, 1);
    assert_int_equal(effects.sends[0].size, first.sends[0].size);
    assert_memory_equal(effects.sends[0].bytes, first.sends[0].bytes, first.sends[0].size);
    assert_int_equal(counters()->retransmitted, 2);
    assert_int_equal(counters()->events, 1);

    cookie = invite(600 * MS, TERMINATING, 2);
    receive(610 * MS, TERMINATING, "INVITE", 2);
    assert_false(effects.has_gap || effects.has_event);
}

static void another_branch_is_another_call(void **state)
{
    uint64_t first = invite(0, ORIGINATING, 1);
    uint64_t leg = effects.event.leg_key, ref = effects.event.call_ref;

    (void)state;
    receive_at(1, ORIGINATING, "INVITE", "+390612345678", 1, "", "z9hG4bKc");
    assert_true(effects.has_event);
    assert_true(effects.cookie != first);
    assert_true(effects.event.leg_key == leg && effects.event.call_ref == ref);
    (void)invite(2, BOTH, 1); /* nor is one at another listener the same */
    assert_int_equal(tally_sip_server_transaction_count(server), 3);
}

static void branches_of_before_rfc_3261(void **state)
{
    (void)state;
    receive_at(0, ORIGINATING, "INVITE", "+390612345678", 1, "", "x");
    assert_true(effects.has_event);
    receive_at(1, ORIGINATING, "INVITE", "+390612345678", 1, "", "x");
    assert_false(effects.has_event);
    receive_at(2, ORIGINATING, "INVITE", "+390612345679", 1, "", "x"); /* another request-URI */
    assert_true(effects.has_event);
    receive_at(3, ORIGINATING, "CANCEL", "+390612345678", 1, "", "x");
    assert_int_equal(effects.send_count, 2);
}

static void trying_after_200_ms(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);

    (void)state;
    notice(1 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 400000);
    assert_int_equal(pass(199 * MS), 0);
    assert_int_equal(pass(201 * MS), 1);
    assert_only_sends("100 Trying");
    assert_int_equal(pass(400 * MS), 0); /* once */
    receive(401 * MS, TERMINATING, "INVITE", 1);
    assert_only_sends("100 Trying");
    verdict(402 * MS, cookie, TALLY_VERDICT_VALID, TALLY_ACTION_ALLOW);
    assert_only_sends("302 Moved Temporarily");
}

static void overdue_verdicts(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);

    (void)state;
    notice(30 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 100000);
    assert_int_equal(pass(149 * MS), 0);
    assert_int_equal(pass(151 * MS), 1); /* 30 + 100 + 20, and the timers' tick */
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->open_overdue, 1);
}

static void no_ack_at_all(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);

    (void)state;
    notice(50 * MS, TALLY_ADAPTER_NOTICE_LOST, cookie, 0);
    assert_int_equal(effects.send_count, 0); /* a terminating call can still be judged */
    assert_int_equal(pass(210 * MS), 1);
    assert_int_equal(pass(318 * MS), 0);
    assert_int_equal(pass(320 * MS), 1);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->open_unacked, 1);
}

static void an_ack_after_lost_still_counts(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);

    (void)state;
    notice(50 * MS, TALLY_ADAPTER_NOTICE_LOST, cookie, 0);
    notice(60 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 300000);
    verdict(70 * MS, cookie, TALLY_VERDICT_CLI_SPOOFED, TALLY_ACTION_BLOCK);
    assert_only_sends("603 Decline");
}

static void the_registry_goes_away(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);
    uint64_t other;

    (void)state;
    notice(1, TALLY_ADAPTER_NOTICE_ACK, cookie, 300000);
    other = invite(2, ORIGINATING, 2);
    notice(3, TALLY_ADAPTER_NOTICE_DOWN, 0, 0);
    assert_true(tally_sip_server_release_one(server, at(3), &effects));
    assert_only_sends("302 Moved Temporarily");
    assert_true(sends(0, "Call-ID: c1@"));
    assert_true(tally_sip_server_release_one(server, at(3), &effects));
    assert_true(sends(0, "Call-ID: c2@"));
    assert_false(tally_sip_server_release_one(server, at(3), &effects));
    assert_int_equal(counters()->open_gone, 2);
    notice(4, TALLY_ADAPTER_NOTICE_ACK, other, 0);
    assert_int_equal(effects.send_count, 0);

    cookie = invite(5, TERMINATING, 3);
    tally_sip_server_unsent(server, at(5), cookie, &effects);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->open_gone, 3);
}

static void options_tell_whether_the_registry_is_there(void **state)
{
    (void)state;
    receive(0, TERMINATING, "OPTIONS", 1);
    assert_only_sends("200 OK");
    assert_true(sends(0, "\r\nAllow: INVITE, ACK, CANCEL, OPTIONS\r\n"));
    notice(1, TALLY_ADAPTER_NOTICE_DOWN, 0, 0);
    receive(2, TERMINATING, "OPTIONS", 1);
    assert_only_sends("503 Service Unavailable");
    notice(3, TALLY_ADAPTER_NOTICE_UP, 0, 0);
    receive(4, TERMINATING, "OPTIONS", 1);
    assert_only_sends("200 OK");
}

static void other_methods(void **state)
{
    (void)state;
    receive(0, TERMINATING, "BYE", 1);
    assert_only_sends("405 Method Not Allowed");
    assert_true(sends(0, "\r\nAllow: INVITE, ACK, CANCEL, OPTIONS\r\n"));
    receive(0, TERMINATING, "ACK", 1);
    assert_int_equal(effects.send_count, 0);
    assert_int_equal(tally_sip_server_transaction_count(server), 0);
}

static void cancel(void **state)
{
    uint64_t cookie = invite(0, ORIGINATING, 1);

    (void)state;
    receive(5 * MS, ORIGINATING, "CANCEL", 1);
    assert_int_equal(effects.send_count, 2);
    assert_true(sends(0, "SIP/2.0 200 OK\r\n") && sends(0, "CSeq: 1 CANCEL"));
    assert_true(sends(1, "SIP/2.0 487 Request Terminated\r\n") && sends(1, "CSeq: 1 INVITE"));
    assert_true(effects.has_gap);
    assert_int_equal(effects.gap_from.us, wall_us);
    assert_int_equal(effects.gap_to.us, wall_us + 5 * MS);
    notice(6 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
    assert_int_equal(effects.send_count, 0);
    receive(7 * MS, ORIGINATING, "INVITE", 1);
    assert_only_sends("487 Request Terminated");

    (void)invite(10 * MS, TERMINATING, 2);
    receive(11 * MS, TERMINATING, "CANCEL", 2);
    assert_int_equal(effects.send_count, 2);
    assert_false(effects.has_gap);

    cookie = invite(20 * MS, ORIGINATING, 3);
    notice(21 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
    receive(22 * MS, ORIGINATING, "CANCEL", 3); /* after the answer */
    assert_only_sends("200 OK");
    assert_false(effects.has_gap);

    receive(23 * MS, ORIGINATING, "CANCEL", 4);
    assert_only_sends("481 Call/Transaction Does Not Exist");
}

static void forgotten_after_32_s(void **state)
{
    uint64_t cookie = invite(0, ORIGINATING, 1);

    (void)state;
    notice(1, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
    receive(2, ORIGINATING, "ACK", 1);
    (void)pass(31999 * MS);
    receive(31999 * MS, ORIGINATING, "INVITE", 1);
    assert_false(effects.has_event);
    assert_int_equal(tally_sip_server_transaction_count(server), 1);
    (void)pass(32002 * MS);
    assert_int_equal(tally_sip_server_transaction_count(server), 0);
    assert_int_equal(tally_sip_server_chunk_count(server), 0);
    receive(32003 * MS, ORIGINATING, "INVITE", 1);
    assert_true(effects.has_event);
    assert_true(effects.cookie != cookie);
    notice(32004 * MS, TALLY_ADAPTER_NOTICE_ACK, cookie, 0); /* of the slot's user before */
    assert_int_equal(effects.send_count, 0);
}

static void answers_are_repeated_after_a_trying(void **state)
{
    uint64_t cookie = invite(0, TERMINATING, 1);

    (void)state;
    assert_int_equal(pass(201 * MS), 1);
    verdict(210 * MS, cookie, TALLY_VERDICT_CLI_SPOOFED, TALLY_ACTION_BLOCK);
    assert_int_equal(pass(709 * MS), 0);
    assert_int_equal(pass(711 * MS), 1); /* T1 */
    assert_only_sends("603 Decline");
    assert_int_equal(pass(1709 * MS), 0);
    assert_int_equal(pass(1711 * MS), 1); /* doubled */
    receive(1720 * MS, TERMINATING, "ACK", 1);
    assert_int_equal(pass(31000 * MS), 0);

    cookie = invite(40000 * MS, TERMINATING, 2);
    verdict(40001 * MS, cookie, TALLY_VERDICT_VALID, TALLY_ACTION_ALLOW);
    assert_int_equal(pass(60000 * MS), 0); /* without a 100 the switch asks again by itself */
}

static void a_full_table_lets_go(void **state)
{
    static struct tally_sip_effects first;

    (void)state;
    open_server(2, 64);
    (void)invite(0, ORIGINATING, 1);
    (void)invite(0, ORIGINATING, 2);
    receive(1, ORIGINATING, "INVITE", 3);
    assert_false(effects.has_event);
    assert_true(effects.has_gap);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->full, 1);
    first = effects;
    receive(2, ORIGINATING, "INVITE", 3);
    assert_memory_equal(effects.sends[0].bytes, first.sends[0].bytes, first.sends[0].size);
    receive(3, TERMINATING, "INVITE", 4);
    assert_false(effects.has_gap);
    assert_only_sends("302 Moved Temporarily");

    open_server(16, 3); /* texts of one call take two chunks */
    (void)invite(0, ORIGINATING, 1);
    receive(1, ORIGINATING, "INVITE", 2);
    assert_false(effects.has_event);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(tally_sip_server_transaction_count(server), 1);
}

/* Where it goes from there nobody sees: the registry must know that A has an open leg. */
static void a_short_code_is_an_event(void **state)
{
    uint64_t cookie;

    (void)state;
    receive_at(0, ORIGINATING, "INVITE", "1471", 1, "", "z9hG4bKb");
    assert_true(effects.has_event);
    assert_int_equal(effects.send_count, 0);
    assert_int_equal(effects.event.b_number, 1471);
    assert_true(effects.event.a_network == 442071838750);
    cookie = effects.cookie;
    notice(1, TALLY_ADAPTER_NOTICE_ACK, cookie, 0);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->short_codes, 1);
}

/* Whoever calls for help is let go first; nothing that becomes of the event holds him up. */
static void an_emergency_call_does_not_wait(void **state)
{
    static const enum tally_adapter_notice_type types[] = {
        TALLY_ADAPTER_NOTICE_ACK, TALLY_ADAPTER_NOTICE_VERDICT, TALLY_ADAPTER_NOTICE_LOST};
    uint64_t cookie;

    (void)state;
    receive_at(0, ORIGINATING, "INVITE", "112", 1, "", "z9hG4bKb");
    assert_only_sends("302 Moved Temporarily");
    assert_true(effects.has_event);
    assert_false(effects.has_gap);
    assert_int_equal(effects.event.b_number, 112);
    assert_int_equal(effects.event.flags, TALLY_EVENT_EMERGENCY);
    cookie = effects.cookie;
    tally_sip_server_unsent(server, at(1), cookie, &effects);
    assert_int_equal(effects.send_count, 0);
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        notice(2, types[i], cookie, 0);
        assert_int_equal(effects.send_count, 0);
    }
    assert_int_equal(tally_sip_server_transaction_count(server), 0);
}

static void what_is_no_telephone_call(void **state)
{
    (void)state;
    receive_at(0, TERMINATING, "INVITE", "112", 1, "", "z9hG4bKb");
    assert_false(effects.has_event || effects.has_gap);
    assert_only_sends("302 Moved Temporarily");
    receive_at(0, BOTH, "INVITE", "1471", 5, "", "z9hG4bKb"); /* an interconnect's */
    assert_false(effects.has_event || effects.has_gap);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->short_codes, 2);
    receive_at(0, ORIGINATING, "INVITE", "alice", 2, "", "z9hG4bKb");
    assert_false(effects.has_event);
    assert_true(effects.has_gap); /* she may forward the call, and no event can be made of it */
    assert_only_sends("302 Moved Temporarily");
    receive_at(0, TERMINATING, "INVITE", "alice", 6, "", "z9hG4bKb");
    assert_false(effects.has_event || effects.has_gap);
    assert_int_equal(counters()->bad_numbers, 2);
    receive_at(0, ORIGINATING, "INVITE", "2071838750", 3, "", "z9hG4bKb"); /* no plan says what */
    assert_false(effects.has_event);
    assert_true(effects.has_gap);
    assert_only_sends("302 Moved Temporarily");
    assert_int_equal(counters()->bad_numbers, 3);
    receive_at(0, ORIGINATING, "INVITE", "+390612345678", 4, ";tag=t", "z9hG4bKb");
    assert_false(effects.has_event || effects.has_gap);
    assert_only_sends("302 Moved Temporarily");
    assert_true(sends(0, "To: <sip:+390612345678@gw.example>;tag=t\r\n"));
    assert_int_equal(counters()->reinvites, 1);
    assert_int_equal(tally_sip_server_transaction_count(server), 0);
}

static void strangers_get_403(void **state)
{
    struct tally_sip_address friend = {4, {198, 51, 100, 7}, 5060};
    static const char options[] = "OPTIONS sip:x SIP/2.0\r\nv:SIP/2.0/UDP h\r\nf:<sip:x>\r\n"
                                  "t:<sip:x>\r\ni:1\r\nCSeq:1 OPTIONS\r\n\r\n";

    (void)state;
    receive(0, GUARDED, "INVITE", 1);
    assert_false(effects.has_event);
    assert_only_sends("403 Forbidden");
    receive(0, GUARDED, "ACK", 1);
    assert_int_equal(effects.send_count, 0);
    assert_int_equal(counters()->forbidden, 2);
    tally_sip_server_receive(server, at(0), GUARDED, &friend, options, sizeof(options) - 1,
                             &effects);
    assert_only_sends("200 OK");
    friend.ip[2] = 101;
    tally_sip_server_receive(server, at(0), GUARDED, &friend, options, sizeof(options) - 1,
                             &effects);
    assert_only_sends("403 Forbidden");
}

static void where_answers_go(void **state)
{
    static const struct {
        const char *via;
        uint16_t port;
        const char *echo;
    } vias[] = {
        {"SIP/2.0/UDP h", 5060, "Via: SIP/2.0/UDP h;received=192.0.2.1\r\n"},
        {"SIP/2.0/UDP h:5099;branch=x", 5099,
         "Via: SIP/2.0/UDP h:5099;branch=x;received=192.0.2.1\r\n"},
        {"SIP/2.0/UDP h:5099;rport;branch=x", 5080,
         "Via: SIP/2.0/UDP h:5099;rport=5080;branch=x;received=192.0.2.1\r\n"},
        {"SIP/2.0/UDP h;received=9.9.9.9;rport;x", 5080,
         "Via: SIP/2.0/UDP h;received=192.0.2.1;rport=5080;x\r\n"},
        {"SIP/2.0/UDP h;rport;received=9.9.9.9 , SIP/2.0/UDP i", 5080,
         "Via: SIP/2.0/UDP h;rport=5080;received=192.0.2.1 , SIP/2.0/UDP i\r\n"},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(vias) / sizeof(vias[0]); i++) {
        int size = snprintf(text, sizeof(text),
                            "OPTIONS sip:x SIP/2.0\r\nVia: %s\r\nf:<sip:x>\r\nt:<sip:x>\r\ni:1\r\n"
                            "CSeq:1 OPTIONS\r\n\r\n",
                            vias[i].via);

        tally_sip_server_receive(server, at(0), TERMINATING, &here, text, (size_t)size, &effects);
        assert_int_equal(effects.sends[0].to.port, vias[i].port);
        if (!sends(0, vias[i].echo)) {
            fail_msg("%s: %.*s", vias[i].via, (int)effects.sends[0].size, effects.sends[0].bytes);
        }
    }
}

static void rubbish_is_counted(void **state)
{
    static const char no_via[] = "INVITE sip:x SIP/2.0\r\nf:<sip:x>\r\n\r\n";

    (void)state;
    tally_sip_server_receive(server, at(0), ORIGINATING, &here, "\r\n\r\n", 4, &effects);
    assert_int_equal(effects.send_count, 0);
    assert_int_equal(counters()->rejected, 0);
    assert_int_equal(counters()->rejects[TALLY_SIP_REJECT_EMPTY], 1);
    tally_sip_server_receive(server, at(0), ORIGINATING, &here, no_via, sizeof(no_via) - 1,
                             &effects);
    assert_int_equal(effects.send_count, 0);
    assert_true(effects.has_gap); /* a call that we cannot answer goes on without us */
    assert_int_equal(counters()->rejects[TALLY_SIP_REJECT_VIA_MISSING], 1);
    tally_sip_server_receive(server, at(0), TERMINATING, &here, no_via, sizeof(no_via) - 1,
                             &effects);
    assert_false(effects.has_gap);
}

static void headers_too_long_to_echo(void **state)
{
    static char text[TALLY_SIP_ECHO_BYTES_MAX + 1024];
    int head = snprintf(text, sizeof(text),
                        "INVITE sip:+390612345678@h SIP/2.0\r\nv:SIP/2.0/UDP h\r\nt:<sip:x>\r\n"
                        "i:1\r\nCSeq:1 INVITE\r\nf:\"");

    (void)state;
    memset(text + head, 'x', TALLY_SIP_ECHO_BYTES_MAX);
    memcpy(text + head + TALLY_SIP_ECHO_BYTES_MAX, "\"<sip:x>\r\n\r\n", 12);
    tally_sip_server_receive(server, at(0), ORIGINATING, &here, text,
                             (size_t)head + TALLY_SIP_ECHO_BYTES_MAX + 12, &effects);
    assert_int_equal(effects.send_count, 0);
    assert_false(effects.has_event);
    assert_true(effects.has_gap);
    assert_int_equal(counters()->oversized, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(an_originating_call_goes_with_its_ack),
        TEST(an_originating_call_goes_without_its_ack),
        TEST(a_terminating_call_waits_for_its_verdict),
        TEST(no_verdict_to_come),
        TEST(a_block),
        TEST(a_block_with_redress),
        TEST(labels_ride_in_the_contact),
        TEST(allow_codes),
        TEST(a_retransmission_is_no_event),
        TEST(another_branch_is_another_call),
        TEST(branches_of_before_rfc_3261),
        TEST(trying_after_200_ms),
        TEST(overdue_verdicts),
        TEST(no_ack_at_all),
        TEST(an_ack_after_lost_still_counts),
        TEST(the_registry_goes_away),
        TEST(options_tell_whether_the_registry_is_there),
        TEST(other_methods),
        TEST(cancel),
        TEST(forgotten_after_32_s),
        TEST(answers_are_repeated_after_a_trying),
        TEST(a_full_table_lets_go),
        TEST(a_short_code_is_an_event),
        TEST(an_emergency_call_does_not_wait),
        TEST(what_is_no_telephone_call),
        TEST(strangers_get_403),
        TEST(where_answers_go),
        TEST(rubbish_is_counted),
        TEST(headers_too_long_to_echo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
