/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/keyfile.h"

#include "base/assert.h"
#include "base/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECRET_BYTES = 32,
    /* libsodium's base64 is constant in time, which a secret deserves. */
    SECRET_TEXT_BYTES = sodium_base64_ENCODED_LEN(SECRET_BYTES, sodium_base64_VARIANT_ORIGINAL),
    LINE_BYTES_MAX = 512,
};

#define NOISE_LABEL "tally-noise-secret-1 "
#define SIGN_LABEL "tally-sign-secret-1 "

TALLY_STATIC_ASSERT((int)TALLY_DH_BYTES == (int)SECRET_BYTES &&
                        (int)TALLY_SIGN_SECRET_BYTES == (int)SECRET_BYTES,
                    "both kinds are 32 bytes");
TALLY_STATIC_ASSERT(sizeof(SIGN_LABEL) + TALLY_NOTE_NAME_BYTES + SECRET_TEXT_BYTES < LINE_BYTES_MAX,
                    "a line fits its buffer");

static enum tally_err system_fault(struct tally_fault *fault, const char *path, const char *what)
{
    return tally_fault_set(fault, TALLY_ERR_SYSTEM, "%s: cannot %s the key file: %s", path, what,
                           strerror(errno));
}

static bool write_all(int fd, const uint8_t *bytes, size_t count)
{
    while (count > 0) {
        const ssize_t written = write(fd, bytes, count);

        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        bytes += written;
        count -= (size_t)written;
    }
    return true;
}

/* Without this the name may be gone after a loss of power, though the bytes are not. */
static bool sync_directory_of(const char *path)
{
    char directory[LINE_BYTES_MAX * 8];
    const char *slash = strrchr(path, '/');
    const size_t count = slash == NULL ? 0 : (size_t)(slash - path);
    bool is_synced;
    int fd;

    if (count >= sizeof(directory)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(directory, path, count);
    directory[count] = '\0';
    fd = open(slash == NULL ? "."
              : count == 0  ? "/"
                            : directory,
              O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    is_synced = fsync(fd) == 0;
    (void)close(fd);
    return is_synced;
}

static enum tally_err write_line(const char *path, const uint8_t *line, size_t line_bytes,
                                 struct tally_fault *fault)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    bool is_written;

    if (fd < 0 && errno == EEXIST) {
        return tally_fault_set(fault, TALLY_ERR_EXISTS,
                               "%s: there is a file already, and a key is never overwritten: "
                               "choose another name, or move it away",
                               path);
    }
    if (fd < 0) {
        return system_fault(fault, path, "make");
    }
    is_written = write_all(fd, line, line_bytes) && fsync(fd) == 0;
    if (close(fd) != 0 || !is_written || !sync_directory_of(path)) {
        const enum tally_err err = system_fault(fault, path, "write");

        (void)unlink(path);
        return err;
    }
    return TALLY_ERR_OK;
}

static void write_secret(struct tally_writer *writer, const uint8_t secret[SECRET_BYTES])
{
    char text[SECRET_TEXT_BYTES];

    (void)sodium_bin2base64(text, sizeof(text), secret, SECRET_BYTES,
                            sodium_base64_VARIANT_ORIGINAL);
    tally_write_bytes(writer, text, sizeof(text) - 1);
    tally_write_u8(writer, '\n');
    sodium_memzero(text, sizeof(text));
}

enum tally_err tally_keyfile_write_noise(const char *path, const uint8_t secret[TALLY_DH_BYTES],
                                         struct tally_fault *fault)
{
    uint8_t line[LINE_BYTES_MAX];
    struct tally_writer writer = tally_writer_of(line, sizeof(line));
    enum tally_err err;

    tally_write_bytes(&writer, NOISE_LABEL, sizeof(NOISE_LABEL) - 1);
    write_secret(&writer, secret);
    TALLY_ASSERT(!writer.failed);
    err = write_line(path, line, writer.at, fault);
    sodium_memzero(line, sizeof(line));
    return err;
}

enum tally_err tally_keyfile_write_sign(const char *path, const char *name,
                                        const uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                                        struct tally_fault *fault)
{
    uint8_t line[LINE_BYTES_MAX];
    struct tally_writer writer = tally_writer_of(line, sizeof(line));
    enum tally_err err;

    TALLY_ASSERT(tally_note_name_is_valid(name));
    tally_write_bytes(&writer, SIGN_LABEL, sizeof(SIGN_LABEL) - 1);
    tally_write_bytes(&writer, name, strlen(name));
    tally_write_u8(&writer, ' ');
    write_secret(&writer, secret);
    TALLY_ASSERT(!writer.failed);
    err = write_line(path, line, writer.at, fault);
    sodium_memzero(line, sizeof(line));
    return err;
}

/* What is looked at is what was opened, not what the name stands for a moment later. */
static enum tally_err check_access(int fd, const char *path, struct tally_fault *fault)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        return system_fault(fault, path, "look at");
    }
    if (!S_ISREG(status.st_mode)) {
        return tally_fault_set(fault, TALLY_ERR_REFUSED, "%s: a key file must be a regular file",
                               path);
    }
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return tally_fault_set(
            fault, TALLY_ERR_REFUSED,
            "%s: others than its owner may open this key file (mode %03o, wanted "
            "600): run `chmod 600 %s`, and make a new key if anybody may have "
            "read it",
            path, (unsigned)(status.st_mode & 0777), path);
    }
    return TALLY_ERR_OK;
}

