/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every statement has one text; decode(encode(x)) = x, and encode(decode(t)) = t or t is
 * refused with its line.
 * Method: one text of each type, written out here, decoded and encoded again; then each text with
 * one thing changed, beside the bounds from both sides; then every single-byte change of every
 * text, which must be refused or be another valid text that encodes to itself.
 */
#include "cdb/core/address.h"
#include "cdb/core/calendar.h"
#include "cdb/core/statement.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

#define KEY_A "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB" /* algorithm 1, 32 times 1 */
#define KEY_B "AQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"
#define NOISE_A "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="
#define NOISE_B "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="
#define TIMES(to) "not-before 2026-11-21T00:00:00Z\nexpires " to "\n"

#define ROOT_HEAD "tallystick/1 root\nissuer demo\nsubject demo\nserial 1\n"
#define ROOT                                                                                       \
    ROOT_HEAD TIMES("2027-11-21T00:00:00Z") "wire-minor-min 0\nthreshold 2\nkey r1 " KEY_A         \
                                            "\nkey r2 " KEY_B "\nquorum 1\nwitness w1 " KEY_A "\n"
#define AUTHORITY                                                                                  \
    "tallystick/1 authority\nissuer demo\nsubject gb\nserial 4294967295\n" TIMES(                  \
        "2027-12-26T00:00:00Z") "country +1242\ncountry +44\nthreshold 1\nkey gb-1 " KEY_A "\n"
#define RANGE_HEAD "tallystick/1 range\nissuer gb\nsubject alfa\npart 1\nserial 7\n"
#define RANGE                                                                                      \
    RANGE_HEAD TIMES("2027-03-01T00:00:00Z") "range +44\nrange +4420 digits 12-12\nrange +45\n"
#define NUMBERING_HEAD "tallystick/1 numbering\nissuer alfa\nsubject alfa\npart 1\nserial 2\n"
#define NUMBERING                                                                                  \
    NUMBERING_HEAD TIMES(                                                                          \
        "2026-12-21T00:00:00Z") "numbers +44 answers=calls mobility=fixed policy=strict busy "     \
                                "onward no-porting "                                               \
                                "authorise=bravo,charlie served-by=delta\n"                        \
                                "numbers +4420 answers=none mobility=mobile policy=lenient\n"      \
                                "numbers +4421 answers=roaming mobility=homed "                    \
                                "policy=strict-direct onward\n"
#define OPERATOR_HEAD "tallystick/1 operator\nissuer alfa\nsubject alfa\nserial 2\n"
#define OPERATOR                                                                                   \
    OPERATOR_HEAD TIMES("2026-12-21T00:00:00Z") "enrolled-by gb\nstatement-key " KEY_A             \
                                                "\nevidence-key " KEY_B "\nnoise-key " NOISE_A     \
                                                "\nnoise-key-next " NOISE_B "\nwire-minor 0-1\n"   \
                                                "endpoint tcp://127.0.0.1:7001\nendpoint "         \
                                                "tcp://[2001:db8::1]:65535\n"                      \
                                                "egress 127.0.0.2\negress 2001:db8::2\nredress "   \
                                                "fraud desk <noc@alfa.example>\n"
#define STAMP                                                                                      \
    "tallystick/1 stamp\nissuer demo\nsubject demo\nserial 9\n" TIMES(                             \
        "2026-11-28T00:00:00Z") "statements 5\nhash " NOISE_A "\n"

static const char *const texts[] = {ROOT, AUTHORITY, RANGE, NUMBERING, OPERATOR, STAMP};
enum { TEXT_COUNT = 6 };

static struct tally_statement statement; /* too large for the stack */
static struct tally_statement again;

static void test_each_type_there_and_back(void **state)
{
    char text[TALLY_NOTE_BYTES_MAX];
    size_t count = 0;

    (void)state;
    for (unsigned i = 0; i < TEXT_COUNT; i++) {
        struct tally_statement_fault fault;

        if (!tally_statement_decode(texts[i], strlen(texts[i]), &statement, &fault)) {
            fail_msg("%u: line %u: %s", i, fault.line,
                     fault.expected != NULL ? fault.expected : "?");
        }
        assert_int_equal(statement.header.type, i + 1);
        assert_int_equal(tally_statement_encode(&statement, text, sizeof(text), &count),
                         TALLY_ERR_OK);
        assert_int_equal(count, strlen(texts[i]));
        assert_memory_equal(text, texts[i], count);
        assert_true(tally_statement_decode(text, count, &again, NULL));
        assert_memory_equal(&statement, &again, sizeof(again));
    }
}

