/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/headers.h"

#include "adapters/sip/lex.h"

enum header {
    HEADER_OTHER,
    HEADER_VIA,
    HEADER_FROM,
    HEADER_TO,
    HEADER_CALL_ID,
    HEADER_CSEQ,
    HEADER_CONTENT_LENGTH,
    HEADER_ASSERTED,
    HEADER_PRIVACY,
    HEADER_DIVERSION,
    HEADER_HISTORY,
    HEADER_RESOURCE_PRIORITY,
    HEADER_PRIORITY,
};

static enum header compact_header(char c)
{
    switch (c | 0x20) {
    case 'v':
        return HEADER_VIA;
    case 'f':
        return HEADER_FROM;
    case 't':
        return HEADER_TO;
    case 'i':
        return HEADER_CALL_ID;
    case 'l':
        return HEADER_CONTENT_LENGTH;
    default:
        return HEADER_OTHER;
    }
}

/* The length decides first: of the twenty headers of an INVITE most are told apart by it alone. */
static enum header header_of(struct tally_sip_text name)
{
    switch (name.size) {
    case 1:
        return compact_header(name.at[0]);
    case 2:
        return TALLY_SIP_IS_WORD(name, "to") ? HEADER_TO : HEADER_OTHER;
    case 3:
        return TALLY_SIP_IS_WORD(name, "via") ? HEADER_VIA : HEADER_OTHER;
    case 4:
        if (TALLY_SIP_IS_WORD(name, "from")) {
            return HEADER_FROM;
        }
        return TALLY_SIP_IS_WORD(name, "cseq") ? HEADER_CSEQ : HEADER_OTHER;
    case 7:
        if (TALLY_SIP_IS_WORD(name, "call-id")) {
            return HEADER_CALL_ID;
        }
        return TALLY_SIP_IS_WORD(name, "privacy") ? HEADER_PRIVACY : HEADER_OTHER;
    case 8:
        return TALLY_SIP_IS_WORD(name, "priority") ? HEADER_PRIORITY : HEADER_OTHER;
    case 9:
        return TALLY_SIP_IS_WORD(name, "diversion") ? HEADER_DIVERSION : HEADER_OTHER;
    case 12:
        return TALLY_SIP_IS_WORD(name, "history-info") ? HEADER_HISTORY : HEADER_OTHER;
    case 14:
        return TALLY_SIP_IS_WORD(name, "content-length") ? HEADER_CONTENT_LENGTH : HEADER_OTHER;
    case 17:
        return TALLY_SIP_IS_WORD(name, "resource-priority") ? HEADER_RESOURCE_PRIORITY
                                                            : HEADER_OTHER;
    case 19:
        return TALLY_SIP_IS_WORD(name, "p-asserted-identity") ? HEADER_ASSERTED : HEADER_OTHER;
    default:
        return HEADER_OTHER;
    }
}

/* RFC 3261 section 20.42. */
static bool read_via(struct tally_sip_text line, struct tally_sip_via *via)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(line);
    struct tally_sip_param param;
    struct tally_sip_text word;
    enum tally_sip_step step;

    *via = (struct tally_sip_via){.line = line};
    word = tally_sip_run(&cursor, TALLY_SIP_CLASS_TOKEN);
    tally_sip_skip_space(&cursor);
    if (!TALLY_SIP_IS_WORD(word, "sip") || !tally_sip_take(&cursor, '/')) {
        return false;
    }
    tally_sip_skip_space(&cursor);
    word = tally_sip_run(&cursor, TALLY_SIP_CLASS_TOKEN);
    tally_sip_skip_space(&cursor);
    if (word.size != 3 || memcmp(word.at, "2.0", 3) != 0 || !tally_sip_take(&cursor, '/')) {
        return false;
    }
    tally_sip_skip_space(&cursor);
    word = tally_sip_run(&cursor, TALLY_SIP_CLASS_TOKEN);
    if (word.size == 0 || !tally_sip_is(tally_sip_peek(&cursor), TALLY_SIP_CLASS_SPACE)) {
        return false;
    }
    tally_sip_skip_space(&cursor);
    if (!tally_sip_read_host(&cursor, &via->host, &via->port)) {
        return false;
    }
    for (;;) {
        via->value_end = cursor.at;
        step = tally_sip_next_param(&cursor, &param);
        if (step != TALLY_SIP_STEP_PARAM) {
            return step == TALLY_SIP_STEP_END;
        }
        if (TALLY_SIP_IS_WORD(param.name, "branch")) {
            via->branch = param.value;
        } else if (TALLY_SIP_IS_WORD(param.name, "received")) {
            via->received = param.value;
        } else if (TALLY_SIP_IS_WORD(param.name, "rport") && !param.has_value) {
            via->rport = param.name;
        }
    }
}

