/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h - one datagram read as a SIP request (RFC 3261), as far as a verdict needs it.
 *
 * One pass over the headers, none over the body. What the answer must echo and what the numbers
 * hang on is checked; everything else is stepped over. The result points into the datagram.
 *
 * Pure. Threads: safe. Memory: borrows the datagram until the request is dropped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_SIP_DATAGRAM_BYTES_MAX = 65535,
    TALLY_SIP_HEADERS_MAX = 256, /* header lines */
    TALLY_SIP_VIA_MAX = 70, /* Via lines: no request lives through more hops (RFC 3261, 8.1.1.6) */
    TALLY_SIP_ASSERTED_MAX = 4, /* P-Asserted-Identity values; RFC 3325 knows two */
};

/* X(name, sentence) */
#define TALLY_SIP_REJECT_TABLE(X)                                                                  \
    X(NONE, "accepted")                                                                            \
    X(EMPTY, "nothing but line ends: a keep-alive")                                                \
    X(LONG, "longer than a datagram can be")                                                       \
    X(RESPONSE, "a response, not a request")                                                       \
    X(START_LINE, "the first line is not: method, space, URI, space, version")                     \
    X(URI, "the request-URI holds a character that no URI holds")                                  \
    X(VERSION, "not SIP/2.0")                                                                      \
    X(LINE, "a header line without name and colon")                                                \
    X(UNENDED, "the headers do not end with an empty line")                                        \
    X(HEADERS, "too many header lines")                                                            \
    X(VIA_MISSING, "no Via")                                                                       \
    X(VIA, "the topmost Via cannot be read")                                                       \
    X(VIA_COUNT, "too many Via lines")                                                             \
    X(FROM_MISSING, "no From")                                                                     \
    X(FROM, "From cannot be read")                                                                 \
    X(TO_MISSING, "no To")                                                                         \
    X(TO, "To cannot be read")                                                                     \
    X(CALL_ID_MISSING, "no Call-ID")                                                               \
    X(CALL_ID, "Call-ID is empty or has a space in it")                                            \
    X(CSEQ_MISSING, "no CSeq")                                                                     \
    X(CSEQ, "CSeq is not a number below 2^31 and a method")                                        \
    X(CSEQ_METHOD, "CSeq names another method than the first line")                                \
    X(TWICE, "From, To, Call-ID or CSeq is there twice")                                           \
    X(CONTENT_LENGTH, "Content-Length is no number, contradicts itself or exceeds the datagram")

enum tally_sip_reject {
#define TALLY_ENUM(name, sentence) TALLY_SIP_REJECT_##name,
    TALLY_SIP_REJECT_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_SIP_REJECT_COUNT
};

/* "FROM", "From cannot be read"; "?" outside the enum. Never NULL. */
const char *tally_sip_reject_name(enum tally_sip_reject reject);
const char *tally_sip_reject_sentence(enum tally_sip_reject reject);

/* Bytes of the datagram, not NUL-terminated. at is NULL, size 0 for what is not there. */
struct tally_sip_text {
    const char *at;
    size_t size;
};

enum tally_sip_method {
    TALLY_SIP_OTHER,
    TALLY_SIP_INVITE,
    TALLY_SIP_ACK,
    TALLY_SIP_CANCEL,
    TALLY_SIP_OPTIONS,
    TALLY_SIP_METHOD_COUNT
};

enum tally_sip_scheme {
    TALLY_SIP_SCHEME_NONE,       /* no URI there */
    TALLY_SIP_SCHEME_UNREADABLE, /* bytes that make no URI */
    TALLY_SIP_SCHEME_OTHER,      /* a URI of a scheme unknown here */
    TALLY_SIP_SCHEME_SIP,        /* sip: or sips: */
    TALLY_SIP_SCHEME_TEL,
    TALLY_SIP_SCHEME_URN,
    TALLY_SIP_SCHEME_COUNT
};

struct tally_sip_uri {
    enum tally_sip_scheme scheme;
    uint16_t port;              /* sip; 0: none */
    struct tally_sip_text user; /* sip: the user, tel: the number; escapes not undone */
    struct tally_sip_text
        user_params;            /* ";tgrp=..;phone-context=.." of the user (RFC 4904, 3966) */
    struct tally_sip_text host; /* sip; without brackets */
    struct tally_sip_text rest; /* urn: what follows "urn:" */
};

struct tally_sip_via {
    struct tally_sip_text line;     /* the whole value of the first Via header */
    struct tally_sip_text host;     /* sent-by, without brackets */
    uint16_t port;                  /* sent-by; 0: none */
    struct tally_sip_text branch;   /* may be empty */
    struct tally_sip_text received; /* value, when the sender put one in */
    struct tally_sip_text rport;    /* the name "rport", when it is there without a value */
    const char *value_end;          /* where the first value in the line ends */
};

struct tally_sip_request {
    enum tally_sip_method method;
    struct tally_sip_text method_name;
    struct tally_sip_text uri_text;
    struct tally_sip_uri uri;
    struct tally_sip_via via;
    struct tally_sip_text from_text, to_text; /* whole values, to be echoed */
    struct tally_sip_uri from, to;
    struct tally_sip_text from_tag, to_tag;
    struct tally_sip_text call_id;
    struct tally_sip_text cseq_text;
    uint32_t cseq;
    uint32_t content_bytes; /* 0 when no Content-Length tells */
    bool has_content_length;
    bool is_private;   /* Privacy: id, user or header */
    bool has_priority; /* Resource-Priority */
    bool
        has_emergency_mark; /* Resource-Priority esnet (RFC 7135), Priority: psap-callback (7090) */
    bool has_bad_asserted;  /* a P-Asserted-Identity that could not be read, or too many */
    uint8_t asserted_count;
    uint8_t via_count;
    uint16_t diversion_count; /* RFC 5806; 0 when one of them cannot be read */
    uint16_t history_count;   /* RFC 7044; 0 when one of them cannot be read */
    /* From here on only what the counts say is set. */
    struct tally_sip_uri diversion_newest, diversion_oldest; /* if diversion_count > 0 */
    struct tally_sip_uri history_first;                      /* if history_count > 0 */
    struct tally_sip_uri history_before_last;                /* if history_count > 1 */
    struct tally_sip_uri asserted[TALLY_SIP_ASSERTED_MAX];   /* asserted_count of them are set */
    struct tally_sip_text vias[TALLY_SIP_VIA_MAX];           /* via_count of them are set */
};

/*
 * Reads one request.
 *
 * bytes      need no terminator; 0 to any size.
 * request    written in every case; to be looked at only when the result is TALLY_SIP_REJECT_NONE.
 */
enum tally_sip_reject tally_sip_parse(const void *bytes, size_t size,
                                      struct tally_sip_request *request);

/*
 * The value of a parameter in a text like ";name=value;name", as user_params is. False when it is
 * not there. name is in lower case.
 */
bool tally_sip_find_param(struct tally_sip_text params, const char *name,
                          struct tally_sip_text *value);
