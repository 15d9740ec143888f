/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reading an INVITE costs: CPU time per request, the scanner alone and with the event made.
 * The goal is 300 ns for 1.7 kB. Run a Release build.
 */
#include "adapters/sip/call.h"
#include "adapters/sip/parse.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 200000, REPEATS = 5 };

/* Headers as a session border controller sends them between two networks. */
static const char head[] =
    "INVITE sip:+390612345678@ic.example.net:5060;user=phone SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-524287-1---a1b2c3d4e5f60718;rport\r\n"
    "Max-Forwards: 68\r\n"
    "Contact: <sip:+442071838750@192.0.2.1:5060;transport=udp>\r\n"
    "To: <sip:+390612345678@ic.example.net;user=phone>\r\n"
    "From: \"+442071838750\" <sip:+442071838750@op.example.com;user=phone>;tag=7ae13f2b\r\n"
    "Call-ID: 86895YTZlOGM1ZDFhMzEzMzJjZDI5ZmQ2NTc3@192.0.2.1\r\n"
    "CSeq: 1 INVITE\r\n"
    "Session-Expires: 1800;refresher=uac\r\n"
    "Min-SE: 90\r\n"
    "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, PRACK, INFO\r\n"
    "Supported: timer, 100rel, replaces, histinfo\r\n"
    "User-Agent: SBC/9.1.0\r\n"
    "P-Asserted-Identity: <sip:+442071838750@op.example.com;user=phone>, <tel:+442071838750>\r\n"
    "P-Charging-Vector: icid-value=1a2b3c4d5e6f;orig-ioi=op.example.com\r\n"
    "Privacy: none\r\n"
    "Accept: application/sdp, application/isup\r\n"
    "Date: Sat, 21 Nov 2026 20:00:00 GMT\r\n"
    "Content-Type: application/sdp\r\n";
static const char body[] =
    "v=0\r\no=- 13760799956958020 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 49170 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

static double cpu_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Two further headers make the size: a signed identity, as STIR sends it. */
static int make(char *text, size_t text_bytes, int identity_bytes)
{
    static char identity[1024];

    memset(identity, 'A', sizeof(identity));
    return snprintf(text, text_bytes,
                    "%sIdentity: %.*s;info=<https://cert.example/x.pem>;alg=ES256;ppt=shaken\r\n"
                    "Content-Length: %zu\r\n\r\n%s",
                    head, identity_bytes, identity, sizeof(body) - 1, body);
}

int main(void)
{
    static struct tally_sip_request request;
    static char text[4096];
    static const struct tally_sip_trunk trunk = {.side = TALLY_SIDE_TERMINATING};
    static const struct tally_hash_key key = {1, 2};
    int size = make(text, sizeof(text), 0);
    double parse_ns = 1e12, whole_ns = 1e12;
    struct tally_event event;

    size = make(text, sizeof(text), size < 1700 ? 1700 - size : 0);
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        double start = cpu_ns(), middle, end;
        unsigned good = 0;

        for (int i = 0; i < ROUNDS; i++) {
            good += tally_sip_parse(text, (size_t)size, &request) == TALLY_SIP_REJECT_NONE;
        }
        middle = cpu_ns();
        for (int i = 0; i < ROUNDS; i++) {
            good += tally_sip_parse(text, (size_t)size, &request) == TALLY_SIP_REJECT_NONE &&
                    tally_sip_call_of(&trunk, &request, (struct tally_wall){1}, &key, &event) ==
                        TALLY_SIP_CALLED_NUMBER;
        }
        end = cpu_ns();
        if (good != 2 * ROUNDS) {
            (void)fprintf(stderr, "the INVITE is not read\n");
            return 1;
        }
        parse_ns = middle - start < parse_ns * ROUNDS ? (middle - start) / ROUNDS : parse_ns;
        whole_ns = end - middle < whole_ns * ROUNDS ? (end - middle) / ROUNDS : whole_ns;
    }
    (void)printf("sip_parse bytes=%d parse_ns=%.0f with_event_ns=%.0f\n", size, parse_ns, whole_ns);
    return 0;
}
