/* SPDX-License-Identifier: Apache-2.0 */
#include "tally/err.h"

#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>

struct err_row {
    const char *name;
    const char *sentence;
    int exit_status;
};

static const struct err_row rows[TALLY_ERR_COUNT] = {
#define ERR_ROW(code, status, sentence) {#code, sentence, status},
    TALLY_ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

static const struct err_row no_row = {"?", "an unknown error", 1};

static const struct err_row *row_of(enum tally_err err)
{
    return (unsigned)err < TALLY_ERR_COUNT ? &rows[err] : &no_row;
}

const char *tally_err_name(enum tally_err err)
{
    return row_of(err)->name;
}

const char *tally_err_sentence(enum tally_err err)
{
    return row_of(err)->sentence;
}

int tally_err_exit_status(enum tally_err err)
{
    return row_of(err)->exit_status;
}

enum tally_err tally_fault_set(struct tally_fault *fault, enum tally_err err, const char *format,
                               ...)
{
    va_list arguments;
    int length;

    TALLY_ASSERT(err != TALLY_ERR_OK);
    if (fault == NULL) {
        return err;
    }
    fault->err = err;
    va_start(arguments, format);
    length = vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    if (length < 0) {
        fault->text[0] = '\0';
    }
    /* A fault is one line wherever it is shown; a quoted file name or value must not start another,
     * nor steer a terminal. */
    for (char *at = fault->text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte < 0x20 || byte == 0x7f) {
            *at = '?';
        }
    }
    return err;
}
