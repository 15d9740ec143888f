/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/parse.h"

#include "adapters/sip/headers.h"
#include "adapters/sip/lex.h"

static const char *const reject_names[] = {
#define TALLY_NAME(name, sentence) #name,
    TALLY_SIP_REJECT_TABLE(TALLY_NAME)
#undef TALLY_NAME
};

static const char *const reject_sentences[] = {
#define TALLY_SENTENCE(name, sentence) sentence,
    TALLY_SIP_REJECT_TABLE(TALLY_SENTENCE)
#undef TALLY_SENTENCE
};

const char *tally_sip_reject_name(enum tally_sip_reject reject)
{
    return (unsigned)reject < TALLY_SIP_REJECT_COUNT ? reject_names[reject] : "?";
}

const char *tally_sip_reject_sentence(enum tally_sip_reject reject)
{
    return (unsigned)reject < TALLY_SIP_REJECT_COUNT ? reject_sentences[reject] : "?";
}

static enum tally_sip_method method_of(struct tally_sip_text name)
{
    static const struct {
        const char *name;
        size_t size;
        enum tally_sip_method method;
    } methods[] = {
        {"INVITE", 6, TALLY_SIP_INVITE},
        {"ACK", 3, TALLY_SIP_ACK},
        {"CANCEL", 6, TALLY_SIP_CANCEL},
        {"OPTIONS", 7, TALLY_SIP_OPTIONS},
    };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (name.size == methods[i].size && memcmp(name.at, methods[i].name, name.size) == 0) {
            return methods[i].method;
        }
    }
    return TALLY_SIP_OTHER;
}

/* Steps over CRLF or a bare LF. */
static bool take_line_end(struct tally_sip_cursor *cursor)
{
    struct tally_sip_cursor before = *cursor;

    (void)tally_sip_take(cursor, '\r');
    if (tally_sip_take(cursor, '\n')) {
        return true;
    }
    *cursor = before;
    return false;
}

static enum tally_sip_reject read_start_line(struct tally_sip_cursor *cursor,
                                             struct tally_sip_request *request)
{
    struct tally_sip_text version;

    if (cursor->end - cursor->at >= 4 &&
        TALLY_SIP_IS_WORD(tally_sip_text_of(cursor->at, cursor->at + 3), "sip") &&
        cursor->at[3] == '/') {
        return TALLY_SIP_REJECT_RESPONSE;
    }
    request->method_name = tally_sip_run(cursor, TALLY_SIP_CLASS_TOKEN);
    if (request->method_name.size == 0 || !tally_sip_take(cursor, ' ')) {
        return TALLY_SIP_REJECT_START_LINE;
    }
    request->method = method_of(request->method_name);
    request->uri_text = tally_sip_run(cursor, TALLY_SIP_CLASS_URI);
    if (!tally_sip_at_end(cursor) && !tally_sip_is(*cursor->at, TALLY_SIP_CLASS_SPACE)) {
        return TALLY_SIP_REJECT_URI;
    }
    if (request->uri_text.size == 0 || !tally_sip_take(cursor, ' ')) {
        return TALLY_SIP_REJECT_START_LINE;
    }
    version = tally_sip_run(cursor, TALLY_SIP_CLASS_URI);
    if (!take_line_end(cursor)) {
        return TALLY_SIP_REJECT_START_LINE;
    }
    if (version.size != 7 ||
        !TALLY_SIP_IS_WORD(tally_sip_text_of(version.at, version.at + 3), "sip") ||
        memcmp(version.at + 3, "/2.0", 4) != 0) {
        return TALLY_SIP_REJECT_VERSION;
    }
    tally_sip_read_uri(request->uri_text, &request->uri);
    return TALLY_SIP_REJECT_NONE;
}

