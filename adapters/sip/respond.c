/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/respond.h"

#include "adapters/sip/lex.h"
#include "base/assert.h"
#include "tally/e164.h"

#include <stdio.h>
#include <string.h>

enum { PORT_DEFAULT = 5060, CAUSE_CALL_REJECTED = 21 };

#define ALLOW_HEADER "Allow: INVITE, ACK, CANCEL, OPTIONS\r\n"

/* A text being written; is_full is sticky. */
struct out {
    char *bytes;
    size_t size;
    size_t count;
    bool is_full;
};

static void put_bytes(struct out *out, const char *bytes, size_t count)
{
    if (out->is_full || count > out->size - out->count) {
        out->is_full = true;
        return;
    }
    memcpy(out->bytes + out->count, bytes, count);
    out->count += count;
}

static void put(struct out *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

/* As it came, but in one line: nothing that we echo may begin a header of its own. */
static void put_unfolded(struct out *out, const char *from, const char *to)
{
    size_t start = out->count;

    put_bytes(out, from, (size_t)(to - from));
    for (size_t i = start; i < out->count; i++) {
        if (out->bytes[i] == '\r' || out->bytes[i] == '\n') {
            out->bytes[i] = ' ';
        }
    }
}

static void put_number(struct out *out, unsigned value)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%u", value);
    put(out, text);
}

static void put_header(struct out *out, const char *name, struct tally_sip_text value)
{
    put(out, name);
    put(out, ": ");
    put_unfolded(out, value.at, value.at + value.size);
    put(out, "\r\n");
}

/* The topmost Via, with what the sender cannot know himself: where his request came from. */
static void put_top_via(struct out *out, const struct tally_sip_via *via,
                        const struct tally_sip_address *source)
{
    const char *at = via->line.at;
    char ip[TALLY_SIP_IP_TEXT_BYTES];

    tally_sip_ip_format(source, ip);
    put(out, "Via: ");
    if (via->rport.at != NULL && (via->received.at == NULL || via->rport.at < via->received.at)) {
        put_unfolded(out, at, via->rport.at + via->rport.size);
        put(out, "=");
        put_number(out, source->port);
        at = via->rport.at + via->rport.size;
    }
    if (via->received.at != NULL && via->received.size > 0) {
        put_unfolded(out, at, via->received.at);
        put(out, ip);
        at = via->received.at + via->received.size;
        if (via->rport.at != NULL && via->rport.at > at) {
            put_unfolded(out, at, via->rport.at + via->rport.size);
            put(out, "=");
            put_number(out, source->port);
            at = via->rport.at + via->rport.size;
        }
        put_unfolded(out, at, via->value_end);
    } else {
        put_unfolded(out, at, via->value_end);
        put(out, ";received=");
        put(out, ip);
    }
    put_unfolded(out, via->value_end, via->line.at + via->line.size);
    put(out, "\r\n");
}

size_t tally_sip_echo(const struct tally_sip_request *request,
                      const struct tally_sip_address *source, uint64_t to_tag, char *bytes,
                      size_t bytes_max)
{
    struct out out = {.bytes = bytes, .size = bytes_max};
    char tag[24];

    put_top_via(&out, &request->via, source);
    for (uint8_t i = 1; i < request->via_count; i++) {
        put_header(&out, "Via", request->vias[i]);
    }
    put_header(&out, "From", request->from_text);
    put(&out, "To: ");
    put_unfolded(&out, request->to_text.at, request->to_text.at + request->to_text.size);
    if (request->to_tag.at == NULL) {
        (void)snprintf(tag, sizeof(tag), ";tag=%016llx", (unsigned long long)to_tag);
        put(&out, tag);
    }
    put(&out, "\r\n");
    put_header(&out, "Call-ID", request->call_id);
    put_header(&out, "CSeq", request->cseq_text);
    return out.is_full ? 0 : out.count;
}

static const char *allow_phrase(uint16_t code)
{
    switch (code) {
    case 302:
        return "302 Moved Temporarily";
    case 404:
        return "404 Not Found";
    case 480:
        return "480 Temporarily Unavailable";
    default:
        return "503 Service Unavailable";
    }
}

static const char *status_of(const struct tally_sip_wording *wording,
                             enum tally_sip_answer_kind kind)
{
    switch (kind) {
    case TALLY_SIP_ANSWER_NONE:
        break;
    case TALLY_SIP_ANSWER_TRYING:
        return "100 Trying";
    case TALLY_SIP_ANSWER_ALLOW:
        return allow_phrase(wording->allow_code);
    case TALLY_SIP_ANSWER_BLOCK:
        return wording->profile == TALLY_SIP_PROFILE_603PLUS ? "603 Network Blocked"
                                                             : "603 Decline";
    case TALLY_SIP_ANSWER_OK:
        return "200 OK";
    case TALLY_SIP_ANSWER_FORBIDDEN:
        return "403 Forbidden";
    case TALLY_SIP_ANSWER_METHOD:
        return "405 Method Not Allowed";
    case TALLY_SIP_ANSWER_NO_CALL:
        return "481 Call/Transaction Does Not Exist";
    case TALLY_SIP_ANSWER_CANCELLED:
        return "487 Request Terminated";
    case TALLY_SIP_ANSWER_UNAVAILABLE:
        return "503 Service Unavailable";
    }
    TALLY_ASSERT(kind != TALLY_SIP_ANSWER_NONE);
    return "";
}

