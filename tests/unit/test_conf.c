/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a wrong configuration never starts a daemon, and says where and why; a right one arrives
 * whole, and its dump is the same configuration.
 * Method: tables of texts with the words their fault must hold, bounds tried just inside and just
 * outside, for tallyd's own table and for a small one that uses what tallyd's does not.
 */
#include "conf/tallyd_conf.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define ROOT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NEEDED                                                                                     \
    "operator = \"op-a.example\";\n"                                                               \
    "noise_key_file = \"/etc/tally/noise.key\";\n"                                                 \
    "listen = \"tcp://127.0.0.1:7301\";\n"                                                         \
    "cdb_directory = \"/var/lib/cdb\";\n"                                                          \
    "cdb_root = \"" ROOT "\";\n"
#define NEEDED_LINES 5

static enum tally_err load(const char *text, struct tally_daemon_conf *conf,
                           struct tally_fault *fault)
{
    memset(conf, 0x5a, sizeof(*conf));
    memset(fault, 0, sizeof(*fault));
    return tally_conf_load_text(&tally_daemon_conf_table, "t.conf", text, conf, fault);
}

static void test_defaults(void **state)
{
    struct tally_daemon_conf conf;
    struct tally_fault fault;

    (void)state;
    assert_int_equal(load(NEEDED, &conf, &fault), TALLY_ERR_OK);
    assert_string_equal(conf.operator_id, "op-a.example");
    assert_string_equal(conf.listen, "tcp://127.0.0.1:7301");
    assert_string_equal(conf.source_address, "");
    assert_string_equal(conf.control_socket, "/run/tally/control");
    assert_int_equal(conf.match_window_s, 60);
    assert_int_equal(conf.open_leg_s, 3600);
    assert_int_equal(conf.release_tail_s, 60);
    assert_int_equal(conf.strict_after_days, 14);
    assert_int_equal(conf.evidence_days, 30);
    assert_int_equal(conf.policy.mode, TALLY_MODE_SHADOW);
    assert_int_equal(conf.policy.block_cause, 21);
    assert_int_equal(conf.feed_count, 0);
    assert_int_equal(conf.log_level, TALLY_LOG_NOTICE);
}

