/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the torture messages of RFC 4475 and RFC 5118, and other people's collections, are read or
 * rejected as they should be; real traffic is read as Wireshark reads it.
 * Method: every file with its verdict; requests out of captures, which tshark splits at test time,
 * compared field by field. Skipped where the data is not there.
 */
#include "adapters/sip/parse.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA "../shared/data/"

static struct tally_sip_request request;

static const struct {
    const char *path;
    enum tally_sip_reject want;
} files[] = {
#define R(name) TALLY_SIP_REJECT_##name
    /* Wrong in what we do not read: Accept, Require, Content-Type, Contact, SDP, or the registrar's
     * business. */
    {"rfc4475/invalid_badaspec.dat", R(NONE)},
    {"rfc4475/invalid_badbranch.dat", R(NONE)},
    {"rfc4475/invalid_bext01.dat", R(NONE)},
    {"rfc4475/invalid_cparam01.dat", R(NONE)},
    {"rfc4475/invalid_escruri.dat", R(NONE)},
    {"rfc4475/invalid_invut.dat", R(NONE)},
    {"rfc4475/invalid_novelsc.dat", R(NONE)},
    {"rfc4475/invalid_regbadct.dat", R(NONE)},
    {"rfc4475/invalid_regescrt.dat", R(NONE)},
    {"rfc4475/invalid_sdp01.dat", R(NONE)},
    {"rfc4475/invalid_unkscm.dat", R(NONE)},
    {"rfc4475/invalid_unksm2.dat", R(NONE)},
    {"rfc4475/invalid_baddn.dat", R(FROM)},
    {"rfc4475/invalid_badinv01.dat", R(VIA)},
    {"rfc4475/invalid_bcast.dat", R(RESPONSE)},
    {"rfc4475/invalid_clerr.dat", R(CONTENT_LENGTH)},
    {"rfc4475/invalid_insuf.dat", R(FROM_MISSING)},
    {"rfc4475/invalid_ltgtruri.dat", R(URI)},
    {"rfc4475/invalid_lwsstart.dat", R(START_LINE)},
    {"rfc4475/invalid_mcl01.dat", R(CONTENT_LENGTH)},
    {"rfc4475/invalid_mismatch02.dat", R(CSEQ_METHOD)},
    {"rfc4475/invalid_multi01.dat", R(TWICE)},
    {"rfc4475/invalid_quotbal.dat", R(TO)},
    {"rfc4475/invalid_scalarlg.dat", R(RESPONSE)},
    {"rfc4475/valid_dblreq.dat", R(NONE)},
    {"rfc4475/valid_esc01.dat", R(NONE)},
    {"rfc4475/valid_escnull.dat", R(NONE)},
    {"rfc4475/valid_intmeth.dat", R(NONE)},
    {"rfc4475/valid_lwsdisp.dat", R(NONE)},
    {"rfc4475/valid_mpart01.dat", R(NONE)},
    {"rfc4475/valid_semiuri.dat", R(NONE)},
    {"rfc4475/valid_transports.dat", R(NONE)},
    {"rfc4475/valid_wsinv.dat", R(NONE)},
    {"rfc5118/ipv4-mapped-ipv6", R(NONE)},
    {"rfc5118/ipv6-bug-abnf-3-colons", R(NONE)},
    {"rfc5118/ipv6-correct-abnf-2-colons", R(NONE)},
    {"rfc5118/ipv6-in-sdp", R(NONE)},
    {"rfc5118/mult-ip-in-header", R(NONE)},
    {"rfc5118/port-ambiguous", R(NONE)},
    {"rfc5118/port-unambiguous", R(NONE)},
    {"rfc5118/via-received-param-with-delim", R(NONE)},
    {"kamailio_misc_sip/bad_uri.sip", R(VIA_MISSING)},
    {"kamailio_misc_sip/bad_via1.sip", R(FROM_MISSING)},
    {"kamailio_misc_sip/bad_via3.sip", R(VERSION)},
    {"kamailio_misc_sip/bc2.sip", R(NONE)},
    {"kamailio_misc_sip/bye_chris.sip", R(NONE)},
    /* Content-Length counts line ends that the collection has lost: past the datagram's end. */
    {"kamailio_misc_sip/dns.sip", R(CONTENT_LENGTH)},
    {"kamailio_misc_sip/invite00.sip", R(CONTENT_LENGTH)},
    {"kamailio_misc_sip/invite01.sip", R(NONE)},
    {"kamailio_misc_sip/invite03.sip", R(NONE)},
    {"kamailio_misc_sip/invite04.sip", R(NONE)},
    {"kamailio_misc_sip/invite1.sip", R(TO_MISSING)},
    {"kamailio_misc_sip/invite3-callid.sip", R(TO)},
    {"kamailio_misc_sip/invite5-callid.sip", R(LINE)},
    {"kamailio_misc_sip/invite6-badbranch-via.sip", R(CONTENT_LENGTH)},
    {"kamailio_misc_sip/message.sip", R(CONTENT_LENGTH)},
    {"kamailio_misc_sip/message02.sip", R(LINE)},
    {"kamailio_misc_sip/ms-invite-00-rpl.sip", R(RESPONSE)},
    {"kamailio_misc_sip/ms-invite-00.sip", R(CONTENT_LENGTH)},
    {"kamailio_misc_sip/msbye.sip", R(NONE)},
    {"kamailio_misc_sip/nmr.sip", R(CONTENT_LENGTH)},
    {"kamailio_misc_sip/pingtel.sip", R(NONE)},
    {"kamailio_misc_sip/register.sip", R(NONE)},
    {"kamailio_misc_sip/register03.sip", R(NONE)},
    {"kamailio_misc_sip/register04.sip", R(NONE)},
    {"kamailio_misc_sip/req-test1.sip", R(START_LINE)},
    {"kamailio_misc_sip/req-tm1.sip", R(START_LINE)},
    {"kamailio_misc_sip/req2.sip", R(FROM_MISSING)},
    {"kamailio_misc_sip/route.sip", R(CONTENT_LENGTH)},
    {"kamailio_misc_sip/sg.sip", R(NONE)},
    {"kamailio_misc_sip/short_nonce.sip", R(UNENDED)},
    {"sip-message-examples/200ok.sip", R(RESPONSE)},
    {"sip-message-examples/invite.sip", R(CONTENT_LENGTH)},
    {"sip-message-examples/invite-tls.sip", R(CONTENT_LENGTH)},
    {"sip-message-examples/options-carriage-return.sip", R(UNENDED)},
    {"sip-message-examples/siprec.sip", R(CONTENT_LENGTH)},
    {"sip-message-examples/siprec3.sip", R(CONTENT_LENGTH)},
#undef R
};

