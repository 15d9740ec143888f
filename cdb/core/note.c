/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note.c - the signed-note format (C2SP signed-note.md, "Format" and "Signatures").
 */
#include "cdb/core/note.h"

#include "base/text.h"

#include <string.h>

static const char em_dash[] = "\xe2\x80\x94 "; /* with its space */

enum {
    EM_DASH_BYTES = 4,
    KEY_ID_BYTES = 4,
    BLOB_BYTES_MAX = 3 * TALLY_NOTE_BYTES_MAX / 4, /* no base64 in a note holds more */
};

static bool is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

static bool name_is_valid(const char *name, size_t count)
{
    if (count == 0 || count > TALLY_NOTE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_printable(name[i]) || name[i] == ' ' || name[i] == '+') {
            return false;
        }
    }
    return true;
}

/* The signatures begin after the last blank line; texts may contain earlier ones. */
static size_t find_blank_line(const char *bytes, size_t count)
{
    for (size_t at = count; at >= 2; at--) {
        if (bytes[at - 1] == '\n' && bytes[at - 2] == '\n') {
            return at - 1;
        }
    }
    return 0;
}

/* Decodes what a key made: 4 bytes of key id and at least one byte of signature. */
static bool read_blob(const char *base64, size_t count, struct tally_note_signature *signature)
{
    uint8_t blob[BLOB_BYTES_MAX];
    size_t kept;

    if (!tally_base64_decode(base64, count, blob, sizeof(blob), &signature->blob_bytes) ||
        signature->blob_bytes <= KEY_ID_BYTES) {
        return false;
    }
    kept = signature->blob_bytes < sizeof(signature->blob) ? signature->blob_bytes
                                                           : sizeof(signature->blob);
    memcpy(signature->blob, blob, kept);
    return true;
}

static bool read_signature(const char *line, size_t count, struct tally_note_signature *signature)
{
    const char *space = NULL;

    memset(signature, 0, sizeof(*signature));
    if (count <= EM_DASH_BYTES || memcmp(line, em_dash, EM_DASH_BYTES) != 0) {
        return false;
    }
    line += EM_DASH_BYTES;
    count -= EM_DASH_BYTES;
    space = memchr(line, ' ', count);
    if (space == NULL) {
        return false;
    }
    signature->name = line;
    signature->name_count = (size_t)(space - line);
    return name_is_valid(line, signature->name_count) &&
           read_blob(space + 1, count - signature->name_count - 1, signature);
}

static bool has_signed(const struct tally_note *note, const struct tally_note_signature *other)
{
    for (uint32_t i = 0; i < note->signature_count; i++) {
        const struct tally_note_signature *signature = &note->signatures[i];

        if (signature->name_count == other->name_count &&
            memcmp(signature->name, other->name, other->name_count) == 0 &&
            memcmp(signature->blob, other->blob, KEY_ID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static enum tally_refusal split_signatures(const char *lines, size_t count, uint32_t first_line,
                                           struct tally_note *note, uint32_t *line)
{
    size_t at = 0;

    for (*line = first_line; at < count; (*line)++) {
        const char *end = memchr(lines + at, '\n', count - at);
        struct tally_note_signature signature;

        if (end == NULL) {
            return TALLY_REFUSAL_TRUNCATED;
        }
        if (!read_signature(lines + at, (size_t)(end - lines) - at, &signature)) {
            return TALLY_REFUSAL_SIGNATURE_LINE;
        }
        if (has_signed(note, &signature)) {
            return TALLY_REFUSAL_SIGNATURE_TWICE;
        }
        if (note->signature_count == TALLY_NOTE_SIGNATURES_MAX) {
            return TALLY_REFUSAL_SIGNATURE_COUNT;
        }
        note->signatures[note->signature_count++] = signature;
        at = (size_t)(end - lines) + 1;
    }
    *line = 0;
    return note->signature_count > 0 ? TALLY_REFUSAL_NONE : TALLY_REFUSAL_TRUNCATED;
}

static enum tally_refusal split(const char *bytes, size_t count, struct tally_note *note,
                                uint32_t *line)
{
    size_t text_count = 0;

    if (count > TALLY_NOTE_BYTES_MAX) {
        return TALLY_REFUSAL_OVERSIZED;
    }
    if (count == 0 || bytes[count - 1] != '\n') {
        return TALLY_REFUSAL_TRUNCATED;
    }
    text_count = find_blank_line(bytes, count);
    if (text_count == 0) {
        return TALLY_REFUSAL_TRUNCATED;
    }
    *line = 1;
    for (size_t i = 0; i < text_count; i++) {
        if (bytes[i] == '\n') {
            (*line)++;
        } else if (!is_printable(bytes[i])) {
            return TALLY_REFUSAL_CHARACTER;
        }
    }
    note->text = bytes;
    note->text_count = text_count;
    return split_signatures(bytes + text_count + 1, count - text_count - 1, *line + 1, note, line);
}

enum tally_refusal tally_note_split(const void *bytes, size_t count, struct tally_note *note,
                                    uint32_t *line)
{
    uint32_t at_line = 0;
    enum tally_refusal refusal = TALLY_REFUSAL_NONE;

    memset(note, 0, sizeof(*note));
    refusal = split(bytes, count, note, &at_line);
    if (refusal != TALLY_REFUSAL_NONE) {
        memset(note, 0, sizeof(*note));
    }
    if (line != NULL) {
        *line = at_line;
    }
    return refusal;
}

size_t tally_note_signature_line_bytes(size_t name_count)
{
    return EM_DASH_BYTES + name_count + 1 + (TALLY_BASE64_BYTES(TALLY_NOTE_BLOB_BYTES) - 1) + 1;
}

enum tally_err tally_note_append_signature(char *out, size_t size, size_t *at, const char *name,
                                           size_t name_count,
                                           const uint8_t blob[TALLY_NOTE_BLOB_BYTES])
{
    char base64[TALLY_BASE64_BYTES(TALLY_NOTE_BLOB_BYTES)];
    char *line = out + *at;

    if (!name_is_valid(name, name_count)) {
        return TALLY_ERR_FORMAT;
    }
    if (*at > size || size - *at < tally_note_signature_line_bytes(name_count)) {
        return TALLY_ERR_LIMIT;
    }
    tally_base64_encode(blob, TALLY_NOTE_BLOB_BYTES, base64);
    memcpy(line, em_dash, EM_DASH_BYTES);
    memcpy(line + EM_DASH_BYTES, name, name_count);
    line[EM_DASH_BYTES + name_count] = ' ';
    memcpy(line + EM_DASH_BYTES + name_count + 1, base64, sizeof(base64) - 1);
    *at += tally_note_signature_line_bytes(name_count);
    out[*at - 1] = '\n';
    return TALLY_ERR_OK;
}