static void test_values(void **state)
{
    struct tally_statement_header header;

    (void)state;
    assert_true(tally_statement_decode_header(AUTHORITY, strlen(AUTHORITY), &header, NULL));
    assert_int_equal(header.type, TALLY_STATEMENT_AUTHORITY);
    assert_string_equal(header.issuer, "demo");
    assert_string_equal(header.subject, "gb");
    assert_int_equal(header.serial, UINT32_MAX);
    assert_int_equal(header.not_before.us, INT64_C(1795219200) * TALLY_US_PER_S);

    assert_true(tally_statement_decode(RANGE, strlen(RANGE), &statement, NULL));
    assert_int_equal(statement.range.range_count, 3);
    assert_int_equal(statement.range.ranges[1].prefix, 4420);
    assert_int_equal(statement.range.ranges[1].digits_min, 12);
    assert_int_equal(statement.range.ranges[0].digits_max, 0);

    assert_true(tally_statement_decode(NUMBERING, strlen(NUMBERING), &statement, NULL));
    assert_int_equal(statement.numbering.line_count, 3);
    assert_int_equal(statement.numbering.lines[0].authorise_count, 2);
    assert_string_equal(statement.numbering.lines[0].others[2], "delta");
    assert_int_equal(statement.numbering.lines[2].strictness, TALLY_CDB_STRICT_DIRECT);
    assert_true(statement.numbering.lines[2].is_onward);
    assert_false(statement.numbering.lines[2].is_busy);

    assert_true(tally_statement_decode(OPERATOR, strlen(OPERATOR), &statement, NULL));
    assert_int_equal(statement.op.noise_key_count, 2);
    assert_int_equal(statement.op.noise_keys[1][31], 4);
    assert_int_equal(statement.op.evidence_key[0], 2);
    assert_string_equal(statement.op.endpoints[1], "tcp://[2001:db8::1]:65535");
}