static enum tally_sip_reject parse_file(const char *path)
{
    static char bytes[TALLY_SIP_DATAGRAM_BYTES_MAX];
    char whole_path[256];
    FILE *file;
    size_t size;

    (void)snprintf(whole_path, sizeof(whole_path), DATA "torture/%s", path);
    file = fopen(whole_path, "rb");
    if (file == NULL) {
        fail_msg("%s cannot be opened", whole_path);
    }
    size = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    return tally_sip_parse(bytes, size, &request);
}

static void each_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        enum tally_sip_reject got = parse_file(files[i].path);

        if (got != files[i].want) {
            fail_msg("%s: %s instead of %s", files[i].path, tally_sip_reject_name(got),
                     tally_sip_reject_name(files[i].want));
        }
    }
}

static bool is_text(struct tally_sip_text text, const char *want)
{
    return text.size == strlen(want) && (text.size == 0 || memcmp(text.at, want, text.size) == 0);
}

static void what_the_tortured_say(void **state)
{
    (void)state;
    (void)parse_file("rfc4475/valid_wsinv.dat");
    assert_int_equal(request.method, TALLY_SIP_INVITE);
    assert_int_equal(request.cseq, 9);
    assert_int_equal(request.via_count, 2);
    assert_true(is_text(request.to_tag, "1918181833n") && is_text(request.from_tag, "98asjd8"));
    assert_true(is_text(request.from.user, "jdrosen") && is_text(request.to.user, "vivekg"));
    assert_true(is_text(request.via.host, "192.0.2.2") && is_text(request.via.branch, "390skdjuw"));
    assert_int_equal(request.content_bytes, 150);

    (void)parse_file("rfc4475/valid_intmeth.dat");
    assert_int_equal(request.method, TALLY_SIP_OTHER);
    assert_true(is_text(request.from.user, "mundane"));
    assert_true(is_text(request.from_tag, "_token~1'+`*%!-."));
    assert_true(is_text(request.call_id, "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"));

    (void)parse_file("rfc4475/valid_semiuri.dat");
    assert_true(is_text(request.uri.user, "user"));
    assert_true(is_text(request.uri.user_params, ";par=u%40example.net"));

    (void)parse_file("rfc4475/valid_lwsdisp.dat");
    assert_true(is_text(request.from.user, "caller") && is_text(request.from_tag, "323"));

    (void)parse_file("rfc5118/port-ambiguous");
    assert_true(is_text(request.uri.host, "2001:db8::10:5070"));
    assert_int_equal(request.uri.port, 0);
    (void)parse_file("rfc5118/port-unambiguous");
    assert_int_equal(request.uri.port, 5070);
}

