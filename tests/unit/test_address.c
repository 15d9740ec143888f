/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an address is the same however it is written, and what is no address is refused.
 * Method: a table of texts, each with the bytes or the refusal that RFC 4291 gives it.
 */
#include "testing.h"
#include "transport/address.h"

#include <string.h>

static const struct tally_hash_key key = {1, 2};

static void test_forms_of_one_address(void **state)
{
    static const char *const forms[] = {"127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1"};
    struct tally_address first, other;

    (void)state;
    assert_true(tally_address_parse(forms[0], &first));
    for (size_t i = 1; i < sizeof(forms) / sizeof(forms[0]); i++) {
        assert_true(tally_address_parse(forms[i], &other));
        assert_int_equal(tally_address_compare(&first, &other), 0);
    }
    assert_true(tally_address_parse("127.0.0.2", &other));
    assert_true(tally_address_compare(&first, &other) < 0);
    assert_true(tally_address_parse("fe80::1%eth0", &first));
    assert_true(tally_address_parse("fe80::1", &other));
    assert_int_equal(tally_address_compare(&first, &other), 0);
}

static void test_what_is_no_address(void **state)
{
    static const char *const texts[] = {"",
                                        "%",
                                        "localhost",
                                        "127.0.0",
                                        "127.0.0.256",
                                        "127.0.0.1:80",
                                        "2001:db8::1::2",
                                        "g::",
                                        "0000:0000:0000:0000:0000:ffff:255.255.255.2555"};
    static const struct tally_address zeros;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct tally_address address;

        memset(&address, 0xff, sizeof(address));
        assert_false(tally_address_parse(texts[i], &address));
        assert_int_equal(tally_address_compare(&address, &zeros), 0);
    }
}

static void test_hosts_of_endpoints(void **state)
{
    static const char *const refused[] = {"",
                                          "tcp://",
                                          "tcp://127.0.0.1",
                                          "udp://127.0.0.1:1",
                                          "tcp://peer.example:7447",
                                          "tcp://[2001:db8::1]",
                                          "tcp://2001:db8::1",
                                          "tcp://[127.0.0.1:1"};
    struct tally_address host, expected;

    (void)state;
    assert_true(tally_address_of_endpoint("tcp://192.0.2.7:7447", &host));
    assert_true(tally_address_parse("192.0.2.7", &expected));
    assert_int_equal(tally_address_compare(&host, &expected), 0);
    assert_true(tally_address_of_endpoint("tcp://[2001:db8::7]:7447", &host));
    assert_true(tally_address_parse("2001:db8::7", &expected));
    assert_int_equal(tally_address_compare(&host, &expected), 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_false(tally_address_of_endpoint(refused[i], &host));
    }
}

static uint64_t source_of(const char *text)
{
    struct tally_address address;

    assert_true(tally_address_parse(text, &address));
    return tally_address_source(&key, &address);
}

static void test_sources(void **state)
{
    (void)state;
    assert_int_equal(source_of("2001:db8::1"), source_of("2001:db8:0:0:ffff::2"));
    assert_int_not_equal(source_of("2001:db8:0:1::1"), source_of("2001:db8:0:2::1"));
    assert_int_not_equal(source_of("192.0.2.1"), source_of("192.0.2.2"));
    assert_int_not_equal(source_of("192.0.2.1"), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_one_address),
        cmocka_unit_test(test_what_is_no_address),
        cmocka_unit_test(test_hosts_of_endpoints),
        cmocka_unit_test(test_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
