/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what we accept as a request, another parser understands the same.
 * Method: differential, against libosip2: well-formed INVITE put together from alternatives, then
 * broken at random. Whole ones must be accepted by both and agree in every field that decides about
 * a call; of the broken ones those that both accept must agree where both found something.
 */
#include "adapters/sip/parse.h"
#include "testing.h"
#include "unit/chance.h"

#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>
#include <stdio.h>
#include <string.h>

enum { WHOLE_COUNT = 4000, BROKEN_COUNT = 40000, TEXT_BYTES = 4096 };

static struct tally_sip_request request;

static const char *const uris[] = {
    "sip:+390612345678@gw.example.net;user=phone",
    "sip:0612345678@192.0.2.9:5070",
    "sip:+39-06-1234@[2001:db8::1]:5060;transport=udp",
    "sip:%2B39061234@gw.example",
    "sip:gw.example.net",
};
static const char *const froms[] = {
    "From: <sip:+442071838750@example.com>;tag=a1",
    "f: \"A \\\" <b> , ;\" <sip:442071838750@example.com:5080;user=phone>;tag=a2;x=y",
    "From: caller<sip:alice@example.com>;tag=a3",
    "FROM:sip:bob@example.com;tag=a4",
    "from :  <sip:anonymous@anonymous.invalid> ; tag=a5",
    "From: \"\" <sip:+441@[::1]>;x;tag=a6",
};
static const char *const tos[] = {
    "To: <sip:+390612345678@gw.example.net>",
    "t: sip:0612345678@gw.example.net",
    "To: \"B\" <sip:b@gw.example.net;lr>;tag=t1",
};
static const char *const vias[] = {
    "Via: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK1;rport",
    "v: SIP/2.0/TCP host.example;branch=z9hG4bK2;received=192.0.2.7",
    "Via: SIP/2.0/UDP h-1.example:5061;branch=z9hG4bK3\r\nVia: SIP/2.0/UDP inner;branch=z9hG4bK4",
};
static const char *const extras[] = {
    "Subject: x\r\n",
    "P-Asserted-Identity: <tel:+442071838750>\r\n",
    "Supported: timer, 100rel\r\nUser-Agent: x\r\n",
    "Diversion: <sip:+39@x>;reason=unconditional\r\n",
    "Max-Forwards: 70\r\n",
    "Contact: <sip:x@192.0.2.1>\r\n",
};

#define PICK(chance, list) (list)[test_chance_below(chance, sizeof(list) / sizeof((list)[0]))]

static size_t make(struct test_chance *chance, char *text)
{
    unsigned cseq = (unsigned)test_chance_below(chance, 100000);
    int size = snprintf(text, TEXT_BYTES,
                        "INVITE %s SIP/2.0\r\n%s\r\n%s%s\r\n%s\r\nCall-ID: %llx@example\r\n%s"
                        "CSeq: %u INVITE\r\nContent-Length: 0\r\n\r\n",
                        PICK(chance, uris), PICK(chance, vias), PICK(chance, extras),
                        PICK(chance, froms), PICK(chance, tos),
                        (unsigned long long)test_chance_u64(chance), PICK(chance, extras), cseq);

    assert_true(size > 0 && size < TEXT_BYTES);
    return (size_t)size;
}

static void mutate(struct test_chance *chance, char *text, size_t *size)
{
    static const char nasty[] = "\r\n\t \"<>;:,@=[]%\\?a0+";
    uint64_t count = 1 + test_chance_below(chance, 3);

    for (uint64_t i = 0; i < count; i++) {
        size_t where = (size_t)test_chance_below(chance, *size);

        switch (test_chance_below(chance, 3)) {
        case 0:
            text[where] = nasty[test_chance_below(chance, sizeof(nasty) - 1)];
            break;
        case 1: /* a character gone */
            memmove(text + where, text + where + 1, *size - where - 1);
            (*size)--;
            break;
        default: /* a character more */
            memmove(text + where + 1, text + where, *size - where);
            text[where] = nasty[test_chance_below(chance, sizeof(nasty) - 1)];
            (*size)++;
            break;
        }
    }
}

/* NULL where there is nothing; otherwise both must have it, letter by letter. */
static bool same(struct tally_sip_text ours, const char *theirs)
{
    return theirs == NULL ? ours.size == 0
                          : ours.size == strlen(theirs) &&
                                (ours.size == 0 || memcmp(ours.at, theirs, ours.size) == 0);
}

static const char *tag_of(osip_from_t *from)
{
    char name[] = "tag"; /* osip's functions take it without const */
    osip_generic_param_t *tag = NULL;

    return osip_generic_param_get_byname(&from->gen_params, name, &tag) == 0 && tag != NULL
               ? tag->gvalue
               : NULL;
}

