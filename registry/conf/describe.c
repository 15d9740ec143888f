/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/describe.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdarg.h>

struct line {
    char *text;
    size_t size;
    size_t at;
};

static void add(struct line *line, const char *format, ...) TALLY_PRINTF(2, 3);

static void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    int count;

    va_start(arguments, format);
    count = vsnprintf(line->text + line->at, line->size - line->at, format, arguments);
    va_end(arguments);
    TALLY_ASSERT(count >= 0);
    line->at += (size_t)count;
    if (line->at >= line->size) {
        line->at = line->size - 1;
    }
}

static void add_bounds(struct line *line, const struct tally_conf_setting *setting)
{
    if (setting->min == setting->max) {
        add(line, "%" PRId64, setting->min);
    } else {
        add(line, "%" PRId64 " to %" PRId64, setting->min, setting->max);
    }
}

static void add_text(struct line *line, const struct tally_conf_setting *setting)
{
    add_bounds(line, setting);
    add(line, " characters");
    if (setting->form != NULL) {
        add(line, ", %s", setting->form);
    }
}

static void add_words(struct line *line, const struct tally_conf_setting *setting)
{
    add(line, "one of ");
    for (uint32_t i = 0; setting->words[i].word != NULL; i++) {
        add(line, "%s\"%s\"", i == 0 ? "" : ", ", setting->words[i].word);
    }
}

void tally_conf_describe(const struct tally_conf_setting *setting,
                         char words[TALLY_CONF_WORDS_BYTES])
{
    struct line line = {words, TALLY_CONF_WORDS_BYTES, 0};

    switch (setting->type) {
    case TALLY_CONF_INT:
        add(&line, "an integer from ");
        add_bounds(&line, setting);
        if (setting->unit != NULL) {
            add(&line, " %s", setting->unit);
        }
        break;
    case TALLY_CONF_BOOL:
        add(&line, "true or false");
        break;
    case TALLY_CONF_STRING:
        add(&line, "text of ");
        add_text(&line, setting);
        break;
    case TALLY_CONF_ENUM:
        add_words(&line, setting);
        break;
    case TALLY_CONF_STRINGS:
        add(&line, "a list of up to %" PRIu32 " texts [ \"...\" ], each of ", setting->list_max);
        add_text(&line, setting);
        break;
    case TALLY_CONF_GROUP:
        add(&line, "a group { ... }");
        break;
    case TALLY_CONF_GROUPS:
        add(&line, "a list of ");
        add_bounds(&line, setting);
        add(&line, " groups ( { ... }, ... )");
        break;
    }
}

const void *tally_conf_place_const(const struct tally_conf_setting *setting, const void *object,
                                   uint32_t at)
{
    return (const uint8_t *)object + setting->offset + at * setting->bytes;
}

void *tally_conf_place(const struct tally_conf_setting *setting, void *object, uint32_t at)
{
    return (uint8_t *)object + setting->offset + at * setting->bytes;
}

const char *tally_conf_word_of(const struct tally_conf_setting *setting, int32_t value)
{
    for (uint32_t i = 0; setting->words[i].word != NULL; i++) {
        if (setting->words[i].value == value) {
            return setting->words[i].word;
        }
    }
    return NULL;
}
