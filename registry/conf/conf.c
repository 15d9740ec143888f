/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include "base/assert.h"
#include "conf/describe.h"

#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What every step of one load needs to know. */
struct load {
    const char *name; /* the file, for faults */
    struct tally_fault *fault;
};

/* One value with where it stands: the setting's full path and the group above it. */
struct spot {
    char path[TALLY_CONF_PATH_BYTES];
    config_setting_t *at; /* NULL: not in the file */
};

static int line_of(const config_setting_t *at)
{
    int line = at == NULL ? 0 : (int)config_setting_source_line(at);

    /* libconfig gives the root group no line. */
    return line < 1 ? 1 : line;
}

static void join(char path[TALLY_CONF_PATH_BYTES], const char *above, const char *key)
{
    const char *between = above[0] == '\0' || key[0] == '[' ? "" : ".";
    int count = snprintf(path, TALLY_CONF_PATH_BYTES, "%s%s%s", above, between, key);

    TALLY_ASSERT(count > 0);
}

/* What stands in the file, shortened and made safe to print. */
static void describe_found(const config_setting_t *at, char *text, size_t size)
{
    const char *string = NULL;
    size_t count;

    switch (config_setting_type(at)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        (void)snprintf(text, size, "%lld", config_setting_get_int64(at));
        return;
    case CONFIG_TYPE_FLOAT:
        (void)snprintf(text, size, "%g", config_setting_get_float(at));
        return;
    case CONFIG_TYPE_BOOL:
        (void)snprintf(text, size, "%s", config_setting_get_bool(at) != 0 ? "true" : "false");
        return;
    case CONFIG_TYPE_GROUP:
        (void)snprintf(text, size, "a group { ... }");
        return;
    case CONFIG_TYPE_ARRAY:
        (void)snprintf(text, size, "an array [ ... ] of %d", config_setting_length(at));
        return;
    case CONFIG_TYPE_LIST:
        (void)snprintf(text, size, "a list ( ... ) of %d", config_setting_length(at));
        return;
    default:
        break;
    }
    string = config_setting_get_string(at);
    count = string == NULL ? 0 : strlen(string);
    (void)snprintf(text, size, "\"%.40s%s\" (%zu characters)", string == NULL ? "" : string,
                   count > 40 ? "..." : "", count);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
}

static enum tally_err wrong_value(const struct load *load, const struct tally_conf_setting *setting,
                                  const struct spot *spot)
{
    char found[96];
    char expected[TALLY_CONF_WORDS_BYTES];

    describe_found(spot->at, found, sizeof(found));
    tally_conf_describe(setting, expected);
    return tally_fault_set(load->fault, TALLY_ERR_CONFIG, "%s:%d: %s is %s, expected %s",
                           load->name, line_of(spot->at), spot->path, found, expected);
}

static enum tally_err missing(const struct load *load, const struct tally_conf_setting *setting,
                              const char *path, const config_setting_t *group)
{
    char expected[TALLY_CONF_WORDS_BYTES];

    tally_conf_describe(setting, expected);
    return tally_fault_set(load->fault, TALLY_ERR_CONFIG,
                           "%s:%d: %s is missing and has no default; add it: %s", load->name,
                           line_of(group), path, expected);
}

/* --- single values --- */

static bool is_text_good(const struct tally_conf_setting *setting, const char *text)
{
    size_t count = strlen(text);

    if ((int64_t)count < setting->min || (int64_t)count > setting->max) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        /* No setting needs a line break, and none may smuggle one into a log line. */
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return setting->is_well_formed == NULL || setting->is_well_formed(text);
}

static bool put_text(const struct tally_conf_setting *setting, const char *text, void *place)
{
    TALLY_ASSERT(setting->max < (int64_t)setting->bytes);
    if (!is_text_good(setting, text)) {
        return false;
    }
    memset(place, 0, setting->bytes);
    memcpy(place, text, strlen(text));
    return true;
}

