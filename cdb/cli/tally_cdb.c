/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally_cdb.c - the command line of tally-cdb.
 *
 * One table of verbs, each with the options it takes; one parser that knows them all. The verbs
 * themselves are elsewhere and know nothing of argp.
 */
#include "cdb/cli/cli.h"
#include "cdb/core/calendar.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *argp_program_version = "tally-cdb " TALLY_VERSION;

enum option_key {
    OPTION_NETWORK = 256,
    OPTION_ROOT,
    OPTION_THRESHOLD,
    OPTION_WITNESS,
    OPTION_QUORUM,
    OPTION_KEY,
    OPTION_AUTHORITY,
    OPTION_AUTHORITY_KEY,
    OPTION_COUNTRY,
    OPTION_OPERATOR,
    OPTION_NOISE_KEY,
    OPTION_NOISE_KEY_NEXT,
    OPTION_EVIDENCE_KEY,
    OPTION_ENDPOINT,
    OPTION_EGRESS,
    OPTION_REDRESS,
    OPTION_SERIAL,
    OPTION_PART,
    OPTION_ANSWERS,
    OPTION_MOBILITY,
    OPTION_POLICY,
    OPTION_BUSY,
    OPTION_ONWARD,
    OPTION_NO_PORTING,
    OPTION_AUTHORISE,
    OPTION_SERVED_BY,
    OPTION_FROM,
    OPTION_DAYS,
    OPTION_OUT,
    OPTION_YES,
    OPTION_JOIN,
    OPTION_AT,
    OPTION_ROOT_HASH,
    OPTION_JSON,
};

/* clang-format off */
#define END {0}
#define KEY_OPTION {"key", OPTION_KEY, "FILE", 0, "Sign with this secret key (may be repeated)", 0}
#define DRAFT_OPTIONS                                                                              \
    KEY_OPTION,                                                                                    \
    {"from", OPTION_FROM, "TIME", 0, "Valid from, as 2026-11-21T00:00:00Z (default: now)", 0},     \
    {"days", OPTION_DAYS, "N", 0, "Valid for N days (default: as long as the type may be)", 0},    \
    {"out", OPTION_OUT, "FILE", 0, "Write a draft for others to sign; publish nothing", 0}
#define ROOT_OPTIONS                                                                               \
    {"root", OPTION_ROOT, "FILE", 0, "A root key (repeat for each)", 0},                           \
    {"threshold", OPTION_THRESHOLD, "K", 0, "How many of the keys must sign (default: all)", 0},   \
    {"witness", OPTION_WITNESS, "FILE", 0, "A witness's public key (repeat for each)", 0},         \
    {"quorum", OPTION_QUORUM, "K", 0, "How many witnesses must stamp (default: all)", 0}
#define OPERATOR_OPTIONS                                                                           \
    {"operator", OPTION_OPERATOR, "ID", 0, "The operator", 0},                                     \
    {"noise-key", OPTION_NOISE_KEY, "FILE", 0, "Its Noise key (FILE.pub is enough)", 0},           \
    {"noise-key-next", OPTION_NOISE_KEY_NEXT, "FILE", 0, "The Noise key that will follow", 0},     \
    {"evidence-key", OPTION_EVIDENCE_KEY, "FILE", 0, "The key that signs its denials", 0},         \
    {"endpoint", OPTION_ENDPOINT, "tcp://HOST:PORT", 0, "Where its registry listens (1 to 4)", 0}, \
    {"egress", OPTION_EGRESS, "ADDRESS", 0, "Where its registry connects from (0 to 16)", 0},      \
    {"redress", OPTION_REDRESS, "TEXT", 0, "Whom a wrongly blocked caller may turn to", 0}