/* Each row: what is appended to the required lines, and what the fault must say. */
static const struct {
    const char *what;
    const char *more;
    const char *words[3];
} faults[] = {
    {"unknown key", "call_mx = 5;", {"t.conf:6:", "unknown setting call_mx", "call_max"}},
    {"unknown key in a group",
     "policy = {\n  mod = \"shadow\";\n};",
     {"t.conf:7:", "policy.mod", "nearest one is mode"}},
    {"unknown key in a list",
     "feeds = (\n { name = \"a\"; class = \"causal\"; },\n { nme = \"b\"; } );",
     {"t.conf:8:", "feeds[1].nme", "nearest one is name"}},
    {"string for an integer",
     "\ncall_max = \"7\";",
     {"t.conf:7:", "call_max is \"7\"", "an integer from 16 to 16777215 calls"}},
    {"float for an integer", "peer_max = 1.5;", {"t.conf:6:", "peer_max is 1.5", "an integer"}},
    {"integer for a string", "source_address = 5;", {"t.conf:6:", "source_address is 5", "text"}},
    {"integer for a bool",
     "feeds = ( { name = \"a\"; class = \"causal\"; required = 1; } );",
     {"t.conf:6:", "feeds[0].required is 1", "true or false"}},
    {"group for a list", "feeds = { };", {"t.conf:6:", "feeds is a group", "( { ... }, ... )"}},
    {"string in a list of groups",
     "feeds = ( \"a\" );",
     {"t.conf:6:", "feeds[0] is \"a\"", "groups"}},
    {"list for a group", "policy = ( );", {"t.conf:6:", "policy is a list", "a group { ... }"}},
    {"no such word",
     "policy = { mode = \"block\"; };",
     {"t.conf:6:", "policy.mode is \"block\"", "\"shadow\", \"label\", \"enforce\""}},
    {"below its bounds", "match_window_s = 0;", {"t.conf:6:", "match_window_s is 0", "1 to 600 s"}},
    {"above its bounds", "match_window_s = 601;", {"t.conf:6:", "is 601", "1 to 600 s"}},
    {"wraps to a good value in libconfig",
     "match_window_s = 4294967356;",
     {"t.conf:6:", "4294967356 does not fit", "an L at their end"}},
    {"the same in hex", "match_window_s = 0x10000003C;", {"t.conf:6:", "does not fit", ""}},
    {"long integer out of bounds",
     "match_window_s = 4294967356L;",
     {"t.conf:6:", "match_window_s is 4294967356", "1 to 600 s"}},
    {"over 64 bits", "match_window_s = 18446744073709551676L;", {"t.conf:6:", "does not fit", ""}},
    {"missing in a group of a list",
     "feeds = (\n { name = \"a\"; } );",
     {"t.conf:7:", "feeds[0].class is missing", "one of \"causal\""}},
    {"two feeds of one name",
     "feeds = ( { name = \"a\"; class = \"causal\"; },\n {\n name = \"a\"; class = \"causal\"; } "
     ");",
     {"t.conf:8:", "two feeds are named \"a\"", ""}},
    {"a cause that re-routes",
     "policy = {\n block_cause = 34;\n};",
     {"t.conf:7:", "block_cause is 34", "such as 21"}},
    {"more inquiries than calls",
     "call_max = 100;\ninquiry_max = 101;",
     {"t.conf:7:", "inquiry_max is 101", "at most call_max"}},
    {"doubled key", "call_max = 100;\ncall_max = 100;", {"t.conf:7:", "duplicate setting", ""}},
    {"syntax", "call_max 100;", {"t.conf:6:", "syntax error", "key = value;"}},
    {"include", "@include \"other.conf\"", {"t.conf:6:", "@include is not supported", ""}},
    {"a line break in a string",
     "source_address = \"1\n2\";",
     {"t.conf:", "source_address is \"1?2\"", "IPv4"}},
    {"not an address", "source_address = \"127.0.0.256\";", {"t.conf:6:", "127.0.0.256", "IPv4"}},
    {"relative path", "state_directory = \"var\";", {"t.conf:6:", "\"var\"", "absolute path"}},
    {"capital feed name",
     "feeds = ( { name = \"A\"; class = \"causal\"; } );",
     {"t.conf:6:", "feeds[0].name is \"A\"", "lower-case"}},
};

static void test_faults(void **state)
{
    char text[2048];
    struct tally_daemon_conf conf;
    struct tally_daemon_conf before;
    struct tally_fault fault;

    (void)state;
    memset(&before, 0x5a, sizeof(before));
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        (void)snprintf(text, sizeof(text), "%s%s\n", NEEDED, faults[i].more);
        assert_int_equal(load(text, &conf, &fault), TALLY_ERR_CONFIG);
        assert_int_equal(fault.err, TALLY_ERR_CONFIG);
        for (size_t k = 0; k < 3; k++) {
            if (strstr(fault.text, faults[i].words[k]) == NULL) {
                fail_msg("%s: \"%s\" lacks \"%s\"", faults[i].what, fault.text, faults[i].words[k]);
            }
        }
        assert_null(strchr(fault.text, '\n'));
        assert_memory_equal(&conf, &before, sizeof(conf));
    }
}

/* Each required setting, left out, is asked for by name. */
static void test_missing(void **state)
{
    static const char *const keys[] = {"operator", "noise_key_file", "listen", "cdb_directory",
                                       "cdb_root"};
    struct tally_daemon_conf conf;
    struct tally_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char text[1024] = NEEDED;
        char want[64];
        char *line = strstr(text, keys[i]);

        memmove(line, strchr(line, '\n') + 1, strlen(strchr(line, '\n') + 1) + 1);
        (void)snprintf(want, sizeof(want), "t.conf:1: %s is missing", keys[i]);
        assert_int_equal(load(text, &conf, &fault), TALLY_ERR_CONFIG);
        assert_non_null(strstr(fault.text, want));
    }
}

