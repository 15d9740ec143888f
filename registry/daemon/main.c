/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tallyd - the call registry of one operator.
 */
#include "conf/tallyd_conf.h"
#include "daemon/daemon.h"
#include "daemon/loop.h"
#include "daemon/notify.h"
#include "daemon/start.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONFIG "/etc/tally/tallyd.conf"

enum { OPTION_CHECK = 256, STATUS_USAGE = 2 };

struct arguments {
    const char *config;
    bool is_check;
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    switch (key) {
    case 'c':
        arguments->config = value;
        return 0;
    case OPTION_CHECK:
        arguments->is_check = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument \"%s\"", value);
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int say(const struct tally_fault *fault)
{
    (void)fprintf(stderr, "tallyd: %s\n", fault->text);
    return tally_err_exit_status(fault->err);
}

/* What keeps a daemon from starting is for a person to put right: a restart alone helps nothing. */
static int start_status(const struct tally_fault *fault)
{
    (void)fprintf(stderr, "tallyd: %s\n", fault->text);
    return tally_err_exit_status(TALLY_ERR_CONFIG);
}

static int run(const struct arguments *arguments)
{
    struct tally_daemon *daemon = calloc(1, sizeof(*daemon));
    struct tally_fault fault = {0};
    int status = EXIT_SUCCESS;

    if (daemon == NULL) {
        (void)tally_fault_set(&fault, TALLY_ERR_SYSTEM, "no memory");
        return say(&fault);
    }
    daemon->conf_path = arguments->config;
    if (tally_daemon_conf_load(arguments->config, &daemon->conf, &fault) != TALLY_ERR_OK) {
        status = say(&fault);
    } else if (arguments->is_check) {
        (void)printf("%s: good\n", arguments->config);
    } else {
        if (tally_daemon_start(daemon, &fault) != TALLY_ERR_OK) {
            status = start_status(&fault);
        } else {
            tally_report(&daemon->report, TALLY_REPORT_READY, "listen=%s",
                         tally_links_endpoint(daemon->links));
            tally_notify("READY=1");
            tally_daemon_loop(daemon);
            tally_daemon_drain(daemon);
            tally_report(&daemon->report, TALLY_REPORT_STOPPED, "evidence_lost=%llu",
                         (unsigned long long)daemon->keeper.lost_count);
        }
        tally_daemon_stop(daemon);
    }
    free(daemon);
    return status;
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"config", 'c', "FILE", 0, "Settings, by default " DEFAULT_CONFIG, 0},
        {"check-config", OPTION_CHECK, NULL, 0, "Say what is wrong with the settings, and end", 0},
        {0},
    };
    static const struct argp parser = {
        .options = options,
        .parser = parse_option,
        .doc = "The call registry of one operator. Stays in the foreground; logs to standard error."
               "\vExit status: 0 stopped by SIGTERM or SIGINT, 1 failed, 2 wrong usage, 78 it "
               "cannot start as it is configured. See tallyd(8).",
    };
    struct arguments arguments = {.config = DEFAULT_CONFIG};

    argp_program_version = "tallyd " TALLY_VERSION;
    argp_err_exit_status = STATUS_USAGE;
    if (argp_parse(&parser, argc, argv, 0, NULL, &arguments) != 0) {
        return STATUS_USAGE;
    }
    return run(&arguments);
}
