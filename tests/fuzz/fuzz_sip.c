/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no datagram makes the SIP scanner, the event or the answer read beyond it, and nothing in a
 * request can begin a header of its own in an answer.
 * Method: the input is one datagram. Every text of an accepted request must lie inside it; its
 * answers must read as lines that begin with the headers we write, in our order, and no others.
 */
#include "adapters/sip/call.h"
#include "adapters/sip/parse.h"
#include "adapters/sip/respond.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct tally_sip_trunk trunk = {
    .side = TALLY_SIDE_BOTH,
    .plan =
        {
            .country_code = 39,
            .international_prefixes = {"00"},
            .bare = TALLY_NUMBER_BARE_NATIONAL,
        },
    .emergency = {"112"},
    .emergency_count = 1,
};

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void inside(struct tally_sip_text text, const char *bytes, size_t size)
{
    must(text.at == NULL ? text.size == 0
                         : text.at >= bytes && text.size <= size &&
                               (size_t)(text.at - bytes) <= size - text.size);
}

static void uri_inside(const struct tally_sip_uri *uri, const char *bytes, size_t size)
{
    inside(uri->user, bytes, size);
    inside(uri->user_params, bytes, size);
    inside(uri->host, bytes, size);
    inside(uri->rest, bytes, size);
}

static void check_request(const struct tally_sip_request *request, const char *bytes, size_t size)
{
    inside(request->method_name, bytes, size);
    inside(request->uri_text, bytes, size);
    inside(request->via.line, bytes, size);
    inside(request->via.host, bytes, size);
    inside(request->via.branch, bytes, size);
    inside(request->via.received, bytes, size);
    inside(request->via.rport, bytes, size);
    must(request->via.value_end >= request->via.line.at &&
         request->via.value_end <= request->via.line.at + request->via.line.size);
    inside(request->from_text, bytes, size);
    inside(request->to_text, bytes, size);
    inside(request->from_tag, bytes, size);
    inside(request->to_tag, bytes, size);
    inside(request->call_id, bytes, size);
    inside(request->cseq_text, bytes, size);
    must(request->via_count > 0 && request->via_count <= TALLY_SIP_VIA_MAX);
    must(request->asserted_count <= TALLY_SIP_ASSERTED_MAX);
    must(request->content_bytes <= size && request->call_id.size > 0);
    for (uint8_t i = 0; i < request->via_count; i++) {
        inside(request->vias[i], bytes, size);
    }
    for (uint8_t i = 0; i < request->asserted_count; i++) {
        uri_inside(&request->asserted[i], bytes, size);
    }
    uri_inside(&request->uri, bytes, size);
    uri_inside(&request->from, bytes, size);
    uri_inside(&request->to, bytes, size);
    if (request->diversion_count > 0) {
        uri_inside(&request->diversion_newest, bytes, size);
        uri_inside(&request->diversion_oldest, bytes, size);
    }
    if (request->history_count > 1) {
        uri_inside(&request->history_first, bytes, size);
        uri_inside(&request->history_before_last, bytes, size);
    }
}

/* Every line of the answer, each ended by CRLF, begins with a word that we put there. */
static void check_answer(const char *text, size_t size)
{
    static const char *const heads[] = {
        "SIP/2.0 ", "Via: ",   "From: ",     "To: ",     "Call-ID: ",
        "CSeq: ",   "Allow: ", "Contact: <", "Reason: ", "Content-Length: 0\r\n\r\n"};
    size_t head = 0;

    while (size > 0) {
        const char *end = memchr(text, '\n', size);

        if (end == NULL || end == text) {
            abort();
        }
        must(end[-1] == '\r');
        must(memchr(text, '\r', size) == end - 1);
        if (end == text + 1) {
            must(size == 2);
            return;
        }
        while (head < 10 && (size < strlen(heads[head]) ||
                             memcmp(text, heads[head], strlen(heads[head])) != 0)) {
            head++;
        }
        must(head < 10);
        size -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    abort(); /* no empty line */
}

static void answer_all(const struct tally_sip_request *request)
{
    static const struct tally_sip_address source = {4, {192, 0, 2, 1}, 5060};
    static char echo_bytes[TALLY_SIP_ECHO_BYTES_MAX];
    static char bytes[TALLY_SIP_RESPONSE_BYTES_MAX];
    struct tally_sip_text echo = {echo_bytes, 0};

    echo.size = tally_sip_echo(request, &source, 1, echo_bytes, sizeof(echo_bytes));
    must(tally_sip_reply_to(request, &source).ip_bytes == 4);
    if (echo.size == 0) {
        return;
    }
    for (int kind = TALLY_SIP_ANSWER_TRYING; kind <= TALLY_SIP_ANSWER_UNAVAILABLE; kind++) {
        static const uint16_t codes[] = {302, 404, 480, 503};

        for (int i = 0; i < TALLY_ACTION_COUNT; i++) {
            struct tally_sip_wording wording = {
                .allow_code = codes[i % 4],
                .profile = i % 2 == 0 ? TALLY_SIP_PROFILE_603 : TALLY_SIP_PROFILE_603PLUS,
                .redress = "https://redress.example/",
            };
            struct tally_sip_answer answer = {
                .kind = (enum tally_sip_answer_kind)kind,
                .action = (enum tally_action)i,
                .verdict = (enum tally_verdict)(i * 2),
                .displayed = 390612345678,
            };
            size_t size;

            size =
                tally_sip_respond(&wording, &answer, echo, request->uri_text, bytes, sizeof(bytes));
            if (size > 0) {
                check_answer(bytes, size);
            }
            wording.allow_code = 302;
            size =
                tally_sip_respond(&wording, &answer, echo, request->uri_text, bytes, sizeof(bytes));
            if (size > 0) {
                check_answer(bytes, size);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct tally_hash_key key = {1, 2};
    static struct tally_sip_request request;
    struct tally_event event;
    enum tally_sip_reject reject = tally_sip_parse(bytes, size, &request);

    must(strcmp(tally_sip_reject_name(reject), "?") != 0);
    must(tally_sip_reject_sentence(reject)[0] != '?');
    if (reject != TALLY_SIP_REJECT_NONE) {
        return 0;
    }
    check_request(&request, (const char *)bytes, size);
    if (tally_sip_call_of(&trunk, &request, (struct tally_wall){1}, &key, &event) ==
        TALLY_SIP_CALLED_NUMBER) {
        must(event.b_number != 0 && event.leg_key != 0);
        must((event.flags & ~(uint32_t)TALLY_EVENT_FLAGS_ALL) == 0);
    }
    answer_all(&request);
    return 0;
}