/* With how many requests are rejected, and why. */
static const struct {
    const char *name;
    unsigned rejected_count;
} captures[] = {
    {"sipnab_register-invite-reinvite-bye.pcap", 0},
    {"voipshark_srtp.pcap", 0},
    {"ndpi_fax_t38.pcap", 0},
    {"neg_sip_ipv6_udp.pcap", 3}, /* IPv6 without brackets in Via: where does the port begin? */
    {"heplify_ipip0.pcap", 0},
    {"profuzz_sip-1.pcap", 0},
    {"suri_sip-sdp.pcap", 1}, /* From: \"x\" <...>, a quoted-pair outside of quotes */
    {"sipnab_sip-proxy.pcap", 0},
};

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One line of tshark: payload, method, Call-ID, From user, To user; a tab between each. */
static bool agree(char *line, const char *capture)
{
    static char bytes[TALLY_SIP_DATAGRAM_BYTES_MAX];
    const char *fields[5] = {NULL};
    size_t size = 0, count = 0;

    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at != NULL && count < 5;) {
        char *tab = strchr(at, '\t');

        fields[count++] = at;
        if (tab != NULL) {
            *tab++ = '\0';
        }
        at = tab;
    }
    assert_int_equal(count, 5);
    for (const char *at = fields[0]; hex_of(at[0]) >= 0 && hex_of(at[1]) >= 0; at += 2) {
        bytes[size++] = (char)(hex_of(at[0]) * 16 + hex_of(at[1]));
    }
    if (tally_sip_parse(bytes, size, &request) != TALLY_SIP_REJECT_NONE) {
        return false;
    }
    if (!is_text(request.method_name, fields[1]) || !is_text(request.call_id, fields[2]) ||
        !is_text(request.from.user, fields[3]) || !is_text(request.to.user, fields[4])) {
        fail_msg("%s: tshark reads another %s with Call-ID %s", capture, fields[1], fields[2]);
    }
    return true;
}

static void as_tshark_reads_it(void **state)
{
    static char line[4 * TALLY_SIP_DATAGRAM_BYTES_MAX];
    unsigned read_count = 0;
    char command[512];

    (void)state;
    for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++) {
        unsigned rejected_count = 0;
        FILE *tshark;

        (void)snprintf(command, sizeof(command),
                       "tshark -r " DATA "sip_pcap/%s -Y 'sip.Request-Line && udp && !icmp && "
                       "!_ws.malformed' -T fields -E occurrence=l -e udp.payload -e sip.Method "
                       "-e sip.Call-ID -e sip.from.user -e sip.to.user 2>/dev/null",
                       captures[i].name);
        tshark = popen(command, "r");
        assert_non_null(tshark);
        while (fgets(line, sizeof(line), tshark) != NULL) {
            if (agree(line, captures[i].name)) {
                read_count++;
            } else {
                rejected_count++;
            }
        }
        assert_int_equal(rejected_count, captures[i].rejected_count);
        assert_int_equal(pclose(tshark), 0);
    }
    (void)printf("%u requests read as tshark does\n", read_count);
    assert_true(read_count >= 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file),
        cmocka_unit_test(what_the_tortured_say),
        cmocka_unit_test(as_tshark_reads_it),
    };

    if (access(DATA "torture", R_OK) != 0 || access(DATA "sip_pcap", R_OK) != 0) {
        (void)printf("SKIP: " DATA "torture and sip_pcap are not there\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
