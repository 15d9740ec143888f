/* SPDX-License-Identifier: Apache-2.0 */
/* tallyctl - asks a running tallyd. docs/man/tallyctl.1. */
#include "conf/tallyd_conf.h"
#include "ctl/client.h"
#include "ctl/print.h"
#include "ctl/server.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_WAIT_MS INT64_C(5000)

const char *argp_program_version = "tallyctl " TALLY_VERSION;

struct options {
    const char *socket;
    bool is_json;
    bool is_showing_numbers;
    int64_t count;     /* call tail; 0: no limit */
    int64_t timeout_s; /* call tail; 0: no limit */
    const char *id;    /* verdict explain */
};

/* --- running a verb; each returns what the program exits on --- */

static enum tally_err complain(const struct options *options, const struct tally_fault *fault)
{
    if (options->is_json) {
        json_t *root = json_pack("{s:i, s:b, s:s, s:i, s:s}", "schema", TALLY_CTL_SCHEMA, "ok", 0,
                                 "error", tally_err_name(fault->err), "exit_status",
                                 tally_err_exit_status(fault->err), "text", fault->text);

        (void)json_dumpf(root, stdout, JSON_COMPACT);
        (void)fputc('\n', stdout);
        (void)fflush(stdout);
        json_decref(root);
    }
    (void)fprintf(stderr, "tallyctl: %s\n", fault->text);
    return fault->err;
}

/* Opens a connection and sends a request of this verb. */
static enum tally_err ask(const struct options *options, const char *verb,
                          struct tally_ctl_client **client, struct tally_fault *fault)
{
    json_t *request = json_pack("{s:i, s:s}", "schema", TALLY_CTL_SCHEMA, "verb", verb);
    enum tally_err err = tally_ctl_client_open(options->socket, client, fault);

    if (err != TALLY_ERR_OK) {
        json_decref(request);
        return err;
    }
    if (options->is_showing_numbers) {
        (void)json_object_set_new(request, "show_numbers", json_true());
    }
    if (options->id != NULL) {
        (void)json_object_set_new(request, "id", json_string(options->id));
    }
    return tally_ctl_client_ask(*client, request, fault);
}

/* The code that goes with an exit status which the daemon named. */
static enum tally_err err_of(const char *name)
{
    for (int err = 0; err < TALLY_ERR_COUNT; err++) {
        if (strcmp(tally_err_name((enum tally_err)err), name) == 0) {
            return (enum tally_err)err;
        }
    }
    return TALLY_ERR_SYSTEM;
}

/* Reads a line; one that says "ok": false becomes a fault. */
static enum tally_err read_line(struct tally_ctl_client *client, int64_t until_ms,
                                struct tally_ctl_line *line, struct tally_fault *fault)
{
    enum tally_err err = tally_ctl_client_read(client, until_ms, line, fault);

    if (err == TALLY_ERR_OK && json_is_false(json_object_get(line->root, "ok"))) {
        const char *name = json_string_value(json_object_get(line->root, "error"));
        const char *text = json_string_value(json_object_get(line->root, "text"));

        err = tally_fault_set(fault, err_of(name == NULL ? "" : name), "%s",
                              text == NULL ? "tallyd refused without a word" : text);
        json_decref(line->root);
        line->root = NULL;
    }
    return err;
}

typedef void (*print_fn)(FILE *out, enum tally_print_style style, const json_t *root);

/* The one line of a one-line answer, in *line. */
static enum tally_err ask_once(const struct options *options, const char *verb, print_fn print,
                               bool *is_ready, struct tally_fault *fault)
{
    struct tally_ctl_client *client = NULL;
    struct tally_ctl_line line;
    enum tally_err err = ask(options, verb, &client, fault);

    *is_ready = true;
    if (err == TALLY_ERR_OK) {
        err = read_line(client, tally_ctl_now_ms() + ANSWER_WAIT_MS, &line, fault);
    }
    if (err == TALLY_ERR_OK) {
        if (options->is_json) {
            (void)puts(line.text);
        } else {
            print(stdout, tally_print_style_of(stdout), line.root);
        }
        *is_ready = !json_is_false(json_object_get(line.root, "ready"));
        json_decref(line.root);
    }
    tally_ctl_client_close(client);
    return err;
}

static enum tally_err run_status(const struct options *options, struct tally_fault *fault)
{
    bool is_ready;
    enum tally_err err = ask_once(options, "status", tally_print_status, &is_ready, fault);

    if (err == TALLY_ERR_OK && !is_ready) {
        fault->text[0] = '\0'; /* said in the answer already */
        err = TALLY_ERR_AGAIN;
    }
    return err;
}

static enum tally_err run_explain(const struct options *options, struct tally_fault *fault)
{
    bool is_ready;

    return ask_once(options, "explain", tally_print_explanation, &is_ready, fault);
}

static void end_peers(const struct options *options, json_t *peers)
{
    if (options->is_json) {
        json_t *root =
            json_pack("{s:i, s:b, s:O}", "schema", TALLY_CTL_SCHEMA, "ok", 1, "peers", peers);

        (void)json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
        (void)fputc('\n', stdout);
        json_decref(root);
    }
}