/* Reads up to size bytes; more than a line can have is left there, and refused by its length. */
static enum tally_err read_line(const char *path, uint8_t *line, size_t size, size_t *count,
                                struct tally_fault *fault)
{
    /* Not to be held up by a pipe that was put in the file's place. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum tally_err err;

    *count = 0;
    if (fd < 0 && errno == ENOENT) {
        return tally_fault_set(fault, TALLY_ERR_NOT_FOUND, "%s: there is no such key file", path);
    }
    if (fd < 0) {
        return system_fault(fault, path, "open");
    }
    err = check_access(fd, path, fault);
    while (err == TALLY_ERR_OK && *count < size) {
        const ssize_t taken = read(fd, line + *count, size - *count);

        if (taken == 0) {
            break;
        }
        if (taken < 0 && errno != EINTR) {
            err = system_fault(fault, path, "read");
        }
        *count += taken > 0 ? (size_t)taken : 0;
    }
    (void)close(fd);
    return err;
}

/* The rest of a line: a secret in base64 and a newline, in the one way that write writes it. */
static bool parse_secret(struct tally_reader *reader, uint8_t secret[SECRET_BYTES])
{
    const uint8_t *text = tally_read_span(reader, SECRET_TEXT_BYTES - 1);
    size_t count = 0;

    return text != NULL && tally_read_u8(reader) == '\n' && tally_reader_is_done(reader) &&
           sodium_base642bin(secret, SECRET_BYTES, (const char *)text, SECRET_TEXT_BYTES - 1, NULL,
                             &count, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           count == SECRET_BYTES;
}

static bool parse_label(struct tally_reader *reader, const char *label)
{
    const size_t count = strlen(label);
    const uint8_t *text = tally_read_span(reader, count);

    return text != NULL && sodium_memcmp(text, label, count) == 0;
}

static bool parse_name(struct tally_reader *reader, char name[TALLY_NOTE_NAME_BYTES])
{
    size_t count = 0;

    for (; count < TALLY_NOTE_NAME_BYTES; count++) {
        name[count] = (char)tally_read_u8(reader);
        if (name[count] == ' ') {
            name[count] = '\0';
            return tally_note_name_is_valid(name);
        }
        if (reader->failed || name[count] == '\0') {
            return false;
        }
    }
    return false;
}

static enum tally_err format_fault(struct tally_fault *fault, const char *path, const char *want)
{
    return tally_fault_set(fault, TALLY_ERR_FORMAT,
                           "%s: this is not a key file of the kind wanted here: one line, \"%s\"",
                           path, want);
}

enum tally_err tally_keyfile_read_noise(const char *path, uint8_t secret[TALLY_DH_BYTES],
                                        struct tally_fault *fault)
{
    uint8_t line[LINE_BYTES_MAX];
    size_t count;
    enum tally_err err = read_line(path, line, sizeof(line), &count, fault);

    memset(secret, 0, TALLY_DH_BYTES);
    if (err == TALLY_ERR_OK) {
        struct tally_reader reader = tally_reader_of(line, count);

        if (!parse_label(&reader, NOISE_LABEL) || !parse_secret(&reader, secret)) {
            sodium_memzero(secret, TALLY_DH_BYTES);
            err = format_fault(fault, path, NOISE_LABEL "BASE64");
        }
    }
    sodium_memzero(line, sizeof(line));
    return err;
}

enum tally_err tally_keyfile_read_sign(const char *path, char name[TALLY_NOTE_NAME_BYTES],
                                       uint8_t secret[TALLY_SIGN_SECRET_BYTES],
                                       struct tally_fault *fault)
{
    uint8_t line[LINE_BYTES_MAX];
    size_t count;
    enum tally_err err = read_line(path, line, sizeof(line), &count, fault);

    memset(secret, 0, TALLY_SIGN_SECRET_BYTES);
    memset(name, 0, TALLY_NOTE_NAME_BYTES);
    if (err == TALLY_ERR_OK) {
        struct tally_reader reader = tally_reader_of(line, count);

        if (!parse_label(&reader, SIGN_LABEL) || !parse_name(&reader, name) ||
            !parse_secret(&reader, secret)) {
            sodium_memzero(secret, TALLY_SIGN_SECRET_BYTES);
            memset(name, 0, TALLY_NOTE_NAME_BYTES);
            err = format_fault(fault, path, SIGN_LABEL "NAME BASE64");
        }
    }
    sodium_memzero(line, sizeof(line));
    return err;
}