#define PART_OPTION {"part", OPTION_PART, "N", 0, "Which part of several (default 1)", 0}
#define HOLDER_OPTION {"operator", OPTION_OPERATOR, "ID", 0, "Whose they are", 0}
#define AUTHORITY_OPTION {"authority", OPTION_AUTHORITY, "ID", 0, "Who gives them out", 0}
#define SHOW_OPTIONS                                                                               \
    {"at", OPTION_AT, "TIME", 0, "Judge as of this time (default: now)", 0},                       \
    {"root-hash", OPTION_ROOT_HASH, "HEX", 0, "Believe only the network with this id", 0},         \
    {"json", OPTION_JSON, NULL, 0, "One JSON object", 0}

static const struct argp_option init_options[] = {
    {"network", OPTION_NETWORK, "ID", 0, "What the network is called", 0}, ROOT_OPTIONS,
    {"from", OPTION_FROM, "TIME", 0, "Valid from, as 2026-11-21T00:00:00Z (default: now)", 0},
    {"days", OPTION_DAYS, "N", 0, "Valid for N days (default: 366)", 0},
    {"out", OPTION_OUT, "FILE", 0, "Write a draft for others to sign; DIR is made empty", 0}, END};
static const struct argp_option root_options[] = {ROOT_OPTIONS, DRAFT_OPTIONS, END};
static const struct argp_option authority_options[] = {
    {"authority", OPTION_AUTHORITY, "ID", 0, "What the authority is called", 0},
    {"country", OPTION_COUNTRY, "+CODE", 0, "A country code it holds (repeat for each)", 0},
    {"authority-key", OPTION_AUTHORITY_KEY, "FILE", 0, "A key of it (repeat for each)", 0},
    {"threshold", OPTION_THRESHOLD, "K", 0, "How many of them must sign (default: all)", 0},
    DRAFT_OPTIONS, END};
static const struct argp_option request_options[] = {
    OPERATOR_OPTIONS,
    {"authority", OPTION_AUTHORITY, "ID", 0, "Who is asked to countersign", 0}, KEY_OPTION,
    {"serial", OPTION_SERIAL, "N", 0, "Serial number (default 1)", 0},
    {"from", OPTION_FROM, "TIME", 0, "Valid from, as 2026-11-21T00:00:00Z (default: now)", 0},
    {"days", OPTION_DAYS, "N", 0, "Valid for N days (default: 30)", 0}, END};
static const struct argp_option accept_options[] = {
    KEY_OPTION, {"yes", OPTION_YES, NULL, 0, "Do not ask", 0},
    {"out", OPTION_OUT, "FILE", 0, "Write a draft for others to sign; publish nothing", 0}, END};
static const struct argp_option operator_options[] = {OPERATOR_OPTIONS, DRAFT_OPTIONS, END};
static const struct argp_option range_options[] = {
    AUTHORITY_OPTION, HOLDER_OPTION, PART_OPTION, DRAFT_OPTIONS, END};
static const struct argp_option numbering_options[] = {
    HOLDER_OPTION,
    {"answers", OPTION_ANSWERS, "WORD", 0, "none, roaming or calls (default: none)", 0},
    {"mobility", OPTION_MOBILITY, "WORD", 0, "mobile, homed or fixed (default: mobile)", 0},
    {"policy", OPTION_POLICY, "WORD", 0, "lenient, strict or strict-direct (default: lenient)", 0},
    {"busy", OPTION_BUSY, NULL, 0, "Such numbers call often: answers are not blurred", 0},
    {"onward", OPTION_ONWARD, NULL, 0, "Every forwarded leg is reported before it leaves", 0},
    {"no-porting", OPTION_NO_PORTING, NULL, 0, "The numbers cannot be ported away", 0},
    {"authorise", OPTION_AUTHORISE, "ID,...", 0, "Who else may originate with them", 0},
    {"served-by", OPTION_SERVED_BY, "ID,...", 0, "Who serves them", 0},
    PART_OPTION, DRAFT_OPTIONS, END};
static const struct argp_option numbering_remove_options[] = {
    HOLDER_OPTION, PART_OPTION, DRAFT_OPTIONS, END};