static bool put_int(const struct tally_conf_setting *setting, int64_t value, void *place)
{
    TALLY_ASSERT(setting->bytes == sizeof(value));
    if (value < setting->min || value > setting->max) {
        return false;
    }
    memcpy(place, &value, sizeof(value));
    return true;
}

static bool put_word(const struct tally_conf_setting *setting, const char *word, void *place)
{
    TALLY_ASSERT(setting->bytes == sizeof(setting->words[0].value));
    for (uint32_t i = 0; setting->words[i].word != NULL; i++) {
        if (strcmp(setting->words[i].word, word) == 0) {
            memcpy(place, &setting->words[i].value, setting->bytes);
            return true;
        }
    }
    return false;
}

static bool put_bool(const struct tally_conf_setting *setting, bool value, void *place)
{
    TALLY_ASSERT(setting->bytes == sizeof(value));
    memcpy(place, &value, sizeof(value));
    return true;
}

/* A default is part of the program: one that breaks its own bounds is a bug. */
static void put_default(const struct tally_conf_setting *setting, void *place)
{
    const char *text = setting->by_default;
    char *end = NULL;
    bool is_good = false;

    if (text == NULL) {
        return;
    }
    switch (setting->type) {
    case TALLY_CONF_INT:
        is_good = put_int(setting, strtoll(text, &end, 10), place) && *end == '\0';
        break;
    case TALLY_CONF_BOOL:
        is_good = put_bool(setting, strcmp(text, "true") == 0, place);
        break;
    case TALLY_CONF_STRING:
        is_good = put_text(setting, text, place);
        break;
    case TALLY_CONF_ENUM:
        is_good = put_word(setting, text, place);
        break;
    case TALLY_CONF_STRINGS:
    case TALLY_CONF_GROUP:
    case TALLY_CONF_GROUPS:
        break;
    }
    TALLY_ASSERT(is_good);
}

static bool put_scalar(const struct tally_conf_setting *setting, const config_setting_t *at,
                       void *place)
{
    int type = config_setting_type(at);

    switch (setting->type) {
    case TALLY_CONF_INT:
        return (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) &&
               put_int(setting, config_setting_get_int64(at), place);
    case TALLY_CONF_BOOL:
        return type == CONFIG_TYPE_BOOL &&
               put_bool(setting, config_setting_get_bool(at) != 0, place);
    case TALLY_CONF_STRING:
    case TALLY_CONF_STRINGS:
        return type == CONFIG_TYPE_STRING &&
               put_text(setting, config_setting_get_string(at), place);
    case TALLY_CONF_ENUM:
        return type == CONFIG_TYPE_STRING &&
               put_word(setting, config_setting_get_string(at), place);
    case TALLY_CONF_GROUP:
    case TALLY_CONF_GROUPS:
        break;
    }
    return false;
}

/* --- groups --- */