static enum tally_err run_peers(const struct options *options, struct tally_fault *fault)
{
    struct tally_ctl_client *client = NULL;
    struct tally_ctl_line line;
    json_t *peers = json_array();
    bool is_last = false;
    enum tally_err err = ask(options, "peers", &client, fault);

    if (err == TALLY_ERR_OK && !options->is_json) {
        tally_print_peers_head(stdout);
    }
    while (err == TALLY_ERR_OK && !is_last) {
        err = read_line(client, tally_ctl_now_ms() + ANSWER_WAIT_MS, &line, fault);
        if (err == TALLY_ERR_OK) {
            json_t *peer = json_object_get(line.root, "peer");

            is_last = peer == NULL;
            if (!is_last && options->is_json) {
                (void)json_array_append(peers, peer);
            } else if (!is_last) {
                tally_print_peer(stdout, tally_print_style_of(stdout), line.root);
            }
            json_decref(line.root);
        }
    }
    if (err == TALLY_ERR_OK) {
        end_peers(options, peers);
    }
    json_decref(peers);
    tally_ctl_client_close(client);
    return err;
}

static void print_followed(const struct options *options, const struct tally_ctl_line *line)
{
    if (options->is_json) {
        (void)puts(line->text);
        (void)fflush(stdout);
    } else {
        tally_print_call(stdout, tally_print_style_of(stdout), line->root);
    }
}

static enum tally_err follow(const struct options *options, struct tally_ctl_client *client,
                             struct tally_fault *fault)
{
    int64_t until_ms = options->timeout_s == 0 ? TALLY_CTL_WAIT_FOREVER_MS
                                               : tally_ctl_now_ms() + 1000 * options->timeout_s;
    int64_t seen = 0;
    enum tally_err err = TALLY_ERR_OK;

    while (err == TALLY_ERR_OK && (options->count == 0 || seen < options->count)) {
        struct tally_ctl_line line;

        err = read_line(client, until_ms, &line, fault);
        if (err == TALLY_ERR_OK) {
            print_followed(options, &line);
            json_decref(line.root);
            seen++;
        }
    }
    if (err == TALLY_ERR_TIMEOUT && options->count == 0) {
        return TALLY_ERR_OK; /* the time that was asked for is over */
    }
    if (err == TALLY_ERR_TIMEOUT) {
        return tally_fault_set(fault, err, "%lld of %lld calls were seen in %lld s",
                               (long long)seen, (long long)options->count,
                               (long long)options->timeout_s);
    }
    return err;
}

static enum tally_err run_tail(const struct options *options, struct tally_fault *fault)
{
    struct tally_ctl_client *client = NULL;
    struct tally_ctl_line line;
    enum tally_err err = ask(options, "tail", &client, fault);

    if (err == TALLY_ERR_OK) {
        err = read_line(client, tally_ctl_now_ms() + ANSWER_WAIT_MS, &line, fault);
    }
    if (err == TALLY_ERR_OK) {
        /* Whoever makes calls while this runs has to know from when on none is missed. */
        if (options->is_json) {
            (void)puts(line.text);
        } else {
            tally_print_call_head(stdout);
        }
        (void)fflush(stdout);
        json_decref(line.root);
        /* Else `call tail | head -1` would wait for a call before it ends. */
        tally_ctl_client_write_to(client, STDOUT_FILENO);
        err = follow(options, client, fault);
    }
    tally_ctl_client_close(client);
    return err;
}

/* --- the command line --- */

enum { KEY_SOCKET = 's', KEY_JSON = 'j', KEY_NUMBERS = 'n', KEY_COUNT = 'c', KEY_TIMEOUT = 't' };

