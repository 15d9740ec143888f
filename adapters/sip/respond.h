/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respond.h - SIP responses, written.
 *
 * A response is a status line, the headers that echo the request (the "echo": Via, From, To,
 * Call-ID, CSeq; RFC 3261 section 8.2.6.2), and what the answer adds. The echo is made once, when
 * the request is there; any response can be written from it later.
 *
 * Pure but for inet_ntop. Threads: safe. Memory: the caller's.
 */
#pragma once

#include "adapters/sip/address.h"
#include "adapters/sip/parse.h"
#include "tally/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_SIP_ECHO_BYTES_MAX = 12288,
    TALLY_SIP_RESPONSE_BYTES_MAX = 16384,
    TALLY_SIP_REDRESS_BYTES = 200, /* with NUL */
};

/* How a refusal is worded. */
enum tally_sip_profile {
    TALLY_SIP_PROFILE_603,     /* 603 Decline, with the verdict's id in the Reason */
    TALLY_SIP_PROFILE_603PLUS, /* 603 Network Blocked, ATIS-1000099 */
    TALLY_SIP_PROFILE_COUNT
};

/* Who blocked, as ATIS-1000099 says it: the location parameter. */
enum tally_sip_location {
    TALLY_SIP_LOCATION_LN,
    TALLY_SIP_LOCATION_TN,
    TALLY_SIP_LOCATION_RLN,
    TALLY_SIP_LOCATION_LPN,
    TALLY_SIP_LOCATION_RPN,
    TALLY_SIP_LOCATION_COUNT
};

struct tally_sip_wording {
    uint16_t allow_code; /* 302, 404, 480 or 503: what the switch takes as "go on" */
    enum tally_sip_profile profile;
    enum tally_sip_location location;      /* 603PLUS */
    char redress[TALLY_SIP_REDRESS_BYTES]; /* 603PLUS: a URL; the verdict's id is put behind it */
};

enum tally_sip_answer_kind {
    TALLY_SIP_ANSWER_NONE,
    TALLY_SIP_ANSWER_TRYING,
    TALLY_SIP_ANSWER_ALLOW,
    TALLY_SIP_ANSWER_BLOCK,
    TALLY_SIP_ANSWER_OK,          /* OPTIONS, CANCEL */
    TALLY_SIP_ANSWER_FORBIDDEN,   /* 403 */
    TALLY_SIP_ANSWER_METHOD,      /* 405 */
    TALLY_SIP_ANSWER_NO_CALL,     /* 481 */
    TALLY_SIP_ANSWER_CANCELLED,   /* 487 */
    TALLY_SIP_ANSWER_UNAVAILABLE, /* 503 */
};

/* Everything that decides how an answer reads, besides the echo. */
struct tally_sip_answer {
    enum tally_sip_answer_kind kind;
    enum tally_action action; /* ALLOW: also LABEL and STRIP_CLI, which a 302 can carry */
    enum tally_verdict verdict;
    uint8_t cause;       /* BLOCK: Q.850; 0: 21 */
    uint64_t verdict_id; /* BLOCK */
    uint64_t displayed;  /* LABEL: the number to be labelled; 0: none */
};

/*
 * Writes the echo, with CRLF at each end of line. Line breaks inside a header (folding) become
 * spaces. The topmost Via gets `received`, and `rport` its value if it asked (RFC 3581).
 *
 * to_tag    put behind To when the request has no tag there.
 * Returns the size, 0 when it does not fit.
 */
size_t tally_sip_echo(const struct tally_sip_request *request,
                      const struct tally_sip_address *source, uint64_t to_tag, char *bytes,
                      size_t bytes_max);

/*
 * Writes a response. uri is the request-URI, for the Contact of a 302.
 *
 * Returns the size, 0 when it does not fit.
 */
size_t tally_sip_respond(const struct tally_sip_wording *wording,
                         const struct tally_sip_answer *answer, struct tally_sip_text echo,
                         struct tally_sip_text uri, char *bytes, size_t bytes_max);

/* Where the response goes: RFC 3261 section 18.2.2 and RFC 3581. */
struct tally_sip_address tally_sip_reply_to(const struct tally_sip_request *request,
                                            const struct tally_sip_address *source);
