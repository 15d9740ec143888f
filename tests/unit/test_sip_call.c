/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an INVITE becomes the event that both ends of the call must agree on: which number is the
 * network's, which is shown, which was called before; and nothing is guessed.
 * Method: a table of headers on a British customer's trunk, and of what must come out.
 */
#include "adapters/sip/call.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

#define A UINT64_C(442071838750)
#define A2 UINT64_C(442071838751)
#define B UINT64_C(390612345678)

static const struct tally_sip_trunk trunk = {
    .side = TALLY_SIDE_ORIGINATING,
    .trunk_class = TALLY_TRUNK_CUSTOMER,
    .number = 9,
    .plan =
        {
            .country_code = 44,
            .national_prefix = "0",
            .international_prefixes = {"00"},
            .national_digits_min = 7,
            .national_digits_max = 10,
        },
    .emergency = {"999", "112"},
    .emergency_count = 2,
};
static const struct tally_hash_key key = {3, 4};

static const struct {
    const char *what;
    const char *from; /* of the header From */
    const char *more; /* other headers */
    uint64_t network, presented;
    uint32_t flags;
} callers[] = {
#define SCREENED TALLY_EVENT_SCREENED
#define RESTRICTED TALLY_EVENT_RESTRICTED
#define MALFORMED TALLY_EVENT_CLI_MALFORMED
#define PAI "P-Asserted-Identity: "
    {"From alone", "<sip:+442071838750@h>", "", A, 0, 0},
    {"From in national form", "<sip:02071838750@h>", "", A, 0, 0},
    {"tel in From", "<tel:+44-20-7183-8750>", "", A, 0, 0},
    {"both the same", "<sip:02071838750@h>", PAI "<tel:+442071838750>\r\n", A, 0, SCREENED},
    {"both differ", "<sip:+442071838751@h>", PAI "<tel:+442071838750>\r\n", A, A2, SCREENED},
    {"sip and tel agree", "<sip:+442071838750@h>",
     PAI "<sip:02071838750@h>, <tel:+442071838750>\r\n", A, 0, SCREENED},
    {"sip and tel do not", "<sip:+442071838750@h>",
     PAI "<sip:+442071838751@h>\r\n" PAI "<tel:+442071838750>\r\n", A, 0, 0},
    {"only a name asserted", "<sip:+442071838750@h>", PAI "<sip:alice@h>\r\n", A, 0, 0},
    {"a name beside the number", "<sip:+442071838750@h>",
     PAI "<sip:alice@h>, <tel:+442071838751>\r\n", A2, A, SCREENED},
    {"asserted, From a name", "<sip:alice@h>", PAI "<tel:+442071838750>\r\n", A, 0, SCREENED},
    {"withheld, but asserted", "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
     PAI "<tel:+442071838750>\r\nPrivacy: id\r\n", A, 0, SCREENED | RESTRICTED},
    {"Privacy alone", "<sip:+442071838750@h>", "Privacy: id\r\n", A, 0, RESTRICTED},
    {"withheld", "<sip:Anonymous@h>", "", 0, 0, RESTRICTED},
    {"withheld, by host", "<sip:x1@anonymous.invalid>", "", 0, 0, RESTRICTED},
    {"withheld, by word", "<sip:unavailable@h>", "", 0, 0, RESTRICTED},
    {"no user", "<sip:h.example>", "", 0, 0, RESTRICTED},
    {"a name", "<sip:alice@h>", "", 0, 0, MALFORMED},
    {"digits that no plan explains", "<sip:2071838750@h>", "", 0, 0, MALFORMED},
    {"no readable URI", "<sip:@>", "", 0, 0, MALFORMED},
    {"an unknown scheme", "<isbn:123>", "", 0, 0, MALFORMED},
    {"broken assertion, From good", "<sip:+442071838750@h>", PAI "\"x <sip:y@h>\r\n", A, 0, 0},
    {"broken assertion, From withheld", "<sip:anonymous@h>", PAI "<sip:y\r\n", 0, 0,
     RESTRICTED | MALFORMED},
    {"with RFC 4904", "<sip:+442071838750;tgrp=t;trunk-context=c@h;user=phone>", "", A, 0, 0},
    {"context of the country", "<tel:2071838750;phone-context=+44>", "", A, 0, 0},
    {"context of another", "<tel:2071838750;phone-context=+33>", "", 0, 0, MALFORMED},
    {"priority", "<sip:+442071838750@h>", "Resource-Priority: wps.0\r\n", A, 0,
     TALLY_EVENT_PRIORITY},
    {"call-back of a PSAP", "<sip:+442071838750@h>", "Priority: psap-callback\r\n", A, 0,
     TALLY_EVENT_EMERGENCY},
};

static struct tally_sip_request request;
static struct tally_event event;

static enum tally_sip_called call(const char *uri, const char *from, const char *more)
{
    static char text[1024]; /* the request points into it */
    int size = snprintf(text, sizeof(text),
                        "INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: %s;tag=1\r\nTo: <sip:x>"
                        "\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n%s\r\n",
                        uri, from, more);

    assert_int_equal(tally_sip_parse(text, (size_t)size, &request), TALLY_SIP_REJECT_NONE);
    return tally_sip_call_of(&trunk, &request, (struct tally_wall){77}, &key, &event);
}