/* The first place of `from` in a text becomes `to`. */
static size_t change(const char *text, const char *from, const char *to, char *out, size_t size)
{
    const char *at = strstr(text, from);
    int count;

    assert_non_null(at);
    count = snprintf(out, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_true(count > 0 && (size_t)count < size);
    return (size_t)count;
}

static void test_one_thing_changed(void **state)
{
    static const struct {
        const char *text;
        const char *from, *to;
        enum tally_refusal want;
        uint32_t line;
    } rows[] = {
        {ROOT, "demo", "demo-2", TALLY_REFUSAL_FORMAT, 3}, /* issuer is not the subject */
        {ROOT, "tallystick/1", "tallystick/2", TALLY_REFUSAL_VERSION, 1},
        {ROOT, "tallystick/1 ", "", TALLY_REFUSAL_VERSION, 1},
        {ROOT, " root", " roots", TALLY_REFUSAL_UNKNOWN_TYPE, 1},
        {ROOT, "serial 1", "serial 0", TALLY_REFUSAL_FORMAT, 4},
        {ROOT, "serial 1", "serial 01", TALLY_REFUSAL_FORMAT, 4},
        {ROOT, "serial 1", "serial 4294967296", TALLY_REFUSAL_FORMAT, 4},
        {ROOT, "serial 1", "serial  1", TALLY_REFUSAL_FORMAT, 4},
        {ROOT, "serial 1", "serial 1 ", TALLY_REFUSAL_FORMAT, 4},
        {ROOT, "serial 1\n", "", TALLY_REFUSAL_FORMAT, 4},
        {ROOT, "serial 1", "serial 1\nserial 1", TALLY_REFUSAL_FORMAT, 5},
        {ROOT, "2027-11-21T00:00:00Z", "2027-11-22T00:00:00Z", TALLY_REFUSAL_NONE, 0}, /* 366 */
        {ROOT, "2027-11-21T00:00:00Z", "2027-11-22T00:00:01Z", TALLY_REFUSAL_LIFETIME, 6},
        {ROOT, "expires 2027-11-21T00:00:00Z", "expires 2026-11-21T00:00:00Z",
         TALLY_REFUSAL_LIFETIME, 6},
        {ROOT, "expires 2027-11-21T00:00:00Z", "expires 2026-11-21T00:00:01Z", TALLY_REFUSAL_NONE,
         0},
        {ROOT, "00:00:00Z", "00:00:60Z", TALLY_REFUSAL_FORMAT, 5},
        {ROOT, "2026-11-21", "2026-11-31", TALLY_REFUSAL_FORMAT, 5},
        {ROOT, "00:00:00Z", "00:00:00.0Z", TALLY_REFUSAL_FORMAT, 5},
        {ROOT, "threshold 2", "threshold 3", TALLY_REFUSAL_FORMAT, 11},
        {ROOT, "threshold 2", "threshold 0", TALLY_REFUSAL_FORMAT, 8},
        {ROOT, "quorum 1", "quorum 2", TALLY_REFUSAL_FORMAT, 13},
        {ROOT, "wire-minor-min 0", "wire-minor-min 256", TALLY_REFUSAL_FORMAT, 7},
        {ROOT, "wire-minor-min 0", "wire-minor-min 255", TALLY_REFUSAL_NONE, 0},
        {ROOT, "key r1", "key r3", TALLY_REFUSAL_FORMAT, 10}, /* names ascend */
        {ROOT, "key r1", "key r2", TALLY_REFUSAL_FORMAT, 10},
        {ROOT, "key r1", "key R1", TALLY_REFUSAL_FORMAT, 9},
        {ROOT, KEY_B, KEY_A, TALLY_REFUSAL_FORMAT, 10},    /* one key under two names */
        {ROOT, "r1 AQ", "r1 Ag", TALLY_REFUSAL_FORMAT, 9}, /* another algorithm */
        {ROOT, "witness w1", "witness  w1", TALLY_REFUSAL_FORMAT, 12},
        {ROOT, "quorum", "extra 1\nquorum", TALLY_REFUSAL_FORMAT, 11},
        {AUTHORITY, "country +1242\n", "country +44\n", TALLY_REFUSAL_FORMAT, 8},
        {AUTHORITY, "country +1242\n", "country +442\n", TALLY_REFUSAL_FORMAT, 8},
        {AUTHORITY, "country +1242\ncountry +44\n", "", TALLY_REFUSAL_FORMAT, 7},
        {AUTHORITY, "+1242", "1242", TALLY_REFUSAL_FORMAT, 7},
        {AUTHORITY, "+1242", "+0", TALLY_REFUSAL_FORMAT, 7},
        {AUTHORITY, "2027-12-26T00:00:00Z", "2027-12-26T00:00:01Z", TALLY_REFUSAL_LIFETIME, 6},
        {RANGE, "part 1", "part 0", TALLY_REFUSAL_FORMAT, 4},
        {RANGE, "part 1", "part 65535", TALLY_REFUSAL_NONE, 0},
        {RANGE, "part 1", "part 65536", TALLY_REFUSAL_FORMAT, 4},
        {RANGE, "part 1\n", "", TALLY_REFUSAL_FORMAT, 4},
        {RANGE, "2027-03-01T00:00:00Z", "2027-03-01T00:00:01Z", TALLY_REFUSAL_LIFETIME, 7},
        {RANGE, "range +44\n", "range +46\n", TALLY_REFUSAL_FORMAT, 9},
        {RANGE, "range +45\n", "range +4420\n", TALLY_REFUSAL_FORMAT, 10},
        {RANGE, "12-12", "12-11", TALLY_REFUSAL_FORMAT, 9},
        {RANGE, "12-12", "4-15", TALLY_REFUSAL_NONE, 0},
        {RANGE, "12-12", "3-15", TALLY_REFUSAL_FORMAT, 9}, /* shorter than the prefix */
        {RANGE, "12-12", "4-16", TALLY_REFUSAL_FORMAT, 9},
        {RANGE, "12-12", "12", TALLY_REFUSAL_FORMAT, 9},
        {RANGE, "+4420", "+4420123456789012", TALLY_REFUSAL_FORMAT, 9}, /* 16 digits */
        {RANGE, "+4420 digits 12-12", "+442012345678901", TALLY_REFUSAL_NONE, 0},
        {RANGE, "range +44\nrange +4420 digits 12-12\nrange +45\n", "", TALLY_REFUSAL_NONE, 0},
        {RANGE, "issuer gb", "issuer g b", TALLY_REFUSAL_FORMAT, 2},
        {RANGE, "issuer gb", "issuer ", TALLY_REFUSAL_FORMAT, 2},
        {RANGE, "subject", "Subject", TALLY_REFUSAL_FORMAT, 3},
        {NUMBERING, "answers=calls", "answers=call", TALLY_REFUSAL_FORMAT, 8},
        {NUMBERING, "policy=strict ", "policy=strictly ", TALLY_REFUSAL_FORMAT, 8},
        {NUMBERING, "busy onward", "onward busy", TALLY_REFUSAL_FORMAT, 8},
        {NUMBERING, "busy onward", "busy busy", TALLY_REFUSAL_FORMAT, 8},
        {NUMBERING, "bravo,charlie", "charlie,bravo", TALLY_REFUSAL_FORMAT, 8},
        {NUMBERING, "bravo,charlie", "bravo,bravo", TALLY_REFUSAL_FORMAT, 8},
        {NUMBERING, "bravo,charlie", "bravo,", TALLY_REFUSAL_FORMAT, 8},
        {NUMBERING, "bravo,charlie", "b1,b2,b3,b4,b5,b6", TALLY_REFUSAL_NONE, 0}, /* 7 with delta */
        {NUMBERING, "bravo,charlie", "b1,b2,b3,b4,b5,b6,b7", TALLY_REFUSAL_FORMAT, 8},
        {NUMBERING, "+4420 ", "+4422 ", TALLY_REFUSAL_FORMAT, 10},
        {NUMBERING, "+4420 ", "+4421 ", TALLY_REFUSAL_FORMAT, 10},
        {NUMBERING, "2026-12-21T00:00:00Z", "2026-12-21T00:00:01Z", TALLY_REFUSAL_LIFETIME, 7},
        {OPERATOR, NOISE_B, NOISE_A, TALLY_REFUSAL_FORMAT, 11},
        {OPERATOR, "noise-key-next " NOISE_B "\n", "", TALLY_REFUSAL_NONE, 0},
        {OPERATOR, "AwMD", "AwM", TALLY_REFUSAL_FORMAT, 10},
        {OPERATOR, "AwMDAwM=", "AwMDAwN=", TALLY_REFUSAL_FORMAT, 10}, /* bits behind the end */
        {OPERATOR, "wire-minor 0-1", "wire-minor 2-1", TALLY_REFUSAL_FORMAT, 12},
        {OPERATOR, "tcp://127.0.0.1:7001", "tcp://*:7001", TALLY_REFUSAL_FORMAT, 13},
        {OPERATOR, "tcp://127.0.0.1:7001", "tcp://[2001:db8::1]:65535", TALLY_REFUSAL_FORMAT, 14},
        {OPERATOR, "endpoint tcp://127.0.0.1:7001\nendpoint tcp://[2001:db8::1]:65535\n", "",
         TALLY_REFUSAL_FORMAT, 13},
        {OPERATOR, "egress 127.0.0.2", "egress 127.0.0.02", TALLY_REFUSAL_FORMAT, 15},
        {OPERATOR, "egress 2001:db8::2", "egress 127.0.0.2", TALLY_REFUSAL_FORMAT, 16},
        {OPERATOR, "egress 127.0.0.2\negress 2001:db8::2\n", "", TALLY_REFUSAL_NONE, 0},
        {OPERATOR, "redress fraud", "redress  fraud", TALLY_REFUSAL_FORMAT, 17},
        {OPERATOR, "redress fraud desk <noc@alfa.example>\n", "", TALLY_REFUSAL_NONE, 0},
        {OPERATOR, "redress fraud", "redress fr\xc3\xa4ud", TALLY_REFUSAL_CHARACTER, 17},
        {OPERATOR, "redress fraud", "redress fra\x07ud", TALLY_REFUSAL_CHARACTER, 17},
        {STAMP, "statements 5", "statements -5", TALLY_REFUSAL_FORMAT, 7},
        {STAMP, "2026-11-28T00:00:00Z", "2026-11-28T00:00:01Z", TALLY_REFUSAL_LIFETIME, 6},
    };
    char text[TALLY_NOTE_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t count = change(rows[i].text, rows[i].from, rows[i].to, text, sizeof(text));
        struct tally_statement_fault fault;
        bool is_taken = tally_statement_decode(text, count, &statement, &fault);

        if (is_taken != (rows[i].want == TALLY_REFUSAL_NONE) || fault.refusal != rows[i].want ||
            fault.line != rows[i].line) {
            fail_msg("%s -> %s: %s in line %u, expected %s", rows[i].from, rows[i].to,
                     tally_refusal_name(fault.refusal), fault.line,
                     fault.expected != NULL ? fault.expected : "-");
        }
    }
}

/* Whom an unreadable statement concerns has to be known. */
static void test_what_is_left_of_a_refused_one(void **state)
{
    static const char unknown[] = "tallystick/1 revoke\nissuer gb\nsubject alfa\nanything\n";

    (void)state;
    assert_false(tally_statement_decode(unknown, strlen(unknown), &statement, NULL));
    assert_int_equal(statement.header.type, TALLY_STATEMENT_NONE);
    assert_string_equal(statement.header.issuer, "gb");
    assert_string_equal(statement.header.subject, "alfa");
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TEXT_COUNT; i++) {
        size_t whole = strlen(texts[i]);

        for (size_t count = 0; count < whole; count++) {
            bool is_taken = tally_statement_decode(texts[i], count, &statement, NULL);

            /* Only optional lines at the end may be missing without anybody noticing. */
            if (is_taken && texts[i][count - 1] != '\n') {
                fail_msg("text %u, %zu bytes", i, count);
            }
        }
    }
}

