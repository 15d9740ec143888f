/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { NO_DIGIT = 255 };

void tally_hex_encode(const void *bytes, size_t count, char *text)
{
    const uint8_t *from = bytes;

    for (size_t i = 0; i < count; i++) {
        text[2 * i] = hex_digits[from[i] >> 4];
        text[2 * i + 1] = hex_digits[from[i] & 15];
    }
    text[2 * count] = '\0';
}

static unsigned hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0');
    }
    if (digit >= 'a' && digit <= 'f') {
        return (unsigned)(digit - 'a') + 10;
    }
    return NO_DIGIT;
}

bool tally_hex_decode(const char *text, size_t text_count, void *bytes, size_t size, size_t *count)
{
    uint8_t *out = bytes;

    *count = 0;
    if (text_count % 2 != 0 || text_count / 2 > size) {
        return false;
    }
    for (size_t i = 0; i < text_count / 2; i++) {
        unsigned high = hex_value(text[2 * i]);
        unsigned low = hex_value(text[2 * i + 1]);

        if (high == NO_DIGIT || low == NO_DIGIT) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    *count = text_count / 2;
    return true;
}

void tally_base64_encode(const void *bytes, size_t count, char *text)
{
    const uint8_t *from = bytes;
    char *to = text;

    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t group = (uint32_t)from[i] << 16;

        if (left > 1) {
            group |= (uint32_t)from[i + 1] << 8;
        }
        if (left > 2) {
            group |= from[i + 2];
        }
        *to++ = base64_digits[group >> 18];
        *to++ = base64_digits[group >> 12 & 63];
        *to++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *to++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    *to = '\0';
}

static unsigned base64_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return (unsigned)(digit - 'A');
    }
    if (digit >= 'a' && digit <= 'z') {
        return (unsigned)(digit - 'a') + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0') + 52;
    }
    if (digit == '+') {
        return 62;
    }
    return digit == '/' ? 63 : NO_DIGIT;
}

/* Reads digit_count (2 to 4) digits, left-aligned in 24 bits. */
static bool base64_group(const char *text, size_t digit_count, uint32_t *group)
{
    *group = 0;
    for (size_t i = 0; i < 4; i++) {
        unsigned value = i < digit_count ? base64_value(text[i]) : 0;

        if (value == NO_DIGIT) {
            return false;
        }
        *group = *group << 6 | value;
    }
    return true;
}

bool tally_base64_decode(const char *text, size_t text_count, void *bytes, size_t size,
                         size_t *count)
{
    uint8_t *out = bytes;
    size_t pad_count = 0;
    size_t written = 0;
    size_t want;

    *count = 0;
    if (text_count % 4 != 0) {
        return false;
    }
    if (text_count > 0 && text[text_count - 1] == '=') {
        pad_count = text[text_count - 2] == '=' ? 2 : 1;
    }
    want = text_count / 4 * 3 - pad_count;
    if (want > size) {
        return false;
    }
    for (size_t i = 0; i < text_count; i += 4) {
        size_t digit_count = i + 4 == text_count ? 4 - pad_count : 4;
        uint32_t group;

        if (!base64_group(text + i, digit_count, &group)) {
            return false;
        }
        for (size_t k = 0; k < 3; k++) {
            uint8_t byte = (uint8_t)(group >> (16 - 8 * k));

            if (k + 1 < digit_count) {
                out[written++] = byte;
            } else if (byte != 0) {
                return false; /* trailing bits: another text would mean the same bytes */
            }
        }
    }
    *count = written;
    return true;
}

bool tally_operator_id_is_valid(const char *text, size_t count)
{
    if (count == 0 || count >= TALLY_OPERATOR_ID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-')) {
            return false;
        }
    }
    return true;
}
