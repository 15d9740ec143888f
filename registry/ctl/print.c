/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/print.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum colour { COLOUR_GOOD = 32, COLOUR_DOUBTFUL = 33, COLOUR_BAD = 31 };

enum tally_print_style tally_print_style_of(FILE *out)
{
    const char *no_color = getenv("NO_COLOR");

    return isatty(fileno(out)) != 0 && (no_color == NULL || no_color[0] == '\0')
               ? TALLY_PRINT_COLOURED
               : TALLY_PRINT_PLAIN;
}

/* --- taking answers apart; what is missing or null reads as "-" or 0 --- */

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value == NULL ? "-" : value;
}

static bool is_there(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return value != NULL && !json_is_null(value);
}

static long long integer(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static double real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

static void coloured(FILE *out, enum tally_print_style style, enum colour colour, int width,
                     const char *word)
{
    if (style == TALLY_PRINT_COLOURED) {
        (void)fprintf(out, "\033[%dm%-*s\033[0m", (int)colour, width, word);
    } else {
        (void)fprintf(out, "%-*s", width, word);
    }
}

static void label(FILE *out, const char *word)
{
    (void)fprintf(out, "%-10s ", word);
}

/* "a, b, c" of an array of texts; "none" of an empty one. */
static void list(FILE *out, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        (void)fprintf(out, "%s%s", i == 0 ? "" : ", ", json_string_value(json_array_get(array, i)));
    }
    (void)fputs(json_array_size(array) == 0 ? "none" : "", out);
}

/* "VALID 3, EXEMPT 1" of an object of counts. */
static void counts(FILE *out, const char *name, json_t *object)
{
    const char *between = "";

    label(out, name);
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        (void)fprintf(out, "%s%s %lld", between, json_object_iter_key(at),
                      (long long)json_integer_value(json_object_iter_value(at)));
        between = ", ";
    }
    (void)fprintf(out, "%s\n", between[0] == '\0' ? "none yet" : "");
}

/* --- status --- */

static void status_head(FILE *out, enum tally_print_style style, const json_t *root)
{
    label(out, "registry");
    (void)fprintf(out, "%s, tallyd %s, pid %lld, start %lld, mode %s, ", text(root, "operator"),
                  text(root, "version"), integer(root, "pid"), integer(root, "boot"),
                  text(root, "mode"));
    if (is_true(root, "ready")) {
        coloured(out, style, COLOUR_GOOD, 0, "ready");
    } else {
        coloured(out, style, COLOUR_BAD, 0, "not ready: no usable participant database");
    }
    (void)fputc('\n', out);
    label(out, "started");
    (void)fprintf(out, "%s (now %s)\n", text(root, "started_at"), text(root, "now"));
}

static void status_cdb(FILE *out, enum tally_print_style style, const json_t *root)
{
    const json_t *cdb = json_object_get(root, "cdb");
    const char *freshness = text(cdb, "freshness");
    bool is_fresh = strcmp(freshness, "fresh") == 0;

    label(out, "database");
    (void)fprintf(out, "generation %lld, log size %lld, %lld operators, %lld ranges, stamped %s, ",
                  integer(cdb, "generation"), integer(cdb, "log_size"), integer(cdb, "operators"),
                  integer(cdb, "ranges"), text(cdb, "stamped"));
    coloured(out, style, is_fresh ? COLOUR_GOOD : COLOUR_BAD, 0, freshness);
    (void)fputc('\n', out);
}

static void status_feed(FILE *out, enum tally_print_style style, const json_t *feed)
{
    bool is_up = is_true(feed, "up");

    label(out, "feed");
    (void)fprintf(out, "%s ", text(feed, "name"));
    coloured(out, style, is_up ? COLOUR_GOOD : COLOUR_BAD, 0, is_up ? "up" : "down");
    (void)fprintf(out, ", %s, %s, %s, covers %s; %lld events, %lld gaps, %lld rejected\n",
                  text(feed, "class"), text(feed, "side"),
                  is_true(feed, "required") ? "required" : "not required", text(feed, "coverage"),
                  integer(feed, "events"), integer(feed, "gaps"), integer(feed, "rejects"));
}