/* The value up to its line's end, folded lines included, without the white space around it. */
static bool read_header_value(struct tally_sip_cursor *cursor, struct tally_sip_text *value)
{
    const char *from, *to;

    for (to = cursor->at;; to++) {
        to = to == cursor->end ? NULL : memchr(to, '\n', (size_t)(cursor->end - to));
        if (to == NULL) {
            return false;
        }
        if (to + 1 == cursor->end || (to[1] != ' ' && to[1] != '\t')) {
            break;
        }
    }
    from = cursor->at;
    cursor->at = to + 1;
    while (from < to && tally_sip_is(*from, TALLY_SIP_CLASS_SPACE)) {
        from++;
    }
    while (from < to && tally_sip_is(to[-1], TALLY_SIP_CLASS_SPACE)) {
        to--;
    }
    *value = tally_sip_text_of(from, to);
    return true;
}

static enum tally_sip_reject read_headers(struct tally_sip_cursor *cursor,
                                          struct tally_sip_request *request)
{
    struct tally_sip_uri history_last = {0};

    for (unsigned lines = 0; !take_line_end(cursor); lines++) {
        struct tally_sip_text name, value;
        enum tally_sip_reject reject;

        if (tally_sip_at_end(cursor)) {
            return TALLY_SIP_REJECT_UNENDED;
        }
        if (lines == TALLY_SIP_HEADERS_MAX) {
            return TALLY_SIP_REJECT_HEADERS;
        }
        name = tally_sip_run(cursor, TALLY_SIP_CLASS_TOKEN);
        while (tally_sip_peek(cursor) == ' ' || tally_sip_peek(cursor) == '\t') {
            cursor->at++;
        }
        if (name.size == 0 || !tally_sip_take(cursor, ':')) {
            return tally_sip_at_end(cursor) ? TALLY_SIP_REJECT_UNENDED : TALLY_SIP_REJECT_LINE;
        }
        if (!read_header_value(cursor, &value)) {
            return TALLY_SIP_REJECT_UNENDED;
        }
        reject = tally_sip_take_header(request, name, value, &history_last);
        if (reject != TALLY_SIP_REJECT_NONE) {
            return reject;
        }
    }
    return TALLY_SIP_REJECT_NONE;
}

/* What only the whole request can tell. body_bytes: what follows the headers. */
static enum tally_sip_reject check_whole(struct tally_sip_request *request, size_t body_bytes)
{
    if (request->via_count == 0) {
        return TALLY_SIP_REJECT_VIA_MISSING;
    }
    if (request->from_text.at == NULL) {
        return TALLY_SIP_REJECT_FROM_MISSING;
    }
    if (request->to_text.at == NULL) {
        return TALLY_SIP_REJECT_TO_MISSING;
    }
    if (request->call_id.at == NULL) {
        return TALLY_SIP_REJECT_CALL_ID_MISSING;
    }
    if (request->cseq_text.at == NULL) {
        return TALLY_SIP_REJECT_CSEQ_MISSING;
    }
    if (request->content_bytes > body_bytes) {
        return TALLY_SIP_REJECT_CONTENT_LENGTH;
    }
    if (request->diversion_count == TALLY_SIP_COUNT_UNREADABLE) {
        request->diversion_count = 0;
    }
    if (request->history_count == TALLY_SIP_COUNT_UNREADABLE) {
        request->history_count = 0;
    }
    return TALLY_SIP_REJECT_NONE;
}

enum tally_sip_reject tally_sip_parse(const void *bytes, size_t size,
                                      struct tally_sip_request *request)
{
    struct tally_sip_cursor cursor = {bytes, (const char *)bytes + size};
    enum tally_sip_reject reject;

    /* The array of Via lines is told by via_count and not worth clearing for each datagram. */
    memset(request, 0, offsetof(struct tally_sip_request, vias));
    if (size > TALLY_SIP_DATAGRAM_BYTES_MAX) {
        return TALLY_SIP_REJECT_LONG;
    }
    while (take_line_end(&cursor)) {
    }
    if (tally_sip_at_end(&cursor)) {
        return TALLY_SIP_REJECT_EMPTY;
    }
    reject = read_start_line(&cursor, request);
    if (reject == TALLY_SIP_REJECT_NONE) {
        reject = read_headers(&cursor, request);
    }
    if (reject == TALLY_SIP_REJECT_NONE) {
        reject = check_whole(request, (size_t)(cursor.end - cursor.at));
    }
    return reject;
}