static const struct argp_option sign_options[] = {KEY_OPTION, END};
static const struct argp_option stamp_options[] = {
    KEY_OPTION, {"join", OPTION_JOIN, NULL, 0, "Sign the stamp that is there", 0},
    {"yes", OPTION_YES, NULL, 0, "Stamp although statements are refused", 0},
    {"from", OPTION_FROM, "TIME", 0, "When it was made (default: now)", 0},
    {"days", OPTION_DAYS, "N", 0, "Valid for N days (default: 7)", 0}, END};
static const struct argp_option show_options[] = {SHOW_OPTIONS, END};

struct verb {
    const char *words, *args_doc, *doc;
    unsigned arg_min, arg_max;
    const struct argp_option *options;
    tally_cli_run_fn *run;
};

static const struct verb verbs[] = {
    {"key noise", "FILE", "Make a Noise key: FILE, and FILE.pub for others.", 1, 1, NULL,
     tally_cli_key_noise},
    {"key sign", "NAME FILE", "Make a signing key called NAME: FILE, and FILE.pub for others.", 2,
     2, NULL, tally_cli_key_sign},
    {"key show", "FILE", "Show the public half of a key.", 1, 1, NULL, tally_cli_key_show},
    {"init", "DIR", "Make a database: DIR, and its first root, signed by the --root keys.", 1, 1,
     init_options, tally_cli_init},
    {"root set", "DIR", "Make the next root. What is not given stays as it is.", 1, 1,
     root_options, tally_cli_root_set},
    {"authority add", "DIR", "Make or renew an authority. What is not given stays as it is.", 1, 1,
     authority_options, tally_cli_authority_add},
    {"enrol request", "FILE", "Write an operator's signed request to be enrolled.", 1, 1,
     request_options, tally_cli_enrol_request},
    {"enrol accept", "DIR FILE", "Show what a request changes, ask, countersign, publish.", 2, 2,
     accept_options, tally_cli_enrol_accept},
    {"operator set", "DIR", "Renew an operator's statement. What is not given stays as it is.", 1,
     1, operator_options, tally_cli_operator_set},
    {"range add", "DIR [+PREFIX[:MIN-MAX]...]",
     "Give ranges to an operator, or renew those it has.", 1, TALLY_CLI_LIST_MAX, range_options,
     tally_cli_range_add},
    {"range remove", "DIR +PREFIX...", "Take ranges back.", 2, TALLY_CLI_LIST_MAX, range_options,
     tally_cli_range_remove},
    {"numbering set", "DIR [+PREFIX...]",
     "Say something of ranges or numbers, or renew what was said.", 1, TALLY_CLI_LIST_MAX,
     numbering_options, tally_cli_numbering_set},
    {"numbering remove", "DIR +PREFIX...", "Take back what was said.", 2, TALLY_CLI_LIST_MAX,
     numbering_remove_options, tally_cli_numbering_remove},
    {"sign", "FILE", "Add signatures to a draft.", 1, 1, sign_options, tally_cli_sign},
    {"publish", "DIR FILE", "Put a draft into the database, if enough have signed.", 2, 2,
     NULL, tally_cli_publish},
    {"stamp", "DIR", "Sign the time over all statements, as a witness.", 1, 1, stamp_options,
     tally_cli_stamp},
    {"verify", "DIR", "Verify everything; exit status 1 names what is wrong.", 1, 1, show_options,
     tally_cli_verify},
    {"lookup", "DIR NUMBER", "Who holds a number, what he says of it, by whose signatures.", 2, 2,
     show_options, tally_cli_lookup},
    {"list", "DIR", "All operators and ranges.", 1, 1, show_options, tally_cli_list_all},
};
/* clang-format on */

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]), EXIT_USAGE = 2 };

/* --- options --- */

struct parse {
    const struct verb *verb;
    struct tally_cli_options *options;
};

