/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a verdict needs is read out of a SIP request, in every spelling that RFC 3261 allows;
 * a request that could not be answered is rejected by name.
 * Method: one good INVITE, of which single lines are replaced or added; a table of texts for the
 * rejects, of which every one must be hit; bounds from both sides.
 */
#include "adapters/sip/parse.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START "INVITE sip:+390612345678@gw.example.net;user=phone SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bKabc;rport\r\n"
#define FROM "From: \"Caller\" <sip:+442071838750@example.com>;tag=f1\r\n"
#define TO "To: <sip:+390612345678@gw.example.net>\r\n"
#define CALL_ID "Call-ID: c1@192.0.2.1\r\n"
#define CSEQ "CSeq: 1 INVITE\r\n"
#define HEADERS VIA FROM TO CALL_ID CSEQ
#define END "\r\n"

static struct tally_sip_request request;

static void accept(const char *text)
{
    enum tally_sip_reject reject = tally_sip_parse(text, strlen(text), &request);

    if (reject != TALLY_SIP_REJECT_NONE) {
        fail_msg("%s: %s", tally_sip_reject_name(reject), text);
    }
}

static void assert_text(struct tally_sip_text got, const char *want)
{
    if (got.size != strlen(want) || (got.size > 0 && memcmp(got.at, want, got.size) != 0)) {
        fail_msg("\"%.*s\" instead of \"%s\"", (int)got.size, got.at, want);
    }
}

static void a_plain_invite(void **state)
{
    (void)state;
    accept(START HEADERS "Content-Length: 4\r\n" END "v=0\n");
    assert_int_equal(request.method, TALLY_SIP_INVITE);
    assert_text(request.method_name, "INVITE");
    assert_text(request.uri_text, "sip:+390612345678@gw.example.net;user=phone");
    assert_int_equal(request.uri.scheme, TALLY_SIP_SCHEME_SIP);
    assert_text(request.uri.user, "+390612345678");
    assert_text(request.uri.host, "gw.example.net");
    assert_int_equal(request.via_count, 1);
    assert_text(request.via.host, "192.0.2.1");
    assert_int_equal(request.via.port, 5080);
    assert_text(request.via.branch, "z9hG4bKabc");
    assert_text(request.via.rport, "rport");
    assert_null(request.via.received.at);
    assert_text(request.from_text, "\"Caller\" <sip:+442071838750@example.com>;tag=f1");
    assert_text(request.from.user, "+442071838750");
    assert_text(request.from_tag, "f1");
    assert_text(request.to.user, "+390612345678");
    assert_null(request.to_tag.at);
    assert_text(request.call_id, "c1@192.0.2.1");
    assert_int_equal(request.cseq, 1);
    assert_int_equal(request.content_bytes, 4);
    assert_false(request.is_private || request.has_priority || request.has_emergency_mark);
    assert_int_equal(request.asserted_count, 0);
}

static void methods_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        enum tally_sip_method method;
    } methods[] = {
        {"INVITE", TALLY_SIP_INVITE},   {"ACK", TALLY_SIP_ACK},   {"CANCEL", TALLY_SIP_CANCEL},
        {"OPTIONS", TALLY_SIP_OPTIONS}, {"BYE", TALLY_SIP_OTHER}, {"invite", TALLY_SIP_OTHER},
        {"REGISTER", TALLY_SIP_OTHER},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        (void)snprintf(text, sizeof(text),
                       "%s sip:x@y SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 7 %s\r\n" END,
                       methods[i].name, methods[i].name);
        accept(text);
        assert_int_equal(request.method, methods[i].method);
        assert_text(request.method_name, methods[i].name);
    }
}

static void other_spellings(void **state)
{
    (void)state;
    accept("\r\n\r\nINVITE sip:+39061234@h sip/2.0\n"
           "v:SIP / 2.0 / UDP\t[2001:db8::9] : 5070 ; Branch = z9hG4bKx ;received=2001:db8::1\n"
           "f : caller <sip:a@b> ;\r\n\ttag = \"t;1\"\n"
           "t:\n tel:+39-06-1234;phone-context=example.com\n"
           "I:id\r\n"
           "cSEQ:\t 0042\r\n  INVITE\r\n"
           "L : 0\n"
           "\n");
    assert_text(request.via.host, "2001:db8::9");
    assert_int_equal(request.via.port, 5070);
    assert_text(request.via.branch, "z9hG4bKx");
    assert_text(request.via.received, "2001:db8::1");
    assert_null(request.via.rport.at);
    assert_text(request.from.user, "a");
    assert_text(request.from_tag, "\"t;1\"");
    assert_int_equal(request.to.scheme, TALLY_SIP_SCHEME_TEL);
    assert_text(request.to.user, "+39-06-1234");
    assert_null(request.to.user_params.at); /* without brackets they are the header's */
    assert_text(request.call_id, "id");
    assert_int_equal(request.cseq, 42);
    assert_true(request.has_content_length);
}

