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

/* What is between the two, without the white space around it. */
static struct tally_sip_text trimmed(const char *from, const char *to)
{
    while (from < to && tally_sip_is(*from, TALLY_SIP_CLASS_SPACE)) {
        from++;
    }
    while (from < to && tally_sip_is(to[-1], TALLY_SIP_CLASS_SPACE)) {
        to--;
    }
    return tally_sip_text_of(from, to);
}

/*
 * One header, folded lines included. memchr finds its two marks many bytes at a time, where a loop
 * over the characters of the names cost more than all the rest; so of a name that is none of ours
 * only the first character is looked at.
 */
static enum tally_sip_reject read_header(struct tally_sip_cursor *cursor,
                                         struct tally_sip_text *name, struct tally_sip_text *value)
{
    const char *line = cursor->at;
    const char *end = memchr(line, '\n', (size_t)(cursor->end - line));
    const char *colon;

    if (end == NULL) {
        return TALLY_SIP_REJECT_UNENDED;
    }
    colon = memchr(line, ':', (size_t)(end - line));
    if (colon == NULL || !tally_sip_is(*line, TALLY_SIP_CLASS_TOKEN)) {
        return TALLY_SIP_REJECT_LINE;
    }
    while (end + 1 < cursor->end && (end[1] == ' ' || end[1] == '\t')) {
        end = memchr(end + 1, '\n', (size_t)(cursor->end - end - 1));
        if (end == NULL) {
            return TALLY_SIP_REJECT_UNENDED;
        }
    }
    cursor->at = end + 1;
    *name = trimmed(line, colon);
    *value = trimmed(colon + 1, end);
    return TALLY_SIP_REJECT_NONE;
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
        reject = read_header(cursor, &name, &value);
        if (reject == TALLY_SIP_REJECT_NONE) {
            reject = tally_sip_take_header(request, name, value, &history_last);
        }
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

    /* What follows is told by the counts, and not worth clearing for each datagram. */
    memset(request, 0, offsetof(struct tally_sip_request, diversion_newest));
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