static void each_caller(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
        enum tally_sip_called called =
            call("sip:+390612345678@h", callers[i].from, callers[i].more);

        if (called != TALLY_SIP_CALLED_NUMBER || event.a_network != callers[i].network ||
            event.a_presented != callers[i].presented || event.flags != callers[i].flags) {
            fail_msg("%s: network %s, presented %s, flags %x", callers[i].what,
                     event.a_network == callers[i].network ? "good" : "wrong",
                     event.a_presented == callers[i].presented ? "good" : "wrong", event.flags);
        }
    }
    assert_int_equal(event.kind, TALLY_EVENT_SETUP);
    assert_int_equal(event.side, TALLY_SIDE_ORIGINATING);
    assert_int_equal(event.ingress_class, TALLY_TRUNK_CUSTOMER);
    assert_int_equal(event.ingress_trunk, 9);
    assert_int_equal(event.at.us, 77);
}

static void each_called(void **state)
{
    static const struct {
        const char *uri;
        enum tally_sip_called called;
        uint64_t number;
        uint32_t flags;
    } uris[] = {
        {"sip:+390612345678@h;user=phone", TALLY_SIP_CALLED_NUMBER, B, 0},
        {"sip:%2B39-06-12345678@h", TALLY_SIP_CALLED_NUMBER, B, 0},
        {"tel:00390612345678", TALLY_SIP_CALLED_NUMBER, B, 0},
        {"tel:+390612345678;npdi;rn=+39991", TALLY_SIP_CALLED_NUMBER, B, 0},
        {"sips:+390612345678;tgrp=x@[::1]:5061", TALLY_SIP_CALLED_NUMBER, B, 0},
        {"sip:999@h", TALLY_SIP_CALLED_SHORT, 999, TALLY_EVENT_EMERGENCY},
        {"urn:service:sos", TALLY_SIP_CALLED_SHORT, TALLY_SIP_SOS, TALLY_EVENT_EMERGENCY},
        {"urn:service:SOS.police", TALLY_SIP_CALLED_SHORT, TALLY_SIP_SOS, TALLY_EVENT_EMERGENCY},
        {"urn:service:sosuke", TALLY_SIP_CALLED_OTHER, 0, 0},
        {"urn:service:counseling", TALLY_SIP_CALLED_OTHER, 0, 0},
        {"sip:1471@h", TALLY_SIP_CALLED_SHORT, 1471, 0},
        {"sip:*67@h", TALLY_SIP_CALLED_SHORT, 67, 0},
        {"sip:h", TALLY_SIP_CALLED_OTHER, 0, 0},
        {"sip:alice@h", TALLY_SIP_CALLED_OTHER, 0, 0},
        {"sip:123456@h", TALLY_SIP_CALLED_SHORT, 123456, 0},
        {"sip:1234567@h", TALLY_SIP_CALLED_UNCERTAIN, 0, 0},
        {"sip:*31*02071838750@h", TALLY_SIP_CALLED_UNCERTAIN, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        enum tally_sip_called called = call(uris[i].uri, "<sip:anonymous@h>", "");
        uint32_t urgency = event.flags & (TALLY_EVENT_EMERGENCY | TALLY_EVENT_PRIORITY);

        if (called != uris[i].called || event.b_number != uris[i].number ||
            urgency != uris[i].flags) {
            fail_msg("%s", uris[i].uri);
        }
    }
}

static void each_diversion(void **state)
{
    static const struct {
        const char *more;
        uint64_t original, redirecting;
    } diversions[] = {
        {"", 0, 0},
        {"Diversion: <tel:+442071838751>\r\n", A2, A2},
        {"Diversion: <tel:+442071838750>, <tel:+442071838751>\r\n", A2, A},
        {"History-Info: <sip:+442071838751@h>;index=1, <sip:+390612345678@h>;index=1.1\r\n", A2,
         A2},
        {"History-Info: <tel:+442071838751>;index=1, <tel:+442071838750>;index=1.1\r\n"
         "History-Info: <tel:+390612345678>;index=1.2\r\n",
         A2, A},
        {"History-Info: <sip:+390612345678@h>;index=1\r\n", 0, 0},
        {"History-Info: <sip:+390612345678@h>;index=1, <sip:+390612345678@i>;index=1.1\r\n", 0, 0},
        {"Diversion: <sip:alice@h>\r\n", 0, 0},
        {"Diversion: <tel:+442071838751>\r\n"
         "History-Info: <tel:+442071838750>;index=1, <tel:+1>;index=1.1\r\n",
         A2, A2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(diversions) / sizeof(diversions[0]); i++) {
        (void)call("sip:+390612345678@h", "<sip:+442071838750@h>", diversions[i].more);
        if (event.original_called != diversions[i].original ||
            event.redirecting != diversions[i].redirecting) {
            fail_msg("%s", diversions[i].more);
        }
    }
}

static void legs_and_calls_have_keys(void **state)
{
    static const struct tally_hash_key other_key = {3, 5};
    uint64_t leg, ref;

    (void)state;
    (void)call("sip:+390612345678@h", "<sip:+442071838750@h>", "");
    leg = event.leg_key;
    ref = event.call_ref;
    assert_true(leg != 0 && ref != 0 && leg != ref);
    (void)call("sip:+390612345679@h", "<sip:+442071838751@h>", "");
    assert_true(event.leg_key == leg && event.call_ref == ref);
    request.from_tag.size = 0;
    (void)tally_sip_call_of(&trunk, &request, (struct tally_wall){77}, &key, &event);
    assert_true(event.leg_key != leg && event.call_ref == ref);
    (void)tally_sip_call_of(&trunk, &request, (struct tally_wall){77}, &other_key, &event);
    assert_true(event.call_ref != ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_caller),
        cmocka_unit_test(each_called),
        cmocka_unit_test(each_diversion),
        cmocka_unit_test(legs_and_calls_have_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