static void a_body_is_not_read(void **state)
{
    (void)state;
    accept(START HEADERS END "From: <sip:other@x>\r\nTo: nobody\r\n");
    assert_false(request.has_content_length);
    assert_text(request.from.user, "+442071838750");
}

static void from_is(const char *value, enum tally_sip_scheme scheme, const char *user,
                    const char *host)
{
    static char text[512]; /* the request refers to it after the return */

    (void)snprintf(text, sizeof(text), START VIA "From: %s\r\n" TO CALL_ID CSEQ END, value);
    accept(text);
    assert_int_equal(request.from.scheme, scheme);
    assert_text(request.from.user, user);
    assert_text(request.from.host, host);
}

static void uris_and_display_names(void **state)
{
    struct tally_sip_text value;

    (void)state;
    from_is("<sip:1@h>", TALLY_SIP_SCHEME_SIP, "1", "h");
    from_is("<SIPS:1@h:5061;lr>;tag=x", TALLY_SIP_SCHEME_SIP, "1", "h");
    assert_int_equal(request.from.port, 5061);
    from_is("\"a <sip:9@x> \\\" b\" <sip:1@h>", TALLY_SIP_SCHEME_SIP, "1", "h");
    from_is("two words<sip:1@h>", TALLY_SIP_SCHEME_SIP, "1", "h");
    from_is("Z\xc3\xbcrich <sip:1@h>", TALLY_SIP_SCHEME_SIP, "1", "h");
    from_is("sip:1@h;tag=x", TALLY_SIP_SCHEME_SIP, "1", "h");
    assert_text(request.from_tag, "x");
    from_is("<sip:[::1]>", TALLY_SIP_SCHEME_SIP, "", "::1");
    from_is("<sip:h>", TALLY_SIP_SCHEME_SIP, "", "h");
    from_is("<sip:1:secret@h>", TALLY_SIP_SCHEME_SIP, "1", "h");
    from_is("<sip:%2B441@h?x=y>", TALLY_SIP_SCHEME_SIP, "%2B441", "h");
    from_is("<sip:+33;tgrp=a;trunk-context=b.c@h;user=phone>", TALLY_SIP_SCHEME_SIP, "+33", "h");
    assert_text(request.from.user_params, ";tgrp=a;trunk-context=b.c");
    from_is("<tel:8750;Phone-Context=+44-20;ext=1>", TALLY_SIP_SCHEME_TEL, "8750", "");
    assert_true(tally_sip_find_param(request.from.user_params, "phone-context", &value));
    assert_text(value, "+44-20");
    assert_false(tally_sip_find_param(request.from.user_params, "phone", &value));
    from_is("<tel:+1202;npdi;rn=+1203>", TALLY_SIP_SCHEME_TEL, "+1202", "");
    from_is("<urn:service:sos.police>", TALLY_SIP_SCHEME_URN, "", "");
    assert_text(request.from.rest, "service:sos.police");
    from_is("<isbn:2983792873>", TALLY_SIP_SCHEME_OTHER, "", "");
    from_is("<sip:1@>", TALLY_SIP_SCHEME_UNREADABLE, "1", "");
    from_is("<sip:1@a@b>", TALLY_SIP_SCHEME_UNREADABLE, "1", "a");
    from_is("<sip:1@h:65536>", TALLY_SIP_SCHEME_UNREADABLE, "1", "h");
    from_is("<sip:1@[::1>", TALLY_SIP_SCHEME_UNREADABLE, "1", "::1");
    from_is("<sip:1 2@h>", TALLY_SIP_SCHEME_UNREADABLE, "", "");
    from_is("<sip:>", TALLY_SIP_SCHEME_UNREADABLE, "", "");
    from_is("<>", TALLY_SIP_SCHEME_UNREADABLE, "", "");
}