/* Letters that have to be changed to make one key of the other, to guess what was meant. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[65];
    size_t count = strlen(b);

    if (strlen(a) > 64 || count > 64) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= count; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < count; j++) {
            size_t best = diagonal + (a[i] != b[j]);

            diagonal = row[j + 1];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j + 1] = best < diagonal + 1 ? best : diagonal + 1;
        }
    }
    return row[count];
}

static enum tally_err refuse_unknown(const struct load *load, const struct tally_conf_table *table,
                                     const config_setting_t *at, const char *above)
{
    const char *key = config_setting_name(at);
    const char *nearest = table->settings[0].key;
    char path[TALLY_CONF_PATH_BYTES];

    for (uint32_t i = 1; i < table->setting_count; i++) {
        if (edit_distance(key, table->settings[i].key) < edit_distance(key, nearest)) {
            nearest = table->settings[i].key;
        }
    }
    join(path, above, key);
    return tally_fault_set(load->fault, TALLY_ERR_CONFIG,
                           "%s:%d: unknown setting %s; the nearest one is %s; correct or remove it",
                           load->name, line_of(at), path, nearest);
}

static const struct tally_conf_setting *find(const struct tally_conf_table *table, const char *key)
{
    for (uint32_t i = 0; i < table->setting_count; i++) {
        if (strcmp(table->settings[i].key, key) == 0) {
            return &table->settings[i];
        }
    }
    return NULL;
}

static enum tally_err check_keys(const struct load *load, const struct tally_conf_table *table,
                                 const config_setting_t *group, const char *above)
{
    int count = group == NULL ? 0 : config_setting_length(group);

    for (int i = 0; i < count; i++) {
        const config_setting_t *at = config_setting_get_elem(group, (unsigned)i);

        if (find(table, config_setting_name(at)) == NULL) {
            return refuse_unknown(load, table, at, above);
        }
    }
    return TALLY_ERR_OK;
}

static enum tally_err load_group(const struct load *load, const struct tally_conf_table *table,
                                 const struct spot *group, unsigned depth, void *object);

static enum tally_err load_list(const struct load *load, const struct tally_conf_setting *setting,
                                const struct spot *spot, unsigned depth, void *object)
{
    int type = config_setting_type(spot->at);
    bool is_groups = setting->type == TALLY_CONF_GROUPS;
    int64_t length = config_setting_length(spot->at);
    uint32_t count = 0;

    if ((type != CONFIG_TYPE_LIST && (is_groups || type != CONFIG_TYPE_ARRAY)) ||
        length > setting->list_max ||
        (is_groups && (length < setting->min || length > setting->max))) {
        return wrong_value(load, setting, spot);
    }
    for (; count < (uint32_t)length; count++) {
        struct spot one = {"", config_setting_get_elem(spot->at, count)};
        void *place = tally_conf_place(setting, object, count);
        enum tally_err err = TALLY_ERR_OK;
        char index[16];

        (void)snprintf(index, sizeof(index), "[%" PRIu32 "]", count);
        join(one.path, spot->path, index);
        if (is_groups && config_setting_type(one.at) == CONFIG_TYPE_GROUP) {
            err = load_group(load, setting->table, &one, depth + 1, place);
        } else if (is_groups || !put_scalar(setting, one.at, place)) {
            err = wrong_value(load, setting, &one);
        }
        if (err != TALLY_ERR_OK) {
            return err;
        }
    }
    memcpy((uint8_t *)object + setting->count_offset, &count, sizeof(count));
    return TALLY_ERR_OK;
}

static enum tally_err load_setting(const struct load *load,
                                   const struct tally_conf_setting *setting,
                                   const struct spot *group, unsigned depth, void *object)
{
    struct spot spot = {"", group->at == NULL ? NULL
                                              : config_setting_get_member(group->at, setting->key)};
    void *place = tally_conf_place(setting, object, 0);

    join(spot.path, group->path, setting->key);
    if (spot.at == NULL && setting->need == TALLY_CONF_REQUIRED) {
        return missing(load, setting, spot.path, group->at);
    }
    if (setting->type == TALLY_CONF_GROUP) {
        if (spot.at != NULL && config_setting_type(spot.at) != CONFIG_TYPE_GROUP) {
            return wrong_value(load, setting, &spot);
        }
        return load_group(load, setting->table, &spot, depth + 1, place);
    }
    if (spot.at == NULL) {
        put_default(setting, place);
        return TALLY_ERR_OK;
    }
    if (setting->type == TALLY_CONF_GROUPS || setting->type == TALLY_CONF_STRINGS) {
        return load_list(load, setting, &spot, depth, object);
    }
    return put_scalar(setting, spot.at, place) ? TALLY_ERR_OK : wrong_value(load, setting, &spot);
}

static enum tally_err check_whole(const struct load *load, const struct tally_conf_table *table,
                                  const struct spot *group, const void *object)
{
    struct tally_fault fault = {TALLY_ERR_OK, ""};
    char path[TALLY_CONF_PATH_BYTES] = "";
    const config_setting_t *at = NULL;

    if (table->check == NULL || table->check(object, path, &fault) == TALLY_ERR_OK) {
        return TALLY_ERR_OK;
    }
    if (path[0] != '\0' && group->at != NULL) {
        at = config_setting_lookup(group->at, path);
    }
    return tally_fault_set(load->fault, TALLY_ERR_CONFIG, "%s:%d: %s", load->name,
                           line_of(at != NULL ? at : group->at), fault.text);
}

static enum tally_err load_group(const struct load *load, const struct tally_conf_table *table,
                                 const struct spot *group, unsigned depth, void *object)
{
    enum tally_err err = check_keys(load, table, group->at, group->path);

    TALLY_ASSERT(depth <= TALLY_CONF_DEPTH_MAX);
    for (uint32_t i = 0; err == TALLY_ERR_OK && i < table->setting_count; i++) {
        err = load_setting(load, &table->settings[i], group, depth, object);
    }
    return err == TALLY_ERR_OK ? check_whole(load, table, group, object) : err;
}

/* --- the file --- */