static const struct {
    const char *line;
    enum tally_err want;
} edges[] = {
    {"match_window_s = 1;", TALLY_ERR_OK},
    {"match_window_s = 600;", TALLY_ERR_OK},
    {"call_max = 16; inquiry_max = 16;", TALLY_ERR_OK},
    {"call_max = 15; inquiry_max = 15;", TALLY_ERR_CONFIG},
    {"call_max = 16777215;", TALLY_ERR_OK},
    {"call_max = 16777216;", TALLY_ERR_CONFIG},
    {"call_max = 0xFFFFFF;", TALLY_ERR_OK},
    {"call_max = 0x1000000;", TALLY_ERR_CONFIG},
    {"peer_max = 16384;", TALLY_ERR_OK},
    {"peer_max = 16385;", TALLY_ERR_CONFIG},
    {"strict_after_days = 0;", TALLY_ERR_OK},
    {"strict_after_days = -1;", TALLY_ERR_CONFIG},
    {"source_address = \"127.0.0.2\";", TALLY_ERR_OK},
    {"source_address = \"::1\";", TALLY_ERR_OK},
    {"source_address = \"localhost\";", TALLY_ERR_CONFIG},
    {"policy = { };", TALLY_ERR_OK},
    {"policy = { block_cause = 127; };", TALLY_ERR_OK},
    {"policy = { block_cause = 128; };", TALLY_ERR_CONFIG},
    {"feeds = ( );", TALLY_ERR_OK},
    {"feeds = ( { name = \"abcdefghijklmnopqrstuvw\"; class = \"record\"; } );", TALLY_ERR_OK},
    {"feeds = ( { name = \"abcdefghijklmnopqrstuvwx\"; class = \"record\"; } );", TALLY_ERR_CONFIG},
    {"/* 99999999999 */ # 99999999999\n// @include\nsource_address = \"\";", TALLY_ERR_OK},
};

static void test_edges(void **state)
{
    char text[2048];
    struct tally_daemon_conf conf;
    struct tally_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        (void)snprintf(text, sizeof(text), "%s%s\n", NEEDED, edges[i].line);
        if (load(text, &conf, &fault) != edges[i].want) {
            fail_msg("%s: %s", edges[i].line, fault.text);
        }
    }
}

static void test_listen(void **state)
{
    static const struct {
        const char *endpoint;
        enum tally_err want;
    } rows[] = {
        {"tcp://127.0.0.1:1", TALLY_ERR_OK},         {"tcp://127.0.0.1:65535", TALLY_ERR_OK},
        {"tcp://127.0.0.1:65536", TALLY_ERR_CONFIG}, {"tcp://127.0.0.1:0", TALLY_ERR_CONFIG},
        {"tcp://127.0.0.1:", TALLY_ERR_CONFIG},      {"tcp://127.0.0.1:7x", TALLY_ERR_CONFIG},
        {"tcp://127.0.0.1:070", TALLY_ERR_CONFIG},   {"tcp://[::1]:7301", TALLY_ERR_OK},
        {"tcp://::1:7301", TALLY_ERR_CONFIG},        {"tcp://[::1:7301", TALLY_ERR_CONFIG},
        {"tcp://[]:7301", TALLY_ERR_CONFIG},         {"tcp://127.0.0:7301", TALLY_ERR_CONFIG},
        {"udp://127.0.0.1:7301", TALLY_ERR_CONFIG},  {"tcp://host:7301", TALLY_ERR_CONFIG},
        {"tcp://127.0.0.1", TALLY_ERR_CONFIG},       {"tcp:///////////", TALLY_ERR_CONFIG},
    };
    struct tally_daemon_conf conf;
    struct tally_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024] = NEEDED;
        char *line = strstr(text, "listen");
        char *rest = strchr(line, '\n') + 1;
        char tail[1024];

        (void)snprintf(tail, sizeof(tail), "%s", rest);
        (void)snprintf(line, (size_t)(text + sizeof(text) - line), "listen = \"%s\";\n%s",
                       rows[i].endpoint, tail);
        if (load(text, &conf, &fault) != rows[i].want) {
            fail_msg("%s: %s", rows[i].endpoint, fault.text);
        }
    }
}

static const char full[] = NEEDED
    "source_address = \"127.0.0.2\"; cdb_poll_s = 1; state_max_mib = 16; call_max = 4096;\n"
    "inquiry_max = 1024; match_window_s = 61; open_leg_s = 100; release_tail_s = 0;\n"
    "strict_after_days = 0; evidence_days = 31; log_level = \"debug\";\n"
    "policy = { mode = \"enforce\"; block_cause = 111; };\n"
    "feeds = ( { name = \"sip\"; class = \"causal\"; side = \"originating\"; },\n"
    "  { name = \"hep\"; class = \"ordered\"; side = \"terminating\"; required = false; } );\n";