static enum tally_sip_reject take_via(struct tally_sip_request *request,
                                      struct tally_sip_text value)
{
    if (request->via_count == TALLY_SIP_VIA_MAX) {
        return TALLY_SIP_REJECT_VIA_COUNT;
    }
    if (request->via_count == 0 && !read_via(value, &request->via)) {
        return TALLY_SIP_REJECT_VIA;
    }
    request->vias[request->via_count++] = value;
    return TALLY_SIP_REJECT_NONE;
}

/* From or To: one address, and a tag among its parameters. */
static bool read_party(struct tally_sip_text value, struct tally_sip_uri *uri,
                       struct tally_sip_text *tag)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(value);
    struct tally_sip_param param;
    enum tally_sip_step step;

    if (!tally_sip_read_address(&cursor, uri)) {
        return false;
    }
    while ((step = tally_sip_next_param(&cursor, &param)) == TALLY_SIP_STEP_PARAM) {
        if (TALLY_SIP_IS_WORD(param.name, "tag")) {
            *tag = param.value;
        }
    }
    return step == TALLY_SIP_STEP_END && tally_sip_at_end(&cursor);
}

static enum tally_sip_reject take_from(struct tally_sip_request *request,
                                       struct tally_sip_text value)
{
    if (request->from_text.at != NULL) {
        return TALLY_SIP_REJECT_TWICE;
    }
    request->from_text = value;
    return read_party(value, &request->from, &request->from_tag) ? TALLY_SIP_REJECT_NONE
                                                                 : TALLY_SIP_REJECT_FROM;
}

static enum tally_sip_reject take_to(struct tally_sip_request *request, struct tally_sip_text value)
{
    if (request->to_text.at != NULL) {
        return TALLY_SIP_REJECT_TWICE;
    }
    request->to_text = value;
    return read_party(value, &request->to, &request->to_tag) ? TALLY_SIP_REJECT_NONE
                                                             : TALLY_SIP_REJECT_TO;
}

static enum tally_sip_reject take_call_id(struct tally_sip_request *request,
                                          struct tally_sip_text value)
{
    if (request->call_id.at != NULL) {
        return TALLY_SIP_REJECT_TWICE;
    }
    request->call_id = value;
    /* A folded value has one of the two as well. */
    if (value.size == 0 || memchr(value.at, ' ', value.size) != NULL ||
        memchr(value.at, '\t', value.size) != NULL) {
        return TALLY_SIP_REJECT_CALL_ID;
    }
    return TALLY_SIP_REJECT_NONE;
}

static enum tally_sip_reject take_cseq(struct tally_sip_request *request,
                                       struct tally_sip_text value)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(value);
    struct tally_sip_text number, method;

    if (request->cseq_text.at != NULL) {
        return TALLY_SIP_REJECT_TWICE;
    }
    request->cseq_text = value;
    number = tally_sip_run(&cursor, TALLY_SIP_CLASS_TOKEN);
    tally_sip_skip_space(&cursor);
    method = tally_sip_run(&cursor, TALLY_SIP_CLASS_TOKEN);
    if (!tally_sip_read_number(number, INT32_MAX, &request->cseq) || method.size == 0 ||
        !tally_sip_at_end(&cursor)) {
        return TALLY_SIP_REJECT_CSEQ;
    }
    if (method.size != request->method_name.size ||
        memcmp(method.at, request->method_name.at, method.size) != 0) {
        return TALLY_SIP_REJECT_CSEQ_METHOD;
    }
    return TALLY_SIP_REJECT_NONE;
}

static enum tally_sip_reject take_content_length(struct tally_sip_request *request,
                                                 struct tally_sip_text value)
{
    uint32_t bytes;

    if (!tally_sip_read_number(value, TALLY_SIP_DATAGRAM_BYTES_MAX, &bytes) ||
        (request->has_content_length && bytes != request->content_bytes)) {
        return TALLY_SIP_REJECT_CONTENT_LENGTH;
    }
    request->has_content_length = true;
    request->content_bytes = bytes;
    return TALLY_SIP_REJECT_NONE;
}

/* Steps over an address' parameters to the next value of the list. False when they do not stand. */
static bool skip_to_next(struct tally_sip_cursor *cursor)
{
    struct tally_sip_param param;
    enum tally_sip_step step;

    do {
        step = tally_sip_next_param(cursor, &param);
    } while (step == TALLY_SIP_STEP_PARAM);
    (void)tally_sip_take(cursor, ',');
    return step == TALLY_SIP_STEP_END;
}

/*
 * An identity that cannot be read is no reason to refuse the call: it is told, and the verdict is
 * made without it.
 */
