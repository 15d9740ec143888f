/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "conf/conf.h"
#include "conf/describe.h"

#include <inttypes.h>
#include <string.h>

static enum tally_err stream_result(FILE *out, struct tally_fault *fault)
{
    if (fflush(out) != 0 || ferror(out) != 0) {
        return tally_fault_set(fault, TALLY_ERR_SYSTEM, "the configuration cannot be written out");
    }
    return TALLY_ERR_OK;
}

static void indent(FILE *out, unsigned depth)
{
    (void)fprintf(out, "%*s", (int)(4 * depth), "");
}

/* --- the dump --- */

static void dump_group(const struct tally_conf_table *table, const void *object, unsigned depth,
                       FILE *out);

static void dump_text(const char *text, FILE *out)
{
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static uint32_t count_of(const struct tally_conf_setting *setting, const void *object)
{
    uint32_t count;

    memcpy(&count, (const uint8_t *)object + setting->count_offset, sizeof(count));
    TALLY_ASSERT(count <= setting->list_max);
    return count;
}

static void dump_int(const void *place, FILE *out)
{
    int64_t value;

    memcpy(&value, place, sizeof(value));
    (void)fprintf(out, "%" PRId64 "%s", value, value > INT32_MAX || value < INT32_MIN ? "L" : "");
}

static void dump_word(const struct tally_conf_setting *setting, const void *place, FILE *out)
{
    int32_t value;
    const char *word;

    memcpy(&value, place, sizeof(value));
    word = tally_conf_word_of(setting, value);
    TALLY_ASSERT(word != NULL);
    dump_text(word, out);
}

static void dump_list(const struct tally_conf_setting *setting, const void *object, unsigned depth,
                      FILE *out)
{
    uint32_t count = count_of(setting, object);
    bool is_groups = setting->type == TALLY_CONF_GROUPS;

    (void)fputs(is_groups ? "(" : "[", out);
    for (uint32_t i = 0; i < count; i++) {
        const void *place = tally_conf_place_const(setting, object, i);

        (void)fputs(i == 0 ? " " : ", ", out);
        if (is_groups) {
            (void)fputs("{\n", out);
            dump_group(setting->table, place, depth + 1, out);
            indent(out, depth);
            (void)fputc('}', out);
        } else {
            dump_text(place, out);
        }
    }
    (void)fputs(is_groups ? " )" : " ]", out);
}

static void dump_value(const struct tally_conf_setting *setting, const void *object, unsigned depth,
                       FILE *out)
{
    const void *place = tally_conf_place_const(setting, object, 0);
    bool is_true;

    switch (setting->type) {
    case TALLY_CONF_INT:
        dump_int(place, out);
        break;
    case TALLY_CONF_BOOL:
        memcpy(&is_true, place, sizeof(is_true));
        (void)fputs(is_true ? "true" : "false", out);
        break;
    case TALLY_CONF_STRING:
        dump_text(place, out);
        break;
    case TALLY_CONF_ENUM:
        dump_word(setting, place, out);
        break;
    case TALLY_CONF_STRINGS:
    case TALLY_CONF_GROUPS:
        dump_list(setting, object, depth, out);
        break;
    case TALLY_CONF_GROUP:
        (void)fputs("{\n", out);
        dump_group(setting->table, place, depth + 1, out);
        indent(out, depth);
        (void)fputc('}', out);
        break;
    }
}

static void dump_group(const struct tally_conf_table *table, const void *object, unsigned depth,
                       FILE *out)
{
    char words[TALLY_CONF_WORDS_BYTES];

    for (uint32_t i = 0; i < table->setting_count; i++) {
        const struct tally_conf_setting *setting = &table->settings[i];

        tally_conf_describe(setting, words);
        indent(out, depth);
        (void)fprintf(out, "# %s\n", setting->sentence);
        indent(out, depth);
        (void)fprintf(out, "# Expects %s", words);
        if (setting->need == TALLY_CONF_REQUIRED) {
            (void)fputs("; required", out);
        } else if (setting->by_default != NULL) {
            (void)fprintf(out, "; default %s", setting->by_default);
        }
        (void)fputs(".\n", out);
        indent(out, depth);
        (void)fprintf(out, "%s = ", setting->key);
        dump_value(setting, object, depth, out);
        (void)fputs(";\n", out);
    }
}

enum tally_err tally_conf_dump(const struct tally_conf_table *table, const void *object, FILE *out,
                               struct tally_fault *fault)
{
    dump_group(table, object, 0, out);
    return stream_result(out, fault);
}

/* --- the manual --- */

enum { MANUAL_COLUMNS = 78 };

/* A word as mdoc takes it: a backslash, and a dot or quote at the head of a line, are its own. */
static void manual_word(const char *word, size_t size, FILE *out)
{
    if (word[0] == '.' || word[0] == '\'') {
        (void)fputs("\\&", out);
    }
    for (size_t i = 0; i < size; i++) {
        (void)fputs(word[i] == '\\' ? "\\e" : (char[]){word[i], '\0'}, out);
    }
}

/* Words in lines of a length that mandoc finds good style; without a line end after the last. */
static void manual_text(const char *text, FILE *out)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t size = strcspn(text, " ");

        if (column > 0 && column + 1 + size > MANUAL_COLUMNS) {
            (void)fputc('\n', out);
            column = 0;
        } else if (column > 0) {
            (void)fputc(' ', out);
            column++;
        }
        manual_word(text, size, out);
        column += size;
        text += size + strspn(text + size, " ");
    }
}

static void manual_words(const struct tally_conf_word *words, FILE *out)
{
    (void)fputs(".Bl -tag -width Ds -compact\n", out);
    for (; words->word != NULL; words++) {
        (void)fprintf(out, ".It Cm %s\n", words->word);
        manual_text(words->sentence, out);
        (void)fputc('\n', out);
    }
    (void)fputs(".El\n", out);
}

static void manual_group(const struct tally_conf_table *table, FILE *out);

static void manual_setting(const struct tally_conf_setting *setting, FILE *out)
{
    char words[TALLY_CONF_WORDS_BYTES];
    char text[2 * TALLY_CONF_WORDS_BYTES];
    const char *by_default = setting->by_default;

    tally_conf_describe(setting, words);
    words[0] = words[0] >= 'a' && words[0] <= 'z' ? (char)(words[0] - 'a' + 'A') : words[0];
    (void)fprintf(out, ".It Ic %s\n", setting->key);
    manual_text(setting->sentence, out);
    (void)fputc('\n', out);
    if (setting->need == TALLY_CONF_REQUIRED) {
        (void)snprintf(text, sizeof(text), "%s; required.", words);
    } else if (by_default != NULL) {
        (void)snprintf(text, sizeof(text), "%s; default %s.", words,
                       by_default[0] == '\0' ? "\"\"" : by_default);
    } else {
        (void)snprintf(text, sizeof(text), "%s.", words);
    }
    manual_text(text, out);
    (void)fputc('\n', out);
    if (setting->words != NULL && setting->words[0].sentence != NULL) {
        manual_words(setting->words, out);
    }
    if (setting->table != NULL) {
        manual_group(setting->table, out);
    }
}

static void manual_group(const struct tally_conf_table *table, FILE *out)
{
    (void)fputs(".Bl -tag -width Ds\n", out);
    for (uint32_t i = 0; i < table->setting_count; i++) {
        manual_setting(&table->settings[i], out);
    }
    (void)fputs(".El\n", out);
}

enum tally_err tally_conf_manual(const struct tally_conf_table *table, FILE *out,
                                 struct tally_fault *fault)
{
    manual_group(table, out);
    return stream_result(out, fault);
}