static void test_every_changed_byte(void **state)
{
    char text[TALLY_NOTE_BYTES_MAX];
    char encoded[TALLY_NOTE_BYTES_MAX];
    size_t taken_count = 0;

    (void)state;
    for (unsigned i = 0; i < TEXT_COUNT; i++) {
        size_t count = strlen(texts[i]);

        memcpy(text, texts[i], count);
        for (size_t at = 0; at < count; at++) {
            for (size_t byte = 0; byte < 256; byte += 1 + 2 * (at % 2)) {
                size_t encoded_count = 0;

                text[at] = (char)byte;
                if (tally_statement_decode(text, count, &statement, NULL)) {
                    assert_int_equal(tally_statement_encode(&statement, encoded, sizeof(encoded),
                                                            &encoded_count),
                                     TALLY_ERR_OK);
                    assert_int_equal(encoded_count, count);
                    assert_memory_equal(encoded, text, count);
                    taken_count++;
                }
            }
            text[at] = texts[i][at];
        }
    }
    assert_true(taken_count > 1000);
}

static void test_encoding_needs_room(void **state)
{
    char text[TALLY_NOTE_BYTES_MAX];
    size_t count = 1;

    (void)state;
    assert_true(tally_statement_decode(OPERATOR, strlen(OPERATOR), &statement, NULL));
    assert_int_equal(tally_statement_encode(&statement, text, strlen(OPERATOR) - 1, &count),
                     TALLY_ERR_LIMIT);
    assert_int_equal(count, 0);
    assert_int_equal(tally_statement_encode(&statement, text, strlen(OPERATOR), &count),
                     TALLY_ERR_OK);
}