static void test_registry_config(void **state)
{
    struct tally_daemon_conf conf;
    struct tally_fault fault;
    struct tally_registry_config config;
    uint8_t root[TALLY_DAEMON_ROOT_BYTES];

    (void)state;
    assert_int_equal(load(full, &conf, &fault), TALLY_ERR_OK);
    tally_daemon_conf_registry(&conf, &config);
    assert_string_equal(config.operator_id, "op-a.example");
    assert_int_equal(config.call_max, 4096);
    assert_int_equal(config.inquiry_max, 1024);
    assert_int_equal(config.match_window_us, 61000000);
    assert_int_equal(config.open_leg_us, 100000000);
    assert_int_equal(config.release_tail_us, 0);
    assert_int_equal(config.strict_after_us, 0);
    assert_int_equal(config.due_min_us, 300000);
    assert_int_equal(config.due_max_us, 800000);
    assert_int_equal(config.block_fresh_us, INT64_C(21600000000));
    assert_int_equal(config.usable_fresh_us, INT64_C(604800000000));
    assert_int_equal(config.policy.mode, TALLY_MODE_ENFORCE);
    assert_int_equal(config.policy.block_cause, 111);
    assert_int_equal(config.feed_count, 2);
    assert_int_equal(config.feeds[0].feed_class, TALLY_FEED_CAUSAL);
    assert_int_equal(config.feeds[0].side, TALLY_SIDE_ORIGINATING);
    assert_true(config.feeds[0].is_required);
    assert_int_equal(config.feeds[1].feed_class, TALLY_FEED_ORDERED);
    assert_int_equal(config.feeds[1].side, TALLY_SIDE_TERMINATING);
    assert_false(config.feeds[1].is_required);
    assert_int_equal(config.boot, 0);
    tally_daemon_conf_root(&conf, root);
    assert_int_equal(root[1], 0x11);
    assert_int_equal(root[31], 0xff);
}