static const struct argp_option common_options[] = {
    {"socket", KEY_SOCKET, "PATH", 0, "The daemon's control_socket", 0},
    {"json", KEY_JSON, NULL, 0, "JSON on standard output, one object a line", 0},
    {"show-numbers", KEY_NUMBERS, NULL, 0, "Telephone numbers in full, not masked", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse_common(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case KEY_SOCKET:
        options->socket = value;
        return 0;
    case KEY_JSON:
        options->is_json = true;
        return 0;
    case KEY_NUMBERS:
        options->is_showing_numbers = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp common_argp = {common_options, parse_common, NULL, NULL, NULL, NULL, NULL};
static const struct argp_child common_children[] = {
    {&common_argp, 0, "Everywhere:", 1},
    {NULL, 0, NULL, 0},
};

static int64_t whole_number(const char *text, struct argp_state *state)
{
    char *end = NULL;
    long long value = strtoll(text, &end, 10);

    if (end == text || *end != '\0' || value < 1 || value > INT32_MAX) {
        argp_error(state, "%s: expected an integer from 1 to %d", text, INT32_MAX);
    }
    return value;
}

static error_t parse_plain(int key, char *value, struct argp_state *state)
{
    (void)value;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = state->input;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static error_t parse_tail(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case KEY_COUNT:
        options->count = whole_number(value, state);
        return 0;
    case KEY_TIMEOUT:
        options->timeout_s = whole_number(value, state);
        return 0;
    default:
        return parse_plain(key, value, state);
    }
}

static error_t parse_explain(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;

    if (key == ARGP_KEY_ARG && options->id == NULL) {
        options->id = value;
        return 0;
    }
    if (key == ARGP_KEY_END && options->id == NULL) {
        argp_error(state, "expected the ID of a verdict");
    }
    return parse_plain(key, value, state);
}

static const struct argp_option tail_options[] = {
    {"count", KEY_COUNT, "N", 0, "End after N calls", 0},
    {"timeout", KEY_TIMEOUT, "S", 0, "End after S seconds; status 6 if --count was not reached", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static const struct argp status_argp = {
    NULL,
    parse_plain,
    NULL,
    "Shows the registry: its database, peers, feeds, tables, counts and evidence. Status 1: it has "
    "no usable participant database and judges no call.",
    common_children,
    NULL,
    NULL};
static const struct argp peers_argp = {
    NULL,
    parse_plain,
    NULL,
    "Lists the other operators and the state of the sessions with them.",
    common_children,
    NULL,
    NULL};
static const struct argp tail_argp = {
    tail_options,
    parse_tail,
    NULL,
    "Follows the calls: each verdict on a terminating call and each outcome of an originating one.",
    common_children,
    NULL,
    NULL};
static const struct argp explain_argp = {
    NULL,
    parse_explain,
    "ID",
    "Explains one verdict: the two halves, who was asked and said what, the times, the policy "
    "line, and whether the evidence is durable or pending. Status 3: there is no such verdict.",
    common_children,
    NULL,
    NULL};

static const struct verb {
    const char *words; /* as typed */
    int word_count;
    const struct argp *argp;
    enum tally_err (*run)(const struct options *options, struct tally_fault *fault);
} verbs[] = {
    {"status", 1, &status_argp, run_status},
    {"peer list", 2, &peers_argp, run_peers},
    {"call tail", 2, &tail_argp, run_tail},
    {"verdict explain", 2, &explain_argp, run_explain},
};

/* Where the verb stands in argv; found by parsing the options before it. */
struct top {
    struct options *options;
    int verb_index;
};

static error_t parse_top(int key, char *value, struct argp_state *state)
{
    struct top *top = state->input;

    (void)value;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = top->options;
        return 0;
    case ARGP_KEY_ARG:
        top->verb_index = state->next - 1;
        state->next = state->argc; /* the rest is the verb's */
        return 0;
    case ARGP_KEY_END:
        if (top->verb_index == 0) {
            argp_error(state, "expected a verb");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp top_argp = {
    NULL,
    parse_top,
    "status\npeer list\ncall tail\nverdict explain ID",
    "Asks a running tallyd.\v`tallyctl VERB --help' tells more of each verb. Exit status: 0 done, "
    "1 the answer is no, 2 usage, 3 not found, 4 tallyd does not answer, 5 refused, 6 timed out.",
    common_children,
    NULL,
    NULL};

static bool is_verb(const struct verb *verb, int argc, char **argv)
{
    size_t length = strlen(argv[0]);

    if (argc < verb->word_count || strncmp(verb->words, argv[0], length) != 0) {
        return false;
    }
    return verb->word_count == 1
               ? verb->words[length] == '\0'
               : verb->words[length] == ' ' && strcmp(verb->words + length + 1, argv[1]) == 0;
}

/* The verb's own options follow its last word; argp shows the verb as the program's name. */
static void parse_verb(const struct verb *verb, int argc, char **argv, struct options *options)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "tallyctl %s", verb->words);
    argv[verb->word_count - 1] = name;
    (void)argp_parse(verb->argp, argc - verb->word_count + 1, argv + verb->word_count - 1, 0, NULL,
                     options);
}

static const struct verb *find_verb(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (is_verb(&verbs[i], argc, argv)) {
            return &verbs[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct options options = {.socket = TALLY_DAEMON_CONTROL_SOCKET};
    struct top top = {&options, 0};
    struct tally_fault fault = {TALLY_ERR_OK, ""};
    const struct verb *verb;
    enum tally_err err;

    argp_err_exit_status = tally_err_exit_status(TALLY_ERR_USAGE);
    (void)argp_parse(&top_argp, argc, argv, ARGP_IN_ORDER, NULL, &top);
    verb = find_verb(argc - top.verb_index, argv + top.verb_index);
    if (verb == NULL) {
        (void)fprintf(stderr, "tallyctl: no such verb; expected status, peer list, call tail or "
                              "verdict explain; see tallyctl --help\n");
        return tally_err_exit_status(TALLY_ERR_USAGE);
    }
    parse_verb(verb, argc - top.verb_index, argv + top.verb_index, &options);
    err = verb->run(&options, &fault);
    if (err != TALLY_ERR_OK && fault.text[0] != '\0') {
        (void)complain(&options, &fault);
    }
    if (fflush(stdout) != 0 && err == TALLY_ERR_OK) {
        err = TALLY_ERR_SYSTEM;
    }
    return tally_err_exit_status(err);
}