static void add_item(struct argp_state *state, struct tally_cli_list *list, const char *item)
{
    if (list->count == TALLY_CLI_LIST_MAX) {
        argp_error(state, "more than %d of one kind", TALLY_CLI_LIST_MAX);
        return;
    }
    list->items[list->count++] = item;
}

static unsigned read_count(struct argp_state *state, const char *text)
{
    char *end = NULL;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value == 0 ||
        value > UINT32_MAX) {
        argp_error(state, "'%s': expected a number from 1", text);
        return 0;
    }
    return (unsigned)value;
}

static struct tally_wall read_time(struct argp_state *state, const char *text)
{
    struct tally_wall instant;

    if (!tally_calendar_parse(text, strlen(text), &instant)) {
        argp_error(state, "'%s': expected a time like 2026-11-21T00:00:00Z", text);
    }
    return instant;
}

/* Lists, flags and numbers; false: it is one of the texts. */
static bool parse_special(enum option_key key, const char *text, struct argp_state *state,
                          struct tally_cli_options *options)
{
    switch ((int)key) {
    case OPTION_ROOT:
        add_item(state, &options->roots, text);
        return true;
    case OPTION_WITNESS:
        add_item(state, &options->witnesses, text);
        return true;
    case OPTION_KEY:
        add_item(state, &options->keys, text);
        return true;
    case OPTION_AUTHORITY_KEY:
        add_item(state, &options->authority_keys, text);
        return true;
    case OPTION_COUNTRY:
        add_item(state, &options->countries, text);
        return true;
    case OPTION_ENDPOINT:
        add_item(state, &options->endpoints, text);
        return true;
    case OPTION_EGRESS:
        add_item(state, &options->egress, text);
        return true;
    case OPTION_THRESHOLD:
        options->threshold = read_count(state, text);
        return true;
    case OPTION_QUORUM:
        options->quorum = read_count(state, text);
        return true;
    case OPTION_SERIAL:
        options->serial = read_count(state, text);
        return true;
    case OPTION_PART:
        options->part = read_count(state, text);
        return true;
    case OPTION_DAYS:
        options->days = read_count(state, text);
        return true;
    case OPTION_FROM:
        options->from = read_time(state, text);
        return true;
    case OPTION_AT:
        options->at = read_time(state, text);
        return true;
    case OPTION_BUSY:
        options->is_busy = true;
        return true;
    case OPTION_ONWARD:
        options->is_onward = true;
        return true;
    case OPTION_NO_PORTING:
        options->is_no_porting = true;
        return true;
    case OPTION_YES:
        options->is_yes = true;
        return true;
    case OPTION_JOIN:
        options->is_join = true;
        return true;
    case OPTION_JSON:
        options->is_json = true;
        return true;
    default:
        return false;
    }
}

