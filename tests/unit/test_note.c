/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: bytes are taken apart as a signed note in exactly one way, or refused with their line.
 * Method: small notes written out here, each flaw beside its flawless neighbour, sizes at their
 * bounds; the published vector is in test_cdb_source.c, where signatures can be verified.
 */
#include "base/text.h"
#include "cdb/core/note.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

#define DASH "\xe2\x80\x94"
#define BLOB5 "AAAAAAA=" /* five zero bytes: a key id and one byte */

static enum tally_refusal split(const char *bytes, struct tally_note *note, uint32_t *line)
{
    return tally_note_split(bytes, strlen(bytes), note, line);
}

static void test_parts(void **state)
{
    static const char bytes[] =
        "first\n\nthird\n\n" DASH " alfa " BLOB5 "\n" DASH " example.com/x AQIDBAU=\n";
    struct tally_note note;
    uint32_t line = 9;

    (void)state;
    assert_int_equal(split(bytes, &note, &line), TALLY_REFUSAL_NONE);
    assert_int_equal(line, 0);
    assert_ptr_equal(note.text, bytes);
    assert_int_equal(note.text_count, 13); /* the text may have blank lines: the last one splits */
    assert_int_equal(note.signature_count, 2);
    assert_int_equal(note.signatures[1].name_count, 13);
    assert_memory_equal(note.signatures[1].name, "example.com/x", 13);
    assert_int_equal(note.signatures[1].blob_bytes, 5);
    assert_memory_equal(note.signatures[1].blob, "\1\2\3\4\5", 5);
}

