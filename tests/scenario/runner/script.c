/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "tally/e164.h"
#include "words.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512, TOKENS_MAX = 24 };

struct script {
    const char *name;
    unsigned line;
    bool is_started;
    bool is_broken;
    unsigned fail_count, expect_count;
    struct world world;
    char *tokens[TOKENS_MAX];
    int token_count;
    uint64_t next_leg;
};

static void complain(struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void complain(struct script *script, const char *format, ...)
{
    va_list args;
    char text[LINE_BYTES];

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "%s:%u: %s\n", script->name, script->line, text);
    script->fail_count++;
}

static void give_up(struct script *script, const char *what, const char *found)
{
    complain(script, "expected %s, found '%s'", what, found);
    script->is_broken = true;
}

static const char *token(const struct script *script, int at)
{
    return at < script->token_count ? script->tokens[at] : "";
}

/* Values. */

/* "1.5" seconds, "20ms", "7h", "3d", "250us", with an optional sign. */
static int64_t duration_us(struct script *script, const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"", 1e6},  {"s", 1e6},   {"ms", 1e3},   {"us", 1},
                 {"m", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}};

    for (size_t at = 0; end != text && at < sizeof(units) / sizeof(*units); at++) {
        if (strcmp(end, units[at].unit) == 0) {
            double us = value * units[at].us;

            return (int64_t)(us >= 0 ? us + 0.5 : us - 0.5);
        }
    }
    give_up(script, "a time such as 1.5, 20ms or 7h", text);
    return 0;
}

static uint64_t number(struct script *script, const char *text)
{
    uint64_t value = 0;

    if (*text == '+') {
        text++;
    }
    if (strcmp(text, "0") != 0 && !tally_e164_parse(text, strlen(text), &value)) {
        give_up(script, "a telephone number", text);
    }
    return value;
}

static int operator_at(struct script *script, int at)
{
    int found = world_operator(&script->world, token(script, at));

    if (found < 0) {
        give_up(script, "an operator that was declared", token(script, at));
        return 0;
    }
    return found;
}

static struct world_call *call_at(struct script *script, int at)
{
    struct world_call *call = world_call(&script->world, token(script, at));

    if (call == NULL) {
        give_up(script, "a call that was named before", token(script, at));
    }
    return call;
}

/* The text after "key=" among the tokens from `from` on; NULL. */
static const char *option(const struct script *script, int from, const char *key)
{
    size_t length = strlen(key);

    for (int at = from; at < script->token_count; at++) {
        if (strncmp(script->tokens[at], key, length) == 0 && script->tokens[at][length] == '=') {
            return script->tokens[at] + length + 1;
        }
    }
    return NULL;
}

static int word(struct script *script, const struct word *words, const char *text)
{
    int value = word_find(words, text);

    if (value < 0) {
        give_up(script, "a known word", text);
        return 0;
    }
    return value;
}

/* Setting the stage. */

static void do_operator(struct script *script)
{
    if (script->is_started || world_operator_add(&script->world, token(script, 1)) < 0) {
        give_up(script, "a new operator before the first 'at'", token(script, 1));
    }
}