/* Where a text option is kept; NULL: no such option. */
static const char **text_option(int key, struct tally_cli_options *options)
{
    switch (key) {
    case OPTION_NETWORK:
        return &options->network;
    case OPTION_AUTHORITY:
        return &options->authority;
    case OPTION_OPERATOR:
        return &options->op;
    case OPTION_NOISE_KEY:
        return &options->noise_key;
    case OPTION_NOISE_KEY_NEXT:
        return &options->noise_key_next;
    case OPTION_EVIDENCE_KEY:
        return &options->evidence_key;
    case OPTION_REDRESS:
        return &options->redress;
    case OPTION_ANSWERS:
        return &options->answers;
    case OPTION_MOBILITY:
        return &options->mobility;
    case OPTION_POLICY:
        return &options->policy;
    case OPTION_AUTHORISE:
        return &options->authorise;
    case OPTION_SERVED_BY:
        return &options->served_by;
    case OPTION_ROOT_HASH:
        return &options->root_hash;
    case OPTION_OUT:
        return &options->out;
    default:
        return NULL;
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct parse *parse = state->input;
    const char **place = NULL;

    if (key == ARGP_KEY_ARG) {
        add_item(state, &parse->options->args, text);
        return 0;
    }
    if (key == ARGP_KEY_END) {
        if (state->arg_num < parse->verb->arg_min || state->arg_num > parse->verb->arg_max) {
            argp_error(state, "expected %s", parse->verb->args_doc);
        }
        return 0;
    }
    if (key < OPTION_NETWORK || key > OPTION_JSON) {
        return ARGP_ERR_UNKNOWN;
    }
    if (parse_special((enum option_key)key, text, state, parse->options)) {
        return 0;
    }
    place = text_option(key, parse->options);
    if (place == NULL) {
        return ARGP_ERR_UNKNOWN;
    }
    *place = text;
    return 0;
}

/* Where a number of keys must sign and none is given, all must. */
static void set_defaults(struct tally_cli_options *options)
{
    if (options->threshold == 0) {
        options->threshold =
            options->roots.count > 0 ? options->roots.count : options->authority_keys.count;
    }
    options->quorum = options->quorum != 0 ? options->quorum : options->witnesses.count;
}

/* --- verbs --- */

/* How many of the arguments are the verb's words; 0: another verb. */
static int match_words(const struct verb *verb, int argc, char **argv)
{
    const char *words = verb->words;
    int count = 0;

    while (*words != '\0') {
        size_t length = strcspn(words, " ");

        if (count + 1 >= argc || strlen(argv[count + 1]) != length ||
            memcmp(argv[count + 1], words, length) != 0) {
            return 0;
        }
        count++;
        words += length + (words[length] == ' ');
    }
    return count;
}

static int print_verbs(FILE *stream, int status)
{
    (void)fprintf(stream, "Usage: tally-cdb VERB [OPTION...] ARGUMENT...\n\n"
                          "Make, verify and read participant databases of Tallystick.\n\n");
    for (unsigned i = 0; i < VERB_COUNT; i++) {
        (void)fprintf(stream, "  %-17s %s\n", verbs[i].words, verbs[i].doc);
    }
    (void)fprintf(stream, "\n'tally-cdb VERB --help' has the options of each; tally-cdb(1) has it "
                          "all.\n");
    return status;
}

static int run_verb(const struct verb *verb, int word_count, int argc, char **argv)
{
    static struct tally_cli_options options;
    struct argp argp = {.options = verb->options,
                        .parser = parse_option,
                        .args_doc = verb->args_doc,
                        .doc = verb->doc};
    struct parse parse = {.verb = verb, .options = &options};
    struct tally_fault fault = {0};
    char name[64];
    enum tally_err err;

    (void)snprintf(name, sizeof(name), "tally-cdb %s", verb->words);
    argv[word_count] = name; /* stands where the program's name is looked for */
    if (argp_parse(&argp, argc - word_count, argv + word_count, 0, NULL, &parse) != 0) {
        return EXIT_USAGE;
    }
    set_defaults(&options);
    err = tally_crypto_init(&fault);
    if (err == TALLY_ERR_OK) {
        err = verb->run(&options, &fault);
    }
    if (err != TALLY_ERR_OK && fault.text[0] != '\0') {
        (void)fprintf(stderr, "tally-cdb: %s\n", fault.text);
    }
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "tally-cdb: the output cannot be written: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return tally_err_exit_status(err);
}

int main(int argc, char **argv)
{
    argp_err_exit_status = EXIT_USAGE;
    for (unsigned i = 0; i < VERB_COUNT; i++) {
        int word_count = match_words(&verbs[i], argc, argv);

        if (word_count > 0) {
            return run_verb(&verbs[i], word_count, argc, argv);
        }
    }
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0)) {
        return print_verbs(stdout, EXIT_SUCCESS);
    }
    if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        printf("%s\n", argp_program_version);
        return EXIT_SUCCESS;
    }
    return print_verbs(stderr, EXIT_USAGE);
}