void tally_print_status(FILE *out, enum tally_print_style style, const json_t *root)
{
    const json_t *peers = json_object_get(root, "peers");
    const json_t *feeds = json_object_get(root, "feeds");
    const json_t *tables = json_object_get(root, "tables");
    const json_t *state = json_object_get(root, "state");

    status_head(out, style, root);
    status_cdb(out, style, root);
    label(out, "peers");
    (void)fprintf(out, "%lld of %lld up\n", integer(peers, "up"), integer(peers, "known"));
    for (size_t i = 0; i < json_array_size(feeds); i++) {
        status_feed(out, style, json_array_get(feeds, i));
    }
    label(out, "calls");
    (void)fprintf(
        out, "%lld of %lld followed, %lld of %lld inquiries open, tables full %lld times\n",
        integer(tables, "calls"), integer(tables, "call_max"), integer(tables, "inquiries"),
        integer(tables, "inquiry_max"), integer(tables, "full"));
    counts(out, "verdicts", json_object_get(root, "verdicts"));
    counts(out, "actions", json_object_get(root, "actions"));
    counts(out, "reasons", json_object_get(root, "reasons"));
    counts(out, "outcomes", json_object_get(root, "outcomes"));
    counts(out, "peers sent", json_object_get(root, "peer_rejects"));
    counts(out, "feeds sent", json_object_get(root, "feed_rejects"));
    label(out, "evidence");
    (void)fprintf(out, "%lld kept, %lld pending, %lld lost; %.1f of %.1f MiB in use\n",
                  integer(state, "evidence"), integer(state, "evidence_pending"),
                  integer(state, "evidence_lost"), real(state, "used_bytes") / 1048576,
                  real(state, "map_bytes") / 1048576);
}

/* --- peers --- */

void tally_print_peers_head(FILE *out)
{
    (void)fprintf(out, "%-24s %-5s %9s %9s %21s %17s %8s  %s\n", "OPERATOR", "STATE", "RTT ms",
                  "OFFSET ms", "ANNOUNCED in/out", "QUERIES in/out", "REJECTED", "ENDPOINT");
}

static void real_cell(FILE *out, const json_t *object, const char *key)
{
    if (is_there(object, key)) {
        (void)fprintf(out, " %9.3f", real(object, key));
    } else {
        (void)fprintf(out, " %9s", "-");
    }
}

void tally_print_peer(FILE *out, enum tally_print_style style, const json_t *root)
{
    const json_t *peer = json_object_get(root, "peer");
    bool is_up = is_true(peer, "up");

    (void)fprintf(out, "%-24s ", text(peer, "operator"));
    coloured(out, style, is_up ? COLOUR_GOOD : COLOUR_BAD, 5, is_up ? "up" : "down");
    real_cell(out, peer, "rtt_ms");
    real_cell(out, peer, "offset_ms");
    (void)fprintf(out, " %10lld/%-10lld %8lld/%-8lld %8lld  %s%s\n", integer(peer, "announces_in"),
                  integer(peer, "announces_out"), integer(peer, "queries_in"),
                  integer(peer, "queries_out"), integer(peer, "rejects"), text(peer, "endpoint"),
                  is_true(peer, "in_cdb") ? "" : " (no longer in the database)");
}

/* --- calls --- */

static enum colour colour_of(const char *verdict)
{
    if (strcmp(verdict, "VALID") == 0 || strcmp(verdict, "VALID_DIVERTED") == 0 ||
        strcmp(verdict, "DELIVERED") == 0 || strcmp(verdict, "EXEMPT") == 0) {
        return COLOUR_GOOD;
    }
    if (strcmp(verdict, "CLI_SPOOFED") == 0 || strcmp(verdict, "CLI_INVALID") == 0 ||
        strcmp(verdict, "NOT_DELIVERED") == 0 || strcmp(verdict, "REFUSED") == 0) {
        return COLOUR_BAD;
    }
    return COLOUR_DOUBTFUL;
}