static void asserted_identities(void **state)
{
    (void)state;
    accept(START HEADERS
           "P-Asserted-Identity: \"A, B\" <sip:+441@h;user=phone>, <tel:+441>\r\n" END);
    assert_int_equal(request.asserted_count, 2);
    assert_false(request.has_bad_asserted);
    assert_text(request.asserted[0].user, "+441");
    assert_int_equal(request.asserted[1].scheme, TALLY_SIP_SCHEME_TEL);

    accept(START HEADERS "P-Asserted-Identity: sip:1@h\r\nP-ASSERTED-IDENTITY: tel:+2;x\r\n" END);
    assert_int_equal(request.asserted_count, 2);
    assert_text(request.asserted[1].user, "+2");

    accept(START HEADERS "P-Asserted-Identity: \"A <sip:1@h>\r\n" END);
    assert_int_equal(request.asserted_count, 0);
    assert_true(request.has_bad_asserted);

    accept(START HEADERS "P-Asserted-Identity: <tel:1>,<tel:2>,<tel:3>,<tel:4>\r\n" END);
    assert_int_equal(request.asserted_count, 4);
    assert_false(request.has_bad_asserted);
    accept(START HEADERS "P-Asserted-Identity: <tel:1>,<tel:2>,<tel:3>,<tel:4>,<tel:5>\r\n" END);
    assert_int_equal(request.asserted_count, 4);
    assert_true(request.has_bad_asserted);
}

static void privacy_and_priority(void **state)
{
    static const struct {
        const char *header;
        bool is_private, has_priority, has_emergency_mark;
    } headers[] = {
        {"Privacy: id\r\n", true, false, false},
        {"Privacy: none\r\n", false, false, false},
        {"Privacy: critical;ID\r\n", true, false, false},
        {"Privacy: header ; session\r\n", true, false, false},
        {"Privacy: user\r\n", true, false, false},
        {"Privacy: idle\r\n", false, false, false},
        {"Privacy:\r\n", false, false, false},
        {"Resource-Priority: wps.3\r\n", false, true, false},
        {"Resource-Priority: esnet.0\r\n", false, true, true},
        {"Resource-Priority: dsn.flash, ESNET.1\r\n", false, true, true},
        {"Resource-Priority: esnets.1\r\n", false, true, false},
        {"Resource-Priority: \r\n", false, false, false},
        {"Priority: psap-callback\r\n", false, false, true},
        {"Priority: emergency\r\n", false, false, false},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        (void)snprintf(text, sizeof(text), START HEADERS "%s" END, headers[i].header);
        accept(text);
        if (request.is_private != headers[i].is_private ||
            request.has_priority != headers[i].has_priority ||
            request.has_emergency_mark != headers[i].has_emergency_mark) {
            fail_msg("%s", headers[i].header);
        }
    }
}

static void diversions(void **state)
{
    (void)state;
    accept(START HEADERS "Diversion: \"x\" <tel:+3>;reason=unconditional;counter=1, <tel:+2>\r\n"
                         "diversion: <sip:+1@h>;privacy=\"full, or not\"\r\n" END);
    assert_int_equal(request.diversion_count, 3);
    assert_text(request.diversion_newest.user, "+3");
    assert_text(request.diversion_oldest.user, "+1");

    accept(START HEADERS "Diversion: <tel:+3>, <tel:\r\nDiversion: <tel:+2>\r\n" END);
    assert_int_equal(request.diversion_count, 0);

    accept(START HEADERS "History-Info: <sip:+1@h>;index=1, <sip:+2@h?Reason=SIP%3Bcause%3D302>;"
                         "index=1.1;mp=1\r\nHistory-Info: <sip:+3@h;cause=302>;index=1.2\r\n" END);
    assert_int_equal(request.history_count, 3);
    assert_text(request.history_first.user, "+1");
    assert_text(request.history_before_last.user, "+2");

    accept(START HEADERS "History-Info: <sip:+1@h>;index=1\r\n" END);
    assert_int_equal(request.history_count, 1);
    accept(START HEADERS "History-Info: <sip:+1@h>;;index=1\r\n" END);
    assert_int_equal(request.history_count, 0);
}

