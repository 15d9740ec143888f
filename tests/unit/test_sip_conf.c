/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: tally-sip's configuration says what the manual says; what does not fit together is refused
 * with file and line.
 * Method: texts in memory, one mistake each; the manual page is compared with the table of
 * settings.
 */
#include "adapters/sip/sip_conf.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "feed = \"/run/tally/feed-sip\";\n"
#define LISTENER(more)                                                                             \
    "listeners = ( { address = \"127.0.0.1:5060\"; role = \"both\"; trunk = \"t\";\n"              \
    "  class = \"interconnect\";\n  " more " } );\n"
#define AT(address)                                                                                \
    "listeners = ( { address = \"" address "\"; role = \"both\"; trunk = \"t\";"                   \
    " class = \"customer\"; } );\n"

static struct tally_sip_conf conf;
static struct tally_fault fault;

static enum tally_err load(const char *text)
{
    memset(&fault, 0, sizeof(fault));
    return tally_conf_load_text(&tally_sip_conf_table, "x.conf", text, &conf, &fault);
}

static void defaults(void **state)
{
    struct tally_sip_listener listener;
    struct tally_sip_address address;

    (void)state;
    if (load(HEAD LISTENER("")) != TALLY_ERR_OK) {
        fail_msg("%s", fault.text);
    }
    assert_string_equal(conf.feed, "/run/tally/feed-sip");
    assert_int_equal(conf.open_leg_s, 3600);
    assert_int_equal(conf.listener_count, 1);
    tally_sip_conf_listener(&conf.listeners[0], &listener, &address);
    assert_int_equal(address.port, 5060);
    assert_int_equal(listener.trunk.side, TALLY_SIDE_BOTH);
    assert_int_equal(listener.trunk.trunk_class, TALLY_TRUNK_INTERCONNECT);
    assert_int_equal(listener.wording.allow_code, 302);
    assert_int_equal(listener.wording.profile, TALLY_SIP_PROFILE_603);
    assert_int_equal(listener.trunk.plan.bare, TALLY_NUMBER_BARE_REFUSED);
    assert_int_equal(listener.allow_from_count, 0);
}

/* Whoever reaches a listener on loopback is on this host. */
static void loopback_lets_everybody_in(void **state)
{
    (void)state;
    assert_int_equal(load(HEAD AT("127.255.255.255:5060")), TALLY_ERR_OK);
    assert_int_equal(load(HEAD AT("[::1]:5060")), TALLY_ERR_OK);
}

static void everything(void **state)
{
    struct tally_sip_listener listener;
    struct tally_sip_address address;
    const struct tally_number_plan *plan = &listener.trunk.plan;

    (void)state;
    if (load(HEAD
             "clock_bound_ms = 5; open_leg_s = 60; open_leg_max = 10; pending_max = 16;\n"
             "transaction_max = 32;\n" LISTENER(
                 "trunk_number = 7; allow_code = 404; block_profile = \"603plus\";\n"
                 "location = \"RLN\"; redress = \"https://op.example/r?id=\";\n"
                 "allow_from = [ \"192.0.2.0/24\", \"2001:db8::1\" ];\n"
                 "emergency = [ \"112\", \"999\" ]; country_code = 44;\n"
                 "national_prefix = \"0\"; international_prefixes = [ \"00\" ];\n"
                 "bare = \"international\"; national_digits_min = 7;\n"
                 "national_digits_max = 10;\n"
                 "rules = ( { match = \"9\"; strip = 1; },\n"
                 "  { match = \"+3310200\"; strip = 8; prepend = \"+33\"; } );")) != TALLY_ERR_OK) {
        fail_msg("%s", fault.text);
    }
    tally_sip_conf_listener(&conf.listeners[0], &listener, &address);
    assert_int_equal(conf.clock_bound_ms, 5);
    assert_int_equal(conf.pending_max, 16);
    assert_int_equal(listener.trunk.number, 7);
    assert_int_equal(listener.wording.allow_code, 404);
    assert_int_equal(listener.wording.location, TALLY_SIP_LOCATION_RLN);
    assert_string_equal(listener.wording.redress, "https://op.example/r?id=");
    assert_int_equal(listener.allow_from_count, 2);
    assert_int_equal(listener.allow_from[0].prefix_bits, 24);
    assert_int_equal(listener.allow_from[1].prefix_bits, 128);
    assert_int_equal(listener.trunk.emergency_count, 2);
    assert_string_equal(listener.trunk.emergency[1], "999");
    assert_int_equal(plan->country_code, 44);
    assert_string_equal(plan->national_prefix, "0");
    assert_string_equal(plan->international_prefixes[0], "00");
    assert_int_equal(plan->bare, TALLY_NUMBER_BARE_INTERNATIONAL);
    assert_int_equal(plan->rule_count, 2);
    assert_string_equal(plan->rules[1].match, "+3310200");
    assert_int_equal(plan->rules[1].strip_count, 8);
    assert_string_equal(plan->rules[1].prepend, "+33");
}