/* osip takes the user parameters for a part of the user; the table has none of them. */
static bool same_uri(const struct tally_sip_uri *ours, const osip_uri_t *theirs)
{
    return theirs != NULL && ours->scheme == TALLY_SIP_SCHEME_SIP && same(ours->host, theirs->host);
}

static const char *differs(osip_message_t *theirs)
{
    osip_via_t *via = NULL;

    if (!same(request.method_name, theirs->sip_method)) {
        return "method";
    }
    if (osip_message_get_via(theirs, 0, &via) < 0 || !same(request.via.host, via->host)) {
        return "Via";
    }
    if (!same_uri(&request.from, theirs->from->url) ||
        !same(request.from_tag, tag_of(theirs->from))) {
        return "From";
    }
    if (!same_uri(&request.to, theirs->to->url) || !same(request.to_tag, tag_of(theirs->to))) {
        return "To";
    }
    if (!same_uri(&request.uri, theirs->req_uri)) {
        return "request-URI";
    }
    return same(request.cseq_text, NULL) ? "CSeq" : NULL;
}

/* osip undoes escapes, which we leave to the number rules: those users are not compared. */
static bool same_user(struct tally_sip_text ours, const char *theirs)
{
    return (ours.size > 0 && memchr(ours.at, '%', ours.size) != NULL) || same(ours, theirs);
}

static const char *users_differ(osip_message_t *theirs)
{
    if (!same_user(request.from.user, theirs->from->url->username)) {
        return "the user in From";
    }
    return same_user(request.uri.user, theirs->req_uri->username) ? NULL
                                                                  : "the user in the request-URI";
}

static void whole_ones_agree(void **state)
{
    struct test_chance chance = {1};
    char text[TEXT_BYTES + 16];

    (void)state;
    for (int i = 0; i < WHOLE_COUNT; i++) {
        size_t size = make(&chance, text);
        osip_message_t *theirs = NULL;
        const char *field;

        assert_int_equal(osip_message_init(&theirs), 0);
        if (tally_sip_parse(text, size, &request) != TALLY_SIP_REJECT_NONE ||
            osip_message_parse(theirs, text, size) != 0) {
            fail_msg("one of the two rejects: %.*s", (int)size, text);
        }
        field = differs(theirs);
        field = field == NULL ? users_differ(theirs) : field;
        if (field != NULL) {
            fail_msg("%s differs: %.*s", field, (int)size, text);
        }
        osip_message_free(theirs);
    }
}

static void broken_ones_do_not_disagree(void **state)
{
    struct test_chance chance = {2};
    char text[TEXT_BYTES + 16];
    unsigned both = 0, only_we = 0, only_they = 0, different = 0;

    (void)state;
    for (int i = 0; i < BROKEN_COUNT; i++) {
        size_t size = make(&chance, text);
        osip_message_t *theirs = NULL;
        bool is_ours, is_theirs;

        mutate(&chance, text, &size);
        text[size] = '\0';
        assert_int_equal(osip_message_init(&theirs), 0);
        is_ours = tally_sip_parse(text, size, &request) == TALLY_SIP_REJECT_NONE;
        is_theirs = osip_message_parse(theirs, text, size) == 0 && theirs->from != NULL &&
                    theirs->to != NULL && theirs->sip_method != NULL && theirs->req_uri != NULL;
        both += is_ours && is_theirs;
        only_we += is_ours && !is_theirs;
        only_they += !is_ours && is_theirs;
        if (is_ours && is_theirs && request.from.scheme == TALLY_SIP_SCHEME_SIP &&
            request.uri.scheme == TALLY_SIP_SCHEME_SIP && theirs->from->url != NULL &&
            users_differ(theirs) != NULL) {
            different++;
        }
        osip_message_free(theirs);
    }
    (void)printf("%d broken: both accept %u, only we %u, only osip %u; other users in %u\n",
                 BROKEN_COUNT, both, only_we, only_they, different);
    assert_true(both > BROKEN_COUNT / 4);
    /* What differs are the user parameters and passwords that a ';' or ':' put into a user makes.
     */
    assert_true(different < both / 50);
}

/* osip tells each malformed message on stdout, and there are thousands. */
static void hush(const char *file, int line, osip_trace_level_t level, const char *format,
                 va_list values)
{
    (void)file;
    (void)line;
    (void)level;
    (void)format;
    (void)values;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_ones_agree),
        cmocka_unit_test(broken_ones_do_not_disagree),
    };

    osip_trace_initialize_func(END_TRACE_LEVEL, hush);
    (void)parser_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
