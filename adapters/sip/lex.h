/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex.h - the small words of SIP: characters, white space, parameters, quoted strings.
 *
 * RFC 3261 section 25.1. A cursor walks over one header value, in which a line break followed by a
 * space or tab is white space (folding). Private to adapters/sip; the face is parse.h.
 *
 * Pure. Threads: safe. Memory: borrows the caller's bytes.
 */
#pragma once

#include "adapters/sip/parse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bits of tally_sip_class[]. */
enum {
    TALLY_SIP_CLASS_TOKEN = 1, /* token: alphanum and -.!%*_+`'~ */
    TALLY_SIP_CLASS_SPACE = 2, /* SP, HTAB, CR, LF */
    TALLY_SIP_CLASS_HOST = 4,  /* alphanum, '-', '.', and '_', which is out there */
    TALLY_SIP_CLASS_HEX = 8,
    TALLY_SIP_CLASS_URI = 16, /* anything a URI may hold: printable, without <>" and space */
};
extern const uint8_t tally_sip_class[256];

struct tally_sip_cursor {
    const char *at;
    const char *end; /* invariant: at <= end */
};

static inline bool tally_sip_is(char c, uint8_t classes)
{
    return (tally_sip_class[(uint8_t)c] & classes) != 0;
}

static inline struct tally_sip_cursor tally_sip_cursor_of(struct tally_sip_text text)
{
    const char *at = text.at != NULL ? text.at : "";

    return (struct tally_sip_cursor){at, at + text.size};
}

static inline struct tally_sip_text tally_sip_text_of(const char *from, const char *to)
{
    return (struct tally_sip_text){from, (size_t)(to - from)};
}

static inline bool tally_sip_at_end(const struct tally_sip_cursor *cursor)
{
    return cursor->at == cursor->end;
}

/* The character at the cursor; NUL at the end (which no grammar rule accepts). */
static inline char tally_sip_peek(const struct tally_sip_cursor *cursor)
{
    return cursor->at < cursor->end ? *cursor->at : '\0';
}

/* A local pointer, since the compiler must take the cursor for something that at may point to. */
static inline void tally_sip_skip(struct tally_sip_cursor *cursor, uint8_t classes)
{
    const char *at = cursor->at;
    const char *end = cursor->end;

    while (at < end && tally_sip_is(*at, classes)) {
        at++;
    }
    cursor->at = at;
}

static inline void tally_sip_skip_space(struct tally_sip_cursor *cursor)
{
    tally_sip_skip(cursor, TALLY_SIP_CLASS_SPACE);
}

/* Steps over c. Returns false, and stays, when something else is there. */
static inline bool tally_sip_take(struct tally_sip_cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c) {
        return false;
    }
    cursor->at++;
    return true;
}

/* The longest run of the classes; its size may be 0. */
static inline struct tally_sip_text tally_sip_run(struct tally_sip_cursor *cursor, uint8_t classes)
{
    const char *from = cursor->at;

    tally_sip_skip(cursor, classes);
    return tally_sip_text_of(from, cursor->at);
}

/* Eight (four) characters at once, in lower case as far as they are letters, digits and '-'. */
static inline uint64_t tally_sip_load8(const char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value | UINT64_C(0x2020202020202020);
}

static inline uint32_t tally_sip_load4(const char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value | UINT32_C(0x20202020);
}

/*
 * Is text the word, whatever the case of its letters? word is in lower case and of letters, digits
 * and '-' only, for which setting bit 5 is all there is to lower case. The last eight (four) may
 * overlap those before them.
 */
static inline bool tally_sip_is_word(struct tally_sip_text text, const char *word, size_t size)
{
    if (text.size != size) {
        return false;
    }
    if (size >= 8) {
        for (size_t i = 0; i + 8 < size; i += 8) {
            if (tally_sip_load8(text.at + i) != tally_sip_load8(word + i)) {
                return false;
            }
        }
        return tally_sip_load8(text.at + (size - 8)) == tally_sip_load8(word + (size - 8));
    }
    if (size >= 4) {
        return tally_sip_load4(text.at) == tally_sip_load4(word) &&
               tally_sip_load4(text.at + (size - 4)) == tally_sip_load4(word + (size - 4));
    }
    for (size_t i = 0; i < size; i++) {
        if ((text.at[i] | 0x20) != word[i]) {
            return false;
        }
    }
    return true;
}
#define TALLY_SIP_IS_WORD(text, literal) tally_sip_is_word(text, literal, sizeof(literal) - 1)

/* The cursor stands on a double quote; steps over the quoted string. False when it has no end. */
bool tally_sip_skip_quoted(struct tally_sip_cursor *cursor);

enum tally_sip_step {
    TALLY_SIP_STEP_END, /* the value's end, or a comma: the next one of a list */
    TALLY_SIP_STEP_PARAM,
    TALLY_SIP_STEP_BAD,
};

struct tally_sip_param {
    struct tally_sip_text name;
    struct tally_sip_text value; /* empty when there is none; a quoted one with its quotes */
    bool has_value;
};

/* The next `;name=value`. At END the cursor stands on the comma or at the end. */
enum tally_sip_step tally_sip_next_param(struct tally_sip_cursor *cursor,
                                         struct tally_sip_param *param);

/*
 * A decimal number without sign.
 *
 * value    written in every case; 0 when refused.
 * Returns false on anything but 1 to 10 digits of at most max.
 */
bool tally_sip_read_number(struct tally_sip_text text, uint32_t max, uint32_t *value);

/*
 * Reads a URI of TALLY_SIP_CLASS_URI characters; others are for the caller to have seen.
 * uri->scheme is TALLY_SIP_SCHEME_UNREADABLE when it makes none.
 */
void tally_sip_read_uri(struct tally_sip_text text, struct tally_sip_uri *uri);

/*
 * A host and port: name, IPv4 or [IPv6], then an optional `:port`, with white space around the
 * colon. Stops after it.
 *
 * host    without the brackets.
 * port    0 when there is none.
 */
bool tally_sip_read_host(struct tally_sip_cursor *cursor, struct tally_sip_text *host,
                         uint16_t *port);

/*
 * name-addr or addr-spec, with or without a display name, up to its parameters. The URI itself may
 * come out unreadable; false says that the brackets and quotes around it do not stand.
 */
bool tally_sip_read_address(struct tally_sip_cursor *cursor, struct tally_sip_uri *uri);