static void all_vias_are_kept(void **state)
{
    (void)state;
    accept(START VIA "v: SIP/2.0/TCP b, SIP/2.0/TCP c\r\n" FROM TO CALL_ID CSEQ
                     "Via: junk that is somebody else's\r\n" END);
    assert_int_equal(request.via_count, 3);
    assert_text(request.vias[1], "SIP/2.0/TCP b, SIP/2.0/TCP c");
    assert_text(request.vias[2], "junk that is somebody else's");
    accept(START
           "Via: SIP/2.0/UDP h;branch=1 , SIP/2.0/UDP i;branch=2\r\n" FROM TO CALL_ID CSEQ END);
    assert_text(request.via.host, "h");
    assert_text(request.via.branch, "1");
    assert_ptr_equal(request.via.value_end, request.via.line.at + strlen("SIP/2.0/UDP h;branch=1"));
    accept(START "Via: SIP/2.0/UDP h;rport=5;branch=\r\n" FROM TO CALL_ID CSEQ END);
    assert_null(request.via.rport.at);
    assert_int_equal(request.via.branch.size, 0);
}

static const struct {
    const char *what;
    enum tally_sip_reject want;
    const char *text;
} rejects[] = {
#define R(name) TALLY_SIP_REJECT_##name
    {"nothing", R(EMPTY), ""},
    {"a keep-alive", R(EMPTY), "\r\n\r\n"},
    {"a response", R(RESPONSE), "SIP/2.0 200 OK\r\n" HEADERS END},
    {"no space", R(START_LINE), "INVITE\r\n" HEADERS END},
    {"two spaces", R(START_LINE), "INVITE  sip:x@y SIP/2.0\r\n" HEADERS END},
    {"two spaces behind the URI", R(START_LINE), "INVITE sip:x@y  SIP/2.0\r\n" HEADERS END},
    {"space at the end", R(START_LINE), "INVITE sip:x@y SIP/2.0 \r\n" HEADERS END},
    {"no version", R(START_LINE), "INVITE sip:x@y\r\n" HEADERS END},
    {"a method with a colon", R(START_LINE), "IN:VITE sip:x@y SIP/2.0\r\n" HEADERS END},
    {"space in front", R(START_LINE), " " START HEADERS END},
    {"not text at all", R(START_LINE), "\x80\x01\x02"},
    {"bracket in the URI", R(URI), "INVITE <sip:x@y> SIP/2.0\r\n" HEADERS END},
    {"quote in the URI", R(URI), "INVITE sip:\"x\"@y SIP/2.0\r\n" HEADERS END},
    {"control in the URI", R(URI), "INVITE sip:x\x01@y SIP/2.0\r\n" HEADERS END},
    {"byte over 0x7f in the URI", R(URI), "INVITE sip:\xc3\xbc@y SIP/2.0\r\n" HEADERS END},
    {"SIP/1.0", R(VERSION), "INVITE sip:x@y SIP/1.0\r\n" HEADERS END},
    {"SIP/2.0x", R(VERSION), "INVITE sip:x@y SIP/2.01\r\n" HEADERS END},
    {"HTTP", R(VERSION), "GET / HTTP/1.1\r\n" HEADERS END},
    {"a line without colon", R(LINE), START HEADERS "text/plain\r\n" END},
    {"a semicolon instead", R(LINE), START VIA FROM TO "Call-ID; c1\r\n" CSEQ END},
    {"a folded first header", R(LINE), START " Via: x\r\n" HEADERS END},
    {"a line of a colon", R(LINE), START HEADERS ": x\r\n" END},
    {"no empty line", R(UNENDED), START HEADERS},
    {"cut in a value", R(UNENDED), START HEADERS "Subject: x"},
    {"cut in a name", R(UNENDED), START HEADERS "Subj"},
    {"cut behind CR", R(UNENDED), START HEADERS "\r"},
    {"no Via", R(VIA_MISSING), START FROM TO CALL_ID CSEQ END},
    {"empty Via", R(VIA), START "Via:\r\n" FROM TO CALL_ID CSEQ END},
    {"Via of HTTP", R(VIA), START "Via: HTTP/1.1/TCP h\r\n" FROM TO CALL_ID CSEQ END},
    {"Via version 3", R(VIA), START "Via: SIP/3.0/UDP h\r\n" FROM TO CALL_ID CSEQ END},
    {"Via without host", R(VIA), START "Via: SIP/2.0/UDP\r\n" FROM TO CALL_ID CSEQ END},
    {"Via with junk", R(VIA), START "Via: SIP/2.0/UDP h;;,;,,\r\n" FROM TO CALL_ID CSEQ END},
    {"Via without semicolon", R(VIA), START "Via: SIP/2.0/UDP h x\r\n" FROM TO CALL_ID CSEQ END},
    {"Via port 65536", R(VIA), START "Via: SIP/2.0/UDP h:65536\r\n" FROM TO CALL_ID CSEQ END},
    {"Via port empty", R(VIA), START "Via: SIP/2.0/UDP h:;x\r\n" FROM TO CALL_ID CSEQ END},
    {"Via with half an IPv6", R(VIA), START "Via: SIP/2.0/UDP [::1;x\r\n" FROM TO CALL_ID CSEQ END},
    {"no From", R(FROM_MISSING), START VIA TO CALL_ID CSEQ END},
    {"empty From", R(FROM), START VIA "From: \r\n" TO CALL_ID CSEQ END},
    {"From with comma", R(FROM), START VIA "From: Bell, A <sip:x@y>\r\n" TO CALL_ID CSEQ END},
    {"two in From", R(FROM), START VIA "From: <sip:x@y>, <sip:z@y>\r\n" TO CALL_ID CSEQ END},
    {"From without bracket's end", R(FROM), START VIA "From: <sip:x@y\r\n" TO CALL_ID CSEQ END},
    {"quoted name alone", R(FROM), START VIA "From: \"x\" sip:x@y\r\n" TO CALL_ID CSEQ END},
    {"no To", R(TO_MISSING), START VIA FROM CALL_ID CSEQ END},
    {"To without quote's end", R(TO), START VIA FROM "To: \"J <sip:x@y>\r\n" CALL_ID CSEQ END},
    {"To ends on a backslash", R(TO), START VIA FROM "To: \"J\\\r\n" CALL_ID CSEQ END},
    {"To with a folded header", R(TO), START VIA FROM "To: <sip:x@y>\r\n " CALL_ID CSEQ END},
    {"no Call-ID", R(CALL_ID_MISSING), START VIA FROM TO CSEQ END},
    {"empty Call-ID", R(CALL_ID), START VIA FROM TO "Call-ID:\r\n" CSEQ END},
    {"Call-ID with space", R(CALL_ID), START VIA FROM TO "Call-ID: a b\r\n" CSEQ END},
    {"no CSeq", R(CSEQ_MISSING), START VIA FROM TO CALL_ID END},
    {"CSeq 2^31", R(CSEQ), START VIA FROM TO CALL_ID "CSeq: 2147483648 INVITE\r\n" END},
    {"CSeq of 11 digits", R(CSEQ), START VIA FROM TO CALL_ID "CSeq: 00000000001 INVITE\r\n" END},
    {"CSeq negative", R(CSEQ), START VIA FROM TO CALL_ID "CSeq: -1 INVITE\r\n" END},
    {"CSeq without method", R(CSEQ), START VIA FROM TO CALL_ID "CSeq: 1\r\n" END},
    {"CSeq and more", R(CSEQ), START VIA FROM TO CALL_ID "CSeq: 1 INVITE x\r\n" END},
    {"CSeq of another", R(CSEQ_METHOD), START VIA FROM TO CALL_ID "CSeq: 1 OPTIONS\r\n" END},
    {"CSeq in lower case", R(CSEQ_METHOD), START VIA FROM TO CALL_ID "CSeq: 1 invite\r\n" END},
    {"two From", R(TWICE), START HEADERS FROM END},
    {"two To", R(TWICE), START HEADERS "t: <sip:x@y>\r\n" END},
    {"two Call-ID", R(TWICE), START HEADERS "i: x\r\n" END},
    {"two CSeq", R(TWICE), START HEADERS CSEQ END},
    {"length is no number", R(CONTENT_LENGTH), START HEADERS "Content-Length: x\r\n" END},
    {"length is empty", R(CONTENT_LENGTH), START HEADERS "Content-Length:\r\n" END},
    {"length negative", R(CONTENT_LENGTH), START HEADERS "Content-Length: -9\r\n" END},
    {"length and length", R(CONTENT_LENGTH), START HEADERS "l: 0\r\nl: 1\r\n" END "x"},
    {"length one too long", R(CONTENT_LENGTH), START HEADERS "l: 2\r\n" END "x"},
    {"length 65536", R(CONTENT_LENGTH), START HEADERS "l: 65536\r\n" END},
#undef R
};

