/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - one declarative table of settings, and everything that comes from it.
 *
 * A program describes its settings once, as rows of a table: key, type, bounds, unit, default, a
 * sentence, and where the value goes. The loader, the checker, the dump of what is in force and the
 * manual's list are this file, driven by the table. Files are in libconfig's syntax, without
 * @include: one file says everything.
 *
 * A file is read into a fresh struct, checked whole, and handed over only when nothing is wrong
 * with it. Every fault names file and line, what was found, what was expected and what to do.
 *
 * Touches: libconfig, one file. Threads: safe, each call stands alone. Memory: the caller's
 * structs.
 */
#pragma once

#include "tally/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    TALLY_CONF_FILE_MAX_BYTES = 1 << 20,
    TALLY_CONF_DEPTH_MAX = 4,    /* groups within groups */
    TALLY_CONF_TEXT_BYTES = 512, /* of one string, with NUL */
    TALLY_CONF_PATH_BYTES = 96,  /* of a setting's path, with NUL */
};

enum tally_conf_type {
    TALLY_CONF_INT,     /* an integer; goes into an int64_t */
    TALLY_CONF_BOOL,    /* true or false; goes into a bool */
    TALLY_CONF_STRING,  /* "text"; goes into char[bytes], NUL-terminated */
    TALLY_CONF_ENUM,    /* "word", one of `words`; goes into an enum (4 bytes) */
    TALLY_CONF_STRINGS, /* [ "text", ... ]; goes into char[max][bytes] and a uint32_t count */
    TALLY_CONF_GROUP,   /* { ... }; goes into a struct described by `table` */
    TALLY_CONF_GROUPS,  /* ( { ... }, ... ); goes into struct[max] and a uint32_t count */
};

enum tally_conf_need {
    TALLY_CONF_OPTIONAL, /* by_default stands in for it, or nothing: the zeroed value */
    TALLY_CONF_REQUIRED, /* a file without it is refused */
};

/* One word of an ENUM. A list of them ends with a row whose word is NULL. */
struct tally_conf_word {
    const char *word;
    int32_t value;
    const char *sentence; /* for the manual; NULL: none */
};

struct tally_conf_table;

/* One setting. Rows are written with the macros below, which fill in offset and bytes. */
struct tally_conf_setting {
    const char *key; /* libconfig name: [A-Za-z][A-Za-z0-9_-]* */
    enum tally_conf_type type;
    enum tally_conf_need need;
    const char *by_default; /* as text ("60", "true", "word", "text"); NULL: zeroed, or empty */
    const char *unit;       /* "s", "calls"; NULL: none */
    int64_t min, max; /* INT: the value; STRING, STRINGS: characters; GROUPS: groups; inclusive */
    const char *sentence;
    size_t offset;                            /* of the place in the table's struct */
    size_t bytes;                             /* of one element of it */
    size_t count_offset;                      /* STRINGS, GROUPS: of the uint32_t */
    uint32_t list_max;                        /* STRINGS, GROUPS: elements of the array */
    const struct tally_conf_word *words;      /* ENUM */
    const struct tally_conf_table *table;     /* GROUP, GROUPS */
    bool (*is_well_formed)(const char *text); /* STRING, STRINGS; NULL: anything */
    const char *form; /* what is_well_formed accepts, for faults and the manual */
};

/*
 * The settings of one struct.
 *
 * check    judges the whole struct, after each value alone was found good; NULL: nothing more to
 *          check. On failure it fills in the fault without a place, and may write the setting it is
 *          about into path (libconfig's way: "policy.mode", "feeds.[1].name"; "" on entry: the
 *          group). The loader puts file and line of that setting before the text.
 */
struct tally_conf_table {
    const struct tally_conf_setting *settings;
    uint32_t setting_count;
    size_t object_bytes;
    enum tally_err (*check)(const void *object, char path[TALLY_CONF_PATH_BYTES],
                            struct tally_fault *fault);
};

/* offset and bytes of a plain member; an ENUM's, which must have four bytes. */
#define TALLY_CONF_AT(type, member)                                                                \
    .offset = offsetof(type, member), .bytes = sizeof(((type *)0)->member)

/* The same for an array and its uint32_t count. */
#define TALLY_CONF_LIST_AT(type, member, count)                                                    \
    .offset = offsetof(type, member), .bytes = sizeof(((type *)0)->member[0]),                     \
    .list_max = sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]),                      \
    .count_offset = offsetof(type, count)

#define TALLY_CONF_TABLE(type, rows, check_fn)                                                     \
    {                                                                                              \
        .settings = (rows), .setting_count = sizeof(rows) / sizeof((rows)[0]),                     \
        .object_bytes = sizeof(type), .check = (check_fn)                                          \
    }

/*
 * Reads a file.
 *
 * path      named as given in every fault.
 * object    the table's struct; written whole on success, untouched on any failure.
 * TALLY_ERR_CONFIG   unreadable file, bad syntax, unknown or doubled key, wrong type, value out of
 *                    bounds, missing setting, or what the table's check refuses.
 */
TALLY_NODISCARD enum tally_err tally_conf_load(const struct tally_conf_table *table,
                                               const char *path, void *object,
                                               struct tally_fault *fault);

/* As tally_conf_load on a NUL-terminated text; name stands in faults where the path would. */
TALLY_NODISCARD enum tally_err tally_conf_load_text(const struct tally_conf_table *table,
                                                    const char *name, const char *text,
                                                    void *object, struct tally_fault *fault);

/*
 * Writes the struct as a file that loads to the same struct, each setting under a comment with its
 * sentence, bounds, unit and default.
 *
 * TALLY_ERR_SYSTEM   the stream failed.
 */
TALLY_NODISCARD enum tally_err tally_conf_dump(const struct tally_conf_table *table,
                                               const void *object, FILE *out,
                                               struct tally_fault *fault);

/* Writes the settings as a mdoc(7) list, for the manual page. Errors as tally_conf_dump. */
TALLY_NODISCARD enum tally_err tally_conf_manual(const struct tally_conf_table *table, FILE *out,
                                                 struct tally_fault *fault);