/* As many lines as fit: 512 ranges are taken, 513 are not; the same for 128 and 129 of numbering.
 */
static void test_list_bounds(void **state)
{
    static char text[4 * TALLY_NOTE_BYTES_MAX];

    (void)state;
    for (unsigned count = 512; count <= 513; count++) {
        size_t at =
            (size_t)snprintf(text, sizeof(text), "%s", RANGE_HEAD TIMES("2027-03-01T00:00:00Z"));
        struct tally_statement_fault fault;

        for (unsigned i = 0; i < count; i++) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "range +44%03u\n", i);
        }
        assert_int_equal(tally_statement_decode(text, at, &statement, &fault), count == 512);
        assert_int_equal(fault.line, count == 512 ? 0 : 8 + 512);
    }
    for (unsigned count = 128; count <= 129; count++) {
        size_t at = (size_t)snprintf(text, sizeof(text), "%s",
                                     NUMBERING_HEAD TIMES("2026-12-21T00:00:00Z"));
        struct tally_statement_fault fault;

        for (unsigned i = 0; i < count; i++) {
            at +=
                (size_t)snprintf(text + at, sizeof(text) - at,
                                 "numbers +44%03u answers=none mobility=fixed policy=strict\n", i);
        }
        assert_int_equal(tally_statement_decode(text, at, &statement, &fault), count == 128);
    }
}

static void test_prefixes(void **state)
{
    (void)state;
    assert_true(tally_prefix_is_within(4420, 44));
    assert_true(tally_prefix_is_within(44, 44));
    assert_false(tally_prefix_is_within(4, 44));
    assert_false(tally_prefix_is_within(45, 44));
    assert_true(tally_prefix_is_within(440, 44));
    assert_int_equal(tally_prefix_compare(44, 4400), -1); /* aligned alike */
    assert_int_equal(tally_prefix_compare(4400, 44), 1);
    assert_int_equal(tally_prefix_compare(44, 44), 0);
    assert_int_equal(tally_prefix_compare(4499, 45), -1);
    assert_int_equal(tally_prefix_compare(5, 44), 1);
}

