/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/report.h"

#include "base/assert.h"
#include "daemon/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct kind {
    enum tally_log_level level;
    const char *module, *name;
};

static const struct kind kinds[TALLY_REPORT_EVENT_COUNT] = {
#define TALLY_ENUM(event, level, module, name)                                                     \
    [TALLY_REPORT_##event] = {TALLY_LOG_##level, module, name},
    TALLY_REPORT_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
};

void tally_report_init(struct tally_reporter *report, int fd, enum tally_log_level level,
                       struct tally_now now)
{
    memset(report, 0, sizeof(*report));
    report->fd = fd;
    report->level = level;
    report->now = now;
}

bool tally_report_is_wanted(const struct tally_reporter *report, enum tally_report_event event)
{
    return kinds[event].level <= report->level;
}

/* Everything before the caller's keys. Returns its length. */
static size_t head(const struct tally_reporter *report, enum tally_report_event event,
                   char line[TALLY_REPORT_LINE_BYTES])
{
    char at[TALLY_CLOCK_TEXT_BYTES];
    int count;

    tally_clock_format(report->now.wall, at);
    count =
        snprintf(line, TALLY_REPORT_LINE_BYTES, "%s %s %s event=%s", at,
                 tally_log_level_name(kinds[event].level), kinds[event].module, kinds[event].name);
    TALLY_ASSERT(count > 0 && count < TALLY_REPORT_LINE_BYTES);
    return (size_t)count;
}

static void write_line(const struct tally_reporter *report, char line[TALLY_REPORT_LINE_BYTES],
                       size_t count)
{
    ssize_t written;

    if (count > TALLY_REPORT_LINE_BYTES - 1) {
        count = TALLY_REPORT_LINE_BYTES - 1;
    }
    line[count] = '\n';
    /* One write, so that lines do not mix. A log that cannot be written is nobody's to tell. */
    written = write(report->fd, line, count + 1);
    (void)written;
}

static bool is_over(const struct tally_reporter *report, const struct tally_report_window *window)
{
    return tally_mono_since_us(report->now.mono, window->since) >=
           TALLY_REPORT_WINDOW_S * TALLY_US_PER_S;
}

static void end_window(struct tally_reporter *report, enum tally_report_event event)
{
    struct tally_report_window *window = &report->windows[event];

    if (window->left_out_count > 0) {
        char line[TALLY_REPORT_LINE_BYTES];
        size_t count = head(report, event, line);

        count += (size_t)snprintf(line + count, sizeof(line) - count,
                                  " left_out=%" PRIu64 " window_s=%d", window->left_out_count,
                                  TALLY_REPORT_WINDOW_S);
        write_line(report, line, count);
    }
    *window = (struct tally_report_window){.since = report->now.mono};
}

void tally_report(struct tally_reporter *report, enum tally_report_event event, const char *format,
                  ...)
{
    struct tally_report_window *window = &report->windows[event];
    char line[TALLY_REPORT_LINE_BYTES];
    size_t count;
    int more;
    va_list values;

    if (!tally_report_is_wanted(report, event)) {
        return;
    }
    if (window->line_count == 0 || is_over(report, window)) {
        end_window(report, event);
    }
    if (window->line_count >= TALLY_REPORT_LINES_MAX) {
        window->left_out_count++;
        return;
    }
    window->line_count++;
    count = head(report, event, line);
    line[count++] = ' ';
    va_start(values, format);
    more = vsnprintf(line + count, sizeof(line) - count, format, values);
    va_end(values);
    count += more > 0 ? (size_t)more : 0;
    write_line(report, line, count);
}

void tally_report_fault(struct tally_reporter *report, enum tally_report_event event,
                        const struct tally_fault *fault)
{
    char words[TALLY_FAULT_TEXT_BYTES];
    size_t count = 0;

    for (const char *at = fault->text; *at != '\0' && count + 1 < sizeof(words); at++) {
        unsigned char byte = (unsigned char)*at;

        words[count++] = byte == '"' || byte == '\\'  ? '\''
                         : byte < ' ' || byte == 0x7f ? ' '
                                                      : *at;
    }
    words[count] = '\0';
    tally_report(report, event, "err=%s words=\"%s\"", tally_err_name(fault->err), words);
}

void tally_report_tick(struct tally_reporter *report)
{
    for (unsigned event = 0; event < TALLY_REPORT_EVENT_COUNT; event++) {
        if (report->windows[event].left_out_count > 0 && is_over(report, &report->windows[event])) {
            end_window(report, (enum tally_report_event)event);
        }
    }
}