void tally_print_call_head(FILE *out)
{
    (void)fprintf(out, "%-27s %-13s %-4s %-16s %-16s %-20s %-8s %-9s %8s  %s\n", "TIME", "ID",
                  "SIDE", "A", "B", "VERDICT", "GRADE", "ACTION", "ms", "PEER");
}

void tally_print_call(FILE *out, enum tally_print_style style, const json_t *root)
{
    bool is_verdict = strcmp(text(root, "event"), "verdict") == 0;
    const char *word = is_verdict ? text(root, "verdict") : text(root, "outcome");

    (void)fprintf(out, "%-27s %-13s %-4s %-16s %-16s ", text(root, "decided_at"), text(root, "id"),
                  is_verdict ? "term" : "orig", text(root, "a"), text(root, "b"));
    coloured(out, style, colour_of(word), 20, word);
    (void)fprintf(out, " %-8s %-9s ", text(root, "grade"), text(root, "action"));
    if (is_there(root, "verdict_ms")) {
        (void)fprintf(out, "%8.3f", real(root, "verdict_ms"));
    } else {
        (void)fprintf(out, "%8s", "-");
    }
    (void)fprintf(out, "  %s\n", text(root, "peer"));
    (void)fflush(out);
}

/* --- one call explained --- */

static void explain_verdict(FILE *out, enum tally_print_style style, const json_t *call)
{
    const char *verdict = text(call, "verdict");

    label(out, "verdict");
    coloured(out, style, colour_of(verdict), 0, verdict);
    if (is_there(call, "grade")) {
        (void)fprintf(out, ", %s", text(call, "grade"));
    }
    if (is_there(call, "reason")) {
        (void)fprintf(out, ", because of %s", text(call, "reason"));
    }
    (void)fprintf(out, " (%s)\n", text(call, "id"));
    label(out, "decided");
    (void)fprintf(out, "at %s, %.3f ms after the event came in\n", text(call, "decided_at"),
                  real(call, "verdict_ms"));
    label(out, "marks");
    list(out, json_object_get(call, "marks"));
    (void)fputc('\n', out);
}

static void explain_ours(FILE *out, const json_t *call)
{
    const json_t *ours = json_object_get(call, "ours");

    label(out, "our half");
    (void)fprintf(out, "a call from %s to %s, %s at %s\n", text(call, "a"), text(call, "b"),
                  text(ours, "kind"), text(ours, "at"));
    label(out, "");
    (void)fprintf(out, "network number %s, presented number %s", text(ours, "a_network"),
                  text(ours, "a_presented"));
    if (is_there(ours, "original_called") || is_there(ours, "redirecting")) {
        (void)fprintf(out, ", first called %s, forwarded by %s", text(ours, "original_called"),
                      text(ours, "redirecting"));
    }
    (void)fputc('\n', out);
    label(out, "");
    (void)fprintf(out, "feed %s, event %lld, in by trunk %lld (%s), out by trunk %lld; flags: ",
                  text(call, "feed"), integer(ours, "feed_seq"), integer(ours, "ingress_trunk"),
                  text(ours, "ingress_class"), integer(ours, "egress_trunk"));
    list(out, json_object_get(ours, "flags"));
    (void)fputc('\n', out);
}