/* 3GPP TS 24.229 section 7.2A.20. */
static const char *verstat_of(enum tally_verdict verdict)
{
    switch (verdict) {
    case TALLY_VERDICT_VALID:
    case TALLY_VERDICT_VALID_DIVERTED:
        return "TN-Validation-Passed";
    case TALLY_VERDICT_CLI_REUSED:
    case TALLY_VERDICT_CLI_SPOOFED:
    case TALLY_VERDICT_CLI_INVALID:
        return "TN-Validation-Failed";
    case TALLY_VERDICT_INDETERMINATE:
    case TALLY_VERDICT_UNVERIFIABLE:
    case TALLY_VERDICT_PRESENTED_UNVERIFIED:
    case TALLY_VERDICT_EXEMPT:
    case TALLY_VERDICT_COUNT:
        break;
    }
    return "No-TN-Validation";
}

/* The target as it came; a label or a withheld CLI rides as a header in the URI (RFC 3261, 19.1.1).
 */
static void put_contact(struct out *out, const struct tally_sip_answer *answer,
                        struct tally_sip_text uri)
{
    const char *joint = memchr(uri.at, '?', uri.size) == NULL ? "?" : "&";
    char number[TALLY_E164_TEXT_BYTES];

    put(out, "Contact: <");
    put_bytes(out, uri.at, uri.size);
    if (answer->action == TALLY_ACTION_LABEL && answer->displayed != 0) {
        (void)tally_e164_format(answer->displayed, number);
        put(out, joint);
        put(out, "P-Asserted-Identity=%3Ctel:%2B");
        put(out, number + 1);
        put(out, "%3Bverstat=");
        put(out, verstat_of(answer->verdict));
        put(out, "%3E");
    } else if (answer->action == TALLY_ACTION_STRIP_CLI) {
        put(out, joint);
        put(out, "Privacy=id");
    }
    put(out, ">\r\n");
}

static void put_reasons(struct out *out, const struct tally_sip_wording *wording,
                        const struct tally_sip_answer *answer)
{
    static const char *const locations[TALLY_SIP_LOCATION_COUNT] = {"LN", "TN", "RLN", "LPN",
                                                                    "RPN"};
    char id[TALLY_VERDICT_ID_TEXT_BYTES];
    unsigned cause = answer->cause == 0 ? CAUSE_CALL_REJECTED : answer->cause;

    tally_verdict_id_format(answer->verdict_id, id);
    put(out, "Reason: Q.850;cause=");
    put_number(out, cause);
    put(out, cause == CAUSE_CALL_REJECTED ? ";text=\"call rejected\"\r\n" : "\r\n");
    put(out, "Reason: SIP;cause=603;text=\"");
    if (wording->profile == TALLY_SIP_PROFILE_603PLUS) {
        put(out, "v=analytics1;url=");
        put(out, wording->redress);
        put(out, id);
        put(out, "\";location=");
        put(out, locations[wording->location]);
        put(out, "\r\n");
    } else {
        put(out, id);
        put(out, "\"\r\n");
    }
}

size_t tally_sip_respond(const struct tally_sip_wording *wording,
                         const struct tally_sip_answer *answer, struct tally_sip_text echo,
                         struct tally_sip_text uri, char *bytes, size_t bytes_max)
{
    struct out out = {.bytes = bytes, .size = bytes_max};

    put(&out, "SIP/2.0 ");
    put(&out, status_of(wording, answer->kind));
    put(&out, "\r\n");
    put_bytes(&out, echo.at, echo.size);
    if (answer->kind == TALLY_SIP_ANSWER_ALLOW && wording->allow_code == 302) {
        put_contact(&out, answer, uri);
    } else if (answer->kind == TALLY_SIP_ANSWER_BLOCK) {
        put_reasons(&out, wording, answer);
    } else if (answer->kind == TALLY_SIP_ANSWER_OK || answer->kind == TALLY_SIP_ANSWER_METHOD) {
        put(&out, ALLOW_HEADER);
    }
    put(&out, "Content-Length: 0\r\n\r\n");
    return out.is_full ? 0 : out.count;
}

struct tally_sip_address tally_sip_reply_to(const struct tally_sip_request *request,
                                            const struct tally_sip_address *source)
{
    struct tally_sip_address to = *source;

    if (request->via.rport.at == NULL) {
        to.port = request->via.port != 0 ? request->via.port : PORT_DEFAULT;
    }
    return to;
}
