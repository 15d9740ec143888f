/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - bytes as text: hex (lower case), base64 (RFC 4648 section 4, padded, canonical only);
 * and operator ids.
 *
 * Pure. Threads: safe. Memory: the caller's buffers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_BASE64_BYTES(count) ((((count) + 2) / 3) * 4 + 1) /* with NUL */
#define TALLY_HEX_BYTES(count) ((count)*2 + 1)                  /* with NUL */

/* Each writes a NUL-terminated text; text must hold TALLY_..._BYTES(count). */
void tally_hex_encode(const void *bytes, size_t count, char *text);
void tally_base64_encode(const void *bytes, size_t count, char *text);

/*
 * Decodes text[0..text_count). Only the one canonical encoding is accepted: right padding, zero
 * trailing bits, no white space.
 *
 * bytes    at most size are written.
 * count    written in every case; 0 when refused.
 */
bool tally_hex_decode(const char *text, size_t text_count, void *bytes, size_t size, size_t *count);
bool tally_base64_decode(const char *text, size_t text_count, void *bytes, size_t size,
                         size_t *count);

enum { TALLY_OPERATOR_ID_BYTES = 64 }; /* 63 characters and NUL */

/* Is text[0..count) an operator id: [a-z0-9.-]{1,63}? */
bool tally_operator_id_is_valid(const char *text, size_t count);