static void explain_theirs(FILE *out, const json_t *call)
{
    const json_t *theirs = json_object_get(call, "theirs");

    label(out, "their half");
    if (is_there(theirs, "record")) {
        double after_ms = real(theirs, "after_ms");

        (void)fprintf(out, "record %s of %s, %.3f ms %s ours, at %s\n", text(theirs, "record"),
                      text(theirs, "operator"), after_ms < 0 ? -after_ms : after_ms,
                      after_ms < 0 ? "before" : "after", text(theirs, "at"));
    } else {
        (void)fprintf(out, "none: no record of this call was found (holder or peer: %s)\n",
                      text(theirs, "operator"));
    }
    label(out, "");
    if (is_there(theirs, "bound_ms")) {
        (void)fprintf(out, "their clock is %+.3f ms off ours, within %.3f ms\n",
                      real(theirs, "offset_ms"), real(theirs, "bound_ms"));
    } else {
        (void)fputs("their clock has not been measured\n", out);
    }
}

static void explain_asked(FILE *out, const json_t *call)
{
    static const struct {
        const char *key;
        const char *words;
    } rows[] = {
        {"none", "there is no such call"},
        {"none_direct", "no call of the number's own, one may have been forwarded"},
        {"unknown", "unknown"},
        {"silent", "no answer in time"},
        {"unreachable", "could not be asked, no session"},
        {"skewed", "answered under another view of who is entitled"},
    };
    const json_t *asked = json_object_get(call, "asked");
    const char *between = ": ";

    label(out, "asked");
    if (integer(asked, "count") == 0) {
        (void)fputs("nobody: the verdict did not need it, or nobody could be asked\n", out);
        return;
    }
    (void)fprintf(out, "%lld entitled (", integer(asked, "count"));
    list(out, json_object_get(asked, "entitled"));
    (void)fputc(')', out);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (integer(asked, rows[i].key) != 0) {
            (void)fprintf(out, "%s%lld said: %s", between, integer(asked, rows[i].key),
                          rows[i].words);
            between = "; ";
        }
    }
    (void)fputc('\n', out);
}

static void explain_known(FILE *out, const json_t *call)
{
    const json_t *known = json_object_get(call, "known");

    label(out, "known");
    (void)fprintf(out, "the number is %s%s; it answers for: %s; %s, %s standing with us\n",
                  text(known, "standing"), is_true(known, "holder_is_us") ? " by us" : "",
                  text(known, "answers"), text(known, "strictness"),
                  is_true(known, "good_standing") ? "in good" : "not in good");
    label(out, "");
    (void)fprintf(out, "participant database %s, log size %lld, %s by those who denied\n",
                  text(known, "freshness"), integer(known, "log_size"),
                  is_true(known, "log_agreed") ? "agreed" : "not agreed");
    label(out, "");
    (void)fprintf(out, "CLI %s; credit %s; token %s; exemption %s%s%s%s\n", text(known, "cli"),
                  text(known, "credit"), text(known, "token"), text(known, "exemption"),
                  is_true(known, "incomplete") ? "; B incomplete" : "",
                  is_true(known, "tracked") ? "" : "; not followed, tables full",
                  is_true(known, "campaign") ? "; campaign" : "");
}

static void explain_policy(FILE *out, enum tally_print_style style, const json_t *call)
{
    bool is_blocked = strcmp(text(call, "action"), "BLOCK") == 0;

    label(out, "policy");
    (void)fprintf(out, "%s: %s\n", text(call, "policy"), text(call, "policy_text"));
    label(out, "action");
    coloured(out, style, is_blocked ? COLOUR_BAD : COLOUR_GOOD, 0, text(call, "action"));
    if (integer(call, "cause") != 0) {
        (void)fprintf(out, ", cause %lld", integer(call, "cause"));
    }
    (void)fprintf(out, "; enforce would do %s\n", text(call, "would_action"));
    label(out, "evidence");
    (void)fprintf(out, "%s\n", text(call, "evidence"));
}

void tally_print_explanation(FILE *out, enum tally_print_style style, const json_t *root)
{
    const json_t *call = json_object_get(root, "call");

    explain_verdict(out, style, call);
    explain_ours(out, call);
    explain_theirs(out, call);
    explain_asked(out, call);
    explain_known(out, call);
    explain_policy(out, style, call);
}
