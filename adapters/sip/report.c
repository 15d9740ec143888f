/* SPDX-License-Identifier: Apache-2.0 */
#include "adapters/sip/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static void start_line(struct tally_wall at, const char *level, const char *event)
{
    time_t seconds = (time_t)(at.us / TALLY_US_PER_S);
    struct tm parts;
    char text[32] = "-";

    if (gmtime_r(&seconds, &parts) != NULL) {
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    }
    (void)fprintf(stderr, "%s.%03dZ %s sip event=%s", text, (int)(at.us / TALLY_US_PER_MS % 1000),
                  level, event);
}

static void end_line(void)
{
    (void)fputc('\n', stderr);
    (void)fflush(stderr);
}

void tally_sip_report_listening(struct tally_wall at, const struct tally_sip_address *address,
                                const char *trunk)
{
    char text[TALLY_SIP_ADDRESS_TEXT_BYTES];

    tally_sip_address_format(address, text);
    start_line(at, "notice", "listening");
    (void)fprintf(stderr, " address=%s trunk=\"%s\"", text, trunk);
    end_line();
}

void tally_sip_report_registry(struct tally_wall at, enum tally_sip_registry registry)
{
    if (registry == TALLY_SIP_REGISTRY_HERE) {
        start_line(at, "notice", "registry_up");
    } else {
        start_line(at, "warning", "registry_down");
        (void)fputs(" text=\"tallyd does not answer; calls go on unverified until it does\"",
                    stderr);
    }
    end_line();
}

void tally_sip_report_no_registry(struct tally_wall at, const char *feed)
{
    start_line(at, "warning", "registry_missing");
    (void)fprintf(stderr,
                  " feed=\"%s\" text=\"no tallyd answers there; calls go on unverified until one "
                  "does. Is tallyd running, with this run_directory and a feed of this name?\"",
                  feed);
    end_line();
}

void tally_sip_report_stopped(struct tally_wall at)
{
    start_line(at, "notice", "stopped");
    end_line();
}

void tally_sip_report_fault(struct tally_wall at, const struct tally_fault *fault)
{
    start_line(at, "error", "fault");
    (void)fprintf(stderr, " err=%s text=\"", tally_err_name(fault->err));
    for (const char *c = fault->text; *c != '\0'; c++) {
        (void)fputc(*c == '"' ? '\'' : *c, stderr);
    }
    (void)fputc('"', stderr);
    end_line();
}

void tally_sip_report_counters(struct tally_wall at, const struct tally_sip_server *server,
                               const struct tally_adapter *adapter,
                               const struct tally_sip_socket_counters *sockets)
{
    const struct tally_sip_counters *counters = tally_sip_server_counters(server);
    struct tally_adapter_counters feed;

    tally_adapter_counters_of(adapter, &feed);
    start_line(at, "notice", "counters");
#define TALLY_PRINT(name) (void)fprintf(stderr, " " #name "=%" PRIu64, counters->name);
    TALLY_SIP_COUNTER_TABLE(TALLY_PRINT)
#undef TALLY_PRINT
    (void)fprintf(stderr, " unsent=%" PRIu64 " overflow=%" PRIu64, sockets->unsent,
                  sockets->overflow);
    (void)fprintf(stderr,
                  " feed_events=%" PRIu64 " feed_acks=%" PRIu64 " feed_late_acks=%" PRIu64
                  " feed_verdicts=%" PRIu64 " feed_losts=%" PRIu64 " feed_gone=%" PRIu64
                  " feed_full=%" PRIu64 " feed_refused=%" PRIu64 " feed_gaps=%" PRIu64
                  " feed_hellos=%" PRIu64 " feed_downs=%" PRIu64 " feed_strays=%" PRIu64
                  " feed_rejects=%" PRIu64 " feed_flushes=%" PRIu64 " feed_legs_moved=%" PRIu64,
                  feed.events, feed.acks, feed.late_acks, feed.verdicts, feed.losts, feed.gone,
                  feed.full, feed.refused, feed.gaps, feed.hellos, feed.downs, feed.strays,
                  feed.rejects, feed.flushes, feed.legs_moved);
    (void)fprintf(stderr, " transactions=%u chunks=%u", tally_sip_server_transaction_count(server),
                  tally_sip_server_chunk_count(server));
    for (unsigned i = 1; i < TALLY_SIP_REJECT_COUNT; i++) {
        if (counters->rejects[i] > 0) {
            (void)fprintf(stderr, " reject_%s=%" PRIu64,
                          tally_sip_reject_name((enum tally_sip_reject)i), counters->rejects[i]);
        }
    }
    end_line();
}