static void test_calendar(void **state)
{
    static const struct {
        const char *text;
        int64_t s;
    } rows[] = {
        {"1970-01-01T00:00:01Z", 1},          {"2000-02-29T23:59:59Z", 951868799},
        {"2024-12-31T00:00:00Z", 1735603200}, {"2026-11-21T19:40:02Z", 1795290002},
        {"2100-03-01T00:00:00Z", 4107542400}, {"2199-12-31T23:59:59Z", TALLY_CALENDAR_END_S - 1},
    };
    static const char *const refused[] = {
        "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00",
        "2026-01-01T00:00:00z", "+026-01-01T00:00:00Z", "",
    };
    char text[TALLY_CALENDAR_TEXT_BYTES];
    struct tally_wall instant;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(tally_calendar_parse(rows[i].text, strlen(rows[i].text), &instant));
        assert_int_equal(instant.us, rows[i].s * TALLY_US_PER_S);
        tally_calendar_format(instant, text);
        assert_string_equal(text, rows[i].text);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_false(tally_calendar_parse(refused[i], strlen(refused[i]), &instant));
        assert_int_equal(instant.us, 0);
    }
    tally_calendar_format((struct tally_wall){0}, text);
    assert_string_equal(text, "-");
    tally_calendar_format((struct tally_wall){TALLY_CALENDAR_END_S * TALLY_US_PER_S}, text);
    assert_string_equal(text, "-");
}

static void test_addresses(void **state)
{
    static const char *const valid[] = {
        "0.0.0.0",         "255.255.255.255",      "::",        "::1", "1::", "2001:db8::1:0:0:1",
        "1:2:3:4:5:6:7:8", "2001:db8:0:1:1:1:1:1", "1:0:0:2::3"};
    static const char *const refused[] = {"",
                                          "256.0.0.1",
                                          "1.2.3",
                                          "1.2.3.4.5",
                                          "01.2.3.4",
                                          "1.2.3.4 ",
                                          ":",
                                          ":::",
                                          "1:2:3:4:5:6:7",
                                          "1::2::3",
                                          "::ABCD",
                                          "0001::",
                                          "0:0::1",
                                          "1:2:3:4:5:6:7::8",
                                          "2001:db8:0:0:1::1",
                                          "1:2:3:4:5:6:7:8:9",
                                          "::1.2.3.4",
                                          "12345::",
                                          "1:2:3:4:5:6:7:",
                                          ":1:2:3:4:5:6:7",
                                          "1:0:0:2:3:4:5:6",
                                          "::g"};
    static const char *const endpoints[] = {"tcp://127.0.0.1:1", "tcp://[::1]:7001",
                                            "tcp://a.example:65535", "tcp://a-b.c1:80"};
    static const char *const no_endpoints[] = {
        "",
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:080",
        "tcp://:80",
        "tcp://::1:80",
        "tcp://[::1:80",
        "tcp://[]:80",
        "tcp://256.1.1.1:80",
        "tcp://-a.example:80",
        "tcp://a-.example:80",
        "tcp://a..example:80",
        "tcp://a.example.:80",
        "tcp://A.example:80",
        "tcp://a_b:80",
        "udp://127.0.0.1:80",
        "tcp://127.0.0.1;127.0.0.2:80",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        assert_true(tally_address_is_valid(valid[i], strlen(valid[i])));
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (tally_address_is_valid(refused[i], strlen(refused[i]))) {
            fail_msg("taken: %s", refused[i]);
        }
    }
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        assert_true(tally_endpoint_is_valid(endpoints[i], strlen(endpoints[i])));
    }
    for (size_t i = 0; i < sizeof(no_endpoints) / sizeof(no_endpoints[0]); i++) {
        if (tally_endpoint_is_valid(no_endpoints[i], strlen(no_endpoints[i]))) {
            fail_msg("taken: %s", no_endpoints[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_type_there_and_back),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_one_thing_changed),
        cmocka_unit_test(test_what_is_left_of_a_refused_one),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_every_changed_byte),
        cmocka_unit_test(test_encoding_needs_room),
        cmocka_unit_test(test_list_bounds),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
