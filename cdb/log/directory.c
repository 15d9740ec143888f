/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory.c - reading and writing the files.
 */
#include "cdb/log/directory.h"

#include "cdb/core/note.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, FIRST_ROOM = 64, NOTE_MODE = 0644 };

static const char ending[] = ".note";

/* --- one file --- */

static enum tally_err refuse(struct tally_fault *fault, const char *path, const char *what)
{
    enum tally_err err = errno == ENOENT ? TALLY_ERR_NOT_FOUND : TALLY_ERR_SYSTEM;

    return tally_fault_set(fault, err, "%s: %s: %s", path, what, strerror(errno));
}

static enum tally_err read_all(int file, const char *path, uint8_t *bytes, size_t *count,
                               struct tally_fault *fault)
{
    *count = 0;
    while (*count < TALLY_NOTE_BYTES_MAX + 1) {
        ssize_t got = read(file, bytes + *count, TALLY_NOTE_BYTES_MAX + 1 - *count);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return refuse(fault, path, "cannot be read");
        }
        if (got == 0) {
            break;
        }
        *count += (size_t)got;
    }
    return TALLY_ERR_OK;
}

enum tally_err tally_cdb_note_read(const char *path, uint8_t *bytes, size_t *count,
                                   struct tally_fault *fault)
{
    /* Without O_NONBLOCK a FIFO of that name would hold us for ever. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    enum tally_err err;

    *count = 0;
    if (file < 0) {
        return refuse(fault, path, "cannot be opened");
    }
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        err = tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: no regular file", path);
    } else {
        err = read_all(file, path, bytes, count, fault);
    }
    (void)close(file);
    return err;
}

static bool write_all(int file, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        ssize_t put = write(file, bytes, count);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        bytes += put;
        count -= (size_t)put;
    }
    return true;
}

/* A renamed file is durable once its directory is. */
static bool sync_directory_of(const char *path)
{
    char copy[PATH_BYTES];
    char *slash = NULL;
    int directory = -1;
    bool is_done = false;

    (void)snprintf(copy, sizeof(copy), "%s", path);
    slash = strrchr(copy, '/');
    if (slash != NULL) {
        slash[slash == copy ? 1 : 0] = '\0';
    }
    directory = open(slash != NULL ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        is_done = fsync(directory) == 0;
        (void)close(directory);
    }
    return is_done;
}

enum tally_err tally_cdb_note_write(const char *path, const void *bytes, size_t count,
                                    struct tally_fault *fault)
{
    char aside[PATH_BYTES];
    int length = snprintf(aside, sizeof(aside), "%s.new", path);
    int file = -1;
    bool is_written = false;

    if (length < 0 || (size_t)length >= sizeof(aside)) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT, "the path of a note is too long");
    }
    file = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, NOTE_MODE);
    if (file < 0) {
        return refuse(fault, aside, "cannot be made");
    }
    is_written = write_all(file, bytes, count) && fsync(file) == 0;
    is_written = close(file) == 0 && is_written;
    if (!is_written || rename(aside, path) != 0 || !sync_directory_of(path)) {
        enum tally_err err = refuse(fault, path, "cannot be written");

        (void)unlink(aside);
        return err;
    }
    return TALLY_ERR_OK;
}

/* --- the directory --- */

static bool is_note_name(const char *name)
{
    size_t count = strlen(name);
    const char *last_dot = strrchr(name, '.');

    if (last_dot == NULL || last_dot == name || strcmp(last_dot, ending) != 0 ||
        count >= TALLY_CDB_NOTE_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (name[i] <= ' ' || name[i] > '~') {
            return false;
        }
    }
    return true;
}

/* A name that is reported has to be one that can be printed. */
static char *printable_copy(const char *name)
{
    char *copy = strndup(name, TALLY_CDB_NOTE_NAME_BYTES - 1);

    for (char *at = copy; at != NULL && *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') {
            *at = '?';
        }
    }
    return copy;
}

