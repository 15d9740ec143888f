/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - everything that tallyd logs.
 *
 * One line per event in logfmt:
 *   2026-11-21T19:40:02.118Z notice peer event=peer_up peer=op.example
 * Never a telephone number or a key. An event that strangers, switches or load can cause may write
 * so many lines in a window; what is left out is counted and told when the window ends.
 *
 * Threads: one owner. Memory: none but the struct.
 */
#pragma once

#include "conf/tallyd_conf.h"
#include "tally/err.h"
#include "tally/time.h"

#include <stdbool.h>
#include <stdint.h>

enum { TALLY_REPORT_LINES_MAX = 20, TALLY_REPORT_WINDOW_S = 10, TALLY_REPORT_LINE_BYTES = 1024 };

/* X(EVENT, level, module, name) */
#define TALLY_REPORT_TABLE(X)                                                                      \
    X(START, NOTICE, "daemon", "start")                                                            \
    X(READY, NOTICE, "daemon", "ready")                                                            \
    X(STOP, NOTICE, "daemon", "stop")                                                              \
    X(STOPPED, NOTICE, "daemon", "stopped")                                                        \
    X(REREAD, NOTICE, "daemon", "reread")                                                          \
    X(FAULT, ERROR, "daemon", "fault")                                                             \
    X(CDB_CHANGED, NOTICE, "cdb", "cdb_changed")                                                   \
    X(CDB_REPLICA, WARNING, "cdb", "cdb_from_replica")                                             \
    X(CDB_FAILED, ERROR, "cdb", "cdb_failed")                                                      \
    X(CDB_NOTE, WARNING, "cdb", "cdb_statement_refused")                                           \
    X(CDB_NOT_IN_IT, ERROR, "cdb", "cdb_without_us")                                               \
    X(CDB_NO_LISTEN, WARNING, "cdb", "cdb_without_listen")                                         \
    X(CDB_NO_SOURCE, WARNING, "cdb", "cdb_without_source")                                         \
    X(FEED_HELLO, NOTICE, "feed", "feed_hello")                                                    \
    X(FEED_COVERED, NOTICE, "feed", "feed_covered")                                                \
    X(FEED_COMPLETE, NOTICE, "feed", "feed_complete")                                              \
    X(FEED_GAP, WARNING, "feed", "feed_gap")                                                       \
    X(FEED_DOWN, WARNING, "feed", "feed_down")                                                     \
    X(FEED_REJECT, WARNING, "feed", "feed_reject")                                                 \
    X(FEED_UNSENT, WARNING, "feed", "feed_unsent")                                                 \
    X(PEER_UP, NOTICE, "peer", "peer_up")                                                          \
    X(PEER_DOWN, NOTICE, "peer", "peer_down")                                                      \
    X(PEER_LEFT, NOTICE, "peer", "peer_left")                                                      \
    X(PEER_CLOCK, DEBUG, "peer", "peer_clock")                                                     \
    X(PEER_REJECT, WARNING, "peer", "peer_reject")                                                 \
    X(PEER_SLOW, WARNING, "peer", "peer_slow")                                                     \
    X(ANSWER_LATE, INFO, "peer", "answer_late")                                                    \
    X(LINK_UP, INFO, "link", "link_up")                                                            \
    X(LINK_DOWN, INFO, "link", "link_down")                                                        \
    X(LINK_REFUSED, WARNING, "link", "link_refused")                                               \
    X(LINK_DROPPED, WARNING, "link", "link_dropped")                                               \
    X(LINK_BAD, ERROR, "link", "link_endpoint_bad")                                                \
    X(SESSION_REJECT, WARNING, "session", "session_reject")                                        \
    X(TABLE_FULL, ERROR, "core", "table_full")                                                     \
    X(DECIDED, DEBUG, "call", "decided")                                                           \
    X(OUTCOME, DEBUG, "call", "outcome")                                                           \
    X(EVIDENCE, INFO, "call", "evidence")                                                          \
    X(EVIDENCE_FULL, ERROR, "store", "evidence_queue_full")                                        \
    X(EVIDENCE_FAILED, ERROR, "store", "evidence_failed")                                          \
    X(STORE_FAILED, ERROR, "store", "store_failed")                                                \
    X(LEDGER_FAILED, ERROR, "store", "ledger_failed")

enum tally_report_event {
#define TALLY_ENUM(event, level, module, name) TALLY_REPORT_##event,
    TALLY_REPORT_TABLE(TALLY_ENUM)
#undef TALLY_ENUM
        TALLY_REPORT_EVENT_COUNT
};

struct tally_report_window {
    struct tally_mono since;
    uint32_t line_count;
    uint64_t left_out_count;
};

struct tally_reporter {
    int fd;
    enum tally_log_level level; /* events of a higher one are not written */
    struct tally_now now;       /* the owner's: set once per turn */
    struct tally_report_window windows[TALLY_REPORT_EVENT_COUNT];
};

void tally_report_init(struct tally_reporter *report, int fd, enum tally_log_level level,
                       struct tally_now now);

/*
 * Writes a line, or counts it as left out.
 *
 * format    "key=value key=value"; a value with blanks is the caller's to quote.
 */
void tally_report(struct tally_reporter *report, enum tally_report_event event, const char *format,
                  ...) TALLY_PRINTF(3, 4);

/* `err=CODE words="..."`, with the text's quotes and control characters made harmless. */
void tally_report_fault(struct tally_reporter *report, enum tally_report_event event,
                        const struct tally_fault *fault);

/* Would a line of this event be looked at? For callers whose values cost something. */
bool tally_report_is_wanted(const struct tally_reporter *report, enum tally_report_event event);

/* Tells what was left out in windows that have ended. Call about once a second. */
void tally_report_tick(struct tally_reporter *report);