enum tally_err tally_conf_load_text(const struct tally_conf_table *table, const char *name,
                                    const char *text, void *object, struct tally_fault *fault)
{
    struct load load = {name, fault};
    struct spot root = {"", NULL};
    void *fresh = NULL;
    config_t config;
    enum tally_err err = tally_conf_scan(name, text, fault);

    if (err != TALLY_ERR_OK) {
        return err;
    }
    config_init(&config);
    if (config_read_string(&config, text) != CONFIG_TRUE) {
        err = tally_fault_set(fault, TALLY_ERR_CONFIG,
                              "%s:%d: %s; expected settings as key = value; in libconfig's syntax",
                              name, config_error_line(&config), config_error_text(&config));
        goto out;
    }
    fresh = calloc(1, table->object_bytes);
    if (fresh == NULL) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: no memory to read it", name);
        goto out;
    }
    root.at = config_root_setting(&config);
    err = load_group(&load, table, &root, 0, fresh);
    if (err == TALLY_ERR_OK) {
        memcpy(object, fresh, table->object_bytes);
    }

out:
    free(fresh);
    config_destroy(&config);
    return err;
}

/* The whole file as a text, to be freed; refuses what is no plain file of a sensible size. */
static enum tally_err read_text(const char *path, char **text, struct tally_fault *fault)
{
    FILE *file = fopen(path, "r");
    struct stat about;
    size_t count;
    enum tally_err err = TALLY_ERR_OK;

    *text = NULL;
    if (file == NULL) {
        return tally_fault_set(fault, TALLY_ERR_CONFIG, "%s: cannot be opened: %s", path,
                               strerror(errno));
    }
    if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode) ||
        about.st_size > TALLY_CONF_FILE_MAX_BYTES) {
        err = tally_fault_set(fault, TALLY_ERR_CONFIG,
                              "%s: expected a plain file of at most %d bytes", path,
                              (int)TALLY_CONF_FILE_MAX_BYTES);
        goto out;
    }
    *text = calloc(1, (size_t)about.st_size + 1);
    if (*text == NULL) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: no memory to read it", path);
        goto out;
    }
    count = fread(*text, 1, (size_t)about.st_size, file);
    if (ferror(file) != 0 || count != (size_t)about.st_size || strlen(*text) != count) {
        err = tally_fault_set(fault, TALLY_ERR_CONFIG,
                              "%s: cannot be read, changed meanwhile, or holds a NUL byte; "
                              "expected a text file",
                              path);
    }

out:
    if (err != TALLY_ERR_OK) {
        free(*text);
        *text = NULL;
    }
    (void)fclose(file);
    return err;
}

enum tally_err tally_conf_load(const struct tally_conf_table *table, const char *path, void *object,
                               struct tally_fault *fault)
{
    char *text = NULL;
    enum tally_err err = read_text(path, &text, fault);

    if (err == TALLY_ERR_OK) {
        err = tally_conf_load_text(table, path, text, object, fault);
    }
    free(text);
    return err;
}
