/* SPDX-License-Identifier: Apache-2.0 */
/*
 * note.h - signed notes: a text, a blank line, signature lines.
 *
 * The format is C2SP's signed-note: each signature line is an em dash (U+2014, in UTF-8), a space,
 * the key's name, a space, and base64 of a 4-byte key id followed by the signature. We take less
 * than the specification allows: printable ASCII and newlines in the text, at most 8 KiB in all, at
 * most 16 signatures, no key signing twice. Nothing here knows cryptography: splitting says who
 * claims to have signed, registry/crypto says whether it is so.
 *
 * Pure. Threads: safe. Memory: the caller's; slices borrow the note's bytes.
 */
#pragma once

#include "cdb/core/refusal.h"
#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_NOTE_BYTES_MAX = 8192,
    TALLY_NOTE_SIGNATURES_MAX = 16,
    TALLY_NOTE_BLOB_BYTES = 68, /* key id and Ed25519 signature: what a line has in base64 */
    TALLY_NOTE_NAME_MAX = 127,  /* characters of a key's name */
};

struct tally_note_signature {
    const char *name; /* not terminated; printable ASCII without space and plus */
    size_t name_count;
    size_t blob_bytes;                   /* at least 5 */
    uint8_t blob[TALLY_NOTE_BLOB_BYTES]; /* as much of it as there is, the 4 of the key id first */
};

struct tally_note {
    const char *text; /* what is signed, its last newline included */
    size_t text_count;
    uint32_t signature_count;
    struct tally_note_signature signatures[TALLY_NOTE_SIGNATURES_MAX];
};

/*
 * Splits bytes[0..count) into text and signatures.
 *
 * note    borrows bytes; zeroed when refused.
 * line    at fault, from 1; 0: the note as a whole. NULL allowed.
 * Returns NONE, OVERSIZED, TRUNCATED, CHARACTER, SIGNATURE_LINE, SIGNATURE_TWICE, SIGNATURE_COUNT.
 */
enum tally_refusal tally_note_split(const void *bytes, size_t count, struct tally_note *note,
                                    uint32_t *line);

/* Bytes of one signature line of an Ed25519 key with a name of name_count characters. */
size_t tally_note_signature_line_bytes(size_t name_count);

/*
 * Appends a signature line to out[0..size), where *at bytes stand already, and moves *at. To make a
 * note: the text, a newline, then lines made here.
 *
 * TALLY_ERR_FORMAT   a name that no key may have.
 * TALLY_ERR_LIMIT    it does not fit; nothing is written.
 */
TALLY_NODISCARD enum tally_err
tally_note_append_signature(char *out, size_t size, size_t *at, const char *name, size_t name_count,
                            const uint8_t blob[TALLY_NOTE_BLOB_BYTES]);