static bool make_room(struct tally_cdb_directory *files, uint32_t *room)
{
    struct tally_cdb_note *larger = NULL;

    if (files->note_count < *room) {
        return true;
    }
    *room = *room == 0 ? FIRST_ROOM : *room * 2;
    larger = realloc(files->notes, *room * sizeof(*larger));
    if (larger != NULL) {
        files->notes = larger;
    }
    return larger != NULL;
}

/* Fills in a note; one that cannot be read has no bytes. False: no memory. */
static bool read_note(const char *directory, const char *name, struct tally_cdb_note *note)
{
    uint8_t bytes[TALLY_NOTE_BYTES_MAX + 1];
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, name);
    size_t count = 0;
    uint8_t *copy = NULL;

    memset(note, 0, sizeof(*note));
    note->name = printable_copy(name);
    if (!is_note_name(name) || length < 0 || (size_t)length >= sizeof(path) ||
        tally_cdb_note_read(path, bytes, &count, NULL) != TALLY_ERR_OK) {
        count = 0;
    }
    copy = malloc(count + 1);
    note->bytes = copy;
    note->count = count;
    if (note->name == NULL || copy == NULL) {
        return false;
    }
    memcpy(copy, bytes, count);
    return true;
}

static enum tally_err read_statements(DIR *open_directory, const char *path,
                                      struct tally_cdb_directory *files, struct tally_fault *fault)
{
    uint32_t room = 0;

    for (;;) {
        struct dirent *item = NULL;

        errno = 0;
        /* cppcheck-suppress readdirCalled ; nobody else reads this stream */
        item = readdir(open_directory);
        if (item == NULL) {
            return errno == 0 ? TALLY_ERR_OK : refuse(fault, path, "cannot be listed");
        }
        if (item->d_name[0] == '.') {
            continue;
        }
        if (files->note_count == TALLY_CDB_NOTES_MAX) {
            return tally_fault_set(fault, TALLY_ERR_LIMIT, "%s: more than %d files", path,
                                   TALLY_CDB_NOTES_MAX);
        }
        if (!make_room(files, &room)) {
            return tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: no memory to read it", path);
        }
        files->note_count++;
        if (!read_note(path, item->d_name, &files->notes[files->note_count - 1])) {
            return tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: no memory to read it", path);
        }
    }
}

enum tally_err tally_cdb_directory_read(const char *directory, struct tally_cdb_directory *files,
                                        struct tally_fault *fault)
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/statements", directory);
    DIR *open_directory = NULL;
    enum tally_err err;

    if (length < 0 || (size_t)length >= sizeof(path)) {
        return tally_fault_set(fault, TALLY_ERR_LIMIT, "the path of the database is too long");
    }
    open_directory = opendir(path);
    if (open_directory == NULL) {
        return refuse(fault, path, "is no database of statements");
    }
    err = read_statements(open_directory, path, files, fault);
    (void)closedir(open_directory);
    if (err != TALLY_ERR_OK) {
        return err;
    }
    (void)snprintf(path, sizeof(path), "%s/stamp.note", directory);
    if (access(path, F_OK) == 0) {
        files->has_stamp = true;
        if (!read_note(directory, "stamp.note", &files->stamp)) {
            return tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: no memory to read it", path);
        }
    }
    return TALLY_ERR_OK;
}

static void free_note(struct tally_cdb_note *note)
{
    /* Both were allocated here; the struct promises readers that they do not change. */
    free((void *)(uintptr_t)note->name);
    free((void *)(uintptr_t)note->bytes);
}

void tally_cdb_directory_free(struct tally_cdb_directory *files)
{
    for (uint32_t i = 0; i < files->note_count; i++) {
        free_note(&files->notes[i]);
    }
    free_note(&files->stamp);
    free(files->notes);
    memset(files, 0, sizeof(*files));
}