static void add_authorised(struct script *script, struct tally_cdb_range *range, char *list)
{
    char *rest = NULL;

    for (char *name = strtok_r(list, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        int who = world_operator(&script->world, name);

        if (who < 0 || range->authorised_count == TALLY_CDB_ENTITLED_MAX - 1) {
            give_up(script, "operators after authorise=", name);
            return;
        }
        range->authorised[range->authorised_count++] = (uint32_t)who;
    }
}

static void range_word(struct script *script, struct tally_cdb_range *range, char *text)
{
    static const struct word strictness[] = {{"lenient", TALLY_CDB_LENIENT},
                                             {"strict", TALLY_CDB_STRICT},
                                             {"strict-direct", TALLY_CDB_STRICT_DIRECT},
                                             {NULL, 0}};
    static const struct word mobility[] = {{"mobile", TALLY_CDB_MOBILE},
                                           {"homed", TALLY_CDB_HOMED},
                                           {"fixed", TALLY_CDB_FIXED},
                                           {NULL, 0}};
    static const struct word answers[] = {{"answers-none", TALLY_CDB_ANSWERS_NONE},
                                          {"answers-roaming", TALLY_CDB_ANSWERS_ROAMING},
                                          {"answers-calls", TALLY_CDB_ANSWERS_CALLS},
                                          {NULL, 0}};

    if (word_find(strictness, text) >= 0) {
        range->strictness = (enum tally_cdb_strictness)word_find(strictness, text);
    } else if (word_find(mobility, text) >= 0) {
        range->mobility = (enum tally_cdb_mobility)word_find(mobility, text);
    } else if (word_find(answers, text) >= 0) {
        range->answers = (enum tally_cdb_answers)word_find(answers, text);
    } else if (strcmp(text, "no-porting") == 0) {
        range->is_no_porting = true;
    } else if (strcmp(text, "porting") == 0) {
        range->is_no_porting = false;
    } else if (strcmp(text, "expired") == 0) {
        range->is_unsafe = true;
    } else if (strncmp(text, "authorise=", 10) == 0) {
        add_authorised(script, range, text + 10);
    } else {
        give_up(script, "a word about a range", text);
    }
}

/* range OP PREFIX WORD... : by default lenient, fixed, no-porting, answers-calls. */
static void do_range(struct script *script)
{
    struct world *world = &script->world;
    struct tally_cdb_range range = {.holder = (uint32_t)operator_at(script, 1),
                                    .prefix = number(script, token(script, 2)),
                                    .answers = TALLY_CDB_ANSWERS_CALLS,
                                    .mobility = TALLY_CDB_FIXED,
                                    .is_no_porting = true,
                                    .expires = {TALLY_WALL_MAX_US}};
    int place = world->range_count;

    for (int at = 3; at < script->token_count; at++) {
        range_word(script, &range, script->tokens[at]);
    }
    for (int at = 0; at < world->range_count; at++) {
        if (world->ranges[at].prefix == range.prefix && world->ranges[at].holder == range.holder) {
            place = at;
        }
    }
    if (place == WORLD_RANGES_MAX) {
        give_up(script, "fewer ranges", token(script, 2));
        return;
    }
    world->ranges[place] = range;
    world->range_count += place == world->range_count;
}

static const struct word feed_classes[] = {{"record", TALLY_FEED_RECORD},
                                           {"best-effort", TALLY_FEED_BEST_EFFORT},
                                           {"ordered", TALLY_FEED_ORDERED},
                                           {"causal", TALLY_FEED_CAUSAL},
                                           {NULL, 0}};
static const struct word sides[] = {{"originating", TALLY_SIDE_ORIGINATING},
                                    {"terminating", TALLY_SIDE_TERMINATING},
                                    {"both", TALLY_SIDE_BOTH},
                                    {NULL, 0}};
static const struct word modes[] = {{"shadow", TALLY_MODE_SHADOW},
                                    {"label", TALLY_MODE_LABEL},
                                    {"enforce", TALLY_MODE_ENFORCE},
                                    {NULL, 0}};

/* feed OP NAME CLASS SIDE [optional] */
static void do_feed_declared(struct script *script)
{
    struct world_registry *registry = &script->world.registries[operator_at(script, 1)];
    struct tally_feed_config config = {
        .feed_class = (enum tally_feed_class)word(script, feed_classes, token(script, 3)),
        .side = (enum tally_side)word(script, sides, token(script, 4)),
        .is_required = strcmp(token(script, 5), "optional") != 0};

    if (world_feed_add(registry, token(script, 2), &config) < 0) {
        give_up(script, "fewer feeds", token(script, 2));
    }
}

/* set OP KEY VALUE */
static void do_set(struct script *script)
{
    struct tally_registry_config *config = &script->world.registries[operator_at(script, 1)].config;
    const char *key = token(script, 2);
    const char *value = token(script, 3);
    struct {
        const char *key;
        int64_t *where;
    } times[] = {{"match-window", &config->match_window_us},
                 {"open-leg", &config->open_leg_us},
                 {"release-tail", &config->release_tail_us},
                 {"strict-after", &config->strict_after_us}};

    for (size_t at = 0; at < sizeof(times) / sizeof(*times); at++) {
        if (strcmp(key, times[at].key) == 0) {
            *times[at].where = duration_us(script, value);
            return;
        }
    }
    if (strcmp(key, "mode") == 0) {
        config->policy.mode = (enum tally_mode)word(script, modes, value);
    } else if (strcmp(key, "call-max") == 0) {
        config->call_max = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(key, "inquiry-max") == 0) {
        config->inquiry_max = (uint32_t)strtoul(value, NULL, 10);
    } else {
        give_up(script, "a setting", key);
    }
}

/* Operators without a feed get one causal feed that sees both sides. */
static void start(struct script *script)
{
    static const struct tally_feed_config plain = {
        .feed_class = TALLY_FEED_CAUSAL, .side = TALLY_SIDE_BOTH, .is_required = true};

    if (script->is_started) {
        return;
    }
    script->is_started = true;
    for (int at = 0; at < script->world.registry_count; at++) {
        if (script->world.registries[at].config.feed_count == 0) {
            (void)world_feed_add(&script->world.registries[at], "switch", &plain);
        }
    }
    world_start(&script->world);
}

/* Calls. */

static const struct word trunks[] = {{"interconnect", TALLY_TRUNK_INTERCONNECT},
                                     {"customer", TALLY_TRUNK_CUSTOMER},
                                     {"exempting", TALLY_TRUNK_EXEMPTING},
                                     {NULL, 0}};
static const struct word flags[] = {
    {"restricted", TALLY_EVENT_RESTRICTED},   {"emergency", TALLY_EVENT_EMERGENCY},
    {"priority", TALLY_EVENT_PRIORITY},       {"incomplete", TALLY_EVENT_INCOMPLETE},
    {"malformed", TALLY_EVENT_CLI_MALFORMED}, {NULL, 0}};

static uint64_t number_option(struct script *script, const char *key)
{
    const char *text = option(script, 3, key);

    return text != NULL ? number(script, text) : 0;
}

static void fill_event(struct script *script, struct world_call *call, struct tally_event *event)
{
    const char *text = NULL;

    event->a_network = number_option(script, "a");
    event->a_presented = number_option(script, "presented");
    event->b_number = number_option(script, "b");
    event->original_called = number_option(script, "original");
    event->redirecting = number_option(script, "redirecting");
    event->leg_key = ++script->next_leg;
    if ((text = option(script, 3, "trunk")) != NULL) {
        event->ingress_class = (enum tally_trunk_class)word(script, trunks, text);
    }
    if ((text = option(script, 3, "side")) != NULL) {
        event->side = (enum tally_side)word(script, sides, text);
    }
    if ((text = option(script, 3, "flag")) != NULL) {
        event->flags = (uint32_t)word(script, flags, text);
    }
    if ((text = option(script, 3, "ref")) != NULL) {
        event->call_ref = strtoull(text, NULL, 10);
    }
    if ((text = option(script, 3, "leg")) != NULL) {
        event->leg_key = strtoull(text, NULL, 10);
    }
    if ((text = option(script, 3, "ago")) != NULL) {
        event->at.us =
            world_clock(&script->world, call->registry).wall.us - duration_us(script, text);
    }
}

/* OP originates|receives CALL a= b= [presented= feed= trunk= side= flag= ref= leg= ago=] */
static void do_call(struct script *script, enum tally_side side)
{
    struct world_call *call = world_call_add(&script->world, token(script, 2));
    struct tally_event event = {.kind = TALLY_EVENT_SETUP,
                                .side = side,
                                .ingress_class = side == TALLY_SIDE_ORIGINATING
                                                     ? TALLY_TRUNK_CUSTOMER
                                                     : TALLY_TRUNK_INTERCONNECT};
    const char *feed = option(script, 3, "feed");

    if (call == NULL) {
        give_up(script, "a new name for the call", token(script, 2));
        return;
    }
    call->registry = operator_at(script, 0);
    if (feed != NULL) {
        call->feed = world_feed(&script->world.registries[call->registry], feed);
        if (call->feed < 0) {
            give_up(script, "a feed of the operator", feed);
            return;
        }
    }
    fill_event(script, call, &event);
    call->a_number = tally_event_displayed(&event);
    call->b_number = event.b_number;
    if (!script->is_broken) {
        world_event(&script->world, call, &event);
        call->decision.event.leg_key = event.leg_key;
    }
}

/* OP releases CALL */
static void do_release(struct script *script)
{
    const struct world_call *from = call_at(script, 2);
    struct world_call end = {0};
    struct tally_event event = {.kind = TALLY_EVENT_RELEASE, .side = TALLY_SIDE_ORIGINATING};

    if (from != NULL) {
        end.registry = from->registry;
        end.feed = from->feed;
        event.leg_key = from->decision.event.leg_key;
        world_event(&script->world, &end, &event);
    }
}

/* OP asks PEER CALL a= b= [ago=] [skewed] : a query made by hand. */
static void do_ask(struct script *script)
{
    int from = operator_at(script, 0);
    int to = operator_at(script, 2);
    struct world_call *call = world_call_add(&script->world, token(script, 3));
    struct tally_record record = {.type = TALLY_RECORD_QUERY};
    const char *ago = option(script, 4, "ago");
    const char *hash = option(script, 4, "entitled");
    struct tally_hash_key zero = {0, 0};
    char id[TALLY_OPERATOR_ID_BYTES + 1];

    if (call == NULL) {
        give_up(script, "a new name for the query", token(script, 3));
        return;
    }
    call->registry = from;
    call->query_id = 0x7000000000000000u + (uint64_t)script->world.call_count;
    /* By default the answerer alone is entitled. */
    snprintf(id, sizeof(id), "%s\n", script->world.registries[to].name);
    record.query =
        (struct tally_query){.query_id = call->query_id,
                             .at = {world_clock(&script->world, from).wall.us -
                                    (ago != NULL ? duration_us(script, ago) : 0)},
                             .budget_us = 800000,
                             .a_network = number_option(script, "a"),
                             .a_presented = number_option(script, "presented"),
                             .b_number = number_option(script, "b"),
                             .entitled_hash = hash != NULL ? strtoull(hash, NULL, 10)
                                                           : tally_hash(&zero, id, strlen(id))};
    world_send(&script->world, from, to, &record);
}

/* OP announces PEER a= b= [record=] [ago=] : an announcement made by hand. */
static void do_announce(struct script *script)
{
    int from = operator_at(script, 0);
    int to = operator_at(script, 2);
    const char *ago = option(script, 3, "ago");
    const char *id = option(script, 3, "record");
    struct tally_record record = {
        .type = TALLY_RECORD_ANNOUNCE,
        .announce = {.record_id = id != NULL ? strtoull(id, NULL, 10) : ++script->next_leg,
                     .at = {world_clock(&script->world, from).wall.us -
                            (ago != NULL ? duration_us(script, ago) : 0)},
                     .a_network = number_option(script, "a"),
                     .a_presented = number_option(script, "presented"),
                     .b_number = number_option(script, "b"),
                     .token = 1}};

    world_send(&script->world, from, to, &record);
}

/* OP reports PEER KIND record= : a report made by hand. */
static void do_report(struct script *script)
{
    static const struct word kinds[] = {{"ARRIVED", TALLY_REPORT_ARRIVED},
                                        {"REJECTED", TALLY_REPORT_REJECTED},
                                        {"NO_CALL_TO_B", TALLY_REPORT_NO_CALL_TO_B},
                                        {NULL, 0}};
    int from = operator_at(script, 0);
    int to = operator_at(script, 2);
    const char *id = option(script, 4, "record");
    struct tally_record record = {
        .type = TALLY_RECORD_REPORT,
        .report = {.record_id = id != NULL ? strtoull(id, NULL, 10) : 1,
                   .at = world_clock(&script->world, from).wall,
                   .kind = (enum tally_report_kind)word(script, kinds, token(script, 3))}};

    world_send(&script->world, from, to, &record);
}

/* Trouble. */

static void feed_gap(struct script *script, int registry, int at)
{
    struct world_feed *feed = &script->world.registries[registry].feeds[at];
    struct tally_wall now = world_clock(&script->world, registry).wall;
    struct tally_feed_record record = {.type = TALLY_FEED_GAP,
                                       .gap = {.seq = feed->next_seq++, .from = now, .to = now}};

    world_feed_record(&script->world, registry, at, &record);
}

/* feed OP NAME silent|speaks|deaf|hears|gap|lose-next|restart|restart-bare|slow TIME */
static void do_feed(struct script *script)
{
    int registry = operator_at(script, 1);
    int at = world_feed(&script->world.registries[registry], token(script, 2));
    struct world_feed *feed = NULL;
    const char *what = token(script, 3);

    if (at < 0) {
        give_up(script, "a feed of the operator", token(script, 2));
        return;
    }
    feed = &script->world.registries[registry].feeds[at];
    if (strcmp(what, "silent") == 0 || strcmp(what, "speaks") == 0) {
        feed->is_silent = strcmp(what, "silent") == 0;
    } else if (strcmp(what, "deaf") == 0 || strcmp(what, "hears") == 0) {
        feed->is_deaf = strcmp(what, "deaf") == 0;
    } else if (strcmp(what, "gap") == 0) {
        feed_gap(script, registry, at);
    } else if (strcmp(what, "lose-next") == 0) {
        feed->loses_next = true;
    } else if (strcmp(what, "slow") == 0) {
        feed->flush_us = duration_us(script, token(script, 4));
    } else if (strcmp(what, "restart") == 0 || strcmp(what, "restart-bare") == 0 ||
               strcmp(what, "restart-lossy") == 0) {
        feed->boot_id++;
        feed->is_snapshot = strcmp(what, "restart-bare") != 0;
        feed->lost_leg_count = strcmp(what, "restart-lossy") == 0;
        world_hello(&script->world, registry, at);
    } else {
        give_up(script, "what happens to the feed", what);
    }
}

/* drop|double FROM TO TYPE [N] ; delay FROM TO TYPE TIME [N] */
static void do_rule(struct script *script, enum world_rule_kind kind)
{
    static const struct word types[] = {
        {"announce", TALLY_RECORD_ANNOUNCE}, {"query", TALLY_RECORD_QUERY},
        {"answer", TALLY_RECORD_ANSWER},     {"report", TALLY_RECORD_REPORT},
        {"probe", TALLY_RECORD_PROBE},       {NULL, 0}};
    struct world_rule rule = {.from = operator_at(script, 1),
                              .to = operator_at(script, 2),
                              .type = (enum tally_record_type)word(script, types, token(script, 3)),
                              .kind = kind};
    int count_at = kind == RULE_DELAY ? 5 : 4;

    if (kind == RULE_DELAY) {
        rule.delay_us = duration_us(script, token(script, 4));
    }
    rule.count =
        script->token_count > count_at ? (unsigned)strtoul(token(script, count_at), NULL, 10) : 1;
    for (int at = 0; at < WORLD_RULES_MAX; at++) {
        if (script->world.rules[at].count == 0) {
            script->world.rules[at] = rule;
            return;
        }
    }
    give_up(script, "fewer rules", token(script, 0));
}

/* replay ONE OTHER TYPE : all kept frames of the type, both ways; handshakes go but one way. */
static void do_replay(struct script *script)
{
    static const struct word types[] = {{"init", TALLY_FRAME_INIT},
                                        {"response", TALLY_FRAME_RESPONSE},
                                        {"transport", TALLY_FRAME_TRANSPORT},
                                        {NULL, 0}};
    int one = operator_at(script, 1);
    int other = operator_at(script, 2);
    enum tally_frame_type type = (enum tally_frame_type)word(script, types, token(script, 3));

    if (world_replay(&script->world, one, other, type) +
            world_replay(&script->world, other, one, type) ==
        0) {
        give_up(script, "frames to replay", "none");
    }
}

static void do_start(struct script *script)
{
    int at = operator_at(script, 1);
    struct world *world = &script->world;

    for (int feed = 0; feed < world->registries[at].config.feed_count; feed++) {
        world->registries[at].feeds[feed].is_snapshot = strcmp(token(script, 2), "bare") != 0;
    }
    world_boot(world, at);
    world_publish(world, at);
    for (int feed = 0; feed < world->registries[at].config.feed_count; feed++) {
        world_hello(world, at, feed);
    }
    for (int peer = 0; !world->has_sessions && peer < world->registry_count; peer++) {
        if (peer != at && world->registries[peer].is_running) {
            world_link(world, at, peer, true);
        }
    }
}

/* Expectations. */

static void check(struct script *script, bool holds, const char *what, const char *found)
{
    script->expect_count++;
    if (!holds) {
        complain(script, "expected %s, found %s", what, found);
    }
}

static const char *described(const struct world_call *call)
{
    static char text[256];

    if (call->decided_count == 0) {
        return "no verdict";
    }
    snprintf(text, sizeof(text), "%s %s %s action %s would %s policy %s after %.3f ms (%ux)",
             tally_verdict_name(call->decision.judgement.verdict),
             tally_grade_name(call->decision.judgement.grade),
             tally_reason_name(call->decision.judgement.reason),
             tally_action_name(call->decision.ruling.action),
             tally_action_name(call->decision.ruling.would_action),
             tally_policy_line_name(call->decision.ruling.line),
             (double)call->decision.wait_us / 1e3, call->decided_count);
    return text;
}

static bool has_mark(const struct world_call *call, const char *name)
{
    for (unsigned bit = 0; bit < TALLY_MARK_COUNT; bit++) {
        if (strcmp(tally_mark_name(bit), name) == 0) {
            return (call->decision.judgement.marks >> bit & 1u) != 0;
        }
    }
    return false;
}

/* expect CALL verdict V [grade G] [reason R] [action A] [would A] [policy P] [mark M] [evidence N]
 */
static void expect_verdict(struct script *script, const struct world_call *call)
{
    const struct tally_judgement *judgement = &call->decision.judgement;
    const struct tally_ruling *ruling = &call->decision.ruling;

    check(script, call->decided_count == 1, "exactly one verdict", described(call));
    for (int at = 2; at + 1 < script->token_count; at += 2) {
        const char *key = token(script, at);
        const char *value = token(script, at + 1);
        bool holds = false;

        if (strcmp(key, "verdict") == 0) {
            holds = strcmp(tally_verdict_name(judgement->verdict), value) == 0;
        } else if (strcmp(key, "grade") == 0) {
            holds = strcmp(tally_grade_name(judgement->grade), value) == 0;
        } else if (strcmp(key, "reason") == 0) {
            holds = strcmp(tally_reason_name(judgement->reason), value) == 0;
        } else if (strcmp(key, "action") == 0) {
            holds = strcmp(tally_action_name(ruling->action), value) == 0;
        } else if (strcmp(key, "would") == 0) {
            holds = strcmp(tally_action_name(ruling->would_action), value) == 0;
        } else if (strcmp(key, "policy") == 0) {
            holds = strcmp(tally_policy_line_name(ruling->line), value) == 0;
        } else if (strcmp(key, "mark") == 0) {
            holds = has_mark(call, value);
        } else if (strcmp(key, "evidence") == 0) {
            holds = call->persisted_count == strtoul(value, NULL, 10);
        } else if (strcmp(key, "within") == 0) {
            holds = call->decision.wait_us <= duration_us(script, value);
        } else if (strcmp(key, "not-before") == 0) {
            holds = call->decision.wait_us >= duration_us(script, value);
        } else {
            give_up(script, "something to expect of a verdict", key);
        }
        check(script, holds, value, described(call));
    }
}

static void expect_call(struct script *script, struct world_call *call)
{
    static const struct word kinds[] = {{"UNKNOWN", TALLY_ANSWER_UNKNOWN},
                                        {"FOUND", TALLY_ANSWER_FOUND},
                                        {"NONE", TALLY_ANSWER_NONE},
                                        {"NONE_DIRECT", TALLY_ANSWER_NONE_DIRECT},
                                        {NULL, 0}};
    const char *what = token(script, 2);

    if (strcmp(what, "verdict") == 0) {
        expect_verdict(script, call);
    } else if (strcmp(what, "undecided") == 0) {
        check(script, call->decided_count == 0, "no verdict yet", described(call));
    } else if (strcmp(what, "acked") == 0) {
        check(script, call->is_acked, "an acknowledgement", "none");
    } else if (strcmp(what, "unacked") == 0) {
        check(script, !call->is_acked, "no acknowledgement", "one");
    } else if (strcmp(what, "outcome") == 0) {
        const char *found = call->has_outcome ? tally_outcome_name(call->outcome) : "no outcome";

        check(script, call->outcome_count <= 1, "at most one outcome", found);
        check(script, strcmp(found, token(script, 3)) == 0, token(script, 3), found);
    } else if (strcmp(what, "no-outcome") == 0) {
        check(script, !call->has_outcome, "no outcome", tally_outcome_name(call->outcome));
    } else if (strcmp(what, "answer") == 0) {
        const char *found =
            call->answer_count == 0 ? "no answer" : word_name(kinds, (int)call->answer);

        check(script, call->answer_count == 1, "one answer", found);
        check(script, (int)call->answer == word(script, kinds, token(script, 3)), token(script, 3),
              found);
        check(script, call->is_answer_spent == (strcmp(token(script, 4), "spent") == 0),
              "the credit spent or not, as said", call->is_answer_spent ? "spent" : "not spent");
    } else if (strcmp(what, "no-answer") == 0) {
        check(script, call->answer_count == 0, "no answer at all",
              word_name(kinds, (int)call->answer));
    } else {
        give_up(script, "something to expect of a call", what);
    }
}

static int reject_of(struct script *script, const char *name)
{
    for (int reject = 0; reject < TALLY_REJECT_COUNT; reject++) {
        if (strcmp(tally_reject_name((enum tally_reject)reject), name) == 0) {
            return reject;
        }
    }
    give_up(script, "a reject reason", name);
    return 0;
}

/* expect OP rejects|feed-rejects|frame-rejects REASON N ; calls N ; table-full N ; steps same */
static void expect_operator(struct script *script, int at)
{
    const struct world_registry *registry = &script->world.registries[at];
    struct tally_registry_counters counters;
    const char *what = token(script, 2);
    const char *wanted = token(script, script->token_count - 1);
    uint64_t found = 0;
    char text[64];

    tally_registry_counters(registry->core, &counters);
    if (strcmp(what, "rejects") == 0) {
        found = counters.peer_reject_count[reject_of(script, token(script, 3))];
    } else if (strcmp(what, "feed-rejects") == 0) {
        found = counters.feed_reject_count[reject_of(script, token(script, 3))];
    } else if (strcmp(what, "frame-rejects") == 0) {
        found = registry->frame_reject_count[reject_of(script, token(script, 3))];
    } else if (strcmp(what, "calls") == 0) {
        found = counters.call_count;
    } else if (strcmp(what, "table-full") == 0) {
        found = counters.table_full_count;
    } else if (strcmp(what, "waiting") == 0) {
        found = counters.inquiry_count;
    } else {
        give_up(script, "something to expect of an operator", what);
        return;
    }
    snprintf(text, sizeof(text), "%llu", (unsigned long long)found);
    if (wanted[0] == '>') {
        check(script, found > strtoull(wanted + 1, NULL, 10), wanted, text);
    } else {
        check(script, strcmp(text, wanted) == 0, wanted, text);
    }
}

static void do_expect(struct script *script)
{
    int at = world_operator(&script->world, token(script, 1));
    struct world_call *call = NULL;

    if (at >= 0) {
        expect_operator(script, at);
        return;
    }
    call = call_at(script, 1);
    if (call != NULL) {
        expect_call(script, call);
    }
}

/* Lines. */

static bool do_declaration(struct script *script)
{
    const char *verb = token(script, 0);

    if (strcmp(verb, "operator") == 0) {
        do_operator(script);
    } else if (strcmp(verb, "range") == 0) {
        do_range(script);
    } else if (strcmp(verb, "feed") == 0 && !script->is_started) {
        do_feed_declared(script);
    } else if (strcmp(verb, "set") == 0 && !script->is_started) {
        do_set(script);
    } else if (strcmp(verb, "cold") == 0 && !script->is_started) {
        script->world.registries[operator_at(script, 1)].is_cold = true;
    } else if (strcmp(verb, "sessions") == 0 && !script->is_started) {
        script->world.has_sessions = true;
    } else if (strcmp(verb, "latency") == 0) {
        script->world.latency_us = duration_us(script, token(script, 1));
    } else if (strcmp(verb, "unlisted") == 0 || strcmp(verb, "listed") == 0) {
        script->world.is_unlisted[operator_at(script, 1)] = strcmp(verb, "unlisted") == 0;
    } else if (strcmp(verb, "stamp-age") == 0) {
        script->world.stamp_age_us = duration_us(script, token(script, 1));
    } else if (strcmp(verb, "log-size") == 0) {
        script->world.log_size = strtoull(token(script, 1), NULL, 10);
    } else if (strcmp(verb, "clock") == 0) {
        script->world.registries[operator_at(script, 1)].wall_offset_us =
            duration_us(script, token(script, 2));
    } else {
        return false;
    }
    return true;
}

static bool do_world_verb(struct script *script)
{
    const char *verb = token(script, 0);
    struct world *world = &script->world;

    if (strcmp(verb, "expect") == 0) {
        do_expect(script);
    } else if (strcmp(verb, "feed") == 0) {
        do_feed(script);
    } else if (strcmp(verb, "link") == 0) {
        world_link(world, operator_at(script, 1), operator_at(script, 2),
                   strcmp(token(script, 3), "up") == 0);
    } else if (strcmp(verb, "drop") == 0) {
        do_rule(script, RULE_DROP);
    } else if (strcmp(verb, "double") == 0) {
        do_rule(script, RULE_DOUBLE);
    } else if (strcmp(verb, "delay") == 0) {
        do_rule(script, RULE_DELAY);
    } else if (strcmp(verb, "stop") == 0) {
        world_stop(world, operator_at(script, 1));
    } else if (strcmp(verb, "start") == 0) {
        do_start(script);
    } else if (strcmp(verb, "publish") == 0) {
        world_publish(world, script->token_count > 1 ? operator_at(script, 1) : -1);
    } else if (strcmp(verb, "replay") == 0) {
        do_replay(script);
    } else {
        return false;
    }
    return true;
}

static void do_operator_verb(struct script *script)
{
    const char *verb = token(script, 1);

    if (world_operator(&script->world, token(script, 0)) < 0) {
        give_up(script, "a verb or an operator", token(script, 0));
    } else if (strcmp(verb, "originates") == 0) {
        do_call(script, TALLY_SIDE_ORIGINATING);
    } else if (strcmp(verb, "receives") == 0) {
        do_call(script, TALLY_SIDE_TERMINATING);
    } else if (strcmp(verb, "releases") == 0) {
        do_release(script);
    } else if (strcmp(verb, "asks") == 0) {
        do_ask(script);
    } else if (strcmp(verb, "announces") == 0) {
        do_announce(script);
    } else if (strcmp(verb, "reports") == 0) {
        do_report(script);
    } else {
        give_up(script, "what the operator does", verb);
    }
}

static void split(struct script *script, char *line)
{
    char *rest = NULL;
    char *hash = strchr(line, '#');

    if (hash != NULL) {
        *hash = '\0';
    }
    script->token_count = 0;
    for (char *text = strtok_r(line, " \t\r\n", &rest);
         text != NULL && script->token_count < TOKENS_MAX;
         text = strtok_r(NULL, " \t\r\n", &rest)) {
        script->tokens[script->token_count++] = text;
    }
}

static void do_line(struct script *script)
{
    if (strcmp(token(script, 0), "at") == 0) {
        int64_t until_us = duration_us(script, token(script, 1));

        start(script);
        if (until_us < script->world.now_us) {
            give_up(script, "a time that has not passed", token(script, 1));
            return;
        }
        world_run(&script->world, until_us);
        memmove(script->tokens, script->tokens + 2,
                (size_t)(TOKENS_MAX - 2) * sizeof(*script->tokens));
        script->token_count -= 2;
    }
    if (script->token_count <= 0 || do_declaration(script)) {
        return;
    }
    start(script);
    if (!do_world_verb(script)) {
        do_operator_verb(script);
    }
}

unsigned script_play(FILE *file, const char *name, unsigned *expectation_count)
{
    struct script *script = calloc(1, sizeof(*script));
    char line[LINE_BYTES];
    unsigned fail_count = 1;

    *expectation_count = 0;
    if (script == NULL) {
        fprintf(stderr, "%s: no memory\n", name);
        return fail_count;
    }
    script->name = name;
    world_init(&script->world);
    while (!script->is_broken && fgets(line, sizeof(line), file) != NULL) {
        script->line++;
        split(script, line);
        do_line(script);
    }
    if (script->expect_count == 0) {
        complain(script, "expected at least one 'expect', found none");
    }
    *expectation_count = script->expect_count;
    fail_count = script->fail_count;
    world_free(&script->world);
    free(script);
    return fail_count;
}