static void repeat(char *text, size_t size, const char *line, unsigned count)
{
    size_t at = strlen(text);

    for (unsigned i = 0; i < count; i++) {
        int wrote = snprintf(text + at, size - at, "%s", line);

        assert_true(wrote > 0 && (size_t)wrote < size - at);
        at += (size_t)wrote;
    }
}

/* What takes more bytes than a table should hold. */
static enum tally_sip_reject reject_of(const char *head, const char *line, unsigned count)
{
    static char text[TALLY_SIP_DATAGRAM_BYTES_MAX];

    text[0] = '\0';
    repeat(text, sizeof(text), head, 1);
    repeat(text, sizeof(text), line, count);
    repeat(text, sizeof(text), END, 1);
    return tally_sip_parse(text, strlen(text), &request);
}

static enum tally_sip_reject reject_of_size(size_t size)
{
    static char text[TALLY_SIP_DATAGRAM_BYTES_MAX + 1];

    memset(text, 'x', sizeof(text));
    memcpy(text, START HEADERS END, sizeof(START HEADERS END) - 1);
    return tally_sip_parse(text, size, &request);
}

static void every_reject(void **state)
{
    bool is_hit[TALLY_SIP_REJECT_COUNT] = {[TALLY_SIP_REJECT_NONE] = true};

    (void)state;
    for (size_t i = 0; i < sizeof(rejects) / sizeof(rejects[0]); i++) {
        enum tally_sip_reject got =
            tally_sip_parse(rejects[i].text, strlen(rejects[i].text), &request);

        if (got != rejects[i].want) {
            fail_msg("%s: %s instead of %s", rejects[i].what, tally_sip_reject_name(got),
                     tally_sip_reject_name(rejects[i].want));
        }
        is_hit[got] = true;
    }
    assert_int_equal(reject_of(START HEADERS, "a:b\r\n", 251), TALLY_SIP_REJECT_NONE);
    assert_int_equal(reject_of(START HEADERS, "a:b\r\n", 252), TALLY_SIP_REJECT_HEADERS);
    is_hit[TALLY_SIP_REJECT_HEADERS] = true;
    assert_int_equal(reject_of(START HEADERS, "v:b\r\n", 69), TALLY_SIP_REJECT_NONE);
    assert_int_equal(reject_of(START HEADERS, "v:b\r\n", 70), TALLY_SIP_REJECT_VIA_COUNT);
    is_hit[TALLY_SIP_REJECT_VIA_COUNT] = true;
    assert_int_equal(reject_of_size(TALLY_SIP_DATAGRAM_BYTES_MAX), TALLY_SIP_REJECT_NONE);
    assert_int_equal(reject_of_size(TALLY_SIP_DATAGRAM_BYTES_MAX + 1), TALLY_SIP_REJECT_LONG);
    is_hit[TALLY_SIP_REJECT_LONG] = true;
    for (unsigned reject = 0; reject < TALLY_SIP_REJECT_COUNT; reject++) {
        if (!is_hit[reject]) {
            fail_msg("no text is rejected with %s", tally_sip_reject_name(reject));
        }
    }
}