static void test_flaws(void **state)
{
    static const struct {
        const char *what;
        const char *bytes;
        enum tally_refusal want;
        uint32_t line;
    } rows[] = {
        {"good", "a\n\n" DASH " k " BLOB5 "\n", TALLY_REFUSAL_NONE, 0},
        {"nothing", "", TALLY_REFUSAL_TRUNCATED, 0},
        {"no newline at the end", "a\n\n" DASH " k " BLOB5, TALLY_REFUSAL_TRUNCATED, 0},
        {"no blank line", "a\n" DASH " k " BLOB5 "\n", TALLY_REFUSAL_TRUNCATED, 0},
        {"no signature", "a\n\n", TALLY_REFUSAL_TRUNCATED, 0},
        {"no text", "\n" DASH " k " BLOB5 "\n", TALLY_REFUSAL_TRUNCATED, 0},
        {"tabulator", "a\n\tb\n\n" DASH " k " BLOB5 "\n", TALLY_REFUSAL_CHARACTER, 2},
        {"carriage return", "a\r\n\n" DASH " k " BLOB5 "\n", TALLY_REFUSAL_CHARACTER, 1},
        {"delete", "a\x7f\n\n" DASH " k " BLOB5 "\n", TALLY_REFUSAL_CHARACTER, 1},
        {"umlaut", "a\n\xc3\xa4\n\n" DASH " k " BLOB5 "\n", TALLY_REFUSAL_CHARACTER, 2},
        {"escape", "a\x1b[2J\n\n" DASH " k " BLOB5 "\n", TALLY_REFUSAL_CHARACTER, 1},
        {"right-to-left override", "\xe2\x80\xae\n\n" DASH " k " BLOB5 "\n",
         TALLY_REFUSAL_CHARACTER, 1},
        {"hyphen", "a\n\n- k " BLOB5 "\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"en dash", "a\n\n\xe2\x80\x93 k " BLOB5 "\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"no space", "a\n\n" DASH "k " BLOB5 "\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"two spaces", "a\n\n" DASH " k  " BLOB5 "\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"no name", "a\n\n" DASH "  " BLOB5 "\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"name with plus", "a\n\n" DASH " k+1 " BLOB5 "\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"name with umlaut", "a\n\n" DASH " \xc3\xa4 " BLOB5 "\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"space at the end", "a\n\n" DASH " k " BLOB5 " \n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"key id alone", "a\n\n" DASH " k AAAAAA==\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"no padding", "a\n\n" DASH " k AAAAAAA\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"bits behind the end", "a\n\n" DASH " k AAAAAAB=\n", TALLY_REFUSAL_SIGNATURE_LINE, 3},
        {"second is none", "a\n\n" DASH " k " BLOB5 "\nx\n", TALLY_REFUSAL_SIGNATURE_LINE, 4},
        {"twice", "a\n\n" DASH " k " BLOB5 "\n" DASH " k AAAAAAE=\n", TALLY_REFUSAL_SIGNATURE_TWICE,
         4},
        {"two keys of one name", "a\n\n" DASH " k " BLOB5 "\n" DASH " k AQAAAAA=\n",
         TALLY_REFUSAL_NONE, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tally_note note;
        uint32_t line = 99;
        enum tally_refusal found = split(rows[i].bytes, &note, &line);

        if (found != rows[i].want || line != rows[i].line) {
            fail_msg("%s: %s in line %u", rows[i].what, tally_refusal_name(found), line);
        }
        assert_true(found == TALLY_REFUSAL_NONE || note.text == NULL);
    }
}

static void test_nul_is_a_character(void **state)
{
    static const char bytes[] = "a\0b\n\n" DASH " k " BLOB5 "\n";
    struct tally_note note;

    (void)state;
    assert_int_equal(tally_note_split(bytes, sizeof(bytes) - 1, &note, NULL),
                     TALLY_REFUSAL_CHARACTER);
}

/* A note of exactly so many bytes. */
static size_t note_of_size(char *bytes, size_t size)
{
    static const char tail[] = "\n\n" DASH " k " BLOB5 "\n";

    memset(bytes, 'x', size);
    memcpy(bytes + size - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
    return size;
}

static void test_size(void **state)
{
    static char bytes[TALLY_NOTE_BYTES_MAX + 1];
    struct tally_note note;

    (void)state;
    assert_int_equal(tally_note_split(bytes, note_of_size(bytes, 8192), &note, NULL),
                     TALLY_REFUSAL_NONE);
    assert_int_equal(tally_note_split(bytes, note_of_size(bytes, 8193), &note, NULL),
                     TALLY_REFUSAL_OVERSIZED);
}

/* Notes with 16 and 17 signatures, of names "a", "b", ... */
static void test_signature_count(void **state)
{
    char bytes[4096] = "text\n\n";
    size_t count = 6;
    struct tally_note note;
    uint32_t line = 0;

    (void)state;
    for (int name = 'a'; name < 'a' + TALLY_NOTE_SIGNATURES_MAX; name++) {
        count +=
            (size_t)snprintf(bytes + count, sizeof(bytes) - count, DASH " %c " BLOB5 "\n", name);
    }
    assert_int_equal(tally_note_split(bytes, count, &note, NULL), TALLY_REFUSAL_NONE);
    assert_int_equal(note.signature_count, TALLY_NOTE_SIGNATURES_MAX);
    count += (size_t)snprintf(bytes + count, sizeof(bytes) - count, DASH " z " BLOB5 "\n");
    assert_int_equal(tally_note_split(bytes, count, &note, &line), TALLY_REFUSAL_SIGNATURE_COUNT);
    assert_int_equal(line, 3 + TALLY_NOTE_SIGNATURES_MAX);
}

/* Signatures of unknown kinds may be long, and are kept as far as a known kind would reach. */
static void test_other_kinds(void **state)
{
    char base64[TALLY_BASE64_BYTES(2424)];
    uint8_t blob[2424];
    char bytes[4096];
    struct tally_note note;

    (void)state;
    memset(blob, 5, sizeof(blob));
    tally_base64_encode(blob, sizeof(blob), base64);
    (void)snprintf(bytes, sizeof(bytes), "a\n\n" DASH " k %s\n", base64);
    assert_int_equal(split(bytes, &note, NULL), TALLY_REFUSAL_NONE);
    assert_int_equal(note.signatures[0].blob_bytes, 2424);
    assert_memory_equal(note.signatures[0].blob, blob, TALLY_NOTE_BLOB_BYTES);
}

static void test_appending(void **state)
{
    char bytes[256] = "text\n\n";
    uint8_t blob[TALLY_NOTE_BLOB_BYTES];
    size_t count = 6;
    size_t needed = tally_note_signature_line_bytes(4);
    struct tally_note note;

    (void)state;
    memset(blob, 0xa5, sizeof(blob));
    assert_int_equal(tally_note_append_signature(bytes, 6 + needed - 1, &count, "alfa", 4, blob),
                     TALLY_ERR_LIMIT);
    assert_int_equal(count, 6);
    assert_int_equal(tally_note_append_signature(bytes, 6 + needed, &count, "al fa", 5, blob),
                     TALLY_ERR_FORMAT);
    assert_int_equal(tally_note_append_signature(bytes, 6 + needed, &count, "", 0, blob),
                     TALLY_ERR_FORMAT);
    assert_int_equal(tally_note_append_signature(bytes, 6 + needed, &count, "alfa", 4, blob),
                     TALLY_ERR_OK);
    assert_int_equal(count, 6 + needed);
    assert_int_equal(tally_note_split(bytes, count, &note, NULL), TALLY_REFUSAL_NONE);
    assert_int_equal(note.signatures[0].blob_bytes, TALLY_NOTE_BLOB_BYTES);
    assert_memory_equal(note.signatures[0].blob, blob, sizeof(blob));
}

static void test_refusals_have_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TALLY_REFUSAL_COUNT; i++) {
        assert_true(strlen(tally_refusal_name((enum tally_refusal)i)) > 2);
        assert_true(strlen(tally_refusal_sentence((enum tally_refusal)i)) > 7);
    }
    assert_string_equal(tally_refusal_name(TALLY_REFUSAL_COUNT), "?");
    assert_string_equal(tally_refusal_sentence(TALLY_REFUSAL_COUNT), "?");
    assert_false(tally_refusal_is_notice(TALLY_REFUSAL_COUNT));
    assert_true(tally_refusal_is_notice(TALLY_REFUSAL_SUPERSEDED));
    assert_false(tally_refusal_is_notice(TALLY_REFUSAL_EXPIRED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_nul_is_a_character),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_signature_count),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_appending),
        cmocka_unit_test(test_refusals_have_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