static void mistakes(void **state)
{
    static const struct {
        const char *text;
        const char *where; /* how the fault begins */
        const char *word;  /* and what is in it */
    } cases[] = {
        {LISTENER(""), "x.conf:", "feed"},
        {"feed = \"run/feed\";\n" LISTENER(""), "x.conf:1: ", "absolute path"},
        {HEAD "listeners = ();\n", "x.conf:2: ", "listeners"},
        {HEAD "pending_max = 48;\n" LISTENER(""), "x.conf:2: ", "power of two"},
        {HEAD LISTENER("allow_code = 301;"), "x.conf:4: ", "302"},
        {HEAD LISTENER("allow_code = 403;"), "x.conf:4: ", "302, 404, 480 or 503"},
        {HEAD LISTENER("block_profile = \"603plus\";"), "x.conf:4: ", "redress"},
        {HEAD LISTENER("redress = \"http://op.example/\";"), "x.conf:4: ", "https"},
        {HEAD LISTENER("redress = \"https://x/\\\"y\";"), "x.conf:4: ", "https"},
        {HEAD LISTENER("country_code = 999;"), "x.conf:", "not assigned"},
        {HEAD LISTENER("bare = \"national\";"), "x.conf:", "no country code"},
        {HEAD LISTENER("national_digits_min = 11; national_digits_max = 10;"), "x.conf:", "digits"},
        {HEAD LISTENER("national_prefix = \"+\";"), "x.conf:4: ", "digits"},
        {HEAD LISTENER("rules = ( { match = \"1\"; strip = 2; } );"), "x.conf:", "strips more"},
        {HEAD LISTENER("allow_from = [ \"192.0.2.1/24\" ];"), "x.conf:4: ", "ADDRESS/BITS"},
        {HEAD LISTENER("colour = 1;"), "x.conf:4: ", "colour"},
        {HEAD AT("0.0.0.0:5060"), "x.conf:2: ", "allow_from"},
        {HEAD AT("128.0.0.0:5060"), "x.conf:2: ", "allow_from"},
        {HEAD AT("[::]:5060"), "x.conf:2: ", "allow_from"},
        {HEAD AT("[::2]:5060"), "x.conf:2: ", "allow_from"},
        {HEAD "listeners = ( { address = \"127.0.0.1\"; } );\n", "x.conf:2: ", "ADDRESS:PORT"},
        {HEAD "listeners = ( { address = \"127.0.0.1:1\"; role = \"both\"; trunk = \"t\";\n"
              "class = \"customer\"; }, { role = \"both\"; trunk = \"t\"; class = \"customer\";\n"
              "address = \"127.0.0.1:1\"; } );\n",
         "x.conf:4: ", "two listeners"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(load(cases[i].text), TALLY_ERR_CONFIG);
        if (strncmp(fault.text, cases[i].where, strlen(cases[i].where)) != 0 ||
            strstr(fault.text, cases[i].word) == NULL) {
            fail_msg("case %zu: %s", i, fault.text);
        }
    }
}

static void addresses_and_networks(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
    } addresses[] = {
        {"127.0.0.1:1", true},      {"127.0.0.1:65535", true}, {"127.0.0.1:65536", false},
        {"127.0.0.1:0", false},     {"127.0.0.1:", false},     {"127.0.0.1", false},
        {"[::1]:5060", true},       {"::1:5060", false},       {"[127.0.0.1]:5060", false},
        {"[::1:5060", false},       {"host:5060", false},      {":5060", false},
        {"127.0.0.1:5060 ", false}, {"[]:5060", false},        {"", false},
    };
    static const struct {
        const char *text;
        bool is_good;
    } networks[] = {
        {"192.0.2.1", true},     {"192.0.2.0/24", true},  {"192.0.2.1/24", false},
        {"192.0.2.1/32", true},  {"192.0.2.1/33", false}, {"0.0.0.0/0", true},
        {"2001:db8::/32", true}, {"2001:db8::/31", true}, {"2001:db9::/31", false},
        {"::1/129", false},      {"192.0.2.0/", false},   {"x/8", false},
    };
    struct tally_sip_address address;
    struct tally_sip_network network;
    char text[TALLY_SIP_ADDRESS_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        bool is_good = tally_sip_address_parse(addresses[i].text, &address);

        if (is_good != addresses[i].is_good) {
            fail_msg("\"%s\"", addresses[i].text);
        }
        if (is_good) {
            tally_sip_address_format(&address, text);
            assert_string_equal(text, addresses[i].text);
        }
    }
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        if (tally_sip_network_parse(networks[i].text, &network) != networks[i].is_good) {
            fail_msg("\"%s\"", networks[i].text);
        }
    }
    assert_true(tally_sip_network_parse("192.0.2.128/25", &network));
    assert_true(tally_sip_address_parse("192.0.2.128:1", &address));
    assert_true(tally_sip_network_has(&network, &address));
    assert_true(tally_sip_address_parse("192.0.2.127:1", &address));
    assert_false(tally_sip_network_has(&network, &address));
    assert_true(tally_sip_address_parse("[::1]:1", &address));
    assert_false(tally_sip_network_has(&network, &address));
}

static char *read_whole(FILE *file)
{
    static const size_t bytes_max = 65536;
    char *text = malloc(bytes_max + 1);

    assert_non_null(text);
    rewind(file);
    text[fread(text, 1, bytes_max, file)] = '\0';
    (void)fclose(file);
    return text;
}

static void the_manual_has_the_settings(void **state)
{
    FILE *settings = tmpfile(), *page = fopen("docs/man/tally-sip.8", "r");
    char *want, *got;

    (void)state;
    assert_non_null(settings);
    assert_non_null(page);
    assert_int_equal(tally_conf_manual(&tally_sip_conf_table, settings, &fault), TALLY_ERR_OK);
    want = read_whole(settings);
    got = read_whole(page);
    assert_true(strlen(want) > 1000);
    if (strstr(got, want) == NULL) {
        (void)fputs(want, stdout);
        fail_msg("docs/man/tally-sip.8 does not hold the list of settings above");
    }
    free(want);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(loopback_lets_everybody_in),
        cmocka_unit_test(everything),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(addresses_and_networks),
        cmocka_unit_test(the_manual_has_the_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