static void take_asserted(struct tally_sip_request *request, struct tally_sip_text value)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(value);
    struct tally_sip_uri uri;

    do {
        if (!tally_sip_read_address(&cursor, &uri) || !skip_to_next(&cursor) ||
            request->asserted_count == TALLY_SIP_ASSERTED_MAX) {
            request->has_bad_asserted = true;
            return;
        }
        request->asserted[request->asserted_count++] = uri;
    } while (!tally_sip_at_end(&cursor));
}

/* Newest first (RFC 5806 section 9.1). */
static void take_diversion(struct tally_sip_request *request, struct tally_sip_text value)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(value);
    struct tally_sip_uri uri;

    do {
        if (request->diversion_count == TALLY_SIP_COUNT_UNREADABLE ||
            !tally_sip_read_address(&cursor, &uri) || !skip_to_next(&cursor)) {
            request->diversion_count = TALLY_SIP_COUNT_UNREADABLE;
            return;
        }
        if (request->diversion_count++ == 0) {
            request->diversion_newest = uri;
        }
        request->diversion_oldest = uri;
    } while (!tally_sip_at_end(&cursor));
}

/* Oldest first; the last one is where the request is going now (RFC 7044 section 5). */
static void take_history(struct tally_sip_request *request, struct tally_sip_uri *last,
                         struct tally_sip_text value)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(value);
    struct tally_sip_uri uri;

    do {
        if (request->history_count == TALLY_SIP_COUNT_UNREADABLE ||
            !tally_sip_read_address(&cursor, &uri) || !skip_to_next(&cursor)) {
            request->history_count = TALLY_SIP_COUNT_UNREADABLE;
            return;
        }
        if (request->history_count++ == 0) {
            request->history_first = uri;
        }
        request->history_before_last = *last;
        *last = uri;
    } while (!tally_sip_at_end(&cursor));
}

/* RFC 3323: the values are separated by semicolons. */
static void take_privacy(struct tally_sip_request *request, struct tally_sip_text value)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(value);

    while (!tally_sip_at_end(&cursor)) {
        struct tally_sip_text word = tally_sip_run(&cursor, TALLY_SIP_CLASS_TOKEN);

        request->is_private = request->is_private || TALLY_SIP_IS_WORD(word, "id") ||
                              TALLY_SIP_IS_WORD(word, "user") || TALLY_SIP_IS_WORD(word, "header");
        while (!tally_sip_at_end(&cursor) && !tally_sip_is(*cursor.at, TALLY_SIP_CLASS_TOKEN)) {
            cursor.at++;
        }
    }
}

/* RFC 4412: namespace.priority, a list. */
static void take_resource_priority(struct tally_sip_request *request, struct tally_sip_text value)
{
    struct tally_sip_cursor cursor = tally_sip_cursor_of(value);

    while (!tally_sip_at_end(&cursor)) {
        struct tally_sip_text word = tally_sip_run(&cursor, TALLY_SIP_CLASS_TOKEN);

        if (word.size > 0) {
            request->has_priority = true;
        }
        if (word.size > 6) {
            word.size = 6;
            request->has_emergency_mark =
                request->has_emergency_mark ||
                (word.at[5] == '.' &&
                 TALLY_SIP_IS_WORD(tally_sip_text_of(word.at, word.at + 5), "esnet"));
        }
        while (!tally_sip_at_end(&cursor) && !tally_sip_is(*cursor.at, TALLY_SIP_CLASS_TOKEN)) {
            cursor.at++;
        }
    }
}

enum tally_sip_reject tally_sip_take_header(struct tally_sip_request *request,
                                            struct tally_sip_text name, struct tally_sip_text value,
                                            struct tally_sip_uri *history_last)
{
    switch (header_of(name)) {
    case HEADER_OTHER:
        break;
    case HEADER_VIA:
        return take_via(request, value);
    case HEADER_FROM:
        return take_from(request, value);
    case HEADER_TO:
        return take_to(request, value);
    case HEADER_CALL_ID:
        return take_call_id(request, value);
    case HEADER_CSEQ:
        return take_cseq(request, value);
    case HEADER_CONTENT_LENGTH:
        return take_content_length(request, value);
    case HEADER_ASSERTED:
        take_asserted(request, value);
        break;
    case HEADER_PRIVACY:
        take_privacy(request, value);
        break;
    case HEADER_DIVERSION:
        take_diversion(request, value);
        break;
    case HEADER_HISTORY:
        take_history(request, history_last, value);
        break;
    case HEADER_RESOURCE_PRIORITY:
        take_resource_priority(request, value);
        break;
    case HEADER_PRIORITY:
        request->has_emergency_mark =
            request->has_emergency_mark || TALLY_SIP_IS_WORD(value, "psap-callback");
        break;
    }
    return TALLY_SIP_REJECT_NONE;
}