/* In a block of its own size on the heap, so that a sanitizer sees a read past the end. */
static void every_cut_is_survived(void **state)
{
    static const char text[] = START HEADERS
        "P-Asserted-Identity: \"x\" <sip:+44%201@h>\r\nDiversion: <tel:+1>;a=\"b\"\r\n"
        "History-Info: <sip:1@[::1]:5>;index=1\r\nPrivacy: id\r\nl: 0\r\n" END;

    (void)state;
    for (size_t size = 0; size < sizeof(text); size++) {
        char *cut = malloc(size + 1);
        enum tally_sip_reject reject;

        assert_non_null(cut);
        memcpy(cut + 1, text, size);
        reject = tally_sip_parse(cut + 1, size, &request);
        assert_true((reject == TALLY_SIP_REJECT_NONE) == (size >= sizeof(text) - 1));
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_invite),         cmocka_unit_test(methods_are_told_apart),
        cmocka_unit_test(other_spellings),        cmocka_unit_test(a_body_is_not_read),
        cmocka_unit_test(uris_and_display_names), cmocka_unit_test(asserted_identities),
        cmocka_unit_test(privacy_and_priority),   cmocka_unit_test(diversions),
        cmocka_unit_test(all_vias_are_kept),      cmocka_unit_test(every_reject),
        cmocka_unit_test(every_cut_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