/* The dump of a table's struct, NUL-terminated, to be freed. */
static char *dump_of(const struct tally_conf_table *table, const void *object)
{
    FILE *file = tmpfile();
    char *text = calloc(1, 65536);

    assert_non_null(file);
    assert_non_null(text);
    assert_int_equal(tally_conf_dump(table, object, file, NULL), TALLY_ERR_OK);
    rewind(file);
    assert_in_range(fread(text, 1, 65535, file), 1, 65534);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void test_dump_reloads(void **state)
{
    struct tally_daemon_conf conf;
    struct tally_daemon_conf again;
    struct tally_fault fault;
    char *text;

    (void)state;
    assert_int_equal(load(full, &conf, &fault), TALLY_ERR_OK);
    text = dump_of(&tally_daemon_conf_table, &conf);
    if (load(text, &again, &fault) != TALLY_ERR_OK) {
        fail_msg("%s in\n%s", fault.text, text);
    }
    assert_memory_equal(&conf, &again, sizeof(conf));
    assert_non_null(strstr(text, "# Expects an integer from 1 to 600 s; default 60.\n"
                                 "match_window_s = 61;\n"));
    assert_non_null(strstr(text, "; required.\noperator = "));
    free(text);
}

/* --- a table with what tallyd's has not: lists of texts, groups in groups, long integers --- */

struct inner {
    char names[3][8];
    uint32_t name_count;
    int64_t big;
};
struct outer {
    struct inner list[2];
    uint32_t list_count;
    struct inner one;
    char text[32];
};

static const struct tally_conf_setting inner_rows[] = {
    {.key = "names",
     .type = TALLY_CONF_STRINGS,
     .min = 1,
     .max = 7,
     .sentence = "Names.",
     TALLY_CONF_LIST_AT(struct inner, names, name_count)},
    {.key = "big",
     .type = TALLY_CONF_INT,
     .by_default = "3000000000",
     .min = 0,
     .max = INT64_MAX,
     .sentence = "Big.",
     TALLY_CONF_AT(struct inner, big)},
};
static const struct tally_conf_table inner_table = TALLY_CONF_TABLE(struct inner, inner_rows, NULL);
static const struct tally_conf_setting outer_rows[] = {
    {.key = "list",
     .type = TALLY_CONF_GROUPS,
     .need = TALLY_CONF_REQUIRED,
     .min = 1,
     .max = 2,
     .table = &inner_table,
     .sentence = "List.",
     TALLY_CONF_LIST_AT(struct outer, list, list_count)},
    {.key = "one",
     .type = TALLY_CONF_GROUP,
     .table = &inner_table,
     .sentence = "One.",
     TALLY_CONF_AT(struct outer, one)},
    {.key = "text",
     .type = TALLY_CONF_STRING,
     .max = 31,
     .sentence = "Text.",
     TALLY_CONF_AT(struct outer, text)},
};
static const struct tally_conf_table outer_table = TALLY_CONF_TABLE(struct outer, outer_rows, NULL);

static void test_lists(void **state)
{
    static const struct {
        const char *text;
        const char *want; /* NULL: loads */
    } rows[] = {
        {"list = ( { names = [\"a\", \"bc\", \"1234567\"]; } );", NULL},
        {"list = ( { names = (\"a\"); }, { names = []; big = 9223372036854775807L; } );", NULL},
        {"list = ( );", "t.conf:1: list is a list ( ... ) of 0, expected a list of 1 to 2 groups"},
        {"list = ( { }, { },\n { } );", "list is a list ( ... ) of 3"},
        {"list = ( { names = [\"12345678\"]; } );", "list[0].names[0] is \"12345678\""},
        {"list = ( { names = [\"\"]; } );", "list[0].names[0] is \"\""},
        {"list = ( { names = [1, 2]; } );", "list[0].names[0] is 1"},
        {"list = ( { names = [\"a\",\"b\",\"c\",\"d\"]; } );", "up to 3 texts"},
        {"list = ( { } ); one = { names = \"a\"; };", "one.names is \"a\""},
    };
    struct outer outer;
    struct outer again;
    struct tally_fault fault = {TALLY_ERR_OK, ""};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum tally_err err =
            tally_conf_load_text(&outer_table, "t.conf", rows[i].text, &outer, &fault);

        if (rows[i].want == NULL) {
            char *text;

            assert_int_equal(err, TALLY_ERR_OK);
            text = dump_of(&outer_table, &outer);
            assert_int_equal(tally_conf_load_text(&outer_table, "t.conf", text, &again, &fault),
                             TALLY_ERR_OK);
            assert_memory_equal(&outer, &again, sizeof(outer));
            free(text);
        } else if (err != TALLY_ERR_CONFIG || strstr(fault.text, rows[i].want) == NULL) {
            fail_msg("%s: \"%s\"", rows[i].text, fault.text);
        }
    }
}

static void test_quotes_survive(void **state)
{
    struct outer outer;
    struct outer again;
    struct tally_fault fault = {TALLY_ERR_OK, ""};
    char *text;

    (void)state;
    assert_int_equal(tally_conf_load_text(&outer_table, "t.conf",
                                          "list = ( { } ); text = \"a\\\"b\\\\c # 4294967296 @\";",
                                          &outer, &fault),
                     TALLY_ERR_OK);
    assert_string_equal(outer.text, "a\"b\\c # 4294967296 @");
    assert_int_equal(outer.one.big, INT64_C(3000000000));
    text = dump_of(&outer_table, &outer);
    assert_int_equal(tally_conf_load_text(&outer_table, "t.conf", text, &again, &fault),
                     TALLY_ERR_OK);
    assert_memory_equal(&outer, &again, sizeof(outer));
    free(text);
}

static void test_files(void **state)
{
    struct tally_daemon_conf conf;
    struct tally_fault fault;

    (void)state;
    assert_int_equal(tally_daemon_conf_load("build/no-such.conf", &conf, &fault), TALLY_ERR_CONFIG);
    assert_non_null(strstr(fault.text, "build/no-such.conf: cannot be opened: No such file"));
    /* libconfig 1.5 ends the process when it is given a directory. */
    assert_int_equal(tally_daemon_conf_load("tests", &conf, &fault), TALLY_ERR_CONFIG);
    assert_non_null(strstr(fault.text, "tests: expected a plain file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_faults),
        cmocka_unit_test(test_missing),        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_listen),         cmocka_unit_test(test_registry_config),
        cmocka_unit_test(test_dump_reloads),   cmocka_unit_test(test_lists),
        cmocka_unit_test(test_quotes_survive), cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
