/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the manual pages say what the programs do: tallyd.conf(5) lists the settings that the
 * loader takes, tallyctl(1) the members that the daemon's answers have. Method: the list is made
 * from the table and compared with the page, byte by byte; the names of members are taken from real
 * answers and looked up in the page.
 *
 * With the argument --write it puts the list into the page instead.
 */
#include "conf/tallyd_conf.h"
#include "ctl/view.h"
#include "testing.h"
#include "unit/ctl_samples.h"
#include "unit/store_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE "docs/man/tallyd.conf.5"
#define CTL_PAGE "docs/man/tallyctl.1"
#define BEGIN_LINE ".\\\" BEGIN of the list that build/dev/tests/test_manual --write makes.\n"
#define END_LINE ".\\\" END of the list.\n"

enum { TEXT_BYTES = 1 << 17 };

/* A whole stream from its start, NUL-terminated, to be freed. */
static char *text_of(FILE *file)
{
    char *text = calloc(1, TEXT_BYTES);

    assert_non_null(file);
    assert_non_null(text);
    rewind(file);
    assert_in_range(fread(text, 1, TEXT_BYTES, file), 1, TEXT_BYTES - 1);
    assert_int_equal(fclose(file), 0);
    return text;
}

static char *made_list(void)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    assert_int_equal(tally_conf_manual(&tally_daemon_conf_table, file, NULL), TALLY_ERR_OK);
    return text_of(file);
}

static void test_settings(void **state)
{
    char *page = text_of(fopen(PAGE, "r"));
    char *list = made_list();
    char *begin = strstr(page, BEGIN_LINE);
    char *end = strstr(page, END_LINE);

    (void)state;
    assert_non_null(begin);
    assert_non_null(end);
    begin += strlen(BEGIN_LINE);
    if ((size_t)(end - begin) != strlen(list) || memcmp(begin, list, strlen(list)) != 0) {
        fail_msg(PAGE " is out of date; run build/dev/tests/test_manual --write");
    }
    free(list);
    free(page);
}

static int write_settings(void)
{
    char *page = text_of(fopen(PAGE, "r"));
    char *list = made_list();
    char *begin = strstr(page, BEGIN_LINE);
    char *end = strstr(page, END_LINE);
    FILE *file = fopen(PAGE, "w");

    if (begin == NULL || end == NULL || file == NULL) {
        (void)fprintf(stderr, PAGE ": cannot be written, or has no place for the list\n");
        return 1;
    }
    begin += strlen(BEGIN_LINE);
    (void)fprintf(file, "%.*s%s%s", (int)(begin - page), page, list, end);
    free(list);
    free(page);
    return fclose(file) == 0 ? 0 : 1;
}

/* Each "name": of a line of JSON must stand in the page as .Ql name. */
static void assert_members_listed(const char *page, const char *line)
{
    for (const char *at = strchr(line, '"'); at != NULL; at = strchr(at, '"')) {
        const char *end = strchr(at + 1, '"');
        char member[64];

        assert_non_null(end);
        (void)snprintf(member, sizeof(member), ".Ql %.*s ", (int)(end - at - 1), at + 1);
        if (end[1] == ':' && strstr(page, member) == NULL) {
            member[strlen(member) - 1] = '\n';
            if (strstr(page, member) == NULL) {
                fail_msg(CTL_PAGE " lacks %s", member);
            }
        }
        at = end + 1;
    }
}

static void test_members(void **state)
{
    static char line[TALLY_CTL_LINE_MAX_BYTES];
    char *page = text_of(fopen(CTL_PAGE, "r"));
    struct tally_ctl_explanation explanation = {.entry = sample_entry(1, 1)};
    struct tally_outcome_notice outcome = sample_outcome();
    struct tally_daemon_feed feed = {.name = "sip"};
    struct tally_ctl_status status = {.feeds = &feed, .feed_count = 1};
    struct tally_ctl_peer peer = {.status = {.operator_id = "op-b"}};
    struct tally_json json = tally_json_of(line, sizeof(line));

    (void)state;
    tally_ctl_view_status(&json, &status);
    assert_members_listed(page, line);
    json = tally_json_of(line, sizeof(line));
    tally_ctl_view_peer(&json, &peer);
    assert_members_listed(page, line);
    json = tally_json_of(line, sizeof(line));
    tally_ctl_view_explanation(&json, &explanation, TALLY_CTL_NUMBERS_MASKED);
    assert_members_listed(page, line);
    json = tally_json_of(line, sizeof(line));
    tally_ctl_view_outcome(&json, &outcome, "op-b", "sip", TALLY_CTL_NUMBERS_MASKED);
    assert_members_listed(page, line);
    json = tally_json_of(line, sizeof(line));
    tally_ctl_view_error(&json, TALLY_ERR_FULL, "");
    assert_members_listed(page, line);
    json = tally_json_of(line, sizeof(line));
    tally_ctl_view_following(&json);
    assert_members_listed(page, line);
    assert_non_null(strstr(page, TALLY_DAEMON_CONTROL_SOCKET));
    free(page);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_members),
    };

    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        return write_settings();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
