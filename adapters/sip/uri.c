/* SPDX-License-Identifier: Apache-2.0 */
/* URIs (RFC 3261 section 19.1, RFC 3966 for tel) and the addresses around them (section 20.10). */
#include "adapters/sip/lex.h"

static bool read_ipv6(struct tally_sip_cursor *cursor, struct tally_sip_text *host)
{
    const char *from = cursor->at;

    while (cursor->at < cursor->end && (tally_sip_is(*cursor->at, TALLY_SIP_CLASS_HEX) ||
                                        *cursor->at == ':' || *cursor->at == '.')) {
        cursor->at++;
    }
    *host = tally_sip_text_of(from, cursor->at);
    return host->size > 1 && tally_sip_take(cursor, ']');
}

bool tally_sip_read_host(struct tally_sip_cursor *cursor, struct tally_sip_text *host,
                         uint16_t *port)
{
    struct tally_sip_cursor before;
    struct tally_sip_text digits;
    uint32_t value = 0;

    *port = 0;
    if (tally_sip_take(cursor, '[')) {
        if (!read_ipv6(cursor, host)) {
            return false;
        }
    } else {
        *host = tally_sip_run(cursor, TALLY_SIP_CLASS_HOST);
        if (host->size == 0) {
            return false;
        }
    }
    before = *cursor;
    tally_sip_skip_space(cursor);
    if (!tally_sip_take(cursor, ':')) {
        *cursor = before;
        return true;
    }
    tally_sip_skip_space(cursor);
    digits = tally_sip_run(cursor, TALLY_SIP_CLASS_HEX);
    if (!tally_sip_read_number(digits, UINT16_MAX, &value)) {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

/* Cuts text at the first c: what is before stays, what comes with and after it is returned. */
static struct tally_sip_text cut_at(struct tally_sip_text *text, char c)
{
    const char *found = text->size == 0 ? NULL : memchr(text->at, c, text->size);
    struct tally_sip_text tail = {0};

    if (found != NULL) {
        tail = tally_sip_text_of(found, text->at + text->size);
        text->size = (size_t)(found - text->at);
    }
    return tail;
}

static bool read_sip(struct tally_sip_text text, struct tally_sip_uri *uri)
{
    const char *at_sign = text.size == 0 ? NULL : memchr(text.at, '@', text.size);
    struct tally_sip_cursor cursor = tally_sip_cursor_of(text);

    if (at_sign != NULL) {
        uri->user = tally_sip_text_of(text.at, at_sign);
        uri->user_params = cut_at(&uri->user, ';');
        (void)cut_at(&uri->user, ':'); /* a password, deprecated and none of our business */
        cursor.at = at_sign + 1;
    }
    if (!tally_sip_read_host(&cursor, &uri->host, &uri->port)) {
        return false;
    }
    return tally_sip_at_end(&cursor) || *cursor.at == ';' || *cursor.at == '?';
}

void tally_sip_read_uri(struct tally_sip_text text, struct tally_sip_uri *uri)
{
    struct tally_sip_text scheme = text;
    struct tally_sip_text rest = cut_at(&scheme, ':');

    *uri = (struct tally_sip_uri){.scheme = TALLY_SIP_SCHEME_UNREADABLE};
    if (rest.size < 2 || scheme.size == 0) {
        return;
    }
    rest = tally_sip_text_of(rest.at + 1, rest.at + rest.size);
    if (TALLY_SIP_IS_WORD(scheme, "sip") || TALLY_SIP_IS_WORD(scheme, "sips")) {
        if (read_sip(rest, uri)) {
            uri->scheme = TALLY_SIP_SCHEME_SIP;
        }
    } else if (TALLY_SIP_IS_WORD(scheme, "tel")) {
        uri->user = rest;
        uri->user_params = cut_at(&uri->user, ';');
        uri->scheme = TALLY_SIP_SCHEME_TEL;
    } else if (TALLY_SIP_IS_WORD(scheme, "urn")) {
        uri->rest = rest;
        uri->scheme = TALLY_SIP_SCHEME_URN;
    } else {
        uri->scheme = TALLY_SIP_SCHEME_OTHER;
    }
}

/*
 * Steps over a display name that stands before '<'. An unquoted one is of tokens and white space;
 * bytes above 0x7f are let through, since switches put UTF-8 there. When no '<' follows, the value
 * is a bare URI and the cursor goes back to its start.
 */
static bool skip_display_name(struct tally_sip_cursor *cursor)
{
    struct tally_sip_cursor start;

    tally_sip_skip_space(cursor);
    if (tally_sip_peek(cursor) == '"') {
        if (!tally_sip_skip_quoted(cursor)) {
            return false;
        }
        tally_sip_skip_space(cursor);
        return tally_sip_peek(cursor) == '<';
    }
    start = *cursor;
    while (cursor->at < cursor->end &&
           (tally_sip_is(*cursor->at, TALLY_SIP_CLASS_TOKEN | TALLY_SIP_CLASS_SPACE) ||
            (uint8_t)*cursor->at >= 0x80)) {
        cursor->at++;
    }
    if (tally_sip_peek(cursor) != '<') {
        *cursor = start;
    }
    return true;
}

/* The cursor stands behind '<'. */
static bool read_bracketed(struct tally_sip_cursor *cursor, struct tally_sip_uri *uri)
{
    struct tally_sip_text text = tally_sip_run(cursor, TALLY_SIP_CLASS_URI);
    const char *close;

    if (tally_sip_take(cursor, '>')) {
        tally_sip_read_uri(text, uri);
        return true;
    }
    close = tally_sip_at_end(cursor) ? NULL
                                     : memchr(cursor->at, '>', (size_t)(cursor->end - cursor->at));
    if (close == NULL) {
        return false;
    }
    uri->scheme = TALLY_SIP_SCHEME_UNREADABLE;
    cursor->at = close + 1;
    return true;
}

bool tally_sip_read_address(struct tally_sip_cursor *cursor, struct tally_sip_uri *uri)
{
    const char *from, *at;

    *uri = (struct tally_sip_uri){0};
    if (!skip_display_name(cursor)) {
        return false;
    }
    if (tally_sip_take(cursor, '<')) {
        return read_bracketed(cursor, uri);
    }
    /* Without brackets a semicolon, comma or question mark is the header's (20.10). */
    from = cursor->at;
    at = from;
    while (at < cursor->end && *at != ';' && *at != ',' && *at != '?' &&
           tally_sip_is(*at, TALLY_SIP_CLASS_URI)) {
        at++;
    }
    cursor->at = at;
    if (at == from) {
        return false;
    }
    tally_sip_read_uri(tally_sip_text_of(from, at), uri);
    return true;
}
