/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/describe.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdarg.h>

struct words {
    char *text;
    size_t size;
    size_t at;
};

static void add(struct words *words, const char *format, ...) TALLY_PRINTF(2, 3);

static void add(struct words *words, const char *format, ...)
{
    va_list arguments;
    int count;

    va_start(arguments, format);
    count = vsnprintf(words->text + words->at, words->size - words->at, format, arguments);
    va_end(arguments);
    TALLY_ASSERT(count >= 0);
    words->at += (size_t)count;
    if (words->at >= words->size) {
        words->at = words->size - 1;
    }
}

static void add_bounds(struct words *words, const struct tally_conf_setting *setting)
{
    if (setting->min == setting->max) {
        add(words, "%" PRId64, setting->min);
    } else {
        add(words, "%" PRId64 " to %" PRId64, setting->min, setting->max);
    }
}

static void add_text(struct words *words, const struct tally_conf_setting *setting)
{
    add_bounds(words, setting);
    add(words, " characters");
    if (setting->form != NULL) {
        add(words, ", %s", setting->form);
    }
}

static void add_words(struct words *words, const struct tally_conf_setting *setting)
{
    add(words, "one of ");
    for (uint32_t i = 0; setting->words[i].word != NULL; i++) {
        add(words, "%s\"%s\"", i == 0 ? "" : ", ", setting->words[i].word);
    }
}

void tally_conf_describe(const struct tally_conf_setting *setting,
                         char text[TALLY_CONF_WORDS_BYTES])
{
    struct words words = {text, TALLY_CONF_WORDS_BYTES, 0};

    switch (setting->type) {
    case TALLY_CONF_INT:
        add(&words, "an integer from ");
        add_bounds(&words, setting);
        if (setting->unit != NULL) {
            add(&words, " %s", setting->unit);
        }
        break;
    case TALLY_CONF_BOOL:
        add(&words, "true or false");
        break;
    case TALLY_CONF_STRING:
        add(&words, "text of ");
        add_text(&words, setting);
        break;
    case TALLY_CONF_ENUM:
        add_words(&words, setting);
        break;
    case TALLY_CONF_STRINGS:
        add(&words, "a list of up to %" PRIu32 " texts [ \"...\" ], each of ", setting->list_max);
        add_text(&words, setting);
        break;
    case TALLY_CONF_GROUP:
        add(&words, "a group { ... }");
        break;
    case TALLY_CONF_GROUPS:
        add(&words, "a list of ");
        add_bounds(&words, setting);
        add(&words, " groups ( { ... }, ... )");
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
